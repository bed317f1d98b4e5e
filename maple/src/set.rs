//! A set of indices, kept as ranges: a thin dress over a map whose entries are nothing.

use crate::covered::{Covered, Difference, Intersection, Ranges, SymmetricDifference, Union};
use crate::error::{RemoveError, StoreError, StoreErrorKind};
use crate::face::Shortage;
use crate::into_iter::IntoIter;
use crate::iter::Gaps;
use crate::map::RangeMap;
use crate::node::NODE_BYTES;
use crate::range::inclusive;
use alloc::alloc::handle_alloc_error;
use core::alloc::Layout;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};

/// A set of `u64` indices, kept as maximal ranges: ranges that touch are one.
///
/// A [`RangeMap`] of `()`, so everything said there holds: reading takes `O(h)`, removing needs memory only where it cuts a range.
///
/// ```
/// use maple_tree::RangeSet;
///
/// let mut set = RangeSet::new();
/// set.insert(10..20)?;
/// set.insert(20..30)?; // touches, and is joined
/// set.insert(40..50)?;
/// assert_eq!(set.iter().collect::<Vec<_>>(), [10..=29, 40..=49]);
/// let other: RangeSet = [25..45].into_iter().collect();
/// assert_eq!(set.intersection(&other).collect::<Vec<_>>(), [25..=29, 40..=44]);
/// assert_eq!(set.difference(&other).collect::<Vec<_>>(), [10..=24, 45..=49]);
/// # Ok::<(), maple_tree::StoreError<()>>(())
/// ```
///
/// # Invariants
///
/// No two entries of the map touch.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RangeSet {
    map: RangeMap<()>,
}

impl RangeSet {
    /// An empty set. Allocates nothing. Constant time.
    ///
    /// ```
    /// static EMPTY: maple_tree::RangeSet = maple_tree::RangeSet::new();
    /// assert!(EMPTY.is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { map: RangeMap::new() }
    }

    /// The set as a map, which has the rest of what can be asked. Takes no time.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert_eq!(set.as_map().get_range(25).0, 20..=29);
    /// ```
    pub fn as_map(&self) -> &RangeMap<()> {
        &self.map
    }

    /// The set as a map. Takes no time.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert_eq!(set.into_map().iter().count(), 2);
    /// ```
    pub fn into_map(self) -> RangeMap<()> {
        self.map
    }

    /// Adds every index in `range`; returns whether any was not in the set. `O(h)` and the ranges joined.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The set is as it was.
    ///
    /// ```
    /// let mut set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.insert(15..30)?);
    /// assert!(!set.insert(12..35)?); // all of it was there
    /// assert!(set.iter().eq([10..=39]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&mut self, range: impl RangeBounds<u64>) -> Result<bool, StoreError<()>> {
        let (first, last) = inclusive(&range).map_err(|bad| StoreError { value: (), kind: StoreErrorKind::BadRange(bad) })?;
        if self.covers(first..=last) {
            return Ok(false);
        }
        self.map.store_coalescing(first..=last, ())?;
        Ok(true)
    }

    /// Removes every index in `range`. The same as [`remove_or`](Self::remove_or) with [`Shortage::Allocate`].
    /// `O(h)` and the ranges removed.
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when a range of the set is cut. The set is as it was.
    ///
    /// ```
    /// let mut set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// set.remove(15..35)?;
    /// assert!(set.iter().eq([10..=14, 35..=39]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&mut self, range: impl RangeBounds<u64>) -> Result<(), RemoveError> {
        self.map.remove(range)
    }

    /// Removes every index in `range`, as [`RangeMap::remove_or`] does. `O(h)` and the ranges removed.
    ///
    /// # Errors
    ///
    /// A range that holds no index; the range that would have been cut; out of memory for a hole inside one. The set is as it was.
    ///
    /// ```
    /// let mut set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// set.remove_or(5..25, maple_tree::Shortage::Refuse)?; // cuts nothing, so it needs nothing
    /// assert!(set.iter().eq([30..=39]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_or(&mut self, range: impl RangeBounds<u64>, shortage: Shortage) -> Result<(), RemoveError> {
        self.map.remove_or(range, shortage)
    }

    /// Removes the maximal range that holds `index`, whole. `O(h)`. Allocates nothing, cannot fail.
    ///
    /// ```
    /// let mut set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert_eq!(set.take(35), Some(30..=39));
    /// assert_eq!(set.take(35), None);
    /// ```
    pub fn take(&mut self, index: u64) -> Option<RangeInclusive<u64>> {
        self.map.erase(index).map(|(range, ())| range)
    }

    /// Removes every index. Allocates nothing, cannot fail. `O(n)` in the ranges.
    ///
    /// ```
    /// let mut set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// set.clear();
    /// assert!(set.is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.map.clear();
    }

    /// Whether `index` is in the set. `O(h)`.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.contains(19) && !set.contains(20));
    /// ```
    pub fn contains(&self, index: u64) -> bool {
        self.map.contains(index)
    }

    /// The maximal range that holds `index`. `O(h)`.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert_eq!((set.get(15), set.get(25)), (Some(10..=19), None));
    /// ```
    pub fn get(&self, index: u64) -> Option<RangeInclusive<u64>> {
        let (range, entry) = self.map.get_range(index);
        entry.map(|()| range)
    }

    /// Whether every index in `range` is in the set; `false` of a range that holds none. `O(h)`.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.covers(12..18) && !set.covers(15..25));
    /// ```
    pub fn covers(&self, range: impl RangeBounds<u64>) -> bool {
        let Ok((first, last)) = inclusive(&range) else { return false };
        self.map.range(first..=last).next().is_some_and(|(range, ())| range.contains(&first) && range.contains(&last))
    }

    /// Whether some index in `range` is in the set. `O(h)`.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.overlaps(15..25) && !set.overlaps(20..30));
    /// ```
    pub fn overlaps(&self, range: impl RangeBounds<u64>) -> bool {
        self.map.range(range).next().is_some()
    }

    /// Whether the set has no index. `O(h)`.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(!set.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The maximal ranges, in order, from both ends. `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.iter().eq([10..=19, 30..=39]));
    /// assert_eq!(set.iter().next_back(), Some(30..=39));
    /// ```
    pub fn iter(&self) -> Covered<'_, ()> {
        self.range(..)
    }

    /// The parts of the set within `range`, clipped to it. A range that holds no index yields nothing.
    /// `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.range(15..35).eq([15..=19, 30..=34]));
    /// ```
    pub fn range(&self, range: impl RangeBounds<u64>) -> Covered<'_, ()> {
        self.map.covered(range)
    }

    /// The ranges within `range` that are not in the set, clipped to it. A range that holds no index yields nothing.
    /// `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// assert!(set.gaps(..50).eq([0..=9, 20..=29, 40..=49]));
    /// ```
    pub fn gaps(&self, range: impl RangeBounds<u64>) -> Gaps<'_, ()> {
        self.map.gaps(range)
    }

    /// Indices in either set: maximal ranges in order, found lazily. Allocates nothing. (With maps: [`Ranges`].)
    /// `O(1)` to begin with, linear in the ranges of both.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// let other = maple_tree::RangeSet::from_iter([0..25]);
    /// assert!(set.union(&other).eq([0..=24, 30..=39]));
    /// ```
    pub fn union<'a>(&'a self, other: &'a Self) -> Union<Covered<'a, ()>, Covered<'a, ()>> {
        self.iter().union(other.iter())
    }

    /// Indices in both sets, as [`union`](Self::union) has them. `O(1)` to begin with, linear in the ranges of both.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// let other = maple_tree::RangeSet::from_iter([0..25]);
    /// assert!(set.intersection(&other).eq([10..=19]));
    /// ```
    pub fn intersection<'a>(&'a self, other: &'a Self) -> Intersection<Covered<'a, ()>, Covered<'a, ()>> {
        self.iter().intersection(other.iter())
    }

    /// Indices in this set that are not in the other, as [`union`](Self::union) has them.
    /// `O(1)` to begin with, linear in the ranges of both.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// let other = maple_tree::RangeSet::from_iter([0..25]);
    /// assert!(set.difference(&other).eq([30..=39]));
    /// ```
    pub fn difference<'a>(&'a self, other: &'a Self) -> Difference<Covered<'a, ()>, Covered<'a, ()>> {
        self.iter().difference(other.iter())
    }

    /// Indices in exactly one of the sets, as [`union`](Self::union) has them. `O(1)` to begin with, linear in the ranges of both.
    ///
    /// ```
    /// let set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// let other = maple_tree::RangeSet::from_iter([0..25]);
    /// assert!(set.symmetric_difference(&other).eq([0..=9, 20..=24, 30..=39]));
    /// ```
    pub fn symmetric_difference<'a>(&'a self, other: &'a Self) -> SymmetricDifference<Covered<'a, ()>, Covered<'a, ()>> {
        self.iter().symmetric_difference(other.iter())
    }

    /// Adds every index of every range. `O(h)` a range.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert). What came before it is in the set; the rest was not taken from the iterator.
    ///
    /// ```
    /// let mut set = maple_tree::RangeSet::from_iter([10..20, 30..40]);
    /// set.try_extend([50..60, 20..30])?;
    /// assert!(set.iter().eq([10..=39, 50..=59]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_extend<R: RangeBounds<u64>>(&mut self, ranges: impl IntoIterator<Item = R>) -> Result<(), StoreError<()>> {
        ranges.into_iter().try_for_each(|range| self.insert(range).map(drop))
    }
}

impl<R: RangeBounds<u64>> Extend<R> for RangeSet {
    /// As [`try_extend`](RangeSet::try_extend).
    ///
    /// # Panics
    ///
    /// If a range holds no index. Aborts (as collections of the standard library do) when there is no memory.
    fn extend<I: IntoIterator<Item = R>>(&mut self, ranges: I) {
        match self.try_extend(ranges).map_err(|error| error.kind) {
            Ok(()) => {}
            Err(StoreErrorKind::OutOfMemory) => handle_alloc_error(Layout::new::<[u8; NODE_BYTES]>()),
            Err(StoreErrorKind::BadRange(bad)) => panic!("{bad}"),
        }
    }
}

impl<R: RangeBounds<u64>> FromIterator<R> for RangeSet {
    /// A set of every index of every range, in any order.
    ///
    /// # Panics
    ///
    /// If a range holds no index. Aborts (as collections of the standard library do) when there is no memory.
    ///
    /// ```
    /// let set: maple_tree::RangeSet = [5..8, 0..3, 2..6].into_iter().collect();
    /// assert_eq!(set.iter().collect::<Vec<_>>(), [0..=7]);
    /// ```
    fn from_iter<I: IntoIterator<Item = R>>(ranges: I) -> Self {
        let mut set = Self::new();
        set.extend(ranges);
        set
    }
}

impl<'a> IntoIterator for &'a RangeSet {
    type Item = RangeInclusive<u64>;
    type IntoIter = Covered<'a, ()>;

    fn into_iter(self) -> Covered<'a, ()> {
        self.iter()
    }
}

impl IntoIterator for RangeSet {
    type Item = RangeInclusive<u64>;
    type IntoIter = core::iter::Map<IntoIter<()>, fn((RangeInclusive<u64>, ())) -> RangeInclusive<u64>>;

    fn into_iter(self) -> Self::IntoIter {
        self.map.into_iter().map(|(range, ())| range)
    }
}

impl fmt::Debug for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}
