//! `scc::TreeIndex`: a concurrent B+ tree for reading.

use super::{Table, apply_by_last};
use crate::Span;
use crate::subject::{Change, Shared, Subject};
use scc::{Guard, TreeIndex};

/// `scc::TreeIndex` by last index: its iterators begin at a key and go up.
#[derive(Debug, Default)]
pub struct Scc(TreeIndex<u64, (u64, u64)>);

impl Scc {
    #[inline(always)]
    fn find(&self, index: u64, guard: &Guard) -> Option<(u64, (u64, u64))> {
        let (&last, &pair) = self.0.range(index.., guard).next()?;
        (pair.0 <= index).then_some((last, pair))
    }
}

impl Table for &Scc {
    #[inline(always)]
    fn put(&mut self, key: u64, pair: (u64, u64)) {
        self.0.upsert_sync(key, pair);
    }

    #[inline(always)]
    fn take(&mut self, key: u64) {
        self.0.remove_sync(&key);
    }

    #[inline(always)]
    fn at(&self, index: u64) -> Option<(u64, (u64, u64))> {
        self.find(index, &Guard::new())
    }
}

impl Subject for Scc {
    const NAME: &'static str = "scc::TreeIndex";
    const KEY: &'static str = "scc";

    type Reader<'a> = (&'a Self, Guard);

    #[inline(always)]
    fn read(&self) -> Self::Reader<'_> {
        (self, Guard::new())
    }

    #[inline(always)]
    fn load((tree, guard): &Self::Reader<'_>, index: u64) -> Option<u64> {
        tree.find(index, guard).map(|(_, (_, value))| value)
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        self.apply_shared(change);
    }

    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (&last, &(first, value)) in self.0.iter(&Guard::new()) {
            each((first, last), value);
        }
    }
}

impl Shared for Scc {
    #[inline(always)]
    fn apply_shared(&self, change: Change) {
        apply_by_last(&mut &*self, change);
    }
}
