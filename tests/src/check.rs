//! A face compared with the model.

use crate::face::{Face, Rest, Scan};
use crate::model::{Bounds, Model};
use core::fmt::Debug;
use core::ops::Bound;

/// Every index.
pub const ALL: Bounds = (Bound::Unbounded, Bound::Unbounded);

/// Only from the front.
pub const FORWARD: u64 = 0;
/// Only from the back.
pub const BACKWARD: u64 = !0;
/// In turn, the front first.
pub const ALTERNATING: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// Takes all of `scan` from both ends, bit `n % 64` of `turns` saying which end call `n` takes
/// from, and compares with `want`; then it must stay at its end.
pub fn drain<T: Copy + Debug + PartialEq>(scan: Scan<'_, T>, want: &[T], turns: u64) {
    let mut want = want.iter().copied();
    for call in 0.. {
        let (low, high) = scan.size_hint();
        assert!(low <= want.len(), "size hint {low} with {} left", want.len());
        assert!(high.is_none_or(|high| high >= want.len()), "size hint {high:?}");
        let (end, seen, wanted) = match turns >> (call % 64) & 1 {
            0 => ("next", scan.next(), want.next()),
            _ => ("next_back", scan.next_back(), want.next_back()),
        };
        assert_eq!(seen, wanted, "{end}, call {call}");
        if seen.is_none() {
            break;
        }
    }
    assert_eq!([scan.next(), scan.next_back(), scan.next()], [None; 3], "behind the end");
}

/// Nodes of 16 slots for a tree with these entries and gaps, when every node is full but the last of each level.
pub fn nodes_when_full(model: &Model) -> usize {
    let mut nodes = if model.is_empty() { 0 } else { (model.len() + model.gaps(ALL).len()).div_ceil(16) };
    let mut all = nodes;
    while nodes > 1 {
        nodes = nodes.div_ceil(16);
        all += nodes;
    }
    all
}

/// Compares the counts that cost little, and validates.
pub fn agree_in_short<F: Face>(face: &F, model: &Model) {
    assert_eq!(face.validate().entries, model.len(), "entries that the validator counts");
    assert_eq!(face.is_empty(), model.is_empty(), "is_empty");
    assert_eq!(face.first(), model.first(), "first");
    assert_eq!(face.last(), model.last(), "last");
}

/// Compares every look-up at `index`, just before it and just behind it.
pub fn agree_at<F: Face>(face: &F, model: &Model, index: u64) {
    let around = [index.saturating_sub(1), index, index.saturating_add(1)];
    assert_eq!(face.get_many(around), around.map(|index| model.get(index)), "get_many({around:?})");
    for index in around {
        let (range, value) = model.get_range(index);
        assert_eq!(face.get(index), value, "get({index})");
        assert_eq!(face.get_range(index), (range, value), "get_range({index})");
        assert_eq!(face.contains(index), value.is_some(), "contains({index})");
    }
}

/// Compares what is left of `range(bounds)` after some calls, taken whole; see [`Face::rest`].
pub fn agree_on_rest<F: Face>(face: &F, model: &Model, bounds: Bounds, calls: usize, turns: u64) {
    let want = Rest::of(model.range(bounds).into_iter(), calls, turns);
    assert_eq!(face.rest(bounds, calls, turns), want, "rest({bounds:?}, {calls}, {turns:#b})");
}

/// Compares `range(bounds)` and `gaps(bounds)`, each end taken as `turns` says.
pub fn agree_within<F: Face>(face: &F, model: &Model, bounds: Bounds, turns: u64) {
    face.scan(bounds, |scan| drain(scan, &model.range(bounds), turns));
    face.scan_gaps(bounds, |scan| drain(scan, &model.gaps(bounds), turns));
}

/// Compares everything that can be seen from outside.
pub fn agree<F: Face>(face: &F, model: &Model) {
    agree_in_short(face, model);
    for turns in [FORWARD, BACKWARD, ALTERNATING] {
        face.scan_all(|scan| drain(scan, model.items(), turns));
        agree_within(face, model, ALL, turns);
    }
    let taken = model.len() / 2;
    for rest in face.scan_twice(ALL, taken) {
        assert_eq!(rest, &model.items()[taken..], "an iterator and its clone");
    }
    for index in [0, u64::MAX / 2, u64::MAX] {
        agree_at(face, model, index);
    }
    for &(first, last, _) in model.items() {
        agree_at(face, model, first);
        agree_at(face, model, last);
    }
}
