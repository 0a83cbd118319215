//! The whole help is frozen in `help.txt`; `LOGTAP_BLESS=1` writes it anew.

use std::path::Path;

use crate::world::{logtap, named, ok};

fn help(path: &[&str], into: &mut String) {
    let output = logtap().args(path).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    *into += &format!("$ logtap {} --help\n{text}\n", path.join(" "));
}

/// Every command, as the help lists them.
pub(crate) fn commands() -> Vec<String> {
    let text = ok(&["--help"]);
    let list = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names =
        list.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   ")));
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn help_is_as_frozen() {
    let mut all = String::new();
    help(&[], &mut all);
    for command in commands() {
        help(&[&command], &mut all);
    }
    for within in ["get", "path", "validate"] {
        help(&["config", within], &mut all);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cli/help.txt");
    if std::env::var_os("LOGTAP_BLESS").is_some() {
        std::fs::write(&path, &all).unwrap();
    }
    let frozen = std::fs::read_to_string(&path).unwrap();
    assert!(frozen == all, "the help has changed; look at it and run with LOGTAP_BLESS=1:\n{all}");
}

#[test]
fn plugin_of_kubectl() {
    let temp = tempfile::tempdir().unwrap();
    let link = temp.path().join("kubectl-logtap");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_logtap"), &link).unwrap();
    let output = named(link.to_str().unwrap()).args(["grep", "--help"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("Usage: kubectl logtap grep "));
}

#[test]
fn completions_manual_and_version() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(ok(&["completion", shell]).contains("logtap"), "{shell}");
    }
    assert!(ok(&["man"]).starts_with(".ie"));
    let temp = tempfile::tempdir().unwrap();
    ok(&["man", "--out", temp.path().join("man").to_str().unwrap()]);
    assert!(temp.path().join("man/logtap-grep.1").is_file());
    let version: serde_json::Value = serde_json::from_str(&ok(&["version", "--json"])).unwrap();
    assert!(version["version"].is_string() && version["rustVersion"].is_string());
}
