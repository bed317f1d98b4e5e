//! Gaps as an allocator of indices sees them: lowest and highest fit, windows, full and free.

use core::ops::Bound;
use maple_tests::check::{ALL, ALTERNATING, BACKWARD, FORWARD, agree_within, drain};
use maple_tests::face::Face;
use maple_tests::pair::{Pair, closed, expect, with};
use maple_tests::{Refusal, Span, on_both_faces, on_every_face};

const MAX: u64 = u64::MAX;

/// Whether `size` indices fit into `gap`.
fn fits(gap: &Span, size: u64) -> bool {
    gap.1 - gap.0 >= size - 1
}

/// The lowest `size` indices that are free inside `min..=max`.
fn lowest<F: Face>(face: &F, size: u64, min: u64, max: u64) -> Option<u64> {
    let gap = face.scan_gaps(closed(min, max), |mut gaps| Iterator::find(&mut gaps, |gap| fits(gap, size)))?;
    Some(gap.0)
}

/// The highest ones.
fn highest<F: Face>(face: &F, size: u64, min: u64, max: u64) -> Option<u64> {
    let gap = face.scan_gaps(closed(min, max), |mut gaps| DoubleEndedIterator::rfind(&mut gaps, |gap| fits(gap, size)))?;
    Some(gap.1 - (size - 1))
}

/// Lowest and highest fit.
fn fit<F: Face>(face: &F, size: u64, min: u64, max: u64) -> Option<Span> {
    let fit = (lowest(face, size, min, max), highest(face, size, min, max));
    assert_eq!(fit.0.is_some(), fit.1.is_some(), "both ways or neither");
    fit.0.zip(fit.1)
}

fn an_exact_fit<F: Face>() {
    let face = with::<F>(&[(0, 9, 1), (15, 19, 2), (30, 39, 3), (44, MAX, 4)]);
    assert_eq!(fit(&face, 5, 0, MAX), Some((10, 25)));
    assert_eq!(fit(&face, 10, 0, MAX), Some((20, 20)));
    assert_eq!(fit(&face, 4, 0, MAX), Some((10, 40)));
    let empty = F::new();
    assert_eq!(empty.gaps(ALL), [(0, MAX)]);
    assert_eq!(fit(&empty, MAX, 0, MAX), Some((0, 1)));
}

fn one_more_than_the_largest_gap<F: Face>() {
    let face = with::<F>(&[(0, 9, 1), (15, 19, 2), (30, 39, 3), (44, MAX, 4)]);
    assert_eq!(fit(&face, 11, 0, MAX), None);
    assert_eq!(fit(&face, 6, 0, 24), None);
    assert_eq!(fit(&face, 5, 30, MAX), None);
}

fn a_window_that_cuts_a_gap<F: Face>() {
    let face = with::<F>(&[(0, 9, 1), (50, 59, 2), (90, 99, 3)]);
    assert_eq!(face.gaps(closed(20, 39)), [(20, 39)]);
    assert_eq!(face.gaps(closed(5, 20)), [(10, 20)]);
    assert_eq!(face.gaps(closed(20, 55)), [(20, 49)]);
    assert_eq!(face.gaps(closed(20, 70)), [(20, 49), (60, 70)]);
    assert_eq!(face.gaps(closed(9, 10)), [(10, 10)]);
    assert_eq!(face.gaps(closed(49, 50)), [(49, 49)]);
    assert_eq!(face.gaps(closed(50, 59)), []);
    assert_eq!(face.gaps(closed(55, 55)), []);
    assert_eq!(face.gaps(closed(49, 60)), [(49, 49), (60, 60)]);
    assert_eq!(face.gaps((Bound::Excluded(99), Bound::Unbounded)), [(100, MAX)]);
    assert_eq!(fit(&face, 20, 20, 39), Some((20, 20)));
    assert_eq!(fit(&face, 21, 20, 39), None);
    assert_eq!(fit(&face, 30, 30, 89), Some((60, 60)));
    assert_eq!(fit(&face, 11, 30, 70), Some((30, 60)));
}

fn a_window_of_one_index<F: Face>() {
    let face = with::<F>(&[(0, 0, 1), (2, 2, 2), (MAX, MAX, 3)]);
    assert_eq!(face.gaps(closed(0, 0)), []);
    assert_eq!(face.gaps(closed(1, 1)), [(1, 1)]);
    assert_eq!(face.gaps(closed(2, 2)), []);
    assert_eq!(face.gaps(closed(MAX - 1, MAX - 1)), [(MAX - 1, MAX - 1)]);
    assert_eq!(face.gaps(closed(MAX, MAX)), []);
}

fn gaps_from_both_ends_meet_once<F: Face>() {
    let pair = Pair::<F>::of(100, 10, 6);
    for turns in [FORWARD, BACKWARD, ALTERNATING, 0b1100, !0b1] {
        agree_within(&pair.face, &pair.model, ALL, turns);
        agree_within(&pair.face, &pair.model, closed(8, 967), turns);
        agree_within(&pair.face, &pair.model, closed(4, 971), turns);
    }
    // A single gap is given once, whichever end asks first.
    pair.face.scan_gaps(closed(7, 8), |gaps| drain(gaps, &[(7, 8)], ALTERNATING));
    pair.face.scan_gaps(closed(7, 8), |gaps| drain(gaps, &[(7, 8)], !ALTERNATING));
}

fn every_fit_is_found_on_every_call<F: Face>() {
    // Taking the lowest fit again and again must not pass over other gaps of the same node.
    let mut pair = Pair::<F>::of(200, 10, 7);
    for n in 0..200 {
        let found = lowest(&pair.face, 3, 0, 1_999).expect("one gap for each range");
        assert_eq!(found, n * 10 + 7);
        pair.store(found, found + 2, 1_000 + n);
    }
    assert_eq!(fit(&pair.face, 1, 0, 1_999), None);
    let mut pair = Pair::<F>::of(200, 10, 7);
    for n in (0..200).rev() {
        let found = highest(&pair.face, 3, 0, 1_999).expect("one gap for each range");
        assert_eq!(found, n * 10 + 7);
        pair.store(found, found + 2, 1_000 + n);
    }
    assert_eq!(fit(&pair.face, 1, 0, 1_999), None);
    pair.agree();
}

fn gaps_join_over_leaves_and_levels<F: Face>() {
    // A hole is cleared range by range, from the middle to both sides: one gap at every step,
    // across leaves first and whole sub-trees in the end.
    for by_remove in [false, true] {
        let mut pair = Pair::<F>::of(600, 10, 10);
        for reach in 0..300 {
            for place in [299 - reach, 300 + reach] {
                match by_remove {
                    true => pair.remove(place * 10, place * 10 + 9),
                    false => pair.erase(place * 10),
                };
            }
            let hole = ((299 - reach) * 10, (300 + reach) * 10 + 9);
            let wanted = if reach == 299 { (0, MAX) } else { hole };
            assert_eq!(pair.face.get_range(3_000), (wanted, None));
            assert_eq!(fit(&pair.face, (reach + 1) * 20, 0, 5_999), Some((hole.0, hole.0)));
            assert_eq!(fit(&pair.face, (reach + 1) * 20 + 1, 0, 5_999), None);
        }
    }
}

fn two_holes_become_one<F: Face>() {
    for start in (20..300).step_by(13) {
        let mut pair = Pair::<F>::of(400, 10, 10);
        pair.remove(start * 10, start * 10 + 299).remove(start * 10 + 310, start * 10 + 609);
        assert_eq!(fit(&pair.face, 301, 0, 3_999), None);
        pair.erase(start * 10 + 305).agree_in_order();
        let only = Some((start * 10, start * 10));
        assert_eq!(fit(&pair.face, 610, 0, 3_999), only);
        assert_eq!(fit(&pair.face, 611, 0, 3_999), None);
    }
}

fn full_until_one_is_freed<F: Face>() {
    let mut pair = Pair::<F>::new();
    for n in 0..500 {
        assert_eq!(lowest(&pair.face, 2, 0, 999), Some(n * 2));
        pair.store(n * 2, n * 2 + 1, n);
    }
    assert_eq!(fit(&pair.face, 1, 0, 999), None, "full");
    assert_eq!(pair.face.insert(closed(0, 999), 9), Err(Refusal::Occupied((0, 1))));
    for n in [0, 499, 250, 16, 255] {
        pair.erase(n * 2);
        assert_eq!(fit(&pair.face, 2, 0, 999), Some((n * 2, n * 2)));
        assert_eq!(fit(&pair.face, 3, 0, 999), None);
        assert_eq!(fit(&pair.face, 1, 0, 999), Some((n * 2, n * 2 + 1)));
        pair.store(n * 2, n * 2 + 1, n);
        assert_eq!(fit(&pair.face, 1, 0, 999), None, "full again");
    }
    pair.agree();
}

fn full_and_free_at_the_top_of_the_index_space<F: Face>() {
    let mut pair = Pair::<F>::new();
    for n in 0..100 {
        let found = highest(&pair.face, 3, MAX - 299, MAX).expect("not full yet");
        assert_eq!(found, MAX - 3 * n - 2);
        pair.store(found, found + 2, n);
    }
    assert_eq!(fit(&pair.face, 1, MAX - 299, MAX), None, "full");
    pair.erase(MAX);
    assert_eq!(fit(&pair.face, 3, MAX - 299, MAX), Some((MAX - 2, MAX - 2)));
    assert_eq!(pair.face.gaps(closed(MAX, MAX)), [(MAX, MAX)]);
    pair.agree();
}

fn no_gap_in_a_full_tree<F: Face>() {
    let mut face = with::<F>(&[(0, 9, 1), (10, MAX, 2)]);
    assert_eq!(face.gaps(ALL), []);
    assert_eq!(fit(&face, 1, 0, MAX), None);
    assert_eq!(face.erase(0), Some((0, 9, 1)));
    assert_eq!(face.gaps(ALL), [(0, 9)]);
    assert_eq!(face.insert(closed(0, 9), 3), Ok(()));
    assert_eq!(face.erase(MAX), Some((10, MAX, 2)));
    assert_eq!(face.gaps(ALL), [(10, MAX)]);
    expect(&face, &[(0, 9, 3)]);
}

on_every_face!(
    an_exact_fit,
    one_more_than_the_largest_gap,
    a_window_that_cuts_a_gap,
    a_window_of_one_index,
    gaps_from_both_ends_meet_once,
    every_fit_is_found_on_every_call,
    full_until_one_is_freed,
    full_and_free_at_the_top_of_the_index_space,
    no_gap_in_a_full_tree,
);

on_both_faces!(gaps_join_over_leaves_and_levels, two_holes_become_one);
