//! Stores beside readers.
//!
//! Ranges are ten indices each, in nodes of four slots: six of them fill one leaf and half of another. What a model would catch is said at each.

use super::entry::{ByLink, BySlot, Thing};
use super::sync::{Weak, broken};
use super::world::{Tree, always, at, end, models, reader, row, scan, store, tree};

models! {
    one_entry_for_another: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_retire = Retire "Causality violation",
    ]
    one_entry_for_another_before_two: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_retire = Retire "Causality violation",
    ]
    a_leaf_for_another: [
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_leave_behind = LeaveBehind "what was always there is gone",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_leaf_below_the_root: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_leave_behind = LeaveBehind "what was always there is gone",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_new_border: [
        needs_copy = Copy "Causality violation",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_leaf_that_splits: [
        needs_copy = Copy "Causality violation",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_leaf_that_splits_deep_down: [
        needs_copy = Copy "Causality violation",
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_tree_that_grows: [
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_scan_beside_one_entry_for_another: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_retire = Retire "Causality violation",
    ]
    a_range_behind_the_last: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_leaf_in_a_gap: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
    ]
    several_look_ups_at_once: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_tree_built_anew: [
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_store_over_leaves: [
        needs_one_store = OneStore "what was always there is gone",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_scan_beside_a_store_over_leaves: [
        needs_one_store = OneStore "neither the old tree nor the new",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_scan_beside_a_store_deep_down: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_scan_backwards: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_cursor: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
}

/// One slot store; the old entry has a link. Would catch: a new entry seen before what is in it, an old one dropped before the reader has
/// left.
fn one_entry_for_another() {
    let tree = tree::<ByLink>(&row(2));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 5, &guard), 0 | 7));
        assert_eq!(always(tree, 15, &guard), 1);
    });
    store(tree, 0, 9, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// The same before two readers. Would catch: the same, where the last to leave is not the one who saw the old entry; and a slot that goes back in
/// time.
fn one_entry_for_another_before_two() {
    let tree = tree::<ByLink>(&row(2));
    let readers = [5, 9].map(|index| {
        reader(move || {
            let guard = tree.pin();
            let first = always(tree, index, &guard);
            assert!(matches!((first, always(tree, 5, &guard)), (0, 0) | (0, 7) | (7, 7)), "time ran backwards");
        })
    });
    store(tree, 0, 9, 7);
    tree.hand_over();
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    end(tree);
}

/// The old entry has no link: the old leaf carries it, and a copy with the new one takes its place as the root. Would catch: a leaf seen before
/// what is in it, an old leaf or its entry released under the reader, and an old leaf that shows a gap where there never was one.
fn a_leaf_for_another() {
    let tree = tree::<BySlot>(&row(2));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 5, &guard), 0 | 7));
        assert_eq!(always(tree, 15, &guard), 1);
    });
    store(tree, 0, 9, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// The same below a root, which has the new leaf by one slot store. Would catch: the same of a slot of an inner node.
fn a_leaf_below_the_root() {
    let tree = tree::<BySlot>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 45, &guard), 4 | 7));
        assert_eq!(always(tree, 5, &guard), 0);
    });
    store(tree, 40, 49, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// A border moves. Would catch: pivots that change under the reader, and a range with the entry of another.
fn a_new_border() {
    let tree = tree::<ByLink>(&row(2));
    let reader = reader(move || {
        let guard = tree.pin();
        let (range, body) = tree.get_range(5, &guard);
        assert!(matches!((range.start(), range.end(), body.map(|body| body.look())), (0, 9, Some(0)) | (4, 9, Some(7))));
        assert_eq!(always(tree, 2, &guard), 0);
    });
    store(tree, 4, 9, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// An entry of a full leaf is split in three: two new leaves, and a new root. Would catch: nodes seen before what is in them, a reader who finds
/// nothing because half of the leaf has moved, and the old leaf or the old root released under him.
fn a_leaf_that_splits() {
    let tree = tree::<ByLink>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 13, &guard), 1 | 7));
        assert_eq!(always(tree, 18, &guard), 1);
        assert_eq!(always(tree, 45, &guard), 4);
    });
    store(tree, 12, 15, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// The same in a tree of three levels: two new leaves and their parent, by one store into the root. Would catch: the same, by way of a slot.
fn a_leaf_that_splits_deep_down() {
    let tree = tree::<ByLink>(&row(18));
    assert_eq!(tree.figures().height, 3);
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 163, &guard), 16 | 7));
        assert_eq!(always(tree, 168, &guard), 16);
    });
    store(tree, 162, 165, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// A root that is a full leaf: two leaves, and a root above. Would catch: a root with the level of another, so that entries were taken for
/// nodes.
fn a_tree_that_grows() {
    let tree = tree::<ByLink>(&row(3));
    assert_eq!(tree.figures().height, 1);
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 45, &guard), None | Some(7)));
        assert_eq!(always(tree, 25, &guard), 2);
    });
    store(tree, 40, 49, 7);
    assert_eq!(tree.figures().height, 2);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// One slot store into a leaf that a walk goes over from end to end. Would catch: a walk's loads that are weaker than those of a look-up.
fn a_scan_beside_one_entry_for_another() {
    let tree = tree::<ByLink>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        let found = scan(tree, &guard);
        let mut new = row(6);
        new[5].2 = 7;
        assert!(found == row(6) || found == new, "neither the old tree nor the new: {found:?}");
    });
    store(tree, 50, 59, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// A range behind all others, where the last leaf has room. Would catch: that short way changing a leaf that is read.
fn a_range_behind_the_last() {
    let tree = tree::<ByLink>(&row(5));
    let reader = reader(move || {
        let guard = tree.pin();
        let found = scan(tree, &guard);
        assert!(found == row(5) || found == row(6), "neither the old tree nor the new: {found:?}");
    });
    store(tree, 50, 59, 5);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// A new leaf below a slot that was a gap. Would catch: a leaf seen before what is in it.
fn a_leaf_in_a_gap() {
    let tree = tree::<ByLink>(&row(4));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 65, &guard), None | Some(7)));
        assert_eq!(at(tree, 45, &guard), None);
    });
    store(tree, 60, 69, 7);
    reader.join().unwrap();
    end(tree);
}

/// Look-ups whose ways go side by side. Would catch: their loads being weaker than those of one look-up.
fn several_look_ups_at_once() {
    let tree = tree::<BySlot>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        let found = tree.get_many([5, 45], &guard).map(|found| found.map(|body| body.look()));
        assert!(matches!(found, [Some(0), Some(4 | 7)]));
    });
    store(tree, 40, 49, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// All nodes are made anew and go with one store, their entries live on. Would catch: old nodes taken apart, or entries dropped, under the reader.
fn a_tree_built_anew() {
    let tree = tree::<BySlot>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        assert_eq!(scan(tree, &guard), row(6));
    });
    assert!(tree.compact().is_ok());
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// A store over leaves; broken, it is two.
fn store_over(tree: &'static Tree<Thing<ByLink>>, first: u64, last: u64, value: u32) {
    if broken(Weak::OneStore) {
        tree.remove_whole(first..=last);
    }
    store(tree, first, last, value);
    tree.hand_over();
}

/// A store that reaches from inside one leaf to inside the next. Would catch: a moment at which neither what was there nor the new entry is
/// found, and leaves that go while a reader is in them.
fn a_store_over_leaves() {
    let tree = tree::<ByLink>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 25, &guard), 2 | 7));
        assert!(matches!(always(tree, 43, &guard), 4 | 7));
        assert_eq!(always(tree, 48, &guard), 4);
        assert_eq!(always(tree, 3, &guard), 0);
    });
    store_over(tree, 5, 44, 7);
    reader.join().unwrap();
    end(tree);
}

/// The same before a reader who goes through the whole tree. Would catch: half of a store.
fn a_scan_beside_a_store_over_leaves() {
    let tree = tree::<ByLink>(&row(6));
    let reader = reader(move || {
        let guard = tree.pin();
        let found = scan(tree, &guard);
        let new = [(0, 4, 0), (5, 44, 7), (45, 49, 4), (50, 59, 5)];
        assert!(found == row(6) || found == new, "neither the old tree nor the new: {found:?}");
    });
    store_over(tree, 5, 44, 7);
    reader.join().unwrap();
    end(tree);
}

/// What a scan finds beside a store of 7 over all of 2, 3 and 4 and half of 5 and 1: what was there all the time exactly once.
fn check_beside(found: &[(u64, u64, u32)], entries: u32) {
    let rest = |found: &(u64, u64, u32)| found.1 < 10 || found.0 >= 60;
    let expected: Vec<_> = row(entries).into_iter().filter(rest).collect();
    assert!(found.iter().copied().filter(rest).eq(expected), "an entry was left out, or came twice: {found:?}");
    let between: Vec<_> = found.iter().copied().filter(|found| !rest(found)).collect();
    let old = &row(6)[1..];
    let new = [(10, 14, 1), (15, 54, 7), (55, 59, 5)];
    assert!(between == old || between == new, "neither the old tree nor the new: {found:?}");
}

/// In a tree of three levels the node above both leaves changes. Would catch: a walk that leaves something out or finds it twice because the
/// structure changed below it.
fn a_scan_beside_a_store_deep_down() {
    let tree = tree::<ByLink>(&row(17));
    assert_eq!(tree.figures().height, 3);
    let reader = reader(move || {
        let guard = tree.pin();
        check_beside(&scan(tree, &guard), 17);
    });
    store_over(tree, 15, 54, 7);
    reader.join().unwrap();
    end(tree);
}

/// The same from the back. Would catch: the same of a walk that comes from the end.
fn a_scan_backwards() {
    let tree = tree::<ByLink>(&row(17));
    let reader = reader(move || {
        let guard = tree.pin();
        let found = tree.iter(&guard).rev().map(|(range, body)| (*range.start(), *range.end(), body.look()));
        let mut found: Vec<_> = found.collect();
        found.reverse();
        check_beside(&found, 17);
    });
    store_over(tree, 15, 54, 7);
    reader.join().unwrap();
    end(tree);
}

/// A cursor keeps its path, whatever becomes of the nodes on it. Would catch: the same of its steps.
fn a_cursor() {
    let tree = tree::<ByLink>(&row(17));
    let reader = reader(move || {
        let guard = tree.pin();
        let mut cursor = tree.cursor(&guard);
        let mut found = Vec::new();
        cursor.seek(5);
        while let Some((range, body)) = cursor.next() {
            found.push((*range.start(), *range.end(), body.look()));
        }
        found.insert(0, (0, 9, 0));
        check_beside(&found, 17);
    });
    store_over(tree, 15, 54, 7);
    reader.join().unwrap();
    end(tree);
}
