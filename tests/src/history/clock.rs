//! When a call began and ended.
//!
//! **Why the order is trustworthy.** There is one clock, the system's monotonic one, which never goes back on any processor: if the time that
//! one call ended at is lower than the time that another began at, the first really ended before the other began. What could spoil this is that a
//! processor reads the clock earlier or later than the instruction stands in the program. So what a call loads is kept between the two readings
//! (`wait_for_loads`), and a writer reads the clock only after its stores have reached everybody ([`end_of_change`]). Equal times count as
//! neither before nor after.
//!
//! **Why recording does not order the threads more than the machine does.** Readers write nothing that is shared: each thread has a list of its own,
//! and reads a clock that nobody writes. On x86-64 `wait_for_loads` is an `lfence`, which keeps loads in their order, as they are on that
//! machine anyway, and does not drain the store buffer; in particular it is not the fence that a read section may lack. On other machines it is a full fence,
//! and there a missing fence in the tree may go unseen. The one full fence of a writer stands behind the call, where the lock has just been let go.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence, fence};
use std::time::Instant;

/// Nanoseconds since the first reading of the process.
pub type Time = u64;

/// The time at which a call begins: to be read just before.
#[inline]
pub fn begin() -> Time {
    let time = now();
    wait_for_loads();
    time
}

/// The time at which a call of a reader ends: to be read just after.
#[inline]
pub fn end() -> Time {
    wait_for_loads();
    now()
}

/// The time at which a call of a writer ends, which is when everybody else can see what it did: to be read just after.
#[inline]
pub fn end_of_change() -> Time {
    // SeqCst: no partner. The stores of the call are performed before the clock is read. (To let go of the lock is such a fence by itself on x86-64.)
    fence(Ordering::SeqCst);
    end()
}

#[inline]
fn now() -> Time {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let since = ORIGIN.get_or_init(Instant::now).elapsed();
    Time::try_from(since.as_nanos()).expect("a process does not run for centuries")
}

/// Neither the compiler nor the processor moves a load over this.
#[inline]
fn wait_for_loads() {
    // SeqCst: for the compiler, in both directions.
    compiler_fence(Ordering::SeqCst);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every x86-64 processor has SSE2.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    // SeqCst: no partner; nothing weaker keeps a reading of the clock in its place.
    fence(Ordering::SeqCst);
    compiler_fence(Ordering::SeqCst);
}
