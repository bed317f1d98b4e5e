//! A flavour for models: grace periods end at the first instant that they may, and are worth two operations of Loom to a reader.
//!
//! All sections share one count, so that a writer knows at once whether there is a reader. If not, what is handed over is run there and then;
//! else by the reader who is the last to leave. So whatever a tree hands over too early is released under a reader in some execution. (The
//! flavour `Grace` has models of its own in `maple-rcu`; here two models run on it.)

use super::sync::{Weak, broken};
use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use maple_rcu::{BarrierError, Batch, InsideReadSection, Link, Rcu, RetireList};

/// See the module.
#[derive(Debug)]
pub(super) struct Early(());

/// A read section.
#[derive(Debug)]
pub(super) struct EarlyGuard(PhantomData<*mut ()>);

/// What the threads of an execution share.
///
/// # Invariants
///
/// `waiting` is looked at between two operations of Loom only, so threads, which are coroutines, do not meet there.
struct State {
    inside: AtomicUsize,
    waiting: RefCell<Vec<Batch>>,
    retired: RetireList,
}

std::thread_local! {
    /// Of this execution.
    static STATE: Cell<Option<&'static State>> = const { Cell::new(None) };
}

loom::thread_local! {
    /// Sections of the thread.
    static DEPTH: Cell<usize> = Cell::new(0);
}

fn state() -> &'static State {
    STATE.get().expect("inside of an execution")
}

/// Begins an execution.
pub(super) fn begin() {
    let state = State { inside: AtomicUsize::new(0), waiting: RefCell::new(Vec::new()), retired: RetireList::new() };
    let before = STATE.replace(Some(Box::leak(Box::new(state))));
    if let Some(before) = before {
        // SAFETY: from `leak` just above, one execution ago; nobody is left who knows it.
        drop(unsafe { Box::from_raw(ptr::from_ref(before).cast_mut()) });
    }
}

/// Ends an execution: there are no readers any more.
pub(super) fn end() {
    Early::flush();
    assert!(state().waiting.borrow().is_empty(), "a batch was not run");
}

/// # Safety
///
/// There are no readers that were there when the batches were handed over.
unsafe fn run(batches: Vec<Batch>) {
    for batch in batches {
        // SAFETY: the caller's promise.
        unsafe { batch.run() };
    }
}

// SAFETY: a section counts from `pin` to the drop of its guard. All changes of the count are read-modify-writes that acquire and release: who
// sees that nobody is inside comes after all that were, and whoever enters later comes after that and what was done before it.
unsafe impl Rcu for Early {
    type Guard = EarlyGuard;

    fn pin() -> EarlyGuard {
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        state().inside.fetch_add(1, Ordering::AcqRel);
        EarlyGuard(PhantomData)
    }

    fn is_reading() -> bool {
        DEPTH.with(Cell::get) > 0
    }

    fn synchronize() -> Result<(), InsideReadSection> {
        if Self::is_reading() {
            return Err(InsideReadSection);
        }
        while state().inside.fetch_add(0, Ordering::AcqRel) > 0 {
            thread::yield_now();
        }
        Ok(())
    }

    unsafe fn hand_over(batch: Batch) {
        if broken(Weak::HandOver) {
            // SAFETY: none; Loom is to see it.
            return unsafe { batch.run() };
        }
        // First the count, then the list: who empties that comes after this.
        let nobody = state().inside.fetch_add(0, Ordering::AcqRel) == 0;
        state().waiting.borrow_mut().push(batch);
        if nobody {
            // SAFETY: nobody was inside after all that waits was handed over.
            unsafe { run(state().waiting.take()) };
        }
    }

    fn barrier() -> Result<(), BarrierError> {
        unreachable!("no model waits for what others run")
    }

    fn retired() -> &'static RetireList {
        &state().retired
    }

    unsafe fn retire(link: NonNull<Link>) {
        // SAFETY: the caller's promise.
        unsafe { Self::retired().push(link) };
        if broken(Weak::Retire) {
            // SAFETY: none; Loom is to see it.
            Self::retired().take_all().into_iter().for_each(|batch| unsafe { batch.run() });
        }
    }
}

impl Drop for EarlyGuard {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
        if state().inside.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: as in `hand_over`.
            unsafe { run(state().waiting.take()) };
        }
    }
}
