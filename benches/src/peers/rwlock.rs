//! `BTreeMap` behind a lock for many readers or one writer.

use super::Peer;
use crate::Span;
use crate::subject::{Change, Shared, Subject};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// `RwLock<BTreeMap>`.
#[derive(Debug, Default)]
pub struct Locked(RwLock<Peer>);

impl Subject for Locked {
    const NAME: &'static str = "RwLock<BTreeMap>";
    const KEY: &'static str = "rwlock_btreemap";

    type Reader<'a> = RwLockReadGuard<'a, Peer>;

    #[inline(always)]
    fn read(&self) -> Self::Reader<'_> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline(always)]
    fn load(reader: &Self::Reader<'_>, index: u64) -> Option<u64> {
        reader.get(index)
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).apply(change);
    }

    fn walk(&self, each: impl FnMut(Span, u64)) {
        self.read().walk(each);
    }
}

impl Shared for Locked {
    #[inline(always)]
    fn apply_shared(&self, change: Change) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).apply(change);
    }
}
