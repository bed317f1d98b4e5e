//! The page on unsafe code, `docs/unsafe.md`: a row for each file that has any, with as many blocks, functions, implementations and traits as
//! there are; the types that a row leans on say what it is, and the tests that it names exist.
//!
//! Counted is the word `unsafe` in lines that are not comments, by what comes behind it, from the beginning of a file to its module `tests`. (The
//! sources are formatted, so what comes behind it is in the same line.) A type of function pointers, `unsafe fn(…)`, is not counted. Strings with the word in them would be;
//! there are none.
//!
//! Seen to fail on copies of the page and of the sources; `what_is_out_of_date_is_found` repeats that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The sources below a folder by their paths, but for the folder `tests`.
fn sources(folder: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root().join(folder)).expect("a folder of sources") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = format!("{folder}/{name}");
        if entry.file_type().expect("a type").is_dir() {
            if name != "tests" {
                sources(&path, into);
            }
        } else if name.ends_with(".rs") {
            into.insert(path.clone(), read(&path));
        }
    }
}

fn all_sources() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    sources("maple/src", &mut all);
    sources("rcu/src", &mut all);
    all
}

/// Blocks; functions; implementations and traits.
type Counts = [usize; 3];

/// What there is in a source, and lines with the word that are none of this.
fn census(text: &str) -> (Counts, Vec<&str>) {
    let (mut counts, mut unknown) = ([0; 3], Vec::new());
    for line in text.lines().map(str::trim).take_while(|line| *line != "mod tests {") {
        if line.starts_with("//") {
            continue;
        }
        let code = line.split(" // ").next().unwrap_or("");
        let is_word = |before: &str, behind: &str| {
            let joins = |character: char| character.is_alphanumeric() || character == '_';
            !before.ends_with(joins) && !behind.starts_with(joins)
        };
        for (at, word) in code.match_indices("unsafe") {
            let (before, behind) = (&code[..at], &code[at + word.len()..]);
            if !is_word(before, behind) {
                continue;
            }
            let behind = behind.trim_start();
            let function = behind.strip_prefix("extern \"C\" ").unwrap_or(behind).strip_prefix("fn");
            if behind.starts_with('{') {
                counts[0] += 1;
            } else if let Some(rest) = function {
                counts[1] += usize::from(rest.starts_with(' '));
            } else if behind.starts_with("impl") || behind.starts_with("trait ") {
                counts[2] += 1;
            } else {
                unknown.push(line);
            }
        }
    }
    (counts, unknown)
}

/// The types whose documentation has a section of invariants, and the traits with one on safety; of modules, the name of the file.
fn written_down(sources: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, text) in sources {
        if text.lines().any(|line| line == "//! # Invariants") {
            names.extend(path.rsplit('/').next().map(str::to_owned));
        }
        let mut section = false;
        for line in text.lines().map(str::trim) {
            if let Some(documentation) = line.strip_prefix("///") {
                section |= matches!(documentation.trim(), "# Invariants" | "# Safety");
            } else if !line.starts_with("#[") && !line.starts_with("//") {
                let item = ["struct ", "enum ", "trait "].iter().find_map(|kind| line.split_once(kind));
                let name = item.map(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(""));
                names.extend(name.filter(|_| section).map(str::to_owned));
                section = false;
            }
        }
    }
    names
}

/// Whether it is the name of a type or of a file, not of what is in one.
fn is_type_or_file(name: &&str) -> bool {
    name.starts_with(char::is_uppercase) || name.ends_with(".rs")
}

/// What is between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What is wrong with the page.
fn problems(page: &str, sources: &BTreeMap<String, String>) -> Vec<String> {
    let (mut problems, mut rows) = (Vec::new(), BTreeSet::new());
    let written_down = written_down(sources);
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let &[file, blocks, functions, others, leans_on, tests] = &cells[..] else {
            problems.push(format!("{} cells instead of 6: {line}", cells.len()));
            continue;
        };
        let file = file.trim_matches('`');
        let Some(text) = sources.get(file) else {
            problems.push(format!("{file}: no such source"));
            continue;
        };
        if !rows.insert(file) {
            problems.push(format!("{file}: two rows"));
        }
        let [has_blocks, has_functions, has_others] = census(text).0;
        let has = [has_blocks, has_functions, has_others].map(|count| count.to_string());
        if [blocks, functions, others] != has {
            problems.push(format!("{file}: has {}, not {blocks} | {functions} | {others}", has.join(" | ")));
        }
        if !quoted(leans_on).any(|name| is_type_or_file(&name)) && !leans_on.starts_with("nothing: ") {
            problems.push(format!("{file}: leans on nothing that is written down"));
        }
        for name in quoted(leans_on).filter(is_type_or_file).filter(|name| !written_down.contains(*name)) {
            problems.push(format!("{file}: nothing is written down of `{name}`"));
        }
        if tests.is_empty() {
            problems.push(format!("{file}: no tests"));
        }
        for test in quoted(tests) {
            let path = if test.contains('/') { test.to_owned() } else { format!("tests/tests/{test}") };
            if !root().join(&path).is_file() {
                problems.push(format!("{file}: there is no {path}"));
            }
        }
    }
    for (path, text) in sources {
        let (counts, unknown) = census(text);
        if counts != [0; 3] && !rows.contains(path.as_str()) {
            problems.push(format!("{path}: has {counts:?} and no row"));
        } else if counts == [0; 3] && rows.contains(path.as_str()) {
            problems.push(format!("{path}: has none, but a row"));
        }
        problems.extend(unknown.iter().map(|line| format!("{path}: what is this? {line}")));
    }
    problems
}

#[test]
fn the_page_says_what_there_is() {
    let sources = all_sources();
    assert!(sources.len() > 80, "only {} sources", sources.len());
    let problems = problems(&read("docs/unsafe.md"), &sources);
    assert!(problems.is_empty(), "docs/unsafe.md is out of date:\n{}", problems.join("\n"));
}

/// The tests that the page names apart from its table.
#[test]
fn the_page_names_tests_that_exist() {
    let page = read("docs/unsafe.md");
    let prose = page.lines().filter(|line| !line.starts_with('|'));
    let tests: Vec<&str> = prose.flat_map(quoted).filter(|name| name.ends_with(".rs") && !name.contains('*')).collect();
    assert!(tests.len() > 20, "only {tests:?}");
    let sources = all_sources();
    for name in tests {
        let is_source = sources.keys().any(|path| path.ends_with(&format!("/{name}")) || path == name);
        assert!(is_source || root().join("tests/tests").join(name).is_file(), "there is no {name}");
    }
}

#[test]
fn every_kind_is_counted() {
    let text = "
        // unsafe { in a comment }
        /// unsafe fn in_documentation() {}
        #![deny(unsafe_op_in_unsafe_fn)]
        unsafe impl<T> Send for Thing<T> {}
        pub(crate) unsafe trait Deed {
            unsafe fn done(&self);
        }
        run: unsafe fn(NonNull<()>, *const ()),
        pub const unsafe fn new(run: unsafe fn()) -> Self { // unsafe { behind code }
            let (one, two) = (unsafe { one() }, unsafe { two() });
        unsafe extern \"C\" fn called() {}
        fn not_unsafe_at_all() {}
        #[unsafe(no_mangle)]
        mod tests {
            unsafe { once_more() }
    ";
    assert_eq!(census(text), ([2, 3, 2], vec!["#[unsafe(no_mangle)]"]));
}

#[test]
fn what_is_out_of_date_is_found() {
    let text =
        "/// A thing.\n///\n/// # Invariants\n///\n/// It is.\n#[derive(Debug)]\npub(crate) struct Thing {}\nunsafe { it() }\n";
    let sources = BTreeMap::from([("maple/src/thing.rs".to_owned(), text.to_owned())]);
    let good = "| `maple/src/thing.rs` | 1 | 0 | 0 | `Thing`: it is | `model.rs` |";
    assert_eq!(problems(good, &sources), <[&str; 0]>::default());
    assert_eq!(problems("", &sources), ["maple/src/thing.rs: has [1, 0, 0] and no row"]);
    for (from, to, told) in [
        ("| 1 |", "| 2 |", "maple/src/thing.rs: has 1 | 0 | 0, not 2 | 0 | 0"),
        ("0 | 0", "1 | 0", "maple/src/thing.rs: has 1 | 0 | 0, not 1 | 1 | 0"),
        ("0 | 0", "0 | 1", "maple/src/thing.rs: has 1 | 0 | 0, not 1 | 0 | 1"),
        ("`Thing`", "`Nothing`", "maple/src/thing.rs: nothing is written down of `Nothing`"),
        ("`Thing`: it is", "nobody knows", "maple/src/thing.rs: leans on nothing that is written down"),
        ("`model.rs`", "", "maple/src/thing.rs: no tests"),
        ("model.rs", "muddle.rs", "maple/src/thing.rs: there is no tests/tests/muddle.rs"),
    ] {
        assert_eq!(problems(&good.replacen(from, to, 1), &sources), [told], "{from} -> {to}");
    }
    let elsewhere = problems(&good.replace("thing", "other"), &sources);
    assert_eq!(elsewhere, ["maple/src/other.rs: no such source", "maple/src/thing.rs: has [1, 0, 0] and no row"]);
    assert_eq!(problems(&format!("{good}\n{good}"), &sources), ["maple/src/thing.rs: two rows"]);
    let calm = BTreeMap::from([("maple/src/thing.rs".to_owned(), text.replace("unsafe ", ""))]);
    let told = ["maple/src/thing.rs: has 0 | 0 | 0, not 1 | 0 | 0", "maple/src/thing.rs: has none, but a row"];
    assert_eq!(problems(good, &calm), told);
}
