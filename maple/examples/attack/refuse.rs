//! Prunes and erases in succession while the allocator refuses every request.

use crate::books::Books;
use crate::entries::{Payload, Stored};
use crate::field::{Layout, Planted, plant_map};
use crate::gate;
use crate::readers::{Company, looks};
use crate::report::{Progress, Tally, check, check_equal, problems, scene};
use crate::rng::Rng;
use crate::scripts::{Felling, Script, fell_map};
use crate::watched::{Watched, engaged};
use maple_tree::{Pool, RcuArc, RcuBox, Reserve};
use std::iter;
use std::sync::Arc;
use std::time::Duration;

static OWN: [Reserve; 3] = [Reserve::new(0), Reserve::new(1), Reserve::new(16_384)];
/// Nothing, too little, the default (that of the process), and enough for thousands of path copies in a row.
static RESERVES: [&Reserve; 4] = [&OWN[0], &OWN[1], Reserve::global(), &OWN[2]];
const COMPANIES: [Company; 4] = [Company::Nobody, Company::Readers, Company::Stalled, Company::Releaser];

/// Trees with this many entries each, and how many of them.
type Forest = [(u32, usize)];

const FOREST: &Forest = &[(1, 90), (2, 90), (15, 45), (16, 45), (17, 45), (300, 45), (10_000, 9)];
const BIG: &Forest = &[(1_000_000, 1)];

#[derive(Clone, Copy)]
struct Setting {
    company: Company,
    reserve: &'static Reserve,
    forest: &'static Forest,
    /// The first script; the others follow, tree by tree.
    script: usize,
    /// The places of the company and the reserve in their tables.
    cell: [usize; 2],
}

/// Prunes and erases that there are to be beside each company with each reserve when all of the attack is run.
const LEAST: u64 = 1_000_000;

#[derive(Default)]
struct Totals {
    tally: Tally,
    stalled: Duration,
    peak_nodes: usize,
    low_water: Option<usize>,
    /// Prunes and erases beside each company with each reserve.
    cells: [[u64; RESERVES.len()]; COMPANIES.len()],
}

pub(crate) fn run(short: bool) -> String {
    let mut settings = Vec::new();
    // The script changes from setting to setting and from kind to kind of entry, so that each setting sees most of them in full.
    for (round, forest) in [FOREST].into_iter().chain(iter::repeat_n(BIG, 5)).enumerate() {
        for (column, company) in COMPANIES.into_iter().enumerate() {
            for (row, reserve) in RESERVES.into_iter().enumerate() {
                // In short, every second setting has one big tree of every second kind.
                if !short || round == 0 || (round == 1 && (column + row) % 2 == 0) {
                    let script = 4 * column + row + round;
                    settings.push(Setting { company, reserve, forest, script, cell: [column, row] });
                }
            }
        }
    }
    for reserve in RESERVES {
        check(reserve.fill().is_ok(), "no memory for the reserve", [0; 3]);
    }

    let books = Books::open();
    let nodes_before = Pool::global().figures().nodes_in_use;
    let mut totals = Totals::default();
    let mut progress = Progress::new("refuse", 5 * settings.len() as u64);
    for (number, setting) in settings.iter().enumerate() {
        if problems() > 0 {
            break;
        }
        let mut round = |kind: usize, play: fn(Setting, u64, &mut Totals), name: &str| {
            let &Setting { company, reserve, forest, cell: [column, _], .. } = setting;
            if short && forest == BIG && (kind + column) % 2 == 1 {
                return;
            }
            let what = format!("{name}, {company:?}, reserve {}, trees {forest:?}", reserve.figures().capacity);
            progress.at((number * 5 + kind) as u64, &what);
            scene(what);
            // Each kind of entry begins with another script.
            play(Setting { script: setting.script + 2 * kind, ..*setting }, (number * 5 + kind) as u64, &mut totals);
            books.check(&RESERVES);
        };
        round(0, play::<u32>, u32::NAME);
        round(1, play::<RcuArc<Payload, Watched>>, <RcuArc<Payload, Watched>>::NAME);
        round(2, play::<RcuBox<Payload>>, RcuBox::NAME);
        round(3, play::<Arc<Payload>>, Arc::<Payload>::NAME);
        round(4, play::<Box<Payload>>, Box::<Payload>::NAME);
    }
    drop(progress);

    let Totals { tally, stalled, peak_nodes, low_water, cells } = totals;
    let least = cells.into_iter().flatten().min().unwrap_or(0);
    check(short || problems() > 0 || least >= LEAST, "too few prunes and erases for what is claimed", [least, LEAST, 0]);
    format!(
        "{}, {} read sections, waits and hand-overs of theirs, {} prunes and {} erases (at least {least} of these beside each company with each reserve), \
         trees of 1 to 1000000 entries, beside a reader stalled for {stalled:.1?} in all, {} path copies, {} in-place falls, low-water mark {} of 64, \
         nodes in use {nodes_before} -> {peak_nodes} -> {}, {} lookups checked, {} requests by readers' own read sections",
        tally.line("refuse"),
        engaged(),
        tally.prunes,
        tally.erases,
        tally.path_copies,
        tally.falls,
        low_water.unwrap_or(0),
        Pool::global().figures().nodes_in_use,
        looks(),
        tally.exempted,
    )
}

/// One kind of entry in one setting: plant, close the gate, remove, open the gate, look.
fn play<V: Stored>(setting: Setting, seed: u64, totals: &mut Totals) {
    let Setting { company, reserve, forest, script, cell: [column, row] } = setting;
    let mut rng = Rng::new(seed);
    let layouts: Vec<Layout> = forest
        .iter()
        .flat_map(|&(count, trees)| (0..trees).map(move |_| count))
        .enumerate()
        .map(|(number, count)| Layout { count, seed: rng.below(u32::MAX), dense: number % 2 == 0 })
        .collect();
    // Sets the low-water mark anew.
    reserve.set_capacity(reserve.figures().capacity);
    let trees: Vec<Planted<V>> = layouts.iter().map(|layout| Planted::new(*layout, reserve, &mut rng)).collect();
    check(reserve.fill().is_ok(), "no memory for the reserve", [0; 3]);
    let falls = reserve.figures().in_place_falls;
    let mut tally = Tally::default();
    let fell = || {
        for (number, planted) in trees.iter().enumerate() {
            Felling::new(planted, &mut tally, &mut rng).run(Script::number(script + number));
        }
    };
    let ((((), closed), figures), stalled) = company.around(&trees, || (gate::closed(fell), reserve.figures()));
    totals.peak_nodes = totals.peak_nodes.max(Pool::global().figures().nodes_in_use);
    (tally.allocations, tally.exempted) = (closed.refused, closed.exempted);
    check(closed.refused == 0, "removals asked for memory", [closed.refused, 0, 0]);
    check_equal(engaged() as usize, 0, "removals entered a read section, waited for readers or handed something over");
    if company != Company::Releaser {
        check_equal(figures.free + figures.lent, figures.capacity, "the reserve has not what it did not lend");
    }
    tally.falls += figures.in_place_falls - falls;
    if company == Company::Stalled {
        totals.stalled += stalled;
    }
    if figures.capacity == 64 {
        totals.low_water = Some(totals.low_water.map_or(figures.low_water, |mark| mark.min(figures.low_water)));
    }

    let mut entries = 0;
    for planted in &trees {
        planted.go_on(&mut rng);
        entries += planted.check_rest();
        check(planted.tree.synchronize().is_ok(), "no grace period outside a read section", [0; 3]);
        planted.check_rest();
    }
    Books::check_entries::<V>(entries);
    drop(trees);
    if company == Company::Nobody {
        play_alone::<V>(&layouts, script, &mut tally, &mut rng);
    }
    totals.cells[column][row] += tally.prunes + tally.erases;
    totals.tally.add(&tally);
}

/// The same with one owner.
fn play_alone<V: Stored>(layouts: &[Layout], script: usize, tally: &mut Tally, rng: &mut Rng) {
    let mut maps: Vec<_> = layouts.iter().map(|layout| plant_map::<V>(*layout, rng)).collect();
    let fell = || {
        for (number, ((map, order), layout)) in maps.iter_mut().zip(layouts).enumerate() {
            fell_map(map, layout, order, Script::number(script + number), tally, rng);
        }
    };
    let ((), closed) = gate::closed(fell);
    tally.allocations += closed.refused;
    check(closed.refused == 0, "removals asked for memory", [closed.refused, 0, 0]);
    for ((map, _), layout) in maps.iter_mut().zip(layouts) {
        check(map.validate().is_ok_and(|summary| summary.entries == 0), "a map is not valid, or not empty", [0; 3]);
        let stored = map.store(layout.range(0), V::make(layout.value(0))).is_ok();
        let found = map.get(layout.first(0)).and_then(V::read) == Some(layout.value(0));
        check(stored && found, "what was stored after a removal was not found", [0; 3]);
    }
}
