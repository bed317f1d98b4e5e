//! Either face, and what its calls come to when memory may be refused.

use super::{Call, Taking};
use core::ops::RangeInclusive;
use maple_tests::Item;
use maple_tests::entry::Value;
use maple_tests::space::Side;
use maple_tree::{
    AllocRangeErrorKind, At, Cyclic, DupError, Grace, InsertErrorKind, MapleTree, RangeMap, RemoveError, ReplaceErrorKind,
    Shared, Shortage, StoreErrorKind, Summary,
};

/// What came of a call that may need memory.
pub(super) enum Outcome<T> {
    Done,
    /// Something came of it that is to be looked at.
    Made(T),
    NoMemory,
    /// For another reason than memory.
    Refused,
}

pub(super) enum Tree<V: Value + Shared<Grace>> {
    Alone(RangeMap<V>),
    Beside(MapleTree<V, Grace>),
}

macro_rules! either {
    ($tree:expr, $name:ident => $call:expr) => {
        match $tree {
            Tree::Alone($name) => $call,
            Tree::Beside($name) => $call,
        }
    };
}

/// Erases what a cursor comes by.
macro_rules! erase_by_cursor {
    ($site:expr, $index:expr, $count:expr) => {{
        let site = $site;
        let mut cursor = site.cursor_mut();
        let _ = cursor.seek($index);
        for _ in 0..$count {
            drop(cursor.erase());
            let _ = cursor.next();
        }
    }};
}
/// What is common to the two faces under one name.
macro_rules! outcome {
    ($done:expr, $value:ident, $no_memory:pat) => {
        match $done {
            Ok(_) => Outcome::Done,
            Err(error) => {
                *$value = Some(error.value);
                if matches!(error.kind, $no_memory) { Outcome::NoMemory } else { Outcome::Refused }
            }
        }
    };
}

pub(super) fn row<V: Value>((range, entry): (RangeInclusive<u64>, V::Ref<'_>)) -> Item {
    (*range.start(), *range.end(), V::read(entry))
}

impl<V: Value + Shared<Grace>> Tree<V> {
    pub(super) fn items(&self) -> Vec<Item> {
        match self {
            Self::Alone(map) => map.iter().map(row::<V>).collect(),
            Self::Beside(tree) => tree.iter(&tree.pin()).map(row::<V>).collect(),
        }
    }

    /// What its nodes are like; all of what is in them only if they are few, for it is long.
    pub(super) fn nodes(&self) -> (Summary, String) {
        let summary = self.validate();
        let few = summary.nodes < 12;
        (summary, if few { either!(self, tree => tree.dump().to_string()) } else { String::new() })
    }

    pub(super) fn validate(&self) -> Summary {
        either!(self, tree => tree.validate().unwrap_or_else(|invalid| panic!("{invalid:?}\n{}", tree.dump())))
    }

    /// As exclusive as a map.
    pub(super) fn map(&mut self) -> &mut RangeMap<V> {
        match self {
            Self::Alone(map) => map,
            Self::Beside(tree) => tree.get_mut(),
        }
    }

    pub(super) fn grow(&mut self, call: &Call, cyclic: &mut Cyclic, value: &mut Option<V>) -> Outcome<RangeMap<V>> {
        let mut given = || value.take().expect("a call is given a value");
        let equal = |one: V::Ref<'_>, other: V::Ref<'_>| V::read(one) == V::read(other);
        match *call {
            Call::Store(range) => outcome!(either!(self, tree => tree.store(range, given())), value, StoreErrorKind::OutOfMemory),
            Call::Insert(range) => {
                outcome!(either!(self, tree => tree.insert(range, given())), value, InsertErrorKind::OutOfMemory)
            }
            Call::Replace(index) => {
                let done = either!(self, tree => tree.replace(index, given()).map(drop));
                outcome!(done, value, ReplaceErrorKind::OutOfMemory)
            }
            Call::Remove(range) => match either!(self, tree => tree.remove(range)) {
                Ok(()) => Outcome::Done,
                Err(RemoveError::BadRange(_)) => Outcome::Refused,
                Err(RemoveError::OutOfMemory | RemoveError::WouldCut(_)) => Outcome::NoMemory,
            },
            Call::RemoveWith(range) => match self.map().remove_with(range, Shortage::Allocate, |piece| drop(piece)) {
                Ok(()) => Outcome::Done,
                Err(RemoveError::BadRange(_)) => Outcome::Refused,
                Err(RemoveError::OutOfMemory | RemoveError::WouldCut(_)) => Outcome::NoMemory,
            },
            Call::StoreWith(range) => {
                let done = match self {
                    Self::Alone(map) => map.store_with(range, given(), |piece| drop(piece)),
                    Self::Beside(tree) => tree.store_with(range, given(), |_, _| ()),
                };
                outcome!(done, value, StoreErrorKind::OutOfMemory)
            }
            Call::StoreCoalescing(range) => {
                let done = either!(self, tree => tree.store_coalescing_by(range, given(), equal));
                outcome!(done, value, StoreErrorKind::OutOfMemory)
            }
            Call::Reserved(range) => {
                let kind = match self {
                    Self::Alone(map) => map.reserve_for(range).map(|token| token.store(given())),
                    Self::Beside(tree) => tree.lock().reserve_for(range).map(|token| token.store(given())),
                };
                match kind {
                    Ok(()) => Outcome::Done,
                    Err(StoreErrorKind::OutOfMemory) => Outcome::NoMemory,
                    Err(StoreErrorKind::BadRange(_)) => Outcome::Refused,
                }
            }
            Call::CursorStore(range) => {
                let done = match self {
                    Self::Alone(map) => map.cursor_mut().store(range, given()),
                    Self::Beside(tree) => tree.lock().cursor_mut().store(range, given()),
                };
                outcome!(done, value, StoreErrorKind::OutOfMemory)
            }
            Call::Alloc(size, within, align, side) => {
                let done = either!(self, tree => match side {
                    Side::Lowest => tree.alloc_range(size, within, align, given()),
                    Side::Highest => tree.alloc_range_rev(size, within, align, given()),
                });
                outcome!(done, value, AllocRangeErrorKind::OutOfMemory)
            }
            Call::Cyclic(within) => {
                let done = either!(self, tree => tree.alloc_cyclic(within, cyclic, given()));
                outcome!(done, value, AllocRangeErrorKind::OutOfMemory)
            }
            Call::Fill(index) => match self.map().at(index) {
                At::Vacant(gap) => outcome!(gap.fill(given()).map(drop), value, InsertErrorKind::OutOfMemory),
                At::Occupied(_) => Outcome::Refused,
            },
            Call::Split(at) => self.map().split(at).map_or(Outcome::NoMemory, |_| Outcome::Done),
            Call::SplitOff(at) => self.map().split_off(at).map_or(Outcome::NoMemory, Outcome::Made),
            Call::Compact => either!(self, tree => tree.compact()).map_or(Outcome::NoMemory, |()| Outcome::Done),
            Call::Dup => either!(self, tree => tree.dup()).map_or(Outcome::NoMemory, Outcome::Made),
            Call::DupWith => match either!(self, tree => tree.try_dup_with(|_, entry| Ok::<u32, ()>(V::read(entry) as u32))) {
                Ok(copy) => {
                    // Without a list, which would need memory.
                    let items = copy.iter().map(row::<u32>);
                    let same = match self {
                        Self::Alone(map) => items.eq(map.iter().map(row::<V>)),
                        Self::Beside(tree) => items.eq(tree.iter(&tree.pin()).map(row::<V>)),
                    };
                    assert!(same, "a whole copy");
                    Outcome::Done
                }
                Err(DupError::OutOfMemory) => Outcome::NoMemory,
                Err(DupError::Entry { .. }) => Outcome::Refused,
            },
            Call::Extend(_) => unreachable!("has a way of its own"),
        }
    }

    pub(super) fn take(&mut self, taking: Taking) -> Option<bool> {
        match taking {
            Taking::Erase(index) => drop(either!(self, tree => tree.erase(index).is_some())),
            Taking::Whole(range) => either!(self, tree => tree.remove_whole(range)),
            Taking::Prune(from) => either!(self, tree => drop(tree.prune(from))),
            Taking::PruneInPlace(from) => match self {
                Self::Alone(map) => drop(map.prune(from)),
                Self::Beside(tree) => drop(tree.prune_in_place(from)),
            },
            Taking::PruneCut(from) => return Some(either!(self, tree => tree.prune_cut(from).is_ok())),
            Taking::Refuse(range) => return Some(either!(self, tree => tree.remove_or(range, Shortage::Refuse).is_ok())),
            Taking::Retain(rest) => either!(self, tree => tree.retain(|_, entry| V::read(entry) % 3 != rest)),
            Taking::Drain(range) => self.map().drain(range).for_each(drop),
            Taking::Cursor(index, count) => match self {
                Self::Alone(map) => erase_by_cursor!(map, index, count),
                Self::Beside(tree) => erase_by_cursor!(&mut tree.lock(), index, count),
            },
            Taking::At(index) => {
                if let At::Occupied(there) = self.map().at(index) {
                    drop(there.remove());
                }
            }
            Taking::Clear => either!(self, tree => tree.clear()),
        }
        None
    }
}
