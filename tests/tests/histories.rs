//! Histories of threads on one tree are checked for a moment; and the checker refuses what it should, and nothing else.

use maple_tests::history::arena::{Flavour, cross_check, run};
use maple_tests::history::cells::Cells;
use maple_tests::history::check::{Report, check};
use maple_tests::history::event::{Answer, Change, Changed, Form, History, Id, Item, Look, Met, Scan, Seen};
use maple_tests::history::search::{Order, is_linearizable};
use maple_tests::shapes::Rng;

fn threads_on_trees(flavour: Flavour) {
    let mut rng = Rng(1);
    let mut report = Report::default();
    for _ in 0..if cfg!(debug_assertions) { 8 } else { 16 } {
        report += run(flavour, &mut rng, 4, 3).unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert!(report.looks > 10_000 && report.changes > 10_000 && report.copies > 100 && report.met > 1_000, "{report}");
}

#[test]
fn threads_on_trees_of_epoch() {
    threads_on_trees(Flavour::Epoch);
}

#[test]
fn threads_on_trees_of_grace() {
    threads_on_trees(Flavour::Grace);
}

/// The two ways to a verdict agree, on what threads did and on what they might have done.
#[test]
fn two_checkers_agree() {
    let mut rng = Rng(2);
    for flavour in [Flavour::Epoch, Flavour::Grace] {
        for _ in 0..8 {
            let crossed = cross_check(flavour, &mut rng, 20).unwrap_or_else(|failure| panic!("{failure}"));
            assert!(crossed.as_written > 0 && crossed.refused > 0 && crossed.refused < crossed.altered, "{crossed:?}");
        }
    }
}

/// Ten cells of ten indices each, but for the last.
fn cells() -> Cells {
    Cells::even(10, 10)
}

fn item(first: u64, last: u64, id: Id) -> Item {
    Item { first, last, id }
}

/// Histories by hand: each change is a turn of its own.
#[derive(Default)]
struct Story(History);

impl Story {
    fn before(mut self, items: &[Item]) -> Self {
        self.0.before = items.to_vec();
        self
    }

    fn change(mut self, (begin, end): (u64, u64), change: Change, answer: Answer) -> Self {
        let turn = self.0.changes.len() as u64 + 1;
        self.0.changes.push(Changed { thread: 0, turn, begin, end, change, answer });
        self
    }

    fn store(self, times: (u64, u64), first: u64, last: u64, id: Id) -> Self {
        self.change(times, Change::Store(item(first, last, id)), Answer::Done)
    }

    fn erase(self, times: (u64, u64), gone: Item) -> Self {
        self.change(times, Change::Erase(gone.first), Answer::Took(Some(gone)))
    }

    fn look(mut self, (begin, end): (u64, u64), index: u64, seen: Seen) -> Self {
        self.0.looks.push(Look { thread: 1, begin, end, index, seen });
        self
    }

    fn get(self, times: (u64, u64), index: u64, id: impl Into<Option<Id>>) -> Self {
        self.look(times, index, Seen::Value(id.into()))
    }

    /// A walk over everything that met these entries, each at this time.
    fn scan(mut self, (begin, end): (u64, u64), found: &[(u64, Item)]) -> Self {
        let met =
            |(time, item): &(u64, Item)| Met { first: item.first, last: item.last, id: Some(item.id), section: 0, time: *time };
        self.0.scans.push(Scan { front: found.iter().map(met).collect(), ..walk(begin, end) });
        self
    }
}

fn walk(begin: u64, end: u64) -> Scan {
    Scan {
        thread: 2,
        name: "a walk",
        sections: vec![begin],
        end,
        first: 0,
        last: u64::MAX,
        front: Vec::new(),
        back: Vec::new(),
        over: true,
        entries: true,
        gaps: false,
    }
}

fn gap(time: u64, first: u64, last: u64) -> Met {
    Met { first, last, id: None, section: 0, time }
}

#[track_caller]
fn accepted(Story(history): Story) {
    if let Err(violation) = check(&history, &cells()) {
        panic!("{violation}");
    }
    assert!(!history.scans.is_empty() || is_linearizable(&history, Order::OfTurns), "refused by search");
}

/// `by_search`: whether trying all orders comes to the same verdict. It knows nothing of walks, and does not look at the gaps that look-ups return.
#[track_caller]
fn refused_with(Story(history): Story, why: &str, by_search: bool) {
    let violation = check(&history, &cells()).expect_err("it is wrong");
    assert!(violation.what.contains(why), "{violation}");
    if by_search {
        assert!(!is_linearizable(&history, Order::OfTurns), "search finds an order");
    }
}

#[track_caller]
fn refused(story: Story, why: &str) {
    refused_with(story, why, true);
}

const ONE: Item = Item { first: 10, last: 29, id: 1 };
const TWO: Item = Item { first: 40, last: 49, id: 2 };

fn begin() -> Story {
    Story::default().before(&[ONE, TWO])
}

#[test]
fn a_stale_look_up_is_refused() {
    refused(begin().store((10, 20), 10, 29, 3).get((21, 22), 15, 1), "stale");
    refused(begin().store((10, 20), 0, 9, 3).get((21, 22), 5, None), "stale");
    refused(begin().erase((10, 20), ONE).look((21, 22), 15, Seen::Range(10, 29, Some(1))), "stale");
    refused(begin().erase((10, 20), ONE).look((21, 22), 15, Seen::Covered(true)), "stale");
    // While it overlaps it may see either.
    accepted(begin().store((10, 20), 10, 29, 3).get((20, 22), 15, 1));
    accepted(begin().store((10, 20), 10, 29, 3).get((5, 10), 15, 3));
    accepted(begin().store((10, 20), 10, 29, 3).get((11, 12), 15, 1).get((13, 14), 15, 3).get((12, 16), 15, 1));
}

/// What one reader has seen, no later one sees otherwise, though the store is not over yet.
#[test]
fn readers_do_not_go_back() {
    refused(begin().store((10, 90), 10, 29, 3).get((20, 30), 15, 3).get((31, 40), 15, 1), "stale");
    // Nor at another index of the same store, or of an earlier one.
    refused(begin().store((10, 90), 10, 49, 3).get((20, 30), 15, 3).get((31, 40), 45, 2), "stale");
    refused(begin().store((10, 90), 40, 49, 3).store((11, 91), 60, 69, 4).get((20, 30), 65, 4).get((31, 40), 45, 2), "stale");
    accepted(begin().store((10, 90), 10, 29, 3).get((20, 31), 15, 3).get((31, 40), 15, 1));
    accepted(begin().store((10, 90), 40, 49, 3).store((11, 91), 60, 69, 4).get((20, 30), 45, 3).get((31, 40), 65, None));
}

#[test]
fn a_lost_store_is_refused() {
    let mut lost = begin().store((10, 20), 70, 79, 3).store((30, 40), 80, 89, 4);
    lost.0.after = Some(vec![ONE, TWO, item(80, 89, 4)]);
    refused(lost, "not what the changes make");
    refused(begin().store((10, 20), 70, 79, 3).store((30, 40), 80, 89, 4).get((41, 42), 75, None), "stale");
    let insert = Change::Insert(item(20, 49, 4));
    refused(begin().store((10, 20), 10, 29, 3).change((30, 40), insert.clone(), Answer::Done), "under the lock");
    accepted(begin().store((10, 20), 10, 29, 3).change((30, 40), insert, Answer::Occupied(10, 29)));
    let replaced = |old| begin().store((10, 20), 10, 29, 3).change((30, 40), Change::Replace(15, 4), Answer::Took(Some(old)));
    refused(replaced(ONE), "under the lock");
    accepted(replaced(item(10, 29, 3)));
    refused(begin().erase((10, 20), ONE).erase((30, 40), ONE), "under the lock");
}

#[test]
fn a_torn_range_is_refused() {
    let cut = || begin().store((10, 20), 20, 29, 3);
    refused(cut().look((15, 16), 15, Seen::Range(10, 49, Some(1))), "torn");
    refused(cut().look((5, 30), 25, Seen::Range(20, 39, Some(3))), "torn");
    refused(cut().look((30, 40), 15, Seen::Range(10, 29, Some(1))), "stale");
    accepted(cut().look((15, 16), 15, Seen::Range(10, 29, Some(1))).look((17, 18), 15, Seen::Range(10, 19, Some(1))));
    refused_with(cut().scan((5, 30), &[(6, item(10, 39, 1)), (30, TWO)]), "torn", false);
    accepted(cut().scan((5, 30), &[(11, item(10, 19, 1)), (12, item(20, 29, 3)), (30, TWO)]));
    accepted(cut().scan((5, 30), &[(6, ONE), (30, TWO)]));
}

#[test]
fn the_future_is_refused() {
    refused(begin().store((10, 20), 60, 69, 3).get((5, 9), 65, 3), "future");
    refused(begin().get((5, 9), 65, 7), "never was there");
    refused_with(begin().store((10, 20), 60, 69, 3).scan((5, 30), &[(6, ONE), (7, TWO), (9, item(60, 69, 3))]), "future", false);
    accepted(begin().store((10, 20), 60, 69, 3).scan((5, 30), &[(6, ONE), (7, TWO), (10, item(60, 69, 3))]));
}

#[test]
fn a_scan_is_in_order_and_repeats_nothing() {
    refused_with(begin().scan((5, 30), &[(6, ONE), (7, ONE), (8, TWO)]), "twice", false);
    refused_with(begin().scan((5, 30), &[(7, TWO), (8, ONE)]), "out of order", false);
    // Also when the two were there one after the other.
    let moved = || begin().erase((10, 12), ONE).store((13, 15), 20, 39, 3);
    refused_with(moved().scan((5, 30), &[(6, ONE), (16, item(20, 39, 3)), (18, TWO)]), "overlap", false);
    accepted(moved().scan((5, 30), &[(6, ONE), (18, TWO)]));
    accepted(moved().scan((5, 30), &[(16, item(20, 39, 3)), (18, TWO)]));
    // From both ends, they count together.
    let met = |item: Item| Met { first: item.first, last: item.last, id: Some(item.id), section: 0, time: 9 };
    let mut both = begin();
    both.0.scans.push(Scan { front: vec![met(ONE)], back: vec![met(TWO), met(ONE)], ..walk(5, 30) });
    refused_with(both, "twice", false);
    let mut both = begin();
    both.0.scans.push(Scan { front: vec![met(ONE)], back: vec![met(TWO)], ..walk(5, 30) });
    accepted(both);
}

#[test]
fn a_scan_leaves_out_nothing_that_stays() {
    refused_with(begin().scan((5, 30), &[(6, ONE)]), "left out", false);
    refused_with(begin().store((2, 4), 60, 69, 3).scan((5, 30), &[(6, ONE), (7, TWO)]), "left out", false);
    refused_with(begin().erase((31, 40), TWO).scan((5, 30), &[(6, ONE)]), "left out", false);
    accepted(begin().erase((30, 40), TWO).scan((5, 30), &[(6, ONE)]));
    accepted(begin().store((2, 5), 60, 69, 3).scan((5, 30), &[(6, ONE), (7, TWO)]));
    // Somebody had seen the entry before the scan began.
    let seen = begin().store((2, 40), 60, 69, 3).get((3, 4), 65, 3).scan((5, 30), &[(6, ONE), (7, TWO)]);
    refused_with(seen, "left out", false);
    // What was not passed yet is not left out.
    let first = Met { first: 10, last: 29, id: Some(1), section: 0, time: 9 };
    let mut stopped = begin();
    stopped.0.scans.push(Scan { front: vec![first], over: false, ..walk(5, 30) });
    accepted(stopped);
    let mut stopped = begin();
    stopped.0.scans.push(Scan { back: vec![first], over: false, ..walk(5, 30) });
    refused_with(stopped, "left out", false);
}

#[test]
fn a_stale_scan_is_refused() {
    refused_with(begin().erase((1, 4), ONE).scan((5, 30), &[(6, ONE), (7, TWO)]), "stale", false);
    // A cursor that was paused comes from the root again.
    let met = |section, item: Item| Met { first: item.first, last: item.last, id: Some(item.id), section, time: 25 };
    let paused = |section| {
        let mut paused = begin().erase((11, 14), TWO);
        paused.0.scans.push(Scan { sections: vec![5, 20], front: vec![met(0, ONE), met(section, TWO)], ..walk(5, 30) });
        paused
    };
    accepted(paused(0));
    refused_with(paused(1), "stale", false);
    // What it comes by then may begin before the place where it was, but ends behind it.
    let paused = |first, last| {
        let mut paused = begin().store((11, 14), first, last, 3);
        paused.0.scans.push(Scan {
            sections: vec![5, 20],
            front: vec![met(0, ONE), met(1, item(first, last, 3))],
            over: false,
            ..walk(5, 30)
        });
        paused
    };
    accepted(paused(20, 49));
    refused_with(paused(20, 29), "out of order", false);
}

#[test]
fn gaps_are_checked() {
    let scan = |front: Vec<Met>| Scan { front, entries: false, gaps: true, ..walk(5, 30) };
    let gaps = |front| {
        let mut story = begin().erase((10, 12), TWO);
        story.0.scans.push(scan(front));
        story
    };
    accepted(gaps(vec![gap(8, 0, 9), gap(11, 30, u64::MAX)]));
    accepted(gaps(vec![gap(8, 0, 9), gap(9, 30, 39), gap(9, 50, u64::MAX)]));
    refused_with(gaps(vec![gap(8, 0, 9), gap(9, 30, u64::MAX)]), "not free", false);
    refused_with(gaps(vec![gap(8, 0, 19), gap(11, 30, u64::MAX)]), "not free", false);
    refused_with(gaps(vec![gap(8, 0, 9), gap(9, 30, 39)]), "left out what was free", false);
    refused_with(gaps(vec![gap(8, 0, 4), gap(11, 30, u64::MAX)]), "where no entry ever did", false);
    // Of a look-up.
    let found = |first, last| begin().erase((10, 12), TWO).look((20, 25), 45, Seen::Range(first, last, None));
    accepted(found(30, u64::MAX));
    refused_with(found(20, u64::MAX), "not free", false);
    refused_with(found(40, 49), "not whole", false);
    refused_with(found(60, u64::MAX), "not around", false);
}

#[test]
fn a_copy_is_of_one_instant() {
    let copy = |items: &[Item]| {
        let story = begin().store((10, 20), 60, 69, 3).store((21, 30), 80, 89, 4);
        story.change((31, 60), Change::Copy(None), Answer::Entries(items.to_vec())).erase((61, 70), ONE)
    };
    let (three, four) = (item(60, 69, 3), item(80, 89, 4));
    accepted(copy(&[ONE, TWO, three, four]));
    for wrong in [&[ONE, TWO, four][..], &[ONE, TWO, three], &[TWO, three, four], &[ONE, TWO, three, item(80, 99, 4)]] {
        refused(copy(wrong), "never was");
    }
    let partial = |at, items: &[Item]| begin().change((10, 20), Change::Copy(Some(1)), Answer::Stopped(at, items.to_vec()));
    accepted(partial(TWO, &[ONE]));
    refused(partial(TWO, &[]), "never was");
    refused(partial(ONE, &[]), "never was");
    refused(partial(TWO, &[ONE, TWO]), "never was");
}

/// A removal that works piece by piece has no one instant, but what is gone is gone.
#[test]
fn pieces_go_one_by_one_and_do_not_come_back() {
    let removal = || begin().change((10, 50), Change::PruneInPlace(10), Answer::Pruned(Form::Pieces));
    let torn = || removal().get((20, 22), 15, None).get((30, 32), 45, 2);
    assert_eq!(check(&torn().0, &cells()).err(), None);
    refused(
        begin().change((10, 50), Change::Prune(10), Answer::Pruned(Form::AtOnce)).get((20, 22), 15, None).get((30, 32), 45, 2),
        "stale",
    );
    refused(torn().get((33, 34), 15, 1), "already seen this entry gone");
    refused(torn().get((51, 52), 45, 2), "stale");
    accepted(removal().get((20, 33), 15, None).get((33, 34), 15, 1));
    // But something else may have come to the same place.
    let again = removal().store((25, 60), 10, 19, 3).get((20, 22), 15, None);
    assert_eq!(check(&again.look((30, 31), 15, Seen::Covered(true)).0, &cells()).err(), None);
    refused(begin().change((10, 50), Change::PruneInPlace(50), Answer::Pruned(Form::Pieces)), "under the lock");
}

#[test]
fn turns_must_fit_the_clock() {
    let mut story = begin().store((10, 20), 60, 69, 3).store((21, 30), 80, 89, 4);
    story.0.changes[1].begin = 9;
    assert!(check(&story.0, &cells()).expect_err("it is wrong").what.contains("contradicts the clock"));
    let mut story = begin().store((10, 20), 60, 69, 3).store((21, 30), 80, 89, 4);
    story.0.changes[0].turn = 7;
    assert!(check(&story.0, &cells()).expect_err("it is wrong").what.contains("contradicts the clock"));
}

/// Without the order of turns there may be another that explains the answers.
#[test]
fn search_finds_an_order() {
    let Story(history) = begin().store((10, 90), 10, 29, 3).store((11, 90), 10, 29, 4).get((91, 92), 15, 3);
    assert!(is_linearizable(&history, Order::Any) && !is_linearizable(&history, Order::OfTurns));
    assert!(check(&history, &cells()).is_err());
    let Story(history) = begin().store((10, 90), 10, 29, 3).store((91, 95), 10, 29, 4).get((96, 97), 15, 3);
    assert!(!is_linearizable(&history, Order::Any));
}
