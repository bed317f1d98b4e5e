//! The indices that maps cover, and set operations on them: lazy, in order, without memory.
//!
//! ```text
//!   a            |------|    |-----|            what either covers is cut at every border of the two;
//!   b               |----------|                a piece goes in or stays out by who covers it,
//!   a - b        |--|          |---|            and pieces that touch are joined again
//! ```

use crate::entry::Entry;
use crate::iter::{Gaps, Iter};
use crate::map::RangeMap;
use crate::range::{fixed, inclusive};
use core::fmt;
use core::iter::FusedIterator;
use core::ops::{RangeBounds, RangeInclusive};

/// The maximal ranges that the entries of a map cover, whatever the entries are, in order; made by `covered`.
///
/// Each step takes time in proportion to the entries it passes, allocates nothing and takes no lock. Beside a writer, every range
/// consists of ranges that were in the tree at some instant since the iterator was made.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(0..10, 'a'), (10..20, 'b'), (30..40, 'c')]);
/// let mut covered = map.covered(..);
/// assert_eq!(covered.next(), Some(0..=19));
/// assert_eq!(covered.next_back(), Some(30..=39));
/// ```
pub struct Covered<'a, V> {
    entries: Iter<'a, V>,
    /// Ranges are clipped to this.
    window: (u64, u64),
    /// A range that was met at either end and is not yet known to be complete.
    front: Option<(u64, u64)>,
    back: Option<(u64, u64)>,
}

impl<'a, V: Entry> Covered<'a, V> {
    /// What `entries` cover of `window`.
    pub(crate) fn new(entries: Iter<'a, V>, window: Option<(u64, u64)>) -> Self {
        // Without a window there are no entries.
        Self { entries, window: window.unwrap_or((0, 0)), front: None, back: None }
    }

    fn clipped(&self, (first, last): (u64, u64)) -> RangeInclusive<u64> {
        first.max(self.window.0)..=last.min(self.window.1)
    }
}

impl<V> Clone for Covered<'_, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), ..*self }
    }
}

impl<V> fmt::Debug for Covered<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Covered").field("entries", &self.entries).finish_non_exhaustive()
    }
}

fn span<T>((range, _): (RangeInclusive<u64>, T)) -> (u64, u64) {
    range.into_inner()
}

impl<'a, V: Entry + 'a> Iterator for Covered<'a, V> {
    type Item = RangeInclusive<u64>;

    fn next(&mut self) -> Option<RangeInclusive<u64>> {
        let met = self.front.take().or_else(|| self.entries.next().map(span));
        let Some(mut run) = met else { return self.back.take().map(|run| self.clipped(run)) };
        loop {
            let next = self.entries.next().map(span);
            let at_end = next.is_none();
            let next = next.or_else(|| self.back.take());
            match next {
                // Beside a writer it may even overlap what the other end has met.
                Some(next) if next.0 <= run.1.saturating_add(1) => run.1 = run.1.max(next.1),
                Some(next) if at_end => self.back = Some(next),
                next => self.front = next,
            }
            if at_end || self.front.is_some() {
                return Some(self.clipped(run));
            }
        }
    }
}

impl<'a, V: Entry + 'a> DoubleEndedIterator for Covered<'a, V> {
    fn next_back(&mut self) -> Option<RangeInclusive<u64>> {
        let met = self.back.take().or_else(|| self.entries.next_back().map(span));
        let Some(mut run) = met else { return self.front.take().map(|run| self.clipped(run)) };
        loop {
            let next = self.entries.next_back().map(span);
            let at_end = next.is_none();
            let next = next.or_else(|| self.front.take());
            match next {
                Some(next) if run.0 <= next.1.saturating_add(1) => run.0 = run.0.min(next.0),
                Some(next) if at_end => self.front = Some(next),
                next => self.back = next,
            }
            if at_end || self.back.is_some() {
                return Some(self.clipped(run));
            }
        }
    }
}

impl<'a, V: Entry + 'a> FusedIterator for Covered<'a, V> {}

impl<V: Entry> RangeMap<V> {
    /// The maximal ranges that entries cover within `range`, clipped to it: what [`gaps`](Self::gaps) leaves out. A range that holds no index
    /// yields nothing. Two of these can be combined: see [`Ranges`]. `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let map: maple_tree::RangeMap<char> = [(0..10, 'a'), (10..20, 'b'), (30..40, 'c')].into_iter().collect();
    /// assert_eq!(map.covered(5..).collect::<Vec<_>>(), [5..=19, 30..=39]);
    /// ```
    pub fn covered(&self, range: impl RangeBounds<u64>) -> Covered<'_, V> {
        let range = fixed(&range);
        Covered::new(self.range(range), inclusive(&range).ok())
    }
}

mod sealed {
    /// Who implements this yields ranges in order that neither overlap nor touch.
    pub trait InOrder {}
}

impl<V> sealed::InOrder for Covered<'_, V> {}
impl<V> sealed::InOrder for Gaps<'_, V> {}
impl<A, B, const RULE: u8> sealed::InOrder for Combined<A, B, RULE> {}

/// Ranges in order that neither overlap nor touch, and set operations on the indices in them.
///
/// What the operations give are such ranges again, found lazily, in time linear in what they pass, without memory. The iterators
/// [`Covered`], [`Gaps`] and [`Combined`] are of this kind (and no other types can be).
///
/// ```
/// use maple_tree::{RangeMap, Ranges};
///
/// let ram: RangeMap<u8> = [(0x0..0xa0, 1), (0x100..0x200, 2)].into_iter().collect();
/// let used: RangeMap<char> = [(0x80..0x90, 'x'), (0x90..0x180, 'y')].into_iter().collect();
/// let free = ram.covered(..).difference(used.covered(..));
/// assert_eq!(free.collect::<Vec<_>>(), [0x0..=0x7f, 0x180..=0x1ff]);
/// let nothing = ram.gaps(..0x200).intersection(used.covered(..));
/// assert_eq!(nothing.collect::<Vec<_>>(), [0xa0..=0xff]);
/// ```
pub trait Ranges: Iterator<Item = RangeInclusive<u64>> + sealed::InOrder + Sized {
    /// Indices in either. Takes no time to begin with; allocates nothing.
    ///
    /// ```
    /// use maple_tree::{RangeSet, Ranges};
    ///
    /// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
    /// assert!(a.iter().union(b.iter()).eq([0..=29]));
    /// ```
    fn union<B: Ranges>(self, other: B) -> Union<Self, B> {
        Combined::new(self, other)
    }

    /// Indices in both. Takes no time to begin with; allocates nothing.
    ///
    /// ```
    /// use maple_tree::{RangeSet, Ranges};
    ///
    /// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
    /// assert!(a.iter().intersection(b.iter()).eq([10..=19]));
    /// ```
    fn intersection<B: Ranges>(self, other: B) -> Intersection<Self, B> {
        Combined::new(self, other)
    }

    /// Indices here that are not in the other. Takes no time to begin with; allocates nothing.
    ///
    /// ```
    /// use maple_tree::{RangeSet, Ranges};
    ///
    /// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
    /// assert!(a.iter().difference(b.iter()).eq([0..=9]));
    /// ```
    fn difference<B: Ranges>(self, other: B) -> Difference<Self, B> {
        Combined::new(self, other)
    }

    /// Indices in one of them, but not in both. Takes no time to begin with; allocates nothing.
    ///
    /// ```
    /// use maple_tree::{RangeSet, Ranges};
    ///
    /// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
    /// assert!(a.iter().symmetric_difference(b.iter()).eq([0..=9, 20..=29]));
    /// ```
    fn symmetric_difference<B: Ranges>(self, other: B) -> SymmetricDifference<Self, B> {
        Combined::new(self, other)
    }
}

impl<I: Iterator<Item = RangeInclusive<u64>> + sealed::InOrder> Ranges for I {}

/// Indices in either of two; made by [`Ranges::union`].
///
/// ```
/// use maple_tree::{RangeSet, Ranges};
///
/// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
/// assert!(a.iter().union(b.iter()).eq([0..=29]));
/// ```
pub type Union<A, B> = Combined<A, B, 0b1110>;
/// Indices in both of two; made by [`Ranges::intersection`].
///
/// ```
/// use maple_tree::{RangeSet, Ranges};
///
/// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
/// assert!(a.iter().intersection(b.iter()).eq([10..=19]));
/// ```
pub type Intersection<A, B> = Combined<A, B, 0b1000>;
/// Indices in the first of two, but not in the second; made by [`Ranges::difference`].
///
/// ```
/// use maple_tree::{RangeSet, Ranges};
///
/// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
/// assert!(a.iter().difference(b.iter()).eq([0..=9]));
/// ```
pub type Difference<A, B> = Combined<A, B, 0b0100>;
/// Indices in exactly one of two; made by [`Ranges::symmetric_difference`].
///
/// ```
/// use maple_tree::{RangeSet, Ranges};
///
/// let (a, b) = (RangeSet::from_iter([0..20]), RangeSet::from_iter([10..30]));
/// assert!(a.iter().symmetric_difference(b.iter()).eq([0..=9, 20..=29]));
/// ```
pub type SymmetricDifference<A, B> = Combined<A, B, 0b0110>;

/// Two of [`Ranges`], combined. Bit `2 * a + b` of `RULE` says whether an index belongs to the result that is in the first (`a` is 1) and in
/// the second (`b` is 1).
///
/// ```
/// use maple_tree::{RangeSet, Ranges};
///
/// let [a, b, c] = [0..20, 10..30, 15..18].map(|range| RangeSet::from_iter([range]));
/// let both = a.iter().intersection(b.iter());
/// assert!(both.difference(c.iter()).eq([10..=14, 18..=19]));
/// ```
#[derive(Clone, Debug)]
pub struct Combined<A, B, const RULE: u8> {
    a: Side<A>,
    b: Side<B>,
    /// What belongs to the result, and may go on.
    run: Option<(u64, u64)>,
}

impl<A: Ranges, B: Ranges, const RULE: u8> Combined<A, B, RULE> {
    fn new(a: A, b: B) -> Self {
        Self { a: Side::new(a), b: Side::new(b), run: None }
    }
}

/// One of two that are combined.
#[derive(Clone, Debug)]
struct Side<I> {
    /// `None` behind its end.
    ranges: Option<I>,
    /// What is left of the range that comes next.
    next: Option<(u64, u64)>,
}

impl<I: Ranges> Side<I> {
    fn new(ranges: I) -> Self {
        Self { ranges: Some(ranges), next: None }
    }

    fn peek(&mut self) -> Option<(u64, u64)> {
        if self.next.is_none() {
            self.next = self.ranges.as_mut().and_then(Iterator::next).map(RangeInclusive::into_inner);
            if self.next.is_none() {
                self.ranges = None;
            }
        }
        self.next
    }

    /// Goes on behind `last`, which is not behind the range that comes next.
    fn pass(&mut self, last: u64) {
        self.next = self.next.and_then(|(first, end)| if last < end { Some((first.max(last + 1), end)) } else { None });
    }
}

impl<A: Ranges, B: Ranges, const RULE: u8> Iterator for Combined<A, B, RULE> {
    type Item = RangeInclusive<u64>;

    fn next(&mut self) -> Option<RangeInclusive<u64>> {
        let done = loop {
            let (a, b) = (self.a.peek(), self.b.peek());
            let Some(first) = a.into_iter().chain(b).map(|(first, _)| first).min() else { break self.run.take() };
            let has = |side: Option<(u64, u64)>| side.is_some_and(|(start, _)| start == first);
            // Up to here nothing begins or ends.
            let border = |side: Option<(u64, u64)>| side.map(|(start, end)| if start == first { end } else { start - 1 });
            let Some(last) = border(a).into_iter().chain(border(b)).min() else { break self.run.take() };
            self.a.pass(last);
            self.b.pass(last);
            let belongs = RULE >> (2 * u8::from(has(a)) + u8::from(has(b))) & 1 == 1;
            match (&mut self.run, belongs) {
                (Some(run), true) if run.1.checked_add(1) == Some(first) => run.1 = last,
                (None, false) => {}
                (run, _) => {
                    let done = if belongs { run.replace((first, last)) } else { run.take() };
                    if done.is_some() {
                        break done;
                    }
                }
            }
        };
        done.map(|(first, last)| first..=last)
    }
}

impl<A: Ranges, B: Ranges, const RULE: u8> FusedIterator for Combined<A, B, RULE> {}
