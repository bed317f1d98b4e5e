//! `crossbeam-skiplist`: a concurrent skip list.

use super::{Table, apply_by_first};
use crate::Span;
use crate::subject::{Change, Shared, Subject};
use core::fmt;
use core::ops::Bound;
use crossbeam_epoch::Guard;
use crossbeam_skiplist::SkipMap;

/// `crossbeam_skiplist::SkipMap` by first index.
#[derive(Default)]
pub struct Skip(SkipMap<u64, (u64, u64)>);

impl fmt::Debug for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skip").finish_non_exhaustive()
    }
}

impl Table for &Skip {
    #[inline(always)]
    fn put(&mut self, key: u64, pair: (u64, u64)) {
        self.0.insert(key, pair);
    }

    #[inline(always)]
    fn take(&mut self, key: u64) {
        self.0.remove(&key);
    }

    #[inline(always)]
    fn at(&self, index: u64) -> Option<(u64, (u64, u64))> {
        let entry = self.0.upper_bound(Bound::Included(&index))?;
        let (first, pair) = (*entry.key(), *entry.value());
        (index <= pair.0).then_some((first, pair))
    }
}

impl Subject for Skip {
    const NAME: &'static str = "crossbeam-skiplist";
    const KEY: &'static str = "skipmap";

    /// Each call pins by itself, which is cheaper inside another guard.
    type Reader<'a> = (&'a Self, Guard);

    #[inline(always)]
    fn read(&self) -> Self::Reader<'_> {
        (self, crossbeam_epoch::pin())
    }

    #[inline(always)]
    fn load((map, _): &Self::Reader<'_>, index: u64) -> Option<u64> {
        map.at(index).map(|(_, (_, value))| value)
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        self.apply_shared(change);
    }

    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for entry in &self.0 {
            let (last, value) = *entry.value();
            each((*entry.key(), last), value);
        }
    }
}

impl Shared for Skip {
    #[inline(always)]
    fn apply_shared(&self, change: Change) {
        apply_by_first(&mut &*self, change);
    }
}
