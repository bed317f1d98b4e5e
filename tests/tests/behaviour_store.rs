//! Stores and insertions: the ends of the index space, every way a range can lie over others.

use core::ops::Bound;
use maple_tests::check::{ALL, FORWARD, drain};
use maple_tests::face::Face;
use maple_tests::pair::{Pair, closed, expect, with};
use maple_tests::{Item, Refusal, on_both_faces, on_every_face};

const MAX: u64 = u64::MAX;

/// Stores `range` over `before` and expects `after`.
fn store<F: Face>(before: &[Item], range: Item, after: &[Item]) {
    let mut face = with::<F>(before);
    assert_eq!(face.store(closed(range.0, range.1), range.2), Ok(()));
    expect(&face, after);
}

// The ends of the index space.

fn index_0<F: Face>() {
    store::<F>(&[], (0, 0, 1), &[(0, 0, 1)]);
    store::<F>(&[(0, 0, 1)], (0, 0, 2), &[(0, 0, 2)]);
    store::<F>(&[(0, 9, 1)], (0, 0, 2), &[(0, 0, 2), (1, 9, 1)]);
    let mut face = with::<F>(&[(0, 0, 1), (1, 1, 2)]);
    assert_eq!(face.erase(0), Some((0, 0, 1)));
    expect(&face, &[(1, 1, 2)]);
}

fn index_max<F: Face>() {
    store::<F>(&[], (MAX, MAX, 1), &[(MAX, MAX, 1)]);
    store::<F>(&[(MAX, MAX, 1)], (MAX, MAX, 2), &[(MAX, MAX, 2)]);
    store::<F>(&[(MAX - 9, MAX, 1)], (MAX, MAX, 2), &[(MAX - 9, MAX - 1, 1), (MAX, MAX, 2)]);
    let mut face = with::<F>(&[(MAX - 1, MAX - 1, 1), (MAX, MAX, 2)]);
    assert_eq!(face.erase(MAX), Some((MAX, MAX, 2)));
    expect(&face, &[(MAX - 1, MAX - 1, 1)]);
}

fn the_full_range<F: Face>() {
    store::<F>(&[], (0, MAX, 1), &[(0, MAX, 1)]);
    store::<F>(&[(0, MAX, 1)], (0, MAX, 2), &[(0, MAX, 2)]);
    store::<F>(&[(5, 9, 1), (MAX, MAX, 2)], (0, MAX, 3), &[(0, MAX, 3)]);
    store::<F>(&[(0, MAX, 1)], (7, 7, 2), &[(0, 6, 1), (7, 7, 2), (8, MAX, 1)]);
    store::<F>(&[(0, MAX, 1)], (0, 0, 2), &[(0, 0, 2), (1, MAX, 1)]);
    store::<F>(&[(0, MAX, 1)], (MAX, MAX, 2), &[(0, MAX - 1, 1), (MAX, MAX, 2)]);
    for range in [closed(0, MAX), ALL, (Bound::Included(0), Bound::Unbounded)] {
        let mut face = F::new();
        assert_eq!(face.insert(range, 1), Ok(()));
        expect(&face, &[(0, MAX, 1)]);
        assert_eq!(face.insert(closed(3, 3), 2), Err(Refusal::Occupied((0, MAX))));
        assert_eq!(face.erase(12_345), Some((0, MAX, 1)));
        expect(&face, &[]);
    }
}

fn one_index<F: Face>() {
    for index in [1, 2, 1 << 32, 1 << 63, MAX - 1] {
        store::<F>(&[], (index, index, 1), &[(index, index, 1)]);
        store::<F>(&[(0, MAX, 1)], (index, index, 2), &[(0, index - 1, 1), (index, index, 2), (index + 1, MAX, 1)]);
    }
}

fn ranges_that_end_at_max<F: Face>() {
    store::<F>(&[], (5, MAX, 1), &[(5, MAX, 1)]);
    store::<F>(&[(5, MAX, 1)], (3, MAX, 2), &[(3, MAX, 2)]);
    store::<F>(&[(5, MAX, 1)], (9, MAX, 2), &[(5, 8, 1), (9, MAX, 2)]);
    store::<F>(&[(5, MAX, 1)], (9, MAX - 1, 2), &[(5, 8, 1), (9, MAX - 1, 2), (MAX, MAX, 1)]);
    let mut face = with::<F>(&[(1, 2, 1), (5, MAX, 2)]);
    assert_eq!(face.remove((Bound::Excluded(MAX - 1), Bound::Unbounded)), Ok(()));
    expect(&face, &[(1, 2, 1), (5, MAX - 1, 2)]);
}

fn iteration_stops_at_max<F: Face>() {
    for items in [&[(MAX, MAX, 1)][..], &[(0, MAX, 1)], &[(0, 0, 1), (7, 9, 2), (MAX - 3, MAX, 3)]] {
        let face = with::<F>(items);
        // `drain` goes on calling behind the end.
        face.scan_all(|scan| drain(scan, items, FORWARD));
        let last = *items.last().expect("not empty");
        face.scan(closed(MAX, MAX), |scan| drain(scan, &[last], FORWARD));
        face.scan((Bound::Included(MAX - 1), Bound::Unbounded), |scan| {
            drain(scan, &[last], FORWARD);
        });
        face.scan((Bound::Excluded(MAX), Bound::Unbounded), |scan| drain(scan, &[], FORWARD));
    }
}

fn iteration_stops_at_0_backward<F: Face>() {
    for items in [&[(0, 0, 1)][..], &[(0, MAX, 1)], &[(0, 0, 1), (7, 9, 2), (MAX, MAX, 3)]] {
        let face = with::<F>(items);
        face.scan_all(|scan| drain(scan, items, !FORWARD));
        face.scan(closed(0, 0), |scan| drain(scan, &items[..1], !FORWARD));
        face.scan((Bound::Unbounded, Bound::Excluded(0)), |scan| drain(scan, &[], !FORWARD));
    }
}

// A store over others.

fn store_equals_an_entry<F: Face>() {
    store::<F>(&[(10, 19, 1), (20, 29, 2), (40, 49, 3)], (20, 29, 9), &[(10, 19, 1), (20, 29, 9), (40, 49, 3)]);
}

fn store_cuts_the_start_of_an_entry<F: Face>() {
    store::<F>(&[(10, 19, 1)], (10, 14, 9), &[(10, 14, 9), (15, 19, 1)]);
    store::<F>(&[(10, 19, 1)], (5, 10, 9), &[(5, 10, 9), (11, 19, 1)]);
    store::<F>(&[(10, 19, 1)], (5, 18, 9), &[(5, 18, 9), (19, 19, 1)]);
}

fn store_cuts_the_end_of_an_entry<F: Face>() {
    store::<F>(&[(10, 19, 1)], (15, 19, 9), &[(10, 14, 1), (15, 19, 9)]);
    store::<F>(&[(10, 19, 1)], (19, 25, 9), &[(10, 18, 1), (19, 25, 9)]);
    store::<F>(&[(10, 19, 1)], (11, 25, 9), &[(10, 10, 1), (11, 25, 9)]);
}

fn store_cuts_the_middle_of_an_entry<F: Face>() {
    store::<F>(&[(10, 19, 1)], (14, 15, 9), &[(10, 13, 1), (14, 15, 9), (16, 19, 1)]);
    store::<F>(&[(10, 19, 1)], (11, 18, 9), &[(10, 10, 1), (11, 18, 9), (19, 19, 1)]);
}

fn store_three_ways_again_and_again<F: Face>() {
    let mut pair = Pair::<F>::new();
    pair.store(0, 2_000, 1);
    for n in 1..1_000 {
        pair.store(n, 2_000 - n, n + 1);
    }
    assert_eq!(pair.model.len(), 1_999);
    pair.agree();
}

fn store_covers_two_entries<F: Face>() {
    let before = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];
    store::<F>(&before, (10, 29, 9), &[(10, 29, 9), (40, 49, 3)]);
    store::<F>(&before, (20, 49, 9), &[(10, 19, 1), (20, 49, 9)]);
    store::<F>(&before, (15, 24, 9), &[(10, 14, 1), (15, 24, 9), (25, 29, 2), (40, 49, 3)]);
    store::<F>(&before, (25, 44, 9), &[(10, 19, 1), (20, 24, 2), (25, 44, 9), (45, 49, 3)]);
}

fn store_starts_in_a_gap<F: Face>() {
    store::<F>(&[(10, 19, 1), (40, 49, 2)], (30, 49, 9), &[(10, 19, 1), (30, 49, 9)]);
    store::<F>(&[(10, 19, 1), (40, 49, 2)], (20, 44, 9), &[(10, 19, 1), (20, 44, 9), (45, 49, 2)]);
}

fn store_ends_in_a_gap<F: Face>() {
    store::<F>(&[(10, 19, 1), (40, 49, 2)], (10, 30, 9), &[(10, 30, 9), (40, 49, 2)]);
    store::<F>(&[(10, 19, 1), (40, 49, 2)], (15, 39, 9), &[(10, 14, 1), (15, 39, 9), (40, 49, 2)]);
}

fn store_within_a_gap<F: Face>() {
    let before = [(10, 19, 1), (40, 49, 2)];
    store::<F>(&before, (25, 34, 9), &[(10, 19, 1), (25, 34, 9), (40, 49, 2)]);
    store::<F>(&before, (20, 39, 9), &[(10, 19, 1), (20, 39, 9), (40, 49, 2)]);
    store::<F>(&before, (20, 20, 9), &[(10, 19, 1), (20, 20, 9), (40, 49, 2)]);
    store::<F>(&before, (39, 39, 9), &[(10, 19, 1), (39, 39, 9), (40, 49, 2)]);
    store::<F>(&before, (0, 9, 9), &[(0, 9, 9), (10, 19, 1), (40, 49, 2)]);
    store::<F>(&before, (50, MAX, 9), &[(10, 19, 1), (40, 49, 2), (50, MAX, 9)]);
}

fn a_part_cut_off_joins_the_gap_of_its_neighbour<F: Face>() {
    let mut face = with::<F>(&[(10, 19, 1), (40, 49, 2)]);
    assert_eq!(face.remove(closed(15, 19)), Ok(()));
    assert_eq!(face.get_range(17), ((15, 39), None));
    assert_eq!(face.remove(closed(40, 42)), Ok(()));
    assert_eq!(face.get_range(17), ((15, 42), None));
    assert_eq!(face.gaps(ALL), [(0, 9), (15, 42), (50, MAX)]);
    expect(&face, &[(10, 14, 1), (43, 49, 2)]);
}

fn equal_neighbours_stay_apart<F: Face>() {
    store::<F>(&[(10, 19, 7)], (20, 29, 7), &[(10, 19, 7), (20, 29, 7)]);
    store::<F>(&[(10, 29, 7)], (15, 19, 7), &[(10, 14, 7), (15, 19, 7), (20, 29, 7)]);
}

// A store over whole nodes: at every place, with every way to begin and end.

fn sweep<F: Face>(base: &Pair<F>, stride: u64, length: u64, counts: &[u64], step: usize) {
    let ranges = base.model.len() as u64;
    for &count in counts {
        assert!(count <= ranges);
        for place in (0..=ranges - count).rev().step_by(step) {
            let first = place * stride;
            let last = first + (count - 1) * stride + length - 1;
            let edges = [(first, last), (first + 1, last), (first, last - 1), (first.saturating_sub(1), last + 1)];
            for (first, last) in edges {
                let mut pair = base.dup();
                pair.store(first, last, 1_000_000).agree_in_order();
                pair.remove(first, last).agree_in_order();
            }
        }
    }
}

fn store_covers_many_entries<F: Face>() {
    sweep(&Pair::<F>::of(40, 10, 6), 10, 6, &[1, 2, 3, 4, 5, 7, 9, 12], 1);
    sweep(&Pair::<F>::of(40, 10, 10), 10, 10, &[1, 2, 3, 4, 5, 7, 9, 12], 1);
}

fn store_covers_a_whole_leaf<F: Face>() {
    sweep(&Pair::<F>::of(90, 10, 6), 10, 6, &[8, 16, 17], 1);
    sweep(&Pair::<F>::of(90, 10, 10), 10, 10, &[15, 16, 32], 1);
}

fn store_covers_several_leaves<F: Face>() {
    sweep(&Pair::<F>::of(300, 10, 6), 10, 6, &[33, 48, 64, 100], 11);
    sweep(&Pair::<F>::of(300, 10, 10), 10, 10, &[33, 48, 64, 100], 11);
}

fn store_covers_whole_sub_trees<F: Face>() {
    sweep(&Pair::<F>::of(1_200, 10, 6), 10, 6, &[257, 512, 1_000], 97);
    sweep(&Pair::<F>::of(1_200, 10, 10), 10, 10, &[257, 512, 1_000], 97);
}

fn store_covers_everything<F: Face>() {
    for count in [1, 2, 15, 16, 17, 40, 300, 2_000] {
        let base = Pair::<F>::of(count, 10, 6);
        sweep(&base, 10, 6, &[count], 1);
        for (first, last) in [(0, MAX), (0, count * 10), (3, MAX), (0, count * 10 - 6)] {
            base.dup().store(first, last, 1_000_000).agree();
        }
    }
}

fn store_consumes_the_right_leaf_of_the_right_most_pair<F: Face>() {
    // Wherever the last two leaves meet, some of these stores begin in the left one of the two
    // and swallow the right one whole; and those after them the last pair one level up.
    for (count, stride, length) in [(150, 10, 6), (150, 10, 10), (290, 10, 10)] {
        let base = Pair::<F>::of(count, stride, length);
        let end = count * stride;
        for place in (0..count).rev().take(70) {
            for first in [place * stride, place * stride + 2] {
                for last in [end - stride + length - 1, end + 5, MAX] {
                    base.dup().store(first, last, 1_000_000).agree_in_order();
                }
            }
        }
    }
}

fn store_moves_one_boundary_back_and_forth<F: Face>() {
    let mut pair = Pair::<F>::of(100, 10, 10);
    for place in (0..99).step_by(7) {
        let border = place * 10 + 9;
        for shift in [1, 5, 9, 3, 0] {
            pair.store(place * 10, border + shift, place);
            pair.store(border + shift + 1, border + 10, place + 1);
        }
    }
    pair.agree();
    let kept = (0..100).map(|n| (n * 10, n * 10 + 9, n)).collect::<Vec<_>>();
    assert_eq!(pair.face.items(), kept);
}

// Insertion.

/// Insertion of `range` must be refused because of `in_the_way`, and change nothing.
fn refused<F: Face>(before: &[Item], range: (u64, u64), in_the_way: (u64, u64)) {
    let mut face = with::<F>(before);
    let outcome = face.insert(closed(range.0, range.1), 9);
    assert_eq!(outcome, Err(Refusal::Occupied(in_the_way)), "insert {range:?}");
    expect(&face, before);
}

fn insert_overlaps_by_one_index_at_its_first<F: Face>() {
    refused::<F>(&[(10, 19, 1)], (19, 30), (10, 19));
    refused::<F>(&[(10, 19, 1)], (19, 19), (10, 19));
    refused::<F>(&[(0, 0, 1)], (0, MAX), (0, 0));
}

fn insert_overlaps_by_one_index_at_its_last<F: Face>() {
    refused::<F>(&[(10, 19, 1)], (0, 10), (10, 19));
    refused::<F>(&[(10, 19, 1)], (10, 10), (10, 19));
    refused::<F>(&[(MAX, MAX, 1)], (0, MAX), (MAX, MAX));
}

fn insert_overlaps_by_one_index_anywhere_in_a_deep_tree<F: Face>() {
    let mut pair = Pair::<F>::of(600, 10, 6);
    for place in (1..600).step_by(13) {
        let (first, last) = (place * 10, place * 10 + 5);
        let before = (first - 10, first - 5);
        for (range, way) in [
            (closed(first - 4, first), (first, last)),
            (closed(first - 5, first - 1), before),
            (closed(last, last + 4), (first, last)),
            (closed(first - 5, last), before),
        ] {
            assert_eq!(pair.face.insert(range, 9), Err(Refusal::Occupied(way)));
        }
        assert_eq!(pair.face.insert(closed(first - 4, first - 1), 9), Ok(()));
        assert_eq!(pair.model.insert(closed(first - 4, first - 1), 9), Ok(()));
    }
    pair.agree();
}

fn insert_inside_an_entry_or_around_it<F: Face>() {
    refused::<F>(&[(10, 19, 1)], (12, 14), (10, 19));
    refused::<F>(&[(10, 19, 1)], (10, 19), (10, 19));
    refused::<F>(&[(10, 19, 1)], (5, 25), (10, 19));
}

fn insert_names_the_first_range_in_the_way<F: Face>() {
    let before = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];
    refused::<F>(&before, (0, MAX), (10, 19));
    refused::<F>(&before, (20, 45), (20, 29));
    refused::<F>(&before, (30, MAX), (40, 49));
}

fn insert_fills_a_gap_exactly<F: Face>() {
    let mut face = with::<F>(&[(10, 19, 1), (40, 49, 2)]);
    assert_eq!(face.insert(closed(20, 39), 3), Ok(()));
    assert_eq!(face.insert(closed(0, 9), 4), Ok(()));
    assert_eq!(face.insert(closed(50, MAX), 5), Ok(()));
    expect(&face, &[(0, 9, 4), (10, 19, 1), (20, 39, 3), (40, 49, 2), (50, MAX, 5)]);
    assert_eq!(face.gaps(ALL), []);
}

fn empty_and_reversed_ranges_are_refused<F: Face>() {
    use Bound::{Excluded, Included, Unbounded};
    let before = [(0, 0, 1), (10, 19, 2), (MAX, MAX, 3)];
    let mut face = with::<F>(&before);
    for range in [
        (Included(5), Included(4)),
        (Included(MAX), Included(0)),
        (Included(12), Excluded(12)),
        (Excluded(12), Included(12)),
        (Excluded(12), Excluded(13)),
        (Excluded(12), Excluded(12)),
        (Included(0), Excluded(0)),
        (Unbounded, Excluded(0)),
        (Excluded(MAX), Included(MAX)),
        (Excluded(MAX), Unbounded),
    ] {
        let refusal = Err(Refusal::BadRange(range));
        assert_eq!(face.store(range, 9), refusal);
        assert_eq!(face.insert(range, 9), refusal);
        assert_eq!(face.remove(range), refusal);
        assert_eq!(face.range(range), []);
        assert_eq!(face.gaps(range), []);
    }
    expect(&face, &before);
}

fn every_kind_of_bound<F: Face>() {
    use Bound::{Excluded, Included, Unbounded};
    for (range, first, last) in [
        ((Included(3), Included(7)), 3, 7),
        ((Included(3), Excluded(7)), 3, 6),
        ((Excluded(3), Included(7)), 4, 7),
        ((Excluded(3), Excluded(7)), 4, 6),
        ((Excluded(3), Unbounded), 4, MAX),
        ((Included(3), Unbounded), 3, MAX),
        ((Unbounded, Included(7)), 0, 7),
        ((Unbounded, Excluded(7)), 0, 6),
        ((Unbounded, Excluded(MAX)), 0, MAX - 1),
        ((Excluded(MAX - 1), Unbounded), MAX, MAX),
        ((Unbounded, Excluded(1)), 0, 0),
    ] {
        let mut face = F::new();
        assert_eq!(face.insert(range, 1), Ok(()));
        expect(&face, &[(first, last, 1)]);
        assert_eq!(face.store(range, 2), Ok(()));
        expect(&face, &[(first, last, 2)]);
        assert_eq!(face.range(range), [(first, last, 2)]);
        assert_eq!(face.gaps(range), []);
        assert_eq!(face.remove(range), Ok(()));
        expect(&face, &[]);
        assert_eq!(face.gaps(range), [(first, last)]);
    }
}

on_every_face!(
    index_0,
    index_max,
    the_full_range,
    one_index,
    ranges_that_end_at_max,
    iteration_stops_at_max,
    iteration_stops_at_0_backward,
    store_equals_an_entry,
    store_cuts_the_start_of_an_entry,
    store_cuts_the_end_of_an_entry,
    store_cuts_the_middle_of_an_entry,
    store_covers_two_entries,
    store_starts_in_a_gap,
    store_ends_in_a_gap,
    store_within_a_gap,
    a_part_cut_off_joins_the_gap_of_its_neighbour,
    equal_neighbours_stay_apart,
    store_moves_one_boundary_back_and_forth,
    insert_overlaps_by_one_index_at_its_first,
    insert_overlaps_by_one_index_at_its_last,
    insert_inside_an_entry_or_around_it,
    insert_names_the_first_range_in_the_way,
    insert_fills_a_gap_exactly,
    empty_and_reversed_ranges_are_refused,
    every_kind_of_bound,
);

on_both_faces!(
    store_three_ways_again_and_again,
    store_covers_many_entries,
    store_covers_a_whole_leaf,
    store_covers_several_leaves,
    store_covers_whole_sub_trees,
    store_covers_everything,
    store_consumes_the_right_leaf_of_the_right_most_pair,
    insert_overlaps_by_one_index_anywhere_in_a_deep_tree,
);
