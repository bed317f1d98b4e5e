//! An RCU-safe maple tree: an ordered map from ranges of `u64` that do not overlap to pointer-sized entries, with lock-free readers
//! beside one writer at a time, and with **removals that never allocate and never fail**.
//!
//! | face | for | readers | writers |
//! |---|---|---|---|
//! | [`RangeMap`] | one owner | `&self`, no guard | `&mut self`, in place |
//! | [`MapleTree`] | shared | `&self` and a guard, wait-free | `&self`, one at a time, beside readers |
//!
//! One engine works below both, and they turn into each other for free. [`Entry`] says what can be stored.
//!
//! A tree can be copied node for node ([`RangeMap::dup`], [`RangeMap::try_dup_with`]); a copy that failed half-way, even one that
//! others are reading already, is cut down to what was done by [`MapleTree::prune`], in time proportional to its height and without
//! memory. The [`Reserve`] is there to make that atomic.
//!
//! An exclusive map has what maps are expected to have: [`RangeMap::at`], [`RangeMap::get_mut`], [`RangeMap::drain`], [`RangeMap::retain`],
//! [`RangeMap::split_off`], [`RangeMap::append`], iterators that lend, change and give away. [`RangeMap::store_with`] tells what a store
//! displaced, [`RangeMap::store_coalescing`] joins equal neighbours, [`RangeSet`] is a set of indices, and [`Ranges`] are set operations on what
//! sets and maps cover. What makes sense beside readers, a [`MapleTree`] has, too.
//!
//! # Features
//!
//! | feature | default | what it adds | dependency |
//! |---|---|---|---|
//! | `serde` | off | `Serialize` and `Deserialize` for [`RangeMap`], [`MapleTree`], [`RangeSet`], [`U61`], [`RcuBox`], [`RcuArc`]. A map is a sequence of `(first, last, entry)`; input is checked for order and overlap. (Reading `Arc<T>` needs the feature `rc` of `serde`.) | `serde_core` |
//!
//! Only targets with 64-bit pointers are supported: a slot is one word, and an index is 64 bits.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

/// Declares a type that takes a flavour and a lock; with the standard library there are defaults for both.
macro_rules! with_defaults {
    ($(#[$meta:meta])* pub struct $name:ident<[$($first:tt)*] R: Rcu, L: RawMutex> $fields:tt) => {
        #[cfg(feature = "std")]
        $(#[$meta])*
        pub struct $name<$($first)* R: Rcu = Epoch, L: RawMutex = StdLock> $fields

        #[cfg(not(feature = "std"))]
        $(#[$meta])*
        pub struct $name<$($first)* R: Rcu, L: RawMutex> $fields
    };
}

#[cfg(not(target_pointer_width = "64"))]
compile_error!("maple-tree needs a target with 64-bit pointers");

// The floors, from the ground up.
mod sync;

mod lock;
#[cfg(feature = "std")]
mod std_lock;

mod entry;
mod error;
mod search;
mod splice;

mod node;

mod companion;
mod list;
mod path;
mod pool;

mod reserve;
mod run;

mod overflow;
mod owner;
mod range;
mod touch;
mod tree_mut;
mod walk;

mod edit;

mod bound;
mod bulk;
mod compact;
mod divide;
mod dump;
mod dup;
mod erase;
mod gap;
mod iter;
mod leaf;
mod prune;
mod sweep;
mod validate;

mod course;
mod cursor;
mod extend;
mod face;
mod figures;
mod free;
mod hint;
mod tail;

mod map;

mod append;
mod coalesce;
mod compare;
mod covered;
mod displaced;
mod into_iter;
mod retain;
mod split;
mod value_mut;

mod at;
mod set;

mod copy;

mod removed;

mod view;
mod writer;

mod tree;

mod alloc_range;
mod beside;
mod cursor_mut;
mod reclaim;
mod reservation;
#[cfg(feature = "serde")]
mod serial;
mod site;

pub use append::AppendError;
pub use at::{At, Occupied, Vacant};
pub use copy::DupError;
pub use course::{Place, Position};
pub use covered::{Combined, Covered, Difference, Intersection, Ranges, SymmetricDifference, Union};
pub use cursor::Cursor;
pub use cursor_mut::CursorMut;
pub use displaced::Piece;
pub use dump::{Dot, Dump};
pub use entry::{ArcRef, Entry, RcuArcRef, Release, Shared, TryClone, U61};
pub use error::{
    BadRange, CursorError, CursorErrorKind, InsertError, InsertErrorKind, RemoveError, ReplaceError, ReplaceErrorKind,
    StoreError, StoreErrorKind, WouldCut,
};
pub use face::Shortage;
pub use figures::TreeFigures;
pub use free::{AllocRangeError, AllocRangeErrorKind, Cyclic, FindError};
pub use into_iter::IntoIter;
pub use iter::{Gaps, Iter};
pub use map::RangeMap;
pub use pool::{Pool, PoolFigures};
pub use prune::{PruneForm, Pruned};
pub use removed::Removed;
pub use reservation::Reservation;
pub use reserve::{Reserve, ReserveFigures};
pub use retain::Drain;
pub use set::RangeSet;
pub use site::Editable;
#[cfg(feature = "std")]
pub use std_lock::StdLock;
pub use tail::Tail;
pub use tree::MapleTree;
pub use validate::{Invalid, InvalidKind, Summary};
pub use value_mut::{IterMut, ValueMut};
pub use writer::Writer;

pub use lock_api::RawMutex;
pub use maple_rcu::{AllocError, InsideReadSection, Link, Rcu, RcuArc, RcuBox};
#[cfg(feature = "std")]
pub use maple_rcu::{Epoch, EpochGuard, Grace};

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
