//! A session is the tree's writer until it ends.

use maple_tree::MapleTree;

fn main() {
    let mut tree = MapleTree::<u32>::new();
    let writer = tree.lock();
    tree.get_mut().clear();
    drop(writer);
}
