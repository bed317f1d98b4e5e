//! The calls of a writer's session, and of what was removed, with indices of another type.

use crate::entry::{Shared, TryClone};
use crate::error::{InsertError, RemoveError, ReplaceError, StoreError};
use crate::free::{AllocRangeError, Cyclic, FindError};
use crate::index::Index;
use crate::iter::{Gaps, Iter};
use crate::prune::Pruned;
use crate::typed::{Numbers, Typed, TypedRemoved, TypedWriter, all, clipped, seen, whole};
use crate::writer::Writer;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
use maple_rcu::Rcu;

impl<'t, I, V: Shared<R>, R: Rcu, L: RawMutex> TypedWriter<'t, I, V, R, L> {
    /// The session inside, with `u64` for its indices. What is stored behind the last index of `I` is not seen: see [`Typed`]. Takes no
    /// time.
    ///
    /// ```
    /// let tree = maple_tree::TypedTree::<u8, char>::new();
    /// let mut session = tree.lock();
    /// session.inner_mut().store(255..=300, 'a')?;
    /// assert_eq!(session.last(), Some((255..=255, 'a')));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
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
    /// The entry that covers `index`. As [`Writer::get`]. `O(h)`. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert_eq!((session.get(-15), session.get(-5)), (Some('a'), None));
    /// ```
    #[inline]
    pub fn get(&self, index: I) -> Option<V::Ref<'_>> {
        self.inner.get(index.to_u64())
    }

    /// The entries that cover `indices`, in their order. As [`Writer::get_many`]. `O(N * h)`. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert_eq!(session.get_many([-20, -10, 9]), [Some('a'), None, Some('b')]);
    /// ```
    #[inline]
    pub fn get_many<const N: usize>(&self, indices: [I; N]) -> [Option<V::Ref<'_>>; N] {
        self.inner.get_many(indices.map(I::to_u64))
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. As [`Writer::get_range`]. `O(h)`.
    /// Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert_eq!(session.get_range(-15), (-20..=-11, Some('a')));
    /// assert_eq!(session.get_range(10), (10..=i32::MAX, None));
    /// ```
    #[inline]
    pub fn get_range(&self, index: I) -> (RangeInclusive<I>, Option<V::Ref<'_>>) {
        seen(self.inner.get_range(index.to_u64()))
    }

    /// Whether an entry covers `index`. As [`Writer::contains`]. `O(h)`. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert!(session.contains(-20) && !session.contains(-10));
    /// ```
    #[inline]
    pub fn contains(&self, index: I) -> bool {
        self.inner.contains(index.to_u64())
    }

    /// The entry with the lowest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert_eq!(session.first(), Some((-20..=-11, 'a')));
    /// ```
    #[inline]
    pub fn first(&self) -> Option<(RangeInclusive<I>, V::Ref<'_>)> {
        self.iter().next()
    }

    /// The entry with the highest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert_eq!(session.last(), Some((0..=9, 'b')));
    /// ```
    #[inline]
    pub fn last(&self) -> Option<(RangeInclusive<I>, V::Ref<'_>)> {
        self.iter().next_back()
    }

    /// Whether there is no entry at any index of `I`. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::TypedTree::<u8, char>::new();
    /// let mut session = tree.lock();
    /// session.inner_mut().store(256.., 'a')?;
    /// assert!(session.is_empty() && !session.inner().is_empty());
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// All entries with their ranges, in order. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert!(session.iter().eq([(-20..=-11, 'a'), (0..=9, 'b')]));
    /// ```
    #[inline]
    pub fn iter(&self) -> Typed<I, Iter<'_, V>> {
        Typed::over(self.inner.range(all::<I>()))
    }

    /// The entries that overlap `range`, each with its whole range. As [`Writer::range`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert!(session.range(-15..0).eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn range(&self, range: impl RangeBounds<I>) -> Typed<I, Iter<'_, V>> {
        Typed::over(self.inner.range(Numbers::of(range)))
    }

    /// The gaps within `range`, clipped to it. As [`Writer::gaps`]. `O(h)` to begin with. Allocates nothing.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let session = tree.lock();
    /// assert!(session.gaps(-15..).eq([-10..=-1, 10..=i32::MAX]));
    /// ```
    #[inline]
    pub fn gaps(&self, range: impl RangeBounds<I>) -> Typed<I, Gaps<'_, V>> {
        Typed::over(self.inner.gaps(Numbers::of(range)))
    }

    /// Stores `value` at `range`, over whatever is there. As [`Writer::store`]. `O(h)` and the entries removed. May allocate; waits for
    /// nobody.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::store`]: the value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// session.store(-12..=2, 'c')?;
    /// assert!(session.iter().eq([(-20..=-13, 'a'), (-12..=2, 'c'), (3..=9, 'b')]));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[inline]
    pub fn store(&mut self, range: impl RangeBounds<I>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.inner.store(Numbers::of(range), value)
    }

    /// Stores `value` at `range` if no entry overlaps it. As [`Writer::insert`]. `O(h)`. May allocate; waits for nobody.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::insert`], with the range in the way in numbers: the value comes back, and the tree is as it was.
    ///
    /// ```
    /// use maple_tree::{Index, InsertErrorKind, TypedTree};
    ///
    /// let tree = TypedTree::new();
    /// let mut session = tree.lock();
    /// session.insert(-20..-10, 'a')?;
    /// let InsertErrorKind::Occupied(range) = session.insert(-11..100, 'b').unwrap_err().kind else { unreachable!() };
    /// assert_eq!(i32::range_from_u64(range), Some(-20..=-11));
    /// # Ok::<(), maple_tree::InsertError<char>>(())
    /// ```
    #[inline]
    pub fn insert(&mut self, range: impl RangeBounds<I>, value: V) -> Result<(), InsertError<V>> {
        self.inner.insert(Numbers::of(range), value)
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. As [`Writer::replace`]. `O(h)`. Waits for nobody; for
    /// an entry without a link of its own (`Box`, `Arc`) it takes one new leaf.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap, in numbers. Out of memory for a leaf.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// assert_eq!(session.replace(-15, 'c')?.get(), 'a');
    /// assert_eq!(session.first(), Some((-20..=-11, 'c')));
    /// assert_eq!(session.replace(-5, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), maple_tree::ReplaceError<char>>(())
    /// ```
    #[inline]
    pub fn replace(&mut self, index: I, value: V) -> Result<TypedRemoved<'t, I, V, R, L>, ReplaceError<V>> {
        self.inner.replace(index.to_u64(), value).map(Typed::over)
    }

    /// Takes out the entry that covers `index`, with its whole range. As [`Writer::erase`]: `O(h)`; never allocates, never waits, cannot
    /// fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// let removed = session.erase(-15).expect("there from the beginning");
    /// assert_eq!((removed.range(), removed.get()), (-20..=-11, 'a'));
    /// assert!(session.erase(-15).is_none());
    /// ```
    #[inline]
    pub fn erase(&mut self, index: I) -> Option<TypedRemoved<'t, I, V, R, L>> {
        self.inner.erase(index.to_u64()).map(Typed::over)
    }

    /// Removes everything inside `range`. As [`Writer::remove`]. `O(h)` and the entries removed. May allocate; waits for nobody.
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The tree is as it was.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// session.remove(-15..5)?;
    /// assert!(session.iter().eq([(-20..=-16, 'a'), (5..=9, 'b')]));
    /// # Ok::<(), maple_tree::RemoveError>(())
    /// ```
    #[inline]
    pub fn remove(&mut self, range: impl RangeBounds<I>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.inner.remove(Numbers::of(range))
    }

    /// Removes every entry that lies wholly inside `range`. As [`Writer::remove_whole`]: `O(h)`; takes no node, never allocates, never
    /// waits, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// session.remove_whole(-15..);
    /// assert!(session.iter().eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn remove_whole(&mut self, range: impl RangeBounds<I>) {
        self.inner.remove_whole(Numbers::of(range));
    }

    /// Removes every entry, behind the last index of `I`, too. As [`Writer::clear`]: one store; never allocates, never waits, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// session.clear();
    /// assert!(session.is_empty());
    /// ```
    #[inline]
    pub fn clear(&mut self) {
        self.inner.clear();
    }

    /// Cuts off every entry whose range **starts** at or after `from`, behind the last index of `I`, too. As [`Writer::prune`]: `O(h)`;
    /// never allocates, never waits, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// let pruned = session.prune(-15);
    /// assert_ne!(pruned.form, maple_tree::PruneForm::Nothing);
    /// assert!(session.iter().eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn prune(&mut self, from: I) -> Pruned {
        self.inner.prune(from.to_u64())
    }

    /// Removes every entry for which `keep` says `false`; it is not asked about entries behind the last index of `I`, which stay. As
    /// [`Writer::retain`]: `O(n)`, and `O(h)` for each that goes; never allocates, never waits, cannot fail.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// session.retain(|range, _| *range.start() < 0);
    /// assert!(session.iter().eq([(-20..=-11, 'a')]));
    /// ```
    #[inline]
    pub fn retain(&mut self, mut keep: impl FnMut(RangeInclusive<I>, V::Ref<'_>) -> bool) {
        self.inner.retain(|range, entry| I::range_from_u64(range).is_none_or(|range| keep(range, entry)));
    }

    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`Writer::find_free`]. `O(h)`, as [`Writer::find_free`] says more exactly. May allocate, and does without if it is refused.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::find_free`].
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// assert_eq!(session.find_free(10, -20.., 1), Ok(-10));
    /// assert_eq!(session.find_free(11, -20..10, 1), Err(maple_tree::FindError::Busy));
    /// ```
    #[inline]
    pub fn find_free(&mut self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. As
    /// [`Writer::find_free_back`]. `O(h)`, as [`Writer::find_free_back`] says more exactly. May allocate, and does without if it is
    /// refused.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::find_free_back`].
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// assert_eq!(session.find_free_back(10, .., 1), Ok(i32::MAX - 9));
    /// ```
    #[inline]
    pub fn find_free_back(&mut self, size: u64, within: impl RangeBounds<I>, align: u64) -> Result<I, FindError> {
        self.inner.find_free_back(size, Numbers::of(within), align).map(I::from_u64)
    }

    /// The longest run of free indices inside `within`, the lowest if there are several. As [`Writer::largest_gap`]. `O(h)`, as
    /// [`Writer::largest_gap`] says more exactly. May allocate, and does without if it is refused.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// assert_eq!(session.largest_gap(-20..=12), Some(-10..=-1));
    /// ```
    #[inline]
    pub fn largest_gap(&mut self, within: impl RangeBounds<I>) -> Option<RangeInclusive<I>> {
        self.inner.largest_gap(Numbers::of(within)).map(whole)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. As [`Writer::alloc_range`]. `O(h)`. May allocate; waits for nobody.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::alloc_range`]: the value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// assert_eq!(session.alloc_range(4, -20.., 1, 'c')?, -10);
    /// assert_eq!(session.get(-7), Some('c'));
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[inline]
    pub fn alloc_range(&mut self, size: u64, within: impl RangeBounds<I>, align: u64, value: V) -> Result<I, AllocRangeError<V>> {
        self.inner.alloc_range(size, Numbers::of(within), align, value).map(I::from_u64)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. As [`Writer::alloc_range_rev`]. `O(h)`. May allocate; waits for nobody.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let mut session = tree.lock();
    /// assert_eq!(session.alloc_range_rev(4, ..0, 1, 'c')?, -4);
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
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
    /// [`Writer::alloc_cyclic`]. When the last index of `I` was given, it is the next allocation that begins anew. `O(h)`. May allocate;
    /// waits for nobody.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    ///
    /// ```
    /// use maple_tree::{Cyclic, TypedTree};
    ///
    /// let (ids, mut cyclic) = (TypedTree::<u8, char>::new(), Cyclic::starting_at(255));
    /// let mut session = ids.lock();
    /// assert_eq!(session.alloc_cyclic(1.., &mut cyclic, 'a')?, 255);
    /// assert_eq!(session.alloc_cyclic(1.., &mut cyclic, 'b')?, 1);
    /// assert!(cyclic.wrapped());
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
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
    /// The range it had. Constant time.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let removed = tree.erase(-15).expect("there from the beginning");
    /// assert_eq!(removed.range(), -20..=-11);
    /// ```
    #[inline]
    pub fn range(&self) -> RangeInclusive<I> {
        clipped(self.inner.range())
    }

    /// The entry. As [`Removed::get`](crate::Removed::get). Constant time.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let removed = tree.erase(-15).expect("there from the beginning");
    /// assert_eq!(removed.get(), 'a');
    /// ```
    #[inline]
    pub fn get(&self) -> V::Ref<'_> {
        self.inner.get()
    }

    /// Waits for a grace period and gives the entry out. As [`Removed::wait`](crate::Removed::wait). Blocks; takes the tree's lock if the
    /// entry stayed in its slot.
    ///
    /// # Errors
    ///
    /// Inside a read section of the calling thread, where it would wait for itself: `self` comes back.
    ///
    /// ```
    /// let tree: maple_tree::TypedTree<i32, char> = maple_tree::TypedMap::from_iter([(-20..-10, 'a'), (0..10, 'b')]).into();
    /// let removed = tree.erase(-15).expect("there from the beginning");
    /// assert_eq!(removed.wait().expect("outside of read sections"), 'a');
    /// ```
    pub fn wait(self) -> Result<V, Self> {
        self.inner.wait().map_err(Self::over)
    }
}

impl<I: Index + fmt::Debug, V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for TypedRemoved<'_, I, V, R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removed").field("range", &self.range()).finish_non_exhaustive()
    }
}
