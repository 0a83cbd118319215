//! Exit codes and error messages.

use std::process::Stdio;

use crate::world::{self, fixture, logtap, run};

#[test]
fn codes() {
    let capture = fixture("offset");
    let empty = tempfile::tempdir().unwrap();
    for (args, code) in [
        (vec!["grep", "nowhere to be seen", &capture], 0),
        (vec!["grep", "-q", "nowhere to be seen", &capture], 1),
        (vec!["grep", "-q", "", &capture], 0),
        (vec!["grep", "(", &capture], 2),
        (vec!["grep", "x", &capture, "--label", "nonsense"], 2),
        (vec!["grep", "x", &capture, "--from", "soon"], 2),
        (vec!["grep", "x", &capture, "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], 2),
        (vec!["grep", "-q", "x", "/nowhere"], 3),
        (vec!["inspect", empty.path().to_str().unwrap()], 3),
        (vec!["watch", "/nowhere"], 3),
        (vec!["catalog", "/nowhere"], 3),
        (vec!["nonsense"], 2),
        (vec![], 2),
        (vec!["--help"], 0),
        (vec!["help", "grep"], 0),
        (vec!["--version"], 0),
    ] {
        let outcome = run(&args);
        assert_eq!(outcome.code, code, "{args:?}: {}", outcome.err);
        assert!(code < 2 || outcome.out.is_empty(), "{args:?} prints data although it fails");
    }
}

#[test]
fn errors_as_json() {
    for (args, code, kind) in [
        (vec!["inspect", "/nowhere", "--json"], 3, "not_found"),
        (vec!["grep", "(", "/", "--format", "json"], 2, "usage"),
        (vec!["--json", "nonsense"], 2, "usage"),
        (vec!["slice", "x", "--json"], 2, "usage"),
    ] {
        let outcome = run(&args);
        let error: serde_json::Value =
            serde_json::from_str(&outcome.err).unwrap_or_else(|_| panic!("{args:?}: {}", outcome.err));
        assert_eq!(
            (outcome.code, &error["exit_code"], &error["error"]),
            (code, &code.into(), &kind.into()),
            "{args:?}"
        );
        assert!(error["message"].is_string() && error["hints"].is_array() && error["recoverable"] == false);
    }
}

#[cfg(not(feature = "cloud"))]
#[test]
fn a_build_without_buckets_says_which_has_them() {
    for args in
        [&["upload", "x", "--to", "s3://b"][..], &["download", "s3://b/x"], &["download", "https://b.invalid/x", "y"]]
    {
        let outcome = run(args);
        assert_eq!(outcome.code, 2);
        assert!(outcome.err.contains("--features cloud"), "{}", outcome.err);
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let mut child = logtap()
        .args(["grep", "", dir.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
