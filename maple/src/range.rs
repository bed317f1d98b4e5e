//! From any `RangeBounds<u64>` to first and last index.

use crate::error::BadRange;
use core::ops::{Bound, RangeBounds};

/// The first and last index of a range, inclusive.
///
/// # Errors
///
/// When the range holds no index.
pub(crate) fn inclusive(range: &impl RangeBounds<u64>) -> Result<(u64, u64), BadRange> {
    let (start, end) = fixed(range);
    let first = match start {
        Bound::Included(first) => Some(first),
        Bound::Excluded(before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let last = match end {
        Bound::Included(last) => Some(last),
        Bound::Excluded(after) => after.checked_sub(1),
        Bound::Unbounded => Some(u64::MAX),
    };
    match (first, last) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(BadRange { start, end }),
    }
}

/// The bounds as they are now. What a range of the caller's own type says is foreign code: it may say something else when it is asked again, and
/// must not be asked under a lock.
pub(crate) fn fixed(range: &impl RangeBounds<u64>) -> (Bound<u64>, Bound<u64>) {
    (range.start_bound().cloned(), range.end_bound().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_become_inclusive() {
        assert_eq!(inclusive(&(..)), Ok((0, u64::MAX)));
        assert_eq!(inclusive(&(3..=3)), Ok((3, 3)));
        assert_eq!(inclusive(&(3..4)), Ok((3, 3)));
        assert_eq!(inclusive(&(u64::MAX..)), Ok((u64::MAX, u64::MAX)));
        assert_eq!(inclusive(&(Bound::Excluded(3), Bound::Unbounded)), Ok((4, u64::MAX)));
    }

    #[test]
    fn ranges_without_an_index_are_named() {
        for (start, end) in [
            (Bound::Included(5), Bound::Included(3)),
            (Bound::Included(5), Bound::Excluded(5)),
            (Bound::Unbounded, Bound::Excluded(0)),
            (Bound::Excluded(u64::MAX), Bound::Unbounded),
        ] {
            assert_eq!(inclusive(&(start, end)), Err(BadRange { start, end }));
        }
    }
}
