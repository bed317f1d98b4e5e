//! Reservations: what a store needs is taken before, so that it cannot fail; how many nodes that is, and that they come back.

use maple_tests::alloc::{Counting, Plan, quiet, under};
use maple_tests::ballast::Ballast;
use maple_tests::counted::{Alone, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::shapes::{Rng, contents, rows, settle, shared_contents, with};
use maple_tree::{MapleTree, Pool, RangeMap, Reserve, StoreErrorKind};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A tree that a store is reserved for and done in: what it reserved, and what it took.
trait Ground<K: Kind> {
    const EXCLUSIVE: bool;

    fn of(map: RangeMap<K::V>) -> Self;
    /// Reserves, checks what that does, and stores while nothing is given.
    fn store(&mut self, first: u64, last: u64, value: K::V) -> (usize, u64);
    fn contents(&self) -> Vec<(u64, u64, u64)>;
    fn height(&self) -> usize;
    fn validate(&self);
}

struct Exclusive<K: Kind>(RangeMap<K::V>);
struct Beside<K: Kind>(MapleTree<K::V>);

impl<K: Kind> Ground<K> for Exclusive<K> {
    const EXCLUSIVE: bool = true;

    fn of(map: RangeMap<K::V>) -> Self {
        Self(map)
    }

    fn store(&mut self, first: u64, last: u64, value: K::V) -> (usize, u64) {
        let before = self.0.figures();
        let token = self.0.reserve_for(first..=last).expect("memory for nodes");
        assert_eq!(token.range(), first..=last);
        let nodes = token.nodes();
        quiet(|| token.store(value));
        (nodes, self.0.figures().nodes_taken - before.nodes_taken)
    }

    fn contents(&self) -> Vec<(u64, u64, u64)> {
        contents::<K>(&self.0)
    }

    fn height(&self) -> usize {
        self.0.figures().height
    }

    fn validate(&self) {
        self.0.validate().expect("valid");
    }
}

impl<K: Kind> Ground<K> for Beside<K> {
    const EXCLUSIVE: bool = false;

    fn of(map: RangeMap<K::V>) -> Self {
        Self(MapleTree::from(map))
    }

    fn store(&mut self, first: u64, last: u64, value: K::V) -> (usize, u64) {
        let mut writer = self.0.lock();
        let before = writer.figures();
        let token = writer.reserve_for(first..=last).expect("memory for nodes");
        let nodes = token.nodes();
        quiet(|| token.store(value));
        let taken = writer.figures().nodes_taken - before.nodes_taken;
        // Not inside: the hand-over at the end may ask for memory.
        drop(writer);
        (nodes, taken)
    }

    fn contents(&self) -> Vec<(u64, u64, u64)> {
        shared_contents::<K>(&self.0)
    }

    fn height(&self) -> usize {
        self.0.figures().height
    }

    fn validate(&self) {
        self.0.validate().expect("valid");
    }
}

/// A map with full nodes: 16 entries a leaf, ten indices each, and nothing behind the last but what the tree has to cover.
fn full<K: Kind>(ledger: &Arc<Ledger>, count: u64) -> RangeMap<K::V> {
    let rows = rows(count, 0, 10, 0);
    let last = rows.len() - 1;
    let ends = rows.iter().enumerate().map(move |(at, row)| (row.0, if at == last { u64::MAX } else { row.1 }, row.2));
    let mut map = RangeMap::new();
    map.try_extend(ends.map(|(lo, hi, id)| (lo..=hi, K::make(ledger, id)))).expect("memory for a test tree");
    map
}

fn setting() -> (Alone, Arc<Ledger>) {
    let alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    (alone, Ledger::new(1 << 17))
}

/// Each kind of store at each height, with the nodes that it reserves and those that it really takes.
fn each_kind_of_store<K: Kind, G: Ground<K>>() {
    let (_alone, ledger) = setting();
    for height in 1..=4u32 {
        let h = usize::try_from(height).expect("small");
        let count = 16u64.pow(height);
        // Entry n covers 10 n to 10 n + 9, and leaves begin with multiples of 16. In the middle, not where the tree ends.
        let middle = if height == 1 { 4 } else { count / 2 };
        let start = middle * 10;
        let check = |name: &str, count: u64, (first, last): (u64, u64), reserved: usize, taken: u64| {
            let mut ground = G::of(full::<K>(&ledger, count));
            assert_eq!(ground.height(), h, "{name}");
            let expected = with(&ground.contents(), first, last, 7);
            let found = ground.store(first, last, K::make(&ledger, 7));
            assert_eq!(found, (reserved, taken), "{name} at height {h}: nodes reserved, and taken");
            ground.validate();
            assert_eq!(ground.contents(), expected, "{name} at height {h}");
            settle();
        };
        let (alone, carried) = (G::EXCLUSIVE, is_carried::<K>());
        let (one, exact) = (usize::from(!alone), usize::from(!alone && carried));
        check("exact", count, (start, start + 9), exact, exact as u64);
        check("one leaf, two entries by one", count, (start, start + 19), one, one as u64);
        check("one leaf, the seam of two entries, with room", count - 2, (start, start + 29), one, one as u64);
        // Eight slots are few, so the leaf may be merged, which the parents have to be told; but its siblings are full.
        let few = if height == 1 { one } else { 1 + one };
        check("few are left", count, (start, start + 89), few, one as u64);
        // In two in the middle, all the way up.
        check("split of everything", count, (start + 2, start + 5), 2 * h + 1, 2 * h as u64 + 1);
        if height > 1 {
            // Over the seam of two halves of the tree: on each level a full node on the left, and one on the right.
            let seam = (start - 5, start + 4);
            check("over everything", count, seam, 3 * h, 3 * h as u64);
            // The root of this one has room.
            let room = count / 16 * 3;
            let nodes = match (h, alone) {
                (2, true) => 1,
                (_, true) => 2 * h - 2,
                (_, false) => 2 * h - 1,
            };
            check("split of everything but the root", room, (10 * 16 + 2, 10 * 16 + 5), nodes, nodes as u64);
        }
    }
}

/// Whether entries stay in their slots.
fn is_carried<K: Kind>() -> bool {
    matches!(<K::V as maple_tree::Entry>::RELEASE, maple_tree::Release::Slot)
}

/// A store where nodes have just so many slots that one more, or one less, would be counted otherwise.
struct Sparse {
    name: &'static str,
    entries: u64,
    removed: &'static [(u64, u64)],
    store: (u64, u64),
    /// What is reserved, and taken, with exclusive access and beside readers.
    alone: (usize, u64),
    beside: (usize, u64),
}

/// 48 leaves of 160 indices below three nodes; of the first of these leaves 8 to 15 are gone, which leaves it nine slots,
const NINE: (u64, u64) = (1_280, 2_559);
/// or leaves 9 to 15, or all but the last of them;
const TEN: (u64, u64) = (1_440, 2_559);
const AND_BEHIND: (u64, u64) = (1_280, 2_399);
/// of the second leaves 22 to 31, which leaves it seven: few enough to be merged with eight.
const SEVEN: (u64, u64) = (3_520, 5_119);

/// Leaf 3 with four slots, among them a gap; leaf 4 with nine.
const FOUR_AND_NINE: &[(u64, u64)] = &[NINE, SEVEN, (500, 629), (680, 759)];

const SPARSE: &[Sparse] = &[
    Sparse {
        name: "three leaves of 32 slots share, and the nodes above are merged",
        entries: 768,
        removed: &[NINE, SEVEN, (830, 889)],
        store: (580, 699),
        alone: (3, 3),
        beside: (4, 4),
    },
    Sparse {
        name: "three leaves of 15 slots are merged, and so are the nodes above",
        entries: 768,
        removed: &[TEN, SEVEN, (820, 919)],
        store: (520, 769),
        alone: (2, 2),
        beside: (3, 3),
    },
    Sparse {
        name: "a leaf that grows is merged beside readers, and so are the nodes above",
        entries: 768,
        removed: FOUR_AND_NINE,
        store: (482, 485),
        alone: (0, 0),
        beside: (3, 3),
    },
    Sparse {
        name: "the same with a leaf that has as many slots as before",
        entries: 768,
        removed: FOUR_AND_NINE,
        store: (490, 550),
        alone: (0, 0),
        beside: (3, 3),
    },
    Sparse {
        name: "few slots in the last leaf, which grows and is not merged",
        entries: 19,
        removed: &[],
        store: (180, 184),
        alone: (0, 0),
        beside: (1, 1),
    },
    Sparse { name: "a leaf gets full", entries: 47, removed: &[], store: (460, 464), alone: (0, 0), beside: (1, 1) },
    Sparse {
        name: "to the end of a gap above",
        entries: 768,
        removed: &[NINE],
        store: (2_000, 2_559),
        alone: (1, 1),
        beside: (1, 1),
    },
    Sparse {
        name: "from a gap above into a leaf, of which 16 slots are left",
        entries: 768,
        removed: &[AND_BEHIND],
        store: (1_280, 2_409),
        alone: (1, 1),
        beside: (2, 2),
    },
    Sparse {
        name: "from a leaf, of which 16 slots are left, to the end of a gap above",
        entries: 768,
        removed: &[AND_BEHIND],
        store: (1_270, 2_399),
        alone: (1, 1),
        beside: (2, 2),
    },
    Sparse {
        name: "over whole entries of two leaves, of which 16 slots are left",
        entries: 768,
        removed: &[],
        store: (560, 729),
        alone: (1, 1),
        beside: (2, 2),
    },
];

/// What is reserved where nodes are merged and shared, or just not, is what is taken.
fn where_nodes_have_few<K: Kind, G: Ground<K>>() {
    let (_alone, ledger) = setting();
    for case in SPARSE {
        let mut map = full::<K>(&ledger, case.entries);
        case.removed.iter().for_each(|&(first, last)| map.remove(first..=last).expect("whole entries"));
        let mut ground = G::of(map);
        let (first, last) = case.store;
        let expected = with(&ground.contents(), first, last, 7);
        let found = ground.store(first, last, K::make(&ledger, 7));
        assert_eq!(found, if G::EXCLUSIVE { case.alone } else { case.beside }, "{}: nodes reserved, and taken", case.name);
        ground.validate();
        assert_eq!(ground.contents(), expected, "{}", case.name);
        drop(ground);
        settle();
    }
}

/// Random stores in random trees: none takes more than was reserved, no reservation is above the bounds, and most are exact.
fn at_random<K: Kind, G: Ground<K>>() {
    let (_alone, ledger) = setting();
    let mut exact = 0;
    let mut all = 0;
    for seed in 0..20u64 {
        let mut rng = Rng(seed);
        let count = [3, 16, 40, 300, 2_000][usize::try_from(seed % 5).expect("small")];
        let mut map = full::<K>(&ledger, count);
        if seed % 2 == 0 {
            // With gaps, and nodes that are not full.
            map.clear();
            for _ in 0..count {
                let first = rng.below(count * 10);
                map.store(first..=first + rng.below(8), K::make(&ledger, 1)).expect("memory for a test tree");
            }
        }
        let mut ground = G::of(map);
        for step in 0..300 {
            let first = rng.below(count * 10);
            let long = match rng.below(20) {
                0 => count * 5,
                1..=4 => 200,
                _ => 30,
            };
            let mut last = if rng.below(50) == 0 { u64::MAX } else { first + rng.below(long) };
            let (mut first, id) = (first, 1_000 + step);
            if rng.below(3) == 0 {
                // Exactly what is there.
                let items = ground.contents();
                if let Some(row) = items.get(usize::try_from(rng.below(items.len() as u64 + 1)).expect("small")) {
                    (first, last) = (row.0, row.1);
                }
            }
            let expected = with(&ground.contents(), first, last, id);
            let height = ground.height();
            let (reserved, taken) = ground.store(first, last, K::make(&ledger, id));
            let taken = usize::try_from(taken).expect("small");
            assert!(taken <= reserved, "seed {seed}, step {step}: {first}..={last} took {taken} of {reserved}");
            assert!(reserved <= 3 * height.max(1) + 1, "seed {seed}, step {step}: {reserved} at height {height}");
            (all, exact) = (all + 1, exact + usize::from(taken == reserved));
            assert_eq!(ground.contents(), expected, "seed {seed}, step {step}");
            if step % 50 == 0 {
                ground.validate();
            }
        }
        ground.validate();
    }
    assert!(exact * 10 > all * 7, "only {exact} of {all} reservations were exact");
    settle();
}

/// What is not needed comes back, and asking twice gives no more.
fn comes_back<K: Kind>() {
    let (_alone, ledger) = setting();
    let mut map = full::<K>(&ledger, 4096);
    let tree = MapleTree::<K::V>::from(full::<K>(&ledger, 4096));
    let mut ballast = Ballast::new();
    for (first, last) in [(20_002, 20_005), (20_475, 20_484), (0, 5), (10, 19), (3, 40_000)] {
        ballast.leave(40);
        let (nodes, alive) = (Pool::global().figures().nodes_in_use, ledger.live());
        let spare = map.figures().spare;
        for _ in 0..3 {
            let token = map.reserve_for(first..=last).expect("memory");
            assert_eq!(Pool::global().figures().nodes_in_use, nodes + token.nodes().saturating_sub(spare));
            drop(token);
            assert_eq!((Pool::global().figures().nodes_in_use, ledger.live(), map.figures().spare), (nodes, alive, spare));
        }
        let mut writer = tree.lock();
        let spare = writer.figures().spare;
        for _ in 0..3 {
            let token = writer.reserve_for(first..=last).expect("memory");
            assert_eq!(Pool::global().figures().nodes_in_use, nodes + token.nodes().saturating_sub(spare));
            drop(token);
            assert_eq!((Pool::global().figures().nodes_in_use, writer.figures().spare), (nodes, spare));
        }
        drop(writer);
        assert_eq!(ledger.live(), alive, "clones that were not needed are dropped after the session");
        // All that a token took is used or comes back.
        let before = map.figures();
        map.reserve_for(first..=last).expect("memory").store(K::make(&ledger, 9));
        let figures = map.figures();
        let taken = usize::try_from(figures.nodes_taken - before.nodes_taken).expect("small");
        // The nodes that were replaced stay at hand, up to 32.
        assert!(
            figures.spare <= (before.spare + taken + figures.height).max(32),
            "{first}..={last}: {figures:?} after {before:?}"
        );
    }
    drop((map, tree));
    settle();
    ledger.assert_all_dropped();
}

/// Without memory there is no token, and the tree is as it was.
fn refused<K: Kind>() {
    let (_alone, ledger) = setting();
    let mut map = full::<K>(&ledger, 256);
    let tree = MapleTree::<K::V>::from(full::<K>(&ledger, 256));
    let mut ballast = Ballast::new();
    let before = contents::<K>(&map);
    let mut refusals = 0;
    for free in 0..6 {
        for (first, last) in [(1_002, 1_005), (1_275, 1_284), (5, 300)] {
            ballast.leave(free);
            for plan in [Plan::From(1), Plan::Nth(1), Plan::Nth(2)] {
                let alive = ledger.live();
                let (done, _, refused) = under(plan, || map.reserve_for(first..=last).map(|token| token.nodes()));
                assert_eq!(done.is_err(), refused > 0, "{first}..={last} of {free}: {done:?}");
                assert!(done.is_ok() || done == Err(StoreErrorKind::OutOfMemory));
                refusals += refused;
                assert_eq!(ledger.live(), alive, "a clone is left");
                let mut writer = tree.lock();
                let (done, _, refused) = under(plan, || writer.reserve_for(first..=last).map(|token| token.nodes()));
                assert_eq!(done.is_err(), refused > 0, "{first}..={last} of {free} in a session: {done:?}");
                drop(writer);
                assert_eq!(ledger.live(), alive, "a clone is left");
            }
        }
    }
    assert!(refusals > 10, "only {refusals}");
    assert_eq!((contents::<K>(&map), shared_contents::<K>(&tree)), (before.clone(), before));
    map.validate().expect("valid");
    tree.validate().expect("valid");
    let Err(StoreErrorKind::BadRange(bad)) = map.reserve_for(5..5).map(drop) else { panic!("5..5 holds no index") };
    assert!(StoreErrorKind::BadRange(bad).to_string().contains("holds no index"));
}

/// The clone of an entry that is split is made when it is reserved, and used by the store.
#[test]
fn the_clone_is_made_before() {
    let (_alone, ledger) = setting();
    let mut map = full::<Boxes>(&ledger, 16);
    let token = map.reserve_for(42..=43).expect("memory");
    assert_eq!(ledger.alive(4), 2, "one more than in the map");
    let value = Boxes::make(&ledger, 99);
    quiet(|| token.store(value));
    assert_eq!(ledger.alive(4), 2);
    assert_eq!(map.get(41).map(Boxes::id), Some(4));
    assert_eq!(map.get(44).map(Boxes::id), Some(4));
    drop(map);
    ledger.assert_all_dropped();
}

macro_rules! for_kinds {
    ($($kind:ident: $module:ident;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn each_kind_of_store_alone() {
                each_kind_of_store::<$kind, Exclusive<$kind>>();
            }

            #[test]
            fn each_kind_of_store_beside_readers() {
                each_kind_of_store::<$kind, Beside<$kind>>();
            }

            #[test]
            fn where_nodes_have_few_alone() {
                where_nodes_have_few::<$kind, Exclusive<$kind>>();
            }

            #[test]
            fn where_nodes_have_few_beside_readers() {
                where_nodes_have_few::<$kind, Beside<$kind>>();
            }

            #[test]
            fn at_random_alone() {
                at_random::<$kind, Exclusive<$kind>>();
            }

            #[test]
            fn at_random_beside_readers() {
                at_random::<$kind, Beside<$kind>>();
            }

            #[test]
            fn comes_back() {
                super::comes_back::<$kind>();
            }

            #[test]
            fn refused() {
                super::refused::<$kind>();
            }
        }
    )*};
}

for_kinds! {
    Ints: ints;
    Boxes: boxes;
    RcuBoxes: rcu_boxes;
    RcuArcs: rcu_arcs;
}
