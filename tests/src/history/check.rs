//! Whether all answers of a history fit together.

use super::cells::Cells;
use super::clock::Time;
use super::event::{History, Look, Seen};
use super::scan;
use super::versions::{Segment, Version, Versions, Violation};
use std::collections::HashMap;
use std::fmt;
use std::ops::AddAssign;

/// What was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls that took the lock.
    pub changes: usize,
    /// Copies among them.
    pub copies: usize,
    /// Look-ups.
    pub looks: usize,
    /// Look-ups during which a change was under way.
    pub contended: usize,
    /// Walks.
    pub scans: usize,
    /// What these came by.
    pub met: usize,
    /// The most changes that one look-up may have seen or not.
    pub look_overlap: usize,
    /// The most changes that were made during one walk.
    pub scan_overlap: usize,
    /// The longest walk in nanoseconds.
    pub longest_scan: Time,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.changes += other.changes;
        self.copies += other.copies;
        self.looks += other.looks;
        self.contended += other.contended;
        self.scans += other.scans;
        self.met += other.met;
        self.look_overlap = self.look_overlap.max(other.look_overlap);
        self.scan_overlap = self.scan_overlap.max(other.scan_overlap);
        self.longest_scan = self.longest_scan.max(other.longest_scan);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes, copies, looks, contended, scans, met, look_overlap, scan_overlap, longest_scan } = self;
        write!(
            f,
            "{changes} calls under the lock ({copies} copies), {looks} look-ups ({contended} while something changed), {scans} scans of {met} steps; \
             longest overlap: a look-up with {look_overlap} changes, a scan with {scan_overlap} in {} us",
            longest_scan / 1000
        )
    }
}

/// When something happens that the pass over a history cares for.
#[derive(Debug, Clone, Copy)]
enum Mark {
    LookBegins(usize),
    SectionBegins(usize, usize),
    ChangeEnds(usize),
    LookEnds(usize),
    ScanEnds(usize),
}

impl Mark {
    fn is_end(self) -> bool {
        matches!(self, Self::ChangeEnds(_) | Self::LookEnds(_) | Self::ScanEnds(_))
    }
}

/// Checks a history whose changes are [sorted](History::sort).
///
/// # Errors
///
/// The first call, in the order in which calls ended, that cannot have returned what it did.
pub fn check(history: &History, cells: &Cells) -> Result<Report, Violation> {
    let versions = Versions::of(history, cells)?;
    let mut pass = Pass {
        versions: &versions,
        reached: 0,
        look_floors: vec![0; history.looks.len()],
        section_floors: history.scans.iter().map(|scan| vec![0; scan.sections.len()]).collect(),
        pieces: HashMap::new(),
        report: Report { changes: history.changes.len(), copies: versions.copies(), ..Report::default() },
    };
    let mut marks: Vec<(Time, Mark)> = Vec::with_capacity(history.changes.len() + 2 * history.looks.len());
    marks.extend(history.changes.iter().enumerate().map(|(at, changed)| (changed.end, Mark::ChangeEnds(at))));
    for (at, look) in history.looks.iter().enumerate() {
        marks.extend([(look.begin, Mark::LookBegins(at)), (look.end, Mark::LookEnds(at))]);
    }
    for (at, scan) in history.scans.iter().enumerate() {
        marks.extend(scan.sections.iter().enumerate().map(|(section, time)| (*time, Mark::SectionBegins(at, section))));
        marks.push((scan.end, Mark::ScanEnds(at)));
    }
    // What begins when something else ends did not begin after it.
    marks.sort_unstable_by_key(|(time, mark)| (*time, mark.is_end()));
    for (_, mark) in marks {
        pass.step(mark)?;
    }
    Ok(pass.report)
}

/// A removal that works piece by piece, and one of the entries that it took.
type Piece = (Version, usize);

struct Pass<'v> {
    versions: &'v Versions<'v>,
    /// No call that begins now may see a version before this one.
    reached: Version,
    look_floors: Vec<Version>,
    section_floors: Vec<Vec<Version>>,
    /// When a call ended that knew this piece gone.
    pieces: HashMap<Piece, Time>,
    report: Report,
}

impl Pass<'_> {
    fn step(&mut self, mark: Mark) -> Result<(), Violation> {
        match mark {
            Mark::LookBegins(at) => self.look_floors[at] = self.reached,
            Mark::SectionBegins(at, section) => self.section_floors[at][section] = self.reached,
            Mark::ChangeEnds(at) => self.reached = self.reached.max(2 * (at + 1)),
            Mark::LookEnds(at) => {
                let floor = self.look_floors[at];
                let version = self.look(&self.versions.history.looks[at], floor)?;
                self.reached = self.reached.max(version);
            }
            Mark::ScanEnds(at) => {
                let scan = &self.versions.history.scans[at];
                let floors = &self.section_floors[at];
                let version = scan::check(self.versions, scan, floors)?;
                let overlap = (self.versions.newest(scan.end) - floors[0]).div_ceil(2);
                self.report.scans += 1;
                self.report.met += scan.front.len() + scan.back.len();
                self.report.scan_overlap = self.report.scan_overlap.max(overlap);
                self.report.longest_scan = self.report.longest_scan.max(scan.end - scan.sections[0]);
                self.reached = self.reached.max(version);
            }
        }
        Ok(())
    }

    /// The first version that fits.
    fn look(&mut self, look: &Look, floor: Version) -> Result<Version, Violation> {
        let versions = self.versions;
        let (cell, top) = (versions.cells.of(look.index), versions.newest(look.end));
        let overlap = (top - floor).div_ceil(2);
        self.report.looks += 1;
        self.report.contended += usize::from(overlap > 0);
        self.report.look_overlap = self.report.look_overlap.max(overlap);
        let fits = |life: Option<usize>| match look.seen {
            Seen::Value(id) => life.map(|life| versions.life(life).id) == id,
            Seen::Covered(covered) => life.is_some() == covered,
            Seen::Range(_, _, None) => life.is_none(),
            Seen::Range(first, last, Some(id)) => {
                life.map(|life| versions.item(life)).is_some_and(|item| (item.first, item.last, item.id) == (first, last, id))
            }
        };
        let refuse = |what: &str, cell| {
            let mut calls = versions.story(cell, floor, top);
            calls.push(look.to_string());
            Violation { what: what.into(), calls }
        };
        // What a removal takes piece by piece stays taken.
        let is_gone = |version: Version, segment: &Segment| {
            let piece = segment.life.filter(|_| version % 2 == 1 && segment.until == version + 1);
            piece.and_then(|life| self.pieces.get(&(version, life))).is_some_and(|end| *end < look.begin)
        };
        let fitting = versions.held(cell, floor, top).filter(|segment| fits(segment.life));
        let mut fitting = fitting.map(|segment| (segment.from.max(floor), *segment)).peekable();
        let fits_but_is_gone = fitting.peek().is_some();
        let Some((version, segment)) = fitting.find(|(version, segment)| !is_gone(*version, segment)) else {
            if fits_but_is_gone {
                return Err(refuse("a stale look-up: somebody had already seen this entry gone", cell));
            }
            let chain = versions.chain(cell);
            let of_id = |life: usize| match look.seen {
                Seen::Value(id) | Seen::Range(_, _, id) => id == Some(versions.life(life).id),
                Seen::Covered(_) => false,
            };
            return Err(if chain.iter().any(|segment| segment.until <= floor && fits(segment.life)) {
                refuse("a stale look-up: what it saw was gone when it began, or somebody had already seen something newer", cell)
            } else if chain.iter().any(|segment| segment.from > top && fits(segment.life)) {
                refuse("a look-up saw the future", cell)
            } else if chain.iter().any(|segment| segment.life.is_some_and(of_id)) {
                refuse("a torn range: the entry never was there under this range", cell)
            } else {
                refuse("a look-up saw what never was there", cell)
            });
        };
        if let Seen::Range(first, last, None) = look.seen {
            if first > look.index || look.index > last {
                return Err(refuse("a gap that is not around the index", cell));
            }
            let Some(gap) = versions.cells.exactly(first, last) else {
                return Err(refuse("a gap begins or ends where no entry ever did", cell));
            };
            if let Some(cell) = gap.clone().find(|cell| versions.first_fit(*cell, floor, top, |life| life.is_none()).is_none()) {
                return Err(refuse("a look-up took for free what was not free at any instant of it", cell));
            }
            let (before, behind) = (gap.start.checked_sub(1), Some(gap.end).filter(|cell| *cell < versions.cells.count()));
            let free = |cell: &usize| versions.first_fit(*cell, floor, top, |life| life.is_some()).is_none();
            if let Some(cell) = before.into_iter().chain(behind).find(free) {
                return Err(refuse("a gap is not whole: beside it was nothing all the time", cell));
            }
        }
        if version % 2 == 1 && segment.life.is_none() && segment.from == version {
            let taken = |segment: &&Segment| segment.life.is_some() && segment.until == version + 1;
            if let Some(life) = versions.chain(cell).iter().find(taken).and_then(|segment| segment.life) {
                let end = self.pieces.entry((version, life)).or_insert(look.end);
                *end = look.end.min(*end);
            }
        }
        Ok(version)
    }
}
