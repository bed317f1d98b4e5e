//! Four pivots at a time. AVX2 compares with a sign, so both sides have their highest bit flipped first.

use super::{Operation, PIVOTS, Search};
use core::arch::x86_64::{
    __m256i, _mm256_cmpgt_epi64, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_packs_epi16, _mm256_packs_epi32,
    _mm256_set1_epi64x, _mm256_xor_si256,
};

/// Proof that the processor has AVX2 and the bit instructions of its time.
///
/// # Invariants
///
/// The first was made by [`detect`](Self::detect).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2")
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
        #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
        fn compiled<O: Operation>(search: Avx2, index: u64, operation: O) -> O::Output {
            operation.run(search, index)
        }
        // SAFETY: by the invariant of the type the processor has these features.
        unsafe { compiled(self, index, operation) }
    }
}

/// Where the four loads begin. The last begins one early, so as not to read past the pivots, and counts one of them twice.
const STARTS: [usize; 4] = [0, 4, 8, PIVOTS - 4];

/// Bits of the packed mask, two for each comparison: all but those of the pivot that is counted twice.
const ONCE: i32 = !(0b11 << 12);

impl Search for Avx2 {
    #[inline(always)]
    fn rank(self, pivots: &[u64; PIVOTS], index: u64) -> usize {
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
        fn rank(pivots: &[u64; PIVOTS], index: u64) -> usize {
            let flip = _mm256_set1_epi64x(i64::MIN);
            let index = _mm256_xor_si256(_mm256_set1_epi64x(index.cast_signed()), flip);
            let below = STARTS.map(|start| {
                let four: &[u64] = &pivots[start..start + 4];
                #[expect(clippy::cast_ptr_alignment, reason = "the load asks for none")]
                // SAFETY: four pivots.
                let four = unsafe { _mm256_loadu_si256(four.as_ptr().cast::<__m256i>()) };
                _mm256_cmpgt_epi64(index, _mm256_xor_si256(four, flip))
            });
            // From 64 bits a comparison to 16, and then to 2: the order changes, the number does not. The pivot that the last load
            // has first ends up in bits 12 and 13.
            let packed = _mm256_packs_epi16(_mm256_packs_epi32(below[0], below[1]), _mm256_packs_epi32(below[2], below[3]));
            ((_mm256_movemask_epi8(packed) & ONCE).count_ones() / 2) as usize
        }
        // SAFETY: by the invariant of the type the processor has these features.
        unsafe { rank(pivots, index) }
    }
}
