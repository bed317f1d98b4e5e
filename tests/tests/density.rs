//! How many nodes trees have after many changes, compared with as few as there could be. What siblings share and when they are merged, how trees
//! that grow at their end are filled: without these a tree answers the same, from more memory.

use maple_tests::shapes::Rng;
use maple_tree::{Grace, MapleTree, RangeMap};

/// A tree in which ranges are stored and erased.
trait Grown {
    fn store(&mut self, first: u64, last: u64);
    fn erase(&mut self, index: u64);
    fn remove(&mut self, first: u64, last: u64);
    fn nodes(&self) -> usize;
    /// With every node filled.
    fn fewest(&self) -> usize;
}

impl Grown for RangeMap<u32> {
    fn store(&mut self, first: u64, last: u64) {
        RangeMap::store(self, first..=last, 1).expect("memory");
    }

    fn erase(&mut self, index: u64) {
        RangeMap::erase(self, index);
    }

    fn remove(&mut self, first: u64, last: u64) {
        RangeMap::remove(self, first..=last).expect("memory");
    }

    fn nodes(&self) -> usize {
        self.validate().expect("valid").nodes
    }

    fn fewest(&self) -> usize {
        RangeMap::from_iter(self.iter()).nodes()
    }
}

impl Grown for MapleTree<u32, Grace> {
    fn store(&mut self, first: u64, last: u64) {
        MapleTree::store(self, first..=last, 1).expect("memory");
    }

    fn erase(&mut self, index: u64) {
        MapleTree::erase(self, index);
    }

    fn remove(&mut self, first: u64, last: u64) {
        MapleTree::remove(self, first..=last).expect("memory");
    }

    fn nodes(&self) -> usize {
        self.validate().expect("valid").nodes
    }

    fn fewest(&self) -> usize {
        let guard = self.pin();
        RangeMap::from_iter(self.iter(&guard)).nodes()
    }
}

/// Nodes for a hundred that there could be as few as, on the average of what `change` makes of a tree every now and then.
fn percent<T: Grown>(tree: &mut T, mut change: impl FnMut(&mut T, &mut Rng)) -> usize {
    let (mut nodes, mut fewest) = (0, 0);
    let mut rng = Rng(7);
    for round in 0..20 {
        (0..3_000).for_each(|_| change(tree, &mut rng));
        if round >= 10 {
            nodes += tree.nodes();
            fewest += tree.fewest();
        }
    }
    nodes * 100 / fewest
}

/// Half of 4,000 places hold something, each now and then.
fn erased_and_stored<T: Grown>(tree: &mut T) -> usize {
    let mut there = vec![false; 4_000];
    percent(tree, |tree, rng| {
        let place = rng.below(4_000);
        let there = &mut there[place as usize];
        if *there {
            tree.erase(place * 10)
        } else {
            tree.store(place * 10, place * 10 + 5)
        }
        *there = !*there;
    })
}

/// Ranges of any length, over one another, and holes in them.
fn overwritten<T: Grown>(tree: &mut T) -> usize {
    percent(tree, |tree, rng| {
        let first = rng.below(40_000);
        let longest = if rng.below(50) == 0 { 3_000 } else { 30 };
        let last = first + rng.below(longest);
        if rng.below(3) == 0 { tree.remove(first, last) } else { tree.store(first, last) }
    })
}

/// Places in the order of `places`, each once.
fn filled<T: Grown>(tree: &mut T, places: impl Iterator<Item = u64>, length: u64) -> usize {
    places.for_each(|place| tree.store(place * 10, place * 10 + length - 1));
    tree.nodes() * 100 / tree.fewest()
}

fn any_order(count: u64) -> Vec<u64> {
    let mut places = Vec::from_iter(0..count);
    Rng(3).shuffle(&mut places);
    places
}

/// The figures are those of these numbers, which are the same on every machine, with a little room.
fn stays_dense<T: Grown>(tree: fn() -> T, [erased, overwrote]: [usize; 2]) {
    let percent = erased_and_stored(&mut tree());
    assert!(percent <= erased, "erased and stored: {percent} %");
    let percent = overwritten(&mut tree());
    assert!(percent <= overwrote, "overwritten: {percent} %");
    for length in [5, 10] {
        let percent = filled(&mut tree(), 0..6_000, length);
        assert_eq!(percent, 100, "ranges of {length} in ascending order");
        let percent = filled(&mut tree(), (0..6_000).rev(), length);
        assert!(percent <= 107, "ranges of {length} in descending order: {percent} %");
        let percent = filled(&mut tree(), any_order(6_000).into_iter(), length);
        assert!(percent <= 125, "ranges of {length} in any order: {percent} %");
    }
}

#[test]
fn maps_stay_dense() {
    stays_dense(RangeMap::new, [137, 122]);
}

#[test]
fn trees_stay_dense() {
    stays_dense(MapleTree::<u32, Grace>::default, [150, 122]);
}
