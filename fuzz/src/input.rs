//! A case: which face, what is there before, what is done.

use crate::step::{Look, Step};
use arbitrary::Arbitrary;
use core::fmt;
use core::marker::PhantomData;
use maple_tests::Model;
use maple_tests::entry::Number;
use maple_tests::face::{ExclusiveFace, Face, MixedFace, SharedFace};
use maple_tests::op::{Op, Preload, Sequence};
use maple_tree::{RcuArc, RcuBox};
use std::sync::Arc;

/// Calls in one case at most; what comes after them is left out, so that a case stays short.
const MOST_CALLS: usize = 256;

/// A face of the tree.
#[derive(Arbitrary, Clone, Copy)]
enum Which {
    Exclusive,
    Shared,
    /// The shared face, with every second step through the exclusive one.
    Mixed,
}

/// What is stored.
#[derive(Arbitrary, Clone, Copy)]
enum Entries {
    Number,
    Box,
    Arc,
    RcuBox,
    RcuArc,
}

/// Ranges that are there before: enough for a tree of three levels, or none.
#[derive(Arbitrary, Clone, Copy)]
struct Before {
    count: u16,
    length: u8,
    hole: u8,
    at_the_top: bool,
}

impl Before {
    fn preload(self) -> Preload {
        let length = 1 + u64::from(self.length % 16);
        let stride = length + u64::from(self.hole % 4);
        // Half of the cases start from an empty tree.
        let count = if self.count & 1 == 0 { 0 } else { u64::from(self.count >> 1) % 320 };
        // At the top, the last range ends at the last index of all.
        let reach = count.saturating_sub(1) * stride + (length - 1);
        let from = if self.at_the_top { u64::MAX - reach } else { 16 };
        Preload { count, from, stride, length }
    }
}

/// One case.
///
/// Its `Debug` form is a test to paste.
#[derive(Arbitrary)]
pub struct Input {
    which: Which,
    entries: Entries,
    before: Before,
    look: Look,
    turns: u64,
    steps: Vec<Step>,
}

/// Something that can be done with a case once its face is known.
trait Use {
    type Output;
    fn with<F: Face>(self, sequence: &Sequence<F>) -> Self::Output;
}

/// Prints the case when it is dropped by a panic.
struct PrintOnPanic<'a, F: Face>(&'a Sequence<F>);

impl<F: Face> Drop for PrintOnPanic<'_, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}", self.0);
        }
    }
}

struct Run;

impl Use for Run {
    type Output = ();

    fn with<F: Face>(self, sequence: &Sequence<F>) {
        let unharmed = PrintOnPanic(sequence);
        sequence.run();
        drop(unharmed);
    }
}

struct Print<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Use for Print<'_, '_> {
    type Output = fmt::Result;

    fn with<F: Face>(self, sequence: &Sequence<F>) -> fmt::Result {
        fmt::Debug::fmt(sequence, self.0)
    }
}

impl Input {
    pub(crate) fn run(&self) {
        self.for_face(Run);
    }

    fn for_face<U: Use>(&self, user: U) -> U::Output {
        match self.entries {
            Entries::Number => self.for_entries::<u32, U>(user),
            Entries::Box => self.for_entries::<Box<u64>, U>(user),
            Entries::Arc => self.for_entries::<Arc<u64>, U>(user),
            Entries::RcuBox => self.for_entries::<RcuBox<u64>, U>(user),
            Entries::RcuArc => self.for_entries::<RcuArc<u64>, U>(user),
        }
    }

    fn for_entries<V: Number, U: Use>(&self, user: U) -> U::Output {
        match self.which {
            Which::Exclusive => user.with(&self.sequence::<ExclusiveFace<V>>()),
            Which::Shared => user.with(&self.sequence::<SharedFace<V>>()),
            Which::Mixed => user.with(&self.sequence::<MixedFace<V>>()),
        }
    }

    /// The calls with all arguments settled. Places are given by what is in the tree at that moment, so the model goes ahead once.
    fn sequence<F: Face>(&self) -> Sequence<F> {
        let preload = self.before.preload();
        let mut model = Model::new();
        for n in 0..preload.count {
            let first = preload.from + n * preload.stride;
            let stored = model.insert(maple_tests::pair::closed(first, first + (preload.length - 1)), n);
            assert_eq!(stored, Ok(()), "preloaded ranges do not overlap");
        }
        let mut ops = Vec::new();
        for step in &self.steps {
            step.ops(&mut model, &mut ops);
        }
        ops.truncate(MOST_CALLS);
        let looks = vec![(self.look.bounds(&model), self.turns)];
        Sequence { preload, ops, whole: 16, looks, face: PhantomData }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_face(Print(f))
    }
}

/// What `op` makes of the model.
pub(crate) fn foresee(op: &Op, model: &mut Model) {
    // A refusal leaves the model as it is, and that is all that matters here.
    match *op {
        Op::Store { range, value } => drop(model.store(range, value)),
        Op::Extend { ref entries } => drop(model.extend(entries)),
        Op::Insert { range, value } => drop(model.insert(range, value)),
        Op::Replace { index, value } => drop(model.replace(index, value)),
        Op::Erase { index } => drop(model.erase(index)),
        Op::Remove { range } | Op::RemoveSparing { range } => drop(model.remove(range)),
        Op::RemoveWhole { range } => model.remove_whole(range),
        Op::AllocRange { size, within, align, side, value } => drop(model.alloc_range(size, within, align, side, value)),
        Op::Clear => model.clear(),
        Op::Prune { from } | Op::PruneInPlace { from } => drop(model.prune(from)),
        Op::PruneCut { from } | Op::PruneCutAllocating { from } => model.prune_cut(from),
        // No step makes a call of the exclusive face only.
        Op::Dup | Op::DupWith { .. } | Op::Find { .. } | Op::Convert | Op::Compact => {}
        Op::Pin | Op::Synchronize | Op::HandOver | Op::Map(_) => {}
    }
}
