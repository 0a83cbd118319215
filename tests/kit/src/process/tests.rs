//! The handle, tried on a shell that plays receiver.

use super::*;

fn shell(script: &str) -> io::Result<Recv> {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Recv::spawn(command)
}

#[test]
fn finds_the_port_and_collects_what_is_written() {
    let script = "trap 'echo bye >&2; exit 3' TERM; echo starting on 127.0.0.1:0 >&2; \
                  echo 'listening on http://127.0.0.1:4312/' >&2; while :; do sleep 0.02; done";
    let mut recv = shell(script).unwrap();
    assert_eq!(recv.addr().to_string(), "127.0.0.1:4312");
    assert!(recv.peak_rss().unwrap() > 100_000);
    let status = recv.stop(Duration::from_secs(5)).unwrap();
    assert_eq!(status.code(), Some(3));
    assert!(recv.stderr().ends_with("bye\n"), "{}", recv.stderr());
    assert!(recv.signal(Signal::TERM).is_err());
}

#[test]
fn an_early_end_tells_why() {
    let error = shell("echo no such folder >&2; exit 1").unwrap_err();
    assert!(error.to_string().contains("no such folder"), "{error}");
}

#[test]
fn dropping_kills() {
    let recv = shell("echo '[::1]:9' >&2; exec sleep 60").unwrap();
    let path = PathBuf::from(format!("/proc/{}", recv.pid()));
    assert!(path.exists());
    drop(recv);
    assert!(!path.exists());
}
