//! Random sequences of every operation, on both faces and with every kind of entry, compared
//! with the model after each step.
//!
//! One table of configurations, one check. A failing case prints itself as a test to paste.
//! `MAPLE_CASES=n` runs n times as many cases.

use core::marker::PhantomData;
use core::ops::{Bound, RangeInclusive};
use maple_tests::face::Face;
use maple_tests::op::{Op, Preload, Sequence, times};
use maple_tests::space::Side;
use maple_tests::{Bounds, Span, on_every_face};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestError, TestRunner};

/// Where the indices of a sequence lie.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// `size` indices from `from` on; half of the ranges fit a grid of `grid` indices.
    Within { from: u64, size: u64, longest: u64, grid: u64 },
    /// Both ends of the index space, its middle, and hardly anything between.
    Ends,
    /// Every range above all the ones before.
    Ascending { longest: u64, apart: u64 },
    /// Every range below all the ones before, from the top of the index space.
    Descending { longest: u64, apart: u64 },
    /// Crowds of `width` indices, far from one another.
    Clustered { clusters: u64, width: u64 },
    /// The whole index space, lengths of every magnitude.
    Anywhere,
}

/// One row of the table.
struct Row {
    /// Cases on each face.
    cases: u32,
    steps: RangeInclusive<usize>,
    keys: Keys,
    preload: Preload,
    /// Whole comparisons after every so many steps.
    whole: usize,
    /// Whether most of a tree is meant to survive the sequence.
    mild: bool,
    /// Whether half of the calls erase.
    erasing: bool,
}

const NONE: Preload = Preload { count: 0, from: 0, stride: 1, length: 1 };

const fn row(cases: u32, steps: RangeInclusive<usize>, keys: Keys) -> Row {
    Row { cases, steps, keys, preload: NONE, whole: 1, mild: false, erasing: false }
}

const fn preloaded(cases: u32, preload: Preload, longest: u64) -> Row {
    let Preload { count, from, stride, .. } = preload;
    let keys = Keys::Within { from, size: count * stride, longest, grid: stride };
    Row { cases, steps: 1..=50, keys, preload, whole: 20, mild: true, erasing: false }
}

const fn erasing(cases: u32, preload: Preload, steps: RangeInclusive<usize>) -> Row {
    Row { steps, erasing: true, ..preloaded(cases, preload, 8) }
}

/// A call before the keys of its row are applied.
#[derive(Clone, Copy, Debug)]
struct Raw {
    kind: u8,
    at: u64,
    length: u64,
    form: u8,
    value: u32,
}

fn raw() -> impl Strategy<Value = Raw> {
    (0..100_u8, any::<u64>(), any::<u64>(), 0..40_u8, any::<u32>()).prop_map(|(kind, at, length, form, value)| Raw {
        kind,
        at,
        length,
        form,
        value,
    })
}

/// A length of any magnitude up to `longest`, the magnitudes equally likely.
fn length(raw: u64, longest: u64) -> u64 {
    let magnitude = (raw >> 56) % u64::from(longest.ilog2() + 1);
    1 + (raw & ((1 << magnitude) - 1))
}

/// Makes calls out of raw ones; remembers how far an ascending sequence has come.
struct Maker {
    keys: Keys,
    mild: bool,
    erasing: bool,
    top: u64,
}

impl Maker {
    fn span(&mut self, raw: &Raw) -> Span {
        match self.keys {
            Keys::Within { from, size, longest, grid } => {
                let offset = raw.at % size;
                let long = length(raw.length, longest);
                let fit = if raw.at >> 63 == 0 { 1 } else { grid };
                let first = offset / fit * fit;
                let long = long.div_ceil(fit) * fit;
                (from + first, (from + first).saturating_add(long - 1))
            }
            Keys::Ends => {
                const PLACES: [u64; 12] = [
                    0,
                    1,
                    2,
                    3,
                    u32::MAX as u64,
                    (1 << 63) - 1,
                    1 << 63,
                    (1 << 63) + 1,
                    u64::MAX - 3,
                    u64::MAX - 2,
                    u64::MAX - 1,
                    u64::MAX,
                ];
                let a = (raw.at % 12) as usize;
                let b = (raw.length % 12) as usize;
                (PLACES[a.min(b)], PLACES[a.max(b)])
            }
            Keys::Ascending { longest, apart } => {
                let first = self.top + raw.at % apart;
                let last = first + (length(raw.length, longest) - 1);
                self.top = last + 1;
                (first, last)
            }
            Keys::Descending { longest, apart } => {
                let mut up = Maker { keys: Keys::Ascending { longest, apart }, ..*self };
                let (first, last) = up.span(raw);
                self.top = up.top;
                (u64::MAX - last, u64::MAX - first)
            }
            Keys::Clustered { clusters, width } => {
                let base = |n: u64| (n % clusters) * (u64::MAX / clusters);
                let first = base(raw.at) + (raw.at >> 8) % width;
                let last = match raw.length >> 60 {
                    0 => base(raw.length) + (raw.at >> 16) % width,
                    _ => first + length(raw.length, 16) - 1,
                };
                (first.min(last), first.max(last))
            }
            Keys::Anywhere => {
                let magnitude = raw.length >> 58;
                let long = raw.at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> magnitude;
                (raw.at, raw.at.saturating_add(long))
            }
        }
    }

    /// An index where something may be.
    fn index(&mut self, raw: &Raw) -> u64 {
        match self.keys {
            Keys::Ascending { .. } => raw.at % (self.top + 2),
            Keys::Descending { .. } => u64::MAX - raw.at % (self.top + 2),
            _ => {
                let (first, last) = self.span(raw);
                if raw.length & 1 == 0 { first } else { last }
            }
        }
    }

    /// Where to prune: in a mild sequence mostly near the end.
    fn from(&mut self, raw: &Raw) -> u64 {
        match self.keys {
            Keys::Within { from, size, .. } if self.mild => from + (size - length(raw.at, size)),
            _ => self.index(raw),
        }
    }

    fn bounds(&mut self, raw: &Raw) -> Bounds {
        use Bound::{Excluded, Included, Unbounded};
        let (first, last) = self.span(raw);
        match raw.form {
            33 if first > 0 => (Excluded(first - 1), Included(last)),
            34 if last < u64::MAX => (Included(first), Excluded(last + 1)),
            35 => (Included(first), Excluded(first)),
            36 if first < last => (Included(last), Included(first)),
            37 if !self.mild => (Included(first), Unbounded),
            38 if !self.mild => (Unbounded, Included(last)),
            39 if !self.mild && raw.at & 0x30 == 0 => (Unbounded, Unbounded),
            _ => (Included(first), Included(last)),
        }
    }

    /// Some ranges in order, one in four times then one that is not; mostly so few that a sequence stays small.
    fn entries(&mut self, raw: &Raw) -> Vec<(Bounds, u64)> {
        let (first, last) = self.span(raw);
        let (length, apart) = (1 + (last - first).min(8), raw.at >> 60 & 3);
        let count = match raw.length >> 58 {
            0..2 => 40 + raw.at % 200,
            _ => raw.at % 12,
        };
        let starts = (0..count).map_while(|n| first.checked_add(n * (length + apart)));
        let spans = starts.map_while(|first| Some((first, first.checked_add(length - 1)?)));
        let value = u64::from(raw.value);
        let mut entries: Vec<_> = spans.map(|(a, b)| ((Bound::Included(a), Bound::Included(b)), value)).collect();
        if raw.length & 3 == 0 {
            entries.push((self.bounds(raw), value));
        }
        entries
    }

    /// How many indices to look for: seldom none.
    fn size(&self, raw: &Raw) -> u64 {
        let size = raw.length >> 8;
        match self.keys {
            _ if raw.form == 32 => 0,
            Keys::Ends | Keys::Anywhere => raw.length >> (raw.length & 0x3f),
            Keys::Within { size: all, .. } if raw.form > 20 => size % all,
            _ => size % 40,
        }
    }

    /// What they are to begin at a multiple of: mostly anything, seldom 0.
    fn align(&self, raw: &Raw) -> u64 {
        match raw.value % 40 {
            0 => 0,
            1..8 => u64::from(raw.value % 40),
            8..12 => 1 << (raw.length % 64),
            _ => 1,
        }
    }

    fn op(&mut self, raw: &Raw) -> Op {
        let value = u64::from(raw.value);
        match raw.kind {
            _ if self.erasing && raw.form.is_multiple_of(2) => Op::Erase { index: self.index(raw) },
            0..22 => Op::Store { range: self.bounds(raw), value },
            22..25 => Op::Find { size: self.size(raw), within: self.bounds(raw), align: self.align(raw) },
            25..28 => Op::Extend { entries: self.entries(raw) },
            28..31 => {
                let side = if raw.length & 2 == 0 { Side::Lowest } else { Side::Highest };
                Op::AllocRange { size: self.size(raw), within: self.bounds(raw), align: self.align(raw), side, value }
            }
            31..45 => Op::Insert { range: self.bounds(raw), value },
            45..57 => Op::Remove { range: self.bounds(raw) },
            57..60 => Op::RemoveSparing { range: self.bounds(raw) },
            60..64 => Op::RemoveWhole { range: self.bounds(raw) },
            64..75 => Op::Erase { index: self.index(raw) },
            75..82 => Op::Replace { index: self.index(raw), value },
            82..84 => Op::Prune { from: self.from(raw) },
            84..86 => Op::PruneInPlace { from: self.from(raw) },
            86..88 => Op::PruneCut { from: self.from(raw) },
            88..90 => Op::PruneCutAllocating { from: self.from(raw) },
            90 => Op::Compact,
            91 if !self.mild => Op::Clear,
            91..93 => Op::Dup,
            93..95 => Op::DupWith { good: (raw.at % 64) as usize },
            95 => Op::Convert,
            96 => Op::HandOver,
            97 => Op::Pin,
            _ => Op::Synchronize,
        }
    }
}

/// Runs all cases of a row on one face.
fn run<F: Face>(row: &Row) {
    let config = Config {
        cases: row.cases * times(),
        failure_persistence: None,
        max_shrink_iters: 4_096,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let &Row { keys, preload, whole, mild, erasing, .. } = row;
    let cases = (vec(raw(), row.steps.clone()), vec((raw(), any::<u64>()), 1..5));
    let cases = cases.prop_map(move |(calls, looks)| {
        let mut maker = Maker { keys, mild, erasing, top: 0 };
        let ops = calls.iter().map(|raw| maker.op(raw)).collect();
        let mut looker = Maker { top: maker.top / 2, ..maker };
        let looks = looks.iter().map(|(raw, turns)| (looker.bounds(raw), *turns)).collect();
        Sequence::<F> { preload, ops, whole, looks, face: PhantomData }
    });
    let done = TestRunner::new(config).run(&cases, |sequence| {
        sequence.run();
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(TestError::Fail(reason, sequence)) => panic!("{reason}\n\n{sequence:#?}\n"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// The table: every row becomes a function that runs it on a face.
macro_rules! table {
    ($($name:ident: $row:expr;)*) => {
        $(fn $name<F: Face>() {
            run::<F>(&$row);
        })*

        on_every_face!($($name),*);

        #[test]
        fn the_table_has_ten_thousand_cases() {
            let rows = [$($row.cases),*];
            assert!(rows.iter().sum::<u32>() * on_every_face!() >= 10_000);
        }
    };
}

table! {
    tiny: row(800, 1..=24, Keys::Within { from: 0, size: 24, longest: 12, grid: 4 });
    small: row(250, 1..=80, Keys::Within { from: 100, size: 300, longest: 128, grid: 4 });
    top: row(500, 1..=30, Keys::Within { from: u64::MAX - 40, size: 41, longest: 16, grid: 1 });
    ends: row(400, 1..=20, Keys::Ends);
    ascending: row(200, 1..=60, Keys::Ascending { longest: 32, apart: 4 });
    ascending_and_touching: row(100, 1..=60, Keys::Ascending { longest: 1, apart: 1 });
    descending: row(200, 1..=60, Keys::Descending { longest: 32, apart: 4 });
    clustered: row(200, 1..=60, Keys::Clustered { clusters: 7, width: 40 });
    anywhere: row(300, 1..=40, Keys::Anywhere);
    thinning: erasing(60, Preload { count: 120, from: 9, stride: 4, length: 3 }, 1..=150);
    deep: preloaded(10, Preload { count: 3_000, from: 0, stride: 10, length: 6 }, 1 << 14);
    deep_without_gaps: preloaded(10, Preload { count: 2_500, from: 77, stride: 4, length: 4 }, 1 << 13);
    deep_at_the_top: preloaded(
        8,
        Preload { count: 2_000, from: u64::MAX - 2_000 * 8 + 1, stride: 8, length: 8 },
        1 << 13,
    );
    deep_and_thinning: erasing(6, Preload { count: 600, from: 50, stride: 3, length: 2 }, 1..=700);
}
