//! Maps that are divided and joined: how high the parts are, what they know of free space, which nodes they count, and that the reserve is full
//! afterwards.

use allocator_api2::alloc::Global;
use maple_tree::{AppendError, Pool, RangeMap, Reserve};

/// Entries of six indices, ten apart.
fn map(reserve: &'static Reserve, count: u64) -> RangeMap<u32> {
    let mut map = RangeMap::with_reserve(reserve);
    (0..count).for_each(|n| map.store(n * 10..=n * 10 + 5, 1).expect("memory"));
    map
}

/// What a search finds, with the figures that there are, is what there is.
#[track_caller]
fn searched(map: &mut RangeMap<u32>) {
    map.validate().expect("valid");
    let mut longest: Option<(u64, u64)> = None;
    for (first, last) in map.gaps(..).map(std::ops::RangeInclusive::into_inner) {
        if longest.is_none_or(|(start, end)| end - start < last - first) {
            longest = Some((first, last));
        }
    }
    assert_eq!(map.largest_gap(..).map(std::ops::RangeInclusive::into_inner), longest);
    map.validate().expect("valid");
}

#[test]
fn parts_know_their_free_space() {
    // Gaps of whole leaves and of more, in which a border may lie, too.
    for (count, hole) in [(5_000, 0..0), (400, 300..900), (400, 600..3_995), (60, 160..400)] {
        for at in (0..count * 10 + 20).step_by(if count < 1_000 { 55 } else { 5_995 }) {
            let mut low = map(Reserve::global(), count);
            low.remove_whole(hole.clone());
            searched(&mut low);
            let entries = low.validate().expect("valid").entries;
            let mut high = low.split_off(at).expect("memory");
            let taken = high.figures().nodes_taken;
            for part in [&mut low, &mut high] {
                searched(part);
            }
            let [before, behind] = [&low, &high].map(|part| part.validate().expect("valid").entries);
            assert!(before + behind == entries || before + behind == entries + 1);
            if before > 0 && behind > 0 {
                assert!(0 < taken && taken <= 5, "a node a level and one more: {taken}");
            }
            low.append(&mut high).expect("one behind the other");
            searched(&mut low);
            searched(&mut high);
            assert_eq!((low.validate().expect("valid").entries, high.is_empty()), (before + behind, true));
        }
    }
}

/// A root with a single child gives way to it. Seven entries and the gaps before them are fourteen slots: one leaf, with room for the tail.
#[test]
fn parts_are_as_high_as_they_need() {
    let height = map(Reserve::global(), 5_000).figures().height;
    assert!(height > 3);
    for kept in (1..=40).chain(4_960..5_000) {
        let mut low = map(Reserve::global(), 5_000);
        let high = low.split_off(kept * 10).expect("memory");
        let heights = [&low, &high].map(|part| part.validate().expect("valid").height);
        assert!(kept > 7 || heights[0] == 1, "{kept} entries on {} levels", heights[0]);
        assert!(kept < 4_995 || heights[1] <= 2, "{} entries on {} levels", 5_000 - kept, heights[1]);
    }
}

/// The nodes go from one map to the other as they are, with what they know of free space, whichever of the two was searched.
#[test]
fn an_empty_map_takes_what_is_known_of_free_space() {
    for (searched_before, searched_other) in [(false, true), (true, false), (true, true)] {
        let (mut one, mut other) = (map(Reserve::global(), 60), map(Reserve::global(), 300));
        if searched_before {
            searched(&mut one);
        }
        (0..60).for_each(|n| assert!(one.erase(n * 10).is_some()));
        if searched_other {
            searched(&mut other);
        }
        one.append(&mut other).expect("nothing is in the way");
        one.validate().expect("valid");
        one.store(2_000..=2_700, 2).expect("memory");
        searched(&mut one);
    }
}

/// What may ask for memory fills the reserve, also where all went well without.
#[test]
fn a_division_and_a_join_fill_the_reserve() {
    let pool = &*Box::leak(Box::new(Pool::new(&Global)));
    let reserve = &*Box::leak(Box::new(Reserve::with_pool(8, pool)));
    let mut low = map(reserve, 300);
    let mut wanted = 8;
    let mut more = || {
        wanted += 1;
        reserve.set_capacity(wanted);
        assert!(reserve.figures().free < wanted);
        wanted
    };
    let wanted = more();
    let mut high = low.split_off(1_000).expect("memory");
    assert_eq!(reserve.figures().free, wanted, "a division");
    let wanted = more();
    low.append(&mut high).expect("one behind the other");
    assert_eq!(reserve.figures().free, wanted, "a join");
    let wanted = more();
    let mut other = map(reserve, 0);
    let _ = other.append(&mut low.dup().expect("memory"));
    assert!(matches!(low.append(&mut other), Err(AppendError::Overlap { .. })));
    assert_eq!(reserve.figures().free, wanted, "a join that was refused");
    let wanted = more();
    low.cursor_mut().store(7..=8, 3).expect("memory");
    assert_eq!(reserve.figures().free, wanted, "a store by a cursor");
    let wanted = more();
    low.store_with(3..=25, 3, |_| {}).expect("memory");
    assert_eq!(reserve.figures().free, wanted, "a store that hands out what it displaces");
}
