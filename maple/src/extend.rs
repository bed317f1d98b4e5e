//! Filling a map from an iterator: at once while the ranges come in order, else one by one.

use crate::bulk::{Bulk, Leaf};
use crate::entry::{Entry, TryClone};
use crate::error::{StoreError, StoreErrorKind};
use crate::face::Pending;
use crate::map::RangeMap;
use crate::node::NODE_BYTES;
use crate::range::inclusive;
use alloc::alloc::handle_alloc_error;
use core::alloc::Layout;
use core::ops::RangeBounds;

/// A map that is being filled in order. When this is dropped, be it by a panic of the iterator, the map has what came so far.
struct Filling<'m, V: Entry> {
    map: &'m mut RangeMap<V>,
    bulk: Bulk,
    leaf: Leaf,
}

impl<V: Entry> Drop for Filling<'_, V> {
    fn drop(&mut self) {
        let (root, nodes) = self.bulk.finish(self.leaf).unzip();
        self.map.owner.nodes_taken += nodes.unwrap_or(0) as u64;
        self.map.root.publish(root);
    }
}

impl<V: Entry> RangeMap<V> {
    /// Fills the empty map until an entry is not behind the one before it; that one comes back.
    pub(crate) fn fill_in_order<R: RangeBounds<u64>>(
        &mut self,
        entries: &mut impl Iterator<Item = (R, V)>,
    ) -> Result<Option<(R, V)>, StoreError<V>> {
        let bulk = Bulk::new(self.owner.reserve.pool());
        let mut leaf = Leaf::NONE;
        let mut filling = Filling { map: self, bulk, leaf };
        for (range, value) in entries {
            let (first, last) = match inclusive(&range) {
                Ok(window) => window,
                Err(bad) => return Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
            };
            let value = Pending::new(value);
            let done = filling.bulk.push(&mut leaf, first, last, value.word());
            // For a panic of the iterator; here it is only stored, and never loaded.
            filling.leaf = leaf;
            match done {
                Ok(true) => value.stored(),
                Ok(false) => return Ok(Some((range, value.into_value()))),
                Err(_) => return Err(StoreError { value: value.into_value(), kind: StoreErrorKind::OutOfMemory }),
            }
        }
        Ok(None)
    }
}

impl<V: TryClone> RangeMap<V> {
    /// Stores every entry, in the order of the iterator, as [`store`](Self::store) does: later ones go over earlier ones.
    ///
    /// Into an empty map, entries that come in ascending order without overlapping are not stored one by one but laid out in full
    /// nodes, `O(1)` each.
    ///
    /// # Errors
    ///
    /// Those of `store`: the value comes back. What came before it is in the map; the rest was not taken from the iterator.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.try_extend((0..100).map(|page| (page * 0x1000..=page * 0x1000 + 0xfff, page as u32)))?;
    /// assert_eq!(map.get(0x42_123), Some(0x42));
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    pub fn try_extend<R: RangeBounds<u64>>(&mut self, entries: impl IntoIterator<Item = (R, V)>) -> Result<(), StoreError<V>> {
        let mut entries = entries.into_iter();
        if self.root.load().is_none() {
            let filled = self.fill_in_order(&mut entries);
            self.grown();
            if let Some((range, value)) = filled? {
                self.store(range, value)?;
            }
        }
        entries.try_for_each(|(range, value)| self.store(range, value))
    }

    fn extend_or_abort<R: RangeBounds<u64>>(&mut self, entries: impl IntoIterator<Item = (R, V)>) {
        match self.try_extend(entries).map_err(|error| error.kind) {
            Ok(()) => {}
            Err(StoreErrorKind::OutOfMemory) => handle_alloc_error(Layout::new::<[u8; NODE_BYTES]>()),
            Err(StoreErrorKind::BadRange(bad)) => panic!("{bad}"),
        }
    }
}

impl<V: TryClone, R: RangeBounds<u64>> Extend<(R, V)> for RangeMap<V> {
    /// As [`try_extend`](RangeMap::try_extend).
    ///
    /// # Panics
    ///
    /// If a range holds no index. Aborts (as collections of the standard library do) when there is no memory.
    fn extend<I: IntoIterator<Item = (R, V)>>(&mut self, entries: I) {
        self.extend_or_abort(entries);
    }
}

impl<V: TryClone, R: RangeBounds<u64>> FromIterator<(R, V)> for RangeMap<V> {
    /// A map with these entries, as [`try_extend`](RangeMap::try_extend) makes it.
    ///
    /// # Panics
    ///
    /// If a range holds no index. Aborts (as collections of the standard library do) when there is no memory.
    ///
    /// ```
    /// use maple_tree::RangeMap;
    ///
    /// let map: RangeMap<char> = [(0..10, 'a'), (10..20, 'b'), (5..15, 'c')].into_iter().collect();
    /// assert_eq!(map.iter().map(|(_, value)| value).collect::<String>(), "acb");
    /// ```
    fn from_iter<I: IntoIterator<Item = (R, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend_or_abort(entries);
        map
    }
}
