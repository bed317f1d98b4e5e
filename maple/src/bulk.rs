//! Building a tree from its slots in order: every node is filled before the next is begun.

use crate::list::FreeList;
use crate::node::{MAX_LEVELS, NodeRef, SLOTS, Word};
use crate::pool::{self, Claim, Pool};
use maple_rcu::AllocError;

/// A node that is being filled.
///
/// # Invariants
///
/// Nobody else can reach the node. `len` slots of it are in use.
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
        // SAFETY: by the invariant of the type nobody else can reach the node.
        unsafe { self.node.set(self.len, last, word) };
        self.len += 1;
        self.last = last;
    }
}

/// The leaf that a [`Bulk`] is filling. It is apart from that, and never borrowed for a call, so that a loop can keep it in registers.
///
/// # Invariants
///
/// `node` is a leaf of the [`Bulk`] that this is used with, whose nodes nobody else can reach. Before there is a leaf, `len` is [`SLOTS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf {
    node: Option<NodeRef>,
    /// Slots in use.
    len: usize,
    /// Where they end.
    last: u64,
}

impl Leaf {
    /// No leaf yet.
    pub(crate) const NONE: Self = Self { node: None, len: SLOTS, last: 0 };

    /// Adds a slot, for which there is room.
    #[inline(always)]
    fn push(&mut self, last: u64, word: Word) {
        // SAFETY: there is room, so there is a leaf.
        let node = unsafe { self.node.unwrap_unchecked() };
        // SAFETY: by the invariant of the type nobody else can reach the node.
        unsafe { node.set(self.len, last, word) };
        self.len += 1;
        self.last = last;
    }
}

/// A tree in the making, but for the leaf that is being filled. Dropping it gives the nodes back, unless the tree was finished; what the slots point at
/// is not its own.
///
/// # Invariants
///
/// The first `levels` of `open` are nodes, each but the highest to be put into a slot of the one above; the leaf may be out of date.
/// `built` are all nodes so far, which nobody else can reach. From one leaf to the next, `claim` has a node for each level and one more.
#[derive(Debug)]
pub(crate) struct Bulk {
    pool: &'static Pool,
    open: [Option<Open>; MAX_LEVELS],
    levels: usize,
    claim: Claim,
    built: FreeList,
}

/// Nodes taken at a time, at first and at most.
const FIRST: usize = 8;
const MOST: usize = 4 * pool::SLAB_NODES;

impl Bulk {
    /// With nodes from `pool`.
    pub(crate) fn new(pool: &'static Pool) -> Self {
        Self { pool, open: [None; MAX_LEVELS], levels: 0, claim: Claim::empty(pool), built: FreeList::new() }
    }

    /// Adds an entry at `first..=last`, and the gap in front of it, if it is behind what was added before. Returns whether it is.
    ///
    /// # Errors
    ///
    /// Out of memory. What was added before is still there.
    #[inline(always)]
    pub(crate) fn push(&mut self, leaf: &mut Leaf, first: u64, last: u64, word: Word) -> Result<bool, AllocError> {
        if first > leaf.last && leaf.len < SLOTS {
            if first - leaf.last == 1 {
                leaf.push(last, word);
                return Ok(true);
            }
            if leaf.len + 1 < SLOTS {
                leaf.push(first - 1, Word::EMPTY);
                leaf.push(last, word);
                return Ok(true);
            }
        }
        let Leaf { node, len, last: end } = *leaf;
        if node.is_some() && first <= end {
            return Ok(false);
        }
        let (node, len) = self.push_behind(node, len, end, first, last, word)?;
        *leaf = Leaf { node: Some(node), len, last };
        Ok(true)
    }

    /// Adds what is behind a leaf, which has so many slots and ends there, in any case. Returns the leaf that it went to, and its length.
    ///
    /// No structure goes in: words that were stored just before, and are loaded as a part of something larger, take their time.
    #[cold]
    fn push_behind(
        &mut self,
        mut node: Option<NodeRef>,
        mut len: usize,
        end: u64,
        first: u64,
        last: u64,
        word: Word,
    ) -> Result<(NodeRef, usize), AllocError> {
        let gap = if node.is_some() { first - 1 > end } else { first > 0 };
        // A full leaf ends where the next one begins: before the gap, or behind it.
        let full = |node: Option<NodeRef>, last| node.map(|node| (node, last));
        if gap {
            if len == SLOTS {
                (node, len) = (Some(self.next_leaf(full(node, end))?), 0);
            }
            if let Some(node) = node {
                // SAFETY: a leaf of `self`, whose nodes nobody else can reach (its invariant).
                unsafe { node.set(len, first - 1, Word::EMPTY) };
            }
            len += 1;
        }
        let node = match node {
            Some(node) if len < SLOTS => node,
            node => {
                len = 0;
                self.next_leaf(full(node, first.wrapping_sub(1)))?
            }
        };
        // SAFETY: as above.
        unsafe { node.set(len, last, word) };
        Ok((node, len + 1))
    }

    /// A new leaf behind one that is full.
    ///
    /// # Errors
    ///
    /// Out of memory. The full leaf is still the last one.
    fn next_leaf(&mut self, full: Option<(NodeRef, u64)>) -> Result<NodeRef, AllocError> {
        let needed = self.levels + 2;
        if self.claim.len() < needed {
            let more = (2 * self.built.len()).clamp(FIRST, MOST).max(needed);
            self.claim.extend(Claim::new(self.pool, more).or_else(|_| Claim::new(self.pool, needed))?);
        }
        match full {
            Some((node, last)) => self.push_at(1, last, node.word()),
            None => self.levels = 1,
        }
        self.begin(0).ok_or(AllocError(()))
    }

    /// Begins a node at `level`. There is one for that.
    fn begin(&mut self, level: usize) -> Option<NodeRef> {
        // SAFETY: a node that was just taken.
        let node = unsafe { NodeRef::new_empty(self.claim.pop()?) };
        self.built.push(node);
        self.open[level] = Some(Open { node, len: 0, last: 0 });
        Some(node)
    }

    /// Adds a slot to the node that is open at `level`, or to the next. There are nodes for that.
    fn push_at(&mut self, level: usize, last: u64, word: Word) {
        match self.open[level] {
            Some(Open { len: SLOTS, last, node }) => {
                self.push_at(level + 1, last, node.word());
                self.begin(level);
            }
            Some(_) => {}
            None => {
                self.levels = level + 1;
                self.begin(level);
            }
        }
        match &mut self.open[level] {
            Some(open) if open.len < SLOTS => open.push(last, word),
            _ => debug_assert!(false, "nodes were miscounted"),
        }
    }

    /// The tree, whose last leaf is `leaf`, and how many nodes it has; `None` when nothing was added.
    pub(crate) fn finish(&mut self, leaf: Leaf) -> Option<((NodeRef, usize), usize)> {
        self.open[0] = Some(Open { node: leaf.node?, len: leaf.len, last: leaf.last });
        let mut level = 0;
        if leaf.last < u64::MAX {
            // The gap goes where there is room: a node for nothing else is not needed.
            while let Some(Open { node, len: SLOTS, last }) = self.open[level] {
                self.push_at(level + 1, last, node.word());
                level += 1;
            }
            self.push_at(level, u64::MAX, Word::EMPTY);
        }
        while level + 1 < self.levels {
            let Open { node, last, .. } = self.open[level]?;
            self.push_at(level + 1, last, node.word());
            level += 1;
        }
        let root = self.open[level]?.node;
        // The nodes are the tree's.
        Some(((root, level), self.built.take().len()))
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        pool::give(self.built.take());
    }
}
