//! The bodies of the fuzz targets, free of libFuzzer: an ordinary test can run them, and so can any other fuzzer.
//!
//! A target is a type of cases. A [`Case`] is made of bytes by `arbitrary`, runs the tree beside a model, and prints itself as a test to paste.
//! [`TARGETS`] has them all.

mod alloc_gaps;
mod case;
mod concurrent;
mod cursor;
mod decode;
mod oom;
mod ops;
mod place;
mod prune_dup;
mod step;
mod text;
mod turns;

pub use alloc_gaps::AllocGaps;
pub use case::{Case, Target};
pub use concurrent::Concurrent;
pub use cursor::Cursors;
pub use decode::Decode;
pub use oom::Oom;
pub use ops::Ops;
pub use prune_dup::PruneDup;

/// Every target.
pub const TARGETS: [Target; 7] = [
    Target::of::<Ops>("ops"),
    Target::of::<PruneDup>("prune_dup"),
    Target::of::<AllocGaps>("alloc_gaps"),
    Target::of::<Cursors>("cursor"),
    Target::of::<Oom>("oom"),
    Target::of::<Concurrent>("concurrent"),
    Target::of::<Decode>("decode"),
];

/// Bytes that a case can be made of, the same on every machine: up to 64 words of splitmix64.
pub fn bytes(seed: u64) -> Vec<u8> {
    let mut rng = maple_tests::shapes::Rng(seed);
    let words = rng.below(64);
    (0..words).flat_map(|_| rng.bits().to_le_bytes()).collect()
}
