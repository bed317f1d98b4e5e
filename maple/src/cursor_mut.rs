//! A cursor for writers: changes go from where it is, not from the root.

use crate::course::{Course, Place, Position, Slot, Spot};
use crate::entry::{Entry, Shared, TryClone, try_clone_raw};
use crate::error::{BadRange, CursorError, CursorErrorKind, ReplaceErrorKind, StoreError, StoreErrorKind};
use crate::face::Pending;
use crate::map::RangeMap;
use crate::path::Path;
use crate::range::inclusive;
use crate::site::{Editable, Site, Stored};
use crate::tree_mut::Changed;
use crate::walk::Found;
use crate::writer::Writer;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
use maple_rcu::{AllocError, Rcu};

/// A place in a tree, to look around and to change things from; made by `cursor_mut` of [`RangeMap`](RangeMap::cursor_mut) and
/// [`Writer`](Writer::cursor_mut).
///
/// It moves as a [`Cursor`](crate::Cursor) does, whose states it has, and knows the way to where it is: a change there looks only at the nodes
/// that are to be changed, and at those that the cursor needs on its way. A run of stores side by side looks at less than two
/// nodes a store, whatever the height of the tree.
///
/// # States
///
/// What its changes do in each state of the [table](crate::Cursor#states); *r* is the range that it is on.
///
/// | [`place`](Self::place) | `store` | `replace` | `erase` | `insert_before` | `insert_after` |
/// |---|---|---|---|---|---|
/// | `Unstarted` | as below | error | none | into a gap at the end | into a gap at the beginning |
/// | `Before` | as below | error | none | error | into a gap at the beginning |
/// | `Entry` | stores anywhere, and stands on the new entry | stays | stands on the gap that results | into the gap before *r*; stays | into the gap behind *r*; stays |
/// | `Gap` | as above | error | none | into *r*; stands on what is left behind the new entry, if nothing on that | into *r*; stands on what is left before the new entry, if nothing on that |
/// | `After` | as above | error | none | into a gap at the end | error |
/// | `Paused` | as above | error | none | into a gap that covers the index before *r* | into a gap that covers the index behind *r* |
///
/// Limits bound where it goes, and which part of a gap it inserts into; `store` stores anywhere. A change that is refused leaves the tree and the
/// cursor as they were.
///
/// ```
/// use maple_tree::{Place, RangeMap};
///
/// let mut map = RangeMap::new();
/// map.store(0x1000..0x2000, 'a')?;
/// map.store(0x4000..0x5000, 'b')?;
/// let mut cursor = map.cursor_mut();
/// cursor.next();
/// cursor.insert_after(0x2000..0x2800, 'c').unwrap();
/// assert_eq!(cursor.next().map(|(range, _)| range), Some(0x2000..=0x27ff));
/// assert_eq!(cursor.erase(), Some((0x2000..=0x27ff, 'c')));
/// assert_eq!((cursor.place(), cursor.range()), (Place::Gap, Some(0x2000..=0x3fff)));
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
///
/// # Invariants
///
/// Nobody else changes the tree of `site`. The nodes on the path of `course` are in that tree, and so is an entry that it is on: a change that is
/// not carried through, because foreign code panics, leaves the course without a path and beside the tree.
pub struct CursorMut<'a, T: Editable> {
    site: &'a mut T,
    course: Course,
}

// SAFETY: it is a `&mut T`; by the invariant the course has pointers into that tree only.
unsafe impl<T: Editable + Send> Send for CursorMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Editable + Sync> Sync for CursorMut<'_, T> {}

impl<V: Entry> RangeMap<V> {
    /// A cursor for changes. It is nowhere yet. Takes no time, allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// while cursor.next().is_some() {
    ///     cursor.erase(); // cannot fail
    /// }
    /// assert!(map.is_empty());
    /// ```
    pub fn cursor_mut(&mut self) -> CursorMut<'_, Self> {
        CursorMut { site: self, course: Course::new() }
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Writer<'_, V, R, L> {
    /// A cursor for changes. It is nowhere yet. Takes no time, allocates nothing.
    ///
    /// ```
    /// use maple_tree::MapleTree;
    ///
    /// let tree = MapleTree::new();
    /// let mut writer = tree.lock();
    /// let mut cursor = writer.cursor_mut();
    /// for page in 0..1000u64 {
    ///     cursor.store(page * 2..page * 2 + 1, page as u32)?;
    /// }
    /// cursor.set_limits(100..=200);
    /// while cursor.prev().is_some() {
    ///     cursor.erase(); // cannot fail
    /// }
    /// assert_eq!(tree.iter(&tree.pin()).count(), 1000 - 51);
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    pub fn cursor_mut(&mut self) -> CursorMut<'_, Self> {
        CursorMut { site: self, course: Course::new() }
    }
}

impl<T: Editable> fmt::Debug for CursorMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CursorMut")
            .field("place", &self.course.place())
            .field("range", &self.course.range())
            .finish_non_exhaustive()
    }
}

#[expect(private_bounds, reason = "`Site` is what is not for others of `Editable`, and has the same implementations")]
impl<T: Site> CursorMut<'_, T> {
    fn entry(&self, found: Found) -> (RangeInclusive<u64>, <T::Entry as Entry>::Ref<'_>) {
        // SAFETY: by the invariant of the type the entry is in the tree; it stays there while the cursor is borrowed.
        (found.first..=found.last, unsafe { T::Entry::borrow(found.entry) })
    }

    fn slot(&self, slot: Slot) -> (RangeInclusive<u64>, Option<<T::Entry as Entry>::Ref<'_>>) {
        // SAFETY: as in `entry`.
        (slot.first..=slot.last, slot.entry.map(|entry| unsafe { T::Entry::borrow(entry) }))
    }

    /// Goes to `index`: to the entry that covers it, which is returned, or to the gap around it. Outside of the limits: past the end, or before
    /// the beginning. `O(h)`, less when it is near, and the empty slots around.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.seek(15), Some('a'));
    /// assert_eq!(cursor.seek(25), None);
    /// assert_eq!(cursor.range(), Some(20..=29)); // on the gap
    /// ```
    #[doc(alias = "mas_walk")]
    #[doc(alias = "mas_set")]
    pub fn seek(&mut self, index: u64) -> Option<<T::Entry as Entry>::Ref<'_>> {
        let slot = self.course.seek(self.site.root(), index)?;
        self.slot(slot).1
    }

    /// Goes to the next entry, and returns it with its range; past the end when there is none.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.next(), Some((10..=19, 'a')));
    /// assert_eq!(cursor.next(), Some((30..=39, 'b')));
    /// assert_eq!(cursor.next(), None);
    /// ```
    #[expect(clippy::should_implement_trait, reason = "what it returns borrows the cursor")]
    #[doc(alias = "mas_find")]
    #[doc(alias = "mas_next")]
    #[doc(alias = "mas_for_each")]
    pub fn next(&mut self) -> Option<(RangeInclusive<u64>, <T::Entry as Entry>::Ref<'_>)> {
        let found = self.course.next(self.site.root())?;
        Some(self.entry(found))
    }

    /// Goes to the entry before, and returns it with its range; before the beginning when there is none.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.prev(), Some((30..=39, 'b')));
    /// assert_eq!(cursor.prev(), Some((10..=19, 'a')));
    /// assert_eq!(cursor.prev(), None);
    /// ```
    #[doc(alias = "mas_find_rev")]
    #[doc(alias = "mas_prev")]
    pub fn prev(&mut self) -> Option<(RangeInclusive<u64>, <T::Entry as Entry>::Ref<'_>)> {
        let found = self.course.prev(self.site.root())?;
        Some(self.entry(found))
    }

    /// Goes to what is next, be it an entry or a gap, and returns it with its range; past the end when there is nothing more.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.next_slot(), Some((0..=9, None)));
    /// assert_eq!(cursor.next_slot(), Some((10..=19, Some('a'))));
    /// ```
    #[expect(clippy::type_complexity, reason = "a range, and an entry if there is one")]
    #[doc(alias = "mas_find_range")]
    #[doc(alias = "mas_next_range")]
    pub fn next_slot(&mut self) -> Option<(RangeInclusive<u64>, Option<<T::Entry as Entry>::Ref<'_>>)> {
        let slot = self.course.next_slot(self.site.root())?;
        Some(self.slot(slot))
    }

    /// Goes to what is before, be it an entry or a gap, and returns it with its range; before the beginning when there is nothing more.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.prev_slot(), Some((40..=u64::MAX, None)));
    /// assert_eq!(cursor.prev_slot(), Some((30..=39, Some('b'))));
    /// ```
    #[expect(clippy::type_complexity, reason = "a range, and an entry if there is one")]
    #[doc(alias = "mas_find_range_rev")]
    #[doc(alias = "mas_prev_range")]
    pub fn prev_slot(&mut self) -> Option<(RangeInclusive<u64>, Option<<T::Entry as Entry>::Ref<'_>>)> {
        let slot = self.course.prev_slot(self.site.root())?;
        Some(self.slot(slot))
    }

    /// Where it is. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.place(), maple_tree::Place::Unstarted);
    /// cursor.seek(25);
    /// assert_eq!(cursor.place(), maple_tree::Place::Gap);
    /// ```
    pub fn place(&self) -> Place {
        self.course.place()
    }

    /// The range of the entry or the gap that it is on, or was on before it was paused, inclusive; `None` beside the tree. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.range(), None);
    /// cursor.seek(15);
    /// assert_eq!(cursor.range(), Some(10..=19));
    /// ```
    pub fn range(&self) -> Option<RangeInclusive<u64>> {
        self.course.range()
    }

    /// The entry that it is on. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.seek(15);
    /// assert_eq!(cursor.value(), Some('a'));
    /// cursor.next_slot();
    /// assert_eq!(cursor.value(), None);
    /// ```
    pub fn value(&self) -> Option<<T::Entry as Entry>::Ref<'_>> {
        // SAFETY: by the invariant of the type the entry is in the tree; it stays there while the cursor is borrowed.
        self.course.entry().map(|entry| unsafe { T::Entry::borrow(entry) })
    }

    /// The limits, inclusive; at first all indices. `None`: they hold no index. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// assert_eq!(cursor.limits(), Some(0..=u64::MAX));
    /// cursor.set_limits(5..25);
    /// assert_eq!(cursor.limits(), Some(5..=24));
    /// ```
    pub fn limits(&self) -> Option<RangeInclusive<u64>> {
        self.course.limits()
    }

    /// Bounds where the cursor goes from now on. It stays where it is, also outside. Limits that hold no index let it see nothing.
    /// Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.set_limits(15..=24);
    /// assert_eq!(cursor.next_slot(), Some((10..=19, Some('a')))); // whole
    /// assert_eq!(cursor.next_slot(), Some((20..=24, None))); // cut
    /// assert_eq!(cursor.next_slot(), None);
    /// ```
    pub fn set_limits(&mut self, range: impl RangeBounds<u64>) {
        self.course.set_limits(&range);
    }

    /// Gives the cursor up for what is needed to go on later: from behind (or before) the range that it is on. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 'a')?;
    /// map.store(20..30, 'b')?;
    /// let mut cursor = map.cursor();
    /// cursor.next();
    /// let position = cursor.pause();
    /// map.store(30..40, 'c')?; // no cursor is in the way
    /// let mut cursor = map.cursor_mut();
    /// cursor.resume(position);
    /// assert_eq!(cursor.next(), Some((20..=29, 'b')));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[must_use]
    #[doc(alias = "mas_pause")]
    pub fn pause(self) -> Position {
        self.course.position()
    }

    /// Goes where another cursor, or this one, was when it was paused, with the limits that it had. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.next();
    /// let position = cursor.pause();
    /// let mut cursor = map.cursor_mut();
    /// cursor.resume(position);
    /// assert_eq!(cursor.next(), Some((30..=39, 'b')));
    /// ```
    pub fn resume(&mut self, position: Position) {
        self.course.resume(position);
    }

    /// Makes a change that begins at `index`. While foreign code may run in it, and if that panics, the cursor is as after a pause.
    fn change<O>(&mut self, index: u64, change: impl FnOnce(&mut T, &Path) -> Changed<O>) -> O {
        self.course.go(self.site.root(), index);
        let (outcome, levels) = change(self.site, self.course.leave());
        self.course.come_back(levels);
        outcome
    }

    /// Stores `value` at `range`, over whatever is there, as [`RangeMap::store`] does, and stands on the new entry. `O(h)` and the entries removed;
    /// less near the place where the cursor is.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back; the tree and the cursor are as they were.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.store(15..35, 'c')?;
    /// assert_eq!(cursor.range(), Some(15..=34));
    /// assert_eq!(cursor.prev(), Some((10..=14, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_store")]
    pub fn store(&mut self, range: impl RangeBounds<u64>, value: T::Entry) -> Result<(), StoreError<T::Entry>>
    where
        T::Entry: TryClone,
    {
        let window = match inclusive(&range) {
            Ok(window) => window,
            Err(bad) => return Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
        };
        // SAFETY: an entry of the tree is not taken back during the call.
        let mut split = |entry| unsafe { try_clone_raw::<T::Entry>(entry) };
        let before = self.course.spot;
        let value = Pending::new(value);
        let entry = value.target();
        let (stored, spot) = match self.change(window.0, |site, path| Self::put(site, path, window, value, &mut split)) {
            Ok(()) => (Ok(()), Spot::Entry(Found { first: window.0, last: window.1, entry })),
            Err(value) => (Err(StoreError { value: value.into_value(), kind: StoreErrorKind::OutOfMemory }), before),
        };
        self.course.spot = spot;
        stored
    }

    fn put(
        site: &mut T,
        path: &Path,
        window: (u64, u64),
        value: Pending<T::Entry>,
        split: crate::site::Split<'_>,
    ) -> Stored<T::Entry> {
        let stored = site.put(Some(path), window, value, None, split);
        if stored.0.is_ok() {
            site.grown();
        }
        stored
    }

    /// Puts `value` in the place of the entry that it is on, and returns that; the range stays. See [`RangeMap::replace`] and
    /// [`Writer::replace`]. `O(h)`, less near where the cursor is.
    ///
    /// # Errors
    ///
    /// It is on no entry; beside readers, no memory for the leaf that an entry without a link of its own needs. The value comes back.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.seek(15);
    /// assert_eq!(cursor.replace('c')?, (10..=19, 'a'));
    /// cursor.next_slot();
    /// assert_eq!(cursor.replace('d').unwrap_err().value, 'd'); // on a gap
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace(&mut self, value: T::Entry) -> Result<T::Removed, CursorError<T::Entry>> {
        let Spot::Entry(found) = self.course.spot else { return Err(CursorError { value, kind: CursorErrorKind::NoEntry }) };
        let value = Pending::new(value);
        let entry = value.target();
        let replaced = self.change(found.first, |site, path| site.replace_from(path, found.first, value));
        self.course.spot = Spot::Entry(if replaced.is_ok() { Found { entry, ..found } } else { found });
        replaced.map_err(|refused| CursorError {
            value: refused.value,
            kind: match refused.kind {
                ReplaceErrorKind::OutOfMemory => CursorErrorKind::OutOfMemory,
                ReplaceErrorKind::Vacant(_) => CursorErrorKind::NoEntry,
            },
        })
    }

    /// Takes out the entry that it is on, and stands on the gap that results, joined with its neighbours. `None` if it is on no entry.
    /// `O(h)` at most, less when it is near.
    ///
    /// Cannot fail, and allocates nothing: see [`RangeMap::erase`] and [`Writer::erase`].
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.seek(15);
    /// assert_eq!(cursor.erase(), Some((10..=19, 'a')));
    /// assert_eq!(cursor.range(), Some(0..=29));
    /// assert_eq!(cursor.erase(), None);
    /// ```
    #[doc(alias = "mas_erase")]
    pub fn erase(&mut self) -> Option<T::Removed> {
        let Spot::Entry(found) = self.course.spot else { return None };
        let beside = self.course.gap_beside();
        let removed = self.change(found.first, |site, path| site.erase_from(path, found.first));
        self.course.settle_in_gap(self.site.root(), (found.first, found.last), beside);
        removed
    }

    /// Stores `value` at `range`, which must lie in the gap before the entry that it is on; it stays there. On a gap: in that, and it stands on
    /// what is left of the gap behind the new entry, or on that if nothing is. The [table](Self#states) has the other states.
    /// `O(h)`, mostly less.
    ///
    /// # Errors
    ///
    /// The range does not lie in that gap (within the limits), or holds no index; out of memory. The value comes back; the tree and the cursor
    /// are as they were.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.seek(35);
    /// cursor.insert_before(25..30, 'c')?;
    /// assert_eq!(cursor.prev(), Some((25..=29, 'c')));
    /// assert_eq!(cursor.insert_before(5..25, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert_before(&mut self, range: impl RangeBounds<u64>, value: T::Entry) -> Result<(), CursorError<T::Entry>> {
        self.insert(inclusive(&range), value, Course::prev_slot, |gap, window| (window.1 < gap.1).then(|| (window.1 + 1, gap.1)))
    }

    /// Stores `value` at `range`, which must lie in the gap behind the entry that it is on; it stays there. On a gap: in that, and it stands on
    /// what is left of the gap before the new entry, or on that if nothing is. The [table](Self#states) has the other states.
    /// `O(h)`, mostly less.
    ///
    /// # Errors
    ///
    /// The range does not lie in that gap (within the limits), or holds no index; out of memory. The value comes back; the tree and the cursor
    /// are as they were.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor_mut();
    /// cursor.seek(15);
    /// cursor.insert_after(20..25, 'c')?;
    /// assert_eq!(cursor.next(), Some((20..=24, 'c')));
    /// assert_eq!(cursor.insert_after(28..35, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert_after(&mut self, range: impl RangeBounds<u64>, value: T::Entry) -> Result<(), CursorError<T::Entry>> {
        self.insert(inclusive(&range), value, Course::next_slot, |gap, window| (gap.0 < window.0).then(|| (gap.0, window.0 - 1)))
    }

    /// `step` leads to the gap from everywhere but a gap, of which `rest` stays.
    fn insert(
        &mut self,
        window: Result<(u64, u64), BadRange>,
        value: T::Entry,
        step: impl FnOnce(&mut Course, &crate::node::Root) -> Option<Slot>,
        rest: impl FnOnce((u64, u64), (u64, u64)) -> Option<(u64, u64)>,
    ) -> Result<(), CursorError<T::Entry>> {
        let window = match window {
            Ok(window) => window,
            Err(bad) => return Err(CursorError { value, kind: CursorErrorKind::BadRange(bad) }),
        };
        let before = self.course.spot;
        let gap = match before {
            Spot::Gap(first, last) => Some((first, last)),
            _ => {
                let slot = step(&mut self.course, self.site.root());
                self.course.spot = before;
                slot.filter(|slot| slot.entry.is_none()).map(|slot| (slot.first, slot.last))
            }
        };
        let Some(gap) = gap.filter(|gap| gap.0 <= window.0 && window.1 <= gap.1) else {
            return Err(CursorError { value, kind: CursorErrorKind::NotInGap(gap.map(|(first, last)| first..=last)) });
        };
        let value = Pending::new(value);
        let entry = value.target();
        // The range is a gap, so there is nothing to split.
        let stored = self.change(window.0, |site, path| Self::put(site, path, window, value, &mut |_| Err(AllocError(()))));
        self.course.spot = match before {
            Spot::Gap(..) if stored.is_ok() => match rest(gap, window) {
                Some((first, last)) => Spot::Gap(first, last),
                None => Spot::Entry(Found { first: window.0, last: window.1, entry }),
            },
            _ => before,
        };
        stored.map_err(|value| CursorError { value: value.into_value(), kind: CursorErrorKind::OutOfMemory })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::path::visits;
    use crate::tree::MapleTree;

    /// Levels of the trees.
    const HEIGHT: usize = 4;

    /// A tall tree with gaps between its entries.
    fn tall() -> RangeMap<u32> {
        let mut map: RangeMap<u32> = (0..20_000u64).map(|at| (at * 1000..at * 1000 + 10, 0)).collect();
        assert_eq!(map.figures().height, HEIGHT);
        // Leaves as stores in random order leave them, not full ones, which split at the first store.
        for at in (0..20_000u64).step_by(3) {
            map.erase(at * 1000);
        }
        map
    }

    /// Nodes that `run` looks at on the way for each of its steps, in percent.
    fn visits_for<T: Site<Entry = u32>>(site: &mut T, run: impl FnOnce(&mut CursorMut<'_, T>) -> usize) -> usize {
        let mut cursor = CursorMut { site, course: Course::new() };
        cursor.seek(5_000_500);
        let walk = visits::take();
        assert!(walk >= HEIGHT, "the first way is from the root, and the neighbours of a gap are looked at: {walk}");
        let steps = run(&mut cursor);
        visits::take() * 100 / steps
    }

    fn ascending<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        (0..2_000u64).for_each(|at| cursor.store(5_000_500 + at * 500..5_000_510 + at * 500, 1).expect("memory"));
        2_000
    }

    fn descending<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        (0..2_000u64).rev().for_each(|at| cursor.store(5_000_500 + at * 500..5_000_510 + at * 500, 1).expect("memory"));
        2_000
    }

    /// Stores that cover the ends of entries, so that these are cut.
    fn over<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        (0..2_000u64).for_each(|at| cursor.store(5_000_005 + at * 1000..5_000_500 + at * 1000, 1).expect("memory"));
        2_000
    }

    fn replacing<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        let count = (0..2_000).filter(|_| cursor.next().is_some() && cursor.replace(2).is_ok()).count();
        assert_eq!(count, 2_000);
        count
    }

    fn inserting<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        for _ in 0..1_000 {
            let last = cursor.next().map(|(range, _)| *range.end()).expect("an entry");
            cursor.insert_after(last + 5..=last + 6, 3).expect("a gap");
            cursor.next().expect("what was inserted");
        }
        3_000
    }

    fn erasing<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        let count = (0..2_000).filter(|_| cursor.next().is_some() && cursor.erase().is_some()).count();
        assert_eq!(count, 2_000);
        2 * count
    }

    fn erasing_back<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        let count = (0..2_000).filter(|_| cursor.prev().is_some() && cursor.erase().is_some()).count();
        assert_eq!(count, 2_000);
        2 * count
    }

    fn stepping<T: Site<Entry = u32>>(cursor: &mut CursorMut<'_, T>) -> usize {
        let there = (0..3_000).filter(|_| cursor.next_slot().is_some()).count();
        let back = (0..3_000).filter(|_| cursor.prev().is_some()).count();
        assert_eq!((there, back), (3_000, 3_000));
        6_000
    }

    /// Changes that are neighbours do not come from the root again: fewer nodes are looked at for a change than the tree has levels,
    /// mostly the leaf alone.
    #[test]
    fn neighbouring_changes_do_not_come_from_the_root() {
        macro_rules! check {
            ($($run:ident: $alone:literal, $beside:literal;)*) => {$(
                let mut map = tall();
                let alone = visits_for(&mut map, $run);
                map.validate().expect("valid");
                let tree = MapleTree::<u32>::from(tall());
                let mut writer = tree.lock();
                let beside = visits_for(&mut writer, $run);
                writer.validate().expect("valid");
                assert!(alone < $alone, "{}: {alone} of 100 in a map", stringify!($run));
                assert!(beside < $beside, "{}: {beside} of 100 beside readers", stringify!($run));
            )*};
        }
        check! {
            ascending: 150, 150;
            descending: 150, 150;
            over: 200, 200;
            replacing: 100, 100;
            inserting: 100, 100;
            erasing: 200, 200;
            erasing_back: 200, 200;
            stepping: 150, 150;
        }
    }
}
