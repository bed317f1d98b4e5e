//! Free space as an allocator of indices sees it: the lowest and the highest place, aligned or not, the longest gap, ranges and
//! indices allocated one after the other; on every face, with every kind of entry, against the model.
//!
//! The generated sequences of `model.rs` search and allocate, too. What happens when memory is short is in `space_memory.rs`.
//!
//! Seen to fail on copies of the engine with one call left out:
//!
//! * `touch` in `write` (`edit.rs`): eight tests here, three of `space_memory.rs` and eleven of `model.rs`;
//! * in `take_out` or in `erase` (`erase.rs`): `churn`, `fragmentation`, `full_until_one_is_freed` and others;
//! * in `prune_exclusive` (`prune.rs`): `gaps_join_after_removals_in_place`.

use core::ops::Bound;
use maple_tests::check::ALL;
use maple_tests::face::Face;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed, with};
use maple_tests::shapes::Rng;
use maple_tests::space::{Side, Standing, agree_on_space};
use maple_tests::{Bounds, Span, on_both_faces, on_every_face};
use maple_tree::{BadRange, Cyclic, FindError, MapleTree};
use std::thread;

const MAX: u64 = u64::MAX;

/// The lowest and the highest place.
fn fit<F: Face>(face: &mut F, size: u64, within: Bounds, align: u64) -> Option<Span> {
    let [low, high] = [Side::Lowest, Side::Highest].map(|side| face.find_free(size, within, align, side));
    match (low, high) {
        (Ok(low), Ok(high)) => Some((low, high)),
        (Err(FindError::Busy | FindError::WindowTooSmall(_)), Err(_)) => None,
        both => panic!("both ways or neither: {both:?}"),
    }
}

/// Compares every search in the whole index space and in a window, and validates.
fn agree<F: Face>(pair: &mut Pair<F>, window: Span) {
    agree_on_space(&mut pair.face, &pair.model, 1, ALL, 1);
    agree_on_space(&mut pair.face, &pair.model, 7, closed(window.0, window.1), 8);
    pair.face.validate();
}

fn what_is_wrong_is_said<F: Face>() {
    let mut face = with::<F>(&[(0, 9, 1)]);
    for side in [Side::Lowest, Side::Highest] {
        let mut find = |size, within, align| face.find_free(size, within, align, side);
        assert_eq!(find(0, ALL, 1), Err(FindError::ZeroSize));
        assert_eq!(find(1, ALL, 0), Err(FindError::ZeroAlign));
        assert_eq!(find(11, closed(10, 19), 1), Err(FindError::WindowTooSmall(10..=19)));
        assert_eq!(find(2, closed(MAX, MAX), 1), Err(FindError::WindowTooSmall(MAX..=MAX)));
        let (start, end) = closed(6, 5);
        assert_eq!(find(1, (start, end), 1), Err(FindError::BadRange(BadRange { start, end })));
        let (start, end) = (Bound::Included(5), Bound::Excluded(5));
        assert_eq!(find(1, (start, end), 1), Err(FindError::BadRange(BadRange { start, end })));
        assert_eq!(find(10, closed(0, 18), 1), Err(FindError::Busy));
        let mut alloc = |size, within, align| face.alloc_range(size, within, align, side, 2);
        assert_eq!(alloc(10, closed(0, 18), 1), Err(FindError::Busy));
        assert_eq!(alloc(0, ALL, 1), Err(FindError::ZeroSize));
        assert_eq!(alloc(1, ALL, 0), Err(FindError::ZeroAlign));
        assert_eq!(alloc(3, closed(20, 21), 1), Err(FindError::WindowTooSmall(20..=21)));
        assert_eq!(alloc(1, (start, end), 1), Err(FindError::BadRange(BadRange { start, end })));
    }
    assert_eq!(face.alloc_cyclic(closed(0, 9), &mut Cyclic::new(), 3), Err(FindError::Busy));
    assert_eq!(face.largest_gap(closed(6, 5)), None);
    assert_eq!(face.largest_gap(closed(0, 9)), None);
    assert_eq!(face.items(), [(0, 9, 1)]);
}

fn all_there_is<F: Face>() {
    // A tree that never had an entry, and one that has none any more.
    for emptied in [false, true] {
        let mut face = F::new();
        if emptied {
            (0..100).for_each(|n| assert_eq!(face.store(closed(n * 3, n * 3 + 1), n), Ok(())));
            assert_eq!(face.find_free(1, ALL, 1, Side::Lowest), Ok(2));
            (0..100).for_each(|n| assert!(face.erase(n * 3).is_some()));
        }
        assert_eq!(face.largest_gap(ALL), Some((0, MAX)), "more than a size can say");
        assert_eq!(fit(&mut face, MAX, ALL, 1), Some((0, 1)));
        assert_eq!(fit(&mut face, MAX, ALL, 2), Some((0, 0)));
        assert_eq!(fit(&mut face, 1, ALL, MAX), Some((0, MAX)));
        assert_eq!(fit(&mut face, 2, ALL, MAX), Some((0, 0)));
        assert_eq!(fit(&mut face, 1 << 63, ALL, 1 << 63), Some((0, 1 << 63)));
        assert_eq!(face.largest_gap(closed(1, MAX)), Some((1, MAX)));
        assert_eq!(face.largest_gap(closed(0, MAX - 1)), Some((0, MAX - 1)));
        assert_eq!(face.alloc_range(MAX, ALL, 1, Side::Highest, 7), Ok(1));
        assert_eq!(face.largest_gap(ALL), Some((0, 0)));
        assert_eq!(face.alloc_range(1, ALL, 1, Side::Highest, 8), Ok(0));
        assert_eq!(face.find_free(1, ALL, 1, Side::Lowest), Err(FindError::Busy));
        assert_eq!(face.largest_gap(ALL), None);
        assert_eq!(face.erase(5), Some((1, MAX, 7)));
        assert_eq!(face.largest_gap(ALL), Some((1, MAX)), "as many as a size can say");
        face.validate();
    }
}

fn an_exact_fit_and_one_more<F: Face>() {
    // The only gap of its length in a tree of three levels, at any place in it.
    for hole in [1, 15, 16, 200, 255, 256, 1_500, 2_998] {
        let mut pair = Pair::<F>::of(3_000, 10, 8);
        agree(&mut pair, (5, 29_000));
        pair.erase(hole * 10);
        let (first, last) = (hole * 10 - 2, hole * 10 + 9);
        let all = closed(0, 29_999);
        assert_eq!(fit(&mut pair.face, 2, all, 1), Some((8, 29_998)));
        assert_eq!(fit(&mut pair.face, 12, all, 1), Some((first, first)));
        assert_eq!(fit(&mut pair.face, 13, all, 1), None);
        assert_eq!(pair.face.largest_gap(all), Some((first, last)));
        // A window that cuts it.
        assert_eq!(fit(&mut pair.face, 11, closed(first + 1, last), 1), Some((first + 1, first + 1)));
        assert_eq!(fit(&mut pair.face, 12, closed(first + 1, 29_999), 1), None);
        assert_eq!(fit(&mut pair.face, 12, closed(0, last - 1), 1), None);
        assert_eq!(fit(&mut pair.face, 5, closed(first + 1, last - 1), 1), Some((first + 1, last - 5)));
        assert_eq!(fit(&mut pair.face, 12, closed(first, last), 1), Some((first, first)));
        assert_eq!(pair.face.largest_gap(closed(first + 2, last - 1)), Some((first + 2, last - 1)));
        agree(&mut pair, (first, last));
        pair.store(first, last, 5);
        assert_eq!(fit(&mut pair.face, 3, all, 1), None);
        agree(&mut pair, (first - 1, last + 1));
    }
}

fn gaps_join_over_leaves_and_levels<F: Face>() {
    // A hole is cleared range by range, from the middle to both sides: one gap at every step, across leaves first and whole
    // sub-trees in the end. Then it is filled again in the same order.
    for by_remove in [false, true] {
        let mut pair = Pair::<F>::of(600, 10, 10);
        for reach in 0..300 {
            for place in [299 - reach, 300 + reach] {
                match by_remove {
                    true => pair.remove(place * 10, place * 10 + 9),
                    false => pair.erase(place * 10),
                };
            }
            let (first, last) = ((299 - reach) * 10, (300 + reach) * 10 + 9);
            let size = last - first + 1;
            assert_eq!(fit(&mut pair.face, size, closed(0, 5_999), 1), Some((first, first)));
            assert_eq!(fit(&mut pair.face, size + 1, closed(0, 5_999), 1), None);
            assert_eq!(fit(&mut pair.face, 1, closed(0, 5_999), 1), Some((first, last)));
            pair.face.validate();
        }
        for reach in 0..299 {
            for place in [299 - reach, 300 + reach] {
                pair.store(place * 10, place * 10 + 9, place);
            }
            let (first, last) = (0, (299 - reach) * 10 - 1);
            assert_eq!(pair.face.largest_gap(closed(0, 5_999)), Some((first, last)));
            assert_eq!(fit(&mut pair.face, last + 1, closed(0, 5_999), 1), Some((0, 5_999 - last)));
            assert_eq!(fit(&mut pair.face, last + 2, closed(0, 5_999), 1), None);
            pair.face.validate();
        }
    }
}

fn gaps_join_after_removals_in_place<F: Face>() {
    for (step, from) in [2_999, 2_500, 2_497, 2_000, 1_024, 1_023, 500, 17, 16, 1].into_iter().enumerate() {
        let mut pair = Pair::<F>::of(3_000, 4, 3);
        agree(&mut pair, (0, 11_999));
        pair.face.begin(2 * step);
        pair.run(Op::PruneInPlace { from: from * 4 });
        assert_eq!(fit(&mut pair.face, 2, ALL, 1), Some((from * 4 - 1, MAX - 1)));
        agree(&mut pair, (from * 2, 11_999));
        pair.run(Op::RemoveWhole { range: closed(from, from * 3) });
        agree(&mut pair, (from / 2, from * 4));
        pair.run(Op::Synchronize);
        agree(&mut pair, (from / 2, from * 4));
        pair.run(Op::Compact);
        agree(&mut pair, (from / 2, from * 4));
        pair.run(Op::PruneCut { from: from + 1 });
        agree(&mut pair, (0, from * 4));
        pair.run(Op::Clear);
        agree(&mut pair, (from, from * 4));
    }
}

fn full_until_one_is_freed<F: Face>() {
    for side in [Side::Lowest, Side::Highest] {
        for base in [0, 77, MAX - 999] {
            let (mut face, within) = (F::new(), closed(base, base + 999));
            for n in 0..500 {
                let place = if side == Side::Lowest { n * 2 } else { 998 - n * 2 };
                assert_eq!(face.alloc_range(2, within, 1, side, n), Ok(base + place));
            }
            assert_eq!(face.alloc_range(1, within, 1, side, 9), Err(FindError::Busy), "full");
            for n in [0, 499, 250, 16, 255] {
                let first = base + n * 2;
                assert!(face.erase(first).is_some());
                assert_eq!(fit(&mut face, 2, within, 1), Some((first, first)));
                assert_eq!(fit(&mut face, 3, within, 1), None);
                assert_eq!(fit(&mut face, 1, within, 1), Some((first, first + 1)));
                assert_eq!(face.alloc_range(2, within, 1, side, n), Ok(first));
                assert_eq!(face.alloc_range(1, within, 1, side, 9), Err(FindError::Busy), "full again");
            }
            face.validate();
        }
    }
}

fn alignment_is_kept<F: Face>() {
    // Every gap is long enough, few have an aligned place.
    let mut pair = Pair::<F>::of(2_000, 1_000, 900);
    let all = closed(0, 1_999_999);
    for align in [1, 2, 3, 7, 64, 100, 101, 128, 1_000, 1_024, 4_096, 65_536, 65_537, 1 << 20] {
        for size in [1, 50, 99, 100] {
            for side in [Side::Lowest, Side::Highest] {
                let found = pair.face.find_free(size, all, align, side);
                assert_eq!(found, pair.model.find_free(size, all, align, side), "{size} at {align}, {side:?}");
            }
        }
    }
    // 2^63 is the only multiple but 0, and it is free.
    assert_eq!(fit(&mut pair.face, 1, ALL, 1 << 63), Some((1 << 63, 1 << 63)));
    pair.store(1 << 63, 1 << 63, 5);
    assert_eq!(fit(&mut pair.face, 1, ALL, 1 << 63), None);
    assert_eq!(fit(&mut pair.face, 1, ALL, MAX), Some((MAX, MAX)), "0 is taken");
    // Places that would end behind the last index.
    assert_eq!(fit(&mut pair.face, 4, closed(MAX - 6, MAX), 8), None);
    assert_eq!(fit(&mut pair.face, 4, closed(MAX - 7, MAX), 8), Some((MAX - 7, MAX - 7)));
}

fn a_run_over_many_slots_with_a_far_place<F: Face>() {
    // The run goes over leaves and whole empty slots, and only its very end (or beginning) has an aligned place: its parts do not.
    let mut pair = Pair::<F>::of(1_000, 10, 10);
    agree(&mut pair, (0, 9_999));
    pair.remove(1_001, 8_191);
    for (size, align) in [(1, 8_191), (1, 4_096), (4_096, 4_096), (4_097, 4_096), (2_000, 4_000), (7_191, 1_001), (7_191, 1)] {
        agree_on_space(&mut pair.face, &pair.model, size, closed(0, 9_999), align);
    }
    pair.run(Op::RemoveWhole { range: closed(0, 9_000) });
    agree(&mut pair, (0, 9_999));
}

fn cyclic_goes_round<F: Face>() {
    let mut face = F::new();
    let mut cyclic = Cyclic::starting_at(12);
    let within = closed(10, 14);
    for (index, wrapped) in [(12, false), (13, false), (14, false), (10, true), (11, false)] {
        assert_eq!(face.alloc_cyclic(within, &mut cyclic, index), Ok(index));
        assert_eq!(cyclic.wrapped(), wrapped);
        assert_eq!(cyclic.position(), Some(index + 1));
    }
    let before = cyclic.clone();
    assert_eq!(face.alloc_cyclic(within, &mut cyclic, 1), Err(FindError::Busy));
    assert_eq!(cyclic, before, "as it was");
    // Freed behind where it stands, and before: the one behind is next, the other one after the wrap.
    assert!(face.erase(10).is_some() && face.erase(13).is_some());
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 2), cyclic.wrapped()), (Ok(13), false));
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 2), cyclic.wrapped()), (Ok(10), true));
    assert!(face.erase(14).is_some());
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 2), cyclic.wrapped()), (Ok(14), false));
    // It stands behind its window now: that is no reason for another one to be full.
    assert_eq!((face.alloc_cyclic(closed(0, 9), &mut cyclic, 2), cyclic.wrapped()), (Ok(0), true));
    // And before it.
    assert_eq!((face.alloc_cyclic(closed(30, 40), &mut cyclic, 2), cyclic.wrapped()), (Ok(30), false));
}

fn cyclic_at_the_top_of_the_index_space<F: Face>() {
    let mut face = F::new();
    let mut cyclic = Cyclic::starting_at(MAX - 1);
    let within = (Bound::Included(MAX - 3), Bound::Unbounded);
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 1), cyclic.wrapped()), (Ok(MAX - 1), false));
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 1), cyclic.wrapped()), (Ok(MAX), false));
    assert_eq!(cyclic.position(), None, "the next one begins anew");
    assert!(face.erase(MAX).is_some());
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 1), cyclic.wrapped()), (Ok(MAX - 3), true));
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 1), cyclic.wrapped()), (Ok(MAX - 2), false));
    assert_eq!((face.alloc_cyclic(within, &mut cyclic, 1), cyclic.wrapped()), (Ok(MAX), false));
    assert_eq!(face.alloc_cyclic(within, &mut cyclic, 1), Err(FindError::Busy));
    assert_eq!((cyclic.position(), cyclic.wrapped()), (None, false));
    // In the whole index space it goes on at 0.
    assert_eq!((face.alloc_cyclic(ALL, &mut cyclic, 1), cyclic.wrapped()), (Ok(0), true));
}

fn cyclic_agrees_with_the_model<F: Face>() {
    let mut rng = Rng(3);
    let mut pair = Pair::<F>::new();
    let mut cyclic = Cyclic::new();
    let mut standing: Standing = (cyclic.position(), cyclic.wrapped());
    for step in 0..3_000 {
        pair.face.begin(step);
        let base = if step < 1_500 { 0 } else { MAX - 699 };
        let first = base + rng.below(20);
        let within = closed(first, (first + rng.below(600)).min(base + 600).max(first));
        if rng.below(5) < 2 {
            let index = base + rng.below(620);
            assert_eq!(pair.face.erase(index), pair.model.erase(index));
        } else {
            let value = step as u64;
            let index = pair.model.alloc_cyclic(within, &mut standing, value);
            assert_eq!(pair.face.alloc_cyclic(within, &mut cyclic, value), index, "{within:?}");
        }
        assert_eq!((cyclic.position(), cyclic.wrapped()), standing);
    }
    pair.face.validate();
    pair.agree();
}

/// A range of up to `longest` indices inside `0..=top`.
fn range(rng: &mut Rng, top: u64, longest: u64) -> Span {
    let first = rng.below(top);
    (first, (first + rng.below(longest)).min(top))
}

fn churn<F: Face>() {
    // Allocating, freeing, overwriting and removing at random in trees of three levels, with searches after every step.
    for (seed, length) in [(1, 5), (2, 6), (3, 1)] {
        let mut rng = Rng(seed);
        let mut pair = Pair::<F>::of(700, 6, length);
        let top = 4_300;
        for step in 0..800 {
            pair.face.begin(step);
            let (first, last) = range(&mut rng, top, 40);
            let value = rng.below(1_000);
            let side = if rng.below(2) == 0 { Side::Lowest } else { Side::Highest };
            let (size, align) = (1 + rng.below(9), 1 << rng.below(4));
            let within = range(&mut rng, top, top);
            let within = closed(within.0, within.1);
            let op = match rng.below(100) {
                0..35 => Op::AllocRange { size, within, align, side, value },
                35..65 => Op::Erase { index: first },
                65..75 => Op::Store { range: closed(first, last), value },
                75..85 => Op::Remove { range: closed(first, last) },
                85..90 => Op::Insert { range: closed(first, first + size), value },
                90..93 => Op::RemoveWhole { range: closed(first, last) },
                93 => Op::RemoveWhole { range: closed(first, first + 600) },
                94 => Op::PruneInPlace { from: top - 5 * size },
                95 => Op::Prune { from: top - 7 * size },
                96 => Op::Synchronize,
                97 => Op::Convert,
                98 => Op::Replace { index: first, value },
                _ => Op::Dup,
            };
            op.run(&mut pair.face, &mut pair.model);
            // Sometimes nothing is searched for between two changes.
            if rng.below(3) > 0 {
                let within = range(&mut rng, top, top);
                agree_on_space(&mut pair.face, &pair.model, 1 + rng.below(30), closed(within.0, within.1), align);
            }
            pair.face.validate();
        }
        pair.agree();
    }
}

fn fragmentation<F: Face>() {
    // The usual life of an allocator: what is freed is found again, and nothing is lost in the end.
    let mut rng = Rng(9);
    let mut pair = Pair::<F>::new();
    let all = closed(0x1000, 0x4_ffff);
    let mut held = Vec::new();
    for step in 0..1_500 {
        pair.face.begin(step);
        if rng.below(3) > 0 {
            let (size, align, side) =
                (1 + rng.below(0x200), 1 << rng.below(9), if step % 3 == 0 { Side::Highest } else { Side::Lowest });
            let place = pair.model.alloc_range(size, all, align, side, 1);
            assert_eq!(pair.face.alloc_range(size, all, align, side, 1), place);
            held.extend(place.ok());
        } else if !held.is_empty() {
            let first = held.swap_remove(rng.below(held.len() as u64) as usize);
            assert_eq!(pair.face.erase(first), pair.model.erase(first));
        }
        if step % 50 == 0 {
            agree(&mut pair, (0x1000, 0x4_ffff));
        }
    }
    rng.shuffle(&mut held);
    for first in held {
        assert_eq!(pair.face.erase(first), pair.model.erase(first));
    }
    assert_eq!(pair.face.largest_gap(all), Some((0x1000, 0x4_ffff)));
    agree(&mut pair, (0x1000, 0x4_ffff));
}

on_every_face!(
    what_is_wrong_is_said,
    all_there_is,
    gaps_join_after_removals_in_place,
    full_until_one_is_freed,
    cyclic_goes_round,
    cyclic_at_the_top_of_the_index_space,
    cyclic_agrees_with_the_model,
    churn,
    fragmentation,
);

/// An entry at either end of the index space is all there is: the rest is one gap, of one index less than everything.
fn a_lone_entry_at_an_end<F: Face>() {
    for (first, last) in [(0, 0), (MAX, MAX), (0, 5), (MAX - 5, MAX), (0, MAX - 1), (1, MAX), (0, MAX)] {
        let mut pair = Pair::<F>::new();
        pair.store(first, last, 1);
        agree(&mut pair, (0, MAX));
        pair.run(Op::RemoveWhole { range: ALL });
        agree(&mut pair, (0, MAX));
    }
}

/// Windows that begin or end anywhere, also inside of what one node covers: a gap counts as far as it lies in the window.
fn windows_cut_through_nodes<F: Face>() {
    let mut pair = Pair::<F>::of(600, 10, 6);
    let mut rng = Rng(11);
    for place in 0..600 {
        // Longer and shorter gaps, the longest early and late in a node.
        if rng.below(3) == 0 {
            pair.model.erase(place * 10);
            pair.face.erase(place * 10);
        }
    }
    for at in (0..6_000).step_by(37) {
        for within in [closed(at, MAX), closed(0, at), closed(at, at + 700), closed(at, at + 2_500)] {
            agree_on_space(&mut pair.face, &pair.model, 1 + at % 9, within, 1);
        }
    }
    pair.agree_in_order();
}

/// Ranges in ascending order, which a tree stores at the end of its last leaf without a look, with searches in between: the first one, too.
fn stores_at_the_end_between_searches<F: Face>() {
    for first_search in [1, 2, 7, 8, 9, 15, 16, 20, 40] {
        let mut pair = Pair::<F>::new();
        for n in 0..first_search + 3 {
            pair.store(n * 10, n * 10 + 5, n);
            if n >= first_search {
                agree(&mut pair, (n, n * 10 + 30));
            }
        }
    }
}

on_both_faces!(
    an_exact_fit_and_one_more,
    gaps_join_over_leaves_and_levels,
    alignment_is_kept,
    a_run_over_many_slots_with_a_far_place,
    a_lone_entry_at_an_end,
    windows_cut_through_nodes,
    stores_at_the_end_between_searches,
);

#[test]
fn no_two_threads_get_the_same_index() {
    const THREADS: u64 = 4;
    const EACH: u64 = 800;
    let tree = MapleTree::<u32>::new();
    thread::scope(|scope| {
        for owner in 0..THREADS {
            let tree = &tree;
            scope.spawn(move || {
                let mut held = Vec::new();
                for n in 0..EACH {
                    let (size, value) = (1 + n % 7, value_of(owner));
                    // Just room for all: what others give back is used again.
                    let within = 0..THREADS * EACH * 4;
                    let place = match n % 2 {
                        0 => tree.alloc_range(size, within, 1, value),
                        _ => tree.alloc_range_rev(size, within, 1, value),
                    };
                    held.push((place.expect("there is room"), size));
                    if n % 3 == 0 {
                        let (first, size) = held.swap_remove(held.len() / 2);
                        let erased = tree.erase(first).expect("nobody else had it");
                        assert_eq!((erased.range(), erased.get()), (first..=first + (size - 1), value));
                    }
                }
                for (first, size) in held {
                    let guard = tree.pin();
                    assert_eq!(tree.get_range(first, &guard), (first..=first + (size - 1), Some(value_of(owner))), "still mine");
                }
            });
        }
    });
    tree.validate().expect("a valid tree");
}

fn value_of(owner: u64) -> u32 {
    u32::try_from(owner).expect("a few threads")
}

#[test]
fn errors_say_what_is_wrong() {
    let map = &mut maple_tree::RangeMap::<u32>::new();
    let says = |error: FindError| error.to_string();
    assert_eq!(says(map.find_free(0, .., 1).unwrap_err()), "a range of no index is asked for");
    assert_eq!(says(map.find_free(1, .., 0).unwrap_err()), "the alignment is zero");
    assert_eq!(says(map.find_free(9, 1..5, 1).unwrap_err()), "the window 1..=4 is smaller than what is asked for");
    assert_eq!(says(map.find_free(9, 5..5, 1).unwrap_err()), "the range from 5 (included) to 5 (excluded) holds no index");
    map.store(.., 1).unwrap();
    let refused = map.alloc_range(1, .., 1, 2).unwrap_err();
    assert_eq!((refused.to_string(), refused.value), ("no free range is large enough".into(), 2));
}
