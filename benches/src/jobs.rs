//! The work that is timed, once for the suites and the scorecard: each job does a given number of iterations and says how long they took.

use crate::clock::{Events, together, together_with_waiting};
use crate::replay::Recording;
use crate::subject::{Change, Holes, MANY, RangeTable, Shared, Subject};
use crate::{PAGE, Round, Shape, Span, holes};
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A random look-up that hits; the guard is held.
pub fn load<S: Subject>(subject: &S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    let mut hits = Round::new(hits);
    move |iterations| {
        let reader = subject.read();
        let mut sum = 0_u64;
        let time = together(iterations, || sum = sum.wrapping_add(S::load(&reader, hits.turn()).unwrap_or(0)));
        black_box(sum);
        time
    }
}

/// The same with a guard for each.
pub fn load_pin<S: Subject>(subject: &S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    let mut hits = Round::new(hits);
    move |iterations| {
        let mut sum = 0_u64;
        let time = together(iterations, || load_with_guard(subject, &mut hits, &mut sum));
        black_box(sum);
        time
    }
}

/// The same by the clock on the wall. (Not one function for both: the look-up would not be inlined into either, which costs as much
/// as a guard.)
fn load_pin_with_waiting<S: Subject>(subject: &S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    let mut hits = Round::new(hits);
    move |iterations| {
        let mut sum = 0_u64;
        let time = together_with_waiting(iterations, || load_with_guard(subject, &mut hits, &mut sum));
        black_box(sum);
        time
    }
}

#[inline(always)]
fn load_with_guard<S: Subject>(subject: &S, hits: &mut Round<'_, u64>, sum: &mut u64) {
    *sum = sum.wrapping_add(S::load(&subject.read(), hits.turn()).unwrap_or(0));
}

/// [`MANY`] random look-ups at once; the guard is held.
pub fn load_many<S: Subject>(subject: &S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    let (keys, _) = hits.as_chunks::<MANY>();
    let mut keys = Round::new(keys);
    move |iterations| {
        let reader = subject.read();
        let mut sum = 0_u64;
        let time = together(iterations, || sum = sum.wrapping_add(S::load_many(&reader, keys.turn())));
        black_box(sum);
        time
    }
}

/// Uses all of an item.
#[inline(always)]
fn mix(sum: &mut u64, (first, last): Span, value: u64) {
    *sum = sum.wrapping_add(first ^ last ^ value);
}

/// A walk over everything, one by one.
pub fn iterate<S: Subject>(subject: &S) -> impl FnMut(u64) -> Duration {
    |iterations| {
        together(iterations, || {
            let mut sum = 0;
            subject.walk(|span, value| mix(&mut sum, span, value));
            black_box(sum);
        })
    }
}

/// A walk over everything, in one go.
pub fn for_each<S: Subject>(subject: &S) -> impl FnMut(u64) -> Duration {
    |iterations| {
        together(iterations, || {
            let mut sum = 0;
            subject.for_each(|span, value| mix(&mut sum, span, value));
            black_box(sum);
        })
    }
}

/// Building from ranges in whatever order, one by one.
pub fn build<S: Subject>(spans: &[Span]) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| {
        events.time(iterations, S::default, |mut subject| {
            for (&span, value) in spans.iter().zip(0..) {
                subject.apply(Change::Build(span, value));
            }
            subject
        })
    }
}

/// Building from ranges in order, at once.
pub fn bulk<S: RangeTable>(spans: &[Span]) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| events.time(iterations, || (), |()| S::bulk(spans.iter().copied().zip(0..)))
}

/// Changes at random places of a map that is the same in the end.
fn churn<S: Subject>(mut subject: S, hits: &[u64], change: impl Fn(&mut S, u64, Span)) -> impl FnMut(u64) -> Duration {
    let mut hits = Round::new(hits);
    move |iterations| {
        together(iterations, || {
            let index = hits.turn();
            change(&mut subject, index, page(index));
        })
    }
}

/// The range around `index`. All shapes start at a multiple of a page.
fn page(index: u64) -> Span {
    let first = index - index % PAGE;
    (first, first + (PAGE - 1))
}

/// The middle of a range.
fn middle(span: Span) -> Span {
    (span.0 + PAGE / 4, span.1 - PAGE / 4)
}

/// Another value for a random range.
pub fn replace<S: Subject>(subject: S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    churn(subject, hits, |subject, index, _| subject.apply(Change::Replace(index, index)))
}

/// Takes a random range out and stores it again.
pub fn erase_store<S: Subject>(subject: S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    churn(subject, hits, |subject, index, span| {
        subject.apply(Change::Erase(span));
        subject.apply(Change::Build(span, index));
    })
}

/// Makes a hole in a random range, and the range whole again.
pub fn punch_restore<S: Subject>(subject: S, hits: &[u64]) -> impl FnMut(u64) -> Duration {
    churn(subject, hits, |subject, index, span| {
        subject.apply(Change::Punch(span, middle(span)));
        subject.apply(Change::Restore(span, middle(span), index));
    })
}

/// A copy of everything.
pub fn dup<S: RangeTable>(source: &S) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| events.time(iterations, || (), |()| source.copy())
}

/// The drop of everything.
pub fn destroy<S: RangeTable>(source: &S) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| events.time(iterations, || source.copy(), drop)
}

/// As many bytes as a node has, where nodes begin.
#[derive(Clone, Copy, Debug)]
#[repr(align(256))]
struct Node {
    _bytes: [u8; 256],
}

/// Copying as many nodes as a tree has, from contiguous memory to memory that is new each time.
pub fn copy_nodes(nodes: usize) -> impl FnMut(u64) -> Duration {
    let source = vec![Node { _bytes: [1; 256] }; nodes];
    let mut events = Events::default();
    move |iterations| events.time(iterations, || (), |()| black_box(&source).clone())
}

/// Where a copy fails.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// How the ranges lie.
    pub shape: Shape,
    /// How many there are.
    pub count: u64,
    /// How far it came.
    pub percent: u64,
}

impl Failure {
    /// The number of the entry that fails.
    pub const fn entry(self) -> u64 {
        self.count * self.percent / 100
    }

    /// Its first index.
    pub const fn index(self) -> u64 {
        self.shape.first(self.entry())
    }

    /// A copy whose entries were replaced in order up to the one that fails, as when a process is duplicated. So the path to it is
    /// in the cache. Boxed, or moving it about would be a part of its recovery.
    fn copy<S: RangeTable>(self, source: &S) -> Box<S> {
        let mut copy = Box::new(source.copy());
        for n in 0..self.entry() {
            copy.apply(Change::Replace(self.shape.first(n), n + 1));
        }
        copy
    }
}

/// The recovery of a copy that failed, without the copying itself; what `recovery` returns is dropped afterwards.
pub fn recover<S: RangeTable, T>(
    source: &S,
    failure: Failure,
    recovery: impl Fn(Box<S>, u64) -> T,
) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| events.time(iterations, || failure.copy(source), |copy| recovery(copy, failure.index()))
}

/// Entries of the copy that a recovery is rehearsed on: a tree of three levels, so that it goes the way of a large one.
const REHEARSAL: u64 = 1_000;

/// The same right after the recovery of another copy, a small one, so that the code is in the instruction cache.
///
/// Between two recoveries a whole copy is made, which drives the code out of that cache. Cold, a recovery takes 2 to 5 microseconds more.
/// That is put down to the machine and not to the tree, but not every part of it was told apart: the rehearsal also warms the branch
/// predictors and what the pool and the reserve keep in memory. A failure out of the blue finds all of it cold; [`recover`] measures that.
pub fn recover_rehearsed<S: RangeTable, T>(
    source: &S,
    failure: Failure,
    recovery: impl Fn(Box<S>, u64) -> T,
) -> impl FnMut(u64) -> Duration {
    // Not inlined, so that the rehearsal runs the very code that is timed.
    #[inline(never)]
    fn run<S, T>(recovery: &impl Fn(Box<S>, u64) -> T, copy: Box<S>, from: u64) -> T {
        recovery(copy, from)
    }
    let small = Failure { count: REHEARSAL, ..failure };
    let small_source = S::filled(small.shape, small.count);
    let mut events = Events::default();
    move |iterations| {
        let begin = || {
            let copy = failure.copy(source);
            drop(black_box(run(&recovery, small.copy(&small_source), small.index())));
            copy
        };
        events.time(iterations, begin, |copy| run(&recovery, copy, failure.index()))
    }
}

/// Everything that real programs changed in their address spaces, from what was there when they started.
pub fn replay<S: RangeTable>(recordings: &[Recording]) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    let begin = || recordings.iter().map(Recording::begin::<S>).collect::<Vec<S>>();
    move |iterations| {
        events.time(iterations, begin, |mut subjects| {
            for (recording, subject) in recordings.iter().zip(&mut subjects) {
                recording.run(subject);
            }
            subjects
        })
    }
}

/// A size for which there is room behind the last range only, so that a search for it goes by everything.
const NONE_BUT_THE_LAST: u64 = u64::MAX / 2;

/// The first fit for one of some sizes. Not the first search of all: see [`first_search`].
pub fn first_fit<S: Holes>(mut subject: S, count: u64) -> impl FnMut(u64) -> Duration {
    let sizes = holes::sizes(count);
    black_box(subject.first_fit(NONE_BUT_THE_LAST));
    let mut at = 0;
    move |iterations| {
        together(iterations, || {
            at = (at + 1) % sizes.len();
            black_box(subject.first_fit(sizes[at]));
        })
    }
}

/// The first search of a copy, which goes by everything.
pub fn first_search<S: RangeTable + Holes>(source: &S) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| {
        events.time(
            iterations,
            || source.copy(),
            |mut copy| {
                black_box(copy.first_fit(NONE_BUT_THE_LAST));
                copy
            },
        )
    }
}

/// A first fit, where a range is stored and taken out again.
pub fn allocate_free<S: Holes>(mut subject: S, count: u64) -> impl FnMut(u64) -> Duration {
    let sizes = holes::sizes(count);
    black_box(subject.first_fit(NONE_BUT_THE_LAST));
    let mut at = 0;
    move |iterations| {
        together(iterations, || {
            at = (at + 1) % sizes.len();
            if let Some(first) = subject.allocate(sizes[at], count) {
                subject.apply(Change::Erase((first, first + (sizes[at] - 1))));
            }
        })
    }
}

/// What a writer does while others read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// Nothing: there is no writer.
    Nothing,
    /// Puts other values in the place of random entries.
    Replace,
    /// Makes holes in random ranges and the ranges whole again.
    Punch,
}

impl Writing {
    /// All.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Replace, Self::Punch];

    /// For the names of figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Replace => "replace",
            Self::Punch => "punch",
        }
    }

    fn once<S: Shared>(self, subject: &S, index: u64) {
        let span = page(index);
        match self {
            Self::Nothing => thread::yield_now(),
            Self::Replace => subject.apply_shared(Change::Replace(index, index)),
            Self::Punch => {
                subject.apply_shared(Change::Punch(span, middle(span)));
                subject.apply_shared(Change::Restore(span, middle(span), index));
            }
        }
    }
}

/// Random look-ups, a guard for each, beside one thread that writes all the time.
pub fn load_beside<S: Shared>(subject: &S, hits: &[u64], writing: Writing) -> impl FnMut(u64) -> Duration {
    let mut load = load_pin_with_waiting(subject, hits);
    move |iterations| {
        if writing == Writing::Nothing {
            return load(iterations);
        }
        let (begun, over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                // From the other end, so that the two do not meet in the cache.
                let mut places = hits.iter().rev().cycle();
                while let Some(&index) = places.next()
                    && !over.load(Ordering::Relaxed)
                {
                    writing.once(subject, index);
                    begun.store(true, Ordering::Relaxed);
                }
            });
            while !begun.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            let time = load(iterations);
            over.store(true, Ordering::Relaxed);
            time
        })
    }
}
