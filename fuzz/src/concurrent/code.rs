//! The cases as Rust code.

use super::{Change, Concurrent, Errand, Look, errands};
use crate::text;
use core::fmt;
use maple_tests::entry::Number;

impl Concurrent {
    pub(super) fn print<V: Number>(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![format!("let tree = &MapleTree::<{}>::new();", V::TYPE)];
        for ((first, last), value) in self.start.spans().zip(0..) {
            lines.push(format!("tree.insert({first}..={last}, {}).unwrap();", V::code(value)));
        }
        match self.one_at_a_time {
            true => {
                lines.push(format!("// One step of one thread after the other: {:?}, and then round and round.", self.schedule))
            }
            false => lines.push("// All at once: maybe it takes many times.".into()),
        }
        lines.push("std::thread::scope(|scope| {".into());
        let mut value = 1_000;
        for steps in &self.writers {
            let mut body = Vec::new();
            for errand in errands(&steps.0) {
                match errand {
                    Errand::Session(changes) => {
                        body.push("let mut writer = tree.lock();".into());
                        for change in changes {
                            value += 1;
                            body.push(change.code::<V>("writer", value));
                        }
                        body.push("drop(writer);".into());
                    }
                    Errand::Synchronize if !self.one_at_a_time => body.push("tree.synchronize().unwrap();".into()),
                    Errand::HandOver | Errand::Synchronize => body.push("tree.hand_over();".into()),
                }
            }
            lines.push(thread(&body));
        }
        for looks in &self.readers {
            let body: Vec<String> = looks.0.iter().map(|look| look.code()).collect();
            lines.push(thread(&["let mut guard = tree.pin();".into(), body.join("\n"), "drop(guard);".into()]));
        }
        lines.push("});\ntree.validate().unwrap();".into());
        text::test(f, lines.into_iter().filter(|line| !line.is_empty()))
    }
}

impl Change {
    fn code<V: Number>(self, tree: &str, value: u64) -> String {
        let (value, at) = (V::code(value), |at: u16| at % 2_048);
        match self {
            Self::Store(part) => format!("let _ = {tree}.store({part:?}, {value});"),
            Self::Insert(part) => format!("let _ = {tree}.insert({part:?}, {value});"),
            Self::Replace(index) => format!("drop({tree}.replace({}, {value}).is_ok());", at(index)),
            Self::Erase(index) => format!("drop({tree}.erase({}));", at(index)),
            Self::Remove(part) => format!("let _ = {tree}.remove({part:?});"),
            Self::RemoveWhole(part) => format!("{tree}.remove_whole({part:?});"),
            Self::Prune(from) => format!("{tree}.prune({});", at(from)),
            Self::PruneInPlace(from) => format!("{tree}.prune_in_place({});", at(from)),
            Self::PruneCut(from) => format!("let _ = {tree}.prune_cut_or({}, Shortage::Allocate);", at(from)),
            Self::Retain(n) => format!("{tree}.retain(|range, _| range.start() % {} != 0);", 2 + n % 4),
            Self::Compact => format!("{tree}.compact().unwrap();"),
            Self::Clear => format!("{tree}.clear();"),
        }
    }
}

fn thread(body: &[String]) -> String {
    let body: Vec<&String> = body.iter().filter(|line| !line.is_empty()).collect();
    if body.is_empty() {
        return String::new();
    }
    let lines = body.iter().map(|line| line.replace('\n', "\n        ")).collect::<Vec<_>>();
    format!("    scope.spawn(move || {{\n        {}\n    }});", lines.join("\n        "))
}

impl Look {
    fn code(self) -> String {
        let index = |at: u16| at % 2_304;
        let back = |back: bool| if back { ".rev()" } else { "" };
        match self {
            Self::Get(at) => format!("let _ = tree.get({}, &guard);", index(at)),
            Self::GetRange(at) => format!("let _ = tree.get_range({}, &guard);", index(at)),
            Self::GetMany(at) => format!("let _ = tree.get_many({:?}, &guard);", at.map(index)),
            Self::First => "let _ = tree.first(&guard);".into(),
            Self::Last => "let _ = tree.last(&guard);".into(),
            Self::IsEmpty => "let _ = tree.is_empty(&guard);".into(),
            Self::Scan(part, reverse, _) => format!("tree.range({part:?}, &guard){}.for_each(drop);", back(reverse)),
            Self::ScanAll(reverse, _) => format!("tree.iter(&guard){}.for_each(drop);", back(reverse)),
            Self::ScanBoth(part, turns) => format!(
                "let (mut scan, mut turn) = (tree.range({part:?}, &guard), 0);\n\
                 while (if {turns}_u16 >> (turn % 16) & 1 == 0 {{ scan.next() }} else {{ scan.next_back() }}).is_some() {{\n    \
                 turn += 1;\n}}"
            ),
            Self::Gaps(part, reverse) => format!("tree.gaps({part:?}, &guard){}.for_each(drop);", back(reverse)),
            Self::Cursor(at, count, reverse) => {
                let step = if reverse { "prev" } else { "next" };
                format!(
                    "let mut cursor = tree.cursor(&guard);\nlet _ = cursor.seek({});\n(0..={}).for_each(|_| drop(cursor.{step}().is_some()));",
                    index(at),
                    count % 32,
                )
            }
            Self::Pin(_) => "drop(guard);\nguard = tree.pin();".into(),
        }
    }
}
