//! The shared face, plain and mixed with the exclusive one.

use super::exclusive::{
    alloc_range_alone, erase_alone, extend_alone, find_free_alone, prune_cut_alone, remove_sparing_alone, replace_alone,
};
use super::outcome::{allocated, copied, inserted, item, map_until, not_replaced, pair, pruned, removed, stored};
use super::{Face, Rest, Scan, session};
use crate::entry::{Flavour, Value};
use crate::map_op::MapOp;
use crate::model::{Bounds, Item, Model, Refusal, Span};
use crate::op::Op;
use crate::space::Side;
use core::fmt;
use core::ops::Bound;
use maple_tree::{Cyclic, Epoch, FindError, MapleTree, PruneForm, Pruned, RemoveError, Reserve, Shared, Shortage, Summary};

/// The shared face; with `MIXED`, every second step of a sequence writes through `get_mut`.
pub struct TreeFace<V: Value + Shared<R>, const MIXED: bool, R: Flavour = Epoch> {
    /// The tree itself.
    pub tree: MapleTree<V, R>,
    guards: Vec<R::Guard>,
    alone: bool,
}

impl<V: Value + Shared<R>, const MIXED: bool, R: Flavour> fmt::Debug for TreeFace<V, MIXED, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts()[0])
    }
}

impl<V: Value + Shared<R>, const MIXED: bool, R: Flavour> TreeFace<V, MIXED, R> {
    fn prune_checked(&self, from: u64, prune: impl FnOnce(&MapleTree<V, R>) -> Pruned) -> PruneForm {
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

impl<V: Value + Shared<R>, const MIXED: bool, R: Flavour> Face for TreeFace<V, MIXED, R> {
    type Entry = V;
    const EXCLUSIVE: bool = false;
    const GUARD: &'static str = R::GUARD;

    fn code() -> String {
        format!("MapleTree::<{}{}>::default()", V::TYPE, R::ARGUMENT)
    }

    fn new() -> Self {
        Self { tree: MapleTree::default(), guards: Vec::new(), alone: false }
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

    fn get_many<const N: usize>(&self, indices: [u64; N]) -> [Option<u64>; N] {
        let guard = self.tree.pin();
        self.tree.get_many(indices, &guard).map(|found| found.map(V::read))
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

    fn rest(&self, bounds: Bounds, calls: usize, turns: u64) -> Rest {
        let guard = self.tree.pin();
        Rest::of(self.tree.range(bounds, &guard).map(item::<V>), calls, turns)
    }

    fn rest_of_all(&self, calls: usize, turns: u64) -> Rest {
        let guard = self.tree.pin();
        Rest::of(self.tree.iter(&guard).map(item::<V>), calls, turns)
    }

    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refusal> {
        let entry = V::make(value);
        let done = match self.alone {
            true => self.tree.get_mut().store(range, entry),
            false => self.tree.store(range, entry),
        };
        stored(done, value)
    }

    fn extend(&mut self, new: &[(Bounds, u64)]) -> Result<(), Refusal> {
        extend_alone(self.tree.get_mut(), new)
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

    fn remove_sparing(&mut self, range: Bounds) -> Result<(), Refusal> {
        if self.alone {
            return remove_sparing_alone(self.tree.get_mut(), range);
        }
        let before = self.items();
        match self.tree.remove_or(range, Shortage::Refuse) {
            Err(RemoveError::WouldCut(cut)) => {
                assert!(cut.range.contains(&cut.at), "a cut is inside an entry: {cut:?}");
                assert_eq!(self.items(), before, "a refused removal changes nothing");
                removed(self.tree.remove(range))
            }
            done => removed(done),
        }
    }

    fn remove_whole(&mut self, range: Bounds) {
        match self.alone {
            true => self.tree.get_mut().remove_whole(range),
            false => self.tree.remove_whole(range),
        }
    }

    fn compact(&mut self) {
        let done = match self.alone {
            true => self.tree.get_mut().compact(),
            false => self.tree.compact(),
        };
        done.expect("memory for new nodes");
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

    fn prune_cut_allocating(&mut self, from: u64) {
        if self.alone {
            return prune_cut_alone(self.tree.get_mut(), from);
        }
        let pruned = self.tree.prune_cut_or(from, Shortage::Allocate);
        pruned.expect("memory for a cut");
    }

    fn find_free(&mut self, size: u64, within: Bounds, align: u64, side: Side) -> Result<u64, FindError> {
        match (self.alone, side) {
            (true, _) => find_free_alone(self.tree.get_mut(), size, within, align, side),
            (false, Side::Lowest) => self.tree.find_free(size, within, align),
            (false, Side::Highest) => self.tree.find_free_back(size, within, align),
        }
    }

    fn largest_gap(&mut self, within: Bounds) -> Option<Span> {
        let found = match self.alone {
            true => self.tree.get_mut().largest_gap(within),
            false => self.tree.largest_gap(within),
        };
        found.map(pair)
    }

    fn alloc_range(&mut self, size: u64, within: Bounds, align: u64, side: Side, value: u64) -> Result<u64, FindError> {
        let done = match (self.alone, side) {
            (true, _) => return alloc_range_alone(self.tree.get_mut(), size, within, align, side, value),
            (false, Side::Lowest) => self.tree.alloc_range(size, within, align, V::make(value)),
            (false, Side::Highest) => self.tree.alloc_range_rev(size, within, align, V::make(value)),
        };
        allocated(done, value)
    }

    fn alloc_cyclic(&mut self, within: Bounds, cyclic: &mut Cyclic, value: u64) -> Result<u64, FindError> {
        let done = match self.alone {
            true => self.tree.get_mut().alloc_cyclic(within, cyclic, V::make(value)),
            false => self.tree.alloc_cyclic(within, cyclic, V::make(value)),
        };
        allocated(done, value)
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

    fn map_op(&mut self, op: &MapOp, model: &mut Model) {
        if self.alone || !op.run_beside(&self.tree, model) {
            op.run(self.tree.get_mut(), model);
        }
    }

    fn session(&mut self, ops: &[Op], model: &mut Model) {
        match self.alone {
            true => ops.iter().for_each(|op| op.run(self, model)),
            false => session::run(&self.tree, ops, model),
        }
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
