//! Changes inside one leaf: almost all there are. No path is kept; the leaf is found, searched and changed in one go, compiled for each
//! instruction set.
//!
//! ```text
//!   exclusive     the slots behind the change move over where they lie
//!   beside        the leaf is copied, the copy changed, and put in the place of the leaf by one store
//!   readers
//! ```
//!
//! A leaf that gets too many slots is seen to by [`overflow`](crate::overflow). The rest is left to the general way ([`edit`](crate::edit)):
//! a change of several leaves, or a leaf that is left so empty that it should be merged.

use crate::list::Remains;
use crate::node::{NodeRef, Root, SLOTS, Word};
use crate::path::{Bottom, Frame};
use crate::run::{Run, is_tidy};
use crate::search::{self, Operation, Search};
use crate::splice::Splice;
use crate::tree_mut::{Leftovers, Memory, Mode, TreeMut};
use core::ops::Range;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// A leaf with no more slots than this, after a change that took some, is merged with a sibling when both fit one node.
pub(crate) const FEW: usize = SLOTS / 2;

/// An entry that was taken out of its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanged {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) entry: NonNull<()>,
}

/// A change of one range.
pub(crate) struct Change<'c, 'w> {
    pub(crate) writer: &'c mut TreeMut<'w>,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) word: Word,
    pub(crate) memory: Memory,
    pub(crate) left_over: &'c mut Leftovers,
    pub(crate) split: &'c mut dyn FnMut(NonNull<()>) -> Result<NonNull<()>, AllocError>,
}

impl Operation for Change<'_, '_> {
    /// Whether it was done.
    type Output = Result<bool, AllocError>;

    #[inline(always)]
    fn run<S: Search>(self, search: S, index: u64) -> Result<bool, AllocError> {
        match self.writer.find(search, index) {
            Some(bottom) => self.at(search, bottom),
            None => Ok(false),
        }
    }
}

impl Change<'_, '_> {
    /// Makes the change, which begins at `bottom`, if it concerns that node only.
    #[inline(always)]
    pub(crate) fn at<S: Search>(self, search: S, bottom: Bottom) -> Result<bool, AllocError> {
        let Self { writer, first, last, word, memory, left_over, split } = self;
        let frame = bottom.frame;
        if last > frame.max {
            return Ok(false);
        }
        if bottom.level > 0 {
            return writer.plant(bottom, (first, last), word, memory);
        }
        let mut right = frame;
        if last > frame.last() {
            right.slot = frame.node.search_by(search, last);
        }
        let (starts, ends) = (frame.first() == first, right.last() == last);
        let mut copy = None;
        if frame.slot == right.slot {
            let old = frame.word();
            let gap_in_gap = !(old.is_live() || word.is_live());
            if gap_in_gap && !(starts && ends) {
                return Ok(true);
            }
            if starts && ends && word.is_live() {
                let carried = old.is_dead() || (old.is_live() && writer.kind.carried_by_slot);
                if writer.mode == Mode::Exclusive || !carried {
                    frame.node.publish(frame.slot, word);
                    if let Some(old) = old.target() {
                        left_over.displaced.push(old);
                    }
                    writer.stay(&bottom, (0, 0));
                    return Ok(true);
                }
            }
            if !starts
                && !ends
                && let Some(entry) = old.target()
            {
                // An earlier attempt at the same edit may have made the copy.
                copy = Some(left_over.unused.take().map_or_else(|| split(entry), Ok)?);
            }
        }
        let splice = Splice::new(&frame, &right, (first, last), word, copy);
        let len = frame.node.len_by(search, splice.to);
        // The slots whose contents do not live on.
        let removed = frame.slot + usize::from(!starts)..right.slot + usize::from(ends);
        let done = writer.splice_leaf(bottom, len, &splice, removed, memory, left_over);
        if copy.is_some() && !matches!(done, Ok(true)) {
            left_over.unused = copy;
        }
        done
    }
}

impl TreeMut<'_> {
    /// Puts `word` in the place of the entry that covers `index`, if there is one: one store. The range stays.
    #[inline]
    pub(crate) fn exchange(&mut self, index: u64, word: Word) -> Option<Exchanged> {
        struct Exchange<'c, 'w>(&'c mut TreeMut<'w>, Word);

        impl Operation for Exchange<'_, '_> {
            type Output = Option<Exchanged>;

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) -> Option<Exchanged> {
                let Self(writer, word) = self;
                let Bottom { frame, level: 0, .. } = writer.find(search, index)? else { return None };
                let entry = frame.word().target()?;
                frame.node.publish(frame.slot, word);
                // The structure is what it was.
                writer.owner.hint.live = writer.near;
                Some(Exchanged { first: frame.first(), last: frame.last(), entry })
            }
        }
        search::run(index, Exchange(self, word))
    }

    /// With exclusive access, puts `word` in the place of the entry that covers `index`, if there is one, wherever that begins and ends.
    #[inline]
    pub(crate) fn swap(&mut self, index: u64, word: Word) -> Option<NonNull<()>> {
        struct Swap<'r>(&'r Root, Word);

        impl Operation for Swap<'_> {
            type Output = Option<NonNull<()>>;

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) -> Option<NonNull<()>> {
                let Self(root, word) = self;
                let (mut node, level) = root.load()?;
                for _ in 0..level {
                    let child = node.own_slot(node.search_by(search, index)).target()?;
                    // SAFETY: a live word of an inner slot is a child.
                    node = unsafe { NodeRef::from_target(child) };
                }
                let slot = node.search_by(search, index);
                let entry = node.own_slot(slot).target()?;
                node.publish(slot, word);
                Some(entry)
            }
        }
        // The structure is what it was.
        self.owner.hint.live = self.near;
        search::run(index, Swap(self.root, word))
    }

    /// Stores a range inside the gap that the leaf of the last change ends with. Returns whether it did.
    #[inline(always)]
    pub(crate) fn append(&mut self, window: (u64, u64), word: Word) -> bool {
        if !self.near {
            return false;
        }
        match self.mode {
            // SAFETY: by the invariant of the type there are no readers; the place may be used, or `near` would not be set.
            Mode::Exclusive => unsafe { self.owner.hint.append(window, word) },
            Mode::Shared => self.append_beside(window, word),
        }
    }

    /// As [`append`](Self::append), beside readers.
    #[inline(always)]
    fn append_beside(&mut self, window: (u64, u64), word: Word) -> bool {
        let (Some((bottom, len, apart)), false) = (self.owner.hint.appends(window), self.owner.untidy) else { return false };
        let (leaf, Some((parent, slot))) = (bottom.frame.node, bottom.parent) else { return false };
        let Ok(node) = self.take(Memory::Allocate) else { return false };
        // SAFETY: a new node that nobody can reach yet.
        unsafe { node.copy(leaf) };
        // SAFETY: as above.
        unsafe { node.append(len, apart, window, word) };
        parent.publish(slot, node.word());
        self.owner.retire(leaf, 0, Remains::Husk);
        // The place is what it was, with the new leaf.
        if let Some(bottom) = &mut self.owner.hint.bottom {
            bottom.frame.node = node;
        }
        self.owner.hint.appended(len + usize::from(apart) + 1, window);
        self.outdate(1);
        true
    }

    /// Stores a range inside a gap of a node just above the leaves: with a new leaf, which one store makes visible.
    fn plant(&mut self, bottom: Bottom, (first, last): (u64, u64), word: Word, memory: Memory) -> Result<bool, AllocError> {
        let Bottom { frame, level, .. } = bottom;
        if level > 1 || frame.word() != Word::EMPTY || !word.is_live() || last > frame.last() {
            return Ok(false);
        }
        let mut items = Run::<3>::new();
        if frame.first() < first {
            items.push(first - 1, Word::EMPTY);
        }
        items.push(last, word);
        if last < frame.last() {
            items.push(frame.last(), Word::EMPTY);
        }
        let leaf = self.take(memory)?;
        // SAFETY: a new node that nobody can reach yet.
        unsafe { leaf.fill(items.lasts(), items.words()) };
        frame.node.publish(frame.slot, leaf.word());
        let inside = Frame { node: leaf, min: frame.first(), max: frame.last(), slot: 0 };
        let edge = if last < inside.max { (items.len(), last + 1) } else { (0, 0) };
        self.stay(&Bottom { frame: inside, level: 0, parent: Some((frame.node, frame.slot)), grand: bottom.parent }, edge);
        Ok(true)
    }

    #[inline(always)]
    fn splice_leaf(
        &mut self,
        bottom: Bottom,
        len: usize,
        splice: &Splice,
        removed: Range<usize>,
        memory: Memory,
        left_over: &mut Leftovers,
    ) -> Result<bool, AllocError> {
        let Bottom { frame, parent, .. } = bottom;
        let leaf = frame.node;
        let new_len = len - (splice.to - splice.from) + splice.len;
        // Beside readers a leaf gets sparse by removals, which do not mend it; the next store does. But not the leaf that ranges in
        // ascending order are just filling.
        if new_len <= FEW && parent.is_some() && (new_len < len || (self.mode == Mode::Shared && frame.max < u64::MAX)) {
            return Ok(false);
        }
        if new_len == 1 && splice.words[0] == Word::EMPTY {
            return Ok(false);
        }
        if new_len > SLOTS {
            debug_assert!(removed.is_empty(), "a leaf that grows loses nothing");
            return self.overflow(&bottom, len, splice, memory);
        }
        let edge = match splice.words() {
            [.., Word::EMPTY] if splice.to == len && splice.len > 1 => (new_len, splice.lasts[splice.len - 2] + 1),
            _ => (0, 0),
        };
        match self.mode {
            Mode::Exclusive => {
                if self.kind.needs_drop {
                    left_over.displaced.extend(frame.live(removed).filter_map(Word::target));
                }
                // SAFETY: exclusive access.
                unsafe { leaf.splice(len, splice.from..splice.to, splice.lasts(), splice.words()) };
                self.stay(&bottom, edge);
            }
            Mode::Shared => {
                if self.owner.untidy && !is_tidy(leaf, len) {
                    return Ok(false);
                }
                let node = self.take(memory)?;
                // SAFETY: a new node that nobody can reach yet.
                unsafe { node.copy(leaf) };
                // SAFETY: as above.
                unsafe { node.splice(len, splice.from..splice.to, splice.lasts(), splice.words()) };
                match parent {
                    Some((parent, slot)) => parent.publish(slot, node.word()),
                    None => self.root.publish(Some((node, 0))),
                }
                self.retire_husk(leaf, 0, removed);
                self.stay(&Bottom { frame: Frame { node, ..frame }, ..bottom }, edge);
            }
        }
        Ok(true)
    }
}
