//! Ways to take a tree apart, beside readers and alone.

use crate::entries::Stored;
use crate::field::{Layout, Planted};
use crate::report::{Tally, check};
use crate::rng::Rng;
use crate::watched::Watched;
use maple_tree::{PruneForm, Pruned, RangeMap, Removed, Shortage, Tail};
use std::array;

/// One way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Script {
    /// Every entry by itself, in random order, asking for some again.
    Erase,
    /// The same, with some of what was removed still in hand.
    EraseKeeping,
    /// From the end towards the beginning.
    Prune,
    PruneInPlace,
    /// From the end towards the beginning, always between two entries.
    PruneCut,
    /// Windows that begin and end anywhere.
    RemoveWhole,
    /// Windows that begin and end with an entry.
    Remove,
    /// All at once, twice.
    Clear,
    /// All of these in turns.
    Mixed,
}

impl Script {
    pub(crate) const ALL: [Self; 9] = [
        Self::Mixed,
        Self::Prune,
        Self::Erase,
        Self::PruneInPlace,
        Self::RemoveWhole,
        Self::PruneCut,
        Self::EraseKeeping,
        Self::Remove,
        Self::Clear,
    ];

    pub(crate) fn number(number: usize) -> Self {
        Self::ALL[number % Self::ALL.len()]
    }
}

/// Entries that a single prune or window of a script removes, on average twice that.
const STRIDE: u32 = 4;

/// One tree beside readers that is taken apart. Allocates nothing.
pub(crate) struct Felling<'a, V: Stored> {
    planted: &'a Planted<V>,
    tally: &'a mut Tally,
    rng: &'a mut Rng,
    /// No entry from this one on is left.
    end: u32,
    /// Some entries are spared to the end, so that what is dead lies in nodes that stay.
    spare: bool,
    kept: [Option<Removed<'a, V, Watched>>; 8],
}

impl<'a, V: Stored> Felling<'a, V> {
    pub(crate) fn new(planted: &'a Planted<V>, tally: &'a mut Tally, rng: &'a mut Rng) -> Self {
        let spare = rng.one_in(3);
        Self { planted, tally, rng, end: planted.layout.count, spare, kept: array::from_fn(|_| None) }
    }

    pub(crate) fn run(mut self, script: Script) {
        let planted = self.planted;
        let (spare, bottom) = (self.spare, if self.spare { planted.layout.count / 4 } else { 0 });
        let spared = |entry: u32| spare && entry % 3 == 0;
        match script {
            Script::Erase | Script::EraseKeeping => {
                for &entry in planted.order.iter().filter(|entry| !spared(**entry)) {
                    self.erase(entry, script == Script::EraseKeeping);
                    if self.rng.one_in(16) {
                        self.erase(entry, false);
                    }
                }
            }
            Script::Clear => {
                for _ in 0..2 {
                    planted.removing(0..planted.layout.count, |find| self.tally.removal(find, || planted.tree.clear()));
                }
            }
            Script::Mixed => {
                for turn in 0.. {
                    let entry = planted.order[turn % planted.order.len()];
                    match self.rng.below(16) {
                        0..8 => self.erase(entry, true),
                        8 => self.shorten(Script::Prune),
                        9 => self.shorten(Script::PruneInPlace),
                        10 => self.shorten(Script::PruneCut),
                        11..13 => self.window(Script::RemoveWhole),
                        _ => self.window(Script::Remove),
                    }
                    if self.end <= bottom {
                        break;
                    }
                }
            }
            Script::Prune | Script::PruneInPlace | Script::PruneCut => {
                while self.end > bottom {
                    self.shorten(script);
                }
            }
            Script::RemoveWhole | Script::Remove => {
                for _ in 0..planted.layout.count.div_ceil(2 * STRIDE) {
                    self.window(script);
                }
            }
        }
    }

    fn erase(&mut self, entry: u32, keep: bool) {
        let (planted, layout) = (self.planted, &self.planted.layout);
        let index = layout.any_index(entry, self.rng);
        let was_gone = planted.gone.get(entry);
        let removed = planted.removing(entry..entry + 1, |find| self.tally.removal(find, || planted.tree.erase(index)));
        check(removed.is_some() != was_gone, "an erase did not find what is there, or found what is not", [index, 0, 0]);
        let Some(removed) = removed else { return };
        self.tally.erases += 1;
        check(removed.range() == layout.range(entry), "an erase returned another range", [index, 0, 0]);
        check(V::read(removed.get()) == Some(layout.value(entry)), "an erase returned another value", [index, 0, 0]);
        if keep {
            // What was there goes now, some removals after its own.
            self.kept[entry as usize % 8] = Some(removed);
        }
        if self.rng.one_in(64) {
            self.kept = array::from_fn(|_| None);
        }
    }

    /// One prune near the end.
    fn shorten(&mut self, script: Script) {
        let (planted, layout) = (self.planted, &self.planted.layout);
        let mut start = self.end.saturating_sub(1 + self.rng.below(2 * STRIDE - 1));
        let mut from = layout.first(start);
        if script != Script::PruneCut && self.rng.one_in(4) && start + 1 < self.end {
            // Within an entry, which stays: what is pruned begins behind it.
            from = layout.last(start);
            start += u32::from(from > layout.first(start));
        }
        let pruned = planted.removing(start..self.end, |find| match script {
            Script::PruneInPlace => Some(self.tally.removal(find, || planted.tree.prune_in_place(from))),
            Script::PruneCut => self.tally.fallible(find, "a prune that cuts nothing failed", || planted.tree.prune_cut(from)),
            _ => Some(self.tally.removal(find, || planted.tree.prune(from))),
        });
        self.end = start;
        let Some(Pruned { form, nodes_taken, nodes_retired, .. }) = pruned else { return };
        self.tally.prunes += u64::from(form != PruneForm::Nothing);
        self.tally.path_copies += u64::from(form == PruneForm::PathCopy);
        let balanced = nodes_taken <= nodes_retired;
        check(balanced, "a prune took more nodes than it retired", [nodes_taken as u64, nodes_retired as u64, from]);
    }

    /// Removes what lies inside a window near the end or anywhere.
    fn window(&mut self, script: Script) {
        let (planted, layout) = (self.planted, &self.planted.layout);
        let first = self.rng.below(layout.count);
        let last = layout.count.min(first + 1 + self.rng.below(4 * STRIDE)) - 1;
        if script == Script::RemoveWhole {
            let window = layout.any_index(first, self.rng)..=layout.any_index(last, self.rng);
            planted.removing(layout.inside(&window), |find| self.tally.removal(find, || planted.tree.remove_whole(window)));
        } else {
            let window = layout.first(first)..=layout.last(last);
            let remove = || planted.tree.remove_or(window, Shortage::Refuse);
            planted.removing(first..last + 1, |find| self.tally.fallible(find, "a removal that cuts nothing failed", remove));
        }
    }
}

/// Takes a map with one owner apart, to the last entry. Allocates nothing.
pub(crate) fn fell_map<V: Stored>(
    map: &mut RangeMap<V>,
    layout: &Layout,
    order: &[u32],
    script: Script,
    tally: &mut Tally,
    rng: &mut Rng,
) {
    let mut end = layout.count;
    let mut put_off: [Option<Tail<V>>; 4] = array::from_fn(|_| None);
    let mut turns = order.iter().cycle();
    for number in 0.. {
        if end == 0 || map.is_empty() {
            break;
        }
        let turn = match script {
            Script::Mixed => Script::number(rng.below(8) as usize),
            // Windows at random would take long to find the last few entries.
            Script::RemoveWhole | Script::Remove if number > layout.count => Script::Clear,
            script => script,
        };
        match turn {
            Script::Clear => {
                tally.removal(true, || map.clear());
                break;
            }
            Script::Prune | Script::PruneInPlace | Script::PruneCut => {
                let start = end.saturating_sub(1 + rng.below(2 * STRIDE - 1));
                let from = layout.first(start);
                let find = map.last().is_some_and(|(range, _)| *range.start() >= from);
                tally.prunes += u64::from(find);
                let tail = if turn == Script::PruneCut {
                    tally.fallible(find, "a prune that cuts nothing failed", || map.prune_cut(from))
                } else {
                    Some(tally.removal(find, || map.prune(from)))
                };
                // The tail that was there goes now: releasing allocates nothing either.
                put_off[start as usize % 4] = tail;
                end = start;
                check(map.last().is_none_or(|(range, _)| *range.end() < from), "something was left behind a prune", [from, 0, 0]);
            }
            Script::RemoveWhole | Script::Remove => {
                let (first, last) = (rng.below(end), rng.below(end));
                let (first, last) = (first.min(last), first.max(last).min(first.min(last) + 4 * STRIDE));
                let window = layout.first(first)..=layout.last(last);
                let inside = window.clone();
                let find = map.range(window.clone()).next().is_some();
                if turn == Script::Remove {
                    let remove = || map.remove_or(inside, Shortage::Refuse);
                    tally.fallible(find, "a removal that cuts nothing failed", remove);
                } else {
                    tally.removal(find, || map.remove_whole(inside));
                }
                check(map.range(window).next().is_none(), "something was left inside a window", [first.into(), last.into(), 0]);
            }
            Script::Erase | Script::EraseKeeping | Script::Mixed => {
                let Some(&entry) = turns.next() else { break };
                let index = layout.any_index(entry, rng);
                let was_there = map.contains(index);
                let removed = tally.removal(was_there, || map.erase(index));
                check(removed.is_some() == was_there, "an erase did not find what is there", [index, 0, 0]);
                let Some((range, value)) = removed else { continue };
                tally.erases += 1;
                check(range == layout.range(entry), "an erase returned another range", [index, 0, 0]);
                drop(value);
                check(!map.contains(index), "an entry was left after its removal", [index, 0, 0]);
            }
        }
    }
}
