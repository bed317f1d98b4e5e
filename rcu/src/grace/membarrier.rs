//! The system call `membarrier(2)`: a full fence on every running thread of the process, paid by the caller.
//!
//! Used where a store that one processor sees is seen by all, which the proof of shared periods needs (see the module above): so not on
//! POWER, MIPS and the like, nor where the manual leaves it open.

#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64", target_arch = "s390x"),
    not(miri),
    not(maple_rcu_fences)
))]
mod system {
    use libc::{SYS_membarrier, c_int, c_long, syscall};

    // From the manual page.
    const QUERY: c_int = 0;
    const PRIVATE_EXPEDITED: c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;

    fn membarrier(command: c_int) -> c_long {
        let none: c_int = 0;
        // SAFETY: the call takes a command, flags and a processor, and touches no memory of the caller's.
        unsafe { syscall(SYS_membarrier, command, none, none) }
    }

    pub(crate) fn register() -> bool {
        let known = membarrier(QUERY);
        let needed = c_long::from(PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED);
        known >= 0 && known & needed == needed && membarrier(REGISTER_PRIVATE_EXPEDITED) == 0
    }

    pub(crate) fn barrier() {
        if membarrier(PRIVATE_EXPEDITED) == 0 {
            return;
        }
        // Some readers have no fence. Once more, in case what was registered was lost; after that nothing can be promised any more.
        if !register() || membarrier(PRIVATE_EXPEDITED) != 0 {
            crate::abort();
        }
    }
}

#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64", target_arch = "s390x"),
    not(miri),
    not(maple_rcu_fences)
)))]
mod system {
    pub(crate) fn register() -> bool {
        false
    }

    pub(crate) fn barrier() {
        // Nobody was told that it could be relied on.
        crate::abort();
    }
}

/// Asks for the right to call [`barrier`]. Whether it was given.
pub(super) fn register() -> bool {
    system::register()
}

/// Has the effect of a full fence on every thread of the process. Ends the process if the system refuses, after [`register`] was granted.
pub(super) fn barrier() {
    system::barrier();
}
