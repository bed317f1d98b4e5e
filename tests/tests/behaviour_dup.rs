//! Copies: of every size, independent of their source, through closures that fail, and cut down
//! to what was done while others read.

use maple_tests::check::ALL;
use maple_tests::entry::Number;
use maple_tests::face::Face;
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed, expect};
use maple_tests::{Model, on_both_faces, on_every_face};
use maple_tree::{DupError, MapleTree, PruneForm, RangeMap, RcuArc, RcuBox};
use std::sync::Arc;

/// A copy holds the same, node for node.
fn dup_agrees<F: Face>(pair: &Pair<F>) {
    let copy = pair.dup();
    copy.agree_in_order();
    let (ours, theirs) = (copy.face.validate(), pair.face.validate());
    assert_eq!((ours.entries, ours.dead), (theirs.entries, 0));
    if theirs.dead == 0 {
        assert_eq!(ours, theirs, "the same nodes");
    }
}

fn dup_of_nothing<F: Face>() {
    let pair = Pair::<F>::new();
    dup_agrees(&pair);
    let mut copy = pair.dup();
    copy.store(5, 9, 1).agree();
    pair.agree();
}

fn dup_of_one<F: Face>() {
    for (first, last) in [(0, 0), (5, 9), (0, u64::MAX), (u64::MAX, u64::MAX)] {
        let mut pair = Pair::<F>::new();
        pair.store(first, last, 1);
        dup_agrees(&pair);
    }
}

fn dup_of_0_to_3000<F: Face>() {
    let mut pair = Pair::<F>::new();
    for n in 0..=3_000_u64 {
        if n < 300 || n % 64 < 2 {
            dup_agrees(&pair);
        }
        pair.store(n * 10, n * 10 + 5 + n % 5, n);
    }
    pair.dup().agree();
}

fn dup_of_100000<F: Face>() {
    let pair = Pair::<F>::of(100_000, 10, 6);
    dup_agrees(&pair);
    assert_eq!(pair.dup().face.items(), pair.model.items());
    let items = pair.model.items();
    for good in [0, 1, 50_000, 99_999, 100_000] {
        let (copied, failed) = pair.face.dup_with(good);
        assert!(copied.iter().copied().eq(items[..good].iter().map(|&(a, b, v)| (a, b, v + 1))));
        assert_eq!(failed, items.get(good).map(|item| (item.0, item.1)));
    }
}

fn dup_of_a_tree_that_was_changed_in_every_way<F: Face>() {
    let mut pair = Pair::<F>::of(500, 10, 6);
    for n in (0..500).filter(|n| n % 5 < 2) {
        pair.erase(n * 10);
    }
    dup_agrees(&pair);
    pair.store(1_000, 1_777, 9_001).remove(2_003, 2_222);
    dup_agrees(&pair);
    pair.run(Op::PruneInPlace { from: 4_000 }).run(Op::Replace { index: 3_020, value: 9_002 });
    dup_agrees(&pair);
    pair.run(Op::PruneCut { from: 3_022 }).run(Op::Synchronize);
    dup_agrees(&pair);
    pair.run(Op::Clear);
    dup_agrees(&pair);
}

/// Trees with gaps side by side, leaves with nothing but gaps, and slots of which readers may still hold the entry.
fn with_erased_entries<F: Face>(check: impl Fn(Pair<F>)) {
    let patterns: [fn(u64, u64) -> bool; 5] = [
        |n, _| n % 2 == 0,
        |n, _| n % 5 < 3,
        |n, count| (count / 4..count / 4 + 40).contains(&n),
        |n, count| n > 0 && n + 1 < count,
        |_, _| true,
    ];
    for (count, strides) in [(3, &[6, 10][..]), (16, &[6, 10]), (100, &[6, 10]), (300, &[10])] {
        for &stride in strides {
            for pattern in patterns {
                let prune = Op::PruneInPlace { from: count / 2 * stride };
                for finish in [&[][..], &[Op::Synchronize], &[Op::Pin], &[Op::Convert], &[Op::Pin, prune]] {
                    let mut pair = Pair::<F>::of(count, stride, 6);
                    if finish.first() == Some(&Op::Pin) {
                        pair.face.pin();
                    }
                    for n in (0..count).filter(|n| pattern(*n, count)) {
                        assert_eq!(pair.face.erase(n * stride), pair.model.erase(n * stride));
                    }
                    for op in finish {
                        pair.run(op.clone());
                    }
                    check(pair);
                }
            }
        }
    }
}

/// Stores, removals and all else over the gaps of `pair`; compared after each.
fn change_in_every_way<F: Face>(pair: &mut Pair<F>) {
    let end = pair.model.last().map_or(200, |item| item.1);
    for n in 0..8 {
        let at = end / 9 * (n + 1);
        pair.store(at, at, 9_000 + n).store(at + 1, at + 40, 9_010 + n).remove(at + 13, at + 14).erase(at + 30);
        pair.run(Op::Insert { range: closed(at + 12, at + 14), value: 9_020 + n })
            .run(Op::Insert { range: closed(at + 13, at + 13), value: 1 });
    }
    // Into every gap at once, and one by one.
    let gaps = pair.model.gaps(ALL);
    for (n, &(first, _)) in gaps.iter().enumerate().filter(|(n, _)| n % 3 == 0) {
        pair.store(first, first, n as u64);
    }
    pair.run(Op::Extend { entries: gaps.iter().skip(1).step_by(3).map(|&(first, last)| (closed(first, last), 7)).collect() });
    pair.run(Op::RemoveSparing { range: closed(end / 2, end / 2 + 90) }).run(Op::RemoveWhole { range: closed(end / 4, end / 3) });
    pair.store(end + 5, end + 9, 9_100).run(Op::Prune { from: end / 5 * 4 }).store(end, end + 1, 9_101);
}

fn a_copy_of_a_tree_with_erased_entries_is_changed<F: Face>() {
    with_erased_entries::<F>(|source| {
        dup_agrees(&source);
        let mut copy = source.dup();
        change_in_every_way(&mut copy);
        copy.agree_in_order();
        source.agree_in_order();
        // What is copied now has gaps side by side again.
        let mut second = copy.dup();
        for item in copy.model.clone().items().iter().step_by(2) {
            copy.erase(item.0);
        }
        let mut third = copy.dup();
        change_in_every_way(&mut third);
        second.run(Op::Compact).run(Op::Convert).run(Op::Compact);
        change_in_every_way(&mut second);
        drop((source, copy));
        second.run(Op::Synchronize).agree_in_order();
        third.agree_in_order();
    });
}

/// Their source, too, after it was copied.
fn a_tree_with_erased_entries_is_changed_after_it_was_copied<F: Face>() {
    with_erased_entries::<F>(|mut source| {
        let copy = source.dup();
        change_in_every_way(&mut source);
        source.agree_in_order();
        copy.agree_in_order();
    });
}

fn dup_of_a_dup<F: Face>() {
    let mut pair = Pair::<F>::of(200, 10, 6);
    for n in 0..20 {
        pair = pair.dup();
        pair.store(n * 95, n * 95 + 40, 1_000 + n).agree();
    }
}

fn a_copy_and_its_source_go_their_own_ways<F: Face>() {
    let mut source = Pair::<F>::of(300, 10, 6);
    let mut copy = source.dup();
    copy.store(55, 555, 9_000).erase(1_000).run(Op::Prune { from: 2_500 });
    source.agree();
    source.remove(0, 1_500).store(2_990, 3_010, 9_001);
    copy.agree();
    source.run(Op::Clear).run(Op::Synchronize);
    copy.agree();
    drop(source);
    copy.run(Op::Synchronize).agree();
}

fn the_closure_fails_at_every_entry<F: Face>() {
    for count in [0, 1, 2, 3, 15, 16, 17, 18, 40, 300] {
        let mut pair = Pair::<F>::of(count, 10, 6);
        for good in 0..=count as usize {
            pair.run(Op::DupWith { good });
        }
        pair.agree();
    }
}

fn the_closure_sees_no_entry_that_is_gone<F: Face>() {
    let mut pair = Pair::<F>::of(100, 10, 6);
    for n in (0..100).filter(|n| n % 3 != 1) {
        pair.erase(n * 10);
    }
    pair.run(Op::PruneInPlace { from: 900 });
    for good in [0, 1, 10, 29, 30, 31] {
        pair.run(Op::DupWith { good });
    }
}

/// What came before the failure is a map like any other.
fn a_partial_copy_can_be_written_to<V: Number>() {
    for count in [1, 2, 16, 17, 40, 300] {
        let source = MapleTree::<V>::new();
        for n in 0..count {
            assert!(source.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
        }
        for good in (0..count).step_by(7) {
            let done = source.try_dup_with(|range, entry| match *range.start() / 10 {
                n if n == good => Err(format!("entry {n} of {count}")),
                _ => Ok(V::make(V::read(entry) + 1)),
            });
            let Err(DupError::Entry { range, error, mut partial }) = done else {
                panic!("the closure failed");
            };
            assert_eq!(range, good * 10..=good * 10 + 5);
            assert_eq!(error, format!("entry {good} of {count}"));
            let mut model = Model::new();
            for n in 0..good {
                assert_eq!(model.insert(closed(n * 10, n * 10 + 5), n + 1), Ok(()));
            }
            same(&partial, &model);
            for place in [good * 10, 3, good * 5] {
                assert!(partial.store(place..=place + 20, V::make(9_000)).is_ok());
                assert_eq!(model.store(closed(place, place + 20), 9_000), Ok(()));
                same(&partial, &model);
            }
            let partial = MapleTree::<V>::from(partial);
            assert!(partial.remove(7..=good * 10).is_ok() || good == 0);
            if good > 0 {
                assert_eq!(model.remove(closed(7, good * 10)), Ok(()));
            }
            partial.synchronize().expect("not inside a read section");
            same(&partial.into_inner(), &model);
        }
    }
}

fn same<V: Number>(map: &RangeMap<V>, model: &Model) {
    assert_eq!(map.validate().expect("valid").entries, model.len());
    let items = map.iter().map(|(range, entry)| (*range.start(), *range.end(), V::read(entry)));
    assert_eq!(items.collect::<Vec<_>>(), model.items());
}

/// Copies through closures of trees with gaps side by side, whole ones and such that failed.
fn a_copy_through_a_closure_of_a_tree_with_erased_entries<V: Number>() {
    for count in [3, 20, 100, 400] {
        let source = MapleTree::<V>::new();
        let mut left = Vec::new();
        for n in 0..count {
            assert!(source.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
        }
        for n in 0..count {
            if n % 5 < 3 || (count / 4..count / 4 + 40).contains(&n) && n > 0 {
                assert!(source.erase(n * 10).is_some());
            } else {
                left.push(n);
            }
        }
        for good in (0..=left.len()).step_by(1 + left.len() / 7) {
            let mut calls = 0;
            let done = source.try_dup_with(|_, entry| {
                calls += 1;
                if calls > good { Err(()) } else { Ok(V::make(V::read(entry) + 1)) }
            });
            let mut copy = match done {
                Ok(copy) => copy,
                Err(DupError::Entry { partial, .. }) => partial,
                Err(DupError::OutOfMemory) => panic!("memory for a copy"),
            };
            let mut model = Model::new();
            for &n in &left[..good] {
                assert_eq!(model.insert(closed(n * 10, n * 10 + 5), n + 1), Ok(()));
            }
            same(&copy, &model);
            for place in (0..count * 10).step_by(37) {
                assert!(copy.store(place..=place + 20, V::make(9_000)).is_ok());
                assert_eq!(model.store(closed(place, place + 20), 9_000), Ok(()));
                assert!(copy.remove(place + 30..=place + 31).is_ok());
                assert_eq!(model.remove(closed(place + 30, place + 31)), Ok(()));
                same(&copy, &model);
            }
        }
    }
}

/// A copy that others read already is gone through entry by entry; at the first failure its
/// untouched tail is pruned, and it carries on as it is.
fn a_copy_that_failed_half_way_is_pruned<V: Number>() {
    for count in [1, 2, 15, 16, 17, 18, 300, 1_000] {
        let source = MapleTree::<V>::new();
        for n in 0..count {
            assert!(source.insert(n * 10..=n * 10 + 5, V::make(n)).is_ok());
        }
        for failed in (0..count).step_by(if count > 20 { 23 } else { 1 }) {
            let copy = MapleTree::<V>::from(source.dup().expect("memory for a copy"));
            let guard = copy.pin();
            let mut model = Model::new();
            for n in 0..failed {
                let old = copy.replace(n * 10 + 2, V::make(n + 5_000)).expect("covered");
                assert_eq!(V::read(old.get()), n);
                assert_eq!(model.insert(closed(n * 10, n * 10 + 5), n + 5_000), Ok(()));
            }
            let pruned = copy.prune(failed * 10);
            // The nodes for this were put aside when the copy was made.
            assert_eq!(pruned.form, PruneForm::PathCopy, "{failed} of {count}: {pruned:?}");
            let items = copy.iter(&guard);
            let items = items.map(|(range, entry)| (*range.start(), *range.end(), V::read(entry)));
            assert_eq!(items.collect::<Vec<_>>(), model.items());
            drop(guard);
            assert!(copy.store(failed * 10.., V::make(1)).is_ok());
            assert_eq!(copy.validate().expect("valid").entries as u64, failed + 1);
        }
        assert_eq!(source.validate().expect("valid").entries as u64, count);
    }
}

/// As many failures as one likes within one grace period: each copy has its own nodes.
#[test]
fn a_hundred_copies_fail_within_one_grace_period() {
    let source = MapleTree::<Arc<u64>>::new();
    for n in 0..700 {
        source.insert(n * 10..=n * 10 + 5, Arc::new(n)).expect("empty so far");
    }
    let copies = (0..100).map(|_| MapleTree::<Arc<u64>>::from(source.dup().expect("memory")));
    let copies = copies.collect::<Vec<_>>();
    let guard = source.pin();
    for (n, copy) in copies.iter().enumerate() {
        let from = 35 + n as u64 * 63;
        let pruned = copy.prune(from);
        assert_eq!(pruned.form, PruneForm::PathCopy, "copy {n}: {pruned:?}");
        let last = copy.last(&guard).expect("not empty");
        assert_eq!(*last.0.start(), (from - 1) / 10 * 10);
        copy.validate().expect("valid");
    }
    drop(guard);
    assert_eq!(source.validate().expect("valid").entries, 700);
}

#[test]
fn a_copy_may_hold_another_kind_of_entry() {
    let mut source = RangeMap::<u32>::new();
    for n in 0..100_u32 {
        source.insert(u64::from(n) * 2..=u64::from(n) * 2, n).expect("empty so far");
    }
    let texts: RangeMap<Box<String>> = source
        .try_dup_with(|range, n| Ok::<_, ()>(Box::new(format!("{}: {n}", range.start()))))
        .expect("the closure does not fail");
    assert_eq!(texts.get(84).map(String::as_str), Some("84: 42"));
    let tree = MapleTree::<Box<String>>::from(texts);
    let lengths: RangeMap<u8> = tree.try_dup_with(|_, text| u8::try_from(text.len())).expect("no text is that long");
    assert_eq!(lengths.get(198), Some(7));
    assert_eq!(lengths.gaps(..4).collect::<Vec<_>>(), [1..=1, 3..=3]);
}

#[test]
fn copies_of_counted_entries_share_what_they_count() {
    let mut source = RangeMap::<Arc<u64>>::new();
    let value = Arc::new(7);
    source.insert(3..=5, value.clone()).expect("empty so far");
    let copy = source.dup().expect("memory for a copy");
    assert_eq!(Arc::strong_count(&value), 3);
    let lent = copy.get(4).expect("covered");
    assert!(Arc::ptr_eq(&lent.to_arc(), &value));
    drop((source, copy));
    assert_eq!(Arc::strong_count(&value), 1);
}

fn dup_while_the_caller_reads<F: Face>() {
    let pair = Pair::<F>::of(100, 10, 6);
    let copy = pair.face.scan_all(|scan| {
        let first = scan.next();
        (first, pair.face.dup())
    });
    assert_eq!(copy.0, Some((0, 5, 0)));
    expect(&copy.1, pair.model.items());
    assert_eq!(copy.1.gaps(ALL), pair.model.gaps(ALL));
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
    a_partial_copy_can_be_written_to,
    a_copy_through_a_closure_of_a_tree_with_erased_entries,
    a_copy_that_failed_half_way_is_pruned,
);

on_every_face!(
    dup_of_nothing,
    dup_of_one,
    dup_of_a_tree_that_was_changed_in_every_way,
    a_copy_of_a_tree_with_erased_entries_is_changed,
    a_tree_with_erased_entries_is_changed_after_it_was_copied,
    dup_of_a_dup,
    a_copy_and_its_source_go_their_own_ways,
    the_closure_sees_no_entry_that_is_gone,
    dup_while_the_caller_reads,
);

on_both_faces!(dup_of_0_to_3000, dup_of_100000, the_closure_fails_at_every_entry);
