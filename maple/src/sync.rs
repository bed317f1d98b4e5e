//! The one door to atomics and locks, so that a model checker (Loom, with `--cfg loom`) can stand behind it.

#[cfg(all(feature = "std", target_arch = "x86_64", not(loom)))]
pub(crate) use core::sync::atomic::AtomicU8;
pub(crate) use core::sync::atomic::Ordering;
#[cfg(not(loom))]
pub(crate) use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicPtr, AtomicUsize},
};

#[cfg(loom)]
pub(crate) use crate::model::sync::{AtomicPtr, AtomicUsize, Mutex, MutexGuard, UnsafeCell, Weak, broken};
#[cfg(all(not(feature = "std"), not(loom)))]
pub(crate) use spin::{Mutex, MutexGuard};
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use standard::{Mutex, MutexGuard};

/// Whether this thread unwinds. (Without the standard library nobody can tell.)
#[inline]
pub(crate) fn panicking() -> bool {
    #[cfg(feature = "std")]
    return std::thread::panicking();
    #[cfg(not(feature = "std"))]
    false
}

/// An ordering that models can make `Relaxed`; outside of models the ordering itself.
macro_rules! order {
    ($ordering:ident, $weak:ident) => {{
        #[cfg(loom)]
        let ordering = match $crate::sync::broken($crate::sync::Weak::$weak) {
            true => $crate::sync::Ordering::Relaxed,
            false => $crate::sync::Ordering::$ordering,
        };
        #[cfg(not(loom))]
        let ordering = $crate::sync::Ordering::$ordering;
        ordering
    }};
}
pub(crate) use order;

/// What is done right, and how models can do it wrong; outside of models the former itself.
macro_rules! or_broken {
    ($weak:ident: $right:expr, $wrong:expr) => {{
        #[cfg(loom)]
        let done = if $crate::sync::broken($crate::sync::Weak::$weak) { $wrong } else { $right };
        #[cfg(not(loom))]
        let done = $right;
        done
    }};
}
pub(crate) use or_broken;

#[cfg(all(feature = "std", not(loom)))]
mod standard {
    pub(crate) use std::sync::MutexGuard;
    use std::sync::{Mutex as StdMutex, PoisonError, TryLockError};

    /// A mutex without poisoning.
    ///
    /// What is behind it is consistent whenever foreign code (an entry's `Clone` or `Drop`) can run, so a panic there leaves nothing
    /// half-done and the next holder may go on.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(StdMutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(StdMutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// The lock if nobody holds it; never waits.
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }
}

/// Where there is nothing to sleep on.
#[cfg(all(not(feature = "std"), not(loom)))]
mod spin {
    use core::hint;
    use core::sync::atomic::{AtomicBool, Ordering};
    use lock_api::{GuardSend, RawMutex};

    pub(crate) type Mutex<T> = lock_api::Mutex<Spin, T>;
    pub(crate) type MutexGuard<'a, T> = lock_api::MutexGuard<'a, Spin, T>;

    /// A lock that is waited for by looking again and again.
    pub(crate) struct Spin(AtomicBool);

    // SAFETY: who changes the word from `false` to `true` is the only one that does, until it is `false` again.
    unsafe impl RawMutex for Spin {
        const INIT: Self = Self(AtomicBool::new(false));

        type GuardMarker = GuardSend;

        fn lock(&self) {
            while !self.try_lock() {
                // Relaxed: a look; the exchange decides.
                while self.0.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            }
        }

        fn try_lock(&self) -> bool {
            // Acquire: pairs with the Release in `unlock`, so that what the last holder did is seen. Relaxed: nothing was taken.
            self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        }

        unsafe fn unlock(&self) {
            // Release: pairs with the Acquire in `try_lock`.
            self.0.store(false, Ordering::Release);
        }
    }
}
