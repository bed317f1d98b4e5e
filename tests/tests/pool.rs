//! Pools on an allocator of one's own: every node of a tree comes from its pool and goes back there.
//!
//! Seen to fail: with copies that take their nodes from the global pool, with nodes that go back to the global pool, and with slabs that
//! are freed by the global allocator.

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use maple_tree::{MapleTree, Pool, RangeMap, Reserve, StoreErrorKind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// An allocator that counts, and refuses when what it may give is used up.
#[derive(Debug)]
struct Counting {
    live: AtomicI64,
    left: AtomicUsize,
}

// SAFETY: it forwards to the global allocator.
unsafe impl Allocator for Counting {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).map_err(|_| AllocError)?;
        self.live.fetch_add(1, Ordering::Relaxed);
        Global.allocate(layout)
    }

    unsafe fn deallocate(&self, memory: NonNull<u8>, layout: Layout) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller's promise; `allocate` forwarded, too.
        unsafe { Global.deallocate(memory, layout) };
    }
}

struct Own {
    memory: &'static Counting,
    pool: &'static Pool,
    reserve: &'static Reserve,
}

/// A pool that may ask for so many slabs, with a reserve of `nodes`.
fn own(slabs: usize, nodes: usize) -> Own {
    let memory = &*Box::leak(Box::new(Counting { live: AtomicI64::new(0), left: AtomicUsize::new(slabs) }));
    let pool = &*Box::leak(Box::new(Pool::new(memory)));
    let reserve = &*Box::leak(Box::new(Reserve::with_pool(nodes, pool)));
    Own { memory, pool, reserve }
}

impl Own {
    fn slabs(&self) -> usize {
        let slabs = self.pool.figures().slabs;
        assert_eq!(self.memory.live.load(Ordering::Relaxed), slabs as i64, "what the allocator knows");
        slabs
    }
}

fn fill(map: &mut RangeMap<u32>, entries: u64) {
    (0..entries).for_each(|n| map.store(n * 10..n * 10 + 7, n as u32).expect("memory"));
}

#[test]
fn nodes_come_from_the_pool_and_go_back() {
    let own = own(usize::MAX, 8);
    let mut map = RangeMap::with_reserve(own.reserve);
    fill(&mut map, 5_000);
    let nodes = map.validate().expect("valid").nodes;
    assert!(own.pool.figures().nodes_in_use >= nodes + 8 && own.slabs() * 126 >= nodes);

    // Copies of any kind stay in the pool of their source.
    let in_use = own.pool.figures().nodes_in_use;
    let copy = map.dup().expect("memory");
    assert!(own.pool.figures().nodes_in_use >= in_use + nodes);
    let tree: MapleTree<u32> = copy.into();
    let second = tree.dup().expect("memory");
    let third = tree.try_dup_with(|_, value| Ok::<_, ()>(value + 1)).expect("memory");
    let fourth = third.try_dup_with(|_, value| if value < 100 { Ok(value) } else { Err(()) }).expect_err("the closure refuses");
    let fifth = map.try_dup_with(|_, value| Ok::<_, ()>(value + 1)).expect("memory");
    assert!(own.pool.figures().nodes_in_use >= in_use + 4 * nodes);
    drop((second, third, fourth, fifth));

    // Beside readers, nodes come back after a grace period.
    tree.prune(25_000);
    tree.store(0..30_000, 1).expect("memory");
    tree.synchronize().expect("not inside a read section");
    drop(tree);
    assert_eq!(own.pool.figures().nodes_in_use, in_use);
    map.compact().expect("memory");
    drop(map);
    assert_eq!(own.pool.figures().nodes_in_use, 8, "the reserve's own");
    assert!(own.slabs() <= 2, "one of the reserve, and one that is kept");
}

#[test]
fn a_pool_that_refuses_leaves_the_tree_as_it_was() {
    let own = own(2, 0);
    let mut map = RangeMap::with_reserve(own.reserve);
    let mut stored = 0_u64;
    let refused = loop {
        match map.store(stored * 10..stored * 10 + 7, stored as u32) {
            Ok(()) => stored += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused.kind, refused.value), (StoreErrorKind::OutOfMemory, stored as u32));
    assert_eq!(own.slabs(), 2);
    assert_eq!(map.validate().expect("valid").entries, stored as usize);
    assert!(map.dup().is_err(), "no room for a copy");
    assert!(map.compact().is_err() || own.slabs() == 2);
    assert_eq!(map.iter().count(), stored as usize);
    // The global pool has memory, and nothing took it.
    let mut other = RangeMap::new();
    other.store(0..10, 1_u32).expect("memory");
    // Removing needs none.
    drop(map.prune(10));
    assert_eq!(map.iter().count(), 1);
}

#[test]
fn filling_at_once_stays_in_the_pool() {
    let own = own(usize::MAX, 0);
    let mut map = RangeMap::with_reserve(own.reserve);
    map.try_extend((0..50_000_u64).map(|n| (n * 2..=n * 2, n as u32))).expect("memory");
    let nodes = map.validate().expect("valid").nodes;
    assert!(own.pool.figures().nodes_in_use >= nodes, "{nodes} nodes");
    drop(map);
    assert_eq!(own.pool.figures().nodes_in_use, 0);
    assert!(own.slabs() <= 1);
}

#[test]
fn what_is_appended_leaves_its_nodes_behind() {
    let (one, two) = (own(usize::MAX, 0), own(usize::MAX, 0));
    let mut map = RangeMap::with_reserve(one.reserve);
    let mut other = RangeMap::with_reserve(two.reserve);
    fill(&mut other, 3_000);
    map.append(&mut other).expect("an empty map has room");
    assert_eq!(map.validate().expect("valid").entries, 3_000);
    assert!(one.pool.figures().nodes_in_use >= map.validate().expect("valid").nodes);
    drop(other);
    assert_eq!(two.pool.figures().nodes_in_use, 0);
    drop(map);
    assert_eq!(one.pool.figures().nodes_in_use, 0);
}

#[test]
fn a_compaction_that_is_refused_leaves_no_nodes_behind() {
    // About four hundred nodes, and room for a hundred more.
    let own = own(4, 0);
    let mut map = RangeMap::with_reserve(own.reserve);
    fill(&mut map, 3_000);
    let (nodes, in_use) = (map.validate().expect("valid").nodes, own.pool.figures().nodes_in_use);
    for _ in 0..3 {
        assert!(map.compact().is_err());
        assert_eq!(own.pool.figures().nodes_in_use, in_use);
        assert_eq!(map.validate().expect("valid").nodes, nodes);
    }
}

/// One slab without nodes in use stays, however often that comes about.
#[test]
fn one_empty_slab_is_kept() {
    let own = own(usize::MAX, 0);
    for entries in [3_000, 10, 3_000, 300, 3_000] {
        let mut map = RangeMap::with_reserve(own.reserve);
        fill(&mut map, entries);
        drop(map);
        assert_eq!((own.pool.figures().nodes_in_use, own.slabs()), (0, 1));
    }
}

/// Without nodes enough for a store that hands out what it displaces, those that were put aside for it are to spare again.
#[test]
fn nodes_that_were_set_aside_in_vain_go_back() {
    let own = own(1, 0);
    let mut map = RangeMap::with_reserve(own.reserve);
    let mut stored = 0;
    while map.store(stored * 10..stored * 10 + 7, 1_u32).is_ok() {
        stored += 1;
    }
    let mut refused = 0;
    for n in 0..60 {
        assert!(map.erase(n * 10).is_some());
        refused += usize::from(map.store_with(4_003 + n * 60..=4_056 + n * 60, 2, |_| {}).is_err());
        let nodes = map.validate().expect("valid").nodes;
        assert_eq!(own.pool.figures().nodes_in_use, nodes + map.figures().spare, "after {refused} that were refused");
    }
    assert!(refused > 20, "there is room for {refused}");
}
