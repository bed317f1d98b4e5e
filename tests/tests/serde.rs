//! Maps, trees and sets written out with `serde` and read back; and input that is not to be trusted.

use maple_tests::alloc::{Counting, counts};
use maple_tests::entry::Number;
use maple_tests::shapes::Rng;
use maple_tree::{MapleTree, RangeMap, RangeSet, RcuArc, RcuBox, U61};
use serde_core::de::value::{Error as ValueError, SeqDeserializer};
use serde_core::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_core::forward_to_deserialize_any;
use serde_core::ser::Serialize;
use serde_json::{from_str, from_value, json, to_string};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn round_trip<V: Number>(write: bool)
where
    RangeMap<V>: Serialize + DeserializeOwned,
    MapleTree<V>: Serialize + DeserializeOwned,
{
    for count in [0, 1, 16, 17, 1_000] {
        let mut rng = Rng(count);
        let (mut map, mut rows, mut next) = (RangeMap::<V>::new(), Vec::new(), 0);
        for _ in 0..count {
            // Some touch.
            let first = next + rng.below(3);
            let last = first + rng.below(1 << 20);
            let value = rng.below(1 << 32);
            map.store(first..=last, V::make(value)).map_err(|error| error.kind).expect("memory");
            rows.push((first, last, value));
            next = last + 1;
        }
        map.store(u64::MAX - 1.., V::make(1)).map_err(|error| error.kind).expect("memory");
        rows.push((u64::MAX - 1, u64::MAX, 1));
        let text = to_string(&map).expect("a string takes everything");
        if write {
            assert_eq!(text, to_string(&rows).expect("a string takes everything"));
        }
        let again: RangeMap<V> = from_str(&text).expect("just written");
        assert_eq!(again.validate().expect("valid").entries, rows.len());
        assert!(again.iter().map(|(range, value)| (*range.start(), *range.end(), V::read(value))).eq(rows.iter().copied()));
        let tree = MapleTree::<V>::from(map);
        assert_eq!(to_string(&tree).expect("a string takes everything"), text);
        let again: MapleTree<V> = from_str(&text).expect("just written");
        assert!(again.iter(&again.pin()).map(|(range, value)| (*range.start(), *range.end(), V::read(value))).eq(rows));
    }
}

#[test]
fn numbers_come_back() {
    round_trip::<u32>(true);
    round_trip::<U61>(true);
}

#[test]
fn owned_values_come_back() {
    round_trip::<Box<u64>>(true);
    round_trip::<RcuBox<u64>>(true);
    round_trip::<RcuArc<u64>>(true);
}

#[test]
fn texts_in_counted_references_are_written() {
    let mut map = RangeMap::new();
    map.store(1..=2, std::sync::Arc::new(String::from("one"))).map_err(|error| error.kind).expect("memory");
    assert_eq!(to_string(&map).expect("a string takes everything"), r#"[[1,2,"one"]]"#);
    let back: RangeMap<Box<String>> = from_str(r#"[[1,2,"one"]]"#).expect("in order");
    assert_eq!(back.get(1).map(String::as_str), Some("one"));
}

#[test]
fn sets_come_back_joined() {
    let set: RangeSet = [0..=3, 9..=u64::MAX].into_iter().collect();
    let text = to_string(&set).expect("a string takes everything");
    assert_eq!(text, "[[0,3],[9,18446744073709551615]]");
    assert_eq!(from_str::<RangeSet>(&text).expect("just written"), set);
    let joined: RangeSet = from_str("[[0,1],[2,3],[9,9],[10,18446744073709551615]]").expect("in order");
    assert_eq!(joined, set);
    assert!(from_str::<RangeSet>("[]").expect("nothing is in order").is_empty());
}

#[test]
fn what_is_out_of_order_is_named() {
    let error = |value: serde_json::Value| {
        let map = from_value::<RangeMap<u32>>(value.clone()).expect_err("out of order").to_string();
        let boxed = from_value::<MapleTree<Box<u32>>>(value.clone()).map(drop).expect_err("out of order").to_string();
        let spans: Vec<_> = value.as_array().expect("rows").iter().map(|row| json!([row[0], row[1]])).collect();
        let set = from_value::<RangeSet>(spans.into()).expect_err("out of order").to_string();
        assert_eq!([&map, &map], [&boxed, &set]);
        map
    };
    assert_eq!(error(json!([[1, 4, 0], [7, 6, 0]])), "range 1, 7..=6, ends before it begins");
    let behind = |range: &str| format!("range 1, {range}, is not behind the one before it, which ends at 4");
    assert_eq!(error(json!([[1, 4, 0], [4, 9, 0]])), behind("4..=9"));
    assert_eq!(error(json!([[2, 4, 0], [0, 1, 0]])), behind("0..=1"));
    assert_eq!(error(json!([[2, 4, 0], [2, 4, 0]])), behind("2..=4"));
    let top = u64::MAX;
    let text = error(json!([[0, top, 0], [top, top, 0]]));
    assert_eq!(text, format!("range 1, {top}..={top}, is not behind the one before it, which ends at {top}"));
}

#[test]
fn what_is_no_sequence_of_ranges_is_refused() {
    let map = |text: &str| from_str::<RangeMap<u32>>(text).map(drop).expect_err("no map").to_string();
    assert!(map("{}").contains("expected a sequence of (first index, last index, entry), in order, without overlaps"));
    for text in [
        "[[1,2]]",
        "[[1,2,3,4]]",
        "[[-1,2,3]]",
        "[[1,2,4294967296]]",
        "[[1,2,null]]",
        "[1,2,3]",
        "[[1,2,3],",
        "3",
        "null",
        "[[1.5,2,3]]",
    ] {
        map(text);
    }
    let set = from_str::<RangeSet>("{}").expect_err("no set").to_string();
    assert!(set.contains("expected a sequence of (first index, last index), in order, without overlaps"));
    assert!(from_str::<RangeSet>("[[1,2,3]]").is_err());
    assert_eq!(
        from_str::<U61>("2305843009213693952").expect_err("a bit too many").to_string(),
        "2305843009213693952 does not fit 61 bits"
    );
    assert_eq!(from_str::<U61>("2305843009213693951").expect("61 bits"), U61::MAX);
}

/// Claims to have as many items as there can be, and has three.
struct Boastful(u64);

impl<'de> Deserializer<'de> for &mut Boastful {
    type Error = ValueError;

    fn deserialize_any<W: Visitor<'de>>(self, visitor: W) -> Result<W::Value, ValueError> {
        visitor.visit_seq(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for &mut Boastful {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ValueError> {
        if self.0 == 3 {
            return Ok(None);
        }
        self.0 += 1;
        let row = [10 * self.0, 10 * self.0 + 4, 1];
        seed.deserialize(SeqDeserializer::new(row.into_iter())).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::MAX)
    }
}

#[test]
fn a_claimed_length_costs_nothing() {
    let before = counts().live_bytes;
    let map = RangeMap::<u32>::deserialize(&mut Boastful(0)).expect("in order");
    assert_eq!(map.iter().count(), 3);
    // A slab for the map, and what fills the reserve.
    assert!(counts().live_bytes - before < 1 << 20, "{} bytes", counts().live_bytes - before);
}

#[test]
fn what_was_read_before_an_error_is_dropped() {
    let before = counts().small_blocks;
    let mut text = String::from("[");
    for n in 0..500 {
        text += &format!("[{n},{n},\"{n}\"],");
    }
    for end in ["[3,4,\"late\"]]", "[600,4,\"reversed\"]]", "[600,601]]", "", "]"] {
        let text = format!("{text}{end}");
        assert!(from_str::<RangeMap<Box<String>>>(&text).is_err(), "{end}");
        assert!(from_str::<MapleTree<RcuBox<String>>>(&text).is_err(), "{end}");
    }
    drop(text);
    assert_eq!(counts().small_blocks, before, "blocks that are still there");
}
