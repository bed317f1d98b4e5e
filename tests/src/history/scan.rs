//! Whether a walk beside writers is as promised.
//!
//! * What comes rises (from the back: falls) strictly, and nothing overlaps. (What a cursor comes by after it was paused is what ends behind the place
//!   where it was; it may begin before.)
//! * Each entry was in the tree under exactly this range, and each index of a gap was free, at some instant since the walk began (or came from the root
//!   again), and before it came.
//! * An entry that was there all the time comes exactly once, and an index that was free all the time lies in one gap.
//!
//! All of that for the part of the window that the walk has passed.

use super::event::{Met, Scan};
use super::versions::{Version, Versions, Violation};

/// Checks one walk, which may not see anything before `floors`, one for each section. Returns a version that the tree had reached when it ended.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check(versions: &Versions<'_>, scan: &Scan, floors: &[Version]) -> Result<Version, Violation> {
    let checked = Checked { versions, scan, floors };
    let met: Vec<Met> = scan.front.iter().chain(scan.back.iter().rev()).copied().collect();
    checked.order(&met)?;
    let mut reached = 0;
    for met in &met {
        reached = reached.max(checked.met(met)?);
    }
    checked.complete(&met)?;
    Ok(reached)
}

struct Checked<'a> {
    versions: &'a Versions<'a>,
    scan: &'a Scan,
    floors: &'a [Version],
}

impl Checked<'_> {
    fn refuse(&self, what: &str, cell: usize, met: &[Met]) -> Violation {
        let mut calls = self.versions.story(cell, self.floors[0], self.versions.newest(self.scan.end));
        calls.push(self.scan.to_string());
        calls.extend(met.iter().map(|met| format!("{:>32}{met}", "")));
        Violation { what: what.into(), calls }
    }

    fn order(&self, met: &[Met]) -> Result<(), Violation> {
        for pair in met.windows(2) {
            let cell = self.versions.cells.of(pair[1].first);
            let same = (pair[0].first, pair[0].last, pair[0].id) == (pair[1].first, pair[1].last, pair[1].id);
            if same {
                return Err(self.refuse("a scan came by the same twice", cell, pair));
            }
            // A cursor that was paused goes on at what ends behind the place where it was, which may by now begin before it.
            let rises =
                if pair[0].section == pair[1].section { pair[0].last < pair[1].first } else { pair[0].last < pair[1].last };
            if !rises {
                return Err(self.refuse("a scan came by ranges that overlap or are out of order", cell, pair));
            }
        }
        let backwards = met.iter().find(|met| met.first > met.last);
        backwards.map_or(Ok(()), |met| Err(self.refuse("a range that ends before it begins", 0, &[*met])))
    }

    /// The first version that what came can be of.
    fn met(&self, met: &Met) -> Result<Version, Violation> {
        let Self { versions, scan, floors } = self;
        let (floor, top) = (floors[met.section], versions.newest(met.time));
        let cell = versions.cells.of(met.first);
        if met.last < scan.first || met.first > scan.last {
            return Err(self.refuse("a scan came by what is outside of its window", cell, &[*met]));
        }
        let Some(id) = met.id else { return self.gap(met, floor, top) };
        let is_met = |life: Option<usize>| {
            life.map(|life| versions.item(life)).is_some_and(|item| (item.first, item.last, item.id) == (met.first, met.last, id))
        };
        if let Some((version, _)) = versions.first_fit(cell, floor, top, is_met) {
            return Ok(version);
        }
        let chain = versions.chain(cell);
        Err(if chain.iter().any(|segment| segment.until <= floor && is_met(segment.life)) {
            self.refuse("a stale scan: an entry was gone before it began", cell, &[*met])
        } else if chain.iter().any(|segment| segment.from > top && is_met(segment.life)) {
            self.refuse("a scan saw the future", cell, &[*met])
        } else {
            self.refuse("a torn range: a scan came by an entry under a range that it never had", cell, &[*met])
        })
    }

    fn gap(&self, met: &Met, floor: Version, top: Version) -> Result<Version, Violation> {
        let Self { versions, scan, .. } = self;
        let cells = versions.cells;
        let (low, high) = (cells.of(met.first), cells.of(met.last));
        let starts_well = cells.first(low) == met.first || met.first == scan.first;
        let ends_well = cells.last(high) == met.last || met.last == scan.last;
        if !starts_well || !ends_well || met.first < scan.first || met.last > scan.last {
            return Err(self.refuse("a scan came by a gap that begins or ends where no entry ever did", low, &[*met]));
        }
        let mut reached = 0;
        for cell in low..=high {
            let Some((version, _)) = versions.first_fit(cell, floor, top, |life| life.is_none()) else {
                return Err(self.refuse("a scan took for free what was not free at any instant of it", cell, &[*met]));
            };
            reached = reached.max(version);
        }
        Ok(reached)
    }

    /// What was there all the time is there.
    fn complete(&self, met: &[Met]) -> Result<(), Violation> {
        let Self { versions, scan, floors } = self;
        let top = versions.newest(scan.end);
        let passed = if scan.over {
            [Some((scan.first, scan.last)), None]
        } else {
            let front = scan.front.last().map(|met| (scan.first, met.last.min(scan.last)));
            let back = scan.back.last().map(|met| (met.first.max(scan.first), scan.last));
            [front, back]
        };
        for (first, last) in passed.into_iter().flatten() {
            let mut cell = versions.cells.of(first);
            while cell < versions.cells.count() && versions.cells.first(cell) <= last {
                let Some(segment) = versions.lasting(cell, floors[0], top) else {
                    cell += 1;
                    continue;
                };
                let index = versions.cells.first(cell).max(first);
                let next = met.partition_point(|met| met.last < index);
                let here = met.get(next).filter(|met| met.first <= index);
                let around = || met[next.saturating_sub(1)..met.len().min(next + 1)].to_vec();
                if let Some(life) = segment.life.filter(|_| scan.entries) {
                    let item = versions.item(life);
                    if here.is_none_or(|met| (met.first, met.last, met.id) != (item.first, item.last, Some(item.id))) {
                        return Err(self.refuse("a scan left out an entry that was there all the time", cell, &around()));
                    }
                }
                if segment.life.is_none() && scan.gaps && here.is_none_or(|met| met.id.is_some()) {
                    return Err(self.refuse("a scan left out what was free all the time", cell, &around()));
                }
                cell = segment.life.map_or(cell, |life| versions.life(life).last) + 1;
            }
        }
        Ok(())
    }
}
