//! Values whose destructor has something to do, and never runs: sessions, reservations, cursors, tails, iterators. What is lost is what they held;
//! the map or the tree is whole, and goes on.

#![expect(clippy::forget_non_drop, reason = "whether a cursor has a destructor is not for its user to know")]

use maple_tests::counted::{Arcs, Boxes, Counted, Kind, Ledger, RcuBoxes, alone};
use maple_tests::shapes::{build, contents, rows, settle, shared_contents, with};
use maple_tree::{MapleTree, RcuBox};
use std::mem::forget;

/// A session that is forgotten keeps its lock. Who has the tree to himself gets at it nevertheless, and finds what the session did.
fn sessions<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let mut want = rows(200, 0, 4, 4);
    let mut tree = MapleTree::<K::V>::from(build::<K>(&ledger, &want));
    let mut writer = tree.lock();
    writer.store(2..=1_000, K::make(&ledger, 500)).expect("memory");
    drop(writer.erase(1_200));
    writer.prune(1_500);
    forget(writer);
    want = with(&want, 2, 1_000, 500);
    want.retain(|row| row.0 != 1_200 && row.0 < 1_500);
    assert!(tree.try_lock().is_none(), "its lock is not let go");
    assert_eq!(shared_contents::<K>(&tree), want, "readers need none");
    tree.get_mut().validate().expect("valid");
    tree.get_mut().store(0..=9, K::make(&ledger, 501)).expect("memory");
    want = with(&want, 0, 9, 501);
    let map = tree.into_inner();
    assert_eq!(contents::<K>(&map), want);
    let tree = MapleTree::<K::V>::from(map);
    tree.store(20..=29, K::make(&ledger, 502)).expect("another lock");
    tree.validate().expect("valid");
    tree.synchronize().expect("outside");
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

#[test]
fn sessions_of_boxes() {
    sessions::<Boxes>();
}

#[test]
fn sessions_of_arcs() {
    sessions::<Arcs>();
}

#[test]
fn sessions_of_rcu_boxes() {
    sessions::<RcuBoxes>();
}

/// A removed entry that is forgotten keeps whatever waits with it from being released, until somebody has the tree to himself.
#[test]
fn removed_entries() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let rows = rows(200, 0, 4, 4);
    let mut tree = MapleTree::<Box<Counted>>::from(build::<Boxes>(&ledger, &rows));
    let erase = |tree: &MapleTree<Box<Counted>>, row: usize, keep: bool| {
        let removed = tree.erase(rows[row].0).expect("it is there");
        if keep { forget(removed) } else { drop(removed) }
    };
    let alive = |row: usize| ledger.alive(rows[row].2);
    erase(&tree, 10, true);
    erase(&tree, 20, false);
    tree.synchronize().expect("outside");
    assert_eq!([10, 20].map(alive), [1; 2], "one of them is still in hand, for all that is known");
    tree.get_mut().validate().expect("valid");
    erase(&tree, 30, false);
    tree.synchronize().expect("outside");
    assert_eq!([10, 20, 30].map(alive), [0; 3]);
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

/// A reservation that is forgotten leaves its nodes with the map; a clone that it made is lost.
#[test]
fn reservations_and_cursors() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let want = rows(200, 0, 4, 0);
    let mut map = build::<Boxes>(&ledger, &want);
    let spare = map.figures().spare;
    let reservation = map.reserve_for(1..=2).expect("memory");
    let nodes = reservation.nodes();
    assert!(nodes > 0);
    forget(reservation);
    assert!(map.figures().spare >= spare.max(nodes));
    assert_eq!(ledger.alive(0), 2, "the clone for the part behind");
    let mut cursor = map.cursor_mut();
    cursor.seek(9);
    cursor.store(8..=9, Boxes::make(&ledger, 500)).expect("memory");
    forget(cursor);
    let mut entries = map.range_mut(100..);
    drop(entries.next().expect("an entry").1.replace(Boxes::make(&ledger, 501)));
    forget(entries);
    map.validate().expect("valid");
    let want = with(&with(&want, 8, 9, 500), 100, 103, 501);
    assert_eq!(contents::<Boxes>(&map), want);
    let tree = MapleTree::<Box<Counted>>::from(map);
    let mut writer = tree.lock();
    forget(writer.reserve_for(1..=2).expect("memory"));
    forget(writer.cursor_mut());
    drop(writer);
    tree.validate().expect("valid");
    tree.store(1..=2, Boxes::make(&ledger, 502)).expect("the lock is free");
    assert_eq!(shared_contents::<Boxes>(&tree), with(&want, 1, 2, 502));
    drop(tree);
    settle();
    assert_eq!((ledger.live(), ledger.alive(0)), (2, 2), "the two clones");
}

/// What was cut off, or taken apart, and is forgotten is lost, and nothing else.
#[test]
fn tails_and_iterators() {
    let _alone = alone();
    let ledger = Ledger::new(1_000);
    let want = rows(200, 0, 4, 0);
    let mut map = build::<Boxes>(&ledger, &want);
    forget(map.prune(400));
    assert_eq!(contents::<Boxes>(&map), want[..100]);
    map.validate().expect("valid");
    map.store(400..=403, Boxes::make(&ledger, 500)).expect("memory");
    drop(map);
    assert_eq!(ledger.live(), 100, "the tail");
    let mut entries = build::<Boxes>(&ledger, &want).into_iter();
    assert_eq!(entries.next().map(|found| found.1.id()), Some(0));
    forget(entries);
    assert_eq!(ledger.live(), 100 + 199);
    let tree = MapleTree::<RcuBox<Counted>>::from(build::<RcuBoxes>(&ledger, &want));
    forget(tree.erase(5));
    forget(tree.replace(9, RcuBoxes::make(&ledger, 501)).expect("an entry"));
    tree.clear();
    tree.synchronize().expect("outside");
    tree.validate().expect("valid");
    drop(tree);
    settle();
    assert_eq!(ledger.live(), 100 + 199 + 2, "what was taken out, and forgotten");
}
