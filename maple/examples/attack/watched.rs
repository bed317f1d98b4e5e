//! The default flavour of read-copy-update, watched: what a thread that removes asks of it is counted.

use crate::gate;
use maple_rcu::{BarrierError, Batch, RetireList};
use maple_tree::{Epoch, EpochGuard, InsideReadSection, Rcu};
use std::sync::atomic::{AtomicU64, Ordering};

/// [`Epoch`], with a list and counts of its own.
#[derive(Debug)]
pub(crate) struct Watched;

static RETIRED: RetireList = RetireList::new();
/// Read sections opened, grace periods waited for and batches handed over behind the closed gate, by threads without exemption.
static ENGAGED: AtomicU64 = AtomicU64::new(0);

/// How often a removal engaged the flavour: none may, but to note an entry on the list, which is a push.
pub(crate) fn engaged() -> u64 {
    ENGAGED.load(Ordering::SeqCst)
}

fn note() {
    if gate::is_closed() && !gate::is_exempt() {
        ENGAGED.fetch_add(1, Ordering::SeqCst);
    }
}

// SAFETY: guards, grace periods and hand-overs are those of `Epoch`, which keeps the contract; counting adds nothing to them. `RETIRED`
// is this flavour's own, and the provided functions are not replaced.
unsafe impl Rcu for Watched {
    type Guard = EpochGuard;

    fn pin() -> EpochGuard {
        note();
        Epoch::pin()
    }

    fn is_reading() -> bool {
        Epoch::is_reading()
    }

    fn synchronize() -> Result<(), InsideReadSection> {
        note();
        Epoch::synchronize()
    }

    unsafe fn hand_over(batch: Batch) {
        note();
        // SAFETY: the caller's promise: a grace period of this flavour, which is one of `Epoch`, is what the batch waits for.
        unsafe { Epoch::hand_over(batch) };
    }

    fn barrier() -> Result<(), BarrierError> {
        note();
        Self::flush();
        Epoch::barrier()
    }

    fn retired() -> &'static RetireList {
        &RETIRED
    }
}
