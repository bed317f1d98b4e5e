//! A copy that fails half-way: getting rid of the part that was not reached, against getting rid of everything.
//!
//! The copy is made first and whole (as in a duplication whose entries are then replaced one by one); then "entry k cannot be
//! replaced". What is timed is the recovery alone. The names of the benchmarks:
//!
//! | name | what is left, and what is not done yet |
//! |---|---|
//! | `prune`, `prune in place`, `split_off` | the head is valid; the memory of the tail is not given back |
//! | `…, release` | the same, and the memory of the tail is given back (`MapleTree`: after a grace period) |
//! | `erase each` | the head is valid |
//! | `teardown` | nothing is left: the whole copy is dropped |
//!
//! A prune beside readers holds the writers' lock for at most the time of `prune`; a grace period is waited for without the lock.
//! Nodes and requests for memory are in `memory`.

mod common;

use common::Suite;
use maple_benches::jobs::{self, Failure};
use maple_benches::{Case, Peer, RangeTable, Subject, cases};
use maple_tree::{MapleTree, RangeMap, U61};
use std::cell::LazyCell;

/// A way to recover: its name, and what it does with a copy that failed at an index.
type Recovery<'a, S, T> = (&'a str, fn(Box<S>, u64) -> T);

fn recover<S: RangeTable, T>(suite: &mut Suite<'_>, source: &S, failure: Failure, (name, recovery): Recovery<'_, S, T>) {
    let Failure { shape, count, percent } = failure;
    let name = format!("{} at {percent} %, {name}", S::NAME);
    suite.run(&name, Case { shape, count }, || jobs::recover(source, failure, recovery));
}

/// What there is for all of them.
fn recover_any<S: RangeTable>(suite: &mut Suite<'_>, source: &S, failure: Failure) {
    let Failure { shape, count, percent } = failure;
    let name = format!("{} at {percent} %, erase each", S::NAME);
    suite.run(&name, Case { shape, count }, || {
        jobs::recover(source, failure, move |mut copy, _| {
            copy.erase_tail(shape, failure.entry()..count);
            copy
        })
    });
    recover(suite, source, failure, ("teardown", |copy, _| drop(copy)));
}

/// Cuts the tail off, and keeps it.
fn cut<S: RangeTable>(mut copy: Box<S>, from: u64) -> (Box<S>, S::Tail) {
    let tail = copy.cut(from);
    (copy, tail)
}

/// Cuts the tail off, and drops it.
fn cut_and_release<S: RangeTable>(mut copy: Box<S>, from: u64) -> Box<S> {
    drop(copy.cut(from));
    copy
}

fn prune_in_place(copy: Box<MapleTree<U61>>, from: u64) -> Box<MapleTree<U61>> {
    copy.prune_in_place(from);
    copy
}

fn prune_and_release(copy: Box<MapleTree<U61>>, from: u64) -> Box<MapleTree<U61>> {
    copy.prune(from);
    copy.synchronize().expect("not inside a read section");
    copy
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "prune_vs_teardown", 20);
        for Case { shape, count } in cases() {
            let map = LazyCell::new(|| RangeMap::<U61>::filled(shape, count));
            let tree = LazyCell::new(|| MapleTree::<U61>::filled(shape, count));
            let peer = LazyCell::new(|| Peer::filled(shape, count));
            for percent in [1, 50, 99] {
                let failure = Failure { shape, count, percent };
                recover(suite, &*map, failure, ("prune", cut));
                recover(suite, &*map, failure, ("prune, release", cut_and_release));
                recover_any(suite, &*map, failure);
                recover(suite, &*tree, failure, ("prune", cut));
                recover(suite, &*tree, failure, ("prune in place", prune_in_place));
                recover(suite, &*tree, failure, ("prune, release", prune_and_release));
                recover_any(suite, &*tree, failure);
                recover(suite, &*peer, failure, ("split_off", cut));
                recover(suite, &*peer, failure, ("split_off, release", cut_and_release));
                recover_any(suite, &*peer, failure);
            }
        }
    });
}
