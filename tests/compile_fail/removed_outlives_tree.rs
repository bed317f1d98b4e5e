//! A removed entry may still lie in a node of the tree.

use maple_tree::MapleTree;

fn main() {
    let tree = MapleTree::<Box<u64>>::new();
    let removed = tree.erase(5);
    drop(tree);
    drop(removed);
}
