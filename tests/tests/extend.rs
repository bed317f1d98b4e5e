//! Storing many at once: sorted input of every length, input in any order, bad ranges, and the traits of the standard library.

use maple_tests::check;
use maple_tests::face::Face;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed, with};
use maple_tests::shapes::Rng;
use maple_tests::{Bounds, Item, Model, Span, on_both_faces, on_every_face};
use maple_tree::{RangeMap, StoreErrorKind};
use std::cell::Cell;
use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const MAX: u64 = u64::MAX;

/// `count` ranges in order: `length` indices each, with `hole` free ones behind each.
fn in_order(count: u64, from: u64, length: u64, hole: u64) -> Vec<Item> {
    let first = |n: u64| from + n * (length + hole);
    (0..count).map(|n| (first(n), first(n) + (length - 1), n)).collect()
}

fn entries(items: &[Item]) -> Vec<(Bounds, u64)> {
    items.iter().map(|&(first, last, value)| (closed(first, last), value)).collect()
}

/// An empty face that took `items`, which are in order, and the model with them.
fn extended<F: Face>(items: &[Item]) -> Pair<F> {
    let mut pair = Pair::<F>::new();
    assert_eq!(pair.face.extend(&entries(items)), Ok(()));
    for &(first, last, value) in items {
        assert_eq!(pair.model.insert(closed(first, last), value), Ok(()), "the items are in order");
    }
    pair
}

/// Sorted input: the same as from stores one by one, in as few nodes as can be.
fn sorted<F: Face>(items: &[Item]) -> Pair<F> {
    let pair = extended::<F>(items);
    pair.agree_in_order();
    if items.len() < 40 || items.len() % 5 == 0 {
        assert_eq!(pair.face.items(), with::<F>(items).items(), "store by store");
    }
    let summary = pair.face.validate();
    assert_eq!(summary.dead, 0);
    assert!(summary.nodes <= check::nodes_when_full(&pair.model), "{summary:?}");
    pair
}

/// Every way to lie: adjacent or not, from the first index on or not, up to the last one or not, all of it.
fn layouts(count: u64) -> [Vec<Item>; 8] {
    let to_the_top = |mut items: Vec<Item>| {
        if let Some(last) = items.last_mut() {
            last.1 = MAX;
        }
        items
    };
    // The last range ends at the last index of all.
    let at_the_top = |stride: u64, length: u64| MAX - (count.max(1) - 1) * stride - (length - 1);
    [
        in_order(count, 0, 4, 0),
        in_order(count, 0, 4, 3),
        in_order(count, 100, 4, 0),
        in_order(count, 100, 1, 1),
        to_the_top(in_order(count, 0, 7, 0)),
        to_the_top(in_order(count, 0, 7, 1)),
        in_order(count, at_the_top(4, 4), 4, 0),
        in_order(count, at_the_top(5, 4), 4, 1),
    ]
}

fn sorted_input_of_every_length<F: Face>() {
    for count in 0..=600 {
        for items in layouts(count) {
            sorted::<F>(&items);
        }
    }
}

fn sorted_input_in_full<F: Face>() {
    for count in [0, 1, 2, 7, 8, 15, 16, 17, 33, 127, 128, 129, 255, 256, 257] {
        for items in layouts(count) {
            sorted::<F>(&items).agree();
        }
    }
}

/// Trees of four levels and more.
fn long_sorted_input<F: Face>() {
    for count in [2_047, 2_048, 2_049, 4_095, 4_096, 4_097, 33_000, 65_535, 65_536, 65_537] {
        for (first, hole) in [(0, 0), (1, 1)] {
            sorted::<F>(&in_order(count, first, 3, hole));
        }
    }
}

/// A tree that came from sorted input is a tree like any other.
fn changes_after_sorted_input<F: Face>() {
    for count in [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 127, 128, 129, 256, 300] {
        for items in layouts(count) {
            let mut pair = extended::<F>(&items);
            let (first, last) = (items[0], items[items.len() - 1]);
            let middle = items[items.len() / 2];
            pair.store(last.1.saturating_add(1), last.1.saturating_add(2), 1_000);
            pair.store(middle.0, middle.0, 1_001).erase(middle.1).store(first.0, first.1, 1_002);
            for n in 0..20 {
                let near = middle.0.saturating_add(n);
                pair.store((1 << 20) + n * 2, (1 << 20) + n * 2, n).store(near, near.saturating_add(1), n);
            }
            let copy = pair.dup();
            pair.run(Op::Prune { from: middle.0 }).run(Op::Extend { entries: entries(&items) }).run(Op::Compact).agree_in_order();
            copy.agree_in_order();
        }
    }
}

// Input that is not in order.

/// Ways to be out of order.
fn disorders(count: u64) -> Vec<Vec<(Bounds, u64)>> {
    let items = in_order(count, 50, 6, 2);
    let adjacent = in_order(count, 50, 6, 0);
    let value = |mut items: Vec<Item>| {
        (0..).zip(&mut items).for_each(|(n, item)| item.2 = n);
        entries(&items)
    };
    let mut all = vec![value(items.iter().rev().copied().collect()), value(adjacent.iter().rev().copied().collect())];
    let mut shuffled = items.clone();
    Rng(count).shuffle(&mut shuffled);
    all.push(value(shuffled));
    // Each over the end of the one before; each over its middle; each twice; all twice.
    all.push(value(items.iter().map(|&(first, last, n)| (first, last + 4, n)).collect()));
    all.push(value(items.iter().flat_map(|&item| [item, (item.0 + 2, item.1 - 2, 0)]).collect()));
    all.push(value(items.iter().flat_map(|&item| [item, item]).collect()));
    all.push(value([items.clone(), adjacent].concat()));
    // In order, but for one.
    for place in [1, count / 2, count.saturating_sub(1), count] {
        let place = place.min(count) as usize;
        for (first, last) in [(0, MAX), (0, 0), (52, 52), (MAX, MAX), (55, 60 + count * 4), (50 + count * 8, MAX)] {
            let mut items = items.clone();
            items.insert(place, (first, last, 0));
            all.push(value(items));
        }
    }
    all
}

/// Runs `before`, then stores `new` at once, and compares with stores one by one.
fn at_once_and_one_by_one<F: Face>(before: &[Op], new: &[(Bounds, u64)]) {
    let (mut pair, mut other, mut model) = (Pair::<F>::new(), F::new(), Model::new());
    for op in before {
        pair.run(op.clone());
        op.run(&mut other, &mut model);
    }
    pair.run(Op::Extend { entries: new.to_vec() }).agree_in_order();
    for &(range, value) in new {
        assert_eq!(other.store(range, value), Ok(()));
    }
    assert_eq!(pair.face.items(), other.items(), "store by store");
}

fn input_in_any_order<F: Face>() {
    for count in [0, 1, 2, 3, 9, 16, 17, 40, 130] {
        for new in disorders(count) {
            at_once_and_one_by_one::<F>(&[], &new);
        }
    }
}

fn input_for_a_tree_that_is_not_empty<F: Face>() {
    let fill = |items: Vec<Item>| Op::Extend { entries: entries(&items) };
    let befores = [
        vec![fill(in_order(60, 3, 5, 4))],
        vec![fill(in_order(1, 0, MAX, 0))],
        vec![fill(in_order(40, 3, 5, 4)), Op::Clear],
        vec![fill(in_order(1, 300, 50, 0)), Op::Erase { index: 310 }],
    ];
    for before in befores {
        for count in [0, 1, 16, 40] {
            for new in disorders(count) {
                at_once_and_one_by_one::<F>(&before, &new);
            }
            for items in layouts(count) {
                at_once_and_one_by_one::<F>(&before, &entries(&items));
            }
        }
    }
}

// Ranges that hold no index.

fn a_bad_range_stops_it<F: Face>() {
    let bad = [
        (Bound::Included(9), Bound::Included(8)),
        (Bound::Included(70), Bound::Excluded(70)),
        (Bound::Excluded(MAX), Bound::Unbounded),
    ];
    for count in [1, 2, 8, 9, 16, 17, 18, 33, 60] {
        for hole in [0, 2] {
            for at in 0..count {
                let mut new = entries(&in_order(count, 5, 6, hole));
                new[at as usize].0 = bad[at as usize % bad.len()];
                // The face checks that the value comes back, and that no more was taken.
                Pair::<F>::new().run(Op::Extend { entries: new.clone() }).agree_in_order();
                let mut pair = Pair::<F>::of(10, 12, 3);
                pair.run(Op::Extend { entries: new.clone() }).run(Op::Extend { entries: new[..at as usize].to_vec() });
                pair.agree_in_order();
            }
        }
    }
}

#[test]
fn the_rest_is_not_taken() {
    let values: Vec<Arc<u64>> = (0..100).map(Arc::new).collect();
    for bad in 0..100 {
        let range = |n: u64| if n == bad { (Bound::Included(1), Bound::Excluded(1)) } else { closed(n * 10, n * 10 + 6) };
        let mut new = values.iter().map(|value| (range(**value), value.clone()));
        let mut map = RangeMap::new();
        let error = map.try_extend(new.by_ref()).expect_err("a range is bad");
        assert!(matches!(error.kind, StoreErrorKind::BadRange(_)), "{error:?}");
        assert!(Arc::ptr_eq(&error.value, &values[bad as usize]));
        assert_eq!(new.next().map(|(_, value)| *value), (bad < 99).then_some(bad + 1));
        assert!(map.iter().map(|(range, value)| (*range.start(), *value)).eq((0..bad).map(|n| (n * 10, n))));
    }
}

// The traits.

/// Stores ranges of one type by the three calls there are.
fn by_every_call<R: RangeBounds<u64> + Clone>(ranges: &[R], want: &[Item]) {
    let new = || ranges.iter().cloned().zip(0_u32..);
    let items = |map: &RangeMap<u32>| {
        map.validate().expect("valid");
        map.iter().map(|(range, value)| (*range.start(), *range.end(), u64::from(value))).collect::<Vec<Item>>()
    };
    assert_eq!(items(&new().collect()), want);
    let mut map = RangeMap::new();
    map.extend(new());
    assert_eq!(items(&map), want);
    map.extend(new());
    assert_eq!(items(&map), want, "once more");
    assert_eq!(map.try_extend(new()).map_err(|error| error.kind), Ok(()));
    assert_eq!(items(&map), want, "and again");
}

#[test]
fn ranges_of_every_type() {
    by_every_call(&[0..5, 5..6, 8..MAX], &[(0, 4, 0), (5, 5, 1), (8, MAX - 1, 2)]);
    by_every_call(&[0..=5, 6..=6, 8..=MAX], &[(0, 5, 0), (6, 6, 1), (8, MAX, 2)]);
    by_every_call(&[3.., 9..], &[(3, 8, 0), (9, MAX, 1)]);
    by_every_call(&[..9, ..4], &[(0, 3, 1), (4, 8, 0)]);
    by_every_call(&[..=9, ..=4], &[(0, 4, 1), (5, 9, 0)]);
    by_every_call(&[.., ..], &[(0, MAX, 1)]);
    let after = |first: u64, last: u64| (Bound::Excluded(first), Bound::Included(last));
    by_every_call(&[after(3, 5), after(5, 9)], &[(4, 5, 0), (6, 9, 1)]);
    by_every_call::<core::ops::Range<u64>>(&[], &[]);
}

#[test]
fn extend_and_collect_panic_at_a_bad_range() {
    for bad in 0..40_u32 {
        let new = || (0..40_u32).map(|n| if n == bad { (9..9, n) } else { (u64::from(n) * 10..u64::from(n) * 10 + 6, n) });
        let mut map = RangeMap::new();
        let taken = Cell::new(0);
        let done = catch_unwind(AssertUnwindSafe(|| map.extend(new().inspect(|_| taken.set(taken.get() + 1)))));
        let message = done.expect_err("a range is bad");
        assert!(message.downcast_ref::<String>().is_some_and(|text| !text.is_empty()));
        assert_eq!(taken.get(), bad + 1);
        map.validate().expect("valid");
        assert!(map.iter().map(|(_, value)| value).eq(0..bad), "what came before is there");
        assert!(catch_unwind(|| new().collect::<RangeMap<u32>>()).is_err());
    }
}

/// All nodes that a map from sorted input has are full, however often it is filled.
fn a_map_that_was_cleared_is_filled_anew<F: Face>() {
    let mut pair = Pair::<F>::new();
    for round in 1..6 {
        let items = in_order(100 * round, round, 5, round % 2);
        pair.run(Op::Extend { entries: entries(&items) });
        assert!(pair.face.validate().nodes <= check::nodes_when_full(&pair.model));
        pair.agree_in_order();
        let (first, last): Span = (items[3].0, items[90].1);
        pair.remove(first, last).run(if round % 2 == 0 { Op::Clear } else { Op::Prune { from: 0 } });
        check::agree(&pair.face, &Model::new());
        pair.run(Op::Synchronize);
    }
}

/// Leaves that are gone leave gaps in the nodes above; these gaps need slots of leaves when the tree is built anew.
fn compact_after_whole_leaves_are_gone<F: Face>() {
    for count in [64, 256, 512, 4_096] {
        let mut pair = extended::<F>(&in_order(count, 0, 4, 0));
        for n in (0..count).filter(|n| n / 16 % 2 == 0) {
            assert_eq!(pair.face.erase(n * 4), pair.model.erase(n * 4));
        }
        pair.run(Op::Synchronize).run(Op::Compact).agree_in_order();
    }
}

on_every_face!(
    compact_after_whole_leaves_are_gone,
    sorted_input_in_full,
    changes_after_sorted_input,
    input_in_any_order,
    a_bad_range_stops_it,
    a_map_that_was_cleared_is_filled_anew,
);

on_both_faces!(sorted_input_of_every_length, long_sorted_input, input_for_a_tree_that_is_not_empty);
