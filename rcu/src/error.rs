//! What can go wrong.

use core::error::Error;
use core::fmt;

/// The allocator gave no memory. Holds the value that was to be stored.
///
/// `Debug`, `Display` and `Error` ask nothing of `T`.
///
/// # Examples
///
/// ```
/// use maple_rcu::AllocError;
///
/// let error = AllocError(7);
/// assert_eq!(error.to_string(), "out of memory");
/// assert_eq!(error.0, 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AllocError<T = ()>(
    /// The value that found no room.
    pub T,
);

impl<T> fmt::Debug for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AllocError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl<T> Error for AllocError<T> {}

/// The calling thread is inside a read section, so waiting for all read sections to end would never return.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Epoch, InsideReadSection, Rcu};
///
/// let guard = Epoch::pin();
/// assert_eq!(Epoch::synchronize(), Err(InsideReadSection));
/// drop(guard);
/// assert_eq!(Epoch::synchronize(), Ok(()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InsideReadSection;

impl fmt::Display for InsideReadSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot wait for a grace period inside a read section")
    }
}

impl Error for InsideReadSection {}

/// Why [`Rcu::barrier`](crate::Rcu::barrier) cannot wait: it would wait for its own caller.
///
/// # Examples
///
/// ```
/// use maple_rcu::{BarrierError, Grace, Rcu};
///
/// let guard = Grace::pin();
/// assert_eq!(Grace::barrier(), Err(BarrierError::InsideReadSection));
/// drop(guard);
/// assert_eq!(Grace::barrier(), Ok(()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BarrierError {
    /// The caller is inside a read section.
    InsideReadSection,
    /// The caller is inside a destructor that the flavour runs.
    InsideDestructor,
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InsideReadSection => "cannot wait for what was retired inside a read section",
            Self::InsideDestructor => "cannot wait for what was retired inside a destructor of it",
        })
    }
}

impl Error for BarrierError {}
