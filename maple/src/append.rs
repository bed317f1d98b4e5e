//! Moving all entries of one exclusive map to another.

use crate::entry::{Entry, Kind};
use crate::list::Remains;
use crate::map::RangeMap;
use crate::node::Word;
use crate::tree_mut::{Leftovers, Memory, Mode, TreeMut};
use crate::walk::{Found, Walk};
use core::error::Error;
use core::fmt;
use core::mem;
use core::ops::RangeInclusive;
use core::ptr;
use maple_rcu::AllocError;

/// Why two maps were not joined. Both are as they were.
///
/// ```
/// use maple_tree::{AppendError, RangeMap};
///
/// let [mut map, mut other] = [0..10, 5..20].map(|range| RangeMap::from_iter([(range, 'a')]));
/// assert_eq!(map.append(&mut other), Err(AppendError::Overlap { other: 5..=19, occupied: 0..=9 }));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppendError {
    /// The allocator gave no memory for a node.
    OutOfMemory,
    /// Two entries overlap: the first of those of the other map, and the first one here that is in its way.
    Overlap {
        /// The range of the entry of the other map.
        other: RangeInclusive<u64>,
        /// The range of the entry that is here.
        occupied: RangeInclusive<u64>,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::Overlap { other, occupied } => write!(f, "the entry at {occupied:?} is in the way of the one at {other:?}"),
        }
    }
}

impl Error for AppendError {}

impl<V: Entry> RangeMap<V> {
    /// Moves every entry of `other`, which is empty then, to this map. `O(h)` an entry of `other`; no time when this map is empty
    /// and has its nodes from the same [`Pool`](crate::Pool).
    ///
    /// Nothing is overwritten: entries that overlap are an error. (Who wants them stored over what is here calls
    /// [`try_extend`](Self::try_extend) with the other map.)
    ///
    /// # Errors
    ///
    /// Out of memory, or the first overlap. Both maps are as they were.
    ///
    /// ```
    /// use maple_tree::{AppendError, RangeMap};
    ///
    /// let mut map: RangeMap<char> = [(0..10, 'a')].into_iter().collect();
    /// let mut other: RangeMap<char> = [(10..20, 'b'), (25..30, 'c')].into_iter().collect();
    /// map.append(&mut other)?;
    /// assert_eq!((map.iter().count(), other.is_empty()), (3, true));
    /// other.store(29..40, 'd').expect("memory for a node");
    /// assert_eq!(map.append(&mut other), Err(AppendError::Overlap { other: 29..=39, occupied: 25..=29 }));
    /// # Ok::<(), AppendError>(())
    /// ```
    pub fn append(&mut self, other: &mut Self) -> Result<(), AppendError> {
        // Nodes stay in their pool.
        let one_pool = ptr::eq(self.owner.reserve.pool(), other.owner.reserve.pool());
        if self.root.load().is_none() && one_pool {
            self.writer().forget();
            other.writer().forget();
            self.root.publish(other.root.load());
            other.root.publish(None);
            self.owner.untidy = mem::replace(&mut other.owner.untidy, false);
            self.owner.tracks |= other.owner.tracks;
            return Ok(());
        }
        let mut left_over = Leftovers::default();
        let mut writer = TreeMut::new(&self.root, &mut self.owner, Mode::Exclusive, Kind::of::<V>());
        let joined = Joining { writer: &mut writer, other }.run(&mut left_over);
        if joined.is_ok() {
            // The words are in this map now, so only the nodes of the other are released.
            let mut others = other.writer();
            others.forget();
            if let Some((node, level)) = others.root.load() {
                others.root.publish(None);
                others.owner.retire(node, level, Remains::Shell);
                others.owner.untidy = false;
            }
            other.release(Leftovers::default());
        }
        self.grown();
        self.release(left_over);
        joined
    }
}

/// A map that gets the words of another one, which keeps them until that is done: until then they are that one's.
struct Joining<'j, 'w, V: Entry> {
    writer: &'j mut TreeMut<'w>,
    other: &'j RangeMap<V>,
}

impl<V: Entry> Joining<'_, '_, V> {
    /// Runs no foreign code, so it does not end halfway.
    fn run(self, left_over: &mut Leftovers) -> Result<(), AppendError> {
        let mut walk = Walk::new(&self.other.root, Some((0, u64::MAX)));
        while let Some(found) = walk.next() {
            let Err(refused) = self.writer.take_in(&found, left_over) else { continue };
            // Takes out again what was put in before, which allocates nothing and cannot fail.
            if let Some(before) = found.first.checked_sub(1) {
                let mut walk = Walk::new(&self.other.root, Some((0, before)));
                while let Some(found) = walk.next() {
                    let taken = self.writer.take_out(found.first);
                    debug_assert!(taken.is_some_and(|taken| taken.entry == found.entry));
                }
            }
            return Err(refused);
        }
        Ok(())
    }
}

impl TreeMut<'_> {
    /// Stores what was `found` in another tree, if nothing is in the way.
    fn take_in(&mut self, found: &Found, left_over: &mut Leftovers) -> Result<(), AppendError> {
        let window = (found.first, found.last);
        if let Some(here) = Walk::new(self.root, Some(window)).next() {
            return Err(AppendError::Overlap { other: found.first..=found.last, occupied: here.first..=here.last });
        }
        let word = Word::live(found.entry);
        self.near = self.owner.hint.take();
        if self.append(window, word) {
            return Ok(());
        }
        // The range is a gap, so there is nothing to split.
        let written = self.write(window, word, Memory::Allocate, left_over, &mut |_| Err(AllocError(())));
        written.map_err(|_| AppendError::OutOfMemory)
    }
}
