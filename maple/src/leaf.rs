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

use crate::edit::{Leftovers, Memory, Mode, Writer};
use crate::list::Remains;
use crate::node::{NodeRef, Root, SLOTS, Word};
use crate::path::{Bottom, Frame};
use crate::run::Run;
use crate::search::{self, Operation, Portable, Search};
use core::ops::Range;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// A leaf with no more slots than this, after a change that took some, is merged with a sibling when both fit one node.
pub(crate) const FEW: usize = 8;

/// Where the writer last was, for a next change close by.
///
/// # Invariants
///
/// `live` is false from the moment a [`Writer`] is made until a change that knows the structure around the place says otherwise; every
/// other change of the structure forgets it. So a place that is used is in the tree, with its bounds and its parent.
#[derive(Debug, Default)]
pub(crate) struct Hint {
    bottom: Option<Bottom>,
    /// The gap that the leaf ends with, if that is known: slots in use (else 0), and where the gap begins.
    edge: (usize, u64),
    live: bool,
}

impl Hint {
    pub(crate) const fn new() -> Self {
        Self { bottom: None, edge: (0, 0), live: false }
    }

    /// Whether what is known of the place is so.
    pub(crate) fn holds(&self, root: &Root) -> bool {
        let Some(known) = self.bottom.as_ref().filter(|_| self.live) else { return true };
        let Some(found) = Bottom::to(Portable, root, known.frame.min) else { return false };
        let (node, (len, gap)) = (known.frame.node, self.edge);
        let same = |one: &Frame, other: &Frame| (one.node, one.min, one.max) == (other.node, other.min, other.max);
        let place = same(&known.frame, &found.frame)
            && (known.level, known.parent, known.grand) == (found.level, found.parent, found.grand);
        let edge = len == 0
            || (len == node.len() && node.first(len - 1, known.frame.min) == gap && node.own_slot(len - 1) == Word::EMPTY);
        place && edge
    }

    /// Whether the place may be used by who asks. The next one may not, unless it is noted again.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> bool {
        core::mem::replace(&mut self.live, false)
    }

    /// Undoes a [`take`](Self::take), after nothing was changed.
    pub(crate) fn note(&mut self, live: bool) {
        self.live = live;
    }

    /// Where a range inside the gap that the leaf ends with would go: the leaf, its slots in use, and whether the range is apart from
    /// what is before it.
    #[inline(always)]
    fn appends(&self, (first, last): (u64, u64)) -> Option<(&Bottom, usize, bool)> {
        let (bottom, (len, gap)) = (self.bottom.as_ref()?, self.edge);
        let apart = gap < first;
        let fits = self.live && gap <= first && last < bottom.frame.max && len > 0 && len + usize::from(apart) < SLOTS;
        fits.then_some((bottom, len, apart))
    }

    /// With exclusive access, stores a range inside the gap that the leaf ends with, as ranges in ascending order do: nothing is searched,
    /// and nothing moves. Returns whether it did.
    #[inline(always)]
    pub(crate) fn append(&mut self, window: (u64, u64), word: Word) -> bool {
        let Some((bottom, len, apart)) = self.appends(window) else { return false };
        // SAFETY: exclusive access.
        unsafe { bottom.frame.node.append(len, apart, window, word) };
        self.edge = (len + usize::from(apart) + 1, window.1 + 1);
        true
    }
}

/// An entry that was taken out of its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanged {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) entry: NonNull<()>,
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
    /// The slots that are replaced: from this one,
    pub(crate) from: usize,
    /// up to, but not including, this one.
    pub(crate) to: usize,
    /// What replaces them: what is left of the first, the new range, what is left of the last; `len` of these.
    lasts: [u64; 4],
    words: [Word; 4],
    len: usize,
}

impl Splice {
    #[inline(always)]
    fn push_if(&mut self, condition: bool, last: u64, word: Word) {
        // Without a branch. There are at most three, and room for one that is not counted.
        self.lasts[self.len % 4] = last;
        self.words[self.len % 4] = word;
        self.len += usize::from(condition);
    }

    /// Makes `first..=last`, from the slot of `l` to that of `r` in one leaf, hold `word`. `copy`: of the entry that sticks out on
    /// both sides.
    #[inline(always)]
    fn new(l: &Frame, r: &Frame, (first, last): (u64, u64), word: Word, copy: Option<NonNull<()>>) -> Self {
        let (l_first, r_last) = (l.first(), r.last());
        let mut splice = Self { from: l.slot, to: r.slot + 1, lasts: [0; 4], words: [Word::EMPTY; 4], len: 0 };
        let (left, right) = (l.word().or_gap(), copy.map_or(r.word(), Word::live).or_gap());
        if word.is_live() {
            splice.push_if(l_first < first, first.wrapping_sub(1), left);
            splice.push_if(true, last, word);
            splice.push_if(last < r_last, r_last, right);
            return splice;
        }
        // Neighbouring gaps are joined.
        let node = l.node;
        let (left_stays, right_stays) = (l_first < first, last < r_last);
        splice.push_if(left_stays && left != Word::EMPTY, first.wrapping_sub(1), left);
        if !left_stays || left == Word::EMPTY {
            while splice.from > 0 && !node.own_slot(splice.from - 1).is_live() {
                splice.from -= 1;
            }
        }
        let mut end = last;
        if !right_stays || right == Word::EMPTY {
            end = r_last;
            while end < r.max && !node.own_slot(splice.to).is_live() {
                end = node.last(splice.to, r.max);
                splice.to += 1;
            }
        }
        splice.push_if(true, end, word);
        splice.push_if(right_stays && right != Word::EMPTY, r_last, right);
        splice
    }

    pub(crate) fn lasts(&self) -> &[u64] {
        &self.lasts[..self.len]
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words[..self.len]
    }
}

impl Operation for Change<'_, '_> {
    /// Whether it was done.
    type Output = Result<bool, AllocError>;

    #[inline(always)]
    fn run<S: Search>(self, search: S) -> Result<bool, AllocError> {
        match self.writer.find(search, self.first) {
            Some(bottom) => self.at(search, bottom),
            None => Ok(false),
        }
    }
}

impl Change<'_, '_> {
    /// Makes the change, which begins at `bottom`, if it concerns that node only.
    #[inline(always)]
    fn at<S: Search>(self, search: S, bottom: Bottom) -> Result<bool, AllocError> {
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
        if self.near
            && let Some(bottom) = &self.owner.hint.bottom
            && bottom.frame.min <= index
            && index <= bottom.frame.max
        {
            let slot = bottom.frame.node.search_by(search, index);
            return Some(Bottom { frame: Frame { slot, ..bottom.frame }, ..*bottom });
        }
        Bottom::to(search, self.root, index)
    }

    /// The structure around this place is as it was: the next change may start from there. `edge`: of a leaf that ends with a gap, the
    /// slots in use and where the gap begins; else 0.
    #[inline(always)]
    pub(crate) fn stay(&mut self, bottom: &Bottom, edge: (usize, u64)) {
        let hint = &mut self.owner.hint;
        let known = hint.bottom.as_ref().is_some_and(|known| self.near && known.frame.node == bottom.frame.node);
        if !known {
            hint.bottom = Some(*bottom);
            self.near = true;
        }
        hint.edge = edge;
        hint.live = true;
    }

    /// Puts `word` in the place of the entry that covers `index`, if there is one: one store. The range stays.
    pub(crate) fn exchange(&mut self, index: u64, word: Word) -> Option<Exchanged> {
        struct Exchange<'c, 'w>(&'c mut Writer<'w>, u64, Word);

        impl Operation for Exchange<'_, '_> {
            type Output = Option<Exchanged>;

            #[inline(always)]
            fn run<S: Search>(self, search: S) -> Option<Exchanged> {
                let Self(writer, index, word) = self;
                let Bottom { frame, level: 0, .. } = writer.find(search, index)? else { return None };
                let entry = frame.word().target()?;
                frame.node.publish(frame.slot, word);
                // The structure is what it was.
                writer.owner.hint.live = writer.near;
                Some(Exchanged { first: frame.first(), last: frame.last(), entry })
            }
        }
        search::run(Exchange(self, index, word))
    }

    /// With exclusive access, takes out the entry that covers `index`. The gap is joined with its neighbours, and nodes that got few are
    /// merged, as far as no memory is needed.
    pub(crate) fn take_out(&mut self, index: u64) -> Option<Exchanged> {
        struct TakeOut<'c, 'w>(&'c mut Writer<'w>, u64);

        impl Operation for TakeOut<'_, '_> {
            /// What was taken out, and whether that was all.
            type Output = Option<(Exchanged, bool)>;

            #[inline(always)]
            fn run<S: Search>(self, search: S) -> Option<(Exchanged, bool)> {
                let Self(writer, index) = self;
                let bottom = writer.find(search, index)?;
                let Bottom { frame, level: 0, .. } = bottom else { return None };
                let entry = frame.word().target()?;
                let (first, last) = (frame.first(), frame.last());
                frame.node.publish(frame.slot, Word::EMPTY);
                let (left_over, split) = (&mut Leftovers::default(), &mut |entry| Ok(entry));
                let gap = Change { writer, first, last, word: Word::EMPTY, memory: Memory::Spare, left_over, split };
                let done = gap.at(search, bottom);
                Some((Exchanged { first, last, entry }, matches!(done, Ok(true))))
            }
        }
        let (taken, done) = search::run(TakeOut(self, index))?;
        if !done {
            let mut left_over = Leftovers::default();
            let refused = self.write_any((taken.first, taken.last), Word::EMPTY, Memory::Spare, &mut left_over);
            // A gap over exactly one slot never takes more slots than there were, so the leaf is rewritten in place.
            debug_assert!(refused.is_ok() && left_over.displaced.is_empty());
        }
        Some(taken)
    }

    /// Beside readers, stores a range inside the gap that the leaf ends with. Returns whether it did.
    #[inline(always)]
    pub(crate) fn append(&mut self, window: (u64, u64), word: Word) -> bool {
        debug_assert_eq!(self.mode, Mode::Shared);
        let hint = Hint { live: self.near, ..self.owner.hint };
        let (Some((bottom, len, apart)), false) = (hint.appends(window), self.owner.untidy) else { return false };
        let Some((parent, slot)) = bottom.parent else { return false };
        let Ok(node) = self.take(Memory::Allocate) else { return false };
        let leaf = bottom.frame.node;
        // SAFETY: a new node that nobody can reach yet.
        unsafe { node.copy(leaf) };
        // SAFETY: as above.
        unsafe { node.append(len, apart, window, word) };
        parent.publish(slot, node.word());
        self.owner.retire(leaf, 0, Remains::Husk);
        let bottom = Bottom { frame: Frame { node, ..bottom.frame }, ..*bottom };
        self.stay(&bottom, (len + usize::from(apart) + 1, window.1 + 1));
        true
    }

    /// Forgets the place: the structure of the tree is about to change.
    pub(crate) fn forget(&mut self) {
        self.owner.hint.live = false;
        self.near = false;
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

    /// A node for a change inside one leaf.
    pub(crate) fn take(&mut self, memory: Memory) -> Result<NodeRef, AllocError> {
        let mut source = self.source(memory);
        let taken = self.owner.take(&mut source);
        self.close(source);
        self.owner.nodes_taken += u64::from(taken.is_ok());
        taken
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

/// Whether the node has neither dead words nor two gaps side by side, as removals beside readers leave them. The general way drops the
/// one and joins the other.
#[inline(always)]
pub(crate) fn is_tidy(node: NodeRef, len: usize) -> bool {
    let (mut dead, mut gaps) = (false, 0u32);
    for slot in 0..len {
        let word = node.own_slot(slot);
        dead |= word.is_dead();
        gaps = gaps << 1 | u32::from(!word.is_live());
    }
    !dead && gaps & gaps << 1 == 0
}
