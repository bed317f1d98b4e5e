//! From calls to stores and removals.

use std::collections::HashMap;

use super::parse::PAGE;
use super::space::Space;
use super::{Backing, Call, Mapping, Outcome, Problem, Protection, Trace, TraceError};
use crate::model::{Item, Model, Refusal, Span};
use crate::op::Op;
use crate::pair::closed;

const MAP_TYPE: u64 = 0xf;
const MAP_SHARED: u64 = 0x1;
const MAP_PRIVATE: u64 = 0x2;
const MAP_SHARED_VALIDATE: u64 = 0x3;
const MAP_FIXED: u64 = 0x10;
const MAP_GROWSDOWN: u64 = 0x100;
const MAP_HUGETLB: u64 = 0x4_0000;
const MREMAP_FIXED: u64 = 0x2;
const MREMAP_DONTUNMAP: u64 = 0x4;
const ENOMEM: u32 = 12;

/// All that tells one mapping from another, apart from where it is. The same for every byte of a mapping, so that a piece of it has the
/// attributes of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// What may be done with it.
    pub protection: Protection,
    /// Whether writes are seen by others who map the same.
    pub shared: bool,
    /// What is mapped; a stack counts as anonymous.
    pub backing: Backing,
    /// The offset in the object that address 0 would have (modulo 2^64); 0 without an object.
    pub slide: u64,
}

/// One change of a range map. The values are numbers of [`Operations::attributes`].
#[expect(missing_docs, reason = "the fields are the arguments of the calls")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing is there.
    Insert { first: u64, last: u64, value: u64 },
    /// Something is there, in all of the range or in some.
    Store { first: u64, last: u64, value: u64 },
    /// Something is there, in all of the range or in some; ranges that stick out stay.
    Remove { first: u64, last: u64 },
}

impl Change {
    /// Where something changes.
    pub fn span(self) -> Span {
        match self {
            Self::Insert { first, last, .. } | Self::Store { first, last, .. } | Self::Remove { first, last } => (first, last),
        }
    }

    /// Makes the change.
    ///
    /// # Errors
    ///
    /// Those of the model's own calls.
    pub fn run(self, model: &mut Model) -> Result<(), Refusal> {
        match self {
            Self::Insert { first, last, value } => model.insert(closed(first, last), value),
            Self::Store { first, last, value } => model.store(closed(first, last), value),
            Self::Remove { first, last } => model.remove(closed(first, last)),
        }
    }
}

impl From<Change> for Op {
    fn from(change: Change) -> Self {
        match change {
            Change::Insert { first, last, value } => Self::Insert { range: closed(first, last), value },
            Change::Store { first, last, value } => Self::Store { range: closed(first, last), value },
            Change::Remove { first, last } => Self::Remove { range: closed(first, last) },
        }
    }
}

/// A trace as operations of a range map.
///
/// Ranges that touch and have equal attributes are one range, at the start, at the end, and after the changes of each call: the kernel joins
/// them, too. A call that makes one mapping longer is thus one store of all of it.
#[derive(Clone, Debug)]
pub struct Operations {
    /// What the values stand for.
    pub attributes: Vec<Attributes>,
    /// What is there at the start.
    pub start: Vec<Item>,
    /// What changes.
    pub changes: Vec<Change>,
    /// What the kernel said is there at the end.
    pub end: Vec<Item>,
    /// Where the stack is in the end.
    stack: Option<Span>,
}

impl Operations {
    /// A model with what is there at the start.
    ///
    /// # Panics
    ///
    /// If ranges overlap, which those of a trace cannot.
    pub fn model(&self) -> Model {
        let mut model = Model::new();
        for &(first, last, value) in &self.start {
            assert_eq!(model.insert(closed(first, last), value), Ok(()), "ranges do not overlap");
        }
        model
    }

    /// What is `held` after all changes, in a form that must equal `end`.
    ///
    /// They differ in one thing that no call tells: a stack grows when memory below it is touched. So the range that ends where the stack
    /// ends may begin higher than the kernel says, if there is nothing in between and its attributes are those of the stack.
    pub fn settled(&self, held: &[Item]) -> Vec<Item> {
        let mut held = joined(held);
        if let Some((first, last)) = self.stack {
            let value = self.end.iter().find(|item| item.0 <= last && last <= item.1).map(|item| item.2);
            let at = held.partition_point(|item| item.1 < last);
            let room = at.checked_sub(1).is_none_or(|before| held[before].1 < first);
            if let Some(item) = held.get_mut(at)
                && (item.1, Some(item.2)) == (last, value)
                && item.0 > first
                && room
            {
                item.0 = first;
            }
        }
        held
    }
}

impl Trace {
    /// The calls as operations of a range map.
    ///
    /// # Errors
    ///
    /// If a call cannot have had the result that it had: the kernel chose an address where something is mapped, or changed the protection
    /// of what is not mapped. Then the trace is not a whole one, or the replay does something else than the kernel. Or if a call asks for
    /// something that is not supported.
    pub fn operations(&self) -> Result<Operations, TraceError> {
        let mut values = Values::default();
        let start = values.joined(&self.start);
        let mut replay = Replay { values, space: Space::default(), heap_end: self.heap };
        for &(first, last, value) in &start {
            replay.space.put((first, last), &[(first, last, value)]);
        }
        replay.space.changes.clear();
        for (line, call) in &self.calls {
            replay.call(call).map_err(|problem| problem.on(*line))?;
        }
        let Replay { mut values, space, .. } = replay;
        let end = values.joined(&self.end);
        let stack = self.end.iter().find(|mapping| mapping.backing == Backing::Stack).map(|mapping| mapping.span);
        Ok(Operations { attributes: values.attributes, start, changes: space.changes, end, stack })
    }
}

/// Joins ranges that touch and have equal values.
fn joined(items: &[Item]) -> Vec<Item> {
    let mut joined: Vec<Item> = Vec::with_capacity(items.len());
    for &item in items {
        match joined.last_mut() {
            Some(left) if left.1 + 1 == item.0 && left.2 == item.2 => left.1 = item.1,
            _ => joined.push(item),
        }
    }
    joined
}

/// A number for each set of attributes.
#[derive(Default)]
struct Values {
    attributes: Vec<Attributes>,
    numbers: HashMap<Attributes, u64>,
}

impl Values {
    fn number(&mut self, attributes: Attributes) -> u64 {
        *self.numbers.entry(attributes).or_insert_with_key(|attributes| {
            self.attributes.push(attributes.clone());
            u64::try_from(self.attributes.len() - 1).expect("a count fits")
        })
    }

    fn get(&self, number: u64) -> &Attributes {
        &self.attributes[usize::try_from(number).expect("it was an index")]
    }

    /// The number for a mapping at this address.
    fn at(&mut self, address: u64, protection: Protection, shared: bool, offset: u64, backing: &Backing) -> u64 {
        let (backing, slide) = match backing {
            Backing::Anonymous | Backing::Stack => (Backing::Anonymous, 0),
            Backing::Special(_) => (backing.clone(), 0),
            Backing::Object(_) => (backing.clone(), offset.wrapping_sub(address)),
        };
        self.number(Attributes { protection, shared, backing, slide })
    }

    fn joined(&mut self, mappings: &[Mapping]) -> Vec<Item> {
        let items = mappings.iter().map(|Mapping { span, protection, shared, offset, backing }| {
            (span.0, span.1, self.at(span.0, *protection, *shared, *offset, backing))
        });
        joined(&items.collect::<Vec<_>>())
    }

    /// The number for the same mapping with another protection.
    fn protected(&mut self, number: u64, protection: Protection) -> u64 {
        let attributes = self.get(number).clone();
        self.number(Attributes { protection, ..attributes })
    }

    /// The number for the same mapping after a move.
    fn moved(&mut self, number: u64, from: u64, to: u64) -> u64 {
        let mut attributes = self.get(number).clone();
        if let Backing::Object(_) = attributes.backing {
            attributes.slide = attributes.slide.wrapping_add(from).wrapping_sub(to);
        }
        self.number(attributes)
    }
}

/// As many whole pages as hold `length` bytes.
fn pages(length: u64) -> Result<u64, Problem> {
    length.checked_next_multiple_of(PAGE).ok_or_else(|| Problem::Field("length", format!("{length:x}")))
}

/// The pages from `address` on, or nothing if there are none.
fn span(address: u64, length: u64) -> Result<Option<Span>, Problem> {
    let wrong = || Problem::Field("address", format!("{address:x}"));
    let Some(length) = pages(length)?.checked_sub(1) else {
        return Ok(None);
    };
    let last = address.checked_add(length).filter(|_| address % PAGE == 0).ok_or_else(wrong)?;
    Ok(Some((address, last)))
}

/// What the calls have done so far.
struct Replay {
    values: Values,
    space: Space,
    heap_end: u64,
}

impl Replay {
    fn call(&mut self, call: &Call) -> Result<(), Problem> {
        match *call {
            Call::Mmap { length, protection, flags, ref backing, offset, result: Ok(address) } => {
                let shared = match flags & MAP_TYPE {
                    MAP_SHARED | MAP_SHARED_VALIDATE => true,
                    MAP_PRIVATE => false,
                    _ => return Err(Problem::Unsupported("this kind of mapping")),
                };
                match flags {
                    _ if flags & MAP_HUGETLB != 0 => return Err(Problem::Unsupported("a mapping of huge pages")),
                    _ if flags & MAP_GROWSDOWN != 0 => return Err(Problem::Unsupported("a mapping that grows")),
                    _ => {}
                }
                let span = span(address, length)?;
                let value = self.values.at(address, protection, shared, offset, backing);
                self.map(span, value, flags & MAP_FIXED != 0)
            }
            Call::Shmat { length, protection, ref backing, result: Ok(address) } => {
                let value = self.values.at(address, protection, true, 0, backing);
                self.map(span(address, length)?, value, false)
            }
            Call::Munmap { address, length, result: Ok(_) } | Call::Shmdt { address, length, result: Ok(_) } => {
                if let Some(span) = span(address, length)? {
                    self.space.put(span, &[]);
                }
                Ok(())
            }
            Call::Mprotect { address, length, protection, result } => self.protect(address, length, protection, result),
            Call::Mremap { address, old_length, new_length, flags, result: Ok(result) } => {
                self.remap((address, pages(old_length)?), (result, pages(new_length)?), flags)
            }
            Call::Brk { end } => self.brk(end),
            // Refused, and nothing changed.
            Call::Mmap { .. } | Call::Munmap { .. } | Call::Mremap { .. } | Call::Shmat { .. } | Call::Shmdt { .. } => Ok(()),
        }
    }

    fn map(&mut self, span: Option<Span>, value: u64, over: bool) -> Result<(), Problem> {
        let span = span.ok_or(Problem::Unsupported("a mapping of nothing"))?;
        if !over && !self.space.is_free(span) {
            return Err(Problem::Occupied(span));
        }
        self.space.put(span, &[(span.0, span.1, value)]);
        Ok(())
    }

    fn protect(&mut self, address: u64, length: u64, protection: Protection, result: Outcome) -> Result<(), Problem> {
        // The kernel refuses when it comes to a gap, and what lies before the gap has changed by then.
        let up_to_gap = match result {
            Ok(_) => false,
            Err(ENOMEM) => true,
            Err(_) => return Ok(()),
        };
        let Some((first, mut last)) = span(address, length)? else {
            return Ok(());
        };
        let mut pieces = self.space.pieces((first, last));
        let mut next = first;
        let whole = pieces.iter().take_while(|piece| {
            let touches = piece.0 == next;
            next = piece.1 + 1;
            touches
        });
        let whole = whole.count();
        pieces.truncate(whole);
        let mapped = pieces.last().map(|piece| piece.1);
        if mapped != Some(last) {
            if !up_to_gap {
                return Err(Problem::Unmapped((first, last)));
            }
            let Some(mapped) = mapped else {
                return Ok(());
            };
            last = mapped;
        }
        for piece in &mut pieces {
            piece.2 = self.values.protected(piece.2, protection);
        }
        self.space.put((first, last), &pieces);
        Ok(())
    }

    fn remap(&mut self, (old, old_length): (u64, u64), (new, new_length): (u64, u64), flags: u64) -> Result<(), Problem> {
        // An old length of 0 asks for a second mapping of what is there.
        let source = span(old, old_length.max(PAGE))?.expect("a page at least");
        let target = span(new, new_length)?.ok_or(Problem::Unsupported("a mapping of nothing"))?;
        if !self.space.is_full(source) {
            return Err(Problem::Unmapped(source));
        }
        let pieces = self.space.pieces(source);
        let last = pieces[pieces.len() - 1];
        if old == new {
            if new_length < old_length {
                self.space.put((old + new_length, source.1), &[]);
            } else if new_length > old_length {
                self.map(Some((source.1 + 1, target.1)), last.2, false)?;
            }
            return Ok(());
        }
        if flags & MREMAP_FIXED == 0 && !self.space.is_free(target) {
            return Err(Problem::Occupied(target));
        }
        let mut moved = Vec::with_capacity(pieces.len());
        for (first, last, value) in pieces {
            let first = first - old + new;
            if first <= target.1 {
                moved.push((first, (last - old + new).min(target.1), self.values.moved(value, old, new)));
            }
        }
        if let Some(piece) = moved.last_mut() {
            piece.1 = target.1;
        }
        if flags & MREMAP_DONTUNMAP == 0 && old_length > 0 {
            self.space.put(source, &[]);
        }
        self.space.put(target, &moved);
        Ok(())
    }

    fn brk(&mut self, end: u64) -> Result<(), Problem> {
        let (old, new) = (pages(self.heap_end)?, pages(end)?);
        self.heap_end = end;
        if new < old {
            self.space.put((new, old - 1), &[]);
        } else if new > old {
            let protection = Protection::parse("rw-").expect("letters as they must be");
            let value = self.values.at(old, protection, false, 0, &Backing::Anonymous);
            self.map(Some((old, new - 1)), value, false)?;
        }
        Ok(())
    }
}
