//! The readers' side: one record each.

use super::Domain;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, const_fn, full_fence, order};
use core::fmt;
use core::ptr;
use core::sync::atomic::compiler_fence;

/// The word of a reader that is in no section.
pub(super) const OUTSIDE: usize = 0;
/// In a record: there may be more to leave than one section; `deeper` says how much.
const NESTED: usize = 1;
/// In every other word: so that none is [`OUTSIDE`].
pub(super) const INSIDE: usize = 1 << 1;
/// Readers put a full fence behind the store that opens a section.
pub(super) const FENCED: usize = 1 << 2;
/// From one period to the next.
pub(super) const STEP: usize = 1 << 3;
/// The number of the period.
pub(super) const NUMBER: usize = !(STEP - 1);

/// What one reader shows to those who wait for grace periods.
///
/// ```text
///  bits of `word`:   number of the period that the section began in | fenced | 1 | nested         0: in no section
/// ```
///
/// A record belongs to one reader at a time: a thread, or a processor on which nothing else reads meanwhile. With the feature `std`
/// each thread gets one by itself; without it a [`Platform`](super::Platform) hands them out, from statics or wherever it likes.
///
/// # Invariants
///
/// * Only the owner writes `word`, `deeper` and `is_passing`; they are atomic because others look at `word`, and because the next owner
///   takes over where the last one ended: at `OUTSIDE`, 0, `false`.
/// * While `word` is not `OUTSIDE`, the record stands for `deeper` + 1 guards, or for `deeper` if `is_passing` is set. If `deeper`
///   is not 0 or `is_passing` is set, `word` has `NESTED` (which stays until the section is closed).
/// * `next` is written before the record is on the list of a domain, and never again. A record on a list stays there for ever.
///
/// # Examples
///
/// ```
/// use maple_rcu::Record;
///
/// static RECORDS: [Record; 4] = [const { Record::new() }; 4];
/// assert_eq!(align_of_val(&RECORDS[0]), 128);
/// ```
// Two cache lines, because processors fetch them in pairs: what one reader writes must not slow another down.
#[repr(align(128))]
pub struct Record {
    word: AtomicUsize,
    deeper: AtomicUsize,
    /// Somebody's, or free to be taken.
    #[cfg(any(feature = "std", loom))]
    is_owned: AtomicBool,
    /// The owner gives it back with the last guard: its thread is about to end.
    is_passing: AtomicBool,
    is_listed: AtomicBool,
    /// Not the readers', but kept with them: see `Platform::running`.
    running: AtomicUsize,
    next: AtomicPtr<Record>,
}

/// Tells the compiler which way to leave out of the straight one.
#[cold]
fn unlikely() {}

impl Record {
    const_fn! {
        /// A record that is nobody's and on no list. Neither allocates nor blocks.
        ///
        /// # Examples
        ///
        /// ```
        /// static RECORD: maple_rcu::Record = maple_rcu::Record::new();
        /// assert!(!RECORD.is_reading());
        /// ```
        #[must_use]
        pub const fn new() -> Self {
            Self {
                word: AtomicUsize::new(OUTSIDE),
                deeper: AtomicUsize::new(0),
                #[cfg(any(feature = "std", loom))]
                is_owned: AtomicBool::new(false),
                is_passing: AtomicBool::new(false),
                is_listed: AtomicBool::new(false),
                running: AtomicUsize::new(0),
                next: AtomicPtr::new(ptr::null_mut()),
            }
        }
    }

    pub(super) fn running(&self) -> usize {
        // Relaxed: the owner's own.
        self.running.load(Ordering::Relaxed)
    }

    pub(super) fn set_running(&self, running: usize) {
        // Relaxed: the owner's own.
        self.running.store(running, Ordering::Relaxed);
    }

    /// Whether its reader is inside a read section; certain for that reader, a hint for everyone else. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!maple_rcu::Record::new().is_reading());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_reading(&self) -> bool {
        // Relaxed: the owner reads its own store; for others it is a hint.
        self.word.load(Ordering::Relaxed) != OUTSIDE
    }

    /// Opens a section of the owner.
    #[inline]
    pub(super) fn enter(&self, domain: &Domain) {
        // Relaxed: the owner's own store.
        let word = self.word.load(Ordering::Relaxed);
        if word == OUTSIDE {
            self.open(domain);
        } else {
            unlikely();
            self.enter_deeper(word);
        }
    }

    /// Shows that a section begins now, whatever was shown before.
    #[inline]
    fn open(&self, domain: &Domain) {
        let now = domain.now();
        // Release: partner of the Acquire in `Domain::scan`. Who sees this section instead of the one before takes that one for ended, so
        // what was done inside it has to happen before.
        self.word.store(now, order!(Release, Open));
        if now & FENCED != 0 {
            // Partner of the fences in `Domain::cookie` and `Domain::begin`: either those see the store above, or what this section loads
            // from here on is not older than what was written before them.
            full_fence!(ReaderFence);
        } else {
            // The same, with `Platform::barrier` in `Domain::begin` in the part of this thread's fence: it has the effect of a full fence
            // at whatever point this thread has come to, so all that is left to forbid is that the compiler moves loads up.
            compiler_fence(Ordering::SeqCst);
        }
    }

    #[inline]
    fn enter_deeper(&self, word: usize) {
        if word & NESTED == 0 {
            // Release: as in `open`; who sees this store instead of that one must not conclude less.
            self.word.store(word | NESTED, order!(Release, Open));
        }
        // Relaxed: the owner's own.
        let deeper = self.deeper.load(Ordering::Relaxed);
        if deeper == usize::MAX {
            // So many guards can only have been forgotten; one more would count as none.
            crate::abort();
        }
        self.deeper.store(deeper + 1, Ordering::Relaxed);
    }

    /// Closes a section of the owner. Whether it has to give the record back.
    #[inline]
    #[must_use]
    pub(super) fn leave(&self) -> bool {
        // Relaxed: the owner's own store.
        let word = self.word.load(Ordering::Relaxed);
        if word & NESTED == 0 {
            self.close();
            false
        } else {
            unlikely();
            self.leave_deeper()
        }
    }

    #[inline]
    fn close(&self) {
        // Release: partner of the Acquire in `Domain::scan`: what was done inside happens before the period's end.
        self.word.store(OUTSIDE, order!(Release, Close));
    }

    #[inline]
    fn leave_deeper(&self) -> bool {
        // Relaxed, all: the owner's own.
        let deeper = self.deeper.load(Ordering::Relaxed);
        let is_passing = self.is_passing.load(Ordering::Relaxed);
        let is_last = deeper == usize::from(is_passing);
        if is_last {
            // Before the count: a signal handler that comes in between, with a section of its own, must not find that its is the last.
            self.is_passing.store(false, Ordering::Relaxed);
            compiler_fence(Ordering::SeqCst);
        }
        if deeper > 0 {
            self.deeper.store(deeper - 1, Ordering::Relaxed);
        }
        if is_last {
            self.close();
        }
        is_last && is_passing
    }

    /// Ends the owner's section and begins another, if it is in just one and somebody waits for it. Whether it is in just one. (Of
    /// a passing record that is not known.)
    #[inline]
    pub(super) fn refresh(&self, domain: &Domain) -> bool {
        // Relaxed: the owner's own store.
        let word = self.word.load(Ordering::Relaxed);
        // Relaxed: the owner's own.
        if word & NESTED != 0 && (self.deeper.load(Ordering::Relaxed) != 0 || self.is_passing.load(Ordering::Relaxed)) {
            return false;
        }
        if (domain.now() ^ word) & NUMBER != 0 {
            self.open(domain);
        }
        true
    }

    /// The owner will have to give the record back when it is in no section any more.
    #[cfg(any(feature = "std", loom))]
    pub(super) fn make_passing(&self, domain: &Domain) {
        // Relaxed: the owner's own.
        let word = self.word.load(Ordering::Relaxed);
        if word == OUTSIDE {
            // Stands for no guard yet. The section keeps the record from being taken for one that is out of use.
            self.open(domain);
        } else {
            let deeper = self.deeper.load(Ordering::Relaxed);
            self.deeper.store(deeper + 1, Ordering::Relaxed);
        }
        self.is_passing.store(true, Ordering::Relaxed);
        let word = self.word.load(Ordering::Relaxed);
        // Release: as in `enter_deeper`.
        self.word.store(word | NESTED, order!(Release, Open));
    }

    /// Takes a record that is free.
    #[cfg(any(feature = "std", loom))]
    pub(super) fn try_own(&self) -> bool {
        // Acquire: partner of the Release in `disown`: this owner goes on where that one ended, and what that one did in its sections
        // happens before what this one shows. Relaxed on failure: nothing is concluded.
        self.is_owned.compare_exchange(false, true, order!(Acquire, Own), Ordering::Relaxed).is_ok()
    }

    /// Frees a record that is in no section.
    #[cfg(any(feature = "std", loom))]
    pub(super) fn disown(&self) {
        // Release: partner of the Acquire in `try_own`.
        self.is_owned.store(false, order!(Release, Disown));
    }

    /// Frees a record whose owner does not exist any more.
    ///
    /// # Safety
    ///
    /// In a child of a `fork`, of a record that does not belong to the one thread there is.
    #[cfg(all(feature = "std", unix))]
    pub(super) unsafe fn reset(&self) {
        // Relaxed, all: there is no other thread.
        self.word.store(OUTSIDE, Ordering::Relaxed);
        self.deeper.store(0, Ordering::Relaxed);
        self.is_passing.store(false, Ordering::Relaxed);
        self.disown();
    }

    /// What the owner shows. Acquire: partner of the Releases in `open` and `close`.
    pub(super) fn look(&self) -> usize {
        self.word.load(order!(Acquire, Look))
    }

    /// Notes that the record is about to be on a list. Whether it was before.
    pub(super) fn list(&self) -> bool {
        // Relaxed: it is the only thing that is decided here.
        self.is_listed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn set_next(&self, next: *mut Record) {
        // Relaxed: published by the exchange that puts the record on the list.
        self.next.store(next, Ordering::Relaxed);
    }

    pub(super) fn next(&self) -> *mut Record {
        // Relaxed: whoever has the record got it by an Acquire of the exchange that published it.
        self.next.load(Ordering::Relaxed)
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("is_reading", &self.is_reading()).finish_non_exhaustive()
    }
}
