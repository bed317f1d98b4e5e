//! Recorded address spaces of real programs.

use crate::Span;
use crate::subject::{Change, RangeTable};
use maple_tests::trace;
use std::fs;

/// One change of an address space.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Where nothing is.
    Insert(Span, u64),
    /// Over whatever is there.
    Store(Span, u64),
    /// Everything inside.
    Remove(Span),
}

impl From<trace::Change> for Step {
    fn from(change: trace::Change) -> Self {
        match change {
            trace::Change::Insert { first, last, value } => Self::Insert((first, last), value),
            trace::Change::Store { first, last, value } => Self::Store((first, last), value),
            trace::Change::Remove { first, last } => Self::Remove((first, last)),
        }
    }
}

/// What one program did.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was mapped when it started.
    pub start: Vec<(Span, u64)>,
    /// What it changed.
    pub steps: Vec<Step>,
}

impl Recording {
    /// The address space at the start.
    pub fn begin<S: RangeTable>(&self) -> S {
        S::bulk(self.start.iter().copied())
    }

    /// Does all steps.
    pub fn run<S: RangeTable>(&self, subject: &mut S) {
        for &step in &self.steps {
            match step {
                Step::Insert(span, value) => subject.apply(Change::Build(span, value)),
                Step::Store(span, value) => subject.store(span, value),
                Step::Remove(span) => subject.remove(span),
            }
        }
    }
}

/// The recordings that come with the tests, ordered by name.
///
/// # Panics
///
/// If one cannot be read.
pub fn recordings() -> Vec<Recording> {
    let directory = fs::read_dir(trace::directory()).expect("the traces are in the repository");
    let mut files: Vec<_> = directory.map(|file| file.expect("a file of the repository").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "trace"));
    files.sort();
    files.iter().map(|file| recording(&trace::load(file).and_then(|trace| trace.operations()).expect("a sound trace"))).collect()
}

fn recording(operations: &trace::Operations) -> Recording {
    Recording {
        start: operations.start.iter().map(|&(first, last, value)| ((first, last), value)).collect(),
        steps: operations.changes.iter().map(|&change| change.into()).collect(),
    }
}
