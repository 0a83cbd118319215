//! Everything that can be searched besides a directory, and lines that are none.

use std::process::Command;

use crate::world::{self, fixture, ok, run, run_with_input};

#[test]
fn standard_input_and_snapshots() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let expected = ok(&["grep", "refused", dir.to_str().unwrap()]);
    let files = world::data_files(&dir);
    let compressed: Vec<u8> = files.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(run_with_input(&["grep", "refused", "-"], &compressed).out, expected);
    let plain = Command::new("zstd").arg("-dcq").args(&files).output().unwrap().stdout;
    assert_eq!(run_with_input(&["grep", "refused", "-"], &plain).out, expected);
    let snapshot = temp.path().join("capture.tar.zst");
    let packed = Command::new("tar")
        .args(["--zstd", "--sort=name", "-cf"])
        .arg(&snapshot)
        .arg("-C")
        .arg(temp.path())
        .arg("capture")
        .status()
        .unwrap();
    assert!(packed.success());
    assert_eq!(ok(&["grep", "refused", snapshot.to_str().unwrap()]), expected);
    let one = files[0].to_str().unwrap();
    assert_eq!(ok(&["grep", "-c", "", one, one]).lines().count(), 2);
}

#[test]
fn every_line_read_is_accounted_for() {
    let input = b"{\"ts\":\"2026-01-01T00:00:00Z\",\"labels\":{},\"msg\":\"hit\"}\nnot json\n{\"msg\":5}\n\n{\"msg\":\"\\u0068it\"}\n";
    let outcome = run_with_input(&["grep", "--json", "hit", "-"], input);
    assert_eq!(outcome.out.lines().count(), 2);
    assert_eq!(outcome.err, "logtap: 4 lines read = 2 used + 2 rejected (not_a_line 2)\n");
    assert_eq!(run_with_input(&["grep", "nowhere", "-"], input).err, outcome.err, "whatever is searched for");
    assert_eq!(run_with_input(&["grep", "--quiet", "hit", "-"], input).err, "");
}

#[test]
fn several_captures_and_a_range_over_all() {
    let (rotated, killed) = (fixture("rotated"), fixture("killed"));
    let count = |paths: &[&str]| run(&[&["grep", "a"], paths].concat()).out.lines().count();
    assert_eq!(count(&[&rotated, &killed]), count(&[&rotated]) + count(&[&killed]));
    let outcome = run_with_input(&["grep", "a", "-", "--from", "-5m"], b"");
    assert_eq!(outcome.code, 2);
}
