//! What a removal costs, measured, and the bounds on it.

use crate::gate;
use crate::report::{Tally, check};
use maple_tree::{MapleTree, Pool, PruneForm, Pruned, RangeMap, RemoveError, Reserve, Shortage};
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bounds, for a tree of height `h` before the removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    /// Nodes that `prune` beside readers takes for its copy of the path.
    PathCopyNodes,
    /// The same of `prune_cut` when it cuts an entry. (It takes a node for a new root only when it copies none.)
    CutNodes,
    /// Slots that `prune_in_place` stores to.
    InPlaceStores,
    /// Slots that `remove_whole` stores to: beside the path to each end of the window, and between the two where they part.
    WholeStores,
    /// Nodes that `prune` and `erase` of a map with one owner take from anywhere but the map's own spare ones.
    AloneNodes,
    /// Nodes that `prune_cut` of a map with one owner takes when it cuts an entry.
    AloneCutNodes,
    /// Nodes that `erase` takes.
    EraseNodes,
    /// Slots that `erase` stores to: that of the entry, and one for each node that is empty then.
    EraseStores,
    /// Nodes that `remove_or` takes when it cuts an entry.
    RemoveCutNodes,
    /// The same of a map with one owner.
    AloneRemoveCutNodes,
}

impl Bound {
    pub(crate) const ALL: [Self; 10] = [
        Self::PathCopyNodes,
        Self::CutNodes,
        Self::InPlaceStores,
        Self::WholeStores,
        Self::AloneNodes,
        Self::AloneCutNodes,
        Self::EraseNodes,
        Self::EraseStores,
        Self::RemoveCutNodes,
        Self::AloneRemoveCutNodes,
    ];

    fn of(self, height: usize) -> usize {
        match self {
            Self::PathCopyNodes | Self::CutNodes => height,
            Self::InPlaceStores => 15 * height,
            // With one end of the window inside the tree, or with both.
            Self::WholeStores => (15 * height).max((30 * height).saturating_sub(16)),
            Self::AloneNodes | Self::EraseNodes => 0,
            Self::AloneCutNodes => 1,
            Self::EraseStores => height + 1,
            Self::RemoveCutNodes | Self::AloneRemoveCutNodes => 3 * height,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PathCopyNodes => "prune by path copy, nodes <= h",
            Self::CutNodes => "prune_cut that cuts, nodes <= h",
            Self::InPlaceStores => "prune in place, slot stores <= 15 h",
            Self::WholeStores => "remove_whole, slot stores <= max(15 h, 30 h - 16)",
            Self::AloneNodes => "prune and erase with one owner, nodes = 0",
            Self::AloneCutNodes => "prune_cut that cuts with one owner, nodes <= 1",
            Self::EraseNodes => "erase, nodes = 0",
            Self::EraseStores => "erase, stores <= 1 + nodes emptied <= 1 + h",
            Self::RemoveCutNodes => "remove that cuts, nodes <= 3 h",
            Self::AloneRemoveCutNodes => "remove that cuts with one owner, nodes <= 3 h",
        }
    }

    fn passed(self) -> &'static str {
        match self {
            Self::PathCopyNodes => "a prune by path copy took too many nodes",
            Self::CutNodes => "a prune that cut took too many nodes",
            Self::InPlaceStores => "a prune in place stored to too many slots",
            Self::WholeStores => "a removal of whole entries stored to too many slots",
            Self::AloneNodes => "a removal with one owner took a node",
            Self::AloneCutNodes => "a prune that cut with one owner took too many nodes",
            Self::EraseNodes => "an erase took a node",
            Self::EraseStores => "an erase stored to too many slots",
            Self::RemoveCutNodes => "a removal that cut took too many nodes",
            Self::AloneRemoveCutNodes => "a removal that cut took too many nodes with one owner",
        }
    }
}

/// How often a removal cost more than its bound.
static PASSED: AtomicU64 = AtomicU64::new(0);

pub(crate) fn passed() -> u64 {
    PASSED.load(Ordering::Relaxed)
}

/// What one removal did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cost {
    pub(crate) bound: Bound,
    pub(crate) cost: usize,
    pub(crate) height: usize,
}

impl Cost {
    pub(crate) fn is_worst(&self) -> bool {
        self.cost == self.bound.of(self.height)
    }

    /// Checks the bound.
    fn checked(self) -> Option<Self> {
        let limit = self.bound.of(self.height);
        if !check(self.cost <= limit, self.bound.passed(), [self.cost as u64, limit as u64, self.height as u64]) {
            PASSED.fetch_add(1, Ordering::Relaxed);
        }
        Some(self)
    }
}

/// A tree beside readers (who may be anywhere) whose removals are measured.
pub(crate) type Tree = MapleTree<u32>;

/// Does a removal behind the closed gate; `find` says whether there is something to remove.
fn refused<T>(tally: &mut Tally, find: bool, remove: impl FnOnce() -> T) -> (T, u64) {
    let (result, closed) = gate::closed(|| tally.removal(find, remove));
    (result, closed.refused)
}

fn without_memory<T>(tally: &mut Tally, find: bool, remove: impl FnOnce() -> T) -> T {
    let (result, requests) = refused(tally, find, remove);
    tally.allocations += requests;
    check(requests == 0, "a removal asked for memory", [requests, 0, 0]);
    result
}

pub(crate) static RESERVES: [Reserve; 2] = [Reserve::new(64), Reserve::new(0)];

/// Nodes of which it is known that they are in no tree: those at hand, less all that were ever taken from the pool.
fn nodes_elsewhere(tree: &Tree) -> isize {
    let reserves = RESERVES.iter().chain([Reserve::global()]);
    let free: usize = reserves.map(|reserve| reserve.figures().free).sum();
    (tree.figures().spare + free) as isize - Pool::global().figures().nodes_in_use as isize
}

/// Nodes that the tree took, from wherever, while `remove` ran.
fn nodes_taken<T>(tree: &Tree, remove: impl FnOnce() -> T) -> (usize, T) {
    let (taken, elsewhere) = (tree.figures().nodes_taken, nodes_elsewhere(tree));
    let result = remove();
    let taken = (tree.figures().nodes_taken - taken) as usize;
    let missing = elsewhere - nodes_elsewhere(tree);
    check(taken as isize == missing, "a tree took another number of nodes than it says", [taken as u64, missing as u64, 0]);
    (taken, result)
}

/// The slots that `remove` stored to, counted by what became of them. Takes time, so only for small trees or now and then.
fn slots_stored<T>(tree: &Tree, remove: impl FnOnce() -> T) -> (usize, T) {
    let (height, dead) = (tree.figures().height, dead_slots(tree));
    let result = remove();
    let root = usize::from(height > 0 && tree.figures().height == 0);
    (root + dead_slots(tree).difference(&dead).count(), result)
}

/// The slots that hold nothing alive, and the nodes they are in.
fn dead_slots(tree: &Tree) -> HashSet<String> {
    let dump = tree.dump().to_string();
    let mut node = "";
    let mut slots = HashSet::new();
    for line in dump.lines().map(str::trim) {
        if line.starts_with("level") {
            node = line;
        } else if line.ends_with("gap") || line.ends_with("dead") {
            slots.insert(format!("{node}: {}", line.rsplit_once(' ').map_or(line, |(slot, _)| slot)));
        }
    }
    slots
}

/// An entry with its range, or the range of a gap.
type Slot = (RangeInclusive<u64>, Option<u32>);

/// Whether it is an entry that begins before `first` or ends after `last`.
fn sticks_out(found: Slot, first: u64, last: u64) -> bool {
    found.1.is_some() && (*found.0.start() < first || *found.0.end() > last)
}

fn any_in(tree: &Tree, first: u64, last: u64) -> bool {
    tree.range(first..=last, &tree.pin()).next().is_some()
}

fn range_at(tree: &Tree, index: u64) -> Slot {
    tree.get_range(index, &tree.pin())
}

fn check_pruned(tree: &Tree, pruned: Pruned, taken: usize, cuts: bool) {
    let Pruned { nodes_taken, nodes_retired, .. } = pruned;
    check(taken == nodes_taken, "a prune took other than it said", [taken as u64, nodes_taken as u64, 0]);
    // A new root above the old one replaces nothing, but only a cut needs one.
    let made_up = nodes_retired + usize::from(cuts);
    check(made_up >= nodes_taken, "a prune retired fewer nodes than it took", [nodes_taken as u64, nodes_retired as u64, 0]);
    let waiting = tree.figures().retired;
    check(waiting >= nodes_retired, "retired nodes do not wait", [waiting as u64, nodes_retired as u64, 0]);
}

pub(crate) fn prune(tree: &Tree, from: u64, tally: &mut Tally) -> Option<Cost> {
    let height = tree.figures().height;
    let find = any_in(tree, from, u64::MAX);
    let (taken, pruned) = nodes_taken(tree, || without_memory(tally, find, || tree.prune(from)));
    check_pruned(tree, pruned, taken, false);
    tally.falls += usize::from(pruned.form == PruneForm::InPlace);
    tally.path_copies += u64::from(pruned.form == PruneForm::PathCopy);
    let bound = if pruned.form == PruneForm::InPlace { Bound::InPlaceStores } else { Bound::PathCopyNodes };
    let cost = if pruned.form == PruneForm::InPlace { pruned.slot_stores } else { taken };
    Cost { bound, cost, height }.checked()
}

pub(crate) fn prune_cut(tree: &Tree, from: u64, tally: &mut Tally) -> Option<Cost> {
    let height = tree.figures().height;
    let cuts = sticks_out(range_at(tree, from), from, u64::MAX);
    let find = any_in(tree, from, u64::MAX);
    let (taken, pruned) = nodes_taken(tree, || without_memory(tally, find, || tree.prune_cut(from)));
    match pruned {
        Ok(pruned) => check_pruned(tree, pruned, taken, cuts),
        Err(_) => drop(check(cuts && taken == 0, "a prune that cuts nothing failed", [from, taken as u64, 0])),
    }
    let bound = if cuts { Bound::CutNodes } else { Bound::PathCopyNodes };
    Cost { bound, cost: taken, height }.checked()
}

pub(crate) fn prune_in_place(tree: &Tree, from: u64, tally: &mut Tally) -> Option<Cost> {
    let height = tree.figures().height;
    let find = any_in(tree, from, u64::MAX);
    let mut prune = || nodes_taken(tree, || without_memory(tally, find, || tree.prune_in_place(from)));
    let (stores, (taken, pruned)) = if height < 3 {
        let (stores, done) = slots_stored(tree, &mut prune);
        (Some(stores), done)
    } else {
        (None, prune())
    };
    let exact = stores.is_none_or(|stores| stores == pruned.slot_stores);
    check(exact, "a prune stored to other than it says", [stores.unwrap_or(0) as u64, pruned.slot_stores as u64, from]);
    check_pruned(tree, pruned, taken, false);
    check(taken == 0, "a prune in place took a node", [taken as u64, 0, 0]);
    Cost { bound: Bound::InPlaceStores, cost: pruned.slot_stores, height }.checked()
}

/// Removes the entries that lie inside `first..=last`.
pub(crate) fn remove_whole(tree: &Tree, first: u64, last: u64, tally: &mut Tally) -> Option<Cost> {
    let height = tree.figures().height;
    let find = any_in(tree, first, last);
    let remove = || nodes_taken(tree, || without_memory(tally, find, || tree.remove_whole(first..=last)));
    let (stores, (taken, ())) = slots_stored(tree, remove);
    check(taken == 0, "a removal of whole entries took a node", [taken as u64, first, last]);
    Cost { bound: Bound::WholeStores, cost: stores, height }.checked()
}

/// Erases; what comes back is the cost in stores.
pub(crate) fn erase(tree: &Tree, index: u64, tally: &mut Tally) -> Option<Cost> {
    erase_both(tree, index, tally).map(|[_, stores]| stores)
}

/// Erases, and checks both of its bounds: on nodes and on stores.
pub(crate) fn erase_both(tree: &Tree, index: u64, tally: &mut Tally) -> Option<[Cost; 2]> {
    let nodes = || tree.validate().map_or(0, |summary| summary.nodes);
    let (height, before) = (tree.figures().height, nodes());
    let find = range_at(tree, index).1.is_some();
    let erase = || tree.erase(index).map(|removed| removed.range());
    let (taken, range) = nodes_taken(tree, || without_memory(tally, find, erase));
    let in_nodes = Cost { bound: Bound::EraseNodes, cost: taken, height }.checked()?;
    // Each node that cannot be reached any more was unlinked by a store of its own.
    let cost = range.map_or(0, |_| 1 + before - nodes());
    Some([in_nodes, Cost { bound: Bound::EraseStores, cost, height }.checked()?])
}

/// Removes `first..=last`, which may cut an entry at either end, or punch a hole into one.
pub(crate) fn remove(tree: &Tree, first: u64, last: u64, tally: &mut Tally) -> Option<Cost> {
    let height = tree.figures().height;
    let borders = Borders::of(range_at(tree, first), range_at(tree, last), first, last);
    let find = any_in(tree, first, last);
    let remove = || tree.remove_or(first..=last, Shortage::Refuse);
    let (taken, (removed, requests)) = nodes_taken(tree, || refused(tally, find, remove));
    borders.check(&removed, requests, [first, last, requests]);
    if !borders.cut {
        check(
            taken <= 3 * height,
            "a removal that cut nothing took too many nodes",
            [taken as u64, 3 * height as u64, height as u64],
        );
        return None;
    }
    Cost { bound: Bound::RemoveCutNodes, cost: taken, height }.checked()
}

/// The same for a map with one owner.
pub(crate) fn remove_alone(map: &mut RangeMap<u32>, first: u64, last: u64, tally: &mut Tally) -> Option<Cost> {
    let (height, before) = (map.figures().height, map.figures().nodes_taken);
    let borders = Borders::of(map.get_range(first), map.get_range(last), first, last);
    let find = map.range(first..=last).next().is_some();
    let (removed, requests) = refused(tally, find, || map.remove_or(first..=last, Shortage::Refuse));
    borders.check(&removed, requests, [first, last, requests]);
    let cost = (map.figures().nodes_taken - before) as usize;
    borders.cut.then_some(Cost { bound: Bound::AloneRemoveCutNodes, cost, height })?.checked()
}

/// What a removal is going to do to the entries at the borders of its window.
struct Borders {
    cut: bool,
    /// One entry sticks out on both sides. That makes two entries of one: the one removal that may ask for memory.
    hole: bool,
}

impl Borders {
    fn of(at_first: Slot, at_last: Slot, first: u64, last: u64) -> Self {
        let hole = at_first.1.is_some() && *at_first.0.start() < first && *at_first.0.end() > last;
        Self { cut: sticks_out(at_first, first, last) || sticks_out(at_last, first, last), hole }
    }

    fn check(&self, removed: &Result<(), RemoveError>, requests: u64, numbers: [u64; 3]) {
        check(requests == 0 || self.hole, "a removal asked for memory", numbers);
        match removed {
            Ok(()) => {}
            Err(RemoveError::WouldCut(_)) => drop(check(self.cut, "a removal that cuts nothing failed", numbers)),
            Err(_) => drop(check(self.hole, "a removal failed for another reason than a cut", numbers)),
        }
    }
}

/// Prunes a map with one owner; `cut` says how.
pub(crate) fn prune_alone(map: &mut RangeMap<u32>, from: u64, cut: bool, tally: &mut Tally) -> Option<Cost> {
    let (height, before) = (map.figures().height, map.figures().nodes_taken);
    let cuts = cut && sticks_out(map.get_range(from), from, u64::MAX);
    let find = map.range(from..).next().is_some();
    let tail = without_memory(tally, find, || if cut { map.prune_cut(from).ok() } else { Some(map.prune(from)) });
    check(tail.is_some() || cuts, "a prune that cuts nothing failed", [from, 0, 0]);
    let cost = (map.figures().nodes_taken - before) as usize;
    Cost { bound: if cuts { Bound::AloneCutNodes } else { Bound::AloneNodes }, cost, height }.checked()
}

pub(crate) fn erase_alone(map: &mut RangeMap<u32>, index: u64, tally: &mut Tally) -> Option<Cost> {
    let (height, before) = (map.figures().height, Pool::global().figures().nodes_in_use);
    let find = map.contains(index);
    without_memory(tally, find, || map.erase(index));
    let cost = Pool::global().figures().nodes_in_use.saturating_sub(before);
    Cost { bound: Bound::AloneNodes, cost, height }.checked()
}
