//! An allocator that refuses the k-th request, or all from the k-th on: whatever grows a tree gives an error with the value in it and leaves the tree
//! as it was, and removals notice nothing.
//!
//! Nodes are from a pool of this target's own, in which next to none is left before each call. The shared tree is of the flavour that needs no
//! memory: the default one aborts when a hand-over finds none.

mod code;
mod tree;

use self::tree::{Outcome, Tree, row};
use crate::case::{Case, Rest};
use crate::place::{Align, Before, Place, Size, Window};
use allocator_api2::alloc::Global;
use arbitrary::Arbitrary;
use core::fmt;
use maple_tests::alloc::{Counting, Plan, counts, quiet, under};
use maple_tests::entry::Value;
use maple_tests::op::Preload;
use maple_tests::pair::closed;
use maple_tests::space::{Side, Standing};
use maple_tests::{Bounds, Item, Model};
use maple_tree::{AppendError, Cyclic, Grace, MapleTree, Pool, RangeMap, Rcu, RcuArc, RcuBox, Reserve, Shared, StoreErrorKind};

/// Refuses what it is told to, and counts: per thread, so that other targets in the same process do not notice.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

static POOL: Pool = Pool::new(&Global);
static RESERVE: Reserve = Reserve::with_pool(0, &POOL);

/// Calls in one case at most.
const MOST_CALLS: usize = 48;

#[derive(Arbitrary, Clone, Copy)]
enum Entries {
    Number,
    Box,
    RcuBox,
    RcuArc,
}

/// When memory is refused.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Refusals {
    /// Nodes that are left in the pool.
    left: u8,
    /// The first request that is refused.
    first: u8,
    /// Whether all behind it are, too.
    all: bool,
    /// How often it is tried again, with one request more granted each time.
    again: u8,
}

impl Refusals {
    fn plan(self, try_number: u64) -> Plan {
        let request = 1 + u64::from(self.first % 8) + try_number;
        if self.all { Plan::From(request) } else { Plan::Nth(request) }
    }
}

#[derive(Arbitrary, Clone, Copy)]
enum Step {
    Grow(Grow, Refusals),
    Remove(Removal),
    /// Many small ranges, to have a tree worth the name.
    Build(Place, u8),
    Synchronize,
}

#[derive(Arbitrary, Clone, Copy)]
enum Grow {
    Store(Window, u16),
    Insert(Window, u16),
    Replace(Place, u16),
    Remove(Window),
    StoreWith(Window, u16),
    StoreCoalescing(Window, u8),
    Reserved(Window, u16),
    CursorStore(Window, u16),
    Alloc(Size, Window, Align, bool),
    Cyclic(Window),
    Fill(Place),
    Split(Place),
    SplitOff(Place),
    Extend(Place, u8, u8),
    Compact,
    Dup,
    DupWith,
    RemoveWith(Window),
}

#[derive(Arbitrary, Clone, Copy)]
enum Removal {
    Erase(Place),
    EraseMany(u16, u8),
    Whole(Window),
    Prune(Place),
    PruneInPlace(Place),
    PruneCut(Place),
    Refuse(Window),
    Retain(u8),
    Drain(Window),
    Cursor(Place, u8),
    At(Place),
    Clear,
}

/// Ranges in order: of one index, or every second one of two.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: u64,
    count: u8,
    stride: u64,
    long: bool,
}

impl Run {
    fn ranges(self) -> Vec<Bounds> {
        let first = |n: u64| self.from + n * self.stride;
        (0..u64::from(self.count)).map(|n| closed(first(n), first(n) + n % 2 * u64::from(self.long))).collect()
    }
}

/// A call with all arguments settled.
#[derive(Clone, Copy, Debug)]
enum Call {
    Store(Bounds),
    Insert(Bounds),
    Replace(u64),
    Remove(Bounds),
    StoreWith(Bounds),
    StoreCoalescing(Bounds),
    Reserved(Bounds),
    CursorStore(Bounds),
    Alloc(u64, Bounds, u64, Side),
    Cyclic(Bounds),
    Fill(u64),
    Split(u64),
    SplitOff(u64),
    Extend(Run),
    Compact,
    Dup,
    DupWith,
    RemoveWith(Bounds),
}

/// A removal with all arguments settled.
#[derive(Clone, Copy, Debug)]
enum Taking {
    Erase(u64),
    Whole(Bounds),
    Prune(u64),
    PruneInPlace(u64),
    PruneCut(u64),
    Refuse(Bounds),
    Retain(u64),
    Drain(Bounds),
    /// `seek`, and `erase` and `next` so many times.
    Cursor(u64, u8),
    At(u64),
    Clear,
}

#[derive(Clone, Copy, Debug)]
enum Settled {
    Grow(Call, u64, Refusals),
    Remove(Taking),
    Synchronize,
}

/// One case.
///
/// Its `Debug` form is a test to paste, in a file with the counting allocator of `maple-tests`.
#[derive(Arbitrary)]
pub struct Oom {
    entries: Entries,
    shared: bool,
    reserve: u8,
    before: Before,
    steps: Rest<Step>,
}

impl Call {
    /// Whether it takes a value.
    fn takes_value(&self) -> bool {
        !matches!(
            self,
            Self::Remove(_)
                | Self::RemoveWith(_)
                | Self::Split(_)
                | Self::SplitOff(_)
                | Self::Extend(_)
                | Self::Compact
                | Self::Dup
                | Self::DupWith
        )
    }

    /// Whether it needs an exclusive map.
    fn is_exclusive(&self) -> bool {
        matches!(self, Self::RemoveWith(_) | Self::Fill(_) | Self::Split(_) | Self::SplitOff(_) | Self::Extend(_))
    }

    /// Whether figures of free space may be made even when it fails.
    fn searches(&self) -> bool {
        matches!(self, Self::Alloc(..) | Self::Cyclic(_))
    }

    /// What the model makes of it, and whether it goes.
    fn model(&self, model: &mut Model, standing: &mut Standing, value: u64) -> bool {
        match *self {
            Self::Store(range) | Self::StoreWith(range) | Self::Reserved(range) | Self::CursorStore(range) => {
                model.store(range, value).is_ok()
            }
            Self::Insert(range) => model.insert(range, value).is_ok(),
            Self::Replace(index) => model.replace(index, value).is_ok(),
            Self::Remove(range) | Self::RemoveWith(range) => model.remove(range).is_ok(),
            Self::StoreCoalescing(range) => {
                let Some((first, last)) = maple_tests::span(range) else { return false };
                let equal = |index: Option<u64>| model.covering(index?).filter(|item| item.2 == value);
                let first = equal(first.checked_sub(1)).map_or(first, |item| item.0);
                let last = equal(last.checked_add(1)).map_or(last, |item| item.1);
                model.store(closed(first, last), value).is_ok()
            }
            Self::Alloc(size, within, align, side) => model.alloc_range(size, within, align, side, value).is_ok(),
            Self::Cyclic(within) => model.alloc_cyclic(within, standing, value).is_ok(),
            Self::Fill(index) => {
                let ((first, last), there) = model.get_range(index);
                there.is_none() && model.insert(closed(first, last), value).is_ok()
            }
            Self::Split(at) | Self::SplitOff(at) => {
                if let Some((_, last, value)) = model.covering(at).filter(|item| item.0 < at) {
                    assert!(model.store(closed(at, last), value).is_ok());
                }
                true
            }
            Self::Extend(run) => run.ranges().iter().all(|range| model.store(*range, value).is_ok()),
            Self::Compact | Self::Dup | Self::DupWith => true,
        }
    }
}

impl Taking {
    /// What the model makes of it, if it goes.
    fn model(self, model: &mut Model) {
        match self {
            Self::Erase(index) | Self::At(index) => drop(model.erase(index).is_some()),
            Self::Whole(range) | Self::Drain(range) => model.remove_whole(range),
            Self::Prune(from) | Self::PruneInPlace(from) => drop(model.prune(from)),
            Self::PruneCut(from) => model.prune_cut(from),
            Self::Refuse(range) => drop(model.remove(range).is_ok()),
            Self::Retain(rest) => {
                let doomed: Vec<Item> = model.items().iter().filter(|item| item.2 % 3 == rest).copied().collect();
                doomed.into_iter().for_each(|item| assert!(model.erase(item.0).is_some()));
            }
            Self::Cursor(index, count) => {
                let mut at = Some(index);
                for _ in 0..count {
                    let here = at.map(|at| model.erase(at).map_or(at, |old| old.1));
                    at = here.and_then(|here| model.range(here..).first().map(|item| item.0));
                }
            }
            Self::Clear => model.clear(),
        }
    }
}

/// Reserves that keep all nodes of the pool but a few.
struct Ballast(Vec<Reserve>);

impl Ballast {
    fn leave(&mut self, left: usize) {
        while POOL.figures().nodes_free > left {
            let reserve = Reserve::with_pool((POOL.figures().nodes_free - left).min(100), &POOL);
            reserve.fill().expect("nodes that are there");
            self.0.push(reserve);
        }
    }
}

impl Oom {
    fn calls(&self, preload: Preload) -> Vec<Settled> {
        let mut model = Before::model(preload);
        let mut standing = (Some(0), false);
        let mut calls = Vec::new();
        for &step in &self.steps.0 {
            if calls.len() > MOST_CALLS {
                break;
            }
            match step {
                Step::Grow(grow, refusals) => {
                    let (call, value) = grow.call(&model);
                    call.model(&mut model, &mut standing, value);
                    calls.push(Settled::Grow(call, value, refusals));
                }
                Step::Build(place, count) => {
                    let from = place.index(&model).min(u64::MAX - 1_000);
                    let call = Call::Extend(Run { from, count, stride: 3, long: true });
                    call.model(&mut model, &mut standing, 5);
                    let refusals = Refusals { left: 8, first: count % 16, all: true, again: 2 };
                    calls.push(Settled::Grow(call, 5, refusals));
                }
                Step::Remove(removal) => {
                    let mut push = |taking: Taking, model: &mut Model| {
                        taking.model(model);
                        calls.push(Settled::Remove(taking));
                    };
                    match removal {
                        Removal::EraseMany(n, count) => {
                            let from = usize::from(n) % (model.len() + 1);
                            let doomed: Vec<u64> =
                                model.items()[from..].iter().take(usize::from(count % 32)).map(|item| item.1).collect();
                            doomed.into_iter().for_each(|index| push(Taking::Erase(index), &mut model));
                        }
                        removal => push(removal.taking(&model), &mut model),
                    }
                }
                Step::Synchronize => calls.push(Settled::Synchronize),
            }
        }
        calls
    }

    fn run_with<V: Value + Shared<Grace>>(&self) {
        RESERVE.set_capacity(usize::from(self.reserve % 65));
        let preload = self.before.preload();
        let mut model = Before::model(preload);
        let mut map = RangeMap::<V>::with_reserve(&RESERVE);
        for &(first, last, value) in model.items() {
            map.store(first..=last, V::make(value)).unwrap_or_else(|error| panic!("{:?}", error.kind));
        }
        let mut tree = if self.shared { Tree::Beside(MapleTree::from_map(map)) } else { Tree::Alone(map) };
        if let Tree::Beside(tree) = &tree {
            // A thread is registered when it pins for the first time.
            drop(tree.pin());
        }
        let (mut cyclic, mut standing): (Cyclic, Standing) = (Cyclic::new(), (Some(0), false));
        let mut ballast = Ballast(Vec::with_capacity(256));
        for call in self.calls(preload) {
            match &call {
                Settled::Grow(Call::Extend(run), value, refusals) => {
                    extend(&mut tree, &mut model, &run.ranges(), *value, *refusals, &mut ballast);
                }
                Settled::Grow(call, value, refusals) => {
                    let case = Growing { call, value: *value, refusals: *refusals };
                    case.run(&mut tree, &mut model, (&mut cyclic, &mut standing), &mut ballast);
                }
                Settled::Remove(Taking::Refuse(range)) => {
                    // The one of them that may ask for memory: for a hole in one entry.
                    if under(Plan::From(1), || tree.take(Taking::Refuse(*range))).0 == Some(true) {
                        Taking::Refuse(*range).model(&mut model);
                    }
                }
                Settled::Remove(taking) => {
                    if quiet(|| tree.take(*taking)) != Some(false) {
                        taking.model(&mut model);
                    }
                }
                Settled::Synchronize => {
                    if let Tree::Beside(tree) = &tree {
                        tree.synchronize().expect("outside");
                    }
                }
            }
            assert_eq!(tree.items(), model.items(), "after {call:?}");
            assert_eq!(tree.validate().entries, model.len(), "after {call:?}");
        }
        quiet(|| drop(tree));
        drop(ballast);
        Grace::barrier().expect("outside");
        assert_eq!(POOL.figures().nodes_in_use, RESERVE.figures().free, "nodes in use, and in the reserve");
    }
}

/// Stores one after the other; where memory ends, what came before is there.
fn extend<V: Value + Shared<Grace>>(
    tree: &mut Tree<V>,
    model: &mut Model,
    ranges: &[Bounds],
    value: u64,
    refusals: Refusals,
    ballast: &mut Ballast,
) {
    let mut rest = ranges;
    for try_number in 0..=u64::from(refusals.again % 4) {
        ballast.leave(usize::from(refusals.left % 8));
        let entries: Vec<(Bounds, V)> = rest.iter().map(|range| (*range, V::make(value))).collect();
        let mut entries = entries.into_iter();
        let (done, _, refused) = under(refusals.plan(try_number), || tree.map().try_extend(entries.by_ref()));
        let stored = match done {
            Ok(()) => rest.len(),
            Err(error) => {
                assert_eq!(error.value.value(), value, "the value comes back");
                assert!(error.kind == StoreErrorKind::OutOfMemory && refused > 0, "{:?}", error.kind);
                // It was taken off, and what is behind it was not.
                rest.len() - entries.len() - 1
            }
        };
        assert!(rest[..stored].iter().all(|range| model.store(*range, value).is_ok()));
        assert_eq!(tree.items(), model.items(), "what came before a refusal");
        tree.validate();
        rest = &rest[stored..];
    }
    let entries = rest.iter().map(|range| (*range, V::make(value)));
    assert!(tree.map().try_extend(entries).is_ok(), "there is memory again");
    assert!(rest.iter().all(|range| model.store(*range, value).is_ok()));
}

/// A call that may need memory.
struct Growing<'a> {
    call: &'a Call,
    value: u64,
    refusals: Refusals,
}

impl Growing<'_> {
    fn run<V: Value + Shared<Grace>>(
        &self,
        tree: &mut Tree<V>,
        model: &mut Model,
        (cyclic, standing): (&mut Cyclic, &mut Standing),
        ballast: &mut Ballast,
    ) {
        let Self { call, refusals, .. } = *self;
        let before = model.clone();
        let goes = call.model(model, standing, self.value);
        let mut value = call.takes_value().then(|| V::make(self.value));
        let tries = u64::from(refusals.again % 4);
        for try_number in 0..=tries + 1 {
            // At last there is memory.
            let plan = if try_number > tries { Plan::Off } else { refusals.plan(try_number) };
            ballast.leave(usize::from(refusals.left % 8));
            // What is exclusive is tidied up first, so it is no change of the call's.
            let _ = call.is_exclusive().then(|| tree.map());
            let (nodes, stood) = (tree.nodes(), cyclic.clone());
            let blocks = counts().small_blocks;
            let (outcome, _, refused) = under(plan, || tree.grow(call, cyclic, &mut value));
            let (memory, fails) =
                (!matches!(outcome, Outcome::NoMemory), matches!(outcome, Outcome::NoMemory | Outcome::Refused));
            match outcome {
                Outcome::NoMemory => {
                    assert!(refused > 0, "{call:?}: out of memory, though no request was refused");
                    if let Tree::Alone(_) = tree {
                        assert_eq!(counts().small_blocks, blocks, "{call:?} failed and lost or kept a value");
                    }
                }
                Outcome::Refused => assert!(!goes, "{call:?} is refused"),
                Outcome::Done => assert!(goes, "{call:?} goes"),
                Outcome::Made(made) if matches!(call, Call::Dup) => {
                    made.validate().expect("a valid copy");
                    assert!(made.iter().map(row::<V>).eq(before.items().iter().copied()), "a whole copy");
                }
                Outcome::Made(tail) => self.join(tree, tail, model, plan),
            }
            if fails {
                assert_eq!(value.as_ref().map(Value::value), call.takes_value().then_some(self.value), "the value comes back");
                assert_eq!(tree.items(), before.items(), "{call:?} was refused and changed something");
                assert!(call.searches() || tree.nodes() == nodes, "{call:?} was refused and changed the nodes");
                assert_eq!(tree.validate().entries, before.len(), "{call:?}");
                assert_eq!(*cyclic, stood, "{call:?}");
            }
            if memory {
                return;
            }
        }
        panic!("{call:?} finds no memory though there is some");
    }

    /// Appends what was split off again, if need be when there is memory.
    fn join<V: Value + Shared<Grace>>(&self, tree: &mut Tree<V>, mut tail: RangeMap<V>, model: &Model, plan: Plan) {
        let Call::SplitOff(at) = *self.call else { unreachable!("of another call") };
        let position = model.items().partition_point(|item| item.0 < at);
        let halves = model.items().split_at(position);
        for plan in [plan, Plan::Off] {
            assert_eq!(tree.items(), halves.0, "before {at}");
            assert!(tail.iter().map(row::<V>).eq(halves.1.iter().copied()), "from {at} on");
            tail.validate().expect("a valid tail");
            tree.validate();
            match under(plan, || tree.map().append(&mut tail)).0 {
                Ok(()) => return assert!(tail.is_empty()),
                Err(AppendError::OutOfMemory) => assert_ne!(plan, Plan::Off),
                Err(overlap) => panic!("{overlap:?}"),
            }
        }
    }
}

impl Grow {
    fn call(self, model: &Model) -> (Call, u64) {
        let bounds = |window: Window| window.bounds(model);
        match self {
            Self::Store(window, value) => (Call::Store(bounds(window)), value.into()),
            Self::Insert(window, value) => (Call::Insert(bounds(window)), value.into()),
            Self::Replace(place, value) => (Call::Replace(place.index(model)), value.into()),
            Self::Remove(window) => (Call::Remove(bounds(window)), 0),
            Self::RemoveWith(window) => (Call::RemoveWith(bounds(window)), 0),
            Self::StoreWith(window, value) => (Call::StoreWith(bounds(window)), value.into()),
            Self::StoreCoalescing(window, value) => (Call::StoreCoalescing(bounds(window)), u64::from(value % 3)),
            Self::Reserved(window, value) => (Call::Reserved(bounds(window)), value.into()),
            Self::CursorStore(window, value) => (Call::CursorStore(bounds(window)), value.into()),
            Self::Alloc(size, window, align, low) => {
                let side = if low { Side::Lowest } else { Side::Highest };
                (Call::Alloc(size.count(model), bounds(window), align.number(), side), 7)
            }
            Self::Cyclic(window) => (Call::Cyclic(bounds(window)), 8),
            Self::Fill(place) => (Call::Fill(place.index(model)), 9),
            Self::Split(place) => (Call::Split(place.index(model)), 0),
            Self::SplitOff(place) => (Call::SplitOff(place.index(model)), 0),
            Self::Extend(place, count, hole) => {
                let (from, stride) = (place.index(model).min(u64::MAX - 2_000), 1 + u64::from(hole % 4));
                (Call::Extend(Run { from, count, stride, long: false }), 6)
            }
            Self::Compact => (Call::Compact, 0),
            Self::Dup => (Call::Dup, 0),
            Self::DupWith => (Call::DupWith, 0),
        }
    }
}

impl Removal {
    fn taking(self, model: &Model) -> Taking {
        match self {
            Self::Erase(place) => Taking::Erase(place.index(model)),
            Self::EraseMany(..) => unreachable!("is many"),
            Self::Whole(window) => Taking::Whole(window.bounds(model)),
            Self::Prune(place) => Taking::Prune(place.index(model)),
            Self::PruneInPlace(place) => Taking::PruneInPlace(place.index(model)),
            Self::PruneCut(place) => Taking::PruneCut(place.index(model)),
            Self::Refuse(window) => Taking::Refuse(window.bounds(model)),
            Self::Retain(rest) => Taking::Retain(u64::from(rest % 3)),
            Self::Drain(window) => Taking::Drain(window.bounds(model)),
            Self::Cursor(place, count) => Taking::Cursor(place.index(model), count % 32),
            Self::At(place) => Taking::At(place.index(model)),
            Self::Clear => Taking::Clear,
        }
    }
}

impl Case for Oom {
    fn run(&self) {
        match self.entries {
            Entries::Number => self.run_with::<u32>(),
            Entries::Box => self.run_with::<Box<u64>>(),
            Entries::RcuBox => self.run_with::<RcuBox<u64>>(),
            Entries::RcuArc => self.run_with::<RcuArc<u64, Grace>>(),
        }
    }
}

impl fmt::Debug for Oom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entries {
            Entries::Number => self.print::<u32>(f),
            Entries::Box => self.print::<Box<u64>>(f),
            Entries::RcuBox => self.print::<RcuBox<u64>>(f),
            Entries::RcuArc => self.print::<RcuArc<u64, Grace>>(f),
        }
    }
}
