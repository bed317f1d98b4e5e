//! The structure of a tree as text and as a Graphviz graph.

use crate::lock::{Gate, Held};
use crate::node::{NodeRef, Root};
use crate::path::Frame;
use crate::walk::for_each_node;
use core::fmt;

/// The nodes of a tree as indented text, by its `Display`; made by `dump`.
///
/// Of a [`MapleTree`](crate::MapleTree) it is formatted under the writer lock.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// println!("{}", map.dump());
/// assert!(map.dump().to_string().contains("10..=19 entry"));
/// ```
pub struct Dump<'a> {
    pub(crate) root: &'a Root,
    pub(crate) lock: Option<&'a dyn Gate>,
}

/// The nodes of a tree as a graph in the DOT language of Graphviz, by its `Display`; made by `dot`.
///
/// Of a [`MapleTree`](crate::MapleTree) it is formatted under the writer lock.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let dot = map.dot().to_string(); // for `dot -Tsvg`
/// assert!(dot.starts_with("digraph"));
/// ```
pub struct Dot<'a> {
    pub(crate) root: &'a Root,
    pub(crate) lock: Option<&'a dyn Gate>,
}

macro_rules! debug_with_lock {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("shared", &self.lock.is_some()).finish_non_exhaustive()
            }
        }
    )*};
}

debug_with_lock!(Dump Dot);

/// What a slot holds, in a word.
fn content(level: usize, step: &Frame) -> &'static str {
    match (step.word().is_live(), step.word().is_dead(), level) {
        (true, _, 0) => "entry",
        (true, _, _) => "node",
        (_, true, _) => "dead",
        _ => "gap",
    }
}

fn steps(frame: &Frame) -> impl Iterator<Item = Frame> {
    let frame = *frame;
    (0..frame.node.len()).map(move |slot| Frame { slot, ..frame })
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _lock = self.lock.map(Held::new);
        let Some((_, top)) = self.root.load() else {
            return f.write_str("empty\n");
        };
        let mut result = writeln!(f, "height {}", top + 1);
        for_each_node(self.root.load(), &mut |level, frame| {
            let mut print = || {
                let indent = 2 * (top - level);
                writeln!(f, "{:indent$}level {level}, {}..={}", "", frame.min, frame.max)?;
                for step in steps(frame).filter(|step| level == 0 || !step.word().is_live()) {
                    writeln!(f, "{:indent$}  {:2} {}..={} {}", "", step.slot, step.first(), step.last(), content(level, &step))?;
                }
                Ok(())
            };
            if result.is_ok() {
                result = print();
            }
        });
        result
    }
}

impl fmt::Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _lock = self.lock.map(Held::new);
        let name = |node: NodeRef| node.as_ptr().addr().get();
        let mut result = writeln!(f, "digraph maple_tree {{\n  node [shape=record, fontname=monospace];");
        for_each_node(self.root.load(), &mut |level, frame| {
            let mut print = || {
                write!(f, "  n{:x} [label=\"", name(frame.node))?;
                for step in steps(frame) {
                    let bar = if step.slot > 0 { "|" } else { "" };
                    write!(f, "{bar}<s{}> {}..={}\\n{}", step.slot, step.first(), step.last(), content(level, &step))?;
                }
                writeln!(f, "\"];")?;
                for step in steps(frame).filter(|_| level > 0) {
                    let Some(child) = step.word().target() else {
                        continue;
                    };
                    writeln!(f, "  n{:x}:s{} -> n{:x};", name(frame.node), step.slot, child.addr())?;
                }
                Ok(())
            };
            if result.is_ok() {
                result = print();
            }
        });
        result?;
        f.write_str("}\n")
    }
}
