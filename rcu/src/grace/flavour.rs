//! The interface: read sections, waiting, and what is to be done after a grace period.

use super::domain::Target;
use super::{Platform, Record};
use crate::{BarrierError, Batch, InsideReadSection, Link, Rcu, RetireList};
use core::fmt;
use core::marker::PhantomData;

/// Read-copy-update whose grace periods need no memory, on the records of a platform. With the feature `std`,
/// [`Grace`](crate::Grace) is the one for threads.
///
/// | | allocates | blocks | may run destructors |
/// |---|---|---|---|
/// | [`pin`](Rcu::pin), dropping the guard | no | no | no |
/// | [`retire`](Rcu::retire) | no | no | no |
/// | [`cookie`](Self::cookie) | no | no | no |
/// | [`poll`](Self::poll) | no | no | no |
/// | [`wait`](Self::wait) | no | **yes** | no |
/// | [`synchronize`](Rcu::synchronize) | no | **yes** | yes |
/// | [`call`](Self::call), [`flush`](Rcu::flush), [`try_hand_over`](Rcu::try_hand_over) | no | no | yes |
/// | [`hand_over`](Rcu::hand_over) | no | when as many batches wait as a word has bits | yes |
/// | [`barrier`](Rcu::barrier) | no | **yes** | yes |
///
/// (The platform may do more when it makes a record: [`Grace`](crate::Grace) allocates in the first `pin` of a thread.)
/// "Destructors" are those of any object whose grace period has passed. They may retire, hand over and `synchronize`, if the thread
/// on which they run is in no read section; what they must not do is to wait for other destructors.
///
/// Nothing happens in the background. Batches that wait are run by a later call that may run destructors; a grace period for their sake
/// alone is begun when eight have come together, or when somebody waits. What still waits when the process ends is not dropped.
///
/// **A reader that never leaves** (or a guard that is forgotten) keeps every grace period from ending from then on: `synchronize`,
/// `wait` and `barrier` do not return, `poll` says `false`, and what is retired stays. Nothing else is affected: readers go on,
/// `retire`, `call` and `flush` go on.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Grace, Rcu}; // `Grace` is `GraceOn` the threads of the standard library
///
/// let guard = Grace::pin();
/// assert!(Grace::synchronize().is_err(), "it would wait for this thread");
/// drop(guard);
/// Grace::synchronize()?;
/// # Ok::<(), maple_rcu::InsideReadSection>(())
/// ```
pub struct GraceOn<P>(PhantomData<fn() -> P>);

/// A read section of [`GraceOn`], until it is dropped. Made by [`pin`](Rcu::pin) only.
///
/// # Invariants
///
/// `record` was entered once for this guard, and has not been left for it.
///
/// # Examples
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// use maple_rcu::{Grace, Rcu};
///
/// let guard = Grace::pin();
/// std::thread::spawn(move || drop(guard));
/// ```
#[must_use = "the read section ends when the guard is dropped"]
pub struct GraceGuard<P: Platform> {
    /// Kept, so that the end of the section need not ask the platform again.
    record: &'static Record,
    /// Not `Send`, not `Sync`.
    platform: PhantomData<*mut P>,
}

/// An instant, from which on a grace period can be waited for: see [`GraceOn::cookie`].
///
/// # Examples
///
/// ```
/// use maple_rcu::Grace;
///
/// let cookie = Grace::cookie();
/// assert_eq!(size_of_val(&cookie), size_of::<usize>());
/// ```
#[must_use = "it does nothing but wait to be asked"]
pub struct Cookie<P> {
    target: Target,
    platform: PhantomData<fn() -> P>,
}

/// So many batches wait before a period begins for their sake alone: a `membarrier` costs about a microsecond, and interrupts every
/// processor that runs the process.
const ENOUGH: usize = 8;

/// So many retired objects make a batch in [`GraceOn::call`].
const BATCH: usize = 64;

/// What [`Platform::running`] says when nothing is running; the first slot's batch; and so on.
const IDLE: usize = 0;
const SLOT_0: usize = 1;

// SAFETY: the proof is in the module's documentation.
// * A guard stands for a section of the caller's record, which is the caller's alone by the contract of `Platform`; it is not `Send`,
//   and nobody else makes one.
// * `synchronize` waits for a target that it makes itself; a caller with a section open gets an error.
// * A batch is put in the table with such a target, and taken out once, when that is reached.
// * The retired list is the domain's, and no other platform has that domain. `flush` puts that list, whole, in the table.
unsafe impl<P: Platform> Rcu for GraceOn<P> {
    type Guard = GraceGuard<P>;

    /// Opens a read section: one store to a cache line of the reader's own, and a full fence where the writer cannot make up for it.
    #[inline]
    fn pin() -> GraceGuard<P> {
        let record = P::current();
        record.enter(P::domain());
        // INVARIANT: entered just above.
        GraceGuard { record, platform: PhantomData }
    }

    #[inline]
    fn is_reading() -> bool {
        P::registered().is_some_and(Record::is_reading)
    }

    /// Waits until every read section that was open at the call has ended; then runs what is due.
    ///
    /// Allocates nothing. All who wait at the same time share one or two grace periods. Spins for a moment, then sleeps, longer
    /// each time, as the platform will have it.
    ///
    /// # Errors
    ///
    /// [`InsideReadSection`] if the caller is inside one. Nothing has happened.
    fn synchronize() -> Result<(), InsideReadSection> {
        let result = Self::wait(Self::cookie());
        if result.is_ok() {
            Self::run_due();
        }
        result
    }

    /// Runs `batch` once, on any thread, after a grace period. Allocates nothing.
    ///
    /// Waits for a grace period only when as many batches wait already as a word has bits: 64. [`try_hand_over`](Rcu::try_hand_over)
    /// never waits.
    ///
    /// # Panics
    ///
    /// Where it would have to wait, inside a read section or inside a destructor that the flavour runs. The batch is leaked.
    ///
    /// # Safety
    ///
    /// As for [`Rcu::hand_over`].
    unsafe fn hand_over(mut batch: Batch) {
        let mut round = 0;
        loop {
            // SAFETY: the caller's promise.
            match unsafe { Self::try_hand_over(batch) } {
                Ok(()) => return,
                Err(back) => batch = back,
            }
            assert!(!Self::is_reading() && !Self::is_running(), "no room for a batch, and no way to wait for it");
            Self::work();
            P::pause(round);
            round = round.saturating_add(1);
        }
    }

    unsafe fn try_hand_over(batch: Batch) -> Result<(), Batch> {
        let domain = P::domain();
        if domain.pending.len() >= super::pending::SLOTS {
            Self::push_on();
        }
        match domain.pending.claim() {
            Some(slot) => slot.fill(batch, domain.target()),
            None => return Err(batch),
        }
        Self::push_on();
        Ok(())
    }

    /// Waits until everything that was retired, called or handed over before the call has been run, on whichever thread.
    ///
    /// Allocates nothing. May cost a grace period or two.
    ///
    /// # Errors
    ///
    /// Inside a read section of the caller, or inside a destructor that the flavour runs: it would wait for itself.
    fn barrier() -> Result<(), BarrierError> {
        if Self::is_reading() {
            return Err(BarrierError::InsideReadSection);
        }
        if Self::is_running() {
            return Err(BarrierError::InsideDestructor);
        }
        let pending = &P::domain().pending;
        let mut round = 0;
        let mut drive = || {
            Self::work();
            P::pause(round);
            round = round.saturating_add(1);
        };
        while !Self::move_retired() {
            drive();
        }
        for seen in pending.seen() {
            while !pending.is_over(seen) {
                drive();
            }
        }
        Ok(())
    }

    #[inline]
    fn retired() -> &'static RetireList {
        &P::domain().retired
    }

    fn flush() -> bool {
        let any = !Self::retired().is_empty();
        if any && !Self::move_retired() {
            Self::push_on();
            // Else what is retired stays where it is, and its turn comes.
            Self::move_retired();
        }
        Self::push_on();
        any
    }
}

impl<P: Platform> GraceOn<P> {
    /// Remembers this instant. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Rcu};
    ///
    /// let guard = Grace::pin();
    /// let cookie = Grace::cookie();
    /// assert!(!Grace::poll(cookie)); // `guard` was there before
    /// drop(guard);
    /// let later = Grace::pin();
    /// assert!(Grace::poll(cookie)); // `later` was not
    /// # drop(later);
    /// ```
    pub fn cookie() -> Cookie<P> {
        Cookie { target: P::domain().target(), platform: PhantomData }
    }

    /// Whether every read section that was open when `cookie` was made has ended, as far as is known; pushes the grace period on if not.
    ///
    /// What readers did in those sections happens before a `true`. Neither allocates nor blocks; may cost a `membarrier` and a look
    /// at every record. May be called inside a read section (and says `false` as long as it is one of those).
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::Grace;
    ///
    /// let cookie = Grace::cookie();
    /// while !Grace::poll(cookie) {
    ///     // something else to do
    /// }
    /// assert!(Grace::poll(cookie)); // from now on
    /// ```
    #[must_use]
    pub fn poll(cookie: Cookie<P>) -> bool {
        P::domain().step(cookie.target, P::barrier)
    }

    /// Waits until every read section that was open when `cookie` was made has ended.
    ///
    /// Allocates nothing, and runs no destructors. Sleeps after a short spin.
    ///
    /// # Errors
    ///
    /// [`InsideReadSection`] if the caller is inside one, whichever.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::Grace;
    ///
    /// let cookie = Grace::cookie();
    /// // Something else that takes a while; in the end:
    /// Grace::wait(cookie)?;
    /// assert!(Grace::poll(cookie));
    /// # Ok::<(), maple_rcu::InsideReadSection>(())
    /// ```
    pub fn wait(cookie: Cookie<P>) -> Result<(), InsideReadSection> {
        if Self::is_reading() {
            return Err(InsideReadSection);
        }
        let mut round = 0;
        while !P::domain().step(cookie.target, P::barrier) {
            P::pause(round);
            round = round.saturating_add(1);
        }
        Ok(())
    }

    /// Retires an object, and hands over and runs what is due when many have come together: for those who have no better time for
    /// [`flush`](Rcu::flush). The link's function is called once, on any thread, after a grace period.
    ///
    /// Neither allocates nor blocks; may run destructors, so it must not be called with a lock held that one of them takes
    /// ([`retire`](Rcu::retire) may).
    ///
    /// # Safety
    ///
    /// As for [`Rcu::retire`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Rcu, RcuBox};
    /// use std::sync::Arc;
    ///
    /// let shared = Arc::new(7);
    /// let raw = RcuBox::try_new(shared.clone())?.into_raw();
    /// // SAFETY: `raw` came from `into_raw`, and from here on only the link stands for it.
    /// let link = unsafe { RcuBox::<Arc<u32>>::raw_link(raw) };
    /// // SAFETY: no reader can find the box any more, and an `Arc` of a number may be dropped on any thread.
    /// unsafe { Grace::call(link) };
    /// Grace::barrier()?;
    /// assert_eq!(Arc::strong_count(&shared), 1); // it has been dropped
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn call(link: core::ptr::NonNull<Link>) {
        // SAFETY: the caller's promise.
        unsafe { Self::retire(link) };
        if Self::retired().len() >= BATCH {
            Self::flush();
        }
    }

    /// Puts what is retired in a slot, whole. Whether that is done (or nothing is retired).
    pub(super) fn move_retired() -> bool {
        // First the slot: what is taken off the list without one would be nowhere.
        let Some(slot) = P::domain().pending.claim() else { return false };
        if let Some(batch) = Self::retired().take_all() {
            slot.fill(batch, P::domain().target());
        }
        true
    }

    /// Runs what is due, and begins a period if many batches wait for one, or goes on with the one that is on. Never waits. Leaves
    /// all of it to the reclaimer if there is one.
    fn push_on() {
        let domain = P::domain();
        if domain.is_relieved() {
            return;
        }
        Self::run_due();
        let target = if domain.pending.len() >= ENOUGH { domain.pending.soonest(domain) } else { Some(domain.on()) };
        if target.is_some_and(|target| !domain.is_reached(target) && domain.step(target, P::barrier)) {
            Self::run_due();
        }
    }

    /// Works on what waits: one look at the readers, for the batch that has waited longest, and runs what is due. Whether there was
    /// anything.
    pub(super) fn work() -> bool {
        let domain = P::domain();
        let soonest = domain.pending.soonest(domain);
        if let Some(target) = soonest {
            domain.step(target, P::barrier);
        }
        Self::run_due() || soonest.is_some()
    }

    /// Whether the caller is inside a destructor that this flavour runs.
    fn is_running() -> bool {
        P::running() != IDLE
    }

    /// Runs every batch whose grace period has passed. Whether there was one.
    ///
    /// Inside a destructor that this runs it does nothing: whoever runs that goes on with the rest, and destructors are never
    /// inside one another.
    fn run_due() -> bool {
        if Self::is_running() {
            return false;
        }
        let domain = P::domain();
        let mut any = false;
        while let Some(due) = domain.pending.take_due(domain) {
            any = true;
            let _running = Running::<P>::mark(due.index());
            if let Some(batch) = due.take() {
                // SAFETY: the slot had the batch with a target that is reached: every section that was open when it was handed over, to
                // this flavour, has ended. It was taken out of the slot just now, so this is the only call.
                unsafe { P::run(batch) };
            }
        }
        any
    }

    /// Whether something is retired that is in no slot.
    #[cfg(feature = "std")]
    pub(super) fn has_retired() -> bool {
        !Self::retired().is_empty()
    }

    /// The slot whose batch a caller is running, told from [`Platform::running`].
    #[cfg(all(feature = "std", unix))]
    pub(super) fn slot_of(running: usize) -> Option<usize> {
        running.checked_sub(SLOT_0)
    }
}

/// Marks the caller as one that runs the batch of a slot, also if that panics.
struct Running<P: Platform>(PhantomData<fn() -> P>);

impl<P: Platform> Running<P> {
    fn mark(slot: usize) -> Self {
        P::set_running(SLOT_0 + slot);
        Self(PhantomData)
    }
}

impl<P: Platform> Drop for Running<P> {
    fn drop(&mut self) {
        P::set_running(IDLE);
    }
}

impl<P: Platform> GraceGuard<P> {
    /// Ends this read section and begins another, so that a long reader does not hold up grace periods: for loops over much, between two
    /// parts. Whether it did: it does not while the reader has other guards.
    ///
    /// Takes two loads if nobody has begun a grace period meanwhile. Neither allocates nor blocks. What was found before is given up
    /// (`&mut`).
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Rcu};
    ///
    /// let mut guard = Grace::pin();
    /// let cookie = Grace::cookie();
    /// assert!(!Grace::poll(cookie));
    /// assert!(guard.repin());
    /// assert!(Grace::poll(cookie));
    /// let inner = Grace::pin();
    /// assert!(!guard.repin()); // still inside `inner`
    /// # drop(inner);
    /// ```
    #[inline]
    pub fn repin(&mut self) -> bool {
        self.record.refresh(P::domain())
    }
}

impl<P: Platform> Drop for GraceGuard<P> {
    #[inline]
    fn drop(&mut self) {
        // For the section that this guard was entered for (invariant).
        if self.record.leave() {
            // SAFETY: it is the caller's record, since a guard stays with who made it, and its last section was left just now.
            unsafe { P::release(self.record) };
        }
    }
}

impl<P: Platform> fmt::Debug for GraceGuard<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraceGuard").finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for GraceOn<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GraceOn")
    }
}

impl<P> Clone for Cookie<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Cookie<P> {}

impl<P> fmt::Debug for Cookie<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie").finish_non_exhaustive()
    }
}
