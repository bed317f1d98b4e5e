//! A global allocator that counts the requests of each thread and refuses those it is told to refuse.
//!
//! All its state is per thread and needs neither memory nor a destructor, so that neither the test harness nor a
//! reader beside the tested thread can disturb a count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Blocks below this size count as small: every value of a test is, no slab of nodes and no bag of the epoch crate is.
pub const SMALL: usize = 1024;

/// Which requests of the calling thread are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// None.
    Off,
    /// Only the n-th from now, counted from 1.
    Nth(u64),
    /// The n-th from now, counted from 1, and all after it.
    From(u64),
}

/// What the calling thread asked of the allocator so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls that asked for memory, refused ones included.
    pub requests: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Bytes taken by this thread less bytes given back by it.
    pub live_bytes: i64,
    /// Blocks below [`SMALL`] taken by this thread less those given back by it.
    pub small_blocks: i64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const {
        Cell::new(Counts { requests: 0, refused: 0, live_bytes: 0, small_blocks: 0 })
    };
    static PLAN: Cell<Plan> = const { Cell::new(Plan::Off) };
}

/// The figures of the calling thread.
pub fn counts() -> Counts {
    COUNTS.get()
}

/// Runs `f` under `plan`. Returns its result, the number of requests that it made, and how many were refused.
///
/// While the thread unwinds nothing is refused, so that a panic under a plan still prints its message.
pub fn under<R>(plan: Plan, f: impl FnOnce() -> R) -> (R, u64, u64) {
    struct Disarm;
    impl Drop for Disarm {
        fn drop(&mut self) {
            PLAN.set(Plan::Off);
        }
    }
    let before = counts();
    PLAN.set(plan);
    let disarm = Disarm;
    let result = f();
    drop(disarm);
    let after = counts();
    (result, after.requests - before.requests, after.refused - before.refused)
}

/// Runs `f` while every request of this thread is refused, and panics unless it made none.
#[track_caller]
pub fn quiet<R>(f: impl FnOnce() -> R) -> R {
    let (result, requests, _) = under(Plan::From(1), f);
    assert_eq!(requests, 0, "asked the allocator for memory");
    result
}

/// Counts one request. Returns true if it is to be refused.
fn refuse() -> bool {
    let refused = if std::thread::panicking() {
        false
    } else {
        match PLAN.get() {
            Plan::Off => false,
            Plan::Nth(n) => {
                PLAN.set(if n <= 1 { Plan::Off } else { Plan::Nth(n - 1) });
                n <= 1
            }
            Plan::From(n) => {
                PLAN.set(Plan::From(n.saturating_sub(1).max(1)));
                n <= 1
            }
        }
    };
    let mut counts = COUNTS.get();
    counts.requests += 1;
    counts.refused += u64::from(refused);
    COUNTS.set(counts);
    refused
}

/// Books `size` bytes as taken (`sign` 1) or given back (`sign` -1).
fn book(size: usize, sign: i64) {
    let mut counts = COUNTS.get();
    counts.live_bytes += sign * i64::try_from(size).expect("a layout's size fits");
    if size < SMALL {
        counts.small_blocks += sign;
    }
    COUNTS.set(counts);
}

/// The system's allocator with counters. Install it with `#[global_allocator]`.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged, or answered with null, which callers must expect.
// The counters are plain cells of the thread: they do not allocate and do not unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuse() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises about `layout` are passed on.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            book(layout.size(), 1);
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refuse() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises about `layout` are passed on.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            book(layout.size(), 1);
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if refuse() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises about the block and both layouts are passed on; the block came from `System`.
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() {
            book(layout.size(), -1);
            book(size, 1);
        }
        moved
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        book(layout.size(), -1);
        // SAFETY: the caller's promises are passed on; the block came from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}
