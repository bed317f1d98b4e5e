//! Rebuilding a tree with full nodes.

use crate::bulk::Bulk;
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
        let mut bulk = Bulk::new();
        let mut walk = Walk::new(self.root, Some((0, u64::MAX)));
        // Where the next slot begins; `None` behind the last index.
        let mut next = Some(0);
        while let (Some(first), Some(found)) = (next, walk.next()) {
            if first < found.first {
                bulk.push(found.first - 1, Word::EMPTY)?;
            }
            bulk.push(found.last, Word::live(found.entry))?;
            next = found.last.checked_add(1);
        }
        self.owner.nodes_taken += bulk.nodes() as u64;
        self.root.publish(bulk.finish(next.is_some()));
        self.owner.retire(old, level, Remains::Shell);
        // What is dead stays behind in the old nodes.
        self.owner.dead = None;
        self.owner.untidy = false;
        Ok(())
    }
}
