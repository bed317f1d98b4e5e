//! A range map on `BTreeMap`, the way one writes it by hand.

use crate::Span;
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
