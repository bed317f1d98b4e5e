//! What was removed beside readers can be looked at, but not taken, before a grace period has passed.

use maple_tree::{MapleTree, RcuBox};

fn main() {
    let tree = MapleTree::<RcuBox<String>>::new();
    if let Some(removed) = tree.erase(5) {
        let taken: RcuBox<String> = removed.get();
        drop(taken);
    }
}
