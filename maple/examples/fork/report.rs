//! What was measured, for people and for programs.

use crate::strategies::{Outcome, Strategy};
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// The outcome of one strategy at one failure point, over several rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    strategy: Strategy,
    entries: usize,
    fail_at: usize,
    outcome: Outcome,
}

impl Row {
    /// Medians of the times; the worst of everything else.
    pub(crate) fn new(strategy: Strategy, entries: usize, fail_at: usize, rounds: &[Outcome]) -> Self {
        let median = |time: fn(&Outcome) -> Duration| {
            let mut times: Vec<_> = rounds.iter().map(time).collect();
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        };
        let worst = |count: fn(&Outcome) -> u64| rounds.iter().map(count).max().unwrap_or_default();
        let outcome = Outcome {
            recovery: median(|round| round.recovery),
            memory_back: median(|round| round.memory_back),
            nodes_taken: worst(|round| round.nodes_taken),
            allocator_calls: worst(|round| round.allocator_calls),
            entries_kept: rounds.iter().map(|round| round.entries_kept).min().unwrap_or_default(),
            prefix_ok: rounds.iter().all(|round| round.prefix_ok),
            parents_met: worst(|round| round.parents_met),
        };
        Self { strategy, entries, fail_at, outcome }
    }

    /// One line for programs.
    pub(crate) fn json(&self) -> String {
        let Self { strategy, entries, fail_at, outcome } = self;
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        json!({
            "strategy": strategy.name(),
            "entries": entries,
            "fail_at": fail_at,
            "recovery_ns": nanos(outcome.recovery),
            "memory_back_ns": nanos(outcome.memory_back),
            "nodes_taken": outcome.nodes_taken,
            "allocator_calls": outcome.allocator_calls,
            "entries_kept": outcome.entries_kept,
            "prefix_ok": outcome.prefix_ok,
        })
        .to_string()
    }
}

/// The head of the table.
pub(crate) const HEAD: &str =
    "strategy            recovery  memory back  nodes taken  allocator calls  entries kept  prefix kept";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { recovery, memory_back, nodes_taken, allocator_calls, entries_kept, prefix_ok, .. } = self.outcome;
        write!(
            f,
            "{:<16} {:>11}  {:>11}  {:>11}  {:>15}  {:>12}  {:>11}",
            self.strategy.name(),
            time(recovery),
            time(memory_back),
            count(nodes_taken),
            count(allocator_calls),
            count(entries_kept as u64),
            if prefix_ok { "yes" } else { "no" },
        )
    }
}

/// What the rows of one failure point say, in one sentence, in lines no longer than those of the table.
pub(crate) fn summary(rows: &[Row]) -> Option<String> {
    let find = |strategy| rows.iter().find(|row| row.strategy == strategy);
    let (marker, teardown) = (find(Strategy::Marker)?, find(Strategy::Teardown)?);
    let (each, prune) = (find(Strategy::EraseEach)?, find(Strategy::PruneShared)?);
    let took = |row: &Row| {
        let ratio = row.outcome.recovery.as_secs_f64() / prune.outcome.recovery.as_secs_f64().max(1e-9);
        let times = match ratio {
            10.0.. => format!(" ({} times as long)", count(ratio as u64)),
            1.05.. => format!(" ({ratio:.1} times as long)"),
            _ => String::new(),
        };
        format!("{}{times}", time(row.outcome.recovery))
    };
    let sentence = format!(
        "When entry {} of {} fails, a prune beside a reader takes {}, {} and {} of the allocator, and what was copied ({}) lives \
         on; a teardown takes {} and leaves nothing, erasing the tail one by one takes {}, and behind a marker a reader \
         still met {} of the parent's.",
        count(prune.fail_at as u64),
        count(prune.entries as u64),
        time(prune.outcome.recovery),
        counted(prune.outcome.nodes_taken, "node", "nodes"),
        counted(prune.outcome.allocator_calls, "call", "calls"),
        counted(prune.outcome.entries_kept as u64, "entry", "entries"),
        took(teardown),
        took(each),
        counted(marker.outcome.parents_met, "entry", "entries"),
    );
    let mut lines = String::new();
    let mut width = 0;
    for word in sentence.split(' ') {
        let room = width + 1 + word.len() <= HEAD.len();
        lines.extend((width > 0).then_some(if room { ' ' } else { '\n' }));
        lines.push_str(word);
        width = if room { width + 1 + word.len() } else { word.len() };
    }
    Some(lines)
}

/// A time with three digits and its unit.
fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (value, unit) = match nanos {
        ..999.5 => return format!("{nanos} ns"),
        ..999.5e3 => (nanos / 1e3, "us"),
        ..999.5e6 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s "),
    };
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}
