//! Storing many at once when memory runs out, at each request in turn, and when the iterator panics, at each position: what came before
//! is there, nothing leaks, no entry is lost or dropped twice.

use maple_tests::alloc::{Counting, Plan, under};
use maple_tests::ballast::{Ballast, busy};
use maple_tests::counted::{Alone, Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::settle_if_retired;
use maple_tests::shapes::{Rng, Row, contents, rows, settle};
use maple_tree::{Epoch, MapleTree, RangeMap, Rcu, StoreErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is stored, where nothing of it was before.
fn inputs() -> Vec<Vec<Row>> {
    let shuffled = |rows: &[Row]| {
        let mut rows = rows.to_vec();
        Rng(3).shuffle(&mut rows);
        rows
    };
    let sorted = rows(700, 0, 6, 0);
    vec![
        rows(1, 0, 6, 0),
        rows(1, 5, 6, 0),
        rows(16, 0, 6, 0),
        rows(17, 9, 6, 0),
        rows(40, 9, 6, 3),
        // Up to the last index of all.
        vec![(0, 7, 0), (8, 8, 1), (100, u64::MAX, 2)],
        rows(3_000, 7, 6, 3),
        // In order for a while.
        [&sorted[..300], &shuffled(&sorted[300..])].concat(),
        shuffled(&sorted[..200]),
    ]
}

/// A map to store into: empty, or with two entries, far from all inputs but for the one that goes up to the end.
fn start<K: Kind>(ledger: &Arc<Ledger>, is_empty: bool) -> RangeMap<K::V> {
    let mut map = RangeMap::new();
    if !is_empty {
        for (range, id) in [(1 << 40..=1 << 41, 9_000), (1 << 50..=1 << 51, 9_001)] {
            map.store(range, K::make(ledger, id)).expect("memory");
        }
    }
    map
}

/// The rows of a map to which the first `taken` of `input` were added.
fn after(input: &[Row], is_empty: bool) -> Vec<Row> {
    let mut all = if is_empty { Vec::new() } else { vec![(1 << 40, 1 << 41, 9_000), (1 << 50, 1 << 51, 9_001)] };
    for row in input {
        all = maple_tests::shapes::with(&all, row.0, row.1, row.2);
    }
    all
}

/// Rows in order need no model.
fn after_disjoint(input: &[Row], is_empty: bool) -> Vec<Row> {
    if input.last().is_some_and(|row| row.1 == u64::MAX) {
        return after(input, is_empty);
    }
    let mut all = [input, &after(&[], is_empty)].concat();
    all.sort_unstable();
    all
}

fn check<K: Kind>(map: &RangeMap<K::V>, rows: &[Row]) {
    let summary = map.validate().expect("valid");
    assert_eq!((summary.entries, summary.dead), (rows.len(), 0));
    assert_eq!(contents::<K>(map), rows);
}

fn count(len: usize) -> i64 {
    i64::try_from(len).expect("fits")
}

/// One failure of the allocator. Returns whether there was one.
fn fail_once<K: Kind>(
    map: &mut RangeMap<K::V>,
    ledger: &Arc<Ledger>,
    input: &[Row],
    is_empty: bool,
    leave: usize,
    plan: Plan,
) -> bool {
    // All values are made before memory runs out.
    let mut new = input.iter().map(|&(lo, hi, id)| (lo..=hi, K::make(ledger, id))).collect::<Vec<_>>().into_iter();
    let mut ballast = Ballast::new();
    ballast.leave(leave);
    let (done, _, refused) = under(plan, || map.try_extend(new.by_ref()));
    let failed = done.is_err();
    if let Err(error) = done {
        assert_eq!(error.kind, StoreErrorKind::OutOfMemory);
        assert!(refused > 0, "out of memory though no request was refused");
        let taken = input.len() - new.len();
        let (lo, hi, id) = input[taken - 1];
        assert_eq!(K::id_of(&error.value), id, "the value of the last one taken comes back");
        let rows = after_disjoint(&input[..taken - 1], is_empty);
        check::<K>(map, &rows);
        settle_if_retired();
        if K::COUNTED {
            // What is in the map, what came back, and what was not taken.
            assert_eq!(ledger.live(), count(rows.len() + 1 + new.len()));
        }
        // It can go on where it stopped.
        drop(ballast);
        let rest = std::iter::once((lo..=hi, error.value)).chain(new);
        assert!(map.try_extend(rest).is_ok(), "there is memory again");
    }
    check::<K>(map, &after_disjoint(input, is_empty));
    failed || refused > 0
}

/// Fails at each request in turn, on both faces. Returns how often.
fn fail_at_every_request<K: Kind>(leaves: &[usize]) -> u64 {
    let _alone: Alone = alone();
    let ledger = Ledger::new(10_000);
    let mut failures = 0;
    for input in inputs() {
        for is_empty in [true, false] {
            for (leave, plan) in leaves.iter().flat_map(|&leave| [(leave, Plan::Nth as fn(u64) -> Plan), (leave, Plan::From)]) {
                for n in 1.. {
                    let at_start = busy(&Ballast::new(), 0);
                    let is_shared = n % 2 == 0;
                    let failed = if is_shared {
                        let mut tree: MapleTree<_> = start::<K>(&ledger, is_empty).into();
                        let failed = fail_once::<K>(tree.get_mut(), &ledger, &input, is_empty, leave, plan(n));
                        tree.validate().expect("valid");
                        failed
                    } else {
                        fail_once::<K>(&mut start::<K>(&ledger, is_empty), &ledger, &input, is_empty, leave, plan(n))
                    };
                    if is_shared || !Epoch::retired().is_empty() {
                        settle();
                    }
                    assert_eq!(ledger.live(), 0, "every value is gone");
                    assert_eq!(busy(&Ballast::new(), 0), at_start, "nodes leaked");
                    if !failed {
                        break;
                    }
                    failures += 1;
                    assert!(n < 1_000, "it fails for ever");
                }
            }
        }
    }
    ledger.assert_all_dropped();
    failures
}

/// A map that is filled in order asks for about as much memory as it comes to hold.
#[test]
fn asks_for_little_more_than_it_needs() {
    let _alone = alone();
    for count in [1_000, 20_000, 100_000u64] {
        let mut ballast = Ballast::new();
        ballast.leave(0);
        let mut map = RangeMap::<u32>::new();
        let (done, slabs, _) = under(Plan::Off, || map.try_extend((0..count).map(|at| (at * 2..=at * 2 + 1, 1))));
        done.map_err(|error| error.kind).expect("memory");
        let nodes = u64::try_from(map.validate().expect("valid").nodes).expect("small");
        assert!(slabs <= nodes.div_ceil(126) + 6, "{slabs} slabs of 126 nodes for {nodes} nodes");
    }
}

#[test]
fn out_of_memory_with_ints() {
    assert!(fail_at_every_request::<Ints>(&[0, 1, 5, 20]) > 150);
}

#[test]
fn out_of_memory_with_arcs() {
    assert!(fail_at_every_request::<Arcs>(&[0, 2]) > 70);
}

#[test]
fn out_of_memory_with_boxes() {
    assert!(fail_at_every_request::<Boxes>(&[0, 3]) > 70);
}

#[test]
fn out_of_memory_with_rcu_boxes() {
    assert!(fail_at_every_request::<RcuBoxes>(&[0, 9]) > 70);
}

#[test]
fn out_of_memory_with_rcu_arcs() {
    assert!(fail_at_every_request::<RcuArcs>(&[0]) > 35);
}

/// What a panicking iterator throws: not by `panic!`, which would print a message for each.
struct Thrown(usize);

/// The iterator panics at each position in turn.
fn the_iterator_panics<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    let at_start = busy(&Ballast::new(), 0);
    for input in inputs() {
        for is_empty in [true, false] {
            let step = if input.len() > 1_000 { 97 } else { 1 + input.len() / 100 };
            for at in (0..=input.len()).step_by(step) {
                let mut tree: MapleTree<_> = start::<K>(&ledger, is_empty).into();
                let map = tree.get_mut();
                let new = input.iter().enumerate().map(|(n, &(lo, hi, id))| {
                    if n == at {
                        resume_unwind(Box::new(Thrown(n)));
                    }
                    (lo..=hi, K::make(&ledger, id))
                });
                let done = catch_unwind(AssertUnwindSafe(|| map.try_extend(new)));
                assert_eq!(
                    done.err().and_then(|thrown| thrown.downcast::<Thrown>().ok()).map(|thrown| thrown.0),
                    (at < input.len()).then_some(at)
                );
                let rows = after_disjoint(&input[..at], is_empty);
                check::<K>(map, &rows);
                settle_if_retired();
                if K::COUNTED {
                    assert_eq!(ledger.live(), count(rows.len()), "{at} of {}", input.len());
                }
                // The map is one like any other.
                let rest = input[at..].iter().map(|&(lo, hi, id)| (lo..=hi, K::make(&ledger, id)));
                assert!(map.try_extend(rest).is_ok());
                check::<K>(map, &after_disjoint(&input, is_empty));
                drop(tree);
                settle_if_retired();
                assert_eq!(ledger.live(), 0, "every value is gone");
            }
        }
    }
    settle();
    ledger.assert_all_dropped();
    assert_eq!(busy(&Ballast::new(), 0), at_start, "nodes leaked");
}

#[test]
fn the_iterator_panics_with_ints() {
    the_iterator_panics::<Ints>();
}

#[test]
fn the_iterator_panics_with_arcs() {
    the_iterator_panics::<Arcs>();
}

#[test]
fn the_iterator_panics_with_boxes() {
    the_iterator_panics::<Boxes>();
}

#[test]
fn the_iterator_panics_with_rcu_boxes() {
    the_iterator_panics::<RcuBoxes>();
}

#[test]
fn the_iterator_panics_with_rcu_arcs() {
    the_iterator_panics::<RcuArcs>();
}
