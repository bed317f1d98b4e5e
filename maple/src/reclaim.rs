//! Giving back what was removed beside readers, once they have left.

use crate::entry::{Kind, Shared};
use crate::face::release_swept;
use crate::list::Limbo;
use crate::owner::{Release, Sink};
use crate::sweep::{Swept, Which};
use crate::sync::or_broken;
use crate::tree::MapleTree;
use lock_api::RawMutex;
use maple_rcu::{InsideReadSection, Rcu};

impl<V: Shared<R>, R: Rcu, L: RawMutex> MapleTree<V, R, L> {
    /// Hands what was removed so far to the flavour, which releases it after a grace period; not what died in place, see
    /// [`MapleTree`]. Does not wait. May allocate (the flavour
    /// says how); does nothing while a [`Removed`](crate::Removed) lives whose entry is carried by its slot.
    /// Takes the tree's lock; waits for no reader.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, 'a')?;
    /// tree.clear();
    /// tree.hand_over(); // the node is freed when no reader can be in it any more
    /// assert_eq!(tree.figures().retired, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hand_over(&self) {
        self.lock().hand_over();
    }

    /// Waits for a grace period and releases everything that was removed before the call: nodes, entries, and what died in place.
    ///
    /// Blocks until every read section that is open now has ended (on [`Epoch`](maple_rcu::Epoch) also some that begin meanwhile), and once more when
    /// entries that it released retire what they own; takes `O(n)` under the writer lock when entries died in place all over the tree. The
    /// flavour says whether it allocates.
    ///
    /// What was handed over before, and `RcuArc`s and `RcuBox`es that another thread took off the flavour's list, are released by whoever runs
    /// them, maybe later: [`Rcu::barrier`] waits for that (called twice, also for what the entries of a batch retire). What another `synchronize` of
    /// this tree has taken is released by that one, and what died in place while it was under way is left to the next. While a [`Removed`](crate::Removed) lives whose entry is carried by
    /// its slot, it waits but releases nothing.
    ///
    /// # Errors
    ///
    /// Inside a read section of the calling thread, where it would wait for itself. Nothing is released.
    ///
    /// # Panics
    ///
    /// When the drop of an entry does. What was not released by then is released by the next call.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let value = std::sync::Arc::new(7u32);
    /// tree.store(10..20, value.clone())?;
    /// drop(tree.erase(15)); // stays in its slot, marked dead
    /// tree.synchronize()?;
    /// assert_eq!(std::sync::Arc::into_inner(value), Some(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn synchronize(&self) -> Result<(), InsideReadSection> {
        if R::is_reading() {
            // Before anything is locked or taken: whoever holds the lock may be waiting for this very read section.
            return Err(InsideReadSection);
        }
        // Entries with a link of their own that were removed, whoever's: the flavour runs them after the grace period that is waited for below.
        if V::NEEDS_DROP {
            R::flush();
        }
        // Only one sweep at a time; whoever comes second (an entry's `Drop` inside the first one, too) leaves it to that one.
        let sweeping = self.reclaim.try_lock();
        let mut taken = Taken { tree: self, limbo: Limbo::new(), count: 0, hull: None };
        let reserve = self.write(|writer| {
            if self.lock.may_release() {
                taken.count = writer.owner.retired();
                taken.limbo = writer.owner.take_retired();
                taken.hull = if sweeping.is_some() { writer.age() } else { None };
            }
            writer.owner.reserve
        });
        or_broken!(Wait: R::synchronize(), Ok(()))?;
        // SAFETY: a grace period has passed since the list was taken.
        let release = unsafe { Release::new(taken.limbo.take(), Kind::of::<V>(), Sink::Waiting(reserve)) };
        release.run();
        while let Some((from, to)) = taken.hull {
            let (mut limbo, mut entries) = (Limbo::new(), Swept::new());
            let stopped = self.write(|writer| {
                // SAFETY: a grace period has passed since the words were aged, and no other sweep aged any since (`reclaim`).
                unsafe { writer.sweep((from, to), or_broken!(Age: Which::Aged, Which::All), &mut limbo, &mut entries) }
            });
            taken.hull = stopped.map(|from| (from, to));
            // SAFETY: what was swept had died before the grace period.
            unsafe { release_swept::<V>(limbo, entries, reserve) };
        }
        drop(sweeping);
        // The entries that were released just now may have a link of their own, or own what has one.
        if V::NEEDS_DROP && R::flush() {
            // The flavour has them in any case. (A destructor that left a read section open makes this an error.)
            let _ = R::synchronize();
        }
        Ok(())
    }
}

/// What a [`MapleTree::synchronize`] took and has yet to release. When that ends early (a panic in the flavour or in an entry's `Drop`), it
/// is put back for the next.
struct Taken<'t, V: Shared<R>, R: Rcu, L: RawMutex> {
    tree: &'t MapleTree<V, R, L>,
    /// So many nodes and removed sub-trees, unless it is empty.
    limbo: Limbo,
    count: usize,
    hull: Option<(u64, u64)>,
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Drop for Taken<'_, V, R, L> {
    fn drop(&mut self) {
        if !self.limbo.is_empty() || self.hull.is_some() {
            self.tree.write(|writer| {
                if !self.limbo.is_empty() {
                    writer.owner.put_back(self.limbo.take(), self.count);
                }
                if let Some((first, last)) = self.hull {
                    writer.owner.note_dead(first, last);
                }
            });
        }
    }
}
