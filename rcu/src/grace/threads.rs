//! The platform of programs with an operating system: a record for each thread.
//!
//! A thread's record is found through a thread-local pointer without a destructor, so a read section costs one address computation,
//! and works at any time of a thread's life. A second thread-local, with a destructor, gives the record back. Sections that are
//! opened after that (by destructors of other thread-locals) take a record that is given back with the last guard: a *passing* one.

use super::membarrier;
use super::{Domain, GraceOn, Platform, Record};
use crate::owned::Block;
use crate::{AllocError, Batch};
use core::any::Any;
use core::cell::Cell;
use core::mem;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::alloc::{Layout, handle_alloc_error};
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

/// Read-copy-update whose grace periods need no memory, for threads: [`GraceOn`] has the whole interface.
///
/// | | allocates |
/// |---|---|
/// | the first [`pin`](crate::Rcu::pin) of a thread, or [`try_register`](GraceOn::try_register) | 128 bytes at most, see there |
/// | all else | **nothing** |
///
/// *Which fences.* On Linux (4.14 and later; x86, AArch64, 64-bit RISC-V, s390x) readers have none: a grace period has one
/// `membarrier(2)` instead. Elsewhere, where a sandbox forbids the call when the first thread registers, under Miri, with `--cfg
/// maple_rcu_fences` and after [`use_fences`](GraceOn::use_fences), every outermost read section has a full fence. (ThreadSanitizer
/// does not know `membarrier`: give it fences.) A sandbox that takes `membarrier` away *after* the first thread registered ends the
/// process at the next grace period.
///
/// *The end of a thread* closes nothing by itself: a guard that its thread-locals hold lasts until it is dropped there; one that is
/// forgotten, for ever. Destructors of thread-locals may do everything. Records are used again, so there are as many as there were
/// threads at a time; they are never freed.
///
/// *After `fork`* (that of the C library: a handler is registered with the first thread that reads, or by
/// [`try_register`](GraceOn::try_register)) the child has one thread. Read sections of others are over; the child's own stays open.
/// Cookies stay valid, grace periods go on. What the others had retired or handed over is reclaimed in the child as well, once; what they
/// were just handing over or running at that instant is leaked. A [`Reclaimer`](crate::Reclaimer) has to be started again.
/// In a process that forks while threads that never read hand over or wait, and where nobody has read yet, there is no handler, and the child may
/// wait for what a thread that it does not have had begun: call `try_register` first.
///
/// *Signals*: a handler may open and close sections on a thread that is registered, as long as its thread-locals are not being dropped.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Grace, Rcu, RcuArc};
/// use std::sync::Mutex;
///
/// Grace::try_register()?; // from here on this thread needs no memory
/// let config = Mutex::new(RcuArc::<String, Grace>::try_new("v1".to_owned())?);
/// let guard = Grace::pin();
/// let old = std::mem::replace(&mut *config.lock().unwrap(), RcuArc::try_new("v2".to_owned())?);
/// drop(old); // retired
/// drop(guard);
/// Grace::barrier()?; // waits until it is dropped
/// assert_eq!(**config.lock().unwrap(), "v2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Grace = GraceOn<Threads>;

/// The platform of [`Grace`]: a record for each thread.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Grace, GraceGuard, Rcu, Threads};
///
/// let guard: GraceGuard<Threads> = Grace::pin();
/// assert!(Grace::is_reading());
/// # drop(guard);
/// ```
#[derive(Debug)]
pub struct Threads(());

/// What a read section costs: see [`GraceOn::read_side`].
///
/// # Examples
///
/// ```
/// use maple_rcu::{Grace, ReadSide};
///
/// match Grace::read_side() {
///     ReadSide::Membarrier => assert!(!Grace::use_fences()), // decided, so too late for fences
///     ReadSide::Fence => assert!(Grace::use_fences()),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadSide {
    /// A store; grace periods call `membarrier`.
    Membarrier,
    /// A store and a full fence.
    Fence,
}

static DOMAIN: Domain = Domain::new();

const UNDECIDED: u8 = 0;
const FENCE: u8 = 1;
const MEMBARRIER: u8 = 2;

/// The read side, decided once.
static READ_SIDE: AtomicU8 = AtomicU8::new(UNDECIDED);

/// Whether all is set up that the process needs once.
static IS_READY: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The thread's record. Owned by it.
    static CURRENT: Cell<Option<&'static Record>> = const { Cell::new(None) };
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    static REGISTRATION: Registration = const { Registration };
}

/// Gives the thread's record back when the thread ends.
struct Registration;

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(record) = CURRENT.get() else { return };
        if record.is_reading() {
            // A thread-local that is dropped later holds a guard.
            record.make_passing(&DOMAIN);
        } else {
            // SAFETY: it is this thread's record, and no guard stands for it.
            unsafe { Threads::release(record) };
        }
    }
}

// SAFETY:
// * `DOMAIN` is private to this file.
// * `CURRENT` has records that were registered there (`set_up`), and that are this thread's: taken by `try_own`, given back by
//   `release` or, in a child of a fork, by their threads not being there.
// * Without a record a thread has no section open: a guard keeps the record (`Registration`, `release`).
// * `RUNNING` is a number for each thread, and `run` contains panics.
unsafe impl Platform for Threads {
    #[inline(always)]
    fn domain() -> &'static Domain {
        &DOMAIN
    }

    #[inline(always)]
    fn current() -> &'static Record {
        match CURRENT.get() {
            Some(record) => record,
            None => first(),
        }
    }

    #[inline(always)]
    fn registered() -> Option<&'static Record> {
        CURRENT.get()
    }

    fn barrier() {
        membarrier::barrier();
    }

    fn pause(round: u32) {
        pause(round);
    }

    fn running() -> usize {
        RUNNING.get()
    }

    fn set_running(running: usize) {
        RUNNING.set(running);
    }

    unsafe fn run(batch: Batch) {
        // SAFETY: the caller's promise.
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| unsafe { batch.run() })) {
            discard(payload);
        }
    }

    unsafe fn release(record: &'static Record) {
        CURRENT.set(None);
        // INVARIANT: nobody's from here on; this thread does not know it any more.
        record.disown();
    }
}

impl GraceOn<Threads> {
    /// Gives this thread its record, if it has none yet, so that from here on nothing that it does with this flavour allocates.
    ///
    /// May allocate: 128 bytes, unless a thread that has ended left its record; and what the standard library needs to notice the end
    /// of a thread. Waits for nobody; but the first thread of the process asks the system for `membarrier` and notices forks, which can
    /// take milliseconds if there are many threads.
    ///
    /// # Errors
    ///
    /// Out of memory; nothing has changed. (What the standard library needs to notice the end of the thread, a few bytes, it does
    /// not ask for in a way that could be refused: it ends the process.)
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Platform, Threads};
    ///
    /// Grace::try_register()?;
    /// assert!(Threads::registered().is_some());
    /// # Ok::<(), maple_rcu::AllocError>(())
    /// ```
    pub fn try_register() -> Result<(), AllocError> {
        if CURRENT.get().is_none() {
            let record = set_up()?;
            // A passing record has a section open until its last guard is dropped. This is the first.
            record.enter(&DOMAIN);
            if record.leave() {
                // SAFETY: it is this thread's record, and its last section was left just now.
                unsafe { Threads::release(record) };
            }
        }
        Ok(())
    }

    /// Lets readers have fences, so that grace periods do without `membarrier`: for processes that will lock themselves up, and for
    /// tools that do not know it.
    ///
    /// Whether readers have fences now. It is too late when a thread has registered and `membarrier` was there. Neither allocates nor
    /// blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, ReadSide};
    ///
    /// // First thing in `main`:
    /// assert!(Grace::use_fences());
    /// assert_eq!(Grace::read_side(), ReadSide::Fence);
    /// ```
    pub fn use_fences() -> bool {
        // Relaxed: nothing else is published by it.
        let decided = READ_SIDE.compare_exchange(UNDECIDED, FENCE, Ordering::Relaxed, Ordering::Relaxed);
        decided.unwrap_or_else(|decided| decided) != MEMBARRIER
    }

    /// What a read section costs in this process. Decides it if no thread has registered yet. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Rcu};
    ///
    /// let decided = Grace::read_side();
    /// drop(Grace::pin());
    /// assert_eq!(Grace::read_side(), decided);
    /// ```
    pub fn read_side() -> ReadSide {
        decide();
        // Relaxed: nothing else is published by it.
        if READ_SIDE.load(Ordering::Relaxed) == MEMBARRIER { ReadSide::Membarrier } else { ReadSide::Fence }
    }
}

/// The record of a thread that has none yet.
#[cold]
fn first() -> &'static Record {
    set_up().unwrap_or_else(|_| handle_alloc_error(Layout::new::<Record>()))
}

/// Gives this thread a record.
fn set_up() -> Result<&'static Record, AllocError> {
    // Acquire: partner of the Release below.
    if !IS_READY.load(Ordering::Acquire) {
        decide();
        fork::notice()?;
        // Two threads may come here at a time: nothing of this is the worse for being done twice.
        IS_READY.store(true, Ordering::Release);
    }
    let record = match DOMAIN.records().find(|record| record.try_own()) {
        Some(record) => record,
        None => {
            let place = Block::<Record>::try_new()?.into_raw();
            // SAFETY: there is room for a record, and it belongs to this function.
            unsafe { place.write(Record::new()) };
            // SAFETY: written just above, and never freed.
            let record: &'static Record = unsafe { place.as_ref() };
            record.try_own();
            DOMAIN.register(record);
            record
        }
    };
    if REGISTRATION.try_with(|_| ()).is_err() {
        // The thread is about to end, and would not give it back.
        record.make_passing(&DOMAIN);
    }
    CURRENT.set(Some(record));
    Ok(record)
}

/// Decides what the read side is.
fn decide() {
    // Relaxed: nothing else is published by it.
    if READ_SIDE.load(Ordering::Relaxed) != UNDECIDED {
        return;
    }
    let read_side = if membarrier::register() { MEMBARRIER } else { FENCE };
    let decided = READ_SIDE.compare_exchange(UNDECIDED, read_side, Ordering::Relaxed, Ordering::Relaxed);
    if decided.is_ok() && read_side == MEMBARRIER {
        // SAFETY: the process is registered, so `membarrier` has the effect that is asked for, or `barrier` does not return (and it is
        // used on processors only that are multi-copy atomic). A
        // reader is a thread of this process; one that does not run just now was given a fence by the scheduler.
        unsafe { DOMAIN.trust_barrier() };
    }
}

/// Waits a little longer each time: readers are expected to be gone soon, but may take their time.
fn pause(round: u32) {
    /// A few rounds of up to 2^6 spins: about a microsecond.
    const SPINS: u32 = 7;
    /// Then let others run. Once: on a busy machine each time costs whole time slices of others, while one who sleeps is woken in time.
    const YIELDS: u32 = 1;
    /// Then sleep, from 2^5 microseconds on up to 2^10.
    const SLEEP_LOG2_MICROS: (u32, u32) = (5, 10);

    if round < SPINS {
        for _ in 0..1 << round {
            core::hint::spin_loop();
        }
    } else if round < SPINS + YIELDS {
        thread::yield_now();
    } else {
        let (shortest, longest) = SLEEP_LOG2_MICROS;
        let log2 = longest.min(shortest + (round - SPINS - YIELDS));
        thread::sleep(Duration::from_micros(1 << log2));
    }
}

/// Drops what a panic carried. Never unwinds: should that panic too, what the second one carries is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
    mem::forget(outcome);
}

#[cfg(unix)]
mod fork {
    use super::{CURRENT, DOMAIN, RUNNING, decide_again};
    use crate::AllocError;
    use crate::grace::Grace;
    use core::ptr;

    /// From now on a child of a `fork` is put in order.
    pub(super) fn notice() -> Result<(), AllocError> {
        if cfg!(miri) {
            // It knows no `fork`.
            return Ok(());
        }
        // SAFETY: `in_child` is a function of this type, and stays for as long as the process.
        match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
            0 => Ok(()),
            _ => Err(AllocError(())),
        }
    }

    /// Called in the child, by its only thread, before `fork` returns: allocates nothing, locks nothing.
    unsafe extern "C" fn in_child() {
        decide_again();
        let own = CURRENT.get();
        for record in DOMAIN.records() {
            if !own.is_some_and(|own| ptr::eq(own, record)) {
                // SAFETY: there is one thread, and the record is not its.
                unsafe { record.reset() };
            }
        }
        // SAFETY: there is one thread, and the records of others were reset just now.
        unsafe { DOMAIN.after_fork(own) };
        // SAFETY: there is one thread, and this is what it is running.
        unsafe { DOMAIN.pending.after_fork(Grace::slot_of(RUNNING.get())) };
    }
}

#[cfg(not(unix))]
mod fork {
    pub(super) fn notice() -> Result<(), crate::AllocError> {
        Ok(())
    }
}

/// In a child of a `fork`: the registration is the parent's, and whether a child inherits it is not written anywhere.
#[cfg(unix)]
fn decide_again() {
    // Relaxed: there is one thread.
    if READ_SIDE.load(Ordering::Relaxed) == MEMBARRIER {
        // `membarrier::barrier` does it again and ends the process if this did not help.
        membarrier::register();
    }
}
