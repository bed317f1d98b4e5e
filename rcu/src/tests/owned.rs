//! `RcuBox` and `RcuArc`.

use super::alloc::{self, Odd};
use super::{Counted, Panicking, Tally, flavour, press_on_until};
use crate::{AllocError, Epoch, Rcu, RcuArc, RcuBox};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn boxed<T>(value: T) -> RcuBox<T> {
    RcuBox::try_new(value).expect("memory")
}

fn arc<T: Send + Sync + 'static, R: Rcu>(value: T) -> RcuArc<T, R> {
    RcuArc::try_new(value).expect("memory")
}

/// Reclaims what is retired to `R`, after a grace period.
fn reclaim<R: Rcu>() {
    if let Some(batch) = R::retired().take_all() {
        R::synchronize().expect("not inside a read section");
        // SAFETY: a grace period has passed since the batch was taken.
        unsafe { batch.run() };
    }
}

#[test]
fn a_box_is_freed_at_once() {
    let drops = Tally::default();
    let one = boxed(Odd(Counted(drops.clone())));
    assert_eq!((drops.get(), alloc::odd_blocks()), (0, 1));
    drop(one);
    assert_eq!((drops.get(), alloc::odd_blocks()), (1, 0));
}

#[test]
fn a_box_is_freed_when_its_destructor_panics() {
    let drops = Tally::default();
    let one = boxed(Odd(Panicking(drops.clone())));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| drop(one)));
    assert!(outcome.is_err());
    assert_eq!((drops.get(), alloc::odd_blocks()), (1, 0));
}

#[test]
fn a_value_comes_out_of_its_box_alive() {
    let drops = Tally::default();
    let value = boxed(Odd(Counted(drops.clone()))).into_inner();
    assert_eq!((drops.get(), alloc::odd_blocks()), (0, 0));
    drop(value);
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_box_goes_through_a_raw_pointer() {
    let drops = Tally::default();
    let raw = boxed(Odd(Counted(drops.clone()))).into_raw();
    assert_eq!((drops.get(), alloc::odd_blocks()), (0, 1));
    // SAFETY: from `into_raw` just above.
    let value: &Odd<Counted> = unsafe { RcuBox::raw_value(raw) };
    assert_eq!(value.0.0.get(), 0);
    // SAFETY: as above, once.
    drop(unsafe { RcuBox::<Odd<Counted>>::from_raw(raw) });
    assert_eq!((drops.get(), alloc::odd_blocks()), (1, 0));
}

#[test]
fn values_of_any_layout_fit() {
    #[repr(align(4096))]
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Page([u8; 4096]);

    fn check<T: Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static>(value: T, other: T) {
        let mut one = boxed(value);
        assert_eq!(*one, value);
        *one = other;
        assert_eq!(*one.as_ref(), other);
        assert!((&raw const *one).is_aligned());
        let raw = one.into_raw();
        assert!(raw.addr().get().is_multiple_of(8));
        // SAFETY: from `into_raw` just above.
        assert_eq!(unsafe { RcuBox::<T>::from_raw(raw) }.into_inner(), other);

        let two: RcuArc<T> = arc(value);
        assert_eq!(*two, value);
        assert!((&raw const *two).is_aligned());
        let raw = two.into_raw();
        assert!(raw.addr().get().is_multiple_of(8));
        // SAFETY: from `into_raw` just above.
        assert_eq!(*unsafe { RcuArc::<T>::from_raw(raw) }.as_ref(), value);
    }
    check((), ());
    check(1_u8, 2);
    check([1_u16; 3], [2; 3]);
    check(1_u128, u128::MAX);
    check(Page([1; 4096]), Page([2; 4096]));
    // Leaves nothing behind.
    Epoch::flush();
}

#[test]
fn refused_memory_gives_the_value_back() {
    // `Counted` is not `Debug`: the errors ask nothing of the value.
    let drops = Tally::default();
    let refused = alloc::refused(|| RcuBox::try_new(Counted(drops.clone())));
    let Err(AllocError(value)) = refused else { panic!("the allocator was to refuse") };
    assert_eq!(drops.get(), 0);
    let refused = alloc::refused(|| RcuArc::<Counted>::try_new(value));
    let Err(AllocError(value)) = refused else { panic!("the allocator was to refuse") };
    assert_eq!(drops.get(), 0);
    drop(value);
    assert_eq!(drops.get(), 1);
}

#[test]
fn the_last_owner_retires_and_nobody_frees() {
    flavour!(Own);
    let drops = Tally::default();
    let one: RcuArc<_, Own> = arc(Odd(Counted(drops.clone())));
    let two = one.clone();
    assert!(RcuArc::ptr_eq(&one, &two));
    assert!(!RcuArc::ptr_eq(&one, &arc(Odd(Counted(Tally::default())))), "another value");
    reclaim::<Own>();
    assert_eq!(RcuArc::strong_count(&one), 2);
    drop(one);
    assert_eq!(RcuArc::strong_count(&two), 1);
    assert!(Own::retired().is_empty(), "an owner is left");
    let requests = alloc::requests_during(|| drop(two));
    assert_eq!(requests, 0, "dropping the last owner asked for memory");
    assert!(!Own::retired().is_empty());
    assert_eq!((drops.get(), alloc::odd_blocks()), (0, 1), "freed before a grace period");
    reclaim::<Own>();
    assert_eq!((drops.get(), alloc::odd_blocks()), (1, 0));
    assert!(Own::retired().is_empty());
}

#[test]
fn a_raw_owner_counts() {
    flavour!(Own);
    let drops = Tally::default();
    let one: RcuArc<_, Own> = arc(Counted(drops.clone()));
    let raw = one.clone().into_raw();
    assert_eq!(RcuArc::strong_count(&one), 2);
    drop(one);
    assert!(Own::retired().is_empty());
    // SAFETY: the raw pointer stands for an owner.
    let two = unsafe { RcuArc::<Counted, Own>::raw_try_clone(raw) }.expect("an owner is left");
    assert_eq!(RcuArc::strong_count(&two), 2);
    // SAFETY: from `into_raw` above, once.
    drop(unsafe { RcuArc::<Counted, Own>::from_raw(raw) });
    assert_eq!(RcuArc::strong_count(&two), 1);
    drop(two);
    reclaim::<Own>();
    assert_eq!(drops.get(), 1);
}

#[test]
fn nobody_becomes_an_owner_once_the_last_has_gone() {
    flavour!(Own);
    let drops = Tally::default();
    let guard = Own::pin();
    let raw = arc::<_, Own>(Counted(drops.clone())).into_raw();
    // SAFETY: from `into_raw` just above, once.
    drop(unsafe { RcuArc::<Counted, Own>::from_raw(raw) });
    // SAFETY: there was an owner inside this read section.
    assert!(unsafe { RcuArc::<Counted, Own>::raw_try_clone(raw) }.is_none());
    // SAFETY: as above.
    let value: &Counted = unsafe { RcuArc::<Counted, Own>::raw_value(raw) };
    assert_eq!(value.0.get(), 0, "retired, but alive");
    drop(guard);
    reclaim::<Own>();
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_value_that_panics_when_dropped_is_freed() {
    flavour!(Own);
    let drops = Tally::default();
    drop(arc::<_, Own>(Odd(Panicking(drops.clone()))));
    let outcome = panic::catch_unwind(reclaim::<Own>);
    assert!(outcome.is_err());
    assert_eq!((drops.get(), alloc::odd_blocks()), (1, 0));
}

/// Nobody makes so many; the count is written to.
#[test]
#[cfg(all(unix, not(miri)))]
fn more_owners_than_can_be_counted_end_a_fork() {
    use super::grace::fork::{End, end_of};
    use std::ptr::NonNull;

    type Clone = fn(NonNull<()>);
    let by_owner: Clone = |raw| {
        // SAFETY: the pointer stands for an owner, and none of these is dropped.
        let owner = std::mem::ManuallyDrop::new(unsafe { RcuArc::<u32>::from_raw(raw) });
        std::mem::forget(RcuArc::clone(&owner));
    };
    let by_pointer: Clone = |raw| {
        // SAFETY: the pointer stands for an owner.
        std::mem::forget(unsafe { RcuArc::<u32>::raw_try_clone(raw) });
    };
    let most = isize::MAX.unsigned_abs();
    for clone in [by_owner, by_pointer] {
        for (owners, end) in
            [(1, End::Good), (most - 1, End::Good), (most, End::Good), (most + 1, End::Aborted), (usize::MAX, End::Aborted)]
        {
            let outcome = end_of(|| {
                let raw = arc::<u32, Epoch>(7).into_raw();
                // The count is behind the link, which is the head of the value.
                // SAFETY: inside the allocation.
                let count = unsafe { raw.byte_add(size_of::<crate::Link>()) };
                // SAFETY: the count is there, and shared as an atomic.
                let count = unsafe { count.cast::<AtomicUsize>().as_ref() };
                assert_eq!(count.swap(owners, Ordering::Relaxed), 1);
                clone(raw);
                count.load(Ordering::Relaxed) == owners + 1
            });
            assert_eq!(outcome, end, "{owners} owners");
        }
    }
}

#[test]
fn upgrading_races_with_the_last_drop() {
    flavour!(Own);
    const AT_ONCE: usize = if cfg!(miri) { 4 } else { 256 };
    let rounds = if cfg!(miri) { 4 } else { 200 };
    let drops = Tally::default();
    for round in 0..rounds {
        let guard = Own::pin();
        let raws = [(); AT_ONCE].map(|()| arc::<_, Own>(Counted(drops.clone())).into_raw());
        // SAFETY: from `into_raw` just above, each once.
        let owners = raws.map(|raw| unsafe { RcuArc::<Counted, Own>::from_raw(raw) });
        let arrived = AtomicUsize::new(0);
        let meet = || {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
        };
        let upgraded = thread::scope(|scope| {
            scope.spawn(|| {
                meet();
                owners.into_iter().for_each(drop);
            });
            meet();
            // The other thread drops these one after the other, about as fast.
            // SAFETY: there was an owner inside this read section.
            raws.map(|raw| unsafe { RcuArc::<Counted, Own>::raw_try_clone(raw) })
        });
        drop(guard);
        reclaim::<Own>();
        for owner in upgraded.iter().flatten() {
            assert_eq!(RcuArc::strong_count(owner), 1);
            assert_eq!(owner.0.get(), drops.get(), "the owner's value is alive");
        }
        let left = upgraded.iter().flatten().count();
        assert_eq!(drops.get(), (round + 1) * AT_ONCE - left, "reclaimed beside an owner, round {round}");
        drop(upgraded);
        reclaim::<Own>();
        assert_eq!(drops.get(), (round + 1) * AT_ONCE);
    }
}

#[test]
fn owners_on_many_threads_release_once() {
    flavour!(Own);
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 10 } else { 200 };
    let drops = Tally::default();
    for round in 0..rounds {
        let first: RcuArc<_, Own> = arc(Counted(drops.clone()));
        let barrier = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let (mine, barrier) = (first.clone(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    drop(mine.clone());
                    drop(mine);
                });
            }
            drop(first);
        });
        assert_eq!(drops.get(), round, "freed before a grace period");
        Own::flush();
        press_on_until(|| drops.get() == round + 1);
    }
    assert!(Own::retired().is_empty());
}

/// What Miri and ThreadSanitizer look at. The owner that goes first tells nobody that it has gone but by the count, and the one that goes last
/// passes no fence.
#[test]
fn what_an_owner_did_comes_before_the_release() {
    flavour!(Own);
    for round in 0..if cfg!(miri) { 4 } else { 200 } {
        let last: RcuArc<u64, Own> = arc(round);
        let first = last.clone();
        thread::scope(|scope| {
            scope.spawn(move || assert_eq!(*first, round));
            scope.spawn(move || {
                // A relaxed load, so it is the drop that has to order the release.
                while RcuArc::strong_count(&last) != 1 {
                    thread::yield_now();
                }
                drop(last);
            });
            while Own::retired().is_empty() {
                thread::yield_now();
            }
            reclaim::<Own>();
        });
        assert!(Own::retired().is_empty());
    }
}
