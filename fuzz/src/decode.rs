//! Input that is not to be trusted, in a textual and a binary format, read into maps, trees and sets, beside what the format makes of plain rows.

use crate::case::{Case, Rest};
use crate::text;
use arbitrary::Arbitrary;
use core::fmt::{self, Debug};
use maple_tests::Model;
use maple_tests::pair::closed;
use maple_tree::{Entry, MapleTree, RangeMap, RangeSet, RcuBox, Shared, TypedMap, U61};
use serde_core::de::DeserializeOwned;
use serde_core::ser::Serialize;

#[derive(Arbitrary, Clone, Copy)]
enum Format {
    Json,
    Postcard,
}

impl Format {
    fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, String> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
            Self::Postcard => postcard::from_bytes(bytes).map_err(|error| error.to_string()),
        }
    }

    fn write<T: Serialize>(self, value: &T) -> Result<Vec<u8>, String> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
            Self::Postcard => postcard::to_allocvec(value).map_err(|error| error.to_string()),
        }
    }
}

/// Rows of what.
#[derive(Arbitrary, Clone, Copy)]
enum Shape {
    Numbers,
    LongNumbers,
    Boxes,
    RcuBoxes,
    Texts,
    /// Without entries.
    Set,
}

/// Where a row is.
#[derive(Arbitrary, Clone, Copy)]
struct Row {
    /// Behind the end of the one before, and one.
    hole: u16,
    more: u16,
    odd: Option<Odd>,
}

/// What is seldom right.
#[derive(Arbitrary, Clone, Copy)]
enum Odd {
    At(u64, u64),
    /// So far below where it would be.
    Back(u8),
    Reversed,
    ToTheTop,
}

#[derive(Arbitrary, Clone)]
enum Source {
    Rows {
        value: u64,
        /// Another byte at this place.
        broken: Option<(u16, u8)>,
        /// So many bytes less.
        cut: Option<u8>,
        rows: Rest<Row>,
    },
    Bytes(Rest<u8>),
}

/// One case.
///
/// Its `Debug` form is a test to paste.
#[derive(Arbitrary)]
pub struct Decode {
    format: Format,
    shape: Shape,
    source: Source,
}

/// The first range that is not behind the one before it, as the error has it.
fn out_of_order(spans: impl Iterator<Item = (u64, u64)>) -> Option<String> {
    let mut end = None;
    for (n, (first, last)) in spans.enumerate() {
        if last < first {
            return Some(format!("range {n}, {first}..={last}, ends before it begins"));
        }
        if let Some(end) = end.filter(|end| first <= *end) {
            return Some(format!("range {n}, {first}..={last}, is not behind the one before it, which ends at {end}"));
        }
        end = Some(last);
    }
    None
}

/// Whether a read was right: `rows` is what the format makes of plain rows.
fn judge<T, R>(
    format: Format,
    read: Result<T, String>,
    rows: Result<Vec<R>, String>,
    span: fn(&R) -> (u64, u64),
) -> Option<(T, Vec<R>)> {
    match (read, rows) {
        (Err(_), Err(_)) => None,
        (Ok(_), Err(error)) => panic!("read, though rows are not: {error}"),
        (read, Ok(rows)) => match (read, out_of_order(rows.iter().map(span))) {
            (Ok(read), None) => Some((read, rows)),
            (Err(error), Some(wrong)) => {
                // The other format has no room for words in its errors.
                assert!(!matches!(format, Format::Json) || error.starts_with(&wrong), "{error}, and not: {wrong}");
                None
            }
            (Ok(_), Some(wrong)) => panic!("read, though {wrong}"),
            (Err(error), None) => panic!("rows in order are refused: {error}"),
        },
    }
}

/// A map and a tree of `V`, beside plain rows of `W`.
fn map<V, W>(format: Format, bytes: &[u8], same: fn(V::Ref<'_>, &W) -> bool)
where
    V: Shared<maple_tree::Epoch> + DeserializeOwned + 'static,
    for<'a> V::Ref<'a>: Serialize,
    W: Serialize + DeserializeOwned + Debug,
{
    let span = |row: &(u64, u64, W)| (row.0, row.1);
    let rows = || format.read::<Vec<(u64, u64, W)>>(bytes);
    let read = judge(format, format.read::<RangeMap<V>>(bytes), rows(), span);
    let tree = judge(format, format.read::<MapleTree<V>>(bytes), rows(), span);
    assert_eq!(read.is_some(), tree.is_some());
    let (Some((map, rows)), Some((tree, _))) = (read, tree) else { return };
    let holds = |map: &RangeMap<V>| {
        let summary = map.validate().unwrap_or_else(|invalid| panic!("{invalid:?}\n{}", map.dump()));
        assert_eq!(summary.entries, rows.len());
        let mut found = map.iter();
        for row in &rows {
            let (range, entry) = found.next().expect("as many as rows");
            assert!(range == (row.0..=row.1) && same(entry, &row.2), "{range:?} is not {row:?}");
        }
        assert!(found.next().is_none());
    };
    holds(&map);
    // Written out as plain rows are, in either format, and read again.
    for format in [Format::Json, Format::Postcard] {
        let plain = format.write(&rows).expect("memory takes everything");
        assert_eq!(format.write(&map).as_ref(), Ok(&plain));
        holds(&format.read(&plain).expect("just written"));
        let written = format.write(&tree);
        match format {
            Format::Json => assert_eq!(written, Ok(plain)),
            // It wants to know how many there are, which a walk beside a writer does not.
            Format::Postcard => assert!(written.is_err()),
        }
    }
    holds(&tree.into_inner());
    typed::<V>(map, rows.iter().map(span));
}

/// Seen with indices of 8 bits: what begins behind them is not there.
fn typed<V: Entry + 'static>(map: RangeMap<V>, spans: impl Iterator<Item = (u64, u64)>) {
    let want: Vec<_> = spans.filter(|span| span.0 <= 255).map(|span| (span.0, span.1.min(255))).collect();
    let small = TypedMap::<u8, V>::from(map);
    let found: Vec<_> = small.iter().map(|(range, _)| (u64::from(*range.start()), u64::from(*range.end()))).collect();
    assert_eq!(found, want);
    for index in 0..=255_u8 {
        let covered = want.iter().any(|span| (span.0..=span.1).contains(&index.into()));
        assert_eq!(small.contains(index), covered, "index {index}");
    }
    let mut back: Vec<_> = small.iter().rev().map(|(range, _)| (u64::from(*range.start()), u64::from(*range.end()))).collect();
    back.reverse();
    assert_eq!(back, want);
}

fn set(format: Format, bytes: &[u8]) {
    let rows = || format.read::<Vec<(u64, u64)>>(bytes);
    let Some((set, rows)) = judge(format, format.read::<RangeSet>(bytes), rows(), |row| *row) else { return };
    // Ranges that touch are joined.
    let mut joined = Vec::<(u64, u64)>::new();
    let mut model = Model::new();
    for &(first, last) in &rows {
        match joined.last_mut() {
            Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
            _ => joined.push((first, last)),
        }
        assert!(model.insert(closed(first, last), 0).is_ok());
    }
    let holds = |set: &RangeSet| {
        assert!(set.iter().eq(joined.iter().map(|span| span.0..=span.1)), "{set:?} is not {joined:?}");
        assert!(set.gaps(..).map(|gap| gap.into_inner()).eq(model.gaps(..)), "gaps of {set:?}");
        assert!(set.as_map().validate().is_ok());
    };
    holds(&set);
    for format in [Format::Json, Format::Postcard] {
        let plain = format.write(&joined).expect("memory takes everything");
        assert_eq!(format.write(&set).as_ref(), Ok(&plain));
        holds(&format.read(&plain).expect("just written"));
    }
}

impl Decode {
    fn bytes(&self) -> Vec<u8> {
        let (value, broken, cut, rows) = match &self.source {
            Source::Bytes(bytes) => return bytes.0.clone(),
            Source::Rows { value, broken, cut, rows } => (*value, *broken, *cut, &rows.0),
        };
        let mut next = 0_u64;
        let spans = rows.iter().map(|row| {
            let first = next.saturating_add(row.hole.into());
            let last = first.saturating_add(row.more.into());
            let span = match row.odd {
                None => (first, last),
                Some(Odd::At(first, last)) => (first, last),
                Some(Odd::Back(far)) => (first.saturating_sub(far.into()), last.saturating_sub(far.into())),
                Some(Odd::Reversed) => (last, first),
                Some(Odd::ToTheTop) => (first, u64::MAX),
            };
            next = span.1.saturating_add(1);
            span
        });
        let spans: Vec<(u64, u64)> = spans.collect();
        let written = match self.shape {
            Shape::Set => self.format.write(&spans),
            Shape::Texts => self.format.write(&spans.iter().map(|span| (span.0, span.1, value.to_string())).collect::<Vec<_>>()),
            // Too much for these now and then.
            Shape::Numbers if value % 16 > 0 => self.rows(&spans, value & u64::from(u32::MAX)),
            Shape::LongNumbers if value % 16 > 0 => self.rows(&spans, value >> 3),
            _ => self.rows(&spans, value),
        };
        let mut bytes = written.expect("memory takes everything");
        if let Some((at, byte)) = broken {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut.unwrap_or(0).into()));
        bytes
    }

    fn rows(&self, spans: &[(u64, u64)], value: u64) -> Result<Vec<u8>, String> {
        self.format.write(&spans.iter().map(|span| (span.0, span.1, value)).collect::<Vec<_>>())
    }
}

impl Case for Decode {
    fn run(&self) {
        let bytes = self.bytes();
        let format = self.format;
        match self.shape {
            Shape::Numbers => map::<u32, u32>(format, &bytes, |one, other| one == *other),
            Shape::LongNumbers => map::<U61, Long>(format, &bytes, |one, other| one == other.0),
            Shape::Boxes => map::<Box<u64>, u64>(format, &bytes, |one, other| one == other),
            Shape::RcuBoxes => map::<RcuBox<u64>, u64>(format, &bytes, |one, other| one == other),
            Shape::Texts => map::<Box<String>, String>(format, &bytes, |one, other| one == other),
            Shape::Set => set(format, &bytes),
        }
    }
}

/// A number of at most 61 bits, checked by itself.
#[derive(Debug)]
struct Long(U61);

impl Serialize for Long {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.get())
    }
}

impl<'de> serde_core::Deserialize<'de> for Long {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let fits = number < 1 << 61;
        fits.then(|| Self(U61::new(number).expect("61 bits"))).ok_or_else(|| serde_core::de::Error::custom("too long"))
    }
}

impl fmt::Debug for Decode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = match self.format {
            Format::Json => "serde_json::from_slice",
            Format::Postcard => "postcard::from_bytes",
        };
        let entry = match self.shape {
            Shape::Numbers => "u32",
            Shape::LongNumbers => "U61",
            Shape::Boxes => "Box<u64>",
            Shape::RcuBoxes => "RcuBox<u64>",
            Shape::Texts => "Box<String>",
            Shape::Set => "",
        };
        let mut lines = vec![format!("let bytes: &[u8] = b\"{}\";", self.bytes().escape_ascii())];
        if let Shape::Set = self.shape {
            lines.push(format!("println!(\"{{:?}}\", {read}::<RangeSet>(bytes));"));
        } else {
            let row = entry.replace("Box<", "").replace("Rcu", "").replace('>', "").replace("U61", "u64");
            lines.push(format!("println!(\"{{:?}}\", {read}::<Vec<(u64, u64, {row})>>(bytes));"));
            lines.push(format!("println!(\"{{:?}}\", {read}::<RangeMap<{entry}>>(bytes));"));
            lines.push(format!("println!(\"{{:?}}\", {read}::<MapleTree<{entry}>>(bytes).map(MapleTree::into_inner));"));
            lines.push(format!("println!(\"{{:?}}\", {read}::<RangeMap<{entry}>>(bytes).map(TypedMap::<u8, _>::from));"));
        }
        text::test(f, lines)
    }
}
