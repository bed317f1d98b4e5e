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
//! A prune frees at least as many nodes as it takes, so every loan of a prune is repaid by the prune that took it; what a cut keeps is
//! made up for by the next operation that may allocate. A borrower takes one loan and never waits for another, so there is nothing to
//! deadlock on.

use crate::list::FreeList;
use crate::node::{MAX_LEVELS, NodeRef};
use crate::pool::{self, Pool};
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering};
use arrayvec::ArrayVec;
use core::fmt;
use maple_rcu::AllocError;

/// Nodes of the global reserve; the reason is in the documentation of [`Reserve`].
const GLOBAL_NODES: usize = 64;

static GLOBAL: Reserve = Reserve::new(GLOBAL_NODES);

/// A pool of nodes that removals may borrow from, so that they need no memory.
///
/// There is one for the whole process ([`Reserve::global`], 64 nodes of 256 bytes), and a tree may be given another. It needs no
/// initialisation: every operation that may allocate, on any tree with this reserve, fills it up first come, first served.
///
/// A loan is all-or-nothing, and nobody waits for one: who cannot be served is told so at once.
///
/// # Size
///
/// A prune takes at most one node a level, so at most 6 in a tree of a million entries: 64 nodes (16 KiB) serve ten such prunes within one
/// grace period, and one of any tree there can be (24 levels at most). 64 is also just above the worst case of one operation on the
/// Linux kernel's tree (63 nodes: three paths of 21 levels), the size that was suggested there for such a reserve. Copies keep nodes
/// for their own prune beside it, and a prune that finds none is done in place, so too small a reserve costs atomicity, nothing else.
/// Whoever expects more failures within one grace period sets another capacity ([`set_capacity`](Self::set_capacity)).
///
/// ```
/// use maple_tree::{MapleTree, PruneForm, Reserve};
///
/// static RESERVE: Reserve = Reserve::new(0);
/// let tree = MapleTree::<u32>::with_reserve(&RESERVE);
/// for page in 0..1000u64 {
///     tree.store(page..=page, 7)?;
/// }
/// assert_ne!(tree.prune(500).form, PruneForm::Nothing); // whatever the reserve holds
/// assert_eq!(tree.iter(&tree.pin()).count(), 500);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// `free` is the length of `nodes`. Nodes that come back from a tree are taken while something is lent, else they are the pool's.
pub struct Reserve {
    pool: &'static Pool,
    nodes: Mutex<FreeList>,
    // Figures: changed under the lock (but for `earmarked`, `waiting` and `in_place_falls`) and read without.
    capacity: AtomicUsize,
    free: AtomicUsize,
    lent: AtomicUsize,
    low_water: AtomicUsize,
    earmarked: AtomicUsize,
    waiting: AtomicUsize,
    in_place_falls: AtomicUsize,
}

/// What a [`Reserve`] did and has. All but `in_place_falls` count nodes.
///
/// ```
/// let figures = maple_tree::Reserve::new(16).figures();
/// assert_eq!((figures.capacity, figures.free, figures.lent), (16, 0, 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ReserveFigures {
    /// Nodes it holds when full.
    pub capacity: usize,
    /// Nodes it holds now.
    pub free: usize,
    /// Nodes that removals took and that were neither paid back nor made up for by an operation that could allocate.
    pub lent: usize,
    /// Nodes that copies keep for their own prune, beside the reserve.
    pub earmarked: usize,
    /// Nodes (and whole removed sub-trees, each counted once) of this reserve's trees that wait for a grace period. Those that a prune
    /// retired are counted at once, others sixteen of a tree at a time.
    pub waiting: usize,
    /// The least that was free after a loan since the capacity was last set (before any loan: the capacity).
    pub low_water: usize,
    /// Prunes that found too few nodes and were done in place.
    pub in_place_falls: usize,
}

impl Reserve {
    /// A reserve of `capacity` nodes of 256 bytes, empty until it is filled. Constant time.
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
        Self::with_pool(capacity, Pool::global())
    }

    /// As [`new`](Self::new), with nodes from `pool`; so are those of the trees that use this reserve. Constant time.
    ///
    /// ```
    /// use maple_tree::{Pool, Reserve};
    ///
    /// static RESERVE: Reserve = Reserve::with_pool(16, Pool::global());
    /// assert_eq!(RESERVE.figures().capacity, 16);
    /// ```
    pub const fn with_pool(capacity: usize, pool: &'static Pool) -> Self {
        Self {
            pool,
            nodes: Mutex::new(FreeList::new()),
            capacity: AtomicUsize::new(capacity),
            free: AtomicUsize::new(0),
            lent: AtomicUsize::new(0),
            low_water: AtomicUsize::new(capacity),
            earmarked: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            in_place_falls: AtomicUsize::new(0),
        }
    }

    /// The reserve of every tree that was not given another. Constant time.
    ///
    /// ```
    /// use maple_tree::Reserve;
    ///
    /// Reserve::global().fill()?;
    /// assert!(Reserve::global().figures().free > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn global() -> &'static Self {
        &GLOBAL
    }

    /// Where the nodes come from. Constant time.
    ///
    /// ```
    /// use maple_tree::{Pool, Reserve};
    ///
    /// assert!(std::ptr::eq(Reserve::global().pool(), Pool::global()));
    /// ```
    pub const fn pool(&self) -> &'static Pool {
        self.pool
    }

    /// Sets how many nodes it holds when full. What is free past that goes back at once; what is missing comes with the next
    /// [`fill`](Self::fill) or operation that may allocate. Allocates nothing.
    /// Linear in the nodes that go back; waits for nothing but the lock of the reserve.
    ///
    /// ```
    /// static RESERVE: maple_tree::Reserve = maple_tree::Reserve::new(16);
    /// RESERVE.fill()?;
    /// RESERVE.set_capacity(4);
    /// assert_eq!(RESERVE.figures().free, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_capacity(&self, capacity: usize) {
        let mut nodes = self.nodes.lock();
        // Relaxed: written under the lock, read as figures or hints.
        self.capacity.store(capacity, Ordering::Relaxed);
        self.low_water.store(capacity, Ordering::Relaxed);
        let excess = nodes.len().saturating_sub(capacity);
        let excess = nodes.split(excess);
        self.note_free(&nodes);
        drop(nodes);
        pool::give(excess);
    }

    /// Fills the reserve up to its capacity; what it has lent counts as made up for then. May allocate; one comparison when there is
    /// nothing to do. Linear in the nodes that are missing.
    ///
    /// # Errors
    ///
    /// When the allocator refuses; the reserve keeps what it has.
    ///
    /// ```
    /// static RESERVE: maple_tree::Reserve = maple_tree::Reserve::new(16);
    /// assert_eq!(RESERVE.figures().free, 0);
    /// RESERVE.fill()?;
    /// assert_eq!(RESERVE.figures().free, 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fill(&self) -> Result<(), AllocError> {
        loop {
            let missing = self.missing();
            if missing == 0 {
                return Ok(());
            }
            // Outside the lock: a removal must not wait for the allocator.
            let mut fresh = self.pool.take(missing)?;
            let mut nodes = self.nodes.lock();
            let added = fresh.split(self.missing());
            self.repaid(added.len());
            nodes.append(added);
            self.note_free(&nodes);
            drop(nodes);
            // Somebody else filled it meanwhile.
            pool::give(fresh);
        }
    }

    /// Whether there is nothing to [`fill`](Self::fill).
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.missing() == 0
    }

    #[inline]
    fn missing(&self) -> usize {
        // Relaxed: a hint outside the lock; under it, the lock orders the writes.
        self.capacity.load(Ordering::Relaxed).saturating_sub(self.free.load(Ordering::Relaxed))
    }

    /// Under the lock.
    fn note_free(&self, nodes: &FreeList) {
        // Relaxed: written under the lock, read as a figure or a hint.
        self.free.store(nodes.len(), Ordering::Relaxed);
    }

    /// Under the lock.
    fn repaid(&self, count: usize) {
        // Relaxed: written under the lock, read as a figure or a hint.
        let lent = self.lent.load(Ordering::Relaxed);
        self.lent.store(lent.saturating_sub(count), Ordering::Relaxed);
    }

    /// The figures, read without a lock. Constant time.
    ///
    /// ```
    /// static RESERVE: maple_tree::Reserve = maple_tree::Reserve::new(16);
    /// assert_eq!(RESERVE.figures().low_water, 16); // no loan yet
    /// ```
    pub fn figures(&self) -> ReserveFigures {
        // Relaxed: figures for people; nothing is concluded from them about memory.
        let load = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
        ReserveFigures {
            capacity: load(&self.capacity),
            free: load(&self.free),
            lent: load(&self.lent),
            earmarked: load(&self.earmarked),
            waiting: load(&self.waiting),
            low_water: load(&self.low_water),
            in_place_falls: load(&self.in_place_falls),
        }
    }

    /// Opens a loan. Waits for the reserve's own lock only, which is never held across a call of the allocator or of foreign code.
    pub(crate) fn loan(&self) -> Loan<'_> {
        Loan { reserve: self, nodes: self.nodes.lock(), drawn: 0 }
    }

    /// Takes nodes that nobody can reach any more: first to repay what is lent, the rest goes back to the pool.
    pub(crate) fn repay(&self, mut nodes: FreeList) {
        // When the hint is out of date the node goes to the pool, and a later one, or `fill`, makes up for it.
        if self.has_lent() {
            let mut mine = self.nodes.lock();
            let due = self.lent.load(Ordering::Relaxed).min(nodes.len());
            self.repaid(due);
            mine.append(nodes.split(due.min(self.missing())));
            self.note_free(&mine);
        }
        pool::give(nodes);
    }

    fn has_lent(&self) -> bool {
        // Relaxed: a hint.
        self.lent.load(Ordering::Relaxed) > 0
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

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReserveFigures { capacity, free, lent, earmarked, waiting, low_water, in_place_falls } = self.figures();
        f.debug_struct("Reserve")
            .field("capacity", &capacity)
            .field("free", &free)
            .field("lent", &lent)
            .field("earmarked", &earmarked)
            .field("waiting", &waiting)
            .field("low_water", &low_water)
            .field("in_place_falls", &in_place_falls)
            .finish()
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        pool::give(self.nodes.lock().take());
    }
}

/// A loan of a [`Reserve`] in the making. It holds the reserve's lock until it is dropped, so that what it draws comes all or not at
/// all, and two borrowers cannot each hold half of what either needs.
#[derive(Debug)]
pub(crate) struct Loan<'r> {
    reserve: &'r Reserve,
    nodes: MutexGuard<'r, FreeList>,
    drawn: usize,
}

impl Loan<'_> {
    fn draw(&mut self) -> Option<NodeRef> {
        let node = self.nodes.pop()?;
        self.drawn += 1;
        Some(node)
    }

    /// Takes a node back if one was drawn.
    fn undraw(&mut self, node: NodeRef) -> Result<(), NodeRef> {
        if self.drawn == 0 {
            return Err(node);
        }
        self.drawn -= 1;
        self.nodes.push(node);
        Ok(())
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if self.drawn > 0 {
            // Relaxed: written under the lock, read as figures or hints.
            self.reserve.lent.fetch_add(self.drawn, Ordering::Relaxed);
            self.reserve.low_water.fetch_min(self.nodes.len(), Ordering::Relaxed);
            self.reserve.note_free(&self.nodes);
        }
    }
}

/// Where an operation takes nodes from.
#[derive(Debug)]
pub(crate) enum Source<'r> {
    /// What the tree has to spare, then the pool, which may ask the allocator.
    Pool(&'static Pool),
    /// What the tree has to spare, and nothing else.
    Spare,
    /// All that the tree has at hand, its earmark first.
    Own,
    /// What the tree has to spare, or all that it has at hand; then a loan.
    Loan { loan: Loan<'r>, earmark: Earmark },
}

/// Whether an operation may take what is earmarked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Earmark {
    /// It may not.
    Stays,
    /// It may, before anything else, and took this many nodes so far.
    Taken(usize),
}

/// The nodes that one tree has at hand, under the tree's lock.
///
/// In memory the earmark, which few calls write to, comes first: see [`MapleTree`](crate::MapleTree).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Stock {
    /// For the tree's own prune. An array, so that taking them does not wait for the memory of one to find the next.
    earmark: ArrayVec<NodeRef, EARMARK>,
    /// For the next stores.
    spare: FreeList,
}

/// How far the root of a tree has to be from what is written often.
const APART: usize = 128;
const _: () = assert!(core::mem::offset_of!(Stock, spare) >= APART);

/// A node a level and one more, for the highest tree.
const EARMARK: usize = MAX_LEVELS + 1;

/// A tree that frees nodes keeps this many for its next stores and gives the rest back to the pool.
const KEPT_FREE: usize = 16;

impl Stock {
    pub(crate) const fn new() -> Self {
        Self { earmark: ArrayVec::new_const(), spare: FreeList::new() }
    }

    /// A stock for a copy, with nodes for its prune.
    pub(crate) fn earmarking(mut nodes: FreeList) -> Self {
        let mut stock = Self::new();
        while !stock.earmark.is_full()
            && let Some(node) = nodes.pop()
        {
            stock.earmark.push(node);
        }
        stock.spare = nodes;
        stock
    }

    /// Nodes at hand, earmarked ones included.
    pub(crate) fn len(&self) -> usize {
        self.spare.len() + self.earmark.len()
    }

    pub(crate) fn earmarked(&self) -> usize {
        self.earmark.len()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NodeRef> {
        self.spare.iter().chain(self.earmark.iter().copied())
    }

    /// Asks for nodes that a prune of a copy will take soon.
    #[inline]
    pub(crate) fn approach(&self, count: usize) {
        self.earmark.iter().rev().take(count).for_each(|node| node.prefetch());
    }

    /// Nodes that a growing operation may use.
    pub(crate) fn spare(&self) -> usize {
        self.spare.len()
    }

    /// Takes a node that a growing operation may use, if there is one.
    #[inline]
    pub(crate) fn take_spare(&mut self) -> Option<NodeRef> {
        self.spare.pop()
    }

    /// Takes a node.
    ///
    /// # Errors
    ///
    /// When the source has none.
    #[inline]
    pub(crate) fn take(&mut self, source: &mut Source<'_>, batch: usize) -> Result<NodeRef, AllocError> {
        let node = match source {
            Source::Spare => self.spare.pop(),
            Source::Own => self.earmark.pop().or_else(|| self.spare.pop()),
            Source::Pool(pool) => {
                if self.spare.len() == 0 {
                    self.spare = pool.take(batch).or_else(|_| pool.take(1))?;
                }
                self.spare.pop()
            }
            Source::Loan { loan, earmark } => {
                let own = match earmark {
                    Earmark::Stays => None,
                    Earmark::Taken(taken) => self.earmark.pop().inspect(|_| *taken += 1),
                };
                own.or_else(|| self.spare.pop()).or_else(|| loan.draw())
            }
        };
        node.ok_or(AllocError(()))
    }

    /// Makes sure that there are as many nodes to spare, from `pool`, which may ask the allocator. Returns how many came.
    ///
    /// # Errors
    ///
    /// Out of memory; nothing came.
    pub(crate) fn top_up(&mut self, pool: &'static Pool, count: usize) -> Result<usize, AllocError> {
        let missing = count.saturating_sub(self.spare.len());
        self.spare.append(pool.take(missing)?);
        Ok(missing)
    }

    /// Gives up to `count` nodes back to the pool, of those past `keep`.
    pub(crate) fn shed(&mut self, count: usize, keep: usize) {
        let excess = self.spare.len().saturating_sub(keep).min(count);
        pool::give(self.spare.split(excess));
    }

    /// Takes back a node that an operation took and did not use.
    pub(crate) fn untake(&mut self, source: &mut Source<'_>, node: NodeRef) {
        let Source::Loan { loan, earmark } = source else { return self.spare.push(node) };
        let Err(node) = loan.undraw(node) else { return };
        match earmark {
            Earmark::Taken(taken) if *taken > 0 => {
                *taken -= 1;
                self.earmark.push(node);
            }
            _ => self.spare.push(node),
        }
    }

    /// Takes back a node that nobody can reach.
    pub(crate) fn put(&mut self, node: NodeRef) {
        self.spare.push(node);
    }

    /// The same for an inner node, which may have a companion.
    pub(crate) fn put_with_companion(&mut self, node: NodeRef) {
        node.take_companion().into_iter().for_each(|companion| self.put(companion));
        self.put(node);
    }

    /// Repays what the reserve has lent, then gives what is past a small stock back to the pool, unless somebody holds the pool's lock
    /// just now.
    pub(crate) fn trim(&mut self, reserve: &Reserve) {
        if self.spare() > 0 && reserve.has_lent() {
            reserve.repay(self.spare.take());
        }
        let spare = self.spare();
        if spare > 2 * KEPT_FREE {
            let excess = self.spare.split(spare - KEPT_FREE);
            if let Err(excess) = pool::try_give(excess) {
                self.spare.append(excess);
            }
        }
    }

    /// Everything, earmark included.
    pub(crate) fn take_all(&mut self) -> FreeList {
        let mut all = self.spare.take();
        self.earmark.drain(..).for_each(|node| all.push(node));
        all
    }
}
