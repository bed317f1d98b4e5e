//! The entries of a map on their way out, with the map.

use crate::entry::Entry;
use crate::list::Remains;
use crate::map::RangeMap;
use crate::walk::{Found, Walk};
use core::fmt;
use core::iter::FusedIterator;
use core::ops::RangeInclusive;

/// The entries of a [`RangeMap`] with their ranges, in order, to be had; made by [`IntoIterator`].
///
/// Amortised constant time a step, from both ends; allocates nothing. Dropping it drops the entries that were not yielded and frees the
/// nodes; forgetting it leaks both.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, Box::new(1u32)), (30..40, Box::new(2))]);
/// let mut entries = map.into_iter();
/// assert_eq!(entries.next_back(), Some((30..=39, Box::new(2))));
/// drop(entries); // and the rest with it
/// ```
///
/// # Invariants
///
/// `map` is empty, and keeps the nodes that `walk` goes through among what it has retired, as shells: it will release them, but no entry in
/// them. The entries that the walk has yet to come to are the iterator's own.
pub struct IntoIter<V: Entry> {
    walk: Walk,
    /// For its drop.
    _map: RangeMap<V>,
}

// SAFETY: it owns its entries as a `Vec<V>` would.
unsafe impl<V: Entry + Send> Send for IntoIter<V> {}
// SAFETY: `&IntoIter` gives out nothing.
unsafe impl<V: Entry + Sync> Sync for IntoIter<V> {}

impl<V: Entry> IntoIter<V> {
    fn item(found: Found) -> (RangeInclusive<u64>, V) {
        // SAFETY: by the invariant of the type the entry was the iterator's own, and the walk does not come back to it.
        (found.first..=found.last, unsafe { V::from_raw(found.entry) })
    }
}

impl<V: Entry> IntoIterator for RangeMap<V> {
    type Item = (RangeInclusive<u64>, V);
    type IntoIter = IntoIter<V>;

    /// All entries with their ranges, in order.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, Box::new(7))?;
    /// for (range, value) in map {
    ///     assert_eq!((range, value), (10..=19, Box::new(7)));
    /// }
    /// # Ok::<(), maple_tree::StoreError<Box<i32>>>(())
    /// ```
    fn into_iter(mut self) -> IntoIter<V> {
        let walk = Walk::new(&self.root, Some((0, u64::MAX)));
        let writer = &mut self.writer();
        writer.forget();
        if let Some((node, level)) = writer.root.load() {
            writer.root.publish(None);
            // INVARIANT: the entries in the nodes are the iterator's from here on.
            writer.owner.retire(node, level, Remains::Shell);
        }
        IntoIter { walk, _map: self }
    }
}

impl<V: Entry> Iterator for IntoIter<V> {
    type Item = (RangeInclusive<u64>, V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next().map(Self::item)
    }
}

impl<V: Entry> DoubleEndedIterator for IntoIter<V> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.walk.next_back().map(Self::item)
    }
}

impl<V: Entry> FusedIterator for IntoIter<V> {}

impl<V: Entry> Drop for IntoIter<V> {
    /// When the drop of an entry panics, the rest is dropped while the panic unwinds.
    fn drop(&mut self) {
        struct Rest<'i, V: Entry>(&'i mut IntoIter<V>);
        impl<V: Entry> Drop for Rest<'_, V> {
            fn drop(&mut self) {
                self.0.for_each(drop);
            }
        }
        if V::NEEDS_DROP {
            let rest = Rest(self);
            rest.0.for_each(drop);
        }
    }
}

impl<V: Entry> fmt::Debug for IntoIter<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoIter").field("left", &self.walk.window()).finish_non_exhaustive()
    }
}
