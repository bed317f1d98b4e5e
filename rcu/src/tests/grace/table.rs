//! The table of batches: when they are run, and which of them a `barrier` waits for.

use super::batches::{counting, try_hand_over};
use super::{Reader, platform};
use crate::tests::{Counted, Tally, link_of, push_boxed};
use crate::{Domain, GraceOn, Platform, Rcu};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

#[test]
fn a_period_begins_when_eight_batches_have_come_together() {
    platform!(Own);
    let ran = Tally::default();
    for _ in 0..7 {
        assert!(try_hand_over::<Own>(counting(&ran)).is_ok());
        assert_eq!((ran.get(), Own::domain().period()), (0, 0), "a period for a few");
    }
    assert!(try_hand_over::<Own>(counting(&ran)).is_ok());
    assert_eq!((ran.get(), Own::domain().period()), (8, 1));
}

#[test]
fn what_is_due_is_run_by_the_next_flush() {
    platform!(Own);
    let drops = Tally::default();
    push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
    assert!(GraceOn::<Own>::flush());
    GraceOn::<Own>::wait(GraceOn::<Own>::cookie()).expect("not inside");
    assert_eq!(drops.get(), 0, "`wait` runs no destructors");
    assert!(!GraceOn::<Own>::flush(), "nothing else is retired");
    assert_eq!(drops.get(), 1);
}

#[test]
fn calls_come_together() {
    platform!(Own);
    let drops = Tally::default();
    let mut longest = 0;
    for _ in 0..1_000 {
        // SAFETY: nobody else knows the box, and its value may be dropped anywhere.
        unsafe { GraceOn::<Own>::call(link_of(Counted(drops.clone()))) };
        longest = longest.max(GraceOn::<Own>::retired().len());
    }
    assert!((10..200).contains(&longest), "{longest} calls at a time");
    GraceOn::<Own>::barrier().expect("not inside");
    assert_eq!(drops.get(), 1_000);
}

/// Nobody needs to wait for that: whoever comes next makes the room, with a batch, to flush, or to wait for all.
#[test]
fn a_full_table_has_room_again_when_the_reader_has_gone() {
    platform!(Own);
    let ran = Tally::default();
    for first in ["a batch", "a flush", "a barrier"] {
        let reader = Reader::begin::<Own>();
        let refused = loop {
            if let Err(batch) = try_hand_over::<Own>(counting(&ran)) {
                break batch;
            }
        };
        // SAFETY: there are no readers of it.
        unsafe { refused.run() };
        push_boxed(GraceOn::<Own>::retired(), Counted(ran.clone()));
        assert!(GraceOn::<Own>::flush());
        assert!(!GraceOn::<Own>::retired().is_empty(), "there is no room");
        reader.leave();
        match first {
            "a batch" => assert!(try_hand_over::<Own>(counting(&ran)).is_ok()),
            "a flush" => assert!(GraceOn::<Own>::flush() && GraceOn::<Own>::retired().is_empty()),
            _ => {}
        }
        GraceOn::<Own>::barrier().expect("not inside");
    }
    // Those that found a place and the one that did not, what is retired, and what comes first if that is a batch.
    assert_eq!(ran.get(), 3 * (usize::BITS as usize + 2) + 1);
}

/// The period that is on began before it, so it has to wait for the next one, too.
#[test]
fn a_batch_that_comes_in_the_middle_of_a_period_is_waited_for() {
    platform!(Own);
    let drops = Tally::default();
    let reader = Reader::begin::<Own>();
    assert!(!GraceOn::<Own>::poll(GraceOn::<Own>::cookie()), "a period is on, and held up");
    push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
    GraceOn::<Own>::flush();
    reader.leave();
    GraceOn::<Own>::barrier().expect("not inside");
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_batch_waits_for_its_own_period_however_many_came_before() {
    platform!(Own);
    let drops = Tally::default();
    for round in 0..10 {
        GraceOn::<Own>::synchronize().expect("not inside");
        let reader = Reader::begin::<Own>();
        push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
        for _ in 0..3 {
            GraceOn::<Own>::flush();
            assert_eq!(drops.get(), round, "run beside a reader that was there before");
        }
        reader.leave();
        GraceOn::<Own>::barrier().expect("not inside");
    }
    assert_eq!(drops.get(), 10);
}

thread_local! {
    /// What this thread does in the first, the second, ... of its pauses.
    static STEPS: RefCell<VecDeque<Box<dyn FnOnce()>>> = const { RefCell::new(VecDeque::new()) };
}

fn take_a_step() {
    match STEPS.with_borrow_mut(VecDeque::pop_front) {
        Some(step) => step(),
        None => thread::yield_now(),
    }
}

fn then(step: impl FnOnce() + 'static) {
    STEPS.with_borrow_mut(|steps| steps.push_back(Box::new(step)));
}

#[test]
fn a_barrier_waits_for_a_batch_that_another_thread_takes_meanwhile() {
    platform!(Own, Domain::new(), take_a_step);
    struct Slow(mpsc::Sender<()>, mpsc::Receiver<()>, Tally);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.send(()).expect("the test is there");
            self.1.recv().expect("the test is there");
            self.2.add();
        }
    }
    // More than once: the second use of a slot is not like the first.
    for _ in 0..3 {
        let drops = Tally::default();
        let ((begin, begun), (end, may_end)) = (mpsc::channel(), mpsc::channel());
        push_boxed(GraceOn::<Own>::retired(), Slow(begin, may_end, drops.clone()));
        let reader = Reader::begin::<Own>();
        // The barrier has seen that the batch waits.
        then(move || {
            reader.leave();
            thread::spawn(|| GraceOn::<Own>::synchronize().expect("not inside"));
            begun.recv().expect("the destructor is running");
        });
        // It has seen that the batch does not wait any more.
        then(move || end.send(()).expect("the destructor is running"));
        GraceOn::<Own>::barrier().expect("not inside");
        assert_eq!(drops.get(), 1, "returned beside a destructor");
    }
}

#[test]
fn a_barrier_waits_for_nothing_that_comes_later() {
    platform!(Own);
    /// Each retires another, in a slot that was free just before; and every other one sees to it that it is due at once.
    struct Endless(usize, Arc<AtomicBool>);
    impl Drop for Endless {
        fn drop(&mut self) {
            if !self.1.load(Ordering::Relaxed) {
                push_boxed(GraceOn::<Own>::retired(), Endless(self.0 + 1, self.1.clone()));
                GraceOn::<Own>::flush();
                if self.0 % 2 == 0 {
                    GraceOn::<Own>::synchronize().expect("a destructor is in no read section");
                }
            }
        }
    }
    for _ in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        push_boxed(GraceOn::<Own>::retired(), Endless(0, stop.clone()));
        // Does not return if it waits until no slot is in use.
        GraceOn::<Own>::barrier().expect("not inside");
        assert_ne!(Arc::strong_count(&stop), 1, "it goes on");
        stop.store(true, Ordering::Relaxed);
        GraceOn::<Own>::barrier().expect("not inside");
        assert_eq!(Arc::strong_count(&stop), 1);
    }
}
