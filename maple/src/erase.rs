//! Removing whole entries: one slot store for an entry, a handful for any range that cuts none. Never a node, never an error.
//!
//! ```text
//! kill 30..=99:   [ 0..=29 | 30..=59 | 60..=99 | 100.. ]   every slot that lies inside the range is emptied (beside readers, what
//!                   keep      dead      dead     keep      has to be released later stays behind with its dead bit); only
//!                                                          the two children that stick out are entered
//! ```

use crate::leaf::{Change, Exchanged};
use crate::list::Remains;
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::{Bottom, Frame};
use crate::search::{self, Operation, Search};
use crate::sync::or_broken;
use crate::tree_mut::{Leftovers, Memory, TreeMut};
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

impl TreeMut<'_> {
    /// With exclusive access, takes out the entry that covers `index`. The gap is joined with its neighbours, and nodes that got few are
    /// merged, as far as no memory is needed.
    pub(crate) fn take_out(&mut self, index: u64) -> Option<Exchanged> {
        struct TakeOut<'c, 'w>(&'c mut TreeMut<'w>);

        impl Operation for TakeOut<'_, '_> {
            /// What was taken out, and whether that was all.
            type Output = Option<(Exchanged, bool)>;

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) -> Option<(Exchanged, bool)> {
                let Self(writer) = self;
                let bottom = writer.find(search, index)?;
                let Bottom { frame, level: 0, .. } = bottom else { return None };
                let entry = frame.word().target()?;
                let (first, last) = (frame.first(), frame.last());
                frame.node.publish(frame.slot, Word::EMPTY);
                // Between entries the gap has no other to be joined with.
                let (begins, ends) = (first == frame.min, last == frame.max);
                let joins = |slot: usize| !frame.node.own_slot(slot).is_live();
                if !(begins && ends) && (begins || !joins(frame.slot - 1)) && (ends || !joins(frame.slot + 1)) {
                    writer.stay(&bottom, (0, 0));
                    return Some((Exchanged { first, last, entry }, true));
                }
                let (left_over, split) = (&mut Leftovers::default(), &mut |entry| Ok(entry));
                let gap = Change { writer, first, last, word: Word::EMPTY, memory: Memory::Spare, left_over, split };
                let done = gap.at(search, bottom);
                Some((Exchanged { first, last, entry }, matches!(done, Ok(true))))
            }
        }
        self.touch(index, index);
        let (taken, done) = search::run(index, TakeOut(self))?;
        if !done {
            let mut left_over = Leftovers::default();
            let refused = self.write_any((taken.first, taken.last), Word::EMPTY, Memory::Spare, &mut left_over);
            // A gap over exactly one slot never takes more slots than there were, so the leaf is rewritten in place.
            debug_assert!(refused.is_ok() && left_over.displaced.is_empty());
        }
        Some(taken)
    }

    /// Beside readers, takes out the entry that covers `index`.
    pub(crate) fn erase(&mut self, index: u64) -> Option<Erased> {
        let bottom = self.bottom(index)?;
        let entry = bottom.entry()?;
        let frame = bottom.frame;
        let (first, last) = (frame.first(), frame.last());
        self.touch(index, index);
        let carrier = self.kind.carried_by_slot.then_some((frame.node, frame.slot));
        if carrier.is_some() {
            frame.node.publish(frame.slot, or_broken!(Carry: frame.word().dead(), Word::EMPTY));
            self.owner.note_dead(first, last);
        } else {
            frame.node.publish(frame.slot, Word::EMPTY);
        }
        self.stay(&bottom, (0, 0));
        self.owner.untidy = true;
        if frame.live(0..SLOTS).next().is_none() {
            self.unlink_empty(index);
        }
        Some(Erased { first, last, entry, carrier })
    }

    /// Unlinks the nodes at the end of the path to `index` that hold nothing alive.
    pub(crate) fn collapse(&mut self, index: u64) {
        if self.bottom(index).is_some_and(|bottom| bottom.frame.live(0..SLOTS).next().is_none()) {
            self.unlink_empty(index);
        }
    }

    #[cold]
    #[inline(never)]
    fn unlink_empty(&mut self, index: u64) {
        let path = self.path_to(index);
        self.forget_below(0);
        self.owner.untidy = true;
        for (level, frame) in path.steps().rev() {
            if frame.live(0..SLOTS).next().is_some() {
                return;
            }
            self.outdate(level + 1);
            match path.at(level + 1) {
                Some(parent) => parent.node.publish(parent.slot, Word::EMPTY),
                None => self.root.publish(None),
            }
            self.owner.retire(frame.node, level, Remains::Husk);
        }
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        self.forget();
        let root = self.root.load();
        self.owner.untidy = false;
        self.owner.tracks = false;
        self.root.publish(None);
        if let Some((node, level)) = root {
            self.owner.retire(node, level, Remains::Tree);
        }
    }

    /// Removes every entry that lies inside `first..=last`, slot by slot, from the top. An entry that sticks out stays. Returns the
    /// number of slot stores: at most 15 a level for each border that lies inside the tree.
    pub(crate) fn kill(&mut self, first: u64, last: u64) -> usize {
        self.forget();
        self.touch(first, last);
        let Some((node, level)) = self.root.load() else {
            return 0;
        };
        let top = Frame { node, min: 0, max: u64::MAX, slot: 0 };
        if !keeps(level, top, first, last) {
            self.clear();
            return 1;
        }
        self.kill_below(level, top, first, last)
    }

    fn kill_below(&mut self, level: usize, frame: Frame, first: u64, last: u64) -> usize {
        let mut stores = 0;
        for slot in frame.reached(first, last) {
            let step = Frame { slot, ..frame };
            let Some(target) = step.word().target() else { continue };
            let inside = first <= step.first() && step.last() <= last;
            // SAFETY: a live word of an inner slot is a child.
            let child = (level > 0).then(|| step.child(unsafe { NodeRef::from_target(target) }));
            match child {
                // Nothing that lives there stays, so it can go whole.
                Some(child) if inside || !keeps(level - 1, child, first, last) => self.kill_slot(level, &step),
                Some(child) => {
                    stores += self.kill_below(level - 1, child, first, last);
                    continue;
                }
                None if inside => self.kill_slot(level, &step),
                None => continue,
            }
            stores += 1;
        }
        stores
    }

    fn kill_slot(&mut self, level: usize, step: &Frame) {
        self.owner.untidy = true;
        if level > 0 || self.kind.needs_drop {
            step.node.publish(step.slot, or_broken!(Carry: step.word().dead(), Word::EMPTY));
            self.owner.note_dead(step.first(), step.last());
        } else {
            step.node.publish(step.slot, Word::EMPTY);
        }
    }
}

/// Whether an entry below `frame` sticks out of `first..=last` or lies outside.
fn keeps(level: usize, frame: Frame, first: u64, last: u64) -> bool {
    (0..frame.node.len()).any(|slot| {
        let step = Frame { slot, ..frame };
        let Some(target) = step.word().target() else { return false };
        if first <= step.first() && step.last() <= last {
            return false;
        }
        if level == 0 || last < step.first() || step.last() < first {
            return true;
        }
        // SAFETY: a live word of an inner slot is a child.
        let child = unsafe { NodeRef::from_target(target) };
        keeps(level - 1, step.child(child), first, last)
    })
}
