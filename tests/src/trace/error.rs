//! What can be wrong with a trace.

use std::error::Error;
use std::fmt::{self, Display};
use std::io;
use std::path::PathBuf;

use crate::model::Span;

/// Why a trace cannot be used.
#[derive(Debug)]
pub enum TraceError {
    /// The file cannot be read.
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is something wrong with a line.
    Line {
        /// Its number, from 1 on.
        line: usize,
        /// What is wrong.
        problem: Problem,
    },
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The first line is not the name and version of the format.
    Header,
    /// No line begins with this word, or not at this place in a trace.
    Unexpected(String),
    /// The line ends before this field.
    Missing(&'static str),
    /// The line goes on after its last field.
    Surplus(String),
    /// This field cannot be this.
    Field(&'static str, String),
    /// Pages of any other size are not understood.
    PageSize(u64),
    /// A mapping is empty, or overlaps the one before, or is not made of whole pages.
    Span(u64, u64),
    /// The trace ends without its last line.
    Truncated,
    /// The last line counts other calls than there are.
    Calls {
        /// What the line says.
        told: usize,
        /// How many there are.
        seen: usize,
    },
    /// The kernel did something with these bytes that it cannot have done if nothing was mapped there, but the replay has a gap in them.
    Unmapped(Span),
    /// The kernel chose these bytes because they were free, but the replay has something there.
    Occupied(Span),
    /// Nobody has needed this so far.
    Unsupported(&'static str),
}

impl Problem {
    pub(super) fn on(self, line: usize) -> TraceError {
        TraceError::Line { line, problem: self }
    }
}

impl Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Line { line, problem } => write!(f, "line {line}: {problem}"),
        }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("not a trace of this version"),
            Self::Unexpected(word) => write!(f, "unexpected `{word}`"),
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::Surplus(word) => write!(f, "`{word}` after the last field"),
            Self::Field(field, word) => write!(f, "{field} cannot be `{word}`"),
            Self::PageSize(size) => write!(f, "pages of {size} bytes"),
            Self::Span(start, end) => write!(f, "{start:x} to {end:x} is empty, out of order, or no whole number of pages"),
            Self::Truncated => f.write_str("the trace ends here"),
            Self::Calls { told, seen } => write!(f, "{told} calls by this line, {seen} by count"),
            Self::Unmapped((first, last)) => write!(f, "nothing is mapped somewhere in {first:x}..={last:x}"),
            Self::Occupied((first, last)) => write!(f, "something is mapped in {first:x}..={last:x}"),
            Self::Unsupported(what) => write!(f, "{what} is not supported"),
        }
    }
}

impl Error for TraceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            Self::Line { .. } => None,
        }
    }
}
