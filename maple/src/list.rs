//! Intrusive lists of nodes, threaded through the link word. None of them ever needs memory.

use crate::node::{MAX_LEVELS, NODE_BYTES, NodeRef};
use core::ptr::{self, NonNull};

/// Free nodes, first in first out, so that nodes taken side by side from a slab are used side by side.
///
/// # Invariants
///
/// The list owns its nodes: nobody else can reach them. Following `head` through the link words passes `len` nodes and ends at
/// `tail`, whose link is not looked at.
#[derive(Debug)]
pub(crate) struct FreeList {
    ends: Option<(NodeRef, NodeRef)>,
    len: usize,
}

// SAFETY: the list owns its nodes, and nodes have no tie to a thread.
unsafe impl Send for FreeList {}

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self { ends: None, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn front(&self) -> Option<NodeRef> {
        self.ends.map(|(head, _)| head)
    }

    /// The nodes, from the front.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NodeRef> {
        let tail = self.ends.map(|(_, tail)| tail);
        core::iter::successors(self.ends.map(|(head, _)| head), move |node| {
            let next = NonNull::new(node.load_link()).filter(|_| Some(*node) != tail)?;
            // SAFETY: by the list's invariant the link of a node that is not the tail is the next node.
            Some(unsafe { NodeRef::from_target(next) })
        })
    }

    /// Adds a node that nobody can reach any more, and that has no companion.
    #[inline(always)]
    pub(crate) fn push(&mut self, node: NodeRef) {
        // Whatever becomes free comes by here.
        #[cfg(loom)]
        node.assert_gone();
        let tail = match self.ends {
            None => node,
            Some((head, tail)) => {
                node.store_link(head.as_ptr().as_ptr().cast());
                tail
            }
        };
        self.ends = Some((node, tail));
        self.len += 1;
    }

    /// The same, at the back. The node's link may be anything, and is what it was.
    #[inline(always)]
    pub(crate) fn push_back(&mut self, node: NodeRef) {
        // Or by here.
        #[cfg(loom)]
        node.assert_gone();
        self.ends = match self.ends {
            None => Some((node, node)),
            Some((head, tail)) => {
                tail.store_link(node.as_ptr().as_ptr().cast());
                Some((head, node))
            }
        };
        self.len += 1;
    }

    /// Adds all of `other` behind the nodes that are here.
    pub(crate) fn append(&mut self, other: FreeList) {
        let Some((head, tail)) = other.ends else {
            return;
        };
        self.ends = match self.ends {
            None => Some((head, tail)),
            Some((first, last)) => {
                last.store_link(head.as_ptr().as_ptr().cast());
                Some((first, tail))
            }
        };
        self.len += other.len;
    }

    /// Takes the node in front.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<NodeRef> {
        let (head, tail) = self.ends?;
        self.ends = if head == tail {
            None
        } else {
            let next = NonNull::new(head.load_link())?;
            // SAFETY: by the list's invariant the link of a node that is not the tail is the next node.
            Some((unsafe { NodeRef::from_target(next) }, tail))
        };
        self.len -= 1;
        head.store_link(ptr::null_mut());
        Some(head)
    }

    /// Takes `count` nodes from the front, or all there are.
    pub(crate) fn split(&mut self, count: usize) -> FreeList {
        let (Some((head, tail)), true) = (self.ends, 0 < count && count < self.len) else {
            return if count == 0 { FreeList::new() } else { self.take() };
        };
        // The last node of the front, and the first of the rest.
        let mut last = head;
        let mut next = None;
        for _ in 0..count {
            last = next.unwrap_or(head);
            // SAFETY: by the list's invariant the link of a node that is not the tail is the next node; `count` is below the length.
            next = NonNull::new(last.load_link()).map(|next| unsafe { NodeRef::from_target(next) });
        }
        let Some(rest) = next else { return self.take() };
        self.ends = Some((rest, tail));
        self.len -= count;
        FreeList { ends: Some((head, last)), len: count }
    }

    /// Takes nodes from the front as long as they are of a kind; of the first that is known.
    pub(crate) fn split_while(&mut self, same: impl Fn(NodeRef) -> bool) -> FreeList {
        let Some((head, tail)) = self.ends else { return FreeList::new() };
        let (mut last, mut count) = (head, 1);
        while last != tail
            && let Some(next) = NonNull::new(last.load_link())
        {
            // SAFETY: by the list's invariant the link of a node that is not the tail is the next node.
            let next = unsafe { NodeRef::from_target(next) };
            if !same(next) {
                self.ends = Some((next, tail));
                self.len -= count;
                return FreeList { ends: Some((head, last)), len: count };
            }
            (last, count) = (next, count + 1);
        }
        self.take()
    }

    pub(crate) fn take(&mut self) -> FreeList {
        core::mem::replace(self, FreeList::new())
    }
}

/// What a node on the [`Limbo`] list still holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Remains {
    /// The node alone was replaced. What its live slots point at lives on in its successor; what is dead or left
    /// behind in it is its own.
    Husk,
    /// The node with everything below it was removed: every slot that is not empty is its own.
    Tree,
    /// The node and all nodes below it were replaced, but their live entries live on.
    Shell,
    /// Nothing: it was the companion of a node on the list.
    Nothing,
}

impl Remains {
    fn bits(self) -> usize {
        match self {
            Self::Husk => 0,
            Self::Tree => 1,
            Self::Shell => 2,
            Self::Nothing => 3,
        }
    }
}

/// A node taken off a [`Limbo`] list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retired {
    pub(crate) node: NodeRef,
    pub(crate) level: usize,
    pub(crate) remains: Remains,
    /// Whether it was found while taking a bigger tree apart, or is a companion, and so was never counted as waiting.
    pub(crate) below: bool,
}

/// Nodes that no new reader can reach, with what they still hold, last in first out.
///
/// The link word of each is the next node with a tag in its low byte: the level of the node it stands in, and what remains in it. A
/// node's companion, which its link led to before, comes behind it on the list.
///
/// # Invariants
///
/// The list owns its nodes and what remains in them, but readers that came early may still be looking at both. So nothing is
/// released before a grace period has passed (or before exclusive access proves that there are no readers).
#[derive(Debug)]
pub(crate) struct Limbo {
    head: Option<NodeRef>,
}

// SAFETY: the list owns its nodes, and nodes have no tie to a thread. Whether the entries in them may be released on another thread
// is checked where the list is handed over.
unsafe impl Send for Limbo {}

const REMAINS_SHIFT: u32 = 5;
const LEVELS: usize = (1 << REMAINS_SHIFT) - 1;
const BELOW: usize = 1 << 7;
const _: () = assert!(MAX_LEVELS <= 1 << REMAINS_SHIFT && (3 << REMAINS_SHIFT) < BELOW && BELOW < NODE_BYTES);

impl Limbo {
    pub(crate) const fn new() -> Self {
        Self { head: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Adds a node, and its companion if it has one.
    #[inline]
    pub(crate) fn push(&mut self, node: NodeRef, level: usize, remains: Remains) {
        self.push_companion(node, level);
        self.push_tagged(node, level | remains.bits() << REMAINS_SHIFT);
    }

    /// Adds a node that was found while taking a bigger tree apart, and its companion if it has one.
    #[inline]
    pub(crate) fn push_below(&mut self, node: NodeRef, level: usize, remains: Remains) {
        self.push_companion(node, level);
        self.push_tagged(node, level | remains.bits() << REMAINS_SHIFT | BELOW);
    }

    /// The link of the node is about to be the list's: its companion would be lost. Only inner nodes have one.
    #[inline]
    fn push_companion(&mut self, node: NodeRef, level: usize) {
        if level > 0 && node.has_companion() {
            self.push_companion_of(node);
        }
    }

    #[cold]
    #[inline(never)]
    fn push_companion_of(&mut self, node: NodeRef) {
        if let Some(companion) = node.take_companion() {
            // Not a node of the tree, so not counted as waiting either.
            self.push_tagged(companion, Remains::Nothing.bits() << REMAINS_SHIFT | BELOW);
        }
    }

    fn push_tagged(&mut self, node: NodeRef, tag: usize) {
        let next = self.head.map_or(ptr::null_mut(), |head| head.as_ptr().as_ptr().cast::<()>());
        node.store_link(next.map_addr(|addr| addr | tag));
        self.head = Some(node);
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Retired> {
        let node = self.head?;
        let link = node.load_link();
        let tag = link.addr() & (NODE_BYTES - 1);
        let next = NonNull::new(link.map_addr(|addr| addr & !(NODE_BYTES - 1)));
        // SAFETY: `push_tagged` wrote the link, so what is left of it without the tag is a node of this list.
        self.head = next.map(|next| unsafe { NodeRef::from_target(next) });
        node.store_link(ptr::null_mut());
        let remains = match tag >> REMAINS_SHIFT & 3 {
            0 => Remains::Husk,
            1 => Remains::Tree,
            2 => Remains::Shell,
            _ => Remains::Nothing,
        };
        Some(Retired { node, level: tag & LEVELS, remains, below: tag & BELOW != 0 })
    }

    /// Takes the leaves in front that were counted as waiting, when their entries need no release.
    pub(crate) fn take_leaves(&mut self) -> FreeList {
        let mut leaves = FreeList::new();
        while let Some(node) = self.head {
            let link = node.load_link();
            if link.addr() & (LEVELS | BELOW) != 0 {
                break;
            }
            let next = link.map_addr(|addr| addr & !(NODE_BYTES - 1));
            // SAFETY: as in `pop`.
            self.head = NonNull::new(next).map(|next| unsafe { NodeRef::from_target(next) });
            leaves.push_back(node);
        }
        leaves
    }

    pub(crate) fn take(&mut self) -> Limbo {
        core::mem::replace(self, Limbo::new())
    }

    /// Gives the list up as one pointer, for [`Limbo::from_raw`].
    pub(crate) fn into_raw(self) -> Option<NonNull<()>> {
        self.head.map(|head| head.as_ptr().cast())
    }

    /// # Safety
    ///
    /// `raw` came from [`Limbo::into_raw`] and is used once.
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller's promise.
        Self { head: Some(unsafe { NodeRef::from_target(raw) }) }
    }
}
