//! Flavours of read-copy-update, and what others have in their place: read sections, retiring, and waiting for a busy reader.

mod liburcu;
mod sections;
#[cfg(test)]
mod tests;

pub use liburcu::Liburcu;
pub use sections::{Crossbeam, Haphazard, OwnCrossbeam, Sdd, Section, Seize};

use crate::clock::{Events, together};
use core::hint::black_box;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use maple_rcu::{Epoch, Grace, Rcu, RcuBox};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What readers look at.
static SHARED: AtomicU64 = AtomicU64::new(1);

/// One load, which nothing waits for: a sum would take as long as a read section, and hide it.
#[inline(always)]
fn look() {
    black_box(SHARED.load(Ordering::Acquire));
}

/// A read section around one load.
pub fn read<S: Section>(mut section: S) -> impl FnMut(u64) -> Duration {
    move |iterations| together(iterations, || section.inside(look))
}

/// A read section inside another.
pub fn read_nested<S: Section>(mut outer: S, mut section: S) -> impl FnMut(u64) -> Duration {
    move |iterations| {
        let mut time = Duration::ZERO;
        outer.inside(|| {
            time = together(iterations, || section.inside(look));
        });
        time
    }
}

/// So many objects are retired in one iteration, and then handed over.
pub const RETIRED: u64 = 64;

type Payload = [u64; 4];

/// Retiring nodes that were made before, and freeing those that are due by then.
pub fn retire<R: Rcu>() -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    let nodes = || {
        let node = |n| RcuBox::<Payload>::try_new([n; 4]).expect("memory for a benchmark").into_raw();
        (0..RETIRED).map(node).collect::<Vec<_>>()
    };
    move |iterations| {
        events.time(iterations, nodes, |nodes| {
            for &node in &nodes {
                // SAFETY: from `into_raw` above.
                let link = unsafe { RcuBox::<Payload>::raw_link(node) };
                // SAFETY: there never was a reader, and numbers may be dropped on any thread.
                unsafe { R::retire(link) };
            }
            R::flush();
            nodes
        })
    }
}

/// The same with `crossbeam-epoch` itself, by `defer_destroy` inside one section, on nodes of the same size.
pub fn defer_destroy() -> impl FnMut(u64) -> Duration {
    let mut events = Events::default();
    let nodes = || {
        let node = |n| crossbeam_epoch::Owned::new([n; 6]);
        (0..RETIRED).map(node).collect::<Vec<_>>()
    };
    move |iterations| {
        events.time(iterations, nodes, |mut nodes| {
            let guard = crossbeam_epoch::pin();
            for node in nodes.drain(..) {
                // SAFETY: there never was a reader.
                unsafe { guard.defer_destroy(node.into_shared(&guard)) };
            }
            nodes
        })
    }
}

/// A thread that does nothing but read, section after section.
pub struct Busy<S> {
    stop: &'static AtomicBool,
    reader: Option<JoinHandle<()>>,
    section: PhantomData<S>,
}

impl<S> core::fmt::Debug for Busy<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Busy")
    }
}

impl<S: Section> Busy<S> {
    /// Starts it, and returns when it reads.
    ///
    /// # Panics
    ///
    /// If there is no thread to be had.
    pub fn begin() -> Self {
        let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let (begun, has_begun) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut section = S::begin();
            section.inside(|| ());
            begun.send(()).expect("the benchmark is there");
            while !stop.load(Ordering::Relaxed) {
                section.inside(look);
            }
        });
        has_begun.recv().expect("the reader is there");
        Self { stop, reader: Some(reader), section: PhantomData }
    }
}

impl<S> Drop for Busy<S> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends in peace");
        }
    }
}

/// Waiting for a grace period beside one reader that is busy while this waits, and only then: it would slow the peer's rounds down.
pub fn synchronize_busy<S: Section>() -> impl FnMut(u64) -> Duration {
    let mut waiter = S::begin();
    let mut events = Events::default();
    move |iterations| {
        let busy = Busy::<S>::begin();
        let time = events.time(iterations, || (), |()| waiter.wait());
        drop(busy);
        time
    }
}

/// The same with nobody else there.
pub fn synchronize_idle<S: Section>() -> impl FnMut(u64) -> Duration {
    let mut waiter = S::begin();
    let mut events = Events::default();
    move |iterations| events.time(iterations, || (), |()| waiter.wait())
}

/// A flavour of `maple-rcu`.
#[derive(Debug)]
pub struct Flavour<R>(PhantomData<R>);

/// Its default.
pub type OfEpoch = Flavour<Epoch>;
/// The one that allocates nothing.
pub type OfGrace = Flavour<Grace>;

impl<R: Rcu> Section for Flavour<R> {
    fn begin() -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        let guard = R::pin();
        f();
        drop(guard);
    }

    fn wait(&mut self) {
        R::synchronize().expect("not inside a read section");
    }
}
