//! The books: what was taken has come back when readers have left and memory is given again.

use crate::entries::{Stored, made_and_dropped};
use crate::gate;
use crate::report::{check, check_equal};
use crate::watched::Watched;
use maple_tree::{Epoch, Pool, Rcu, Reserve};

/// What there was before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Books {
    entries: u64,
    nodes: usize,
    /// Live bytes but for the slabs that nodes lie in.
    bytes: usize,
}

/// What the epoch crate may hold at any time for threads that have come and gone: its bags are 2 KB each, and are let go of a few
/// at a time.
const EPOCH_BYTES: usize = 64 * 1024;

/// Grace periods to wait for until what was handed over has been released.
const PATIENCE: usize = 1000;

fn bytes_without_slabs() -> usize {
    gate::live_bytes() - Pool::global().figures().slab_bytes
}

fn entries_left() -> u64 {
    let (made, dropped, _) = made_and_dropped();
    made - dropped
}

/// Waits until `balanced`, or until it is clear that it will not be.
fn settle(balanced: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if balanced() {
            return;
        }
        // Batches that were handed over are run by whichever thread is the next to press on with the epoch.
        Watched::flush();
        check(Epoch::barrier().is_ok(), "no grace period outside a read section", [0; 3]);
    }
}

impl Books {
    pub(crate) fn open() -> Self {
        for _ in 0..10 {
            check(Epoch::synchronize().is_ok(), "no grace period outside a read section", [0; 3]);
        }
        Self { entries: entries_left(), nodes: Pool::global().figures().nodes_in_use, bytes: bytes_without_slabs() }
    }

    /// Checks that of the entries in the trees just `left` are alive.
    pub(crate) fn check_entries<V: Stored>(left: usize) {
        if V::NEEDS_DROP {
            settle(|| entries_left() == left as u64);
            check_equal(entries_left() as usize, left, "entries were not dropped once and in time");
        }
    }

    /// Checks that everything is as it was, when the trees are gone.
    pub(crate) fn check(&self, reserves: &[&Reserve]) {
        let reserves = || reserves.iter().copied().chain([Reserve::global()]).map(Reserve::figures);
        let nodes = || Pool::global().figures().nodes_in_use;
        settle(|| {
            let repaid = reserves().all(|figures| (figures.lent, figures.waiting) == (0, 0));
            repaid && entries_left() == self.entries && nodes() == self.nodes && bytes_without_slabs() <= self.bytes + EPOCH_BYTES
        });
        check_equal(entries_left() as usize, self.entries as usize, "entries were not dropped once");
        check_equal(made_and_dropped().2 as usize, 0, "entries were dropped twice");
        check_equal(nodes(), self.nodes, "nodes are missing or were given back twice");
        for figures in reserves() {
            check_equal(figures.free, figures.capacity, "a reserve was not repaid");
            check_equal(figures.lent, 0, "a reserve's loans do not balance");
            check_equal(figures.waiting, 0, "a reserve's waiting nodes do not balance");
            check_equal(figures.earmarked, 0, "a reserve's earmarks do not balance");
        }
        let bytes = bytes_without_slabs();
        check(bytes <= self.bytes + EPOCH_BYTES, "memory was not given back", [bytes as u64, self.bytes as u64, 0]);
    }
}
