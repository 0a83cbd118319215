//! Loki push JSON: no panic, and every line handed over is text without NUL.
#![no_main]

mod sink;

use libfuzzer_sys::fuzz_target;
use logtap_push::Route;

fuzz_target!(|data: &[u8]| {
    sink::run(data, Route::Loki, "application/json");
    sink::run(data, Route::Raw, "application/x-ndjson");
});
