//! A leaf that a change gives more slots than it has room for: it shares with a sibling, or half of it goes to a new leaf.
//!
//! Beside readers the leaves and their parent are copied, and one store above the parent makes it all visible. When the parent is full, too,
//! that is left to the general way ([`edit`](crate::edit)).

use crate::list::Remains;
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::Bottom;
use crate::run::{Run, is_tidy, slots_needed};
use crate::splice::Splice;
use crate::tree_mut::{Memory, Mode, TreeMut};
use arrayvec::ArrayVec;
use core::ops::Range;
use maple_rcu::AllocError;

/// A leaf shares with a sibling when both together have no more slots than this.
const SHARED: usize = 2 * SLOTS;

/// The last slot of a full node.
const LAST: usize = SLOTS - 1;

/// What the leaf holds after the change, and a sibling's slots.
type Slots = Run<{ SHARED + 2 }>;

/// What becomes of a leaf, and perhaps of a sibling: their slots in the parent, and what is to be in them, in two parts.
struct Parts {
    /// One or two, in order, which are in `slots`.
    leaves: ArrayVec<NodeRef, 2>,
    slots: Range<usize>,
    run: Slots,
    /// Slots of the first part.
    first: usize,
}

impl TreeMut<'_> {
    /// Puts `splice` into the leaf at `bottom`, which has `len` slots. Returns whether it did.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was.
    #[cold]
    pub(crate) fn overflow(&mut self, bottom: &Bottom, len: usize, splice: &Splice, memory: Memory) -> Result<bool, AllocError> {
        let Some((parent, slot)) = bottom.parent else { return Ok(false) };
        let parent_len = parent.len();
        if self.owner.untidy && !is_tidy(parent, parent_len) {
            return Ok(false);
        }
        let (leaf, min, max) = (bottom.frame.node, bottom.frame.min, bottom.frame.max);
        // Ranges that come in order fill one leaf after another.
        let packed = max == u64::MAX && splice.to == len;
        if let ([word, Word::EMPTY], LAST, true) =
            (splice.words(), splice.from, packed && parent_len < SLOTS && !self.owner.untidy)
        {
            self.fill_up(bottom, (parent, slot, parent_len), (splice.lasts[0], *word), memory)?;
            return Ok(true);
        }
        let mut run = Slots::new();
        run.gather(leaf, 0..splice.from, max);
        run.append(splice.lasts(), splice.words());
        run.gather(leaf, splice.to..len, max);
        if self.owner.untidy {
            run.tidy();
        }
        if run.len() <= SLOTS {
            // Enough gaps were joined. The general way knows what to do with one leaf.
            return Ok(false);
        }
        let mut parts = Parts { leaves: ArrayVec::from_iter([leaf]), slots: slot..slot + 1, run, first: SLOTS };
        if !packed {
            let fits = |slot: usize| {
                let sibling = child(parent, slot)?;
                let needed = if self.owner.untidy { slots_needed(sibling) } else { sibling.len() };
                (parts.run.len() + needed <= SHARED).then_some(sibling)
            };
            if slot + 1 < parent_len
                && let Some(sibling) = fits(slot + 1)
            {
                parts.slots.end += 1;
                parts.leaves.push(sibling);
                parts.run.gather(sibling, 0..sibling.len(), u64::MAX);
            } else if slot > 0
                && let Some(sibling) = fits(slot - 1)
            {
                parts.slots.start -= 1;
                parts.leaves.insert(0, sibling);
                let right = core::mem::replace(&mut parts.run, Run::new());
                parts.run.gather(sibling, 0..sibling.len(), min - 1);
                parts.run.append(right.lasts(), right.words());
            }
            if self.owner.untidy {
                parts.run.tidy();
            }
            parts.first = parts.run.len().div_ceil(2);
        }
        if parts.slots.len() == 1 && parent_len == SLOTS {
            return Ok(false);
        }
        match self.mode {
            Mode::Exclusive => self.part_in_place(parent, parent_len, &parts, memory)?,
            Mode::Shared => self.part_beside(bottom.grand, parent, parent_len, &parts, memory)?,
        }
        self.forget_below(2);
        Ok(true)
    }

    /// With exclusive access: the old leaves hold the parts, and a new one, if need be.
    fn part_in_place(&mut self, parent: NodeRef, parent_len: usize, parts: &Parts, memory: Memory) -> Result<(), AllocError> {
        let Parts { leaves, slots, run, first } = parts;
        let (lasts, words) = (run.lasts(), run.words());
        let (left, sibling) = (leaves[0], leaves.get(1).copied());
        let right = match (sibling, &words[*first..]) {
            (Some(sibling), _) => Some(sibling),
            (None, [Word::EMPTY]) => None,
            (None, _) => Some(self.take(memory)?),
        };
        if let Some(right) = right {
            // SAFETY: exclusive access.
            unsafe { right.fill(&lasts[*first..], &words[*first..]) };
        }
        // SAFETY: as above.
        unsafe { left.fill(&lasts[..*first], &words[..*first]) };
        self.touch_node(parent, 1);
        if sibling.is_some() {
            // SAFETY: as above.
            unsafe { parent.set_pivot(slots.start, lasts[first - 1]) };
        } else {
            let ends = [lasts[first - 1], parent.last(slots.start, u64::MAX)];
            let children = [left.word(), right.map_or(Word::EMPTY, NodeRef::word)];
            // SAFETY: as above.
            unsafe { parent.splice(parent_len, slots.clone(), &ends, &children) };
        }
        Ok(())
    }

    /// Beside readers: new leaves hold the parts, and a new parent holds them.
    fn part_beside(
        &mut self,
        grand: Option<(NodeRef, usize)>,
        parent: NodeRef,
        parent_len: usize,
        parts: &Parts,
        memory: Memory,
    ) -> Result<(), AllocError> {
        let Parts { leaves, slots, run, first } = parts;
        let (lasts, words) = (run.lasts(), run.words());
        let rest_is_gap = words[*first..] == [Word::EMPTY];
        let nodes = self.take_nodes(3 - usize::from(rest_is_gap), memory)?;
        let (above, left, right) = (nodes[0], nodes[1], nodes.get(2).copied());
        // SAFETY: a new node that nobody can reach yet.
        unsafe { left.fill(&lasts[..*first], &words[..*first]) };
        if let Some(right) = right {
            // SAFETY: as above.
            unsafe { right.fill(&lasts[*first..], &words[*first..]) };
        }
        let ends = [lasts[first - 1], parent.last(slots.end - 1, u64::MAX)];
        let children = [left.word(), right.map_or(Word::EMPTY, NodeRef::word)];
        // SAFETY: as above.
        unsafe { above.copy(parent) };
        // SAFETY: as above.
        unsafe { above.splice(parent_len, slots.clone(), &ends, &children) };
        self.publish_above(grand, above);
        for leaf in leaves {
            self.owner.retire(*leaf, 0, Remains::Husk);
        }
        self.owner.retire(parent, 1, Remains::Husk);
        Ok(())
    }

    /// Puts `word`, up to `last`, in the place of the gap in the last slot of the last leaf, which is full; the rest of the gap goes to the parent,
    /// which is not: the leaf is in `slot` of its `parent_len` slots.
    fn fill_up(
        &mut self,
        bottom: &Bottom,
        (parent, slot, parent_len): (NodeRef, usize, usize),
        (last, word): (u64, Word),
        memory: Memory,
    ) -> Result<(), AllocError> {
        let leaf = bottom.frame.node;
        let ends = [last, u64::MAX];
        match self.mode {
            Mode::Exclusive => {
                // SAFETY: exclusive access.
                unsafe { leaf.set(LAST, last, word) };
                self.touch_node(parent, 1);
                // SAFETY: as above.
                unsafe { parent.splice(parent_len, slot..slot + 1, &ends, &[leaf.word(), Word::EMPTY]) };
            }
            Mode::Shared => {
                let nodes = self.take_nodes(2, memory)?;
                let (above, full) = (nodes[0], nodes[1]);
                // SAFETY: a new node that nobody can reach yet.
                unsafe { full.copy(leaf) };
                // SAFETY: as above.
                unsafe { full.set(LAST, last, word) };
                // SAFETY: as above.
                unsafe { above.copy(parent) };
                // SAFETY: as above.
                unsafe { above.splice(parent_len, slot..slot + 1, &ends, &[full.word(), Word::EMPTY]) };
                self.publish_above(bottom.grand, above);
                self.owner.retire(leaf, 0, Remains::Husk);
                self.owner.retire(parent, 1, Remains::Husk);
            }
        }
        self.forget_below(2);
        Ok(())
    }

    /// So many nodes, or none.
    fn take_nodes(&mut self, count: usize, memory: Memory) -> Result<ArrayVec<NodeRef, 3>, AllocError> {
        let mut nodes = ArrayVec::new();
        let mut source = self.source(memory);
        while nodes.len() < count {
            match self.owner.take(&mut source) {
                Ok(node) => nodes.push(node),
                Err(refused) => {
                    nodes.drain(..).for_each(|node| self.owner.stock.untake(&mut source, node));
                    self.close(source);
                    return Err(refused);
                }
            }
        }
        self.close(source);
        self.owner.nodes_taken += nodes.len() as u64;
        Ok(nodes)
    }

    /// Makes a new node just above the leaves visible.
    fn publish_above(&self, grand: Option<(NodeRef, usize)>, above: NodeRef) {
        match grand {
            Some((grand, slot)) => grand.publish(slot, above.word()),
            None => self.root.publish(Some((above, 1))),
        }
    }
}

fn child(parent: NodeRef, slot: usize) -> Option<NodeRef> {
    // SAFETY: a live word of an inner slot is a child.
    parent.own_slot(slot).target().map(|child| unsafe { NodeRef::from_target(child) })
}
