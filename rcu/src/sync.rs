//! The one door to atomics, so that a model checker (Loom, with `--cfg loom`) can stand behind it.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, fence};

pub(crate) use core::sync::atomic::Ordering;

/// A cell whose accesses the model checker sees.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;

/// A `const fn`, which the model checker's atomics do not allow.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis const fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty $body:block) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $name($($arg: $type),*) -> $result $body

        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) -> $result $body
    };
}
pub(crate) use const_fn;

/// A step of the protocol that a model takes away or weakens, to see that it is needed.
#[cfg(loom)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weak {
    /// The reader's fence after it has announced itself.
    ReaderFence,
    /// The fence of whoever drives a period, before the records are looked at.
    PeriodFence,
    /// The fence of whoever asks for a cookie.
    CookieFence,
    /// The load of the number that a cookie counts from: `Acquire`.
    Count,
    /// The store that opens a section: `Release`, for the section before.
    Open,
    /// The store that closes a section: `Release`.
    Close,
    /// The load of a record: `Acquire`.
    Look,
    /// The store that says that a period is over: `Release`.
    Done,
    /// The load of the last period that is over: `Acquire`.
    Passed,
    /// The exchange that takes the lead: `Acquire`.
    Lead,
    /// The store that gives the lead up: `Release`.
    Follow,
    /// The store that frees a record: `Release`.
    Disown,
    /// The exchange that takes a record: `Acquire`.
    Own,
    /// The store that fills a slot: `Release`.
    Fill,
    /// The exchange that takes a slot's batch: `Acquire`.
    Take,
    /// The exchange that takes what is retired: its `Release` half.
    Empty,
    /// The second look at each record, where numbers of periods come again.
    OneLook,
}

#[cfg(loom)]
std::thread_local! {
    /// What is broken in the models of this test. (All threads of a model are coroutines of the test's own.)
    pub(crate) static BROKEN: core::cell::Cell<Option<Weak>> = const { core::cell::Cell::new(None) };
    /// Whether numbers of periods have one bit in the models of this test.
    pub(crate) static NARROW: core::cell::Cell<bool> = const { core::cell::Cell::new(false) };
}

/// Whether a model broke this.
#[cfg(loom)]
pub(crate) fn broken(weak: Weak) -> bool {
    BROKEN.get() == Some(weak)
}

/// An ordering that models can weaken; outside of models the ordering itself.
macro_rules! order {
    ($ordering:ident, $weak:ident) => {
        order!($ordering, Relaxed, $weak)
    };
    ($ordering:ident, $weaker:ident, $weak:ident) => {{
        #[cfg(loom)]
        let ordering = match $crate::sync::broken($crate::sync::Weak::$weak) {
            true => $crate::sync::Ordering::$weaker,
            false => $crate::sync::Ordering::$ordering,
        };
        #[cfg(not(loom))]
        let ordering = $crate::sync::Ordering::$ordering;
        ordering
    }};
}
pub(crate) use order;

/// A full fence that models can leave out.
macro_rules! full_fence {
    ($weak:ident) => {{
        #[cfg(loom)]
        if !$crate::sync::broken($crate::sync::Weak::$weak) {
            $crate::sync::fence($crate::sync::Ordering::SeqCst);
        }
        #[cfg(not(loom))]
        $crate::sync::fence($crate::sync::Ordering::SeqCst);
    }};
}
pub(crate) use full_fence;
