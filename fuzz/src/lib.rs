//! The bodies of the fuzz targets, free of libFuzzer: an ordinary test can run them, and so can any other fuzzer.
//!
//! A target is a type of cases. A [`Case`] is made of bytes by `arbitrary`, runs the tree beside a model, and prints itself as a test to paste.
//! [`TARGETS`] has them all.

mod case;
mod ops;
mod place;
mod step;

pub use case::{Case, Target};
pub use ops::Ops;

/// Every target.
pub const TARGETS: [Target; 1] = [Target::of::<Ops>("ops")];

/// Bytes that a case can be made of, the same on every machine: up to 64 words of splitmix64.
pub fn bytes(seed: u64) -> Vec<u8> {
    let mut rng = maple_tests::shapes::Rng(seed);
    let words = rng.below(64);
    (0..words).flat_map(|_| rng.bits().to_le_bytes()).collect()
}
