//! Keeping some entries of an exclusive map, and taking out those of a range one by one. Whole entries only, so it needs no memory and
//! cannot fail.

use crate::entry::Entry;
use crate::map::RangeMap;
use crate::range::inclusive;
use crate::walk::{Found, Walk};
use core::fmt;
use core::iter::FusedIterator;
use core::ops::{RangeBounds, RangeInclusive};

impl<V: Entry> RangeMap<V> {
    /// Removes every entry for which `keep` says `false`; they are looked at in order, each once. `O(n)`, and `O(h)` for each that goes.
    /// Allocates nothing, cannot fail.
    ///
    /// When `keep` or the drop of an entry panics, what was removed so far is gone, and the rest stays.
    ///
    /// ```
    /// let mut map: maple_tree::RangeMap<u32> = (0..10).map(|n| (10 * n..10 * n + 5, n as u32)).collect();
    /// map.retain(|range, value| value % 3 == 0 && *range.start() > 0);
    /// assert_eq!(map.iter().map(|(_, value)| value).collect::<Vec<_>>(), [3, 6, 9]);
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> bool) {
        let mut left = Some((0, u64::MAX));
        while let Some(window) = left {
            let mut walk = Walk::new(&self.root, Some(window));
            // SAFETY: the entry is in the map, which is borrowed during the call.
            let refused = |found: &Found| !keep(found.first..=found.last, unsafe { V::borrow(found.entry) });
            let Some(gone) = core::iter::from_fn(|| walk.next()).find(refused) else { return };
            left = gone.last.checked_add(1).map(|next| (next, u64::MAX));
            // The walk is over: its path is not that of the tree any more.
            drop(self.erase(gone.first));
        }
    }

    /// Removes the entries that lie wholly inside `range`, and yields them with their ranges, from both ends; entries that stick out stay
    /// whole. `O(h)` an entry. Allocates nothing, cannot fail; a range that holds no index yields nothing.
    ///
    /// Each entry is taken out when it is yielded; what was not yielded is removed when the iterator is dropped. If it is forgotten
    /// (`mem::forget`), the entries that were not yielded stay in the map.
    ///
    /// To remove all of a range, and to see the pieces that are cut off as well: [`remove_with`](Self::remove_with).
    ///
    /// ```
    /// let mut map: maple_tree::RangeMap<u32> = (0..10).map(|n| (10 * n..10 * n + 5, n as u32)).collect();
    /// assert_eq!(map.drain(12..44).collect::<Vec<_>>(), [(20..=24, 2), (30..=34, 3)]);
    /// drop(map.drain(50..));
    /// assert_eq!(map.iter().map(|(_, value)| value).collect::<Vec<_>>(), [0, 1, 4]);
    /// ```
    pub fn drain(&mut self, range: impl RangeBounds<u64>) -> Drain<'_, V> {
        let left = inclusive(&range).ok().and_then(|window| self.whole_inside(window));
        Drain { map: self, left }
    }

    /// The part of `window` that cuts no entry.
    fn whole_inside(&self, (mut first, mut last): (u64, u64)) -> Option<(u64, u64)> {
        let covering = |index| Walk::new(&self.root, Some((index, index))).next();
        if let Some(found) = covering(first).filter(|found| found.first < first) {
            first = found.last.checked_add(1)?;
        }
        if let Some(found) = covering(last).filter(|found| found.last > last) {
            last = found.first.checked_sub(1)?;
        }
        (first <= last).then_some((first, last))
    }
}

/// The entries of a range on their way out of a [`RangeMap`]; made by [`drain`](RangeMap::drain).
///
/// ```
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut drain = map.drain(..);
/// assert_eq!(drain.next(), Some((10..=19, 'a')));
/// drop(drain); // and the rest with it
/// assert!(map.is_empty());
/// ```
///
/// # Invariants
///
/// No entry sticks out of `left`.
#[must_use = "dropping it removes the entries of the range; `remove_whole` does that, too"]
pub struct Drain<'a, V: Entry> {
    map: &'a mut RangeMap<V>,
    /// What was not yet looked at, inclusive.
    left: Option<(u64, u64)>,
}

impl<V: Entry> Iterator for Drain<'_, V> {
    type Item = (RangeInclusive<u64>, V);

    fn next(&mut self) -> Option<Self::Item> {
        let (first, last) = self.left?;
        self.left = None;
        let found = Walk::new(&self.map.root, Some((first, last))).next()?;
        self.left = found.last.checked_add(1).filter(|next| *next <= last).map(|next| (next, last));
        self.map.erase(found.first)
    }
}

impl<V: Entry> DoubleEndedIterator for Drain<'_, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (first, last) = self.left?;
        self.left = None;
        let found = Walk::new(&self.map.root, Some((first, last))).next_back()?;
        self.left = found.first.checked_sub(1).filter(|next| first <= *next).map(|next| (first, next));
        self.map.erase(found.first)
    }
}

impl<V: Entry> FusedIterator for Drain<'_, V> {}

impl<V: Entry> Drop for Drain<'_, V> {
    fn drop(&mut self) {
        if let Some((first, last)) = self.left {
            self.map.remove_whole(first..=last);
        }
    }
}

impl<V: Entry> fmt::Debug for Drain<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("left", &self.left).finish_non_exhaustive()
    }
}
