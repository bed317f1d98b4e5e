//! What can go wrong, by type. Every error names the bad input and gives back the value that was not stored.

use core::error::Error;
use core::fmt;
use core::ops::{Bound, RangeInclusive};

/// A range that holds no index: its start is past its end, or a bound excludes everything.
///
/// ```
/// let mut map = maple_tree::RangeMap::new();
/// let refused = map.store(9..5, 'a').unwrap_err();
/// assert_eq!(refused.to_string(), "the range from 9 (included) to 5 (excluded) holds no index");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadRange {
    /// The start that was passed.
    pub start: Bound<u64>,
    /// The end that was passed.
    pub end: Bound<u64>,
}

impl fmt::Display for BadRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the range from ")?;
        match self.start {
            Bound::Included(start) => write!(f, "{start} (included)")?,
            Bound::Excluded(start) => write!(f, "{start} (excluded)")?,
            Bound::Unbounded => f.write_str("the beginning")?,
        }
        f.write_str(" to ")?;
        match self.end {
            Bound::Included(end) => write!(f, "{end} (included)")?,
            Bound::Excluded(end) => write!(f, "{end} (excluded)")?,
            Bound::Unbounded => f.write_str("the end")?,
        }
        f.write_str(" holds no index")
    }
}

impl Error for BadRange {}

/// Why a store was refused. The tree is as it was.
///
/// ```
/// use maple_tree::{RangeMap, StoreErrorKind};
///
/// let refused = RangeMap::new().store(5..5, 'a').unwrap_err();
/// assert!(matches!(refused.kind, StoreErrorKind::BadRange(_)));
/// assert_eq!(refused.value, 'a');
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreErrorKind {
    /// The allocator gave no memory for a node, or for the copy of an entry that was to be split.
    OutOfMemory,
    /// The range holds no index.
    BadRange(BadRange),
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::BadRange(bad) => bad.fmt(f),
        }
    }
}

impl Error for StoreErrorKind {}

/// Why an insert was refused. The tree is as it was.
///
/// ```
/// use maple_tree::InsertErrorKind;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// assert_eq!(map.insert(15..50, 'c').unwrap_err().kind, InsertErrorKind::Occupied(10..=19));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InsertErrorKind {
    /// The allocator gave no memory for a node.
    OutOfMemory,
    /// The range holds no index.
    BadRange(BadRange),
    /// This range, the first one that overlaps, is in the way.
    Occupied(RangeInclusive<u64>),
}

impl fmt::Display for InsertErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::BadRange(bad) => bad.fmt(f),
            Self::Occupied(range) => write!(f, "the entry at {range:?} is in the way"),
        }
    }
}

/// Why a replace was refused. The tree is as it was.
///
/// ```
/// use maple_tree::ReplaceErrorKind;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// assert_eq!(map.replace(25, 'c').unwrap_err().kind, ReplaceErrorKind::Vacant(20..=29));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplaceErrorKind {
    /// The allocator gave no memory for a node.
    OutOfMemory,
    /// No entry covers the index; this is the gap around it.
    Vacant(RangeInclusive<u64>),
}

impl fmt::Display for ReplaceErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::Vacant(gap) => write!(f, "no entry to replace in the gap {gap:?}"),
        }
    }
}

/// Why a change by a cursor was refused. The tree and the cursor are as they were.
///
/// ```
/// use maple_tree::CursorErrorKind;
///
/// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let mut cursor = map.cursor_mut();
/// cursor.seek(25);
/// assert_eq!(cursor.replace('c').unwrap_err().kind, CursorErrorKind::NoEntry);
/// assert_eq!(cursor.insert_after(5..7, 'c').unwrap_err().kind, CursorErrorKind::NotInGap(Some(20..=29)));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CursorErrorKind {
    /// The allocator gave no memory for a node.
    OutOfMemory,
    /// The range holds no index.
    BadRange(BadRange),
    /// The cursor is on no entry.
    NoEntry,
    /// The range does not lie in the gap that the cursor inserts into, which is this one; `None`: there is none.
    NotInGap(Option<RangeInclusive<u64>>),
}

impl fmt::Display for CursorErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::BadRange(bad) => bad.fmt(f),
            Self::NoEntry => f.write_str("the cursor is on no entry"),
            Self::NotInGap(Some(gap)) => write!(f, "the range does not lie in the gap {gap:?} that the cursor inserts into"),
            Self::NotInGap(None) => f.write_str("there is no gap for the cursor to insert into"),
        }
    }
}

macro_rules! error_with_value {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        pub struct $name<V> {
            /// The value that was not stored.
            pub value: V,
            /// What was wrong.
            pub kind: $kind,
        }

        impl<V> fmt::Debug for $name<V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("kind", &self.kind).finish_non_exhaustive()
            }
        }

        impl<V> fmt::Display for $name<V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.kind.fmt(f)
            }
        }

        impl<V> Error for $name<V> {}
    };
}

pub(crate) use error_with_value;

error_with_value!(
    /// A store that was refused, with the value.
    ///
    /// ```
    /// let refused: maple_tree::StoreError<char> = maple_tree::RangeMap::new().store(5..5, 'a').unwrap_err();
    /// assert_eq!(refused.value, 'a'); // to try again with
    /// ```
    StoreError,
    StoreErrorKind
);
error_with_value!(
    /// An insert that was refused, with the value.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a')]);
    /// let refused: maple_tree::InsertError<char> = map.insert(15..30, 'b').unwrap_err();
    /// assert_eq!((refused.to_string().as_str(), refused.value), ("the entry at 10..=19 is in the way", 'b'));
    /// ```
    InsertError,
    InsertErrorKind
);
error_with_value!(
    /// A replace that was refused, with the value.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a')]);
    /// let refused: maple_tree::ReplaceError<char> = map.replace(5, 'b').unwrap_err();
    /// assert_eq!((refused.to_string().as_str(), refused.value), ("no entry to replace in the gap 0..=9", 'b'));
    /// ```
    ReplaceError,
    ReplaceErrorKind
);

error_with_value!(
    /// A change by a cursor that was refused, with the value.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::from_iter([(10..20, 'a')]);
    /// let refused: maple_tree::CursorError<char> = map.cursor_mut().replace('b').unwrap_err();
    /// assert_eq!((refused.to_string().as_str(), refused.value), ("the cursor is on no entry", 'b'));
    /// ```
    CursorError,
    CursorErrorKind
);

/// Why a removal that has to cut an entry was refused. The tree is as it was.
///
/// ```
/// use maple_tree::{RangeMap, RemoveError};
///
/// let mut map = RangeMap::<char>::new();
/// assert!(matches!(map.remove(9..5), Err(RemoveError::BadRange(_))));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoveError {
    /// The allocator gave no memory for a hole inside one entry: for a node, or for the copy of the entry.
    OutOfMemory,
    /// The range holds no index.
    BadRange(BadRange),
    /// A border of the range lies inside an entry, and there is no node at hand to cut it with.
    WouldCut(WouldCut),
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::BadRange(bad) => bad.fmt(f),
            Self::WouldCut(cut) => cut.fmt(f),
        }
    }
}

impl Error for RemoveError {}

/// The border of a removal lies inside an entry, and there is no node at hand to cut it with. The tree is as it was.
///
/// ```
/// let cut = maple_tree::WouldCut { range: 10..=19, at: 15 };
/// assert!(cut.to_string().starts_with("the border 15 would cut the entry at 10..=19"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WouldCut {
    /// The range of the entry that would have been cut.
    pub range: RangeInclusive<u64>,
    /// The border.
    pub at: u64,
}

impl fmt::Display for WouldCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the border {} would cut the entry at {:?}, and no node is at hand for that", self.at, self.range)
    }
}

impl Error for WouldCut {}
