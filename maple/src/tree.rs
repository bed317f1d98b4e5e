//! The shared face: readers without locks, writers one at a time.

use crate::copy::{DupError, clone_root, copy_root, outcome};
use crate::dump::{Dot, Dump};
use crate::entry::{Kind, Release, Shared, TryClone, try_clone_raw};
use crate::error::{InsertError, RemoveError, ReplaceError, ReplaceErrorKind, StoreError, StoreErrorKind, WouldCut};
use crate::face::{Pending, Shortage, get_range, insert_with, remove_with};
use crate::figures::TreeFigures;
use crate::iter::{Gaps, Iter};
use crate::map::RangeMap;
use crate::node::Root;
use crate::prune::{NoPath, Pruned};
use crate::range::inclusive;
use crate::removed::{Removed, WriterLock, discard};
use crate::reserve::Reserve;
use crate::sync::Mutex;
use crate::tree_mut::{Leftovers, Memory, Mode, TreeMut};
use crate::validate::{Invalid, Summary, validate};
use crate::walk::{lookup, lookup_many, lookup_range, whole_gap};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{RangeBounds, RangeInclusive};
use maple_rcu::{AllocError, Epoch, Rcu};

/// An ordered map from ranges of `u64` that do not overlap to pointer-sized entries, for readers without locks beside one writer at a
/// time.
///
/// * **Readers** hold a guard of the flavour `R` ([`pin`](Self::pin)). They take no lock, never wait and never retry. What they get
///   lives as long as the guard and the borrow of the tree. A point lookup sees each change whole or not at all.
/// * **Writers** (`&self` too) take the tree's own lock.
/// * **Removals** ([`erase`](Self::erase), [`prune`](Self::prune), [`clear`](Self::clear)) cannot fail: they never allocate, never
///   wait for readers and never enter a read section. What they remove is remembered in place until readers are gone.
///
/// Removed nodes and entries are released in batches: operations that grow the tree hand a batch to the flavour when enough has come
/// together, [`hand_over`](Self::hand_over) does so at once, and [`synchronize`](Self::synchronize) waits and releases. The flavour's
/// own allocations happen only there. What died *in place* (a `Box` or an `Arc` that was erased, the tail of
/// [`prune_in_place`](Self::prune_in_place)) stays with its node: it is released when that node is replaced, or by `synchronize`.
///
/// Entries' `Clone` and the closures of [`try_dup_with`](Self::try_dup_with), [`retain`](Self::retain) and
/// [`store_coalescing_by`](Self::store_coalescing_by) run under the tree's lock: they may look things up in the tree,
/// but any call that takes the lock (all but the readers') would wait for ever. Entries' `Drop` runs outside the lock.
///
/// ```
/// use maple_tree::MapleTree;
///
/// let tree = MapleTree::new();
/// tree.store(0x1000..0x4000, 'a')?;
/// let guard = tree.pin();
/// assert_eq!(tree.get(0x1fff, &guard), Some('a'));
/// assert_eq!(tree.erase(0x1fff).map(|removed| removed.range()), Some(0x1000..=0x3fff));
/// assert_eq!(tree.get(0x1fff, &guard), None);
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
///
/// # Invariants
///
/// `map.owner` is touched only under `lock`; `map.root` is atomic. `reclaim` is held from the aging of dead words to their sweep.
pub struct MapleTree<V: Shared<R>, R: Rcu = Epoch> {
    map: UnsafeCell<RangeMap<V>>,
    pub(crate) lock: WriterLock,
    pub(crate) reclaim: Mutex<()>,
    flavour: PhantomData<fn() -> R>,
}

// SAFETY: the tree owns its entries as a `Vec<V>` would.
unsafe impl<V: Shared<R>, R: Rcu> Send for MapleTree<V, R> {}
// SAFETY: entries are shared with readers on other threads (`Sync`), and put in and taken out by any thread (`Send`, which
// `Shared` demands). The owner's side is behind the lock.
unsafe impl<V: Shared<R> + Sync, R: Rcu> Sync for MapleTree<V, R> {}

/// Retired nodes that make a growing operation hand them over: 16 KiB.
const HAND_OVER: usize = 64;
/// The same for a tree of one or two levels.
const HAND_OVER_SMALL: usize = 16;

impl<V: Shared<Epoch>> MapleTree<V> {
    /// An empty tree of the default flavour with the global reserve. Allocates nothing.
    ///
    /// Of another flavour: [`with_reserve`](Self::with_reserve)`(Reserve::global())`, with the flavour named in the type.
    pub const fn new() -> Self {
        Self::with_reserve(Reserve::global())
    }
}

impl<V: Shared<R>, R: Rcu> MapleTree<V, R> {
    /// An empty tree, of any flavour, with this reserve. Allocates nothing.
    pub const fn with_reserve(reserve: &'static Reserve) -> Self {
        Self::of(RangeMap::with_reserve(reserve))
    }

    const fn of(map: RangeMap<V>) -> Self {
        Self { map: UnsafeCell::new(map), lock: WriterLock::new(), reclaim: Mutex::new(()), flavour: PhantomData }
    }

    /// The tree as its only user's map. Takes no time, but for entries that were removed in place and are released here.
    pub fn get_mut(&mut self) -> &mut RangeMap<V> {
        self.lock.forget_carried();
        let map = self.map.get_mut();
        map.settle();
        map
    }

    /// The map inside. As [`get_mut`](Self::get_mut).
    pub fn into_inner(mut self) -> RangeMap<V> {
        self.get_mut();
        self.map.into_inner()
    }

    fn root(&self) -> &Root {
        let map = self.map.get();
        // SAFETY: the root is atomic; no `&mut` to it or to the whole map exists while `self` is borrowed.
        unsafe { &(*map).root }
    }

    /// Does `change` under the tree's lock.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut TreeMut<'_>) -> T) -> T {
        let _lock = self.lock.lock();
        let map = self.map.get();
        // SAFETY: the lock is held, so this is the only reference to the owner.
        let owner = unsafe { &mut (*map).owner };
        let mut writer = TreeMut::new(self.root(), owner, Mode::Shared, Kind::of::<V>());
        let result = change(&mut writer);
        writer.owner.count_retired();
        result
    }

    /// Opens a read section.
    pub fn pin(&self) -> R::Guard {
        R::pin()
    }

    /// The entry that covers `index`. `O(h)`, wait-free.
    #[inline]
    pub fn get<'g>(&'g self, index: u64, guard: &'g R::Guard) -> Option<V::Ref<'g>> {
        let _ = guard;
        // SAFETY: an entry found inside the read section is not released before its end.
        lookup(self.root(), index).map(|entry| unsafe { V::borrow(entry) })
    }

    /// The entries that cover `indices`, in their order, each as [`get`](Self::get) finds it (beside a writer, not all at one instant).
    /// `O(N * h)`, wait-free; in a large tree much quicker than one call for each, because the descents go side by side and wait for
    /// memory together.
    #[inline]
    pub fn get_many<'g, const N: usize>(&'g self, indices: [u64; N], guard: &'g R::Guard) -> [Option<V::Ref<'g>>; N] {
        let _ = guard;
        // SAFETY: an entry found inside the read section is not released before its end.
        lookup_many(self.root(), &indices).map(|found| found.map(|entry| unsafe { V::borrow(entry) }))
    }

    /// The entry that covers `index` with its exact range, or nothing with the gap around `index`. `O(h)`, wait-free.
    ///
    /// Every index of a gap was free at some instant during the call, and `index` itself together with the slot it falls into at one.
    pub fn get_range<'g>(&'g self, index: u64, guard: &'g R::Guard) -> (RangeInclusive<u64>, Option<V::Ref<'g>>) {
        let _ = guard;
        // SAFETY: an entry found inside the read section is not released before its end.
        unsafe { get_range::<V>(self.root(), index) }
    }

    /// Whether an entry covers `index`. `O(h)`, wait-free.
    pub fn contains(&self, index: u64, guard: &R::Guard) -> bool {
        let _ = guard;
        lookup(self.root(), index).is_some()
    }

    /// The entry with the lowest range, as a walk finds it (see [`Iter`]): not of one instant beside a writer.
    pub fn first<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<u64>, V::Ref<'g>)> {
        self.iter(guard).next()
    }

    /// The entry with the highest range, as a walk finds it: not of one instant beside a writer.
    pub fn last<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<u64>, V::Ref<'g>)> {
        self.iter(guard).next_back()
    }

    /// Whether a walk finds no entry: not of one instant beside a writer.
    pub fn is_empty(&self, guard: &R::Guard) -> bool {
        self.first(guard).is_none()
    }

    /// All entries with their ranges, in order. See [`Iter`] for what holds beside a writer.
    pub fn iter<'g>(&'g self, guard: &'g R::Guard) -> Iter<'g, V> {
        self.range(.., guard)
    }

    /// The entries that overlap `range`, each with its whole range. A range that holds no index yields nothing.
    pub fn range<'g>(&'g self, range: impl RangeBounds<u64>, guard: &'g R::Guard) -> Iter<'g, V> {
        let _ = guard;
        // SAFETY: tree and read section are borrowed for as long as the iterator.
        unsafe { Iter::new(self.root(), inclusive(&range).ok()) }
    }

    /// The gaps within `range`, clipped to it. A range that holds no index yields nothing.
    pub fn gaps<'g>(&'g self, range: impl RangeBounds<u64>, guard: &'g R::Guard) -> Gaps<'g, V> {
        let _ = guard;
        // SAFETY: tree and read section are borrowed for as long as the iterator.
        unsafe { Gaps::new(self.root(), inclusive(&range).ok()) }
    }

    /// Stores `value` at `range`, over whatever is there: entries inside are removed, entries that stick out are cut, an entry that
    /// sticks out on both sides is split (which clones it). A lookup sees all of it or nothing. `O(h)` and the entries removed.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the tree is as it was.
    pub fn store(&self, range: impl RangeBounds<u64>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        let window = match inclusive(&range) {
            Ok(window) => window,
            Err(bad) => {
                return Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) });
            }
        };
        // Here, not in the closure: when a clone panics it is dropped outside the lock.
        let mut value = Some(Pending::new(value));
        // SAFETY: an entry of the tree is not taken back during the call.
        let mut split = |entry| unsafe { try_clone_raw::<V>(entry) };
        self.grow(|writer, left_over| {
            let Some(word) = value.as_ref().map(Pending::word) else { return };
            if writer.append(window, word) || writer.write(window, word, Memory::Allocate, left_over, &mut split).is_ok() {
                value.take().into_iter().for_each(Pending::stored);
            }
        });
        match value {
            None => Ok(()),
            Some(value) => Err(StoreError { value: value.into_value(), kind: StoreErrorKind::OutOfMemory }),
        }
    }

    /// Stores `value` at `range` if no entry overlaps it. `O(h)`.
    ///
    /// # Errors
    ///
    /// The first range in the way; out of memory; a range that holds no index. The value comes back, and the tree is as it was.
    pub fn insert(&self, range: impl RangeBounds<u64>, value: V) -> Result<(), InsertError<V>> {
        self.grow(|writer, left_over| insert_with(writer, &range, value, left_over))
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. `O(h)`. One slot store; for an entry without a
    /// link of its own (`Box`, `Arc`) one new leaf.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap. Out of memory for the leaf.
    pub fn replace(&self, index: u64, value: V) -> Result<Removed<'_, V, R>, ReplaceError<V>> {
        let value = Pending::new(value);
        if V::RELEASE != Release::Slot {
            let exchanged = self.write(|writer| writer.exchange(index, value.word()));
            if let Some(old) = exchanged {
                value.stored();
                Self::flush_links();
                // SAFETY: the entry was just taken out of its slot.
                return Ok(unsafe { Removed::new(&self.lock, (old.first, old.last), old.entry, None) });
            }
        }
        let replaced = self.grow(|writer, left_over| {
            let Some((bottom, old)) = writer.bottom(index).and_then(|bottom| Some((bottom, bottom.entry()?))) else {
                let (first, last, _) = lookup_range(writer.root, index);
                let (first, last) = whole_gap(writer.root, first, last);
                return Err((value, ReplaceErrorKind::Vacant(first..=last)));
            };
            let frame = bottom.frame;
            let range = (frame.first(), frame.last());
            // The range is that of the entry, so there is nothing to split.
            if writer.write(range, value.word(), Memory::Allocate, left_over, &mut |_| Err(AllocError(()))).is_err() {
                return Err((value, ReplaceErrorKind::OutOfMemory));
            }
            value.stored();
            // What was displaced is handed out here; else the slot in the retired leaf carries it.
            let carrier = left_over.displaced.pop().is_none().then_some((frame.node, frame.slot));
            if carrier.is_some() {
                self.lock.carry();
            }
            // SAFETY: the old entry was displaced from its slot, or is carried by that of the retired leaf.
            Ok(unsafe { Removed::new(&self.lock, range, old, carrier) })
        });
        replaced.map_err(|(value, kind)| ReplaceError { value: value.into_value(), kind })
    }

    /// Takes out the entry that covers `index`, with its whole range. One slot store, `O(h)`.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section.
    pub fn erase(&self, index: u64) -> Option<Removed<'_, V, R>> {
        let erased = self.write(|writer| {
            let erased = writer.erase(index)?;
            if erased.carrier.is_some() {
                self.lock.carry();
            }
            Some(erased)
        })?;
        // SAFETY: the entry was just taken out, or is carried by its slot.
        Some(unsafe { Removed::new(&self.lock, (erased.first, erased.last), erased.entry, erased.carrier) })
    }

    /// Removes everything inside `range`. Entries that stick out are cut, one that sticks out on both sides is split (which clones
    /// it). `O(h)` and the entries removed.
    ///
    /// The same as [`remove_or`](Self::remove_or) with [`Shortage::Allocate`]. As every operation that may allocate it fills the reserve
    /// and hands over what is retired; where nothing may be asked for, use [`remove_whole`](Self::remove_whole), or `remove_or` with
    /// [`Shortage::Refuse`].
    ///
    /// # Errors
    ///
    /// A range that holds no index; no memory, which is possible only when an entry is cut. The tree is as it was.
    pub fn remove(&self, range: impl RangeBounds<u64>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.remove_or(range, Shortage::Allocate)
    }

    /// Removes everything inside `range`; `shortage` says what to do when that cuts an entry and needs a node, and neither this tree
    /// nor the reserve has one. `O(h)` and the entries removed.
    ///
    /// Whole entries are removed without memory, without waiting and without entering a read section: at one instant when the nodes for
    /// a copy of the path are at hand, else in place. A cut takes at most `3 * h` nodes, from what the tree has to
    /// spare (not from what a copy earmarked for its prune) or from the [`Reserve`]. Only a hole inside one entry grows the tree and may
    /// ask the allocator whatever `shortage` says.
    ///
    /// # Errors
    ///
    /// A range that holds no index; the entry that would have been cut; out of memory, when a hole inside one entry needed it. The tree
    /// is as it was.
    pub fn remove_or(&self, range: impl RangeBounds<u64>, shortage: Shortage) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        let window = inclusive(&range).map_err(RemoveError::BadRange)?;
        let allocate = shortage == Shortage::Allocate;
        if allocate {
            return self.grow(|writer, left_over| remove_with::<V>(writer, window, allocate, left_over));
        }
        let attempt = || {
            let mut left_over = Leftovers::default();
            let removed = self.write(|writer| remove_with::<V>(writer, window, allocate, &mut left_over));
            self.discard_all(left_over);
            removed
        };
        self.or_wait(shortage, attempt)
    }

    /// Removes every entry that lies wholly inside `range`; entries that stick out stay whole. `O(h)`. In place, from the top: at most
    /// 15 slot stores a level for each end of the range.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. A range that holds no index removes nothing.
    pub fn remove_whole(&self, range: impl RangeBounds<u64>) {
        if let Ok((first, last)) = inclusive(&range) {
            self.write(|writer| writer.kill(first, last));
        }
    }

    /// Tries once, and once more after a grace period if that is what to do for want of nodes.
    fn or_wait<T, E>(&self, shortage: Shortage, attempt: impl Fn() -> Result<T, E>) -> Result<T, E> {
        match attempt() {
            Err(_) if shortage == Shortage::Wait && self.synchronize().is_ok() => attempt(),
            result => result,
        }
    }

    /// Releases what is left of an edit, outside the lock.
    fn discard_all(&self, left_over: Leftovers) {
        for entry in left_over.displaced {
            // SAFETY: it was displaced from its slot, and only entries that no slot has to carry are.
            unsafe { discard::<V, R>(entry) };
        }
        // SAFETY: it was made for the tree and never was in a slot.
        drop(left_over.unused.map(|copy| unsafe { V::from_raw(copy) }));
    }

    /// Rebuilds the structure with full nodes, after removals that left it sparse. `O(n)` under the writer lock; readers see the old
    /// nodes or the new ones, with the same entries.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was. The new nodes are there before the old ones go.
    pub fn compact(&self) -> Result<(), AllocError> {
        self.grow(|writer, _| writer.compact())
    }

    /// Removes every entry with one store. Cannot fail: never allocates, never waits for readers, enters no read section.
    pub fn clear(&self) {
        self.write(|writer| writer.clear());
    }

    /// Removes every entry whose range **starts** at or after `from`. An entry that starts before `from` and covers it stays whole
    /// (see [`prune_cut`](Self::prune_cut)). `O(h)` whatever the size of the tail.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. When the tree's own spare nodes or the reserve
    /// have enough (at most `h`), the path to the border is copied and the tail vanishes at one instant; else it is killed in place,
    /// from the top, in at most `15 * h` stores. In either form as many nodes or more come back after a grace period as were taken.
    pub fn prune(&self, from: u64) -> Pruned {
        self.write(|writer| {
            writer.prune_by_path_copy(from, false, Memory::Earmark).unwrap_or_else(|_| {
                writer.owner.reserve.note_in_place_fall();
                writer.prune_in_place(from)
            })
        })
    }

    /// As [`prune`](Self::prune), but always in place: takes no node, and readers see the tail vanish piece by piece.
    pub fn prune_in_place(&self, from: u64) -> Pruned {
        self.write(|writer| writer.prune_in_place(from))
    }

    /// Removes everything at or after `from`; an entry that covers `from` is made to end before it. `O(h)`. Never allocates, never
    /// waits for readers, enters no read section.
    ///
    /// The same as [`prune_cut_or`](Self::prune_cut_or) with [`Shortage::Refuse`].
    ///
    /// # Errors
    ///
    /// The border lies inside an entry, and neither the tree nor the reserve has the nodes for a copy of the path (at most `h`).
    /// The tree is as it was.
    pub fn prune_cut(&self, from: u64) -> Result<Pruned, WouldCut> {
        self.prune_cut_or(from, Shortage::Refuse)
    }

    /// Removes everything at or after `from`; an entry that covers `from` is made to end before it. `shortage` says what to do when
    /// there is such an entry and neither this tree nor the reserve has the nodes for a copy of the path, at most `h`. `O(h)`.
    ///
    /// # Errors
    ///
    /// The entry that would have been cut. The tree is as it was.
    pub fn prune_cut_or(&self, from: u64, shortage: Shortage) -> Result<Pruned, WouldCut> {
        let prune = |memory| {
            self.write(|writer| match writer.prune_by_path_copy(from, true, memory) {
                Ok(pruned) => Ok(pruned),
                Err(NoPath::WouldCut(first, last)) => Err(WouldCut { range: first..=last, at: from }),
                Err(NoPath::TooFewNodes) => {
                    writer.owner.reserve.note_in_place_fall();
                    Ok(writer.prune_in_place(from))
                }
            })
        };
        self.or_wait(shortage, || match prune(Memory::Earmark) {
            Err(_) if shortage == Shortage::Allocate => prune(Memory::Allocate),
            result => result,
        })
    }

    /// A copy of the tree at one instant, node for node, with a clone of every entry; not yet shared
    /// ([`MapleTree::from`] shares it). Writers wait meanwhile, readers do not. `O(n)`.
    ///
    /// The copy earmarks the nodes for its own prune, one a level and one more, while failing is still clean. It uses the global reserve.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn dup(&self) -> Result<RangeMap<V>, AllocError>
    where
        V: TryClone,
    {
        // Here, not in the closure: what was copied before memory ran out, or before a clone panicked, is dropped outside the lock.
        let mut copy = RangeMap::new();
        // SAFETY: the tree has entries of its own type.
        let copied = self.write(|writer| unsafe { clone_root((writer.root, writer.owner.untidy), &mut copy) });
        copy.grown();
        copied.map(|()| copy)
    }

    /// As [`dup`](Self::dup), with every entry made by `entry` from the range and the entry of the original.
    ///
    /// # Errors
    ///
    /// Out of memory for the nodes, before `entry` was called; or the error of `entry`, with a valid map of exactly the entries
    /// before the one that failed. Getting there allocates nothing.
    #[expect(clippy::result_large_err, reason = "the copy that failed is as large as one that did not")]
    pub fn try_dup_with<W: crate::Entry, E>(
        &self,
        mut entry: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> Result<W, E>,
    ) -> Result<RangeMap<W>, DupError<W, E>> {
        // Here, not in the closure, as in `dup`; so is `entry`.
        let mut copy = RangeMap::new();
        let copied = self.write(|writer| {
            copy_root((writer.root, writer.owner.untidy), &mut copy, |first, last, old| {
                // SAFETY: an entry of the tree is not taken back while its writer is kept out.
                entry(first..=last, unsafe { V::borrow(old) }).map(W::into_raw)
            })
        });
        outcome(copy, copied)
    }

    /// Does a change that may allocate, then what belongs to it: releases what was displaced, fills the reserve (if there is memory),
    /// and hands over what is retired when that is enough for a batch.
    pub(crate) fn grow<T>(&self, change: impl FnOnce(&mut TreeMut<'_>, &mut Leftovers) -> T) -> T {
        let mut left_over = Leftovers::default();
        let (result, retired, reserve) = self.write(|writer| {
            let result = change(writer, &mut left_over);
            let enough = if writer.root.load().is_some_and(|(_, level)| level > 1) { HAND_OVER } else { HAND_OVER_SMALL };
            (result, writer.owner.retired() >= enough, writer.owner.reserve)
        });
        self.discard_all(left_over);
        // Without memory the reserve stays as it is; the next operation tries again.
        let _ = reserve.fill();
        if retired {
            self.hand_over();
        } else {
            Self::flush_links();
        }
        result
    }

    /// Hands entries with a link of their own over when enough were retired.
    fn flush_links() {
        if R::retired().len() >= HAND_OVER {
            R::flush();
        }
    }

    /// Checks every invariant of the structure, with writers kept out. `O(n)`, allocates. For tests and for the distrustful.
    ///
    /// # Errors
    ///
    /// The first broken invariant, and where.
    pub fn validate(&self) -> Result<Summary, Invalid> {
        self.write(|writer| {
            // Looking changes nothing.
            writer.owner.hint.note(writer.near);
            validate(writer.root, writer.owner)
        })
    }

    /// The structure as text.
    pub fn dump(&self) -> Dump<'_> {
        Dump { root: self.root(), lock: Some(self.lock.mutex()) }
    }

    /// The structure as a graph for Graphviz.
    pub fn dot(&self) -> Dot<'_> {
        Dot { root: self.root(), lock: Some(self.lock.mutex()) }
    }

    /// Figures of this tree. Takes the writer lock.
    pub fn figures(&self) -> TreeFigures {
        self.write(|writer| TreeFigures::of(writer.root, writer.owner))
    }
}

impl<V: Shared<R>, R: Rcu> From<RangeMap<V>> for MapleTree<V, R> {
    /// Shares a map. Takes no time.
    fn from(map: RangeMap<V>) -> Self {
        Self::of(map)
    }
}

impl<V: Shared<R>, R: Rcu> Default for MapleTree<V, R> {
    fn default() -> Self {
        Self::with_reserve(Reserve::global())
    }
}

impl<V: Shared<R>, R: Rcu> fmt::Debug for MapleTree<V, R>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    /// The entries at one instant: holds the writer lock meanwhile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _lock = self.lock.lock();
        // SAFETY: what is in the tree stays while its writer is kept out.
        let entries = unsafe { Iter::<V>::new(self.root(), Some((0, u64::MAX))) };
        f.debug_map().entries(entries).finish()
    }
}
