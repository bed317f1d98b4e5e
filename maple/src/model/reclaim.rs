//! The end of what was removed: waiting, sweeping, and the count of those who hold what a slot carries. (Rows are as in `publish`.)
//! What a model would catch is said at each.

use super::entry::{ByLink, BySlot, Thing};
use super::world::{Tree, always, at, end, models, reader, row, store, tree, tree_with};
use crate::{Grace, Rcu};

models! {
    a_value_that_is_waited_for: [
        needs_wait = Wait "Causality violation",
    ]
    a_replaced_value_that_is_waited_for: [
        needs_wait = Wait "Causality violation",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
    ]
    a_removed_value_that_another_holds: [
        needs_let_go = LetGo "Causality violation",
        needs_may_release = MayRelease "Causality violation",
    ]
    a_sweep_beside_another_removal: [
        needs_age = Age "Causality violation",
        needs_wait = Wait "Causality violation",
    ]
    two_writers (3 preemptions): [
        needs_lock = Lock "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    grace_and_a_leaf: [
        needs_wait = Wait "Causality violation",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
    ]
    grace_and_a_linked_entry: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
    ]
}

/// Who erased an entry gets it back, and drops it. Would catch: its being given out before the reader has left.
fn a_value_that_is_waited_for() {
    let tree = tree::<BySlot>(&row(2));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 5, &guard), None | Some(0)));
    });
    let removed = tree.erase(5).expect("it is there");
    drop(removed.wait().expect("outside of read sections"));
    reader.join().unwrap();
    end(tree);
}

/// The same of an entry that gave way to another: a slot of the old leaf carries it. Would catch: the same, and a leaf seen before what is in it.
fn a_replaced_value_that_is_waited_for() {
    let tree = tree::<BySlot>(&row(2));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 5, &guard), 0 | 7));
    });
    let Ok(removed) = tree.replace(5, Thing::new(7)) else { panic!("it is there") };
    drop(removed.wait().expect("outside of read sections"));
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// One looks at what it erased while another releases what is dead. There is no reader; the count of such values is all that keeps the entry.
/// Would catch: a count that is let go of before the last look.
fn a_removed_value_that_another_holds() {
    let tree = tree::<BySlot>(&row(2));
    let eraser = reader(move || {
        let removed = tree.erase(5).expect("it is there");
        assert_eq!(removed.get().look(), 0);
    });
    assert!(tree.synchronize().is_ok());
    eraser.join().unwrap();
    end(tree);
}

/// An entry dies after the grace period began that a sweep waits for, between two that died before. Would catch: its being swept with
/// them.
fn a_sweep_beside_another_removal() {
    // One more, or the leaf would go with the last entry.
    let tree = tree::<BySlot>(&[row(3), vec![(30, u64::MAX, 3)]].concat());
    drop(tree.erase(5));
    drop(tree.erase(25));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 15, &guard), None | Some(1)));
    });
    let eraser = super::world::reader(move || drop(tree.erase(15)));
    assert!(tree.synchronize().is_ok());
    eraser.join().unwrap();
    reader.join().unwrap();
    end(tree);
}

/// Two copy the same leaf, one after the other. Would catch: the second not seeing the first's copy although it loads with `Relaxed`, so
/// that a store is lost or a leaf retired twice.
fn two_writers() {
    let tree = tree::<BySlot>(&row(2));
    let reader = reader(move || {
        let guard = tree.pin();
        let (one, two) = (always(tree, 5, &guard), always(tree, 15, &guard));
        assert!(matches!(one, 0 | 7) && matches!(two, 1 | 8));
    });
    let other = super::world::reader(move || store(tree, 0, 9, 7));
    store(tree, 10, 19, 8);
    tree.hand_over();
    other.join().unwrap();
    let guard = tree.pin();
    assert_eq!((at(tree, 5, &guard), at(tree, 15, &guard)), (Some(7), Some(8)), "a store was lost");
    drop(guard);
    reader.join().unwrap();
    end(tree);
}

/// On the flavour `Grace`, with its fences: a leaf with what it carries is released by who waits. Would catch: a tree that relies on more
/// than a grace period gives.
fn grace_and_a_leaf() {
    let tree: &Tree<Thing<BySlot>, Grace> = tree_with(&row(2), Thing::new, 0);
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 5, &guard), 0 | 7));
    });
    store(tree, 0, 9, 7);
    assert!(tree.synchronize().is_ok());
    reader.join().unwrap();
    end(tree);
    assert!(Grace::synchronize().is_ok());
}

/// On the flavour `Grace`: an entry that one slot store replaced is released through its link. Would catch: the same of
/// links. (The waiting is the flavour's alone here, whose models have it.)
fn grace_and_a_linked_entry() {
    let tree: &Tree<Thing<ByLink>, Grace> = tree_with(&row(2), Thing::new, 0);
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(always(tree, 5, &guard), 0 | 7));
    });
    store(tree, 0, 9, 7);
    assert!(tree.synchronize().is_ok());
    reader.join().unwrap();
    end(tree);
    assert!(Grace::synchronize().is_ok());
}
