//! What the suites need of Criterion.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use maple_benches::Case;
use std::time::Duration;

/// The benchmarks of a suite.
pub(crate) struct Suite<'a>(BenchmarkGroup<'a, WallTime>);

impl<'a> Suite<'a> {
    pub(crate) fn begin(criterion: &'a mut Criterion, name: &str, samples: usize) -> Self {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(samples);
        Self(group)
    }

    /// Runs one benchmark, of one of several cases or of all there is. `job` is made only if that was asked for.
    pub(crate) fn run<J: FnMut(u64) -> Duration>(&mut self, name: &str, case: impl Into<Option<Case>>, job: impl FnOnce() -> J) {
        let id = match case.into() {
            Some(Case { shape, count }) => BenchmarkId::new(format!("{name}/{}", shape.name()), count),
            None => BenchmarkId::from_parameter(name),
        };
        let (mut maker, mut made) = (Some(job), None);
        self.0.bench_function(id, |bencher| {
            made = made.take().or_else(|| maker.take().map(|job| job()));
            bencher.iter_custom(|iterations| made.as_mut().map_or(Duration::ZERO, |job| job(iterations)));
        });
    }
}

/// Runs the suites of one program.
pub(crate) fn main(suites: impl FnOnce(&mut Criterion)) {
    let mut criterion = Criterion::default().configure_from_args();
    suites(&mut criterion);
    criterion.final_summary();
}

/// Calls a function for each subject there is, with its type.
#[macro_export]
macro_rules! for_every_subject {
    ($function:ident($($argument:expr),*)) => {
        $function::<maple_tree::RangeMap<maple_tree::U61>>($($argument),*);
        $function::<maple_benches::peers::Ranges>($($argument),*);
        $function::<maple_benches::peers::Brie>($($argument),*);
        $function::<maple_benches::Peer>($($argument),*);
        $crate::for_every_shared_subject!($function($($argument),*));
    };
}

/// Calls a function for each subject that can change beside readers, with its type.
#[macro_export]
macro_rules! for_every_shared_subject {
    ($function:ident($($argument:expr),*)) => {
        $function::<maple_tree::MapleTree<maple_tree::U61>>($($argument),*);
        $function::<maple_benches::peers::Locked>($($argument),*);
        $function::<maple_benches::peers::Skip>($($argument),*);
        $function::<maple_benches::peers::Scc>($($argument),*);
        $function::<maple_benches::peers::Concread>($($argument),*);
        $function::<maple_benches::peers::Imbl>($($argument),*);
    };
}

/// The same for our two faces and the `BTreeMap`.
#[macro_export]
macro_rules! for_every_range_table {
    ($function:ident($($argument:expr),*)) => {
        $function::<maple_tree::RangeMap<maple_tree::U61>>($($argument),*);
        $function::<maple_tree::MapleTree<maple_tree::U61>>($($argument),*);
        $function::<maple_benches::Peer>($($argument),*);
    };
}
