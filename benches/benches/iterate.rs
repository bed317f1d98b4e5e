//! A walk over everything: one by one, and in one go. Times are for the whole walk.

mod common;

use common::Suite;
use maple_benches::{Case, Subject, cases, jobs};
use std::cell::LazyCell;

fn iterate<S: Subject>(suite: &mut Suite<'_>, case: Case) {
    let subject = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(S::NAME, case, || jobs::iterate(&*subject));
}

fn for_each<S: Subject>(suite: &mut Suite<'_>, case: Case) {
    let subject = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(&format!("{}, for_each", S::NAME), case, || jobs::for_each(&*subject));
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "iterate", 30);
        for case in cases() {
            for_every_subject!(iterate(suite, case));
            for_every_range_table!(for_each(suite, case));
        }
    });
}
