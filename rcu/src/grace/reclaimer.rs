//! A thread that does nothing but reclaim.

use super::{Grace, Platform, Threads};
use std::io;
use std::mem;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A thread that waits for grace periods and runs what is due, so that writers need not: from [`spawn`](Reclaimer::spawn) until it
/// is dropped.
///
/// Meanwhile `flush`, `call` and `hand_over` of [`Grace`] run no destructors and begin no grace periods; who waits (`synchronize`,
/// [`barrier`](crate::Rcu::barrier)) still helps. When there is nothing to do the thread looks about once in 10 milliseconds.
///
/// Dropping it waits for the batch that is being run, and leaves the rest to whoever comes next.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Grace, Rcu, RcuArc, Reclaimer};
/// use std::sync::Arc;
///
/// let (reclaimer, shared) = (Reclaimer::spawn()?, Arc::new(7));
/// drop(RcuArc::<Arc<u32>, Grace>::try_new(shared.clone())?); // the clone is dropped by the reclaimer
/// Grace::barrier()?;
/// assert_eq!(Arc::strong_count(&shared), 1);
/// drop(reclaimer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Reclaimer {
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    /// A child of a `fork` has the value, but not the thread.
    process: u32,
}

/// Between two looks when there is nothing to do.
const IDLE: Duration = Duration::from_millis(10);

impl Reclaimer {
    /// Starts the thread. Allocates.
    ///
    /// # Errors
    ///
    /// There is one already ([`AlreadyExists`](io::ErrorKind::AlreadyExists)), or the system gives no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::Reclaimer;
    ///
    /// let reclaimer = Reclaimer::spawn()?;
    /// assert!(Reclaimer::spawn().is_err(), "one is enough");
    /// # drop(reclaimer);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn() -> io::Result<Self> {
        if Threads::domain().relieve(true) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a reclaimer already"));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        match thread::Builder::new().name("maple-rcu".to_owned()).spawn(move || reclaim(&seen)) {
            Ok(thread) => Ok(Self { thread: Some(thread), stop, process: process::id() }),
            Err(error) => {
                Threads::domain().relieve(false);
                Err(error)
            }
        }
    }
}

fn reclaim(stop: &AtomicBool) {
    let mut round = 0;
    // Relaxed: nothing else is published by it.
    while !stop.load(Ordering::Relaxed) {
        let moved = !Grace::has_retired() || Grace::move_retired();
        if Grace::work() || !moved {
            Threads::pause(round);
            round = round.saturating_add(1);
        } else {
            round = 0;
            thread::park_timeout(IDLE);
        }
    }
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.process != process::id() {
            // Not a thread of this process; and the flag is the child's own already.
            mem::forget(thread);
            return;
        }
        Threads::domain().relieve(false);
        // Relaxed: nothing else is published by it.
        self.stop.store(true, Ordering::Relaxed);
        thread.thread().unpark();
        // Dropped by a destructor on the very thread, it cannot be waited for.
        if thread.thread().id() != thread::current().id() {
            // It contains the panics of what it runs.
            let _ = thread.join();
        }
    }
}
