//! Stores that cannot fail, because what they need was taken before.

use crate::entry::{Entry, Shared, TryClone, try_clone_raw};
use crate::error::StoreErrorKind;
use crate::face::Pending;
use crate::map::RangeMap;
use crate::range::inclusive;
use crate::site::{Editable, Site};
use crate::walk::lookup_range;
use crate::writer::Writer;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use core::ptr::NonNull;
use lock_api::RawMutex;
use maple_rcu::{AllocError, Rcu};

/// Everything that one store needs: after this the store cannot fail. Made by `reserve_for` of [`RangeMap`](RangeMap::reserve_for) and
/// [`Writer`](Writer::reserve_for).
///
/// It holds the nodes, and a clone of the entry if the store splits one. What was taken for it and is not needed goes back when it is dropped, so
/// asking again costs nothing but the time. While it lives nobody else can change the tree, on which the number of nodes depends.
///
/// # Nodes
///
/// At most as many for a tree of *h* levels, and mostly fewer (what a store really needs is worked out from the numbers of slots on the
/// way, without a look at siblings):
///
/// | the store | exclusive | beside readers |
/// |---|---|---|
/// | covers one entry exactly | 0 | 0; 1 if the slot carries the entry (`Box`, `Arc`) |
/// | fits the leaf | 0 | 1 |
/// | leaves so few slots that leaves may be merged | *h* | *h* |
/// | splits the leaf, and its parent has room | 1 | 3 |
/// | splits the leaf, and parents that are full | 2*h* + 1 | 2*h* + 1 |
/// | reaches over several leaves | 3*h* + 1 | 3*h* + 1 |
///
/// In a tree in which removals left gaps side by side, a store that fits the leaf may join them, and so counts as the third row.
///
/// ```
/// use maple_tree::RangeMap;
///
/// let mut map = RangeMap::new();
/// map.store(0..100, 'a')?;
/// let token = map.reserve_for(40..60)?; // may fail
/// // ... what must not be followed by an error ...
/// token.store('b'); // cannot
/// assert_eq!(map.iter().map(|(_, value)| value).collect::<String>(), "aba");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// The tree has at least `nodes` nodes to spare, `taken` of them on behalf of this. A store at `window` takes no more, and splits no entry or
/// the one that `copy` was made of, which nobody else has; there is room to put it away.
#[must_use = "dropping it gives back what it holds"]
pub struct Reservation<'a, T: Editable> {
    site: &'a mut T,
    window: (u64, u64),
    copy: Option<NonNull<()>>,
    nodes: usize,
    taken: usize,
    /// Nodes that the tree had to spare before.
    spare: usize,
    /// How to give back what it holds: a destructor must not ask for more than the type does.
    give_back: fn(&mut Self),
}

// SAFETY: it is a `&mut T` and owns one more of the entries that are in there.
unsafe impl<T: Editable<Entry: Send> + Send> Send for Reservation<'_, T> {}
// SAFETY: `&Reservation` gives out nothing of the tree.
unsafe impl<T: Editable> Sync for Reservation<'_, T> {}

impl<V: Entry> RangeMap<V> {
    /// Takes what a [`store`](Self::store) at `range` needs, so that it cannot fail. `O(h)`.
    ///
    /// # Errors
    ///
    /// Out of memory, for the nodes or for the clone of an entry that will be split; a range that holds no index. Nothing was taken then.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let token = map.reserve_for(13..15)?;
    /// assert_eq!(token.range(), 13..=14);
    /// token.store('c'); // cannot fail
    /// assert_eq!(map.get(14), Some('c'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_preallocate")]
    pub fn reserve_for(&mut self, range: impl RangeBounds<u64>) -> Result<Reservation<'_, Self>, StoreErrorKind>
    where
        V: TryClone,
    {
        Reservation::new(self, &range)
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Writer<'_, V, R, L> {
    /// Takes what a [`store`](Self::store) at `range` needs, so that it cannot fail. `O(h)`.
    ///
    /// # Errors
    ///
    /// Out of memory, for the nodes or for the clone of an entry that will be split (or for remembering that one, see
    /// [`store`](Self::store)); a range that holds no index. Nothing was taken then.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.reserve_for(10..20)?.store('a');
    /// assert_eq!(tree.get(15, &tree.pin()), Some('a'));
    /// # Ok::<(), maple_tree::StoreErrorKind>(())
    /// ```
    #[doc(alias = "mas_preallocate")]
    pub fn reserve_for(&mut self, range: impl RangeBounds<u64>) -> Result<Reservation<'_, Self>, StoreErrorKind>
    where
        V: TryClone,
    {
        Reservation::new(self, &range)
    }
}

#[expect(private_bounds, reason = "`Site` is what is not for others of `Editable`, and has the same implementations")]
impl<'a, T: Site> Reservation<'a, T> {
    fn new(site: &'a mut T, range: &impl RangeBounds<u64>) -> Result<Self, StoreErrorKind>
    where
        T::Entry: TryClone,
    {
        let window = inclusive(range).map_err(StoreErrorKind::BadRange)?;
        let no_memory = |_| StoreErrorKind::OutOfMemory;
        let (first, last, entry) = lookup_range(site.root(), window.0);
        let mut copy = None;
        if let Some(entry) = entry.filter(|_| first < window.0 && window.1 < last) {
            if !site.has_room() {
                return Err(StoreErrorKind::OutOfMemory);
            }
            // SAFETY: an entry of the tree is not taken back during the call.
            copy = Some(unsafe { try_clone_raw::<T::Entry>(entry) }.map_err(no_memory)?);
        }
        let mut this = Self { site, window, copy, nodes: 0, taken: 0, spare: 0, give_back: Self::give_back };
        (this.nodes, this.spare) = this.site.lend(|writer| (writer.nodes_for(window), writer.owner.stock.spare()));
        let nodes = this.nodes;
        this.taken = this.site.lend(|writer| writer.owner.stock.top_up(writer.owner.reserve.pool(), nodes)).map_err(no_memory)?;
        Ok(this)
    }

    fn give_back(&mut self) {
        if let Some(copy) = self.copy.take() {
            // SAFETY: by the invariant of the type.
            unsafe { self.site.put_away(copy) };
        }
        let (taken, spare) = (self.taken, self.spare);
        self.site.lend(|writer| writer.owner.stock.shed(taken, spare));
    }
}

impl<T: Editable> Reservation<'_, T> {
    /// The range that it is for, inclusive. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.reserve_for(13..15)?.range(), 13..=14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn range(&self) -> RangeInclusive<u64> {
        self.window.0..=self.window.1
    }

    /// The most nodes that the store takes. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.reserve_for(10..20)?.nodes(), 0); // exactly what is there
    /// assert!(map.reserve_for(13..15)?.nodes() <= 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nodes(&self) -> usize {
        self.nodes
    }
}

#[expect(private_bounds, reason = "`Site` is what is not for others of `Editable`, and has the same implementations")]
impl<T: Site> Reservation<'_, T> {
    /// Stores `value`, over whatever is there, as `store` of the tree does. Cannot fail: asks for no memory.
    /// `O(h)` and the entries removed.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// map.reserve_for(13..15)?.store('c');
    /// assert_eq!(map.get_range(13), (13..=14, Some('c')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_store_prealloc")]
    pub fn store(mut self, value: T::Entry) {
        let copy = self.copy.take();
        let (stored, _) = self.site.put(None, self.window, Pending::new(value), copy, &mut |_| Err(AllocError(())));
        assert!(stored.is_ok(), "a store takes no more nodes than were reserved for it");
    }
}

impl<T: Editable> Drop for Reservation<'_, T> {
    /// Gives back what was not needed.
    fn drop(&mut self) {
        (self.give_back)(self);
    }
}

impl<T: Editable> fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("range", &self.range()).field("nodes", &self.nodes).finish_non_exhaustive()
    }
}
