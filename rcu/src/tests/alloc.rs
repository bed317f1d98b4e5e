//! An allocator that can refuse, and that counts what one test asks for. All its state is per thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static REFUSE: Cell<bool> = const { Cell::new(false) };
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
    static ODD_BLOCKS: Cell<isize> = const { Cell::new(0) };
}

/// Nothing but the values of one test is aligned like this, so those can be told from all other blocks.
pub(super) const ODD_ALIGN: usize = 512;

/// A value whose block is counted by [`odd_blocks`].
#[repr(align(512))]
pub(super) struct Odd<T>(pub(super) T);

/// How many blocks of alignment [`ODD_ALIGN`] this thread has taken and not given back.
pub(super) fn odd_blocks() -> isize {
    ODD_BLOCKS.get()
}

/// How often this thread asked for memory during `f`.
pub(super) fn requests_during(f: impl FnOnce()) -> usize {
    let before = REQUESTS.get();
    f();
    REQUESTS.get() - before
}

/// Calls `f` while this thread is refused all memory.
pub(super) fn refused<R>(f: impl FnOnce() -> R) -> R {
    REFUSE.set(true);
    let result = f();
    REFUSE.set(false);
    result
}

struct Refusing;

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

// SAFETY: every call is passed on to the system's allocator, or answered with null. The cells neither allocate nor unwind.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.set(REQUESTS.get() + 1);
        if REFUSE.get() {
            return std::ptr::null_mut();
        }
        if layout.align() == ODD_ALIGN {
            ODD_BLOCKS.set(ODD_BLOCKS.get() + 1);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.align() == ODD_ALIGN {
            ODD_BLOCKS.set(ODD_BLOCKS.get() - 1);
        }
        // SAFETY: the caller's promises are passed on; the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}
