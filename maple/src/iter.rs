//! Iterators over entries and over gaps, from both ends.

use crate::entry::Entry;
use crate::node::Root;
use crate::walk::{Found, Walk};
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::RangeInclusive;

/// The entries of a tree with their ranges, in order; made by `iter` and `range`.
///
/// Each step is amortised constant time, allocates nothing and takes no lock. Beside a writer, every range that comes out was in the
/// tree at some instant since the iterator was made; ranges never overlap; an entry that was there all the time comes exactly once.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut entries = map.range(..35);
/// assert_eq!(entries.next_back(), Some((30..=39, 'b')));
/// assert_eq!(entries.next(), Some((10..=19, 'a')));
/// assert_eq!(entries.next(), None);
/// ```
///
/// # Invariants
///
/// The tree is borrowed for `'a`, and so is the read section if there may be a writer: no node that the walk can get to is given
/// back during `'a`, and no entry is released.
pub struct Iter<'a, V> {
    walk: Walk,
    tree: PhantomData<&'a V>,
}

// SAFETY: the walk only reads, and gives out shared references to entries, as `&'a V` would.
unsafe impl<V: Sync> Send for Iter<'_, V> {}
// SAFETY: as above; `&Iter` gives out nothing.
unsafe impl<V: Sync> Sync for Iter<'_, V> {}

impl<'a, V: Entry> Iter<'a, V> {
    /// # Safety
    ///
    /// The tree at `root` has entries of type `V` and keeps the invariant of the type during `'a`.
    pub(crate) unsafe fn new(root: &Root, window: Option<(u64, u64)>) -> Self {
        Self { walk: Walk::new(root, window), tree: PhantomData }
    }

    /// As [`next`](Iterator::next), with an entry cut off at `end`, which is where the window ended at first or behind it.
    #[inline(always)]
    pub(crate) fn next_cut(&mut self, end: u64) -> Option<(RangeInclusive<u64>, V::Ref<'a>)>
    where
        V: 'a,
    {
        self.walk.next_cut(end).map(Self::item)
    }

    /// As [`fold`](Iterator::fold), with entries cut off as in [`next_cut`](Self::next_cut).
    #[inline(always)]
    pub(crate) fn fold_cut<T>(self, end: u64, start: T, mut each: impl FnMut(T, (RangeInclusive<u64>, V::Ref<'a>)) -> T) -> T
    where
        V: 'a,
    {
        self.walk.fold_cut(end, start, |sum, found| each(sum, Self::item(found)))
    }

    fn item(found: Found) -> (RangeInclusive<u64>, V::Ref<'a>)
    where
        V: 'a,
    {
        // SAFETY: by the invariant of the type the entry is not taken back during `'a`.
        (found.first..=found.last, unsafe { V::borrow(found.entry) })
    }
}

impl<V> Clone for Iter<'_, V> {
    fn clone(&self) -> Self {
        Self { walk: self.walk.clone(), tree: PhantomData }
    }
}

impl<V> fmt::Debug for Iter<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.walk.window()).finish_non_exhaustive()
    }
}

impl<'a, V: Entry + 'a> Iterator for Iter<'a, V> {
    type Item = (RangeInclusive<u64>, V::Ref<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next().map(Self::item)
    }

    #[inline]
    fn fold<T, F: FnMut(T, Self::Item) -> T>(self, start: T, mut each: F) -> T {
        self.walk.fold(start, |sum, found| each(sum, Self::item(found)))
    }
}

impl<'a, V: Entry + 'a> DoubleEndedIterator for Iter<'a, V> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.walk.next_back().map(Self::item)
    }
}

impl<'a, V: Entry + 'a> FusedIterator for Iter<'a, V> {}

/// The gaps of a tree within some bounds, in order; made by `gaps`.
///
/// A gap is a maximal run of indices without an entry, clipped to the bounds. Each step takes time in proportion to the entries it
/// passes, allocates nothing and takes no lock. Beside a writer, every index of a gap that comes out was free at some instant since
/// the iterator was made.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut gaps = map.gaps(5..50);
/// assert_eq!(gaps.next_back(), Some(40..=49));
/// assert_eq!(gaps.collect::<Vec<_>>(), [5..=9, 20..=29]);
/// ```
///
/// # Invariants
///
/// As of [`Iter`]. No entry is looked at.
pub struct Gaps<'a, V> {
    walk: Walk,
    /// What was not yet looked at, inclusive.
    left: Option<(u64, u64)>,
    tree: PhantomData<&'a V>,
}

// SAFETY: the walk only reads, and no entry is given out.
unsafe impl<V: Sync> Send for Gaps<'_, V> {}
// SAFETY: as above.
unsafe impl<V: Sync> Sync for Gaps<'_, V> {}

impl<V: Entry> Gaps<'_, V> {
    /// # Safety
    ///
    /// As for [`Iter::new`].
    pub(crate) unsafe fn new(root: &Root, window: Option<(u64, u64)>) -> Self {
        Self { walk: Walk::new(root, window), left: window, tree: PhantomData }
    }
}

impl<V> Clone for Gaps<'_, V> {
    fn clone(&self) -> Self {
        Self { walk: self.walk.clone(), left: self.left, tree: PhantomData }
    }
}

impl<V> fmt::Debug for Gaps<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gaps").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<V: Entry> Iterator for Gaps<'_, V> {
    type Item = RangeInclusive<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (low, high) = self.left?;
            let Some(found) = self.walk.next_overlapping() else {
                self.left = None;
                return Some(low..=high);
            };
            self.left = (found.last < high).then(|| (found.last + 1, high));
            if low < found.first {
                return Some(low..=found.first - 1);
            }
        }
    }
}

impl<V: Entry> DoubleEndedIterator for Gaps<'_, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let (low, high) = self.left?;
            let Some(found) = self.walk.next_back_overlapping() else {
                self.left = None;
                return Some(low..=high);
            };
            self.left = (found.first > low).then(|| (low, found.first - 1));
            if found.last < high {
                return Some(found.last + 1..=high);
            }
        }
    }
}

impl<V: Entry> FusedIterator for Gaps<'_, V> {}
