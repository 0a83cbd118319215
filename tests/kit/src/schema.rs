//! What `--json` prints, held against the schemas in `docs/schema` by the validator that
//! `tests/run tools` installs.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Schemas of what a command prints under `--json`, in their order; for commands whose output is one
/// object or array, or one a line.
pub const OF_COMMANDS: [(&str, &[&str]); 32] = [
    ("recv", &[]),
    ("open", &[]),
    ("watch", &["line"]),
    ("grep", &["line", "grep-count"]),
    ("inspect", &["inspect"]),
    ("catalog", &["catalog"]),
    ("triage", &["triage"]),
    ("report", &["triage"]),
    ("diff", &["diff"]),
    ("patterns", &["patterns", "assign"]),
    ("slice", &["slice"]),
    ("export", &["export"]),
    ("merge", &["merge"]),
    ("snapshot", &["snapshot"]),
    ("sign", &["sign"]),
    ("verify", &["verify"]),
    ("gc", &["gc"]),
    ("install", &["install"]),
    ("uninstall", &["uninstall"]),
    ("tap", &["tap"]),
    ("untap", &["tap"]),
    ("check", &["check"]),
    ("doctor", &["check"]),
    ("status", &["status"]),
    ("deploy", &["deploy"]),
    ("upload", &["upload"]),
    ("download", &["download", "fetch"]),
    ("init", &["init"]),
    ("config", &["config"]),
    ("completion", &[]),
    ("man", &[]),
    ("version", &["version"]),
];

/// What of these values, each with the name of its schema, is not as the schemas say; empty if all is.
/// Properties that a schema does not name are mistakes. Without values the schemas themselves are checked.
///
/// # Panics
/// If the validator is not there.
#[must_use]
pub fn problems(values: &[(&str, Value)]) -> String {
    // Where cargo runs the test, and not where this was built: clones share what is built.
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the test"));
    let script = package.ancestors().map(|folder| folder.join("tests/kit/src/schemas.py")).find(|path| path.exists());
    let script = script.expect("the package is in the repository");
    let python = cache().join("venv/bin/python");
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; tests/run tools installs it", python.display()));
    let mut input = child.stdin.take().expect("it is piped");
    if !values.is_empty() {
        let pairs: Vec<Value> = values.iter().map(|(name, value)| json!([name, value])).collect();
        input.write_all(json!(pairs).to_string().as_bytes()).expect("the validator reads");
    }
    drop(input);
    let output = child.wait_with_output().expect("it was started");
    assert!(output.status.success(), "the validator failed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a command printed, each value with the first schema of the command.
///
/// # Panics
/// If it is no JSON, or the command has no schema.
#[must_use]
pub fn values(command: &str, printed: &str) -> Vec<(&'static str, Value)> {
    let (_, schemas) = OF_COMMANDS.iter().find(|(name, _)| *name == command).expect("a command of logtap");
    let name = schemas.first().expect("a command that prints JSON");
    let values = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
    values.map(|value| (*name, value.unwrap_or_else(|error| panic!("{command}: {error}: {printed}")))).collect()
}

fn cache() -> PathBuf {
    let named = std::env::var_os("LOGTAP_CACHE").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/logtap-tests"))
}
