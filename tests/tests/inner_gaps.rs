//! Gaps that are one slot of an inner node, where whole nodes below it went: walks pass over them on every level, stores fill them or go on
//! behind them, prunes end at them, and what is known of free space stays so.

use maple_tests::check::{self, ALL};
use maple_tests::face::Face;
use maple_tests::on_both_faces;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed};
use maple_tests::space::agree_on_space;
use maple_tree::{MapleTree, RangeMap};

/// Whole entries go from a place on, few or many: gaps on each level, beside leaves and beside higher nodes.
fn walks_pass_over_gaps_of_every_level<F: Face>() {
    let whole = Pair::<F>::of(2_500, 10, 6);
    assert!(whole.face.validate().height > 3);
    for (first, count) in [(130, 400), (700, 300), (0, 1_300), (1_000, 1_500)] {
        let mut pair = whole.dup();
        pair.run(Op::RemoveWhole { range: closed(first * 10, (first + count) * 10) }).agree_in_order();
        // Walks that begin inside the gap, and end there.
        for (low, high) in [(0, first * 10 + 40), (first * 10 + 40, u64::MAX), (first * 10 + 40, first * 10 + 50)] {
            for turns in [check::FORWARD, check::BACKWARD] {
                check::agree_within(&pair.face, &pair.model, closed(low, high), turns);
            }
        }
    }
}

/// A tree with leaves left and right of a gap, `first..=last`, of the node above them.
fn with_a_hole<F: Face>(count: u64, first: u64, last: u64) -> Pair<F> {
    let mut pair = Pair::<F>::of(count, 10, 6);
    pair.run(Op::RemoveWhole { range: closed(first, last) });
    pair
}

/// Stores that begin before the gap, at its beginning or inside, and end inside, at its end or behind.
fn stores_at_a_gap_of_an_inner_node<F: Face>() {
    for (count, first, last) in [(40, 0, 170), (40, 240, 400), (40, 70, 175)] {
        let pair = with_a_hole::<F>(count, first, last);
        for from in (first.saturating_sub(20)..last + 20).step_by(3) {
            for to in (from..last + 60).step_by(11) {
                pair.dup().store(from, to, 77);
            }
        }
        for place in (first.saturating_sub(20)..last + 20).step_by(5) {
            pair.dup().store(place, u64::MAX, 77).agree();
            pair.dup().store(0, place, 77).agree();
            pair.dup().store(place, place, 77).agree();
        }
    }
}

/// With figures of free space, which a prune beside the gap has to mend.
fn prunes_at_a_gap_of_an_inner_node<F: Face>() {
    for (count, first, last) in [(60, 160, 400), (100, 300, 800), (40, 0, 170)] {
        let mut pair = with_a_hole::<F>(count, first, last);
        for from in (0..count * 10).step_by(10) {
            for op in [Op::Prune { from }, Op::PruneCut { from }, Op::PruneInPlace { from }] {
                let mut pruned = pair.dup();
                agree_on_space(&mut pruned.face, &pruned.model, 3, ALL, 1);
                pruned.run(op);
                agree_on_space(&mut pruned.face, &pruned.model, 3, ALL, 1);
                pruned.agree_in_order();
            }
        }
        agree_on_space(&mut pair.face, &pair.model, 3, ALL, 1);
    }
}

on_both_faces!(walks_pass_over_gaps_of_every_level, stores_at_a_gap_of_an_inner_node, prunes_at_a_gap_of_an_inner_node);

/// What a reservation puts aside for the same stores, and what they take: never more, and not much less.
fn reserved<T>(new: impl Fn(u64, u64, u64) -> T, store: impl Fn(&mut T, u64, u64) -> (usize, u64)) -> (usize, u64) {
    let (mut all_put_aside, mut all_taken) = (0, 0);
    for (count, first, last) in [(40, 0_u64, 170), (40, 240, 400), (40, 70, 175), (300, 300, 900), (300, 330, 2_700)] {
        for from in (first.saturating_sub(30)..last + 30).step_by(if count < 100 { 3 } else { 47 }) {
            for to in (from..last + 60).step_by(if count < 100 { 11 } else { 61 }).chain([u64::MAX]) {
                let (put_aside, taken) = store(&mut new(count, first, last), from, to);
                assert!(
                    taken <= put_aside as u64,
                    "{from}..={to} in {count} without {first}..={last}: {put_aside} put aside, {taken} taken"
                );
                all_put_aside += put_aside;
                all_taken += taken;
            }
        }
    }
    (all_put_aside, all_taken)
}

fn map_with_a_hole(count: u64, first: u64, last: u64) -> RangeMap<u32> {
    let mut map = RangeMap::new();
    (0..count).for_each(|n| map.store(n * 10..=n * 10 + 5, 1).expect("memory"));
    map.remove_whole(first..=last);
    map
}

#[test]
fn stores_that_were_reserved_for_in_a_map() {
    let (put_aside, taken) = reserved(map_with_a_hole, |map, first, last| {
        let before = map.figures().nodes_taken;
        let token = map.reserve_for(first..=last).expect("memory");
        let nodes = token.nodes();
        token.store(7);
        assert_eq!(map.validate().expect("valid").height, map.figures().height);
        (nodes, map.figures().nodes_taken - before)
    });
    assert!(put_aside as u64 * 100 <= taken * 120, "{put_aside} put aside, {taken} taken");
}

/// Once more with holes that were made beside readers, in nodes that may be joined.
#[test]
fn stores_that_were_reserved_for_beside_readers() {
    let new = |count, first, last| {
        let tree = MapleTree::<u32>::from(map_with_a_hole(count, count * 10, count * 10));
        tree.remove_whole(first..=last);
        tree
    };
    let (put_aside, taken) = reserved(new, |tree, first, last| {
        let mut writer = tree.lock();
        let before = writer.figures().nodes_taken;
        let token = writer.reserve_for(first..=last).expect("memory");
        let nodes = token.nodes();
        token.store(7);
        writer.validate().expect("valid");
        (nodes, writer.figures().nodes_taken - before)
    });
    assert!(put_aside as u64 * 100 <= taken * 120, "{put_aside} put aside, {taken} taken");
}
