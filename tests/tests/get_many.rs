//! Many look-ups side by side: as many single ones would answer, in trees of every height, and beside a writer.

use maple_tests::beside::{Reader, beside};
use maple_tests::counted::{Kind, Ledger};
use maple_tests::face::Face;
use maple_tests::pair::Pair;
use maple_tests::shapes::{Rng, settle};
use maple_tests::{Model, kinds, on_both_faces, on_every_face};
use maple_tree::MapleTree;
use std::array::from_fn;
use std::sync::atomic::{AtomicU64, Ordering};

/// Compares `N` look-ups at once with the model and with single look-ups.
fn same<F: Face, const N: usize>(face: &F, model: &Model, indices: [u64; N]) {
    let many = face.get_many(indices);
    assert_eq!(many, indices.map(|index| model.get(index)), "get_many({indices:?})");
    assert_eq!(many, indices.map(|index| face.get(index)), "get_many({indices:?})");
}

/// The same for several `N`, with indices from `index`.
fn same_for_every_n<F: Face>(face: &F, model: &Model, mut index: impl FnMut(usize) -> u64) {
    same::<F, 0>(face, model, []);
    same::<F, 1>(face, model, from_fn(&mut index));
    same::<F, 2>(face, model, from_fn(&mut index));
    same::<F, 16>(face, model, from_fn(&mut index));
    same::<F, 33>(face, model, from_fn(&mut index));
}

fn same_everywhere<F: Face>(pair: &Pair<F>, rng: &mut Rng) {
    let Pair { face, model } = pair;
    let (items, gaps) = (model.items(), model.gaps(..));
    let end = model.last().map_or(100, |item| item.1.saturating_add(20));
    let within = |rng: &mut Rng, (first, last): (u64, u64)| match rng.below(4) {
        0 => first,
        1 => last,
        _ => first + rng.bits() % (last - first).saturating_add(1).max(1),
    };
    if !items.is_empty() {
        let pick = |rng: &mut Rng| items[rng.bits() as usize % items.len()];
        same_for_every_n(face, model, |_| {
            let (first, last, _) = pick(rng);
            within(rng, (first, last))
        });
        // One entry, every time; two entries in turn; the same indices in reverse.
        let (one, other) = (pick(rng), pick(rng));
        same_for_every_n(face, model, |_| one.0);
        same_for_every_n(face, model, |n| if n % 2 == 0 { one.1 } else { other.0 });
        same_for_every_n(face, model, |n| items[n % items.len()].1);
        same_for_every_n(face, model, |n| items[items.len() - 1 - n % items.len()].0);
    }
    if !gaps.is_empty() {
        same_for_every_n(face, model, |_| {
            let gap = gaps[rng.bits() as usize % gaps.len()];
            within(rng, gap)
        });
    }
    same_for_every_n(face, model, |_| within(rng, (0, end)));
    same_for_every_n(face, model, |_| rng.bits());
    same_for_every_n(face, model, |n| [0, u64::MAX, 1, u64::MAX - 1, end][n % 5]);
}

fn in_an_empty_tree<F: Face>() {
    let mut pair = Pair::<F>::new();
    same_everywhere(&pair, &mut Rng(1));
    pair.store(5, 9, 1);
    same_everywhere(&pair, &mut Rng(2));
    pair.erase(7);
    same_everywhere(&pair, &mut Rng(3));
}

fn in_trees_of_every_height<F: Face>() {
    for (count, height) in [(5, 1), (60, 2), (700, 3), (3_000, 4)] {
        for stride in [6, 10] {
            let mut pair = Pair::<F>::of(if stride == 6 { 2 * count } else { count }, stride, 6);
            assert_eq!(pair.face.validate().height, height, "{count} entries");
            for seed in 0..8 {
                same_everywhere(&pair, &mut Rng(seed));
            }
            // Gaps side by side, and whole leaves that are gone.
            for item in pair.model.clone().items() {
                if item.2 % 5 < 2 || (40..90).contains(&item.2) {
                    assert_eq!(pair.face.erase(item.0), pair.model.erase(item.0));
                }
            }
            for seed in 0..8 {
                same_everywhere(&pair, &mut Rng(seed));
            }
        }
    }
}

fn at_both_ends_of_the_index_space<F: Face>() {
    let mut pair = Pair::<F>::new();
    pair.store(0, u64::MAX, 1);
    same_everywhere(&pair, &mut Rng(1));
    for n in 0..100 {
        pair.store(n * 3, n * 3 + 1, n).store(u64::MAX - n * 3 - 1, u64::MAX - n * 3, n);
    }
    same_everywhere(&pair, &mut Rng(2));
}

on_every_face!(in_an_empty_tree, at_both_ends_of_the_index_space);

on_both_faces!(in_trees_of_every_height);

// Beside a writer.

/// Ranges that the writer goes through again and again.
const PLACES: u64 = 200;

/// What is at a place when generation `generation` is complete: nothing in runs longer than a leaf, which wander.
fn at(place: u64, generation: u64) -> Option<u64> {
    let is_gone = (place / 20 + generation).is_multiple_of(5);
    (!is_gone).then_some(generation * PLACES + place)
}

/// Each of the answers was true at some instant of the call.
fn beside_a_writer<K: Kind>() {
    let ledger = Ledger::new(1);
    let tree = MapleTree::<K::V>::new();
    let write = |generation| {
        for place in 0..PLACES {
            match at(place, generation) {
                Some(id) => tree.store(place * 10..=place * 10 + 6, K::make(&ledger, id)).expect("memory"),
                None => drop(tree.erase(place * 10 + 3)),
            }
        }
    };
    write(0);
    let (begun, complete) = (AtomicU64::new(0), AtomicU64::new(0));
    let read = |reader: &mut Reader| {
        let indices: [u64; 16] = from_fn(|_| reader.rng.below(PLACES * 10));
        let guard = tree.pin();
        // Acquire: all of this generation is in the tree for this reader.
        let from = complete.load(Ordering::Acquire);
        let found = tree.get_many(indices, &guard).map(|found| found.map(K::id));
        // A generation that was seen has begun: its entries were published after.
        let to = begun.load(Ordering::Acquire);
        for (index, found) in indices.into_iter().zip(found) {
            let is_legal = match index % 10 {
                7.. => found.is_none(),
                _ => (from..=to).any(|generation| at(index / 10, generation) == found),
            };
            assert!(is_legal, "{found:?} at {index}, generations {from} to {to}");
        }
    };
    beside(2, read, || {
        for generation in 1..=300 {
            begun.store(generation, Ordering::Release);
            write(generation);
            complete.store(generation, Ordering::Release);
        }
    });
    assert_eq!(tree.validate().expect("valid").entries as u64, (0..PLACES).filter_map(|place| at(place, 300)).count() as u64);
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

kinds!(beside_a_writer);
