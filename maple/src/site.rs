//! What a cursor for writing and a reservation work on: an exclusive map, or a session of a shared tree.

use crate::entry::{Entry, Shared};
use crate::error::ReplaceError;
use crate::face::Pending;
use crate::map::RangeMap;
use crate::node::Root;
use crate::path::Path;
use crate::removed::Removed;
use crate::tree_mut::{Changed, TreeMut};
use crate::writer::Writer;
use core::ops::RangeInclusive;
use core::ptr::NonNull;
use lock_api::RawMutex;
use maple_rcu::{AllocError, Rcu};

/// A tree in the hands of who may change it: a [`RangeMap`], or a [`Writer`] of a [`MapleTree`](crate::MapleTree).
///
/// It says what [`CursorMut`](crate::CursorMut) gives out, and what a [`Reservation`](crate::Reservation) is for. These two types implement it, and no
/// others can.
///
/// ```
/// use maple_tree::{CursorMut, Editable};
///
/// fn place<T: Editable>(cursor: &CursorMut<'_, T>) -> String {
///     format!("{cursor:?}") // of a map, or of a session
/// }
/// let mut map = maple_tree::RangeMap::<u32>::new();
/// assert!(place(&map.cursor_mut()).contains("Unstarted"));
/// ```
#[expect(private_bounds, reason = "so that no other type can implement it")]
pub trait Editable: Sealed {
    /// What is stored.
    type Entry: Entry;
    /// What becomes of an entry that is taken out: of a map, the entry with its range; of a session, a [`Removed`].
    type Removed;
}

pub(crate) trait Sealed {}

/// Splits an entry: copies it.
pub(crate) type Split<'s> = &'s mut dyn FnMut(NonNull<()>) -> Result<NonNull<()>, AllocError>;

/// What becomes of a store, and how many levels it concerned.
pub(crate) type Stored<V> = Changed<Result<(), Pending<V>>>;

/// What a cursor does with its tree. A `path` ends at the index concerned, or where the range begins. Changes also give the levels, from the
/// leaves up, that they may have concerned.
pub(crate) trait Site: Editable {
    fn root(&self) -> &Root;

    fn put(
        &mut self,
        path: Option<&Path>,
        window: (u64, u64),
        value: Pending<Self::Entry>,
        copy: Option<NonNull<()>>,
        split: Split<'_>,
    ) -> Stored<Self::Entry>;

    /// After a [`put`](Self::put), where memory may be asked for: the reserve is filled.
    fn grown(&mut self);

    fn replace_from(
        &mut self,
        path: &Path,
        index: u64,
        value: Pending<Self::Entry>,
    ) -> Changed<Result<Self::Removed, ReplaceError<Self::Entry>>>;

    fn erase_from(&mut self, path: &Path, index: u64) -> Changed<Option<Self::Removed>>;

    /// Lends the tree to who looks, or takes nodes.
    fn lend<T>(&mut self, look: impl FnOnce(&mut TreeMut<'_>) -> T) -> T;

    /// Whether the copy of an entry can be given back with [`put_away`](Self::put_away).
    fn has_room(&self) -> bool;

    /// Drops the copy of an entry that was not used, where foreign code may run.
    ///
    /// # Safety
    ///
    /// It came from `into_raw` and nobody else has it. There is [room](Self::has_room).
    unsafe fn put_away(&mut self, copy: NonNull<()>);
}

impl<V: Entry> Sealed for RangeMap<V> {}

impl<V: Entry> Editable for RangeMap<V> {
    type Entry = V;
    type Removed = (RangeInclusive<u64>, V);
}

impl<V: Entry> Site for RangeMap<V> {
    fn root(&self) -> &Root {
        &self.root
    }

    fn put(
        &mut self,
        path: Option<&Path>,
        window: (u64, u64),
        value: Pending<V>,
        copy: Option<NonNull<()>>,
        split: Split<'_>,
    ) -> Stored<V> {
        RangeMap::put(self, path, window, value, copy, split)
    }

    fn grown(&mut self) {
        RangeMap::grown(self);
    }

    fn replace_from(&mut self, path: &Path, index: u64, value: Pending<V>) -> Changed<Result<Self::Removed, ReplaceError<V>>> {
        (RangeMap::replace_from(self, path, index, value), 0)
    }

    fn erase_from(&mut self, path: &Path, index: u64) -> Changed<Option<Self::Removed>> {
        RangeMap::erase_from(self, Some(path), index)
    }

    fn lend<T>(&mut self, look: impl FnOnce(&mut TreeMut<'_>) -> T) -> T {
        look(&mut self.writer())
    }

    fn has_room(&self) -> bool {
        true
    }

    unsafe fn put_away(&mut self, copy: NonNull<()>) {
        // SAFETY: the caller's promise.
        drop(unsafe { V::from_raw(copy) });
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Sealed for Writer<'_, V, R, L> {}

impl<'t, V: Shared<R>, R: Rcu, L: RawMutex> Editable for Writer<'t, V, R, L> {
    type Entry = V;
    type Removed = Removed<'t, V, R, L>;
}

impl<'t, V: Shared<R>, R: Rcu, L: RawMutex> Site for Writer<'t, V, R, L> {
    fn root(&self) -> &Root {
        Writer::root(self)
    }

    fn put(
        &mut self,
        path: Option<&Path>,
        window: (u64, u64),
        value: Pending<V>,
        copy: Option<NonNull<()>>,
        split: Split<'_>,
    ) -> Stored<V> {
        Writer::put(self, path, window, value, copy, split)
    }

    fn grown(&mut self) {
        // The session sees to that when it ends.
    }

    fn replace_from(&mut self, path: &Path, index: u64, value: Pending<V>) -> Changed<Result<Self::Removed, ReplaceError<V>>> {
        Writer::replace_from(self, Some(path), index, value)
    }

    fn erase_from(&mut self, path: &Path, index: u64) -> Changed<Option<Self::Removed>> {
        Writer::erase_from(self, Some(path), index)
    }

    fn lend<T>(&mut self, look: impl FnOnce(&mut TreeMut<'_>) -> T) -> T {
        self.with(None, |writer, _| look(writer)).0
    }

    fn has_room(&self) -> bool {
        Writer::has_room(self)
    }

    unsafe fn put_away(&mut self, copy: NonNull<()>) {
        // SAFETY: the caller's promise.
        unsafe { Writer::put_away(self, copy) };
    }
}
