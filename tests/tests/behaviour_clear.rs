//! Clearing: gaps that join, nodes left with too few entries, growth and shrinking.

use core::ops::Bound;
use maple_tests::check::ALL;
use maple_tests::face::Face;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed, expect, with};
use maple_tests::{Item, on_both_faces, on_every_face};

const MAX: u64 = u64::MAX;

// Gaps that join.

/// Clears the ranges `gone` out of `before`, by `erase` and by `remove`; then one gap must lie
/// around each of them.
fn joins<F: Face>(before: &[Item], gone: &[usize], gap: (u64, u64)) {
    for by_remove in [false, true] {
        let mut face = with::<F>(before);
        for &place in gone {
            let item = before[place];
            if by_remove {
                assert_eq!(face.remove(closed(item.0, item.1)), Ok(()));
            } else {
                assert_eq!(face.erase(item.1), Some(item));
            }
        }
        for &place in gone {
            assert_eq!(face.get_range(before[place].0), (gap, None));
            assert_eq!(face.get_range(before[place].1), (gap, None));
        }
        let kept = (0..before.len()).filter(|place| !gone.contains(place));
        expect(&face, &kept.map(|place| before[place]).collect::<Vec<_>>());
    }
}

/// Gaps lie before the second range and behind the fourth.
const FIVE: [Item; 5] = [(0, 9, 1), (20, 29, 2), (30, 39, 3), (40, 49, 4), (60, MAX, 5)];

fn clearing_without_a_gap_on_either_side<F: Face>() {
    joins::<F>(&FIVE, &[2], (30, 39));
}

fn clearing_beside_a_gap_on_the_left<F: Face>() {
    joins::<F>(&FIVE, &[1], (10, 29));
}

fn clearing_beside_a_gap_on_the_right<F: Face>() {
    joins::<F>(&FIVE, &[3], (40, 59));
}

fn clearing_between_two_gaps<F: Face>() {
    joins::<F>(&FIVE, &[1, 2, 3], (10, 59));
    joins::<F>(&FIVE, &[3, 1, 2], (10, 59));
    joins::<F>(&[(10, 19, 1), (30, 39, 2), (50, 59, 3)], &[1], (20, 49));
    joins::<F>(&[(10, 19, 1)], &[0], (0, MAX));
}

fn clearing_at_the_ends_of_the_index_space<F: Face>() {
    joins::<F>(&FIVE, &[0], (0, 19));
    joins::<F>(&FIVE, &[4], (50, MAX));
    joins::<F>(&FIVE, &[0, 1, 2, 3, 4], (0, MAX));
    joins::<F>(&FIVE, &[4, 3, 2, 1, 0], (0, MAX));
}

fn clearing_over_several_slots<F: Face>() {
    let mut face = with::<F>(&FIVE);
    assert_eq!(face.remove(closed(15, 44)), Ok(()));
    assert_eq!(face.get_range(30), ((10, 44), None));
    expect(&face, &[(0, 9, 1), (45, 49, 4), (60, MAX, 5)]);

    let mut face = with::<F>(&FIVE);
    assert_eq!(face.remove(closed(25, 55)), Ok(()));
    assert_eq!(face.get_range(30), ((25, 59), None));
    expect(&face, &[(0, 9, 1), (20, 24, 2), (60, MAX, 5)]);

    let mut face = with::<F>(&FIVE);
    assert_eq!(face.remove(ALL), Ok(()));
    expect(&face, &[]);
}

fn clearing_a_gap_changes_nothing<F: Face>() {
    let mut face = with::<F>(&FIVE);
    for gap in [closed(10, 19), closed(12, 14), closed(50, 59), closed(59, 59)] {
        assert_eq!(face.remove(gap), Ok(()));
        expect(&face, &FIVE);
    }
    assert_eq!(face.erase(10), None);
    assert_eq!(face.erase(59), None);
    expect(&face, &FIVE);
    let mut face = F::new();
    assert_eq!(face.remove(ALL), Ok(()));
    assert_eq!(face.erase(0), None);
    assert_eq!(face.erase(MAX), None);
    expect(&face, &[]);
}

fn clearing_the_middle_of_an_entry_leaves_both_ends<F: Face>() {
    let mut face = with::<F>(&[(0, MAX, 7)]);
    assert_eq!(face.remove(closed(100, 199)), Ok(()));
    expect(&face, &[(0, 99, 7), (200, MAX, 7)]);
    assert_eq!(face.remove(closed(0, 0)), Ok(()));
    assert_eq!(face.remove(closed(MAX, MAX)), Ok(()));
    expect(&face, &[(1, 99, 7), (200, MAX - 1, 7)]);
}

fn neighbouring_gaps_read_as_one_gap<F: Face>() {
    // Every second range goes, then the others: gaps meet inside of leaves and where two leaves
    // and two sub-trees meet.
    for count in [3, 16, 17, 33, 150, 400] {
        let mut pair = Pair::<F>::of(count, 10, 10);
        for start in [0, 1] {
            for n in (start..count).step_by(2) {
                pair.erase(n * 10 + 4);
            }
            pair.agree();
        }
        assert_eq!(pair.face.gaps(ALL), [(0, MAX)]);
        assert_eq!(pair.face.get_range(count * 5), ((0, MAX), None));
    }
}

// Too few entries left.

/// How a range is cleared.
#[derive(Clone, Copy)]
enum By {
    Erase,
    Remove,
}

impl<F: Face> Clear for Pair<F> {
    fn clear(&mut self, place: u64, by: By) {
        match by {
            By::Erase => self.erase(place * 10 + 3),
            By::Remove => self.remove(place * 10, place * 10 + 9),
        };
    }
}

trait Clear {
    fn clear(&mut self, place: u64, by: By);
}

/// Clears the ranges at `places` one by one, out of trees with and without gaps; stores into
/// what is left.
fn thin_out<F: Face>(count: u64, places: &[u64]) {
    for length in [10, 6] {
        let base = Pair::<F>::of(count, 10, length);
        for by in [By::Erase, By::Remove] {
            let mut pair = base.dup();
            for (step, &place) in places.iter().enumerate() {
                pair.clear(place, by);
                if step % 8 == 0 {
                    pair.agree_in_order();
                }
            }
            pair.agree();
            for &place in places.iter().step_by(3) {
                pair.store(place * 10 + 2, place * 10 + 2, place);
            }
            pair.agree();
        }
    }
}

fn too_few_left_beside_a_left_sibling<F: Face>() {
    // The last leaf has siblings on its left only.
    thin_out::<F>(60, &(30..60).rev().collect::<Vec<_>>());
    thin_out::<F>(60, &(41..59).collect::<Vec<_>>());
}

fn too_few_left_beside_a_right_sibling<F: Face>() {
    thin_out::<F>(60, &(0..30).collect::<Vec<_>>());
    thin_out::<F>(60, &(1..18).rev().collect::<Vec<_>>());
}

fn too_few_left_beside_a_left_cousin<F: Face>() {
    // Long runs downward: somewhere the last child of an inner node is emptied from its end.
    for end in [290, 300, 310, 320, 330, 340] {
        thin_out::<F>(400, &(end - 150..end).rev().collect::<Vec<_>>());
    }
}

fn too_few_left_beside_a_right_cousin<F: Face>() {
    for start in [60, 70, 80, 90, 100, 110] {
        thin_out::<F>(400, &(start..start + 150).collect::<Vec<_>>());
    }
}

fn too_few_left_and_nobody_beside<F: Face>() {
    for count in 1..=20 {
        for kept in 0..count {
            thin_out::<F>(count, &(0..count).filter(|n| *n != kept).collect::<Vec<_>>());
        }
    }
}

fn too_few_left_beside_a_full_sibling<F: Face>() {
    // Leaves are filled to the brim by single stores into them before a neighbour is thinned.
    for start in (16..112).step_by(7) {
        let mut pair = Pair::<F>::of(16, 100, 90);
        for n in 0..128 {
            pair.store(n * 12, n * 12 + 3, n);
        }
        for n in (start..start + 14).rev() {
            pair.erase(n * 12).agree_in_order();
        }
        pair.store(start * 12, start * 12 + 13, 1_000_000).agree();
    }
}

fn too_few_left_all_the_way_up_to_the_root<F: Face>() {
    for keep in [2, 3, 8, 15, 16, 17, 40, 250] {
        let thinned = (0..600).filter(|n| n % keep != 0).collect::<Vec<_>>();
        thin_out::<F>(600, &thinned);
    }
    thin_out::<F>(600, &(0..600).collect::<Vec<_>>());
    thin_out::<F>(600, &(0..600).rev().collect::<Vec<_>>());
    // From both ends to the middle, and from the middle to both ends.
    let inward = (0..300).flat_map(|n| [n, 599 - n]).collect::<Vec<_>>();
    thin_out::<F>(600, &inward);
    thin_out::<F>(600, &inward.into_iter().rev().collect::<Vec<_>>());
}

fn clearing_runs_of_every_length_at_once<F: Face>() {
    let base = Pair::<F>::of(500, 10, 6);
    for length in [1, 7, 8, 9, 15, 16, 17, 31, 40, 100, 255, 256, 257, 499] {
        for start in (0..=500 - length).step_by(29) {
            let mut pair = base.dup();
            let (first, last) = (start * 10, (start + length) * 10 - 1);
            pair.remove(first, last).agree_in_order();
            assert!(pair.face.get_range(first).0.1 >= last);
            pair.store(first + 1, last - 1, 9).agree_in_order();
        }
    }
}

// Growth and shrinking.

/// Stores 0..1,000, each alone, in the order of `places`, and clears it in the same order.
fn grows_and_shrinks<F: Face>(places: impl Iterator<Item = u64> + Clone) {
    for by_remove in [false, true] {
        let mut pair = Pair::<F>::new();
        let fresh = pair.face.validate();
        let mut heights = vec![fresh.height];
        for (step, n) in places.clone().enumerate() {
            pair.run(Op::Insert { range: closed(n, n), value: step as u64 });
            heights.push(pair.face.validate().height);
            if step % 100 == 99 {
                pair.agree();
            }
        }
        assert!(heights.is_sorted(), "the height of a tree that only grows never falls");
        let top = *heights.last().expect("a height for each step");
        assert!(top >= 3, "height {top} with 1,000 ranges of one index");
        assert!(top <= 4, "height {top} with 1,000 ranges: nodes are at least half full");
        assert_eq!(pair.face.range(ALL).len(), 1_000);
        for (step, n) in places.clone().enumerate() {
            if by_remove {
                pair.remove(n, n);
            } else {
                pair.erase(n);
            }
            if step % 100 == 99 {
                pair.agree();
            }
        }
        assert!(pair.face.is_empty());
        is_as_new(&mut pair.face);
    }
}

/// An emptied tree: nothing to be seen, and it can be filled again.
fn is_as_new<F: Face>(face: &mut F) {
    expect(face, &[]);
    face.clear();
    face.synchronize();
    assert_eq!(face.validate(), F::new().validate());
    assert_eq!(face.insert(closed(0, MAX), 1), Ok(()));
    expect(face, &[(0, MAX, 1)]);
    assert_eq!(face.erase(5), Some((0, MAX, 1)));
    assert_eq!(face.insert(closed(3, 4), 2), Ok(()));
    expect(face, &[(3, 4, 2)]);
}

fn grows_and_shrinks_ascending<F: Face>() {
    grows_and_shrinks::<F>(0..1_000);
}

fn grows_and_shrinks_descending<F: Face>() {
    grows_and_shrinks::<F>((0..1_000).rev());
}

fn grows_and_shrinks_at_the_top_of_the_index_space<F: Face>() {
    grows_and_shrinks::<F>((0..1_000).map(|n| MAX - n));
}

fn grows_and_shrinks_by_halving_and_doubling<F: Face>() {
    // 512, 256, 768, 128, 384, ...: every half again in its middle.
    let halving = (0..10).flat_map(|level| {
        let apart = 1_024 >> level;
        (0..1_u64 << level).map(move |n| n * apart + apart / 2)
    });
    let halving = halving.filter(|n| *n < 1_001).collect::<Vec<_>>();
    assert_eq!(halving.len(), 1_000);
    grows_and_shrinks::<F>(halving.iter().copied());
    grows_and_shrinks::<F>(halving.iter().rev().copied());
}

fn halves_the_number_of_ranges_and_doubles_it_again<F: Face>() {
    let mut pair = Pair::<F>::of(1_024, 1, 1);
    for apart in [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024] {
        for n in (0..1_024).filter(|n| n % apart != 0) {
            pair.erase(n);
        }
        assert_eq!(pair.model.len() as u64, 1_024 / apart);
        pair.agree();
        for n in (apart / 2..1_024).step_by(apart as usize) {
            pair.store(n, n, n);
        }
        pair.agree();
    }
}

fn indices_that_double<F: Face>() {
    let mut pair = Pair::<F>::new();
    for bit in 0..64 {
        pair.store(1 << bit, 1 << bit, bit);
    }
    pair.agree();
    for bit in 0..64 {
        pair.store(1 << bit, (1 << bit) - 1 + (1 << bit), 100 + bit);
    }
    assert_eq!(pair.face.gaps(ALL), [(0, 0)]);
    pair.agree();
    for bit in (0..64).rev() {
        pair.erase((1 << bit) + (1_u64 << bit) / 3);
        pair.agree();
    }
}

fn the_height_falls_when_removing_restores_density<F: Face>() {
    let mut pair = Pair::<F>::of(3_000, 10, 6);
    let tall = pair.face.validate();
    pair.remove(50, MAX).agree();
    // Writers that may take memory bring the tree back into shape.
    for n in 0..40 {
        pair.store(n, n, n);
    }
    pair.face.synchronize();
    let low = pair.agree().face.validate();
    assert!(low.height < tall.height, "{low:?} after {tall:?}");
    assert!(low.nodes < tall.nodes / 10, "{low:?} after {tall:?}");
}

fn clear_leaves_the_tree_as_new<F: Face>() {
    for count in [0, 1, 2, 16, 17, 300, 3_000] {
        let mut pair = Pair::<F>::of(count, 10, 6);
        pair.run(Op::Clear).agree();
        is_as_new(&mut pair.face);
    }
}

fn clear_twice<F: Face>() {
    let mut pair = Pair::<F>::of(200, 10, 6);
    pair.run(Op::Clear).run(Op::Clear).agree();
    pair.run(Op::Synchronize).run(Op::Clear).agree();
    is_as_new(&mut pair.face);
}

fn removing_everything_leaves_the_tree_as_new<F: Face>() {
    for range in [ALL, closed(0, MAX), (Bound::Included(0), Bound::Unbounded)] {
        for count in [1, 2, 16, 17, 300, 3_000] {
            let mut pair = Pair::<F>::of(count, 10, 6);
            pair.run(Op::Remove { range }).agree();
            is_as_new(&mut pair.face);
        }
    }
}

fn stores_merge_nodes_with_few_left<F: Face>() {
    // Every leaf keeps one range or two.
    let mut pair = Pair::<F>::of(2_000, 10, 6);
    for n in (0..2_000).filter(|n| n % 5 != 2) {
        pair.erase(n * 10);
    }
    for n in (2..2_000).step_by(5) {
        pair.store(n * 10, n * 10 + 7, n);
    }
    pair.run(Op::Synchronize).agree();
    let summary = pair.face.validate();
    // With nodes half full on the average, eight slots each, there are two for a range.
    assert_eq!(summary.entries, 400);
    assert!(summary.nodes <= 400 * 2 / 8 * 8 / 7 + summary.height, "{summary:?}");
}

fn compacting_what_was_thinned_out_leaves_few_nodes<F: Face>() {
    for keep in [2, 7, 16, 40, 700] {
        let mut pair = Pair::<F>::of(3_000, 10, 6);
        for n in (0..3_000).filter(|n| n % keep != 0) {
            pair.face.erase(n * 10);
            pair.model.erase(n * 10);
        }
        pair.run(Op::Compact).agree();
        pair.run(Op::Synchronize).agree();
        let after = pair.face.validate();
        assert_eq!(after.dead, 0);
        // A slot for each range and each gap, and some room in the last node of each level.
        let leaves = (after.entries * 2 + 1).div_ceil(16);
        let above = leaves.div_ceil(16) + leaves.div_ceil(256) + leaves.div_ceil(4_096);
        assert!(after.nodes <= leaves + above + after.height, "{after:?}");
    }
}

fn removing_whole_entries_leaves_those_that_stick_out<F: Face>() {
    for (range, gone) in [
        (closed(15, 44), &[1][..]),
        (closed(20, 29), &[1]),
        (closed(20, 28), &[]),
        (closed(21, 29), &[]),
        (closed(0, MAX), &[0, 1, 2]),
        (closed(10, 49), &[0, 1, 2]),
        (closed(11, 49), &[1, 2]),
        (closed(10, 48), &[0, 1]),
        (closed(30, 39), &[]),
        (closed(40, 20), &[]),
        ((Bound::Excluded(MAX), Bound::Unbounded), &[]),
    ] {
        let before: [Item; 3] = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];
        let mut face = with::<F>(&before);
        face.remove_whole(range);
        let kept = (0..3).filter(|n| !gone.contains(n)).map(|n| before[n]);
        expect(&face, &kept.collect::<Vec<_>>());
    }
}

fn no_dead_word_outlives_a_grace_period<F: Face>() {
    let mut pair = Pair::<F>::of(300, 10, 6);
    for n in (0..300).filter(|n| n % 3 != 0) {
        pair.erase(n * 10);
    }
    pair.run(Op::PruneInPlace { from: 2_000 }).run(Op::Replace { index: 30, value: 9 });
    pair.run(Op::Synchronize).agree();
    assert_eq!(pair.face.validate().dead, 0);
}

on_every_face!(
    clearing_without_a_gap_on_either_side,
    clearing_beside_a_gap_on_the_left,
    clearing_beside_a_gap_on_the_right,
    clearing_between_two_gaps,
    clearing_at_the_ends_of_the_index_space,
    clearing_over_several_slots,
    clearing_a_gap_changes_nothing,
    clearing_the_middle_of_an_entry_leaves_both_ends,
    neighbouring_gaps_read_as_one_gap,
    too_few_left_beside_a_left_sibling,
    too_few_left_beside_a_right_sibling,
    clear_leaves_the_tree_as_new,
    clear_twice,
    removing_whole_entries_leaves_those_that_stick_out,
    no_dead_word_outlives_a_grace_period,
);

on_both_faces!(
    too_few_left_beside_a_left_cousin,
    too_few_left_beside_a_right_cousin,
    too_few_left_and_nobody_beside,
    too_few_left_beside_a_full_sibling,
    too_few_left_all_the_way_up_to_the_root,
    clearing_runs_of_every_length_at_once,
    grows_and_shrinks_ascending,
    grows_and_shrinks_descending,
    grows_and_shrinks_at_the_top_of_the_index_space,
    grows_and_shrinks_by_halving_and_doubling,
    halves_the_number_of_ranges_and_doubles_it_again,
    indices_that_double,
    stores_merge_nodes_with_few_left,
    compacting_what_was_thinned_out_leaves_few_nodes,
    the_height_falls_when_removing_restores_density,
    removing_everything_leaves_the_tree_as_new,
);
