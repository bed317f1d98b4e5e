//! One interface over everything that is measured.

use crate::{Shape, Span};
use core::ops::Range;

/// Keys of one call of [`Subject::load_many`].
pub const MANY: usize = 16;

/// A change of a map from ranges to small numbers. All of them leave the ranges apart.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Stores where nothing is, which the caller knows.
    Build(Span, u64),
    /// Another value for the range that covers the index.
    Replace(u64, u64),
    /// Takes out exactly this range.
    Erase(Span),
    /// Makes the second range, which lies inside the first one, a hole.
    Punch(Span, Span),
    /// Makes a range of the two pieces again that [`Punch`](Self::Punch) left, with a new value.
    Restore(Span, Span, u64),
}

/// A map from ranges to small numbers.
///
/// Each is used as its authors would have it used for the case at hand. Calls that cannot be refused here panic if they are.
pub trait Subject: Default {
    /// For people.
    const NAME: &'static str;
    /// For the names of figures.
    const KEY: &'static str;

    /// What a reader holds for any number of look-ups: a guard, a lock, a transaction.
    type Reader<'a>
    where
        Self: 'a;

    /// Begins to read.
    fn read(&self) -> Self::Reader<'_>;

    /// The value at `index`.
    fn load(reader: &Self::Reader<'_>, index: u64) -> Option<u64>;

    /// The sum of the values at `indices`, by whatever there is for many look-ups at once.
    fn load_many(reader: &Self::Reader<'_>, indices: [u64; MANY]) -> u64 {
        indices.into_iter().filter_map(|index| Self::load(reader, index)).fold(0, u64::wrapping_add)
    }

    /// Does one change. Inlined where the change is a constant, so that only that one is left.
    fn apply(&mut self, change: Change);

    /// Every range with its value, one by one (`Iterator::next`).
    fn walk(&self, each: impl FnMut(Span, u64));

    /// Every range with its value, in one go (`Iterator::for_each`).
    fn for_each(&self, each: impl FnMut(Span, u64)) {
        self.walk(each);
    }

    /// Every range with its value.
    fn contents(&self) -> Vec<(Span, u64)> {
        let mut contents = Vec::new();
        self.walk(|span, value| contents.push((span, value)));
        contents
    }

    /// The ranges, each with its number.
    fn of(spans: impl Iterator<Item = Span>) -> Self {
        let mut subject = Self::default();
        for (n, span) in (0..).zip(spans) {
            subject.apply(Change::Build(span, n));
        }
        subject
    }

    /// The first `count` ranges, each with its number.
    fn filled(shape: Shape, count: u64) -> Self {
        Self::of(shape.spans(count))
    }
}

/// A subject that can change while others read it.
pub trait Shared: Subject + Sync {
    /// Does one change beside readers.
    fn apply_shared(&self, change: Change);
}

/// A subject that can do all that a range map is asked for, not only what suits a table of first indices.
pub trait RangeTable: Subject {
    /// What a cut leaves of the tail, when that can be dropped later.
    type Tail;

    /// Stores over whatever is there.
    fn store(&mut self, span: Span, value: u64);

    /// Removes everything inside, and cuts what sticks out.
    fn remove(&mut self, span: Span);

    /// A copy of everything.
    fn copy(&self) -> Self;

    /// From ranges in order, by whatever there is for that.
    fn bulk(spans: impl Iterator<Item = (Span, u64)>) -> Self;

    /// Cuts off all ranges that start at `from` or later. The memory need not be back yet.
    fn cut(&mut self, from: u64) -> Self::Tail;

    /// Takes the ranges with these numbers out, one by one; they are the last ones there are.
    fn erase_tail(&mut self, shape: Shape, numbers: Range<u64>) {
        for span in shape.range(numbers) {
            self.apply(Change::Erase(span));
        }
    }
}

/// A subject that is asked for free space.
pub trait Holes: Subject {
    /// The first hole of `size` indices or more, at or after the first range.
    fn first_fit(&mut self, size: u64) -> Option<u64>;

    /// Stores a range of `size` indices there.
    fn allocate(&mut self, size: u64, value: u64) -> Option<u64> {
        let first = self.first_fit(size)?;
        self.apply(Change::Build((first, first + (size - 1)), value));
        Some(first)
    }
}
