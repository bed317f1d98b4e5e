//! What an attack on sessions once found, where they meet calls that were written apart from them; each as a test.

use maple_tests::alloc::{Counting, Plan, quiet, under};
use maple_tests::ballast::Ballast;
use maple_tests::counted::{Boxes, Counted, Kind, Ledger, RcuArcs, alone};
use maple_tree::{MapleTree, RangeMap, RcuArc, Reserve, StoreErrorKind};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static NOTHING: Reserve = Reserve::new(0);

/// `store_coalescing` cloned whether the session had room for a clone or not, and the seventeenth refusal was a panic.
#[test]
fn coalescing_stores_that_are_refused_are_remembered_no_more_than_others() {
    let _alone = alone();
    let ledger = Ledger::new(64);
    let tree = MapleTree::<Box<Counted>>::with_reserve(&NOTHING);
    tree.store(0..=999, Boxes::make(&ledger, 1)).expect("memory");
    let mut ballast = Ballast::new();
    let mut writer = tree.lock();
    for attempt in 0..20 {
        ballast.leave(0);
        let value = Boxes::make(&ledger, 2);
        // The clone is given, the node for it is not.
        let (refused, ..) = under(Plan::From(2), || writer.store_coalescing_by(400..=500, value, |_, _| false));
        assert_eq!(refused.expect_err("no node").kind, StoreErrorKind::OutOfMemory, "attempt {attempt}");
        assert_eq!(ledger.alive(1), 1 + i64::from((attempt + 1).min(16)), "clones after attempt {attempt}");
    }
    drop(ballast);
    writer.bump();
    assert_eq!(ledger.alive(1), 1);
    writer.store_coalescing_by(400..=500, Boxes::make(&ledger, 2), |_, _| false).expect("memory");
    drop(writer);
    drop(tree);
    ledger.assert_all_dropped();
}

/// Entries that were displaced, and may be dropped at once, took the room of clones: after sixteen of them a store that splits an entry was
/// refused for want of memory, of which there was plenty.
#[test]
fn a_session_that_displaced_many_entries_can_still_split_one() {
    let _alone = alone();
    let ledger = Ledger::new(64);
    let tree = MapleTree::<RcuArc<Counted>>::new();
    let mut writer = tree.lock();
    writer.store(0..=999, RcuArcs::make(&ledger, 1)).expect("memory");
    for _ in 0..40 {
        writer.store(2000..=2001, RcuArcs::make(&ledger, 2)).expect("memory");
    }
    writer.store(400..=500, RcuArcs::make(&ledger, 3)).expect("there is memory for a clone");
    writer.remove(600..=700).expect("there is memory for a clone");
    writer.reserve_for(800..=900).expect("there is memory for a clone").store(RcuArcs::make(&ledger, 4));
    writer.validate().expect("valid");
}

thread_local! {
    /// Whether the next clone, or comparison, panics.
    static PANIC: Cell<bool> = const { Cell::new(false) };
}

static PROBED: MapleTree<Box<Probe>> = MapleTree::new();
static UNDER_LOCK: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Notes whether it is dropped under the lock of `PROBED`.
#[derive(Debug)]
struct Probe(u32);

impl Clone for Probe {
    fn clone(&self) -> Self {
        assert!(!PANIC.get(), "a clone that panics");
        Self(self.0)
    }
}

impl PartialEq for Probe {
    fn eq(&self, _: &Self) -> bool {
        panic!("a comparison that panics")
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        UNDER_LOCK.fetch_add(usize::from(PROBED.try_lock().is_none()), Ordering::Relaxed);
    }
}

/// When a clone or a comparison panicked in `store_coalescing` or `store_with`, the value was dropped under the lock.
#[test]
fn what_a_panic_left_of_a_coalescing_store_is_dropped_outside_the_lock() {
    let _alone = alone();
    PROBED.store(0..=99, Box::new(Probe(1))).expect("memory");
    PANIC.set(true);
    for call in [
        || PROBED.store_coalescing_by(40..=50, Box::new(Probe(1)), |_, _| false).is_ok(),
        || PROBED.store_coalescing(40..=50, Box::new(Probe(1))).is_ok(),
        || PROBED.store_with(40..=50, Box::new(Probe(1)), |_, _| {}).is_ok(),
        || PROBED.lock().store_coalescing(40..=50, Box::new(Probe(1))).is_ok(),
    ] {
        let before = DROPPED.load(Ordering::Relaxed);
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        assert_eq!(DROPPED.load(Ordering::Relaxed), before + 1);
    }
    PANIC.set(false);
    assert_eq!(UNDER_LOCK.load(Ordering::Relaxed), 0, "dropped under the lock");
    PROBED.validate().expect("valid");
    assert_eq!(PROBED.iter(&PROBED.pin()).map(|(range, _)| range).collect::<Vec<_>>(), [0..=99]);
    PROBED.clear();
    PROBED.synchronize().expect("outside");
}

/// The store of a reservation filled the reserve of nodes, which asks the allocator.
#[test]
fn a_reserved_store_of_a_map_asks_for_no_memory() {
    static FULL_ONCE: Reserve = Reserve::new(300);
    let _alone = alone();
    let mut map = RangeMap::<u32>::with_reserve(&FULL_ONCE);
    let token = map.reserve_for(10..20).expect("memory");
    quiet(|| token.store(1));
    assert_eq!(map.get(15), Some(1));
    // Any other store does.
    map.store(30..40, 2).expect("memory");
    map.cursor_mut().store(50..60, 3).expect("memory");
    assert_eq!(FULL_ONCE.figures().free, 300);
}
