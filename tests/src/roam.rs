//! One interface over all cursors, and a cursor over the [model](crate::model) to compare them with.

use core::ops::RangeInclusive;

use crate::entry::Number;
use crate::model::{Bounds, Item, Model, Span, span};
use maple_tree::{
    Cursor, CursorError, CursorErrorKind, CursorMut, Epoch, MapleTree, Place, Position, RangeMap, RawMutex, Removed,
    StoreErrorKind, Writer,
};

/// What a step came to: the range, and the value of an entry.
pub type Slot = (u64, u64, Option<u64>);

/// A cursor that looks.
pub trait Roam {
    /// `seek`.
    fn seek(&mut self, index: u64) -> Option<u64>;
    /// `next`.
    fn next(&mut self) -> Option<Item>;
    /// `prev`.
    fn prev(&mut self) -> Option<Item>;
    /// `next_slot`.
    fn next_slot(&mut self) -> Option<Slot>;
    /// `prev_slot`.
    fn prev_slot(&mut self) -> Option<Slot>;
    /// `place`.
    fn place(&self) -> Place;
    /// `range`.
    fn range(&self) -> Option<Span>;
    /// `value`.
    fn value(&self) -> Option<u64>;
    /// `limits`.
    fn limits(&self) -> Option<Span>;
    /// `set_limits`.
    fn set_limits(&mut self, range: Bounds);
}

/// Why a change by a cursor was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The range holds no index.
    BadRange,
    /// It is on no entry.
    NoEntry,
    /// The range is not in this gap.
    NotInGap(Option<Span>),
}

/// A cursor that changes things.
pub trait Change: Roam {
    /// `store`.
    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refused>;
    /// `replace`; gives the old value.
    fn replace(&mut self, value: u64) -> Result<Item, Refused>;
    /// `erase`.
    fn erase(&mut self) -> Option<Item>;
    /// `insert_before`.
    fn insert_before(&mut self, range: Bounds, value: u64) -> Result<(), Refused>;
    /// `insert_after`.
    fn insert_after(&mut self, range: Bounds, value: u64) -> Result<(), Refused>;
}

fn pair(range: RangeInclusive<u64>) -> Span {
    (*range.start(), *range.end())
}

fn item<V: Number>((range, entry): (RangeInclusive<u64>, V::Ref<'_>)) -> Item {
    (*range.start(), *range.end(), V::read(entry))
}

fn slot<V: Number>((range, entry): (RangeInclusive<u64>, Option<V::Ref<'_>>)) -> Slot {
    (*range.start(), *range.end(), entry.map(V::read))
}

macro_rules! roam {
    ($entry:ty) => {
        fn seek(&mut self, index: u64) -> Option<u64> {
            Self::seek(self, index).map(<$entry>::read)
        }
        fn next(&mut self) -> Option<Item> {
            Self::next(self).map(item::<$entry>)
        }
        fn prev(&mut self) -> Option<Item> {
            Self::prev(self).map(item::<$entry>)
        }
        fn next_slot(&mut self) -> Option<Slot> {
            Self::next_slot(self).map(slot::<$entry>)
        }
        fn prev_slot(&mut self) -> Option<Slot> {
            Self::prev_slot(self).map(slot::<$entry>)
        }
        fn place(&self) -> Place {
            Self::place(self)
        }
        fn range(&self) -> Option<Span> {
            Self::range(self).map(pair)
        }
        fn value(&self) -> Option<u64> {
            Self::value(self).map(<$entry>::read)
        }
        fn limits(&self) -> Option<Span> {
            Self::limits(self).map(pair)
        }
        fn set_limits(&mut self, range: Bounds) {
            Self::set_limits(self, range);
        }
    };
}

/// What was taken out, whichever type it has.
pub trait Taken {
    /// Its range and value.
    fn item(self) -> Item;
}

impl<V: Number> Taken for (RangeInclusive<u64>, V) {
    fn item(self) -> Item {
        (*self.0.start(), *self.0.end(), self.1.value())
    }
}

impl<V: Number, L: RawMutex> Taken for Removed<'_, V, Epoch, L> {
    fn item(self) -> Item {
        item::<V>((self.range(), self.get()))
    }
}

impl<V: Number> Roam for Cursor<'_, V> {
    roam!(V);
}

fn bad_range(kind: StoreErrorKind) -> Refused {
    assert!(matches!(kind, StoreErrorKind::BadRange(_)), "{kind}");
    Refused::BadRange
}

fn refused<V: Number>(error: CursorError<V>, value: u64) -> Refused {
    assert_eq!(error.value.value(), value, "the error gives the value back");
    match error.kind {
        CursorErrorKind::OutOfMemory => panic!("no memory for a test"),
        CursorErrorKind::BadRange(_) => Refused::BadRange,
        CursorErrorKind::NoEntry => Refused::NoEntry,
        CursorErrorKind::NotInGap(gap) => Refused::NotInGap(gap.map(pair)),
    }
}

macro_rules! change {
    ($entry:ty) => {
        fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refused> {
            Self::store(self, range, <$entry>::make(value)).map_err(|error| bad_range(error.kind))
        }
        fn replace(&mut self, value: u64) -> Result<Item, Refused> {
            Self::replace(self, <$entry>::make(value)).map(Taken::item).map_err(|error| refused(error, value))
        }
        fn erase(&mut self) -> Option<Item> {
            Self::erase(self).map(Taken::item)
        }
        fn insert_before(&mut self, range: Bounds, value: u64) -> Result<(), Refused> {
            Self::insert_before(self, range, <$entry>::make(value)).map_err(|error| refused(error, value))
        }
        fn insert_after(&mut self, range: Bounds, value: u64) -> Result<(), Refused> {
            Self::insert_after(self, range, <$entry>::make(value)).map_err(|error| refused(error, value))
        }
    };
}

impl<V: Number> Roam for CursorMut<'_, RangeMap<V>> {
    roam!(V);
}

impl<V: Number> Change for CursorMut<'_, RangeMap<V>> {
    change!(V);
}

impl<V: Number, L: RawMutex> Roam for CursorMut<'_, Writer<'_, V, Epoch, L>> {
    roam!(V);
}

impl<V: Number, L: RawMutex> Change for CursorMut<'_, Writer<'_, V, Epoch, L>> {
    change!(V);
}

/// A tree that gives out cursors, one after the other: each goes on where the one before was paused.
pub trait Ground {
    /// One that holds exactly `items`.
    fn of(items: &[Item]) -> Self;
    /// Looks around.
    fn look(&self, position: Option<Position>, steps: &mut dyn FnMut(&mut dyn Roam)) -> Position;
    /// Changes things.
    fn change(&mut self, position: Option<Position>, steps: &mut dyn FnMut(&mut dyn Change)) -> Position;
    /// Every range in order.
    fn items(&self) -> Vec<Item>;
    /// The validator's verdict.
    fn validate(&self);
}

macro_rules! with_cursor {
    ($cursor:expr, $position:ident, $steps:ident) => {{
        let mut cursor = $cursor;
        if let Some(position) = $position {
            cursor.resume(position);
        }
        $steps(&mut cursor);
        cursor.pause()
    }};
}

/// An exclusive map.
#[derive(Debug)]
pub struct Alone<V: Number + 'static>(pub RangeMap<V>)
where
    for<'a> V::Ref<'a>: core::fmt::Debug;

impl<V: Number> Ground for Alone<V>
where
    for<'a> V::Ref<'a>: core::fmt::Debug,
{
    fn of(items: &[Item]) -> Self {
        Self(items.iter().map(|&(first, last, value)| (first..=last, V::make(value))).collect())
    }

    fn look(&self, position: Option<Position>, steps: &mut dyn FnMut(&mut dyn Roam)) -> Position {
        with_cursor!(self.0.cursor(), position, steps)
    }

    fn change(&mut self, position: Option<Position>, steps: &mut dyn FnMut(&mut dyn Change)) -> Position {
        with_cursor!(self.0.cursor_mut(), position, steps)
    }

    fn items(&self) -> Vec<Item> {
        self.0.iter().map(item::<V>).collect()
    }

    fn validate(&self) {
        self.0.validate().unwrap_or_else(|invalid| panic!("{invalid:?}\n{}", self.0.dump()));
    }
}

/// A shared tree, whose writer's sessions end after every cursor.
#[derive(Debug)]
pub struct Beside<V: Number>(pub MapleTree<V>)
where
    for<'a> V::Ref<'a>: core::fmt::Debug;

impl<V: Number> Ground for Beside<V>
where
    for<'a> V::Ref<'a>: core::fmt::Debug,
{
    fn of(items: &[Item]) -> Self {
        Self(MapleTree::from(Alone::<V>::of(items).0))
    }

    fn look(&self, position: Option<Position>, steps: &mut dyn FnMut(&mut dyn Roam)) -> Position {
        let guard = self.0.pin();
        with_cursor!(self.0.cursor(&guard), position, steps)
    }

    fn change(&mut self, position: Option<Position>, steps: &mut dyn FnMut(&mut dyn Change)) -> Position {
        let mut writer = self.0.lock();
        with_cursor!(writer.cursor_mut(), position, steps)
    }

    fn items(&self) -> Vec<Item> {
        self.0.iter(&self.0.pin()).map(item::<V>).collect()
    }

    fn validate(&self) {
        self.0.validate().unwrap_or_else(|invalid| panic!("{invalid:?}\n{}", self.0.dump()));
    }
}

/// Where the model's cursor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Unstarted,
    Before,
    On(Span, Option<u64>),
    After,
    Paused(Span),
}

/// A cursor over a sorted `Vec`, which it owns.
#[derive(Clone, Debug)]
pub struct ModelCursor {
    /// What it is on.
    pub model: Model,
    at: At,
    limits: Option<Span>,
}

impl ModelCursor {
    /// A cursor that is nowhere yet.
    pub const fn new(model: Model) -> Self {
        Self { model, at: At::Unstarted, limits: Some((0, u64::MAX)) }
    }

    /// Pauses and goes on.
    pub fn pause(&mut self) {
        if let At::On(span, _) = self.at {
            self.at = At::Paused(span);
        }
    }

    /// The index behind what it is on, within the limits.
    fn ahead(&self) -> Option<u64> {
        let (low, high) = self.limits?;
        let index = match self.at {
            At::Unstarted | At::Before => low,
            At::On((_, last), _) | At::Paused((_, last)) => last.checked_add(1)?.max(low),
            At::After => return None,
        };
        (index <= high).then_some(index)
    }

    /// The index before what it is on, within the limits.
    fn behind(&self) -> Option<u64> {
        let (low, high) = self.limits?;
        let index = match self.at {
            At::Unstarted | At::After => high,
            At::On((first, _), _) | At::Paused((first, _)) => first.checked_sub(1)?.min(high),
            At::Before => return None,
        };
        (low <= index).then_some(index)
    }

    /// The entry that covers `index`, or the gap between `low` and `high`.
    fn slot(&self, index: u64, low: u64, high: u64) -> (Span, Option<u64>) {
        match self.model.get_range(index) {
            (span, None) => ((span.0.max(low), span.1.min(high)), None),
            entry => entry,
        }
    }

    fn arrive(&mut self, found: Option<(Span, Option<u64>)>, else_at: At) -> Option<Slot> {
        self.at = found.map_or(else_at, |(span, value)| At::On(span, value));
        found.map(|(span, value)| (span.0, span.1, value))
    }

    /// The gap that an insertion goes into.
    fn gap(&self, other: Option<(Span, Option<u64>)>) -> Option<Span> {
        match self.at {
            At::On(span, None) => Some(span),
            _ => other.filter(|(_, value)| value.is_none()).map(|(span, _)| span),
        }
    }

    fn slot_ahead(&self) -> Option<(Span, Option<u64>)> {
        self.ahead().map(|index| self.slot(index, index, self.limits.map_or(0, |limits| limits.1)))
    }

    fn slot_behind(&self) -> Option<(Span, Option<u64>)> {
        self.behind().map(|index| self.slot(index, self.limits.map_or(0, |limits| limits.0), index))
    }

    fn insert(&mut self, range: Bounds, value: u64, gap: Option<Span>, before: bool) -> Result<(), Refused> {
        let (first, last) = span(range).ok_or(Refused::BadRange)?;
        let (low, high) = gap.filter(|gap| gap.0 <= first && last <= gap.1).ok_or(Refused::NotInGap(gap))?;
        self.model.insert(range, value).expect("a gap");
        if let At::On(_, None) = self.at {
            self.at = match before {
                true if last < high => At::On((last + 1, high), None),
                false if low < first => At::On((low, first - 1), None),
                _ => At::On((first, last), Some(value)),
            };
        }
        Ok(())
    }
}

impl Roam for ModelCursor {
    fn seek(&mut self, index: u64) -> Option<u64> {
        let (low, high) = match self.limits {
            Some((low, _)) if index < low => {
                self.at = At::Before;
                return None;
            }
            Some(limits) if index <= limits.1 => limits,
            _ => {
                self.at = At::After;
                return None;
            }
        };
        let slot = self.slot(index, low, high);
        self.arrive(Some(slot), At::After)?.2
    }

    fn next(&mut self) -> Option<Item> {
        let high = self.limits.map_or(0, |limits| limits.1);
        let found = self.ahead().and_then(|index| self.model.range(index..=high).first().copied());
        self.arrive(found.map(|item| ((item.0, item.1), Some(item.2))), At::After);
        found
    }

    fn prev(&mut self) -> Option<Item> {
        let low = self.limits.map_or(0, |limits| limits.0);
        let found = self.behind().and_then(|index| self.model.range(low..=index).last().copied());
        self.arrive(found.map(|item| ((item.0, item.1), Some(item.2))), At::Before);
        found
    }

    fn next_slot(&mut self) -> Option<Slot> {
        self.arrive(self.slot_ahead(), At::After)
    }

    fn prev_slot(&mut self) -> Option<Slot> {
        self.arrive(self.slot_behind(), At::Before)
    }

    fn place(&self) -> Place {
        match self.at {
            At::Unstarted => Place::Unstarted,
            At::Before => Place::Before,
            At::On(_, Some(_)) => Place::Entry,
            At::On(_, None) => Place::Gap,
            At::After => Place::After,
            At::Paused(_) => Place::Paused,
        }
    }

    fn range(&self) -> Option<Span> {
        match self.at {
            At::On(span, _) | At::Paused(span) => Some(span),
            _ => None,
        }
    }

    fn value(&self) -> Option<u64> {
        match self.at {
            At::On(_, value) => value,
            _ => None,
        }
    }

    fn limits(&self) -> Option<Span> {
        self.limits
    }

    fn set_limits(&mut self, range: Bounds) {
        self.limits = span(range);
    }
}

impl Change for ModelCursor {
    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refused> {
        let stored = span(range).ok_or(Refused::BadRange)?;
        self.model.store(range, value).expect("a good range");
        self.at = At::On(stored, Some(value));
        Ok(())
    }

    fn replace(&mut self, value: u64) -> Result<Item, Refused> {
        let At::On(on, Some(_)) = self.at else { return Err(Refused::NoEntry) };
        self.at = At::On(on, Some(value));
        Ok(self.model.replace(on.0, value).expect("an entry"))
    }

    fn erase(&mut self) -> Option<Item> {
        let At::On(on, Some(_)) = self.at else { return None };
        let old = self.model.erase(on.0);
        // Limits cut the gap unless the entry was wholly outside of them.
        let (low, high) = self.limits.filter(|limits| limits.0 <= on.1 && on.0 <= limits.1).unwrap_or((0, u64::MAX));
        let gap = self.slot(on.0.max(low), low, high);
        self.arrive(Some(gap), At::After);
        old
    }

    fn insert_before(&mut self, range: Bounds, value: u64) -> Result<(), Refused> {
        let gap = self.gap(self.slot_behind());
        self.insert(range, value, gap, true)
    }

    fn insert_after(&mut self, range: Bounds, value: u64) -> Result<(), Refused> {
        let gap = self.gap(self.slot_ahead());
        self.insert(range, value, gap, false)
    }
}
