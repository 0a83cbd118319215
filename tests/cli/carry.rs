//! Carrying captures elsewhere: what the commands print, and that no misuse harms what was there.

mod misuse;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::oracle;
use crate::world::{self, Maker, logtap, ok, run};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&ok(args)).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn lines(dir: &Path) -> Vec<String> {
    oracle::all(dir).into_iter().map(|line| line.text).collect()
}

#[test]
fn slice_prints_what_the_result_holds() {
    let temp = tempfile::tempdir().unwrap();
    let source = world::capture(temp.path());
    let out = temp.path().join("part");
    let report = json(&[
        "slice",
        text(&source),
        "--from",
        "10:32:20",
        "--to",
        "10:32:40",
        "--label",
        "app=api",
        "-o",
        text(&out),
        "--json",
    ]);
    let wanted = |line: &oracle::Stored| {
        line.label("app") == "api"
            && line.ts() >= "2026-01-15T10:32:20"
            && line.ts() <= "2026-01-15T10:32:40.000000000Z"
    };
    let expected: Vec<String> = oracle::all(&source).into_iter().filter(wanted).map(|line| line.text).collect();
    assert!(expected.len() > 300);
    assert!(lines(&out) == expected);
    assert_eq!((&report["lines"], &report["gaps"], &report["read"]), (&expected.len().into(), &0.into(), &6000.into()));
    let inspected = json(&["inspect", text(&out), "--json"]);
    assert_eq!(inspected["total_lines"], report["lines"]);
    let said = run(&["slice", text(&source), "--grep", "nowhere to be seen", "--out", text(&temp.path().join("none"))]);
    assert!(said.code == 0 && said.out.contains("  0 lines, 0 gap marks"), "{} {}", said.out, said.err);
}

#[test]
fn merge_and_archives_give_back_every_line() {
    let temp = tempfile::tempdir().unwrap();
    let source = world::capture(temp.path());
    let at = |name: &str| temp.path().join(name);
    for (name, ends) in [("a", ["--to", "10:32:40"]), ("b", ["--from", "10:32:20"])] {
        ok(&["slice", text(&source), ends[0], ends[1], "-o", text(&at(name))]);
    }
    let report = json(&["merge", text(&at("a")), text(&at("b")), "--dedupe", "-o", text(&at("both")), "--json"]);
    let sorted = |dir: &Path| {
        let mut lines = lines(dir);
        lines.sort();
        lines
    };
    assert!(sorted(&at("both")) == sorted(&source));
    assert!(report["repeated"].as_u64().unwrap() > 1000);
    // Packed, it is read as it is, and comes back as it was.
    ok(&["snapshot", text(&at("both")), "--output", text(&at("both.tar.zst"))]);
    let jsonl = ok(&["export", text(&at("both.tar.zst")), "--format", "jsonl", "--out", text(&at("x.jsonl"))]);
    assert!(jsonl.contains(" 6000 lines"), "{jsonl}");
    ok(&["snapshot", "--extract", text(&at("both.tar.zst")), "--output", text(&at("back"))]);
    assert!(lines(&at("back")) == lines(&at("both")));
}

#[test]
fn export_to_a_stream_to_a_directory_and_under_other_names() {
    let temp = tempfile::tempdir().unwrap();
    let source = world::capture(temp.path());
    let streamed = run(&["export", text(&source), "--format", "jsonl", "--out", "-", "--level", "error"]);
    let errors =
        oracle::all(&source).into_iter().filter(|line| line.value["msg"].as_str().unwrap().starts_with("ERROR"));
    assert_eq!((streamed.code, streamed.out.lines().count()), (0, errors.count()));
    assert!(streamed.err.contains("0 of them gap marks"), "{}", streamed.err);
    let report =
        json(&["export", text(&source), "--format", "csv", "--schema", "otel", "-o", text(temp.path()), "--json"]);
    let made = PathBuf::from(report["output"].as_str().unwrap());
    let head = std::fs::read_to_string(&made).unwrap();
    assert!(head.starts_with("Timestamp,TimeUnixNano,SeverityText,"), "{}", &head[..80]);
    assert_eq!(report["lines"], 6000);
}

#[test]
fn a_capture_that_is_being_received_is_carried_as_far_as_it_has_come() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("live");
    let mut maker = Maker::open(&dir, 60_000);
    for _ in 0..30 {
        maker.write(100);
    }
    let at = |name: &str| temp.path().join(name);
    let report = json(&["slice", text(&dir), "-o", text(&at("part")), "--json"]);
    assert_eq!(report["lines"], 3000);
    ok(&["snapshot", text(&dir), "-o", text(&at("live.tar.zst"))]);
    maker.write(100);
    maker.close();
    ok(&["snapshot", "--extract", text(&at("live.tar.zst")), "-o", text(&at("back"))]);
    assert_eq!(lines(&at("back")).len(), 3000);
    assert_eq!(lines(&at("part")).len(), 3000);
}

#[test]
fn an_interrupted_command_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let source = world::capture(temp.path());
    // It waits in the middle of its work: nobody reads what it writes.
    let mut child = logtap()
        .args(["export", text(&source), "--format", "csv", "--out", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cancelled"));
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
}
