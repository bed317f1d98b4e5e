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
    pub(crate) fn first(&self) -> u64 {
        self.node.first(self.slot, self.min)
    }

    /// Last index of the slot.
    pub(crate) fn last(&self) -> u64 {
        self.node.last(self.slot, self.max)
    }

    /// The step into `child`, which the slot points at.
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
            let frame = Frame { node, min, max, slot: node.search_by(search, index) };
            let Some(child) = frame.word().target().filter(|_| level > 0) else {
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
/// Only the writer makes paths: they are read with the writer's loads.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// Root first.
    frames: ArrayVec<Frame, MAX_LEVELS>,
    /// Level of the root; 0 also when the tree is empty.
    top: usize,
}

impl Path {
    pub(crate) fn to(root: Option<(NodeRef, usize)>, index: u64) -> Self {
        struct To(NodeRef, usize, u64);

        impl Operation for To {
            type Output = Path;

            #[inline(always)]
            fn run<S: Search>(self, search: S) -> Path {
                let Self(mut node, top, index) = self;
                let mut path = Path { frames: ArrayVec::new(), top };
                let (mut min, mut max) = (0, u64::MAX);
                for _ in 0..=top {
                    let frame = Frame { node, min, max, slot: node.search_by(search, index) };
                    path.frames.push(frame);
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
            Some((node, top)) => search::run(To(node, top, index)),
            None => Self { frames: ArrayVec::new(), top: 0 },
        }
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
