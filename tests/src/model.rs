//! The model: a sorted `Vec` of ranges, every operation by the book.

use core::ops::{Bound, RangeBounds};

/// First and last index, both inside.
pub type Span = (u64, u64);

/// First index, last index, value.
pub type Item = (u64, u64, u64);

/// What a call may take as its range.
pub type Bounds = (Bound<u64>, Bound<u64>);

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Memory ran out. The model itself never says so.
    OutOfMemory,
    /// The range is empty or reversed; its bounds as they were given.
    BadRange(Bounds),
    /// The first range in the way of an insertion.
    Occupied(Span),
    /// The gap around the index of a replacement.
    Vacant(Span),
}

/// The indices inside `bounds`, or nothing if there are none.
pub fn span(bounds: impl RangeBounds<u64>) -> Option<Span> {
    let first = match bounds.start_bound() {
        Bound::Included(&index) => index,
        Bound::Excluded(&index) => index.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let last = match bounds.end_bound() {
        Bound::Included(&index) => index,
        Bound::Excluded(&index) => index.checked_sub(1)?,
        Bound::Unbounded => u64::MAX,
    };
    (first <= last).then_some((first, last))
}

/// A range map in its plainest form: ranges in order, none overlapping another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    items: Vec<Item>,
}

impl Model {
    /// No ranges.
    pub const fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// Every range in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no range at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many ranges end before `index`: also the position of the first one that does not.
    pub fn position(&self, index: u64) -> usize {
        self.items.partition_point(|item| item.1 < index)
    }

    /// The whole range that covers `index`.
    pub fn covering(&self, index: u64) -> Option<Item> {
        let item = *self.items.get(self.position(index))?;
        (item.0 <= index).then_some(item)
    }

    /// The value at `index`.
    pub fn get(&self, index: u64) -> Option<u64> {
        self.covering(index).map(|item| item.2)
    }

    /// The range that covers `index`, or the gap around it.
    pub fn get_range(&self, index: u64) -> (Span, Option<u64>) {
        if let Some((first, last, value)) = self.covering(index) {
            return ((first, last), Some(value));
        }
        let next = self.position(index);
        let first = match next {
            0 => 0,
            _ => self.items[next - 1].1 + 1,
        };
        let last = match self.items.get(next) {
            Some(item) => item.0 - 1,
            None => u64::MAX,
        };
        ((first, last), None)
    }

    /// Whether a range covers `index`.
    pub fn contains(&self, index: u64) -> bool {
        self.covering(index).is_some()
    }

    /// The lowest range.
    pub fn first(&self) -> Option<Item> {
        self.items.first().copied()
    }

    /// The highest range.
    pub fn last(&self) -> Option<Item> {
        self.items.last().copied()
    }

    /// The ranges that overlap `bounds`, whole.
    pub fn range(&self, bounds: impl RangeBounds<u64>) -> Vec<Item> {
        let Some((first, last)) = span(bounds) else {
            return Vec::new();
        };
        let from = &self.items[self.position(first)..];
        from.iter().take_while(|item| item.0 <= last).copied().collect()
    }

    /// The gaps inside `bounds`, clipped to them.
    pub fn gaps(&self, bounds: impl RangeBounds<u64>) -> Vec<Span> {
        let mut gaps = Vec::new();
        let Some((mut from, last)) = span(bounds) else {
            return gaps;
        };
        for (start, end, _) in self.range(from..=last) {
            if start > from {
                gaps.push((from, start - 1));
            }
            if end >= last {
                return gaps;
            }
            from = end + 1;
        }
        gaps.push((from, last));
        gaps
    }

    /// Takes out the part of every range that is inside; what sticks out stays.
    pub fn remove(&mut self, bounds: Bounds) -> Result<(), Refusal> {
        let (first, last) = span(bounds).ok_or(Refusal::BadRange(bounds))?;
        let mut kept = Vec::with_capacity(self.items.len() + 2);
        for &(start, end, value) in &self.items {
            if start < first {
                kept.push((start, end.min(first - 1), value));
            }
            if end > last {
                kept.push((start.max(last + 1), end, value));
            }
        }
        self.items = kept;
        Ok(())
    }

    /// Takes out every range that lies wholly inside.
    pub fn remove_whole(&mut self, bounds: Bounds) {
        if let Some((first, last)) = span(bounds) {
            self.items.retain(|item| item.0 < first || item.1 > last);
        }
    }

    /// Overwrites whatever was there.
    pub fn store(&mut self, bounds: Bounds, value: u64) -> Result<(), Refusal> {
        let (first, last) = span(bounds).ok_or(Refusal::BadRange(bounds))?;
        self.remove(bounds)?;
        self.items.insert(self.position(first), (first, last, value));
        Ok(())
    }

    /// Stores one after the other until one is refused.
    pub fn extend(&mut self, entries: &[(Bounds, u64)]) -> Result<(), Refusal> {
        entries.iter().try_for_each(|&(bounds, value)| self.store(bounds, value))
    }

    /// Stores only where all is empty.
    pub fn insert(&mut self, bounds: Bounds, value: u64) -> Result<(), Refusal> {
        let (first, last) = span(bounds).ok_or(Refusal::BadRange(bounds))?;
        let at = self.position(first);
        match self.items.get(at) {
            Some(next) if next.0 <= last => Err(Refusal::Occupied((next.0, next.1))),
            _ => {
                self.items.insert(at, (first, last, value));
                Ok(())
            }
        }
    }

    /// Another value for the range that covers `index`; gives that range with its old value.
    pub fn replace(&mut self, index: u64, value: u64) -> Result<Item, Refusal> {
        let old = self.covering(index).ok_or_else(|| Refusal::Vacant(self.get_range(index).0))?;
        let at = self.position(index);
        self.items[at].2 = value;
        Ok(old)
    }

    /// Takes out the whole range that covers `index`.
    pub fn erase(&mut self, index: u64) -> Option<Item> {
        let old = self.covering(index)?;
        self.items.remove(self.position(index));
        Some(old)
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Takes out every range that starts at or after `from`, and gives them.
    pub fn prune(&mut self, from: u64) -> Vec<Item> {
        let (kept, cut) = self.items.iter().partition(|item| item.0 < from);
        self.items = kept;
        cut
    }

    /// Takes out everything at or after `from`, cutting the range that covers it.
    pub fn prune_cut(&mut self, from: u64) {
        let all = self.remove((Bound::Included(from), Bound::Unbounded));
        assert_eq!(all, Ok(()), "from.. is never empty");
    }
}

/// A span as the standard library writes it.
pub trait Inclusive {
    /// `first..=last`.
    fn inclusive(self) -> core::ops::RangeInclusive<u64>;
}

impl Inclusive for Span {
    fn inclusive(self) -> core::ops::RangeInclusive<u64> {
        self.0..=self.1
    }
}
