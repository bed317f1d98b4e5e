//! A tree in the hands of its writer: where nodes come from, and where the last change was.

use crate::entry::Kind;
use crate::list::Remains;
use crate::node::{MAX_LEVELS, NodeRef, Root, SLOTS};
use crate::owner::Owner;
use crate::path::{Bottom, Frame, Path};
use crate::reserve::{Earmark, Source};
use crate::search::{self, Operation, Search};
use crate::sync::or_broken;
use arrayvec::ArrayVec;
use core::ops::Range;
use core::ptr::NonNull;
use maple_rcu::AllocError;

/// Whether readers may be in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// `&mut` on the tree: nodes may be written in place.
    Exclusive,
    /// Under the tree's lock, beside readers.
    Shared,
}

/// Where an operation may take nodes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Memory {
    /// What the tree has to spare, then the pool, which may ask the global allocator.
    Allocate,
    /// What the tree has at hand, its earmark included, then the reserve: for prunes.
    Earmark,
    /// What the tree has to spare, then the reserve.
    Borrow,
    /// What the tree has to spare.
    Spare,
}

/// What a change came to, and how many levels, from the leaves up, it may have concerned.
pub(crate) type Changed<T> = (T, usize);

/// A tree in the hands of its writer.
///
/// # Invariants
///
/// `root` and `owner` belong to one tree whose entries are of `kind`. With [`Mode::Exclusive`] there are no readers and no node of
/// the tree has a dead word; with [`Mode::Shared`] the tree's lock is held. Between changes each node in the tree has a live word, so there is an
/// entry below it (whoever takes the last one takes the node, too). The steps of `path` at the level `outdated` and above are of nodes
/// in the tree, with the bounds and the pivots that they have.
#[derive(Debug)]
pub(crate) struct TreeMut<'a> {
    pub(crate) root: &'a Root,
    pub(crate) owner: &'a mut Owner,
    pub(crate) mode: Mode,
    pub(crate) kind: Kind,
    /// Whether the owner's hint says where a leaf is (see [`Hint`](crate::hint::Hint)).
    pub(crate) near: bool,
    /// A path of the caller's, to start from instead of the root.
    path: Option<&'a Path>,
    /// How many levels, from the leaves up, the change may have concerned.
    outdated: usize,
}

/// What is left of an edit, for its caller to release where foreign code may run.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Entries that were displaced and are in no retired node.
    pub(crate) displaced: ArrayVec<NonNull<()>, SLOTS>,
    /// The copy of an entry for an edit that was refused.
    pub(crate) unused: Option<NonNull<()>>,
}

impl<'a> TreeMut<'a> {
    pub(crate) fn new(root: &'a Root, owner: &'a mut Owner, mode: Mode, kind: Kind) -> Self {
        let near = owner.hint.take();
        Self { root, owner, mode, kind, near, path: None, outdated: 0 }
    }

    /// The same, for a change that begins where `path` ends.
    #[inline(always)]
    pub(crate) fn starting_at(mut self, path: Option<&'a Path>) -> Self {
        self.path = path;
        if let Some(bottom) = path.and_then(Path::as_bottom).filter(|bottom| bottom.level == 0) {
            self.owner.hint.bottom = Some(bottom);
            self.owner.hint.edge = (0, 0);
            self.near = true;
        }
        self
    }
}

impl TreeMut<'_> {
    /// Opens where nodes come from.
    pub(crate) fn source(&self, memory: Memory) -> Source<'static> {
        match memory {
            Memory::Allocate => Source::Pool(self.owner.reserve.pool()),
            Memory::Earmark => Source::Loan { loan: self.owner.reserve.loan(), earmark: Earmark::Taken(0) },
            Memory::Borrow => Source::Loan { loan: self.owner.reserve.loan(), earmark: Earmark::Stays },
            Memory::Spare => Source::Spare,
        }
    }

    /// Closes it again, and sees to the books.
    pub(crate) fn close(&mut self, source: Source<'_>) {
        drop(source);
        self.owner.count_earmarked();
    }

    /// One node.
    ///
    /// # Errors
    ///
    /// When there is none.
    #[inline]
    pub(crate) fn take(&mut self, memory: Memory) -> Result<NodeRef, AllocError> {
        // Mostly there is one to spare, and no source to open.
        if memory != Memory::Earmark
            && let Some(node) = self.owner.stock.take_spare()
        {
            self.owner.nodes_taken += 1;
            return Ok(node);
        }
        self.take_from_source(memory)
    }

    #[cold]
    fn take_from_source(&mut self, memory: Memory) -> Result<NodeRef, AllocError> {
        let mut source = self.source(memory);
        let taken = self.owner.take(&mut source);
        self.close(source);
        self.owner.nodes_taken += u64::from(taken.is_ok());
        taken
    }

    /// Retires a node that was replaced; what its successor does not have is marked as left behind, so that it is found when it is time
    /// to release it.
    pub(crate) fn retire_husk(&mut self, node: NodeRef, level: usize, removed: Range<usize>) {
        for slot in removed {
            let word = node.own_slot(slot);
            if word.is_live() {
                node.publish(slot, or_broken!(LeaveBehind: word.left_behind(), word.dead()));
            }
        }
        self.owner.retire(node, level, Remains::Husk);
    }

    /// The lowest step on the way to `index`; `None` in an empty tree.
    pub(crate) fn bottom(&mut self, index: u64) -> Option<Bottom> {
        struct Find<'c, 'w>(&'c mut TreeMut<'w>);

        impl Operation for Find<'_, '_> {
            type Output = Option<Bottom>;

            #[inline(always)]
            fn run<S: Search>(self, search: S, index: u64) -> Option<Bottom> {
                self.0.find(search, index)
            }
        }
        search::run(index, Find(self))
    }

    /// As [`bottom`](Self::bottom), inside an operation.
    #[inline(always)]
    pub(crate) fn find<S: Search>(&mut self, search: S, index: u64) -> Option<Bottom> {
        if self.near
            && let Some(bottom) = &self.owner.hint.bottom
            && bottom.frame.min <= index
            && index <= bottom.frame.max
        {
            let slot = bottom.frame.node.search_by(search, index);
            return Some(Bottom { frame: Frame { slot, ..bottom.frame }, ..*bottom });
        }
        Bottom::to(search, self.root, index)
    }

    /// The structure around this place is as it was: the next change may start from there. `edge`: of a leaf that ends with a gap, the
    /// slots in use and where the gap begins; else 0.
    #[inline(always)]
    pub(crate) fn stay(&mut self, bottom: &Bottom, edge: (usize, u64)) {
        let hint = &mut self.owner.hint;
        let known = hint.bottom.as_ref().is_some_and(|known| self.near && known.frame.node == bottom.frame.node);
        if !known {
            hint.bottom = Some(*bottom);
            self.near = true;
        }
        // Where free space is tracked, a store says what it touches, also one at the end of the last leaf.
        hint.edge = if self.owner.tracks { (0, 0) } else { edge };
        hint.live = true;
        self.outdate(1);
    }

    /// Forgets the place: the structure of the tree is about to change.
    pub(crate) fn forget(&mut self) {
        self.forget_below(MAX_LEVELS);
    }

    /// As [`forget`](Self::forget), when the change concerns no more than `levels`, from the leaves up.
    pub(crate) fn forget_below(&mut self, levels: usize) {
        self.owner.hint.live = false;
        self.near = false;
        self.outdate(levels);
    }

    /// The change concerns as many levels, from the leaves up: nodes of these may be replaced or rewritten.
    pub(crate) fn outdate(&mut self, levels: usize) {
        self.outdated = self.outdated.max(levels);
    }

    /// As many levels the change concerned; what a path has above stays as it was.
    pub(crate) fn outdated(&self) -> usize {
        self.outdated
    }

    /// The path to `index`: from the caller's own as far as that holds, else from the root.
    pub(crate) fn path_to(&self, index: u64) -> Path {
        let Some(known) = self.path else { return Path::to(self.root.load(), index) };
        let mut path = known.clone();
        path.keep(self.outdated);
        path.go(self.root, index);
        path
    }
}
