//! The calls one by one: what they give, what they refuse, what becomes of what they took out.

use core::fmt::{Debug, Display};
use core::ops::Bound;
use maple_tests::check::ALL;
use maple_tests::entry::Number;
use maple_tests::face::Face;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed, expect, with};
use maple_tests::{Item, Refusal, on_both_faces, on_every_face};
use maple_tree::{
    BadRange, Entry, InsertError, InsertErrorKind, InsideReadSection, MapleTree, PruneForm, RangeMap, RcuArc, RcuBox,
    RemoveError, ReplaceError, ReplaceErrorKind, StoreError, StoreErrorKind, TryClone, U61,
};
use std::error::Error;
use std::sync::Arc;

const MAX: u64 = u64::MAX;
const THREE: [Item; 3] = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];

// Look-ups.

fn get_gives_the_entry_that_covers_the_index_or_nothing<F: Face>() {
    let face = with::<F>(&THREE);
    for (index, value) in [
        (0, None),
        (9, None),
        (10, Some(1)),
        (19, Some(1)),
        (20, Some(2)),
        (29, Some(2)),
        (30, None),
        (39, None),
        (40, Some(3)),
        (49, Some(3)),
        (50, None),
        (MAX, None),
    ] {
        assert_eq!(face.get(index), value, "at {index}");
        assert_eq!(face.contains(index), value.is_some(), "at {index}");
    }
}

fn get_range_gives_the_exact_range_or_the_whole_gap<F: Face>() {
    let face = with::<F>(&THREE);
    for (index, range) in [
        (0, ((0, 9), None)),
        (9, ((0, 9), None)),
        (10, ((10, 19), Some(1))),
        (19, ((10, 19), Some(1))),
        (25, ((20, 29), Some(2))),
        (30, ((30, 39), None)),
        (39, ((30, 39), None)),
        (50, ((50, MAX), None)),
        (MAX, ((50, MAX), None)),
    ] {
        assert_eq!(face.get_range(index), range, "at {index}");
    }
    assert_eq!(F::new().get_range(7), ((0, MAX), None));
}

fn first_and_last<F: Face>() {
    let mut face = with::<F>(&THREE);
    assert_eq!((face.first(), face.last()), (Some(THREE[0]), Some(THREE[2])));
    assert_eq!(face.erase(10), Some(THREE[0]));
    assert_eq!(face.erase(45), Some(THREE[2]));
    assert_eq!((face.first(), face.last()), (Some(THREE[1]), Some(THREE[1])));
    assert_eq!(face.erase(29), Some(THREE[1]));
    assert_eq!((face.first(), face.last()), (None, None));
    assert!(face.is_empty());
}

fn first_and_last_beside_many_cleared_entries<F: Face>() {
    let mut pair = Pair::<F>::of(600, 10, 6);
    for n in (0..290).flat_map(|n| [n, 599 - n]) {
        pair.erase(n * 10 + 2);
        assert_eq!(pair.face.first(), Some(((n.min(599 - n) + 1) * 10, (n.min(599 - n) + 1) * 10 + 5, n.min(599 - n) + 1)));
    }
    assert_eq!(pair.face.last(), Some((3_090, 3_095, 309)));
    pair.agree();
}

// Erasing.

fn erase_takes_the_whole_range_out<F: Face>() {
    for index in [20, 25, 29] {
        let mut face = with::<F>(&THREE);
        assert_eq!(face.erase(index), Some(THREE[1]));
        expect(&face, &[THREE[0], THREE[2]]);
        assert_eq!(face.erase(index), None, "it is gone");
        expect(&face, &[THREE[0], THREE[2]]);
    }
}

fn erase_in_a_gap_gives_nothing<F: Face>() {
    let mut face = with::<F>(&THREE);
    for index in [0, 9, 30, 39, 50, MAX] {
        assert_eq!(face.erase(index), None);
    }
    expect(&face, &THREE);
}

fn erase_never_fails_whatever_the_size_of_the_tree<F: Face>() {
    for count in [1, 2, 15, 16, 17, 33, 256, 257, 1_000] {
        let mut pair = Pair::<F>::of(count, 10, 10);
        let before = pair.face.validate();
        for n in (0..count).rev().filter(|n| n % 2 == 0) {
            pair.erase(n * 10 + 9);
        }
        for n in (0..count).filter(|n| n % 2 == 1) {
            pair.erase(n * 10);
        }
        pair.agree();
        assert!(pair.face.is_empty());
        assert!(pair.face.validate().nodes <= before.nodes, "no node was added");
    }
}

// Replacing.

fn replace_keeps_the_range_and_gives_the_old_value<F: Face>() {
    for index in [20, 25, 29] {
        let mut face = with::<F>(&THREE);
        assert_eq!(face.replace(index, 9), Ok(THREE[1]));
        expect(&face, &[THREE[0], (20, 29, 9), THREE[2]]);
        assert_eq!(face.replace(index, 8), Ok((20, 29, 9)));
        expect(&face, &[THREE[0], (20, 29, 8), THREE[2]]);
    }
}

fn replace_in_a_gap_names_the_gap<F: Face>() {
    let mut face = with::<F>(&THREE);
    assert_eq!(face.replace(5, 9), Err(Refusal::Vacant((0, 9))));
    assert_eq!(face.replace(35, 9), Err(Refusal::Vacant((30, 39))));
    assert_eq!(face.replace(MAX, 9), Err(Refusal::Vacant((50, MAX))));
    expect(&face, &THREE);
    assert_eq!(F::new().replace(0, 9), Err(Refusal::Vacant((0, MAX))));
}

fn replace_every_entry_of_a_deep_tree<F: Face>() {
    let mut pair = Pair::<F>::of(1_000, 10, 6);
    let before = pair.face.validate();
    for n in 0..1_000 {
        pair.run(Op::Replace { index: n * 10 + n % 6, value: 5_000 + n });
    }
    pair.run(Op::Synchronize).agree();
    assert_eq!(pair.face.validate(), before, "not a node more or less");
}

// Removing.

fn remove_takes_the_part_inside_and_leaves_what_sticks_out<F: Face>() {
    for (range, after) in [
        ((15, 44), &[(10, 14, 1), (45, 49, 3)][..]),
        ((10, 49), &[]),
        ((0, MAX), &[]),
        ((22, 24), &[(10, 19, 1), (20, 21, 2), (25, 29, 2), (40, 49, 3)]),
        ((20, 29), &[(10, 19, 1), (40, 49, 3)]),
        ((20, 20), &[(10, 19, 1), (21, 29, 2), (40, 49, 3)]),
        ((29, 40), &[(10, 19, 1), (20, 28, 2), (41, 49, 3)]),
        ((30, 39), &THREE),
        ((11, 48), &[(10, 10, 1), (49, 49, 3)]),
        ((49, MAX), &[(10, 19, 1), (20, 29, 2), (40, 48, 3)]),
        ((0, 10), &[(11, 19, 1), (20, 29, 2), (40, 49, 3)]),
    ] {
        let mut face = with::<F>(&THREE);
        assert_eq!(face.remove(closed(range.0, range.1)), Ok(()));
        expect(&face, after);
    }
}

fn a_change_is_seen_by_a_fresh_walk<F: Face>() {
    let mut face = F::new();
    for n in 0..500 {
        assert_eq!(face.store(closed(n, n + 10), n), Ok(()));
        assert_eq!(face.get(n + 10), Some(n));
        assert_eq!(face.last(), Some((n, n + 10, n)));
        assert_eq!(face.scan_all(|scan| scan.next_back()), Some((n, n + 10, n)));
    }
    for n in (0..500).rev() {
        assert_eq!(face.erase(n), Some((n, if n == 499 { 509 } else { n }, n)));
        assert_eq!(face.get(n), None);
        assert_eq!(face.get_range(MAX), ((n, MAX), None));
        assert_eq!(face.scan_gaps(ALL, |scan| scan.next_back()), Some((n, MAX)));
    }
    assert!(face.is_empty());
}

// The two faces.

fn the_faces_turn_into_each_other<F: Face>() {
    for count in [0, 1, 16, 17, 500] {
        let mut pair = Pair::<F>::of(count, 10, 6);
        pair.run(Op::Convert).agree();
        for n in (0..count).step_by(3) {
            pair.erase(n * 10);
        }
        pair.run(Op::PruneInPlace { from: count * 8 }).run(Op::Convert).agree();
        pair.store(3, count * 5 + 3, 9_000).run(Op::Convert).agree();
        assert_eq!(pair.face.validate().dead, 0, "one owner has no use for dead words");
    }
}

fn dump_and_dot_show_the_ranges<F: Face>() {
    let face = with::<F>(&[(123_456, 234_567, 1), (345_678, 456_789, 2)]);
    for text in face.texts() {
        for number in ["123456", "234567", "345678", "456789", "345677"] {
            assert!(text.contains(number), "{number} in {text}");
        }
    }
    assert!(face.texts()[1].contains("digraph"));
    let deep = Pair::<F>::of(300, 10, 6);
    let nodes = deep.face.validate().nodes;
    let [_, dot] = deep.face.texts();
    assert_eq!(dot.matches("label=").count(), nodes, "a label for each node");
    assert_eq!(dot.matches("->").count(), nodes - 1, "an arrow to each node but the root");
}

#[test]
fn a_tree_can_be_a_constant_and_takes_nothing() {
    static TREE: MapleTree<Arc<u64>> = MapleTree::new();
    static MAP: RangeMap<u32> = RangeMap::new();
    assert_eq!((TREE.figures().nodes_taken, MAP.figures().nodes_taken), (0, 0));
    assert_eq!(TREE.validate().expect("valid").nodes, 0);
    TREE.store(3..=5, Arc::new(7)).expect("memory for an entry");
    assert_eq!(TREE.get(4, &TREE.pin()).map(|entry| *entry), Some(7));
    assert!(MAP.is_empty() && RangeMap::<u32>::default().is_empty());
    TREE.clear();
}

#[test]
fn a_shared_tree_is_written_through_its_exclusive_face() {
    let mut tree = MapleTree::<Box<u64>>::default();
    tree.store(10..=19, Box::new(1)).expect("memory for an entry");
    drop(tree.erase(10));
    tree.store(20..=29, Box::new(2)).expect("memory for an entry");
    let map = tree.get_mut();
    assert_eq!(map.get(15), None);
    assert_eq!(map.replace(25, Box::new(3)).expect("covered"), Box::new(2));
    map.insert(0..=9, Box::new(4)).expect("a gap");
    assert_eq!(tree.get(5, &tree.pin()), Some(&4));
    assert_eq!(tree.get(25, &tree.pin()), Some(&3));
    let map = tree.into_inner();
    assert_eq!(map.iter().map(|(range, _)| range).collect::<Vec<_>>(), [0..=9, 20..=29]);
}

// Entries.

/// Stores, reads, splits, replaces and takes out every one of `values`.
fn round_trip<V>(values: &[V])
where
    V: Copy + PartialEq + Debug + TryClone + maple_tree::Shared<maple_tree::Epoch> + for<'a> Entry<Ref<'a> = V>,
{
    let mut map = RangeMap::<V>::new();
    let tree = MapleTree::<V>::new();
    for (n, value) in (0_u64..).zip(values) {
        map.store(n * 10..=n * 10 + 9, *value).expect("memory for an entry");
        tree.store(n * 10..=n * 10 + 9, *value).expect("memory for an entry");
    }
    let guard = tree.pin();
    for (n, value) in (0_u64..).zip(values) {
        assert_eq!(map.get(n * 10 + 3), Some(*value));
        assert_eq!(tree.get(n * 10 + 3, &guard), Some(*value));
        map.remove(n * 10 + 4..=n * 10 + 5).expect("memory for a split");
        tree.remove(n * 10 + 4..=n * 10 + 5).expect("memory for a split");
        for index in [n * 10 + 3, n * 10 + 6] {
            assert_eq!(map.get(index), Some(*value));
            assert_eq!(tree.get(index, &guard), Some(*value));
        }
        assert_eq!(map.replace(n * 10, values[0]).expect("covered"), *value);
        assert_eq!(tree.replace(n * 10, values[0]).expect("covered").get(), *value);
        assert_eq!(map.erase(n * 10 + 9), Some((n * 10 + 6..=n * 10 + 9, *value)));
        assert_eq!(tree.erase(n * 10 + 9).expect("covered").get(), *value);
    }
    assert_eq!(map.validate().expect("valid").entries, values.len());
    assert_eq!(tree.validate().expect("valid").entries, values.len());
}

#[test]
fn numbers_of_every_size_come_back_as_they_were() {
    round_trip(&[0, 1, 127, 128, u8::MAX]);
    round_trip(&[0, 1, u16::MAX - 1, u16::MAX]);
    round_trip(&[0, 1, 1 << 31, u32::MAX]);
    round_trip(&[0, 1, -1, i8::MIN, i8::MAX]);
    round_trip(&[0, 1, -1, i16::MIN, i16::MAX]);
    round_trip(&[0, 1, -1, i32::MIN, i32::MAX]);
    round_trip(&[false, true]);
    round_trip(&['\0', 'a', '\u{d7ff}', '\u{e000}', char::MAX]);
    let wide = [0, 1, 1 << 32, (1 << 60) + 5, (1 << 61) - 1];
    round_trip(&wide.map(|value| U61::new(value).expect("below 2^61")));
    assert_eq!(U61::new(1 << 61), None);
    assert_eq!(U61::new(u64::MAX), None);
    assert_eq!(U61::new((1 << 61) - 1).map(U61::get), Some((1 << 61) - 1));
}

#[test]
fn static_references_come_back_as_they_were() {
    static NUMBERS: [u64; 3] = [7, 8, 9];
    let tree = MapleTree::<&'static u64>::new();
    for (n, number) in (0..).zip(&NUMBERS) {
        tree.insert(n..=n, number).expect("a gap");
    }
    let held: &'static u64 = tree.get(1, &tree.pin()).expect("covered");
    tree.clear();
    assert!(core::ptr::eq(held, &raw const NUMBERS[1]));
}

#[test]
fn a_lent_arc_can_be_kept() {
    let tree = MapleTree::<Arc<u64>>::new();
    tree.insert(1..=2, Arc::new(7)).expect("a gap");
    let guard = tree.pin();
    let lent = tree.get(1, &guard).expect("covered");
    let kept = lent.to_arc();
    assert!(core::ptr::eq(lent.get(), &raw const *kept));
    drop(guard);
    tree.clear();
    tree.synchronize().expect("not inside a read section");
    assert_eq!(Arc::into_inner(kept), Some(7), "the tree has let go of it");
}

#[test]
fn a_lent_rcu_arc_can_be_kept_while_somebody_counts_it() {
    let tree = MapleTree::<RcuArc<u64>>::new();
    tree.insert(1..=2, RcuArc::try_new(7).expect("memory for an entry")).expect("a gap");
    let guard = tree.pin();
    let lent = tree.get(1, &guard).expect("covered");
    let kept = lent.upgrade().expect("the tree counts it");
    assert_eq!(RcuArc::strong_count(&kept), 2);
    drop(tree.erase(1));
    assert!(lent.upgrade().is_some_and(|again| *again == 7));
    drop(kept);
    // Nobody counts it now, but it may be read to the end of the read section.
    assert_eq!(*lent.get(), 7);
    drop(guard);
    tree.synchronize().expect("not inside a read section");
}

// What was taken out beside readers.

fn tree<V: Number>(count: u64) -> MapleTree<V> {
    let tree = MapleTree::new();
    for n in 0..count {
        assert!(tree.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
    }
    tree
}

fn what_was_erased_stays_readable<V: Number>() {
    let tree = tree::<V>(100);
    let taken = (0..100).step_by(3).map(|n| tree.erase(n * 10 + 1).expect("covered")).collect::<Vec<_>>();
    for n in 0..100 {
        assert!(tree.store(n * 5..=n * 5, V::make(n + 1_000)).is_ok());
    }
    tree.prune(200);
    tree.hand_over();
    tree.synchronize().expect("not inside a read section");
    for (n, taken) in (0..).step_by(3).zip(&taken) {
        assert_eq!((taken.range(), V::read(taken.get())), (n * 10..=n * 10 + 5, n));
    }
    tree.clear();
    for (n, taken) in (0..).step_by(3).zip(taken) {
        assert_eq!(V::read(taken.get()), n);
    }
    assert!(tree.validate().is_ok());
}

fn what_was_erased_can_be_had_after_a_grace_period<V: Number>() {
    let tree = tree::<V>(40);
    for n in 0..40 {
        let taken = tree.erase(n * 10).expect("covered");
        let owned = taken.wait().expect("not inside a read section");
        assert_eq!(owned.value(), n);
        assert!(tree.insert(n * 10..=n * 10 + 5, owned).is_ok(), "it is as good as new");
    }
    assert_eq!(tree.validate().expect("valid").entries, 40);
}

fn what_was_replaced_can_be_had_after_a_grace_period<V: Number>() {
    let tree = tree::<V>(40);
    for n in 0..40 {
        let taken = tree.replace(n * 10 + 5, V::make(n + 1_000)).expect("covered");
        assert_eq!(taken.range(), n * 10..=n * 10 + 5);
        assert_eq!(taken.wait().expect("not inside a read section").value(), n);
    }
    let guard = tree.pin();
    assert!(tree.iter(&guard).map(|(_, entry)| V::read(entry)).eq(1_000..1_040));
}

fn waiting_inside_a_read_section_gives_it_back<V: Number>() {
    let tree = tree::<V>(3);
    let guard = tree.pin();
    let taken = tree.erase(10).expect("covered");
    let taken = taken.wait().err().expect("inside a read section");
    assert_eq!((taken.range(), V::read(taken.get())), (10..=15, 1));
    assert_eq!(tree.synchronize(), Err(InsideReadSection));
    drop(guard);
    assert_eq!(taken.wait().expect("not inside a read section").value(), 1);
    assert_eq!(tree.synchronize(), Ok(()));
    assert_eq!(tree.validate().expect("valid").dead, 0);
}

fn what_was_erased_may_be_dropped_in_any_order<V: Number>() {
    let tree = tree::<V>(60);
    let mut taken = (0..60).map(|n| tree.erase(n * 10)).collect::<Vec<_>>();
    for n in 0..60 {
        let gone = taken.swap_remove(n * 7 % taken.len()).expect("covered");
        match n % 3 {
            0 => drop(gone),
            1 => drop(gone.wait().expect("not inside a read section")),
            _ => assert!(tree.store(n as u64..=n as u64, V::make(gone.range().start() / 10)).is_ok()),
        }
        assert!(tree.validate().is_ok());
    }
    tree.synchronize().expect("not inside a read section");
    let summary = tree.validate().expect("valid");
    assert_eq!((summary.entries, summary.dead), (20, 0));
}

fn what_a_reader_holds_outlives_its_removal<V: Number>() {
    let removals: [fn(&MapleTree<V>); 8] = [
        |tree| drop(tree.erase(1_000)),
        |tree| assert!(tree.remove(900..=1_100).is_ok()),
        |tree| assert!(tree.remove(1_003..=1_003).is_ok()),
        |tree| assert!(tree.store(0..=2_000, V::make(9_000)).is_ok()),
        |tree| drop(tree.replace(1_004, V::make(9_000))),
        |tree| assert_ne!(tree.prune(500).form, PruneForm::Nothing),
        |tree| assert_eq!(tree.prune_in_place(500).form, PruneForm::InPlace),
        |tree| tree.clear(),
    ];
    for remove in removals {
        let tree = tree::<V>(300);
        let guard = tree.pin();
        let held = tree.get(1_002, &guard).expect("covered");
        remove(&tree);
        for n in 0..100 {
            assert!(tree.store(n..=n * 3, V::make(n)).is_ok());
        }
        tree.hand_over();
        assert_eq!(V::read(held), 100);
        assert!(tree.validate().is_ok());
    }
}

fn a_read_section_of_another_tree_counts<V: Number>() {
    let (here, there) = (tree::<V>(3), tree::<V>(3));
    let guard = there.pin();
    assert_eq!(here.synchronize(), Err(InsideReadSection));
    assert_eq!(here.get(11, &guard).map(V::read), Some(1), "one flavour, one kind of guard");
    drop(guard);
    assert_eq!(here.synchronize(), Ok(()));
}

macro_rules! with_every_entry {
    ($($function:ident),* $(,)?) => {
        mod entries {
            $(#[test]
            fn $function() {
                super::$function::<u32>();
                super::$function::<Box<u64>>();
                super::$function::<super::Arc<u64>>();
                super::$function::<super::RcuBox<u64>>();
                super::$function::<super::RcuArc<u64>>();
            })*
        }
    };
}

with_every_entry!(
    what_was_erased_stays_readable,
    what_was_erased_can_be_had_after_a_grace_period,
    what_was_replaced_can_be_had_after_a_grace_period,
    waiting_inside_a_read_section_gives_it_back,
    what_was_erased_may_be_dropped_in_any_order,
    what_a_reader_holds_outlives_its_removal,
    a_read_section_of_another_tree_counts,
);

// Errors.

/// A value that can be cloned, but neither printed nor compared.
#[derive(Clone)]
struct Plain(u64);

fn says<E: Error + Debug + Display>(error: &E) {
    assert!(!error.to_string().is_empty());
    assert!(!format!("{error:?}").is_empty());
}

#[test]
fn errors_give_back_a_value_that_nobody_can_print() {
    let mut map = RangeMap::<Box<Plain>>::new();
    map.insert(10..=19, Box::new(Plain(1))).map_err(|_| ()).expect("a gap");

    let error: InsertError<_> = map.insert(..=10, Box::new(Plain(2))).expect_err("occupied");
    says(&error);
    assert_eq!(error.value.0, 2);
    assert_eq!(error.kind, InsertErrorKind::Occupied(10..=19));

    let error: ReplaceError<_> = map.replace(20, Box::new(Plain(3))).err().expect("vacant");
    says(&error);
    assert_eq!(error.value.0, 3);
    assert_eq!(error.kind, ReplaceErrorKind::Vacant(20..=MAX));

    let bad = BadRange { start: Bound::Included(9), end: Bound::Excluded(9) };
    says(&bad);
    let error: StoreError<_> = map.store(9..9, Box::new(Plain(4))).expect_err("empty");
    says(&error);
    assert_eq!(error.value.0, 4);
    assert_eq!(error.kind, StoreErrorKind::BadRange(bad));

    let error: InsertError<_> = map.insert(9..9, Box::new(Plain(5))).expect_err("empty");
    says(&error);
    assert_eq!(error.value.0, 5);
    assert_eq!(error.kind, InsertErrorKind::BadRange(bad));

    let error: RemoveError = map.remove(9..9).expect_err("empty");
    says(&error);
    assert_eq!(error, RemoveError::BadRange(bad));
    says(&InsideReadSection);
    assert_eq!(map.iter().map(|(range, plain)| (range, plain.0)).collect::<Vec<_>>(), [(10..=19, 1)]);
}

#[test]
fn what_threads_may_do() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<RangeMap<Box<u64>>>();
    sync::<RangeMap<Arc<u64>>>();
    send::<MapleTree<Box<u64>>>();
    sync::<MapleTree<RcuArc<u64>>>();
    sync::<MapleTree<RcuBox<u64>>>();
    send::<MapleTree<u8>>();
}

on_every_face!(
    get_gives_the_entry_that_covers_the_index_or_nothing,
    get_range_gives_the_exact_range_or_the_whole_gap,
    first_and_last,
    erase_takes_the_whole_range_out,
    erase_in_a_gap_gives_nothing,
    replace_keeps_the_range_and_gives_the_old_value,
    replace_in_a_gap_names_the_gap,
    remove_takes_the_part_inside_and_leaves_what_sticks_out,
    the_faces_turn_into_each_other,
    dump_and_dot_show_the_ranges,
);

on_both_faces!(
    first_and_last_beside_many_cleared_entries,
    erase_never_fails_whatever_the_size_of_the_tree,
    replace_every_entry_of_a_deep_tree,
    a_change_is_seen_by_a_fresh_walk,
);
