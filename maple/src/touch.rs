//! Saying beforehand which figures of free space a change may alter.
//!
//! ```text
//!   [  a  |  b  |  c  |  d  ]      a change below c: the figure of slot c. The border b|c only if everything between that border and
//!          ^     ^     ^           the change is free, a|b only if all of b is free, too; likewise to the right.
//! ```
//!
//! Only the nodes on the paths to both ends of the change are looked at: what lies between them goes whole. What a figure says
//! depends on what is free within the range of its node, and on where the slots of that node end; so a node that is written anew
//! where it lies forgets all of its figures.

use crate::companion::{Companion, Places, length};
use crate::node::NodeRef;
use crate::path::Frame;
use crate::tree_mut::TreeMut;

/// Whether what is free beside a change may go on to the first and to the last index of a node.
type Reach = (bool, bool);

impl TreeMut<'_> {
    /// What is free inside `first..=last`, or inside an entry that one of them lies in, is about to change. One test in a tree in which
    /// free space was never searched for; else `O(h)`. Needs no memory.
    #[inline(always)]
    pub(crate) fn touch(&mut self, first: u64, last: u64) {
        if self.owner.tracks {
            self.forget_figures(first, last);
        }
    }

    #[cold]
    fn forget_figures(&mut self, first: u64, last: u64) {
        if let Some((node, level)) = self.root.load() {
            touch_below(level, &Frame { node, min: 0, max: u64::MAX, slot: 0 }, first, last);
        }
    }

    /// Inner nodes may have companions from now on.
    pub(crate) fn track(&mut self) {
        self.owner.tracks = true;
        self.owner.hint.edge = (0, 0);
    }

    /// The slots of an inner node get other ends where it lies.
    #[inline(always)]
    pub(crate) fn touch_node(&mut self, node: NodeRef, level: usize) {
        if self.owner.tracks
            && level > 0
            && let Some(companion) = Companion::of(node)
        {
            companion.forget(Places::ALL);
        }
    }
}

/// Forgets figures of `frame` and below; the frame's range overlaps the change.
fn touch_below(level: usize, frame: &Frame, first: u64, last: u64) -> Reach {
    let (from, to) = frame.reached(first, last).into_inner();
    let len = frame.node.len();
    if level == 0 {
        // The slots that the change begins and ends in count as free: what is left of them may be.
        let free = |slots| frame.live(slots).next().is_none();
        return (free(0..from), free(to + 1..len));
    }
    let below = |slot| {
        let step = Frame { slot, ..*frame };
        // SAFETY: a live word of an inner slot is a child.
        let child = step.word().target().map(|child| step.child(unsafe { NodeRef::from_target(child) }));
        child.map_or((true, true), |child| touch_below(level - 1, &child, first, last))
    };
    let (mut left, mut right) = below(from);
    if from < to {
        right = below(to).1;
    }
    let companion = Companion::of(frame.node);
    let may_be_free = |slot| {
        let step = Frame { slot, ..*frame };
        let figure = companion.and_then(|companion| companion.slot(slot));
        !step.word().is_live() || figure.is_none_or(|figure| figure == length(step.first(), step.last()))
    };
    let mut touched = Places::default();
    (from..=to).for_each(|slot| touched.add_slot(slot));
    (from..to).for_each(|slot| touched.add_border(slot));
    for slot in (0..from).rev() {
        if !left {
            break;
        }
        touched.add_border(slot);
        left = may_be_free(slot);
    }
    for slot in to + 1..len {
        if !right {
            break;
        }
        touched.add_border(slot - 1);
        right = may_be_free(slot);
    }
    if let Some(companion) = companion {
        companion.forget(touched);
    }
    (left, right)
}
