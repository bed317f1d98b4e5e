//! What a writer's session sees: look-ups without a guard, copies, and the structure.

use crate::copy::{DupError, Stopped, clone_root, copy_root, outcome};
use crate::cursor::Cursor;
use crate::dump::{Dot, Dump};
use crate::entry::{Entry, Shared, TryClone};
use crate::face::get_range;
use crate::figures::TreeFigures;
use crate::iter::{Gaps, Iter};
use crate::map::RangeMap;
use crate::owner::Release;
use crate::range::inclusive;
use crate::validate::{Invalid, Summary, validate};
use crate::walk::{lookup, lookup_many};
use crate::writer::Writer;
use core::fmt;
use core::ops::{RangeBounds, RangeInclusive};
use lock_api::RawMutex;
use maple_rcu::{AllocError, Rcu};

impl<V: Shared<R>, R: Rcu, L: RawMutex> Writer<'_, V, R, L> {
    /// The entry that covers `index`. `O(h)`.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.get(19), Some('a'));
    /// assert_eq!(writer.get(20), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[doc(alias = "mtree_load")]
    pub fn get(&self, index: u64) -> Option<V::Ref<'_>> {
        // SAFETY: the entry stays for as long as the session is borrowed.
        lookup(self.root(), index).map(|entry| unsafe { V::borrow(entry) })
    }

    /// The entries that cover `indices`, in their order. `O(N * h)`; see [`RangeMap::get_many`].
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.get_many([5, 15, 35]), [None, Some('a'), Some('b')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn get_many<const N: usize>(&self, indices: [u64; N]) -> [Option<V::Ref<'_>>; N] {
        // SAFETY: the entries stay for as long as the session is borrowed.
        lookup_many(self.root(), &indices).map(|found| found.map(|entry| unsafe { V::borrow(entry) }))
    }

    /// The entry that covers `index` with its exact range, or nothing with the whole gap around `index`. `O(h)`.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.get_range(12), (10..=19, Some('a')));
    /// assert_eq!(writer.get_range(25), (20..=29, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_load")]
    #[doc(alias = "mas_walk")]
    pub fn get_range(&self, index: u64) -> (RangeInclusive<u64>, Option<V::Ref<'_>>) {
        // SAFETY: the entry stays for as long as the session is borrowed.
        unsafe { get_range::<V>(self.root(), index) }
    }

    /// Whether an entry covers `index`. `O(h)`.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert!(writer.contains(10));
    /// assert!(!writer.contains(20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contains(&self, index: u64) -> bool {
        lookup(self.root(), index).is_some()
    }

    /// The entry with the lowest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.first(), Some((10..=19, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn first(&self) -> Option<(RangeInclusive<u64>, V::Ref<'_>)> {
        self.iter().next()
    }

    /// The entry with the highest range. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.last(), Some((30..=39, 'b')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last(&self) -> Option<(RangeInclusive<u64>, V::Ref<'_>)> {
        self.iter().next_back()
    }

    /// Whether there is no entry. `O(h)`, and the empty slots on the way. Allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert!(!writer.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_empty")]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// All entries with their ranges, in order. Allocates nothing. `O(h)` to begin with.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.iter().collect::<Vec<_>>(), [(10..=19, 'a'), (30..=39, 'b')]);
    /// assert_eq!(writer.iter().next_back(), Some((30..=39, 'b')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mt_for_each")]
    pub fn iter(&self) -> Iter<'_, V> {
        self.range(..)
    }

    /// The entries that overlap `range`, each with its whole range. A range that holds no index yields nothing.
    /// `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.range(15..30).collect::<Vec<_>>(), [(10..=19, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mt_find")]
    #[doc(alias = "mt_find_after")]
    pub fn range(&self, range: impl RangeBounds<u64>) -> Iter<'_, V> {
        // SAFETY: nobody else changes the tree while the session is borrowed.
        unsafe { Iter::new(self.root(), inclusive(&range).ok()) }
    }

    /// The gaps within `range`, clipped to it. A range that holds no index yields nothing. `O(h)` to begin with; allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.gaps(..35).collect::<Vec<_>>(), [0..=9, 20..=29]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gaps(&self, range: impl RangeBounds<u64>) -> Gaps<'_, V> {
        // SAFETY: nobody else changes the tree while the session is borrowed.
        unsafe { Gaps::new(self.root(), inclusive(&range).ok()) }
    }

    /// A cursor for looking around. It is nowhere yet. Takes no time, allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let mut cursor = writer.cursor();
    /// assert_eq!(cursor.seek(35), Some('b'));
    /// assert_eq!(cursor.prev(), Some((10..=19, 'a')));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cursor(&self) -> Cursor<'_, V> {
        // SAFETY: nobody else changes the tree while the session is borrowed.
        unsafe { Cursor::new(self.root()) }
    }

    /// A copy of the tree, node for node, with a clone of every entry; not yet shared. `O(n)`. See
    /// [`MapleTree::dup`](crate::MapleTree::dup).
    ///
    /// # Errors
    ///
    /// Out of memory. What was cloned until then is dropped when the session ends.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let mut copy = writer.dup()?;
    /// copy.erase(15);
    /// assert_eq!(copy.iter().collect::<Vec<_>>(), [(30..=39, 'b')]);
    /// assert!(writer.contains(15));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mtree_dup")]
    pub fn dup(&mut self) -> Result<RangeMap<V>, AllocError>
    where
        V: TryClone,
    {
        /// A copy whose entries are dropped outside the lock if it does not become whole.
        struct Partial<'o, V: Entry>(RangeMap<V>, &'o mut Release<'static>);

        impl<V: Entry> Drop for Partial<'_, V> {
            fn drop(&mut self) {
                if let Some((node, level)) = self.0.root.load() {
                    self.0.root.publish(None);
                    self.1.add_tree(node, level);
                }
            }
        }

        let map = self.map.get();
        // SAFETY: the root is atomic; no `&mut` to it or to the whole map exists while the tree is borrowed.
        let root = unsafe { &(*map).root };
        let untidy = self.owner().untidy;
        let reserve = self.owner().reserve;
        let mut partial = Partial(RangeMap::with_reserve(reserve), self.outside());
        // SAFETY: the tree has entries of its own type.
        let copied = unsafe { clone_root((root, untidy), &mut partial.0) };
        partial.0.grown();
        copied.map(|()| core::mem::replace(&mut partial.0, RangeMap::with_reserve(reserve)))
    }

    /// As [`dup`](Self::dup), with every entry made by `entry` from the range and the entry of the original. See
    /// [`MapleTree::try_dup_with`](crate::MapleTree::try_dup_with). `O(n)`.
    ///
    /// # Errors
    ///
    /// Out of memory for the nodes, before `entry` was called; or the error of `entry`, with a valid map of exactly the entries
    /// before the one that failed. Getting there allocates nothing.
    ///
    /// # Panics
    ///
    /// When `entry` does. The entries it made, of a type that the session knows nothing of, are then dropped under the lock: where their `Drop`
    /// may call the tree, use the tree's own method.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let copied = writer.try_dup_with(|_, value| if value == 'a' { Ok(1u32) } else { Err("not copied") });
    /// let Err(maple_tree::DupError::Entry { range, partial, .. }) = copied else { unreachable!() };
    /// assert_eq!((range, partial.iter().collect::<Vec<_>>()), (30..=39, vec![(10..=19, 1)]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::result_large_err, reason = "the copy that failed is as large as one that did not")]
    pub fn try_dup_with<W: Entry, E>(
        &mut self,
        entry: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> Result<W, E>,
    ) -> Result<RangeMap<W>, DupError<W, E>> {
        let mut copy = RangeMap::new();
        let copied = self.copy_into(&mut copy, entry);
        outcome(copy, copied)
    }

    /// As [`try_dup_with`](Self::try_dup_with), into a map of the caller's.
    pub(crate) fn copy_into<W: Entry, E>(
        &mut self,
        copy: &mut RangeMap<W>,
        mut entry: impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> Result<W, E>,
    ) -> Result<(), Stopped<E>> {
        copy.owner.reserve = self.owner().reserve;
        copy_root((self.root(), self.owner().untidy), copy, |first, last, old| {
            // SAFETY: an entry of the tree is not taken back while its writer is kept out.
            entry(first..=last, unsafe { V::borrow(old) }).map(W::into_raw)
        })
    }

    /// Checks every invariant of the structure. `O(n)`, allocates. For tests and for the distrustful.
    ///
    /// # Errors
    ///
    /// The first broken invariant, and where.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// let summary = writer.validate()?;
    /// assert_eq!((summary.entries, summary.height), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validate(&self) -> Result<Summary, Invalid> {
        validate(self.root(), self.owner())
    }

    /// The structure as text. `O(n)`, when it is printed.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert!(writer.dump().to_string().contains("10..=19 entry"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self) -> Dump<'_> {
        Dump { root: self.root(), lock: None }
    }

    /// The structure as a graph for Graphviz. `O(n)`, when it is printed.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert!(writer.dot().to_string().starts_with("digraph"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dot(&self) -> Dot<'_> {
        Dot { root: self.root(), lock: None }
    }

    /// Figures of the tree. `O(1)`, allocates nothing.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// let mut writer = tree.lock();
    /// writer.store(10..20, 'a')?;
    /// writer.store(30..40, 'b')?;
    /// assert_eq!(writer.figures().height, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn figures(&self) -> TreeFigures {
        TreeFigures::of(self.root(), self.owner())
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> fmt::Debug for Writer<'_, V, R, L>
where
    for<'a> V::Ref<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
