//! Steps of a case, their arguments given in terms of what is in the tree.

use crate::input::foresee;
use arbitrary::Arbitrary;
use core::ops::Bound::{Excluded, Included, Unbounded};
use maple_tests::op::Op;
use maple_tests::pair::closed;
use maple_tests::{Bounds, Item, Model};

/// An index: near an end of the index space, or exactly at an edge of what is there, where most can go wrong.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Place {
    Low(u8),
    Middle(u16),
    High(u8),
    /// The first index of the nth entry.
    First(u16),
    /// The index before that.
    Before(u16),
    /// The last index of the nth entry.
    Last(u16),
    /// The index behind that.
    Behind(u16),
    Any(u64),
}

/// The nth entry, counting round and round.
fn nth(n: u16, model: &Model) -> Item {
    let items = model.items();
    if items.is_empty() { (0, 0, 0) } else { items[usize::from(n) % items.len()] }
}

impl Place {
    fn index(self, model: &Model) -> u64 {
        match self {
            Self::Low(n) => n.into(),
            Self::Middle(n) => n.into(),
            Self::High(n) => u64::MAX - u64::from(n),
            Self::First(n) => nth(n, model).0,
            Self::Before(n) => nth(n, model).0.saturating_sub(1),
            Self::Last(n) => nth(n, model).1,
            Self::Behind(n) => nth(n, model).1.saturating_add(1),
            Self::Any(n) => n,
        }
    }
}

/// A range.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Window {
    /// That many indices and one more.
    Long(Place, u8),
    /// That many indices and one more, up to this one.
    UpTo(Place, u8),
    /// From one entry to another a few entries further on.
    Entries(u16, u8),
    /// Exactly the nth entry.
    Entry(u16),
    Between(Place, Place),
    Odd(Odd),
}

/// Ranges in unusual forms, some of them refused.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Odd {
    HalfOpen(Place, Place),
    Reversed(Place, Place),
    AfterExcluded(Place, Place),
    From(Place),
    To(Place),
    All,
}

impl Window {
    fn bounds(self, model: &Model) -> Bounds {
        let sorted = |a: u64, b: u64| (a.min(b), a.max(b));
        let between = |a: Place, b: Place| sorted(a.index(model), b.index(model));
        match self {
            Self::Long(first, more) => {
                let first = first.index(model);
                closed(first, first.saturating_add(more.into()))
            }
            Self::UpTo(last, more) => {
                let last = last.index(model);
                closed(last.saturating_sub(more.into()), last)
            }
            Self::Entries(n, more) => {
                let (first, last) = (nth(n, model).0, nth(n.saturating_add(more.into()), model).1);
                let (first, last) = sorted(first, last);
                closed(first, last)
            }
            Self::Entry(n) => {
                let (first, last, _) = nth(n, model);
                closed(first, last)
            }
            Self::Between(a, b) => {
                let (first, last) = between(a, b);
                closed(first, last)
            }
            Self::Odd(Odd::HalfOpen(a, b)) => {
                let (first, end) = between(a, b);
                (Included(first), Excluded(end))
            }
            Self::Odd(Odd::Reversed(a, b)) => {
                let (first, last) = between(a, b);
                closed(last, first)
            }
            Self::Odd(Odd::AfterExcluded(a, b)) => {
                let (before, last) = between(a, b);
                (Excluded(before), Included(last))
            }
            Self::Odd(Odd::From(place)) => (Included(place.index(model)), Unbounded),
            Self::Odd(Odd::To(place)) => (Unbounded, Included(place.index(model))),
            Self::Odd(Odd::All) => (Unbounded, Unbounded),
        }
    }
}

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
    /// A prune near the end, which leaves most of the tree.
    PruneNearEnd(u8),
    Clear,
    Dup,
    DupWith(u16),
    Convert,
    Synchronize,
    HandOver,
}

impl Whole {
    fn op(self, model: &Model) -> Op {
        match self {
            Self::Prune(place) => Op::Prune { from: place.index(model) },
            Self::PruneInPlace(place) => Op::PruneInPlace { from: place.index(model) },
            Self::PruneCut(place) => Op::PruneCut { from: place.index(model) },
            Self::PruneNearEnd(back) => {
                let at = model.len().saturating_sub(1 + usize::from(back));
                let from = model.items().get(at).map_or(0, |item| item.1);
                if back % 2 == 0 { Op::Prune { from } } else { Op::PruneCut { from } }
            }
            Self::Clear => Op::Clear,
            Self::Dup => Op::Dup,
            Self::DupWith(good) => Op::DupWith { good: usize::from(good) % (model.len() + 1) },
            Self::Convert => Op::Convert,
            Self::Synchronize => Op::Synchronize,
            Self::HandOver => Op::HandOver,
        }
    }
}

impl Step {
    /// Appends the calls of this step, and lets the model follow.
    pub(crate) fn ops(self, model: &mut Model, ops: &mut Vec<Op>) {
        let mut push = |op: Op, model: &mut Model| {
            foresee(&op, model);
            ops.push(op);
        };
        let op = match self {
            Self::Store(window, value) => Op::Store { range: window.bounds(model), value: value.into() },
            Self::Insert(window, value) => Op::Insert { range: window.bounds(model), value: value.into() },
            Self::Replace(place, value) => Op::Replace { index: place.index(model), value: value.into() },
            Self::Erase(place) => Op::Erase { index: place.index(model) },
            Self::Remove(window) => Op::Remove { range: window.bounds(model) },
            Self::Whole(whole) => whole.op(model),
            Self::Build { from, count, length, hole, down } => {
                let count = u64::from(count % 40);
                let length = 1 + u64::from(length % 8);
                let stride = length + u64::from(hole % 3);
                let from = from.index(model).min(u64::MAX - (count + 1) * stride);
                for n in 0..count {
                    let first = from + stride * if down { count - 1 - n } else { n };
                    push(Op::Store { range: closed(first, first + (length - 1)), value: n }, model);
                }
                return;
            }
            Self::Extend { from, count, length, hole, then } => {
                let length = 1 + u64::from(length % 8);
                let stride = length + u64::from(hole % 3);
                let from = from.index(model).min(u64::MAX - (u64::from(count) + 1) * stride);
                let in_order = (0..u64::from(count)).map(|n| (closed(from + n * stride, from + n * stride + (length - 1)), n));
                let then = then.into_iter().flat_map(|(one, other)| [one, other].map(|window| (window.bounds(model), 1_000)));
                Op::Extend { entries: in_order.chain(then).collect() }
            }
            Self::Thin { from, count, every } => {
                let every = 1 + usize::from(every % 4);
                let from = usize::from(from) % (model.len() + 1);
                let doomed = model.items()[from..].iter().step_by(every).take(usize::from(count % 40));
                let doomed: Vec<u64> = doomed.map(|item| item.1).collect();
                for index in doomed {
                    push(Op::Erase { index }, model);
                }
                return;
            }
        };
        push(op, model);
    }
}
