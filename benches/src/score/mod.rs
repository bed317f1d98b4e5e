//! Figures that are compared: measuring two sides against each other, the marks to reach, and the form in which they are kept.

mod mark;

pub use mark::Mark;

use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// One figure of ours and the same of a peer, in nanoseconds, or in bytes per entry for `bytes_per_entry.…`.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// Its name, the parts separated by dots.
    pub metric: String,
    /// Ours.
    pub ours: f64,
    /// The peer's.
    pub peer: f64,
}

impl Score {
    /// How far ahead ours is: 1 is even.
    pub fn ratio(&self) -> f64 {
        self.peer / self.ours
    }

    /// As an object on one line.
    pub fn to_json(&self) -> String {
        json!({ "metric": self.metric, "ours_ns": self.ours, "peer_ns": self.peer, "ratio": self.ratio() }).to_string()
    }

    /// What [`to_json`](Self::to_json) wrote.
    pub fn from_json(line: &str) -> Option<Self> {
        let object: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| object[name].as_f64();
        Some(Self { metric: object["metric"].as_str()?.to_owned(), ours: number("ours_ns")?, peer: number("peer_ns")? })
    }
}

/// Where a run of the scorecard leaves its figures: in the directory that cargo builds in.
///
/// # Errors
///
/// The path of the running program is not known.
pub fn latest() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?;
    Ok(target.join("scorecard.jsonl"))
}

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Pairs of rounds.
    pub rounds: usize,
    /// How long a round is to take. It has one iteration at least.
    pub round: Duration,
    /// One event a round, and rounds for as long as this: for what is short, but long in the making.
    pub singles: Option<Duration>,
}

/// Measures two jobs in turn, and returns the medians of their rounds: nanoseconds for one iteration of each.
pub fn duel(effort: Effort, mut ours: impl FnMut(u64) -> Duration, mut peer: impl FnMut(u64) -> Duration) -> (f64, f64) {
    // At the same time a warm-up.
    let (n, m) = (calibrate(effort, &mut ours), calibrate(effort, &mut peer));
    let (mut times, mut others) = (Vec::new(), Vec::new());
    let start = Instant::now();
    // Long rounds are steadier, and there is no time for many of them.
    let budget = effort.singles.unwrap_or(60 * effort.round);
    let more = || start.elapsed() < budget;
    while times.len() < effort.rounds && (times.len() < 5 || more()) {
        times.push(ours(n).as_nanos() as f64 / n as f64);
        others.push(peer(m).as_nanos() as f64 / m as f64);
    }
    (median(times), median(others))
}

/// Iterations that make a round.
fn calibrate(effort: Effort, job: &mut impl FnMut(u64) -> Duration) -> u64 {
    if effort.singles.is_some() {
        job(1);
        return 1;
    }
    let mut iterations = 1;
    loop {
        // With what is not timed, so that it does not take for ever. The least of three, because another program may get in between.
        let mut took = Duration::MAX;
        let begin = Instant::now();
        for _ in 0..3 {
            let start = Instant::now();
            job(iterations);
            took = took.min(start.elapsed());
            if took < effort.round / 2 || begin.elapsed() > 20 * effort.round {
                break;
            }
        }
        if took >= effort.round / 2 {
            return ((iterations as f64 * effort.round.as_secs_f64() / took.as_secs_f64()) as u64).max(1);
        }
        iterations *= 2;
    }
}

/// The one in the middle.
///
/// # Panics
///
/// If there is none.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_survive_the_file() {
        let score = Score { metric: "load.10k.vs_scc".to_owned(), ours: 12.5, peer: 50.0 };
        assert_eq!(Score::from_json(&score.to_json()), Some(score.clone()));
        assert_eq!(score.ratio(), 4.0);
        assert_eq!(Score::from_json("{}"), None);
    }

    /// A job of 100 microseconds an iteration, which are said to be as many `nanoseconds`.
    fn steady(nanoseconds: u64, calls: &mut Vec<u64>) -> impl FnMut(u64) -> Duration {
        move |iterations| {
            std::thread::sleep(Duration::from_micros(100 * iterations));
            calls.push(iterations);
            Duration::from_nanos(nanoseconds * iterations)
        }
    }

    #[test]
    fn a_round_is_as_long_as_asked_for() {
        let effort = Effort { rounds: 6, round: Duration::from_millis(2), singles: None };
        let (mut calls, mut others) = (Vec::new(), Vec::new());
        assert_eq!(duel(effort, steady(5, &mut calls), steady(7, &mut others)), (5.0, 7.0));
        assert!(calls.iter().rev().take(5).all(|&iterations| iterations > 1), "{calls:?}");
        assert!(others.len() > 5, "{others:?}");
    }

    #[test]
    fn single_events_are_not_repeated() {
        let effort = Effort { rounds: 6, round: Duration::ZERO, singles: Some(Duration::from_secs(60)) };
        let mut calls = Vec::new();
        assert_eq!(duel(effort, steady(5, &mut calls), steady(7, &mut Vec::new())), (5.0, 7.0));
        assert_eq!(calls, [1; 7], "a warm-up and six rounds");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 100.0, 1.0]), 3.0);
    }
}
