//! Trees that lose their entries: which nodes go with them, how high the tree is afterwards, and that every node is accounted for. Each
//! tree has a pool of its own, so that its books are not those of other tests.
//!
//! Seen to fail: without the nodes that a cut adds, without unlinking empty nodes or giving them back, with a root that keeps a single child, with a
//! cursor that is not told of nodes that went.

use allocator_api2::alloc::Global;
use maple_tests::face::Face;
use maple_tests::on_both_faces;
use maple_tests::op::Op;
use maple_tests::pair::Pair;
use maple_tests::shapes::Rng;
use maple_tree::{Entry, Grace, MapleTree, Pool, PruneForm, RangeMap, Rcu, RcuBox, Reserve, Shared, TryClone};
use std::sync::Arc;

/// The entry to be cut ends at the last index, and each node above it may be full: then the cut makes the tree higher.
fn a_cut_at_an_edge_without_room<F: Face>() {
    let mut grown = [0; 4];
    for count in 1..=290_u64 {
        let mut pair = Pair::<F>::of(count - 1, 10, 10);
        pair.store((count - 1) * 10, u64::MAX, count);
        let before = pair.face.validate().height;
        pair.run(Op::PruneCut { from: (count - 1) * 10 + 4 }).agree_in_order();
        let after = pair.face.validate().height;
        assert!(after == before || after == before + 1, "{count} entries: {before} levels, then {after}");
        grown[before] += after - before;
        // And the tree is one that can be worked on.
        pair.store(count * 10, u64::MAX, 0).erase(0).agree_in_order();
    }
    assert!(grown[1] > 0 && grown[2] > 0, "no edge of one level and of two was without room: {grown:?}");
}

on_both_faces!(a_cut_at_an_edge_without_room);

/// A leaf that is all that its parent holds, beside a gap: when its entry goes the parent goes, and there are two gaps side by side, which
/// the tree has to know of.
#[test]
fn the_only_leaf_below_a_node_beside_a_gap() {
    // Two nodes with sixteen full leaves each, and one with a leaf of one entry.
    let entries = (0..512u64).map(|at| (at * 10..=at * 10 + 9, 0u32)).chain([(5_120..=u64::MAX, 1)]);
    let tree = MapleTree::<u32>::from(RangeMap::from_iter(entries));
    let summary = tree.validate().expect("valid");
    assert_eq!((summary.height, summary.nodes), (3, 1 + 3 + 33));
    tree.remove(2_560..=5_119).expect("whole entries");
    tree.validate().expect("valid");
    tree.remove(5_120..).expect("a whole entry");
    tree.validate().expect("valid");
    tree.store(4_000..=6_000, 2).expect("memory");
    tree.validate().expect("valid");
    assert_eq!(tree.last(&tree.pin()), Some((4_000..=6_000, 2)));
}

/// A pool and a reserve that no other test uses.
struct Own {
    pool: &'static Pool,
    reserve: &'static Reserve,
}

impl Own {
    fn new() -> Self {
        let pool = &*Box::leak(Box::new(Pool::new(&Global)));
        let reserve = &*Box::leak(Box::new(Reserve::with_pool(8, pool)));
        Self { pool, reserve }
    }

    /// Every node in use is one of `nodes` in the tree, to spare in it, or in the reserve.
    #[track_caller]
    fn accounted(&self, nodes: usize, spare: usize) {
        let (in_use, kept) = (self.pool.figures().nodes_in_use, self.reserve.figures().free);
        assert_eq!(in_use, nodes + spare + kept, "{nodes} in the tree, {spare} to spare, {kept} in reserve");
    }

    #[track_caller]
    fn map_accounted<T: Entry>(&self, map: &RangeMap<T>) {
        self.accounted(map.validate().expect("valid").nodes, map.figures().spare);
    }

    /// After a grace period.
    #[track_caller]
    fn tree_accounted<T: Shared<Grace>>(&self, tree: &MapleTree<T, Grace>) {
        tree.synchronize().expect("not inside a read section");
        // What another test's thread is just releasing, of this tree's, is not waited for by `synchronize`.
        Grace::barrier().expect("not inside a read section");
        let (summary, figures) = (tree.validate().expect("valid"), tree.figures());
        assert_eq!((summary.dead, figures.retired), (0, 0), "everything was released");
        self.accounted(summary.nodes, figures.spare);
    }
}

/// The numbers below `count`, upwards, downwards, and in any order.
fn orders(count: u64) -> [Vec<u64>; 3] {
    let up = Vec::from_iter(0..count);
    let mut any = up.clone();
    Rng(count).shuffle(&mut any);
    [up.clone(), up.into_iter().rev().collect(), any]
}

/// Entries go one by one from a tree beside readers: a node goes with the last entry below it.
fn one_by_one<T: Shared<Grace> + TryClone>(make: impl Fn(u64) -> T) {
    for count in [1, 16, 17, 200, 1_000] {
        for order in orders(count) {
            let own = Own::new();
            let tree = MapleTree::<T, Grace>::with_reserve(own.reserve);
            (0..count).for_each(|n| tree.store(n * 10..=n * 10 + 5, make(n)).expect("memory"));
            for (left, n) in (0..order.len()).rev().zip(order) {
                drop(tree.erase(n * 10 + 3).expect("an entry"));
                let summary = tree.validate().expect("valid");
                assert_eq!(summary.entries, left);
                assert!(summary.nodes <= left * summary.height, "a node without an entry: {summary:?}");
            }
            assert_eq!(tree.figures().height, 0);
            own.tree_accounted(&tree);
        }
    }
}

#[test]
fn entries_erased_one_by_one_take_their_nodes_along() {
    one_by_one(|n| n as u32);
    one_by_one(Box::new);
    one_by_one(Arc::new);
    one_by_one(|n| RcuBox::try_new(n).expect("memory"));
}

/// A root with a single child gives way to it. Seven entries and the gaps before them are fourteen slots: one leaf, with room for the tail.
#[test]
fn pruned_maps_are_as_high_as_they_need() {
    for kept in 0..=40_u64 {
        let own = Own::new();
        let mut map = RangeMap::<Arc<u64>>::with_reserve(own.reserve);
        (0..5_000).for_each(|n| map.store(n * 10..=n * 10 + 5, Arc::new(n)).expect("memory"));
        assert!(map.figures().height > 2);
        own.map_accounted(&map);
        drop(map.prune(kept * 10));
        assert_eq!(map.validate().expect("valid").entries as u64, kept);
        assert!(kept > 7 || map.figures().height <= 1, "{kept} entries on {} levels", map.figures().height);
        own.map_accounted(&map);
    }
}

/// The same beside readers, and what a prune says that it did.
#[test]
fn pruned_trees_are_as_high_as_they_need() {
    for kept in 0..=40_u64 {
        let own = Own::new();
        let tree = MapleTree::<Arc<u64>, Grace>::with_reserve(own.reserve);
        (0..5_000).for_each(|n| tree.store(n * 10..=n * 10 + 5, Arc::new(n)).expect("memory"));
        tree.synchronize().expect("not inside a read section");
        let before = tree.figures();
        let pruned = tree.prune(kept * 10);
        let after = tree.figures();
        assert_eq!(pruned.form, PruneForm::PathCopy);
        assert_eq!(after.nodes_taken - before.nodes_taken, pruned.nodes_taken as u64);
        assert!(pruned.nodes_retired > 0 && pruned.nodes_retired <= before.height);
        assert_eq!(tree.validate().expect("valid").entries as u64, kept);
        assert!(kept > 7 || after.height <= 1, "{kept} entries on {} levels", after.height);
        own.tree_accounted(&tree);
    }
}

/// A cursor erases entry by entry, so that nodes above the leaves go, too, and then stores where it is.
#[test]
fn a_cursor_stores_where_it_erased_all() {
    for every in [1, 20, 100, 300, 700] {
        let own = Own::new();
        let tree = MapleTree::<u32, Grace>::with_reserve(own.reserve);
        (0..3_000).for_each(|n| tree.store(n * 10..=n * 10 + 5, 1).expect("memory"));
        assert!(tree.figures().height > 2);
        let mut kept = Vec::new();
        {
            let mut writer = tree.lock();
            let mut cursor = writer.cursor_mut();
            let mut erased = 0;
            while let Some(range) = cursor.next().map(|(range, _)| range) {
                assert!(cursor.erase().is_some());
                erased += 1;
                if erased % every == 0 {
                    cursor.store(range.clone(), 2).expect("memory");
                    kept.push((range, 2));
                }
            }
        }
        tree.validate().expect("valid");
        let left = Vec::from_iter(tree.iter(&tree.pin()));
        assert_eq!(left, kept, "every {every}");
        own.tree_accounted(&tree);
    }
}
