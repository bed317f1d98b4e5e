//! Copies, copies that are refused or panic at any entry, what is recovered of them, copies of copies, and prunes of all forms, on both
//! faces, with values that are booked and nodes that are counted.

use crate::case::{Case, Rest};
use crate::place::{Before, Place, Window};
use crate::text;
use allocator_api2::alloc::Global;
use arbitrary::Arbitrary;
use core::fmt;
use core::ops::RangeInclusive;
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, Ledger, RcuArcs, RcuBoxes};
use maple_tests::entry::Number;
use maple_tests::fixture::{self, Form};
use maple_tests::op::{Preload, number};
use maple_tests::shapes::settle;
use maple_tests::{Bounds, Item, Model};
use maple_tree::{DupError, MapleTree, Pool, PruneForm, Pruned, RangeMap, RcuArc, RcuBox, Reserve, Shortage};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Calls in one case at most.
const MOST_CALLS: usize = 64;
/// Trees at a time at most.
const MOST_TREES: usize = 5;

/// Nodes of this target's own, so that they can be counted.
static POOL: Pool = Pool::new(&Global);
static RICH: Reserve = Reserve::with_pool(64, &POOL);
/// For trees that have only what is their own.
static POOR: Reserve = Reserve::with_pool(0, &POOL);

#[derive(Arbitrary, Clone, Copy)]
enum Entries {
    Number,
    Box,
    Arc,
    RcuBox,
    RcuArc,
}

#[derive(Arbitrary, Clone, Copy)]
enum Step {
    Store(Window, u16),
    /// Many small ones from there on.
    Build(Place, u8),
    Remove(Window),
    Erase(Place, bool),
    Prune(Place),
    PruneInPlace(Place),
    PruneCut(Place),
    /// Where one entry after another begins, from the last one down.
    PruneMany(u8, bool),
    /// A prune while a reader is so far.
    PruneBeside(Place, u16, bool),
    Dup,
    /// Refused at this entry; goes on with what there is if wanted.
    Refuse(u16, bool),
    Panic(u16),
    /// A copy is shared, its entries are replaced one by one up to this one, and it is pruned there.
    Recover(u16, bool),
    /// Shares it, or makes it exclusive.
    Turn,
    Drop,
    Settle,
}

/// A call with all arguments settled, on a tree. A tree that comes of it is the last one then.
#[derive(Clone, Copy, Debug)]
enum Call {
    Store(Bounds, u64),
    Remove(Bounds),
    Erase(u64, bool),
    Prune(Form, u64),
    PruneBeside(Form, u64, usize),
    Dup,
    Refuse(usize, bool),
    Panic(usize),
    Recover(usize, Form),
    Turn,
    Drop,
    Settle,
}

/// One case.
///
/// Its `Debug` form is a test to paste.
#[derive(Arbitrary)]
pub struct PruneDup {
    entries: Entries,
    before: Before,
    poor: bool,
    steps: Rest<(u8, Step)>,
}

/// What an entry of a copy stands for.
fn other(value: u64) -> u64 {
    (value + 1) % (1 << 32)
}

enum Tree<K: Kind> {
    Alone(RangeMap<K::V>),
    Beside(MapleTree<K::V>),
}

fn row<K: Kind>((range, entry): (RangeInclusive<u64>, <K::V as maple_tree::Entry>::Ref<'_>)) -> Item {
    (*range.start(), *range.end(), K::id(entry))
}

/// The same call on either face.
macro_rules! either {
    ($tree:expr, $name:ident => $call:expr) => {
        match $tree {
            Tree::Alone($name) => $call,
            Tree::Beside($name) => $call,
        }
    };
}

impl<K: Kind> Tree<K> {
    fn items(&self) -> Vec<Item> {
        match self {
            Self::Alone(map) => map.iter().map(row::<K>).collect(),
            Self::Beside(tree) => tree.iter(&tree.pin()).map(row::<K>).collect(),
        }
    }

    #[track_caller]
    fn agree(&self, model: &Model) {
        let summary = either!(self, tree => tree.validate().unwrap_or_else(|invalid| panic!("{invalid:?}\n{}", tree.dump())));
        assert_eq!(summary.entries, model.len(), "entries that the validator counts");
        assert_eq!(self.items(), model.items());
    }

    fn dup(&self) -> RangeMap<K::V> {
        either!(self, tree => tree.dup()).expect("memory for a copy")
    }
}

/// What a prune leaves.
fn prune_model(model: &mut Model, form: Form, from: u64) {
    match form {
        Form::Cut => model.prune_cut(from),
        Form::Prune | Form::InPlace => drop(model.prune(from)),
    }
}

/// Prunes a shared tree; a cut without nodes changes nothing, and is then made with memory.
fn prune_beside<K: Kind>(tree: &MapleTree<K::V>, form: Form, from: u64) -> Pruned {
    let height = tree.figures().height;
    let pruned = match form {
        Form::Prune => tree.prune(from),
        Form::InPlace => tree.prune_in_place(from),
        Form::Cut => {
            let cut = tree.prune_cut(from).or_else(|refused| {
                let guard = tree.pin();
                let (range, entry) = tree.get_range(from, &guard);
                assert!(entry.is_some() && range == refused.range && refused.at == from, "{refused:?}");
                tree.prune_cut_or(from, Shortage::Allocate)
            });
            cut.expect("memory for a cut")
        }
    };
    fixture::bounds(pruned, height, form);
    pruned
}

/// The trees of a case, each with its model.
struct Trees<K: Kind> {
    ledger: Arc<Ledger>,
    trees: Vec<(Tree<K>, Model)>,
}

impl<K: Kind> Trees<K> {
    fn add(&mut self, map: RangeMap<K::V>, model: Model) {
        let tree = Tree::Alone(map);
        tree.agree(&model);
        if self.trees.len() == MOST_TREES {
            self.trees.remove(0);
        }
        self.trees.push((tree, model));
    }

    fn run(&mut self, at: usize, call: Call) {
        let live = self.ledger.live();
        let ledger = &self.ledger;
        let (tree, model) = &mut self.trees[at];
        match call {
            Call::Store(range, value) => {
                let entry = K::make(ledger, value);
                let done = either!(tree, tree => tree.store(range, entry).map_err(|error| K::id_of(&error.value)));
                assert_eq!(done.is_ok(), model.store(range, value).is_ok(), "{call:?}");
                assert!(done.is_ok() || done == Err(value), "the value comes back");
            }
            Call::Remove(range) => {
                let done = either!(tree, tree => tree.remove(range));
                assert_eq!(done.is_ok(), model.remove(range).is_ok(), "{call:?}: {done:?}");
            }
            Call::Erase(index, wait) => {
                let old = match tree {
                    Tree::Alone(map) => map.erase(index).map(|(range, old)| (*range.start(), *range.end(), K::id_of(&old))),
                    Tree::Beside(tree) => tree.erase(index).map(|removed| {
                        let item = row::<K>((removed.range(), removed.get()));
                        if wait {
                            assert_eq!(removed.wait().map(|old| K::id_of(&old)).ok(), Some(item.2));
                        }
                        item
                    }),
                };
                assert_eq!(old, model.erase(index), "{call:?}");
            }
            Call::Prune(form, from) => {
                match (&mut *tree, form) {
                    (Tree::Alone(map), Form::Cut) => match map.prune_cut(from) {
                        Ok(tail) => drop(tail),
                        Err(refused) => {
                            assert_eq!((refused.at, *refused.range.end()), (from, u64::MAX), "{refused:?}");
                            assert_eq!(
                                map.iter().map(row::<K>).collect::<Vec<_>>(),
                                model.items(),
                                "a refused cut changes nothing"
                            );
                            map.remove(from..).expect("memory for a cut");
                        }
                    },
                    (Tree::Alone(map), _) => drop(map.prune(from)),
                    (Tree::Beside(tree), _) => drop(prune_beside::<K>(tree, form, from).form),
                }
                prune_model(model, form, from);
            }
            Call::PruneBeside(form, from, taken) => {
                let Tree::Beside(tree) = &*tree else { unreachable!("of a shared tree") };
                let guard = tree.pin();
                let mut scan = tree.iter(&guard);
                let mut seen: Vec<Item> = scan.by_ref().take(taken).map(row::<K>).collect();
                assert_eq!(seen, model.items()[..seen.len()], "before the prune");
                prune_beside::<K>(tree, form, from);
                seen.extend(scan.map(row::<K>));
                let before = core::mem::take(model);
                *model = before.clone();
                prune_model(model, form, from);
                // What stays is seen once, what goes is seen or is not.
                assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].0), "{seen:?}");
                let kept = seen.iter().filter(|item| item.0 < from).copied().collect::<Vec<_>>();
                assert_eq!(kept, model.items(), "what stays comes once");
                assert!(seen.iter().all(|item| before.items().contains(item)), "{seen:?} of {before:?}");
            }
            Call::Dup => {
                let (copy, model) = (tree.dup(), model.clone());
                self.add(copy, model);
            }
            Call::Refuse(good, keep) => {
                let mut seen = Vec::new();
                let refuse = |range: RangeInclusive<u64>, id: u64| {
                    if seen.len() == good {
                        return Err(id);
                    }
                    seen.push((*range.start(), *range.end(), id));
                    Ok(K::make(ledger, other(id)))
                };
                let mut refuse = refuse;
                let copied = either!(tree, tree => tree.try_dup_with(|range, entry| refuse(range, K::id(entry))));
                assert_eq!(seen, model.items()[..good.min(model.len())], "each is asked for once, in order");
                let copy = match (copied, model.items().get(good)) {
                    (Ok(copy), None) => copy,
                    (Err(DupError::Entry { range, error, partial }), Some(&(first, last, id))) => {
                        assert_eq!((range, error), (first..=last, id), "what was refused");
                        partial
                    }
                    (copied, refused) => panic!("{} where {refused:?} is refused", copied.is_ok()),
                };
                let mut copied = Model::new();
                for (first, last, id) in seen {
                    assert!(copied.store(maple_tests::pair::closed(first, last), other(id)).is_ok());
                }
                if keep {
                    self.add(copy, copied);
                } else {
                    Tree::<K>::Alone(copy).agree(&copied);
                }
            }
            Call::Panic(good) => {
                let mut asked = 0;
                let mut make = |id: u64| {
                    if asked == good {
                        // Without the hook, which libFuzzer takes for a crash.
                        resume_unwind(Box::new(()));
                    }
                    asked += 1;
                    Ok::<_, ()>(K::make(ledger, other(id)))
                };
                let copied = catch_unwind(AssertUnwindSafe(|| match &*tree {
                    Tree::Alone(map) => drop(map.try_dup_with(|_, entry| make(K::id(entry)))),
                    Tree::Beside(tree) => drop(tree.try_dup_with(|_, entry| make(K::id(entry)))),
                }));
                assert_eq!(copied.is_err(), good < model.len(), "a panic comes through");
                settle();
                assert!(self.ledger.live() <= live, "what was made before the panic is dropped");
            }
            Call::Recover(good, form) => {
                let copy = MapleTree::from(tree.dup());
                let mut model = model.clone();
                let originals = model.items()[..good].to_vec();
                for (first, last, id) in originals {
                    let old = copy.replace(first + (last - first) / 2, K::make(ledger, other(id)));
                    let old = old.unwrap_or_else(|error| panic!("{:?}", error.kind));
                    assert_eq!(row::<K>((old.range(), old.get())), (first, last, id));
                    assert!(model.replace(first, other(id)).is_ok());
                }
                if let Some(&(first, ..)) = model.items().get(good) {
                    let pruned = prune_beside::<K>(&copy, form, first);
                    // A copy has the nodes for it.
                    assert_eq!(pruned.form, if form == Form::Prune { PruneForm::PathCopy } else { PruneForm::InPlace });
                    prune_model(&mut model, form, first);
                }
                assert_eq!(copy.iter(&copy.pin()).map(row::<K>).collect::<Vec<_>>(), model.items(), "what was recovered");
                self.add(copy.into_inner(), model);
            }
            Call::Turn => {
                let (tree, model) = self.trees.remove(at);
                let tree = match tree {
                    Tree::Alone(map) => Tree::Beside(MapleTree::from(map)),
                    Tree::Beside(tree) => Tree::Alone(tree.into_inner()),
                };
                self.trees.insert(at, (tree, model));
            }
            Call::Drop => drop(self.trees.remove(at)),
            Call::Settle => {
                for (tree, _) in &self.trees {
                    if let Tree::Beside(tree) = tree {
                        tree.synchronize().expect("outside");
                    }
                }
                self.settled(self.trees.iter().map(|(_, model)| model.len()).sum());
            }
        }
        if let Some((tree, model)) = self.trees.get(at) {
            tree.agree(model);
        }
    }

    /// As many values are alive as there are entries, unless entries share theirs.
    fn settled(&self, entries: usize) {
        let entries = i64::try_from(entries).expect("few");
        let balanced = |live: i64| !K::COUNTED || live == entries || !K::CLONES && (1..=entries).contains(&live);
        settle();
        let live = self.ledger.live();
        assert!(balanced(live), "{live} values alive, and {entries} entries");
    }
}

impl PruneDup {
    fn reserve(&self) -> &'static Reserve {
        if self.poor { &POOR } else { &RICH }
    }

    /// The calls, by the models: the number of a tree, and what is done with it.
    fn calls(&self, preload: Preload) -> Vec<(usize, Call)> {
        // Model, and whether it is shared.
        let mut trees = vec![(Before::model(preload), false)];
        let mut calls = Vec::new();
        for &(which, step) in &self.steps.0 {
            if calls.len() > MOST_CALLS {
                break;
            }
            let at = usize::from(which) % trees.len();
            let mut push = |call: Call, trees: &mut Vec<(Model, bool)>| {
                calls.push((at, call));
                let (model, shared) = &mut trees[at];
                let mut new = None;
                match call {
                    Call::Store(range, value) => drop(model.store(range, value).is_ok()),
                    Call::Remove(range) => drop(model.remove(range).is_ok()),
                    Call::Erase(index, _) => drop(model.erase(index).is_some()),
                    Call::Prune(form, from) | Call::PruneBeside(form, from, _) => prune_model(model, form, from),
                    Call::Dup => new = Some(model.clone()),
                    Call::Refuse(good, true) | Call::Recover(good, _) => {
                        let mut copy = model.clone();
                        if let Some(&(first, ..)) = model.items().get(good) {
                            copy.prune(first);
                        }
                        new = Some(copy);
                    }
                    Call::Turn => *shared = !*shared,
                    Call::Drop => drop(trees.remove(at)),
                    Call::Refuse(_, false) | Call::Panic(_) | Call::Settle => {}
                }
                if let Some(copy) = new {
                    if trees.len() == MOST_TREES {
                        trees.remove(0);
                    }
                    trees.push((copy, false));
                }
            };
            let (model, shared) = &trees[at];
            let nth = |n: u16| usize::from(n) % (model.len() + 1);
            let call = match step {
                Step::Store(window, value) => Call::Store(window.bounds(model), value.into()),
                Step::Build(place, count) => {
                    let from = place.index(model).min(u64::MAX - 1_000);
                    for n in 0..u64::from(count % 40) {
                        push(Call::Store(maple_tests::pair::closed(from + 3 * n, from + 3 * n + 1), n), &mut trees);
                    }
                    continue;
                }
                Step::Remove(window) => Call::Remove(window.bounds(model)),
                Step::Erase(place, wait) => Call::Erase(place.index(model), wait),
                Step::Prune(place) => Call::Prune(Form::Prune, place.index(model)),
                Step::PruneInPlace(place) => Call::Prune(Form::InPlace, place.index(model)),
                Step::PruneCut(place) => Call::Prune(Form::Cut, place.index(model)),
                Step::PruneMany(count, in_place) => {
                    let form = if in_place { Form::InPlace } else { Form::Prune };
                    let from: Vec<u64> = model.items().iter().rev().take(usize::from(count % 16)).map(|item| item.0).collect();
                    from.into_iter().for_each(|from| push(Call::Prune(form, from), &mut trees));
                    continue;
                }
                Step::PruneBeside(place, taken, in_place) => {
                    let (from, taken) = (place.index(model), nth(taken));
                    let form = if in_place { Form::InPlace } else { Form::Prune };
                    if !shared {
                        push(Call::Turn, &mut trees);
                    }
                    push(Call::PruneBeside(form, from, taken), &mut trees);
                    continue;
                }
                Step::Dup => Call::Dup,
                Step::Refuse(good, keep) => Call::Refuse(nth(good), keep),
                Step::Panic(good) => Call::Panic(nth(good)),
                Step::Recover(good, in_place) => Call::Recover(nth(good), if in_place { Form::InPlace } else { Form::Prune }),
                Step::Turn => Call::Turn,
                // The last one stays.
                Step::Drop if trees.len() == 1 => Call::Dup,
                Step::Drop => Call::Drop,
                Step::Settle => Call::Settle,
            };
            push(call, &mut trees);
        }
        calls
    }

    fn run_with<K: Kind>(&self) {
        let preload = self.before.preload();
        let start = Before::model(preload);
        let mut trees = Trees::<K> { ledger: Ledger::new(64), trees: Vec::new() };
        let mut map = RangeMap::with_reserve(self.reserve());
        for &(first, last, id) in start.items() {
            map.store(first..=last, K::make(&trees.ledger, id)).unwrap_or_else(|error| panic!("{:?}", error.kind));
        }
        trees.add(map, start);
        for (at, call) in self.calls(preload) {
            trees.run(at, call);
        }
        for (tree, model) in &trees.trees {
            tree.agree(model);
        }
        trees.trees.clear();
        trees.settled(0);
        trees.ledger.assert_all_dropped();
        // What prunes borrowed is back, and no node is missing.
        let kept = || RICH.figures().free + POOR.figures().free;
        settle();
        assert_eq!(POOL.figures().nodes_in_use, kept(), "nodes in use, and in the reserve");
    }

    fn print<V: Number>(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preload = self.before.preload();
        let (kind, nodes) = (V::TYPE, if self.poor { 0 } else { 64 });
        let mut lines = vec![
            format!("static RESERVE: Reserve = Reserve::new({nodes});"),
            format!("let mut tree = RangeMap::<{kind}>::with_reserve(&RESERVE);"),
        ];
        lines.extend(text::preload::<V>(preload));
        lines.push("let mut t0 = tree;".into());
        // The names of the trees, and whether they are shared.
        let (mut names, mut next) = (vec![(0, false)], 1);
        for (at, call) in self.calls(preload) {
            let (name, shared) = names[at];
            let tree = format!("t{name}");
            let made = |good: usize, refuse: &str| {
                format!(
                    "let mut left = {good}_usize;\nlet made = |entry| {{\n    {refuse};\n    left -= 1;\n    \
                     Ok::<_, ()>(<{kind} as Value>::make((entry + 1) % (1 << 32)))\n}};\nlet mut made = made;\n"
                )
            };
            let copied = format!("{tree}.try_dup_with(|_, entry| made(<{kind} as Value>::read(entry)))");
            let mut new = None;
            lines.push(match call {
                Call::Store(range, value) => format!("let _ = {tree}.store({}, {});", text::range(range), V::code(value)),
                Call::Remove(range) => format!("let _ = {tree}.remove({});", text::range(range)),
                Call::Erase(index, wait) if wait && shared => {
                    format!("let _ = {tree}.erase({}).map(|removed| removed.wait().is_ok());", number(index))
                }
                Call::Erase(index, _) => format!("drop({tree}.erase({}));", number(index)),
                Call::Prune(Form::Cut, from) if shared => {
                    format!("{tree}.prune_cut_or({}, Shortage::Allocate).unwrap();", number(from))
                }
                Call::Prune(Form::Cut, from) => format!("let _ = {tree}.prune_cut({0}).map(drop).or_else(|_| {tree}.remove({0}..).map(drop));", number(from)),
                Call::Prune(Form::InPlace, from) if shared => format!("let _ = {tree}.prune_in_place({});", number(from)),
                Call::Prune(_, from) => format!("let _ = {tree}.prune({});", number(from)),
                Call::PruneBeside(form, from, taken) => {
                    let prune = if form == Form::InPlace { "prune_in_place" } else { "prune" };
                    format!(
                        "let guard = {tree}.pin();\nlet mut scan = {tree}.iter(&guard);\nscan.by_ref().take({taken}).for_each(drop);\n\
                         {tree}.{prune}({});\nprintln!(\"{{:?}}\", scan.map(|(range, _)| range).collect::<Vec<_>>());\ndrop(guard);",
                        number(from)
                    )
                }
                Call::Dup => {
                    new = Some(());
                    format!("let mut t{next} = {tree}.dup().unwrap();")
                }
                Call::Refuse(good, keep) => {
                    new = keep.then_some(());
                    let end = if keep { format!("let mut t{next} = copy;") } else { "drop(copy);".into() };
                    format!(
                        "{}let copy = match {copied} {{\n    Ok(copy) | Err(DupError::Entry {{ partial: copy, .. }}) => copy,\n    \
                         Err(DupError::OutOfMemory) => panic!(),\n}};\n{end}",
                        made(good, "if left == 0 { return Err(()) }")
                    )
                }
                Call::Panic(good) => format!(
                    "{}let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop({copied})));",
                    made(good, "if left == 0 { std::panic::resume_unwind(Box::new(())) }")
                ),
                Call::Recover(good, form) => {
                    new = Some(());
                    let prune = if form == Form::InPlace { "prune_in_place" } else { "prune" };
                    format!(
                        "let copy = MapleTree::<{kind}>::from({tree}.dup().unwrap());\n\
                         let ranges: Vec<_> = copy.iter(&copy.pin()).map(|(range, entry)| (range, <{kind} as Value>::read(entry))).collect();\n\
                         for (range, value) in ranges.iter().take({good}) {{\n    \
                         drop(copy.replace(*range.start(), <{kind} as Value>::make((value + 1) % (1 << 32))));\n}}\n\
                         if let Some((range, _)) = ranges.get({good}) {{\n    copy.{prune}(*range.start());\n}}\nlet mut t{next} = copy.into_inner();"
                    )
                }
                Call::Turn if shared => format!("let mut {tree} = {tree}.into_inner();"),
                Call::Turn => format!("let {tree} = MapleTree::<{kind}>::from({tree});"),
                Call::Drop => format!("drop({tree});"),
                Call::Settle => names.iter().filter(|name| name.1).map(|name| format!("t{}.synchronize().unwrap();", name.0)).collect(),
            });
            match call {
                Call::Turn => names[at].1 = !shared,
                Call::Drop => drop(names.remove(at)),
                _ => lines.push(format!("{tree}.validate().unwrap();")),
            }
            if new.is_some() {
                lines.push(format!("t{next}.validate().unwrap();"));
                if names.len() == MOST_TREES {
                    lines.push(format!("drop(t{});", names.remove(0).0));
                }
                names.push((next, false));
                next += 1;
            }
        }
        text::test(f, lines.into_iter().filter(|line| !line.is_empty()))
    }
}

impl Case for PruneDup {
    fn run(&self) {
        match self.entries {
            Entries::Number => self.run_with::<Ints>(),
            Entries::Box => self.run_with::<Boxes>(),
            Entries::Arc => self.run_with::<Arcs>(),
            Entries::RcuBox => self.run_with::<RcuBoxes>(),
            Entries::RcuArc => self.run_with::<RcuArcs>(),
        }
    }
}

impl fmt::Debug for PruneDup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entries {
            Entries::Number => self.print::<u32>(f),
            Entries::Box => self.print::<Box<u64>>(f),
            Entries::Arc => self.print::<Arc<u64>>(f),
            Entries::RcuBox => self.print::<RcuBox<u64>>(f),
            Entries::RcuArc => self.print::<RcuArc<u64>>(f),
        }
    }
}
