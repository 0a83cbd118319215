//! The app whose lines are counted (`tests/cluster/writer`): compiled into one static file, and put into
//! pods in the place of their script.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Compiles it into a folder, which any user may read afterwards.
///
/// # Panics
/// When there is no compiler.
pub fn compile(folder: &Path) {
    let code = concat!(env!("CARGO_MANIFEST_DIR"), "/writer/main.rs");
    let target = ["--target", "x86_64-unknown-linux-gnu", "-C", "target-feature=+crt-static"];
    let built = Command::new("rustc")
        .args(["--edition", "2024", "-O"])
        .args(target)
        .arg("-o")
        .arg(folder.join("writer"))
        .arg(code)
        .status()
        .expect("rustc is there");
    assert!(built.success(), "the writer compiles");
    set_permissions(folder, Permissions::from_mode(0o755)).expect("the folder is ours");
}

/// The pod's one container becomes the writer of that folder; `rate` in kB/s, `shape` as its code says.
/// The namespace has to allow `hostPath`.
pub fn put_into(pod: &mut Value, folder: &Path, rate: u64, seconds: u64, shape: &str) {
    let container = &mut pod["spec"]["containers"][0];
    container["command"] = json!(["/writer", rate.to_string(), seconds.to_string(), shape]);
    container["args"] = json!([]);
    container["volumeMounts"] = json!([{ "name": "writer", "mountPath": "/writer", "readOnly": true }]);
    let path = folder.join("writer");
    pod["spec"]["volumes"] = json!([{ "name": "writer", "hostPath": { "path": path, "type": "File" } }]);
}
