//! libFuzzer's side of [`maple_fuzz::PruneDup`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{Case, PruneDup};

fuzz_target!(|case: PruneDup| case.run());
