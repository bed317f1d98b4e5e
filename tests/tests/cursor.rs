//! Cursors: every call in every state, by a table; and long random walks and changes, against a cursor over a sorted `Vec`.

use maple_tests::model::{Bounds, Item, Model};
use maple_tests::pair::closed;
use maple_tests::roam::{Alone, Beside, Change, Ground, ModelCursor, Roam};
use maple_tests::shapes::Rng;
use maple_tree::{Place, RcuArc, RcuBox};
use std::fmt::Debug;
use std::sync::Arc;

/// `A`, `B` beside it, a gap, `C`.
const ITEMS: [Item; 3] = [(10, 19, 1), (20, 29, 2), (40, 49, 3)];

/// How to get into a state.
#[derive(Debug, Clone, Copy)]
enum Get {
    /// Nothing was done.
    Unstarted,
    /// `prev` until there is nothing.
    Before,
    /// `next` until there is nothing.
    After,
    /// `seek`.
    On(u64),
    /// `seek`, then a pause.
    Paused(u64),
}

/// What a call comes to, in short: what it returned, and where the cursor is then.
fn tell(found: impl Debug, cursor: &(impl Roam + ?Sized)) -> String {
    let at = match (cursor.place(), cursor.range(), cursor.value()) {
        (Place::Entry, Some((first, last)), Some(value)) => format!("{first}-{last}={value}"),
        (Place::Gap, Some((first, last)), None) => format!("{first}-{last}"),
        (Place::Paused, Some((first, last)), None) => format!("paused {first}-{last}"),
        (place, None, None) => format!("{place:?}"),
        odd => panic!("{odd:?}"),
    };
    let found = format!("{found:?}").replace("Some", "").replace("18446744073709551615", "MAX");
    format!("{found} @{}", at.replace("18446744073709551615", "MAX"))
}

/// A tree in the state, with limits set before; `then` runs there.
fn in_state<G: Ground>(ground: &mut G, limits: Bounds, get: Get, then: &mut dyn FnMut(&mut dyn Change)) {
    let position = ground.change(None, &mut |cursor| {
        cursor.set_limits(limits);
        match get {
            Get::Unstarted => {}
            Get::Before => while cursor.prev().is_some() {},
            Get::After => while cursor.next().is_some() {},
            Get::On(index) | Get::Paused(index) => drop(cursor.seek(index)),
        }
        if !matches!(get, Get::Paused(_)) {
            then(cursor);
        }
    });
    if matches!(get, Get::Paused(_)) {
        ground.change(Some(position), then);
    }
}

/// The same for looking.
fn look_in_state<G: Ground>(ground: &G, limits: Bounds, get: Get, then: &mut dyn FnMut(&mut dyn Roam)) {
    let position = ground.look(None, &mut |cursor| {
        cursor.set_limits(limits);
        match get {
            Get::Unstarted => {}
            Get::Before => while cursor.prev().is_some() {},
            Get::After => while cursor.next().is_some() {},
            Get::On(index) | Get::Paused(index) => drop(cursor.seek(index)),
        }
        if !matches!(get, Get::Paused(_)) {
            then(cursor);
        }
    });
    if matches!(get, Get::Paused(_)) {
        ground.look(Some(position), then);
    }
}

const ALL: Bounds = closed(0, u64::MAX);
/// From inside of `A` to inside of the gap.
const CUT: Bounds = closed(15, 34);
/// From inside of the gap to inside of `C`.
const TUC: Bounds = closed(34, 45);
/// Inside of `B`.
const INSIDE: Bounds = closed(23, 25);
const NOWHERE: Bounds = closed(25, 23);

/// Limits, state, and what `next`, `prev`, `next_slot`, `prev_slot` come to.
const MOVES: &[(Bounds, Get, [&str; 4])] = &[
    (
        ALL,
        Get::Unstarted,
        ["((10, 19, 1)) @10-19=1", "((40, 49, 3)) @40-49=3", "((0, 9, None)) @0-9", "((50, MAX, None)) @50-MAX"],
    ),
    (ALL, Get::Before, ["((10, 19, 1)) @10-19=1", "None @Before", "((0, 9, None)) @0-9", "None @Before"]),
    (ALL, Get::On(5), ["((10, 19, 1)) @10-19=1", "None @Before", "((10, 19, (1))) @10-19=1", "None @Before"]),
    (ALL, Get::On(12), ["((20, 29, 2)) @20-29=2", "None @Before", "((20, 29, (2))) @20-29=2", "((0, 9, None)) @0-9"]),
    (
        ALL,
        Get::On(29),
        ["((40, 49, 3)) @40-49=3", "((10, 19, 1)) @10-19=1", "((30, 39, None)) @30-39", "((10, 19, (1))) @10-19=1"],
    ),
    (
        ALL,
        Get::On(30),
        ["((40, 49, 3)) @40-49=3", "((20, 29, 2)) @20-29=2", "((40, 49, (3))) @40-49=3", "((20, 29, (2))) @20-29=2"],
    ),
    (ALL, Get::On(40), ["None @After", "((20, 29, 2)) @20-29=2", "((50, MAX, None)) @50-MAX", "((30, 39, None)) @30-39"]),
    (ALL, Get::On(u64::MAX), ["None @After", "((40, 49, 3)) @40-49=3", "None @After", "((40, 49, (3))) @40-49=3"]),
    (ALL, Get::After, ["None @After", "((40, 49, 3)) @40-49=3", "None @After", "((50, MAX, None)) @50-MAX"]),
    (ALL, Get::Paused(5), ["((10, 19, 1)) @10-19=1", "None @Before", "((10, 19, (1))) @10-19=1", "None @Before"]),
    (ALL, Get::Paused(12), ["((20, 29, 2)) @20-29=2", "None @Before", "((20, 29, (2))) @20-29=2", "((0, 9, None)) @0-9"]),
    (
        ALL,
        Get::Paused(35),
        ["((40, 49, 3)) @40-49=3", "((20, 29, 2)) @20-29=2", "((40, 49, (3))) @40-49=3", "((20, 29, (2))) @20-29=2"],
    ),
    (ALL, Get::Paused(60), ["None @After", "((40, 49, 3)) @40-49=3", "None @After", "((40, 49, (3))) @40-49=3"]),
    (
        CUT,
        Get::Unstarted,
        ["((10, 19, 1)) @10-19=1", "((20, 29, 2)) @20-29=2", "((10, 19, (1))) @10-19=1", "((30, 34, None)) @30-34"],
    ),
    (CUT, Get::Before, ["((10, 19, 1)) @10-19=1", "None @Before", "((10, 19, (1))) @10-19=1", "None @Before"]),
    (CUT, Get::On(15), ["((20, 29, 2)) @20-29=2", "None @Before", "((20, 29, (2))) @20-29=2", "None @Before"]),
    (CUT, Get::On(14), ["((10, 19, 1)) @10-19=1", "None @Before", "((10, 19, (1))) @10-19=1", "None @Before"]),
    (CUT, Get::On(25), ["None @After", "((10, 19, 1)) @10-19=1", "((30, 34, None)) @30-34", "((10, 19, (1))) @10-19=1"]),
    (CUT, Get::On(31), ["None @After", "((20, 29, 2)) @20-29=2", "None @After", "((20, 29, (2))) @20-29=2"]),
    (CUT, Get::On(35), ["None @After", "((20, 29, 2)) @20-29=2", "None @After", "((30, 34, None)) @30-34"]),
    (CUT, Get::After, ["None @After", "((20, 29, 2)) @20-29=2", "None @After", "((30, 34, None)) @30-34"]),
    (CUT, Get::Paused(31), ["None @After", "((20, 29, 2)) @20-29=2", "None @After", "((20, 29, (2))) @20-29=2"]),
    (
        TUC,
        Get::Unstarted,
        ["((40, 49, 3)) @40-49=3", "((40, 49, 3)) @40-49=3", "((34, 39, None)) @34-39", "((40, 49, (3))) @40-49=3"],
    ),
    (TUC, Get::On(34), ["((40, 49, 3)) @40-49=3", "None @Before", "((40, 49, (3))) @40-49=3", "None @Before"]),
    (TUC, Get::On(45), ["None @After", "None @Before", "None @After", "((34, 39, None)) @34-39"]),
    (TUC, Get::On(46), ["None @After", "((40, 49, 3)) @40-49=3", "None @After", "((40, 49, (3))) @40-49=3"]),
    (
        INSIDE,
        Get::Unstarted,
        ["((20, 29, 2)) @20-29=2", "((20, 29, 2)) @20-29=2", "((20, 29, (2))) @20-29=2", "((20, 29, (2))) @20-29=2"],
    ),
    (INSIDE, Get::On(24), ["None @After", "None @Before", "None @After", "None @Before"]),
    (INSIDE, Get::Paused(24), ["None @After", "None @Before", "None @After", "None @Before"]),
    (NOWHERE, Get::Unstarted, ["None @After", "None @Before", "None @After", "None @Before"]),
    (NOWHERE, Get::On(24), ["None @After", "None @Before", "None @After", "None @Before"]),
];

/// Limits, state; what `replace(9)`, `erase`, `insert_before` and `insert_after` of these ranges come to.
type Changes = (Bounds, Get, &'static str, &'static str, (Bounds, &'static str), (Bounds, &'static str));

const CHANGES: &[Changes] = &[
    (
        ALL,
        Get::Unstarted,
        "Err(NoEntry) @Unstarted",
        "None @Unstarted",
        (closed(50, u64::MAX), "Ok(()) @Unstarted"),
        (closed(0, 9), "Ok(()) @Unstarted"),
    ),
    (
        ALL,
        Get::Before,
        "Err(NoEntry) @Before",
        "None @Before",
        (closed(0, 9), "Err(NotInGap(None)) @Before"),
        (closed(5, 10), "Err(NotInGap(((0, 9)))) @Before"),
    ),
    (
        ALL,
        Get::After,
        "Err(NoEntry) @After",
        "None @After",
        (closed(60, 70), "Ok(()) @After"),
        (closed(60, 70), "Err(NotInGap(None)) @After"),
    ),
    (
        ALL,
        Get::On(12),
        "Ok((10, 19, 1)) @10-19=9",
        "((10, 19, 1)) @0-19",
        (closed(5, 9), "Ok(()) @10-19=1"),
        (closed(20, 20), "Err(NotInGap(None)) @10-19=1"),
    ),
    (
        ALL,
        Get::On(20),
        "Ok((20, 29, 2)) @20-29=9",
        "((20, 29, 2)) @20-39",
        (closed(5, 9), "Err(NotInGap(None)) @20-29=2"),
        (closed(39, 39), "Ok(()) @20-29=2"),
    ),
    (
        ALL,
        Get::On(49),
        "Ok((40, 49, 3)) @40-49=9",
        "((40, 49, 3)) @30-MAX",
        (closed(29, 39), "Err(NotInGap(((30, 39)))) @40-49=3"),
        (closed(50, u64::MAX), "Ok(()) @40-49=3"),
    ),
    (
        ALL,
        Get::On(33),
        "Err(NoEntry) @30-39",
        "None @30-39",
        (closed(32, 34), "Ok(()) @35-39"),
        (closed(32, 34), "Ok(()) @30-31"),
    ),
    (
        ALL,
        Get::On(39),
        "Err(NoEntry) @30-39",
        "None @30-39",
        (closed(35, 39), "Ok(()) @35-39=9"),
        (closed(30, 34), "Ok(()) @30-34=9"),
    ),
    (
        ALL,
        Get::On(38),
        "Err(NoEntry) @30-39",
        "None @30-39",
        (closed(7, 5), "Err(BadRange) @30-39"),
        (closed(38, 40), "Err(NotInGap(((30, 39)))) @30-39"),
    ),
    (
        ALL,
        Get::Paused(25),
        "Err(NoEntry) @paused 20-29",
        "None @paused 20-29",
        (closed(19, 19), "Err(NotInGap(None)) @paused 20-29"),
        (closed(30, 39), "Ok(()) @paused 20-29"),
    ),
    (
        CUT,
        Get::On(15),
        "Ok((10, 19, 1)) @10-19=9",
        "((10, 19, 1)) @15-19",
        (closed(9, 9), "Err(NotInGap(None)) @10-19=1"),
        (closed(20, 20), "Err(NotInGap(None)) @10-19=1"),
    ),
    (
        CUT,
        Get::On(25),
        "Ok((20, 29, 2)) @20-29=9",
        "((20, 29, 2)) @20-34",
        (closed(9, 9), "Err(NotInGap(None)) @20-29=2"),
        (closed(34, 35), "Err(NotInGap(((30, 34)))) @20-29=2"),
    ),
    (
        CUT,
        Get::On(30),
        "Err(NoEntry) @30-34",
        "None @30-34",
        (closed(34, 34), "Ok(()) @34-34=9"),
        (closed(35, 35), "Err(NotInGap(((30, 34)))) @30-34"),
    ),
    (
        CUT,
        Get::After,
        "Err(NoEntry) @After",
        "None @After",
        (closed(31, 34), "Ok(()) @After"),
        (closed(31, 34), "Err(NotInGap(None)) @After"),
    ),
    (
        NOWHERE,
        Get::On(25),
        "Err(NoEntry) @After",
        "None @After",
        (closed(30, 30), "Err(NotInGap(None)) @After"),
        (closed(30, 30), "Err(NotInGap(None)) @After"),
    ),
];

/// What `items` are after the change that came to `outcome`.
fn after(outcome: &str, change: impl FnOnce(&mut Model)) -> Vec<Item> {
    let mut model = Model::new();
    ITEMS.iter().for_each(|&(first, last, value)| model.insert(closed(first, last), value).expect("apart"));
    if !outcome.starts_with("Err") {
        change(&mut model);
    }
    model.items().to_vec()
}

fn by_the_table<G: Ground>() {
    for (limits, get, expected) in MOVES {
        let calls: [fn(&mut dyn Roam) -> String; 4] = [
            |cursor| format!("{:?}", cursor.next()),
            |cursor| format!("{:?}", cursor.prev()),
            |cursor| format!("{:?}", cursor.next_slot()),
            |cursor| format!("{:?}", cursor.prev_slot()),
        ];
        for (call, expected) in calls.into_iter().zip(expected) {
            let plain = |cursor: &mut dyn Roam| {
                let found = call(cursor);
                tell(format_args!("{found}"), cursor)
            };
            look_in_state(&G::of(&ITEMS), *limits, *get, &mut |cursor| {
                assert_eq!(plain(cursor), *expected, "{limits:?} {get:?}");
            });
            in_state(&mut G::of(&ITEMS), *limits, *get, &mut |cursor| {
                assert_eq!(plain(cursor), *expected, "{limits:?} {get:?} for changes");
            });
        }
    }
    for (limits, get, replaced, erased, (before, inserted_before), (behind, inserted_behind)) in CHANGES {
        let check = |expected: &str, call: &dyn Fn(&mut dyn Change) -> String, change: &dyn Fn(&mut Model)| {
            let mut ground = G::of(&ITEMS);
            in_state(&mut ground, *limits, *get, &mut |cursor| {
                let found = call(cursor);
                assert_eq!(tell(format_args!("{found}"), cursor), expected, "{limits:?} {get:?}");
            });
            assert_eq!(ground.items(), after(expected, |model| change(model)), "{limits:?} {get:?}: {expected}");
            ground.validate();
        };
        let at = |model: &Model| match get {
            Get::On(index) => model.covering(*index).map(|item| item.0),
            _ => None,
        };
        check(replaced, &|cursor| format!("{:?}", cursor.replace(9)), &|model| {
            at(model).into_iter().for_each(|at| assert!(model.replace(at, 9).is_ok()));
        });
        check(erased, &|cursor| format!("{:?}", cursor.erase()), &|model| {
            let on = at(model).filter(|_| erased.starts_with("(("));
            on.into_iter().for_each(|at| assert!(model.erase(at).is_some()));
        });
        check(inserted_before, &|cursor| format!("{:?}", cursor.insert_before(*before, 9)), &|model| {
            assert!(model.insert(*before, 9).is_ok());
        });
        check(inserted_behind, &|cursor| format!("{:?}", cursor.insert_after(*behind, 9)), &|model| {
            assert!(model.insert(*behind, 9).is_ok());
        });
        // A store goes anywhere from everywhere.
        for (first, last) in [(0, u64::MAX), (12, 14), (45, 60), (25, 45)] {
            let expected = tell(format_args!("Ok(())"), &{
                let mut there = ModelCursor::new(Model::new());
                there.store(closed(first, last), 9).expect("a good range");
                there
            });
            check(&expected, &|cursor| format!("{:?}", cursor.store(closed(first, last), 9)), &|model| {
                assert!(model.store(closed(first, last), 9).is_ok());
            });
        }
    }
}

/// A random range near `around`, in a space of `space` indices.
fn some_range(rng: &mut Rng, around: u64, space: u64) -> Bounds {
    let near = match rng.below(4) {
        0 => rng.below(space),
        _ => (around + rng.below(20)).saturating_sub(10),
    };
    let long = if rng.below(40) == 0 { space / 8 } else { 6 };
    let last = if rng.below(200) == 0 { u64::MAX } else { near + rng.below(long) };
    if rng.below(60) == 0 { closed(near + 1, near) } else { closed(near, last) }
}

/// The same call on the tree's cursor and the model's.
fn roam(rng: &mut Rng, space: u64, cursor: &mut dyn Roam, model: &mut ModelCursor, log: &mut Vec<String>) {
    let around = model.range().map_or(0, |range| range.0);
    match rng.below(12) {
        0 => {
            let index = if rng.below(30) == 0 { u64::MAX } else { rng.below(space) };
            log.push(format!("seek({index})"));
            assert_eq!(cursor.seek(index), model.seek(index));
        }
        1 => {
            let limits = match rng.below(3) {
                0 => ALL,
                _ => some_range(rng, around, space),
            };
            let limits = if let (core::ops::Bound::Included(first), 0) = (limits.0, rng.below(2)) {
                closed(first, first + 60)
            } else {
                limits
            };
            log.push(format!("set_limits({limits:?})"));
            cursor.set_limits(limits);
            model.set_limits(limits);
        }
        2..=4 => {
            log.push("next()".to_owned());
            assert_eq!(cursor.next(), model.next());
        }
        5..=7 => {
            log.push("prev()".to_owned());
            assert_eq!(cursor.prev(), model.prev());
        }
        8 | 9 => {
            log.push("next_slot()".to_owned());
            assert_eq!(cursor.next_slot(), model.next_slot());
        }
        _ => {
            log.push("prev_slot()".to_owned());
            assert_eq!(cursor.prev_slot(), model.prev_slot());
        }
    }
}

fn change(rng: &mut Rng, space: u64, value: u64, cursor: &mut dyn Change, model: &mut ModelCursor, log: &mut Vec<String>) {
    let around = model.range().map_or(0, |range| range.0);
    let range = some_range(rng, around, space);
    match rng.below(8) {
        0..=2 => {
            log.push(format!("store({range:?}, {value})"));
            assert_eq!(cursor.store(range, value), model.store(range, value));
        }
        3 => {
            log.push(format!("replace({value})"));
            assert_eq!(cursor.replace(value), model.replace(value));
        }
        4 | 5 => {
            log.push("erase()".to_owned());
            assert_eq!(cursor.erase(), model.erase());
        }
        6 => {
            log.push(format!("insert_before({range:?}, {value})"));
            assert_eq!(cursor.insert_before(range, value), model.insert_before(range, value));
        }
        _ => {
            log.push(format!("insert_after({range:?}, {value})"));
            assert_eq!(cursor.insert_after(range, value), model.insert_after(range, value));
        }
    }
}

/// Prints what led to a failure.
struct Log(Vec<String>);

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0.join("\n"));
        }
    }
}

fn at_random<G: Ground>() {
    let rounds = if cfg!(miri) { 1 } else { 12 };
    for round in 0..rounds {
        let mut rng = Rng(round * 77 + 5);
        // From one leaf to four levels.
        let count = [0, 3, 30, 300, 3_000, 20][round as usize % 6];
        let space = (count * 7).max(60);
        let items: Vec<Item> = (0..count).map(|at| (at * 7, at * 7 + 3, at)).collect();
        let mut ground = G::of(&items);
        let mut log = Log(vec![format!("of {count} entries, four indices of seven each, from 0")]);
        let mut model = Model::new();
        items.iter().for_each(|&(first, last, value)| model.insert(closed(first, last), value).expect("apart"));
        let mut model = ModelCursor::new(model);
        let mut position = None;
        for pause in 0..if cfg!(miri) { 4 } else { 120 } {
            let agree = |cursor: &dyn Roam, model: &ModelCursor| {
                assert_eq!((cursor.place(), cursor.range(), cursor.value()), (model.place(), model.range(), model.value()));
                assert_eq!(cursor.limits(), model.limits());
            };
            if rng.below(3) == 0 {
                position = Some(ground.look(position, &mut |cursor| {
                    for _ in 0..30 {
                        roam(&mut rng, space, cursor, &mut model, &mut log.0);
                        agree(cursor, &model);
                    }
                }));
            } else {
                position = Some(ground.change(position, &mut |cursor| {
                    for _ in 0..30 {
                        if rng.below(2) == 0 {
                            roam(&mut rng, space, cursor, &mut model, &mut log.0);
                        } else {
                            let value = rng.below(1 << 20);
                            change(&mut rng, space, value, cursor, &mut model, &mut log.0);
                        }
                        agree(cursor, &model);
                    }
                }));
            }
            log.0.push("pause".to_owned());
            model.pause();
            if pause % 8 == 0 {
                ground.validate();
                assert_eq!(ground.items(), model.model.items());
            }
        }
        ground.validate();
        assert_eq!(ground.items(), model.model.items());
    }
}

/// Erases whole nodes empty, in both directions, and stores where they were.
fn through_empty_nodes<G: Ground>() {
    let items: Vec<Item> = (0..3_000).map(|at| (at * 7, at * 7 + 3, at)).collect();
    for backwards in [false, true] {
        let mut ground = G::of(&items);
        let mut model = Model::new();
        items.iter().for_each(|&(first, last, value)| model.insert(closed(first, last), value).expect("apart"));
        let mut model = ModelCursor::new(model);
        ground.change(None, &mut |cursor| {
            for (start, count, step) in [(7_000, 700, 5), (2_000, 200, 1), (14_000, 900, 90)] {
                assert_eq!(cursor.seek(start), model.seek(start));
                for erased in 0..count {
                    let moved = if backwards { (cursor.prev(), model.prev()) } else { (cursor.next(), model.next()) };
                    assert_eq!(moved.0, moved.1);
                    assert_eq!(cursor.erase(), model.erase());
                    assert_eq!(cursor.range(), model.range(), "after {erased} erases from {start}");
                }
                for stored in (0..count).step_by(step) {
                    let first = if backwards { start - stored * 3 } else { start + stored * 3 };
                    assert_eq!(cursor.store(closed(first, first), stored), model.store(closed(first, first), stored));
                    assert_eq!(cursor.next_slot(), model.next_slot());
                }
            }
        });
        assert_eq!(ground.items(), model.model.items());
        ground.validate();
    }
}

/// What lay under a cursor goes while it is paused. It goes on inside of the gap that resulted, and an entry beside that which it takes out
/// leaves all of the gap, not the part that it saw.
fn inside_of_a_gap<G: Ground>() {
    let items = [(0, 4, 1), (10, 14, 2), (20, 29, 3), (40, 49, 4)];
    let resumed = |then: &mut dyn FnMut(&mut dyn Change)| {
        let mut ground = G::of(&items);
        let position = ground.change(None, &mut |cursor| assert_eq!(cursor.seek(12), Some(2)));
        ground.change(None, &mut |cursor| {
            cursor.seek(12);
            assert_eq!(cursor.erase(), Some((10, 14, 2)));
        });
        ground.change(Some(position), then);
        ground.validate();
    };
    resumed(&mut |cursor| {
        assert_eq!(cursor.next_slot(), Some((15, 19, None)));
        assert_eq!(cursor.next_slot(), Some((20, 29, Some(3))));
        assert_eq!(cursor.erase(), Some((20, 29, 3)));
        assert_eq!(cursor.range(), Some((5, 39)));
    });
    resumed(&mut |cursor| {
        assert_eq!(cursor.prev_slot(), Some((5, 9, None)));
        assert_eq!(cursor.prev_slot(), Some((0, 4, Some(1))));
        assert_eq!(cursor.erase(), Some((0, 4, 1)));
        assert_eq!(cursor.range(), Some((0, 19)));
    });
    // And the other way, over what is left of it.
    resumed(&mut |cursor| {
        assert_eq!(cursor.next_slot(), Some((15, 19, None)));
        assert_eq!(cursor.prev(), Some((0, 4, 1)));
        assert_eq!(cursor.erase(), Some((0, 4, 1)));
        assert_eq!(cursor.range(), Some((0, 19)));
    });
    resumed(&mut |cursor| {
        assert_eq!(cursor.prev_slot(), Some((5, 9, None)));
        assert_eq!(cursor.next(), Some((20, 29, 3)));
        assert_eq!(cursor.erase(), Some((20, 29, 3)));
        assert_eq!(cursor.range(), Some((5, 39)));
    });
}

macro_rules! on_grounds {
    ($($module:ident: $ground:ty;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn by_the_table() {
                super::by_the_table::<$ground>();
            }

            #[test]
            fn at_random() {
                super::at_random::<$ground>();
            }

            #[test]
            fn inside_of_a_gap() {
                super::inside_of_a_gap::<$ground>();
            }

            #[test]
            fn through_empty_nodes() {
                super::through_empty_nodes::<$ground>();
            }
        }
    )*};
}

on_grounds! {
    map_of_u32: Alone<u32>;
    map_of_boxes: Alone<Box<u64>>;
    tree_of_u32: Beside<u32>;
    tree_of_boxes: Beside<Box<u64>>;
    tree_of_arcs: Beside<Arc<u64>>;
    tree_of_rcu_boxes: Beside<RcuBox<u64>>;
    tree_of_rcu_arcs: Beside<RcuArc<u64>>;
}
