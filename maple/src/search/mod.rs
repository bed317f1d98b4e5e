//! Finding the slot of an index inside one node.
//!
//! One file for each instruction set. Which one the processor has is found out once per process; a whole operation (a look-up, a
//! descent) is then compiled for each of them, so that choosing costs one predictable branch a call, not one a node.
//!
//! On AArch64 the portable search is the vector search: NEON is part of the base there, and the compiler uses it.

#[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
mod avx2;
#[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
mod avx512;
mod portable;

pub(crate) use portable::Portable;

/// Pivots of a node.
#[cfg(not(loom))]
pub(crate) const PIVOTS: usize = 15;
/// So few that a handful of stores splits a node: a model has no time for more.
#[cfg(loom)]
pub(crate) const PIVOTS: usize = 3;

/// One way to search a node.
pub(crate) trait Search: Copy {
    /// The number of `pivots` below `index`: the slot that covers it.
    ///
    /// Unused pivots hold `u64::MAX`, which is below nothing, so no length is needed.
    fn rank(self, pivots: &[u64; PIVOTS], index: u64) -> usize;
}

/// Something that searches nodes, to be compiled once for each instruction set.
///
/// `run` has to be `#[inline(always)]`, or it is compiled for the base set only.
pub(crate) trait Operation {
    type Output;

    fn run<S: Search>(self, search: S, index: u64) -> Self::Output;
}

/// Runs `operation`, which searches for `index`, with the best search that this processor has.
///
/// The index is apart because it travels in a register then. What is larger than two words travels in memory, and a vector load of words
/// that were just stored one by one waits for the stores: that doubled the time of a replace.
#[inline(always)]
pub(crate) fn run<O: Operation>(index: u64, operation: O) -> O::Output {
    #[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
    match best() {
        // SAFETY: `detect` made one, in this process.
        Best::AVX512 => unsafe { avx512::Avx512::again() }.run(index, operation),
        // SAFETY: as above.
        Best::AVX2 => unsafe { avx2::Avx2::again() }.run(index, operation),
        _ => operation.run(Portable, index),
    }
    #[cfg(not(all(target_arch = "x86_64", feature = "std", not(loom))))]
    operation.run(Portable, index)
}

/// What was found to be best, as a byte that can be kept in an atomic.
#[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
struct Best;

#[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
impl Best {
    const UNKNOWN: u8 = 0;
    const PORTABLE: u8 = 1;
    const AVX2: u8 = 2;
    const AVX512: u8 = 3;
}

#[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
#[inline(always)]
fn best() -> u8 {
    use crate::sync::{AtomicU8, Ordering};
    static BEST: AtomicU8 = AtomicU8::new(Best::UNKNOWN);

    #[cold]
    fn find_out() -> u8 {
        let best = if avx512::Avx512::detect().is_some() {
            Best::AVX512
        } else if avx2::Avx2::detect().is_some() {
            Best::AVX2
        } else {
            Best::PORTABLE
        };
        // Relaxed: the byte is all there is to know, and every thread finds out the same.
        BEST.store(best, Ordering::Relaxed);
        best
    }

    // Relaxed: as above.
    match BEST.load(Ordering::Relaxed) {
        Best::UNKNOWN => find_out(),
        best => best,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(search: impl Search) {
        let mut pivots = [u64::MAX; PIVOTS];
        // Every length, with pivots on both sides of the sign bit.
        for len in 0..=PIVOTS {
            for (n, pivot) in pivots.iter_mut().take(len).enumerate() {
                *pivot = (n as u64 + 1) << 60;
            }
            let indices = pivots.iter().flat_map(|pivot| [pivot - 1, *pivot, pivot.saturating_add(1)]);
            for index in indices.chain([0, 1, u64::MAX]) {
                let expected = pivots.iter().filter(|pivot| **pivot < index).count();
                assert_eq!(search.rank(&pivots, index), expected, "index {index:#x} in {pivots:x?}");
            }
        }
    }

    #[test]
    fn portable() {
        check(Portable);
    }

    #[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
    #[test]
    fn avx2() {
        avx2::Avx2::detect().into_iter().for_each(check);
    }

    #[cfg(all(target_arch = "x86_64", feature = "std", not(loom)))]
    #[test]
    fn avx512() {
        avx512::Avx512::detect().into_iter().for_each(check);
    }
}
