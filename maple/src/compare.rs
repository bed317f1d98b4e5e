//! Copying, comparing and hashing exclusive maps, as other collections do.

use crate::entry::{ArcRef, Entry, RcuArcRef, TryClone};
use crate::map::RangeMap;
use crate::node::NODE_BYTES;
use alloc::alloc::handle_alloc_error;
use core::alloc::Layout;
use core::hash::{Hash, Hasher};
use maple_rcu::Rcu;

impl<V: TryClone> Clone for RangeMap<V> {
    /// As [`dup`](RangeMap::dup). When the clone of an entry panics, what was copied is dropped.
    ///
    /// Aborts (as collections of the standard library do) when there is no memory.
    fn clone(&self) -> Self {
        self.dup().unwrap_or_else(|_| handle_alloc_error(Layout::new::<[u8; NODE_BYTES]>()))
    }
}

impl<V: Entry + 'static> PartialEq for RangeMap<V>
where
    for<'a> V::Ref<'a>: PartialEq,
{
    /// Whether both have equal entries at the same ranges. An entry is not equal to two of the same value side by side.
    ///
    /// ```
    /// use maple_tree::RangeMap;
    ///
    /// let map: RangeMap<char> = [(0..10, 'a')].into_iter().collect();
    /// let mut copy = map.clone();
    /// assert_eq!(map, copy);
    /// copy.split(5)?;
    /// assert_ne!(map, copy);
    /// # Ok::<(), maple_tree::AllocError>(())
    /// ```
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<V: Entry + 'static> Eq for RangeMap<V> where for<'a> V::Ref<'a>: Eq {}

impl<V: Entry + 'static> Hash for RangeMap<V>
where
    for<'a> V::Ref<'a>: Hash,
{
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (range, entry) in self {
            (*range.start(), *range.end()).hash(state);
            entry.hash(state);
        }
        // No range, so that no map hashes as the beginning of another.
        (1u64, 0u64).hash(state);
    }
}

impl<T: PartialEq> PartialEq for ArcRef<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for ArcRef<'_, T> {}

impl<T: Hash> Hash for ArcRef<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl<T: PartialEq + Send + Sync + 'static, R: Rcu> PartialEq for RcuArcRef<'_, T, R> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq + Send + Sync + 'static, R: Rcu> Eq for RcuArcRef<'_, T, R> {}

impl<T: Hash + Send + Sync + 'static, R: Rcu> Hash for RcuArcRef<'_, T, R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}
