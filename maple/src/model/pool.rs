//! In the place of the pool, when a model checker looks: each node is memory of its own, which is handed out once and lives until
//! the execution is over. So a reader that comes too late finds a node that Loom knows to be gone.
//!
//! What no model covers for that reason: slabs, their books, and nodes that come again by way of the pool. (Those that come again by way of a
//! reserve or a tree's stock are covered.)

use crate::list::FreeList;
use crate::node::{Node, NodeRef};
use core::cell::RefCell;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// Nodes that a bulk store takes in one go are reckoned in these.
pub(crate) const SLAB_NODES: usize = 2;

std::thread_local! {
    /// All nodes of this execution (whose threads are coroutines of one thread).
    static NODES: RefCell<Vec<NonNull<Node>>> = const { RefCell::new(Vec::new()) };
}

/// Where the nodes of models come from.
#[derive(Debug)]
pub struct Pool(());

static GLOBAL: Pool = Pool(());

/// Figures of a [`Pool`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PoolFigures {
    /// None.
    pub slabs: usize,
    /// None.
    pub slab_bytes: usize,
    /// Nodes handed out: to trees, to reserves, or waiting for a grace period.
    pub nodes_in_use: usize,
    /// Nodes that were given back in this execution.
    pub nodes_free: usize,
}

impl Pool {
    /// The only one.
    pub const fn global() -> &'static Self {
        &GLOBAL
    }

    /// The figures.
    pub fn figures(&self) -> PoolFigures {
        NODES.with_borrow(|nodes| {
            // SAFETY: the nodes live until the next execution begins.
            let in_use = nodes.iter().filter(|node| unsafe { node.as_ref() }.is_in_use()).count();
            PoolFigures { slabs: 0, slab_bytes: 0, nodes_in_use: in_use, nodes_free: nodes.len() - in_use }
        })
    }

    /// Takes `count` nodes.
    pub(crate) fn take(&'static self, count: usize) -> Result<FreeList, AllocError> {
        let mut nodes = FreeList::new();
        for _ in 0..count {
            let memory = NonNull::from(Box::leak(Box::new(Node::begin())));
            NODES.with_borrow_mut(|nodes| nodes.push(memory));
            // SAFETY: the memory was just made a node, and lives until the next execution begins.
            let node = unsafe { NodeRef::new_empty(memory) };
            node.note_in_use(true);
            nodes.push(node);
        }
        Ok(nodes)
    }
}

/// Ends what is left of the execution before.
#[cfg(test)]
pub(crate) fn begin() {
    for node in NODES.take() {
        // SAFETY: from `leak` in `take`; nobody is left who knows it.
        drop(unsafe { Box::from_raw(node.as_ptr()) });
    }
}

/// Nodes for a copy.
#[derive(Debug)]
pub(crate) struct Claim {
    nodes: FreeList,
}

impl Claim {
    /// Takes `count` nodes.
    pub(crate) fn new(pool: &'static Pool, count: usize) -> Result<Self, AllocError> {
        pool.take(count).map(|nodes| Self { nodes })
    }

    /// No nodes.
    pub(crate) const fn empty(_: &'static Pool) -> Self {
        Self { nodes: FreeList::new() }
    }

    /// Nodes that are left.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Takes the nodes of another one, too.
    pub(crate) fn extend(&mut self, mut more: Claim) {
        self.nodes.append(more.nodes.take());
    }

    /// Takes a node. `None` when all are taken.
    pub(crate) fn pop(&mut self) -> Option<NonNull<Node>> {
        self.nodes.pop().map(NodeRef::as_ptr)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        give(self.nodes.take());
    }
}

/// Takes nodes back.
pub(crate) fn give(mut nodes: FreeList) {
    while let Some(node) = nodes.pop() {
        node.note_in_use(false);
    }
}

/// As [`give`]: there is nothing to wait for.
pub(crate) fn try_give(nodes: FreeList) -> Result<(), FreeList> {
    give(nodes);
    Ok(())
}
