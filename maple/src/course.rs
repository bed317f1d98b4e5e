//! Where a cursor is, and how it moves, for readers and writers alike.
//!
//! The tree is seen as one line from index 0 to `u64::MAX`, cut into entries and gaps. A cursor is on one of these, or beside the line. Its
//! path remembers where in the tree that is, so that the next step need not come from the root; but it is only a short cut, and what the cursor
//! says is in its [`Spot`].

use crate::error::BadRange;
use crate::node::{MAX_LEVELS, Root};
use crate::path::Path;
use crate::range::inclusive;
use crate::walk::Found;
use core::ops::{RangeBounds, RangeInclusive};
use core::ptr::NonNull;

/// Where a cursor is: [`Cursor`](crate::Cursor) has the table of what each call does in each of these states.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut cursor = map.cursor();
/// assert_eq!(cursor.place(), maple_tree::Place::Unstarted);
/// cursor.seek(15);
/// assert_eq!(cursor.place(), maple_tree::Place::Entry);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nowhere yet: `next` begins at the beginning, `prev` at the end.
    Unstarted,
    /// Before the beginning: `prev` found nothing more.
    Before,
    /// On an entry.
    Entry,
    /// On a gap.
    Gap,
    /// Past the end: `next` found nothing more.
    After,
    /// Beside a range that it was on before it was paused: `next` goes on behind that, `prev` before it.
    Paused,
}

/// Where a cursor was: what is left of it when it is [paused](crate::Cursor::pause), so that it can go on later or elsewhere.
///
/// It borrows nothing, so the tree may change meanwhile, and it fits every cursor, be it for reading or for writing, on any tree.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut cursor = map.cursor();
/// cursor.next();
/// let position = cursor.pause();
/// assert_eq!(position.range(), Some(10..=19));
/// let mut other = map.cursor();
/// other.resume(position);
/// assert_eq!(other.next(), Some((30..=39, 'b')));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    rest: Rest,
    limits: Option<(u64, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rest {
    Unstarted,
    Before,
    At(u64, u64),
    After,
}

impl Position {
    /// The range of the entry or the gap that the cursor was on, inclusive; `None` if it was on none. Constant time.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// cursor.seek(25);
    /// assert_eq!(cursor.pause().range(), Some(20..=29));
    /// ```
    pub fn range(&self) -> Option<RangeInclusive<u64>> {
        match self.rest {
            Rest::At(first, last) => Some(first..=last),
            _ => None,
        }
    }
}

/// See [`Place`]; with the range (inclusive), and the entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spot {
    Unstarted,
    Before,
    Entry(Found),
    Gap(u64, u64),
    After,
    Paused(u64, u64),
}

impl Spot {
    /// The range that it is on, or was.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Entry(Found { first, last, .. }) | Self::Gap(first, last) | Self::Paused(first, last) => Some((first, last)),
            Self::Unstarted | Self::Before | Self::After => None,
        }
    }

    fn rest(&self) -> Rest {
        match (self, self.range()) {
            (_, Some((first, last))) => Rest::At(first, last),
            (Self::Before, None) => Rest::Before,
            (Self::After, None) => Rest::After,
            (_, None) => Rest::Unstarted,
        }
    }
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) entry: Option<NonNull<()>>,
}

/// A place in a tree, with the path that leads there.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    path: Path,
    /// The path is of a tree that changed since.
    stale: bool,
    pub(crate) spot: Spot,
    /// Where the cursor may go, inclusive; `None`: nowhere.
    limits: Option<(u64, u64)>,
    /// The gap that the cursor is on, or else came over and stands beside, within the limits: what an erase need not look for again, which
    /// would make a run of them quadratic.
    gap: Option<(u64, u64)>,
}

impl Course {
    pub(crate) const fn new() -> Self {
        Self { path: Path::nowhere(), stale: false, spot: Spot::Unstarted, limits: Some((0, u64::MAX)), gap: None }
    }

    pub(crate) fn place(&self) -> Place {
        match self.spot {
            Spot::Unstarted => Place::Unstarted,
            Spot::Before => Place::Before,
            Spot::Entry(_) => Place::Entry,
            Spot::Gap(..) => Place::Gap,
            Spot::After => Place::After,
            Spot::Paused(..) => Place::Paused,
        }
    }

    pub(crate) fn range(&self) -> Option<RangeInclusive<u64>> {
        self.spot.range().map(|(first, last)| first..=last)
    }

    pub(crate) fn entry(&self) -> Option<NonNull<()>> {
        match self.spot {
            Spot::Entry(found) => Some(found.entry),
            _ => None,
        }
    }

    pub(crate) fn limits(&self) -> Option<RangeInclusive<u64>> {
        self.limits.map(|(low, high)| low..=high)
    }

    pub(crate) fn set_limits(&mut self, range: &impl RangeBounds<u64>) {
        self.limits = inclusive(range).map_err(|_: BadRange| ()).ok();
        self.gap = None;
    }

    pub(crate) fn position(&self) -> Position {
        Position { rest: self.spot.rest(), limits: self.limits }
    }

    pub(crate) fn resume(&mut self, position: Position) {
        self.limits = position.limits;
        self.stale = true;
        self.gap = None;
        self.spot = match position.rest {
            Rest::Unstarted => Spot::Unstarted,
            Rest::Before => Spot::Before,
            Rest::At(first, last) => Spot::Paused(first, last),
            Rest::After => Spot::After,
        };
    }

    /// The path is of a tree that changes now. Where it was stays known without a look at the tree.
    pub(crate) fn leave(&mut self) -> &Path {
        self.stale = true;
        self.gap = None;
        if let Some((first, last)) = self.spot.range() {
            self.spot = Spot::Paused(first, last);
        }
        &self.path
    }

    /// The tree changed by no more than `levels`, from the leaves up, of the path.
    pub(crate) fn come_back(&mut self, levels: usize) {
        self.path.keep(levels);
        self.stale = false;
    }

    /// The next walk begins at the root.
    pub(crate) fn forget_path(&mut self) {
        self.stale = true;
    }

    /// Takes the path to `index`.
    pub(crate) fn go(&mut self, root: &Root, index: u64) {
        if core::mem::take(&mut self.stale) {
            self.path.keep(MAX_LEVELS + 1);
        }
        self.path.go(root, index);
    }

    /// Where a step forwards goes on, and up to where.
    fn ahead(&self) -> Option<(u64, u64)> {
        let (low, high) = self.limits?;
        let from = match (self.spot, self.spot.range()) {
            (_, Some((_, last))) => last.checked_add(1)?.max(low),
            (Spot::After, None) => return None,
            (_, None) => low,
        };
        (from <= high).then_some((from, high))
    }

    /// Where a step backwards goes on, and down to where.
    fn behind(&self) -> Option<(u64, u64)> {
        let (low, high) = self.limits?;
        let from = match (self.spot, self.spot.range()) {
            (_, Some((first, _))) => first.checked_sub(1)?.min(high),
            (Spot::Before, None) => return None,
            (_, None) => high,
        };
        (low <= from).then_some((from, low))
    }

    /// Whether an entry overlaps what the cursor is on. Only beside a writer that put it there meanwhile: after a pause, what was passed counts
    /// for nothing.
    fn is_passed(&self, found: &Found) -> bool {
        match self.spot {
            Spot::Entry(Found { first, last, .. }) | Spot::Gap(first, last) => found.first <= last && first <= found.last,
            _ => false,
        }
    }

    /// The next entry within the limits.
    pub(crate) fn next(&mut self, root: &Root) -> Option<Found> {
        let found = self.ahead().and_then(|(from, high)| {
            self.go(root, from);
            loop {
                let (first, last, entry) = self.path.here();
                if first > high {
                    return None;
                }
                let found =
                    entry.map(|entry| Found { first, last, entry }).filter(|found| from <= found.last && !self.is_passed(found));
                if found.is_some() {
                    return found;
                }
                if !self.path.forward() {
                    return None;
                }
            }
        });
        self.gap = found.and_then(|found| Some((self.gap_begins()?, found.first.checked_sub(1)?))).filter(|gap| gap.0 <= gap.1);
        self.spot = found.map_or(Spot::After, Spot::Entry);
        found
    }

    /// The entry before, within the limits.
    pub(crate) fn prev(&mut self, root: &Root) -> Option<Found> {
        let found = self.behind().and_then(|(from, low)| {
            self.go(root, from);
            loop {
                let (first, last, entry) = self.path.here();
                if last < low {
                    return None;
                }
                let found =
                    entry.map(|entry| Found { first, last, entry }).filter(|found| found.first <= from && !self.is_passed(found));
                if found.is_some() {
                    return found;
                }
                if !self.path.back() {
                    return None;
                }
            }
        });
        self.gap = found.and_then(|found| Some((found.last.checked_add(1)?, self.gap_ends()?))).filter(|gap| gap.0 <= gap.1);
        self.spot = found.map_or(Spot::Before, Spot::Entry);
        found
    }

    /// Where a gap begins, within the limits, that the cursor goes over forwards, if that is known.
    fn gap_begins(&self) -> Option<u64> {
        match self.spot {
            Spot::Gap(..) => self.gap.map(|gap| gap.0),
            Spot::Paused(..) => None,
            _ => self.ahead().map(|(from, _)| from),
        }
    }

    /// Where a gap ends, within the limits, that the cursor goes over backwards, if that is known.
    fn gap_ends(&self) -> Option<u64> {
        match self.spot {
            Spot::Gap(..) => self.gap.map(|gap| gap.1),
            Spot::Paused(..) => None,
            _ => self.behind().map(|(from, _)| from),
        }
    }

    /// The entry or the gap behind, within the limits.
    pub(crate) fn next_slot(&mut self, root: &Root) -> Option<Slot> {
        let Some((from, high)) = self.ahead() else {
            self.spot = Spot::After;
            return None;
        };
        self.go(root, from);
        let (first, last, entry) = self.path.here();
        if let Some(found) = entry.map(|entry| Found { first, last, entry }).filter(|found| !self.is_passed(found)) {
            return Some(self.step_on(found));
        }
        let whole = !matches!(self.spot, Spot::Gap(..) | Spot::Paused(..));
        let last = self.gap_ahead(last, high);
        self.spot = Spot::Gap(from, last);
        self.gap = whole.then_some((from, last));
        Some(Slot { first: from, last, entry: None })
    }

    /// The entry or the gap before, within the limits.
    pub(crate) fn prev_slot(&mut self, root: &Root) -> Option<Slot> {
        let Some((from, low)) = self.behind() else {
            self.spot = Spot::Before;
            return None;
        };
        self.go(root, from);
        let (first, last, entry) = self.path.here();
        if let Some(found) = entry.map(|entry| Found { first, last, entry }).filter(|found| !self.is_passed(found)) {
            return Some(self.step_on(found));
        }
        let whole = !matches!(self.spot, Spot::Gap(..) | Spot::Paused(..));
        let first = self.gap_behind(first, low);
        self.spot = Spot::Gap(first, from);
        self.gap = whole.then_some((first, from));
        Some(Slot { first, last: from, entry: None })
    }

    /// Stands on an entry beside what it was on.
    fn step_on(&mut self, found: Found) -> Slot {
        self.gap = self.gap.filter(|_| matches!(self.spot, Spot::Gap(..)));
        self.stand_on(found)
    }

    fn stand_on(&mut self, found: Found) -> Slot {
        self.spot = Spot::Entry(found);
        Slot { first: found.first, last: found.last, entry: Some(found.entry) }
    }

    /// The end, at most `high`, of a gap of which a slot ends at `last`, where the path is: neighbouring gap slots read as one.
    fn gap_ahead(&mut self, mut last: u64, high: u64) -> u64 {
        while last < high && self.path.forward() {
            let (first, end, entry) = self.path.here();
            if entry.is_some() || first != last + 1 {
                break;
            }
            last = end;
        }
        last.min(high)
    }

    /// The beginning, at least `low`, of a gap of which a slot begins at `first`, where the path is.
    fn gap_behind(&mut self, mut first: u64, low: u64) -> u64 {
        while first > low && self.path.back() {
            let (start, end, entry) = self.path.here();
            if entry.is_some() || end != first - 1 {
                break;
            }
            first = start;
        }
        first.max(low)
    }

    /// The entry that covers `index`, or the gap around it; nothing outside of the limits.
    pub(crate) fn seek(&mut self, root: &Root, index: u64) -> Option<Slot> {
        let limits = match self.limits {
            Some((low, _)) if index < low => {
                self.spot = Spot::Before;
                return None;
            }
            Some((low, high)) if index <= high => (low, high),
            _ => {
                self.spot = Spot::After;
                return None;
            }
        };
        Some(self.settle(root, index, limits))
    }

    /// The entry that covers `index`, or the gap around it within `low..=high`.
    fn settle(&mut self, root: &Root, index: u64, (low, high): (u64, u64)) -> Slot {
        self.gap = None;
        self.go(root, index);
        let (first, last, entry) = self.path.here();
        if let Some(entry) = entry {
            return self.stand_on(Found { first, last, entry });
        }
        let first = self.gap_behind(first, low);
        self.go(root, index);
        let last = self.gap_ahead(last, high);
        self.stand_in(first, last)
    }

    fn stand_in(&mut self, first: u64, last: u64) -> Slot {
        self.spot = Spot::Gap(first, last);
        self.gap = Some((first, last));
        Slot { first, last, entry: None }
    }

    /// What is known of the gaps beside the entry that the cursor is on.
    pub(crate) fn gap_beside(&self) -> Option<(u64, u64)> {
        self.gap
    }

    /// The gap that is where an entry was, within the limits if they overlap it; `beside`: what was known of the gaps beside the entry.
    pub(crate) fn settle_in_gap(&mut self, root: &Root, (first, last): (u64, u64), beside: Option<(u64, u64)>) {
        let Some((low, high)) = self.limits.filter(|(low, high)| *low <= last && first <= *high) else {
            self.settle(root, first, (0, u64::MAX));
            // Not within the limits.
            self.gap = None;
            return;
        };
        let index = first.max(low);
        let before = beside.filter(|(_, end)| end.checked_add(1) == Some(first)).map(|(start, _)| start);
        let behind = beside.filter(|(start, _)| last.checked_add(1) == Some(*start)).map(|(_, end)| end);
        let slot = |course: &mut Self| {
            course.go(root, index);
            course.path.here()
        };
        let first = before.unwrap_or_else(|| {
            let (first, ..) = slot(self);
            self.gap_behind(first, low)
        });
        let last = behind.unwrap_or_else(|| {
            let (_, last, _) = slot(self);
            self.gap_ahead(last, high)
        });
        self.stand_in(first, last);
    }
}
