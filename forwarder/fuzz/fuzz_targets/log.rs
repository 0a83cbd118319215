//! A log stream of the API server: no panic, and the same lines however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| logtap_forwarder::fuzz::log(data));
