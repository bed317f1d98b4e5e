//! The platform of programs under the model checker: the threads of Loom, each with a record, in one domain for each execution.
//!
//! What a thread's end does to its record has models of its own (`model.rs`); here records are not given back.

use super::{Domain, GraceOn, Platform, Record};
use core::cell::Cell;

/// Read-copy-update whose grace periods need no memory, for the threads of a model.
pub type Grace = GraceOn<Threads>;

/// The platform of [`Grace`]: a record for each thread.
#[derive(Debug)]
pub struct Threads(());

loom::lazy_static! {
    static ref DOMAIN: Domain = Domain::new();
    static ref RECORDS: [Record; loom::MAX_THREADS] = core::array::from_fn(|_| Record::new());
}

loom::thread_local! {
    /// The thread's record. Owned by it.
    static CURRENT: Cell<Option<&'static Record>> = Cell::new(None);
}

// SAFETY: the domain, of which there is one in each execution, is used by nothing else. A record belongs to the thread that owns it
// first, to the end of the execution, and is registered before it is used.
unsafe impl Platform for Threads {
    fn domain() -> &'static Domain {
        &DOMAIN
    }

    fn current() -> &'static Record {
        if let Some(record) = Self::registered() {
            return record;
        }
        let record = RECORDS.iter().find(|record| record.try_own()).expect("there are as many records as threads");
        DOMAIN.register(record);
        CURRENT.with(|current| current.set(Some(record)));
        record
    }

    fn registered() -> Option<&'static Record> {
        CURRENT.with(Cell::get)
    }

    fn pause(_: u32) {
        loom::thread::yield_now();
    }
}
