//! Random churn at a constant size: whether removal that never restores a balance leaves a tree that grows sparse or high.

use crate::gate;
use crate::report::{Progress, check, scene};
use crate::rng::Rng;
use maple_tree::{MapleTree, RangeMap, Summary};

const ENTRIES: u32 = 100_000;
/// Cells that an entry can be in: mostly holes, which is where gaps pile up.
const CELLS: u32 = 16 * ENTRIES;
const CELL: u64 = 4096;

fn span(cell: u32) -> core::ops::RangeInclusive<u64> {
    let first = u64::from(cell) * CELL;
    first..=first + CELL - 1
}

/// A free cell, taken.
fn claim(rng: &mut Rng, taken: &mut [bool]) -> u32 {
    loop {
        let cell = rng.below(CELLS);
        if !core::mem::replace(&mut taken[cell as usize], true) {
            return cell;
        }
    }
}

/// Looks at the nodes and the height on the way.
const CHECKS: u64 = 50;

/// Nodes in percent of those of the freshly built tree.
fn percent(now: Summary, fresh: Summary) -> u64 {
    (now.nodes * 100).div_ceil(fresh.nodes) as u64
}

pub(crate) fn run(short: bool) -> String {
    let pairs: u64 = if short { 2_000_000 } else { 100_000_000 };
    let mut rng = Rng::new(5);
    let mut taken = vec![false; CELLS as usize];
    let (mut map, tree) = (RangeMap::new(), MapleTree::<u32>::new());
    let mut cells = Vec::new();
    for number in 0..ENTRIES {
        let cell = claim(&mut rng, &mut taken);
        cells.push(cell);
        let stored = map.store(span(cell), number).is_ok() && tree.store(span(cell), number).is_ok();
        check(stored, "no memory to begin with", [0; 3]);
    }
    let summary = |map: &RangeMap<u32>, tree: &MapleTree<u32>| {
        let valid = map.validate().and_then(|map| Ok([map, tree.validate()?]));
        check(valid.is_ok(), "a tree is not valid", [0; 3]);
        valid.unwrap_or_default()
    };
    let fresh = summary(&map, &tree);
    scene(format!("{pairs} pairs of erase and store at {ENTRIES} entries"));
    let mut progress = Progress::new("density", pairs);
    let mut now = fresh;
    let mut most = [0; 2];
    let mut allocations = 0;
    for pair in 0..pairs {
        if pair % 1024 == 0 {
            progress.at(pair, "erasing and storing");
        }
        let at = rng.below(ENTRIES) as usize;
        let cell = claim(&mut rng, &mut taken);
        let old = core::mem::replace(&mut cells[at], cell);
        taken[old as usize] = false;
        let first = *span(old).start();
        let (erased, closed) = gate::closed(|| map.erase(first).is_some() && tree.erase(first).is_some());
        allocations += closed.refused;
        check(erased, "an entry was not there to be erased", [first, 0, 0]);
        let stored = map.store(span(cell), 1).is_ok() && tree.store(span(cell), 1).is_ok();
        check(stored, "no memory to store", [pair, 0, 0]);
        if (pair + 1) % (pairs / CHECKS) == 0 {
            now = summary(&map, &tree);
            for ((most, now), fresh) in most.iter_mut().zip(now).zip(fresh) {
                *most = percent(now, fresh).max(*most);
                check(now.entries == ENTRIES as usize, "entries were lost", [now.entries as u64, 0, 0]);
                check(percent(now, fresh) <= 125, "nodes, in percent of a tree built anew", [percent(now, fresh), 125, pair]);
                check(
                    now.height <= fresh.height + 1,
                    "height, and that of a tree built anew",
                    [now.height as u64, fresh.height as u64, pair],
                );
            }
        }
    }
    drop(progress);
    check(allocations == 0, "removals asked for memory", [allocations, 0, 0]);
    format!(
        "density: {} removals, 0 failures, {allocations} allocations, {pairs} pairs of erase and store in each of two trees, nodes {} % (exclusive) and {} % (beside \
         readers) of the {} in a tree built anew, at most {} % and {} % at {CHECKS} looks, height {} and {} beside {}",
        2 * pairs,
        percent(now[0], fresh[0]),
        percent(now[1], fresh[1]),
        fresh[0].nodes,
        most[0],
        most[1],
        now[0].height,
        now[1].height,
        fresh[0].height,
    )
}
