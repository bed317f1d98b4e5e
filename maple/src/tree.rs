//! The shared face: readers without locks, writers one at a time.

use crate::copy::{DupError, outcome};
use crate::cursor::Cursor;
use crate::dump::{Dot, Dump};
use crate::entry::{Shared, TryClone};
use crate::error::{InsertError, InsertErrorKind, RemoveError, ReplaceError, StoreError, StoreErrorKind, WouldCut};
use crate::face::{Shortage, get_range};
use crate::figures::TreeFigures;
use crate::iter::{Gaps, Iter};
use crate::lock::Held;
use crate::map::RangeMap;
use crate::node::Root;
use crate::prune::Pruned;
use crate::range::{fixed, inclusive};
use crate::removed::{Removed, WriterLock};
use crate::reserve::Reserve;
#[cfg(feature = "std")]
use crate::std_lock::StdLock;
use crate::sync::Mutex;
use crate::tree_mut::TreeMut;
use crate::validate::{Invalid, Summary};
use crate::walk::{lookup, lookup_many};
use crate::writer::Writer;
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
#[cfg(feature = "std")]
use maple_rcu::Epoch;
use maple_rcu::{AllocError, Rcu};

with_defaults! {
    /// An ordered map from ranges of `u64` that do not overlap to pointer-sized entries, for readers without locks beside one writer at a
    /// time.
    ///
    /// * **Readers** hold a guard of the flavour `R` ([`pin`](Self::pin)). They take no lock, never wait and never retry. What they get
    ///   lives as long as the guard and the borrow of the tree. A point lookup sees each change whole or not at all.
    /// * **Writers** (`&self` too) take the tree's own lock, `L`, for one change, or for several ([`lock`](Self::lock)). `L` is the standard
    ///   library's mutex unless the type says otherwise: anything that is a [`RawMutex`] will do, in a kernel a spin lock, say. It is made with the
    ///   tree (`L::INIT`), and removals do not allocate if it does not (`parking_lot`'s may).
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
    /// but any call that takes the lock (all but the readers') would wait for ever. Entries' `Drop` runs outside the lock: when a session
    /// ends, in [`synchronize`](Self::synchronize), and in whatever the flavour does it in. On [`Epoch`] that includes [`pin`](Self::pin), which
    /// now and then runs what is due, of any tree. So where such a `Drop` may take the lock of this tree, make the guard for looking around
    /// before the lock is taken; inside a read section no other one runs anything.
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
    ///
    /// The root, which every reader loads, begins two cache lines (which processors fetch together) that hold nothing else that a store or a
    /// removal writes, and nothing of a neighbour in memory. Where it shared a line with the lock, readers beside a writer took three times as long.
    #[repr(C, align(128))]
    pub struct MapleTree<[V: Shared<R>,] R: Rcu, L: RawMutex> {
        map: UnsafeCell<RangeMap<V>>,
        pub(crate) lock: WriterLock<L>,
        pub(crate) reclaim: Mutex<()>,
        flavour: PhantomData<fn() -> R>,
    }
}

// SAFETY: the tree owns its entries as a `Vec<V>` would.
unsafe impl<V: Shared<R>, R: Rcu, L: RawMutex + Send> Send for MapleTree<V, R, L> {}
// SAFETY: entries are shared with readers on other threads (`Sync`), and put in and taken out by any thread (`Send`, which
// `Shared` demands). The owner's side is behind the lock.
unsafe impl<V: Shared<R> + Sync, R: Rcu, L: RawMutex + Sync> Sync for MapleTree<V, R, L> {}

#[cfg(feature = "std")]
impl<V: Shared<Epoch>> MapleTree<V> {
    /// An empty tree of the default flavour with the global reserve. Allocates nothing. Constant time.
    ///
    /// Of another flavour: [`with_reserve`](Self::with_reserve)`(Reserve::global())`, with the flavour named in the type.
    ///
    /// ```
    /// static TREE: maple_tree::MapleTree<u32> = maple_tree::MapleTree::new();
    /// TREE.store(0..10, 7)?;
    /// assert_eq!(TREE.get(5, &TREE.pin()), Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new() -> Self {
        Self::with_reserve(Reserve::global())
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> MapleTree<V, R, L> {
    /// An empty tree, of any flavour, with this reserve. Allocates nothing. Constant time.
    ///
    /// ```
    /// use maple_tree::{Epoch, MapleTree, Reserve, StdLock};
    ///
    /// static RESERVE: Reserve = Reserve::new(16);
    /// let tree = MapleTree::<u32, Epoch, StdLock>::with_reserve(&RESERVE);
    /// tree.store(0..10, 7)?; // fills the reserve, too
    /// assert_eq!(RESERVE.figures().free, 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn with_reserve(reserve: &'static Reserve) -> Self {
        Self::from_map(RangeMap::with_reserve(reserve))
    }

    /// Shares a map, with any flavour and any lock. Takes no time. (`MapleTree::from` is for the default lock.)
    ///
    /// ```
    /// use maple_tree::{Epoch, MapleTree, RangeMap, StdLock};
    ///
    /// let map: RangeMap<u32> = [(0..10, 1)].into_iter().collect();
    /// let tree = MapleTree::<u32, Epoch, StdLock>::from_map(map);
    /// assert_eq!(tree.get(5, &tree.pin()), Some(1));
    /// ```
    pub const fn from_map(map: RangeMap<V>) -> Self {
        Self { map: UnsafeCell::new(map), lock: WriterLock::new(), reclaim: Mutex::new(()), flavour: PhantomData }
    }

    /// The tree as its only user's map. Takes no time, but for entries that were removed in place and are released here.
    ///
    /// ```
    /// let mut tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// assert_eq!(tree.get_mut().replace(15, 'b')?, 'a'); // in place, and given back at once
    /// assert_eq!(tree.get(15, &tree.pin()), Some('b'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_mut(&mut self) -> &mut RangeMap<V> {
        self.lock.forget_carried();
        let map = self.map.get_mut();
        map.settle();
        map
    }

    /// The map inside. As [`get_mut`](Self::get_mut). Takes no time but for what is released.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// let map = tree.into_inner();
    /// assert_eq!(map.get(15), Some('a'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_inner(mut self) -> RangeMap<V> {
        self.get_mut();
        self.map.into_inner()
    }

    pub(crate) fn root(&self) -> &Root {
        let map = self.map.get();
        // SAFETY: the root is atomic; no `&mut` to it or to the whole map exists while `self` is borrowed.
        unsafe { &(*map).root }
    }

    /// Takes the writers' lock, for several changes in a row: waits until no other writer has it. Every method that changes the tree is this
    /// with one change. Allocates nothing, as long as the lock does not.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// for page in 0..4u64 {
    ///     writer.insert(page * 0x1000..=page * 0x1000 + 0xfff, page as u32)?;
    /// }
    /// assert_eq!(writer.erase(0x1234).map(|removed| removed.get()), Some(1));
    /// drop(writer);
    /// assert_eq!(tree.get(0x2345, &tree.pin()), Some(2));
    /// # Ok::<(), maple_tree::InsertError<u32>>(())
    /// ```
    #[doc(alias = "mtree_lock")]
    #[doc(alias = "mas_lock")]
    pub fn lock(&self) -> Writer<'_, V, R, L> {
        // SAFETY: the map is behind this lock, but for its root, and readers hold a guard of `R`.
        unsafe { Writer::new(&self.lock, &self.map) }
    }

    /// Takes the writers' lock if nobody has it; never waits. Allocates nothing, as long as the lock does not.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::<u32>::new();
    /// let writer = tree.lock();
    /// assert!(tree.try_lock().is_none());
    /// drop(writer);
    /// assert!(tree.try_lock().is_some());
    /// ```
    pub fn try_lock(&self) -> Option<Writer<'_, V, R, L>> {
        // SAFETY: as in `lock`.
        unsafe { Writer::try_new(&self.lock, &self.map) }
    }

    /// Does `change` under the tree's lock.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut TreeMut<'_>) -> T) -> T {
        self.lock().with(None, |writer, _| change(writer)).0
    }

    /// Opens a read section. The flavour says what that costs and whether it may allocate: see [`Epoch`].
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, Box::new(7u32))?;
    /// let guard = tree.pin();
    /// let seven = tree.get(15, &guard).expect("just stored");
    /// tree.clear();
    /// assert_eq!(*seven, 7); // lives as long as the guard
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin(&self) -> R::Guard {
        R::pin()
    }

    /// The entry that covers `index`. `O(h)`, wait-free.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.get(19, &guard), Some('a'));
    /// assert_eq!(tree.get(20, &guard), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_load")]
    pub fn get<'g>(&'g self, index: u64, guard: &'g R::Guard) -> Option<V::Ref<'g>> {
        let _ = guard;
        // SAFETY: an entry found inside the read section is not released before its end.
        lookup(self.root(), index).map(|entry| unsafe { V::borrow(entry) })
    }

    /// The entries that cover `indices`, in their order, each as [`get`](Self::get) finds it (beside a writer, not all at one instant).
    /// `O(N * h)`, wait-free; in a large tree much quicker than one call for each, because the descents go side by side and wait for
    /// memory together.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.get_many([5, 15, 35], &guard), [None, Some('a'), Some('b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn get_many<'g, const N: usize>(&'g self, indices: [u64; N], guard: &'g R::Guard) -> [Option<V::Ref<'g>>; N] {
        let _ = guard;
        // SAFETY: an entry found inside the read section is not released before its end.
        lookup_many(self.root(), &indices).map(|found| found.map(|entry| unsafe { V::borrow(entry) }))
    }

    /// The entry that covers `index` with its exact range, or nothing with the gap around `index`. `O(h)`, wait-free.
    ///
    /// Every index of a gap was free at some instant during the call, and `index` itself together with the slot it falls into at one.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.get_range(12, &guard), (10..=19, Some('a')));
    /// assert_eq!(tree.get_range(25, &guard), (20..=29, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_load")]
    #[doc(alias = "mas_walk")]
    pub fn get_range<'g>(&'g self, index: u64, guard: &'g R::Guard) -> (RangeInclusive<u64>, Option<V::Ref<'g>>) {
        let _ = guard;
        // SAFETY: an entry found inside the read section is not released before its end.
        unsafe { get_range::<V>(self.root(), index) }
    }

    /// Whether an entry covers `index`. `O(h)`, wait-free.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert!(tree.contains(10, &guard));
    /// assert!(!tree.contains(20, &guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contains(&self, index: u64, guard: &R::Guard) -> bool {
        let _ = guard;
        lookup(self.root(), index).is_some()
    }

    /// The entry with the lowest range, as a walk finds it (see [`Iter`]): not of one instant beside a writer.
    /// `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.first(&guard), Some((10..=19, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn first<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<u64>, V::Ref<'g>)> {
        self.iter(guard).next()
    }

    /// The entry with the highest range, as a walk finds it: not of one instant beside a writer.
    /// `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.last(&guard), Some((30..=39, 'b')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last<'g>(&'g self, guard: &'g R::Guard) -> Option<(RangeInclusive<u64>, V::Ref<'g>)> {
        self.iter(guard).next_back()
    }

    /// Whether a walk finds no entry: not of one instant beside a writer. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert!(!tree.is_empty(&guard));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_empty")]
    pub fn is_empty(&self, guard: &R::Guard) -> bool {
        self.first(guard).is_none()
    }

    /// All entries with their ranges, in order. See [`Iter`] for what holds beside a writer. Allocates nothing. `O(h)` to begin with.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.iter(&guard).collect::<Vec<_>>(), [(10..=19, 'a'), (30..=39, 'b')]);
    /// assert_eq!(tree.iter(&guard).next_back(), Some((30..=39, 'b')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mt_for_each")]
    pub fn iter<'g>(&'g self, guard: &'g R::Guard) -> Iter<'g, V> {
        self.range(.., guard)
    }

    /// The entries that overlap `range`, each with its whole range. A range that holds no index yields nothing.
    /// `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.range(15..30, &guard).collect::<Vec<_>>(), [(10..=19, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mt_find")]
    #[doc(alias = "mt_find_after")]
    pub fn range<'g>(&'g self, range: impl RangeBounds<u64>, guard: &'g R::Guard) -> Iter<'g, V> {
        let _ = guard;
        // SAFETY: tree and read section are borrowed for as long as the iterator.
        unsafe { Iter::new(self.root(), inclusive(&range).ok()) }
    }

    /// The gaps within `range`, clipped to it. A range that holds no index yields nothing. `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// assert_eq!(tree.gaps(..35, &guard).collect::<Vec<_>>(), [0..=9, 20..=29]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gaps<'g>(&'g self, range: impl RangeBounds<u64>, guard: &'g R::Guard) -> Gaps<'g, V> {
        let _ = guard;
        // SAFETY: tree and read section are borrowed for as long as the iterator.
        unsafe { Gaps::new(self.root(), inclusive(&range).ok()) }
    }

    /// A cursor for looking around. It is nowhere yet. See [`Cursor`] for what holds beside a writer. Takes no time, allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let guard = tree.pin();
    /// let mut cursor = tree.cursor(&guard);
    /// assert_eq!(cursor.seek(35), Some('b'));
    /// assert_eq!(cursor.prev(), Some((10..=19, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cursor<'g>(&'g self, guard: &'g R::Guard) -> Cursor<'g, V> {
        let _ = guard;
        // SAFETY: tree and read section are borrowed for as long as the cursor.
        unsafe { Cursor::new(self.root()) }
    }

    /// Stores `value` at `range`, over whatever is there: entries inside are removed, entries that stick out are cut, an entry that
    /// sticks out on both sides is split (which clones it). A lookup sees all of it or nothing. `O(h)` and the entries removed.
    /// Waits for other writers, never for readers; may allocate.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.store(15..35, 'c')?;
    /// assert_eq!(tree.get_range(15, &tree.pin()), (15..=34, Some('c')));
    /// assert_eq!(tree.get_range(14, &tree.pin()), (10..=14, Some('a')));
    /// assert_eq!(tree.store(9..5, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_store")]
    #[doc(alias = "mtree_store_range")]
    #[doc(alias = "mas_store_gfp")]
    pub fn store(&self, range: impl RangeBounds<u64>, value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        match inclusive(&range) {
            Ok(window) => self.store_at(window, value),
            Err(bad) => Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
        }
    }

    /// As [`store`](Self::store), of the same code whatever the type of the range was.
    fn store_at(&self, window: (u64, u64), value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        self.lock().store_at(window, value)
    }

    /// Stores `value` at `range` if no entry overlaps it. `O(h)`. Waits for other writers, never for readers; may allocate.
    ///
    /// # Errors
    ///
    /// The first range in the way; out of memory; a range that holds no index. The value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.insert(20..30, 'c')?;
    /// let refused = tree.insert(25..50, 'd').unwrap_err();
    /// assert_eq!((refused.value, refused.kind), ('d', maple_tree::InsertErrorKind::Occupied(20..=29)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_insert")]
    #[doc(alias = "mtree_insert_range")]
    pub fn insert(&self, range: impl RangeBounds<u64>, value: V) -> Result<(), InsertError<V>> {
        match inclusive(&range) {
            Ok(window) => self.insert_at(window, value),
            Err(bad) => Err(InsertError { value, kind: InsertErrorKind::BadRange(bad) }),
        }
    }

    /// As [`insert`](Self::insert), of the same code whatever the type of the range was.
    fn insert_at(&self, window: (u64, u64), value: V) -> Result<(), InsertError<V>> {
        self.lock().insert_at(window, value)
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. `O(h)`. One slot store; for an entry without a
    /// link of its own (`Box`, `Arc`) one new leaf. Waits for other writers, never for readers.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap. Out of memory for the leaf.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let old = tree.replace(13, 'c')?;
    /// assert_eq!((old.range(), old.get()), (10..=19, 'a'));
    /// assert_eq!(tree.replace(25, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace(&self, index: u64, value: V) -> Result<Removed<'_, V, R, L>, ReplaceError<V>> {
        self.lock().replace(index, value)
    }

    /// Takes out the entry that covers `index`, with its whole range. One slot store, `O(h)`. Waits for other writers.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let removed = tree.erase(35).expect("just stored");
    /// assert_eq!((removed.range(), removed.get()), (30..=39, 'b'));
    /// assert!(tree.erase(35).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_erase")]
    pub fn erase(&self, index: u64) -> Option<Removed<'_, V, R, L>> {
        self.lock().erase(index)
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
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.remove(15..35)?;
    /// assert_eq!(tree.iter(&tree.pin()).collect::<Vec<_>>(), [(10..=14, 'a'), (35..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
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
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.remove_or(..35, maple_tree::Shortage::Allocate)?;
    /// assert_eq!(tree.iter(&tree.pin()).collect::<Vec<_>>(), [(35..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn remove_or(&self, range: impl RangeBounds<u64>, shortage: Shortage) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.remove_at(inclusive(&range).map_err(RemoveError::BadRange)?, shortage)
    }

    /// As [`remove_or`](Self::remove_or), of the same code whatever the type of the range was.
    fn remove_at(&self, window: (u64, u64), shortage: Shortage) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.or_wait(shortage, || self.lock().remove_at(window, shortage))
    }

    /// Removes every entry that lies wholly inside `range`; entries that stick out stay whole. `O(h)`. In place, from the top: at most
    /// 15 slot stores a level for each end of the range.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. A range that holds no index removes nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.remove_whole(5..35);
    /// assert_eq!(tree.iter(&tree.pin()).collect::<Vec<_>>(), [(30..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_whole(&self, range: impl RangeBounds<u64>) {
        let range = fixed(&range);
        self.lock().remove_whole(range);
    }

    /// Tries once, and once more after a grace period if that is what to do for want of nodes.
    fn or_wait<T, E>(&self, shortage: Shortage, attempt: impl Fn() -> Result<T, E>) -> Result<T, E> {
        match attempt() {
            Err(_) if shortage == Shortage::Wait && self.synchronize().is_ok() => attempt(),
            result => result,
        }
    }

    /// Rebuilds the structure with full nodes, after removals that left it sparse. `O(n)` under the writer lock; readers see the old
    /// nodes or the new ones, with the same entries. Allocates.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was. The new nodes are there before the old ones go.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.compact()?;
    /// assert_eq!(tree.get(15, &tree.pin()), Some('a'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&self) -> Result<(), AllocError> {
        self.lock().compact()
    }

    /// Removes every entry with one store. Cannot fail: never allocates, never waits for readers, enters no read section.
    /// Waits for other writers. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.clear();
    /// assert!(tree.is_empty(&tree.pin()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_destroy")]
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Removes every entry whose range **starts** at or after `from`. An entry that starts before `from` and covers it stays whole
    /// (see [`prune_cut`](Self::prune_cut)). `O(h)` whatever the size of the tail.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. When the tree's own spare nodes or the reserve
    /// have enough (at most `h`), the path to the border is copied and the tail vanishes at one instant; else it is killed in place,
    /// from the top, in at most `15 * h` stores. In either form as many nodes or more come back after a grace period as were taken.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let pruned = tree.prune(15);
    /// assert_ne!(pruned.form, maple_tree::PruneForm::Nothing);
    /// assert_eq!(tree.iter(&tree.pin()).collect::<Vec<_>>(), [(10..=19, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune(&self, from: u64) -> Pruned {
        self.lock().prune(from)
    }

    /// As [`prune`](Self::prune), but always in place: takes no node, and readers see the tail vanish piece by piece.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let pruned = tree.prune_in_place(15);
    /// assert_eq!((pruned.form, pruned.nodes_taken), (maple_tree::PruneForm::InPlace, 0));
    /// assert_eq!(tree.last(&tree.pin()), Some((10..=19, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_in_place(&self, from: u64) -> Pruned {
        self.lock().prune_in_place(from)
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
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.prune_cut(15)?; // the reserve is full, so it has the node for that
    /// assert_eq!(tree.iter(&tree.pin()).collect::<Vec<_>>(), [(10..=14, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_cut(&self, from: u64) -> Result<Pruned, WouldCut> {
        self.prune_cut_or(from, Shortage::Refuse)
    }

    /// Removes everything at or after `from`; an entry that covers `from` is made to end before it. `shortage` says what to do when
    /// there is such an entry and neither this tree nor the reserve has the nodes for a copy of the path, at most `h`. `O(h)`.
    ///
    /// # Errors
    ///
    /// The entry that would have been cut. The tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// tree.prune_cut_or(15, maple_tree::Shortage::Allocate)?;
    /// assert_eq!(tree.iter(&tree.pin()).collect::<Vec<_>>(), [(10..=14, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_cut_or(&self, from: u64, shortage: Shortage) -> Result<Pruned, WouldCut> {
        self.or_wait(shortage, || self.lock().prune_cut_or(from, shortage))
    }

    /// A copy of the tree at one instant, node for node, with a clone of every entry; not yet shared
    /// ([`MapleTree::from`] shares it). Writers wait meanwhile, readers do not. `O(n)`. Allocates.
    ///
    /// The copy earmarks the nodes for its own prune, one a level and one more, while failing is still clean. It uses the same reserve.
    ///
    /// # Errors
    ///
    /// Out of memory.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let mut copy = tree.dup()?;
    /// copy.erase(15);
    /// assert_eq!(copy.iter().collect::<Vec<_>>(), [(30..=39, 'b')]);
    /// assert!(tree.contains(15, &tree.pin()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_dup")]
    pub fn dup(&self) -> Result<RangeMap<V>, AllocError>
    where
        V: TryClone,
    {
        self.lock().dup()
    }

    /// As [`dup`](Self::dup), with every entry made by `entry` from the range and the entry of the original. `O(n)`, under the lock.
    ///
    /// # Errors
    ///
    /// Out of memory for the nodes, before `entry` was called; or the error of `entry`, with a valid map of exactly the entries
    /// before the one that failed. Getting there allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let copied = tree.try_dup_with(|_, value| if value == 'a' { Ok(1u32) } else { Err("not copied") });
    /// let Err(maple_tree::DupError::Entry { range, partial, .. }) = copied else { unreachable!() };
    /// assert_eq!((range, partial.iter().collect::<Vec<_>>()), (30..=39, vec![(10..=19, 1)]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::result_large_err, reason = "the copy that failed is as large as one that did not")]
    pub fn try_dup_with<W: crate::Entry, E>(
        &self,
        mut entry: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> Result<W, E>,
    ) -> Result<RangeMap<W>, DupError<W, E>> {
        // Here, so that it is dropped outside the lock when `entry` panics; so is `entry`.
        let mut copy = RangeMap::new();
        let copied = self.lock().copy_into(&mut copy, &mut entry);
        outcome(copy, copied)
    }

    /// Checks every invariant of the structure, with writers kept out. `O(n)`, allocates. For tests and for the distrustful.
    /// Waits for other writers.
    ///
    /// # Errors
    ///
    /// The first broken invariant, and where.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// let summary = tree.validate()?;
    /// assert_eq!((summary.entries, summary.height), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validate(&self) -> Result<Summary, Invalid> {
        self.lock().validate()
    }

    /// The structure as text. `O(n)`, when it is printed. Takes the lock only while it is printed.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert!(tree.dump().to_string().contains("10..=19 entry"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self) -> Dump<'_> {
        Dump { root: self.root(), lock: Some(self.lock.gate()) }
    }

    /// The structure as a graph for Graphviz. `O(n)`, when it is printed. Takes the lock only while it is printed.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert!(tree.dot().to_string().starts_with("digraph"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dot(&self) -> Dot<'_> {
        Dot { root: self.root(), lock: Some(self.lock.gate()) }
    }

    /// Figures of this tree. Takes the writer lock. `O(1)`, allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert_eq!(tree.figures().height, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn figures(&self) -> TreeFigures {
        self.lock().figures()
    }
}

#[cfg(feature = "std")]
impl<V: Shared<R>, R: Rcu> From<RangeMap<V>> for MapleTree<V, R> {
    /// Shares a map. Takes no time.
    fn from(map: RangeMap<V>) -> Self {
        Self::from_map(map)
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Default for MapleTree<V, R, L> {
    fn default() -> Self {
        Self::with_reserve(Reserve::global())
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for MapleTree<V, R, L>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    /// The entries at one instant: holds the writer lock meanwhile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _lock = Held::new(self.lock.gate());
        // SAFETY: what is in the tree stays while its writer is kept out.
        let entries = unsafe { Iter::<V>::new(self.root(), Some((0, u64::MAX))) };
        f.debug_map().entries(entries).finish()
    }
}
