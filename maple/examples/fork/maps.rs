//! The mappings of a process: the text of `/proc/PID/maps`, or made up.

use maple_tree::{InsertErrorKind, MapleTree, RangeMap, RcuArc};
use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// An entry of the tree. `RcuArc` is the owner made for data that readers look at without a count: the copy and the original share an
/// entry until it is replaced, and the last owner to let go retires the value instead of freeing it under a reader. That takes no
/// memory, because the link is part of the value's own block. (A plain `Arc` would do, too, but would have to stay in its slot,
/// marked dead, until the readers are gone.)
pub(crate) type Entry = RcuArc<Vma>;

/// Whose a mapping is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Generation {
    /// The original's. In a copy: not replaced yet, so nothing the copy may use.
    Parent,
    /// The copy's own.
    Child,
    /// What the `marker` strategy leaves at the failure point.
    Marker,
}

/// One mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Vma {
    /// First address.
    pub(crate) start: u64,
    /// Last address. (The text gives the one behind it.)
    pub(crate) last: u64,
    perms: [u8; 4],
    offset: u64,
    device: (u32, u32),
    inode: u64,
    /// A copy shares the name, as it would share the file.
    name: Option<Arc<str>>,
    pub(crate) generation: Generation,
}

impl Vma {
    /// The same mapping, for the copy.
    pub(crate) fn child(&self) -> Self {
        Self { generation: Generation::Child, ..self.clone() }
    }

    /// A marker in the place of this mapping.
    pub(crate) fn marker(&self) -> Self {
        Self { generation: Generation::Marker, name: None, ..self.clone() }
    }

    /// Whether this is the other's mapping, whoever it belongs to.
    pub(crate) fn is_copy_of(&self, other: &Self) -> bool {
        *self == Self { generation: self.generation, ..other.clone() }
    }

    pub(crate) fn pages(&self) -> u64 {
        (self.last - self.start) / 4096 + 1
    }

    fn parse(line: &str) -> Result<Self, Fault> {
        let mut rest = line;
        let mut field = |what| {
            let (field, behind) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            rest = behind.trim_start_matches([' ', '\t']);
            if field.is_empty() { Err(Fault::Missing(what)) } else { Ok(field) }
        };
        let range = field(Field::Range)?;
        let (start, end) = range
            .split_once('-')
            .and_then(|(start, end)| Some((hex(start)?, hex(end)?)))
            .ok_or_else(|| Fault::bad(Field::Range, range))?;
        let last = match end.checked_sub(1) {
            Some(last) if last >= start => last,
            _ => return Err(Fault::NoAddress { start, end }),
        };
        let perms = field(Field::Permissions)?;
        let perms = permissions(perms).ok_or_else(|| Fault::bad(Field::Permissions, perms))?;
        let offset = field(Field::Offset)?;
        let offset = hex(offset).ok_or_else(|| Fault::bad(Field::Offset, offset))?;
        let device = field(Field::Device)?;
        let device = device
            .split_once(':')
            .and_then(|(major, minor)| Some((hex(major)?.try_into().ok()?, hex(minor)?.try_into().ok()?)))
            .ok_or_else(|| Fault::bad(Field::Device, device))?;
        let inode = field(Field::Inode)?;
        let inode = inode
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| inode.parse().ok())
            .flatten()
            .ok_or_else(|| Fault::bad(Field::Inode, inode))?;
        let name = (!rest.is_empty()).then(|| Arc::from(rest));
        Ok(Self { start, last, perms, offset, device, inode, name, generation: Generation::Parent })
    }
}

fn hex(text: &str) -> Option<u64> {
    // `from_str_radix` alone would let a sign pass.
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

fn permissions(text: &str) -> Option<[u8; 4]> {
    let perms: [u8; 4] = text.as_bytes().try_into().ok()?;
    let allowed = [b"r-", b"w-", b"x-", b"ps"];
    perms.iter().zip(allowed).all(|(byte, allowed)| allowed.contains(byte)).then_some(perms)
}

/// A field of a line, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    Range,
    Permissions,
    Offset,
    Device,
    Inode,
}

impl Field {
    /// Its name, and what it should look like.
    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Range => ("address range", "two hexadecimal numbers of 64 bits, such as 7f00-7fff"),
            Self::Permissions => ("permissions", "four letters, such as r-xp"),
            Self::Offset => ("offset", "a hexadecimal number of 64 bits"),
            Self::Device => ("device", "two hexadecimal numbers of 32 bits, such as 08:01"),
            Self::Inode => ("inode", "a decimal number of 64 bits"),
        }
    }
}

/// What is wrong with a line.
#[derive(Debug)]
pub(crate) enum Fault {
    Missing(Field),
    Bad { field: Field, text: String },
    NoAddress { start: u64, end: u64 },
    Overlap { range: RangeInclusive<u64>, other: RangeInclusive<u64> },
    OutOfMemory,
}

impl Fault {
    fn bad(field: Field, text: &str) -> Self {
        // It ends up in one line of a terminal.
        const LONGEST: usize = 40;
        let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
        if text.chars().nth(LONGEST).is_some() {
            shown.push('…');
        }
        Self::Bad { field, text: shown }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => {
                let (name, form) = field.describe();
                write!(f, "the line ends where the {name} should be ({form})")
            }
            Self::Bad { field, text } => {
                let (name, form) = field.describe();
                write!(f, "bad {name} '{text}' (should be {form})")
            }
            Self::NoAddress { start, end } if start == end => write!(f, "the mapping {start:x}-{end:x} is empty"),
            Self::NoAddress { start, end } => write!(f, "the mapping {start:x}-{end:x} ends before it starts"),
            Self::Overlap { range, other } => write!(f, "the mapping {} overlaps {}", span(range), span(other)),
            Self::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

/// A range as a maps file writes it. (The end behind a last address fits, because it was read from such a file.)
fn span(range: &RangeInclusive<u64>) -> String {
    format!("{:x}-{:x}", range.start(), range.end().saturating_add(1))
}

/// What is wrong with the text of a map, and where.
#[derive(Debug)]
pub(crate) struct MapsError {
    source: String,
    /// From 1; nothing: the text as a whole.
    line: Option<usize>,
    fault: Option<Fault>,
}

impl fmt::Display for MapsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match &self.fault {
            Some(fault) => write!(f, ": {fault}"),
            None => f.write_str(": no mappings in it"),
        }
    }
}

impl Error for MapsError {}

/// A process to copy.
#[derive(Debug)]
pub(crate) struct Process {
    /// Where its map is from.
    pub(crate) source: String,
    /// What the tree holds, in order, for comparison.
    pub(crate) vmas: Vec<Vma>,
    pub(crate) tree: MapleTree<Entry>,
}

impl Process {
    /// Of the text of a `maps` file.
    pub(crate) fn parse(source: String, text: &[u8]) -> Result<Self, MapsError> {
        let (mut vmas, mut map) = (Vec::new(), RangeMap::new());
        // Names of files may be any bytes; a strange one spoils nothing but itself.
        for (number, line) in String::from_utf8_lossy(text).lines().enumerate() {
            let line = line.trim_end();
            let read = if line.is_empty() { Ok(()) } else { Vma::parse(line).and_then(|vma| add(&mut vmas, &mut map, vma)) };
            if let Err(fault) = read {
                return Err(MapsError { source, line: Some(number + 1), fault: Some(fault) });
            }
        }
        if vmas.is_empty() {
            return Err(MapsError { source, line: None, fault: None });
        }
        vmas.sort_unstable_by_key(|vma| vma.start);
        Ok(Self { source, vmas, tree: map.into() })
    }

    /// Made up, but always the same: mappings of 1 to 16 pages, with a gap after one in four.
    pub(crate) fn made_up(entries: usize) -> Result<Self, MapsError> {
        let source = "made-up map".to_owned();
        let (mut vmas, mut map) = (Vec::with_capacity(entries), RangeMap::new());
        let mut start = 0x5555_0000_0000;
        // Knuth's multiplier: the high bits of the products spread evenly.
        let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        for number in 0..entries as u64 {
            let end = start + (spread(number) + 1) * 4096;
            let vma = Vma {
                start,
                last: end - 1,
                perms: *b"rw-p",
                offset: 0,
                device: (0, 0),
                inode: 0,
                name: None,
                generation: Generation::Parent,
            };
            if let Err(fault) = add(&mut vmas, &mut map, vma) {
                return Err(MapsError { source, line: None, fault: Some(fault) });
            }
            start = if number % 4 == 3 { end + 4096 } else { end };
        }
        Ok(Self { source, vmas, tree: map.into() })
    }
}

fn add(vmas: &mut Vec<Vma>, map: &mut RangeMap<Entry>, vma: Vma) -> Result<(), Fault> {
    let entry = RcuArc::try_new(vma.clone()).map_err(|_| Fault::OutOfMemory)?;
    // `insert` refuses an overlap and names what is in the way.
    map.insert(vma.start..=vma.last, entry).map_err(|refused| match refused.kind {
        InsertErrorKind::Occupied(other) => Fault::Overlap { range: vma.start..=vma.last, other },
        InsertErrorKind::BadRange(_) => Fault::NoAddress { start: vma.start, end: vma.last },
        InsertErrorKind::OutOfMemory => Fault::OutOfMemory,
    })?;
    vmas.push(vma);
    Ok(())
}
