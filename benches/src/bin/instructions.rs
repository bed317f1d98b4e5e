//! Counts the instructions of the scorecard's jobs with `valgrind --tool=callgrind`: figures that are the same each time, on a busy machine, too.
//!
//! ```text
//! cargo run --release -p maple-benches --features callgrind --bin instructions
//!
//! --only build             jobs whose names begin like this
//! --entries 1000000        of a larger map (10,000 if not said)
//! --profiles DIRECTORY     keeps there what `callgrind_annotate` reads
//! ```
//!
//! Counted is what is timed elsewhere, for one entry, look-up or change: not what is made before or dropped after. Ranges are adjacent,
//! places random, in a sequence that does not repeat. Of two runs, one longer than the other, the difference counts, so what happens only once
//! does not. Callgrind knows AVX2 but not AVX-512. Exit code: 0, or 2 for arguments that make no sense and 1 when valgrind is missing or fails.

use maple_benches::{Peer, RangeTable, Rng, Shape, jobs};
use maple_tree::{MapleTree, RangeMap, U61};
use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

const USAGE: &str = "usage: instructions [--only PREFIX] [--entries N] [--profiles DIRECTORY]";

/// What the scorecard calls them.
const JOBS: [&str; 12] = [
    "load",
    "load_pin",
    "iter",
    "for_each",
    "build_asc",
    "build_rand",
    "build_bulk",
    "replace",
    "erase_store",
    "punch_restore",
    "dup",
    "drop",
];

/// The first columns' heads, and what they are called when a job is run.
const SUBJECTS: [&str; 3] = ["RangeMap", "MapleTree", "BTreeMap"];

/// Places that a job visits one after the other: a power of two.
const PLACES: u64 = 1 << 18;

/// So many times the shorter run does what is done for one entry, and the longer run.
const PLACES_TO: [u64; 2] = [PLACES / 4, PLACES];
/// So many times they do what is done for all entries.
const ROUNDS: [u64; 2] = [2, 6];

#[derive(Debug)]
struct Options {
    only: String,
    entries: u64,
    profiles: Option<PathBuf>,
    /// What a run under callgrind is to do: the job, the subject, and which of the two runs it is.
    run: Option<(String, String, usize)>,
    help: bool,
}

impl Options {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Self { only: String::new(), entries: 10_000, profiles: None, run: None, help: false };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("only") => options.only = parser.value()?.string()?,
                Long("entries") => {
                    options.entries = parser.value()?.parse_with(|text| match text.parse() {
                        Ok(entries @ 1..=100_000_000) => Ok(entries),
                        _ => Err("not a number from 1 to 100000000"),
                    })?
                }
                Long("profiles") => options.profiles = Some(parser.value()?.into()),
                Long("run") => {
                    let (job, subject) = (parser.value()?.string()?, parser.value()?.string()?);
                    options.run = Some((job, subject, parser.value()?.parse()?));
                }
                Short('h') | Long("help") => options.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        if !JOBS.iter().any(|job| job.starts_with(&options.only)) {
            return Err(format!("no job begins with '{}'", options.only).into());
        }
        Ok(options)
    }
}

/// Whether a job is done for all entries at once.
fn is_whole(job: &str) -> bool {
    matches!(job, "iter" | "for_each" | "dup" | "drop") || job.starts_with("build")
}

/// Does a job as many times.
fn run<S: RangeTable + 'static>(job: &str, entries: u64, times: u64) -> Option<Duration> {
    let shape = Shape::Adjacent;
    let (spans, mixed): (Vec<_>, _) = (shape.spans(entries).collect(), shape.shuffled(entries));
    let mut rng = Rng::new(entries);
    let places: Vec<u64> = (0..PLACES).map(|_| shape.first(rng.below(entries)) + 7).collect();
    let subject = S::filled(shape, entries);
    Some(match job {
        "load" => jobs::load(&subject, &places)(times),
        "load_pin" => jobs::load_pin(&subject, &places)(times),
        "iter" => jobs::iterate(&subject)(times),
        "for_each" => jobs::for_each(&subject)(times),
        "build_asc" => jobs::build::<S>(&spans)(times),
        "build_rand" => jobs::build::<S>(&mixed)(times),
        "build_bulk" => jobs::bulk::<S>(&spans)(times),
        "replace" => jobs::replace(subject, &places)(times),
        "erase_store" => jobs::erase_store(subject, &places)(times),
        "punch_restore" => jobs::punch_restore(subject, &places)(times),
        "dup" => jobs::dup(&subject)(times),
        "drop" => jobs::destroy(&subject)(times),
        _ => return None,
    })
}

/// What callgrind counts when this program does a job.
fn collected(options: &Options, job: &str, subject: &str, which: usize) -> Result<u64, Box<dyn Error>> {
    let profile = options
        .profiles
        .as_ref()
        .map_or_else(|| "/dev/null".into(), |directory| directory.join(format!("{job}.{subject}.{which}")));
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(profile);
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*clock::timed*"])
        .arg(out)
        .arg(env::current_exe()?)
        .args(["--entries", &options.entries.to_string(), "--run", job, subject, &which.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.filter(|_| run.status.success()).ok_or_else(|| format!("valgrind failed:\n{said}").into())
}

/// Instructions of a job, for one entry or place.
fn count(options: &Options, job: &str, subject: &str) -> Result<u64, Box<dyn Error>> {
    let [few, many] = if is_whole(job) { ROUNDS.map(|rounds| rounds * options.entries) } else { PLACES_TO };
    let more = collected(options, job, subject, 1)? - collected(options, job, subject, 0)?;
    Ok((more + (many - few) / 2) / (many - few))
}

fn table(options: &Options) -> Result<(), Box<dyn Error>> {
    if let Some(directory) = &options.profiles {
        std::fs::create_dir_all(directory)?;
    }
    let [first, second, third] = SUBJECTS;
    println!("{:<16}{first:>12}{second:>12}{third:>12}", "instructions");
    for job in JOBS.into_iter().filter(|job| job.starts_with(&options.only)) {
        print!("{job:<16}");
        for subject in SUBJECTS {
            print!("{:>12}", count(options, job, subject)?);
        }
        println!();
    }
    Ok(())
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("instructions: {error} ({USAGE})");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if let Some((job, subject, which)) = &options.run {
        let times = if is_whole(job) { ROUNDS } else { PLACES_TO };
        let done = times.get(*which).and_then(|&times| match subject.as_str() {
            "RangeMap" => run::<RangeMap<U61>>(job, options.entries, times),
            "MapleTree" => run::<MapleTree<U61>>(job, options.entries, times),
            "BTreeMap" => run::<Peer>(job, options.entries, times),
            _ => None,
        });
        return if done.is_some() { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    match table(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}
