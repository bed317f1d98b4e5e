//! The search that every processor can do.

use super::{PIVOTS, Search};

/// Counts without branches: a mispredicted branch costs more than the comparisons it would save.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

impl Search for Portable {
    #[inline(always)]
    fn rank(self, pivots: &[u64; PIVOTS], index: u64) -> usize {
        let mut below = 0;
        for pivot in pivots {
            below += usize::from(*pivot < index);
        }
        below
    }
}
