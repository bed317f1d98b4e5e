//! What was found wrong, what the attacks came to, and how far they are.

use crate::gate;
use std::io::{IsTerminal, Write};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// More problems than this are counted, not kept.
const KEPT: usize = 8;

#[derive(Clone, Copy)]
struct Problem {
    what: &'static str,
    numbers: [u64; 3],
    scene: usize,
}

struct Found {
    kept: [Option<Problem>; KEPT],
    count: usize,
    /// Described when there is memory, pointed at when there is none.
    scenes: Vec<String>,
}

static FOUND: Mutex<Found> = Mutex::new(Found { kept: [None; KEPT], count: 0, scenes: Vec::new() });

fn found<T>(look: impl FnOnce(&mut Found) -> T) -> T {
    look(&mut FOUND.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Says what the checks from here on are about.
pub(crate) fn scene(text: String) {
    found(|found| found.scenes.push(text));
}

/// Notes a problem unless `ok`. Never allocates, so that it works behind the closed gate.
pub(crate) fn check(ok: bool, what: &'static str, numbers: [u64; 3]) -> bool {
    if !ok {
        found(|found| {
            let scene = found.scenes.len();
            if let Some(free) = found.kept.iter_mut().find(|problem| problem.is_none()) {
                *free = Some(Problem { what, numbers, scene });
            }
            found.count += 1;
        });
    }
    ok
}

/// Notes two figures that should be equal and are not.
pub(crate) fn check_equal(is: usize, should: usize, what: &'static str) -> bool {
    check(is == should, what, [is as u64, should as u64, 0])
}

/// How many problems were found.
pub(crate) fn problems() -> usize {
    found(|found| found.count)
}

/// Prints what was found wrong.
pub(crate) fn print_problems() {
    found(|found| {
        for problem in found.kept.iter().flatten() {
            let scene = problem.scene.checked_sub(1).map_or("", |scene| &found.scenes[scene]);
            println!("wrong: {} {:?} ({scene})", problem.what, problem.numbers);
        }
        if found.count > KEPT {
            println!("wrong: and {} more", found.count - KEPT);
        }
    });
}

/// What removals came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Removals that found something to remove.
    pub(crate) removals: u64,
    /// Those of them that were prunes of any form, and erases, where they are counted apart.
    pub(crate) prunes: u64,
    pub(crate) erases: u64,
    /// Removals that returned an error.
    pub(crate) failures: u64,
    /// Requests for memory while removals ran, other than by readers that open read sections.
    pub(crate) allocations: u64,
    /// Requests of such readers.
    pub(crate) exempted: u64,
    pub(crate) longest: Duration,
    pub(crate) falls: usize,
    pub(crate) path_copies: u64,
}

/// Removals so far, for the watchdog.
static BEATS: AtomicU64 = AtomicU64::new(0);

impl Tally {
    /// Does one removal and takes the time. It counts if there is something to `find`.
    pub(crate) fn removal<T>(&mut self, find: bool, remove: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = remove();
        self.longest = self.longest.max(start.elapsed());
        self.removals += u64::from(find);
        BEATS.fetch_add(1, Ordering::Relaxed);
        result
    }

    /// Does one removal that may return an error and must not.
    pub(crate) fn fallible<T, E>(&mut self, find: bool, what: &'static str, remove: impl FnOnce() -> Result<T, E>) -> Option<T> {
        let result = self.removal(find, remove).ok();
        self.failures += u64::from(result.is_none());
        check(result.is_some(), what, [self.removals, 0, 0]);
        result
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        self.removals += other.removals;
        self.prunes += other.prunes;
        self.erases += other.erases;
        self.failures += other.failures;
        self.allocations += other.allocations;
        self.exempted += other.exempted;
        self.longest = self.longest.max(other.longest);
        self.falls += other.falls;
        self.path_copies += other.path_copies;
    }

    /// The beginning of the line that an attack ends with. It is only got to if no removal waited for a reader that stayed, or for
    /// memory: [`watch`] ends the process else.
    pub(crate) fn line(&self, attack: &str) -> String {
        let Self { removals, failures, allocations, longest, .. } = self;
        format!(
            "{attack}: {removals} removals, {failures} failures, {allocations} allocations, none waited, longest {longest:.1?}"
        )
    }
}

/// Ends the process when no removal has come to an end for a minute behind the closed gate: one waits for a reader that never leaves.
pub(crate) fn watch() {
    thread::spawn(|| {
        let mut seen = (BEATS.load(Ordering::Relaxed), Instant::now());
        loop {
            thread::sleep(Duration::from_secs(1));
            let beats = BEATS.load(Ordering::Relaxed);
            if beats != seen.0 || !gate::is_closed() {
                seen = (beats, Instant::now());
            } else if seen.1.elapsed() > Duration::from_secs(60) {
                eprintln!("\nwrong: a removal waits");
                process::exit(1);
            }
        }
    });
}

/// A line that says how far an attack is, on the standard error stream.
#[derive(Debug)]
pub(crate) struct Progress {
    attack: &'static str,
    steps: u64,
    start: Instant,
    printed: Option<Instant>,
    rewrite: bool,
}

impl Progress {
    pub(crate) fn new(attack: &'static str, steps: u64) -> Self {
        Self { attack, steps, start: Instant::now(), printed: None, rewrite: std::io::stderr().is_terminal() }
    }

    pub(crate) fn at(&mut self, step: u64, what: &str) {
        let pause = if self.rewrite { Duration::from_millis(200) } else { Duration::from_secs(5) };
        if self.printed.is_some_and(|printed| printed.elapsed() < pause) {
            return;
        }
        self.printed = Some(Instant::now());
        let (start, end) = if self.rewrite { ("\r\x1b[K", "") } else { ("", "\n") };
        let mut stderr = std::io::stderr().lock();
        let seconds = self.start.elapsed().as_secs();
        // A stream that cannot be written to is nobody's concern here.
        let _ = write!(stderr, "{start}{}: {step} of {} after {seconds} s: {what}{end}", self.attack, self.steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.rewrite {
            eprint!("\r\x1b[K");
        }
    }
}
