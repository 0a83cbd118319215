//! The app whose lines are counted (`writer/main.rs`): built once for a test, and put into pods.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::processes::folder;

/// Where pods have the folder.
const MOUNT: &str = "/writer";

/// The program, and a folder beside it in which it may leave what it measured.
#[derive(Debug)]
pub struct Writer {
    folder: TempDir,
}

impl Writer {
    /// Compiles it.
    ///
    /// # Panics
    /// When it does not compile.
    #[must_use]
    pub fn build() -> Self {
        let folder = tempfile::Builder::new().prefix("writer").tempdir_in(folder()).expect("the folder is ours");
        let code = format!("{}/writer/main.rs", std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the test"));
        let target = ["--target", "x86_64-unknown-linux-gnu", "-C", "target-feature=+crt-static"];
        let built = Command::new("rustc")
            .args(["--edition", "2024", "-O"])
            .args(target)
            .arg("-o")
            .arg(folder.path().join("writer"))
            .arg(code)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the writer compiles");
        // Apps run as somebody else.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("it is ours");
        Self { folder }
    }

    /// Has a pod's container run it with these arguments in place of a script.
    #[must_use]
    pub fn run_in(&self, mut pod: Value, arguments: &[&str]) -> Value {
        let program = format!("{MOUNT}/writer");
        let command: Vec<&str> = std::iter::once(program.as_str()).chain(arguments.iter().copied()).collect();
        let container = &mut pod["spec"]["containers"][0];
        container["command"] = json!(command);
        container["args"] = json!([]);
        container["volumeMounts"] = json!([{ "name": "writer", "mountPath": MOUNT }]);
        pod["spec"]["volumes"] =
            json!([{ "name": "writer", "hostPath": { "path": self.folder.path(), "type": "Directory" } }]);
        pod
    }

    /// A file that a pod wrote into `/writer`; empty where it did not.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}
