//! The seeds that are checked in are those that the command in the README writes.

use maple_fuzz::{TARGETS, seeds};
use std::path::Path;

#[test]
fn seeds_are_up_to_date() {
    for target in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name);
        let files = std::fs::read_dir(&directory).expect("a directory of seeds").map(|entry| entry.expect("a file"));
        let mut found: Vec<(String, Vec<u8>)> = files
            .map(|file| (file.file_name().into_string().expect("a number"), std::fs::read(file.path()).expect("a seed")))
            .collect();
        found.sort();
        let stale = "cargo run -p maple-fuzz --example seeds";
        assert!(found == seeds(target), "the seeds of {} are not up to date: {stale}", target.name);
        assert!(found.iter().any(|(_, bytes)| !bytes.is_empty()), "{} has no seeds", target.name);
    }
}
