//! The calls of the shared face, with indices of another type.

use crate::entry::{Shared, TryClone};
use crate::error::{InsertError, RemoveError, ReplaceError, StoreError};
use crate::free::{AllocRangeError, Cyclic, FindError};
use crate::index::Index;
use crate::iter::{Gaps, Iter};
use crate::prune::Pruned;
use crate::tree::MapleTree;
use crate::typed::{Numbers, Typed, TypedMap, TypedRemoved, TypedTree, TypedWriter, all, seen, whole};
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
#[cfg(feature = "std")]
use maple_rcu::Epoch;
use maple_rcu::{AllocError, Rcu};

#[cfg(feature = "std")]
impl<I, V: Shared<Epoch>> TypedTree<I, V> {
    /// An empty tree of the default flavour. Allocates nothing. Constant time.
    ///
    /// ```
    /// static TREE: maple_tree::TypedTree<i32, char> = maple_tree::TypedTree::new();
    /// TREE.store(-5..5, 'a')?;
    /// assert_eq!(TREE.get(-5, &TREE.pin()), Some('a'));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub const fn new() -> Self {
        Self::over(MapleTree::new())
    }
}

impl<I, V: Shared<R>, R: Rcu, L: RawMutex> TypedTree<I, V, R, L> {
    /// The tree inside, with `u64` for its indices. What is stored behind the last index of `I` is not seen: see [`Typed`]. Takes no time.
    ///
    /// ```
    /// let mut tree = maple_tree::TypedTree::<u8, char>::new();
    /// tree.inner_mut().store(255..=300, 'a')?;
    /// assert_eq!(tree.last(&tree.pin()), Some((255..=255, 'a')));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub const fn inner_mut(&mut self) -> &mut MapleTree<V, R, L> {
        &mut self.inner
    }

    /// The tree as its only user's map. As [`MapleTree::into_inner`]. Takes no time but for what is released.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut map = tree.into_map();
    /// assert_eq!(map.erase(-15), Some((-20..=-11, 'a')));
    /// ```
    #[inline]
    pub fn into_map(self) -> TypedMap<I, V> {
        self.inner.into_inner().into()
    }

    /// Enters a read section. As [`MapleTree::pin`]. The flavour says what that costs and whether it may allocate.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// tree.clear();
    /// assert_eq!(tree.get(5, &guard), None); // cleared since, but what was looked up before would still be there
    /// ```
    #[inline]
    pub fn pin(&self) -> R::Guard {
        self.inner.pin()
    }

    /// Takes the writers' lock, for several changes in a row. As [`MapleTree::lock`]. Waits until no other writer has it, never for
    /// readers.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// session.store(-15..5, 'c')?;
    /// assert_eq!(session.get_range(-15), (-15..=4, Some('c')));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub fn lock(&self) -> TypedWriter<'_, I, V, R, L> {
        Typed::over(self.inner.lock())
    }

    /// As [`lock`](Self::lock), unless another writer has it. As [`MapleTree::try_lock`]. Never waits.
    ///
    /// ```
    /// let tree = maple_tree::TypedTree::<i32, char>::new();
    /// let session = tree.lock();
    /// assert!(tree.try_lock().is_none());
    /// drop(session);
    /// assert!(tree.try_lock().is_some());
    /// ```
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
    /// The entry that covers `index`. As [`MapleTree::get`]. `O(h)`, wait-free.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// assert_eq!((tree.get(-15, &guard), tree.get(-5, &guard)), (Some('a'), None));
    /// ```
    #[inline]
    pub fn get<'g>(&'g self, index: I, guard: &'g R::Guard) -> Option<V::Ref<'g>> {
        self.inner.get(index.to_u64(), guard)
    }

    /// The entries that cover `indices`, in their order. As [`MapleTree::get_many`]. `O(N * h)`, wait-free.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.get_many([-20, -10, 9], &tree.pin()), [Some('a'), None, Some('b')]);
    /// ```
    #[inline]
    pub fn get_many<'g, const N: usize>(&'g self, indices: [I; N], guard: &'g R::Guard) -> [Option<V::Ref<'g>>; N] {
        self.inner.get_many(indices.map(I::to_u64), guard)
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. As [`MapleTree::get_range`].
    /// `O(h)`, wait-free.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// assert_eq!(tree.get_range(-15, &guard), (-20..=-11, Some('a')));
    /// assert_eq!(tree.get_range(10, &guard), (10..=i32::MAX, None));
    /// ```
    #[inline]
    pub fn get_range<'g>(&'g self, index: I, guard: &'g R::Guard) -> (RangeInclusive<I>, Option<V::Ref<'g>>) {
        seen(self.inner.get_range(index.to_u64(), guard))
    }

    /// Whether an entry covers `index`. As [`MapleTree::contains`]. `O(h)`, wait-free.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// assert!(tree.contains(-20, &guard) && !tree.contains(-10, &guard));
    /// ```
    #[inline]
    pub fn contains(&self, index: I, guard: &R::Guard) -> bool {
        self.inner.contains(index.to_u64(), guard)
    }

    /// The entry with the lowest range. As [`MapleTree::first`]: `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.first(&tree.pin()), Some((-20..=-11, 'a')));
    /// ```
    #[inline]
    pub fn first<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<I>, V::Ref<'g>)> {
        self.iter(guard).next()
    }

    /// The entry with the highest range. As [`MapleTree::last`]: `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.last(&tree.pin()), Some((0..=9, 'b')));
    /// ```
    #[inline]
    pub fn last<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<I>, V::Ref<'g>)> {
        self.iter(guard).next_back()
    }

    /// Whether there is no entry at any index of `I`. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::TypedTree::<u8, char>::new();
    /// tree.inner().store(256.., 'a')?;
    /// let guard = tree.pin();
    /// assert!(tree.is_empty(&guard) && !tree.inner().is_empty(&guard));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub fn is_empty(&self, guard: &R::Guard) -> bool {
        self.first(guard).is_none()
    }

    /// All entries with their ranges, in order. As [`MapleTree::iter`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// assert!(tree.iter(&guard).eq([(-20..=-11, 'a'), (0..=9, 'b')]));
    /// ```
    #[inline]
    pub fn iter<'g>(&'g self, guard: &'g R::Guard) -> Typed<I, Iter<'g, V>> {
        Typed::over(self.inner.range(all::<I>(), guard))
    }

    /// The entries that overlap `range`, each with its whole range. As [`MapleTree::range`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// assert!(tree.range(-15..0, &guard).eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn range<'g>(&'g self, range: impl RangeBounds<I>, guard: &'g R::Guard) -> Typed<I, Iter<'g, V>> {
        Typed::over(self.inner.range(Numbers::of(range), guard))
    }

    /// The gaps within `range`, clipped to it. As [`MapleTree::gaps`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let guard = tree.pin();
    /// assert!(tree.gaps(-15.., &guard).eq([-10..=-1, 10..=i32::MAX]));
    /// ```
    #[inline]
    pub fn gaps<'g>(&'g self, range: impl RangeBounds<I>, guard: &'g R::Guard) -> Typed<I, Gaps<'g, V>> {
        Typed::over(self.inner.gaps(Numbers::of(range), guard))
    }

    /// Stores `value` at `range`, over whatever is there. As [`MapleTree::store`]. `O(h)` and the entries removed. Waits for other writers,
    /// never for readers; may allocate.
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::store`]: the value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// tree.store(-12..=2, 'c')?;
    /// assert!(tree.iter(&tree.pin()).eq([(-20..=-13, 'a'), (-12..=2, 'c'), (3..=9, 'b')]));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub fn store(&self, range: impl RangeBounds<I>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.inner.store(Numbers::of(range), value)
    }

    /// Stores `value` at `range` if no entry overlaps it. As [`MapleTree::insert`]. `O(h)`. Waits for other writers, never for readers; may
    /// allocate.
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::insert`], with the range in the way in numbers: the value comes back, and the tree is as it was.
    ///
    /// ```
    /// use maple_tree::{Index, InsertErrorKind, TypedTree};
    ///
    /// let tree = TypedTree::new();
    /// tree.insert(-20..-10, 'a')?;
    /// let InsertErrorKind::Occupied(range) = tree.insert(-11..100, 'b').unwrap_err().kind else { unreachable!() };
    /// assert_eq!(i32::range_from_u64(range), Some(-20..=-11));
    /// # Ok::<(), maple_tree::InsertError<char>>(())
    /// ```
    #[inline]
    pub fn insert(&self, range: impl RangeBounds<I>, value: V) -> Result<(), InsertError<V>> {
        self.inner.insert(Numbers::of(range), value)
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. As [`MapleTree::replace`]. `O(h)`. Waits for other
    /// writers, never for readers; for an entry without a link of its own (`Box`, `Arc`) it takes one new leaf.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap, in numbers. Out of memory for a leaf.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.replace(-15, 'c')?.get(), 'a');
    /// assert_eq!(tree.first(&tree.pin()), Some((-20..=-11, 'c')));
    /// assert_eq!(tree.replace(-5, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), maple_tree::ReplaceError<char>>(())
    /// ```
    #[inline]
    pub fn replace(&self, index: I, value: V) -> Result<TypedRemoved<'_, I, V, R, L>, ReplaceError<V>> {
        self.inner.replace(index.to_u64(), value).map(Typed::over)
    }

    /// Takes out the entry that covers `index`, with its whole range. As [`MapleTree::erase`]: `O(h)`, waits for other writers; cannot
    /// fail: never allocates, never waits for readers.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let removed = tree.erase(-15).expect("there from the beginning");
    /// assert_eq!((removed.range(), removed.get()), (-20..=-11, 'a'));
    /// assert!(tree.erase(-15).is_none());
    /// ```
    #[inline]
    pub fn erase(&self, index: I) -> Option<TypedRemoved<'_, I, V, R, L>> {
        self.inner.erase(index.to_u64()).map(Typed::over)
    }

    /// Removes everything inside `range`. As [`MapleTree::remove`]. `O(h)` and the entries removed. Waits for other writers, never for
    /// readers; may allocate.
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The tree is as it was.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// tree.remove(-15..5)?;
    /// assert!(tree.iter(&tree.pin()).eq([(-20..=-16, 'a'), (5..=9, 'b')]));
    /// # Ok::<(), maple_tree::RemoveError>(())
    /// ```
    #[inline]
    pub fn remove(&self, range: impl RangeBounds<I>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.inner.remove(Numbers::of(range))
    }

    /// Removes every entry that lies wholly inside `range`. As [`MapleTree::remove_whole`]: `O(h)`, waits for other writers; takes no node,
    /// never allocates, never waits for readers, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// tree.remove_whole(-15..);
    /// assert!(tree.iter(&tree.pin()).eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn remove_whole(&self, range: impl RangeBounds<I>) {
        self.inner.remove_whole(Numbers::of(range));
    }

    /// Removes every entry, behind the last index of `I`, too. As [`MapleTree::clear`]: one store, waits for other writers; never
    /// allocates, never waits for readers, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// tree.clear();
    /// assert!(tree.is_empty(&tree.pin()));
    /// ```
    #[inline]
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Cuts off every entry whose range **starts** at or after `from`, behind the last index of `I`, too. As [`MapleTree::prune`]: `O(h)`,
    /// waits for other writers; never allocates, never waits for readers, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let pruned = tree.prune(-15);
    /// assert_ne!(pruned.form, maple_tree::PruneForm::Nothing);
    /// assert!(tree.iter(&tree.pin()).eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn prune(&self, from: I) -> Pruned {
        self.inner.prune(from.to_u64())
    }

    /// Removes every entry for which `keep` says `false`; it is not asked about entries behind the last index of `I`, which stay. As
    /// [`MapleTree::retain`]: `O(n)`, and `O(h)` for each that goes; waits for other writers; never allocates, never waits for readers,
    /// cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// tree.retain(|range, _| *range.start() < 0);
    /// assert!(tree.iter(&tree.pin()).eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn retain(&self, mut keep: impl FnMut(RangeInclusive<I>, V::Ref<'_>) -> bool) {
        self.inner.retain(|range, entry| I::range_from_u64(range).is_none_or(|range| keep(range, entry)));
    }

    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`MapleTree::find_free`]. `O(h)`, as [`MapleTree::find_free`] says more exactly. Waits for other writers; may allocate, and does
    /// without if it is refused.
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::find_free`].
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.find_free(10, -20.., 1), Ok(-10));
    /// assert_eq!(tree.find_free(11, -20..10, 1), Err(maple_tree::FindError::Busy));
    /// ```
    #[inline]
    pub fn find_free(&self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`MapleTree::find_free_back`]. `O(h)`, as [`MapleTree::find_free_back`] says more exactly. Waits for other writers; may allocate,
    /// and does without if it is refused.
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::find_free_back`].
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.find_free_back(10, .., 1), Ok(i32::MAX - 9));
    /// ```
    #[inline]
    pub fn find_free_back(&self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free_back(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The longest run of free indices inside `within`, the lowest if there are several. As [`MapleTree::largest_gap`]. `O(h)`, as
    /// [`MapleTree::largest_gap`] says more exactly. Waits for other writers; may allocate, and does without if it is refused.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.largest_gap(-20..=12), Some(-10..=-1));
    /// ```
    #[inline]
    pub fn largest_gap(&self, within: impl RangeBounds<I>) -> Option<RangeInclusive<I>> {
        self.inner.largest_gap(Numbers::of(within)).map(whole)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. As [`MapleTree::alloc_range`]. `O(h)`. Waits for other writers, never for readers; may allocate.
    ///
    /// # Errors
    ///
    /// Those of [`MapleTree::alloc_range`]: the value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.alloc_range(4, -20.., 1, 'c')?, -10);
    /// assert_eq!(tree.get(-7, &tree.pin()), Some('c'));
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[inline]
    pub fn alloc_range(&self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. As [`MapleTree::alloc_range_rev`]. `O(h)`. Waits for other writers, never for readers; may allocate.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// assert_eq!(tree.alloc_range_rev(4, ..0, 1, 'c')?, -4);
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[inline]
    pub fn alloc_range_rev(&self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range_rev(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the lowest free index inside `within` at or after where `cyclic` stands, or else at the lowest at all. As
    /// [`MapleTree::alloc_cyclic`]. When the last index of `I` was given, it is the next allocation that begins anew. `O(h)`. Waits for
    /// other writers, never for readers; may allocate.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    ///
    /// ```
    /// use maple_tree::{Cyclic, TypedTree};
    ///
    /// let (ids, mut cyclic) = (TypedTree::<u8, char>::new(), Cyclic::starting_at(255));
    /// assert_eq!(ids.alloc_cyclic(1.., &mut cyclic, 'a')?, 255);
    /// assert_eq!(ids.alloc_cyclic(1.., &mut cyclic, 'b')?, 1);
    /// assert!(cyclic.wrapped());
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[inline]
    pub fn alloc_cyclic(&self, within: impl RangeBounds<I>, cyclic: &mut Cyclic, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_cyclic(Numbers::of(within), cyclic, value).map(I::from_u64)
    }

    /// A copy of the tree at one instant with a clone of every entry, not yet shared. As [`MapleTree::dup`]. `O(n)`. Writers wait
    /// meanwhile, readers do not. Allocates.
    ///
    /// # Errors
    ///
    /// Out of memory.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let copy = tree.dup()?;
    /// tree.clear();
    /// assert_eq!(copy.get(-15), Some('a'));
    /// # Ok::<(), maple_tree::AllocError>(())
    /// ```
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
