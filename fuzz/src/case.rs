//! What all targets have in common: a case is made of bytes, run, and printed as a test to paste.

use arbitrary::{Arbitrary, Unstructured};
use core::fmt;

/// One case of a target. Its `Debug` form is a test to paste.
pub trait Case: for<'a> Arbitrary<'a> + fmt::Debug {
    /// Runs the case.
    ///
    /// # Panics
    ///
    /// If the tree does anything else than the model says, or is not valid.
    fn run(&self);
}

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its binary and of its directory of seeds.
    pub name: &'static str,
    /// Runs the case that these bytes stand for; if that panics, the case is printed as a test to paste. Bytes that stand for nothing are passed
    /// over.
    pub run: fn(&[u8]),
    /// The case that these bytes stand for, as a test to paste.
    pub print: fn(&[u8]) -> Option<String>,
}

impl Target {
    pub(crate) const fn of<C: Case>(name: &'static str) -> Self {
        Self { name, run: run::<C>, print: |data| case::<C>(data).map(|case| format!("{case:?}")) }
    }
}

fn case<C: Case>(data: &[u8]) -> Option<C> {
    C::arbitrary_take_rest(Unstructured::new(data)).ok()
}

/// Prints the case when it is dropped by a panic.
struct PrintOnPanic<C: Case>(C);

impl<C: Case> Drop for PrintOnPanic<C> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}", self.0);
        }
    }
}

fn run<C: Case>(data: &[u8]) {
    if let Some(case) = case::<C>(data) {
        PrintOnPanic(case).0.run();
    }
}

/// As many as the bytes that are left make. (A `Vec` asks before each element whether there is one more, so of random bytes it hardly ever has
/// more than three.)
#[derive(Clone, Debug)]
pub(crate) struct Rest<T>(pub(crate) Vec<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Rest<T> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            all.push(T::arbitrary(bytes)?);
        }
        Ok(Self(all))
    }
}

/// As many as the first byte says, up to 31.
#[derive(Clone, Debug)]
pub(crate) struct Few<T>(pub(crate) Vec<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Few<T> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let count = bytes.int_in_range(0..=31)?;
        let mut all = Vec::new();
        while all.len() < count && !bytes.is_empty() {
            all.push(T::arbitrary(bytes)?);
        }
        Ok(Self(all))
    }
}
