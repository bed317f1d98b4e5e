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

/// The words of a case that are worth a seed: calls, their variants, types. Numbers are not.
fn words(case: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    case.split(word).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// Names and bytes of a few pseudo-random cases of a target that together have every word which a thousand have: what the fuzzer starts from.
pub fn seeds(target: Target) -> Vec<(String, Vec<u8>)> {
    let mut known = std::collections::BTreeSet::new();
    let mut chosen = Vec::new();
    for seed in 0..1_000 {
        let bytes = bytes(seed);
        let Some(case) = (target.print)(&bytes) else { continue };
        let mut fresh = 0;
        // Of input for a decoder the words are noise.
        let lines = case.lines().filter(|line| !line.contains("let bytes"));
        for word in lines.flat_map(words).filter(|word| word.len() < 24) {
            fresh += usize::from(known.insert(word.to_owned()));
        }
        if fresh > 0 {
            chosen.push((format!("{seed:03}"), bytes));
        }
    }
    chosen
}
