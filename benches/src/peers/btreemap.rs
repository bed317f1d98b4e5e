//! A range map on `BTreeMap`, the way one writes it by hand.

use crate::subject::{Change, Holes, RangeTable, Subject};
use crate::{BASE, Shape, Span};
use core::ops::Range;
use std::collections::BTreeMap;

/// Ranges by their first index: each with its last index and its value.
#[derive(Clone, Debug, Default)]
pub struct Peer(pub BTreeMap<u64, (u64, u64)>);

impl Peer {
    /// The value at `index`.
    #[inline]
    pub fn get(&self, index: u64) -> Option<u64> {
        let (_, &(last, value)) = self.0.range(..=index).next_back()?;
        (index <= last).then_some(value)
    }

    /// Another value for the range that covers `index`.
    pub fn replace(&mut self, index: u64, value: u64) -> Option<u64> {
        let (_, (last, old)) = self.0.range_mut(..=index).next_back()?;
        (index <= *last).then(|| core::mem::replace(old, value))
    }

    /// Takes out what lies inside; what sticks out stays.
    pub fn remove(&mut self, (first, last): Span) {
        // The one range that may stick out on the left, and perhaps on the right too.
        if let Some((&start, (end, value))) = self.0.range_mut(..first).next_back()
            && *end >= first
        {
            debug_assert!(start < first, "the range sticks out");
            let (old_end, value) = (*end, *value);
            *end = first - 1;
            if old_end > last {
                self.0.insert(last + 1, (old_end, value));
                return;
            }
        }
        while let Some((&start, &(end, value))) = self.0.range(first..=last).next() {
            self.0.remove(&start);
            if end > last {
                self.0.insert(last + 1, (end, value));
                return;
            }
        }
    }

    /// Overwrites.
    pub fn store(&mut self, span: Span, value: u64) {
        self.remove(span);
        self.0.insert(span.0, (span.1, value));
    }
}

impl FromIterator<(Span, u64)> for Peer {
    fn from_iter<I: IntoIterator<Item = (Span, u64)>>(spans: I) -> Self {
        Self(spans.into_iter().map(|((first, last), value)| (first, (last, value))).collect())
    }
}

impl Subject for Peer {
    const NAME: &'static str = "BTreeMap";
    const KEY: &'static str = "btreemap";

    type Reader<'a> = &'a Self;

    fn read(&self) -> &Self {
        self
    }

    #[inline(always)]
    fn load(reader: &&Self, index: u64) -> Option<u64> {
        reader.get(index)
    }

    /// By hand, with as few look-ups as there can be.
    #[inline(always)]
    fn apply(&mut self, change: Change) {
        match change {
            Change::Build((first, last), value) => drop(self.0.insert(first, (last, value))),
            Change::Replace(index, value) => drop(self.replace(index, value)),
            Change::Erase((first, _)) => drop(self.0.remove(&first)),
            Change::Punch(range, hole) => {
                if let Some((last, value)) = self.0.get_mut(&range.0) {
                    *last = hole.0 - 1;
                    let value = *value;
                    self.0.insert(hole.1 + 1, (range.1, value));
                }
            }
            Change::Restore(range, hole, value) => {
                self.0.remove(&(hole.1 + 1));
                if let Some(whole) = self.0.get_mut(&range.0) {
                    *whole = (range.1, value);
                }
            }
        }
    }

    #[inline(always)]
    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (&first, &(last, value)) in &self.0 {
            each((first, last), value);
        }
    }

    #[inline(always)]
    fn for_each(&self, mut each: impl FnMut(Span, u64)) {
        self.0.iter().for_each(|(&first, &(last, value))| each((first, last), value));
    }
}

impl RangeTable for Peer {
    type Tail = Self;

    fn store(&mut self, span: Span, value: u64) {
        Self::store(self, span, value);
    }

    fn remove(&mut self, span: Span) {
        Self::remove(self, span);
    }

    fn copy(&self) -> Self {
        self.clone()
    }

    fn bulk(spans: impl Iterator<Item = (Span, u64)>) -> Self {
        spans.collect()
    }

    #[inline(always)]
    fn cut(&mut self, from: u64) -> Self {
        Self(self.0.split_off(&from))
    }

    /// From the end, which needs no look-up.
    fn erase_tail(&mut self, _: Shape, numbers: Range<u64>) {
        for _ in numbers {
            self.0.pop_last();
        }
    }
}

impl Holes for Peer {
    fn first_fit(&mut self, size: u64) -> Option<u64> {
        let mut free = BASE;
        for (&first, &(last, _)) in &self.0 {
            if first - free >= size {
                return Some(free);
            }
            free = last + 1;
        }
        Some(free)
    }
}
