//! The general way to change ranges: gather, edit, scatter, publish. (Most changes concern one leaf: see [`leaf`](crate::leaf).)
//!
//! ```text
//!   parent   [ .. | c | .. ]        the slots left of the edit, the new range and the slots right of it are gathered into an
//!                   |               array, scattered over as few nodes as hold them, and those take the place of the old ones
//!   leaf     [ a | b | gap ]        in the parent, by the same three steps, until one slot store (same range, another child)
//!                  ^ edit           or a root store makes the whole change visible at once.
//! ```
//!
//! An edit from `first` to `last` may begin and end in different leaves; then the nodes on both paths are gathered level by level
//! until the paths meet, and the sub-trees between them fall away. A path may end early at an inner slot that is a gap; the levels
//! below it are then made anew.
//!
//! With exclusive access a node that can hold the result is rewritten where it lies. Beside readers every changed node is a new one.

use crate::leaf::{Change, FEW};
use crate::list::Remains;
use crate::node::{MAX_LEVELS, NodeRef, SLOTS, Word};
use crate::path::{Frame, Path};
use crate::reserve::Source;
use crate::run::{Run, is_tidy, slots_needed};
use crate::search;
use crate::tree_mut::{Leftovers, Memory, Mode, TreeMut};
use arrayvec::ArrayVec;
use core::ops::Range;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// At most fifteen whole slots and a remnant on either side of the new range, and a sibling.
const RUN: usize = 3 * SLOTS + 4;

/// Nodes with [`FEW`] slots are merged with a sibling when both fit this many. With these two, erasing and storing at random
/// settles at 1.13 (exclusive) and 1.22 (beside readers) times the nodes of a tree built anew; with 4 and 14 it was 1.24 and 1.38.
const MERGED: usize = SLOTS - 1;

/// The lengths of the nodes to scatter `left` slots over. `packed`: fill all but the last, for runs that grow at the end.
fn parts(mut left: usize, packed: bool) -> impl Iterator<Item = usize> {
    let mut nodes = left.div_ceil(SLOTS);
    core::iter::from_fn(move || {
        let part = if packed { left.min(SLOTS) } else { left.div_ceil(nodes.max(1)) };
        nodes = nodes.saturating_sub(1);
        left -= part;
        (part > 0).then_some(part)
    })
}

/// A node that an edit replaces: the slots whose contents do not live on in the new nodes.
#[derive(Debug)]
struct Old {
    node: NodeRef,
    level: usize,
    removed: Range<usize>,
}

/// A sibling that is pulled into an edit.
enum Sibling {
    Left(Frame),
    Right(Frame),
}

/// What an edit has done off to the side.
struct Draft {
    fresh: ArrayVec<NodeRef, { 3 * MAX_LEVELS }>,
    old: ArrayVec<Old, { 3 * MAX_LEVELS }>,
}

impl TreeMut<'_> {
    /// A node for an edit.
    fn node(&mut self, source: &mut Source<'_>, draft: &mut Draft) -> Result<NodeRef, AllocError> {
        let node = self.owner.take(source)?;
        draft.fresh.push(node);
        Ok(node)
    }

    /// Makes `first..=last` hold `word` (or nothing), whatever was there. What it displaced is in `left_over` or in retired nodes.
    ///
    /// `split` copies an entry that is cut in two; it is called before anything is changed.
    ///
    /// # Errors
    ///
    /// Out of memory; the tree is as it was.
    pub(crate) fn write(
        &mut self,
        (first, last): (u64, u64),
        word: Word,
        memory: Memory,
        left_over: &mut Leftovers,
        split: &mut dyn FnMut(NonNull<()>) -> Result<NonNull<()>, AllocError>,
    ) -> Result<(), AllocError> {
        self.touch(first, last);
        if search::run(first, Change { writer: self, first, last, word, memory, left_over, split })? {
            return Ok(());
        }
        self.write_any((first, last), word, memory, left_over)
    }

    /// As [`write`](Self::write), whatever the change concerns. The copy of an entry that is cut in two is in `left_over`.
    pub(crate) fn write_any(
        &mut self,
        (first, last): (u64, u64),
        word: Word,
        memory: Memory,
        left_over: &mut Leftovers,
    ) -> Result<(), AllocError> {
        self.forget_below(0);
        let left = self.path_to(first);
        // The path of `last`: beyond the leaf of `first` it is another one.
        let leaf = left.at(0).filter(|leaf| last <= leaf.max).map(|leaf| Frame { slot: leaf.node.search(last), ..*leaf });
        let apart = if leaf.is_none() { Some(self.path_to(last)) } else { None };
        let right = |level: usize| match (&apart, level) {
            (Some(path), _) => path.at(level).copied(),
            (None, 0) => leaf,
            (None, _) => left.at(level).copied(),
        };
        let copy = left_over.unused.take().map(Word::live);

        let mut draft = Draft { fresh: ArrayVec::new(), old: ArrayVec::new() };
        let edit = Edit { first, last, word, copy, apart: apart.as_ref().unwrap_or(&left) };
        let mut source = self.source(memory);
        let built = self.build(&left, &right, &edit, &mut source, &mut draft, left_over);
        if built.is_err() {
            for node in draft.fresh.drain(..) {
                self.owner.stock.untake(&mut source, node);
            }
            draft.old.clear();
        }
        self.close(source);
        self.owner.nodes_taken += draft.fresh.len() as u64;
        for old in draft.old {
            self.retire(&old);
        }
        if built.is_err() {
            left_over.unused = copy.and_then(Word::target);
        }
        built
    }

    fn retire(&mut self, old: &Old) {
        self.retire_husk(old.node, old.level, old.removed.clone());
    }

    fn build(
        &mut self,
        left: &Path,
        right: &dyn Fn(usize) -> Option<Frame>,
        edit: &Edit<'_>,
        source: &mut Source<'_>,
        draft: &mut Draft,
        left_over: &mut Leftovers,
    ) -> Result<(), AllocError> {
        let top = left.top();
        // The nodes that the level below came to, and whether a sibling on either side was pulled in.
        let mut news = Run::<4>::new();
        let (mut pulled_left, mut pulled_right) = (0, 0);
        let mut level = 0;
        loop {
            self.outdate(level + 1);
            let (l, r) = (left.at(level), right(level));
            let mut run = Run::<RUN>::new();
            let mut behind = 0;
            let mut removed = 0..0;
            if level == 0 {
                removed = edit.gather(left, r.as_ref(), &mut run, &mut behind);
            } else {
                if let Some(l) = l {
                    run.gather(l.node, 0..l.slot - pulled_left, l.max);
                    removed.start = l.slot + 1;
                }
                run.append(news.lasts(), news.words());
                if let Some(r) = &r {
                    let len = r.node.len();
                    behind = len - (r.slot + 1 + pulled_right);
                    run.gather(r.node, r.slot + 1 + pulled_right..len, r.max);
                    removed.end = r.slot;
                }
            }
            if self.owner.untidy {
                run.tidy();
            }
            (pulled_left, pulled_right) = (0, 0);
            let one_node = l.zip(r).is_some_and(|(l, r)| l.node == r.node);

            // A root with a single child gives way to it.
            if let ([child], true) = (run.words(), level >= top && level > 0)
                && let Some(child) = child.target()
            {
                Self::replaced(draft, level, l, r.as_ref(), removed);
                // SAFETY: a live word of an inner slot is a child.
                self.root.publish(Some((unsafe { NodeRef::from_target(child) }, level - 1)));
                return Ok(());
            }

            let packed = run.lasts().last() == Some(&u64::MAX) && behind <= 1;
            let sibling =
                if level < top { self.sibling(&run, level, packed, left.at(level + 1), right(level + 1), source) } else { None };

            if let (Some(l), true, None) = (l, self.mode == Mode::Exclusive && one_node && !run.is_gap(), &sibling)
                && run.len() <= SLOTS
            {
                for target in l.live(removed).filter_map(Word::target) {
                    if level == 0 {
                        left_over.displaced.push(target);
                    } else {
                        // SAFETY: a live word of an inner slot is a child.
                        self.owner.retire(unsafe { NodeRef::from_target(target) }, level - 1, Remains::Tree);
                    }
                }
                self.touch_node(l.node, level);
                // SAFETY: exclusive access.
                unsafe { l.node.fill(run.lasts(), run.words()) };
                return Ok(());
            }

            match sibling {
                Some(Sibling::Right(frame)) => {
                    run.gather(frame.node, 0..frame.node.len(), frame.max);
                    pulled_right = 1;
                    draft.old.push(Old { node: frame.node, level, removed: 0..0 });
                }
                Some(Sibling::Left(frame)) => {
                    let tail = core::mem::replace(&mut run, Run::new());
                    run.gather(frame.node, 0..frame.node.len(), frame.max);
                    run.append(tail.lasts(), tail.words());
                    pulled_left = 1;
                    draft.old.push(Old { node: frame.node, level, removed: 0..0 });
                }
                None => {}
            }
            if self.owner.untidy {
                run.tidy();
            }
            Self::replaced(draft, level, l, r.as_ref(), removed);

            news = Run::new();
            if run.is_gap() {
                news.append(run.lasts(), run.words());
            } else {
                let mut from = 0;
                for part in parts(run.len(), packed) {
                    let (lasts, words) = (&run.lasts()[from..from + part], &run.words()[from..from + part]);
                    from += part;
                    let word = match words {
                        [Word::EMPTY] => Word::EMPTY,
                        _ => {
                            let node = self.node(source, draft)?;
                            // SAFETY: a new node that nobody can reach yet.
                            unsafe { node.fill(lasts, words) };
                            node.word()
                        }
                    };
                    news.push(lasts[part - 1], word);
                }
            }

            if let [word] = news.words() {
                if level >= top {
                    // SAFETY: the word is a node that was just made.
                    let node = word.target().map(|target| unsafe { NodeRef::from_target(target) });
                    self.root.publish(node.map(|node| (node, level)));
                    return Ok(());
                }
                let parents = left.at(level + 1).zip(right(level + 1));
                if let Some((l, _)) = parents.filter(|(l, r)| l.node == r.node && l.slot == r.slot)
                    && pulled_left + pulled_right == 0
                    && !l.word().is_dead()
                    && (self.mode == Mode::Shared || word.is_live())
                {
                    l.node.publish(l.slot, *word);
                    // Gaps side by side are joined by who copies the node.
                    self.owner.untidy |= !word.is_live() && !is_tidy(l.node, l.node.len());
                    return Ok(());
                }
            }
            level += 1;
        }
    }

    /// Notes that the nodes of both paths at `level` are replaced, but for what is in the slots `removed` (from the left path's node
    /// to the right path's).
    fn replaced(draft: &mut Draft, level: usize, l: Option<&Frame>, r: Option<&Frame>, removed: Range<usize>) {
        match (l, r) {
            (Some(l), Some(r)) if l.node == r.node => draft.old.push(Old { node: l.node, level, removed }),
            (l, r) => {
                if let Some(l) = l {
                    draft.old.push(Old { node: l.node, level, removed: removed.start..l.node.len() });
                }
                if let Some(r) = r {
                    draft.old.push(Old { node: r.node, level, removed: 0..removed.end });
                }
            }
        }
    }

    /// A sibling under the same parent to share slots with: to take what does not fit, or to be merged with when few are left.
    fn sibling(
        &self,
        run: &Run<RUN>,
        level: usize,
        packed: bool,
        pl: Option<&Frame>,
        pr: Option<Frame>,
        source: &Source<'_>,
    ) -> Option<Sibling> {
        let len = run.len();
        let limit = match len {
            0..=FEW if !run.is_gap() => MERGED,
            0..=SLOTS => return None,
            _ if packed => return None,
            // An inner node that is filled up with a sibling's slots would be full again soon, and its memory matters little.
            _ if level > 0 => return None,
            _ => 2 * SLOTS,
        };
        if matches!(source, Source::Spare) && self.owner.stock.spare() == 0 {
            return None;
        }
        let child = |parent: &Frame, slot: usize| {
            let step = Frame { slot, ..*parent };
            let child = step.word().target()?;
            // SAFETY: a live word of an inner slot is a child.
            let node = unsafe { NodeRef::from_target(child) };
            let needed = if self.owner.untidy { slots_needed(node) } else { node.len() };
            (needed + len <= limit).then(|| step.child(node))
        };
        let right = pr.filter(|pr| pr.slot + 1 < pr.node.len()).and_then(|pr| child(&pr, pr.slot + 1));
        if let Some(frame) = right {
            return Some(Sibling::Right(frame));
        }
        let left = pl.filter(|pl| pl.slot > 0).and_then(|pl| child(pl, pl.slot - 1));
        left.map(Sibling::Left)
    }
}

/// One change of a range, at the leaves.
struct Edit<'a> {
    first: u64,
    last: u64,
    word: Word,
    /// A copy of the entry that sticks out on both sides.
    copy: Option<Word>,
    /// The path of `last`, for its bounds when it does not get to a leaf.
    apart: &'a Path,
}

impl Edit<'_> {
    /// Gathers the leaves: what is left of the edit, the edit, what is right of it. Returns the slots whose contents do not live on
    /// (from the left leaf's to the right leaf's), and in `behind` how many slots come after the edit.
    fn gather(&self, left: &Path, r: Option<&Frame>, run: &mut Run<RUN>, behind: &mut usize) -> Range<usize> {
        let mut removed = 0..0;
        match left.at(0) {
            Some(l) => {
                run.gather(l.node, 0..l.slot, l.max);
                let sticks_out = l.first() < self.first;
                if sticks_out {
                    run.append(&[self.first - 1], &[l.word()]);
                }
                removed.start = l.slot + usize::from(sticks_out);
            }
            None if left.bounds().0 < self.first => run.append(&[self.first - 1], &[Word::EMPTY]),
            None => {}
        }
        run.append(&[self.last], &[self.word]);
        let before = run.len();
        match r {
            Some(r) => {
                let sticks_out = r.last() > self.last;
                if sticks_out {
                    run.append(&[r.last()], &[self.copy.unwrap_or(r.word())]);
                }
                run.gather(r.node, r.slot + 1..r.node.len(), r.max);
                removed.end = r.slot + usize::from(!sticks_out);
            }
            None => {
                let end = self.apart.bounds().1;
                if end > self.last {
                    run.append(&[end], &[Word::EMPTY]);
                }
            }
        }
        *behind = run.len() - before;
        removed
    }
}
