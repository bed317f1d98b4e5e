//! A copy that fails half-way: getting rid of the part that was not reached, against getting rid of everything.
//!
//! The copy is made first and whole (as in a duplication whose entries are then replaced one by one); then "entry k cannot be
//! replaced". What is timed is the recovery alone. The names of the benchmarks:
//!
//! | name | what is left, and what is not done yet |
//! |---|---|
//! | `prune`, `prune in place`, `split_off` | the head is valid; the memory of the tail is not given back |
//! | `…, release` | the same, and the memory of the tail is given back (`MapleTree`: after a grace period) |
//! | `erase each` | the head is valid |
//! | `teardown` | nothing is left: the whole copy is dropped |

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion};
use maple_benches::{Peer, Shape, Subject, sizes};
use maple_tree::{MapleTree, RangeMap, U61};
use std::cell::LazyCell;

/// Where a copy failed.
#[derive(Clone, Copy)]
struct Failure {
    shape: Shape,
    count: u64,
    percent: u64,
}

impl Failure {
    /// The number of the entry that failed.
    fn entry(self) -> u64 {
        self.count * self.percent / 100
    }

    /// Its first index.
    fn index(self) -> u64 {
        self.shape.first(self.entry())
    }
}

/// The same recovery of many copies; what it returns is dropped outside of what is timed.
fn recover<S: Subject, T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    source: &S,
    failure: Failure,
    name: &str,
    recovery: impl Fn(S, u64) -> T,
) {
    let Failure { shape, count, percent } = failure;
    let name = format!("{} {name}/{} at {percent} %", S::NAME, shape.name());
    // Small recoveries take less time than it takes to read the clock.
    let batch = if count < 1_000 { BatchSize::NumIterations(16) } else { BatchSize::PerIteration };
    group.bench_function(BenchmarkId::new(name, count), |bencher| {
        let (source, from) = (source, failure.index());
        bencher.iter_batched(|| source.copy(), |copy| recovery(copy, from), batch);
    });
}

fn recover_any<S: Subject>(group: &mut BenchmarkGroup<'_, WallTime>, source: &S, failure: Failure) {
    let tail = failure.entry()..failure.count;
    recover(group, source, failure, "erase each", |mut copy, _| {
        copy.erase_tail(failure.shape, tail.clone());
        copy
    });
    recover(group, source, failure, "teardown", |copy, _| drop(copy));
}

fn prune_vs_teardown(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prune_vs_teardown");
    group.sample_size(20);
    for shape in Shape::ALL {
        for &count in sizes() {
            let map = LazyCell::new(|| RangeMap::<U61>::filled(shape, count));
            let tree = LazyCell::new(|| MapleTree::<U61>::filled(shape, count));
            let peer = LazyCell::new(|| Peer::filled(shape, count));
            for percent in [1, 50, 99] {
                let failure = Failure { shape, count, percent };

                recover(&mut group, &*map, failure, "prune", |mut copy, from| {
                    let tail = copy.prune(from);
                    (copy, tail)
                });
                recover(&mut group, &*map, failure, "prune, release", |mut copy, from| {
                    drop(copy.prune(from));
                    copy
                });
                recover_any(&mut group, &*map, failure);

                recover(&mut group, &*tree, failure, "prune", |copy, from| {
                    copy.prune(from);
                    copy
                });
                recover(&mut group, &*tree, failure, "prune in place", |copy, from| {
                    copy.prune_in_place(from);
                    copy
                });
                recover(&mut group, &*tree, failure, "prune, release", |copy, from| {
                    copy.prune(from);
                    copy.synchronize().expect("not inside a read section");
                    copy
                });
                recover_any(&mut group, &*tree, failure);

                recover(&mut group, &*peer, failure, "split_off", |mut copy, from| {
                    let tail = copy.0.split_off(&from);
                    (copy, tail)
                });
                recover(&mut group, &*peer, failure, "split_off, release", |mut copy, from| {
                    drop(copy.0.split_off(&from));
                    copy
                });
                recover_any(&mut group, &*peer, failure);
            }
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    prune_vs_teardown(&mut criterion);
    criterion.final_summary();
}
