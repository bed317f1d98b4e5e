//! How many nodes a store can take, at most: worked out from the numbers of slots on the way, without a change.
//!
//! A change goes up level by level ([`edit`](crate::edit)). On each level some slots give way to the nodes that the level below came to, one to
//! three; what results is scattered over as few nodes as hold it, or merged with a sibling when it is few. So all that matters of the levels below
//! is how many nodes they came to and whether a sibling gave way, too; for each of these cases the most that it can have taken is
//! carried up. (Whether a sibling is merged depends on that sibling, which is not looked at: it may be, so it counts.)

use crate::leaf::FEW;
use crate::node::{SLOTS, Word};
use crate::path::{Frame, Path};
use crate::splice::Splice;
use crate::tree_mut::{Mode, TreeMut};
use core::ptr::NonNull;

/// The nodes that a level came to (one to three), and whether a sibling gave way; by these, the most nodes taken so far.
type Cases = [[Option<usize>; 2]; 3];

fn note(cases: &mut Cases, nodes: usize, pulled: usize, taken: usize) {
    let most = &mut cases[nodes - 1][pulled];
    *most = Some(most.map_or(taken, |most| most.max(taken)));
}

/// A store, level by level.
struct Climb<'a> {
    exclusive: bool,
    /// Gaps may be joined on the way, so that there may be fewer slots than it seems.
    untidy: bool,
    left: &'a Path,
    right: &'a Path,
}

impl Climb<'_> {
    fn at(&self, level: usize) -> (Option<&Frame>, Option<&Frame>) {
        (self.left.at(level), self.right.at(level))
    }

    /// The slots of a level that stay.
    fn stay(&self, level: usize) -> usize {
        let (l, r) = self.at(level);
        l.map_or(0, |l| l.slot) + r.map_or(0, |r| r.node.len() - (r.slot + 1))
    }

    /// Whether one store into the node at `level` puts one child in the place of another.
    fn is_one_slot(&self, level: usize) -> bool {
        matches!(self.at(level), (Some(l), Some(r)) if l.node == r.node && l.slot == r.slot && !l.word().is_dead())
    }

    /// The most nodes that a store takes whose lowest level has `slots` slots, and may be merged with a sibling if `few`.
    fn most(&self, slots: usize, few: bool) -> usize {
        let top = self.left.top();
        let mut most = 0;
        let mut cases = Cases::default();
        self.level(0, slots, few && top > 0, 0, &mut cases, &mut most);
        for level in 1..=top {
            let below = core::mem::take(&mut cases);
            for (nodes, pulled, taken) in each(&below) {
                let slots = self.stay(level) + nodes - pulled;
                let few = level < top && (slots <= FEW || self.untidy);
                self.level(level, slots, few, taken, &mut cases, &mut most);
            }
        }
        // Two roots or three need another one above.
        each(&cases).map(|(nodes, _, taken)| taken + usize::from(nodes > 1)).fold(most, usize::max)
    }

    /// What a level can come to that has `slots` slots, when `taken` nodes were taken below it.
    fn level(&self, level: usize, slots: usize, few: bool, taken: usize, cases: &mut Cases, most: &mut usize) {
        let one_node = matches!(self.at(level), (Some(l), Some(r)) if l.node == r.node);
        if few {
            note(cases, 1, 1, taken + 1);
        }
        if self.exclusive && one_node && slots <= SLOTS {
            *most = (*most).max(taken);
            return;
        }
        if level == 0 && slots > SLOTS && self.left.top() > 0 {
            // Two leaves share what there is.
            note(cases, 2, 1, taken + 2);
        }
        let nodes = slots.div_ceil(SLOTS).max(1);
        if nodes == 1 && self.is_one_slot(level + 1) {
            *most = (*most).max(taken + 1);
        } else {
            note(cases, nodes, 0, taken + nodes);
        }
    }
}

fn each(cases: &Cases) -> impl Iterator<Item = (usize, usize, usize)> {
    let row = |(nodes, row): (usize, [Option<usize>; 2])| {
        (0..2).filter_map(move |pulled| row[pulled].map(|taken| (nodes + 1, pulled, taken)))
    };
    (*cases).into_iter().enumerate().flat_map(row)
}

impl TreeMut<'_> {
    /// The most nodes that a store of an entry at `first..=last` takes now. Nothing is changed.
    pub(crate) fn nodes_for(&self, (first, last): (u64, u64)) -> usize {
        let (left, right) = (self.path_to(first), self.path_to(last));
        let Some(bottom) = left.as_bottom() else { return 1 };
        let (exclusive, untidy) = (self.mode == Mode::Exclusive, self.owner.untidy);
        if bottom.level == 1 && bottom.frame.word() == Word::EMPTY && last <= bottom.frame.last() {
            // One new leaf in an inner gap.
            return 1;
        }
        let (l, r) = (left.at(0).copied(), right.at(0).copied());
        let Some((l, r)) = l.zip(r).filter(|(l, r)| l.node == r.node) else {
            let before = l.map_or(usize::from(left.bounds().0 < first), |l| l.slot + usize::from(l.first() < first));
            let behind =
                r.map_or(usize::from(right.bounds().1 > last), |r| r.node.len() - r.slot - usize::from(r.last() == last));
            let slots = before + 1 + behind;
            let climb = Climb { exclusive, untidy, left: &left, right: &right };
            return climb.most(slots, slots <= FEW || untidy);
        };
        let old = l.word();
        let (starts, ends) = (l.first() == first, r.last() == last);
        if l.slot == r.slot && starts && ends {
            let carried = old.is_dead() || (old.is_live() && self.kind.carried_by_slot);
            if exclusive || !carried {
                return 0;
            }
        }
        // Any entry will do, also for what is left of one that is split: only the slots count.
        let any = NonNull::<u64>::dangling().cast();
        let splice = Splice::new(&l, &r, (first, last), Word::live(any), None);
        let len = l.node.len();
        let slots = len - (splice.to - splice.from) + splice.len;
        let parent = left.at(1).copied();
        if exclusive && !untidy && slots > SLOTS && parent.is_some_and(|parent| parent.node.len() < SLOTS) {
            // A new leaf beside the old one, which are rewritten where they lie.
            return 1;
        }
        // A leaf in which ranges come in ascending order is not merged.
        let shrinks = slots < len || (!exclusive && l.max < u64::MAX);
        let climb = Climb { exclusive, untidy, left: &left, right: &right };
        climb.most(slots, untidy || (slots <= FEW && shrinks))
    }
}
