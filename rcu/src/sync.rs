//! The one door to atomics, so that a model checker can stand behind it.

pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};
