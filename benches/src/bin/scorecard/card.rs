//! What was asked for, and what comes out.

use maple_benches::score::{Effort, Mark, Score, duel, latest};
use std::fs;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Arguments.
#[derive(Default, Debug)]
pub(crate) struct Options {
    json: bool,
    only: Option<String>,
    quick: bool,
    pub(crate) help: bool,
}

impl Options {
    pub(crate) fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("json") => options.json = true,
                Long("quick") => options.quick = true,
                Long("only") => options.only = Some(parser.value()?.string()?),
                Short('h') | Long("help") => options.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(options)
    }
}

/// Why a run has no result.
#[derive(Debug)]
pub(crate) enum End {
    NoSuchFigure(String),
    /// Nobody reads the output any more.
    NotPrinted,
    NotWritten(io::Error),
}

/// The figures so far, printed as they come.
#[derive(Debug)]
pub(crate) struct Card {
    options: Options,
    scores: Vec<Score>,
    missed: usize,
    start: Instant,
    is_closed: bool,
}

impl Card {
    pub(crate) fn begin(options: Options) -> Self {
        Self { options, scores: Vec::new(), missed: 0, start: Instant::now(), is_closed: false }
    }

    /// The sizes to measure, with their names.
    pub(crate) fn sizes(&self) -> &'static [(u64, &'static str)] {
        let sizes = &[(100, "100"), (10_000, "10k"), (1_000_000, "1m")];
        if self.options.quick { &sizes[..2] } else { sizes }
    }

    /// Whether a figure with this name was asked for.
    pub(crate) fn wants(&self, metric: &str) -> bool {
        !self.is_closed && self.options.only.as_ref().is_none_or(|only| metric.starts_with(only))
    }

    /// Adds a figure.
    pub(crate) fn add(&mut self, metric: &str, ours: f64, peer: f64) {
        let score = Score { metric: metric.to_owned(), ours, peer };
        if self.options.json {
            self.print(&score.to_json());
        } else {
            if self.scores.is_empty() {
                self.print(&format!("{:<52} {:>12} {:>12} {:>8}  {:>16}", "metric", "ours ns", "peer ns", "ratio", "mark"));
            }
            let mark = Mark::of(metric);
            let met = mark.map(|mark| mark.is_met(ours, score.ratio()));
            self.missed += usize::from(met == Some(false));
            let mark = mark.map(|mark| mark.to_string()).unwrap_or_default();
            let word = met.map_or("", |met| if met { "met" } else { "MISSED" });
            let line = format!("{metric:<52} {ours:>12.1} {peer:>12.1} {:>8.2}  {mark:>16}  {word}", score.ratio());
            self.print(line.trim_end());
        }
        self.scores.push(score);
    }

    fn print(&mut self, line: &str) {
        self.is_closed |= writeln!(io::stdout(), "{line}").is_err();
    }

    /// Measures a figure if it was asked for: nanoseconds for each of the `parts` that an iteration has.
    pub(crate) fn duel<A, B>(&mut self, metric: &str, parts: u64, ours: impl FnOnce() -> A, peer: impl FnOnce() -> B)
    where
        A: FnMut(u64) -> Duration,
        B: FnMut(u64) -> Duration,
    {
        let large = metric.split('.').any(|part| part == "1m");
        let effort = Effort {
            rounds: if self.options.quick { 3 } else { 25 },
            round: Duration::from_millis(if large { 10 } else { 4 }),
            singles: None,
        };
        self.duel_with(effort, metric, parts, ours, peer);
    }

    /// The same for events that are short, but long in the making.
    pub(crate) fn duel_of_singles<A, B>(&mut self, metric: &str, ours: impl FnOnce() -> A, peer: impl FnOnce() -> B)
    where
        A: FnMut(u64) -> Duration,
        B: FnMut(u64) -> Duration,
    {
        let budget = Duration::from_millis(if self.options.quick { 30 } else { 150 });
        let effort = Effort { rounds: 2_001, round: Duration::ZERO, singles: Some(budget) };
        self.duel_with(effort, metric, 1, ours, peer);
    }

    /// The same for two threads at a time.
    pub(crate) fn duel_of_pairs<A, B>(&mut self, metric: &str, ours: impl FnOnce() -> A, peer: impl FnOnce() -> B)
    where
        A: FnMut(u64) -> Duration,
        B: FnMut(u64) -> Duration,
    {
        let rounds = if self.options.quick { 3 } else { 7 };
        self.duel_with(Effort { rounds, round: Duration::from_millis(50), singles: None }, metric, 1, ours, peer);
    }

    fn duel_with<A, B>(&mut self, effort: Effort, metric: &str, parts: u64, ours: impl FnOnce() -> A, peer: impl FnOnce() -> B)
    where
        A: FnMut(u64) -> Duration,
        B: FnMut(u64) -> Duration,
    {
        if self.wants(metric) {
            let (ours, peer) = duel(effort, ours(), peer());
            self.add(metric, ours / parts as f64, peer / parts as f64);
        }
    }

    /// Says how it went, and keeps the figures of a whole run.
    pub(crate) fn end(mut self) -> Result<(), End> {
        let (only, quick) = (self.options.only.take(), self.options.quick);
        match only {
            _ if self.is_closed => return Err(End::NotPrinted),
            Some(prefix) if self.scores.is_empty() => return Err(End::NoSuchFigure(prefix)),
            None if !quick => {
                let lines: String = self.scores.iter().map(|score| score.to_json() + "\n").collect();
                latest().and_then(|file| fs::write(file, lines)).map_err(End::NotWritten)?;
            }
            _ => {}
        }
        if !self.options.json {
            let (figures, missed, seconds) = (self.scores.len(), self.missed, self.start.elapsed().as_secs());
            self.print(&format!("{figures} figures, {missed} marks missed, {seconds} s"));
        }
        Ok(())
    }
}
