use super::*;
use crate::peers::{Brie, Concread, Imbl, Locked, Ranges, Scc, Skip};
use maple_tree::{MapleTree, RangeMap};

const COUNT: u64 = 500;

/// Every change that all subjects know, at random places.
fn changed<S: Subject>(shape: Shape) -> S {
    let mut subject = S::of(shape.shuffled(COUNT).into_iter());
    let mut rng = Rng::new(7);
    for n in 0..2_000 {
        let first = shape.first(rng.below(COUNT));
        let (span, hole) = ((first, first + (PAGE - 1)), (first + 0x400, first + 0x7ff));
        match n % 3 {
            0 => subject.apply(Change::Replace(first + rng.below(PAGE), COUNT + n)),
            1 => {
                subject.apply(Change::Erase(span));
                subject.apply(Change::Build(span, COUNT + n));
            }
            _ => {
                subject.apply(Change::Punch(span, hole));
                subject.apply(Change::Restore(span, hole, COUNT + n));
            }
        }
    }
    // Some stay erased, some keep their hole.
    for n in (0..COUNT).step_by(7) {
        let first = shape.first(n);
        let span = (first, first + (PAGE - 1));
        if n % 2 == 0 {
            subject.apply(Change::Erase(span));
        } else {
            subject.apply(Change::Punch(span, (first + 0x400, first + 0x7ff)));
        }
    }
    subject
}

fn check<S: Subject>(expected: &Peer, shape: Shape) {
    let subject = changed::<S>(shape);
    assert_eq!(subject.contents(), expected.contents(), "{}", S::NAME);
    let mut each = Vec::new();
    subject.for_each(|span, value| each.push((span, value)));
    assert_eq!(each, expected.contents(), "{}", S::NAME);

    let reader = subject.read();
    let mut rng = Rng::new(9);
    // Past both ends, too.
    let mut index = || shape.first(0) - PAGE + rng.below(shape.first(COUNT) - shape.first(0) + 2 * PAGE);
    for _ in 0..4_000 {
        let index = index();
        assert_eq!(S::load(&reader, index), expected.get(index), "{} at {index:#x}", S::NAME);
    }
    let many = core::array::from_fn(|_| index());
    let sum: u64 = many.into_iter().filter_map(|index| expected.get(index)).sum();
    assert_eq!(S::load_many(&reader, many), sum, "{}", S::NAME);
}

#[test]
fn subjects_agree() {
    for shape in Shape::ALL {
        let peer = changed::<Peer>(shape);
        assert!(peer.contents().len() > 400, "{} entries are left", peer.contents().len());
        check::<RangeMap<U61>>(&peer, shape);
        check::<MapleTree<U61>>(&peer, shape);
        check::<MapleTree<U61, maple_tree::Grace>>(&peer, shape);
        check::<Locked>(&peer, shape);
        check::<Ranges>(&peer, shape);
        check::<Skip>(&peer, shape);
        check::<Scc>(&peer, shape);
        check::<Concread>(&peer, shape);
        check::<Brie>(&peer, shape);
        check::<Imbl>(&peer, shape);
    }
}

/// What only range tables know: overwriting, holes anywhere, copies, cuts.
fn overwritten<S: RangeTable>(shape: Shape) -> Vec<(Span, u64)> {
    let mut subject = changed::<S>(shape);
    let mut rng = Rng::new(8);
    for n in 0..500 {
        let first = shape.first(0) + rng.below(shape.first(COUNT) - shape.first(0));
        let span = (first, first + rng.below(3 * PAGE));
        if n % 3 == 0 { subject.remove(span) } else { subject.store(span, n) }
    }
    for (n, span) in (400..COUNT).zip(shape.range(400..COUNT)) {
        subject.store(span, n);
    }
    // One that reaches into the part that is cut off in the end would stay whole there, or not.
    subject.remove((shape.first(400) - PAGE, shape.first(400) - 1));
    subject.erase_tail(shape, 450..COUNT);
    let mut copy = subject.copy();
    assert_eq!(copy.contents(), subject.contents(), "a copy is the same");
    drop(copy.cut(shape.first(420)));
    copy.contents()
}

#[test]
fn range_tables_agree() {
    for shape in Shape::ALL {
        let peer = overwritten::<Peer>(shape);
        assert!(peer.len() > 100 && peer.last().is_some_and(|last| last.1 == 419), "{peer:?}");
        assert_eq!(overwritten::<RangeMap<U61>>(shape), peer);
        assert_eq!(overwritten::<MapleTree<U61>>(shape), peer);
    }
}

#[test]
fn bulk_builds_agree() {
    for shape in Shape::ALL {
        let spans = || shape.spans(COUNT).zip(0..);
        let peer = Peer::filled(shape, COUNT).contents();
        assert_eq!(Peer::bulk(spans()).contents(), peer);
        assert_eq!(RangeMap::bulk(spans()).contents(), peer);
        assert_eq!(MapleTree::bulk(spans()).contents(), peer);
        assert_eq!(Concread::filled(shape, COUNT).contents(), peer);
        assert_eq!(Imbl::filled(shape, COUNT).contents(), peer);
    }
}

#[test]
fn replays_agree() {
    let recordings = replay::recordings();
    assert!(recordings.len() > 5 && recordings.iter().all(|recording| recording.steps.len() > 100), "{}", recordings.len());
    for recording in recordings {
        let (mut peer, mut map, mut tree): (Peer, RangeMap<U61>, MapleTree<U61>) =
            (recording.begin(), recording.begin(), recording.begin());
        recording.run(&mut peer);
        recording.run(&mut map);
        recording.run(&mut tree);
        assert!(peer.contents().len() > 10);
        assert_eq!(map.contents(), peer.contents());
        assert_eq!(tree.contents(), peer.contents());
    }
}

#[test]
fn first_fits_agree() {
    let mut peer = Peer::of(holes::spans(COUNT));
    let mut map = RangeMap::of(holes::spans(COUNT));
    let mut tree = MapleTree::of(holes::spans(COUNT));
    let mut ranges = Ranges::of(holes::spans(COUNT));
    let mut found = Vec::new();
    for (size, value) in holes::sizes(COUNT).into_iter().zip(COUNT..) {
        let fit = peer.first_fit(size);
        assert_eq!(map.first_fit(size), fit, "{size:#x}");
        assert_eq!(tree.first_fit(size), fit, "{size:#x}");
        assert_eq!(ranges.first_fit(size), fit, "{size:#x}");
        found.extend(fit);
        // Every second one is freed again.
        let free = |first: Option<u64>| first.filter(|_| value % 2 == 0).map(|first| Change::Erase((first, first + (size - 1))));
        assert_eq!(peer.allocate(size, value), fit);
        assert_eq!(map.allocate(size, value), fit);
        assert_eq!(tree.allocate(size, value), fit);
        assert_eq!(ranges.allocate(size, value), fit);
        if let Some(change) = free(fit) {
            peer.apply(change);
            map.apply(change);
            tree.apply(change);
            ranges.apply(change);
        }
    }
    assert_eq!(map.contents(), peer.contents());
    assert_eq!(tree.contents(), peer.contents());
    assert_eq!(ranges.contents(), peer.contents());
    found.sort_unstable();
    found.dedup();
    assert!(found.len() > 20, "the fits are spread: {found:?}");
}

#[test]
fn hits_hit() {
    for shape in Shape::ALL {
        let peer = Peer::filled(shape, 100);
        assert!(shape.hits(100).into_iter().all(|index| peer.get(index).is_some()));
    }
}

#[test]
fn limits_take_time() {
    let spans: Vec<Span> = Shape::Adjacent.spans(COUNT).collect();
    let (map, hits) = (RangeMap::<U61>::of(spans.iter().copied()), Shape::Adjacent.hits(COUNT));
    let mut limits: [Box<dyn FnMut(u64) -> std::time::Duration>; 5] = [
        Box::new(limits::walk(&spans)),
        Box::new(limits::fill(&spans)),
        Box::new(limits::find_and_shift(&map, COUNT, &hits, 2)),
        Box::new(limits::copy_and_publish(3)),
        Box::new(limits::pass_a_word()),
    ];
    for limit in &mut limits {
        assert!(!limit(1_000).is_zero());
    }
}
