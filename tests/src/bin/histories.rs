//! Lets threads work on trees, writes down what they do, and checks that it fits together: see `maple_tests::history`.
//!
//! ```text
//! cargo run --release -p maple-tests --bin histories -- --seconds 600 --threads 4 --seed 1
//! ```
//!
//! Exit code: 0 if all is well, 1 if anything is wrong (with the calls that show it), 2 for arguments that make no sense.

use maple_tests::history::arena::{Crossed, Flavour, cross_check, run};
use maple_tests::history::check::Report;
use maple_tests::shapes::Rng;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "histories [--seconds N] [--threads 1..=64] [--seed N] [--only epoch|grace]";

/// Trees of one flavour after another.
const ROUNDS: usize = 8;

struct Options {
    seconds: u64,
    threads: usize,
    seed: u64,
    flavours: Vec<Flavour>,
    help: bool,
}

impl Options {
    fn parse() -> Result<Self, Box<dyn Error>> {
        use lexopt::prelude::*;
        let mut options = Self { seconds: 10, threads: 4, seed: 1, flavours: vec![Flavour::Epoch, Flavour::Grace], help: false };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("seconds") => options.seconds = parser.value()?.parse()?,
                Long("threads") => options.threads = parser.value()?.parse()?,
                Long("seed") => options.seed = parser.value()?.parse()?,
                Long("only") => {
                    let name = parser.value()?.string()?;
                    options.flavours = vec![match name.as_str() {
                        "epoch" => Flavour::Epoch,
                        "grace" => Flavour::Grace,
                        _ => return Err(format!("no flavour '{name}'").into()),
                    }];
                }
                Short('h') | Long("help") => options.help = true,
                _ => return Err(argument.unexpected().into()),
            }
        }
        if !(1..=64).contains(&options.threads) {
            return Err("from 1 to 64 threads".into());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("histories: {error} ({USAGE})");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let start = Instant::now();
    let mut rng = Rng(options.seed);
    let mut totals = vec![(Report::default(), Crossed::default(), 0); options.flavours.len()];
    while start.elapsed() < Duration::from_secs(options.seconds) {
        for (flavour, (report, crossed, trees)) in options.flavours.iter().zip(&mut totals) {
            let done = run(*flavour, &mut rng, options.threads, ROUNDS)
                .and_then(|done| Ok((done, cross_check(*flavour, &mut rng, 20)?)));
            match done {
                Ok((checked, cross_checked)) => {
                    *report += checked;
                    *crossed += cross_checked;
                    *trees += 1;
                }
                Err(failure) => {
                    println!("wrong, after {:.3} s: {failure}", start.elapsed().as_secs_f64());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    for (flavour, (report, Crossed { as_written, altered, refused }, trees)) in options.flavours.iter().zip(&totals) {
        println!("{flavour:?}: {trees} trees, {report}");
        println!(
            "{flavour:?}: {as_written} short histories checked in two ways, and {altered} altered ones, of which both refused {refused}"
        );
    }
    println!("nothing wrong in {:.1} s", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
