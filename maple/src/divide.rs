//! Dividing a tree into two, without readers.
//!
//! ```text
//!   [ . | . | * | y ]            *  the path to the border       the path's nodes keep what is left of it, and new nodes
//!            |                                                   get what is right; sub-trees on either side are not touched
//!   [ . | * | y | y ]    ->    [ . | . | * ]        [   gap   | * | y ]
//!        |                              |                       |
//!   [ . | . | y | y ]                 [ . | . | gap ]         [ gap | y | y ]
//! ```

use crate::list::FreeList;
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::{Frame, Path};
use crate::run::Run;
use crate::tree_mut::{Mode, TreeMut};

/// What came of dividing a tree.
#[derive(Debug)]
pub(crate) enum Divided {
    /// Nothing was at or after the border.
    Nothing,
    /// Everything was: the tree is as it was.
    All,
    /// This root, at its level, has what was at or after the border.
    Parted((NodeRef, usize)),
}

/// What becomes of a slot on the path.
#[derive(Clone, Copy, Debug)]
enum Below {
    /// It is a gap.
    Gap,
    /// All of it stays.
    Stays,
    /// All of it goes, as it is.
    Goes,
    /// What is there stays; what goes is in this new node, which begins at index 0.
    Parted(NodeRef),
}

impl TreeMut<'_> {
    /// Moves everything at or after `from`, which lies inside no entry, to a tree of its own. Takes at most one of `nodes` a level; there
    /// are that many. The root of either part may have a single child.
    pub(crate) fn divide(&mut self, from: u64, nodes: &mut FreeList) -> Divided {
        debug_assert_eq!(self.mode, Mode::Exclusive);
        self.forget();
        self.touch(from, u64::MAX);
        let Some((root, top)) = self.root.load() else { return Divided::Nothing };
        debug_assert!(nodes.len() > top, "a node a level");
        let path = Path::to(Some((root, top)), from);
        let mut below = if path.entry().is_some() { Below::Goes } else { Below::Gap };
        for (level, frame) in path.steps().rev() {
            let len = frame.node.len();
            let stays = frame.live(0..frame.slot).next().is_some() || matches!(below, Below::Stays | Below::Parted(_));
            let goes = frame.live(frame.slot + 1..len).next().is_some() || matches!(below, Below::Goes | Below::Parted(_));
            below = match (stays, goes) {
                (_, false) => Below::Stays,
                (false, true) => Below::Goes,
                (true, true) => {
                    let Some(node) = nodes.pop() else { return Divided::Nothing };
                    self.touch_node(frame.node, level);
                    part(frame, len, below, node);
                    Below::Parted(node)
                }
            };
        }
        match below {
            Below::Gap | Below::Stays => Divided::Nothing,
            Below::Goes => Divided::All,
            Below::Parted(node) => Divided::Parted((node, top)),
        }
    }
}

/// Moves what is right of the path, which goes on as `below` says, from the node of `frame`, with `len` slots, to `right`, which is new. With exclusive
/// access, which [`TreeMut::divide`] has.
fn part(frame: &Frame, len: usize, below: Below, right: NodeRef) {
    let Frame { node, slot, max, .. } = *frame;
    let mut run = Run::<SLOTS>::new();
    match below {
        Below::Gap | Below::Stays => run.push(frame.last(), Word::EMPTY),
        Below::Parted(child) => run.push(frame.last(), child.word()),
        Below::Goes => {
            // Something stays, so this is not the first slot, and there is room for the gap.
            run.push(frame.first() - 1, Word::EMPTY);
            run.push(frame.last(), frame.word());
        }
    }
    run.gather(node, slot + 1..len, max);
    // SAFETY: a node that nobody can reach yet.
    unsafe { right.fill(run.lasts(), run.words()) };
    // The slot that the node ends with, and whether that is a gap.
    let (end, gap) = match below {
        // What stays of the child ends with a gap.
        Below::Parted(_) | Below::Stays => (slot, false),
        Below::Gap | Below::Goes => {
            let kept = (0..slot).rev().find(|slot| node.own_slot(*slot).is_live());
            (kept.map_or(0, |slot| slot + 1), true)
        }
    };
    // SAFETY: exclusive access.
    unsafe { node.truncate(end) };
    if gap {
        node.publish(end, Word::EMPTY);
    }
}
