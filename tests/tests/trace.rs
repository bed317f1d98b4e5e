//! Traces: what each call does to the map, and what is refused with which error.

use std::error::Error;

use maple_tests::trace::{self, Backing, Operations, Problem, Protection, Trace, TraceError};

/// A trace with a heap, two anonymous mappings that touch, a file, and a stack, all read and write but the second.
fn text(calls: &str, end: &str) -> String {
    let count = calls.lines().count();
    let lines: String = calls.lines().chain(end.lines()).map(|line| format!("{}\n", line.trim())).collect();
    format!(
        "maple-trace 1\npage 1000\nheap 100000\nobject 0 a file\n\
         start 10000 20000 rw-p 0 -\nstart 20000 30000 r--p 0 -\nstart 40000 50000 rw-s 3000 0\nstart 900000 910000 rw-p 0 [stack]\n\
         {lines}calls {count}\n"
    )
}

const FIRST_CALL: usize = 9;

fn operations(calls: &str, end: &str) -> Operations {
    let trace: Trace = text(calls, end).parse().expect("a trace");
    trace.operations().expect("calls that the kernel can have done")
}

/// What there is after the changes.
fn held(operations: &Operations) -> Vec<maple_tests::Item> {
    let mut model = operations.model();
    for change in &operations.changes {
        assert_eq!(change.run(&mut model), Ok(()), "{change:x?}");
    }
    model.items().to_vec()
}

/// Checks that these calls end with this map, and come to so many changes.
#[track_caller]
fn come_to(calls: &str, end: &str, changes: usize) {
    let operations = operations(calls, end);
    assert_eq!(operations.settled(&held(&operations)), operations.end, "{calls}");
    assert_eq!(operations.changes.len(), changes, "{:x?}", operations.changes);
}

const A: &str = "end 10000 20000 rw-p 0 -\n";
const B: &str = "end 20000 30000 r--p 0 -\n";
const FILE: &str = "end 40000 50000 rw-s 3000 0\n";
const STACK: &str = "end 900000 910000 rw-p 0 [stack]\n";

#[test]
fn nothing_is_called() {
    come_to("", &[A, B, FILE, STACK].concat(), 0);
}

#[test]
fn mmap() {
    // Into a gap; beside an equal one, which it joins; over others; refused.
    come_to("mmap 0 1001 r-x 22 - 0 = 60000", &[A, B, FILE, "end 60000 62000 r-xp 0 -\n", STACK].concat(), 1);
    come_to("mmap 0 2000 r-- 22 - 0 = 30000", &[A, "end 20000 32000 r--p 0 -\n", FILE, STACK].concat(), 1);
    come_to("mmap 0 1000 rw- 1 0 13000 = 50000", &[A, B, "end 40000 51000 rw-s 3000 0\n", STACK].concat(), 1);
    come_to("mmap 0 1000 rw- 1 0 14000 = 50000", &[A, B, FILE, "end 50000 51000 rw-s 14000 0\n", STACK].concat(), 1);
    come_to("mmap 0 1000 rw- 2 0 13000 = 50000", &[A, B, FILE, "end 50000 51000 rw-p 13000 0\n", STACK].concat(), 1);
    come_to(
        "mmap 18000 30000 --- 32 - 0 = 18000",
        &["end 10000 18000 rw-p 0 -\nend 18000 48000 ---p 0 -\nend 48000 50000 rw-s b000 0\n", STACK].concat(),
        1,
    );
    come_to("mmap 18000 1000 rw- 32 - 0 = 18000", &[A, B, FILE, STACK].concat(), 0);
    come_to("mmap 0 1000 rw- 22 - 0 = -12", &[A, B, FILE, STACK].concat(), 0);
}

#[test]
fn munmap() {
    come_to("munmap 14000 1000 = 0", &["end 10000 14000 rw-p 0 -\nend 15000 20000 rw-p 0 -\n", B, FILE, STACK].concat(), 1);
    come_to("munmap 18000 30000 = 0", &["end 10000 18000 rw-p 0 -\nend 48000 50000 rw-s b000 0\n", STACK].concat(), 1);
    come_to("munmap 30000 10000 = 0", &[A, B, FILE, STACK].concat(), 0);
    come_to("munmap 14000 1000 = -12", &[A, B, FILE, STACK].concat(), 0);
}

#[test]
fn mprotect() {
    // Splits; joins; changes several, each to something else; goes up to the gap.
    come_to(
        "mprotect 14000 1000 r-- = 0",
        &["end 10000 14000 rw-p 0 -\nend 14000 15000 r--p 0 -\nend 15000 20000 rw-p 0 -\n", B, FILE, STACK].concat(),
        1,
    );
    come_to("mprotect 1f000 1000 r-- = 0", &["end 10000 1f000 rw-p 0 -\nend 1f000 30000 r--p 0 -\n", FILE, STACK].concat(), 1);
    come_to("mprotect 10000 20000 --x = 0", &["end 10000 30000 --xp 0 -\n", FILE, STACK].concat(), 1);
    come_to(
        "mmap 30000 10000 rw- 11 0 0 = 30000\nmprotect 28000 20000 rwx = 0",
        &[A, "end 20000 28000 r--p 0 -\nend 28000 30000 rwxp 0 -\nend 30000 40000 rwxs 0 0\nend 40000 48000 rwxs 3000 0\nend 48000 50000 rw-s b000 0\n", STACK].concat(),
        4,
    );
    come_to("mprotect 10000 10000 rw- = 0", &[A, B, FILE, STACK].concat(), 0);
    come_to(
        "mprotect 28000 20000 rw- = -12",
        &[A, "end 20000 28000 r--p 0 -\nend 28000 30000 rw-p 0 -\n", FILE, STACK].concat(),
        1,
    );
    come_to("mprotect 38000 20000 rw- = -12", &[A, B, FILE, STACK].concat(), 0);
    come_to("mprotect 10000 20000 --x = -13", &[A, B, FILE, STACK].concat(), 0);
}

#[test]
fn mremap() {
    // Shorter; longer in place; to elsewhere, longer; to elsewhere over something, shorter; leaving the old one; a second one.
    come_to("mremap 40000 10000 8000 1 0 = 40000", &[A, B, "end 40000 48000 rw-s 3000 0\n", STACK].concat(), 1);
    come_to("mremap 40000 10000 18000 1 0 = 40000", &[A, B, "end 40000 58000 rw-s 3000 0\n", STACK].concat(), 1);
    come_to(
        "mremap 48000 8000 c000 1 0 = 60000",
        &[A, B, "end 40000 48000 rw-s 3000 0\nend 60000 6c000 rw-s b000 0\n", STACK].concat(),
        2,
    );
    come_to(
        "mremap 40000 10000 4000 3 1e000 = 1e000",
        &["end 10000 1e000 rw-p 0 -\nend 1e000 22000 rw-s 3000 0\nend 22000 30000 r--p 0 -\n", STACK].concat(),
        2,
    );
    come_to("mremap 20000 10000 10000 5 0 = 60000", &[A, B, FILE, "end 60000 70000 r--p 0 -\n", STACK].concat(), 1);
    come_to("mremap 40000 0 4000 1 0 = 60000", &[A, B, FILE, "end 60000 64000 rw-s 3000 0\n", STACK].concat(), 1);
    come_to(
        "mremap 10000 20000 20000 3 60000 = 60000",
        &[FILE, "end 60000 70000 rw-p 0 -\nend 70000 80000 r--p 0 -\n", STACK].concat(),
        3,
    );
    come_to("mremap 40000 10000 18000 0 0 = -12", &[A, B, FILE, STACK].concat(), 0);
}

#[test]
fn brk() {
    come_to(
        "brk 0 = 100000\nbrk 100800 = 100800\nbrk 101000 = 101000",
        &[A, B, FILE, "end 100000 101000 rw-p 0 [heap]\n", STACK].concat(),
        1,
    );
    come_to("brk 108000 = 108000\nbrk 102001 = 102001", &[A, B, FILE, "end 100000 103000 rw-p 0 [heap]\n", STACK].concat(), 2);
    come_to("brk 108000 = 108000\nbrk 0 = 108000\nbrk 100000 = 100000", &[A, B, FILE, STACK].concat(), 2);
}

#[test]
fn shared_memory() {
    come_to("shmat 0 2000 rw- 0 = 60000", &[A, B, FILE, "end 60000 62000 rw-s 0 0\n", STACK].concat(), 1);
    come_to("shmat 0 2000 r-- 0 = 60000\nshmdt 60000 2000 = 0", &[A, B, FILE, STACK].concat(), 2);
}

/// Only the stack may be larger than it was, only downwards, and only into a gap.
#[test]
fn the_stack_grows() {
    let settles = |calls: &str, end: &str| {
        let operations = operations(calls, end);
        operations.settled(&held(&operations)) == operations.end
    };
    let (grown, low) = ("end 8f0000 910000 rw-p 0 [stack]\n", "mmap 0 1000 rwx 22 - 0 = 8f8000");
    assert!(settles("", &[A, B, FILE, grown].concat()));
    assert!(!settles("", &[A, B, FILE, "end 8f0000 910000 rw-p 0 -\n"].concat()), "it is no stack");
    assert!(!settles("", &[A, B, FILE, "end 900000 911000 rw-p 0 [stack]\n"].concat()), "upwards");
    assert!(!settles("", &[A, B, FILE, "end 901000 910000 rw-p 0 [stack]\n"].concat()), "smaller");
    assert!(!settles("", &[A, B, FILE, "end 8f0000 910000 r--p 0 [stack]\n"].concat()), "other attributes");
    assert!(!settles("", &[A, B, FILE].concat()), "gone");
    assert!(!settles(low, &[A, B, FILE, grown].concat()), "over something");
    assert!(!settles("munmap 900000 10000 = 0", &[A, B, FILE, grown].concat()), "there is none");
}

#[test]
fn differences_are_seen() {
    let same = [A, B, FILE, STACK].concat();
    for (from, to) in [("30000", "2f000"), ("r--p", "r-xp"), ("rw-s", "rw-p"), ("3000 0", "4000 0"), (B, ""), ("-\n", "[vdso]\n")]
    {
        let operations = operations("", &same.replacen(from, to, 1));
        assert_ne!(operations.settled(&held(&operations)), operations.end, "{from} is {to}");
    }
}

#[test]
fn values_are_attributes() {
    let operations = operations("mremap 40000 10000 10000 1 0 = 60000", &[A, B, "end 60000 70000 rw-s 3000 0\n", STACK].concat());
    let &(first, last, value) = operations.end.iter().find(|item| item.0 == 0x6_0000).expect("it is there");
    let attributes = &operations.attributes[usize::try_from(value).expect("an index")];
    assert_eq!((first, last), (0x6_0000, 0x6_ffff));
    assert_eq!((attributes.protection, attributes.shared), (Protection::parse("rw-").expect("letters"), true));
    assert_eq!((&attributes.backing, attributes.slide.wrapping_add(first)), (&Backing::Object(0), 0x3000));
}

#[track_caller]
fn is_refused(text: &str, line: usize, problem: &Problem) {
    let refused = text.parse::<Trace>().and_then(|trace| trace.operations()).expect_err("something is wrong");
    match refused {
        TraceError::Line { line: at, problem: why } => assert_eq!((at, &why), (line, problem), "{text}"),
        TraceError::Read { .. } => panic!("{refused}"),
    }
}

#[test]
fn calls_that_cannot_be() {
    let refused = |call: &str, problem: Problem| is_refused(&text(call, ""), FIRST_CALL, &problem);
    let field = |name, word: &str| Problem::Field(name, word.into());
    refused("mmap 0 1000 rw- 22 - 0 = 1f000", Problem::Occupied((0x1_f000, 0x1_ffff)));
    refused("shmat 0 1000 rw- 0 = 1f000", Problem::Occupied((0x1_f000, 0x1_ffff)));
    refused("mprotect 28000 10000 rw- = 0", Problem::Unmapped((0x2_8000, 0x3_7fff)));
    refused("mremap 38000 9000 9000 1 0 = 60000", Problem::Unmapped((0x3_8000, 0x4_0fff)));
    refused("mremap 10000 10000 11000 0 0 = 10000", Problem::Occupied((0x2_0000, 0x2_0fff)));
    refused("mremap 10000 10000 11000 1 0 = 40000", Problem::Occupied((0x4_0000, 0x5_0fff)));
    refused("brk a00000 = a00000", Problem::Occupied((0x10_0000, 0x9f_ffff)));
    refused("mmap 0 0 rw- 22 - 0 = 60000", Problem::Unsupported("a mapping of nothing"));
    refused("mremap 10000 1000 0 1 0 = 60000", Problem::Unsupported("a mapping of nothing"));
    refused("mmap 0 1000 rw- 40022 - 0 = 60000", Problem::Unsupported("a mapping of huge pages"));
    refused("mmap 0 1000 rw- 122 - 0 = 60000", Problem::Unsupported("a mapping that grows"));
    refused("mmap 0 1000 rw- 20 - 0 = 60000", Problem::Unsupported("this kind of mapping"));
    refused("mmap 0 1000 rw- 22 - 0 = 60001", field("address", "60001"));
    refused("munmap ffffffffffff0000 20000 = 0", field("address", "ffffffffffff0000"));
    refused("munmap 10000 ffffffffffffffff = 0", field("length", "ffffffffffffffff"));
}

#[test]
fn lines_that_are_wrong() {
    let good = text("munmap 10000 1000 = 0", A);
    let refused = |from: &str, to: &str, line: usize, problem: Problem| {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is in the trace");
        is_refused(&bad, line, &problem);
    };
    let field = |name, word: &str| Problem::Field(name, word.into());
    is_refused("", 1, &Problem::Header);
    refused("maple-trace 1", "maple-trace 2", 1, Problem::Header);
    refused("page 1000", "page 4000", 2, Problem::PageSize(0x4000));
    refused("heap 100000", "heap", 3, Problem::Missing("heap"));
    refused("heap 100000", "#", 11, Problem::Missing("heap"));
    refused("object 0", "object 1", 4, field("object", "1"));
    refused("start 20000", "start 1f000", 6, Problem::Span(0x1_f000, 0x3_0000));
    refused("start 20000 30000", "start 20000 20000", 6, Problem::Span(0x2_0000, 0x2_0000));
    refused("start 20000 30000", "start 20000 30800", 6, Problem::Span(0x2_0000, 0x3_0800));
    refused("start 20000", "start 2000g", 6, field("the first address", "2000g"));
    refused("r--p", "r--", 6, field("permissions", "r--"));
    refused("r--p", "-r-p", 6, field("permissions", "-r-p"));
    refused("r--p", "é-p", 6, field("permissions", "é-p"));
    refused("3000 0", "3000 1", 7, field("what is mapped", "1"));
    refused("3000 0", "3000", 7, Problem::Missing("what is mapped"));
    refused("3000 0", "3000 0 0", 7, Problem::Surplus("0".into()));
    refused("munmap", "mummap", 9, Problem::Unexpected("mummap".into()));
    refused("= 0", "- 0", 9, field("=", "-"));
    refused("= 0", "= --1", 9, field("the result", "--1"));
    refused("munmap 10000 1000 = 0", "brk 0 = -12", 9, field("the result", "-12"));
    refused("munmap 10000 1000 = 0", "mprotect 10000 1000 3 = 0", 9, field("protection", "3"));
    refused("munmap 10000 1000 = 0", "heap 100000", 9, Problem::Unexpected("heap".into()));
    refused("end 10000", "start a00000 b00000 rw-p 0 -\nend 10000", 10, Problem::Unexpected("start".into()));
    refused("calls 1", "munmap 10000 1000 = 0\ncalls 2", 11, Problem::Unexpected("munmap".into()));
    refused("calls 1", "calls 2", 11, Problem::Calls { told: 2, seen: 1 });
    refused("calls 1", "#", 11, Problem::Truncated);
    refused("calls 1", "calls 1\n#", 12, Problem::Surplus("#".into()));
    assert!(good.parse::<Trace>().is_ok());
}

#[test]
fn errors_say_where() {
    let missing = trace::load("no-such.trace").expect_err("there is no such file");
    assert!(missing.to_string().starts_with("no-such.trace: "), "{missing}");
    assert!(missing.source().is_some());
    let refused = text("mmap 0 1000 rw- 22 - 0 = 1f000", "").parse::<Trace>().and_then(|trace| trace.operations());
    assert_eq!(refused.expect_err("it is mapped").to_string(), "line 9: something is mapped in 1f000..=1ffff");
}
