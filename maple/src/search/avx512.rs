//! Eight pivots at a time, compared without a sign, into mask registers.

use super::{Operation, PIVOTS, Search};
use core::arch::x86_64::{_mm512_cmplt_epu64_mask, _mm512_loadu_epi64, _mm512_set1_epi64};

/// Proof that the processor has AVX-512 (F) and the bit instructions that came long before it.
///
/// # Invariants
///
/// The first was made by [`detect`](Self::detect).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        found.then_some(Self(()))
    }

    /// # Safety
    ///
    /// [`detect`](Self::detect) made one in this process.
    #[inline(always)]
    pub(crate) unsafe fn again() -> Self {
        Self(())
    }

    /// Runs an operation that is compiled for this instruction set.
    #[inline(always)]
    pub(crate) fn run<O: Operation>(self, index: u64, operation: O) -> O::Output {
        #[target_feature(enable = "avx512f,bmi1,bmi2,popcnt")]
        fn compiled<O: Operation>(search: Avx512, index: u64, operation: O) -> O::Output {
            operation.run(search, index)
        }
        // SAFETY: by the invariant of the type the processor has these features.
        unsafe { compiled(self, index, operation) }
    }
}

const LANES: usize = 8;
/// Where the second load begins. One early, so as not to read past the pivots; a masked load would not have to, but is several times
/// slower behind a store (see `docs/performance.md`).
const UPPER: usize = PIVOTS - LANES;

impl Search for Avx512 {
    #[inline(always)]
    fn rank(self, pivots: &[u64; PIVOTS], index: u64) -> usize {
        #[inline]
        #[target_feature(enable = "avx512f,bmi1,bmi2,popcnt")]
        fn rank(pivots: &[u64; PIVOTS], index: u64) -> usize {
            let index = _mm512_set1_epi64(index.cast_signed());
            let below = [0, UPPER].map(|start| {
                let eight: &[u64] = &pivots[start..start + LANES];
                // SAFETY: eight pivots.
                let eight = unsafe { _mm512_loadu_epi64(eight.as_ptr().cast()) };
                u32::from(_mm512_cmplt_epu64_mask(eight, index))
            });
            (below[0] | below[1] << UPPER).count_ones() as usize
        }
        // SAFETY: by the invariant of the type the processor has these features.
        unsafe { rank(pivots, index) }
    }
}
