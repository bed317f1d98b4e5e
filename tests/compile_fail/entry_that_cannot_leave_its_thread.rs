//! A grace period later, entries are released by any thread.

use maple_tree::MapleTree;
use std::rc::Rc;

fn main() {
    let _tree = MapleTree::<Box<Rc<u64>>>::new();
}
