//! Functions that other code deferred on the same collector, and that panic. A process of its own, since such a panic could surface
//! in any test beside it.

use core::ptr::NonNull;
use maple_rcu::{Batch, Epoch, Rcu, RcuArc};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Defers a function that panics. It is due at the next step of the epoch.
fn defer_a_panic() {
    // The first `pin` of a thread moves the epoch itself, and so stays a step behind.
    drop(crossbeam_epoch::pin());
    let guard = crossbeam_epoch::pin();
    guard.defer(|| panic!("a deferred function that panics, on purpose"));
    guard.flush();
}

static RUN: AtomicUsize = AtomicUsize::new(0);

/// # Safety
///
/// None needed: the arguments are not used.
unsafe fn count(_: NonNull<()>, _: *const ()) {
    RUN.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn a_foreign_panic_goes_on_when_the_work_is_done() {
    hand_over_keeps_its_batch();
    flush_hands_over();
    synchronize_waits_all_the_same(false);
    synchronize_waits_all_the_same(true);
    the_first_of_several_goes_on();
}

fn hand_over_keeps_its_batch() {
    defer_a_panic();
    // SAFETY: `count` may be called at any time.
    let batch = unsafe { Batch::new(NonNull::dangling(), core::ptr::null(), count) };
    // SAFETY: as above.
    let outcome = panic::catch_unwind(|| unsafe { Epoch::hand_over(batch) });
    assert!(outcome.is_err(), "the panic goes on");
    for _ in 0..10 {
        Epoch::synchronize().expect("not inside");
    }
    assert_eq!(RUN.load(Ordering::SeqCst), 1);
}

/// Also when the panic comes as it opens the read section that it works in: the first of a thread runs what is due.
fn flush_hands_over() {
    let met = (0..50).filter(|_| {
        // May meet the one before.
        let _ = panic::catch_unwind(defer_a_panic);
        let worker = thread::spawn(|| {
            drop(RcuArc::<u32>::try_new(7).expect("memory"));
            let outcome = panic::catch_unwind(Epoch::flush);
            assert!(Epoch::retired().is_empty(), "not handed over");
            outcome.is_err()
        });
        worker.join().expect("the thread ends in peace")
    });
    assert!(met.count() > 0);
    // What is left of the panics.
    while panic::catch_unwind(|| (0..10).for_each(|_| Epoch::synchronize().expect("not inside"))).is_err() {}
}

/// A thread in a read section for some time after `enter` was called.
struct Reader {
    call: mpsc::Sender<()>,
    answers: mpsc::Receiver<()>,
}

impl Reader {
    fn spawn<'scope>(scope: &'scope thread::Scope<'scope, '_>, stay: Duration, leaving: impl FnOnce() + Send + 'scope) -> Self {
        let (call, calls) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        scope.spawn(move || {
            // The first `pin` of a thread runs what is due; the next ones do not.
            drop(Epoch::pin());
            answer.send(()).expect("the test is there");
            calls.recv().expect("the test is there");
            let guard = Epoch::pin();
            answer.send(()).expect("the test is there");
            thread::sleep(stay);
            leaving();
            drop(guard);
        });
        answers.recv().expect("the reader is there");
        Self { call, answers }
    }

    /// Returns when the reader is inside.
    fn enter(&self) {
        self.call.send(()).expect("the reader is there");
        self.answers.recv().expect("the reader is there");
    }
}

/// The panic comes in the first step of `synchronize`; or, if there is a reader that lags behind the epoch, when that one has left.
/// The reader that counts is still there in both cases.
fn synchronize_waits_all_the_same(lagging: bool) {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = Reader::spawn(scope, Duration::from_millis(100), || ended.store(true, Ordering::SeqCst));
        let laggard = Reader::spawn(scope, Duration::from_millis(30), || ());
        if lagging {
            laggard.enter();
        }
        defer_a_panic();
        reader.enter();
        let outcome = panic::catch_unwind(|| Epoch::synchronize().expect("not inside"));
        assert!(outcome.is_err(), "the panic goes on");
        assert!(ended.load(Ordering::SeqCst), "unwound beside a reader that was there before");
        if !lagging {
            laggard.enter();
        }
    });
    assert_eq!(Epoch::synchronize(), Ok(()));
}

/// The others are dropped.
fn the_first_of_several_goes_on() {
    {
        // None of them is due before this section ends.
        let guard = crossbeam_epoch::pin();
        for number in 1..=3_usize {
            guard.defer(move || panic::panic_any(number));
            guard.flush();
        }
    }
    let outcome = panic::catch_unwind(|| Epoch::synchronize().expect("not inside"));
    let payload = outcome.expect_err("a panic goes on");
    assert_eq!(payload.downcast_ref::<usize>(), Some(&1));
    assert_eq!(Epoch::synchronize(), Ok(()));
}
