//! What the models share: executions, trees, readers.

use super::entry::{self, Keeping, Thing};
use super::flavour::{self, Early};
use super::sync::{BROKEN, Weak, broken};
use crate::pool::{self, Pool};
use crate::{MapleTree, RangeMap, RawMutex, Rcu, Reserve, Shared, StdLock, TryClone};
use core::cell::Cell;
use core::ptr;
use loom::thread::{self, JoinHandle};

/// A tree of a model.
pub(super) type Tree<V, R = Early> = MapleTree<V, R, Lock>;

/// The default lock, unless a model broke it.
pub(super) struct Lock(StdLock);

// SAFETY: it is what `StdLock` is; and none where Loom is to see that.
unsafe impl RawMutex for Lock {
    const INIT: Self = Self(StdLock::INIT);

    type GuardMarker = <StdLock as RawMutex>::GuardMarker;

    fn lock(&self) {
        if !broken(Weak::Lock) {
            self.0.lock();
        }
    }

    fn try_lock(&self) -> bool {
        broken(Weak::Lock) || self.0.try_lock()
    }

    unsafe fn unlock(&self) {
        if !broken(Weak::Lock) {
            // SAFETY: the caller's promise.
            unsafe { self.0.unlock() };
        }
    }
}

std::thread_local! {
    /// Executions so far.
    static EXECUTIONS: Cell<u64> = const { Cell::new(0) };
}

/// Tries every schedule, or with `preemptions` every one in which threads are preempted no more than so often; with one step broken.
pub(super) fn explore(weak: Option<Weak>, preemptions: Option<usize>, model: fn()) {
    BROKEN.set(weak);
    let mut builder = loom::model::Builder::new();
    // What `LOOM_MAX_PREEMPTIONS` says counts for all.
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.max_branches = 20_000;
    builder.check(move || {
        EXECUTIONS.set(EXECUTIONS.get() + 1);
        pool::begin();
        entry::begin();
        flavour::begin();
        model();
        flavour::end();
        entry::end();
        assert_eq!(Pool::global().figures().nodes_in_use, 0, "nodes did not come back");
    });
    println!("{} executions", EXECUTIONS.get());
}

/// Models, and for each the steps that it has to miss, and what it says then. Preemptions are bounded where there would be millions of
/// executions.
macro_rules! models {
    ($($name:ident $(($preemptions:literal preemptions))?: [$($test:ident = $weak:ident $how:literal),* $(,)?])*) => {$(
        mod $name {
            const PREEMPTIONS: Option<usize> = [$(Some($preemptions),)? None][0];

            #[test]
            fn holds() {
                $crate::model::world::explore(None, PREEMPTIONS, super::$name);
            }

            $(#[test]
            #[should_panic(expected = $how)]
            fn $test() {
                $crate::model::world::explore(Some($crate::model::sync::Weak::$weak), PREEMPTIONS, super::$name);
            })*
        }
    )*};
}
pub(super) use models;

/// A tree with these ranges, built before there are threads, whose reserve has as many nodes. Until [`end`].
pub(super) fn tree_with<V, R>(ranges: &[(u64, u64, u32)], make: fn(u32) -> V, reserve: usize) -> &'static Tree<V, R>
where
    V: Shared<R> + TryClone + Sync,
    R: Rcu,
{
    let reserve: &'static Reserve = Box::leak(Box::new(Reserve::new(reserve)));
    let mut map = RangeMap::with_reserve(reserve);
    for &(first, last, value) in ranges {
        assert!(map.store(first..=last, make(value)).is_ok());
    }
    let tree: &'static Tree<V, R> = Box::leak(Box::new(MapleTree::from_map(map)));
    // Whatever is not one of Loom's objects yet becomes one.
    tree.hand_over();
    reserve.figures();
    tree
}

/// A copy, which others may look at from now on. Until [`end`].
pub(super) fn share<V: Shared<Early> + Sync>(map: RangeMap<V>) -> &'static Tree<V> {
    let tree: &'static Tree<V> = Box::leak(Box::new(MapleTree::from_map(map)));
    // As in `tree_with`.
    tree.hand_over();
    tree
}

/// A tree of things, with an empty reserve.
pub(super) fn tree<K: Keeping>(ranges: &[(u64, u64, u32)]) -> &'static Tree<Thing<K>> {
    tree_with(ranges, Thing::new, 0)
}

/// A tree of things, and as many nodes in its reserve.
pub(super) fn tree_and_reserve<K: Keeping>(ranges: &[(u64, u64, u32)], reserve: usize) -> &'static Tree<Thing<K>> {
    tree_with(ranges, Thing::new, reserve)
}

/// Ends a copy, whose reserve is that of its source: there are no readers any more.
pub(super) fn end_copy<V: Shared<R>, R: Rcu>(tree: &'static Tree<V, R>) {
    // SAFETY: from `leak` in `share` or `tree_with`, and nobody has the reference any more.
    drop(unsafe { Box::from_raw(ptr::from_ref(tree).cast_mut()) });
    R::flush();
}

/// Ends a tree: there are no readers any more.
pub(super) fn end<V: Shared<R>, R: Rcu>(tree: &'static Tree<V, R>) {
    let reserve = tree.lock().owner().reserve;
    end_copy(tree);
    // SAFETY: from `leak` in `tree_with`; no other tree with this reserve is left.
    drop(unsafe { Box::from_raw(ptr::from_ref(reserve).cast_mut()) });
}

/// A thread that reads.
pub(super) fn reader<T: 'static>(read: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    thread::spawn(read)
}

/// Ten indices an entry, each with its number, from 0 on.
pub(super) fn row(entries: u32) -> Vec<(u64, u64, u32)> {
    (0..entries).map(|n| (10 * u64::from(n), 10 * u64::from(n) + 9, n)).collect()
}

/// Stores a thing.
pub(super) fn store<K: Keeping, R: Rcu>(tree: &Tree<Thing<K>, R>, first: u64, last: u64, value: u32) {
    assert!(tree.store(first..=last, Thing::new(value)).is_ok(), "there is always memory");
}

/// What a reader finds at `index`.
pub(super) fn at<K: Keeping, R: Rcu>(tree: &Tree<Thing<K>, R>, index: u64, guard: &R::Guard) -> Option<u32> {
    tree.get(index, guard).map(|body| body.look())
}

/// What a reader finds where there always is something.
pub(super) fn always<K: Keeping, R: Rcu>(tree: &Tree<Thing<K>, R>, index: u64, guard: &R::Guard) -> u32 {
    at(tree, index, guard).expect("what was always there is gone")
}

/// What a reader finds on its way through the tree.
pub(super) fn scan<K: Keeping>(tree: &Tree<Thing<K>>, guard: &<Early as Rcu>::Guard) -> Vec<(u64, u64, u32)> {
    let mut found = Vec::new();
    tree.iter(guard).for_each(|(range, body)| found.push((*range.start(), *range.end(), body.look())));
    assert!(found.is_sorted_by(|one, next| one.1 < next.0), "ranges do not rise: {found:?}");
    found
}
