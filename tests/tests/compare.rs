//! Copying, comparing and hashing maps.

use maple_tests::entry::Number;
use maple_tree::{RangeMap, RcuArc, RcuBox, U61};
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn differs<V: Number>(map: &RangeMap<V>, other: &RangeMap<V>)
where
    RangeMap<V>: Eq + Hash + Debug,
{
    assert_ne!(map, other);
    assert_ne!(other, map);
    assert_ne!(hash(map), hash(other), "{map:?} and {other:?}");
}

/// Something that makes a map another one.
type Change<'c, V> = &'c dyn Fn(&mut RangeMap<V>);

/// Equal maps are equal however they came about, and every difference is one.
fn compared<V: Number>()
where
    RangeMap<V>: Eq + Hash + Debug,
{
    for count in [0, 1, 2, 40, 600] {
        let entries = || (0..count).map(|n| (10 * n..=10 * n + 9, V::make(n)));
        let map: RangeMap<V> = entries().collect();
        let mut backwards = RangeMap::new();
        for (range, value) in entries().collect::<Vec<_>>().into_iter().rev() {
            assert!(backwards.insert(range, value).is_ok());
        }
        for equal in [&map.clone(), &backwards, &map.clone().into_iter().collect()] {
            assert_eq!((&map, hash(&map)), (equal, hash(equal)));
        }
        assert_eq!(HashSet::from([map.clone(), backwards]).len(), 1);
        let mut more = map.clone();
        assert!(more.insert(u64::MAX.., V::make(0)).is_ok());
        differs(&map, &more);
        for at in (0..count).step_by(1 + usize::try_from(count / 7).expect("fits")) {
            let changes: [Change<'_, V>; 4] = [
                &|map| drop(map.get_mut(10 * at).expect("an entry").replace(V::make(count))),
                &|map| drop(map.erase(10 * at)),
                &|map| assert_eq!(map.split(10 * at + 1), Ok(true)),
                &|map| map.remove(10 * at + 9..=10 * at + 9).expect("memory"),
            ];
            for change in changes {
                let mut other = map.clone();
                change(&mut other);
                differs(&map, &other);
            }
        }
    }
    assert_eq!(RangeMap::<V>::default(), RangeMap::new());
}

#[test]
fn of_every_kind_of_entry() {
    compared::<u32>();
    compared::<U61>();
    compared::<Box<u64>>();
    compared::<Arc<u64>>();
    compared::<RcuBox<u64>>();
    compared::<RcuArc<u64>>();
}

/// A map is not the beginning of another, not even in a sequence of hashes.
#[test]
fn hashes_of_maps_in_a_row() {
    let map = |spans: &[(u64, u64)]| -> RangeMap<()> { spans.iter().map(|&(first, last)| (first..=last, ())).collect() };
    let pairs = [([map(&[(1, 2)]), map(&[(3, 4)])], [map(&[(1, 2), (3, 4)]), map(&[])])];
    for (one, other) in pairs {
        assert_ne!(hash(&one), hash(&other));
    }
}
