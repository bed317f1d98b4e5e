//! Records the address space of a program as a trace: see `tests/data/traces/README.md`.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod maps;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ptrace;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod recorder;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("record: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    eprintln!("record: only on Linux, on x86-64");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const USAGE: &str = "\
usage: record [--calls N] [--seconds N] FILE COMMAND [ARGUMENT...]

Runs COMMAND and writes what happens in its address space to FILE. The recording ends when the
program exits, after N calls or after N seconds, whichever comes first; the program is then told to
terminate. Other programs that it starts are not recorded; what it becomes by exec is, instead.";

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
type Failure = Box<dyn std::error::Error>;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
struct Options {
    file: std::path::PathBuf,
    command: Vec<std::ffi::OsString>,
    limits: recorder::Limits,
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn options() -> Result<Options, Failure> {
    use lexopt::prelude::*;
    use std::time::Duration;

    let (mut file, mut command) = (None, Vec::new());
    let mut limits = recorder::Limits { calls: usize::MAX, time: None };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("calls") => limits.calls = parser.value()?.parse()?,
            Long("seconds") => limits.time = Some(Duration::from_secs(parser.value()?.parse()?)),
            Long("help") => {
                println!("{USAGE}");
                std::process::exit(0);
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

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run(options: &Options) -> Result<(), Failure> {
    let text = recorder::record(&options.command, &options.limits)?;
    std::fs::write(&options.file, &text)?;
    // Does the replay come to what the kernel says?
    let trace: maple_tests::trace::Trace = text.parse()?;
    let operations = trace.operations()?;
    let mut model = maple_tests::Model::new();
    for &(first, last, value) in &operations.start {
        model.store(maple_tests::pair::closed(first, last), value).map_err(|refusal| format!("{refusal:?}"))?;
    }
    for &change in &operations.changes {
        use maple_tests::trace::Change;
        match change {
            Change::Insert { first, last, value } => model.insert(maple_tests::pair::closed(first, last), value),
            Change::Store { first, last, value } => model.store(maple_tests::pair::closed(first, last), value),
            Change::Remove { first, last } => model.remove(maple_tests::pair::closed(first, last)),
        }
        .map_err(|refusal| format!("{change:x?}: {refusal:?}"))?;
    }
    let settled = operations.settled(model.items());
    let (calls, changes, mappings) = (trace.calls.len(), operations.changes.len(), trace.end.len());
    eprintln!("record: {calls} calls, {changes} changes, {mappings} mappings at the end, {} bytes", text.len());
    for (held, name) in [(&settled, "replayed"), (&operations.end, "kernel's")] {
        let other = if name == "replayed" { &operations.end } else { &settled };
        for &(first, last, value) in held.iter().filter(|item| !other.contains(item)) {
            let attributes = &operations.attributes[usize::try_from(value)?];
            eprintln!("only in the {name} map: {first:x}-{:x} {attributes:?}", last + 1);
        }
    }
    if settled == operations.end { Ok(()) } else { Err("the replay ends with another map than the kernel's".into()) }
}
