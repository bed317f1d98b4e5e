//! The example `fork`, run as a user would run it: on the saved map of a browser, and on bad input.

#![cfg(all(target_os = "linux", not(miri)))]

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// The example, built in the profile of this test. The whole workspace is named so that cargo comes to the same set of features as for
/// `cargo test --workspace`, after which there is nothing left to build.
fn fork() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        // target/PROFILE/deps/this-test
        let test = env::current_exe().expect("the test has a path");
        let profile_dir = test.ancestors().nth(2).expect("cargo runs tests from deps/");
        let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
        let output = Command::new(cargo)
            .args(["build", "--workspace", "--example", "fork", "--message-format=json", "--profile", profile])
            .arg("--target-dir")
            .arg(profile_dir.parent().expect("the profile has a directory in that of the target"))
            .current_dir(workspace())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "the example is not built");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == "fork")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    });
    Command::new(path)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace")
}

fn saved_map() -> PathBuf {
    workspace().join("tests/data/chromium-renderer.maps")
}

fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    fork().args(args).output().expect("the example runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the example writes UTF-8")
}

/// The rows of a run with `--json` that succeeded.
fn rows<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Vec<Value> {
    let output = fork().args(args).arg("--json").output().expect("the example runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect()
}

const STRATEGIES: [&str; 6] = ["marker", "teardown", "erase_each", "prune_exclusive", "prune_shared", "prune_in_place"];

const KEYS: [&str; 9] = [
    "allocator_calls",
    "entries",
    "entries_kept",
    "fail_at",
    "memory_back_ns",
    "nodes_taken",
    "prefix_ok",
    "recovery_ns",
    "strategy",
];

/// Checks one row against what its strategy promises, for a tree of `height` levels at most.
fn check(row: &Value, entries: u64, fail_at: u64, height: u64) {
    let mut keys: Vec<_> = row.as_object().expect("a row is an object").keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, KEYS, "{row}");
    let number = |key: &str| row[key].as_u64().unwrap_or_else(|| panic!("{key} is no number: {row}"));
    let prefix_ok = row["prefix_ok"].as_bool().expect("prefix_ok is true or false");
    assert_eq!((number("entries"), number("fail_at")), (entries, fail_at), "{row}");
    assert!(number("recovery_ns") > 0 && number("recovery_ns") <= number("memory_back_ns"), "{row}");

    let kept = number("entries_kept");
    match row["strategy"].as_str().expect("strategy is a name") {
        "marker" => assert_eq!((kept, prefix_ok), (entries, false), "{row}"),
        "teardown" => assert_eq!((kept, prefix_ok), (0, fail_at == 0), "{row}"),
        _ => assert_eq!((kept, prefix_ok), (fail_at, true), "{row}"),
    }
    // No way to recover asks for memory: there is none.
    assert_eq!(number("allocator_calls"), 0, "{row}");
    let most_nodes = if row["strategy"] == "prune_shared" { height } else { 0 };
    assert!(number("nodes_taken") <= most_nodes, "{row}");
}

/// Checks the rows of one failure point after the other.
fn check_all(rows: &[Value], entries: u64, points: &[u64], height: u64) {
    assert_eq!(rows.len(), points.len() * STRATEGIES.len());
    for (rows, fail_at) in rows.chunks(STRATEGIES.len()).zip(points) {
        assert_eq!(rows.iter().map(|row| row["strategy"].as_str().unwrap_or("")).collect::<Vec<_>>(), STRATEGIES);
        rows.iter().for_each(|row| check(row, entries, *fail_at, height));
    }
}

#[test]
fn recovers_the_copy_of_a_browser() {
    let map = saved_map();
    let entries = fs::read_to_string(&map).expect("the saved map is there").lines().count() as u64;
    assert!(entries > 1000);
    let points = [1, 50, 99].map(|share| entries * share / 100);
    check_all(&rows([OsStr::new("--maps"), map.as_os_str()]), entries, &points, 3);
}

#[test]
fn recovers_at_the_first_and_at_the_last_entry() {
    let map = saved_map();
    let entries = fs::read_to_string(&map).expect("the saved map is there").lines().count() as u64;
    for fail_at in [0, 1, entries - 1] {
        let number = fail_at.to_string();
        let args = [OsStr::new("--maps"), map.as_os_str(), OsStr::new("--fail-at"), OsStr::new(&number)];
        check_all(&rows(args), entries, &[fail_at], 3);
    }
}

#[test]
fn recovers_copies_of_any_size() {
    for entries in [1, 2, 15, 16, 17, 20_000_u64] {
        let mut points = [1, 50, 99].map(|share| entries * share / 100).to_vec();
        points.dedup();
        check_all(&rows(["--entries", &entries.to_string()]), entries, &points, 5);
    }
}

#[test]
fn reads_the_map_of_a_running_process() {
    for args in [&[][..], &["--pid", &std::process::id().to_string()]] {
        let rows = rows(args);
        let entries = rows[0]["entries"].as_u64().expect("entries is a number");
        check_all(&rows, entries, &[1, 50, 99].map(|share| entries * share / 100), 3);
    }
}

/// A slow machine hears of the progress; there must be nothing else.
fn only_progress(stderr: &[u8]) {
    assert!(text(stderr).lines().all(|line| line.starts_with("fork: failure point ")), "{}", text(stderr));
}

#[test]
fn prints_an_aligned_table() {
    let output = run([OsStr::new("--maps"), saved_map().as_os_str()]);
    assert!(output.status.success());
    only_progress(&output.stderr);
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    for name in STRATEGIES {
        assert_eq!(lines.iter().filter(|line| line.starts_with(&format!("{name} "))).count(), 3, "{name}");
    }
    let heads: Vec<_> = lines.iter().filter(|line| line.starts_with("strategy ")).collect();
    assert_eq!(heads.len(), 3);
    for row in lines.iter().filter(|line| STRATEGIES.iter().any(|name| line.starts_with(&format!("{name} ")))) {
        assert_eq!(row.chars().count(), heads[0].chars().count(), "{row}");
    }
}

#[test]
fn stops_quietly_when_nobody_reads() {
    let mut child =
        fork().args(["--entries", "3000"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the example runs");
    let mut first = [0];
    child.stdout.take().expect("stdout is a pipe").read_exact(&mut first).expect("there is a table");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    only_progress(&output.stderr);
}

/// Expects exit code 2 and one line on stderr that contains `named`.
fn refuses<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, named: &str) {
    let output = run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains(named), "'{named}' is not in: {message}");
    assert!(message.starts_with("fork: ") && message.ends_with('\n') && message.lines().count() == 1, "{message}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn names_bad_options() {
    refuses(["--entries", "10", "--fail-at", "10"], "--fail-at 10");
    refuses(["--fail-at", "18446744073709551615"], "18446744073709551615");
    refuses(["--fail-at", "half"], "'half'");
    refuses(["--entries", "0"], "'0'");
    refuses(["--entries", "1000001"], "'1000001'");
    refuses(["--entries", "-5"], "'-5'");
    refuses(["--entries", "5", "--pid", "1"], "--pid");
    refuses(["--quickly"], "--quickly");
    refuses(["quickly"], "quickly");
    refuses(["--maps"], "--maps");
}

#[test]
fn names_what_it_cannot_read() {
    // Past the largest number that a process can have.
    refuses(["--pid", "4194305"], "4194305");
    refuses(["--pid", "me"], "'me'");
    refuses(["--maps", "no/such/file"], "no/such/file");
    refuses(["--maps", "/"], "/");
}

/// Expects that the file `map` is refused, with line `line` and `named` in the message.
fn refuses_map(map: &[u8], line: usize, named: &str) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("fork-example-{}-{}.maps", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, map).expect("the directory for temporary files is there");
    let place = if line == 0 { format!("{}: ", path.display()) } else { format!("{}:{line}: ", path.display()) };
    refuses([OsStr::new("--maps"), path.as_os_str()], &place);
    refuses([OsStr::new("--maps"), path.as_os_str()], named);
    fs::remove_file(&path).expect("it was just written");
}

#[test]
fn names_the_bad_line_of_a_map() {
    const GOOD: &str = "1000-3000 r-xp 00000000 08:01 1234   /bin/with spaces (deleted)\n";
    let after_a_good_line = |bad: &str, named| refuses_map(format!("{GOOD}{bad}\n{GOOD}").as_bytes(), 2, named);

    after_a_good_line("nonsense", "'nonsense'");
    after_a_good_line("5000 r-xp 0 08:01 1", "'5000'");
    after_a_good_line("5000-6g00 r-xp 0 08:01 1", "'5000-6g00'");
    after_a_good_line("+5000-6000 r-xp 0 08:01 1", "'+5000-6000'");
    after_a_good_line("5000-10000000000000000 r-xp 0 08:01 1", "'5000-10000000000000000'");
    after_a_good_line(" 5000-6000 r-xp 0 08:01 1", "address range");
    after_a_good_line("5000-6000", "permissions");
    after_a_good_line("5000-6000 rwx 0 08:01 1", "'rwx'");
    after_a_good_line("5000-6000 rwxq 0 08:01 1", "'rwxq'");
    after_a_good_line("5000-6000 r-xp", "offset");
    after_a_good_line("5000-6000 r-xp -1 08:01 1", "'-1'");
    after_a_good_line("5000-6000 r-xp 0", "device");
    after_a_good_line("5000-6000 r-xp 0 0801 1", "'0801'");
    after_a_good_line("5000-6000 r-xp 0 08:01", "inode");
    after_a_good_line("5000-6000 r-xp 0 08:01 0x5", "'0x5'");
    after_a_good_line("6000-5000 r-xp 0 08:01 1", "6000-5000 ends before it starts");
    after_a_good_line("5000-5000 r-xp 0 08:01 1", "5000-5000 is empty");
    after_a_good_line("0-0 r-xp 0 08:01 1", "0-0 is empty");
    after_a_good_line("2fff-4000 r-xp 0 08:01 1", "2fff-4000 overlaps 1000-3000");
    after_a_good_line("0-ffffffffffffffff r-xp 0 08:01 1", "overlaps 1000-3000");
    refuses_map(b"", 0, "no mappings");
    refuses_map(b"\n\n", 0, "no mappings");
    refuses_map(b"\0\x1b[31m\xff-\xfe", 1, "address range");
}

#[test]
fn accepts_every_legal_line() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fork-example-{}-legal.maps", std::process::id()));
    let map: &[u8] = b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n\
        0-1000 r--p 00000000 00:00 0 \n\
        1000-2000 rwxs ffffffffffffffff fff:fffff 18446744073709551615 /not \xff UTF-8 (deleted)\n\
        fffffffffffff000-ffffffffffffffff ---p 0 0:0 0\n";
    fs::write(&path, map).expect("the directory for temporary files is there");
    check_all(&rows([OsStr::new("--maps"), path.as_os_str()]), 4, &[0, 2, 3], 2);
    fs::remove_file(&path).expect("it was just written");
}
