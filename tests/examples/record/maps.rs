//! `/proc/PID/maps`, and the numbers of what is mapped.

use std::collections::HashMap;
use std::fs;
use std::io;

use libc::pid_t;

/// One line.
pub(crate) struct Line {
    pub(crate) start: u64,
    pub(crate) end: u64,
    permissions: String,
    offset: String,
    device: String,
    inode: String,
    name: String,
}

fn parse(line: &str) -> Option<Line> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let mut field = || fields.next().map(str::to_owned);
    Some(Line {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        permissions: field()?,
        offset: field()?,
        device: field()?,
        inode: field()?,
        name: field().unwrap_or_default().trim().to_owned(),
    })
}

/// What is mapped in the address space of this thread.
pub(crate) fn read(tid: pid_t) -> io::Result<Vec<Line>> {
    let text = fs::read_to_string(format!("/proc/{tid}/maps"))?;
    let lines = text.lines().map(|line| parse(line).ok_or_else(|| io::Error::other(format!("cannot read `{line}`"))));
    lines.collect()
}

/// Where the heap of this process begins.
pub(crate) fn heap(tid: pid_t) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{tid}/stat"))?;
    // The second field is a name in brackets, which may have anything in it. `start_brk` is number 47.
    let behind_name = text.rsplit_once(')').map(|(_, rest)| rest);
    let field = behind_name.and_then(|rest| rest.split_ascii_whitespace().nth(47 - 3));
    field.and_then(|field| field.parse().ok()).ok_or_else(|| io::Error::other("no start of the heap"))
}

/// Numbers for files and other objects, by device and inode.
#[derive(Default)]
pub(crate) struct Objects {
    numbers: HashMap<(String, String), usize>,
}

impl Objects {
    /// What is behind a line, as a trace says it. A line that names the object goes before, when it is seen for the first time.
    pub(crate) fn backing(&mut self, line: &Line, lines: &mut Vec<String>) -> String {
        match (line.inode.as_str(), line.name.as_str()) {
            ("0", "") => "-".into(),
            // A name that the program gave its own memory may have spaces.
            ("0", name) => name.split_ascii_whitespace().next().unwrap_or("-").into(),
            (inode, name) => {
                let next = self.numbers.len();
                let number = *self.numbers.entry((line.device.clone(), inode.into())).or_insert(next);
                if number == next {
                    // Where it is installed is nobody's business.
                    let name = name.trim_end_matches(" (deleted)");
                    let name = name.rsplit('/').next().unwrap_or(name);
                    lines.push(format!("object {number} {name}"));
                }
                number.to_string()
            }
        }
    }

    /// A line as a trace says it.
    pub(crate) fn write(&mut self, word: &str, line: &Line, lines: &mut Vec<String>) {
        let backing = self.backing(line, lines);
        let offset = line.offset.trim_start_matches('0');
        let offset = if offset.is_empty() { "0" } else { offset };
        lines.push(format!("{word} {:x} {:x} {} {offset} {backing}", line.start, line.end, line.permissions));
    }
}
