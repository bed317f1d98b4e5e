//! Entries of every kind that stand for a number.

use maple_tree::{Entry, Epoch, RcuArc, RcuBox, TryClone, U61};
use std::sync::Arc;

/// An entry made from a number, which can be told again from the entry.
pub trait Number: Entry + maple_tree::Shared<Epoch> + TryClone {
    /// The type as Rust code.
    const TYPE: &'static str;

    /// The entry for `value`, which is below 2^32.
    fn make(value: u64) -> Self;

    /// The number behind an entry that a tree lent.
    fn read(entry: Self::Ref<'_>) -> u64;

    /// The number behind an owned entry.
    fn value(&self) -> u64;

    /// Rust code that makes the entry for `value`.
    fn code(value: u64) -> String;
}

impl Number for u32 {
    const TYPE: &'static str = "u32";

    fn make(value: u64) -> Self {
        u32::try_from(value).expect("values of the tests are below 2^32")
    }

    fn read(entry: u32) -> u64 {
        u64::from(entry)
    }

    fn value(&self) -> u64 {
        u64::from(*self)
    }

    fn code(value: u64) -> String {
        value.to_string()
    }
}

impl Number for U61 {
    const TYPE: &'static str = "U61";

    fn make(value: u64) -> Self {
        U61::new(value).expect("values of the tests are below 2^32")
    }

    fn read(entry: U61) -> u64 {
        entry.get()
    }

    fn value(&self) -> u64 {
        self.get()
    }

    fn code(value: u64) -> String {
        format!("U61::new({value}).unwrap()")
    }
}

impl Number for Box<u64> {
    const TYPE: &'static str = "Box<u64>";

    fn make(value: u64) -> Self {
        Box::new(value)
    }

    fn read(entry: &u64) -> u64 {
        *entry
    }

    fn value(&self) -> u64 {
        **self
    }

    fn code(value: u64) -> String {
        format!("Box::new({value})")
    }
}

impl Number for RcuBox<u64> {
    const TYPE: &'static str = "RcuBox<u64>";

    fn make(value: u64) -> Self {
        RcuBox::try_new(value).expect("memory for a boxed number")
    }

    fn read(entry: &u64) -> u64 {
        *entry
    }

    fn value(&self) -> u64 {
        **self
    }

    fn code(value: u64) -> String {
        format!("RcuBox::try_new({value}).unwrap()")
    }
}

impl Number for Arc<u64> {
    const TYPE: &'static str = "Arc<u64>";

    fn make(value: u64) -> Self {
        Arc::new(value)
    }

    fn read(entry: Self::Ref<'_>) -> u64 {
        *entry
    }

    fn value(&self) -> u64 {
        **self
    }

    fn code(value: u64) -> String {
        format!("Arc::new({value})")
    }
}

impl Number for RcuArc<u64> {
    const TYPE: &'static str = "RcuArc<u64>";

    fn make(value: u64) -> Self {
        RcuArc::try_new(value).expect("memory for a counted number")
    }

    fn read(entry: Self::Ref<'_>) -> u64 {
        *entry
    }

    fn value(&self) -> u64 {
        **self
    }

    fn code(value: u64) -> String {
        format!("RcuArc::try_new({value}).unwrap()")
    }
}
