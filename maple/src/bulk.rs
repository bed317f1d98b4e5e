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

/// A tree in the making. Dropping it gives the nodes back; what the slots point at is not its own.
///
/// The leaf that is being filled is here and all else behind a reference, so that the compiler can keep the leaf in registers.
#[derive(Debug)]
pub(crate) struct Bulk<'u> {
    leaf: Option<NodeRef>,
    /// Slots of the leaf, or [`SLOTS`] when there is none.
    len: usize,
    /// Where the next slot begins; 0 also behind the last index.
    next: u64,
    above: &'u mut Above,
}

impl<'u> Bulk<'u> {
    pub(crate) fn new(above: &'u mut Above) -> Self {
        Self { leaf: None, len: SLOTS, next: 0, above }
    }

    /// Whether a slot that begins at `first` can be added.
    #[inline(always)]
    pub(crate) fn reaches(&self, first: u64) -> bool {
        self.next <= first && !(self.next == 0 && self.leaf.is_some())
    }

    /// Adds an entry at `first..=last`, which it [`reaches`](Self::reaches), and the gap in front of it.
    ///
    /// # Errors
    ///
    /// Out of memory. What was added before is still there; the gap in front of the entry may be.
    #[inline(always)]
    pub(crate) fn push(&mut self, first: u64, last: u64, word: Word) -> Result<(), AllocError> {
        if self.next < first {
            self.push_slot(first - 1, Word::EMPTY)?;
        }
        self.push_slot(last, word)
    }

    #[inline(always)]
    fn push_slot(&mut self, last: u64, word: Word) -> Result<(), AllocError> {
        let (node, len) = match self.leaf {
            Some(node) if self.len < SLOTS => (node, self.len),
            full => (self.above.next_leaf(full, self.next)?, 0),
        };
        // SAFETY: a leaf of `above`, whose nodes nobody else can reach (its invariant).
        unsafe { node.set(len, last, word) };
        (self.leaf, self.len, self.next) = (Some(node), len + 1, last.wrapping_add(1));
        Ok(())
    }

    /// The tree, and how many nodes it has; `None` when nothing was added.
    pub(crate) fn finish(self) -> Option<((NodeRef, usize), usize)> {
        let leaf = Open { node: self.leaf?, len: self.len, last: self.next.wrapping_sub(1) };
        self.above.finish(leaf, self.next != 0)
    }
}

/// What a [`Bulk`] has built: all but the leaf that is being filled. Dropping it gives the nodes back, unless the tree was finished.
///
/// # Invariants
///
/// The first `levels` of `open` are nodes, each but the highest to be put into a slot of the one above; the leaf may be out of date.
/// `built` are all nodes so far, which nobody else can reach. From one leaf to the next, `claim` has a node for each level and one more.
#[derive(Debug)]
pub(crate) struct Above {
    pool: &'static Pool,
    open: [Option<Open>; MAX_LEVELS],
    levels: usize,
    claim: Claim,
    built: FreeList,
}

/// Nodes taken at a time, at first and at most.
const FIRST: usize = 8;
const MOST: usize = 4 * pool::SLAB_NODES;

impl Above {
    /// With nodes from `pool`.
    pub(crate) fn new(pool: &'static Pool) -> Self {
        Self { pool, open: [None; MAX_LEVELS], levels: 0, claim: Claim::empty(pool), built: FreeList::new() }
    }

    /// A new leaf behind the one that is full and ends before `next`.
    ///
    /// # Errors
    ///
    /// Out of memory. The full leaf is still the last one.
    #[cold]
    fn next_leaf(&mut self, full: Option<NodeRef>, next: u64) -> Result<NodeRef, AllocError> {
        let needed = self.levels + 2;
        if self.claim.len() < needed {
            let more = (2 * self.built.len()).clamp(FIRST, MOST).max(needed);
            self.claim.extend(Claim::new(self.pool, more).or_else(|_| Claim::new(self.pool, needed))?);
        }
        match full {
            Some(full) => self.push_at(1, next - 1, full.word()),
            None => self.levels = 1,
        }
        self.begin(0);
        self.open[0].map(|leaf| leaf.node).ok_or(AllocError(()))
    }

    /// Begins a node at `level`. There is one for that.
    fn begin(&mut self, level: usize) {
        if let Some(memory) = self.claim.pop() {
            // SAFETY: a node that was just taken.
            let node = unsafe { NodeRef::new_empty(memory) };
            self.built.push(node);
            self.open[level] = Some(Open { node, len: 0, last: 0 });
        }
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

    /// The tree, whose last leaf is `leaf`, and its nodes. `rest`: there is a gap behind the last slot; else that ends at `u64::MAX`.
    fn finish(&mut self, leaf: Open, rest: bool) -> Option<((NodeRef, usize), usize)> {
        self.open[0] = Some(leaf);
        let mut level = 0;
        if rest {
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

impl Drop for Above {
    fn drop(&mut self) {
        pool::give(self.built.take());
    }
}
