//! Attacks on waiting: whom `synchronize` waits for, and whom it must not wait for.

use maple_tree::{Epoch, EpochGuard, Grace, MapleTree, Rcu, RcuArc, Reserve, StdLock};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Long enough for what comes about, and an end for what does not.
const PATIENCE: Duration = Duration::from_secs(60);

type Tree<T> = MapleTree<Box<T>, Grace, StdLock>;

fn tree<T: Send + Sync>() -> &'static Tree<T> {
    Box::leak(Box::new(Tree::with_reserve(Reserve::global())))
}

/// A reader that comes after the call may wait for its end, whatever else was retired by then.
#[test]
fn a_reader_that_came_later() {
    drop(RcuArc::<u8, Grace>::try_new(7).expect("memory"));
    let tree = tree();
    tree.store(10..20, Box::new(1)).expect("memory");
    drop(tree.erase(15));
    let first = tree.pin();
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let caller = thread::spawn(move || {
        begin.send(()).expect("the test is there");
        end.send(tree.synchronize()).expect("the reader is there");
    });
    begun.recv().expect("the caller is there");
    // The call is to begin meanwhile. If it does not, nothing is shown, and nothing fails.
    thread::sleep(Duration::from_millis(200));
    let (open, opened) = mpsc::channel();
    let later = thread::spawn(move || {
        let guard = tree.pin();
        open.send(()).expect("the test is there");
        let outcome = ended.recv_timeout(PATIENCE);
        drop(guard);
        outcome
    });
    opened.recv().expect("the reader is there");
    drop(first);
    assert_eq!(later.join().expect("no panic"), Ok(Ok(())), "waits for a reader that came later");
    caller.join().expect("no panic");
}

/// A destructor of `Grace`, anybody's, waits for a reader of `Epoch`, who calls `synchronize` of a tree on `Grace`. (Where both are one the
/// reader is refused.)
#[cfg(not(maple_rcu_all_grace))]
#[test]
fn a_destructor_of_somebody_else() {
    struct Waits(mpsc::Sender<()>);

    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.send(()).expect("the reader is there");
            Epoch::synchronize().expect("not inside");
        }
    }

    let (begin, begun) = mpsc::channel();
    drop(RcuArc::<Waits, Grace>::try_new(Waits(begin)).expect("memory"));
    let (end, ended) = mpsc::channel();
    let tree = tree::<u32>();
    let reader = thread::spawn(move || {
        let guard = Epoch::pin();
        // Runs the destructor.
        let other = thread::spawn(Grace::barrier);
        begun.recv().expect("the destructor runs");
        tree.synchronize().expect("not inside");
        drop(guard);
        end.send(()).expect("the test is there");
        other.join()
    });
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(()), "each waits for the other");
    assert!(reader.join().is_ok_and(|other| other.is_ok_and(|outcome| outcome.is_ok())));
}

/// An entry that leaves a read section open: what comes after it cannot be waited for, but is done.
#[test]
fn a_destructor_that_begins_to_read() {
    thread_local! {
        static SECTION: Cell<Option<EpochGuard>> = const { Cell::new(None) };
    }

    struct Stays(Arc<AtomicUsize>);

    impl Drop for Stays {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            SECTION.set(Some(Epoch::pin()));
            // Something to wait for.
            drop(RcuArc::<u8>::try_new(7).expect("memory"));
        }
    }

    let drops = Arc::new(AtomicUsize::new(0));
    let tree = MapleTree::<Box<Stays>>::new();
    assert!(tree.insert(0..10, Box::new(Stays(drops.clone()))).is_ok());
    tree.clear();
    let outcome = tree.synchronize();
    assert!(Epoch::is_reading());
    drop(SECTION.take());
    assert_eq!((outcome, drops.load(Ordering::SeqCst)), (Ok(()), 1));
}
