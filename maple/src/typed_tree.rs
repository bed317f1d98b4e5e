//! The calls of the shared face, and of its writer's sessions, with indices of another type.

use crate::entry::{Shared, TryClone};
use crate::error::{InsertError, RemoveError, ReplaceError, StoreError};
use crate::free::{AllocRangeError, Cyclic, FindError};
use crate::index::Index;
use crate::iter::{Gaps, Iter};
use crate::prune::Pruned;
use crate::tree::MapleTree;
use crate::typed::{Numbers, Typed, TypedMap, TypedRemoved, TypedTree, TypedWriter, all, clipped, seen};
use crate::writer::Writer;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
#[cfg(feature = "std")]
use maple_rcu::Epoch;
use maple_rcu::{AllocError, Rcu};

#[cfg(feature = "std")]
impl<I, V: Shared<Epoch>> TypedTree<I, V> {
    /// An empty tree of the default flavour. Allocates nothing.
    #[inline]
    pub const fn new() -> Self {
        Self::over(MapleTree::new())
    }
}

impl<I, V: Shared<R>, R: Rcu, L: RawMutex> TypedTree<I, V, R, L> {
    /// The tree inside, with `u64` for its indices. What is stored behind the last index of `I` is not seen: see [`Typed`].
    #[inline]
    pub const fn inner_mut(&mut self) -> &mut MapleTree<V, R, L> {
        &mut self.inner
    }

    /// The tree as its only user's map. As [`MapleTree::into_inner`].
    #[inline]
    pub fn into_map(self) -> TypedMap<I, V> {
        self.inner.into_inner().into()
    }

    /// Enters a read section. As [`MapleTree::pin`].
    #[inline]
    pub fn pin(&self) -> R::Guard {
        self.inner.pin()
    }

    /// Takes the writers' lock, for several changes in a row. As [`MapleTree::lock`].
    #[inline]
    pub fn lock(&self) -> TypedWriter<'_, I, V, R, L> {
        Typed::over(self.inner.lock())
    }

    /// As [`lock`](Self::lock), unless another writer has it. As [`MapleTree::try_lock`].
    #[inline]
    pub fn try_lock(&self) -> Option<TypedWriter<'_, I, V, R, L>> {
        self.inner.try_lock().map(Typed::over)
    }
}

/// # Shared trees
///
/// ```
/// use maple_tree::TypedTree;
/// use std::net::Ipv4Addr;
///
/// // Which tenant has which addresses, for readers without locks.
/// static LEASES: TypedTree<Ipv4Addr, u32> = TypedTree::new();
/// let pool = Ipv4Addr::new(192, 0, 2, 16)..=Ipv4Addr::new(192, 0, 2, 127);
/// let first = LEASES.alloc_range(8, pool.clone(), 8, 1)?;
/// let second = LEASES.alloc_range(8, pool.clone(), 8, 2)?;
/// assert_eq!([first, second], [Ipv4Addr::new(192, 0, 2, 16), Ipv4Addr::new(192, 0, 2, 24)]);
///
/// let guard = LEASES.pin();
/// assert_eq!(LEASES.get(Ipv4Addr::new(192, 0, 2, 25), &guard), Some(2));
/// let ended = LEASES.erase(first).unwrap();
/// assert_eq!(ended.range(), first..=Ipv4Addr::new(192, 0, 2, 23));
/// assert_eq!(LEASES.gaps(pool.clone(), &guard).next(), Some(ended.range()));
/// # Ok::<(), maple_tree::AllocRangeError<u32>>(())
/// ```
impl<I: Index, V: Shared<R>, R: Rcu, L: RawMutex> TypedTree<I, V, R, L> {
    /// The entry that covers `index`. As [`MapleTree::get`].
    #[inline]
    pub fn get<'g>(&'g self, index: I, guard: &'g R::Guard) -> Option<V::Ref<'g>> {
        self.inner.get(index.to_u64(), guard)
    }

    /// The entries that cover `indices`, in their order. As [`MapleTree::get_many`].
    #[inline]
    pub fn get_many<'g, const N: usize>(&'g self, indices: [I; N], guard: &'g R::Guard) -> [Option<V::Ref<'g>>; N] {
        self.inner.get_many(indices.map(I::to_u64), guard)
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. As [`MapleTree::get_range`].
    #[inline]
    pub fn get_range<'g>(&'g self, index: I, guard: &'g R::Guard) -> (RangeInclusive<I>, Option<V::Ref<'g>>) {
        seen(self.inner.get_range(index.to_u64(), guard))
    }

    /// Whether an entry covers `index`. As [`MapleTree::contains`].
    #[inline]
    pub fn contains(&self, index: I, guard: &R::Guard) -> bool {
        self.inner.contains(index.to_u64(), guard)
    }

    /// The entry with the lowest range.
    #[inline]
    pub fn first<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<I>, V::Ref<'g>)> {
        self.iter(guard).next()
    }

    /// The entry with the highest range.
    #[inline]
    pub fn last<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<I>, V::Ref<'g>)> {
        self.iter(guard).next_back()
    }

    /// Whether there is no entry at any index of `I`.
    #[inline]
    pub fn is_empty(&self, guard: &R::Guard) -> bool {
        self.first(guard).is_none()
    }

    /// All entries with their ranges, in order.
    #[inline]
    pub fn iter<'g>(&'g self, guard: &'g R::Guard) -> Typed<I, Iter<'g, V>> {
        Typed::over(self.inner.range(all::<I>(), guard))
    }

    /// The entries that overlap `range`, each with its whole range. As [`MapleTree::range`].
    #[inline]
    pub fn range<'g>(&'g self, range: impl RangeBounds<I>, guard: &'g R::Guard) -> Typed<I, Iter<'g, V>> {
        Typed::over(self.inner.range(Numbers::of(range), guard))
    }

    /// The gaps within `range`, clipped to it. As [`MapleTree::gaps`].
    #[inline]
    pub fn gaps<'g>(&'g self, range: impl RangeBounds<I>, guard: &'g R::Guard) -> Typed<I, Gaps<'g, V>> {
        Typed::over(self.inner.gaps(Numbers::of(range), guard))
    }

    /// Stores `value` at `range`, over whatever is there. As [`MapleTree::store`].
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::store`]: the value comes back, and the tree is as it was.
    #[inline]
    pub fn store(&self, range: impl RangeBounds<I>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.inner.store(Numbers::of(range), value)
    }

    /// Stores `value` at `range` if no entry overlaps it. As [`MapleTree::insert`].
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::insert`], with the range in the way in numbers: the value comes back, and the tree is as it was.
    #[inline]
    pub fn insert(&self, range: impl RangeBounds<I>, value: V) -> Result<(), InsertError<V>> {
        self.inner.insert(Numbers::of(range), value)
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. As [`MapleTree::replace`].
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap, in numbers. Out of memory for a leaf.
    #[inline]
    pub fn replace(&self, index: I, value: V) -> Result<TypedRemoved<'_, I, V, R, L>, ReplaceError<V>> {
        self.inner.replace(index.to_u64(), value).map(Typed::over)
    }

    /// Takes out the entry that covers `index`, with its whole range. As [`MapleTree::erase`]: never allocates, never waits, cannot fail.
    #[inline]
    pub fn erase(&self, index: I) -> Option<TypedRemoved<'_, I, V, R, L>> {
        self.inner.erase(index.to_u64()).map(Typed::over)
    }

    /// Removes everything inside `range`. As [`MapleTree::remove`].
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The tree is as it was.
    #[inline]
    pub fn remove(&self, range: impl RangeBounds<I>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.inner.remove(Numbers::of(range))
    }

    /// Removes every entry that lies wholly inside `range`. As [`MapleTree::remove_whole`]: takes no node, cannot fail.
    #[inline]
    pub fn remove_whole(&self, range: impl RangeBounds<I>) {
        self.inner.remove_whole(Numbers::of(range));
    }

    /// Removes every entry, behind the last index of `I`, too. As [`MapleTree::clear`]: allocates nothing, cannot fail.
    #[inline]
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Cuts off every entry whose range **starts** at or after `from`, behind the last index of `I`, too. As [`MapleTree::prune`]:
    /// allocates nothing, cannot fail.
    #[inline]
    pub fn prune(&self, from: I) -> Pruned {
        self.inner.prune(from.to_u64())
    }

    /// Removes every entry for which `keep` says `false`; it is not asked about entries behind the last index of `I`, which stay. As
    /// [`MapleTree::retain`]: allocates nothing, cannot fail.
    #[inline]
    pub fn retain(&self, mut keep: impl FnMut(RangeInclusive<I>, V::Ref<'_>) -> bool) {
        self.inner.retain(|range, entry| I::range_from_u64(range).is_none_or(|range| keep(range, entry)));
    }

    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`MapleTree::find_free`].
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::find_free`].
    #[inline]
    pub fn find_free(&self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`MapleTree::find_free_back`].
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::find_free_back`].
    #[inline]
    pub fn find_free_back(&self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free_back(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The longest run of free indices inside `within`, the lowest if there are several. As [`MapleTree::largest_gap`].
    #[inline]
    pub fn largest_gap(&self, within: impl RangeBounds<I>) -> Option<RangeInclusive<I>> {
        self.inner.largest_gap(Numbers::of(within)).map(clipped)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. As [`MapleTree::alloc_range`].
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::alloc_range`]: the value comes back, and the tree is as it was.
    #[inline]
    pub fn alloc_range(&self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. As [`MapleTree::alloc_range_rev`].
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    #[inline]
    pub fn alloc_range_rev(&self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range_rev(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the lowest free index inside `within` at or after where `cyclic` stands, or else at the lowest at all. As
    /// [`MapleTree::alloc_cyclic`]. When the last index of `I` was given, it is the next allocation that begins anew.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    #[inline]
    pub fn alloc_cyclic(&self, within: impl RangeBounds<I>, cyclic: &mut Cyclic, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_cyclic(Numbers::of(within), cyclic, value).map(I::from_u64)
    }

    /// A copy of the tree at one instant with a clone of every entry, not yet shared. As [`MapleTree::dup`].
    ///
    /// # Errors
    ///
    /// Out of memory.
    #[inline]
    pub fn dup(&self) -> Result<TypedMap<I, V>, AllocError>
    where
        V: TryClone,
    {
        self.inner.dup().map(Typed::over)
    }
}

impl<I, V: Shared<R>, R: Rcu, L: RawMutex> From<MapleTree<V, R, L>> for TypedTree<I, V, R, L> {
    /// Takes no time. Entries behind the last index of `I` are not seen: see [`Typed`].
    #[inline]
    fn from(tree: MapleTree<V, R, L>) -> Self {
        Self::over(tree)
    }
}

#[cfg(feature = "std")]
impl<I, V: Shared<R>, R: Rcu> From<TypedMap<I, V>> for TypedTree<I, V, R> {
    /// Shares a map. Takes no time.
    #[inline]
    fn from(map: TypedMap<I, V>) -> Self {
        Self::over(map.inner.into())
    }
}

impl<I: Index + fmt::Debug, V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for TypedTree<I, V, R, L>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    /// The entries at one instant: holds the writer lock meanwhile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.lock().iter()).finish()
    }
}

impl<'t, I, V: Shared<R>, R: Rcu, L: RawMutex> TypedWriter<'t, I, V, R, L> {
    /// The session inside, with `u64` for its indices. What is stored behind the last index of `I` is not seen: see [`Typed`].
    #[inline]
    pub const fn inner_mut(&mut self) -> &mut Writer<'t, V, R, L> {
        &mut self.inner
    }
}

/// # Sessions of a writer
///
/// ```
/// use maple_tree::TypedTree;
///
/// let tree = TypedTree::<i32, char>::new();
/// let mut session = tree.lock();
/// session.store(-20..20, 'a')?;
/// session.store(-5..5, 'b')?;
/// assert_eq!(session.get_range(-6), (-20..=-6, Some('a')));
/// drop(session);
/// assert_eq!(tree.get(-6, &tree.pin()), Some('a'));
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
impl<'t, I: Index, V: Shared<R>, R: Rcu, L: RawMutex> TypedWriter<'t, I, V, R, L> {
    /// The entry that covers `index`. As [`Writer::get`].
    #[inline]
    pub fn get(&self, index: I) -> Option<V::Ref<'_>> {
        self.inner.get(index.to_u64())
    }

    /// The entries that cover `indices`, in their order. As [`Writer::get_many`].
    #[inline]
    pub fn get_many<const N: usize>(&self, indices: [I; N]) -> [Option<V::Ref<'_>>; N] {
        self.inner.get_many(indices.map(I::to_u64))
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. As [`Writer::get_range`].
    #[inline]
    pub fn get_range(&self, index: I) -> (RangeInclusive<I>, Option<V::Ref<'_>>) {
        seen(self.inner.get_range(index.to_u64()))
    }

    /// Whether an entry covers `index`. As [`Writer::contains`].
    #[inline]
    pub fn contains(&self, index: I) -> bool {
        self.inner.contains(index.to_u64())
    }

    /// The entry with the lowest range.
    #[inline]
    pub fn first(&self) -> Option<(RangeInclusive<I>, V::Ref<'_>)> {
        self.iter().next()
    }

    /// The entry with the highest range.
    #[inline]
    pub fn last(&self) -> Option<(RangeInclusive<I>, V::Ref<'_>)> {
        self.iter().next_back()
    }

    /// Whether there is no entry at any index of `I`.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// All entries with their ranges, in order.
    #[inline]
    pub fn iter(&self) -> Typed<I, Iter<'_, V>> {
        Typed::over(self.inner.range(all::<I>()))
    }

    /// The entries that overlap `range`, each with its whole range. As [`Writer::range`].
    #[inline]
    pub fn range(&self, range: impl RangeBounds<I>) -> Typed<I, Iter<'_, V>> {
        Typed::over(self.inner.range(Numbers::of(range)))
    }

    /// The gaps within `range`, clipped to it. As [`Writer::gaps`].
    #[inline]
    pub fn gaps(&self, range: impl RangeBounds<I>) -> Typed<I, Gaps<'_, V>> {
        Typed::over(self.inner.gaps(Numbers::of(range)))
    }

    /// Stores `value` at `range`, over whatever is there. As [`Writer::store`].
    ///
    /// # Errors
    ///
    /// Those of [`Writer::store`]: the value comes back, and the tree is as it was.
    #[inline]
    pub fn store(&mut self, range: impl RangeBounds<I>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.inner.store(Numbers::of(range), value)
    }

    /// Stores `value` at `range` if no entry overlaps it. As [`Writer::insert`].
    ///
    /// # Errors
    ///
    /// Those of [`Writer::insert`], with the range in the way in numbers: the value comes back, and the tree is as it was.
    #[inline]
    pub fn insert(&mut self, range: impl RangeBounds<I>, value: V) -> Result<(), InsertError<V>> {
        self.inner.insert(Numbers::of(range), value)
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. As [`Writer::replace`].
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap, in numbers. Out of memory for a leaf.
    #[inline]
    pub fn replace(&mut self, index: I, value: V) -> Result<TypedRemoved<'t, I, V, R, L>, ReplaceError<V>> {
        self.inner.replace(index.to_u64(), value).map(Typed::over)
    }

    /// Takes out the entry that covers `index`, with its whole range. As [`Writer::erase`]: never allocates, never waits, cannot fail.
    #[inline]
    pub fn erase(&mut self, index: I) -> Option<TypedRemoved<'t, I, V, R, L>> {
        self.inner.erase(index.to_u64()).map(Typed::over)
    }

    /// Removes everything inside `range`. As [`Writer::remove`].
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The tree is as it was.
    #[inline]
    pub fn remove(&mut self, range: impl RangeBounds<I>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.inner.remove(Numbers::of(range))
    }

    /// Removes every entry that lies wholly inside `range`. As [`Writer::remove_whole`]: takes no node, cannot fail.
    #[inline]
    pub fn remove_whole(&mut self, range: impl RangeBounds<I>) {
        self.inner.remove_whole(Numbers::of(range));
    }

    /// Removes every entry, behind the last index of `I`, too. As [`Writer::clear`]: allocates nothing, cannot fail.
    #[inline]
    pub fn clear(&mut self) {
        self.inner.clear();
    }

    /// Cuts off every entry whose range **starts** at or after `from`, behind the last index of `I`, too. As [`Writer::prune`]:
    /// allocates nothing, cannot fail.
    #[inline]
    pub fn prune(&mut self, from: I) -> Pruned {
        self.inner.prune(from.to_u64())
    }

    /// Removes every entry for which `keep` says `false`; it is not asked about entries behind the last index of `I`, which stay. As
    /// [`Writer::retain`]: allocates nothing, cannot fail.
    #[inline]
    pub fn retain(&mut self, mut keep: impl FnMut(RangeInclusive<I>, V::Ref<'_>) -> bool) {
        self.inner.retain(|range, entry| I::range_from_u64(range).is_none_or(|range| keep(range, entry)));
    }

    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`Writer::find_free`].
    ///
    /// # Errors
    ///
    /// Those of [`Writer::find_free`].
    #[inline]
    pub fn find_free(&mut self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`Writer::find_free_back`].
    ///
    /// # Errors
    ///
    /// Those of [`Writer::find_free_back`].
    #[inline]
    pub fn find_free_back(&mut self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free_back(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The longest run of free indices inside `within`, the lowest if there are several. As [`Writer::largest_gap`].
    #[inline]
    pub fn largest_gap(&mut self, within: impl RangeBounds<I>) -> Option<RangeInclusive<I>> {
        self.inner.largest_gap(Numbers::of(within)).map(clipped)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. As [`Writer::alloc_range`].
    ///
    /// # Errors
    ///
    /// Those of [`Writer::alloc_range`]: the value comes back, and the tree is as it was.
    #[inline]
    pub fn alloc_range(&mut self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. As [`Writer::alloc_range_rev`].
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
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
    /// [`Writer::alloc_cyclic`]. When the last index of `I` was given, it is the next allocation that begins anew.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    #[inline]
    pub fn alloc_cyclic(&mut self, within: impl RangeBounds<I>, cyclic: &mut Cyclic, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_cyclic(Numbers::of(within), cyclic, value).map(I::from_u64)
    }
}

impl<I: Index + fmt::Debug, V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for TypedWriter<'_, I, V, R, L>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// # What was removed
impl<I: Index, V: Shared<R>, R: Rcu, L: RawMutex> TypedRemoved<'_, I, V, R, L> {
    /// The range it had.
    #[inline]
    pub fn range(&self) -> RangeInclusive<I> {
        clipped(self.inner.range())
    }

    /// The entry. As [`Removed::get`](crate::Removed::get).
    #[inline]
    pub fn get(&self) -> V::Ref<'_> {
        self.inner.get()
    }

    /// Waits for a grace period and gives the entry out. As [`Removed::wait`](crate::Removed::wait).
    ///
    /// # Errors
    ///
    /// Inside a read section of the calling thread, where it would wait for itself: `self` comes back.
    pub fn wait(self) -> Result<V, Self> {
        self.inner.wait().map_err(Self::over)
    }
}

impl<I: Index + fmt::Debug, V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for TypedRemoved<'_, I, V, R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removed").field("range", &self.range()).finish_non_exhaustive()
    }
}
