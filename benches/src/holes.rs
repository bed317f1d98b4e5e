//! Ranges with holes of all sizes, in which to look for the first fit.

use crate::{BASE, PAGE, Rng, Span};

/// Pages of the largest hole.
const LARGEST: u64 = 64;

/// `count` ranges of a page. Holes grow along the way, so that the first fit for a size lies anywhere: the larger, the further.
pub fn spans(count: u64) -> impl Iterator<Item = Span> + Clone {
    let mut rng = Rng::new(count);
    let mut first = BASE;
    (0..count).map(move |n| {
        let span = (first, first + (PAGE - 1));
        first += PAGE * (1 + rng.below(1 + LARGEST * n / count));
        span
    })
}

/// Sizes to look for, a power of two of them.
pub fn sizes(count: u64) -> Vec<u64> {
    let mut rng = Rng::new(!count);
    (0..64).map(|_| PAGE * (1 + rng.below(LARGEST - 1))).collect()
}
