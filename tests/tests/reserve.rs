//! The reserve: loans, earmarks, repayment, and what removals do when it is short.

use maple_tree::{MapleTree, PruneForm, RangeMap, RemoveError, Reserve, ReserveFigures, Shortage, WouldCut};
use std::sync::mpsc;
use std::thread;

/// A reserve that outlives the test, as reserves do.
fn reserve(capacity: usize) -> &'static Reserve {
    Box::leak(Box::new(Reserve::new(capacity)))
}

/// Entries of ten indices each, side by side; the value is the number of the entry.
fn tree(reserve: &'static Reserve, entries: u32) -> MapleTree<u32> {
    let tree = MapleTree::with_reserve(reserve);
    for number in 0..entries {
        let first = u64::from(number) * 10;
        tree.store(first..=first + 9, number).expect("memory");
    }
    tree
}

fn contents(tree: &MapleTree<u32>) -> Vec<(u64, u64, u32)> {
    tree.iter(&tree.pin()).map(|(range, value)| (*range.start(), *range.end(), value)).collect()
}

fn prefix(entries: u32) -> Vec<(u64, u64, u32)> {
    (0..entries).map(|number| (u64::from(number) * 10, u64::from(number) * 10 + 9, number)).collect()
}

fn last_start(tree: &MapleTree<u32>) -> u64 {
    *tree.last(&tree.pin()).expect("entries").0.start()
}

/// Prunes entry by entry until the tree has no node of its own to spare.
fn use_up_spare(tree: &MapleTree<u32>) {
    while tree.figures().spare > 0 {
        tree.prune(last_start(tree));
    }
}

/// Nodes that are neither free nor lent do not exist, once it was filled.
fn books(figures: ReserveFigures) {
    assert_eq!(figures.free + figures.lent, figures.capacity, "{figures:?}");
}

#[test]
fn is_empty_until_something_may_allocate() {
    let reserve = reserve(5);
    assert_eq!((reserve.figures().capacity, reserve.figures().free), (5, 0));
    let tree = tree(reserve, 1);
    assert_eq!(reserve.figures().free, 5);
    drop(tree);
    assert_eq!((reserve.figures().free, reserve.figures().lent, reserve.figures().waiting), (5, 0, 0));
}

#[test]
fn an_exclusive_map_fills_the_global_reserve() {
    let mut map = RangeMap::new();
    map.store(0..=9, 1u32).expect("memory");
    assert!(Reserve::global().figures().free > 0);
}

#[test]
fn a_prune_borrows_and_repays_after_the_grace_period() {
    let reserve = reserve(8);
    let tree = tree(reserve, 1000);
    tree.synchronize().expect("no guard is held");
    let mut lent = 0;
    while lent == 0 {
        let height = tree.figures().height;
        let pruned = tree.prune(last_start(&tree));
        assert_eq!(pruned.form, PruneForm::PathCopy);
        assert!(pruned.nodes_taken <= pruned.nodes_retired && pruned.nodes_taken <= height, "{pruned:?}");
        lent = reserve.figures().lent;
        books(reserve.figures());
    }
    assert_eq!(reserve.figures().low_water, 8 - lent);
    assert!(reserve.figures().waiting >= lent);
    tree.synchronize().expect("no guard is held");
    assert_eq!((reserve.figures().free, reserve.figures().lent, reserve.figures().waiting), (8, 0, 0));
}

#[test]
fn what_was_lent_is_made_up_for_by_the_next_store() {
    let reserve = reserve(8);
    let tree = tree(reserve, 300);
    let guard = tree.pin();
    for border in (100..300).rev() {
        tree.prune(border * 10);
    }
    assert!(reserve.figures().free < 8);
    tree.store(5000..=5001, 7).expect("memory");
    assert_eq!((reserve.figures().free, reserve.figures().lent), (8, 0));
    drop(guard);
}

#[test]
fn a_drained_reserve_makes_prunes_fall_back_to_in_place() {
    let reserve = reserve(0);
    let tree = tree(reserve, 500);
    let mut falls = 0;
    for border in (0..500).rev() {
        let pruned = tree.prune(u64::from(border) * 10);
        falls += usize::from(pruned.form == PruneForm::InPlace);
        assert_eq!(contents(&tree), prefix(border));
        tree.validate().expect("a valid tree");
    }
    assert!(falls > 400, "{falls}");
    assert_eq!(reserve.figures().in_place_falls, falls);
}

#[test]
fn a_copy_earmarks_the_nodes_of_its_own_prune() {
    let original = tree(Reserve::global(), 2000);
    let copy = MapleTree::<u32>::from(original.dup().expect("memory"));
    let figures = copy.figures();
    assert_eq!(figures.earmarked, figures.height + 1);
    assert!(Reserve::global().figures().earmarked >= figures.earmarked);
    let pruned = copy.prune(10_000);
    assert_eq!(pruned.form, PruneForm::PathCopy);
    assert!(pruned.nodes_taken > 0);
    assert_eq!(copy.figures().earmarked, figures.earmarked - pruned.nodes_taken);
}

/// A prune that finds too few nodes leaves those that it began to take where they were: earmarked ones earmarked, spare ones to spare.
#[test]
fn an_earmark_that_does_not_do_stays() {
    let original = tree(reserve(0), 5_000);
    let copy = MapleTree::<u32>::from(original.dup().expect("memory"));
    let mut last = 49_050;
    while copy.figures().earmarked > 1 {
        copy.prune(last);
        last -= 20;
        assert!(last > 40_000, "one is left at some time");
    }
    // A node a store, each in a leaf of its own, until there is one to spare that is not earmarked.
    let mut index = 0;
    while copy.figures().spare != 2 {
        copy.store(index..=index + 19, 1).expect("memory");
        index += 160;
        assert!(index < 20_000, "one is left at some time");
    }
    assert_eq!(copy.figures().earmarked, 1);
    let pruned = copy.prune(25_050);
    assert_eq!(pruned.form, PruneForm::InPlace, "two nodes are too few");
    assert_eq!((copy.figures().earmarked, copy.figures().spare), (1, 2));
    assert_eq!(last_start(&copy), 25_040);
    copy.validate().expect("valid");
}

/// A cut between two entries cuts none, so it needs no node, and is counted when it finds none.
#[test]
fn a_cut_between_entries_falls_back_to_in_place() {
    let reserve = reserve(0);
    let tree = tree(reserve, 500);
    use_up_spare(&tree);
    let falls = reserve.figures().in_place_falls;
    for (cut, from) in [(1, 4_000), (2, 2_000)] {
        let pruned = tree.prune_cut(from).expect("no entry is cut");
        assert_eq!(pruned.form, PruneForm::InPlace);
        assert_eq!(reserve.figures().in_place_falls, falls + cut);
    }
    assert_eq!(contents(&tree), prefix(200));
    tree.validate().expect("valid");
}

/// A removal that hands out what it removes cuts entries if there are `3 * h + 3` nodes at hand, and else says so before it begins.
#[test]
fn a_removal_piece_by_piece_has_its_nodes_first() {
    let mut refused = 0;
    for (entries, height) in [(10, 1), (100, 2), (1_000, 3), (5_000, 4)] {
        for capacity in 3 * height - 3..3 * height + 6 {
            let reserve = reserve(capacity);
            let mut map = RangeMap::<u32>::with_reserve(reserve);
            for number in 0..entries {
                map.store(number * 10..=number * 10 + 9, 1).expect("memory");
            }
            assert_eq!(map.figures().height, height);
            let at_hand = map.figures().spare + reserve.figures().free;
            let mut pieces = 0;
            let removed = map.remove_with(15..=54, Shortage::Refuse, |_| pieces += 1);
            if at_hand < 3 * height + 3 {
                assert_eq!(removed, Err(RemoveError::WouldCut(WouldCut { range: 10..=19, at: 15 })));
                assert_eq!((pieces, map.iter().count()), (0, usize::try_from(entries).expect("small")));
                refused += 1;
            } else {
                assert_eq!((removed, pieces), (Ok(()), 5), "{at_hand} nodes at hand at height {height}");
            }
            map.validate().expect("valid");
        }
    }
    assert!(refused > 4, "{refused} of them");
}

#[test]
fn the_capacity_can_be_set_at_run_time() {
    let reserve = reserve(4);
    let tree = tree(reserve, 10);
    reserve.set_capacity(9);
    assert_eq!((reserve.figures().capacity, reserve.figures().free), (9, 4));
    tree.store(5000..=5001, 7).expect("memory");
    assert_eq!(reserve.figures().free, 9);
    reserve.set_capacity(2);
    assert_eq!((reserve.figures().capacity, reserve.figures().free, reserve.figures().low_water), (2, 2, 2));
    reserve.set_capacity(0);
    reserve.fill().expect("nothing to fill");
    assert_eq!(reserve.figures().free, 0);
}

#[test]
fn a_loan_is_all_or_nothing() {
    let reserve = reserve(1);
    let tree = tree(reserve, 3000);
    use_up_spare(&tree);
    let figures = reserve.figures();
    let pruned = tree.prune(10_050);
    assert_eq!(pruned.form, PruneForm::InPlace, "a tree of {} levels and one node", tree.figures().height);
    assert_eq!((reserve.figures().free, reserve.figures().lent), (figures.free, figures.lent));
    assert_eq!(contents(&tree), prefix(1005));
}

#[test]
fn a_cut_without_nodes_is_refused_and_changes_nothing() {
    let tree = tree(reserve(0), 500);
    use_up_spare(&tree);
    let (before, dump) = (contents(&tree), tree.dump().to_string());
    let left = WouldCut { range: 1000..=1009, at: 1005 };
    let right = WouldCut { range: 1010..=1019, at: 1014 };
    assert_eq!(tree.prune_cut(1005), Err(left.clone()));
    assert_eq!(tree.prune_cut_or(1005, Shortage::Wait), Err(left.clone()), "there is nothing to wait for");
    assert_eq!(tree.remove_or(1005..=1019, Shortage::Refuse), Err(RemoveError::WouldCut(left)));
    assert_eq!(tree.remove_or(1000..=1014, Shortage::Refuse), Err(RemoveError::WouldCut(right)));
    assert_eq!((contents(&tree), tree.dump().to_string()), (before, dump));
    tree.prune_cut_or(1005, Shortage::Allocate).expect("memory");
    let mut expected = prefix(100);
    expected.push((1000, 1004, 100));
    assert_eq!(contents(&tree), expected);
}

#[test]
fn a_cut_that_waits_gets_what_earlier_removals_retired() {
    let tree = tree(reserve(8), 3000);
    tree.synchronize().expect("no guard is held");
    let (leave, left) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let refused = thread::scope(|scope| {
        let tree = &tree;
        scope.spawn(move || {
            let guard = tree.pin();
            entered.send(()).expect("the test waits");
            left.recv().expect("the test says when");
            drop(guard);
        });
        inside.recv().expect("a reader");
        // With a reader inside, nothing that is retired comes back: cut until neither tree nor reserve has a node.
        let refused = loop {
            let start = last_start(tree);
            assert!(start > 1000, "never short of nodes");
            if let Err(refused) = tree.prune_cut(start + 5) {
                break refused;
            }
            tree.prune(start);
        };
        leave.send(()).expect("the reader waits");
        let pruned = tree.prune_cut_or(refused.at, Shortage::Wait).expect("nodes after the grace period");
        assert!(pruned.nodes_taken > 0);
        refused
    });
    assert_eq!(tree.last(&tree.pin()).map(|(range, _)| range), Some(*refused.range.start()..=refused.at - 1));
    tree.validate().expect("a valid tree");
}

#[test]
fn a_hole_grows_the_tree_whatever_the_reserve_holds() {
    let tree = tree(reserve(0), 100);
    tree.remove_or(503..=505, Shortage::Refuse).expect("memory");
    assert_eq!(tree.get_range(504, &tree.pin()), (503..=505, None));
    assert_eq!(tree.get_range(506, &tree.pin()), (506..=509, Some(50)));
}

#[test]
fn whole_entries_are_removed_and_others_stay_whole() {
    for (first, last) in [(5, 995), (0, 999), (10, 19), (11, 18), (0, u64::MAX), (500, 500), (u64::MAX, u64::MAX)] {
        let tree = tree(reserve(0), 100);
        let mut map = tree.dup().expect("memory");
        tree.remove_whole(first..=last);
        map.remove_whole(first..=last);
        let mut expected = prefix(100);
        expected.retain(|(start, end, _)| *start < first || *end > last);
        assert_eq!(contents(&tree), expected, "{first}..={last}");
        let of_map = map.iter().map(|(range, value)| (*range.start(), *range.end(), value));
        assert_eq!(of_map.collect::<Vec<_>>(), expected, "{first}..={last}");
        tree.validate().expect("a valid tree");
        map.validate().expect("a valid map");
    }
}

#[test]
fn a_reversed_range_removes_nothing() {
    let (start, end) = (7, 3);
    let tree = tree(reserve(0), 1);
    tree.remove_whole(start..=end);
    assert_eq!(contents(&tree), prefix(1));
}

#[test]
fn compacting_fills_the_nodes_and_moves_no_entry() {
    let tree = tree(reserve(8), 5000);
    for number in (0..5000).filter(|number| number % 7 != 0) {
        drop(tree.erase(number * 10));
    }
    let guard = tree.pin();
    let mut reader = tree.iter(&guard);
    let (before, sparse) = (contents(&tree), tree.validate().expect("a valid tree"));
    assert_eq!(reader.next().map(|(range, _)| range), Some(0..=9));
    tree.compact().expect("memory");
    let dense = tree.validate().expect("a valid tree");
    assert_eq!(contents(&tree), before);
    assert_eq!((dense.entries, dense.dead), (before.len(), 0));
    // Each of 715 entries is followed by a gap: 1430 slots, sixteen to a leaf.
    assert_eq!(dense.nodes, 90 + 6 + 1, "{sparse:?} became {dense:?}");
    assert_eq!(reader.count(), before.len() - 1, "a walk that began before goes on");
    drop(guard);
    tree.synchronize().expect("no guard is held");
    let mut map = tree.into_inner();
    map.compact().expect("memory");
    assert_eq!(map.validate().expect("a valid map").nodes, dense.nodes);
}

#[test]
fn its_figures_are_printed() {
    let printed = format!("{:?}", Reserve::new(3));
    for figure in ["capacity: 3", "free: 0", "lent: 0", "earmarked: 0", "waiting: 0", "low_water: 3", "in_place_falls: 0"] {
        assert!(printed.contains(figure), "{printed}");
    }
}
