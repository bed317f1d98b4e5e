//! Prunes ask the allocator for nothing, in any form. Each runs while every request of the thread is refused and is then found to
//! have made none; the contents are compared with the model, the tree is validated, and the bounds on nodes and stores are checked.

use maple_tests::alloc::{Counting, quiet};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, Form, Make, NOTHING, bounds, settle_if_retired};
use maple_tests::shapes::{Rng, before, build, contents, rows, settle, shared_contents, telling};
use maple_tree::{MapleTree, PruneForm, RangeMap, Reserve, Summary};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One prune of an exclusive map.
fn exclusive<K: Kind>(bench: &Fixture, mut map: RangeMap<K::V>, from: u64, cut: bool) {
    let want = before(&bench.rows, from, cut);
    let nodes = map.validate().expect("valid").nodes;
    let tail = if cut { quiet(|| map.prune_cut(from)) } else { quiet(|| Ok(map.prune(from))) };
    let tail = match tail {
        Ok(tail) => tail,
        Err(would) => {
            assert_eq!(would.at, from);
            assert!(*would.range.start() < from && from <= *would.range.end());
            // Only an entry up to the very end can need a slot that is not there.
            assert_eq!(*would.range.end(), u64::MAX, "a cut at {from} was refused");
            assert_eq!(contents::<K>(&map), bench.rows, "a refused cut changes nothing");
            return;
        }
    };
    let summary = map.validate().unwrap_or_else(|invalid| panic!("after a prune at {from}: {invalid}"));
    assert_eq!(summary.entries, want.len());
    assert_eq!(contents::<K>(&map), want, "after a prune at {from}");
    // In a loose tree, nodes without entries may fall where no entry does.
    assert_eq!(!tail.is_empty(), want.len() < bench.rows.len() || summary.nodes < nodes, "prune at {from}");
    bench.assert_alive::<K>(bench.rows.len());
    quiet(|| drop(tail));
    settle_if_retired();
    bench.assert_alive::<K>(want.len());
    quiet(|| map.clear());
    assert_eq!(map.validate().expect("valid").nodes, 0);
    quiet(|| drop(map));
}

/// One prune of a shared tree.
fn shared<K: Kind>(bench: &Fixture, tree: MapleTree<K::V>, from: u64, form: Form) -> PruneForm {
    let want = before(&bench.rows, from, form == Form::Cut);
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
                assert_eq!(shared_contents::<K>(&tree), bench.rows, "a refused cut changes nothing");
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
    let changed = want != bench.rows || summary.nodes < nodes;
    assert_eq!(pruned.form != PruneForm::Nothing, changed, "prune at {from}: {pruned:?}");
    assert!(summary.dead == 0 || pruned.form == PruneForm::InPlace, "dead words without need");
    assert_eq!(shared_contents::<K>(&tree), want, "after a prune at {from}");
    bench.assert_alive::<K>(bench.rows.len());
    pruned.form
}

/// All forms of prune at each of these places.
fn every_form<K: Kind>(bench: &Fixture, make: Make, places: &[u64]) {
    for &from in places {
        for cut in [false, true] {
            exclusive::<K>(bench, bench.map::<K>(make), from, cut);
        }
        for form in [Form::Prune, Form::InPlace, Form::Cut] {
            let tree = MapleTree::from(bench.map::<K>(make));
            shared::<K>(bench, tree, from, form);
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
        let bench = Fixture::new(rows(count, 2, width, gap));
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
    let whole = Fixture::new(vec![(0, u64::MAX, 0)]);
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
        let bench = Fixture::new(rows);
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
        let bench = Fixture::new(rows(count, 10, 4, gap));
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
}

/// Exactly every place that matters in a full tree of three levels: copies of it, so that one place costs little.
#[test]
fn every_place_of_three_levels() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    // Of the gapped tree, every fourth place.
    for gap in [0, 3] {
        let bench = Fixture::new(rows(700, 1, 5, u64::try_from(gap).expect("fits")));
        let base = build::<Ints>(&bench.ledger, &bench.rows);
        assert_eq!(base.validate().expect("valid").height, 3);
        for from in telling(&bench.rows).into_iter().step_by(gap + 1) {
            let copy = || base.dup().expect("memory for a copy");
            shared::<Ints>(&bench, MapleTree::from(copy()), from, Form::Prune);
            exclusive::<Ints>(&bench, copy(), from, from % 2 == 0);
            let form = if from % 2 == 0 { Form::InPlace } else { Form::Cut };
            shared::<Ints>(&bench, MapleTree::from(copy()), from, form);
        }
    }
}

/// Deeper trees, at sampled places.
#[test]
fn deep_trees() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for (count, gap, loose) in [(5_000, 0, false), (9_000, 2, true), (70_000, 1, false)] {
        let bench = Fixture::new(rows(count, 0, 4, gap));
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
                shared::<Ints>(&bench, MapleTree::from(copy()), from, form);
            }
            exclusive::<Ints>(&bench, copy(), from, rng.below(2) == 0);
        }
    }
}

/// With an earmark or a reserve a prune is atomic; with neither it is done in place; both are seen, and nothing is refused.
#[test]
fn which_form_is_taken() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    let bench = Fixture::new(rows(300, 0, 4, 1));
    let mut fell = 0;
    for from in telling(&bench.rows).into_iter().step_by(13) {
        let tree = MapleTree::from(bench.map::<Ints>(Make::Copy));
        assert_ne!(shared::<Ints>(&bench, tree, from, Form::Prune), PruneForm::InPlace, "a copy has the nodes for its prune");
        let tree = MapleTree::from(bench.map::<Ints>(Make::Tight));
        assert_ne!(shared::<Ints>(&bench, tree, from, Form::Prune), PruneForm::InPlace, "the reserve is full");
        settle();
        assert_eq!(Reserve::global().figures().lent, 0, "the loan was repaid");
        for loose in [false, true] {
            let tree = bench.poor_tree::<Ints>(loose);
            fell += usize::from(shared::<Ints>(&bench, tree, from, Form::Prune) == PruneForm::InPlace);
            let tree = bench.poor_tree::<Ints>(loose);
            shared::<Ints>(&bench, tree, from, Form::Cut);
        }
    }
    assert!(fell > 50, "only {fell} prunes without nodes at hand");
    assert_eq!(NOTHING.figures().free + NOTHING.figures().lent, 0);
    assert!(NOTHING.figures().in_place_falls >= fell);
}
