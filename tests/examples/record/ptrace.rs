//! The system calls of a tracer.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;

use libc::{c_int, c_long, c_uint, c_void, pid_t};

/// What a thread stopped for.
pub(crate) enum Stop {
    /// It is about to make a call: number and arguments.
    Enter(c_long, [u64; 6]),
    /// It made a call: what that returned.
    Exit(i64),
    /// Another program is in its place.
    Exec,
    /// It started another thread or process.
    Clone,
    /// This signal is about to be delivered.
    Signal(c_int),
    /// It is no more.
    Gone,
}

/// Starts a program that stops at its first instruction.
pub(crate) fn start(command: &[OsString]) -> io::Result<Child> {
    let mut start = Command::new(&command[0]);
    start.args(&command[1..]);
    let trace_me = || match request(libc::PTRACE_TRACEME, 0, 0, ptr::null_mut()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    // SAFETY: The closure makes one system call, allocates nothing and takes no lock.
    unsafe { start.pre_exec(trace_me) };
    start.spawn()
}

fn request(request: c_uint, tid: pid_t, address: usize, data: *mut c_void) -> io::Result<c_long> {
    let address = ptr::without_provenance_mut::<c_void>(address);
    // SAFETY: No request made in this file writes to memory of this process, but `PTRACE_GET_SYSCALL_INFO`, whose caller says how much
    // there is at `data`.
    let done = unsafe { libc::ptrace(request, tid, address, data) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done) }
}

/// Says what the tracer of this stopped thread, and of all that it starts, wants to know.
pub(crate) fn set_options(tid: pid_t) -> io::Result<()> {
    let events = libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_TRACEVFORK;
    let options = usize::try_from(libc::PTRACE_O_TRACESYSGOOD | events).expect("bits");
    request(libc::PTRACE_SETOPTIONS, tid, 0, ptr::without_provenance_mut(options)).map(drop)
}

/// How a stopped thread goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    /// To the next stop, before or after a call.
    Calls,
    /// To the next event that is no call.
    Events,
    /// Without a tracer.
    Free,
}

/// Lets a stopped thread go on, with this signal or with none (0). That it was killed in the meantime is no error.
pub(crate) fn go(tid: pid_t, how: Go, signal: c_int) -> io::Result<()> {
    let what = match how {
        Go::Calls => libc::PTRACE_SYSCALL,
        Go::Events => libc::PTRACE_CONT,
        Go::Free => libc::PTRACE_DETACH,
    };
    let signal = usize::try_from(signal).expect("a signal");
    match request(what, tid, 0, ptr::without_provenance_mut(signal)) {
        Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(error),
        _ => Ok(()),
    }
}

/// Waits until some thread stops. Nothing if there are no threads.
pub(crate) fn wait() -> io::Result<Option<(pid_t, Stop)>> {
    let mut status = 0;
    // SAFETY: The status is written to a variable of its own.
    let tid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
    if tid < 0 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ECHILD) { Ok(None) } else { Err(error) };
    }
    if !libc::WIFSTOPPED(status) {
        return Ok(Some((tid, Stop::Gone)));
    }
    let stop = match (libc::WSTOPSIG(status), status >> 16) {
        (signal, 0) if signal == libc::SIGTRAP | 0x80 => call(tid)?,
        (signal, 0) => Stop::Signal(signal),
        (_, libc::PTRACE_EVENT_EXEC) => Stop::Exec,
        (_, _) => Stop::Clone,
    };
    Ok(Some((tid, stop)))
}

/// The call that a thread stopped for.
fn call(tid: pid_t) -> io::Result<Stop> {
    // `struct ptrace_syscall_info`: the kind of stop in the first byte, three words on the call's number or result.
    let mut words = [0_u64; 11];
    match request(libc::PTRACE_GET_SYSCALL_INFO, tid, size_of_val(&words), words.as_mut_ptr().cast()) {
        Ok(_) => {}
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(Stop::Clone),
        Err(error) => return Err(error),
    }
    Ok(match words[0].to_ne_bytes()[0] {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            let number = c_long::try_from(words[3]).map_err(io::Error::other)?;
            Stop::Enter(number, words[4..10].try_into().expect("six words"))
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => Stop::Exit(words[3].cast_signed()),
        _ => Stop::Clone,
    })
}

/// Whether two threads have one address space.
pub(crate) fn one_space(left: pid_t, right: pid_t) -> io::Result<bool> {
    const KCMP_VM: c_long = 1;
    let (left, right, unused) = (c_long::from(left), c_long::from(right), 0 as c_long);
    // SAFETY: The call reads its arguments and nothing else.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, left, right, KCMP_VM, unused, unused) };
    if order < 0 { Err(io::Error::last_os_error()) } else { Ok(order == 0) }
}

/// Sends a signal to a process.
pub(crate) fn kill(pid: pid_t, signal: c_int) {
    // SAFETY: The call reads its arguments and nothing else. Whether the process still is there does not matter.
    let _ = unsafe { libc::kill(pid, signal) };
}
