//! What the integration tests share: a model to compare with ([`model`]), one interface over
//! both faces of the tree ([`face`]) for several kinds of entries ([`entry`]), the comparison
//! itself ([`check`]), operations that can be generated, run and printed as Rust code ([`op`]),
//! and a face with its model side by side ([`pair`]).

pub mod check;
pub mod entry;
pub mod face;
pub mod model;
pub mod op;
pub mod pair;

pub use model::{Bounds, Inclusive, Item, Model, Refusal, Span, span};

pub mod alloc;
pub mod ballast;
pub mod beside;
pub mod counted;
pub mod fixture;
pub mod shapes;
