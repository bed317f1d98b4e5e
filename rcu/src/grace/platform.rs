//! What the engine needs to know of the world around it.

use super::{Domain, Record};
use crate::Batch;
use core::hint;

/// Where [`GraceOn`](crate::GraceOn) gets its records from, and how it waits.
///
/// With the feature `std` there is [`Threads`](crate::Threads), and nobody needs another. Kernels, hypervisors and firmware implement this
/// for a type of their own: the records may be statics, one for each processor, and nothing allocates.
///
/// # Safety
///
/// Whoever implements this promises:
///
/// * `domain` always returns the same domain, and no other platform returns that one.
/// * What `current` returns was [registered](Domain::register) with this domain. It belongs to the caller: nobody else is given
///   that record while the caller may still open a section on it or has one open, and the next owner starts to use it after the
///   last has ended (in the sense of the memory model: by a scheduler's locks, or because it is the same processor). With a record
///   for each processor this means that a thread inside a section is not moved to another processor, and that no other thread runs
///   a section on this one meanwhile; interrupts may, if they end theirs before they return.
/// * `registered` returns the same record as `current` if the caller has a section open, and may return `None` otherwise.
/// * `running` and `set_running` keep one number for each caller in the sense of `current`.
/// * `run` does what the default does, or contains panics. `barrier` does not unwind.
///
/// # Examples
///
/// Four processors, a thread each, and nothing that moves threads about:
///
/// ```
/// use maple_rcu::{Domain, GraceOn, Platform, Rcu, Record};
/// # fn this_processor() -> usize { 0 }
///
/// static DOMAIN: Domain = Domain::new();
/// static RECORDS: [Record; 4] = [const { Record::new() }; 4];
///
/// struct Machine;
///
/// // SAFETY: `DOMAIN` is used by nothing else. Every record is registered before its first use, and belongs to one processor, each of
/// // which runs one thread.
/// unsafe impl Platform for Machine {
///     fn domain() -> &'static Domain {
///         &DOMAIN
///     }
///
///     fn current() -> &'static Record {
///         let record = &RECORDS[this_processor()];
///         DOMAIN.register(record); // does nothing but the first time; when processors are started would be better
///         record
///     }
/// }
///
/// let guard = GraceOn::<Machine>::pin();
/// assert!(GraceOn::<Machine>::synchronize().is_err()); // this processor is reading
/// drop(guard);
/// assert!(GraceOn::<Machine>::synchronize().is_ok());
/// ```
pub unsafe trait Platform: Sized + Send + Sync + 'static {
    /// The domain. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Platform, Threads};
    ///
    /// assert!(core::ptr::eq(Threads::domain(), Threads::domain()));
    /// ```
    fn domain() -> &'static Domain;

    /// The caller's record. May set one up the first time; afterwards it is on the path of every read section.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Platform, Rcu, Threads};
    ///
    /// let guard = Grace::pin();
    /// assert!(Threads::current().is_reading());
    /// # drop(guard);
    /// ```
    fn current() -> &'static Record;

    /// The caller's record if it has one. Neither sets one up, nor allocates, nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Platform, Rcu, Threads};
    ///
    /// assert!(Threads::registered().is_none()); // this thread never read
    /// drop(Grace::pin());
    /// assert!(Threads::registered().is_some());
    /// ```
    fn registered() -> Option<&'static Record> {
        Some(Self::current())
    }

    /// Has the effect of a full fence on every reader; see [`Domain::trust_barrier`]. Never called before that was.
    ///
    /// A kernel would send an interrupt to each processor that runs a reader.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::sync::atomic::{AtomicUsize, Ordering, fence};
    /// use maple_rcu::{Domain, GraceOn, Platform, Rcu, Record};
    ///
    /// static DOMAIN: Domain = Domain::new();
    /// static CALLS: AtomicUsize = AtomicUsize::new(0);
    /// # static RECORD: Record = Record::new();
    ///
    /// /// A machine of one processor, with one thread.
    /// struct One;
    ///
    /// // SAFETY: `DOMAIN` is used by nothing else, and the one thread registers the record before it uses it.
    /// unsafe impl Platform for One {
    ///     # fn domain() -> &'static Domain {
    ///     #     &DOMAIN
    ///     # }
    ///     # fn current() -> &'static Record {
    ///     #     DOMAIN.register(&RECORD);
    ///     #     &RECORD
    ///     # }
    ///     // domain, current: as in the example of the trait
    ///     fn barrier() {
    ///         fence(Ordering::SeqCst); // the only reader there is is the caller
    ///         CALLS.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    ///
    /// // SAFETY: see `barrier`.
    /// unsafe { DOMAIN.trust_barrier() };
    /// assert!(GraceOn::<One>::synchronize().is_ok());
    /// assert_ne!(CALLS.load(Ordering::Relaxed), 0);
    /// ```
    fn barrier() {}

    /// Called between two looks at a reader that stands in the way, `round` = 0, 1, 2, … times before. Should spin at first, and then
    /// let others run. The default spins.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::sync::atomic::{AtomicU32, Ordering};
    /// use maple_rcu::{Domain, GraceGuard, GraceOn, Platform, Rcu, Record};
    /// use std::cell::RefCell;
    ///
    /// static DOMAIN: Domain = Domain::new();
    /// static RECORDS: [Record; 2] = [const { Record::new() }; 2];
    /// static PROCESSOR: AtomicU32 = AtomicU32::new(0);
    ///
    /// /// Two processors, as far as the example goes: one thread that is now here, now there.
    /// struct Two;
    ///
    /// thread_local!(static READER: RefCell<Option<GraceGuard<Two>>> = const { RefCell::new(None) });
    ///
    /// // SAFETY: `DOMAIN` is used by nothing else, and there is one thread, which registers a record before it uses it.
    /// unsafe impl Platform for Two {
    ///     # fn domain() -> &'static Domain {
    ///     #     &DOMAIN
    ///     # }
    ///     # fn current() -> &'static Record {
    ///     #     let record = &RECORDS[PROCESSOR.load(Ordering::Relaxed) as usize];
    ///     #     DOMAIN.register(record);
    ///     #     record
    ///     # }
    ///     // domain, current: as in the example of the trait
    ///     fn pause(round: u32) {
    ///         if round == 3 {
    ///             READER.take(); // the reader on the other processor has left
    ///         }
    ///     }
    /// }
    ///
    /// READER.set(Some(GraceOn::<Two>::pin()));
    /// PROCESSOR.store(1, Ordering::Relaxed);
    /// assert!(GraceOn::<Two>::synchronize().is_ok());
    /// assert!(READER.take().is_none());
    /// ```
    fn pause(round: u32) {
        for _ in 0..1_u32 << round.min(6) {
            hint::spin_loop();
        }
    }

    /// The number that the caller (in the sense of [`current`](Self::current)) last gave to [`set_running`](Self::set_running); at first 0.
    /// The default keeps it in the caller's record. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Platform, Threads};
    ///
    /// assert_eq!(Threads::running(), 0);
    /// ```
    fn running() -> usize {
        Self::current().running()
    }

    /// Keeps a number for the caller. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Platform, Threads};
    ///
    /// Threads::set_running(5);
    /// assert_eq!(Threads::running(), 5);
    /// assert_eq!(std::thread::spawn(Threads::running).join().unwrap(), 0); // another caller has a number of its own
    /// # Threads::set_running(0);
    /// ```
    fn set_running(running: usize) {
        Self::current().set_running(running);
    }

    /// Runs a batch whose grace period has passed. The default just does; a platform that can should not let panics out.
    ///
    /// # Safety
    ///
    /// As for [`Batch::run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ptr::{self, NonNull};
    /// use maple_rcu::{Batch, Platform, Threads};
    ///
    /// unsafe fn complain(_: NonNull<()>, _: *const ()) {
    ///     panic!("contained");
    /// }
    ///
    /// // SAFETY: `complain` looks at neither argument and may run on any thread.
    /// let batch = unsafe { Batch::new(NonNull::dangling(), ptr::null(), complain) };
    /// # std::panic::set_hook(Box::new(|_| ()));
    /// // SAFETY: there never was a reader.
    /// unsafe { Threads::run(batch) }; // returns: threads do not let panics out
    /// ```
    unsafe fn run(batch: Batch) {
        // SAFETY: the caller's promise.
        unsafe { batch.run() };
    }

    /// Takes back a record that its owner gave up with its last section. Only for platforms that make records *passing*, which only the
    /// one for threads can.
    ///
    /// # Safety
    ///
    /// The record is the caller's, and in no section; from here on it is nobody's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Grace, Platform, Rcu, Threads};
    ///
    /// drop(Grace::pin());
    /// let record = Threads::registered().expect("this thread has read");
    /// // SAFETY: it is this thread's, and in no section.
    /// unsafe { Threads::release(record) };
    /// assert!(Threads::registered().is_none()); // the next section gets one again
    /// ```
    unsafe fn release(record: &'static Record) {
        let _ = record;
    }
}
