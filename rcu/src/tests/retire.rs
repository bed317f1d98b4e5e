//! Retired lists and batches, without readers.

use super::alloc::{self, Odd};
use super::{Counted, Panicking, Tally, push_boxed};
use crate::{RcuBox, RetireList};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Reclaims what is on a list that has no readers.
fn reclaim(list: &RetireList) -> bool {
    match list.take_all() {
        None => false,
        Some(batch) => {
            // SAFETY: the lists of these tests have no readers.
            unsafe { batch.run() };
            true
        }
    }
}

#[test]
fn each_object_is_reclaimed_once() {
    let (list, drops) = (RetireList::new(), Tally::default());
    for count in [1, 2, 3, 100] {
        let before = drops.get();
        for _ in 0..count {
            push_boxed(&list, Odd(Counted(drops.clone())));
        }
        assert!(!list.is_empty());
        assert_eq!(drops.get(), before, "pushing reclaims nothing");
        assert!(reclaim(&list));
        assert_eq!(drops.get(), before + count);
        assert!(list.is_empty());
        assert!(!reclaim(&list), "taken twice");
        assert_eq!(alloc::odd_blocks(), 0, "blocks leaked or freed twice");
    }
}

#[test]
fn pushing_and_taking_ask_for_no_memory() {
    let (list, drops) = (RetireList::new(), Tally::default());
    let raw = RcuBox::try_new(Counted(drops.clone()))
        .ok()
        .expect("memory")
        .into_raw();
    let requests = alloc::requests_during(|| {
        // SAFETY: from `into_raw` above.
        let link = unsafe { RcuBox::<Counted>::raw_link(raw) };
        // SAFETY: the list owns the box from here on.
        unsafe { list.push(link) };
        assert!(reclaim(&list));
    });
    assert_eq!((requests, drops.get()), (0, 1));
    let requests = alloc::requests_during(|| drop(Box::new(5)));
    assert_eq!(requests, 1, "the count is real");
}

#[test]
fn a_batch_that_is_dropped_leaks() {
    let (list, drops) = (RetireList::new(), Tally::default());
    let raw = RcuBox::try_new(Counted(drops.clone()))
        .ok()
        .expect("memory")
        .into_raw();
    // SAFETY: from `into_raw` above.
    let link = unsafe { RcuBox::<Counted>::raw_link(raw) };
    // SAFETY: the list owns the box, until it forgets it.
    unsafe { list.push(link) };
    drop(list.take_all());
    assert!(list.is_empty());
    assert_eq!(drops.get(), 0);
    // SAFETY: the batch has forgotten the box, so it is this function's again.
    drop(unsafe { RcuBox::<Counted>::from_raw(raw) });
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_panicking_destructor_does_not_keep_the_others() {
    for position in 0..5 {
        let (list, drops) = (RetireList::new(), Tally::default());
        for i in 0..5 {
            if i == position {
                push_boxed(&list, Odd(Panicking(drops.clone())));
            } else {
                push_boxed(&list, Odd(Counted(drops.clone())));
            }
        }
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| reclaim(&list)));
        assert!(outcome.is_err(), "the panic goes on");
        assert_eq!(drops.get(), 5, "the panicking one was number {position}");
        assert_eq!(alloc::odd_blocks(), 0);
    }
}

#[test]
fn what_a_destructor_pushes_waits_for_the_next_batch() {
    struct Nested(&'static RetireList, Tally);
    impl Drop for Nested {
        fn drop(&mut self) {
            push_boxed(self.0, Counted(self.1.clone()));
        }
    }
    static LIST: RetireList = RetireList::new();
    let drops = Tally::default();
    push_boxed(&LIST, Nested(&LIST, drops.clone()));
    assert!(reclaim(&LIST));
    assert_eq!(drops.get(), 0);
    assert!(reclaim(&LIST));
    assert_eq!(drops.get(), 1);
}

#[test]
fn nothing_is_lost_between_pushers_and_a_taker() {
    const PUSHERS: usize = 4;
    const EACH: usize = if cfg!(miri) { 50 } else { 20_000 };
    let (list, drops) = (RetireList::new(), Tally::default());
    let pushed_all = AtomicBool::new(false);
    thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let mut batches = 0;
            while !pushed_all.load(Ordering::SeqCst) {
                batches += usize::from(reclaim(&list));
            }
            batches + usize::from(reclaim(&list))
        });
        let pushers = [(); PUSHERS].map(|()| {
            scope.spawn(|| {
                for _ in 0..EACH {
                    push_boxed(&list, Counted(drops.clone()));
                }
            })
        });
        for pusher in pushers {
            pusher.join().expect("a pusher panicked");
        }
        pushed_all.store(true, Ordering::SeqCst);
        assert!(taker.join().expect("the taker panicked") >= 1);
    });
    assert_eq!(drops.get(), PUSHERS * EACH);
    assert!(list.is_empty());
}
