//! Removals ask the allocator for nothing: prune in every form, erase, clear, and dropping what they return. Each runs while every
//! request of the thread is refused and is then found to have made none; the contents are compared with the model, the tree is
//! validated, and the bounds on nodes and stores are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maple_tests::alloc::{Counting, quiet};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::shapes::{Rng, Row, before, build, build_loose, contents, covers, rows, settle, shared_contents, telling};
use maple_tree::{MapleTree, PruneForm, Pruned, RangeMap, Reserve, Summary};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A reserve without nodes: trees that use it have only what is their own.
static NOTHING: Reserve = Reserve::new(0);

/// A way to prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Prune,
    InPlace,
    Cut,
}

/// How a tree came about.
#[derive(Debug, Clone, Copy)]
enum Make {
    /// Stored in order.
    Tight,
    /// Stored in random order among others that were erased again.
    Loose(u64),
    /// A copy, which has the nodes for its own prune.
    Copy,
}

struct Bench {
    ledger: Arc<Ledger>,
    rows: Vec<Row>,
}

impl Bench {
    fn new(rows: Vec<Row>) -> Self {
        Bench { ledger: Ledger::new(rows.len().max(1)), rows }
    }

    fn map<K: Kind>(&self, make: Make) -> RangeMap<K::V> {
        let map = match make {
            Make::Tight => build::<K>(&self.ledger, &self.rows),
            Make::Loose(seed) => build_loose::<K>(&self.ledger, &self.rows, seed),
            Make::Copy => build::<K>(&self.ledger, &self.rows).dup().expect("memory for a copy"),
        };
        settle_if_retired();
        map
    }

    /// A tree that has no node at hand, neither of its own nor in its reserve.
    fn poor_tree<K: Kind>(&self, loose: bool) -> MapleTree<K::V> {
        let tree = MapleTree::with_reserve(&NOTHING);
        let mut order = self.rows.clone();
        if loose {
            Rng(5).shuffle(&mut order);
        }
        let store = |lo: u64, hi: u64, id: u64| {
            tree.store(lo..=hi, K::make(&self.ledger, id)).expect("memory for a test tree");
        };
        order.iter().for_each(|&(lo, hi, id)| store(lo, hi, id));
        // Use spare nodes up, two or three at a time, by changes that are undone.
        let (lo, hi, id) = self.rows[self.rows.len() / 2];
        for _ in 0..100 {
            match tree.figures().spare {
                0 => break,
                odd if odd % 2 == 1 => [lo, lo + 1].into_iter().for_each(|end| store(lo, end, id)),
                _ => store(lo, lo, id),
            }
            store(lo, hi, id);
        }
        assert_eq!(tree.figures().spare, 0, "all spare nodes are used up");
        tree
    }

    /// Values of entries, not counting the ids of extras that a loose tree had.
    #[track_caller]
    fn assert_alive<K: Kind>(&self, count: usize) {
        if K::COUNTED {
            assert_eq!(self.ledger.live(), i64::try_from(count).expect("fits"), "values alive");
        }
    }

    /// One prune of an exclusive map.
    fn exclusive<K: Kind>(&self, mut map: RangeMap<K::V>, from: u64, cut: bool) {
        let want = before(&self.rows, from, cut);
        let nodes = map.validate().expect("valid").nodes;
        let tail = if cut { quiet(|| map.prune_cut(from)) } else { quiet(|| Ok(map.prune(from))) };
        let tail = match tail {
            Ok(tail) => tail,
            Err(would) => {
                assert_eq!(would.at, from);
                assert!(*would.range.start() < from && from <= *would.range.end());
                // Only an entry up to the very end can need a slot that is not there.
                assert_eq!(*would.range.end(), u64::MAX, "a cut at {from} was refused");
                assert_eq!(contents::<K>(&map), self.rows, "a refused cut changes nothing");
                return;
            }
        };
        let summary = map.validate().unwrap_or_else(|invalid| panic!("after a prune at {from}: {invalid}"));
        assert_eq!(summary.entries, want.len());
        assert_eq!(contents::<K>(&map), want, "after a prune at {from}");
        // In a loose tree, nodes without entries may fall where no entry does.
        assert_eq!(!tail.is_empty(), want.len() < self.rows.len() || summary.nodes < nodes, "prune at {from}");
        self.assert_alive::<K>(self.rows.len());
        quiet(|| drop(tail));
        settle_if_retired();
        self.assert_alive::<K>(want.len());
        quiet(|| map.clear());
        assert_eq!(map.validate().expect("valid").nodes, 0);
        quiet(|| drop(map));
    }

    /// One prune of a shared tree.
    fn shared<K: Kind>(&self, tree: MapleTree<K::V>, from: u64, form: Form) -> PruneForm {
        let want = before(&self.rows, from, form == Form::Cut);
        let Summary { height, nodes, .. } = tree.validate().expect("valid");
        let taken = tree.figures().nodes_taken;
        let pruned = match form {
            Form::Prune => quiet(|| tree.prune(from)),
            Form::InPlace => quiet(|| tree.prune_in_place(from)),
            Form::Cut => match quiet(|| tree.prune_cut(from)) {
                Ok(pruned) => pruned,
                Err(would) => {
                    assert_eq!(would.at, from);
                    assert!(*would.range.start() < from && from <= *would.range.end());
                    assert_eq!(shared_contents::<K>(&tree), self.rows, "a refused cut changes nothing");
                    tree.validate().expect("valid");
                    return PruneForm::Nothing;
                }
            },
        };
        bounds(pruned, height, form);
        assert_eq!(tree.figures().nodes_taken - taken, u64::try_from(pruned.nodes_taken).expect("fits"));
        let summary = tree.validate().unwrap_or_else(|invalid| panic!("after a prune at {from}: {invalid}"));
        assert_eq!(summary.entries, want.len());
        // In a loose tree, nodes without entries may fall where no entry does.
        let changed = want != self.rows || summary.nodes < nodes;
        assert_eq!(pruned.form != PruneForm::Nothing, changed, "prune at {from}: {pruned:?}");
        assert!(summary.dead == 0 || pruned.form == PruneForm::InPlace, "dead words without need");
        assert_eq!(shared_contents::<K>(&tree), want, "after a prune at {from}");
        self.assert_alive::<K>(self.rows.len());
        pruned.form
    }
}

/// Releases what the drop of an `RcuArc` retired.
fn settle_if_retired() {
    use maple_tree::{Epoch, Rcu};
    if !Epoch::retired().is_empty() {
        settle();
    }
}

/// What a prune of a tree of this height may cost.
#[track_caller]
fn bounds(pruned: Pruned, height: usize, form: Form) {
    match pruned.form {
        PruneForm::Nothing => assert_eq!((pruned.nodes_taken, pruned.nodes_retired, pruned.slot_stores), (0, 0, 0)),
        PruneForm::PathCopy => {
            assert_ne!(form, Form::InPlace);
            assert!(pruned.nodes_taken <= height + usize::from(form == Form::Cut), "{pruned:?} at height {height}");
            if form == Form::Prune {
                assert!(pruned.nodes_retired >= pruned.nodes_taken, "{pruned:?} frees less than it takes");
            }
        }
        PruneForm::InPlace => {
            assert_eq!(pruned.nodes_taken, 0, "in place needs no node");
            assert!((1..=15 * height).contains(&pruned.slot_stores), "{pruned:?} at height {height}");
        }
    }
}

/// All forms of prune at each of these places.
fn every_form<K: Kind>(bench: &Bench, make: Make, places: &[u64]) {
    for &from in places {
        for cut in [false, true] {
            bench.exclusive::<K>(bench.map::<K>(make), from, cut);
        }
        for form in [Form::Prune, Form::InPlace, Form::Cut] {
            let tree = MapleTree::from(bench.map::<K>(make));
            bench.shared::<K>(tree, from, form);
            settle_if_retired();
            bench.assert_alive::<K>(0);
        }
    }
}

/// Key spaces so small that every index is tried.
fn small_spaces<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for (count, width, gap) in [(0, 1, 0), (1, 4, 0), (2, 3, 0), (3, 1, 2), (15, 2, 1), (16, 3, 0), (17, 2, 2), (40, 3, 1)] {
        let bench = Bench::new(rows(count, 2, width, gap));
        let end = bench.rows.last().map_or(5, |row| row.1 + 3);
        let mut places: Vec<u64> = (0..=end).collect();
        places.push(u64::MAX);
        every_form::<K>(&bench, Make::Tight, &places);
        every_form::<K>(&bench, Make::Loose(count), &places);
    }
    bench_to_the_end::<K>();
}

/// Entries at both ends of the index space.
fn bench_to_the_end<K: Kind>() {
    let whole = Bench::new(vec![(0, u64::MAX, 0)]);
    every_form::<K>(&whole, Make::Tight, &telling(&whole.rows));
    let mut edge = rows(14, 0, 3, 0);
    edge.push((42, u64::MAX, 14));
    for more in [0, 1, 2] {
        // Fifteen, sixteen and seventeen slots, the last up to the very end.
        let mut rows = edge.clone();
        for step in 0..more {
            let last = rows.pop().expect("not empty");
            rows.push((last.0, last.0 + 2, last.2));
            rows.push((last.0 + 3, u64::MAX, 15 + step));
        }
        let bench = Bench::new(rows);
        every_form::<K>(&bench, Make::Tight, &telling(&bench.rows));
        every_form::<K>(&bench, Make::Loose(9), &telling(&bench.rows));
    }
}

/// Trees of two and three levels, at every place that matters, or at one in `nth` of them.
fn three_levels<K: Kind>(nth: usize) {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for (at, (count, gap, make)) in [
        (100, 0, Make::Tight),
        (100, 2, Make::Loose(1)),
        (257, 0, Make::Loose(2)),
        (256, 3, Make::Tight),
        (272, 0, Make::Copy),
        (770, 0, Make::Tight),
        (400, 4, Make::Tight),
        (500, 4, Make::Loose(3)),
    ]
    .into_iter()
    .enumerate()
    {
        let bench = Bench::new(rows(count, 10, 4, gap));
        let places = telling(&bench.rows);
        // The large ones at fewer places: each place needs five trees.
        let nth = nth * usize::try_from(count / 80).expect("fits");
        let sample: Vec<u64> = places.iter().copied().skip(at % nth).step_by(nth).collect();
        every_form::<K>(&bench, make, &sample);
    }
}

macro_rules! for_kinds {
    ($($name:ident: $run:ident::<$kind:ty>($($argument:expr)?);)*) => {$(
        #[test]
        fn $name() {
            $run::<$kind>($($argument)?);
        }
    )*};
}

for_kinds! {
    small_spaces_of_ints: small_spaces::<Ints>();
    small_spaces_of_arcs: small_spaces::<Arcs>();
    small_spaces_of_boxes: small_spaces::<Boxes>();
    small_spaces_of_rcu_boxes: small_spaces::<RcuBoxes>();
    small_spaces_of_rcu_arcs: small_spaces::<RcuArcs>();
    three_levels_of_ints: three_levels::<Ints>(27);
    three_levels_of_arcs: three_levels::<Arcs>(37);
    three_levels_of_boxes: three_levels::<Boxes>(41);
    three_levels_of_rcu_boxes: three_levels::<RcuBoxes>(43);
    three_levels_of_rcu_arcs: three_levels::<RcuArcs>(37);
    erase_everything_ints: erase_everything::<Ints>();
    erase_everything_arcs: erase_everything::<Arcs>();
    erase_everything_boxes: erase_everything::<Boxes>();
    erase_everything_rcu_boxes: erase_everything::<RcuBoxes>();
    erase_everything_rcu_arcs: erase_everything::<RcuArcs>();
    one_after_another_ints: one_after_another::<Ints>();
    one_after_another_arcs: one_after_another::<Arcs>();
    one_after_another_rcu_arcs: one_after_another::<RcuArcs>();
    beside_a_reader_ints: beside_a_reader::<Ints>();
    beside_a_reader_arcs: beside_a_reader::<Arcs>();
    beside_a_reader_boxes: beside_a_reader::<Boxes>();
    beside_a_reader_rcu_boxes: beside_a_reader::<RcuBoxes>();
    beside_a_reader_rcu_arcs: beside_a_reader::<RcuArcs>();
}

/// Exactly every place that matters in a full tree of three levels: copies of it, so that one place costs little.
#[test]
fn every_place_of_three_levels() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    // Of the gapped tree, every fourth place.
    for gap in [0, 3] {
        let bench = Bench::new(rows(700, 1, 5, u64::try_from(gap).expect("fits")));
        let base = build::<Ints>(&bench.ledger, &bench.rows);
        assert_eq!(base.validate().expect("valid").height, 3);
        for from in telling(&bench.rows).into_iter().step_by(gap + 1) {
            let copy = || base.dup().expect("memory for a copy");
            bench.shared::<Ints>(MapleTree::from(copy()), from, Form::Prune);
            bench.exclusive::<Ints>(copy(), from, from % 2 == 0);
            let form = if from % 2 == 0 { Form::InPlace } else { Form::Cut };
            bench.shared::<Ints>(MapleTree::from(copy()), from, form);
        }
    }
}

/// Deeper trees, at sampled places.
#[test]
fn deep_trees() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for (count, gap, loose) in [(5_000, 0, false), (9_000, 2, true), (70_000, 1, false)] {
        let bench = Bench::new(rows(count, 0, 4, gap));
        let base = bench.map::<Ints>(if loose { Make::Loose(6) } else { Make::Tight });
        let height = base.validate().expect("valid").height;
        assert!(height >= 4, "{count} entries in {height} levels");
        let mut rng = Rng(count);
        let end = count * (4 + gap);
        let mut places: Vec<u64> = (0..if count > 10_000 { 4 } else { 24 }).map(|_| rng.below(end)).collect();
        places.extend([0, 1, end - 1, end, u64::MAX]);
        for from in places {
            let copy = || base.dup().expect("memory for a copy");
            for form in [Form::Prune, Form::InPlace, Form::Cut] {
                bench.shared::<Ints>(MapleTree::from(copy()), from, form);
            }
            bench.exclusive::<Ints>(copy(), from, rng.below(2) == 0);
        }
    }
}

/// With an earmark or a reserve a prune is atomic; with neither it is done in place; both are seen, and nothing is refused.
#[test]
fn which_form_is_taken() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    let bench = Bench::new(rows(300, 0, 4, 1));
    let mut fell = 0;
    for from in telling(&bench.rows).into_iter().step_by(13) {
        let tree = MapleTree::from(bench.map::<Ints>(Make::Copy));
        assert_ne!(bench.shared::<Ints>(tree, from, Form::Prune), PruneForm::InPlace, "a copy has the nodes for its prune");
        let tree = MapleTree::from(bench.map::<Ints>(Make::Tight));
        assert_ne!(bench.shared::<Ints>(tree, from, Form::Prune), PruneForm::InPlace, "the reserve is full");
        settle();
        assert_eq!(Reserve::global().figures().lent, 0, "the loan was repaid");
        for loose in [false, true] {
            let tree = bench.poor_tree::<Ints>(loose);
            fell += usize::from(bench.shared::<Ints>(tree, from, Form::Prune) == PruneForm::InPlace);
            let tree = bench.poor_tree::<Ints>(loose);
            bench.shared::<Ints>(tree, from, Form::Cut);
        }
    }
    assert!(fell > 50, "only {fell} prunes without nodes at hand");
    assert_eq!(NOTHING.figures().free + NOTHING.figures().lent, 0);
    assert!(NOTHING.figures().in_place_falls >= fell);
}

/// Erases every entry of several trees in random order, and looks at what comes back.
fn erase_everything<K: Kind>() {
    let _alone = alone();
    for (count, gap, make) in [(1, 0, Make::Tight), (17, 0, Make::Tight), (60, 3, Make::Loose(4)), (500, 0, Make::Copy)] {
        let bench = Bench::new(rows(count, 7, 6, gap));
        let mut order = bench.rows.clone();
        let mut rng = Rng(count);
        rng.shuffle(&mut order);

        let mut map = bench.map::<K>(make);
        for (step, &(lo, hi, id)) in order.iter().enumerate() {
            let index = lo + rng.below(hi - lo + 1);
            let (range, value) = quiet(|| map.erase(index)).expect("an entry");
            assert_eq!((range, K::id_of(&value)), (lo..=hi, id));
            quiet(|| drop(value));
            assert!(quiet(|| map.erase(index)).is_none(), "erased once");
            if step % 16 == 0 {
                assert_eq!(map.validate().expect("valid").entries, order.len() - step - 1);
            }
        }
        assert!(map.is_empty());
        drop(map);
        settle_if_retired();
        bench.assert_alive::<K>(0);

        let tree = MapleTree::<K::V>::from(bench.map::<K>(make));
        for (step, &(lo, hi, id)) in order.iter().enumerate() {
            let index = lo + rng.below(hi - lo + 1);
            let removed = quiet(|| tree.erase(index)).expect("an entry");
            assert_eq!((removed.range(), K::id(removed.get())), (lo..=hi, id));
            if K::COUNTED {
                assert_eq!(bench.ledger.alive(id), 1, "not released yet");
            }
            quiet(|| drop(removed));
            assert!(quiet(|| tree.erase(index)).is_none(), "erased once");
            if step % 16 == 0 {
                assert_eq!(tree.validate().expect("valid").entries, order.len() - step - 1);
            }
            if step == order.len() / 2 {
                tree.synchronize().expect("not inside a read section");
                bench.assert_alive::<K>(order.len() - step - 1);
            }
        }
        assert!(tree.is_empty(&tree.pin()));
        quiet(|| tree.clear());
        drop(tree);
        settle_if_retired();
        bench.assert_alive::<K>(0);

        let tree = MapleTree::<K::V>::from(bench.map::<K>(make));
        quiet(|| tree.clear());
        assert!(tree.is_empty(&tree.pin()));
        bench.assert_alive::<K>(bench.rows.len());
        tree.synchronize().expect("not inside a read section");
        bench.assert_alive::<K>(0);
    }
}

/// Many removals on one tree, one after another, without a grace period in between and then with: the later ones meet what the
/// earlier ones left (dead words, empty inner slots, spine nodes that are under-full).
fn one_after_another<K: Kind>() {
    let _alone = alone();
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let count = 30 + rng.below(500);
        let bench = Bench::new(rows(count, 3, 5, seed % 3));
        let tree = match seed % 4 {
            0 => bench.poor_tree::<K>(true),
            1 => MapleTree::from(bench.map::<K>(Make::Copy)),
            2 => MapleTree::from(bench.map::<K>(Make::Loose(seed))),
            _ => bench.poor_tree::<K>(false),
        };
        let mut want = bench.rows.clone();
        while !want.is_empty() {
            let end = want.last().expect("not empty").1 + 2;
            let from = end - rng.below((end / 8).max(6)).min(end - 1);
            let height = tree.figures().height;
            match rng.below(5) {
                0 => {
                    bounds(quiet(|| tree.prune(from)), height, Form::Prune);
                    want = before(&want, from, false);
                }
                1 => {
                    bounds(quiet(|| tree.prune_in_place(from)), height, Form::InPlace);
                    want = before(&want, from, false);
                }
                2 => {
                    let cut = quiet(|| tree.prune_cut(from));
                    let inside = want.iter().any(|row| row.0 < from && covers(row, from));
                    match cut {
                        Ok(pruned) => {
                            bounds(pruned, height, Form::Cut);
                            want = before(&want, from, true);
                        }
                        Err(_) => assert!(inside, "nothing to cut at {from}"),
                    }
                }
                _ => {
                    for _ in 0..6 {
                        let index = rng.below(end);
                        let gone = quiet(|| tree.erase(index).map(|removed| removed.range()));
                        let at = want.iter().position(|row| covers(row, index));
                        assert_eq!(gone, at.map(|at| want[at].0..=want[at].1), "erase at {index}");
                        at.map(|at| want.remove(at));
                    }
                }
            }
            assert_eq!(shared_contents::<K>(&tree), want, "seed {seed}");
            assert_eq!(tree.validate().expect("valid").entries, want.len());
            if rng.below(10) == 0 {
                tree.synchronize().expect("not inside a read section");
                let summary = tree.validate().expect("valid");
                assert_eq!(summary.dead, 0, "a grace period has passed and all dead words are gone");
                bench.assert_alive::<K>(want.len());
            }
            if rng.below(12) == 0 {
                // Growth in between; of the same kind of rows, so that the model stays simple.
                let (lo, id) = (end + 3, count - 1);
                tree.store(lo..=lo + 4, K::make(&bench.ledger, id)).expect("memory");
                want.push((lo, lo + 4, id));
            }
        }
        drop(tree);
        // Growth handed batches over.
        settle();
        bench.assert_alive::<K>(0);
    }
}

/// The same beside a thread that reads all the time, and on threads that never entered a read section themselves.
fn beside_a_reader<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    let bench = Bench::new(rows(300, 0, 4, 1));
    for round in 0..12 {
        let tree = match round % 3 {
            0 => MapleTree::from(bench.map::<K>(Make::Copy)),
            1 => MapleTree::from(bench.map::<K>(Make::Loose(round))),
            _ => bench.poor_tree::<K>(false),
        };
        let (inside, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let mut want = bench.rows.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Acquire) {
                    let guard = tree.pin();
                    let mut last = 0;
                    for (range, entry) in tree.iter(&guard) {
                        assert!(*range.start() >= last, "in order");
                        last = *range.end() + 1;
                        assert_eq!(K::id(entry), *range.start() / 5, "an entry under its range");
                        inside.store(true, Ordering::Release);
                    }
                    inside.store(true, Ordering::Release);
                }
            });
            while !inside.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            // A thread of its own that never pinned: entering a read section for the first time allocates, so it shows.
            let writer = scope.spawn(|| {
                let mut rng = Rng(round);
                while want.len() > 5 {
                    let index = rng.below(1_500);
                    let at = want.iter().position(|row| covers(row, index));
                    let gone = quiet(|| tree.erase(index).map(|removed| removed.range()));
                    assert_eq!(gone, at.map(|at| want[at].0..=want[at].1));
                    at.map(|at| want.remove(at));
                    if rng.below(9) == 0 {
                        let end = want.last().expect("not empty").1;
                        let from = end - rng.below(end.min(120));
                        match rng.below(2) {
                            0 => quiet(|| tree.prune(from)),
                            _ => quiet(|| tree.prune_in_place(from)),
                        };
                        want = before(&want, from, false);
                    }
                }
                if round % 2 == 0 {
                    quiet(|| tree.clear());
                    want.clear();
                }
            });
            let result = writer.join();
            stop.store(true, Ordering::Release);
            result.expect("the writer's checks hold");
        });
        assert_eq!(shared_contents::<K>(&tree), want);
        tree.validate().expect("valid");
        tree.synchronize().expect("not inside a read section");
        bench.assert_alive::<K>(want.len());
        drop(tree);
        settle_if_retired();
    }
}

/// Failures in quick succession, more than the reserve can serve: every one is a prune that works, the first ones by path copy, the
/// rest in place, and afterwards the reserve is full again.
#[test]
fn many_failures_in_rapid_succession() {
    static SMALL: Reserve = Reserve::new(9);
    let _alone = alone();
    SMALL.fill().expect("memory for the reserve");
    let bench = Bench::new(rows(700, 0, 4, 0));
    let trees: Vec<MapleTree<u32>> = (0..20)
        .map(|_| {
            let tree = MapleTree::with_reserve(&SMALL);
            for &(lo, hi, id) in &bench.rows {
                tree.store(lo..=hi, Ints::make(&bench.ledger, id)).expect("memory for a test tree");
            }
            tree.synchronize().expect("not inside a read section");
            tree
        })
        .collect();
    settle();
    let mut forms = Vec::with_capacity(20);
    quiet(|| {
        for (at, tree) in (0..).zip(&trees) {
            // Prune until the tree's own spare nodes are used up.
            let mut from = 2_700 - at;
            loop {
                let pruned = tree.prune(from);
                if pruned.form == PruneForm::InPlace || from < 400 {
                    forms.push(pruned.form);
                    break;
                }
                from -= 37;
            }
        }
    });
    assert!(forms.contains(&PruneForm::InPlace), "more prunes than nodes");
    let figures = SMALL.figures();
    assert!(figures.lent > 0 && figures.low_water < 3, "the reserve was lent out: {figures:?}");
    assert_eq!(figures.free + figures.lent, figures.capacity);
    for tree in &trees {
        tree.validate().expect("valid");
        tree.synchronize().expect("not inside a read section");
    }
    settle();
    let figures = SMALL.figures();
    assert_eq!((figures.free, figures.lent, figures.waiting), (9, 0, 0), "repaid");
}
