//! An address space as the interpreter of calls keeps it: what is mapped, equal neighbours joined as the kernel joins them.

use std::collections::BTreeMap;

use super::operations::Change;
use crate::model::{Item, Span};

/// Ranges with values. Ranges that touch have different values.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// First index to last index and value.
    ranges: BTreeMap<u64, (u64, u64)>,
    /// Every change since the start, in order.
    pub(super) changes: Vec<Change>,
}

impl Space {
    /// The range that covers `index`.
    fn covering(&self, index: u64) -> Option<Item> {
        let (&first, &(last, value)) = self.ranges.range(..=index).next_back()?;
        (last >= index).then_some((first, last, value))
    }

    /// The ranges inside `span`, cut off at its ends.
    pub(super) fn pieces(&self, (first, last): Span) -> Vec<Item> {
        let from = self.covering(first).map_or(first, |item| item.0);
        let whole = self.ranges.range(from..=last);
        whole.map(|(&start, &(end, value))| (start.max(first), end.min(last), value)).collect()
    }

    /// Whether all of `span` is mapped.
    pub(super) fn is_full(&self, (first, last): Span) -> bool {
        let mapped: u64 = self.pieces((first, last)).iter().map(|piece| piece.1 - piece.0 + 1).sum();
        mapped == last - first + 1
    }

    /// Whether nothing in `span` is mapped.
    pub(super) fn is_free(&self, span: Span) -> bool {
        self.pieces(span).is_empty()
    }

    /// Makes `pieces`, in order and all inside, what there is in `span`.
    pub(super) fn put(&mut self, (first, last): Span, pieces: &[Item]) {
        let mut joined: Vec<Item> = Vec::with_capacity(pieces.len());
        for &piece in pieces {
            match joined.last_mut() {
                Some(left) if left.1 + 1 == piece.0 && left.2 == piece.2 => left.1 = piece.1,
                _ => joined.push(piece),
            }
        }
        // What lies inside no piece goes. Before the rest is widened over its neighbours.
        let mut from = first;
        for &(start, end, _) in &joined {
            if from < start {
                self.remove((from, start - 1));
            }
            from = end + 1;
        }
        if from <= last {
            self.remove((from, last));
        }
        for (at, &piece) in joined.iter().enumerate() {
            let mut wide = piece;
            if at == 0 && piece.0 == first {
                let left = piece.0.checked_sub(1).and_then(|before| self.covering(before));
                wide.0 = left.filter(|left| left.2 == piece.2).map_or(piece.0, |left| left.0);
            }
            if at + 1 == joined.len() && piece.1 == last {
                let right = piece.1.checked_add(1).and_then(|behind| self.covering(behind));
                wide.1 = right.filter(|right| right.2 == piece.2).map_or(piece.1, |right| right.1);
            }
            self.store(wide);
        }
    }

    fn store(&mut self, (first, last, value): Item) {
        if self.covering(first) == Some((first, last, value)) {
            return;
        }
        let free = self.is_free((first, last));
        self.cut_out((first, last));
        self.ranges.insert(first, (last, value));
        self.changes.push(match free {
            true => Change::Insert { first, last, value },
            false => Change::Store { first, last, value },
        });
    }

    fn remove(&mut self, (first, last): Span) {
        if !self.is_free((first, last)) {
            self.cut_out((first, last));
            self.changes.push(Change::Remove { first, last });
        }
    }

    fn cut_out(&mut self, (first, last): Span) {
        let from = self.covering(first).map_or(first, |item| item.0);
        let whole: Vec<Item> = self.ranges.range(from..=last).map(|(&start, &(end, value))| (start, end, value)).collect();
        for (start, end, value) in whole {
            self.ranges.remove(&start);
            if start < first {
                self.ranges.insert(start, (first - 1, value));
            }
            if end > last {
                self.ranges.insert(last + 1, (end, value));
            }
        }
    }
}
