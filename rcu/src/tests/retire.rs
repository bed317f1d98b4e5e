//! Retired lists and batches, without readers.

use super::alloc::{self, Odd};
use super::{Counted, Panicking, Tally, link_of, push_boxed};
use crate::{RcuBox, RetireList};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
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
    let raw = RcuBox::try_new(Counted(drops.clone())).expect("memory").into_raw();
    let requests = alloc::requests_during(|| {
        // SAFETY: from `into_raw` above.
        let link = unsafe { RcuBox::<Counted>::raw_link(raw) };
        // SAFETY: the list owns the box from here on.
        unsafe { list.push(link) };
        assert!(reclaim(&list));
    });
    assert_eq!((requests, drops.get()), (0, 1));
    // An optimiser may leave out a box that nobody looks at.
    let requests = alloc::requests_during(|| drop(std::hint::black_box(Box::new(5))));
    assert_eq!(requests, 1, "the count is real");
}

#[test]
fn a_batch_that_is_dropped_leaks() {
    let (list, drops) = (RetireList::new(), Tally::default());
    let raw = RcuBox::try_new(Counted(drops.clone())).expect("memory").into_raw();
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
fn a_list_knows_about_how_long_it_is() {
    let list = RetireList::new();
    for _ in 0..2 {
        for count in 0..5 {
            assert_eq!(list.len(), count);
            push_boxed(&list, ());
        }
        assert!(reclaim(&list));
    }
    assert_eq!(list.len(), 0);
}

/// How many objects each of the threads below pushes at a time: made beforehand, so that the pushes are close together.
const BURST: usize = if cfg!(miri) { 8 } else { 1_000 };

#[test]
fn nothing_is_lost_between_pushers_and_a_taker() {
    const PUSHERS: usize = 2;
    let rounds = if cfg!(miri) { 4 } else { 100 };
    let drops = Tally::default();
    for round in 0..rounds {
        let list = RetireList::new();
        let (arrived, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..PUSHERS {
                scope.spawn(|| {
                    let links = [(); BURST].map(|()| link_of(Counted(drops.clone())));
                    arrived.fetch_add(1, Ordering::SeqCst);
                    while arrived.load(Ordering::SeqCst) < PUSHERS {
                        thread::yield_now();
                    }
                    for link in links {
                        // SAFETY: nobody else knows the box, and its value may be dropped on any thread at any time.
                        unsafe { list.push(link) };
                    }
                    finished.fetch_add(1, Ordering::SeqCst);
                });
            }
            while finished.load(Ordering::SeqCst) < PUSHERS {
                reclaim(&list);
                thread::yield_now();
            }
            reclaim(&list);
        });
        assert_eq!(drops.get(), (round + 1) * PUSHERS * BURST, "round {round}");
        assert!(list.is_empty());
    }
}
