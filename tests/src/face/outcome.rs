//! What the calls give, in the terms of the model.

use crate::entry::Value;
use crate::model::{Bounds, Item, Refusal, Span};
use core::ops::RangeInclusive;
use maple_tree::{
    AllocRangeError, AllocRangeErrorKind, DupError, FindError, InsertError, InsertErrorKind, PruneForm, Pruned, RangeMap,
    RemoveError, ReplaceError, ReplaceErrorKind, StoreError, StoreErrorKind,
};

pub(super) fn pair(range: RangeInclusive<u64>) -> Span {
    (*range.start(), *range.end())
}

pub(crate) fn item<V: Value>((range, entry): (RangeInclusive<u64>, V::Ref<'_>)) -> Item {
    (*range.start(), *range.end(), V::read(entry))
}

/// Entries to store.
pub(super) fn entries<V: Value>(new: &[(Bounds, u64)]) -> impl Iterator<Item = (Bounds, V)> {
    new.iter().map(|&(range, value)| (range, V::make(value)))
}

pub(super) fn bad(range: maple_tree::BadRange) -> Refusal {
    Refusal::BadRange((range.start, range.end))
}

pub(super) fn stored<V: Value>(done: Result<(), StoreError<V>>, value: u64) -> Result<(), Refusal> {
    done.map_err(|error| {
        assert_eq!(error.value.value(), value, "the error gives the value back");
        match error.kind {
            StoreErrorKind::OutOfMemory => Refusal::OutOfMemory,
            StoreErrorKind::BadRange(range) => bad(range),
        }
    })
}

pub(super) fn inserted<V: Value>(done: Result<(), InsertError<V>>, value: u64) -> Result<(), Refusal> {
    done.map_err(|error| {
        assert_eq!(error.value.value(), value, "the error gives the value back");
        match error.kind {
            InsertErrorKind::OutOfMemory => Refusal::OutOfMemory,
            InsertErrorKind::BadRange(range) => bad(range),
            InsertErrorKind::Occupied(range) => Refusal::Occupied(pair(range)),
        }
    })
}

pub(super) fn allocated<V: Value>(done: Result<u64, AllocRangeError<V>>, value: u64) -> Result<u64, FindError> {
    done.map_err(|error| {
        assert_eq!(error.value.value(), value, "the error gives the value back");
        match error.kind {
            AllocRangeErrorKind::Find(why) => why,
            AllocRangeErrorKind::OutOfMemory => panic!("memory for an allocation"),
        }
    })
}

pub(super) fn not_replaced<V: Value>(error: ReplaceError<V>, value: u64) -> Refusal {
    assert_eq!(error.value.value(), value, "the error gives the value back");
    match error.kind {
        ReplaceErrorKind::OutOfMemory => Refusal::OutOfMemory,
        ReplaceErrorKind::Vacant(gap) => Refusal::Vacant(pair(gap)),
    }
}

pub(super) fn removed(done: Result<(), RemoveError>) -> Result<(), Refusal> {
    done.map_err(|error| match error {
        RemoveError::OutOfMemory => Refusal::OutOfMemory,
        RemoveError::BadRange(range) => bad(range),
        RemoveError::WouldCut(cut) => panic!("memory might have been asked for: {cut:?}"),
    })
}

/// The entry of a failed duplication.
#[derive(Debug, PartialEq)]
pub(super) struct Stop(u64);

/// A closure for `try_dup_with` that keeps a record of its calls.
pub(super) fn map_until<V: Value>(
    good: usize,
    seen: &mut Vec<Item>,
) -> impl FnMut(RangeInclusive<u64>, V::Ref<'_>) -> Result<Box<u64>, Stop> {
    move |range, entry| {
        let value = V::read(entry);
        if seen.len() == good {
            return Err(Stop(value));
        }
        seen.push((*range.start(), *range.end(), value));
        Ok(Box::new(value + 1))
    }
}

/// Checks a copy against the record of the closure that made it.
pub(super) fn copied(
    done: Result<RangeMap<Box<u64>>, DupError<Box<u64>, Stop>>,
    seen: &[Item],
    source: &[Item],
) -> (Vec<Item>, Option<Span>) {
    assert_eq!(seen, &source[..seen.len()], "the closure sees the entries in order");
    let (copy, failed) = match done {
        Ok(copy) => (copy, None),
        Err(DupError::Entry { range, error, partial }) => {
            assert_eq!(error, Stop(source[seen.len()].2), "the closure's own error");
            (partial, Some(pair(range)))
        }
        Err(DupError::OutOfMemory) => panic!("no memory for a copy"),
    };
    let summary = copy.validate().expect("a copy is valid");
    assert_eq!(summary.entries, seen.len(), "entries of the copy");
    (copy.iter().map(item::<Box<u64>>).collect(), failed)
}

/// What may be said of any prune that cut nothing: `height` is from before.
pub(super) fn pruned(pruned: Pruned, height: usize, had_tail: bool) {
    let Pruned { form, nodes_taken, nodes_retired, slot_stores } = pruned;
    match form {
        PruneForm::Nothing => {
            assert!(!had_tail, "there was something to prune");
            assert_eq!((nodes_taken, slot_stores), (0, 0), "nothing costs nothing");
        }
        PruneForm::PathCopy => {
            assert!(nodes_taken <= height, "{pruned:?} at height {height}");
            assert!(nodes_retired >= nodes_taken, "{pruned:?} frees what it takes");
            assert_eq!(slot_stores, 0, "a path that is copied leaves the old slots alone");
        }
        PruneForm::InPlace => {
            assert_eq!(nodes_taken, 0, "in place takes no node");
            assert!(slot_stores <= 15 * height.max(1), "{pruned:?} at height {height}");
        }
    }
}
