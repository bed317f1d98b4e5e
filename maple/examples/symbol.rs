//! Which library and which function does an address belong to? As a profiler or a panic handler asks it.
//!
//! Every function in the symbol tables of the executable and of its libraries goes into a [`RangeMap`], at the addresses where this process
//! has it. Then each address (a program counter) is one look-up.
//!
//! ```text
//! cargo run --release --example symbol                     # looks up a few addresses of its own
//! cargo run --release --example symbol -- 7f3a12345678     # looks up these, in hexadecimal
//! ```

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let symbols = linux::symbols()?;
    let asked = std::env::args().skip(1).map(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16));
    let mut asked = asked.collect::<Result<Vec<u64>, _>>()?;
    if asked.is_empty() {
        // A function of this program in its middle, two of the C library, one of whatever else there is, and what nobody has.
        let own: fn() -> _ = linux::symbols;
        asked =
            vec![own as usize as u64 + 5, libc::malloc as *const () as u64, libc::getpid as *const () as u64 + 1, 0xdead_beef];
    }
    println!("{} functions", symbols.iter().count());
    for address in asked {
        match symbols.get_range(address) {
            (range, Some(symbol)) => {
                println!("{address:#x}  {} + {:#x}  ({})", symbol.name, address - range.start(), symbol.library.display());
            }
            (gap, None) => println!("{address:#x}  no function from {:#x} to {:#x}", gap.start(), gap.end()),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example reads /proc/self/maps, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use maple_tree::RangeMap;
    use object::{Object, ObjectSegment, ObjectSymbol, SegmentFlags, SymbolKind, elf};
    use procfs::process::{MMPermissions, MMapPath, Process};
    use std::error::Error;
    use std::path::PathBuf;
    use std::rc::Rc;

    /// A function.
    pub(crate) struct Symbol {
        pub(crate) name: String,
        pub(crate) library: Rc<PathBuf>,
    }

    /// Every function that this process has mapped, at its addresses.
    pub(crate) fn symbols() -> Result<RangeMap<Box<Symbol>>, Box<dyn Error>> {
        let mut symbols = RangeMap::new();
        for mapping in Process::myself()?.maps()? {
            let MMapPath::Path(path) = mapping.pathname else { continue };
            // A file that was replaced on disk since, for one, says nothing about what is in memory.
            let (true, Ok(data)) = (mapping.perms.contains(MMPermissions::EXECUTE), std::fs::read(&path)) else { continue };
            let Ok(file) = object::File::parse(&*data) else { continue };
            // The segment that is mapped here tells where the file's addresses lie in memory.
            let Some(segment) = file.segments().find(|segment| {
                let (offset, size) = segment.file_range();
                let executable = matches!(segment.flags(), SegmentFlags::Elf { p_flags, .. } if (p_flags & elf::PF_X).0 != 0);
                executable && offset < mapping.offset + (mapping.address.1 - mapping.address.0) && mapping.offset < offset + size
            }) else {
                continue;
            };
            let bias = mapping
                .address
                .0
                .wrapping_sub(segment.address())
                .wrapping_add(segment.file_range().0)
                .wrapping_sub(mapping.offset);
            let library = Rc::new(path);
            for symbol in file.symbols().chain(file.dynamic_symbols()) {
                let first = symbol.address().wrapping_add(bias);
                let inside =
                    mapping.address.0 <= first && first < mapping.address.1 && symbol.size() <= mapping.address.1 - first;
                if symbol.kind() == SymbolKind::Text && symbol.size() > 0 && inside {
                    let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
                    // Some functions have several names: the first one stays.
                    let _ = symbols.insert(first..first + symbol.size(), Box::new(Symbol { name, library: library.clone() }));
                }
            }
        }
        Ok(symbols)
    }
}
