//! Readers that check while a writer works, and values that say which range they were stored at.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use maple_tree::MapleTree;

use crate::counted::{Kind, Ledger};
use crate::shapes::{Rng, settle};

/// A tag: the range that a value is stored at (below 2^20) and a generation (below 2^21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// First index.
    pub lo: u64,
    /// Last index.
    pub hi: u64,
    /// What tells values of the same range apart.
    pub generation: u64,
}

impl Tag {
    /// The tag as an id.
    pub fn id(self) -> u64 {
        assert!(self.lo <= self.hi && self.hi < 1 << 20 && self.generation < 1 << 21, "{self:?}");
        self.lo | self.hi << 20 | self.generation << 40
    }

    /// The tag that was made into an id.
    pub fn of(id: u64) -> Self {
        Tag { lo: id & 0xf_ffff, hi: id >> 20 & 0xf_ffff, generation: id >> 40 }
    }

    /// The range.
    pub fn range(self) -> RangeInclusive<u64> {
        self.lo..=self.hi
    }

    /// Panics unless a value with this tag may be found under `range`: the stored range, or what later changes left of it.
    #[track_caller]
    pub fn assert_holds(self, range: &RangeInclusive<u64>) {
        let inside = self.lo <= *range.start() && range.start() <= range.end() && *range.end() <= self.hi;
        assert!(inside, "found under {range:?}: {self:?}");
    }
}

/// A tree of tagged values, and the books over them.
pub struct Tagged<K: Kind> {
    /// The tree.
    pub tree: MapleTree<K::V>,
    ledger: Arc<Ledger>,
}

impl<K: Kind> Debug for Tagged<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.walk(true)).finish()
    }
}

impl<K: Kind> Default for Tagged<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kind> Tagged<K> {
    /// An empty tree.
    pub fn new() -> Self {
        Tagged { tree: MapleTree::new(), ledger: Ledger::new(1) }
    }

    /// A value for `lo..=hi`.
    pub fn value(&self, lo: u64, hi: u64, generation: u64) -> K::V {
        K::make(&self.ledger, Tag { lo, hi, generation }.id())
    }

    /// Stores a value that says where.
    pub fn store(&self, lo: u64, hi: u64, generation: u64) {
        self.tree.store(lo..=hi, self.value(lo, hi, generation)).expect("memory");
    }

    /// Inserts a value that says where; the range must be free.
    pub fn insert(&self, lo: u64, hi: u64, generation: u64) {
        self.tree.insert(lo..=hi, self.value(lo, hi, generation)).expect("memory, and a free range");
    }

    /// Stores `count` ranges of this width with this stride from 0 on, of generation 0.
    pub fn fill(&self, count: u64, width: u64, stride: u64) {
        (0..count).for_each(|at| self.store(at * stride, at * stride + width - 1, 0));
    }

    /// The tag found at `index`, with its range.
    pub fn find(&self, index: u64) -> (RangeInclusive<u64>, Option<Tag>) {
        let guard = self.tree.pin();
        let (range, entry) = self.tree.get_range(index, &guard);
        assert!(range.contains(&index), "asked for {index}, got {range:?}");
        let tag = entry.map(|entry| Tag::of(K::id(entry)));
        if let Some(tag) = tag {
            tag.assert_holds(&range);
        }
        (range, tag)
    }

    /// A walk over everything, from either end; checks order and that each value belongs to its range.
    pub fn walk(&self, forward: bool) -> Vec<(RangeInclusive<u64>, Tag)> {
        let guard = self.tree.pin();
        let item = |(range, entry)| (range, Tag::of(K::id(entry)));
        let mut seen: Vec<_> =
            if forward { self.tree.iter(&guard).map(item).collect() } else { self.tree.iter(&guard).rev().map(item).collect() };
        if !forward {
            seen.reverse();
        }
        for (range, tag) in &seen {
            tag.assert_holds(range);
        }
        for pair in seen.windows(2) {
            assert!(pair[0].0.end() < pair[1].0.start(), "out of order: {:?} before {:?}", pair[0], pair[1]);
        }
        seen
    }

    /// Ends the test: the tree is valid, and with it goes every value, each exactly once.
    pub fn end(self) {
        self.tree.validate().expect("valid");
        let entries = self.walk(true).len();
        assert_eq!(self.tree.validate().expect("valid").entries, entries);
        drop(self.tree);
        settle();
        self.ledger.assert_all_dropped();
        if K::COUNTED {
            assert!(self.ledger.born(0) > 0);
        }
    }

    /// Values alive.
    pub fn live(&self) -> i64 {
        self.ledger.live()
    }
}

/// One reader: random numbers of its own, and room to remember what it saw.
#[derive(Debug)]
pub struct Reader {
    /// Which one.
    pub number: usize,
    /// Random numbers.
    pub rng: Rng,
    /// What it remembers, for the check to use as it likes.
    pub seen: Vec<u64>,
}

/// Runs `write` while so many readers repeat `check`; each has done so before `write` starts, and once more after it ended.
pub fn beside(readers: usize, check: impl Fn(&mut Reader) + Sync, write: impl FnOnce()) {
    struct OnDrop<F: FnMut()>(F);
    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let (stop, started) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..readers {
            let (stop, started, check) = (&stop, &started, &check);
            scope.spawn(move || {
                // Also when the check panics, so that nobody waits for this reader.
                let first = OnDrop(|| {
                    started.fetch_add(1, Ordering::Release);
                });
                let seed = u64::try_from(number).expect("a number fits") + 1;
                let mut reader = Reader { number, rng: Rng(seed), seen: Vec::new() };
                check(&mut reader);
                drop(first);
                loop {
                    let last = stop.load(Ordering::Acquire);
                    check(&mut reader);
                    if last {
                        break;
                    }
                }
            });
        }
        let _stop = OnDrop(|| stop.store(true, Ordering::Release));
        while started.load(Ordering::Acquire) < readers {
            thread::yield_now();
        }
        write();
    });
}

/// One test for each of these functions and each kind of entry: in a module named as the function.
#[macro_export]
macro_rules! kinds {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn integers() {
                super::$name::<$crate::counted::Words>();
            }
            #[test]
            fn arcs() {
                super::$name::<$crate::counted::Arcs>();
            }
            #[test]
            fn rcu_boxes() {
                super::$name::<$crate::counted::RcuBoxes>();
            }
            #[test]
            fn rcu_arcs() {
                super::$name::<$crate::counted::RcuArcs>();
            }
        }
    )*};
}
