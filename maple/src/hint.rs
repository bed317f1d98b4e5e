//! Where the last change was.

use crate::node::{Root, SLOTS, Word};
use crate::path::{Bottom, Frame};
use crate::search::Portable;

/// Where the writer last was, for a next change close by.
///
/// # Invariants
///
/// `live` is false from the moment a [`TreeMut`](crate::tree_mut::TreeMut) is made until a change that knows the structure around the place says otherwise; every
/// other change of the structure forgets it. So a place that is used is in the tree, with its bounds and its parent.
#[derive(Debug, Default)]
pub(crate) struct Hint {
    pub(crate) bottom: Option<Bottom>,
    /// The gap that the leaf ends with, if that is known: slots in use (else 0), and where the gap begins.
    pub(crate) edge: (usize, u64),
    pub(crate) live: bool,
}

impl Hint {
    pub(crate) const fn new() -> Self {
        Self { bottom: None, edge: (0, 0), live: false }
    }

    /// Whether what is known of the place is so.
    pub(crate) fn holds(&self, root: &Root) -> bool {
        let Some(known) = self.bottom.as_ref().filter(|_| self.live) else { return true };
        let Some(found) = Bottom::to(Portable, root, known.frame.min) else { return false };
        let (node, (len, gap)) = (known.frame.node, self.edge);
        let same = |one: &Frame, other: &Frame| (one.node, one.min, one.max) == (other.node, other.min, other.max);
        let place = same(&known.frame, &found.frame)
            && (known.level, known.parent, known.grand) == (found.level, found.parent, found.grand);
        let edge = len == 0
            || (len == node.len() && node.first(len - 1, known.frame.min) == gap && node.own_slot(len - 1) == Word::EMPTY);
        place && edge
    }

    /// Whether the place may be used by who asks. The next one may not, unless it is noted again.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> bool {
        core::mem::replace(&mut self.live, false)
    }

    /// Where a range inside the gap that the leaf ends with would go, if the place [may be used](Self::take): the leaf, its slots in use,
    /// and whether the range is apart from what is before it.
    #[inline(always)]
    pub(crate) fn appends(&self, (first, last): (u64, u64)) -> Option<(&Bottom, usize, bool)> {
        let (bottom, (len, gap)) = (self.bottom.as_ref()?, self.edge);
        let apart = gap < first;
        let fits = gap <= first && last < bottom.frame.max && len > 0 && len + usize::from(apart) < SLOTS;
        fits.then_some((bottom, len, apart))
    }

    /// Stores a range inside the gap that the leaf ends with, as ranges in ascending order do: nothing is searched, and nothing moves.
    /// Returns whether it did.
    ///
    /// # Safety
    ///
    /// The tree is held exclusively: it has no readers. The place [may be used](Self::take).
    #[inline(always)]
    pub(crate) unsafe fn append(&mut self, window: (u64, u64), word: Word) -> bool {
        let Some((bottom, len, apart)) = self.appends(window) else { return false };
        // SAFETY: by the invariant of the type and the caller's promise the node is in a tree that nobody else can reach.
        unsafe { bottom.frame.node.append(len, apart, window, word) };
        self.appended(len + usize::from(apart) + 1, window);
        true
    }

    /// A range was stored in the gap that the leaf ends with, which has `len` slots in use now.
    #[inline(always)]
    pub(crate) fn appended(&mut self, len: usize, (_, last): (u64, u64)) {
        self.edge = (len, last + 1);
        self.live = true;
    }
}
