//! What waits for a grace period outlives every scope.

use maple_tree::{MapleTree, RcuBox};

fn main() {
    let tree = MapleTree::new();
    let name = String::from("eth0");
    let entry = RcuBox::try_new(name.as_str()).unwrap();
    let _ = tree.store(0..10, entry);
}
