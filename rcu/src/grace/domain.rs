//! Grace periods: their numbers, and the scan of the readers' records.

use super::pending::Pending;
use super::record::{FENCED, INSIDE, NUMBER, OUTSIDE, Record, STEP};
use crate::RetireList;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, const_fn, full_fence, order};
use core::fmt;
use core::ptr;

/// How often every record is looked at in one grace period.
///
/// Once if numbers never come again. A reader can be held up between the load of the number and the store that shows it, for as long as
/// it likes; when its store is seen at last, it shows an old number, and is waited for: needlessly perhaps, but no harm is done. Only if
/// just as many periods have begun meanwhile as there are numbers does it look like a reader that came late. There are 2^61 numbers, so
/// that takes longer than machines last. Where there are 2^29, twice: who looks late at the first look looks early at the second, whose
/// number is another.
#[cfg(not(loom))]
fn looks() -> usize {
    const { if usize::BITS >= 64 { 1 } else { 2 } }
}

/// Whether two words have different numbers.
#[cfg(not(loom))]
fn differ(one: usize, other: usize) -> bool {
    (one ^ other) & NUMBER != 0
}

/// In a model that is to see numbers come again, every other period has the same.
#[cfg(loom)]
fn looks() -> usize {
    if crate::sync::NARROW.get() && !crate::sync::broken(crate::sync::Weak::OneLook) { 2 } else { 1 }
}

#[cfg(loom)]
fn differ(one: usize, other: usize) -> bool {
    (one ^ other) & (if crate::sync::NARROW.get() { STEP } else { NUMBER }) != 0
}

/// On a cache line of its own (see [`Record`]).
#[repr(align(128))]
struct Line<T>(T);

/// The state of grace periods that one set of readers and writers share: one static for each [`Platform`](super::Platform).
///
/// ```text
///                begin: now += 1, barrier, at = first record
///   +------------+ ----------------------------------------> +----------------+ ---+ the record at `at` is outside,
///   |    idle    |                                           |    scanning    |    | or shows `now`: at = next
///   | done = now | <---------------------------------------- | done = now - 1 | <--+
///   +------------+       at = end of the list: done = now    +----------------+
///                                                               |         ^
///                      the record shows another number:         |         |  somebody looks again: a waiter after
///                      an older section is still open           v         |  a pause, or a `poll` or `flush`
///                                                            +----------------+
///                                                            |    held up     |
///                                                            +----------------+
/// ```
///
/// There is no thread that does this. Whoever wants a period to pass takes the *lead* for a moment, pushes it on as far as it will go,
/// and gives the lead up again; it is never held while waiting. All who wait for the same period wait for one scan.
///
/// # Invariants
///
/// * `now` is `INSIDE` with the number of the last period that began, and `FENCED` until the platform says that its barrier can be
///   trusted. `done` is the number of the last period that is over: that of `now`, or one less.
/// * Only the holder of `lead` changes the number in `now`, `done` and `at`.
/// * `at` is meaningful while a period is on: every record before it was seen outside, or with the number of the period, since that began.
/// * `records` leads to every record that has an owner, through `next`, and ends at null. Records are only ever added, at the head.
pub struct Domain {
    now: Line<AtomicUsize>,
    lead: Line<AtomicBool>,
    done: AtomicUsize,
    at: AtomicPtr<Record>,
    records: AtomicPtr<Record>,
    /// Whether somebody does nothing but run what is due.
    is_relieved: AtomicBool,
    pub(super) retired: RetireList,
    pub(super) pending: Pending,
}

/// A number that a grace period which began after some instant reaches at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Target(usize);

impl Target {
    pub(super) fn to_bits(self) -> usize {
        self.0
    }

    pub(super) fn from_bits(bits: usize) -> Self {
        Self(bits)
    }
}

impl Domain {
    const_fn! {
        /// A domain without readers. Neither allocates nor blocks.
        ///
        /// # Examples
        ///
        /// ```
        /// use maple_rcu::{Domain, Record};
        ///
        /// static DOMAIN: Domain = Domain::new();
        /// static RECORD: Record = Record::new();
        /// assert!(DOMAIN.register(&RECORD)); // no record was there before
        /// ```
        #[must_use]
        pub const fn new() -> Self {
            Self {
                now: Line(AtomicUsize::new(INSIDE | FENCED)),
                lead: Line(AtomicBool::new(false)),
                done: AtomicUsize::new(0),
                at: AtomicPtr::new(ptr::null_mut()),
                records: AtomicPtr::new(ptr::null_mut()),
                is_relieved: AtomicBool::new(false),
                retired: RetireList::new(),
                pending: Pending::new(),
            }
        }
    }

    /// A domain whose numbers are about to come again, after `periods` more.
    #[cfg(all(test, not(loom)))]
    pub(crate) const fn before_the_end(periods: usize) -> Self {
        let number = 0_usize.wrapping_sub(periods * STEP);
        let mut domain = Self::new();
        domain.now = Line(AtomicUsize::new(number | INSIDE | FENCED));
        domain.done = AtomicUsize::new(number);
        domain
    }

    /// The number of the period that is on, or that was on last, counted from 0.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn period(&self) -> usize {
        self.on().0 / STEP
    }

    /// How many records there are.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn count_records(&self) -> usize {
        self.records().count()
    }

    /// Puts a record on the list of those that are looked at, for ever. Whether it was not on one yet.
    ///
    /// Lock-free; neither allocates nor blocks. A reader must not use its record before the call that put it there has returned, which
    /// a `false` does not say: whoever registers in an interrupt handler, too, registers before interrupts come.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Domain, Record};
    ///
    /// static DOMAIN: Domain = Domain::new();
    /// static RECORD: Record = Record::new();
    /// assert!(DOMAIN.register(&RECORD));
    /// assert!(!DOMAIN.register(&RECORD));
    /// ```
    pub fn register(&self, record: &'static Record) -> bool {
        if record.list() {
            return false;
        }
        // Relaxed: written back only; the exchange fails if it is out of date.
        let mut head = self.records.load(Ordering::Relaxed);
        loop {
            record.set_next(head);
            // INVARIANT: the record leads to the list as it was, and becomes its head.
            //
            // Release: partner of the Acquire in `begin`, for the record and its `next`; earlier records stay covered, since an exchange
            // continues the release sequence of the one before. Relaxed on failure: as for the load.
            let new = ptr::from_ref(record).cast_mut();
            match self.records.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(seen) => head = seen,
            }
        }
    }

    /// From now on readers leave out their fence, because [`Platform::barrier`](super::Platform::barrier) does its work.
    ///
    /// Neither allocates nor blocks. There is no way back: a reader may have looked just before.
    ///
    /// # Safety
    ///
    /// From now on and for ever, each call of the platform's `barrier` has, for every reader there is, the effect of a full fence at some
    /// point in that reader's execution between begin and end of the call, and is itself a full fence of the caller. And a store that one
    /// processor sees is seen by all others (*multi-copy atomicity*: x86, AArch64, RISC-V and s390x have it, POWER has not).
    ///
    /// # Examples
    ///
    /// ```
    /// static DOMAIN: maple_rcu::Domain = maple_rcu::Domain::new();
    /// // SAFETY: this program has one thread; there is no reader but the caller.
    /// unsafe { DOMAIN.trust_barrier() };
    /// ```
    pub unsafe fn trust_barrier(&self) {
        // AcqRel: a reader that loads this goes without a fence. If a period's number was counted up before, the reader sees that number
        // (the exchanges continue each other's release sequences), so it is not one that the period has to wait for; if after, whoever
        // counts sees that the flag is gone, and calls the barrier.
        self.now.0.fetch_and(!FENCED, Ordering::AcqRel);
    }

    /// What a reader shows that begins now. Acquire: partner of the Release in `begin`; who shows that number sees what was written before.
    /// (With the reader's fence that would follow from the order of fences, too, so models cannot tell.)
    #[inline]
    pub(super) fn now(&self) -> usize {
        self.now.0.load(Ordering::Acquire)
    }

    /// What has to be reached before every section that is open now has ended.
    pub(crate) fn target(&self) -> Target {
        // Partner of the fence in `Record::open`. What the caller unpublished before is not found by a section that a period counted
        // up later does not wait for. (And of the one in `begin`: it comes before that one, if the load below misses the count.)
        full_fence!(CookieFence);
        // Acquire: partner of the Release in `begin`. Who sees a period's number sees the end of the one before in `done`; an older value
        // there would be so far away that `is_reached` took the target for one of long ago.
        let now = self.now.0.load(order!(Acquire, Count)) & NUMBER;
        // The period that is on, if any, may have looked at some records already; so the next one, from its begin to its end.
        Target(now.wrapping_add(looks() * STEP))
    }

    /// For models: a target of one who has nothing to wait for, and so needs no fence.
    #[cfg(loom)]
    pub(super) fn next_unfenced(&self) -> Target {
        Target((self.now.0.load(Ordering::Relaxed) & NUMBER).wrapping_add(looks() * STEP))
    }

    /// Whether it is reached.
    ///
    /// A target that is not reached is `looks()` + 1 away or less, whatever has happened since it was made; so nothing depends on how long
    /// ago that was. (Whoever has a target sees what its maker saw in `done`, or what came later: see [`target`](Self::target). One
    /// that was read from a slot which is not the caller's is no more than a hint.)
    pub(crate) fn is_reached(&self, target: Target) -> bool {
        // Acquire: partner of the Release in `scan`: what readers did in sections that have ended happens before.
        let away = target.0.wrapping_sub(self.done.load(order!(Acquire, Passed)));
        away == 0 || away > (looks() + 1) * STEP
    }

    /// The target of the period that is on, or that was on last.
    pub(super) fn on(&self) -> Target {
        // Relaxed: nothing is concluded from it but what is worth a look.
        Target(self.now.0.load(Ordering::Relaxed) & NUMBER)
    }

    /// Periods from the last one that is over to `target`, if that is not reached.
    pub(super) fn away(&self, target: Target) -> Option<usize> {
        // Relaxed: nothing is concluded from it but what is worth waiting for first.
        let away = target.0.wrapping_sub(self.done.load(Ordering::Relaxed));
        (away != 0 && away <= (looks() + 1) * STEP).then_some(away)
    }

    pub(super) fn is_relieved(&self) -> bool {
        // Relaxed: a hint; what nobody runs now somebody runs later.
        self.is_relieved.load(Ordering::Relaxed)
    }

    /// Notes whether there is a reclaimer; returns whether there was one.
    #[cfg(all(feature = "std", not(loom)))]
    pub(super) fn relieve(&self, is_relieved: bool) -> bool {
        // Relaxed: as above.
        self.is_relieved.swap(is_relieved, Ordering::Relaxed)
    }

    /// Pushes periods on until `target` is reached or a reader stands in the way; never waits, not even for another who does the same.
    /// Whether it is reached.
    pub(crate) fn step(&self, target: Target, barrier: fn()) -> bool {
        if self.is_reached(target) {
            return true;
        }
        let Some(lead) = Lead::try_take(self) else { return false };
        // The leader before may have come so far.
        while !self.is_reached(target) {
            // Relaxed: written by leaders only.
            let (now, done) = (self.now.0.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
            let now = if differ_fully(now, done) { now } else { lead.begin(barrier) };
            if !lead.scan(now) {
                return false;
            }
        }
        true
    }

    /// Every record.
    #[cfg(feature = "std")]
    pub(super) fn records(&self) -> impl Iterator<Item = &'static Record> {
        // Acquire: partner of the Release in `register`.
        let mut next = self.records.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            // SAFETY: by the invariant it is null or a record that was registered, and those are static.
            let record: &'static Record = unsafe { next.as_ref() }?;
            next = record.next();
            Some(record)
        })
    }

    /// Puts the state in order in a child of a `fork`, where whoever held the lead may be gone, and so may whoever held a period up.
    ///
    /// A period that was on is over if the caller's own section does not hold it up: there is no other. Else it has not begun: its number
    /// is taken back, so that the caller's section, which shows an older one, is seen to be older when it begins again.
    ///
    /// # Safety
    ///
    /// In the child, with no other thread, once all records but `own` were reset.
    #[cfg(all(feature = "std", unix))]
    pub(crate) unsafe fn after_fork(&self, own: Option<&Record>) {
        let word = own.map_or(OUTSIDE, Record::look);
        // Relaxed, all: there is no other thread.
        let (now, done) = (self.now.0.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        if differ_fully(now, done) {
            if word != OUTSIDE && differ(word, now) {
                self.now.0.store(now.wrapping_sub(STEP), Ordering::Relaxed);
            } else {
                self.done.store(now & NUMBER, Ordering::Relaxed);
            }
        }
        self.lead.0.store(false, Ordering::Relaxed);
        // The reclaimer's thread is gone as well.
        self.is_relieved.store(false, Ordering::Relaxed);
    }
}

/// Whether a period is on. (Its number and that of the last one that is over: one apart at most, so not shortened by a model.)
fn differ_fully(now: usize, done: usize) -> bool {
    (now ^ done) & NUMBER != 0
}

/// The right to push periods on.
struct Lead<'d>(&'d Domain);

impl<'d> Lead<'d> {
    fn try_take(domain: &'d Domain) -> Option<Self> {
        // Acquire: partner of the Release in `drop`: this leader knows what that one has seen. Relaxed on failure: nothing is done then.
        let taken = domain.lead.0.compare_exchange(false, true, order!(Acquire, Lead), Ordering::Relaxed);
        taken.ok().map(|_| Self(domain))
    }

    /// Begins a period. Its word.
    fn begin(&self, barrier: fn()) -> usize {
        // AcqRel: see `trust_barrier`. Its Release is the partner of the Acquire in `now` as well: a section that shows this number sees
        // what was written before, and so does a target that is counted from it.
        let now = self.0.now.0.fetch_add(STEP, Ordering::AcqRel).wrapping_add(STEP);
        // Partner of the fence in `Record::open`. A reader whose store is not seen by the scan below comes after: it sees what was written
        // before. And of the one in `Domain::target`: what was written before that is older, too.
        full_fence!(PeriodFence);
        if now & FENCED == 0 {
            barrier();
        }
        // Acquire: partner of the Release in `register`. A record that comes later than this load belongs to a reader that begins later.
        // (As with its word: the exchange that lists the record comes before the reader's fence, this load behind the fence above.)
        let first = self.0.records.load(Ordering::Acquire);
        // Relaxed: leaders only.
        self.0.at.store(first, Ordering::Relaxed);
        now
    }

    /// Goes on with the period. Whether it is over.
    fn scan(&self, now: usize) -> bool {
        // Relaxed, here and below: leaders only.
        let mut at = self.0.at.load(Ordering::Relaxed);
        // SAFETY: by the invariant it is null or a record that was registered, and those are static.
        while let Some(record) = unsafe { at.as_ref() } {
            let word = record.look();
            if word != OUTSIDE && differ(word, now) {
                self.0.at.store(at, Ordering::Relaxed);
                return false;
            }
            at = record.next();
        }
        // INVARIANT: each record was seen in no section that was open when the period began.
        //
        // Release: partner of the Acquire in `is_reached`, for all that was seen in this scan, by this leader and, through the lead, by
        // those before it.
        self.0.done.store(now & NUMBER, order!(Release, Done));
        true
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        // Release: partner of the Acquire in `try_take`.
        self.0.lead.0.store(false, order!(Release, Follow));
    }
}

impl Default for Domain {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").finish_non_exhaustive()
    }
}
