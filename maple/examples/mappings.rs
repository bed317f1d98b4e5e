//! What is mapped at an address, asked by one thread while another maps and unmaps.
//!
//! The tree starts as a copy of `/proc/self/maps`. A writer keeps it in step with its calls of `mmap` and `munmap`; a reader asks for random
//! addresses all the time, without a lock. Removing a mapping needs no memory, as it should be on the way to giving memory back.
//!
//! ```text
//! cargo run --release --example mappings
//! ```

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example reads /proc/self/maps, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use maple_tree::{Epoch, MapleTree, Rcu, RcuArc};
    use procfs::process::Process;
    use std::error::Error;
    use std::io;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::thread;

    const PAGE: u64 = 4096;
    const ROUNDS: u64 = 20_000;
    /// Mappings of the writer at any time.
    const HELD: usize = 200;

    type Tree = MapleTree<RcuArc<String>>;

    pub(crate) fn run() -> Result<(), Box<dyn Error>> {
        let tree = Tree::default();
        for mapping in Process::myself()?.maps()? {
            tree.store(mapping.address.0..mapping.address.1, RcuArc::try_new(format!("{:?}", mapping.pathname))?)?;
        }
        let at_start = tree.iter(&tree.pin()).count();
        // Where the writer is at work, so that the reader asks close by.
        let (near, done) = (AtomicU64::new(0), AtomicBool::new(false));
        let (mappings, holes) = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let outcome = write(&tree, &near);
                done.store(true, Ordering::Relaxed);
                outcome.map_err(|error| error.to_string())
            });
            let counts = read(&tree, &near, &done);
            writer.join().expect("the writer does not panic").map(|()| counts)
        })?;
        println!(
            "{ROUNDS} mappings came and went; {} look-ups beside that: {mappings} found a mapping, {holes} a hole",
            mappings + holes
        );
        println!("{at_start} mappings before, {} after", tree.iter(&tree.pin()).count());
        Ok(tree.synchronize()?)
    }

    /// Maps and unmaps, and says so to the tree.
    fn write(tree: &Tree, near: &AtomicU64) -> Result<(), Box<dyn Error>> {
        let mut held = Vec::new();
        for round in 0..ROUNDS {
            let size = PAGE * (1 + round % 16);
            // SAFETY: a new mapping, wherever the kernel likes it.
            let memory = unsafe {
                libc::mmap(ptr::null_mut(), size as usize, libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
            };
            if memory == libc::MAP_FAILED {
                return Err(io::Error::last_os_error().into());
            }
            let first = memory.addr() as u64;
            near.store(first, Ordering::Relaxed);
            tree.store(first..first + size, RcuArc::try_new(format!("round {round}, {} KiB", size / 1024))?)?;
            held.push((memory, size));
            if held.len() > HELD {
                let (memory, size) = held.swap_remove(round as usize * 7 % HELD);
                // First the tree, so that nobody finds what is gone. This cannot fail.
                tree.remove_whole(memory.addr() as u64..memory.addr() as u64 + size);
                // SAFETY: it was mapped above, and nobody else has it.
                unsafe { libc::munmap(memory, size as usize) };
            }
        }
        for (memory, size) in held {
            tree.remove_whole(memory.addr() as u64..memory.addr() as u64 + size);
            // SAFETY: as above.
            unsafe { libc::munmap(memory, size as usize) };
        }
        Ok(())
    }

    /// Asks for addresses near the writer's mappings until that is done. Returns how many were mapped, and how many not.
    fn read(tree: &Tree, near: &AtomicU64, done: &AtomicBool) -> (u64, u64) {
        let (mut mappings, mut holes) = (0_u64, 0_u64);
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        while !done.load(Ordering::Relaxed) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let address = near.load(Ordering::Relaxed) + (random >> 44);
            let guard = Epoch::pin();
            let (range, found) = tree.get_range(address, &guard);
            if (mappings + holes) % 100_000 == 0 {
                println!(
                    "{address:#x}  {:#x}..={:#x}  {}",
                    range.start(),
                    range.end(),
                    found.as_ref().map_or("a hole", |name| name.as_str())
                );
            }
            if found.is_some() { mappings += 1 } else { holes += 1 }
        }
        (mappings, holes)
    }
}
