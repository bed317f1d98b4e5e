//! Destructors that panic with something whose destructor panics, and so on. A process of its own, since such a panic could surface in
//! any test beside it.

use maple_rcu::{Batch, Epoch, Grace, Rcu, RcuArc};
use std::panic;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

static DROPS: AtomicUsize = AtomicUsize::new(0);

/// Panics when it is dropped, with another one.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic::panic_any(Bomb);
    }
}

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::SeqCst);
    }
}

/// # Safety
///
/// None needed: the arguments are not used.
unsafe fn explode(_: NonNull<()>, _: *const ()) {
    panic::panic_any(Bomb);
}

fn it_goes_no_further<R: Rcu>() {
    let before = DROPS.load(Ordering::SeqCst);
    for _ in 0..10 {
        drop(RcuArc::<Counted, R>::try_new(Counted).ok());
        assert!(R::flush());
        // SAFETY: `explode` may be called at any time.
        let batch = unsafe { Batch::new(NonNull::dangling(), ptr::null(), explode) };
        // SAFETY: as above.
        unsafe { R::hand_over(batch) };
        R::barrier().expect("not inside");
    }
    assert_eq!(DROPS.load(Ordering::SeqCst), before + 10);
}

#[test]
fn what_a_panic_carries_goes_no_further() {
    panic::set_hook(Box::new(|_| ()));
    let epoch = panic::catch_unwind(it_goes_no_further::<Epoch>);
    let grace = panic::catch_unwind(it_goes_no_further::<Grace>);
    drop(panic::take_hook());
    // What is caught here would explode once more.
    let outcomes = [&epoch, &grace].map(|outcome| outcome.is_ok());
    std::mem::forget((epoch, grace));
    assert_eq!(outcomes, [true, true], "a panic of a destructor came out of `flush`, `hand_over` or `barrier`");
}
