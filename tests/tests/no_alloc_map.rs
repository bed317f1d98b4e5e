//! The removals of maps that take entries one by one ask the allocator for nothing: `retain` (on both faces), `drain`, `remove_with` of
//! whole entries, `at(..).remove()`, and taking a map apart. Each runs while every request of the thread is refused and is then found to
//! have made none; contents, books and structure are checked.

use maple_tests::alloc::{Counting, quiet};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, Make, settle_if_retired};
use maple_tests::shapes::{Row, contents, rows, shared_contents, telling, without};
use maple_tree::{At, MapleTree, Pool, RangeMap, RemoveError, Reserve, Shortage};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Fixtures of one leaf, two levels and three, with gaps and without.
fn benches() -> impl Iterator<Item = (Fixture, Make)> {
    let shapes =
        [(0, 0, Make::Tight), (1, 0, Make::Tight), (16, 0, Make::Tight), (40, 2, Make::Loose(3)), (300, 0, Make::Loose(4))];
    shapes.into_iter().map(|(count, gap, make)| (Fixture::new(rows(count, 5, 4, gap)), make)).chain([ends()])
}

/// Entries at both ends of the index space.
fn ends() -> (Fixture, Make) {
    let mut rows = rows(60, 0, 3, 1);
    rows.push((u64::MAX - 9, u64::MAX, 60));
    (Fixture::new(rows), Make::Tight)
}

fn check<K: Kind>(bench: &Fixture, map: &RangeMap<K::V>, want: &[Row]) {
    let summary = map.validate().unwrap_or_else(|invalid| panic!("{invalid}\n{}", map.dump()));
    assert_eq!((summary.entries, summary.dead), (want.len(), 0));
    assert_eq!(contents::<K>(map), want);
    settle_if_retired();
    bench.assert_alive::<K>(want.len());
}

/// The windows that a removal may tell apart, some of them.
fn windows(rows: &[Row]) -> Vec<(u64, u64)> {
    let places = telling(rows);
    let nth = places.len() / 12 + 1;
    let some: Vec<u64> =
        places.iter().copied().enumerate().filter(|(at, _)| at % nth < 2 || *at < 9).map(|(_, place)| place).collect();
    let mut windows = vec![(0, u64::MAX)];
    for (at, &first) in some.iter().enumerate() {
        windows.extend(some[at..].iter().step_by(3 + at % 4).map(|&last| (first, last)));
    }
    windows
}

fn retained<K: Kind>() {
    let _alone = alone();
    for (bench, make) in benches() {
        for (modulus, rest) in [(1, 0), (1, 1), (2, 0), (3, 1), (17, 5)] {
            let kept: Vec<Row> = bench.rows.iter().copied().filter(|row| row.2 % modulus != rest).collect();
            let mut map = bench.map::<K>(make);
            quiet(|| map.retain(|_, entry| K::id(entry) % modulus != rest));
            check::<K>(&bench, &map, &kept);
            drop(map);

            let tree = MapleTree::from(bench.map::<K>(make));
            // A reader from before, so that nothing can be released.
            let guard = tree.pin();
            quiet(|| tree.retain(|_, entry| K::id(entry) % modulus != rest));
            assert_eq!(shared_contents::<K>(&tree), kept);
            assert_eq!(tree.validate().expect("valid").entries, kept.len());
            bench.assert_alive::<K>(bench.rows.len());
            drop(guard);
            tree.synchronize().expect("not inside a read section");
            assert_eq!(tree.validate().expect("valid").dead, 0);
            settle_if_retired();
            bench.assert_alive::<K>(kept.len());
            check::<K>(&bench, &tree.into_inner(), &kept);
        }
        settle_if_retired();
        bench.ledger.assert_all_dropped();
    }
}

/// A tree without any node at hand.
fn retained_by_the_poor<K: Kind>() {
    let _alone = alone();
    let bench = Fixture::new(rows(200, 5, 4, 1));
    let tree = bench.poor_tree::<K>(true);
    quiet(|| tree.retain(|_, entry| K::id(entry) % 4 == 0));
    let kept: Vec<Row> = bench.rows.iter().copied().filter(|row| row.2 % 4 == 0).collect();
    assert_eq!(shared_contents::<K>(&tree), kept);
    tree.synchronize().expect("not inside a read section");
    settle_if_retired();
    bench.assert_alive::<K>(kept.len());
}

fn drained<K: Kind>() {
    let _alone = alone();
    for (bench, make) in benches() {
        for (first, last) in windows(&bench.rows) {
            let kept = |row: &Row| row.0 < first || last < row.1;
            let rest: Vec<Row> = bench.rows.iter().copied().filter(kept).collect();
            let gone: Vec<Row> = bench.rows.iter().copied().filter(|row| !kept(row)).collect();
            let mut map = bench.map::<K>(make);
            let mut left = gone.as_slice();
            // From both ends, about half; the rest goes when it is dropped.
            quiet(|| {
                let mut drain = map.drain(first..=last);
                for turn in 0..gone.len() / 2 + 1 {
                    let (got, want) = if turn % 2 == 0 {
                        (drain.next(), left.split_off_first())
                    } else {
                        (drain.next_back(), left.split_off_last())
                    };
                    let got = got.map(|(range, value)| (*range.start(), *range.end(), K::id_of(&value)));
                    assert_eq!(got, want.copied(), "drain {first}..={last}, turn {turn}");
                }
            });
            check::<K>(&bench, &map, &rest);
        }
        settle_if_retired();
        bench.ledger.assert_all_dropped();
    }
}

/// Without a border inside an entry, whatever is at hand; with one, if enough is at hand, or not at all.
fn removed_with_pieces<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for (bench, make) in benches() {
        for (first, last) in windows(&bench.rows) {
            let cuts = |index: u64| bench.rows.iter().any(|row| row.0 < index && index <= row.1);
            let cut = cuts(first) || last.checked_add(1).is_some_and(cuts);
            if cut && K::CLONES {
                // A hole clones; that is a matter of `map_failure.rs`.
                continue;
            }
            let mut map = bench.map::<K>(make);
            let (mut ids, mut pieces) = (0, 0);
            let done = if cut {
                // The reserve is full, or was a moment ago; a hole inside one entry may ask the allocator.
                map.remove_with(first..=last, Shortage::Refuse, |piece| (ids, pieces) = (ids + K::id(piece.get()), pieces + 1))
            } else {
                let each = |piece: maple_tree::Piece<'_, K::V>| {
                    assert!(piece.is_whole());
                    (ids, pieces) = (ids + K::id(piece.get()), pieces + 1);
                };
                quiet(|| map.remove_with(first..=last, Shortage::Refuse, each))
            };
            match done {
                Ok(()) => {
                    let inside: Vec<&Row> = bench.rows.iter().filter(|row| first <= row.1 && row.0 <= last).collect();
                    assert_eq!((ids, pieces), (inside.iter().map(|row| row.2).sum(), inside.len()), "{first}..={last}");
                    let rest = without(&bench.rows, first, last);
                    assert_eq!(contents::<K>(&map), rest);
                    assert_eq!(map.validate().expect("valid").dead, 0);
                    if !cut {
                        check::<K>(&bench, &map, &rest);
                    }
                }
                Err(RemoveError::WouldCut(_)) if cut => check::<K>(&bench, &map, &bench.rows),
                Err(error) => panic!("{first}..={last}: {error}"),
            }
            drop(map);
            Reserve::global().fill().expect("memory for the reserve");
        }
        settle_if_retired();
        bench.ledger.assert_all_dropped();
    }
}

fn taken_apart<K: Kind>() {
    let _alone = alone();
    for (bench, make) in benches() {
        for taken in [0, 1, 2, 17, bench.rows.len() / 2, bench.rows.len()] {
            let map = bench.map::<K>(make);
            let mut rest = quiet(|| map.into_iter());
            let mut wanted = bench.rows.iter();
            for turn in 0..taken {
                let (got, want) = if turn % 3 == 0 {
                    quiet(|| (rest.next_back(), wanted.next_back()))
                } else {
                    quiet(|| (rest.next(), wanted.next()))
                };
                let got = got.map(|(range, value)| (*range.start(), *range.end(), K::id_of(&value)));
                assert_eq!(got, want.copied());
            }
            settle_if_retired();
            bench.assert_alive::<K>(bench.rows.len().saturating_sub(taken));
            quiet(|| drop(rest));
            settle_if_retired();
            bench.assert_alive::<K>(0);
        }
        let mut map = bench.map::<K>(make);
        for &(first, last, id) in &bench.rows {
            let At::Occupied(there) = quiet(|| map.at(last)) else { panic!("an entry at {last}") };
            let (range, value) = quiet(|| there.remove());
            assert_eq!((range, K::id_of(&value)), (first..=last, id));
            quiet(|| drop(value));
        }
        check::<K>(&bench, &map, &[]);
    }
}

/// What is done to a map.
type Call<'c, K> = &'c dyn Fn(&mut RangeMap<<K as Kind>::V>);

/// Every node comes back, whatever was done to a map.
fn nodes_come_back<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    let used = || Pool::global().figures().nodes_in_use;
    for (bench, make) in benches() {
        let middle = bench.rows.get(bench.rows.len() / 2).map_or(7, |row| row.0 + 1);
        let calls: [Call<'_, K>; 7] = [
            &|map| drop(std::mem::take(map).into_iter().next()),
            &|map| drop(std::mem::take(map).into_iter()),
            &|map| drop(map.split_off(middle)),
            &|map| {
                let mut tail = map.split_off(middle).expect("memory");
                map.append(&mut tail).expect("memory");
                tail.append(map).expect("memory");
            },
            &|map| drop(map.drain(middle..).next()),
            &|map| drop(map.remove_with(1..=middle, Shortage::Allocate, |piece| drop(piece))),
            &|map| drop(map.store_with(1..=middle, K::make(&bench.ledger, 7), |piece| drop(piece))),
        ];
        for (number, call) in calls.iter().enumerate() {
            let before = used();
            let mut map = bench.map::<K>(make);
            call(&mut map);
            map.validate().expect("valid");
            drop(map);
            settle_if_retired();
            Reserve::global().fill().expect("memory for the reserve");
            assert_eq!(used(), before, "nodes after call {number} and the end of a map of {}", bench.rows.len());
        }
        bench.ledger.assert_all_dropped();
    }
}

/// Changes of entries where they are.
fn changed_in_place<K: Kind>() {
    let _alone = alone();
    let (bench, make) = ends();
    let mut map = bench.map::<K>(make);
    let mut spare: Vec<Option<K::V>> = bench.rows.iter().map(|row| Some(K::make(&bench.ledger, 60 - row.2))).collect();
    quiet(|| {
        for ((range, mut value), new) in map.iter_mut().zip(&mut spare) {
            assert_eq!(value.range(), range);
            let fresh = new.take().expect("one for each");
            *new = Some(value.update(|old| {
                assert_eq!(K::id(old) + K::id_of(&fresh), 60);
                fresh
            }));
        }
    });
    let want: Vec<Row> = bench.rows.iter().map(|&(first, last, id)| (first, last, 60 - id)).collect();
    assert_eq!(contents::<K>(&map), want);
    assert!(spare.iter().flatten().map(K::id_of).eq(0..=60), "the old ones came out");
    drop((map, spare));
    settle_if_retired();
    bench.ledger.assert_all_dropped();
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
    retained_ints: retained::<Ints>;
    retained_arcs: retained::<Arcs>;
    retained_boxes: retained::<Boxes>;
    retained_rcu_boxes: retained::<RcuBoxes>;
    retained_rcu_arcs: retained::<RcuArcs>;
    retained_by_the_poor_ints: retained_by_the_poor::<Ints>;
    retained_by_the_poor_boxes: retained_by_the_poor::<Boxes>;
    retained_by_the_poor_rcu_arcs: retained_by_the_poor::<RcuArcs>;
    drained_ints: drained::<Ints>;
    drained_arcs: drained::<Arcs>;
    drained_boxes: drained::<Boxes>;
    drained_rcu_boxes: drained::<RcuBoxes>;
    drained_rcu_arcs: drained::<RcuArcs>;
    removed_with_pieces_ints: removed_with_pieces::<Ints>;
    removed_with_pieces_arcs: removed_with_pieces::<Arcs>;
    removed_with_pieces_boxes: removed_with_pieces::<Boxes>;
    removed_with_pieces_rcu_arcs: removed_with_pieces::<RcuArcs>;
    nodes_come_back_ints: nodes_come_back::<Ints>;
    nodes_come_back_boxes: nodes_come_back::<Boxes>;
    changed_in_place_ints: changed_in_place::<Ints>;
    changed_in_place_arcs: changed_in_place::<Arcs>;
    changed_in_place_boxes: changed_in_place::<Boxes>;
    changed_in_place_rcu_arcs: changed_in_place::<RcuArcs>;
    taken_apart_ints: taken_apart::<Ints>;
    taken_apart_arcs: taken_apart::<Arcs>;
    taken_apart_boxes: taken_apart::<Boxes>;
    taken_apart_rcu_boxes: taken_apart::<RcuBoxes>;
    taken_apart_rcu_arcs: taken_apart::<RcuArcs>;
}
