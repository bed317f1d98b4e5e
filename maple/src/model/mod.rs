//! Models of the tree for Loom.

pub(crate) mod sync;

#[cfg(test)]
mod entry;
#[cfg(test)]
mod flavour;
#[cfg(test)]
mod world;

#[cfg(test)]
mod publish;
#[cfg(test)]
mod copy;
#[cfg(test)]
mod reclaim;
#[cfg(test)]
mod remove;
#[cfg(test)]
mod scratch;
