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
//! Indices are `u64`. [`TypedMap`] and [`TypedTree`] are the same two faces with indices of another type: any integer up to 64 bits,
//! addresses ([`Ipv4Addr`](core::net::Ipv4Addr)), `char`, or a type of one's own that implements [`Index`].
//!
//! # Names
//!
//! For those who know the tree in Linux, whose names find the methods in this documentation's search, too. The long table, with the
//! test that shows each, is `docs/kernel-map.md` in the repository.
//!
//! | kernel | here |
//! |---|---|
//! | `mtree_load`, `mas_walk` | [`get`](MapleTree::get), [`get_range`](MapleTree::get_range), [`Cursor::seek`] |
//! | `mtree_store_range`, `mas_store_gfp` | [`store`](MapleTree::store), [`CursorMut::store`] |
//! | `mtree_insert_range` | [`insert`](MapleTree::insert) |
//! | `mtree_erase`, `mas_erase` | [`erase`](MapleTree::erase), [`CursorMut::erase`] |
//! | `mtree_store_range` of `NULL` | [`remove`](MapleTree::remove) |
//! | `mt_find`, `mt_for_each`, `mas_for_each` | [`range`](MapleTree::range), [`iter`](MapleTree::iter) |
//! | `mas_find`, `mas_next`, `mas_prev` | [`Cursor::next`], [`Cursor::prev`], [`Cursor::set_limits`] |
//! | `mas_find_range`, `mas_next_range`, `mas_prev_range` | [`Cursor::next_slot`], [`Cursor::prev_slot`] |
//! | `mas_pause` | [`Cursor::pause`], [`Cursor::resume`] |
//! | `mas_preallocate`, `mas_store_prealloc` | [`Writer::reserve_for`], [`Reservation::store`] |
//! | `mas_empty_area`, `mas_empty_area_rev` | [`find_free`](MapleTree::find_free), [`find_free_back`](MapleTree::find_free_back) |
//! | `mtree_alloc_range`, `mtree_alloc_rrange` | [`alloc_range`](MapleTree::alloc_range), [`alloc_range_rev`](MapleTree::alloc_range_rev) |
//! | `mtree_alloc_cyclic` | [`alloc_cyclic`](MapleTree::alloc_cyclic) |
//! | `mtree_dup` | [`dup`](MapleTree::dup), [`try_dup_with`](MapleTree::try_dup_with) |
//! | `mtree_destroy`, `mtree_empty` | [`clear`](MapleTree::clear), [`is_empty`](MapleTree::is_empty) |
//! | `mtree_lock`, `mas_lock`, `MT_FLAGS_LOCK_EXTERN` | [`MapleTree::lock`], the parameter `L` of [`MapleTree`] |
//! | `MT_FLAGS_USE_RCU`, `mt_clear_in_rcu` | [`MapleTree`], [`MapleTree::get_mut`] |
//!
//! # Features
//!
//! | feature | default | what it adds | dependency |
//! |---|---|---|---|
//! | `std` | on | The default flavour, the default lock, and the choice of an instruction set while the program runs. Without it the crate needs `alloc` only, and a [`MapleTree`] names its flavour and its lock. | `crossbeam-epoch`, `libc` |
//! | `serde` | off | `Serialize` and `Deserialize` for [`RangeMap`], [`MapleTree`], [`RangeSet`], [`U61`], [`RcuBox`], [`RcuArc`]. A map is a sequence of `(first, last, entry)`; input is checked for order and overlap. (Reading `Arc<T>` needs the feature `rc` of `serde`.) | `serde_core` |
//! | `allocator-api2` | off | Pools of nodes on an allocator of one's own (`Pool::new`), any `Allocator` of that crate. | `allocator-api2` |
//!
//! Only targets with 64-bit pointers are supported: a slot is one word, and an index is 64 bits.

#![cfg_attr(not(any(feature = "std", test, loom)), no_std)]

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

/// What is different when a model checker (Loom) looks at the crate, and the models.
#[cfg(loom)]
mod model;

// The floors, from the ground up.
mod sync;

mod lock;
#[cfg(feature = "std")]
mod std_lock;

mod entry;
mod error;
mod index;
mod search;
mod splice;

mod node;

mod companion;
mod list;
mod path;
#[cfg(not(loom))]
mod pool;
#[cfg(loom)]
#[path = "model/pool.rs"]
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

mod typed;

mod typed_map;
mod typed_tree;
mod typed_writer;

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
pub use index::Index;
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
pub use typed::{Typed, TypedMap, TypedRemoved, TypedTree, TypedWriter};
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
