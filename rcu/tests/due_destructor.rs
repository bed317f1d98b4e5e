//! A destructor that calls `synchronize`, and is due at the first step of another `synchronize`. A process of its own, since any test
//! beside it could run the destructor.

use maple_rcu::{Epoch, InsideReadSection, Rcu, RcuArc};
use std::sync::Mutex;

static OUTCOME: Mutex<Option<Result<(), InsideReadSection>>> = Mutex::new(None);

struct Waits;

impl Drop for Waits {
    fn drop(&mut self) {
        *OUTCOME.lock().expect("not poisoned") = Some(Epoch::synchronize());
    }
}

#[test]
fn it_is_refused_not_stuck() {
    // The first `pin` of a thread moves the epoch itself, and so stays a step behind.
    drop(Epoch::pin());
    drop(RcuArc::<Waits>::try_new(Waits).ok());
    assert!(Epoch::flush());
    assert_eq!(*OUTCOME.lock().expect("not poisoned"), None, "run before a grace period");
    assert_eq!(Epoch::synchronize(), Ok(()));
    assert_eq!(*OUTCOME.lock().expect("not poisoned"), Some(Err(InsideReadSection)));
}
