//! What a lookup found may be released once the guard is gone.

use maple_tree::MapleTree;

fn main() {
    let tree = MapleTree::<Box<u64>>::new();
    let found = {
        let guard = tree.pin();
        tree.get(5, &guard)
    };
    assert_eq!(found, None);
}
