//! Cutting an exclusive map, or one of its entries, in two.

use crate::divide::Divided;
use crate::entry::{Entry, TryClone};
use crate::map::RangeMap;
use crate::tree_mut::Memory;
use maple_rcu::AllocError;

impl<V: Entry> RangeMap<V> {
    /// Makes two entries of the one that covers both `at - 1` and `at`, the second of which, a clone, begins at `at`. Returns whether there was
    /// one. `O(h)`.
    ///
    /// # Errors
    ///
    /// Out of memory, for a node or for the clone. The map is as it was.
    ///
    /// ```
    /// let mut map = maple_tree::RangeMap::new();
    /// map.store(0..10, 'a')?;
    /// assert_eq!((map.split(4), map.split(4), map.split(10)), (Ok(true), Ok(false), Ok(false)));
    /// assert_eq!(map.iter().collect::<Vec<_>>(), [(0..=3, 'a'), (4..=9, 'a')]);
    /// # Ok::<(), maple_tree::StoreError<char>>(())
    /// ```
    pub fn split(&mut self, at: u64) -> Result<bool, AllocError>
    where
        V: TryClone,
    {
        let (range, Some(entry)) = self.get_range(at) else { return Ok(false) };
        if *range.start() == at {
            return Ok(false);
        }
        let copy = V::try_clone(entry)?;
        match self.store(at..=*range.end(), copy) {
            Ok(()) => Ok(true),
            Err(_) => Err(AllocError(())),
        }
    }

    /// Moves everything at or after `at` to a map of its own, which is returned; an entry that covers both `at - 1` and `at` is
    /// cut in two (which clones it). `O(h)`, whatever the sizes; takes up to `h + 1` nodes.
    ///
    /// # Errors
    ///
    /// Out of memory, for a node or for the clone. The map is as it was.
    ///
    /// ```
    /// let mut map: maple_tree::RangeMap<u32> = (0..100).map(|n| (10 * n..10 * n + 10, n as u32)).collect();
    /// let tail = map.split_off(505)?;
    /// assert_eq!((map.last(), tail.first()), (Some((500..=504, 50)), Some((505..=509, 50))));
    /// # Ok::<(), maple_tree::AllocError>(())
    /// ```
    pub fn split_off(&mut self, at: u64) -> Result<Self, AllocError>
    where
        V: TryClone,
    {
        let mut tail = Self::with_reserve(self.owner.reserve);
        // One a level; the cut may add a level.
        let count = self.figures().height + 1;
        let nodes = self.set_aside(count, Memory::Allocate)?;
        // With the tail, so that they are given back with it when the clone panics.
        tail.put_back(nodes);
        let split = self.split(at);
        let mut nodes = tail.owner.stock.take_all();
        if let Err(refused) = split {
            self.put_back(nodes);
            return Err(refused);
        }
        // Sub-trees go with what they know of the free space in them.
        tail.owner.tracks = self.owner.tracks;
        match self.writer().divide(at, &mut nodes) {
            Divided::Nothing => {}
            Divided::All => {
                tail.root.publish(self.root.load());
                self.root.publish(None);
                tail.owner.untidy = core::mem::replace(&mut self.owner.untidy, false);
            }
            Divided::Parted(root) => {
                tail.root.publish(Some(root));
                tail.owner.untidy = self.owner.untidy;
                tail.owner.nodes_taken = (count - nodes.len()) as u64;
                self.writer().lower_root();
                tail.writer().lower_root();
            }
        }
        self.put_back(nodes);
        self.owner.stock.trim(self.owner.reserve);
        self.grown();
        Ok(tail)
    }
}
