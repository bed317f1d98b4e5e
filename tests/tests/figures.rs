//! What the public figures say of a change: nodes that were taken, that wait for a grace period, that are earmarked, slots that were stored to.
//! Each tree has a pool and a reserve of its own, so that its figures are not those of other tests.

use allocator_api2::alloc::Global;
use maple_tree::{Grace, MapleTree, Pool, PruneForm, RangeMap, Reserve};

fn own() -> &'static Reserve {
    let pool = &*Box::leak(Box::new(Pool::new(&Global)));
    let reserve = &*Box::leak(Box::new(Reserve::with_pool(8, pool)));
    reserve.fill().expect("memory");
    reserve
}

/// Entries of six indices, ten apart.
fn tree(reserve: &'static Reserve, count: u64) -> MapleTree<u32, Grace> {
    let tree = MapleTree::with_reserve(reserve);
    (0..count).for_each(|n| tree.store(n * 10..=n * 10 + 5, 1).expect("memory"));
    tree.synchronize().expect("not inside a read section");
    tree
}

#[test]
fn nodes_of_a_map_that_was_filled_or_copied_count_as_taken() {
    for count in [1, 17, 300, 5_000] {
        let map = RangeMap::<u32>::from_iter((0..count).map(|n| (n * 10..=n * 10 + 5, 1)));
        let nodes = map.validate().expect("valid").nodes as u64;
        assert_eq!(map.figures().nodes_taken, nodes, "{count} entries at once");
        let mut stored = RangeMap::<u32>::new();
        (0..count).for_each(|n| stored.store(n * 10..=n * 10 + 5, 1).expect("memory"));
        assert!(stored.figures().nodes_taken >= stored.validate().expect("valid").nodes as u64, "{count} entries, one by one");
        let copy = map.dup().expect("memory");
        assert_eq!(copy.figures().nodes_taken, nodes, "{count} entries, copied");
        let tree = MapleTree::<u32, Grace>::from(copy);
        tree.compact().expect("memory");
        assert_eq!(tree.figures().nodes_taken, 2 * nodes, "{count} entries, built anew");
    }
}

/// What the reserve says is that of its only tree.
#[track_caller]
fn known(reserve: &Reserve, figures: maple_tree::TreeFigures) {
    let known = reserve.figures();
    assert_eq!((known.waiting, known.earmarked), (figures.retired, figures.earmarked));
}

#[test]
fn a_prune_is_in_the_figures_of_the_reserve_at_once() {
    for from in [5, 30, 64, 200, 299] {
        let reserve = own();
        let pruned = tree(reserve, 300);
        assert!(pruned.prune(from * 10).nodes_retired > 0);
        known(reserve, pruned.figures());
        let reserve = own();
        let pruned = tree(reserve, 300);
        pruned.prune_in_place(from * 10);
        known(reserve, pruned.figures());
        pruned.synchronize().expect("not inside a read section");
        known(reserve, pruned.figures());
    }
}

/// Also when nothing is left.
#[test]
fn what_a_prune_in_place_leaves_whole_is_in_the_figures_of_the_reserve() {
    let reserve = own();
    let pruned = tree(reserve, 300);
    assert_eq!(pruned.prune_in_place(0).nodes_retired, 1);
    assert_eq!(pruned.figures().retired, 1);
    known(reserve, pruned.figures());
}

#[test]
fn what_a_prune_of_a_map_takes_of_the_earmark_is_in_the_figures_of_the_reserve() {
    let mut higher = 0;
    for count in 1..300 {
        let reserve = own();
        let mut copy = {
            let mut map = RangeMap::<u32>::with_reserve(reserve);
            (0..count - 1).for_each(|n| map.store(n * 10..=n * 10 + 9, 1).expect("memory"));
            map.store((count - 1) * 10..=u64::MAX, 1).expect("memory");
            map.dup().expect("memory")
        };
        let before = copy.figures();
        assert!(before.earmarked > 0);
        // The last entry is cut, which may need a node.
        drop(copy.prune_cut((count - 1) * 10 + 2).expect("memory"));
        let after = copy.figures();
        known(reserve, after);
        let grown = after.height > before.height;
        assert_eq!(after.nodes_taken - before.nodes_taken, u64::from(grown), "{count} entries: {before:?}, {after:?}");
        higher += u64::from(grown);
        drop(copy.prune(40));
        known(reserve, copy.figures());
        drop(copy);
        assert_eq!(reserve.figures().earmarked, 0);
    }
    assert!(higher > 0, "no map got higher");
}

/// A part of a gap is free already, wherever in the gap it lies. (A whole one is joined with what is free beside it.)
#[test]
fn what_is_free_is_removed_without_a_node() {
    let reserve = own();
    for (first, last) in [(6, 7), (7, 8), (8, 9), (7, 9), (26, 28), (27, 29), (3_000, u64::MAX), (2_996, 3_500)] {
        let tree = tree(reserve, 300);
        let before = (tree.figures().nodes_taken, tree.figures().retired);
        tree.remove(first..=last).expect("memory");
        assert_eq!((tree.figures().nodes_taken, tree.figures().retired), before, "{first}..={last}");
    }
}

/// A node that keeps nothing goes with one store, though it begins before what is pruned. Of 24 entries three leaves have eight each, of 384
/// three nodes above the leaves have 128.
#[test]
fn a_prune_in_place_takes_nodes_whole_that_keep_nothing() {
    for (each, more, stores) in [(8, 0, 2), (8, 3, 2), (128, 0, 2), (128, 3, 2)] {
        let tree =
            MapleTree::<Box<u64>, Grace>::from(RangeMap::from_iter((0..3 * each).map(|n| (n * 10..=n * 10 + 5, Box::new(n)))));
        let from = each * 3 / 2 + more;
        for n in each..from {
            assert!(tree.erase(n * 10).is_some());
        }
        let pruned = tree.prune_in_place(from * 10);
        assert_eq!((pruned.form, pruned.slot_stores), (PruneForm::InPlace, stores), "{each} entries each, from {from}");
        assert_eq!(tree.validate().expect("valid").entries as u64, each);
    }
}

/// What the reserve lent is not lent any more when others nodes are in its place.
#[test]
fn filling_the_reserve_makes_up_for_what_it_lent() {
    let reserve = own();
    let tree = tree(reserve, 300);
    // What the tree has to spare goes first.
    while reserve.figures().lent == 0 {
        assert!(tree.prune(tree.last(&tree.pin()).expect("an entry").0.start() - 20).nodes_taken > 0);
    }
    reserve.fill().expect("memory");
    let figures = reserve.figures();
    assert_eq!((figures.lent, figures.free), (0, figures.capacity));
}
