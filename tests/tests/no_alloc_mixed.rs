//! Removals of all kinds, one after another and beside readers, ask the allocator for nothing: erase, `remove_whole`, prune, clear,
//! and dropping what they return. Each runs while every request of the thread is refused and is then found to have made none.

use std::sync::atomic::{AtomicBool, Ordering};

use maple_tests::alloc::{Counting, quiet};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, Form, Make, bounds, settle_if_retired};
use maple_tests::shapes::{Rng, before, covers, rows, settle, shared_contents};
use maple_tree::{MapleTree, PruneForm, Reserve};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

macro_rules! for_kinds {
    ($($name:ident: $run:ident::<$kind:ty>($($argument:expr)?);)*) => {$(
        #[test]
        fn $name() {
            $run::<$kind>($($argument)?);
        }
    )*};
}

for_kinds! {
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

/// Erases every entry of several trees in random order, and looks at what comes back.
fn erase_everything<K: Kind>() {
    let _alone = alone();
    for (count, gap, make) in [(1, 0, Make::Tight), (17, 0, Make::Tight), (60, 3, Make::Loose(4)), (500, 0, Make::Copy)] {
        let bench = Fixture::new(rows(count, 7, 6, gap));
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
    for seed in 0..160 {
        let mut rng = Rng(seed);
        let count = 30 + rng.below(500);
        let bench = Fixture::new(rows(count, 3, 5, seed % 3));
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
            match rng.below(6) {
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
                3 => {
                    let (lo, hi) = (rng.below(end), rng.below(end / 6 + 4));
                    quiet(|| tree.remove_whole(lo..=lo + hi));
                    want.retain(|row| row.0 < lo || row.1 > lo + hi);
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
    let bench = Fixture::new(rows(300, 0, 4, 1));
    for round in 0..24 {
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
                while want.len() > 12 {
                    let index = rng.below(1_500);
                    let at = want.iter().position(|row| covers(row, index));
                    let gone = quiet(|| tree.erase(index).map(|removed| removed.range()));
                    assert_eq!(gone, at.map(|at| want[at].0..=want[at].1));
                    at.map(|at| want.remove(at));
                    if rng.below(7) == 0 {
                        let lo = rng.below(1_500);
                        quiet(|| tree.remove_whole(lo..=lo + 23));
                        want.retain(|row| row.0 < lo || row.1 > lo + 23);
                    }
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
    let bench = Fixture::new(rows(700, 0, 4, 0));
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
