//! Trees, and threads that work on them, in rounds: each round is a history, which is checked before the next one begins.

use super::cells::Cells;
use super::check::{Report, check};
use super::event::{Answer, Form, History, Id, Seen};
use super::order::Numbered;
use super::search::{Order, is_linearizable};
use super::value::{Payload, Value};
use super::versions::Violation;
use super::work::{Mix, Worker, entries};
use crate::shapes::Rng;
use maple_tree::{Epoch, Grace, MapleTree, Rcu, RcuArc, RcuBox, Reserve};
use std::any::type_name;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The flavour that readers of a tree use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `Epoch`
    Epoch,
    /// `Grace`
    Grace,
}

/// What went wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of tree it was, and who worked on it.
    pub place: String,
    /// What is wrong.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.place, self.violation)
    }
}

impl std::error::Error for Failure {}

/// Short histories that were checked in both ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crossed {
    /// Histories as they were written down.
    pub as_written: usize,
    /// Histories that were altered, so that they may be wrong.
    pub altered: usize,
    /// Those of them that both ways refused.
    pub refused: usize,
}

impl AddAssign for Crossed {
    fn add_assign(&mut self, other: Self) {
        self.as_written += other.as_written;
        self.altered += other.altered;
        self.refused += other.refused;
    }
}

static NO_RESERVE: Reserve = Reserve::new(0);
static SMALL_RESERVE: Reserve = Reserve::new(2);

/// Works on one new tree of this flavour for so many rounds, with so many threads. Everything else is random.
///
/// # Errors
///
/// What was wrong in the first round in which something was.
pub fn run(flavour: Flavour, rng: &mut Rng, threads: usize, rounds: usize) -> Result<Report, Failure> {
    match (flavour, rng.below(5)) {
        (Flavour::Epoch, 0) => run_of::<Box<Payload>, Epoch>(rng, threads, rounds),
        (Flavour::Epoch, 1) => run_of::<Arc<Payload>, Epoch>(rng, threads, rounds),
        (Flavour::Epoch, 2) => run_of::<RcuBox<Payload>, Epoch>(rng, threads, rounds),
        (Flavour::Epoch, 3) => run_of::<RcuArc<Payload, Epoch>, Epoch>(rng, threads, rounds),
        (Flavour::Epoch, _) => run_of::<u32, Epoch>(rng, threads, rounds),
        (Flavour::Grace, 0) => run_of::<Box<Payload>, Grace>(rng, threads, rounds),
        (Flavour::Grace, 1) => run_of::<Arc<Payload>, Grace>(rng, threads, rounds),
        (Flavour::Grace, 2) => run_of::<RcuBox<Payload>, Grace>(rng, threads, rounds),
        (Flavour::Grace, 3) => run_of::<RcuArc<Payload, Grace>, Grace>(rng, threads, rounds),
        (Flavour::Grace, _) => run_of::<u32, Grace>(rng, threads, rounds),
    }
}

fn any_cells(rng: &mut Rng) -> Cells {
    let count = [4, 8, 20, 50, 100, 400, 1000, 3000][rng.below(8) as usize];
    match rng.below(3) {
        0 => Cells::even(count, 1),
        1 => Cells::even(count, 0x1000),
        _ => Cells::scattered(count, rng),
    }
}

fn any_mix(rng: &mut Rng, thread: usize, cells: usize) -> Mix {
    let sweeping = if cells < 100 { [2, 20, 100][rng.below(3) as usize] } else { rng.below(3) };
    let mixed =
        Mix { changes: 40, sessions: 4, looks: 40, scans: 10, copies: 1, pauses: 2, sweeping, burst: 8, instants_only: false };
    match (thread, rng.below(4)) {
        (0, _) => Mix { changes: 100, looks: 5, scans: 1, ..mixed },
        (_, 0) => mixed,
        (_, 1) => Mix { changes: 2, sessions: 1, scans: 2, pauses: 0, ..mixed },
        (_, 2) => Mix { changes: 2, sessions: 1, looks: 5, scans: 60, ..mixed },
        _ => Mix { changes: 10, sessions: 10, copies: 5, pauses: 10, ..mixed },
    }
}

struct Arena<V: Value<R>, R: Rcu> {
    tree: MapleTree<V, R, Numbered>,
    cells: Cells,
    mixes: Vec<Mix>,
    next_ids: Vec<Id>,
}

impl<V: Value<R>, R: Rcu> Arena<V, R> {
    fn new(cells: Cells, mixes: Vec<Mix>, reserve: &'static Reserve) -> Self {
        let next_ids = (1..).take(mixes.len()).collect();
        Self { tree: MapleTree::with_reserve(reserve), cells, mixes, next_ids }
    }

    /// Gives each cell an entry of its own, before anybody works on the tree.
    fn fill(&mut self) {
        for cell in 0..self.cells.count() {
            let id = self.next_ids[0];
            self.next_ids[0] += Id::try_from(self.mixes.len()).expect("few threads");
            let range = self.cells.first(cell)..=self.cells.last(cell);
            self.tree.store(range, V::of(id)).unwrap_or_else(|_| panic!("memory"));
        }
    }

    fn place(&self, seed: u64) -> String {
        let name = |name: &'static str| {
            name.replace("maple_tests::history::value::", "").replace("maple_rcu::", "").replace("alloc::", "")
        };
        let (cells, threads) = (self.cells.count(), self.mixes.len());
        format!(
            "a tree of {} with {}, {cells} cells, {threads} threads, seed of the round {seed:#x}",
            name(type_name::<V>()),
            name(type_name::<R>())
        )
    }

    /// All threads make so many calls.
    fn round(&mut self, rng: &mut Rng, calls: usize) -> Result<History, Failure> {
        let seed = rng.bits();
        let focus = rng.below(self.cells.count() as u64);
        let mut history = History { before: self.entries(), ..History::default() };
        let step = Id::try_from(self.mixes.len()).expect("few threads");
        let (tree, cells, ready) = (&self.tree, &self.cells, AtomicUsize::new(0));
        let threads = self.mixes.len();
        let results: Vec<_> = thread::scope(|scope| {
            let start = |(thread, (mix, next_id)): (usize, (&Mix, &Id))| {
                let worker = Worker::<V, R>::new(tree, cells, *mix, seed ^ (thread as u64) << 56, focus, thread, *next_id, step);
                let ready = &ready;
                scope.spawn(move || {
                    // Release and Acquire: no more than a barrier. Threads that spin begin closer together than those that are woken.
                    ready.fetch_add(1, Ordering::Release);
                    let mut turns = 0;
                    while ready.load(Ordering::Acquire) < threads {
                        turns += 1;
                        if turns % 1000 == 0 {
                            thread::yield_now();
                        }
                    }
                    worker.run(calls)
                })
            };
            let workers: Vec<_> = self.mixes.iter().zip(&self.next_ids).enumerate().map(start).collect();
            workers.into_iter().map(|worker| worker.join()).collect()
        });
        for (result, next_id) in results.into_iter().zip(&mut self.next_ids) {
            let Ok((written, next)) = result else {
                let violation = Violation { what: "a thread panicked".into(), calls: Vec::new() };
                return Err(Failure { place: self.place(seed), violation });
            };
            history.join(written);
            *next_id = next;
        }
        history.sort();
        history.after = Some(self.entries());
        Ok(history)
    }

    fn entries(&self) -> Vec<super::event::Item> {
        let guard = self.tree.pin();
        let item = |(range, entry): (std::ops::RangeInclusive<u64>, V::Ref<'_>)| super::event::Item {
            first: *range.start(),
            last: *range.end(),
            id: V::id(entry),
        };
        self.tree.iter(&guard).map(item).collect()
    }

    /// Nobody works on the tree any more.
    fn end(self) -> Result<(), Failure> {
        let place = self.place(0);
        let failure = |what: String| Failure { place, violation: Violation { what, calls: Vec::new() } };
        match self.tree.validate() {
            Err(invalid) => Err(failure(format!("the tree that is left is not valid: {invalid}"))),
            Ok(_) => {
                let walked = self.entries();
                let left = entries::<V, R>(&self.tree.into_inner());
                if walked == left {
                    Ok(())
                } else {
                    Err(failure("the tree has other entries for its owner than for readers".into()))
                }
            }
        }
    }
}

fn run_of<V: Value<R>, R: Rcu>(rng: &mut Rng, threads: usize, rounds: usize) -> Result<Report, Failure> {
    let cells = any_cells(rng);
    let mixes = (0..threads).map(|thread| any_mix(rng, thread, cells.count())).collect();
    let reserve = [Reserve::global(), Reserve::global(), &NO_RESERVE, &SMALL_RESERVE][rng.below(4) as usize];
    let mut arena = Arena::<V, R>::new(cells, mixes, reserve);
    if rng.below(4) > 0 {
        arena.fill();
    }
    // Scans of large trees take their time.
    let calls = 2_000_000 / (arena.cells.count() + 600);
    let mut report = Report::default();
    for _ in 0..rounds {
        let place = arena.place(rng.0);
        let history = arena.round(rng, calls)?;
        report += check(&history, &arena.cells).map_err(|violation| Failure { place, violation })?;
    }
    arena.end()?;
    Ok(report)
}

/// Checks so many short histories of a tree of this flavour in both ways, each as it was written down and with alterations.
///
/// # Errors
///
/// A history that is wrong, or about which the two ways do not agree.
pub fn cross_check(flavour: Flavour, rng: &mut Rng, count: usize) -> Result<Crossed, Failure> {
    match flavour {
        Flavour::Epoch => cross_check_of::<Epoch>(rng, count),
        Flavour::Grace => cross_check_of::<Grace>(rng, count),
    }
}

fn cross_check_of<R: Rcu>(rng: &mut Rng, count: usize) -> Result<Crossed, Failure> {
    let mix =
        Mix { changes: 1, sessions: 0, looks: 1, scans: 0, copies: 0, pauses: 0, sweeping: 50, burst: 2, instants_only: true };
    let cells = Cells::even(2 + rng.below(6) as usize, 10);
    let mut arena = Arena::<u32, R>::new(cells, vec![mix; 3], Reserve::global());
    let mut crossed = Crossed::default();
    for _ in 0..count {
        let mut history = arena.round(rng, 4)?;
        if history.changes.iter().any(|changed| changed.answer == Answer::Pruned(Form::Pieces)) {
            continue;
        }
        let place = arena.place(rng.0);
        let refuse = |what: &str, history: &History| {
            let mut calls = vec![format!("before all: {:?}", history.before)];
            calls.extend(history.changes.iter().map(ToString::to_string));
            calls.extend(history.looks.iter().map(ToString::to_string));
            Failure { place: place.clone(), violation: Violation { what: what.into(), calls } }
        };
        check(&history, &arena.cells).map_err(|violation| Failure { place: place.clone(), violation })?;
        for order in [Order::OfTurns, Order::Any] {
            if !is_linearizable(&history, order) {
                return Err(refuse("no order of these calls explains the answers", &history));
            }
        }
        crossed.as_written += 1;
        for _ in 0..10 {
            alter(&mut history, rng);
            let verdict = check(&history, &arena.cells).is_ok();
            if verdict != is_linearizable(&history, Order::OfTurns) {
                let what = format!("the checkers do not agree: by versions {verdict}, by search {}", !verdict);
                return Err(refuse(&what, &history));
            }
            if verdict && !is_linearizable(&history, Order::Any) {
                return Err(refuse("the checkers do not agree: by versions it is right, in no order at all by search", &history));
            }
            crossed.altered += 1;
            crossed.refused += usize::from(!verdict);
        }
    }
    arena.end()?;
    Ok(crossed)
}

/// Lets some calls take longer, and some look-ups see something else.
fn alter(history: &mut History, rng: &mut Rng) {
    let span = history.changes.iter().map(|changed| changed.end).max().unwrap_or(0)
        - history.changes.first().map_or(0, |first| first.begin);
    let mut some = |most: u64| rng.below(most.max(1));
    if !history.changes.is_empty() {
        let at = some(history.changes.len() as u64) as usize;
        history.changes[at].end += some(span / 4);
    }
    let ids: Vec<Id> = history.looks.iter().filter_map(|look| if let Seen::Value(id) = look.seen { id } else { None }).collect();
    if !history.looks.is_empty() {
        let at = some(history.looks.len() as u64) as usize;
        let look = &mut history.looks[at];
        look.begin = look.begin.saturating_sub(some(span / 2));
        look.end += some(span / 2);
        if some(4) == 0 {
            look.seen = match some(3) {
                0 => Seen::Value(None),
                1 => Seen::Covered(some(2) == 0),
                _ => Seen::Value(ids.get(some(ids.len() as u64) as usize).copied()),
            };
        }
    }
}
