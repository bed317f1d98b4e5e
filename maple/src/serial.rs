//! Writing maps and sets out with `serde`, and reading them back.
//!
//! A map is a sequence of `(first, last, entry)`, a set one of `(first, last)`, in order. What is read back is not trusted: each range is
//! checked when it comes, and memory is taken as entries come, whatever length the input claims to have.

use crate::entry::{ArcRef, Entry, RcuArcRef, Shared, U61};
use crate::map::RangeMap;
use crate::set::RangeSet;
use crate::tree::MapleTree;
use core::fmt;
use core::marker::PhantomData;
use core::ops::RangeInclusive;
use lock_api::RawMutex;
use maple_rcu::Rcu;
use serde_core::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_core::ser::{Serialize, SerializeSeq, Serializer};

impl<V: Entry + 'static> Serialize for RangeMap<V>
where
    for<'a> V::Ref<'a>: Serialize,
{
    /// A sequence of `(first, last, entry)`, in order. Counts the entries first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(Counted(self.iter().map(|(range, entry)| (*range.start(), *range.end(), entry)), self.iter().count()))
    }
}

/// An iterator that says how many items it has.
struct Counted<I>(I, usize);

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, Some(self.1))
    }
}

impl<V: Shared<R>, R: Rcu, L: RawMutex> Serialize for MapleTree<V, R, L>
where
    for<'a> V::Ref<'a>: Serialize,
{
    /// A sequence of `(first, last, entry)`, in order, as a walk inside one read section comes by them: not of one instant beside a writer.
    ///
    /// The number of entries is not known before; a format that needs it refuses. [`dup`](MapleTree::dup) makes a copy of one instant that
    /// knows it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let guard = self.pin();
        let mut sequence = serializer.serialize_seq(None)?;
        for (range, entry) in self.iter(&guard) {
            sequence.serialize_element(&(*range.start(), *range.end(), entry))?;
        }
        sequence.end()
    }
}

impl Serialize for RangeSet {
    /// A sequence of `(first, last)`, in order. Counts the ranges first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(Counted(self.iter().map(RangeInclusive::into_inner), self.iter().count()))
    }
}

/// Checks that ranges come in order.
#[derive(Default)]
struct Order {
    /// Ranges so far.
    count: usize,
    /// Where the last one ended.
    end: Option<u64>,
}

impl Order {
    /// The next range.
    ///
    /// # Errors
    ///
    /// When it holds no index, or begins before the end of the one before it.
    fn check<E: serde_core::de::Error>(&mut self, first: u64, last: u64) -> Result<(), E> {
        let count = self.count;
        if last < first {
            return Err(E::custom(format_args!("range {count}, {first}..={last}, ends before it begins")));
        }
        if let Some(end) = self.end.filter(|end| first <= *end) {
            return Err(E::custom(format_args!(
                "range {count}, {first}..={last}, is not behind the one before it, which ends at {end}"
            )));
        }
        (self.count, self.end) = (count + 1, Some(last));
        Ok(())
    }
}

struct Entries<V>(PhantomData<V>);

impl<'de, V: Entry + Deserialize<'de>> Visitor<'de> for Entries<V> {
    type Value = RangeMap<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of (first index, last index, entry), in order, without overlaps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<RangeMap<V>, A::Error> {
        let (mut map, mut order, mut refused) = (RangeMap::new(), Order::default(), None);
        let mut next = || {
            let Some((first, last, entry)) = sequence.next_element()? else { return Ok(None) };
            order.check(first, last)?;
            Ok(Some((first..=last, entry)))
        };
        let mut entries = core::iter::from_fn(|| {
            next().unwrap_or_else(|error| {
                refused = Some(error);
                None
            })
        });
        let filled = map.fill_in_order(&mut entries);
        map.grown();
        match (refused, filled) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(A::Error::custom(error.kind)),
            // What is in order is in the map.
            (None, Ok(_)) => Ok(map),
        }
    }
}

impl<'de, V: Entry + Deserialize<'de>> Deserialize<'de> for RangeMap<V> {
    /// Reads a sequence of `(first, last, entry)` that are in order and do not overlap; anything else is an error, and so is a lack of
    /// memory for the nodes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

impl<'de, V: Shared<R> + Deserialize<'de>, R: Rcu, L: RawMutex> Deserialize<'de> for MapleTree<V, R, L> {
    /// As for [`RangeMap`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RangeMap::deserialize(deserializer).map(Self::from_map)
    }
}

struct Spans;

impl<'de> Visitor<'de> for Spans {
    type Value = RangeSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of (first index, last index), in order, without overlaps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<RangeSet, A::Error> {
        let (mut set, mut order) = (RangeSet::new(), Order::default());
        while let Some((first, last)) = sequence.next_element()? {
            order.check(first, last)?;
            set.insert(first..=last).map_err(A::Error::custom)?;
        }
        Ok(set)
    }
}

impl<'de> Deserialize<'de> for RangeSet {
    /// Reads a sequence of `(first, last)` that are in order and do not overlap (ranges that touch are joined); anything else is an error,
    /// and so is a lack of memory for the nodes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Spans)
    }
}

impl Serialize for U61 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for U61 {
    /// Reads a `u64`; one past [`U61::MAX`] is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        U61::new(value).ok_or_else(|| D::Error::custom(format_args!("{value} does not fit 61 bits")))
    }
}

impl<T: Serialize> Serialize for ArcRef<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<T: Serialize + Send + Sync + 'static, R: Rcu> Serialize for RcuArcRef<'_, T, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}
