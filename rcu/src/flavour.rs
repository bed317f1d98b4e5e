//! The interface that every kind of read-copy-update has: read sections, grace periods, retiring.

use crate::{BarrierError, InsideReadSection, Link, RetireList};
use core::fmt;
use core::mem;
use core::ptr::NonNull;

/// A flavour of read-copy-update.
///
/// A flavour is process-wide and chosen by type. There are no instances, so a guard can never belong to another domain than the
/// data that it protects.
///
/// * A *read section* lasts from [`pin`](Rcu::pin) until the guard is dropped. Sections nest.
/// * A *grace period* has passed when every read section that was open at its start has ended.
/// * An object that no new reader can find is *retired*: [`retire`](Rcu::retire) remembers it, [`flush`](Rcu::flush) hands all
///   that is remembered to the flavour, which reclaims it after a grace period.
///
/// Retiring is the only step that a path which must not fail has to take. It is separate from `flush` because `flush` may allocate.
///
/// # Safety
///
/// Whoever implements this promises, for one process-wide notion of read sections:
///
/// * A guard marks a read section of the thread that called `pin`, until it is dropped, and is neither `Send` nor obtainable from
///   safe code in any other way.
/// * When `synchronize` returns `Ok`, every read section that was open at the call has ended, and what its thread did inside
///   happens before the return. If the calling thread is inside a read section, the result is `Err`.
/// * `hand_over`, and `try_hand_over` unless it gives the batch back, runs it at most once, after every read section that was open
///   at the call has ended, and what those threads did inside happens before.
/// * `retired` always returns the same list, and no other flavour returns that one.
/// * `retire` puts the object on that list and does nothing else; `flush` treats what is on the list as `hand_over` would, if it takes it.
///
/// Nothing of that hangs on how long `barrier` waits: it frees nothing that would not be freed anyway.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Epoch, RcuArc, Rcu};
///
/// let guard = Epoch::pin();
/// let name: RcuArc<String> = RcuArc::try_new("eth0".to_owned())?;
/// drop(name); // retired; a reader that found it before may still look at it
/// drop(guard);
/// assert!(Epoch::flush()); // from here on the epoch takes care of it
/// # Ok::<(), maple_rcu::AllocError<String>>(())
/// ```
pub unsafe trait Rcu: Sized + Send + Sync + 'static {
    /// A read section of the thread that made it, until it is dropped. Not `Send`.
    type Guard: fmt::Debug;

    /// Opens a read section.
    ///
    /// What it costs, and whether it may allocate, is the flavour's matter.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu};
    ///
    /// let outer = Epoch::pin();
    /// let inner = Epoch::pin();
    /// drop(outer);
    /// assert!(Epoch::synchronize().is_err()); // still inside `inner`
    /// drop(inner);
    /// ```
    #[must_use = "the read section ends when the guard is dropped"]
    fn pin() -> Self::Guard;

    /// Whether the calling thread is inside a read section of this flavour: exactly then [`synchronize`](Rcu::synchronize) errs.
    ///
    /// Never blocks. For callers that have something to lock before they wait for a grace period.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu};
    ///
    /// assert!(!Epoch::is_reading());
    /// let _guard = Epoch::pin();
    /// assert!(Epoch::is_reading());
    /// ```
    fn is_reading() -> bool;

    /// Waits until every read section that was open at the call has ended.
    ///
    /// Blocks for as long as that takes. Whether it may allocate is the flavour's matter. What was handed over before need not have
    /// been reclaimed when this returns.
    ///
    /// # Errors
    ///
    /// [`InsideReadSection`] if the calling thread is itself inside a read section; it would wait for itself. Nothing has happened.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu};
    ///
    /// Epoch::synchronize()?;
    /// # Ok::<(), maple_rcu::InsideReadSection>(())
    /// ```
    fn synchronize() -> Result<(), InsideReadSection>;

    /// Runs `batch` once, on any thread, after a grace period.
    ///
    /// Does not wait for it. Whether it may allocate is the flavour's matter. It may run earlier batches, so it must not be called
    /// with a lock held that one of their destructors takes.
    ///
    /// # Safety
    ///
    /// A grace period of this flavour is one that the batch was made for: it comes from [`retired`](Rcu::retired) of the same
    /// flavour, or whoever called [`Batch::new`] meant this flavour (or any).
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ptr::NonNull;
    /// use maple_rcu::{Batch, Grace, Rcu};
    /// use std::sync::Arc;
    ///
    /// unsafe fn free(data: NonNull<()>, _context: *const ()) {
    ///     // SAFETY: made from a box below, and run once.
    ///     drop(unsafe { Box::from_raw(data.cast::<Arc<u32>>().as_ptr()) });
    /// }
    ///
    /// let shared = Arc::new(7);
    /// let data = NonNull::from(Box::leak(Box::new(shared.clone()))).cast();
    /// // SAFETY: `free` may run on any thread and is given the only pointer.
    /// let batch = unsafe { Batch::new(data, core::ptr::null(), free) };
    /// // SAFETY: readers of what is in the box, if any, are readers of this flavour.
    /// unsafe { Grace::hand_over(batch) };
    /// Grace::barrier()?; // waits until it was run
    /// assert_eq!(Arc::strong_count(&shared), 1);
    /// # Ok::<(), maple_rcu::BarrierError>(())
    /// ```
    unsafe fn hand_over(batch: Batch);

    /// As [`hand_over`](Rcu::hand_over), for callers that must not wait even if the flavour has no room: it gives the batch back then.
    ///
    /// Does `hand_over` unless the flavour says otherwise.
    ///
    /// # Errors
    ///
    /// The batch, to be handed over another time.
    ///
    /// # Safety
    ///
    /// As for [`hand_over`](Rcu::hand_over).
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Rcu, RcuArc};
    ///
    /// drop(RcuArc::<u32, Grace>::try_new(7)?);
    /// if let Some(batch) = Grace::retired().take_all() {
    ///     // SAFETY: the batch came from the list of the same flavour.
    ///     let refused = unsafe { Grace::try_hand_over(batch) };
    ///     assert!(refused.is_ok());
    /// }
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    unsafe fn try_hand_over(batch: Batch) -> Result<(), Batch> {
        // SAFETY: the caller's promise.
        unsafe { Self::hand_over(batch) };
        Ok(())
    }

    /// Waits until everything that was retired or handed over before the call has been run, on whichever thread: for a count of what is
    /// left, or before code that a destructor needs goes away.
    ///
    /// What those destructors retire in turn is not waited for. (What somebody took off [`retired`](Rcu::retired) with his own hands
    /// is his to run.) Blocks for as long as the read sections and the destructors take, those
    /// of other threads and of whoever shares the flavour, too: a destructor must not wait for something that the caller does. Whether it may allocate is the flavour's matter.
    ///
    /// # Errors
    ///
    /// Inside a read section of the caller, or inside a destructor that the flavour runs: it would wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuArc};
    /// use std::sync::Arc;
    ///
    /// let shared = Arc::new(7);
    /// drop(RcuArc::<Arc<u32>>::try_new(shared.clone())?);
    /// Epoch::barrier()?;
    /// assert_eq!(Arc::strong_count(&shared), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn barrier() -> Result<(), BarrierError>;

    /// The flavour's list of retired objects, one for the whole process. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu};
    ///
    /// assert!(core::ptr::eq(Epoch::retired(), Epoch::retired()));
    /// ```
    #[must_use]
    fn retired() -> &'static RetireList;

    /// Remembers an object until somebody calls [`flush`](Rcu::flush); it is reclaimed a grace period later.
    ///
    /// Never allocates, never blocks, never panics, never opens a read section: for use on paths that must not fail.
    ///
    /// # Safety
    ///
    /// As for [`RetireList::push`], with grace periods of this flavour.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuBox};
    ///
    /// let raw = RcuBox::try_new(String::from("old"))?.into_raw();
    /// // SAFETY: `raw` came from `into_raw`, and from here on only the link stands for it.
    /// let link = unsafe { RcuBox::<String>::raw_link(raw) };
    /// // SAFETY: no reader can find the box any more, and a string may be dropped on any thread.
    /// unsafe { Epoch::retire(link) };
    /// assert!(Epoch::flush());
    /// # Ok::<(), maple_rcu::AllocError<String>>(())
    /// ```
    unsafe fn retire(link: NonNull<Link>) {
        // SAFETY: the caller's promise; the list belongs to this flavour.
        unsafe { Self::retired().push(link) }
    }

    /// Hands everything that was retired so far over, as one batch. Returns whether there was anything.
    ///
    /// May do all that [`hand_over`](Rcu::hand_over) may; does nothing at all when nothing is retired. What the destructors of this
    /// batch retire in turn waits for the next flush.
    ///
    /// Unless the flavour says otherwise, it takes and hands over in a read section, so that whoever waits for those waits for this, too:
    /// a [`barrier`](Rcu::barrier) may rest on it. So it may also do what [`pin`](Rcu::pin) may.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuArc};
    ///
    /// drop(RcuArc::<u32>::try_new(7)?);
    /// assert!(Epoch::flush());
    /// assert!(!Epoch::flush());
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    fn flush() -> bool {
        if Self::retired().is_empty() {
            return false;
        }
        let _section = Self::pin();
        let Some(batch) = Self::retired().take_all() else { return false };
        // SAFETY: the batch comes from this flavour's own list.
        unsafe { Self::hand_over(batch) };
        true
    }
}

/// Work that waits for a grace period: a function and its two arguments, three words.
///
/// A batch that is dropped without having been run leaks what its data stands for: it cannot tell whether a grace period has passed.
///
/// # Invariants
///
/// `run(data, context)` has not been called, and may be called once, on any thread, after a grace period.
///
/// # Examples
///
/// ```
/// use maple_rcu::Batch;
///
/// assert_eq!(size_of::<Batch>(), 3 * size_of::<usize>());
/// ```
#[must_use = "dropping a batch leaks what it was to release"]
pub struct Batch {
    data: NonNull<()>,
    context: *const (),
    run: unsafe fn(NonNull<()>, *const ()),
}

// A flavour can carry a batch through anything that holds three words.
const _: () = assert!(mem::size_of::<Batch>() == 3 * mem::size_of::<usize>());

// SAFETY: by the invariant `run(data, context)` may be called on any thread; there is nothing else to do with a batch.
unsafe impl Send for Batch {}

impl Batch {
    /// A batch that calls `run(data, context)`. Neither allocates nor blocks.
    ///
    /// # Safety
    ///
    /// After a grace period of the flavour that it will be handed to, `run(data, context)` may be called once, on any thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ptr::NonNull;
    /// use maple_rcu::Batch;
    ///
    /// unsafe fn set(data: NonNull<()>, _context: *const ()) {
    ///     // SAFETY: the batch below is run while its target is borrowed by nobody else.
    ///     unsafe { data.cast::<u32>().write(1) };
    /// }
    ///
    /// let mut done = 0_u32;
    /// // SAFETY: `done` outlives the batch.
    /// let batch = unsafe { Batch::new(NonNull::from(&mut done).cast(), core::ptr::null(), set) };
    /// // SAFETY: there are no readers to wait for.
    /// unsafe { batch.run() };
    /// assert_eq!(done, 1);
    /// ```
    pub const unsafe fn new(data: NonNull<()>, context: *const (), run: unsafe fn(NonNull<()>, *const ())) -> Self {
        Self { data, context, run }
    }

    /// Does the work, on this thread and at once.
    ///
    /// # Panics
    ///
    /// When the work does. [`RetireList::take_all`] says what that means for its batches.
    ///
    /// # Safety
    ///
    /// A grace period has passed since the batch was made, or there are no readers to wait for.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuArc};
    /// use std::sync::Arc;
    ///
    /// let shared = Arc::new(7);
    /// drop(RcuArc::<Arc<u32>>::try_new(shared.clone())?);
    /// // Reclaim here and now what was retired so far.
    /// let batch = Epoch::retired().take_all().expect("retired just now");
    /// Epoch::synchronize()?;
    /// // SAFETY: a grace period has passed since the batch was taken.
    /// unsafe { batch.run() };
    /// assert_eq!(Arc::strong_count(&shared), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn run(self) {
        // SAFETY: by the invariant this is the only call, and the caller promises that the grace period has passed.
        unsafe { (self.run)(self.data, self.context) }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}
