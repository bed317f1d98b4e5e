//! Taking a random range out and storing it again; and taking half of all ranges out, one by one from the end.

mod common;

use common::Suite;
use criterion::Criterion;
use maple_benches::jobs::{self, Failure};
use maple_benches::{Case, RangeTable, Subject, cases};
use std::cell::LazyCell;

fn erase_store<S: Subject>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    suite.run(S::NAME, case, || jobs::erase_store(S::filled(case.shape, case.count), hits));
}

fn erase_half<S: RangeTable>(suite: &mut Suite<'_>, case: Case) {
    let Case { shape, count } = case;
    let source = LazyCell::new(|| S::filled(shape, count));
    let failure = Failure { shape, count, percent: 50 };
    suite.run(S::NAME, case, || {
        jobs::recover(&*source, failure, move |mut copy, _| {
            copy.erase_tail(shape, failure.entry()..count);
            copy
        })
    });
}

fn erase_and_store(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "erase and store", 30);
    for case in cases() {
        let hits = &case.shape.hits(case.count);
        for_every_subject!(erase_store(suite, case, hits));
    }
}

fn erase_the_half(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "erase half", 10);
    for case in cases() {
        for_every_range_table!(erase_half(suite, case));
    }
}

fn main() {
    common::main(|criterion| {
        erase_and_store(criterion);
        erase_the_half(criterion);
    });
}
