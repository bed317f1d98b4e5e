//! Writes the seeds that the fuzzer starts from, `fuzz/seeds/<target>/`: of pseudo-random cases the few that together make each call there is.
//!
//! `cargo run -p maple-fuzz --example seeds` from anywhere in the workspace; what is there already is replaced.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for target in maple_fuzz::TARGETS {
        let directory = seeds.join(target.name);
        if directory.exists() {
            std::fs::remove_dir_all(&directory)?;
        }
        std::fs::create_dir_all(&directory)?;
        let chosen = maple_fuzz::seeds(target);
        for (name, bytes) in &chosen {
            std::fs::write(directory.join(name), bytes)?;
        }
        let bytes: usize = chosen.iter().map(|(_, bytes)| bytes.len()).sum();
        println!("{}: {} seeds, {bytes} bytes", target.name, chosen.len());
    }
    Ok(())
}
