//! A cursor for readers.

use crate::course::{Course, Place, Position, Slot};
use crate::entry::Entry;
use crate::node::Root;
use crate::walk::Found;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{RangeBounds, RangeInclusive};

/// A place in a tree, to look around from; made by `cursor` of [`RangeMap`](crate::RangeMap::cursor),
/// [`MapleTree`](crate::MapleTree::cursor) and [`Writer`](crate::Writer::cursor). [`CursorMut`](crate::CursorMut) can change what it is on.
///
/// A cursor is on an entry, on a gap, or beside the tree. [`next`](Self::next) and [`prev`](Self::prev) go from entry to entry,
/// [`next_slot`](Self::next_slot) and [`prev_slot`](Self::prev_slot) over gaps, too; neighbouring gaps read as one.
/// [`seek`](Self::seek) goes anywhere. None of them allocates or takes a lock; a step costs amortised constant time (and time for the empty
/// slots that it passes), `seek` `O(h)`.
///
/// # States
///
/// "First" and "last" mean: within the limits, see below. *r* is the range that the cursor is on, or was on before it was paused.
///
/// | [`place`](Self::place) | `next` | `prev` | `next_slot` | `prev_slot` | `range` | `value` |
/// |---|---|---|---|---|---|---|
/// | [`Unstarted`](Place::Unstarted) | first entry, else `After` | last entry, else `Before` | first entry or gap | last entry or gap | none | none |
/// | [`Before`](Place::Before) | first entry, else `After` | stays | first entry or gap | stays | none | none |
/// | [`Entry`](Place::Entry), [`Gap`](Place::Gap) | first entry behind *r*, else `After` | last entry before *r*, else `Before` | what begins behind *r*, else `After` | what ends before *r*, else `Before` | *r* | the entry's; none on a gap |
/// | [`After`](Place::After) | stays | last entry, else `Before` | stays | last entry or gap | none | none |
/// | [`Paused`](Place::Paused) | first entry that ends behind *r*, else `After` | last entry that begins before *r*, else `Before` | what covers the index behind *r*, else `After` | what covers the index before *r*, else `Before` | *r* | none |
///
/// A call that finds nothing returns `None` and leaves the cursor beside the tree, on the side that it went to; from there the other
/// direction leads back. `seek` goes from every state to `Entry` or `Gap`, or, outside of the limits, to `Before` or `After`.
/// [`set_limits`](Self::set_limits) moves no cursor. [`pause`](Self::pause) and [`resume`](Self::resume) lead from `Entry` and `Gap` to
/// `Paused`, and keep every other state.
///
/// **Limits** bound where the cursor goes. An entry that a limit falls into is within the limits, and is seen whole; a gap is cut at the
/// limit.
///
/// # Beside a writer
///
/// Every entry that comes was in the tree, with exactly that range, at some instant since the cursor last came from the root, as it does
/// with `seek`, after `resume`, and when it is new. In one direction the ranges rise (or fall) strictly, and an entry that was there all the time
/// is not left out. Every index of a gap was free at some instant since. When the direction changes, what was passed may have changed.
///
/// ```
/// use maple_tree::{Place, RangeMap};
///
/// let mut map = RangeMap::new();
/// map.store(10..20, 'a')?;
/// map.store(30..40, 'b')?;
/// let mut cursor = map.cursor();
/// assert_eq!(cursor.next(), Some((10..=19, 'a')));
/// assert_eq!(cursor.next_slot(), Some((20..=29, None)));
/// assert_eq!(cursor.next_slot(), Some((30..=39, Some('b'))));
/// assert_eq!(cursor.next(), None);
/// assert_eq!(cursor.place(), Place::After);
/// assert_eq!(cursor.prev(), Some((30..=39, 'b')));
/// assert_eq!(cursor.seek(5), None);
/// assert_eq!(cursor.range(), Some(0..=9));
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
///
/// # Invariants
///
/// The tree at `root` has entries of type `V` and is borrowed for `'g`, and so is the read section if there may be a writer: no node that the
/// course can get to is given back during `'g`, and no entry is released.
pub struct Cursor<'g, V: Entry> {
    root: &'g Root,
    course: Course,
    tree: PhantomData<&'g V>,
}

// SAFETY: a cursor only reads, and gives out shared references to entries, as `&'g V` would.
unsafe impl<V: Entry + Sync> Send for Cursor<'_, V> {}
// SAFETY: as above.
unsafe impl<V: Entry + Sync> Sync for Cursor<'_, V> {}

impl<V: Entry> Clone for Cursor<'_, V> {
    fn clone(&self) -> Self {
        Self { root: self.root, course: self.course.clone(), tree: PhantomData }
    }
}

impl<V: Entry> fmt::Debug for Cursor<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("place", &self.place()).field("range", &self.range()).finish_non_exhaustive()
    }
}

impl<'g, V: Entry + 'g> Cursor<'g, V> {
    /// # Safety
    ///
    /// The invariant of the type holds.
    pub(crate) unsafe fn new(root: &'g Root) -> Self {
        Self { root, course: Course::new(), tree: PhantomData }
    }

    fn entry(found: Found) -> (RangeInclusive<u64>, V::Ref<'g>) {
        // SAFETY: by the invariant of the type the entry is not released during `'g`.
        (found.first..=found.last, unsafe { V::borrow(found.entry) })
    }

    fn slot(slot: Slot) -> (RangeInclusive<u64>, Option<V::Ref<'g>>) {
        // SAFETY: as in `entry`.
        (slot.first..=slot.last, slot.entry.map(|entry| unsafe { V::borrow(entry) }))
    }

    /// Goes to `index`: to the entry that covers it, which is returned, or to the gap around it. Outside of the limits: past the end, or before
    /// the beginning. `O(h)`, and the empty slots around.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// assert_eq!(cursor.seek(15), Some('a'));
    /// assert_eq!(cursor.seek(25), None);
    /// assert_eq!(cursor.range(), Some(20..=29)); // on the gap
    /// ```
    #[doc(alias = "mas_walk")]
    #[doc(alias = "mas_set")]
    pub fn seek(&mut self, index: u64) -> Option<V::Ref<'g>> {
        self.course.forget_path();
        self.course.seek(self.root, index).and_then(|slot| Self::slot(slot).1)
    }

    /// Goes to the next entry, and returns it with its range; past the end when there is none.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// assert_eq!(cursor.next(), Some((10..=19, 'a')));
    /// assert_eq!(cursor.next(), Some((30..=39, 'b')));
    /// assert_eq!(cursor.next(), None);
    /// ```
    #[expect(clippy::should_implement_trait, reason = "a cursor also goes back")]
    #[doc(alias = "mas_find")]
    #[doc(alias = "mas_next")]
    #[doc(alias = "mas_for_each")]
    pub fn next(&mut self) -> Option<(RangeInclusive<u64>, V::Ref<'g>)> {
        self.course.next(self.root).map(Self::entry)
    }

    /// Goes to the entry before, and returns it with its range; before the beginning when there is none.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// assert_eq!(cursor.prev(), Some((30..=39, 'b')));
    /// assert_eq!(cursor.prev(), Some((10..=19, 'a')));
    /// assert_eq!(cursor.prev(), None);
    /// ```
    #[doc(alias = "mas_find_rev")]
    #[doc(alias = "mas_prev")]
    pub fn prev(&mut self) -> Option<(RangeInclusive<u64>, V::Ref<'g>)> {
        self.course.prev(self.root).map(Self::entry)
    }

    /// Goes to what is next, be it an entry or a gap, and returns it with its range; past the end when there is nothing more.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// assert_eq!(cursor.next_slot(), Some((0..=9, None)));
    /// assert_eq!(cursor.next_slot(), Some((10..=19, Some('a'))));
    /// ```
    #[doc(alias = "mas_find_range")]
    #[doc(alias = "mas_next_range")]
    pub fn next_slot(&mut self) -> Option<(RangeInclusive<u64>, Option<V::Ref<'g>>)> {
        self.course.next_slot(self.root).map(Self::slot)
    }

    /// Goes to what is before, be it an entry or a gap, and returns it with its range; before the beginning when there is nothing more.
    /// Amortised constant time, and the empty slots that it passes; allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// assert_eq!(cursor.prev_slot(), Some((40..=u64::MAX, None)));
    /// assert_eq!(cursor.prev_slot(), Some((30..=39, Some('b'))));
    /// ```
    #[doc(alias = "mas_find_range_rev")]
    #[doc(alias = "mas_prev_range")]
    pub fn prev_slot(&mut self) -> Option<(RangeInclusive<u64>, Option<V::Ref<'g>>)> {
        self.course.prev_slot(self.root).map(Self::slot)
    }

    /// Where it is. Constant time.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
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
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
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
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// cursor.seek(15);
    /// assert_eq!(cursor.value(), Some('a'));
    /// cursor.next_slot();
    /// assert_eq!(cursor.value(), None);
    /// ```
    pub fn value(&self) -> Option<V::Ref<'g>> {
        // SAFETY: by the invariant of the type the entry is not released during `'g`.
        self.course.entry().map(|entry| unsafe { V::borrow(entry) })
    }

    /// The limits, inclusive; at first all indices. `None`: they hold no index. Constant time.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
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
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 1u8)?;
    /// map.store(30..40, 2u8)?;
    /// let mut cursor = map.cursor();
    /// cursor.set_limits(15..=24);
    /// assert_eq!(cursor.next_slot(), Some((10..=19, Some(1)))); // whole
    /// assert_eq!(cursor.next_slot(), Some((20..=24, None))); // cut
    /// assert_eq!(cursor.next_slot(), None);
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    pub fn set_limits(&mut self, range: impl RangeBounds<u64>) {
        self.course.set_limits(&range);
    }

    /// Gives the cursor up for what is needed to go on later: from behind (or before) the range that it is on. On a shared tree the
    /// read section may end, and the tree may change meanwhile. Constant time.
    ///
    /// ```
    /// use maple_tree::MapleTree;
    ///
    /// let tree = MapleTree::new();
    /// for page in 0..100u64 {
    ///     tree.store(page * 10..page * 10 + 10, page as u32)?;
    /// }
    /// let mut seen = 0;
    /// let mut position = tree.cursor(&tree.pin()).pause();
    /// loop {
    ///     let guard = tree.pin(); // a read section for ten entries, not for all
    ///     let mut cursor = tree.cursor(&guard);
    ///     cursor.resume(position);
    ///     seen += (0..10).map_while(|_| cursor.next()).count();
    ///     if cursor.place() == maple_tree::Place::After {
    ///         break;
    ///     }
    ///     position = cursor.pause();
    /// }
    /// assert_eq!(seen, 100);
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    #[must_use]
    #[doc(alias = "mas_pause")]
    pub fn pause(self) -> Position {
        self.course.position()
    }

    /// Goes where another cursor, or this one, was when it was paused, with the limits that it had. Constant time.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// cursor.next();
    /// let position = cursor.pause();
    /// let mut cursor = map.cursor();
    /// cursor.resume(position);
    /// assert_eq!(cursor.next(), Some((30..=39, 'b')));
    /// ```
    pub fn resume(&mut self, position: Position) {
        self.course.resume(position);
    }
}
