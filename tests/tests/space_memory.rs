//! Free space when memory is short: searches do without what they are refused and find the same; allocations fail cleanly at every
//! request; removals still ask for nothing; and the nodes that hold figures of free space all come back.
//!
//! Seen to fail on a copy of the engine whose `kill` (`erase.rs`) does not say what it touches: both tests of removals.

use core::ops::Bound;
use maple_rcu::{BarrierError, Batch, RetireList};
use maple_tests::alloc::{Counting, Plan, counts, quiet, under};
use maple_tests::ballast::{Ballast, busy};
use maple_tests::check::ALL;
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::face::{ExclusiveFace, Face, MixedFace, SharedFace};
use maple_tests::pair::{Pair, closed};
use maple_tests::shapes::{Rng, build, build_loose, contents, rows, settle, shared_contents};
use maple_tests::space::agree_on_space;
use maple_tree::{
    AllocRangeError, AllocRangeErrorKind, Cyclic, Epoch, EpochGuard, FindError, InsideReadSection, MapleTree, Pool, RangeMap,
    Rcu, Reserve, Summary,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MAX: u64 = u64::MAX;

/// A search with memory for `free` figures, of a tree that has none to spare.
fn searches_do_without<F: Face>(free: usize) {
    let _alone = alone();
    let mut ballast = Ballast::new();
    for (count, stride, length) in [(10, 9, 7), (500, 9, 7), (5_000, 5, 5), (5_000, 5, 3)] {
        let mut pair = Pair::<F>::of(count, stride, length);
        pair.remove(count * 2, count * 2 + 60);
        let Summary { nodes, companions, .. } = pair.face.validate();
        assert_eq!(companions, 0, "nothing was searched for");
        let mut rng = Rng(count);
        for round in 0..4 {
            ballast.leave(free);
            let first = rng.below(count * stride);
            let windows = [ALL, closed(first, first + rng.below(count * stride)), closed(first, MAX)];
            let expected = windows.map(|within| pair.model.largest_gap(within));
            // Everything from now on is refused; what the pool and the tree have left is used up by the first search.
            let (found, ..) = under(Plan::From(1), || windows.map(|within| pair.face.largest_gap(within)));
            assert_eq!(found, expected);
            for within in windows {
                agree_on_space(&mut pair.face, &pair.model, 1 + rng.below(9), within, 1 + round);
            }
            let summary = pair.face.validate();
            assert_eq!(summary.nodes, nodes, "a search changes nothing");
        }
        // With memory there are figures where they are of use: not below a node whose figures are known already.
        drop(ballast);
        ballast = Ballast::new();
        agree_on_space(&mut pair.face, &pair.model, 3, ALL, 1);
        let inner = pair.face.validate().companions;
        assert!((usize::from(nodes > 1)..=nodes / 4).contains(&inner), "{inner} for {nodes} nodes");
        agree_on_space(&mut pair.face, &pair.model, 3, ALL, 1);
        assert_eq!(pair.face.validate().companions, inner);
    }
}

#[test]
fn exclusive_searches_do_without_memory() {
    (0..3).for_each(searches_do_without::<ExclusiveFace<u32>>);
    (0..2).for_each(searches_do_without::<ExclusiveFace<Arc<u64>>>);
}

#[test]
fn shared_searches_do_without_memory() {
    (0..3).for_each(searches_do_without::<SharedFace<u32>>);
    (0..2).for_each(searches_do_without::<MixedFace<Arc<u64>>>);
}

/// A call that allocates a range.
#[derive(Debug, Clone, Copy)]
enum Call {
    Lowest(u64),
    Highest(u64),
    Aligned(u64, u64),
    Cyclic,
}

const CALLS: [Call; 7] = [
    Call::Lowest(1),
    Call::Lowest(4),
    Call::Highest(1),
    Call::Highest(3),
    Call::Aligned(2, 64),
    Call::Lowest(1 << 40),
    Call::Cyclic,
];

/// Both faces.
trait Tree<K: Kind>: From<RangeMap<K::V>> {
    fn call(&mut self, call: Call, cyclic: &mut Cyclic, value: K::V) -> Result<u64, AllocRangeError<K::V>>;
    fn largest(&mut self);
    fn rows(&self) -> Vec<(u64, u64, u64)>;
    fn check(&self) -> Summary;
    fn spare(&self) -> usize;
    fn tidy(&self) {}
}

macro_rules! call {
    ($tree:expr, $call:expr, $cyclic:expr, $value:expr) => {
        match $call {
            Call::Lowest(size) => $tree.alloc_range(size, .., 1, $value),
            Call::Highest(size) => $tree.alloc_range_rev(size, ..1 << 20, 1, $value),
            Call::Aligned(size, align) => $tree.alloc_range(size, 1.., align, $value),
            Call::Cyclic => $tree.alloc_cyclic(.., $cyclic, $value),
        }
    };
}

impl<K: Kind> Tree<K> for RangeMap<K::V> {
    fn call(&mut self, call: Call, cyclic: &mut Cyclic, value: K::V) -> Result<u64, AllocRangeError<K::V>> {
        call!(self, call, cyclic, value)
    }
    fn largest(&mut self) {
        assert!(self.largest_gap(..).is_some());
    }
    fn rows(&self) -> Vec<(u64, u64, u64)> {
        contents::<K>(self)
    }
    fn check(&self) -> Summary {
        self.validate().expect("a valid map")
    }
    fn spare(&self) -> usize {
        self.figures().spare
    }
}

impl<K: Kind> Tree<K> for MapleTree<K::V> {
    fn call(&mut self, call: Call, cyclic: &mut Cyclic, value: K::V) -> Result<u64, AllocRangeError<K::V>> {
        let tree = &*self;
        call!(tree, call, cyclic, value)
    }
    fn largest(&mut self) {
        assert!(self.largest_gap(..).is_some());
    }
    fn rows(&self) -> Vec<(u64, u64, u64)> {
        shared_contents::<K>(self)
    }
    fn check(&self) -> Summary {
        self.validate().expect("a valid tree")
    }
    fn spare(&self) -> usize {
        self.figures().spare
    }
    fn tidy(&self) {
        self.synchronize().expect("not inside a read section");
    }
}

/// Refuses each request of each call in turn; the figures of the tree are known before, or not. Returns how often a call failed.
fn every_call<K: Kind, T: Tree<K>>() -> usize {
    const NEW: u64 = 9_999;
    let _alone = alone();
    settle();
    let ledger = Ledger::new(10_000);
    let start = busy(&Ballast::new(), 0);
    let mut failures = 0;
    for shape in [rows(0, 0, 1, 0), rows(16, 0, 3, 0), rows(40, 0, 2, 1), rows(262, 0, 3, 2), rows(290, 4, 4, 0)] {
        for (loose, known) in [(false, false), (false, true), (true, true)] {
            for (n, call) in CALLS.into_iter().enumerate() {
                let plan = if n % 2 == 0 { Plan::Nth } else { Plan::From };
                let map = if loose { build_loose::<K>(&ledger, &shape, 5) } else { build::<K>(&ledger, &shape) };
                let mut tree = T::from(map);
                tree.tidy();
                if known {
                    tree.largest();
                }
                let (mut ballast, mut cyclic) = (Ballast::new(), Cyclic::starting_at(7));
                let mut value = K::make(&ledger, NEW);
                let address = K::address(&value);
                let mut done = None;
                for request in 1..100 {
                    ballast.leave(0);
                    let busy_before = busy(&ballast, tree.spare()) - tree.check().companions;
                    let before = cyclic.clone();
                    let (outcome, _, refused) = under(plan(request), || tree.call(call, &mut cyclic, value));
                    match outcome {
                        Ok(first) => {
                            done = Some(first);
                            break;
                        }
                        Err(AllocRangeError { value: back, kind, .. }) => {
                            failures += 1;
                            assert_eq!(kind, AllocRangeErrorKind::OutOfMemory);
                            assert!(refused > 0, "{call:?}: out of memory though no request was refused");
                            assert_eq!(K::address(&back), address, "{call:?}: another value came back");
                            assert_eq!(cyclic, before, "{call:?}: it stands where it stood");
                            assert_eq!(tree.rows(), shape, "{call:?}: request {request} failed and the contents changed");
                            let busy_now = busy(&ballast, tree.spare()) - tree.check().companions;
                            assert_eq!(busy_now, busy_before, "{call:?}: request {request} failed and nodes leaked");
                            value = back;
                        }
                    }
                }
                let first = done.expect("it succeeds in the end");
                assert!(tree.rows().iter().any(|row| (row.0, row.2) == (first, NEW)), "{call:?}");
                assert_eq!(tree.rows().len(), shape.len() + 1);
                tree.check();
                tree.tidy();
                drop((tree, ballast));
                settle();
                assert_eq!(ledger.live(), 0, "every value is gone");
                assert_eq!(busy(&Ballast::new(), 0), start, "{call:?}: nodes leaked");
            }
        }
    }
    ledger.assert_all_dropped();
    failures
}

#[test]
fn exclusive_allocations_fail_cleanly() {
    assert!(every_call::<Ints, RangeMap<u32>>() > 10);
    assert!(every_call::<Boxes, RangeMap<_>>() > 10);
    assert!(every_call::<RcuArcs, RangeMap<_>>() > 10);
}

#[test]
fn shared_allocations_fail_cleanly() {
    assert!(every_call::<Ints, MapleTree<u32>>() > 10);
    assert!(every_call::<Arcs, MapleTree<_>>() > 10);
    assert!(every_call::<RcuBoxes, MapleTree<_>>() > 10);
}

#[test]
fn a_refused_request_asks_for_nothing() {
    let _alone = alone();
    let mut map = RangeMap::<u32>::new();
    map.store(5.., 1).expect("memory");
    let (bad, requests, _) = under(Plan::Off, || {
        let kinds = [
            map.alloc_range(0, .., 1, 2).unwrap_err().kind,
            map.alloc_range(1, .., 0, 2).unwrap_err().kind,
            map.alloc_range(6, 0..5, 1, 2).unwrap_err().kind,
            map.alloc_range(6, .., 1, 2).unwrap_err().kind,
        ];
        kinds.map(|kind| matches!(kind, AllocRangeErrorKind::Find(_)))
    });
    assert_eq!((bad, requests), ([true; 4], 0));
    assert_eq!(map.find_free(6, .., 1), Err(FindError::Busy));
}

/// Every removal of trees whose figures are known, while every request is refused.
fn removals_ask_for_nothing<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    let shape = rows(700, 10, 3, 1);
    settle();
    let start = busy(&Ballast::new(), 0);
    let exclusive: [fn(&mut RangeMap<K::V>); 6] = [
        |map| (0..700).for_each(|n| drop(map.erase(10 + (n * 37 % 700) * 4))),
        |map| (0..700).rev().for_each(|n| drop(map.prune(10 + n * 4))),
        |map| drop(map.prune(1_500)),
        |map| drop(map.prune_cut(1_503)),
        |map| map.remove_whole(555..2_222),
        |map| map.clear(),
    ];
    for (n, removal) in exclusive.into_iter().enumerate() {
        let mut map = build_loose::<K>(&ledger, &shape, 3);
        assert!(map.largest_gap(..).is_some());
        assert!(map.validate().expect("a valid map").companions > 1);
        quiet(|| removal(&mut map));
        map.validate().unwrap_or_else(|invalid| panic!("removal {n}: {invalid}"));
        let expected = map.gaps(..).max_by_key(|gap| gap.end() - gap.start());
        assert_eq!(map.largest_gap(..).map(|gap| gap.end() - gap.start()), expected.map(|gap| gap.end() - gap.start()));
        map.validate().expect("a valid map");
        quiet(|| drop(map));
        settle();
        assert_eq!((ledger.live(), busy(&Ballast::new(), 0)), (0, start), "removal {n}");
    }
    let shared: [fn(&MapleTree<K::V>); 7] = [
        |tree| (0..700).for_each(|n| drop(tree.erase(10 + (n * 37 % 700) * 4))),
        |tree| {
            for n in (0..700).rev() {
                tree.prune(10 + n * 4);
            }
        },
        |tree| {
            tree.prune(1_500);
        },
        |tree| {
            tree.prune_in_place(1_500);
        },
        |tree| {
            for n in (0..60).rev() {
                tree.prune_in_place(10 + n * 40);
            }
        },
        |tree| tree.remove_whole(555..2_222),
        |tree| tree.clear(),
    ];
    for (n, removal) in shared.into_iter().enumerate() {
        for searched_after in [false, true] {
            let tree = MapleTree::<K::V>::from(build_loose::<K>(&ledger, &shape, 3));
            assert!(tree.largest_gap(..).is_some());
            let guard = tree.pin();
            quiet(|| removal(&tree));
            drop(guard);
            tree.validate().unwrap_or_else(|invalid| panic!("removal {n}: {invalid}"));
            if searched_after {
                let expected = tree.gaps(.., &tree.pin()).max_by_key(|gap| gap.end() - gap.start());
                assert_eq!(tree.largest_gap(..).map(|gap| gap.end() - gap.start()), expected.map(|gap| gap.end() - gap.start()));
                tree.validate().expect("a valid tree");
                tree.synchronize().expect("not inside a read section");
                tree.validate().expect("a valid tree");
            }
            quiet(|| drop(tree));
            settle();
            assert_eq!((ledger.live(), busy(&Ballast::new(), 0)), (0, start), "removal {n}");
        }
    }
    ledger.assert_all_dropped();
}

#[test]
fn removals_of_ints_ask_for_nothing() {
    removals_ask_for_nothing::<Ints>();
}

#[test]
fn removals_of_owned_values_ask_for_nothing() {
    removals_ask_for_nothing::<Arcs>();
    removals_ask_for_nothing::<Boxes>();
    removals_ask_for_nothing::<RcuBoxes>();
}

#[test]
fn every_node_is_accounted_for() {
    // After each of many changes the pool's books are those of the tree: nodes, one companion at most for each inner node, and spares.
    static OWN: Reserve = Reserve::new(0);
    let _alone = alone();
    settle();
    Reserve::global().fill().expect("memory");
    let start = Pool::global().figures().nodes_in_use;
    let mut tree = MapleTree::<Box<u64>>::with_reserve(&OWN);
    let mut rng = Rng(1);
    for step in 0..3_000 {
        let first = rng.below(9_000);
        match rng.below(20) {
            0..10 => drop(tree.alloc_range(1 + rng.below(5), first.., 1, Box::new(1))),
            10..12 => drop(tree.alloc_range_rev(1 + rng.below(5), ..9_000 + first, 1, Box::new(1))),
            12..15 => drop(tree.erase(first)),
            15 => drop(tree.remove(first..first + 20)),
            16 => drop(tree.store(first..first + 9, Box::new(2))),
            17 => tree.remove_whole(first..first + 300),
            18 if first > 8_000 => drop(tree.prune(first)),
            19 if first > 8_800 => tree.clear(),
            _ => drop(tree.get_mut().store(first..first + 2, Box::new(3))),
        }
        if step % 7 == 0 {
            tree.synchronize().expect("not inside a read section");
            settle();
            let Summary { nodes, companions, dead, .. } = tree.validate().expect("a valid tree");
            assert_eq!(dead, 0);
            assert!(companions <= nodes);
            let figures = tree.figures();
            assert_eq!(figures.retired, 0);
            assert_eq!(Pool::global().figures().nodes_in_use - start, nodes + companions + figures.spare, "step {step}");
            assert_eq!((OWN.figures().waiting, OWN.figures().lent), (0, 0), "step {step}");
        }
    }
    drop(tree);
    settle();
    assert_eq!(Pool::global().figures().nodes_in_use, start);
}

/// [`Epoch`], but for one grace period that does not come about.
#[derive(Debug)]
struct Failing;

static RETIRED: RetireList = RetireList::new();
static FAILS: AtomicBool = AtomicBool::new(false);

// SAFETY: guards, grace periods and hand-overs are those of `Epoch`, which keeps the contract; a refused grace period is an error of the
// call. `RETIRED` is this flavour's own, and the provided functions are not replaced.
unsafe impl Rcu for Failing {
    type Guard = EpochGuard;

    fn pin() -> EpochGuard {
        Epoch::pin()
    }

    fn is_reading() -> bool {
        Epoch::is_reading()
    }

    fn synchronize() -> Result<(), InsideReadSection> {
        if FAILS.swap(false, Ordering::SeqCst) { Err(InsideReadSection) } else { Epoch::synchronize() }
    }

    unsafe fn hand_over(batch: Batch) {
        // SAFETY: the caller's promise: a grace period of this flavour, which is one of `Epoch`, is what the batch waits for.
        unsafe { Epoch::hand_over(batch) };
    }

    fn barrier() -> Result<(), BarrierError> {
        Self::flush();
        Epoch::barrier()
    }

    fn retired() -> &'static RetireList {
        &RETIRED
    }
}

#[test]
fn what_a_grace_period_failed_for_is_put_back() {
    static OWN: Reserve = Reserve::new(0);
    let _alone = alone();
    settle();
    let start = Pool::global().figures().nodes_in_use;
    let tree = MapleTree::<u32, Failing>::with_reserve(&OWN);
    for n in 0..2_000 {
        tree.store(n * 4..=n * 4 + 2, 1).expect("memory");
    }
    assert_eq!(tree.find_free(2, ..8_000, 1), Err(FindError::Busy));
    tree.synchronize().expect("not inside a read section");
    let inner = tree.validate().expect("a valid tree").companions;
    assert!(inner > 10);
    tree.remove(8..7_990).expect("memory");
    let retired = tree.figures().retired;
    assert!(retired > 1);
    assert!(OWN.figures().waiting <= retired, "nodes that a store or a removal replaced are counted sixteen at a time");
    FAILS.store(true, Ordering::SeqCst);
    tree.synchronize().expect_err("the flavour was told to fail");
    assert_eq!((tree.figures().retired, OWN.figures().waiting), (retired, retired), "companions are no nodes of the tree");
    tree.synchronize().expect("not inside a read section");
    assert_eq!((tree.figures().retired, OWN.figures().waiting), (0, 0));
    let Summary { nodes, companions, .. } = tree.validate().expect("a valid tree");
    assert_eq!(Pool::global().figures().nodes_in_use - start, nodes + companions + tree.figures().spare);
    drop(tree);
    settle();
    assert_eq!(Pool::global().figures().nodes_in_use, start);
}

#[test]
fn a_copy_has_no_figures_and_needs_none() {
    let _alone = alone();
    let mut map = RangeMap::<u32>::new();
    for n in 0..3_000 {
        map.store(n * 4..=n * 4 + 2, 1).expect("memory");
    }
    assert_eq!(map.find_free(2, .., 1), Ok(12_000 - 1));
    let before = counts();
    let mut copy = map.dup().expect("memory");
    assert!(counts().requests > before.requests);
    assert_eq!(copy.validate().expect("a valid copy").companions, 0);
    assert!(map.validate().expect("a valid map").companions > 10);
    drop(map);
    assert_eq!(copy.find_free(2, .., 1), Ok(12_000 - 1));
    let within = (Bound::Unbounded, Bound::Excluded(8_000));
    assert_eq!(copy.find_free(2, within, 1), Err(FindError::Busy));
    assert!(copy.validate().expect("a valid copy").companions > 10);
}
