//! The flavour on `crossbeam-epoch`'s default collector. The only file that knows that crate.
//!
//! What was found out about it (0.9.21), and what follows:
//!
//! * It cannot wait for a grace period. [`Epoch::synchronize`] defers a function that raises a flag, and pushes the epoch on until
//!   it is raised.
//! * Deferred functions are gathered in a bag per thread. A bag that is full, or flushed, is moved to the heap (about 2 KB); an idle
//!   thread's bag stays with it for ever. So [`Epoch::hand_over`] defers once for a whole batch, and flushes.
//! * If a deferred function panics, the rest of its bag is lost and the panic surfaces in whichever call happened to run it. So
//!   no function that is deferred here unwinds, foreign panics are held back until the work in hand is done, and the flag of `synchronize` travels in a bag of its own.
//! * Opening a read section runs expired bags now and then. So [`Epoch::retire`] does not open one.

use crate::sync::{AtomicBool, Ordering};
use crate::{BarrierError, Batch, InsideReadSection, Rcu, RetireList};
use core::any::Any;
use core::hint;
use core::mem;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

/// Read-copy-update by epochs, on `crossbeam-epoch`'s default collector.
///
/// Read sections made by other users of that collector (with `crossbeam_epoch::pin()`) delay grace periods like those of this crate.
///
/// | | allocates (aborts if refused) | blocks | may run destructors |
/// |---|---|---|---|
/// | [`pin`](Rcu::pin) | first use on a thread; when it runs destructors | no | every 128th outermost call of a thread |
/// | dropping the guard | no, except as a thread ends | no | no |
/// | [`retire`](Rcu::retire) | **never** | **never** | **never** |
/// | [`flush`](Rcu::flush), [`hand_over`](Rcu::hand_over) | about 2 KB per batch | no | yes |
/// | [`synchronize`](Rcu::synchronize) | about 10 KB per call | **yes** | yes |
/// | [`barrier`](Rcu::barrier) | about 32 KB per call | **yes** | yes |
///
/// "Destructors" are those of any object whose grace period has passed, of this crate or of another user of the collector. They run
/// inside a read section of the calling thread; a `synchronize` called there returns an error.
///
/// A destructor of a retired object that panics is reported by the panic hook and goes no further: it must not surface in
/// an unrelated `pin`. The other objects of its batch are still reclaimed.
///
/// Nothing happens in the background. A batch that was handed over is run by a later call of some thread; `synchronize` and `flush`
/// press on with it. What is still waiting when the process ends is not dropped.
///
/// # Panics
///
/// If a function that other code deferred directly with `crossbeam-epoch` panics, the panic surfaces in whichever call runs it: `pin`,
/// or `hand_over`, `flush` and `synchronize`, which finish their work before they let it go on. Such a panic loses the other
/// functions in the same bag; a batch that this crate deferred just after it on the same thread is then leaked.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Epoch, Rcu, RcuArc};
/// use std::sync::Mutex;
///
/// let config = Mutex::new(RcuArc::<String>::try_new("v1".to_owned())?);
/// let old = std::mem::replace(&mut *config.lock().unwrap(), RcuArc::try_new("v2".to_owned())?);
/// drop(old); // retires: never allocates, never blocks
/// assert!(Epoch::flush());
/// # Ok::<(), maple_rcu::AllocError<String>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Epoch;

/// A read section of [`Epoch`], until it is dropped. Made by [`Epoch::pin`](Rcu::pin) only.
///
/// A `crossbeam_epoch::Guard` could belong to another collector, or protect nothing at all; this one cannot.
///
/// # Invariants
///
/// The guard inside belongs to the default collector.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Epoch, EpochGuard, Rcu};
///
/// let guard: EpochGuard = Epoch::pin();
/// assert!(Epoch::synchronize().is_err());
/// drop(guard);
/// ```
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// use maple_rcu::{Epoch, Rcu};
///
/// let guard = Epoch::pin();
/// std::thread::spawn(move || drop(guard));
/// ```
#[derive(Debug)]
#[must_use = "the read section ends when the guard is dropped"]
pub struct EpochGuard {
    /// Held, never read.
    _guard: crossbeam_epoch::Guard,
}

static RETIRED: RetireList = RetireList::new();

// SAFETY: the default collector runs a deferred function only after every participant that was pinned at the call has been unpinned,
// and orders what those did before it.
// * A guard pins the calling thread with that collector; it is not `Send`, and its field is private to this file.
// * `synchronize` returns only when a function that it deferred has run; a pinned caller gets an error.
// * `hand_over` defers the batch, by value.
// * `RETIRED` is this flavour's own. `flush` hands that list over, whole; the other provided functions are not replaced.
unsafe impl Rcu for Epoch {
    type Guard = EpochGuard;

    /// Opens a read section, in about 2 ns.
    ///
    /// The first call on a thread registers it, which allocates 2 to 3 KB and aborts if it is refused. Every 128th outermost call of
    /// a thread, the first included, runs what is due: destructors of any object whose grace period has passed.
    ///
    /// # Panics
    ///
    /// If a function that other code deferred directly with `crossbeam-epoch` panics in here.
    fn pin() -> EpochGuard {
        // INVARIANT: `crossbeam_epoch::pin` pins with the default collector.
        EpochGuard { _guard: crossbeam_epoch::pin() }
    }

    /// Whether the calling thread holds a guard, be it an [`EpochGuard`] or one of `crossbeam_epoch::pin()`. The first use by a thread
    /// registers it, which allocates.
    fn is_reading() -> bool {
        crossbeam_epoch::is_pinned()
    }

    /// Waits until every read section that was open at the call has ended, by pressing on with the epoch: spinning, then yielding,
    /// then in short sleeps of up to a millisecond.
    ///
    /// Allocates about 10 KB per call (five blocks: a participant of its own, and bags), and aborts if it is refused. May run
    /// destructors of any object that is due; must not be called with a lock held that one of them takes. Open read sections that
    /// were made directly with `crossbeam_epoch::pin()` are waited for too.
    ///
    /// # Errors
    ///
    /// [`InsideReadSection`] if the calling thread holds a guard, be it an [`EpochGuard`] or one of `crossbeam_epoch::pin()`. (In the
    /// destructor of a thread-local, neither a guard that another thread-local still holds can be seen, nor that the call is made by a destructor
    /// which is run in there: such a call never returns.)
    ///
    /// # Panics
    ///
    /// If a function that other code deferred directly with `crossbeam-epoch` panics in here, the panic goes on after the grace period.
    fn synchronize() -> Result<(), InsideReadSection> {
        if Self::is_reading() {
            return Err(InsideReadSection);
        }
        wait_for_grace_period();
        Ok(())
    }

    /// Runs `batch` once, on any thread, after a grace period.
    ///
    /// Does not wait for it. Allocates about 2 KB, and aborts if it is refused. May run destructors of any object that is due; must
    /// not be called with a lock held that one of them takes. May be called inside a read section; the batch then waits for its end.
    ///
    /// A panic of the batch itself is reported by the panic hook and goes no further.
    ///
    /// # Panics
    ///
    /// If a function that other code deferred directly with `crossbeam-epoch` panics in here, the panic goes on when the batch is
    /// handed over.
    ///
    /// # Safety
    ///
    /// A grace period of `Epoch` is one that the batch was made for.
    unsafe fn hand_over(batch: Batch) {
        let mut foreign = Panics::default();
        let guard = foreign.insist(crossbeam_epoch::pin);
        // Three words: stored in the bag itself, without a box (the epoch crate has room for three).
        const { assert!(mem::size_of::<Batch>() <= 3 * mem::size_of::<usize>()) };
        let work = move || run_contained(batch);
        // SAFETY: a batch may be run on any thread. It refers to no local variable, and the caller promises that a grace period of
        // this flavour is what it waits for.
        unsafe { guard.defer_unchecked(work) };
        // Otherwise it would stay in the bag of this thread, perhaps for ever.
        foreign.contain(move || guard.flush());
        foreign.resume();
    }

    fn retired() -> &'static RetireList {
        &RETIRED
    }

    /// In a read section of its own, for the sake of [`barrier`](Rcu::barrier). May run destructors of any object that is due, as
    /// [`pin`](Rcu::pin) and [`hand_over`](Rcu::hand_over) may.
    ///
    /// # Panics
    ///
    /// As [`hand_over`](Rcu::hand_over): what is retired has been handed over then.
    fn flush() -> bool {
        if RETIRED.is_empty() {
            return false;
        }
        let mut foreign = Panics::default();
        let section = foreign.insist(crossbeam_epoch::pin);
        let taken = RETIRED.take_all();
        let any = taken.is_some();
        if let Some(batch) = taken {
            // SAFETY: the batch comes from this flavour's own list.
            foreign.contain(|| unsafe { Self::hand_over(batch) });
        }
        drop(section);
        foreign.resume();
        any
    }

    /// Waits until everything that was retired or handed over before the call has been run, on whichever thread.
    ///
    /// Three grace periods long; allocates as [`synchronize`](Rcu::synchronize) does, for each, and as [`flush`](Rcu::flush) does.
    ///
    /// # Errors
    ///
    /// [`BarrierError::InsideReadSection`] as for [`synchronize`](Rcu::synchronize). Every destructor is run inside a read section, and so
    /// gets that error. (Not in the destructor of a thread-local, see there: a call inside a destructor that runs in there never returns.)
    ///
    /// # Panics
    ///
    /// If a function that other code deferred directly with `crossbeam-epoch` panics in here. Not all has been waited for then.
    fn barrier() -> Result<(), BarrierError> {
        if Self::is_reading() {
            return Err(BarrierError::InsideReadSection);
        }
        Self::flush();
        // 1. Whoever else took what was retired, in `flush`, is in a read section until it is in the collector's queue.
        wait_for_grace_period();
        // 2. The queue is taken from in order, and the flag of this period is behind all that.
        wait_for_grace_period();
        // 3. Whoever took it from the queue runs it in a read section.
        wait_for_grace_period();
        Ok(())
    }
}

/// Runs a batch whose grace period has passed. A panic is reported by the panic hook and stops here: it would take the rest of the
/// bag with it and surface in an unrelated call.
fn run_contained(batch: Batch) {
    // SAFETY: called by the collector, after a grace period that began when the batch was handed over.
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| unsafe { batch.run() })) {
        discard(payload);
    }
}

/// Drops what a panic carried. Never unwinds: should that panic too, what the second one carries is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
    mem::forget(outcome);
}

/// Returns when every read section has ended that was open at the call. The calling thread must not be inside one.
fn wait_for_grace_period() {
    let mut foreign = Panics::default();
    let passed = AtomicBool::new(false);
    let flag = &raw const passed;

    // Keeps the thread marked as inside a read section while `own`'s first pin runs destructors: a `synchronize` in one of those
    // gets its error instead of waiting for `own`.
    let section = foreign.insist(crossbeam_epoch::pin);
    // A participant of its own, whose bag is empty: nothing in front of the flag's function can panic and so lose it.
    let participant = crossbeam_epoch::default_collector().register();
    let own = foreign.insist(|| participant.pin());
    let raise = move || {
        // SAFETY: the frame is still there, see below, and an atomic may be used on any thread. It may go as soon as the store has
        // happened, and the store is the last access.
        let flag = unsafe { &*flag };
        // Release: partner of the Acquire in the loop below. The collector orders what readers did in their sections before this.
        flag.store(true, Ordering::Release);
    };
    // SAFETY: from here on this function neither returns nor unwinds before the flag is raised (every step that could unwind is
    // contained), so the flag is alive when the deferred function runs, whichever thread that is on.
    unsafe { own.defer_unchecked(raise) };
    foreign.contain(move || {
        own.flush();
        drop(own);
        drop(participant);
        drop(section);
    });
    let mut pause = Pause::default();
    // Acquire: partner of the Release above; what readers did in their sections happens before the return.
    while !passed.load(Ordering::Acquire) {
        pause.take();
        // One step of the epoch, if nobody holds it back, and up to eight expired bags.
        foreign.contain(|| crossbeam_epoch::pin().flush());
    }
    foreign.resume();
}

/// Panics of functions that other code deferred, held back until the work in hand is done. Only the first is kept.
#[derive(Default)]
struct Panics {
    first: Option<Box<dyn Any + Send>>,
}

impl Panics {
    /// Calls `step`; `None` if it panicked.
    fn contain<T>(&mut self, step: impl FnOnce() -> T) -> Option<T> {
        match panic::catch_unwind(AssertUnwindSafe(step)) {
            Ok(result) => return Some(result),
            Err(payload) if self.first.is_none() => self.first = Some(payload),
            Err(payload) => discard(payload),
        }
        None
    }

    /// Calls `step` until it does not panic. The collector loses a function that panicked, so it meets each only once.
    fn insist<T>(&mut self, mut step: impl FnMut() -> T) -> T {
        loop {
            if let Some(result) = self.contain(&mut step) {
                return result;
            }
        }
    }

    /// Lets the first panic go on.
    fn resume(self) {
        if let Some(payload) = self.first {
            panic::resume_unwind(payload);
        }
    }
}

/// Waits a little longer each time: readers are expected to be gone soon, but may take their time.
#[derive(Default)]
pub(crate) struct Pause {
    rounds: u32,
}

impl Pause {
    /// Two steps of the epoch are needed and no reader may be in the way: a few rounds of up to 2^5 spins.
    const SPINS: u32 = 6;
    /// Then let others run.
    const YIELDS: u32 = 16;
    /// Then sleep, from 2^4 microseconds on up to 2^10.
    const SLEEP_LOG2_MICROS: (u32, u32) = (4, 10);

    pub(crate) fn take(&mut self) {
        if self.rounds < Self::SPINS {
            for _ in 0..1 << self.rounds {
                hint::spin_loop();
            }
        } else if self.rounds < Self::SPINS + Self::YIELDS {
            thread::yield_now();
        } else {
            let (shortest, longest) = Self::SLEEP_LOG2_MICROS;
            let log2 = longest.min(shortest + (self.rounds - Self::SPINS - Self::YIELDS));
            thread::sleep(Duration::from_micros(1 << log2));
        }
        self.rounds = self.rounds.saturating_add(1);
    }
}
