//! Finding and allocating free ranges, on both faces.

use crate::entry::{Entry, Shared};
use crate::free::{AllocRangeError, AllocRangeErrorKind, Cyclic, FindError, Wants, alloc_with, looking, want, want_cyclic};
use crate::gap::{Side, Want};
use crate::map::RangeMap;
use crate::range::{fixed, inclusive};
use crate::tree::MapleTree;
use crate::tree_mut::Leftovers;
use crate::writer::Writer;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
use maple_rcu::Rcu;

/// What is wrong with a request, for a caller who wants the value back.
fn refused<V>(value: V, error: FindError) -> AllocRangeError<V> {
    AllocRangeError { value, kind: AllocRangeErrorKind::Find(error) }
}

/// # Free space
///
/// `O(h)` each, plus what changed since the last search: the figures that the search goes by are made anew where a change may have altered
/// them, so the first search of a tree that was built, copied or compacted reads every leaf once. From the first search on, inner
/// nodes (one in sixteen) keep a second node of 256 bytes for these figures, and a change costs one more descent. If the allocator
/// refuses those nodes the answer is the same, and takes longer. [`clear`](RangeMap::clear) ends that; so does a copy, which has none.
///
/// With an alignment above 1, runs that are long enough but hold no aligned place are tried one by one, `O(h)` each. There is none of these where
/// every run that is long enough begins at a multiple of `align` or has `size + align - 1` indices.
///
/// All 2^64 indices are more than a size can say. They are free if [`is_empty`](RangeMap::is_empty), and `insert(.., value)` takes them.
impl<V: Entry> RangeMap<V> {
    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`.
    /// `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none; or what is wrong with the request.
    ///
    /// ```
    /// use maple_tree::{FindError, RangeMap};
    ///
    /// let mut map = RangeMap::new();
    /// map.store(0x0000..0x1800, 'a')?;
    /// map.store(0x4000..0x5000, 'b')?;
    /// assert_eq!(map.find_free(0x1000, .., 1), Ok(0x1800));
    /// assert_eq!(map.find_free(0x1000, .., 0x1000), Ok(0x2000));
    /// assert_eq!(map.find_free(0x1000, ..=0x57ff, 1), Ok(0x1800));
    /// assert_eq!(map.find_free(0x3000, ..0x5000, 1), Err(FindError::Busy));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[doc(alias = "mas_empty_area")]
    #[doc(alias = "first_fit")]
    pub fn find_free(&mut self, size: u64, within: impl RangeBounds<u64>, align: u64) -> Result<u64, FindError> {
        self.find(want(Side::Lowest, size, &within, align)?)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`.
    /// `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none; or what is wrong with the request.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(0x4000..0x5000, 'b')?;
    /// assert_eq!(map.find_free_back(0x1000, ..0x4800, 1), Ok(0x3000));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    #[doc(alias = "mas_empty_area_rev")]
    #[doc(alias = "last_fit")]
    pub fn find_free_back(&mut self, size: u64, within: impl RangeBounds<u64>, align: u64) -> Result<u64, FindError> {
        self.find(want(Side::Highest, size, &within, align)?)
    }

    fn find(&mut self, want: Want) -> Result<u64, FindError> {
        let found = looking(&mut self.writer(), |writer| writer.find_free(&want));
        self.grown();
        found.ok_or(FindError::Busy)
    }

    /// The longest run of free indices inside `within`, cut off at its ends; the lowest if there are several. `None` if no index is
    /// free, or `within` holds none. `O(h)`, see above.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 'a')?;
    /// map.store(50..60, 'b')?;
    /// assert_eq!(map.largest_gap(..80), Some(20..=49));
    /// assert_eq!(map.largest_gap(..), Some(60..=u64::MAX));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn largest_gap(&mut self, within: impl RangeBounds<u64>) -> Option<RangeInclusive<u64>> {
        let (low, high) = inclusive(&within).ok()?;
        let found = looking(&mut self.writer(), |writer| writer.largest_gap(low, high));
        self.grown();
        found.map(|(first, last)| first..=last)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none, what is wrong with the request, or out of memory. The value comes back, and the map is as
    /// it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// assert_eq!(map.alloc_range(16, 100.., 8, 'a')?, 104);
    /// assert_eq!(map.alloc_range(16, 100.., 8, 'b')?, 120);
    /// assert_eq!(map.alloc_range(4, 100.., 1, 'c')?, 100);
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[doc(alias = "mtree_alloc_range")]
    pub fn alloc_range(
        &mut self,
        size: u64,
        within: impl RangeBounds<u64>,
        align: u64,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        self.alloc(want(Side::Lowest, size, &within, align), value)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// assert_eq!(map.alloc_range_rev(0x1000, ..0x7fff_f000, 0x1000, 'a')?, 0x7fff_e000);
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[doc(alias = "mtree_alloc_rrange")]
    pub fn alloc_range_rev(
        &mut self,
        size: u64,
        within: impl RangeBounds<u64>,
        align: u64,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        self.alloc(want(Side::Highest, size, &within, align), value)
    }

    /// Stores `value` at the lowest free index inside `within` at or after where `cyclic` stands, or, if there is none, at the lowest
    /// free index at all inside `within`; returns the index. [`Cyclic::wrapped`] tells which. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut cyclic = maple_tree::Cyclic::starting_at(29);
    /// assert_eq!(map.alloc_cyclic(20..40, &mut cyclic, 'c')?, 29);
    /// assert_eq!(map.alloc_cyclic(20..40, &mut cyclic, 'd')?, 20);
    /// assert!(cyclic.wrapped());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_alloc_cyclic")]
    pub fn alloc_cyclic(
        &mut self,
        within: impl RangeBounds<u64>,
        cyclic: &mut Cyclic,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        let (wants, anew) = match want_cyclic(&within, cyclic) {
            Ok(wants) => wants,
            Err(error) => return Err(refused(value, error)),
        };
        let (index, n) = self.alloc_any(&wants, value)?;
        cyclic.advance(index, n >= anew);
        Ok(index)
    }

    fn alloc(&mut self, want: Result<Want, FindError>, value: V) -> Result<u64, AllocRangeError<V>> {
        match want {
            Ok(want) => self.alloc_any(&[want], value).map(|(first, _)| first),
            Err(error) => Err(refused(value, error)),
        }
    }

    fn alloc_any(&mut self, wants: &[Want], value: V) -> Result<(u64, usize), AllocRangeError<V>> {
        let mut left_over = Leftovers::default();
        let allocated = alloc_with(&mut self.writer(), wants, value, &mut left_over);
        self.grown();
        self.release(left_over);
        allocated
    }
}

/// # Free space
///
/// What is said of [`RangeMap`]'s holds here, too. All may ask for memory, and count as changes that do. What
/// [`find_free`](Writer::find_free) found is still free as long as the session does not take it.
impl<V: Shared<R>, R: Rcu, L: RawMutex> Writer<'_, V, R, L> {
    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. See
    /// [`RangeMap::find_free`]. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none; or what is wrong with the request.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.find_free(5, .., 1), Ok(0));
    /// assert_eq!(writer.find_free(5, 10.., 8), Ok(24));
    /// assert_eq!(writer.find_free(11, ..40, 1), Err(maple_tree::FindError::Busy));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_empty_area")]
    #[doc(alias = "first_fit")]
    pub fn find_free(&mut self, size: u64, within: impl RangeBounds<u64>, align: u64) -> Result<u64, FindError> {
        self.find(want(Side::Lowest, size, &within, align)?)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. See
    /// [`RangeMap::find_free_back`]. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none; or what is wrong with the request.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.find_free_back(5, ..40, 1), Ok(25));
    /// assert_eq!(writer.find_free_back(5, ..40, 8), Ok(24));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_empty_area_rev")]
    #[doc(alias = "last_fit")]
    pub fn find_free_back(&mut self, size: u64, within: impl RangeBounds<u64>, align: u64) -> Result<u64, FindError> {
        self.find(want(Side::Highest, size, &within, align)?)
    }

    fn find(&mut self, want: Want) -> Result<u64, FindError> {
        let found = self.grow(|writer, _| looking(writer, |writer| writer.find_free(&want)));
        found.ok_or(FindError::Busy)
    }

    /// The longest run of free indices inside `within`, cut off at its ends; the lowest if there are several. `None` if no index is
    /// free, or `within` holds none. `O(h)`, see above.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.largest_gap(5..40), Some(20..=29));
    /// assert_eq!(writer.largest_gap(10..20), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn largest_gap(&mut self, within: impl RangeBounds<u64>) -> Option<RangeInclusive<u64>> {
        let (low, high) = inclusive(&within).ok()?;
        let found = self.grow(|writer, _| looking(writer, |writer| writer.largest_gap(low, high)));
        found.map(|(first, last)| first..=last)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none, what is wrong with the request, or out of memory. The value comes back, and the tree is as
    /// it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.alloc_range(5, 10.., 8, 'c')?, 24);
    /// assert_eq!(writer.alloc_range(4, 10.., 1, 'd')?, 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_alloc_range")]
    pub fn alloc_range(
        &mut self,
        size: u64,
        within: impl RangeBounds<u64>,
        align: u64,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        self.alloc(want(Side::Lowest, size, &within, align), value)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.alloc_range_rev(5, ..40, 1, 'c')?, 25);
    /// assert_eq!(writer.alloc_range_rev(5, ..40, 1, 'd')?, 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_alloc_rrange")]
    pub fn alloc_range_rev(
        &mut self,
        size: u64,
        within: impl RangeBounds<u64>,
        align: u64,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        self.alloc(want(Side::Highest, size, &within, align), value)
    }

    /// Stores `value` at the lowest free index inside `within` at or after where `cyclic` stands, or, if there is none, at the lowest
    /// free index at all inside `within`; returns the index. [`Cyclic::wrapped`] tells which. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let mut cyclic = maple_tree::Cyclic::starting_at(29);
    /// assert_eq!(writer.alloc_cyclic(20..40, &mut cyclic, 'c')?, 29);
    /// assert_eq!(writer.alloc_cyclic(20..40, &mut cyclic, 'd')?, 20);
    /// assert!(cyclic.wrapped());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_alloc_cyclic")]
    pub fn alloc_cyclic(
        &mut self,
        within: impl RangeBounds<u64>,
        cyclic: &mut Cyclic,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        let (wants, anew): (Wants, usize) = match want_cyclic(&within, cyclic) {
            Ok(wants) => wants,
            Err(error) => return Err(refused(value, error)),
        };
        let (index, n) = self.alloc_any(&wants, value)?;
        cyclic.advance(index, n >= anew);
        Ok(index)
    }

    fn alloc(&mut self, want: Result<Want, FindError>, value: V) -> Result<u64, AllocRangeError<V>> {
        match want {
            Ok(want) => self.alloc_any(&[want], value).map(|(first, _)| first),
            Err(error) => Err(refused(value, error)),
        }
    }

    fn alloc_any(&mut self, wants: &[Want], value: V) -> Result<(u64, usize), AllocRangeError<V>> {
        self.grow(|writer, left_over| alloc_with(writer, wants, value, left_over))
    }
}

/// # Free space
///
/// What is said of [`RangeMap`]'s holds here, too. All of these take the tree's lock, and none a guard: readers never look at the figures. An
/// allocation searches and stores under one lock, so no two get the same index; what [`find_free`](MapleTree::find_free) found may be taken
/// when it returns. All may ask for memory, and then do what belongs to that, as a store does.
impl<V: Shared<R>, R: Rcu, L: RawMutex> MapleTree<V, R, L> {
    /// The first index of the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. See
    /// [`RangeMap::find_free`]. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none; or what is wrong with the request.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert_eq!(tree.find_free(5, .., 1), Ok(0));
    /// assert_eq!(tree.find_free(5, 10.., 8), Ok(24));
    /// assert_eq!(tree.find_free(11, ..40, 1), Err(maple_tree::FindError::Busy));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_empty_area")]
    #[doc(alias = "first_fit")]
    pub fn find_free(&self, size: u64, within: impl RangeBounds<u64>, align: u64) -> Result<u64, FindError> {
        let within = fixed(&within);
        self.lock().find_free(size, within, align)
    }

    /// The first index of the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`. See
    /// [`RangeMap::find_free_back`]. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none; or what is wrong with the request.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert_eq!(tree.find_free_back(5, ..40, 1), Ok(25));
    /// assert_eq!(tree.find_free_back(5, ..40, 8), Ok(24));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mas_empty_area_rev")]
    #[doc(alias = "last_fit")]
    pub fn find_free_back(&self, size: u64, within: impl RangeBounds<u64>, align: u64) -> Result<u64, FindError> {
        let within = fixed(&within);
        self.lock().find_free_back(size, within, align)
    }

    /// The longest run of free indices inside `within`, cut off at its ends; the lowest if there are several. `None` if no index is
    /// free, or `within` holds none. `O(h)`, see above.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert_eq!(tree.largest_gap(5..40), Some(20..=29));
    /// assert_eq!(tree.largest_gap(10..20), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn largest_gap(&self, within: impl RangeBounds<u64>) -> Option<RangeInclusive<u64>> {
        let within = fixed(&within);
        self.lock().largest_gap(within)
    }

    /// Stores `value` at the lowest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns the
    /// first of them. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// [`FindError::Busy`] if there are none, what is wrong with the request, or out of memory. The value comes back, and the tree is as
    /// it was.
    ///
    /// ```
    /// use maple_tree::{AllocRangeErrorKind, FindError, MapleTree};
    ///
    /// let tree = MapleTree::new();
    /// assert_eq!(tree.alloc_range(0x1000, 0x1000..0x3000, 0x1000, 'a')?, 0x1000);
    /// assert_eq!(tree.alloc_range(0x1000, 0x1000..0x3000, 0x1000, 'b')?, 0x2000);
    /// let refused = tree.alloc_range(0x1000, 0x1000..0x3000, 0x1000, 'c').unwrap_err();
    /// assert_eq!((refused.value, refused.kind), ('c', AllocRangeErrorKind::Find(FindError::Busy)));
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[doc(alias = "mtree_alloc_range")]
    pub fn alloc_range(&self, size: u64, within: impl RangeBounds<u64>, align: u64, value: V) -> Result<u64, AllocRangeError<V>> {
        let within = fixed(&within);
        self.lock().alloc_range(size, within, align, value)
    }

    /// Stores `value` at the highest `size` indices in a row inside `within` that are free and begin at a multiple of `align`; returns
    /// the first of them. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range).
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.store(30..40, 'b')?;
    /// assert_eq!(tree.alloc_range_rev(5, ..40, 1, 'c')?, 25);
    /// assert_eq!(tree.alloc_range_rev(5, ..40, 1, 'd')?, 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_alloc_rrange")]
    pub fn alloc_range_rev(
        &self,
        size: u64,
        within: impl RangeBounds<u64>,
        align: u64,
        value: V,
    ) -> Result<u64, AllocRangeError<V>> {
        let within = fixed(&within);
        self.lock().alloc_range_rev(size, within, align, value)
    }

    /// Stores `value` at the lowest free index inside `within` at or after where `cyclic` stands, or, if there is none, at the lowest
    /// free index at all inside `within`; returns the index. [`Cyclic::wrapped`] tells which. `O(h)`, see above.
    ///
    /// # Errors
    ///
    /// Those of [`alloc_range`](Self::alloc_range). `cyclic` is as it was.
    ///
    /// ```
    /// use maple_tree::{Cyclic, MapleTree};
    ///
    /// let (tree, mut cyclic) = (MapleTree::new(), Cyclic::new());
    /// assert_eq!(tree.alloc_cyclic(1..=2, &mut cyclic, 'a')?, 1);
    /// tree.erase(1);
    /// assert_eq!(tree.alloc_cyclic(1..=2, &mut cyclic, 'b')?, 2);
    /// assert_eq!((tree.alloc_cyclic(1..=2, &mut cyclic, 'c')?, cyclic.wrapped()), (1, true));
    /// # Ok::<(), maple_tree::AllocRangeError<char>>(())
    /// ```
    #[doc(alias = "mtree_alloc_cyclic")]
    pub fn alloc_cyclic(&self, within: impl RangeBounds<u64>, cyclic: &mut Cyclic, value: V) -> Result<u64, AllocRangeError<V>> {
        let within = fixed(&within);
        self.lock().alloc_cyclic(within, cyclic, value)
    }
}
