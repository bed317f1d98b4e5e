//! What the suites share: the ranges they work on ([`Shape`]), pseudo-random numbers ([`Rng`]), the `BTreeMap` to compare with
//! ([`Peer`]), and one interface over everything that is measured ([`Subject`]).

mod peer;
mod subject;

pub use peer::Peer;
pub use subject::Subject;

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
        (0..count).map(move |n| (self.first(n), self.first(n) + (PAGE - 1)))
    }

    /// The first `count` ranges in random order.
    pub fn shuffled(self, count: u64) -> Vec<Span> {
        let mut spans: Vec<Span> = self.spans(count).collect();
        Rng::new(count).shuffle(&mut spans);
        spans
    }

    /// Random indices that hit one of the first `count` ranges: so many that they visit most of them, a power of two.
    pub fn hits(self, count: u64) -> Vec<u64> {
        let mut rng = Rng::new(count);
        let hit = |rng: &mut Rng| self.first(rng.below(count)) + rng.below(PAGE);
        (0..count.next_power_of_two().max(4096)).map(|_| hit(&mut rng)).collect()
    }
}

/// The sizes to measure: without the largest when the suites only run once as tests, without optimisation.
pub fn sizes() -> &'static [u64] {
    let measuring = std::env::args().any(|arg| arg == "--bench") && !std::env::args().any(|arg| arg == "--test");
    if measuring { &[100, 10_000, 1_000_000] } else { &[100, 10_000] }
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
mod tests {
    use super::*;
    use maple_tree::{MapleTree, RangeMap};

    /// What is measured must do the same thing on every subject.
    fn contents<S: Subject>(shape: Shape) -> Vec<(Span, u64)> {
        let mut subject = S::default();
        for (n, span) in shape.shuffled(500).into_iter().enumerate() {
            subject.build(span, n as u64);
        }
        let mut rng = Rng::new(7);
        for n in 0..2_000 {
            let first = shape.first(rng.below(500));
            let (span, hole) = ((first, first + (PAGE - 1)), (first + 0x400, first + 0x7ff));
            match n % 5 {
                0 => subject.replace(first + rng.below(PAGE), n),
                1 => subject.erase(first),
                2 => subject.remove(hole),
                3 => {
                    subject.store(span, n);
                    subject.punch(span, hole);
                }
                _ => {
                    subject.store(span, n);
                    subject.punch(span, hole);
                    subject.restore(span, hole, n + 1);
                }
            }
        }
        for (n, span) in (400..500).zip(shape.spans(500).skip(400)) {
            subject.store(span, n);
        }
        subject.erase_tail(shape, 420..500);
        let copy = subject.copy();
        let ends = (copy.contents(), subject.contents());
        assert_eq!(ends.0, ends.1, "a copy is the same");
        ends.0
    }

    #[test]
    fn subjects_agree() {
        for shape in Shape::ALL {
            let peer = contents::<Peer>(shape);
            assert!(peer.len() > 100, "{} entries are left", peer.len());
            assert_eq!(contents::<RangeMap<U61>>(shape), peer);
            assert_eq!(contents::<MapleTree<U61>>(shape), peer);
        }
    }

    #[test]
    fn hits_hit() {
        for shape in Shape::ALL {
            let peer: Peer = shape.spans(100).zip(0..).collect();
            assert!(shape.hits(100).into_iter().all(|index| peer.get(index).is_some()));
        }
    }
}
