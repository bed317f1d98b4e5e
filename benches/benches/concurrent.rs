//! Random look-ups, a guard for each, alone and beside one thread that writes all the time. Times are for one look-up.

mod common;

use common::Suite;
use maple_benches::jobs::{self, Writing};
use maple_benches::{Case, Shared, cases};
use std::cell::LazyCell;

fn beside<S: Shared>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    let subject = LazyCell::new(|| S::filled(case.shape, case.count));
    for writing in Writing::ALL {
        suite.run(&format!("{} beside {}", S::NAME, writing.name()), case, || jobs::load_beside(&*subject, hits, writing));
    }
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "concurrent", 20);
        for case in cases() {
            let hits = &case.shape.hits(case.count);
            for_every_shared_subject!(beside(suite, case, hits));
        }
    });
}
