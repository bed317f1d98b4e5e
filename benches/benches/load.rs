//! Random look-ups that hit: in whatever a reader holds for many, with a guard for each where there are guards, and many at once.

mod common;

use common::Suite;
use maple_benches::{Case, Subject, cases, jobs};
use maple_tree::{MapleTree, RangeMap, U61};
use std::cell::LazyCell;

fn load<S: Subject>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    let subject = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(S::NAME, case, || jobs::load(&*subject, hits));
}

fn load_pin<S: Subject>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    let subject = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(&format!("{}, a guard each", S::NAME), case, || jobs::load_pin(&*subject, hits));
}

fn load_many<S: Subject>(suite: &mut Suite<'_>, case: Case, hits: &[u64]) {
    let subject = LazyCell::new(|| S::filled(case.shape, case.count));
    suite.run(&format!("{}, sixteen at once", S::NAME), case, || jobs::load_many(&*subject, hits));
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "load", 50);
        for case in cases() {
            let hits = &case.shape.hits(case.count);
            for_every_subject!(load(suite, case, hits));
            for_every_shared_subject!(load_pin(suite, case, hits));
            load_many::<RangeMap<U61>>(suite, case, hits);
            load_many::<MapleTree<U61>>(suite, case, hits);
        }
    });
}
