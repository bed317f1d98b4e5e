//! A writers' lock that numbers the turns.
//!
//! A tree may have any lock. This one is the default one, and gives a number to each turn while the turn lasts. So the order of the changes is that
//! of the numbers, also of changes by plain calls, in which the caller cannot do anything while the lock is held; nobody has to guess it from times.
//! The number is a word that only the holder of the lock touches, so that readers are not ordered by it, nor are writers more than by the lock.

use super::clock::{self, Time};
use maple_tree::{RawMutex, StdLock};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// One turn of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Which one, of this lock: the first has number 1.
    pub number: u64,
    /// When the lock was taken.
    pub taken: Time,
}

thread_local! {
    static TURN: Cell<Option<Turn>> = const { Cell::new(None) };
}

/// Runs `call`, and gives the first turn that this thread took with any such lock meanwhile.
///
/// Panics if it took none.
pub fn turn_of<T>(call: impl FnOnce() -> T) -> (Turn, T) {
    TURN.set(None);
    let result = call();
    (TURN.get().expect("the call takes the lock"), result)
}

/// The default lock, with numbers.
#[derive(Debug)]
pub struct Numbered {
    lock: StdLock,
    last: AtomicU64,
}

impl Numbered {
    fn note(&self) {
        // Relaxed, twice: only who holds the lock touches it.
        let number = self.last.load(Ordering::Relaxed) + 1;
        self.last.store(number, Ordering::Relaxed);
        if TURN.get().is_none() {
            TURN.set(Some(Turn { number, taken: clock::begin() }));
        }
    }
}

// SAFETY: the lock inside lets one in at a time.
unsafe impl RawMutex for Numbered {
    const INIT: Self = Self { lock: StdLock::INIT, last: AtomicU64::new(0) };

    type GuardMarker = <StdLock as RawMutex>::GuardMarker;

    fn lock(&self) {
        self.lock.lock();
        self.note();
    }

    fn try_lock(&self) -> bool {
        let taken = self.lock.try_lock();
        if taken {
            self.note();
        }
        taken
    }

    unsafe fn unlock(&self) {
        // SAFETY: the caller holds this lock, and with it the lock inside.
        unsafe { self.lock.unlock() };
    }
}
