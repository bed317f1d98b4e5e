//! The exclusive face, and its calls for those who have it by `get_mut`.

use super::outcome::{allocated, copied, entries, inserted, item, map_until, not_replaced, pair, removed, stored};
use super::{Face, Rest, Scan};
use crate::entry::{Number, Value};
use crate::map_op::MapOp;
use crate::model::{Bounds, Item, Model, Refusal, Span};
use crate::space::Side;
use core::fmt;
use maple_tree::{Cyclic, FindError, MapleTree, RangeMap, RemoveError, Reserve, Shortage, Summary};

/// The exclusive face.
pub struct ExclusiveFace<V: Number>(pub RangeMap<V>);

impl<V: Number> fmt::Debug for ExclusiveFace<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts()[0])
    }
}

impl<V: Number> Face for ExclusiveFace<V> {
    type Entry = V;
    const EXCLUSIVE: bool = true;

    fn code() -> String {
        format!("RangeMap::<{}>::new()", V::TYPE)
    }

    fn new() -> Self {
        Self(RangeMap::new())
    }

    fn get(&self, index: u64) -> Option<u64> {
        self.0.get(index).map(V::read)
    }

    fn get_many<const N: usize>(&self, indices: [u64; N]) -> [Option<u64>; N] {
        self.0.get_many(indices).map(|found| found.map(V::read))
    }

    fn get_range(&self, index: u64) -> (Span, Option<u64>) {
        let (range, entry) = self.0.get_range(index);
        (pair(range), entry.map(V::read))
    }

    fn contains(&self, index: u64) -> bool {
        self.0.contains(index)
    }

    fn first(&self) -> Option<Item> {
        self.0.first().map(item::<V>)
    }

    fn last(&self) -> Option<Item> {
        self.0.last().map(item::<V>)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn scan_all<T>(&self, look: impl FnOnce(Scan<'_, Item>) -> T) -> T {
        look(&mut self.0.iter().map(item::<V>))
    }

    fn scan<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Item>) -> T) -> T {
        look(&mut self.0.range(bounds).map(item::<V>))
    }

    fn scan_gaps<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Span>) -> T) -> T {
        look(&mut self.0.gaps(bounds).map(pair))
    }

    fn scan_twice(&self, bounds: Bounds, taken: usize) -> [Vec<Item>; 2] {
        let mut scan = self.0.range(bounds);
        scan.by_ref().take(taken).for_each(drop);
        let clone = scan.clone();
        [scan, clone].map(|rest| rest.map(item::<V>).collect())
    }

    fn rest(&self, bounds: Bounds, calls: usize, turns: u64) -> Rest {
        Rest::of(self.0.range(bounds).map(item::<V>), calls, turns)
    }

    fn rest_of_all(&self, calls: usize, turns: u64) -> Rest {
        Rest::of(self.0.iter().map(item::<V>), calls, turns)
    }

    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        stored(self.0.store(range, V::make(value)), value)
    }

    fn extend(&mut self, new: &[(Bounds, u64)]) -> Result<(), Refusal> {
        extend_alone(&mut self.0, new)
    }

    fn insert(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        inserted(self.0.insert(range, V::make(value)), value)
    }

    fn replace(&mut self, index: u64, value: u64) -> Result<Item, Refusal> {
        replace_alone(&mut self.0, index, value)
    }

    fn erase(&mut self, index: u64) -> Option<Item> {
        erase_alone(&mut self.0, index)
    }

    fn remove(&mut self, range: Bounds) -> Result<(), Refusal> {
        removed(self.0.remove(range))
    }

    fn remove_sparing(&mut self, range: Bounds) -> Result<(), Refusal> {
        remove_sparing_alone(&mut self.0, range)
    }

    fn remove_whole(&mut self, range: Bounds) {
        self.0.remove_whole(range);
    }

    fn compact(&mut self) {
        self.0.compact().expect("memory for new nodes");
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn prune(&mut self, from: u64) {
        drop(self.0.prune(from));
    }

    fn prune_in_place(&mut self, from: u64) {
        drop(self.0.prune(from));
    }

    fn prune_cut(&mut self, from: u64) {
        prune_cut_alone(&mut self.0, from);
    }

    fn prune_cut_allocating(&mut self, from: u64) {
        prune_cut_alone(&mut self.0, from);
    }

    fn find_free(&mut self, size: u64, within: Bounds, align: u64, side: Side) -> Result<u64, FindError> {
        find_free_alone(&mut self.0, size, within, align, side)
    }

    fn largest_gap(&mut self, within: Bounds) -> Option<Span> {
        self.0.largest_gap(within).map(pair)
    }

    fn alloc_range(&mut self, size: u64, within: Bounds, align: u64, side: Side, value: u64) -> Result<u64, FindError> {
        alloc_range_alone(&mut self.0, size, within, align, side, value)
    }

    fn alloc_cyclic(&mut self, within: Bounds, cyclic: &mut Cyclic, value: u64) -> Result<u64, FindError> {
        allocated(self.0.alloc_cyclic(within, cyclic, V::make(value)), value)
    }

    fn dup(&self) -> Self {
        Self(self.0.dup().expect("memory for a copy"))
    }

    fn dup_with(&self, good: usize) -> (Vec<Item>, Option<Span>) {
        let mut seen = Vec::new();
        let done = self.0.try_dup_with(map_until::<V>(good, &mut seen));
        copied(done, &seen, &self.items())
    }

    fn convert(self) -> Self {
        Self(MapleTree::<V>::from(self.0).into_inner())
    }

    fn pin(&mut self) {}

    fn synchronize(&mut self) {}

    fn hand_over(&mut self) {}

    fn map_op(&mut self, op: &MapOp, model: &mut Model) {
        op.run(&mut self.0, model);
    }

    fn validate(&self) -> Summary {
        match self.0.validate() {
            Ok(summary) => summary,
            Err(invalid) => panic!("{invalid:?}\n{}", self.0.dump()),
        }
    }

    fn texts(&self) -> [String; 2] {
        [self.0.dump().to_string(), self.0.dot().to_string()]
    }
}

pub(super) fn extend_alone<V: Value>(map: &mut RangeMap<V>, new: &[(Bounds, u64)]) -> Result<(), Refusal> {
    let mut asked = 0;
    let done = map.try_extend(entries(new).inspect(|_| asked += 1));
    match &done {
        Ok(()) => assert_eq!(asked, new.len(), "all are taken"),
        Err(error) => assert_eq!(new[asked - 1].1, error.value.value(), "the last one taken comes back"),
    }
    let value = new[..asked].last().map_or(0, |last| last.1);
    stored(done, value)
}

pub(super) fn find_free_alone<V: Value>(
    map: &mut RangeMap<V>,
    size: u64,
    within: Bounds,
    align: u64,
    side: Side,
) -> Result<u64, FindError> {
    match side {
        Side::Lowest => map.find_free(size, within, align),
        Side::Highest => map.find_free_back(size, within, align),
    }
}

pub(super) fn alloc_range_alone<V: Value>(
    map: &mut RangeMap<V>,
    size: u64,
    within: Bounds,
    align: u64,
    side: Side,
    value: u64,
) -> Result<u64, FindError> {
    let done = match side {
        Side::Lowest => map.alloc_range(size, within, align, V::make(value)),
        Side::Highest => map.alloc_range_rev(size, within, align, V::make(value)),
    };
    allocated(done, value)
}

pub(super) fn replace_alone<V: Value>(map: &mut RangeMap<V>, index: u64, value: u64) -> Result<Item, Refusal> {
    let (first, last) = map.get_range(index).0.into_inner();
    match map.replace(index, V::make(value)) {
        Ok(old) => Ok((first, last, old.value())),
        Err(error) => Err(not_replaced(error, value)),
    }
}

pub(super) fn erase_alone<V: Value>(map: &mut RangeMap<V>, index: u64) -> Option<Item> {
    let (range, old) = map.erase(index)?;
    Some((*range.start(), *range.end(), old.value()))
}

pub(super) fn remove_sparing_alone<V: Value>(map: &mut RangeMap<V>, range: Bounds) -> Result<(), Refusal> {
    match map.remove_or(range, Shortage::Refuse) {
        Err(RemoveError::WouldCut(_)) => removed(map.remove(range)),
        done => removed(done),
    }
}

pub(super) fn prune_cut_alone<V: Value>(map: &mut RangeMap<V>, from: u64) {
    // Others draw on the same reserve.
    for _ in 0..100 {
        match map.prune_cut(from) {
            Ok(tail) => return drop(tail),
            Err(refused) => {
                assert_eq!((*refused.range.end(), refused.at), (u64::MAX, from), "only a new root needs a node");
            }
        }
        Reserve::global().fill().expect("memory for the reserve");
    }
    panic!("no node for a cut, though the reserve was filled");
}
