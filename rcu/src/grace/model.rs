//! Models of the engine for Loom, which tries every schedule and every value that the language's memory model lets a load return:
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p maple-rcu --lib --release
//! ```
//!
//! Loom has no `membarrier`, so these models are of readers with a fence. Each runs as it is, and again with one step of the
//! protocol taken away or weakened at a time (`sync::Weak`), which it has to notice: a model that passes whatever the code does
//! proves nothing.
//!
//! What is freed is a cell that is written to; Loom sees a reader that looks at it meanwhile, or without an order.

use super::Domain;
use super::domain::Target;
use super::pending::Pending;
use super::record::Record;
use crate::sync::{BROKEN, NARROW, Weak};
use crate::{Batch, Link, RetireList};
use core::ptr::{self, NonNull};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

fn no_barrier() {}

/// What the threads of a model share. Never freed, as Loom's objects go with the execution.
struct World {
    domain: Domain,
    records: [Record; 2],
    /// Bit `n`: object `n` can be found.
    published: AtomicUsize,
    objects: [UnsafeCell<u32>; 2],
}

// SAFETY: all but the objects is `Sync`, and whether those are looked at properly is what the models are about.
unsafe impl Sync for World {}

impl World {
    /// With the first `records` of its records registered and owned.
    fn begin(records: usize) -> &'static Self {
        let world: &'static World = Box::leak(Box::new(World {
            domain: Domain::new(),
            records: [Record::new(), Record::new()],
            published: AtomicUsize::new(0b11),
            objects: [UnsafeCell::new(0), UnsafeCell::new(0)],
        }));
        for record in &world.records[..records] {
            assert!(record.try_own());
            world.domain.register(record);
        }
        world
    }

    fn enter(&'static self, reader: usize) {
        self.records[reader].enter(&self.domain);
    }

    fn leave(&'static self, reader: usize) {
        assert!(!self.records[reader].leave());
    }

    /// Looks for an object, and at it.
    fn look(&self, object: usize) {
        // Relaxed: nobody writes to an object but who frees it.
        if self.published.load(Ordering::Relaxed) & 1 << object != 0 {
            self.objects[object].with(|object| {
                // SAFETY: Loom checks that nobody writes.
                unsafe { *object }
            });
        }
    }

    fn section(&'static self, reader: usize, object: usize) {
        self.enter(reader);
        self.look(object);
        self.leave(reader);
    }

    fn unpublish(&self, object: usize) {
        // Relaxed: the engine is to order it.
        self.published.fetch_and(!(1 << object), Ordering::Relaxed);
    }

    fn wait(&self, target: Target) {
        while !self.domain.step(target, no_barrier) {
            thread::yield_now();
        }
    }

    fn free(&self, object: usize) {
        self.objects[object].with_mut(|object| {
            // SAFETY: Loom checks that nobody looks.
            unsafe { *object = 1 }
        });
    }

    /// Unpublishes, waits and frees.
    fn replace(&self, object: usize) {
        self.unpublish(object);
        self.wait(self.domain.target());
        self.free(object);
    }
}

/// Tries every schedule, with one step broken.
fn explore(weak: Option<Weak>, model: fn()) {
    BROKEN.set(weak);
    let mut builder = loom::model::Builder::new();
    // Threads are preempted this often; all else is exhaustive. Every broken step is found with two.
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A model, what it says when something is wrong, and the steps that it has to miss.
macro_rules! models {
    ($($name:ident, $how:literal: [$($test:ident = $weak:ident),* $(,)?])*) => {$(
        mod $name {
            #[test]
            fn holds() {
                super::explore(None, super::$name);
            }

            $(#[test]
            #[should_panic(expected = $how)]
            fn $test() {
                super::explore(Some(super::Weak::$weak), super::$name);
            })*
        }
    )*};
}

models! {
    a_reader_and_an_updater, "Causality violation": [needs_the_readers_fence = ReaderFence, needs_close = Close, needs_look = Look]
    one_section_after_another, "Causality violation": [needs_open = Open]
    nested_sections, "Causality violation": [needs_close = Close, needs_look = Look]
    two_readers, "Causality violation": [needs_the_readers_fence = ReaderFence, needs_close = Close]
    two_waiters, "Causality violation": [needs_done = Done, needs_passed = Passed]
    a_waiter_and_a_driver, "Causality violation": [
        needs_the_readers_fence = ReaderFence,
        needs_the_periods_fence = PeriodFence,
        needs_the_cookies_fence = CookieFence,
        needs_done = Done,
        needs_passed = Passed,
    ]
    a_waiter_behind_two_periods, "Causality violation": [needs_count = Count]
    two_drivers, "Causality violation": [needs_lead = Lead, needs_follow = Follow]
    a_reader_that_registers_late, "Causality violation": [needs_the_readers_fence = ReaderFence, needs_close = Close]
    a_record_that_changes_hands, "the record was left inside": [needs_own = Own, needs_disown = Disown]
    numbers_that_come_again, "Causality violation": [needs_a_second_look = OneLook]
    two_who_want_a_slot, "": []
    a_batch_in_the_table, "Causality violation": [needs_fill = Fill, needs_take = Take]
    a_list_that_another_took, "the list is nowhere": [needs_empty = Empty]
}

fn a_reader_and_an_updater() {
    let world = World::begin(1);
    let reader = thread::spawn(move || world.section(0, 0));
    world.replace(0);
    reader.join().unwrap();
}

/// What was done in the first section is ordered even if the updater never saw its end, but the beginning of the second.
fn one_section_after_another() {
    let world = World::begin(1);
    let reader = thread::spawn(move || {
        world.section(0, 0);
        world.enter(0);
        world.leave(0);
    });
    world.replace(0);
    reader.join().unwrap();
}

fn nested_sections() {
    let world = World::begin(1);
    let reader = thread::spawn(move || {
        world.enter(0);
        world.enter(0);
        world.leave(0);
        // Still inside.
        world.look(0);
        world.leave(0);
    });
    world.replace(0);
    reader.join().unwrap();
}

fn two_readers() {
    let world = World::begin(2);
    let readers = [0, 1].map(|reader| thread::spawn(move || world.section(reader, 0)));
    world.replace(0);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

/// Both unpublish, and whoever comes first drives for both. (One of them gives up after two tries: two who wait for each other's
/// progress have endless schedules.)
fn two_waiters() {
    let world = World::begin(1);
    let reader = thread::spawn(move || {
        world.enter(0);
        world.look(0);
        world.look(1);
        world.leave(0);
    });
    let other = thread::spawn(move || {
        world.unpublish(1);
        let target = world.domain.target();
        if world.domain.step(target, no_barrier) || world.domain.step(target, no_barrier) {
            world.free(1);
        }
    });
    world.replace(0);
    other.join().unwrap();
    reader.join().unwrap();
}

/// One unpublishes and only looks whether a period has passed that another drives, who has nothing to wait for.
fn a_waiter_and_a_driver() {
    let world = World::begin(1);
    let reader = thread::spawn(move || world.section(0, 0));
    let driver = thread::spawn(move || {
        // As a leader does; without the fence of one who asks for a target.
        let next = world.domain.next_unfenced();
        world.domain.step(next, no_barrier);
    });
    world.unpublish(0);
    let target = world.domain.target();
    if world.domain.is_reached(target) {
        world.free(0);
    } else {
        thread::yield_now();
        if world.domain.is_reached(target) {
            world.free(0);
        }
    }
    driver.join().unwrap();
    reader.join().unwrap();
}

/// One sees the number of a second period, and must not take the end of the first, which it does not see, for an end long ago.
fn a_waiter_behind_two_periods() {
    let world = World::begin(1);
    let reader = thread::spawn(move || world.section(0, 0));
    let driver = thread::spawn(move || {
        for _ in 0..2 {
            let next = world.domain.next_unfenced();
            world.domain.step(next, no_barrier);
        }
    });
    world.unpublish(0);
    let target = world.domain.target();
    if world.domain.is_reached(target) {
        world.free(0);
    }
    driver.join().unwrap();
    reader.join().unwrap();
}

/// One begins a period that a reader holds up, another ends it: what the first has seen counts for the second.
fn two_drivers() {
    let world = World::begin(2);
    let reader = thread::spawn(move || {
        world.section(1, 0);
        world.section(0, 1);
    });
    let driver = thread::spawn(move || {
        let next = world.domain.next_unfenced();
        world.domain.step(next, no_barrier);
    });
    world.unpublish(0);
    let target = world.domain.target();
    world.wait(target);
    world.free(0);
    driver.join().unwrap();
    reader.join().unwrap();
}

fn a_reader_that_registers_late() {
    let world = World::begin(0);
    let reader = thread::spawn(move || {
        assert!(world.records[0].try_own());
        assert!(world.domain.register(&world.records[0]));
        world.section(0, 0);
    });
    world.replace(0);
    reader.join().unwrap();
}

/// A thread ends, another takes its record over and begins to read, while the updater waits for the first.
fn a_record_that_changes_hands() {
    let world = World::begin(1);
    let first = thread::spawn(move || {
        world.section(0, 0);
        world.records[0].disown();
    });
    let second = thread::spawn(move || {
        if world.records[0].try_own() {
            world.section(0, 1);
        }
    });
    world.unpublish(0);
    let target = world.domain.target();
    if world.domain.step(target, no_barrier) || world.domain.step(target, no_barrier) {
        world.free(0);
    }
    first.join().unwrap();
    second.join().unwrap();
    assert!(!world.records[0].is_reading(), "the record was left inside");
}

/// With numbers of one bit a reader that was held up between its load and its store shows the number of a period that it is older than.
fn numbers_that_come_again() {
    NARROW.set(true);
    let world = World::begin(1);
    let reader = thread::spawn(move || world.section(0, 0));
    let target = world.domain.target();
    world.wait(target);
    world.replace(0);
    reader.join().unwrap();
}

/// One slot is in use, and there is one more. (Nothing of this is an order that could be weakened.)
fn two_who_want_a_slot() {
    let pending: &'static Pending = Box::leak(Box::new(Pending::new()));
    let _first = pending.claim().expect("a slot is free");
    let other = thread::spawn(move || pending.claim());
    let own = pending.claim();
    let other = other.join().unwrap();
    assert!(own.is_some() != other.is_some(), "one slot for two");
}

/// One fills a slot with a batch, another runs it.
fn a_batch_in_the_table() {
    unsafe fn run(data: NonNull<()>, _: *const ()) {
        // SAFETY: the world below is never freed.
        unsafe { data.cast::<World>().as_ref() }.free(0);
    }
    let world = World::begin(1);
    let pending: &'static Pending = Box::leak(Box::new(Pending::new()));
    let other = thread::spawn(move || {
        if let Some(due) = pending.take_due(&world.domain) {
            // SAFETY: the object is nobody's but the batch's.
            due.take().into_iter().for_each(|batch| unsafe { batch.run() });
        }
    });
    world.free(0);
    // SAFETY: `run` frees the object, which is nobody's but the batch's from here on.
    let batch = unsafe { Batch::new(NonNull::from(world).cast(), ptr::null(), run) };
    let target = world.domain.target();
    world.wait(target);
    pending.claim().expect("a slot is free").fill(batch, target);
    other.join().unwrap();
}

/// One takes the list for a slot that it has claimed; another finds the list empty, and must see the slot.
fn a_list_that_another_took() {
    unsafe fn reclaim(_: NonNull<Link>) {}
    struct Shared {
        list: RetireList,
        pending: Pending,
        link: Link,
    }
    // SAFETY: a link may be used by any thread.
    unsafe impl Sync for Shared {}
    let domain: &'static Domain = Box::leak(Box::new(Domain::new()));
    let shared: &'static Shared =
        Box::leak(Box::new(Shared { list: RetireList::new(), pending: Pending::new(), link: Link::new(reclaim) }));
    // SAFETY: the link is on no other list, and there is nothing to reclaim.
    unsafe { shared.list.push(NonNull::from(&shared.link)) };
    let other = thread::spawn(move || {
        let slot = shared.pending.claim().expect("a slot is free");
        if let Some(batch) = shared.list.take_all() {
            slot.fill(batch, domain.target());
        }
    });
    if shared.list.take_all().is_none() {
        assert!(shared.pending.seen().next().is_some(), "the list is nowhere");
    }
    other.join().unwrap();
}
