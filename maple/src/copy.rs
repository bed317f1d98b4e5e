//! Copies of a whole tree, on both faces.

use crate::dup;
use crate::entry::{Entry, Release, TryClone, try_clone_raw};
use crate::map::RangeMap;
use crate::node::Root;
use core::error::Error;
use core::fmt;
use core::ops::RangeInclusive;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// Why a copy is not whole.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let copied = map.try_dup_with(|_, value| if value == 'a' { Ok(1u32) } else { Err("not copied") });
/// let Err(maple_tree::DupError::Entry { range, error, partial }) = copied else { unreachable!() };
/// assert_eq!((range, error, partial.iter().count()), (30..=39, "not copied", 1));
/// ```
#[expect(clippy::large_enum_variant, reason = "the copy that failed is as large as one that did not")]
pub enum DupError<W: Entry, E> {
    /// The allocator gave no memory for the nodes. Nothing was copied: nodes are counted and taken before the first entry is.
    OutOfMemory,
    /// The closure refused an entry.
    Entry {
        /// The range of that entry.
        range: RangeInclusive<u64>,
        /// What the closure returned.
        error: E,
        /// A valid tree that holds exactly the entries before that one.
        partial: RangeMap<W>,
    },
}

impl<W: Entry, E: fmt::Debug> fmt::Debug for DupError<W, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("OutOfMemory"),
            Self::Entry { range, error, .. } => {
                f.debug_struct("Entry").field("range", range).field("error", error).finish_non_exhaustive()
            }
        }
    }
}

impl<W: Entry, E: fmt::Display> fmt::Display for DupError<W, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::Entry { range, error, .. } => write!(f, "the copy stopped at {range:?}: {error}"),
        }
    }
}

impl<W: Entry, E: fmt::Debug + fmt::Display> Error for DupError<W, E> {}

impl<V: Entry> RangeMap<V> {
    /// A copy of the map, node for node, with a clone of every entry. The nodes are counted and taken in one go before the first
    /// entry is cloned. `O(n)`. The copy uses the same [`Reserve`](crate::Reserve).
    ///
    /// # Errors
    ///
    /// Out of memory.
    ///
    /// ```
    /// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
    /// let mut copy = map.dup()?;
    /// copy.erase(15);
    /// assert_eq!((map.iter().count(), copy.iter().count()), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_dup")]
    pub fn dup(&self) -> Result<Self, AllocError>
    where
        V: TryClone,
    {
        let mut copy = Self::with_reserve(self.owner.reserve);
        // SAFETY: the map has entries of its own type.
        let copied = unsafe { clone_root((&self.root, self.owner.untidy), &mut copy) };
        copy.grown();
        copied.map(|()| copy)
    }

    /// A copy of the map, node for node, with every entry made by `entry` from the range and the entry of the original. `O(n)`.
    ///
    /// # Errors
    ///
    /// Out of memory for the nodes, before `entry` was called; or the error of `entry`, with a valid map of exactly the entries
    /// before the one that failed. Getting there allocates nothing.
    ///
    /// ```
    /// use maple_tree::{DupError, RangeMap};
    ///
    /// let mut map = RangeMap::new();
    /// for page in 0..100 {
    ///     map.store(page..=page, page as u32)?;
    /// }
    /// let refused = map.try_dup_with(|_, value| if value < 50 { Ok(value * 2) } else { Err("half is enough") });
    /// let Err(DupError::Entry { range, partial, .. }) = refused else { panic!() };
    /// assert_eq!(range, 50..=50);
    /// assert_eq!(partial.last(), Some((49..=49, 98)));
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    #[expect(clippy::result_large_err, reason = "the copy that failed is as large as one that did not")]
    pub fn try_dup_with<W: Entry, E>(
        &self,
        mut entry: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> Result<W, E>,
    ) -> Result<RangeMap<W>, DupError<W, E>> {
        let mut copy = RangeMap::with_reserve(self.owner.reserve);
        let copied = copy_root((&self.root, self.owner.untidy), &mut copy, |first, last, old| {
            // SAFETY: the entries are not taken back while the map is borrowed.
            entry(first..=last, unsafe { V::borrow(old) }).map(W::into_raw)
        });
        outcome(copy, copied)
    }
}

/// Why a copy stopped: no nodes, or the range and the error of an entry.
pub(crate) type Stopped<E> = Option<(RangeInclusive<u64>, E)>;

/// Copies a tree whose writer is kept out into the empty map `copy`, which is the caller's, so that it is dropped where foreign code may
/// run; `entry` gives the new entry, as a pointer from `into_raw` of `W`.
pub(crate) fn copy_root<W: Entry, E>(
    (root, untidy): (&Root, bool),
    copy: &mut RangeMap<W>,
    mut entry: impl FnMut(u64, u64, NonNull<()>) -> Result<NonNull<()>, E>,
) -> Result<(), Stopped<E>> {
    let Some(prepared) = dup::prepare(root, &mut copy.owner).map_err(|_| None)? else { return Ok(()) };
    // Gaps are copied as they lie.
    copy.owner.untidy = untidy;
    dup::copy(prepared, &copy.root, |first, last, old| entry(first, last, old).map_err(|error| Some((first..=last, error))))
}

/// As [`copy_root`], with a clone of every entry.
///
/// # Errors
///
/// Out of memory, for a node or for an entry.
///
/// # Safety
///
/// The tree has entries of type `V`.
pub(crate) unsafe fn clone_root<V: TryClone>((root, untidy): (&Root, bool), copy: &mut RangeMap<V>) -> Result<(), AllocError> {
    const { assert!(!V::PLAIN || matches!(V::RELEASE, Release::Now), "what is nothing but a pointer needs no carrier") };
    if V::PLAIN {
        if let Some(prepared) = dup::prepare(root, &mut copy.owner)? {
            copy.owner.untidy = untidy;
            dup::copy_words(prepared, &copy.root);
        }
        return Ok(());
    }
    // SAFETY: an entry of the tree is not taken back while its writer is kept out.
    let copied = copy_root((root, untidy), copy, |_, _, old| unsafe { try_clone_raw::<V>(old) });
    copied.map_err(|_| AllocError(()))
}

/// The outcome of [`copy_root`] for the caller of a face.
#[expect(clippy::result_large_err, reason = "the copy that failed is as large as one that did not")]
pub(crate) fn outcome<W: Entry, E>(copy: RangeMap<W>, copied: Result<(), Stopped<E>>) -> Result<RangeMap<W>, DupError<W, E>> {
    match copied {
        Ok(()) => Ok(copy),
        Err(None) => Err(DupError::OutOfMemory),
        Err(Some((range, error))) => Err(DupError::Entry { range, error, partial: copy }),
    }
}
