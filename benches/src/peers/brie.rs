//! `brie-tree`: a B+ tree on integers, with the vector instructions that the default flags of the compiler allow.

use super::{Table, apply_by_last};
use crate::Span;
use crate::subject::{Change, Subject};
use brie_tree::BTree;
use brie_tree::nonmax::NonMaxU64;
use core::fmt;
use core::ops::Bound;

/// `brie_tree::BTree` by last index: its cursors begin at a key and go up.
#[derive(Default)]
pub struct Brie(BTree<NonMaxU64, (u64, u64)>);

impl fmt::Debug for Brie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brie").finish_non_exhaustive()
    }
}

/// The largest number is no key.
#[inline(always)]
fn key(index: u64) -> NonMaxU64 {
    NonMaxU64::new(index).expect("no index of the suites is the largest number")
}

impl Table for Brie {
    #[inline(always)]
    fn put(&mut self, last: u64, pair: (u64, u64)) {
        self.0.insert(key(last), pair);
    }

    #[inline(always)]
    fn take(&mut self, last: u64) {
        self.0.remove(key(last));
    }

    #[inline(always)]
    fn at(&self, index: u64) -> Option<(u64, (u64, u64))> {
        let (last, &pair) = self.0.cursor_at(Bound::Included(key(index))).entry()?;
        (pair.0 <= index).then_some((last.get(), pair))
    }
}

impl Subject for Brie {
    const NAME: &'static str = "brie-tree";
    const KEY: &'static str = "brie";

    type Reader<'a> = &'a Self;

    fn read(&self) -> &Self {
        self
    }

    #[inline(always)]
    fn load(reader: &&Self, index: u64) -> Option<u64> {
        reader.at(index).map(|(_, (_, value))| value)
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        if let Change::Replace(index, value) = change {
            let mut cursor = self.0.cursor_mut_at(Bound::Included(key(index)));
            if let Some(pair) = cursor.value_mut()
                && pair.0 <= index
            {
                pair.1 = value;
            }
        } else {
            apply_by_last(self, change);
        }
    }

    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (last, &(first, value)) in self.0.iter() {
            each((first, last.get()), value);
        }
    }
}
