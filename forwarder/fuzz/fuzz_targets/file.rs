//! The kubelet's files: no panic, and no text that was not in the line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| logtap_forwarder::fuzz::file(data));
