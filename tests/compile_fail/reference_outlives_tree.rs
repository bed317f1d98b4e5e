//! A guard keeps what is removed, but not what a tree that is dropped still had.

use maple_tree::MapleTree;

fn main() {
    let tree = MapleTree::<Box<u64>>::new();
    let guard = tree.pin();
    let found = tree.get(5, &guard);
    drop(tree);
    assert_eq!(found, None);
}
