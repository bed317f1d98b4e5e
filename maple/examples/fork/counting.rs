//! The system's allocator, which counts what each thread asks of it and can be told to refuse a thread everything.
//!
//! All state is per thread and needs neither memory nor a destructor, so a reader beside the recovering thread cannot disturb a count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
    static EXHAUSTED: Cell<bool> = const { Cell::new(false) };
}

/// How often the calling thread asked for memory so far, refused or not. Giving memory back does not count.
pub(crate) fn requests() -> u64 {
    REQUESTS.get()
}

/// While it lives, the calling thread gets no memory.
#[derive(Debug)]
pub(crate) struct Exhausted {
    /// It belongs to the thread that made it.
    not_send: PhantomData<*mut ()>,
}

impl Exhausted {
    pub(crate) fn begin() -> Self {
        EXHAUSTED.set(true);
        Self { not_send: PhantomData }
    }
}

impl Drop for Exhausted {
    fn drop(&mut self) {
        EXHAUSTED.set(false);
    }
}

/// Counts a request; true if it is to be refused. A thread that panics gets its memory, or it could not say why.
fn refused() -> bool {
    REQUESTS.set(REQUESTS.get() + 1);
    EXHAUSTED.get() && !std::thread::panicking()
}

pub(crate) struct Counting;

// SAFETY: every call is passed on to the system's allocator as it is, or answered with null, which callers must expect. The counters
// are plain cells of the thread: they neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refused() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refused() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if refused() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promises are passed on; the block came from `System`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on; the block came from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}
