//! Leaves that overflow, in trees that are full of them: they share with a sibling or are split, with gaps on either side of a border, with dead words,
//! with figures of free space, out of memory, and with no more nodes than were reserved. Compared with the model after every step.

use maple_tests::alloc::{Counting, Plan, quiet, under};
use maple_tests::ballast::Ballast;
use maple_tests::counted::{Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::model::{Item, Model};
use maple_tests::op::times;
use maple_tests::pair::closed;
use maple_tests::shapes::{Rng, contents, settle, shared_contents};
use maple_tests::space::Side;
use maple_tree::{Epoch, MapleTree, Pool, RangeMap, Rcu, Reserve, Shortage};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A tree on either face.
trait Crowd<K: Kind>: From<RangeMap<K::V>> {
    /// Stores under a plan; returns whether it did, and how many requests were refused.
    fn store(&mut self, plan: Plan, first: u64, last: u64, value: K::V) -> (bool, u64);
    /// Reserves and stores while nothing is given; returns the nodes that were reserved and those that were taken.
    fn store_reserved(&mut self, first: u64, last: u64, value: K::V) -> (usize, u64);
    /// Stores side by side with one cursor, and returns what is behind the last.
    fn store_run(&mut self, run: Vec<(u64, u64, K::V)>) -> Option<(u64, u64, Option<u64>)>;
    /// Removes what is inside; `false` when there is no memory.
    fn remove(&mut self, plan: Plan, first: u64, last: u64) -> (bool, u64);
    fn erase(&mut self, index: u64) -> bool;
    fn remove_whole(&mut self, first: u64, last: u64);
    /// Where a run of so many free indices is, and the longest.
    fn search(&mut self, size: u64) -> [Option<(u64, u64)>; 2];
    fn contents(&self) -> Vec<Item>;
    fn validate(&self);
    /// Goes on with a copy, which has no nodes to spare.
    fn copy(&mut self);
    /// Stays inside a read section, or leaves it and releases what was removed, where there are readers.
    fn read(&mut self, rest: bool) {
        let _ = rest;
    }
}

/// One cursor for all.
macro_rules! run_of {
    ($site:expr, $run:expr) => {{
        let site = &mut $site;
        let mut cursor = site.cursor_mut();
        for (first, last, value) in $run {
            cursor.store(first..=last, value).expect("memory");
            assert_eq!(cursor.range(), Some(first..=last));
        }
        cursor.next_slot().map(|(range, entry)| (*range.start(), *range.end(), entry.map(K::id)))
    }};
}

struct Alone<K: Kind>(RangeMap<K::V>);

impl<K: Kind> From<RangeMap<K::V>> for Alone<K> {
    fn from(map: RangeMap<K::V>) -> Self {
        Self(map)
    }
}

impl<K: Kind> Crowd<K> for Alone<K> {
    fn store(&mut self, plan: Plan, first: u64, last: u64, value: K::V) -> (bool, u64) {
        let (done, _, refused) = under(plan, || self.0.store(first..=last, value));
        (done.is_ok(), refused)
    }

    fn store_reserved(&mut self, first: u64, last: u64, value: K::V) -> (usize, u64) {
        let before = self.0.figures().nodes_taken;
        let token = self.0.reserve_for(first..=last).expect("memory");
        let nodes = token.nodes();
        quiet(|| token.store(value));
        (nodes, self.0.figures().nodes_taken - before)
    }

    fn store_run(&mut self, run: Vec<(u64, u64, K::V)>) -> Option<(u64, u64, Option<u64>)> {
        run_of!(self.0, run)
    }

    fn remove(&mut self, plan: Plan, first: u64, last: u64) -> (bool, u64) {
        let (done, _, refused) = under(plan, || self.0.remove_or(first..=last, Shortage::Allocate));
        (done.is_ok(), refused)
    }

    fn erase(&mut self, index: u64) -> bool {
        quiet(|| self.0.erase(index)).is_some()
    }

    fn remove_whole(&mut self, first: u64, last: u64) {
        quiet(|| self.0.remove_whole(first..=last));
    }

    fn search(&mut self, size: u64) -> [Option<(u64, u64)>; 2] {
        let place = self.0.find_free(size, .., 1).ok().map(|first| (first, first + (size - 1)));
        [place, self.0.largest_gap(..).map(std::ops::RangeInclusive::into_inner)]
    }

    fn contents(&self) -> Vec<Item> {
        contents::<K>(&self.0)
    }

    fn validate(&self) {
        self.0.validate().expect("valid");
    }

    fn copy(&mut self) {
        self.0 = self.0.dup().expect("memory");
    }
}

struct Beside<K: Kind> {
    guard: Option<<Epoch as Rcu>::Guard>,
    tree: MapleTree<K::V>,
}

impl<K: Kind> From<RangeMap<K::V>> for Beside<K> {
    fn from(map: RangeMap<K::V>) -> Self {
        Self { guard: None, tree: MapleTree::from(map) }
    }
}

impl<K: Kind> Crowd<K> for Beside<K> {
    // What a session leaves to its end (to hand over) may ask for memory that must be given.
    fn store(&mut self, plan: Plan, first: u64, last: u64, value: K::V) -> (bool, u64) {
        let mut writer = self.tree.lock();
        let (done, _, refused) = under(plan, || writer.store(first..=last, value));
        (done.is_ok(), refused)
    }

    fn store_reserved(&mut self, first: u64, last: u64, value: K::V) -> (usize, u64) {
        let mut writer = self.tree.lock();
        let before = writer.figures().nodes_taken;
        let token = writer.reserve_for(first..=last).expect("memory");
        let nodes = token.nodes();
        quiet(|| token.store(value));
        (nodes, writer.figures().nodes_taken - before)
    }

    fn store_run(&mut self, run: Vec<(u64, u64, K::V)>) -> Option<(u64, u64, Option<u64>)> {
        run_of!(self.tree.lock(), run)
    }

    fn remove(&mut self, plan: Plan, first: u64, last: u64) -> (bool, u64) {
        let mut writer = self.tree.lock();
        let (done, _, refused) = under(plan, || writer.remove_or(first..=last, Shortage::Allocate));
        (done.is_ok(), refused)
    }

    fn erase(&mut self, index: u64) -> bool {
        quiet(|| self.tree.erase(index).is_some())
    }

    fn remove_whole(&mut self, first: u64, last: u64) {
        quiet(|| self.tree.remove_whole(first..=last));
    }

    fn search(&mut self, size: u64) -> [Option<(u64, u64)>; 2] {
        let mut writer = self.tree.lock();
        let place = writer.find_free(size, .., 1).ok().map(|first| (first, first + (size - 1)));
        [place, writer.largest_gap(..).map(std::ops::RangeInclusive::into_inner)]
    }

    fn contents(&self) -> Vec<Item> {
        shared_contents::<K>(&self.tree)
    }

    fn validate(&self) {
        self.tree.validate().expect("valid");
    }

    fn copy(&mut self) {
        self.guard = None;
        self.tree = MapleTree::from(self.tree.dup().expect("memory"));
    }

    fn read(&mut self, rest: bool) {
        self.guard = None;
        if rest {
            self.guard = Some(self.tree.pin());
        } else {
            self.tree.synchronize().expect("not inside a read section");
        }
    }
}

/// Slots in order, as a map that is filled in order has them: sixteen a leaf.
fn slots(rng: &mut Rng, leaves: u64, up_to_the_end: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut next, mut gap) = (0, rng.below(2) == 0);
    for id in 0..leaves * 16 - rng.below(4) {
        let length = 2 + rng.below(9);
        if !gap {
            items.push((next, next + length - 1, id));
        }
        next += length;
        gap = !gap && rng.below(4) == 0;
    }
    if up_to_the_end {
        let behind = u64::MAX - items.last().map_or(0, |item| item.1);
        items.iter_mut().for_each(|item| (item.0, item.1) = (item.0 + behind, item.1 + behind));
        if rng.below(2) == 0 {
            // And from the beginning.
            items[0].0 = 0;
        }
    }
    items
}

/// Where a change may begin and end: mostly near or inside one entry or gap.
fn window(rng: &mut Rng, items: &[Item]) -> (u64, u64) {
    // The end of the last leaf is a case of its own.
    let at = if rng.below(8) == 0 { items.len() - 1 } else { rng.below(items.len() as u64) as usize };
    let (first, last, _) = items[at];
    let span = |first: u64, last: u64| (first.min(last), last);
    match rng.below(16) {
        // Inside: two slots more.
        0..7 => {
            let from = if last - first > 100 { last - 2 - rng.below(40) } else { first + rng.below(last - first + 1) };
            span(from, from.saturating_add(rng.below(2)).min(last))
        }
        // The beginning, the end: one more.
        7 => span(first, first + rng.below(3).min(last - first)),
        8 => span(last - rng.below(3).min(last - first), last),
        // In the gap behind, or over the beginning of what follows.
        9..12 => span(last.saturating_add(1), last.saturating_add(1 + rng.below(4))),
        // Exactly what is there.
        12 => (first, last),
        // Two entries, or so many that a leaf gets few slots.
        13 => span(first, items.get(at + 1).map_or(last, |next| next.1)),
        14 => span(first, items.get(at + 4 + rng.below(9) as usize).map_or(last, |next| next.0)),
        // Up to the end.
        _ => match rng.below(8) {
            0 => (last, u64::MAX),
            _ => span(last, last.saturating_add(rng.below(9))),
        },
    }
}

/// What is refused, and a tree for which that matters: few nodes are to be had.
fn plan<K: Kind>(rng: &mut Rng, crowd: &mut impl Crowd<K>, ballast: &mut Ballast) -> Plan {
    let plan = [Plan::From(1), Plan::From(2), Plan::Nth(1), Plan::Off, Plan::Off, Plan::Off][rng.below(6) as usize];
    if plan != Plan::Off {
        if rng.below(2) == 0 {
            crowd.copy();
        }
        ballast.leave(rng.below(4) as usize);
    }
    plan
}

/// So many steps in a tree that was just filled.
fn round<K: Kind, C: Crowd<K>>(seed: u64, steps: u64, ledger: &Arc<Ledger>, ballast: &mut Ballast, done: &mut [u64; 5]) {
    let mut rng = Rng(seed);
    let leaves = [2, 3, 4, 15, 16, 17, 33][rng.below(7) as usize];
    let mut model = Model::new();
    let mut map = RangeMap::<K::V>::new();
    for (first, last, id) in slots(&mut rng, leaves, seed.is_multiple_of(3)) {
        model.insert(closed(first, last), id).expect("in order");
    }
    map.try_extend(model.items().iter().map(|item| (item.0..=item.1, K::make(ledger, item.2)))).expect("memory");
    let mut crowd = C::from(map);
    let searches = seed.is_multiple_of(2);
    for step in 0..steps {
        let at = format!("seed {seed}, step {step}");
        if model.is_empty() {
            break;
        }
        let (first, last) = window(&mut rng, model.items());
        let id = 10_000 + step;
        // Most leaves are full at first.
        match rng.below(if step < 4 { 12 } else { 35 }) {
            0..12 => {
                let plan = plan(&mut rng, &mut crowd, ballast);
                let value = K::make(ledger, id);
                let (stored, refused) = crowd.store(plan, first, last, value);
                assert!(stored || refused > 0, "{at}: {first}..={last} was refused for nothing");
                if stored {
                    model.store(closed(first, last), id).expect("a range");
                }
                done[usize::from(stored)] += 1;
            }
            12..20 => {
                let (nodes, taken) = crowd.store_reserved(first, last, K::make(ledger, id));
                assert!(taken <= nodes as u64, "{at}: {first}..={last} took {taken} nodes of {nodes}");
                model.store(closed(first, last), id).expect("a range");
                done[2] += 1;
            }
            20..24 => {
                let plan = plan(&mut rng, &mut crowd, ballast);
                let (removed, refused) = crowd.remove(plan, first, last);
                assert!(removed || refused > 0, "{at}: {first}..={last} was refused for nothing");
                if removed {
                    model.remove(closed(first, last)).expect("a range");
                }
                done[3] += 1;
            }
            24..29 => {
                // A few side by side: gaps, dead words.
                let mut index = first;
                for _ in 0..=rng.below(3) {
                    assert_eq!(crowd.erase(index), model.erase(index).is_some(), "{at}: {index}");
                    index = model.get_range(index).0.1.saturating_add(1);
                }
                done[4] += 1;
            }
            29 => {
                crowd.remove_whole(first, last);
                model.remove_whole(closed(first, last));
            }
            30..33 => {
                let starts = (0..1 + rng.below(6)).map_while(|n| last.checked_add(2 * n));
                let run: Vec<_> = starts.map(|first| (first, first.saturating_add(rng.below(2)), id)).collect();
                let mut behind = None;
                for &(first, last, id) in &run {
                    model.store(closed(first, last), id).expect("a range");
                    behind = last.checked_add(1).map(|next| model.get_range(next));
                }
                let found = crowd.store_run(run.iter().map(|item| (item.0, item.1, K::make(ledger, item.2))).collect());
                assert_eq!(found.map(|(first, last, id)| ((first, last), id)), behind, "{at}: {run:?}");
            }
            33 => crowd.read(true),
            _ => crowd.read(false),
        }
        crowd.validate();
        assert_eq!(crowd.contents(), model.items(), "{at}: {first}..={last}");
        if searches && rng.below(3) == 0 {
            let size = 1 + rng.below(12);
            let place = model.find_free(size, closed(0, u64::MAX), 1, Side::Lowest).ok().map(|first| (first, first + (size - 1)));
            assert_eq!(crowd.search(size), [place, model.largest_gap(closed(0, u64::MAX))], "{at}");
            crowd.validate();
        }
    }
    crowd.read(false);
}

fn crowded<K: Kind, C: Crowd<K>>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    settle();
    let ledger = Ledger::new(1 << 15);
    let before = Pool::global().figures().nodes_in_use;
    let mut done = [0; 5];
    let mut ballast = Ballast::new();
    for seed in 0..24 * u64::from(times()) {
        round::<K, C>(seed, 120, &ledger, &mut ballast, &mut done);
    }
    settle();
    ledger.assert_all_dropped();
    drop(ballast);
    Reserve::global().fill().expect("memory for the reserve");
    assert_eq!(Pool::global().figures().nodes_in_use, before, "nodes are missing");
    assert!(done[0] > 4 && done[1..].iter().all(|done| *done > 50), "{done:?}");
}

macro_rules! for_kinds {
    ($($kind:ident: $alone:ident, $beside:ident;)*) => {$(
        #[test]
        fn $alone() {
            crowded::<$kind, Alone<$kind>>();
        }

        #[test]
        fn $beside() {
            crowded::<$kind, Beside<$kind>>();
        }
    )*};
}

for_kinds! {
    Ints: ints, ints_beside_readers;
    Boxes: boxes, boxes_beside_readers;
    RcuBoxes: rcu_boxes, rcu_boxes_beside_readers;
    RcuArcs: rcu_arcs, rcu_arcs_beside_readers;
}
