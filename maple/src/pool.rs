//! Where nodes come from: slabs of 32 KiB. The only place that talks to an allocator about nodes.
//!
//! ```text
//! slab, aligned to 32 KiB:  | head | node | node | node | ... 126 nodes | 256 bytes left to the allocator's own header |
//! ```
//!
//! A slab is asked for with 256 bytes less than its alignment, so that a general-purpose allocator can put its own header between
//! two slabs instead of wasting a whole alignment. The slab of a node is found by rounding the node's address down.
//!
//! **Policy.** A slab whose last node comes back goes to the allocator at once, but for one that is kept against a tree that shrinks
//! and grows around a slab's edge. The pool's lock is never held across a call of the allocator or of foreign code.

use crate::list::FreeList;
use crate::node::{NODE_BYTES, Node, NodeRef};
use crate::sync::{AtomicUsize, Mutex, Ordering};
use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::fmt;
use core::ptr::{self, NonNull};
use maple_rcu::AllocError;

const SLAB_ALIGN: usize = 32 * 1024;
pub(crate) const SLAB_NODES: usize = SLAB_ALIGN / NODE_BYTES - 2;
const SLAB_BYTES: usize = (SLAB_NODES + 1) * NODE_BYTES;
const KEPT_EMPTY: usize = 1;

const LAYOUT: Layout = match Layout::from_size_align(SLAB_BYTES, SLAB_ALIGN) {
    Ok(layout) => layout,
    Err(_) => panic!("the size and alignment of a slab are constants"),
};

/// First 256 bytes of a slab.
///
/// # Invariants
///
/// `pool`, which the memory is from, never changes, and is read by anyone who has a node of the slab. `books` is read and written only under the
/// lock of that pool, and borrowed by itself, never with `pool`.
#[repr(C, align(256))]
struct Slab {
    pool: &'static Pool,
    books: Books,
}

/// Which nodes of a slab are to be had.
///
/// # Invariants
///
/// `free` holds the nodes that came back; nodes from number `fresh` on were never handed out. The slab is on the pool's list exactly when it
/// has a free or a fresh node.
struct Books {
    free: FreeList,
    fresh: usize,
    next: *mut Slab,
    prev: *mut Slab,
}

const _: () = assert!(size_of::<Slab>() == NODE_BYTES);

impl Books {
    fn available(&self) -> usize {
        self.free.len() + (SLAB_NODES - self.fresh)
    }
}

/// Where the nodes of trees come from: memory in slabs of about 32 KiB, from one allocator.
///
/// There is one for the whole process, which uses the global allocator ([`Pool::global`]); a [`Reserve`](crate::Reserve) and the trees that
/// use it may have another. Nodes never go from one pool to another.
///
/// A slab of which no node is in use any more goes back to the allocator at once, but for one. The pool's own lock is
/// held for some list operations only, never across a call of the allocator.
///
/// ```
/// use maple_tree::{Pool, RangeMap};
///
/// let map = RangeMap::from_iter((0..1000u64).map(|page| (page..=page, 7u32)));
/// let figures = Pool::global().figures();
/// assert!(figures.nodes_in_use > 1000 / 16);
/// assert!(figures.slab_bytes >= figures.nodes_in_use * 256);
/// # drop(map);
/// ```
pub struct Pool {
    partial: Mutex<Partial>,
    /// Slabs that exist.
    slabs: AtomicUsize,
    /// Nodes that are handed out.
    in_use: AtomicUsize,
    source: Source,
}

/// Who gives memory for slabs.
enum Source {
    /// The global allocator.
    Global,
    #[cfg(feature = "allocator-api2")]
    Allocator(&'static (dyn allocator_api2::alloc::Allocator + Sync)),
}

/// The slabs of a pool that have a node to give.
struct Partial {
    /// A list with links both ways.
    first: *mut Slab,
    /// Slabs on that list of which no node is in use.
    empty: usize,
}

// SAFETY: the pool owns its slabs, and slabs have no tie to a thread.
unsafe impl Send for Partial {}

static GLOBAL: Pool = Pool::from_source(Source::Global);

/// Figures of a [`Pool`].
///
/// ```
/// let figures = maple_tree::Pool::global().figures();
/// assert!(figures.slab_bytes >= (figures.nodes_in_use + figures.nodes_free) * 256);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PoolFigures {
    /// Slabs held from the allocator.
    pub slabs: usize,
    /// Their bytes.
    pub slab_bytes: usize,
    /// Nodes (256 bytes each) handed out: to trees, to reserves, or waiting for a grace period.
    pub nodes_in_use: usize,
    /// Nodes in slabs that nobody has.
    pub nodes_free: usize,
}

impl Pool {
    /// The pool of everyone who was not given another. Constant time.
    ///
    /// ```
    /// use maple_tree::{Pool, Reserve};
    ///
    /// assert!(std::ptr::eq(Pool::global(), Reserve::global().pool()));
    /// ```
    pub const fn global() -> &'static Self {
        &GLOBAL
    }

    /// An empty pool on an allocator of one's own. Allocates nothing. Constant time.
    ///
    /// Asked for are blocks of 32,512 bytes that are aligned to 32 KiB. The allocator may refuse: what
    /// needed the memory returns an error, and nothing has changed.
    ///
    /// ```
    /// use allocator_api2::alloc::Global;
    /// use maple_tree::{MapleTree, Pool, Reserve};
    ///
    /// static POOL: Pool = Pool::new(&Global); // or huge pages, or memory of one NUMA node
    /// static RESERVE: Reserve = Reserve::with_pool(16, &POOL);
    /// static TREE: MapleTree<u32> = MapleTree::with_reserve(&RESERVE);
    ///
    /// TREE.store(0..10, 1)?;
    /// assert_eq!(POOL.figures().slabs, 1);
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    #[cfg(feature = "allocator-api2")]
    pub const fn new(allocator: &'static (dyn allocator_api2::alloc::Allocator + Sync)) -> Self {
        Self::from_source(Source::Allocator(allocator))
    }

    const fn from_source(source: Source) -> Self {
        let partial = Mutex::new(Partial { first: ptr::null_mut(), empty: 0 });
        Self { partial, slabs: AtomicUsize::new(0), in_use: AtomicUsize::new(0), source }
    }

    /// The figures, read without a lock (so, beside running writers, not all at one instant). Constant time.
    ///
    /// ```
    /// use maple_tree::{Pool, RangeMap};
    ///
    /// let mut map = RangeMap::new();
    /// map.store(0..=9, 1u32)?;
    /// assert!(Pool::global().figures().nodes_in_use >= 1);
    /// # Ok::<(), maple_tree::StoreError<u32>>(())
    /// ```
    pub fn figures(&self) -> PoolFigures {
        // Relaxed: figures for people; nothing is concluded from them about memory.
        let slabs = self.slabs.load(Ordering::Relaxed);
        let nodes_in_use = self.in_use.load(Ordering::Relaxed);
        PoolFigures {
            slabs,
            slab_bytes: slabs * SLAB_BYTES,
            nodes_in_use,
            nodes_free: (slabs * SLAB_NODES).saturating_sub(nodes_in_use),
        }
    }

    /// Takes `count` nodes, all or none. Their links are null, the rest of their contents is unspecified.
    ///
    /// # Errors
    ///
    /// When the allocator refuses a slab; everything taken so far is back in the pool then.
    pub(crate) fn take(&'static self, count: usize) -> Result<FreeList, AllocError> {
        let mut nodes = FreeList::new();
        loop {
            let taken = self.partial.lock().fill(&mut nodes, count);
            // Relaxed: a figure.
            self.in_use.fetch_add(taken, Ordering::Relaxed);
            if nodes.len() == count {
                return Ok(nodes);
            }
            let Some(slab) = self.new_slab() else {
                give(nodes);
                return Err(AllocError(()));
            };
            let mut partial = self.partial.lock();
            // SAFETY: the slab is new, so no other reference to it exists.
            unsafe { partial.link(slab.as_ptr()) };
            partial.empty += 1;
        }
    }

    /// A slab of which no node was handed out, on no list.
    fn new_slab(&'static self) -> Option<NonNull<Slab>> {
        let slab = match &self.source {
            // SAFETY: the layout has a size above zero.
            Source::Global => NonNull::new(unsafe { alloc(LAYOUT) })?,
            #[cfg(feature = "allocator-api2")]
            Source::Allocator(allocator) => allocator.allocate(LAYOUT).ok()?.cast(),
        };
        let slab = slab.cast::<Slab>();
        let books = Books { free: FreeList::new(), fresh: 0, next: ptr::null_mut(), prev: ptr::null_mut() };
        // SAFETY: the memory is ours and fits the head of a slab.
        unsafe { slab.write(Slab { pool: self, books }) };
        // Relaxed: a figure.
        self.slabs.fetch_add(1, Ordering::Relaxed);
        Some(slab)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.figures()).finish()
    }
}

/// The slab of a node.
fn slab_of(node: NodeRef) -> *mut Slab {
    node.as_ptr().as_ptr().cast::<Slab>().map_addr(|addr| addr & !(SLAB_ALIGN - 1))
}

/// The next node of a slab that was never handed out.
///
/// # Safety
///
/// The slab exists, and nobody else uses it.
unsafe fn fresh_node(slab: NonNull<Slab>) -> Option<NonNull<Node>> {
    // SAFETY: the caller's promise.
    let head = unsafe { &mut (*slab.as_ptr()).books };
    if head.fresh == SLAB_NODES {
        return None;
    }
    head.fresh += 1;
    // SAFETY: node number `fresh` (from 1, the head being number 0) lies inside the slab's memory.
    Some(unsafe { slab.cast::<Node>().add(head.fresh) })
}

/// Nodes for a copy, taken in one go: side by side as far as they fill slabs.
///
/// # Invariants
///
/// `slabs` is a chain (by `next`) of slabs that are on no list, that nobody else knows and of which no node was handed out. The nodes
/// `fresh..end`, of another slab that is on no list, and those of `rest` were not handed out either. All are counted as in use. They are
/// `len`, and all of `pool`.
#[derive(Debug)]
pub(crate) struct Claim {
    pool: &'static Pool,
    len: usize,
    fresh: *mut Node,
    end: *mut Node,
    slabs: *mut Slab,
    rest: FreeList,
}

impl Claim {
    /// Takes `count` nodes, all or none.
    ///
    /// # Errors
    ///
    /// When the global allocator refuses a slab; everything taken so far is back in the pool then.
    pub(crate) fn new(pool: &'static Pool, count: usize) -> Result<Self, AllocError> {
        let mut claim = Self::empty(pool);
        for _ in 0..count / SLAB_NODES {
            let slab = pool.new_slab().ok_or(AllocError(()))?;
            // SAFETY: the slab is new, so this thread alone knows it.
            unsafe { (*slab.as_ptr()).books.next = claim.slabs };
            claim.slabs = slab.as_ptr();
            claim.len += SLAB_NODES;
            // Relaxed: a figure.
            pool.in_use.fetch_add(SLAB_NODES, Ordering::Relaxed);
        }
        claim.rest = pool.take(count % SLAB_NODES)?;
        claim.len += claim.rest.len();
        Ok(claim)
    }

    /// No nodes.
    pub(crate) const fn empty(pool: &'static Pool) -> Self {
        Self { pool, len: 0, fresh: ptr::null_mut(), end: ptr::null_mut(), slabs: ptr::null_mut(), rest: FreeList::new() }
    }

    /// Nodes that are left.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes the nodes of another one, too.
    pub(crate) fn extend(&mut self, mut more: Claim) {
        while let Some(memory) = self.pop() {
            // SAFETY: a node of a slab that was just taken.
            more.rest.push(unsafe { NodeRef::new_empty(memory) });
            more.len += 1;
        }
        *self = more;
    }

    /// Takes a node; its memory may be new. `None` when all are taken.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<NonNull<Node>> {
        self.len = self.len.saturating_sub(1);
        if self.fresh == self.end && !self.next_slab() {
            return self.rest.pop().map(NodeRef::as_ptr);
        }
        let node = NonNull::new(self.fresh)?;
        // SAFETY: `fresh` is not at the end, so the next node, or the end, is inside the slab or just behind it.
        self.fresh = unsafe { self.fresh.add(1) };
        Some(node)
    }

    fn next_slab(&mut self) -> bool {
        let Some(slab) = NonNull::new(self.slabs) else { return false };
        // SAFETY: by the invariant of the type this thread alone knows the slab.
        let head = unsafe { &mut (*slab.as_ptr()).books };
        self.slabs = head.next;
        head.fresh = SLAB_NODES;
        // SAFETY: node number 1 (the head is number 0) lies inside the slab's memory.
        self.fresh = unsafe { slab.as_ptr().cast::<Node>().add(1) };
        // SAFETY: as above; the last node ends where the slab does.
        self.end = unsafe { self.fresh.add(SLAB_NODES) };
        true
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut nodes = self.rest.take();
        let mut emptied = ptr::null_mut();
        while self.fresh < self.end
            && let Some(memory) = self.pop()
        {
            // SAFETY: a node of a slab that was just taken.
            nodes.push(unsafe { NodeRef::new_empty(memory) });
        }
        while let Some(slab) = NonNull::new(self.slabs) {
            // SAFETY: by the invariant of the type this thread alone knows the slab.
            let head = unsafe { &mut (*slab.as_ptr()).books };
            self.slabs = core::mem::replace(&mut head.next, emptied);
            emptied = slab.as_ptr();
            // Relaxed: figures.
            self.pool.in_use.fetch_sub(SLAB_NODES, Ordering::Relaxed);
            // Relaxed: as above.
            self.pool.slabs.fetch_sub(1, Ordering::Relaxed);
        }
        give(nodes);
        release(emptied);
    }
}

/// The pool that nodes are from, which is the same for all on a list.
fn pool_of(nodes: &FreeList) -> Option<&'static Pool> {
    // SAFETY: every node lies in a slab, whose memory the node's pointer may reach and whose alignment was just used.
    nodes.front().map(|node| unsafe { (*slab_of(node)).pool })
}

/// Takes nodes back. Gives slabs that became empty to the allocator.
pub(crate) fn give(nodes: FreeList) {
    let Some(pool) = pool_of(&nodes) else { return };
    let emptied = pool.partial.lock().absorb(nodes, pool);
    release(emptied);
}

/// As [`give`], but never waits for the pool's lock: when somebody holds it, the nodes come back to the caller.
pub(crate) fn try_give(nodes: FreeList) -> Result<(), FreeList> {
    let Some(pool) = pool_of(&nodes) else { return Ok(()) };
    let Some(mut partial) = pool.partial.try_lock() else {
        return Err(nodes);
    };
    let emptied = partial.absorb(nodes, pool);
    drop(partial);
    release(emptied);
    Ok(())
}

/// Frees a chain of slabs that are on no list and of which no node is in use.
fn release(mut chain: *mut Slab) {
    while let Some(slab) = NonNull::new(chain) {
        // SAFETY: the chain's slabs are on no list, so this thread alone knows them.
        let &Slab { pool, books: Books { next, .. } } = unsafe { slab.as_ref() };
        chain = next;
        match &pool.source {
            // SAFETY: it was allocated with this layout in `new_slab`.
            Source::Global => unsafe { dealloc(slab.as_ptr().cast(), LAYOUT) },
            #[cfg(feature = "allocator-api2")]
            // SAFETY: as above, by this allocator.
            Source::Allocator(allocator) => unsafe { allocator.deallocate(slab.cast(), LAYOUT) },
        }
    }
}

impl Partial {
    /// Moves free nodes to `nodes` until it holds `count` or no slab has any. Returns how many were moved.
    fn fill(&mut self, nodes: &mut FreeList, count: usize) -> usize {
        let before = nodes.len();
        while nodes.len() < count {
            let Some(slab_ptr) = NonNull::new(self.first) else {
                break;
            };
            // SAFETY: slabs on the list exist, and the pool's lock (held for `&mut self`) makes this the only reference to its books.
            let slab = unsafe { &mut (*slab_ptr.as_ptr()).books };
            if slab.available() == SLAB_NODES {
                self.empty -= 1;
            }
            let wanted = count - nodes.len();
            nodes.append(slab.free.split(wanted));
            while nodes.len() < count {
                // SAFETY: the pool's lock is held, and the reference above is not used again.
                let Some(memory) = (unsafe { fresh_node(slab_ptr) }) else { break };
                // SAFETY: a node of a slab that nobody has.
                nodes.push(unsafe { NodeRef::new_empty(memory) });
            }
            // SAFETY: as for the first reference.
            if unsafe { &(*slab_ptr.as_ptr()).books }.available() == 0 {
                // SAFETY: the slab is on the list, and the reference above is not used again.
                unsafe { self.unlink(slab_ptr.as_ptr()) };
            }
        }
        nodes.len() - before
    }

    /// Takes nodes of `pool` back, whose lock this is; returns the chain (by `next`) of slabs to free.
    fn absorb(&mut self, mut nodes: FreeList, pool: &Pool) -> *mut Slab {
        // Relaxed: a figure.
        pool.in_use.fetch_sub(nodes.len(), Ordering::Relaxed);
        let mut emptied = ptr::null_mut();
        while let Some(first) = nodes.front() {
            let slab_ptr = slab_of(first);
            // SAFETY: every node lies in a slab, whose memory the node's pointer may reach and whose alignment was just used; the
            // pool's lock (held for `&mut self`) makes this the only reference to its books.
            let slab = unsafe { &mut (*slab_ptr).books };
            let was_full = slab.available() == 0;
            // Nodes of one slab mostly come one after another.
            slab.free.append(nodes.split_while(|node| slab_of(node) == slab_ptr));
            let is_empty = slab.available() == SLAB_NODES;
            if was_full {
                // SAFETY: a slab without free nodes is on no list, and the reference above is not used again.
                unsafe { self.link(slab_ptr) };
            }
            if is_empty {
                if self.empty < KEPT_EMPTY {
                    self.empty += 1;
                } else {
                    // SAFETY: the slab is on the list.
                    unsafe { self.unlink(slab_ptr) };
                    // SAFETY: unlinked, so this thread alone knows it.
                    unsafe { (*slab_ptr).books.next = emptied };
                    emptied = slab_ptr;
                    // Relaxed: a figure.
                    pool.slabs.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
        emptied
    }

    /// Puts a slab at the front of the list.
    ///
    /// # Safety
    ///
    /// The slab exists, is on no list, and no reference to its books is in use.
    unsafe fn link(&mut self, slab: *mut Slab) {
        if !self.first.is_null() {
            // SAFETY: slabs on the list exist.
            unsafe { (*self.first).books.prev = slab };
        }
        // SAFETY: the caller's promise.
        let head = unsafe { &mut (*slab).books };
        head.prev = ptr::null_mut();
        head.next = self.first;
        self.first = slab;
    }

    /// Takes a slab off the list.
    ///
    /// # Safety
    ///
    /// The slab is on the list, and no reference to its books is in use.
    unsafe fn unlink(&mut self, slab: *mut Slab) {
        // SAFETY: the caller's promise.
        let &mut Books { prev, next, .. } = unsafe { &mut (*slab).books };
        if prev.is_null() {
            self.first = next;
        } else {
            // SAFETY: neighbours on the list exist.
            unsafe { (*prev).books.next = next };
        }
        if !next.is_null() {
            // SAFETY: neighbours on the list exist.
            unsafe { (*next).books.prev = prev };
        }
    }
}
