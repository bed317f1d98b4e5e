//! Children of a `fork`. The child checks, and says by its exit code what was wrong; it must not unwind into the test harness.

use super::Reader;
use crate::tests::{Counted, Tally, push_boxed};
use crate::{Grace, Rcu, Reclaimer, Threads};
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;

/// Runs `child` in a child process. Whether it returned `true`, within a minute.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls what is safe there: this crate, and an allocator that knows of `fork`.
    match unsafe { libc::fork() } {
        -1 => panic!("no process to be had"),
        0 => {
            // SAFETY: ends the process if a grace period does not end.
            unsafe { libc::alarm(60) };
            let good = panic::catch_unwind(AssertUnwindSafe(child)).unwrap_or(false);
            // SAFETY: without handlers and destructors, which are the parent's.
            unsafe { libc::_exit(i32::from(!good)) }
        }
        process => {
            let mut status = 0;
            // SAFETY: the status is written to.
            unsafe { libc::waitpid(process, &raw mut status, 0) };
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}

#[test]
fn readers_of_the_parent_do_not_stall_the_child() {
    let reader = Reader::begin::<Threads>();
    let cookie = Grace::cookie();
    assert!(!Grace::poll(cookie), "a period is on, and held up");
    assert!(in_child(|| {
        let before = Grace::wait(cookie).is_ok();
        let drops = Tally::default();
        push_boxed(Grace::retired(), Counted(drops.clone()));
        before && Grace::synchronize().is_ok() && Grace::barrier().is_ok() && drops.get() == 1
    }));
    assert!(!Grace::poll(cookie), "nothing has changed in the parent");
    reader.leave();
    Grace::wait(cookie).expect("not inside");
}

#[test]
fn the_childs_own_section_stays_open() {
    for begun in [false, true] {
        let guard = Grace::pin();
        let cookie = Grace::cookie();
        // With a period on that this thread holds up, and (if the other tests let it be so) without.
        assert!(!begun || !Grace::poll(cookie));
        let late = begun.then(Grace::pin);
        assert!(in_child(|| {
            let mut good = Grace::is_reading() && !Grace::poll(cookie) && Grace::synchronize().is_err();
            // Another thread of the child is held up as well.
            good &= thread::spawn(move || !Grace::poll(cookie) && !Grace::poll(Grace::cookie())).join().unwrap_or(false);
            drop(late);
            drop(guard);
            good && Grace::poll(cookie) && Grace::synchronize().is_ok()
        }));
        // The parent's copies of the guards went with the closure.
        Grace::wait(cookie).expect("not inside");
    }
}

#[test]
fn a_section_that_began_in_the_period_is_not_waited_for() {
    // In a process without the other tests, which drive periods of their own.
    assert!(in_child(|| {
        Grace::try_register().expect("memory");
        let reader = Reader::begin::<Threads>();
        let cookie = Grace::cookie();
        assert!(!Grace::poll(cookie), "the period has begun, and is held up");
        let guard = Grace::pin();
        let good = in_child(|| {
            let fresh = Grace::cookie();
            !Grace::poll(fresh) && Grace::poll(cookie)
        });
        drop(guard);
        reader.leave();
        good
    }));
}

#[test]
fn what_was_handed_over_is_reclaimed_on_both_sides() {
    let drops = Tally::default();
    let reader = Reader::begin::<Threads>();
    push_boxed(Grace::retired(), Counted(drops.clone()));
    Grace::flush();
    push_boxed(Grace::retired(), Counted(drops.clone()));
    assert!(in_child(|| drops.get() == 0 && Grace::barrier().is_ok() && drops.get() == 2));
    assert_eq!(drops.get(), 0);
    reader.leave();
    Grace::barrier().expect("not inside");
    assert_eq!(drops.get(), 2);
}

#[test]
fn a_fork_inside_a_destructor() {
    struct Forks(mpsc::Sender<bool>);
    impl Drop for Forks {
        fn drop(&mut self) {
            // The batch goes on in the child; the child's table knows that it is being run.
            let good = in_child(|| Grace::synchronize().is_ok() && Grace::barrier().is_err());
            self.0.send(good).expect("the test is there");
        }
    }
    let (tell, told) = mpsc::channel();
    Grace::try_register().expect("memory");
    push_boxed(Grace::retired(), Forks(tell));
    Grace::barrier().expect("not inside");
    assert_eq!(told.recv(), Ok(true));
}

#[test]
fn children_of_a_busy_process() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let drops = Tally::default();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let guard = Grace::pin();
                    push_boxed(Grace::retired(), Counted(drops.clone()));
                    drop(guard);
                    Grace::flush();
                    Grace::synchronize().expect("not inside");
                }
            });
        }
        Grace::try_register().expect("memory");
        // Whatever the others are in the middle of. (Not all of it is the engine's: the child does nothing that could want a lock
        // of the allocator's.)
        let good = (0..200).filter(|_| in_child(|| Grace::synchronize().is_ok() && Grace::barrier().is_ok())).count();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(good, 200);
    });
}

#[test]
fn a_reclaimer_stays_with_the_parent() {
    // Other tests have one for a moment.
    let reclaimer = loop {
        match Reclaimer::spawn() {
            Ok(reclaimer) => break reclaimer,
            Err(_) => thread::yield_now(),
        }
    };
    Grace::try_register().expect("memory");
    let child = in_child(move || {
        drop(reclaimer);
        let drops = Tally::default();
        push_boxed(Grace::retired(), Counted(drops.clone()));
        Grace::barrier().is_ok() && drops.get() == 1 && Reclaimer::spawn().is_ok()
    });
    // (The parent's copy went with the closure.)
    assert!(child);
}
