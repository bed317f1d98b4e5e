//! Nobody can be reading a tree that changes in place.

use maple_tree::MapleTree;

fn main() {
    let mut tree = MapleTree::<Box<u64>>::new();
    let guard = tree.pin();
    let found = tree.get(5, &guard);
    tree.get_mut().clear();
    assert_eq!(found, None);
}
