//! Trees whose flavour needs no memory: what may allocate on the default one asks for nothing here.

use maple_tests::alloc::{Counting, quiet};
use maple_tests::beside::beside;
use maple_tests::counted::alone;
use maple_tree::{Grace, MapleTree, Rcu, RcuArc, RcuBox, Reserve, Shared, Shortage, TryClone};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn reserve(capacity: usize) -> &'static Reserve {
    Box::leak(Box::new(Reserve::new(capacity)))
}

/// Entries of ten indices each, side by side.
fn tree<V: Shared<Grace> + TryClone>(reserve: &'static Reserve, entries: u64, entry: impl Fn(u64) -> V) -> MapleTree<V, Grace> {
    let tree = MapleTree::with_reserve(reserve);
    for number in 0..entries {
        assert!(tree.store(number * 10..=number * 10 + 9, entry(number)).is_ok(), "memory");
    }
    tree
}

/// A thread inside a read section while `f` runs; `f` may let it go before.
fn beside_a_reader<T>(f: impl FnOnce(mpsc::Sender<()>) -> T) -> T {
    let (leave, left) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let guard = Grace::pin();
            enter.send(()).expect("the test is there");
            let _ = left.recv();
            drop(guard);
        });
        entered.recv().expect("the reader is there");
        f(leave)
    })
}

#[test]
fn waiting_for_a_loan_needs_no_memory() {
    let _alone = alone();
    Grace::try_register().expect("memory");
    let tree = tree(reserve(8), 3_000, |number| u32::try_from(number).expect("small"));
    quiet(|| tree.synchronize()).expect("not inside");
    let last = || *tree.last(&tree.pin()).expect("entries").0.start();
    let refused = beside_a_reader(|leave| {
        // With a reader inside, nothing that is retired comes back: cut until neither tree nor reserve has a node.
        let refused = loop {
            let start = quiet(last);
            assert!(start > 1_000, "never short of nodes");
            if let Err(refused) = quiet(|| tree.prune_cut(start + 5)) {
                break refused;
            }
            quiet(|| tree.prune(start));
        };
        drop(leave);
        let pruned = quiet(|| tree.prune_cut_or(refused.at, Shortage::Wait)).expect("nodes after the grace period");
        assert!(pruned.nodes_taken > 0);
        refused
    });
    assert_eq!(tree.last(&tree.pin()).map(|(range, _)| range), Some(*refused.range.start()..=refused.at - 1));
    tree.validate().expect("valid");
}

/// Everything that the default flavour may allocate for, and all removals.
fn removals_and_reclaiming<V: Shared<Grace> + TryClone>(entry: impl Fn(u64) -> V) {
    let _alone = alone();
    Grace::try_register().expect("memory");
    let tree = tree(reserve(16), 500, entry);
    for round in 0..20 {
        let from = (480 - round * 20) * 10;
        let removed = quiet(|| tree.erase(from + 5)).expect("an entry");
        assert_eq!(removed.range(), from..=from + 9);
        assert!(quiet(|| removed.wait()).is_ok());
        drop(quiet(|| tree.erase(from + 15)));
        quiet(|| tree.remove_whole(from + 20..from + 60));
        quiet(|| tree.hand_over());
        quiet(|| tree.prune(from + 100));
        quiet(|| tree.prune_in_place(from + 80));
        quiet(|| tree.synchronize()).expect("not inside");
        tree.validate().expect("valid");
    }
    quiet(|| tree.clear());
    quiet(|| tree.hand_over());
    quiet(Grace::synchronize).expect("not inside");
    quiet(|| drop(tree));
}

#[test]
fn removals_and_reclaiming_of_integers() {
    removals_and_reclaiming(|number| u32::try_from(number).expect("small"));
}

#[test]
fn removals_and_reclaiming_of_arcs() {
    removals_and_reclaiming(Arc::new);
}

#[test]
fn removals_and_reclaiming_of_boxes_with_links() {
    removals_and_reclaiming(|number| RcuBox::try_new(number).unwrap_or_else(|_| panic!("memory")));
}

#[test]
fn removals_and_reclaiming_of_arcs_with_links() {
    removals_and_reclaiming(|number| RcuArc::<u64, Grace>::try_new(number).unwrap_or_else(|_| panic!("memory")));
}

/// More batches than the flavour has room for, while a reader keeps all of them waiting: they stay with the tree.
#[test]
fn what_the_flavour_has_no_room_for_stays_with_the_tree() {
    let _alone = alone();
    let reserve = reserve(16);
    let tree = tree(reserve, 200, Arc::new);
    tree.synchronize().expect("not inside");
    let shared = Arc::new(0);
    let waiting = beside_a_reader(|_leave| {
        for round in 0..200 {
            for number in 0..100 {
                tree.store(number * 20..=number * 20 + 9, Arc::clone(&shared)).expect("memory");
                if (round + number) % 7 == 0 {
                    tree.hand_over();
                }
            }
        }
        let waiting = reserve.figures().waiting;
        assert!(waiting > 64 * 64, "{waiting} nodes wait, which fit the table");
        assert!(Arc::strong_count(&shared) > 10_000, "released under a reader");
        waiting
    });
    tree.validate().expect("valid");
    // What is with the flavour is run here, what is with the tree is released here.
    Grace::barrier().expect("not inside");
    tree.synchronize().expect("not inside");
    Grace::barrier().expect("not inside");
    assert_eq!(reserve.figures().waiting, 0, "of {waiting}");
    assert_eq!(Arc::strong_count(&shared), 1 + 100, "each entry once, and the test's own");
    drop(tree);
    assert_eq!(Arc::strong_count(&shared), 1);
}

/// Values that say when they are looked at too late.
#[derive(Debug)]
struct Tomb(AtomicU64);

const ALIVE: u64 = 0x0a11_5e11;

impl Drop for Tomb {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[test]
fn readers_beside_a_writer_that_reclaims_all_the_time() {
    let _alone = alone();
    let new = |_| Arc::new(Tomb(AtomicU64::new(ALIVE)));
    let tree = tree(reserve(16), 300, new);
    let look = |entry: &Tomb| assert_eq!(entry.0.load(Ordering::Relaxed), ALIVE, "released under a reader");
    beside(
        2,
        |reader| {
            let mut guard = tree.pin();
            for _ in 0..50 {
                if let Some(entry) = tree.get(reader.rng.below(3_000), &guard) {
                    look(entry.get());
                }
                guard.repin();
            }
            tree.range(reader.rng.below(3_000).., &guard).take(20).for_each(|(_, entry)| look(entry.get()));
        },
        || {
            let mut rng = maple_tests::shapes::Rng(3);
            for round in 0..3_000_u64 {
                let first = rng.below(300) * 10;
                match round % 5 {
                    0 => drop(tree.erase(first)),
                    1 => tree.remove(first + 3..first + 17).expect("memory"),
                    2 => tree.synchronize().expect("not inside"),
                    _ => tree.store(first..=first + 9, new(0)).expect("memory"),
                }
            }
        },
    );
    tree.validate().expect("valid");
}
