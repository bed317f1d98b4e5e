//! Batches that wait for a grace period, in a table of fixed size: so handing one over needs no memory.
//!
//! ```text
//!          claim            fill                is due: take             run
//!   free ---------> filling -----> waiting ----------------> running ---------> free, of the next generation
//!                      |                                                          ^
//!                      +----------------- nothing to fill it with ----------------+
//! ```

use super::domain::{Domain, Target};
use crate::Batch;
use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_fn, order};

/// Batches that can wait at a time: as many as a word has bits.
#[cfg(not(loom))]
pub(super) const SLOTS: usize = usize::BITS as usize;
/// A model has no time for more.
#[cfg(loom)]
pub(super) const SLOTS: usize = 2;

/// A slot's states, in the low bits of its word; its generation is above.
const STATE: usize = 3;
const FREE: usize = 0;
const WAITING: usize = 1;
const RUNNING: usize = 2;
/// From one generation to the next.
const GENERATION: usize = 4;

/// # Invariants
///
/// * While `used` has a slot's bit, the slot belongs to whoever set the bit, until it is `WAITING`; then to whoever makes it `RUNNING`, who
///   takes the bit away.
/// * `batch` holds one while the slot is `WAITING`, and `target` is what it waits for. Only the one to whom the slot belongs looks
///   at `batch`.
/// * The generation counts up when a slot that was `RUNNING` becomes `FREE`.
pub(super) struct Pending {
    used: AtomicUsize,
    slots: [Slot; SLOTS],
}

struct Slot {
    word: AtomicUsize,
    target: AtomicUsize,
    batch: UnsafeCell<Option<Batch>>,
}

// SAFETY: `batch` is looked at by one thread at a time (invariant), and a batch is `Send`.
unsafe impl Sync for Pending {}
// SAFETY: a batch is `Send`.
unsafe impl Send for Pending {}

impl Slot {
    const_fn! {
        const fn new() -> Self {
            Self { word: AtomicUsize::new(FREE), target: AtomicUsize::new(0), batch: UnsafeCell::new(None) }
        }
    }
}

impl Slot {
    fn target(&self) -> Target {
        // Relaxed: published with the word.
        Target::from_bits(self.target.load(Ordering::Relaxed))
    }
}

/// A slot that its holder may fill.
pub(super) struct Claimed<'p> {
    pending: &'p Pending,
    index: usize,
}

/// A batch that is due, and the slot that is free when it was run.
pub(super) struct Due<'p> {
    pending: &'p Pending,
    index: usize,
}

/// What was in a slot at some instant.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    index: usize,
    generation: usize,
}

impl Pending {
    const_fn! {
        pub(super) const fn new() -> Self {
            #[cfg(not(loom))]
            let slots = [const { Slot::new() }; SLOTS];
            #[cfg(loom)]
            let slots = core::array::from_fn(|_| Slot::new());
            Self { used: AtomicUsize::new(0), slots }
        }
    }

    /// About how many wait.
    pub(super) fn len(&self) -> usize {
        // Relaxed: a hint.
        self.used.load(Ordering::Relaxed).count_ones() as usize
    }

    /// A free slot, if there is one.
    pub(super) fn claim(&self) -> Option<Claimed<'_>> {
        loop {
            // Relaxed: only the exchange below decides.
            let index = self.used.load(Ordering::Relaxed).trailing_ones() as usize;
            if index >= SLOTS {
                return None;
            }
            // Acquire: partner of the Release in `give_up`: who had the slot before has done with it.
            if self.used.fetch_or(1 << index, Ordering::Acquire) & 1 << index == 0 {
                return Some(Claimed { pending: self, index });
            }
        }
    }

    /// The slots that are in use, filled or about to be.
    pub(super) fn seen(&self) -> impl Iterator<Item = Seen> {
        // Acquire: partner of the Release in `give_up`, so that the generation is not that of a use before.
        let used = self.used.load(Ordering::Acquire);
        (0..SLOTS).filter(move |index| used & 1 << index != 0).map(|index| Seen { index, generation: self.generation(index) })
    }

    /// Whether what was in use is no more. What ran by then happens before.
    pub(super) fn is_over(&self, seen: Seen) -> bool {
        // Acquire, here and in `generation`: partners of the Releases in `give_up` and `Due::drop`.
        self.used.load(Ordering::Acquire) & 1 << seen.index == 0 || self.generation(seen.index) != seen.generation
    }

    fn generation(&self, index: usize) -> usize {
        self.slots[index].word.load(Ordering::Acquire) & !STATE
    }

    /// What the batch that has waited longest waits for, if there is one that is not due.
    pub(super) fn soonest(&self, domain: &Domain) -> Option<Target> {
        // Relaxed, here and below: nothing is concluded but what is worth waiting for first.
        let used = self.used.load(Ordering::Relaxed);
        let waiting =
            |index: &usize| used & 1 << index != 0 && self.slots[*index].word.load(Ordering::Relaxed) & STATE == WAITING;
        let targets = (0..SLOTS).filter(waiting).map(|index| self.slots[index].target());
        let aways = targets.filter_map(|target| domain.away(target).map(|away| (away, target)));
        aways.min_by_key(|&(away, _)| away).map(|(_, target)| target)
    }

    /// Takes a batch whose grace period has passed, if there is one.
    pub(super) fn take_due(&self, domain: &Domain) -> Option<Due<'_>> {
        // Relaxed: a hint; what is missed is taken next time.
        let mut used = self.used.load(Ordering::Relaxed);
        while used != 0 {
            let index = used.trailing_zeros() as usize;
            used &= used - 1;
            let slot = &self.slots[index];
            // Relaxed, and the target with it: a hint, until the slot is this caller's.
            let word = slot.word.load(Ordering::Relaxed);
            if word & STATE != WAITING || !domain.is_reached(slot.target()) {
                continue;
            }
            // INVARIANT: the slot is this caller's from here on.
            //
            // Acquire: partner of the Release in `fill`, for the batch and its target. Relaxed on failure: nothing is taken.
            let running = word & !STATE | RUNNING;
            if slot.word.compare_exchange(word, running, order!(Acquire, Take), Ordering::Relaxed).is_err() {
                continue;
            }
            // Once more, now that the slot cannot change: it may have been emptied and filled again in between, as often as there are
            // generations.
            if domain.is_reached(slot.target()) {
                return Some(Due { pending: self, index });
            }
            // INVARIANT: the slot is nobody's, and holds what it held.
            //
            // Release: for whoever takes it next, in the place of the one in `fill`.
            slot.word.store(word, Ordering::Release);
        }
        None
    }

    fn give_up(&self, index: usize) {
        // Release: partner of the Acquires in `claim`, `seen` and `is_over`.
        self.used.fetch_and(!(1 << index), Ordering::Release);
    }

    /// Frees the slots of threads that do not exist any more. What they were filling in or running is leaked.
    ///
    /// # Safety
    ///
    /// In a child of a `fork`, with no other thread; `running` is the slot whose batch this one is running.
    #[cfg(all(feature = "std", unix))]
    pub(super) unsafe fn after_fork(&self, running: Option<usize>) {
        for (index, slot) in self.slots.iter().enumerate() {
            // Relaxed: there is no other thread.
            let word = slot.word.load(Ordering::Relaxed);
            if self.used.load(Ordering::Relaxed) & 1 << index != 0 && word & STATE != WAITING && running != Some(index) {
                slot.batch.with_mut(|batch| {
                    // SAFETY: whoever had it is gone. A batch that is overwritten is leaked; nothing is dropped.
                    unsafe { batch.write(None) };
                });
                slot.word.store((word & !STATE).wrapping_add(GENERATION), Ordering::Relaxed);
                self.give_up(index);
            }
        }
    }
}

impl Claimed<'_> {
    /// Lets `batch` wait until `target` is reached.
    pub(super) fn fill(self, batch: Batch, target: Target) {
        let slot = &self.pending.slots[self.index];
        slot.batch.with_mut(|place| {
            // SAFETY: the slot is this holder's (invariant).
            unsafe { place.write(Some(batch)) };
        });
        // Relaxed: published below.
        slot.target.store(target.to_bits(), Ordering::Relaxed);
        // Relaxed: whoever freed the slot comes before the claim.
        let word = slot.word.load(Ordering::Relaxed);
        // Release: partner of the Acquires in `take_due`.
        slot.word.store(word & !STATE | WAITING, order!(Release, Fill));
        core::mem::forget(self);
    }
}

impl Drop for Claimed<'_> {
    /// Gives back a slot that was not filled.
    fn drop(&mut self) {
        self.pending.give_up(self.index);
    }
}

impl Due<'_> {
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// The batch, once. Its grace period has passed.
    pub(super) fn take(&self) -> Option<Batch> {
        self.pending.slots[self.index].batch.with_mut(|batch| {
            // SAFETY: the slot is this holder's (invariant).
            unsafe { batch.replace(None) }
        })
    }
}

impl Drop for Due<'_> {
    /// Frees the slot, also when the batch panicked.
    fn drop(&mut self) {
        let slot = &self.pending.slots[self.index];
        // Relaxed: this holder's own.
        let word = slot.word.load(Ordering::Relaxed);
        // Release: partner of the Acquire in `generation`: who waited for the batch sees what it did.
        slot.word.store((word & !STATE).wrapping_add(GENERATION), Ordering::Release);
        self.pending.give_up(self.index);
    }
}
