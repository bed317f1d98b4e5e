//! `concread`: a copy-on-write B+ tree with transactions.

use super::{Table, apply_by_first};
use crate::Span;
use crate::subject::{Change, Shared, Subject};
use concread::bptree::{BptreeMap, BptreeMapReadTxn, BptreeMapWriteTxn};
use core::fmt;

/// `concread::bptree::BptreeMap` by first index.
#[derive(Default)]
pub struct Concread(BptreeMap<u64, (u64, u64)>);

impl fmt::Debug for Concread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concread").finish_non_exhaustive()
    }
}

impl Table for BptreeMapWriteTxn<'_, u64, (u64, u64)> {
    fn put(&mut self, key: u64, pair: (u64, u64)) {
        self.insert(key, pair);
    }

    fn take(&mut self, key: u64) {
        self.remove(&key);
    }

    fn at(&self, index: u64) -> Option<(u64, (u64, u64))> {
        let (&first, &pair) = self.range(..=index).next_back()?;
        (index <= pair.0).then_some((first, pair))
    }
}

impl Subject for Concread {
    const NAME: &'static str = "concread";
    const KEY: &'static str = "concread";

    type Reader<'a> = BptreeMapReadTxn<'a, u64, (u64, u64)>;

    #[inline(always)]
    fn read(&self) -> Self::Reader<'_> {
        self.0.read()
    }

    #[inline(always)]
    fn load(reader: &Self::Reader<'_>, index: u64) -> Option<u64> {
        let (_, &(last, value)) = reader.range(..=index).next_back()?;
        (index <= last).then_some(value)
    }

    fn apply(&mut self, change: Change) {
        self.apply_shared(change);
    }

    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (&first, &(last, value)) in self.0.read().iter() {
            each((first, last), value);
        }
    }

    /// In one transaction.
    fn of(spans: impl Iterator<Item = Span>) -> Self {
        (0..).zip(spans).map(|(n, (first, last))| (first, (last, n))).collect()
    }
}

impl FromIterator<(u64, (u64, u64))> for Concread {
    fn from_iter<I: IntoIterator<Item = (u64, (u64, u64))>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Shared for Concread {
    /// A transaction for each change.
    fn apply_shared(&self, change: Change) {
        let mut transaction = self.0.write();
        apply_by_first(&mut transaction, change);
        transaction.commit();
    }
}
