//! libFuzzer's side of [`maple_fuzz::Oom`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{Case, Oom};

fuzz_target!(|case: Oom| case.run());
