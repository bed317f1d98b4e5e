//! What real programs did to their address spaces: all changes of all recordings, without what was mapped at the start.

mod common;

use criterion::Criterion;
use maple_benches::replay::recordings;
use maple_benches::{RangeTable, jobs};
use std::cell::LazyCell;

fn replay<S: RangeTable>(criterion: &mut Criterion) {
    let recordings = LazyCell::new(recordings);
    criterion.bench_function(&format!("replay/{}", S::NAME), |bencher| bencher.iter_custom(jobs::replay::<S>(&recordings)));
}

fn main() {
    common::main(|criterion| {
        for_every_range_table!(replay(criterion));
    });
}
