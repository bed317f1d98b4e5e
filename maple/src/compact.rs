//! Rebuilding a tree with full nodes.

use crate::bulk::{Bulk, Leaf};
use crate::list::Remains;
use crate::node::Word;
use crate::tree_mut::TreeMut;
use crate::walk::Walk;
use maple_rcu::AllocError;

impl TreeMut<'_> {
    /// Builds the tree anew with full nodes and makes it visible with one store.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was.
    pub(crate) fn compact(&mut self) -> Result<(), AllocError> {
        let Some((old, level)) = self.root.load() else { return Ok(()) };
        self.forget();
        let mut bulk = Bulk::new(self.owner.reserve.pool());
        let mut leaf = Leaf::NONE;
        let mut walk = Walk::new(self.root, Some((0, u64::MAX)));
        while let Some(found) = walk.next() {
            let ascends = bulk.push(&mut leaf, found.first, found.last, Word::live(found.entry))?;
            debug_assert!(ascends, "a walk ascends");
        }
        let (root, nodes) = bulk.finish(leaf).unzip();
        self.owner.nodes_taken += nodes.unwrap_or(0) as u64;
        self.root.publish(root);
        self.owner.retire(old, level, Remains::Shell);
        // What is dead stays behind in the old nodes.
        self.owner.dead = None;
        self.owner.untidy = false;
        Ok(())
    }
}
