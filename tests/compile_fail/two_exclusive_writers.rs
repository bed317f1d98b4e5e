//! An exclusive map has one writer.

use maple_tree::RangeMap;
use std::thread;

fn main() {
    let mut map = RangeMap::<u32>::new();
    thread::scope(|scope| {
        scope.spawn(|| map.erase(1));
        scope.spawn(|| map.erase(2));
    });
}
