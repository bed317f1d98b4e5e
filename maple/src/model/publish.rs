//! Stores beside readers.

use super::entry::{ByLink, BySlot};
use super::world::{at, end, models, reader, scan, tree};

models! {
    one_entry_for_another: [
        needs_publish = Publish "Causality violation",
        needs_look = Look "Causality violation",
    ]
}

/// One slot store.
fn one_entry_for_another() {
    let tree = tree::<ByLink>(&[(0, 9, 1), (10, 19, 2)]);
    let reader = reader(move || {
        let guard = tree.pin();
        assert!(matches!(at(tree, 5, &guard), Some(1 | 3)));
        assert_eq!(at(tree, 15, &guard), Some(2));
    });
    assert!(tree.store(0..=9, super::entry::Thing::new(3)).is_ok());
    tree.hand_over();
    reader.join().unwrap();
    end(tree);
}
