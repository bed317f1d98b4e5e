//! libFuzzer's side of [`maple_fuzz::AllocGaps`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{AllocGaps, Case};

fuzz_target!(|case: AllocGaps| case.run());
