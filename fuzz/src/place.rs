//! Indices and ranges of a case, given in terms of what is in the tree.

use arbitrary::Arbitrary;
use core::ops::Bound::{Excluded, Included, Unbounded};
use maple_tests::op::Preload;
use maple_tests::pair::closed;
use maple_tests::{Bounds, Item, Model};

/// An index: near an end of the index space, or exactly at an edge of what is there, where most can go wrong.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Place {
    Low(u8),
    Middle(u16),
    High(u8),
    /// The first index of the nth entry.
    First(u16),
    /// The index before that.
    Before(u16),
    /// The last index of the nth entry.
    Last(u16),
    /// The index behind that.
    Behind(u16),
    Any(u64),
}

/// The nth entry, counting round and round.
pub(crate) fn nth(n: u16, model: &Model) -> Item {
    let items = model.items();
    if items.is_empty() { (0, 0, 0) } else { items[usize::from(n) % items.len()] }
}

impl Place {
    pub(crate) fn index(self, model: &Model) -> u64 {
        match self {
            Self::Low(n) => n.into(),
            Self::Middle(n) => n.into(),
            Self::High(n) => u64::MAX - u64::from(n),
            Self::First(n) => nth(n, model).0,
            Self::Before(n) => nth(n, model).0.saturating_sub(1),
            Self::Last(n) => nth(n, model).1,
            Self::Behind(n) => nth(n, model).1.saturating_add(1),
            Self::Any(n) => n,
        }
    }
}

/// A range.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Window {
    /// That many indices and one more.
    Long(Place, u8),
    /// That many indices and one more, up to this one.
    UpTo(Place, u8),
    /// From one entry to another a few entries further on.
    Entries(u16, u8),
    /// Exactly the nth entry.
    Entry(u16),
    Between(Place, Place),
    Odd(Odd),
}

/// Ranges in unusual forms, some of them refused.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Odd {
    HalfOpen(Place, Place),
    Reversed(Place, Place),
    AfterExcluded(Place, Place),
    From(Place),
    To(Place),
    All,
}

impl Window {
    pub(crate) fn bounds(self, model: &Model) -> Bounds {
        let sorted = |a: u64, b: u64| (a.min(b), a.max(b));
        let between = |a: Place, b: Place| sorted(a.index(model), b.index(model));
        match self {
            Self::Long(first, more) => {
                let first = first.index(model);
                closed(first, first.saturating_add(more.into()))
            }
            Self::UpTo(last, more) => {
                let last = last.index(model);
                closed(last.saturating_sub(more.into()), last)
            }
            Self::Entries(n, more) => {
                let (first, last) = (nth(n, model).0, nth(n.saturating_add(more.into()), model).1);
                let (first, last) = sorted(first, last);
                closed(first, last)
            }
            Self::Entry(n) => {
                let (first, last, _) = nth(n, model);
                closed(first, last)
            }
            Self::Between(a, b) => {
                let (first, last) = between(a, b);
                closed(first, last)
            }
            Self::Odd(Odd::HalfOpen(a, b)) => {
                let (first, end) = between(a, b);
                (Included(first), Excluded(end))
            }
            Self::Odd(Odd::Reversed(a, b)) => {
                let (first, last) = between(a, b);
                closed(last, first)
            }
            Self::Odd(Odd::AfterExcluded(a, b)) => {
                let (before, last) = between(a, b);
                (Excluded(before), Included(last))
            }
            Self::Odd(Odd::From(place)) => (Included(place.index(model)), Unbounded),
            Self::Odd(Odd::To(place)) => (Unbounded, Included(place.index(model))),
            Self::Odd(Odd::All) => (Unbounded, Unbounded),
        }
    }
}

/// How many indices: a few, or as many as the nth gap has, one less or one more.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Size {
    Few(u8),
    /// As the nth gap, and so many more than one less.
    Gap(u16, u8),
    Any(u64),
}

impl Size {
    pub(crate) fn count(self, model: &Model) -> u64 {
        match self {
            Self::Few(n) => n.into(),
            Self::Any(n) => n,
            Self::Gap(n, more) => {
                let gaps = model.gaps(..);
                let length = gaps.get(usize::from(n) % gaps.len().max(1)).map_or(0, |gap| gap.1 - gap.0);
                length.saturating_add(u64::from(more % 3))
            }
        }
    }
}

/// What a range is to begin at a multiple of: mostly small.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) enum Align {
    One,
    Small(u8),
    Power(u8),
}

impl Align {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Small(n) => n.into(),
            Self::Power(n) => 1 << (n % 64),
        }
    }
}

/// Ranges that are there before: enough for a tree of three levels, or none.
#[derive(Arbitrary, Clone, Copy)]
pub(crate) struct Before {
    count: u16,
    length: u8,
    hole: u8,
    at_the_top: bool,
}

impl Before {
    pub(crate) fn preload(self) -> Preload {
        let length = 1 + u64::from(self.length % 16);
        let stride = length + u64::from(self.hole % 4);
        // Half of the cases start from an empty tree.
        let count = if self.count & 1 == 0 { 0 } else { u64::from(self.count >> 1) % 320 };
        // At the top, the last range ends at the last index of all.
        let reach = count.saturating_sub(1) * stride + (length - 1);
        let from = if self.at_the_top { u64::MAX - reach } else { 16 };
        Preload { count, from, stride, length }
    }

    /// What a preload puts into the model.
    pub(crate) fn model(preload: Preload) -> Model {
        let mut model = Model::new();
        for n in 0..preload.count {
            let first = preload.from + n * preload.stride;
            let stored = model.insert(closed(first, first + (preload.length - 1)), n);
            assert_eq!(stored, Ok(()), "preloaded ranges do not overlap");
        }
        model
    }
}
