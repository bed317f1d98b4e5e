//! libFuzzer's side of [`maple_fuzz::ops`].

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: maple_fuzz::Input| maple_fuzz::ops(&input));
