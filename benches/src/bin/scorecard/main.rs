//! The headline figures in under three minutes: ours and the peer's in turn, medians of rounds.
//!
//! ```text
//! cargo run --release -p maple-benches --bin scorecard                         a table
//! cargo run --release -p maple-benches --bin scorecard -- --json               one object a line
//! cargo run --release -p maple-benches --bin scorecard -- --only load.10k      figures whose names begin like this
//! cargo run --release -p maple-benches --bin scorecard -- --quick              roughly, and without the largest maps
//! ```
//!
//! A whole run leaves its figures in `scorecard.jsonl` in the target directory, for `plots`. Ranges are adjacent. Exit code: 0, or 2 for
//! arguments that make no sense and 1 when the file cannot be written.

mod card;
mod figures;

use card::{Card, Options};
use std::process::ExitCode;

const USAGE: &str = "usage: scorecard [--json] [--only PREFIX] [--quick]";

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("scorecard: {error} ({USAGE})");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let mut card = Card::begin(options);
    figures::measure(&mut card);
    match card.end() {
        Ok(()) => ExitCode::SUCCESS,
        Err(card::End::NoSuchFigure(prefix)) => {
            eprintln!("scorecard: no figure begins with '{prefix}' ({USAGE})");
            ExitCode::from(2)
        }
        Err(card::End::NotPrinted) => ExitCode::FAILURE,
        Err(card::End::NotWritten(error)) => {
            eprintln!("scorecard: the figures cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}
