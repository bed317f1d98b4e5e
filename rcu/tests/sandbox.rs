//! Systems that know no `membarrier`, sandboxes that forbid it, and one that takes it away. Each in a child process of its own, with a
//! filter for system calls, and before anything was decided: so this file has one test.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use maple_rcu::{Grace, Rcu, ReadSide};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

// From the manual page of `membarrier`.
const QUERY: u32 = 0;
const PRIVATE_EXPEDITED: u32 = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: u32 = 1 << 4;

/// How a child process ends.
#[derive(PartialEq, Eq, Debug)]
enum End {
    Good,
    Bad(i32),
    Aborted,
}

/// Runs `child` in a child process. It is good if it returns `true`.
fn end_of(child: impl FnOnce() -> bool) -> End {
    // SAFETY: there is no thread but this one that would hold a lock for long.
    match unsafe { libc::fork() } {
        -1 => panic!("no process to be had"),
        0 => {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limits are read only.
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
            // SAFETY: ends the process if a grace period does not end.
            unsafe { libc::alarm(60) };
            let good = panic::catch_unwind(AssertUnwindSafe(child)).unwrap_or(false);
            // SAFETY: without handlers and destructors, which are the parent's.
            unsafe { libc::_exit(i32::from(!good)) }
        }
        process => {
            let mut status = 0;
            // SAFETY: the status is written to.
            unsafe { libc::waitpid(process, &raw mut status, 0) };
            match status {
                0 => End::Good,
                _ if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT => End::Aborted,
                _ => End::Bad(status),
            }
        }
    }
}

/// From now on `membarrier` with one of these commands is not done, but answered as `action` says. Whether the system has filters.
fn filter(commands: &[u32], action: u32) -> bool {
    let jump = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = |offset: u32| jump(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0);
    let is = |k: u32, jf: u8| jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, 0, jf);
    let answer = |k: u32| jump(libc::BPF_RET | libc::BPF_K, k, 0, 0);
    // The number of the call; then the lower half of its first argument.
    let mut program = vec![load(0), is(libc::SYS_membarrier as u32, 1 + 2 * commands.len() as u8), load(16)];
    for &command in commands {
        program.extend([is(command, 1), answer(action)]);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: this process gives up what it does not need.
    let given_up = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: the program is read only, and there until the call has returned.
    given_up == 0 && unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) } == 0
}

const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

/// Everything that waits, and a reader.
fn works() -> bool {
    drop(Grace::pin());
    Grace::synchronize().is_ok() && Grace::barrier().is_ok()
}

/// Whether readers have fences from the first on, and all is well.
fn does_with_fences() -> bool {
    Grace::read_side() == ReadSide::Fence && works() && Grace::use_fences() && Grace::read_side() == ReadSide::Fence
}

#[test]
fn membarrier_is_used_where_it_is_allowed() {
    // SAFETY: the call takes numbers.
    let known = unsafe { libc::syscall(libc::SYS_membarrier, QUERY, 0, 0) };
    let needed = i64::from(PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED);
    if cfg!(maple_rcu_fences) || known < 0 || known & needed != needed {
        assert_eq!(end_of(does_with_fences), End::Good);
        return;
    }
    // Whoever asks first, and whichever way.
    assert_eq!(end_of(|| Grace::read_side() == ReadSide::Membarrier && !Grace::use_fences() && works()), End::Good);
    assert_eq!(end_of(|| Grace::try_register().is_ok() && !Grace::use_fences() && works()), End::Good);
    assert_eq!(end_of(|| Grace::use_fences() && does_with_fences()), End::Good);
    if end_of(|| filter(&[], REFUSE)) != End::Good {
        eprintln!("not checked: sandboxes, as this system has no filters for system calls");
        return;
    }
    forbidden_from_the_start();
    taken_away();
    lost();
}

fn forbidden_from_the_start() {
    let all = [QUERY, PRIVATE_EXPEDITED, REGISTER_PRIVATE_EXPEDITED];
    assert_eq!(end_of(|| filter(&all, REFUSE) && does_with_fences()), End::Good);
    for commands in [[QUERY], [REGISTER_PRIVATE_EXPEDITED]] {
        assert_eq!(end_of(|| filter(&commands, REFUSE) && does_with_fences()), End::Good, "{commands:?}");
    }
    // Known, but nothing of what is needed: an older kernel.
    assert_eq!(end_of(|| filter(&[QUERY], libc::SECCOMP_RET_ERRNO) && does_with_fences()), End::Good);
    // Whoever asked for fences has no use for it.
    assert_eq!(end_of(|| Grace::use_fences() && filter(&all, libc::SECCOMP_RET_KILL_PROCESS) && does_with_fences()), End::Good);
}

/// Some readers have no fence: nothing is left that could be promised, not even in a child of the process.
fn taken_away() {
    for commands in [&[PRIVATE_EXPEDITED, REGISTER_PRIVATE_EXPEDITED][..], &[PRIVATE_EXPEDITED]] {
        let late = || Grace::read_side() == ReadSide::Membarrier && works() && filter(commands, REFUSE);
        assert_eq!(end_of(late), End::Good);
        assert_eq!(end_of(|| late() && works()), End::Aborted, "{commands:?}");
        assert_eq!(end_of(|| late() && end_of(works) == End::Aborted), End::Good, "{commands:?}");
    }
    // What has been registered need not be registered again.
    let late = || Grace::read_side() == ReadSide::Membarrier && works() && filter(&[REGISTER_PRIVATE_EXPEDITED], REFUSE);
    assert_eq!(end_of(|| late() && works()), End::Good);
}

/// The system may forget what was registered: once is not the end.
fn lost() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);

    /// Answers a call that was not done: at first with an error.
    unsafe extern "C" fn answer(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let is_first = ASKED.fetch_add(1, Ordering::Relaxed) == 0;
        // SAFETY: a handler with `SA_SIGINFO` is given the state of the thread.
        let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
        context.uc_mcontext.gregs[libc::REG_RAX as usize] = i64::from(if is_first { -libc::EPERM } else { 0 });
    }

    let child = || {
        // SAFETY: all zeros are a valid value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = answer as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler does nothing but count, and write to the state that it is given.
        let handled = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) } == 0;
        let ready = Grace::read_side() == ReadSide::Membarrier && works() && handled;
        // (There is no reader but this thread, so nothing is missed by what is answered only.)
        ready && filter(&[PRIVATE_EXPEDITED], libc::SECCOMP_RET_TRAP) && works() && ASKED.load(Ordering::Relaxed) > 1
    };
    assert_eq!(end_of(child), End::Good);
}
