//! Sets of indices, and set operations on what maps cover, against sets of single numbers.

use maple_tests::pair::closed;
use maple_tests::{Bounds, Model, span};
use maple_tree::{BadRange, Covered, MapleTree, RangeMap, RangeSet, Ranges, RemoveError, Shortage, StoreErrorKind};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::{prop_assert_eq, proptest};
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::{Bound, RangeInclusive};

/// The indices of these tests: `SIZE` at the bottom, and as many at the top.
const SIZE: u64 = 160;

/// A number below `2 * SIZE` as an index, and back.
fn index(number: u64) -> u64 {
    if number < SIZE { number } else { u64::MAX - (2 * SIZE - 1 - number) }
}

/// The plain set: numbers below `2 * SIZE`. Those between are never in it.
type Plain = BTreeSet<u64>;

/// The maximal ranges of a plain set; of a dense one the middle is one range, which is split at it.
fn ranges(plain: &Plain) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    for at in plain.iter().map(|number| index(*number)) {
        match ranges.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(at) => *last = *last.start()..=at,
            _ => ranges.push(at..=at),
        }
    }
    ranges
}

fn numbers((first, last): (u64, u64)) -> impl Iterator<Item = u64> {
    (first..=last).filter(|number| *number < 2 * SIZE)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Ranges of numbers on one side of the middle, mostly short.
fn spans() -> impl Strategy<Value = Vec<(bool, (u64, u64))>> {
    let span = (any::<bool>(), 0..SIZE, 0..4_u32, any::<u64>()).prop_map(|(high, at, magnitude, length)| {
        let last = (at + length % (1 << (2 * magnitude))).min(SIZE - 1);
        if high { (SIZE + at, SIZE + last) } else { (at, last) }
    });
    vec((any::<bool>(), span), 0..120)
}

/// A set and its plain form, after inserting and removing.
fn build(spans: &[(bool, (u64, u64))]) -> (RangeSet, Plain) {
    let (mut set, mut plain) = (RangeSet::new(), Plain::new());
    for &(insert, (first, last)) in spans {
        let range = index(first)..=index(last);
        if insert {
            let fresh = numbers((first, last)).filter(|number| plain.insert(*number)).count();
            assert_eq!(set.covers(range.clone()), fresh == 0);
            assert_eq!(set.insert(range).expect("memory"), fresh > 0);
        } else {
            let there = numbers((first, last)).filter(|number| plain.remove(number)).count();
            assert_eq!(set.overlaps(range.clone()), there > 0);
            set.remove(range).expect("memory");
        }
        assert!(set.as_map().validate().is_ok());
    }
    (set, plain)
}

/// Every way to go through ranges gives the same.
fn all_ways(what: &str, found: Covered<'_, impl maple_tree::Entry>, want: &[RangeInclusive<u64>]) {
    assert_eq!(found.clone().collect::<Vec<_>>(), want, "{what}");
    let mut reversed: Vec<_> = found.clone().rev().collect();
    reversed.reverse();
    assert_eq!(reversed, want, "{what}, from the back");
    let (mut scan, mut want, mut turn) = (found, want.iter(), 0);
    loop {
        let (got, wanted) = if turn % 3 == 0 { (scan.next(), want.next()) } else { (scan.next_back(), want.next_back()) };
        assert_eq!(got.as_ref(), wanted, "{what}, turn {turn}");
        if got.is_none() {
            break;
        }
        turn += 1;
    }
    assert_eq!((scan.next(), scan.next_back()), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_hold_what_plain_sets_do(spans in spans(), (_, window) in (any::<bool>(), (0..2 * SIZE, 0..2 * SIZE))) {
        let (set, plain) = build(&spans);
        all_ways("iter", set.iter(), &ranges(&plain));
        for number in 0..2 * SIZE {
            prop_assert_eq!(set.contains(index(number)), plain.contains(&number));
            let around = ranges(&plain).into_iter().find(|range| range.contains(&index(number)));
            prop_assert_eq!(set.get(index(number)), around);
        }
        prop_assert_eq!(set.is_empty(), plain.is_empty());
        let map = set.clone().into_map();
        prop_assert_eq!(map.iter().map(|(range, ())| range).collect::<Vec<_>>(), ranges(&plain));
        let (first, last) = (window.0.min(window.1), window.0.max(window.1));
        let inside: Plain = plain.iter().copied().filter(|number| (first..=last).contains(number)).collect();
        all_ways("range", set.range(index(first)..=index(last)), &ranges(&inside));
        // The gaps are the rest.
        let gaps = set.gaps(..);
        prop_assert_eq!(set.iter().union(gaps.clone()).collect::<Vec<_>>(), [0..=u64::MAX]);
        prop_assert_eq!(set.iter().intersection(gaps).next(), None);

        let again: RangeSet = set.iter().collect();
        prop_assert_eq!(&again, &set);
        prop_assert_eq!(hash(&again), hash(&set));
        let mut other = set.clone();
        if let Some(range) = other.iter().next() {
            prop_assert_eq!(other.take(*range.start()), Some(range.clone()));
            assert!(other != set && hash(&other) != hash(&set));
            other.extend([range]);
        }
        prop_assert_eq!(&other, &set);
        prop_assert_eq!(set.into_iter().collect::<Vec<_>>(), ranges(&plain));
    }

    #[test]
    fn operations_are_those_of_plain_sets(one in spans(), other in spans()) {
        let ((one, plain), (other, plain_other)) = (build(&one), build(&other));
        let want = |plain: Vec<u64>| ranges(&plain.into_iter().collect());
        let mut results = Vec::new();
        macro_rules! check {
            ($($operation:ident),*) => {$(
                let wanted = want(plain.$operation(&plain_other).copied().collect());
                prop_assert_eq!(one.$operation(&other).collect::<Vec<_>>(), wanted.clone(), "{}", stringify!($operation));
                results.push(wanted);
            )*};
        }
        check!(union, intersection, difference, symmetric_difference);
        // They nest, and what they give is in order, apart, and fused.
        let nested = one.union(&other).difference(one.intersection(&other));
        prop_assert_eq!(nested.clone().collect::<Vec<_>>(), results[3].clone());
        let mut rest = nested;
        while rest.next().is_some() {}
        prop_assert_eq!(rest.next(), None);
        prop_assert_eq!(one.iter().union(other.iter()).intersection(one.iter()).collect::<Vec<_>>(), ranges(&plain));
    }

    /// Maps of entries that touch cover what sets hold, also beside readers.
    #[test]
    fn maps_cover_what_sets_hold(spans in spans(), (from, to) in (0..2 * SIZE, 0..2 * SIZE)) {
        let (mut map, mut model) = (RangeMap::<Box<u64>>::new(), Model::new());
        for (value, &(insert, (first, last))) in spans.iter().enumerate() {
            let range = closed(index(first), index(last));
            if insert {
                map.store(range, Box::new(value as u64)).expect("memory");
                model.store(range, value as u64).expect("a range");
            } else {
                map.remove(range).expect("memory");
                model.remove(range).expect("a range");
            }
        }
        let window = (index(from.min(to)), index(from.max(to)));
        let mut want: Vec<RangeInclusive<u64>> = Vec::new();
        for (first, last, _) in model.range(window.0..=window.1) {
            let (first, last) = (first.max(window.0), last.min(window.1));
            match want.last_mut() {
                Some(run) if run.end() + 1 == first => *run = *run.start()..=last,
                _ => want.push(first..=last),
            }
        }
        all_ways("a map", map.covered(window.0..=window.1), &want);
        let set: RangeSet = map.covered(..).collect();
        let tree = MapleTree::<Box<u64>>::from(map);
        let guard = tree.pin();
        all_ways("a tree", tree.covered(window.0..=window.1, &guard), &want);
        prop_assert_eq!(tree.covered(.., &guard).symmetric_difference(set.iter()).next(), None);
    }
}

#[test]
fn the_ends_of_the_index_space() {
    let mut set = RangeSet::new();
    assert_eq!(set.insert(u64::MAX..).map_err(|error| error.kind), Ok(true));
    assert_eq!(set.insert(..1).map_err(|error| error.kind), Ok(true));
    assert_eq!(set.iter().collect::<Vec<_>>(), [0..=0, u64::MAX..=u64::MAX]);
    assert_eq!(set.insert(1..u64::MAX).map_err(|error| error.kind), Ok(true));
    assert_eq!(set.iter().collect::<Vec<_>>(), [0..=u64::MAX]);
    assert_eq!(set.insert(..).map_err(|error| error.kind), Ok(false));
    assert!(set.covers(..) && set.contains(u64::MAX) && set.gaps(..).next().is_none());
    let all = set.clone();
    set.remove(5..=5).expect("memory");
    assert_eq!(all.difference(&set).collect::<Vec<_>>(), [5..=5]);
    assert_eq!(all.symmetric_difference(&set).collect::<Vec<_>>(), [5..=5]);
    assert_eq!(all.union(&set).collect::<Vec<_>>(), [0..=u64::MAX]);
    assert_eq!(all.intersection(&set).collect::<Vec<_>>(), [0..=4, 6..=u64::MAX]);
    assert_eq!(set.difference(&all).next(), None);
    set.clear();
    assert!(set.is_empty() && set == RangeSet::default());
    assert_eq!(format!("{all:?}"), format!("{{{:?}}}", 0..=u64::MAX));
}

#[test]
fn ranges_without_an_index_are_refused() {
    let mut set = RangeSet::new();
    let bad = closed(5, 4);
    assert_eq!(span(bad), None);
    let wanted = BadRange { start: Bound::Included(5), end: Bound::Included(4) };
    assert_eq!(set.insert(bad).expect_err("no index").kind, StoreErrorKind::BadRange(wanted));
    assert_eq!(set.remove(bad), Err(RemoveError::BadRange(wanted)));
    assert_eq!(set.remove_or(bad, Shortage::Refuse), Err(RemoveError::BadRange(wanted)));
    assert!(!set.covers(bad) && !set.overlaps(bad) && set.range(bad).next().is_none());
    let ranges: [Bounds; 2] = [closed(1, 2), bad];
    assert!(set.try_extend(ranges).is_err());
    assert_eq!(set.iter().collect::<Vec<_>>(), [1..=2]);
}
