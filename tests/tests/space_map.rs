//! Free space in maps that are divided, joined, drained and thinned out: what a search knew of the nodes goes with them, or is forgotten.
//!
//! Seen to fail: with a `split_off` whose tail does not track free space, or whose path keeps its figures; with an `append` to an
//! empty map that does not track it; with a `retain` beside readers that does not say what it touches; and (crashing) with an `append` that
//! moves nodes from one pool to another.

use maple_tree::{FindError, MapleTree, RangeMap};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Store(u64, u64),
    Erase(u64),
    SplitAndAppend(u64),
    SplitAndSwap(u64),
    Retain(u32),
    RetainBeside(u32),
    Drain(u64, u64),
    Coalesce(u64, u64),
    MoveToEmpty,
}

fn step() -> impl Strategy<Value = Step> {
    let (at, size) = (0..6_000_u64, 1..12_u64);
    prop_oneof![
        4 => (at.clone(), size.clone()).prop_map(|(at, size)| Step::Store(at, at + size)),
        3 => at.clone().prop_map(Step::Erase),
        2 => at.clone().prop_map(Step::SplitAndAppend),
        1 => at.clone().prop_map(Step::SplitAndSwap),
        1 => (2..9_u32).prop_map(Step::Retain),
        1 => (2..9_u32).prop_map(Step::RetainBeside),
        1 => (at.clone(), 1..500_u64).prop_map(|(at, size)| Step::Drain(at, at + size)),
        1 => (at, size).prop_map(|(at, size)| Step::Coalesce(at, at + size)),
        1 => Just(Step::MoveToEmpty),
    ]
}

/// Searches must find what going through all gaps finds.
fn agree(map: &mut RangeMap<u32>) {
    let gaps: Vec<_> = map.gaps(..7_000).collect();
    for size in [1, 2, 3, 5, 8, 13, 40, 300, 6_999] {
        let fits = |gap: &&core::ops::RangeInclusive<u64>| gap.end() - gap.start() >= size - 1;
        let low = gaps.iter().find(fits).map(|gap| *gap.start()).ok_or(FindError::Busy);
        let high = gaps.iter().rev().find(fits).map(|gap| gap.end() - (size - 1)).ok_or(FindError::Busy);
        assert_eq!(map.find_free(size, ..7_000, 1), low, "lowest {size}");
        assert_eq!(map.find_free_back(size, ..7_000, 1), high, "highest {size}");
    }
    map.validate().expect("valid");
}

fn run(map: &mut RangeMap<u32>, step: Step) {
    match step {
        Step::Store(first, last) => map.store(first..=last, first as u32).expect("memory"),
        Step::Erase(at) => {
            map.erase(at);
        }
        Step::SplitAndAppend(at) => {
            let mut tail = map.split_off(at).expect("memory");
            agree(&mut tail);
            agree(map);
            if at % 2 == 0 {
                tail.erase(at + 100);
                map.erase(at.saturating_sub(100));
            }
            map.append(&mut tail).expect("they were one");
        }
        Step::SplitAndSwap(at) => {
            let mut tail = map.split_off(at).expect("memory");
            core::mem::swap(map, &mut tail);
            map.append(&mut tail).expect("they were one");
        }
        Step::Retain(n) => map.retain(|_, value| value % n != 0),
        Step::RetainBeside(n) => {
            let tree: MapleTree<u32> = core::mem::take(map).into();
            tree.retain(|_, value| value % n != 1);
            *map = tree.into_inner();
        }
        Step::Drain(first, last) => drop(map.drain(first..=last).take(3).collect::<Vec<_>>()),
        Step::Coalesce(first, last) => map.store_coalescing(first..=last, 7).expect("memory"),
        Step::MoveToEmpty => {
            let mut other = RangeMap::new();
            other.append(map).expect("nothing is in the way");
            *map = other;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn searches_agree_with_the_gaps(steps in prop::collection::vec(step(), 1..60)) {
        let mut map: RangeMap<u32> = (0..1_000_u64).map(|n| (n * 6..=n * 6 + n % 6, n as u32)).collect();
        agree(&mut map);
        for step in steps {
            run(&mut map, step);
            agree(&mut map);
        }
    }
}
