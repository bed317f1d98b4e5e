//! Storing a value so that it joins equal neighbours.
//!
//! ```text
//!   | a |  b  | gap |  a  |       store a here:     |     a      |
//!        [          ]             coalescing        one entry, from the start of the first to the end of the last
//! ```

use crate::entry::{Entry, TryClone};
use crate::error::{StoreError, StoreErrorKind};
use crate::face::Pending;
use crate::map::RangeMap;
use crate::node::{Root, Word};
use crate::range::inclusive;
use crate::walk::lookup_range;
use core::ops::RangeBounds;

/// The window with what touches it, or sticks out of it, and is the same as the entry in `word`.
///
/// # Safety
///
/// The tree has entries of type `V`, nobody takes one back during the call, and `word` is one, too.
pub(crate) unsafe fn with_same_neighbours<V: Entry>(
    root: &Root,
    (first, last): (u64, u64),
    word: Word,
    mut same: impl for<'a> FnMut(V::Ref<'a>, V::Ref<'a>) -> bool,
) -> (u64, u64) {
    let mut neighbour = |index: Option<u64>| {
        let (first, last, found) = lookup_range(root, index?);
        let (found, value) = (found?, word.target()?);
        // SAFETY: the caller's promise.
        let found = unsafe { V::borrow(found) };
        // SAFETY: the caller's promise.
        let value = unsafe { V::borrow(value) };
        same(found, value).then_some((first, last))
    };
    let left = neighbour(first.checked_sub(1)).map_or(first, |left| left.0);
    let right = neighbour(last.checked_add(1)).map_or(last, |right| right.1);
    (left, right)
}

impl<V: TryClone> RangeMap<V> {
    /// Stores `value` at `range` as [`store`](Self::store) does, and makes one entry of it with the neighbours that touch it, or are cut by
    /// it, and are equal. `O(h)` and the entries removed.
    ///
    /// The entry that is there then is `value`; the neighbours are dropped. In a map to which everything is stored in this way no two
    /// equal entries touch: removals never make any. (Only the nearest entry on either side is looked at.)
    ///
    /// # Errors
    ///
    /// Out of memory, or a range that holds no index. The value comes back, and the map is as it was. When the comparison panics, the
    /// value is dropped, and the map is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store_coalescing(0..10, 'a')?;
    /// map.store_coalescing(20..30, 'a')?;
    /// map.store_coalescing(30..40, 'b')?;
    /// map.store_coalescing(10..25, 'a')?;
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(0..=29, 'a'), (30..=39, 'b')]);
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn store_coalescing(&mut self, range: impl RangeBounds<u64>, value: V) -> Result<(), StoreError<V>>
    where
        V: 'static,
        for<'a> V::Ref<'a>: PartialEq,
    {
        self.store_coalescing_by(range, value, |left, right| left == right)
    }

    /// As [`store_coalescing`](Self::store_coalescing), with `same` to say what is equal: it gets a neighbour and the value, in this order.
    /// `O(h)` and the entries removed.
    ///
    /// # Errors
    ///
    /// As for `store_coalescing`.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let (mut map, file) = (maple_tree::RangeMap::new(), Arc::new(String::from("libc.so")));
    /// for page in 0..4 {
    ///     map.store_coalescing_by(page..=page, Arc::clone(&file), |one, other| std::ptr::eq(one.get(), other.get()))?;
    /// }
    /// assert_eq!(map.get_range(2).0, 0..=3);
    /// # Ok::<(), maple_tree::StoreError<Arc<String>>>(())
    /// ```
    pub fn store_coalescing_by(
        &mut self,
        range: impl RangeBounds<u64>,
        value: V,
        same: impl for<'a> FnMut(V::Ref<'a>, V::Ref<'a>) -> bool,
    ) -> Result<(), StoreError<V>> {
        let window = match inclusive(&range) {
            Ok(window) => window,
            Err(bad) => return Err(StoreError { value, kind: StoreErrorKind::BadRange(bad) }),
        };
        let value = Pending::new(value);
        // SAFETY: the map has entries of its own type and is borrowed.
        let (first, last) = unsafe { with_same_neighbours::<V>(&self.root, window, value.word(), same) };
        self.store(first..=last, value.into_value())
    }
}
