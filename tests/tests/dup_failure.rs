//! Copies that fail: at every entry, on both faces, in the closure of `try_dup_with` and in the step-wise form (copy, share, replace
//! one by one, prune at the failure). What is left is a valid tree of exactly the prefix, every value is dropped exactly once, and
//! the original does not change.

#![expect(clippy::type_complexity, clippy::result_large_err, reason = "closures stand for either face, and give the copy back")]

use std::cell::Cell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use maple_tests::counted::{Arcs, Boxes, Counted, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::shapes::{Rng, Row, build, build_loose, contents, rows, settle, shared_contents};
use maple_tree::{AllocError, DupError, MapleTree, Pool, PruneForm, RangeMap};

/// Ids of copies are those of the originals and this.
const COPY: u64 = 200_000;

#[derive(Debug, PartialEq)]
struct Refused(u64);

/// The rows of a copy.
fn copied(rows: &[Row]) -> Vec<Row> {
    rows.iter().map(|&(lo, hi, id)| (lo, hi, id + COPY)).collect()
}

/// Copies `rows.len()` entries with a closure that fails at entry `at`, through `dup`; checks all there is to check.
fn fail_at<K: Kind>(
    ledger: &Arc<Ledger>,
    rows: &[Row],
    at: usize,
    dup: &mut dyn FnMut(&mut Mapper<'_, K>) -> Result<RangeMap<K::V>, DupError<K::V, Refused>>,
) {
    let live = ledger.live();
    let mut calls = 0;
    let result = dup(&mut |row| {
        assert_eq!(row, rows[calls], "entries come in order, each once");
        calls += 1;
        if calls > at { Err(Refused(row.2)) } else { Ok(K::make(ledger, row.2 + COPY)) }
    });
    let kept = if at == rows.len() {
        result.map_err(|_| "an error without a cause").expect("a whole copy")
    } else {
        let Err(DupError::Entry { range, error, partial }) = result else {
            panic!("the error of entry {at} got lost");
        };
        assert_eq!((range, error), (rows[at].0..=rows[at].1, Refused(rows[at].2)));
        partial
    };
    assert_eq!(calls, (at + 1).min(rows.len()), "nothing is asked for after a failure");
    let summary = kept.validate().expect("a valid prefix");
    assert_eq!((summary.entries, summary.dead), (at, 0));
    assert_eq!(contents::<K>(&kept), copied(&rows[..at]), "exactly the entries before number {at}");
    if K::COUNTED {
        assert_eq!(ledger.live() - live, i64::try_from(at).expect("fits"), "one value for each kept entry");
    }
    drop(kept);
}

/// Makes the new entry for one row of the original.
type Mapper<'a, K> = dyn FnMut(Row) -> Result<<K as Kind>::V, Refused> + 'a;

/// `fail_at` for each of these places, from a map and from a tree with the same rows.
fn both_faces<K: Kind>(ledger: &Arc<Ledger>, map: RangeMap<K::V>, places: &[usize]) {
    let _alone = alone();
    let rows = contents::<K>(&map);
    let live = ledger.live();
    let nodes = Pool::global().figures().nodes_in_use;
    for &at in places {
        fail_at::<K>(ledger, &rows, at, &mut |make| {
            map.try_dup_with(|range, entry| make((*range.start(), *range.end(), K::id(entry))))
        });
        assert_eq!(Pool::global().figures().nodes_in_use, nodes, "the nodes of a copy that failed at {at} are back");
    }
    let tree = MapleTree::<K::V>::from(map);
    for &at in places {
        fail_at::<K>(ledger, &rows, at, &mut |make| {
            tree.try_dup_with(|range, entry| make((*range.start(), *range.end(), K::id(entry))))
        });
        assert_eq!(Pool::global().figures().nodes_in_use, nodes, "the nodes of a copy that failed at {at} are back");
    }
    assert_eq!(shared_contents::<K>(&tree), rows, "the original is untouched");
    tree.validate().expect("valid");
    drop(tree);
    settle();
    if K::COUNTED {
        assert_eq!(ledger.live(), live - i64::try_from(rows.len()).expect("fits"));
        for &(.., id) in &rows {
            assert_eq!(ledger.alive(id + COPY), 0, "copies of {id}");
        }
    }
}

/// Trees of every size up to 600, failing at a few places each, and some of these at every place.
fn every_entry<K: Kind>(every: &[u64], step: usize) {
    let ledger = Ledger::new(2 * usize::try_from(COPY).expect("fits"));
    for count in (0..=40).chain(every.iter().copied()) {
        let places: Vec<usize> = (0..=usize::try_from(count).expect("fits")).collect();
        both_faces::<K>(&ledger, build::<K>(&ledger, &rows(count, 0, 4, count % 3)), &places);
    }
    let mut rng = Rng(1);
    for count in (41..=600).step_by(step) {
        let end = usize::try_from(count).expect("fits");
        let places = [0, end - 1, usize::try_from(rng.below(count)).expect("fits")];
        let rows = rows(count, rng.below(9), 4, rng.below(3));
        let map = if count % 2 == 0 { build_loose::<K>(&ledger, &rows, count) } else { build::<K>(&ledger, &rows) };
        settle();
        both_faces::<K>(&ledger, map, &places);
    }
    ledger.assert_all_dropped();
}

#[test]
fn closure_fails_at_every_entry_ints() {
    let _alone = alone();
    every_entry::<Ints>(&[64, 255, 256, 257, 600], 1);
}

#[test]
fn closure_fails_at_every_entry_arcs() {
    let _alone = alone();
    every_entry::<Arcs>(&[63, 272, 600], 1);
}

#[test]
fn closure_fails_at_every_entry_boxes() {
    let _alone = alone();
    every_entry::<Boxes>(&[100, 256, 600], 1);
}

#[test]
fn closure_fails_at_every_entry_rcu_boxes() {
    let _alone = alone();
    every_entry::<RcuBoxes>(&[97, 257, 400], 3);
}

#[test]
fn closure_fails_at_every_entry_rcu_arcs() {
    let _alone = alone();
    every_entry::<RcuArcs>(&[65, 129, 300], 3);
}

#[test]
fn closure_fails_in_a_large_tree() {
    let _alone = alone();
    let ledger = Ledger::new(2 * usize::try_from(COPY).expect("fits"));
    let map = build::<Arcs>(&ledger, &rows(100_000, 0, 16, 0));
    assert!(map.validate().expect("valid").height >= 5);
    both_faces::<Arcs>(&ledger, map, &[0, 1, 15, 16, 4_095, 4_096, 65_536, 77_777, 99_999]);
    ledger.assert_all_dropped();
}

/// The step-wise form at place `at`: the copy is shared from the start, replaced entry by entry, and pruned at the failure. `reader`
/// looks at it between the steps.
fn step_wise<K: Kind>(ledger: &Arc<Ledger>, original: &MapleTree<K::V>, rows: &[Row], at: usize) {
    let before: Vec<i64> = if K::CLONES { Vec::new() } else { rows.iter().map(|row| ledger.alive(row.2)).collect() };
    let live = ledger.live();
    let copy = MapleTree::<K::V>::from(original.dup().expect("memory for a copy"));
    let fresh = copied(rows);
    for (step, &(lo, hi, id)) in rows[..at].iter().enumerate() {
        let old = copy.replace(lo + (hi - lo) / 2, K::make(ledger, id + COPY)).expect("an entry to replace");
        assert_eq!((old.range(), K::id(old.get())), (lo..=hi, id));
        drop(old);
        if step % 97 == 13 {
            let guard = copy.pin();
            assert_eq!(copy.get(lo, &guard).map(K::id), Some(id + COPY), "replaced");
            let next = rows.get(step + 1);
            assert_eq!(next.and_then(|next| copy.get(next.0, &guard)).map(K::id), next.map(|next| next.2), "not yet");
        }
    }
    if let Some(&(lo, ..)) = rows.get(at) {
        let pruned = copy.prune(lo);
        assert_eq!(pruned.form, PruneForm::PathCopy, "a copy has the nodes for its prune");
    }
    assert_eq!(copy.validate().expect("valid").entries, at);
    assert_eq!(shared_contents::<K>(&copy), fresh[..at], "exactly the prefix");
    copy.synchronize().expect("not inside a read section");
    // `replace` hands batches over by itself; those are due by now as well.
    settle();
    if K::COUNTED {
        assert_eq!(ledger.live() - live, i64::try_from(at).expect("fits"), "one value for each kept entry");
        for (row, alive) in rows.iter().zip(before) {
            assert_eq!(ledger.alive(row.2), alive, "value {} of the original", row.2);
        }
    }
    drop(copy);
    settle();
    assert_eq!(ledger.live(), live);
}

fn step_wise_everywhere<K: Kind>(shapes: &[(u64, usize)]) {
    let _alone = alone();
    let ledger = Ledger::new(2 * usize::try_from(COPY).expect("fits"));
    for &(count, step) in shapes {
        let rows = rows(count, 5, 4, count % 2);
        let tree = MapleTree::<K::V>::from(build::<K>(&ledger, &rows));
        for at in (0..=rows.len()).step_by(step) {
            step_wise::<K>(&ledger, &tree, &rows, at);
        }
        assert_eq!(shared_contents::<K>(&tree), rows, "the original is untouched");
        drop(tree);
        settle();
    }
    ledger.assert_all_dropped();
}

#[test]
fn step_wise_fails_at_every_entry_ints() {
    let _alone = alone();
    step_wise_everywhere::<Ints>(&[(0, 1), (1, 1), (2, 1), (17, 1), (300, 1), (600, 3)]);
}

#[test]
fn step_wise_fails_at_every_entry_arcs() {
    let _alone = alone();
    step_wise_everywhere::<Arcs>(&[(0, 1), (1, 1), (2, 1), (16, 1), (90, 1), (257, 1), (600, 7)]);
}

#[test]
fn step_wise_fails_at_every_entry_boxes() {
    let _alone = alone();
    step_wise_everywhere::<Boxes>(&[(0, 1), (3, 1), (40, 1), (256, 3)]);
}

#[test]
fn step_wise_fails_at_every_entry_rcu_boxes() {
    let _alone = alone();
    step_wise_everywhere::<RcuBoxes>(&[(0, 1), (3, 1), (40, 1), (272, 5)]);
}

#[test]
fn step_wise_fails_at_every_entry_rcu_arcs() {
    let _alone = alone();
    step_wise_everywhere::<RcuArcs>(&[(0, 1), (1, 1), (33, 1), (600, 11)]);
}

#[test]
fn step_wise_fails_in_a_large_tree() {
    let _alone = alone();
    step_wise_everywhere::<RcuBoxes>(&[(100_000, 33_333)]);
}

/// A closure that panics at entry `at`: nothing is dropped twice, nothing is lost, the original goes on.
fn panic_at<K: Kind>(ledger: &Arc<Ledger>, rows: &[Row], at: u64) {
    let mut map = build::<K>(ledger, rows);
    let (live, nodes) = (ledger.live(), Pool::global().figures().nodes_in_use);
    let panicking = |range: std::ops::RangeInclusive<u64>, entry: u64| {
        if entry == at {
            // Without the hook's message on the terminal.
            resume_unwind(Box::new(*range.start()));
        }
        Ok::<_, Infallible>(K::make(ledger, entry + COPY))
    };
    let result = catch_unwind(AssertUnwindSafe(|| map.try_dup_with(|range, entry| panicking(range, K::id(entry)))));
    let payload = result.err().expect("the panic comes through");
    let found = rows.iter().find(|row| row.2 == at).map(|row| row.0);
    assert_eq!(payload.downcast_ref::<u64>().copied(), found);
    settle();
    assert_eq!((ledger.live(), Pool::global().figures().nodes_in_use), (live, nodes), "panic at {at}");
    // The original is whole and can be changed.
    assert_eq!(contents::<K>(&map), rows);
    map.validate().expect("valid");
    map.erase(rows[0].0).expect("an entry");
    map.store(rows[0].0..=rows[0].1, K::make(ledger, 0)).expect("memory");

    let tree = MapleTree::<K::V>::from(map);
    let nodes = Pool::global().figures().nodes_in_use;
    let result = catch_unwind(AssertUnwindSafe(|| tree.try_dup_with(|range, entry| panicking(range, K::id(entry)))));
    assert!(result.is_err(), "the panic comes through");
    settle();
    assert_eq!(Pool::global().figures().nodes_in_use, nodes, "panic at {at}");
    // The lock was let go, and the tree still works.
    assert_eq!(shared_contents::<K>(&tree), rows);
    tree.validate().expect("valid");
    drop(tree.erase(rows[0].0).expect("an entry"));
    tree.store(rows[0].0..=rows[0].1, K::make(ledger, 0)).expect("memory");
    assert_eq!(shared_contents::<K>(&tree), rows);
    drop(tree);
    settle();
}

fn panic_everywhere<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(2 * usize::try_from(COPY).expect("fits"));
    for (count, step) in [(1, 1), (16, 1), (40, 1), (300, 23)] {
        for at in (0..count).step_by(step) {
            panic_at::<K>(&ledger, &rows(count, 3, 4, count % 2), at);
            assert_eq!(ledger.live(), 0);
        }
    }
    ledger.assert_all_dropped();
}

#[test]
fn closure_panics_ints() {
    let _alone = alone();
    panic_everywhere::<Ints>();
}

#[test]
fn closure_panics_arcs() {
    let _alone = alone();
    panic_everywhere::<Arcs>();
}

#[test]
fn closure_panics_boxes() {
    let _alone = alone();
    panic_everywhere::<Boxes>();
}

#[test]
fn closure_panics_rcu_boxes() {
    let _alone = alone();
    panic_everywhere::<RcuBoxes>();
}

#[test]
fn closure_panics_rcu_arcs() {
    let _alone = alone();
    panic_everywhere::<RcuArcs>();
}

thread_local! {
    /// Clones that [`Fragile`] still makes on this thread.
    static CLONES: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// A value whose clone panics when its thread has made enough of them.
struct Fragile(Counted);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        match CLONES.get().checked_sub(1) {
            Some(left) => CLONES.set(left),
            None => resume_unwind(Box::new("no more clones")),
        }
        Fragile(self.0.clone())
    }
}

/// A clone that panics inside `dup`, or inside a store that splits an entry: nothing is lost and nothing is dropped twice.
#[test]
fn clones_panic() {
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    for count in [1, 20, 300] {
        let mut map = RangeMap::new();
        for (lo, hi, id) in rows(count, 0, 4, 1) {
            map.store(lo..=hi, Box::new(Fragile(Counted::new(&ledger, id)))).expect("memory");
        }
        let nodes = Pool::global().figures().nodes_in_use;
        for clones in (0..count).step_by(7) {
            CLONES.set(clones);
            let result = catch_unwind(AssertUnwindSafe(|| map.dup()));
            assert!(result.is_err(), "the panic comes through");
            assert_eq!(ledger.live(), i64::try_from(count).expect("fits"), "panic after {clones} clones");
            assert_eq!(Pool::global().figures().nodes_in_use, nodes);
        }
        map.validate().expect("valid");
        CLONES.set(0);
        let value = Box::new(Fragile(Counted::new(&ledger, 9_999)));
        let result = catch_unwind(AssertUnwindSafe(|| map.store(1..=2, value)));
        assert!(result.is_err(), "the panic comes through");
        let result = catch_unwind(AssertUnwindSafe(|| map.remove(1..=2)));
        assert!(result.is_err(), "the panic comes through");
        assert_eq!(ledger.alive(9_999), 0, "the value that was not stored is dropped");
        assert_eq!(map.validate().expect("valid").entries, usize::try_from(count).expect("fits"));
        assert_eq!(map.get_range(1).0, 0..=3, "not split");

        let tree = MapleTree::<Box<Fragile>>::from(map);
        CLONES.set(count / 2);
        assert!(catch_unwind(AssertUnwindSafe(|| tree.dup())).is_err(), "the panic comes through");
        CLONES.set(0);
        let value = Box::new(Fragile(Counted::new(&ledger, 9_999)));
        assert!(catch_unwind(AssertUnwindSafe(|| tree.store(1..=2, value))).is_err(), "the panic comes through");
        assert_eq!(ledger.live(), i64::try_from(count).expect("fits"));
        CLONES.set(u64::MAX);
        tree.store(1..=2, Box::new(Fragile(Counted::new(&ledger, 9_999)))).expect("the lock was let go");
        assert_eq!(tree.validate().expect("valid").entries, usize::try_from(count).expect("fits") + 2);
        drop(tree);
        settle();
        assert_eq!(ledger.live(), 0);
    }
    ledger.assert_all_dropped();
}

/// A `TryClone` of one's own that fails: `dup` says out of memory and keeps nothing.
#[test]
fn entries_that_cannot_be_cloned() {
    let _alone = alone();
    // The entry type of a tree is one of the shipped ones, so the failing clone is reached through `try_dup_with`.
    fn check<K: Kind>(ledger: &Arc<Ledger>) {
        let map = build::<K>(ledger, &rows(50, 0, 3, 0));
        let left = AtomicU64::new(20);
        let result = map.try_dup_with(|_, entry| {
            if left.fetch_sub(1, Ordering::Relaxed) == 0 {
                return Err(AllocError(()));
            }
            Ok(K::make(ledger, K::id(entry)))
        });
        let Err(DupError::Entry { range, error: AllocError(()), partial }) = result else {
            panic!("the clone failed");
        };
        assert_eq!((range, partial.validate().expect("valid").entries), (60..=62, 20));
    }
    let _alone = alone();
    let ledger = Ledger::new(100);
    check::<Boxes>(&ledger);
    check::<RcuBoxes>(&ledger);
    check::<Arcs>(&ledger);
    check::<RcuArcs>(&ledger);
    settle();
    ledger.assert_all_dropped();
}

/// Copies that do not fail, of all sizes: the same rows, node for node, and independent of the original from then on.
#[test]
fn whole_copies() {
    let _alone = alone();
    fn check<K: Kind>(counts: &[u64]) {
        let ledger = Ledger::new(400_000);
        for &count in counts {
            let want = rows(count, 2, 5, count % 3);
            let size = want.len();
            let mut map = build::<K>(&ledger, &want);
            let mut copy = map.dup().expect("memory for a copy");
            let (old, new) = (map.validate().expect("valid"), copy.validate().expect("valid"));
            assert_eq!((new.entries, new.nodes, new.height), (size, old.nodes, old.height), "node for node");
            if count < 5_000 {
                assert_eq!(copy.dump().to_string(), map.dump().to_string(), "node for node");
            }
            let figures = copy.figures();
            assert!(figures.earmarked > old.height || count == 0, "the nodes of its own prune: {figures:?}");
            assert_eq!(contents::<K>(&copy), want);
            // Changes to either do not show in the other.
            copy.store(0..=10, K::make(&ledger, 399_999)).expect("memory");
            assert_eq!(contents::<K>(&map), want);
            map.clear();
            let (_, first) = copy.get_range(5);
            assert_eq!(first.map(K::id), Some(399_999));
            assert_eq!(copy.validate().expect("valid").entries, contents::<K>(&copy).len());
            let shared = MapleTree::<K::V>::from(copy);
            let again = MapleTree::<K::V>::from(shared.dup().expect("memory for a copy"));
            assert_eq!(shared_contents::<K>(&again), shared_contents::<K>(&shared));
            shared.clear();
            shared.synchronize().expect("not inside a read section");
            again.validate().expect("valid");
            drop((shared, again));
            settle();
            assert_eq!(ledger.live(), 0, "all gone");
        }
        ledger.assert_all_dropped();
    }
    let _alone = alone();
    check::<Ints>(&[0, 1, 2, 3, 15, 16, 17, 100, 255, 256, 257, 1_000, 3_000, 100_000]);
    check::<Arcs>(&[0, 1, 2, 16, 17, 257, 3_000, 100_000]);
    check::<Boxes>(&[0, 1, 2, 16, 17, 257, 3_000]);
    check::<RcuBoxes>(&[0, 1, 2, 16, 17, 257, 3_000]);
    check::<RcuArcs>(&[0, 1, 2, 16, 17, 257, 3_000]);
}

/// Every size, each grown from the one before by one entry.
#[test]
fn copies_of_every_size() {
    let _alone = alone();
    let ledger = Ledger::new(1);
    let mut map = RangeMap::new();
    for (lo, hi, id) in rows(3_000, 0, 2, 0) {
        if id % 7 == 0 || id < 300 {
            let copy = map.dup().expect("memory for a copy");
            let size = usize::try_from(id).expect("fits");
            assert_eq!(copy.validate().expect("valid").entries, size);
            assert_eq!(
                copy.last().map(|(range, id)| (*range.end(), id + 1)),
                id.checked_sub(1).map(|id| (2 * id + 1, u32::try_from(id + 1).expect("fits")))
            );
        }
        map.store(lo..=hi, Ints::make(&ledger, id)).expect("memory");
    }
}
