//! The indices of a tree as a few cells.

use crate::shapes::Rng;
use std::ops::Range;

/// All indices, divided into cells at which calls begin and end their ranges. So a model of the tree is an array of one place a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    starts: Vec<u64>,
}

impl Cells {
    /// Cells that begin at these indices, which rise, from 0 on; the last one ends at `u64::MAX`.
    pub fn new(starts: Vec<u64>) -> Self {
        assert!(starts.first() == Some(&0) && starts.is_sorted_by(|one, next| one < next), "{starts:?}");
        Self { starts }
    }

    /// So many cells of this width each, but for the last, which has all the rest.
    pub fn even(count: usize, width: u64) -> Self {
        Self::new((0..count as u64).map(|cell| cell * width).collect())
    }

    /// So many cells of random widths, all over; the last one is the last index alone.
    pub fn scattered(count: usize, rng: &mut Rng) -> Self {
        let mut starts: Vec<u64> = (0..count).map(|_| rng.bits()).chain([0, u64::MAX]).collect();
        starts.sort_unstable();
        starts.dedup();
        Self::new(starts)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The first index of a cell.
    pub fn first(&self, cell: usize) -> u64 {
        self.starts[cell]
    }

    /// The last index of a cell.
    pub fn last(&self, cell: usize) -> u64 {
        self.starts.get(cell + 1).map_or(u64::MAX, |next| next - 1)
    }

    /// The cell of an index.
    pub fn of(&self, index: u64) -> usize {
        self.starts.partition_point(|start| *start <= index) - 1
    }

    /// The cells that make up a range; nothing if it begins or ends inside a cell, or before it begins.
    pub fn exactly(&self, first: u64, last: u64) -> Option<Range<usize>> {
        let (low, high) = (self.of(first), self.of(last));
        (first <= last && self.first(low) == first && self.last(high) == last).then_some(low..high + 1)
    }
}
