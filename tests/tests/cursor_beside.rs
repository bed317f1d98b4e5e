//! Cursors of readers beside a writer: what was there all the time is seen, in order, whatever is stored and erased around it; and what comes
//! is as it was stored.

use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuBoxes, alone};
use maple_tests::shapes::{Rng, settle};
use maple_tree::{Cursor, MapleTree, Place};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Entries that stay, each ten indices at the beginning of a hundred.
const STAY: u64 = 1_000;
/// Changes between them.
const CHANGES: u64 = if cfg!(miri) { 50 } else { 30_000 };

/// Every value says where it begins, but for a remnant at the end of what was cut.
fn holds(first: u64, last: u64, id: u64) {
    assert!(id <= first && last < id + 100, "{first}..={last} holds {id}");
}

/// One way through the tree; `forward` or back, over gaps, too, if `slots`. Pauses in between.
fn walk<'g, K: Kind>(
    mut cursor: Cursor<'g, K::V>,
    fresh: impl Fn() -> Cursor<'g, K::V>,
    forward: bool,
    slots: bool,
    rng: &mut Rng,
) {
    let mut stays = 0;
    let mut passed: Option<(u64, u64)> = None;
    let mut resumed = false;
    loop {
        let step = match (forward, slots) {
            (true, true) => cursor.next_slot(),
            (false, true) => cursor.prev_slot(),
            (true, false) => cursor.next().map(|(range, value)| (range, Some(value))),
            (false, false) => cursor.prev().map(|(range, value)| (range, Some(value))),
        };
        let Some((range, value)) = step else { break };
        let (first, last) = (*range.start(), *range.end());
        assert_eq!(cursor.range(), Some(range));
        if let Some(value) = value {
            holds(first, last, K::id(value));
            assert_eq!(cursor.value().map(K::id), Some(K::id(value)));
            stays += u64::from(first % 100 == 0 && last - first == 9);
        }
        // What was stored during a pause may reach into what came before it.
        let in_order = passed.is_none_or(|passed| match (forward, resumed) {
            (true, false) => passed.1 < first,
            (false, false) => last < passed.0,
            (true, true) => passed.1 < last,
            (false, true) => first < passed.0,
        });
        assert!(in_order, "{first}..={last} after {passed:?}");
        passed = Some((first, last));
        resumed = false;
        if rng.below(50) == 0 {
            // Behind (or before) this one, the tree as it is now.
            let position = cursor.pause();
            cursor = fresh();
            cursor.resume(position);
            assert_eq!(cursor.place(), Place::Paused);
            resumed = true;
        }
    }
    assert_eq!(cursor.place(), if forward { Place::After } else { Place::Before });
    assert_eq!(stays, STAY, "of those that were there all the time");
}

fn beside<K: Kind>() {
    let _alone = alone();
    let ledger = Ledger::new(usize::try_from(STAY * 100).expect("small"));
    let tree = MapleTree::<K::V>::new();
    for at in 0..STAY {
        tree.store(at * 100..=at * 100 + 9, K::make(&ledger, at * 100)).expect("memory");
    }
    let done = AtomicBool::new(false);
    let walks = AtomicUsize::new(0);
    thread::scope(|scope| {
        for reader in 0..2u64 {
            let (tree, done, walks) = (&tree, &done, &walks);
            scope.spawn(move || {
                let mut rng = Rng(reader);
                while !done.load(Ordering::Relaxed) || walks.load(Ordering::Relaxed) < 8 {
                    let guard = tree.pin();
                    let fresh = || tree.cursor(&guard);
                    walk::<K>(fresh(), fresh, rng.below(2) == 0, rng.below(2) == 0, &mut rng);
                    let mut cursor = fresh();
                    let at = rng.below(STAY) * 100;
                    assert_eq!(cursor.seek(at + rng.below(10)).map(K::id), Some(at), "it was there all the time");
                    // To and fro.
                    for _ in 0..40 {
                        let step = if rng.below(2) == 0 { cursor.next() } else { cursor.prev() };
                        if let Some((range, value)) = step {
                            holds(*range.start(), *range.end(), K::id(value));
                        }
                    }
                    walks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut rng = Rng(99);
        let mut changes = 0;
        while changes < CHANGES {
            let mut writer = tree.lock();
            let mut cursor = writer.cursor_mut();
            for _ in 0..100 {
                let at = rng.below(STAY) * 100;
                let first = at + 10 + rng.below(80);
                let last = (first + rng.below(40)).min(at + 99);
                match rng.below(4) {
                    0 | 1 => cursor.store(first..=last, K::make(&ledger, first)).expect("memory"),
                    _ => {
                        cursor.seek(first);
                        // A run of neighbours, but not what stays.
                        for _ in 0..rng.below(6) {
                            if cursor.next().is_some_and(|(range, _)| *range.end() % 100 > 9) {
                                drop(cursor.erase());
                            }
                        }
                    }
                }
                changes += 1;
            }
            drop(writer);
            if rng.below(20) == 0 {
                tree.remove_whole(50_010..50_099);
                tree.compact().expect("memory");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    tree.validate().expect("valid");
    drop(tree);
    settle();
    ledger.assert_all_dropped();
}

/// A reader's cursor and changes by turns: what it says is of the tree that it came through, until it comes from the root again.
#[test]
fn by_turns() {
    let _alone = alone();
    // Leaves of sixteen entries, ten indices each; the last two of the first leaf go.
    let tree = MapleTree::<u32>::from((0..48u64).map(|at| (at * 10..=at * 10 + 9, 1)).collect::<maple_tree::RangeMap<u32>>());
    tree.remove_whole(140..=159);
    let guard = tree.pin();
    let mut cursor = tree.cursor(&guard);
    assert_eq!(cursor.seek(135), Some(1));
    assert_eq!(cursor.next_slot(), Some((140..=159, None)), "up to the next leaf");
    tree.store(135..=145, 2).expect("memory");
    // The leaf is another one, and in it an entry reaches into what was just said to be free.
    assert_eq!(cursor.prev(), Some((130..=134, 1)));
    assert_eq!(cursor.seek(140), Some(2), "from the root");
    assert_eq!(cursor.range(), Some(135..=145));
    tree.clear();
    assert_eq!(cursor.value(), Some(2), "it is not released before the read section ends");
    assert_eq!(cursor.next(), Some((160..=169, 1)), "where it came through");
    let position = cursor.pause();
    let mut cursor = tree.cursor(&guard);
    cursor.resume(position);
    assert_eq!(cursor.next(), None, "of the tree as it is");
    assert_eq!(cursor.prev_slot(), Some((0..=u64::MAX, None)));
}

/// What a cursor has passed is passed in either direction, also when an entry that was stored since reaches into it by one index.
#[test]
fn what_reaches_into_what_was_passed() {
    let _alone = alone();
    // Leaves of sixteen entries, ten indices each; the second begins at 160.
    let full = || (0..48u64).map(|at| (at * 10..=at * 10 + 9, 1)).collect::<maple_tree::RangeMap<u32>>();
    for (first, last) in [(135, 140), (135, 145), (135, 159)] {
        let tree = MapleTree::<u32>::from(full());
        tree.remove_whole(140..=159);
        let guard = tree.pin();
        let mut cursor = tree.cursor(&guard);
        assert_eq!(cursor.seek(135), Some(1));
        // The cursor looked into the second leaf to see where the gap ends, so it comes to the first one anew.
        assert_eq!(cursor.next_slot(), Some((140..=159, None)));
        tree.store(first..=last, 2).expect("memory");
        assert_eq!(cursor.prev(), Some((130..=134, 1)), "{first}..={last}");
    }
    for (first, last) in [(179, 185), (170, 185), (160, 185)] {
        let tree = MapleTree::<u32>::from(full());
        tree.remove_whole(160..=179);
        let guard = tree.pin();
        let mut cursor = tree.cursor(&guard);
        assert_eq!(cursor.seek(185), Some(1));
        assert_eq!(cursor.prev_slot(), Some((160..=179, None)));
        tree.store(first..=last, 2).expect("memory");
        assert_eq!(cursor.next(), Some((186..=189, 1)), "{first}..={last}");
    }
}

/// A cursor stays in the leaf that it is in, also when another one took its place; `seek` and `resume` come from the root.
#[test]
fn as_the_tree_is() {
    let _alone = alone();
    let tree = MapleTree::<u32>::from((0..48u64).map(|at| (at * 10..=at * 10 + 9, 1)).collect::<maple_tree::RangeMap<u32>>());
    let guard = tree.pin();
    let mut cursor = tree.cursor(&guard);
    assert_eq!(cursor.seek(25), Some(1));
    tree.store(30..=34, 2).expect("memory");
    assert_eq!(cursor.next(), Some((30..=39, 1)), "of the leaf as it was");
    assert_eq!(cursor.seek(32), Some(2));
    let position = cursor.clone().pause();
    tree.store(35..=37, 3).expect("memory");
    cursor.resume(position);
    assert_eq!(cursor.next(), Some((35..=37, 3)));
}

#[test]
fn ints() {
    beside::<Ints>();
}

#[test]
fn boxes() {
    beside::<Boxes>();
}

#[test]
fn arcs() {
    beside::<Arcs>();
}

#[test]
fn rcu_boxes() {
    beside::<RcuBoxes>();
}
