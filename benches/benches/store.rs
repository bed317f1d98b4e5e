//! Everything that stores: building in order, in random order and at once; replacing; punching a hole and restoring.
//!
//! Times of builds are for the whole build; the other ones leave the map as it was and are for one replacement, or one hole and its
//! filling.

mod common;

use common::Suite;
use criterion::Criterion;
use maple_benches::{Case, RangeTable, Span, Subject, cases, jobs};

fn build<S: Subject>(suite: &mut Suite<'_>, case: Case, spans: &[Span]) {
    suite.run(S::NAME, case, || jobs::build::<S>(spans));
}

fn bulk<S: RangeTable>(suite: &mut Suite<'_>, case: Case, spans: &[Span]) {
    suite.run(S::NAME, case, || jobs::bulk::<S>(spans));
}

fn replace<S: Subject>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    suite.run(S::NAME, case, || jobs::replace(S::filled(case.shape, case.count), hits));
}

fn punch_restore<S: Subject>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    suite.run(S::NAME, case, || jobs::punch_restore(S::filled(case.shape, case.count), hits));
}

fn builds(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "build ascending", 10);
    for case in cases() {
        let spans: &Vec<Span> = &case.shape.spans(case.count).collect();
        for_every_subject!(build(suite, case, spans));
    }
}

fn random_builds(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "build random", 10);
    for case in cases() {
        let spans = &case.shape.shuffled(case.count);
        for_every_subject!(build(suite, case, spans));
    }
}

fn bulk_builds(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "build at once", 10);
    for case in cases() {
        let spans: &Vec<Span> = &case.shape.spans(case.count).collect();
        for_every_range_table!(bulk(suite, case, spans));
    }
}

fn replacements(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "replace", 30);
    for case in cases() {
        let hits = &case.shape.hits(case.count);
        for_every_subject!(replace(suite, case, hits));
    }
}

fn holes(criterion: &mut Criterion) {
    let suite = &mut Suite::begin(criterion, "punch and restore", 30);
    for case in cases() {
        let hits = &case.shape.hits(case.count);
        for_every_subject!(punch_restore(suite, case, hits));
    }
}

fn main() {
    common::main(|criterion| {
        builds(criterion);
        random_builds(criterion);
        bulk_builds(criterion);
        replacements(criterion);
        holes(criterion);
    });
}
