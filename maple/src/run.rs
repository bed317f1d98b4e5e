//! Slots outside of a node: what an edit gathers and scatters.

use crate::node::{NodeRef, Word};
use arrayvec::ArrayVec;
use core::ops::Range;

/// Slots in order, up to `N`: the last index of each, and what it holds.
#[derive(Debug)]
pub(crate) struct Run<const N: usize> {
    lasts: ArrayVec<u64, N>,
    words: ArrayVec<Word, N>,
}

impl<const N: usize> Run<N> {
    pub(crate) const fn new() -> Self {
        Self { lasts: ArrayVec::new_const(), words: ArrayVec::new_const() }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    #[inline(always)]
    pub(crate) fn lasts(&self) -> &[u64] {
        &self.lasts
    }

    #[inline(always)]
    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    /// Adds a slot.
    #[inline(always)]
    pub(crate) fn push(&mut self, last: u64, word: Word) {
        self.lasts.push(last);
        self.words.push(word);
    }

    /// Adds slots; a gap after a gap joins it.
    ///
    /// # Panics
    ///
    /// When there are too many.
    #[inline]
    pub(crate) fn append(&mut self, lasts: &[u64], words: &[Word]) {
        self.join(words);
        let room = self.lasts.try_extend_from_slice(lasts).and_then(|()| self.words.try_extend_from_slice(words));
        assert!(room.is_ok(), "a run has room for what an edit can gather");
    }

    /// Adds slots of a node that ends at `max`, as its writer sees them; a gap after a gap joins it.
    pub(crate) fn gather(&mut self, node: NodeRef, slots: Range<usize>, max: u64) {
        let (pivots, words) = node.contents();
        if slots.is_empty() {
            return;
        }
        if slots.end <= pivots.len() {
            self.append(&pivots[slots.clone()], &words[slots.clone()]);
        } else {
            self.append(&pivots[slots.start..], &words[slots.start..pivots.len()]);
            self.append(&[max], &words[pivots.len()..]);
        }
        // The pivot of the last slot in use is not its end.
        if let Some(last) = self.lasts.last_mut() {
            *last = (*last).min(max);
        }
    }

    /// Before `words` are added: when they begin with a gap, the gap before it goes.
    #[inline]
    fn join(&mut self, words: &[Word]) {
        if let (Some(first), Some(last)) = (words.first(), self.words.last())
            && !first.is_live()
            && !last.is_live()
        {
            self.lasts.pop();
            self.words.pop();
        }
    }

    /// As [`tidy`].
    pub(crate) fn tidy(&mut self) {
        let kept = tidy(&mut self.lasts, &mut self.words);
        self.lasts.truncate(kept);
        self.words.truncate(kept);
    }

    /// Whether there is nothing but one gap.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.words(), [word] if !word.is_live())
    }
}

/// Makes gaps of dead words, which stay behind in their nodes, and one gap of neighbouring ones. Returns how many slots are left.
pub(crate) fn tidy(lasts: &mut [u64], words: &mut [Word]) -> usize {
    let mut kept = 0;
    for slot in 0..words.len() {
        let word = words[slot].or_gap();
        if word == Word::EMPTY && kept > 0 && words[kept - 1] == Word::EMPTY {
            kept -= 1;
        }
        lasts[kept] = lasts[slot];
        words[kept] = word;
        kept += 1;
    }
    kept
}

/// Whether the node has neither dead words nor two gaps side by side, as removals beside readers leave them. The general way drops the
/// one and joins the other.
#[inline(always)]
pub(crate) fn is_tidy(node: NodeRef, len: usize) -> bool {
    let (mut dead, mut gaps) = (false, 0u32);
    for slot in 0..len {
        let word = node.own_slot(slot);
        dead |= word.is_dead();
        gaps = gaps << 1 | u32::from(!word.is_live());
    }
    !dead && gaps & gaps << 1 == 0
}

/// The slots that the contents of a node need: neighbouring gaps, as removals beside readers leave them, count as one.
pub(crate) fn slots_needed(node: NodeRef) -> usize {
    let mut gap = false;
    let needed = (0..node.len()).filter(|slot| {
        let follows_gap = core::mem::replace(&mut gap, !node.own_slot(*slot).is_live());
        !(gap && follows_gap)
    });
    needed.count()
}
