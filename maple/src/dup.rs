//! Copying a whole tree, node for node.
//!
//! Nodes are counted first (which needs only the inner ones) and taken in one go, side by side. From then on nothing can fail but an
//! entry. The copy is built from the top in the order of the index, and is a valid tree at every moment: slots that were not reached
//! yet are gaps. So when an entry fails, or its closure panics, what was copied is the prefix, and only its right edge is trimmed.

use crate::list::FreeList;
use crate::node::{MAX_LEVELS, NodeRef, Root, SLOTS, Word};
use crate::owner::Owner;
use crate::path::Frame;
use crate::pool::{self, Claim};
use crate::reserve::Stock;
use crate::search::{self, Operation, Search};
use arrayvec::ArrayVec;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// Nodes in the tree below (and with) `node`.
fn count(node: NodeRef, level: usize) -> usize {
    if level == 0 {
        return 1;
    }
    let children = (0..node.len()).filter_map(|slot| node.own_slot(slot).target());
    if level == 1 {
        return 1 + children.count();
    }
    // SAFETY: a live word of an inner slot is a child.
    let children = children.map(|child| unsafe { NodeRef::from_target(child) });
    1 + children.map(|child| count(child, level - 1)).sum::<usize>()
}

/// Children that are asked for from memory while one is copied.
const AHEAD: usize = 4;

/// A copy that is to be made: the root of the source with its level, and the nodes for all that is below it.
pub(crate) struct Prepared {
    root: NodeRef,
    level: usize,
    claim: Claim,
}

/// Takes the nodes for a copy of `source` and for the copy's own prune (one a level and one more), and earmarks the latter. An empty tree
/// needs none.
///
/// # Errors
///
/// Out of memory.
pub(crate) fn prepare(source: &Root, owner: &mut Owner) -> Result<Option<Prepared>, AllocError> {
    let Some((root, level)) = source.load() else {
        return Ok(None);
    };
    let earmark = level + 2;
    let nodes = count(root, level);
    // The earmark first: it is in nobody's way then, whatever becomes of the copy.
    let pool = owner.reserve.pool();
    let stock = pool.take(earmark)?;
    let claim = match Claim::new(pool, nodes) {
        Ok(claim) => claim,
        Err(refused) => {
            pool::give(stock);
            return Err(refused);
        }
    };
    owner.stock = Stock::earmarking(stock);
    owner.count_earmarked();
    owner.nodes_taken += nodes as u64;
    Ok(Some(Prepared { root, level, claim }))
}

/// Copies the tree for which nodes were [`prepare`]d, whose entries are plain words (no slot of a leaf is dead), into the empty tree `target`.
///
/// The caller keeps the writer of the source out, and has done so since it prepared.
pub(crate) fn copy_words(prepared: Prepared, target: &Root) {
    let level = prepared.level;
    target.publish(search::run(0, CopyWords(prepared)).map(|copy| (copy, level)));
}

/// Searches nothing, but copies nodes with the widest registers that there are.
struct CopyWords(Prepared);

impl Operation for CopyWords {
    type Output = Option<NodeRef>;

    #[inline(always)]
    fn run<S: Search>(mut self, _: S, _: u64) -> Option<NodeRef> {
        let Self(Prepared { root, level: height, .. }) = self;
        // An inner node, its copy, and the slot to go on with.
        let mut steps = ArrayVec::<(NodeRef, NodeRef, usize), MAX_LEVELS>::new();
        let top = self.node(root)?;
        if height > 0 {
            steps.push((root, top, 0));
        }
        while let Some((node, copy, from)) = steps.pop() {
            let level = height - steps.len();
            let words = node.contents().1;
            let mut below = None;
            if from == 0 {
                words[..AHEAD].iter().for_each(|word| prefetch(*word));
            }
            for slot in from..SLOTS {
                let Some(child) = words[slot].target() else {
                    copy.publish(slot, Word::EMPTY);
                    continue;
                };
                // SAFETY: a live word of an inner slot is a child.
                let child = unsafe { NodeRef::from_target(child) };
                words.get(slot + AHEAD).into_iter().for_each(|word| prefetch(*word));
                let copied = self.node(child)?;
                copy.publish(slot, copied.word());
                if level > 1 {
                    below = Some((child, copied, slot + 1));
                    break;
                }
            }
            if let Some((child, copied, next)) = below {
                steps.push((node, copy, next));
                steps.push((child, copied, 0));
            }
        }
        debug_assert!(self.0.claim.pop().is_none(), "nodes were miscounted");
        Some(top)
    }
}

/// Asks for a child of an inner node.
#[inline(always)]
fn prefetch(word: Word) {
    if let Some(child) = word.target() {
        // SAFETY: a live word of an inner slot is a child.
        unsafe { NodeRef::from_target(child) }.prefetch();
    }
}

impl CopyWords {
    #[inline(always)]
    fn node(&mut self, node: NodeRef) -> Option<NodeRef> {
        // SAFETY: the node was just taken; the caller is the writer of the source.
        Some(unsafe { NodeRef::new_copy(self.0.claim.pop()?, node, true) })
    }
}

/// Ends the nodes on the right edge of a copy that stopped with one gap each; those that got nothing are not needed.
fn trim(target: &Root, steps: &[(Frame, usize, NodeRef)]) {
    let mut unused = FreeList::new();
    for (depth, (_, _, copy)) in steps.iter().enumerate().rev() {
        let live = (0..SLOTS).rev().find(|slot| copy.own_slot(*slot).is_live());
        match (live, depth.checked_sub(1).map(|above| &steps[above])) {
            (Some(last), _) if last + 1 < SLOTS => {
                // SAFETY: nobody else has the copy yet.
                unsafe { copy.truncate(last + 1) };
            }
            (Some(_), _) => {}
            (None, above) => {
                match above {
                    // `slot` is the next to copy.
                    Some((step, _, above)) => above.publish(step.slot - 1, Word::EMPTY),
                    None => target.publish(None),
                }
                unused.push(*copy);
            }
        }
    }
    pool::give(unused);
}

/// Copies the tree for which nodes were [`prepare`]d into the empty tree `target`. `entry` copies one entry, given its range; when it
/// fails, everything before that entry is in `target`, and the nodes that are left go back to the pool.
///
/// The caller keeps the writer of the source out, and has done so since it prepared.
pub(crate) fn copy<E>(
    prepared: Prepared,
    target: &Root,
    mut entry: impl FnMut(u64, u64, NonNull<()>) -> Result<NonNull<()>, E>,
) -> Result<(), E> {
    let Prepared { root, level, mut claim } = prepared;
    let mut fresh = |source: NodeRef| {
        // SAFETY: the node was just taken; the caller is the writer of the source.
        Some(unsafe { NodeRef::new_copy(claim.pop()?, source, false) })
    };
    // A step of the source (its `slot` is the next to copy) beside the copy of its node.
    let mut steps = ArrayVec::<(Frame, usize, NodeRef), MAX_LEVELS>::new();
    let Some(first) = fresh(root) else {
        return Ok(());
    };
    target.publish(Some((first, level)));
    steps.push((Frame { node: root, min: 0, max: u64::MAX, slot: 0 }, root.len(), first));
    while let Some((step, len, copy)) = steps.last_mut() {
        let (slot, copy) = (step.slot, *copy);
        if slot == *len {
            steps.pop();
            continue;
        }
        let (from, here) = (*step, step.word());
        step.slot += 1;
        let Some(old) = here.target() else { continue };
        if steps.len() > level {
            match entry(from.first(), from.last(), old) {
                Ok(new) => copy.publish(slot, Word::live(new)),
                Err(refused) => {
                    trim(target, &steps);
                    return Err(refused);
                }
            }
            continue;
        }
        // SAFETY: a live word of an inner slot is a child.
        let child = unsafe { NodeRef::from_target(old) };
        // `prepare` counted the nodes, so there is one.
        let Some(node) = fresh(child) else {
            debug_assert!(false, "nodes were miscounted");
            break;
        };
        copy.publish(slot, node.word());
        steps.push((Frame { node: child, min: from.first(), max: from.last(), slot: 0 }, child.len(), node));
    }
    Ok(())
}
