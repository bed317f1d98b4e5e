//! Memory: bytes for an entry, and what a recovery asks for and gives back. Counted, not timed: the same on every run,
//! but for a few KiB that wait in a grace period.
//!
//! Bytes are those that were asked of the allocator and not given back. Of our own slabs only the nodes that are in use count, because
//! all trees share the slabs.

use maple_benches::jobs::Failure;
use maple_benches::peers::{Brie, Concread, Imbl, Locked, Ranges, Scc, Skip};
use maple_benches::{Case, Change, Peer, RangeTable, Span, Subject, cases};
use maple_tree::{MapleTree, Pool, RangeMap, U61};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

static REQUESTS: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicIsize = AtomicIsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) };
    }

    // The other calls allocate, copy and free by means of these two.
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What there is at an instant.
#[derive(Clone, Copy)]
struct Books {
    requests: usize,
    live: isize,
}

impl Books {
    fn now() -> Self {
        let pool = Pool::global().figures();
        let unused = (pool.slab_bytes - pool.nodes_in_use * 256) as isize;
        Self { requests: REQUESTS.load(Ordering::Relaxed), live: LIVE.load(Ordering::Relaxed) - unused }
    }

    /// After what waits for grace periods is freed.
    fn settled() -> Self {
        for _ in 0..1_000 {
            crossbeam_epoch::pin().flush();
            scc::Guard::new().accelerate();
        }
        Self::now()
    }

    fn since(self, before: Self) -> Self {
        Self { requests: self.requests - before.requests, live: self.live - before.live }
    }
}

fn bytes_per_entry<S: Subject>(case: Case) {
    let Case { shape, count } = case;
    let orders: [(&str, Vec<Span>); 2] = [("ascending", shape.spans(count).collect()), ("random", shape.shuffled(count))];
    for (order, spans) in orders {
        let before = Books::settled();
        let mut subject = S::default();
        for (&span, value) in spans.iter().zip(0..) {
            subject.apply(Change::Build(span, value));
        }
        let books = Books::settled().since(before);
        let each = |number: f64| number / count as f64;
        let (bytes, requests) = (each(books.live as f64), each(books.requests as f64));
        println!("{:<20} {:<9} {order:<10} {count:>8} {bytes:>10.1} {requests:>12.2}", S::NAME, shape.name());
    }
}

/// What a recovery step asks for, and what is held before it, after it, and after everything was given back.
fn recovery<S: RangeTable, T>(
    failure: Failure,
    name: &str,
    nodes_taken: impl Fn(&S) -> u64,
    step: impl FnOnce(&mut S) -> T,
    release: impl FnOnce(&mut S, T),
) {
    let source = S::filled(failure.shape, failure.count);
    let empty = Books::settled();
    let mut copy = source.copy();
    let (full, taken) = (Books::now(), nodes_taken(&copy));
    let tail = step(&mut copy);
    let (recovered, taken) = (Books::now(), nodes_taken(&copy) - taken);
    release(&mut copy, tail);
    let kibibytes = |books: Books| books.since(empty).live as f64 / 1024.0;
    println!(
        "{name:<26} {:>2} % {:>8} {:>8} {taken:>6} {:>10.1} {:>10.1} {:>10.1}",
        failure.percent,
        failure.count,
        recovered.since(full).requests,
        kibibytes(full),
        kibibytes(recovered),
        kibibytes(Books::settled())
    );
}

fn recoveries(failure: Failure) {
    type Map = RangeMap<U61>;
    type Tree = MapleTree<U61>;
    let (from, tail) = (failure.index(), || failure.entry()..failure.count);
    let (of_map, of_tree) = (|map: &Map| map.figures().nodes_taken, |tree: &Tree| tree.figures().nodes_taken);
    let synchronize = |tree: &Tree| tree.synchronize().expect("not inside a read section");

    recovery(failure, "RangeMap::prune", of_map, |copy| copy.prune(from), |_, tail| drop(tail));
    recovery(failure, "MapleTree::prune", of_tree, |copy| copy.prune(from), |copy, _| synchronize(copy));
    recovery(failure, "MapleTree::prune_in_place", of_tree, |copy| copy.prune_in_place(from), |copy, _| synchronize(copy));
    let erase_each = |copy: &mut Tree| copy.erase_tail(failure.shape, tail());
    recovery(failure, "MapleTree, erase each", of_tree, erase_each, |copy, ()| synchronize(copy));
    recovery(failure, "RangeMap, taken down", |_| 0, |copy: &mut Map| *copy = Map::new(), |_, ()| ());
    recovery(failure, "BTreeMap::split_off", |_| 0, |copy: &mut Peer| copy.cut(from), |_, tail| drop(tail));
    recovery(failure, "BTreeMap, erase each", |_| 0, |copy: &mut Peer| copy.erase_tail(failure.shape, tail()), |_, ()| ());
    recovery(failure, "BTreeMap, taken down", |_| 0, |copy: &mut Peer| *copy = Peer::default(), |_, ()| ());
}

fn main() {
    println!("{:<20} {:<9} {:<10} {:>8} {:>10} {:>12}", "map", "ranges", "built", "entries", "bytes each", "allocations");
    for case in cases() {
        bytes_per_entry::<RangeMap<U61>>(case);
        bytes_per_entry::<MapleTree<U61>>(case);
        bytes_per_entry::<Peer>(case);
        bytes_per_entry::<Locked>(case);
        bytes_per_entry::<Ranges>(case);
        bytes_per_entry::<Skip>(case);
        bytes_per_entry::<Scc>(case);
        bytes_per_entry::<Concread>(case);
        bytes_per_entry::<Brie>(case);
        bytes_per_entry::<Imbl>(case);
    }
    println!();
    println!(
        "{:<26} {:>4} {:>8} {:>8} {:>6} {:>10} {:>10} {:>10}",
        "recovery", "at", "entries", "requests", "nodes", "KiB before", "KiB after", "in the end"
    );
    for Case { shape, count } in cases() {
        for percent in [1, 50, 99] {
            recoveries(Failure { shape, count, percent });
        }
    }
}
