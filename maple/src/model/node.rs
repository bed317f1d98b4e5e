//! What touches the memory of a node as a whole, with Loom's cells and atomics: those are numbers of objects, not what is in them, so
//! nothing can be copied or moved as plain memory.
//!
//! Here memory for nodes always holds a node of the execution. The cell of the pivots stands for the node: it is looked at with each
//! look at a slot, and written to when the node is made and when nobody can reach it any more. So Loom sees a reader that comes
//! without an order behind the making, and one that is still there after the end. (Not while a panic unwinds: a second one would end the
//! process.)

use super::{Node, NodeRef, PIVOTS, SLOTS, Word};
use crate::sync::{AtomicPtr, Ordering, UnsafeCell, panicking};
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// What only models have in a node.
pub(super) struct Extra {
    /// The writer's copy of the slots, for [`NodeRef::contents`].
    words: Cell<[Word; SLOTS]>,
    /// Whether the pool handed the node out.
    in_use: Cell<bool>,
}

impl Node {
    /// A node that nobody has.
    pub(crate) fn begin() -> Self {
        let node = Self {
            pivots: UnsafeCell::new([u64::MAX; PIVOTS]),
            link: AtomicPtr::new(ptr::null_mut()),
            slots: [const { AtomicPtr::new(ptr::null_mut()) }; SLOTS],
            extra: Extra { words: Cell::new([Word::EMPTY; SLOTS]), in_use: Cell::new(false) },
        };
        node.link.begin();
        node.slots.iter().for_each(AtomicPtr::begin);
        node
    }

    /// Whether the pool handed it out.
    pub(crate) fn is_in_use(&self) -> bool {
        self.extra.in_use.get()
    }
}

impl NodeRef {
    /// # Safety
    ///
    /// As for [`NodeRef::new_empty`].
    pub(super) unsafe fn new(memory: NonNull<Node>, pivots: &[u64; PIVOTS], words: &[Word; SLOTS]) -> Self {
        let node = Self(memory);
        // SAFETY: nobody else has the node (the caller's promise).
        *unsafe { node.pivots_mut() } = *pivots;
        node.store_link(ptr::null_mut());
        // SAFETY: as above.
        unsafe { node.fill_slots(words) };
        node
    }

    /// Notes that the pool hands the node out, or takes it back: each once.
    pub(crate) fn note_in_use(self, in_use: bool) {
        assert_ne!(self.node().extra.in_use.replace(in_use), in_use, "a node was given back twice");
    }

    /// Loom sees whether somebody can still be looking at the node.
    pub(crate) fn assert_gone(self) {
        if !panicking() {
            self.node().pivots.with_mut(|_| ());
        }
    }

    /// The pivots, as long as they are frozen.
    pub(crate) fn pivots(&self) -> &[u64; PIVOTS] {
        self.node().pivots.with(|pivots| {
            // SAFETY: as outside of models, and Loom checks that nobody writes.
            unsafe { &*pivots }
        })
    }

    /// # Safety
    ///
    /// No other thread can reach the node, and the caller holds no other reference to its pivots.
    #[expect(clippy::mut_from_ref, reason = "a cell; exclusiveness is the caller's promise")]
    pub(super) unsafe fn pivots_mut(&self) -> &mut [u64; PIVOTS] {
        self.node().pivots.with_mut(|pivots| {
            // SAFETY: the caller's promise makes this the only reference; Loom checks that nobody else looks.
            unsafe { &mut *pivots }
        })
    }

    pub(super) fn slots(&self) -> &[AtomicPtr<()>; SLOTS] {
        let node = self.node();
        // Who looks at a slot looks at the node.
        if !panicking() {
            node.pivots.with(|_| ());
        }
        &node.slots
    }

    /// Pivots and slots as the writer sees them, who is the only one to call this and does not store to the node meanwhile.
    pub(crate) fn contents(&self) -> (&[u64; PIVOTS], &[Word; SLOTS]) {
        let words = core::array::from_fn(|slot| self.own_slot(slot));
        let copy = &self.node().extra.words;
        copy.set(words);
        // SAFETY: nobody else calls this (the method's contract), so the copy stays as it is while it is looked at.
        (self.pivots(), unsafe { &*copy.as_ptr() })
    }
}

/// As `ptr::copy`.
///
/// # Safety
///
/// Both are as many slots of a node that nobody else can reach. They may overlap.
pub(super) unsafe fn copy_slots(from: *const AtomicPtr<()>, to: *mut AtomicPtr<()>, count: usize) {
    let mut words = [ptr::null_mut(); SLOTS];
    for (n, word) in words[..count].iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let from = unsafe { from.add(n) };
        // SAFETY: as above. Relaxed: as in `fill`.
        *word = unsafe { &*from }.load(Ordering::Relaxed);
    }
    for (n, word) in words[..count].iter().enumerate() {
        // SAFETY: the caller's promise.
        let to = unsafe { to.add(n) };
        // SAFETY: as above. Relaxed: as in `fill`.
        unsafe { &*to }.store(*word, Ordering::Relaxed);
    }
}
