//! One interface over both faces, in the terms of the [model](crate::model).

use crate::entry::Number;
use crate::model::{Bounds, Item, Refusal, Span};
use core::fmt;
use core::ops::{Bound, RangeInclusive};
use maple_tree::{
    DupError, EpochGuard, InsertError, InsertErrorKind, MapleTree, PruneForm, Pruned, RangeMap, RemoveError, ReplaceError,
    ReplaceErrorKind, Reserve, StoreError, StoreErrorKind, Summary,
};

/// What a scan hands to the one who looks.
pub type Scan<'a, T> = &'a mut dyn DoubleEndedIterator<Item = T>;

/// A range map of numbers, whichever face it has.
pub trait Face: Sized {
    /// What is stored.
    type Entry: Number;

    /// Rust code for a new one.
    fn code() -> String;

    /// Whether this is the exclusive face.
    const EXCLUSIVE: bool;

    /// An empty one.
    fn new() -> Self;

    /// Called before step `step` of a sequence.
    fn begin(&mut self, step: usize) {
        let _ = step;
    }

    /// How Rust code names the receiver of a writing call in step `step`.
    fn receiver(step: usize) -> &'static str {
        let _ = step;
        "tree"
    }

    /// The value at `index`.
    fn get(&self, index: u64) -> Option<u64>;
    /// The range or gap around `index`.
    fn get_range(&self, index: u64) -> (Span, Option<u64>);
    /// Whether a range covers `index`.
    fn contains(&self, index: u64) -> bool;
    /// The lowest range.
    fn first(&self) -> Option<Item>;
    /// The highest range.
    fn last(&self) -> Option<Item>;
    /// Whether there is no range.
    fn is_empty(&self) -> bool;

    /// Looks at `iter()`.
    fn scan_all<T>(&self, look: impl FnOnce(Scan<'_, Item>) -> T) -> T;
    /// Looks at `range(bounds)`.
    fn scan<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Item>) -> T) -> T;
    /// Looks at `gaps(bounds)`.
    fn scan_gaps<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Span>) -> T) -> T;
    /// Takes `taken` ranges off `range(bounds)`, clones it, and gives the rest of both.
    fn scan_twice(&self, bounds: Bounds, taken: usize) -> [Vec<Item>; 2];

    /// Overwrites.
    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refusal>;
    /// Stores where all is empty.
    fn insert(&mut self, range: Bounds, value: u64) -> Result<(), Refusal>;
    /// Replaces the value of the range that covers `index`.
    fn replace(&mut self, index: u64, value: u64) -> Result<Item, Refusal>;
    /// Takes out the range that covers `index`.
    fn erase(&mut self, index: u64) -> Option<Item>;
    /// Takes out the part inside.
    fn remove(&mut self, range: Bounds) -> Result<(), Refusal>;
    /// Takes out everything.
    fn clear(&mut self);
    /// Takes out every range that starts at or after `from`.
    fn prune(&mut self, from: u64);
    /// The same without building a path, where the face has the choice.
    fn prune_in_place(&mut self, from: u64);
    /// Takes out everything at or after `from`.
    fn prune_cut(&mut self, from: u64);

    /// A copy with the same face.
    fn dup(&self) -> Self;
    /// A copy through a closure that adds one to every value and fails after `good` entries:
    /// what the copy holds, and the range of the entry that failed.
    fn dup_with(&self, good: usize) -> (Vec<Item>, Option<Span>);
    /// To the other face and back.
    fn convert(self) -> Self;

    /// Stays inside a read section up to the next `synchronize`, where there is one.
    fn pin(&mut self);
    /// Ends the read section if there is one, and waits for a grace period, where there is one.
    fn synchronize(&mut self);
    /// Hands over what is retired, where there is something.
    fn hand_over(&mut self);

    /// The validator's figures.
    ///
    /// # Panics
    ///
    /// If the tree is not valid.
    fn validate(&self) -> Summary;
    /// The texts of `dump` and `dot`.
    fn texts(&self) -> [String; 2];

    /// Every range in order.
    fn items(&self) -> Vec<Item> {
        self.scan_all(|items| items.collect())
    }
    /// The ranges that overlap `bounds`.
    fn range(&self, bounds: Bounds) -> Vec<Item> {
        self.scan(bounds, |items| items.collect())
    }
    /// The gaps inside `bounds`.
    fn gaps(&self, bounds: Bounds) -> Vec<Span> {
        self.scan_gaps(bounds, |gaps| gaps.collect())
    }
}

/// The exclusive face.
pub struct ExclusiveFace<V: Number>(pub RangeMap<V>);

/// The shared face; with `MIXED`, every second step of a sequence writes through `get_mut`.
pub struct TreeFace<V: Number, const MIXED: bool> {
    /// The tree itself.
    pub tree: MapleTree<V>,
    guards: Vec<EpochGuard>,
    alone: bool,
}

/// The shared face.
pub type SharedFace<V> = TreeFace<V, false>;

/// The shared face, with every second step through the exclusive one.
pub type MixedFace<V> = TreeFace<V, true>;

impl<V: Number> fmt::Debug for ExclusiveFace<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts()[0])
    }
}

impl<V: Number, const MIXED: bool> fmt::Debug for TreeFace<V, MIXED> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts()[0])
    }
}

fn pair(range: RangeInclusive<u64>) -> Span {
    (*range.start(), *range.end())
}

fn item<V: Number>((range, entry): (RangeInclusive<u64>, V::Ref<'_>)) -> Item {
    (*range.start(), *range.end(), V::read(entry))
}

fn bad(range: maple_tree::BadRange) -> Refusal {
    Refusal::BadRange((range.start, range.end))
}

fn stored<V: Number>(done: Result<(), StoreError<V>>, value: u64) -> Result<(), Refusal> {
    done.map_err(|error| {
        assert_eq!(error.value.value(), value, "the error gives the value back");
        match error.kind {
            StoreErrorKind::OutOfMemory => Refusal::OutOfMemory,
            StoreErrorKind::BadRange(range) => bad(range),
        }
    })
}

fn inserted<V: Number>(done: Result<(), InsertError<V>>, value: u64) -> Result<(), Refusal> {
    done.map_err(|error| {
        assert_eq!(error.value.value(), value, "the error gives the value back");
        match error.kind {
            InsertErrorKind::OutOfMemory => Refusal::OutOfMemory,
            InsertErrorKind::BadRange(range) => bad(range),
            InsertErrorKind::Occupied(range) => Refusal::Occupied(pair(range)),
        }
    })
}

fn not_replaced<V: Number>(error: ReplaceError<V>, value: u64) -> Refusal {
    assert_eq!(error.value.value(), value, "the error gives the value back");
    match error.kind {
        ReplaceErrorKind::OutOfMemory => Refusal::OutOfMemory,
        ReplaceErrorKind::Vacant(gap) => Refusal::Vacant(pair(gap)),
    }
}

fn removed(done: Result<(), RemoveError>) -> Result<(), Refusal> {
    done.map_err(|error| match error {
        RemoveError::OutOfMemory => Refusal::OutOfMemory,
        RemoveError::BadRange(range) => bad(range),
        RemoveError::WouldCut(_) => Refusal::OutOfMemory,
    })
}

/// The entry of a failed duplication.
#[derive(Debug, PartialEq)]
struct Stop(u64);

/// A closure for `try_dup_with` that keeps a record of its calls.
fn map_until<V: Number>(
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
fn copied(
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

impl<V: Number> Face for ExclusiveFace<V> {
    type Entry = V;
    const EXCLUSIVE: bool = true;

    fn code() -> String {
        format!("RangeMap::<{}>::new()", V::TYPE)
    }

    fn new() -> Self {
        Self(RangeMap::new())
    }

    fn get(&self, index: u64) -> Option<u64> {
        self.0.get(index).map(V::read)
    }

    fn get_range(&self, index: u64) -> (Span, Option<u64>) {
        let (range, entry) = self.0.get_range(index);
        (pair(range), entry.map(V::read))
    }

    fn contains(&self, index: u64) -> bool {
        self.0.contains(index)
    }

    fn first(&self) -> Option<Item> {
        self.0.first().map(item::<V>)
    }

    fn last(&self) -> Option<Item> {
        self.0.last().map(item::<V>)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn scan_all<T>(&self, look: impl FnOnce(Scan<'_, Item>) -> T) -> T {
        look(&mut self.0.iter().map(item::<V>))
    }

    fn scan<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Item>) -> T) -> T {
        look(&mut self.0.range(bounds).map(item::<V>))
    }

    fn scan_gaps<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Span>) -> T) -> T {
        look(&mut self.0.gaps(bounds).map(pair))
    }

    fn scan_twice(&self, bounds: Bounds, taken: usize) -> [Vec<Item>; 2] {
        let mut scan = self.0.range(bounds);
        scan.by_ref().take(taken).for_each(drop);
        let clone = scan.clone();
        [scan, clone].map(|rest| rest.map(item::<V>).collect())
    }

    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        stored(self.0.store(range, V::make(value)), value)
    }

    fn insert(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        inserted(self.0.insert(range, V::make(value)), value)
    }

    fn replace(&mut self, index: u64, value: u64) -> Result<Item, Refusal> {
        replace_alone(&mut self.0, index, value)
    }

    fn erase(&mut self, index: u64) -> Option<Item> {
        erase_alone(&mut self.0, index)
    }

    fn remove(&mut self, range: Bounds) -> Result<(), Refusal> {
        removed(self.0.remove(range))
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn prune(&mut self, from: u64) {
        drop(self.0.prune(from));
    }

    fn prune_in_place(&mut self, from: u64) {
        drop(self.0.prune(from));
    }

    fn prune_cut(&mut self, from: u64) {
        prune_cut_alone(&mut self.0, from);
    }

    fn dup(&self) -> Self {
        Self(self.0.dup().expect("memory for a copy"))
    }

    fn dup_with(&self, good: usize) -> (Vec<Item>, Option<Span>) {
        let mut seen = Vec::new();
        let done = self.0.try_dup_with(map_until::<V>(good, &mut seen));
        copied(done, &seen, &self.items())
    }

    fn convert(self) -> Self {
        Self(MapleTree::<V>::from(self.0).into_inner())
    }

    fn pin(&mut self) {}

    fn synchronize(&mut self) {}

    fn hand_over(&mut self) {}

    fn validate(&self) -> Summary {
        match self.0.validate() {
            Ok(summary) => summary,
            Err(invalid) => panic!("{invalid:?}\n{}", self.0.dump()),
        }
    }

    fn texts(&self) -> [String; 2] {
        [self.0.dump().to_string(), self.0.dot().to_string()]
    }
}

fn replace_alone<V: Number>(map: &mut RangeMap<V>, index: u64, value: u64) -> Result<Item, Refusal> {
    match map.replace(index, V::make(value)) {
        Ok((range, old)) => Ok((*range.start(), *range.end(), old.value())),
        Err(error) => Err(not_replaced(error, value)),
    }
}

fn erase_alone<V: Number>(map: &mut RangeMap<V>, index: u64) -> Option<Item> {
    let (range, old) = map.erase(index)?;
    Some((*range.start(), *range.end(), old.value()))
}

fn prune_cut_alone<V: Number>(map: &mut RangeMap<V>, from: u64) {
    match map.prune_cut(from) {
        Ok(tail) => drop(tail),
        Err(error) => panic!("memory for a cut was there: {error:?}"),
    }
}

/// What may be said of any prune that cut nothing: `height` is from before.
fn pruned(pruned: Pruned, height: usize, had_tail: bool) {
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

impl<V: Number, const MIXED: bool> TreeFace<V, MIXED> {
    fn prune_checked(&self, from: u64, prune: impl FnOnce(&MapleTree<V>) -> Pruned) -> PruneForm {
        let had_tail = {
            let guard = self.tree.pin();
            self.tree.last(&guard).is_some_and(|(range, _)| *range.start() >= from)
        };
        let height = self.tree.figures().height;
        let outcome = prune(&self.tree);
        pruned(outcome, height, had_tail);
        outcome.form
    }
}

impl<V: Number, const MIXED: bool> Face for TreeFace<V, MIXED> {
    type Entry = V;
    const EXCLUSIVE: bool = false;

    fn code() -> String {
        format!("MapleTree::<{}>::new()", V::TYPE)
    }

    fn new() -> Self {
        Self { tree: MapleTree::new(), guards: Vec::new(), alone: false }
    }

    fn begin(&mut self, step: usize) {
        self.alone = MIXED && step % 2 == 1;
    }

    fn receiver(step: usize) -> &'static str {
        if MIXED && step % 2 == 1 { "tree.get_mut()" } else { "tree" }
    }

    fn get(&self, index: u64) -> Option<u64> {
        self.tree.get(index, &self.tree.pin()).map(V::read)
    }

    fn get_range(&self, index: u64) -> (Span, Option<u64>) {
        let guard = self.tree.pin();
        let (range, entry) = self.tree.get_range(index, &guard);
        (pair(range), entry.map(V::read))
    }

    fn contains(&self, index: u64) -> bool {
        self.tree.contains(index, &self.tree.pin())
    }

    fn first(&self) -> Option<Item> {
        self.tree.first(&self.tree.pin()).map(item::<V>)
    }

    fn last(&self) -> Option<Item> {
        self.tree.last(&self.tree.pin()).map(item::<V>)
    }

    fn is_empty(&self) -> bool {
        self.tree.is_empty(&self.tree.pin())
    }

    fn scan_all<T>(&self, look: impl FnOnce(Scan<'_, Item>) -> T) -> T {
        let guard = self.tree.pin();
        look(&mut self.tree.iter(&guard).map(item::<V>))
    }

    fn scan<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Item>) -> T) -> T {
        let guard = self.tree.pin();
        look(&mut self.tree.range(bounds, &guard).map(item::<V>))
    }

    fn scan_gaps<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Span>) -> T) -> T {
        let guard = self.tree.pin();
        look(&mut self.tree.gaps(bounds, &guard).map(pair))
    }

    fn scan_twice(&self, bounds: Bounds, taken: usize) -> [Vec<Item>; 2] {
        let guard = self.tree.pin();
        let mut scan = self.tree.range(bounds, &guard);
        scan.by_ref().take(taken).for_each(drop);
        let clone = scan.clone();
        [scan, clone].map(|rest| rest.map(item::<V>).collect())
    }

    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        let entry = V::make(value);
        let done = match self.alone {
            true => self.tree.get_mut().store(range, entry),
            false => self.tree.store(range, entry),
        };
        stored(done, value)
    }

    fn insert(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        let entry = V::make(value);
        let done = match self.alone {
            true => self.tree.get_mut().insert(range, entry),
            false => self.tree.insert(range, entry),
        };
        inserted(done, value)
    }

    fn replace(&mut self, index: u64, value: u64) -> Result<Item, Refusal> {
        if self.alone {
            return replace_alone(self.tree.get_mut(), index, value);
        }
        match self.tree.replace(index, V::make(value)) {
            Ok(old) => Ok(item::<V>((old.range(), old.get()))),
            Err(error) => Err(not_replaced(error, value)),
        }
    }

    fn erase(&mut self, index: u64) -> Option<Item> {
        if self.alone {
            return erase_alone(self.tree.get_mut(), index);
        }
        let old = self.tree.erase(index)?;
        Some(item::<V>((old.range(), old.get())))
    }

    fn remove(&mut self, range: Bounds) -> Result<(), Refusal> {
        removed(match self.alone {
            true => self.tree.get_mut().remove(range),
            false => self.tree.remove(range),
        })
    }

    fn clear(&mut self) {
        match self.alone {
            true => self.tree.get_mut().clear(),
            false => self.tree.clear(),
        }
    }

    fn prune(&mut self, from: u64) {
        if self.alone {
            drop(self.tree.get_mut().prune(from));
        } else {
            self.prune_checked(from, |tree| tree.prune(from));
        }
    }

    fn prune_in_place(&mut self, from: u64) {
        if self.alone {
            drop(self.tree.get_mut().prune(from));
        } else {
            let form = self.prune_checked(from, |tree| tree.prune_in_place(from));
            assert_ne!(form, PruneForm::PathCopy, "in place was asked for");
        }
    }

    fn prune_cut(&mut self, from: u64) {
        if self.alone {
            return prune_cut_alone(self.tree.get_mut(), from);
        }
        // Other tests of the process draw on the same reserve: a cut may have to wait for it.
        for _ in 0..100 {
            let before = self.items();
            let Err(refused) = self.tree.prune_cut(from) else {
                return;
            };
            let (first, last) = pair(refused.range);
            assert_eq!(refused.at, from, "where the cut would be");
            assert_eq!(self.range((Bound::Included(from), Bound::Included(from)))[0].0, first);
            assert!(first < from && from <= last, "only a range that covers {from} is cut");
            assert_eq!(self.items(), before, "a refused cut changes nothing");
            self.synchronize();
            Reserve::global().fill().expect("memory for the reserve");
        }
        panic!("no node for a cut, though all was given back");
    }

    fn dup(&self) -> Self {
        let copy = self.tree.dup().expect("memory for a copy");
        Self { tree: MapleTree::from(copy), guards: Vec::new(), alone: self.alone }
    }

    fn dup_with(&self, good: usize) -> (Vec<Item>, Option<Span>) {
        let mut seen = Vec::new();
        let done = self.tree.try_dup_with(map_until::<V>(good, &mut seen));
        copied(done, &seen, &self.items())
    }

    fn convert(self) -> Self {
        Self { tree: MapleTree::from(self.tree.into_inner()), guards: self.guards, alone: self.alone }
    }

    fn pin(&mut self) {
        self.guards.push(self.tree.pin());
    }

    fn synchronize(&mut self) {
        self.guards.clear();
        self.tree.synchronize().expect("not inside a read section");
    }

    fn hand_over(&mut self) {
        self.tree.hand_over();
    }

    fn validate(&self) -> Summary {
        match self.tree.validate() {
            Ok(summary) => summary,
            Err(invalid) => panic!("{invalid:?}\n{}", self.tree.dump()),
        }
    }

    fn texts(&self) -> [String; 2] {
        // One after the other: each holds the writer lock while it lives.
        let dump = self.tree.dump().to_string();
        [dump, self.tree.dot().to_string()]
    }
}

/// Runs each named function, generic over [`Face`], on every face and with every kind of entry.
/// With no name it is the number of faces.
#[macro_export]
macro_rules! on_every_face {
    () => {
        9
    };
    ($($name:ident),* $(,)?) => {
        $crate::on_every_face!(@ exclusive_u32, ExclusiveFace, u32, $($name),*);
        $crate::on_every_face!(@ exclusive_box, ExclusiveFace, Box<u64>, $($name),*);
        $crate::on_every_face!(@ exclusive_arc, ExclusiveFace, std::sync::Arc<u64>, $($name),*);
        $crate::on_every_face!(@ shared_u32, SharedFace, u32, $($name),*);
        $crate::on_every_face!(@ shared_box, SharedFace, Box<u64>, $($name),*);
        $crate::on_every_face!(@ shared_arc, SharedFace, std::sync::Arc<u64>, $($name),*);
        $crate::on_every_face!(@ shared_rcu_box, SharedFace, maple_tree::RcuBox<u64>, $($name),*);
        $crate::on_every_face!(@ shared_rcu_arc, SharedFace, maple_tree::RcuArc<u64>, $($name),*);
        $crate::on_every_face!(@ mixed_arc, MixedFace, std::sync::Arc<u64>, $($name),*);
    };
    (@ $module:ident, $face:ident, $entry:ty, $($name:ident),*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name::<$crate::face::$face<$entry>>();
            })*
        }
    };
}

/// Runs each named function, generic over [`Face`], once on each face, with plain numbers.
#[macro_export]
macro_rules! on_both_faces {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_face!(@ exclusive, ExclusiveFace, u32, $($name),*);
        $crate::on_every_face!(@ shared, SharedFace, u32, $($name),*);
    };
}
