//! The marks to reach.

use core::fmt;

/// What a figure has to reach.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mark {
    /// At least this far ahead of the peer.
    pub ratio: Option<f64>,
    /// At most as many nanoseconds.
    pub nanoseconds: Option<f64>,
}

impl Mark {
    /// The mark of a metric, if it has one.
    pub fn of(metric: &str) -> Option<Self> {
        let parts: Vec<&str> = metric.split('.').collect();
        let by_size = |size: &str, small, middle, large| match size {
            "100" => Some(small),
            "10k" => Some(middle),
            _ => Some(large),
        };
        let face = |face: &str, exclusive, shared| Some(if face == "exclusive" { exclusive } else { shared });
        let mut nanoseconds = None;
        let ratio = match *parts.as_slice() {
            ["load", size, "vs_btreemap"] => by_size(size, 4.5, 3.5, 2.2),
            ["load", ..] => Some(1.0),
            ["load_pin", size, _] => by_size(size, 3.0, 3.0, 2.0),
            ["load_pin_grace", "100", _] => Some(4.0),
            ["get_many", ..] => Some(4.0),
            ["iter", "10k" | "1m", _] => Some(1.0),
            ["for_each", "10k" | "1m", _] => Some(1.5),
            ["build_asc", name, "10k" | "1m", _] => face(name, 3.0, 1.5),
            ["build_bulk", ..] => Some(3.0),
            ["build_rand" | "erase_store", name, "10k", _] => face(name, 2.0, 1.5),
            ["replace", name, "10k", _] => face(name, 2.5, 1.5),
            ["punch_restore", name, "10k", _] => face(name, 3.0, 2.5),
            ["build_rand" | "replace" | "erase_store" | "punch_restore", name, "1m", _] => face(name, 1.5, 1.2),
            ["dup", "10k", "vs_btreemap"] => Some(3.0),
            ["dup", "10k" | "1m", "vs_copy"] => Some(0.5),
            ["prune", form, percent, size @ ("10k" | "1m"), peer] => {
                nanoseconds = face(form, 1_000.0, 2_000.0);
                (percent == "50pct" && size == "1m" && peer == "vs_teardown").then_some(1_000.0)
            }
            ["memory_back", ..] => Some(1.0),
            ["readers_beside_writer", _, "10k", _] => Some(4.0),
            ["readers_beside_writer_grace", _, "10k", _] => Some(1.0),
            ["rcu", "read" | "retire", "vs_crossbeam"] => Some(2.0),
            ["rcu", "synchronize_busy", "vs_liburcu"] => Some(0.33),
            ["bytes_per_entry", ..] => Some(1.0),
            _ => None,
        };
        (ratio.is_some() || nanoseconds.is_some()).then_some(Self { ratio, nanoseconds })
    }

    /// Whether these figures reach it.
    pub fn is_met(self, ours: f64, ratio: f64) -> bool {
        self.ratio.is_none_or(|mark| ratio >= mark) && self.nanoseconds.is_none_or(|mark| ours <= mark)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio.map(|ratio| format!("{ratio:.1}"));
        let nanoseconds = self.nanoseconds.map(|nanoseconds| format!("{nanoseconds} ns"));
        let both: Vec<String> = ratio.into_iter().chain(nanoseconds).collect();
        f.pad(&both.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn marks_are_met_by_both_or_missed() {
        let mark = Mark::of("prune.shared.50pct.1m.vs_teardown").expect("it has one");
        assert_eq!(mark.to_string(), "1000.0, 2000 ns");
        assert!(mark.is_met(2_000.0, 1_000.0));
        assert!(!mark.is_met(2_001.0, 1_000.0) && !mark.is_met(2_000.0, 999.0));
        assert_eq!(Mark::of("prune.exclusive.1pct.10k.vs_split_off").map(|mark| mark.nanoseconds), Some(Some(1_000.0)));
        assert_eq!(Mark::of("prune.exclusive.1pct.100.vs_teardown"), None);
        assert_eq!(Mark::of("load.1m.vs_btreemap").and_then(|mark| mark.ratio), Some(2.2));
        assert_eq!(Mark::of("replace.shared.1m.vs_btreemap").and_then(|mark| mark.ratio), Some(1.2));
    }
}
