//! Readers beside a writer: whatever changes, a reader sees the old or the new state, never a mixture, and never an entry under a
//! range that it does not have. Every value says which range it was stored at.

use maple_tests::beside::{Tag, Tagged, beside};
use maple_tests::counted::Kind;
use maple_tests::kinds;
use maple_tests::shapes::Rng;

kinds! {
    replaced shrunk_and_grown split_and_joined cleared_and_created_again moved_boundary grown_by_both_ends a_thousand_ranges
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
            for generation in 1..40_000 {
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

/// One range among neighbours that it never touches, made longer and shorter: by stores over it, and by removing its end. Under its
/// start a reader finds it exactly as it was stored, or as it was cut (which the generation says), and nothing else.
fn shrunk_and_grown<K: Kind>() {
    const START: u64 = 5_000;
    let tagged = Tagged::<K>::new();
    tagged.fill(100, 10, 100);
    beside(
        2,
        |_| {
            let (range, tag) = tagged.find(START);
            let tag = tag.expect("its start never goes");
            let cut = START + tag.generation % 128;
            assert!(range == tag.range() || range == (START..=cut), "{range:?} of {tag:?}");
            let (range, tag) = tagged.find(START + 99);
            assert_eq!(*range.end(), START + 99, "up to its neighbour, a gap or not: {tag:?}");
            assert!(tag.is_some() || *range.start() > START);
        },
        || {
            let mut rng = Rng(2);
            // What the first generation cuts.
            tagged.store(START, START + 9, 9);
            for round in 1..12_000 {
                let end = rng.below(100);
                let cut = rng.below(end + 1);
                // Longer than before: over the gap. Shorter: the rest of the old value stays for a moment.
                tagged.store(START, START + end, round * 128 + cut);
                for last in [end, cut] {
                    if last < 99 {
                        tagged.tree.remove(START + last + 1..=START + 99).expect("memory");
                    }
                }
            }
        },
    );
    tagged.end();
}

/// A range that is split in the middle and made whole again, in a small tree and in one of several levels.
fn split_and_joined<K: Kind>() {
    for entries in [3, 300] {
        let tagged = Tagged::<K>::new();
        tagged.fill(entries, 100, 100);
        let lo = entries / 2 * 100;
        beside(
            2,
            |reader| {
                let (range, tag) = tagged.find(lo + reader.rng.below(100));
                let Some(tag) = tag else {
                    assert_eq!(range, lo + 40..=lo + 59, "the middle was removed");
                    return;
                };
                // The whole; its left and its right rest, which still say that they were stored as the whole; the middle.
                let legal = match (tag.lo - lo, tag.hi - lo) {
                    (0, 99) => [lo..=lo + 99, lo..=lo + 39, lo + 60..=lo + 99],
                    _ => [lo + 40..=lo + 59, lo + 40..=lo + 59, lo + 40..=lo + 59],
                };
                assert!(legal.contains(&range), "{range:?} of {tag:?}");
                // Two neighbours are never seen overlapping: a walk over the place comes in order (checked by `walk`).
                if reader.rng.below(50) == 0 {
                    tagged.walk(reader.number == 0);
                }
            },
            || {
                for generation in 1..8_000 {
                    tagged.store(lo + 40, lo + 59, generation);
                    tagged.store(lo, lo + 99, generation);
                    if generation % 2 == 0 {
                        tagged.tree.remove(lo + 40..=lo + 59).expect("memory");
                        tagged.insert(lo + 40, lo + 59, generation);
                        tagged.store(lo, lo + 99, generation);
                    }
                }
            },
        );
        tagged.end();
    }
}

/// A range between two stable ones that is removed and created again, by every means. The gap that is left has exact bounds.
fn cleared_and_created_again<K: Kind>() {
    let tagged = Tagged::<K>::new();
    tagged.store(400, 449, 0);
    tagged.store(650, 699, 0);
    beside(
        2,
        |reader| {
            let index = 500 + reader.rng.below(100);
            match tagged.find(index) {
                (range, None) => assert_eq!(range, 450..=649),
                (range, Some(tag)) => assert_eq!((range, tag.range()), (500..=599, 500..=599)),
            }
            let (range, tag) = tagged.find(620);
            assert!(tag.is_none() && (range == (450..=649) || range == (600..=649)), "{range:?}");
            let guard = tagged.tree.pin();
            let gaps: Vec<_> = tagged.tree.gaps(450..650, &guard).collect();
            assert!(gaps == [450..=649] || gaps == [450..=499, 600..=649], "{gaps:?}");
            assert_eq!(tagged.tree.first(&guard).map(|(range, _)| range), Some(400..=449));
            assert_eq!(tagged.tree.last(&guard).map(|(range, _)| range), Some(650..=699));
        },
        || {
            for generation in 1..30_000 {
                tagged.insert(500, 599, generation);
                match generation % 4 {
                    0 => drop(tagged.tree.erase(500 + generation % 100).expect("an entry")),
                    1 => tagged.tree.remove(500..=599).expect("memory"),
                    2 => tagged.tree.remove_whole(450..650),
                    _ => tagged.tree.remove(460..=640).expect("memory"),
                }
            }
        },
    );
    tagged.end();
}

/// Two neighbours whose common boundary moves. Under the first index a reader finds what was stored there with exactly its range: never
/// the new value with the old boundary.
fn moved_boundary<K: Kind>() {
    let tagged = Tagged::<K>::new();
    tagged.store(0, 499, 0);
    tagged.store(500, 999, 0);
    beside(
        2,
        |reader| {
            let (range, tag) = tagged.find(0);
            assert_eq!(tag.map(Tag::range), Some(range), "the left one is only ever stored whole");
            let (range, tag) = tagged.find(999);
            assert_eq!((*range.end(), tag.map(|tag| tag.hi)), (999, Some(999)));
            let (range, tag) = tagged.find(reader.rng.below(1_000));
            assert!(tag.is_some() && *range.end() <= 999, "there is no gap");
        },
        || {
            let mut rng = Rng(3);
            for generation in 1..30_000 {
                let boundary = 1 + rng.below(998);
                // Over the start of the right one, or leaving a rest of the left one; then the right one grows to the left.
                tagged.store(0, boundary, generation);
                if generation % 2 == 0 {
                    tagged.store(boundary + 1, 999, generation);
                }
            }
        },
    );
    tagged.end();
}

/// One range grown by both ends at once, 10,000 times, over the entries beside it: readers see both ends moved together.
fn grown_by_both_ends<K: Kind>() {
    const MIDDLE: u64 = 11_000;
    let tagged = Tagged::<K>::new();
    tagged.fill(2 * MIDDLE + 1, 1, 1);
    beside(
        2,
        |reader| {
            reader.seen.resize(1, 0);
            let reach = |index| {
                let (range, tag) = tagged.find(index);
                assert_eq!(Some(range.clone()), tag.map(Tag::range), "a range is only ever stored whole");
                if *range.start() == index && *range.end() == index && index != MIDDLE {
                    return None;
                }
                assert_eq!(MIDDLE - range.start(), range.end() - MIDDLE, "one end moved without the other");
                Some(MIDDLE - range.start())
            };
            let now = reach(MIDDLE).expect("the middle is always in it");
            assert!(now >= reader.seen[0], "it shrank");
            reader.seen[0] = now;
            // What it had reached, it still covers; a bit further out it may be there by now.
            let away = reader.rng.below(now + 3).min(MIDDLE);
            for index in [MIDDLE - away, MIDDLE + away] {
                let then = reach(index);
                assert!(away > now || then.is_some_and(|then| then >= now), "{away} away after {now} was reached: {then:?}");
            }
        },
        || (1..=10_000).for_each(|reach| tagged.store(MIDDLE - reach, MIDDLE + reach, reach)),
    );
    assert_eq!(tagged.find(MIDDLE).0, MIDDLE - 10_000..=MIDDLE + 10_000);
    assert_eq!(tagged.walk(true).len(), 2 * 1_000 + 1);
    tagged.end();
}

/// Readers forward and backward over 1,000 ranges: every second one stays as it is and is seen exactly once by every walk; the
/// others come, go, change, shrink, grow and are split, and are seen as something that they were.
fn a_thousand_ranges<K: Kind>() {
    let tagged = Tagged::<K>::new();
    tagged.fill(1_000, 50, 100);
    beside(
        3,
        |reader| {
            let seen = tagged.walk(reader.rng.below(2) == 0);
            let mut stable = 0;
            for (range, tag) in seen {
                let slot = *range.start() / 100;
                if slot % 2 == 0 && tag.lo == slot * 100 {
                    assert_eq!((slot, range, tag.generation), (stable, slot * 100..=slot * 100 + 49, 0), "skipped or repeated");
                    stable += 2;
                } else {
                    assert!(slot + 1 == stable || slot == stable - 2, "{range:?} after {stable}");
                }
            }
            assert_eq!(stable, 1_000, "the last ones were skipped");
            // The same in a window, from both ends at once.
            let lo = reader.rng.below(900) * 100;
            let guard = tagged.tree.pin();
            let mut walk = tagged.tree.range(lo..lo + 10_000, &guard);
            let mut count = 0;
            while let Some((range, _)) = if reader.rng.below(2) == 0 { walk.next() } else { walk.next_back() } {
                count += u64::from(*range.start() / 100 % 2 == 0 && *range.start() % 100 == 0);
            }
            assert_eq!(count, 50, "stable entries in a window of 100");
        },
        || {
            let mut rng = Rng(4);
            for generation in 1..50_000 {
                let lo = (rng.below(500) * 2 + 1) * 100;
                match rng.below(7) {
                    0 => drop(tagged.tree.erase(lo + rng.below(50))),
                    1 => drop(tagged.tree.insert(lo..=lo + 49, tagged.value(lo, lo + 49, generation))),
                    // (What is there may have any of the ranges below.)
                    2 => drop(tagged.tree.replace(lo, tagged.value(lo - 40, lo + 90, generation))),
                    3 => tagged.store(lo, lo + 24, generation),
                    4 => tagged.store(lo - 40, lo + 90, generation),
                    5 => tagged.tree.remove(lo + 10..=lo + 19).expect("memory"),
                    _ => tagged.tree.remove_whole(lo - 50..lo + 100),
                }
            }
        },
    );
    tagged.end();
}
