//! Memory is refused now and then to the calls that came later, in a map in which free space is searched for: after an error the map is what
//! it was, with all it knows of free space, and in the end every value was dropped once.

use maple_tests::alloc::{Counting, Plan, under};
use maple_tests::ballast::Ballast;
use maple_tests::counted::{Boxes, Counted, Kind, Ledger, alone};
use maple_tree::{MapleTree, RangeMap, Reserve, Shortage};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static NOTHING: Reserve = Reserve::new(0);

struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

type Map = RangeMap<Box<Counted>>;

fn items(map: &Map) -> Vec<(u64, u64, u64)> {
    map.iter().map(|(range, value)| (*range.start(), *range.end(), value.id())).collect()
}

/// Does one thing; whether it was refused.
fn one(map: &mut Map, what: u64, (first, last): (u64, u64), value: Box<Counted>, plan: Plan) -> bool {
    let range = first..=last;
    let (refused, ..) = match what {
        0 => under(plan, || map.store(range, value).is_err()),
        1 => under(plan, || map.store_with(range, value, |_| {}).is_err()),
        2 => under(plan, || map.remove_with(range, Shortage::Allocate, |_| {}).is_err()),
        3 => under(plan, || {
            map.split_off(first).map(|mut tail| under(Plan::Off, || map.append(&mut tail).expect("room"))).is_err()
        }),
        4 => under(plan, || map.split(first).is_err()),
        5 => under(plan, || map.compact().is_err()),
        6 => under(plan, || map.store_coalescing_by(range, value, |_, _| false).is_err()),
        7 => under(plan, || map.alloc_range(last - first + 1, .., 1, value).is_err()),
        8 => under(plan, || {
            let mut cursor = map.cursor_mut();
            cursor.seek(first);
            cursor.store(range, value).is_err()
        }),
        9 => under(plan, || map.reserve_for(range).map(|token| token.store(value)).is_err()),
        10 => {
            let mut other = Map::with_reserve(&NOTHING);
            let (low, high) = map.get_range(first).0.into_inner();
            if !map.contains(first) {
                for at in low..=high.min(low + 40) {
                    let copy = Box::new(Counted::clone(&value));
                    other.store(at..=at, copy).expect("memory");
                }
            }
            let count = other.iter().count();
            let result = under(plan, || map.append(&mut other).is_err());
            assert_eq!(other.iter().count(), if result.0 { count } else { 0 });
            other.validate().expect("a valid other map");
            result
        }
        _ => under(plan, || {
            let _ = map.largest_gap(..);
            false
        }),
    };
    refused
}

fn refusals(seed: u64, universe: u64) -> (usize, usize) {
    let ledger = Ledger::new(1 << 16);
    let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut map = Map::with_reserve(&NOTHING);
    let mut ballast = Ballast::new();
    let (mut refused, mut done) = (0, 0);
    for step in 0..600u64 {
        if rng.below(3) == 0 {
            let _ = map.largest_gap(..);
        }
        let first = rng.below(universe);
        let long = if rng.below(20) == 0 { 300 } else { 5 };
        let window = (first, first + rng.below(long));
        let what = rng.below(12);
        if rng.below(4) == 0 {
            // A copy has nothing to spare.
            let copy = map.dup().expect("memory");
            map = copy;
        }
        if rng.below(8) == 0 {
            let tree = MapleTree::<Box<Counted>>::from(map);
            drop(tree.erase(first));
            map = tree.into_inner();
        }
        let before = items(&map);
        ballast.leave(usize::try_from(rng.below(4)).expect("few"));
        let plan = Plan::From(1 + rng.below(4));
        let value = Boxes::make(&ledger, step);
        if one(&mut map, what, window, value, plan) {
            refused += 1;
            assert!(items(&map) == before, "step {step}, call {what}: not what it was");
        } else {
            done += 1;
        }
        if let Err(invalid) = map.validate() {
            panic!("{invalid} after step {step}, call {what} {window:?}");
        }
    }
    drop(ballast);
    drop(map);
    ledger.assert_all_dropped();
    (refused, done)
}

#[test]
fn what_is_refused_leaves_the_map_as_it_was() {
    let _alone = alone();
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    for seed in 1..=seeds {
        for universe in [100, 3000] {
            let (refused, done) = refusals(seed, universe);
            assert!(refused > 30 && done > 100, "{refused} refused, {done} done");
        }
    }
}
