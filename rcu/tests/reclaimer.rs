//! A thread that reclaims: what it does alone, and how it begins and ends. A process of its own, where nobody else runs what is due.

use maple_rcu::{Grace, Rcu, RcuArc, Reclaimer};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn a_reclaimer() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    without_a_thread_there_is_none();
    it_leaves_no_destructor_to_others();
    its_end_waits_for_a_destructor();
    it_may_end_itself();
    // There may be another one now.
    drop(Reclaimer::spawn().expect("the one before has ended"));
}

fn retire<T: Send + Sync + 'static>(value: T) {
    drop(RcuArc::<T, Grace>::try_new(value).expect("memory"));
}

/// Waits, without a call that could run destructors.
fn wait_until(done: impl Fn() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// The first call of this test, as the library keeps the stacks of threads that have ended.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn without_a_thread_there_is_none() {
    fn limit(most: libc::rlim_t) -> libc::rlim_t {
        let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the limits are written to.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut old) }, 0);
        let new = libc::rlimit { rlim_cur: most, rlim_max: old.rlim_max };
        // SAFETY: the limits are read only.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const new) }, 0);
        old.rlim_cur
    }
    let figures = std::fs::read_to_string("/proc/self/statm").expect("the system tells");
    let pages: libc::rlim_t = figures.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number of pages");
    // SAFETY: it asks for a constant of the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // Enough for all that is asked for until there is a thread, and too little for a stack.
    let before = limit(pages * libc::rlim_t::try_from(page).expect("a size") + (1 << 20));
    let refused = Reclaimer::spawn();
    limit(before);
    let error = refused.expect_err("there is no room for a stack");
    assert_ne!(error.kind(), std::io::ErrorKind::AlreadyExists);
    drop(Reclaimer::spawn().expect("there is none"));
}

/// Not even to those who retire so much that they would begin grace periods otherwise.
fn it_leaves_no_destructor_to_others() {
    struct Where;
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);
    impl Drop for Where {
        fn drop(&mut self) {
            ELSEWHERE.fetch_add(usize::from(thread::current().name() != Some("maple-rcu")), Ordering::SeqCst);
            DROPS.fetch_add(1, Ordering::SeqCst);
        }
    }
    let reclaimer = Reclaimer::spawn().expect("a thread");
    for _ in 0..10_000 {
        retire(Where);
        Grace::flush();
    }
    wait_until(|| DROPS.load(Ordering::SeqCst) == 10_000);
    drop(reclaimer);
    assert_eq!(ELSEWHERE.load(Ordering::SeqCst), 0);
    // From here on it is others again.
    retire(Where);
    Grace::barrier().expect("not inside");
    assert_eq!(ELSEWHERE.load(Ordering::SeqCst), 1);
}

fn its_end_waits_for_a_destructor() {
    struct Slow(mpsc::Sender<()>);
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.send(()).expect("the test is there");
            // Time for an end that does not wait.
            thread::sleep(Duration::from_millis(50));
            IS_OVER.store(true, Ordering::SeqCst);
        }
    }
    let reclaimer = Reclaimer::spawn().expect("a thread");
    let (begin, begun) = mpsc::channel();
    retire(Slow(begin));
    begun.recv().expect("the destructor is running");
    drop(reclaimer);
    assert!(IS_OVER.load(Ordering::SeqCst), "ended beside a destructor");
}

/// Whoever owns it may be reclaimed by it: it must not wait for itself.
fn it_may_end_itself() {
    struct Owner(Option<Reclaimer>, mpsc::Sender<()>);
    impl Drop for Owner {
        fn drop(&mut self) {
            drop(self.0.take());
            self.1.send(()).expect("the test is there");
        }
    }
    let (tell, told) = mpsc::channel();
    retire(Owner(Some(Reclaimer::spawn().expect("a thread")), tell));
    told.recv().expect("it is dropped, by itself");
}
