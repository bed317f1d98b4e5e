//! Searches for free space and allocations of it, in trees that keep figures of it while they change.

use crate::case::{Case, Rest};
use crate::ops::foresee;
use crate::place::{Align, Before, Place, Size, Window};
use crate::step::Free;
use crate::text;
use arbitrary::Arbitrary;
use core::fmt;
use maple_tests::check::{ALL, agree};
use maple_tests::entry::Value;
use maple_tests::face::{ExclusiveFace, Face, GraceFace, MixedFace, SharedFace};
use maple_tests::map_op::MapOp;
use maple_tests::op::{Op, Preload, number};
use maple_tests::pair::closed;
use maple_tests::space::{Side, Standing, agree_on_space};
use maple_tests::{Bounds, Model};
use maple_tree::{Cyclic, RcuBox};

/// Calls in one case at most.
const MOST_CALLS: usize = 200;

#[derive(Arbitrary, Clone, Copy)]
enum Which {
    MapOfNumbers,
    MapOfBoxes,
    TreeOfNumbers,
    TreeOfBoxes,
    TreeOfRcuBoxes,
    Mixed,
    Grace,
}

#[derive(Arbitrary, Clone, Copy)]
enum Step {
    Free(Free),
    /// So many of the same.
    Many(u8, Free),
    Cyclic(Window, u8),
    Start(Place),
    /// One in so many entries, from the nth on.
    Thin(u16, u8, u8),
    /// All entries from the nth on, one by one: their gaps join.
    Hole(u16, u8),
    Erase(Place),
    Store(Window),
    /// Exactly the nth gap.
    Fill(u16),
    Remove(Window),
    RemoveWhole(Window),
    Retain(u8),
    SplitOff(Place, bool),
    Prune(Place),
    PruneInPlace(Place),
    Compact,
    Dup,
    Convert,
    Synchronize,
    Session(u8, Free, Window),
}

/// A call with all arguments settled.
#[derive(Clone, Debug)]
enum Call {
    Op(Op),
    Cyclic(Bounds),
    Start(u64),
}

/// One case.
///
/// Its `Debug` form is a test to paste.
#[derive(Arbitrary)]
pub struct AllocGaps {
    which: Which,
    before: Before,
    size: Size,
    window: Window,
    align: Align,
    steps: Rest<Step>,
}

impl AllocGaps {
    /// The calls, by the model.
    fn calls(&self, preload: Preload) -> Vec<Call> {
        let mut model = Before::model(preload);
        // The first search is what makes a tree keep figures.
        let mut calls = vec![Call::Op(Free::Find(self.size, self.window, self.align).op(&model))];
        for &step in &self.steps.0 {
            let mut push = |op: Op, model: &mut Model| {
                foresee(&op, model);
                calls.push(Call::Op(op));
                // Some changes meet figures of which the one before made some unknown.
                if calls.len() % 3 != 0 {
                    calls.push(Call::Op(Free::Find(self.size, self.window, self.align).op(model)));
                }
            };
            let at = |n: u16, model: &Model| usize::from(n) % (model.len() + 1);
            match step {
                Step::Free(free) => push(free.op(&model), &mut model),
                Step::Many(count, free) => (0..count % 32).for_each(|_| push(free.op(&model), &mut model)),
                Step::Cyclic(window, count) => {
                    let within = window.bounds(&model);
                    for _ in 0..=count % 16 {
                        // Where it stands does not matter for what comes behind as much as that there is an entry more.
                        let _ = model.alloc_cyclic(within, &mut (None, false), 7);
                        calls.push(Call::Cyclic(within));
                    }
                }
                Step::Start(place) => calls.push(Call::Start(place.index(&model))),
                Step::Thin(n, every, count) => {
                    let doomed = model.items()[at(n, &model)..].iter().step_by(1 + usize::from(every % 4));
                    let doomed: Vec<u64> = doomed.take(usize::from(count % 64)).map(|item| item.1).collect();
                    doomed.into_iter().for_each(|index| push(Op::Erase { index }, &mut model));
                }
                Step::Hole(n, count) => {
                    let doomed = model.items()[at(n, &model)..].iter().take(usize::from(count % 64));
                    let doomed: Vec<u64> = doomed.map(|item| item.0).collect();
                    doomed.into_iter().for_each(|index| push(Op::Erase { index }, &mut model));
                }
                Step::Erase(place) => push(Op::Erase { index: place.index(&model) }, &mut model),
                Step::Store(window) => push(Op::Store { range: window.bounds(&model), value: 1 }, &mut model),
                Step::Fill(n) => {
                    let gaps = model.gaps(..);
                    if let Some(&(first, last)) = gaps.get(usize::from(n) % gaps.len().max(1)) {
                        push(Op::Insert { range: closed(first, last), value: 2 }, &mut model);
                    }
                }
                Step::Remove(window) => push(Op::Remove { range: window.bounds(&model) }, &mut model),
                Step::RemoveWhole(window) => push(Op::RemoveWhole { range: window.bounds(&model) }, &mut model),
                Step::Retain(n) => push(Op::Map(MapOp::Retain { modulus: 2 + u64::from(n % 4), rest: 1 }), &mut model),
                Step::SplitOff(place, join) => push(Op::Map(MapOp::SplitOff { at: place.index(&model), join }), &mut model),
                Step::Prune(place) => push(Op::Prune { from: place.index(&model) }, &mut model),
                Step::PruneInPlace(place) => push(Op::PruneInPlace { from: place.index(&model) }, &mut model),
                Step::Compact => push(Op::Compact, &mut model),
                Step::Dup => push(Op::Dup, &mut model),
                Step::Convert => push(Op::Convert, &mut model),
                Step::Synchronize => push(Op::Synchronize, &mut model),
                Step::Session(count, free, window) => {
                    let mut ops = Vec::new();
                    for n in 0..count % 8 {
                        let op = match n % 2 {
                            0 => free.op(&model),
                            _ => Op::RemoveWhole { range: window.bounds(&model) },
                        };
                        foresee(&op, &mut model);
                        ops.push(op);
                    }
                    calls.push(Call::Op(Op::Session { ops }));
                }
            }
            if calls.len() > MOST_CALLS {
                break;
            }
        }
        calls.truncate(MOST_CALLS);
        calls
    }

    fn run_on<F: Face>(&self) {
        let preload = self.before.preload();
        let (mut face, mut model) = (F::new(), Model::new());
        preload.run(&mut face, &mut model);
        let (mut cyclic, mut standing): (Cyclic, Standing) = (Cyclic::new(), (Some(0), false));
        for (step, call) in self.calls(preload).iter().enumerate() {
            face.begin(step);
            match *call {
                Call::Op(ref op) => op.run(&mut face, &mut model),
                Call::Start(index) => {
                    cyclic = Cyclic::starting_at(index);
                    standing = (Some(index), false);
                }
                Call::Cyclic(within) => {
                    let index = model.alloc_cyclic(within, &mut standing, 7);
                    assert_eq!(face.alloc_cyclic(within, &mut cyclic, 7), index, "{call:?}");
                    assert_eq!((cyclic.position(), cyclic.wrapped()), standing, "{call:?}");
                }
            }
            // Recounts every figure that counts as known: some before the next search, and all after it.
            assert_eq!(face.validate().entries, model.len(), "{call:?}");
        }
        agree(&face, &model);
        // The longest gaps go one after the other, to the last one or for a while.
        for side in [Side::Lowest, Side::Highest].into_iter().cycle().take(64) {
            let size = model.largest_gap(ALL).map_or(1, |gap| (gap.1 - gap.0).saturating_add(1));
            Op::AllocRange { size, within: ALL, align: 1, side, value: 3 }.run(&mut face, &mut model);
        }
        agree_on_space(&mut face, &model, 1, ALL, 1);
        assert_eq!(face.validate().entries, model.len());
    }

    fn print<F: Face>(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preload = self.before.preload();
        let mut lines = vec![format!("let mut tree = {};", F::code())];
        lines.extend(text::preload::<F::Entry>(preload));
        lines.push(format!("let mut pins = Vec::<{}>::new();\nlet mut cyclic = Cyclic::new();", F::GUARD));
        for (step, call) in self.calls(preload).iter().enumerate() {
            let tree = F::receiver(step);
            lines.push(match call {
                Call::Op(op) => op.code::<F>(tree),
                Call::Start(index) => format!("cyclic = Cyclic::starting_at({});", number(*index)),
                Call::Cyclic(within) => {
                    let entry = <F::Entry as Value>::code(7);
                    format!("let _ = {tree}.alloc_cyclic({}, &mut cyclic, {entry});", text::range(*within))
                }
            });
        }
        lines.push("let _ = (cyclic, pins);\ntree.validate().unwrap();".into());
        text::test(f, lines.into_iter().filter(|line| !line.is_empty()))
    }
}

macro_rules! on_face {
    ($case:expr, $method:ident($($argument:expr),*)) => {
        match $case.which {
            Which::MapOfNumbers => $case.$method::<ExclusiveFace<u32>>($($argument),*),
            Which::MapOfBoxes => $case.$method::<ExclusiveFace<Box<u64>>>($($argument),*),
            Which::TreeOfNumbers => $case.$method::<SharedFace<u32>>($($argument),*),
            Which::TreeOfBoxes => $case.$method::<SharedFace<Box<u64>>>($($argument),*),
            Which::TreeOfRcuBoxes => $case.$method::<SharedFace<RcuBox<u64>>>($($argument),*),
            Which::Mixed => $case.$method::<MixedFace<u32>>($($argument),*),
            Which::Grace => $case.$method::<GraceFace<u32>>($($argument),*),
        }
    };
}

impl Case for AllocGaps {
    fn run(&self) {
        on_face!(self, run_on());
    }
}

impl fmt::Debug for AllocGaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        on_face!(self, print(f))
    }
}
