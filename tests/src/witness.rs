//! A tree with a writer that changes it between the steps of a walk, and everything that was there since the walk began: what a walk gives
//! can be told from what it should not, and each schedule can be had again.

use std::collections::HashSet;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::rc::Rc;

use maple_tree::MapleTree;

use crate::entry::Number;
use crate::shapes::Rng;

const MAX: u64 = u64::MAX;

/// Cells that stand for ranges of indices side by side: half of them begin at 0, half end at `u64::MAX`, and one is all that is between.
#[derive(Debug, Clone, Copy)]
pub struct Cells(usize);

impl Cells {
    fn first(self, cell: usize) -> u64 {
        let number = |cell: usize| u64::try_from(cell).expect("a number of cells");
        if cell <= self.0 / 2 { number(cell) } else { MAX - number(self.0 - 1 - cell) }
    }

    fn last(self, cell: usize) -> u64 {
        if cell + 1 == self.0 { MAX } else { self.first(cell + 1) - 1 }
    }

    /// The indices of cells.
    pub fn range(self, (from, to): (usize, usize)) -> RangeInclusive<u64> {
        self.first(from)..=self.last(to)
    }

    fn of(self, index: u64) -> usize {
        let before_end = |index: u64| usize::try_from(MAX - index).map_or(0, |before| (self.0 - 1).saturating_sub(before));
        if index <= self.first(self.0 / 2) { usize::try_from(index).expect("few") } else { before_end(index).max(self.0 / 2) }
    }

    /// The cells of a range that a walk gave.
    pub fn cells(self, range: &RangeInclusive<u64>) -> (usize, usize) {
        let cells = (self.of(*range.start()), self.of(*range.end()));
        assert_eq!(self.range(cells), *range, "a range that never was");
        cells
    }
}

/// A number below `bound`, which must not be 0.
pub fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(bound).expect("few"))).expect("below a length")
}

/// A range of cells and the number of what is there; 0: nothing.
pub type Row = (usize, usize, u64);

/// What there is from cell `from` on, until `to` is passed. Neighbours differ.
pub fn rows(ids: &[u64], mut from: usize, to: usize) -> Vec<Row> {
    from = (0..=from).rev().take_while(|at| ids[*at] == ids[from]).last().expect("one");
    let mut rows = Vec::new();
    while from <= to {
        let last = from + ids[from..].iter().take_while(|id| **id == ids[from]).count() - 1;
        rows.push((from, last, ids[from]));
        from = last + 1;
    }
    rows
}

/// A tree with what is in it, and with what was there since a walk began.
pub struct Witness<V: Number> {
    /// The tree.
    pub tree: Rc<MapleTree<V>>,
    /// The cells of its indices.
    pub cells: Cells,
    /// What is there now.
    pub now: Vec<u64>,
    /// What was there when the walk began.
    pub then: Vec<u64>,
    /// Which of it was changed since.
    pub changed: Vec<bool>,
    /// What was free at some time since.
    pub freed: Vec<bool>,
    /// Entries that came since.
    pub came: HashSet<Row>,
    next_id: u64,
    rng: Rng,
}

impl<V: Number> Debug for Witness<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(rows(&self.now, 0, self.now.len() - 1)).finish()
    }
}

impl<V: Number> Witness<V> {
    /// An empty tree over as many cells.
    pub fn new(seed: u64, count: usize) -> Self {
        let (tree, cells) = (Rc::new(MapleTree::new()), Cells(count));
        let (now, came) = (vec![0; count], HashSet::new());
        Self {
            tree,
            cells,
            then: now.clone(),
            changed: vec![false; count],
            freed: vec![false; count],
            now,
            came,
            next_id: 0,
            rng: Rng(seed),
        }
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        below(&mut self.rng, bound)
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Puts something in most places, in no order.
    pub fn fill(&mut self) {
        let count = self.now.len();
        for _ in 0..count / 4 {
            let (from, len) = (self.below(count), self.below(3));
            self.store((from, (from + len).min(count - 1)));
        }
        // Few are left of some nodes, and nothing of others.
        for _ in 0..12 {
            let (from, len) = (self.below(count), self.below(count / 30 + 1));
            let to = (from + len).min(count - 1);
            match self.rng.below(3) {
                0 => self.remove_whole((from, to)),
                1 => (from..=to).filter(|at| at % 9 > 0).for_each(|at| self.erase(at)),
                _ => self.remove((from, to)),
            }
        }
    }

    /// The walk begins now.
    pub fn begin(&mut self) {
        self.then.clone_from(&self.now);
        self.changed.fill(false);
        self.freed.iter_mut().zip(&self.now).for_each(|(freed, id)| *freed = *id == 0);
        self.came.clear();
    }

    fn set(&mut self, (from, to): (usize, usize), id: u64) {
        for at in from..=to {
            self.changed[at] |= self.now[at] != id;
            self.freed[at] |= id == 0;
            self.now[at] = id;
        }
        let around = (from.saturating_sub(1), (to + 1).min(self.now.len() - 1));
        self.came.extend(rows(&self.now, around.0, around.1).into_iter().filter(|row| row.2 > 0));
    }

    fn store(&mut self, window: (usize, usize)) {
        let id = self.id();
        self.tree.store(self.cells.range(window), V::make(id)).expect("memory");
        self.set(window, id);
    }

    fn remove(&mut self, window: (usize, usize)) {
        self.tree.remove(self.cells.range(window)).expect("memory");
        self.set(window, 0);
    }

    fn remove_whole(&mut self, window: (usize, usize)) {
        self.tree.remove_whole(self.cells.range(window));
        for (from, to, _) in rows(&self.now, window.0, window.1) {
            if window.0 <= from && to <= window.1 {
                self.set((from, to), 0);
            }
        }
    }

    fn erase(&mut self, at: usize) {
        let (from, to, id) = rows(&self.now, at, at)[0];
        let erased = self.tree.erase(self.cells.first(at)).map(|removed| (removed.range(), V::read(removed.get())));
        assert_eq!(erased, (id > 0).then(|| (self.cells.range((from, to)), id)));
        self.set((from, to), 0);
    }

    /// What a store displaces is what was there.
    fn store_with(&mut self, window: (usize, usize)) {
        let (id, cells) = (self.id(), self.cells);
        let mut pieces = Vec::new();
        let stored = self.tree.store_with(cells.range(window), V::make(id), |piece, entry| pieces.push((piece, V::read(entry))));
        stored.expect("memory");
        let there = rows(&self.now, window.0, window.1).into_iter().filter(|row| row.2 > 0);
        let there: Vec<_> = there.map(|(from, to, id)| (cells.range((from.max(window.0), to.min(window.1))), id)).collect();
        assert_eq!(pieces, there, "displaced at {window:?}");
        self.set(window, id);
    }

    fn prune(&mut self, at: usize, in_place: bool) {
        let (from, to, _) = rows(&self.now, at, at)[0];
        let border = if from < at && self.now[at] > 0 { to + 1 } else { at };
        let from = self.cells.first(at);
        if in_place {
            self.tree.prune_in_place(from)
        } else {
            self.tree.prune(from)
        };
        if border < self.now.len() {
            self.set((border, self.now.len() - 1), 0);
        }
    }

    /// A session, of stores one behind the other, and of one over them.
    fn session(&mut self, at: usize) {
        let steps = 1 + self.below(6);
        let apart = 1 + self.below(2);
        let mut stored = Vec::new();
        let mut writer = self.tree.lock();
        for window in (0..steps).map(|step| at + step * apart).take_while(|at| *at < self.now.len()).map(|at| (at, at)) {
            self.next_id += 1;
            writer.store(self.cells.range(window), V::make(self.next_id)).expect("memory");
            stored.push((window, self.next_id));
        }
        if let [((from, _), _), .., ((to, _), _)] = stored[..]
            && steps % 2 == 0
        {
            self.next_id += 1;
            writer.store_coalescing_by(self.cells.range((from, to)), V::make(self.next_id), |_, _| false).expect("memory");
            stored.push(((from, to), self.next_id));
        }
        drop(writer);
        stored.into_iter().for_each(|(window, id)| self.set(window, id));
    }

    /// Changes something near one of the places.
    pub fn change(&mut self, near: [usize; 2]) {
        let (count, near) = (self.now.len(), near[self.below(2)]);
        let from = match self.rng.below(8) {
            0 => self.below(count),
            _ => (near + self.below(24)).saturating_sub(12).min(count - 1),
        };
        let reach = [1, 4, 30, 200][self.below(4)];
        let window = (from, (from + self.below(reach)).min(count - 1));
        match self.rng.below(400) {
            0 => self.prune(from, true),
            1 => self.prune(from, false),
            2 => self.tree.compact().expect("memory"),
            3 => {
                self.tree.clear();
                self.set((0, count - 1), 0);
            }
            4 => {
                self.tree.retain(|_, entry| V::read(entry) % 3 > 0);
                for (from, to, _) in rows(&self.now, 0, count - 1).into_iter().filter(|row| row.2 % 3 == 0) {
                    self.set((from, to), 0);
                }
            }
            5..9 => {
                let _found = self.tree.find_free([1, 2, 7][from % 3], .., 1);
            }
            9 => self.tree.hand_over(),
            10..120 => self.store(window),
            120..180 => self.store_with(window),
            180..230 => self.erase(from),
            230..280 => self.remove(window),
            280..320 => self.remove_whole(window),
            320..350 => self.session(from),
            350..375 => {
                let (first, last, id) = rows(&self.now, from, from)[0];
                let new = self.id();
                let replaced = self.tree.replace(self.cells.first(from), V::make(new)).map(|old| V::read(old.get()));
                assert_eq!(replaced.ok(), (id > 0).then_some(id));
                if id > 0 {
                    self.set((first, last), new);
                }
            }
            _ => {
                let id = self.id();
                let free = self.now[window.0..=window.1].iter().all(|id| *id == 0);
                let inserted = self.tree.insert(self.cells.range(window), V::make(id)).is_ok();
                assert_eq!(inserted, free);
                if free {
                    self.set(window, id);
                }
            }
        }
    }

    /// A window, often one that cuts entries, or all there is.
    pub fn window(&mut self) -> (usize, usize) {
        let count = self.now.len();
        match self.rng.below(6) {
            0 => (0, count - 1),
            1 => (0, self.below(count)),
            2 => (self.below(count), count - 1),
            _ => {
                let from = self.below(count);
                (from, (from + self.below(count / 8 + 1)).min(count - 1))
            }
        }
    }
}
