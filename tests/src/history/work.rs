//! A thread that works on a tree and writes down what it does.

use super::cells::Cells;
use super::clock::{self, Time};
use super::event::{Answer, Change, Changed, Form, History, Id, Item, Look, Met, Scan, Seen};
use super::order::{Numbered, Turn, turn_of};
use super::value::Value;
use crate::shapes::Rng;
use maple_tree::{DupError, InsertErrorKind, MapleTree, PruneForm, Pruned, RangeMap, Rcu, ReplaceErrorKind, WouldCut, Writer};
use std::fmt;
use std::ops::RangeInclusive;
use std::thread;

/// How often a thread does what: of so many calls as all of these together.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Changes by plain calls.
    pub changes: u64,
    /// Sessions of several changes.
    pub sessions: u64,
    /// Look-ups.
    pub looks: u64,
    /// Walks.
    pub scans: u64,
    /// Copies.
    pub copies: u64,
    /// Hand-overs and waits for grace periods, which bring nodes back into use.
    pub pauses: u64,
    /// How many of a thousand changes remove a large part of the tree.
    pub sweeping: u64,
    /// At most so many look-ups inside one read section.
    pub burst: u64,
    /// Whether only calls are made that have one instant.
    pub instants_only: bool,
}

/// One thread.
pub struct Worker<'t, V: Value<R>, R: Rcu> {
    tree: &'t MapleTree<V, R, Numbered>,
    cells: &'t Cells,
    mix: Mix,
    rng: Rng,
    focus: u64,
    thread: usize,
    next_id: Id,
    id_step: Id,
    written: History,
}

impl<V: Value<R>, R: Rcu> fmt::Debug for Worker<'_, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("thread", &self.thread).field("mix", &self.mix).finish_non_exhaustive()
    }
}

fn item<V: Value<R>, R: Rcu>((range, entry): (RangeInclusive<u64>, V::Ref<'_>)) -> Item {
    Item { first: *range.start(), last: *range.end(), id: V::id(entry) }
}

fn form(pruned: Pruned) -> Answer {
    Answer::Pruned(match pruned.form {
        PruneForm::Nothing => Form::Nothing,
        PruneForm::PathCopy => Form::AtOnce,
        PruneForm::InPlace => Form::Pieces,
    })
}

/// The entries of a map, in order.
pub fn entries<V: Value<R>, R: Rcu>(map: &RangeMap<V>) -> Vec<Item> {
    map.iter().map(item::<V, R>).collect()
}

impl<'t, V: Value<R>, R: Rcu> Worker<'t, V, R> {
    /// A worker that makes values of `next_id`, and every `id_step`th number after it. Threads whose `focus` is the same meet.
    #[expect(clippy::too_many_arguments, reason = "one call")]
    pub fn new(
        tree: &'t MapleTree<V, R, Numbered>,
        cells: &'t Cells,
        mix: Mix,
        seed: u64,
        focus: u64,
        thread: usize,
        next_id: Id,
        id_step: Id,
    ) -> Self {
        Self { tree, cells, mix, rng: Rng(seed), focus, thread, next_id, id_step, written: History::default() }
    }

    /// Makes so many calls. Returns what was written down, and the number of the next value.
    pub fn run(mut self, calls: usize) -> (History, Id) {
        for _ in 0..calls {
            self.step();
        }
        (self.written, self.next_id)
    }

    fn step(&mut self) {
        let Mix { changes, sessions, looks, scans, copies, pauses, .. } = self.mix;
        let mut left = self.rng.below(changes + sessions + looks + scans + copies + pauses);
        let mut is = |share: u64| {
            let hit = left < share;
            left = left.wrapping_sub(share);
            hit
        };
        if is(changes) {
            self.change();
        } else if is(sessions) {
            self.session();
        } else if is(looks) {
            self.look();
        } else if is(scans) {
            self.scan();
        } else if is(copies) {
            self.copy();
        } else if self.rng.below(2) == 0 {
            self.tree.hand_over();
        } else {
            self.tree.synchronize().expect("no guard is held");
        }
    }

    fn id(&mut self) -> Id {
        let id = self.next_id;
        self.next_id += self.id_step;
        id
    }

    /// Any cell; in large trees mostly one of those where all threads are busy for now.
    fn cell(&mut self) -> usize {
        const NEAR: u64 = 32;
        let count = self.cells.count() as u64;
        let cell = if self.rng.below(4) == 0 { self.rng.below(count) } else { self.focus + self.rng.below(NEAR) };
        (cell % count) as usize
    }

    fn index(&mut self) -> u64 {
        let cell = self.cell();
        let (first, last) = (self.cells.first(cell), self.cells.last(cell));
        match self.rng.below(3) {
            0 => first,
            1 => last,
            _ => first + self.rng.bits() % (last - first).max(1),
        }
    }

    /// A range of cells, mostly of few.
    fn range(&mut self) -> (u64, u64) {
        // Few enough large ones that large trees stay large.
        let count = self.cells.count() as u64;
        let most = match self.rng.below(16 + count / 4) {
            0 => count / 2,
            1..4 => 16,
            _ => 3,
        };
        let low = self.cell();
        let width = self.rng.below(most.max(1)) as usize;
        (self.cells.first(low), self.cells.last((low + width).min(self.cells.count() - 1)))
    }

    /// Where a prune begins: mostly near the end.
    fn border(&mut self) -> u64 {
        let count = self.cells.count();
        let cell = if self.rng.below(8) == 0 { self.cell() } else { count - 1 - self.cell() / 4 };
        self.cells.first(cell)
    }

    fn new_item(&mut self) -> Item {
        let (first, last) = self.range();
        Item { first, last, id: self.id() }
    }

    fn any_change(&mut self) -> Change {
        let (first, last) = self.range();
        if self.rng.below(1000) < self.mix.sweeping {
            return match self.rng.below(if self.mix.instants_only { 3 } else { 7 }) {
                0 => Change::Prune(self.border()),
                1 => Change::PruneCut(self.border()),
                2 => Change::Clear,
                3 => Change::PruneInPlace(self.border()),
                4 => Change::Retain(3, self.rng.below(3) as Id),
                _ => Change::RemoveWhole(first, last),
            };
        }
        match self.rng.below(100) {
            0..40 => Change::Store(self.new_item()),
            40..55 => Change::Insert(self.new_item()),
            55..70 => Change::Replace(self.index(), self.id()),
            70..90 => Change::Erase(self.index()),
            _ if self.mix.instants_only => Change::Erase(self.index()),
            90..95 => Change::Remove(first, last),
            95..99 => Change::RemoveWhole(first, last),
            _ => Change::Compact,
        }
    }

    fn note(&mut self, turn: Turn, begin: Time, end: Time, change: Change, answer: Answer) {
        self.written.changes.push(Changed { thread: self.thread, turn: turn.number, begin, end, change, answer });
    }

    fn change(&mut self) {
        let change = self.any_change();
        let tree = self.tree;
        let (turn, answer) = turn_of(|| match change {
            Change::Store(Item { first, last, id }) => {
                tree.store(first..=last, V::of(id)).unwrap_or_else(|_| panic!("memory"));
                Answer::Done
            }
            Change::Insert(Item { first, last, id }) => {
                inserted(tree.insert(first..=last, V::of(id)).map_err(|refused| refused.kind))
            }
            Change::Replace(index, id) => match tree.replace(index, V::of(id)) {
                Ok(old) => Answer::Took(Some(item::<V, R>((old.range(), old.get())))),
                Err(refused) => vacant(refused.kind),
            },
            Change::Erase(index) => Answer::Took(tree.erase(index).map(|removed| item::<V, R>((removed.range(), removed.get())))),
            Change::Remove(first, last) => {
                tree.remove(first..=last).expect("memory");
                Answer::Done
            }
            Change::RemoveWhole(first, last) => {
                tree.remove_whole(first..=last);
                Answer::Done
            }
            Change::Prune(from) => form(tree.prune(from)),
            Change::PruneInPlace(from) => form(tree.prune_in_place(from)),
            Change::PruneCut(from) => cut(tree.prune_cut(from)),
            Change::Retain(by, rest) => {
                tree.retain(|_, entry| V::id(entry) % by != rest);
                Answer::Done
            }
            Change::Clear => {
                tree.clear();
                Answer::Done
            }
            Change::Compact => {
                tree.compact().expect("memory");
                Answer::Done
            }
            Change::Get(_) | Change::Walk | Change::Copy(_) => unreachable!("no change"),
        });
        let end = clock::end_of_change();
        self.note(turn, turn.taken, end, change, answer);
    }

    /// Several changes under one lock, and looks at what they make.
    fn session(&mut self) {
        let tree = self.tree;
        let (turn, mut writer) = turn_of(|| tree.lock());
        let first = self.written.changes.len();
        for _ in 0..1 + self.rng.below(5) {
            let change = match self.rng.below(8) {
                0 => Change::Walk,
                1 | 2 => Change::Get(self.index()),
                _ => self.any_change(),
            };
            let begin = clock::begin();
            let answer = in_session(&mut writer, &change);
            self.note(turn, begin, begin, change, answer);
        }
        drop(writer);
        let end = clock::end_of_change();
        self.written.changes[first..].iter_mut().for_each(|changed| changed.end = end);
    }

    fn copy(&mut self) {
        let tree = self.tree;
        let fails_at = (self.rng.below(2) == 0).then(|| self.cell());
        let (turn, answer) = turn_of(|| match fails_at {
            None => Answer::Entries(entries::<V, R>(&tree.dup().expect("memory"))),
            Some(fails_at) => {
                let mut count = 0;
                let copied = tree.try_dup_with(|_, entry| {
                    count += 1;
                    let id = V::id(entry);
                    if count > fails_at { Err(id) } else { Ok(<V as Value<R>>::of(id)) }
                });
                match copied {
                    Ok(map) => Answer::Entries(entries::<V, R>(&map)),
                    Err(DupError::Entry { range, error: id, partial }) => {
                        Answer::Stopped(Item { first: *range.start(), last: *range.end(), id }, entries::<V, R>(&partial))
                    }
                    Err(DupError::OutOfMemory) => panic!("memory"),
                }
            }
        });
        let end = clock::end_of_change();
        self.note(turn, turn.taken, end, Change::Copy(fails_at), answer);
    }

    fn look(&mut self) {
        let thread = self.thread;
        let tree = self.tree;
        let guard = tree.pin();
        for _ in 0..1 + self.rng.below(self.mix.burst) {
            let index = self.index();
            let (begin, seen) = match self.rng.below(8) {
                0..4 => (clock::begin(), Seen::Value(tree.get(index, &guard).map(V::id))),
                4 | 5 => {
                    let begin = clock::begin();
                    let (range, entry) = tree.get_range(index, &guard);
                    (begin, Seen::Range(*range.start(), *range.end(), entry.map(V::id)))
                }
                6 => (clock::begin(), Seen::Covered(tree.contains(index, &guard))),
                _ => {
                    let indices = [index, self.index(), self.index(), self.index()];
                    let begin = clock::begin();
                    let found = tree.get_many(indices, &guard);
                    let end = clock::end();
                    for (index, found) in indices.into_iter().zip(found) {
                        let seen = Seen::Value(found.map(V::id));
                        self.written.looks.push(Look { thread, begin, end, index, seen });
                    }
                    continue;
                }
            };
            let end = clock::end();
            self.written.looks.push(Look { thread, begin, end, index, seen });
        }
    }

    fn scan(&mut self) {
        let tree = self.tree;
        let (first, last) = match self.rng.below(3) {
            0 => (0, u64::MAX),
            1 => (self.cells.first(self.cell()), u64::MAX),
            _ => self.range(),
        };
        let kind = self.rng.below(12);
        // Now and then a walk that others have much time beside.
        let lingers = self.rng.below(4) == 0;
        let mut rng = self.rng.clone();
        self.rng.bits();
        let linger = |rng: &mut Rng| {
            if lingers && rng.below(4) == 0 {
                thread::yield_now();
            }
        };
        let mut guard = Some(tree.pin());
        let read = guard.as_ref().expect("just entered");
        let begin = clock::begin();
        let mut sections = vec![begin];
        let mut front = Vec::new();
        let mut back = Vec::new();
        let mut over = true;
        let met = |section, (range, entry): (RangeInclusive<u64>, V::Ref<'_>)| {
            // The entry is looked at before the clock.
            let id = Some(V::id(entry));
            Met { first: *range.start(), last: *range.end(), id, section, time: clock::end() }
        };
        let gap = |range: RangeInclusive<u64>| Met {
            first: *range.start(),
            last: *range.end(),
            id: None,
            section: 0,
            time: clock::end(),
        };
        let slot = |(range, entry): (RangeInclusive<u64>, Option<V::Ref<'_>>)| match entry {
            Some(entry) => met(0, (range, entry)),
            None => gap(range),
        };
        let (mut is_of_entries, mut is_of_gaps) = (true, false);
        let name = match kind {
            0 => {
                for found in tree.range(first..=last, read) {
                    front.push(met(0, found));
                    linger(&mut rng);
                }
                "an iterator"
            }
            1 => {
                for found in tree.range(first..=last, read).rev() {
                    back.push(met(0, found));
                    linger(&mut rng);
                }
                "an iterator backward"
            }
            2 => {
                let mut steps = tree.range(first..=last, read);
                loop {
                    let forward = rng.below(2) == 0;
                    let step = if forward { steps.next() } else { steps.next_back() };
                    let Some(found) = step else { break };
                    if forward { &mut front } else { &mut back }.push(met(0, found));
                    linger(&mut rng);
                }
                "an iterator from both ends"
            }
            3 => {
                tree.range(first..=last, read).for_each(|found| {
                    front.push(met(0, found));
                    linger(&mut rng);
                });
                "for_each"
            }
            4 => {
                let mut steps = tree.range(first..=last, read);
                front.extend(steps.next().map(|found| met(0, found)));
                linger(&mut rng);
                front = steps.fold(front, |mut front, found| {
                    front.push(met(0, found));
                    front
                });
                "a fold behind a step"
            }
            5 => {
                let count = 1 + rng.below(20) as usize;
                front.extend(tree.range(first..=last, read).map(|found| met(0, found)).take(count));
                over = front.len() < count;
                "the first of an iterator"
            }
            6 => {
                for found in tree.gaps(first..=last, read) {
                    front.push(gap(found));
                    linger(&mut rng);
                }
                (is_of_entries, is_of_gaps) = (false, true);
                "gaps"
            }
            7 => {
                let mut steps = tree.gaps(first..=last, read);
                loop {
                    let forward = rng.below(2) == 0;
                    let step = if forward { steps.next() } else { steps.next_back() };
                    let Some(found) = step else { break };
                    if forward { &mut front } else { &mut back }.push(gap(found));
                    linger(&mut rng);
                }
                (is_of_entries, is_of_gaps) = (false, true);
                "gaps from both ends"
            }
            8 => {
                let mut cursor = tree.cursor(read);
                cursor.set_limits(first..=last);
                while let Some(found) = cursor.next() {
                    front.push(met(0, found));
                    linger(&mut rng);
                }
                "a cursor"
            }
            9 => {
                let mut cursor = tree.cursor(read);
                cursor.set_limits(first..=last);
                while let Some(found) = cursor.prev() {
                    back.push(met(0, found));
                    linger(&mut rng);
                }
                "a cursor backward"
            }
            10 => {
                let mut cursor = tree.cursor(read);
                cursor.set_limits(first..=last);
                let forward = rng.below(2) == 0;
                while let Some(found) = if forward { cursor.next_slot() } else { cursor.prev_slot() } {
                    if forward { &mut front } else { &mut back }.push(slot(found));
                    linger(&mut rng);
                }
                is_of_gaps = true;
                "a cursor over entries and gaps"
            }
            _ => {
                let mut cursor = tree.cursor(read);
                cursor.set_limits(first..=last);
                let mut position = cursor.pause();
                'sections: loop {
                    guard = None;
                    thread::yield_now();
                    let read = guard.insert(tree.pin());
                    sections.push(clock::begin());
                    let mut cursor = tree.cursor(read);
                    cursor.resume(position);
                    for _ in 0..1 + rng.below(8) {
                        let Some(found) = cursor.next() else { break 'sections };
                        front.push(met(sections.len() - 1, found));
                    }
                    position = cursor.pause();
                }
                "a cursor that is paused"
            }
        };
        let end = clock::end();
        drop(guard);
        self.written.scans.push(Scan {
            thread: self.thread,
            name,
            sections,
            end,
            first,
            last,
            front,
            back,
            over,
            entries: is_of_entries,
            gaps: is_of_gaps,
        });
    }
}

fn inserted(result: Result<(), InsertErrorKind>) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(InsertErrorKind::Occupied(range)) => Answer::Occupied(*range.start(), *range.end()),
        Err(kind) => panic!("{kind}"),
    }
}

fn vacant(kind: ReplaceErrorKind) -> Answer {
    match kind {
        ReplaceErrorKind::Vacant(range) => Answer::Vacant(*range.start(), *range.end()),
        ReplaceErrorKind::OutOfMemory => panic!("memory"),
    }
}

fn cut(pruned: Result<Pruned, WouldCut>) -> Answer {
    match pruned {
        Ok(pruned) => form(pruned),
        Err(WouldCut { range, .. }) => Answer::WouldCut(*range.start(), *range.end()),
    }
}

fn in_session<V: Value<R>, R: Rcu>(writer: &mut Writer<'_, V, R, Numbered>, change: &Change) -> Answer {
    match *change {
        Change::Store(Item { first, last, id }) => {
            writer.store(first..=last, V::of(id)).unwrap_or_else(|_| panic!("memory"));
            Answer::Done
        }
        Change::Insert(Item { first, last, id }) => {
            inserted(writer.insert(first..=last, V::of(id)).map_err(|refused| refused.kind))
        }
        Change::Replace(index, id) => match writer.replace(index, V::of(id)) {
            Ok(old) => Answer::Took(Some(item::<V, R>((old.range(), old.get())))),
            Err(refused) => vacant(refused.kind),
        },
        Change::Erase(index) => Answer::Took(writer.erase(index).map(|removed| item::<V, R>((removed.range(), removed.get())))),
        Change::Remove(first, last) => {
            writer.remove(first..=last).expect("memory");
            Answer::Done
        }
        Change::RemoveWhole(first, last) => {
            writer.remove_whole(first..=last);
            Answer::Done
        }
        Change::Prune(from) => form(writer.prune(from)),
        Change::PruneInPlace(from) => form(writer.prune_in_place(from)),
        Change::PruneCut(from) => cut(writer.prune_cut(from)),
        Change::Retain(by, rest) => {
            writer.retain(|_, entry| V::id(entry) % by != rest);
            Answer::Done
        }
        Change::Clear => {
            writer.clear();
            Answer::Done
        }
        Change::Compact => {
            writer.compact().expect("memory");
            Answer::Done
        }
        Change::Get(index) => {
            let (range, entry) = writer.get_range(index);
            Answer::Found(*range.start(), *range.end(), entry.map(V::id))
        }
        Change::Walk => Answer::Entries(writer.iter().map(item::<V, R>).collect()),
        Change::Copy(_) => unreachable!("copies are plain calls"),
    }
}
