//! Trees built so that a removal costs as much as it ever can.

use crate::costs::{Bound, Cost, Tree, erase, prune, prune_alone, prune_cut, prune_in_place, remove, remove_whole};
use crate::report::{Tally, check, check_equal};
use maple_tree::{RangeMap, Reserve};

const PITCH: u64 = 16;
const FANOUT: u64 = 16;

/// Sixteen entries to each leaf and sixteen children to each node above, without a gap from 0 to the highest index there is.
fn full(height: u32, reserve: &'static Reserve) -> Tree {
    let tree = Tree::with_reserve(reserve);
    let count = FANOUT.pow(height);
    for entry in 0..count {
        let last = if entry + 1 == count { u64::MAX } else { entry * PITCH + PITCH - 1 };
        tree.store(entry * PITCH..=last, entry as u32).expect("trees are built while there is memory");
    }
    check(tree.synchronize().is_ok(), "no grace period outside a read section", [0; 3]);
    let summary = tree.validate().unwrap_or_default();
    check_equal(summary.height, height as usize, "a full tree is not as high as it should be");
    check_equal(summary.nodes, (count as usize - 1) / (FANOUT as usize - 1), "a full tree has another number of nodes");
    tree
}

fn full_map(height: u32, reserve: &'static Reserve) -> RangeMap<u32> {
    full(height, reserve).into_inner()
}

/// The worst removal of a full tree.
fn worst(bound: Bound, height: u32, reserve: &'static Reserve, tally: &mut Tally) -> (Option<Cost>, &'static str) {
    let count = FANOUT.pow(height);
    // The ninth child of the ninth child and so on: something stays and something falls at every level.
    let middle = 8 * (count - 1) / (FANOUT - 1);
    // Where the eighth child of the root ends and the ninth begins.
    let seam = count / 2;
    match bound {
        Bound::PathCopyNodes => {
            (prune(&full(height, reserve), middle * PITCH, tally), "pruned at its ninth child's ninth child's ... ninth entry")
        }
        Bound::CutNodes => {
            let from = middle * PITCH + PITCH / 2;
            (prune_cut(&full(height, reserve), from, tally), "cut within its ninth child's ninth child's ... ninth entry")
        }
        Bound::InPlaceStores => (prune_in_place(&full(height, reserve), PITCH, tally), "pruned at the second entry"),
        Bound::WholeStores => {
            // One leaf has fewer slots between two ends than before one.
            let (first, last) = if height == 1 { (0, 15) } else { (1, count - 1) };
            let cost = remove_whole(&full(height, reserve), first * PITCH, last * PITCH - 1, tally);
            (cost, "all but the first entry and the last removed (of one leaf: all but the last)")
        }
        Bound::AloneNodes => {
            (prune_alone(&mut full_map(height, reserve), middle * PITCH, false, tally), "pruned where a path copy needs most")
        }
        Bound::AloneCutNodes => {
            let from = u64::MAX - 1;
            (prune_alone(&mut full_map(height, reserve), from, true, tally), "its last entry cut, where no node has a slot left")
        }
        Bound::EraseNodes | Bound::EraseStores => {
            let tree = full(height, reserve);
            prune_in_place(&tree, PITCH, tally);
            let cost = erase(&tree, 0, tally);
            let cost = if bound == Bound::EraseNodes { cost.map(|cost| Cost { bound, cost: 0, ..cost }) } else { cost };
            (cost, "its last entry erased after a prune in place at the second")
        }
        Bound::RemoveCutNodes => {
            let (first, last) = (seam * PITCH - PITCH / 2, seam * PITCH + PITCH / 2);
            (remove(&full(height, reserve), first, last, tally), "cut on both sides of the seam of two of the root's children")
        }
    }
}

/// Reaches each bound with a tree of each height, and prints which tree it is.
pub(crate) fn reach(highest: u32, reserve: &'static Reserve, tally: &mut Tally, mut progress: impl FnMut(u32)) -> usize {
    for bound in Bound::ALL {
        let mut reached = Vec::new();
        let mut how = "";
        for height in 1..=highest {
            progress(height);
            let (cost, removal) = worst(bound, height, reserve, tally);
            how = removal;
            let Some(cost) = cost.filter(|cost| cost.bound == bound) else {
                check(false, "a worst case was another case", [height.into(), 0, 0]);
                continue;
            };
            check(cost.is_worst(), "a tree built for the worst case has a better one", [cost.cost as u64, height.into(), 0]);
            reached.push(cost.cost);
        }
        println!(
            "  {}: {reached:?} reached at h = 1..={highest} by the full tree (16^h entries, no gap, every node full), {how}",
            bound.name()
        );
    }
    Bound::ALL.len()
}
