//! The reserve: nodes that are kept back so that a prune beside readers can copy its path without asking anyone for memory.
//!
//! ```text
//!              fill (may allocate)            loan, all or nothing
//! allocator  ----------------------> free  ------------------------> a prune's new path
//!                                     ^                                     |
//!                                     |   repay, before anything goes       v
//!                                     +---------- to the pool ------ the path it replaced, after a grace period
//! ```
//!
//! A prune frees at least as many nodes as it takes, so every loan is repaid by the prune that took it. A borrower takes one loan and
//! never waits for another, so there is nothing to deadlock on.

use crate::list::FreeList;
use crate::node::NodeRef;
use crate::pool;
use crate::sync::{AtomicUsize, Mutex, Ordering};
use maple_rcu::AllocError;

/// Nodes of the global reserve: the worst case of one operation on the kernel's tree is 63 nodes (three paths of 21 levels), and a
/// prune of ours takes at most one node a level and one more. 64 nodes are 16 KiB and serve nine prunes of a tree of a million
/// entries within one grace period.
const GLOBAL_NODES: usize = 64;

static GLOBAL: Reserve = Reserve::new(GLOBAL_NODES);

/// A pool of nodes that removals beside readers may borrow from.
///
/// There is one for the whole process ([`Reserve::global`], 64 nodes of 256 bytes), and a tree may be given another. It needs no
/// initialisation: the first operation that may allocate, on any [`MapleTree`](crate::MapleTree) with this reserve, fills it.
///
/// # Invariants
///
/// `free + lent <= capacity`, and once the reserve was filled `free + lent == capacity`. Nodes that come back are taken while
/// something is lent, else they are the pool's.
#[derive(Debug)]
pub struct Reserve {
    nodes: Mutex<FreeList>,
    capacity: usize,
    // Figures, changed under the lock (but for `earmarked`, `waiting` and `in_place_falls`) and read without.
    free: AtomicUsize,
    lent: AtomicUsize,
    low_water: AtomicUsize,
    earmarked: AtomicUsize,
    waiting: AtomicUsize,
    in_place_falls: AtomicUsize,
}

/// What a [`Reserve`] did and has. All but `low_water` and `in_place_falls` count nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ReserveFigures {
    /// Nodes it holds when full.
    pub capacity: usize,
    /// Nodes it holds now.
    pub free: usize,
    /// Nodes that prunes took and that were not paid back yet.
    pub lent: usize,
    /// Nodes that copies keep for their own prune, beside the reserve.
    pub earmarked: usize,
    /// Nodes (and whole removed sub-trees, each counted once) of this reserve's trees that wait for a grace period.
    pub waiting: usize,
    /// The least that was ever free since the reserve was first full.
    pub low_water: usize,
    /// Prunes that found too few nodes and were done in place.
    pub in_place_falls: usize,
}

impl Reserve {
    /// A reserve of `capacity` nodes of 256 bytes, empty until it is filled.
    ///
    /// ```
    /// use maple_tree::{MapleTree, Reserve};
    ///
    /// static RESERVE: Reserve = Reserve::new(16);
    /// static TREE: MapleTree<u32> = MapleTree::with_reserve(&RESERVE);
    ///
    /// RESERVE.fill()?;
    /// assert_eq!(RESERVE.figures().free, 16);
    /// # Ok::<(), maple_tree::AllocError>(())
    /// ```
    pub const fn new(capacity: usize) -> Self {
        Self {
            nodes: Mutex::new(FreeList::new()),
            capacity,
            free: AtomicUsize::new(0),
            lent: AtomicUsize::new(0),
            low_water: AtomicUsize::new(capacity),
            earmarked: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            in_place_falls: AtomicUsize::new(0),
        }
    }

    /// The reserve of every tree that was not given another.
    pub const fn global() -> &'static Self {
        &GLOBAL
    }

    /// Fills the reserve up to its capacity, less what is lent. May allocate; constant time when there is nothing to do.
    ///
    /// # Errors
    ///
    /// When the allocator refuses; the reserve keeps what it has.
    pub fn fill(&self) -> Result<(), AllocError> {
        loop {
            let missing = self.missing();
            if missing == 0 {
                return Ok(());
            }
            // Outside the lock: a removal must not wait for the allocator.
            let mut fresh = pool::take(missing)?;
            let mut nodes = self.nodes.lock();
            nodes.append(fresh.split(self.missing()));
            self.note_free(&nodes);
            drop(nodes);
            // Somebody else filled it meanwhile.
            pool::give(fresh);
        }
    }

    fn missing(&self) -> usize {
        // Relaxed: a hint outside the lock; under it, the lock orders the writes.
        self.capacity.saturating_sub(self.free.load(Ordering::Relaxed) + self.lent.load(Ordering::Relaxed))
    }

    fn note_free(&self, nodes: &FreeList) {
        // Relaxed: written under the lock, read as a figure or a hint.
        self.free.store(nodes.len(), Ordering::Relaxed);
    }

    /// The figures, read without a lock.
    pub fn figures(&self) -> ReserveFigures {
        // Relaxed: figures for people; nothing is concluded from them about memory.
        let load = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
        ReserveFigures {
            capacity: self.capacity,
            free: load(&self.free),
            lent: load(&self.lent),
            earmarked: load(&self.earmarked),
            waiting: load(&self.waiting),
            low_water: load(&self.low_water),
            in_place_falls: load(&self.in_place_falls),
        }
    }

    /// Lends `count` nodes, all or none. Never allocates, waits only for the reserve's own lock.
    pub(crate) fn lend(&self, count: usize) -> Option<FreeList> {
        let mut nodes = self.nodes.lock();
        if nodes.len() < count {
            return None;
        }
        let loan = nodes.split(count);
        self.note_free(&nodes);
        // Relaxed: written under the lock, read as figures or hints.
        self.lent.fetch_add(count, Ordering::Relaxed);
        self.low_water.fetch_min(nodes.len(), Ordering::Relaxed);
        Some(loan)
    }

    /// Takes nodes that nobody can reach any more: first to repay what is lent, the rest goes back to the pool.
    pub(crate) fn repay(&self, mut nodes: FreeList) {
        // Relaxed: a hint; when it is out of date the node goes to the pool and a later one, or `fill`, makes up for it.
        if self.lent.load(Ordering::Relaxed) > 0 {
            let mut mine = self.nodes.lock();
            let due = self.lent.load(Ordering::Relaxed).min(nodes.len());
            mine.append(nodes.split(due));
            self.note_free(&mine);
            self.lent.fetch_sub(due, Ordering::Relaxed);
        }
        pool::give(nodes);
    }

    pub(crate) fn add_earmarked(&self, count: usize) {
        // Relaxed: a figure.
        self.earmarked.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn sub_earmarked(&self, count: usize) {
        // Relaxed: a figure.
        self.earmarked.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn add_waiting(&self, count: usize) {
        // Relaxed: a figure.
        self.waiting.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn sub_waiting(&self, count: usize) {
        // Relaxed: a figure.
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn note_in_place_fall(&self) {
        // Relaxed: a figure.
        self.in_place_falls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        pool::give(self.nodes.lock().take());
    }
}

/// The nodes that one tree has at hand, under the tree's lock.
///
/// # Invariants
///
/// `earmarked <= list.len()`: operations that grow the tree leave that many for its own prune.
#[derive(Debug)]
pub(crate) struct Stock {
    list: FreeList,
    earmarked: usize,
}

/// A tree that frees nodes keeps this many for its next stores and gives the rest back to the pool.
const KEPT_FREE: usize = 16;

impl Stock {
    pub(crate) const fn new() -> Self {
        Self { list: FreeList::new(), earmarked: 0 }
    }

    /// A stock for a copy: `nodes` for its nodes, of which `earmarked` are to be left for its prune.
    pub(crate) fn for_copy(nodes: FreeList, earmarked: usize) -> Self {
        debug_assert!(earmarked <= nodes.len());
        Self { list: nodes, earmarked }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn earmarked(&self) -> usize {
        self.earmarked
    }

    pub(crate) fn list(&self) -> &FreeList {
        &self.list
    }

    /// Nodes that a growing operation may use.
    pub(crate) fn spare(&self) -> usize {
        self.list.len() - self.earmarked
    }

    /// A node for an operation that must not allocate but is no prune.
    pub(crate) fn take_spare(&mut self) -> Option<NodeRef> {
        if self.spare() > 0 { self.list.pop() } else { None }
    }

    /// A node for an operation that may allocate: from what is spare, else from the pool, `batch` at a time.
    pub(crate) fn take_or_allocate(&mut self, batch: usize) -> Result<NodeRef, AllocError> {
        if self.spare() == 0 {
            self.list.append(pool::take(batch).or_else(|_| pool::take(1))?);
        }
        self.take_spare().ok_or(AllocError(()))
    }

    /// `count` nodes for a prune: from what is at hand (the earmark is for this), else a loan. `None` when neither has enough.
    pub(crate) fn take_for_prune(&mut self, count: usize, reserve: Option<&Reserve>) -> Option<FreeList> {
        if self.list.len() < count {
            return reserve?.lend(count);
        }
        let nodes = self.list.split(count);
        let left = self.earmarked.min(self.list.len());
        if let Some(reserve) = reserve {
            reserve.sub_earmarked(self.earmarked - left);
        }
        self.earmarked = left;
        Some(nodes)
    }

    /// Takes back a node that nobody can reach.
    pub(crate) fn put(&mut self, node: NodeRef) {
        self.list.push(node);
    }

    /// Gives what is past a small stock back to the pool, unless somebody holds the pool's lock just now.
    pub(crate) fn trim(&mut self) {
        let spare = self.spare();
        if spare > 2 * KEPT_FREE {
            let excess = self.list.split(spare - KEPT_FREE);
            if let Err(excess) = pool::try_give(excess) {
                self.list.append(excess);
            }
        }
    }

    /// Everything, earmark included.
    pub(crate) fn take_all(&mut self) -> FreeList {
        self.earmarked = 0;
        self.list.take()
    }
}
