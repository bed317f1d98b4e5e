//! Between a reservation and its store nothing else changes the tree.

use maple_tree::RangeMap;

fn main() {
    let mut map = RangeMap::<u32>::new();
    let reservation = map.reserve_for(0..10).unwrap();
    map.clear();
    reservation.store(1);
}
