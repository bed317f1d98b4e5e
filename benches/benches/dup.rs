//! A copy of everything.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use maple_benches::{Peer, Shape, Subject, sizes};
use maple_tree::{MapleTree, RangeMap, U61};
use std::cell::LazyCell;

fn dup_of<S: Subject>(group: &mut BenchmarkGroup<'_, WallTime>, shape: Shape, count: u64) {
    let source = LazyCell::new(|| S::filled(shape, count));
    group.bench_function(BenchmarkId::new(format!("{}/{}", S::NAME, shape.name()), count), |bencher| {
        let source = &*source;
        // The copy is dropped outside of what is timed. One at a time, so that they do not fill the memory.
        bencher.iter_batched(|| (), |()| source.copy(), BatchSize::PerIteration);
    });
}

fn dup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dup");
    group.sample_size(30);
    for shape in Shape::ALL {
        for &count in sizes() {
            group.throughput(Throughput::Elements(count));
            dup_of::<RangeMap<U61>>(&mut group, shape, count);
            dup_of::<MapleTree<U61>>(&mut group, shape, count);
            dup_of::<Peer>(&mut group, shape, count);
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    dup(&mut criterion);
    criterion.final_summary();
}
