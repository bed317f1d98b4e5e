//! `rangemap`: a `BTreeMap` of ranges that merges neighbours with the same value.

use crate::subject::{Change, Holes, Subject};
use crate::{BASE, Span};
use core::ops::RangeInclusive;
use rangemap::RangeInclusiveMap;

/// `rangemap::RangeInclusiveMap`.
#[derive(Clone, Debug, Default)]
pub struct Ranges(RangeInclusiveMap<u64, u64>);

impl Subject for Ranges {
    const NAME: &'static str = "rangemap";
    const KEY: &'static str = "rangemap";

    type Reader<'a> = &'a Self;

    fn read(&self) -> &Self {
        self
    }

    #[inline(always)]
    fn load(reader: &&Self, index: u64) -> Option<u64> {
        reader.0.get(&index).copied()
    }

    #[inline(always)]
    fn apply(&mut self, change: Change) {
        match change {
            Change::Build((first, last), value) | Change::Restore((first, last), _, value) => self.0.insert(first..=last, value),
            Change::Replace(index, value) => {
                if let Some((range, _)) = self.0.get_key_value(&index) {
                    let range = range.clone();
                    self.0.insert(range, value);
                }
            }
            Change::Erase((first, last)) | Change::Punch(_, (first, last)) => self.0.remove(first..=last),
        }
    }

    fn walk(&self, mut each: impl FnMut(Span, u64)) {
        for (range, &value) in self.0.iter() {
            each((*range.start(), *range.end()), value);
        }
    }
}

impl Holes for Ranges {
    fn first_fit(&mut self, size: u64) -> Option<u64> {
        let fits = |gap: &RangeInclusive<u64>| gap.end() - gap.start() >= size - 1;
        self.0.gaps(&(BASE..=u64::MAX)).find(fits).map(|gap| *gap.start())
    }
}
