//! The flavour on epochs: what waits for whom.

use super::{Counted, Panicking, Tally, flavour, press_on_until, push_boxed};
use crate::epoch::Pause;
use crate::{BarrierError, Batch, Epoch, EpochGuard, InsideReadSection, Rcu, RcuArc, RetireList};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

#[test]
fn synchronize_inside_a_read_section_is_refused() {
    let outer = Epoch::pin();
    let inner = Epoch::pin();
    assert_eq!(Epoch::synchronize(), Err(InsideReadSection));
    drop(outer);
    assert_eq!(Epoch::synchronize(), Err(InsideReadSection), "one guard is left");
    assert!(Epoch::is_reading());
    drop(inner);
    assert!(!Epoch::is_reading());
    assert_eq!(Epoch::synchronize(), Ok(()));
}

#[test]
fn synchronize_beside_a_foreign_guard_is_refused() {
    let foreign = crossbeam_epoch::pin();
    assert_eq!(Epoch::synchronize(), Err(InsideReadSection));
    assert!(Epoch::is_reading());
    drop(foreign);
    assert_eq!(Epoch::synchronize(), Ok(()));
}

#[test]
fn a_read_section_of_one_thread_does_not_refuse_another() {
    let (open, opened) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let guard = Epoch::pin();
            open.send(()).expect("the test is there");
            drop(guard);
        });
        opened.recv().expect("the reader is there");
        assert_eq!(Epoch::synchronize(), Ok(()));
    });
}

/// Opens a read section with `pin`, and returns whether `synchronize` in another thread returned only after its end.
fn waits_for<G>(pin: impl FnOnce() -> G + Send) {
    let (open, opened) = mpsc::channel();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let ended = &ended;
        scope.spawn(move || {
            let guard = pin();
            open.send(()).expect("the test is there");
            // Time for a `synchronize` that does not wait to return.
            thread::sleep(Duration::from_millis(50));
            ended.store(true, Ordering::SeqCst);
            drop(guard);
        });
        opened.recv().expect("the reader is there");
        Epoch::synchronize().expect("this thread is not inside");
        assert!(ended.load(Ordering::SeqCst), "returned beside a reader that was there before");
    });
}

#[test]
fn synchronize_waits_for_a_busy_reader() {
    waits_for(Epoch::pin);
}

#[test]
fn synchronize_waits_for_a_busy_foreign_reader() {
    waits_for(crossbeam_epoch::pin);
}

#[test]
fn synchronize_orders_what_readers_did() {
    // A reader increments plain memory inside its section; the writer reads it after a grace period. A model checker of data races
    // (Miri, ThreadSanitizer) sees a missing edge; everyone else sees a wrong sum only.
    struct Plain(std::cell::UnsafeCell<u64>);
    // SAFETY: the test below accesses it from one thread after the other.
    unsafe impl Sync for Plain {}
    let rounds = if cfg!(miri) { 3 } else { 200 };
    for round in 0..rounds {
        let plain = Plain(std::cell::UnsafeCell::new(round));
        let (open, opened) = mpsc::channel();
        thread::scope(|scope| {
            let plain = &plain;
            scope.spawn(move || {
                let guard = Epoch::pin();
                open.send(()).expect("the test is there");
                // SAFETY: the other thread looks only after this section has ended.
                unsafe { *plain.0.get() += 1 };
                drop(guard);
            });
            opened.recv().expect("the reader is there");
            Epoch::synchronize().expect("this thread is not inside");
            // SAFETY: the read section has ended, and its thread does nothing more.
            assert_eq!(unsafe { *plain.0.get() }, round + 1);
        });
    }
}

#[test]
fn many_threads_synchronize_at_once() {
    let rounds = if cfg!(miri) { 2 } else { 100 };
    let returned = Tally::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    drop(Epoch::pin());
                    Epoch::synchronize().expect("not inside");
                    returned.add();
                }
            });
        }
    });
    assert_eq!(returned.get(), 4 * rounds);
}

#[test]
fn a_retired_object_stays_until_it_is_flushed() {
    flavour!(Own);
    let drops = Tally::default();
    assert!(!Own::flush(), "nothing is retired");
    push_boxed(Own::retired(), Counted(drops.clone()));
    for _ in 0..10 {
        Own::synchronize().expect("not inside");
    }
    assert_eq!(drops.get(), 0);
    assert!(Own::flush());
    assert!(!Own::flush(), "handed over already");
    press_on_until(|| drops.get() != 0);
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_batch_waits_for_a_reader_and_runs_after_it() {
    flavour!(Own);
    let drops = Tally::default();
    let (open, opened) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Dropped if an assertion fails, which lets the reader go.
        let leave = leave;
        scope.spawn(move || {
            let guard = Own::pin();
            open.send(()).expect("the test is there");
            let _ = may_leave.recv();
            drop(guard);
        });
        opened.recv().expect("the reader is there");
        push_boxed(Own::retired(), Counted(drops.clone()));
        assert!(Own::flush());
        for _ in 0..100 {
            crossbeam_epoch::pin().flush();
            assert_eq!(drops.get(), 0, "run beside a reader that was there before");
        }
        leave.send(()).expect("the reader is there");
        press_on_until(|| drops.get() == 1);
    });
}

#[test]
fn a_batch_that_is_handed_over_inside_a_read_section_waits_for_its_end() {
    flavour!(Own);
    let drops = Tally::default();
    let guard = Own::pin();
    push_boxed(Own::retired(), Counted(drops.clone()));
    assert!(Own::flush());
    for _ in 0..100 {
        crossbeam_epoch::pin().flush();
        assert_eq!(drops.get(), 0, "run beside its own thread's read section");
    }
    drop(guard);
    press_on_until(|| drops.get() == 1);
}

#[test]
fn a_batch_does_not_linger_with_a_thread_that_handed_it_over() {
    flavour!(Own);
    let drops = Tally::default();
    let (done, was_done) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Dropped if an assertion fails, which lets the thread go.
        let leave = leave;
        let value = Counted(drops.clone());
        scope.spawn(move || {
            push_boxed(Own::retired(), value);
            Own::flush();
            done.send(()).expect("the test is there");
            // Idle, but alive: its bag would not be emptied.
            let _ = may_leave.recv();
        });
        was_done.recv().expect("the thread is there");
        press_on_until(|| drops.get() == 1);
        leave.send(()).expect("the thread is there");
    });
}

#[test]
fn a_panicking_destructor_stays_inside_its_batch() {
    flavour!(Own);
    let drops = Tally::default();
    for i in 0..9 {
        if i == 4 {
            push_boxed(Own::retired(), Panicking(drops.clone()));
        } else {
            push_boxed(Own::retired(), Counted(drops.clone()));
        }
    }
    assert!(Own::flush());
    // It would surface in one of these (or in a test beside this one).
    press_on_until(|| drops.get() == 9);
}

#[test]
fn synchronize_in_a_destructor_is_refused_not_stuck() {
    struct Waits(mpsc::Sender<Result<(), InsideReadSection>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.send(Epoch::synchronize()).expect("the test is there");
        }
    }
    flavour!(Own);
    let (tell, told) = mpsc::channel();
    push_boxed(Own::retired(), Waits(tell));
    assert!(Own::flush());
    let outcome = std::cell::Cell::new(None);
    press_on_until(|| {
        outcome.set(told.try_recv().ok());
        outcome.get().is_some()
    });
    assert_eq!(outcome.get(), Some(Err(InsideReadSection)));
}

/// Whoever comes to a thread's object first takes it off the list, defers it and runs it; the thread itself only waits.
#[test]
fn a_barrier_waits_for_what_others_took() {
    struct Slow(Tally);
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(Duration::from_micros(100));
            self.0.add();
        }
    }
    let rounds = if cfg!(miri) { 3 } else { 300 };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let drops = Tally::default();
                for round in 1..=rounds {
                    drop(RcuArc::<Slow>::try_new(Slow(drops.clone())).expect("there is memory"));
                    Epoch::barrier().expect("not inside");
                    assert_eq!(drops.get(), round);
                }
            });
        }
    });
}

/// A batch that another thread has taken off the list, but not handed over; that comes into the collector's queue behind many others; and
/// that a third thread takes from there and runs. At each of these steps somebody waits for it.
#[test]
fn a_barrier_waits_for_a_batch_on_all_of_its_way() {
    thread_local!(static WAITS: Cell<bool> = const { Cell::new(false) });
    /// Whether the third thread is to take the batch now.
    static TAKE: AtomicBool = AtomicBool::new(false);
    static IS_RUNNING: AtomicBool = AtomicBool::new(false);
    /// Takes its time, unless it is the waiting thread that has come to run it.
    struct Slow(Tally);
    impl Drop for Slow {
        fn drop(&mut self) {
            IS_RUNNING.store(true, Ordering::SeqCst);
            if !WAITS.get() {
                thread::sleep(Duration::from_millis(20));
            }
            self.0.add();
        }
    }
    /// Comes just before the batch. Lets the third thread overtake the one that waits.
    fn stand_aside() {
        if WAITS.get() {
            TAKE.store(true, Ordering::SeqCst);
            for _ in 0..100 {
                if IS_RUNNING.load(Ordering::SeqCst) {
                    break;
                }
                thread::sleep(Duration::from_micros(100));
            }
        }
    }
    /// Hands over late.
    struct Own;
    static TAKEN: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);
    static RETIRED: RetireList = RetireList::new();
    // SAFETY: all but the list is `Epoch`'s, and the list is this flavour's alone.
    unsafe impl Rcu for Own {
        type Guard = EpochGuard;

        fn pin() -> EpochGuard {
            Epoch::pin()
        }

        fn is_reading() -> bool {
            Epoch::is_reading()
        }

        fn synchronize() -> Result<(), InsideReadSection> {
            Epoch::synchronize()
        }

        unsafe fn hand_over(batch: Batch) {
            let taken = TAKEN.lock().expect("not poisoned").take();
            taken.expect("handed over once a round").send(()).expect("the test is there");
            // Time for a barrier to begin.
            thread::sleep(Duration::from_millis(5));
            // More than it takes from the queue before it waits for the second time.
            for n in 1..=100 {
                let guard = crossbeam_epoch::pin();
                guard.defer(if n == 100 { stand_aside } else { || () });
                guard.flush();
            }
            // SAFETY: the caller's promise; grace periods are the same.
            unsafe { Epoch::hand_over(batch) }
        }

        fn barrier() -> Result<(), BarrierError> {
            Self::flush();
            Epoch::barrier()
        }

        fn retired() -> &'static RetireList {
            &RETIRED
        }
    }

    WAITS.set(true);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                if TAKE.load(Ordering::SeqCst) {
                    crossbeam_epoch::pin().flush();
                }
                thread::yield_now();
            }
        });
        let drops = Tally::default();
        let late = (1..=if cfg!(miri) { 1 } else { 5 }).find(|&round| {
            TAKE.store(false, Ordering::SeqCst);
            IS_RUNNING.store(false, Ordering::SeqCst);
            let (tell, told) = mpsc::channel();
            *TAKEN.lock().expect("not poisoned") = Some(tell);
            push_boxed(Own::retired(), Slow(drops.clone()));
            scope.spawn(|| assert!(Own::flush()));
            told.recv().expect("the other thread has taken it");
            Own::barrier().expect("not inside");
            drops.get() != round
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(late, None, "returned before the destructor had run");
    });
}

#[test]
fn what_is_handed_over_without_waiting_is_run_as_well() {
    let drops = Tally::default();
    let list = RetireList::new();
    push_boxed(&list, Counted(drops.clone()));
    let batch = list.take_all().expect("pushed just now");
    // SAFETY: the batch has no readers.
    assert!(unsafe { Epoch::try_hand_over(batch) }.is_ok());
    Epoch::barrier().expect("not inside");
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_pause_ends_however_many_came_before() {
    let mut pause = Pause::default();
    for _ in 0..if cfg!(miri) { 40 } else { 100 } {
        pause.take();
    }
}

#[test]
fn a_barrier_inside_a_read_section_is_refused() {
    let section = Epoch::pin();
    assert_eq!(Epoch::barrier(), Err(BarrierError::InsideReadSection));
    drop(section);
    assert_eq!(Epoch::barrier(), Ok(()));
}

#[test]
fn a_thread_that_ends_may_still_use_it() {
    // Its destructor runs when the epoch crate's own thread-local is gone.
    struct AtExit(mpsc::Sender<bool>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            drop(Epoch::pin());
            self.0.send(Epoch::synchronize().is_ok()).expect("the test is there");
        }
    }
    thread_local! {
        static AT_EXIT: std::cell::RefCell<Option<AtExit>> = const { std::cell::RefCell::new(None) };
    }
    let (tell, told) = mpsc::channel();
    let worker = thread::spawn(move || {
        AT_EXIT.set(Some(AtExit(tell)));
        drop(Epoch::pin());
    });
    worker.join().expect("the thread ends in peace");
    assert_eq!(told.recv(), Ok(true));
}
