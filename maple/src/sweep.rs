//! Taking dead words out of nodes that are still in the tree.
//!
//! A word that was removed in place stays in its slot with the dead bit until no reader can hold it. Beside readers a sweep has three
//! steps: mark what is dead now as aged (under the lock), wait for a grace period (without it), empty the slots that are aged (under
//! the lock again). What died in between is not aged and waits for the next sweep.

use crate::list::{Limbo, Remains};
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::Frame;
use crate::tree_mut::TreeMut;
use arrayvec::ArrayVec;
use core::ptr::NonNull;

/// Entries taken out in one go, so that they can be dropped outside the lock.
pub(crate) type Swept = ArrayVec<NonNull<()>, SLOTS>;

/// Which dead words a sweep takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    /// Those that were aged before a grace period.
    Aged,
    /// Every one: there are no readers.
    All,
}

impl TreeMut<'_> {
    /// Marks every dead word in nodes that reach into the hull of dead words as aged; returns the hull, which starts anew.
    pub(crate) fn age(&mut self) -> Option<(u64, u64)> {
        let hull = self.owner.dead.take()?;
        self.visit(hull, &mut |_, step| {
            step.node.publish(step.slot, step.word().aged());
            true
        });
        Some(hull)
    }

    /// Empties dead slots within `hull` and moves what they held to `limbo` and `entries`. Stops when `entries` is full, and returns
    /// the index to go on from.
    ///
    /// # Safety
    ///
    /// With [`Which::Aged`] a grace period has passed since [`age`](TreeMut::age); with [`Which::All`] there are no readers.
    pub(crate) unsafe fn sweep(&mut self, hull: (u64, u64), which: Which, limbo: &mut Limbo, entries: &mut Swept) -> Option<u64> {
        let mut stopped = None;
        self.visit(hull, &mut |level, step| {
            let word = step.word();
            let Some(target) = word.any_target().filter(|_| which == Which::All || word.is_aged()) else {
                return true;
            };
            if level > 0 {
                // SAFETY: what a slot of an inner node points at is a child.
                limbo.push_below(unsafe { NodeRef::from_target(target) }, level - 1, Remains::Tree);
            } else if entries.try_push(target).is_err() {
                stopped = Some(step.first());
                return false;
            }
            step.node.publish(step.slot, Word::EMPTY);
            true
        });
        stopped
    }

    /// Calls `visit` for every dead slot of every node that reaches into `hull`, until it returns `false`.
    fn visit(&self, hull: (u64, u64), visit: &mut dyn FnMut(usize, &Frame) -> bool) {
        if let Some((node, level)) = self.root.load() {
            visit_below(level, Frame { node, min: 0, max: u64::MAX, slot: 0 }, hull, visit);
        }
    }
}

fn visit_below(level: usize, frame: Frame, hull: (u64, u64), visit: &mut dyn FnMut(usize, &Frame) -> bool) -> bool {
    for slot in frame.reached(hull.0, hull.1) {
        let step = Frame { slot, ..frame };
        let word = step.word();
        if word.is_dead() {
            if !visit(level, &step) {
                return false;
            }
        } else if let (Some(child), true) = (word.target(), level > 0) {
            // SAFETY: a live word of an inner slot is a child.
            let node = unsafe { NodeRef::from_target(child) };
            if !visit_below(level - 1, step.child(node), hull, visit) {
                return false;
            }
        }
    }
    true
}
