//! Failure of the allocator at every request, for every operation that grows a tree, on both faces: the error is typed, the value
//! comes back (the very same one), the tree is what it was, and nothing leaks.

use std::sync::Arc;

use maple_tests::alloc::{Counting, Plan, counts, under};
use maple_tests::ballast::{Ballast, busy};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::shapes::{Row, build, build_loose, contents, rows, settle, shared_contents, with, without};
use maple_tree::{
    AllocError, DupError, Epoch, InsertErrorKind, MapleTree, Pool, RangeMap, Rcu, RemoveError, ReplaceErrorKind, Reserve,
    StoreErrorKind, Summary, WouldCut,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The id of the value that an operation brings.
const NEW: u64 = 9_999;

/// An operation that may need memory.
#[derive(Debug, Clone, Copy)]
enum Op {
    Store(u64, u64),
    Insert(u64, u64),
    Replace(u64),
    Remove(u64, u64),
    Compact,
    Dup,
    TryDup,
}

impl Op {
    fn takes_value(self) -> bool {
        matches!(self, Op::Store(..) | Op::Insert(..) | Op::Replace(_))
    }

    /// What is in the tree afterwards.
    fn result(self, rows: &[Row]) -> Vec<Row> {
        match self {
            Op::Store(lo, hi) | Op::Insert(lo, hi) => with(rows, lo, hi, NEW),
            Op::Replace(index) => {
                rows.iter().map(|row| if (row.0..=row.1).contains(&index) { (row.0, row.1, NEW) } else { *row }).collect()
            }
            Op::Remove(lo, hi) => without(rows, lo, hi),
            Op::Compact | Op::Dup | Op::TryDup => rows.to_vec(),
        }
    }
}

enum Outcome<K: Kind> {
    Done,
    Copied(RangeMap<K::V>),
    CopiedInts(RangeMap<u32>),
    OutOfMemory(Option<K::V>),
    WouldCut(WouldCut),
    Other(&'static str),
}

/// Both faces.
trait Face<K: Kind>: From<RangeMap<K::V>> {
    fn apply(&mut self, op: Op, value: Option<K::V>) -> Outcome<K>;
    fn rows(&self) -> Vec<Row>;
    fn text(&self) -> String;
    fn check(&self) -> Summary;
    /// Free nodes the tree holds.
    fn spare(&self) -> usize;
    /// Releases what was removed, so that the operation after it has no batch to hand over.
    fn tidy(&self);
    /// Releases what entries handed to the flavour.
    fn end();
}

macro_rules! apply {
    ($tree:expr, $op:expr, $value:expr) => {{
        let mut value = $value;
        let mut value = || value.take().expect("the operation was given a value");
        match $op {
            Op::Store(lo, hi) => match $tree.store(lo..=hi, value()) {
                Ok(()) => Outcome::Done,
                Err(error) if error.kind == StoreErrorKind::OutOfMemory => Outcome::OutOfMemory(Some(error.value)),
                Err(_) => Outcome::Other("store: not out of memory"),
            },
            Op::Insert(lo, hi) => match $tree.insert(lo..=hi, value()) {
                Ok(()) => Outcome::Done,
                Err(error) if error.kind == InsertErrorKind::OutOfMemory => Outcome::OutOfMemory(Some(error.value)),
                Err(_) => Outcome::Other("insert: not out of memory"),
            },
            Op::Replace(index) => match $tree.replace(index, value()) {
                Ok(_) => Outcome::Done,
                Err(error) if error.kind == ReplaceErrorKind::OutOfMemory => Outcome::OutOfMemory(Some(error.value)),
                Err(_) => Outcome::Other("replace: not out of memory"),
            },
            Op::Remove(lo, hi) => match $tree.remove(lo..=hi) {
                Ok(()) => Outcome::Done,
                Err(RemoveError::OutOfMemory) => Outcome::OutOfMemory(None),
                Err(RemoveError::WouldCut(would)) => Outcome::WouldCut(would),
                Err(_) => Outcome::Other("remove: not out of memory"),
            },
            Op::Compact => match $tree.compact() {
                Ok(()) => Outcome::Done,
                Err(AllocError(())) => Outcome::OutOfMemory(None),
            },
            Op::Dup => match $tree.dup() {
                Ok(copy) => Outcome::Copied(copy),
                Err(AllocError(())) => Outcome::OutOfMemory(None),
            },
            Op::TryDup => match $tree.try_dup_with(|_, entry| u32::try_from(K::id(entry))) {
                Ok(copy) => Outcome::CopiedInts(copy),
                Err(DupError::OutOfMemory) => Outcome::OutOfMemory(None),
                Err(DupError::Entry { .. }) => Outcome::Other("try_dup_with: not out of memory"),
            },
        }
    }};
}

impl<K: Kind> Face<K> for RangeMap<K::V> {
    fn apply(&mut self, op: Op, value: Option<K::V>) -> Outcome<K> {
        apply!(self, op, value)
    }
    fn rows(&self) -> Vec<Row> {
        contents::<K>(self)
    }
    fn text(&self) -> String {
        self.dump().to_string()
    }
    fn check(&self) -> Summary {
        self.validate().expect("a valid tree")
    }
    fn spare(&self) -> usize {
        self.figures().spare
    }
    fn tidy(&self) {}
    fn end() {
        // Only `RcuArc` hands anything over on this face. For all else the epoch crate's own blocks stay out of the books.
        if !Epoch::retired().is_empty() {
            settle();
        }
    }
}

impl<K: Kind> Face<K> for MapleTree<K::V> {
    fn apply(&mut self, op: Op, value: Option<K::V>) -> Outcome<K> {
        let tree = &*self;
        apply!(tree, op, value)
    }
    fn rows(&self) -> Vec<Row> {
        shared_contents::<K>(self)
    }
    fn text(&self) -> String {
        self.dump().to_string()
    }
    fn check(&self) -> Summary {
        self.validate().expect("a valid tree")
    }
    fn spare(&self) -> usize {
        self.figures().spare
    }
    fn tidy(&self) {
        self.synchronize().expect("not inside a read section");
        assert_eq!(self.figures().retired, 0);
    }
    fn end() {
        settle();
    }
}

/// Fails one operation at every request until it succeeds. Returns how often it failed.
fn fail_until_done<K: Kind, F: Face<K>>(
    make: &dyn Fn() -> RangeMap<K::V>,
    ledger: &Arc<Ledger>,
    op: Op,
    leave: usize,
    plan: Planner,
) -> u64 {
    let start = busy(&Ballast::new(), 0);
    let mut tree = F::from(make());
    tree.tidy();
    let mut ballast = Ballast::new();
    let (rows, text) = (tree.rows(), tree.text());
    let mut value = op.takes_value().then(|| K::make(ledger, NEW));
    let address = value.as_ref().map(K::address);
    let mut failures = 0;
    for n in 1.. {
        assert!(n < 1_000, "{op:?} fails for ever");
        ballast.leave(leave);
        let books = busy(&ballast, tree.spare());
        let live = ledger.live();
        let (outcome, _, refused) = under(plan(n), || tree.apply(op, value.take()));
        let outcome = match (outcome, op) {
            (Outcome::WouldCut(would), Op::Remove(lo, hi)) => {
                let cut = rows.iter().find(|row| (row.0..=row.1) == would.range).expect("the range of an entry");
                assert!(cut.0 < would.at || would.at < cut.1, "{would:?} is no cut");
                assert!(would.at == lo || would.at == hi, "{would:?}: not at a border of {op:?}");
                assert!(lo <= cut.0 || cut.1 <= hi, "{would:?}: a hole is a matter of memory");
                Outcome::OutOfMemory(None)
            }
            (outcome, _) => outcome,
        };
        match outcome {
            Outcome::OutOfMemory(back) => {
                failures += 1;
                assert!(refused > 0, "{op:?}: out of memory though no request was refused");
                assert_eq!(back.as_ref().map(K::address), address, "{op:?}: another value came back");
                assert_eq!(tree.rows(), rows, "{op:?}: request {n} failed and the contents changed");
                if n < 20 || n % 16 == 0 {
                    assert_eq!(tree.text(), text, "{op:?}: request {n} failed and the structure changed");
                    let summary = tree.check();
                    assert_eq!((summary.entries, summary.dead), (rows.len(), 0));
                }
                assert_eq!(ledger.live(), live, "{op:?}: request {n} failed and values were made or dropped");
                assert_eq!(busy(&ballast, tree.spare()), books, "{op:?}: request {n} failed and nodes leaked");
                value = back;
                continue;
            }
            Outcome::Done => assert!(!matches!(op, Op::Dup | Op::TryDup)),
            Outcome::Copied(copy) => {
                copy.validate().expect("a valid copy");
                assert_eq!(contents::<K>(&copy), rows);
            }
            Outcome::CopiedInts(copy) => {
                copy.validate().expect("a valid copy");
                assert_eq!(contents::<Ints>(&copy), rows);
            }
            Outcome::WouldCut(would) => panic!("{op:?}: {would:?}"),
            Outcome::Other(what) => panic!("{what}"),
        }
        break;
    }
    assert_eq!(tree.rows(), op.result(&rows), "{op:?} on {} rows", rows.len());
    tree.tidy();
    assert_eq!(tree.check().entries, op.result(&rows).len());
    drop((tree, ballast));
    F::end();
    assert_eq!(Reserve::global().figures().lent, 0);
    assert_eq!(busy(&Ballast::new(), 0), start, "{op:?}: nodes leaked");
    failures
}

type Planner = fn(u64) -> Plan;

/// Every kind of edit of a tree with these rows (each at least 6 indices wide), and both copies.
fn edits(rows: &[Row]) -> Vec<Op> {
    let mut ops = vec![Op::Store(0, u64::MAX), Op::Remove(0, u64::MAX), Op::Compact, Op::Dup, Op::TryDup];
    let Some(last) = rows.last() else {
        ops.extend([Op::Store(7, 7), Op::Insert(0, 0), Op::Insert(u64::MAX, u64::MAX)]);
        return ops;
    };
    let count = rows.len();
    let places = [0, 1, count / 3, count / 2, count.saturating_sub(17), count - 1].map(|place| place.min(count - 1));
    for (at, &place) in places.iter().enumerate() {
        if places[..at].contains(&place) {
            continue;
        }
        let (lo, hi, _) = rows[place];
        // One entry: exactly, its start, its end, its middle; its place taken, cut, and given a hole.
        ops.extend([Op::Store(lo, hi), Op::Store(lo, lo + 1), Op::Store(hi - 1, hi), Op::Store(lo + 2, hi - 2)]);
        ops.extend([Op::Replace(lo + 3), Op::Remove(lo, lo + 1), Op::Remove(lo + 2, hi - 2), Op::Remove(lo, hi)]);
        // Two entries, many, a whole leaf, several.
        for more in [1, 2, 16, 40, 300] {
            let Some(&(end_lo, end_hi, _)) = rows.get(place + more) else { continue };
            ops.extend([Op::Store(lo, end_hi), Op::Store(lo + 1, end_lo + 1), Op::Remove(lo + 1, end_lo + 1)]);
        }
        // From and into a gap.
        if let Some(&(next, ..)) = rows.get(place + 1)
            && next > hi + 3
        {
            ops.extend([Op::Store(hi + 1, next - 1), Op::Store(hi + 2, next - 2), Op::Store(hi - 1, next - 2)]);
            ops.extend([Op::Insert(hi + 1, next - 1), Op::Insert(hi + 2, next - 2)]);
        }
    }
    if last.1 < u64::MAX {
        ops.extend([Op::Insert(last.1 + 1, u64::MAX), Op::Insert(last.1 + 5, last.1 + 6), Op::Store(last.1, u64::MAX)]);
    }
    ops
}

/// The least number of rows from `least` on after which a tree has used up the nodes it took, but for one that it got back.
fn without_spare(least: u64) -> u64 {
    let mut map = RangeMap::new();
    for (count, (lo, hi, _)) in (1..).zip(rows(1_000, 0, 8, 0)) {
        map.store(lo..=hi, 0_u32).expect("memory");
        if count >= least && map.figures().spare == 1 {
            return count;
        }
    }
    panic!("a tree always has more to spare");
}

/// All edits of trees of 0 to 3 levels, adjacent and gapped, full and loose, with `leaves` nodes left in the pool. Of the largest
/// trees one edit in `nth`, other ones for each way to fail. Returns how many failures were seen.
fn every_edit<K: Kind, F: Face<K>>(leaves: &[usize], nth: usize) -> u64 {
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    let shapes = [
        rows(0, 0, 10, 0),
        vec![(0, u64::MAX, 0)],
        rows(1, 100, 10, 0),
        rows(15, 0, 10, 0),
        rows(16, 3, 10, 0),
        rows(40, 5, 7, 6),
        rows(without_spare(262), 0, 8, 0),
    ];
    let mut failures = 0;
    for shape in &shapes {
        // As stored; under-full nodes; and a copy, whose spare nodes are all earmarked.
        for (way, leaves) in [(0, leaves), (1, &leaves[..1]), (2, &leaves[..1])] {
            let make = || match way {
                0 => build::<K>(&ledger, shape),
                1 => build_loose::<K>(&ledger, shape, 77),
                _ => build::<K>(&ledger, shape).dup().expect("memory for a copy"),
            };
            for (at, &op) in edits(shape).iter().enumerate() {
                for (skip, &leave) in leaves.iter().enumerate() {
                    // Only one request refused, and all from one on.
                    for (other, plan) in [Plan::Nth as Planner, Plan::From as Planner].into_iter().enumerate() {
                        if shape.len() > 200 && (at + skip + other) % nth != 0 {
                            continue;
                        }
                        // With a reserve a removal hardly ever fails.
                        let poor = matches!(op, Op::Remove(..)) || (at + other) % 2 == 0;
                        Reserve::global().set_capacity(if poor { 0 } else { 64 });
                        failures += fail_until_done::<K, F>(&make, &ledger, op, leave, plan);
                        assert_eq!(ledger.live(), 0, "{op:?}: every value is gone");
                    }
                }
            }
        }
    }
    ledger.assert_all_dropped();
    Reserve::global().set_capacity(64);
    failures
}

macro_rules! every_edit {
    ($($name:ident: $kind:ty, $face:ident, $leaves:expr, $nth:expr, $least:expr;)*) => {$(
        #[test]
        fn $name() {
            let failures = every_edit::<$kind, $face<<$kind as Kind>::V>>(&$leaves, $nth);
            assert!(failures >= $least, "only {failures} failures were provoked");
        }
    )*};
}

every_edit! {
    exclusive_edits_of_ints: Ints, RangeMap, [0, 1, 2, 3, 5], 2, 300;
    exclusive_edits_of_arcs: Arcs, RangeMap, [0, 1, 3], 3, 220;
    exclusive_edits_of_boxes: Boxes, RangeMap, [0, 2], 4, 1400;
    exclusive_edits_of_rcu_boxes: RcuBoxes, RangeMap, [0, 4], 5, 850;
    exclusive_edits_of_rcu_arcs: RcuArcs, RangeMap, [0, 1], 5, 200;
    shared_edits_of_ints: Ints, MapleTree, [0, 1, 3, 66], 2, 350;
    shared_edits_of_arcs: Arcs, MapleTree, [0, 2], 3, 310;
    shared_edits_of_boxes: Boxes, MapleTree, [0, 3], 4, 1400;
    shared_edits_of_rcu_boxes: RcuBoxes, MapleTree, [0, 5], 5, 900;
    shared_edits_of_rcu_arcs: RcuArcs, MapleTree, [0, 1], 5, 280;
}

/// The exclusive face asks for nothing but slabs and values, so its books balance to the byte.
#[test]
fn bytes_balance_after_failures() {
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    let shape = rows(290, 0, 8, 0);
    let ops = edits(&shape);
    let bytes = || counts().live_bytes - i64::try_from(Pool::global().figures().slab_bytes).expect("fits");
    // Once without looking, so that everything the process makes once is made.
    fail_until_done::<Boxes, RangeMap<_>>(&|| build::<Boxes>(&ledger, &shape), &ledger, Op::Dup, 0, Plan::From);
    let before = bytes();
    for &op in &ops {
        fail_until_done::<Boxes, RangeMap<_>>(&|| build::<Boxes>(&ledger, &shape), &ledger, op, 1, Plan::Nth);
        assert_eq!(bytes(), before, "{op:?}");
    }
}

/// On the shared face the epoch crate moves large blocks about; small ones are values and nothing else.
#[test]
fn small_blocks_balance_after_failures_beside_readers() {
    let _alone = alone();
    fn check<K: Kind>(ledger: &Arc<Ledger>) {
        let shape = rows(60, 0, 8, 3);
        let round = |op| fail_until_done::<K, MapleTree<_>>(&|| build::<K>(ledger, &shape), ledger, op, 0, Plan::Nth);
        round(Op::Store(0, u64::MAX));
        let before = counts().small_blocks;
        for op in edits(&shape) {
            round(op);
            assert_eq!(counts().small_blocks, before, "{op:?}");
        }
    }
    let _alone = alone();
    let ledger = Ledger::new(10_000);
    check::<Arcs>(&ledger);
    check::<Boxes>(&ledger);
    check::<RcuBoxes>(&ledger);
    check::<RcuArcs>(&ledger);
}
