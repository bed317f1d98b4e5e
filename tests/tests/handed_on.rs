//! Calls that do little themselves, and what they hand on: who is equal to whom, where a cursor was, what a copy knows of its source.

use allocator_api2::alloc::Global;
use maple_tree::{Cyclic, MapleTree, Pool, RangeMap, Reserve, TypedMap, TypedTree};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Three ranges side by side: the one in the middle is stored with `middle` and joins the neighbours that are equal.
#[test]
fn neighbours_are_joined_when_they_are_equal() {
    for (left, middle, right, want) in [
        ('a', 'a', 'a', vec![(0..=29, 'a')]),
        ('a', 'a', 'b', vec![(0..=19, 'a'), (20..=29, 'b')]),
        ('b', 'a', 'a', vec![(0..=9, 'b'), (10..=29, 'a')]),
        ('b', 'a', 'b', vec![(0..=9, 'b'), (10..=19, 'a'), (20..=29, 'b')]),
    ] {
        let around = || RangeMap::from_iter([(0..10, left), (20..30, right)]);
        let mut map = around();
        map.store_coalescing(10..20, middle).expect("memory");
        assert_eq!(Vec::from_iter(map.iter()), want);
        let tree = MapleTree::<char>::from(around());
        tree.store_coalescing(10..20, middle).expect("memory");
        assert_eq!(Vec::from_iter(tree.iter(&tree.pin())), want);
        let tree = MapleTree::<char>::from(around());
        tree.lock().store_coalescing(10..20, middle).expect("memory");
        assert_eq!(Vec::from_iter(tree.iter(&tree.pin())), want);
    }
}

#[test]
fn typed_maps_are_hashed_by_what_they_hold() {
    let hash = |map: &TypedMap<i32, u32>| BuildHasherDefault::<DefaultHasher>::default().hash_one(map);
    let map = TypedMap::<i32, u32>::from_iter([(-20..-10, 1), (0..10, 2)]);
    assert_eq!(hash(&map), hash(&map.clone()));
    assert_ne!(hash(&map), hash(&TypedMap::from_iter([(-20..-10, 1)])));
}

#[test]
fn a_typed_tree_has_what_the_tree_had() {
    let tree = MapleTree::<u32>::new();
    tree.store(7..=9, 3).expect("memory");
    let typed = TypedTree::<u32, u32>::from(tree);
    assert_eq!(typed.get(8, &typed.pin()), Some(3));
}

#[test]
fn a_typed_map_takes_what_an_iterator_has() {
    let mut map = TypedMap::<i32, u32>::new();
    map.try_extend([(-20..-10, 1), (0..10, 2)]).expect("memory");
    assert_eq!((map.get(-15), map.get(5), map.get(15)), (Some(1), Some(2), None));
}

/// The lowest index first, then the next.
#[test]
fn a_cyclic_search_begins_at_the_bottom() {
    let mut map = RangeMap::new();
    let mut cyclic = Cyclic::default();
    let places = [1_u32, 2].map(|value| map.alloc_cyclic(5..=9, &mut cyclic, value).expect("a place"));
    assert_eq!(places, [5, 6]);
}

#[test]
fn a_position_says_where_the_cursor_was() {
    let mut map = RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    assert_eq!(map.cursor_mut().pause().range(), None);
    let mut cursor = map.cursor_mut();
    assert!(cursor.seek(33).is_some());
    assert_eq!(cursor.pause().range(), Some(30..=39));
    let mut cursor = map.cursor_mut();
    assert!(cursor.seek(25).is_none());
    assert_eq!(cursor.pause().range(), Some(20..=29));
}

#[test]
fn the_bytes_of_a_pool_are_those_of_its_nodes() {
    let pool = &*Box::leak(Box::new(Pool::new(&Global)));
    let reserve = &*Box::leak(Box::new(Reserve::with_pool(0, pool)));
    let mut map = RangeMap::<u32>::with_reserve(reserve);
    for n in 0..20_000 {
        map.store(n * 10..=n * 10 + 5, 1).expect("memory");
        let figures = pool.figures();
        let nodes = figures.nodes_in_use + figures.nodes_free;
        // A node has 256 bytes, and a slab a head of its own.
        assert_eq!(figures.slab_bytes, (nodes + figures.slabs) * 256);
    }
}

/// Gaps side by side, as erasing beside readers leaves them, are copied as they lie.
#[test]
fn a_copy_of_an_untidy_tree_counts_as_untidy() {
    let numbers = MapleTree::<u32>::from(RangeMap::from_iter((0..60_u64).map(|n| (n * 10..=n * 10 + 5, 1))));
    let boxes = MapleTree::<Box<u64>>::from(RangeMap::from_iter((0..60_u64).map(|n| (n * 10..=n * 10 + 5, Box::new(n)))));
    for n in (0..60).step_by(3) {
        assert!(numbers.erase(n * 10).is_some() && boxes.erase(n * 10).is_some());
    }
    for copy in [numbers.dup().expect("memory"), numbers.dup().expect("memory").dup().expect("memory")] {
        assert_eq!(copy.validate().expect("valid").entries, 40);
    }
    for copy in [boxes.dup().expect("memory"), boxes.dup().expect("memory").dup().expect("memory")] {
        assert_eq!(copy.validate().expect("valid").entries, 40);
    }
}
