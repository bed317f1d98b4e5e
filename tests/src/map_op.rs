//! Calls of the exclusive face, and what the model makes of them. On the shared face they are its own, where it has them, else they go
//! through `get_mut`.

use crate::entry::{Flavour, Value};
use crate::face::item;
use crate::model::{Bounds, Inclusive, Item, Model, Refusal, Span, span};
use crate::op::{code, number};
use core::ops::{Bound, RangeInclusive};
use maple_tree::{
    AppendError, At, Covered, Entry, InsertErrorKind, MapleTree, Piece, RangeMap, RangeSet, Ranges, RemoveError, Shared,
    Shortage, StoreError, StoreErrorKind,
};

/// One call on an exclusive map.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the arguments of the calls")]
pub enum MapOp {
    /// `retain` what is not `rest` modulo `modulus`
    Retain { modulus: u64, rest: u64 },
    /// `drain`, of which `taken` entries are taken from the ends that `turns` says; then it is dropped or forgotten
    Drain { range: Bounds, taken: usize, turns: u64, forget: bool },
    /// `remove_with`
    RemoveWith { range: Bounds, sparing: bool },
    /// `store_with`
    StoreWith { range: Bounds, value: u64 },
    /// `store_coalescing_by` equality
    StoreCoalescing { range: Bounds, value: u64 },
    /// `split`
    Split { at: u64 },
    /// `split_off`; then the tail is appended again, or stays in the place of the rest
    SplitOff { at: u64, join: bool },
    /// `append` a map of these
    Append { entries: Vec<(Bounds, u64)> },
    /// `at`, then `replace`, `update` or `remove` what is there, or `insert` or `fill` what is not
    At { index: u64, value: u64 },
    /// `range_mut`, from the ends that `turns` says: one more for each
    Update { range: Bounds, turns: u64 },
    /// `into_iter`, of which all but `left` entries are taken from the ends that `turns` says and collected again
    IntoIter { left: usize, turns: u64 },
    /// `reserve_for`, on the shared face in a session, and the store
    Reserved { range: Bounds, value: u64 },
    /// A `RangeSet` of every second of `others`, without those between, and the four set operations on it and what is `covered` inside `range`
    Combine { range: Bounds, others: Vec<Bounds> },
}

fn read<V: Value>(piece: &Piece<'_, V>) -> (Span, Span, u64) {
    let spans = (piece.range().into_inner(), piece.entry_range().into_inner());
    assert_eq!(piece.is_whole(), spans.0 == spans.1, "{piece:?}");
    (spans.0, spans.1, V::read(piece.get()))
}

/// Keeps the pieces in a list, some by taking the entry, some by looking.
fn record<V: Value>(pieces: &mut Vec<(Span, Span, u64)>) -> impl FnMut(Piece<'_, V>) {
    |piece| {
        let seen = read(&piece);
        if seen.2 % 2 == 0 {
            match piece.into_entry() {
                Ok(entry) => assert_eq!(entry.value(), seen.2),
                Err(piece) => assert!(!piece.is_whole()),
            }
        } else if seen.2 % 3 == 0 {
            assert_eq!(piece.into_entry_or_clone().expect("memory for a clone").value(), seen.2);
        }
        pieces.push(seen);
    }
}

/// The pieces of `model` inside `bounds`.
fn pieces(model: &Model, bounds: Bounds) -> Vec<(Span, Span, u64)> {
    let Some((first, last)) = span(bounds) else { return Vec::new() };
    let inside = model.range(bounds).into_iter();
    inside.map(|(a, b, value)| ((a.max(first), b.min(last)), (a, b), value)).collect()
}

/// Takes `count` items off `scan`, from the ends that `turns` says.
fn take<T>(scan: &mut impl DoubleEndedIterator<Item = T>, count: usize, turns: u64) -> Vec<T> {
    let step = |call: usize| if turns >> (call % 64) & 1 == 0 { scan.next() } else { scan.next_back() };
    (0..count).map_while(step).collect()
}

fn owned<V: Value>((range, entry): (core::ops::RangeInclusive<u64>, V)) -> Item {
    (*range.start(), *range.end(), entry.value())
}

impl MapOp {
    /// Runs on both, and compares what comes back.
    pub fn run<V: Value>(&self, map: &mut RangeMap<V>, model: &mut Model) {
        match *self {
            Self::Retain { modulus, rest } => {
                let mut asked = Vec::new();
                map.retain(|range, entry| {
                    asked.push(item::<V>((range, entry)));
                    V::read(entry) % modulus != rest
                });
                self.retained(&asked, model);
            }
            Self::Drain { range, taken, turns, forget } => {
                let inside = |item: &Item| span(range).is_some_and(|(first, last)| first <= item.0 && item.1 <= last);
                let whole: Vec<Item> = model.items().iter().copied().filter(inside).collect();
                let mut drain = map.drain(range);
                let seen: Vec<Item> = take(&mut drain, taken, turns).into_iter().map(owned).collect();
                assert_eq!(seen, take(&mut whole.iter().copied(), taken, turns), "{self:?}");
                if forget {
                    core::mem::forget(drain);
                    *model = keep(model, |item| !seen.contains(item));
                } else {
                    drop(drain);
                    *model = keep(model, |item| !inside(item));
                }
            }
            Self::RemoveWith { range, sparing } => {
                let mut seen = Vec::new();
                let shortage = if sparing { Shortage::Refuse } else { Shortage::Allocate };
                let mut done = map.remove_with(range, shortage, record(&mut seen));
                if let Err(RemoveError::WouldCut(cut)) = &done {
                    assert!(sparing && seen.is_empty() && cut.range.contains(&cut.at), "{self:?}: {cut:?}");
                    done = map.remove_with(range, Shortage::Allocate, record(&mut seen));
                }
                assert_eq!(seen, pieces(model, range), "{self:?}");
                assert_eq!(done.is_ok(), model.remove(range).is_ok(), "{self:?}: {done:?}");
            }
            Self::StoreWith { range, value } => {
                let mut seen = Vec::new();
                let done = map.store_with(range, V::make(value), record(&mut seen));
                assert_eq!(seen, pieces(model, range), "{self:?}");
                assert_eq!(done.is_ok(), model.store(range, value).is_ok(), "{self:?}: {done:?}");
            }
            Self::StoreCoalescing { range, value } => {
                let done = map.store_coalescing_by(range, V::make(value), |one, other| V::read(one) == V::read(other));
                self.coalesced(done, range, value, model);
            }
            Self::Split { at } => {
                let cut = model.covering(at).filter(|item| item.0 < at);
                assert_eq!(map.split(at), Ok(cut.is_some()), "{self:?}");
                if let Some((_, last, value)) = cut {
                    assert_eq!(model.store((Bound::Included(at), Bound::Included(last)), value), Ok(()));
                }
            }
            Self::SplitOff { at, join } => {
                let mut tail = map.split_off(at).expect("memory for a path");
                if let Err(invalid) = tail.validate() {
                    panic!("{self:?}: {invalid:?}\n{}", tail.dump());
                }
                let mut rest = model.clone();
                let got: Vec<Item> = tail.iter().map(item::<V>).collect();
                if let Some((first, last, value)) = model.covering(at).filter(|item| item.0 < at) {
                    assert_eq!(rest.store((Bound::Included(at), Bound::Included(last)), value), Ok(()));
                    assert_eq!(first, rest.covering(first).expect("what is left of the cut").0);
                }
                assert_eq!(got, rest.prune(at), "{self:?}");
                let kept: Vec<Item> = map.iter().map(item::<V>).collect();
                assert_eq!(kept, rest.items(), "{self:?}");
                if let Err(invalid) = map.validate() {
                    panic!("{self:?}: {invalid:?}\n{}", map.dump());
                }
                if join {
                    assert_eq!(map.append(&mut tail), Ok(()), "{self:?}");
                    assert!(tail.is_empty());
                } else {
                    *map = tail;
                    rest = Model::new();
                }
                for (first, last, value) in got {
                    assert_eq!(rest.insert((Bound::Included(first), Bound::Included(last)), value), Ok(()));
                }
                *model = rest;
            }
            Self::Append { ref entries } => {
                let mut others = Model::new();
                let _ = others.extend(entries);
                let mut other = RangeMap::new();
                for &(first, last, value) in others.items() {
                    assert!(other.insert(first..=last, V::make(value)).is_ok(), "set-up");
                }
                let first_overlap = others.items().iter().find_map(|&(first, last, _)| {
                    let here = *model.range(first..=last).first()?;
                    Some(AppendError::Overlap { other: first..=last, occupied: (here.0, here.1).inclusive() })
                });
                let done = map.append(&mut other);
                assert_eq!(done.as_ref().err(), first_overlap.as_ref(), "{self:?}");
                let left: Vec<Item> = other.iter().map(item::<V>).collect();
                assert!(other.validate().is_ok(), "{}", other.dump());
                if done.is_ok() {
                    assert_eq!(left, [], "{self:?}");
                    for &(first, last, value) in others.items() {
                        assert_eq!(model.insert((Bound::Included(first), Bound::Included(last)), value), Ok(()));
                    }
                } else {
                    assert_eq!(left, others.items(), "a refused append changes nothing");
                }
            }
            Self::At { index, value } => self.run_at(map, model, index, value),
            Self::Update { range, turns } => {
                let want = model.range(range);
                let mut scan = map.range_mut(range);
                // All at once, to see that the guards are for different entries.
                let guards = take(&mut scan, want.len() + 1, turns);
                assert_eq!(guards.len(), want.len(), "{self:?}");
                for ((span, mut value), want) in guards.into_iter().zip(take(&mut want.iter(), want.len(), turns)) {
                    assert_eq!((span.clone().into_inner(), value.range()), ((want.0, want.1), span), "{self:?}");
                    let old = value.update(|old| V::make((V::read(old) + 1) % (1 << 32)));
                    assert_eq!(old.value(), want.2, "{self:?}");
                    assert_eq!(V::read(value.get()), (want.2 + 1) % (1 << 32), "{self:?}");
                }
                for (first, _, value) in want {
                    assert!(model.replace(first, (value + 1) % (1 << 32)).is_ok());
                }
            }
            Self::Reserved { range, value } => {
                let done = map.reserve_for(range).map(|token| (token.range(), token.store(V::make(value))).0);
                self.reserved(done, range, value, model);
            }
            Self::Combine { range, ref others } => combine(map.covered(range), range, others, model),
            Self::IntoIter { left, turns } => {
                let count = model.len().saturating_sub(left);
                let mut scan = core::mem::take(map).into_iter();
                let taken = take(&mut scan, count, turns);
                drop(scan);
                let mut want = take(&mut model.items().iter().copied(), count, turns);
                let seen = taken.iter().map(|(range, entry)| (*range.start(), *range.end(), entry.value()));
                assert_eq!(seen.collect::<Vec<_>>(), want, "{self:?}");
                *map = taken.into_iter().collect();
                want.sort_unstable();
                *model = Model::new();
                for (first, last, value) in want {
                    assert_eq!(model.insert((Bound::Included(first), Bound::Included(last)), value), Ok(()));
                }
            }
        }
    }

    /// Whether shared trees have such a call, too.
    pub(crate) fn is_of_both_faces(&self) -> bool {
        self.fits_session() || matches!(self, Self::StoreWith { .. } | Self::Combine { .. })
    }

    /// Whether the writer's sessions have such a call, too.
    pub(crate) fn fits_session(&self) -> bool {
        matches!(self, Self::Retain { .. } | Self::StoreCoalescing { .. } | Self::Reserved { .. })
    }

    /// Runs on both, if shared trees have such a call, and compares what comes back.
    pub(crate) fn run_beside<V: Value + Shared<R>, R: Flavour>(&self, tree: &MapleTree<V, R>, model: &mut Model) -> bool {
        match *self {
            Self::Retain { modulus, rest } => {
                let mut asked = Vec::new();
                tree.retain(|range, entry| {
                    asked.push(item::<V>((range, entry)));
                    V::read(entry) % modulus != rest
                });
                self.retained(&asked, model);
            }
            Self::StoreWith { range, value } => {
                let mut seen = Vec::new();
                let done = tree.store_with(range, V::make(value), |piece, old| seen.push(item::<V>((piece, old))));
                let wanted = pieces(model, range).into_iter().map(|((first, last), _, value)| (first, last, value));
                assert_eq!(seen, wanted.collect::<Vec<_>>(), "{self:?}");
                assert_eq!(done.is_ok(), model.store(range, value).is_ok(), "{self:?}: {done:?}");
            }
            Self::StoreCoalescing { range, value } => {
                let done = tree.store_coalescing_by(range, V::make(value), |one, other| V::read(one) == V::read(other));
                self.coalesced(done, range, value, model);
            }
            Self::Reserved { range, value } => {
                let mut writer = tree.lock();
                let done = writer.reserve_for(range).map(|token| (token.range(), token.store(V::make(value))).0);
                self.reserved(done, range, value, model);
            }
            Self::Combine { range, ref others } => {
                let guard = tree.pin();
                combine(tree.covered(range, &guard), range, others, model);
            }
            _ => return false,
        }
        true
    }

    /// What came of a `retain` that asked about `asked`.
    pub(crate) fn retained(&self, asked: &[Item], model: &mut Model) {
        let Self::Retain { modulus, rest } = *self else { unreachable!("of another call") };
        assert_eq!(asked, model.items(), "each is asked about once, in order");
        *model = keep(model, |item| item.2 % modulus != rest);
    }

    /// What came of a `reserve_for`: the range of the reservation, after its store.
    pub(crate) fn reserved(
        &self,
        done: Result<RangeInclusive<u64>, StoreErrorKind>,
        range: Bounds,
        value: u64,
        model: &mut Model,
    ) {
        let done = done.map(RangeInclusive::into_inner).map_err(|kind| match kind {
            StoreErrorKind::BadRange(bad) => Refusal::BadRange((bad.start, bad.end)),
            StoreErrorKind::OutOfMemory => Refusal::OutOfMemory,
        });
        assert_eq!(done.map(Some), model.store(range, value).map(|()| span(range)), "{self:?}");
    }

    /// What came of a `store_coalescing`.
    pub(crate) fn coalesced<V: Value>(&self, done: Result<(), StoreError<V>>, range: Bounds, value: u64, model: &mut Model) {
        let Some((first, last)) = span(range) else {
            let error = done.expect_err("the range holds no index");
            assert_eq!(error.value.value(), value);
            return assert!(matches!(error.kind, StoreErrorKind::BadRange(_)));
        };
        assert!(done.is_ok(), "{self:?}: {done:?}");
        let equal = |index: Option<u64>| model.covering(index?).filter(|item| item.2 == value);
        let left = equal(first.checked_sub(1)).map_or(first, |item| item.0);
        let right = equal(last.checked_add(1)).map_or(last, |item| item.1);
        assert_eq!(model.store((Bound::Included(left), Bound::Included(right)), value), Ok(()));
    }

    fn run_at<V: Value>(&self, map: &mut RangeMap<V>, model: &mut Model, index: u64, value: u64) {
        let (span, old) = model.get_range(index);
        match (map.at(index), old) {
            (At::Occupied(occupied), Some(old)) => {
                assert_eq!((occupied.range(), V::read(occupied.get())), (span.inclusive(), old), "{self:?}");
                match value % 3 {
                    0 => {
                        assert_eq!(owned(occupied.remove()), (span.0, span.1, old));
                        assert_eq!(model.erase(index), Some((span.0, span.1, old)));
                    }
                    1 => {
                        assert_eq!(occupied.replace(V::make(value)).value(), old);
                        assert!(model.replace(index, value).is_ok());
                    }
                    _ => {
                        let mut guard = occupied.into_mut();
                        assert_eq!(guard.update(|_| V::make(value)).value(), old);
                        assert!(model.replace(index, value).is_ok());
                    }
                }
            }
            (At::Vacant(vacant), None) => {
                assert_eq!((vacant.gap(), vacant.index()), (span.inclusive(), index), "{self:?}");
                // The gap, or from the index to one past its end.
                let range = if value % 2 == 0 { span } else { (index, span.1.saturating_add(1)) };
                let bounds = (Bound::Included(range.0), Bound::Included(range.1));
                let done = match value % 2 {
                    0 => vacant.fill(V::make(value)),
                    _ => vacant.insert(bounds, V::make(value)),
                };
                let wanted = model.insert(bounds, value);
                match done {
                    Ok(guard) => {
                        assert_eq!((guard.range(), V::read(guard.get())), (range.inclusive(), value), "{self:?}");
                        assert_eq!(wanted, Ok(()), "{self:?}");
                    }
                    Err(error) => {
                        let InsertErrorKind::Occupied(there) = error.kind else { panic!("{self:?}: {error:?}") };
                        assert_eq!(
                            (error.value.value(), wanted),
                            (value, Err(Refusal::Occupied(there.into_inner()))),
                            "{self:?}"
                        );
                    }
                }
            }
            (at, old) => panic!("{self:?}: {at:?} where the model has {old:?}"),
        }
    }

    /// The call as Rust code; `tree` is an exclusive map or derefs to one, or is a shared tree.
    pub(crate) fn code<V: Value>(&self, tree: &str, shared: bool) -> String {
        let (entry, kind) = (V::code, V::TYPE);
        let turn =
            |turns: u64| format!("if {turns:#x}_u64 >> (call % 64) & 1 == 0 {{ scan.next() }} else {{ scan.next_back() }}");
        match *self {
            Self::Retain { modulus, rest } => {
                format!("{tree}.retain(|_, entry| <{kind} as Value>::read(entry) % {modulus} != {rest});")
            }
            Self::Drain { range, taken, turns, forget } => {
                let (range, turn) = (code(range), turn(turns));
                let end = if forget { "std::mem::forget(scan);" } else { "drop(scan);" };
                format!(
                    "let mut scan = {tree}.drain({range});\n    (0..{taken}_usize).map_while(|call| {turn}).for_each(drop);\n    {end}"
                )
            }
            Self::RemoveWith { range, sparing } => {
                let shortage = if sparing { "Refuse" } else { "Allocate" };
                format!("let _ = {tree}.remove_with({}, Shortage::{shortage}, |piece| drop(piece));", code(range))
            }
            Self::StoreWith { range, value } => {
                let each = if shared { "|_, _| ()" } else { "|piece| drop(piece)" };
                format!("let _ = {tree}.store_with({}, {}, {each});", code(range), entry(value))
            }
            Self::StoreCoalescing { range, value } => {
                let read = format!("<{kind} as Value>::read");
                format!("let _ = {tree}.store_coalescing_by({}, {}, |a, b| {read}(a) == {read}(b));", code(range), entry(value))
            }
            Self::Split { at } => format!("{tree}.split({}).unwrap();", number(at)),
            Self::SplitOff { at, join: true } => {
                format!("let mut tail = {tree}.split_off({}).unwrap();\n    {tree}.append(&mut tail).unwrap();", number(at))
            }
            Self::SplitOff { at, join: false } => {
                format!("let tail = {tree}.split_off({}).unwrap();\n    drop(std::mem::replace(&mut *{tree}, tail));", number(at))
            }
            Self::Append { ref entries } => {
                let entries = entries
                    .iter()
                    .map(|&((start, end), value)| format!("((Bound::{start:?}, Bound::{end:?}), {})", entry(value)));
                let entries = entries.collect::<Vec<_>>().join(", ");
                format!(
                    "let mut other = RangeMap::<{kind}>::new();\n    let _ = other.try_extend([{entries}] as [((Bound<u64>, Bound<u64>), \
                     {kind}); _]);\n    let _ = {tree}.append(&mut other);"
                )
            }
            Self::At { index, value } => {
                let (index, entry) = (number(index), entry(value));
                let there = match value % 3 {
                    0 => "drop(there.remove())".to_owned(),
                    1 => format!("drop(there.replace({entry}))"),
                    _ => format!("drop(there.into_mut().update(|_| {entry}))"),
                };
                let gap = match value % 2 {
                    0 => format!("drop(gap.fill({entry}))"),
                    _ => {
                        format!("{{ let range = {index}..=gap.gap().end().saturating_add(1); drop(gap.insert(range, {entry})) }}")
                    }
                };
                format!(
                    "match {tree}.at({index}) {{\n        At::Occupied(there) => {there},\n        At::Vacant(gap) => {gap},\n    }}"
                )
            }
            Self::Update { range, turns } => {
                let (range, turn, number) = (code(range), turn(turns), format!("<{kind} as Value>"));
                format!(
                    "let mut scan = {tree}.range_mut({range});\n    (0..).map_while(|call: usize| {turn}).for_each(|(_, mut value)| \
                     drop(value.update(|old| {number}::make(({number}::read(old) + 1) % (1 << 32)))));"
                )
            }
            Self::Reserved { range, value } => {
                let lock = if shared && tree != "writer" { ".lock()" } else { "" };
                format!("let _ = {tree}{lock}.reserve_for({}).map(|token| token.store({}));", code(range), entry(value))
            }
            Self::Combine { range, ref others } => {
                let others = others.iter().map(|(start, end)| format!("(Bound::{start:?}, Bound::{end:?})"));
                let (others, guard) = (others.collect::<Vec<_>>().join(", "), if shared { ", &tree.pin()" } else { "" });
                let calls = ["union", "intersection", "difference", "symmetric_difference"];
                let calls = calls.map(|call| {
                    format!("    println!(\"{{:?}}\", {tree}.covered({}{guard}).{call}(&set).collect::<Vec<_>>());", code(range))
                });
                format!(
                    "let mut set = RangeSet::new();\n    \
                     for (n, range) in ([{others}] as [(Bound<u64>, Bound<u64>); _]).into_iter().enumerate() {{\n        \
                         let _ = if n % 2 == 0 {{ set.insert(range).map(drop).is_ok() }} else {{ set.remove(range).is_ok() }};\n    \
                     }}\n{}",
                    calls.join("\n").replace("(&set)", "(set.iter())")
                )
            }
            Self::IntoIter { left, turns } => {
                let turn = turn(turns);
                format!(
                    "let count = {tree}.iter().count().saturating_sub({left});\n    let mut scan = std::mem::take(&mut *{tree}).into_iter();\n    \
                     let taken: Vec<_> = (0..count).map_while(|call| {turn}).collect();\n    drop(scan);\n    \
                     *{tree} = taken.into_iter().collect();"
                )
            }
        }
    }

    /// The indices where something may have changed.
    pub fn touched(&self) -> Option<Span> {
        match *self {
            Self::Drain { range, .. } | Self::RemoveWith { range, .. } | Self::Update { range, .. } => span(range),
            Self::Reserved { range, .. } => span(range),
            Self::Combine { .. } => None,
            Self::StoreWith { range, .. } | Self::StoreCoalescing { range, .. } => span(range),
            Self::Split { at: index } | Self::At { index, .. } | Self::SplitOff { at: index, join: true } => Some((index, index)),
            Self::Append { ref entries } => {
                let spans = || entries.iter().filter_map(|&(range, _)| span(range));
                spans().map(|(first, _)| first).min().zip(spans().map(|(_, last)| last).max())
            }
            Self::Retain { .. } | Self::SplitOff { .. } | Self::IntoIter { .. } => Some((0, u64::MAX)),
        }
    }
}

/// Which indices two sets of ranges hold by `rule`, as ranges that do not touch. Only where a range begins or ends can it change.
fn by_rule(one: &[Span], other: &[Span], rule: fn(bool, bool) -> bool) -> Vec<Span> {
    let holds = |spans: &[Span], index: u64| spans.iter().any(|span| span.0 <= index && index <= span.1);
    let spans = || one.iter().chain(other);
    let mut begins: Vec<u64> = spans().flat_map(|span| [Some(span.0), span.1.checked_add(1)]).flatten().collect();
    begins.push(0);
    begins.sort_unstable();
    begins.dedup();
    let ends = begins.iter().skip(1).map(|begin| begin - 1).chain([u64::MAX]);
    let mut joined = Vec::<Span>::new();
    for (begin, end) in begins.iter().copied().zip(ends).filter(|&(begin, _)| rule(holds(one, begin), holds(other, begin))) {
        match joined.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(begin) => last.1 = end,
            _ => joined.push((begin, end)),
        }
    }
    joined
}

/// Compares a set of `others`, what is covered inside `range`, and what comes of both.
fn combine<V: Entry>(covered: Covered<'_, V>, range: Bounds, others: &[Bounds], model: &Model) {
    let (mut set, mut spans) = (RangeSet::new(), Vec::<Span>::new());
    for (n, &other) in others.iter().enumerate() {
        let insert = n % 2 == 0;
        let more = span(other).into_iter().collect::<Vec<_>>();
        let now = by_rule(&spans, &more, if insert { |a, b| a || b } else { |a, b| a && !b });
        if insert {
            assert_eq!(set.insert(other).ok(), span(other).map(|_| now != spans), "insert({other:?})");
        } else {
            assert_eq!(set.remove(other).is_ok(), span(other).is_some(), "remove({other:?})");
        }
        spans = now;
    }
    let inner = |ranges: Vec<RangeInclusive<u64>>| ranges.into_iter().map(RangeInclusive::into_inner).collect::<Vec<Span>>();
    assert_eq!(inner(set.iter().collect()), spans, "the set");
    let pieces: Vec<Span> = pieces(model, range).into_iter().map(|(piece, ..)| piece).collect();
    let inside = by_rule(&pieces, &[], |piece, _| piece);
    assert_eq!(inner(covered.clone().collect()), inside, "covered({range:?})");
    let mut back = inner(covered.clone().rev().collect());
    back.reverse();
    assert_eq!(back, inside, "covered({range:?}) from the back");
    assert_eq!(inner(covered.clone().union(set.iter()).collect()), by_rule(&inside, &spans, |a, b| a || b), "union");
    let both = inner(covered.clone().intersection(set.iter()).collect());
    assert_eq!(both, by_rule(&inside, &spans, |a, b| a && b), "intersection");
    let rest = inner(covered.clone().difference(set.iter()).collect());
    assert_eq!(rest, by_rule(&inside, &spans, |a, b| a && !b), "difference");
    let either = inner(covered.symmetric_difference(set.iter()).collect());
    assert_eq!(either, by_rule(&inside, &spans, |a, b| a != b), "symmetric difference");
}

/// The model without what is not kept.
fn keep(model: &Model, keep: impl Fn(&Item) -> bool) -> Model {
    let mut kept = Model::new();
    for &(first, last, value) in model.items().iter().filter(|item| keep(item)) {
        assert_eq!(kept.insert((Bound::Included(first), Bound::Included(last)), value), Ok(()));
    }
    kept
}
