//! Any text as a file of allowed signers or of public keys: lines are taken or named, and a key that is
//! taken is found again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logtap_sign::signers::Signers;
use logtap_sign::{minisign, sigstore};

/// A line that counts, beside whatever else stands there.
const LINE: &str = "a@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

fuzz_target!(|text: &str| {
    let read = Signers::read(text, 1_790_000_000);
    let lines = text.lines().count();
    assert!(read.unused.iter().all(|(line, why)| (1..=lines).contains(line) && !why.is_empty()));
    assert!(!Signers::read(&format!("{text}\n{LINE}\n"), 1_790_000_000).is_empty());
    let _keys = (minisign::Key::read(text), sigstore::Key::read(text));
});
