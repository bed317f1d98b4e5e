//! Changing the entries of an exclusive map where they are.
//!
//! A value is a word in a slot, so there is one honest form for every kind of entry: [`ValueMut`], whose every change is one store to that
//! slot, done by the time the call returns. The guard has no destructor and holds nothing back, so forgetting it loses nothing, and a
//! panic finds either the old entry in the slot or the new one.

use crate::entry::Entry;
use crate::map::RangeMap;
use crate::node::{NodeRef, Root, Word};
use crate::path::{Bottom, Frame};
use crate::range::inclusive;
use crate::search::Portable;
use crate::walk::{Found, Walk};
use alloc::boxed::Box;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ops::{Deref, DerefMut, RangeBounds, RangeInclusive};
use core::ptr::NonNull;
use maple_rcu::RcuBox;

/// Where an entry of a tree is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    node: NodeRef,
    slot: usize,
    pub(crate) first: u64,
    pub(crate) last: u64,
    entry: NonNull<()>,
}

impl Place {
    /// The place of the entry in the slot of `frame`, a step into a leaf.
    fn of(frame: &Frame) -> Option<Self> {
        let entry = frame.word().target()?;
        Some(Self { node: frame.node, slot: frame.slot, first: frame.first(), last: frame.last(), entry })
    }
}

/// One entry of a [`RangeMap`], to be looked at and changed; its range stays. Made by [`get_mut`](RangeMap::get_mut),
/// [`iter_mut`](RangeMap::iter_mut) and [`at`](RangeMap::at).
///
/// Every change is one store that is done when the call returns. Forgetting the guard (`mem::forget`) changes nothing, and so does a panic
/// in the closure of [`update`](Self::update). For `Box<T>` and [`RcuBox<T>`] it is a `&mut T` besides, through `Deref` and `DerefMut`.
///
/// ```
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut value = map.get_mut(15).expect("it is there");
/// assert_eq!((value.range(), value.get()), (10..=19, 'a'));
/// assert_eq!(value.replace('c'), 'a');
/// assert_eq!(map.get(10), Some('c'));
/// ```
///
/// # Invariants
///
/// `place` is that of an entry in a leaf of a map that is borrowed exclusively for `'a`. The structure of the map does not change during
/// `'a`, and nobody else changes that slot or that entry.
pub struct ValueMut<'a, V: Entry> {
    place: Place,
    map: PhantomData<&'a mut V>,
}

// SAFETY: it is an exclusive reference to an entry, as `&'a mut V` would be.
unsafe impl<V: Entry + Send> Send for ValueMut<'_, V> {}
// SAFETY: `&ValueMut` gives out shared references to the entry only.
unsafe impl<V: Entry + Sync> Sync for ValueMut<'_, V> {}

impl<'a, V: Entry> ValueMut<'a, V> {
    /// # Safety
    ///
    /// The invariant of the type holds.
    pub(crate) unsafe fn new(place: Place) -> Self {
        Self { place, map: PhantomData }
    }

    /// The range of the entry. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let value = map.get_mut(15).expect("it is there");
    /// assert_eq!(value.range(), 10..=19);
    /// ```
    pub fn range(&self) -> RangeInclusive<u64> {
        self.place.first..=self.place.last
    }

    /// The entry. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let value = map.get_mut(15).expect("it is there");
    /// assert_eq!(value.get(), 'a');
    /// ```
    pub fn get(&self) -> V::Ref<'_> {
        // SAFETY: by the invariant of the type only this guard could take the entry back.
        unsafe { V::borrow(self.place.entry) }
    }

    /// The entry, for as long as the map was borrowed. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, Box::new(7u32))]);
    /// let seven: Option<&u32> = map.get_mut(15).map(|value| value.into_ref());
    /// assert_eq!(seven, Some(&7));
    /// ```
    pub fn into_ref(self) -> V::Ref<'a>
    where
        V: 'a,
    {
        // SAFETY: as in `get`; the guard, which alone could take the entry back, ends here.
        unsafe { V::borrow(self.place.entry) }
    }

    /// Puts `value` in the place of the entry, and returns the old one. One store; allocates nothing, cannot fail. Constant time.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut value = map.get_mut(15).expect("it is there");
    /// assert_eq!(value.replace('c'), 'a');
    /// assert_eq!(map.get(19), Some('c'));
    /// ```
    pub fn replace(&mut self, value: V) -> V {
        let entry = value.into_raw();
        self.place.node.publish(self.place.slot, Word::live(entry));
        let old = mem::replace(&mut self.place.entry, entry);
        // SAFETY: by the invariant of the type the slot was the only owner of the old entry, and it holds another one now.
        unsafe { V::from_raw(old) }
    }

    /// Puts what `new` makes of the entry in its place, and returns the old one. When `new` panics, the entry stays.
    /// Constant time, and what `new` takes.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 7u32)?;
    /// let mut value = map.get_mut(15).expect("just stored");
    /// assert_eq!(value.update(|old| old + 1), 7);
    /// assert_eq!(map.get(10), Some(8));
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    pub fn update(&mut self, new: impl FnOnce(V::Ref<'_>) -> V) -> V {
        let value = new(self.get());
        self.replace(value)
    }
}

/// Entries that own a value alone: it can be changed without another entry.
macro_rules! sole_owners {
    ($($owner:ident;)*) => {$(
        impl<'a, T> ValueMut<'a, $owner<T>> {
            /// The value in the entry, for as long as the map was borrowed.
            ///
            /// ```
            /// let mut map = maple_tree::RangeMap::new();
            /// map.store(10..20, Box::new([1u32, 2]))?;
            /// for (_, value) in &mut map {
            ///     value.into_mut()[1] = 5;
            /// }
            /// assert_eq!(map.get(10), Some(&[1, 5]));
            /// # Ok::<(), maple_tree::StoreError<Box<[u32; 2]>>>(())
            /// ```
            pub fn into_mut(self) -> &'a mut T {
                // SAFETY: by the invariant of the type nobody else looks at the value during `'a`.
                unsafe { self.value().as_mut() }
            }

            fn value(&self) -> NonNull<T> {
                // SAFETY: the entry came from `into_raw` of this type. The owner made here is never dropped, so the map's stays the only one.
                let mut entry = ManuallyDrop::new(unsafe { <$owner<T> as Entry>::from_raw(self.place.entry) });
                NonNull::from(&mut **entry)
            }
        }

        impl<T> Deref for ValueMut<'_, $owner<T>> {
            type Target = T;

            fn deref(&self) -> &T {
                self.get()
            }
        }

        impl<T> DerefMut for ValueMut<'_, $owner<T>> {
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: by the invariant of the type nobody else looks at the value, and `self` is borrowed exclusively.
                unsafe { self.value().as_mut() }
            }
        }
    )*};
}

sole_owners! {
    Box;
    RcuBox;
}

impl<V: Entry> fmt::Debug for ValueMut<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueMut").field("range", &self.range()).finish_non_exhaustive()
    }
}

impl<V: Entry> RangeMap<V> {
    /// Where the entry is that covers `index`.
    pub(crate) fn place(&mut self, index: u64) -> Option<Place> {
        let mut writer = self.writer();
        let bottom = writer.bottom(index);
        // Looking changes nothing.
        writer.owner.hint.live = writer.near;
        bottom.filter(|bottom| bottom.level == 0).and_then(|bottom| Place::of(&bottom.frame))
    }

    /// The entry that covers `index`, to be changed. `O(h)`, allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 'a')?;
    /// let mut value = map.get_mut(15).expect("just stored");
    /// assert_eq!((value.range(), value.replace('b')), (10..=19, 'a'));
    /// assert_eq!(map.get(19), Some('b'));
    /// assert!(map.get_mut(20).is_none());
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn get_mut(&mut self, index: u64) -> Option<ValueMut<'_, V>> {
        // SAFETY: the map is borrowed exclusively for as long as the guard.
        self.place(index).map(|place| unsafe { ValueMut::new(place) })
    }

    /// All entries with their ranges, in order, to be changed. See [`range_mut`](Self::range_mut). Allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 1u32), (30..40, 2)]);
    /// map.iter_mut().for_each(|(_, mut value)| drop(value.update(|old| old * 10)));
    /// assert!(map.iter().map(|(_, value)| value).eq([10, 20]));
    /// ```
    pub fn iter_mut(&mut self) -> IterMut<'_, V> {
        self.range_mut(..)
    }

    /// The entries that overlap `range`, each with its whole range, to be changed. A range that holds no index yields nothing. `O(h)` a leaf,
    /// `O(1)` an entry; allocates nothing.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(10..20, 1u8)?;
    /// map.store(30..40, 2u8)?;
    /// for (_, mut value) in map.range_mut(15..) {
    ///     value.update(|old| old * 10);
    /// }
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(10..=19, 10), (30..=39, 20)]);
    /// # Ok::<(), maple_tree::StoreError<u8>>(())
    /// ```
    pub fn range_mut(&mut self, range: impl RangeBounds<u64>) -> IterMut<'_, V> {
        let root = &self.root;
        IterMut { walk: Walk::new(root, inclusive(&range).ok()), root, leaf: None, map: PhantomData }
    }
}

impl<'a, V: Entry> IntoIterator for &'a mut RangeMap<V> {
    type Item = (RangeInclusive<u64>, ValueMut<'a, V>);
    type IntoIter = IterMut<'a, V>;

    fn into_iter(self) -> IterMut<'a, V> {
        self.iter_mut()
    }
}

/// The entries of a [`RangeMap`] with their ranges, in order, to be changed; made by [`iter_mut`](RangeMap::iter_mut) and
/// [`range_mut`](RangeMap::range_mut).
///
/// ```
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 1u32), (30..40, 2)]);
/// for (range, mut value) in &mut map {
///     value.replace(*range.start() as u32);
/// }
/// assert_eq!(map.get(35), Some(30));
/// ```
///
/// # Invariants
///
/// The map with this root is borrowed exclusively for `'a`, and its structure does not change. The walk comes to each slot once, so no two
/// guards are for the same one. `leaf` is a step into one of the map's leaves.
pub struct IterMut<'a, V: Entry> {
    walk: Walk,
    root: &'a Root,
    /// The leaf of the last entry.
    leaf: Option<Frame>,
    map: PhantomData<&'a mut V>,
}

// SAFETY: it gives out exclusive references to entries, as `IterMut<'a, V>` of a slice would.
unsafe impl<V: Entry + Send> Send for IterMut<'_, V> {}
// SAFETY: `&IterMut` gives out nothing.
unsafe impl<V: Entry + Sync> Sync for IterMut<'_, V> {}

impl<'a, V: Entry> IterMut<'a, V> {
    fn item(&mut self, found: Found) -> Option<(RangeInclusive<u64>, ValueMut<'a, V>)> {
        let here = self.leaf.filter(|leaf| leaf.min <= found.first && found.first <= leaf.max);
        let leaf = match here {
            Some(leaf) => Frame { slot: leaf.node.search(found.first), ..leaf },
            None => Bottom::to(Portable, self.root, found.first)?.frame,
        };
        self.leaf = Some(leaf);
        // SAFETY: the map is borrowed exclusively for `'a`, and the walk comes here once.
        Some((found.first..=found.last, unsafe { ValueMut::new(Place::of(&leaf)?) }))
    }
}

impl<'a, V: Entry> Iterator for IterMut<'a, V> {
    type Item = (RangeInclusive<u64>, ValueMut<'a, V>);

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.walk.next()?;
        self.item(found)
    }
}

impl<V: Entry> DoubleEndedIterator for IterMut<'_, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let found = self.walk.next_back()?;
        self.item(found)
    }
}

impl<V: Entry> FusedIterator for IterMut<'_, V> {}

impl<V: Entry> fmt::Debug for IterMut<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterMut").field("left", &self.walk.window()).finish_non_exhaustive()
    }
}
