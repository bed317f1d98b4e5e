//! libFuzzer's side of [`maple_fuzz::Ops`].

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: maple_fuzz::Ops| maple_fuzz::Case::run(&case));
