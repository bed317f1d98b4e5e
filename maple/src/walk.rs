//! Reading: lookups and walks in both directions. Wait-free: no lock, no retry, at most one load a level.
//!
//! Readers may run beside the writer. A lookup returns what was true at one instant during the call. A walk keeps the path it came
//! by, so part of what it goes through may have been replaced since; every range it yields was in the tree under exactly that range
//! at some instant since the walk began, ranges rise (or fall) strictly, and an entry that was there all the time is neither skipped
//! nor repeated.

use crate::node::{NodeRef, Root, SLOTS};
use crate::path::Frame;
use crate::search::{self, Operation, PIVOTS, Search};
use core::ptr::NonNull;

/// The entry that covers `index`.
#[inline]
pub(crate) fn lookup(root: &Root, index: u64) -> Option<NonNull<()>> {
    search::run(index, Lookup(root))
}

struct Lookup<'a>(&'a Root);

impl Operation for Lookup<'_> {
    type Output = Option<NonNull<()>>;

    #[inline(always)]
    fn run<S: Search>(self, search: S, index: u64) -> Self::Output {
        let Self(root) = self;
        let (mut node, level) = root.load()?;
        for _ in 0..level {
            let child = node.slot(node.search_by(search, index)).target()?;
            // SAFETY: a live word of an inner slot is a child.
            node = unsafe { NodeRef::from_target(child) };
        }
        node.slot(node.search_by(search, index)).target()
    }
}

/// The entries that cover `indices`. The descents go side by side, so that they wait for memory together.
#[inline]
pub(crate) fn lookup_many<const N: usize>(root: &Root, indices: &[u64; N]) -> [Option<NonNull<()>>; N] {
    search::run(0, LookupMany(root, indices))
}

struct LookupMany<'a, const N: usize>(&'a Root, &'a [u64; N]);

impl<const N: usize> Operation for LookupMany<'_, N> {
    type Output = [Option<NonNull<()>>; N];

    #[inline(always)]
    fn run<S: Search>(self, search: S, _: u64) -> Self::Output {
        let Self(root, indices) = self;
        let Some((root, top)) = root.load() else { return [None; N] };
        let mut found = [Some(root.as_ptr().cast()); N];
        for level in (0..=top).rev() {
            for (found, index) in found.iter_mut().zip(indices) {
                let Some(target) = *found else { continue };
                // SAFETY: the root, or a live word of an inner slot, which is a child.
                let node = unsafe { NodeRef::from_target(target) };
                *found = node.slot(node.search_by(search, *index)).target();
                if let (Some(target), true) = (*found, level > 0) {
                    // SAFETY: a live word of an inner slot is a child.
                    unsafe { NodeRef::from_target(target) }.prefetch();
                }
            }
        }
        found
    }
}

/// An entry with its range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) entry: NonNull<()>,
}

/// The entry that covers `index` with its range, or the range of the one slot that covers it with nothing.
pub(crate) fn lookup_range(root: &Root, index: u64) -> (u64, u64, Option<NonNull<()>>) {
    let (mut min, mut max) = (0, u64::MAX);
    let Some((mut node, mut level)) = root.load() else {
        return (min, max, None);
    };
    loop {
        let slot = node.search(index);
        (min, max) = (node.first(slot, min), node.last(slot, max));
        match node.slot(slot).target() {
            // SAFETY: a live word of an inner slot is a child.
            Some(target) if level > 0 => node = unsafe { NodeRef::from_target(target) },
            target => return (min, max, target),
        }
        level -= 1;
    }
}

/// Leaves that a walk asks for ahead of time.
const AHEAD: usize = 6;

/// Slots that a walk with a closure takes together: a full leaf is three times as many, and one.
const STRIDE: usize = PIVOTS / 3;

/// Asks for the child in a slot of an inner node, if there is such a slot and a child in it.
#[inline(always)]
fn prefetch(node: NodeRef, slot: usize) {
    if slot < SLOTS
        && let Some(target) = node.slot(slot).target()
    {
        // SAFETY: a live word of an inner slot is a child.
        unsafe { NodeRef::from_target(target) }.prefetch();
    }
}

/// Where a walk is in one direction: a leaf, and the node above it. Behind the last leaf of that node the walk descends from the root
/// again, which is little for a hundred leaves or more, and a walk is small.
///
/// # Invariants
///
/// For the front `slot` is the slot to look at next, or [`SLOTS`] when the leaf is done (or there is none yet); for the back it is one more,
/// so that 0 says that the leaf is done. The same holds of `next` and the children of `above`. `border` is where the leaf ends for the front, and
/// where it begins for the back; `above_border` is that of the node above.
#[derive(Clone, Debug)]
struct End {
    leaf: Option<NodeRef>,
    slot: usize,
    border: u64,
    above: Option<NodeRef>,
    next: usize,
    above_border: u64,
}

impl End {
    /// An end that has not begun, with no slots left: `done` is `SLOTS` or 0.
    const fn new(done: usize) -> Self {
        Self { leaf: None, slot: done, border: 0, above: None, next: done, above_border: 0 }
    }

    fn has_begun(&self) -> bool {
        self.leaf.is_some() || self.above.is_some()
    }
}

/// The slot where a descent ends: in a leaf, or in an inner node at a gap.
#[derive(Clone, Copy)]
struct Place {
    frame: Frame,
    level: usize,
    /// The step into the node. Where the descent began, the same step.
    above: Frame,
}

impl Place {
    /// Where `index` is below `top`, whose level is `level`.
    #[inline(never)]
    fn of(top: Frame, level: usize, index: u64) -> Self {
        struct Descend(Frame, usize);

        impl Operation for Descend {
            type Output = Place;

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) -> Place {
                let Self(mut frame, mut level) = self;
                frame.slot = frame.node.search_by(search, index);
                let mut above = frame;
                while level > 0
                    && let Some(target) = frame.node.slot(frame.slot).target()
                {
                    above = frame;
                    // SAFETY: a live word of an inner slot is a child.
                    frame = frame.child(unsafe { NodeRef::from_target(target) });
                    frame.slot = frame.node.search_by(search, index);
                    level -= 1;
                }
                Place { frame, level, above }
            }
        }
        search::run(index, Descend(top, level))
    }
}

/// A walk over the entries that overlap a window, from both ends.
///
/// # Invariants
///
/// `first..=high` is what is left of the window, unless the walk is `over`. Where an end has begun, `first` is where the front's slot begins,
/// and `high` where the back's slot ends, or inside of a slot that a writer made since and that is to be given out as overlapping. `limit` is the smaller of `high` and the end of the front's leaf, and a front whose `slot` is below
/// [`SLOTS`] has a leaf; of a walk that is over no slot that is left in it ends before `limit`.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// The node that descents begin at, and its level.
    top: Option<(Frame, usize)>,
    front: End,
    back: End,
    first: u64,
    high: u64,
    limit: u64,
    over: bool,
}

impl Walk {
    #[inline]
    pub(crate) fn new(root: &Root, window: Option<(u64, u64)>) -> Self {
        let top = root.load().map(|(node, level)| (Frame { node, min: 0, max: u64::MAX, slot: 0 }, level));
        let over = window.is_none() || top.is_none();
        let (first, high) = window.unwrap_or_default();
        Self { top, front: End::new(SLOTS), back: End::new(0), first, high, limit: 0, over }
    }

    /// A walk that never leaves the lowest node which covers all of `window`: it comes to what there is below that node, also when the tree has
    /// another node in its place later on.
    pub(crate) fn below(root: &Root, window: (u64, u64)) -> Self {
        let mut walk = Self::new(root, Some(window));
        while let Some((frame, level @ 1..)) = &mut walk.top {
            frame.slot = frame.node.search(window.0);
            let Some(target) = frame.node.slot(frame.slot).target().filter(|_| window.1 <= frame.last()) else { break };
            // SAFETY: a live word of an inner slot is a child.
            *frame = frame.child(unsafe { NodeRef::from_target(target) });
            *level -= 1;
        }
        walk
    }

    /// What is left of the window.
    pub(crate) fn window(&self) -> Option<(u64, u64)> {
        (!self.over).then_some((self.first, self.high))
    }

    /// The next entry from the front.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Found> {
        self.next_cut(u64::MAX)
    }

    /// The next entry from the front, cut off at `end`, which is where the window ended at first or behind it.
    #[inline(always)]
    pub(crate) fn next_cut(&mut self, end: u64) -> Option<Found> {
        self.advance(false, end)
    }

    /// As [`next`](Walk::next), but also an entry that reaches into what the other end has passed.
    #[inline]
    pub(crate) fn next_overlapping(&mut self) -> Option<Found> {
        self.advance(true, u64::MAX)
    }

    /// The next entry from the front. Beside a writer, the other end may have seen other bounds: then the ends meet here, or, if `overlapping`,
    /// the entry is given out that the other end saw a part of. What is not well inside of the window is cut off at `end`.
    #[inline(always)]
    fn advance(&mut self, overlapping: bool, end: u64) -> Option<Found> {
        loop {
            // What is well inside of the leaf and of the window, with as little thought as can be.
            while self.front.slot < PIVOTS {
                // SAFETY: by the invariant of the type.
                let leaf = unsafe { self.front.leaf.unwrap_unchecked() };
                let (first, last) = (self.first, leaf.pivots()[self.front.slot]);
                if last >= self.limit {
                    break;
                }
                let word = leaf.slot(self.front.slot);
                (self.front.slot, self.first) = (self.front.slot + 1, last + 1);
                if let Some(entry) = word.target() {
                    return Some(Found { first, last, entry });
                }
            }
            if self.over {
                return None;
            }
            if let Some(leaf) = self.front.leaf.filter(|_| self.front.slot < SLOTS) {
                // The last slot of the leaf or of the window.
                let (first, last) = (self.first, leaf.last(self.front.slot, self.front.border));
                let (word, beyond) = (leaf.slot(self.front.slot), last > self.high);
                self.front.slot = if last == self.front.border { SLOTS } else { self.front.slot + 1 };
                self.pass(last);
                if let Some(entry) = word.target() {
                    let met = beyond && self.back.has_begun() && !overlapping;
                    return (!met).then_some(Found { first, last: last.min(end), entry });
                }
            } else {
                self.next_leaf(overlapping);
            }
        }
    }

    /// The front has passed what ends at `last`.
    #[inline(always)]
    fn pass(&mut self, last: u64) {
        self.over = last >= self.high;
        self.first = last.wrapping_add(1);
    }

    /// Moves the front, which is at the end of its leaf, to the next one, or over a gap.
    #[inline(always)]
    fn next_leaf(&mut self, overlapping: bool) {
        let Some(above) = self.front.above.filter(|_| self.front.next < SLOTS) else { return self.descend(overlapping) };
        let (slot, last) = (self.front.next, above.last(self.front.next, self.front.above_border));
        self.front.next = if last == self.front.above_border { SLOTS } else { slot + 1 };
        match above.slot(slot).target() {
            Some(target) => {
                // SAFETY: a live word of an inner slot is a child.
                let leaf = unsafe { NodeRef::from_target(target) };
                (self.front.leaf, self.front.slot, self.front.border) = (Some(leaf), 0, last);
                self.limit = last.min(self.high);
                prefetch(above, slot + AHEAD);
            }
            None => self.pass(last),
        }
    }

    /// Takes the front from the root to the slot of `first`. Beside a writer, something may be there now that reaches into what was passed: that
    /// is passed over, or, if `overlapping`, what is left of it comes next.
    #[inline(always)]
    fn descend(&mut self, overlapping: bool) {
        let Some((top, level)) = self.top else {
            self.over = true;
            return;
        };
        let Place { frame, level, above } = Place::of(top, level, self.first);
        let has_begun = self.front.has_begun();
        let (first, last) = (frame.first(), frame.last());
        let behind = |slot: usize, last: u64, max: u64| if last == max { SLOTS } else { slot + 1 };
        if level == 0 {
            self.front = End {
                leaf: Some(frame.node),
                slot: frame.slot,
                border: frame.max,
                above: Some(above.node),
                next: if above.node == frame.node { SLOTS } else { behind(above.slot, above.last(), above.max) },
                above_border: above.max,
            };
            self.limit = frame.max.min(self.high);
            (1..AHEAD).for_each(|ahead| prefetch(above.node, if above.node == frame.node { SLOTS } else { above.slot + ahead }));
            if first >= self.first || !has_begun {
                self.first = first;
            } else if !overlapping {
                self.front.slot = behind(frame.slot, last, frame.max);
                self.pass(last);
            }
        } else {
            // A gap. Below it another descent goes on, unless it is just above the leaves.
            let next = if level == 1 { behind(frame.slot, last, frame.max) } else { SLOTS };
            self.front = End { above: Some(frame.node), next, above_border: frame.max, ..End::new(SLOTS) };
            self.pass(last);
        }
    }

    /// Calls `each` for every entry that is left, in order.
    #[inline]
    pub(crate) fn fold<T>(self, sum: T, each: impl FnMut(T, Found) -> T) -> T {
        self.fold_cut(u64::MAX, sum, each)
    }

    /// As [`fold`](Self::fold), with entries cut off as in [`next_cut`](Self::next_cut).
    #[inline(always)]
    pub(crate) fn fold_cut<T>(mut self, end: u64, mut sum: T, mut each: impl FnMut(T, Found) -> T) -> T {
        while let Some(found) = self.advance(false, end) {
            sum = self.fold_leaves(each(sum, found), &mut each);
        }
        sum
    }

    /// Calls `each` for the rest of the leaf and for the next leaves below the same node, as far as they lie in the window.
    #[inline(always)]
    fn fold_leaves<T>(&mut self, mut sum: T, each: &mut impl FnMut(T, Found) -> T) -> T {
        // Locals, which can be in registers.
        let (End { leaf: Some(mut leaf), mut slot, border: mut max, above, mut next, above_border }, mut first) =
            (self.front.clone(), self.first)
        else {
            return sum;
        };
        while max < self.high && slot < SLOTS {
            // Some at a time, where there are as many: a number that the compiler knows.
            while let Some(lasts) = leaf.pivots().get(slot..slot + STRIDE)
                && lasts[STRIDE - 1] < max
            {
                for (ahead, last) in lasts.iter().enumerate() {
                    if let Some(entry) = leaf.slot(slot + ahead).target() {
                        sum = each(sum, Found { first, last: *last, entry });
                    }
                    first = last + 1;
                }
                slot += STRIDE;
            }
            while slot < PIVOTS {
                let (last, word) = (leaf.pivots()[slot], leaf.slot(slot));
                if last >= max {
                    break;
                }
                if let Some(entry) = word.target() {
                    sum = each(sum, Found { first, last, entry });
                }
                (slot, first) = (slot + 1, last + 1);
            }
            // The last slot in use ends where the leaf does.
            if let Some(entry) = leaf.slot(slot).target() {
                sum = each(sum, Found { first, last: max, entry });
            }
            (slot, first) = (SLOTS, max + 1);
            let Some(above) = above.filter(|_| next < SLOTS) else { break };
            let last = above.last(next, above_border);
            let Some(target) = above.slot(next).target() else { break };
            prefetch(above, next + AHEAD);
            // SAFETY: a live word of an inner slot is a child.
            leaf = unsafe { NodeRef::from_target(target) };
            (slot, max) = (0, last);
            next = if last == above_border { SLOTS } else { next + 1 };
        }
        (self.front.leaf, self.front.slot, self.front.border, self.front.next) = (Some(leaf), slot, max, next);
        (self.first, self.limit) = (first, max.min(self.high));
        sum
    }

    /// The next entry from the back.
    #[inline]
    pub(crate) fn next_back(&mut self) -> Option<Found> {
        self.retreat(false)
    }

    /// As [`next_back`](Walk::next_back), but also an entry that reaches into what the other end has passed.
    #[inline]
    pub(crate) fn next_back_overlapping(&mut self) -> Option<Found> {
        self.retreat(true)
    }

    /// As [`advance`](Self::advance), from the back.
    fn retreat(&mut self, overlapping: bool) -> Option<Found> {
        while !self.over {
            let Some((leaf, slot)) = self.back.leaf.zip(self.back.slot.checked_sub(1)) else {
                self.leaf_before(overlapping);
                continue;
            };
            let (first, last) = (leaf.first(slot, self.back.border), self.high);
            let (word, beyond) = (leaf.slot(slot), first < self.first);
            self.back.slot = slot;
            self.pass_back(first);
            if let Some(entry) = word.target() {
                let met = beyond && self.front.has_begun() && !overlapping;
                return (!met).then_some(Found { first, last, entry });
            }
        }
        None
    }

    /// The back has passed what begins at `first`.
    fn pass_back(&mut self, first: u64) {
        self.over = first <= self.first;
        self.high = first.saturating_sub(1);
        self.limit = self.limit.min(self.high);
    }

    /// Moves the back, which is at the end of its leaf, to the one before, or over a gap.
    fn leaf_before(&mut self, overlapping: bool) {
        let Some((above, slot)) = self.back.above.zip(self.back.next.checked_sub(1)) else {
            return self.descend_back(overlapping);
        };
        let first = above.first(slot, self.back.above_border);
        self.back.next = slot;
        match above.slot(slot).target() {
            Some(target) => {
                // SAFETY: a live word of an inner slot is a child.
                let leaf = unsafe { NodeRef::from_target(target) };
                (self.back.leaf, self.back.slot, self.back.border) = (Some(leaf), leaf.len(), first);
            }
            None => self.pass_back(first),
        }
    }

    /// Takes the back from the root to the slot of `high`, as in [`descend`](Self::descend).
    fn descend_back(&mut self, overlapping: bool) {
        let Some((top, level)) = self.top else {
            self.over = true;
            return;
        };
        let Place { frame, level, above } = Place::of(top, level, self.high);
        let has_begun = self.back.has_begun();
        let (first, last) = (frame.first(), frame.last());
        if level == 0 {
            self.back = End {
                leaf: Some(frame.node),
                slot: frame.slot + 1,
                border: frame.min,
                above: Some(above.node),
                next: if above.node == frame.node { 0 } else { above.slot },
                above_border: above.min,
            };
            if last <= self.high || !has_begun {
                self.high = last;
            } else if !overlapping {
                self.back.slot = frame.slot;
                self.pass_back(first);
            }
        } else {
            let next = if level == 1 { frame.slot } else { 0 };
            self.back = End { above: Some(frame.node), next, above_border: frame.min, ..End::new(0) };
            self.pass_back(first);
        }
    }
}

/// The whole gap around an index that the slot `first..=last`, a gap, covers: neighbouring gap slots read as one.
pub(crate) fn whole_gap(root: &Root, first: u64, last: u64) -> (u64, u64) {
    let before = first.checked_sub(1).map(|end| Walk::new(root, Some((0, end))).next_back());
    let after = last.checked_add(1).map(|start| Walk::new(root, Some((start, u64::MAX))).next());
    let low = before.flatten().map_or(0, |found| found.last.saturating_add(1).min(first));
    let high = after.flatten().map_or(u64::MAX, |found| found.first.saturating_sub(1).max(last));
    (low, high)
}

/// Every node of a tree with its level and range, a parent before its children, as the writer sees them.
pub(crate) fn for_each_node(root: Option<(NodeRef, usize)>, visit: &mut impl FnMut(usize, &Frame)) {
    fn below(level: usize, frame: Frame, visit: &mut impl FnMut(usize, &Frame)) {
        visit(level, &frame);
        if level == 0 {
            return;
        }
        for slot in 0..frame.node.len() {
            let step = Frame { slot, ..frame };
            if let Some(child) = step.word().target() {
                // SAFETY: a live word of an inner slot is a child.
                let node = unsafe { NodeRef::from_target(child) };
                below(level - 1, step.child(node), visit);
            }
        }
    }
    if let Some((node, level)) = root {
        below(level, Frame { node, min: 0, max: u64::MAX, slot: 0 }, visit);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{MapleTree, RangeMap};

    /// A writer comes between two descents of one step of a walk, over a gap far above the leaves: what it stores there reaches into what
    /// was passed, and is passed over.
    #[test]
    fn a_store_between_two_descents() {
        // Four levels: nodes end at multiples of 160 and 2,560; one just below the root's children is gone.
        let gapped = || {
            let mut map: RangeMap<u32> = (0..5_000u64).map(|at| (at * 10..at * 10 + 10, 1)).collect();
            map.remove(2_560..5_120).expect("whole entries");
            MapleTree::<u32>::from(map)
        };
        let tree = gapped();
        let _guard = tree.pin();
        let mut walk = Walk::new(tree.lock().root(), Some((2_560, u64::MAX)));
        walk.descend(false);
        assert_eq!(walk.window(), Some((5_120, u64::MAX)), "the gap was passed");
        tree.store(5_115..5_125, 2).expect("memory");
        assert_eq!(walk.next().map(|found| (found.first, found.last)), Some((5_125, 5_129)));
        let tree = gapped();
        let mut walk = Walk::new(tree.lock().root(), Some((0, 5_119)));
        walk.descend_back(false);
        assert_eq!(walk.window(), Some((0, 2_559)), "the gap was passed");
        tree.store(2_555..2_565, 2).expect("memory");
        assert_eq!(walk.next_back().map(|found| (found.first, found.last)), Some((2_550, 2_554)));
    }
}
