//! What others have in the place of a read section.

use super::SHARED;
use core::sync::atomic::{AtomicPtr, Ordering};
use crossbeam_epoch::Collector;
use haphazard::HazardPointer;
use seize::Guard as _;

/// One thread's way to read.
pub trait Section {
    /// A thread begins to use it.
    fn begin() -> Self;

    /// Does `f` inside a read section.
    fn inside(&mut self, f: impl FnOnce());

    /// Waits for all read sections that are open, where there is a way to. Does nothing otherwise.
    fn wait(&mut self) {}
}

/// `crossbeam-epoch`, default collector.
#[derive(Debug)]
pub struct Crossbeam;

impl Section for Crossbeam {
    fn begin() -> Self {
        Self
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        let guard = crossbeam_epoch::pin();
        f();
        drop(guard);
    }
}

/// `crossbeam-epoch`, a collector and a participant of one's own, so that there is no thread-local to be found.
#[derive(Debug)]
pub struct OwnCrossbeam(crossbeam_epoch::LocalHandle);

impl Section for OwnCrossbeam {
    fn begin() -> Self {
        Self(Collector::new().register())
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        let guard = self.0.pin();
        f();
        drop(guard);
    }
}

/// `seize`.
#[derive(Debug)]
pub struct Seize(seize::Collector);

impl Section for Seize {
    fn begin() -> Self {
        Self(seize::Collector::new())
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        let guard = self.0.enter();
        // Its protocol wants loads to go through the guard.
        core::hint::black_box(guard.protect(&POINTER, Ordering::Acquire));
        f();
        drop(guard);
    }
}

/// `sdd`.
#[derive(Debug)]
pub struct Sdd;

impl Section for Sdd {
    fn begin() -> Self {
        Self
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        let guard = sdd::Guard::new();
        f();
        drop(guard);
    }
}

static POINTER: AtomicPtr<core::sync::atomic::AtomicU64> = AtomicPtr::new(core::ptr::from_ref(&SHARED).cast_mut());

/// `haphazard`: one hazard pointer that is used again and again.
pub struct Haphazard(HazardPointer<'static>);

impl core::fmt::Debug for Haphazard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Haphazard")
    }
}

impl Section for Haphazard {
    fn begin() -> Self {
        Self(HazardPointer::new())
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        core::hint::black_box(self.0.protect_ptr(&POINTER));
        f();
        self.0.reset_protection();
    }
}
