//! Recorded address spaces of real programs: what a process mapped when it started, each call that changed its mappings, and what the
//! kernel said was mapped at the end. `tests/data/traces/README.md` has the format.
//!
//! [`load`] reads a file, [`Trace::operations`] turns the calls into stores and removals of a range map.

mod error;
mod operations;
mod parse;
mod space;

use std::fmt::{self, Display};
use std::path::Path;

pub use error::{Problem, TraceError};
pub use operations::{Attributes, Change, Operations};

use crate::model::Span;

/// The directory of the traces that come with the tests.
pub fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/traces"))
}

/// Reads a trace from a file.
///
/// # Errors
///
/// If the file cannot be read, or if a line is not what the format says.
pub fn load(path: impl AsRef<Path>) -> Result<Trace, TraceError> {
    let path = path.as_ref();
    match std::fs::read_to_string(path) {
        Ok(text) => text.parse(),
        Err(error) => Err(TraceError::Read { path: path.to_owned(), error }),
    }
}

/// The recording of one address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Where the heap begins, which `brk` moves the end of.
    pub heap: u64,
    /// The names of what is mapped other than memory of one's own: files, mostly. Their number is what identifies them.
    pub objects: Vec<String>,
    /// What was mapped when the program had been loaded.
    pub start: Vec<Mapping>,
    /// What it called, in the order in which the kernel did it, each with the line that it is on.
    pub calls: Vec<(usize, Call)>,
    /// What was mapped after the last call.
    pub end: Vec<Mapping>,
}

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First and last byte.
    pub span: Span,
    /// What may be done with it.
    pub protection: Protection,
    /// Whether writes are seen by others who map the same.
    pub shared: bool,
    /// Where in the file or other object it begins; 0 without one.
    pub offset: u64,
    /// What is mapped.
    pub backing: Backing,
}

/// Read, write, execute: bits 1, 2 and 4, as in the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protection(u8);

impl Protection {
    /// From `rwx`, with `-` for what is not allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0;
        let letters = text.as_bytes();
        for (at, &letter) in b"rwx".iter().enumerate() {
            match letters.get(at) {
                Some(&given) if given == letter => bits |= 1 << at,
                Some(b'-') => {}
                _ => return None,
            }
        }
        (letters.len() == 3).then_some(Self(bits))
    }
}

impl Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in ["r", "w", "x"].into_iter().enumerate() {
            f.write_str(if self.0 >> at & 1 == 1 { letter } else { "-" })?;
        }
        Ok(())
    }
}

/// What is behind a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Backing {
    /// Memory of one's own.
    Anonymous,
    /// The main thread's stack: as `Anonymous`, but it grows downwards without a call.
    Stack,
    /// The file or other object with this number.
    Object(usize),
    /// What the kernel put there itself, such as `[vdso]`.
    Special(String),
}

/// A call that may change what is mapped. Those that the kernel refused are there, too.
#[expect(missing_docs, reason = "the fields are the arguments of the calls")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `mmap`; `backing` is what the kernel showed there afterwards.
    Mmap { length: u64, protection: Protection, flags: u64, backing: Backing, offset: u64, result: Outcome },
    /// `munmap`
    Munmap { address: u64, length: u64, result: Outcome },
    /// `mprotect`, or `pkey_mprotect`
    Mprotect { address: u64, length: u64, protection: Protection, result: Outcome },
    /// `mremap`
    Mremap { address: u64, old_length: u64, new_length: u64, flags: u64, result: Outcome },
    /// `brk`, which gives the end of the heap, changed or not
    Brk { end: u64 },
    /// `shmat`; `length` and `backing` are what the kernel showed there afterwards.
    Shmat { length: u64, protection: Protection, backing: Backing, result: Outcome },
    /// `shmdt`; `length` is what went.
    Shmdt { address: u64, length: u64, result: Outcome },
}

/// What a call returned: an address or 0, or the number of the error.
pub type Outcome = Result<u64, u32>;
