//! Many copies in flight at once, each failing at a random entry, pruned by several threads while the allocator refuses.

use crate::books::Books;
use crate::entries::{Payload, Stored};
use crate::field::{Layout, Planted};
use crate::gate;
use crate::report::{Progress, Tally, check, check_equal, scene};
use crate::rng::Rng;
use crate::watched::{Watched, engaged};
use maple_tree::{MapleTree, Pool, PruneForm, Rcu, RcuArc, RcuBox, Reserve};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

const PRUNERS: usize = 4;
const ORIGINALS: u32 = 8;
const MOST_ENTRIES: u32 = 600;

/// An entry of a copy that was replaced by its own.
fn own_value(layout: &Layout, entry: u32) -> u32 {
    !layout.value(entry)
}

/// A copy that others are reading already.
struct InFlight<V: Stored> {
    tree: MapleTree<V, Watched>,
    layout: Layout,
    /// The entries where it fails, one after the other: what is at or after has to go.
    failures: Vec<u32>,
    /// What has to be left.
    rest: AtomicU32,
    replaced: u32,
}

/// A copy of whatever kind.
trait Copying: Sync {
    fn fail(&self, tally: &mut Tally);
    fn read(&self, rng: &mut Rng);
    fn check(&self);
}

impl<V: Stored> InFlight<V> {
    /// Copies `original`, publishes the copy, and replaces entry by entry until one fails. Now and then another fails after that,
    /// before the first failure was cleaned up for good.
    fn new(original: &Planted<V>, rng: &mut Rng) -> Self {
        let layout = original.layout;
        let tree = MapleTree::from(original.tree.dup().expect("copies are made while there is memory"));
        let replaced = rng.below(layout.count);
        for entry in 0..replaced {
            let index = layout.any_index(entry, rng);
            let old = tree.replace(index, V::make(own_value(&layout, entry)));
            check(old.is_ok_and(|old| old.range() == layout.range(entry)), "a replace went wrong", [index, 0, 0]);
        }
        let mut failures = vec![replaced];
        while rng.one_in(3) && failures[failures.len() - 1] > 0 {
            failures.push(rng.below(failures[failures.len() - 1]));
        }
        Self { tree, layout, failures, rest: AtomicU32::new(layout.count), replaced }
    }

    fn is_legal(&self, entry: u32, value: V::Ref<'_>) -> bool {
        let value = V::read(value);
        let should = if entry < self.replaced { own_value(&self.layout, entry) } else { self.layout.value(entry) };
        value == Some(should)
    }
}

impl<V: Stored> Copying for InFlight<V> {
    fn fail(&self, tally: &mut Tally) {
        for (number, &entry) in self.failures.iter().enumerate() {
            let pruned = tally.removal(true, || self.tree.prune(self.layout.first(entry)));
            // What it earmarked when it was made is enough for one, whatever others have taken.
            check(
                number > 0 || pruned.form == PruneForm::PathCopy,
                "the first prune of a copy was not atomic",
                [entry.into(), 0, 0],
            );
            self.rest.store(entry, Ordering::SeqCst);
            tally.path_copies += u64::from(pruned.form == PruneForm::PathCopy);
        }
    }

    fn read(&self, rng: &mut Rng) {
        let guard = self.tree.pin();
        let rest = self.rest.load(Ordering::SeqCst);
        let entry = rng.below(self.layout.count);
        let (range, found) = self.tree.get_range(self.layout.any_index(entry, rng), &guard);
        let numbers = [entry.into(), *range.start(), *range.end()];
        if let Some(value) = found {
            check(entry < rest, "a reader found an entry of a copy after its removal", numbers);
            check(self.layout.range(entry) == range, "a reader found a range that never was in the copy", numbers);
            check(self.is_legal(entry, value), "a reader found another value in a copy", numbers);
        } else {
            check(entry >= self.failures[self.failures.len() - 1], "a reader missed an entry of a copy", numbers);
        }
    }

    fn check(&self) {
        let rest = self.rest.load(Ordering::SeqCst);
        let summary = self.tree.validate();
        check(summary.is_ok_and(|summary| summary.entries == rest as usize), "a copy is not a valid prefix", [rest.into(), 0, 0]);
        let guard = self.tree.pin();
        let mut next = 0;
        for (range, value) in self.tree.iter(&guard) {
            let exact = next < rest && self.layout.range(next) == range && self.is_legal(next, value);
            check(exact, "a copy is not the prefix", [next.into(), rest.into(), 0]);
            next += 1;
        }
        check_equal(next as usize, rest as usize, "a copy is not the whole prefix");
    }
}

pub(crate) fn run(short: bool) -> String {
    let count = if short { 5_000 } else { 10_000 };
    for _ in 0..2 {
        check(Reserve::global().fill().is_ok(), "no memory for the reserve", [0; 3]);
    }
    let books = Books::open();
    let nodes_before = Pool::global().figures().nodes_in_use;
    let mut rng = Rng::new(2);
    let originals =
        Originals { rcu_arc: plant(&mut rng), arc: plant(&mut rng), rcu_box: plant(&mut rng), plain: plant(&mut rng) };
    scene(format!("{count} copies"));

    let mut progress = Progress::new("copies", count);
    let mut copies: Vec<Box<dyn Copying>> = Vec::new();
    for number in 0..count {
        progress.at(number, "copying");
        copies.push(originals.copy(&mut rng));
    }
    rng.shuffle(&mut copies);
    let nodes_in_flight = Pool::global().figures().nodes_in_use;
    let earmarked = Reserve::global().figures().earmarked;
    progress.at(count, "pruning");
    let mut tally = prune(&copies);
    progress.at(count, "checking");
    let figures = Reserve::global().figures();
    tally.falls = figures.in_place_falls;
    check_equal(figures.free + figures.lent, figures.capacity, "the reserve has not what it did not lend");
    copies.iter().for_each(|copy| copy.check());
    drop(copies);
    originals.check();
    drop(originals);
    books.check(&[]);
    drop(progress);
    format!(
        "{}, {} read sections, waits and hand-overs of theirs, {count} copies, {PRUNERS} threads, {} path copies, {} in-place falls, low-water mark {} of {}, {earmarked} nodes \
         earmarked, nodes in use {nodes_before} -> {nodes_in_flight} -> {}",
        tally.line("copies"),
        engaged(),
        tally.path_copies,
        tally.falls,
        figures.low_water,
        figures.capacity,
        Pool::global().figures().nodes_in_use,
    )
}

struct Originals {
    rcu_arc: Vec<Planted<RcuArc<Payload, Watched>>>,
    arc: Vec<Planted<Arc<Payload>>>,
    rcu_box: Vec<Planted<RcuBox<Payload>>>,
    plain: Vec<Planted<u32>>,
}

fn plant<V: Stored>(rng: &mut Rng) -> Vec<Planted<V>> {
    let layouts = (0..ORIGINALS).map(|number| Layout {
        count: if number == 0 { 1 } else { 1 + rng.below(MOST_ENTRIES) },
        seed: rng.below(u32::MAX),
        dense: number % 2 == 0,
    });
    let layouts: Vec<Layout> = layouts.collect();
    layouts.into_iter().map(|layout| Planted::new(layout, Reserve::global(), rng)).collect()
}

impl Originals {
    /// A copy of any of them, most often of one with counted entries, which the copy shares.
    fn copy(&self, rng: &mut Rng) -> Box<dyn Copying> {
        let number = rng.below(ORIGINALS) as usize;
        match rng.below(10) {
            0 => Box::new(InFlight::new(&self.arc[number], rng)),
            1 => Box::new(InFlight::new(&self.rcu_box[number], rng)),
            2 => Box::new(InFlight::new(&self.plain[number], rng)),
            _ => Box::new(InFlight::new(&self.rcu_arc[number], rng)),
        }
    }

    fn check(&self) {
        check(Watched::synchronize().is_ok(), "no grace period outside a read section", [0; 3]);
        check_originals(&self.rcu_arc);
        check_originals(&self.arc);
        check_originals(&self.rcu_box);
        check_originals(&self.plain);
    }
}

/// The originals are whole, and nobody shares their entries any more.
fn check_originals<V: Stored>(originals: &[Planted<V>]) {
    for original in originals {
        check_equal(original.check_rest(), original.layout.count as usize, "an original is not whole");
        let guard = original.tree.pin();
        for (_, value) in original.tree.iter(&guard) {
            check_equal(V::owners(value).unwrap_or(1), 1, "an entry of an original has other owners");
        }
    }
}

/// Prunes all copies at their failures behind the closed gate, with a reader beside that opens read sections and so is exempt.
fn prune(copies: &[Box<dyn Copying>]) -> Tally {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (ready, ended) = (Barrier::new(PRUNERS + 2), Barrier::new(PRUNERS + 1));
    let mut total = Tally::default();
    thread::scope(|scope| {
        let work = || {
            let mut tally = Tally::default();
            ready.wait();
            while let Some(copy) = copies.get(next.fetch_add(1, Ordering::Relaxed)) {
                copy.fail(&mut tally);
            }
            ended.wait();
            // A thread that ends may allocate.
            while gate::is_closed() {
                thread::yield_now();
            }
            tally
        };
        let pruners: Vec<_> = (0..PRUNERS).map(|_| scope.spawn(work)).collect();
        let reader = scope.spawn(|| {
            gate::exempt_this_thread();
            let mut rng = Rng::new(3);
            ready.wait();
            while !stop.load(Ordering::SeqCst) {
                copies[rng.below(copies.len() as u32) as usize].read(&mut rng);
            }
        });
        let ((), closed) = gate::closed(|| {
            ready.wait();
            ended.wait();
        });
        stop.store(true, Ordering::SeqCst);
        for pruner in pruners {
            match pruner.join() {
                Ok(tally) => total.add(&tally),
                Err(_) => drop(check(false, "a thread that prunes panicked", [0; 3])),
            }
        }
        check(reader.join().is_ok(), "a reader of copies panicked", [0; 3]);
        (total.allocations, total.exempted) = (closed.refused, closed.exempted);
        check(closed.refused == 0, "removals asked for memory", [closed.refused, 0, 0]);
        check_equal(engaged() as usize, 0, "removals entered a read section, waited for readers or handed something over");
    });
    total
}
