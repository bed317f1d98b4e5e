//! Trees of all makes for the tests of removal, and what a prune may cost.

use std::sync::Arc;

use maple_tree::{Epoch, MapleTree, PruneForm, Pruned, RangeMap, Rcu, Reserve};

use crate::counted::{Kind, Ledger};
use crate::shapes::{Rng, Row, build, build_loose, settle};

/// A reserve without nodes: trees that use it have only what is their own.
pub static NOTHING: Reserve = Reserve::new(0);

/// A way to prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Whole entries, by path copy if there are nodes.
    Prune,
    /// Whole entries, in place.
    InPlace,
    /// Up to the index, cutting an entry there.
    Cut,
}

/// How a tree came about.
#[derive(Debug, Clone, Copy)]
pub enum Make {
    /// Stored in order.
    Tight,
    /// Stored in random order among others that were erased again.
    Loose(u64),
    /// A copy, which has the nodes for its own prune.
    Copy,
}

/// Rows, and the books over their values.
#[derive(Debug)]
pub struct Fixture {
    /// The books.
    pub ledger: Arc<Ledger>,
    /// What the trees hold.
    pub rows: Vec<Row>,
}

impl Fixture {
    /// Trees with these rows.
    pub fn new(rows: Vec<Row>) -> Self {
        Fixture { ledger: Ledger::new(rows.len().max(1)), rows }
    }

    /// An exclusive map.
    pub fn map<K: Kind>(&self, make: Make) -> RangeMap<K::V> {
        let map = match make {
            Make::Tight => build::<K>(&self.ledger, &self.rows),
            Make::Loose(seed) => build_loose::<K>(&self.ledger, &self.rows, seed),
            Make::Copy => build::<K>(&self.ledger, &self.rows).dup().expect("memory for a copy"),
        };
        settle_if_retired();
        map
    }

    /// A tree that has no node at hand, neither of its own nor in its reserve.
    pub fn poor_tree<K: Kind>(&self, loose: bool) -> MapleTree<K::V> {
        let tree = MapleTree::with_reserve(&NOTHING);
        let mut order = self.rows.clone();
        if loose {
            Rng(5).shuffle(&mut order);
        }
        let store = |lo: u64, hi: u64, id: u64| {
            tree.store(lo..=hi, K::make(&self.ledger, id)).expect("memory for a test tree");
        };
        order.iter().for_each(|&(lo, hi, id)| store(lo, hi, id));
        // Use spare nodes up: entries past the end that are pruned again, one by one.
        let end = self.rows.last().map_or(0, |row| row.1) + 100;
        (0..120).for_each(|step| store(end + 2 * step, end + 2 * step, 0));
        for step in (0..120).rev().take_while(|_| tree.figures().spare > 0) {
            tree.prune(end + 2 * step);
        }
        tree.prune_in_place(end);
        tree.synchronize().expect("not inside a read section");
        assert_eq!(tree.figures().spare, 0, "all spare nodes are used up");
        tree
    }

    /// Values of entries, not counting the ids of extras that a loose tree had.
    #[track_caller]
    pub fn assert_alive<K: Kind>(&self, count: usize) {
        if K::COUNTED {
            assert_eq!(self.ledger.live(), i64::try_from(count).expect("fits"), "values alive");
        }
    }
}

/// Releases what the drop of an `RcuArc` retired.
pub fn settle_if_retired() {
    if !Epoch::retired().is_empty() {
        settle();
    }
}

/// What a prune of a tree of this height may cost.
#[track_caller]
pub fn bounds(pruned: Pruned, height: usize, form: Form) {
    match pruned.form {
        PruneForm::Nothing => assert_eq!((pruned.nodes_taken, pruned.nodes_retired, pruned.slot_stores), (0, 0, 0)),
        PruneForm::PathCopy => {
            assert_ne!(form, Form::InPlace);
            assert!(pruned.nodes_taken <= height, "{pruned:?} at height {height}");
            if form == Form::Prune {
                assert!(pruned.nodes_retired >= pruned.nodes_taken, "{pruned:?} frees less than it takes");
            }
        }
        PruneForm::InPlace => {
            assert_eq!(pruned.nodes_taken, 0, "in place needs no node");
            assert!((1..=15 * height).contains(&pruned.slot_stores), "{pruned:?} at height {height}");
        }
    }
}
