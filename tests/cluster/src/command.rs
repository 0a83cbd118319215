//! Runs `logtap` as its users do.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use logtap_testkit::schema;

/// What a run of `logtap` left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `logtap` with these arguments, to its end. The binary is the one beside the test's own. What it
/// prints under `--json` is held against its schema.
///
/// # Panics
/// When it is not there, or prints what its schema does not say.
#[must_use]
pub fn logtap(args: &[&str]) -> Ran {
    let output = Command::new(logtap_binary())
        .args(args)
        .output()
        .expect("logtap is built beside the tests: tests/run cluster does it");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ran = Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    if args.contains(&"--json") && !ran.stdout.is_empty() {
        let problems = schema::problems(&schema::values(args[0], &ran.stdout));
        assert!(problems.is_empty(), "{args:?}: {problems}\n{}", ran.stdout);
    }
    ran
}

/// Where the binary is that [`logtap`] runs.
///
/// # Panics
/// When the test's own place is not known.
#[must_use]
pub fn logtap_binary() -> PathBuf {
    let own = env::current_exe().expect("a test knows where it is");
    let folder = own.parent().and_then(|deps| deps.parent()).expect("tests are built into target/PROFILE/deps");
    folder.join("logtap")
}
