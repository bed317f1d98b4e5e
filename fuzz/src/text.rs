//! Rust code of cases.

use core::fmt;
use maple_tests::entry::Value;
use maple_tests::op::{Preload, number};
use maple_tests::{Bounds, op};

/// The lines of a test, from `fn` to its end.
pub(crate) fn test(f: &mut fmt::Formatter<'_>, lines: impl IntoIterator<Item = String>) -> fmt::Result {
    writeln!(f, "#[test]\nfn replay() {{")?;
    writeln!(f, "    #[allow(unused_imports)]")?;
    writeln!(f, "    use {{maple_tests::entry::Value, maple_tree::*, std::ops::Bound, std::sync::Arc}};")?;
    for line in lines {
        writeln!(f, "    {}", line.replace('\n', "\n    "))?;
    }
    write!(f, "}}")
}

/// What stores the ranges that are there before, in `tree`.
pub(crate) fn preload<V: Value>(preload: Preload) -> Option<String> {
    let Preload { count, from, stride, length } = preload;
    let entry = V::code(u64::from(u32::MAX)).replace(&u32::MAX.to_string(), "n as _");
    (count > 0).then(|| {
        format!(
            "for n in 0..{count} {{\n    let first = {} + n * {stride};\n    tree.insert(first..=first + {}, {entry}).unwrap();\n}}",
            number(from),
            length - 1
        )
    })
}

/// A range.
pub(crate) fn range(bounds: Bounds) -> String {
    op::code(bounds)
}
