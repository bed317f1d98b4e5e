//! A leaf that a change gives more slots than it has room for: it shares with a sibling, or half of it goes to a new leaf.
//!
//! Beside readers the leaves and their parent are copied, and one store above the parent makes it all visible. When the parent is full, too,
//! that is left to the general way ([`edit`](crate::edit)).

use crate::list::Remains;
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::Bottom;
use crate::run::{self, is_tidy, slots_needed};
use crate::splice::Splice;
use crate::tree_mut::{Memory, Mode, TreeMut};
use arrayvec::ArrayVec;
use core::ops::Range;
use maple_rcu::AllocError;

/// A leaf shares with a sibling when both together have no more slots than this.
const SHARED: usize = 2 * SLOTS;

/// The last slot of a full node.
const LAST: usize = SLOTS - 1;

/// The slots of a leaf after the change, and perhaps of a sibling, in order: those from `start` to `end`.
///
/// The leaf's are put in the middle, so that there is room for a sibling on either side, and for whole nodes to be copied from and to any
/// part: copies of a known size take a fraction of the time.
struct Slots {
    lasts: [u64; ROOM],
    words: [Word; ROOM],
    start: usize,
    end: usize,
}

/// A sibling, the leaf with two slots more, a sibling, and what is behind the slots of a node that is copied as a whole.
const ROOM: usize = 7 * SLOTS / 2;

impl Slots {
    /// None yet.
    #[inline(always)]
    const fn new() -> Self {
        Self { lasts: [0; ROOM], words: [Word::EMPTY; ROOM], start: SLOTS, end: SLOTS }
    }

    /// Changes some slots of the node that was added first.
    #[inline(always)]
    fn splice(&mut self, splice: &Splice) {
        let (from, to, end) = (SLOTS + splice.from, SLOTS + splice.to, SLOTS + splice.from + splice.len);
        self.lasts.copy_within(to..self.end, end);
        self.words.copy_within(to..self.end, end);
        for (slot, (last, word)) in (from..).zip(splice.lasts().iter().zip(splice.words())) {
            self.lasts[slot] = *last;
            self.words[slot] = *word;
        }
        self.end = self.end - to + end;
    }

    fn len(&self) -> usize {
        self.end - self.start
    }

    /// Adds the slots of a node behind: it has `len` and ends at `max`.
    #[inline(always)]
    fn append(&mut self, node: NodeRef, len: usize, max: u64) {
        let (pivots, words) = node.contents();
        // Two gaps side by side are one.
        let gaps = !words[0].is_live() && self.len() > 0 && !self.words[self.end - 1].is_live();
        self.end -= usize::from(gaps);
        self.lasts[self.end..][..pivots.len()].copy_from_slice(pivots);
        self.words[self.end..][..words.len()].copy_from_slice(words);
        self.end += len;
        self.lasts[self.end - 1] = max;
    }

    /// Adds the slots of a node in front: it has `len` and ends at `max`.
    fn prepend(&mut self, node: NodeRef, len: usize, max: u64) {
        let (pivots, words) = node.contents();
        let gaps = !words[len - 1].is_live() && !self.words[self.start].is_live();
        let len = len - usize::from(gaps);
        let start = self.start - len;
        let used = len.min(pivots.len());
        self.lasts[start..][..used].copy_from_slice(&pivots[..used]);
        self.words[start..self.start].copy_from_slice(&words[..len]);
        if !gaps {
            self.lasts[self.start - 1] = max;
        }
        self.start = start;
    }

    /// As [`tidy`](run::tidy).
    #[cold]
    fn tidy(&mut self) {
        let slots = self.start..self.end;
        self.end = self.start + run::tidy(&mut self.lasts[slots.clone()], &mut self.words[slots]);
    }

    /// Makes `node` hold the slots of a part.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`].
    #[inline(always)]
    unsafe fn fill(&self, node: NodeRef, part: Range<usize>) {
        let (lasts, words) = (self.lasts[part.start..].first_chunk(), self.words[part.start..].first_chunk());
        let Some((lasts, words)) = lasts.zip(words) else { unreachable!("there is room for a whole node behind each part") };
        // SAFETY: the caller's promise.
        unsafe { node.fill_whole(lasts, words, part.len()) };
    }
}

/// What becomes of a leaf, and perhaps of a sibling: two leaves take their place.
struct Parting {
    /// Their slots in the parent,
    slots: Range<usize>,
    /// and they themselves, in order.
    leaves: ArrayVec<NodeRef, 2>,
    contents: Slots,
    /// Where the second leaf's slots begin.
    middle: usize,
}

impl Parting {
    /// Whether what is left for the second leaf is nothing but a gap, which needs none.
    fn rest_is_gap(&self) -> bool {
        self.contents.words[self.middle..self.contents.end] == [Word::EMPTY]
    }

    /// Fills the leaves, and makes a parent with `len` slots, or a copy of it, hold them.
    ///
    /// # Safety
    ///
    /// As for [`NodeRef::fill`], for all of these.
    #[inline(always)]
    unsafe fn hang(&self, parent: NodeRef, len: usize, left: NodeRef, right: Option<NodeRef>) {
        let Slots { start, end, lasts, .. } = &self.contents;
        // SAFETY: the caller's promise.
        unsafe { self.contents.fill(left, *start..self.middle) };
        if let Some(right) = right {
            // SAFETY: as above.
            unsafe { self.contents.fill(right, self.middle..*end) };
        }
        let ends = [lasts[self.middle - 1], parent.last(self.slots.end - 1, u64::MAX)];
        let children = [left.word(), right.map_or(Word::EMPTY, NodeRef::word)];
        // SAFETY: as above.
        unsafe { parent.splice(len, self.slots.clone(), &ends, &children) };
    }
}

/// A sibling that shares, and its slots in use.
enum Partner {
    Left(NodeRef, usize),
    Right(NodeRef, usize),
}

/// Who shares with the leaf in `slot`, which needs as many slots as `needed`.
#[inline(always)]
fn partner(parent: NodeRef, parent_len: usize, slot: usize, needed: usize, untidy: bool) -> Option<Partner> {
    let sibling = |slot: usize| {
        // SAFETY: a live word of an inner slot is a child.
        let child = unsafe { NodeRef::from_target(parent.own_slot(slot).target()?) };
        let len = child.len();
        (needed + if untidy { slots_needed(child) } else { len } <= SHARED).then_some((child, len))
    };
    let right = if slot + 1 < parent_len { sibling(slot + 1) } else { None };
    if let Some((right, len)) = right {
        return Some(Partner::Right(right, len));
    }
    let (left, len) = if slot > 0 { sibling(slot - 1) } else { None }?;
    Some(Partner::Left(left, len))
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
        let untidy = self.owner.untidy;
        if untidy && !is_tidy(parent, parent_len) {
            return Ok(false);
        }
        let (leaf, min, max) = (bottom.frame.node, bottom.frame.min, bottom.frame.max);
        // Ranges that come in order fill one leaf after another.
        let packed = max == u64::MAX && splice.to == len;
        if let ([word, Word::EMPTY], LAST, true) = (splice.words(), splice.from, packed && parent_len < SLOTS && !untidy) {
            self.fill_up(bottom, (parent, slot, parent_len), (splice.lasts[0], *word), memory)?;
            return Ok(true);
        }
        let mut parting =
            Parting { slots: slot..slot + 1, leaves: ArrayVec::new(), contents: Slots::new(), middle: SLOTS + SLOTS };
        parting.leaves.push(leaf);
        parting.contents.append(leaf, len, max);
        parting.contents.splice(splice);
        if untidy {
            parting.contents.tidy();
        }
        let needed = parting.contents.len();
        if needed <= SLOTS {
            // Enough gaps were joined. The general way knows what to do with one leaf.
            return Ok(false);
        }
        // Ranges that come in order leave full leaves behind.
        if !packed {
            match partner(parent, parent_len, slot, needed, untidy) {
                Some(Partner::Right(right, len)) => {
                    parting.slots.end += 1;
                    parting.leaves.push(right);
                    // Where its last slot ends is known to the parent.
                    parting.contents.append(right, len, u64::MAX);
                }
                Some(Partner::Left(left, len)) => {
                    parting.slots.start -= 1;
                    parting.leaves.insert(0, left);
                    parting.contents.prepend(left, len, min - 1);
                }
                None => {}
            }
            if untidy {
                parting.contents.tidy();
            }
            parting.middle = parting.contents.start + parting.contents.len().div_ceil(2);
        }
        if parting.slots.len() == 1 && parent_len == SLOTS {
            return Ok(false);
        }
        match self.mode {
            Mode::Exclusive => self.part_in_place(parent, parent_len, &parting, memory)?,
            Mode::Shared => self.part_beside(bottom.grand, parent, parent_len, &parting, memory)?,
        }
        self.forget_below(2);
        Ok(true)
    }

    /// With exclusive access: the old leaves hold the parts, and a new one, if need be.
    fn part_in_place(&mut self, parent: NodeRef, parent_len: usize, parting: &Parting, memory: Memory) -> Result<(), AllocError> {
        let right = match parting.leaves.get(1) {
            Some(sibling) => Some(*sibling),
            None if parting.rest_is_gap() => None,
            None => Some(self.take(memory)?),
        };
        self.touch_node(parent, 1);
        // SAFETY: exclusive access.
        unsafe { parting.hang(parent, parent_len, parting.leaves[0], right) };
        Ok(())
    }

    /// Beside readers: new leaves hold the parts, and a new parent holds them.
    fn part_beside(
        &mut self,
        grand: Option<(NodeRef, usize)>,
        parent: NodeRef,
        parent_len: usize,
        parting: &Parting,
        memory: Memory,
    ) -> Result<(), AllocError> {
        let nodes = self.take_nodes(3 - usize::from(parting.rest_is_gap()), memory)?;
        let (above, left, right) = (nodes[0], nodes[1], nodes.get(2).copied());
        // SAFETY: a new node that nobody can reach yet.
        unsafe { above.copy(parent) };
        // SAFETY: as above; so are the leaves.
        unsafe { parting.hang(above, parent_len, left, right) };
        self.publish_above(grand, above);
        for leaf in &parting.leaves {
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
