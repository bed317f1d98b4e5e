//! One interface over both faces, in the terms of the [model](crate::model).

use crate::entry::Value;
use crate::map_op::MapOp;
use crate::model::{Bounds, Item, Model, Refusal, Span};
use crate::op::Op;
use crate::space::Side;
use maple_tree::{Cyclic, FindError, Summary};

mod exclusive;
mod outcome;
mod session;
mod tree;

pub use exclusive::ExclusiveFace;
pub(crate) use outcome::item;
pub use tree::TreeFace;

/// What a scan hands to the one who looks.
pub type Scan<'a, T> = &'a mut dyn DoubleEndedIterator<Item = T>;

/// What is left of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// By `fold`.
    pub folded: Vec<Item>,
    /// By `for_each`.
    pub each: Vec<Item>,
    /// By `fold` from the back.
    pub reversed: Vec<Item>,
    /// By `count`.
    pub count: usize,
    /// By `last`.
    pub last: Option<Item>,
    /// The sum of the values.
    pub sum: u64,
}

impl Rest {
    /// What is left of `scan` after some calls; see [`Face::rest`].
    pub fn of(mut scan: impl DoubleEndedIterator<Item = Item> + Clone, calls: usize, turns: u64) -> Self {
        for call in 0..calls {
            match turns >> (call % 64) & 1 {
                0 => scan.next(),
                _ => scan.next_back(),
            };
        }
        let push = |mut items: Vec<Item>, item| {
            items.push(item);
            items
        };
        let mut each = Vec::new();
        scan.clone().for_each(|item| each.push(item));
        Self {
            folded: scan.clone().fold(Vec::new(), push),
            each,
            reversed: scan.clone().rfold(Vec::new(), push),
            count: scan.clone().count(),
            last: scan.clone().last(),
            sum: scan.map(|item| item.2).sum(),
        }
    }
}

/// A range map of numbers, whichever face it has.
pub trait Face: Sized {
    /// What is stored.
    type Entry: Value;

    /// Rust code for a new one.
    fn code() -> String;

    /// Whether this is the exclusive face.
    const EXCLUSIVE: bool;

    /// A guard in Rust code.
    const GUARD: &'static str = "EpochGuard";

    /// An empty one.
    fn new() -> Self;

    /// Called before step `step` of a sequence.
    fn begin(&mut self, step: usize) {
        let _ = step;
    }

    /// How Rust code names the receiver of a writing call in step `step`.
    fn receiver(step: usize) -> &'static str {
        let _ = step;
        "tree"
    }

    /// The value at `index`.
    fn get(&self, index: u64) -> Option<u64>;
    /// The values at `indices`, looked up side by side.
    fn get_many<const N: usize>(&self, indices: [u64; N]) -> [Option<u64>; N];
    /// The range or gap around `index`.
    fn get_range(&self, index: u64) -> (Span, Option<u64>);
    /// Whether a range covers `index`.
    fn contains(&self, index: u64) -> bool;
    /// The lowest range.
    fn first(&self) -> Option<Item>;
    /// The highest range.
    fn last(&self) -> Option<Item>;
    /// Whether there is no range.
    fn is_empty(&self) -> bool;

    /// Looks at `iter()`.
    fn scan_all<T>(&self, look: impl FnOnce(Scan<'_, Item>) -> T) -> T;
    /// Looks at `range(bounds)`.
    fn scan<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Item>) -> T) -> T;
    /// Looks at `gaps(bounds)`.
    fn scan_gaps<T>(&self, bounds: Bounds, look: impl FnOnce(Scan<'_, Span>) -> T) -> T;
    /// Takes `taken` ranges off `range(bounds)`, clones it, and gives the rest of both.
    fn scan_twice(&self, bounds: Bounds, taken: usize) -> [Vec<Item>; 2];
    /// Makes `calls` calls on `range(bounds)`, bit `n % 64` of `turns` saying which end call `n` takes from, and goes through the rest in
    /// every way that takes the iterator whole.
    fn rest(&self, bounds: Bounds, calls: usize, turns: u64) -> Rest;
    /// The same for `iter()`.
    fn rest_of_all(&self, calls: usize, turns: u64) -> Rest;

    /// Overwrites.
    fn store(&mut self, range: Bounds, value: u64) -> Result<(), Refusal>;
    /// Stores one after the other until one is refused.
    fn extend(&mut self, entries: &[(Bounds, u64)]) -> Result<(), Refusal>;
    /// Stores where all is empty.
    fn insert(&mut self, range: Bounds, value: u64) -> Result<(), Refusal>;
    /// Replaces the value of the range that covers `index`.
    fn replace(&mut self, index: u64, value: u64) -> Result<Item, Refusal>;
    /// Takes out the range that covers `index`.
    fn erase(&mut self, index: u64) -> Option<Item>;
    /// Takes out the part inside.
    fn remove(&mut self, range: Bounds) -> Result<(), Refusal>;
    /// The same with no more memory than is at hand, if that is enough.
    fn remove_sparing(&mut self, range: Bounds) -> Result<(), Refusal>;
    /// Takes out every range that lies wholly inside.
    fn remove_whole(&mut self, range: Bounds);
    /// Rebuilds the nodes.
    fn compact(&mut self);
    /// Takes out everything.
    fn clear(&mut self);
    /// Takes out every range that starts at or after `from`.
    fn prune(&mut self, from: u64);
    /// The same without building a path, where the face has the choice.
    fn prune_in_place(&mut self, from: u64);
    /// Takes out everything at or after `from`.
    fn prune_cut(&mut self, from: u64);
    /// The same with memory from the allocator, where the face has the choice.
    fn prune_cut_allocating(&mut self, from: u64);

    /// The first index of the lowest or highest place.
    fn find_free(&mut self, size: u64, within: Bounds, align: u64, side: Side) -> Result<u64, FindError>;
    /// The lowest of the longest gaps.
    fn largest_gap(&mut self, within: Bounds) -> Option<Span>;
    /// Stores at the lowest or highest place.
    fn alloc_range(&mut self, size: u64, within: Bounds, align: u64, side: Side, value: u64) -> Result<u64, FindError>;
    /// Stores at the next free index.
    fn alloc_cyclic(&mut self, within: Bounds, cyclic: &mut Cyclic, value: u64) -> Result<u64, FindError>;

    /// A copy with the same face.
    fn dup(&self) -> Self;
    /// A copy through a closure that adds one to every value and fails after `good` entries:
    /// what the copy holds, and the range of the entry that failed.
    fn dup_with(&self, good: usize) -> (Vec<Item>, Option<Span>);
    /// To the other face and back.
    fn convert(self) -> Self;

    /// Stays inside a read section up to the next `synchronize`, where there is one.
    fn pin(&mut self);
    /// Ends the read section if there is one, and waits for a grace period, where there is one.
    fn synchronize(&mut self);
    /// Hands over what is retired, where there is something.
    fn hand_over(&mut self);
    /// Makes a call of the exclusive face, or its like of this one.
    fn map_op(&mut self, op: &MapOp, model: &mut Model);
    /// Makes these calls under one lock, where there is one.
    fn session(&mut self, ops: &[Op], model: &mut Model) {
        ops.iter().for_each(|op| op.run(self, model));
    }

    /// The validator's figures.
    ///
    /// # Panics
    ///
    /// If the tree is not valid.
    fn validate(&self) -> Summary;
    /// The texts of `dump` and `dot`.
    fn texts(&self) -> [String; 2];

    /// Every range in order.
    fn items(&self) -> Vec<Item> {
        self.scan_all(|items| items.collect())
    }
    /// The ranges that overlap `bounds`.
    fn range(&self, bounds: Bounds) -> Vec<Item> {
        self.scan(bounds, |items| items.collect())
    }
    /// The gaps inside `bounds`.
    fn gaps(&self, bounds: Bounds) -> Vec<Span> {
        self.scan_gaps(bounds, |gaps| gaps.collect())
    }
}

/// The shared face.
pub type SharedFace<V> = TreeFace<V, false>;

/// The shared face, with every second step through the exclusive one.
pub type MixedFace<V> = TreeFace<V, true>;

/// The shared face of the flavour that needs no memory.
pub type GraceFace<V> = TreeFace<V, false, maple_tree::Grace>;

/// The same, with every second step through the exclusive one.
pub type MixedGraceFace<V> = TreeFace<V, true, maple_tree::Grace>;

/// Runs each named function, generic over [`Face`], on every face and with every kind of entry.
/// With no name it is the number of faces.
#[macro_export]
macro_rules! on_every_face {
    () => {
        14
    };
    ($($name:ident),* $(,)?) => {
        $crate::on_every_face!(@ exclusive_u32, ExclusiveFace, u32, $($name),*);
        $crate::on_every_face!(@ exclusive_box, ExclusiveFace, Box<u64>, $($name),*);
        $crate::on_every_face!(@ exclusive_arc, ExclusiveFace, std::sync::Arc<u64>, $($name),*);
        $crate::on_every_face!(@ shared_u32, SharedFace, u32, $($name),*);
        $crate::on_every_face!(@ shared_box, SharedFace, Box<u64>, $($name),*);
        $crate::on_every_face!(@ shared_arc, SharedFace, std::sync::Arc<u64>, $($name),*);
        $crate::on_every_face!(@ shared_rcu_box, SharedFace, maple_tree::RcuBox<u64>, $($name),*);
        $crate::on_every_face!(@ shared_rcu_arc, SharedFace, maple_tree::RcuArc<u64>, $($name),*);
        $crate::on_every_face!(@ mixed_arc, MixedFace, std::sync::Arc<u64>, $($name),*);
        $crate::on_every_face!(@ grace_u32, GraceFace, u32, $($name),*);
        $crate::on_every_face!(@ grace_arc, GraceFace, std::sync::Arc<u64>, $($name),*);
        $crate::on_every_face!(@ grace_rcu_box, GraceFace, maple_tree::RcuBox<u64>, $($name),*);
        $crate::on_every_face!(@ grace_rcu_arc, GraceFace, maple_tree::RcuArc<u64, maple_tree::Grace>, $($name),*);
        $crate::on_every_face!(@ mixed_grace_box, MixedGraceFace, Box<u64>, $($name),*);
    };
    (@ $module:ident, $face:ident, $entry:ty, $($name:ident),*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name::<$crate::face::$face<$entry>>();
            })*
        }
    };
}

/// Runs each named function, generic over [`Face`], once on each face (the shared one of either flavour), with plain numbers.
#[macro_export]
macro_rules! on_both_faces {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_face!(@ exclusive, ExclusiveFace, u32, $($name),*);
        $crate::on_every_face!(@ shared, SharedFace, u32, $($name),*);
        $crate::on_every_face!(@ grace, GraceFace, u32, $($name),*);
    };
}
