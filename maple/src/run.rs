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

    /// Adds a slot of a node. Dead words stay behind in the node, which releases them; a gap after a gap joins it.
    #[inline(always)]
    pub(crate) fn join(&mut self, last: u64, word: Word) {
        let word = if word.is_live() { word } else { Word::EMPTY };
        match self.lasts.last_mut() {
            Some(end) if word == Word::EMPTY && self.words.last() == Some(&word) => *end = last,
            _ => self.push(last, word),
        }
    }

    /// Adds slots of a node that ends at `max`.
    pub(crate) fn gather(&mut self, node: NodeRef, slots: Range<usize>, max: u64) {
        for slot in slots {
            self.join(node.last(slot, max), node.own_slot(slot));
        }
    }

    /// Adds the slots of another run.
    pub(crate) fn append<const M: usize>(&mut self, other: &Run<M>) {
        for (last, word) in other.lasts.iter().zip(&other.words) {
            self.join(*last, *word);
        }
    }

    /// Whether there is nothing but one gap.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.words(), [word] if !word.is_live())
    }
}
