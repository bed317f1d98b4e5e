//! The extents of a sparse file: what is data, what is a hole, and where the next gigabyte would fit.
//!
//! ```text
//! cargo run --release --example extents               # makes a sparse file and punches holes into it
//! cargo run --release --example extents -- FILE       # shows those of a file
//! ```

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    match std::env::args_os().nth(1) {
        Some(path) => {
            let file = std::fs::File::open(path)?;
            linux::show(&linux::scan(&file)?, file.metadata()?.len());
            Ok(())
        }
        None => linux::punch_and_compare(),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example asks Linux for the holes of a file");
}

#[cfg(target_os = "linux")]
mod linux {
    use maple_tree::{RangeMap, U61};
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileExt;

    /// The data of a file: byte offsets, each extent with its number.
    type Extents = RangeMap<U61>;

    fn seek(file: &File, offset: u64, whence: libc::c_int) -> io::Result<Option<u64>> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: the descriptor is open as long as `file` is.
        let found = unsafe { libc::lseek(file.as_raw_fd(), offset, whence) };
        match u64::try_from(found) {
            Ok(found) => Ok(Some(found)),
            // Nothing of the kind behind the offset.
            Err(_) if io::Error::last_os_error().raw_os_error() == Some(libc::ENXIO) => Ok(None),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    /// What the file system says is data.
    pub(crate) fn scan(file: &File) -> io::Result<Extents> {
        let mut extents = Extents::new();
        let mut at = 0;
        for number in 0.. {
            let Some(data) = seek(file, at, libc::SEEK_DATA)? else { break };
            // There is a hole at the end of every file, if no other.
            let hole = seek(file, data, libc::SEEK_HOLE)?.unwrap_or(data + 1);
            extents.store(data..hole, U61::new(number).unwrap_or(U61::MAX)).map_err(io::Error::other)?;
            at = hole;
        }
        Ok(extents)
    }

    pub(crate) fn show(extents: &Extents, length: u64) {
        let bytes = |range: &std::ops::RangeInclusive<u64>| range.end() - range.start() + 1;
        let data: u64 = extents.iter().map(|(range, _)| bytes(&range)).sum();
        println!("{length} bytes, of which {data} are data in {} extents", extents.iter().count());
        for (range, _) in extents.iter().take(8) {
            println!("  data  {:>12} ..= {:<12} {:>10} KiB", range.start(), range.end(), bytes(&range) / 1024);
        }
        if let Some(hole) = extents.gaps(..length).max_by_key(bytes) {
            println!("  the largest hole: {} ..= {}, {} KiB", hole.start(), hole.end(), bytes(&hole) / 1024);
        }
    }

    /// Keeps a map in step with a file while holes are punched into it, and compares it with what the file system says.
    pub(crate) fn punch_and_compare() -> io::Result<()> {
        const BLOCK: u64 = 64 * 1024;
        let path = std::env::temp_dir().join(format!("maple-extents-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        // Gone when it is closed.
        std::fs::remove_file(&path)?;
        for block in (0..600).filter(|block| block % 3 != 0) {
            file.write_all_at(&[1; BLOCK as usize], block * BLOCK)?;
        }
        file.set_len(700 * BLOCK)?;
        let mut extents = scan(&file)?;
        show(&extents, 700 * BLOCK);
        for hole in [5, 77, 100, 301, 302, 304, 500] {
            let (first, length) = (hole * BLOCK, 2 * BLOCK);
            let (from, size) = (libc::off_t::try_from(first), libc::off_t::try_from(length));
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: the descriptor is open as long as `file` is.
            let done = unsafe {
                libc::fallocate(file.as_raw_fd(), mode, from.map_err(io::Error::other)?, size.map_err(io::Error::other)?)
            };
            if done != 0 {
                return Err(io::Error::last_os_error());
            }
            extents.remove(first..first + length).map_err(io::Error::other)?;
        }
        let ranges = |extents: &Extents| extents.iter().map(|(range, _)| range).collect::<Vec<_>>();
        let scanned = scan(&file)?;
        println!("after seven holes:");
        show(&extents, 700 * BLOCK);
        let same = ranges(&extents) == ranges(&scanned);
        println!("the map and the file system {}", if same { "agree" } else { "differ" });
        if same { Ok(()) } else { Err(io::Error::other("the map and the file system differ")) }
    }
}
