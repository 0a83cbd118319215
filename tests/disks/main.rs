//! The real binary on bad disks: full, stalling, capped, and without power.
//!
//! Needs root (or a user who may mount a tmpfs and use FUSE) and the `zstd` program.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures are part of the result")]

mod cap;
mod full;
mod power;
mod sender;
mod stall;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logtap_testkit::capture;
use logtap_testkit::client::LokiClient;
use logtap_testkit::counters::Counters;
use logtap_testkit::process::Recv;

fn start(dir: &Path, args: &[&str]) -> Recv {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logtap"));
    command.args(["recv", "--headless", "--listen", "127.0.0.1:0", "--dir"]).arg(dir).args(args);
    Recv::spawn(command).unwrap_or_else(|error| panic!("a start failed: {error}"))
}

/// A tmpfs of a given size; taken away when dropped.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "logtap-test"])
            .arg(folder.path())
            .output()
            .unwrap_or_else(|error| panic!("cannot run mount: {error}"));
        assert!(
            output.status.success(),
            "cannot mount a tmpfs, run this test as root: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // What still uses it keeps it until it ends.
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

/// Ends the threads that watch, also when an assertion fails beside them.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Bytes of all files of a folder. Files may come and go meanwhile.
fn used(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|data| data.len()).sum()
}

/// Asks again and again until told to stop; every answer must account for every line.
fn watch_balance(client: &mut LokiClient, stop: &AtomicBool) -> u64 {
    let mut samples = 0;
    while !stop.load(Ordering::Relaxed) {
        let counters = Counters::read(client).unwrap();
        assert!(counters.balances(), "{counters:?}");
        samples += 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    samples
}

fn passes_zstd(dir: &Path) {
    for file in capture::data_files(dir).unwrap() {
        let output = Command::new("zstd").args(["-tq", "--"]).arg(&file).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
}
