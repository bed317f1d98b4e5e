//! A path from the root down to one index, as an array on the stack. Nodes have no parent pointers, so copying one never touches its
//! children.

use crate::node::{MAX_LEVELS, NodeRef, Root, Word};
use crate::search::{self, Operation, Search};
use arrayvec::ArrayVec;
use core::ptr::NonNull;

/// One step of a path: a node, the range it covers, and the slot the path takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) node: NodeRef,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) slot: usize,
}

impl Frame {
    /// First index of the slot.
    #[inline(always)]
    pub(crate) fn first(&self) -> u64 {
        self.node.first(self.slot, self.min)
    }

    /// Last index of the slot.
    #[inline(always)]
    pub(crate) fn last(&self) -> u64 {
        self.node.last(self.slot, self.max)
    }

    /// The step into `child`, which the slot points at.
    #[inline(always)]
    pub(crate) fn child(&self, child: NodeRef) -> Self {
        Self { node: child, min: self.first(), max: self.last(), slot: 0 }
    }

    /// The slots that `first..=last`, which overlaps the node, reaches.
    #[inline]
    pub(crate) fn reached(&self, first: u64, last: u64) -> core::ops::RangeInclusive<usize> {
        let from = if first <= self.min { 0 } else { self.node.search(first) };
        let to = if last >= self.max { self.node.len() - 1 } else { self.node.search(last) };
        from..=to
    }

    /// What the slot holds, as the writer sees it.
    #[inline(always)]
    pub(crate) fn word(&self) -> Word {
        self.node.own_slot(self.slot)
    }

    /// The words of slots `range` of the node that are live, as the writer sees them.
    pub(crate) fn live(&self, slots: core::ops::Range<usize>) -> impl Iterator<Item = Word> {
        let node = self.node;
        slots.map(move |slot| node.own_slot(slot)).filter(|word| word.is_live())
    }
}

/// The lowest step of a path, with what is above it, for changes that need no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bottom {
    pub(crate) frame: Frame,
    /// Level of the node: 0, or more when the path ends at an inner slot that is a gap.
    pub(crate) level: usize,
    /// The slot that the node hangs in; `None` for the root.
    pub(crate) parent: Option<(NodeRef, usize)>,
    /// The slot that the parent hangs in; `None` when there is no parent, or when that is the root.
    pub(crate) grand: Option<(NodeRef, usize)>,
}

impl Bottom {
    /// `None` in an empty tree.
    #[inline(always)]
    pub(crate) fn to(search: impl Search, root: &Root, index: u64) -> Option<Self> {
        let (mut node, mut level) = root.load()?;
        let (mut min, mut max, mut parent, mut grand) = (0, u64::MAX, None, None);
        loop {
            #[cfg(test)]
            visits::count();
            let frame = Frame { node, min, max, slot: node.search_by(search, index) };
            // A leaf's slot is not loaded here: see `Bottom`.
            let Some(child) = (level > 0).then(|| frame.word().target()).flatten() else {
                return Some(Self { frame, level, parent, grand });
            };
            (min, max) = (frame.first(), frame.last());
            (grand, parent) = (parent, Some((node, frame.slot)));
            // SAFETY: a live word of an inner slot is a child.
            node = unsafe { NodeRef::from_target(child) };
            level -= 1;
        }
    }

    /// What the slot holds when it is an entry.
    pub(crate) fn entry(&self) -> Option<NonNull<()>> {
        if self.level == 0 { self.frame.word().target() } else { None }
    }
}

/// The steps from the root to the slot that covers an index. It ends at a leaf, or higher up at an inner slot that is a gap.
///
/// The writer makes them with [`to`](Path::to); [`go`](Path::go) and what follows it read as a reader does, so that cursors of both can.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// Root first.
    frames: ArrayVec<Frame, MAX_LEVELS>,
    /// Level of the root; 0 also when the tree is empty.
    top: usize,
}

impl Path {
    pub(crate) fn to(root: Option<(NodeRef, usize)>, index: u64) -> Self {
        struct To(NodeRef, usize);

        impl Operation for To {
            type Output = Path;

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) -> Path {
                let Self(mut node, top) = self;
                let mut path = Path { frames: ArrayVec::new(), top };
                let (mut min, mut max) = (0, u64::MAX);
                for _ in 0..=top {
                    let frame = Frame { node, min, max, slot: node.search_by(search, index) };
                    path.step(frame);
                    if path.frames.len() > top {
                        break;
                    }
                    let Some(child) = frame.word().target() else {
                        break;
                    };
                    (min, max) = (frame.first(), frame.last());
                    // SAFETY: a live word of an inner slot is a child.
                    node = unsafe { NodeRef::from_target(child) };
                }
                path
            }
        }
        match root {
            Some((node, top)) => search::run(index, To(node, top)),
            None => Self { frames: ArrayVec::new(), top: 0 },
        }
    }

    /// A path that goes nowhere yet; [`go`](Self::go) takes it from the root.
    pub(crate) const fn nowhere() -> Self {
        Self { frames: ArrayVec::new_const(), top: 0 }
    }

    /// Moves to `index`: up to the lowest step that covers it, and down from there. Beside a writer the steps that stay may be of nodes that
    /// were replaced since; a path that goes nowhere begins at the root.
    pub(crate) fn go(&mut self, root: &Root, index: u64) {
        struct Go<'p>(&'p mut Path, &'p Root);

        impl Operation for Go<'_> {
            type Output = ();

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) {
                let Self(path, root) = self;
                let covers = path.frames.iter().rposition(|frame| frame.min <= index && index <= frame.max);
                path.frames.truncate(covers.map_or(0, |depth| depth + 1));
                match path.frames.last_mut() {
                    Some(frame) => frame.slot = frame.node.search_by(search, index),
                    None => match root.load() {
                        Some((node, top)) => {
                            path.top = top;
                            path.step(Frame { node, min: 0, max: u64::MAX, slot: node.search_by(search, index) });
                        }
                        None => path.top = 0,
                    },
                }
                path.descend(|node| node.search_by(search, index));
            }
        }
        search::run(index, Go(self, root));
    }

    /// Moves to the next slot of the lowest level; `false` behind the last.
    pub(crate) fn forward(&mut self) -> bool {
        let Some(depth) = self.frames.iter().rposition(|frame| frame.last() < frame.max) else { return false };
        self.frames.truncate(depth + 1);
        self.frames[depth].slot += 1;
        self.descend(|_| 0);
        true
    }

    /// Moves to the slot before; `false` before the first.
    pub(crate) fn back(&mut self) -> bool {
        let Some(depth) = self.frames.iter().rposition(|frame| frame.slot > 0) else { return false };
        self.frames.truncate(depth + 1);
        self.frames[depth].slot -= 1;
        self.descend(|node| node.len() - 1);
        true
    }

    /// From the lowest step down, as far as there are children.
    #[inline(always)]
    fn descend(&mut self, slot: impl Fn(NodeRef) -> usize) {
        while let Some(frame) = self.frames.last().filter(|_| self.frames.len() <= self.top)
            && let Some(child) = frame.node.slot(frame.slot).target()
        {
            // SAFETY: a live word of an inner slot is a child.
            let node = unsafe { NodeRef::from_target(child) };
            let step = Frame { slot: slot(node), ..frame.child(node) };
            self.step(step);
        }
    }

    #[inline(always)]
    fn step(&mut self, frame: Frame) {
        #[cfg(test)]
        visits::count();
        self.frames.push(frame);
    }

    /// Forgets the steps below `level`.
    pub(crate) fn keep(&mut self, level: usize) {
        self.frames.truncate((self.top + 1).saturating_sub(level));
    }

    /// The slot that the path ends at, as a reader sees it: its range, and the entry in it. Without nodes everything is one gap.
    pub(crate) fn here(&self) -> (u64, u64, Option<NonNull<()>>) {
        match self.frames.last() {
            Some(frame) if self.frames.len() > self.top => (frame.first(), frame.last(), frame.node.slot(frame.slot).target()),
            // A child that came into an inner gap just now is not an entry.
            Some(frame) => (frame.first(), frame.last(), None),
            None => (0, u64::MAX, None),
        }
    }

    /// The lowest step with what is above it; `None` without nodes.
    pub(crate) fn as_bottom(&self) -> Option<Bottom> {
        let level = (self.top + 1).checked_sub(self.frames.len())?;
        let hangs_in = |level| self.at(level).map(|frame| (frame.node, frame.slot));
        let frame = *self.bottom()?;
        Some(Bottom { frame, level, parent: hangs_in(level + 1), grand: hangs_in(level + 2) })
    }

    /// Level of the root.
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// The step at `level` (0 is the leaf), if the path gets there.
    pub(crate) fn at(&self, level: usize) -> Option<&Frame> {
        self.frames.get(self.top.checked_sub(level)?)
    }

    /// The steps from the root down, each with its level.
    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = (usize, &Frame)> {
        self.frames.iter().enumerate().map(|(depth, frame)| (self.top - depth, frame))
    }

    /// The lowest step; `None` in an empty tree.
    pub(crate) fn bottom(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// The range of the slot that the path ends at.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        self.bottom().map_or((0, u64::MAX), |frame| (frame.first(), frame.last()))
    }

    /// The leaf step, when the path ends at an entry.
    pub(crate) fn entry(&self) -> Option<&Frame> {
        self.at(0).filter(|frame| frame.word().is_live())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::RangeMap;

    /// A path that ends at a gap above the leaves has no entry there, also when a leaf came into that gap since.
    #[test]
    fn a_leaf_that_came_into_a_gap_is_no_entry() {
        let mut map: RangeMap<u32> = (0..1_000u64).map(|at| (at * 10..at * 10 + 10, 1)).collect();
        map.remove(1_280..2_560).expect("whole entries");
        let mut path = Path::nowhere();
        path.go(&map.root, 2_000);
        assert_eq!(path.here(), (1_280, 2_559, None));
        map.store(2_000..2_010, 2).expect("memory");
        assert_eq!(path.here(), (1_280, 2_559, None));
        path.go(&map.root, 2_000);
        assert!(matches!(path.here(), (2_000, 2_009, Some(_))), "with the way into the leaf");
    }
}

/// Counts the nodes that paths went through, for tests.
#[cfg(test)]
pub(crate) mod visits {
    use std::cell::Cell;

    thread_local! {
        static VISITS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        VISITS.set(VISITS.get() + 1);
    }

    /// The nodes that this thread went through since it last asked.
    #[cfg_attr(loom, expect(dead_code, reason = "who asks is no model"))]
    pub(crate) fn take() -> usize {
        VISITS.take()
    }
}
