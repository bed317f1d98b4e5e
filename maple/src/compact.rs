//! Rebuilding a tree with full nodes.

use crate::edit::{Memory, Writer};
use crate::list::{FreeList, Remains};
use crate::node::{MAX_LEVELS, NodeRef, SLOTS, Word};
use crate::run::Run;
use crate::walk::Walk;
use maple_rcu::AllocError;

/// Builds a tree from its slots in order, filling each node.
struct Builder<'w, 't> {
    writer: &'w mut Writer<'t>,
    /// The node that is being filled at each level.
    open: [Run<SLOTS>; MAX_LEVELS],
    nodes: FreeList,
}

impl Builder<'_, '_> {
    /// Pushes every entry and every gap of the old tree, in order.
    fn gather(&mut self) -> Result<(), AllocError> {
        let mut walk = Walk::new(self.writer.root, Some((0, u64::MAX)));
        while let Some((low, high)) = walk.window() {
            let Some(found) = walk.next() else { return self.push(0, high, Word::EMPTY) };
            if low < found.first {
                self.push(0, found.first - 1, Word::EMPTY)?;
            }
            self.push(0, found.last, Word::live(found.entry))?;
        }
        Ok(())
    }

    fn push(&mut self, level: usize, last: u64, word: Word) -> Result<(), AllocError> {
        // A gap after a gap takes no slot.
        let gap_again = !word.is_live() && self.open[level].words().last() == Some(&Word::EMPTY);
        if self.open[level].len() == SLOTS && !gap_again {
            self.close(level)?;
        }
        self.open[level].append(&[last], &[word.or_gap()]);
        Ok(())
    }

    /// Makes a node of what is open at `level`, in the level above.
    fn close(&mut self, level: usize) -> Result<(), AllocError> {
        let slots = core::mem::replace(&mut self.open[level], Run::new());
        match (slots.lasts(), slots.words()) {
            ([last], [Word::EMPTY]) => self.push(level + 1, *last, Word::EMPTY),
            ([.., last], _) => {
                let node = self.writer.owner.stock.take(&mut self.writer.source(Memory::Allocate), SLOTS)?;
                self.nodes.push(node);
                // SAFETY: a node that nobody can reach yet.
                unsafe { node.fill(slots.lasts(), slots.words()) };
                self.push(level + 1, *last, node.word())
            }
            ([], _) => Ok(()),
        }
    }

    /// The root, once every slot was pushed.
    fn finish(&mut self) -> Result<Option<(NodeRef, usize)>, AllocError> {
        let mut level = 0;
        loop {
            let above = self.open[level + 1..].iter().any(|open| open.len() > 0);
            if let ([word], false) = (self.open[level].words(), above || level == 0) {
                // SAFETY: a live word of an inner level is a node.
                return Ok(word.target().map(|node| (unsafe { NodeRef::from_target(node) }, level - 1)));
            }
            self.close(level)?;
            level += 1;
        }
    }
}

impl Writer<'_> {
    /// Builds the tree anew with full nodes and makes it visible with one store.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was.
    pub(crate) fn compact(&mut self) -> Result<(), AllocError> {
        let Some((old, level)) = self.root.load() else { return Ok(()) };
        self.forget();
        let mut builder = Builder { writer: self, open: [const { Run::new() }; MAX_LEVELS], nodes: FreeList::new() };
        let root = builder.gather().and_then(|()| builder.finish());
        let mut nodes = builder.nodes;
        match root {
            Ok(root) => {
                self.owner.nodes_taken += nodes.len() as u64;
                self.root.publish(root);
                self.owner.retire(old, level, Remains::Shell);
                // What is dead stays behind in the old nodes.
                self.owner.dead = None;
                self.owner.untidy = false;
                Ok(())
            }
            Err(refused) => {
                while let Some(node) = nodes.pop() {
                    self.owner.stock.put(node);
                }
                Err(refused)
            }
        }
    }
}
