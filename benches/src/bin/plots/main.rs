//! Draws the latest figures of the scorecard.
//!
//! ```text
//! cargo run --release -p maple-benches --bin plots               those of the last whole run
//! cargo run --release -p maple-benches --bin plots -- FILE       those that `scorecard --json` printed
//! ```
//!
//! | picture | what it shows |
//! |---|---|
//! | `docs/lookup.svg` | a look-up over the number of ranges, against all peers |
//! | `docs/recovery.svg` | recovering from a copy that failed half-way: pruning against taking all of it down |
//! | `docs/readers.svg` | a reader beside a writer, against a lock |
//!
//! Exit code: 0, 2 for arguments or a file that make no sense, 1 when a picture cannot be written.

mod chart;

use chart::{Chart, Line, Whose};
use maple_benches::score::{Score, latest};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: plots [FILE]";

/// The numbers of ranges, with their names in metrics.
const SIZES: [(f64, &str); 3] = [(1e2, "100"), (1e4, "10k"), (1e6, "1m")];

fn main() -> ExitCode {
    let scores = match scores() {
        Ok(scores) => scores,
        Err(error) => {
            eprintln!("plots: {error} ({USAGE})");
            return ExitCode::from(2);
        }
    };
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (file, chart) in [("lookup", lookup(&scores)), ("recovery", recovery(&scores)), ("readers", readers(&scores))] {
        let file = docs.join(file).with_extension("svg");
        match chart.and_then(|chart| chart.write(&file)) {
            Ok(()) => println!("{}", file.display()),
            Err(error) => {
                eprintln!("plots: {}: {error}", file.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The figures from the file that the arguments name.
fn scores() -> Result<Vec<Score>, Box<dyn Error>> {
    let mut file = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let file = file.map_or_else(latest, Ok)?;
    let at_fault = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let text = fs::read_to_string(&file).map_err(|error| at_fault(&error))?;
    let line = |line| Score::from_json(line).ok_or_else(|| at_fault(&format_args!("not a figure: {line}")));
    Ok(text.lines().map(line).collect::<Result<_, _>>()?)
}

/// The points of a line: what `value` makes of the metric of each size.
fn points(
    scores: &[Score],
    metric: impl Fn(&str) -> String,
    value: impl Fn(&Score) -> f64,
) -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
    let point = |(count, size): (f64, &str)| {
        let name = metric(size);
        let score = scores.iter().find(|score| score.metric == name).ok_or_else(|| format!("there is no figure {name}"))?;
        Ok((count, value(score)))
    };
    SIZES.into_iter().map(point).collect()
}

fn ours(score: &Score) -> f64 {
    score.ours
}

fn peers(score: &Score) -> f64 {
    score.peer
}

fn lookup(scores: &[Score]) -> Result<Chart, Box<dyn Error>> {
    let mut lines = vec![Line {
        name: "MapleTree",
        points: points(scores, |size| format!("load.{size}.vs_btreemap"), ours)?,
        whose: Whose::Ours,
        is_dashed: false,
    }];
    let others = [
        ("btreemap", "BTreeMap"),
        ("rwlock_btreemap", "RwLock<BTreeMap>"),
        ("rangemap", "rangemap"),
        ("skipmap", "crossbeam-skiplist"),
        ("scc", "scc::TreeIndex"),
        ("concread", "concread"),
        ("brie", "brie-tree"),
        ("imbl", "imbl::OrdMap"),
    ];
    for (number, (key, name)) in others.into_iter().enumerate() {
        let points = points(scores, |size| format!("load.{size}.vs_{key}"), peers)?;
        lines.push(Line { name, points, whose: Whose::Peer(number), is_dashed: false });
    }
    Ok(Chart { title: "Random look-up that hits, guard held", value: "nanoseconds", lines })
}

fn recovery(scores: &[Score]) -> Result<Chart, Box<dyn Error>> {
    let microseconds = |of: fn(&Score) -> f64| move |score: &Score| of(score) / 1e3;
    let mut lines = Vec::new();
    for (form, name) in
        [("exclusive", "RangeMap::prune"), ("shared", "MapleTree::prune"), ("inplace", "MapleTree::prune_in_place")]
    {
        let points = points(scores, |size| format!("prune.{form}.50pct.{size}.vs_teardown"), microseconds(ours))?;
        lines.push(Line { name, points, whose: Whose::Ours, is_dashed: form != "exclusive" });
    }
    for (number, (peer, name)) in
        [("teardown", "taking all of it down"), ("split_off", "BTreeMap::split_off")].into_iter().enumerate()
    {
        let points = points(scores, |size| format!("prune.exclusive.50pct.{size}.vs_{peer}"), microseconds(peers))?;
        lines.push(Line { name, points, whose: Whose::Peer(number), is_dashed: false });
    }
    Ok(Chart { title: "Recovery step after a copy failed half-way", value: "microseconds", lines })
}

fn readers(scores: &[Score]) -> Result<Chart, Box<dyn Error>> {
    // Nanoseconds for one to millions in a second.
    let throughput = |of: fn(&Score) -> f64| move |score: &Score| 1e3 / of(score);
    let mut lines = Vec::new();
    let names = [
        ("replace", "MapleTree, replaced", "RwLock<BTreeMap>, replaced"),
        ("punch", "MapleTree, punched", "RwLock<BTreeMap>, punched"),
    ];
    for (writing, name, peer) in names {
        let metric = |size: &str| format!("readers_beside_writer.{writing}.{size}.vs_rwlock_btreemap");
        let is_dashed = writing == "punch";
        lines.push(Line { name, points: points(scores, metric, throughput(ours))?, whose: Whose::Ours, is_dashed });
        lines.push(Line { name: peer, points: points(scores, metric, throughput(peers))?, whose: Whose::Peer(0), is_dashed });
    }
    Ok(Chart {
        title: "One reader beside a writer that replaces entries, or punches holes and fills them",
        value: "million look-ups a second",
        lines,
    })
}
