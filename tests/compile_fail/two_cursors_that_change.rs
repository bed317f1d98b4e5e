//! One cursor changes a map at a time.

use maple_tree::RangeMap;

fn main() {
    let mut map = RangeMap::<u32>::new();
    let mut one = map.cursor_mut();
    let mut other = map.cursor_mut();
    one.seek(1);
    other.seek(2);
}
