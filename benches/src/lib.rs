//! What the suites and the scorecard share: the ranges they work on ([`Shape`]), pseudo-random numbers ([`Rng`]), one interface over
//! everything that is measured ([`Subject`]), the maps to compare with ([`peers`]), the work that is timed ([`jobs`]), and the least
//! that it could take ([`limits`]).

mod case;
mod clock;
pub mod holes;
pub mod jobs;
pub mod limits;
pub mod maple;
pub mod peers;
pub mod rcu;
pub mod replay;
pub mod score;
pub mod subject;

pub use case::{Case, cases};
pub use peers::Peer;
pub use subject::{Change, Holes, RangeTable, Shared, Subject};

use core::ops::Range;
use maple_tree::U61;

/// First and last index, both inside.
pub type Span = (u64, u64);

/// Indices in one range: a page, as in a map of an address space.
pub const PAGE: u64 = 0x1000;

/// Where the first range starts.
const BASE: u64 = 0x10_0000;

/// How the ranges lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each starts where the one before ends.
    Adjacent,
    /// A hole of one page after each.
    Holes,
}

impl Shape {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Adjacent, Self::Holes];

    /// For the name of a benchmark.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adjacent => "adjacent",
            Self::Holes => "holes",
        }
    }

    /// The first index of range `n`.
    pub const fn first(self, n: u64) -> u64 {
        let stride = match self {
            Self::Adjacent => PAGE,
            Self::Holes => 2 * PAGE,
        };
        BASE + n * stride
    }

    /// The first `count` ranges, in order.
    pub fn spans(self, count: u64) -> impl Iterator<Item = Span> + Clone {
        self.range(0..count)
    }

    /// The ranges with these numbers, in order.
    pub fn range(self, numbers: Range<u64>) -> impl Iterator<Item = Span> + Clone {
        numbers.map(move |n| (self.first(n), self.first(n) + (PAGE - 1)))
    }

    /// The first `count` ranges in random order.
    pub fn shuffled(self, count: u64) -> Vec<Span> {
        let mut spans: Vec<Span> = self.spans(count).collect();
        Rng::new(count).shuffle(&mut spans);
        spans
    }

    /// Random indices that hit one of the first `count` ranges: so many that they visit most of them and that the processor cannot
    /// learn their order by heart (4,096 are learnt: a look-up among 100 takes 11 ns then instead of 25), a power of two.
    pub fn hits(self, count: u64) -> Vec<u64> {
        let mut rng = Rng::new(count);
        let hit = |rng: &mut Rng| self.first(rng.below(count)) + rng.below(PAGE);
        (0..count.next_power_of_two().max(1 << 16)).map(|_| hit(&mut rng)).collect()
    }
}

/// The entry that stands for `n`: 61 bits in the slot itself, so that only the tree is measured, not what it holds.
///
/// # Panics
///
/// If `n` has more bits.
pub const fn entry(n: u64) -> U61 {
    U61::new(n).expect("entries of the suites are small")
}

/// splitmix64: small, quick, the same on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Starts from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.bits() as u128 * end as u128) >> 64) as u64
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end as u64) as usize);
        }
    }
}

/// An endless walk through a table whose length is a power of two, round and round.
#[derive(Clone, Debug)]
pub struct Round<'a, T> {
    table: &'a [T],
    at: usize,
}

impl<'a, T: Copy> Round<'a, T> {
    /// Starts at the beginning.
    ///
    /// # Panics
    ///
    /// If the length of `table` is not a power of two.
    pub const fn new(table: &'a [T]) -> Self {
        assert!(table.len().is_power_of_two());
        Self { table, at: 0 }
    }

    /// The next one.
    #[inline]
    pub const fn turn(&mut self) -> T {
        self.at = self.at.wrapping_add(1);
        self.table[self.at & (self.table.len() - 1)]
    }
}

#[cfg(test)]
mod tests;
