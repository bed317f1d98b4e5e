//! `imbl::OrdMap` behind `arc-swap`: a map that shares its nodes with the one before it.

use super::{Table, apply_by_first};
use crate::Span;
use crate::subject::{Change, Shared, Subject};
use arc_swap::{ArcSwap, Guard};
use imbl::OrdMap;
use std::sync::Arc;

type Map = OrdMap<u64, (u64, u64)>;

/// `ArcSwap<imbl::OrdMap>` by first index. One thread at a time may change it.
#[derive(Debug, Default)]
pub struct Imbl(ArcSwap<Map>);

impl Table for Map {
    fn put(&mut self, key: u64, pair: (u64, u64)) {
        self.insert(key, pair);
    }

    fn take(&mut self, key: u64) {
        self.remove(&key);
    }

    #[inline(always)]
    fn at(&self, index: u64) -> Option<(u64, (u64, u64))> {
        let (&first, &pair) = self.get_prev(&index)?;
        (index <= pair.0).then_some((first, pair))
    }
}

impl Subject for Imbl {
    const NAME: &'static str = "imbl behind arc-swap";
    const KEY: &'static str = "imbl";

    type Reader<'a> = Guard<Arc<Map>>;

    #[inline(always)]
    fn read(&self) -> Self::Reader<'_> {
        self.0.load()
    }

    #[inline(always)]
    fn load(reader: &Self::Reader<'_>, index: u64) -> Option<u64> {
        reader.at(index).map(|(_, (_, value))| value)
    }

    fn apply(&mut self, change: Change) {
        self.apply_shared(change);
    }

    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (&first, &(last, value)) in self.0.load().iter() {
            each((first, last), value);
        }
    }

    /// All at once.
    fn of(spans: impl Iterator<Item = Span>) -> Self {
        let map: Map = (0..).zip(spans).map(|(n, (first, last))| (first, (last, n))).collect();
        Self(ArcSwap::from_pointee(map))
    }
}

impl Shared for Imbl {
    /// A new map for each change.
    fn apply_shared(&self, change: Change) {
        let mut map = Map::clone(&self.0.load());
        apply_by_first(&mut map, change);
        self.0.store(Arc::new(map));
    }
}
