//! Removing whole entries: one slot store for an entry, a handful for any range that cuts none. Never a node, never an error.
//!
//! ```text
//! kill 30..=99:   [ 0..=29 | 30..=59 | 60..=99 | 100.. ]   every slot that lies inside the range is emptied (beside readers, what
//!                   keep      dead      dead     keep      has to be released later stays behind with its dead bit); only
//!                                                          the two children that stick out are entered
//! ```

use crate::edit::{Displaced, Memory, Mode, Writer};
use crate::list::Remains;
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::{Frame, Path};
use core::ptr::NonNull;

/// An entry that was taken out of the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Erased {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) entry: NonNull<()>,
    /// The slot that carries it, dead, when it has no other carrier.
    pub(crate) carrier: Option<(NodeRef, usize)>,
}

impl Writer<'_> {
    /// Takes out the entry that covers `index`.
    pub(crate) fn erase(&mut self, index: u64) -> Option<Erased> {
        let path = Path::to(self.root.load(), index);
        let frame = *path.entry()?;
        let entry = frame.word().target()?;
        let (first, last) = (frame.first(), frame.last());
        let carrier = (self.mode == Mode::Shared && self.kind.carried_by_slot).then_some((frame.node, frame.slot));
        if carrier.is_some() {
            frame.node.publish(frame.slot, frame.word().dead());
            self.owner.note_dead(first, last);
        } else {
            frame.node.publish(frame.slot, Word::EMPTY);
        }
        match self.mode {
            Mode::Shared => self.collapse(&path),
            Mode::Exclusive => self.tidy(first, last),
        }
        Some(Erased { first, last, entry, carrier })
    }

    /// Joins the gap `first..=last` with its neighbours and merges nodes that got few, as far as no memory is needed.
    fn tidy(&mut self, first: u64, last: u64) {
        let mut displaced = Displaced::new();
        let refused = self.write((first, last), Word::EMPTY, Memory::Spare, &mut displaced, Ok);
        // A gap over exactly one slot never takes more slots than there were, so the leaf is rewritten in place.
        debug_assert!(refused.is_ok() && displaced.is_empty());
    }

    /// Unlinks the nodes at the end of `path` that hold nothing alive.
    pub(crate) fn collapse(&mut self, path: &Path) {
        for (level, frame) in path.steps().rev() {
            if frame.live(0..SLOTS).next().is_some() {
                return;
            }
            match path.at(level + 1) {
                Some(parent) => parent.node.publish(parent.slot, Word::EMPTY),
                None => self.root.publish(None),
            }
            self.owner.retire(frame.node, level, Remains::Husk);
        }
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        let root = self.root.load();
        self.root.publish(None);
        if let Some((node, level)) = root {
            self.owner.retire(node, level, Remains::Tree);
        }
    }

    /// Removes every entry that lies inside `first..=last`, slot by slot, from the top. An entry that sticks out stays. Returns the
    /// number of slot stores: at most 15 a level for each border that lies inside the tree.
    pub(crate) fn kill(&mut self, first: u64, last: u64) -> usize {
        let Some((node, level)) = self.root.load() else {
            return 0;
        };
        if (first, last) == (0, u64::MAX) {
            self.clear();
            return 1;
        }
        let stores = self.kill_below(level, Frame { node, min: 0, max: u64::MAX, slot: 0 }, first, last);
        for border in [first, last] {
            let path = Path::to(self.root.load(), border);
            self.collapse(&path);
        }
        stores
    }

    fn kill_below(&mut self, level: usize, frame: Frame, first: u64, last: u64) -> usize {
        let slots = frame.node.search(first.max(frame.min))..=frame.node.search(last.min(frame.max));
        let mut stores = 0;
        for slot in slots {
            let step = Frame { slot, ..frame };
            let Some(target) = step.word().target() else {
                continue;
            };
            let (min, max) = (step.first(), step.last());
            if first <= min && max <= last {
                self.kill_slot(level, &step);
                stores += 1;
            } else if level > 0 {
                // SAFETY: a live word of an inner slot is a child.
                let node = unsafe { NodeRef::from_target(target) };
                stores += self.kill_below(level - 1, Frame { node, min, max, slot: 0 }, first, last);
            }
        }
        stores
    }

    fn kill_slot(&mut self, level: usize, step: &Frame) {
        if level > 0 || self.kind.needs_drop {
            step.node.publish(step.slot, step.word().dead());
            self.owner.note_dead(step.first(), step.last());
        } else {
            step.node.publish(step.slot, Word::EMPTY);
        }
    }
}
