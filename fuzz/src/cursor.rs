//! Cursors of readers and of writers, and changes of others while they pause, beside a cursor on the model.

use crate::case::{Case, Rest};
use crate::place::{Before, Place, Window};
use crate::text;
use arbitrary::Arbitrary;
use core::fmt::{self, Debug};
use maple_tests::Bounds;
use maple_tests::entry::Number;
use maple_tests::op::{Preload, number};
use maple_tests::pair::closed;
use maple_tests::roam::{Alone, Beside, Change, Ground, ModelCursor, Roam};
use maple_tree::{Position, RcuBox};
use std::sync::Arc;

/// Calls in one case at most.
const MOST_CALLS: usize = 400;

/// Which face, and which entries.
#[derive(Arbitrary, Clone, Copy)]
enum Which {
    MapOfNumbers,
    MapOfBoxes,
    TreeOfNumbers,
    TreeOfBoxes,
    TreeOfArcs,
    TreeOfRcuBoxes,
}

/// A range: anywhere, or near where the cursor is.
#[derive(Arbitrary, Clone, Copy)]
enum Where {
    Window(Window),
    /// So far from where the cursor's range begins, and so long.
    Near(i8, u8),
    /// Inside what the cursor is on: left out on both sides.
    Inside(u8, u8),
    /// The same of the slot before, or behind.
    Neighbour(bool, u8, u8),
}

impl Where {
    fn bounds(self, cursor: &ModelCursor) -> Bounds {
        let (first, last) = cursor.range().unwrap_or((0, u64::MAX));
        let inside = |(first, last): (u64, u64), low: u8, high: u8| {
            let low = u64::from(low).min(last - first);
            closed(first + low, last - u64::from(high).min(last - first - low))
        };
        match self {
            Self::Window(window) => window.bounds(&cursor.model),
            Self::Near(offset, more) => {
                let first = first.saturating_add_signed(offset.into());
                closed(first, first.saturating_add(u64::from(more % 16)))
            }
            Self::Inside(low, high) => inside((first, last), low, high),
            Self::Neighbour(ahead, low, high) => {
                let index = if ahead { last.saturating_add(1) } else { first.saturating_sub(1) };
                inside(cursor.model.get_range(index).0, low % 8, high % 8)
            }
        }
    }
}

/// Steps of one kind come in runs.
#[derive(Arbitrary, Clone, Copy)]
enum Step {
    Seek(Place),
    Limits(Window),
    Next(u8),
    Prev(u8),
    NextSlot(u8),
    PrevSlot(u8),
    Store(Where, u16),
    Replace(u16),
    /// Erases, and goes on in this direction.
    Erase(u8, bool),
    InsertBefore(Where, u16),
    InsertAfter(Where, u16),
    /// Goes on with another cursor: one that looks, or one that changes things.
    Pause(bool),
    /// The same from nowhere.
    Restart(bool),
    /// Changes by somebody else, while the cursor pauses.
    Elsewhere(Elsewhere),
}

#[derive(Arbitrary, Clone, Copy)]
enum Elsewhere {
    Store(Window, u16),
    Erase(Place),
    /// So many from where the cursor was, in this direction.
    EraseMany(u8, bool),
}

/// A call with all arguments settled.
#[derive(Clone, Copy, Debug)]
enum Call {
    Seek(u64),
    Limits(Bounds),
    Next,
    Prev,
    NextSlot,
    PrevSlot,
    Store(Bounds, u64),
    Replace(u64),
    Erase,
    InsertBefore(Bounds, u64),
    InsertAfter(Bounds, u64),
    /// The next cursor can change things, or cannot, and goes on where this one was or begins anew.
    Switch {
        change: bool,
        resume: bool,
    },
    /// Somebody else.
    ElseStore(Bounds, u64),
    ElseErase(u64),
}

impl Call {
    /// Only with a cursor that can change things.
    fn changes(self) -> bool {
        matches!(self, Self::Store(..) | Self::Replace(_) | Self::Erase | Self::InsertBefore(..) | Self::InsertAfter(..))
    }

    /// Whether it ends the cursor.
    fn ends(self) -> bool {
        matches!(self, Self::Switch { .. } | Self::ElseStore(..) | Self::ElseErase(_))
    }

    /// The same look on both.
    fn look<C: Roam + ?Sized>(self, cursor: &mut C, model: &mut ModelCursor) {
        match self {
            Self::Seek(index) => assert_eq!(cursor.seek(index), model.seek(index), "{self:?}"),
            Self::Limits(range) => {
                cursor.set_limits(range);
                model.set_limits(range);
            }
            Self::Next => assert_eq!(cursor.next(), model.next(), "next"),
            Self::Prev => assert_eq!(cursor.prev(), model.prev(), "prev"),
            Self::NextSlot => assert_eq!(cursor.next_slot(), model.next_slot(), "next_slot"),
            Self::PrevSlot => assert_eq!(cursor.prev_slot(), model.prev_slot(), "prev_slot"),
            _ => unreachable!("{self:?} is no look"),
        }
    }

    /// The same call on both.
    fn change(self, cursor: &mut dyn Change, model: &mut ModelCursor) {
        match self {
            Self::Store(range, value) => assert_eq!(cursor.store(range, value), model.store(range, value), "{self:?}"),
            Self::Replace(value) => assert_eq!(cursor.replace(value), model.replace(value), "{self:?}"),
            Self::Erase => assert_eq!(cursor.erase(), model.erase(), "erase"),
            Self::InsertBefore(range, value) => {
                assert_eq!(cursor.insert_before(range, value), model.insert_before(range, value), "{self:?}");
            }
            Self::InsertAfter(range, value) => {
                assert_eq!(cursor.insert_after(range, value), model.insert_after(range, value), "{self:?}");
            }
            _ => self.look(cursor, model),
        }
    }

    /// What the model makes of it.
    fn foresee(self, model: &mut ModelCursor) {
        match self {
            Self::Switch { resume: true, .. } => model.pause(),
            Self::Switch { resume: false, .. } => *model = ModelCursor::new(core::mem::take(&mut model.model)),
            Self::ElseStore(range, value) => {
                model.pause();
                let _ = model.model.store(range, value);
            }
            Self::ElseErase(index) => {
                model.pause();
                let _ = model.model.erase(index);
            }
            // The model beside itself.
            _ => self.change(&mut model.clone(), model),
        }
    }

    fn code<V: Number>(self) -> String {
        match self {
            Self::Seek(index) => format!("let _ = cursor.seek({});", number(index)),
            Self::Limits(range) => format!("cursor.set_limits({});", text::range(range)),
            Self::Next => "let _ = cursor.next();".into(),
            Self::Prev => "let _ = cursor.prev();".into(),
            Self::NextSlot => "let _ = cursor.next_slot();".into(),
            Self::PrevSlot => "let _ = cursor.prev_slot();".into(),
            Self::Store(range, value) => format!("let _ = cursor.store({}, {});", text::range(range), V::code(value)),
            Self::Replace(value) => format!("let _ = cursor.replace({}).map(drop);", V::code(value)),
            Self::Erase => "drop(cursor.erase());".into(),
            Self::InsertBefore(range, value) => {
                format!("let _ = cursor.insert_before({}, {});", text::range(range), V::code(value))
            }
            Self::InsertAfter(range, value) => {
                format!("let _ = cursor.insert_after({}, {});", text::range(range), V::code(value))
            }
            Self::ElseStore(range, value) => format!("let _ = tree.store({}, {});", text::range(range), V::code(value)),
            Self::ElseErase(index) => format!("drop(tree.erase({}));", number(index)),
            Self::Switch { .. } => String::new(),
        }
    }
}

/// One case.
///
/// Its `Debug` form is a test to paste.
#[derive(Arbitrary)]
pub struct Cursors {
    which: Which,
    before: Before,
    steps: Rest<Step>,
}

/// Something that can be done with a case once its tree is known.
trait Use {
    type Output;
    fn with<V: Number, G: Ground>(self, preload: Preload, calls: &[Call], shared: bool) -> Self::Output;
}

struct Run;

impl Use for Run {
    type Output = ();

    fn with<V: Number, G: Ground>(self, preload: Preload, calls: &[Call], _: bool) {
        let start = Before::model(preload);
        let mut ground = G::of(start.items());
        let mut model = ModelCursor::new(start);
        let mut position: Option<Position> = None;
        let (mut change, mut next) = (true, 0);
        let agree = |cursor: &dyn Roam, model: &ModelCursor, call: Call| {
            let seen = (cursor.place(), cursor.range(), cursor.value(), cursor.limits());
            assert_eq!(seen, (model.place(), model.range(), model.value(), model.limits()), "after {call:?}");
        };
        while next < calls.len() {
            let run = calls[next..].iter().take_while(|call| !call.ends()).count();
            let (here, end) = (&calls[next..next + run], calls.get(next + run));
            let paused = match change {
                true => ground.change(position, &mut |cursor| {
                    for call in here {
                        call.change(cursor, &mut model);
                        agree(cursor, &model, *call);
                    }
                }),
                false => ground.look(position, &mut |cursor| {
                    for call in here {
                        call.look(cursor, &mut model);
                        agree(cursor, &model, *call);
                    }
                }),
            };
            position = Some(paused);
            model.pause();
            match end {
                Some(&Call::Switch { change: changes, resume }) => {
                    change = changes;
                    if !resume {
                        position = None;
                        model = ModelCursor::new(model.model);
                    }
                }
                Some(&Call::ElseStore(range, value)) => {
                    ground.change(None, &mut |cursor| {
                        let done = model.model.store(range, value).is_ok();
                        assert_eq!(cursor.store(range, value).is_ok(), done, "{end:?}");
                    });
                }
                Some(&Call::ElseErase(index)) => {
                    ground.change(None, &mut |cursor| {
                        let _ = cursor.seek(index);
                        assert_eq!(cursor.erase(), model.model.erase(index), "{end:?}");
                    });
                }
                _ => {}
            }
            ground.validate();
            next += run + 1;
        }
        ground.validate();
        assert_eq!(ground.items(), model.model.items(), "at the end");
    }
}

struct Print<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Use for Print<'_, '_> {
    type Output = fmt::Result;

    fn with<V: Number, G: Ground>(self, preload: Preload, calls: &[Call], shared: bool) -> fmt::Result {
        let new = if shared { "MapleTree" } else { "RangeMap" };
        let mut lines = vec![format!("let mut tree = {new}::<{}>::new();", V::TYPE)];
        lines.extend(text::preload::<V>(preload));
        let begin = |change: bool| match (shared, change) {
            (true, true) => "let mut writer = tree.lock();\nlet mut cursor = writer.cursor_mut();",
            (true, false) => "let guard = tree.pin();\nlet mut cursor = tree.cursor(&guard);",
            (false, true) => "let mut cursor = tree.cursor_mut();",
            (false, false) => "let mut cursor = tree.cursor();",
        };
        let end = |change: bool| match (shared, change) {
            (true, true) => "let position = cursor.pause();\ndrop(writer);",
            (true, false) => "let position = cursor.pause();\ndrop(guard);",
            (false, _) => "let position = cursor.pause();",
        };
        let (mut change, mut going) = (true, true);
        lines.push(begin(change).into());
        for call in calls {
            if call.ends() && going {
                lines.push(end(change).into());
                going = false;
            }
            if let Call::Switch { change: changes, resume } = *call {
                change = changes;
                lines.extend([begin(change).into(), if resume { "cursor.resume(position);" } else { "" }.into()]);
                going = true;
            } else if !call.ends() && !going {
                lines.extend([begin(change).into(), "cursor.resume(position);".into()]);
                going = true;
            }
            lines.push(call.code::<V>());
        }
        if going {
            lines.push(end(change).into());
        }
        lines.push("let _ = position;\ntree.validate().unwrap();".into());
        text::test(self.0, lines.into_iter().filter(|line| !line.is_empty()))
    }
}

impl Case for Cursors {
    fn run(&self) {
        self.with(Run);
    }
}

impl Cursors {
    fn with<U: Use>(&self, user: U) -> U::Output {
        let preload = self.before.preload();
        let calls = self.calls(preload);
        match self.which {
            Which::MapOfNumbers => user.with::<u32, Alone<u32>>(preload, &calls, false),
            Which::MapOfBoxes => user.with::<Box<u64>, Alone<Box<u64>>>(preload, &calls, false),
            Which::TreeOfNumbers => user.with::<u32, Beside<u32>>(preload, &calls, true),
            Which::TreeOfBoxes => user.with::<Box<u64>, Beside<Box<u64>>>(preload, &calls, true),
            Which::TreeOfArcs => user.with::<Arc<u64>, Beside<Arc<u64>>>(preload, &calls, true),
            Which::TreeOfRcuBoxes => user.with::<RcuBox<u64>, Beside<RcuBox<u64>>>(preload, &calls, true),
        }
    }

    /// The calls with all arguments settled, by the model.
    fn calls(&self, preload: Preload) -> Vec<Call> {
        let mut model = ModelCursor::new(Before::model(preload));
        let (mut calls, mut change) = (Vec::new(), true);
        for &step in &self.steps.0 {
            let mut push = |call: Call, model: &mut ModelCursor| {
                // A change with a cursor that only looks: another one takes over.
                if call.changes() && !change {
                    let switch = Call::Switch { change: true, resume: true };
                    switch.foresee(model);
                    calls.push(switch);
                    change = true;
                }
                call.foresee(model);
                if let Call::Switch { change: changes, .. } = call {
                    change = changes;
                }
                calls.push(call);
            };
            let mut times = |call: Call, count: u8, model: &mut ModelCursor| (0..count).for_each(|_| push(call, model));
            match step {
                Step::Seek(place) => push(Call::Seek(place.index(&model.model)), &mut model),
                Step::Limits(window) => push(Call::Limits(window.bounds(&model.model)), &mut model),
                Step::Next(more) => times(Call::Next, 1 + more % 24, &mut model),
                Step::Prev(more) => times(Call::Prev, 1 + more % 24, &mut model),
                Step::NextSlot(more) => times(Call::NextSlot, 1 + more % 8, &mut model),
                Step::PrevSlot(more) => times(Call::PrevSlot, 1 + more % 8, &mut model),
                Step::Store(place, value) => push(Call::Store(place.bounds(&model), value.into()), &mut model),
                Step::Replace(value) => push(Call::Replace(value.into()), &mut model),
                Step::Erase(count, ahead) => {
                    for _ in 0..count % 24 {
                        push(if ahead { Call::Next } else { Call::Prev }, &mut model);
                        push(Call::Erase, &mut model);
                    }
                    push(Call::Erase, &mut model);
                }
                Step::InsertBefore(place, value) => push(Call::InsertBefore(place.bounds(&model), value.into()), &mut model),
                Step::InsertAfter(place, value) => push(Call::InsertAfter(place.bounds(&model), value.into()), &mut model),
                Step::Pause(change) => push(Call::Switch { change, resume: true }, &mut model),
                Step::Restart(change) => push(Call::Switch { change, resume: false }, &mut model),
                Step::Elsewhere(Elsewhere::Store(window, value)) => {
                    push(Call::ElseStore(window.bounds(&model.model), value.into()), &mut model);
                }
                Step::Elsewhere(Elsewhere::Erase(place)) => push(Call::ElseErase(place.index(&model.model)), &mut model),
                Step::Elsewhere(Elsewhere::EraseMany(count, ahead)) => {
                    let at = model.range().map_or(0, |range| model.model.position(range.0));
                    let items = model.model.items();
                    let doomed = if ahead { &items[at..] } else { &items[..at] };
                    let doomed: Vec<u64> = doomed.iter().take(usize::from(count % 32)).map(|item| item.1).collect();
                    doomed.into_iter().for_each(|index| push(Call::ElseErase(index), &mut model));
                }
            }
            if calls.len() > MOST_CALLS {
                break;
            }
        }
        calls
    }
}

impl Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(Print(f))
    }
}
