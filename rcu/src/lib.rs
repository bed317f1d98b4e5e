#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! * [`Rcu`]: what a flavour is, and the rules.
//! * [`Epoch`]: what the flavour on `crossbeam-epoch` may allocate, and when.
//! * [`RcuBox`], [`RcuArc`]: one owner, many owners.
//! * [`Link`], [`RetireList`], [`Batch`]: for objects of your own, and for own flavours.
//!
//! The feature `serde` (off by default) makes [`RcuBox`] and [`RcuArc`] `Serialize` and `Deserialize`, as what they hold.

mod epoch;
mod error;
mod flavour;
mod owned;
mod retire;
#[cfg(feature = "serde")]
mod serial;
mod sync;
#[cfg(test)]
mod tests;

pub use epoch::{Epoch, EpochGuard};
pub use error::{AllocError, InsideReadSection};
pub use flavour::{Batch, Rcu};
pub use owned::{RcuArc, RcuBox};
pub use retire::{Link, RetireList};
