//! Steps of a case of [`ops`](crate::ops), their arguments given in terms of what is in the tree.

use crate::ops::foresee;
use crate::place::{Align, Place, Size, Window};
use arbitrary::Arbitrary;
use maple_tests::map_op::MapOp;
use maple_tests::op::Op;
use maple_tests::pair::closed;
use maple_tests::space::Side;
use maple_tests::{Bounds, Model};

/// Bounds to look through after each step.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) struct Look(Window);

impl Look {
    pub(crate) fn bounds(self, model: &Model) -> Bounds {
        self.0.bounds(model)
    }
}

/// One step; the calls that undo much are a variant together, so that chance alone lets a tree grow.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Step {
    Store(Window, u16),
    Insert(Window, u16),
    Replace(Place, u16),
    Erase(Place),
    Remove(Window),
    RemoveSparing(Window),
    RemoveWhole(Window),
    /// Calls of the exclusive face, or their like.
    Map(Map),
    Free(Free),
    /// Makes so many of the calls that follow in one session.
    Session(u8),
    /// Many stores, up or down.
    Build {
        from: Place,
        count: u8,
        length: u8,
        hole: u8,
        down: bool,
    },
    /// Many at once: first one after the other, then these, be they in order or not.
    Extend {
        from: Place,
        count: u8,
        length: u8,
        hole: u8,
        then: Option<(Window, Window)>,
    },
    /// Many erasures, one entry after the other.
    Thin {
        from: u16,
        count: u8,
        every: u8,
    },
    Whole(Whole),
}

/// A call that concerns the tree as a whole.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Whole {
    Prune(Place),
    PruneInPlace(Place),
    PruneCut(Place),
    PruneCutAllocating(Place),
    /// A prune near the end, which leaves most of the tree.
    PruneNearEnd(u8),
    Clear,
    Dup,
    DupWith(u16),
    Convert,
    Compact,
    Pin,
    Synchronize,
    HandOver,
}

impl Whole {
    fn op(self, model: &Model) -> Op {
        match self {
            Self::Prune(place) => Op::Prune { from: place.index(model) },
            Self::PruneInPlace(place) => Op::PruneInPlace { from: place.index(model) },
            Self::PruneCut(place) => Op::PruneCut { from: place.index(model) },
            Self::PruneCutAllocating(place) => Op::PruneCutAllocating { from: place.index(model) },
            Self::PruneNearEnd(back) => {
                let at = model.len().saturating_sub(1 + usize::from(back));
                let from = model.items().get(at).map_or(0, |item| item.1);
                if back % 2 == 0 { Op::Prune { from } } else { Op::PruneCut { from } }
            }
            Self::Clear => Op::Clear,
            Self::Dup => Op::Dup,
            Self::DupWith(good) => Op::DupWith { good: usize::from(good) % (model.len() + 1) },
            Self::Convert => Op::Convert,
            Self::Compact => Op::Compact,
            Self::Pin => Op::Pin,
            Self::Synchronize => Op::Synchronize,
            Self::HandOver => Op::HandOver,
        }
    }
}

/// A call that not every face has, with few values, so that neighbours are often equal.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Map {
    Retain(u8),
    Drain(Window, u8, u64),
    RemoveWith(Window, bool),
    StoreWith(Window, u16),
    StoreCoalescing(Window, u8),
    Split(Place),
    SplitOff(Place, bool),
    Append { from: Place, count: u8, length: u8, hole: u8 },
    At(Place, u8),
    Update(Window, u64),
    IntoIter(u8, u64),
    Reserved(Window, u16),
    Combine(Window, [Window; 4]),
}

impl Map {
    fn op(self, model: &Model) -> MapOp {
        match self {
            Self::Retain(n) => MapOp::Retain { modulus: 2 + u64::from(n % 6), rest: u64::from(n / 6 % 2) },
            Self::Drain(window, n, turns) => {
                MapOp::Drain { range: window.bounds(model), taken: usize::from(n / 2), turns, forget: n % 2 == 0 }
            }
            Self::RemoveWith(window, sparing) => MapOp::RemoveWith { range: window.bounds(model), sparing },
            Self::StoreWith(window, value) => MapOp::StoreWith { range: window.bounds(model), value: value.into() },
            Self::StoreCoalescing(window, value) => {
                MapOp::StoreCoalescing { range: window.bounds(model), value: u64::from(value % 3) }
            }
            Self::Split(place) => MapOp::Split { at: place.index(model) },
            Self::SplitOff(place, join) => MapOp::SplitOff { at: place.index(model), join },
            Self::Append { from, count, length, hole } => {
                let ranges = in_order(from.index(model), count % 40, length, hole);
                MapOp::Append { entries: ranges.collect() }
            }
            Self::At(place, value) => MapOp::At { index: place.index(model), value: value.into() },
            Self::Update(window, turns) => MapOp::Update { range: window.bounds(model), turns },
            Self::IntoIter(left, turns) => MapOp::IntoIter { left: usize::from(left % 5), turns },
            Self::Reserved(window, value) => MapOp::Reserved { range: window.bounds(model), value: value.into() },
            Self::Combine(window, others) => {
                MapOp::Combine { range: window.bounds(model), others: others.map(|other| other.bounds(model)).to_vec() }
            }
        }
    }
}

/// A call about free space.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Free {
    Find(Size, Window, Align),
    Alloc(Size, Window, Align, bool, u16),
}

impl Free {
    pub(crate) fn op(self, model: &Model) -> Op {
        match self {
            Self::Find(size, window, align) => {
                Op::Find { size: size.count(model), within: window.bounds(model), align: align.number() }
            }
            Self::Alloc(size, window, align, low, value) => Op::AllocRange {
                size: size.count(model),
                within: window.bounds(model),
                align: align.number(),
                side: if low { Side::Lowest } else { Side::Highest },
                value: value.into(),
            },
        }
    }
}

/// `count` ranges one behind the other, with their numbers for values.
fn in_order(from: u64, count: u8, length: u8, hole: u8) -> impl Iterator<Item = (Bounds, u64)> {
    let length = 1 + u64::from(length % 8);
    let stride = length + u64::from(hole % 3);
    let from = from.min(u64::MAX - (u64::from(count) + 1) * stride);
    (0..u64::from(count)).map(move |n| (closed(from + n * stride, from + n * stride + (length - 1)), n))
}

/// The calls of a case.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) ops: Vec<Op>,
    /// How many more calls go into the session that is last.
    left: u8,
}

impl Calls {
    /// Appends a call, and lets the model follow.
    fn push(&mut self, op: Op, model: &mut Model) {
        foresee(&op, model);
        let left = core::mem::take(&mut self.left);
        match self.ops.last_mut() {
            Some(Op::Session { ops }) if left > 0 && op.fits_session() => {
                ops.push(op);
                self.left = left - 1;
            }
            _ => self.ops.push(op),
        }
    }

    fn begin_session(&mut self, calls: u8) {
        self.ops.push(Op::Session { ops: Vec::new() });
        self.left = calls;
    }
}

impl Step {
    /// Appends the calls of this step, and lets the model follow.
    pub(crate) fn calls(self, model: &mut Model, calls: &mut Calls) {
        let op = match self {
            Self::Store(window, value) => Op::Store { range: window.bounds(model), value: value.into() },
            Self::Insert(window, value) => Op::Insert { range: window.bounds(model), value: value.into() },
            Self::Replace(place, value) => Op::Replace { index: place.index(model), value: value.into() },
            Self::Erase(place) => Op::Erase { index: place.index(model) },
            Self::Remove(window) => Op::Remove { range: window.bounds(model) },
            Self::Whole(whole) => whole.op(model),
            Self::RemoveSparing(window) => Op::RemoveSparing { range: window.bounds(model) },
            Self::RemoveWhole(window) => Op::RemoveWhole { range: window.bounds(model) },
            Self::Map(map) => Op::Map(map.op(model)),
            Self::Free(free) => free.op(model),
            Self::Session(count) => return calls.begin_session(count % 16),
            Self::Build { from, count, length, hole, down } => {
                let mut ranges: Vec<_> = in_order(from.index(model), count % 40, length, hole).collect();
                if down {
                    ranges.reverse();
                }
                ranges.into_iter().for_each(|(range, value)| calls.push(Op::Store { range, value }, model));
                return;
            }
            Self::Extend { from, count, length, hole, then } => {
                let in_order = in_order(from.index(model), count, length, hole);
                let then = then.into_iter().flat_map(|(one, other)| [one, other].map(|window| (window.bounds(model), 1_000)));
                Op::Extend { entries: in_order.chain(then).collect() }
            }
            Self::Thin { from, count, every } => {
                let every = 1 + usize::from(every % 4);
                let from = usize::from(from) % (model.len() + 1);
                let doomed = model.items()[from..].iter().step_by(every).take(usize::from(count % 40));
                let doomed: Vec<u64> = doomed.map(|item| item.1).collect();
                for index in doomed {
                    calls.push(Op::Erase { index }, model);
                }
                return;
            }
        };
        calls.push(op, model);
    }
}
