//! OTLP logs in both encodings: no panic, and text is text.
#![no_main]

mod sink;

use libfuzzer_sys::fuzz_target;
use logtap_push::Route;

fuzz_target!(|data: &[u8]| {
    sink::run(data, Route::Otlp, "application/x-protobuf");
    sink::run(data, Route::Otlp, "application/json");
});
