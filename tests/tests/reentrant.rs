//! Foreign code that comes back to the tree that calls it. Outside the tree's lock (the `Drop` of entries, what the caller's own ranges say and
//! closures captured) it may call anything; under the lock (`Clone`, comparisons, closures) it may look, and finds the lock taken. A map cannot
//! be reached from inside its own calls; in a cell it says so.

use maple_tests::counted::alone;
use maple_tests::fixture::NOTHING;
use maple_tests::shapes::settle;
use maple_tree::{
    Cyclic, Entry, Epoch, EpochGuard, MapleTree, PruneForm, RangeMap, Rcu, RcuArc, RcuBox, Reserve, Shared, Shortage, TryClone,
};
use std::cell::{Cell, RefCell};
use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak as RcWeak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::Duration;

/// Fails, instead of hanging for ever, when `work` waits for itself.
fn finishes(work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        done.send(()).expect("the test waits");
    });
    match finished.recv_timeout(Duration::from_secs(300)) {
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => worker.join().expect("no panic"),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it waits for itself"),
    }
}

/// From here on is what foreign code does; the tests keep below.
const THEIRS: u64 = 1 << 40;

thread_local! {
    /// Whether a visit is going on.
    static VISITING: Cell<bool> = const { Cell::new(false) };
}

/// A tree as foreign code sees it.
trait Visited: Send + Sync {
    /// Makes every kind of call, but inside of another visit. Says whether the lock was free.
    fn visit(&self) -> bool;
}

impl<V: Holder> Visited for MapleTree<V> {
    fn visit(&self) -> bool {
        match self.try_lock() {
            // By whoever called, or another thread.
            None => return false,
            Some(_) if VISITING.replace(true) => return true,
            Some(mut writer) => writer.remove_whole(THEIRS..),
        }
        let value = || V::hold(Visitor { home: None, visits: None });
        let memory = "memory";
        self.store(THEIRS.., value()).map_err(|error| error.kind).expect(memory);
        self.store(THEIRS + 10..=THEIRS + 19, value()).map_err(|error| error.kind).expect(memory);
        self.remove(THEIRS + 30..=THEIRS + 39).expect(memory);
        drop(self.replace(THEIRS + 15, value()).map_err(|error| error.kind).expect(memory));
        drop(self.erase(THEIRS + 15).expect("stored above"));
        self.retain(|range, _| *range.start() != THEIRS + 20);
        self.store_with(THEIRS + 5..=THEIRS + 50, value(), |_, _| ()).map_err(|error| error.kind).expect(memory);
        self.store_coalescing_by(THEIRS + 60.., value(), |_, _| false).map_err(|error| error.kind).expect(memory);
        self.remove_or(THEIRS + 70..=THEIRS + 79, Shortage::Allocate).expect(memory);
        self.alloc_cyclic(THEIRS.., &mut Cyclic::new(), value()).map_err(|error| error.kind).expect(memory);
        drop(self.dup().expect(memory));
        self.prune(THEIRS + 40);
        self.prune_in_place(THEIRS + 1);
        self.hand_over();
        // Inside a destructor that the flavour runs there is a read section.
        let _ = self.synchronize();
        self.remove_whole(THEIRS..);
        self.validate().expect("valid");
        VISITING.set(false);
        true
    }
}

/// A value that visits its tree when it is dropped, and when it is cloned looks at it.
struct Visitor {
    home: Option<Weak<dyn Visited>>,
    visits: Option<Arc<Visits>>,
}

#[derive(Default)]
struct Visits {
    /// Drops that found the lock free, and those that did not.
    free: AtomicUsize,
    locked: AtomicUsize,
}

impl Clone for Visitor {
    /// The copies that a visit makes are no visitors themselves.
    fn clone(&self) -> Self {
        Self { home: self.home.clone(), visits: self.visits.clone().filter(|_| !VISITING.get()) }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let Some(visits) = &self.visits else { return };
        let Some(home) = self.home.as_ref().and_then(Weak::upgrade) else { return };
        let found = if home.visit() { &visits.free } else { &visits.locked };
        found.fetch_add(1, Ordering::Relaxed);
    }
}

/// The kinds of entries that hold one.
trait Holder: Entry + TryClone + Shared<Epoch> + Sync {
    fn hold(visitor: Visitor) -> Self;
}

impl Holder for Box<Visitor> {
    fn hold(visitor: Visitor) -> Self {
        Box::new(visitor)
    }
}

impl Holder for Arc<Visitor> {
    fn hold(visitor: Visitor) -> Self {
        Arc::new(visitor)
    }
}

impl Holder for RcuBox<Visitor> {
    fn hold(visitor: Visitor) -> Self {
        RcuBox::try_new(visitor).expect("memory for a test value")
    }
}

impl Holder for RcuArc<Visitor> {
    fn hold(visitor: Visitor) -> Self {
        RcuArc::try_new(visitor).expect("memory for a test value")
    }
}

/// A tree whose entries visit it, each ten indices long.
fn home<V: Holder>(count: u64) -> (Arc<MapleTree<V>>, Arc<Visits>) {
    let (tree, visits) = (Arc::new(MapleTree::<V>::default()), Arc::new(Visits::default()));
    for number in 0..count {
        tree.store(number * 10..=number * 10 + 9, guest(&tree, &visits)).map_err(|error| error.kind).expect("memory");
    }
    (tree, visits)
}

fn guest<V: Holder>(tree: &Arc<MapleTree<V>>, visits: &Arc<Visits>) -> V {
    let home: Weak<dyn Visited> = Arc::downgrade(tree) as _;
    V::hold(Visitor { home: Some(home), visits: Some(Arc::clone(visits)) })
}

/// Everything that lets entries go, with entries that make every kind of call when they are dropped.
fn drops<V: Holder>() {
    type Call<V> = fn(&Arc<MapleTree<V>>, &Arc<Visits>);
    let calls: [(&str, Call<V>); 16] = [
        ("erase", |tree, _| (0..50).for_each(|number| drop(tree.erase(number * 10)))),
        ("replace", |tree, visits| {
            (0..50).for_each(|number| drop(tree.replace(number * 10, guest(tree, visits)).map_err(|error| error.kind)));
        }),
        ("store", |tree, visits| {
            (0..49).for_each(|number| assert!(tree.store(number * 10 + 5..=number * 10 + 14, guest(tree, visits)).is_ok()));
        }),
        ("store over all", |tree, visits| assert!(tree.store(0..=499, guest(tree, visits)).is_ok())),
        ("store_with", |tree, visits| assert!(tree.store_with(5..=494, guest(tree, visits), |_, _| ()).is_ok())),
        ("store_coalescing_by", |tree, visits| {
            assert!(tree.store_coalescing_by(100..=109, guest(tree, visits), |_, _| true).is_ok());
        }),
        ("refused", |tree, visits| {
            drop(tree.insert(5..=5, guest(tree, visits)).expect_err("there is something"));
            let (start, end) = (9, 5);
            drop(tree.store(start..=end, guest(tree, visits)).expect_err("no index"));
            drop(tree.replace(THEIRS - 1, guest(tree, visits)).expect_err("a gap"));
            drop(tree.alloc_range(10, 0..=400, 1, guest(tree, visits)).expect_err("all is taken"));
        }),
        ("remove", |tree, _| tree.remove(15..=433).expect("memory")),
        ("remove, spare", |tree, _| tree.remove_or(20..=439, Shortage::Refuse).expect("nothing is cut")),
        ("remove_whole", |tree, _| tree.remove_whole(15..=433)),
        ("retain", |tree, _| tree.retain(|range, _| range.start() % 20 == 0)),
        ("prune", |tree, _| assert_eq!(tree.prune(333).form, PruneForm::PathCopy)),
        ("prune_in_place", |tree, _| assert_eq!(tree.prune_in_place(333).form, PruneForm::InPlace)),
        ("clear", |tree, _| tree.clear()),
        ("dup", |tree, _| drop(tree.dup().expect("memory"))),
        ("a session", |tree, visits| {
            let mut writer = tree.lock();
            (0..20).for_each(|number| assert!(writer.store(number * 10..=number * 10 + 9, guest(tree, visits)).is_ok()));
            writer.remove_whole(200..=299);
            writer.bump();
            writer.remove(255..=333).expect("memory");
            writer.prune(400);
        }),
    ];
    for (what, call) in calls {
        let (tree, visits) = home::<V>(50);
        call(&tree, &visits);
        tree.synchronize().expect("outside");
        settle();
        tree.validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}"));
        assert_eq!(visits.locked.load(Ordering::Relaxed), 0, "{what}: a drop under the lock");
        assert!(visits.free.load(Ordering::Relaxed) > 0, "{what}: nothing was dropped");
        // The end of the tree is not theirs to see.
        drop(tree);
        settle();
    }
}

#[test]
fn drops_of_boxes() {
    finishes(|| {
        let _alone = alone();
        drops::<Box<Visitor>>();
    });
}

#[test]
fn drops_of_rcu_boxes() {
    finishes(|| {
        let _alone = alone();
        drops::<RcuBox<Visitor>>();
    });
}

/// Their clones are other owners, so a copy drops nothing for good; all else is as for boxes.
#[test]
fn drops_of_arcs() {
    finishes(|| {
        let _alone = alone();
        let (tree, visits) = home::<Arc<Visitor>>(50);
        drop(tree.dup().expect("memory"));
        drop(tree.erase(5));
        tree.remove(100..=299).expect("memory");
        tree.store(333..=444, guest(&tree, &visits)).expect("memory");
        tree.retain(|range, _| *range.start() < 400);
        tree.synchronize().expect("outside");
        assert_eq!(visits.locked.load(Ordering::Relaxed), 0, "a drop under the lock");
        assert!(visits.free.load(Ordering::Relaxed) > 30);
        tree.validate().expect("valid");
    });
}

#[test]
fn drops_of_rcu_arcs() {
    finishes(|| {
        let _alone = alone();
        let (tree, visits) = home::<RcuArc<Visitor>>(50);
        drop(tree.dup().expect("memory"));
        drop(tree.erase(5));
        tree.remove(100..=299).expect("memory");
        tree.store(333..=444, guest(&tree, &visits)).expect("memory");
        tree.retain(|range, _| *range.start() < 400);
        tree.synchronize().expect("outside");
        settle();
        assert_eq!(visits.locked.load(Ordering::Relaxed), 0, "a drop under the lock");
        assert!(visits.free.load(Ordering::Relaxed) > 30);
        tree.validate().expect("valid");
    });
}

thread_local! {
    /// The tree that clones and comparisons look at on this thread, and how often they did.
    static LOOKED_AT: RefCell<RcWeak<MapleTree<Box<Looker>>>> = const { RefCell::new(RcWeak::new()) };
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// A value that looks at its tree when it is cloned or compared.
struct Looker(u64);

/// Looks at a tree as code under its lock may.
fn look(tree: &MapleTree<Box<Looker>>) {
    LOOKS.set(LOOKS.get() + 1);
    let guard = tree.pin();
    assert_eq!(tree.get(5, &guard).map(|found| found.0), Some(0));
    assert_eq!(tree.get_range(15, &guard).0, 10..=19);
    assert_eq!(tree.iter(&guard).map(|(_, found)| found.0).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    assert_eq!(tree.gaps(.., &guard).collect::<Vec<_>>(), [500..=u64::MAX]);
    assert_eq!(tree.cursor(&guard).seek(495).map(|found| found.0), Some(49));
    assert!(tree.try_lock().is_none(), "this is under the lock");
    assert!(Epoch::synchronize().is_err(), "the guard is held");
}

fn look_around() {
    let tree = LOOKED_AT.with_borrow(RcWeak::upgrade);
    tree.iter().for_each(|tree| look(tree));
}

impl Clone for Looker {
    fn clone(&self) -> Self {
        look_around();
        Self(self.0)
    }
}

impl PartialEq for Looker {
    fn eq(&self, other: &Self) -> bool {
        look_around();
        self.0 == other.0
    }
}

#[test]
fn what_runs_under_the_lock_may_look() {
    let _alone = alone();
    type Call = fn(&MapleTree<Box<Looker>>);
    // Each with how often foreign code runs.
    let calls: [(&str, usize, Call); 11] = [
        ("store", 1, |tree| assert!(tree.store(12..=13, Box::new(Looker(99))).is_ok())),
        ("remove", 1, |tree| assert!(tree.remove(12..=13).is_ok())),
        ("remove_or", 1, |tree| assert!(tree.remove_or(12..=13, Shortage::Wait).is_ok())),
        ("store_with", 1, |tree| assert!(tree.store_with(12..=13, Box::new(Looker(99)), |_, _| ()).is_ok())),
        ("store_coalescing", 2, |tree| assert!(tree.store_coalescing(20..=29, Box::new(Looker(99))).is_ok())),
        ("store_coalescing_by", 2, |tree| {
            let same = |_: &Looker, _: &Looker| {
                look_around();
                false
            };
            assert!(tree.store_coalescing_by(20..=29, Box::new(Looker(99)), same).is_ok());
        }),
        ("dup", 50, |tree| assert!(tree.dup().is_ok())),
        ("try_dup_with", 50, |tree| {
            let copy = tree.try_dup_with(|_, old| {
                look_around();
                Ok::<_, ()>(u32::try_from(old.0).expect("small"))
            });
            assert!(copy.is_ok_and(|copy| copy.iter().count() == 50));
        }),
        ("retain", 50, |tree| {
            tree.retain(|_, _| {
                look_around();
                true
            });
        }),
        ("reserve_for", 1, |tree| drop(tree.lock().reserve_for(12..=13).expect("memory"))),
        ("a cursor", 1, |tree| assert!(tree.lock().cursor_mut().store(12..=13, Box::new(Looker(99))).is_ok())),
    ];
    for (what, looks, call) in calls {
        let tree = Rc::new(MapleTree::<Box<Looker>>::new());
        for number in 0..50 {
            tree.store(number * 10..=number * 10 + 9, Box::new(Looker(number))).expect("memory");
        }
        LOOKED_AT.set(Rc::downgrade(&tree));
        LOOKS.set(0);
        call(&tree);
        LOOKED_AT.set(RcWeak::new());
        assert_eq!(LOOKS.get(), looks, "{what}");
        tree.validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}"));
    }
}

/// Counts how often it is asked or dropped under the lock of the tree.
struct Witness<'t> {
    tree: &'t MapleTree<Box<u64>>,
    range: (u64, u64),
    locked: &'t Cell<usize>,
    seen: &'t Cell<usize>,
}

impl Witness<'_> {
    fn look(&self) {
        self.seen.set(self.seen.get() + 1);
        self.locked.set(self.locked.get() + usize::from(self.tree.try_lock().is_none()));
    }
}

impl RangeBounds<u64> for Witness<'_> {
    fn start_bound(&self) -> Bound<&u64> {
        self.look();
        Bound::Included(&self.range.0)
    }

    fn end_bound(&self) -> Bound<&u64> {
        self.look();
        Bound::Included(&self.range.1)
    }
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        self.look();
    }
}

/// What a range of the caller's own says, and the end of that range and of what a closure captured, is outside the lock.
#[test]
fn ranges_and_captures_are_outside_the_lock() {
    let _alone = alone();
    let tree = MapleTree::<Box<u64>>::new();
    let (locked, seen) = (Cell::new(0), Cell::new(0));
    let witness = |first, last| Witness { tree: &tree, range: (first, last), locked: &locked, seen: &seen };
    let check = |what: &str, call: &dyn Fn()| {
        tree.clear();
        (0..50).for_each(|number| tree.store(number * 10..=number * 10 + 8, Box::new(number)).expect("memory"));
        locked.set(0);
        seen.set(0);
        call();
        assert_eq!(locked.get(), 0, "{what}: under the lock");
        assert!(seen.get() > 0, "{what}");
        tree.validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}"));
    };
    check("store", &|| assert!(tree.store(witness(12, 14), Box::new(1)).is_ok()));
    check("insert", &|| assert!(tree.insert(witness(12, 14), Box::new(1)).is_err()));
    check("remove", &|| assert!(tree.remove(witness(12, 14)).is_ok()));
    check("remove_or", &|| assert!(tree.remove_or(witness(12, 14), Shortage::Wait).is_ok()));
    check("remove_whole", &|| tree.remove_whole(witness(12, 44)));
    check("store_with", &|| {
        let captured = witness(0, 0);
        assert!(tree.store_with(witness(12, 44), Box::new(1), move |_, _| captured.look()).is_ok());
    });
    check("store_coalescing", &|| assert!(tree.store_coalescing(witness(12, 44), Box::new(1)).is_ok()));
    check("store_coalescing_by", &|| {
        // It runs under the lock, and so must not look.
        let captured = witness(0, 0);
        let same = move |_: &u64, _: &u64| captured.range.0 == 1;
        assert!(tree.store_coalescing_by(witness(12, 44), Box::new(1), same).is_ok());
    });
    check("retain", &|| {
        let captured = witness(0, 0);
        tree.retain(move |range, _| captured.range.0 == *range.start());
    });
    check("try_dup_with", &|| {
        let captured = witness(0, 0);
        let copy = tree.try_dup_with(move |_, old| Ok::<_, ()>(Box::new(captured.range.0 + old)));
        assert!(copy.is_ok());
    });
    check("find_free", &|| assert_eq!(tree.find_free(1, witness(12, 44), 1), Ok(19)));
    check("find_free_back", &|| assert_eq!(tree.find_free_back(1, witness(12, 44), 1), Ok(39)));
    check("largest_gap", &|| assert_eq!(tree.largest_gap(witness(12, 44)), Some(19..=19)));
    check("alloc_range", &|| assert!(tree.alloc_range(1, witness(12, 44), 1, Box::new(1)).is_ok()));
    check("alloc_range_rev", &|| assert!(tree.alloc_range_rev(1, witness(12, 44), 1, Box::new(1)).is_ok()));
    check("alloc_cyclic", &|| assert!(tree.alloc_cyclic(witness(12, 44), &mut Cyclic::new(), Box::new(1)).is_ok()));
    // A closure that panics under the lock takes what it captured with it, outside.
    check("retain that panics", &|| {
        let captured = witness(0, 0);
        let retain = AssertUnwindSafe(|| tree.retain(move |_, _| std::panic::resume_unwind(Box::new(captured.range))));
        assert!(catch_unwind(retain).is_err());
    });
}

/// The closure of a tree's `store_with` runs outside the lock, and sees what was there although it changes the tree itself.
#[test]
fn the_report_of_a_store_may_change_the_tree() {
    let _alone = alone();
    let tree = MapleTree::<Box<u64>>::new();
    (0..100).for_each(|number| tree.store(number * 10..=number * 10 + 9, Box::new(number)).expect("memory"));
    let mut reported = Vec::new();
    let stored = tree.store_with(5..=994, Box::new(1_000), |piece, old| {
        reported.push((piece.clone(), *old));
        tree.store(piece, Box::new(*old + 2_000)).expect("memory");
        drop(tree.erase(1_000));
        tree.hand_over();
        assert!(tree.synchronize().is_err(), "this is inside a read section");
    });
    stored.expect("memory");
    assert_eq!(reported.len(), 100);
    assert!(reported.iter().map(|piece| piece.1).eq(0..100));
    let guard = tree.pin();
    assert!(tree.range(10..990, &guard).map(|(_, value)| *value).eq(2_001..2_099));
    drop(guard);
    tree.validate().expect("valid");
    tree.synchronize().expect("outside");
}

/// A guard may run what is due when it is made. One that was made before the lock was taken keeps that out of the session.
#[test]
fn a_guard_made_before_keeps_destructors_out_of_a_session() {
    finishes(|| {
        let _alone = alone();
        let (tree, visits) = home::<RcuBox<Visitor>>(200);
        tree.clear();
        tree.hand_over();
        let outer: EpochGuard = tree.pin();
        let writer = tree.lock();
        for _ in 0..1_000 {
            assert!(tree.get(5, &tree.pin()).is_none());
        }
        assert_eq!(visits.locked.load(Ordering::Relaxed), 0, "a drop under the lock");
        drop(writer);
        drop(outer);
        tree.synchronize().expect("outside");
        settle();
        assert_eq!((visits.free.load(Ordering::Relaxed), visits.locked.load(Ordering::Relaxed)), (200, 0));
    });
}

/// A map in a cell, whose entries try to get at it when they are dropped or cloned: they find it borrowed, and it is what it should be.
struct Shy {
    home: RcWeak<RefCell<RangeMap<Box<Shy>>>>,
    found: Rc<Cell<(usize, usize)>>,
}

impl Shy {
    fn look(&self) {
        let Some(home) = self.home.upgrade() else { return };
        let (borrowed, free) = self.found.get();
        self.found.set(if home.try_borrow().is_err() { (borrowed + 1, free) } else { (borrowed, free + 1) });
        if let Ok(mut map) = home.try_borrow_mut() {
            map.store(THEIRS..=THEIRS, Box::new(Shy { home: RcWeak::new(), found: Rc::default() })).expect("memory");
            map.remove_whole(THEIRS..);
            map.validate().expect("valid");
        }
    }
}

impl Clone for Shy {
    fn clone(&self) -> Self {
        self.look();
        Self { home: self.home.clone(), found: Rc::clone(&self.found) }
    }
}

impl Drop for Shy {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn a_map_cannot_be_reached_from_inside_its_calls() {
    let _alone = alone();
    type Call = fn(&mut RangeMap<Box<Shy>>, Box<Shy>);
    let calls: [(&str, Call); 12] = [
        ("store", |map, value| assert!(map.store(15..=433, value).is_ok())),
        ("a hole", |map, _| map.remove(13..=14).expect("memory")),
        ("remove", |map, _| map.remove(15..=433).expect("memory")),
        ("remove_whole", |map, _| map.remove_whole(15..=433)),
        ("remove_with", |map, _| map.remove_with(15..=433, Shortage::Allocate, |piece| drop(piece)).expect("memory")),
        ("store_with", |map, value| assert!(map.store_with(15..=433, value, |piece| drop(piece)).is_ok())),
        ("retain", |map, _| map.retain(|range, _| range.start() % 20 == 0)),
        ("drain", |map, _| drop(map.drain(15..=433))),
        ("prune", |map, _| drop(map.prune(333))),
        ("clear", |map, _| map.clear()),
        ("dup", |map, _| drop(map.dup().expect("memory"))),
        ("erase", |map, _| drop(map.erase(5))),
    ];
    for (what, call) in calls {
        let (cell, found) = (Rc::new(RefCell::new(RangeMap::new())), Rc::new(Cell::new((0, 0))));
        let value = || Box::new(Shy { home: Rc::downgrade(&cell), found: Rc::clone(&found) });
        (0..50u64).for_each(|number| assert!(cell.borrow_mut().store(number * 10..=number * 10 + 9, value()).is_ok()));
        call(&mut cell.borrow_mut(), value());
        let (borrowed, free) = found.get();
        assert!(borrowed > 0 && free == 0, "{what}: {borrowed} and {free}");
        cell.borrow().validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}"));
        // Outside of the map they get at it.
        let erased = cell.borrow_mut().erase(5);
        let taken = usize::from(erased.is_some());
        drop(erased);
        assert_eq!(found.get().1, taken, "{what}");
        cell.borrow().validate().unwrap_or_else(|invalid| panic!("{what}: {invalid}"));
    }
}

static NEIGHBOUR: MapleTree<u32> = MapleTree::with_reserve(&SMALL);
static SMALL: Reserve = Reserve::new(4);

/// A value whose clone and drop use another tree of the same reserve and pool, and a map of the same pool.
struct Neighbourly(#[expect(dead_code, reason = "entries need an alignment")] u32);

fn neighbourly() {
    NEIGHBOUR.store(0..=999, 1).expect("memory");
    (0..40).for_each(|number| NEIGHBOUR.store(number * 20..=number * 20 + 9, 2).expect("memory"));
    NEIGHBOUR.prune(505);
    NEIGHBOUR.clear();
    let mut map = RangeMap::with_reserve(&SMALL);
    map.store(0..=99, 3u32).expect("memory");
    map.remove(10..=19).expect("memory");
    SMALL.fill().expect("memory");
}

impl Clone for Neighbourly {
    fn clone(&self) -> Self {
        neighbourly();
        Self(0)
    }
}

impl Drop for Neighbourly {
    fn drop(&mut self) {
        neighbourly();
    }
}

/// The locks of the reserve and of the pool are not held while foreign code runs.
#[test]
fn entries_may_use_other_trees_of_the_same_reserve() {
    finishes(|| {
        let _alone = alone();
        for reserve in [&SMALL, &NOTHING] {
            let tree = MapleTree::<Box<Neighbourly>>::with_reserve(reserve);
            (0..100).for_each(|number| assert!(tree.store(number * 10..=number * 10 + 9, Box::new(Neighbourly(0))).is_ok()));
            assert!(tree.store(12..=13, Box::new(Neighbourly(0))).is_ok());
            tree.remove_or(15..=333, Shortage::Allocate).expect("memory");
            drop(tree.dup().expect("memory"));
            tree.prune(805);
            tree.prune_cut_or(703, Shortage::Allocate).expect("memory");
            tree.synchronize().expect("outside");
            tree.validate().expect("valid");
            let mut map = tree.into_inner();
            assert!(map.store(12..=13, Box::new(Neighbourly(0))).is_ok());
            map.remove(400..=455).expect("memory");
            map.remove_with(460..=555, Shortage::Allocate, |piece| drop(piece)).expect("memory");
            drop(map.prune(600));
            map.validate().expect("valid");
        }
        NEIGHBOUR.synchronize().expect("outside");
        NEIGHBOUR.validate().expect("valid");
    });
}
