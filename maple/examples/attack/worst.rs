//! Trees built so that a removal costs as much as it ever can.

use crate::costs::{
    Bound, Cost, Tree, erase_both, prune, prune_alone, prune_cut, prune_in_place, remove, remove_alone, remove_whole,
};
use crate::report::{Tally, check, check_equal};
use maple_tree::{RangeMap, Reserve};
use std::fmt::Write;

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

/// A worst case that was tried.
struct Tried {
    cost: Option<Cost>,
    /// What was done to the full tree.
    how: &'static str,
    /// The tree before and after as graphs, see [`picture`].
    graphs: [String; 2],
}

/// A removal from a full tree that takes its tally along.
type Removal<'a, T> = &'a mut dyn FnMut(&mut T, &mut Tally) -> Option<Cost>;

/// The worst removal of a full tree.
fn worst(bound: Bound, height: u32, reserve: &'static Reserve, tally: &mut Tally) -> Tried {
    let count = FANOUT.pow(height);
    // The ninth child of the ninth child and so on: something stays and something falls at every level.
    let middle = 8 * (count - 1) / (FANOUT - 1);
    // Where the eighth child of the root ends and the ninth begins.
    let seam = count / 2;
    let (seam_first, seam_last) = (seam * PITCH - PITCH / 2, seam * PITCH + PITCH / 2);
    let mut beside = |how, remove: Removal<'_, Tree>| {
        let mut tree = full(height, reserve);
        let before = tree.dot().to_string();
        let cost = remove(&mut tree, tally);
        Tried { cost, how, graphs: [before, tree.dot().to_string()] }
    };
    match bound {
        Bound::PathCopyNodes => beside("pruned at its ninth child's ninth child's ... ninth entry", &mut |tree, tally| {
            prune(tree, middle * PITCH, tally)
        }),
        Bound::CutNodes => beside("cut within its ninth child's ninth child's ... ninth entry", &mut |tree, tally| {
            prune_cut(tree, middle * PITCH + PITCH / 2, tally)
        }),
        Bound::InPlaceStores => beside("pruned at the second entry", &mut |tree, tally| prune_in_place(tree, PITCH, tally)),
        Bound::WholeStores => {
            // One leaf has fewer slots between two ends than before one.
            let (first, last) = if height == 1 { (0, 15) } else { (1, count - 1) };
            beside("all but the first entry and the last removed (of one leaf: all but the last)", &mut |tree, tally| {
                remove_whole(tree, first * PITCH, last * PITCH - 1, tally)
            })
        }
        Bound::EraseNodes | Bound::EraseStores => {
            beside("its last entry erased after a prune in place at the second", &mut |tree, tally| {
                prune_in_place(tree, PITCH, tally);
                erase_both(tree, 0, tally).map(|[nodes, stores]| if bound == Bound::EraseNodes { nodes } else { stores })
            })
        }
        Bound::RemoveCutNodes => beside("cut on both sides of the seam of two of the root's children", &mut |tree, tally| {
            remove(tree, seam_first, seam_last, tally)
        }),
        Bound::AloneNodes | Bound::AloneCutNodes | Bound::AloneRemoveCutNodes => {
            let mut map: RangeMap<u32> = full(height, reserve).into_inner();
            let before = map.dot().to_string();
            let (cost, how) = match bound {
                Bound::AloneNodes => (prune_alone(&mut map, middle * PITCH, false, tally), "pruned where a path copy needs most"),
                Bound::AloneCutNodes => {
                    (prune_alone(&mut map, u64::MAX - 1, true, tally), "its last entry cut, where no node has a slot left")
                }
                _ => {
                    let cost = remove_alone(&mut map, seam_first, seam_last, tally);
                    (cost, "cut on both sides of the seam of two of the root's children")
                }
            };
            Tried { cost, how, graphs: [before, map.dot().to_string()] }
        }
    }
}

/// A graph of a tree in one line: for each node what its slots hold, `#` an entry or a child, `.` nothing, `x` what is dead. Nodes come
/// in order, each before what is below it; alike ones that follow each other once with their number.
fn picture(graph: &str) -> String {
    let slots = graph.lines().filter_map(|line| line.split_once("[label=\"")).map(|(_, label)| {
        let slots =
            label.split('|').map(|slot| match slot.rsplit_once("\\n").map_or("", |(_, what)| what.trim_end_matches("\"];")) {
                "entry" | "node" => '#',
                "dead" => 'x',
                _ => '.',
            });
        slots.collect::<String>()
    });
    let mut nodes: Vec<(usize, String)> = Vec::new();
    for slots in slots {
        match nodes.last_mut() {
            Some((count, last)) if *last == slots => *count += 1,
            _ => nodes.push((1, slots)),
        }
    }
    let mut picture = String::new();
    for (count, slots) in &nodes {
        let _ = if *count == 1 { write!(picture, " [{slots}]") } else { write!(picture, " {count} x [{slots}]") };
    }
    if nodes.is_empty() { String::from(" empty") } else { picture }
}

/// The height of the trees that are shown: the lowest with a node above the leaves.
const SHOWN: u32 = 2;

/// Reaches each bound with a tree of each height, and prints which tree it is.
pub(crate) fn reach(highest: u32, reserve: &'static Reserve, tally: &mut Tally, mut progress: impl FnMut(u32)) -> usize {
    let mut all_reached = 0;
    for bound in Bound::ALL {
        let mut reached = Vec::new();
        let (mut how, mut shown) = ("", [String::new(), String::new()]);
        for height in 1..=highest {
            progress(height);
            let tried = worst(bound, height, reserve, tally);
            how = tried.how;
            if height == SHOWN {
                shown = tried.graphs.map(|graph| picture(&graph));
            }
            let Some(cost) = tried.cost.filter(|cost| cost.bound == bound) else {
                check(false, "a worst case was another case", [height.into(), 0, 0]);
                continue;
            };
            if check(cost.is_worst(), "a tree built for the worst case has another", [cost.cost as u64, height.into(), 0]) {
                reached.push(cost.cost);
            }
        }
        all_reached += usize::from(reached.len() == highest as usize);
        println!(
            "  {}: {reached:?} reached at h = 1..={highest} by the full tree (16^h entries, no gap, every node full), {how}",
            bound.name()
        );
        println!("    h = {SHOWN}, before:{}", shown[0]);
        println!("    h = {SHOWN}, after: {}", shown[1]);
    }
    all_reached
}
