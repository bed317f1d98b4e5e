//! What is to be done after a grace period.

use super::{Reader, platform};
use crate::tests::{Counted, Panicking, Tally, link_of, push_boxed};
use crate::{BarrierError, Batch, Domain, Grace, GraceOn, Platform, Rcu, RcuArc, RcuBox, Reclaimer};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::mpsc;
use std::thread;

/// A batch that counts, as something that is no list would hand it over.
pub(super) fn counting(tally: &Tally) -> Batch {
    unsafe fn run(tally: NonNull<()>, _: *const ()) {
        // SAFETY: made from a box below, run once.
        unsafe { Box::from_raw(tally.cast::<Tally>().as_ptr()) }.add();
    }
    let tally = NonNull::from(Box::leak(Box::new(tally.clone())));
    // SAFETY: `run` is given the only pointer, and may run anywhere.
    unsafe { Batch::new(tally.cast(), core::ptr::null(), run) }
}

pub(super) fn try_hand_over<P: Platform>(batch: Batch) -> Result<(), Batch> {
    // SAFETY: these batches have no readers to wait for.
    unsafe { GraceOn::<P>::try_hand_over(batch) }
}

#[test]
fn what_is_retired_stays_until_it_is_flushed() {
    platform!(Own);
    let drops = Tally::default();
    assert!(!GraceOn::<Own>::flush(), "nothing is retired");
    push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
    for _ in 0..10 {
        GraceOn::<Own>::synchronize().expect("not inside");
    }
    assert_eq!(drops.get(), 0);
    assert!(GraceOn::<Own>::flush());
    assert!(!GraceOn::<Own>::flush(), "handed over already");
    GraceOn::<Own>::synchronize().expect("not inside");
    assert_eq!(drops.get(), 1, "a `synchronize` later it is due");
}

#[test]
fn a_batch_waits_for_a_reader() {
    platform!(Own);
    let drops = Tally::default();
    let reader = Reader::begin::<Own>();
    push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
    for _ in 0..100 {
        GraceOn::<Own>::flush();
        assert_eq!(drops.get(), 0, "run beside a reader that was there before");
    }
    reader.leave();
    GraceOn::<Own>::barrier().expect("not inside");
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_batch_waits_for_the_section_of_its_own_thread() {
    platform!(Own);
    let drops = Tally::default();
    let guard = GraceOn::<Own>::pin();
    for _ in 0..20 {
        push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
        GraceOn::<Own>::flush();
    }
    assert_eq!(drops.get(), 0);
    drop(guard);
    // Many wait, so a period has begun; the first call that may run destructors runs them.
    GraceOn::<Own>::flush();
    GraceOn::<Own>::barrier().expect("not inside");
    assert_eq!(drops.get(), 20);
}

#[test]
fn many_calls_need_nobody_to_flush() {
    platform!(Own);
    let drops = Tally::default();
    let calls = if cfg!(miri) { 1_500 } else { 10_000 };
    for _ in 0..calls {
        // SAFETY: nobody else knows the box, and its value may be dropped anywhere.
        unsafe { GraceOn::<Own>::call(link_of(Counted(drops.clone()))) };
    }
    assert!(drops.get() + 1_000 > calls, "only {} of them", drops.get());
    GraceOn::<Own>::barrier().expect("not inside");
    assert_eq!(drops.get(), calls);
}

#[test]
fn a_full_table_gives_batches_back_and_loses_none() {
    platform!(Own);
    let ran = Tally::default();
    let reader = Reader::begin::<Own>();
    let slots = usize::BITS as usize;
    for _ in 0..slots {
        assert!(try_hand_over::<Own>(counting(&ran)).is_ok());
    }
    for _ in 0..10 {
        let refused = try_hand_over::<Own>(counting(&ran));
        // Of no use to anybody else, so it is run here.
        let batch = refused.expect_err("no slot is free");
        // SAFETY: there are no readers of it.
        unsafe { batch.run() };
    }
    assert_eq!(ran.get(), 10);
    // What is retired stays on its list.
    push_boxed(GraceOn::<Own>::retired(), Counted(ran.clone()));
    assert!(GraceOn::<Own>::flush());
    assert!(!GraceOn::<Own>::retired().is_empty());
    // Who cannot wait is told so.
    let inside = panic::catch_unwind(|| {
        let _guard = GraceOn::<Own>::pin();
        // SAFETY: there are no readers of it. (It is leaked, and so is a `Tally`.)
        unsafe { GraceOn::<Own>::hand_over(counting(&Tally::default())) };
    });
    assert!(inside.is_err());
    // Who can wait does.
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            // SAFETY: there are no readers of it.
            unsafe { GraceOn::<Own>::hand_over(counting(&ran)) };
        });
        for _ in 0..100 {
            thread::yield_now();
        }
        assert!(!waiter.is_finished());
        reader.leave();
    });
    GraceOn::<Own>::barrier().expect("not inside");
    assert_eq!(ran.get(), 10 + slots + 2);
}

#[test]
fn a_panicking_destructor_stays_inside_its_batch() {
    let drops = Tally::default();
    for i in 0..9 {
        if i == 4 {
            push_boxed(Grace::retired(), Panicking(drops.clone()));
        } else {
            push_boxed(Grace::retired(), Counted(drops.clone()));
        }
    }
    Grace::barrier().expect("not inside");
    assert_eq!(drops.get(), 9);
}

#[test]
fn a_platform_that_lets_panics_out_loses_nothing() {
    platform!(Own);
    let drops = Tally::default();
    for _ in 0..2 {
        push_boxed(GraceOn::<Own>::retired(), Panicking(drops.clone()));
        GraceOn::<Own>::flush();
    }
    let mut panics = 0;
    while panics < 2 {
        match panic::catch_unwind(AssertUnwindSafe(GraceOn::<Own>::barrier)) {
            Ok(done) => done.expect("not inside, and not running"),
            Err(_) => panics += 1,
        }
    }
    GraceOn::<Own>::barrier().expect("not inside, and not running");
    assert_eq!(drops.get(), 2);
}

#[test]
fn destructors_may_wait_and_retire_but_not_for_destructors() {
    platform!(Own);
    thread_local! {
        static INSIDE: Cell<usize> = const { Cell::new(0) };
        static DEEPEST: Cell<usize> = const { Cell::new(0) };
    }
    struct Busy(mpsc::Sender<Result<(), BarrierError>>, Tally, usize);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.1.add();
            INSIDE.set(INSIDE.get() + 1);
            DEEPEST.set(DEEPEST.get().max(INSIDE.get()));
            GraceOn::<Own>::synchronize().expect("a destructor is in no read section");
            self.0.send(GraceOn::<Own>::barrier()).expect("the test is there");
            if self.2 > 0 {
                push_boxed(GraceOn::<Own>::retired(), Busy(self.0.clone(), self.1.clone(), self.2 - 1));
                GraceOn::<Own>::flush();
                GraceOn::<Own>::synchronize().expect("a destructor is in no read section");
            }
            INSIDE.set(INSIDE.get() - 1);
        }
    }
    let (drops, (tell, told)) = (Tally::default(), mpsc::channel());
    push_boxed(GraceOn::<Own>::retired(), Busy(tell, drops.clone(), 3));
    for done in 1..=4 {
        GraceOn::<Own>::barrier().expect("not inside");
        assert!(drops.get() >= done);
    }
    assert_eq!(drops.get(), 4);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [Err(BarrierError::InsideDestructor); 4]);
    assert_eq!(DEEPEST.get(), 1, "destructors inside destructors");
}

#[test]
fn a_barrier_waits_for_what_another_thread_is_running() {
    platform!(Own);
    struct Slow(mpsc::Sender<()>, mpsc::Receiver<()>, Tally);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.send(()).expect("the test is there");
            self.1.recv().expect("the test is there");
            self.2.add();
        }
    }
    let drops = Tally::default();
    let ((begin, begun), (end, may_end)) = (mpsc::channel(), mpsc::channel());
    push_boxed(GraceOn::<Own>::retired(), Slow(begin, may_end, drops.clone()));
    thread::scope(|scope| {
        scope.spawn(|| GraceOn::<Own>::barrier().expect("not inside"));
        begun.recv().expect("the destructor is running");
        let waiter = scope.spawn(|| {
            GraceOn::<Own>::barrier().expect("not inside");
            drops.get()
        });
        for _ in 0..100 {
            thread::yield_now();
        }
        assert!(!waiter.is_finished());
        end.send(()).expect("the destructor is running");
        assert_eq!(waiter.join().expect("no panic"), 1);
    });
}

#[test]
fn nothing_is_lost_among_many() {
    const THREADS: usize = 4;
    let each = if cfg!(miri) { 50 } else { 5_000 };
    platform!(Own, Domain::before_the_end(3));
    let drops = Tally::default();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let drops = &drops;
            scope.spawn(move || {
                for n in 0..each {
                    let guard = GraceOn::<Own>::pin();
                    push_boxed(GraceOn::<Own>::retired(), Counted(drops.clone()));
                    drop(guard);
                    match (n + thread) % 16 {
                        0 => drop(GraceOn::<Own>::flush()),
                        1 => GraceOn::<Own>::synchronize().expect("not inside"),
                        2 => drop(try_hand_over::<Own>(counting(drops)).map_err(|batch| {
                            // SAFETY: there are no readers of it.
                            unsafe { batch.run() };
                        })),
                        3 => GraceOn::<Own>::barrier().expect("not inside"),
                        _ => {}
                    }
                }
            });
        }
    });
    GraceOn::<Own>::barrier().expect("not inside");
    let handed_over = (0..THREADS).map(|thread| (0..each).filter(|n| (n + thread) % 16 == 2).count()).sum::<usize>();
    assert_eq!(drops.get(), THREADS * each + handed_over);
}

#[test]
fn owners_of_this_flavour_go_with_it() {
    let drops = Tally::default();
    let one: RcuArc<_, Grace> = RcuArc::try_new(Counted(drops.clone())).unwrap_or_else(|_| panic!("memory"));
    let guard = Grace::pin();
    drop(one.clone());
    drop(one);
    Grace::flush();
    assert_eq!(drops.get(), 0, "freed beside a reader");
    drop(guard);
    Grace::barrier().expect("not inside");
    assert_eq!(drops.get(), 1);
    let raw = RcuBox::try_new(Counted(drops.clone())).unwrap_or_else(|_| panic!("memory")).into_raw();
    // SAFETY: from `into_raw` just above, and known by its link only.
    let link = unsafe { RcuBox::<Counted>::raw_link(raw) };
    // SAFETY: nobody else knows the box.
    unsafe { Grace::call(link) };
    Grace::barrier().expect("not inside");
    assert_eq!(drops.get(), 2);
}

#[test]
fn a_reclaimer_runs_destructors_elsewhere() {
    struct Where(mpsc::Sender<Option<String>>);
    impl Drop for Where {
        fn drop(&mut self) {
            self.0.send(thread::current().name().map(str::to_owned)).expect("the test is there");
        }
    }
    for _ in 0..2 {
        let reclaimer = Reclaimer::spawn().expect("a thread");
        assert_eq!(Reclaimer::spawn().expect_err("there is one").kind(), std::io::ErrorKind::AlreadyExists);
        let (tell, told) = mpsc::channel();
        push_boxed(Grace::retired(), Where(tell.clone()));
        // Nobody flushes. (The barrier of another test may be quicker than the reclaimer.)
        told.recv().expect("it is dropped");
        drop(reclaimer);
    }
}
