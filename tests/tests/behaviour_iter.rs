//! Iterators: limits inside of entries and gaps, both ends, positions given up and taken up
//! again, changes before, under and behind the iterator.

use core::iter::FusedIterator;
use core::ops::{Bound, RangeInclusive};
use maple_tests::check::{ALL, ALTERNATING, BACKWARD, FORWARD, agree_on_rest, drain};
use maple_tests::entry::Number;
use maple_tests::face::{Face, Rest};
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed, with};
use maple_tests::{Item, Model, on_both_faces, on_every_face};
use maple_tree::{Gaps, Iter, MapleTree, RangeMap, RcuArc};
use std::collections::BTreeSet;
use std::sync::Arc;

const MAX: u64 = u64::MAX;
const THREE: [Item; 3] = [(10, 19, 1), (30, 39, 2), (50, 59, 3)];

/// The first range that ends at or after `from` and starts at or before `to`.
fn find<F: Face>(face: &F, from: u64, to: u64) -> Option<Item> {
    face.scan(closed(from, to), |scan| scan.next())
}

/// The last such range.
fn find_back<F: Face>(face: &F, from: u64, to: u64) -> Option<Item> {
    face.scan(closed(from, to), |scan| scan.next_back())
}

/// The range after `index`, or after the one that covers it.
fn next<F: Face>(face: &F, index: u64) -> Option<Item> {
    let last = match face.get_range(index) {
        ((_, last), Some(_)) => last,
        (_, None) => index,
    };
    face.scan((Bound::Excluded(last), Bound::Unbounded), |scan| scan.next())
}

/// The range before `index`, or before the one that covers it.
fn previous<F: Face>(face: &F, index: u64) -> Option<Item> {
    let first = match face.get_range(index) {
        ((first, _), Some(_)) => first,
        (_, None) => index,
    };
    face.scan((Bound::Unbounded, Bound::Excluded(first)), |scan| scan.next_back())
}

// Limits.

fn a_limit_inside_an_entry_gives_the_whole_entry<F: Face>() {
    let face = with::<F>(&THREE);
    for turns in [FORWARD, BACKWARD, ALTERNATING] {
        face.scan(closed(15, 35), |scan| drain(scan, &THREE[..2], turns));
        face.scan(closed(35, 55), |scan| drain(scan, &THREE[1..], turns));
        face.scan(closed(19, 50), |scan| drain(scan, &THREE, turns));
        face.scan(closed(10, 30), |scan| drain(scan, &THREE[..2], turns));
    }
}

fn a_limit_inside_a_gap<F: Face>() {
    let face = with::<F>(&THREE);
    for turns in [FORWARD, BACKWARD, ALTERNATING] {
        face.scan(closed(20, 45), |scan| drain(scan, &THREE[1..2], turns));
        face.scan(closed(0, 49), |scan| drain(scan, &THREE[..2], turns));
        face.scan(closed(25, MAX), |scan| drain(scan, &THREE[1..], turns));
        face.scan(closed(20, 29), |scan| drain(scan, &[], turns));
        face.scan(closed(0, 9), |scan| drain(scan, &[], turns));
        face.scan(closed(60, MAX), |scan| drain(scan, &[], turns));
    }
}

fn an_entry_that_contains_both_limits_is_given_once<F: Face>() {
    let face = with::<F>(&[(0, MAX, 7)]);
    for limits in [closed(0, 0), closed(5, 5), closed(5, 900), closed(MAX, MAX), ALL] {
        for turns in [FORWARD, BACKWARD, ALTERNATING, !ALTERNATING] {
            face.scan(limits, |scan| drain(scan, &[(0, MAX, 7)], turns));
        }
    }
}

fn limits_at_every_index<F: Face>() {
    let mut pair = Pair::<F>::of(30, 3, 2);
    pair.store(10, 24, 100).remove(40, 55);
    for from in 0..95 {
        for to in from..95 {
            let bounds = closed(from, to);
            let turns = from * 7 + to;
            pair.face.scan(bounds, |scan| drain(scan, &pair.model.range(bounds), turns));
            pair.face.scan_gaps(bounds, |scan| drain(scan, &pair.model.gaps(bounds), turns));
        }
    }
}

fn limits_anywhere_in_a_deep_tree<F: Face>() {
    let pair = Pair::<F>::of(1_000, 10, 6);
    for (n, from) in (0..10_050).step_by(83).enumerate() {
        for long in [0, 5, 9, 150, 165, 2_600, 9_000] {
            let bounds = closed(from, from + long);
            let turns = [FORWARD, BACKWARD, ALTERNATING][n % 3];
            pair.face.scan(bounds, |scan| drain(scan, &pair.model.range(bounds), turns));
            pair.face.scan_gaps(bounds, |scan| drain(scan, &pair.model.gaps(bounds), turns));
        }
    }
}

// What is left after some calls, taken whole: `fold` goes over leaves in a way of its own.

/// `front` calls of `next` and `back` of `next_back`, the ones before the others: how many calls, and from which end each.
fn mixed(front: usize, back: usize) -> [(usize, u64); 2] {
    let back_bits = (1 << back) - 1;
    [(front + back, back_bits << front), (front + back, back_bits)]
}

fn the_rest_after_few_calls<F: Face>() {
    let mut pair = Pair::<F>::of(30, 3, 2);
    pair.store(10, 24, 100).remove(40, 55).erase(70).erase(73).erase(76);
    for from in 0..95 {
        for to in (from..95).step_by(4) {
            for (front, back) in (0..4).flat_map(|front| (0..4).map(move |back| (front, back))) {
                for (calls, turns) in mixed(front, back) {
                    agree_on_rest(&pair.face, &pair.model, closed(from, to), calls, turns);
                }
            }
        }
    }
}

/// From each end up to more than there is, over whole leaves.
fn the_rest_after_any_number_of_calls<F: Face>() {
    for stride in [6, 10] {
        let mut pair = Pair::<F>::of(70, stride, 6);
        for place in [3, 4, 5, 20, 22, 24] {
            pair.erase(place * stride);
        }
        for calls in 0..=68 {
            for turns in [FORWARD, BACKWARD, ALTERNATING, !ALTERNATING, 0b110, !0b110, 0xffff, 0x1_ffff << 17] {
                let want = Rest::of(pair.model.items().iter().copied(), calls, turns);
                assert_eq!(pair.face.rest_of_all(calls, turns), want, "{calls} calls, {turns:#b}");
                for bounds in [ALL, closed(2, 601), closed(95, 97), closed(96, 381)] {
                    agree_on_rest(&pair.face, &pair.model, bounds, calls, turns);
                }
            }
        }
    }
}

/// Every index at which the windows of a walk could behave differently, near some of the entries.
fn telling(model: &Model) -> Vec<u64> {
    let len = model.len();
    let near = [0, 1, 7, 8, 16, 17, len / 2, len / 2 + 9, len - 1];
    let mut places: Vec<u64> = vec![0, MAX];
    for item in near.iter().filter_map(|place| model.items().get(*place)) {
        places.extend([item.0.saturating_sub(1), item.0, item.0 + 1, item.1, item.1 + 1]);
    }
    places.sort_unstable();
    places.dedup();
    places
}

fn the_rest_in_trees_of_every_height<F: Face>() {
    let agree = |pair: &Pair<F>| {
        let places = telling(&pair.model);
        let mut n = 0;
        for (at, from) in places.iter().enumerate() {
            for to in &places[at..] {
                // Short windows with all kinds of calls; some of the long ones, which take their time, with one.
                let is_long = pair.model.position(*to) - pair.model.position(*from) > 40;
                n += 1;
                let kinds = (0..16).filter(|kind| !is_long || kind * 16 == n % 256);
                for (calls, turns) in kinds.flat_map(|kind| mixed(kind / 4, kind % 4)) {
                    agree_on_rest(&pair.face, &pair.model, closed(*from, *to), calls, turns);
                }
            }
        }
        for (calls, turns) in
            [(0, FORWARD), (17, FORWARD), (16, BACKWARD), (40, ALTERNATING), (5_990, ALTERNATING), (7_000, FORWARD)]
        {
            agree_on_rest(&pair.face, &pair.model, ALL, calls, turns);
        }
    };
    for (count, height) in [(7, 1), (60, 2), (700, 3), (3_000, 4)] {
        for stride in [6, 10] {
            let mut pair = Pair::<F>::of(if stride == 6 { 2 * count } else { count }, stride, 6);
            assert_eq!(pair.face.validate().height, height, "{count} entries");
            agree(&pair);
            // Gaps side by side, leaves with nothing in them, and whole leaves that are gone.
            for item in pair.model.clone().items() {
                if item.2 % 5 < 2 || (20..90).contains(&item.2) || item.2 % 300 > 270 {
                    assert_eq!(pair.face.erase(item.0), pair.model.erase(item.0));
                }
            }
            agree(&pair);
            pair.face.synchronize();
            agree(&pair);
        }
    }
}

fn the_rest_at_both_ends_of_the_index_space<F: Face>() {
    let mut pair = Pair::<F>::new();
    let agree = |pair: &Pair<F>| {
        for bounds in [ALL, closed(0, 0), closed(MAX, MAX), closed(1, MAX - 1), closed(0, MAX), closed(MAX - 100, MAX)] {
            for (calls, turns) in (0..16).flat_map(|kind| mixed(kind / 4, kind % 4)) {
                agree_on_rest(&pair.face, &pair.model, bounds, calls, turns);
            }
        }
    };
    agree(&pair);
    pair.store(0, MAX, 1);
    agree(&pair);
    for n in 0..40 {
        pair.store(n * 3, n * 3 + 1, n).store(MAX - n * 3 - 1, MAX - n * 3, n);
    }
    agree(&pair);
}

// Finding and stepping.

fn find_starts_at_or_after_and_stops_at_the_limit<F: Face>() {
    let face = with::<F>(&THREE);
    for (from, to, found) in [
        (0, MAX, Some(THREE[0])),
        (0, 9, None),
        (0, 10, Some(THREE[0])),
        (19, MAX, Some(THREE[0])),
        (20, MAX, Some(THREE[1])),
        (20, 29, None),
        (59, MAX, Some(THREE[2])),
        (60, MAX, None),
        (MAX, MAX, None),
    ] {
        assert_eq!(find(&face, from, to), found, "from {from} to {to}");
    }
    for (from, to, found) in [
        (0, MAX, Some(THREE[2])),
        (60, MAX, None),
        (59, MAX, Some(THREE[2])),
        (0, 50, Some(THREE[2])),
        (0, 49, Some(THREE[1])),
        (40, 49, None),
        (0, 10, Some(THREE[0])),
        (0, 9, None),
        (0, 0, None),
    ] {
        assert_eq!(find_back(&face, from, to), found, "back from {to} to {from}");
    }
}

fn find_from_range_to_range_visits_all_and_ends_at_the_top<F: Face>() {
    let mut pair = Pair::<F>::of(200, 10, 6);
    pair.store(MAX - 4, MAX, 9_999);
    let mut seen = Vec::new();
    let mut from = Some(0);
    while let Some(item) = from.and_then(|from| find(&pair.face, from, MAX)) {
        seen.push(item);
        from = item.1.checked_add(1);
    }
    assert_eq!(seen, pair.model.items());
}

fn next_and_previous_are_strict<F: Face>() {
    let face = with::<F>(&THREE);
    assert_eq!(next(&face, 10), Some(THREE[1]));
    assert_eq!(next(&face, 19), Some(THREE[1]));
    assert_eq!(next(&face, 29), Some(THREE[1]));
    assert_eq!(next(&face, 30), Some(THREE[2]));
    assert_eq!(next(&face, 50), None);
    assert_eq!(next(&face, MAX), None);
    assert_eq!(previous(&face, 59), Some(THREE[1]));
    assert_eq!(previous(&face, 50), Some(THREE[1]));
    assert_eq!(previous(&face, 40), Some(THREE[1]));
    assert_eq!(previous(&face, 30), Some(THREE[0]));
    assert_eq!(previous(&face, 19), None);
    assert_eq!(previous(&face, 0), None);
}

fn past_the_end_and_back<F: Face>() {
    let face = with::<F>(&THREE);
    assert_eq!(next(&face, 59), None);
    assert_eq!(previous(&face, 60), Some(THREE[2]));
    assert_eq!(previous(&face, MAX), Some(THREE[2]));
    assert_eq!(face.scan_all(|scan| [scan.nth(2), scan.next()]), [Some(THREE[2]), None]);
    assert_eq!(
        face.scan_all(|scan| [scan.nth(2), scan.next(), scan.next_back()]),
        [Some(THREE[2]), None, None],
        "what was given at one end is not given again at the other"
    );
}

fn before_the_beginning_and_forth<F: Face>() {
    let face = with::<F>(&THREE);
    assert_eq!(previous(&face, 10), None);
    assert_eq!(next(&face, 9), Some(THREE[0]));
    assert_eq!(next(&face, 0), Some(THREE[0]));
    assert_eq!(face.scan_all(|scan| [scan.nth_back(2), scan.next_back(), scan.next()]), [Some(THREE[0]), None, None]);
}

fn both_ends_meet_in_the_middle<F: Face>() {
    for count in [1, 2, 3, 15, 16, 17, 18, 100, 300] {
        let pair = Pair::<F>::of(count, 10, 6);
        for turns in [ALTERNATING, !ALTERNATING, 0b110, !0b110, 0xffff, 0x3333_3333_3333_3333] {
            pair.face.scan_all(|scan| drain(scan, pair.model.items(), turns));
        }
    }
}

fn a_position_is_given_up_and_taken_up_again<F: Face>() {
    let pair = Pair::<F>::of(100, 10, 6);
    let items = pair.model.items();
    for pause in 1..100 {
        let (last, first) = (items[pause - 1].1, items[100 - pause].0);
        let (before, after) = ((Bound::Unbounded, Bound::Excluded(first)), Bound::Excluded(last));
        let onward = (after, Bound::Unbounded);
        pair.face.scan(onward, |scan| drain(scan, &items[pause..], FORWARD));
        pair.face.scan(before, |scan| drain(scan, &items[..100 - pause], BACKWARD));
    }
}

fn a_clone_goes_its_own_way<F: Face>() {
    let pair = Pair::<F>::of(100, 10, 6);
    for taken in [0, 1, 15, 16, 17, 50, 99, 100, 101] {
        let rest = pair.model.items()[taken.min(100)..].to_vec();
        assert_eq!(pair.face.scan_twice(ALL, taken), [rest.clone(), rest]);
    }
    let clipped = pair.model.range(closed(205, 703));
    for taken in [0, 1, 7, 49] {
        let rest = clipped[taken..].to_vec();
        assert_eq!(pair.face.scan_twice(closed(205, 703), taken), [rest.clone(), rest]);
    }
}

fn an_empty_tree_has_nothing_to_give<F: Face>() {
    let face = F::new();
    for turns in [FORWARD, BACKWARD] {
        face.scan_all(|scan| drain(scan, &[], turns));
        face.scan(ALL, |scan| drain(scan, &[], turns));
        face.scan_gaps(ALL, |scan| drain(scan, &[(0, MAX)], turns));
    }
    assert_eq!((face.first(), face.last()), (None, None));
    assert_eq!((next(&face, 0), previous(&face, MAX)), (None, None));
}

// Changes in the course of an iteration, by one who keeps only the index.

fn changing<F: Face>(mut change: impl FnMut(&mut Pair<F>, Item)) -> Vec<Item> {
    let mut pair = Pair::<F>::of(120, 10, 6);
    let mut seen = Vec::new();
    let mut at = 0;
    while let Some(item) = find(&pair.face, at, MAX) {
        let wanted = pair.model.range(closed(at, MAX))[0];
        assert_eq!(item, wanted, "a fresh walk sees what was changed");
        seen.push(item);
        at = item.1 + 1;
        change(&mut pair, item);
    }
    pair.agree();
    seen
}

fn a_store_on_the_entry_under_the_iterator<F: Face>() {
    let all = Pair::<F>::of(120, 10, 6).model;
    let exact = changing::<F>(|pair, item| {
        pair.store(item.0, item.1, 1_000 + item.2);
    });
    assert_eq!(exact, all.items());
    let split = changing::<F>(|pair, item| {
        pair.store(item.0 + 2, item.1 - 2, 1_000 + item.2);
    });
    assert_eq!(split, all.items());
    let gone = changing::<F>(|pair, item| {
        pair.erase(item.0);
    });
    assert_eq!(gone, all.items());
}

fn a_store_before_the_iterator<F: Face>() {
    let all = Pair::<F>::of(120, 10, 6).model;
    let gone = changing::<F>(|pair, item| {
        pair.remove(0, item.1);
    });
    assert_eq!(gone, all.items());
    let one = changing::<F>(|pair, item| {
        pair.store(0, item.1, 1_000 + item.2);
    });
    assert_eq!(one, all.items());
    let filled = changing::<F>(|pair, item| {
        pair.store(item.0 / 2, item.0 / 2, 1_000 + item.2);
    });
    assert_eq!(filled, all.items());
}

fn a_store_behind_the_iterator<F: Face>() {
    // Each second range is swallowed before it is reached.
    let seen = changing::<F>(|pair, item| {
        if item.2 < 1_000 {
            pair.store(item.0 + 10, item.1 + 10, 1_000 + item.2);
        }
    });
    let values = seen.iter().map(|item| item.2).collect::<Vec<_>>();
    let wanted = (0..60).flat_map(|n| [n * 2, 1_000 + n * 2]).collect::<Vec<_>>();
    assert_eq!(values, wanted);
    let mut left = 40;
    let seen = changing::<F>(|pair, item| {
        if left > 0 {
            left -= 1;
            pair.remove(item.1 + 1, item.1 + 10);
        }
    });
    assert_eq!(seen.len(), 120 - 40);
    let seen = changing::<F>(|pair, item| {
        if item.0 == 600 {
            pair.run(Op::PruneCut { from: 702 });
        }
    });
    assert_eq!(seen.last(), Some(&(700, 701, 70)));
    assert_eq!(seen.len(), 71);
}

// Changes beside a living iterator: only a shared tree allows them.

/// What may be done beside a reader, to the range that `item` was.
const CHANGES: [fn(Item) -> Op; 9] = [
    |item| Op::Store { range: closed(item.0, item.1), value: item.2 + 1_000 },
    |item| Op::Store { range: closed(item.0 + 2, item.1 - 2), value: item.2 + 1_000 },
    |item| Op::Store { range: closed(item.0 + 3, item.1 + 3), value: item.2 + 1_000 },
    |item| Op::Insert { range: closed(item.1 + 1, item.1 + 2), value: item.2 + 1_000 },
    |item| Op::Replace { index: item.0, value: item.2 + 1_000 },
    |item| Op::Erase { index: item.1 },
    |item| Op::Remove { range: closed(item.0, item.1) },
    |item| Op::Remove { range: closed(item.0 + 1, item.1) },
    |item| Op::Store { range: closed(item.0, item.1 + 20), value: item.2 + 1_000 },
];

/// Runs the change on a tree beside its readers. The caller is inside a read section.
fn change<V: Number>(tree: &MapleTree<V>, op: &Op, model: &mut Model) {
    match *op {
        Op::Store { range, value } => {
            assert!(tree.store(range, V::make(value)).is_ok());
            assert_eq!(model.store(range, value), Ok(()));
        }
        Op::Insert { range, value } => {
            let done = tree.insert(range, V::make(value)).is_ok();
            assert_eq!(done, model.insert(range, value).is_ok());
        }
        Op::Replace { index, value } => {
            let done = tree.replace(index, V::make(value)).is_ok();
            assert_eq!(done, model.replace(index, value).is_ok());
        }
        Op::Erase { index } => {
            let range = tree.erase(index).map(|gone| (*gone.range().start(), *gone.range().end()));
            assert_eq!(range, model.erase(index).map(|gone| (gone.0, gone.1)));
        }
        Op::Remove { range } => {
            assert!(tree.remove(range).is_ok());
            assert_eq!(model.remove(range), Ok(()));
        }
        Op::Prune { from } => {
            tree.prune(from);
            model.prune(from);
        }
        Op::PruneInPlace { from } => {
            tree.prune_in_place(from);
            model.prune(from);
        }
        _ => panic!("not a change beside readers: {op:?}"),
    }
}

/// How to get on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Next,
    NextBack,
    /// After so many calls of `next`.
    ForEach(usize),
}

/// Iterates over `count` ranges; after every `pace` of them one is changed, `ahead` of the
/// iterator in its direction, or behind it. Every range that nobody touched must be seen once,
/// and nothing that was never there.
fn beside_an_iterator<V: Number>(count: u64, pace: usize, ahead: i64, by: By, kinds: &[usize]) {
    let back = by == By::NextBack;
    let tree = MapleTree::<V>::new();
    let mut model = Model::new();
    for n in 0..count {
        assert!(tree.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
        assert_eq!(model.insert(closed(n * 10, n * 10 + 5), n), Ok(()));
    }
    let before = model.items().to_vec();
    let mut ever = before.iter().copied().collect::<BTreeSet<_>>();
    let mut touched = BTreeSet::<Item>::new();
    let guard = tree.pin();
    let mut iter = tree.iter(&guard);
    let mut seen = Vec::new();
    let mut visit = |(range, entry): (RangeInclusive<u64>, V::Ref<'_>)| {
        let first = *range.start();
        seen.push((first, *range.end(), V::read(entry)));
        if !seen.len().is_multiple_of(pace) {
            return;
        }
        let here = first / 10;
        let place = here.checked_add_signed(if back { -ahead } else { ahead });
        let Some(place) = place.filter(|place| *place < count) else {
            return;
        };
        let kind = kinds[seen.len() / pace % kinds.len()];
        let op = CHANGES[kind]((place * 10, place * 10 + 5, place));
        change(&tree, &op, &mut model);
        let (first, last) = op.touched().expect("every change has a place");
        touched.extend(before.iter().filter(|item| item.0 <= last && item.1 >= first));
        ever.extend(model.items());
        for index in [first, last, first + 1] {
            let fresh = tree.get(index, &guard).map(V::read);
            assert_eq!(fresh, model.get(index), "a fresh walk after {op:?}");
        }
    };
    match by {
        By::Next => {
            // By `next`, as `for` goes.
            for item in iter {
                visit(item);
            }
        }
        By::NextBack => {
            while let Some(item) = iter.next_back() {
                visit(item);
            }
        }
        By::ForEach(calls) => {
            iter.by_ref().take(calls).for_each(&mut visit);
            iter.for_each(visit);
        }
    }
    if back {
        seen.reverse();
    }
    assert!(seen.is_sorted_by(|a, b| a.1 < b.1 && a.0 < b.0), "in order, and nothing twice");
    for item in &seen {
        assert!(ever.contains(item), "{item:?} was never there");
    }
    let untouched = before.iter().filter(|item| !touched.contains(*item)).collect::<Vec<_>>();
    assert_ne!(model.items(), before, "something was changed");
    for item in untouched {
        assert!(seen.contains(item), "{item:?} was there all the time");
    }
    assert!(tree.iter(&guard).map(|(range, _)| *range.start()).eq(model.items().iter().map(|i| i.0)));
}

fn beside_an_iterator_everywhere<V: Number>(ahead: i64) {
    for by in [By::Next, By::NextBack, By::ForEach(0), By::ForEach(1), By::ForEach(20)] {
        for kind in 0..CHANGES.len() {
            beside_an_iterator::<V>(150, 3, ahead, by, &[kind]);
        }
        let all = (0..CHANGES.len()).collect::<Vec<_>>();
        for pace in [1, 2, 5, 16, 33] {
            beside_an_iterator::<V>(400, pace, ahead, by, &all);
        }
    }
}

/// Every kind of entry, for a shared tree.
macro_rules! with_every_entry {
    ($($name:ident: $function:ident($($argument:expr),*);)*) => {
        $(#[test]
        fn $name() {
            $function::<u32>($($argument),*);
            $function::<Box<u64>>($($argument),*);
            $function::<Arc<u64>>($($argument),*);
            $function::<RcuArc<u64>>($($argument),*);
        })*
    };
}

with_every_entry! {
    a_living_iterator_and_changes_under_it: beside_an_iterator_everywhere(0);
    a_living_iterator_and_changes_to_the_next_entry: beside_an_iterator_everywhere(1);
    a_living_iterator_and_changes_to_the_entry_before: beside_an_iterator_everywhere(-1);
    a_living_iterator_and_changes_in_the_next_leaf: beside_an_iterator_everywhere(17);
    a_living_iterator_and_changes_far_behind: beside_an_iterator_everywhere(90);
    a_living_iterator_and_changes_far_before: beside_an_iterator_everywhere(-90);
    a_living_iterator_in_a_sub_tree_that_is_pruned: iterator_in_a_pruned_sub_tree();
}

/// Where an iterator comes from the root again, something is stored that reaches into what it has passed: what is left of the entry is passed
/// over, and the next one comes with its own range.
#[test]
fn an_entry_over_the_border_that_an_iterator_is_at() {
    // Four levels: nodes end at multiples of 160 and 2,560.
    let full = || MapleTree::<u32>::from((0..5_000u64).map(|at| (at * 10..=at * 10 + 9, 1)).collect::<RangeMap<u32>>());
    for border in [2_560, 7_680, 30_720, 38_400] {
        // As many entries as before, so the root stays, and an iterator sees what is below it now.
        for (first, last) in [(border - 5, border + 9), (border - 10, border + 5)] {
            let tree = full();
            let guard = tree.pin();
            let (mut back, mut front) = (tree.iter(&guard), tree.iter(&guard));
            while back.next_back().is_some_and(|(range, _)| *range.start() != border) {}
            while front.next().is_some_and(|(range, _)| *range.end() != border - 1) {}
            tree.store(first..=last, 2).expect("memory");
            for range in [border - 10..=first - 1, border - 20..=border - 11].into_iter().filter(|range| !range.is_empty()) {
                assert_eq!(back.next_back(), Some((range, 1)), "before {first}..={last}");
            }
            for range in [last + 1..=border + 9, border + 10..=border + 19].into_iter().filter(|range| !range.is_empty()) {
                assert_eq!(front.next(), Some((range, 1)), "behind {first}..={last}");
            }
        }
    }
}

/// A slow reader stands somewhere while everything from there on, or around it, is pruned.
fn iterator_in_a_pruned_sub_tree<V: Number>() {
    for stand in [0, 1, 15, 16, 17, 100, 255, 299] {
        for from in [0, 500, 1_000, 1_005, 2_990] {
            let ops = [Op::Prune { from }, Op::PruneInPlace { from }];
            for (op, is_folded) in ops.into_iter().flat_map(|op| [(op.clone(), false), (op, true)]) {
                let tree = MapleTree::<V>::new();
                let mut model = Model::new();
                for n in 0..300 {
                    assert!(tree.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
                    assert_eq!(model.insert(closed(n * 10, n * 10 + 5), n), Ok(()));
                }
                let before = model.items().to_vec();
                let guard = tree.pin();
                let mut iter = tree.iter(&guard);
                let mut seen = iter.by_ref().take(stand).collect::<Vec<_>>();
                change(&tree, &op, &mut model);
                match is_folded {
                    true => iter.for_each(|item| seen.push(item)),
                    false => seen.extend(iter),
                }
                let seen = seen.into_iter();
                let seen = seen.map(|(range, entry)| (*range.start(), *range.end(), V::read(entry)));
                let seen = seen.collect::<Vec<_>>();
                // The reader may see some of what fell, but all that stayed, and in order.
                assert!(seen.is_sorted_by(|a, b| a.1 < b.0));
                assert!(seen.iter().all(|item| before.contains(item)));
                assert!(model.items().iter().all(|item| seen.contains(item)));
                assert!(seen.len() >= stand.max(model.len()));
                let fresh = tree.iter(&guard).map(|(range, _)| *range.start());
                assert!(fresh.eq(model.items().iter().map(|item| item.0)));
            }
        }
    }
}

#[test]
fn iterators_are_fused_and_can_be_cloned() {
    fn fused<T: FusedIterator + DoubleEndedIterator>() {}
    fn cloned<T: Clone>() {}
    fused::<Iter<'static, u32>>();
    fused::<Iter<'static, Arc<u64>>>();
    fused::<Gaps<'static, Box<u64>>>();
    cloned::<Iter<'static, Box<u64>>>();
}

on_every_face!(
    a_limit_inside_an_entry_gives_the_whole_entry,
    a_limit_inside_a_gap,
    an_entry_that_contains_both_limits_is_given_once,
    find_starts_at_or_after_and_stops_at_the_limit,
    find_from_range_to_range_visits_all_and_ends_at_the_top,
    next_and_previous_are_strict,
    past_the_end_and_back,
    before_the_beginning_and_forth,
    both_ends_meet_in_the_middle,
    a_position_is_given_up_and_taken_up_again,
    a_clone_goes_its_own_way,
    an_empty_tree_has_nothing_to_give,
    a_store_on_the_entry_under_the_iterator,
    a_store_before_the_iterator,
    a_store_behind_the_iterator,
    the_rest_at_both_ends_of_the_index_space,
);

on_both_faces!(
    limits_at_every_index,
    limits_anywhere_in_a_deep_tree,
    the_rest_after_few_calls,
    the_rest_after_any_number_of_calls,
    the_rest_in_trees_of_every_height,
);
