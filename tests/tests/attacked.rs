//! What an attack on the engine once found, each as a test.

use maple_tree::{AllocError, Epoch, MapleTree, RangeMap, Rcu, RcuBox, Shortage};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Fails, instead of hanging for ever, when `work` waits for itself.
fn finishes(work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        done.send(()).expect("the test waits");
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => worker.join().expect("no panic"),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it waits for itself"),
    }
}

/// Counts values alive.
struct Live(Arc<AtomicUsize>, u64);

impl Live {
    fn new(count: &Arc<AtomicUsize>, value: u64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count), value)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A reader that still is in a leaf which was replaced saw an overwritten entry as a gap.
#[test]
fn an_overwritten_entry_is_never_seen_as_a_gap() {
    let tree = MapleTree::<Box<u64>>::new();
    for number in 0..8 {
        tree.store(number * 10..=number * 10 + 9, Box::new(number)).expect("memory");
    }
    let guard = tree.pin();
    let (mut walk, mut gaps) = (tree.iter(&guard), tree.gaps(.., &guard));
    assert_eq!(walk.next().map(|(range, _)| range), Some(0..=9));
    let mut both = gaps.clone();
    assert_eq!(both.next_back(), Some(80..=u64::MAX));
    for number in 2..6 {
        tree.store(number * 10..=number * 10 + 9, Box::new(number + 100)).expect("memory");
    }
    tree.store(25..=44, Box::new(200)).expect("memory");
    assert_eq!(walk.map(|(range, _)| *range.start()).collect::<Vec<_>>(), [10, 20, 30, 40, 50, 60, 70]);
    assert_eq!(both.next(), None);
    assert_eq!(gaps.next(), Some(80..=u64::MAX));
}

/// Two readers' ends that saw different bounds reported what lies under an entry as free.
#[test]
fn gaps_from_both_ends_are_free_of_entries_that_straddle_them() {
    let tree = MapleTree::<u32>::new();
    tree.store(5..=9, 1).expect("memory");
    tree.store(10..=20, 2).expect("memory");
    for number in 1000..1064 {
        tree.store(number..=number, 3).expect("memory");
    }
    let guard = tree.pin();
    let mut gaps = tree.gaps(..=30, &guard);
    assert_eq!(gaps.next_back(), Some(21..=30));
    tree.store(5..=15, 4).expect("memory");
    for gap in gaps {
        assert!(*gap.end() < 5, "{gap:?} was never free");
    }
}

/// Entries with a link of their own were remembered, but no number of them was ever enough for a batch.
#[test]
#[cfg_attr(
    maple_rcu_all_grace,
    ignore = "a reader that does not run for a moment fills the table of batches, and the rest waits"
)]
fn replaced_entries_with_a_link_do_not_pile_up() {
    let live = Arc::new(AtomicUsize::new(0));
    let tree = MapleTree::<RcuBox<Live>>::new();
    for number in 0..20_000 {
        let entry = RcuBox::try_new(Live::new(&live, number)).map_err(|AllocError(_)| ()).expect("memory");
        if number % 2 == 0 || tree.is_empty(&tree.pin()) {
            tree.insert(5..=5, entry).map_or_else(|refused| drop(tree.replace(5, refused.value)), |()| ());
        } else {
            drop(tree.replace(5, entry));
        }
        // Batches are of 64; other tests retire into the same list. (How many are alive depends on who is in a read section.)
        assert!(Epoch::retired().len() < 1_000, "{number}");
    }
    drop(tree);
}

/// Many small holes retired nodes without ever handing them over.
#[test]
#[cfg_attr(
    maple_rcu_all_grace,
    ignore = "a reader that does not run for a moment fills the table of batches, and the rest waits"
)]
fn removals_that_may_allocate_hand_over() {
    let tree = MapleTree::<u32>::new();
    tree.store(.., 1).expect("memory");
    for hole in 0..5000 {
        tree.remove(hole * 10..=hole * 10).expect("memory");
        assert!(tree.figures().retired <= 128, "{:?}", tree.figures());
    }
}

/// Removing whole entries used up what a copy keeps for its prune.
#[test]
fn removals_leave_the_earmark() {
    let mut map = RangeMap::new();
    for number in 0..2000u64 {
        map.store(number * 10..=number * 10 + 9, 1u32).expect("memory");
    }
    let copy = MapleTree::<u32>::from(map.dup().expect("memory"));
    let earmarked = copy.figures().earmarked;
    for number in 0..200 {
        copy.remove(number * 10..=number * 10 + 19).expect("nothing is cut");
    }
    assert_eq!(copy.figures().earmarked, earmarked);
}

/// A tree emptied range by range kept inner nodes, or a leaf that was one gap.
#[test]
fn a_tree_that_was_emptied_is_as_new() {
    for step in [1, 3, 16] {
        let tree = MapleTree::<u32>::new();
        for number in 0..3000u64 {
            tree.store(number..=number, 1).expect("memory");
        }
        for first in (0..3000).step_by(step as usize) {
            tree.remove(first..first + step).expect("memory");
        }
        assert_eq!(tree.validate().expect("a valid tree").nodes, 0, "{step} at a time");
    }
}

/// An entry whose drop does something.
struct OnDrop(Option<Box<dyn FnOnce() + Send + Sync>>);

impl OnDrop {
    fn new(action: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(action)))
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// The drop of an entry that waits for a grace period of the same tree waited for the sweep that was dropping it.
#[test]
fn an_entry_may_synchronize_its_tree_when_it_is_dropped() {
    finishes(|| {
        let tree = Arc::new(MapleTree::<Box<OnDrop>>::new());
        let again = Arc::clone(&tree);
        let action = move || again.synchronize().expect("no guard is held");
        tree.store(1..=1, Box::new(OnDrop::new(action))).map_err(drop).expect("memory");
        drop(tree.erase(1));
        tree.synchronize().expect("no guard is held");
        assert!(tree.is_empty(&tree.pin()));
    });
}

impl Clone for OnDrop {
    fn clone(&self) -> Self {
        panic!("this entry cannot be cloned");
    }
}

/// A value that is not stored because the clone of another entry panicked was dropped under the tree's lock.
#[test]
fn a_value_that_was_not_stored_may_change_the_tree_when_it_is_dropped() {
    finishes(|| {
        let tree = Arc::new(MapleTree::<Box<OnDrop>>::new());
        tree.store(1..=9, Box::new(OnDrop(None))).map_err(drop).expect("memory");
        let again = Arc::clone(&tree);
        let value = Box::new(OnDrop::new(move || drop(again.erase(100))));
        let stored = panic::catch_unwind(AssertUnwindSafe(|| tree.store(5..=5, value).is_ok()));
        assert!(stored.is_err(), "the entry at 1..=9 would have been split");
        assert_eq!(tree.get_range(5, &tree.pin()).0, 1..=9);
        tree.validate().expect("a valid tree");
    });
}

/// A drop that panics in the middle of a sweep lost the entries behind it.
#[test]
fn a_panic_in_a_drop_loses_nothing_else() {
    for culprit in [0, 7, 16, 99] {
        let live = Arc::new(AtomicUsize::new(0));
        let tree = MapleTree::<Box<(Live, OnDrop)>>::new();
        for number in 0..200u64 {
            let fatal = if number == culprit { OnDrop::new(|| panic!("on purpose")) } else { OnDrop(None) };
            tree.insert(number..=number, Box::new((Live::new(&live, number), fatal))).map_err(drop).expect("memory");
        }
        for number in 0..100 {
            drop(tree.erase(number));
        }
        let result = panic::catch_unwind(AssertUnwindSafe(|| tree.synchronize()));
        assert!(result.is_err(), "the drop panicked");
        tree.synchronize().expect("no guard is held");
        assert_eq!(live.load(Ordering::Relaxed), 100, "entry {culprit} panics");
        tree.validate().expect("a valid tree");
        assert_eq!(tree.iter(&tree.pin()).map(|(_, entry)| entry.0.1).collect::<Vec<_>>(), (100..200).collect::<Vec<_>>());
        drop(tree);
        assert_eq!(live.load(Ordering::Relaxed), 0, "entry {culprit} panics");
    }
}

/// Two views of the structure in one expression waited for each other.
#[test]
fn views_of_the_structure_lock_only_while_they_print() {
    finishes(|| {
        let tree = MapleTree::<u32>::new();
        tree.store(1..=2, 3).expect("memory");
        let printed = format!("{} {} {:?}", tree.dump(), tree.dot(), tree.validate());
        assert!(printed.contains("1..=2") && printed.contains("digraph"), "{printed}");
    });
}

/// A thread inside a read section that calls `synchronize` gets an error also while another thread is in one.
#[test]
fn misuse_of_synchronize_is_reported_while_another_thread_waits() {
    finishes(|| {
        let tree = Arc::new(MapleTree::<u32>::new());
        let guard = Epoch::pin();
        let other = Arc::clone(&tree);
        let waiter = thread::spawn(move || other.synchronize());
        for _ in 0..1000 {
            assert!(tree.synchronize().is_err());
            thread::yield_now();
        }
        drop(guard);
        waiter.join().expect("no panic").expect("no guard is held there");
    });
}

/// A removal that emptied a leaf left the writer at the gap above it, and the next erase looked no further down from there.
#[test]
fn an_erase_after_a_leaf_was_emptied_finds_its_entry() {
    for (first, last) in (0..100u64).flat_map(|first| (first..first + 20).map(move |last| (first, last))) {
        let tree = MapleTree::<u32>::new();
        for number in 0..100u32 {
            let start = u64::from(number) * 10;
            tree.store(start..=start + 9, number).expect("memory");
        }
        tree.remove_or(first * 10..=last * 10 + 9, Shortage::Refuse).expect("nothing is cut");
        for number in (0..100).rev() {
            let erased = tree.erase(number * 10).map(|removed| *removed.range().start());
            let expected = (!(first..=last).contains(&number)).then_some(number * 10);
            assert_eq!(erased, expected, "after {first}..={last} was removed");
        }
    }
}

/// A map filled in order to the brim got an inner node for nothing but the gap behind the last entry, which outlived all entries.
#[test]
fn a_map_filled_to_the_brim_of_its_nodes_has_no_node_without_an_entry() {
    for count in [16, 17, 255, 256, 257, 4096] {
        let mut map: RangeMap<u32> = (0..count).map(|number| (number..=number, 1u32)).collect();
        let before = map.validate().expect("a valid map");
        map.compact().expect("memory");
        assert_eq!(map.validate().expect("a valid map").nodes, before.nodes);
        map.remove(..count).expect("nothing is cut");
        assert_eq!(map.validate().expect("a valid map").nodes, 0, "{count} entries");
    }
}

/// Leaves that were removed beside readers one after another left gaps side by side of which the tree knew nothing.
#[test]
fn gaps_side_by_side_above_the_leaves_do_not_outlive_the_entries() {
    for order in [[0u64, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut tree = MapleTree::<u32>::new();
        for number in 0..48u64 {
            tree.store(number..=number, 1).expect("memory");
        }
        let [one, two, last] = order.map(|third| third * 16..third * 16 + 16);
        tree.remove(one).expect("memory");
        tree.remove(two).expect("memory");
        let map = tree.get_mut();
        map.remove(last).expect("memory");
        assert_eq!(map.validate().expect("a valid map").nodes, 0, "{order:?}");
    }
}

/// A gap in two slots was not joined when a removal began in the second.
#[test]
fn a_removal_that_begins_in_a_gap_joins_the_gap_before_it() {
    let mut map = RangeMap::new();
    for number in 0..3u64 {
        map.store(number * 10..=number * 10 + 9, 1u32).expect("memory");
    }
    map.remove_whole(0..=19);
    map.remove(15..=29).expect("nothing is cut");
    assert_eq!(map.validate().expect("a valid map").nodes, 0);
}

/// A prune that found too few nodes put what the tree had to spare aside for the next prune.
#[test]
fn a_prune_that_is_refused_leaves_the_books_as_they_were() {
    static NOTHING: maple_tree::Reserve = maple_tree::Reserve::new(0);
    let tree = MapleTree::<u32>::with_reserve(&NOTHING);
    for number in 0..3000u64 {
        tree.store(number * 10..=number * 10 + 9, 1).expect("memory");
    }
    // Until one node is left, which is too few for a path of three.
    for next in 3000.. {
        tree.store(next * 10..=next * 10 + 9, 1).expect("memory");
        let before = tree.figures();
        if before.spare == 1 {
            tree.prune_cut(15005).expect_err("an entry would be cut");
            assert_eq!(tree.figures(), before);
            return;
        }
    }
}

/// What was copied before the closure failed has gaps side by side, of which the copy knew nothing.
#[test]
fn a_copy_that_stopped_can_be_emptied() {
    for (count, good) in (0..100u64).flat_map(|count| (0..count).map(move |good| (count, good))) {
        let map: RangeMap<u32> = (0..count).map(|number| (number * 10..=number * 10 + 9, number as u32)).collect();
        let failed = map.try_dup_with::<u32, ()>(|_, value| if u64::from(value) < good { Ok(value) } else { Err(()) });
        let Err(maple_tree::DupError::Entry { mut partial, .. }) = failed else { panic!("it failed") };
        assert_eq!(partial.iter().count() as u64, good);
        partial.store(0..=0, 7).expect("memory");
        for index in std::iter::once(0).chain((0..good).map(|number| number * 10 + 1)) {
            assert!(partial.erase(index).is_some());
        }
        assert_eq!(partial.validate().expect("a valid map").nodes, 0, "{good} of {count}");
    }
}

/// A map that was filled in order left its reserve empty.
#[test]
fn filling_a_map_in_order_fills_the_reserve() {
    static RESERVE: maple_tree::Reserve = maple_tree::Reserve::new(8);
    let mut map = MapleTree::<u32>::with_reserve(&RESERVE).into_inner();
    map.extend((0..100).map(|number| (number * 10..=number * 10 + 9, 1)));
    assert_eq!(RESERVE.figures().free, 8);
}
