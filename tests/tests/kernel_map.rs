//! The table for those who know the kernel's interface, `docs/kernel-map.md`: no cell of it is empty, and every test and every call that it
//! names exists. And the behaviours that it promises of cursors, in the order in which the kernel's documentation has them.
//!
//! Seen to fail on a copy of the table with an empty cell, with a test in the wrong file, with a test that is not run, with a method that the type
//! does not have, and with a name of the kernel's in two rows; the cursors on a copy of the engine whose cursors forget their limits.

use maple_tests::model::Item;
use maple_tests::pair::closed;
use maple_tests::roam::{Alone, Beside, Ground, Roam, Slot};
use maple_tree::{Place, Position};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

// The table.

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// The sources in a folder.
fn sources(folder: &str) -> impl Iterator<Item = PathBuf> {
    let files = fs::read_dir(root().join(folder)).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    files.filter(|file| file.extension().is_some_and(|end| end == "rs"))
}

/// What is between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

/// What a crate has for its users: methods (and functions of traits) by type, variants of enums, types and traits.
#[derive(Default)]
struct Interface {
    methods: BTreeSet<(String, String)>,
    names: BTreeSet<String>,
}

impl Interface {
    /// Reads the sources of a crate, which are formatted: items begin at the margin, what is in them four columns further.
    fn add(&mut self, folder: &str) {
        for file in sources(folder) {
            self.add_file(&fs::read_to_string(&file).expect("text"));
        }
    }

    fn add_file(&mut self, text: &str) {
        let (mut item, mut of_trait, mut in_use) = (None, false, false);
        for line in text.lines() {
            if let Some(header) = line.strip_prefix("impl").or_else(|| line.strip_prefix("unsafe impl")) {
                let (interface, of) = header.rsplit_once(" for ").unwrap_or(("", skip_parameters(header)));
                of_trait = !interface.is_empty();
                item = words(of).find(|word| word.starts_with(char::is_uppercase)).map(str::to_owned);
                // The trait of `impl<V> fmt::Debug for X<V>`.
                let name = skip_parameters(interface).split('<').next().and_then(|path| words(path).last());
                self.names.extend(name.map(str::to_owned));
            } else if let Some(what) = line.strip_prefix("pub ") {
                let declared = ["struct ", "enum ", "trait ", "unsafe trait "].iter().find_map(|kind| what.strip_prefix(kind));
                item = declared.and_then(|rest| words(rest).next()).map(str::to_owned);
                self.names.extend(item.clone());
                in_use = what.starts_with("use ");
                of_trait = false;
            } else if let (Some(item), Some(inner)) = (&item, line.strip_prefix("    ")) {
                let public = inner.strip_prefix("pub ").or(of_trait.then_some(inner)).unwrap_or("");
                let function = public.trim_start_matches("const ").trim_start_matches("unsafe ").strip_prefix("fn ");
                let variant = inner.starts_with(char::is_uppercase).then_some(inner);
                if let Some(name) = function.or(variant).and_then(|rest| words(rest).next()) {
                    self.methods.insert((item.clone(), name.to_owned()));
                }
            }
            if in_use {
                self.names.extend(words(line).map(str::to_owned));
                in_use = !line.ends_with(';');
            }
        }
    }

    /// Whether there is a `call` such as `get`, `Cursor::seek` or `Cyclic`.
    fn has(&self, face: &str, call: &str) -> bool {
        match call.split_once("::") {
            Some((item, name)) => self.methods.contains(&(item.to_owned(), name.to_owned())),
            None if call.starts_with(char::is_uppercase) => self.names.contains(call),
            None => self.methods.contains(&(face.to_owned(), call.to_owned())),
        }
    }
}

/// `text` without the parameters of a type that it begins with.
fn skip_parameters(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ if depth == 0 => return &text[at..],
            _ => {}
        }
    }
    ""
}

/// What is wrong with `test`, such as `space.rs::cyclic_goes_round`.
fn problem_with_test(test: &str) -> Option<String> {
    let Some((file, function)) = test.split_once("::") else {
        return Some(format!("`{test}` is not of the form file::function"));
    };
    let path = if file.contains('/') { file.to_owned() } else { format!("tests/tests/{file}") };
    let Some(text) = read(&path) else { return Some(format!("no file {path}")) };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let definition = format!("fn {function}");
    let defines = |line: &&str| line.strip_prefix(&definition).is_some_and(|rest| rest.starts_with(['(', '<']));
    let Some(at) = lines.iter().position(defines) else { return Some(format!("no function {function} in {path}")) };
    // A test itself, or called by one, by name or in a list for a macro.
    let is_test = lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]");
    let is_used = || lines.iter().enumerate().any(|(n, line)| n != at && words(line).any(|word| word == function));
    (!is_test && !is_used()).then(|| format!("{function} in {path} is never run"))
}

/// The problems of a table: what `docs/kernel-map.md` is, and what else there may be.
fn problems(page: &str, interface: &Interface) -> (usize, Vec<String>) {
    let (mut rows, mut problems) = (0, Vec::new());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (number, line) in page.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let Some(line) = line.strip_prefix('|') else { continue };
        let cells: Vec<&str> = line.trim_end().trim_end_matches('|').split('|').map(str::trim).collect();
        if cells[0] == "kernel" || cells[0].starts_with("---") {
            continue;
        }
        rows += 1;
        let mut say = |what: String| problems.push(format!("line {number}: {what}"));
        let &[kernel, map, tree, tests, differs] = &cells[..] else {
            say(format!("{} cells instead of 5", cells.len()));
            continue;
        };
        if [kernel, map, tree, tests, differs].contains(&"") {
            say("an empty cell".to_owned());
        }
        if kernel.starts_with('`') && kernel.ends_with('`') {
            // Nothing but names: each has one row.
            for name in quoted(kernel) {
                if let Some(before) = seen.insert(name.to_owned(), number) {
                    say(format!("`{name}` is in line {before} already"));
                }
            }
        }
        for (face, cell) in [("RangeMap", map), ("MapleTree", tree)] {
            for call in quoted(cell).filter(|call| !interface.has(face, call)) {
                say(format!("no `{call}` of {face}"));
            }
        }
        if quoted(tests).next().is_none() {
            say("no test".to_owned());
        }
        quoted(tests).filter_map(problem_with_test).for_each(say);
    }
    (rows, problems)
}

fn interface() -> Interface {
    let mut interface = Interface::default();
    interface.add("maple/src");
    interface.add("rcu/src");
    interface
}

fn page() -> String {
    read("docs/kernel-map.md").expect("the page is there")
}

#[test]
fn the_table_names_what_there_is() {
    let (rows, problems) = problems(&page(), &interface());
    assert!(rows > 40, "only {rows} rows");
    assert!(problems.is_empty(), "docs/kernel-map.md:\n{}", problems.join("\n"));
}

/// The operations whose behaviour the project set out to match.
#[test]
fn no_operation_is_missing() {
    let page = page();
    let names: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")).flat_map(words).collect();
    for name in [
        "mtree_load",
        "mtree_store",
        "mtree_store_range",
        "mtree_insert",
        "mtree_insert_range",
        "mtree_erase",
        "mtree_alloc_range",
        "mtree_alloc_rrange",
        "mtree_alloc_cyclic",
        "mt_find",
        "mt_find_after",
        "mt_for_each",
        "mt_next",
        "mt_prev",
        "mas_walk",
        "mas_find",
        "mas_find_rev",
        "mas_find_range",
        "mas_find_range_rev",
        "mas_next",
        "mas_prev",
        "mas_next_range",
        "mas_prev_range",
        "mas_pause",
        "mas_erase",
        "mas_store",
        "mas_store_gfp",
        "mas_empty_area",
        "mas_empty_area_rev",
        "mas_preallocate",
        "mas_store_prealloc",
        "mas_destroy",
        "mtree_dup",
        "mtree_destroy",
        "mtree_empty",
    ] {
        assert!(names.contains(name), "no row for {name}");
    }
}

/// Names of the kernel's by which the documentation can be searched, and those in the short table of the crate's documentation.
#[test]
fn other_places_agree() {
    let page = page();
    let names: BTreeSet<&str> = words(&page).collect();
    let is_kernel = |word: &&str| ["mtree_", "mas_", "mt_", "MT_"].iter().any(|start| word.starts_with(start));
    let mut found = 0;
    for file in sources("maple/src") {
        let text = fs::read_to_string(&file).expect("text");
        let told = text.lines().filter(|line| line.starts_with("//! |") || line.contains("doc(alias"));
        for name in told.flat_map(words).filter(is_kernel) {
            assert!(names.contains(name), "{name} of {} is not in the table", file.display());
            found += 1;
        }
    }
    assert!(found > 100, "only {found} names");
}

#[test]
fn a_broken_table_is_found() {
    let interface = interface();
    let good = "| `mas_walk` | `get` | `get`, `Cursor::seek` | `kernel_map.rs::a_broken_table_is_found` | nothing |";
    assert_eq!(problems(good, &interface), (1, Vec::new()));
    for (from, to, told) in [
        ("nothing", "", "line 1: an empty cell"),
        ("| nothing ", "", "line 1: 4 cells instead of 5"),
        ("| `get` |", "| `got` |", "line 1: no `got` of RangeMap"),
        ("`get`, ", "`drain`, ", "line 1: no `drain` of MapleTree"),
        ("Cursor::seek", "Cursor::store", "line 1: no `Cursor::store` of MapleTree"),
        ("Cursor::seek", "Coursor", "line 1: no `Coursor` of MapleTree"),
        ("kernel_map.rs", "kernel.rs", "line 1: no file tests/tests/kernel.rs"),
        ("a_broken_table_is_found", "a_whole_table", "line 1: no function a_whole_table in tests/tests/kernel_map.rs"),
        ("`kernel_map.rs::a_broken_table_is_found`", "by eye", "line 1: no test"),
    ] {
        assert_eq!(problems(&good.replacen(from, to, 1), &interface).1, [told], "{from} -> {to}");
    }
    let twice = format!("{good}\n{good}");
    assert_eq!(problems(&twice, &interface).1, ["line 2: `mas_walk` is in line 1 already"]);
}

// What it promises of cursors.

const MAX: u64 = u64::MAX;
const THREE: [Item; 3] = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];

/// `mas_walk`.
fn walk_gives_the_entry_or_the_gap_with_its_range<G: Ground>() {
    let check = |cursor: &mut dyn Roam| {
        for (index, value, range, place) in [
            (0, None, (0, 9), Place::Gap),
            (10, Some(1), (10, 19), Place::Entry),
            (29, Some(2), (20, 29), Place::Entry),
            (30, None, (30, 39), Place::Gap),
            (39, None, (30, 39), Place::Gap),
            (45, Some(3), (40, 49), Place::Entry),
            (MAX, None, (50, MAX), Place::Gap),
        ] {
            assert_eq!(cursor.seek(index), value, "at {index}");
            assert_eq!((cursor.range(), cursor.place()), (Some(range), place), "at {index}");
        }
    };
    let mut ground = G::of(&THREE);
    ground.look(None, &mut |cursor| check(cursor));
    ground.change(None, &mut |cursor| check(cursor));
}

fn with_limits<G: Ground>(low: u64, high: u64, then: impl FnOnce(&mut dyn Roam)) -> Position {
    let mut then = Some(then);
    G::of(&THREE).look(None, &mut |cursor| {
        cursor.set_limits(closed(low, high));
        then.take().expect("once")(cursor);
    })
}

/// `mas_find`: the first call gives what is at or after the index, the others what follows; an entry that holds the limit is given once.
fn find_goes_on_up_to_a_limit<G: Ground>() {
    for (low, high, found) in
        [(0, MAX, &THREE[..]), (15, 40, &THREE), (15, 39, &THREE[..2]), (20, 25, &THREE[1..2]), (30, 39, &[]), (50, MAX, &[])]
    {
        with_limits::<G>(low, high, |cursor| {
            let given: Vec<Item> = std::iter::from_fn(|| cursor.next()).collect();
            assert_eq!(given, found, "{low}..={high}");
            assert_eq!((cursor.next(), cursor.place()), (None, Place::After), "and it stays there");
        });
    }
}

/// `mas_find_rev`.
fn find_goes_back_down_to_a_limit<G: Ground>() {
    for (low, high, found) in
        [(0, MAX, &THREE[..]), (19, 45, &THREE), (20, 45, &THREE[1..]), (22, 25, &THREE[1..2]), (30, 39, &[]), (0, 9, &[])]
    {
        with_limits::<G>(low, high, |cursor| {
            let mut given: Vec<Item> = std::iter::from_fn(|| cursor.prev()).collect();
            given.reverse();
            assert_eq!(given, found, "{low}..={high}");
            assert_eq!((cursor.prev(), cursor.place()), (None, Place::Before), "and it stays there");
        });
    }
}

/// `mas_find_range` and `mas_find_range_rev`.
fn ranges_come_with_the_gaps_between_them<G: Ground>() {
    let all: [Slot; 5] = [(5, 9, None), (10, 19, Some(1)), (20, 29, Some(2)), (30, 39, None), (40, 49, Some(3))];
    with_limits::<G>(5, 45, |cursor| {
        assert_eq!(std::iter::from_fn(|| cursor.next_slot()).collect::<Vec<_>>(), all);
        let mut back: Vec<Slot> = std::iter::from_fn(|| cursor.prev_slot()).collect();
        back.reverse();
        assert_eq!(back, all);
    });
}

/// `mas_pause`.
fn a_pause_goes_on_behind_or_before<G: Ground>() {
    let mut ground = G::of(&THREE);
    let position = ground.look(None, &mut |cursor| assert_eq!(cursor.next(), Some(THREE[0])));
    // What it was on is overwritten, with what follows, while there is no cursor.
    ground.change(None, &mut |cursor| assert_eq!(cursor.store(closed(12, 24), 9), Ok(())));
    ground.look(Some(position), &mut |cursor| {
        assert_eq!((cursor.place(), cursor.range()), (Place::Paused, Some((10, 19))));
        assert_eq!(cursor.next(), Some((12, 24, 9)), "it goes on at 20, which that covers");
    });
    ground.look(Some(position), &mut |cursor| assert_eq!(cursor.prev(), None, "nothing is before 10"));
    ground.validate();
}

macro_rules! on_grounds {
    ($($module:ident: $ground:ty;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn looks_as_the_table_says() {
                walk_gives_the_entry_or_the_gap_with_its_range::<$ground>();
                find_goes_on_up_to_a_limit::<$ground>();
                find_goes_back_down_to_a_limit::<$ground>();
                ranges_come_with_the_gaps_between_them::<$ground>();
                a_pause_goes_on_behind_or_before::<$ground>();
            }
        }
    )*};
}

on_grounds! {
    map_of_u32: Alone<u32>;
    tree_of_u32: Beside<u32>;
    tree_of_boxes: Beside<Box<u64>>;
}
