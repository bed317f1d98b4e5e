//! A map, or what it gives, seen with another type of index.
//!
//! Indices are numbers inside, whatever their type. What [`Typed`] adds to a call is the change from one to the other: nothing for `u64` and
//! `usize`, nothing or an extension of the word for `u32` and a newtype of it, an addition for signed integers, a reversal of the bytes for
//! `Ipv4Addr`. Where a single range comes out whose end may lie behind the last index of the type (`get_range`, `erase`, the last entry of
//! an iterator) it is cut off there, which is three instructions, and none for `u64` and `usize`. Instructions a call on a `RangeMap<u32>` with
//! 8,192 ranges, as `callgrind` counts them (release build on x86-64, nodes searched with AVX2); `benches/src/bin/typed.rs` says how to
//! count again:
//!
//! | | plain | `u64`, `usize` | `u32`, newtype of it | `i32` | `Ipv4Addr` |
//! |---|---|---|---|---|---|
//! | `get` | 141.5 | 141.5 | 141.5 | 142.5 | 142.5 |
//! | `get_range` | 1441.4 | 1441.9 | 1445.9 | 1447.9 | 1447.9 |
//! | `iter().map(..).sum()`, an entry | 52.0 | 52.0 | 52.2 | 54.1 | 55.2 |
//! | `gaps`, a gap | 111.9 | 111.9 | 111.9 | 113.9 | 113.9 |
//! | `insert`, at the end | 430.4 | 430.4 | 428.4 | 432.4 | 427.4 |
//! | `store`, anywhere | 1260.6 | 1261.0 | 1262.6 | 1263.6 | 1261.6 |
//! | `remove`, anywhere | 933.4 | 933.8 | 935.9 | 936.4 | 934.9 |
//! | `erase` | 530.0 | 528.0 | 533.0 | 533.7 | 533.7 |
//!
//! Fewer than none is what the compiler made of one loop and not of the other. Counts repeat to within one instruction.

use crate::entry::Entry;
use crate::index::Index;
use crate::into_iter::IntoIter;
use crate::iter::{Gaps, Iter};
use crate::map::RangeMap;
use crate::removed::Removed;
#[cfg(feature = "std")]
use crate::std_lock::StdLock;
use crate::tree::MapleTree;
use crate::writer::Writer;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::{Bound, RangeBounds, RangeInclusive};
#[cfg(feature = "std")]
use maple_rcu::Epoch;

/// A [`RangeMap`], a [`MapleTree`], or what they give, seen with indices of type `I` instead of `u64`.
///
/// Ranges are taken as any [`RangeBounds<I>`], and come back as [`RangeInclusive<I>`]. [`Index`] says what `I` can be; a type of
/// one's own takes two one-line functions. The calls do what those of the same name do inside, and cost what they cost. The names
/// [`TypedMap`] and [`TypedTree`] are for the two faces.
///
/// * **Nothing behind the last index of `I` is stored.** A range without an end ends there, and so does the last gap.
/// * **What is there nevertheless,** because somebody stored it with [`inner_mut`](Self::inner_mut) (or [`inner`](Self::inner) of a tree) or before
///   the map was made a typed one, is not seen: an entry that reaches behind the last index comes out as one that ends there, one
///   that begins behind it does not come out. `is_empty` is about what is seen; `clear` and `prune` remove the rest, too.
/// * **Errors** are those of the face inside, and say in numbers what range is in the way: [`Index::range_from_u64`] makes one of `I` of
///   it. So does [`Cyclic`](crate::Cyclic) of its position. Sizes and alignments are numbers, too, and an aligned index is one
///   whose number is: the first index of `I` always is.
/// * **Calls that are not here** are those of the face inside: [`inner`](Self::inner), [`inner_mut`](Self::inner_mut),
///   [`into_inner`](Self::into_inner), and `from` on the way back.
///
/// ```
/// use maple_tree::TypedMap;
/// use std::net::Ipv4Addr;
/// use std::ops::RangeInclusive;
///
/// fn network(first: [u8; 4], prefix: u32) -> RangeInclusive<Ipv4Addr> {
///     let first = Ipv4Addr::from(first);
///     first..=Ipv4Addr::from_bits(first.to_bits() | u32::MAX.unbounded_shr(prefix))
/// }
///
/// // Which link leads where; longer prefixes go over shorter ones.
/// let mut routes: TypedMap<Ipv4Addr, u32> = TypedMap::new();
/// routes.store(network([0, 0, 0, 0], 0), 1)?;
/// routes.store(network([10, 0, 0, 0], 8), 2)?;
/// routes.store(network([10, 1, 0, 0], 16), 3)?;
/// assert_eq!(routes.get(Ipv4Addr::new(10, 1, 2, 3)), Some(3));
/// assert_eq!(routes.get(Ipv4Addr::new(10, 2, 2, 3)), Some(2));
///
/// let (last, link) = routes.last().unwrap();
/// assert_eq!((last, link), ([11, 0, 0, 0].into()..=Ipv4Addr::BROADCAST, 1));
/// # Ok::<(), maple_tree::StoreError<u32>>(())
/// ```
#[repr(transparent)]
pub struct Typed<I, T> {
    pub(crate) inner: T,
    index: PhantomData<fn() -> I>,
}

/// A [`RangeMap`] with indices of type `I`.
///
/// ```
/// let mut map = maple_tree::TypedMap::<i32, char>::new();
/// map.store(-5..=5, 'a')?;
/// assert_eq!(map.first(), Some((-5..=5, 'a')));
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
pub type TypedMap<I, V> = Typed<I, RangeMap<V>>;

/// The names of what has a flavour and a lock: with `std` it need not say which.
macro_rules! named {
    ($($(#[$doc:meta])* $name:ident<[$($first:tt)*] R, L> = $inner:ty;)*) => { $(
        #[cfg(feature = "std")]
        $(#[$doc])*
        pub type $name<$($first)* R = Epoch, L = StdLock> = Typed<I, $inner>;

        #[cfg(not(feature = "std"))]
        $(#[$doc])*
        pub type $name<$($first)* R, L> = Typed<I, $inner>;
    )* };
}

named! {
    /// A [`MapleTree`] with indices of type `I`.
    ///
    /// ```
    /// static TREE: maple_tree::TypedTree<i32, char> = maple_tree::TypedTree::new();
    /// TREE.store(-5..=5, 'a')?;
    /// assert_eq!(TREE.first(&TREE.pin()), Some((-5..=5, 'a')));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    TypedTree<[I, V,] R, L> = MapleTree<V, R, L>;

    /// A [`Writer`]'s session of a tree with indices of type `I`, from `TypedTree::lock`.
    ///
    /// ```
    /// use maple_tree::{StoreError, TypedTree, TypedWriter};
    ///
    /// fn both_ends(session: &mut TypedWriter<'_, u8, char>) -> Result<(), StoreError<char>> {
    ///     session.store(..=0, 'a')?;
    ///     session.store(255.., 'z')
    /// }
    /// let tree = TypedTree::new();
    /// both_ends(&mut tree.lock())?;
    /// assert_eq!(tree.last(&tree.pin()), Some((255..=255, 'z')));
    /// # Ok::<(), StoreError<char>>(())
    /// ```
    TypedWriter<['t, I, V,] R, L> = Writer<'t, V, R, L>;

    /// What was [`Removed`] from a tree with indices of type `I`.
    ///
    /// ```
    /// use maple_tree::{TypedRemoved, TypedTree};
    ///
    /// let tree = TypedTree::<i32, char>::new();
    /// tree.store(-5..=5, 'a')?;
    /// let removed: TypedRemoved<'_, i32, char> = tree.erase(0).expect("just stored");
    /// assert_eq!((removed.range(), removed.get()), (-5..=5, 'a'));
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    TypedRemoved<['t, I, V,] R, L> = Removed<'t, V, R, L>;
}

impl<I, T> Typed<I, T> {
    pub(crate) const fn over(inner: T) -> Self {
        Self { inner, index: PhantomData }
    }

    /// What is inside, with `u64` for its indices. Takes no time.
    ///
    /// ```
    /// let map = maple_tree::TypedMap::<i32, char>::from_iter([(0..10, 'a')]);
    /// assert_eq!(map.inner().first(), Some((0x8000_0000..=0x8000_0009, 'a'))); // 0 is number 2^31 of an `i32`
    /// ```
    #[inline]
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    /// What is inside. Takes no time.
    ///
    /// ```
    /// let map = maple_tree::TypedMap::<u8, char>::from_iter([(250.., 'a')]);
    /// assert_eq!(map.into_inner().last(), Some((250..=255, 'a')));
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.inner
    }
}

/// A range of `I` in numbers. Without an end, it ends at the last index of `I`.
///
/// What kind of bounds it has is asked of the range itself, so that the compiler sees that as clearly as with `u64`.
pub(crate) struct Numbers<I, B> {
    range: B,
    start: u64,
    end: u64,
    index: PhantomData<fn() -> I>,
}

impl<I: Index, B: RangeBounds<I>> Numbers<I, B> {
    #[inline]
    pub(crate) fn of(range: B) -> Self {
        let number = |bound: Bound<&I>, unbounded| match bound {
            Bound::Included(index) | Bound::Excluded(index) => index.to_u64(),
            Bound::Unbounded => unbounded,
        };
        let (start, end) = (number(range.start_bound(), 0), number(range.end_bound(), I::LAST));
        Self { range, start, end, index: PhantomData }
    }
}

impl<I: Index, B: RangeBounds<I>> RangeBounds<u64> for Numbers<I, B> {
    #[inline]
    fn start_bound(&self) -> Bound<&u64> {
        self.range.start_bound().map(|_| &self.start)
    }

    #[inline]
    fn end_bound(&self) -> Bound<&u64> {
        match self.range.end_bound() {
            Bound::Excluded(_) => Bound::Excluded(&self.end),
            Bound::Included(_) | Bound::Unbounded => Bound::Included(&self.end),
        }
    }
}

/// All indices of `I`, in numbers.
#[inline]
pub(crate) const fn all<I: Index>() -> RangeInclusive<u64> {
    0..=I::LAST
}

/// A range of indices of `I`. Where it is known not to go on behind the last one, so that nothing has to be compared.
#[inline]
pub(crate) fn whole<I: Index>(numbers: RangeInclusive<u64>) -> RangeInclusive<I> {
    let (first, last) = numbers.into_inner();
    I::from_u64(first)..=I::from_u64(last)
}

/// A range that begins at an index of `I`, as far as indices of `I` go.
#[inline]
pub(crate) fn clipped<I: Index>(numbers: RangeInclusive<u64>) -> RangeInclusive<I> {
    let (first, last) = numbers.into_inner();
    whole(first..=last.min(I::LAST))
}

/// As [`clipped`], of something with its range.
#[inline]
pub(crate) fn seen<I: Index, E>((numbers, entry): (RangeInclusive<u64>, E)) -> (RangeInclusive<I>, E) {
    (clipped(numbers), entry)
}

// Made within the indices of `I` only, and not to be replaced by another, so no item begins behind them, and a gap, which is clipped to the
// bounds it is sought in, does not end behind them.

impl<'a, I: Index, V: Entry + 'a> Iterator for Typed<I, Iter<'a, V>> {
    type Item = (RangeInclusive<I>, V::Ref<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.inner.next_cut(I::LAST).map(|(numbers, entry)| (whole(numbers), entry))
    }

    #[inline]
    fn fold<S, F: FnMut(S, Self::Item) -> S>(self, start: S, mut each: F) -> S {
        self.inner.fold_cut(I::LAST, start, |sum, (numbers, entry)| each(sum, (whole(numbers), entry)))
    }
}

impl<'a, I: Index, V: Entry + 'a> DoubleEndedIterator for Typed<I, Iter<'a, V>> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.inner.next_back().map(seen)
    }
}

impl<'a, I: Index, V: Entry + 'a> FusedIterator for Typed<I, Iter<'a, V>> {}

impl<I: Index, V: Entry> Iterator for Typed<I, Gaps<'_, V>> {
    type Item = RangeInclusive<I>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.inner.next().map(whole)
    }
}

impl<I: Index, V: Entry> DoubleEndedIterator for Typed<I, Gaps<'_, V>> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.inner.next_back().map(whole)
    }
}

impl<I: Index, V: Entry> FusedIterator for Typed<I, Gaps<'_, V>> {}

/// Entries that begin behind the last index of `I` are dropped.
impl<I: Index, V: Entry> Iterator for Typed<I, IntoIter<V>> {
    type Item = (RangeInclusive<I>, V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // What comes after the first one that is not seen is not seen, either.
        let (numbers, value) = self.inner.next()?;
        Some((I::range_from_u64(numbers)?, value))
    }
}

impl<I: Index, V: Entry> DoubleEndedIterator for Typed<I, IntoIter<V>> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.inner.by_ref().rev().find_map(|(numbers, value)| Some((I::range_from_u64(numbers)?, value)))
    }
}

impl<I: Index, V: Entry> FusedIterator for Typed<I, IntoIter<V>> {}

impl<I, T: Clone> Clone for Typed<I, T> {
    fn clone(&self) -> Self {
        Self::over(self.inner.clone())
    }
}

impl<I, T: Default> Default for Typed<I, T> {
    fn default() -> Self {
        Self::over(T::default())
    }
}

impl<I, T: PartialEq> PartialEq for Typed<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl<I, T: Eq> Eq for Typed<I, T> {}

impl<I, T: Hash> Hash for Typed<I, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl<I, V> fmt::Debug for Typed<I, Iter<'_, V>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<I, V> fmt::Debug for Typed<I, Gaps<'_, V>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<I, V: Entry> fmt::Debug for Typed<I, IntoIter<V>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
