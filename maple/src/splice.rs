//! What is to be in the place of some slots of a leaf.

use crate::node::Word;
use crate::path::Frame;
use core::ptr::NonNull;

/// What a change puts in the place of some slots of a leaf.
#[derive(Debug)]
pub(crate) struct Splice {
    /// The slots that are replaced: from this one,
    pub(crate) from: usize,
    /// up to, but not including, this one.
    pub(crate) to: usize,
    /// What replaces them: what is left of the first, the new range, what is left of the last; `len` of these.
    pub(crate) lasts: [u64; 4],
    pub(crate) words: [Word; 4],
    pub(crate) len: usize,
}

impl Splice {
    #[inline(always)]
    fn push_if(&mut self, condition: bool, last: u64, word: Word) {
        // Without a branch. There are at most three, and room for one that is not counted.
        self.lasts[self.len % 4] = last;
        self.words[self.len % 4] = word;
        self.len += usize::from(condition);
    }

    /// Makes `first..=last`, from the slot of `l` to that of `r` in one leaf, hold `word`. `copy`: of the entry that sticks out on
    /// both sides.
    #[inline(always)]
    pub(crate) fn new(l: &Frame, r: &Frame, (first, last): (u64, u64), word: Word, copy: Option<NonNull<()>>) -> Self {
        let (l_first, r_last) = (l.first(), r.last());
        let mut splice = Self { from: l.slot, to: r.slot + 1, lasts: [0; 4], words: [Word::EMPTY; 4], len: 0 };
        let (left, right) = (l.word().or_gap(), copy.map_or(r.word(), Word::live).or_gap());
        if word.is_live() {
            splice.push_if(l_first < first, first.wrapping_sub(1), left);
            splice.push_if(true, last, word);
            splice.push_if(last < r_last, r_last, right);
            return splice;
        }
        // Neighbouring gaps are joined.
        let node = l.node;
        let (left_stays, right_stays) = (l_first < first, last < r_last);
        splice.push_if(left_stays && left != Word::EMPTY, first.wrapping_sub(1), left);
        if !left_stays || left == Word::EMPTY {
            while splice.from > 0 && !node.own_slot(splice.from - 1).is_live() {
                splice.from -= 1;
            }
        }
        let mut end = last;
        if !right_stays || right == Word::EMPTY {
            end = r_last;
            while end < r.max && !node.own_slot(splice.to).is_live() {
                end = node.last(splice.to, r.max);
                splice.to += 1;
            }
        }
        splice.push_if(true, end, word);
        splice.push_if(right_stays && right != Word::EMPTY, r_last, right);
        splice
    }

    pub(crate) fn lasts(&self) -> &[u64] {
        &self.lasts[..self.len]
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words[..self.len]
    }
}
