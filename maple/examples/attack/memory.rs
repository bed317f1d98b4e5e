//! Memory over time, after a copy of a large tree failed half-way: what comes back, and when.

use crate::books::Books;
use crate::entries::Payload;
use crate::field::Layout;
use crate::gate;
use crate::plot;
use crate::report::{Progress, Tally, check, check_equal, scene};
use crate::rng::Rng;
use maple_tree::{Epoch, MapleTree, Pool, PruneForm, Rcu, RcuArc, Reserve};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What is mapped: as large as a small record of a kernel's table of mappings.
#[derive(Debug)]
struct Record {
    payload: Payload,
    _rest: [u64; 14],
}

type Tree = MapleTree<RcuArc<Record>>;

/// How a copy that failed is cleaned up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// All of it goes: beside readers by one store and a grace period, else by dropping it.
    Teardown,
    /// The tail goes, by path copy.
    PathCopy,
    /// The tail goes, slot by slot.
    InPlace,
    /// The tail goes, in a tree that nobody reads yet.
    Alone,
}

impl Form {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Teardown => "teardown",
            Self::PathCopy => "prune, path copy",
            Self::InPlace => "prune, in place",
            Self::Alone => "prune, one owner",
        }
    }
}

/// An instant, and what was held then for the copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Instant,
    pub(crate) bytes: usize,
    pub(crate) nodes: usize,
}

/// One clean-up over time.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) form: Form,
    pub(crate) readers: bool,
    pub(crate) samples: Vec<Sample>,
    failure: Instant,
    /// The time the removal itself took.
    call: Duration,
}

impl Series {
    /// Milliseconds since the failure; negative before it.
    pub(crate) fn milliseconds(&self, sample: &Sample) -> f64 {
        let (since, before) =
            (sample.at.saturating_duration_since(self.failure), self.failure.saturating_duration_since(sample.at));
        (since.as_secs_f64() - before.as_secs_f64()) * 1e3
    }

    /// When the memory was back, from the failure on: not so much as a hundredth of it was missing any more.
    fn back(&self) -> Duration {
        let (first, last) = (self.samples[0].bytes, last_of(&self.samples).bytes);
        let limit = last + first.saturating_sub(last) / 100;
        let late = self.samples.iter().rposition(|sample| sample.bytes > limit);
        late.map_or(Duration::ZERO, |late| self.samples[late].at.saturating_duration_since(self.failure))
    }

    fn print(&self) {
        let (first, last) = (self.samples[0], last_of(&self.samples));
        let readers = if self.readers { "with readers" } else { "without readers" };
        println!(
            "  {}, {readers}: call {:.1?}, memory back after {:.1?}, bytes {} -> {}, nodes {} -> {}",
            self.form.name(),
            self.call,
            self.back(),
            first.bytes,
            last.bytes,
            first.nodes,
            last.nodes
        );
    }
}

pub(crate) const CASES: [(Form, bool); 7] = [
    (Form::Teardown, false),
    (Form::PathCopy, false),
    (Form::InPlace, false),
    (Form::Alone, false),
    (Form::Teardown, true),
    (Form::PathCopy, true),
    (Form::InPlace, true),
];

pub(crate) fn run(short: bool, file: Option<&Path>) -> String {
    let count = if short { 100_000 } else { 1_000_000 };
    let layout = Layout { count, seed: 0, dense: true };
    for _ in 0..2 {
        check(Reserve::global().fill().is_ok(), "no memory for the reserve", [0; 3]);
    }
    let books = Books::open();
    let nodes_before = Pool::global().figures().nodes_in_use;
    let mut progress = Progress::new("memory", CASES.len() as u64);
    progress.at(0, "building the original");
    let original = Tree::new();
    for entry in 0..count {
        original.store(layout.range(entry), record(layout.value(entry))).expect(FULL_MEMORY);
    }
    original.synchronize().expect("outside a read section");
    let mut tally = Tally::default();
    let mut series = Vec::new();
    for (number, (form, readers)) in CASES.into_iter().enumerate() {
        let what = format!("{}, {}", form.name(), if readers { "with readers" } else { "without readers" });
        progress.at(number as u64, &what);
        scene(what);
        series.push(clean_up(&original, &layout, form, readers, &mut tally));
    }
    let guard = original.pin();
    check_equal(original.iter(&guard).count(), count as usize, "the original is not whole");
    drop(guard);
    drop(original);
    drop(progress);
    series.iter().for_each(Series::print);
    if let Some(file) = file
        && let Err(error) = plot::write(file, count, &series)
    {
        println!("wrong: no plot at {}: {error}", file.display());
        check(false, "no plot", [0; 3]);
    }
    drop(series);
    books.check(&[]);
    let figures = Reserve::global().figures();
    format!(
        "{} of a copy of {count} entries that failed half-way, {} in-place falls, low-water mark {} of {}, nodes in use {nodes_before} -> {}",
        tally.line("memory"),
        figures.in_place_falls,
        figures.low_water,
        figures.capacity,
        Pool::global().figures().nodes_in_use
    )
}

const FULL_MEMORY: &str = "trees are built while there is memory";

fn record(value: u32) -> RcuArc<Record> {
    RcuArc::try_new(Record { payload: Payload::new(value), _rest: [0; 14] }).expect(FULL_MEMORY)
}

/// A copy whose first half has records of its own, and whose second half still shares those of the original.
fn failed_copy(original: &Tree, layout: &Layout) -> Tree {
    let copy = Tree::from(original.dup().expect(FULL_MEMORY));
    for entry in 0..layout.count / 2 {
        let replaced = copy.replace(layout.first(entry), record(!layout.value(entry)));
        check(replaced.is_ok(), "a replace went wrong", [entry.into(), 0, 0]);
    }
    copy
}

/// What was held before the copy was made.
#[derive(Clone, Copy)]
struct Before {
    bytes: usize,
    nodes: usize,
}

impl Before {
    fn now() -> Self {
        Self { bytes: gate::live_bytes(), nodes: Pool::global().figures().nodes_in_use }
    }

    fn sample(self) -> Sample {
        let now = Self::now();
        let (bytes, nodes) = (now.bytes.saturating_sub(self.bytes), now.nodes.saturating_sub(self.nodes));
        Sample { at: Instant::now(), bytes, nodes }
    }
}

/// Looks at memory all the time while `work` is done, and a little before and after. Returns when it began.
fn sampled(before: Before, samples: &mut Vec<Sample>, work: impl FnOnce()) -> Instant {
    let (ready, ended) = (Barrier::new(2), AtomicBool::new(false));
    let ends = thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            ready.wait();
            while !ended.load(Ordering::SeqCst) && samples.len() + 2 < samples.capacity() {
                samples.push(before.sample());
                thread::sleep(Duration::from_micros(50));
            }
        });
        ready.wait();
        thread::sleep(MARGIN);
        // The other thread may be late at the two ends.
        let first = before.sample();
        work();
        let last = before.sample();
        thread::sleep(MARGIN);
        ended.store(true, Ordering::SeqCst);
        check(sampler.join().is_ok(), "the thread that samples panicked", [0; 3]);
        [first, last]
    });
    samples.extend(ends);
    samples.sort_unstable_by_key(|sample| sample.at);
    ends[0].at
}

const NODE_BYTES: usize = 256;
/// Two slabs, and what the epoch crate holds at the end and not at the beginning.
const SLACK_BYTES: usize = 128 * 1024;

/// Looked at before the failure and after the clean-up.
const MARGIN: Duration = Duration::from_millis(2);

/// Does one removal behind the closed gate.
fn refused<T>(tally: &mut Tally, remove: impl FnOnce() -> T) -> T {
    let (result, closed) = gate::closed(|| tally.removal(true, remove));
    tally.allocations += closed.refused;
    tally.exempted += closed.exempted;
    check(closed.refused == 0, "a removal asked for memory", [closed.refused, 0, 0]);
    result
}

fn wait() {
    check(Epoch::barrier().is_ok(), "no grace period outside a read section", [0; 3]);
}

fn clean_up(original: &Tree, layout: &Layout, form: Form, readers: bool, total: &mut Tally) -> Series {
    // Room for every sample, so that looking does not change what is looked at.
    let mut samples = Vec::with_capacity(1 << 16);
    // What the copy before this one left to the flavour.
    wait();
    let before = Before::now();
    let copy = failed_copy(original, layout);
    let nodes = Pool::global().figures().nodes_in_use - before.nodes;
    let half = layout.count / 2;
    let from = layout.first(half);
    let mut tally = Tally::default();
    let failure = if form == Form::Alone {
        let mut map = copy.into_inner();
        let failure = sampled(before, &mut samples, || {
            let tail = refused(&mut tally, || map.prune(from));
            refused(&mut Tally::default(), || drop(tail));
        });
        check_equal(map.iter().count(), half as usize, "a prune left something else than the first half");
        failure
    } else if form == Form::Teardown && !readers {
        sampled(before, &mut samples, || {
            refused(&mut tally, || drop(copy));
            wait();
        })
    } else {
        let clean_up = || {
            refused(&mut tally, || match form {
                Form::PathCopy => {
                    check(copy.prune(from).form == PruneForm::PathCopy, "a copy has no nodes for its prune", [0; 3])
                }
                Form::InPlace => check(copy.prune_in_place(from).nodes_taken == 0, "a prune in place took nodes", [0; 3]),
                Form::Teardown | Form::Alone => {
                    copy.clear();
                    true
                }
            });
            check(copy.synchronize().is_ok(), "no grace period outside a read section", [0; 3]);
        };
        let failure = beside(if readers { 2 } else { 0 }, &copy, layout, || sampled(before, &mut samples, clean_up));
        let left = if form == Form::Teardown { 0 } else { half as usize };
        let entries = copy.validate().map(|summary| summary.entries);
        check(entries == Ok(left), "a clean-up left something else than it should", [left as u64, 0, 0]);
        failure
    };
    let last = last_of(&samples);
    // The memory of the nodes that came back comes back as well, but for what shares a slab with others.
    let freed = samples[0].nodes.saturating_sub(last.nodes) * NODE_BYTES;
    let back = samples[0].bytes.saturating_sub(last.bytes);
    check(back + SLACK_BYTES >= freed / 10 * 9, "nodes came back, their memory did not", [back as u64, freed as u64, 0]);
    // Half of the nodes, and what a tree keeps for its next stores.
    let expected = if form == Form::Teardown { 0 } else { nodes / 2 };
    check(last.nodes <= expected + 64, "nodes did not come back", [last.nodes as u64, expected as u64, nodes as u64]);
    total.add(&tally);
    Series { form, readers, samples, failure, call: tally.longest }
}

fn last_of(samples: &[Sample]) -> Sample {
    *samples.last().expect("there is a sample before the removal")
}

/// Does `work` with this many readers beside it.
fn beside<T>(readers: usize, copy: &Tree, layout: &Layout, work: impl FnOnce() -> T) -> T {
    let (ready, stop) = (Barrier::new(readers + 1), AtomicBool::new(false));
    thread::scope(|scope| {
        for seed in 0..readers {
            let (ready, stop) = (&ready, &stop);
            scope.spawn(move || read(copy, layout, seed as u64, ready, stop));
        }
        ready.wait();
        let result = work();
        stop.store(true, Ordering::SeqCst);
        result
    })
}

/// Reads the copy in short sections; exempt, because it opens them while the gate is closed.
fn read(copy: &Tree, layout: &Layout, seed: u64, ready: &Barrier, stop: &AtomicBool) {
    gate::exempt_this_thread();
    let mut rng = Rng::new(seed);
    ready.wait();
    while !stop.load(Ordering::SeqCst) {
        let guard = Epoch::pin();
        for _ in 0..100 {
            let entry = rng.below(layout.count);
            let Some(record) = copy.get(layout.any_index(entry, &mut rng), &guard) else { continue };
            let value = record.get().payload.read();
            let should = if entry < layout.count / 2 { !layout.value(entry) } else { layout.value(entry) };
            check(value == Some(should), "a reader found another value", [entry.into(), 0, 0]);
        }
    }
}
