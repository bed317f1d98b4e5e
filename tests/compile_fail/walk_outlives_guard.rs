//! So may the nodes that a walk is in.

use maple_tree::MapleTree;

fn main() {
    let tree = MapleTree::<u32>::new();
    let guard = tree.pin();
    let mut walk = tree.iter(&guard);
    drop(guard);
    assert_eq!(walk.next(), None);
}
