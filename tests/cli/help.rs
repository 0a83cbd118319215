//! The whole help is frozen in `help.txt`; `LOGTAP_BLESS=1` writes it anew.

use std::path::PathBuf;

use crate::world::{logtap, named, ok};

fn help(path: &[&str], into: &mut String) {
    let output = logtap().args(path).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    *into += &format!("$ logtap {} --help\n{text}\n", path.join(" "));
}

/// Every command, as the help lists them in groups.
pub(crate) fn commands() -> Vec<String> {
    let text = ok(&["--help"]);
    let groups = text.lines().skip_while(|line| !line.starts_with("Usage:")).take_while(|line| *line != "Options:");
    groups.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned)).collect()
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
    let path = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../tests/cli/help.txt");
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
fn help_fits_eighty_columns() {
    let mut wanted = vec![vec![], vec!["help".to_owned()], vec!["config".to_owned(), "get".to_owned()]];
    wanted.extend(commands().into_iter().map(|name| vec![name]));
    assert!(wanted.len() > 30);
    for path in wanted {
        for flag in ["--help", "-h"] {
            let mut command = logtap();
            // `help` is the long help of all, without a flag.
            let flag = Some(flag).filter(|_| path != ["help"]);
            let text = command.env("COLUMNS", "80").args(&path).args(flag).output().unwrap().stdout;
            let text = String::from_utf8(text).unwrap();
            assert!(text.lines().count() > 5, "{path:?}");
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{path:?} {flag:?}: {line}");
            }
        }
    }
}

#[test]
fn version() {
    let version: serde_json::Value = serde_json::from_str(&ok(&["version", "--json"])).unwrap();
    assert!(version["version"].is_string() && version["rustVersion"].is_string());
}
