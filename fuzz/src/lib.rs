//! The bodies of the fuzz targets, free of libFuzzer: an ordinary test can run them, and so can any other fuzzer.
//!
//! A case is an [`Input`], made of bytes by `arbitrary`. [`ops`] runs it on a face of the tree beside the model of `maple-tests`,
//! compares (and validates) after each step and compares everything at the end.

mod input;
mod step;

pub use input::Input;

use arbitrary::{Arbitrary, Unstructured};

/// Runs the operations of `input`.
///
/// # Panics
///
/// If the tree and the model differ, or the tree is not valid. The operations are printed as a test to paste.
pub fn ops(input: &Input) {
    input.run();
}

/// Runs the operations that `data` stands for; bytes that stand for nothing are passed over.
///
/// # Panics
///
/// As [`ops`].
pub fn run(data: &[u8]) {
    if let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) {
        ops(&input);
    }
}

#[cfg(test)]
mod tests {
    /// splitmix64: the same cases on every machine.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = *state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// `MAPLE_CASES=n` runs n times as many.
    #[test]
    fn seeded_byte_strings() {
        let times = std::env::var("MAPLE_CASES").map_or(1, |n| n.parse().expect("MAPLE_CASES is a number"));
        for seed in 0..2_000 * times {
            let mut state = seed;
            let words = random(&mut state) % 48;
            let data: Vec<u8> = (0..words).flat_map(|_| random(&mut state).to_le_bytes()).collect();
            super::run(&data);
        }
    }
}
