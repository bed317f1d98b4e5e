//! A face and the model side by side, and short ways to set one up.

use crate::check;
use crate::face::Face;
use crate::model::{Bounds, Item, Model};
use crate::op::{Op, Preload};
use core::ops::Bound;

/// `first..=last`.
pub const fn closed(first: u64, last: u64) -> Bounds {
    (Bound::Included(first), Bound::Included(last))
}

/// A face that holds exactly `items`.
pub fn with<F: Face>(items: &[Item]) -> F {
    let mut face = F::new();
    for &(first, last, value) in items {
        assert_eq!(face.insert(closed(first, last), value), Ok(()), "set-up");
    }
    face
}

/// Checks that `face` holds exactly `items`, by every look-up there is.
pub fn expect<F: Face>(face: &F, items: &[Item]) {
    let mut model = Model::new();
    for &(first, last, value) in items {
        assert_eq!(model.insert(closed(first, last), value), Ok(()), "what is expected");
    }
    check::agree(face, &model);
}

/// A face and what it must hold.
#[derive(Debug)]
pub struct Pair<F> {
    /// The face.
    pub face: F,
    /// What it must hold.
    pub model: Model,
}

impl<F: Face> Pair<F> {
    /// Both empty.
    pub fn new() -> Self {
        Self { face: F::new(), model: Model::new() }
    }

    /// `count` ranges of `length` indices, `stride` apart, from index 0 on.
    pub fn of(count: u64, stride: u64, length: u64) -> Self {
        let mut pair = Self::new();
        let preload = Preload { count, from: 0, stride, length };
        preload.run(&mut pair.face, &mut pair.model);
        pair
    }

    /// A copy of both.
    pub fn dup(&self) -> Self {
        Self { face: self.face.dup(), model: self.model.clone() }
    }

    /// Runs a call on both, compares what comes back, the counts, and what lies at the edges.
    pub fn run(&mut self, op: Op) -> &mut Self {
        op.run(&mut self.face, &mut self.model);
        check::agree_in_short(&self.face, &self.model);
        if let Some((first, last)) = op.touched() {
            check::agree_at(&self.face, &self.model, first);
            check::agree_at(&self.face, &self.model, last);
        }
        self
    }

    /// Stores.
    pub fn store(&mut self, first: u64, last: u64, value: u64) -> &mut Self {
        self.run(Op::Store { range: closed(first, last), value })
    }

    /// Removes.
    pub fn remove(&mut self, first: u64, last: u64) -> &mut Self {
        self.run(Op::Remove { range: closed(first, last) })
    }

    /// Erases.
    pub fn erase(&mut self, index: u64) -> &mut Self {
        self.run(Op::Erase { index })
    }

    /// Compares ranges and gaps in both directions, without point look-ups.
    pub fn agree_in_order(&self) -> &Self {
        check::agree_in_short(&self.face, &self.model);
        for turns in [check::FORWARD, check::BACKWARD] {
            check::agree_within(&self.face, &self.model, check::ALL, turns);
            check::agree_on_rest(&self.face, &self.model, check::ALL, 3, turns);
        }
        self
    }

    /// Compares everything.
    pub fn agree(&self) -> &Self {
        check::agree(&self.face, &self.model);
        self
    }
}

impl<F: Face> Default for Pair<F> {
    fn default() -> Self {
        Self::new()
    }
}
