//! The node: the only place that knows its layout.
//!
//! ```text
//!            0                                        120        128                                      256
//!            +----------------------------------------+----------+----------------------------------------+
//!            | pivot 0 | pivot 1 |  ...   | pivot 14  |   link   | slot 0 | slot 1 |   ...    |  slot 15  |
//!            +----------------------------------------+----------+----------------------------------------+
//! slot i covers  pivot[i-1] + 1  ..=  pivot[i];   the last slot in use ends where the node ends, and its pivot is u64::MAX
//! ```
//!
//! # Invariants
//!
//! 1. **Frozen pivots.** From the store that makes a node reachable to the end of the grace period after it became unreachable,
//!    its pivots do not change. With exclusive access (`&mut` on the tree) there are no readers and they may.
//! 2. **Unused pivots are `u64::MAX`**, pivots in use rise strictly and are below the node's own upper bound. So the slot in use
//!    that comes last is the number of pivots below `u64::MAX`.
//! 3. **A slot is one [`Word`]**: nothing, a live pointer, or a pointer with the "dead" bit. In a leaf it points at an entry, in an
//!    inner node at a node one level below. Slots past the last one in use are empty.
//! 4. **The link belongs to the writer.** Readers never look at it. It threads free nodes, retired nodes and the reserve. Of an inner
//!    node that is in a tree, and on no list, it is the node's companion, tagged, or it has no tag and means nothing.
//! 5. A node lies in a slab of the pool, is aligned to its own size and was initialised when it was first handed out.

use crate::search::{PIVOTS, Portable, Search};
use crate::sync::{AtomicPtr, Ordering, UnsafeCell, order};
use core::hint::select_unpredictable;
use core::mem::offset_of;
use core::ops::Range;
#[cfg(not(loom))]
use core::ptr::copy as copy_slots;
use core::ptr::{self, NonNull};
#[cfg(loom)]
use model::copy_slots;

/// Slots in a node.
pub(crate) const SLOTS: usize = PIVOTS + 1;

/// The steps of a binary search in as many slots: 8, 4, 2, 1.
const STEPS: [usize; SLOTS.ilog2() as usize] = {
    let mut steps = [1; SLOTS.ilog2() as usize];
    let mut n = steps.len() - 1;
    while n > 0 {
        steps[n - 1] = 2 * steps[n];
        n -= 1;
    }
    steps
};

/// More levels than a tree can have: a root is split only after at least eight splits below it, so `8^22 > 2^64` stores are needed
/// to pass this.
pub(crate) const MAX_LEVELS: usize = 24;

/// Bytes of a node, and its alignment.
pub(crate) const NODE_BYTES: usize = 256;

/// See the module's picture and invariants.
#[repr(C, align(256))]
pub(crate) struct Node {
    pivots: UnsafeCell<[u64; PIVOTS]>,
    link: AtomicPtr<()>,
    slots: [AtomicPtr<()>; SLOTS],
    /// What only models have.
    #[cfg(loom)]
    extra: model::Extra,
}

const _: () = assert!(size_of::<Node>() == NODE_BYTES && align_of::<Node>() == NODE_BYTES && offset_of!(Node, pivots) == 0);

/// What a slot holds.
///
/// | low bits | meaning to a reader | who owns the thing pointed at |
/// |---|---|---|
/// | null | gap | |
/// | `00` | entry or child | the tree |
/// | `01` | gap | this slot, until a grace period has passed: removed in place, "dead" |
/// | `11` | gap | the same; a sweep saw it before its grace period began ("aged") |
/// | `10` | entry or child | this slot of a node that was replaced: its successor does not have it ("left behind") |
///
/// What is left behind stays visible to readers that still are in the old node: they see the tree as it was, never a gap that was not
/// there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Word(*mut ());

/// Tag of a link that is a companion. Nodes are aligned to 256.
const COMPANION: usize = 1;

const DEAD: usize = 1;
/// With `DEAD`: aged. Without: left behind.
const MARK: usize = 2;

impl Word {
    pub(crate) const EMPTY: Self = Self(ptr::null_mut());

    /// A live word. Entries and nodes are aligned to four bytes or more, so the tag bits are clear.
    #[inline(always)]
    pub(crate) fn live(target: NonNull<()>) -> Self {
        debug_assert_eq!(target.addr().get() & (DEAD | MARK), 0);
        Self(target.as_ptr())
    }

    #[inline(always)]
    pub(crate) fn is_live(self) -> bool {
        !self.0.is_null() && self.0.addr() & DEAD == 0
    }

    #[inline(always)]
    pub(crate) fn is_dead(self) -> bool {
        self.0.addr() & DEAD != 0
    }

    pub(crate) fn is_aged(self) -> bool {
        self.0.addr() & (DEAD | MARK) == DEAD | MARK
    }

    /// Whether the slot itself owns what it points at: it is dead or left behind.
    pub(crate) fn is_owned(self) -> bool {
        self.0.addr() & (DEAD | MARK) != 0
    }

    /// The word, or a gap in the place of a dead one.
    #[inline(always)]
    pub(crate) fn or_gap(self) -> Self {
        if self.is_live() { self } else { Self::EMPTY }
    }

    /// The same live word, dead.
    pub(crate) fn dead(self) -> Self {
        Self(self.0.map_addr(|addr| addr | DEAD))
    }

    /// The same dead word, marked as seen by a sweep.
    pub(crate) fn aged(self) -> Self {
        debug_assert!(self.is_dead());
        Self(self.0.map_addr(|addr| addr | MARK))
    }

    /// The same live word, left behind in a node that was replaced.
    pub(crate) fn left_behind(self) -> Self {
        debug_assert!(self.is_live());
        Self(self.0.map_addr(|addr| addr | MARK))
    }

    /// The target of a live word; what a reader may follow.
    #[inline(always)]
    pub(crate) fn target(self) -> Option<NonNull<()>> {
        if self.0.addr() & DEAD == 0 { NonNull::new(self.0.map_addr(|addr| addr & !MARK)) } else { None }
    }

    /// The target of a live or a dead word; what an owner releases.
    pub(crate) fn any_target(self) -> Option<NonNull<()>> {
        NonNull::new(self.0.map_addr(|addr| addr & !(DEAD | MARK)))
    }
}

/// A handle on a node.
///
/// # Invariants
///
/// The node is not given back to the pool while a copy of the handle is in use: a reader's guard, the writer's lock or `&mut` on
/// the tree keeps it, and retired nodes are given back only after a grace period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NodeRef(NonNull<Node>);

impl NodeRef {
    /// Makes a node of memory that may be new: one gap.
    ///
    /// # Safety
    ///
    /// `memory` is a node of a slab (invariant 5 of the module) that nobody else has, and the invariant of [`NodeRef`] will be kept.
    pub(crate) unsafe fn new_empty(memory: NonNull<Node>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::new(memory, &[u64::MAX; PIVOTS], &[Word::EMPTY; SLOTS]) }
    }

    /// Makes a node of memory that may be new: a copy of `source`, with its slots or, unless `slots`, with empty ones.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::new_empty`]; the caller is the writer of the source's tree.
    #[inline(always)]
    pub(crate) unsafe fn new_copy(memory: NonNull<Node>, source: NodeRef, slots: bool) -> Self {
        let (pivots, words) = source.contents();
        // SAFETY: the caller's promise.
        unsafe { Self::new(memory, pivots, if slots { words } else { &[Word::EMPTY; SLOTS] }) }
    }

    /// # Safety
    ///
    /// As for [`NodeRef::new_empty`].
    #[cfg(not(loom))]
    #[inline(always)]
    unsafe fn new(memory: NonNull<Node>, pivots: &[u64; PIVOTS], words: &[Word; SLOTS]) -> Self {
        // SAFETY: inside the node.
        let link = unsafe { memory.byte_add(offset_of!(Node, link)) }.cast::<AtomicPtr<()>>();
        // SAFETY: as above.
        let slots = unsafe { memory.byte_add(offset_of!(Node, slots)) }.cast::<[Word; SLOTS]>();
        // SAFETY: nobody else has the node (the caller's promise), and its pivots come first.
        unsafe { memory.cast().write(*pivots) };
        // SAFETY: as above.
        unsafe { link.write(AtomicPtr::new(ptr::null_mut())) };
        // SAFETY: as above; a word is a pointer, as an atomic pointer is in memory.
        unsafe { slots.write(*words) };
        Self(memory)
    }

    /// The child that the live or dead `target` of an inner slot points at.
    ///
    /// # Safety
    ///
    /// `target` came from a slot of an inner node, or from a root or link word, with its tags removed.
    #[inline(always)]
    pub(crate) unsafe fn from_target(target: NonNull<()>) -> Self {
        Self(target.cast())
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> NonNull<Node> {
        self.0
    }

    /// This node as a word for a parent's slot.
    #[inline(always)]
    pub(crate) fn word(self) -> Word {
        Word::live(self.0.cast())
    }

    #[inline(always)]
    fn node(&self) -> &Node {
        // SAFETY: the handle's invariant keeps the node, and every field is an atomic word or a cell.
        unsafe { self.0.as_ref() }
    }

    /// The pivots, as long as they are frozen.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn pivots(&self) -> &[u64; PIVOTS] {
        // SAFETY: the pivots are frozen while anyone else may read them (invariant 1), and the writer that changes them
        // (`pivots_mut`) holds no such reference across the change.
        unsafe { &*self.node().pivots.get() }
    }

    /// # Safety
    ///
    /// No other thread can reach the node, and the caller holds no other reference to its pivots.
    #[cfg(not(loom))]
    #[expect(clippy::mut_from_ref, reason = "a cell; exclusiveness is the caller's promise")]
    unsafe fn pivots_mut(&self) -> &mut [u64; PIVOTS] {
        // SAFETY: the caller's promise makes this the only reference.
        unsafe { &mut *self.node().pivots.get() }
    }

    #[cfg(not(loom))]
    #[inline(always)]
    fn slots(&self) -> &[AtomicPtr<()>; SLOTS] {
        &self.node().slots
    }

    #[inline(always)]
    fn link(&self) -> &AtomicPtr<()> {
        &self.node().link
    }

    /// The slot that covers `index`.
    #[inline(always)]
    pub(crate) fn search(self, index: u64) -> usize {
        self.search_by(Portable, index)
    }

    /// The slot that covers `index`, for an operation that is compiled for each instruction set.
    #[inline(always)]
    pub(crate) fn search_by(self, search: impl Search, index: u64) -> usize {
        // Fewer than `SLOTS`, which spares the caller a check.
        search.rank(self.pivots(), index) % SLOTS
    }

    /// Slots in use: at least one.
    pub(crate) fn len(self) -> usize {
        // A binary search without branches: the pivots in use come before those that are not.
        let pivots = self.pivots();
        let mut used = 0;
        for step in STEPS {
            used += if pivots[used + step - 1] < u64::MAX { step } else { 0 };
        }
        used + 1
    }

    /// Slots in use, of which there are at least `known`.
    #[inline(always)]
    pub(crate) fn len_by(self, search: impl Search, known: usize) -> usize {
        if self.pivots().get(known - 1).is_none_or(|pivot| *pivot == u64::MAX) {
            return known;
        }
        self.search_by(search, u64::MAX) + 1
    }

    /// Last index of slot `slot` in a node that ends at `max` (inclusive).
    #[inline(always)]
    pub(crate) fn last(self, slot: usize, max: u64) -> u64 {
        // Without a branch, which would be hard to predict: a load in any case, and a choice.
        let pivot = self.pivots()[slot.min(PIVOTS - 1)];
        select_unpredictable(slot < PIVOTS, pivot.min(max), max)
    }

    /// First index of slot `slot` in a node that begins at `min`.
    #[inline(always)]
    pub(crate) fn first(self, slot: usize, min: u64) -> u64 {
        // As in `last`.
        let before = self.pivots()[slot.saturating_sub(1).min(PIVOTS - 1)];
        select_unpredictable(slot == 0, min, before.wrapping_add(1))
    }

    /// A reader's load of a slot.
    #[inline(always)]
    pub(crate) fn slot(self, slot: usize) -> Word {
        // Acquire: pairs with the Release store in `publish` (or in `Root::publish`), so that what the word points at is seen as
        // it was before it became reachable.
        Word(self.slots()[slot].load(order!(Acquire, Look)))
    }

    /// The writer's load of a slot.
    #[inline(always)]
    pub(crate) fn own_slot(self, slot: usize) -> Word {
        // Relaxed: only the writer stores to slots; the tree's lock (or `&mut`) orders one writer after another.
        Word(self.slots()[slot].load(Ordering::Relaxed))
    }

    /// Asks for the whole node to be brought near.
    #[inline(always)]
    pub(crate) fn prefetch(self) {
        prefetch(self.0.cast());
    }

    /// Pivots and slots as the writer sees them, who is the only one to call this and does not store to the node meanwhile.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn contents(&self) -> (&[u64; PIVOTS], &[Word; SLOTS]) {
        let slots: *const [AtomicPtr<()>; SLOTS] = self.slots();
        // SAFETY: a word is a pointer, as an atomic pointer is in memory. Nobody else stores to slots, so this races with nothing.
        (self.pivots(), unsafe { &*slots.cast() })
    }

    /// Makes `word` visible in a slot that readers may be looking at.
    #[inline(always)]
    pub(crate) fn publish(self, slot: usize, word: Word) {
        // Release: pairs with the Acquire load in `slot`.
        self.slots()[slot].store(word.0, order!(Release, Publish));
    }

    /// Makes this node hold `words`, which end at `lasts`; the last of them where the node ends.
    ///
    /// # Safety
    ///
    /// No other thread can reach the node: it is unpublished, or the caller has exclusive access to the tree.
    pub(crate) unsafe fn fill(self, lasts: &[u64], words: &[Word]) {
        debug_assert!(!words.is_empty() && words.len() <= SLOTS && words.len() == lasts.len());
        // SAFETY: nobody else can reach the node, so this is the only reference to its pivots.
        let pivots = unsafe { self.pivots_mut() };
        let used = words.len() - 1;
        pivots[..used].copy_from_slice(&lasts[..used]);
        pivots[used..].fill(u64::MAX);
        // SAFETY: the caller's promise.
        unsafe { self.fill_slots(words) };
    }

    /// Makes this node hold the first `len` of `words`, which end at `lasts`; the last of them where the node ends. What is behind them
    /// does not matter.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`]; this is a leaf.
    #[inline(always)]
    pub(crate) unsafe fn fill_whole(self, lasts: &[u64; SLOTS], words: &[Word; SLOTS], len: usize) {
        let Some(pivots) = lasts.first_chunk() else { unreachable!("there are fewer pivots than slots") };
        // SAFETY: nobody else can reach the node, so it may be made anew.
        unsafe { Self::new(self.0, pivots, words) };
        // SAFETY: the caller's promise.
        unsafe { self.truncate(len - 1) };
    }

    /// Makes the slots of this node hold `words`, wherever they end.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`].
    pub(crate) unsafe fn fill_slots(self, words: &[Word]) {
        for (slot, word) in self.slots().iter().zip(words) {
            // Relaxed: not reachable yet; the Release store that publishes the node orders these before it.
            slot.store(word.0, Ordering::Relaxed);
        }
        for slot in &self.slots()[words.len()..] {
            // Relaxed: as above.
            slot.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }

    /// Puts `words`, which end at `lasts`, in the place of `slots` of a node with `len` slots in use; those behind move. The last word
    /// ends where the slots did.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`]. `slots` are in use, and the result has no more than [`SLOTS`].
    #[inline(always)]
    pub(crate) unsafe fn splice(self, len: usize, slots: Range<usize>, lasts: &[u64], words: &[Word]) {
        let behind = len - slots.end;
        let end = slots.start + words.len();
        let new_len = end + behind;
        assert!(slots.end <= len && new_len <= SLOTS && words.len() == lasts.len());
        // SAFETY: nobody else can reach the node, so this is the only reference to its pivots.
        let pivots = unsafe { self.pivots_mut() };
        if behind > 0 && end != slots.end {
            pivots.copy_within(slots.end..len - 1, end);
            let from = self.slots()[slots.end..len].as_ptr();
            let to = self.slots()[end..new_len].as_ptr().cast_mut();
            // SAFETY: both are inside the node's slots, which nobody else can reach.
            unsafe { copy_slots(from, to, behind) };
        }
        for (slot, (last, word)) in (slots.start..).zip(lasts.iter().zip(words)) {
            // The last slot in use has no pivot.
            if let Some(pivot) = pivots.get_mut(slot) {
                *pivot = if slot + 1 < new_len { *last } else { u64::MAX };
            }
            // Relaxed: as in `fill`.
            self.slots()[slot % SLOTS].store(word.0, Ordering::Relaxed);
        }
        if new_len < len {
            pivots[new_len - 1..len - 1].fill(u64::MAX);
            for slot in &self.slots()[new_len..len] {
                // Relaxed: as in `fill`.
                slot.store(ptr::null_mut(), Ordering::Relaxed);
            }
        }
    }

    /// Makes slot `slot`, up to `last`, hold `word`.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`].
    #[inline(always)]
    pub(crate) unsafe fn set(self, slot: usize, last: u64, word: Word) {
        // SAFETY: nobody else can reach the node, so this is the only reference to its pivots.
        if let Some(pivot) = unsafe { self.pivots_mut() }.get_mut(slot) {
            *pivot = last;
        }
        // Relaxed: as in `fill`.
        self.slots()[slot].store(word.0, Ordering::Relaxed);
    }

    /// Puts a range into the gap that is the last of `len` slots in use, and that goes on behind the range; `apart`: it begins before
    /// the range, too.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`]. There is room for what is added.
    #[inline(always)]
    pub(crate) unsafe fn append(self, len: usize, apart: bool, (first, last): (u64, u64), word: Word) {
        let slot = len - 1 + usize::from(apart);
        assert!(slot < PIVOTS);
        // SAFETY: nobody else can reach the node, so this is the only reference to its pivots.
        let pivots = unsafe { self.pivots_mut() };
        if apart {
            pivots[slot - 1] = first - 1;
        }
        pivots[slot] = last;
        // Relaxed: as in `fill`.
        self.slots()[slot].store(word.0, Ordering::Relaxed);
    }

    /// Makes this node a copy of `source`.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`]; `source` is another node, and the caller is the writer of its tree.
    #[inline(always)]
    pub(crate) unsafe fn copy(self, source: NodeRef) {
        // SAFETY: nobody else can reach the node, so it may be made anew.
        unsafe { Self::new_copy(self.0, source, true) };
    }

    /// Ends the node with slot `slot`: the pivots from there on become unused and the slots behind it empty.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`].
    pub(crate) unsafe fn truncate(self, slot: usize) {
        // SAFETY: nobody else can reach the node, so this is the only reference to its pivots.
        let pivots = unsafe { self.pivots_mut() };
        pivots[slot.min(PIVOTS)..].fill(u64::MAX);
        for behind in &self.slots()[slot + 1..] {
            // Relaxed: as in `fill`.
            behind.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }

    /// Moves the end of slot `slot` (not the last of sixteen) to `last`.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`].
    pub(crate) unsafe fn set_pivot(self, slot: usize, last: u64) {
        // SAFETY: nobody else can reach the node, so this is the only reference to its pivots.
        let pivots = unsafe { self.pivots_mut() };
        pivots[slot] = last;
    }

    /// The link word: a tagged pointer whose meaning is its list's.
    #[inline(always)]
    pub(crate) fn load_link(self) -> *mut () {
        // Relaxed: lists are handed from thread to thread under a lock or through the grace-period engine, which order this.
        self.link().load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn store_link(self, link: *mut ()) {
        // Relaxed: as in `load_link`.
        self.link().store(link, Ordering::Relaxed);
    }

    /// Whether this inner node, which is on no list, has a companion.
    #[inline]
    pub(crate) fn has_companion(self) -> bool {
        self.load_link().addr() & COMPANION != 0
    }

    /// The companion of an inner node that is on no list.
    pub(crate) fn companion(self) -> Option<NodeRef> {
        if !self.has_companion() {
            return None;
        }
        let link = self.load_link();
        // SAFETY: only `set_companion` tags the link of a node that is on no list (invariant 4), and what it tags is a node.
        NonNull::new(link.map_addr(|addr| addr & !COMPANION)).map(|companion| unsafe { Self::from_target(companion) })
    }

    /// Takes the companion off an inner node that is about to go on a list.
    pub(crate) fn take_companion(self) -> Option<NodeRef> {
        let companion = self.companion();
        if companion.is_some() {
            self.store_link(ptr::null_mut());
        }
        companion
    }

    /// Makes `companion` the companion of this inner node, which is in a tree.
    pub(crate) fn set_companion(self, companion: NodeRef) {
        self.store_link(companion.0.as_ptr().cast::<()>().map_addr(|addr| addr | COMPANION));
    }
}

/// 64 bytes, on most machines.
struct CacheLine(#[expect(dead_code, reason = "for its size")] [u64; 8]);

/// A hint to the processor; it changes nothing but time.
#[inline(always)]
fn prefetch(node: NonNull<CacheLine>) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..NODE_BYTES / size_of::<CacheLine>() {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = node.as_ptr().wrapping_add(line).cast();
        // SAFETY: every x86-64 processor has the instruction, and it accesses nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = node;
}

/// The root word of a tree: nothing, or a node with its level in the low byte (nodes are aligned to 256).
///
/// # Invariants
///
/// The word is null or was made by [`publish`](Root::publish) of a node of that level, to which [`NodeRef`]'s invariant applies.
#[derive(Debug)]
pub(crate) struct Root(AtomicPtr<()>);

const LEVEL_MASK: usize = NODE_BYTES - 1;

impl Root {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The root node and its level (0 is a leaf).
    #[inline(always)]
    pub(crate) fn load(&self) -> Option<(NodeRef, usize)> {
        // Acquire: pairs with the Release store in `publish`, so that the nodes below are seen complete.
        let word = self.0.load(order!(Acquire, LookAtRoot));
        let target = NonNull::new(word.map_addr(|addr| addr & !LEVEL_MASK))?;
        // SAFETY: by the invariant of the type the word is a node and its level, which was taken off.
        Some((unsafe { NodeRef::from_target(target) }, word.addr() & LEVEL_MASK))
    }

    /// Makes another tree visible: the second kind of publication.
    pub(crate) fn publish(&self, root: Option<(NodeRef, usize)>) {
        let word = root.map_or(ptr::null_mut(), |(node, level)| {
            debug_assert!(level < MAX_LEVELS);
            node.as_ptr().as_ptr().cast::<()>().map_addr(|addr| addr | level)
        });
        // Release: pairs with the Acquire load in `load`.
        self.0.store(word, order!(Release, PublishRoot));
    }
}

/// What touches the memory of a node as a whole, with Loom's cells and atomics.
#[cfg(loom)]
#[path = "model/node.rs"]
mod model;
