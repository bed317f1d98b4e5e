//! Heap values with an intrusive link of their own, so that they can be retired without needing memory.

mod rcu_arc;
mod rcu_box;

pub use rcu_arc::RcuArc;
pub use rcu_box::RcuBox;

use crate::AllocError;
use alloc::alloc::{Layout, alloc, dealloc};
use core::ptr::NonNull;

/// A block of memory with the layout of `B`, which is not zero-sized; its contents are not looked at.
///
/// # Invariants
///
/// The memory was allocated with `Layout::new::<B>()` and belongs to this value.
pub(crate) struct Block<B>(NonNull<B>);

impl<B> Block<B> {
    /// Memory for a `B`, or an error; never aborts.
    pub(crate) fn try_new() -> Result<Self, AllocError> {
        const { assert!(size_of::<B>() != 0) };
        // SAFETY: the size is not zero, as was checked.
        let memory = unsafe { alloc(Layout::new::<B>()) };
        // INVARIANT: allocated just above.
        NonNull::new(memory).map(|memory| Self(memory.cast())).ok_or(AllocError(()))
    }

    /// Gives the memory up, to be taken back by [`Block::from_raw`].
    pub(crate) fn into_raw(self) -> NonNull<B> {
        let raw = self.0;
        core::mem::forget(self);
        raw
    }

    /// # Safety
    ///
    /// `raw` came from [`Block::into_raw`] of the same type and is given up.
    unsafe fn from_raw(raw: NonNull<B>) -> Self {
        // INVARIANT: the caller's promise.
        Self(raw)
    }
}

impl<B> Drop for Block<B> {
    /// Frees the memory. What is in it is not dropped.
    fn drop(&mut self) {
        // SAFETY: by the invariant it was allocated with this layout and belongs to this value.
        unsafe { dealloc(self.0.as_ptr().cast(), Layout::new::<B>()) };
    }
}
