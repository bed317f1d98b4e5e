//! The ways to recover from a copy that failed half-way.

use crate::counting::{self, Exhausted};
use crate::maps::{Entry, Generation, Process, Vma};
use crate::readers::{self, Watch};
use maple_tree::{AllocError, MapleTree, Pool, PruneForm, RangeMap, RcuArc};
use std::error::Error;
use std::hint::black_box;
use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

/// Something that must not happen did.
pub(crate) type Broken = Box<dyn Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strategy {
    /// Put a marker in the place of the entry that failed, and have the one who takes the copy down stop there. The entries behind
    /// it are still the parent's and still in sight: that is the race.
    Marker,
    /// Take the whole copy down: walk what was copied, as unmapping it would, then release everything.
    Teardown,
    /// Erase what was not copied, entry by entry, beside a reader.
    EraseEach,
    /// Cut it off a copy that nobody else can see.
    PruneExclusive,
    /// Cut it off beside a reader, at one instant.
    PruneShared,
    /// Cut it off beside a reader without taking a single node, piece by piece.
    PruneInPlace,
}

impl Strategy {
    pub(crate) const ALL: [Self; 6] =
        [Self::Marker, Self::Teardown, Self::EraseEach, Self::PruneExclusive, Self::PruneShared, Self::PruneInPlace];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Teardown => "teardown",
            Self::EraseEach => "erase_each",
            Self::PruneExclusive => "prune_exclusive",
            Self::PruneShared => "prune_shared",
            Self::PruneInPlace => "prune_in_place",
        }
    }
}

/// What one recovery did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// The recovery step itself.
    pub(crate) recovery: Duration,
    /// From the start of the recovery step until all memory of the tail was back: its nodes, and its shares of the parent's entries.
    pub(crate) memory_back: Duration,
    pub(crate) nodes_taken: u64,
    /// Requests for memory during the recovery step.
    pub(crate) allocator_calls: u64,
    /// Entries in sight afterwards.
    pub(crate) entries_kept: usize,
    /// They are exactly the first `fail_at` of the original, each replaced by the copy's own.
    pub(crate) prefix_ok: bool,
    /// Entries of the parent that one pass of the reader met afterwards.
    pub(crate) parents_met: u64,
}

/// Copies `process`, lets the copy fail at entry `fail_at`, and recovers.
pub(crate) fn run(strategy: Strategy, process: &Process, fail_at: usize) -> Result<Outcome, Broken> {
    let nodes_before = Pool::global().figures().nodes_in_use;
    let copy = process.tree.dup()?;
    let attempt = Attempt { strategy, process, fail_at, nodes_before };
    let outcome = match strategy {
        Strategy::Teardown => attempt.teardown(copy),
        Strategy::PruneExclusive => attempt.prune_exclusive(copy),
        _ => attempt.beside_a_reader(copy.into()),
    }?;
    // The copy is gone, but entries of its own wait for a grace period; they must not weigh on the next attempt.
    process.tree.synchronize()?;
    Ok(outcome)
}

#[derive(Clone, Copy, Debug)]
struct Attempt<'a> {
    strategy: Strategy,
    process: &'a Process,
    fail_at: usize,
    /// Nodes in use in the whole process before there was a copy.
    nodes_before: usize,
}

impl Attempt<'_> {
    /// The entry that fails.
    fn failing(&self) -> &Vma {
        &self.process.vmas[self.fail_at]
    }

    /// Replaces the parent's entries one by one, as fork does, until there is no memory for the one at `fail_at`. Nor is there any
    /// for what comes next, until the result is dropped.
    fn copy_entries(&self, mut replace: impl FnMut(u64, Entry) -> Result<(), Broken>) -> Result<Exhausted, Broken> {
        for vma in &self.process.vmas[..self.fail_at] {
            replace(vma.start, RcuArc::try_new(vma.child())?)?;
        }
        let exhausted = Exhausted::begin();
        match RcuArc::<Vma>::try_new(self.failing().child()) {
            Err(AllocError(_vma)) => Ok(exhausted),
            Ok(_) => Err("the allocator gave memory that it should have refused".into()),
        }
    }

    fn copy_alone(&self, copy: &mut RangeMap<Entry>) -> Result<Exhausted, Broken> {
        self.copy_entries(|index, entry| Ok(copy.replace(index, entry).map(drop)?))
    }

    /// Nobody walks the copy: the best case for a teardown.
    fn teardown(self, mut copy: RangeMap<Entry>) -> Result<Outcome, Broken> {
        let exhausted = self.copy_alone(&mut copy)?;
        let border = self.failing().start;
        let step = Step::begin();
        let pages: u64 = copy.range(..border).map(|(_, vma)| vma.pages()).sum();
        black_box(pages);
        drop(copy);
        let outcome = step.end();
        drop(exhausted);
        self.check_memory(0)?;
        // Nothing was kept, which is the prefix only if that is empty.
        Ok(Outcome { memory_back: outcome.recovery, prefix_ok: self.fail_at == 0, ..outcome })
    }

    /// The copy is not published yet: nobody walks it.
    fn prune_exclusive(self, mut copy: RangeMap<Entry>) -> Result<Outcome, Broken> {
        let exhausted = self.copy_alone(&mut copy)?;
        let border = self.failing().start;
        let nodes_taken = copy.figures().nodes_taken;
        let step = Step::begin();
        let tail = copy.prune(border);
        let mut outcome = step.end();
        drop(tail);
        outcome.memory_back = step.elapsed();
        drop(exhausted);
        outcome.nodes_taken = copy.figures().nodes_taken - nodes_taken;
        self.check_memory(copy.validate()?.nodes + copy.figures().spare)?;
        self.inspect(copy.iter().map(|(range, vma)| (range, vma.get())), &mut outcome);
        Ok(outcome)
    }

    /// The copy is published before its entries are replaced, and a reader walks it from then on.
    fn beside_a_reader(self, copy: MapleTree<Entry>) -> Result<Outcome, Broken> {
        // Made in good time, as a marker is one value for all.
        let marker = RcuArc::try_new(self.failing().marker())?;
        let watch = Watch::default();
        let mut outcome = thread::scope(|scope| {
            let reader = scope.spawn(|| readers::walk(&copy, &self.process.vmas, self.fail_at, &watch));
            let over = watch.until_dropped();
            let outcome = self.recover_beside(&copy, marker, &watch);
            drop(over);
            let parents_met = reader.join().map_err(|_| "the reader panicked")??;
            outcome.map(|outcome| Outcome { parents_met, ..outcome })
        })?;
        if self.strategy != Strategy::Marker && outcome.parents_met > 0 {
            return Err(format!("{}: a reader met the tail afterwards", self.strategy.name()).into());
        }
        let guard = copy.pin();
        self.inspect(copy.iter(&guard).map(|(range, vma)| (range, vma.get())), &mut outcome);
        drop(guard);
        if self.strategy == Strategy::Marker {
            // The marker gave nothing back. That comes when the one who owns the copy takes it down.
            let step = Step::begin();
            drop(copy);
            outcome.memory_back = outcome.recovery + step.elapsed();
            self.check_memory(0)?;
        }
        Ok(outcome)
    }

    fn recover_beside(&self, copy: &MapleTree<Entry>, marker: Entry, watch: &Watch) -> Result<Outcome, Broken> {
        let exhausted = self.copy_entries(|index, entry| Ok(copy.replace(index, entry).map(drop)?))?;
        watch.wait_for_a_section();
        let tail = &self.process.vmas[self.fail_at..];
        let border = self.failing().start;
        let nodes_taken = copy.figures().nodes_taken;
        let mut form = None;

        let step = Step::begin();
        match self.strategy {
            Strategy::Marker => drop(copy.replace(border, marker)?),
            Strategy::EraseEach => tail.iter().for_each(|vma| drop(copy.erase(vma.start))),
            Strategy::PruneInPlace => form = Some((copy.prune_in_place(border).form, PruneForm::InPlace)),
            _ => form = Some((copy.prune(border).form, PruneForm::PathCopy)),
        }
        let mut outcome = step.end();
        drop(exhausted);
        watch.set_recovered();
        outcome.nodes_taken = copy.figures().nodes_taken - nodes_taken;
        if self.strategy != Strategy::Marker {
            copy.synchronize()?;
            outcome.memory_back = step.elapsed();
            self.check_memory(copy.validate()?.nodes + copy.figures().spare)?;
        }

        if let Some((form, wanted)) = form
            && form != wanted
        {
            return Err(format!("{} took the form {form:?} instead of {wanted:?}", self.strategy.name()).into());
        }
        watch.wait_for_a_pass();
        Ok(outcome)
    }

    /// All memory of the tail must be back: `kept` nodes are left of the copy, and the parent's entries are the parent's alone again.
    fn check_memory(&self, kept: usize) -> Result<(), Broken> {
        let nodes = Pool::global().figures().nodes_in_use;
        let right = self.nodes_before + kept;
        if nodes != right {
            return Err(format!("{}: {nodes} nodes are in use afterwards instead of {right}", self.strategy.name()).into());
        }
        let tail = &self.process.vmas[self.fail_at..];
        let guard = self.process.tree.pin();
        // A sample, evenly spread.
        for vma in tail.iter().step_by(tail.len() / 1000 + 1) {
            let entry = self.process.tree.get(vma.start, &guard).and_then(|vma| vma.upgrade());
            let owners = entry.as_ref().map(RcuArc::strong_count);
            // The parent's tree, and `entry`.
            if owners != Some(2) {
                return Err(format!("{}: the entry at {:#x} has owners: {owners:?}", self.strategy.name(), vma.start).into());
            }
        }
        Ok(())
    }

    /// Compares what is left of the copy with the original.
    fn inspect<'v>(&self, left: impl Iterator<Item = (RangeInclusive<u64>, &'v Vma)>, outcome: &mut Outcome) {
        let prefix = &self.process.vmas[..self.fail_at];
        outcome.prefix_ok = true;
        for (range, vma) in left {
            let own = |original: &Vma| {
                (original.start..=original.last) == range && vma.is_copy_of(original) && vma.generation == Generation::Child
            };
            outcome.prefix_ok &= prefix.get(outcome.entries_kept).is_some_and(own);
            outcome.entries_kept += 1;
        }
        outcome.prefix_ok &= outcome.entries_kept == self.fail_at;
    }
}

/// A step that is measured.
#[derive(Clone, Copy, Debug)]
struct Step {
    requests: u64,
    start: Instant,
}

impl Step {
    fn begin() -> Self {
        Self { requests: counting::requests(), start: Instant::now() }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn end(&self) -> Outcome {
        let recovery = self.elapsed();
        Outcome { recovery, allocator_calls: counting::requests() - self.requests, ..Outcome::default() }
    }
}
