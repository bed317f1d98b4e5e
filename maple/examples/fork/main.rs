//! Copies the memory map of a real process, as `fork` does, lets the copy fail half-way, and recovers in every way there is.
//!
//! ```text
//! cargo run --release --example fork [-- --pid N | --maps FILE | --entries N] [--fail-at K] [--json]
//! ```
//!
//! The mappings are stored in a tree, the tree is copied node for node, and the copy's entries are replaced one by one until there is
//! no memory for one of them (the allocator of this program then refuses everything until the recovery is over). What follows is
//! measured: see [`Strategy`]. Each strategy gets a fresh copy each time.

mod counting;
mod maps;
mod readers;
mod report;
mod strategies;

use counting::Counting;
use maple_tree::Reserve;
use maps::{MapsError, Process};
use report::{HEAD, Row, count, counted};
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fmt, fs};
use strategies::{Broken, Strategy};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HELP: &str = "\
Copies the memory map of a process, lets the copy fail half-way, and recovers in every way there is.

usage: fork [--pid N | --maps FILE | --entries N] [--fail-at K] [--json]

  --pid N       the map of process N (default: of this process)
  --maps FILE   a saved /proc/PID/maps
  --entries N   a made-up map of 1 to 1,000,000 mappings
  --fail-at K   the copy of mapping number K fails, counted from 0 (default: at 1 %, 50 % and 99 %)
  --json        one JSON object a line instead of a table
  --help        this text

The times are the recovery step itself, and from its start until all memory of the tail is back: its nodes, and its shares of the
original's entries. (A marker gives nothing back; there it is the end of the whole copy.) Nodes taken and calls of the allocator
count what the recovery step asked for. Exit code 2: there is something wrong with the options or the map.
";

/// Mappings of the largest made-up map.
const MOST_ENTRIES: usize = 1_000_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads this has seen enough.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing can be done about it if there is no stderr either.
            let _ = writeln!(io::stderr(), "fork: {failure}");
            match failure {
                Failure::Usage(_) | Failure::Source(_) | Failure::Maps(_) => ExitCode::from(2),
                Failure::Output(_) | Failure::Broken(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn run() -> Result<(), Failure> {
    let Some(options) = Options::parse()? else {
        io::stdout().write_all(HELP.as_bytes())?;
        return Ok(());
    };
    let process = options.source.load()?;
    let points = failure_points(options.fail_at, &process)?;
    let rounds = rounds(process.vmas.len());
    // Otherwise the first operation beside readers would do it, and be charged for it.
    Reserve::global().fill().map_err(|_| Broken::from("out of memory"))?;

    if !options.json {
        let tree = process.tree.validate().map_err(Broken::from)?;
        print(format_args!(
            "{}: {}, {} in {}; times are medians of {rounds} rounds",
            process.source,
            counted(tree.entries as u64, "mapping", "mappings"),
            counted(tree.nodes as u64, "node", "nodes"),
            counted(tree.height as u64, "level", "levels"),
        ))?;
    }
    let mut progress = Progress::new();
    let mut sentence = None;
    for (number, &(fail_at, share)) in points.iter().enumerate() {
        if !options.json {
            let (entry, entries) = (count(fail_at as u64), count(process.vmas.len() as u64));
            print(format_args!("\nfailing at entry {entry} of {entries}{share}\n{HEAD}"))?;
        }
        let mut rows = Vec::new();
        for strategy in Strategy::ALL {
            progress.tell(format_args!("failure point {} of {}: {}", number + 1, points.len(), strategy.name()));
            let outcomes = (0..rounds).map(|_| strategies::run(strategy, &process, fail_at)).collect::<Result<Vec<_>, _>>()?;
            let row = Row::new(strategy, process.vmas.len(), fail_at, &outcomes);
            progress.clear();
            if options.json {
                print(format_args!("{}", row.json()))?
            } else {
                print(format_args!("{row}"))?
            }
            rows.push(row);
        }
        // The failure in the middle has something of both: much to keep and much to give back.
        if number == points.len() / 2 {
            sentence = report::summary(&rows);
        }
    }
    match sentence {
        Some(sentence) if !options.json => print(format_args!("\n{sentence}")),
        _ => Ok(()),
    }
}

/// More rounds where they cost little: the shortest steps are a few hundred nanoseconds, and there is a reader on the next core.
fn rounds(entries: usize) -> usize {
    match entries {
        0..10_000 => 11,
        _ => 5,
    }
}

/// The entries whose copies are to fail, each with its share of the whole if it was chosen by that.
fn failure_points(fail_at: Option<usize>, process: &Process) -> Result<Vec<(usize, &'static str)>, Failure> {
    let entries = process.vmas.len();
    match fail_at {
        None => {
            let mut points: Vec<_> =
                [(1, " (1 %)"), (50, " (50 %)"), (99, " (99 %)")].map(|(share, text)| (entries * share / 100, text)).into();
            points.dedup_by_key(|(fail_at, _)| *fail_at);
            Ok(points)
        }
        Some(fail_at) if fail_at < entries => Ok(vec![(fail_at, "")]),
        Some(fail_at) => {
            let source = &process.source;
            let last = entries - 1;
            Err(Failure::Usage(format!("--fail-at {fail_at} is past the end: the mappings of {source} are numbered 0 to {last}")))
        }
    }
}

fn print(line: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Where the mappings come from.
#[derive(Debug)]
enum Source {
    Myself,
    Pid(u32),
    File(OsString),
    MadeUp(usize),
}

impl Source {
    fn load(self) -> Result<Process, Failure> {
        let path: OsString = match &self {
            Self::Myself => "/proc/self/maps".into(),
            Self::Pid(pid) => format!("/proc/{pid}/maps").into(),
            Self::File(path) => path.clone(),
            Self::MadeUp(entries) => return Ok(Process::made_up(*entries)?),
        };
        let name = path.display().to_string().escape_debug().to_string();
        match fs::read(&path) {
            Ok(text) => Ok(Process::parse(name, &text)?),
            Err(error) => Err(Failure::Source(match self {
                Self::Pid(pid) if error.kind() == ErrorKind::NotFound => format!("there is no process {pid}"),
                Self::Myself => format!("cannot read {name}: {error}; try --maps FILE or --entries N"),
                _ => format!("cannot read {name}: {error}"),
            })),
        }
    }
}

#[derive(Debug)]
struct Options {
    source: Source,
    fail_at: Option<usize>,
    json: bool,
}

impl Options {
    /// `None`: help was asked for.
    fn parse() -> Result<Option<Self>, Failure> {
        use lexopt::Arg::Long;
        let (mut source, mut fail_at, mut json) = (None, None, false);
        let mut parser = lexopt::Parser::from_env();
        while let Some(option) = parser.next()? {
            let chosen = match option {
                Long("pid") => Source::Pid(number(&mut parser, "--pid", 0..=u32::MAX)?),
                Long("maps") => Source::File(parser.value()?),
                Long("entries") => Source::MadeUp(number(&mut parser, "--entries", 1..=MOST_ENTRIES)?),
                Long("fail-at") => {
                    if fail_at.replace(number(&mut parser, "--fail-at", 0..=usize::MAX)?).is_some() {
                        return Err(Failure::Usage("--fail-at is there twice".to_owned()));
                    }
                    continue;
                }
                Long("json") => {
                    json = true;
                    continue;
                }
                Long("help") | lexopt::Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            };
            if source.replace(chosen).is_some() {
                return Err(Failure::Usage("only one of --pid, --maps and --entries can be given, and once".to_owned()));
            }
        }
        Ok(Some(Self { source: source.unwrap_or(Source::Myself), fail_at, json }))
    }
}

/// The value of `option`, a number within `bounds`.
fn number<T>(parser: &mut lexopt::Parser, option: &str, bounds: std::ops::RangeInclusive<T>) -> Result<T, Failure>
where
    T: std::str::FromStr + PartialOrd + fmt::Display,
{
    let value = parser.value()?;
    let value = value.to_string_lossy();
    value.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
        let (least, most) = (bounds.start(), bounds.end());
        Failure::Usage(format!("{option} takes a number from {least} to {most}, not '{}'", value.escape_debug()))
    })
}

/// Says on stderr what is being done, if it takes long: in one changing line of a terminal, else in a line per strategy.
#[derive(Debug)]
struct Progress {
    start: Instant,
    terminal: bool,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { start: Instant::now(), terminal: io::stderr().is_terminal(), shown: false }
    }

    fn tell(&mut self, what: fmt::Arguments<'_>) {
        let patience = Duration::from_millis(if self.terminal { 100 } else { 1000 });
        let elapsed = self.start.elapsed();
        if elapsed < patience {
            return;
        }
        // Progress is not worth failing for.
        let _ = if self.terminal {
            self.shown = true;
            write!(io::stderr(), "\r\x1b[K{what} ...")
        } else {
            writeln!(io::stderr(), "fork: {what} ({} s so far)", elapsed.as_secs())
        };
    }

    /// Makes room for a line of the table.
    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Why there is no result.
#[derive(Debug)]
enum Failure {
    /// The options make no sense.
    Usage(String),
    /// There is no map to read.
    Source(String),
    /// The map is no map.
    Maps(MapsError),
    Output(io::Error),
    /// The tree broke a promise, or there is no memory.
    Broken(Broken),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "{what} (--help tells more)"),
            Self::Source(what) => f.write_str(what),
            Self::Maps(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write the result: {error}"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl Error for Failure {}

impl From<MapsError> for Failure {
    fn from(error: MapsError) -> Self {
        Self::Maps(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Broken> for Failure {
    fn from(error: Broken) -> Self {
        Self::Broken(error)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}
