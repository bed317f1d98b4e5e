//! From text to a [`Trace`].

use std::str::{FromStr, SplitAsciiWhitespace};

use super::{Backing, Call, Mapping, Outcome, Problem, Protection, Trace, TraceError};

/// What the first line says.
pub(super) const HEADER: &str = "maple-trace 1";

/// The only size of a page that is understood.
pub(super) const PAGE: u64 = 0x1000;

impl FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let mut lines = (1..).zip(text.lines());
        if lines.next().is_none_or(|(_, line)| line != HEADER) {
            return Err(Problem::Header.on(1));
        }
        let mut trace = Trace { heap: 0, objects: Vec::new(), start: Vec::new(), calls: Vec::new(), end: Vec::new() };
        let mut heap = None;
        let mut last = 1;
        while let Some((number, line)) = lines.next() {
            last = number;
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let done = trace.line(number, line, &mut heap).map_err(|problem| problem.on(number))?;
            if done {
                trace.heap = heap.ok_or(Problem::Missing("heap").on(number))?;
                return match lines.next() {
                    Some((number, line)) => Err(Problem::Surplus(line.into()).on(number)),
                    None => Ok(trace),
                };
            }
        }
        Err(Problem::Truncated.on(last))
    }
}

impl Trace {
    /// Takes in one line; says whether it was the last one.
    fn line(&mut self, number: usize, line: &str, heap: &mut Option<u64>) -> Result<bool, Problem> {
        let mut fields = Fields { words: line.split_ascii_whitespace(), objects: self.objects.len() };
        let word = fields.word("the first word")?;
        let unexpected = || Problem::Unexpected(word.into());
        match word {
            "page" if heap.is_none() => match fields.number("page")? {
                PAGE => {}
                size => return Err(Problem::PageSize(size)),
            },
            "heap" if heap.is_none() && self.start.is_empty() => *heap = Some(fields.number("heap")?),
            "object" => {
                fields.ordinal("object", self.objects.len())?;
                self.objects.push(fields.words.by_ref().collect::<Vec<_>>().join(" "));
            }
            "start" if self.calls.is_empty() && self.end.is_empty() => {
                let mapping = fields.mapping(self.start.last())?;
                self.start.push(mapping);
            }
            "end" => {
                let mapping = fields.mapping(self.end.last())?;
                self.end.push(mapping);
            }
            "calls" => {
                let told = fields.decimal("the number of calls")?;
                if told != self.calls.len() {
                    return Err(Problem::Calls { told, seen: self.calls.len() });
                }
                fields.finish()?;
                return Ok(true);
            }
            _ if self.start.is_empty() || !self.end.is_empty() => return Err(unexpected()),
            _ => {
                let call = fields.call(word)?.ok_or_else(unexpected)?;
                self.calls.push((number, call));
            }
        }
        fields.finish()?;
        Ok(false)
    }
}

/// The words of a line that are left.
struct Fields<'a> {
    words: SplitAsciiWhitespace<'a>,
    objects: usize,
}

impl<'a> Fields<'a> {
    fn word(&mut self, field: &'static str) -> Result<&'a str, Problem> {
        self.words.next().ok_or(Problem::Missing(field))
    }

    fn finish(mut self) -> Result<(), Problem> {
        match self.words.next() {
            Some(word) => Err(Problem::Surplus(word.into())),
            None => Ok(()),
        }
    }

    /// A hexadecimal number.
    fn number(&mut self, field: &'static str) -> Result<u64, Problem> {
        let word = self.word(field)?;
        u64::from_str_radix(word, 16).map_err(|_| Problem::Field(field, word.into()))
    }

    fn decimal(&mut self, field: &'static str) -> Result<usize, Problem> {
        let word = self.word(field)?;
        word.parse().map_err(|_| Problem::Field(field, word.into()))
    }

    /// A number that can only be this one.
    fn ordinal(&mut self, field: &'static str, next: usize) -> Result<(), Problem> {
        match self.decimal(field)? {
            number if number == next => Ok(()),
            number => Err(Problem::Field(field, number.to_string())),
        }
    }

    fn protection(&mut self) -> Result<Protection, Problem> {
        let word = self.word("protection")?;
        Protection::parse(word).ok_or_else(|| Problem::Field("protection", word.into()))
    }

    fn backing(&mut self) -> Result<Backing, Problem> {
        let word = self.word("what is mapped")?;
        match word {
            "-" | "[heap]" => Ok(Backing::Anonymous),
            "[stack]" => Ok(Backing::Stack),
            // A name that the program gave its own memory.
            _ if word.starts_with("[anon:") => Ok(Backing::Anonymous),
            _ if word.starts_with('[') => Ok(Backing::Special(word.into())),
            _ => match word.parse() {
                Ok(object) if object < self.objects => Ok(Backing::Object(object)),
                _ => Err(Problem::Field("what is mapped", word.into())),
            },
        }
    }

    /// `= RESULT`, at the end of a call.
    fn outcome(&mut self) -> Result<Outcome, Problem> {
        match self.word("=")? {
            "=" => {}
            word => return Err(Problem::Field("=", word.into())),
        }
        let word = self.word("the result")?;
        let outcome = match word.strip_prefix('-') {
            Some(error) => error.parse().map(Err).ok(),
            None => u64::from_str_radix(word, 16).map(Ok).ok(),
        };
        outcome.ok_or_else(|| Problem::Field("the result", word.into()))
    }

    fn mapping(&mut self, before: Option<&Mapping>) -> Result<Mapping, Problem> {
        let (start, end) = (self.number("the first address")?, self.number("the end address")?);
        let in_order = before.is_none_or(|before| before.span.1 < start);
        if start >= end || start % PAGE != 0 || end % PAGE != 0 || !in_order {
            return Err(Problem::Span(start, end));
        }
        let word = self.word("permissions")?;
        let wrong = || Problem::Field("permissions", word.into());
        let (rwx, sharing) = word.split_at_checked(3).ok_or_else(wrong)?;
        let protection = Protection::parse(rwx).ok_or_else(wrong)?;
        let shared = match sharing {
            "s" => true,
            "p" => false,
            _ => return Err(wrong()),
        };
        let offset = self.number("offset")?;
        Ok(Mapping { span: (start, end - 1), protection, shared, offset, backing: self.backing()? })
    }

    fn call(&mut self, name: &str) -> Result<Option<Call>, Problem> {
        let call = match name {
            "mmap" => {
                self.number("address")?;
                Call::Mmap {
                    length: self.number("length")?,
                    protection: self.protection()?,
                    flags: self.number("flags")?,
                    backing: self.backing()?,
                    offset: self.number("offset")?,
                    result: self.outcome()?,
                }
            }
            "munmap" => {
                Call::Munmap { address: self.number("address")?, length: self.number("length")?, result: self.outcome()? }
            }
            "mprotect" => Call::Mprotect {
                address: self.number("address")?,
                length: self.number("length")?,
                protection: self.protection()?,
                result: self.outcome()?,
            },
            "mremap" => Call::Mremap {
                address: self.number("address")?,
                old_length: self.number("old length")?,
                new_length: self.number("new length")?,
                flags: self.number("flags")?,
                result: {
                    self.number("new address")?;
                    self.outcome()?
                },
            },
            "brk" => {
                self.number("address")?;
                match self.outcome()? {
                    Ok(end) => Call::Brk { end },
                    Err(error) => return Err(Problem::Field("the result", format!("-{error}"))),
                }
            }
            "shmat" => {
                self.number("address")?;
                Call::Shmat {
                    length: self.number("length")?,
                    protection: self.protection()?,
                    backing: self.backing()?,
                    result: self.outcome()?,
                }
            }
            "shmdt" => Call::Shmdt { address: self.number("address")?, length: self.number("length")?, result: self.outcome()? },
            _ => return Ok(None),
        };
        Ok(Some(call))
    }
}
