//! A copy of everything, against copying the same nodes into contiguous memory; and the drop of everything. Times are for the whole.

mod common;

use common::Suite;
use criterion::Criterion;
use maple_benches::{Case, RangeTable, Subject, cases, jobs, maple};
use maple_tree::{RangeMap, U61};
use std::cell::LazyCell;

fn copy<S: RangeTable>(suite: &mut Suite<'_>, case: Case) {
    let source = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(S::NAME, case, || jobs::dup(&*source));
}

fn destroy<S: RangeTable>(suite: &mut Suite<'_>, case: Case) {
    let source = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(S::NAME, case, || jobs::destroy(&*source));
}

fn copies(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "dup", 30);
    for case in cases() {
        for_every_range_table!(copy(suite, case));
        suite.run("the same nodes", case, || jobs::copy_nodes(maple::nodes(&RangeMap::<U61>::filled(case.shape, case.count))));
    }
}

fn drops(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "drop", 30);
    for case in cases() {
        for_every_range_table!(destroy(suite, case));
    }
}

fn main() {
    common::main(|criterion| {
        copies(criterion);
        drops(criterion);
    });
}
