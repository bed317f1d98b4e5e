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
//! Only targets with 64-bit pointers are supported: a slot is one word, and an index is 64 bits.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("maple-tree needs a target with 64-bit pointers");

// The floors, from the ground up.
mod sync;

mod lock;

mod entry;
mod error;
mod search;
mod splice;

mod node;

mod list;
mod path;
mod pool;

mod reserve;
mod run;

mod overflow;
mod owner;
mod range;
mod tree_mut;
mod walk;

mod edit;

mod bound;
mod bulk;
mod compact;
mod dump;
mod dup;
mod erase;
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
mod hint;
mod tail;

mod map;

mod copy;

mod removed;

mod view;
mod writer;

mod tree;

mod cursor_mut;
mod reclaim;
mod reservation;
mod site;

pub use copy::DupError;
pub use course::{Place, Position};
pub use cursor::Cursor;
pub use cursor_mut::CursorMut;
pub use dump::{Dot, Dump};
pub use entry::{ArcRef, Entry, RcuArcRef, Release, Shared, TryClone, U61};
pub use error::{
    BadRange, CursorError, CursorErrorKind, InsertError, InsertErrorKind, RemoveError, ReplaceError, ReplaceErrorKind,
    StoreError, StoreErrorKind, WouldCut,
};
pub use face::Shortage;
pub use figures::TreeFigures;
pub use iter::{Gaps, Iter};
pub use lock::StdLock;
pub use map::RangeMap;
pub use pool::{PoolFigures, pool_figures};
pub use prune::{PruneForm, Pruned};
pub use removed::Removed;
pub use reservation::Reservation;
pub use reserve::{Reserve, ReserveFigures};
pub use site::Editable;
pub use tail::Tail;
pub use tree::MapleTree;
pub use validate::{Invalid, InvalidKind, Summary};
pub use writer::Writer;

pub use lock_api::RawMutex;
pub use maple_rcu::{AllocError, Epoch, EpochGuard, InsideReadSection, Link, Rcu, RcuArc, RcuBox};

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
