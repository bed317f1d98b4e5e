//! Prunes: where the border may lie, what stays, what is cut, and that none is ever refused.

use core::ops::Bound;
use maple_tests::check::ALL;
use maple_tests::entry::Number;
use maple_tests::face::Face;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, expect, with};
use maple_tests::{Item, on_both_faces, on_every_face};
use maple_tree::{MapleTree, PruneForm, Pruned, RangeMap, RcuArc, Reserve};
use std::sync::Arc;

const MAX: u64 = u64::MAX;

/// The two forms that leave entries whole.
fn whole(from: u64) -> [Op; 2] {
    [Op::Prune { from }, Op::PruneInPlace { from }]
}

/// All three.
fn all(from: u64) -> [Op; 3] {
    [Op::Prune { from }, Op::PruneInPlace { from }, Op::PruneCut { from }]
}

/// Prunes `before` at `from`, whole and cutting, and expects the one and the other.
fn prune<F: Face>(before: &[Item], from: u64, kept: &[Item], cut: &[Item]) {
    let mut face = with::<F>(before);
    face.prune(from);
    expect(&face, kept);
    let mut face = with::<F>(before);
    face.prune_in_place(from);
    expect(&face, kept);
    let mut face = with::<F>(before);
    face.prune_cut(from);
    expect(&face, cut);
}

const THREE: [Item; 3] = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];

fn the_border_is_where_an_entry_starts<F: Face>() {
    prune::<F>(&THREE, 20, &THREE[..1], &THREE[..1]);
    prune::<F>(&THREE, 40, &THREE[..2], &THREE[..2]);
    prune::<F>(&THREE, 10, &[], &[]);
}

fn an_entry_that_covers_the_border_stays_whole_or_is_cut<F: Face>() {
    prune::<F>(&THREE, 21, &THREE[..2], &[(10, 19, 1), (20, 20, 2)]);
    prune::<F>(&THREE, 29, &THREE[..2], &[(10, 19, 1), (20, 28, 2)]);
    prune::<F>(&THREE, 49, &THREE, &[(10, 19, 1), (20, 29, 2), (40, 48, 3)]);
    prune::<F>(&THREE, 11, &THREE[..1], &[(10, 10, 1)]);
}

fn the_border_is_in_a_gap<F: Face>() {
    prune::<F>(&THREE, 30, &THREE[..2], &THREE[..2]);
    prune::<F>(&THREE, 39, &THREE[..2], &THREE[..2]);
    prune::<F>(&THREE, 5, &[], &[]);
}

fn the_border_is_behind_everything<F: Face>() {
    prune::<F>(&THREE, 50, &THREE, &THREE);
    prune::<F>(&THREE, MAX, &THREE, &THREE);
    prune::<F>(&[], 0, &[], &[]);
    prune::<F>(&[], MAX, &[], &[]);
}

fn the_border_is_index_0<F: Face>() {
    prune::<F>(&THREE, 0, &[], &[]);
    prune::<F>(&[(0, 0, 1), (1, MAX, 2)], 0, &[], &[]);
}

fn the_border_is_index_max<F: Face>() {
    let before = [(5, 9, 1), (MAX, MAX, 2)];
    prune::<F>(&before, MAX, &before[..1], &before[..1]);
    prune::<F>(&[(5, MAX, 1)], MAX, &[(5, MAX, 1)], &[(5, MAX - 1, 1)]);
}

fn the_full_range_at_the_border<F: Face>() {
    prune::<F>(&[(0, MAX, 1)], 0, &[], &[]);
    prune::<F>(&[(0, MAX, 1)], 1, &[(0, MAX, 1)], &[(0, 0, 1)]);
    prune::<F>(&[(0, MAX, 1)], 1 << 40, &[(0, MAX, 1)], &[(0, (1 << 40) - 1, 1)]);
    prune::<F>(&[(0, MAX, 1)], MAX, &[(0, MAX, 1)], &[(0, MAX - 1, 1)]);
}

fn a_prune_at_every_index<F: Face>() {
    for count in [1, 8, 15, 16, 17, 34] {
        let mut base = Pair::<F>::of(count, 5, 3);
        base.store(7, 20, 900);
        for from in 0..count * 5 + 3 {
            for op in all(from) {
                base.dup().run(op).agree();
            }
        }
    }
}

fn a_prune_at_every_entry_of_a_deep_tree<F: Face>() {
    for length in [6, 10] {
        let base = Pair::<F>::of(700, 10, length);
        for place in (0..=700_u64).filter(|n| n % 9 == 0 || n % 16 < 2 || *n > 680) {
            for from in [(place * 10).saturating_sub(1), place * 10, place * 10 + 1] {
                for op in all(from) {
                    base.dup().run(op).agree_in_order();
                }
            }
        }
    }
}

fn the_tail_reads_as_one_gap<F: Face>() {
    let base = Pair::<F>::of(400, 10, 6);
    for place in (1..400).step_by(17) {
        for op in all(place * 10 + 8) {
            let mut pair = base.dup();
            pair.run(op);
            let tail = (place * 10 + 6, MAX);
            assert_eq!(pair.face.get_range(MAX), (tail, None));
            assert_eq!(pair.face.get_range(place * 10 + 7), (tail, None));
            assert_eq!(pair.face.gaps(ALL).last(), Some(&tail));
        }
    }
}

fn what_was_pruned_can_be_filled_again<F: Face>() {
    for from in [0, 5, 155, 160, 2_000, 2_002] {
        for op in all(from) {
            let mut pair = Pair::<F>::of(300, 10, 6);
            pair.run(op);
            for n in 0..300 {
                pair.run(Op::Insert { range: (Bound::Included(n * 10), Bound::Included(n * 10 + 8)), value: n });
            }
            pair.agree();
        }
    }
}

fn prunes_in_quick_succession<F: Face>() {
    // From the end to the beginning, without a grace period between, but for what others do.
    for choice in 0..3 {
        let mut pair = Pair::<F>::of(600, 10, 6);
        for place in (0..600).rev() {
            let [path, in_place, cut] = all(place * 10 + 2 * (choice / 2));
            pair.run([path, in_place, cut].into_iter().nth(choice as usize).expect("one of three"));
            if place % 50 == 0 {
                pair.agree();
            }
        }
        pair.run(Op::Prune { from: 0 });
        assert!(pair.agree().face.is_empty());
    }
}

fn prune_twice_at_the_same_border<F: Face>() {
    for first in whole(1_505) {
        for second in all(1_505) {
            let mut pair = Pair::<F>::of(300, 10, 6);
            pair.run(first.clone()).agree();
            pair.run(second).agree();
        }
    }
}

fn prune_and_refill_again_and_again<F: Face>() {
    let mut pair = Pair::<F>::of(200, 10, 6);
    for round in 0..30 {
        let from = 1_990 - round * 61;
        let [path, in_place, cut] = all(from);
        pair.run(match round % 3 {
            0 => path,
            1 => in_place,
            _ => cut,
        });
        for n in 150..200 {
            pair.store(n * 10 + round % 7, n * 10 + 9, n);
        }
        pair.agree_in_order();
    }
    pair.run(Op::Synchronize).agree();
    assert_eq!(pair.face.validate().dead, 0);
}

// What a prune beside readers reports. The counts themselves are checked at every prune of every
// test, where a face runs it.

fn tree<V: Number>(count: u64) -> MapleTree<V> {
    fill(MapleTree::new(), count)
}

fn fill<V: Number>(tree: MapleTree<V>, count: u64) -> MapleTree<V> {
    for n in 0..count {
        assert!(tree.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
    }
    tree
}

fn nothing_to_prune_costs_nothing<V: Number>() {
    for count in [0, 1, 16, 300] {
        let tree = tree::<V>(count);
        let before = tree.figures().nodes_taken;
        let nothing = Pruned { form: PruneForm::Nothing, nodes_taken: 0, nodes_retired: 0, slot_stores: 0 };
        for from in [count * 10, count * 10 + 7, MAX] {
            assert_eq!(tree.prune(from), nothing);
            assert_eq!(tree.prune_in_place(from), nothing);
            assert_eq!(tree.prune_cut(from).expect("nothing to cut"), nothing);
        }
        assert_eq!(tree.figures().nodes_taken, before);
    }
}

fn in_place_takes_no_node_and_leaves_the_height<V: Number>() {
    for count in [17, 300, 3_000] {
        for place in [0, 1, count / 2, count - 1] {
            let tree = tree::<V>(count);
            let height = tree.figures().height;
            let taken = tree.figures().nodes_taken;
            let pruned = tree.prune_in_place(place * 10);
            assert_eq!((pruned.form, pruned.nodes_taken), (PruneForm::InPlace, 0));
            assert!(pruned.slot_stores >= 1 && pruned.slot_stores <= 15 * height, "{pruned:?}");
            assert_eq!(tree.figures().nodes_taken, taken);
            assert_eq!(tree.validate().expect("valid").entries as u64, place);
        }
    }
}

fn a_reader_keeps_what_it_holds<V: Number>() {
    for form in 0..3 {
        let tree = tree::<V>(300);
        let guard = tree.pin();
        let held = (0..300).map(|n| tree.get(n * 10, &guard).expect("covered")).collect::<Vec<_>>();
        match form {
            0 => assert_ne!(tree.prune(0).form, PruneForm::Nothing),
            1 => assert_eq!(tree.prune_in_place(0).form, PruneForm::InPlace),
            _ => tree.clear(),
        }
        assert!(tree.is_empty(&guard));
        assert_eq!(tree.get(10, &guard).map(V::read), None);
        for n in 0..300 {
            assert!(tree.insert(n..=n, V::make(n + 1_000)).is_ok());
        }
        for (n, held) in held.into_iter().enumerate() {
            assert_eq!(V::read(held), n as u64);
        }
        drop(guard);
        tree.synchronize().expect("not inside a read section");
        assert_eq!(tree.validate().expect("valid").entries, 300);
    }
}

/// With no reserve, and nothing put aside, a prune still does what it must.
fn an_empty_reserve_refuses_no_prune<V: Number>() {
    static NOTHING: Reserve = Reserve::new(0);
    for count in [1, 16, 17, 300, 3_000] {
        for place in [0, 1, count / 3, count - 1] {
            let tree = fill(MapleTree::<V>::with_reserve(&NOTHING), count);
            let guard = tree.pin();
            for place in (place..count).rev().step_by(1 + count as usize / 40) {
                tree.prune(place * 10);
                let last = tree.last(&guard).map(|(range, _)| *range.start() / 10);
                assert_eq!(last, place.checked_sub(1));
                assert_eq!(tree.validate().expect("valid").entries as u64, place);
            }
        }
    }
}

/// With no reserve a cut may be refused; then it says where, and nothing has happened.
fn a_cut_without_a_node_is_refused_and_changes_nothing<V: Number>() {
    static NOTHING: Reserve = Reserve::new(0);
    let mut refused = 0;
    for count in [1, 16, 17, 300] {
        for place in [0, 1, count / 3, count - 1].into_iter().filter(|place| *place < count) {
            let tree = fill(MapleTree::<V>::with_reserve(&NOTHING), count);
            let guard = tree.pin();
            let before = tree.iter(&guard).map(|(range, _)| range).collect::<Vec<_>>();
            match tree.prune_cut(place * 10 + 3) {
                Err(error) => {
                    refused += 1;
                    assert_eq!((error.range, error.at), (before[place as usize].clone(), place * 10 + 3));
                    assert!(tree.iter(&guard).map(|(range, _)| range).eq(before));
                }
                Ok(pruned) => {
                    assert!(pruned.nodes_taken > 0, "a cut needs a node: {pruned:?}");
                    let last = tree.last(&guard).expect("not empty");
                    assert_eq!(last.0, place * 10..=place * 10 + 2);
                }
            }
            tree.validate().expect("valid");
        }
    }
    assert!(refused > 0, "with nothing at hand some cut must be refused");
}

#[test]
fn the_tail_of_the_exclusive_face_owns_what_was_cut_off() {
    let value = Arc::new(7);
    let mut map = RangeMap::new();
    for n in 0..100 {
        map.insert(n * 10..=n * 10 + 5, value.clone()).expect("empty so far");
    }
    let tail = map.prune(500);
    assert_eq!(Arc::strong_count(&value), 101);
    assert_eq!(map.validate().expect("valid").entries, 50);
    drop(tail);
    assert_eq!(Arc::strong_count(&value), 51);
    let tail = map.prune_cut(252).expect("memory for a cut");
    assert_eq!(Arc::strong_count(&value), 51);
    assert_eq!(map.last().expect("not empty").0, 250..=251);
    drop(map);
    assert_eq!(Arc::strong_count(&value), 25);
    drop(tail);
    assert_eq!(Arc::strong_count(&value), 1);
}

macro_rules! with_every_entry {
    ($($function:ident),* $(,)?) => {
        mod entries {
            $(#[test]
            fn $function() {
                super::$function::<u32>();
                super::$function::<Box<u64>>();
                super::$function::<super::Arc<u64>>();
                super::$function::<super::RcuArc<u64>>();
            })*
        }
    };
}

with_every_entry!(
    nothing_to_prune_costs_nothing,
    in_place_takes_no_node_and_leaves_the_height,
    a_reader_keeps_what_it_holds,
    an_empty_reserve_refuses_no_prune,
    a_cut_without_a_node_is_refused_and_changes_nothing,
);

on_every_face!(
    the_border_is_where_an_entry_starts,
    an_entry_that_covers_the_border_stays_whole_or_is_cut,
    the_border_is_in_a_gap,
    the_border_is_behind_everything,
    the_border_is_index_0,
    the_border_is_index_max,
    the_full_range_at_the_border,
    what_was_pruned_can_be_filled_again,
    prunes_in_quick_succession,
    prune_twice_at_the_same_border,
    prune_and_refill_again_and_again,
);

on_both_faces!(a_prune_at_every_index, a_prune_at_every_entry_of_a_deep_tree, the_tail_reads_as_one_gap,);
