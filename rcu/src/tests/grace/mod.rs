//! The flavour whose grace periods need no memory. What is about one of several states of the engine runs on a platform of its own, with
//! fences; what is about threads runs on [`Grace`](crate::Grace), which all tests share.

mod batches;
#[cfg(all(unix, not(miri)))]
pub(super) mod fork;
mod memory;
mod periods;
mod table;
mod threads;

use crate::{GraceOn, Rcu};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

/// Makes a platform with a domain of its own, in which each thread gets a record that is never freed. With fences. Perhaps with something
/// else to do than to yield where it waits.
macro_rules! platform {
    ($name:ident) => {
        platform!($name, crate::Domain::new());
    };
    ($name:ident, $domain:expr) => {
        platform!($name, $domain, std::thread::yield_now);
    };
    ($name:ident, $domain:expr, $pause:expr) => {
        struct $name;

        // SAFETY: the domain is this platform's alone; each thread has a record of its own, which is registered first of all.
        unsafe impl crate::Platform for $name {
            fn domain() -> &'static crate::Domain {
                static DOMAIN: crate::Domain = $domain;
                &DOMAIN
            }

            fn current() -> &'static crate::Record {
                std::thread_local! {
                    static RECORD: &'static crate::Record = {
                        let record: &'static crate::Record = Box::leak(Box::new(crate::Record::new()));
                        <$name as crate::Platform>::domain().register(record);
                        record
                    };
                }
                RECORD.with(|record| *record)
            }

            fn pause(_: u32) {
                $pause();
            }
        }
    };
}
use platform;

/// A thread inside a read section, until it is told to leave or this is dropped.
struct Reader {
    leave: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn begin<P: crate::Platform>() -> Self {
        let (open, opened) = mpsc::channel();
        let (leave, may_leave) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let guard = GraceOn::<P>::pin();
            open.send(()).expect("the test is there");
            let _ = may_leave.recv();
            drop(guard);
        });
        opened.recv().expect("the reader is there");
        Self { leave: Some(leave), thread: Some(thread) }
    }

    /// Lets it leave, and waits until its thread is gone.
    fn leave(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.leave.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the reader ends in peace");
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.end();
    }
}
