//! libFuzzer's side of [`maple_fuzz::Decode`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{Case, Decode};

fuzz_target!(|case: Decode| case.run());
