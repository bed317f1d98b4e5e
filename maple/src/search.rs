//! Finding the slot of an index inside one node.

/// The number of `pivots` below `index`: the slot that covers it.
///
/// Unused pivots hold `u64::MAX`, which is below nothing, so no length is needed. Branch-free: a mispredicted branch costs more than
/// the comparisons it would save.
#[inline(always)]
pub(crate) fn rank<const N: usize>(pivots: &[u64; N], index: u64) -> usize {
    let mut below = 0;
    for pivot in pivots {
        below += usize::from(*pivot < index);
    }
    below
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn counts_only_pivots_below_the_index() {
        let pivots = [3, 7, 9, u64::MAX, u64::MAX];
        for (index, slot) in [(0, 0), (3, 0), (4, 1), (7, 1), (8, 2), (9, 2), (10, 3), (u64::MAX, 3)] {
            assert_eq!(rank(&pivots, index), slot, "index {index}");
        }
    }
}
