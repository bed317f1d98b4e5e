//! The crate without the feature `std`: a tree with its flavour's records and its lock from the caller, as in a kernel.
//!
//! Run with `cargo test -p maple-tree --no-default-features --test no_std`. That nothing of the standard library is linked shows in a build for a
//! target that has none (`x86_64-unknown-none`).
#![cfg(not(feature = "std"))]

use maple_rcu::{Domain, GraceOn, Platform, Rcu, Record};
use maple_tree::{MapleTree, RangeMap, Reserve};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

static DOMAIN: Domain = Domain::new();
static RECORDS: [Record; 16] = [const { Record::new() }; 16];
static PROCESSORS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The processor that this thread is.
    static PROCESSOR: Cell<Option<usize>> = const { Cell::new(None) };
}

struct Machine;

// SAFETY: `DOMAIN` is used by nothing else. Every thread has a record of its own, which is registered before its first use and never given to
// another one.
unsafe impl Platform for Machine {
    fn domain() -> &'static Domain {
        &DOMAIN
    }

    fn current() -> &'static Record {
        let processor = PROCESSOR.get().unwrap_or_else(|| PROCESSORS.fetch_add(1, Ordering::Relaxed));
        PROCESSOR.set(Some(processor));
        let record = &RECORDS[processor];
        DOMAIN.register(record);
        record
    }

    fn pause(_: u32) {
        thread::yield_now();
    }
}

type Flavour = GraceOn<Machine>;
type Tree<V> = MapleTree<V, Flavour, spin::Mutex<()>>;

static TREE: Tree<u32> = Tree::with_reserve(Reserve::global());

#[test]
fn a_static_tree_is_read_beside_a_writer() {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..2_000_u64 {
                let first = round % 100 * 10;
                TREE.store(first..first + 10, round as u32).expect("memory");
                if round % 3 == 0 {
                    drop(TREE.erase((round * 7) % 1_000));
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let guard = Flavour::pin();
                    let mut end = 0;
                    for (range, round) in TREE.iter(&guard) {
                        assert!(end <= *range.start(), "ranges rise");
                        assert_eq!(u64::from(round) % 100 * 10, *range.start(), "an entry under another range");
                        end = range.end() + 1;
                    }
                }
            });
        }
    });
    TREE.prune(500);
    TREE.synchronize().expect("no section of this thread is open");
    assert!(TREE.iter(&TREE.pin()).all(|(range, _)| *range.start() < 500));
    TREE.validate().expect("valid");
}

#[test]
fn entries_that_own_memory_are_released_after_a_grace_period() {
    let tree: Tree<Box<String>> = MapleTree::from_map(RangeMap::new());
    tree.store(0..10, Box::new("one".to_owned())).expect("memory");
    let guard = tree.pin();
    let found = tree.get(5, &guard).expect("stored");
    let removed = tree.erase(5).expect("stored");
    assert_eq!((found.as_str(), removed.get().as_str()), ("one", "one"));
    assert!(tree.synchronize().is_err(), "inside a section of this thread");
    drop(guard);
    let owned = removed.wait().unwrap_or_else(|_| panic!("no section is open"));
    assert_eq!(*owned, "one");
    assert!(tree.into_inner().is_empty());
}
