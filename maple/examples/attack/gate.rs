//! The process's allocator: the system's, with a gate in front that counts every request and can refuse them all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The gate. Giving memory back always works.
#[derive(Debug)]
pub(crate) struct Gate;

static CLOSED: AtomicBool = AtomicBool::new(false);
/// Requests of threads without exemption while the gate was closed. Each was refused.
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Requests of exempt threads while the gate was closed. Each was let through.
static EXEMPTED: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Const and without a destructor: using it never allocates.
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}

/// Lets the requests of the calling thread through for as long as it lives, closed gate or not.
///
/// Only for threads that open read sections of their own while others remove: opening one with the default flavour may run the
/// destructors of whatever is due, and that may allocate (and abort when refused). A thread that opened its section before the gate
/// closed needs none, and no thread that removes has one.
pub(crate) fn exempt_this_thread() {
    EXEMPT.set(true);
}

/// Whether the calling thread is exempt.
pub(crate) fn is_exempt() -> bool {
    EXEMPT.get()
}

/// What a time with a closed gate came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Closed {
    /// Requests that were refused.
    pub(crate) refused: u64,
    /// Requests of exempt threads.
    pub(crate) exempted: u64,
}

/// Does `work` while every request for memory of the whole process is refused.
pub(crate) fn closed<T>(work: impl FnOnce() -> T) -> (T, Closed) {
    let figures = || (REFUSED.load(Ordering::SeqCst), EXEMPTED.load(Ordering::SeqCst));
    let before = figures();
    CLOSED.store(true, Ordering::SeqCst);
    let result = work();
    CLOSED.store(false, Ordering::SeqCst);
    let after = figures();
    (result, Closed { refused: after.0 - before.0, exempted: after.1 - before.1 })
}

/// Whether the gate is closed now.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::SeqCst)
}

/// Bytes that are allocated now.
pub(crate) fn live_bytes() -> usize {
    LIVE.load(Ordering::Relaxed)
}

fn may_pass() -> bool {
    if !CLOSED.load(Ordering::SeqCst) {
        return true;
    }
    let exempt = EXEMPT.get();
    let counter = if exempt { &EXEMPTED } else { &REFUSED };
    counter.fetch_add(1, Ordering::SeqCst);
    exempt
}

fn count(memory: *mut u8, size: usize) -> *mut u8 {
    if !memory.is_null() {
        LIVE.fetch_add(size, Ordering::Relaxed);
    }
    memory
}

// SAFETY: whatever is given out comes from the system's allocator with the same layout and goes back there; counting and refusing
// neither unwind nor allocate.
unsafe impl GlobalAlloc for Gate {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !may_pass() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        count(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !may_pass() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        count(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !may_pass() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        let moved = unsafe { System.realloc(memory, layout, size) };
        if !moved.is_null() {
            LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        count(moved, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) };
    }
}
