//! Changes inside one leaf: almost all there are. No path is kept; the leaf is found, searched and changed in one go, compiled for each
//! instruction set.
//!
//! ```text
//!   exclusive     the slots behind the change move over where they lie; what does not fit is shared with a sibling, or half of it
//!                 goes to a new leaf
//!   beside        the leaf is copied, the copy changed, and put in the place of the leaf by one store
//!   readers
//! ```
//!
//! The rest is left to the general way ([`edit`](crate::edit)): a change of several leaves, a leaf that is left so empty that it should
//! be merged, a parent that is full too.

use crate::edit::{Leftovers, Memory, Mode, Writer};
use crate::node::{NodeRef, SLOTS, Word};
use crate::path::{Bottom, Frame};
use crate::run::Run;
use crate::search::{self, Operation, Search};
use core::ops::Range;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// A leaf with no more slots than this, after a change that took some, is merged with a sibling when both fit one node.
pub(crate) const FEW: usize = 8;

/// A leaf that overflows shares with a sibling when both together have no more slots than this.
const SHARED: usize = 2 * SLOTS;

/// Where the writer last was, for a next change close by.
///
/// # Invariants
///
/// `live` is false from the moment a [`Writer`] is made until a change that knows the structure around the place says otherwise; every
/// other change of the structure forgets it. So a place that is used is in the tree, with its bounds and its parent.
#[derive(Debug, Default)]
pub(crate) struct Hint {
    bottom: Option<Bottom>,
    live: bool,
}

impl Hint {
    pub(crate) const fn new() -> Self {
        Self { bottom: None, live: false }
    }

    /// Whether the place may be used by who asks. The next one may not, unless it is noted again.
    pub(crate) fn take(&mut self) -> bool {
        core::mem::replace(&mut self.live, false)
    }
}

/// A change of one range.
pub(crate) struct Change<'c, 'w> {
    pub(crate) writer: &'c mut Writer<'w>,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) word: Word,
    pub(crate) memory: Memory,
    pub(crate) left_over: &'c mut Leftovers,
    pub(crate) split: &'c mut dyn FnMut(NonNull<()>) -> Result<NonNull<()>, AllocError>,
}

/// What a change puts in the place of some slots of a leaf.
#[derive(Debug)]
pub(crate) struct Splice {
    /// The slots that are replaced.
    pub(crate) slots: Range<usize>,
    /// What replaces them: what is left of the first, the new range, what is left of the last.
    pub(crate) items: Run<3>,
    /// The slots whose contents do not live on.
    removed: Range<usize>,
}

impl Operation for Change<'_, '_> {
    /// Whether it was done.
    type Output = Result<bool, AllocError>;

    #[inline(always)]
    fn run<S: Search>(self, search: S) -> Result<bool, AllocError> {
        let Self { writer, first, last, word, memory, left_over, split } = self;
        let Some(bottom) = writer.find(search, first) else { return Ok(false) };
        let frame = bottom.frame;
        if last > frame.max {
            return Ok(false);
        }
        if bottom.level > 0 {
            return writer.plant(&bottom, (first, last), word, memory);
        }
        let right = if last <= frame.last() { frame } else { Frame { slot: frame.node.search_by(search, last), ..frame } };
        let (starts, ends) = (frame.first() == first, right.last() == last);
        let mut copy = None;
        if frame.slot == right.slot {
            let old = frame.word();
            let carried = old.is_dead() || (old.is_live() && writer.kind.carried_by_slot);
            if starts && ends && word.is_live() && (writer.mode == Mode::Exclusive || !carried) {
                frame.node.publish(frame.slot, word);
                left_over.displaced.extend(old.target());
                writer.stay();
                return Ok(true);
            }
            if let Some(entry) = old.target().filter(|_| !starts && !ends) {
                // An earlier attempt at the same edit may have made the copy.
                copy = Some(left_over.unused.take().map_or_else(|| split(entry), Ok)?);
            }
        }
        let splice = Splice::new(&frame, &right, (first, last), word, copy);
        let len = frame.node.len_by(search, splice.slots.end);
        let done = writer.splice_leaf(&bottom, len, &splice, memory, left_over);
        if !matches!(done, Ok(true)) {
            left_over.unused = copy;
        }
        done
    }
}

impl Writer<'_> {
    /// The lowest step on the way to `index`; `None` in an empty tree.
    pub(crate) fn bottom(&mut self, index: u64) -> Option<Bottom> {
        struct Find<'c, 'w>(&'c mut Writer<'w>, u64);

        impl Operation for Find<'_, '_> {
            type Output = Option<Bottom>;

            #[inline(always)]
            fn run<S: Search>(self, search: S) -> Option<Bottom> {
                self.0.find(search, self.1)
            }
        }
        search::run(Find(self, index))
    }

    /// As [`bottom`](Self::bottom), inside an operation.
    #[inline(always)]
    fn find<S: Search>(&mut self, search: S, index: u64) -> Option<Bottom> {
        let hint = &mut self.owner.hint.bottom;
        match hint {
            // At a gap of an inner node the path ended early: another slot of that node may have a child.
            Some(bottom) if self.near && bottom.level == 0 && bottom.frame.min <= index && index <= bottom.frame.max => {
                bottom.frame.slot = bottom.frame.node.search_by(search, index);
            }
            _ => {
                *hint = Bottom::to(search, self.root, index);
                self.near = true;
            }
        }
        *hint
    }

    /// The structure around the place that was found last is as it was: the next change may start from there.
    #[inline(always)]
    pub(crate) fn stay(&mut self) {
        self.owner.hint.live = true;
    }

    /// Forgets the place: the structure of the tree is about to change.
    pub(crate) fn forget(&mut self) {
        self.owner.hint.live = false;
        self.near = false;
    }

    /// Stores a range inside a gap of a node just above the leaves: with a new leaf, which one store makes visible.
    fn plant(&mut self, bottom: &Bottom, (first, last): (u64, u64), word: Word, memory: Memory) -> Result<bool, AllocError> {
        let Bottom { frame, level, .. } = *bottom;
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
        self.owner.hint =
            Hint { bottom: Some(Bottom { frame: inside, level: 0, parent: Some((frame.node, frame.slot)) }), live: true };
        Ok(true)
    }

    /// A node for a change inside one leaf.
    fn take(&mut self, memory: Memory) -> Result<NodeRef, AllocError> {
        let mut source = self.source(memory);
        let taken = self.owner.take(&mut source);
        self.close(source);
        self.owner.nodes_taken += u64::from(taken.is_ok());
        taken
    }

    #[inline(always)]
    fn splice_leaf(
        &mut self,
        bottom: &Bottom,
        len: usize,
        splice: &Splice,
        memory: Memory,
        left_over: &mut Leftovers,
    ) -> Result<bool, AllocError> {
        let leaf = bottom.frame.node;
        let new_len = len - splice.slots.len() + splice.items.len();
        // Beside readers a leaf gets sparse by removals, which do not mend it; the next store does. But not the leaf that ranges in
        // ascending order are just filling.
        let mends = new_len < len || (self.mode == Mode::Shared && bottom.frame.max < u64::MAX);
        let sparse = new_len <= FEW && mends && bottom.parent.is_some();
        let nothing = new_len == 1 && splice.items.words()[0] == Word::EMPTY;
        if sparse || nothing {
            return Ok(false);
        }
        match self.mode {
            Mode::Exclusive => {
                if new_len > SLOTS && !self.overflow(bottom, len, splice, memory)? {
                    return Ok(false);
                }
                if self.kind.needs_drop {
                    left_over.displaced.extend(bottom.frame.live(splice.removed.clone()).filter_map(Word::target));
                }
                if new_len <= SLOTS {
                    // SAFETY: exclusive access.
                    unsafe { leaf.splice(len, splice.slots.clone(), splice.items.lasts(), splice.items.words()) };
                    self.stay();
                }
            }
            Mode::Shared => {
                if new_len > SLOTS || (self.owner.untidy && !is_tidy(leaf, len)) {
                    return Ok(false);
                }
                let node = self.take(memory)?;
                // SAFETY: a new node that nobody can reach yet.
                unsafe { node.copy(leaf) };
                // SAFETY: as above.
                unsafe { node.splice(len, splice.slots.clone(), splice.items.lasts(), splice.items.words()) };
                match bottom.parent {
                    Some((parent, slot)) => parent.publish(slot, node.word()),
                    None => self.root.publish(Some((node, 0))),
                }
                self.retire_husk(leaf, 0, splice.removed.clone());
                if let Some(place) = &mut self.owner.hint.bottom {
                    place.frame.node = node;
                }
                self.stay();
            }
        }
        Ok(true)
    }

    /// With exclusive access, changes a leaf that gets more slots than it has room for. What is displaced is still in the leaf's slots
    /// when this is called, and the caller's to release.
    fn overflow(&mut self, bottom: &Bottom, len: usize, splice: &Splice, memory: Memory) -> Result<bool, AllocError> {
        debug_assert!(splice.removed.is_empty(), "a leaf that grows loses nothing");
        let (leaf, min, max) = (bottom.frame.node, bottom.frame.min, bottom.frame.max);
        let Some((parent, slot)) = bottom.parent else { return Ok(false) };
        let parent_len = parent.len();
        let mut run = Run::<{ SHARED + 2 }>::new();
        run.gather(leaf, 0..splice.slots.start, max);
        run.append(&splice.items);
        let behind = len - splice.slots.end;
        run.gather(leaf, splice.slots.end..len, max);
        if run.len() <= SLOTS {
            // Gaps were joined, as removals beside readers left them.
            // SAFETY: exclusive access.
            unsafe { leaf.fill(run.lasts(), run.words()) };
            return Ok(true);
        }
        // Ranges that come in order fill one leaf after another.
        let packed = max == u64::MAX && behind == 0;
        let child = |slot: usize| {
            // SAFETY: a live word of an inner slot is a child.
            let node = parent.own_slot(slot).target().map(|child| unsafe { NodeRef::from_target(child) })?;
            let len = node.len();
            (!packed && run.len() + len <= SHARED).then_some((node, len))
        };
        if slot + 1 < parent_len
            && let Some((sibling, len)) = child(slot + 1)
        {
            run.gather(sibling, 0..len, u64::MAX);
            let part = run.len().div_ceil(2);
            // SAFETY: exclusive access.
            unsafe { leaf.fill(&run.lasts()[..part], &run.words()[..part]) };
            // SAFETY: as above.
            unsafe { sibling.fill(&run.lasts()[part..], &run.words()[part..]) };
            // SAFETY: as above.
            unsafe { parent.set_pivot(slot, run.lasts()[part - 1]) };
            self.forget();
            return Ok(true);
        }
        if slot > 0
            && let Some((sibling, len)) = child(slot - 1)
        {
            let mut all = Run::<{ SHARED + 2 }>::new();
            all.gather(sibling, 0..len, min - 1);
            all.append(&run);
            let part = all.len().div_ceil(2);
            // SAFETY: exclusive access.
            unsafe { sibling.fill(&all.lasts()[..part], &all.words()[..part]) };
            // SAFETY: as above.
            unsafe { leaf.fill(&all.lasts()[part..], &all.words()[part..]) };
            // SAFETY: as above.
            unsafe { parent.set_pivot(slot - 1, all.lasts()[part - 1]) };
            self.forget();
            return Ok(true);
        }
        if parent_len == SLOTS {
            return Ok(false);
        }
        let part = if packed { SLOTS } else { run.len().div_ceil(2) };
        // A rest that is nothing but a gap needs no leaf.
        let rest = match run.words()[part..] {
            [Word::EMPTY] => Word::EMPTY,
            _ => {
                let node = self.take(memory)?;
                // SAFETY: a new node that nobody can reach yet.
                unsafe { node.fill(&run.lasts()[part..], &run.words()[part..]) };
                node.word()
            }
        };
        // SAFETY: exclusive access.
        unsafe { leaf.fill(&run.lasts()[..part], &run.words()[..part]) };
        // SAFETY: as above.
        unsafe { parent.splice(parent_len, slot..slot + 1, &[run.lasts()[part - 1], max], &[leaf.word(), rest]) };
        self.forget();
        Ok(true)
    }
}

impl Splice {
    /// Makes `first..=last`, from the slot of `l` to that of `r` in one leaf, hold `word`. `copy`: of the entry that sticks out on
    /// both sides.
    #[inline(always)]
    fn new(l: &Frame, r: &Frame, (first, last): (u64, u64), word: Word, copy: Option<NonNull<()>>) -> Self {
        let node = l.node;
        let (starts, ends) = (l.first() == first, r.last() == last);
        let mut slots = l.slot..r.slot + 1;
        let mut items = Run::new();
        let gap = !word.is_live();
        // What is left of the first slot. Neighbouring gaps are joined.
        let left_gap = if starts { gap } else { !l.word().is_live() };
        if !starts && !(gap && left_gap) {
            items.push(first - 1, if left_gap { Word::EMPTY } else { l.word() });
        }
        if gap && left_gap {
            while slots.start > 0 && !node.own_slot(slots.start - 1).is_live() {
                slots.start -= 1;
            }
        }
        // The same on the right.
        let rest = copy.map_or(r.word(), Word::live);
        let right_gap = if ends { gap } else { !rest.is_live() };
        let mut end = last;
        if gap && right_gap {
            end = r.last();
            while end < r.max && !node.own_slot(slots.end).is_live() {
                end = node.last(slots.end, r.max);
                slots.end += 1;
            }
        }
        items.push(end, word);
        if !ends && !(gap && right_gap) {
            items.push(r.last(), if right_gap { Word::EMPTY } else { rest });
        }
        Self { slots, items, removed: l.slot + usize::from(!starts)..r.slot + usize::from(ends) }
    }
}

/// Whether the node has neither dead words nor two gaps side by side, as removals beside readers leave them. The general way drops the
/// one and joins the other.
#[inline(always)]
fn is_tidy(node: NodeRef, len: usize) -> bool {
    let (mut dead, mut gaps) = (false, 0u32);
    for slot in 0..len {
        let word = node.own_slot(slot);
        dead |= word.is_dead();
        gaps = gaps << 1 | u32::from(!word.is_live());
    }
    !dead && gaps & gaps << 1 == 0
}
