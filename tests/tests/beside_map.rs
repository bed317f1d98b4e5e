//! `store_with`, `store_coalescing`, `retain` and `covered` of a shared tree, with several writers, readers and releases at once.

use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};

use maple_tests::shapes::{Rng, settle};
use maple_tree::{MapleTree, RangeMap, Ranges};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Indices that the writers quarrel about.
const SIZE: u64 = 4_000;

fn length(range: &RangeInclusive<u64>) -> u64 {
    range.end() - range.start() + 1
}

/// Every index that was stored at is displaced once by the next store there, or there at the end: whoever stored, whoever released, whatever
/// readers did. And what is displaced is the entry that was there.
fn every_index_is_accounted_for<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(1 << 14);
    let tree = MapleTree::<K::V>::new();
    let over = AtomicBool::new(false);
    let writer = |seed: u64| {
        let (mut rng, mut stored, mut displaced) = (Rng(seed), 0, 0);
        for step in 0..1_500 {
            let first = rng.below(SIZE);
            let magnitude = 2 + rng.below(9);
            let last = (first + rng.below(1 << magnitude)).min(SIZE - 1);
            let mut next = first;
            // The id says where it was stored.
            let entry = K::make(&ledger, first);
            let done = tree.store_with(first..=last, entry, |piece, old| {
                assert!(next <= *piece.start() && *piece.end() <= last, "{piece:?} of {first}..={last} after {next}");
                assert!(K::id(old) <= *piece.start(), "an entry from {} at {piece:?}", K::id(old));
                displaced += length(&piece);
                next = piece.end() + 1;
            });
            done.map_err(|error| error.kind).expect("memory");
            stored += last - first + 1;
            if step % 100 == 0 {
                tree.hand_over();
            }
        }
        (stored, displaced)
    };
    let (stored, displaced) = thread::scope(|scope| {
        let writers = [1, 2, 3].map(|seed| scope.spawn(move || writer(seed)));
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                tree.synchronize().expect("not inside a read section");
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let guard = tree.pin();
                let mut before = None;
                for range in tree.covered(.., &guard) {
                    assert!(before.is_none_or(|end| end + 1 < *range.start()), "{range:?} after {before:?}");
                    before = Some(*range.end());
                }
                // A walk sees each index as it was at some time; both together are no more than all.
                assert!(tree.covered(.., &guard).union(tree.gaps(..SIZE, &guard)).all(|range| *range.end() < SIZE));
            }
        });
        let sums = writers.map(|writer| writer.join().expect("a writer"));
        over.store(true, Ordering::Relaxed);
        sums.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    let left: u64 = tree.covered(.., &tree.pin()).map(|range| length(&range)).sum();
    assert_eq!(stored, displaced + left);
    tree.validate().expect("valid");
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

/// What is displaced up to just where a node ends, far below the root, is what was there before.
#[test]
fn displaced_up_to_the_end_of_a_node() {
    let _alone = alone();
    // Four levels: nodes end at multiples of 160, 2,560 and 40,960.
    let items = || (0..5_000u32).map(|at| (u64::from(at) * 10..=u64::from(at) * 10 + 9, at));
    for (first, last) in [(2_405, 2_559), (2_405, 2_560), (30_005, 40_959), (5, 40_959), (30_005, 40_960), (40_960, 44_000)] {
        let tree = MapleTree::<u32>::from(RangeMap::from_iter(items()));
        let mut displaced = Vec::new();
        tree.store_with(first..=last, u32::MAX, |piece, old| displaced.push((piece, old))).expect("memory");
        let expected = items().filter(|(range, _)| *range.start() <= last && first <= *range.end());
        let expected = expected.map(|(range, value)| (first.max(*range.start())..=last.min(*range.end()), value));
        assert!(displaced.into_iter().eq(expected), "{first}..={last}");
        assert_eq!(tree.get_range(first, &tree.pin()), (first..=last, Some(u32::MAX)));
        tree.validate().expect("valid");
    }
}

/// Ranges that writers store side by side come together, and are taken out by `retain` while readers look.
fn joined_and_retained<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(64);
    let tree = MapleTree::<K::V>::new();
    for round in 0..20 {
        thread::scope(|scope| {
            for writer in 0..4 {
                let (tree, ledger) = (&tree, &ledger);
                scope.spawn(move || {
                    for index in (0..400).filter(|index| index % 4 == writer) {
                        // Equal up to the middle, and from there on.
                        let value = K::make(ledger, index / 200);
                        let done = tree.store_coalescing_by(index..=index, value, |one, other| K::id(one) == K::id(other));
                        done.map_err(|error| error.kind).expect("memory");
                    }
                });
            }
        });
        let guard = tree.pin();
        let all: Vec<_> = tree.iter(&guard).map(|(range, entry)| (range, K::id(entry))).collect();
        assert_eq!(all, [(0..=199, 0), (200..=399, 1)]);
        tree.retain(|_, entry| K::id(entry) != round % 2);
        // What the guard saw is still there for it.
        let rest: Vec<_> = tree.iter(&guard).map(|(range, _)| range).collect();
        assert_eq!(rest, [if round % 2 == 0 { 200..=399 } else { 0..=199 }]);
        drop(guard);
        if round % 3 == 0 {
            tree.synchronize().expect("not inside a read section");
        }
        tree.validate().expect("valid");
    }
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

macro_rules! for_kinds {
    ($($name:ident: $run:ident::<$kind:ty>;)*) => {$(
        #[test]
        fn $name() {
            $run::<$kind>();
        }
    )*};
}

for_kinds! {
    accounted_for_ints: every_index_is_accounted_for::<Ints>;
    accounted_for_boxes: every_index_is_accounted_for::<Boxes>;
    accounted_for_arcs: every_index_is_accounted_for::<Arcs>;
    accounted_for_rcu_boxes: every_index_is_accounted_for::<RcuBoxes>;
    accounted_for_rcu_arcs: every_index_is_accounted_for::<RcuArcs>;
    joined_ints: joined_and_retained::<Ints>;
    joined_boxes: joined_and_retained::<Boxes>;
    joined_rcu_boxes: joined_and_retained::<RcuBoxes>;
    joined_rcu_arcs: joined_and_retained::<RcuArcs>;
}
