//! Every operation that changes a tree, on any face, beside the model.

use crate::case::{Case, Rest};
use crate::place::Before;
use crate::step::{Calls, Look, Step};
use arbitrary::Arbitrary;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Bound;
use maple_tests::Model;
use maple_tests::face::{ExclusiveFace, Face, GraceFace, MixedFace, MixedGraceFace, SharedFace};
use maple_tests::map_op::MapOp;
use maple_tests::op::{Op, Sequence};
use maple_tree::{Grace, RcuArc, RcuBox};
use std::sync::Arc;

/// Calls in one case at most; what comes after them is left out, so that a case stays short.
const MOST_CALLS: usize = 256;

/// A face of the tree, and what is stored. (Not all pairs there are: each is compiled by itself.)
#[derive(Arbitrary, Clone, Copy)]
enum Which {
    MapOfNumbers,
    MapOfBoxes,
    MapOfArcs,
    MapOfRcuArcs,
    TreeOfNumbers,
    TreeOfBoxes,
    TreeOfArcs,
    TreeOfRcuBoxes,
    TreeOfRcuArcs,
    /// The shared face, with every second step through the exclusive one.
    MixedOfBoxes,
    MixedOfArcs,
    /// The shared face of the flavour that needs no memory.
    GraceOfNumbers,
    GraceOfRcuBoxes,
    GraceOfRcuArcs,
    MixedGraceOfBoxes,
}

/// One case.
///
/// Its `Debug` form is a test to paste.
#[derive(Arbitrary)]
pub struct Ops {
    which: Which,
    before: Before,
    look: Look,
    turns: u64,
    steps: Rest<Step>,
}

/// Something that can be done with a case once its face is known.
trait Use {
    type Output;
    fn with<F: Face>(self, sequence: &Sequence<F>) -> Self::Output;
}

struct Run;

impl Use for Run {
    type Output = ();

    fn with<F: Face>(self, sequence: &Sequence<F>) {
        sequence.run();
    }
}

struct Print<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Use for Print<'_, '_> {
    type Output = fmt::Result;

    fn with<F: Face>(self, sequence: &Sequence<F>) -> fmt::Result {
        fmt::Debug::fmt(sequence, self.0)
    }
}

impl Case for Ops {
    fn run(&self) {
        self.for_face(Run);
    }
}

impl Ops {
    fn for_face<U: Use>(&self, user: U) -> U::Output {
        match self.which {
            Which::MapOfNumbers => user.with(&self.sequence::<ExclusiveFace<u32>>()),
            Which::MapOfBoxes => user.with(&self.sequence::<ExclusiveFace<Box<u64>>>()),
            Which::MapOfArcs => user.with(&self.sequence::<ExclusiveFace<Arc<u64>>>()),
            Which::MapOfRcuArcs => user.with(&self.sequence::<ExclusiveFace<RcuArc<u64>>>()),
            Which::TreeOfNumbers => user.with(&self.sequence::<SharedFace<u32>>()),
            Which::TreeOfBoxes => user.with(&self.sequence::<SharedFace<Box<u64>>>()),
            Which::TreeOfArcs => user.with(&self.sequence::<SharedFace<Arc<u64>>>()),
            Which::TreeOfRcuBoxes => user.with(&self.sequence::<SharedFace<RcuBox<u64>>>()),
            Which::TreeOfRcuArcs => user.with(&self.sequence::<SharedFace<RcuArc<u64>>>()),
            Which::MixedOfBoxes => user.with(&self.sequence::<MixedFace<Box<u64>>>()),
            Which::MixedOfArcs => user.with(&self.sequence::<MixedFace<Arc<u64>>>()),
            Which::GraceOfNumbers => user.with(&self.sequence::<GraceFace<u32>>()),
            Which::GraceOfRcuBoxes => user.with(&self.sequence::<GraceFace<RcuBox<u64>>>()),
            Which::GraceOfRcuArcs => user.with(&self.sequence::<GraceFace<RcuArc<u64, Grace>>>()),
            Which::MixedGraceOfBoxes => user.with(&self.sequence::<MixedGraceFace<Box<u64>>>()),
        }
    }

    /// The calls with all arguments settled. Places are given by what is in the tree at that moment, so the model goes ahead once.
    fn sequence<F: Face>(&self) -> Sequence<F> {
        let preload = self.before.preload();
        let mut model = Before::model(preload);
        let mut calls = Calls::default();
        for step in &self.steps.0 {
            step.calls(&mut model, &mut calls);
            if calls.ops.len() >= MOST_CALLS {
                break;
            }
        }
        calls.ops.truncate(MOST_CALLS);
        let looks = vec![(self.look.bounds(&model), self.turns)];
        Sequence { preload, ops: calls.ops, whole: 16, looks, face: PhantomData }
    }
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_face(Print(f))
    }
}

/// What `op` makes of the model: as nearly as the places of the steps behind it need.
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
        Op::Map(ref op) => foresee_map(op, model),
        Op::Session { ref ops } => ops.iter().for_each(|op| foresee(op, model)),
        Op::Dup | Op::DupWith { .. } | Op::Find { .. } | Op::Convert | Op::Compact => {}
        Op::Pin | Op::Synchronize | Op::HandOver => {}
    }
}

fn foresee_map(op: &MapOp, model: &mut Model) {
    match *op {
        MapOp::Retain { modulus, rest } => {
            let doomed: Vec<u64> = model.items().iter().filter(|item| item.2 % modulus == rest).map(|item| item.0).collect();
            doomed.into_iter().for_each(|index| {
                let _ = model.erase(index);
            });
        }
        MapOp::Drain { range, forget: false, .. } => model.remove_whole(range),
        MapOp::RemoveWith { range, .. } => drop(model.remove(range)),
        MapOp::StoreWith { range, value } | MapOp::StoreCoalescing { range, value } | MapOp::Reserved { range, value } => {
            let _ = model.store(range, value);
        }
        MapOp::Append { ref entries } if entries.iter().all(|&(range, _)| model.range(range).is_empty()) => {
            let _ = model.extend(entries);
        }
        MapOp::SplitOff { at, join: false } => {
            let _ = model.remove((Bound::Unbounded, Bound::Excluded(at)));
        }
        _ => {}
    }
}
