//! What the suites are run on.

use crate::Shape;

/// How the ranges lie, and how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How they lie.
    pub shape: Shape,
    /// How many.
    pub count: u64,
}

/// The cases to measure: without the largest when the suites only run once as tests, without optimisation.
pub fn cases() -> impl Iterator<Item = Case> {
    let measuring = std::env::args().any(|arg| arg == "--bench") && !std::env::args().any(|arg| arg == "--test");
    let counts: &[u64] = if measuring { &[100, 10_000, 1_000_000] } else { &[100, 10_000] };
    Shape::ALL.into_iter().flat_map(|shape| counts.iter().map(move |&count| Case { shape, count }))
}
