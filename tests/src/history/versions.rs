//! The tree after each change, made from what is written down.
//!
//! Versions are numbered so that there is room between two: change *k*, counted from 1, makes version 2*k*, and while a change that works piece by
//! piece is under way the tree is at 2*k* - 1, where what goes is both there and not.

use super::cells::Cells;
use super::clock::Time;
use super::event::{Answer, Change, Changed, Form, History, Id, Item};
use std::fmt;
use std::ops::RangeInclusive;

/// A version of the tree.
pub type Version = usize;

const NEVER: Version = Version::MAX;

/// What is wrong, and the calls that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// In a few words.
    pub what: String,
    /// The calls, in the order of time.
    pub calls: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        self.calls.iter().try_for_each(|call| write!(f, "\n    {call}"))
    }
}

impl std::error::Error for Violation {}

/// An entry, from the change that made it to the change that took it away. A cut makes a new one of each piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) id: Id,
}

/// What a cell held from one version on until before another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) from: Version,
    pub(crate) until: Version,
    pub(crate) life: Option<usize>,
}

/// All versions of a tree.
#[derive(Debug)]
pub struct Versions<'h> {
    pub(crate) history: &'h History,
    pub(crate) cells: &'h Cells,
    lives: Vec<Life>,
    /// Of each cell, in order. Neither `from` nor `until` falls.
    chains: Vec<Vec<Segment>>,
    copies: usize,
}

impl<'h> Versions<'h> {
    /// Makes all changes of a history again, in their order.
    ///
    /// # Errors
    ///
    /// The order of the changes contradicts the clock; a change returned what it cannot have; the tree ended as it cannot have.
    pub fn of(history: &'h History, cells: &'h Cells) -> Result<Self, Violation> {
        let chain = || vec![Segment { from: 0, until: NEVER, life: None }];
        let chains = (0..cells.count()).map(|_| chain()).collect();
        let mut versions = Self { history, cells, lives: Vec::new(), chains, copies: 0 };
        for item in &history.before {
            let Some(range) = cells.exactly(item.first, item.last) else {
                return Err(Violation { what: format!("{item} was there before: no call put such a range"), calls: Vec::new() });
            };
            versions.fill(range.start..=range.end - 1, 0, item.id);
        }
        let mut before: Option<&Changed> = None;
        for (number, changed) in history.changes.iter().enumerate() {
            let at_fault = before.filter(|before| before.turn > changed.turn || before.begin > changed.begin);
            if at_fault.is_some() || changed.begin > changed.end {
                let calls = before.into_iter().chain([changed]).map(ToString::to_string).collect();
                return Err(Violation { what: "the order of writers' turns contradicts the clock".into(), calls });
            }
            before = Some(changed);
            versions.change(number + 1, changed).map_err(|expected| {
                let what = format!("a call under the lock returned what it cannot have: expected {expected}");
                let what = if expected.is_empty() {
                    "a call under the lock walked or copied a tree that never was".into()
                } else {
                    what
                };
                versions.wrong_change(what, number + 1)
            })?;
        }
        if let Some(after) = &history.after
            && let Some(difference) = first_difference(&versions.entries(), after)
        {
            return Err(Violation {
                what: format!("the tree that is left is not what the changes make: {difference}"),
                calls: Vec::new(),
            });
        }
        Ok(versions)
    }

    /// The number of copies among the changes.
    pub(crate) fn copies(&self) -> usize {
        self.copies
    }

    pub(crate) fn life(&self, life: usize) -> Life {
        self.lives[life]
    }

    pub(crate) fn item(&self, life: usize) -> Item {
        let Life { first, last, id } = self.lives[life];
        Item { first: self.cells.first(first), last: self.cells.last(last), id }
    }

    /// The newest version that anybody can have seen at some time.
    pub(crate) fn newest(&self, time: Time) -> Version {
        2 * self.history.changes.partition_point(|changed| changed.begin <= time)
    }

    /// What a cell may have held from `floor` on, up to and with `top`.
    pub(crate) fn held(&self, cell: usize, floor: Version, top: Version) -> impl Iterator<Item = &Segment> {
        let chain = &self.chains[cell];
        let start = chain.partition_point(|segment| segment.until <= floor);
        chain[start..].iter().take_while(move |segment| segment.from <= top)
    }

    /// The first version from `floor` on, not after `top`, in which a cell held what `fits`, and the segment.
    pub(crate) fn first_fit(
        &self,
        cell: usize,
        floor: Version,
        top: Version,
        fits: impl Fn(Option<usize>) -> bool,
    ) -> Option<(Version, Segment)> {
        let found = self.held(cell, floor, top).find(|segment| fits(segment.life))?;
        Some((found.from.max(floor), *found))
    }

    /// What a cell certainly held all the time from `floor` to `top`, if it was one thing.
    pub(crate) fn lasting(&self, cell: usize, floor: Version, top: Version) -> Option<Segment> {
        // A gap is certain only when the change that made it is over.
        let certain = |segment: &&Segment| segment.from.next_multiple_of(2) <= floor && segment.until > top;
        self.held(cell, floor, top).find(certain).copied()
    }

    /// All that a cell ever held.
    pub(crate) fn chain(&self, cell: usize) -> &[Segment] {
        &self.chains[cell]
    }

    /// The entries at last, in order.
    pub fn entries(&self) -> Vec<Item> {
        let mut entries: Vec<Item> = Vec::new();
        let mut cell = 0;
        while cell < self.cells.count() {
            let life = self.now(cell);
            cell = life.map_or(cell, |life| self.lives[life].last) + 1;
            entries.extend(life.map(|life| self.item(life)));
        }
        entries
    }

    fn now(&self, cell: usize) -> Option<usize> {
        self.chains[cell].last().and_then(|segment| segment.life)
    }

    fn set(&mut self, cell: usize, from: Version, until: Version, life: Option<usize>) {
        let chain = &mut self.chains[cell];
        let last = chain.last_mut().expect("a chain is never empty");
        if last.life.is_none() && life.is_none() {
            return;
        }
        last.until = until;
        if last.from == last.until {
            chain.pop();
        }
        chain.push(Segment { from, until: NEVER, life });
    }

    fn fill(&mut self, range: RangeInclusive<usize>, version: Version, id: Id) {
        self.lives.push(Life { first: *range.start(), last: *range.end(), id });
        let life = self.lives.len() - 1;
        range.for_each(|cell| self.set(cell, version, version, Some(life)));
    }

    /// Overwrites these cells at one instant; what sticks out is cut.
    fn overwrite(&mut self, range: RangeInclusive<usize>, number: usize, id: Option<Id>) {
        let (low, high) = (*range.start(), *range.end());
        let left = self.now(low).map(|life| self.lives[life]).filter(|life| life.first < low);
        let right = self.now(high).map(|life| self.lives[life]).filter(|life| life.last > high);
        match id {
            Some(id) => self.fill(range, 2 * number, id),
            None => range.for_each(|cell| self.set(cell, 2 * number, 2 * number, None)),
        }
        if let Some(left) = left {
            self.fill(left.first..=low - 1, 2 * number, left.id);
        }
        if let Some(right) = right {
            self.fill(high + 1..=right.last, 2 * number, right.id);
        }
    }

    /// Takes out every entry in these cells that is `gone`, whole, and says whether there was any: at one instant, or piece by piece.
    fn take(&mut self, number: usize, at_once: bool, range: RangeInclusive<usize>, gone: impl Fn(Life) -> bool) -> bool {
        let from = if at_once { 2 * number } else { 2 * number - 1 };
        let mut any = false;
        for cell in range {
            if self.now(cell).is_some_and(|life| gone(self.lives[life])) {
                any = true;
                self.set(cell, from, 2 * number, None);
            }
        }
        any
    }

    fn whole_gap(&self, cell: usize) -> (u64, u64) {
        let low = (0..cell).rev().take_while(|cell| self.now(*cell).is_none()).last().unwrap_or(cell);
        let high = (cell..self.cells.count()).take_while(|cell| self.now(*cell).is_none()).last().unwrap_or(cell);
        (self.cells.first(low), self.cells.last(high))
    }

    fn range(&self, first: u64, last: u64) -> RangeInclusive<usize> {
        let range = self.cells.exactly(first, last).expect("calls begin and end their ranges where cells do");
        range.start..=range.end - 1
    }

    /// Makes a change, and compares what it returned. The error is what it should have returned; empty when that is too long to say.
    fn change(&mut self, number: usize, changed: &Changed) -> Result<(), String> {
        let answer = &changed.answer;
        let expect = |expected: Answer| if *answer == expected { Ok(()) } else { Err(expected.to_string()) };
        match &changed.change {
            Change::Store(item) => {
                expect(Answer::Done)?;
                self.overwrite(self.range(item.first, item.last), number, Some(item.id));
            }
            Change::Insert(item) => {
                let range = self.range(item.first, item.last);
                if let Some(life) = range.clone().find_map(|cell| self.now(cell)) {
                    let Item { first, last, .. } = self.item(life);
                    return expect(Answer::Occupied(first, last));
                }
                expect(Answer::Done)?;
                self.fill(range, 2 * number, item.id);
            }
            Change::Replace(index, id) => {
                let cell = self.cells.of(*index);
                let Some(life) = self.now(cell) else {
                    let (first, last) = self.whole_gap(cell);
                    return expect(Answer::Vacant(first, last));
                };
                expect(Answer::Took(Some(self.item(life))))?;
                let Life { first, last, .. } = self.lives[life];
                self.fill(first..=last, 2 * number, *id);
            }
            Change::Erase(index) => {
                let life = self.now(self.cells.of(*index));
                expect(Answer::Took(life.map(|life| self.item(life))))?;
                if let Some(Life { first, last, .. }) = life.map(|life| self.lives[life]) {
                    self.overwrite(first..=last, number, None);
                }
            }
            Change::Remove(first, last) => {
                expect(Answer::Done)?;
                let range = self.range(*first, *last);
                let (low, high) = (*range.start(), *range.end());
                let cut = self.now(low).is_some_and(|life| self.lives[life].first < low)
                    || self.now(high).is_some_and(|life| self.lives[life].last > high);
                if cut {
                    self.overwrite(range, number, None);
                } else {
                    self.take(number, false, range, |life| low <= life.first && life.last <= high);
                }
            }
            Change::RemoveWhole(first, last) => {
                expect(Answer::Done)?;
                let range = self.range(*first, *last);
                let (low, high) = (*range.start(), *range.end());
                self.take(number, false, range, |life| low <= life.first && life.last <= high);
            }
            Change::Prune(from) | Change::PruneInPlace(from) => {
                let from = self.cells.exactly(*from, u64::MAX).expect("a border of a cell").start;
                let at_once = *answer == Answer::Pruned(Form::AtOnce) && matches!(changed.change, Change::Prune(_));
                let any = self.take(number, at_once, from..=self.cells.count() - 1, |life| life.first >= from);
                expect(Answer::Pruned(if !any {
                    Form::Nothing
                } else if at_once {
                    Form::AtOnce
                } else {
                    Form::Pieces
                }))?;
            }
            Change::PruneCut(from) => {
                let from = self.cells.exactly(*from, u64::MAX).expect("a border of a cell").start;
                let cut = self.now(from).filter(|life| self.lives[*life].first < from);
                if let (Answer::WouldCut(..), Some(life)) = (answer, cut) {
                    let Item { first, last, .. } = self.item(life);
                    return expect(Answer::WouldCut(first, last));
                }
                let any = (from..self.cells.count()).any(|cell| self.now(cell).is_some());
                match answer {
                    Answer::Pruned(Form::AtOnce) if any => self.overwrite(from..=self.cells.count() - 1, number, None),
                    Answer::Pruned(Form::Pieces) if any && cut.is_none() => {
                        self.take(number, false, from..=self.cells.count() - 1, |life| life.first >= from);
                    }
                    _ => expect(Answer::Pruned(if any { Form::AtOnce } else { Form::Nothing }))?,
                }
            }
            Change::Retain(by, rest) => {
                expect(Answer::Done)?;
                self.take(number, false, 0..=self.cells.count() - 1, |life| life.id % by == *rest);
            }
            Change::Clear => {
                expect(Answer::Done)?;
                self.take(number, true, 0..=self.cells.count() - 1, |_| true);
            }
            Change::Compact => expect(Answer::Done)?,
            Change::Get(index) => {
                let cell = self.cells.of(*index);
                let found = self.now(cell).map(|life| self.item(life));
                let (first, last) = found.map_or_else(|| self.whole_gap(cell), |item| (item.first, item.last));
                expect(Answer::Found(first, last, found.map(|item| item.id)))?;
            }
            Change::Walk | Change::Copy(None) => {
                self.copies += usize::from(changed.change != Change::Walk);
                expect(Answer::Entries(self.entries())).map_err(|_| String::new())?;
            }
            Change::Copy(Some(at)) => {
                self.copies += 1;
                let mut entries = self.entries();
                let expected = if let Some(item) = entries.get(*at).copied() {
                    entries.truncate(*at);
                    Answer::Stopped(item, entries)
                } else {
                    Answer::Entries(entries)
                };
                expect(expected).map_err(|_| String::new())?;
            }
        }
        Ok(())
    }

    fn wrong_change(&self, what: String, number: usize) -> Violation {
        let changed = &self.history.changes[number - 1];
        let entries = self.entries();
        let difference = match &changed.answer {
            Answer::Entries(found) => first_difference(&entries, found),
            Answer::Stopped(_, found) => first_difference(&entries[..found.len().min(entries.len())], found),
            _ => None,
        };
        let cells = match (&difference, &changed.change) {
            (Some(Difference { index, .. }), _)
            | (None, Change::Get(index) | Change::Erase(index) | Change::Replace(index, _)) => {
                vec![self.cells.of(*index)]
            }
            (_, Change::Insert(item)) => self.range(item.first, item.last).collect(),
            _ => Vec::new(),
        };
        let mut calls: Vec<_> = cells.iter().take(2).flat_map(|cell| self.story(*cell, 2 * number - 2, 2 * number - 2)).collect();
        calls.dedup();
        calls.push(changed.to_string());
        calls.extend(difference.map(|difference| format!("{:>32}{difference}", "")));
        Violation { what, calls }
    }

    /// The changes that concern what a cell held from `floor` to `top`, and one more on either side, but not too many of them.
    pub(crate) fn story(&self, cell: usize, floor: Version, top: Version) -> Vec<String> {
        const MOST: usize = 8;
        let chain = &self.chains[cell];
        let start = chain.partition_point(|segment| segment.until <= floor).saturating_sub(1);
        let end = chain.partition_point(|segment| segment.from <= top) + 1;
        let told = &chain[start.min(chain.len())..end.min(chain.len())];
        let tell = |segment: &Segment| match segment.from.div_ceil(2) {
            0 => match segment.life {
                Some(life) => format!("{:>32}before all: {}", "", self.item(life)),
                None => format!("{:>32}before all: nothing at {:#x}", "", self.cells.first(cell)),
            },
            number => self.history.changes[number - 1].to_string(),
        };
        if told.len() <= MOST {
            return told.iter().map(tell).collect();
        }
        let (first, last) = (&told[..MOST / 2], &told[told.len() - MOST / 2..]);
        let left_out = format!("{:>32}({} changes)", "", told.len() - MOST);
        first.iter().map(tell).chain([left_out]).chain(last.iter().map(tell)).collect()
    }
}

/// Where two lists of entries part.
#[derive(Debug)]
struct Difference {
    index: u64,
    expected: Option<Item>,
    found: Option<Item>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |item: Option<Item>| item.map_or_else(|| "nothing more".to_string(), |item| item.to_string());
        write!(f, "{} where there should be {}", say(self.found), say(self.expected))
    }
}

fn first_difference(expected: &[Item], found: &[Item]) -> Option<Difference> {
    let at = (0..expected.len().max(found.len())).find(|at| expected.get(*at) != found.get(*at))?;
    let (expected, found) = (expected.get(at).copied(), found.get(at).copied());
    let index = [expected, found].iter().flatten().map(|item| item.first).min()?;
    Some(Difference { index, expected, found })
}
