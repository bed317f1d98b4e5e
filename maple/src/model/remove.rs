//! Removals beside readers: in place, and by path copy. (Rows are as in `publish`.) What a model would catch is said at each.

use super::entry::{ByLink, BySlot, Keeping, Thing};
use super::sync::{Weak, broken};
use super::world::{Tree, always, at, end, models, reader, row, scan, store, tree, tree_and_reserve};
use crate::{PruneForm, Shortage};

models! {
    an_entry: [
        needs_retire = Retire "Causality violation",
    ]
    an_entry_that_its_slot_carries: [
        needs_carry = Carry "an entry was not dropped",
        needs_wait = Wait "Causality violation",
    ]
    the_last_entry_of_a_leaf: [
        needs_hand_over = HandOver "Causality violation",
        needs_retire = Retire "Causality violation",
    ]
    an_entry_and_another_in_its_place: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_prune (3 preemptions): [
        needs_at_once = AtOnce "the tail did not vanish at once",
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_leave_behind = LeaveBehind "neither the old tree nor the new",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_prune_that_lowers_the_root: [
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_prune_that_cuts: [
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_prune_without_nodes: [
        needs_carry = Carry "an entry was not dropped",
        needs_wait = Wait "Causality violation",
    ]
    a_prune_without_nodes_of_linked_entries: [
        needs_carry = Carry "an entry was not dropped",
        needs_wait = Wait "Causality violation",
    ]
    a_range_that_cuts: [
        needs_publish_root = PublishRoot "Causality violation",
        needs_look_at_root = LookAtRoot "Causality violation",
        needs_leave_behind = LeaveBehind "neither the old tree nor the new",
        needs_hand_over = HandOver "Causality violation",
    ]
    whole_entries: [
        needs_carry = Carry "an entry was not dropped",
        needs_wait = Wait "Causality violation",
    ]
    everything: [
        needs_hand_over = HandOver "Causality violation",
    ]
    two_prunes_of_one_reserve: [
        needs_hand_over = HandOver "Causality violation",
    ]
}

/// Goes through the whole tree, which is the old one or the new one.
fn old_or_new<K: Keeping>(tree: &'static Tree<Thing<K>>, old: &[(u64, u64, u32)], new: &[(u64, u64, u32)]) {
    let guard = tree.pin();
    let found = scan(tree, &guard);
    assert!(found == old || found == new, "neither the old tree nor the new: {found:?}");
}

/// Goes through the tree while it is emptied piece by piece: what stays is there, and what goes is as it was, as far as it is there.
fn some_of<K: Keeping>(tree: &'static Tree<Thing<K>>, old: &[(u64, u64, u32)], stays: impl Fn(u64) -> bool) {
    let guard = tree.pin();
    let found = scan(tree, &guard);
    assert!(found.iter().all(|found| old.contains(found)), "a range was never in the tree: {found:?}");
    let all_stay = old.iter().filter(|old| stays(old.0)).all(|old| found.contains(old));
    assert!(all_stay, "what was always there is gone: {found:?}");
}

/// One slot store; the entry has a link. Would catch: an entry dropped under the reader, and a neighbour that goes with it.
fn an_entry() {
    let tree = tree::<ByLink>(&row(3));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 15, &guard), None | Some(1)));
        assert_eq!(always(tree, 25, &guard), 2);
        drop(guard);
        old_or_new(tree, &row(3), &[(0, 9, 0), (20, 29, 2)]);
    });
    drop(tree.erase(15));
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// One slot store; the slot keeps the entry, dead, until a sweep finds it. Would catch: a sweep that does not wait.
fn an_entry_that_its_slot_carries() {
    let tree = tree::<BySlot>(&row(3));
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 15, &guard), None | Some(1)));
        assert_eq!(always(tree, 25, &guard), 2);
    });
    drop(tree.erase(15));
    assert!(tree.synchronize().is_ok());
    reader.join().unwrap();
    end(tree);
}

/// The leaf is unlinked. Would catch: a leaf or an entry released under the reader.
fn the_last_entry_of_a_leaf() {
    let tree = tree::<ByLink>(&row(5));
    let reader = reader(move || old_or_new(tree, &row(5), &row(4)));
    drop(tree.erase(45));
    assert_eq!(tree.figures().retired, 1, "the leaf");
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// Whoever stores where an entry is dead copies the leaf and leaves the entry behind there. Would catch: its being released with the copy, or twice;
/// and a reader who sees the old entry after the new one.
fn an_entry_and_another_in_its_place() {
    let tree = tree::<BySlot>(&row(7));
    let reader = reader(move || {
        let guard = tree.pin();
        let (before, after) = (at(tree, 45, &guard), at(tree, 45, &guard));
        assert!(matches!((before, after), (Some(4), _) | (None, None | Some(7)) | (Some(7), Some(7))), "time ran backwards");
        assert_eq!(always(tree, 55, &guard), 5);
    });
    drop(tree.erase(45));
    store(tree, 40, 49, 7);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// Two leaves go with one store, half of another by way of a copy, which the reserve has nodes for. Would catch: a tail that vanishes piece by
/// piece, or so that a reader in the old nodes misses part of it, and one that is released under a reader.
fn a_prune() {
    let tree = tree_and_reserve::<ByLink>(&row(12), 2);
    let two = reader(move || {
        let guard = tree.pin();
        let (first, then) = (at(tree, 65, &guard), at(tree, 85, &guard));
        assert!(first.is_some() || then.is_none(), "the tail did not vanish at once");
        assert_eq!(always(tree, 55, &guard), 5);
    });
    let all = reader(move || old_or_new(tree, &row(12), &row(6)));
    let form = if broken(Weak::AtOnce) { tree.prune_in_place(60).form } else { tree.prune(60).form };
    assert!(form == PruneForm::PathCopy || broken(Weak::AtOnce));
    tree.hand_over();
    two.join().unwrap();
    all.join().unwrap();
    end(tree);
}

/// A root that would keep a single child gives way to it. Would catch: a root with the level of another.
fn a_prune_that_lowers_the_root() {
    let tree = tree_and_reserve::<BySlot>(&row(6), 2);
    let reader = reader(move || old_or_new(tree, &row(6), &row(3)));
    assert_eq!(tree.prune(30).form, PruneForm::PathCopy);
    assert_eq!(tree.figures().height, 1);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// The entry at the border ends earlier. Would catch: pivots that change under the reader, a border that is neither here nor there.
fn a_prune_that_cuts() {
    let tree = tree_and_reserve::<ByLink>(&row(9), 3);
    let reader = reader(move || {
        let mut new = row(5);
        new[4].1 = 44;
        old_or_new(tree, &row(9), &new);
    });
    assert!(tree.prune_cut(45).is_ok());
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

fn in_place<K: Keeping>() {
    let tree = tree::<K>(&row(12));
    let reader = reader(move || some_of(tree, &row(12), |first| first < 60));
    assert_eq!(tree.prune(60).form, PruneForm::InPlace, "there are no nodes");
    assert!(tree.synchronize().is_ok());
    reader.join().unwrap();
    end(tree);
}

/// In place, from the top: whole leaves with their entries hang on dead slots until they are swept. Would catch: their being taken apart under
/// the reader, and what stays being gone for a moment.
fn a_prune_without_nodes() {
    in_place::<BySlot>();
}

/// The same with entries that have links, which a dead slot carries all the same. Would catch: the same, by way of the links.
fn a_prune_without_nodes_of_linked_entries() {
    in_place::<ByLink>();
}

/// As a store of nothing over leaves. Would catch: half of a removal, and a gap in an old leaf where there never was one.
fn a_range_that_cuts() {
    let tree = tree::<BySlot>(&row(6));
    let reader = reader(move || old_or_new(tree, &row(6), &[(0, 9, 0), (10, 14, 1), (45, 49, 4), (50, 59, 5)]));
    assert!(tree.remove_or(15..45, Shortage::Allocate).is_ok());
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// In place, part of one leaf and all of the next. Would catch: more going than lies inside, and a release under the reader.
fn whole_entries() {
    let tree = tree::<BySlot>(&row(9));
    let reader = reader(move || some_of(tree, &row(9), |first| !(30..80).contains(&first)));
    tree.remove_whole(25..80);
    assert!(tree.synchronize().is_ok());
    reader.join().unwrap();
    end(tree);
}

/// One root store; a whole tree is taken apart. Would catch: its being done under the reader.
fn everything() {
    let tree = tree::<BySlot>(&row(6));
    let reader = reader(move || old_or_new(tree, &row(6), &[]));
    tree.clear();
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}

/// The nodes that the first prune replaced repay the reserve, after a grace period, and the second is built of them. As long as the reader
/// is there they are not back, and the second is done in place: the last entry of a leaf and the leaf behind it go one after the other. Would
/// catch: a node that is used again while a reader is in it.
fn two_prunes_of_one_reserve() {
    let tree = tree_and_reserve::<ByLink>(&row(11), 2);
    let reader = reader(move || {
        let guard = tree.pin();
        let found = scan(tree, &guard);
        let between: Vec<_> = row(10).into_iter().filter(|entry| entry.2 != 7).collect();
        assert!([row(11), row(10), row(8), between, row(7)].contains(&found), "neither the old tree nor a new one: {found:?}");
    });
    assert_eq!(tree.prune(100).form, PruneForm::PathCopy);
    tree.hand_over();
    tree.prune(70);
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}
