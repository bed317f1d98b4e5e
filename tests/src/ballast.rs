//! Taking nodes out of the pool, so that an operation which needs more has to ask the allocator.

use maple_tree::{Pool, Reserve};

/// Reserves that keep all but a few nodes of the pool, so that an operation which needs more has to ask the allocator.
#[derive(Debug)]
pub struct Ballast(Vec<Reserve>);

impl Default for Ballast {
    fn default() -> Self {
        Self::new()
    }
}

impl Ballast {
    /// None yet.
    pub fn new() -> Self {
        Ballast(Vec::with_capacity(100))
    }

    /// Nodes in it.
    pub fn nodes(&self) -> usize {
        self.0.iter().map(|reserve| reserve.figures().free).sum()
    }

    /// Leaves exactly `free` nodes in the pool, and the global reserve full.
    pub fn leave(&mut self, free: usize) {
        Reserve::global().fill().expect("memory for the reserve");
        while Pool::global().figures().nodes_free < free {
            if self.0.pop().is_none() {
                // A slab more.
                Reserve::new(Pool::global().figures().nodes_free + 1).fill().expect("memory for ballast");
            }
        }
        while Pool::global().figures().nodes_free > free {
            // In pieces that are smaller than a slab, so that none brings a slab of its own.
            let reserve = Reserve::new((Pool::global().figures().nodes_free - free).min(100));
            reserve.fill().expect("memory for ballast");
            self.0.push(reserve);
        }
        assert_eq!(Pool::global().figures().nodes_free, free);
    }
}

/// Nodes that are in use but not idle (in a reserve, or to spare in a tree): nodes of trees, and retired ones.
pub fn busy(ballast: &Ballast, spare: usize) -> usize {
    Pool::global().figures().nodes_in_use - ballast.nodes() - spare - Reserve::global().figures().free
}
