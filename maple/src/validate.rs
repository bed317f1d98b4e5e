//! Checking every invariant of a tree, and saying where one is broken.

use crate::companion::{Companion, length};
use crate::gap::for_each_run;
use crate::node::{NodeRef, Root, SLOTS};
use crate::owner::Owner;
use crate::path::Frame;
use crate::run::is_tidy;
use core::error::Error;
use core::fmt;
use core::ops::RangeInclusive;
use smallvec::SmallVec;

/// What a valid tree consists of.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let summary = map.validate()?;
/// assert_eq!((summary.entries, summary.nodes, summary.dead), (2, 1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Levels of nodes; 0 for an empty tree.
    pub height: usize,
    /// Nodes that a reader can reach.
    pub nodes: usize,
    /// Entries.
    pub entries: usize,
    /// Slots whose entry or sub-tree was removed in place and waits for a grace period.
    pub dead: usize,
    /// Nodes beside these that hold figures of free space, one for each inner node at most: none before the first search.
    pub companions: usize,
}

/// A broken invariant, and where.
///
/// ```
/// use maple_tree::{Invalid, RangeMap};
///
/// let map = RangeMap::from_iter([(10..20, 'a')]);
/// let broken = map.validate().err().map(|Invalid { node, level, kind, .. }| (node, level, kind));
/// assert_eq!(broken, None); // or there is a bug in this crate
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// The range of the node, as its parent has it.
    pub node: RangeInclusive<u64>,
    /// Its level: 0 is a leaf.
    pub level: usize,
    /// The slot, where it is about one.
    pub slot: Option<usize>,
    /// What is wrong.
    pub kind: InvalidKind,
}

/// The invariants that a tree can break.
///
/// ```
/// use maple_tree::{InvalidKind, RangeMap};
///
/// match RangeMap::<u32>::new().validate() {
///     Ok(summary) => assert_eq!(summary.entries, 0),
///     Err(invalid) if invalid.kind == InvalidKind::OutOfMemory => {} // it could not be checked
///     Err(invalid) => panic!("{invalid}"),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum InvalidKind {
    /// A pivot is not above the one before it, or lies outside the node's range.
    PivotOrder,
    /// A pivot behind an unused one is in use.
    PivotAfterEnd,
    /// A slot behind the last one in use is not empty.
    SlotAfterEnd,
    /// A dead slot lies outside the hull that the sweep would look at (in an exclusive tree, anywhere).
    LostDead,
    /// A node can be reached in two ways, or is on a list of free nodes at the same time.
    ReachedTwice,
    /// Neighbouring gaps or dead words of which the tree does not know, or a node with nothing alive.
    Untidy,
    /// A figure of free space is not what is there, or a change would not mend it.
    WrongGap,
    /// What the writer remembers of where it last was is not so.
    StaleHint,
    /// There was no memory for the check itself.
    OutOfMemory,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            InvalidKind::PivotOrder => "pivots do not rise within the node's range",
            InvalidKind::PivotAfterEnd => "a pivot is in use behind an unused one",
            InvalidKind::SlotAfterEnd => "a slot behind the end of the node is not empty",
            InvalidKind::LostDead => "a dead slot that no sweep would find",
            InvalidKind::ReachedTwice => "the node is reached twice",
            InvalidKind::Untidy => "nothing alive, or gaps side by side in a tree that counts as tidy",
            InvalidKind::WrongGap => "a figure of free space is not so",
            InvalidKind::StaleHint => "the writer is not where it thinks it is",
            InvalidKind::OutOfMemory => "no memory for the check",
        };
        write!(f, "node {:?} at level {}", self.node, self.level)?;
        if let Some(slot) = self.slot {
            write!(f, ", slot {slot}")?;
        }
        write!(f, ": {what}")
    }
}

impl Error for Invalid {}

fn invalid(level: usize, frame: &Frame, slot: Option<usize>, kind: InvalidKind) -> Invalid {
    Invalid { node: frame.min..=frame.max, level, slot, kind }
}

/// Checks a tree whose writer is kept out.
pub(crate) fn validate(root: &Root, owner: &Owner) -> Result<Summary, Invalid> {
    let mut summary = Summary { height: root.load().map_or(0, |(_, level)| level + 1), ..Summary::default() };
    let mut seen = Seen::default();
    if let Some((node, level)) = root.load() {
        let top = Frame { node, min: 0, max: u64::MAX, slot: 0 };
        below(level, top, owner, &mut summary, &mut seen)?;
        for node in owner.stock.iter() {
            seen.add(node, level, &top)?;
        }
        seen.check(&top, level)?;
        if !owner.hint.holds(root) {
            return Err(invalid(level, &top, None, InvalidKind::StaleHint));
        }
    }
    Ok(summary)
}

fn below(level: usize, frame: Frame, owner: &Owner, summary: &mut Summary, seen: &mut Seen) -> Result<(), Invalid> {
    summary.nodes += 1;
    seen.add(frame.node, level, &frame)?;
    check_pivots(level, &frame)?;
    let len = frame.node.len();
    for slot in 0..SLOTS {
        let step = Frame { slot, ..frame };
        let word = step.word();
        let wrong = |kind| Err(invalid(level, &frame, Some(slot), kind));
        if slot >= len {
            if word.any_target().is_some() {
                return wrong(InvalidKind::SlotAfterEnd);
            }
            continue;
        }
        if word.is_dead() {
            summary.dead += 1;
            // An aged word's hull is in the hands of the sweep.
            let found = owner.dead.is_some_and(|(low, high)| low <= step.last() && step.first() <= high);
            if !found && !word.is_aged() {
                return wrong(InvalidKind::LostDead);
            }
        }
        let Some(target) = word.target() else {
            continue;
        };
        if level == 0 {
            summary.entries += 1;
        } else {
            // SAFETY: a live word of an inner slot is a child.
            let node = unsafe { NodeRef::from_target(target) };
            below(level - 1, step.child(node), owner, summary, seen)?;
        }
    }
    if level > 0 && frame.node.has_companion() {
        check_companion(level, &frame, owner, summary, seen)?;
    }
    if (!owner.untidy && !is_tidy(frame.node, len)) || frame.live(0..len).next().is_none() {
        return Err(invalid(level, &frame, None, InvalidKind::Untidy));
    }
    Ok(())
}

/// Every figure that counts as known is what a walk over all slots below comes to.
fn check_companion(level: usize, frame: &Frame, owner: &Owner, summary: &mut Summary, seen: &mut Seen) -> Result<(), Invalid> {
    let (Some(companion), Some(memory)) = (Companion::of(frame.node), frame.node.companion()) else { return Ok(()) };
    summary.companions += 1;
    seen.add(memory, level, frame)?;
    if !owner.tracks {
        return Err(invalid(level, frame, None, InvalidKind::WrongGap));
    }
    let (mut slots, mut borders) = ([0; SLOTS], [0; SLOTS]);
    for_each_run(level, frame, &mut |first, last| {
        for slot in frame.reached(first, last) {
            let step = Frame { slot, ..*frame };
            slots[slot] = slots[slot].max(length(first.max(step.first()), last.min(step.last())));
            if step.last() < last {
                borders[slot] = length(first, last);
            }
        }
    });
    let len = frame.node.len();
    let wrong_slot = (0..len).find(|slot| companion.slot(*slot).is_some_and(|figure| figure != slots[*slot]));
    let wrong_border =
        (1..len).map(|slot| slot - 1).find(|slot| companion.border(*slot).is_some_and(|figure| figure != borders[*slot]));
    match wrong_slot.or(wrong_border) {
        Some(slot) => Err(invalid(level, frame, Some(slot), InvalidKind::WrongGap)),
        None => Ok(()),
    }
}

/// Pivots rise strictly from the node's first index to below its last, and once one is unused all are.
fn check_pivots(level: usize, frame: &Frame) -> Result<(), Invalid> {
    let mut least = frame.min;
    let mut ended = false;
    for slot in 0..SLOTS - 1 {
        let pivot = frame.node.last(slot, u64::MAX);
        let wrong = |kind| Err(invalid(level, frame, Some(slot), kind));
        if pivot == u64::MAX {
            ended = true;
        } else if ended {
            return wrong(InvalidKind::PivotAfterEnd);
        } else if pivot < least || pivot >= frame.max {
            return wrong(InvalidKind::PivotOrder);
        } else {
            least = pivot + 1;
        }
    }
    Ok(())
}

/// Addresses of the nodes that were met.
#[derive(Default)]
struct Seen(SmallVec<[usize; 64]>);

impl Seen {
    fn add(&mut self, node: NodeRef, level: usize, frame: &Frame) -> Result<(), Invalid> {
        if self.0.try_reserve(1).is_err() {
            return Err(invalid(level, frame, None, InvalidKind::OutOfMemory));
        }
        self.0.push(node.as_ptr().addr().get());
        Ok(())
    }

    fn check(mut self, top: &Frame, level: usize) -> Result<(), Invalid> {
        self.0.sort_unstable();
        if self.0.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(invalid(level, top, None, InvalidKind::ReachedTwice));
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::list::FreeList;
    use crate::node::Word;
    use crate::pool::{self, Pool};
    use crate::reserve::Reserve;

    /// A tree of two leaves under one root; what `spoil` does to it, and what the check says if the tree counts as tidy.
    fn spoiled(spoil: impl FnOnce(NodeRef, [NodeRef; 2])) -> Result<Summary, InvalidKind> {
        spoiled_where(false, spoil)
    }

    fn spoiled_where(untidy: bool, spoil: impl FnOnce(NodeRef, [NodeRef; 2])) -> Result<Summary, InvalidKind> {
        let mut nodes = Pool::global().take(3).expect("three nodes");
        let take = |nodes: &mut FreeList| nodes.pop().expect("three were taken");
        let (top, left, right) = (take(&mut nodes), take(&mut nodes), take(&mut nodes));
        let entry = Word::live(core::ptr::NonNull::<u64>::dangling().cast());
        // SAFETY: the nodes are this test's own.
        unsafe { left.fill(&[9, 19, 29], &[entry, Word::EMPTY, entry]) };
        // SAFETY: as above.
        unsafe { right.fill(&[39, u64::MAX], &[entry, Word::EMPTY]) };
        // SAFETY: as above.
        unsafe { top.fill(&[29, u64::MAX], &[left.word(), right.word()]) };
        let root = Root::new();
        root.publish(Some((top, 1)));
        spoil(top, [left, right]);
        let mut owner = Owner::new(Reserve::global());
        owner.untidy = untidy;
        let result = validate(&root, &owner);
        for node in [top, left, right] {
            nodes.push(node);
        }
        pool::give(nodes);
        result.map_err(|invalid| invalid.kind)
    }

    #[test]
    fn a_sound_tree_is_summed_up() {
        assert_eq!(spoiled(|_, _| {}), Ok(Summary { height: 2, nodes: 3, entries: 3, dead: 0, companions: 0 }));
    }

    #[test]
    fn every_broken_invariant_is_found() {
        // SAFETY: the nodes are the test's own.
        let set = |node: NodeRef, slot, pivot| unsafe { node.set_pivot(slot, pivot) };
        assert_eq!(spoiled(|_, [left, _]| set(left, 1, 9)), Err(InvalidKind::PivotOrder));
        assert_eq!(spoiled(|_, [left, _]| set(left, 1, 29)), Err(InvalidKind::PivotOrder));
        assert_eq!(spoiled(|_, [_, right]| set(right, 0, 29)), Err(InvalidKind::PivotOrder));
        assert_eq!(spoiled(|_, [left, _]| set(left, 5, 25)), Err(InvalidKind::PivotAfterEnd));
        assert_eq!(spoiled(|_, [left, _]| left.publish(7, left.own_slot(0))), Err(InvalidKind::SlotAfterEnd));
        assert_eq!(spoiled(|_, [left, _]| left.publish(0, left.own_slot(0).dead())), Err(InvalidKind::LostDead));
        let twice = spoiled(|top, [left, right]| {
            // SAFETY: the nodes are the test's own.
            unsafe { left.fill(&[29], &[right.own_slot(0)]) };
            top.publish(1, left.word());
        });
        assert_eq!(twice, Err(InvalidKind::ReachedTwice));
        assert_eq!(spoiled(|_, [left, _]| left.publish(0, Word::EMPTY)), Err(InvalidKind::Untidy));
        assert_eq!(spoiled(|_, [_, right]| right.publish(0, Word::EMPTY)), Err(InvalidKind::Untidy));
        assert_eq!(spoiled_where(true, |_, [_, right]| right.publish(0, Word::EMPTY)), Err(InvalidKind::Untidy));
        assert!(spoiled_where(true, |_, [left, _]| left.publish(0, Word::EMPTY)).is_ok(), "only gaps side by side");
    }
}
