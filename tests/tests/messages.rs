//! What errors say. A value that comes back in one needs neither `Debug` nor `Display`.

use core::fmt::Debug;
use core::ops::Bound;
use maple_tree::{
    AllocRangeErrorKind, AppendError, BadRange, CursorErrorKind, Cyclic, DupError, FindError, InsertErrorKind, Invalid,
    InvalidKind, RangeMap, RemoveError, ReplaceErrorKind, StoreErrorKind, WouldCut,
};

const BAD: BadRange = BadRange { start: Bound::Excluded(9), end: Bound::Included(5) };
const BAD_SAYS: &str = "the range from 9 (excluded) to 5 (included) holds no index";
const OUT_OF_MEMORY: &str = "out of memory";

#[track_caller]
fn says(error: impl core::error::Error, text: &str) {
    assert_eq!(error.to_string(), text, "{error:?}");
}

#[test]
fn ranges() {
    says(BAD, BAD_SAYS);
    let all = BadRange { start: Bound::Unbounded, end: Bound::Unbounded };
    says(all, "the range from the beginning to the end holds no index");
}

/// What the error of a call with a value says is what its kind does.
#[test]
fn kinds() {
    #[track_caller]
    fn kind_says(kind: impl ToString + Debug, text: &str) {
        assert_eq!(kind.to_string(), text, "{kind:?}");
    }
    kind_says(StoreErrorKind::OutOfMemory, OUT_OF_MEMORY);
    kind_says(StoreErrorKind::BadRange(BAD), BAD_SAYS);
    kind_says(InsertErrorKind::OutOfMemory, OUT_OF_MEMORY);
    kind_says(InsertErrorKind::BadRange(BAD), BAD_SAYS);
    kind_says(InsertErrorKind::Occupied(10..=19), "the entry at 10..=19 is in the way");
    kind_says(ReplaceErrorKind::OutOfMemory, OUT_OF_MEMORY);
    kind_says(ReplaceErrorKind::Vacant(20..=29), "no entry to replace in the gap 20..=29");
    kind_says(CursorErrorKind::OutOfMemory, OUT_OF_MEMORY);
    kind_says(CursorErrorKind::BadRange(BAD), BAD_SAYS);
    kind_says(CursorErrorKind::NoEntry, "the cursor is on no entry");
    let outside = "the range does not lie in the gap 20..=29 that the cursor inserts into";
    kind_says(CursorErrorKind::NotInGap(Some(20..=29)), outside);
    kind_says(CursorErrorKind::NotInGap(None), "there is no gap for the cursor to insert into");
    kind_says(AllocRangeErrorKind::OutOfMemory, OUT_OF_MEMORY);
    kind_says(AllocRangeErrorKind::Find(FindError::ZeroAlign), "the alignment is zero");
}

#[test]
fn removals_searches_and_joins() {
    let cut = || WouldCut { range: 10..=19, at: 15 };
    let cut_says = "the border 15 would cut the entry at 10..=19, and no node is at hand for that";
    says(cut(), cut_says);
    says(RemoveError::OutOfMemory, OUT_OF_MEMORY);
    says(RemoveError::BadRange(BAD), BAD_SAYS);
    says(RemoveError::WouldCut(cut()), cut_says);
    says(FindError::Busy, "no free range is large enough");
    says(FindError::WindowTooSmall(5..=9), "the window 5..=9 is smaller than what is asked for");
    says(FindError::ZeroSize, "a range of no index is asked for");
    says(FindError::ZeroAlign, "the alignment is zero");
    says(FindError::BadRange(BAD), BAD_SAYS);
    says(AppendError::OutOfMemory, OUT_OF_MEMORY);
    let overlap = AppendError::Overlap { other: 5..=19, occupied: 0..=9 };
    says(overlap, "the entry at 0..=9 is in the way of the one at 5..=19");
}

#[test]
fn copies() {
    let map = RangeMap::from_iter([(10..20, Box::new(1u32)), (30..40, Box::new(2))]);
    let refused = map.try_dup_with(|_, number| if *number == 1 { Ok(Box::new(*number)) } else { Err("enough") });
    let Err(refused) = refused else { panic!("the second entry is refused") };
    assert_eq!(format!("{refused:?}"), r#"Entry { range: 30..=39, error: "enough", .. }"#);
    assert_eq!(refused.to_string(), "the copy stopped at 30..=39: enough");
    let refused = DupError::<u32, &str>::OutOfMemory;
    assert_eq!((format!("{refused:?}"), refused.to_string()), ("OutOfMemory".into(), OUT_OF_MEMORY.into()));
}

#[test]
fn broken_trees() {
    let texts = [
        (InvalidKind::PivotOrder, "pivots do not rise within the node's range"),
        (InvalidKind::PivotAfterEnd, "a pivot is in use behind an unused one"),
        (InvalidKind::SlotAfterEnd, "a slot behind the end of the node is not empty"),
        (InvalidKind::LostDead, "a dead slot that no sweep would find"),
        (InvalidKind::ReachedTwice, "the node is reached twice"),
        (InvalidKind::Untidy, "nothing alive, or gaps side by side in a tree that counts as tidy"),
        (InvalidKind::WrongGap, "a figure of free space is not so"),
        (InvalidKind::StaleHint, "the writer is not where it thinks it is"),
        (InvalidKind::OutOfMemory, "no memory for the check"),
    ];
    for (kind, text) in texts {
        says(Invalid { node: 0..=99, level: 1, slot: Some(3), kind }, &format!("node 0..=99 at level 1, slot 3: {text}"));
        says(Invalid { node: 0..=99, level: 0, slot: None, kind }, &format!("node 0..=99 at level 0: {text}"));
    }
}

/// It has no text at all.
#[derive(Clone)]
struct Mute(u32);

#[test]
fn the_value_is_not_asked() {
    let mut map = RangeMap::from_iter([(10..20, Box::new(Mute(1)))]);
    let refused = map.alloc_range(1, 12..15, 1, Box::new(Mute(2))).expect_err("it is taken");
    assert_eq!(format!("{refused:?}"), "AllocRangeError { kind: Find(Busy), .. }");
    assert_eq!((refused.to_string().as_str(), refused.value.0), ("no free range is large enough", 2));
    assert_eq!(AllocRangeErrorKind::from(refused), AllocRangeErrorKind::Find(FindError::Busy));
    let mut cyclic = Cyclic::default();
    assert_eq!(cyclic.position(), Some(0));
    let index = map.alloc_cyclic(10..30, &mut cyclic, Box::new(Mute(3)));
    assert_eq!((index.ok(), cyclic.position(), map.get(20).map(|mute| mute.0)), (Some(20), Some(21), Some(3)));
}
