//! The journal's entries: no panic, and what is read is what was written.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| logtap_forwarder::fuzz::journal(data));
