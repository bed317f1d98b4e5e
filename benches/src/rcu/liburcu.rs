//! liburcu's flavour on `membarrier`, if the library is there: it is looked for when a benchmark starts, so that nothing depends on it.
//!
//! `apt-get install liburcu8` (Debian) brings it. Its functions are called through pointers, which costs its read side more than
//! code that is inlined from its headers; for a grace period that makes no difference.

use super::Section;

/// Its functions.
#[derive(Clone, Copy, Debug)]
struct Functions {
    register_thread: extern "C" fn(),
    unregister_thread: extern "C" fn(),
    read_lock: extern "C" fn(),
    read_unlock: extern "C" fn(),
    synchronize_rcu: extern "C" fn(),
}

#[cfg(unix)]
fn load() -> Option<Functions> {
    use core::ffi::CStr;
    use core::mem;

    let open = |name: &CStr| {
        // SAFETY: the library runs its own constructor and nothing else.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        (!library.is_null()).then_some(library)
    };
    let library = open(c"liburcu-memb.so.8").or_else(|| open(c"liburcu-memb.so"))?;
    let function = |name: &CStr| {
        // SAFETY: the library is open, and stays so.
        let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
        // SAFETY: each name below is that of a function without arguments and without a result in liburcu's documented interface.
        (!symbol.is_null()).then(|| unsafe { mem::transmute::<*mut libc::c_void, extern "C" fn()>(symbol) })
    };
    Some(Functions {
        register_thread: function(c"urcu_memb_register_thread")?,
        unregister_thread: function(c"urcu_memb_unregister_thread")?,
        read_lock: function(c"urcu_memb_read_lock")?,
        read_unlock: function(c"urcu_memb_read_unlock")?,
        synchronize_rcu: function(c"urcu_memb_synchronize_rcu")?,
    })
}

#[cfg(not(unix))]
fn load() -> Option<Functions> {
    None
}

/// A thread that is registered.
#[derive(Debug)]
pub struct Liburcu(Functions);

impl Liburcu {
    /// Whether the library is there.
    pub fn is_there() -> bool {
        load().is_some()
    }
}

impl Section for Liburcu {
    fn begin() -> Self {
        let functions = load().expect("asked before whether it is there");
        (functions.register_thread)();
        Self(functions)
    }

    #[inline(always)]
    fn inside(&mut self, f: impl FnOnce()) {
        (self.0.read_lock)();
        f();
        (self.0.read_unlock)();
    }

    fn wait(&mut self) {
        (self.0.synchronize_rcu)();
    }
}

impl Drop for Liburcu {
    fn drop(&mut self) {
        (self.0.unregister_thread)();
    }
}
