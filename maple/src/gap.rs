//! Searching free space: the lowest or highest run of free indices that is long enough, and the longest.
//!
//! ```text
//!   look for 7:   [  a 3 | 0 | b 9 | 2 | c 5 | 8 | d 1  ]     figures of slots and, between them, of borders: a cannot have it, no run
//!                             ^                               over a|b is that long, b must have it
//! ```
//!
//! The search goes down from the root and passes over what is too short. A figure that is not known is made anew on the way, and kept in
//! the node's [companion](crate::companion). When there is no memory for a companion, the search enters what it could
//! have passed over, and finds the same.
//!
//! Where the bounds of a search cut through a node its figures are no more than a limit. So the search may enter in vain the nodes on the
//! paths to its bounds, and no others unless an alignment is asked for. Runs that are long enough but hold no aligned place are tried one by one.

use crate::companion::{Companion, length};
use crate::node::NodeRef;
use crate::path::Frame;
use crate::tree_mut::{Memory, TreeMut};

/// Which of several places a search is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Lowest,
    Highest,
}

/// What a search is for: `size` free indices inside `low..=high`, of which the first is a multiple of `align`. Neither is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) side: Side,
    pub(crate) low: u64,
    pub(crate) high: u64,
    pub(crate) size: u64,
    pub(crate) align: u64,
}

impl Want {
    /// The first index of the place in the run `first..=last`, if there is one.
    fn place(&self, first: u64, last: u64) -> Option<u64> {
        let (first, last) = (first.max(self.low), last.min(self.high));
        match self.side {
            Side::Lowest => {
                let place = first.checked_next_multiple_of(self.align)?;
                let end = place.checked_add(self.size - 1)?;
                (end <= last).then_some(place)
            }
            Side::Highest => {
                let place = last.checked_sub(self.size - 1)?;
                let place = place - place % self.align;
                (first <= place).then_some(place)
            }
        }
    }
}

impl TreeMut<'_> {
    /// The first index of the place that `want` describes. May ask for memory, and does without.
    pub(crate) fn find_free(&mut self, want: &Want) -> Option<u64> {
        match self.root.load() {
            Some((node, level)) => Search::in_tree(self).look(level, Frame { node, min: 0, max: u64::MAX, slot: 0 }, want),
            None => want.place(0, u64::MAX),
        }
    }

    /// The lowest of the longest runs of free indices inside `low..=high`. May ask for memory, and does without.
    pub(crate) fn largest_gap(&mut self, low: u64, high: u64) -> Option<(u64, u64)> {
        let Some((node, level)) = self.root.load() else { return Some((low, high)) };
        let top = Frame { node, min: 0, max: u64::MAX, slot: 0 };
        let mut search = Search::in_tree(self);
        let size = search.longest(level, top, low, high);
        if size == 0 {
            return None;
        }
        let first = search.look(level, top, &Want { side: Side::Lowest, low, high, size, align: 1 })?;
        // There is an entry, so there are fewer than 2^64, and the size is what it says.
        Some((first, first + (size - 1)))
    }
}

struct Search<'s, 'w> {
    writer: &'s mut TreeMut<'w>,
    /// There was no memory for a companion. It is not asked for again.
    refused: bool,
}

impl<'s, 'w> Search<'s, 'w> {
    fn in_tree(writer: &'s mut TreeMut<'w>) -> Self {
        Self { writer, refused: false }
    }
}

impl Search<'_, '_> {
    /// The companion of an inner node, if there is memory for one.
    fn companion(&mut self, node: NodeRef) -> Option<Companion> {
        Companion::of(node).or_else(|| self.make_companion(node))
    }

    #[cold]
    fn make_companion(&mut self, node: NodeRef) -> Option<Companion> {
        if self.refused {
            return None;
        }
        let Ok(memory) = self.writer.take(Memory::Allocate) else {
            self.refused = true;
            return None;
        };
        self.writer.track();
        // SAFETY: the writer of the tree just took the memory.
        Some(unsafe { Companion::give(node, memory) })
    }

    /// The first index of the place below `frame`, whose range overlaps the bounds of the search.
    fn look(&mut self, level: usize, frame: Frame, want: &Want) -> Option<u64> {
        let (from, to) = frame.reached(want.low, want.high).into_inner();
        if level == 0 {
            return look_in_leaf(&frame, from, to, want);
        }
        let companion = self.companion(frame.node);
        // Where the bounds cut through the node or a slot, the figures are a limit.
        let (slots, borders) = companion.map_or((!0, !0), |companion| companion.not_below(want.size));
        let mut left = (slots | borders) & (!0 << from) & (!0 >> (31 - to));
        // The last run over a border that was tried in vain: its other borders need not be.
        let mut tried = None;
        while left != 0 {
            let slot = match want.side {
                Side::Lowest => left.trailing_zeros(),
                Side::Highest => left.ilog2(),
            };
            left &= !(1 << slot);
            let (in_slot, at_border) = (slots & 1 << slot != 0, borders & 1 << slot != 0);
            let step = Frame { slot: slot as usize, ..frame };
            let at_border = at_border && step.slot < to;
            // The border lies behind the slot.
            let mut look_at_border = || if at_border { look_at_border(level, &step, companion, want, &mut tried) } else { None };
            let found = match (want.side, in_slot) {
                (Side::Lowest, true) => self.look_in_slot(level, &step, companion, want).or_else(look_at_border),
                (Side::Highest, true) => look_at_border().or_else(|| self.look_in_slot(level, &step, companion, want)),
                (_, false) => look_at_border(),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn look_in_slot(&mut self, level: usize, step: &Frame, companion: Option<Companion>, want: &Want) -> Option<u64> {
        let Some(child) = child(level, step) else { return want.place(step.first(), step.last()) };
        let inside = want.low <= child.min && child.max <= want.high;
        let figure = match companion {
            Some(companion) if inside => Some(self.figure_of_slot(level, step, companion)),
            Some(companion) => companion.slot(step.slot),
            None => None,
        };
        if figure.is_some_and(|figure| figure < want.size) { None } else { self.look(level - 1, child, want) }
    }

    fn figure_of_slot(&mut self, level: usize, step: &Frame, companion: Companion) -> u64 {
        if let Some(figure) = companion.slot(step.slot) {
            return figure;
        }
        let figure = match child(level, step) {
            Some(child) => self.longest(level - 1, child, child.min, child.max),
            None => length(step.first(), step.last()),
        };
        companion.set_slot(step.slot, figure);
        figure
    }

    /// The length of the longest run below `frame` inside `low..=high`, which overlaps its range.
    fn longest(&mut self, level: usize, frame: Frame, low: u64, high: u64) -> u64 {
        let (from, to) = frame.reached(low, high).into_inner();
        let clipped = |first: u64, last: u64| length(first.max(low), last.min(high));
        if level == 0 {
            let mut longest = 0;
            runs_in_leaf(&frame, from, to, |first, last| {
                longest = longest.max(clipped(first, last));
                None::<()>
            });
            return longest;
        }
        let companion = self.companion(frame.node);
        if let Some(companion) = companion.filter(|_| low <= frame.min && frame.max <= high) {
            let (slots, borders) = companion.unknown(to + 1);
            for_each_bit(slots, |slot| {
                self.figure_of_slot(level, &Frame { slot, ..frame }, companion);
            });
            for_each_bit(borders, |slot| {
                figure_of_border(level, &Frame { slot, ..frame }, companion);
            });
            return companion.largest(to + 1);
        }
        let mut longest = 0;
        for slot in from..=to {
            let step = Frame { slot, ..frame };
            let inside = low <= step.first() && step.last() <= high;
            let figure = match (child(level, &step), companion) {
                (_, Some(companion)) if inside => self.figure_of_slot(level, &step, companion),
                (Some(child), _) => self.longest(level - 1, child, low, high),
                (None, _) => clipped(step.first(), step.last()),
            };
            longest = longest.max(figure);
        }
        for slot in from..to {
            let step = Frame { slot, ..frame };
            let too_short = companion.is_some_and(|companion| figure_of_border(level, &step, companion) <= longest);
            if !too_short && let Some((first, last)) = run_over(level, &step) {
                longest = longest.max(clipped(first, last));
            }
        }
        longest
    }
}

fn for_each_bit(mut bits: u32, mut each: impl FnMut(usize)) {
    while bits != 0 {
        each(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// The child that the slot of a node at `level` points at.
fn child(level: usize, step: &Frame) -> Option<Frame> {
    let target = step.word().target().filter(|_| level > 0)?;
    // SAFETY: a live word of an inner slot is a child.
    Some(step.child(unsafe { NodeRef::from_target(target) }))
}

fn look_at_border(
    level: usize,
    step: &Frame,
    companion: Option<Companion>,
    want: &Want,
    tried: &mut Option<(u64, u64)>,
) -> Option<u64> {
    if tried.is_some_and(|(first, last)| (first..last).contains(&step.last())) {
        return None;
    }
    if companion.is_some_and(|companion| figure_of_border(level, step, companion) < want.size) {
        return None;
    }
    let (first, last) = run_over(level, step)?;
    *tried = Some((first, last));
    want.place(first, last)
}

fn figure_of_border(level: usize, step: &Frame, companion: Companion) -> u64 {
    companion.border(step.slot).unwrap_or_else(|| {
        let figure = run_over(level, step).map_or(0, |(first, last)| length(first, last));
        companion.set_border(step.slot, figure);
        figure
    })
}

/// The run over the border behind the slot, within the range of the node.
fn run_over(level: usize, step: &Frame) -> Option<(u64, u64)> {
    let first = free_up_to(level, step)?;
    let last = free_from(level, &Frame { slot: step.slot + 1, ..*step })?;
    Some((first, last))
}

/// Where the run begins that ends with the slot, within the range of the node.
fn free_up_to(level: usize, step: &Frame) -> Option<u64> {
    let mut run = None;
    for slot in (0..=step.slot).rev() {
        let step = Frame { slot, ..*step };
        if step.word().is_live() {
            // There is an entry in every child: behind it the run begins.
            let inside =
                child(level, &step).and_then(|child| free_up_to(level - 1, &Frame { slot: child.node.len() - 1, ..child }));
            return inside.or(run);
        }
        run = Some(step.first());
    }
    run
}

/// Where the run ends that begins with the slot, within the range of the node.
fn free_from(level: usize, step: &Frame) -> Option<u64> {
    let mut run = None;
    for slot in step.slot..step.node.len() {
        let step = Frame { slot, ..*step };
        if step.word().is_live() {
            // There is an entry in every child: before it the run ends.
            return child(level, &step).and_then(|child| free_from(level - 1, &child)).or(run);
        }
        run = Some(step.last());
    }
    run
}

fn look_in_leaf(frame: &Frame, from: usize, to: usize, want: &Want) -> Option<u64> {
    match want.side {
        Side::Lowest => runs_in_leaf(frame, from, to, |first, last| want.place(first, last)),
        Side::Highest => {
            let mut found = None;
            runs_in_leaf(frame, from, to, |first, last| {
                found = want.place(first, last).or(found);
                None::<()>
            });
            found
        }
    }
}

/// Calls `each` for the runs in slots `from..=to` of a leaf, from the lowest, until it returns something.
fn runs_in_leaf<T>(leaf: &Frame, from: usize, to: usize, mut each: impl FnMut(u64, u64) -> Option<T>) -> Option<T> {
    let mut run = None;
    for slot in from..=to {
        let step = Frame { slot, ..*leaf };
        if step.word().is_live() {
            if let Some((first, last)) = run.take()
                && let found @ Some(_) = each(first, last)
            {
                return found;
            }
        } else {
            run = Some((run.map_or_else(|| step.first(), |(first, _)| first), step.last()));
        }
    }
    run.and_then(|(first, last)| each(first, last))
}

/// Calls `each` for every run of free indices below `frame`, in order, without a look at any figure.
pub(crate) fn for_each_run(level: usize, frame: &Frame, each: &mut dyn FnMut(u64, u64)) {
    fn below(level: usize, frame: &Frame, run: &mut Option<(u64, u64)>, each: &mut dyn FnMut(u64, u64)) {
        for slot in 0..frame.node.len() {
            let step = Frame { slot, ..*frame };
            match child(level, &step) {
                Some(child) => below(level - 1, &child, run, each),
                None if step.word().is_live() => {
                    if let Some((first, last)) = run.take() {
                        each(first, last);
                    }
                }
                None => *run = Some((run.map_or_else(|| step.first(), |(first, _)| first), step.last())),
            }
        }
    }
    let mut run = None;
    below(level, frame, &mut run, each);
    if let Some((first, last)) = run {
        each(first, last);
    }
}
