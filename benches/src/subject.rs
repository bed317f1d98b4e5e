//! One interface over everything that is measured.

use crate::{Peer, Shape, Span, entry};
use core::ops::Range;
use maple_tree::{MapleTree, RangeMap, U61};

const MEMORY: &str = "memory for a benchmark";

/// A range map of small numbers.
///
/// Calls that cannot be refused here panic if they are.
#[expect(missing_docs, reason = "the names are those of the faces' own calls")]
pub trait Subject: Default {
    /// For the name of a benchmark.
    const NAME: &'static str;

    /// Stores where nothing is, which the caller knows: the cheapest call that there is for it.
    fn build(&mut self, span: Span, value: u64);
    fn store(&mut self, span: Span, value: u64);
    fn replace(&mut self, index: u64, value: u64);
    /// Takes out the range that starts at `first`.
    fn erase(&mut self, first: u64);
    fn remove(&mut self, span: Span);
    /// Makes a hole inside one range.
    fn punch(&mut self, _range: Span, hole: Span) {
        self.remove(hole);
    }
    /// Makes a range of the two pieces again that [`punch`](Self::punch) left.
    fn restore(&mut self, range: Span, _hole: Span, value: u64) {
        self.store(range, value);
    }
    fn copy(&self) -> Self;
    /// Every range with its value.
    fn contents(&self) -> Vec<(Span, u64)>;

    /// Takes the ranges with these numbers out, one by one; they are the last ones there are.
    fn erase_tail(&mut self, shape: Shape, numbers: Range<u64>) {
        for n in numbers {
            self.erase(shape.first(n));
        }
    }

    /// The first `count` ranges, each with its number.
    fn filled(shape: Shape, count: u64) -> Self {
        let mut subject = Self::default();
        for (n, span) in (0..).zip(shape.spans(count)) {
            subject.build(span, n);
        }
        subject
    }
}

impl Subject for RangeMap<U61> {
    const NAME: &'static str = "RangeMap";

    fn build(&mut self, (first, last): Span, value: u64) {
        self.insert(first..=last, entry(value)).expect(MEMORY);
    }

    fn store(&mut self, (first, last): Span, value: u64) {
        Self::store(self, first..=last, entry(value)).expect(MEMORY);
    }

    fn replace(&mut self, index: u64, value: u64) {
        let _ = Self::replace(self, index, entry(value));
    }

    fn erase(&mut self, first: u64) {
        let _ = Self::erase(self, first);
    }

    fn remove(&mut self, (first, last): Span) {
        Self::remove(self, first..=last).expect(MEMORY);
    }

    fn copy(&self) -> Self {
        self.dup().expect(MEMORY)
    }

    fn contents(&self) -> Vec<(Span, u64)> {
        self.iter().map(|(range, value)| ((*range.start(), *range.end()), value.get())).collect()
    }
}

impl Subject for MapleTree<U61> {
    const NAME: &'static str = "MapleTree";

    fn build(&mut self, (first, last): Span, value: u64) {
        self.insert(first..=last, entry(value)).expect(MEMORY);
    }

    fn store(&mut self, (first, last): Span, value: u64) {
        Self::store(self, first..=last, entry(value)).expect(MEMORY);
    }

    fn replace(&mut self, index: u64, value: u64) {
        let _ = Self::replace(self, index, entry(value));
    }

    fn erase(&mut self, first: u64) {
        let _ = Self::erase(self, first);
    }

    fn remove(&mut self, (first, last): Span) {
        Self::remove(self, first..=last).expect(MEMORY);
    }

    fn copy(&self) -> Self {
        self.dup().expect(MEMORY).into()
    }

    fn contents(&self) -> Vec<(Span, u64)> {
        let guard = self.pin();
        self.iter(&guard).map(|(range, value)| ((*range.start(), *range.end()), value.get())).collect()
    }
}

impl Subject for Peer {
    const NAME: &'static str = "BTreeMap";

    fn build(&mut self, (first, last): Span, value: u64) {
        self.0.insert(first, (last, value));
    }

    fn store(&mut self, span: Span, value: u64) {
        Self::store(self, span, value);
    }

    fn replace(&mut self, index: u64, value: u64) {
        Self::replace(self, index, value);
    }

    fn erase(&mut self, first: u64) {
        self.0.remove(&first);
    }

    fn remove(&mut self, span: Span) {
        Self::remove(self, span);
    }

    /// By hand, with as few look-ups as there can be.
    fn punch(&mut self, range: Span, hole: Span) {
        if let Some((last, value)) = self.0.get_mut(&range.0) {
            *last = hole.0 - 1;
            let value = *value;
            self.0.insert(hole.1 + 1, (range.1, value));
        }
    }

    /// By hand, with as few look-ups as there can be.
    fn restore(&mut self, range: Span, hole: Span, value: u64) {
        self.0.remove(&(hole.1 + 1));
        if let Some(whole) = self.0.get_mut(&range.0) {
            *whole = (range.1, value);
        }
    }

    fn copy(&self) -> Self {
        self.clone()
    }

    fn contents(&self) -> Vec<(Span, u64)> {
        self.0.iter().map(|(&first, &(last, value))| ((first, last), value)).collect()
    }

    /// From the end, which needs no look-up.
    fn erase_tail(&mut self, _: Shape, numbers: Range<u64>) {
        for _ in numbers {
            self.0.pop_last();
        }
    }
}
