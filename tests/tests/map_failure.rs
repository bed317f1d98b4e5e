//! The calls of exclusive maps that may need memory, when there is none: with few nodes in the pool, or none, and every request of the
//! thread refused. What is refused changes nothing, gives its value back, and leaks nothing.

use maple_tests::alloc::{Counting, Plan, under};
use maple_tests::ballast::{Ballast, busy};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, Make, settle_if_retired};
use maple_tests::shapes::{Row, contents, rows, with, without};
use maple_tree::{AppendError, MapleTree, RangeMap, RemoveError, Reserve, Shortage, StoreErrorKind};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a call does to a map: whether it was done, and then what the rows are.
type Call<'c, K> = &'c dyn Fn(&Fixture, &mut RangeMap<<K as Kind>::V>) -> Option<Vec<Row>>;

fn check<K: Kind>(map: &RangeMap<K::V>, want: &[Row], what: &str) {
    let summary = map.validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}\n{}", map.dump()));
    assert_eq!((summary.entries, summary.dead), (want.len(), 0), "{what}");
    assert_eq!(contents::<K>(map), want, "{what}");
}

/// Runs a call with every number of free nodes until it is not refused any more; returns how often it was.
fn refused<K: Kind>(what: &str, bench: &Fixture, make: Make, call: Call<'_, K>) -> usize {
    let _alone = alone();
    let mut ballast = Ballast::new();
    let mut refused = 0;
    for free in 0..200 {
        let mut map = bench.map::<K>(make);
        let alive = bench.ledger.live();
        ballast.leave(free);
        // Nodes that are in no tree.
        let lost =
            |map: &RangeMap<K::V>, ballast: &Ballast| busy(ballast, map.figures().spare) - map.validate().expect("valid").nodes;
        let nodes = lost(&map, &ballast);
        let (done, ..) = under(Plan::From(1), || call(bench, &mut map));
        settle_if_retired();
        match &done {
            None => {
                refused += 1;
                check::<K>(&map, &bench.rows, what);
                assert_eq!(bench.ledger.live(), alive, "{what}: values after a refusal");
                assert_eq!(lost(&map, &ballast), nodes, "{what}: nodes after a refusal");
            }
            Some(rows) => check::<K>(&map, rows, what),
        }
        drop(map);
        settle_if_retired();
        assert_eq!(bench.ledger.live(), 0, "{what}: all values are gone");
        if done.is_some() && free >= 40 {
            break;
        }
    }
    bench.ledger.assert_all_dropped();
    refused
}

/// Rows of full leaves, so that whatever adds one to a copy needs a node; three levels.
fn bench() -> Fixture {
    Fixture::new(rows(400, 5, 10, 0))
}

fn value<K: Kind>(bench: &Fixture) -> K::V {
    // Made while requests may be refused.
    let (value, ..) = under(Plan::Off, || K::make(&bench.ledger, 7));
    value
}

fn every_call<K: Kind>() {
    let bench = bench();
    // In the middle of one entry, from within one to within the next, and over many.
    for (first, last) in [(1_007, 1_010), (1_012, 1_017), (1_012, 1_800), (1_015, 1_800), (5, 4_004), (0, u64::MAX)] {
        for make in [Make::Copy, Make::Loose(5)] {
            let poor = matches!(make, Make::Copy);
            let stored = refused::<K>("store_with", &bench, make, &|bench, map| {
                let mut pieces = 0;
                let entry = value::<K>(bench);
                under(Plan::From(1), || match map.store_with(first..=last, entry, |_| pieces += 1) {
                    Ok(()) => Some(()),
                    Err(error) => {
                        assert_eq!((K::id_of(&error.value), error.kind, pieces), (7, StoreErrorKind::OutOfMemory, 0));
                        None
                    }
                })
                .0?;
                Some(with(&bench.rows, first, last, 7))
            });
            let removed = refused::<K>("remove_with", &bench, make, &|bench, map| {
                let mut pieces = 0;
                under(Plan::From(1), || match map.remove_with(first..=last, Shortage::Allocate, |_| pieces += 1) {
                    Ok(()) => Some(()),
                    Err(error) => {
                        assert!(matches!(error, RemoveError::OutOfMemory | RemoveError::WouldCut(_)) && pieces == 0, "{error}");
                        None
                    }
                })
                .0?;
                Some(without(&bench.rows, first, last))
            });
            // The reserve is full, so only the clone for a hole can be refused.
            assert_eq!(removed > 0, last == 1_010 && K::CLONES, "remove_with {first}..={last}");
            // A copy has no node to spare, and its leaves are full.
            assert!(stored > 0 || !poor, "store_with {first}..={last}");
        }
    }
    let coalesced = refused::<K>("store_coalescing", &bench, Make::Copy, &|bench, map| {
        let entry = value::<K>(bench);
        let done = under(Plan::From(1), || map.store_coalescing_by(1_007..=1_010, entry, |_, _| false)).0;
        done.is_ok().then(|| with(&bench.rows, 1_007, 1_010, 7))
    });
    let split = refused::<K>("split", &bench, Make::Copy, &|bench, map| {
        assert!(under(Plan::From(1), || map.split(1_010)).0.ok()?);
        Some(with(&bench.rows, 1_010, 1_014, 100))
    });
    for at in [1_010, 1_015] {
        let off = refused::<K>("split_off", &bench, Make::Copy, &|bench, map| {
            let tail = under(Plan::From(1), || map.split_off(at)).0.ok()?;
            check::<K>(&tail, &without(&bench.rows, 0, at - 1), "split_off");
            Some(without(&bench.rows, at, u64::MAX))
        });
        assert!(off > 0);
    }
    assert!(coalesced > 0 && split > 0, "{coalesced}, {split}");
}

/// The other map, too, is what it was.
fn appended<K: Kind>() {
    let mut own = rows(300, 5, 10, 10);
    own.retain(|row| row.2 % 2 == 0);
    let bench = Fixture::new(own);
    let others: Vec<Row> = rows(300, 5, 10, 10).into_iter().filter(|row| row.2 % 2 == 1).collect();
    let refusals = refused::<K>("append", &bench, Make::Copy, &|bench, map| {
        let other = RangeMap::new;
        let mut other: RangeMap<K::V> = under(Plan::Off, || {
            let mut other = other();
            for &(first, last, id) in &others {
                other.insert(first..=last, K::make(&bench.ledger, id)).map_err(|error| error.kind).expect("memory");
            }
            other
        })
        .0;
        let done = under(Plan::From(1), || map.append(&mut other)).0;
        match done {
            Ok(()) => {
                assert!(other.is_empty());
                let mut all = [&bench.rows[..], &others].concat();
                all.sort_unstable();
                Some(all)
            }
            Err(error) => {
                assert_eq!(error, AppendError::OutOfMemory);
                check::<K>(&other, &others, "append");
                None
            }
        }
    });
    assert!(refusals > 5, "{refusals}");
}

/// On the shared face the value comes back, too, and nothing is reported.
fn beside<K: Kind>() {
    let _alone = alone();
    let bench = bench();
    let mut ballast = Ballast::new();
    let mut refused = 0;
    for free in 0..40 {
        let tree: MapleTree<_> = bench.map::<K>(Make::Copy).into();
        let entry = value::<K>(&bench);
        let alive = bench.ledger.live();
        let mut pieces = 0;
        // The flavour's own allocations are not this test's.
        drop(tree.pin());
        ballast.leave(free);
        let (done, ..) = under(Plan::From(1), || tree.store_with(1_012..=1_017, entry, |_, _| pieces += 1));
        if let Err(error) = done {
            assert_eq!((K::id_of(&error.value), pieces), (7, 0));
            drop(error);
            settle_if_retired();
            refused += 1;
            assert_eq!(bench.ledger.live(), alive - i64::from(K::COUNTED));
            check::<K>(&tree.into_inner(), &bench.rows, "store_with");
        } else {
            assert_eq!(pieces, 2);
            check::<K>(&tree.into_inner(), &with(&bench.rows, 1_012, 1_017, 7), "store_with");
        }
        settle_if_retired();
    }
    assert!((1..40).contains(&refused), "{refused}");
    bench.ledger.assert_all_dropped();
}

macro_rules! for_kinds {
    ($($name:ident: $run:ident::<$kind:ty>;)*) => {$(
        #[test]
        fn $name() {
            Reserve::global().fill().expect("memory for the reserve");
            $run::<$kind>();
        }
    )*};
}

for_kinds! {
    every_call_ints: every_call::<Ints>;
    every_call_arcs: every_call::<Arcs>;
    every_call_boxes: every_call::<Boxes>;
    every_call_rcu_boxes: every_call::<RcuBoxes>;
    every_call_rcu_arcs: every_call::<RcuArcs>;
    appended_ints: appended::<Ints>;
    appended_boxes: appended::<Boxes>;
    appended_rcu_arcs: appended::<RcuArcs>;
    beside_ints: beside::<Ints>;
    beside_boxes: beside::<Boxes>;
    beside_arcs: beside::<Arcs>;
}
