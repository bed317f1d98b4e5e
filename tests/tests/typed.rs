//! Maps with indices of other types: against the model, and against the same map with `u64`.

use maple_tests::shapes::Rng;
use maple_tests::{Bounds, Item, Model, Span};
use maple_tree::{
    AllocRangeErrorKind, BadRange, Cyclic, FindError, Index, InsertErrorKind, MapleTree, RangeMap, RemoveError, ReplaceErrorKind,
    StoreErrorKind, Typed, TypedMap, TypedTree,
};
use std::collections::HashSet;
use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::ops::{Bound, RangeInclusive};

/// Whatever is asked of a map in these tests, in numbers.
#[derive(Clone, Copy, Debug)]
enum Op {
    Store(Bounds, u32),
    Insert(Bounds, u32),
    Replace(u64, u32),
    Erase(u64),
    Remove(Bounds),
    RemoveWhole(Bounds),
    Prune(u64),
    Retain(u32),
    Clear,
    Find { size: u64, within: Bounds, align: u64 },
    FindBack { size: u64, within: Bounds, align: u64 },
    Alloc { size: u64, within: Bounds, align: u64, value: u32 },
    AllocBack { size: u64, within: Bounds, align: u64, value: u32 },
    AllocCyclic(Bounds, u32),
    Largest(Bounds),
}

/// What comes back, in numbers.
#[derive(PartialEq, Debug)]
enum Answer {
    Done,
    Stored(Result<(), StoreErrorKind>),
    Inserted(Result<(), InsertErrorKind>),
    Replaced(Result<u32, ReplaceErrorKind>),
    Erased(Option<(Span, u32)>),
    Removed(Result<(), RemoveError>),
    Found(Result<u64, FindError>),
    Given(Result<u64, AllocRangeErrorKind>),
    Asked(Vec<(Span, u32)>),
    Gap(Option<Span>),
}

fn bounds<I: Index>((start, end): Bounds) -> (Bound<I>, Bound<I>) {
    (start.map(I::from_u64), end.map(I::from_u64))
}

fn numbers<I: Index>(range: RangeInclusive<I>) -> Span {
    let (first, last) = range.into_inner();
    (first.to_u64(), last.to_u64())
}

/// As typed maps take them: a range without an end ends at the last index.
fn ended<I: Index>((start, end): Bounds) -> Bounds {
    (start, if end == Bound::Unbounded { Bound::Included(I::LAST) } else { end })
}

/// Runs an operation on any face; `$old` says what a replacement gave, `$gone` what an erasure did.
macro_rules! run {
    ($I:ty, $face:expr, $cyclic:expr, $op:expr, $old:expr, $gone:expr) => {
        match $op {
            Op::Store(range, value) => Answer::Stored($face.store(bounds::<$I>(range), value).map_err(|error| {
                assert_eq!(error.value, value);
                error.kind
            })),
            Op::Insert(range, value) => Answer::Inserted($face.insert(bounds::<$I>(range), value).map_err(|error| error.kind)),
            Op::Replace(at, value) => {
                Answer::Replaced($face.replace(<$I>::from_u64(at), value).map($old).map_err(|error| error.kind))
            }
            Op::Erase(at) => Answer::Erased($face.erase(<$I>::from_u64(at)).map($gone)),
            Op::Remove(range) => Answer::Removed($face.remove(bounds::<$I>(range))),
            Op::RemoveWhole(range) => {
                $face.remove_whole(bounds::<$I>(range));
                Answer::Done
            }
            Op::Prune(from) => {
                let _ = $face.prune(<$I>::from_u64(from));
                Answer::Done
            }
            Op::Retain(modulus) => {
                let mut asked = Vec::new();
                $face.retain(|range, value| {
                    asked.push((numbers::<$I>(range), value));
                    value % modulus != 0
                });
                Answer::Asked(asked)
            }
            Op::Clear => {
                $face.clear();
                Answer::Done
            }
            Op::Find { size, within, align } => {
                Answer::Found($face.find_free(size, bounds::<$I>(within), align).map(<$I>::to_u64))
            }
            Op::FindBack { size, within, align } => {
                Answer::Found($face.find_free_back(size, bounds::<$I>(within), align).map(<$I>::to_u64))
            }
            Op::Alloc { size, within, align, value } => Answer::Given(
                $face.alloc_range(size, bounds::<$I>(within), align, value).map(<$I>::to_u64).map_err(|error| error.kind),
            ),
            Op::AllocBack { size, within, align, value } => Answer::Given(
                $face.alloc_range_rev(size, bounds::<$I>(within), align, value).map(<$I>::to_u64).map_err(|error| error.kind),
            ),
            Op::AllocCyclic(within, value) => Answer::Given(
                $face.alloc_cyclic(bounds::<$I>(within), $cyclic, value).map(<$I>::to_u64).map_err(|error| error.kind),
            ),
            Op::Largest(within) => Answer::Gap($face.largest_gap(bounds::<$I>(within)).map(numbers::<$I>)),
        }
    };
}

/// Compares all look-ups of a face with the model; `$guard` for one that wants it.
macro_rules! agree {
    ($I:ty, $face:expr, $model:expr, $probes:expr, $within:expr $(, $guard:expr)?) => {{
        let (face, model, within): (_, &Model, Bounds) = (&$face, $model, $within);
        let item = |(range, value): (RangeInclusive<$I>, u32)| -> Item {
            let (first, last) = numbers(range);
            (first, last, value.into())
        };
        assert_eq!(face.iter($($guard)?).map(item).collect::<Vec<_>>(), model.items());
        assert!(face.iter($($guard)?).rev().map(item).eq(model.items().iter().rev().copied()));
        assert_eq!(face.iter($($guard)?).fold(0, |count, _| count + 1), model.len());
        assert_eq!(face.first($($guard)?).map(item), model.first());
        assert_eq!(face.last($($guard)?).map(item), model.last());
        assert_eq!(face.is_empty($($guard)?), model.is_empty());
        let found: Vec<Item> = face.range(bounds::<$I>(within) $(, $guard)?).map(item).collect();
        assert_eq!(found, model.range(ended::<$I>(within)));
        let gaps = model.gaps(ended::<$I>(within));
        assert_eq!(face.gaps(bounds::<$I>(within) $(, $guard)?).map(numbers::<$I>).collect::<Vec<_>>(), gaps);
        assert!(face.gaps(bounds::<$I>(within) $(, $guard)?).rev().map(numbers::<$I>).eq(gaps.into_iter().rev()));
        for &at in $probes {
            let index = <$I>::from_u64(at);
            let ((first, last), value) = model.get_range(at);
            let value = value.map(|value| value as u32);
            let (range, entry) = face.get_range(index $(, $guard)?);
            assert_eq!((numbers(range), entry), ((first, last.min(<$I>::LAST)), value), "at {at}");
            assert_eq!(face.get(index $(, $guard)?), value);
            assert_eq!(face.get_many([index; 2] $(, $guard)?), [value; 2]);
            assert_eq!(face.contains(index $(, $guard)?), value.is_some());
        }
    }};
}

/// What the model says to an operation that the `u64` face answered so.
fn follow<I: Index>(model: &mut Model, op: Op, answer: &Answer) {
    match (op, answer) {
        (Op::Store(range, value), Answer::Stored(stored)) => {
            assert_eq!(model.store(ended::<I>(range), value.into()).is_ok(), stored.is_ok());
        }
        (Op::Insert(range, value), Answer::Inserted(inserted)) => {
            assert_eq!(model.insert(ended::<I>(range), value.into()).is_ok(), inserted.is_ok());
        }
        (Op::Replace(at, value), Answer::Replaced(replaced)) => {
            let old = model.replace(at, value.into()).ok().map(|item| item.2);
            assert_eq!(old, replaced.as_ref().ok().map(|old| u64::from(*old)));
        }
        (Op::Erase(at), Answer::Erased(erased)) => {
            assert_eq!(model.erase(at), erased.map(|((first, last), value)| (first, last, value.into())));
        }
        (Op::Remove(range), Answer::Removed(removed)) => {
            assert_eq!(model.remove(ended::<I>(range)).is_ok(), removed.is_ok());
        }
        (Op::RemoveWhole(range), Answer::Done) => model.remove_whole(ended::<I>(range)),
        (Op::Prune(from), Answer::Done) => drop(model.prune(from)),
        (Op::Retain(modulus), Answer::Asked(asked)) => {
            let items = model.items().to_vec();
            assert!(items.iter().copied().eq(asked.iter().map(|((first, last), value)| (*first, *last, u64::from(*value)))));
            for (first, _, _) in items.into_iter().filter(|item| item.2 % u64::from(modulus) == 0) {
                model.erase(first);
            }
        }
        (Op::Clear, Answer::Done) => model.clear(),
        (Op::Find { .. } | Op::FindBack { .. }, Answer::Found(_)) | (Op::Largest(_), Answer::Gap(_)) => {}
        (Op::Alloc { size, value, .. } | Op::AllocBack { size, value, .. }, Answer::Given(given)) => {
            if let Ok(first) = given {
                let taken = (Bound::Included(*first), Bound::Included(first + (size - 1)));
                assert_eq!(model.insert(taken, value.into()), Ok(()));
            }
        }
        (Op::AllocCyclic(_, value), Answer::Given(given)) => {
            if let Ok(index) = given {
                assert_eq!(model.insert((Bound::Included(*index), Bound::Included(*index)), value.into()), Ok(()));
            }
        }
        _ => panic!("{answer:?} is no answer to {op:?}"),
    }
}

/// The same with the bounds as typed maps take them.
fn with_end<I: Index>(op: Op) -> Op {
    match op {
        Op::Store(range, value) => Op::Store(ended::<I>(range), value),
        Op::Insert(range, value) => Op::Insert(ended::<I>(range), value),
        Op::Remove(range) => Op::Remove(ended::<I>(range)),
        Op::RemoveWhole(range) => Op::RemoveWhole(ended::<I>(range)),
        Op::Find { size, within, align } => Op::Find { size, within: ended::<I>(within), align },
        Op::FindBack { size, within, align } => Op::FindBack { size, within: ended::<I>(within), align },
        Op::Alloc { size, within, align, value } => Op::Alloc { size, within: ended::<I>(within), align, value },
        Op::AllocBack { size, within, align, value } => Op::AllocBack { size, within: ended::<I>(within), align, value },
        Op::AllocCyclic(within, value) => Op::AllocCyclic(ended::<I>(within), value),
        Op::Largest(within) => Op::Largest(ended::<I>(within)),
        Op::Replace(..) | Op::Erase(_) | Op::Prune(_) | Op::Retain(_) | Op::Clear => op,
    }
}

/// Indices at both ends and in the middle, so that ranges meet.
fn number<I: Index>(rng: &mut Rng) -> u64 {
    let near = rng.below(120);
    match rng.below(3) {
        0 => near.min(I::LAST),
        1 => I::LAST - near.min(I::LAST),
        _ => I::LAST / 2 + near / 2,
    }
}

/// Every kind of bound. Mostly a range that holds an index.
fn any_bounds<I: Index>(rng: &mut Rng) -> Bounds {
    let (a, b) = (number::<I>(rng), number::<I>(rng));
    let (a, b) = if rng.below(12) == 0 { (a, b) } else { (a.min(b), a.max(b)) };
    let b = if rng.below(12) == 0 { b } else { a.saturating_add(rng.below(9)).min(I::LAST) };
    let start = match rng.below(24) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(a),
        _ => Bound::Included(a),
    };
    let end = match rng.below(24) {
        0 => Bound::Unbounded,
        1..=9 => Bound::Excluded(b),
        _ => Bound::Included(b),
    };
    (start, end)
}

fn any_op<I: Index>(rng: &mut Rng) -> Op {
    let (range, value) = (any_bounds::<I>(rng), rng.below(1000) as u32);
    let (size, align) = (rng.below(12), [1, 1, 1, 4, 7, 16, 0][rng.below(7) as usize]);
    match rng.below(40) {
        0..=12 => Op::Store(range, value),
        13..=17 => Op::Insert(range, value),
        18 | 19 => Op::Replace(number::<I>(rng), value),
        20..=23 => Op::Erase(number::<I>(rng)),
        24 | 25 => Op::Remove(range),
        26 => Op::RemoveWhole(range),
        27 if rng.below(3) == 0 => Op::Prune(number::<I>(rng)),
        28 if rng.below(3) == 0 => Op::Retain(2 + rng.below(4) as u32),
        29 if rng.below(8) == 0 => Op::Clear,
        30 => Op::Find { size, within: range, align },
        31 => Op::FindBack { size, within: range, align },
        32 | 33 => Op::Alloc { size, within: range, align, value },
        34 | 35 => Op::AllocBack { size, within: range, align, value },
        36 | 37 => Op::AllocCyclic(range, value),
        38 => Op::Largest(range),
        _ => Op::Store(range, value),
    }
}

/// Long random sequences on all faces with `I`, on one with `u64`, and on the model.
fn agrees_with_u64<I: Index>(seed: u64) {
    let mut rng = Rng(seed);
    for round in 0..12 {
        let mut model = Model::new();
        let (mut map, mut tree) = (TypedMap::<I, u32>::new(), TypedTree::<I, u32>::new());
        let mut plain = RangeMap::<u32>::new();
        let mut cyclic = [const { Cyclic::new() }; 3];
        let (mut done, mut most) = (Vec::new(), 0);
        for step in 0..if cfg!(miri) { 12 } else { 250 } {
            let op = any_op::<I>(&mut rng);
            done.push(op);
            let [of_plain, of_map, of_tree] = &mut cyclic;
            let want = run!(u64, plain, of_plain, with_end::<I>(op), |old| old, |(range, value)| (numbers(range), value));
            let of_map = run!(I, map, of_map, op, |old| old, |(range, value)| (numbers(range), value));
            let of_tree = if step % 2 == 0 {
                run!(I, tree, of_tree, op, |old| old.get(), |gone| (numbers(gone.range()), gone.get()))
            } else {
                let mut session = tree.lock();
                run!(I, session, of_tree, op, |old| old.get(), |gone| (numbers(gone.range()), gone.get()))
            };
            let last = &done[done.len().saturating_sub(4)..];
            assert_eq!(of_map, want, "map, round {round}, after {last:?}");
            assert_eq!(of_tree, want, "tree, round {round}, after {last:?}");
            assert!(cyclic.iter().all(|standing| *standing == cyclic[0]), "round {round}, after {last:?}");
            follow::<I>(&mut model, op, &want);
            most = most.max(model.len());

            let (within, mut probes) = (any_bounds::<I>(&mut rng), vec![0, I::LAST / 2, I::LAST]);
            probes.extend((0..6).map(|_| number::<I>(&mut rng)));
            agree!(I, map, &model, &probes, within);
            agree!(I, tree.lock(), &model, &probes, within);
            let guard = tree.pin();
            agree!(I, tree, &model, &probes, within, &guard);
        }
        assert!(most >= 12 || cfg!(miri), "these operations leave nothing to compare: {most}");
        assert!(map.inner_mut().validate().is_ok());
        assert!(tree.inner_mut().validate().is_ok());
        assert_eq!(tree.into_map().into_inner(), plain);
        assert_eq!(map.into_inner(), plain);
    }
}

#[test]
fn small_integers() {
    agrees_with_u64::<u8>(1);
    agrees_with_u64::<u16>(2);
}

#[test]
fn page_numbers() {
    agrees_with_u64::<u32>(3);
    agrees_with_u64::<Strict>(4);
}

#[test]
fn addresses() {
    agrees_with_u64::<Ipv4Addr>(5);
}

#[test]
fn signed_integers() {
    agrees_with_u64::<i8>(6);
    agrees_with_u64::<i32>(7);
    agrees_with_u64::<i64>(8);
}

#[test]
fn characters() {
    agrees_with_u64::<char>(9);
}

#[test]
fn words() {
    agrees_with_u64::<u64>(10);
    agrees_with_u64::<usize>(11);
}

/// An index that does not put up with being made of a number behind its last.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
struct Strict(u16);

impl Index for Strict {
    const LAST: u64 = 999;

    fn to_u64(self) -> u64 {
        self.0.into()
    }

    fn from_u64(number: u64) -> Self {
        assert!(number <= Self::LAST, "{number} is no index");
        Self(number as u16)
    }
}

/// First and last index, and the range of all, on both faces.
fn edges<I: Index + PartialEq + Debug>(first: I, last: I) {
    let mut map = TypedMap::<I, u32>::new();
    let tree = TypedTree::<I, u32>::new();
    let guard = tree.pin();
    assert_eq!((map.get_range(last), tree.get_range(first, &guard)), ((first..=last, None), (first..=last, None)));
    assert_eq!(map.gaps(..).collect::<Vec<_>>(), [first..=last]);
    assert_eq!(tree.gaps(.., &guard).collect::<Vec<_>>(), [first..=last]);

    // Everything.
    map.store(.., 1).expect("memory");
    tree.store(.., 1).expect("memory");
    assert_eq!((map.first(), tree.last(&guard)), (Some((first..=last, 1)), Some((first..=last, 1))));
    assert_eq!((map.gaps(..).next(), tree.gaps(.., &guard).next()), (None, None));
    assert_eq!(map.inner().get_range(0).0, 0..=I::LAST);
    assert_eq!(tree.inner().get_range(0, &guard).0, 0..=I::LAST);
    assert_eq!(map.find_free(1, .., 1), Err(FindError::Busy));
    assert_eq!(tree.find_free_back(1, .., 1), Err(FindError::Busy));

    // One index at each end.
    for end in [first, last] {
        map.store(end..=end, 2).expect("memory");
        tree.store(end..=end, 2).expect("memory");
        assert_eq!((map.get_range(end), tree.get_range(end, &guard)), ((end..=end, Some(2)), (end..=end, Some(2))));
    }
    assert_eq!((map.iter().count(), tree.iter(&guard).count()), (3, 3));
    assert_eq!(map.range(last..).collect::<Vec<_>>(), [(last..=last, 2)]);
    assert_eq!(map.range(..=first).collect::<Vec<_>>(), [(first..=first, 2)]);
    assert_eq!(map.erase(last), Some((last..=last, 2)));
    assert_eq!(tree.erase(last).map(|gone| gone.range()), Some(last..=last));
    assert_eq!((map.find_free(1, .., 1), tree.find_free_back(1, .., 1)), (Ok(last), Ok(last)));
    assert_eq!((map.alloc_range(1, .., 1, 3).ok(), tree.alloc_range_rev(1, .., 1, 3).ok()), (Some(last), Some(last)));

    // Ranges that hold no index.
    let (past, before) = ((Bound::Excluded(last), Bound::Unbounded), (Bound::Unbounded, Bound::Excluded(first)));
    let bad = |start, end| StoreErrorKind::BadRange(BadRange { start, end });
    let refused = bad(Bound::Excluded(I::LAST), Bound::Included(I::LAST));
    assert_eq!(map.store(past, 4).map_err(|error| (error.value, error.kind)), Err((4, refused)));
    assert_eq!(tree.store(past, 4).map_err(|error| (error.value, error.kind)), Err((4, refused)));
    assert_eq!(map.store(before, 4).map_err(|error| error.kind), Err(bad(Bound::Unbounded, Bound::Excluded(0))));
    assert_eq!((map.range(past).count(), map.gaps(before).count(), tree.range(before, &guard).count()), (0, 0, 0));

    // Cyclic allocation goes on at the first index behind the last.
    let (mut cyclic, mut shared) = (Cyclic::starting_at(I::LAST), Cyclic::starting_at(I::LAST));
    let at_ends = |index| index == first || index == last;
    map.retain(|range, _| !at_ends(*range.start()));
    tree.retain(|range, _| !at_ends(*range.start()));
    for (want, wrapped) in [(last, false), (first, true)] {
        assert_eq!(map.alloc_cyclic(.., &mut cyclic, 5).ok(), Some(want));
        assert_eq!(tree.alloc_cyclic(.., &mut shared, 5).ok(), Some(want));
        assert_eq!((cyclic.wrapped(), shared.wrapped()), (wrapped, wrapped));
    }
    let _ = (map.prune(first), tree.prune(first));
    assert!(map.is_empty() && tree.is_empty(&guard));
}

#[test]
fn both_ends_of_every_type() {
    edges(u8::MIN, u8::MAX);
    edges(u16::MIN, u16::MAX);
    edges(u32::MIN, u32::MAX);
    edges(u64::MIN, u64::MAX);
    edges(usize::MIN, usize::MAX);
    edges(i8::MIN, i8::MAX);
    edges(i16::MIN, i16::MAX);
    edges(i32::MIN, i32::MAX);
    edges(i64::MIN, i64::MAX);
    edges(isize::MIN, isize::MAX);
    edges(char::MIN, char::MAX);
    edges(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    edges(Strict(0), Strict(999));
}

#[test]
fn a_range_of_characters_has_no_surrogates() {
    let mut map = TypedMap::new();
    map.store('a'..'\u{e000}', 1_u8).expect("memory");
    assert_eq!(map.first(), Some(('a'..='\u{d7ff}', 1)));
    assert_eq!(map.get_range('\u{e000}'), ('\u{e000}'..=char::MAX, None));
    let sum: usize = map.gaps(..).map(Iterator::count).sum();
    assert_eq!(sum + ('a'..='\u{d7ff}').count(), ('\0'..=char::MAX).count());
}

/// What was stored behind the last index comes out cut off, or not at all, and never makes an index of a number that is none.
#[test]
fn what_is_behind_the_last_index_is_not_seen() {
    let plain: RangeMap<u32> = [(10..=19, 1), (990..=1009, 2), (1010..=1019, 3), (2000..=u64::MAX, 4)].into_iter().collect();
    let seen = [(Strict(10)..=Strict(19), 1), (Strict(990)..=Strict(999), 2)];

    let mut map = TypedMap::<Strict, u32>::from(plain.clone());
    let tree = TypedTree::<Strict, u32>::from(map.clone());
    let guard = tree.pin();
    assert_eq!((map.iter().collect::<Vec<_>>(), tree.iter(&guard).collect::<Vec<_>>()), (seen.to_vec(), seen.to_vec()));
    assert!(map.iter().rev().eq(seen.iter().rev().cloned()));
    assert_eq!((map.last(), tree.last(&guard)), (Some(seen[1].clone()), Some(seen[1].clone())));
    assert_eq!(map.get_range(Strict(999)), (Strict(990)..=Strict(999), Some(2)));
    assert_eq!(map.range(Strict(995)..).collect::<Vec<_>>(), seen[1..]);
    assert_eq!(map.gaps(..).collect::<Vec<_>>(), [Strict(0)..=Strict(9), Strict(20)..=Strict(989)]);
    assert_eq!(map.largest_gap(..), Some(Strict(20)..=Strict(989)));
    assert_eq!(format!("{map:?}"), "{Strict(10)..=Strict(19): 1, Strict(990)..=Strict(999): 2}");
    assert_eq!((format!("{tree:?}"), format!("{:?}", tree.lock())), (format!("{map:?}"), format!("{map:?}")));

    // By value, from either end, and from both.
    assert!(map.clone().into_iter().eq(seen.iter().cloned()));
    assert!(map.clone().into_iter().rev().eq(seen.iter().rev().cloned()));
    let mut both = map.clone().into_iter();
    assert_eq!(
        (both.next_back(), both.next(), both.next(), both.next_back()),
        (Some(seen[1].clone()), Some(seen[0].clone()), None, None)
    );

    // `retain` does not ask about it, and keeps it; `remove` and `remove_whole` do not reach it.
    for keep in [true, false] {
        let (mut map, tree) = (map.clone(), TypedTree::<Strict, u32>::from(map.clone()));
        let mut asked = Vec::new();
        map.retain(|range, value| {
            asked.push((range, value));
            keep
        });
        tree.retain(|_, _| keep);
        assert_eq!(asked, seen);
        assert_eq!(map.is_empty(), !keep);
        assert_eq!(map.inner().iter().count(), if keep { 4 } else { 2 });
        assert_eq!(tree.into_map(), map);
    }
    let mut cut = map.clone();
    cut.remove_whole(..);
    assert_eq!(cut.inner().iter().map(|(_, value)| value).collect::<Vec<_>>(), [2, 3, 4]);
    cut.remove(..).expect("memory");
    assert_eq!(cut.inner().first(), Some((1000..=1009, 2)));
    assert!(cut.is_empty() && cut.last().is_none());

    // What is taken out goes with all of its range, and says what of it was seen.
    assert_eq!(map.clone().erase(Strict(995)), Some((Strict(990)..=Strict(999), 2)));
    let gone = tree.erase(Strict(995)).expect("there");
    assert_eq!((gone.range(), gone.inner().range()), (Strict(990)..=Strict(999), 990..=1009));
    assert_eq!(format!("{gone:?}"), "Removed { range: Strict(990)..=Strict(999), .. }");
    drop(guard);
    assert_eq!(gone.wait().ok(), Some(2));
    assert!(!tree.contains(Strict(995), &tree.pin()));
    assert_eq!(map.replace(Strict(999), 7).ok(), Some(2));
    assert_eq!(map.inner().get_range(1009), (990..=1009, Some(7)));

    // `prune` and `clear` take all.
    let mut pruned = map.clone();
    drop(pruned.prune(Strict(20)));
    assert_eq!(pruned.inner().iter().map(|(range, _)| range).collect::<Vec<_>>(), [10..=19]);
    map.clear();
    assert!(map.inner().is_empty());
}

/// The last entry is cut off by whatever walks over it, in a tree of several levels, too, and wherever the walk begins.
#[test]
fn the_last_entry_is_cut_off_in_large_trees() {
    for beyond in [999, 1000, 5_000, u64::MAX] {
        let entries = (0..199).map(|n| (5 * n..=5 * n + 3, n as u32)).chain([(995..=beyond, 199)]);
        let mut map = TypedMap::<Strict, u32>::from(entries.collect::<RangeMap<u32>>());
        if beyond < 5_000 {
            map.inner_mut().store(6_000.., 200).expect("memory");
        }
        assert!(map.inner().validate().expect("valid").height > 1);
        let seen: Vec<_> =
            (0..200_u16).map(|n| (Strict(5 * n)..=Strict(5 * n + if n == 199 { 4 } else { 3 }), u32::from(n))).collect();
        let tree = TypedTree::<Strict, u32>::from(map.clone());
        let guard = tree.pin();
        for from in [0, 1, 7, 98, 150, 198, 199] {
            let (start, left) = (Strict(5 * from as u16), &seen[from..]);
            assert!(map.range(start..).eq(left.iter().cloned()), "next from {from}");
            assert!(map.range(start..).rev().eq(left.iter().rev().cloned()), "back from {from}");
            let mut folded = Vec::new();
            tree.range(start.., &guard).for_each(|entry| folded.push(entry));
            assert_eq!(folded, left, "fold from {from}");
            let mut rest = tree.range(start.., &guard);
            let first = rest.next();
            let rest: Vec<_> = first.into_iter().chain(rest).collect();
            assert_eq!(rest, left, "next and fold from {from}");
        }
        assert!(map.gaps(..).eq((0..199_u16).map(|n| Strict(5 * n + 4)..=Strict(5 * n + 4))));
    }
}

/// Numbers of errors and of calls of the map inside become ranges again.
#[test]
fn ranges_in_errors_can_be_read() {
    let mut map = TypedMap::<i32, u32>::new();
    map.insert(-5..5, 1).expect("memory");
    let refused = map.insert(4..100, 2).expect_err("one index in common");
    let InsertErrorKind::Occupied(range) = refused.kind else { panic!("{refused:?}") };
    assert_eq!(i32::range_from_u64(range), Some(-5..=4));
    let refused = map.replace(7, 2).expect_err("a gap");
    let ReplaceErrorKind::Vacant(gap) = refused.kind else { panic!("{refused:?}") };
    assert_eq!(i32::range_from_u64(gap), Some(5..=i32::MAX));
    assert_eq!(map.inner().covered(..).filter_map(i32::range_from_u64).collect::<Vec<_>>(), [-5..=4]);
}

#[test]
fn collections_of_entries() {
    let entries = [(-20..-10, 'a'), (0..10, 'b'), (-15..5, 'c')];
    let map: TypedMap<i16, char> = entries.clone().into_iter().collect();
    let mut other = TypedMap::default();
    other.extend(entries);
    assert_eq!(map, other);
    assert_eq!((&map).into_iter().collect::<Vec<_>>(), [(-20..=-16, 'a'), (-15..=4, 'c'), (5..=9, 'b')]);
    assert_eq!(HashSet::from([map.dup().expect("memory")]), HashSet::from([other.clone()]));
    other.store(9..=9, 'd').expect("memory");
    assert_ne!(map, other);
    let tree = TypedTree::<i16, char>::from(map);
    assert_eq!(tree.dup().expect("memory").last(), Some((5..=9, 'b')));
    assert!(tree.try_lock().is_some_and(|_| tree.try_lock().is_none()));
}

/// A tree may be a `static`, and whatever its indices are, it goes where a tree with `u64` goes.
#[test]
fn a_tree_for_all_threads() {
    /// An index that is neither `Send` nor `Sync`.
    #[derive(Clone, Copy)]
    struct Local(u8, std::marker::PhantomData<*const ()>);

    impl Index for Local {
        const LAST: u64 = 255;

        fn to_u64(self) -> u64 {
            self.0.into()
        }

        fn from_u64(number: u64) -> Self {
            Self(number as u8, std::marker::PhantomData)
        }
    }

    static TREE: TypedTree<Local, u32> = TypedTree::new();
    let stored = std::thread::spawn(|| TREE.store(Local::from_u64(3)..=Local::from_u64(5), 1).is_ok()).join();
    assert_eq!((stored.ok(), TREE.get(Local::from_u64(5), &TREE.pin())), (Some(true), Some(1)));
}

/// The wrapper is its map in memory. (What it costs in instructions is counted in the head of `typed.rs`.)
#[test]
fn nothing_is_added_to_what_is_wrapped() {
    fn same<I, T>() {
        assert_eq!(size_of::<Typed<I, T>>(), size_of::<T>());
        assert_eq!(align_of::<Typed<I, T>>(), align_of::<T>());
        assert_eq!(size_of::<Option<Typed<I, T>>>(), size_of::<Option<T>>());
    }
    same::<u32, RangeMap<Box<u32>>>();
    same::<Ipv4Addr, MapleTree<Box<u32>>>();
    same::<u64, maple_tree::Iter<'_, u32>>();
    same::<char, maple_tree::Removed<'_, u32, maple_tree::Epoch>>();
}

/// An index whose numbers have no order and go past its last: answers may be wrong, the maps stay whole.
#[test]
fn a_wrong_index_breaks_nothing() {
    #[derive(Clone, Copy, Debug)]
    struct Wrong(u64);

    impl Index for Wrong {
        const LAST: u64 = 77;

        fn to_u64(self) -> u64 {
            Rng(self.0).bits() >> (self.0 % 60)
        }

        fn from_u64(number: u64) -> Self {
            Self(number.rotate_left(7))
        }
    }

    let mut rng = Rng(12);
    let (mut map, mut tree) = (TypedMap::<Wrong, u32>::new(), TypedTree::<Wrong, u32>::new());
    let (mut of_map, mut of_tree) = (Cyclic::new(), Cyclic::new());
    let mut stored = 0;
    for _ in 0..if cfg!(miri) { 40 } else { 2000 } {
        let op = any_op::<u64>(&mut rng);
        let answer = run!(Wrong, map, &mut of_map, op, |old| old, |(range, value)| (numbers(range), value));
        stored += usize::from(answer == Answer::Stored(Ok(())));
        run!(Wrong, tree, &mut of_tree, op, |old| old.get(), |gone| (numbers(gone.range()), gone.get()));
        let _ = (map.iter().count(), map.gaps(..).count(), map.get(Wrong(rng.bits())));
        let _ = tree.range(Wrong(rng.bits()).., &tree.pin()).count();
    }
    assert!(stored > 10 || cfg!(miri));
    assert!(map.inner().validate().is_ok());
    assert!(tree.inner_mut().validate().is_ok());
    let _ = (map.into_iter().count(), tree.into_map().into_iter().rev().count());
}
