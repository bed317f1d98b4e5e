//! Read sections and grace periods: what waits for whom.

use super::{Reader, platform};
use crate::tests::Tally;
use crate::{BarrierError, Domain, Grace, GraceOn, InsideReadSection, Platform, Rcu, Record, Threads};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

#[test]
fn waiting_inside_a_read_section_is_refused() {
    fn check<P: Platform>() {
        let cookie = GraceOn::<P>::cookie();
        let outer = GraceOn::<P>::pin();
        let inner = GraceOn::<P>::pin();
        for guard in [outer, inner] {
            assert!(GraceOn::<P>::is_reading());
            assert_eq!(GraceOn::<P>::synchronize(), Err(InsideReadSection));
            assert_eq!(GraceOn::<P>::wait(cookie), Err(InsideReadSection));
            assert_eq!(GraceOn::<P>::barrier(), Err(BarrierError::InsideReadSection));
            drop(guard);
        }
        assert!(!GraceOn::<P>::is_reading());
        assert_eq!(GraceOn::<P>::synchronize(), Ok(()));
        assert_eq!(GraceOn::<P>::wait(cookie), Ok(()));
        assert_eq!(GraceOn::<P>::barrier(), Ok(()));
    }
    platform!(Own);
    check::<Own>();
    check::<Threads>();
}

#[test]
fn a_section_of_another_thread_refuses_nobody() {
    platform!(Own);
    let reader = Reader::begin::<Own>();
    assert!(!GraceOn::<Own>::is_reading());
    let cookie = GraceOn::<Own>::cookie();
    assert!(!GraceOn::<Own>::poll(cookie), "a reader was there before");
    reader.leave();
    assert!(GraceOn::<Own>::poll(cookie));
    assert_eq!(GraceOn::<Own>::synchronize(), Ok(()));
}

#[test]
fn synchronize_waits_for_a_busy_reader() {
    fn check<P: Platform>() {
        let (open, opened) = mpsc::channel();
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let ended = &ended;
            scope.spawn(move || {
                let guard = GraceOn::<P>::pin();
                open.send(()).expect("the test is there");
                // Time for a `synchronize` that does not wait to return; and for one that does to fall asleep.
                thread::sleep(Duration::from_millis(50));
                ended.store(true, Ordering::SeqCst);
                drop(guard);
            });
            opened.recv().expect("the reader is there");
            GraceOn::<P>::synchronize().expect("this thread is not inside");
            assert!(ended.load(Ordering::SeqCst), "returned beside a reader that was there before");
        });
    }
    platform!(Own);
    check::<Own>();
    check::<Threads>();
}

#[test]
fn a_section_that_begins_later_is_not_waited_for() {
    platform!(Own);
    // This thread's record is on the list before the period begins.
    drop(GraceOn::<Own>::pin());
    let early = Reader::begin::<Own>();
    let cookie = GraceOn::<Own>::cookie();
    assert!(!GraceOn::<Own>::poll(cookie));
    // The period has begun; this section shows its number.
    let late = GraceOn::<Own>::pin();
    early.leave();
    assert!(GraceOn::<Own>::poll(cookie), "beside a section that began in the period");
    let cookie = GraceOn::<Own>::cookie();
    assert!(!GraceOn::<Own>::poll(cookie));
    drop(late);
    assert!(GraceOn::<Own>::poll(cookie));
}

#[test]
fn any_order_of_guards_ends_the_section_with_the_last() {
    platform!(Own);
    for last in 0..3 {
        let mut guards = vec![GraceOn::<Own>::pin(), GraceOn::<Own>::pin(), GraceOn::<Own>::pin()];
        let cookie = GraceOn::<Own>::cookie();
        let kept = guards.swap_remove(last);
        for guard in guards {
            drop(guard);
            assert!(GraceOn::<Own>::is_reading() && !GraceOn::<Own>::poll(cookie));
        }
        drop(kept);
        assert!(!GraceOn::<Own>::is_reading() && GraceOn::<Own>::poll(cookie));
    }
}

#[test]
fn repin_lets_periods_pass_unless_there_is_another_guard() {
    fn check<P: Platform>() {
        let mut guard = GraceOn::<P>::pin();
        let cookie = GraceOn::<P>::cookie();
        // Other tests may drive periods of the shared flavour, but none that this thread holds up.
        assert!(!GraceOn::<P>::poll(cookie));
        let inner = GraceOn::<P>::pin();
        assert!(!guard.repin(), "there is another guard");
        assert!(!GraceOn::<P>::poll(cookie));
        drop(inner);
        assert!(guard.repin());
        assert!(GraceOn::<P>::is_reading());
        drop(guard);
        assert_eq!(GraceOn::<P>::wait(cookie), Ok(()));
    }
    platform!(Own);
    check::<Own>();
    check::<Threads>();
    let mut guard = GraceOn::<Own>::pin();
    let cookie = GraceOn::<Own>::cookie();
    assert!(!GraceOn::<Own>::poll(cookie));
    assert!(guard.repin());
    assert!(GraceOn::<Own>::poll(cookie), "nothing stands in the way any more");
}

#[test]
fn a_cookie_stays_good() {
    platform!(Own);
    let cookie = GraceOn::<Own>::cookie();
    assert!(GraceOn::<Own>::poll(cookie));
    for _ in 0..if cfg!(miri) { 20 } else { 1_000 } {
        GraceOn::<Own>::synchronize().expect("not inside");
        assert!(GraceOn::<Own>::poll(cookie));
    }
}

#[test]
fn waiters_share_a_period() {
    const WAITERS: usize = 8;
    platform!(Own);
    let reader = Reader::begin::<Own>();
    // Begun, and held up: the waiters need the one after it.
    assert!(!GraceOn::<Own>::poll(GraceOn::<Own>::cookie()));
    let before = Own::domain().period();
    let barrier = Barrier::new(WAITERS + 1);
    thread::scope(|scope| {
        for _ in 0..WAITERS {
            scope.spawn(|| {
                let cookie = GraceOn::<Own>::cookie();
                barrier.wait();
                GraceOn::<Own>::wait(cookie).expect("not inside");
            });
        }
        barrier.wait();
        reader.leave();
    });
    assert_eq!(Own::domain().period(), before + 1, "one period for all of them");
}

#[test]
fn many_threads_synchronize_at_once() {
    fn check<P: Platform>() {
        let rounds = if cfg!(miri) { 2 } else { 200 };
        let returned = Tally::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        drop(GraceOn::<P>::pin());
                        GraceOn::<P>::synchronize().expect("not inside");
                        returned.add();
                    }
                });
            }
        });
        assert_eq!(returned.get(), 4 * rounds);
    }
    platform!(Own);
    check::<Own>();
    check::<Threads>();
}

#[test]
fn synchronize_orders_what_readers_did() {
    // As for the other flavour: a checker of data races sees a missing edge.
    struct Plain(UnsafeCell<u64>);
    // SAFETY: the test below accesses it from one thread after the other.
    unsafe impl Sync for Plain {}
    fn check<P: Platform>() {
        let rounds = if cfg!(miri) { 3 } else { 200 };
        for round in 0..rounds {
            let plain = Plain(UnsafeCell::new(round));
            let (open, opened) = mpsc::channel();
            thread::scope(|scope| {
                let plain = &plain;
                scope.spawn(move || {
                    let guard = GraceOn::<P>::pin();
                    open.send(()).expect("the test is there");
                    // SAFETY: the other thread looks only after this section has ended.
                    unsafe { *plain.0.get() += 1 };
                    drop(guard);
                });
                opened.recv().expect("the reader is there");
                GraceOn::<P>::synchronize().expect("this thread is not inside");
                // SAFETY: the read section has ended, and its thread does nothing more.
                assert_eq!(unsafe { *plain.0.get() }, round + 1);
            });
        }
    }
    platform!(Own);
    check::<Own>();
    check::<Threads>();
}

/// Writers swap an object and mark the old one when a period has passed; readers must never see a mark. Store buffers, caches and
/// schedules are the machine's own: with fences (a platform of its own) and with `membarrier` (threads, where there is one).
#[test]
fn nobody_sees_what_was_reclaimed() {
    const MARK: u64 = u64::MAX;
    fn check<P: Platform>() {
        let rounds = if cfg!(miri) { 20 } else { 20_000 };
        let objects: Vec<AtomicU64> = (0..8).map(AtomicU64::new).collect();
        let current = AtomicPtr::new((&raw const objects[0]).cast_mut());
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let guard = GraceOn::<P>::pin();
                        // SAFETY: it points to one of the objects.
                        let object = unsafe { &*current.load(Ordering::Acquire) };
                        for _ in 0..4 {
                            assert_ne!(object.load(Ordering::Relaxed), MARK, "reclaimed under a reader");
                        }
                        drop(guard);
                    }
                });
            }
            let mut at = 0;
            for round in 0..rounds {
                let next = (at + 1) % objects.len();
                objects[next].store(round, Ordering::Relaxed);
                current.store((&raw const objects[next]).cast_mut(), Ordering::Release);
                GraceOn::<P>::synchronize().expect("not inside");
                objects[at].store(MARK, Ordering::Relaxed);
                at = next;
            }
            over.store(true, Ordering::Relaxed);
        });
    }
    platform!(Own);
    check::<Own>();
    check::<Threads>();
}

#[test]
fn numbers_may_come_again() {
    platform!(Own, Domain::before_the_end(5));
    let first = GraceOn::<Own>::cookie();
    for _ in 0..12 {
        let reader = Reader::begin::<Own>();
        let cookie = GraceOn::<Own>::cookie();
        assert!(!GraceOn::<Own>::poll(cookie), "a reader was there before");
        reader.leave();
        assert!(GraceOn::<Own>::poll(cookie));
        assert!(GraceOn::<Own>::poll(first));
    }
    assert!(Own::domain().period() < 1_000, "the numbers have come round");
}

#[test]
fn a_reader_that_never_leaves_holds_up_periods_and_nothing_else() {
    platform!(Own);
    let stalled = Reader::begin::<Own>();
    let cookie = GraceOn::<Own>::cookie();
    for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
        assert!(!GraceOn::<Own>::poll(cookie));
        // Other readers come and go.
        drop(GraceOn::<Own>::pin());
        GraceOn::<Own>::flush();
    }
    assert_eq!(Own::domain().period(), 1, "one period is on, and no other begins");
    stalled.leave();
    assert!(GraceOn::<Own>::poll(cookie));
}

#[test]
fn the_read_side_is_decided_once() {
    Grace::try_register().expect("memory");
    let read_side = Grace::read_side();
    assert_eq!(Grace::use_fences(), read_side == crate::ReadSide::Fence, "too late to choose");
    assert_eq!(Grace::read_side(), read_side);
}

/// A platform that sends interrupts, or says that it does.
#[test]
fn each_period_calls_the_barrier_from_when_it_is_trusted() {
    static DOMAIN: Domain = Domain::new();
    static RECORD: Record = Record::new();
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    struct One;
    // SAFETY: the domain is this platform's alone, and the one thread that uses it registers the record first of all.
    unsafe impl Platform for One {
        fn domain() -> &'static Domain {
            &DOMAIN
        }

        fn current() -> &'static Record {
            &RECORD
        }

        fn barrier() {
            fence(Ordering::SeqCst);
            CALLS.fetch_add(1, Ordering::Relaxed);
        }
    }
    assert!(DOMAIN.register(&RECORD));
    for _ in 0..5 {
        GraceOn::<One>::synchronize().expect("not inside");
    }
    assert_eq!(CALLS.load(Ordering::Relaxed), 0, "readers have fences");
    let guard = GraceOn::<One>::pin();
    let cookie = GraceOn::<One>::cookie();
    // SAFETY: the only reader is this thread, and `barrier` is a fence of its own.
    unsafe { DOMAIN.trust_barrier() };
    assert!(!GraceOn::<One>::poll(cookie), "a reader is there all the same");
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
    drop(guard);
    assert!(GraceOn::<One>::poll(cookie));
    for calls in 2..7 {
        assert!(!GraceOn::<One>::is_reading());
        GraceOn::<One>::synchronize().expect("not inside");
        assert_eq!(CALLS.load(Ordering::Relaxed), calls);
    }
    // Spins for as long as it likes, but not for ever, however often it was asked.
    for round in (0..10).chain([31, 32, 33, 64, u32::MAX]) {
        One::pause(round);
        Threads::pause(round);
    }
}

#[test]
fn a_record_is_on_the_list_once() {
    static DOMAIN: Domain = Domain::new();
    static RECORDS: [Record; 2] = [const { Record::new() }; 2];
    for record in &RECORDS {
        assert!(DOMAIN.register(record));
        assert!(!DOMAIN.register(record));
        assert!(!DOMAIN.register(&RECORDS[0]));
    }
    assert_eq!(DOMAIN.count_records(), 2);
}
