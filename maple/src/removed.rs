//! What was removed beside readers.

use crate::entry::{Entry, Release, Shared};
use crate::node::{NodeRef, Word};
use crate::tree::MapleTree;
use core::fmt;
use core::mem;
use core::ops::RangeInclusive;
use core::ptr::NonNull;
use maple_rcu::Rcu;

/// An entry that was taken out of a [`MapleTree`], in a form that can be read but neither freed nor changed before a grace period has
/// passed: readers that came early may still be looking at it.
///
/// Dropping it never allocates and never waits; the entry is released after a grace period (one that its slot carries: when its node is
/// replaced, or by [`MapleTree::synchronize`]). [`wait`](Removed::wait) waits for one and
/// gives the entry out.
///
/// An entry without a link of its own (`Box`, `Arc`) stays in its slot, marked dead. While a `Removed` of such a type lives, its tree
/// releases no memory at all, so do not keep it for long; one that is forgotten (`mem::forget`) delays all release until the tree is
/// dropped.
///
/// # Invariants
///
/// The entry at `raw` is this value's own, by way of `carrier` if there is one: then that slot holds it, dead, and the tree's count
/// of such carriers (which keeps every node and every dead entry) includes this one.
#[must_use = "dropping it releases the entry after a grace period"]
pub struct Removed<'t, V: Shared<R>, R: Rcu> {
    tree: &'t MapleTree<V, R>,
    range: (u64, u64),
    raw: NonNull<()>,
    carrier: Option<(NodeRef, usize)>,
}

// SAFETY: it owns an entry and shares a tree, and gives out shared references to the entry.
unsafe impl<V: Shared<R> + Sync, R: Rcu> Send for Removed<'_, V, R> {}
// SAFETY: as above.
unsafe impl<V: Shared<R> + Sync, R: Rcu> Sync for Removed<'_, V, R> {}

impl<'t, V: Shared<R>, R: Rcu> Removed<'t, V, R> {
    /// # Safety
    ///
    /// The invariant of the type holds.
    pub(crate) unsafe fn new(
        tree: &'t MapleTree<V, R>,
        range: (u64, u64),
        raw: NonNull<()>,
        carrier: Option<(NodeRef, usize)>,
    ) -> Self {
        Self { tree, range, raw, carrier }
    }

    /// The range it had.
    pub fn range(&self) -> RangeInclusive<u64> {
        self.range.0..=self.range.1
    }

    /// The entry.
    pub fn get(&self) -> V::Ref<'_> {
        // SAFETY: by the invariant of the type the entry is not released while `self` lives.
        unsafe { V::borrow(self.raw) }
    }

    /// Waits for a grace period and gives the entry out. Blocks; the flavour says whether it allocates.
    ///
    /// # Errors
    ///
    /// Inside a read section of the calling thread, where it would wait for itself: `self` comes back.
    pub fn wait(self) -> Result<V, Self> {
        if R::synchronize().is_err() {
            return Err(self);
        }
        if let Some((node, slot)) = self.carrier {
            self.tree.uncarry(|| node.publish(slot, Word::EMPTY));
        }
        let raw = self.raw;
        mem::forget(self);
        // SAFETY: the entry was this value's own, nobody else releases it now, and a grace period has passed.
        Ok(unsafe { V::from_raw(raw) })
    }
}

impl<V: Shared<R>, R: Rcu> Drop for Removed<'_, V, R> {
    fn drop(&mut self) {
        match self.carrier {
            Some(_) => self.tree.let_go(),
            // SAFETY: the entry is this value's own, and no slot carries it.
            None => unsafe { discard::<V, R>(self.raw) },
        }
    }
}

impl<V: Shared<R>, R: Rcu> fmt::Debug for Removed<'_, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removed").field("range", &self.range()).finish_non_exhaustive()
    }
}

/// Releases an entry that no slot carries: at once or through its link.
///
/// # Safety
///
/// The entry is the caller's own, no new reader can find it, and it is not of the kind that a slot carries.
pub(crate) unsafe fn discard<V: Shared<R>, R: Rcu>(raw: NonNull<()>) {
    debug_assert!(V::RELEASE != Release::Slot);
    // SAFETY: the caller's promise; the link owns the entry from here on.
    match unsafe { <V as Entry>::link(raw) } {
        // SAFETY: the link was retired once, here, after the entry became unreachable.
        Some(link) => unsafe { R::retire(link) },
        // SAFETY: the entry may be dropped beside readers.
        None => drop(unsafe { V::from_raw(raw) }),
    }
}
