//! Cases of failing memory that need a stage of their own: constructors, clones, cuts, reserves, growth until the end.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use maple_tests::alloc::{Counting, Plan, counts, under};
use maple_tests::ballast::Ballast;
use maple_tests::counted::{Arcs, Boxes, Counted, Ints, Kind, Ledger, RcuArcs, alone};
use maple_tests::fixture::{Fixture, NOTHING};
use maple_tests::shapes::{Row, before, build, contents, rows, settle, shared_contents, telling, without};
use maple_tree::{
    AllocError, CursorErrorKind, InsertErrorKind, MapleTree, Place, Pool, PruneForm, RangeMap, RcuArc, RcuBox, RemoveError,
    ReplaceErrorKind, Reserve, Shortage, StoreErrorKind, WouldCut,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Values with a header come back when there is no memory for it.
#[test]
fn constructors_give_the_value_back() {
    let _alone = alone();
    let ledger = Ledger::new(1);
    let value = Counted::new(&ledger, 0);
    let (refused, requests, _) = under(Plan::From(1), || RcuBox::try_new(value));
    assert_eq!(requests, 1);
    let Err(AllocError(value)) = refused else { panic!("there was memory") };
    let (refused, requests, _) = under(Plan::From(1), || RcuArc::<Counted>::try_new(value));
    assert_eq!(requests, 1);
    let Err(AllocError(value)) = refused else { panic!("there was memory") };
    assert_eq!((value.id(), ledger.born(0), ledger.dropped(0)), (0, 1, 0));
    let boxed = RcuBox::try_new(value).expect("memory again");
    let arc = RcuArc::<Counted>::try_new(boxed.into_inner()).expect("memory again");
    drop(arc);
    settle();
    ledger.assert_all_dropped();
}

/// The clone that a three-way split needs may be what fails.
#[test]
fn a_split_that_cannot_clone_changes_nothing() {
    let _alone = alone();
    let ledger = Ledger::new(10);
    let shape = rows(3, 0, 10, 0);
    // A leaf with room on the exclusive face: the clone of the entry is all there is to ask for.
    let mut map = build::<Boxes>(&ledger, &shape);
    let value = Boxes::make(&ledger, 9);
    let address = Boxes::address(&value);
    let (result, requests, refused) = under(Plan::From(1), || map.store(12..=17, value));
    let error = result.expect_err("no memory for the clone");
    assert_eq!((error.kind, Boxes::address(&error.value)), (StoreErrorKind::OutOfMemory, address));
    assert!(requests == refused && requests > 0);
    let (result, requests, refused) = under(Plan::From(1), || map.remove(12..=17));
    assert_eq!(result, Err(RemoveError::OutOfMemory));
    assert!(requests == refused && requests > 0);
    assert_eq!((contents::<Boxes>(&map), ledger.live()), (shape, 4));
    drop((map, error));
    ledger.assert_all_dropped();
}

/// A cursor on a gap that it cannot store into for want of memory is where it was, with all of the gap.
#[test]
fn a_cursor_that_is_refused_stays() {
    macro_rules! refused {
        ($cursor:expr) => {
            let mut cursor = $cursor;
            assert_eq!(cursor.seek(15), None);
            for range in [0..=4, 10..=20, 0..=u64::MAX] {
                let (before, ..) = under(Plan::From(1), || cursor.insert_before(range.clone(), 1));
                let (after, ..) = under(Plan::From(1), || cursor.insert_after(range.clone(), 1));
                let refused = [before, after].map(|inserted| inserted.expect_err("no memory").kind);
                assert_eq!(refused, [CursorErrorKind::OutOfMemory, CursorErrorKind::OutOfMemory]);
                assert_eq!((cursor.place(), cursor.range(), cursor.value()), (Place::Gap, Some(0..=u64::MAX), None));
            }
        };
    }
    let _alone = alone();
    let mut map = RangeMap::<u32>::with_reserve(&NOTHING);
    let tree = MapleTree::<u32>::with_reserve(&NOTHING);
    let mut ballast = Ballast::new();
    ballast.leave(0);
    refused!(map.cursor_mut());
    let mut writer = tree.lock();
    refused!(writer.cursor_mut());
    drop(writer);
    assert!(map.is_empty() && tree.is_empty(&tree.pin()));
}

/// The memory that a clone was to be put into goes back when the clone panics.
#[test]
fn a_clone_that_panics_leaves_no_memory() {
    struct Uncloned([u64; 4]);
    impl Clone for Uncloned {
        fn clone(&self) -> Self {
            // Without a message, which would need memory.
            std::panic::resume_unwind(Box::new(()))
        }
    }
    let _alone = alone();
    let mut map = RangeMap::<Box<Uncloned>>::new();
    assert!(map.store(0..=9, Box::new(Uncloned([7; 4]))).is_ok());
    let mut blocks = || {
        let value = Box::new(Uncloned([8; 4]));
        let stored = catch_unwind(AssertUnwindSafe(|| map.store(3..=5, value).is_ok()));
        assert!(stored.is_err(), "the clone panicked");
        counts().small_blocks
    };
    // What the first panic of a thread needs stays.
    let before = blocks();
    assert_eq!((blocks(), blocks()), (before, before));
    assert_eq!(map.get(4).map(|value| value.0), Some([7; 4]));
    map.validate().expect("valid");
}

/// A removal of whole entries does not fail even where the tidy form of it needs a node: neither `remove` with borders between
/// entries, nor `remove_whole` with any.
#[test]
fn removing_whole_entries_never_fails() {
    fn check<K: Kind>(ledger: &Arc<Ledger>, shape: &[Row]) {
        for (from, to) in [(0, 0), (0, 15), (1, 1), (3, 50), (17, 34), (40, 200), (280, 289), (0, 289)] {
            let (lo, hi) = (shape[from].0, shape[to].1);
            let want = without(shape, lo, hi);
            let make = || build::<K>(ledger, shape);
            let mut maps = [make(), make()];
            let trees = [make(), make()].map(MapleTree::<K::V>::from);
            let mut ballast = Ballast::new();
            ballast.leave(0);
            let (removed, ..) = under(Plan::From(1), || maps[0].remove(lo..=hi));
            assert_eq!(removed, Ok(()), "removing entries {from} to {to}");
            // When much is retired, `remove` hands it over, where the epoch crate asks for memory of its own.
            settle();
            let small = if to - from < 20 { Plan::From(1) } else { Plan::Off };
            let (removed, ..) = under(small, || trees[0].remove(lo..=hi));
            assert_eq!(removed, Ok(()), "removing entries {from} to {to}");
            // Borders inside the neighbours, which stay whole.
            let around = lo.saturating_sub(3)..=hi + 3;
            let (.., requests, _) = under(Plan::From(1), || {
                maps[1].remove_whole(around.clone());
                trees[1].remove_whole(around.clone());
            });
            assert_eq!(requests, 0, "removing entries {from} to {to}");
            for map in &maps {
                assert_eq!(contents::<K>(map), want, "removing entries {from} to {to}");
                map.validate().expect("valid");
            }
            for tree in &trees {
                assert_eq!(shared_contents::<K>(tree), want, "removing entries {from} to {to}");
                tree.validate().expect("valid");
                tree.synchronize().expect("not inside a read section");
                assert_eq!(tree.validate().expect("valid").entries, want.len());
            }
        }
        settle();
        assert_eq!(ledger.live(), 0);
    }
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let shape = rows(290, 4, 6, 2);
    check::<Boxes>(&ledger, &shape);
    check::<Ints>(&ledger, &shape);
    check::<Arcs>(&ledger, &shape);
    check::<RcuArcs>(&ledger, &shape);
}

/// With exclusive access, too, when there is no node at all: then entry after entry goes, and none is left where it was.
#[test]
fn removing_whole_entries_without_a_node() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let shape = rows(290, 0, 10, 0);
    let mut in_place = 0;
    for (from, to) in [(8, 23), (8, 24), (100, 150), (15, 16), (3, 280)] {
        let (lo, hi) = (shape[from].0, shape[to].1);
        let mut map = RangeMap::with_reserve(&NOTHING);
        let entries = shape.iter().map(|&(first, last, id)| (first..=last, Boxes::make(&ledger, id)));
        assert!(map.try_extend(entries).is_ok());
        let mut ballast = Ballast::new();
        ballast.leave(0);
        let nodes = map.figures().nodes_taken;
        let (removed, ..) = under(Plan::From(1), || map.remove(lo..=hi));
        assert_eq!(removed, Ok(()), "removing entries {from} to {to}");
        in_place += usize::from(map.figures().nodes_taken == nodes);
        let want = without(&shape, lo, hi);
        assert_eq!(contents::<Boxes>(&map), want, "removing entries {from} to {to}");
        assert_eq!(ledger.live(), i64::try_from(want.len()).expect("small"), "entries {from} to {to} are dropped");
        assert_eq!(map.validate().expect("valid").dead, 0);
    }
    assert_eq!(in_place, 5);
    ledger.assert_all_dropped();
}

/// Cuts that find neither a node nor memory say which entry is in the way, whatever the caller chose, and change nothing.
#[test]
fn cuts_without_nodes() {
    let _alone = alone();
    let fixture = Fixture::new(rows(16, 0, 10, 0));
    let shape = fixture.rows.clone();
    let tree = fixture.poor_tree::<Ints>(false);
    let mut ballast = Ballast::new();
    ballast.leave(0);
    let at = |range: RangeInclusive<u64>, at: u64| Some(WouldCut { range, at });
    let (cut, ..) = under(Plan::From(1), || tree.prune_cut(55));
    assert_eq!(cut.err(), at(50..=59, 55));
    for shortage in [Shortage::Refuse, Shortage::Allocate] {
        let (cut, ..) = under(Plan::From(1), || tree.prune_cut_or(55, shortage));
        assert_eq!(cut.err(), at(50..=59, 55), "{shortage:?}");
        for (range, entry) in [(55..=79, 50..=59), (40..=44, 40..=49), (33..=36, 30..=39), (0..=158, 150..=159)] {
            let hole = *entry.start() < *range.start() && *range.end() < *entry.end();
            let (removed, requests, _) = under(Plan::From(1), || tree.remove_or(range.clone(), shortage));
            match removed.expect_err("a cut without a node") {
                RemoveError::OutOfMemory => assert!(hole, "{range:?}: a cut names its entry"),
                RemoveError::WouldCut(would) => {
                    assert!(!hole, "{range:?}: a hole grows the tree");
                    assert_eq!(would.range, entry, "{shortage:?} {range:?}");
                    assert_eq!(requests > 0, shortage == Shortage::Allocate, "{shortage:?} {range:?}");
                }
                other => panic!("{other}"),
            }
            assert_eq!(shared_contents::<Ints>(&tree), shape);
            tree.validate().expect("valid");
        }
    }
    // Waiting brings back what removals borrowed; nothing was.
    assert!(tree.remove_or(55..=79, Shortage::Wait).is_err());
    // With memory the same calls succeed.
    tree.remove_or(55..=79, Shortage::Allocate).expect("memory again");
    tree.remove_or(93..=96, Shortage::Allocate).expect("memory again");
    let want = without(&without(&shape, 55, 79), 93, 96);
    assert_eq!(shared_contents::<Ints>(&tree), want);
    tree.validate().expect("valid");

    // Two nodes to borrow: they are used up, and one grace period later they are back.
    NOTHING.set_capacity(2);
    NOTHING.fill().expect("memory");
    let mut borrowed = None;
    for from in (0..15).rev().map(|id| 10 * id + 5) {
        let rows = shared_contents::<Ints>(&tree);
        let (cut, requests, _) = under(Plan::From(1), || tree.prune_cut(from));
        assert_eq!(requests, 0);
        let refused = cut.is_err();
        if refused {
            assert_eq!(shared_contents::<Ints>(&tree), rows);
            tree.prune_cut_or(from, Shortage::Wait).expect("what was borrowed came back");
            borrowed = Some(from);
        }
        assert_eq!(shared_contents::<Ints>(&tree), before(&want, from, true));
        tree.validate().expect("valid");
        if refused {
            break;
        }
    }
    assert!(borrowed.is_some(), "two nodes served fifteen cuts");
    NOTHING.set_capacity(0);
}

/// Filling a reserve is all or nothing; without it, removals still work.
#[test]
fn a_reserve_that_cannot_be_filled() {
    let _alone = alone();
    static RESERVE: Reserve = Reserve::new(10);
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let shape = rows(120, 0, 10, 0);
    let tree = MapleTree::<u32>::with_reserve(&RESERVE);
    let mut ballast = Ballast::new();
    ballast.leave(7);
    let books = Pool::global().figures();
    let (filled, requests, _) = under(Plan::From(1), || RESERVE.fill());
    assert_eq!((filled, requests), (Err(AllocError(())), 1));
    assert_eq!((RESERVE.figures().free, Pool::global().figures()), (0, books), "seven nodes of ten were put back");
    drop(ballast);
    RESERVE.fill().expect("memory again");
    assert_eq!(RESERVE.figures().free, 10);
    // A tree whose spare nodes are all in use, and whose reserve is lent to another: the prune is done in place.
    for &(lo, hi, id) in &shape {
        tree.store(lo..=hi, Ints::make(&ledger, id)).expect("memory");
    }
    tree.synchronize().expect("not inside a read section");
    let mut seen = Vec::new();
    for from in telling(&shape).into_iter().rev() {
        let want = before(&shared_contents::<Ints>(&tree), from, false);
        let (pruned, requests, _) = under(Plan::From(1), || tree.prune(from));
        assert_eq!(requests, 0);
        assert_eq!(shared_contents::<Ints>(&tree), want, "prune at {from}");
        seen.push(pruned.form);
    }
    assert!(seen.contains(&PruneForm::PathCopy) && seen.contains(&PruneForm::InPlace), "both forms were seen");
    assert!(RESERVE.figures().in_place_falls > 0 && RESERVE.figures().low_water < 10);
    drop(tree);
    settle();
    assert_eq!((RESERVE.figures().free, RESERVE.figures().lent), (10, 0), "every loan was repaid");
}

/// A tree that keeps growing until the allocator gives no more, with a reader inside so that nothing is released: everything
/// stored so far is there, and the next store succeeds once there is memory.
#[test]
fn growing_until_memory_ends() {
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    let tree = MapleTree::new();
    settle();
    let mut values: Vec<_> = (0..4_000).map(|id| Arcs::make(&ledger, id)).collect();
    values.reverse();
    let mut ballast = Ballast::new();
    let range = |id: u64| -> RangeInclusive<u64> { id * 10..=id * 10 + 9 };
    let mut stored = 0;
    ballast.leave(40);
    while let Some(value) = values.pop() {
        if tree.figures().retired >= 14 {
            // Near the threshold of a batch, so the epoch crate's own allocations would come under the plan.
            tree.synchronize().expect("not inside a read section");
        }
        let (result, ..) = under(Plan::From(1), || tree.store(range(stored), value));
        let Err(error) = result else {
            stored += 1;
            continue;
        };
        assert_eq!(error.kind, StoreErrorKind::OutOfMemory);
        assert_eq!(error.value.id(), stored, "the value that did not fit");
        assert!(stored > 200, "40 nodes hold more than {stored} entries");
        tree.validate().expect("a valid tree");
        assert_eq!(shared_contents::<Arcs>(&tree), rows(stored, 0, 10, 0));
        tree.store(range(stored), error.value).expect("memory again");
        tree.validate().expect("a valid tree");
        assert_eq!(shared_contents::<Arcs>(&tree), rows(stored + 1, 0, 10, 0));
        values.clear();
        drop((tree, ballast));
        settle();
        ledger.assert_all_dropped();
        return;
    }
    panic!("memory never ended: {stored} entries stored");
}

/// Errors are usable as errors, whatever the entry is.
#[test]
fn errors_say_what_happened() {
    let _alone = alone();
    fn said<E: std::error::Error + Debug>(error: &E) -> bool {
        !error.to_string().is_empty() && !format!("{error:?}").is_empty()
    }
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    let mut map = RangeMap::new();
    let mut ballast = Ballast::new();
    ballast.leave(0);
    let value = Boxes::make(&ledger, 1);
    let (result, ..) = under(Plan::From(1), || map.store(1..=1, value));
    let error = result.expect_err("no memory");
    assert_eq!(error.kind, StoreErrorKind::OutOfMemory);
    assert!(said(&error));
    let (result, ..) = under(Plan::From(1), || map.insert(1..=1, error.value));
    let error = result.expect_err("no memory");
    assert_eq!(error.kind, InsertErrorKind::OutOfMemory);
    assert!(said(&error));
    let error = map.replace(1, error.value).expect_err("nothing there");
    assert_eq!(error.kind, ReplaceErrorKind::Vacant(0..=u64::MAX));
    assert!(said(&error));
    let error = map.store(3..3, error.value).expect_err("an empty range");
    assert!(matches!(error.kind, StoreErrorKind::BadRange(_)) && said(&error));
    drop(error);
    assert_eq!(ledger.dropped(1), 1);
    ledger.assert_all_dropped();
}
