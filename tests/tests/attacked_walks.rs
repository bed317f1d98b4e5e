//! An attack on walks: iterators from both ends, on their own and with a writer that changes the tree between any two of their steps, so
//! that each schedule can be had again. What it found comes first, each as a test.

use maple_tests::entry::{Number, Value};
use maple_tests::shapes::Rng;
use maple_tests::witness::{Row, Witness, below, rows};
use maple_tree::{EpochGuard, Gaps, Iter, MapleTree, RangeMap, RcuArc, TypedTree};
use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

const MAX: u64 = u64::MAX;

/// Whether the tree does without its own assertions, so that there is time for more.
const QUICK: bool = !cfg!(debug_assertions);

/// A tree of four levels, each entry ten indices long with a free one before it.
fn high_tree() -> MapleTree<u32> {
    let map: RangeMap<u32> = (0..6_000u32).map(|n| (11 * u64::from(n) + 1..=11 * u64::from(n) + 10, n)).collect();
    assert!(map.validate().expect("valid").height >= 4);
    map.into()
}

/// Behind a node above the leaves a walk goes down from the root again. An entry that was stored meanwhile, and begins in what the walk had
/// passed, was taken for nothing, so that the gaps on both sides of it became one with what it covered.
#[test]
fn a_gap_does_not_go_over_an_entry_that_was_stored_beside_the_walk() {
    for backward in [false, true] {
        let tree = high_tree();
        let guard = tree.pin();
        let mut gaps = tree.gaps(1..66_000, &guard);
        let mut stored = 0;
        while let Some(gap) = if backward { gaps.next_back() } else { gaps.next() } {
            // Each gap was one index, and stores only cover.
            assert_eq!(gap.start(), gap.end(), "backward: {backward}");
            // From the entry that the walk just passed over the next gap into the entry behind that.
            let middle = if backward { *gap.end() - 11 } else { *gap.end() + 11 };
            if middle > 11 && middle < 65_980 {
                tree.store(middle - 5..=middle + 5, stored).expect("memory");
                stored += 1;
            }
        }
        assert!(stored > 2_000);
    }
}

/// When the back came to something that begins at index 0 in what the front had passed, both were told that nothing is left, and the
/// front went on nevertheless.
#[test]
fn when_one_end_says_that_nothing_is_left_the_other_does_too() {
    for stored in [true, false] {
        let tree: MapleTree<u32> = (0..60).map(|n| (10 * n..10 * n + 10, 1)).collect::<RangeMap<u32>>().into();
        let guard = tree.pin();
        let mut entries = tree.range(..=35, &guard);
        assert_eq!(entries.next(), Some((0..=9, 1)));
        if stored {
            tree.store(0..=40, 2).expect("memory");
        } else {
            tree.remove(0..=40).expect("memory");
        }
        assert_eq!(entries.next_back(), None);
        assert_eq!(entries.next(), None, "stored: {stored}");
    }
}

/// What came out of a walk, and what is between.
struct Seen {
    window: (usize, usize),
    front: Option<usize>,
    back: Option<usize>,
    items: HashSet<(usize, usize)>,
    over: bool,
}

impl Seen {
    fn new(window: (usize, usize)) -> Self {
        Self { window, front: None, back: None, items: HashSet::new(), over: false }
    }

    /// Where the ends are.
    fn ends(&self) -> [usize; 2] {
        [self.front.unwrap_or(self.window.0), self.back.unwrap_or(self.window.1)]
    }

    /// Something came out, or nothing did: in order, beside all that came before, and nothing behind the end.
    fn note(&mut self, item: Option<(usize, usize)>, backward: bool) {
        let Some((from, to)) = item else {
            self.over = true;
            return;
        };
        assert!(!self.over, "{from}..={to} after the end");
        assert!(from <= self.window.1 && self.window.0 <= to, "{from}..={to} is not in the window");
        assert!(self.front.is_none_or(|front| front < from), "{from}..={to} is not behind {:?}", self.front);
        assert!(self.back.is_none_or(|back| to < back), "{from}..={to} is not before {:?}", self.back);
        *if backward { &mut self.back } else { &mut self.front } = Some(if backward { from } else { to });
        self.items.insert((from, to));
    }
}

/// Takes items from both ends of a walk and lets the writer change something in between. In the end sometimes with a `fold`.
fn drive<V: Number, T, I: DoubleEndedIterator<Item = T> + Clone>(
    witness: &mut Witness<V>,
    window: (usize, usize),
    mut walk: I,
    changes: bool,
    check: impl Fn(&Witness<V>, T) -> (usize, usize),
) -> Seen {
    let mut seen = Seen::new(window);
    // How often the back is asked, of eight, and how often the writer does something.
    let (back, busy) = ([0, 8, 4, 1][witness.below(4)], [1, 3, 9][witness.below(3)]);
    let before_fold = if witness.below(3) == 0 { witness.below(60) } else { usize::MAX };
    for step in 0.. {
        if step == before_fold {
            walk = walk.clone();
            walk.fold((), |(), item| {
                seen.note(Some(check(witness, item)), false);
                if changes && witness.below(busy) == 0 {
                    witness.change(seen.ends());
                }
            });
            return seen;
        }
        if changes && witness.below(busy) == 0 {
            witness.change(seen.ends());
        }
        let backward = witness.below(8) < back;
        let item = if backward { walk.next_back() } else { walk.next() };
        let ended = item.is_none() && seen.over;
        let item = item.map(|item| check(witness, item));
        seen.note(item, backward);
        if ended && witness.below(4) == 0 {
            break;
        }
    }
    seen
}

fn entries_beside_changes<V: Number>(witness: &mut Witness<V>, changes: bool) {
    let window = witness.window();
    witness.begin();
    let tree = Rc::clone(&witness.tree);
    let guard: EpochGuard = tree.pin();
    let walk: Iter<'_, V> = tree.range(witness.cells.range(window), &guard);
    let seen = drive(witness, window, walk, changes, |witness, (range, entry)| {
        let (from, to) = witness.cells.cells(&range);
        let row = (from, to, V::read(entry));
        let was = rows(&witness.then, from, to) == [row];
        assert!(was || witness.came.contains(&row), "{row:?} was never there");
        (from, to)
    });
    // What was there all the time came.
    for (from, to, id) in rows(&witness.then, window.0, window.1) {
        let stayed = id > 0 && !witness.changed[from..=to].contains(&true);
        assert!(!stayed || seen.items.contains(&(from, to)), "{from}..={to} was there all the time");
    }
}

fn gaps_beside_changes<V: Number>(witness: &mut Witness<V>, changes: bool) {
    let window = witness.window();
    witness.begin();
    let tree = Rc::clone(&witness.tree);
    let guard: EpochGuard = tree.pin();
    let walk: Gaps<'_, V> = tree.gaps(witness.cells.range(window), &guard);
    let seen = drive(witness, window, walk, changes, |witness, gap| {
        let (from, to) = witness.cells.cells(&gap);
        let taken = (from..=to).find(|at| !witness.freed[*at]);
        assert_eq!(taken, None, "in the gap {from}..={to}, but never free");
        (from, to)
    });
    let mut found = vec![false; witness.now.len()];
    seen.items.iter().for_each(|(from, to)| found[*from..=*to].fill(true));
    let free = |at: &usize| witness.then[*at] == 0 && !witness.changed[*at];
    let missed = (window.0..=window.1).filter(free).find(|at| !found[*at]);
    assert_eq!(missed, None, "free all the time");
}

/// Every range was there at some time since the walk began, in order and never overlapping; what was there all the time comes once; gaps
/// were free; and what a store displaces is what it covers.
fn walks_keep_their_promise<V: Number>(seed: u64) {
    // From one level to four, and then trees of four levels that few are left in.
    for (round, count) in (0..).zip([10, 60, 900, 16_000, 16_000]) {
        let mut witness = Witness::<V>::new(seed + round, count);
        let turns = if count < 1_000 { 150 } else { [12, 60][usize::from(QUICK)] };
        for turn in 0..turns {
            if turn % 30 == 0 || witness.now.iter().filter(|id| **id > 0).count() < count / 20 {
                witness.fill();
            }
            entries_beside_changes(&mut witness, turn % 5 > 0);
            gaps_beside_changes(&mut witness, turn % 5 > 0);
            witness.tree.validate().expect("valid");
            if turn % 25 == 0 {
                witness.tree.synchronize().expect("outside");
            }
        }
    }
}

#[test]
fn walks_beside_a_writer_of_numbers() {
    walks_keep_their_promise::<u32>(100);
}

#[test]
fn walks_beside_a_writer_of_boxes() {
    walks_keep_their_promise::<Box<u64>>(200);
}

#[test]
fn walks_beside_a_writer_of_counted_entries() {
    walks_keep_their_promise::<RcuArc<u64>>(300);
}

/// Takes all items in a random order of ends, from two clones that part on the way, and with a `fold` in the end.
fn as_expected<T, I>(rng: &mut Rng, mut walk: I, mut expected: VecDeque<T>)
where
    T: PartialEq + Debug + Clone,
    I: DoubleEndedIterator<Item = T> + Clone,
{
    let (back, mut parting) = ([0, 8, 4, 1][below(rng, 4)], rng.below(40));
    loop {
        if parting == 0 {
            let mut apart = expected.clone();
            let folded = walk.clone().fold(0, |count, item| {
                assert_eq!(Some(item), apart.pop_front());
                count + 1
            });
            assert_eq!(folded, expected.len());
            assert_eq!(walk.clone().rev().collect::<Vec<_>>(), expected.iter().rev().cloned().collect::<Vec<_>>());
        }
        parting = parting.wrapping_sub(1);
        let backward = rng.below(8) < back;
        let (item, right) = if backward { (walk.next_back(), expected.pop_back()) } else { (walk.next(), expected.pop_front()) };
        assert_eq!(item, right);
        if item.is_none() {
            assert_eq!((walk.next_back(), walk.next()), (None, None));
            return;
        }
    }
}

/// Both faces, entries to be changed, and indices that end before what is stored; also after a writer left empty nodes behind.
#[test]
fn both_ends_meet() {
    for (seed, count) in [(1, 2usize), (2, 20), (3, 60), (4, 900), (5, 16_000)] {
        let mut witness = Witness::<u32>::new(seed, count);
        let mut rng = Rng(seed);
        for turn in 0..120 {
            if turn % 40 == 0 {
                witness.fill();
            }
            for _ in 0..20 {
                let near = [witness.below(count), witness.below(count)];
                witness.change(near);
            }
            let (window, cells) = (witness.window(), witness.cells);
            let range = cells.range(window);
            let there = rows(&witness.now, window.0, window.1).into_iter();
            let (entries, gaps): (Vec<Row>, Vec<Row>) = there.partition(|row| row.2 > 0);
            let entries: VecDeque<_> = entries.iter().map(|row| (cells.range((row.0, row.1)), u32::make(row.2))).collect();
            let clip = |row: &Row| cells.range((row.0.max(window.0), row.1.min(window.1)));
            let gaps: VecDeque<_> = gaps.iter().map(clip).collect();
            if turn % 4 < 3 {
                let guard = witness.tree.pin();
                as_expected(&mut rng, witness.tree.range(range.clone(), &guard), entries);
                as_expected(&mut rng, witness.tree.gaps(range, &guard), gaps);
            } else {
                let map = Rc::get_mut(&mut witness.tree).expect("alone").get_mut();
                as_expected(&mut rng, map.range(range.clone()), entries.clone());
                as_expected(&mut rng, map.gaps(range.clone()), gaps);
                // Not to be cloned; each end in turn.
                let (mut walk, mut left) = (map.range_mut(range), entries);
                while !left.is_empty() {
                    let backward = rng.below(2) == 0;
                    let (item, right) =
                        if backward { (walk.next_back(), left.pop_back()) } else { (walk.next(), left.pop_front()) };
                    assert_eq!(item.map(|(range, value)| (range, value.get())), right);
                }
                assert!(walk.next().is_none() && walk.next_back().is_none());
            }
        }
        // As a map that is taken apart from both ends.
        let all: VecDeque<_> = rows(&witness.now, 0, count - 1).into_iter().filter(|row| row.2 > 0).collect();
        let mut all: VecDeque<_> = all.iter().map(|row| (witness.cells.range((row.0, row.1)), u32::make(row.2))).collect();
        let mut parts = Rc::into_inner(witness.tree).expect("alone").into_inner().into_iter();
        while !all.is_empty() {
            let backward = rng.below(2) == 0;
            let (item, right) = if backward { (parts.next_back(), all.pop_back()) } else { (parts.next(), all.pop_front()) };
            assert_eq!(item, right);
        }
        assert!(parts.next().is_none() && parts.next_back().is_none());
    }
}

/// An entry that goes on behind the last index of the type is cut off there, whichever end comes to it and however.
#[test]
fn typed_walks_end_where_the_indices_do() {
    let mut rng = Rng(9);
    for (count, tail) in [(0u64, 100u64), (3, 100), (20, 0), (200, 300), (4_000, MAX)] {
        let mut tree = TypedTree::<u16, u32>::new();
        let last = u64::from(u16::MAX);
        let mut all: Vec<(RangeInclusive<u16>, u32)> = Vec::new();
        for n in 0..count {
            let (from, to) = (n * 16, n * 16 + n % 16);
            tree.inner_mut().store(from..=to, 1).expect("memory");
            all.push((u16::try_from(from).expect("few")..=u16::try_from(to).expect("few"), 1));
        }
        tree.inner_mut().store(last - 9..=last.saturating_add(tail), 2).expect("memory");
        if tail < MAX {
            tree.inner_mut().store(last + tail + 1.., 3).expect("memory");
        }
        all.push((u16::MAX - 9..=u16::MAX, 2));
        for _ in 0..200 {
            let [one, other] = [0, 1].map(|_| u16::try_from(rng.below(65_536)).expect("sixteen bits"));
            let window = [one.min(other)..=one.max(other), one..=u16::MAX, 0..=one, 0..=u16::MAX][below(&mut rng, 4)].clone();
            let (first, last) = (*window.start(), *window.end());
            let there = all.iter().filter(|(range, _)| *range.start() <= last && first <= *range.end());
            let guard = tree.pin();
            as_expected(&mut rng, tree.range(window, &guard), there.cloned().collect());
        }
    }
}

/// Readers in threads of their own, in a tree of four levels of which the writer takes whole regions and brings them back. A third of the
/// entries stays all the time.
#[test]
fn walks_in_threads_of_their_own() {
    const ENTRIES: u64 = 6_000;
    // Of three places side by side the first always has an entry, four indices long, of its own number.
    let pillar = |n: u64| (30 * n..=30 * n + 3, u32::try_from(n).expect("few"));
    let mut map: RangeMap<u32> = (0..3 * ENTRIES).map(|n| (10 * n..10 * n + 4, 0)).collect();
    (0..ENTRIES).map(pillar).for_each(|(range, number)| map.store(range, number).expect("memory"));
    assert!(map.validate().expect("valid").height >= 4);
    let tree: MapleTree<u32> = map.into();
    let ended = AtomicBool::new(false);
    let walked = AtomicUsize::new(0);
    let read = |seed: u64| {
        let mut rng = Rng(seed);
        while !ended.load(Ordering::Relaxed) {
            let guard = tree.pin();
            let (first, len) = (rng.below(ENTRIES), rng.below(600));
            let window = (30 * first, 30 * (first + len).min(ENTRIES - 1) + 3);
            let mut walk = tree.range(window.0..=window.1, &guard);
            let (mut front, mut back) = (Vec::new(), Vec::new());
            let (backward, steps) = ([0, 8, 4][below(&mut rng, 3)], below(&mut rng, 400));
            for _ in 0..steps {
                if rng.below(8) < backward {
                    back.extend(walk.next_back());
                } else {
                    front.extend(walk.next());
                }
            }
            walk.fold((), |(), item| front.push(item));
            front.extend(back.into_iter().rev());
            let mut pillars = (window.0 / 30..=window.1 / 30).map(pillar);
            let mut end = None;
            for (range, number) in front {
                assert!(end.is_none_or(|end| end < *range.start()), "{range:?} overlaps what ends at {end:?}");
                end = Some(*range.end());
                if range.start() % 30 == 0 {
                    assert_eq!(Some((range, number)), pillars.next());
                }
            }
            assert_eq!(pillars.next(), None);
            // What is between pillars is free or not; they never are.
            for gap in tree.gaps(window.0..=window.1, &guard) {
                assert!(gap.start() % 30 > 3 && gap.end() % 30 > 3 && gap.start() / 30 == gap.end() / 30, "a gap at {gap:?}");
            }
            walked.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        // Also when the writer panics.
        let _end = Ended(&ended);
        let readers = [1, 2].map(|seed| {
            let read = &read;
            scope.spawn(move || read(seed))
        });
        let mut rng = Rng(3);
        for round in 0..4_000u32 {
            let (n, len) = (rng.below(ENTRIES - 40), rng.below(40));
            let between = |n: u64| 30 * n + 4..=30 * n + 29;
            match rng.below(6) {
                0 => (n..n + len).for_each(|n| tree.remove_whole(between(n))),
                1 => (n..n + len).for_each(|n| tree.remove(between(n)).expect("memory")),
                2 => {
                    let mut writer = tree.lock();
                    for n in n..n + len {
                        let from = 30 * n + 4 + rng.below(20);
                        writer.store(from..=from + rng.below(5), round).expect("memory");
                    }
                }
                3 => tree.store_with(between(n), round, |_, _| ()).expect("memory"),
                4 if round % 50 == 0 => tree.compact().expect("memory"),
                _ => drop(tree.erase(30 * n + 4 + rng.below(26))),
            }
            if round % 64 == 0 {
                tree.synchronize().expect("outside");
            }
        }
        while walked.load(Ordering::Relaxed) < 20 && !readers.iter().all(|reader| reader.is_finished()) {
            thread::yield_now();
        }
    });
    tree.validate().expect("valid");
}

/// Tells the readers to stop.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What an exclusive map remembers of the last change, and knows of free space, is so after any other: entries taken out between two others,
/// stores behind the last one, searches, and entries that move from map to map. (`validate` looks at both.)
#[test]
fn what_a_map_remembers_holds() {
    for seed in 0..if QUICK { 30 } else { 4 } {
        let mut rng = Rng(seed);
        let (mut map, mut ids, mut end) = (RangeMap::<u32>::new(), vec![0u64; 3_000], 0);
        for step in 1..1_500u64 {
            let from = if rng.below(3) > 0 { end } else { below(&mut rng, 3_000) };
            let to = (from + below(&mut rng, 3)).min(2_999);
            let window = u64::try_from(from).expect("few")..=u64::try_from(to).expect("few");
            match rng.below(12) {
                0..6 => {
                    map.store(window, u32::make(step)).expect("memory");
                    ids[from..=to].fill(step);
                    end = (to + 1 + below(&mut rng, 2)).min(2_999);
                }
                6..9 => {
                    let at = end.saturating_sub(below(&mut rng, 40));
                    let (first, last, id) = rows(&ids, at, at)[0];
                    assert_eq!(map.erase(u64::try_from(at).expect("few")).map(|(_, id)| id.value()), (id > 0).then_some(id));
                    ids[first..=last].fill(0);
                }
                9 => {
                    let size = 1 + below(&mut rng, 4);
                    let found = map.find_free([1, 2, 3, 4][size - 1], 0..3_000, 1).ok();
                    let right = rows(&ids, 0, 2_999).into_iter().find(|row| row.2 == 0 && row.1 - row.0 + 1 >= size);
                    assert_eq!(found, right.and_then(|row| u64::try_from(row.0).ok()));
                }
                10 if rng.below(10) == 0 => {
                    // Where something begins: a piece of an entry would have its number.
                    let border = rows(&ids, from, from)[0].0;
                    let mut tail = map.split_off(u64::try_from(border).expect("few")).expect("memory");
                    tail.validate().expect("valid");
                    if rng.below(2) == 0 {
                        map.append(&mut tail).expect("one behind the other");
                    } else {
                        tail.append(&mut map).expect("one before the other");
                        std::mem::swap(&mut map, &mut tail);
                    }
                }
                _ => {
                    map.remove(window).expect("memory");
                    ids[from..=to].fill(0);
                }
            }
            map.validate().unwrap_or_else(|wrong| panic!("seed {seed}, step {step}: {wrong:?}"));
        }
        let there = rows(&ids, 0, 2_999).into_iter().filter(|row| row.2 > 0).map(|row| row.2);
        assert!(map.iter().map(|(_, id)| u64::from(id)).eq(there));
    }
}
