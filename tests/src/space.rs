//! Free space: what the [model](crate::model) says of it, and the comparison.

use crate::face::Face;
use crate::model::{Bounds, Model, Span, span};
use core::ops::Bound;
use maple_tree::{BadRange, FindError};

/// Which place of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The lowest.
    Lowest,
    /// The highest.
    Highest,
}

/// Where a cyclic allocation stands, as [`maple_tree::Cyclic`] tells it: the position, and whether it wrapped.
pub type Standing = (Option<u64>, bool);

/// The first index of the place for `size` indices in `gap`.
fn place(gap: Span, size: u64, align: u64, side: Side) -> Option<u64> {
    let [first, last, size, align] = [gap.0, gap.1, size, align].map(u128::from);
    let place = match side {
        Side::Lowest => first.div_ceil(align) * align,
        Side::Highest => (last + 1).checked_sub(size)? / align * align,
    };
    (first <= place && place + size <= last + 1).then(|| u64::try_from(place).expect("inside the gap"))
}

impl Model {
    /// What `find_free` and `find_free_back` return.
    pub fn find_free(&self, size: u64, within: Bounds, align: u64, side: Side) -> Result<u64, FindError> {
        if size == 0 {
            return Err(FindError::ZeroSize);
        }
        if align == 0 {
            return Err(FindError::ZeroAlign);
        }
        let (start, end) = within;
        let (first, last) = span(within).ok_or(FindError::BadRange(BadRange { start, end }))?;
        if u128::from(last) - u128::from(first) + 1 < u128::from(size) {
            return Err(FindError::WindowTooSmall(first..=last));
        }
        let mut places = self.gaps(within).into_iter().filter_map(|gap| place(gap, size, align, side));
        let found = match side {
            Side::Lowest => places.next(),
            Side::Highest => places.next_back(),
        };
        found.ok_or(FindError::Busy)
    }

    /// What `largest_gap` returns.
    pub fn largest_gap(&self, within: Bounds) -> Option<Span> {
        // Of those that are equal this gives the last, and so the lowest.
        self.gaps(within).into_iter().rev().max_by_key(|gap| gap.1 - gap.0)
    }

    /// What `alloc_range` and `alloc_range_rev` do.
    pub fn alloc_range(&mut self, size: u64, within: Bounds, align: u64, side: Side, value: u64) -> Result<u64, FindError> {
        let first = self.find_free(size, within, align, side)?;
        let done = self.insert((Bound::Included(first), Bound::Included(first + (size - 1))), value);
        assert_eq!(done, Ok(()), "what was found is free");
        Ok(first)
    }

    /// What `alloc_cyclic` does.
    pub fn alloc_cyclic(&mut self, within: Bounds, standing: &mut Standing, value: u64) -> Result<u64, FindError> {
        // For what is wrong with the window.
        let lowest = self.find_free(1, within, 1, Side::Lowest)?;
        let later = standing.0.and_then(|next| {
            let mut gaps = self.gaps(within).into_iter().map(|gap| (gap.0.max(next), gap.1));
            gaps.find(|gap| gap.0 <= gap.1).map(|gap| gap.0)
        });
        let index = later.unwrap_or(lowest);
        self.alloc_range(1, (Bound::Included(index), Bound::Included(index)), 1, Side::Lowest, value)?;
        *standing = (index.checked_add(1), later.is_none());
        Ok(index)
    }
}

/// What to look for inside `within`: `size` indices, as many as the largest gap has, and one more. Sizes, and what to align them to.
pub fn searches(model: &Model, size: u64, within: Bounds, align: u64) -> [(u64, u64); 4] {
    let exact = model.largest_gap(within).map_or(1, |gap| (gap.1 - gap.0).saturating_add(1));
    [(size, align), (exact, 1), (exact.saturating_add(1), 1), (exact, align)]
}

/// Compares every search inside `within`; see [`searches`].
pub fn agree_on_space<F: Face>(face: &mut F, model: &Model, size: u64, within: Bounds, align: u64) {
    let largest = model.largest_gap(within);
    for (size, align) in searches(model, size, within, align) {
        for side in [Side::Lowest, Side::Highest] {
            let found = face.find_free(size, within, align, side);
            assert_eq!(found, model.find_free(size, within, align, side), "find_free({size}, {within:?}, {align}), {side:?}");
        }
    }
    assert_eq!(face.largest_gap(within), largest, "largest_gap({within:?})");
}
