//! A session of a shared tree's writer: several changes under one lock.
//!
//! Foreign code (the `Drop` of entries, what a flavour does with a batch) must not run under the lock, and removals must not ask for memory
//! to remember what that code is to be run for. So a session leaves to its end
//!
//! | what | where it is until then |
//! |---|---|
//! | nodes that were replaced, with the entries in them | on the tree's list of retired nodes, as ever |
//! | entries with a link of their own | on the flavour's list, as ever |
//! | entries that may be dropped at once, copies that were not needed | in the session, up to sixteen, of which the entries leave half |
//! | when these are more | entries stay in their slots, as those do that have no other carrier; a store that would have to copy one is refused |
//! | a copy of the tree for which there was no memory | its nodes hang together, and on the session |
//! | handing over, and filling the reserve | a flag, raised by what may allocate |

use crate::entry::{Entry, Kind, Release as How, Shared, TryClone, try_clone_raw};
use crate::error::{
    InsertError, InsertErrorKind, RemoveError, ReplaceError, ReplaceErrorKind, StoreError, StoreErrorKind, WouldCut,
};
use crate::face::{Pending, Shortage, insert_with, remove_with};
use crate::list::Limbo;
use crate::map::RangeMap;
use crate::node::Root;
use crate::owner::{Owner, Release, Sink};
use crate::path::Path;
use crate::prune::{NoPath, Pruned};
use crate::range::inclusive;
use crate::removed::{Removed, WriterLock};
use crate::reserve::Reserve;
#[cfg(feature = "std")]
use crate::std_lock::StdLock;
use crate::sync::{or_broken, panicking};
use crate::tree_mut::{Changed, Leftovers, Memory, Mode, TreeMut};
use crate::walk::{lookup_range, whole_gap};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::RangeBounds;
use core::ptr::NonNull;
use lock_api::RawMutex;
#[cfg(feature = "std")]
use maple_rcu::Epoch;
use maple_rcu::{AllocError, Batch, Rcu};

/// Retired nodes of which the reserve's figures are told in one go.
const COUNTED: usize = 16;
/// Retired nodes that make a growing operation hand them over: 16 KiB.
const HAND_OVER: usize = 64;
/// The same for a tree of one or two levels.
const HAND_OVER_SMALL: usize = 16;

/// What is left to do when a session has let go of the lock; each includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Duty {
    /// Nothing: a session that only removed asks nobody for anything.
    None,
    /// Entries with a link of their own are handed over when enough have come together.
    Links,
    /// Something grew: the reserve is filled, and nodes are handed over when enough have come together.
    Grown,
    /// Everything is handed over.
    HandOver,
}

with_defaults! {
    /// A session of the one writer of a [`MapleTree`](crate::MapleTree): it holds the tree's lock until it is dropped; made by
    /// [`lock`](crate::MapleTree::lock).
    ///
    /// * Everything that the tree's own methods do can be done here, with `&mut self`, under one lock. **Readers see each change when it is
    ///   made**, not the session as a whole; what is promised of each call holds for it here, too. Other writers wait.
    /// * Looking needs no read section: what is found lives as long as the borrow of the session. (A guard that is made in a session may run
    ///   what is due, see [`Epoch`]: under the lock.)
    /// * **Removals** do here what they do there: they never allocate, never wait, and cannot fail. A session that only removed ends without asking
    ///   anybody for anything. One that grew the tree fills the [`Reserve`] and hands over what is retired when it ends, outside the lock; a long
    ///   one does so in between with [`bump`](Self::bump).
    /// * **Entries' `Drop` runs outside the lock**, when the session ends, also when a panic (of an entry's `Clone`) ends it. Two things
    ///   are in the caller's hands: a value that an error gave back, and a [`Removed`] of an entry that may be dropped at once
    ///   ([`Release::Now`](crate::Release::Now)) and does something in its `Drop` (`RcuArc` does not: its value is dropped after a grace
    ///   period). Keep these until the session is over if their `Drop` may call the tree.
    /// * **To wait inside a session** is to make others wait who may be those that are waited for. So what waits for a grace period is not offered
    ///   here ([`synchronize`](crate::MapleTree::synchronize)), [`Shortage::Wait`] does what [`Shortage::Refuse`] does, and [`Removed::wait`]
    ///   must not be called. Nor may any other call on the same tree that takes the lock; the thread would wait for itself.
    ///
    /// ```
    /// use maple_tree::MapleTree;
    ///
    /// let tree = MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(0..10, 'a')?;
    /// writer.store(20..30, 'b')?;
    /// assert_eq!(writer.get(5), Some('a')); // no guard
    /// assert_eq!(tree.get(25, &tree.pin()), Some('b')); // readers need no lock and see it already
    /// writer.remove_whole(..15);
    /// drop(writer);
    /// assert_eq!(tree.first(&tree.pin()), Some((20..=29, 'b')));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    ///
    /// A tree cannot be taken apart, or changed as an exclusive map, beside a session:
    ///
    /// ```compile_fail,E0502
    /// let mut tree = maple_tree::MapleTree::<u32>::new();
    /// let mut writer = tree.lock();
    /// tree.get_mut().clear();
    /// writer.clear();
    /// ```
    ///
    /// What a session found does not live past a change:
    ///
    /// ```compile_fail,E0502
    /// let tree = maple_tree::MapleTree::<Box<u32>>::new();
    /// let mut writer = tree.lock();
    /// let found = writer.get(5);
    /// writer.clear();
    /// assert_eq!(found, None);
    /// ```
    ///
    /// The standard library's mutex is let go by the thread that took it, so a session stays in its thread. (One with a spin lock may move.)
    ///
    /// ```compile_fail,E0277
    /// let tree = maple_tree::MapleTree::<u32>::new();
    /// let writer = tree.lock();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(move || drop(writer));
    /// });
    /// ```
    ///
    /// # Invariants
    ///
    /// The lock is held by this value, and `map` is what it guards: `map.owner` is touched by nobody else. `outside` holds entries and nodes that no
    /// reader can look at, or may be dropped beside readers.
    #[must_use = "the lock is let go when the session is dropped"]
    pub struct Writer<['t, V: Shared<R>,] R: Rcu, L: RawMutex> {
        pub(crate) lock: &'t WriterLock<L>,
        pub(crate) map: &'t UnsafeCell<RangeMap<V>>,
        duty: Duty,
        /// Made when there is something.
        outside: Option<Release<'static>>,
        flavour: PhantomData<fn() -> R>,
        marker: PhantomData<L::GuardMarker>,
    }
}

// SAFETY: a session is a `&mut RangeMap<V>` beside readers (so `V: Send`, which `Shared` demands, and `Sync`) with a lock that may be let go
// by another thread than the one that took it, if its marker says so.
unsafe impl<V: Shared<R> + Sync, R: Rcu, L: RawMutex<GuardMarker: Send> + Sync> Send for Writer<'_, V, R, L> {}
// SAFETY: `&Writer` gives out shared references to entries only.
unsafe impl<V: Shared<R> + Sync, R: Rcu, L: RawMutex + Sync> Sync for Writer<'_, V, R, L> {}

/// Nodes that are to be handed over.
///
/// # Invariants
///
/// `nodes` came from [`Limbo::into_raw`], and nobody else has the list. They left the tree before this was made, and their entries are of its type.
struct Retirees {
    nodes: NonNull<()>,
    /// So many nodes and removed sub-trees.
    count: usize,
    reserve: &'static Reserve,
}

/// A session with a value that it is about to store. If foreign code panics meanwhile, that is dropped outside the lock.
///
/// # Invariants
///
/// The value is this one's own. Foreign code runs only when the session has room for it.
pub(crate) struct Storing<'w, 't, V: Shared<R>, R: Rcu, L: RawMutex> {
    pub(crate) writer: &'w mut Writer<'t, V, R, L>,
    raw: NonNull<()>,
}

impl<'w, 't, V: Shared<R>, R: Rcu, L: RawMutex> Storing<'w, 't, V, R, L> {
    pub(crate) fn new(writer: &'w mut Writer<'t, V, R, L>, value: Pending<V>) -> Self {
        Self { writer, raw: value.into_raw() }
    }

    /// The value, when no foreign code runs any more.
    pub(crate) fn value_back(self) -> Pending<V> {
        let raw = self.raw;
        core::mem::forget(self);
        // SAFETY: by the invariant of the type; it was given up just now.
        unsafe { Pending::from_raw(raw) }
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Drop for Storing<'_, '_, V, R, L> {
    fn drop(&mut self) {
        self.writer.outside().add_entry(self.raw);
    }
}

/// What a session has left to do outside the lock.
struct Errand {
    fill: Option<&'static Reserve>,
    batch: Option<Retirees>,
    /// Hand over the entries with a link of their own if there are as many.
    links: Option<usize>,
}

impl Errand {
    /// Fills the reserve (if there is memory), and hands over. Returns the nodes if the flavour has no room for them.
    #[inline]
    fn run<V: Shared<R>, R: Rcu>(self) -> Option<Retirees> {
        if let Some(reserve) = self.fill {
            // Without memory the reserve stays as it is; the next operation tries again.
            let _ = reserve.fill();
        }
        let refused = self.batch.filter(|retirees| {
            let reserve = NonNull::from(retirees.reserve).as_ptr();
            // SAFETY: by the invariant of the type, and because `release_batch` matches what is passed.
            let batch = unsafe { Batch::new(retirees.nodes, reserve.cast(), release_batch::<V>) };
            // SAFETY: the entries are `Send` and `'static` (`Shared`), and the tree's lock is not held.
            unsafe { R::try_hand_over(batch) }.is_err()
        });
        if self.links.is_some_and(|enough| R::retired().len() >= enough) {
            R::flush();
        }
        refused
    }
}

impl<'t, V: Shared<R>, R: Rcu, L: RawMutex> Writer<'t, V, R, L> {
    /// Waits for the lock.
    ///
    /// # Safety
    ///
    /// `map` is a map that nobody looks at but readers of the flavour `R`, whose root is all they look at, and who holds `lock`.
    #[inline]
    pub(crate) unsafe fn new(lock: &'t WriterLock<L>, map: &'t UnsafeCell<RangeMap<V>>) -> Self {
        lock.raw().lock();
        // SAFETY: the caller's promise; the lock is held.
        unsafe { Self::locked(lock, map) }
    }

    /// Takes the lock if nobody has it.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    pub(crate) unsafe fn try_new(lock: &'t WriterLock<L>, map: &'t UnsafeCell<RangeMap<V>>) -> Option<Self> {
        // SAFETY: the caller's promise; the lock is held.
        lock.raw().try_lock().then(|| unsafe { Self::locked(lock, map) })
    }

    /// # Safety
    ///
    /// As for [`new`](Self::new); the lock is held, and left to the new session.
    unsafe fn locked(lock: &'t WriterLock<L>, map: &'t UnsafeCell<RangeMap<V>>) -> Self {
        Self { lock, map, duty: Duty::None, outside: None, flavour: PhantomData, marker: PhantomData }
    }

    /// What is released at the end.
    pub(crate) fn outside(&mut self) -> &mut Release<'static> {
        let reserve = self.owner().reserve;
        self.outside.get_or_insert_with(|| {
            // SAFETY: no reader looks at what is nothing, nor (the invariant of the type) at what is added.
            unsafe { Release::new(Limbo::new(), Kind::of::<V>(), Sink::Reserve(reserve)) }
        })
    }

    pub(crate) fn root(&self) -> &Root {
        let map = self.map.get();
        // SAFETY: the root is atomic; no `&mut` to it or to the whole map exists while the tree is borrowed.
        unsafe { &(*map).root }
    }

    pub(crate) fn owner(&self) -> &Owner {
        let map = self.map.get();
        // SAFETY: the lock is held, and a `&mut` to the owner is made with `&mut self` only.
        unsafe { &(*map).owner }
    }

    /// Does `change`, which begins where `path` ends if there is one, and sees to what it left over. Says also how many levels, from the
    /// leaves up, the change concerned.
    #[inline]
    pub(crate) fn with<T>(
        &mut self,
        path: Option<&Path>,
        change: impl FnOnce(&mut TreeMut<'_>, &mut Leftovers) -> T,
    ) -> Changed<T> {
        let mut left_over = Leftovers::default();
        let mut kind = Kind::of::<V>();
        // What may be dropped at once, but not here, and has no room in the session, stays in its slot.
        kind.carried_by_slot |= V::NEEDS_DROP && matches!(V::RELEASE, How::Now) && !self.has_room_for_displaced();
        let map = self.map.get();
        // SAFETY: the lock is held and `self` is borrowed mutably, so this is the only reference to the owner.
        let owner = unsafe { &mut (*map).owner };
        let mut writer =
            TreeMut::new(self.root(), owner, or_broken!(Copy: Mode::Shared, Mode::Exclusive), kind).starting_at(path);
        let result = change(&mut writer, &mut left_over);
        writer.owner.count_retired(COUNTED);
        let outdated = writer.outdated();
        for entry in left_over.displaced {
            // SAFETY: it was displaced from its slot; the link, if there is one, owns it from here on.
            match unsafe { <V as Entry>::link(entry) } {
                // SAFETY: the link was retired once, here, after the entry became unreachable.
                Some(link) => unsafe { R::retire(link) },
                None if V::NEEDS_DROP => self.outside().add_entry(entry),
                None => {}
            }
        }
        left_over.unused.into_iter().for_each(|copy| self.outside().add_entry(copy));
        (result, outdated)
    }

    /// As [`with`](Self::with), for a change that may allocate.
    #[inline]
    pub(crate) fn grow<T>(&mut self, change: impl FnOnce(&mut TreeMut<'_>, &mut Leftovers) -> T) -> T {
        self.owe(Duty::Grown);
        self.with(None, change).0
    }

    /// Whether an entry can be [put away](Self::put_away).
    pub(crate) fn has_room(&self) -> bool {
        self.outside.as_ref().is_none_or(Release::has_room)
    }

    /// Whether an entry that a change displaces can be remembered. These leave half of the room to copies, of which a session could make none
    /// after it displaced many.
    fn has_room_for_displaced(&self) -> bool {
        self.outside.as_ref().is_none_or(Release::has_much_room)
    }

    /// Drops the copy of an entry that was not used when the session ends.
    ///
    /// # Safety
    ///
    /// It came from `into_raw` of the entries' type, and nobody else has it. There is [room](Self::has_room).
    pub(crate) unsafe fn put_away(&mut self, copy: NonNull<()>) {
        self.outside().add_entry(copy);
    }

    fn owe(&mut self, duty: Duty) {
        self.duty = self.duty.max(duty);
    }

    /// When the session ends, everything that is retired is to be handed over.
    pub(crate) fn hand_over(&mut self) {
        self.owe(Duty::HandOver);
    }

    /// Whether the session leaves nothing to do but to let go of the lock. What others left to do may wait for another session.
    #[inline(always)]
    fn is_done(&self) -> bool {
        let few_links = !V::NEEDS_DROP || R::retired().len() < HAND_OVER;
        match self.duty {
            Duty::None => true,
            Duty::Links => few_links,
            Duty::Grown => {
                let owner = self.owner();
                let few_nodes = owner.retired() < HAND_OVER_SMALL || (owner.retired() < HAND_OVER && !self.is_small());
                few_links && few_nodes && owner.reserve.is_full()
            }
            Duty::HandOver => false,
        }
    }

    /// Whether retired nodes are much beside the tree's own.
    fn is_small(&self) -> bool {
        self.root().load().is_none_or(|(_, level)| level <= 1)
    }

    /// Takes what is to be done outside the lock, and lets go of it.
    ///
    /// # Safety
    ///
    /// Nothing that needs the lock is done with `self` until it is taken again.
    #[inline]
    unsafe fn leave(&mut self) -> Errand {
        let map = self.map.get();
        // SAFETY: the lock is held and `self` is borrowed mutably, so this is the only reference to the owner.
        let owner = unsafe { &mut (*map).owner };
        // A panic is no time to run what others left; what is due then is due after the next change, too.
        let duty = if panicking() { Duty::None } else { self.duty };
        self.duty = Duty::None;
        let due = match duty {
            Duty::None | Duty::Links => false,
            Duty::Grown => owner.retired() >= if self.is_small() { HAND_OVER_SMALL } else { HAND_OVER },
            Duty::HandOver => true,
        };
        let (count, reserve) = (owner.retired(), owner.reserve);
        let nodes = if due && self.lock.may_release() { owner.take_retired().into_raw() } else { None };
        let batch = nodes.map(|nodes| Retirees { nodes, count, reserve });
        let links = match duty {
            Duty::None => None,
            _ => Some(if due { 0 } else { HAND_OVER }),
        };
        // SAFETY: the lock is held (the invariant of the type).
        unsafe { self.lock.raw().unlock() };
        Errand { fill: (duty == Duty::Grown).then_some(reserve), batch, links }
    }

    /// Lets go of the lock, and does what is left to do outside.
    #[cold]
    fn end(&mut self) {
        // SAFETY: nothing but `outside`, which needs no lock, is touched after this without the lock.
        let errand = unsafe { self.leave() };
        if let Some(refused) = errand.run::<V, R>() {
            self.keep(refused);
        }
    }

    /// The flavour had no room for nodes that were to be handed over: they are the tree's again, for another time. (The batch that came back
    /// is forgotten.) Takes the lock, which this session has let go of, and lets go of it again.
    #[cold]
    fn keep(&mut self, refused: Retirees) {
        self.lock.raw().lock();
        let map = self.map.get();
        // SAFETY: the lock is held and `self` is borrowed mutably, so this is the only reference to the owner.
        let owner = unsafe { &mut (*map).owner };
        // SAFETY: from `into_raw` in `leave`; the batch was not run and never will be.
        owner.put_back(unsafe { Limbo::from_raw(refused.nodes) }, refused.count);
        // SAFETY: the lock was taken above.
        unsafe { self.lock.raw().unlock() };
    }

    /// Ends the session and begins another: lets others in, runs the `Drop` of entries that went, and, if the tree grew, fills the reserve and
    /// hands over what is retired. Takes the lock again, which may wait for other writers; the tree may be another then.
    ///
    /// # Panics
    ///
    /// When the `Drop` of an entry does. The session goes on.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// for page in 0..10_000u64 {
    ///     writer.store(page..=page, page as u32)?;
    ///     if page % 100 == 99 {
    ///         writer.bump(); // or the nodes that were replaced would wait for the end of the session
    ///     }
    /// }
    /// assert_eq!(writer.figures().retired, 0);
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    pub fn bump(&mut self) {
        /// Takes the lock again, in any case.
        struct Again<'a, L: RawMutex>(&'a L);

        impl<L: RawMutex> Drop for Again<'_, L> {
            fn drop(&mut self) {
                self.0.lock();
            }
        }

        // SAFETY: `again` takes the lock again, and until then only what the session remembers is touched.
        let errand = unsafe { self.leave() };
        let again = Again(self.lock.raw());
        // Run, or while a panic unwinds dropped, before the lock is taken again.
        let outside = self.outside.take();
        if let Some(refused) = errand.run::<V, R>() {
            self.keep(refused);
        }
        outside.into_iter().for_each(Release::run);
        drop(again);
    }

    /// Stores `value` at `range`, over whatever is there: entries inside are removed, entries that stick out are cut, an entry that
    /// sticks out on both sides is split (which clones it). A lookup sees all of it or nothing. `O(h)` and the entries removed.
    /// May allocate.
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the tree is as it was. A session remembers eight
    /// clones or more that were made for nothing, because memory ran out after that; then a store that would have to clone is refused as if it had
    /// none, until the next [`bump`](Self::bump).
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.store(15..35, 'c')?;
    /// assert_eq!(writer.get_range(15), (15..=34, Some('c')));
    /// assert_eq!(writer.get_range(14), (10..=14, Some('a')));
    /// assert_eq!(writer.store(9..5, 'd').unwrap_err().value, 'd');
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
    #[inline]
    pub(crate) fn store_at(&mut self, window: (u64, u64), value: V) -> Result<(), StoreError<V>>
    where
        V: TryClone,
    {
        // SAFETY: an entry of the tree is not taken back during the call.
        let mut split = |entry| unsafe { try_clone_raw::<V>(entry) };
        let (stored, _) = self.put(None, window, Pending::new(value), None, &mut split);
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
        self.owe(Duty::Grown);
        let word = value.word();
        let storing = Storing::new(self, value);
        let room = storing.writer.has_room();
        let (stored, outdated) = storing.writer.with(path, |writer, left_over| {
            left_over.unused = copy;
            // Without room nothing is cloned, so no foreign code runs.
            let mut split = |entry| if room { split(entry) } else { Err(AllocError(())) };
            writer.append(window, word) || writer.write(window, word, Memory::Allocate, left_over, &mut split).is_ok()
        });
        let value = storing.value_back();
        if stored {
            value.stored();
            return (Ok(()), outdated);
        }
        (Err(value), outdated)
    }

    /// Stores `value` at `range` if no entry overlaps it. `O(h)`. May allocate.
    ///
    /// # Errors
    ///
    /// The first range in the way; out of memory; a range that holds no index. The value comes back, and the tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.insert(20..30, 'c')?;
    /// let refused = writer.insert(25..50, 'd').unwrap_err();
    /// assert_eq!((refused.value, refused.kind), ('d', maple_tree::InsertErrorKind::Occupied(20..=29)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
    #[inline]
    pub(crate) fn insert_at(&mut self, window: (u64, u64), value: V) -> Result<(), InsertError<V>> {
        self.grow(|writer, left_over| insert_with(writer, window, value, left_over))
    }

    /// Puts `value` in the place of the entry that covers `index`; the range stays. `O(h)`. One slot store; for an entry without a
    /// link of its own (`Box`, `Arc`) one new leaf.
    ///
    /// # Errors
    ///
    /// No entry covers `index`: the value comes back with the gap. Out of memory for the leaf.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let old = writer.replace(13, 'c')?;
    /// assert_eq!((old.range(), old.get()), (10..=19, 'a'));
    /// assert_eq!(writer.replace(25, 'd').unwrap_err().value, 'd');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn replace(&mut self, index: u64, value: V) -> Result<Removed<'t, V, R, L>, ReplaceError<V>> {
        self.replace_from(None, index, Pending::new(value)).0
    }

    /// As [`replace`](Self::replace), from the end of `path`. Also gives the levels that changed.
    #[inline]
    pub(crate) fn replace_from(
        &mut self,
        path: Option<&Path>,
        index: u64,
        value: Pending<V>,
    ) -> Changed<Result<Removed<'t, V, R, L>, ReplaceError<V>>> {
        let lock = self.lock;
        if V::RELEASE != How::Slot {
            let (exchanged, _) = self.with(path, |writer, _| writer.exchange(index, value.word()));
            if let Some(old) = exchanged {
                value.stored();
                self.owe(Duty::Links);
                // SAFETY: the entry was just taken out of its slot.
                return (Ok(unsafe { Removed::new(lock, (old.first, old.last), old.entry, None) }), 0);
            }
        }
        self.owe(Duty::Grown);
        let (replaced, outdated) = self.with(path, |writer, left_over| {
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
                lock.carry();
            }
            // SAFETY: the old entry was displaced from its slot, or is carried by that of the retired leaf.
            Ok(unsafe { Removed::new(lock, range, old, carrier) })
        });
        (replaced.map_err(|(value, kind)| ReplaceError { value: value.into_value(), kind }), outdated)
    }

    /// Takes out the entry that covers `index`, with its whole range. One slot store, `O(h)`.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let removed = writer.erase(35).expect("just stored");
    /// assert_eq!((removed.range(), removed.get()), (30..=39, 'b'));
    /// assert!(writer.erase(35).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_erase")]
    pub fn erase(&mut self, index: u64) -> Option<Removed<'t, V, R, L>> {
        self.erase_from(None, index).0
    }

    /// As [`erase`](Self::erase), from the end of `path`. Also gives the levels that changed.
    #[inline]
    pub(crate) fn erase_from(&mut self, path: Option<&Path>, index: u64) -> Changed<Option<Removed<'t, V, R, L>>> {
        let lock = self.lock;
        let (erased, outdated) = self.with(path, |writer, _| {
            let erased = writer.erase(index)?;
            if erased.carrier.is_some() {
                lock.carry();
            }
            // SAFETY: the entry was just taken out, or is carried by its slot.
            Some(unsafe { Removed::new(lock, (erased.first, erased.last), erased.entry, erased.carrier) })
        });
        (erased, outdated)
    }

    /// Removes everything inside `range`. Entries that stick out are cut, one that sticks out on both sides is split (which clones
    /// it). `O(h)` and the entries removed.
    ///
    /// The same as [`remove_or`](Self::remove_or) with [`Shortage::Allocate`]: the session fills the reserve when it ends, and hands over.
    ///
    /// # Errors
    ///
    /// As [`MapleTree::remove`](crate::MapleTree::remove).
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.remove(15..35)?;
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(10..=14, 'a'), (35..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn remove(&mut self, range: impl RangeBounds<u64>) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        self.remove_or(range, Shortage::Allocate)
    }

    /// Removes everything inside `range`; `shortage` says what to do when that cuts an entry and needs a node, and neither this tree
    /// nor the reserve has one. `O(h)` and the entries removed. See [`MapleTree::remove_or`](crate::MapleTree::remove_or).
    ///
    /// A session does not wait for others, who may be waiting for it: [`Shortage::Wait`] is as [`Shortage::Refuse`] here.
    ///
    /// # Errors
    ///
    /// A range that holds no index; the entry that would have been cut; out of memory, when a hole inside one entry needed it (or a clone for it,
    /// see [`store`](Self::store)). The tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.remove_or(..35, maple_tree::Shortage::Allocate)?;
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(35..=39, 'b')]);
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
    pub(crate) fn remove_at(&mut self, window: (u64, u64), shortage: Shortage) -> Result<(), RemoveError>
    where
        V: TryClone,
    {
        let allocate = shortage == Shortage::Allocate;
        if allocate {
            self.owe(Duty::Grown);
        }
        let room = self.has_room();
        let split = |entry| {
            if !room {
                return Err(AllocError(()));
            }
            // SAFETY: an entry of the tree is not taken back during the call.
            unsafe { try_clone_raw::<V>(entry) }
        };
        self.with(None, |writer, left_over| remove_with(writer, window, allocate, left_over, split)).0
    }

    /// Removes every entry that lies wholly inside `range`; entries that stick out stay whole. `O(h)`. In place, from the top: at most
    /// 15 slot stores a level for each end of the range.
    ///
    /// Cannot fail: never allocates, never waits for readers, enters no read section. A range that holds no index removes nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.remove_whole(5..35);
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(30..=39, 'b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_whole(&mut self, range: impl RangeBounds<u64>) {
        if let Ok((first, last)) = inclusive(&range) {
            self.with(None, |writer, _| writer.kill(first, last));
        }
    }

    /// Rebuilds the structure with full nodes, after removals that left it sparse. `O(n)`; readers see the old nodes or the new ones, with the
    /// same entries. Allocates.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was. The new nodes are there before the old ones go.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.compact()?;
    /// assert_eq!(writer.get(15), Some('a'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact(&mut self) -> Result<(), AllocError> {
        self.grow(|writer, _| writer.compact())
    }

    /// Removes every entry with one store. Cannot fail: never allocates, never waits for readers, enters no read section. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.clear();
    /// assert!(writer.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_destroy")]
    pub fn clear(&mut self) {
        self.with(None, |writer, _| writer.clear());
    }

    /// Removes every entry whose range **starts** at or after `from`. An entry that starts before `from` and covers it stays whole.
    /// `O(h)` whatever the size of the tail. Cannot fail; see [`MapleTree::prune`](crate::MapleTree::prune).
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let pruned = writer.prune(15);
    /// assert_ne!(pruned.form, maple_tree::PruneForm::Nothing);
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(10..=19, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune(&mut self, from: u64) -> Pruned {
        let prune = |writer: &mut TreeMut<'_>, _: &mut Leftovers| {
            writer.prune_by_path_copy(from, false, Memory::Earmark).unwrap_or_else(|_| {
                writer.owner.reserve.note_in_place_fall();
                writer.prune_in_place(from)
            })
        };
        self.with(None, prune).0
    }

    /// As [`prune`](Self::prune), but always in place: takes no node, and readers see the tail vanish piece by piece.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let pruned = writer.prune_in_place(15);
    /// assert_eq!((pruned.form, pruned.nodes_taken), (maple_tree::PruneForm::InPlace, 0));
    /// assert_eq!(writer.last(), Some((10..=19, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_in_place(&mut self, from: u64) -> Pruned {
        self.with(None, |writer, _| writer.prune_in_place(from)).0
    }

    /// Removes everything at or after `from`; an entry that covers `from` is made to end before it. `O(h)`. Never allocates.
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
    /// tree.store(10..20, 'a')?; // fills the reserve
    /// let mut writer = tree.lock();
    /// writer.prune_cut(15)?;
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(10..=14, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_cut(&mut self, from: u64) -> Result<Pruned, WouldCut> {
        self.prune_cut_or(from, Shortage::Refuse)
    }

    /// Removes everything at or after `from`; an entry that covers `from` is made to end before it. `shortage` says what to do when
    /// there is such an entry and neither this tree nor the reserve has the nodes for a copy of the path, at most `h`. `O(h)`.
    ///
    /// A session does not wait for others, who may be waiting for it: [`Shortage::Wait`] is as [`Shortage::Refuse`] here.
    ///
    /// # Errors
    ///
    /// The entry that would have been cut. The tree is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// writer.prune_cut_or(15, maple_tree::Shortage::Allocate)?;
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(10..=14, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prune_cut_or(&mut self, from: u64, shortage: Shortage) -> Result<Pruned, WouldCut> {
        let mut prune = |memory| {
            let cut = |writer: &mut TreeMut<'_>, _: &mut Leftovers| match writer.prune_by_path_copy(from, true, memory) {
                Ok(pruned) => Ok(pruned),
                Err(NoPath::WouldCut(first, last)) => Err(WouldCut { range: first..=last, at: from }),
                Err(NoPath::TooFewNodes) => {
                    writer.owner.reserve.note_in_place_fall();
                    Ok(writer.prune_in_place(from))
                }
            };
            self.with(None, cut).0
        };
        match prune(Memory::Earmark) {
            Err(_) if shortage == Shortage::Allocate => prune(Memory::Allocate),
            result => result,
        }
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Drop for Writer<'_, V, R, L> {
    /// Lets go of the lock, then does what the session left: see [`Writer`].
    #[inline]
    fn drop(&mut self) {
        if self.is_done() {
            // SAFETY: the lock is held (the invariant of the type), and nothing but `outside`, which needs no lock, is touched after this.
            unsafe { self.lock.raw().unlock() };
        } else {
            self.end();
        }
    }
}

/// Releases a batch of retired nodes.
///
/// # Safety
///
/// `nodes` is a list of retired nodes of a tree with entries of type `V`, given up with `Limbo::into_raw`, and a grace period has
/// passed since; `reserve` is that tree's.
unsafe fn release_batch<V: Entry>(nodes: NonNull<()>, reserve: *const ()) {
    // SAFETY: reserves live for ever.
    let reserve: &'static Reserve = unsafe { &*reserve.cast() };
    // SAFETY: the caller's promise.
    let limbo = unsafe { Limbo::from_raw(nodes) };
    // SAFETY: the caller's promise.
    unsafe { Release::new(limbo, Kind::of::<V>(), Sink::Waiting(reserve)) }.run();
}
