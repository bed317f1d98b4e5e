//! The two faces of the maple tree as subjects.

use crate::subject::{Change, Holes, MANY, RangeTable, Shared, Subject};
use crate::{BASE, Span, entry};
use core::ops::RangeInclusive;
use maple_tree::{Epoch, Grace, MapleTree, RangeMap, Rcu, Tail, U61};

const MEMORY: &str = "memory for a benchmark";

fn span(range: &RangeInclusive<u64>) -> Span {
    (*range.start(), *range.end())
}

fn sum(found: [Option<U61>; MANY]) -> u64 {
    found.into_iter().flatten().map(U61::get).fold(0, u64::wrapping_add)
}

impl Subject for RangeMap<U61> {
    const NAME: &'static str = "RangeMap";
    const KEY: &'static str = "exclusive";

    type Reader<'a> = &'a Self;

    fn read(&self) -> &Self {
        self
    }

    #[inline(always)]
    fn load(reader: &&Self, index: u64) -> Option<u64> {
        reader.get(index).map(U61::get)
    }

    #[inline(always)]
    fn load_many(reader: &&Self, indices: [u64; MANY]) -> u64 {
        sum(reader.get_many(indices))
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        match change {
            Change::Build((first, last), value) | Change::Restore((first, last), _, value) => {
                self.store(first..=last, entry(value)).expect(MEMORY);
            }
            Change::Replace(index, value) => drop(self.replace(index, entry(value))),
            Change::Erase((first, _)) => drop(self.erase(first)),
            Change::Punch(_, (first, last)) => self.remove(first..=last).expect(MEMORY),
        }
    }

    #[inline(always)]
    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (range, value) in self {
            each(span(&range), value.get());
        }
    }

    #[inline(always)]
    fn for_each(&self, mut each: impl FnMut(Span, u64)) {
        self.iter().for_each(|(range, value)| each(span(&range), value.get()));
    }
}

impl RangeTable for RangeMap<U61> {
    type Tail = Tail<U61>;

    fn store(&mut self, (first, last): Span, value: u64) {
        Self::store(self, first..=last, entry(value)).expect(MEMORY);
    }

    fn remove(&mut self, (first, last): Span) {
        Self::remove(self, first..=last).expect(MEMORY);
    }

    fn copy(&self) -> Self {
        self.dup().expect(MEMORY)
    }

    fn bulk(spans: impl Iterator<Item = (Span, u64)>) -> Self {
        spans.map(|((first, last), value)| (first..=last, entry(value))).collect()
    }

    #[inline(always)]
    fn cut(&mut self, from: u64) -> Tail<U61> {
        self.prune(from)
    }
}

impl Holes for RangeMap<U61> {
    #[inline(always)]
    fn first_fit(&mut self, size: u64) -> Option<u64> {
        self.find_free(size, BASE.., 1).ok()
    }

    #[inline(always)]
    fn allocate(&mut self, size: u64, value: u64) -> Option<u64> {
        self.alloc_range(size, BASE.., 1, entry(value)).ok()
    }
}

/// A flavour of read-copy-update whose trees are measured.
pub trait Measured: Rcu {
    /// The tree's name.
    const TREE: &'static str;
    /// For the names of figures.
    const FACE: &'static str;
}

impl Measured for Epoch {
    const TREE: &'static str = "MapleTree";
    const FACE: &'static str = "shared";
}

impl Measured for Grace {
    const TREE: &'static str = "MapleTree on Grace";
    const FACE: &'static str = "grace";
}

impl<R: Measured> Subject for MapleTree<U61, R> {
    const NAME: &'static str = R::TREE;
    const KEY: &'static str = R::FACE;

    type Reader<'a> = (&'a Self, R::Guard);

    #[inline(always)]
    fn read(&self) -> Self::Reader<'_> {
        (self, self.pin())
    }

    #[inline(always)]
    fn load((tree, guard): &Self::Reader<'_>, index: u64) -> Option<u64> {
        tree.get(index, guard).map(U61::get)
    }

    #[inline(always)]
    fn load_many((tree, guard): &Self::Reader<'_>, indices: [u64; MANY]) -> u64 {
        sum(tree.get_many(indices, guard))
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        self.apply_shared(change);
    }

    #[inline(always)]
    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (range, value) in self.iter(&self.pin()) {
            each(span(&range), value.get());
        }
    }

    #[inline(always)]
    fn for_each(&self, mut each: impl FnMut(Span, u64)) {
        self.iter(&self.pin()).for_each(|(range, value)| each(span(&range), value.get()));
    }
}

impl<R: Measured> Shared for MapleTree<U61, R> {
    #[inline(always)]
    fn apply_shared(&self, change: Change) {
        match change {
            Change::Build((first, last), value) | Change::Restore((first, last), _, value) => {
                self.store(first..=last, entry(value)).expect(MEMORY);
            }
            Change::Replace(index, value) => drop(self.replace(index, entry(value))),
            Change::Erase((first, _)) => drop(self.erase(first)),
            Change::Punch(_, (first, last)) => self.remove(first..=last).expect(MEMORY),
        }
    }
}

impl RangeTable for MapleTree<U61> {
    /// The tail waits in the tree for a grace period.
    type Tail = ();

    fn store(&mut self, (first, last): Span, value: u64) {
        Self::store(self, first..=last, entry(value)).expect(MEMORY);
    }

    fn remove(&mut self, (first, last): Span) {
        Self::remove(self, first..=last).expect(MEMORY);
    }

    fn copy(&self) -> Self {
        self.dup().expect(MEMORY).into()
    }

    fn bulk(spans: impl Iterator<Item = (Span, u64)>) -> Self {
        RangeMap::bulk(spans).into()
    }

    #[inline(always)]
    fn cut(&mut self, from: u64) {
        self.prune(from);
    }
}

impl Holes for MapleTree<U61> {
    #[inline(always)]
    fn first_fit(&mut self, size: u64) -> Option<u64> {
        self.find_free(size, BASE.., 1).ok()
    }

    #[inline(always)]
    fn allocate(&mut self, size: u64, value: u64) -> Option<u64> {
        self.alloc_range(size, BASE.., 1, entry(value)).ok()
    }
}

/// The nodes of a tree.
pub fn nodes(map: &RangeMap<U61>) -> usize {
    map.validate().expect("a valid tree").nodes
}
