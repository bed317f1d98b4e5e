//! Whole operations beside readers: a change is visible to whoever looks after it, a change of many entries is visible all at once
//! (or, in place, piece by piece with the rest untouched), and any sequence of them, by one writer or several, never shows a
//! reader an entry under a range that it does not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use maple_tests::beside::{Tag, Tagged, beside};
use maple_tests::counted::Kind;
use maple_tests::kinds;
use maple_tests::shapes::{Rng, Row, before, covers, with, without};
use maple_tree::{MapleTree, PruneForm};

kinds! {
    fresh_walks every_operation at_one_instant pruned_in_place several_writers
}

/// After a change, every look that begins later sees it: by point, by walk from either end, by window.
fn fresh_walks<K: Kind>() {
    const PLACES: u64 = 300;
    let tagged = Tagged::<K>::new();
    tagged.fill(PLACES, 6, 10);
    // The last change that is complete.
    let done = AtomicU64::new(0);
    beside(
        2,
        |reader| {
            let generation = done.load(Ordering::Acquire);
            let lo = generation % PLACES * 10;
            let tag = match reader.rng.below(5) {
                0 => tagged.find(lo).1,
                1 => {
                    let guard = tagged.tree.pin();
                    tagged.tree.get(lo + 5, &guard).map(|entry| Tag::of(K::id(entry)))
                }
                2 => {
                    let guard = tagged.tree.pin();
                    tagged.tree.range(lo..lo + 6, &guard).next().map(|(_, entry)| Tag::of(K::id(entry)))
                }
                way => tagged.walk(way == 3).into_iter().find(|(range, _)| range.contains(&lo)).map(|(_, tag)| tag),
            };
            // The next change at the same place may be under way.
            let next = done.load(Ordering::Acquire) + 1 >= generation + PLACES;
            let erased = generation % 7 == 0 && generation > 0;
            match tag {
                Some(tag) => {
                    assert_eq!(tag.lo, lo);
                    let stale = if erased { tag.generation <= generation } else { tag.generation < generation };
                    assert!(!stale, "change {generation} was done, and generation {} was seen", tag.generation);
                }
                None => assert!(erased || next, "change {generation} was done, and nothing was seen"),
            }
        },
        || {
            for generation in 1..15_000 {
                let lo = generation % PLACES * 10;
                match generation {
                    _ if generation % 7 == 0 => drop(tagged.tree.erase(lo + 1)),
                    _ if generation % 3 == 0 && tagged.find(lo).1.is_some() => {
                        drop(tagged.tree.replace(lo + 2, tagged.value(lo, lo + 5, generation)).expect("an entry"));
                    }
                    _ => tagged.store(lo, lo + 5, generation),
                }
                done.store(generation, Ordering::Release);
            }
        },
    );
    tagged.end();
}

/// One writer with every operation, a thread that copies the tree again and again, and readers that check each range returned.
fn every_operation<K: Kind>() {
    const SPACE: u64 = 3_000;
    let tagged = Tagged::<K>::new();
    tagged.fill(SPACE / 6, 4, 6);
    let mut rows: Vec<Row> = tagged.walk(true).into_iter().map(|(range, tag)| (*range.start(), *range.end(), tag.id())).collect();
    beside(
        3,
        |reader| {
            if reader.number == 0 {
                let copy = MapleTree::<K::V>::from(tagged.tree.dup().expect("memory for a copy"));
                let entries = copy.validate().expect("a valid copy").entries;
                let guard = copy.pin();
                assert_eq!(
                    copy.iter(&guard).inspect(|(range, entry)| Tag::of(K::id(*entry)).assert_holds(range)).count(),
                    entries
                );
                return;
            }
            for _ in 0..20 {
                tagged.find(reader.rng.below(SPACE));
            }
            tagged.walk(reader.rng.below(2) == 0);
            let guard = tagged.tree.pin();
            let lo = reader.rng.below(SPACE);
            let hi = lo + reader.rng.below(200);
            for (range, entry) in tagged.tree.range(lo..=hi, &guard) {
                assert!(*range.start() <= hi && lo <= *range.end(), "{range:?} is not in {lo}..={hi}");
                Tag::of(K::id(entry)).assert_holds(&range);
            }
            let mut from = lo;
            for gap in tagged.tree.gaps(lo..=hi, &guard) {
                assert!(from <= *gap.start() && gap.start() <= gap.end() && *gap.end() <= hi, "{gap:?} in {lo}..={hi}");
                from = *gap.end() + 1;
            }
            for (range, entry) in [tagged.tree.first(&guard), tagged.tree.last(&guard)].into_iter().flatten() {
                Tag::of(K::id(entry)).assert_holds(&range);
            }
        },
        || {
            let mut rng = Rng(5);
            for generation in 1..8_000 {
                let lo = rng.below(SPACE);
                let length = if rng.below(8) == 0 { 400 } else { 12 };
                let hi = (lo + rng.below(length)).min(SPACE - 1);
                let id = Tag { lo, hi, generation }.id();
                let whole = |rows: &mut Vec<Row>| rows.retain(|row| row.0 < lo || row.1 > hi);
                // Prunes mostly near the end, or there would never be many entries.
                let from = if rng.below(40) == 0 { lo } else { SPACE - 1 - rng.below(SPACE / 20) };
                match rng.below(20) {
                    0..=8 => {
                        tagged.store(lo, hi, generation);
                        rows = with(&rows, lo, hi, id);
                    }
                    9..=11 => {
                        let free = without(&rows, lo, hi) == rows;
                        let inserted = tagged.tree.insert(lo..=hi, tagged.value(lo, hi, generation));
                        assert_eq!(inserted.is_ok(), free);
                        if free {
                            rows = with(&rows, lo, hi, id);
                        }
                    }
                    12 => {
                        if let Some(row) = rows.iter_mut().find(|row| covers(row, lo)) {
                            let old = tagged.tree.replace(lo, tagged.value(row.0, row.1, generation)).expect("an entry");
                            assert_eq!((old.range(), K::id(old.get())), (row.0..=row.1, row.2));
                            row.2 = Tag { lo: row.0, hi: row.1, generation }.id();
                        }
                    }
                    13 | 14 => {
                        let erased = tagged.tree.erase(lo).map(|removed| (removed.range(), K::id(removed.get())));
                        let at = rows.iter().position(|row| covers(row, lo));
                        assert_eq!(erased, at.map(|at| rows.remove(at)).map(|row| (row.0..=row.1, row.2)));
                    }
                    15 => {
                        tagged.tree.remove(lo..=hi).expect("memory");
                        rows = without(&rows, lo, hi);
                    }
                    16 => {
                        tagged.tree.remove_whole(lo..=hi);
                        whole(&mut rows);
                    }
                    17 => {
                        let pruned = if generation % 2 == 0 { tagged.tree.prune(from) } else { tagged.tree.prune_in_place(from) };
                        assert!(generation % 2 == 0 || pruned.form != PruneForm::PathCopy);
                        rows = before(&rows, from, false);
                    }
                    18 => {
                        if tagged.tree.prune_cut(from).is_ok() {
                            rows = before(&rows, from, true);
                        }
                    }
                    _ => match generation % 50 {
                        0 => {
                            tagged.tree.clear();
                            rows.clear();
                        }
                        1..=10 => tagged.tree.synchronize().expect("not inside a read section"),
                        11..=20 => tagged.tree.compact().expect("memory"),
                        _ => tagged.tree.hand_over(),
                    },
                }
                if generation % 500 == 0 {
                    assert_eq!(tagged.tree.validate().expect("valid").entries, rows.len());
                }
            }
        },
    );
    let seen: Vec<Row> = tagged.walk(true).into_iter().map(|(range, tag)| (*range.start(), *range.end(), tag.id())).collect();
    assert_eq!(seen, rows);
    tagged.end();
}

/// What a reader may conclude from the phase: odd phases only remove (or overwrite), even ones only build up.
struct Phase(AtomicU64);

impl Phase {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A change of many entries by one call is visible all at once: a prune by path copy, a clear, a store and a removal over sub-trees.
fn at_one_instant<K: Kind>() {
    const COUNT: u64 = 200;
    let tagged = Tagged::<K>::new();
    let phase = Phase(AtomicU64::new(0));
    let border = 100;
    beside(
        2,
        |reader| {
            let now = phase.now();
            if now % 2 == 0 {
                thread::yield_now();
                return;
            }
            let changed = |index| tagged.find(index).1.is_none_or(|tag| tag.generation == now);
            while phase.now() == now {
                // Any change seen at one place is seen at every other from then on, unless the next phase has begun. The ends of
                // the range are most telling.
                let any = (border + reader.rng.below(COUNT - border)) * 10;
                let (first, last) = (border * 10, COUNT * 10 - 1);
                for (one, other) in [(first, last), (last, first), (any, last), (first, any)] {
                    if changed(one) && !changed(other) {
                        assert_ne!(phase.now(), now, "the change was seen at {one} and then not at {other}");
                    }
                }
            }
        },
        || {
            for round in 0..600 {
                for at in 0..COUNT {
                    if round == 0 || at >= border || round % 4 == 1 {
                        tagged.store(at * 10, at * 10 + 9, 0);
                    }
                }
                let (lo, hi) = (border * 10, COUNT * 10 - 1);
                phase.next();
                // Time for the readers to begin to look.
                (0..2_000).for_each(|_| std::hint::spin_loop());
                match round % 4 {
                    0 => tagged.tree.clear(),
                    1 => assert_eq!(tagged.tree.prune(lo).form, PruneForm::PathCopy, "the reserve is full"),
                    2 => tagged.store(lo, hi, phase.now()),
                    _ => tagged.tree.remove(lo..=hi).expect("memory"),
                }
                // What is left for the readers to look at.
                thread::yield_now();
                phase.next();
                if round % 50 == 0 {
                    tagged.tree.synchronize().expect("not inside a read section");
                }
            }
        },
    );
    tagged.end();
}

/// A prune in place takes the tail piece by piece: what is before the border is there all the time, in every walk and for every look;
/// what has gone does not come back.
fn pruned_in_place<K: Kind>() {
    const COUNT: u64 = 300;
    let tagged = Tagged::<K>::new();
    tagged.fill(50, 10, 10);
    let phase = Phase(AtomicU64::new(0));
    beside(
        2,
        |reader| {
            let now = phase.now();
            let walk = tagged.walk(reader.rng.below(2) == 0);
            assert!(walk.len() >= 50, "only {} entries", walk.len());
            for (at, (range, tag)) in (0..50).zip(&walk) {
                assert_eq!((range.clone(), tag.generation), (at * 10..=at * 10 + 9, 0));
            }
            let again = tagged.walk(true);
            if now % 2 == 1 && phase.now() == now {
                assert!(again.iter().all(|seen| walk.contains(seen)), "something came back");
            }
            let lo = reader.rng.below(50) * 10;
            assert_eq!(tagged.find(lo).0, lo..=lo + 9);
        },
        || {
            for round in 1..150 {
                (50..COUNT).for_each(|at| tagged.store(at * 10, at * 10 + 9, round));
                phase.next();
                let pruned = tagged.tree.prune_in_place(500);
                assert_eq!((pruned.form, pruned.nodes_taken), (PruneForm::InPlace, 0));
                thread::yield_now();
                phase.next();
                match round % 3 {
                    0 => tagged.tree.synchronize().expect("not inside a read section"),
                    1 => tagged.tree.hand_over(),
                    _ => {}
                }
            }
        },
    );
    assert_eq!(tagged.walk(true).len(), 50);
    tagged.end();
}

/// Writers take turns: three of them change places of their own between those of the others, and each finds what it left.
fn several_writers<K: Kind>() {
    const PLACES: u64 = 900;
    let tagged = Arc::new(Tagged::<K>::new());
    beside(
        1,
        |reader| {
            for (range, tag) in tagged.walk(reader.rng.below(2) == 0) {
                assert_eq!(range, tag.range(), "ranges are only stored and erased whole");
                assert_eq!(tag.generation % 3, range.start() / 10 % 3, "a writer of its own for each place");
            }
        },
        || {
            thread::scope(|scope| {
                for writer in 0..3 {
                    let tagged = &tagged;
                    scope.spawn(move || {
                        let mut rng = Rng(writer);
                        let mut mine = vec![None; 300];
                        for step in 1..6_000 {
                            let at = rng.below(PLACES / 3);
                            let mine = &mut mine[usize::try_from(at).expect("fits")];
                            let (lo, generation) = ((at * 3 + writer) * 10, step * 3 + writer);
                            let found = tagged.find(lo).1;
                            assert_eq!(found.map(|tag| tag.generation), *mine, "somebody else changed the place");
                            match rng.below(3) {
                                0 => {
                                    drop(tagged.tree.erase(lo));
                                    *mine = None;
                                }
                                1 if mine.is_none() => {
                                    tagged.insert(lo, lo + 7, generation);
                                    *mine = Some(generation);
                                }
                                _ => {
                                    tagged.store(lo, lo + 7, generation);
                                    *mine = Some(generation);
                                }
                            }
                            if step % 512 == 0 {
                                tagged.tree.synchronize().expect("not inside a read section");
                            }
                        }
                    });
                }
            });
        },
    );
    Arc::into_inner(tagged).expect("the only owner").end();
}
