//! What was removed beside readers.

use crate::entry::{Entry, Release, Shared};
use crate::lock::{Gate, Held};
use crate::node::{NodeRef, Word};
#[cfg(feature = "std")]
use crate::std_lock::StdLock;
use crate::sync::{AtomicUsize, Ordering, or_broken, order};
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::RangeInclusive;
use core::ptr::NonNull;
use lock_api::RawMutex;
#[cfg(feature = "std")]
use maple_rcu::Epoch;
use maple_rcu::Rcu;

/// The writer lock of a tree, with the number of [`Removed`] values whose entry is carried by a slot.
///
/// # Invariants
///
/// The number is raised under the lock. While it is not zero, no node of the tree and no dead entry is released.
pub(crate) struct WriterLock<L> {
    lock: L,
    carried: AtomicUsize,
}

impl<L: RawMutex> WriterLock<L> {
    pub(crate) const fn new() -> Self {
        Self { lock: L::INIT, carried: AtomicUsize::new(0) }
    }

    /// The lock itself.
    pub(crate) fn raw(&self) -> &L {
        &self.lock
    }

    /// The lock for who only looks.
    pub(crate) fn gate(&self) -> &dyn Gate {
        &self.lock
    }

    /// Whether dead entries and retired nodes may be released. Under the lock.
    pub(crate) fn may_release(&self) -> bool {
        // Acquire: pairs with the Release in `let_go`, so that what a `Removed` read was read before it is released.
        self.carried.load(order!(Acquire, MayRelease)) == 0
    }

    /// Counts one more. Under the lock.
    pub(crate) fn carry(&self) {
        // Relaxed: raised and checked under the lock.
        self.carried.fetch_add(1, Ordering::Relaxed);
    }

    fn let_go(&self) {
        // Release: pairs with the Acquire in `may_release`.
        self.carried.fetch_sub(1, order!(Release, LetGo));
    }

    /// With exclusive access: values that were forgotten count for nothing any more, because their borrow of the tree is over.
    pub(crate) fn forget_carried(&mut self) {
        *self.carried.get_mut() = 0;
    }
}

with_defaults! {
    /// An entry that was taken out of a [`MapleTree`](crate::MapleTree), in a form that can be read but neither freed nor changed before a grace period has
    /// passed: readers that came early may still be looking at it.
    ///
    /// Dropping it never allocates and never waits; the entry is released after a grace period (one that its slot carries: when its node is
    /// replaced, or by [`MapleTree::synchronize`](crate::MapleTree::synchronize)). [`wait`](Removed::wait) waits for one and
    /// gives the entry out.
    ///
    /// An entry without a link of its own (`Box`, `Arc`) stays in its slot, marked dead. While a `Removed` of such a type lives, its tree
    /// releases no memory at all, so do not keep it for long; one that is forgotten (`mem::forget`) delays all release until the tree is
    /// dropped.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, Box::new(7u32))?;
    /// let removed = tree.erase(15).expect("just stored");
    /// assert_eq!((removed.range(), removed.get()), (10..=19, &7));
    /// assert_eq!(removed.wait().expect("outside of read sections"), Box::new(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Invariants
    ///
    /// The entry at `raw` is this value's own, by way of `carrier` if there is one: then that slot holds it, dead, and the tree's count
    /// of such carriers (which keeps every node and every dead entry) includes this one.
    #[must_use = "dropping it releases the entry after a grace period"]
    pub struct Removed<['t, V: Shared<R>,] R: Rcu, L: RawMutex> {
        tree: &'t WriterLock<L>,
        range: (u64, u64),
        raw: NonNull<()>,
        carrier: Option<(NodeRef, usize)>,
        entry: PhantomData<(V, fn() -> R)>,
    }
}

// SAFETY: it owns an entry and shares a tree, and gives out shared references to the entry.
unsafe impl<V: Shared<R> + Sync, R: Rcu, L: RawMutex + Sync> Send for Removed<'_, V, R, L> {}
// SAFETY: as above.
unsafe impl<V: Shared<R> + Sync, R: Rcu, L: RawMutex + Sync> Sync for Removed<'_, V, R, L> {}

impl<'t, V: Shared<R>, R: Rcu, L: RawMutex> Removed<'t, V, R, L> {
    /// # Safety
    ///
    /// The invariant of the type holds.
    pub(crate) unsafe fn new(
        tree: &'t WriterLock<L>,
        range: (u64, u64),
        raw: NonNull<()>,
        carrier: Option<(NodeRef, usize)>,
    ) -> Self {
        Self { tree, range, raw, carrier, entry: PhantomData }
    }

    /// The range it had. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, Box::new(7u32))?;
    /// let removed = tree.erase(15).expect("just stored");
    /// assert_eq!(removed.range(), 10..=19);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn range(&self) -> RangeInclusive<u64> {
        self.range.0..=self.range.1
    }

    /// The entry. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, Box::new(7u32))?;
    /// let removed = tree.erase(15).expect("just stored");
    /// assert_eq!(removed.get(), &7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self) -> V::Ref<'_> {
        // SAFETY: by the invariant of the type the entry is not released while `self` lives.
        unsafe { V::borrow(self.raw) }
    }

    /// Waits for a grace period and gives the entry out. Blocks; the flavour says whether it allocates. Takes the tree's lock if the entry
    /// stayed in its slot, so not while this thread has a [`Writer`](crate::Writer).
    ///
    /// # Errors
    ///
    /// Inside a read section of the calling thread, where it would wait for itself: `self` comes back.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, Box::new(7u32))?;
    /// let removed = tree.erase(15).expect("just stored");
    /// let guard = tree.pin();
    /// let removed = removed.wait().expect_err("this thread is in a read section");
    /// drop(guard);
    /// assert_eq!(removed.wait().expect("outside of read sections"), Box::new(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(self) -> Result<V, Self> {
        if or_broken!(Wait: R::synchronize(), Ok(())).is_err() {
            return Err(self);
        }
        if let Some((node, slot)) = self.carrier {
            let lock = Held::new(self.tree.gate());
            node.publish(slot, Word::EMPTY);
            drop(lock);
            self.tree.let_go();
        }
        let raw = self.raw;
        mem::forget(self);
        // SAFETY: the entry was this value's own, nobody else releases it now, and a grace period has passed.
        Ok(unsafe { V::from_raw(raw) })
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Drop for Removed<'_, V, R, L> {
    fn drop(&mut self) {
        match self.carrier {
            Some(_) => self.tree.let_go(),
            // SAFETY: the entry is this value's own, and no slot carries it.
            None => unsafe { discard::<V, R>(self.raw) },
        }
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for Removed<'_, V, R, L> {
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
