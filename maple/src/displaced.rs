//! What a store or a removal displaces, on request: whole entries to have, and the pieces of entries that are cut to look at.
//!
//! ```text
//!   |---a---|--b--|  |-c-|---d---|        store or remove here:
//!        [                    ]           a piece of a, all of b and c, a piece of d
//! ```
//!
//! No memory is needed for the report: whole entries are taken out of the tree one by one, in order, as they are handed over. What can fail
//! is seen to before the first of them goes: where a border lies inside an entry, the nodes that the last step could need are set aside.

use crate::entry::{Entry, TryClone};
use crate::error::{RemoveError, StoreError, StoreErrorKind, WouldCut};
use crate::face::{Pending, Shortage};
use crate::list::FreeList;
use crate::map::RangeMap;
use crate::node::Word;
use crate::range::inclusive;
use crate::tree_mut::{Leftovers, Memory};
use crate::walk::{Found, Walk};
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{RangeBounds, RangeInclusive};
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// Something that a store or a removal displaced: an entry with all of its range, or a piece of an entry that was cut.
///
/// A whole entry is dropped with this value unless it is [taken](Self::into_entry). A cut one stays in the map, with what is left of its range.
///
/// ```
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut pieces = Vec::new();
/// map.store_with(15..50, 'c', |piece| pieces.push((piece.range(), piece.is_whole(), piece.get())))?;
/// assert_eq!(pieces, [(15..=19, false, 'a'), (30..=39, true, 'b')]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// The entry at `raw` is this value's own when `owned`; else it is in a map that is borrowed for `'a`.
pub struct Piece<'a, V: Entry> {
    range: (u64, u64),
    of: (u64, u64),
    raw: NonNull<()>,
    owned: bool,
    entry: PhantomData<(&'a V, V)>,
}

// SAFETY: it owns an entry, or is a shared reference to one.
unsafe impl<V: Entry + Send + Sync> Send for Piece<'_, V> {}
// SAFETY: it gives out shared references to the entry only.
unsafe impl<V: Entry + Sync> Sync for Piece<'_, V> {}

impl<V: Entry> Piece<'_, V> {
    /// An entry that was taken out of the map with all of its range.
    ///
    /// # Safety
    ///
    /// Nobody else has the entry.
    unsafe fn whole(range: (u64, u64), raw: NonNull<()>) -> Self {
        Self { range, of: range, raw, owned: true, entry: PhantomData }
    }

    /// The piece inside `window` of the entry that was `found` and stays in the map.
    fn part(found: &Found, window: (u64, u64)) -> Self {
        let range = (found.first.max(window.0), found.last.min(window.1));
        Self { range, of: (found.first, found.last), raw: found.entry, owned: false, entry: PhantomData }
    }

    /// What was displaced. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.store_with(15..35, 'c', |piece| assert!(piece.range() == (15..=19) || piece.range() == (30..=34)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn range(&self) -> RangeInclusive<u64> {
        self.range.0..=self.range.1
    }

    /// The whole range that the entry had. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.store_with(15..25, 'c', |piece| assert_eq!(piece.entry_range(), 10..=19))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry_range(&self) -> RangeInclusive<u64> {
        self.of.0..=self.of.1
    }

    /// Whether that was the whole entry. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.store_with(15..25, 'c', |piece| assert!(!piece.is_whole()))?;
    /// map.store_with(30..40, 'd', |piece| assert!(piece.is_whole()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_whole(&self) -> bool {
        self.owned
    }

    /// The entry. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.store_with(15..25, 'c', |piece| assert_eq!(piece.get(), 'a'))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self) -> V::Ref<'_> {
        // SAFETY: by the invariant of the type the entry is not taken back while `self` lives.
        unsafe { V::borrow(self.raw) }
    }

    /// The entry, if it was displaced whole. Constant time.
    ///
    /// # Errors
    ///
    /// `self`, when only a piece was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut whole = Vec::new();
    /// map.store_with(15..50, 'c', |piece| whole.extend(piece.into_entry()))?;
    /// assert_eq!(whole, ['b']); // the other one was cut, and is still there
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_entry(self) -> Result<V, Self> {
        if !self.owned {
            return Err(self);
        }
        let raw = self.raw;
        mem::forget(self);
        // SAFETY: by the invariant of the type the entry is this value's own.
        Ok(unsafe { V::from_raw(raw) })
    }

    /// The entry, or a clone of it when only a piece was displaced. Constant time, and the clone.
    ///
    /// # Errors
    ///
    /// When there is no memory for the clone.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut all = Vec::new();
    /// map.store_with(15..50, 'c', |piece| all.extend(piece.into_entry_or_clone()))?;
    /// assert_eq!(all, ['a', 'b']);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_entry_or_clone(self) -> Result<V, AllocError>
    where
        V: TryClone,
    {
        self.into_entry().or_else(|part| V::try_clone(part.get()))
    }
}

impl<V: Entry> Drop for Piece<'_, V> {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: by the invariant of the type the entry is this value's own.
            drop(unsafe { V::from_raw(self.raw) });
        }
    }
}

impl<V: Entry> fmt::Debug for Piece<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").field("range", &self.range()).field("entry_range", &self.entry_range()).finish_non_exhaustive()
    }
}

/// The entries that a window reaches.
struct Reached {
    first: Found,
    last: Found,
    /// Whether some lie wholly inside.
    whole: bool,
    /// The first border that lies inside an entry.
    cut: Option<WouldCut>,
}

impl<V: Entry> RangeMap<V> {
    fn reached(&self, window: (u64, u64)) -> Option<Reached> {
        let mut walk = Walk::new(&self.root, Some(window));
        let first = walk.next()?;
        let next = walk.next();
        let last = walk.next_back().or(next).unwrap_or(first);
        let (starts_before, ends_behind) = (first.first < window.0, last.last > window.1);
        let cut = |found: &Found, at| WouldCut { range: found.first..=found.last, at };
        let cuts = starts_before.then(|| cut(&first, window.0)).or(ends_behind.then(|| cut(&last, window.1)));
        // All but the two at the borders are whole.
        let whole = !starts_before && first.last <= window.1
            || !ends_behind && last.first >= window.0
            || next.is_some_and(|next| next.first < last.first);
        Some(Reached { first, last, whole, cut: cuts })
    }

    /// Takes as many nodes out of the map's stock, and out of `memory` what that does not have.
    ///
    /// # Errors
    ///
    /// When there are too few. The stock is as it was.
    pub(crate) fn set_aside(&mut self, count: usize, memory: Memory) -> Result<FreeList, AllocError> {
        let mut source = self.writer().source(memory);
        let mut nodes = FreeList::new();
        while nodes.len() < count {
            let Ok(node) = self.owner.stock.take(&mut source, count - nodes.len()) else { break };
            nodes.push(node);
        }
        let enough = nodes.len() == count;
        while !enough && let Some(node) = nodes.pop() {
            self.owner.stock.untake(&mut source, node);
        }
        drop(source);
        if enough { Ok(nodes) } else { Err(AllocError(())) }
    }

    /// Puts nodes that were set aside back.
    pub(crate) fn put_back(&mut self, mut nodes: FreeList) {
        while let Some(node) = nodes.pop() {
            self.owner.stock.put(node);
        }
    }

    /// A bound on the nodes that one change of a range takes, up to three a level, also when it adds one.
    fn enough_nodes(&self) -> usize {
        3 * (self.figures().height + 1)
    }

    /// Removes everything inside `range`, as [`remove_or`](Self::remove_or) does, and calls `each` for every piece, in order: whole entries
    /// to be had, and the pieces of entries that are cut to be looked at. `O(h)` a piece.
    ///
    /// Whole entries are removed without memory, and nothing can fail when no entry is cut. Else the map or the [`Reserve`](crate::Reserve)
    /// (with [`Shortage::Allocate`], the allocator) must have `3 * h + 3` nodes at hand, of which mostly none is used; without whole
    /// entries inside the range, what `remove_or` needs.
    ///
    /// When `each`, or the drop of a piece, panics, the removal is carried through nevertheless; the rest of the pieces is dropped.
    ///
    /// # Errors
    ///
    /// Those of `remove_or`. The map is as it was, and `each` was not called.
    ///
    /// ```
    /// use maple_tree::{RangeMap, Shortage};
    ///
    /// let mut map: RangeMap<char> = [(0..10, 'a'), (10..20, 'b'), (25..40, 'c')].into_iter().collect();
    /// let mut pieces = Vec::new();
    /// map.remove_with(5..30, Shortage::Allocate, |piece| pieces.push((piece.range(), piece.get(), piece.is_whole())))?;
    /// assert_eq!(pieces, [(5..=9, 'a', false), (10..=19, 'b', true), (25..=29, 'c', false)]);
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(0..=4, 'a'), (30..=39, 'c')]);
    /// # Ok::<(), maple_tree::RemoveError>(())
    /// ```
    pub fn remove_with(
        &mut self,
        range: impl RangeBounds<u64>,
        shortage: Shortage,
        mut each: impl FnMut(Piece<'_, V>),
    ) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        let window = inclusive(&range).map_err(RemoveError::BadRange)?;
        let Some(reached) = self.reached(window) else { return Ok(()) };
        if !reached.whole {
            self.remove_or(window.0..=window.1, shortage)?;
            Self::report_parts(&reached, window, each);
            return Ok(());
        }
        let grows = shortage == Shortage::Allocate && reached.cut.is_some();
        let nodes = match reached.cut {
            None => FreeList::new(),
            Some(cut) => {
                let count = self.enough_nodes();
                let allocated =
                    if shortage == Shortage::Allocate { self.set_aside(count, Memory::Allocate) } else { Err(AllocError(())) };
                allocated.or_else(|_| self.set_aside(count, Memory::Borrow)).map_err(|_| RemoveError::WouldCut(cut))?
            }
        };
        let mut displacing = Displacing { map: self, window, value: None, nodes, left: Some(window) };
        while displacing.step(&mut each) {}
        drop(displacing);
        if grows {
            self.grown();
        }
        Ok(())
    }

    /// Stores `value` at `range`, over whatever is there, as [`store`](Self::store) does, and calls `each` for every piece that is
    /// displaced, in order: whole entries to be had, and the pieces of entries that are cut to be looked at. `O(h)` a piece.
    ///
    /// When `each`, or the drop of a piece, panics, the store is carried through nevertheless; the rest of the pieces is dropped.
    ///
    /// # Errors
    ///
    /// Out of memory (up to `3 * h + 3` nodes are set aside when whole entries are displaced), or a range that holds no index. The value
    /// comes back, the map is as it was, and `each` was not called.
    ///
    /// ```
    /// let mut map: maple_tree::RangeMap<char> = [(0..10, 'a'), (10..20, 'b')].into_iter().collect();
    /// let mut gone = Vec::new();
    /// map.store_with(5..25, 'c', |piece| gone.push((piece.range(), piece.into_entry().ok())))?;
    /// assert_eq!(gone, [(5..=9, None), (10..=19, Some('b'))]);
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(0..=4, 'a'), (5..=24, 'c')]);
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn store_with(
        &mut self,
        range: impl RangeBounds<u64>,
        value: V,
        mut each: impl FnMut(Piece<'_, V>),
    ) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        let window = match inclusive(&range) {
            Ok(window) => window,
            Err(bad) => return Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
        };
        let Some(reached) = self.reached(window) else { return self.store(window.0..=window.1, value) };
        if !reached.whole {
            self.store(window.0..=window.1, value)?;
            Self::report_parts(&reached, window, each);
            return Ok(());
        }
        let value = Pending::new(value);
        if (reached.first.first, reached.first.last) == window {
            // The commonest case: one store.
            if let Some(old) = self.writer().exchange(window.0, value.word()) {
                value.stored();
                // SAFETY: the entry was just taken out of its slot.
                each(unsafe { Piece::whole(window, old.entry) });
                return Ok(());
            }
        }
        let count = self.enough_nodes();
        let Ok(nodes) = self.set_aside(count, Memory::Allocate) else {
            return Err(StoreError { value: value.into_value(), kind: StoreErrorKind::OutOfMemory });
        };
        let mut displacing = Displacing { map: self, window, value: Some(value), nodes, left: Some(window) };
        while displacing.step(&mut each) {}
        drop(displacing);
        self.grown();
        Ok(())
    }

    /// Calls `each` for the pieces of one or two entries that were cut, and are in the map still.
    fn report_parts(reached: &Reached, window: (u64, u64), mut each: impl FnMut(Piece<'_, V>)) {
        each(Piece::part(&reached.first, window));
        if reached.last.first != reached.first.first {
            each(Piece::part(&reached.last, window));
        }
    }
}

/// A window that is being emptied, and what is to be in it then. When this is dropped, be it by a panic of foreign code, it is.
///
/// # Invariants
///
/// `nodes` are enough for a change of the window, unless that cuts no entry and stores nothing.
struct Displacing<'m, V: Entry> {
    map: &'m mut RangeMap<V>,
    window: (u64, u64),
    value: Option<Pending<V>>,
    nodes: FreeList,
    /// What was not yet looked at.
    left: Option<(u64, u64)>,
}

impl<V: Entry> Displacing<'_, V> {
    /// Reports the next piece; returns whether there was one.
    fn step(&mut self, each: &mut impl FnMut(Piece<'_, V>)) -> bool {
        let Some(found) = self.left.and_then(|left| Walk::new(&self.map.root, Some(left)).next()) else { return false };
        self.left = found.last.checked_add(1).filter(|next| *next <= self.window.1).map(|next| (next, self.window.1));
        if found.first < self.window.0 || self.window.1 < found.last {
            each(Piece::part(&found, self.window));
            return true;
        }
        if let Some(taken) = self.map.writer().take_out(found.first) {
            // SAFETY: the entry was just taken out of its slot.
            let piece = unsafe { Piece::whole((taken.first, taken.last), taken.entry) };
            self.map.release(Leftovers::default());
            each(piece);
        }
        true
    }
}

impl<V: Entry> Drop for Displacing<'_, V> {
    fn drop(&mut self) {
        let Self { map, window, value, .. } = self;
        let word = value.as_ref().map_or(Word::EMPTY, Pending::word);
        if word == Word::EMPTY && self.nodes.len() == 0 {
            // No entry sticks out.
            return map.remove_whole(window.0..=window.1);
        }
        map.put_back(mem::replace(&mut self.nodes, FreeList::new()));
        let mut left_over = Leftovers::default();
        // No entry covers the window on both sides, for there is or was one inside.
        let written = map.writer().write(*window, word, Memory::Spare, &mut left_over, &mut |_| Err(AllocError(())));
        debug_assert!(written.is_ok(), "enough nodes were set aside");
        if written.is_ok() {
            value.take().into_iter().for_each(Pending::stored);
        }
        map.owner.stock.trim(map.owner.reserve);
        map.release(left_over);
    }
}
