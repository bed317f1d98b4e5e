//! Sessions of a tree's writer: several changes under one lock, and what waits for its end.

use maple_tests::alloc::{Counting, Plan, quiet, under};
use maple_tests::ballast::Ballast;
use maple_tests::counted::{Arcs, Boxes, Counted, Ints, Kind, Ledger, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, NOTHING};
use maple_tests::shapes::{Rng, build, rows, settle, shared_contents};
use maple_tree::{
    AllocError, Entry, Epoch, MapleTree, RawMutex, Release, RemoveError, Removed, Reserve, Shared, Shortage, StdLock,
    StoreErrorKind, TryClone,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Every call of a session does what that of the tree does.
fn same_as_the_tree<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(1 << 12);
    let tree = MapleTree::<K::V>::from(build::<K>(&ledger, &rows(300, 5, 4, 2)));
    let twin = MapleTree::<K::V>::from(build::<K>(&ledger, &rows(300, 5, 4, 2)));
    let mut rng = Rng(3);
    let told = |removed: Option<Removed<'_, K::V, Epoch>>| removed.map(|removed| (removed.range(), K::id(removed.get())));
    for session in 0..60 {
        let mut writer = tree.lock();
        for step in 0..20 {
            let (first, id) = (rng.below(2_000), 1_000 + session * 20 + step);
            let last = first + rng.below(30);
            let range = first..=last;
            let value = || K::make(&ledger, id);
            let kind = |result: Result<(), RemoveError>| result.map_err(|error| format!("{error:?}"));
            match rng.below(14) {
                0..=2 => assert_eq!(writer.store(range.clone(), value()).is_ok(), twin.store(range, value()).is_ok()),
                3 | 4 => {
                    let [one, other] = [writer.insert(range.clone(), value()), twin.insert(range, value())];
                    assert_eq!(one.map_err(|error| error.kind), other.map_err(|error| error.kind));
                }
                5 | 6 => {
                    let [one, other] = [writer.replace(first, value()), twin.replace(first, value())];
                    assert_eq!(
                        one.map(|old| told(Some(old))).map_err(|error| error.kind),
                        other.map(|old| told(Some(old))).map_err(|error| error.kind)
                    );
                }
                7 | 8 => assert_eq!(told(writer.erase(first)), told(twin.erase(first))),
                9 => assert_eq!(kind(writer.remove(range.clone())), kind(twin.remove(range))),
                10 => {
                    writer.remove_whole(range.clone());
                    twin.remove_whole(range);
                }
                11 if session % 9 == 8 => {
                    assert_eq!(writer.prune(1_000 + first).form, twin.prune(1_000 + first).form);
                    let [one, other] =
                        [writer.prune_cut_or(1_990, Shortage::Allocate), twin.prune_cut_or(1_990, Shortage::Allocate)];
                    assert_eq!(one.map(|done| done.form), other.map(|done| done.form));
                }
                11 => assert_eq!(writer.prune_in_place(1_900).form, twin.prune_in_place(1_900).form),
                12 => assert_eq!(writer.compact().is_ok(), twin.compact().is_ok()),
                _ if session % 20 == 19 => {
                    writer.clear();
                    twin.clear();
                }
                _ => assert_eq!(writer.dup().expect("memory").iter().count(), twin.dup().expect("memory").iter().count()),
            }
            let guard = twin.pin();
            let index = rng.below(2_100);
            assert_eq!(writer.get(index).map(K::id), twin.get(index, &guard).map(K::id));
            assert_eq!(
                writer.get_many([index, 7]).map(|found| found.map(K::id)),
                twin.get_many([index, 7], &guard).map(|found| found.map(K::id))
            );
            assert_eq!(writer.get_range(index).0, twin.get_range(index, &guard).0);
            assert_eq!(writer.contains(index), twin.contains(index, &guard));
            assert_eq!(writer.first().map(|found| found.0), twin.first(&guard).map(|found| found.0));
            assert_eq!(writer.last().map(|found| found.0), twin.last(&guard).map(|found| found.0));
            assert_eq!(writer.is_empty(), twin.is_empty(&guard));
            assert!(writer.iter().map(|found| found.0).eq(twin.iter(&guard).map(|found| found.0)));
            assert!(writer.gaps(..).eq(twin.gaps(.., &guard)));
        }
        writer.validate().expect("valid");
        assert!(writer.dump().to_string().len() > 4 && writer.dot().to_string().starts_with("digraph"));
        drop(writer);
        assert_eq!(shared_contents::<K>(&tree), shared_contents::<K>(&twin), "after session {session}");
        tree.validate().expect("valid");
        if session % 10 == 0 {
            tree.synchronize().expect("outside");
        }
    }
    drop((tree, twin));
    settle();
    ledger.assert_all_dropped();
}

#[test]
fn same_as_the_tree_of_all_kinds() {
    same_as_the_tree::<Ints>();
    same_as_the_tree::<Boxes>();
    same_as_the_tree::<Arcs>();
    same_as_the_tree::<RcuBoxes>();
    same_as_the_tree::<RcuArcs>();
}

#[test]
fn readers_see_each_change_when_it_is_made() {
    let tree = MapleTree::<u32>::new();
    let (ask, asked) = mpsc::channel::<u64>();
    let (answer, answered) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            for index in asked {
                answer.send(tree.get(index, &tree.pin())).expect("the writer waits");
            }
        });
        let mut writer = tree.lock();
        let see = |index| {
            ask.send(index).expect("the reader waits");
            answered.recv().expect("the reader answers")
        };
        for step in 0..500u64 {
            let value = u32::try_from(step).expect("small");
            writer.store(step * 2..=step * 2, value).expect("memory");
            assert_eq!(see(step * 2), Some(value));
            if step % 3 == 2 {
                assert!(writer.erase(step * 2 - 2).is_some());
                assert_eq!((see(step * 2 - 2), see(step * 2 - 4)), (None, Some(value - 2)));
            }
        }
        writer.prune(100);
        assert_eq!((see(100), see(96)), (None, Some(48)));
        writer.clear();
        assert_eq!(see(0), None);
        drop(ask);
    });
}

fn keeps_others_out<L: RawMutex + Send + Sync>() {
    let tree = MapleTree::<u32, Epoch, L>::default();
    thread::scope(|scope| {
        let mut writer = tree.lock();
        let (send, receive) = mpsc::channel();
        let tree = &tree;
        let other = scope.spawn(move || {
            assert!(tree.try_lock().is_none(), "the lock is taken");
            send.send(()).expect("the first waits");
            tree.store(7..=7, 2).expect("memory");
        });
        receive.recv().expect("the other begins");
        for index in 0..200u64 {
            writer.store(index * 10..=index * 10, 1).expect("memory");
            assert_eq!(writer.get(7), None, "another writer got in");
        }
        drop(writer);
        other.join().expect("no panic");
        assert_eq!(tree.get(7, &tree.pin()), Some(2));
        assert_eq!(tree.try_lock().expect("free").iter().count(), 201);
    });
    // Many, and none is lost.
    thread::scope(|scope| {
        for thread in 1..5u64 {
            let tree = &tree;
            scope.spawn(move || {
                for step in 0..300u64 {
                    let mut writer = tree.lock();
                    let count = writer.get(1_000_000).unwrap_or(0);
                    writer.store(1_000_000..=1_000_000, count + 1).expect("memory");
                    writer.store(thread * 10_000 + step * 2..=thread * 10_000 + step * 2, count).expect("memory");
                }
            });
        }
    });
    assert_eq!(tree.get(1_000_000, &tree.pin()), Some(1_200));
    assert_eq!(tree.range(10_000..900_000, &tree.pin()).count(), 1_200);
    tree.validate().expect("valid");
    tree.synchronize().expect("outside");
}

#[test]
fn others_are_kept_out_by_any_lock() {
    keeps_others_out::<StdLock>();
    keeps_others_out::<parking_lot::RawMutex>();
    keeps_others_out::<spin::mutex::SpinMutex<()>>();
}

/// A tree with a lock of one's own in a static, as a kernel would have it.
#[test]
fn a_lock_of_ones_own_in_a_static() {
    static TREE: MapleTree<u32, Epoch, spin::mutex::SpinMutex<()>> = MapleTree::with_reserve(Reserve::global());
    TREE.store(1..=3, 1).expect("memory");
    let removed = TREE.erase(2).expect("it was there");
    assert_eq!((removed.range(), removed.get()), (1..=3, 1));
    assert_eq!(removed.wait().expect("outside"), 1);
    assert!(TREE.dump().to_string().starts_with("empty"));
}

/// A session whose lock may be let go anywhere moves to another thread, with a cursor in it.
#[test]
fn a_session_moves_with_its_lock() {
    let tree = MapleTree::<u32, Epoch, spin::mutex::SpinMutex<()>>::default();
    let mut writer = tree.lock();
    writer.store(1..=3, 1).expect("memory");
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut cursor = writer.cursor_mut();
            cursor.seek(2);
            assert_eq!(cursor.erase().map(|removed| removed.get()), Some(1));
            drop(writer);
        });
    });
    assert!(tree.try_lock().is_some_and(|writer| writer.is_empty()));
}

thread_local! {
    /// Whether the next clone panics.
    static PANIC: Cell<bool> = const { Cell::new(false) };
}

static UNDER_LOCK: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);
static PROBED: MapleTree<Box<Probe>> = MapleTree::new();

/// Notes whether it is dropped under the lock of `PROBED`, and uses the tree if not.
#[derive(Debug)]
struct Probe(u64);

impl Clone for Probe {
    fn clone(&self) -> Self {
        assert!(!PANIC.get(), "a clone that panics");
        Self(self.0)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        match PROBED.try_lock() {
            Some(writer) => drop(writer),
            None => drop(UNDER_LOCK.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// When a clone panics, the value that was to be stored is dropped after the session, and the tree is as it was, whether the session is over
/// or goes on.
#[test]
fn a_clone_that_panics() {
    let _alone = alone();
    let stored = || Box::new(Probe(1));
    PROBED.clear();
    PROBED.synchronize().expect("outside");
    PROBED.store(0..=99, stored()).expect("memory");
    let before = (DROPPED.load(Ordering::Relaxed), UNDER_LOCK.load(Ordering::Relaxed));
    // The session goes on.
    let mut writer = PROBED.lock();
    writer.store(200..=299, stored()).expect("memory");
    PANIC.set(true);
    for _ in 0..3 {
        let caught = catch_unwind(AssertUnwindSafe(|| writer.store(40..=50, stored())));
        assert!(caught.is_err());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| writer.dup())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| writer.remove(40..=50))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| writer.reserve_for(40..=50).map(drop))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| writer.cursor_mut().store(40..=50, stored()))).is_err());
    PANIC.set(false);
    writer.validate().expect("valid");
    assert_eq!(writer.iter().map(|found| found.0).collect::<Vec<_>>(), [0..=99, 200..=299]);
    assert_eq!(DROPPED.load(Ordering::Relaxed), before.0, "dropped while the session was on");
    writer.store(40..=50, stored()).expect("memory");
    drop(writer);
    assert_eq!(DROPPED.load(Ordering::Relaxed), before.0 + 4);
    // The session ends with it.
    PANIC.set(true);
    let caught = catch_unwind(|| {
        let mut writer = PROBED.lock();
        writer.store(300..=399, stored()).expect("memory");
        let _ = writer.store(220..=230, stored());
    });
    PANIC.set(false);
    assert!(caught.is_err());
    assert_eq!(DROPPED.load(Ordering::Relaxed), before.0 + 5);
    PROBED.validate().expect("valid");
    assert_eq!(PROBED.iter(&PROBED.pin()).count(), 5);
    PROBED.clear();
    PROBED.synchronize().expect("outside");
    assert_eq!(UNDER_LOCK.load(Ordering::Relaxed), before.1, "dropped under the lock");
}

static TOKENS: MapleTree<Token> = MapleTree::new();
static TOKENS_DROPPED: AtomicUsize = AtomicUsize::new(0);
static TOKENS_UNDER_LOCK: AtomicUsize = AtomicUsize::new(0);
static TOKENS_STORE: AtomicBool = AtomicBool::new(false);
static TOKENS_PANIC: AtomicBool = AtomicBool::new(false);

/// An entry that may be dropped at once, and then changes the tree it was in.
#[derive(Debug, PartialEq)]
struct Token(usize);

impl Drop for Token {
    fn drop(&mut self) {
        TOKENS_DROPPED.fetch_add(1, Ordering::Relaxed);
        match TOKENS.try_lock() {
            None => drop(TOKENS_UNDER_LOCK.fetch_add(1, Ordering::Relaxed)),
            Some(mut writer) => {
                if TOKENS_STORE.load(Ordering::Relaxed) {
                    // Re-entrant: a session inside of what ends another.
                    let at = 1 << 20 | u64::try_from(self.0).expect("small");
                    if !writer.contains(at) {
                        writer.insert(at..=at, Token(0)).expect("memory");
                    }
                }
            }
        }
        assert!(!TOKENS_PANIC.swap(false, Ordering::Relaxed), "a drop that panics");
    }
}

// SAFETY: the pointer is the number itself, in multiples of four.
unsafe impl Entry for Token {
    type Ref<'a> = usize;
    const RELEASE: Release = Release::Now;

    fn into_raw(self) -> NonNull<()> {
        let raw = NonNull::new(std::ptr::without_provenance_mut((self.0 + 1) << 2)).expect("not zero");
        std::mem::forget(self);
        raw
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Token((raw.addr().get() >> 2) - 1)
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> usize
    where
        Self: 'a,
    {
        (raw.addr().get() >> 2) - 1
    }
}

// SAFETY: nothing here retires to a flavour.
unsafe impl Shared<Epoch> for Token {}

impl TryClone for Token {
    fn try_clone(entry: usize) -> Result<Self, AllocError> {
        Ok(Token(entry))
    }
}

/// Entries that may be dropped at once are not, in a session: up to eight wait in it, the rest in their slots.
#[test]
fn entries_that_go_are_dropped_after_the_session() {
    let _alone = alone();
    for count in [1, 7, 8, 9, 15, 16, 17, 200] {
        TOKENS_STORE.store(false, Ordering::Relaxed);
        TOKENS.clear();
        TOKENS.synchronize().expect("outside");
        let before = TOKENS_DROPPED.load(Ordering::Relaxed);
        let mut writer = TOKENS.lock();
        for at in 0..10u64 {
            writer.store(at * 10..=at * 10 + 9, Token(0)).expect("memory");
        }
        for value in 0..count {
            let at = (value % 10) as u64 * 10;
            writer.store(at..=at + 9, Token(value)).expect("memory");
            assert_eq!(writer.get(at + 5), Some(value));
        }
        // And one that goes for good, in the caller's hands.
        let removed = writer.erase(5).expect("it was there");
        assert_eq!(TOKENS_DROPPED.load(Ordering::Relaxed), before, "dropped in a session");
        TOKENS_STORE.store(true, Ordering::Relaxed);
        if count % 2 == 1 {
            // The end of one session and the beginning of another, also when a drop panics.
            TOKENS_PANIC.store(true, Ordering::Relaxed);
            assert!(catch_unwind(AssertUnwindSafe(|| writer.bump())).is_err());
            assert!(TOKENS.try_lock().is_none(), "the session goes on");
            writer.store(0..=9, Token(1)).expect("memory");
            writer.validate().expect("valid");
        }
        drop(writer);
        drop(removed);
        TOKENS_STORE.store(false, Ordering::Relaxed);
        let at_once = TOKENS_DROPPED.load(Ordering::Relaxed) - before;
        assert!((count.min(8)..=count + 2).contains(&at_once), "{at_once} of {count} dropped at the end of the session");
        assert!(TOKENS.range(1 << 20.., &TOKENS.pin()).count() > 0, "what was dropped used the tree");
        TOKENS.validate().expect("valid");
        TOKENS.remove_whole(1 << 20..);
        TOKENS.synchronize().expect("outside");
        let gone = TOKENS_DROPPED.load(Ordering::Relaxed) - before;
        assert!(gone > count, "{gone} of {count} dropped after a grace period");
    }
    assert_eq!(TOKENS_UNDER_LOCK.load(Ordering::Relaxed), 0, "dropped under the lock");
}

/// Clones that were made for nothing are kept for the end, up to sixteen; then none is made.
#[test]
fn clones_for_nothing_are_few() {
    let _alone = alone();
    let ledger = Ledger::new(64);
    let tree = MapleTree::<Box<Counted>>::with_reserve(&NOTHING);
    tree.store(0..=999, Boxes::make(&ledger, 1)).expect("memory");
    let mut ballast = Ballast::new();
    let mut writer = tree.lock();
    assert_eq!(writer.figures().spare, 0);
    for attempt in 0..20 {
        ballast.leave(0);
        let value = Boxes::make(&ledger, 2);
        // The clone is given, the node for it is not.
        let (refused, requests, _) = under(Plan::From(2), || writer.store(400..=500, value));
        let refused = refused.expect_err("no node");
        assert_eq!(refused.kind, StoreErrorKind::OutOfMemory);
        assert_eq!(requests > 0, attempt < 16, "attempt {attempt}");
        assert_eq!(ledger.alive(1), 1 + i64::from((attempt + 1).min(16)), "clones after attempt {attempt}");
    }
    drop(ballast);
    let value = Boxes::make(&ledger, 2);
    assert!(writer.store(400..=500, value).is_err(), "no room to remember a clone");
    assert!(writer.remove(400..=500).is_err() && writer.reserve_for(400..=500).is_err());
    writer.bump();
    assert_eq!(ledger.alive(1), 1);
    writer.store(400..=500, Boxes::make(&ledger, 2)).expect("memory");
    writer.validate().expect("valid");
    drop(writer);
    drop(tree);
    ledger.assert_all_dropped();
}

/// A session that grew hands over at its end, and where it is asked to; one that only removed does not.
#[test]
fn handing_over_waits_for_the_end() {
    let _alone = alone();
    let tree = MapleTree::<u32>::from(build::<Ints>(&Ledger::new(1), &rows(2_000, 0, 4, 4)));
    let mut writer = tree.lock();
    for index in 0..2_000u64 {
        writer.store(index * 8 + 1..=index * 8 + 2, 5).expect("memory");
    }
    let retired = writer.figures().retired;
    assert!(retired > 1_000, "{retired} nodes wait for the end");
    writer.bump();
    assert_eq!(writer.figures().retired, 0, "handed over");
    for index in 0..400u64 {
        writer.store(index * 8 + 1..=index * 8 + 2, 6).expect("memory");
        writer.store(index * 8..=index * 8 + 3, 6).expect("memory");
    }
    assert!(writer.figures().retired > 64);
    drop(writer);
    assert_eq!(tree.figures().retired, 0, "handed over");
    let mut writer = tree.lock();
    (0..2_000u64).for_each(|index| drop(writer.erase(index * 8)));
    let retired = writer.figures().retired;
    assert!(retired > 64, "{retired}");
    quiet(|| drop(writer));
    assert_eq!(tree.figures().retired, retired, "a session that only removed keeps what is retired");
    tree.synchronize().expect("outside");
}

/// A session does not wait for a grace period: who it would wait for may be waiting for it.
#[test]
fn a_session_does_not_wait() {
    let _alone = alone();
    let bench = Fixture::new(rows(300, 0, 10, 0));
    let tree = bench.poor_tree::<Ints>(false);
    let mut writer = tree.lock();
    let refused = quiet(|| writer.remove_or(105..=1_234, Shortage::Wait));
    assert!(matches!(&refused, Err(RemoveError::WouldCut(cut)) if cut.range == (100..=109)), "{refused:?}");
    assert!(quiet(|| writer.prune_cut_or(105, Shortage::Wait)).is_err());
    assert!(writer.prune_cut_or(105, Shortage::Allocate).is_ok());
    drop(writer);
    assert_eq!(NOTHING.figures().lent, 0);
    assert_eq!(tree.last(&tree.pin()).map(|found| found.0), Some(100..=104));
    tree.synchronize().expect("outside");
}

/// A copy that finds no memory half-way leaves what it cloned to the end of the session.
#[test]
fn a_copy_that_fails_is_dropped_after_the_session() {
    let _alone = alone();
    let ledger = Ledger::new(256);
    let tree = MapleTree::<Box<Counted>>::from(build::<Boxes>(&ledger, &rows(200, 0, 4, 4)));
    let mut writer = tree.lock();
    let (copy, ..) = under(Plan::From(100), || writer.dup());
    assert!(copy.is_err());
    let clones = ledger.live() - 200;
    assert!(clones > 50, "{clones}");
    writer.store(2..=2, Boxes::make(&ledger, 201)).expect("memory");
    drop(writer);
    assert_eq!(ledger.live(), 202, "the clones are gone, and a part of one entry is new");
    let mut writer = tree.lock();
    let Err(maple_tree::DupError::Entry { range, partial, .. }) = writer.try_dup_with(|range, value| match *range.start() {
        400 => Err("that is enough"),
        _ => Ok(u32::try_from(value.id()).expect("small")),
    }) else {
        panic!("it is not enough")
    };
    assert_eq!((range, partial.last()), (400..=403, Some((392..=395, 49))));
    drop(writer);
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}
