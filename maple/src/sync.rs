//! The one door to atomics and locks, so that a model checker can stand behind it.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
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
