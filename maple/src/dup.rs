//! Copying a whole tree, node for node.
//!
//! Nodes are counted first (which needs only the inner ones) and taken in one go, side by side. From then on nothing can fail but an
//! entry. The copy is built from the top in the order of the index, and is a valid tree at every moment: slots that were not reached
//! yet are gaps. So when an entry fails, or its closure panics, what was copied is the prefix, and only its right edge is trimmed.

use crate::node::{MAX_LEVELS, NodeRef, Root, Word};
use crate::owner::Owner;
use crate::path::Frame;
use crate::pool::{self, Claim};
use crate::reserve::Stock;
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

/// Takes the nodes for a copy of `source` and for the copy's own prune (one a level and one more), and earmarks the latter.
///
/// # Errors
///
/// Out of memory.
pub(crate) fn prepare(source: &Root, owner: &mut Owner) -> Result<Option<Claim>, AllocError> {
    let Some((root, level)) = source.load() else {
        return Ok(None);
    };
    let earmark = level + 2;
    let nodes = count(root, level);
    // The earmark first: it is in nobody's way then, whatever becomes of the copy.
    let stock = pool::take(earmark)?;
    let claim = match Claim::new(nodes) {
        Ok(claim) => claim,
        Err(refused) => {
            pool::give(stock);
            return Err(refused);
        }
    };
    owner.stock = Stock::for_copy(stock, earmark);
    owner.reserve.add_earmarked(earmark);
    owner.nodes_taken += nodes as u64;
    Ok(Some(claim))
}

/// Copies `source`, whose entries are plain words, into the empty tree `target` with the nodes that were [`prepare`]d.
///
/// The writer of `source` is kept out by the caller.
pub(crate) fn copy_words(source: &Root, target: &Root, mut claim: Claim, untidy: bool) {
    fn below(node: NodeRef, level: usize, claim: &mut Claim, untidy: bool) -> Option<NodeRef> {
        // SAFETY: the node was just taken; the caller is the writer of the source.
        let copy = unsafe { NodeRef::new_copy(claim.pop()?, node, true) };
        let words = node.contents().1;
        if level > 0 {
            for (slot, word) in words.iter().enumerate() {
                // SAFETY: a live word of an inner slot is a child.
                let child = word.target().map(|child| unsafe { NodeRef::from_target(child) });
                let copied = child.and_then(|child| below(child, level - 1, claim, untidy));
                copy.publish(slot, copied.map_or(Word::EMPTY, NodeRef::word));
            }
        } else if untidy {
            // What is dead is the source's.
            words.iter().enumerate().for_each(|(slot, word)| copy.publish(slot, word.or_gap()));
        }
        Some(copy)
    }
    if let Some((root, level)) = source.load() {
        let copied = below(root, level, &mut claim, untidy);
        debug_assert!(copied.is_some() && claim.pop().is_none(), "nodes were miscounted");
        target.publish(copied.map(|root| (root, level)));
    }
}

/// Copies `source` into the empty tree `target` with the nodes that were [`prepare`]d. `entry` copies one entry, given its range; when it
/// fails, everything before that entry is in `target`, and the nodes that are left go back to the pool.
///
/// The writer of `source` is kept out by the caller.
pub(crate) fn copy<E>(
    source: &Root,
    target: &Root,
    mut claim: Claim,
    mut entry: impl FnMut(u64, u64, NonNull<()>) -> Result<NonNull<()>, E>,
) -> Result<(), E> {
    let Some((root, level)) = source.load() else {
        return Ok(());
    };
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
            let new = entry(from.first(), from.last(), old)?;
            copy.publish(slot, Word::live(new));
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
