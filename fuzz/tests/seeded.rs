//! Every target on seeded pseudo-random bytes. `MAPLE_CASES=n` runs n times as many.

use maple_fuzz::{TARGETS, bytes};
use maple_tests::op::times;

fn run(name: &str, cases: u64) {
    let target = TARGETS.into_iter().find(|target| target.name == name).expect("a target");
    for seed in 0..cases * u64::from(times()) {
        (target.run)(&bytes(seed));
    }
}

#[test]
fn ops() {
    run("ops", 2_000);
}
