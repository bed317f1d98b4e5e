//! The first hole that is large enough. Holes grow along the way, so that the first fit for a size lies anywhere.

mod common;

use common::Suite;
use maple_benches::{Case, RangeTable, Shape, cases, holes, jobs};
use std::cell::LazyCell;

fn first_fit<S: RangeTable>(suite: &mut Suite<'_>, case: Case) {
    let subject = LazyCell::new(|| S::of(holes::spans(case.count)));
    suite.run(S::NAME, case, || jobs::first_fit(&*subject, case.count));
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "gap_search", 20);
        for case in cases().filter(|case| case.shape == Shape::Holes) {
            for_every_range_table!(first_fit(suite, case));
        }
    });
}
