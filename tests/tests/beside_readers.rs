//! Readers beside a writer: whatever changes, a reader sees the old or the new state, never a mixture, and never an entry under a
//! range that it does not have. Every value says which range it was stored at.

use std::sync::atomic::{AtomicU64, Ordering};

use maple_tests::beside::{Tag, Tagged, beside};
use maple_tests::counted::{Arcs, Kind, RcuArcs, RcuBoxes, Words};
use maple_tests::shapes::{Rng, Row, covers, with, without};
use maple_tree::PruneForm;

/// One test for each kind of entry.
macro_rules! kinds {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn integers() {
                super::$name::<super::Words>();
            }
            #[test]
            fn arcs() {
                super::$name::<super::Arcs>();
            }
            #[test]
            fn rcu_boxes() {
                super::$name::<super::RcuBoxes>();
            }
            #[test]
            fn rcu_arcs() {
                super::$name::<super::RcuArcs>();
            }
        }
    )*};
}

kinds! {
    replaced shrunk_and_grown split_and_joined cleared_and_created_again moved_boundary
    grown_by_both_ends a_thousand_ranges fresh_walks every_operation at_one_instant pruned_in_place several_writers
}

/// Ranges whose values are replaced: the range stays, and no reader goes back to an older value.
fn replaced<K: Kind>() {
    let tagged = Tagged::<K>::new();
    tagged.fill(200, 8, 10);
    beside(
        2,
        |reader| {
            reader.seen.resize(200, 0);
            for _ in 0..50 {
                let at = reader.rng.below(200);
                let (range, tag) = tagged.find(at * 10 + reader.rng.below(8));
                let tag = tag.expect("never absent");
                assert_eq!((range, tag.range()), (at * 10..=at * 10 + 7, at * 10..=at * 10 + 7));
                let seen = &mut reader.seen[usize::try_from(at).expect("fits")];
                assert!(*seen <= tag.generation, "from generation {seen} back to {}", tag.generation);
                *seen = tag.generation;
            }
        },
        || {
            let mut rng = Rng(1);
            for generation in 1..12_000 {
                let (lo, hi) = (rng.below(200) * 10, 7);
                if generation % 3 == 0 {
                    tagged.store(lo, lo + hi, generation);
                } else {
                    let old = tagged.tree.replace(lo + 3, tagged.value(lo, lo + hi, generation)).expect("an entry");
                    assert_eq!(old.range(), lo..=lo + hi);
                    assert!(Tag::of(K::id(old.get())).generation < generation);
                }
            }
        },
    );
    tagged.end();
}

/// One range among neighbours that it never touches, made longer and shorter: by a store over it, and by removing its end.
fn shrunk_and_grown<K: Kind>() {
    let tagged = Tagged::<K>::new();
    tagged.fill(100, 10, 100);
    beside(
        2,
        |_| {
            let (range, tag) = tagged.find(5_000);
            let tag = tag.expect("its start never goes");
            assert_eq!(*range.start(), 5_000);
            // Stored at 0..=a, and cut to b <= a: the cut is in the generation.
            let cut = tag.generation % 100;
            assert!([tag.hi, 5_000 + cut.min(tag.hi - 5_000)].contains(range.end()), "{range:?} of {tag:?}");
            // What is behind its end is a gap, or the end has moved since.
            let (behind, tag) = tagged.find(5_099);
            assert!(tag.is_none() || behind == (5_000..=5_099), "{behind:?}");
        },
        || {
            let mut rng = Rng(2);
            for round in 0..5_000 {
                let (end, cut) = (rng.below(100), rng.below(100));
                // Free what is behind the new end first, so that the range is exactly the stored one from the start.
                tagged.store(5_000, 5_099, round * 100 % 2_000_000 + 99);
                tagged.tree.remove(5_001 + end..=5_099).ok();
                tagged.store(5_000, 5_000 + end, round * 100 % 2_000_000 + cut);
                if cut < end {
                    tagged.tree.remove(5_001 + cut..=5_000 + end).expect("memory");
                }
            }
        },
    );
    tagged.end();
}
