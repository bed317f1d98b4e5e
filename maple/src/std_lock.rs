//! The lock that writers of one tree take turns with, unless the caller brings one: the standard library's.

use crate::sync::{Mutex, MutexGuard};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::{MaybeUninit, transmute};
use lock_api::{GuardNoSend, RawMutex};

/// The lock of a [`MapleTree`](crate::MapleTree) that was not given another: a [`std::sync::Mutex`], as a [`RawMutex`].
///
/// As quick as that mutex, and allocates as little: nothing where it rests on a futex or its like (Linux, Windows, FreeBSD, OpenBSD); once, when
/// it is first locked, where it rests on POSIX threads (macOS). It is not poisoned when a holder panics; what is behind it is consistent
/// whenever foreign code can run.
///
/// It takes part in anything that works with `lock_api`:
///
/// ```
/// let mutex: lock_api::Mutex<maple_tree::StdLock, u32> = lock_api::Mutex::new(1);
/// *mutex.lock() += 1;
/// assert_eq!(mutex.into_inner(), 2);
/// ```
///
/// # Invariants
///
/// While the mutex is held, `guard` is initialised from the moment [`lock`](RawMutex::lock) or [`try_lock`](RawMutex::try_lock) returned until
/// [`unlock`](RawMutex::unlock) takes the guard out, and only the holder touches it. At any other time it is nothing. It is never dropped in
/// place, so a lock that goes away locked (its holder forgot to unlock) leaves a guard that nobody looks at again.
pub struct StdLock {
    mutex: Mutex<()>,
    guard: UnsafeCell<MaybeUninit<MutexGuard<'static, ()>>>,
}

// SAFETY: the guard does not leave the thread that locked: `GuardNoSend` says that it must be the one that unlocks. A lock that is moved to
// another thread is not borrowed, so nobody will unlock it any more.
unsafe impl Send for StdLock {}
// SAFETY: the mutex is `Sync`, and `guard` is touched by the holder of the mutex only.
unsafe impl Sync for StdLock {}

impl fmt::Debug for StdLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdLock").finish_non_exhaustive()
    }
}

impl StdLock {
    /// Keeps the guard for `unlock`.
    fn keep(&self, guard: MutexGuard<'_, ()>) {
        // SAFETY: the lifetime is the only thing that changes. The guard is used again by `unlock` only, which borrows the same lock, at the
        // same place: what is locked was borrowed from then on, or its holder gave up the right to unlock.
        let guard = unsafe { transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        // SAFETY: the mutex is held by this thread, so nobody else touches the cell.
        unsafe { self.guard.get().write(MaybeUninit::new(guard)) };
    }
}

// SAFETY: the mutex inside lets one in at a time.
unsafe impl RawMutex for StdLock {
    const INIT: Self = Self { mutex: Mutex::new(()), guard: UnsafeCell::new(MaybeUninit::uninit()) };

    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock(&self) {
        self.keep(self.mutex.lock());
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.mutex.try_lock().map(|guard| self.keep(guard)).is_some()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the mutex is held in this context (the caller's promise), so nobody else touches the cell.
        let guard = unsafe { self.guard.get().read() };
        // SAFETY: by the invariant of the type, it was initialised when the mutex was locked, and is taken out once.
        drop(unsafe { guard.assume_init() });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    #[test]
    fn one_at_a_time() {
        static LOCK: StdLock = StdLock::INIT;
        static INSIDE: AtomicU32 = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..if cfg!(miri) { 20 } else { 2_000 } {
                        LOCK.lock();
                        assert_eq!(INSIDE.fetch_add(1, Ordering::Relaxed), 0, "somebody else is inside");
                        assert!(!LOCK.try_lock(), "taken twice");
                        INSIDE.fetch_sub(1, Ordering::Relaxed);
                        // SAFETY: locked above, by this thread.
                        unsafe { LOCK.unlock() };
                    }
                });
            }
        });
        assert!(LOCK.try_lock() && LOCK.is_locked());
        // SAFETY: locked above, by this thread.
        unsafe { LOCK.unlock() };
        assert!(!LOCK.is_locked());
    }

    /// A holder that panics leaves an open lock, and one that forgets leaves one that can still be moved and dropped.
    #[test]
    fn no_poison_and_no_end() {
        let lock = lock_api::Mutex::<StdLock, u32>::new(1);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("while the lock is held");
        }));
        assert!(caught.is_err());
        assert_eq!(*lock.lock(), 1);
        core::mem::forget(lock.lock());
        let moved = Box::new(lock);
        assert!(moved.is_locked());
    }
}
