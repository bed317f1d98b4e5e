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
use crate::path::{Frame, Path};
use crate::tree_mut::TreeMut;

/// Whether what is free beside a change may go on to the first and to the last index of a node.
#[derive(Clone, Copy, Debug)]
struct Reach {
    left: bool,
    right: bool,
}

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
    #[inline(never)]
    fn forget_figures(&mut self, first: u64, last: u64) {
        let left = Path::to(self.root.load(), first);
        let Some(lowest) = left.bottom() else { return };
        let end = if left.at(0).is_some() { lowest.max } else { lowest.last() };
        let apart = (end < last).then(|| Path::to(self.root.load(), last));
        let mut reach = Reach { left: true, right: true };
        for level in 0..=left.top() {
            let l = left.at(level);
            match (l, apart.as_ref().map_or(l, |apart| apart.at(level))) {
                (Some(l), Some(r)) if l.node == r.node => {
                    let to = if level == 0 && last > l.last() { l.node.search(last) } else { r.slot };
                    reach.spread(level, l, l.slot, to);
                }
                (l, r) => {
                    if let Some(l) = l {
                        let mut outwards = Reach { right: true, ..reach };
                        outwards.spread(level, l, l.slot, l.node.len() - 1);
                        reach.left = outwards.left;
                    }
                    if let Some(r) = r {
                        let mut outwards = Reach { left: true, ..reach };
                        outwards.spread(level, r, 0, r.slot);
                        reach.right = outwards.right;
                    }
                }
            }
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
        if self.owner.tracks && level > 0 {
            forget_all_figures(node);
        }
    }
}

#[cold]
#[inline(never)]
fn forget_all_figures(node: NodeRef) {
    if let Some(companion) = Companion::of(node) {
        companion.forget(Places::ALL);
    }
}

impl Reach {
    /// Forgets the figures of a node, of which slots `from..=to` change, and says whether what is free goes on to its ends.
    fn spread(&mut self, level: usize, frame: &Frame, from: usize, to: usize) {
        let len = frame.node.len();
        if level == 0 {
            // The slots that the change begins and ends in count as free: what is left of them may be.
            self.left = frame.live(0..from).next().is_none();
            self.right = frame.live(to + 1..len).next().is_none();
            return;
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
            if !self.left {
                break;
            }
            touched.add_border(slot);
            self.left = may_be_free(slot);
        }
        for slot in to + 1..len {
            if !self.right {
                break;
            }
            touched.add_border(slot - 1);
            self.right = may_be_free(slot);
        }
        if let Some(companion) = companion {
            companion.forget(touched);
        }
    }
}
