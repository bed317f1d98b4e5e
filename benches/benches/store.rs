//! Everything that stores: building, replacing, erasing and storing again, punching a hole and restoring.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use maple_benches::{PAGE, Peer, Round, Shape, Span, Subject, sizes};
use maple_tree::{MapleTree, RangeMap, U61};
use std::cell::{LazyCell, RefCell};

fn id<S: Subject>(shape: Shape, count: u64) -> BenchmarkId {
    BenchmarkId::new(format!("{}/{}", S::NAME, shape.name()), count)
}

fn build<S: Subject>(group: &mut BenchmarkGroup<'_, WallTime>, shape: Shape, count: u64, spans: &[Span]) {
    group.bench_function(id::<S>(shape, count), |bencher| {
        bencher.iter_batched(
            S::default,
            |mut subject| {
                for &span in spans {
                    subject.build(span, 1);
                }
                subject
            },
            BatchSize::PerIteration,
        );
    });
}

fn builds(criterion: &mut Criterion, name: &str, order: impl Fn(Shape, u64) -> Vec<Span>) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for shape in Shape::ALL {
        for &count in sizes() {
            let spans = order(shape, count);
            group.throughput(Throughput::Elements(count));
            build::<RangeMap<U61>>(&mut group, shape, count, &spans);
            build::<MapleTree<U61>>(&mut group, shape, count, &spans);
            build::<Peer>(&mut group, shape, count, &spans);
        }
    }
    group.finish();
}

/// Does `change` at random places of a map that it leaves as it was.
fn churn<S: Subject>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    shape: Shape,
    count: u64,
    hits: &[u64],
    change: impl Fn(&mut S, u64, Span),
) {
    let subject = LazyCell::new(|| RefCell::new(S::filled(shape, count)));
    group.bench_function(id::<S>(shape, count), |bencher| {
        let (mut subject, mut hits) = (subject.borrow_mut(), Round::new(hits));
        bencher.iter(|| {
            let index = hits.turn();
            // All shapes start at a multiple of a page.
            let first = index - index % PAGE;
            change(&mut subject, index, (first, first + (PAGE - 1)));
        });
    });
}

/// The three faces of one change, as a generic function each.
macro_rules! churns {
    ($criterion:expr, $name:literal, $change:expr) => {{
        let mut group = $criterion.benchmark_group($name);
        group.sample_size(30);
        for shape in Shape::ALL {
            for &count in sizes() {
                let hits = shape.hits(count);
                churn::<RangeMap<U61>>(&mut group, shape, count, &hits, $change);
                churn::<MapleTree<U61>>(&mut group, shape, count, &hits, $change);
                churn::<Peer>(&mut group, shape, count, &hits, $change);
            }
        }
        group.finish();
    }};
}

fn replace<S: Subject>(subject: &mut S, index: u64, _: Span) {
    subject.replace(index, index);
}

fn erase_and_store<S: Subject>(subject: &mut S, index: u64, span: Span) {
    subject.erase(span.0);
    subject.build(span, index);
}

fn punch_and_restore<S: Subject>(subject: &mut S, index: u64, span: Span) {
    let hole = (span.0 + PAGE / 4, span.1 - PAGE / 4);
    subject.punch(span, hole);
    subject.restore(span, hole, index);
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    builds(&mut criterion, "build ascending", |shape, count| shape.spans(count).collect());
    builds(&mut criterion, "build random", Shape::shuffled);
    churns!(criterion, "replace", replace);
    churns!(criterion, "erase and store", erase_and_store);
    churns!(criterion, "punch and restore", punch_and_restore);
    criterion.final_summary();
}
