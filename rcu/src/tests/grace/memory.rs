//! Nothing but registration asks for memory.

use super::{Reader, platform};
use crate::tests::{Counted, Tally, alloc, link_of};
use crate::{AllocError, Grace, GraceOn, Platform, Rcu};
use std::ptr::NonNull;
use std::thread;

/// Every call there is, with `links` to retire.
fn all_calls<P: Platform>(links: &[NonNull<crate::Link>]) {
    for (n, &link) in links.iter().enumerate() {
        let mut guard = GraceOn::<P>::pin();
        drop(GraceOn::<P>::pin());
        guard.repin();
        assert!(GraceOn::<P>::is_reading());
        drop(guard);
        let cookie = GraceOn::<P>::cookie();
        if n % 2 == 0 {
            // SAFETY: nobody else knows the box, and its value may be dropped anywhere.
            unsafe { GraceOn::<P>::retire(link) };
        } else {
            // SAFETY: as above.
            unsafe { GraceOn::<P>::call(link) };
        }
        let _ = GraceOn::<P>::poll(cookie);
        if n % 3 == 0 {
            GraceOn::<P>::flush();
        }
        GraceOn::<P>::wait(cookie).expect("not inside");
        if n % 5 == 0 {
            GraceOn::<P>::synchronize().expect("not inside");
        }
    }
    GraceOn::<P>::barrier().expect("not inside");
}

fn links(drops: &Tally) -> Vec<NonNull<crate::Link>> {
    (0..200).map(|_| link_of(Counted(drops.clone()))).collect()
}

#[test]
fn a_registered_thread_asks_for_nothing() {
    fn check<P: Platform>() {
        let drops = Tally::default();
        let links = links(&drops);
        drop(GraceOn::<P>::pin());
        let requests = alloc::requests_during(|| alloc::refused(|| all_calls::<P>(&links)));
        assert_eq!(requests, 0);
        assert_eq!(drops.get(), links.len());
    }
    platform!(Own);
    check::<Own>();
    // Other threads' sections may hold periods up, so some of the destructors may be theirs to run; but not any memory.
    let drops = Tally::default();
    let links = links(&drops);
    Grace::try_register().expect("memory");
    let requests = alloc::requests_during(|| alloc::refused(|| all_calls::<crate::Threads>(&links)));
    assert_eq!(requests, 0);
    assert_eq!(drops.get(), links.len());
}

#[test]
fn a_thread_that_only_writes_asks_for_nothing() {
    let drops = Tally::default();
    let links = links(&drops);
    let requests = alloc::requests_during(|| {
        alloc::refused(|| {
            for &link in &links {
                // SAFETY: nobody else knows the box, and its value may be dropped anywhere.
                unsafe { Grace::retire(link) };
                assert!(!Grace::is_reading());
            }
            Grace::flush();
            Grace::synchronize().expect("not inside");
            Grace::barrier().expect("not inside");
        });
    });
    assert_eq!((requests, drops.get()), (0, links.len()));
}

#[test]
fn a_refused_registration_is_an_error_and_can_be_tried_again() {
    // Threads that have ended leave records, which are taken first; so there have to be so many readers that none is left.
    let mut readers = Vec::new();
    for _ in 0..1_000 {
        readers.push(Reader::begin::<crate::Threads>());
        let newcomer = thread::spawn(|| {
            let first = alloc::refused(Grace::try_register);
            assert!(!Grace::is_reading());
            Grace::try_register().expect("memory");
            assert!(alloc::refused(Grace::try_register).is_ok(), "registered already");
            first
        });
        if newcomer.join().expect("no panic") == Err(AllocError(())) {
            return;
        }
    }
    panic!("there was always a record to be had");
}
