//! What is different when a model checker looks at the crate, and the models.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p maple-tree --lib --release
//! ```
//!
//! [Loom](https://docs.rs/loom) runs a model again and again, with every schedule of its threads and every value that the language's memory
//! model lets a load return. What it runs is the engine as it is, but for
//!
//! * [`sync`]: Loom's atomics, cells and locks;
//! * nodes of four slots, so that a handful of entries makes a tree of two or three levels, and the portable search;
//! * `node.rs` here: what touches the memory of a node as a whole, which with Loom's objects has to be done one by one;
//! * `pool.rs` here: each node is memory of its own.
//!
//! **What a model can see.** Loom knows the accesses to its own objects, so what must not be looked at too early or too late has one: the pivots
//! of a node, which are looked at with each look at a slot, and written to when the node is made and when it becomes free
//! (`NodeRef::assert_gone`); and the value of an entry, which is written to when it is made and when it is dropped. "Causality violation" is Loom's
//! word for an access that is not ordered. What a reader finds is compared with what it may find; at the end every node has been given back and
//! every entry dropped, each once.
//!
//! **Broken on purpose.** Each model runs as it is, and again with one step of the engine taken away or weakened at a time
//! ([`Weak`](sync::Weak)), which it has to notice: a model that passes whatever the code does proves nothing.

pub(crate) mod sync;

#[cfg(test)]
mod entry;
#[cfg(test)]
mod flavour;
#[cfg(test)]
mod world;

#[cfg(test)]
mod copy;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod reclaim;
#[cfg(test)]
mod remove;
