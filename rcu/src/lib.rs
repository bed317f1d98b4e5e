#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! * [`Rcu`]: what a flavour is, and the rules.
//! * [`Epoch`]: what the flavour on `crossbeam-epoch` may allocate, and when.
//! * [`Grace`]: the flavour whose grace periods need no memory; [`GraceOn`] has its interface, and [`Platform`] is for kernels.
//! * [`RcuBox`], [`RcuArc`]: one owner, many owners.
//! * [`Link`], [`RetireList`], [`Batch`]: for objects of your own, and for own flavours.
//!
//! The feature `serde` (off by default) makes [`RcuBox`] and [`RcuArc`] `Serialize` and `Deserialize`, as what they hold.
#![cfg_attr(not(any(feature = "std", test, loom)), no_std)]
// The model checker has other threads than the operating system's.
#![cfg_attr(loom, allow(dead_code))]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(all(feature = "std", not(loom), not(maple_rcu_all_grace)))]
mod epoch;
mod error;
mod flavour;
mod grace;
#[cfg(feature = "alloc")]
mod owned;
mod retire;
#[cfg(feature = "serde")]
mod serial;
mod sync;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(feature = "std", not(loom), not(maple_rcu_all_grace)))]
pub use epoch::{Epoch, EpochGuard};
pub use error::{AllocError, BarrierError, InsideReadSection};
pub use flavour::{Batch, Rcu};
pub use grace::{Cookie, Domain, GraceGuard, GraceOn, Platform, Record};
#[cfg(feature = "std")]
pub use grace::{Grace, Threads};
#[cfg(all(feature = "std", not(loom)))]
pub use grace::{ReadSide, Reclaimer};
/// In a build that runs all tests of the workspace on the other flavour (`--cfg maple_rcu_all_grace`), and under the model checker
/// (`--cfg loom`), another name of it.
#[cfg(all(feature = "std", any(loom, maple_rcu_all_grace)))]
pub type Epoch = Grace;
/// As [`Epoch`].
#[cfg(all(feature = "std", any(loom, maple_rcu_all_grace)))]
pub type EpochGuard = GraceGuard<Threads>;
#[cfg(feature = "alloc")]
pub use owned::{RcuArc, RcuBox};
pub use retire::{Link, RetireList};

/// Ends the process: what was promised cannot be kept any more.
#[cold]
fn abort() -> ! {
    #[cfg(feature = "std")]
    std::process::abort();
    #[cfg(not(feature = "std"))]
    {
        /// A panic that cannot be caught: while it unwinds another begins.
        struct Twice;

        impl Drop for Twice {
            fn drop(&mut self) {
                panic!("maple-rcu: a promise cannot be kept");
            }
        }
        let _twice = Twice;
        panic!("maple-rcu: a promise cannot be kept");
    }
}
