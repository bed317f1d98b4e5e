//! Loom's atomics and mutexes behind the interface of the standard library's, of which constructors are `const`: an object becomes
//! one of Loom's when it is first used.
//!
//! So who makes one for several threads has to use it before they start; Loom demands that all uses come after the making. And none may
//! outlive an execution of a model: the statics of the crate (the global pool and reserve) are not for models.

use core::cell::{Cell, OnceCell};
use core::fmt;
use core::sync::atomic::Ordering;
use loom::sync::atomic as checked;
use std::sync::PoisonError;

/// A cell whose accesses Loom sees, with the interface that [`NodeRef`](crate::node::NodeRef) needs.
pub(crate) use loom::cell::UnsafeCell;

/// A step of the engine that a model takes away or weakens, to see that it is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "some steps are the models' own to break"))]
pub(crate) enum Weak {
    /// A reader's load of a slot: `Acquire`.
    Look,
    /// A reader's load of the root word: `Acquire`.
    LookAtRoot,
    /// The store of a slot that readers may be looking at: `Release`.
    Publish,
    /// The store of the root word: `Release`.
    PublishRoot,
    /// What a node that was replaced has and its successor has not stays visible to readers who still are in it.
    LeaveBehind,
    /// Beside readers a node is copied, and the copy changed.
    Copy,
    /// What dies in place stays in its slot.
    Carry,
    /// The tree's lock.
    Lock,
    /// A store over many leaves is one store.
    OneStore,
    /// The tail that a prune by path copy removes vanishes at once.
    AtOnce,
    /// What a tree hands over waits for readers.
    HandOver,
    /// What a tree retires waits for readers.
    Retire,
    /// Who waits for a grace period waits for readers.
    Wait,
    /// A sweep takes only what was dead before the grace period that it waited for.
    Age,
    /// The drop of a `Removed`: `Release`.
    LetGo,
    /// The look whether there are any: `Acquire`.
    MayRelease,
}

std::thread_local! {
    /// What is broken in the models of this test. (All threads of a model are coroutines of the test's own.)
    pub(crate) static BROKEN: Cell<Option<Weak>> = const { Cell::new(None) };
}

/// Whether a model broke this.
pub(crate) fn broken(weak: Weak) -> bool {
    BROKEN.get() == Some(weak)
}

macro_rules! atomics {
    ($($(#[$meta:meta])* $name:ident $(<$parameter:ident>)?: $value:ty;)*) => {$(
        $(#[$meta])*
        pub(crate) struct $name $(<$parameter>)? {
            initial: $value,
            checked: OnceCell<checked::$name $(<$parameter>)?>,
        }

        // SAFETY: the threads of a model are coroutines of one thread, and change hands in Loom's operations only, of which none is
        // inside the making of an object.
        unsafe impl $(<$parameter>)? Send for $name $(<$parameter>)? {}
        // SAFETY: as above.
        unsafe impl $(<$parameter>)? Sync for $name $(<$parameter>)? {}

        impl $(<$parameter>)? $name $(<$parameter>)? {
            pub(crate) const fn new(initial: $value) -> Self {
                Self { initial, checked: OnceCell::new() }
            }

            fn checked(&self) -> &checked::$name $(<$parameter>)? {
                self.checked.get_or_init(|| checked::$name::new(self.initial))
            }

            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.checked().load(ordering)
            }

            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.checked().store(value, ordering);
            }
        }

        impl $(<$parameter>)? fmt::Debug for $name $(<$parameter>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

atomics! {
    AtomicPtr<T>: *mut T;
    AtomicUsize: usize;
}

impl<T> AtomicPtr<T> {
    /// Makes it one of Loom's objects now.
    pub(crate) fn begin(&self) {
        self.checked();
    }
}

impl AtomicUsize {
    pub(crate) fn fetch_add(&self, value: usize, ordering: Ordering) -> usize {
        self.checked().fetch_add(value, ordering)
    }

    pub(crate) fn fetch_sub(&self, value: usize, ordering: Ordering) -> usize {
        self.checked().fetch_sub(value, ordering)
    }

    pub(crate) fn fetch_min(&self, value: usize, ordering: Ordering) -> usize {
        self.checked().fetch_min(value, ordering)
    }

    /// With exclusive access it is a plain number again, until it is next used.
    pub(crate) fn get_mut(&mut self) -> &mut usize {
        if let Some(checked) = self.checked.take() {
            self.initial = checked.into_inner();
        }
        &mut self.initial
    }
}

/// As the crate's own mutex without poisoning.
pub(crate) struct Mutex<T> {
    initial: Cell<Option<T>>,
    checked: OnceCell<loom::sync::Mutex<T>>,
}

pub(crate) use loom::sync::MutexGuard;

// SAFETY: as for the atomics.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as for the atomics.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { initial: Cell::new(Some(value)), checked: OnceCell::new() }
    }

    fn checked(&self) -> &loom::sync::Mutex<T> {
        self.checked.get_or_init(|| {
            let value = self.initial.take();
            loom::sync::Mutex::new(value.expect("taken once"))
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.checked().lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock if nobody holds it; never waits.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.checked().try_lock().ok()
    }
}
