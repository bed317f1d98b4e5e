//! Attacks on removal, by which anyone can check that it never allocates, never fails and never waits.
//!
//! ```text
//! cargo run --release --example attack -- --short     all attacks in small: a few minutes at most
//! cargo run --release --example attack                all attacks
//! ```
//!
//! | attack | what it does |
//! |---|---|
//! | `refuse` | prunes and erases in succession while the allocator refuses every request of the process |
//! | `copies` | lets thousands of copies fail at once, and prunes them from four threads while the allocator refuses |
//! | `bounds` | reaches the worst case of each bound, and tries to pass it with random trees |
//! | `density` | erases and stores at random for long, and looks at the nodes and the height that are left |
//! | `memory` | watches memory come back after a copy failed half-way |
//!
//! Each attack runs in a process of its own, so that one that ends by a signal (as a refused request that nobody expected does) counts
//! as a failure like any other. It ends with one line on the standard output, after the lines of what it found wrong.
//!
//! Exit code: 0 if all is well, 1 if anything is wrong, 2 for arguments that make no sense.

mod books;
mod bounds;
mod copies;
mod costs;
mod density;
mod entries;
mod field;
mod gate;
mod memory;
mod plot;
mod readers;
mod refuse;
mod report;
mod rng;
mod scripts;
mod watched;
mod worst;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

#[global_allocator]
static GATE: gate::Gate = gate::Gate;

const USAGE: &str = "usage: attack [--short] [--only refuse|copies|bounds|density|memory] [--plot FILE.svg]";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attack {
    Refuse,
    Copies,
    Bounds,
    Density,
    Memory,
}

impl Attack {
    const ALL: [Self; 5] = [Self::Refuse, Self::Copies, Self::Bounds, Self::Density, Self::Memory];

    fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Copies => "copies",
            Self::Bounds => "bounds",
            Self::Density => "density",
            Self::Memory => "memory",
        }
    }
}

#[derive(Default, Debug)]
struct Options {
    short: bool,
    only: Option<Attack>,
    plot: Option<PathBuf>,
    help: bool,
}

impl Options {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("short") => options.short = true,
                Long("only") => {
                    let name = parser.value()?.string()?;
                    let attack = Attack::ALL.into_iter().find(|attack| attack.name() == name);
                    options.only = Some(attack.ok_or_else(|| format!("there is no attack '{name}'"))?);
                }
                Long("plot") => options.plot = Some(parser.value()?.into()),
                Short('h') | Long("help") => options.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        if options.plot.is_some() && options.only.is_some_and(|attack| attack != Attack::Memory) {
            return Err("only the attack 'memory' has something to plot".into());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("attack: {error} ({USAGE})");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match options.only {
        Some(attack) => run(attack, &options),
        None => run_all(&options),
    }
}

/// Runs one attack in this process.
fn run(attack: Attack, options: &Options) -> ExitCode {
    report::watch();
    let line = match attack {
        Attack::Refuse => refuse::run(options.short),
        Attack::Copies => copies::run(options.short),
        Attack::Bounds => bounds::run(options.short),
        Attack::Density => density::run(options.short),
        Attack::Memory => memory::run(options.short, options.plot.as_deref()),
    };
    report::print_problems();
    let problems = report::problems();
    println!("{line}, {problems} wrong");
    if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs every attack in a process of its own.
fn run_all(options: &Options) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for attack in Attack::ALL {
        let outcome = env::current_exe().and_then(|program| {
            let mut command = Command::new(program);
            command.arg("--only").arg(attack.name());
            if options.short {
                command.arg("--short");
            }
            if let (Attack::Memory, Some(file)) = (attack, &options.plot) {
                command.arg("--plot").arg(file);
            }
            command.status()
        });
        match outcome {
            Ok(status) if status.success() => {}
            Ok(status) if status.code() == Some(1) => code = ExitCode::FAILURE,
            Ok(status) => {
                println!("{}: ended by {status}", attack.name());
                code = ExitCode::FAILURE;
            }
            Err(error) => {
                println!("{}: cannot be run: {error}", attack.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
