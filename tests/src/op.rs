//! Operations that can be generated, run on a face beside the model, and printed as Rust code.

use crate::check::{self, ALL};
use crate::entry::Value;
use crate::face::Face;
use crate::map_op::MapOp;
use crate::model::{Bounds, Model, span};
use crate::space::{Side, agree_on_space};
use core::fmt::{self, Write};
use core::marker::PhantomData;
use core::ops::Bound;

/// One call that may change a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the arguments of the calls")]
pub enum Op {
    /// `store`
    Store { range: Bounds, value: u64 },
    /// `try_extend`, on the shared face through `get_mut`
    Extend { entries: Vec<(Bounds, u64)> },
    /// `insert`
    Insert { range: Bounds, value: u64 },
    /// `replace`
    Replace { index: u64, value: u64 },
    /// `erase`
    Erase { index: u64 },
    /// `remove`
    Remove { range: Bounds },
    /// `remove_or` with `Shortage::Refuse`, and if that is refused `remove`
    RemoveSparing { range: Bounds },
    /// `remove_whole`
    RemoveWhole { range: Bounds },
    /// `find_free` and `find_free_back`, also for the size of the largest gap and one more, and `largest_gap`
    Find { size: u64, within: Bounds, align: u64 },
    /// `alloc_range` or `alloc_range_rev`
    AllocRange { size: u64, within: Bounds, align: u64, side: Side, value: u64 },
    /// `compact`
    Compact,
    /// `clear`
    Clear,
    /// `prune`
    Prune { from: u64 },
    /// `prune_in_place`, where there is one
    PruneInPlace { from: u64 },
    /// `prune_cut`
    PruneCut { from: u64 },
    /// `prune_cut_or` with `Shortage::Allocate`, where there is one
    PruneCutAllocating { from: u64 },
    /// Go on with a `dup`.
    Dup,
    /// `try_dup_with` a closure that fails after `good` entries
    DupWith { good: usize },
    /// To the other face and back.
    Convert,
    /// Be inside a read section up to the next `Synchronize`, where there are any.
    Pin,
    /// `synchronize`, where there is one
    Synchronize,
    /// `hand_over`, where there is one
    HandOver,
    /// A call of the exclusive face; on the shared one its like, or through `get_mut`
    Map(MapOp),
    /// Calls under one lock, where there is one; each is one that [can be made](Op::fits_session) in a session
    Session { ops: Vec<Op> },
}

impl Op {
    /// Runs on both, and compares what comes back.
    pub fn run<F: Face>(&self, face: &mut F, model: &mut Model) {
        match *self {
            Self::Store { range, value } => {
                assert_eq!(face.store(range, value), model.store(range, value), "{self:?}");
            }
            Self::Extend { ref entries } => {
                assert_eq!(face.extend(entries), model.extend(entries), "{self:?}");
            }
            Self::Insert { range, value } => {
                assert_eq!(face.insert(range, value), model.insert(range, value), "{self:?}");
            }
            Self::Replace { index, value } => {
                assert_eq!(face.replace(index, value), model.replace(index, value), "{self:?}");
            }
            Self::Erase { index } => {
                assert_eq!(face.erase(index), model.erase(index), "{self:?}");
            }
            Self::Remove { range } => {
                assert_eq!(face.remove(range), model.remove(range), "{self:?}");
            }
            Self::RemoveSparing { range } => {
                assert_eq!(face.remove_sparing(range), model.remove(range), "{self:?}");
            }
            Self::RemoveWhole { range } => {
                face.remove_whole(range);
                model.remove_whole(range);
            }
            Self::Find { size, within, align } => agree_on_space(face, model, size, within, align),
            Self::AllocRange { size, within, align, side, value } => {
                let place = model.alloc_range(size, within, align, side, value);
                assert_eq!(face.alloc_range(size, within, align, side, value), place, "{self:?}");
            }
            Self::Compact => {
                let before = face.validate();
                face.compact();
                let after = face.validate();
                // Not always fewer than before: gaps that were slots of inner nodes are slots of leaves now.
                assert!(after.nodes <= check::nodes_when_full(model), "{after:?} after {before:?}");
                assert!(after.height <= before.height, "{after:?} after {before:?}");
            }
            Self::Clear => {
                face.clear();
                model.clear();
            }
            Self::Prune { from } => {
                face.prune(from);
                model.prune(from);
            }
            Self::PruneInPlace { from } => {
                face.prune_in_place(from);
                model.prune(from);
            }
            Self::PruneCut { from } => {
                face.prune_cut(from);
                model.prune_cut(from);
            }
            Self::PruneCutAllocating { from } => {
                face.prune_cut_allocating(from);
                model.prune_cut(from);
            }
            Self::Dup => *face = face.dup(),
            Self::DupWith { good } => {
                let copy = model.items().iter().take(good).map(|&(a, b, v)| (a, b, v + 1));
                let failed = model.items().get(good).map(|&(first, last, _)| (first, last));
                assert_eq!(face.dup_with(good), (copy.collect(), failed), "{self:?}");
            }
            Self::Convert => {
                let old = core::mem::replace(face, F::new());
                *face = old.convert();
            }
            Self::Pin => face.pin(),
            Self::Synchronize => face.synchronize(),
            Self::HandOver => face.hand_over(),
            Self::Map(ref op) => face.map_op(op, model),
            Self::Session { ref ops } => face.session(ops, model),
        }
    }

    /// Whether the writer's sessions have this call.
    pub fn fits_session(&self) -> bool {
        match self {
            Self::Map(op) => op.fits_session(),
            Self::Extend { .. } | Self::Dup | Self::DupWith { .. } | Self::Convert | Self::Session { .. } => false,
            Self::Pin | Self::Synchronize | Self::HandOver => false,
            _ => true,
        }
    }

    /// The indices where something may have changed.
    pub fn touched(&self) -> Option<(u64, u64)> {
        match *self {
            Self::Store { range, .. } | Self::Insert { range, .. } => span(range),
            Self::Extend { ref entries } => {
                let spans = || entries.iter().filter_map(|&(range, _)| span(range));
                spans().map(|(first, _)| first).min().zip(spans().map(|(_, last)| last).max())
            }
            Self::Remove { range } | Self::RemoveSparing { range } | Self::RemoveWhole { range } => span(range),
            Self::AllocRange { within, .. } => span(within),
            Self::Replace { index, .. } | Self::Erase { index } => Some((index, index)),
            Self::Prune { from } | Self::PruneInPlace { from } | Self::PruneCut { from } => Some((from, u64::MAX)),
            Self::PruneCutAllocating { from } => Some((from, u64::MAX)),
            Self::Clear | Self::Compact | Self::Dup | Self::Convert => Some((0, u64::MAX)),
            Self::DupWith { .. } | Self::Find { .. } | Self::Pin | Self::Synchronize | Self::HandOver => None,
            Self::Map(ref op) => op.touched(),
            Self::Session { ref ops } => ops.iter().filter_map(Self::touched).reduce(|(a, b), (c, d)| (a.min(c), b.max(d))),
        }
    }

    /// The call on `tree` as Rust code: that is `F`'s receiver, or a session.
    pub fn code<F: Face>(&self, tree: &str) -> String {
        let beside = !F::EXCLUSIVE && tree != "tree.get_mut()";
        let entry = F::Entry::code;
        match *self {
            Self::Store { range, value } => {
                format!("let _ = {tree}.store({}, {});", code(range), entry(value))
            }
            Self::Extend { ref entries } => {
                let tree = if F::EXCLUSIVE { "tree" } else { "tree.get_mut()" };
                // Bounds, because the ranges of one call have one type.
                let entries = entries
                    .iter()
                    .map(|&((start, end), value)| format!("((Bound::{start:?}, Bound::{end:?}), {})", entry(value)));
                let (entries, kind) = (entries.collect::<Vec<_>>().join(", "), F::Entry::TYPE);
                format!("let _ = {tree}.try_extend([{entries}] as [((Bound<u64>, Bound<u64>), {kind}); _]);")
            }
            Self::Insert { range, value } => {
                format!("let _ = {tree}.insert({}, {});", code(range), entry(value))
            }
            Self::Replace { index, value } => {
                format!("let _ = {tree}.replace({}, {});", number(index), entry(value))
            }
            Self::Erase { index } => format!("drop({tree}.erase({}));", number(index)),
            Self::Remove { range } => format!("let _ = {tree}.remove({});", code(range)),
            Self::RemoveSparing { range } => {
                let range = code(range);
                format!(
                    "if let Err(RemoveError::WouldCut(_)) = {tree}.remove_or({range}, Shortage::Refuse) {{\n        \
                         let _ = {tree}.remove({range});\n    \
                     }}"
                )
            }
            Self::RemoveWhole { range } => format!("{tree}.remove_whole({});", code(range)),
            Self::Find { size, within, align } => {
                let asked = format!("{size}, {}, {align}", code(within));
                format!(
                    "let _ = ({tree}.find_free({asked}), {tree}.find_free_back({asked}), {tree}.largest_gap({}));\n    \
                     {tree}.validate().unwrap();",
                    code(within)
                )
            }
            Self::AllocRange { size, within, align, side, value } => {
                let call = if side == Side::Lowest { "alloc_range" } else { "alloc_range_rev" };
                format!("let _ = {tree}.{call}({size}, {}, {align}, {});", code(within), entry(value))
            }
            Self::Compact => format!("{tree}.compact().unwrap();"),
            Self::Clear => format!("{tree}.clear();"),
            Self::PruneInPlace { from } if beside => {
                format!("let _ = {tree}.prune_in_place({});", number(from))
            }
            Self::Prune { from } | Self::PruneInPlace { from } => {
                format!("let _ = {tree}.prune({});", number(from))
            }
            Self::PruneCutAllocating { from } if beside => {
                format!("let _ = {tree}.prune_cut_or({}, Shortage::Allocate);", number(from))
            }
            Self::PruneCut { from } | Self::PruneCutAllocating { from } => format!("let _ = {tree}.prune_cut({});", number(from)),
            Self::Dup if F::EXCLUSIVE => "tree = tree.dup().unwrap();".into(),
            Self::Dup => "tree = MapleTree::from(tree.dup().unwrap());".into(),
            Self::DupWith { good } => format!(
                "let mut left = {good};\n    \
                 drop(tree.try_dup_with::<u32, ()>(|_, _| {{\n        \
                     left = usize::checked_sub(left, 1).ok_or(())?;\n        \
                     Ok(0)\n    \
                 }}));"
            ),
            Self::Convert if F::EXCLUSIVE => {
                format!("tree = MapleTree::<{}>::from(tree).into_inner();", F::Entry::TYPE)
            }
            Self::Convert => "tree = MapleTree::from(tree.into_inner());".into(),
            Self::Pin | Self::Synchronize | Self::HandOver if F::EXCLUSIVE => String::new(),
            Self::Pin => "pins.push(tree.pin());".into(),
            Self::Synchronize => "pins.clear();\n    tree.synchronize().unwrap();".into(),
            Self::HandOver => "tree.hand_over();".into(),
            Self::Map(ref op) if F::EXCLUSIVE => op.code::<F::Entry>("(&mut tree)", false),
            Self::Map(ref op) if beside && op.is_of_both_faces() => op.code::<F::Entry>(tree, true),
            Self::Map(ref op) => op.code::<F::Entry>("tree.get_mut()", false),
            Self::Session { ref ops } => {
                let name = if beside { "writer" } else { tree };
                let calls: Vec<String> = ops.iter().map(|op| op.code::<F>(name)).collect();
                match beside {
                    true => format!("let mut writer = tree.lock();\n    {}\n    drop(writer);", calls.join("\n    ")),
                    false => calls.join("\n    "),
                }
            }
        }
    }
}

/// An index as Rust code.
pub fn number(index: u64) -> String {
    match u64::MAX - index {
        0 => "u64::MAX".into(),
        below @ ..1_000_000 => format!("u64::MAX - {below}"),
        _ => index.to_string(),
    }
}

/// A range as Rust code.
pub fn code((start, end): Bounds) -> String {
    match (start, end) {
        (Bound::Included(start), Bound::Included(end)) => {
            format!("{}..={}", number(start), number(end))
        }
        (Bound::Included(start), Bound::Excluded(end)) => {
            format!("{}..{}", number(start), number(end))
        }
        (Bound::Included(start), Bound::Unbounded) => format!("{}..", number(start)),
        (Bound::Unbounded, Bound::Included(end)) => format!("..={}", number(end)),
        (Bound::Unbounded, Bound::Excluded(end)) => format!("..{}", number(end)),
        (Bound::Unbounded, Bound::Unbounded) => "..".into(),
        (start @ Bound::Excluded(_), end) => format!("(Bound::{start:?}, Bound::{end:?})"),
    }
}

/// Ranges that are there before a sequence starts: `count` of them, `stride` apart, `length`
/// indices long, from `from` on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preload {
    /// How many ranges.
    pub count: u64,
    /// The first index of the first range.
    pub from: u64,
    /// From one first index to the next.
    pub stride: u64,
    /// How many indices each range has.
    pub length: u64,
}

impl Preload {
    /// Stores the ranges: in order, or from the last to the first.
    pub fn run<F: Face>(&self, face: &mut F, model: &mut Model) {
        for n in 0..self.count {
            let first = self.from + n * self.stride;
            let range = (Bound::Included(first), Bound::Included(first + (self.length - 1)));
            assert_eq!(face.insert(range, n), Ok(()), "preload {range:?}");
            assert_eq!(model.insert(range, n), Ok(()), "preload {range:?}");
        }
    }
}

/// A sequence for face `F`: its `Debug` form is a test to paste.
pub struct Sequence<F> {
    /// What is there before.
    pub preload: Preload,
    /// What is done.
    pub ops: Vec<Op>,
    /// Whole comparisons after every so many steps (and at the end); the others are partial.
    pub whole: usize,
    /// Bounds to look through and how to take the two ends, one pair for each step in turn.
    pub looks: Vec<(Bounds, u64)>,
    /// The face it is for.
    pub face: PhantomData<fn() -> F>,
}

impl<F: Face> Sequence<F> {
    /// Runs the sequence and compares after each step.
    pub fn run(&self) {
        let (mut face, mut model) = (F::new(), Model::new());
        self.preload.run(&mut face, &mut model);
        for (step, op) in self.ops.iter().enumerate() {
            face.begin(step);
            op.run(&mut face, &mut model);
            check::agree_in_short(&face, &model);
            if let Some((first, last)) = op.touched() {
                check::agree_at(&face, &model, first);
                check::agree_at(&face, &model, last);
            }
            if (step + 1) % self.whole == 0 {
                check::agree(&face, &model);
            }
            let (bounds, turns) = self.looks[step % self.looks.len()];
            check::agree_within(&face, &model, bounds, turns);
            check::agree_on_rest(&face, &model, bounds, (turns % 23) as usize, turns);
        }
        check::agree(&face, &model);
        face.synchronize();
        check::agree(&face, &model);
        face.clear();
        assert_eq!(face.gaps(ALL), [(0, u64::MAX)], "one gap when all is cleared");
    }
}

impl<F: Face> fmt::Debug for Sequence<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "#[test]\nfn replay() {{")?;
        writeln!(f, "    #[allow(unused_imports)]")?;
        writeln!(f, "    use {{maple_tests::entry::Value, maple_tree::*, std::ops::Bound, std::sync::Arc}};")?;
        writeln!(f, "    let mut tree = {};", F::code())?;
        writeln!(f, "    let mut pins = Vec::<{}>::new();", F::GUARD)?;
        let Preload { count, from, stride, length } = self.preload;
        if count > 0 {
            writeln!(f, "    for n in 0..{count} {{")?;
            writeln!(f, "        let first = {} + n * {stride};", number(from))?;
            let entry = F::Entry::code(u64::from(u32::MAX));
            let entry = entry.replace(&u32::MAX.to_string(), "n as _");
            writeln!(f, "        tree.insert(first..=first + {}, {entry}).unwrap();", length - 1)?;
            writeln!(f, "    }}")?;
        }
        for (step, op) in self.ops.iter().enumerate() {
            let line = op.code::<F>(F::receiver(step));
            if !line.is_empty() {
                writeln!(f, "    {line}")?;
            }
        }
        writeln!(f, "    tree.validate().unwrap();")?;
        f.write_char('}')
    }
}

/// How many times as many cases to run as a table says: `MAPLE_CASES`, or 1.
///
/// # Panics
///
/// If `MAPLE_CASES` is not a number.
pub fn times() -> u32 {
    match std::env::var("MAPLE_CASES") {
        Ok(times) => times.parse().expect("MAPLE_CASES is a number"),
        Err(_) => 1,
    }
}
