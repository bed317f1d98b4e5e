//! A few readers and one or two writers on a shared tree, in an order that the case says or all at once. Each change has a number; when all are
//! done the model goes through the changes in order, and whatever a reader saw must have been so at some number between those before and after it
//! looked.

mod code;
mod history;

use self::history::History;
use crate::case::{Case, Few};
use crate::turns::{Seat, Turns};
use arbitrary::Arbitrary;
use core::fmt;
use core::ops::RangeInclusive;
use maple_tests::beside::Tag;
use maple_tests::counted::{Arcs, Boxes, Kind, Ledger, RcuArcs, RcuBoxes, Words};
use maple_tests::pair::closed;
use maple_tests::shapes::settle;
use maple_tests::{Bounds, Item, Model, Span};
use maple_tree::{EpochGuard, MapleTree, RcuArc, RcuBox, Shortage, U61, Writer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Changes of one writer at most.
const MOST_CHANGES: usize = 48;
/// How often a reader does its looks at most.
const MOST_ROUNDS: usize = 12;

#[derive(Arbitrary, Clone, Copy)]
enum Entries {
    Word,
    Box,
    Arc,
    RcuBox,
    RcuArc,
}

/// Some indices.
#[derive(Arbitrary, Clone, Copy)]
struct Part {
    first: u16,
    more: u8,
}

impl Part {
    /// Dense enough that threads meet, and far below what a [`Tag`] can hold.
    fn span(self) -> Span {
        let first = u64::from(self.first % 2_048);
        (first, first + u64::from(self.more))
    }

    fn bounds(self) -> Bounds {
        closed(self.span().0, self.span().1)
    }
}

/// What is there before.
#[derive(Arbitrary, Clone, Copy)]
struct Start {
    count: u8,
    length: u8,
    hole: u8,
}

impl Start {
    fn spans(self) -> impl Iterator<Item = Span> {
        let length = 1 + u64::from(self.length % 8);
        let stride = length + u64::from(self.hole % 3);
        (0..u64::from(self.count)).map(move |n| (n * stride, n * stride + length - 1))
    }
}

/// A change by a writer.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Change {
    Store(Part),
    Insert(Part),
    Replace(u16),
    Erase(u16),
    Remove(Part),
    RemoveWhole(Part),
    Prune(u16),
    PruneInPlace(u16),
    PruneCut(u16),
    Retain(u8),
    Compact,
    Clear,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.span();
        write!(f, "{first}..={last}")
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.span() == other.span()
    }
}

#[derive(Arbitrary, Clone, Copy)]
enum WriterStep {
    Change(Change),
    /// Many small ranges, one after the other.
    Fill(Part, u8),
    /// Every so many indices is erased.
    Thin(Part, u8),
    /// Both borders of a range move at once, there and back.
    Breathe(Part),
    /// So many changes in one session.
    Session(u8),
    HandOver,
    Synchronize,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Look {
    Get(u16),
    GetRange(u16),
    GetMany([u16; 4]),
    First,
    Last,
    IsEmpty,
    /// Over these, in this direction; others have turns after every so many.
    Scan(Part, bool, u8),
    ScanAll(bool, u8),
    /// From both ends, as these bits say.
    ScanBoth(Part, u16),
    Gaps(Part, bool),
    /// By a cursor from there, so many steps in this direction.
    Cursor(u16, u8, bool),
    /// Stays in one read section for so many looks.
    Pin(u8),
}

/// One case.
///
/// Its `Debug` form is a test to paste, which does the same steps in some order.
#[derive(Arbitrary)]
pub struct Concurrent {
    entries: Entries,
    /// Steps one after the other, in the order of the schedule; or all threads at once.
    one_at_a_time: bool,
    start: Start,
    schedule: [u8; 48],
    writers: [Few<WriterStep>; 2],
    readers: [Few<Look>; 3],
}

/// The numbers of the changes: `done` of them are over, and `begun` of them have begun.
#[derive(Default)]
struct Clock {
    begun: AtomicUsize,
    done: AtomicUsize,
}

/// Changes of which some may have been made when a reader looked: those up to the first all were, those behind the second were not.
type Window = (usize, usize);

impl Clock {
    // SeqCst: so that the numbers say no less than what happened. Nobody reads anything else by them.
    fn done(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

/// A change that was made, and what it gave.
struct Made {
    number: usize,
    change: Change,
    gave: Option<Item>,
    went: bool,
}

/// What a reader saw.
#[derive(Debug)]
enum Seen {
    Value(u64, Option<u64>),
    Range(u64, Span, Option<u64>),
    /// The first entry of all, or the last one.
    End(bool, Option<Item>),
    Empty(bool),
    /// Within these bounds, in ascending order; each with the number of changes that had begun then. The last word: whether it came to its end.
    Items(Span, Vec<(Item, usize)>, bool),
    Gaps(Span, Vec<Span>),
}

fn row<K: Kind>((range, entry): (RangeInclusive<u64>, <K::V as maple_tree::Entry>::Ref<'_>)) -> Item {
    let tag = Tag::of(K::id(entry));
    tag.assert_holds(&range);
    (*range.start(), *range.end(), tag.id())
}

fn id((lo, hi): Span, number: usize) -> u64 {
    Tag { lo, hi, generation: u64::try_from(number).expect("fits") }.id()
}

impl Change {
    /// What the model makes of it: what was taken out or replaced, and whether it went.
    fn model(self, number: usize, model: &mut Model) -> (Option<Item>, bool) {
        match self {
            Self::Store(part) => (None, model.store(part.bounds(), id(part.span(), number)).is_ok()),
            Self::Insert(part) => (None, model.insert(part.bounds(), id(part.span(), number)).is_ok()),
            Self::Replace(at) => {
                let index = u64::from(at % 2_048);
                let old = model.covering(index);
                (old, old.is_some_and(|old| model.replace(index, id((old.0, old.1), number)).is_ok()))
            }
            Self::Erase(at) => {
                let old = model.erase(u64::from(at % 2_048));
                (old, old.is_some())
            }
            Self::Remove(part) => (None, model.remove(part.bounds()).is_ok()),
            Self::RemoveWhole(part) => {
                model.remove_whole(part.bounds());
                (None, true)
            }
            Self::Prune(at) | Self::PruneInPlace(at) => {
                model.prune(u64::from(at % 2_048));
                (None, true)
            }
            Self::PruneCut(at) => {
                model.prune_cut(u64::from(at % 2_048));
                (None, true)
            }
            Self::Retain(n) => {
                let doomed: Vec<u64> = model.items().iter().filter(|item| !keeps(n, item.2)).map(|item| item.0).collect();
                doomed.into_iter().for_each(|index| assert!(model.erase(index).is_some()));
                (None, true)
            }
            Self::Compact => (None, true),
            Self::Clear => {
                model.clear();
                (None, true)
            }
        }
    }

    /// The same in a session.
    fn make<K: Kind>(self, number: usize, ledger: &Arc<Ledger>, writer: &mut Writer<'_, K::V>) -> (Option<Item>, bool) {
        let value = |span: Span| K::make(ledger, id(span, number));
        match self {
            Self::Store(part) => (None, writer.store(part.bounds(), value(part.span())).is_ok()),
            Self::Insert(part) => (None, writer.insert(part.bounds(), value(part.span())).is_ok()),
            Self::Replace(at) => {
                let index = u64::from(at % 2_048);
                let range = writer.get_range(index).0;
                let old = writer.replace(index, value((*range.start(), *range.end().min(&0xf_ffff))));
                old.map_or((None, false), |old| (Some(row::<K>((old.range(), old.get()))), true))
            }
            Self::Erase(at) => {
                let old = writer.erase(u64::from(at % 2_048));
                old.map_or((None, false), |old| (Some(row::<K>((old.range(), old.get()))), true))
            }
            Self::Remove(part) => (None, writer.remove(part.bounds()).is_ok()),
            Self::RemoveWhole(part) => {
                writer.remove_whole(part.bounds());
                (None, true)
            }
            Self::Prune(at) => {
                writer.prune(u64::from(at % 2_048));
                (None, true)
            }
            Self::PruneInPlace(at) => {
                writer.prune_in_place(u64::from(at % 2_048));
                (None, true)
            }
            Self::PruneCut(at) => (None, writer.prune_cut_or(u64::from(at % 2_048), Shortage::Allocate).is_ok()),
            Self::Retain(n) => {
                writer.retain(|_, entry| keeps(n, K::id(entry)));
                (None, true)
            }
            Self::Compact => (None, writer.compact().is_ok()),
            Self::Clear => {
                writer.clear();
                (None, true)
            }
        }
    }
}

/// What a `retain` keeps: most.
fn keeps(n: u8, id: u64) -> bool {
    Tag::of(id).lo % u64::from(2 + n % 4) != 0
}

/// What a writer does: changes in sessions, and what it does outside of them.
#[derive(Clone, Debug)]
enum Errand {
    Session(Vec<Change>),
    HandOver,
    Synchronize,
}

fn errands(steps: &[WriterStep]) -> Vec<Errand> {
    let (mut errands, mut count) = (Vec::<Errand>::new(), 0);
    // How many more go into the session that is last.
    let mut left = 0;
    for &step in steps {
        let changes: Vec<Change> = match step {
            WriterStep::Change(change) => vec![change],
            WriterStep::Fill(part, stride) => {
                let (first, last) = part.span();
                let starts = (first..=last).step_by(1 + usize::from(stride % 4)).take(24);
                starts.map(|at| Change::Store(Part { first: at as u16, more: stride % 2 })).collect()
            }
            WriterStep::Thin(part, stride) => {
                let (first, last) = part.span();
                let places = (first..=last).step_by(1 + usize::from(stride % 8)).take(24);
                places.map(|at| Change::Erase(at as u16)).collect()
            }
            WriterStep::Breathe(part) => {
                let inner = Part { first: (part.first % 2_048).saturating_add(u16::from(part.more / 4)), more: part.more / 2 };
                vec![Change::Store(part), Change::Store(inner), Change::Store(part), Change::Remove(inner)]
            }
            WriterStep::Session(more) => {
                left = more % 8;
                errands.push(Errand::Session(Vec::new()));
                continue;
            }
            WriterStep::HandOver => {
                errands.push(Errand::HandOver);
                left = 0;
                continue;
            }
            WriterStep::Synchronize => {
                errands.push(Errand::Synchronize);
                left = 0;
                continue;
            }
        };
        for change in changes {
            count += 1;
            match errands.last_mut() {
                Some(Errand::Session(session)) if left > 0 => {
                    session.push(change);
                    left -= 1;
                }
                _ => errands.push(Errand::Session(vec![change])),
            }
        }
        if count >= MOST_CHANGES {
            break;
        }
    }
    errands
}

/// The tree, and what the threads share beside it.
struct Scene<'a, K: Kind> {
    tree: &'a MapleTree<K::V>,
    ledger: &'a Arc<Ledger>,
    clock: &'a Clock,
    /// Writers that are not done.
    writing: &'a AtomicUsize,
    turns: &'a Turns<'a>,
}

impl<K: Kind> Clone for Scene<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Scene<'_, K> {}

impl<K: Kind> Scene<'_, K> {
    /// The lock, without keeping the turn from who has it.
    fn lock(&self, seat: &Seat<'_>) -> Writer<'_, K::V> {
        if !self.turns.one_at_a_time() {
            return self.tree.lock();
        }
        for step in 0.. {
            if let Some(writer) = self.tree.try_lock() {
                return writer;
            }
            seat.pass(step);
        }
        unreachable!("the loop has no end")
    }

    fn write(&self, me: usize, errands: &[Errand]) -> Vec<Made> {
        let seat = self.turns.sit(me);
        let mut made = Vec::new();
        for errand in errands {
            match errand {
                Errand::Session(changes) => {
                    let mut writer = self.lock(&seat);
                    for &change in changes {
                        // Under the lock, so that the numbers are in order.
                        let number = self.clock.begun() + 1;
                        self.clock.begun.store(number, Ordering::SeqCst);
                        let (gave, went) = change.make::<K>(number, self.ledger, &mut writer);
                        self.clock.done.store(number, Ordering::SeqCst);
                        made.push(Made { number, change, gave, went });
                        seat.pass(number);
                    }
                }
                // Nobody may be waited for who waits for a turn.
                Errand::HandOver | Errand::Synchronize if self.turns.one_at_a_time() => {
                    drop(self.lock(&seat));
                    self.tree.hand_over();
                }
                Errand::HandOver => self.tree.hand_over(),
                Errand::Synchronize => self.tree.synchronize().expect("outside"),
            }
            seat.pass(made.len());
        }
        // SeqCst, though nothing hangs on it: it says when to stop.
        self.writing.fetch_sub(1, Ordering::SeqCst);
        made
    }

    fn read(&self, me: usize, looks: &[Look]) -> Vec<(Window, Seen)> {
        let seat = self.turns.sit(me);
        let mut seen = Vec::new();
        let (mut held, mut left) = (None::<EpochGuard>, 0);
        // Who need not wait for turns looks again while there are writers, so that they do meet.
        let rounds = if self.turns.one_at_a_time() { 1 } else { MOST_ROUNDS };
        let steps = (0..rounds).flat_map(|round| looks.iter().map(move |look| (round, look)));
        for (step, (round, &look)) in steps.enumerate() {
            if round > 0 && self.writing.load(Ordering::SeqCst) == 0 {
                break;
            }
            if let Look::Pin(more) = look {
                (held, left) = (Some(self.tree.pin()), more % 16);
            } else if left == 0 {
                held = None;
            } else {
                left -= 1;
            }
            let fresh = self.tree.pin();
            self.look(look, held.as_ref().unwrap_or(&fresh), &seat, &mut seen);
            drop(fresh);
            seat.pass(step);
        }
        seen
    }

    fn look(&self, look: Look, guard: &EpochGuard, seat: &Seat<'_>, seen: &mut Vec<(Window, Seen)>) {
        let before = self.clock.done();
        let index = |at: u16| u64::from(at % 2_304);
        let found = match look {
            Look::Pin(_) => return,
            Look::Get(at) => vec![Seen::Value(index(at), self.tree.get(index(at), guard).map(K::id))],
            Look::GetMany(at) => {
                let places = at.map(index);
                let values = self.tree.get_many(places, guard).map(|found| found.map(K::id));
                places.into_iter().zip(values).map(|(at, value)| Seen::Value(at, value)).collect()
            }
            Look::GetRange(at) => {
                let (range, entry) = self.tree.get_range(index(at), guard);
                vec![Seen::Range(index(at), range.into_inner(), entry.map(K::id))]
            }
            Look::First => vec![Seen::End(false, self.tree.first(guard).map(row::<K>))],
            Look::Last => vec![Seen::End(true, self.tree.last(guard).map(row::<K>))],
            Look::IsEmpty => vec![Seen::Empty(self.tree.is_empty(guard))],
            Look::Scan(part, back, often) => vec![self.scan(part.span(), if back { u64::MAX } else { 0 }, often, guard, seat)],
            Look::ScanAll(back, often) => vec![self.scan((0, u64::MAX), if back { u64::MAX } else { 0 }, often, guard, seat)],
            Look::ScanBoth(part, turns) => {
                let turns = u64::from(turns);
                vec![self.scan(part.span(), turns | turns << 16 | turns << 32 | turns << 48, 2, guard, seat)]
            }
            Look::Gaps(part, back) => {
                let scan = self.tree.gaps(part.bounds(), guard).map(RangeInclusive::into_inner);
                let mut gaps = Vec::new();
                let mut step = |gap| {
                    gaps.push(gap);
                    seat.pass(gaps.len());
                };
                if back {
                    scan.rev().for_each(&mut step)
                } else {
                    scan.for_each(&mut step)
                }
                if back {
                    gaps.reverse();
                }
                vec![Seen::Gaps(part.span(), gaps)]
            }
            Look::Cursor(at, count, back) => {
                let mut cursor = self.tree.cursor(guard);
                let _ = cursor.seek(index(at));
                let mut items = Vec::new();
                let mut whole = false;
                for step in 0..=count % 32 {
                    let Some(item) = (if back { cursor.prev() } else { cursor.next() }) else {
                        whole = true;
                        break;
                    };
                    items.push((row::<K>(item), self.clock.begun()));
                    if step % 3 == 0 {
                        seat.pass(step.into());
                    }
                }
                // The entry that it stood on at first, which may reach further, is not one of them.
                let bounds = match (items.first(), back) {
                    (Some((first, _)), false) => (first.0, u64::MAX),
                    (Some((first, _)), true) => (0, first.1),
                    (None, _) => return,
                };
                if back {
                    items.reverse();
                }
                vec![Seen::Items(bounds, items, whole)]
            }
        };
        let window = (before, self.clock.begun());
        seen.extend(found.into_iter().map(|found| (window, found)));
    }

    fn scan(&self, bounds: Span, turns: u64, often: u8, guard: &EpochGuard, seat: &Seat<'_>) -> Seen {
        let mut scan = self.tree.range(bounds.0..=bounds.1, guard);
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for step in 0.. {
            let back = turns >> (step % 64) & 1 == 1;
            let Some(item) = (if back { scan.next_back() } else { scan.next() }) else { break };
            let item = (row::<K>(item), self.clock.begun());
            if back {
                high.push(item)
            } else {
                low.push(item)
            }
            if step % (1 + usize::from(often % 8)) == 0 {
                seat.pass(step);
            }
        }
        low.extend(high.into_iter().rev());
        Seen::Items(bounds, low, true)
    }
}

impl Concurrent {
    fn run_with<K: Kind>(&self) {
        let ledger = Ledger::new(64);
        let tree = MapleTree::<K::V>::new();
        let mut start = Model::new();
        for (first, last) in self.start.spans() {
            let id = id((first, last), 0);
            tree.insert(first..=last, K::make(&ledger, id)).unwrap_or_else(|error| panic!("{:?}", error.kind));
            assert!(start.insert(closed(first, last), id).is_ok());
        }
        let clock = Clock::default();
        let errands = self.writers.each_ref().map(|steps| errands(&steps.0));
        let errands: Vec<&Vec<Errand>> = errands.iter().filter(|errands| !errands.is_empty()).collect();
        let looks: Vec<&[Look]> = self.readers.iter().map(|looks| &looks.0[..]).filter(|looks| !looks.is_empty()).collect();
        let turns = Turns::new(errands.len() + looks.len(), &self.schedule, self.one_at_a_time);
        let writing = AtomicUsize::new(errands.len());
        let scene = Scene::<K> { tree: &tree, ledger: &ledger, clock: &clock, writing: &writing, turns: &turns };
        let (made, seen) = std::thread::scope(|scope| {
            let writers: Vec<_> =
                errands.iter().enumerate().map(|(me, errands)| scope.spawn(move || scene.write(me, errands))).collect();
            let readers = looks.iter().zip(writers.len()..).map(|(looks, me)| scope.spawn(move || scene.read(me, looks)));
            let readers: Vec<_> = readers.collect();
            let made: Vec<Made> = writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect();
            let seen: Vec<_> = readers.into_iter().flat_map(|reader| reader.join().expect("no panic")).collect();
            (made, seen)
        });
        let history = History::of(start, made);
        for (window, seen) in &seen {
            history.judge(*window, seen);
        }
        let last = history.0.last().expect("at least the start");
        let summary = tree.validate().unwrap_or_else(|invalid| panic!("{invalid:?}\n{}", tree.dump()));
        assert_eq!(summary.entries, last.len());
        assert_eq!(tree.iter(&tree.pin()).map(row::<K>).collect::<Vec<_>>(), last.items(), "at the end");
        drop(tree);
        settle();
        ledger.assert_all_dropped();
    }
}

impl Case for Concurrent {
    fn run(&self) {
        match self.entries {
            Entries::Word => self.run_with::<Words>(),
            Entries::Box => self.run_with::<Boxes>(),
            Entries::Arc => self.run_with::<Arcs>(),
            Entries::RcuBox => self.run_with::<RcuBoxes>(),
            Entries::RcuArc => self.run_with::<RcuArcs>(),
        }
    }
}

impl fmt::Debug for Concurrent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entries {
            Entries::Word => self.print::<U61>(f),
            Entries::Box => self.print::<Box<u64>>(f),
            Entries::Arc => self.print::<Arc<u64>>(f),
            Entries::RcuBox => self.print::<RcuBox<u64>>(f),
            Entries::RcuArc => self.print::<RcuArc<u64>>(f),
        }
    }
}
