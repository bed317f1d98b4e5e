//! Batches that the flavour has no room for just then: what is retired stays with the tree, together with what other sessions retired meanwhile,
//! and comes back later, every node of it.

use allocator_api2::alloc::Global;
use maple_rcu::{BarrierError, Batch, RetireList};
use maple_tests::counted::alone;
use maple_tests::shapes::settle;
use maple_tree::{Epoch, EpochGuard, FindError, InsideReadSection, MapleTree, Pool, RawMutex, Rcu, Reserve};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// [`Epoch`], but for batches, which it takes or not as it is told.
#[derive(Debug)]
struct Full;

static RETIRED: RetireList = RetireList::new();

thread_local! {
    static REFUSES: Cell<bool> = const { Cell::new(false) };
    /// What another session does while a batch is on its way.
    static MEANWHILE: Cell<Option<fn()>> = const { Cell::new(None) };
}

// SAFETY: guards, grace periods and hand-overs are those of `Epoch`, which keeps the contract; a batch that is refused is given back as it
// came. `RETIRED` is this flavour's own.
unsafe impl Rcu for Full {
    type Guard = EpochGuard;

    fn pin() -> EpochGuard {
        Epoch::pin()
    }

    fn is_reading() -> bool {
        Epoch::is_reading()
    }

    fn synchronize() -> Result<(), InsideReadSection> {
        Epoch::synchronize()
    }

    unsafe fn hand_over(batch: Batch) {
        // SAFETY: the caller's promise: a grace period of this flavour, which is one of `Epoch`, is what the batch waits for.
        unsafe { Epoch::hand_over(batch) };
    }

    unsafe fn try_hand_over(batch: Batch) -> Result<(), Batch> {
        if let Some(change) = MEANWHILE.take() {
            change();
        }
        if REFUSES.get() {
            return Err(batch);
        }
        // SAFETY: the caller's promise.
        unsafe { Self::hand_over(batch) };
        Ok(())
    }

    fn barrier() -> Result<(), BarrierError> {
        Self::flush();
        Epoch::barrier()
    }

    fn retired() -> &'static RetireList {
        &RETIRED
    }
}

/// A lock that knows whether it is held.
struct Checked(AtomicBool);

// SAFETY: who finds the flag down and raises it is alone until they lower it.
unsafe impl RawMutex for Checked {
    const INIT: Self = Self(AtomicBool::new(false));

    type GuardMarker = parking_lot::lock_api::GuardSend;

    fn lock(&self) {
        while !self.try_lock() {
            thread::yield_now();
        }
    }

    fn try_lock(&self) -> bool {
        !self.0.swap(true, Ordering::Acquire)
    }

    unsafe fn unlock(&self) {
        assert!(self.0.swap(false, Ordering::Release), "a lock was let go that nobody held");
    }
}

type Tree = MapleTree<u32, Full, Checked>;

static POOL: Pool = Pool::new(&Global);
static RESERVE: Reserve = Reserve::with_pool(8, &POOL);
static TREE: Tree = MapleTree::with_reserve(&RESERVE);

/// Fills the tree, with figures of free space in its inner nodes.
fn fill() {
    for number in 0..2_000 {
        TREE.store(number * 4..=number * 4 + 2, 1).expect("memory");
    }
    TREE.synchronize().expect("not inside a read section");
    assert_eq!(TREE.find_free(2, ..8_000, 1), Err(FindError::Busy));
    assert!(TREE.validate().expect("valid").companions > 10);
}

/// Changes that replace leaves and nodes above them, a few each: what is removed whole goes with what is below it.
fn change(first: u64) {
    TREE.remove(first..first + 1_000).expect("memory");
    TREE.store(first + 1..=first + 2, 2).expect("memory");
}

/// Every node in use is in the tree, to spare in it, or in the reserve, once all is released.
fn accounted() {
    REFUSES.set(false);
    TREE.synchronize().expect("not inside a read section");
    settle();
    let (summary, figures) = (TREE.validate().expect("valid"), TREE.figures());
    assert_eq!((figures.retired, RESERVE.figures().waiting), (0, 0));
    let known = summary.nodes + summary.companions + figures.spare + RESERVE.figures().free;
    assert_eq!(POOL.figures().nodes_in_use, known, "nodes in use");
}

#[test]
fn what_is_retired_meanwhile_is_kept_with_what_comes_back() {
    let _alone = alone();
    fill();
    for first in [400, 3_200, 6_400] {
        change(first);
        let before = TREE.figures().retired;
        assert!(before > 0);
        REFUSES.set(true);
        MEANWHILE.set(Some(|| {
            assert_eq!(TREE.figures().retired, 0, "it is on its way");
            change(4_800);
        }));
        TREE.hand_over();
        assert!(MEANWHILE.take().is_none(), "the batch was offered");
        assert!(TREE.figures().retired > before, "{before} came back, and there are others");
        accounted();
        change(4_800);
        TREE.store(4_800..=4_801, 3).expect("memory");
        accounted();
        // And there are figures of free space to be forgotten.
        assert!(TREE.largest_gap(..).is_some());
    }
    TREE.clear();
    accounted();
}

#[test]
fn a_session_goes_on_after_it_was_refused() {
    let _alone = alone();
    fill();
    REFUSES.set(true);
    let mut writer = TREE.lock();
    for number in 0..200 {
        writer.store(number * 40..=number * 40 + 1, 2).expect("memory");
    }
    let retired = writer.figures().retired;
    assert!(retired >= 64, "enough to be handed over");
    writer.bump();
    assert_eq!(writer.figures().retired, retired, "all of it came back");
    writer.store(5..=6, 3).expect("memory");
    drop(writer);
    assert!(TREE.figures().retired > retired);
    accounted();
    TREE.clear();
    accounted();
}
