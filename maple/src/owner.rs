//! What the writer of a tree keeps beside the root, and the release of what was removed.

use crate::entry::Kind;
use crate::hint::Hint;
use crate::list::{FreeList, Limbo, Remains, Retired};
use crate::node::{NodeRef, SLOTS};
use crate::reserve::{Reserve, Source, Stock};
use arrayvec::ArrayVec;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// The writer's side of a tree, under the tree's lock (or `&mut`).
///
/// # Invariants
///
/// `limbo` holds the nodes that left the tree, `retired` of them, of which the reserve's figures know `counted`. Every node in the
/// tree with a dead word covers an index of the hull `dead`.
///
/// In memory the stock comes first: see [`MapleTree`](crate::MapleTree).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Owner {
    pub(crate) stock: Stock,
    limbo: Limbo,
    retired: usize,
    counted: usize,
    pub(crate) dead: Option<(u64, u64)>,
    pub(crate) hint: Hint,
    /// Whether removals beside readers may have left dead words, or gaps side by side.
    pub(crate) untidy: bool,
    /// Whether inner nodes may have companions: free space was searched for. Then every change says beforehand what it is going to touch.
    pub(crate) tracks: bool,
    /// Nodes that the reserve's figures know as earmarked.
    earmarked: usize,
    /// Nodes ever built for this tree.
    pub(crate) nodes_taken: u64,
    pub(crate) reserve: &'static Reserve,
}

impl Owner {
    pub(crate) const fn new(reserve: &'static Reserve) -> Self {
        Self {
            stock: Stock::new(),
            limbo: Limbo::new(),
            retired: 0,
            counted: 0,
            dead: None,
            hint: Hint::new(),
            untidy: false,
            tracks: false,
            earmarked: 0,
            nodes_taken: 0,
            reserve,
        }
    }

    /// Nodes (and whole removed sub-trees) that wait for a grace period.
    pub(crate) fn retired(&self) -> usize {
        self.retired
    }

    /// A node for a change.
    ///
    /// # Errors
    ///
    /// When the source has none.
    pub(crate) fn take(&mut self, source: &mut Source<'_>) -> Result<NodeRef, AllocError> {
        // A small tree takes one node at a time, a bigger one saves trips to the pool.
        self.stock.take(source, if self.nodes_taken < 8 { 1 } else { 8 })
    }

    /// Remembers a node that no new reader can reach.
    #[inline]
    pub(crate) fn retire(&mut self, node: NodeRef, level: usize, remains: Remains) {
        self.limbo.push(node, level, remains);
        self.retired += 1;
    }

    /// Tells the reserve's figures what was retired since they were told last, if that is `enough`: the figures are shared by all trees of
    /// the reserve, and to write to them costs as much as the tree's lock.
    pub(crate) fn count_retired(&mut self, enough: usize) {
        if self.retired >= self.counted + enough {
            self.reserve.add_waiting(self.retired - self.counted);
            self.counted = self.retired;
        }
    }

    /// Tells the reserve's figures how many nodes are earmarked now.
    #[inline]
    pub(crate) fn count_earmarked(&mut self) {
        let (before, now) = (self.earmarked, self.stock.earmarked());
        if now > before {
            self.reserve.add_earmarked(now - before);
        } else if now < before {
            self.reserve.sub_earmarked(before - now);
        }
        self.earmarked = now;
    }

    /// Takes what is retired, to release it after a grace period or to hand it over.
    pub(crate) fn take_retired(&mut self) -> Limbo {
        self.count_retired(1);
        (self.retired, self.counted) = (0, 0);
        self.limbo.take()
    }

    /// Puts back what [`take_retired`](Self::take_retired) took: so many nodes and removed sub-trees, which the reserve's figures
    /// know. `O(1)` when nothing was retired since, else what was is moved over.
    pub(crate) fn put_back(&mut self, limbo: Limbo, count: usize) {
        let mut newer = core::mem::replace(&mut self.limbo, limbo);
        while let Some(Retired { node, level, remains, below }) = newer.pop() {
            if below {
                self.limbo.push_below(node, level, remains);
            } else {
                self.limbo.push(node, level, remains);
            }
        }
        self.retired += count;
        self.counted += count;
    }

    /// Releases what is retired here and now, and keeps the nodes.
    ///
    /// # Safety
    ///
    /// There are no readers: the caller has exclusive access to the tree, and `kind` is that of its entries.
    pub(crate) unsafe fn release_retired(&mut self, kind: Kind) {
        if self.limbo.is_empty() {
            return;
        }
        self.reserve.sub_waiting(self.counted);
        (self.retired, self.counted) = (0, 0);
        let limbo = self.limbo.take();
        // SAFETY: without readers no grace period is needed.
        unsafe { Release::new(limbo, kind, Sink::Stock(&mut self.stock, self.reserve)) }.run();
    }

    /// Notes that a node of the tree got a dead word at `first..=last`.
    pub(crate) fn note_dead(&mut self, first: u64, last: u64) {
        self.dead = Some(self.dead.map_or((first, last), |(low, high)| (low.min(first), high.max(last))));
    }

    /// Gives all nodes at hand back; the end of a tree.
    pub(crate) fn dissolve(&mut self) {
        let nodes = self.stock.take_all();
        self.count_earmarked();
        self.reserve.repay(nodes);
    }
}

/// Where nodes go when they are free.
#[derive(Debug)]
pub(crate) enum Sink<'a> {
    /// To one tree's stock.
    Stock(&'a mut Stock, &'static Reserve),
    /// To the reserve what it lent, to the pool the rest; the nodes were counted as waiting.
    Waiting(&'static Reserve),
    /// The same for nodes that were never counted.
    Reserve(&'static Reserve),
}

/// Free nodes are handed on when this many came together.
const BATCH: usize = 64;

/// The release of removed nodes, entries and sub-trees: a loop over an intrusive list, without recursion and without memory.
///
/// When the drop of an entry panics, the rest is released while the panic unwinds.
///
/// # Invariants
///
/// No reader can be looking at what is on `limbo` or in `entries`. What remains in the nodes of `limbo`, and `entries`, belong to this value and are
/// of `kind`; `nodes` are free.
#[derive(Debug)]
pub(crate) struct Release<'a> {
    limbo: Limbo,
    entries: ArrayVec<NonNull<()>, SLOTS>,
    nodes: FreeList,
    /// Of these, how many the reserve's figures know as waiting.
    waited: usize,
    kind: Kind,
    sink: Sink<'a>,
}

impl<'a> Release<'a> {
    /// # Safety
    ///
    /// No reader can be looking at what is on `limbo`: a grace period has passed since the last of it was put there, or there are no
    /// readers. `kind` is that of the entries.
    pub(crate) unsafe fn new(limbo: Limbo, kind: Kind, sink: Sink<'a>) -> Self {
        Self { limbo, entries: ArrayVec::new(), nodes: FreeList::new(), waited: 0, kind, sink }
    }

    /// Whether there is nothing to release.
    pub(crate) fn is_empty(&self) -> bool {
        self.limbo.is_empty() && self.entries.is_empty()
    }

    /// Adds an entry of the kind to release, which nobody else has and no reader can be looking at (or which may be dropped beside readers). (Up to sixteen before the first [`step`](Release::step).)
    pub(crate) fn add_entry(&mut self, entry: NonNull<()>) {
        self.entries.push(entry);
    }

    /// Whether an entry can be added.
    pub(crate) fn has_room(&self) -> bool {
        !self.entries.is_full()
    }

    /// Whether there is room for half of the entries that can be added at all.
    pub(crate) fn has_much_room(&self) -> bool {
        self.entries.len() < SLOTS / 2
    }

    /// Adds a tree that was never counted as waiting.
    pub(crate) fn add_tree(&mut self, node: NodeRef, level: usize) {
        self.limbo.push_below(node, level, Remains::Tree);
    }

    /// Releases everything.
    pub(crate) fn run(mut self) {
        self.finish();
    }

    /// Releases one entry, or takes one node apart.
    #[inline(always)]
    fn step(&mut self) -> bool {
        if let Some(entry) = self.entries.pop() {
            // SAFETY: by the invariant of the type no reader is left and the entry was this value's own; it was just taken off.
            unsafe { self.kind.drop(entry) };
            return true;
        }
        let Some(Retired { node, level, remains, below }) = self.limbo.pop() else { return false };
        if (level > 0 || self.kind.needs_drop) && remains != Remains::Nothing {
            for slot in 0..SLOTS {
                let word = node.own_slot(slot);
                let Some(target) = word.any_target() else { continue };
                let owned = remains == Remains::Tree || word.is_owned();
                if level == 0 {
                    self.entries.extend(owned.then_some(target));
                } else if owned || remains == Remains::Shell {
                    // SAFETY: what a slot of an inner node points at is a child.
                    let child = unsafe { NodeRef::from_target(target) };
                    self.limbo.push_below(child, level - 1, if owned { Remains::Tree } else { Remains::Shell });
                }
            }
        }
        self.waited += usize::from(!below);
        self.nodes.push(node);
        if self.nodes.len() >= BATCH {
            self.hand_on();
        }
        true
    }

    fn finish(&mut self) {
        loop {
            if !self.kind.needs_drop {
                // Mostly there are leaves, and nothing is to be done with what is in them.
                let leaves = self.limbo.take_leaves();
                self.waited += leaves.len();
                self.nodes.append(leaves);
            }
            if !self.step() {
                break;
            }
        }
        if self.nodes.len() > 0 {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        match &mut self.sink {
            Sink::Stock(stock, reserve) => {
                while let Some(node) = self.nodes.pop() {
                    stock.put(node);
                }
                stock.trim(reserve);
            }
            Sink::Waiting(reserve) => {
                reserve.sub_waiting(core::mem::take(&mut self.waited));
                reserve.repay(self.nodes.take());
            }
            Sink::Reserve(reserve) => reserve.repay(self.nodes.take()),
        }
    }
}

impl Drop for Release<'_> {
    #[inline]
    fn drop(&mut self) {
        /// Goes on with the rest when the drop of an entry panicked in here: then this is not called again.
        struct Rest<'r, 'a>(&'r mut Release<'a>);

        impl Drop for Rest<'_, '_> {
            fn drop(&mut self) {
                self.0.finish();
            }
        }
        // Most sessions of a writer leave nothing.
        if !self.is_empty() || self.nodes.len() > 0 {
            let rest = Rest(self);
            rest.0.finish();
        }
    }
}
