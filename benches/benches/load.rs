//! Random look-ups that hit.

use criterion::{BenchmarkId, Criterion};
use maple_benches::{Peer, Round, Shape, Subject, sizes};
use maple_tree::{MapleTree, RangeMap, U61};
use std::cell::LazyCell;

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    for shape in Shape::ALL {
        for &count in sizes() {
            let hits = LazyCell::new(|| shape.hits(count));
            let id = |name: &str| BenchmarkId::new(format!("{name}/{}", shape.name()), count);

            let map = LazyCell::new(|| RangeMap::<U61>::filled(shape, count));
            group.bench_function(id("RangeMap"), |bencher| {
                let (map, mut hits) = (&*map, Round::new(&hits));
                bencher.iter(|| map.get(hits.turn()));
            });

            let tree = LazyCell::new(|| MapleTree::<U61>::filled(shape, count));
            group.bench_function(id("MapleTree, one guard"), |bencher| {
                let (tree, mut hits) = (&*tree, Round::new(&hits));
                let guard = tree.pin();
                bencher.iter(|| tree.get(hits.turn(), &guard));
            });
            group.bench_function(id("MapleTree, a guard each"), |bencher| {
                let (tree, mut hits) = (&*tree, Round::new(&hits));
                bencher.iter(|| tree.get(hits.turn(), &tree.pin()));
            });

            let peer = LazyCell::new(|| Peer::filled(shape, count));
            group.bench_function(id("BTreeMap"), |bencher| {
                let (peer, mut hits) = (&*peer, Round::new(&hits));
                bencher.iter(|| peer.get(hits.turn()));
            });
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    load(&mut criterion);
    criterion.final_summary();
}
