//! The figures.

use crate::card::Card;
use maple_benches::jobs::{self, Failure, Writing};
use maple_benches::limits;
use maple_benches::maple::nodes;
use maple_benches::peers::{Brie, Concread, Imbl, Locked, Ranges, Scc, Skip};
use maple_benches::rcu::{self, Crossbeam, Haphazard, Liburcu, OfEpoch, OfGrace, OwnCrossbeam, Sdd, Section, Seize};
use maple_benches::replay::recordings;
use maple_benches::subject::MANY;
use maple_benches::{Change, Peer, RangeTable, Shape, Span, Subject, holes};
use maple_tree::{Grace, MapleTree, Pool, RangeMap, U61};
use std::cell::LazyCell;
use std::ops::Deref;

const SHAPE: Shape = Shape::Adjacent;

type Map = RangeMap<U61>;
type Tree = MapleTree<U61>;
type GraceTree = MapleTree<U61, Grace>;

/// Measures what was asked for.
pub(crate) fn measure(card: &mut Card) {
    // First: what retiring costs with crossbeam depends on what the process did before.
    grace_periods(card);
    for &(count, size) in card.sizes() {
        loads(card, count, size);
        builds(card, count, size);
        changes::<Map>(card, count, size);
        changes::<Tree>(card, count, size);
        copies(card, count, size);
        recoveries(card, count, size);
        first_fits(card, count, size);
        beside_writers(card, count, size);
        if size != "100" {
            limits(card, count, size);
        }
    }
    replays(card);
    if let Some(&(count, "1m")) = card.sizes().last() {
        bytes(card, count);
    }
}

/// Look-ups and walks.
fn loads(card: &mut Card, count: u64, size: &str) {
    let hits = LazyCell::new(|| SHAPE.hits(count));
    let tree = LazyCell::new(|| Tree::filled(SHAPE, count));
    let peer = LazyCell::new(|| Peer::filled(SHAPE, count));

    card.duel(&format!("load.{size}.vs_btreemap"), 1, || jobs::load(&*tree, &hits), || jobs::load(&*peer, &hits));
    load_against::<Locked>(card, count, size, &tree, &hits);
    load_against::<Ranges>(card, count, size, &tree, &hits);
    load_against::<Skip>(card, count, size, &tree, &hits);
    load_against::<Scc>(card, count, size, &tree, &hits);
    load_against::<Concread>(card, count, size, &tree, &hits);
    load_against::<Brie>(card, count, size, &tree, &hits);
    load_against::<Imbl>(card, count, size, &tree, &hits);
    card.duel(&format!("load_pin.{size}.vs_btreemap"), 1, || jobs::load_pin(&*tree, &hits), || jobs::load_pin(&*peer, &hits));
    let on_grace = LazyCell::new(|| GraceTree::filled(SHAPE, count));
    let metric = format!("load_pin_grace.{size}.vs_btreemap");
    card.duel(&metric, 1, || jobs::load_pin(&*on_grace, &hits), || jobs::load_pin(&*peer, &hits));
    if size == "1m" {
        card.duel("get_many.1m.vs_btreemap", MANY as u64, || jobs::load_many(&*tree, &hits), || jobs::load_many(&*peer, &hits));
    }
    card.duel(&format!("iter.{size}.vs_btreemap"), count, || jobs::iterate(&*tree), || jobs::iterate(&*peer));
    card.duel(&format!("for_each.{size}.vs_btreemap"), count, || jobs::for_each(&*tree), || jobs::for_each(&*peer));
}

fn load_against<S: Subject>(card: &mut Card, count: u64, size: &str, tree: &Tree, hits: &[u64]) {
    let metric = format!("load.{size}.vs_{}", S::KEY);
    if card.wants(&metric) {
        let peer = S::filled(SHAPE, count);
        card.duel(&metric, 1, || jobs::load(tree, hits), || jobs::load(&peer, hits));
    }
}

fn builds(card: &mut Card, count: u64, size: &str) {
    let ascending = LazyCell::new(|| SHAPE.spans(count).collect::<Vec<Span>>());
    let random = LazyCell::new(|| SHAPE.shuffled(count));
    let orders: [(&str, &dyn Deref<Target = Vec<Span>>); 2] = [("build_asc", &ascending), ("build_rand", &random)];
    for (name, spans) in orders {
        let metric = |face: &str| format!("{name}.{face}.{size}.vs_btreemap");
        card.duel(&metric(Map::KEY), count, || jobs::build::<Map>(spans), || jobs::build::<Peer>(spans));
        card.duel(&metric(Tree::KEY), count, || jobs::build::<Tree>(spans), || jobs::build::<Peer>(spans));
    }
    if size != "100" {
        let metric = format!("build_bulk.{size}.vs_btreemap");
        card.duel(&metric, count, || jobs::bulk::<Map>(&ascending), || jobs::bulk::<Peer>(&ascending));
    }
}

fn changes<S: Subject>(card: &mut Card, count: u64, size: &str) {
    let metric = |name: &str| format!("{name}.{}.{size}.vs_btreemap", S::KEY);
    let hits = LazyCell::new(|| SHAPE.hits(count));
    // New ones for each, so that no figure depends on what was done before.
    let (ours, peer) = (|| S::filled(SHAPE, count), || Peer::filled(SHAPE, count));
    card.duel(&metric("replace"), 1, || jobs::replace(ours(), &hits), || jobs::replace(peer(), &hits));
    card.duel(&metric("erase_store"), 1, || jobs::erase_store(ours(), &hits), || jobs::erase_store(peer(), &hits));
    card.duel(&metric("punch_restore"), 1, || jobs::punch_restore(ours(), &hits), || jobs::punch_restore(peer(), &hits));
}

/// Copying and dropping everything.
fn copies(card: &mut Card, count: u64, size: &str) {
    let map = LazyCell::new(|| Map::filled(SHAPE, count));
    let peer = LazyCell::new(|| Peer::filled(SHAPE, count));
    card.duel(&format!("dup.{size}.vs_btreemap"), count, || jobs::dup(&*map), || jobs::dup(&*peer));
    card.duel(&format!("dup.{size}.vs_copy"), count, || jobs::dup(&*map), || jobs::copy_nodes(nodes(&map)));
    card.duel(&format!("drop.{size}.vs_btreemap"), count, || jobs::destroy(&*map), || jobs::destroy(&*peer));
}

/// A teardown drops the whole copy, of the same face as what is pruned.
fn recoveries(card: &mut Card, count: u64, size: &str) {
    let map = LazyCell::new(|| Map::filled(SHAPE, count));
    let tree = LazyCell::new(|| Tree::filled(SHAPE, count));
    let peer = LazyCell::new(|| Peer::filled(SHAPE, count));
    for percent in [1, 50, 99] {
        let failure = Failure { shape: SHAPE, count, percent };
        let metric = |form: &str, peer: &str| format!("prune.{form}.{percent}pct.{size}.vs_{peer}");
        let prune_map = || jobs::recover_rehearsed(&*map, failure, prune_exclusive);
        let prune_tree = || jobs::recover_rehearsed(&*tree, failure, prune_shared);
        let prune_in_place = || jobs::recover_rehearsed(&*tree, failure, prune_in_place);
        let drop_map = || jobs::recover_rehearsed(&*map, failure, |copy, _| drop(copy));
        let drop_tree = || jobs::recover_rehearsed(&*tree, failure, |copy, _| drop(copy));
        let split_off = || jobs::recover_rehearsed(&*peer, failure, prune_exclusive);

        card.duel_of_singles(&metric("exclusive", "teardown"), prune_map, drop_map);
        card.duel_of_singles(&metric("exclusive", "split_off"), prune_map, split_off);
        card.duel_of_singles(&metric("shared", "teardown"), prune_tree, drop_tree);
        card.duel_of_singles(&metric("shared", "split_off"), prune_tree, split_off);
        card.duel_of_singles(&metric("inplace", "teardown"), prune_in_place, drop_tree);
        card.duel_of_singles(&metric("inplace", "split_off"), prune_in_place, split_off);
    }
    if size == "1m" {
        let failure = Failure { shape: SHAPE, count, percent: 50 };
        let release = |copy: Box<Tree>, from| {
            copy.prune(from);
            copy.synchronize().expect("not inside a read section");
            copy
        };
        let drop_map = || jobs::recover(&*map, failure, |copy, _| drop(copy));
        let drop_tree = || jobs::recover(&*tree, failure, |copy, _| drop(copy));
        // Without the rehearsal: with the code out of the instruction cache, as a failure finds it that comes out of the blue.
        let metric = |form: &str| format!("prune_cold.{form}.50pct.1m.vs_teardown");
        card.duel_of_singles(&metric("exclusive"), || jobs::recover(&*map, failure, prune_exclusive), drop_map);
        card.duel_of_singles(&metric("shared"), || jobs::recover(&*tree, failure, prune_shared), drop_tree);
        card.duel_of_singles(&metric("inplace"), || jobs::recover(&*tree, failure, prune_in_place), drop_tree);
        card.duel_of_singles("memory_back.50pct.1m.vs_teardown", || jobs::recover(&*tree, failure, release), drop_tree);
        let release = |mut copy: Box<Map>, from| {
            drop(copy.prune(from));
            copy
        };
        let metric = "memory_back.exclusive.50pct.1m.vs_teardown";
        card.duel_of_singles(metric, || jobs::recover(&*map, failure, release), drop_map);
    }
}

fn prune_exclusive<S: RangeTable>(mut copy: Box<S>, from: u64) -> (Box<S>, S::Tail) {
    let tail = copy.cut(from);
    (copy, tail)
}

fn prune_shared(copy: Box<Tree>, from: u64) -> Box<Tree> {
    copy.prune(from);
    copy
}

fn prune_in_place(copy: Box<Tree>, from: u64) -> Box<Tree> {
    copy.prune_in_place(from);
    copy
}

fn first_fits(card: &mut Card, count: u64, size: &str) {
    fn subject<S: Subject>(count: u64) -> S {
        S::of(holes::spans(count))
    }
    let fit_map = || jobs::first_fit(subject::<Map>(count), count);
    let fit_tree = || jobs::first_fit(subject::<Tree>(count), count);
    let fit_peer = || jobs::first_fit(subject::<Peer>(count), count);
    card.duel(&format!("gap_search.{size}.vs_btreemap"), 1, fit_map, fit_peer);
    card.duel(&format!("gap_search.{size}.vs_rangemap"), 1, fit_map, || jobs::first_fit(subject::<Ranges>(count), count));
    card.duel(&format!("gap_search.shared.{size}.vs_btreemap"), 1, fit_tree, fit_peer);
    let (map, peer) = (LazyCell::new(|| subject::<Map>(count)), LazyCell::new(|| subject::<Peer>(count)));
    let metric = format!("gap_search.first.{size}.vs_btreemap");
    card.duel(&metric, 1, || jobs::first_search(&*map), || jobs::first_search(&*peer));
    let allocate_peer = || jobs::allocate_free(subject::<Peer>(count), count);
    let metric = |face: &str| format!("gap_search.allocate_free.{face}.{size}.vs_btreemap");
    card.duel(&metric("exclusive"), 1, || jobs::allocate_free(subject::<Map>(count), count), allocate_peer);
    card.duel(&metric("shared"), 1, || jobs::allocate_free(subject::<Tree>(count), count), allocate_peer);
}

/// Read sections, retiring and waiting, apart from any tree.
fn grace_periods(card: &mut Card) {
    card.duel("rcu.read.vs_crossbeam", 1, || rcu::read(OfGrace::begin()), || rcu::read(Crossbeam::begin()));
    card.duel("rcu.read.vs_own_crossbeam", 1, || rcu::read(OfGrace::begin()), || rcu::read(OwnCrossbeam::begin()));
    card.duel("rcu.read.vs_seize", 1, || rcu::read(OfGrace::begin()), || rcu::read(Seize::begin()));
    card.duel("rcu.read.vs_sdd", 1, || rcu::read(OfGrace::begin()), || rcu::read(Sdd::begin()));
    card.duel("rcu.read.vs_haphazard", 1, || rcu::read(OfGrace::begin()), || rcu::read(Haphazard::begin()));
    let nested = || rcu::read_nested(OfGrace::begin(), OfGrace::begin());
    card.duel("rcu.read_nested.vs_crossbeam", 1, nested, || rcu::read_nested(Crossbeam::begin(), Crossbeam::begin()));
    card.duel("rcu.retire.vs_crossbeam", rcu::RETIRED, rcu::retire::<Grace>, rcu::defer_destroy);
    card.duel("rcu.synchronize_busy.vs_epoch", 1, rcu::synchronize_busy::<OfGrace>, rcu::synchronize_busy::<OfEpoch>);
    card.duel("rcu.synchronize_idle.vs_epoch", 1, rcu::synchronize_idle::<OfGrace>, rcu::synchronize_idle::<OfEpoch>);
    if Liburcu::is_there() {
        card.duel("rcu.read.vs_liburcu", 1, || rcu::read(OfGrace::begin()), || rcu::read(Liburcu::begin()));
        card.duel("rcu.synchronize_busy.vs_liburcu", 1, rcu::synchronize_busy::<OfGrace>, rcu::synchronize_busy::<Liburcu>);
        card.duel("rcu.synchronize_idle.vs_liburcu", 1, rcu::synchronize_idle::<OfGrace>, rcu::synchronize_idle::<Liburcu>);
    }
}

/// For one change of an address space.
fn replays(card: &mut Card) {
    let recordings = LazyCell::new(recordings);
    let steps = || recordings.iter().map(|recording| recording.steps.len() as u64).sum();
    for (metric, is_shared) in [("replay.vs_btreemap", false), ("replay.shared.vs_btreemap", true)] {
        if card.wants(metric) {
            let peer = || jobs::replay::<Peer>(&recordings);
            if is_shared {
                card.duel(metric, steps(), || jobs::replay::<Tree>(&recordings), peer);
            } else {
                card.duel(metric, steps(), || jobs::replay::<Map>(&recordings), peer);
            }
        }
    }
}

/// One reader beside one writer: nanoseconds for a look-up.
fn beside_writers(card: &mut Card, count: u64, size: &str) {
    let hits = LazyCell::new(|| SHAPE.hits(count));
    let tree = LazyCell::new(|| Tree::filled(SHAPE, count));
    let on_grace = LazyCell::new(|| GraceTree::filled(SHAPE, count));
    let peer = LazyCell::new(|| Locked::filled(SHAPE, count));
    for writing in [Writing::Replace, Writing::Punch] {
        let metric = format!("readers_beside_writer.{}.{size}.vs_rwlock_btreemap", writing.name());
        let ours = || jobs::load_beside(&*tree, &hits, writing);
        card.duel_of_pairs(&metric, ours, || jobs::load_beside(&*peer, &hits, writing));
        let metric = format!("readers_beside_writer_grace.{}.{size}.vs_epoch", writing.name());
        card.duel_of_pairs(
            &metric,
            || jobs::load_beside(&*on_grace, &hits, writing),
            || jobs::load_beside(&*tree, &hits, writing),
        );
    }
}

/// Against loops that do the least that there is to do, without a tree: below 1, and how close to it is how close to the machine. (The last one is apart: what a
/// look-up waits for when it meets the writer, which few do.)
fn limits(card: &mut Card, count: u64, size: &str) {
    let hits = LazyCell::new(|| SHAPE.hits(count));
    let ascending = LazyCell::new(|| SHAPE.spans(count).collect::<Vec<Span>>());
    let random = LazyCell::new(|| SHAPE.shuffled(count));
    let map = LazyCell::new(|| Map::filled(SHAPE, count));
    let tree = LazyCell::new(|| Tree::filled(SHAPE, count));

    card.duel(&format!("limit.iter.{size}.vs_words"), count, || jobs::iterate(&*map), || limits::walk(&ascending));
    card.duel(&format!("limit.for_each.{size}.vs_words"), count, || jobs::for_each(&*map), || limits::walk(&ascending));
    card.duel(&format!("limit.build_bulk.{size}.vs_fill"), count, || jobs::bulk::<Map>(&ascending), || limits::fill(&ascending));
    let metric = format!("limit.build_asc.shared.{size}.vs_publish");
    card.duel(&metric, count, || jobs::build::<Tree>(&ascending), || limits::copy_and_publish(count));
    let metric = format!("limit.build_rand.exclusive.{size}.vs_find_and_shift");
    card.duel(&metric, count, || jobs::build::<Map>(&random), || limits::find_and_shift(&*map, count, &hits, count));
    let metric = format!("limit.punch_restore.exclusive.{size}.vs_find_and_shift");
    card.duel(
        &metric,
        1,
        || jobs::punch_restore(Map::filled(SHAPE, count), &hits),
        || limits::find_and_shift(&*map, count, &hits, 2),
    );
    let metric = format!("limit.readers_beside_writer.replace.{size}.vs_passing_a_word");
    card.duel_of_pairs(&metric, || jobs::load_beside(&*tree, &hits, Writing::Replace), limits::pass_a_word);
}

/// Bytes of nodes for an entry, in the place of nanoseconds. The peer is the Linux kernel's tree in user space, as it was measured
/// with the same ranges: 16 slots in a node of 256 bytes, too.
fn bytes(card: &mut Card, count: u64) {
    for (shape, shape_name, kernel) in [(Shape::Adjacent, "adjacent", [18.3, 21.3]), (Shape::Holes, "gap", [34.3, 42.3])] {
        let orders: [(&str, &dyn Fn() -> Vec<Span>); 2] =
            [("asc", &|| shape.spans(count).collect()), ("rand", &|| shape.shuffled(count))];
        for ((order, spans), kernel) in orders.into_iter().zip(kernel) {
            let metric = format!("bytes_per_entry.{order}.{shape_name}");
            if !card.wants(&metric) {
                continue;
            }
            let before = Pool::global().figures().nodes_in_use;
            let mut map = Map::new();
            for (span, value) in spans().into_iter().zip(0..) {
                map.apply(Change::Build(span, value));
            }
            let nodes = Pool::global().figures().nodes_in_use - before;
            card.add(&metric, nodes as f64 * 256.0 / count as f64, kernel);
        }
    }
}
