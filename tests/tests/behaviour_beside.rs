//! Random changes beside living iterators, references and removed entries, in one thread, so that
//! every run can be repeated. What an iterator gives must have been there at some instant of its
//! life, and what was there all the time must come exactly once.
//!
//! A failing case prints the call of `replay` to paste. `MAPLE_CASES=n` runs n times as many.

use core::ops::Bound::{self, Included};
use maple_tests::check::drain;
use maple_tests::entry::Number;
use maple_tests::op::{Op, times};
use maple_tests::pair::closed;
use maple_tests::{Bounds, Item, Model};
use maple_tree::{EpochGuard, Gaps, Iter, MapleTree, RcuArc, RcuBox, Removed};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::test_runner::{Config, TestError, TestRunner};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Indices that the ranges lie in, but for what they are preloaded with.
const SIZE: u64 = 400;

/// One step of a sequence; numbers that choose something are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    /// Changes the tree. What `Erase` and `Replace` take out is kept.
    Change(Op),
    /// A new iterator over ranges, and one over gaps.
    Open(Bounds),
    /// Takes `count` from an end of an open iterator.
    Advance { which: usize, back: bool, count: usize },
    /// Takes the rest of an open iterator.
    Finish { which: usize },
    /// Takes a reference to an entry.
    Hold { index: u64 },
    /// Drops something that was taken out, or waits for it where that can be.
    Release { which: usize },
    /// Ends the read section and with it what lives in it; begins another.
    NewSection { wait: bool },
}

/// What was free, index by index, below `SIZE`.
fn free(model: &Model) -> Vec<bool> {
    let mut free = vec![true; SIZE as usize];
    for (first, last, _) in model.range(..SIZE) {
        for index in first..=last.min(SIZE - 1) {
            free[index as usize] = false;
        }
    }
    free
}

/// An iterator over ranges with its history.
struct Ranges<'g, V: Number> {
    iter: Iter<'g, V>,
    front: Vec<Item>,
    back: Vec<Item>,
    ever: BTreeSet<Item>,
    always: BTreeSet<Item>,
}

impl<'g, V: Number> Ranges<'g, V> {
    fn new(iter: Iter<'g, V>, bounds: Bounds, model: &Model) -> Self {
        let all = model.range(bounds).into_iter().collect::<BTreeSet<_>>();
        Self { iter, front: Vec::new(), back: Vec::new(), ever: all.clone(), always: all }
    }

    fn changed(&mut self, model: &Model) {
        let now = model.items().iter().copied().collect::<BTreeSet<_>>();
        self.always.retain(|item| now.contains(item));
        self.ever.extend(now);
    }

    fn advance(&mut self, back: bool, count: usize) {
        for _ in 0..count {
            let next = if back { self.iter.next_back() } else { self.iter.next() };
            let Some((range, entry)) = next else {
                return;
            };
            let seen = if back { &mut self.back } else { &mut self.front };
            seen.push((*range.start(), *range.end(), V::read(entry)));
        }
    }

    fn finish(mut self) {
        self.advance(self.front.len() % 2 == 1, usize::MAX);
        let seen = self.front.iter().chain(self.back.iter().rev()).collect::<Vec<_>>();
        assert!(seen.is_sorted_by(|a, b| a.1 < b.0), "in order and without overlap: {seen:?}");
        for item in &seen {
            assert!(self.ever.contains(item), "{item:?} was never there: {seen:?}");
        }
        for item in &self.always {
            assert!(seen.contains(&item), "{item:?} was always there: {seen:?}");
        }
    }
}

/// An iterator over gaps with its history.
struct Free<'g, V: Number> {
    gaps: Gaps<'g, V>,
    front: Vec<(u64, u64)>,
    back: Vec<(u64, u64)>,
    bounds: (u64, u64),
    ever: Vec<bool>,
    always: Vec<bool>,
}

impl<'g, V: Number> Free<'g, V> {
    fn new(gaps: Gaps<'g, V>, bounds: (u64, u64), model: &Model) -> Self {
        let now = free(model);
        Self { gaps, front: Vec::new(), back: Vec::new(), bounds, ever: now.clone(), always: now }
    }

    fn changed(&mut self, model: &Model) {
        for (index, now) in free(model).into_iter().enumerate() {
            self.ever[index] |= now;
            self.always[index] &= now;
        }
    }

    fn advance(&mut self, back: bool, count: usize) {
        for _ in 0..count {
            let next = if back { self.gaps.next_back() } else { self.gaps.next() };
            let Some(gap) = next else {
                return;
            };
            let seen = if back { &mut self.back } else { &mut self.front };
            seen.push((*gap.start(), *gap.end()));
        }
    }

    fn finish(mut self) {
        self.advance(self.front.len() % 2 == 1, usize::MAX);
        let seen = self.front.iter().chain(self.back.iter().rev()).copied().collect::<Vec<_>>();
        assert!(seen.iter().all(|gap| gap.0 <= gap.1), "no gap is empty: {seen:?}");
        assert!(seen.is_sorted_by(|a, b| a.1 < b.0), "in order and without overlap: {seen:?}");
        for index in self.bounds.0..=self.bounds.1.min(SIZE - 1) {
            let given = seen.iter().any(|gap| gap.0 <= index && index <= gap.1);
            let (ever, always) = (self.ever[index as usize], self.always[index as usize]);
            assert!(ever || !given, "{index} was never free: {seen:?}");
            assert!(given || !always, "{index} was always free: {seen:?}");
        }
        for gap in seen {
            assert!(gap.0 >= self.bounds.0 && gap.1 <= self.bounds.1, "{gap:?} is out of bounds");
        }
    }
}

/// What was taken out, with what it was.
type Taken<'t, V> = Vec<(Removed<'t, V, maple_tree::Epoch>, Item)>;

fn intact<V: Number>(taken: &Removed<'_, V, maple_tree::Epoch>, item: Item) {
    let range = taken.range();
    assert_eq!((*range.start(), *range.end(), V::read(taken.get())), item, "what was taken out");
}

/// Runs a change on a tree and on the model.
fn change<'t, V: Number>(tree: &'t MapleTree<V>, model: &mut Model, op: &Op, taken: &mut Taken<'t, V>) {
    match *op {
        Op::Store { range, value } => {
            let done = tree.store(range, V::make(value)).is_ok();
            assert_eq!(done, model.store(range, value).is_ok(), "{op:?}");
        }
        Op::Insert { range, value } => {
            let done = tree.insert(range, V::make(value)).is_ok();
            assert_eq!(done, model.insert(range, value).is_ok(), "{op:?}");
        }
        Op::Replace { index, value } => {
            let (done, old) = (tree.replace(index, V::make(value)).ok(), model.replace(index, value).ok());
            assert_eq!(done.is_some(), old.is_some(), "{op:?}");
            taken.extend(done.zip(old));
        }
        Op::Erase { index } => {
            let (done, old) = (tree.erase(index), model.erase(index));
            assert_eq!(done.is_some(), old.is_some(), "{op:?}");
            taken.extend(done.zip(old));
        }
        Op::Remove { range } => {
            let done = tree.remove(range).is_ok();
            assert_eq!(done, model.remove(range).is_ok(), "{op:?}");
        }
        Op::Clear => {
            tree.clear();
            model.clear();
        }
        Op::Prune { from } => {
            tree.prune(from);
            model.prune(from);
        }
        Op::PruneInPlace { from } => {
            tree.prune_in_place(from);
            model.prune(from);
        }
        Op::PruneCut { from } => {
            // Without a grace period the reserve may have run dry.
            if tree.prune_cut(from).is_ok() {
                model.prune_cut(from);
            }
        }
        Op::HandOver => tree.hand_over(),
        ref op => panic!("not beside readers: {op:?}"),
    }
    let summary = tree.validate().unwrap_or_else(|invalid| panic!("{op:?}: {invalid}"));
    assert_eq!(summary.entries, model.len(), "{op:?}");
    if let Some((item, of)) = taken.last() {
        intact(item, *of);
    }
}

/// The tree as a fresh walk sees it.
fn fresh<V: Number>(tree: &MapleTree<V>, guard: &EpochGuard, model: &Model) {
    let mut scan = tree.iter(guard).map(|(range, entry)| (*range.start(), *range.end(), V::read(entry)));
    drain(&mut scan, model.items(), 0);
    let mut gaps = tree.gaps(.., guard).map(|gap| (*gap.start(), *gap.end()));
    drain(&mut gaps, &model.gaps(..), !0);
}

/// Runs one read section; gives the steps after it.
fn section<'t, 's, V: Number>(
    tree: &'t MapleTree<V>,
    model: &mut Model,
    taken: &mut Taken<'t, V>,
    steps: &'s [Step],
) -> &'s [Step] {
    let guard = tree.pin();
    let (mut ranges, mut gaps, mut held) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = steps.iter();
    for step in rest.by_ref() {
        match step {
            Step::Change(op) => {
                change(tree, model, op, taken);
                ranges.iter_mut().for_each(|open: &mut Ranges<'_, V>| open.changed(model));
                gaps.iter_mut().for_each(|open: &mut Free<'_, V>| open.changed(model));
                fresh(tree, &guard, model);
            }
            Step::Open(bounds) => {
                ranges.push(Ranges::new(tree.range(*bounds, &guard), *bounds, model));
                if let Some(span) = maple_tests::span(*bounds) {
                    gaps.push(Free::new(tree.gaps(*bounds, &guard), span, model));
                }
            }
            Step::Advance { which, back, count } => {
                if let Some(which) = which.checked_rem(ranges.len()) {
                    ranges[which].advance(*back, *count);
                }
                if let Some(which) = which.checked_rem(gaps.len()) {
                    gaps[which].advance(*back, *count);
                }
            }
            Step::Finish { which } => {
                if let Some(which) = which.checked_rem(ranges.len()) {
                    ranges.swap_remove(which).finish();
                }
                if let Some(which) = which.checked_rem(gaps.len()) {
                    gaps.swap_remove(which).finish();
                }
            }
            Step::Hold { index } => {
                let entry = tree.get(*index, &guard);
                assert_eq!(entry.map(V::read), model.get(*index), "get({index})");
                held.extend(entry.map(|entry| (entry, model.get(*index))));
            }
            Step::Release { which } => {
                if let Some(which) = which.checked_rem(taken.len()) {
                    let (gone, item) = taken.swap_remove(which);
                    intact(&gone, item);
                    if which % 2 == 1 {
                        let gone = gone.wait().err().expect("inside a read section");
                        intact(&gone, item);
                    }
                }
            }
            Step::NewSection { .. } => break,
        }
    }
    ranges.into_iter().for_each(Ranges::finish);
    gaps.into_iter().for_each(Free::finish);
    for (entry, value) in held {
        assert_eq!(Some(V::read(entry)), value, "a reference holds to the end of the read section");
    }
    rest.as_slice()
}

fn replay<V: Number>(preload: u64, steps: &[Step]) {
    let tree = MapleTree::<V>::new();
    let (mut model, mut taken) = (Model::new(), Vec::new());
    for n in 0..preload {
        change(&tree, &mut model, &Op::Insert { range: closed(n * 3, n * 3 + 1), value: n }, &mut taken);
    }
    let mut rest = steps;
    while !rest.is_empty() {
        let left = rest.len();
        rest = section(&tree, &mut model, &mut taken, rest);
        if let Some(Step::NewSection { wait: true }) = steps.get(steps.len() - rest.len() - 1) {
            tree.synchronize().expect("not inside a read section");
            if left % 2 == 0
                && let Some((gone, item)) = taken.pop()
            {
                assert_eq!(gone.wait().expect("not inside a read section").value(), item.2);
            }
        }
        for (gone, item) in &taken {
            intact(gone, *item);
        }
    }
    drop(taken);
    tree.synchronize().expect("not inside a read section");
    let summary = tree.validate().unwrap_or_else(|invalid| panic!("{invalid}"));
    assert_eq!((summary.entries, summary.dead), (model.len(), 0), "after a grace period");
    fresh(&tree, &tree.pin(), &model);
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let closed = |longest| (0..SIZE, 0..longest).prop_map(|(first, long)| closed(first, first + long));
    let open = (0..SIZE).prop_map(|first| (Included(first), Bound::Unbounded));
    prop_oneof![30 => closed(4), 20 => closed(40), 5 => closed(SIZE), 1 => open]
}

fn op() -> impl Strategy<Value = Op> {
    let value = any::<u32>().prop_map(u64::from);
    prop_oneof![
        20 => (bounds(), value.clone()).prop_map(|(range, value)| Op::Store { range, value }),
        20 => (bounds(), value.clone()).prop_map(|(range, value)| Op::Insert { range, value }),
        12 => bounds().prop_map(|range| Op::Remove { range }),
        14 => (0..SIZE).prop_map(|index| Op::Erase { index }),
        10 => (0..SIZE, value).prop_map(|(index, value)| Op::Replace { index, value }),
        2 => (0..SIZE).prop_map(|from| Op::Prune { from }),
        2 => (0..SIZE).prop_map(|from| Op::PruneInPlace { from }),
        2 => (0..SIZE).prop_map(|from| Op::PruneCut { from }),
        1 => Just(Op::Clear),
        2 => Just(Op::HandOver),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let which = || any::<u16>().prop_map(usize::from);
    prop_oneof![
        50 => op().prop_map(Step::Change),
        8 => bounds().prop_map(Step::Open),
        6 => Just(Step::Open((Bound::Unbounded, Bound::Unbounded))),
        30 => (which(), any::<bool>(), 1..9_usize)
            .prop_map(|(which, back, count)| Step::Advance { which, back, count }),
        6 => which().prop_map(|which| Step::Finish { which }),
        5 => (0..SIZE).prop_map(|index| Step::Hold { index }),
        7 => which().prop_map(|which| Step::Release { which }),
        2 => any::<bool>().prop_map(|wait| Step::NewSection { wait }),
    ]
}

fn run<V: Number>(cases: u32, preload: u64, steps: core::ops::RangeInclusive<usize>) {
    let config = Config {
        cases: cases * times(),
        failure_persistence: None,
        max_shrink_iters: 4_096,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let done = TestRunner::new(config).run(&vec(step(), steps), |steps| {
        replay::<V>(preload, &steps);
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => {
            let steps = steps.iter().map(|step| format!("        {step:?},\n")).collect::<String>();
            let call = format!("replay::<{}>({preload}, &[\n{steps}    ]);", V::TYPE);
            panic!("{reason}\n\n{{\n    use {{Bound::*, Op::*, Step::*}};\n    {call}\n}}\n");
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn in_a_small_tree<V: Number>() {
    run::<V>(300, 0, 1..=60);
}

fn in_a_tree_of_many_leaves<V: Number>() {
    run::<V>(150, SIZE / 3, 1..=60);
}

fn in_a_tree_of_three_levels<V: Number>() {
    run::<V>(40, 400, 1..=100);
}

macro_rules! with_every_entry {
    ($($module:ident: $entry:ty),* $(,)?) => {$(
        mod $module {
            use super::*;

            #[test]
            fn changes_beside_iterators_in_a_small_tree() {
                in_a_small_tree::<$entry>();
            }

            #[test]
            fn changes_beside_iterators_in_a_tree_of_many_leaves() {
                in_a_tree_of_many_leaves::<$entry>();
            }

            #[test]
            fn changes_beside_iterators_in_a_tree_of_three_levels() {
                in_a_tree_of_three_levels::<$entry>();
            }
        }
    )*};
}

with_every_entry! {
    of_u32: u32,
    of_box: Box<u64>,
    of_arc: Arc<u64>,
    of_rcu_box: RcuBox<u64>,
    of_rcu_arc: RcuArc<u64>,
}
