//! Copies of a whole tree. (Rows are as in `publish`.) What a model would catch is said at each.

use super::entry::{ByLink, BySlot, Thing};
use super::sync::{Weak, broken};
use super::world::{Tree, always, at, end, end_copy, models, reader, row, scan, share, store, tree, tree_with};
use crate::{DupError, PruneForm};

models! {
    a_copy_of_a_tree_that_is_read: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_leave_behind = LeaveBehind "what was always there is gone",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_copy_of_plain_words: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_copy_beside_a_store (3 preemptions): [
        needs_lock = Lock "Causality violation",
        needs_one_store = OneStore "neither the old tree nor the new",
        needs_hand_over = HandOver "Causality violation",
    ]
    a_copy_that_failed_on_its_way: [
        needs_at_once = AtOnce "the tail did not vanish at once",
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
        needs_retire = Retire "Causality violation",
    ]
    a_part_of_a_copy: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
        needs_hand_over = HandOver "Causality violation",
    ]
}

/// One reads the source while the copy is made, another the copy while that is changed. Would catch: a copy that shares a node or an entry with its
/// source, or that changes the source.
fn a_copy_of_a_tree_that_is_read() {
    let source = tree::<BySlot>(&row(6));
    let of_the_source = reader(move || {
        let guard = source.pin();
        assert_eq!(scan(source, &guard), row(6), "the source changed");
    });
    let copy = share(source.dup().expect("there is always memory"));
    let of_the_copy = reader(move || {
        let guard = copy.pin();
        assert!(matches!(always(copy, 45, &guard), 4 | 7));
        assert_eq!(always(copy, 5, &guard), 0);
    });
    store(copy, 40, 49, 7);
    copy.hand_over();
    of_the_source.join().unwrap();
    of_the_copy.join().unwrap();
    end_copy(copy);
    end(source);
}

/// Integers are copied with their nodes, in another way. Would catch: the same of that way.
fn a_copy_of_plain_words() {
    let source: &Tree<u32> = tree_with(&row(6), |value| value, 0);
    let of_the_source = reader(move || {
        let guard = source.pin();
        assert!(source.iter(&guard).map(|(_, value)| value).eq(0..6), "the source changed");
    });
    let copy = share(source.dup().expect("there is always memory"));
    let of_the_copy = reader(move || {
        let guard = copy.pin();
        assert!(matches!(copy.get(43, &guard), Some(4 | 7)));
        assert_eq!(copy.get(5, &guard), Some(0));
    });
    assert!(copy.store(40..=44, 7).is_ok());
    copy.hand_over();
    of_the_source.join().unwrap();
    of_the_copy.join().unwrap();
    end_copy(copy);
    end(source);
}

/// Another writer stores meanwhile. Would catch: a copy that is not of one instant.
fn a_copy_beside_a_store() {
    let source = tree::<ByLink>(&row(6));
    let writer = reader(move || {
        if broken(Weak::OneStore) {
            source.remove_whole(5..=44);
        }
        store(source, 5, 44, 7);
        source.hand_over();
    });
    let reader = reader(move || {
        let guard = source.pin();
        assert!(matches!(at(source, 25, &guard), Some(2 | 7)) || broken(Weak::OneStore));
    });
    let copy = share(source.dup().expect("there is always memory"));
    let guard = copy.pin();
    let found = scan(copy, &guard);
    drop(guard);
    let new = [(0, 4, 0), (5, 44, 7), (45, 49, 4), (50, 59, 5)];
    assert!(found == row(6) || found == new, "neither the old tree nor the new: {found:?}");
    writer.join().unwrap();
    reader.join().unwrap();
    end_copy(copy);
    end(source);
}

/// Entries of a copy that is read already are replaced one by one; one fails, and everything from there on is pruned. Would catch: a
/// copy whose earmark does not do for its prune, and a tail that vanishes piece by piece or under the reader.
fn a_copy_that_failed_on_its_way() {
    let source = tree::<ByLink>(&row(9));
    let copy = share(source.dup().expect("there is always memory"));
    let reader = reader(move || {
        let guard = copy.pin();
        assert!(matches!(always(copy, 5, &guard), 0 | 7));
        let (first, then) = (at(copy, 55, &guard), at(copy, 85, &guard));
        assert!(first.is_some() || then.is_none(), "the tail did not vanish at once");
    });
    store(copy, 0, 9, 7);
    let form = if broken(Weak::AtOnce) { copy.prune_in_place(50).form } else { copy.prune(50).form };
    assert!(form == PruneForm::PathCopy || broken(Weak::AtOnce), "a copy has nodes for its own prune");
    copy.hand_over();
    reader.join().unwrap();
    end_copy(copy);
    end(source);
}

/// A copy whose closure refused an entry, and so holds what came before. Would catch: nodes of the part that was not done being lost,
/// or being in the copy.
fn a_part_of_a_copy() {
    let source = tree::<ByLink>(&row(6));
    let of_the_source = reader(move || {
        let guard = source.pin();
        assert_eq!(always(source, 55, &guard), 5);
    });
    let refused = source.try_dup_with(|range, body| if *range.start() < 50 { Ok(Thing::new(body.look())) } else { Err(()) });
    let Err(DupError::Entry { partial, .. }) = refused else { panic!("an entry was refused") };
    let part = share::<Thing<BySlot>>(partial);
    let of_the_part = reader(move || {
        let guard = part.pin();
        assert!(matches!(always(part, 45, &guard), 4 | 7));
        assert_eq!(always(part, 35, &guard), 3);
        assert_eq!(at(part, 55, &guard), None);
    });
    store(part, 40, 49, 7);
    part.hand_over();
    of_the_source.join().unwrap();
    of_the_part.join().unwrap();
    end_copy(part);
    end(source);
}
