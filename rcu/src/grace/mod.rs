//! The flavour whose grace periods need no memory.
//!
//! # How it works, and why that is enough
//!
//! There is a number, `now`, of the last grace period that began. A reader that opens a section shows that number in a record of
//! its own (one store), and shows 0 when it closes it (one store). To wait for a grace period is to count `now` up and to look at
//! every record, until each was seen to show 0 or the new number.
//!
//! ```text
//!        reader                                    writer
//!        ------                                    ------
//!        n = now                    (Acquire)      unpublish the object
//!        record = n                 (Release)      now += 1                   (Release)
//!   F3:  fence, or nothing                    F1:  fence  +  membarrier if readers leave F3 out
//!        find the object                           for each record: wait until 0 or `now`  (Acquire)
//!        use it                                    free the object
//!        record = 0                 (Release)
//! ```
//!
//! Take a section and a period. One of three cases holds:
//!
//! 1. **The scan sees the section's store, and its number is another than the period's.** It is waited for, until the record shows 0 or
//!    the new number. Either was stored with Release after the last use, and is loaded with Acquire: the use happens before the free.
//! 2. **The scan sees the number of the period.** The section loaded it with Acquire from the Release that counted it up, after
//!    the object was unpublished. So the section cannot find the object.
//! 3. **The scan does not see the section's store** (but what was there before). The store is before F3, the scan is behind F1, and
//!    the scan missed the store: so F1 comes before F3 in the one order of all full fences, and what the section finds behind F3 is
//!    no older than what was written before F1. It cannot find the object.
//!
//! In case 3 the reader's fence does nothing but order its store before its loads, and it does it each time although hardly ever is
//! anybody waiting. `membarrier(2)` lets the writer pay instead: it has the effect of a full fence on every running thread of the
//! process, somewhere between its begin and its end. Take that point of the reader for F3. If it lies behind the section's store,
//! the scan sees the store. If before, everything that the section finds is found behind it. (What the language's memory model says
//! about this is nothing; it has no such operation. What the kernel and the processors say is enough.) The reader keeps a fence for
//! the compiler.
//!
//! Writers that share a period: who wants one to pass reads `now` behind a full fence, and waits until a period that began later is
//! over ([`Domain::target`](Domain)). If its load misses that period's count, its fence comes before that period's F1, and the
//! cases hold as they are, with that fence for F1; in case 2 the section loaded the number after the writer missed it, and the same
//! order of fences says so. In that one case `membarrier` is no substitute for F3, since its point may lie behind all that the section
//! loads. What helps is that the processor is *multi-copy atomic* (x86, AArch64, RISC-V, s390x): what was unpublished is seen by all
//! when the writer's fence is over, the writer missed the number after that, so the section saw it later still. On others (POWER) a
//! section can see the number before the writer could, and then miss what the writer did; readers keep their fence there.
//!
//! *One look or two.* The number makes one look at each record enough. With a flag in its place a section that was held up between
//! its first two lines could show the new flag although it is old; Desnoyers et al. look twice for that reason. Numbers repeat after
//! 2^61 periods here, and where words are short, after 2^29; there each period looks twice: who looks late at the first look looks
//! early at the second, because that one's number is another. (`looks` in `domain.rs`; a model with numbers of one bit checks it.)
//!
//! Literature: M. Desnoyers, P. McKenney, A. Stern, M. Dagenais, J. Walpole, "User-Level Implementations of Read-Copy Update", IEEE
//! TPDS 23(2), 2012 (the asymmetry of fences; parities and counters; callbacks). K. Fraser, "Practical lock-freedom", 2004
//! (epochs). membarrier(2).
//!
//! # The rooms
//!
//! `record` (what readers write), `domain` (periods), `pending` (batches that wait), `platform` (whose records), and here: the interface.
//! With `std`: `threads` (a record for each thread; in a model `modelled`), `membarrier`, `reclaimer`.

mod flavour;
#[cfg(all(feature = "std", not(loom)))]
mod membarrier;
mod platform;
#[cfg(all(feature = "std", not(loom)))]
mod reclaimer;
#[cfg(all(feature = "std", not(loom)))]
mod threads;
/// In the place of the operating system's threads those of the model checker.
#[cfg(all(feature = "std", loom))]
#[path = "modelled.rs"]
mod threads;

mod domain;
#[cfg(all(test, loom))]
pub(crate) mod model;
mod pending;
mod record;

pub use domain::Domain;
pub use flavour::{Cookie, GraceGuard, GraceOn};
pub use platform::Platform;
#[cfg(all(feature = "std", not(loom)))]
pub use reclaimer::Reclaimer;
pub use record::Record;
#[cfg(all(feature = "std", not(loom)))]
pub use threads::ReadSide;
#[cfg(feature = "std")]
pub use threads::{Grace, Threads};
