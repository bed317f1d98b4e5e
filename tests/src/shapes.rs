//! Contents for trees, ways to build them, and what operations make of them: the twenty-line model.

use std::sync::Arc;

use maple_tree::{Epoch, MapleTree, RangeMap, Rcu};

use crate::counted::{Kind, Ledger};

/// One entry: first index, last index, id of the value.
pub type Row = (u64, u64, u64);

/// A small generator of pseudo-random numbers (splitmix64), the same on every machine.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last + 1).expect("a length fits");
            let other = usize::try_from(self.below(bound)).expect("below a length");
            items.swap(last, other);
        }
    }
}

/// `count` rows from index `first` on, each `width` long with `gap` free indices after it, with ids 0, 1, 2 …
pub fn rows(count: u64, first: u64, width: u64, gap: u64) -> Vec<Row> {
    let at = |id: u64| first + id * (width + gap);
    (0..count).map(|id| (at(id), at(id) + width - 1, id)).collect()
}

/// Whether a row covers `index`.
pub fn covers(row: &Row, index: u64) -> bool {
    (row.0..=row.1).contains(&index)
}

/// `rows` without what lies in `lo..=hi`: rows are dropped, cut, or cut in two.
pub fn without(rows: &[Row], lo: u64, hi: u64) -> Vec<Row> {
    let mut kept = Vec::with_capacity(rows.len() + 2);
    for &(first, last, id) in rows {
        if last < lo || first > hi {
            kept.push((first, last, id));
            continue;
        }
        if first < lo {
            kept.push((first, lo - 1, id));
        }
        if last > hi {
            kept.push((hi + 1, last, id));
        }
    }
    kept
}

/// `rows` after a store of `id` over `lo..=hi`.
pub fn with(rows: &[Row], lo: u64, hi: u64, id: u64) -> Vec<Row> {
    let mut kept = without(rows, lo, hi);
    let at = kept.partition_point(|row| row.0 < lo);
    kept.insert(at, (lo, hi, id));
    kept
}

/// What a prune at `from` leaves: whole rows that start before it, the last of them cut if `cut`.
pub fn before(rows: &[Row], from: u64, cut: bool) -> Vec<Row> {
    let kept = rows.iter().filter(|row| row.0 < from);
    kept.map(|&(first, last, id)| (first, if cut { last.min(from - 1) } else { last }, id)).collect()
}

/// Every index at which a prune of `rows` could behave differently: both ends of each row, their neighbours, a place
/// inside each row and inside each gap, and the ends of the index space. Sorted, without repeats.
pub fn telling(rows: &[Row]) -> Vec<u64> {
    let mut places = vec![0, 1, u64::MAX - 1, u64::MAX];
    for (at, row) in rows.iter().enumerate() {
        places.extend([row.0.saturating_sub(1), row.0, row.0.saturating_add(1)]);
        places.extend([row.0 + (row.1 - row.0) / 2, row.1.saturating_sub(1), row.1, row.1.saturating_add(1)]);
        if let Some(next) = rows.get(at + 1) {
            places.push(row.1 + (next.0 - row.1) / 2);
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// A map with these rows, stored in order.
pub fn build<K: Kind>(ledger: &Arc<Ledger>, rows: &[Row]) -> RangeMap<K::V> {
    let mut map = RangeMap::new();
    for &(lo, hi, id) in rows {
        map.store(lo..=hi, K::make(ledger, id)).expect("memory for a test tree");
    }
    map
}

/// A loose map with these rows: stored in random order among others that are erased again in random order, so that its
/// nodes are under-full. The other rows take single indices past `rows` and in its gaps.
pub fn build_loose<K: Kind>(ledger: &Arc<Ledger>, rows: &[Row], seed: u64) -> RangeMap<K::V> {
    let mut rng = Rng(seed);
    let mut extra: Vec<Row> = Vec::new();
    for pair in rows.windows(2) {
        let gap = pair[0].1 + 1..pair[1].0;
        extra.extend(gap.take(2).map(|index| (index, index, 0)));
    }
    let end = rows.last().map_or(0, |row| row.1.saturating_add(2));
    let more = u64::try_from(rows.len() / 2).expect("a length fits") + 20;
    let past = (0..more).filter_map(|step| end.checked_add(2 * step));
    extra.extend(past.filter(|_| end < u64::MAX).map(|index| (index, index, 0)));
    let mut all: Vec<Row> = rows.iter().chain(&extra).copied().collect();
    rng.shuffle(&mut all);
    rng.shuffle(&mut extra);
    let mut map = build::<K>(ledger, &all);
    for (index, ..) in extra {
        assert!(map.erase(index).is_some(), "an extra entry was stored at {index}");
    }
    map
}

/// The rows of a map.
pub fn contents<K: Kind>(map: &RangeMap<K::V>) -> Vec<Row> {
    map.iter().map(|(range, entry)| (*range.start(), *range.end(), K::id(entry))).collect()
}

/// The rows of a tree.
pub fn shared_contents<K: Kind>(tree: &MapleTree<K::V>) -> Vec<Row> {
    let guard = tree.pin();
    tree.iter(&guard).map(|(range, entry)| (*range.start(), *range.end(), K::id(entry))).collect()
}

/// Waits until everything that was retired anywhere is released, and what that retired in turn.
pub fn settle() {
    for _ in 0..2 {
        Epoch::barrier().expect("not inside a read section");
    }
}
