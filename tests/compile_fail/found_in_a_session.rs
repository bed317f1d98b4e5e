//! What a session found may be gone after its next change.

use maple_tree::MapleTree;

fn main() {
    let tree = MapleTree::<Box<u64>>::new();
    let mut writer = tree.lock();
    let found = writer.get(5);
    writer.clear();
    assert_eq!(found, None);
}
