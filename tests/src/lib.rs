//! What the integration tests share: a model to compare with ([`model`]), one interface over
//! both faces of the tree ([`face`]) for several kinds of entries ([`entry`]), the comparison
//! itself ([`check`]), operations that can be generated, run and printed as Rust code ([`op`], [`map_op`]),
//! a face with its model side by side ([`pair`]), cursors of every kind ([`roam`]), and what the model says of free space ([`space`]).
//!
//! For the tests of failing memory and of readers beside a writer: an allocator that counts and
//! refuses ([`alloc`], [`ballast`]), entries whose values are booked ([`counted`]), contents and
//! trees of all shapes ([`shapes`], [`fixture`]), and readers that check while a writer works
//! ([`beside`]), and a writer that works between any two steps of a walk ([`witness`]).
//!
//! The recorded address spaces of real programs ([`trace`]), and what concurrent threads did, checked afterwards ([`history`]).

pub mod alloc;
pub mod ballast;
pub mod beside;
pub mod check;
pub mod counted;
pub mod entry;
pub mod face;
pub mod fixture;
pub mod history;
pub mod map_op;
pub mod model;
pub mod op;
pub mod pair;
pub mod roam;
pub mod shapes;
pub mod space;
pub mod trace;
pub mod witness;

pub use model::{Bounds, Inclusive, Item, Model, Refusal, Span, span};
