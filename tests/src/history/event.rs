//! What is written down.

use super::clock::Time;
use std::fmt;

/// What a value is known by: every store has its own.
pub type Id = u32;

/// An entry with its range, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    /// First index.
    pub first: u64,
    /// Last index.
    pub last: u64,
    /// Its value.
    pub id: Id,
}

/// A call that takes the writers' lock. Not all change something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// `store`
    Store(Item),
    /// `insert`
    Insert(Item),
    /// `replace`, with this value
    Replace(u64, Id),
    /// `erase`
    Erase(u64),
    /// `remove`, of this range
    Remove(u64, u64),
    /// `remove_whole`
    RemoveWhole(u64, u64),
    /// `prune`
    Prune(u64),
    /// `prune_in_place`
    PruneInPlace(u64),
    /// `prune_cut`
    PruneCut(u64),
    /// `retain` of those whose id, divided by the first number, does not leave the second
    Retain(Id, Id),
    /// `clear`
    Clear,
    /// `compact`
    Compact,
    /// `get_range` in a session
    Get(u64),
    /// `iter` in a session
    Walk,
    /// `dup`, or `try_dup_with` and a closure that fails at this entry, counted from 0
    Copy(Option<usize>),
}

/// How a prune was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// There was nothing to remove.
    Nothing,
    /// At one instant.
    AtOnce,
    /// Piece by piece.
    Pieces,
}

/// What a call that takes the lock returned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Nothing to say.
    Done,
    /// An `insert` found this range in the way.
    Occupied(u64, u64),
    /// A `replace` found nothing but this gap.
    Vacant(u64, u64),
    /// An `erase` or a `replace` took this out.
    Took(Option<Item>),
    /// A prune was done like this.
    Pruned(Form),
    /// A `prune_cut` had no node to cut the entry with this range.
    WouldCut(u64, u64),
    /// A `get_range` found this.
    Found(u64, u64, Option<Id>),
    /// A walk or a copy has these entries.
    Entries(Vec<Item>),
    /// A copy stopped at this entry and has those.
    Stopped(Item, Vec<Item>),
}

/// One call that takes the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Who called.
    pub thread: usize,
    /// The number of the writer's turn. Those of one turn follow each other in the order in which they were written down.
    pub turn: u64,
    /// Before this time nobody can have seen it: the lock was not yet taken, or the call of the session not made.
    pub begin: Time,
    /// After this time everybody must see it: the call, or the session, was over.
    pub end: Time,
    /// What was asked for.
    pub change: Change,
    /// What came back.
    pub answer: Answer,
}

/// What a look-up returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Of `get`, `get_many`.
    Value(Option<Id>),
    /// Of `get_range`.
    Range(u64, u64, Option<Id>),
    /// Of `contains`.
    Covered(bool),
}

/// One look-up beside writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Who called.
    pub thread: usize,
    /// When it began.
    pub begin: Time,
    /// When it ended.
    pub end: Time,
    /// The index that was asked for.
    pub index: u64,
    /// What came back.
    pub seen: Seen,
}

/// What a walk came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// First index.
    pub first: u64,
    /// Last index.
    pub last: u64,
    /// Its value; nothing for a gap.
    pub id: Option<Id>,
    /// In which of the walk's sections.
    pub section: usize,
    /// When the step that brought it was over.
    pub time: Time,
}

/// One walk beside writers, by an iterator or a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Who called.
    pub thread: usize,
    /// What kind of walk.
    pub name: &'static str,
    /// When it began, and when it came from the root again because it was asked to (a cursor that was paused). At least one.
    pub sections: Vec<Time>,
    /// When it ended.
    pub end: Time,
    /// First index of its window.
    pub first: u64,
    /// Last index of its window.
    pub last: u64,
    /// What came from the front, in that order.
    pub front: Vec<Met>,
    /// What came from the back, in that order.
    pub back: Vec<Met>,
    /// Whether it went on until nothing was left.
    pub over: bool,
    /// Whether entries are among what it looks for.
    pub entries: bool,
    /// Whether gaps are.
    pub gaps: bool,
}

/// All that happened to a tree for some time. Threads were there from the beginning to the end, and nobody else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The entries before anything happened.
    pub before: Vec<Item>,
    /// The calls that took the lock, in any order, but those of one turn in theirs.
    pub changes: Vec<Changed>,
    /// The look-ups beside them, in any order.
    pub looks: Vec<Look>,
    /// The walks beside them.
    pub scans: Vec<Scan>,
    /// The entries after everything happened, if somebody looked.
    pub after: Option<Vec<Item>>,
}

impl History {
    /// Puts what another thread wrote down beside this.
    pub fn join(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.looks.extend(other.looks);
        self.scans.extend(other.scans);
    }

    /// Puts the changes in the order in which they were made.
    pub fn sort(&mut self) {
        self.changes.sort_by_key(|change| change.turn);
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} at {:#x}..={:#x}", self.id, self.first, self.last)
    }
}

struct Within<'a>(&'static str, &'a u64, &'a u64);

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:#x}..={:#x}", self.0, self.1, self.2)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(item) => write!(f, "store {item}"),
            Self::Insert(item) => write!(f, "insert {item}"),
            Self::Replace(index, id) => write!(f, "replace at {index:#x} by #{id}"),
            Self::Erase(index) => write!(f, "erase at {index:#x}"),
            Self::Remove(first, last) => Within("remove", first, last).fmt(f),
            Self::RemoveWhole(first, last) => Within("remove_whole", first, last).fmt(f),
            Self::Prune(from) => write!(f, "prune from {from:#x}"),
            Self::PruneInPlace(from) => write!(f, "prune_in_place from {from:#x}"),
            Self::PruneCut(from) => write!(f, "prune_cut from {from:#x}"),
            Self::Retain(by, rest) => write!(f, "retain all but #id % {by} = {rest}"),
            Self::Clear => f.write_str("clear"),
            Self::Compact => f.write_str("compact"),
            Self::Get(index) => write!(f, "get_range {index:#x} in a session"),
            Self::Walk => f.write_str("walk in a session"),
            Self::Copy(None) => f.write_str("dup"),
            Self::Copy(Some(at)) => write!(f, "try_dup_with, failing at entry {at}"),
        }
    }
}

fn found(f: &mut fmt::Formatter<'_>, first: u64, last: u64, id: Option<Id>) -> fmt::Result {
    match id {
        Some(id) => write!(f, "{}", Item { first, last, id }),
        None => write!(f, "{}", Within("gap", &first, &last)),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Occupied(first, last) => Within("occupied", first, last).fmt(f),
            Self::Vacant(first, last) => Within("vacant", first, last).fmt(f),
            Self::Took(None) => f.write_str("nothing there"),
            Self::Took(Some(item)) => write!(f, "took {item}"),
            Self::Pruned(form) => write!(f, "{form:?}"),
            Self::WouldCut(first, last) => Within("would cut", first, last).fmt(f),
            Self::Found(first, last, id) => found(f, *first, *last, *id),
            Self::Entries(items) => write!(f, "{} entries", items.len()),
            Self::Stopped(at, items) => write!(f, "stopped at {at} after {} entries", items.len()),
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, turn, begin, end, change, answer } = self;
        write!(f, "{begin:>12} to {end:>12}  thread {thread}, turn {turn}: {change} -> {answer}")
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, begin, end, index, seen } = self;
        write!(f, "{begin:>12} to {end:>12}  thread {thread}: look-up at {index:#x} -> ")?;
        match seen {
            Seen::Value(None) => f.write_str("nothing"),
            Seen::Value(Some(id)) => write!(f, "#{id}"),
            Seen::Range(first, last, id) => found(f, *first, *last, *id),
            Seen::Covered(covered) => write!(f, "covered: {covered}"),
        }
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "until {:>12}: ", self.time)?;
        found(f, self.first, self.last, self.id)
    }
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, name, sections, end, first, last, front, back, .. } = self;
        write!(
            f,
            "{:>12} to {end:>12}  thread {thread}: {name} of {first:#x}..={last:#x} -> {} from the front, {} from the back",
            sections[0],
            front.len(),
            back.len()
        )
    }
}
