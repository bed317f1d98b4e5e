//! The kinds of entries that the attacks store, and the count of what was made and dropped.

use crate::watched::Watched;
use maple_tree::{ArcRef, Entry, RcuArc, RcuArcRef, RcuBox, Shared, TryClone};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static DROPPED_TWICE: AtomicU64 = AtomicU64::new(0);

/// Entries made and dropped so far, and those of them that were dropped more than once.
pub(crate) fn made_and_dropped() -> (u64, u64, u64) {
    (MADE.load(Ordering::SeqCst), DROPPED.load(Ordering::SeqCst), DROPPED_TWICE.load(Ordering::SeqCst))
}

const ALIVE: u32 = 0x00a1_17e5;
const DEAD: u32 = 0xdead_dead;

/// A value that counts its drops, and that shows when it is read after one.
#[derive(Debug)]
pub(crate) struct Payload {
    value: u32,
    state: AtomicU32,
}

impl Payload {
    pub(crate) fn new(value: u32) -> Self {
        MADE.fetch_add(1, Ordering::SeqCst);
        Self { value, state: AtomicU32::new(ALIVE) }
    }

    /// The value, unless it was dropped.
    pub(crate) fn read(&self) -> Option<u32> {
        (self.state.load(Ordering::Acquire) == ALIVE).then_some(self.value)
    }
}

impl Clone for Payload {
    fn clone(&self) -> Self {
        Self::new(self.value)
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        if self.state.swap(DEAD, Ordering::AcqRel) != ALIVE {
            DROPPED_TWICE.fetch_add(1, Ordering::SeqCst);
        }
        // The store is for readers that should not be there, so the compiler sees none.
        black_box(&self.state);
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

/// A kind of entry.
pub(crate) trait Stored: Shared<Watched> + TryClone + Sync {
    const NAME: &'static str;

    fn make(value: u32) -> Self;

    /// The value, unless it was dropped.
    fn read(entry: Self::Ref<'_>) -> Option<u32>;

    /// Takes a count of the entry and gives it back, if there are counts; says whether there was one to be had.
    fn touch(_: Self::Ref<'_>) -> bool {
        true
    }

    /// The owners of the entry, if they are counted.
    fn owners(_: Self::Ref<'_>) -> Option<usize> {
        None
    }
}

impl Stored for u32 {
    const NAME: &'static str = "u32";

    fn make(value: u32) -> Self {
        value
    }

    fn read(entry: u32) -> Option<u32> {
        Some(entry)
    }
}

impl Stored for Box<Payload> {
    const NAME: &'static str = "Box";

    fn make(value: u32) -> Self {
        Box::new(Payload::new(value))
    }

    fn read(entry: &Payload) -> Option<u32> {
        entry.read()
    }
}

impl Stored for RcuBox<Payload> {
    const NAME: &'static str = "RcuBox";

    fn make(value: u32) -> Self {
        RcuBox::try_new(Payload::new(value)).expect("entries are made while there is memory")
    }

    fn read(entry: &Payload) -> Option<u32> {
        entry.read()
    }
}

impl Stored for Arc<Payload> {
    const NAME: &'static str = "Arc";

    fn make(value: u32) -> Self {
        Arc::new(Payload::new(value))
    }

    fn read(entry: ArcRef<'_, Payload>) -> Option<u32> {
        entry.get().read()
    }

    fn touch(entry: ArcRef<'_, Payload>) -> bool {
        entry.to_arc().read().is_some()
    }

    fn owners(entry: ArcRef<'_, Payload>) -> Option<usize> {
        Some(Arc::strong_count(&entry.to_arc()) - 1)
    }
}

impl Stored for RcuArc<Payload, Watched> {
    const NAME: &'static str = "RcuArc";

    fn make(value: u32) -> Self {
        RcuArc::try_new(Payload::new(value)).expect("entries are made while there is memory")
    }

    fn read(entry: RcuArcRef<'_, Payload, Watched>) -> Option<u32> {
        entry.get().read()
    }

    fn touch(entry: RcuArcRef<'_, Payload, Watched>) -> bool {
        // No owner is left when the tree has let go of it; the value is there all the same.
        entry.upgrade().is_none_or(|owner| owner.read().is_some())
    }

    fn owners(entry: RcuArcRef<'_, Payload, Watched>) -> Option<usize> {
        entry.upgrade().map(|owner| RcuArc::strong_count(&owner) - 1)
    }
}

// What the table of the attacks relies on: a plain entry needs no drop, the others do.
const _: () = assert!(!<u32 as Entry>::NEEDS_DROP && <Box<Payload> as Entry>::NEEDS_DROP);
