//! Entries of every kind that stand for a number.

use maple_tree::{Entry, Epoch, Grace, Rcu, RcuArc, RcuBox, Shared, TryClone, U61};
use std::sync::Arc;

/// A flavour that the tests run on.
pub trait Flavour: Rcu {
    /// It in Rust code, as an argument of a type behind others.
    const ARGUMENT: &'static str;
    /// Its guard in Rust code.
    const GUARD: &'static str;
    /// `RcuArc<u64>` with it, in Rust code.
    const RCU_ARC: &'static str;
}

impl Flavour for Epoch {
    const ARGUMENT: &'static str = "";
    const GUARD: &'static str = "EpochGuard";
    const RCU_ARC: &'static str = "RcuArc<u64>";
}

// In a build of all tests for that flavour, `Epoch` is another name of it.
#[cfg(not(maple_rcu_all_grace))]
impl Flavour for Grace {
    const ARGUMENT: &'static str = ", Grace";
    const GUARD: &'static str = "<Grace as Rcu>::Guard";
    const RCU_ARC: &'static str = "RcuArc<u64, Grace>";
}
#[cfg(maple_rcu_all_grace)]
const _: fn(Grace) -> Epoch = |grace| grace;

/// A [`Value`] for trees of the default flavour.
pub trait Number: Value + Shared<Epoch> {}

impl<V: Value + Shared<Epoch>> Number for V {}

/// An entry made from a number, which can be told again from the entry.
pub trait Value: Entry + TryClone {
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

impl Value for u32 {
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

impl Value for U61 {
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

impl Value for Box<u64> {
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

impl Value for RcuBox<u64> {
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

impl Value for Arc<u64> {
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

impl<R: Flavour> Value for RcuArc<u64, R> {
    const TYPE: &'static str = R::RCU_ARC;

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
