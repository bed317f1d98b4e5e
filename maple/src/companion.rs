//! What an inner node knows of the free space below it, in a node of its own that only the writer looks at: its *companion*.
//!
//! ```text
//!   inner node   [ pivot 0 | pivot 1 | ... ] link     [ slot 0 | slot 1 | ... ]
//!                                              |
//!   companion    [ border 0 | border 1 | ... ] stale  [ slot 0 | slot 1 | ... ]
//! ```
//!
//! Each figure is the number of indices in a run of free ones (a removed word is free), all within the node's range:
//!
//! * of slot *i*: the longest run inside the range of the slot, cut off where that ends;
//! * of border *i*: the run that contains the last index of slot *i* and the first of slot *i + 1*; 0 when one of them is taken.
//!
//! So the longest run of the node is the largest of its figures. 2^64, which is all there is, counts as 2^64 - 1: no request is larger.
//!
//! Companions are a cache. A node without one has unknown figures, and so has a new node; a bit in `stale` says that one figure is
//! unknown. A change says beforehand which figures it may alter ([`touch`](crate::touch)), a search makes them anew
//! ([`gap`](crate::gap)). Readers pay nothing: neither the layout of nodes nor what they load changes.

use crate::node::{NODE_BYTES, NodeRef, SLOTS};
use crate::search::{self, Operation, PIVOTS, Search};
use core::cell::Cell;
use core::ptr::NonNull;

/// As large as a node, so that it comes from the same pool.
#[repr(C, align(256))]
struct Figures {
    borders: [Cell<u64>; PIVOTS],
    /// Bit *i*: the figure of slot *i* is unknown; bit 16 + *i*: that of border *i*.
    stale: Cell<u64>,
    slots: [Cell<u64>; SLOTS],
}

const _: () = assert!(size_of::<Figures>() == NODE_BYTES && align_of::<Figures>() == NODE_BYTES);

/// Some of the figures of a companion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Places(u64);

impl Places {
    /// Every one.
    pub(crate) const ALL: Self = Self(u64::MAX);

    pub(crate) fn add_slot(&mut self, slot: usize) {
        self.0 |= 1 << slot;
    }

    /// Adds the border behind slot `slot`.
    pub(crate) fn add_border(&mut self, slot: usize) {
        self.0 |= 1 << (SLOTS + slot);
    }
}

/// A handle on a companion.
///
/// # Invariants
///
/// The memory is a node of the pool that holds [`Figures`] and is linked to by one inner node of a tree. The handle is used by that
/// tree's writer only, and not after the companion was taken off its node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Companion(NonNull<Figures>);

impl Companion {
    /// The companion of an inner node, if it has one.
    pub(crate) fn of(node: NodeRef) -> Option<Self> {
        // A node that is linked to as a companion was made one by `give`.
        node.companion().map(|companion| Self(companion.as_ptr().cast()))
    }

    /// Makes `memory` the companion of the inner node `node`, which has none. All its figures are unknown.
    ///
    /// # Safety
    ///
    /// The caller is the writer of the tree that `node` is in. `memory` is a node that nobody else has.
    pub(crate) unsafe fn give(node: NodeRef, memory: NodeRef) -> Self {
        let companion = memory.as_ptr().cast::<Figures>();
        let unknown = Figures {
            borders: [const { Cell::new(0) }; PIVOTS],
            stale: Cell::new(u64::MAX),
            slots: [const { Cell::new(0) }; SLOTS],
        };
        // SAFETY: nobody else has the memory, which is as large and as aligned as figures are.
        unsafe { companion.write(unknown) };
        node.set_companion(memory);
        Self(companion)
    }

    fn figures(&self) -> &Figures {
        // SAFETY: by the invariant of the handle the memory holds figures, and no other thread looks at them.
        unsafe { self.0.as_ref() }
    }

    fn known(&self, bit: usize) -> bool {
        self.figures().stale.get() & 1 << bit == 0
    }

    fn note(&self, bit: usize) {
        let stale = &self.figures().stale;
        stale.set(stale.get() & !(1 << bit));
    }

    /// The figure of a slot, if it is known.
    pub(crate) fn slot(self, slot: usize) -> Option<u64> {
        self.known(slot).then(|| self.figures().slots[slot].get())
    }

    /// The figure of the border behind slot `slot`, if it is known.
    pub(crate) fn border(self, slot: usize) -> Option<u64> {
        self.known(SLOTS + slot).then(|| self.figures().borders[slot].get())
    }

    /// The slots and the borders whose figures are `size` or more, or not known, as bits; others may be set behind the last slot in use.
    pub(crate) fn not_below(self, size: u64) -> (u32, u32) {
        struct NotBelow<'f>(&'f Figures, u64);

        impl Operation for NotBelow<'_> {
            type Output = (u32, u32);

            #[inline(always)]
            fn run<S: Search>(self, _: S, _: u64) -> (u32, u32) {
                let Self(figures, size) = self;
                let large = |bits, (n, figure): (u32, &Cell<u64>)| bits | u32::from(figure.get() >= size) << n;
                ((0..).zip(&figures.slots).fold(0, large), (0..).zip(&figures.borders).fold(0, large))
            }
        }
        let figures = self.figures();
        let (slots, borders) = search::run(0, NotBelow(figures, size));
        let unknown = halves(figures.stale.get());
        (slots | unknown.0, borders | unknown.1)
    }

    /// The slots and the borders whose figures are not known, as bits, in a node with `len` slots in use.
    pub(crate) fn unknown(self, len: usize) -> (u32, u32) {
        let (slots, borders) = halves(self.figures().stale.get());
        let below = |len: usize| !(u32::MAX << len);
        (slots & below(len), borders & below(len - 1))
    }

    /// The largest figure of a node with `len` slots in use, of which none is unknown.
    pub(crate) fn largest(self, len: usize) -> u64 {
        let figures = self.figures();
        let all = figures.slots[..len].iter().chain(&figures.borders[..len - 1]);
        all.fold(0, |largest, figure| largest.max(figure.get()))
    }

    pub(crate) fn set_slot(self, slot: usize, figure: u64) {
        self.figures().slots[slot].set(figure);
        self.note(slot);
    }

    pub(crate) fn set_border(self, slot: usize, figure: u64) {
        self.figures().borders[slot].set(figure);
        self.note(SLOTS + slot);
    }

    /// These figures are unknown from now on.
    pub(crate) fn forget(self, places: Places) {
        let stale = &self.figures().stale;
        stale.set(stale.get() | places.0);
    }
}

/// The bits of slots and those of borders.
fn halves(places: u64) -> (u32, u32) {
    let all = places as u32;
    (all & !(u32::MAX << SLOTS), all >> SLOTS)
}

/// How many indices there are in `first..=last`; 2^64 of them count as 2^64 - 1.
pub(crate) fn length(first: u64, last: u64) -> u64 {
    (last - first).saturating_add(1)
}
