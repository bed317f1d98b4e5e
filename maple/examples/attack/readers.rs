//! Readers that check every single thing they see.
//!
//! What a tree may show at any instant: ranges that were there from the beginning, each with its value, rising; no entry whose removal
//! had ended before the lookup began, or that the same reader has seen gone before; and no gap where no removal has begun.

use crate::entries::Stored;
use crate::field::{Marks, Planted};
use crate::gate;
use crate::report::check;
use crate::rng::Rng;
use crate::watched::Watched;
use maple_tree::{EpochGuard, Rcu};
use std::array;
use std::ops::RangeInclusive;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Who is beside the thread that removes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Company {
    /// Nobody.
    Nobody,
    /// Two readers with short read sections.
    Readers,
    /// The same, and a reader that stays in one read section for the whole attack.
    Stalled,
    /// Two readers, and a thread that waits for grace periods and releases what was removed, over and over.
    Releaser,
}

/// Lookups that were checked.
static LOOKS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn looks() -> u64 {
    LOOKS.load(Ordering::Relaxed)
}

/// One reader's memory of a number of trees.
struct Eye<'a, V: Stored> {
    trees: &'a [Planted<V>],
    seen_gone: Vec<Marks>,
    rng: Rng,
}

impl<'a, V: Stored> Eye<'a, V> {
    fn new(trees: &'a [Planted<V>], seed: u64) -> Self {
        Self { trees, seen_gone: trees.iter().map(|planted| Marks::new(planted.layout.count)).collect(), rng: Rng::new(seed) }
    }

    /// Looks at some tree for a while. Allocates nothing.
    fn look(&mut self, guard: &EpochGuard) {
        let tree = self.rng.below(self.trees.len() as u32) as usize;
        let count = self.trees[tree].layout.count;
        for _ in 0..32 {
            let entry = self.rng.below(count);
            self.look_up(tree, entry, guard);
        }
        let from = self.rng.below(count);
        self.walk(tree, from..count.min(from + 256), guard);
        LOOKS.fetch_add(33, Ordering::Relaxed);
    }

    fn look_up(&mut self, tree: usize, entry: u32, guard: &EpochGuard) {
        let (planted, seen_gone) = (&self.trees[tree], &self.seen_gone[tree]);
        let layout = &planted.layout;
        let index = layout.any_index(entry, &mut self.rng);
        let was_gone = planted.gone.get(entry);
        let (range, found) = planted.tree.get_range(index, guard);
        let numbers = [entry.into(), *range.start(), *range.end()];
        match found {
            Some(value) => {
                check(layout.entry_at(&range) == Some(entry), "a reader found a range that never was", numbers);
                check(V::read(value) == Some(layout.value(entry)), "a reader found another value", numbers);
                check(!was_gone, "a reader found an entry after its removal", numbers);
                check(!seen_gone.get(entry), "an entry came back", numbers);
                if self.rng.one_in(8) {
                    check(V::touch(value), "a reader could not share an entry", numbers);
                }
            }
            None => {
                seen_gone.set(entry);
                check(range.contains(&index), "the gap does not hold the index asked for", numbers);
                // A gap may be as long as the tree, so only some of it is looked at.
                let mut missing = layout.inside(&range);
                missing.start = missing.start.max(entry.saturating_sub(20));
                missing.end = missing.end.min(entry + 20);
                check(missing.contains(&entry), "the gap cuts an entry", numbers);
                check(
                    missing.clone().all(|entry| planted.doomed.get(entry)),
                    "a reader missed an entry before its removal",
                    numbers,
                );
            }
        }
    }

    fn walk(&mut self, tree: usize, entries: std::ops::Range<u32>, guard: &EpochGuard) {
        let (planted, seen_gone) = (&self.trees[tree], &self.seen_gone[tree]);
        let layout = &planted.layout;
        let window = layout.first(entries.start)..=layout.last(entries.end - 1);
        let walk = planted.tree.range(window, guard);
        let mut left = entries;
        let mut step = |backwards: bool, range: RangeInclusive<u64>, value: V::Ref<'_>| {
            let numbers = [*range.start(), *range.end(), u64::from(backwards)];
            let Some(entry) = layout.entry_at(&range) else {
                check(false, "a walk came by a range that never was", numbers);
                return;
            };
            check(V::read(value) == Some(layout.value(entry)), "a walk came by another value", numbers);
            check(!seen_gone.get(entry), "an entry came back in a walk", numbers);
            if check(left.contains(&entry), "a walk did not rise, or left its window", numbers) {
                let missed = if backwards { entry + 1..left.end } else { left.start..entry };
                check(
                    missed.clone().all(|entry| planted.doomed.get(entry)),
                    "a walk missed an entry before its removal",
                    numbers,
                );
                left = if backwards { left.start..entry } else { entry + 1..left.end };
            }
        };
        if self.rng.one_in(2) {
            walk.for_each(|(range, value)| step(false, range, value));
        } else {
            walk.rev().for_each(|(range, value)| step(true, range, value));
        }
        check(
            left.clone().all(|entry| planted.doomed.get(entry)),
            "a walk ended too early",
            [left.start.into(), left.end.into(), 0],
        );
    }
}

/// When the company comes and goes.
#[derive(Debug)]
pub(crate) struct Signals {
    ready: Barrier,
    /// Set when the removals have ended and there is memory again.
    stop: AtomicBool,
}

impl Company {
    fn threads(self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::Readers => 2,
            Self::Stalled | Self::Releaser => 3,
        }
    }

    /// Starts the company, does `work` when all are ready, and lets them go. Returns how long a reader was stalled.
    pub(crate) fn around<V: Stored, T>(self, trees: &[Planted<V>], work: impl FnOnce() -> T) -> (T, Duration) {
        let signals = Signals { ready: Barrier::new(self.threads() + 1), stop: AtomicBool::new(false) };
        std::thread::scope(|scope| {
            let threads = self.start(scope, trees, &signals);
            signals.ready.wait();
            let result = work();
            signals.stop.store(true, Ordering::SeqCst);
            let mut stalled = Duration::ZERO;
            for thread in threads {
                match thread.join() {
                    Ok(time) => stalled = stalled.max(time),
                    Err(_) => drop(check(false, "a thread beside the removals panicked", [0; 3])),
                }
            }
            (result, stalled)
        })
    }

    fn start<'s, V: Stored>(
        self,
        scope: &'s Scope<'s, '_>,
        trees: &'s [Planted<V>],
        signals: &'s Signals,
    ) -> Vec<ScopedJoinHandle<'s, Duration>> {
        let mut threads = Vec::new();
        if self != Self::Nobody {
            threads.extend((1..=2).map(|seed| scope.spawn(move || read(trees, seed, signals))));
        }
        match self {
            Self::Nobody | Self::Readers => {}
            Self::Stalled => threads.push(scope.spawn(move || stall(trees, signals))),
            Self::Releaser => threads.push(scope.spawn(move || release(trees, signals))),
        }
        threads
    }
}

/// Entries that a reader holds from the beginning of a section to its end.
const HELD: usize = 32;

/// Looks in a short section; some have up to 32 times as many, so that much is removed and waited for meanwhile.
const LOOKS_IN_SECTION: u32 = 8;

/// Reads in short sections. It opens them while the gate is closed, so it is exempt.
fn read<V: Stored>(trees: &[Planted<V>], seed: u64, signals: &Signals) -> Duration {
    gate::exempt_this_thread();
    let mut eye = Eye::new(trees, seed);
    signals.ready.wait();
    while !signals.stop.load(Ordering::SeqCst) {
        let guard = Watched::pin();
        let held: [_; HELD] = array::from_fn(|_| {
            let planted = &trees[eye.rng.below(trees.len() as u32) as usize];
            let entry = eye.rng.below(planted.layout.count);
            let found = planted.tree.get(planted.layout.first(entry), &guard);
            found.map(|value| (value, planted.layout.value(entry)))
        });
        for _ in 0..LOOKS_IN_SECTION << eye.rng.below(6) {
            eye.look(&guard);
        }
        // Whatever was removed and waited for since then.
        for (value, should) in held.into_iter().flatten() {
            check(V::read(value) == Some(should), "an entry was released under a reader", [should.into(), 2, 0]);
        }
    }
    Duration::ZERO
}

/// Entries that a stalled reader keeps looking at.
const STARED_AT: usize = 4096;

/// Stays in one section, which it opens before the gate is closed, until after it is opened again. So it is not exempt.
fn stall<V: Stored>(trees: &[Planted<V>], signals: &Signals) -> Duration {
    let mut eye = Eye::new(trees, 3);
    let guard = Watched::pin();
    let start = Instant::now();
    let mut stared_at = Vec::with_capacity(STARED_AT);
    for planted in trees.iter().cycle().take(STARED_AT) {
        let entry = eye.rng.below(planted.layout.count);
        let found = planted.tree.get(planted.layout.first(entry), &guard);
        stared_at.extend(found.map(|value| (value, planted.layout.value(entry))));
    }
    signals.ready.wait();
    while !signals.stop.load(Ordering::SeqCst) {
        eye.look(&guard);
        let (value, should) = stared_at[eye.rng.below(stared_at.len() as u32) as usize];
        check(V::read(value) == Some(should), "an entry was released under a reader", [should.into(), 0, 0]);
    }
    for (value, should) in &stared_at {
        check(V::read(*value) == Some(*should), "an entry was released under a reader", [(*should).into(), 1, 0]);
    }
    start.elapsed()
}

/// Waits for grace periods, which the default flavour says allocates, so it is exempt.
fn release<V: Stored>(trees: &[Planted<V>], signals: &Signals) -> Duration {
    gate::exempt_this_thread();
    let mut rng = Rng::new(4);
    signals.ready.wait();
    while !signals.stop.load(Ordering::SeqCst) {
        let planted = &trees[rng.below(trees.len() as u32) as usize];
        if rng.one_in(4) {
            planted.tree.hand_over();
        } else {
            let waited = planted.tree.synchronize();
            check(waited.is_ok(), "no grace period outside a read section", [0; 3]);
        }
    }
    Duration::ZERO
}
