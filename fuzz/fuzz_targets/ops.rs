//! libFuzzer's side of [`maple_fuzz::Ops`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{Case, Ops};

fuzz_target!(|case: Ops| case.run());
