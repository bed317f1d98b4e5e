//! Whose a record is when threads end. A process of its own, where no thread beside it takes the record that is looked for.

use maple_rcu::{Grace, GraceGuard, Platform, Rcu, Record, Threads};
use std::cell::RefCell;
use std::ptr;
use std::sync::mpsc;
use std::thread;

fn own() -> &'static Record {
    Threads::registered().expect("this thread has a record")
}

/// The record of a thread that begins now, after it has seen that it is as good as new.
fn next() -> &'static Record {
    let newcomer = thread::spawn(|| {
        let outer = Grace::pin();
        for _ in 0..3 {
            drop([Grace::pin(), Grace::pin()]);
            assert!(Grace::is_reading(), "closed by an inner guard");
        }
        drop(outer);
        assert!(!Grace::is_reading(), "left open");
        own()
    });
    newcomer.join().expect("the newcomer ends in peace")
}

#[test]
fn records_go_from_thread_to_thread() {
    Grace::try_register().expect("memory");
    let record = next();
    assert!(!ptr::eq(record, own()));
    assert!(ptr::eq(next(), record), "it went with its thread");
    sections_do_not_give_it_back(record);
    a_guard_of_a_thread_local_gives_it_back(record);
    sections_after_the_end_give_it_back(record);
}

/// Not before the end of the thread, however deep they are.
fn sections_do_not_give_it_back(record: &'static Record) {
    let worker = thread::spawn(move || {
        for depth in 0..4 {
            drop((0..depth).map(|_| Grace::pin()).collect::<Vec<_>>());
            Grace::try_register().expect("memory");
            assert!(ptr::eq(own(), record));
        }
    });
    worker.join().expect("the worker ends in peace");
    assert!(ptr::eq(next(), record));
}

/// Calls a function when it is dropped.
struct AtExit(Box<dyn FnMut()>);

impl Drop for AtExit {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    // Those that are used first are dropped last.
    static HELD: RefCell<Vec<GraceGuard<Threads>>> = const { RefCell::new(Vec::new()) };
    static DROPPED_LATE: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

fn a_guard_of_a_thread_local_gives_it_back(record: &'static Record) {
    for guards in 1..4 {
        let worker = thread::spawn(move || {
            // Dropped after the registration, which comes with the first pin.
            HELD.with_borrow_mut(|held| held.reserve(guards));
            for _ in 0..guards {
                HELD.with_borrow_mut(|held| held.push(Grace::pin()));
            }
            assert!(ptr::eq(own(), record));
        });
        worker.join().expect("the worker ends in peace");
        assert!(ptr::eq(next(), record), "it went with its thread");
    }
}

fn sections_after_the_end_give_it_back(record: &'static Record) {
    let (tell, told) = mpsc::channel();
    let worker = thread::spawn(move || {
        DROPPED_LATE.set(Some(AtExit(Box::new(move || {
            let before = Threads::registered().is_none();
            let mut guards = vec![Grace::pin(), Grace::pin(), Grace::pin()];
            let is_the_same = ptr::eq(own(), record);
            let stays = (0..2).all(|_| {
                drop(guards.pop());
                Grace::is_reading()
            });
            drop(guards);
            // Somebody else may have it now.
            let after = Threads::registered().is_none();
            tell.send((before, is_the_same, stays, after)).expect("the test is there");
        }))));
        drop(Grace::pin());
    });
    worker.join().expect("the worker ends in peace");
    assert_eq!(told.recv(), Ok((true, true, true, true)));
    assert!(ptr::eq(next(), record), "it went with its thread");
}
