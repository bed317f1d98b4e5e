//! libFuzzer's side of [`maple_fuzz::Cursors`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use maple_fuzz::{Case, Cursors};

fuzz_target!(|case: Cursors| case.run());
