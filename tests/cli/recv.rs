//! `logtap recv` as a process of its own, through real sockets.

pub(crate) mod hook;
mod layout;
mod markers;
mod tls;
mod tokens;
mod webhooks;

use std::path::Path;
use std::time::{Duration, Instant};

use logtap_testkit::process::Recv;

/// Starts the binary under test, with no colour and nothing configured.
pub(crate) fn start(dir: &Path, args: &[&str]) -> Recv {
    let mut command = crate::world::logtap();
    command.args(["recv", "--headless", "--listen", "127.0.0.1:0", "--dir"]).arg(dir).args(args);
    Recv::spawn(command).unwrap()
}

pub(crate) fn stop(recv: &mut Recv) -> Duration {
    let begun = Instant::now();
    let status = recv.stop(Duration::from_secs(60)).unwrap();
    assert!(status.success(), "{status}: {}", recv.stderr());
    begun.elapsed()
}

/// Waits until `done`, which is looked at often, and fails after 20 s.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
