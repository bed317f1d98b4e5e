//! What an exclusive prune cut off.

use crate::entry::Entry;
use crate::owner::Release;
use core::fmt;
use core::marker::PhantomData;

/// What a prune of a [`RangeMap`](crate::RangeMap) cut off.
///
/// Dropping it drops the entries and frees the nodes, in time proportional to their number, without allocating. Until then they cost
/// nothing but their memory, so a caller in a hurry can put that off, or leave it to another thread.
///
/// ```
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let tail = map.prune(20); // takes no longer than the height
/// assert_eq!(map.iter().count(), 1);
/// drop(tail); // what was cut off is dropped here, on another thread if you like
/// ```
///
/// # Invariants
///
/// What `release` holds are entries of type `V`, and its own.
#[must_use = "dropping the tail right away drops every entry in it"]
pub struct Tail<V: Entry> {
    release: Release<'static>,
    entries: PhantomData<V>,
}

// SAFETY: by the invariant the tail owns its entries as a `Vec<V>` would.
unsafe impl<V: Entry + Send> Send for Tail<V> {}
// SAFETY: `&Tail` gives out nothing.
unsafe impl<V: Entry + Sync> Sync for Tail<V> {}

impl<V: Entry> Tail<V> {
    /// A tail of what `release` holds, whose entries are of type `V`.
    pub(crate) fn new(release: Release<'static>) -> Self {
        Self { release, entries: PhantomData }
    }

    /// Whether nothing was cut off. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert!(map.prune(50).is_empty());
    /// assert!(!map.prune(20).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.release.is_empty()
    }
}

impl<V: Entry> Drop for Tail<V> {
    /// The entries go with `release`, which does not know their type. That there is a destructor tells the compiler that they are
    /// looked at, so what they borrow has to outlive the tail.
    fn drop(&mut self) {}
}

impl<V: Entry> fmt::Debug for Tail<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}
