//! The exclusive face: one owner, no guards, changes in place.

use crate::cursor::Cursor;
use crate::dump::{Dot, Dump};
use crate::entry::{Entry, Kind, TryClone, try_clone_raw};
use crate::error::{
    InsertError, InsertErrorKind, RemoveError, ReplaceError, ReplaceErrorKind, StoreError, StoreErrorKind, WouldCut,
};
use crate::face::{Pending, Shortage, get_range, insert_with, release_swept, remove_with};
use crate::figures::TreeFigures;
use crate::iter::{Gaps, Iter};
use crate::list::Limbo;
use crate::node::{Root, SLOTS};
use crate::owner::{Owner, Release, Sink};
use crate::path::Path;
use crate::range::inclusive;
use crate::reserve::Reserve;
use crate::sweep::{Swept, Which};
use crate::tail::Tail;
use crate::tree_mut::{Changed, Leftovers, Memory, Mode, TreeMut};
use crate::validate::{Invalid, Summary, validate};
use crate::walk::{lookup, lookup_many};
use arrayvec::ArrayVec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{RangeBounds, RangeInclusive};
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// An ordered map from ranges of `u64` that do not overlap to pointer-sized entries, with one owner.
///
/// Readers need no guard (`&self`), and changes are made in place (`&mut self`). [`MapleTree`](crate::MapleTree) is the form that
/// readers and writers share; the two turn into each other for free.
///
/// All ranges are given as any [`RangeBounds<u64>`] and come back inclusive. `h` below is the height, logarithmic in the number of
/// entries.
///
/// ```
/// use maple_tree::RangeMap;
///
/// let mut map = RangeMap::new();
/// map.store(0x1000..0x4000, 'a')?;
/// map.store(0x2000..0x3000, 'b')?;                                  // splits what it falls into
/// assert_eq!(map.get_range(0x3fff), (0x3000..=0x3fff, Some('a')));
/// assert_eq!(map.iter().map(|(_, value)| value).collect::<String>(), "aba");
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
///
/// # Invariants
///
/// `root` and `owner` belong together and hold entries of type `V`. While the map is not inside a [`MapleTree`](crate::MapleTree),
/// no node has a dead word and nothing waits for a grace period.
///
/// In memory the root comes first and what the writer rarely writes next: see [`MapleTree`](crate::MapleTree).
#[repr(C)]
pub struct RangeMap<V: Entry> {
    pub(crate) root: Root,
    pub(crate) owner: Owner,
    entries: PhantomData<V>,
}

// SAFETY: the map owns its entries as a `Vec<V>` would.
unsafe impl<V: Entry + Send> Send for RangeMap<V> {}
// SAFETY: `&RangeMap` gives out shared references to entries only.
unsafe impl<V: Entry + Sync> Sync for RangeMap<V> {}

impl<V: Entry> RangeMap<V> {
    /// An empty map. Allocates nothing. Constant time.
    ///
    /// ```
    /// static EMPTY: maple_tree::RangeMap<u32> = maple_tree::RangeMap::new();
    /// assert!(EMPTY.is_empty());
    /// ```
    pub const fn new() -> Self {
        Self::with_reserve(Reserve::global())
    }

    /// An empty map with this reserve, and with nodes from its [`Pool`](crate::Pool). Allocates nothing. Constant time.
    ///
    /// ```
    /// use maple_tree::{RangeMap, Reserve};
    ///
    /// static RESERVE: Reserve = Reserve::new(16);
    /// let mut map = RangeMap::with_reserve(&RESERVE);
    /// map.store(0..10, 'a')?; // fills the reserve, too
    /// assert_eq!(RESERVE.figures().free, 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn with_reserve(reserve: &'static Reserve) -> Self {
        Self { root: Root::new(), owner: Owner::new(reserve), entries: PhantomData }
    }

    /// The entry that covers `index`. `O(h)`, allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.get(19), Some('a'));
    /// assert_eq!(map.get(20), None);
    /// ```
    #[inline]
    #[doc(alias = "mtree_load")]
    pub fn get(&self, index: u64) -> Option<V::Ref<'_>> {
        // SAFETY: the entry stays for as long as the map is borrowed.
        lookup(&self.root, index).map(|entry| unsafe { V::borrow(entry) })
    }

    /// The entries that cover `indices`, in their order. `O(N * h)`; in a large map much quicker than one call for each, because the
    /// descents go side by side and wait for memory together. Allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 7u8)?;
    /// assert_eq!(map.get_many([9, 10, 19, 20]), [None, Some(7), Some(7), None]);
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    #[inline]
    pub fn get_many<const N: usize>(&self, indices: [u64; N]) -> [Option<V::Ref<'_>>; N] {
        // SAFETY: the entries stay for as long as the map is borrowed.
        lookup_many(&self.root, &indices).map(|found| found.map(|entry| unsafe { V::borrow(entry) }))
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. `O(h)`.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 7u8)?;
    /// assert_eq!(map.get_range(12), (10..=19, Some(7)));
    /// assert_eq!(map.get_range(20), (20..=u64::MAX, None));
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    #[doc(alias = "mtree_load")]
    #[doc(alias = "mas_walk")]
    pub fn get_range(&self, index: u64) -> (RangeInclusive<u64>, Option<V::Ref<'_>>) {
        // SAFETY: the entry stays for as long as the map is borrowed.
        unsafe { get_range::<V>(&self.root, index) }
    }

    /// Whether an entry covers `index`. `O(h)`.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert!(map.contains(10));
    /// assert!(!map.contains(20));
    /// ```
    pub fn contains(&self, index: u64) -> bool {
        lookup(&self.root, index).is_some()
    }

    /// The entry with the lowest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.first(), Some((10..=19, 'a')));
    /// ```
    pub fn first(&self) -> Option<(RangeInclusive<u64>, V::Ref<'_>)> {
        self.iter().next()
    }

    /// The entry with the highest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.last(), Some((30..=39, 'b')));
    /// ```
    pub fn last(&self) -> Option<(RangeInclusive<u64>, V::Ref<'_>)> {
        self.iter().next_back()
    }

    /// Whether there is no entry. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert!(!map.is_empty());
    /// ```
    #[doc(alias = "mtree_empty")]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// All entries with their ranges, in order. Allocates nothing. `O(h)` to begin with.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(10..=19, 'a'), (30..=39, 'b')]);
    /// assert_eq!(map.iter().next_back(), Some((30..=39, 'b')));
    /// ```
    #[doc(alias = "mt_for_each")]
    pub fn iter(&self) -> Iter<'_, V> {
        self.range(..)
    }

    /// The entries that overlap `range`, each with its whole range. A range that holds no index yields nothing.
    /// `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 1u8)?;
    /// map.store(30..40, 2u8)?;
    /// assert_eq!(map.range(15..30).collect::<Vec<_>>(), [(10..=19, 1)]);
    /// assert_eq!(map.range(..).next_back(), Some((30..=39, 2)));
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    #[doc(alias = "mt_find")]
    #[doc(alias = "mt_find_after")]
    pub fn range(&self, range: impl RangeBounds<u64>) -> Iter<'_, V> {
        // SAFETY: the map is borrowed for as long as the iterator.
        unsafe { Iter::new(&self.root, inclusive(&range).ok()) }
    }

    /// The gaps within `range`, clipped to it. A range that holds no index yields nothing. `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 1u8)?;
    /// assert_eq!(map.gaps(..30).collect::<Vec<_>>(), [0..=9, 20..=29]);
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    pub fn gaps(&self, range: impl RangeBounds<u64>) -> Gaps<'_, V> {
        // SAFETY: the map is borrowed for as long as the iterator.
        unsafe { Gaps::new(&self.root, inclusive(&range).ok()) }
    }

    /// A cursor for looking around. It is nowhere yet. Takes no time, allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cursor = map.cursor();
    /// assert_eq!(cursor.seek(35), Some('b'));
    /// assert_eq!(cursor.prev(), Some((10..=19, 'a')));
    /// ```
    pub fn cursor(&self) -> Cursor<'_, V> {
        // SAFETY: the map is borrowed for as long as the cursor.
        unsafe { Cursor::new(&self.root) }
    }

    pub(crate) fn writer(&mut self) -> TreeMut<'_> {
        TreeMut::new(&self.root, &mut self.owner, Mode::Exclusive, Kind::of::<V>())
    }

    /// Releases what an operation displaced and retired. Last, because an entry's `Drop` may panic.
    pub(crate) fn release(&mut self, left_over: Leftovers) {
        // SAFETY: it was made for the map and is in no slot.
        drop(left_over.unused.map(|copy| unsafe { V::from_raw(copy) }));
        if V::NEEDS_DROP && !left_over.displaced.is_empty() {
            // SAFETY: `&mut self`: there are no readers.
            let mut release =
                unsafe { Release::new(Limbo::new(), Kind::of::<V>(), Sink::Stock(&mut self.owner.stock, self.owner.reserve)) };
            left_over.displaced.into_iter().for_each(|entry| release.add_entry(entry));
            release.run();
        }
        // SAFETY: `&mut self`: there are no readers.
        unsafe { self.owner.release_retired(Kind::of::<V>()) };
    }

    /// After an operation that may allocate: fills the reserve, so that removals need not. Without memory it stays as it is.
    pub(crate) fn grown(&self) {
        let _ = self.owner.reserve.fill();
    }

    /// Makes the tree fit for exclusive use after it was shared, or after words were killed in place: releases what waits for a grace
    /// period, because there are no readers. When the drop of an entry panics, the rest is released while the panic unwinds.
    pub(crate) fn settle(&mut self) {
        struct Rest<'m, V: Entry>(&'m mut RangeMap<V>);
        impl<V: Entry> Drop for Rest<'_, V> {
            fn drop(&mut self) {
                while self.0.settle_some() {}
            }
        }
        let rest = Rest(self);
        while rest.0.settle_some() {}
        drop(rest);
        self.release(Leftovers::default());
    }

    /// Releases some of what died in place; returns whether there was any.
    fn settle_some(&mut self) -> bool {
        let Some((low, high)) = self.owner.dead.take() else { return false };
        let (mut limbo, mut entries) = (Limbo::new(), Swept::new());
        // SAFETY: `&mut self`: there are no readers.
        let stopped = unsafe { self.writer().sweep((low, high), Which::All, &mut limbo, &mut entries) };
        self.owner.dead = stopped.map(|from| (from, high));
        // SAFETY: `&mut self`: there are no readers.
        unsafe { release_swept::<V>(limbo, entries, self.owner.reserve) };
        true
    }

    /// Stores `value` at `range`, over whatever is there: entries inside are dropped, entries that stick out are cut, an entry that
    /// sticks out on both sides is split (which clones it). `O(h)` and the entries removed. May allocate.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the map is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.store(15..35, 'c')?;
    /// assert_eq!(map.get_range(15), (15..=34, Some('c')));
    /// assert_eq!(map.get_range(14), (10..=14, Some('a')));
    /// assert_eq!(map.store(9..5, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_store")]
    #[doc(alias = "mtree_store_range")]
    #[doc(alias = "mas_store_gfp")]
    pub fn store(&mut self, range: impl RangeBounds<u64>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        match inclusive(&range) {
            Ok(window) => self.store_at(window, value),
            Err(bad) => Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
        }
    }

    /// As [`store`](Self::store), of the same code whatever the type of the range was.
    fn store_at(&mut self, window: (u64, u64), value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        let value = Pending::new(value);
        // SAFETY: `&mut self`: there are no readers. The place is live.
        if self.owner.hint.live && unsafe { self.owner.hint.append(window, value.word()) } {
            value.stored();
            return Ok(());
        }
        // SAFETY: an entry of the map is not taken back during the call.
        let mut split = |entry| unsafe { try_clone_raw::<V>(entry) };
        let (stored, _) = self.put(None, window, value, None, &mut split);
        if stored.is_ok() {
            self.grown();
        }
        stored.map_err(|value| StoreError { value: value.into_value(), kind: StoreErrorKind::OutOfMemory })
    }

    /// Stores `value` at a range, from the end of `path` if there is one. `copy`: of the entry that is split, if it was made already; else
    /// `split` makes it. Also gives the levels that changed.
    #[inline]
    pub(crate) fn put(
        &mut self,
        path: Option<&Path>,
        window: (u64, u64),
        value: Pending<V>,
        copy: Option<NonNull<()>>,
        split: &mut dyn FnMut(NonNull<()>) -> Result<NonNull<()>, AllocError>,
    ) -> Changed<Result<(), Pending<V>>> {
        let mut left_over = Leftovers { unused: copy, ..Leftovers::default() };
        let mut writer = self.writer().starting_at(path);
        let stored = writer.write(window, value.word(), Memory::Allocate, &mut left_over, split);
        let outdated = writer.outdated();
        let stored = match stored {
            Ok(()) => {
                value.stored();
                Ok(())
            }
            Err(_) => Err(value),
        };
        self.release(left_over);
        (stored, outdated)
    }

    /// Stores `value` at `range` if no entry overlaps it. `O(h)`. May allocate.
    ///
    /// # Errors
    ///
    /// The first range in the way; out of memory; a range that holds no index. The value comes back, and the map is as it was.
    ///
    /// ```
    /// use maple_tree::{InsertErrorKind, RangeMap};
    ///
    /// let mut map = RangeMap::new();
    /// map.insert(10..20, 1u8)?;
    /// let refused = map.insert(19..30, 2).unwrap_err();
    /// assert_eq!((refused.value, refused.kind), (2, InsertErrorKind::Occupied(10..=19)));
    /// # Ok::<(), maple_tree::InsertError<u8>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_insert")]
    #[doc(alias = "mtree_insert_range")]
    pub fn insert(&mut self, range: impl RangeBounds<u64>, value: V) -> Result<(), InsertError<V>> {
        match inclusive(&range) {
            Ok(window) => self.insert_at(window, value),
            Err(bad) => Err(InsertError { value, kind: InsertErrorKind::BadRange(bad) }),
        }
    }

    /// As [`insert`](Self::insert), of the same code whatever the type of the range was.
    fn insert_at(&mut self, window: (u64, u64), value: V) -> Result<(), InsertError<V>> {
        let mut left_over = Leftovers::default();
        let stored = insert_with(&mut self.writer(), window, value, &mut left_over);
        debug_assert!(left_over.displaced.is_empty());
        self.grown();
        self.release(left_over);
        stored
    }

    /// Puts `value` in the place of the entry that covers `index`, and returns that entry; the range stays. `O(h)`, allocates nothing.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 'a')?;
    /// assert_eq!(map.replace(13, 'b').ok(), Some('a'));
    /// assert_eq!(map.get_range(10), (10..=19, Some('b')));
    /// assert_eq!(map.replace(25, 'c').map_err(|error| error.value), Err('c'));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn replace(&mut self, index: u64, value: V) -> Result<V, ReplaceError<V>> {
        let value = Pending::new(value);
        let Some(old) = self.writer().swap(index, value.word()) else {
            return Err(ReplaceError { value: value.into_value(), kind: ReplaceErrorKind::Vacant(self.get_range(index).0) });
        };
        value.stored();
        // SAFETY: the entry was just taken out of its slot, and there are no readers.
        Ok(unsafe { V::from_raw(old) })
    }

    /// As [`replace`](Self::replace), from the end of `path`; says what range the entry has.
    pub(crate) fn replace_from(
        &mut self,
        path: &Path,
        index: u64,
        value: Pending<V>,
    ) -> Result<(RangeInclusive<u64>, V), ReplaceError<V>> {
        let Some(old) = self.writer().starting_at(Some(path)).exchange(index, value.word()) else {
            return Err(ReplaceError { value: value.into_value(), kind: ReplaceErrorKind::Vacant(self.get_range(index).0) });
        };
        value.stored();
        // SAFETY: the entry was just taken out of its slot, and there are no readers.
        Ok((old.first..=old.last, unsafe { V::from_raw(old.entry) }))
    }

    /// Takes out the entry that covers `index`, with its whole range. `O(h)`. Allocates nothing, cannot fail.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.erase(35), Some((30..=39, 'b')));
    /// assert_eq!(map.erase(35), None);
    /// ```
    #[doc(alias = "mtree_erase")]
    pub fn erase(&mut self, index: u64) -> Option<(RangeInclusive<u64>, V)> {
        self.erase_from(None, index).0
    }

    /// As [`erase`](Self::erase), from the end of `path`. Also gives the levels that changed.
    #[inline]
    pub(crate) fn erase_from(&mut self, path: Option<&Path>, index: u64) -> Changed<Option<(RangeInclusive<u64>, V)>> {
        let mut writer = self.writer().starting_at(path);
        let erased = writer.take_out(index);
        let outdated = writer.outdated();
        let Some(erased) = erased else { return (None, outdated) };
        self.release(Leftovers::default());
        // SAFETY: the entry was just taken out of its slot, and there are no readers.
        (Some((erased.first..=erased.last, unsafe { V::from_raw(erased.entry) })), outdated)
    }

    /// Removes everything inside `range`. Entries that stick out are cut, one that sticks out on both sides is split (which clones
    /// it). `O(h)` and the entries removed.
    ///
    /// The same as [`remove_or`](Self::remove_or) with [`Shortage::Allocate`].
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The map is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.remove(15..35)?;
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(10..=14, 'a'), (35..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn remove(&mut self, range: impl RangeBounds<u64>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.remove_or(range, Shortage::Allocate)
    }

    /// Removes everything inside `range`; `shortage` says what to do when that cuts an entry and needs a node, and neither this map
    /// nor the reserve has one. `O(h)` and the entries removed.
    ///
    /// Whole entries are removed without memory. A cut takes at most `3 * h` nodes, from what the map has at hand
    /// or from the [`Reserve`]. Only a hole inside one entry grows the tree and may ask the allocator whatever `shortage` says.
    ///
    /// # Errors
    ///
    /// A range that holds no index; the entry that would have been cut; out of memory, when a hole inside one entry needed it. The map
    /// is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.remove_or(..35, maple_tree::Shortage::Allocate)?;
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(35..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn remove_or(&mut self, range: impl RangeBounds<u64>, shortage: Shortage) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.remove_at(inclusive(&range).map_err(RemoveError::BadRange)?, shortage)
    }

    /// As [`remove_or`](Self::remove_or), of the same code whatever the type of the range was.
    fn remove_at(&mut self, window: (u64, u64), shortage: Shortage) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        let mut left_over = Leftovers::default();
        // SAFETY: an entry of the map is not taken back during the call.
        let split = |entry| unsafe { try_clone_raw::<V>(entry) };
        let removed = remove_with(&mut self.writer(), window, shortage == Shortage::Allocate, &mut left_over, split);
        if shortage == Shortage::Allocate {
            self.grown();
        }
        self.release(left_over);
        self.settle();
        removed
    }

    /// Removes every entry that lies wholly inside `range`; entries that stick out stay whole. `O(h)` and the entries removed. Takes no
    /// node, cannot fail; a range that holds no index removes nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(0..10, 1u8)?;
    /// map.store(10..20, 2u8)?;
    /// map.remove_whole(5..30);
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(0..=9, 1)]);
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    pub fn remove_whole(&mut self, range: impl RangeBounds<u64>) {
        if let Ok((first, last)) = inclusive(&range) {
            self.writer().kill(first, last);
            self.settle();
        }
    }

    /// Rebuilds the structure with full nodes, after removals that left it sparse. `O(n)`; moves no entry. Allocates.
    ///
    /// # Errors
    ///
    /// Out of memory; the map is as it was. The new nodes are there before the old ones go.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.compact()?;
    /// assert_eq!(map.get(15), Some('a'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&mut self) -> Result<(), AllocError> {
        let compacted = self.writer().compact();
        self.grown();
        self.release(Leftovers::default());
        compacted
    }

    /// Removes every entry. The map is as new. Allocates nothing, cannot fail. `O(n)`, to drop the entries and free the nodes.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    #[doc(alias = "mtree_destroy")]
    pub fn clear(&mut self) {
        self.writer().clear();
        self.release(Leftovers::default());
    }

    /// Cuts off every entry whose range **starts** at or after `from`. An entry that starts before `from` and covers it stays whole
    /// (see [`prune_cut`](Self::prune_cut)). `O(h)` whatever the size of the tail, needs no node, cannot fail.
    ///
    /// What is cut off is in the [`Tail`]; dropping that drops the entries and frees the nodes.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let tail = map.prune(15);
    /// assert!(!tail.is_empty());
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(10..=19, 'a')]);
    /// ```
    pub fn prune(&mut self, from: u64) -> Tail<V> {
        let (tail, refused) = self.cut_off(from, false);
        debug_assert!(refused.is_ok());
        tail
    }

    /// Cuts off everything at or after `from`; an entry that covers `from` is made to end before it. `O(h)`.
    ///
    /// # Errors
    ///
    /// When the entry to be cut reaches up to `u64::MAX`, all nodes on the right edge of the tree are full (so that a new root is
    /// needed), and neither the map nor the reserve has a node for it. The map is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.prune_cut(15)?;
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(10..=14, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_cut(&mut self, from: u64) -> Result<Tail<V>, WouldCut> {
        let (tail, done) = self.cut_off(from, true);
        done.map(|()| tail).map_err(|(first, last)| WouldCut { range: first..=last, at: from })
    }

    fn cut_off(&mut self, from: u64, may_cut: bool) -> (Tail<V>, Result<(), (u64, u64)>) {
        let mut limbo = Limbo::new();
        let mut entries = ArrayVec::<NonNull<()>, { SLOTS }>::new();
        let done = self.writer().prune_exclusive(from, may_cut, &mut limbo, |entry| entries.push(entry));
        // SAFETY: `&mut self`: there are no readers.
        let mut release = unsafe { Release::new(limbo, Kind::of::<V>(), Sink::Reserve(self.owner.reserve)) };
        entries.into_iter().for_each(|entry| release.add_entry(entry));
        (Tail::new(release), done)
    }

    /// Checks every invariant of the structure. `O(n)`, allocates. For tests and for the distrustful.
    ///
    /// # Errors
    ///
    /// The first broken invariant, and where.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let summary = map.validate()?;
    /// assert_eq!((summary.entries, summary.height), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validate(&self) -> Result<Summary, Invalid> {
        validate(&self.root, &self.owner)
    }

    /// The structure as text. `O(n)`, when it is printed.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(3..=5, 1u8)?;
    /// assert!(map.dump().to_string().contains("3..=5 entry"));
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    pub fn dump(&self) -> Dump<'_> {
        Dump { root: &self.root, lock: None }
    }

    /// The structure as a graph for Graphviz. `O(n)`, when it is printed.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(3..=5, 1u8)?;
    /// assert!(map.dot().to_string().starts_with("digraph"));
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    pub fn dot(&self) -> Dot<'_> {
        Dot { root: &self.root, lock: None }
    }

    /// Figures of this map. `O(1)`, allocates nothing.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.figures().height, 1);
    /// ```
    pub fn figures(&self) -> TreeFigures {
        TreeFigures::of(&self.root, &self.owner)
    }
}

impl<V: Entry> Drop for RangeMap<V> {
    /// Drops the entries and gives all nodes back. Allocates nothing.
    fn drop(&mut self) {
        self.writer().clear();
        let limbo = self.owner.take_retired();
        // SAFETY: `&mut self`: there are no readers.
        let release = unsafe { Release::new(limbo, Kind::of::<V>(), Sink::Waiting(self.owner.reserve)) };
        self.owner.dissolve();
        release.run();
    }
}

impl<V: Entry> Default for RangeMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Entry + 'static> fmt::Debug for RangeMap<V>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a, V: Entry> IntoIterator for &'a RangeMap<V> {
    type Item = (RangeInclusive<u64>, V::Ref<'a>);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}
