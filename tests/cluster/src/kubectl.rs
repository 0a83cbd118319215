//! Calls kubectl, and waits for what a cluster takes its time to do.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(90);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Runs kubectl with `input` on its standard input. What it prints, or what it complains about.
///
/// # Errors
/// When kubectl ends with another status than 0.
///
/// # Panics
/// When kubectl cannot be run at all.
pub fn kubectl(args: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new("kubectl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl is not there; these tests run through tests/run cluster");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    // kubectl says itself what is wrong when it does not read.
    stdin.write_all(input.as_bytes()).unwrap_or_default();
    drop(stdin);
    let output = child.wait_with_output().expect("kubectl was started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Looks again and again until there is something.
///
/// # Panics
/// When there is nothing after a minute and a half; the message ends with the last complaint.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(complaint) if began.elapsed() > PATIENCE => panic!("gave up waiting for {what}: {complaint}"),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
