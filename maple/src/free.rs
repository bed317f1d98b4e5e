//! What the searches for free space and the allocators of ranges on both faces share: what can be wrong, and where a cyclic one goes on.

use crate::entry::Entry;
use crate::error::{BadRange, error_with_value};
use crate::face::Pending;
use crate::gap::{Side, Want};
use crate::range::inclusive;
use crate::tree_mut::{Leftovers, Memory, TreeMut};
use arrayvec::ArrayVec;
use core::error::Error;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use maple_rcu::AllocError;

/// Why no free range was found.
///
/// ```
/// use maple_tree::FindError;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// assert_eq!(map.find_free(20, ..40, 1), Err(FindError::Busy));
/// assert_eq!(map.find_free(0, .., 1), Err(FindError::ZeroSize));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FindError {
    /// Nowhere inside the window are as many indices in a row free (from a multiple of the alignment on).
    Busy,
    /// The window, this one, has fewer indices than were asked for.
    WindowTooSmall(RangeInclusive<u64>),
    /// No index was asked for.
    ZeroSize,
    /// The alignment is 0.
    ZeroAlign,
    /// The window holds no index.
    BadRange(BadRange),
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("no free range is large enough"),
            Self::WindowTooSmall(window) => write!(f, "the window {window:?} is smaller than what is asked for"),
            Self::ZeroSize => f.write_str("a range of no index is asked for"),
            Self::ZeroAlign => f.write_str("the alignment is zero"),
            Self::BadRange(bad) => bad.fmt(f),
        }
    }
}

impl Error for FindError {}

/// Why no range was allocated. The tree is as it was.
///
/// ```
/// use maple_tree::{AllocRangeErrorKind, FindError};
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let refused = map.alloc_range(20, ..40, 1, 'c').unwrap_err();
/// assert_eq!((refused.value, refused.kind), ('c', AllocRangeErrorKind::Find(FindError::Busy)));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AllocRangeErrorKind {
    /// The allocator gave no memory for a node.
    OutOfMemory,
    /// No free range was found.
    Find(FindError),
}

impl fmt::Display for AllocRangeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::Find(error) => error.fmt(f),
        }
    }
}

error_with_value!(
    /// An allocation of a range that was refused, with the value.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a')]);
    /// let refused: maple_tree::AllocRangeError<char> = map.alloc_range(1, 12..15, 1, 'b').unwrap_err();
    /// assert_eq!((refused.to_string().as_str(), refused.value), ("no free range is large enough", 'b'));
    /// ```
    AllocRangeError,
    AllocRangeErrorKind
);

impl<V> From<AllocRangeError<V>> for AllocRangeErrorKind {
    fn from(error: AllocRangeError<V>) -> Self {
        error.kind
    }
}

/// Where a cyclic allocation goes on: behind the index it gave last, so that an index that was freed is not given again soon.
///
/// It belongs to the caller. One tree may have several, for several windows or purposes.
///
/// ```
/// use maple_tree::{Cyclic, RangeMap};
///
/// let (mut map, mut cyclic) = (RangeMap::new(), Cyclic::new());
/// for id in 100..=102 {
///     assert_eq!(map.alloc_cyclic(100..=102, &mut cyclic, 'a').unwrap(), id);
///     assert!(!cyclic.wrapped());
/// }
/// map.erase(101);
/// assert_eq!(map.alloc_cyclic(100..=102, &mut cyclic, 'b').unwrap(), 101);
/// assert!(cyclic.wrapped());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cyclic {
    /// `None`: behind the last index of all.
    next: Option<u64>,
    wrapped: bool,
}

impl Cyclic {
    /// Begins with the lowest index of the window. Constant time.
    ///
    /// ```
    /// assert_eq!(maple_tree::Cyclic::new().position(), Some(0));
    /// ```
    pub const fn new() -> Self {
        Self::starting_at(0)
    }

    /// Begins at `index`, or with the lowest index of the window if that is higher. Constant time.
    ///
    /// ```
    /// let (mut map, mut cyclic) = (maple_tree::RangeMap::new(), maple_tree::Cyclic::starting_at(7));
    /// assert_eq!(map.alloc_cyclic(0..10, &mut cyclic, 'a')?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn starting_at(index: u64) -> Self {
        Self { next: Some(index), wrapped: false }
    }

    /// Where the next allocation begins to look; `None` when the last index of all was given, so that it begins anew. Constant time.
    ///
    /// ```
    /// let (mut map, mut cyclic) = (maple_tree::RangeMap::new(), maple_tree::Cyclic::new());
    /// map.alloc_cyclic(3..10, &mut cyclic, 'a')?;
    /// assert_eq!(cyclic.position(), Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn position(&self) -> Option<u64> {
        self.next
    }

    /// Whether the last allocation that succeeded began anew at the lowest index of its window. After the very last index, `u64::MAX`,
    /// it is the next allocation that does. Constant time.
    ///
    /// ```
    /// let (mut map, mut cyclic) = (maple_tree::RangeMap::new(), maple_tree::Cyclic::starting_at(9));
    /// map.alloc_cyclic(0..10, &mut cyclic, 'a')?;
    /// assert!(!cyclic.wrapped());
    /// map.alloc_cyclic(0..10, &mut cyclic, 'b')?;
    /// assert!(cyclic.wrapped());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn wrapped(&self) -> bool {
        self.wrapped
    }
}

impl Default for Cyclic {
    fn default() -> Self {
        Self::new()
    }
}

/// Searches that are to be tried in turn.
pub(crate) type Wants = ArrayVec<Want, 2>;

/// Checks what a caller asks for.
pub(crate) fn want(side: Side, size: u64, within: &impl RangeBounds<u64>, align: u64) -> Result<Want, FindError> {
    if size == 0 {
        return Err(FindError::ZeroSize);
    }
    if align == 0 {
        return Err(FindError::ZeroAlign);
    }
    let (low, high) = inclusive(within).map_err(FindError::BadRange)?;
    if high - low < size - 1 {
        return Err(FindError::WindowTooSmall(low..=high));
    }
    Ok(Want { side, low, high, size, align })
}

/// The searches of a cyclic allocation, and from which of them on it has begun anew.
pub(crate) fn want_cyclic(within: &impl RangeBounds<u64>, cyclic: &Cyclic) -> Result<(Wants, usize), FindError> {
    let all = want(Side::Lowest, 1, within, 1)?;
    let mut wants = Wants::new();
    let next = cyclic.next.map(|next| next.max(all.low)).filter(|next| *next <= all.high);
    match next {
        Some(next) => {
            wants.push(Want { low: next, ..all });
            if all.low < next {
                wants.push(Want { high: next - 1, ..all });
            }
        }
        None => wants.push(all),
    }
    Ok((wants, usize::from(next.is_some())))
}

/// Searches without a change: the next change may start from where the last one was.
pub(crate) fn looking<T>(writer: &mut TreeMut<'_>, look: impl FnOnce(&mut TreeMut<'_>) -> T) -> T {
    let found = look(writer);
    writer.owner.hint.live = writer.near;
    found
}

/// Stores `value` where the first of `wants` that can be served says; returns the first index, and the number of that search.
pub(crate) fn alloc_with<V: Entry>(
    writer: &mut TreeMut<'_>,
    wants: &[Want],
    value: V,
    left_over: &mut Leftovers,
) -> Result<(u64, usize), AllocRangeError<V>> {
    let mut searches = wants.iter().enumerate();
    let found = looking(writer, |writer| searches.find_map(|(n, want)| Some((writer.find_free(want)?, n, want.size))));
    let Some((first, n, size)) = found else {
        return Err(AllocRangeError { value, kind: AllocRangeErrorKind::Find(FindError::Busy) });
    };
    let value = Pending::new(value);
    // The range is a gap, so there is nothing to split.
    match writer.write((first, first + (size - 1)), value.word(), Memory::Allocate, left_over, &mut |_| Err(AllocError(()))) {
        Ok(()) => value.stored(),
        Err(_) => return Err(AllocRangeError { value: value.into_value(), kind: AllocRangeErrorKind::OutOfMemory }),
    }
    Ok((first, n))
}

impl Cyclic {
    /// `index` was given; `wrapped`: after the search began anew.
    pub(crate) fn advance(&mut self, index: u64, wrapped: bool) {
        *self = Self { next: index.checked_add(1), wrapped };
    }
}
