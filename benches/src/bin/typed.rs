//! Runs one call many times on a `RangeMap`, plain or with another type of index, for a tool that counts instructions:
//!
//! ```sh
//! cargo build --release -p maple-benches --bin typed
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/typed u32 get
//! ```
//!
//! The map has 8,192 ranges, and the call runs as often (`iter` four times as often, an entry counted as one). `insert` builds the map and does
//! no more; every other count is without that of `insert`, and that is without `nothing`.

use maple_tree::{Index, RangeMap, TypedMap};
use std::env;
use std::hint::black_box;
use std::mem;
use std::net::Ipv4Addr;
use std::process::ExitCode;

/// How many ranges, and how many calls.
const COUNT: u64 = 8192;

/// One index in this many begins a range.
const STRIDE: u64 = 32;

/// A type of one's own.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Page(u32);

impl Index for Page {
    const LAST: u64 = u32::MAX as u64;

    fn to_u64(self) -> u64 {
        self.0.into()
    }

    fn from_u64(number: u64) -> Self {
        Self(number as u32)
    }
}

/// Calls, for what comes back and would not be missed.
fn each<T, U>(items: impl IntoIterator<Item = T>, mut call: impl FnMut(T) -> U) {
    for item in items {
        black_box(call(item));
    }
}

/// The calls of a map of this type, none of them inlined into the loop around it.
macro_rules! calls {
    ($name:ident, $map:ty, $index:ty) => {
        mod $name {
            use super::*;
            use std::ops::{Range, RangeInclusive};

            #[inline(never)]
            fn get(map: &$map, index: $index) -> Option<u32> {
                map.get(index)
            }

            #[inline(never)]
            fn get_range(map: &$map, index: $index) -> (RangeInclusive<$index>, Option<u32>) {
                map.get_range(index)
            }

            #[inline(never)]
            fn iter(map: &$map) -> u64 {
                let look = |(range, value): (RangeInclusive<$index>, u32)| {
                    black_box(range);
                    u64::from(value)
                };
                map.iter().map(look).sum()
            }

            #[inline(never)]
            fn gaps(map: &$map) {
                each(map.gaps(..), |gap| gap);
            }

            #[inline(never)]
            fn insert(map: &mut $map, range: RangeInclusive<$index>) -> bool {
                map.insert(range, 1).is_ok()
            }

            #[inline(never)]
            fn store(map: &mut $map, range: Range<$index>) -> bool {
                map.store(range, 1).is_ok()
            }

            #[inline(never)]
            fn remove(map: &mut $map, range: Range<$index>) -> bool {
                map.remove(range).is_ok()
            }

            #[inline(never)]
            fn erase(map: &mut $map, index: $index) -> Option<(RangeInclusive<$index>, u32)> {
                map.erase(index)
            }

            /// Runs the call of this name; `false`: there is none.
            pub(super) fn run(call: &str) -> bool {
                let index = <$index as Index>::from_u64;
                let mut state = 1_u64;
                let mut anywhere = || {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) % (COUNT * STRIDE)
                };
                let ranges: Vec<_> = (0..COUNT).map(|n| index(n * STRIDE)..=index(n * STRIDE + STRIDE / 2 - 1)).collect();
                let places: Vec<_> = (0..COUNT).map(|_| anywhere()).map(|at| index(at)..index(at + 7)).collect();
                let mut map = <$map>::new();
                if call != "nothing" {
                    each(ranges, |range| insert(&mut map, range));
                }
                match call {
                    "nothing" | "insert" => {}
                    "get" => each(places, |at| get(&map, at.start)),
                    "get_range" => each(places, |at| get_range(&map, at.start)),
                    "iter" => each(0..4, |_| iter(&map)),
                    "gaps" => gaps(&map),
                    "store" => each(places, |range| store(&mut map, range)),
                    "remove" => each(places, |range| remove(&mut map, range)),
                    "erase" => each(places, |at| erase(&mut map, at.start)),
                    _ => return false,
                }
                // What comes after the calls is not to be counted.
                mem::forget(map);
                true
            }
        }
    };
}

calls!(plain, RangeMap<u32>, u64);
calls!(of_u64, TypedMap<u64, u32>, u64);
calls!(of_u32, TypedMap<u32, u32>, u32);
calls!(of_i32, TypedMap<i32, u32>, i32);
calls!(of_usize, TypedMap<usize, u32>, usize);
calls!(of_address, TypedMap<Ipv4Addr, u32>, Ipv4Addr);
calls!(of_page, TypedMap<Page, u32>, Page);

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (map, call) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let done = match map.as_str() {
        "plain" => plain::run(&call),
        "u64" => of_u64::run(&call),
        "u32" => of_u32::run(&call),
        "i32" => of_i32::run(&call),
        "usize" => of_usize::run(&call),
        "ipv4" => of_address::run(&call),
        "page" => of_page::run(&call),
        _ => false,
    };
    if done {
        return ExitCode::SUCCESS;
    }
    eprintln!("usage: typed plain|u64|usize|u32|page|i32|ipv4 nothing|insert|get|get_range|iter|gaps|store|remove|erase");
    ExitCode::from(2)
}
