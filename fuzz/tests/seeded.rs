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
    run("ops", 800);
}

#[test]
fn alloc_gaps() {
    run("alloc_gaps", 2_000);
}

#[test]
fn cursor() {
    run("cursor", 2_000);
}

#[test]
fn prune_dup() {
    run("prune_dup", 2_000);
}

#[test]
fn decode() {
    run("decode", 20_000);
}

#[test]
fn oom() {
    run("oom", 600);
}

#[test]
fn concurrent() {
    run("concurrent", 2_000);
}
