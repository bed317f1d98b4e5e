//! Arithmetic at the top of the index space: ranges that end there, sizes and alignments that no index can be added to, on every face.

use maple_tests::face::Face;
use maple_tests::model::{Model, span};
use maple_tests::on_both_faces;
use maple_tests::pair::{closed, expect, with};
use maple_tests::space::{Side, agree_on_space};
use maple_tree::{CursorErrorKind, Cyclic, FindError, MapleTree, RangeMap};
use std::ops::Bound::{Excluded, Included, Unbounded};

const MAX: u64 = u64::MAX;

/// Numbers at which a sum, a product or a remainder could go wrong.
const TELLING: [u64; 15] =
    [1, 2, 3, 5, 63, 64, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, MAX - 64, MAX - 2, MAX - 1, MAX];

/// Each search with each size and alignment, in trees with little at the ends of the index space, against a model that counts with 128 bits.
fn searches<F: Face>() {
    let layouts: [&[(u64, u64, u64)]; 8] = [
        &[],
        &[(0, 0, 1)],
        &[(MAX, MAX, 1)],
        &[(0, 0, 1), (MAX, MAX, 2)],
        &[(1 << 63, 1 << 63, 1)],
        &[(0, MAX - 1, 1)],
        &[(1, MAX, 1)],
        &[(5, 9, 1), ((1 << 63) - 1, 1 << 63, 2), (MAX - 9, MAX - 5, 3), (MAX - 1, MAX - 1, 4)],
    ];
    for items in layouts {
        let mut face = with::<F>(items);
        let mut model = Model::new();
        items.iter().for_each(|&(first, last, value)| assert_eq!(model.insert(closed(first, last), value), Ok(())));
        for within in [(0, MAX), (1, MAX), (0, MAX - 1), (1 << 63, MAX), (MAX - 70, MAX), (MAX - 1, MAX), (MAX, MAX)] {
            for size in TELLING {
                for align in TELLING {
                    agree_on_space(&mut face, &model, size, closed(within.0, within.1), align);
                }
            }
        }
        face.validate();
    }
}

/// Whole allocations at the top: up to the last index, one more, and what an alignment leaves.
fn allocations<F: Face>() {
    let top = closed(MAX - 9, MAX);
    let mut face = with::<F>(&[(MAX - 3, MAX - 2, 1)]);
    assert_eq!(face.alloc_range(7, top, 1, Side::Highest, 2), Err(FindError::Busy));
    assert_eq!(face.alloc_range(11, top, 1, Side::Highest, 2), Err(FindError::WindowTooSmall(MAX - 9..=MAX)));
    assert_eq!(face.alloc_range(MAX, top, MAX, Side::Lowest, 2), Err(FindError::WindowTooSmall(MAX - 9..=MAX)));
    assert_eq!(face.alloc_range(MAX, closed(0, MAX), MAX, Side::Lowest, 2), Err(FindError::Busy));
    assert_eq!(face.alloc_range(2, top, 1, Side::Highest, 2), Ok(MAX - 1));
    assert_eq!(face.alloc_range(1, closed(0, MAX), MAX, Side::Highest, 3), Ok(0), "the other multiple of it");
    assert_eq!(face.alloc_range(6, top, 1, Side::Highest, 4), Ok(MAX - 9));
    assert_eq!(face.alloc_range(1, top, 1, Side::Lowest, 5), Err(FindError::Busy));
    assert_eq!(face.alloc_range(MAX - 10, closed(0, MAX), 1, Side::Lowest, 5), Ok(1));
    expect(&face, &[(0, 0, 3), (1, MAX - 10, 5), (MAX - 9, MAX - 4, 4), (MAX - 3, MAX - 2, 1), (MAX - 1, MAX, 2)]);
    assert_eq!(face.largest_gap(closed(0, MAX)), None);
}

/// Cyclic allocation whose window is the last index, whose position is, and whose position is behind its window.
fn cyclic<F: Face>() {
    let mut face = F::new();
    let last = (Included(MAX), Unbounded);
    for start in [0, MAX - 1, MAX] {
        let mut cyclic = Cyclic::starting_at(start);
        assert_eq!((face.alloc_cyclic(last, &mut cyclic, 1), cyclic.wrapped(), cyclic.position()), (Ok(MAX), false, None));
        assert_eq!(face.alloc_cyclic(last, &mut cyclic, 1), Err(FindError::Busy));
        assert_eq!(cyclic.position(), None);
        assert_eq!(face.erase(MAX), Some((MAX, MAX, 1)));
        assert_eq!((face.alloc_cyclic(last, &mut cyclic, 1), cyclic.wrapped(), cyclic.position()), (Ok(MAX), true, None));
        assert_eq!(face.erase(MAX), Some((MAX, MAX, 1)));
    }
    let mut cyclic = Cyclic::starting_at(MAX);
    assert_eq!((face.alloc_cyclic(closed(0, MAX - 1), &mut cyclic, 1), cyclic.wrapped()), (Ok(0), true));
    assert_eq!(cyclic.position(), Some(1));
    let bad = face.alloc_cyclic((Excluded(MAX), Unbounded), &mut cyclic, 1);
    assert!(matches!(bad, Err(FindError::BadRange(_))) && cyclic.position() == Some(1), "{bad:?}");
    expect(&face, &[(0, 0, 1)]);
}

/// Stores, cuts and removals whose borders are the last indices.
fn changes<F: Face>() {
    let all = || with::<F>(&[(0, MAX, 1)]);
    let top = [MAX - 2, MAX - 1, MAX];
    for first in top {
        for last in top.into_iter().filter(|last| first <= *last) {
            let mut want = vec![(0, first - 1, 1), (first, last, 2)];
            let rest = last.checked_add(1).map(|rest| (rest, MAX, 1));
            want.extend(rest);
            let mut face = all();
            assert_eq!(face.store(closed(first, last), 2), Ok(()));
            expect(&face, &want);
            want.remove(1);
            assert_eq!(face.remove(closed(first, last)), Ok(()));
            expect(&face, &want);
            let mut face = all();
            assert_eq!(face.remove(closed(first, last)), Ok(()));
            expect(&face, &want);
            assert_eq!(span(closed(first, last)).map(|gap| face.gaps(closed(first, last)) == [gap]), Some(true));
        }
        let mut face = all();
        face.prune_cut_allocating(first);
        expect(&face, &[(0, first - 1, 1)]);
        face.prune(first - 1);
        expect(&face, &[(0, first - 1, 1)]);
    }
}

on_both_faces!(searches, allocations, cyclic, changes);

/// What only maps do at the last index: iterate to it, cut at it, join at it.
#[test]
fn calls_of_maps_at_the_last_index() {
    let build = || RangeMap::from_iter([(0..=9, 1u32), (MAX - 9..=MAX - 1, 2), (MAX..=MAX, 3)]);
    let mut map = build();
    map.retain(|range, _| *range.end() != MAX);
    assert_eq!(map.last(), Some((MAX - 9..=MAX - 1, 2)));
    let mut map = build();
    assert_eq!(map.drain(MAX - 9..).rev().map(|found| found.1).collect::<Vec<_>>(), [3, 2]);
    let mut map = build();
    assert_eq!(map.drain(MAX - 8..).collect::<Vec<_>>(), [(MAX..=MAX, 3)], "what sticks out stays");
    let mut map = build();
    assert_eq!(map.range_mut(MAX..).map(|(range, _)| range).collect::<Vec<_>>(), [MAX..=MAX]);
    assert_eq!((map.split(MAX), map.split(MAX - 1)), (Ok(false), Ok(true)));
    assert_eq!(map.get_range(MAX - 1), (MAX - 1..=MAX - 1, Some(2)));
    let mut map = build();
    let tail = map.split_off(MAX - 1).expect("memory");
    assert_eq!(tail.iter().collect::<Vec<_>>(), [(MAX - 1..=MAX - 1, 2), (MAX..=MAX, 3)]);
    assert_eq!(map.split_off(0).expect("memory").last(), Some((MAX - 9..=MAX - 2, 2)));
    assert!(map.is_empty());
    let mut map = build();
    map.store_coalescing(MAX.., 2).expect("memory");
    assert_eq!(map.get_range(MAX), (MAX - 9..=MAX, Some(2)));
    map.store_coalescing(10..MAX - 9, 2).expect("memory");
    assert_eq!(map.covered(..).collect::<Vec<_>>(), [0..=MAX]);
    let mut pieces = Vec::new();
    map.store_with(MAX.., 4, |piece| pieces.push(piece.range())).expect("memory");
    assert_eq!(pieces, [MAX..=MAX]);
    map.validate().expect("valid");
    let tree = MapleTree::<u32>::from(map);
    tree.store_coalescing(MAX.., 2).expect("memory");
    tree.retain(|range, _| *range.end() != MAX);
    assert_eq!(tree.get_range(MAX, &tree.pin()), (10..=MAX, None));
}

/// A cursor at the last index: there is nothing behind it, and no number for it either.
#[test]
fn cursors_at_the_last_index() {
    let mut map = RangeMap::from_iter([(MAX - 1..=MAX - 1, 1u32)]);
    let mut cursor = map.cursor_mut();
    assert_eq!(cursor.seek(MAX), None);
    assert_eq!(cursor.range(), Some(MAX..=MAX));
    assert!(cursor.next_slot().is_none() && cursor.next().is_none());
    assert_eq!(cursor.prev_slot(), Some((MAX..=MAX, None)));
    cursor.insert_after(MAX.., 2).expect("memory");
    assert_eq!(cursor.range(), Some(MAX..=MAX), "the gap is full");
    assert_eq!(cursor.insert_after(MAX.., 3).expect_err("no gap").kind, CursorErrorKind::NotInGap(None));
    assert_eq!(cursor.erase(), Some((MAX..=MAX, 2)));
    cursor.insert_before(MAX.., 4).expect("memory");
    cursor.store(MAX - 1.., 5).expect("memory");
    assert!(cursor.next().is_none());
    cursor.set_limits(MAX..);
    assert_eq!(cursor.next_slot(), None, "behind all");
    assert_eq!(cursor.prev(), Some((MAX - 1..=MAX, 5)));
    cursor.set_limits(..=0);
    assert_eq!(cursor.seek(MAX), None);
    assert_eq!(cursor.prev_slot(), Some((0..=0, None)));
    assert!(cursor.prev_slot().is_none());
    map.validate().expect("valid");
}
