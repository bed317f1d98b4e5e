//! The recording of one address space.
//!
//! The threads of a program may call at the same time, and which of two calls the kernel did first cannot be told from when they began and
//! ended. So there is a token: a thread that is about to make a call that may change the map stops, and goes on only when no other one is in
//! such a call. The order of the lines is thus the order of the changes. Whoever wants to exit needs the token, too; who has it for that, or
//! returns it after the last call, finds the map as it is after the calls so far, and nothing changes it (but the growth of a stack) while it
//! is read.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libc::{c_long, pid_t};

use crate::maps::{self, Line, Objects};
use crate::ptrace::{self, Go, Stop};

/// When to end.
pub(crate) struct Limits {
    /// After so many calls.
    pub(crate) calls: usize,
    /// After so much time.
    pub(crate) time: Option<Duration>,
}

/// How long the program may take to terminate when it is told to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records what a command does.
pub(crate) fn record(command: &[OsString], limits: &Limits) -> io::Result<String> {
    let child = ptrace::start(command)?;
    let pid = pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let time_is_up = Arc::new(AtomicBool::new(false));
    if let Some(time) = limits.time {
        let time_is_up = Arc::clone(&time_is_up);
        thread::spawn(move || {
            thread::sleep(time);
            time_is_up.store(true, Ordering::Relaxed);
            // Wakes a program that makes no call; the tracer keeps the signal from it.
            ptrace::kill(pid, libc::SIGSTOP);
        });
    }
    let mut recorder = Recorder {
        pid,
        limit: limits.calls,
        time_is_up,
        tasks: HashMap::new(),
        busy: None,
        waiting: VecDeque::new(),
        recording: None,
        done: None,
    };
    while let Some((tid, stop)) = ptrace::wait()? {
        recorder.step(tid, stop)?;
    }
    recorder.done.ok_or_else(|| io::Error::other("the program was killed before the recording ended"))
}

/// A thread that shares the address space.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// In no call of interest.
    Running,
    /// About to make this call, stopped until nobody else is in one.
    Waiting(c_long, [u64; 6]),
    /// In this call.
    Calling(c_long, [u64; 6]),
}

struct Recorder {
    pid: pid_t,
    limit: usize,
    time_is_up: Arc<AtomicBool>,
    tasks: HashMap<pid_t, Task>,
    /// Who is in a call.
    busy: Option<pid_t>,
    /// Who wants to make one, in order of arrival.
    waiting: VecDeque<pid_t>,
    recording: Option<Recording>,
    /// The whole trace, when it is there.
    done: Option<String>,
}

struct Recording {
    lines: Vec<String>,
    objects: Objects,
    calls: usize,
    /// What a call to `shmdt` is about to unmap.
    detached: u64,
}

impl Recorder {
    fn step(&mut self, tid: pid_t, stop: Stop) -> io::Result<()> {
        match stop {
            Stop::Gone => {
                self.tasks.remove(&tid);
                if self.busy == Some(tid) {
                    self.busy = None;
                }
                self.next()
            }
            _ if !self.tasks.contains_key(&tid) => self.arrive(tid),
            Stop::Exec if tid != self.pid => {
                // It has an address space of its own now.
                self.tasks.remove(&tid);
                ptrace::go(tid, Go::Free, 0)
            }
            _ if self.done.is_some() => match stop {
                // The alarm of a recording that ended before.
                Stop::Signal(libc::SIGSTOP) => ptrace::go(tid, Go::Events, 0),
                Stop::Signal(signal) => ptrace::go(tid, Go::Events, signal),
                _ => ptrace::go(tid, Go::Events, 0),
            },
            Stop::Enter(number, arguments) if is_of_interest(number) => {
                self.tasks.insert(tid, Task::Waiting(number, arguments));
                self.waiting.push_back(tid);
                self.next()
            }
            Stop::Exit(result) => {
                if let Some(Task::Calling(number, arguments)) = self.tasks.insert(tid, Task::Running) {
                    self.busy = None;
                    let recording = self.recording.as_mut().expect("the program has started");
                    recording.call(tid, number, arguments, result)?;
                    if recording.calls >= self.limit || self.time_is_up.load(Ordering::Relaxed) {
                        self.end(tid)?;
                        return ptrace::go(tid, Go::Events, 0);
                    }
                }
                ptrace::go(tid, Go::Calls, 0)?;
                self.next()
            }
            Stop::Exec => {
                // The other threads are gone, and whoever borrows the old address space does not matter any more.
                self.begin(tid)?;
                ptrace::go(tid, Go::Calls, 0)
            }
            Stop::Signal(libc::SIGSTOP) if self.time_is_up.load(Ordering::Relaxed) => {
                if self.busy.is_none() {
                    self.end(tid)?;
                    return ptrace::go(tid, Go::Events, 0);
                }
                // The end comes when the call is done.
                ptrace::go(tid, Go::Calls, 0)
            }
            Stop::Signal(signal) => ptrace::go(tid, Go::Calls, signal),
            Stop::Enter(..) | Stop::Clone => ptrace::go(tid, Go::Calls, 0),
        }
    }

    /// The first stop of a thread or process.
    fn arrive(&mut self, tid: pid_t) -> io::Result<()> {
        if self.tasks.is_empty() && tid == self.pid && self.recording.is_none() {
            ptrace::set_options(tid)?;
            self.begin(tid)?;
            return ptrace::go(tid, Go::Calls, 0);
        }
        // Threads that are about to be gone have no address space, so all are asked.
        if !self.tasks.keys().any(|&known| ptrace::one_space(known, tid).unwrap_or(false)) {
            return ptrace::go(tid, Go::Free, 0);
        }
        self.tasks.insert(tid, Task::Running);
        ptrace::go(tid, if self.done.is_some() { Go::Events } else { Go::Calls }, 0)
    }

    /// A program was loaded.
    fn begin(&mut self, tid: pid_t) -> io::Result<()> {
        for &other in self.tasks.keys().filter(|&&other| other != tid) {
            // Threads that are gone are no error, and a process that waits for its call gets it.
            ptrace::go(other, Go::Free, 0)?;
        }
        self.tasks = HashMap::from([(tid, Task::Running)]);
        (self.busy, self.waiting) = (None, VecDeque::new());
        self.recording = Some(Recording::new(tid)?);
        Ok(())
    }

    /// Lets the next one make its call, if nobody is in one.
    fn next(&mut self) -> io::Result<()> {
        while self.busy.is_none() && self.done.is_none() {
            let Some(tid) = self.waiting.pop_front() else {
                return Ok(());
            };
            let Some(&Task::Waiting(number, arguments)) = self.tasks.get(&tid) else {
                continue;
            };
            if self.time_is_up.load(Ordering::Relaxed) || is_exit(number) && self.is_thread(tid) {
                self.end(tid)?;
                return ptrace::go(tid, Go::Events, 0);
            }
            self.tasks.insert(tid, Task::Calling(number, arguments));
            self.busy = Some(tid);
            if number == libc::SYS_shmdt {
                self.recording.as_mut().expect("the program has started").before_detach(tid, arguments[0])?;
            }
            ptrace::go(tid, Go::Calls, 0)?;
        }
        Ok(())
    }

    /// Whether it is a thread of the program, and not a process that borrows its address space.
    fn is_thread(&self, tid: pid_t) -> bool {
        std::fs::exists(format!("/proc/{}/task/{tid}", self.pid)).unwrap_or(false)
    }

    /// Takes the map as it is, lets everyone go on and tells the program to terminate.
    fn end(&mut self, tid: pid_t) -> io::Result<()> {
        let recording = self.recording.take().expect("the program has started");
        self.done = Some(recording.end(tid)?);
        for waiting in self.waiting.drain(..).filter(|&waiting| waiting != tid) {
            ptrace::go(waiting, Go::Events, 0)?;
        }
        let pid = self.pid;
        ptrace::kill(pid, libc::SIGTERM);
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            ptrace::kill(pid, libc::SIGKILL);
        });
        Ok(())
    }
}

fn is_exit(number: c_long) -> bool {
    number == libc::SYS_exit_group
}

/// Whether a call may change the map, or ends the program.
fn is_of_interest(number: c_long) -> bool {
    matches!(
        number,
        libc::SYS_mmap
            | libc::SYS_munmap
            | libc::SYS_mprotect
            | libc::SYS_pkey_mprotect
            | libc::SYS_mremap
            | libc::SYS_brk
            | libc::SYS_shmat
            | libc::SYS_shmdt
            | libc::SYS_remap_file_pages
            | libc::SYS_io_setup
            | libc::SYS_io_destroy
            | libc::SYS_exit_group
    )
}

fn protection(bits: u64) -> String {
    if bits & !7 != 0 {
        // Not understood, but not lost.
        return format!("{bits:x}");
    }
    [(1, 'r'), (2, 'w'), (4, 'x')].map(|(bit, letter)| if bits & bit != 0 { letter } else { '-' }).iter().collect()
}

impl Recording {
    fn new(tid: pid_t) -> io::Result<Self> {
        let mut lines: Vec<String> = ["maple-trace 1", "page 1000"].map(str::to_owned).into();
        lines.push(format!("heap {:x}", maps::heap(tid)?));
        let mut objects = Objects::default();
        for line in maps::read(tid)? {
            objects.write("start", &line, &mut lines);
        }
        Ok(Recording { lines, objects, calls: 0, detached: 0 })
    }

    fn call(&mut self, tid: pid_t, number: c_long, arguments: [u64; 6], result: i64) -> io::Result<()> {
        let [a, b, c, d, e, f] = arguments;
        let (address, outcome) = match u64::try_from(result) {
            Ok(address) => (Some(address), format!("= {address:x}")),
            Err(_) => (None, format!("= {result}")),
        };
        let text = match number {
            libc::SYS_mmap => {
                let private = d & 0x22 == 0x22;
                let backing = match address.filter(|_| !private) {
                    Some(address) => self.mapped(tid, address)?.1,
                    None => "-".into(),
                };
                // Without a file the kernel ignores the offset.
                let offset = if d & 0x20 == 0 { f } else { 0 };
                format!("mmap {a:x} {b:x} {} {d:x} {backing} {offset:x} {outcome}", protection(c))
            }
            libc::SYS_munmap => format!("munmap {a:x} {b:x} {outcome}"),
            libc::SYS_mprotect | libc::SYS_pkey_mprotect => format!("mprotect {a:x} {b:x} {} {outcome}", protection(c)),
            libc::SYS_mremap => {
                // The fifth argument means nothing unless the address is to be that.
                let to = if d & 0x2 != 0 { e } else { 0 };
                format!("mremap {a:x} {b:x} {c:x} {d:x} {to:x} {outcome}")
            }
            libc::SYS_brk => format!("brk {a:x} {outcome}"),
            libc::SYS_shmat => {
                let (length, backing) = match address {
                    Some(address) => self.mapped(tid, address)?,
                    None => (0, "-".into()),
                };
                let read_only = c & 0o10_000 != 0;
                let execute = c & 0o100_000 != 0;
                let bits = 1 | if read_only { 0 } else { 2 } | if execute { 4 } else { 0 };
                format!("shmat {b:x} {length:x} {} {backing} {outcome}", protection(bits))
            }
            libc::SYS_shmdt => format!("shmdt {a:x} {:x} {outcome}", self.detached),
            // Whoever reads the trace stops at it.
            other => format!("call-{other} {outcome}"),
        };
        self.lines.push(text);
        self.calls += 1;
        Ok(())
    }

    fn line(tid: pid_t, address: u64) -> io::Result<Option<Line>> {
        Ok(maps::read(tid)?.into_iter().find(|line| line.start <= address && address < line.end))
    }

    /// How much is mapped from this address on, and what.
    fn mapped(&mut self, tid: pid_t, address: u64) -> io::Result<(u64, String)> {
        let line = Self::line(tid, address)?.ok_or_else(|| io::Error::other(format!("nothing is mapped at {address:x}")))?;
        Ok((line.end - address, self.objects.backing(&line, &mut self.lines)))
    }

    fn before_detach(&mut self, tid: pid_t, address: u64) -> io::Result<()> {
        self.detached = Self::line(tid, address)?.map_or(0, |line| line.end - address);
        Ok(())
    }

    fn end(mut self, tid: pid_t) -> io::Result<String> {
        for line in maps::read(tid)? {
            self.objects.write("end", &line, &mut self.lines);
        }
        self.lines.push(format!("calls {}\n", self.calls));
        Ok(self.lines.join("\n"))
    }
}
