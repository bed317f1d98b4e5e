//! Copying a whole tree, node for node.
//!
//! Nodes are counted first (which needs only the inner ones) and taken in one go, side by side. From then on nothing can fail but an
//! entry. The copy is built from the top in the order of the index, and is a valid tree at every moment: slots that were not reached
//! yet are gaps. So when an entry fails, or its closure panics, what was copied is the prefix, and only its right edge is trimmed.

use crate::list::FreeList;
use crate::node::{MAX_LEVELS, NodeRef, Root};
use crate::owner::Owner;
use crate::path::Frame;
use crate::pool;
use crate::reserve::{Source, Stock};
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
pub(crate) fn prepare(source: &Root, owner: &mut Owner) -> Result<(), AllocError> {
    let Some((root, level)) = source.load() else {
        return Ok(());
    };
    let earmark = level + 2;
    let nodes: FreeList = pool::take(count(root, level) + earmark)?;
    owner.stock = Stock::for_copy(nodes, earmark);
    owner.reserve.add_earmarked(earmark);
    Ok(())
}

/// Copies `source` into the empty tree `target`, whose owner was [`prepare`]d. `entry` copies one entry, given its range; when it
/// fails, everything before that entry is in `target`.
///
/// The writer of `source` is kept out by the caller.
pub(crate) fn copy<E>(
    source: &Root,
    target: &Root,
    owner: &mut Owner,
    mut entry: impl FnMut(u64, u64, NonNull<()>) -> Result<NonNull<()>, E>,
) -> Result<(), E> {
    let Some((root, level)) = source.load() else {
        return Ok(());
    };
    let mut fresh = |source: NodeRef| {
        let node = owner.stock.take(&mut Source::Spare, 0).ok()?;
        owner.nodes_taken += 1;
        // SAFETY: a node that nobody can reach yet.
        unsafe { node.copy_pivots(source) };
        Some(node)
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
            copy.publish(slot, crate::node::Word::live(new));
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
