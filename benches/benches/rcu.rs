//! Flavours of read-copy-update and what others have in their place: a read section around one load, a section inside another,
//! retiring a node that was made before (with the freeing of those that are due), and waiting for a grace period, with nobody there
//! and beside one busy reader.

mod common;

use common::Suite;
use maple_benches::rcu::{self, Crossbeam, Haphazard, Liburcu, OfEpoch, OfGrace, OwnCrossbeam, RETIRED, Sdd, Section, Seize};
use maple_tree::{Epoch, Grace};
use std::time::Duration;

fn read<S: Section>(suite: &mut Suite<'_>, name: &str) {
    suite.run(&format!("read/{name}"), None, || rcu::read(S::begin()));
}

fn read_nested<S: Section>(suite: &mut Suite<'_>, name: &str) {
    suite.run(&format!("read, nested/{name}"), None, || rcu::read_nested(S::begin(), S::begin()));
}

fn wait<S: Section>(suite: &mut Suite<'_>, name: &str) {
    suite.run(&format!("synchronize/{name}"), None, rcu::synchronize_idle::<S>);
    suite.run(&format!("synchronize beside a busy reader/{name}"), None, rcu::synchronize_busy::<S>);
}

/// Of one node.
fn each(mut job: impl FnMut(u64) -> Duration) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let batches = iterations.div_ceil(RETIRED);
        job(batches).mul_f64(iterations as f64 / (batches * RETIRED) as f64)
    }
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "rcu", 50);
        read::<OfGrace>(suite, "Grace");
        read::<OfEpoch>(suite, "Epoch");
        read::<Crossbeam>(suite, "crossbeam-epoch");
        read::<OwnCrossbeam>(suite, "crossbeam-epoch, own collector");
        read::<Seize>(suite, "seize");
        read::<Sdd>(suite, "sdd");
        read::<Haphazard>(suite, "haphazard");
        read_nested::<OfGrace>(suite, "Grace");
        read_nested::<Crossbeam>(suite, "crossbeam-epoch");
        read_nested::<Sdd>(suite, "sdd");
        suite.run("retire/Grace", None, || each(rcu::retire::<Grace>()));
        suite.run("retire/Epoch", None, || each(rcu::retire::<Epoch>()));
        suite.run("retire/crossbeam-epoch", None, || each(rcu::defer_destroy()));
        wait::<OfGrace>(suite, "Grace");
        wait::<OfEpoch>(suite, "Epoch");
        if Liburcu::is_there() {
            read::<Liburcu>(suite, "liburcu");
            wait::<Liburcu>(suite, "liburcu");
        }
    });
}
