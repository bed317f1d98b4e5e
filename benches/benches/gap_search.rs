//! The first hole that is large enough, and taking it and giving it back. Holes grow along the way, so that the first fit for a size lies anywhere.

mod common;

use common::Suite;
use maple_benches::{Case, Holes, Peer, Shape, cases, holes, jobs, peers};
use maple_tree::{MapleTree, RangeMap, U61};

fn first_fit<S: Holes>(suite: &mut Suite<'_>, case: Case) {
    suite.run(S::NAME, case, || jobs::first_fit(S::of(holes::spans(case.count)), case.count));
}

fn allocate_free<S: Holes>(suite: &mut Suite<'_>, case: Case) {
    suite.run(S::NAME, case, || jobs::allocate_free(S::of(holes::spans(case.count)), case.count));
}

fn main() {
    common::main(|criterion| {
        for (name, run) in [
            (
                "gap_search",
                [first_fit::<RangeMap<U61>>, first_fit::<MapleTree<U61>>, first_fit::<Peer>, first_fit::<peers::Ranges>],
            ),
            (
                "allocate_free",
                [
                    allocate_free::<RangeMap<U61>>,
                    allocate_free::<MapleTree<U61>>,
                    allocate_free::<Peer>,
                    allocate_free::<peers::Ranges>,
                ],
            ),
        ] {
            let suite = &mut Suite::begin(criterion, name, 20);
            for case in cases().filter(|case| case.shape == Shape::Holes) {
                run.iter().for_each(|run| run(suite, case));
            }
        }
    });
}
