//! Address spaces of real programs, call by call: on each face beside the model, and beside readers. In the end there is what the kernel said
//! is mapped.

#![cfg(not(miri))]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use maple_tests::beside::{Reader, beside};
use maple_tests::face::{ExclusiveFace, Face, SharedFace};
use maple_tests::model::{Inclusive, Item};
use maple_tests::op::Op;
use maple_tests::pair::{Pair, closed};
use maple_tests::trace::{self, Change, Operations};
use maple_tree::{MapleTree, RcuArc};

/// A module of tests for each trace, with the number of calls that it has at least.
macro_rules! traces {
    ($($name:ident $file:literal $calls:literal,)*) => {
        const FILES: &[&str] = &[$($file),*];
        $(mod $name {
            use super::*;

            #[test]
            fn exclusive() {
                replay::<ExclusiveFace<u32>>(&load($file, $calls));
            }

            #[test]
            fn shared() {
                replay::<SharedFace<u32>>(&load($file, $calls));
            }

            #[test]
            fn shared_owners() {
                replay::<SharedFace<RcuArc<u64>>>(&load($file, $calls));
            }

            #[test]
            fn beside_readers() {
                replay_beside_readers(&load($file, $calls));
            }
        })*
    };
}

traces! {
    cc1plus "cc1plus" 300,
    chromium "chromium" 2_000,
    chromium_renderer "chromium-renderer" 3_000,
    java "java" 3_500,
    node "node" 5_000,
    postgres "postgres" 300,
    python "python" 500,
    redis "redis" 130,
    rustc "rustc" 300,
}

/// What the table says is what there is.
#[test]
fn every_trace_is_replayed() {
    let entries = std::fs::read_dir(trace::directory()).expect("the directory is there");
    let mut files: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8"))
        .filter_map(|name| name.strip_suffix(".trace").map(str::to_owned))
        .collect();
    files.sort();
    assert_eq!(files, FILES);
}

fn load(name: &str, calls: usize) -> Operations {
    let path = trace::directory().join(name).with_extension("trace");
    let trace = trace::load(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(trace.calls.len() >= calls, "{name}: {} calls", trace.calls.len());
    let operations = trace.operations().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(operations.changes.len() > trace.calls.len() / 2, "{name}: {} changes", operations.changes.len());
    assert!(operations.start.len() > 10 && operations.end.len() > operations.start.len(), "{name}: too little is mapped");
    operations
}

fn replay<F: Face>(operations: &Operations) {
    let mut pair = Pair::<F>::new();
    for &(first, last, value) in &operations.start {
        pair.run(Op::Insert { range: closed(first, last), value });
    }
    assert_eq!(pair.face.items(), operations.start, "what the program starts with");
    for (number, &change) in operations.changes.iter().enumerate() {
        if let Change::Insert { first, last, .. } = change {
            assert_eq!(pair.model.gaps(closed(first, last)), [(first, last)], "change {number} is an insertion");
        }
        pair.run(change.into());
        if number % 256 == 0 {
            pair.agree();
        }
    }
    pair.agree();
    assert_eq!(operations.settled(&pair.face.items()), operations.end, "what the kernel says");
    pair.face.synchronize();
    pair.agree();
}

/// From which version to which an entry was there, both included. Version `n` is what there is after `n` changes.
type Life = (usize, usize);

/// Every entry that there ever is.
struct History {
    lives: HashMap<Item, Vec<Life>>,
}

impl History {
    fn of(operations: &Operations) -> Self {
        let mut lives = HashMap::<Item, Vec<Life>>::new();
        let mut model = operations.model();
        for &item in model.items() {
            lives.entry(item).or_default().push((0, usize::MAX));
        }
        for (version, &change) in (1..).zip(&operations.changes) {
            let (first, last) = change.span();
            let around = (first.saturating_sub(1), last.saturating_add(1));
            let before = model.range(around.inclusive());
            assert_eq!(change.run(&mut model), Ok(()), "{change:x?}");
            let after = model.range(around.inclusive());
            for item in before.iter().filter(|item| !after.contains(item)) {
                let life = lives.get_mut(item).and_then(|lives| lives.last_mut());
                life.expect("it was there").1 = version - 1;
            }
            for &item in after.iter().filter(|item| !before.contains(item)) {
                lives.entry(item).or_default().push((version, usize::MAX));
            }
        }
        History { lives }
    }

    /// Panics unless the entry was there in one of these versions.
    fn assert_alive(&self, item: Item, (low, high): Life) {
        let lives = self.lives.get(&item);
        let alive = lives.is_some_and(|lives| lives.iter().any(|life| life.0 <= high && low <= life.1));
        assert!(alive, "{item:x?} was seen between versions {low} and {high}, and lived {lives:?}");
    }

    /// Panics unless nothing covered this index in one of these versions.
    fn assert_free(&self, index: u64, (low, high): Life) {
        let mut free_from = low;
        let covering = self.lives.iter().filter(|(item, _)| item.0 <= index && index <= item.1);
        let mut lives: Vec<Life> = covering.flat_map(|(_, lives)| lives).copied().collect();
        lives.sort_unstable();
        for life in lives {
            if life.0 <= free_from && free_from <= life.1 {
                free_from = life.1.saturating_add(1);
            }
        }
        assert!(free_from <= high, "{index:x} was seen free, and was not in any version from {low} to {high}");
    }

    /// Panics unless each entry that was there in all of these versions is among `seen`.
    fn assert_complete(&self, seen: &[Item], (low, high): Life) {
        for (item, lives) in &self.lives {
            if lives.iter().any(|life| life.0 <= low && high <= life.1) {
                assert!(seen.binary_search(item).is_ok(), "{item:x?} was skipped between versions {low} and {high}");
            }
        }
    }
}

fn entry(value: u64) -> u32 {
    u32::try_from(value).expect("a trace has few values")
}

fn replay_beside_readers(operations: &Operations) {
    let history = History::of(operations);
    // Where there is something to see.
    let mut edges: Vec<u64> =
        history.lives.keys().flat_map(|item| [item.0, item.1, item.0.wrapping_sub(1), item.1 + 1]).collect();
    edges.sort_unstable();
    edges.dedup();
    let tree = MapleTree::new();
    for &(first, last, value) in &operations.start {
        tree.insert(first..=last, entry(value)).expect("memory, and a free range");
    }
    // Changes that have begun, changes that are done, looks that readers have taken.
    let (begun, done, looks) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let check = |reader: &mut Reader| {
        let guard = tree.pin();
        for _ in 0..40 {
            // Anywhere, or where the latest change is.
            let at = reader.rng.below(u64::try_from(edges.len()).expect("a length fits"));
            let latest = begun.load(Ordering::Relaxed).saturating_sub(1);
            let (first, last) = operations.changes[latest].span();
            let index = match reader.rng.below(4) {
                0 => first,
                1 => last,
                2 => first + (last - first) / 2,
                _ => edges[usize::try_from(at).expect("below a length")],
            };
            let low = done.load(Ordering::Acquire);
            let (range, found) = tree.get_range(index, &guard);
            let life = (low, begun.load(Ordering::Acquire));
            assert!(range.contains(&index), "asked for {index:x}, got {range:x?}");
            match found {
                Some(value) => history.assert_alive((*range.start(), *range.end(), u64::from(value)), life),
                None => [index, *range.start(), *range.end()].into_iter().for_each(|index| history.assert_free(index, life)),
            }
        }
        let low = done.load(Ordering::Acquire);
        let item = |(range, value): (std::ops::RangeInclusive<u64>, u32)| (*range.start(), *range.end(), u64::from(value));
        let mut seen: Vec<Item> = match reader.rng.below(2) {
            0 => tree.iter(&guard).map(item).collect(),
            _ => tree.iter(&guard).rev().map(item).collect(),
        };
        let life = (low, begun.load(Ordering::Acquire));
        if seen.first() > seen.last() {
            seen.reverse();
        }
        assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].0), "out of order");
        seen.iter().for_each(|&item| history.assert_alive(item, life));
        history.assert_complete(&seen, life);
        looks.fetch_add(1, Ordering::Release);
    };
    let write = || {
        let mut model = operations.model();
        for (version, &change) in (1..).zip(&operations.changes) {
            begun.store(version, Ordering::Release);
            match change {
                Change::Insert { first, last, value } => {
                    tree.insert(first..=last, entry(value)).expect("memory, and a free range")
                }
                Change::Store { first, last, value } => tree.store(first..=last, entry(value)).expect("memory"),
                Change::Remove { first, last } => tree.remove(first..=last).expect("memory"),
            }
            done.store(version, Ordering::Release);
            assert_eq!(change.run(&mut model), Ok(()), "{change:x?}");
            let (first, last) = change.span();
            for index in [first.saturating_sub(1), first, last, last.saturating_add(1)] {
                let (range, found) = tree.get_range(index, &tree.pin());
                let found = ((*range.start(), *range.end()), found.map(u64::from));
                assert_eq!(found, model.get_range(index), "after change {version}, {change:x?}");
            }
            if version % 16 == 0 {
                assert_eq!(tree.validate().expect("valid").entries, model.len());
                // Readers get a turn on every machine, unless they have given up.
                let before = looks.load(Ordering::Acquire);
                (0..10_000).take_while(|_| looks.load(Ordering::Acquire) == before).for_each(|_| thread::yield_now());
            }
        }
    };
    beside(2, check, write);
    tree.validate().expect("valid");
    let guard = tree.pin();
    let held: Vec<Item> = tree.iter(&guard).map(|(range, value)| (*range.start(), *range.end(), u64::from(value))).collect();
    assert_eq!(operations.settled(&held), operations.end, "what the kernel says");
}
