//! Hands a `logtap` with the feature `cloud` to the tests in this folder, which are in Python because
//! the servers that they need are.

use std::path::PathBuf;
use std::process::Command;

#[test]
fn buckets_and_links() {
    let run = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../tests/remote/run");
    let status = Command::new(run).env("LOGTAP_BIN", env!("CARGO_BIN_EXE_logtap")).status().unwrap();
    assert!(status.success(), "the tests above failed");
}
