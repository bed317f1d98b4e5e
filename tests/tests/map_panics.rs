//! Panics in closures, in `Clone` and in `Drop`, at each place in turn, in the calls of maps and trees that run foreign code; and guards and
//! iterators that are forgotten. What is left is valid, holds what it should, and no value or node leaks or is dropped twice.

use maple_tests::counted::{Counted, Ledger, alone};
use maple_tests::fixture::settle_if_retired;
use maple_tests::shapes::{Row, rows, settle, with, without};
use maple_tree::{At, Entry, Epoch, MapleTree, Place, Pool, RangeMap, RcuBox, Reserve, Shared, Shortage, TryClone, ValueMut};
use std::cell::Cell;
use std::mem::needs_drop;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

thread_local! {
    /// The id whose clone panics, and the one whose drop does, once.
    static CLONE: Cell<Option<u64>> = const { Cell::new(None) };
    static DROP: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A value that may panic.
#[derive(Debug)]
struct Bomb(Counted);

fn goes_off(fuse: &Cell<Option<u64>>, id: u64) -> bool {
    let now = fuse.get() == Some(id) && !std::thread::panicking();
    if now {
        fuse.set(None);
    }
    now
}

impl Clone for Bomb {
    fn clone(&self) -> Self {
        assert!(!CLONE.with(|fuse| goes_off(fuse, self.0.id())), "a clone that panics");
        Self(self.0.clone())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!DROP.with(|fuse| goes_off(fuse, self.0.id())), "a drop that panics");
    }
}

/// The kinds of entries that hold one.
trait Holder: Entry + TryClone + Shared<Epoch> {
    /// Whether a clone is another value.
    const CLONES: bool = true;
    fn hold(bomb: Bomb) -> Self;
    fn id(entry: Self::Ref<'_>) -> u64;
}

impl Holder for Box<Bomb> {
    fn hold(bomb: Bomb) -> Self {
        Box::new(bomb)
    }

    fn id(entry: &Bomb) -> u64 {
        entry.0.id()
    }
}

impl Holder for RcuBox<Bomb> {
    fn hold(bomb: Bomb) -> Self {
        RcuBox::try_new(bomb).expect("memory for a test value")
    }

    fn id(entry: &Bomb) -> u64 {
        entry.0.id()
    }
}

impl Holder for Arc<Bomb> {
    const CLONES: bool = false;

    fn hold(bomb: Bomb) -> Self {
        Arc::new(bomb)
    }

    fn id(entry: Self::Ref<'_>) -> u64 {
        entry.get().0.id()
    }
}

/// Rows, the books over their values, and how many nodes there were before.
struct Bench {
    ledger: Arc<Ledger>,
    rows: Vec<Row>,
    nodes: usize,
}

impl Bench {
    fn new(rows: Vec<Row>) -> Self {
        settle();
        Reserve::global().fill().expect("memory for the reserve");
        Self { ledger: Ledger::new(2_000), rows, nodes: Pool::global().figures().nodes_in_use }
    }

    fn value<V: Holder>(&self, id: u64) -> V {
        V::hold(Bomb(Counted::new(&self.ledger, id)))
    }

    fn map<V: Holder>(&self) -> RangeMap<V> {
        let mut map = RangeMap::new();
        for &(first, last, id) in &self.rows {
            assert!(map.insert(first..=last, self.value(id)).is_ok(), "memory for a test map");
        }
        map
    }

    /// Checks what a map holds, that nothing else lives, and that all dies with it.
    fn end<V: Holder>(&self, map: RangeMap<V>, want: &[Row], what: &str) {
        let summary = map.validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}\n{}", map.dump()));
        assert_eq!((summary.entries, summary.dead), (want.len(), 0), "{what}");
        assert_eq!(contents(&map), want, "{what}");
        settle_if_retired();
        assert_eq!(self.ledger.live(), i64::try_from(want.len()).expect("fits"), "{what}: values alive");
        drop(map);
        settle_if_retired();
        self.ledger.assert_all_dropped();
    }

    /// The same of a tree that was left by a panic, beside which nobody reads; and that all nodes came back.
    fn end_tree<V: Holder>(&self, tree: MapleTree<V>, want: &[Row], what: &str) {
        tree.synchronize().expect("the lock is free, and nobody reads");
        tree.validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}\n{}", tree.dump()));
        settle();
        assert_eq!(self.ledger.live(), i64::try_from(want.len()).expect("fits"), "{what}: values alive");
        self.end(tree.into_inner(), want, what);
        self.end_nodes(what);
    }

    /// Checks that no node is missing.
    fn end_nodes(&self, what: &str) {
        settle();
        Reserve::global().fill().expect("memory for the reserve");
        assert_eq!(Pool::global().figures().nodes_in_use, self.nodes, "{what}: nodes in use");
    }
}

fn row<V: Holder>((range, entry): (RangeInclusive<u64>, V::Ref<'_>)) -> Row {
    (*range.start(), *range.end(), V::id(entry))
}

fn contents<V: Holder>(map: &RangeMap<V>) -> Vec<Row> {
    map.iter().map(row::<V>).collect()
}

fn kept(rows: &[Row], keep: impl Fn(&Row) -> bool) -> Vec<Row> {
    rows.iter().copied().filter(keep).collect()
}

/// Whether `call` panics, without a word on the terminal.
fn panics(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

/// Panics when it was called often enough.
fn bomb(calls: &mut u64, at: u64) {
    *calls += 1;
    assert!(*calls <= at, "a closure that panics");
}

/// One leaf, and three levels.
fn sizes() -> [Vec<Row>; 2] {
    [rows(9, 3, 4, 2), rows(300, 3, 4, 0)]
}

/// Some ids of these rows.
fn some(rows: &[Row]) -> impl Iterator<Item = u64> {
    let count = rows.len() as u64;
    (0..count).filter(move |id| *id < 4 || id % 41 == 0 || *id + 3 > count)
}

fn closures<V: Holder>() {
    for rows in sizes() {
        let (end, count) = (rows.last().expect("some").1, rows.len() as u64);
        for at in some(&rows) {
            let bench = Bench::new(rows.clone());
            let mut map = bench.map::<V>();
            let mut calls = 0;
            assert!(panics(|| map.retain(|_, entry| {
                bomb(&mut calls, at);
                V::id(entry) % 2 == 0
            })));
            bench.end(map, &kept(&rows, |row| row.2 % 2 == 0 || row.2 >= at), "retain");

            // The removal and the store are carried through.
            let (first, last) = (rows[0].0 + 1, end - 1);
            let (mut map, mut calls) = (bench.map::<V>(), 0);
            assert!(panics(|| drop(map.remove_with(first..=last, Shortage::Allocate, |_| bomb(&mut calls, at)))));
            bench.end(map, &without(&rows, first, last), "remove_with");
            let (mut map, mut calls) = (bench.map::<V>(), 0);
            assert!(panics(|| drop(map.remove_with(.., Shortage::Refuse, |_| bomb(&mut calls, at)))));
            bench.end(map, &[], "remove_with");
            let (mut map, mut calls) = (bench.map::<V>(), 0);
            assert!(panics(|| drop(map.store_with(first..=last, bench.value::<V>(count), |_| bomb(&mut calls, at)))));
            bench.end(map, &with(&rows, first, last, count), "store_with");

            // Nothing is changed.
            let mut map = bench.map::<V>();
            let (start, ..) = rows[usize::try_from(at).expect("fits")];
            assert!(panics(|| drop(map.get_mut(start).expect("there").update(|_| panic!("a closure that panics")))));
            bench.end(map, &rows, "update");
            let mut map = bench.map::<V>();
            assert!(panics(|| drop(
                map.store_coalescing_by(start + 1..=start + 5, bench.value::<V>(count), |_, _| panic!("no"))
            )));
            bench.end(map, &rows, "store_coalescing_by");
            let mut map = bench.map::<V>();
            assert!(panics(|| drop(map.at(end + 1).or_insert_with(end + 1.., || panic!("no")))));
            bench.end(map, &rows, "or_insert_with");
        }
    }
}

fn closures_beside<V: Holder>() {
    for rows in sizes() {
        let (end, count) = (rows.last().expect("some").1, rows.len() as u64);
        for at in some(&rows) {
            let bench = Bench::new(rows.clone());
            let (tree, mut calls) = (MapleTree::from(bench.map::<V>()), 0);
            assert!(panics(|| tree.retain(|_, entry| {
                bomb(&mut calls, at);
                V::id(entry) % 2 == 0
            })));
            // The lock is free, and the tree can be changed.
            tree.store(end + 10.., bench.value(count)).map_err(|error| error.kind).expect("memory");
            let mut want = kept(&rows, |row| row.2 % 2 == 0 || row.2 >= at);
            want.push((end + 10, u64::MAX, count));
            bench.end(tree.into_inner(), &want, "retain");

            let (tree, mut calls) = (MapleTree::from(bench.map::<V>()), 0);
            let (first, last) = (rows[0].0 + 1, end - 1);
            assert!(panics(|| drop(tree.store_with(first..=last, bench.value::<V>(count), |_, _| bomb(&mut calls, at)))));
            bench.end(tree.into_inner(), &with(&rows, first, last, count), "store_with");
            let tree = MapleTree::from(bench.map::<V>());
            let start = rows[usize::try_from(at).expect("fits")].0;
            // An entry that is replaced exactly.
            assert!(panics(|| drop(tree.store_with(start..=start + 3, bench.value::<V>(count), |_, _| panic!("no")))));
            bench.end(tree.into_inner(), &with(&rows, start, start + 3, count), "store_with");

            let tree = MapleTree::from(bench.map::<V>());
            assert!(panics(|| drop(tree.store_coalescing_by(start + 1.., bench.value::<V>(count), |_, _| panic!("no")))));
            drop(tree.erase(start).expect("the lock is free"));
            bench.end(tree.into_inner(), &kept(&rows, |row| row.0 != start), "store_coalescing_by");
        }
    }
}

fn drops<V: Holder>() {
    for rows in sizes() {
        let (end, count) = (rows.last().expect("some").1, rows.len() as u64);
        for id in some(&rows) {
            let bench = Bench::new(rows.clone());
            let check = |what: &str, want: &[Row], call: &mut dyn FnMut(&mut RangeMap<V>)| {
                let mut map = bench.map::<V>();
                DROP.set(Some(id));
                let panicked = panics(|| call(&mut map));
                assert!(panicked && DROP.get().is_none(), "{what}: the drop of {id} panicked");
                bench.end(map, want, what);
                bench.end_nodes(what);
            };
            check("retain", &kept(&rows, |row| row.2 > id), &mut |map| map.retain(|_, _| false));
            check("remove_whole", &[], &mut |map| map.remove_whole(..));
            check("drain", &[], &mut |map| drop(map.drain(..)));
            if (1..count - 1).contains(&id) {
                // The entries at the ends stick out, and more than sixteen die in their leaves.
                let (first, last) = (rows[0].0 + 1, end - 1);
                let ends = kept(&rows, |row| row.2 == 0 || row.2 == count - 1);
                check("remove_whole between", &ends, &mut |map| map.remove_whole(first..=last));
                check("drain between", &ends, &mut |map| drop(map.drain(first..=last)));
                check("remove between", &without(&rows, first, last), &mut |map| drop(map.remove(first..=last)));
            }
            check("drain, half of it by hand", &[], &mut |map| {
                let mut drain = map.drain(..);
                for _ in 0..count / 2 {
                    drop(drain.next_back());
                }
            });
            check("remove_with", &[], &mut |map| drop(map.remove_with(.., Shortage::Allocate, |piece| drop(piece))));
            if (1..count - 1).contains(&id) {
                let (first, last) = (rows[0].0 + 1, end - 1);
                let want = without(&rows, first, last);
                check("remove_with", &want, &mut |map| {
                    drop(map.remove_with(first..=last, Shortage::Allocate, |piece| drop(piece)))
                });
            }
            check("store_with", &[(0, end, count)], &mut |map| {
                drop(map.store_with(0..=end, bench.value(count), |piece| drop(piece)))
            });
            check("store", &[(0, end, count)], &mut |map| drop(map.store(0..=end, bench.value(count))));
            check("try_extend", &[(0, end, count)], &mut |map| drop(map.try_extend([(0..=end, bench.value(count))])));
            check("clear", &[], &mut |map| map.clear());
            check("prune", &[], &mut |map| drop(map.prune(0)));
            check("prune_cut", &[], &mut |map| drop(map.prune_cut(0)));
            check("split_off", &[], &mut |map| drop(map.split_off(0)));
            check("the end of the map", &[], &mut |map| drop(std::mem::take(map)));
            check("into_iter", &[], &mut |map| drop(std::mem::take(map).into_iter()));
            check("into_iter, some by hand", &[], &mut |map| {
                let mut entries = std::mem::take(map).into_iter();
                drop((entries.next(), entries.next_back()));
            });
            check("replace", &with(&rows, rows[0].0, rows[0].1, count), &mut |map| {
                // The old one is dropped by the caller.
                drop(map.get_mut(rows[0].0).expect("there").replace(bench.value(count)));
                DROP.set(None);
                panic!("for the same check");
            });
        }
    }
}

/// Drops that panic beside readers. What has a link of its own, or went in a batch, panics inside the flavour, which reports it; the rest where
/// `synchronize` or the end of the tree comes to it.
fn drops_beside<V: Holder>() {
    for rows in sizes() {
        let (end, count) = (rows.last().expect("some").1, rows.len() as u64);
        for id in some(&rows) {
            let bench = Bench::new(rows.clone());
            let check = |what: &str, want: &[Row], call: &mut dyn FnMut(&mut MapleTree<V>)| {
                let mut tree = MapleTree::<V>::from(bench.map::<V>());
                DROP.set(Some(id));
                let _ = panics(|| {
                    call(&mut tree);
                    tree.synchronize().expect("nobody reads");
                    settle();
                });
                assert_eq!(DROP.get(), None, "{what}: the drop of {id} panicked");
                bench.end_tree(tree, want, what);
            };
            let (start, mid, last, _) = {
                let row = rows[usize::try_from(id).expect("fits")];
                (row.0, row.0 + 1, row.1, row.2)
            };
            check("erase", &[], &mut |tree| rows.iter().for_each(|row| drop(tree.erase(row.0))));
            check("wait", &kept(&rows, |row| row.2 != id), &mut |tree| {
                drop(tree.erase(mid).expect("there").wait());
            });
            check("replace", &with(&rows, start, last, count), &mut |tree| {
                drop(tree.replace(mid, bench.value(count)));
            });
            check("remove", &[], &mut |tree| drop(tree.remove(..)));
            check("remove_whole", &[], &mut |tree| tree.remove_whole(..));
            check("retain", &kept(&rows, |row| row.2 != id), &mut |tree| tree.retain(|_, entry| V::id(entry) != id));
            check("prune", &kept(&rows, |row| row.0 < start), &mut |tree| _ = tree.prune(start));
            check("prune_in_place", &kept(&rows, |row| row.0 < start), &mut |tree| _ = tree.prune_in_place(start));
            check("clear", &[], &mut |tree| tree.clear());
            check("store", &[(0, end, count)], &mut |tree| drop(tree.store(0..=end, bench.value(count))));
            check("store_with", &[(0, end, count)], &mut |tree| drop(tree.store_with(0..=end, bench.value(count), |_, _| ())));
            let mut renewed = rows.clone();
            renewed.iter_mut().for_each(|row| row.2 += 1_000);
            check("store each", &renewed, &mut |tree| {
                renewed.iter().for_each(|row| assert!(tree.store(row.0..=row.1, bench.value(row.2)).is_ok()));
            });
            check("get_mut", &[], &mut |tree| {
                rows.iter().for_each(|row| drop(tree.erase(row.0)));
                tree.get_mut().validate().expect("valid");
            });
            check("a session", &kept(&rows, |row| row.0 < start), &mut |tree| {
                let mut writer = tree.lock();
                drop(writer.erase(mid));
                writer.bump();
                writer.prune(start);
                assert!(writer.remove(mid..).is_ok());
            });
            if V::CLONES {
                check("the end of a copy", &rows, &mut |tree| drop(tree.dup()));
            }
            check("the end of the tree", &[], &mut |tree| drop(std::mem::take(tree)));
            check("the map inside", &[], &mut |tree| drop(std::mem::take(tree).into_inner()));
        }
    }
}

/// Clones that panic beside readers: nothing is changed, and the lock is free.
fn clones_beside<V: Holder>() {
    for rows in sizes() {
        let count = rows.len() as u64;
        for id in some(&rows) {
            let bench = Bench::new(rows.clone());
            let first = rows[usize::try_from(id).expect("fits")].0;
            let hole = || first + 1..=first + 2;
            let check = |what: &str, call: &mut dyn FnMut(&MapleTree<V>)| {
                let tree = MapleTree::<V>::from(bench.map::<V>());
                CLONE.set(Some(id));
                let panicked = panics(|| call(&tree));
                assert!(panicked && CLONE.get().is_none(), "{what}: the clone of {id} panicked");
                bench.end_tree(tree, &rows, what);
            };
            check("dup", &mut |tree| drop(tree.dup()));
            check("store", &mut |tree| drop(tree.store(hole(), bench.value(count))));
            check("store_with", &mut |tree| drop(tree.store_with(hole(), bench.value(count), |_, _| panic!("not stored"))));
            check("store_coalescing_by", &mut |tree| drop(tree.store_coalescing_by(hole(), bench.value(count), |_, _| false)));
            check("remove", &mut |tree| drop(tree.remove(hole())));
            check("remove_or", &mut |tree| drop(tree.remove_or(hole(), Shortage::Refuse)));
            check("reserve_for", &mut |tree| _ = tree.lock().reserve_for(hole()).map(drop));
            check("a session", &mut |tree| {
                let mut writer = tree.lock();
                // In what is left of the session everything goes on.
                assert!(panics(|| drop(writer.store(hole(), bench.value(count)))));
                assert!(writer.store(hole(), bench.value(count)).is_ok());
                drop(writer.replace(first, bench.value(id)));
                drop(writer.erase(first + 1));
                drop(writer.erase(first + 3));
                drop(writer.erase(first));
                assert!(writer.insert(first..=first + 3, bench.value(id)).is_ok());
                CLONE.set(Some(id));
                drop(writer.cursor_mut().store(hole(), bench.value(count)));
            });
        }
    }
}

fn clones<V: Holder>() {
    for rows in sizes() {
        let count = rows.len() as u64;
        for id in some(&rows) {
            let bench = Bench::new(rows.clone());
            let (first, ..) = rows[usize::try_from(id).expect("fits")];
            let check = |what: &str, call: &mut dyn FnMut(&mut RangeMap<V>)| {
                let mut map = bench.map::<V>();
                CLONE.set(Some(id));
                let panicked = panics(|| call(&mut map));
                assert!(panicked && CLONE.get().is_none(), "{what}: the clone of {id} panicked");
                bench.end(map, &rows, what);
                bench.end_nodes(what);
            };
            check("clone", &mut |map| drop(map.clone()));
            check("dup", &mut |map| drop(map.dup()));
            check("store", &mut |map| drop(map.store(first + 1..=first + 2, bench.value(count))));
            check("try_extend", &mut |map| drop(map.try_extend([(first + 1..=first + 2, bench.value(count))])));
            check("remove", &mut |map| drop(map.remove(first + 1..=first + 2)));
            check("reserve_for", &mut |map| drop(map.reserve_for(first + 1..=first + 2)));
            check("a cursor", &mut |map| {
                let mut cursor = map.cursor_mut();
                cursor.seek(first + 3);
                let stored = panics(|| drop(cursor.store(first + 1..=first + 2, bench.value(count))));
                assert!(stored && cursor.range() == Some(first..=first + 3), "it is where it was");
                assert_eq!(cursor.prev().map(|found| V::id(found.1)), id.checked_sub(1));
                panic!("for the same check");
            });
            check("split", &mut |map| assert!(map.split(first + 1).is_err()));
            check("split_off", &mut |map| drop(map.split_off(first + 1)));
            check("store_with", &mut |map| drop(map.store_with(first + 1..=first + 2, bench.value(count), |piece| drop(piece))));
            check("remove_with", &mut |map| {
                drop(map.remove_with(first + 1..=first + 2, Shortage::Allocate, |piece| drop(piece)))
            });
            check("into_entry_or_clone", &mut |map| {
                // Outside of the map: the removal is carried through, so it is put back.
                let removed = panics(|| {
                    drop(map.remove_with(first + 2..=first + 3, Shortage::Allocate, |piece| drop(piece.into_entry_or_clone())))
                });
                assert!(removed);
                drop(map.erase(first));
                assert!(map.insert(first..=first + 3, bench.value(id)).is_ok());
                panic!("for the same check");
            });
        }
    }
}

fn forgotten<V: Holder>() {
    for rows in sizes() {
        for taken in some(&rows) {
            let bench = Bench::new(rows.clone());
            let mut map = bench.map::<V>();
            let mut drain = map.drain(..);
            for _ in 0..taken {
                drop(drain.next());
            }
            std::mem::forget(drain);
            bench.end(map, &kept(&rows, |row| row.2 >= taken), "forgotten");
        }
    }
}

/// What has no destructor can be forgotten.
#[test]
fn guards_have_nothing_left_to_do() {
    assert!(!needs_drop::<ValueMut<'_, Box<Bomb>>>());
    assert!(!needs_drop::<At<'_, Box<Bomb>>>());
}

macro_rules! for_holders {
    ($($name:ident),*) => {$(
        mod $name {
            use super::{Bomb, alone};

            #[test]
            fn boxes() {
                let _alone = alone();
                super::$name::<Box<Bomb>>();
            }

            #[test]
            fn arcs() {
                let _alone = alone();
                super::$name::<std::sync::Arc<Bomb>>();
            }

            #[test]
            fn rcu_boxes() {
                let _alone = alone();
                super::$name::<maple_tree::RcuBox<Bomb>>();
            }
        }
    )*};
}

/// A drop that panics in a store over many leaves, made from inside of one that went: the store is done, and the cursor, which is as after a
/// pause, goes on in the tree as it is.
fn cursors<V: Holder>() {
    let rows = rows(300, 3, 4, 0);
    let count = rows.len() as u64;
    for (from, to) in [(20, 280), (100, 299), (0, 200)] {
        for forward in [true, false] {
            let bench = Bench::new(rows.clone());
            let mut map = bench.map::<V>();
            let (first, last, middle) = (rows[from].0, rows[to].1, rows[150]);
            let mut cursor = map.cursor_mut();
            cursor.seek(middle.0);
            DROP.set(Some(140));
            assert!(panics(|| drop(cursor.store(first..=last, bench.value(count)))) && DROP.get().is_none());
            assert_eq!((cursor.place(), cursor.range()), (Place::Paused, Some(middle.0..=middle.1)));
            let found = if forward { cursor.next() } else { cursor.prev() };
            assert_eq!(found.map(|(range, _)| range), Some(first..=last));
            let found = if forward { cursor.next() } else { cursor.prev() };
            let beside = if forward { rows.get(to + 1) } else { from.checked_sub(1).map(|before| &rows[before]) };
            assert_eq!(found.map(row::<V>), beside.copied());
            bench.end(map, &with(&rows, first, last, count), "a cursor");
            bench.end_nodes("a cursor");
        }
    }
}

for_holders!(cursors, closures, closures_beside, drops, drops_beside, forgotten);

#[test]
fn clones_of_boxes() {
    let _alone = alone();
    clones::<Box<Bomb>>();
    clones_beside::<Box<Bomb>>();
}

#[test]
fn clones_of_rcu_boxes() {
    let _alone = alone();
    clones::<RcuBox<Bomb>>();
    clones_beside::<RcuBox<Bomb>>();
}
