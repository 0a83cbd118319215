//! Deleting old captures: what goes, and above all what stays.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::world::{self, Maker, contents, logtap, ok, run};

/// A capture whose last session stopped then.
fn stopped(dir: &Path, at: &str) -> PathBuf {
    std::fs::create_dir_all(dir).unwrap();
    let made = world::capture(dir.parent().unwrap());
    std::fs::remove_dir(dir).unwrap();
    std::fs::rename(made, dir).unwrap();
    let path = dir.join("metadata.json");
    let mut metadata: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    metadata["stopped"] = at.into();
    std::fs::write(&path, metadata.to_string()).unwrap();
    dir.to_owned()
}

fn listed(json: &str) -> Vec<String> {
    let all: Vec<Value> = serde_json::from_str(json).unwrap();
    all.iter().map(|one| one["dir"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

/// A tree of everything: what goes by age is `old` and `older`.
fn tree(root: &Path) -> Maker {
    stopped(&root.join("old"), "2026-02-01T00:00:00Z");
    stopped(&root.join("older"), "2026-01-01T00:00:00Z");
    stopped(&root.join("new"), "2199-01-01T00:00:00Z");
    let with_notes = stopped(&root.join("with-notes"), "2026-01-01T00:00:00Z");
    std::fs::write(with_notes.join("notes.txt"), "mine").unwrap();
    let corrupt = stopped(&root.join("corrupt"), "2026-01-01T00:00:00Z");
    std::fs::write(corrupt.join("metadata.json"), r#"{"version":1,"#).unwrap();
    let outside = stopped(&root.join("outside/elsewhere"), "2026-01-01T00:00:00Z");
    symlink(&outside, root.join("link")).unwrap();
    std::fs::create_dir(root.join("project")).unwrap();
    std::fs::write(root.join("project/metadata.json"), r#"{"name":"not ours","version":1}"#).unwrap();
    std::fs::write(root.join("file.jsonl"), "{}\n").unwrap();
    // A receiver writes it, and has for long.
    let mut live = Maker::open(&root.join("live"), 60_000);
    live.write(100);
    live
}

#[test]
fn exactly_what_a_rehearsal_lists_goes() {
    let temp = tempfile::tempdir().unwrap();
    let live = tree(temp.path());
    let root = temp.path().to_str().unwrap();
    let before = contents(temp.path());
    let rehearsed = run(&["gc", root, "--max-age", "7d", "--dry-run", "--json"]);
    assert_eq!(rehearsed.code, 0, "{}", rehearsed.err);
    assert_eq!(listed(&rehearsed.out), ["older", "old"], "oldest first");
    for kept in ["with-notes is kept: notes.txt", "corrupt is kept", "project is kept", "live is kept: a receiver"] {
        assert!(rehearsed.err.contains(kept), "{kept}: {}", rehearsed.err);
    }
    assert_eq!(contents(temp.path()), before);
    let gone = run(&["gc", root, "--max-age", "7d", "--json"]);
    assert_eq!((gone.code, listed(&gone.out)), (0, listed(&rehearsed.out)), "{}", gone.err);
    let is_gone = |path: &Path| ["old", "older"].iter().any(|name| path.starts_with(temp.path().join(name)));
    let mut left = before;
    left.retain(|path, _| !is_gone(path));
    assert_eq!(contents(temp.path()), left);
    live.close();
}

#[test]
fn the_oldest_go_until_the_rest_is_small_enough() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().to_str().unwrap();
    let mut size = 0;
    for month in 1..=4 {
        let dir = stopped(&temp.path().join(format!("m{month}")), &format!("2026-0{month}-01T00:00:00Z"));
        size = contents(&dir).values().map(Vec::len).sum();
    }
    let most = (size * 5 / 2).to_string();
    let said = run(&["gc", root, "--max-total", &most]);
    assert_eq!(said.code, 0, "{}", said.err);
    let deleted: Vec<bool> = ["m1", "m2", "m3", "m4"].map(|name| said.out.contains(&format!("/{name} "))).into();
    assert_eq!(deleted, [true, true, false, false], "{}", said.out);
    assert!(said.err.contains("2 captures"), "{}", said.err);
    assert_eq!(listed(&run(&["gc", root, "--max-total", &most, "--json"]).out), [""; 0]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let capture = stopped(&temp.path().join("run"), "2026-01-01T00:00:00Z");
    for (args, code) in [
        (vec!["gc", temp.path().to_str().unwrap()], 2),
        (vec!["gc", temp.path().to_str().unwrap(), "--max-age", "soon"], 2),
        (vec!["gc", "/nowhere", "--max-age", "7d"], 3),
        (vec!["gc", capture.to_str().unwrap(), "--max-age", "7d"], 2),
    ] {
        assert_eq!(run(&args).code, code, "{args:?}");
    }
    assert!(ok(&["inspect", capture.to_str().unwrap()]).contains("run"));
}

/// Receivers start in directories while they are deleted: each of them has a whole capture of its own, or
/// did not start.
#[test]
fn a_receiver_that_starts_meanwhile_loses_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().to_str().unwrap();
    for round in 0..20 {
        let dir = stopped(&temp.path().join("run"), "2026-01-01T00:00:00Z");
        let mut gc =
            logtap().args(["gc", root, "--max-age", "7d"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(round * 300));
        // What a receiver does at its start.
        let opened = std::panic::catch_unwind(|| Maker::open(&dir, 60_000));
        assert!(gc.wait().unwrap().success());
        if let Ok(mut maker) = opened {
            maker.write(100);
            maker.close();
            let counted = ok(&["grep", "-c", "", dir.to_str().unwrap()]);
            let of_files = counted.lines().map(|line| line.rsplit(':').next().unwrap().parse::<u64>().unwrap());
            assert!([100, 6100].contains(&of_files.sum()), "{counted}");
        }
        if dir.exists() {
            std::fs::remove_dir_all(&dir).unwrap();
        }
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "nothing is left half");
    }
}
