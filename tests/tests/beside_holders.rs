//! Readers that are slow, and owners of what was removed: an iterator held in the middle of a node while that node is replaced, split,
//! emptied, and its sub-tree pruned; grace periods that wait for it; removed entries that are read, kept, waited for and dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use maple_tests::beside::{Tag, Tagged};
use maple_tests::counted::{Arcs, Boxes, Counted, Kind, Ledger, alone};
use maple_tests::kinds;
use maple_tests::shapes::settle;
use maple_tree::{Epoch, MapleTree, PruneForm, Rcu};

kinds! {
    iterator_held_in_a_node gap_iterator_held grace_period_waits_for_an_iterator removed_is_readable_until_dropped
    removed_waits removed_inside_a_read_section removed_from_several_threads synchronize_releases_what_went_before
    synchronize_beside_that_of_other_trees
}

/// Entries of the trees: ten indices each, a gap of ten after it. 120 of them make two levels of nodes, 600 three.
const STRIDE: u64 = 20;

/// What happens to the node under an iterator.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Every value gets a successor; the ranges stay.
    Replace,
    /// New entries in the gaps split the node.
    Split,
    /// Every entry near the iterator is erased, one by one.
    Erase,
    /// Everything near the iterator is removed at once.
    Remove,
    /// One entry takes the place of many.
    Overwrite,
    /// The sub-tree goes: by path copy, in place, with everything else.
    Prune,
    PruneInPlace,
    Clear,
    /// All nodes are built anew.
    Compact,
}

const CHANGES: [Change; 9] = [
    Change::Replace,
    Change::Split,
    Change::Erase,
    Change::Remove,
    Change::Overwrite,
    Change::Prune,
    Change::PruneInPlace,
    Change::Clear,
    Change::Compact,
];

/// Makes a change around entry `at`. Returns which entries are still what they were.
fn make_change<K: Kind>(tagged: &Tagged<K>, change: Change, at: u64, count: u64) -> Box<dyn Fn(u64) -> bool> {
    let (from, to) = (at.saturating_sub(10), (at + 10).min(count - 1));
    let (lo, hi) = (from * STRIDE, to * STRIDE + 9);
    match change {
        Change::Replace => {
            for at in 0..count {
                let (lo, hi) = (at * STRIDE, at * STRIDE + 9);
                drop(tagged.tree.replace(lo + 4, tagged.value(lo, hi, 1)).expect("an entry"));
            }
            // The same entries, as far as ranges go.
            Box::new(|_| true)
        }
        Change::Split => {
            (from..to).for_each(|at| tagged.insert(at * STRIDE + 12, at * STRIDE + 15, 1));
            Box::new(|_| true)
        }
        Change::Erase => {
            (from..=to).for_each(|at| drop(tagged.tree.erase(at * STRIDE).expect("an entry")));
            Box::new(move |at| !(from..=to).contains(&at))
        }
        Change::Remove => {
            tagged.tree.remove(lo..=hi).expect("memory");
            Box::new(move |at| !(from..=to).contains(&at))
        }
        Change::Overwrite => {
            tagged.store(lo, hi, 1);
            Box::new(move |at| !(from..=to).contains(&at))
        }
        Change::Prune => {
            assert_eq!(tagged.tree.prune(lo).form, PruneForm::PathCopy, "the reserve is full");
            Box::new(move |at| at < from)
        }
        Change::PruneInPlace => {
            assert_eq!(tagged.tree.prune_in_place(lo).nodes_taken, 0);
            Box::new(move |at| at < from)
        }
        Change::Clear => {
            tagged.tree.clear();
            Box::new(|_| false)
        }
        Change::Compact => {
            tagged.tree.compact().expect("memory");
            Box::new(|_| true)
        }
    }
}

/// An iterator stops after some entries, a change happens, the iterator goes on: whatever was there all the time comes exactly once, in
/// order, and nothing comes under a range that it never had. What it had already given out can still be read.
fn iterator_held_in_a_node<K: Kind>() {
    let _alone = alone();
    for count in [14, 120, 600] {
        for change in CHANGES {
            for (step, held) in [0, 1, 2, 7, 8, 15, 16, 17, 60, 119, 300, 599].into_iter().enumerate() {
                if held >= count {
                    continue;
                }
                let forward = step % 2 == 0;
                let tagged = Tagged::<K>::new();
                tagged.fill(count, 10, STRIDE);
                tagged.tree.synchronize().expect("not inside a read section");
                let number = |given: u64| if forward { given } else { count - 1 - given };
                let guard = tagged.tree.pin();
                let mut walk = tagged.tree.iter(&guard);
                let mut next = || if forward { walk.next() } else { walk.next_back() };
                let mut last = None;
                for given in 0..held {
                    let (range, entry) = next().expect("an entry");
                    assert_eq!(*range.start(), number(given) * STRIDE);
                    last = Some((range, entry));
                }
                let stays = make_change::<K>(&tagged, change, number(held), count);
                tagged.tree.hand_over();
                tagged.tree.validate().expect("valid");
                if let Some((range, entry)) = last.clone() {
                    let tag = Tag::of(K::id(entry));
                    assert_eq!((tag.range(), tag.generation), (range, 0), "what was given out is still there");
                }
                let context = format!("{change:?} after {held} of {count}, forward: {forward}");
                let mut stable = (held..count).map(number).filter(|at| stays(*at)).collect::<Vec<_>>().into_iter();
                let mut edge = last.map(|(range, _)| if forward { *range.end() } else { *range.start() });
                while let Some((range, entry)) = next() {
                    let tag = Tag::of(K::id(entry));
                    tag.assert_holds(&range);
                    assert_eq!(tag.range(), range, "{context}: entries are only stored and removed whole");
                    let ordered = edge.is_none_or(|edge| if forward { edge < *range.start() } else { *range.end() < edge });
                    assert!(ordered, "{context}: {range:?} after {edge:?}");
                    edge = Some(if forward { *range.end() } else { *range.start() });
                    let at = *range.start() / STRIDE;
                    if *range.start() % STRIDE == 0 && *range.end() == *range.start() + 9 && stays(at) {
                        assert_eq!(stable.next(), Some(at), "{context}: skipped or repeated");
                    }
                }
                assert_eq!(stable.next(), None, "{context}: skipped");
                assert!(next().is_none(), "{context}: over is over");
                // A fresh walk sees the change.
                let fresh = tagged
                    .walk(true)
                    .into_iter()
                    .filter(|(range, tag)| tag.generation == 0 && *range.end() == *range.start() + 9);
                let want = if matches!(change, Change::Replace) { 0 } else { (0..count).filter(|at| stays(*at)).count() };
                assert_eq!(fresh.count(), want, "{context}");
                drop(guard);
                tagged.end();
            }
        }
    }
}

/// The same for an iterator over gaps: no index of a gap that it gives was always covered, and gaps come in order.
fn gap_iterator_held<K: Kind>() {
    let _alone = alone();
    const COUNT: u64 = 120;
    for change in CHANGES {
        for held in [0, 1, 8, 15, 60, 118] {
            let tagged = Tagged::<K>::new();
            tagged.fill(COUNT, 10, STRIDE);
            let guard = tagged.tree.pin();
            let mut gaps = tagged.tree.gaps(..COUNT * STRIDE, &guard);
            for given in 0..held {
                assert_eq!(gaps.next(), Some(given * STRIDE + 10..=given * STRIDE + 19));
            }
            let stays = make_change::<K>(&tagged, change, held, COUNT);
            let mut edge = held * STRIDE;
            for gap in gaps {
                assert!(edge <= *gap.start() && gap.start() <= gap.end() && *gap.end() < COUNT * STRIDE, "{gap:?} after {edge}");
                edge = *gap.end() + 1;
                let mut covered = (*gap.start()..=*gap.end()).filter(|index| index % STRIDE < 10 && stays(index / STRIDE));
                assert_eq!(covered.next(), None, "{change:?}: {gap:?} was never free");
            }
            drop(guard);
            tagged.end();
        }
    }
}

/// A thread that waits for a grace period is not done before the reader inside is: nothing is released under it.
fn grace_period_waits_for_an_iterator<K: Kind>() {
    let _alone = alone();
    for change in CHANGES {
        let tagged = Tagged::<K>::new();
        tagged.fill(120, 10, STRIDE);
        settle();
        let waited = AtomicBool::new(false);
        thread::scope(|scope| {
            let guard = tagged.tree.pin();
            let mut walk = tagged.tree.iter(&guard);
            let held: Vec<_> = walk.by_ref().take(60).collect();
            let live = tagged.live();
            let stays = make_change::<K>(&tagged, change, 60, 120);
            let (begin, begun) = mpsc::channel();
            let (tagged, waited) = (&tagged, &waited);
            scope.spawn(move || {
                begin.send(()).expect("somebody listens");
                tagged.tree.synchronize().expect("not inside a read section");
                waited.store(true, Ordering::SeqCst);
            });
            begun.recv().expect("the thread has begun");
            // However long the reader takes; here, long enough for a wait that does not wait to show.
            thread::sleep(Duration::from_millis(5));
            assert!(!waited.load(Ordering::SeqCst), "{change:?}: the grace period ended inside a read section");
            assert!(tagged.live() >= live, "{change:?}: something was released under the reader");
            for (range, entry) in held {
                assert_eq!(Tag::of(K::id(entry)).range(), range);
            }
            let rest = walk.inspect(|(range, entry)| Tag::of(K::id(*entry)).assert_holds(range)).count();
            assert!(rest >= (61..120).filter(|at| stays(*at)).count());
            drop(guard);
        });
        assert!(waited.load(Ordering::SeqCst));
        if K::COUNTED {
            let entries = tagged.tree.validate().expect("valid").entries;
            tagged.tree.synchronize().expect("not inside a read section");
            settle();
            assert_eq!(tagged.live(), i64::try_from(entries).expect("fits"), "{change:?}: only what is in the tree is left");
        }
        tagged.end();
    }
}

/// A tree with books for each entry: entry `id` lies at `id * 10..=id * 10 + 9`.
fn booked<K: Kind>(count: u64) -> (MapleTree<K::V>, Arc<Ledger>) {
    let ledger = Ledger::new(2_000);
    let tree = MapleTree::new();
    for id in 0..count {
        tree.store(id * 10..=id * 10 + 9, K::make(&ledger, id)).expect("memory");
    }
    tree.synchronize().expect("not inside a read section");
    (tree, ledger)
}

/// What was removed is readable for as long as its handle lives, through grace periods and further changes, and is dropped after
/// that exactly once.
fn removed_is_readable_until_dropped<K: Kind>() {
    let _alone = alone();
    let (tree, ledger) = booked::<K>(300);
    let mut held: Vec<_> = (0..300).step_by(7).map(|id| tree.erase(id * 10 + 3).expect("an entry")).collect();
    held.extend((3..300).step_by(7).map(|id| tree.replace(id * 10, K::make(&ledger, id + 1_000)).expect("an entry")));
    let check = |held: &[maple_tree::Removed<'_, K::V, Epoch>]| {
        for removed in held {
            let id = K::id(removed.get());
            assert_eq!(removed.range(), id * 10..=id * 10 + 9);
            assert!(!K::COUNTED || ledger.dropped(id) == 0);
            assert!(!format!("{removed:?}").is_empty());
        }
    };
    check(&held);
    tree.synchronize().expect("not inside a read section");
    tree.hand_over();
    check(&held);
    tree.store(0..=999, K::make(&ledger, 1_500)).expect("memory");
    tree.prune(2_000);
    tree.clear();
    tree.synchronize().expect("not inside a read section");
    settle();
    check(&held);
    // Half of them are dropped; once all are, a grace period releases them and everything that waited with them.
    held.truncate(40);
    check(&held);
    drop(held);
    tree.synchronize().expect("not inside a read section");
    settle();
    assert_eq!(ledger.live(), 0);
    tree.validate().expect("valid");
    drop(tree);
    ledger.assert_all_dropped();
}

/// `wait` gives the value out, to be used and dropped like any other; readers that came before it were done by then.
fn removed_waits<K: Kind>() {
    let _alone = alone();
    let (tree, ledger) = booked::<K>(100);
    let mut owned = Vec::new();
    for id in 0..100 {
        let removed = if id % 2 == 0 {
            tree.erase(id * 10).expect("an entry")
        } else {
            tree.replace(id * 10, K::make(&ledger, id + 1_000)).expect("an entry")
        };
        let inside = AtomicBool::new(true);
        let (begin, begun) = mpsc::channel();
        let value = thread::scope(|scope| {
            if id % 10 < 2 {
                let (inside, tree) = (&inside, &tree);
                scope.spawn(move || {
                    let guard = tree.pin();
                    begin.send(()).expect("somebody listens");
                    thread::sleep(Duration::from_millis(2));
                    inside.store(false, Ordering::SeqCst);
                    drop(guard);
                });
                begun.recv().expect("the reader is inside");
            } else {
                inside.store(false, Ordering::SeqCst);
            }
            let value = removed.wait().expect("not inside a read section");
            assert!(!inside.load(Ordering::SeqCst), "the wait was over before the reader was");
            value
        });
        assert_eq!(K::id_of(&value), id);
        assert!(!K::COUNTED || ledger.dropped(id) == 0);
        owned.push(value);
    }
    assert_eq!(tree.validate().expect("valid").entries, 50);
    // The values are ours: the tree goes first.
    drop(tree);
    settle();
    for (id, value) in (0..).zip(owned) {
        assert_eq!(K::id_of(&value), id);
        drop(value);
        settle();
        assert!(!K::COUNTED || ledger.dropped(id) == 1, "dropped when its owner drops it");
    }
    ledger.assert_all_dropped();
}

/// Inside a read section of one's own there is nothing to wait for but oneself: the handle comes back, as it was.
fn removed_inside_a_read_section<K: Kind>() {
    let _alone = alone();
    let (tree, ledger) = booked::<K>(40);
    let guard = tree.pin();
    let seen = tree.get(55, &guard).expect("an entry");
    let removed = tree.erase(55).expect("an entry");
    let removed = removed.wait().err().expect("inside a read section");
    assert_eq!((K::id(removed.get()), removed.range()), (5, 50..=59));
    assert!(tree.synchronize().is_err() && Epoch::synchronize().is_err());
    let inner = tree.pin();
    let removed = removed.wait().err().expect("inside two read sections");
    drop(inner);
    let removed = removed.wait().err().expect("still inside one");
    assert_eq!(K::id(seen), 5, "the reader still has it");
    drop(guard);
    let value = removed.wait().expect("outside");
    assert_eq!(K::id_of(&value), 5);
    drop(value);
    tree.synchronize().expect("outside");
    settle();
    assert!(!K::COUNTED || (ledger.dropped(5), ledger.live()) == (1, 39));
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

/// Handles travel: what one thread removes, another reads, waits for and drops, while readers look and the owner goes on.
fn removed_from_several_threads<K: Kind>() {
    let _alone = alone();
    let (tree, ledger) = booked::<K>(1_000);
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel::<maple_tree::Removed<'_, K::V, Epoch>>();
        scope.spawn(|| {
            let receive = receive;
            for (step, removed) in receive.into_iter().enumerate() {
                let id = K::id(removed.get());
                assert_eq!(removed.range(), id * 10..=id * 10 + 9);
                if step % 5 == 0 {
                    assert_eq!(K::id_of(&removed.wait().expect("not inside a read section")), id);
                }
            }
        });
        scope.spawn(|| {
            let mut left = 1_000;
            while left > 0 {
                let guard = tree.pin();
                left = tree.iter(&guard).inspect(|(range, entry)| assert_eq!(K::id(*entry), range.start() / 10)).count();
            }
        });
        for id in (0..1_000).map(|step| step * 377 % 1_000) {
            send.send(tree.erase(id * 10).expect("an entry")).expect("somebody listens");
            if id % 100 == 0 {
                tree.hand_over();
            }
        }
        drop(send);
    });
    tree.validate().expect("valid");
    tree.synchronize().expect("not inside a read section");
    settle();
    assert_eq!(ledger.live(), 0);
    drop(tree);
    ledger.assert_all_dropped();
}

/// Entries with a link of their own are on one list for all trees. So another's `synchronize` may have those of a tree in hand when
/// that tree's own one comes. A barrier waits for them, wherever they are.
fn synchronize_beside_that_of_other_trees<K: Kind>() {
    let _alone = alone();
    settle();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (tree, ledger) = booked::<K>(300);
                for id in 0..300 {
                    drop(tree.erase(id * 10).expect("an entry"));
                    tree.synchronize().expect("not inside a read section");
                    Epoch::barrier().expect("not inside a read section");
                    if K::COUNTED {
                        assert_eq!(ledger.dropped(id), 1);
                    }
                }
            });
        }
    });
}

/// `synchronize` releases everything that was removed before the call, by whatever operation: exactly the entries of the tree are
/// left alive, and no more nodes than before.
fn synchronize_releases_what_went_before<K: Kind>() {
    let _alone = alone();
    let (tree, ledger) = booked::<K>(500);
    let left = |entries: usize, what: &str| {
        tree.synchronize().expect("not inside a read section");
        // What was handed over by operations that grow is in the epoch crate's hands.
        settle();
        let summary = tree.validate().expect("valid");
        assert_eq!((summary.entries, summary.dead, tree.figures().retired), (entries, 0, 0), "{what}");
        if K::COUNTED {
            assert_eq!(ledger.live(), i64::try_from(entries).expect("fits"), "{what}");
        }
    };
    left(500, "nothing");
    drop(tree.erase(77).expect("an entry"));
    left(499, "an erase");
    drop(tree.replace(10, K::make(&ledger, 1_001)).expect("an entry"));
    left(499, "a replacement");
    tree.store(1_000..=1_199, K::make(&ledger, 1_100)).expect("memory");
    left(480, "a store over twenty");
    tree.remove(2_000..=2_499).expect("memory");
    left(430, "a removal of fifty");
    tree.remove_whole(3_001..=3_110);
    left(420, "a removal of those that are whole");
    tree.prune(4_800);
    left(400, "a prune");
    tree.prune_in_place(4_500);
    left(370, "a prune in place");
    tree.prune_cut(4_295).expect("the reserve is full");
    left(350, "a prune that cuts");
    tree.compact().expect("memory");
    left(350, "a rebuild");
    tree.clear();
    left(0, "a clear");
    drop(tree);
    ledger.assert_all_dropped();
}

/// While a removed entry without a link of its own is held, its tree releases nothing; a forgotten handle is no leak in the end.
#[test]
fn handles_that_hold_everything_back() {
    fn check<K: Kind>() {
        let (tree, ledger) = booked::<K>(60);
        let removed = tree.erase(5).expect("an entry");
        drop(tree.erase(15).expect("an entry"));
        tree.synchronize().expect("not inside a read section");
        assert_eq!(ledger.dropped(1), 0, "held back");
        drop(removed);
        tree.synchronize().expect("not inside a read section");
        assert_eq!((ledger.dropped(0), ledger.dropped(1)), (1, 1));
        std::mem::forget(tree.erase(25).expect("an entry"));
        drop(tree.erase(35).expect("an entry"));
        tree.synchronize().expect("not inside a read section");
        assert_eq!((ledger.dropped(2), ledger.dropped(3)), (0, 0), "held back for ever");
        drop(tree);
        settle();
        ledger.assert_all_dropped();
    }
    let _alone = alone();
    check::<Arcs>();
    check::<Boxes>();
}

/// Leaving the shared face: all handles are gone (the borrow says so), and what they held back is released at once.
#[test]
fn back_to_exclusive() {
    let _alone = alone();
    let (mut tree, ledger) = booked::<Boxes>(60);
    std::mem::forget(tree.erase(25).expect("an entry"));
    drop(tree.erase(35).expect("an entry"));
    assert_eq!(ledger.live(), 60);
    tree.get_mut().store(0..=9, Boxes::make(&ledger, 1_000)).expect("memory");
    assert_eq!(ledger.live(), 58);
    let map = tree.into_inner();
    assert_eq!(map.validate().expect("valid").dead, 0);
    assert_eq!(map.iter().map(|(_, entry): (_, &Counted)| entry.id()).filter(|id| *id < 1_000).count(), 57);
    drop(map);
    ledger.assert_all_dropped();
}
