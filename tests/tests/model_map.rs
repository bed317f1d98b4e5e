//! Random sequences of the calls of the exclusive face that others have only in part, among calls that every face has, compared with the
//! model after each step. A failing case prints itself as a test to paste. `MAPLE_CASES=n` runs n times as many cases.

use core::marker::PhantomData;
use core::ops::{Bound, RangeInclusive};
use maple_tests::face::Face;
use maple_tests::map_op::MapOp;
use maple_tests::op::{Op, Preload, Sequence, times};
use maple_tests::{Bounds, on_every_face};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestError, TestRunner};

/// One row of the table: indices from `from` on, `size` of them, with ranges up to `longest` long.
#[derive(Clone, Copy)]
struct Row {
    cases: u32,
    steps: usize,
    from: u64,
    size: u64,
    longest: u64,
    preload: Preload,
    /// Whole comparisons after every so many steps.
    whole: usize,
}

const NONE: Preload = Preload { count: 0, from: 0, stride: 1, length: 1 };

type Raw = (u8, u64, u64, u8, u32, u64);

fn raw() -> impl Strategy<Value = Raw> {
    (0..100_u8, any::<u64>(), any::<u64>(), 0..20_u8, any::<u32>(), any::<u64>())
}

impl Row {
    fn span(&self, at: u64, length: u64) -> RangeInclusive<u64> {
        let first = self.from + at % self.size;
        let magnitude = (length >> 56) % u64::from(self.longest.ilog2() + 1);
        first..=first.saturating_add(length & ((1 << magnitude) - 1))
    }

    fn bounds(&self, at: u64, length: u64, form: u8) -> Bounds {
        let (first, last) = self.span(at, length).into_inner();
        match form {
            0 => (Bound::Unbounded, Bound::Included(last)),
            1 => (Bound::Included(first), Bound::Unbounded),
            2 if at % 8 == 0 => (Bound::Unbounded, Bound::Unbounded),
            3 => (Bound::Included(first), Bound::Excluded(first)),
            4 if first < last => (Bound::Included(last), Bound::Included(first)),
            _ => (Bound::Included(first), Bound::Included(last)),
        }
    }

    fn op(&self, &(kind, at, length, form, value, turns): &Raw) -> Op {
        // Few values, so that neighbours are often equal.
        let few = u64::from(value % 3);
        let value = u64::from(value);
        // Unbounded ranges are for calls that leave something of the tree.
        let mild = form.max(2);
        let range = self.bounds(at, length, form);
        let index = *self.span(at, length).start();
        let entries = || {
            let (first, last) = self.span(at, length).into_inner();
            let (step, count) = (1 + (last - first) / 8 + turns % 3, 1 + turns / 3 % 40);
            let starts = (0..count).map_while(|n| first.checked_add(n * step));
            starts.map(|first| (Bound::Included(first), Bound::Included(first.saturating_add(turns % 2)))).zip(value..).collect()
        };
        Op::Map(match kind {
            0..15 => return Op::Store { range: self.bounds(at, length, mild), value: few },
            15..25 => return Op::Insert { range: self.bounds(at, length, mild), value },
            25..28 => return Op::Erase { index },
            28..30 => return Op::Remove { range: self.bounds(at, length, mild) },
            30 => return Op::PruneInPlace { from: index },
            31 => return Op::Compact,
            32 => return Op::Convert,
            33 => return Op::Pin,
            34 => return Op::Synchronize,
            35..39 => MapOp::Retain { modulus: 2 + turns % 6, rest: turns % 2 },
            39..46 => MapOp::Drain { range, taken: (turns % 9) as usize, turns: at ^ length, forget: turns & 16 == 0 },
            46..54 => MapOp::RemoveWith { range: self.bounds(at, length, mild), sparing: turns & 1 == 0 },
            54..64 => MapOp::StoreWith { range: self.bounds(at, length, mild), value },
            64..75 => MapOp::StoreCoalescing { range: self.bounds(at, length, mild), value: few },
            75..79 => MapOp::Split { at: index },
            79..84 => MapOp::SplitOff { at: index, join: turns % 4 > 0 },
            84..89 => MapOp::Append { entries: entries() },
            89..95 => MapOp::At { index, value },
            95..98 => MapOp::Update { range, turns },
            _ => MapOp::IntoIter { left: (turns % 5) as usize, turns: at },
        })
    }
}

/// Runs all cases of a row on one face.
fn run<F: Face>(row: &Row) {
    let config = Config { cases: row.cases * times(), failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    let cases = (vec(raw(), 1..=row.steps), vec(raw(), 1..5)).prop_map(|(calls, looks)| {
        let ops = calls.iter().map(|raw| row.op(raw)).collect();
        let looks = looks.iter().map(|raw| (row.bounds(raw.1, raw.2, raw.3), raw.5)).collect();
        Sequence::<F> { preload: row.preload, ops, whole: row.whole, looks, face: PhantomData }
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
    };
}

table! {
    tiny: Row { cases: 400, steps: 30, from: 0, size: 30, longest: 12, preload: NONE, whole: 1 };
    small: Row { cases: 120, steps: 80, from: 50, size: 400, longest: 64, preload: NONE, whole: 4 };
    top: Row { cases: 250, steps: 30, from: u64::MAX - 40, size: 41, longest: 16, preload: NONE, whole: 1 };
    leaves: Row {
        cases: 40,
        steps: 60,
        from: 0,
        size: 1_000,
        longest: 256,
        preload: Preload { count: 200, from: 3, stride: 5, length: 4 },
        whole: 20,
    };
    touching: Row {
        cases: 30,
        steps: 60,
        from: 0,
        size: 900,
        longest: 512,
        preload: Preload { count: 300, from: 0, stride: 3, length: 3 },
        whole: 20,
    };
    deep: Row {
        cases: 6,
        steps: 50,
        from: 0,
        size: 24_000,
        longest: 1 << 12,
        preload: Preload { count: 3_000, from: 0, stride: 8, length: 7 },
        whole: 25,
    };
    deep_at_the_top: Row {
        cases: 4,
        steps: 50,
        from: u64::MAX - 8_000,
        size: 8_001,
        longest: 1 << 11,
        preload: Preload { count: 2_000, from: u64::MAX - 2_000 * 4 + 1, stride: 4, length: 4 },
        whole: 25,
    };
}
