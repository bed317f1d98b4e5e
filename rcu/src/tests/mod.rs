//! Tests. The retired lists are process-wide and tests run side by side, so whoever looks at a list makes a flavour of its own.

mod alloc;
mod epoch;
mod grace;
mod owned;
mod retire;

use crate::{Batch, Epoch, EpochGuard, InsideReadSection, Link, Rcu, RcuBox, RetireList};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Makes a flavour with the epoch's grace periods and a list of its own.
macro_rules! flavour {
    ($name:ident) => {
        #[derive(Debug)]
        struct $name;

        // SAFETY: all but the list is `Epoch`'s, and the list is this flavour's alone.
        unsafe impl $crate::Rcu for $name {
            type Guard = $crate::EpochGuard;

            fn pin() -> Self::Guard {
                $crate::Epoch::pin()
            }

            fn is_reading() -> bool {
                $crate::Epoch::is_reading()
            }

            fn synchronize() -> Result<(), $crate::InsideReadSection> {
                $crate::Epoch::synchronize()
            }

            unsafe fn hand_over(batch: $crate::Batch) {
                // SAFETY: the caller's promise; grace periods are the same.
                unsafe { $crate::Epoch::hand_over(batch) }
            }

            fn barrier() -> Result<(), $crate::BarrierError> {
                Self::flush();
                $crate::Epoch::barrier()
            }

            fn retired() -> &'static $crate::RetireList {
                static RETIRED: $crate::RetireList = $crate::RetireList::new();
                &RETIRED
            }
        }
    };
}
use flavour;

/// How often something happened.
#[derive(Clone, Debug, Default)]
struct Tally(Arc<AtomicUsize>);

impl Tally {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its drops. Neither `Debug` nor `Clone`.
struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Counts its drops, and panics in them.
struct Panicking(Tally);

impl Drop for Panicking {
    fn drop(&mut self) {
        self.0.add();
        panic!("a destructor that panics, on purpose");
    }
}

/// Puts `value` in a box that is known by its link only.
fn link_of<T>(value: T) -> NonNull<Link> {
    let boxed = RcuBox::try_new(value).expect("memory");
    // SAFETY: from `into_raw`.
    unsafe { RcuBox::<T>::raw_link(boxed.into_raw()) }
}

/// Puts `value` in a box and the box on `list`.
fn push_boxed<T: Send + 'static>(list: &RetireList, value: T) {
    // SAFETY: nobody else knows the box, and its value may be dropped on any thread at any time.
    unsafe { list.push(link_of(value)) };
}

/// Presses on with grace periods until `done`, so that what was handed over gets run.
#[track_caller]
fn press_on_until(done: impl Fn() -> bool) {
    // A batch needs two steps of the epoch, and a `synchronize` is at least two.
    for _ in 0..10_000 {
        if done() {
            return;
        }
        Epoch::synchronize().expect("not inside a read section");
    }
    panic!("it did not happen in 10,000 grace periods");
}

#[test]
fn auto_traits_are_as_promised() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Batch>();
    send::<RetireList>();
    sync::<RetireList>();
    send::<RcuBox<std::cell::Cell<u8>>>();
    sync::<RcuBox<std::sync::MutexGuard<'static, u8>>>();
    send::<crate::RcuArc<u8>>();
    sync::<crate::RcuArc<u8>>();
    fn guard_of<R: Rcu<Guard = EpochGuard>>() {}
    guard_of::<Epoch>();
}

#[test]
fn errors_speak() {
    fn is_error<E: std::error::Error>(error: &E) -> (String, String) {
        (error.to_string(), format!("{error:?}"))
    }
    let refused = is_error(&crate::AllocError(Counted(Tally::default())));
    assert_eq!(refused, ("out of memory".to_owned(), "AllocError(..)".to_owned()));
    assert_eq!(is_error(&InsideReadSection).1, "InsideReadSection");
}

#[test]
fn what_is_there_by_default_is_empty() {
    assert!(RetireList::default().is_empty());
    assert!(!crate::Record::default().is_reading());
    assert_eq!(crate::Domain::default().count_records(), 0);
}
