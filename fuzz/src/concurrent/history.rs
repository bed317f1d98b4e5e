//! What was in the tree when, and whether a reader could see what it saw.

use super::{Made, Seen, Window};
use maple_tests::{Item, Model, Span};

/// The tree after each change.
pub(super) struct History(pub(super) Vec<Model>);

impl History {
    pub(super) fn of(start: Model, mut made: Vec<Made>) -> Self {
        made.sort_unstable_by_key(|made| made.number);
        let mut states = vec![start];
        for (at, made) in made.into_iter().enumerate() {
            assert_eq!(made.number, at + 1, "one number for each change");
            let mut model = states[at].clone();
            let (gave, went) = made.change.model(made.number, &mut model);
            assert_eq!((made.gave, made.went), (gave, went), "change {}: {:?}", made.number, made.change);
            states.push(model);
        }
        Self(states)
    }

    fn during(&self, (before, after): Window) -> &[Model] {
        &self.0[before..=after]
    }

    /// Entries within `bounds` that were there all the time.
    fn throughout(&self, window: Window, bounds: Span) -> Vec<Item> {
        let states = self.during(window);
        let mut items = states[0].range(bounds.0..=bounds.1);
        items.retain(|item| states.iter().all(|state| state.covering(item.0) == Some(*item)));
        items
    }

    fn was_there(&self, window: Window, item: Item) -> bool {
        self.during(window).iter().any(|state| state.covering(item.0) == Some(item))
    }

    /// Whether each index of `gap` was free at some time, index by index.
    fn was_free(&self, window: Window, gap: Span) -> bool {
        let mut free: Vec<Span> = self.during(window).iter().flat_map(|state| state.gaps(gap.0..=gap.1)).collect();
        free.sort_unstable();
        let mut next = Some(gap.0);
        for (first, last) in free {
            match next {
                Some(index) if first <= index && index <= last => next = last.checked_add(1),
                _ => {}
            }
        }
        next.is_none_or(|index| index > gap.1)
    }

    /// Whether what was seen could be seen.
    pub(super) fn judge(&self, window: Window, seen: &Seen) {
        let states = self.during(window);
        let because = || format!("{seen:?} between changes {window:?}");
        match *seen {
            Seen::Value(at, value) => assert!(states.iter().any(|state| state.get(at) == value), "{}", because()),
            Seen::Range(at, range, Some(value)) => {
                assert!(states.iter().any(|state| state.get_range(at) == (range, Some(value))), "{}", because());
            }
            Seen::Range(at, range, None) => {
                assert!(range.0 <= at && at <= range.1 && self.was_free(window, range), "{}", because());
            }
            Seen::End(last, found) => {
                let stayed = self.throughout(window, (0, u64::MAX));
                let stayed = if last { stayed.last() } else { stayed.first() };
                match (found, stayed) {
                    (None, stayed) => assert_eq!(stayed, None, "{}", because()),
                    (Some(found), stayed) => {
                        assert!(self.was_there(window, found), "{}", because());
                        let beyond = stayed.is_some_and(|stayed| if last { stayed.0 > found.1 } else { stayed.1 < found.0 });
                        assert!(!beyond, "{}, and {stayed:?} was there", because());
                    }
                }
            }
            Seen::Empty(true) => assert_eq!(self.throughout(window, (0, u64::MAX)), [], "{}", because()),
            Seen::Empty(false) => assert!(states.iter().any(|state| !state.is_empty()), "{}", because()),
            Seen::Items(bounds, ref items, whole) => {
                assert!(items.windows(2).all(|pair| pair[0].0.1 < pair[1].0.0), "order: {}", because());
                for &(item, begun) in items {
                    assert!(self.was_there((window.0, begun), item), "{item:?} was not there: {}", because());
                    assert!(item.0 <= bounds.1 && bounds.0 <= item.1, "{item:?} is outside: {}", because());
                }
                // Of one that was given up, up to where it came.
                let reach = match (items.first(), items.last()) {
                    _ if whole => bounds,
                    (Some(first), Some(last)) => (first.0.0, last.0.1),
                    _ => return,
                };
                for item in self.throughout(window, reach) {
                    let times = items.iter().filter(|(other, _)| *other == item).count();
                    assert_eq!(times, 1, "{item:?} was there all the time: {}", because());
                }
            }
            Seen::Gaps(bounds, ref gaps) => {
                assert!(gaps.windows(2).all(|pair| pair[0].1 < pair[1].0), "order: {}", because());
                for &gap in gaps {
                    assert!(bounds.0 <= gap.0 && gap.1 <= bounds.1 && self.was_free(window, gap), "{gap:?}: {}", because());
                }
                for index in bounds.0..=bounds.1 {
                    let free = states.iter().all(|state| !state.contains(index));
                    let there = gaps.iter().any(|gap| gap.0 <= index && index <= gap.1);
                    assert!(there || !free, "{index} was free all the time: {}", because());
                }
            }
        }
    }
}
