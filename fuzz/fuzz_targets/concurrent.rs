//! libFuzzer's side of [`maple_fuzz::Concurrent`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{Case, Concurrent};

fuzz_target!(|case: Concurrent| case.run());
