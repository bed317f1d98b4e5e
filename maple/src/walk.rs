//! Reading: lookups and walks in both directions. Wait-free: no lock, no retry, at most one load a level.
//!
//! Readers may run beside the writer. A lookup returns what was true at one instant during the call. A walk keeps the path it came
//! by, so part of what it goes through may have been replaced since; every range it yields was in the tree under exactly that range
//! at some instant since the walk began, ranges rise (or fall) strictly, and an entry that was there all the time is neither skipped
//! nor repeated.

use crate::node::{MAX_LEVELS, NodeRef, Root, SLOTS};
use crate::path::Frame;
use crate::search::{self, Operation, Search};
use arrayvec::ArrayVec;
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

impl Found {
    fn cut(self, end: u64) -> Self {
        Self { last: self.last.min(end), ..self }
    }
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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Front,
    Back,
}

/// One end of a walk: the path down to where it goes on.
///
/// In the front, `slot` is the slot to look at next, or [`SLOTS`] when the node is done. In the back it is one more, so that 0 says
/// that the node is done. The child that the next step is in counts as looked at.
#[derive(Clone, Debug)]
struct End {
    steps: ArrayVec<Frame, MAX_LEVELS>,
}

/// A leaf that the front goes over without a thought, because all of it lies in the window.
///
/// # Invariants
///
/// The front's path ends at `leaf`, but for its slot number, which is out of date. `slot` is the next to look at, or [`SLOTS`] when the leaf is
/// done; it begins at `first`, and so does what is left of the window. The leaf ends at `max`, which is not behind the window.
#[derive(Clone, Debug)]
struct Stretch {
    leaf: NodeRef,
    slot: usize,
    first: u64,
    max: u64,
}

impl Stretch {
    #[inline(always)]
    fn next(&mut self) -> Option<Found> {
        while let Some(&last) = self.leaf.pivots().get(self.slot).filter(|last| **last < self.max) {
            let (first, target) = (self.first, self.leaf.slot(self.slot).target());
            (self.slot, self.first) = (self.slot + 1, last + 1);
            if let Some(entry) = target {
                return Some(Found { first, last, entry });
            }
        }
        if self.slot == SLOTS {
            return None;
        }
        // The last slot in use ends where the leaf does.
        let (first, last) = (self.first, self.max);
        let target = self.leaf.slot(self.slot).target();
        (self.slot, self.first) = (SLOTS, last.wrapping_add(1));
        target.map(|entry| Found { first, last, entry })
    }

    /// Calls `each` for every entry that is left.
    #[inline(always)]
    fn fold<T>(&mut self, mut sum: T, each: &mut impl FnMut(T, Found) -> T) -> T {
        // Locals, which can be in registers.
        let Self { leaf, slot: from, mut first, .. } = *self;
        if from == SLOTS {
            return sum;
        }
        let last_slot = leaf.len() - 1;
        for (last, word) in leaf.with_pivots(from..last_slot) {
            if let Some(entry) = word.target() {
                sum = each(sum, Found { first, last, entry });
            }
            first = last + 1;
        }
        (self.slot, self.first) = (last_slot, first);
        match self.next() {
            Some(found) => each(sum, found),
            None => sum,
        }
    }
}

/// Leaves that a walk asks for ahead of time.
const AHEAD: usize = 6;

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

/// A walk over the entries that overlap a window, from both ends.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    root: Option<(NodeRef, usize)>,
    stretch: Option<Stretch>,
    front: Option<End>,
    back: Option<End>,
    /// What is left of the window, inclusive, but for what the stretch knows; `None` when the walk is over.
    window: Option<(u64, u64)>,
}

impl Walk {
    pub(crate) fn new(root: &Root, window: Option<(u64, u64)>) -> Self {
        Self { root: root.load(), stretch: None, front: None, back: None, window }
    }

    /// What is left of the window.
    pub(crate) fn window(&self) -> Option<(u64, u64)> {
        let mut now = self.clone();
        now.settle();
        now.window
    }

    /// The next entry from the front.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Found> {
        self.next_cut(u64::MAX)
    }

    /// The next entry from the front, cut off at `end`, which is where the window ended at first or behind it. What lies in a stretch
    /// never has to be.
    #[inline(always)]
    pub(crate) fn next_cut(&mut self, end: u64) -> Option<Found> {
        if let Some(found) = self.stretch.as_mut().and_then(Stretch::next) {
            return Some(found);
        }
        while self.next_leaf() {
            if let Some(found) = self.stretch.as_mut().and_then(Stretch::next) {
                return Some(found);
            }
        }
        self.next_further().map(|found| found.cut(end))
    }

    /// Moves a stretch that is at its end to the next leaf below the same parent, if that lies in the window, too.
    #[inline]
    fn next_leaf(&mut self) -> bool {
        let (Some(stretch), Some(end), Some((_, high))) = (&mut self.stretch, &mut self.front, self.window) else { return false };
        let [.., parent, leaf] = end.steps.as_mut_slice() else { return false };
        if stretch.slot < SLOTS || parent.slot >= SLOTS || parent.last() > high {
            return false;
        }
        let (first, last) = (parent.first(), parent.last());
        let Some(target) = parent.node.slot(parent.slot).target() else { return false };
        parent.slot = if last == parent.max { SLOTS } else { parent.slot + 1 };
        // SAFETY: a live word of an inner slot is a child.
        let node = unsafe { NodeRef::from_target(target) };
        *leaf = Frame { node, min: first, max: last, slot: 0 };
        *stretch = Stretch { leaf: node, slot: 0, first, max: last };
        prefetch(parent.node, parent.slot + AHEAD - 1);
        true
    }

    /// Calls `each` for every entry that is left, in order.
    #[inline]
    pub(crate) fn fold<T>(self, sum: T, each: impl FnMut(T, Found) -> T) -> T {
        self.fold_cut(u64::MAX, sum, each)
    }

    /// As [`fold`](Self::fold), with entries cut off as in [`next_cut`](Self::next_cut).
    #[inline(always)]
    pub(crate) fn fold_cut<T>(mut self, end: u64, mut sum: T, mut each: impl FnMut(T, Found) -> T) -> T {
        loop {
            while let Some(stretch) = &mut self.stretch {
                sum = stretch.fold(sum, &mut each);
                if !self.next_leaf() {
                    break;
                }
            }
            match self.next_further() {
                Some(found) => sum = each(sum, found.cut(end)),
                None => return sum,
            }
        }
    }

    /// As [`next`](Walk::next), when the stretch is at its end.
    fn next_further(&mut self) -> Option<Found> {
        let high = self.window?.1;
        // Beside a writer, the other end may have seen other bounds: then the ends meet here.
        let found = self.next_overlapping()?;
        if found.last > high && self.back.is_some() { None } else { Some(found) }
    }

    /// The next entry from the back.
    #[inline]
    pub(crate) fn next_back(&mut self) -> Option<Found> {
        self.settle();
        let low = self.window?.0;
        let found = self.next_back_overlapping()?;
        if found.first < low && self.front.is_some() { None } else { Some(found) }
    }

    /// Ends the stretch: the front's path and the window are up to date again.
    #[inline]
    fn settle(&mut self) {
        if let (Some(stretch), Some(end), Some((_, high))) = (self.stretch.take(), &mut self.front, self.window)
            && let Some(step) = end.steps.last_mut()
        {
            step.slot = stretch.slot;
            let over = stretch.slot == SLOTS && stretch.max == high;
            self.window = (!over).then_some((stretch.first, high));
        }
    }

    /// As [`next`](Walk::next), but also an entry that reaches into what the other end has passed.
    pub(crate) fn next_overlapping(&mut self) -> Option<Found> {
        if let Some(found) = self.stretch.as_mut().and_then(Stretch::next) {
            return Some(found);
        }
        self.settle();
        let (mut low, mut high) = self.window?;
        let root = self.root?;
        let level = root.1;
        let mut end = self.front.get_or_insert_with(|| End::at(root, low, Side::Front));
        let found = loop {
            let at_leaf = end.steps.len() > level;
            let Some(step) = end.steps.last_mut() else {
                break None;
            };
            if step.slot >= SLOTS {
                end.steps.pop();
                continue;
            }
            let first = step.first();
            if first > high {
                break None;
            }
            let last = step.last();
            let word = step.node.slot(step.slot);
            step.slot = if last == step.max { SLOTS } else { step.slot + 1 };
            let Some(target) = word.target() else {
                continue;
            };
            if at_leaf {
                // Beside a writer, a child that came into the gap where the walk began may hold ranges before it.
                if last < low {
                    continue;
                }
                break Some(Found { first, last, entry: target });
            }
            // SAFETY: a live word of an inner slot is a child.
            let child = unsafe { NodeRef::from_target(target) };
            end.steps.push(Frame { node: child, min: first, max: last, slot: 0 });
            if end.steps.len() == level {
                (1..AHEAD).for_each(|slot| prefetch(child, slot));
            }
            if end.steps.len() > level && low <= first && last <= high {
                let mut stretch = Stretch { leaf: child, slot: 0, first, max: last };
                let found = stretch.next();
                self.stretch = Some(stretch);
                if found.is_some() {
                    return found;
                }
                self.settle();
                (low, high) = self.window?;
                end = self.front.as_mut()?;
            }
        };
        self.window = found.and_then(|found| (found.last < high).then(|| (found.last + 1, high)));
        found
    }

    /// As [`next_back`](Walk::next_back), but also an entry that reaches into what the other end has passed.
    pub(crate) fn next_back_overlapping(&mut self) -> Option<Found> {
        self.settle();
        let (low, high) = self.window?;
        let root = self.root?;
        let level = root.1;
        let end = self.back.get_or_insert_with(|| End::at(root, high, Side::Back));
        let found = loop {
            let at_leaf = end.steps.len() > level;
            let Some(step) = end.steps.last_mut() else {
                break None;
            };
            let Some(slot) = step.slot.checked_sub(1) else {
                end.steps.pop();
                continue;
            };
            step.slot = slot;
            let last = step.last();
            if last < low {
                break None;
            }
            let first = step.first();
            let Some(target) = step.node.slot(slot).target() else {
                continue;
            };
            if at_leaf {
                // As in `next_overlapping`.
                if first > high {
                    continue;
                }
                break Some(Found { first, last, entry: target });
            }
            // SAFETY: a live word of an inner slot is a child.
            let child = unsafe { NodeRef::from_target(target) };
            end.steps.push(Frame { node: child, min: first, max: last, slot: child.len() });
        };
        self.window = found.and_then(|found| (found.first > low).then(|| (low, found.first - 1)));
        found
    }
}

impl End {
    /// The path from `root` at `level` to the slot that covers `index`; that slot is the one to look at first.
    fn at((root, level): (NodeRef, usize), index: u64, side: Side) -> Self {
        let mut steps = ArrayVec::new();
        let (mut node, mut min, mut max) = (root, 0, u64::MAX);
        for left in (0..=level).rev() {
            let slot = node.search(index);
            let step = Frame { node, min, max, slot };
            let (first, last) = (step.first(), step.last());
            let target = if left == 0 { None } else { node.slot(slot).target() };
            let next = match (side, target.is_some()) {
                (Side::Front, false) => slot,
                (Side::Front, true) if last == max => SLOTS,
                (Side::Front, true) | (Side::Back, false) => slot + 1,
                (Side::Back, true) => slot,
            };
            steps.push(Frame { slot: next, ..step });
            let Some(target) = target else { break };
            // SAFETY: a live word of an inner slot is a child.
            node = unsafe { NodeRef::from_target(target) };
            (min, max) = (first, last);
        }
        Self { steps }
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
