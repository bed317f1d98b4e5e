//! What both faces do in the same way.

use crate::entry::{Entry, Kind};
use crate::error::{InsertError, InsertErrorKind, RemoveError, WouldCut};
use crate::list::Limbo;
use crate::node::{Root, Word};
use crate::owner::{Release, Sink};
use crate::reserve::Reserve;
use crate::sweep::Swept;
use crate::tree_mut::{Leftovers, Memory, Mode, TreeMut};
use crate::walk::{Walk, lookup_range, whole_gap};
use core::marker::PhantomData;
use core::ops::RangeInclusive;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// An entry on its way into a tree: dropped if that does not happen, be it by a panic.
///
/// # Invariants
///
/// The pointer came from `into_raw` and nobody else has it.
#[derive(Debug)]
pub(crate) struct Pending<V: Entry>(NonNull<()>, PhantomData<V>);

impl<V: Entry> Pending<V> {
    pub(crate) fn new(value: V) -> Self {
        Self(value.into_raw(), PhantomData)
    }

    /// # Safety
    ///
    /// `raw` came from [`into_raw`](Self::into_raw), and nobody else has it.
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw, PhantomData)
    }

    /// The pointer that will stand for the entry.
    pub(crate) fn target(&self) -> NonNull<()> {
        self.0
    }

    /// Gives the entry up as a pointer.
    pub(crate) fn into_raw(self) -> NonNull<()> {
        let raw = self.0;
        core::mem::forget(self);
        raw
    }

    /// The word for a slot.
    pub(crate) fn word(&self) -> Word {
        Word::live(self.0)
    }

    /// The entry is in the tree.
    pub(crate) fn stored(self) {
        core::mem::forget(self);
    }

    /// The entry was not stored.
    pub(crate) fn into_value(self) -> V {
        // SAFETY: by the invariant of the type.
        unsafe { V::from_raw(self.into_raw()) }
    }
}

impl<V: Entry> Drop for Pending<V> {
    fn drop(&mut self) {
        // SAFETY: by the invariant of the type.
        drop(unsafe { V::from_raw(self.0) });
    }
}

/// # Safety
///
/// The tree has entries of type `V`, and what is found stays for `'a`.
pub(crate) unsafe fn get_range<'a, V: Entry + 'a>(root: &Root, index: u64) -> (RangeInclusive<u64>, Option<V::Ref<'a>>) {
    let (first, last, entry) = lookup_range(root, index);
    match entry {
        // SAFETY: the caller's promise.
        Some(entry) => (first..=last, Some(unsafe { V::borrow(entry) })),
        None => {
            let (first, last) = whole_gap(root, first, last);
            (first..=last, None)
        }
    }
}

pub(crate) fn insert_with<V: Entry>(
    writer: &mut TreeMut<'_>,
    window: (u64, u64),
    value: V,
    left_over: &mut Leftovers,
) -> Result<(), InsertError<V>> {
    let value = Pending::new(value);
    if writer.append(window, value.word()) {
        value.stored();
        return Ok(());
    }
    let bottom = writer.bottom(window.0);
    let free = bottom.is_some_and(|bottom| !bottom.frame.word().is_live() && window.1 <= bottom.frame.last());
    if !free && let Some(found) = Walk::new(writer.root, Some(window)).next() {
        return Err(InsertError { value: value.into_value(), kind: InsertErrorKind::Occupied(found.first..=found.last) });
    }
    // The range is a gap, so there is nothing to split.
    match writer.write(window, value.word(), Memory::Allocate, left_over, &mut |_| Err(AllocError(()))) {
        Ok(()) => value.stored(),
        Err(_) => return Err(InsertError { value: value.into_value(), kind: InsertErrorKind::OutOfMemory }),
    }
    Ok(())
}

/// What a removal does that has to cut an entry, when neither the tree nor the reserve has the nodes for it.
///
/// A removal that cuts no entry needs none of this: it never allocates and never fails.
///
/// ```
/// use maple_tree::{MapleTree, Shortage};
///
/// let tree = MapleTree::new();
/// tree.store(10..20, 'a')?;
/// tree.remove_or(15..30, Shortage::Wait)?; // cuts the entry
/// assert_eq!(tree.get_range(12, &tree.pin()).0, 10..=14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shortage {
    /// An error; nothing is changed.
    Refuse,
    /// Asks the global allocator. An error if that refuses.
    Allocate,
    /// Waits as `synchronize` does, which brings back what earlier removals retired, and tries once more. An error if that does not
    /// help or the calling thread is inside a read section. (An exclusive map has nobody to wait for: an error.) Whether that asks for
    /// memory is the flavour's matter: [`Grace`](crate::Grace) never does.
    Wait,
}

/// Removes what is inside `window`, with nodes that the tree has to spare or that the reserve lends. A cut asks the allocator first, if it
/// may (`allocate`); a hole inside one entry grows the tree, as a store does, and `split` copies the entry. Whole entries are removed in any case, if need be in place
/// (which leaves dead words behind).
pub(crate) fn remove_with(
    writer: &mut TreeMut<'_>,
    window: (u64, u64),
    allocate: bool,
    left_over: &mut Leftovers,
    mut split: impl FnMut(NonNull<()>) -> Result<NonNull<()>, AllocError>,
) -> Result<(), RemoveError> {
    // Mostly what the tree has to spare will do, and nobody else's lock is needed.
    if writer.write(window, Word::EMPTY, Memory::Spare, left_over, &mut split).is_ok() {
        if writer.mode == Mode::Shared {
            writer.collapse(window.0);
        }
        return Ok(());
    }
    let mut walk = Walk::new(writer.root, Some(window));
    let Some(first) = walk.next() else { return Ok(()) };
    let last = walk.next_back().unwrap_or(first);
    let starts_before = (first.first < window.0).then_some(WouldCut { range: first.first..=first.last, at: window.0 });
    let ends_behind = (last.last > window.1).then_some(WouldCut { range: last.first..=last.last, at: window.1 });
    let hole = first.first == last.first && starts_before.is_some() && ends_behind.is_some();
    let cut = starts_before.or(ends_behind);
    let sources: &[Memory] = match cut {
        Some(_) if allocate || hole => &[Memory::Allocate, Memory::Borrow],
        _ => &[Memory::Borrow],
    };
    let removed = sources.iter().find(|memory| writer.write(window, Word::EMPTY, **memory, left_over, &mut split).is_ok());
    if removed.is_some() && writer.mode == Mode::Shared {
        // A leaf that became a gap may have been all that its parent held.
        writer.collapse(window.0);
    }
    match (removed, cut) {
        (Some(_), _) => Ok(()),
        (None, None) => {
            writer.kill(window.0, window.1);
            Ok(())
        }
        (None, Some(_)) if hole => Err(RemoveError::OutOfMemory),
        (None, Some(cut)) => Err(RemoveError::WouldCut(cut)),
    }
}

/// Releases what a sweep took out.
///
/// # Safety
///
/// No reader can be looking at it, and it is of a tree with entries of type `V`.
pub(crate) unsafe fn release_swept<V: Entry>(limbo: Limbo, entries: Swept, reserve: &'static Reserve) {
    // SAFETY: the caller's promise.
    let mut release = unsafe { Release::new(limbo, Kind::of::<V>(), Sink::Reserve(reserve)) };
    entries.into_iter().for_each(|entry| release.add_entry(entry));
    release.run();
}
