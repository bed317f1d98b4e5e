//! The books of the whole process: every node that is in use is in a tree, to spare in one, retired, or in a reserve; and when the trees
//! are gone, so are the nodes and the slabs. A single test, so that nothing else in the process takes nodes.

use std::sync::Arc;

use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes};
use maple_tests::shapes::{Rng, build, contents, rows, settle};
use maple_tree::{DupError, MapleTree, Pool, RangeMap, Reserve};

/// Indices that the random edits touch.
const SPACE: u64 = 6_000;

/// Nodes that belong to a map: those of its structure and those it has to spare.
fn nodes<K: Kind>(map: &RangeMap<K::V>) -> usize {
    let figures = map.figures();
    assert!(figures.earmarked <= figures.spare, "{figures:?}");
    assert_eq!(figures.retired, 0, "with one owner nothing has to wait");
    let summary = map.validate().expect("valid");
    assert_eq!((summary.height, summary.dead), (figures.height, 0));
    summary.nodes + figures.spare
}

/// The same for a tree that was just synchronized.
fn shared_nodes<K: Kind>(tree: &MapleTree<K::V>) -> usize {
    let (figures, summary) = (tree.figures(), tree.validate().expect("valid"));
    assert_eq!((summary.height, summary.dead, figures.retired), (figures.height, 0, 0), "everything was released");
    summary.nodes + figures.spare
}

/// Every node in use is accounted for: `owned` by trees, the rest in the global reserve.
#[track_caller]
fn assert_accounted(owned: usize, what: &str) {
    let (pool, reserve) = (Pool::global().figures(), Reserve::global().figures());
    assert!(reserve.free <= reserve.capacity, "{reserve:?}");
    assert_eq!(pool.nodes_in_use, owned + reserve.free, "{what}: {pool:?} {reserve:?}");
    assert_eq!(pool.slabs == 0, pool.slab_bytes == 0);
    // A slab is a little more than its nodes: the rest is its head.
    let bytes = (pool.nodes_in_use + pool.nodes_free) * 256;
    assert!(bytes <= pool.slab_bytes && pool.slab_bytes <= bytes + pool.slabs * 256, "{pool:?}");
}

/// Random edits of several maps at once; the books balance all the time.
fn exclusive<K: Kind>(seed: u64) {
    let ledger = Ledger::new(64);
    let mut rng = Rng(seed);
    let mut maps: Vec<RangeMap<K::V>> = (0..5).map(|_| RangeMap::new()).collect();
    for step in 0..4_000_u64 {
        let which = usize::try_from(rng.below(5)).expect("fits");
        let map = &mut maps[which];
        let lo = rng.below(SPACE);
        let reach = if rng.below(30) == 0 { 900 } else { 9 };
        let hi = lo + rng.below(reach);
        match rng.below(16) {
            0..=7 => map.store(lo..=hi, K::make(&ledger, step % 64)).expect("memory"),
            8 => drop(map.insert(lo..=hi, K::make(&ledger, step % 64))),
            9 => drop(map.replace(lo, K::make(&ledger, step % 64))),
            10 | 11 => drop(map.erase(lo)),
            12 => map.remove(lo..=hi).expect("memory"),
            13 => map.remove_whole(lo..=hi),
            14 => match step % 6 {
                0 => map.compact().expect("memory"),
                1 => {
                    let copy = map.dup().expect("memory");
                    assert!(copy.figures().earmarked > 0 || copy.is_empty());
                    maps[(which + 1) % 5] = copy;
                }
                2 => {
                    let mut left = rng.below(40);
                    let copy = map.try_dup_with(|_, entry| {
                        left = left.checked_sub(1).ok_or(())?;
                        Ok::<_, ()>(K::make(&ledger, K::id(entry)))
                    });
                    let copy = copy.or_else(|error| match error {
                        DupError::Entry { partial, .. } => Ok(partial),
                        DupError::OutOfMemory => Err("out of memory"),
                    });
                    maps[(which + 1) % 5] = copy.expect("memory");
                }
                3 => {
                    // To the shared face and back, with entries that died in place.
                    let tree = MapleTree::<K::V>::from(std::mem::take(map));
                    drop(tree.erase(lo));
                    tree.prune_in_place(hi);
                    *map = tree.into_inner();
                }
                4 => map.clear(),
                _ => {}
            },
            _ => {
                // A tail that is kept keeps its nodes, and nobody else got any.
                let in_use = Pool::global().figures().nodes_in_use;
                let from = SPACE - rng.below(SPACE / 5);
                let tail = if step % 2 == 0 { map.prune(from) } else { map.prune_cut(from).expect("a node") };
                assert!(Pool::global().figures().nodes_in_use >= in_use, "the tail's nodes went early");
                if step % 4 == 0 {
                    drop(std::mem::take(map));
                }
                drop(tail);
            }
        }
        if step % 37 == 0 {
            let owned = maps.iter().map(nodes::<K>).sum();
            assert_accounted(owned, &format!("seed {seed}, step {step}"));
        }
    }
    drop(maps);
    settle();
    assert_accounted(0, "no map is left");
    ledger.assert_all_dropped();
}

/// The same beside readers; the books balance whenever everything that was removed is released.
fn shared<K: Kind>(seed: u64) {
    let ledger = Ledger::new(64);
    let mut rng = Rng(seed);
    let mut trees: Vec<MapleTree<K::V>> = (0..4).map(|_| MapleTree::new()).collect();
    for step in 0..3_000_u64 {
        let which = usize::try_from(rng.below(4)).expect("fits");
        let tree = &trees[which];
        let guard = (rng.below(3) == 0).then(|| tree.pin());
        let lo = rng.below(SPACE);
        let reach = if rng.below(30) == 0 { 900 } else { 9 };
        let hi = lo + rng.below(reach);
        let from = SPACE - rng.below(SPACE / 5);
        let mut copy = None;
        match rng.below(20) {
            0..=7 => tree.store(lo..=hi, K::make(&ledger, step % 64)).expect("memory"),
            8 => drop(tree.insert(lo..=hi, K::make(&ledger, step % 64))),
            9 | 10 => drop(tree.replace(lo, K::make(&ledger, step % 64))),
            11 | 12 => drop(tree.erase(lo)),
            13 => tree.remove(lo..=hi).expect("memory"),
            14 => tree.remove_whole(lo..=hi),
            15 => drop(tree.prune(from)),
            16 => drop(tree.prune_in_place(from)),
            17 => drop(tree.prune_cut(from)),
            18 => tree.hand_over(),
            _ => match step % 4 {
                0 => tree.compact().expect("memory"),
                1 => tree.clear(),
                _ => copy = Some(MapleTree::from(tree.dup().expect("memory"))),
            },
        }
        drop(guard);
        if let Some(copy) = copy {
            trees[(which + 1) % 4] = copy;
        }
        if step % 97 == 0 {
            trees.iter().for_each(|tree| tree.synchronize().expect("not inside a read section"));
            settle();
            let owned = trees.iter().map(shared_nodes::<K>).sum();
            assert_accounted(owned, &format!("seed {seed}, step {step}"));
            assert_eq!(Reserve::global().figures().waiting, 0);
        }
    }
    drop(trees);
    settle();
    assert_accounted(0, "no tree is left");
    ledger.assert_all_dropped();
}

/// Many copies at once, each with its earmark, each cut down; then all of them go.
fn copies<K: Kind>() {
    let ledger = Ledger::new(400);
    let original = MapleTree::<K::V>::from(build::<K>(&ledger, &rows(400, 0, 4, 1)));
    let height = original.figures().height;
    let copies: Vec<MapleTree<K::V>> = (0..60).map(|_| MapleTree::from(original.dup().expect("memory"))).collect();
    let earmarked = copies.iter().map(|copy| copy.figures().earmarked).sum::<usize>();
    assert!(earmarked > 60 * height, "one node a level and one more for each");
    assert_eq!(Reserve::global().figures().earmarked, earmarked);
    for (at, copy) in (0..).zip(&copies) {
        copy.prune(at * 33);
    }
    let left = copies.iter().map(|copy| copy.figures().earmarked).sum::<usize>();
    assert_eq!(Reserve::global().figures().earmarked, left);
    assert!(left < earmarked, "the prunes used their earmarks");
    assert_eq!(Reserve::global().figures().lent, 0, "and nobody had to borrow");
    copies.iter().for_each(|copy| copy.synchronize().expect("not inside a read section"));
    settle();
    assert_accounted(copies.iter().chain([&original]).map(shared_nodes::<K>).sum(), "pruned copies");
    drop(copies);
    settle();
    assert_accounted(shared_nodes::<K>(&original), "the copies are gone");
    assert_eq!(Reserve::global().figures().earmarked, 0);
    drop(original);
    settle();
    ledger.assert_all_dropped();
}

/// A reserve of one's own: what it has and has lent adds up, and it is whole again at the end.
fn own_reserve() {
    static OWN: Reserve = Reserve::new(12);
    OWN.fill().expect("memory");
    let trees: Vec<MapleTree<u32>> = (0..8).map(|_| MapleTree::with_reserve(&OWN)).collect();
    for tree in &trees {
        (0..300).for_each(|at| tree.store(at * 4..=at * 4 + 3, 1).expect("memory"));
        tree.synchronize().expect("not inside a read section");
    }
    settle();
    let mut borrowed = 0;
    for (at, tree) in (0..).zip(&trees) {
        for step in 0..12 {
            tree.prune(1_150 - at - 70 * step);
            let figures = OWN.figures();
            assert_eq!(figures.free + figures.lent, figures.capacity, "nothing grew: {figures:?}");
            borrowed = borrowed.max(figures.lent);
        }
    }
    assert!(borrowed > 0, "the prunes had enough of their own");
    assert!(OWN.figures().waiting > 0);
    trees.iter().for_each(|tree| tree.synchronize().expect("not inside a read section"));
    settle();
    assert_accounted(trees.iter().map(shared_nodes::<Ints>).sum::<usize>() + OWN.figures().free, "pruned");
    drop(trees);
    settle();
    let figures = OWN.figures();
    assert_eq!((figures.free, figures.lent, figures.waiting, figures.earmarked), (12, 0, 0, 0));
    OWN.set_capacity(0);
    assert_accounted(0, "a reserve that was emptied");
}

/// A tree of many slabs, and what is left of them afterwards.
fn slabs() {
    let ledger = Ledger::new(1);
    let before = Pool::global().figures();
    let mut map = RangeMap::new();
    for (lo, hi, _) in rows(100_000, 0, 2, 0) {
        map.store(lo..=hi, Ints::make(&ledger, 0)).expect("memory");
    }
    let copy = map.dup().expect("memory");
    let high = Pool::global().figures();
    assert!(high.slabs >= before.slabs + 80, "{high:?}");
    assert_accounted(nodes::<Ints>(&map) + nodes::<Ints>(&copy), "two large maps");
    assert_eq!(contents::<Ints>(&copy), contents::<Ints>(&map));
    drop(map.prune(1_000));
    assert_accounted(nodes::<Ints>(&map) + nodes::<Ints>(&copy), "one of them pruned");
    drop(copy);
    assert!(Pool::global().figures().slabs <= before.slabs + 4, "slabs went back: {:?}", Pool::global().figures());
    drop(map);
    assert!(Pool::global().figures().slabs <= before.slabs + 1, "slabs went back: {:?}", Pool::global().figures());
}

#[test]
fn the_books_balance() {
    assert_eq!(Pool::global().figures().nodes_in_use, 0, "the test is alone");
    for seed in 0..3 {
        exclusive::<Ints>(seed);
        exclusive::<Arcs>(seed);
        exclusive::<Boxes>(seed);
        exclusive::<RcuBoxes>(seed);
        exclusive::<RcuArcs>(seed);
        shared::<Ints>(seed);
        shared::<Arcs>(seed);
        shared::<Boxes>(seed);
        shared::<RcuBoxes>(seed);
        shared::<RcuArcs>(seed);
    }
    copies::<Ints>();
    copies::<Arcs>();
    copies::<RcuBoxes>();
    own_reserve();
    slabs();
    // Handles from several threads, each with slabs in common with the others.
    let shared_tree = Arc::new(MapleTree::<u32>::new());
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let tree = Arc::clone(&shared_tree);
            scope.spawn(move || {
                for at in 0..2_000 {
                    let index = (at * 4 + thread) % 1_500;
                    if at % 3 == 2 { drop(tree.erase(index)) } else { tree.store(index..=index, 1).expect("memory") }
                }
            });
        }
    });
    shared_tree.synchronize().expect("not inside a read section");
    settle();
    assert_accounted(shared_nodes::<Ints>(&shared_tree), "four threads");
    drop(shared_tree);
    settle();
    let reserve = Reserve::global().figures();
    assert_eq!((reserve.free, reserve.lent, reserve.waiting, reserve.earmarked), (reserve.capacity, 0, 0, 0));
    assert_accounted(0, "the end");
    // Without the reserve nothing is in use, and at most one slab is kept against the next tree.
    Reserve::global().set_capacity(0);
    let pool = Pool::global().figures();
    assert_eq!(pool.nodes_in_use, 0);
    assert!(pool.slabs <= 1, "{pool:?}");
}
