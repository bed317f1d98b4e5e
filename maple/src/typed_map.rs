//! The calls of the exclusive face, with indices of another type.

use crate::entry::{Entry, TryClone};
use crate::error::{InsertError, RemoveError, ReplaceError, StoreError};
use crate::free::{AllocRangeError, Cyclic, FindError};
use crate::index::Index;
use crate::into_iter::IntoIter;
use crate::iter::{Gaps, Iter};
use crate::map::RangeMap;
use crate::tail::Tail;
use crate::typed::{Numbers, Typed, TypedMap, all, seen, whole};
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use maple_rcu::AllocError;

impl<I, V: Entry> TypedMap<I, V> {
    /// An empty map. Allocates nothing. Constant time.
    ///
    /// ```
    /// static EMPTY: maple_tree::TypedMap<i32, char> = maple_tree::TypedMap::new();
    /// assert!(EMPTY.is_empty());
    /// ```
    #[inline]
    pub const fn new() -> Self {
        Self::over(RangeMap::new())
    }

    /// The map inside, with `u64` for its indices. What is stored behind the last index of `I` is not seen: see [`Typed`]. Takes no time.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.inner_mut().store_coalescing(5..8, 2)?;
    /// assert!(map.inner_mut().validate().is_ok());
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    #[inline]
    pub const fn inner_mut(&mut self) -> &mut RangeMap<V> {
        &mut self.inner
    }
}

/// # Exclusive maps
impl<I: Index, V: Entry> TypedMap<I, V> {
    /// The entry that covers `index`. As [`RangeMap::get`]. `O(h)`. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!((map.get(-15), map.get(-5)), (Some(1), None));
    /// ```
    #[inline]
    pub fn get(&self, index: I) -> Option<V::Ref<'_>> {
        self.inner.get(index.to_u64())
    }

    /// The entries that cover `indices`, in their order. As [`RangeMap::get_many`]. `O(N * h)`. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.get_many([-20, -10, 9]), [Some(1), None, Some(2)]);
    /// ```
    #[inline]
    pub fn get_many<const N: usize>(&self, indices: [I; N]) -> [Option<V::Ref<'_>>; N] {
        self.inner.get_many(indices.map(I::to_u64))
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. As [`RangeMap::get_range`].
    /// `O(h)`. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.get_range(-15), (-20..=-11, Some(1)));
    /// assert_eq!(map.get_range(10), (10..=i32::MAX, None));
    /// ```
    #[inline]
    pub fn get_range(&self, index: I) -> (RangeInclusive<I>, Option<V::Ref<'_>>) {
        seen(self.inner.get_range(index.to_u64()))
    }

    /// Whether an entry covers `index`. As [`RangeMap::contains`]. `O(h)`. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert!(map.contains(-20) && !map.contains(-10));
    /// ```
    #[inline]
    pub fn contains(&self, index: I) -> bool {
        self.inner.contains(index.to_u64())
    }

    /// The entry with the lowest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.first(), Some((-20..=-11, 1)));
    /// ```
    #[inline]
    pub fn first(&self) -> Option<(RangeInclusive<I>, V::Ref<'_>)> {
        self.iter().next()
    }

    /// The entry with the highest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.last(), Some((0..=9, 2)));
    /// ```
    #[inline]
    pub fn last(&self) -> Option<(RangeInclusive<I>, V::Ref<'_>)> {
        self.iter().next_back()
    }

    /// Whether there is no entry at any index of `I`. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::TypedMap::<u8, u32>::new();
    /// map.inner_mut().store(256.., 1)?;
    /// assert!(map.is_empty() && !map.inner().is_empty());
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// All entries with their ranges, in order. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert!(map.iter().eq([(-20..=-11, 1), (0..=9, 2)]));
    /// ```
    #[inline]
    pub fn iter(&self) -> Typed<I, Iter<'_, V>> {
        Typed::over(self.inner.range(all::<I>()))
    }

    /// The entries that overlap `range`, each with its whole range. As [`RangeMap::range`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert!(map.range(-15..0).eq([(-20..=-11, 1)]));
    /// ```
    #[inline]
    pub fn range(&self, range: impl RangeBounds<I>) -> Typed<I, Iter<'_, V>> {
        Typed::over(self.inner.range(Numbers::of(range)))
    }

    /// The gaps within `range`, clipped to it. As [`RangeMap::gaps`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert!(map.gaps(-15..).eq([-10..=-1, 10..=i32::MAX]));
    /// ```
    #[inline]
    pub fn gaps(&self, range: impl RangeBounds<I>) -> Typed<I, Gaps<'_, V>> {
        Typed::over(self.inner.gaps(Numbers::of(range)))
    }

    /// Stores `value` at `range`, over whatever is there. As [`RangeMap::store`]. `O(h)` and the entries removed. May allocate.
    ///
    /// # Errors
    ///
    /// Those of [`RangeMap::store`]: the value comes back, and the map is as it was.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.store(-12..=2, 3)?;
    /// assert!(map.iter().eq([(-20..=-13, 1), (-12..=2, 3), (3..=9, 2)]));
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    #[inline]
    pub fn store(&mut self, range: impl RangeBounds<I>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.inner.store(Numbers::of(range), value)
    }

    /// Stores `value` at `range` if no entry overlaps it. As [`RangeMap::insert`]. `O(h)`. May allocate.
    ///
    /// # Errors
    ///
    /// Those of [`RangeMap::insert`], with the range in the way in numbers: the value comes back, and the map is as it was.
    ///
    /// ```
    /// use maple_tree::{Index, InsertErrorKind};
    ///
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.insert(-10..0, 3)?;
    /// let InsertErrorKind::Occupied(range) = map.insert(-11..100, 4).unwrap_err().kind else { unreachable!() };
    /// assert_eq!(i32::range_from_u64(range), Some(-20..=-11));
    /// # Ok::<(), maple_tree::InsertError<u8>>(())
    /// ```
    #[inline]
    pub fn insert(&mut self, range: impl RangeBounds<I>, value: V) -> Result<(), InsertError<V>> {
        self.inner.insert(Numbers::of(range), value)
    }

    /// Puts `value` in the place of the entry that covers `index`, and returns that entry; the range stays. As [`RangeMap::replace`].
    /// `O(h)`. Allocates nothing.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap, in numbers.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.replace(-15, 3).ok(), Some(1));
    /// assert_eq!(map.first(), Some((-20..=-11, 3)));
    /// ```
    #[inline]
    pub fn replace(&mut self, index: I, value: V) -> Result<V, ReplaceError<V>> {
        self.inner.replace(index.to_u64(), value)
    }

    /// Takes out the entry that covers `index`, with its whole range. As [`RangeMap::erase`]: `O(h)`, allocates nothing, cannot fail.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.erase(-15), Some((-20..=-11, 1)));
    /// ```
    #[inline]
    pub fn erase(&mut self, index: I) -> Option<(RangeInclusive<I>, V)> {
        self.inner.erase(index.to_u64()).map(seen)
    }

    /// Removes everything inside `range`. As [`RangeMap::remove`]. `O(h)` and the entries removed. May allocate where it cuts an entry.
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The map is as it was.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.remove(-15..5)?;
    /// assert!(map.iter().eq([(-20..=-16, 1), (5..=9, 2)]));
    /// # Ok::<(), maple_tree::RemoveError>(())
    /// ```
    #[inline]
    pub fn remove(&mut self, range: impl RangeBounds<I>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.inner.remove(Numbers::of(range))
    }

    /// Removes every entry that lies wholly inside `range`. As [`RangeMap::remove_whole`]: takes no node, allocates nothing, cannot fail;
    /// `O(h)` and the entries removed.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.remove_whole(-15..);
    /// assert!(map.iter().eq([(-20..=-11, 1)]));
    /// ```
    #[inline]
    pub fn remove_whole(&mut self, range: impl RangeBounds<I>) {
        self.inner.remove_whole(Numbers::of(range));
    }

    /// Removes every entry, behind the last index of `I`, too. As [`RangeMap::clear`]: `O(n)`, allocates nothing, cannot fail.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    #[inline]
    pub fn clear(&mut self) {
        self.inner.clear();
    }

    /// Cuts off every entry whose range **starts** at or after `from`, behind the last index of `I`, too. As [`RangeMap::prune`]: `O(h)`,
    /// allocates nothing, cannot fail.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// drop(map.prune(-15));
    /// assert!(map.iter().eq([(-20..=-11, 1)]));
    /// ```
    #[inline]
    pub fn prune(&mut self, from: I) -> Tail<V> {
        self.inner.prune(from.to_u64())
    }

    /// Removes every entry for which `keep` says `false`; it is not asked about entries behind the last index of `I`, which stay. As
    /// [`RangeMap::retain`]: `O(n)`, and `O(h)` for each that goes; allocates nothing, cannot fail.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// map.retain(|range, _| *range.start() < 0);
    /// assert!(map.iter().eq([(-20..=-11, 1)]));
    /// ```
    #[inline]
    pub fn retain(&mut self, mut keep: impl FnMut(RangeInclusive<I>, V::Ref<'_>) -> bool) {
        self.inner.retain(|range, entry| I::range_from_u64(range).is_none_or(|range| keep(range, entry)));
    }

    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`RangeMap::find_free`]. `O(h)`, as [`RangeMap::find_free`] says more exactly. May allocate, and does without if it is refused.
    ///
    /// # Errors
    ///
    /// Those of [`RangeMap::find_free`].
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.find_free(10, -20.., 1), Ok(-10));
    /// ```
    #[inline]
    pub fn find_free(&mut self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`RangeMap::find_free_back`]. `O(h)`, as [`RangeMap::find_free_back`] says more exactly. May allocate, and does without if it is
    /// refused.
    ///
    /// # Errors
    ///
    /// Those of [`RangeMap::find_free_back`].
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.find_free_back(10, .., 1), Ok(i32::MAX - 9));
    /// ```
    #[inline]
    pub fn find_free_back(&mut self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free_back(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The longest run of free indices inside `within`, the lowest if there are several. As [`RangeMap::largest_gap`]. `O(h)`, as
    /// [`RangeMap::largest_gap`] says more exactly. May allocate, and does without if it is refused.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.largest_gap(-20..=12), Some(-10..=-1));
    /// ```
    #[inline]
    pub fn largest_gap(&mut self, within: impl RangeBounds<I>) -> Option<RangeInclusive<I>> {
        self.inner.largest_gap(Numbers::of(within)).map(whole)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. As [`RangeMap::alloc_range`]. `O(h)`. May allocate.
    ///
    /// # Errors
    ///
    /// Those of [`RangeMap::alloc_range`]: the value comes back, and the map is as it was.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.alloc_range(4, -20.., 1, 3)?, -10);
    /// # Ok::<(), maple_tree::AllocRangeError<u8>>(())
    /// ```
    #[inline]
    pub fn alloc_range(&mut self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. As [`RangeMap::alloc_range_rev`]. `O(h)`. May allocate.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// assert_eq!(map.alloc_range_rev(4, ..0, 1, 3)?, -4);
    /// # Ok::<(), maple_tree::AllocRangeError<u8>>(())
    /// ```
    #[inline]
    pub fn alloc_range_rev(
        &mut self,
        size: u64,
        within: impl RangeBounds<I>,
        align: u64,
        value: V,
    ) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range_rev(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the lowest free index inside `within` at or after where `cyclic` stands, or else at the lowest at all. As
    /// [`RangeMap::alloc_cyclic`]. When the last index of `I` was given, it is the next allocation that begins anew. `O(h)`. May allocate.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    ///
    /// ```
    /// use maple_tree::{Cyclic, TypedMap};
    ///
    /// let (mut ids, mut cyclic) = (TypedMap::<u8, char>::new(), Cyclic::starting_at(255));
    /// assert_eq!(ids.alloc_cyclic(1.., &mut cyclic, 'a')?, 255);
    /// assert_eq!(ids.alloc_cyclic(1.., &mut cyclic, 'b')?, 1);
    /// assert!(cyclic.wrapped());
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[inline]
    pub fn alloc_cyclic(&mut self, within: impl RangeBounds<I>, cyclic: &mut Cyclic, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_cyclic(Numbers::of(within), cyclic, value).map(I::from_u64)
    }

    /// A copy with a clone of every entry. As [`RangeMap::dup`]. `O(n)`. Allocates.
    ///
    /// # Errors
    ///
    /// Out of memory.
    ///
    /// ```
    /// let mut map: maple_tree::TypedMap<i32, u8> = [(-20..-10, 1), (0..10, 2)].into_iter().collect();
    /// let copy = map.dup()?;
    /// map.clear();
    /// assert_eq!(copy.iter().count(), 2);
    /// # Ok::<(), maple_tree::AllocError>(())
    /// ```
    #[inline]
    pub fn dup(&self) -> Result<Self, AllocError>
    where
        V: TryClone,
    {
        self.inner.dup().map(Self::over)
    }

    /// Stores every entry, in the order of the iterator. As [`RangeMap::try_extend`]. `O(h)` an entry, or `O(1)` where sorted entries come
    /// into an empty map. May allocate.
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store). What came before it is in the map; the rest was not taken from the iterator.
    ///
    /// ```
    /// let mut grid = maple_tree::TypedMap::new();
    /// grid.try_extend((-3..3).map(|row: i32| (10 * row..10 * row + 5, row)))?;
    /// assert_eq!(grid.get(-17), Some(-2));
    /// assert_eq!(grid.gaps(-30..).next(), Some(-25..=-21));
    /// # Ok::<(), maple_tree::StoreError<i32>>(())
    /// ```
    #[inline]
    pub fn try_extend<B: RangeBounds<I>>(&mut self, entries: impl IntoIterator<Item = (B, V)>) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.inner.try_extend(entries.into_iter().map(in_numbers))
    }
}

fn in_numbers<I: Index, B: RangeBounds<I>, V>((range, value): (B, V)) -> (Numbers<I, B>, V) {
    (Numbers::of(range), value)
}

impl<I: Index, V: TryClone, B: RangeBounds<I>> Extend<(B, V)> for TypedMap<I, V> {
    /// As [`RangeMap`]'s.
    ///
    /// # Panics
    ///
    /// If a range holds no index. Aborts (as collections of the standard library do) when there is no memory.
    fn extend<T: IntoIterator<Item = (B, V)>>(&mut self, entries: T) {
        self.inner.extend(entries.into_iter().map(in_numbers));
    }
}

impl<I: Index, V: TryClone, B: RangeBounds<I>> FromIterator<(B, V)> for TypedMap<I, V> {
    /// As [`RangeMap`]'s.
    ///
    /// # Panics
    ///
    /// If a range holds no index. Aborts (as collections of the standard library do) when there is no memory.
    fn from_iter<T: IntoIterator<Item = (B, V)>>(entries: T) -> Self {
        Self::over(entries.into_iter().map(in_numbers).collect())
    }
}

impl<I, V: Entry> From<RangeMap<V>> for TypedMap<I, V> {
    /// Takes no time. Entries behind the last index of `I` are not seen: see [`Typed`].
    #[inline]
    fn from(map: RangeMap<V>) -> Self {
        Self::over(map)
    }
}

impl<I: Index, V: Entry> IntoIterator for TypedMap<I, V> {
    type Item = (RangeInclusive<I>, V);
    type IntoIter = Typed<I, IntoIter<V>>;

    /// All entries with their ranges, in order; those that begin behind the last index of `I` are dropped.
    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        Typed::over(self.inner.into_iter())
    }
}

impl<'a, I: Index, V: Entry> IntoIterator for &'a TypedMap<I, V> {
    type Item = (RangeInclusive<I>, V::Ref<'a>);
    type IntoIter = Typed<I, Iter<'a, V>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<I: Index + fmt::Debug, V: Entry + 'static> fmt::Debug for TypedMap<I, V>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
