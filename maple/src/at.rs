//! One index of an exclusive map: the entry that covers it, or the gap around it.

use crate::entry::Entry;
use crate::error::InsertError;
use crate::map::RangeMap;
use crate::range::{fixed, inclusive};
use crate::value_mut::{Place, ValueMut};
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};

/// What [`RangeMap::at`] found at an index.
///
/// ```
/// use maple_tree::At;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// match map.at(15) {
///     At::Occupied(occupied) => assert_eq!(occupied.get(), 'a'),
///     At::Vacant(vacant) => assert!(vacant.gap().contains(&15)),
/// }
/// ```
pub enum At<'a, V: Entry> {
    /// An entry covers the index.
    Occupied(Occupied<'a, V>),
    /// Nothing does.
    Vacant(Vacant<'a, V>),
}

/// The entry that covers an index. Made by [`RangeMap::at`].
///
/// ```
/// use maple_tree::At;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let At::Occupied(occupied) = map.at(15) else { unreachable!() };
/// assert_eq!((occupied.range(), occupied.get()), (10..=19, 'a'));
/// assert_eq!(occupied.replace('c'), 'a');
/// ```
///
/// # Invariants
///
/// `place` is that of an entry in a leaf of `map`, whose structure has not changed since it was found.
pub struct Occupied<'a, V: Entry> {
    map: &'a mut RangeMap<V>,
    place: Place,
}

/// The gap around an index. Made by [`RangeMap::at`].
///
/// ```
/// use maple_tree::At;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let At::Vacant(vacant) = map.at(25) else { unreachable!() };
/// assert_eq!((vacant.index(), vacant.gap()), (25, 20..=29));
/// vacant.fill('c')?;
/// assert_eq!(map.get_range(25), (20..=29, Some('c')));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vacant<'a, V: Entry> {
    map: &'a mut RangeMap<V>,
    index: u64,
    gap: (u64, u64),
}

impl<V: Entry> RangeMap<V> {
    /// The entry that covers `index`, or the gap around it, to be changed. `O(h)`, allocates nothing.
    ///
    /// (What collections of the standard library call `entry`; here [`Entry`] is what can be stored.)
    ///
    /// ```
    /// use maple_tree::{At, RangeMap};
    ///
    /// let mut map = RangeMap::new();
    /// map.insert(10..20, 'a')?;
    /// match map.at(25) {
    ///     At::Occupied(_) => unreachable!(),
    ///     At::Vacant(vacant) => {
    ///         assert_eq!(vacant.gap(), 20..=u64::MAX);
    ///         vacant.insert(20..30, 'b')?;
    ///     }
    /// }
    /// if let At::Occupied(occupied) = map.at(15) {
    ///     assert_eq!(occupied.remove(), (10..=19, 'a'));
    /// }
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(20..=29, 'b')]);
    /// # Ok::<(), maple_tree::InsertError<char>>(())
    /// ```
    pub fn at(&mut self, index: u64) -> At<'_, V> {
        if let Some(place) = self.place(index) {
            // INVARIANT: just found, and the map is borrowed exclusively.
            return At::Occupied(Occupied { map: self, place });
        }
        let (first, last) = self.get_range(index).0.into_inner();
        At::Vacant(Vacant { map: self, index, gap: (first, last) })
    }
}

impl<'a, V: Entry> At<'a, V> {
    /// The range of the entry, or the gap. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// assert_eq!(map.at(15).range(), 10..=19);
    /// assert_eq!(map.at(25).range(), 20..=29);
    /// ```
    pub fn range(&self) -> RangeInclusive<u64> {
        match self {
            Self::Occupied(occupied) => occupied.range(),
            Self::Vacant(vacant) => vacant.gap(),
        }
    }

    /// The entry that is there; else what `value` makes, inserted at `range`. `O(h)`.
    ///
    /// # Errors
    ///
    /// Those of [`Vacant::insert`].
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// for index in [3, 5, 12] {
    ///     let mut count = map.at(index).or_insert_with(index / 10 * 10..=index / 10 * 10 + 9, || 0u32)?;
    ///     count.update(|count| count + 1);
    /// }
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(0..=9, 2), (10..=19, 1)]);
    /// # Ok::<(), maple_tree::InsertError<u32>>(())
    /// ```
    pub fn or_insert_with(
        self,
        range: impl RangeBounds<u64>,
        value: impl FnOnce() -> V,
    ) -> Result<ValueMut<'a, V>, InsertError<V>> {
        match self {
            Self::Occupied(occupied) => Ok(occupied.into_mut()),
            Self::Vacant(vacant) => vacant.insert(range, value()),
        }
    }
}

impl<'a, V: Entry> Occupied<'a, V> {
    /// The range of the entry. Constant time.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Occupied(occupied) = map.at(15) else { unreachable!() };
    /// assert_eq!(occupied.range(), 10..=19);
    /// ```
    pub fn range(&self) -> RangeInclusive<u64> {
        self.place.first..=self.place.last
    }

    /// The entry. Constant time.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Occupied(occupied) = map.at(15) else { unreachable!() };
    /// assert_eq!(occupied.get(), 'a');
    /// ```
    pub fn get(&self) -> V::Ref<'_> {
        // SAFETY: the map is borrowed for as long as `self`, and the guard ends here.
        unsafe { ValueMut::<V>::new(self.place) }.into_ref()
    }

    /// The entry, to be changed for as long as the map was borrowed. Constant time.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Occupied(occupied) = map.at(15) else { unreachable!() };
    /// assert_eq!(occupied.into_mut().replace('c'), 'a');
    /// ```
    pub fn into_mut(self) -> ValueMut<'a, V> {
        // SAFETY: by the invariant of the type, and because the map was borrowed exclusively for `'a`.
        unsafe { ValueMut::new(self.place) }
    }

    /// Puts `value` in the place of the entry, and returns the old one. One store; allocates nothing, cannot fail. Constant time.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Occupied(occupied) = map.at(15) else { unreachable!() };
    /// assert_eq!(occupied.replace('c'), 'a');
    /// assert_eq!(map.get(19), Some('c'));
    /// ```
    pub fn replace(self, value: V) -> V {
        self.into_mut().replace(value)
    }

    /// Takes the entry out, with its whole range. `O(h)`; allocates nothing, cannot fail.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Occupied(occupied) = map.at(15) else { unreachable!() };
    /// assert_eq!(occupied.remove(), (10..=19, 'a'));
    /// assert_eq!(map.get(15), None);
    /// ```
    pub fn remove(self) -> (RangeInclusive<u64>, V) {
        match self.map.erase(self.place.first) {
            Some(erased) => erased,
            None => unreachable!("the entry was found under this borrow of the map"),
        }
    }
}

impl<'a, V: Entry> Vacant<'a, V> {
    /// The index that was asked for. Constant time.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Vacant(vacant) = map.at(25) else { unreachable!() };
    /// assert_eq!(vacant.index(), 25);
    /// ```
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The whole gap around the index. Constant time.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Vacant(vacant) = map.at(25) else { unreachable!() };
    /// assert_eq!(vacant.gap(), 20..=29);
    /// ```
    pub fn gap(&self) -> RangeInclusive<u64> {
        self.gap.0..=self.gap.1
    }

    /// Inserts `value` at `range`, which mostly lies inside the gap: as [`RangeMap::insert`] any range that is free will do. `O(h)`.
    ///
    /// # Errors
    ///
    /// The first range in the way; out of memory; a range that holds no index. The value comes back, and the map is as it was.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Vacant(vacant) = map.at(25) else { unreachable!() };
    /// vacant.insert(22..=25, 'c')?;
    /// assert_eq!(map.get_range(25), (22..=25, Some('c')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(self, range: impl RangeBounds<u64>, value: V) -> Result<ValueMut<'a, V>, InsertError<V>> {
        let Self { map, .. } = self;
        let range = fixed(&range);
        let at = inclusive(&range);
        map.insert(range, value)?;
        match at.ok().and_then(|(first, _)| map.place(first)) {
            // SAFETY: the map is borrowed exclusively for `'a`.
            Some(place) => Ok(unsafe { ValueMut::new(place) }),
            None => unreachable!("the entry was just inserted"),
        }
    }

    /// Inserts `value` at the whole gap. `O(h)`.
    ///
    /// # Errors
    ///
    /// Out of memory. The value comes back, and the map is as it was.
    ///
    /// ```
    /// use maple_tree::At;
    ///
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let At::Vacant(vacant) = map.at(25) else { unreachable!() };
    /// assert_eq!(vacant.fill('c')?.range(), 20..=29);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fill(self, value: V) -> Result<ValueMut<'a, V>, InsertError<V>> {
        let gap = self.gap();
        self.insert(gap, value)
    }
}

impl<V: Entry> fmt::Debug for At<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(occupied) => occupied.fmt(f),
            Self::Vacant(vacant) => vacant.fmt(f),
        }
    }
}

impl<V: Entry> fmt::Debug for Occupied<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Occupied").field("range", &self.range()).finish_non_exhaustive()
    }
}

impl<V: Entry> fmt::Debug for Vacant<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vacant").field("index", &self.index).field("gap", &self.gap()).finish_non_exhaustive()
    }
}
