//! Threads that begin and end.

use crate::tests::{Counted, Tally, push_boxed};
use crate::{Grace, GraceGuard, Platform, Rcu, Threads};
use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;

#[test]
fn short_lived_threads_use_records_again() {
    let threads = if cfg!(miri) { 20 } else { 10_000 };
    let drops = Tally::default();
    for n in 0..threads {
        let drops = drops.clone();
        let reader = thread::spawn(move || {
            let guard = Grace::pin();
            push_boxed(Grace::retired(), Counted(drops));
            drop(guard);
            if n % 64 == 0 {
                Grace::flush();
            }
        });
        reader.join().expect("no panic");
    }
    Grace::barrier().expect("not inside");
    assert_eq!(drops.get(), threads);
    // Those of the other tests of this process are among them.
    assert!(Threads::domain().count_records() < 500, "{} records", Threads::domain().count_records());
}

/// Calls a function when it is dropped.
struct AtExit(Box<dyn Fn()>);

impl Drop for AtExit {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    // Those that are used first are dropped last.
    static DROPPED_LATE: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static DROPPED_EARLY: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static HELD: RefCell<Vec<GraceGuard<Threads>>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn destructors_of_thread_locals_may_do_everything() {
    let drops = Tally::default();
    let before = Threads::domain().count_records();
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let (tell, told) = mpsc::channel();
        let drops = drops.clone();
        let worker = thread::spawn(move || {
            let everything = move || {
                let guards = [Grace::pin(), Grace::pin()];
                assert!(Grace::is_reading() && Grace::synchronize().is_err());
                drop(guards);
                assert!(!Grace::is_reading());
                push_boxed(Grace::retired(), Counted(drops.clone()));
                Grace::flush();
                Grace::try_register().expect("memory");
                assert!(!Grace::is_reading());
                tell.send(Grace::synchronize().is_ok()).expect("the test is there");
            };
            let again = everything.clone();
            DROPPED_LATE.set(Some(AtExit(Box::new(everything))));
            drop(Grace::pin());
            DROPPED_EARLY.set(Some(AtExit(Box::new(again))));
        });
        worker.join().expect("the thread ends in peace");
        assert_eq!(told.iter().collect::<Vec<_>>(), [true, true]);
    }
    Grace::barrier().expect("not inside");
    assert_eq!(drops.get() % 2, 0);
    // Sections at the end of a thread give their records back. (Other tests register threads meanwhile.)
    assert!(Threads::domain().count_records() < before + 100);
}

#[test]
fn a_guard_outlives_the_registration_of_its_thread() {
    let (tell, told) = mpsc::channel();
    let worker = thread::spawn(move || {
        // Dropped after the registration, which comes with the first pin.
        HELD.with(|held| held.borrow_mut().reserve(3));
        let cookie = Grace::cookie();
        for _ in 0..3 {
            HELD.with(|held| held.borrow_mut().push(Grace::pin()));
        }
        let cookie = [cookie, Grace::cookie()][1];
        DROPPED_EARLY.set(Some(AtExit(Box::new(move || {
            // The guards are there whichever destructor has run.
            tell.send((cookie, Grace::poll(cookie))).expect("the test is there");
        }))));
    });
    let (cookie, passed) = told.recv().expect("the worker is there");
    assert!(!passed, "three guards were there");
    worker.join().expect("the thread ends in peace");
    Grace::wait(cookie).expect("not inside");
}
