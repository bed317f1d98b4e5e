//! Ranges that hold no index, and ranges that say something else each time they are asked, given to every call that takes a range: on maps,
//! trees and sessions. The range is named, the value comes back, no closure is called, nothing changes.

use maple_tests::counted::{Boxes, Counted, Kind, Ledger, alone};
use maple_tests::shapes::{build, contents, rows, shared_contents};
use maple_tree::{
    AllocRangeErrorKind, At, BadRange, CursorErrorKind, Cyclic, FindError, InsertErrorKind, MapleTree, RangeMap, RangeSet,
    RemoveError, Shortage, StoreErrorKind,
};
use std::cell::Cell;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const MAX: u64 = u64::MAX;

/// Every way in which bounds hold no index.
const BAD: [(Bound<u64>, Bound<u64>); 11] = [
    (Included(5), Included(4)),
    (Included(MAX), Included(0)),
    (Included(MAX), Included(MAX - 1)),
    (Included(12), Excluded(12)),
    (Excluded(12), Included(12)),
    (Excluded(12), Excluded(13)),
    (Excluded(12), Excluded(12)),
    (Included(0), Excluded(0)),
    (Unbounded, Excluded(0)),
    (Excluded(MAX), Included(MAX)),
    (Excluded(MAX), Unbounded),
];

/// What the refusals must say, and give back.
struct Want {
    ledger: Arc<Ledger>,
    bad: BadRange,
}

impl Want {
    fn new((start, end): (Bound<u64>, Bound<u64>)) -> Self {
        Self { ledger: Ledger::new(100), bad: BadRange { start, end } }
    }

    fn value(&self) -> Box<Counted> {
        Boxes::make(&self.ledger, 77)
    }

    fn refused<K: PartialEq + std::fmt::Debug>(&self, value: impl std::ops::Deref<Target = Counted>, kind: K, want: K) {
        assert_eq!(value.id(), 77, "the value comes back");
        assert_eq!(kind, want);
    }
}

fn never(_: &Counted, _: &Counted) -> bool {
    panic!("nothing is to be looked at")
}

/// The calls that a map, a tree and a session have in common.
macro_rules! common {
    ($on:expr, $range:expr, $want:expr) => {{
        let (on, range, want) = ($on, $range, $want);
        let store = StoreErrorKind::BadRange(want.bad);
        let find = AllocRangeErrorKind::Find(FindError::BadRange(want.bad));
        let error = on.store(range, want.value()).expect_err("store");
        want.refused(error.value, error.kind, store);
        let error = on.insert(range, want.value()).expect_err("insert");
        want.refused(error.value, error.kind, InsertErrorKind::BadRange(want.bad));
        let error = on.store_coalescing_by(range, want.value(), never).expect_err("store_coalescing_by");
        want.refused(error.value, error.kind, store);
        assert_eq!(on.remove(range), Err(RemoveError::BadRange(want.bad)));
        for shortage in [Shortage::Refuse, Shortage::Allocate, Shortage::Wait] {
            assert_eq!(on.remove_or(range, shortage), Err(RemoveError::BadRange(want.bad)));
        }
        on.remove_whole(range);
        assert_eq!(on.find_free(1, range, 1), Err(FindError::BadRange(want.bad)));
        assert_eq!(on.find_free_back(1, range, 1), Err(FindError::BadRange(want.bad)));
        assert_eq!(on.largest_gap(range), None);
        let error = on.alloc_range(1, range, 1, want.value()).expect_err("alloc_range");
        want.refused(error.value, error.kind, find.clone());
        let error = on.alloc_range_rev(1, range, 1, want.value()).expect_err("alloc_range_rev");
        want.refused(error.value, error.kind, find.clone());
        let mut cyclic = Cyclic::starting_at(3);
        let error = on.alloc_cyclic(range, &mut cyclic, want.value()).expect_err("alloc_cyclic");
        want.refused(error.value, error.kind, find);
        assert_eq!(cyclic, Cyclic::starting_at(3), "as it was");
    }};
}

/// The calls of a cursor for changes, and of a reservation.
macro_rules! in_place {
    ($on:expr, $range:expr, $want:expr) => {{
        let (on, range, want) = ($on, $range, $want);
        assert_eq!(on.reserve_for(range).map(drop), Err(StoreErrorKind::BadRange(want.bad)));
        let mut cursor = on.cursor_mut();
        cursor.seek(200);
        let error = cursor.store(range, want.value()).expect_err("store");
        want.refused(error.value, error.kind, StoreErrorKind::BadRange(want.bad));
        let error = cursor.insert_before(range, want.value()).expect_err("insert_before");
        want.refused(error.value, error.kind, CursorErrorKind::BadRange(want.bad));
        let error = cursor.insert_after(range, want.value()).expect_err("insert_after");
        want.refused(error.value, error.kind, CursorErrorKind::BadRange(want.bad));
        assert_eq!(cursor.next().map(|found| found.0), Some(210..=213), "where it was");
        cursor.set_limits(range);
        assert_eq!(cursor.limits(), None);
        assert!(cursor.next().is_none() && cursor.prev().is_none() && cursor.seek(5).is_none());
        assert!(cursor.next_slot().is_none() && cursor.prev_slot().is_none());
    }};
}

#[test]
fn a_map_refuses_them() {
    let _alone = alone();
    for range in BAD {
        let want = Want::new(range);
        let rows = rows(30, 0, 4, 6);
        let mut map = build::<Boxes>(&want.ledger, &rows);
        common!(&mut map, range, &want);
        in_place!(&mut map, range, &want);
        assert_eq!((map.range(range).count(), map.gaps(range).count(), map.covered(range).count()), (0, 0, 0));
        assert!(map.range_mut(range).next().is_none());
        assert!(map.drain(range).next().is_none());
        let error = map.store_with(range, want.value(), |_| panic!("nothing is displaced")).expect_err("store_with");
        want.refused(error.value, error.kind, StoreErrorKind::BadRange(want.bad));
        for shortage in [Shortage::Refuse, Shortage::Allocate, Shortage::Wait] {
            let removed = map.remove_with(range, shortage, |_| panic!("nothing is displaced"));
            assert_eq!(removed, Err(RemoveError::BadRange(want.bad)));
        }
        let At::Vacant(vacant) = map.at(6) else { panic!("a gap") };
        let error = vacant.insert(range, want.value()).map(drop).expect_err("insert");
        want.refused(error.value, error.kind, InsertErrorKind::BadRange(want.bad));
        let error = map.at(6).or_insert_with(range, || want.value()).map(drop).expect_err("or_insert_with");
        want.refused(error.value, error.kind, InsertErrorKind::BadRange(want.bad));
        let error = map.try_extend([(range, want.value())]).expect_err("try_extend");
        want.refused(error.value, error.kind, StoreErrorKind::BadRange(want.bad));
        assert!(catch_unwind(AssertUnwindSafe(|| map.extend([(range, want.value())]))).is_err(), "extend has no error");
        let mut empty = RangeMap::new();
        let error = empty.try_extend([(range, want.value())]).expect_err("try_extend");
        want.refused(error.value, error.kind, StoreErrorKind::BadRange(want.bad));
        map.validate().expect("valid");
        assert_eq!(contents::<Boxes>(&map), rows);
        drop(map);
        want.ledger.assert_all_dropped();
    }
}

#[test]
fn a_tree_and_a_session_refuse_them() {
    let _alone = alone();
    for range in BAD {
        let want = Want::new(range);
        let rows = rows(30, 0, 4, 6);
        let tree = MapleTree::<Box<Counted>>::from(build::<Boxes>(&want.ledger, &rows));
        common!(&tree, range, &want);
        let error = tree.store_with(range, want.value(), |_, _| panic!("nothing is displaced")).expect_err("store_with");
        want.refused(error.value, error.kind, StoreErrorKind::BadRange(want.bad));
        let guard = tree.pin();
        assert_eq!((tree.range(range, &guard).count(), tree.gaps(range, &guard).count()), (0, 0));
        assert_eq!(tree.covered(range, &guard).count(), 0);
        let mut cursor = tree.cursor(&guard);
        cursor.set_limits(range);
        assert_eq!(cursor.limits(), None);
        assert!(cursor.next().is_none() && cursor.prev().is_none() && cursor.seek(5).is_none());
        drop(guard);
        let mut writer = tree.lock();
        common!(&mut writer, range, &want);
        in_place!(&mut writer, range, &want);
        assert_eq!((writer.range(range).count(), writer.gaps(range).count()), (0, 0));
        drop(writer);
        tree.validate().expect("valid");
        assert_eq!(shared_contents::<Boxes>(&tree), rows);
        drop(tree);
        want.ledger.assert_all_dropped();
    }
}

#[test]
fn a_set_refuses_them() {
    for range in BAD {
        let (start, end) = range;
        let bad = BadRange { start, end };
        let mut set = RangeSet::from_iter([10..=19, 30..=39]);
        assert_eq!(set.insert(range).map_err(|error| error.kind), Err(StoreErrorKind::BadRange(bad)));
        assert_eq!(set.remove(range), Err(RemoveError::BadRange(bad)));
        assert_eq!(set.remove_or(range, Shortage::Refuse), Err(RemoveError::BadRange(bad)));
        assert!(!set.covers(range) && !set.overlaps(range));
        assert_eq!((set.range(range).count(), set.gaps(range).count()), (0, 0));
        assert_eq!(set.try_extend([range]).map_err(|error| error.kind), Err(StoreErrorKind::BadRange(bad)));
        assert_eq!(set.iter().collect::<Vec<_>>(), [10..=19, 30..=39]);
    }
}

/// A range that is one thing the first time it is asked, and another the second time, in turn.
struct Fickle([(u64, u64); 2], Cell<usize>);

impl Fickle {
    fn new(first: (u64, u64), second: (u64, u64)) -> Self {
        Self([first, second], Cell::new(0))
    }

    fn now(&self) -> &(u64, u64) {
        // A start and an end are asked for each time.
        &self.0[self.1.replace(self.1.get() + 1) / 2 % 2]
    }
}

impl RangeBounds<u64> for Fickle {
    fn start_bound(&self) -> Bound<&u64> {
        Included(&self.now().0)
    }

    fn end_bound(&self) -> Bound<&u64> {
        Included(&self.now().1)
    }
}

#[test]
fn a_range_is_asked_once() {
    let once = || Fickle::new((20, 29), (100, 109));
    // What was inserted was looked for where it had not been put.
    let mut map: RangeMap<u32> = [(0..10, 1), (50..60, 2)].into_iter().collect();
    let At::Vacant(vacant) = map.at(20) else { panic!("a gap") };
    assert_eq!(vacant.insert(once(), 3).expect("memory").range(), 20..=29);
    assert_eq!(map.at(30).or_insert_with(Fickle::new((30, 30), (5, 4)), || 4).expect("memory").range(), 30..=30);
    // What was covered was clipped to something else.
    let covered = Fickle::new((5, 25), (60, 70));
    assert_eq!(map.covered(covered).collect::<Vec<_>>(), [5..=9, 20..=25]);
    let reversed = Fickle::new((5, 4), (0, MAX));
    assert_eq!(map.covered(reversed).count(), 0);
    let tree = MapleTree::<u32>::from(map);
    let guard = tree.pin();
    assert_eq!(tree.covered(Fickle::new((5, 25), (60, 70)), &guard).collect::<Vec<_>>(), [5..=9, 20..=25]);
    assert_eq!(tree.covered(Fickle::new((5, 4), (0, MAX)), &guard).count(), 0);
    tree.validate().expect("valid");
}

/// A range that panics when it is asked: the value is dropped, and the lock is free.
struct Fatal;

impl RangeBounds<u64> for Fatal {
    fn start_bound(&self) -> Bound<&u64> {
        std::panic::resume_unwind(Box::new("a range that panics"))
    }

    fn end_bound(&self) -> Bound<&u64> {
        Unbounded
    }
}

#[test]
fn a_range_that_panics() {
    let _alone = alone();
    let want = Want::new((Unbounded, Unbounded));
    let rows = rows(30, 0, 4, 6);
    let panics = |call: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    let mut map = build::<Boxes>(&want.ledger, &rows);
    panics(&mut || drop(map.store(Fatal, want.value())));
    panics(&mut || drop(map.insert(Fatal, want.value())));
    panics(&mut || drop(map.store_with(Fatal, want.value(), |_| ())));
    panics(&mut || drop(map.alloc_range(1, Fatal, 1, want.value())));
    panics(&mut || drop(map.try_extend([(Fatal, want.value())])));
    panics(&mut || drop(RangeMap::new().try_extend([(Fatal, want.value())])));
    panics(&mut || drop(map.at(6).or_insert_with(Fatal, || want.value())));
    panics(&mut || drop(map.drain(Fatal)));
    map.validate().expect("valid");
    let tree = MapleTree::<Box<Counted>>::from(map);
    panics(&mut || drop(tree.store(Fatal, want.value())));
    panics(&mut || drop(tree.insert(Fatal, want.value())));
    panics(&mut || drop(tree.store_with(Fatal, want.value(), |_, _| ())));
    panics(&mut || drop(tree.store_coalescing_by(Fatal, want.value(), never)));
    panics(&mut || drop(tree.alloc_range(1, Fatal, 1, want.value())));
    panics(&mut || drop(tree.alloc_cyclic(Fatal, &mut Cyclic::new(), want.value())));
    panics(&mut || tree.remove_whole(Fatal));
    assert!(tree.try_lock().is_some());
    tree.validate().expect("valid");
    assert_eq!(shared_contents::<Boxes>(&tree), rows);
    drop(tree);
    want.ledger.assert_all_dropped();
}
