//! Calls of exclusive maps that make sense beside readers, too.

use crate::coalesce::with_same_neighbours;
use crate::covered::Covered;
use crate::entry::{Shared, TryClone, try_clone_raw};
use crate::error::{StoreError, StoreErrorKind};
use crate::face::Pending;
use crate::node::{Root, Word};
use crate::range::{fixed, inclusive};
use crate::tree::MapleTree;
use crate::tree_mut::TreeMut;
use crate::walk::{Found, Walk};
use crate::writer::{Storing, Writer};
use core::iter;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
use maple_rcu::Rcu;

impl TreeMut<'_> {
    /// Beside readers, removes the entry that covers `index`, in place. One that has to be dropped stays in its slot, dead, whatever its kind,
    /// so no foreign code runs.
    fn kill_one(&mut self, index: u64) {
        let Some((bottom, _)) = self.bottom(index).and_then(|bottom| Some((bottom, bottom.entry()?))) else { return };
        let frame = bottom.frame;
        self.touch(index, index);
        if self.kind.needs_drop {
            frame.node.publish(frame.slot, frame.word().dead());
            self.owner.note_dead(frame.first(), frame.last());
        } else {
            frame.node.publish(frame.slot, Word::EMPTY);
        }
        self.stay(&bottom, (0, 0));
        self.owner.untidy = true;
        self.collapse(index);
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Writer<'_, V, R, L> {
    /// Removes every entry for which `keep` says `false`, in place; the entries are looked at in order, each once.
    /// `O(n)`, and `O(h)` for each that goes. Readers see them vanish one by one.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. What was removed does not come back as
    /// [`Removed`](crate::Removed), because a list of those would need memory: the entries stay in their slots, marked dead, and
    /// are released when their nodes are replaced, or by [`MapleTree::synchronize`].
    ///
    /// `keep` may look things up in the tree, but any call that takes the lock would wait for ever. When it panics, what was removed so far is
    /// gone, and the rest stays.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.retain(|range, _| *range.start() > 20);
    /// assert_eq!(writer.first(), Some((30..=39, 'b')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> bool) {
        self.with(None, |writer, _| {
            // A walk that goes on while the writer works, as a reader's does; nothing it comes to is released under the lock.
            let mut walk = Walk::new(writer.root, Some((0, u64::MAX)));
            while let Some(found) = walk.next() {
                // SAFETY: an entry of the tree is not taken back while other writers are kept out.
                if !keep(found.first..=found.last, unsafe { V::borrow(found.entry) }) {
                    writer.kill_one(found.first);
                }
            }
        });
    }

    /// Stores `value` at `range` as [`store`](Self::store) does, and makes one entry of it with the neighbours that touch it, or are cut by
    /// it, and are equal; a lookup sees all of it or nothing. `O(h)` and the entries removed. See
    /// [`RangeMap::store_coalescing`](crate::RangeMap::store_coalescing).
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the tree is as it was. A session that remembers sixteen entries
    /// already has no room for the value, should the comparison panic, and refuses the store as if it had no memory, until the next
    /// [`bump`](Self::bump); see [`store`](Self::store).
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.store_coalescing(20..30, 'a')?;
    /// assert_eq!(writer.get_range(25), (10..=29, Some('a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store_coalescing(&mut self, range: impl RangeBounds<u64>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
        for<'a> V::Ref<'a>: PartialEq,
    {
        self.store_coalescing_by(range, value, |left, right| left == right)
    }

    /// As [`store_coalescing`](Self::store_coalescing), with `same` to say what is equal: it gets a neighbour and the value, in this order. It
    /// runs under the tree's lock: see [`MapleTree`]. `O(h)` and the entries removed.
    ///
    /// # Errors
    ///
    /// As for `store_coalescing`.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.store_coalescing_by(20..30, 'A', |left, right| left.eq_ignore_ascii_case(&right))?;
    /// assert_eq!(writer.get_range(15), (10..=29, Some('A')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store_coalescing_by(
        &mut self,
        range: impl RangeBounds<u64>,
        value: V,
        mut same: impl for<'a> FnMut(V::Ref<'a>, V::Ref<'a>) -> bool,
    ) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        let joined = |root: &Root, window, word| {
            // SAFETY: the tree has entries of its own type, other writers are kept out, and the value is the caller's.
            unsafe { with_same_neighbours::<V>(root, window, word, &mut same) }
        };
        self.store_as(range, value, joined).map(drop)
    }

    /// Stores `value` at the window that `place` makes of `range`, and gives what reads the tree as it was before.
    fn store_as(
        &mut self,
        range: impl RangeBounds<u64>,
        value: V,
        place: impl FnOnce(&Root, (u64, u64), Word) -> (u64, u64),
    ) -> Result<Displaced, StoreError<V>>
    where
        V: TryClone,
    {
        let window = match inclusive(&range) {
            Ok(window) => window,
            Err(bad) => return Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
        };
        if !self.has_room() {
            // For the value, should `place` panic.
            return Err(StoreError { value, kind: StoreErrorKind::OutOfMemory });
        }
        let value = Pending::new(value);
        let word = value.word();
        let storing = Storing::new(self, value);
        let window = place(storing.writer.root(), window, word);
        let displaced = Displaced::before(storing.writer.root(), window);
        let value = storing.value_back();
        // SAFETY: an entry of the tree is not taken back during the call.
        let mut split = |entry| unsafe { try_clone_raw::<V>(entry) };
        let (stored, _) = self.put(None, window, value, None, &mut split);
        match stored {
            Ok(()) => Ok(displaced),
            Err(value) => Err(StoreError { value: value.into_value(), kind: StoreErrorKind::OutOfMemory }),
        }
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> MapleTree<V, R, L> {
    /// Removes every entry for which `keep` says `false`, in place, under the tree's lock; the entries are looked at in order, each once.
    /// `O(n)`, and `O(h)` for each that goes. Readers see them vanish one by one.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. What was removed does not come back as
    /// [`Removed`](crate::Removed), because a list of those would need memory: the entries stay in their slots, marked dead, and
    /// are released when their nodes are replaced, or by [`synchronize`](Self::synchronize).
    ///
    /// `keep` may look things up in the tree, but any call that takes the lock would wait for ever. When it panics, what was removed so far is
    /// gone, and the rest stays.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// for page in 0..100u32 {
    ///     tree.insert(u64::from(page)..=u64::from(page), page)?;
    /// }
    /// tree.retain(|_, page| page % 10 == 0);
    /// assert_eq!(tree.iter(&tree.pin()).count(), 10);
    /// # Ok::<(), maple_tree::InsertError<u32>>(())
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> bool) {
        // By reference: what it captured is dropped outside the lock.
        self.lock().retain(&mut keep);
    }

    /// Stores `value` at `range`, over whatever is there, as [`store`](Self::store) does, and calls `each` for what is displaced, in order:
    /// with the range of the piece, and the entry that had it. Entries may still be in the tree with what is left of their range, and
    /// readers may be looking at them, so they are lent, not given. `O(h)`, and constant time a piece.
    ///
    /// `each` is called when the store is done, outside the tree's lock and inside a read section: it sees the tree as a reader does that came
    /// just before the store. So the store enters a read section, which no removal does, and there is no such form of `remove`: what is
    /// removed in place is dead where it lies, and a list of it would need memory.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, the tree is as it was, and `each` was not called.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(0..10, 'a')?;
    /// tree.store(10..20, 'b')?;
    /// let mut gone = Vec::new();
    /// tree.store_with(5..25, 'c', |piece, old| gone.push((piece, old)))?;
    /// assert_eq!(gone, [(5..=9, 'a'), (10..=19, 'b')]);
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn store_with(
        &self,
        range: impl RangeBounds<u64>,
        value: V,
        mut each: impl FnMut(RangeInclusive<u64>, V::Ref<'_>),
    ) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        let range = fixed(&range);
        let _guard = self.pin();
        let Displaced { first, mut rest, window } = self.lock().store_as(range, value, |_, window, _| window)?;
        for found in first.into_iter().chain(iter::from_fn(|| rest.next())) {
            let piece = found.first.max(window.0)..=found.last.min(window.1);
            // SAFETY: the entry was in the tree inside the read section, which has not ended.
            each(piece, unsafe { V::borrow(found.entry) });
        }
        Ok(())
    }

    /// Stores `value` at `range` as [`store`](Self::store) does, and makes one entry of it with the neighbours that touch it, or are cut by
    /// it, and are equal; a lookup sees all of it or nothing. `O(h)` and the entries removed. See
    /// [`RangeMap::store_coalescing`](crate::RangeMap::store_coalescing).
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store_coalescing(0..10, 'a')?;
    /// tree.store_coalescing(10..20, 'a')?;
    /// assert_eq!(tree.get_range(5, &tree.pin()).0, 0..=19);
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn store_coalescing(&self, range: impl RangeBounds<u64>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
        for<'a> V::Ref<'a>: PartialEq,
    {
        self.store_coalescing_by(range, value, |left, right| left == right)
    }

    /// As [`store_coalescing`](Self::store_coalescing), with `same` to say what is equal: it gets a neighbour and the value, in this order. It
    /// runs under the tree's lock: see [`MapleTree`]. `O(h)` and the entries removed.
    ///
    /// # Errors
    ///
    /// As for `store_coalescing`.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.store_coalescing_by(20..30, 'A', |left, right| left.eq_ignore_ascii_case(&right))?;
    /// assert_eq!(tree.get_range(15, &tree.pin()), (10..=29, Some('A')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store_coalescing_by(
        &self,
        range: impl RangeBounds<u64>,
        value: V,
        mut same: impl for<'a> FnMut(V::Ref<'a>, V::Ref<'a>) -> bool,
    ) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        let range = fixed(&range);
        // By reference: what it captured is dropped outside the lock.
        self.lock().store_coalescing_by(range, value, &mut same)
    }

    /// The maximal ranges that entries cover within `range`, clipped to it. See [`RangeMap::covered`](crate::RangeMap::covered), and
    /// [`Ranges`](crate::Ranges) for set operations. `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert!(tree.covered(15.., &guard).eq([15..=19, 30..=39]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn covered<'g>(&'g self, range: impl RangeBounds<u64>, guard: &'g R::Guard) -> Covered<'g, V> {
        let range = fixed(&range);
        Covered::new(self.range(range, guard), inclusive(&range).ok())
    }
}

/// A walk over what a store is about to displace.
///
/// # Invariants
///
/// `rest` stays below the lowest node that covers all of the window. The store begins and ends in two slots of that node, or cuts one, so the
/// tree has another node, or none, in its place; what readers see below the old one stays. But for a single slot that is overwritten in
/// place, when the store equals an entry: that is `first`, which was found before the store, and there is no rest then. So the walk
/// comes to what was there before, as long as the read section lasts that was open at the store.
struct Displaced {
    first: Option<Found>,
    rest: Walk,
    window: (u64, u64),
}

impl Displaced {
    fn before(root: &Root, window: (u64, u64)) -> Self {
        let mut rest = Walk::below(root, window);
        let first = rest.next();
        if first.is_none_or(|first| first.last >= window.1) {
            rest = Walk::new(root, None);
        }
        Self { first, rest, window }
    }
}
