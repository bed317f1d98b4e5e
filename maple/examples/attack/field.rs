//! Trees whose every legal state can be told from a range alone, and the marks of what was removed from them.

use crate::entries::Stored;
use crate::report::check;
use crate::rng::{Rng, mix};
use crate::watched::Watched;
use maple_tree::{MapleTree, RangeMap, Reserve};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

/// Indices for each entry; it takes all of them or some in their middle.
const PITCH: u64 = 16;

/// Where the entries of a tree are and what they hold: entry number `i` lies within `16 * i ..= 16 * i + 15`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) count: u32,
    pub(crate) seed: u32,
    /// No gaps between the entries.
    pub(crate) dense: bool,
}

impl Layout {
    pub(crate) fn range(&self, entry: u32) -> RangeInclusive<u64> {
        let base = u64::from(entry) * PITCH;
        if self.dense {
            return base..=base + PITCH - 1;
        }
        let bits = mix(u64::from(entry ^ self.seed));
        base + 1 + bits % 4..=base + 6 + (bits >> 8) % 8
    }

    pub(crate) fn first(&self, entry: u32) -> u64 {
        *self.range(entry).start()
    }

    pub(crate) fn last(&self, entry: u32) -> u64 {
        *self.range(entry).end()
    }

    pub(crate) fn value(&self, entry: u32) -> u32 {
        entry.wrapping_mul(0x9e37_79b1) ^ self.seed
    }

    /// The number of the entry that the range is of, if it is exactly that of one.
    pub(crate) fn entry_at(&self, range: &RangeInclusive<u64>) -> Option<u32> {
        let entry = u32::try_from(range.start() / PITCH).ok()?;
        (entry < self.count && self.range(entry) == *range).then_some(entry)
    }

    /// The entries that lie wholly inside `range`.
    pub(crate) fn inside(&self, range: &RangeInclusive<u64>) -> std::ops::Range<u32> {
        let number = |index: u64| (index / PITCH).min(u64::from(self.count)) as u32;
        let (mut first, mut end) = (number(*range.start()), number(range.end().saturating_add(PITCH)));
        while first < end && self.first(first) < *range.start() {
            first += 1;
        }
        while first < end && self.last(end - 1) > *range.end() {
            end -= 1;
        }
        first..end
    }

    /// An index within an entry.
    pub(crate) fn any_index(&self, entry: u32, rng: &mut Rng) -> u64 {
        let (first, last) = self.range(entry).into_inner();
        first + u64::from(rng.below((last - first) as u32 + 1))
    }
}

/// A bit for each entry.
#[derive(Debug)]
pub(crate) struct Marks(Box<[AtomicU64]>);

impl Marks {
    pub(crate) fn new(count: u32) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn get(&self, entry: u32) -> bool {
        self.0[(entry / 64) as usize].load(Ordering::SeqCst) >> (entry % 64) & 1 == 1
    }

    pub(crate) fn set(&self, entry: u32) {
        self.set_all(entry..entry + 1);
    }

    pub(crate) fn set_all(&self, entries: std::ops::Range<u32>) {
        let mut from = entries.start;
        while from < entries.end {
            let end = entries.end.min((from / 64 + 1) * 64);
            let bits = (u64::MAX >> (64 - (end - from))) << (from % 64);
            self.0[(from / 64) as usize].fetch_or(bits, Ordering::SeqCst);
            from = end;
        }
    }
}

/// A tree beside readers, with what is known of it.
pub(crate) struct Planted<V: Stored> {
    pub(crate) tree: MapleTree<V, Watched>,
    pub(crate) layout: Layout,
    /// Entries whose removal has begun: before the call that removes them.
    pub(crate) doomed: Marks,
    /// Entries whose removal has ended: after that call.
    pub(crate) gone: Marks,
    /// All entries in random order.
    pub(crate) order: Vec<u32>,
}

/// The order to store entries in, each shape of tree in its turn: rising, falling or random.
fn planting_order(layout: Layout, rng: &mut Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..layout.count).collect();
    match layout.seed % 4 {
        0 => {}
        1 => order.reverse(),
        _ => rng.shuffle(&mut order),
    }
    order
}

const FULL_MEMORY: &str = "trees are built while there is memory";

impl<V: Stored> Planted<V> {
    pub(crate) fn new(layout: Layout, reserve: &'static Reserve, rng: &mut Rng) -> Self {
        let tree = MapleTree::with_reserve(reserve);
        let mut order = planting_order(layout, rng);
        for &entry in &order {
            tree.store(layout.range(entry), V::make(layout.value(entry))).expect(FULL_MEMORY);
        }
        rng.shuffle(&mut order);
        Self { tree, layout, doomed: Marks::new(layout.count), gone: Marks::new(layout.count), order }
    }

    /// Removes `entries` by `remove`, which is told whether there is any left of them, with the marks that readers go by.
    pub(crate) fn removing<T>(&self, entries: std::ops::Range<u32>, remove: impl FnOnce(bool) -> T) -> T {
        self.doomed.set_all(entries.clone());
        let result = remove(!entries.clone().all(|entry| self.gone.get(entry)));
        self.gone.set_all(entries);
        result
    }

    /// Stores some of what is gone again, where the last removal was for one, looks for it and erases it: the tree goes on as before.
    pub(crate) fn go_on(&self, rng: &mut Rng) {
        let last = self.order[self.order.len() - 1];
        let mut entries = [last, 0, self.layout.count - 1, rng.below(self.layout.count)];
        entries.rotate_left(rng.below(4) as usize);
        for entry in entries.into_iter().filter(|entry| self.gone.get(*entry)) {
            let (range, value) = (self.layout.range(entry), self.layout.value(entry));
            check(
                self.tree.insert(range.clone(), V::make(value)).is_ok(),
                "no room where something was removed",
                [entry.into(), 0, 0],
            );
            let guard = self.tree.pin();
            let (found, there) = self.tree.get_range(*range.start(), &guard);
            let found = found == range && there.and_then(V::read) == Some(value);
            check(found, "what was stored after a removal was not found", [entry.into(), 0, 0]);
            drop(guard);
            check(
                self.tree.erase(*range.end()).is_some(),
                "what was stored after a removal was not erased",
                [entry.into(), 0, 0],
            );
        }
    }

    /// Checks the tree against the marks when nobody changes it; returns the number of entries.
    pub(crate) fn check_rest(&self) -> usize {
        let guard = self.tree.pin();
        check_rest::<V>(&self.layout, self.tree.iter(&guard), |entry| self.gone.get(entry));
        drop(guard);
        match self.tree.validate() {
            Ok(summary) => summary.entries,
            Err(invalid) => {
                check(false, "a tree is not valid at this node and level", [*invalid.node.start(), *invalid.node.end(), 0]);
                0
            }
        }
    }
}

/// Checks that what is left are exactly the entries that are not gone.
pub(crate) fn check_rest<'a, V: Stored>(
    layout: &Layout,
    rest: impl Iterator<Item = (RangeInclusive<u64>, V::Ref<'a>)>,
    gone: impl Fn(u32) -> bool,
) {
    let mut next = 0;
    for (range, value) in rest {
        let Some(entry) = layout.entry_at(&range) else {
            check(false, "a range was left that never was in the tree", [*range.start(), *range.end(), 0]);
            continue;
        };
        check(V::read(value) == Some(layout.value(entry)), "an entry was left with another value", [entry.into(), 0, 0]);
        check(!gone(entry), "an entry was left that was removed", [entry.into(), 0, 0]);
        check((next..entry).all(&gone), "an entry is missing before this one", [entry.into(), next.into(), 0]);
        next = entry + 1;
    }
    check((next..layout.count).all(&gone), "an entry is missing from this one on", [next.into(), layout.count.into(), 0]);
}

/// A map with one owner.
pub(crate) fn plant_map<V: Stored>(layout: Layout, rng: &mut Rng) -> (RangeMap<V>, Vec<u32>) {
    let mut map = RangeMap::new();
    let mut order = planting_order(layout, rng);
    for &entry in &order {
        map.store(layout.range(entry), V::make(layout.value(entry))).expect(FULL_MEMORY);
    }
    rng.shuffle(&mut order);
    (map, order)
}
