//! The cases as Rust code.

use super::{Call, Oom, Run, Settled, Taking};
use crate::text;
use core::fmt;
use maple_tests::Bounds;
use maple_tests::entry::Value;
use maple_tests::op::number;
use maple_tests::space::Side;
use maple_tree::{Grace, Shared};

impl Call {
    pub(super) fn code<V: Value>(&self, tree: &str) -> String {
        let range = |range: &Bounds| text::range(*range);
        let map = if tree == "beside" { "tree.get_mut()" } else { "tree" };
        let lock = if tree == "beside" { "tree.lock()" } else { "tree" };
        let equal = format!("|a, b| <{0} as Value>::read(a) == <{0} as Value>::read(b)", V::TYPE);
        match self {
            Self::Store(at) => format!("tree.store({}, entry).is_ok()", range(at)),
            Self::Insert(at) => format!("tree.insert({}, entry).is_ok()", range(at)),
            Self::Replace(index) => format!("tree.replace({}, entry).is_ok()", number(*index)),
            Self::Remove(at) => format!("tree.remove({}).is_ok()", range(at)),
            Self::RemoveWith(at) => format!("{map}.remove_with({}, Shortage::Allocate, |piece| drop(piece)).is_ok()", range(at)),
            Self::StoreWith(at) if tree == "beside" => format!("tree.store_with({}, entry, |_, _| ()).is_ok()", range(at)),
            Self::StoreWith(at) => format!("tree.store_with({}, entry, |piece| drop(piece)).is_ok()", range(at)),
            Self::StoreCoalescing(at) => format!("tree.store_coalescing_by({}, entry, {equal}).is_ok()", range(at)),
            Self::Reserved(at) => format!("{lock}.reserve_for({}).map(|token| token.store(entry)).is_ok()", range(at)),
            Self::CursorStore(at) => format!("{lock}.cursor_mut().store({}, entry).is_ok()", range(at)),
            Self::Alloc(size, at, align, side) => {
                let name = if *side == Side::Lowest { "alloc_range" } else { "alloc_range_rev" };
                format!("tree.{name}({size}, {}, {align}, entry).is_ok()", range(at))
            }
            Self::Cyclic(at) => format!("tree.alloc_cyclic({}, &mut cyclic, entry).is_ok()", range(at)),
            Self::Fill(index) => {
                format!(
                    "match {map}.at({}) {{ At::Vacant(gap) => gap.fill(entry).is_ok(), At::Occupied(_) => true }}",
                    number(*index)
                )
            }
            Self::Split(at) => format!("{map}.split({}).is_ok()", number(*at)),
            Self::SplitOff(at) => {
                format!(
                    "{map}.split_off({}).is_ok_and(|mut tail| {map}.append(&mut tail).is_ok() || {map}.append(&mut tail).is_ok())",
                    number(*at)
                )
            }
            Self::Extend(_) => format!("{map}.try_extend(entry).is_ok()"),
            Self::Compact => "tree.compact().is_ok()".into(),
            Self::Dup => "tree.dup().is_ok()".into(),
            Self::DupWith => "tree.try_dup_with(|_, _| Ok::<u32, ()>(0)).is_ok()".into(),
        }
    }

    /// What it is given, made before memory is refused.
    pub(super) fn entry<V: Value>(&self, value: u64) -> String {
        let made = match self {
            Self::Extend(Run { from, count, stride, long }) => {
                let (first, more) = (format!("{} + n * {stride}", number(*from)), u64::from(*long));
                format!("(0..{count}).map(|n| ({first}..={first} + n % 2 * {more}, {})).collect::<Vec<_>>()", V::code(value))
            }
            call if call.takes_value() => V::code(value),
            _ => return String::new(),
        };
        format!("let entry = {made};\n    ")
    }
}

impl Taking {
    pub(super) fn code<V: Value>(self, beside: bool) -> String {
        let map = if beside { "tree.get_mut()" } else { "tree" };
        match self {
            Self::Erase(index) => format!("drop(tree.erase({}))", number(index)),
            Self::Whole(range) => format!("tree.remove_whole({})", text::range(range)),
            Self::PruneInPlace(from) if beside => format!("drop(tree.prune_in_place({}).form)", number(from)),
            Self::Prune(from) | Self::PruneInPlace(from) => format!("{{ let _ = tree.prune({}); }}", number(from)),
            Self::PruneCut(from) => format!("drop(tree.prune_cut({}).is_ok())", number(from)),
            Self::Refuse(range) => format!("drop(tree.remove_or({}, Shortage::Refuse).is_ok())", text::range(range)),
            Self::Retain(rest) => format!("tree.retain(|_, entry| <{} as Value>::read(entry) % 3 != {rest})", V::TYPE),
            Self::Drain(range) => format!("{map}.drain({}).for_each(drop)", text::range(range)),
            Self::Cursor(index, count) => {
                let lock =
                    if beside { "let mut writer = tree.lock();\n    let mut cursor = writer" } else { "let mut cursor = tree" };
                format!(
                    "{{\n    {lock}.cursor_mut();\n    let _ = cursor.seek({});\n    for _ in 0..{count} {{\n        drop(cursor.erase());\n        \
                     let _ = cursor.next();\n    }}\n}}",
                    number(index)
                )
            }
            Self::At(index) => format!("if let At::Occupied(there) = {map}.at({}) {{ drop(there.remove()) }}", number(index)),
            Self::Clear => "tree.clear()".into(),
        }
    }
}

impl Oom {
    pub(super) fn print<V: Value + Shared<Grace>>(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preload = self.before.preload();
        let (kind, capacity) = (V::TYPE, self.reserve % 65);
        let mut lines = vec![
            "use maple_tests::alloc::{Plan, quiet, under};".into(),
            "static POOL: Pool = Pool::new(&allocator_api2::alloc::Global);".into(),
            format!("static RESERVE: Reserve = Reserve::with_pool({capacity}, &POOL);"),
            format!("let mut tree = RangeMap::<{kind}>::with_reserve(&RESERVE);"),
        ];
        lines.extend(text::preload::<V>(preload));
        lines.push(match self.shared {
            true => format!("let mut tree = MapleTree::<{kind}, Grace>::from_map(tree);\ndrop(tree.pin());"),
            false => String::new(),
        });
        lines.push("let mut cyclic = Cyclic::new();\nlet mut ballast = Vec::<Reserve>::with_capacity(1_000);".into());
        for call in self.calls(preload) {
            lines.push(match call {
                Settled::Grow(call, value, refusals) => {
                    let plans = (0..=u64::from(refusals.again % 4)).map(|n| format!("Plan::{:?}", refusals.plan(n)));
                    let code = call.code::<V>(if self.shared { "beside" } else { "tree" });
                    format!(
                        "for plan in [{}, Plan::Off] {{\n    while POOL.figures().nodes_free > {left} {{\n        \
                         let reserve = Reserve::with_pool((POOL.figures().nodes_free - {left}).min(100), &POOL);\n        \
                         reserve.fill().unwrap();\n        ballast.push(reserve);\n    }}\n    \
                         {entry}let (done, _, _) = under(plan, || {code});\n    tree.validate().unwrap();\n    if done {{\n        break;\n    }}\n}}",
                        plans.collect::<Vec<_>>().join(", "),
                        entry = call.entry::<V>(value),
                        left = refusals.left % 8
                    )
                }
                Settled::Remove(taking @ Taking::Refuse(_)) => {
                    format!("under(Plan::From(1), || {});\ntree.validate().unwrap();", taking.code::<V>(self.shared))
                }
                Settled::Remove(taking) => format!("quiet(|| {});\ntree.validate().unwrap();", taking.code::<V>(self.shared)),
                Settled::Synchronize if self.shared => "tree.synchronize().unwrap();".into(),
                Settled::Synchronize => String::new(),
            });
        }
        lines.push("let _ = (cyclic, ballast);\nquiet(|| drop(tree));".into());
        text::test(f, lines.into_iter().filter(|line| !line.is_empty()))
    }
}
