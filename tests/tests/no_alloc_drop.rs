//! Removals where nobody is left to report an error to: in a `Drop` while a panic unwinds, in the `Drop` of an entry, in a loop that
//! keeps some entries; with a reader that does not leave, with nodes at hand and with none. None asks the allocator for anything.

use maple_tests::alloc::{Counting, Plan, quiet, under};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, Make, settle_if_retired};
use maple_tests::shapes::{Row, contents, rows, settle, shared_contents};
use maple_tree::{EpochGuard, MapleTree, RangeMap, Reserve, Shortage};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A removal of part of the tree [`ROWS`] long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    Erase,
    RemoveWhole,
    Remove,
    Prune,
    PruneInPlace,
    PruneCut,
    Clear,
    /// A loop over all entries that erases every third.
    Retain,
}

const REMOVALS: [Removal; 8] = [
    Removal::Erase,
    Removal::RemoveWhole,
    Removal::Remove,
    Removal::Prune,
    Removal::PruneInPlace,
    Removal::PruneCut,
    Removal::Clear,
    Removal::Retain,
];

const ROWS: u64 = 400;
const WIDTH: u64 = 4;
/// Whole rows from the one to the other.
const WINDOW: (u64, u64) = (90, 210);

impl Removal {
    fn keeps(self, id: u64) -> bool {
        match self {
            Self::Erase => id != WINDOW.0,
            Self::RemoveWhole | Self::Remove => !(WINDOW.0..=WINDOW.1).contains(&id),
            Self::Prune | Self::PruneInPlace | Self::PruneCut => id < WINDOW.0,
            Self::Clear => false,
            Self::Retain => id % 3 != 0,
        }
    }

    fn rest(self, rows: &[Row]) -> Vec<Row> {
        rows.iter().copied().filter(|row| self.keeps(row.2)).collect()
    }

    fn alone<K: Kind>(self, map: &mut RangeMap<K::V>) {
        let (first, last) = (WINDOW.0 * WIDTH, WINDOW.1 * WIDTH + WIDTH - 1);
        match self {
            Self::Erase => drop(map.erase(first + 1).expect("an entry")),
            Self::RemoveWhole => map.remove_whole(first..=last),
            Self::Remove => map.remove_or(first..=last, Shortage::Refuse).expect("cuts nothing"),
            Self::Prune | Self::PruneInPlace => drop(map.prune(first)),
            Self::PruneCut => drop(map.prune_cut(first).expect("cuts nothing")),
            Self::Clear => map.clear(),
            Self::Retain => {
                let mut from = 0;
                while let Some((range, entry)) = map.range(from..).next() {
                    from = range.end() + 1;
                    if !self.keeps(K::id(entry)) {
                        drop(map.erase(*range.start()).expect("an entry"));
                    }
                }
            }
        }
    }

    /// `guard` is of a read section that was opened before; only the loop that looks at entries needs it.
    fn shared<K: Kind>(self, tree: &MapleTree<K::V>, guard: &EpochGuard) {
        let (first, last) = (WINDOW.0 * WIDTH, WINDOW.1 * WIDTH + WIDTH - 1);
        match self {
            Self::Erase => drop(tree.erase(first + 1).expect("an entry")),
            Self::RemoveWhole => tree.remove_whole(first..=last),
            Self::Remove => tree.remove_or(first..=last, Shortage::Refuse).expect("cuts nothing"),
            Self::Prune => drop(tree.prune(first)),
            Self::PruneInPlace => drop(tree.prune_in_place(first)),
            Self::PruneCut => drop(tree.prune_cut(first).expect("cuts nothing")),
            Self::Clear => tree.clear(),
            Self::Retain => {
                for (range, entry) in tree.iter(guard) {
                    if !self.keeps(K::id(entry)) {
                        drop(tree.erase(*range.start()).expect("an entry"));
                    }
                }
            }
        }
    }
}

/// Does its work when it is dropped, and counts what the thread asks of the allocator meanwhile.
struct OnDrop<'a, F: FnMut()> {
    work: F,
    requests: &'a AtomicU64,
}

impl<F: FnMut()> Drop for OnDrop<'_, F> {
    fn drop(&mut self) {
        assert!(thread::panicking(), "only while a panic unwinds");
        let ((), requests, _) = under(Plan::From(1), &mut self.work);
        self.requests.store(requests, Ordering::Relaxed);
    }
}

/// Does `work` in a `Drop`, while a panic unwinds; returns how often that asked for memory.
fn while_unwinding(work: impl FnMut()) -> u64 {
    let requests = AtomicU64::new(u64::MAX);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _removes = OnDrop { work, requests: &requests };
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err());
    requests.into_inner()
}

/// Holds a read section open, in which it has found every entry, while `work` is done.
fn beside_a_stalled_reader<K: Kind>(tree: &MapleTree<K::V>, rows: &[Row], work: impl FnOnce()) {
    let (entered, inside) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let guard = tree.pin();
            let found: Vec<_> = tree.iter(&guard).map(|(_, entry)| entry).collect();
            entered.send(()).expect("the test waits");
            left.recv().expect("the test says when");
            assert_eq!(found.into_iter().map(K::id).collect::<Vec<_>>(), rows.iter().map(|row| row.2).collect::<Vec<_>>());
        });
        inside.recv().expect("a reader");
        work();
        leave.send(()).expect("the reader waits");
    });
}

fn in_a_drop<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for removal in REMOVALS {
        let bench = Fixture::new(rows(ROWS, 0, WIDTH, 0));
        let want = removal.rest(&bench.rows);

        let mut map = bench.map::<K>(Make::Tight);
        assert_eq!(while_unwinding(|| removal.alone::<K>(&mut map)), 0, "{removal:?} alone asked for memory");
        assert_eq!(contents::<K>(&map), want, "{removal:?}");
        map.validate().unwrap_or_else(|invalid| panic!("{removal:?}: {invalid}"));
        settle_if_retired();
        bench.assert_alive::<K>(want.len());
        drop(map);
        settle_if_retired();

        for rich in [true, false] {
            // With the reserve and the earmark of a copy, or with nothing at all.
            let tree = if rich { MapleTree::from(bench.map::<K>(Make::Copy)) } else { bench.poor_tree::<K>(true) };
            let guard = tree.pin();
            beside_a_stalled_reader::<K>(&tree, &bench.rows, || {
                let requests = while_unwinding(|| removal.shared::<K>(&tree, &guard));
                assert_eq!(requests, 0, "{removal:?}, nodes at hand: {rich}, asked for memory");
                assert_eq!(shared_contents::<K>(&tree), want, "{removal:?}, nodes at hand: {rich}");
            });
            drop(guard);
            tree.validate().unwrap_or_else(|invalid| panic!("{removal:?}: {invalid}"));
            tree.synchronize().expect("not inside a read section");
            settle();
            bench.assert_alive::<K>(want.len());
            drop(tree);
            settle();
            bench.assert_alive::<K>(0);
        }
    }
}

macro_rules! for_kinds {
    ($($name:ident: $run:ident::<$kind:ty>;)*) => {$(
        #[test]
        fn $name() {
            $run::<$kind>();
        }
    )*};
}

for_kinds! {
    in_a_drop_ints: in_a_drop::<Ints>;
    in_a_drop_arcs: in_a_drop::<Arcs>;
    in_a_drop_boxes: in_a_drop::<Boxes>;
    in_a_drop_rcu_boxes: in_a_drop::<RcuBoxes>;
    in_a_drop_rcu_arcs: in_a_drop::<RcuArcs>;
}

/// A window that is unmapped when its owner goes.
struct Mapping {
    table: Arc<MapleTree<u32>>,
    window: (u64, u64),
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.table.remove_whole(self.window.0..=self.window.1);
    }
}

/// Entries whose own `Drop` removes from another tree, as the end of what holds mappings does.
#[test]
fn in_the_drop_of_an_entry() {
    let _alone = alone();
    let table = Arc::new(MapleTree::<u32>::new());
    let mut owners = RangeMap::new();
    for number in 0..ROWS {
        let window = (number * WIDTH, number * WIDTH + WIDTH - 1);
        table.store(window.0..=window.1, 7).expect("memory");
        let mapping = Box::new(Mapping { table: Arc::clone(&table), window });
        owners.insert(number..=number, mapping).expect("memory");
    }
    let guard = table.pin();
    quiet(|| drop(owners.prune(WINDOW.1)));
    assert_eq!(table.iter(&guard).count() as u64, WINDOW.1);
    quiet(|| drop(owners.erase(0)));
    assert_eq!(table.iter(&guard).count() as u64, WINDOW.1 - 1);
    quiet(|| drop(owners));
    assert!(table.is_empty(&guard));
    drop(guard);
    table.validate().expect("a valid tree");
}
