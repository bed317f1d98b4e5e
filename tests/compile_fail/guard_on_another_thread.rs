//! A read section is that of the thread that opened it.

use maple_tree::MapleTree;
use std::thread;

fn main() {
    let tree = MapleTree::<u32>::new();
    let guard = tree.pin();
    thread::spawn(move || drop(guard));
}
