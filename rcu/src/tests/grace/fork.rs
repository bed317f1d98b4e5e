//! Children of a `fork`. The child checks, and says by its exit code what was wrong; it must not unwind into the test harness.

use super::Reader;
use crate::tests::{Counted, Tally, push_boxed};
use crate::{Cookie, Domain, Grace, GraceGuard, GraceOn, Platform, Rcu, Reclaimer, Record, Threads};
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{Ordering, fence};
use std::sync::mpsc;
use std::thread;

/// How a child process ends that runs `child`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tests) enum End {
    Good,
    Bad,
    Aborted,
}

/// Runs `child` in a child process, for a minute at most. It is good if it returns `true`.
pub(in crate::tests) fn end_of(child: impl FnOnce() -> bool) -> End {
    // SAFETY: the child calls what is safe there: this crate, and an allocator that knows of `fork`.
    match unsafe { libc::fork() } {
        -1 => panic!("no process to be had"),
        0 => {
            end_in_time();
            let good = panic::catch_unwind(AssertUnwindSafe(child)).unwrap_or(false);
            exit(good)
        }
        process => wait_for(process),
    }
}

/// Ends this process, a child, if a grace period does not end; without leaving its memory behind.
fn end_in_time() {
    // SAFETY: it is this process's own time that is limited.
    unsafe { libc::alarm(60) };
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits are read only.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

/// Ends this process, a child, without handlers and destructors, which are the parent's.
fn exit(good: bool) -> ! {
    // SAFETY: nothing is to be done any more.
    unsafe { libc::_exit(i32::from(!good)) }
}

fn wait_for(process: libc::pid_t) -> End {
    let mut status = 0;
    // SAFETY: the status is written to.
    unsafe { libc::waitpid(process, &raw mut status, 0) };
    match libc::WIFEXITED(status) {
        true if libc::WEXITSTATUS(status) == 0 => End::Good,
        false if libc::WTERMSIG(status) == libc::SIGABRT => End::Aborted,
        _ => End::Bad,
    }
}

/// Whether `child` returns `true` in a child process.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    end_of(child) == End::Good
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

/// Another thread's, that has just counted it up and looks at nobody before it is back from the system: it has not begun.
#[test]
fn a_period_that_was_about_to_begin() {
    static DOMAIN: Domain = Domain::new();
    static RECORD: Record = Record::new();
    thread_local! {
        static GUARD: RefCell<Option<GraceGuard<One>>> = const { RefCell::new(None) };
        static COOKIE: Cell<Option<Cookie<One>>> = const { Cell::new(None) };
    }
    struct One;
    // SAFETY: the domain is this platform's alone, and the one thread that uses it registers the record first of all.
    unsafe impl Platform for One {
        fn domain() -> &'static Domain {
            &DOMAIN
        }

        fn current() -> &'static Record {
            &RECORD
        }

        fn barrier() {
            fence(Ordering::SeqCst);
            if let Some(cookie) = COOKIE.take() {
                check(cookie);
            }
        }
    }
    fn check(cookie: Cookie<One>) {
        assert!(in_child(|| {
            // SAFETY: in the child; there is no other record.
            unsafe { DOMAIN.after_fork(Some(&RECORD)) };
            let waits = !GraceOn::<One>::poll(cookie) && !GraceOn::<One>::poll(GraceOn::<One>::cookie());
            drop(GUARD.take());
            waits && GraceOn::<One>::poll(cookie) && GraceOn::<One>::synchronize().is_ok()
        }));
    }
    assert!(DOMAIN.register(&RECORD));
    // SAFETY: the only reader is this thread, and `barrier` is a fence of its own.
    unsafe { DOMAIN.trust_barrier() };
    GUARD.set(Some(GraceOn::<One>::pin()));
    let cookie = GraceOn::<One>::cookie();
    COOKIE.set(Some(cookie));
    assert!(!GraceOn::<One>::poll(cookie), "a reader is there");
    assert!(COOKIE.take().is_none(), "it has been checked");
    drop(GUARD.take());
    GraceOn::<One>::synchronize().expect("not inside");
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

/// The child comes back from the destructor, too; what it hands over in there must not get into the slot of the batch that is being run.
#[test]
fn a_child_goes_on_with_the_destructor_that_forked() {
    thread_local!(static CHILD: Cell<Option<End>> = const { Cell::new(None) });
    struct Forks(Tally);
    impl Drop for Forks {
        fn drop(&mut self) {
            // SAFETY: as in `end_of`.
            let process = unsafe { libc::fork() };
            if process != 0 {
                CHILD.set(Some(wait_for(process)));
                return;
            }
            end_in_time();
            // Two, so that all slots before it are in use.
            for _ in 0..2 {
                push_boxed(Grace::retired(), Counted(self.0.clone()));
                Grace::flush();
            }
        }
    }
    // In a process of their own, where nobody else runs the batches; in the first slot, and in the second.
    for before in [0, 1] {
        assert!(in_child(|| {
            // From here on forks are noticed.
            Grace::try_register().expect("memory");
            Grace::barrier().expect("not inside");
            let drops = Tally::default();
            for _ in 0..before {
                push_boxed(Grace::retired(), Counted(drops.clone()));
                Grace::flush();
            }
            push_boxed(Grace::retired(), Forks(drops.clone()));
            Grace::barrier().expect("not inside");
            if let Some(end) = CHILD.take() {
                return end == End::Good && drops.get() == before;
            }
            exit(Grace::barrier().is_ok() && drops.get() == before + 2)
        }));
    }
}

#[test]
fn what_others_were_running_is_lost_to_the_child() {
    struct Stuck(mpsc::Sender<()>, mpsc::Receiver<()>, Tally);
    impl Drop for Stuck {
        fn drop(&mut self) {
            self.0.send(()).expect("the test is there");
            let _ = self.1.recv();
            self.2.add();
        }
    }
    for others in [1, 2] {
        assert!(in_child(|| {
            // From here on forks are noticed.
            Grace::try_register().expect("memory");
            Grace::barrier().expect("not inside");
            let drops = Tally::default();
            let mut release = Vec::new();
            for _ in 0..others {
                let ((begin, begun), (end, may_end)) = (mpsc::channel(), mpsc::channel());
                let stuck = Stuck(begin, may_end, drops.clone());
                thread::spawn(|| {
                    push_boxed(Grace::retired(), stuck);
                    let _ = Grace::barrier();
                });
                release.push(end);
                begun.recv().expect("the destructor is running");
            }
            // Nobody goes on with those in the child; and the table is as good as new.
            in_child(|| {
                let mut good = true;
                for _ in 0..3 * usize::BITS {
                    let fresh = Tally::default();
                    push_boxed(Grace::retired(), Counted(fresh.clone()));
                    good &= Grace::barrier().is_ok() && fresh.get() == 1;
                }
                good && drops.get() == 0
            })
        }));
    }
}

/// Whoever gets the record of a thread that is not there any more finds nothing of what that one had open.
#[test]
fn records_of_threads_that_are_gone_are_as_good_as_new() {
    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    /// Opens a section when the thread has ended as far as the flavour is concerned, and tells of its record.
    struct Late(mpsc::Sender<&'static Record>, mpsc::Receiver<()>);
    impl Drop for Late {
        fn drop(&mut self) {
            let guards = [Grace::pin(), Grace::pin()];
            self.0.send(Threads::registered().expect("it is reading")).expect("the test is there");
            let _ = self.1.recv();
            drop(guards);
        }
    }
    for at_the_end in [false, true] {
        assert!(in_child(|| {
            Grace::try_register().expect("memory");
            let ((tell, told), (leave, may_leave)) = (mpsc::channel(), mpsc::channel());
            let reader = thread::spawn(move || {
                let late = Late(tell, may_leave);
                if at_the_end {
                    LATE.set(Some(late));
                    drop(Grace::pin());
                }
            });
            let record = told.recv().expect("the reader is there");
            let good = in_child(|| {
                let newcomer = thread::spawn(move || {
                    let outer = Grace::pin();
                    let is_the_same = Threads::registered().is_some_and(|own| ptr::eq(own, record));
                    drop(Grace::pin());
                    let stays = Grace::is_reading();
                    drop(outer);
                    is_the_same && stays && !Grace::is_reading() && Threads::registered().is_some()
                });
                newcomer.join().unwrap_or(false) && Grace::synchronize().is_ok()
            });
            drop(leave);
            reader.join().expect("the reader ends in peace");
            good
        }));
    }
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
