//! Figures of one tree.

use crate::node::Root;
use crate::owner::Owner;

/// Figures of one tree.
///
/// ```
/// let map = maple_tree::RangeMap::from_iter([(10..20, 'a'), (30..40, 'b')]);
/// let figures = map.figures();
/// assert_eq!((figures.height, figures.retired), (1, 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TreeFigures {
    /// Levels of nodes; 0 for an empty tree.
    pub height: usize,
    /// Nodes ever built for this tree.
    pub nodes_taken: u64,
    /// Free nodes the tree has at hand, with those that are earmarked.
    pub spare: usize,
    /// Of those, nodes that are left for the tree's own prune.
    pub earmarked: usize,
    /// Nodes, and whole removed sub-trees, each counted once, that wait for a grace period and were not handed over yet.
    pub retired: usize,
}

impl TreeFigures {
    pub(crate) fn of(root: &Root, owner: &Owner) -> Self {
        Self {
            height: root.load().map_or(0, |(_, level)| level + 1),
            nodes_taken: owner.nodes_taken,
            spare: owner.stock.len(),
            earmarked: owner.stock.earmarked(),
            retired: owner.retired(),
        }
    }
}
