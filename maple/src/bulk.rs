//! Building a tree from its slots in order: every node is filled before the next is begun.

use crate::list::FreeList;
use crate::node::{MAX_LEVELS, NodeRef, SLOTS, Word};
use crate::pool::{self, Claim};
use maple_rcu::AllocError;

/// A node that is being filled.
#[derive(Clone, Copy, Debug)]
struct Open {
    node: NodeRef,
    len: usize,
    /// Where the slots in it end.
    last: u64,
}

impl Open {
    #[inline(always)]
    fn push(&mut self, last: u64, word: Word) {
        // SAFETY: nobody else can reach the node, and `len` is below `SLOTS` (callers check).
        unsafe { self.node.set(self.len, last, word) };
        self.len += 1;
        self.last = last;
    }
}

/// A tree in the making. Dropping it gives the nodes back; what the slots point at is not its own.
///
/// # Invariants
///
/// The first `levels` of `open` are nodes, each but the highest to be put into a slot of the one above. `built` are all nodes so far. From
/// one leaf to the next, `claim` has a node for each level and one more.
#[derive(Debug)]
pub(crate) struct Bulk {
    open: [Option<Open>; MAX_LEVELS],
    levels: usize,
    claim: Claim,
    built: FreeList,
}

/// Nodes taken at a time, at first and at most.
const FIRST: usize = 8;
const MOST: usize = 4 * pool::SLAB_NODES;

impl Bulk {
    pub(crate) fn new() -> Self {
        Self { open: [None; MAX_LEVELS], levels: 0, claim: Claim::empty(), built: FreeList::new() }
    }

    /// Nodes built so far.
    pub(crate) fn nodes(&self) -> usize {
        self.built.len()
    }

    /// Adds a slot: an entry or a gap up to `last`. Two gaps in a row are the caller's to join.
    ///
    /// # Errors
    ///
    /// Out of memory. What was added before is still there.
    #[inline(always)]
    pub(crate) fn push(&mut self, last: u64, word: Word) -> Result<(), AllocError> {
        if let Some(leaf) = &mut self.open[0]
            && leaf.len < SLOTS
        {
            leaf.push(last, word);
            return Ok(());
        }
        self.push_in_next_leaf(last, word)
    }

    #[cold]
    fn push_in_next_leaf(&mut self, last: u64, word: Word) -> Result<(), AllocError> {
        let needed = self.levels + 2;
        if self.claim.len() < needed {
            let more = (2 * self.built.len()).clamp(FIRST, MOST).max(needed);
            self.claim.extend(Claim::new(more).or_else(|_| Claim::new(needed))?);
        }
        self.push_at(0, last, word);
        Ok(())
    }

    /// Adds a slot to the node that is open at `level`, or to the next. There are nodes for that.
    fn push_at(&mut self, level: usize, last: u64, word: Word) {
        if let Some(open) = self.open[level] {
            if open.len == SLOTS {
                self.push_at(level + 1, open.last, open.node.word());
                self.open[level] = None;
            }
        } else {
            self.levels = level + 1;
        }
        if self.open[level].is_none()
            && let Some(memory) = self.claim.pop()
        {
            // SAFETY: a node that was just taken.
            let node = unsafe { NodeRef::new_empty(memory) };
            self.built.push(node);
            self.open[level] = Some(Open { node, len: 0, last });
        }
        match &mut self.open[level] {
            Some(open) => open.push(last, word),
            None => debug_assert!(false, "nodes were miscounted"),
        }
    }

    /// The tree; `None` when nothing was added. `rest`: there is a gap behind the last slot; else that ends at `u64::MAX`.
    pub(crate) fn finish(mut self, rest: bool) -> Option<(NodeRef, usize)> {
        let mut level = 0;
        if rest {
            // To the lowest level with room, so that no node has nothing but this gap.
            while let Some(Open { node, len: SLOTS, last }) = self.open[level] {
                self.push_at(level + 1, last, node.word());
                level += 1;
            }
            if let Some(open) = &mut self.open[level] {
                open.push(u64::MAX, Word::EMPTY);
            }
        }
        while level + 1 < self.levels {
            let Open { node, last, .. } = self.open[level]?;
            self.push_at(level + 1, last, node.word());
            level += 1;
        }
        let root = self.open[level]?.node;
        // The nodes are the tree's.
        self.built.take();
        Some((root, level))
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        pool::give(self.built.take());
    }
}
