//! A short tour of both faces, for what is too slow for everything else: Miri and memcheck. Numbers of entries with every way to keep them, on one owner's
//! map beside an array, and on trees of the flavour `Grace` with a reader on another thread.
//!
//! Seen to fail with prunes that begin one index later.

use maple_tree::{Grace, MapleTree, RangeMap, Rcu, RcuArc, RcuBox, Shared, TryClone};
use std::thread;

const SIZE: u64 = 640;

/// What an array of the values of each index has as ranges.
fn expected(array: &[Option<u64>]) -> Vec<(u64, u64)> {
    (0..).zip(array).filter_map(|(index, value)| value.map(|value| (index, value))).collect()
}

#[test]
fn a_map_beside_an_array() {
    let mut map = RangeMap::<Box<u64>>::new();
    let mut array = vec![None; SIZE as usize];
    let set = |array: &mut Vec<Option<u64>>, from: u64, to: u64, value: Option<u64>| {
        array[from as usize..to as usize].fill(value);
    };
    for n in 0..60 {
        map.store(n * 10..n * 10 + 7, Box::new(n)).expect("memory");
        set(&mut array, n * 10, n * 10 + 7, Some(n));
    }
    for (_, mut value) in map.iter_mut() {
        *value += 1;
    }
    array.iter_mut().flatten().for_each(|value| *value += 1);
    map.remove(35..77).expect("memory");
    set(&mut array, 35, 77, None);
    assert_eq!(map.find_free(30, .., 1), Ok(35));
    drop(map.prune(400));
    set(&mut array, 400, SIZE, None);
    let tail = map.split_off(200).expect("memory");
    map.validate().expect("valid");
    let head = map.iter().flat_map(|(range, value)| range.map(move |index| (index, *value)));
    let tail = tail.into_iter().flat_map(|(range, value)| range.map(move |index| (index, *value)));
    assert_eq!(head.chain(tail).collect::<Vec<_>>(), expected(&array));
}

/// Each value is stored seven wide, at five times itself.
fn is_where_it_was_stored(first: u64, last: u64, value: u64) {
    assert!(value * 5 <= first && last < value * 5 + 7, "{value} at {first}..={last}");
}

fn a_tree_beside_a_reader<V: Shared<Grace> + TryClone + Sync>(
    make: impl Fn(u64) -> V + Sync,
    look: impl Fn(V::Ref<'_>) -> u64 + Sync,
) {
    let tree = MapleTree::<V, Grace>::from_map(RangeMap::new());
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..10 {
                let guard = Grace::pin();
                tree.iter(&guard).for_each(|(range, value)| is_where_it_was_stored(*range.start(), *range.end(), look(value)));
            }
        });
        for n in 0..40 {
            tree.store(n * 5..n * 5 + 7, make(n)).unwrap_or_else(|_| panic!("memory"));
            if n % 7 == 3 {
                assert!(tree.erase(n * 5).is_some());
                tree.prune(n * 5 - 9);
                tree.prune_in_place(n * 5 - 15);
            }
        }
        reader.join().expect("the reader saw nothing wrong");
    });
    tree.synchronize().expect("outside of a read section");
    tree.validate().expect("valid");
    let guard = Grace::pin();
    let starts: Vec<u64> = tree.iter(&guard).map(|(range, _)| *range.start()).collect();
    assert_eq!(starts[starts.len() - 2..], [170, 195], "35 was the first that the last prune cut off");
}

#[test]
fn trees_beside_a_reader() {
    a_tree_beside_a_reader::<RcuBox<u64>>(|n| RcuBox::try_new(n).expect("memory"), |value| *value);
    a_tree_beside_a_reader::<RcuArc<u64, Grace>>(|n| RcuArc::try_new(n).expect("memory"), |value| *value.get());
    a_tree_beside_a_reader::<Box<u64>>(Box::new, |value| *value);
}
