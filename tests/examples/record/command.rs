//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, process};

use lexopt::prelude::*;
use maple_tests::trace::Trace;

use crate::recorder::{self, Limits};

const USAGE: &str = "\
usage: record [--calls N] [--seconds N] FILE COMMAND [ARGUMENT...]

Runs COMMAND and writes what happens in its address space to FILE. The recording ends when the
program exits, after N calls or after N seconds, whichever comes first; the program is then told to
terminate. Other programs that it starts are not recorded; what it becomes by exec is, instead.";

/// Why there is no trace, or none to trust.
pub(crate) type Failure = Box<dyn Error>;

/// What was asked for.
pub(crate) struct Options {
    file: PathBuf,
    command: Vec<OsString>,
    limits: Limits,
}

/// What the command line asks for.
pub(crate) fn options() -> Result<Options, Failure> {
    let (mut file, mut command) = (None, Vec::new());
    let mut limits = Limits { calls: usize::MAX, time: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("calls") => limits.calls = parser.value()?.parse()?,
            Long("seconds") => limits.time = Some(Duration::from_secs(parser.value()?.parse()?)),
            Long("help") => {
                println!("{USAGE}");
                process::exit(0);
            }
            Value(name) if file.is_none() => {
                file = Some(name.into());
                // What follows are the command's own options.
                command.extend(parser.raw_args()?);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    match file {
        Some(file) if !command.is_empty() => Ok(Options { file, command, limits }),
        _ => Err(USAGE.into()),
    }
}

/// Records, and replays what was recorded.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let text = recorder::record(&options.command, &options.limits)?;
    fs::write(&options.file, &text)?;
    // Does the replay come to what the kernel says?
    let trace: Trace = text.parse()?;
    let operations = trace.operations()?;
    let mut model = operations.model();
    for change in &operations.changes {
        change.run(&mut model).map_err(|refusal| format!("{change:x?}: {refusal:?}"))?;
    }
    let settled = operations.settled(model.items());
    let (calls, changes, mappings) = (trace.calls.len(), operations.changes.len(), trace.end.len());
    eprintln!("record: {calls} calls, {changes} changes, {mappings} mappings at the end, {} bytes", text.len());
    for (whose, held, other) in [("replay's", &settled, &operations.end), ("kernel's", &operations.end, &settled)] {
        for &(first, last, value) in held.iter().filter(|item| !other.contains(item)) {
            let attributes = &operations.attributes[usize::try_from(value)?];
            eprintln!("only in the {whose} map: {first:x}-{:x} {attributes:?}", last + 1);
        }
    }
    if settled == operations.end { Ok(()) } else { Err("the replay ends with another map than the kernel's".into()) }
}
