//! What this machine would allow: the least that some job has to do, without a tree around it. Each runs beside the job itself, in the same
//! rounds, so that a figure says how far from it the tree is.

use crate::clock::{Events, together};
use crate::{Round, Span, Subject};
use core::hint::black_box;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::ptr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Words of a node: fifteen pivots, one that is the writer's, sixteen slots.
const WORDS: usize = 32;

/// Slots of a node.
const SLOTS: usize = WORDS / 2;

/// As many bytes as a node has, where nodes begin.
#[derive(Clone, Debug)]
#[repr(align(256))]
struct Node([u64; WORDS]);

/// Full leaves for ranges in order, one after the other in memory.
fn leaves(spans: &[Span]) -> Vec<Node> {
    let mut leaves = vec![Node([0; WORDS]); spans.len().div_ceil(SLOTS)];
    for (n, span) in spans.iter().enumerate() {
        let leaf = &mut leaves[n / SLOTS].0;
        (leaf[n % SLOTS], leaf[SLOTS + n % SLOTS]) = (span.1, n as u64);
    }
    leaves
}

/// Going over the words of full leaves: the range from where the one before ended, its end, and the value.
pub fn walk(spans: &[Span]) -> impl FnMut(u64) -> Duration {
    let leaves = leaves(spans);
    move |iterations| {
        together(iterations, || {
            let (mut sum, mut first) = (0_u64, 0);
            for leaf in black_box(&leaves) {
                let (lasts, values) = leaf.0.split_at(SLOTS);
                for (last, value) in lasts.iter().zip(values) {
                    sum = sum.wrapping_add(first ^ last ^ value);
                    first = last + 1;
                }
            }
            black_box(sum);
        })
    }
}

/// Filling leaves with the words of sorted ranges, in memory that is new each time, without a look at whether they are in order.
pub fn fill(spans: &[Span]) -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    move |iterations| events.time(iterations, || (), |()| leaves(black_box(spans)))
}

/// A random look-up, and half a node at a random place moved by a slot: what storing a range takes at least, where it has to be found, and what is
/// behind it makes room.
///
/// `times` for an iteration; the nodes that are shifted are as many as those of a tree of `count` ranges.
pub fn find_and_shift<S: Subject>(subject: &S, count: u64, hits: &[u64], times: u64) -> impl FnMut(u64) -> Duration {
    // As many as the tree has with three quarters of its slots in use.
    let mut nodes = vec![Node([1; WORDS]); (count as usize / 12).max(1)];
    let mut hits = Round::new(hits);
    move |iterations| {
        let reader = subject.read();
        let mut sum = 0_u64;
        let time = together(iterations * times, || {
            let index = hits.turn();
            sum = sum.wrapping_add(S::load(&reader, index).unwrap_or(0));
            let place = (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
            let last = nodes.len() - 1;
            let node = &mut nodes[place % (last + 1)].0;
            // Where it goes is not known before it was found, nor to the compiler.
            let at = place % (SLOTS - 1);
            node.copy_within(at..SLOTS - 1, at + 1);
            node.copy_within(SLOTS + at..WORDS - 1, SLOTS + at + 1);
            (node[at], node[SLOTS + at]) = (index, sum);
        });
        black_box(sum);
        time
    }
}

/// Taking a lock, copying a node to another that is at hand, one word changed, making that visible, and letting go: what a change beside readers takes at
/// least, before anything is found and before anything is given back. `times` for an iteration.
pub fn copy_and_publish(times: u64) -> impl FnMut(u64) -> Duration {
    /// As many as a session might have under way.
    const NODES: usize = 64;
    let mut nodes = vec![Node([1; WORDS]); NODES];
    let visible = AtomicPtr::new(ptr::null_mut::<Node>());
    let lock = Mutex::new(());
    let mut at = 0;
    move |iterations| {
        together(iterations * times, || {
            let _held = lock.lock();
            let before = at;
            at = (at + 1) % NODES;
            nodes[at] = nodes[before].clone();
            nodes[at].0[SLOTS] = at as u64;
            visible.store(&raw mut nodes[at], Ordering::Release);
        })
    }
}

/// Passing a word to another processor, one way: what a reader waits for who comes upon a word that the writer has just stored.
pub fn pass_a_word() -> impl FnMut(u64) -> Duration {
    /// A line of its own for each direction.
    #[repr(align(128))]
    struct Line(AtomicU64);
    |iterations| {
        let (there, back) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
        let wait = |line: &Line, turn: u64| {
            while line.0.load(Ordering::Acquire) != turn {
                core::hint::spin_loop();
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 1..=iterations {
                    wait(&there, turn);
                    back.0.store(turn, Ordering::Release);
                }
            });
            let start = Instant::now();
            for turn in 1..=iterations {
                there.0.store(turn, Ordering::Release);
                wait(&back, turn);
            }
            start.elapsed() / 2
        })
    }
}
