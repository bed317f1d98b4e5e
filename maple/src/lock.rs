//! Any lock that writers of one tree take turns with.

use lock_api::RawMutex;

/// A lock whose kind does not matter.
///
/// # Safety
///
/// `enter` waits until nobody else is in between that and `leave`.
pub(crate) unsafe trait Gate {
    fn enter(&self);

    /// # Safety
    ///
    /// The caller entered, in this thread or where the lock allows that, and did not leave since.
    unsafe fn leave(&self);
}

// SAFETY: a raw mutex lets one in at a time.
unsafe impl<L: RawMutex> Gate for L {
    fn enter(&self) {
        self.lock();
    }

    unsafe fn leave(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.unlock() };
    }
}

/// A lock that is held, until this is dropped, by the thread that made it.
///
/// # Invariants
///
/// The lock was entered, and is left by the drop of this value only.
pub(crate) struct Held<'a>(&'a dyn Gate);

impl<'a> Held<'a> {
    pub(crate) fn new(gate: &'a dyn Gate) -> Self {
        gate.enter();
        Self(gate)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: by the invariant of the type; a reference to a `dyn Gate` does not leave its thread.
        unsafe { self.0.leave() };
    }
}
