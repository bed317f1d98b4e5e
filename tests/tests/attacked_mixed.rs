//! Every call of exclusive maps, of sessions and of trees by turns on one tree, with free space searched for in between: what was written
//! apart must work together. The structure is validated after each call, and in the end every node and every value must be back.

use allocator_api2::alloc::Global;
use maple_tests::alloc::{Counting, quiet};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::model::{Item, Model};
use maple_tree::{At, MapleTree, Pool, RangeMap, Reserve, Shortage};
use std::ops::Bound::Included;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

struct Mixed<K: Kind> {
    rng: Rng,
    ledger: Arc<Ledger>,
    model: Model,
    next: u64,
    universe: u64,
    kind: std::marker::PhantomData<K>,
}

type B = (std::ops::Bound<u64>, std::ops::Bound<u64>);

fn bounds((first, last): (u64, u64)) -> B {
    (Included(first), Included(last))
}

impl<K: Kind> Mixed<K> {
    fn window(&mut self) -> (u64, u64) {
        let first = self.rng.below(self.universe);
        let long = match self.rng.below(200) {
            0 => self.rng.below(self.universe),
            1..15 => self.rng.below(60),
            _ => self.rng.below(4),
        };
        match self.rng.below(2000) {
            0 => (first, u64::MAX),
            1 => (0, long),
            2 => (u64::MAX - long, u64::MAX),
            _ => (first, first + long),
        }
    }

    fn index(&mut self) -> u64 {
        if self.rng.below(100) == 0 { u64::MAX } else { self.rng.below(self.universe) }
    }

    fn value(&mut self) -> (u64, K::V) {
        self.next += 1;
        (self.next, K::make(&self.ledger, self.next))
    }

    fn check(&self, items: impl Iterator<Item = Item>) {
        let items = items.collect::<Vec<_>>();
        assert!(items == self.model.items(), "{items:?}\n{:?}", self.model.items());
    }

    /// One search, checked against the model.
    fn gap(&mut self) -> (u64, (u64, u64), Option<u64>, Option<u64>) {
        let window = self.window();
        let size = 1 + self.rng.below(12);
        let gaps = self.model.gaps(bounds(window));
        let fits = |gap: &&(u64, u64)| gap.1 - gap.0 >= size - 1;
        let low = gaps.iter().find(fits).map(|gap| gap.0);
        let high = gaps.iter().rev().find(fits).map(|gap| gap.1 - (size - 1));
        (size, window, low, high)
    }

    fn on_map(&mut self, map: &mut RangeMap<K::V>) -> String {
        let window = self.window();
        let (first, last) = window;
        let range = first..=last;
        if self.rng.below(2) == 0 {
            // Makes every figure known.
            let _ = map.largest_gap(..);
        }
        let what = self.rng.below(27);
        match what {
            0..3 => {
                let (id, value) = self.value();
                map.store(range, value).expect("memory");
                self.model.store(bounds(window), id).expect("good");
            }
            3 => {
                let (id, value) = self.value();
                let mut pieces = Vec::new();
                map.store_with(range, value, |piece| {
                    pieces.push((*piece.range().start(), *piece.range().end(), K::id(piece.get())))
                })
                .expect("memory");
                let expected = self.model.range(bounds(window));
                let expected = expected.into_iter().map(|(f, l, v)| (f.max(first), l.min(last), v)).collect::<Vec<_>>();
                assert_eq!(pieces, expected);
                self.model.store(bounds(window), id).expect("good");
            }
            4 => {
                map.remove_with(range, Shortage::Allocate, |_| {}).expect("memory");
                self.model.remove(bounds(window)).expect("good");
            }
            5 => {
                map.remove(range).expect("memory");
                self.model.remove(bounds(window)).expect("good");
            }
            6 => {
                map.remove_whole(range);
                self.model.remove_whole(bounds(window));
            }
            7 => {
                let drained = map.drain(range).map(|(range, _)| *range.start()).collect::<Vec<_>>();
                let expected = self.model.items().iter().filter(|i| i.0 >= first && i.1 <= last).map(|i| i.0).collect::<Vec<_>>();
                assert_eq!(drained, expected);
                self.model.remove_whole(bounds(window));
            }
            8 if self.rng.below(8) == 0 => {
                let divisor = 2 + self.rng.below(20);
                map.retain(|_, value| K::id(value) % divisor != 0);
                let kept = self.model.items().iter().filter(|item| item.2 % divisor != 0).copied().collect::<Vec<_>>();
                self.model = model(&kept);
            }
            9 => {
                let at = self.index();
                let mut tail = map.split_off(at).expect("memory");
                tail.validate().expect("a valid tail");
                map.validate().expect("a valid rest");
                if self.rng.below(2) == 0 {
                    let _ = tail.find_free(3, .., 1);
                    let _ = map.find_free_back(3, .., 1);
                }
                if self.rng.below(2) == 0 {
                    // The other way round, with another map's searches in it.
                    std::mem::swap(map, &mut tail);
                }
                map.append(&mut tail).expect("they do not overlap");
                tail.validate().expect("empty");
                let mut halves = Vec::new();
                for item in self.model.items() {
                    if item.0 < at && at <= item.1 {
                        halves.extend([(item.0, at - 1, item.2), (at, item.1, item.2)]);
                    } else {
                        halves.push(*item);
                    }
                }
                self.model = model(&halves);
            }
            10 if self.rng.below(8) == 0 => {
                let taken = std::mem::take(map);
                let mut entries = taken.into_iter().collect::<Vec<_>>();
                let rest = entries.split_off(entries.len() / 2);
                map.try_extend(entries).expect("memory");
                let _ = map.largest_gap(..);
                map.try_extend(rest).expect("memory");
            }
            11 if self.rng.below(8) == 0 => map.compact().expect("memory"),
            12 if self.rng.below(16) == 0 => {
                drop(map.prune(first));
                self.model.prune(first);
            }
            13 if self.rng.below(16) == 0 => {
                if map.prune_cut(first).map(drop).is_ok() {
                    self.model.prune_cut(first);
                }
            }
            14 | 15 => {
                let mut cursor = map.cursor_mut();
                cursor.seek(first);
                for _ in 0..self.rng.below(12) {
                    match self.rng.below(7) {
                        0 | 1 => drop(cursor.next().map(drop)),
                        2 => drop(cursor.prev().map(drop)),
                        3 => {
                            let at = cursor.range().map(|range| *range.start());
                            if cursor.erase().is_some() {
                                self.model.erase(at.expect("on it"));
                            }
                        }
                        4 => {
                            let at = cursor.range().map(|range| *range.start());
                            let (id, value) = (self.next + 1, K::make(&self.ledger, self.next + 1));
                            self.next += 1;
                            if cursor.replace(value).is_ok() {
                                self.model.replace(at.expect("on it"), id).expect("an entry");
                            }
                        }
                        _ => {
                            let start = cursor.range().map_or(first, |range| *range.start()).saturating_sub(self.rng.below(5));
                            let end = start.saturating_add(self.rng.below(9));
                            let (id, value) = (self.next + 1, K::make(&self.ledger, self.next + 1));
                            self.next += 1;
                            cursor.store(start..=end, value).expect("memory");
                            self.model.store(bounds((start, end)), id).expect("good");
                        }
                    }
                }
            }
            16 => {
                let (id, value) = self.value();
                let token = map.reserve_for(range).expect("memory");
                quiet(|| token.store(value));
                self.model.store(bounds(window), id).expect("good");
            }
            17 => {
                let (id, value) = self.value();
                match map.at(first) {
                    At::Occupied(occupied) => {
                        drop(occupied.remove());
                        self.model.erase(first);
                    }
                    At::Vacant(vacant) => {
                        drop(vacant.insert(range, value));
                        let _ = self.model.insert(bounds(window), id);
                    }
                }
            }
            18 => {
                for (range, mut value) in map.range_mut(range) {
                    self.next += 1;
                    drop(value.replace(K::make(&self.ledger, self.next)));
                    self.model.replace(*range.start(), self.next).expect("an entry");
                }
            }
            19 => {
                let (id, value) = self.value();
                map.store_coalescing_by(range, value, |_, _| true).expect("memory");
                let left = first.checked_sub(1).and_then(|at| self.model.covering(at)).map_or(first, |item| item.0);
                let right = last.checked_add(1).and_then(|at| self.model.covering(at)).map_or(last, |item| item.1);
                self.model.store(bounds((left, right)), id).expect("good");
            }
            20 if self.rng.below(8) == 0 => {
                let copy = map.dup().expect("memory");
                copy.validate().expect("valid");
                *map = copy;
            }
            21 | 22 => {
                let (size, (low, high), lowest, highest) = self.gap();
                assert_eq!(map.find_free(size, low..=high, 1).ok(), lowest);
                map.validate().expect("valid");
                assert_eq!(map.find_free_back(size, low..=high, 1).ok(), highest);
            }
            23 => {
                let (size, (low, high), lowest, _) = self.gap();
                let (id, value) = self.value();
                assert_eq!(map.alloc_range(size, low..=high, 1, value).ok(), lowest);
                lowest.into_iter().for_each(|at| self.model.store(bounds((at, at + size - 1)), id).expect("good"));
            }
            24 => {
                assert_eq!(map.erase(first).map(|(range, _)| *range.start()), self.model.erase(first).map(|item| item.0));
            }
            25 => drop(map.split(first).map(|parted| {
                if parted {
                    let (start, end, id) = self.model.covering(first).expect("an entry");
                    self.model.erase(start);
                    self.model.insert(bounds((start, first - 1)), id).expect("free");
                    self.model.insert(bounds((first, end)), id).expect("free");
                }
            })),
            _ => {
                let (id, value) = self.value();
                let _ = map.replace(first, value);
                let _ = self.model.replace(first, id);
            }
        }
        format!("map {what} {window:?}")
    }

    fn on_tree(&mut self, tree: &MapleTree<K::V>) -> String {
        let mut writer = tree.lock();
        let mut all = Vec::new();
        let mut kept = Vec::new();
        for _ in 0..1 + self.rng.below(6) {
            let window = self.window();
            let (first, last) = window;
            let range = first..=last;
            if self.rng.below(2) == 0 {
                let _ = writer.largest_gap(..);
            }
            let what = self.rng.below(20);
            all.push((what, window));
            match what {
                0..3 => {
                    let (id, value) = self.value();
                    writer.store(range, value).expect("memory");
                    self.model.store(bounds(window), id).expect("good");
                }
                3 => {
                    writer.remove(range).expect("memory");
                    self.model.remove(bounds(window)).expect("good");
                }
                4 => {
                    writer.remove_whole(range);
                    self.model.remove_whole(bounds(window));
                }
                5 if self.rng.below(8) == 0 => {
                    let divisor = 2 + self.rng.below(20);
                    writer.retain(|_, value| K::id(value) % divisor != 0);
                    let kept = self.model.items().iter().filter(|item| item.2 % divisor != 0).copied().collect::<Vec<_>>();
                    self.model = model(&kept);
                }
                6 if self.rng.below(8) == 0 => writer.compact().expect("memory"),
                7 if self.rng.below(16) == 0 => {
                    writer.prune(first);
                    self.model.prune(first);
                }
                8 if self.rng.below(16) == 0 => {
                    writer.prune_in_place(first);
                    self.model.prune(first);
                }
                9 if self.rng.below(16) == 0 => {
                    if writer.prune_cut_or(first, Shortage::Allocate).is_ok() {
                        self.model.prune_cut(first);
                    }
                }
                10 | 11 => {
                    let mut cursor = writer.cursor_mut();
                    cursor.seek(first);
                    for _ in 0..self.rng.below(12) {
                        match self.rng.below(7) {
                            0 | 1 => drop(cursor.next().map(drop)),
                            2 => drop(cursor.prev().map(drop)),
                            3 => {
                                let at = cursor.range().map(|range| *range.start());
                                if let Some(removed) = cursor.erase() {
                                    self.model.erase(at.expect("on it"));
                                    if self.rng.below(2) == 0 {
                                        kept.push(removed);
                                    }
                                }
                            }
                            4 => {
                                let at = cursor.range().map(|range| *range.start());
                                let (id, value) = (self.next + 1, K::make(&self.ledger, self.next + 1));
                                self.next += 1;
                                if let Ok(removed) = cursor.replace(value) {
                                    self.model.replace(at.expect("on it"), id).expect("an entry");
                                    if self.rng.below(2) == 0 {
                                        kept.push(removed);
                                    }
                                }
                            }
                            _ => {
                                let start =
                                    cursor.range().map_or(first, |range| *range.start()).saturating_sub(self.rng.below(5));
                                let end = start.saturating_add(self.rng.below(9));
                                let (id, value) = (self.next + 1, K::make(&self.ledger, self.next + 1));
                                self.next += 1;
                                cursor.store(start..=end, value).expect("memory");
                                self.model.store(bounds((start, end)), id).expect("good");
                            }
                        }
                    }
                }
                12 => {
                    let (id, value) = self.value();
                    let token = writer.reserve_for(range).expect("memory");
                    quiet(|| token.store(value));
                    self.model.store(bounds(window), id).expect("good");
                }
                13 => {
                    let (id, value) = self.value();
                    writer.store_coalescing_by(range, value, |_, _| true).expect("memory");
                    let left = first.checked_sub(1).and_then(|at| self.model.covering(at)).map_or(first, |item| item.0);
                    let right = last.checked_add(1).and_then(|at| self.model.covering(at)).map_or(last, |item| item.1);
                    self.model.store(bounds((left, right)), id).expect("good");
                }
                14 => {
                    let (size, (low, high), lowest, highest) = self.gap();
                    assert_eq!(writer.find_free(size, low..=high, 1).ok(), lowest);
                    writer.validate().expect("valid");
                    assert_eq!(writer.find_free_back(size, low..=high, 1).ok(), highest);
                }
                15 => {
                    let (size, (low, high), lowest, _) = self.gap();
                    let (id, value) = self.value();
                    assert_eq!(writer.alloc_range(size, low..=high, 1, value).ok(), lowest);
                    lowest.into_iter().for_each(|at| self.model.store(bounds((at, at + size - 1)), id).expect("good"));
                }
                16 | 17 => {
                    let erased = writer.erase(first);
                    assert_eq!(erased.as_ref().map(|e| *e.range().start()), self.model.erase(first).map(|item| item.0));
                    if self.rng.below(2) == 0 {
                        kept.extend(erased);
                    }
                }
                18 => {
                    writer.bump();
                }
                _ => {
                    let (id, value) = self.value();
                    let _ = writer.replace(first, value);
                    let _ = self.model.replace(first, id);
                }
            }
            writer.validate().unwrap_or_else(|invalid| panic!("{invalid} after {all:?}"));
        }
        drop(writer);
        for removed in &kept {
            let _ = K::id(removed.get());
        }
        if self.rng.below(3) == 0 {
            kept.drain(..).take(2).for_each(|removed| drop(removed.wait()));
        }
        if self.rng.below(20) == 0 {
            tree.synchronize().expect("outside");
        }
        format!("tree {all:?}")
    }
}

fn model(items: &[Item]) -> Model {
    let mut model = Model::new();
    for (first, last, value) in items {
        model.insert(bounds((*first, *last)), *value).expect("in order");
    }
    model
}

fn mixed<K: Kind>(seed: u64, universe: u64, steps: usize, beside: bool) {
    let _alone = alone();
    let pool = &*Box::leak(Box::new(Pool::new(Box::leak(Box::new(Global)))));
    let reserve = &*Box::leak(Box::new(Reserve::with_pool(16, pool)));
    let ledger = Ledger::new(1 << 16);
    let mut mixed = Mixed::<K> {
        rng: Rng(seed),
        ledger: Arc::clone(&ledger),
        model: Model::new(),
        next: 0,
        universe,
        kind: std::marker::PhantomData,
    };
    let mut map = RangeMap::<K::V>::with_reserve(reserve);
    let mut at = 0;
    while at < steps {
        // Tall enough, also after a removal of nearly everything.
        while (mixed.model.len() as u64) < universe / 8 {
            let first = mixed.rng.below(universe);
            let (id, value) = mixed.value();
            map.store(first..=first + 1, value).expect("memory");
            mixed.model.store(bounds((first, first + 1)), id).expect("good");
        }
        for _ in 0..30 {
            at += 1;
            let said = mixed.on_map(&mut map);
            if let Err(invalid) = map.validate() {
                panic!("{invalid} after step {at} {said}");
            }
            mixed.check(map.iter().map(|(range, value)| (*range.start(), *range.end(), K::id(value))));
        }
        if !beside {
            continue;
        }
        let tree = MapleTree::<K::V>::from(map);
        for _ in 0..30 {
            at += 1;
            let said = mixed.on_tree(&tree);
            if let Err(invalid) = tree.validate() {
                panic!("{invalid} after step {at} {said}");
            }
            let guard = tree.pin();
            mixed.check(tree.iter(&guard).map(|(range, value)| (*range.start(), *range.end(), K::id(value))));
        }
        map = tree.into_inner();
    }
    drop(map);
    let tree = MapleTree::<K::V>::new();
    for _ in 0..if beside { 4 } else { 0 } {
        tree.synchronize().expect("outside");
        tree.hand_over();
        // The collector advances now and then when somebody reads.
        (0..300).for_each(|_| drop(tree.pin()));
    }
    if K::COUNTED {
        ledger.assert_all_dropped();
    }
    let free = reserve.figures().free;
    assert_eq!(pool.figures().nodes_in_use, free, "nodes that did not come back");
}

fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let from = std::env::var("FROM").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    from..from + count
}

fn all<K: Kind>() {
    for seed in seeds() {
        for universe in [40, 600, 6000] {
            mixed::<K>(
                seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                universe,
                std::env::var("STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(300),
                true,
            );
        }
    }
}

/// Without readers there is no flavour, and nothing but this crate's own code.
#[test]
fn boxes_alone() {
    let (universe, steps) = if cfg!(miri) { (100, 30) } else { (600, 300) };
    mixed::<Boxes>(7, universe, steps, false);
}

#[test]
fn ints() {
    all::<Ints>();
}

#[test]
fn boxes() {
    all::<Boxes>();
}

#[test]
fn arcs() {
    all::<Arcs>();
}

#[test]
fn rcu_boxes() {
    all::<RcuBoxes>();
}

#[test]
fn rcu_arcs() {
    all::<RcuArcs>();
}
