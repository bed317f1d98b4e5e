//! A thread that walks the copy while it is made, cut and given back, and checks what it sees.

use crate::maps::{Entry, Generation, Vma};
use maple_tree::MapleTree;
use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Entries that a reader looks at within one read section. Short sections make short grace periods.
const SECTION: usize = 64;

/// What writer and reader tell each other.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    sections: AtomicU64,
    passes: AtomicU64,
    recovered: AtomicBool,
    over: AtomicBool,
}

impl Watch {
    /// Waits until the reader is at work (or has given up).
    pub(crate) fn wait_for_a_section(&self) {
        self.wait_for_one_more(&self.sections);
    }

    /// Waits until the reader has walked the copy once more from one end to the other (or has given up).
    pub(crate) fn wait_for_a_pass(&self) {
        self.wait_for_one_more(&self.passes);
    }

    fn wait_for_one_more(&self, done: &AtomicU64) {
        // Acquire and Release throughout: what a side did before it spoke is seen by the other that heard it.
        // One may be half over, so it is the one after that.
        let enough = done.load(Ordering::Acquire) + 2;
        while done.load(Ordering::Acquire) < enough && !self.over.load(Ordering::Acquire) {
            thread::sleep(Duration::from_micros(20));
        }
    }

    /// The recovery step is done: what is gone must stay gone.
    pub(crate) fn set_recovered(&self) {
        self.recovered.store(true, Ordering::Release);
    }

    /// Ends the reader's work when dropped, come what may.
    pub(crate) fn until_dropped(&self) -> impl Drop {
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Release);
            }
        }
        Over(&self.over)
    }
}

/// What a reader must never see.
#[derive(Debug)]
pub(crate) struct Illegal {
    range: RangeInclusive<u64>,
    why: &'static str,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a reader met the range {:#x?}: {}", self.range, self.why)
    }
}

impl Error for Illegal {}

/// Walks `copy` again and again. Every range must be one of `vmas`, with a value that belongs to it, and in order; from `fail_at` on
/// nothing may have been replaced but by a marker. Returns how many entries of the parent a pass met after the recovery.
pub(crate) fn walk(copy: &MapleTree<Entry>, vmas: &[Vma], fail_at: usize, watch: &Watch) -> Result<u64, Illegal> {
    let _over = watch.until_dropped();
    let mut parents = 0;
    while !watch.over.load(Ordering::Acquire) {
        parents = pass(copy, vmas, fail_at, watch)?.max(parents);
        watch.passes.fetch_add(1, Ordering::Release);
        // On a machine without a core to spare the writer would else wait for this thread's time slice to end.
        thread::yield_now();
    }
    Ok(parents)
}

fn pass(copy: &MapleTree<Entry>, vmas: &[Vma], fail_at: usize, watch: &Watch) -> Result<u64, Illegal> {
    let mut parents = 0;
    let mut originals = vmas.iter().enumerate();
    let mut from = Some(0);
    while let Some(first) = from.take() {
        // Asked before the section begins, so what the section sees is no older.
        let recovered = watch.recovered.load(Ordering::Acquire);
        let guard = copy.pin();
        for (seen, (range, vma)) in copy.range(first.., &guard).take(SECTION).enumerate() {
            let illegal = |why| Err(Illegal { range: range.clone(), why });
            let Some((index, original)) = originals.find(|(_, original)| original.start >= *range.start()) else {
                return illegal("there is no such mapping, or it came twice");
            };
            if (original.start, original.last) != (*range.start(), *range.end()) {
                return illegal("no mapping has this range");
            }
            if !vma.is_copy_of(original) && vma.generation != Generation::Marker {
                return illegal("its value belongs to another mapping");
            }
            match vma.generation {
                Generation::Parent if recovered && index < fail_at => return illegal("it was replaced before"),
                Generation::Parent => parents += u64::from(recovered),
                Generation::Child if index >= fail_at => return illegal("it was not copied"),
                Generation::Marker if index != fail_at => return illegal("a marker out of place"),
                Generation::Child | Generation::Marker => {}
            }
            if seen + 1 == SECTION {
                from = range.end().checked_add(1);
            }
        }
        drop(guard);
        watch.sections.fetch_add(1, Ordering::Release);
    }
    Ok(parents)
}
