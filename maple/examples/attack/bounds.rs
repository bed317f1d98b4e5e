//! The bounds on what a removal costs: reached by trees built for it, never passed by trees at random.

use crate::books::Books;
use crate::costs::{
    Cost, RESERVES, Tree, erase, erase_alone, passed, prune, prune_alone, prune_cut, prune_in_place, remove, remove_alone,
    remove_whole,
};
use crate::report::{Progress, Tally, check, problems, scene};
use crate::rng::Rng;
use crate::worst;
use maple_tree::{Pool, RangeMap, Reserve};

pub(crate) fn run(short: bool) -> String {
    let (count, highest) = if short { (100_000, 4) } else { (1_000_000, 5) };
    for reserve in RESERVES.iter().chain([Reserve::global()]) {
        check(reserve.fill().is_ok(), "no memory for the reserve", [0; 3]);
    }
    let books = Books::open();
    let nodes_before = Pool::global().figures().nodes_in_use;
    let mut tally = Tally::default();

    scene(String::from("trees built for the worst case"));
    let mut progress = Progress::new("bounds", u64::from(highest));
    let bounds = worst::reach(highest, &RESERVES[0], &mut tally, |height| progress.at(height.into(), "full trees, by height"));

    let mut progress = Progress::new("bounds", count);
    let mut seen = Seen::default();
    for number in 0..count {
        progress.at(number, "random trees");
        let before = problems();
        random_tree(number, &mut seen, &mut tally);
        if problems() > before {
            scene(format!("that was random tree {number}"));
            check(false, "in the random tree of this number", [number, 0, 0]);
            break;
        }
    }
    drop(progress);
    books.check(&[&RESERVES[0], &RESERVES[1]]);
    format!(
        "{}, {bounds} bounds reached by built trees and {} times by {count} random ones (heights up to {}), passed {} times, \
         {} path copies, {} in-place falls, low-water mark {} of 64, nodes in use {nodes_before} -> {}",
        tally.line("bounds"),
        seen.worst,
        seen.highest,
        passed(),
        tally.path_copies,
        tally.falls,
        RESERVES[0].figures().low_water,
        Pool::global().figures().nodes_in_use,
    )
}

/// What the random trees came to.
#[derive(Default)]
struct Seen {
    highest: usize,
    worst: u64,
}

impl Seen {
    fn add(&mut self, cost: Option<Cost>) {
        let Some(cost) = cost else { return };
        self.highest = self.highest.max(cost.height);
        self.worst += u64::from(cost.cost > 0 && cost.is_worst());
    }
}

/// How many stores a tree is made of: mostly few, now and then many.
fn size(rng: &mut Rng) -> u32 {
    match rng.below(2000) {
        0 => 1 + rng.below(20_000),
        1..100 => 1 + rng.below(1_000),
        _ => 1 + rng.below(80),
    }
}

/// Indices at random: anywhere below the end, and now and then the last one there is.
fn index(end: u32, rng: &mut Rng) -> u64 {
    if rng.one_in(64) { u64::MAX } else { u64::from(rng.below(end)) }
}

fn window(end: u32, longest: u32, rng: &mut Rng) -> (u64, u64) {
    let first = index(end, rng);
    let last = if rng.one_in(64) { u64::MAX } else { first.saturating_add(u64::from(rng.below(longest))) };
    (first, last)
}

/// Stores in order, in reverse or anywhere, side by side or one over the other.
fn fill(count: u32, end: u32, rng: &mut Rng, mut store: impl FnMut(u64, u64)) {
    let pitch = u64::from((end / count).max(2));
    let (order, dense) = (rng.below(4), rng.one_in(2));
    for number in 0..count {
        let place = match order {
            0 => u64::from(number) * pitch,
            1 => u64::from(count - 1 - number) * pitch,
            2 => u64::from(rng.below(count)) * pitch,
            _ => index(end, rng),
        };
        let length = if dense { pitch } else { 1 + u64::from(rng.below(2 * pitch as u32)) };
        store(place, place.saturating_add(length - 1));
    }
}

const FULL_MEMORY: &str = "trees are built while there is memory";

fn random_tree(number: u64, seen: &mut Seen, tally: &mut Tally) {
    let rng = &mut Rng::new(number);
    let count = size(rng);
    let end = count * (2 + rng.below(20));
    if rng.one_in(4) {
        let mut map = RangeMap::new();
        fill(count, end, rng, |first, last| map.store(first..=last, first as u32).expect(FULL_MEMORY));
        for _ in 0..rng.below(12) {
            match rng.below(6) {
                0 => seen.add(prune_alone(&mut map, index(end, rng), true, tally)),
                1 => seen.add(prune_alone(&mut map, index(end, rng), false, tally)),
                2..4 => {
                    let (first, last) = window(end, 40, rng);
                    seen.add(remove_alone(&mut map, first, last, tally));
                }
                _ => (0..rng.below(count)).for_each(|_| seen.add(erase_alone(&mut map, index(end, rng), tally))),
            }
        }
        check(map.validate().is_ok(), "a map is not valid", [number, 0, 0]);
        return;
    }
    let reserve = &RESERVES[usize::from(rng.one_in(4))];
    let mut tree = Tree::with_reserve(reserve);
    fill(count, end, rng, |first, last| tree.store(first..=last, first as u32).expect(FULL_MEMORY));
    if rng.one_in(8) {
        // A copy, which has nodes of its own for its prune.
        tree = Tree::from(tree.dup().expect(FULL_MEMORY));
    }
    // Thinned out, as removals beside readers leave a tree.
    for _ in 0..rng.below(count) * rng.below(3) / 2 {
        drop(tree.erase(index(end, rng)));
    }
    for _ in 0..rng.below(12) {
        match rng.below(8) {
            0 => seen.add(prune(&tree, index(end, rng), tally)),
            1 => seen.add(prune_cut(&tree, index(end, rng), tally)),
            2 => seen.add(prune_in_place(&tree, index(end, rng), tally)),
            3..6 => {
                let (first, last) = window(end, 40, rng);
                seen.add(remove(&tree, first, last, tally));
            }
            6 if count < 100 => {
                let (first, last) = window(end, end, rng);
                seen.add(remove_whole(&tree, first, last, tally));
            }
            _ if count < 100 => (0..rng.below(6)).for_each(|_| seen.add(erase(&tree, index(end, rng), tally))),
            _ => seen.add(erase(&tree, index(end, rng), tally)),
        }
        if rng.one_in(8) {
            let (first, last) = window(end, 40, rng);
            tree.store(first..=last, 0).expect(FULL_MEMORY);
        }
    }
    check(tree.validate().is_ok(), "a tree is not valid", [number, 0, 0]);
}
