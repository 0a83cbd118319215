//! A merge holds every line of its sources once, in order of time where they meet, in bounded memory and in
//! the same bytes each time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::metadata::Metadata;
use logtap_capture::target::Target;
use logtap_capture::time::SECOND;
use logtap_carry::CarryError;
use logtap_carry::filter::Words;
use logtap_carry::merge::{Merged, Options, merge};
use logtap_carry::slice::slice;
use serde_json::Value;
use support::{
    FailingDisk, Failure, NO_META, START, capture, carried, contents, control, decode, filter, is_gap, labels, open,
    ts, varied,
};

fn join_on(dirs: &[&Path], to: &Path, options: Options, disk: Arc<dyn Disk>) -> Result<Merged, CarryError> {
    let target = Target::directory(to, dirs, false)?;
    merge(dirs.iter().map(|dir| open(dir)).collect(), options, target, disk, control())
}

fn join(dirs: &[&Path], to: &Path, options: Options) -> Merged {
    join_on(dirs, to, options, Arc::new(RealDisk)).unwrap()
}

/// Lines of one service each 200 ms, `count` of them from `from` on.
fn steady(dir: &Path, app: &str, from: i64, count: usize) -> PathBuf {
    let set = labels(&[("app", app)]);
    capture(dir, |n, builder| {
        for at in n * 50..(n * 50 + 50).min(count) {
            let ts = from + at as i64 * SECOND / 5;
            builder.push(&set, ts, ts, &format!("{app} {at} {}", support::noise(at as u64, 40)), &NO_META);
        }
        n * 50 + 50 < count
    })
}

fn sorted(mut lines: Vec<Value>) -> Vec<Value> {
    lines.sort_by(|a, b| ts(a).cmp(ts(b)));
    lines
}

#[test]
fn disjoint_captures_follow_one_another_as_they_stand() {
    let temp = support::tempdir();
    let late = steady(&temp.path().join("late"), "b", START + 3600 * SECOND, 700);
    let early = steady(&temp.path().join("early"), "a", START, 700);
    let merged = join(&[&late, &early], &temp.path().join("out"), Options::default());
    let mut expected = decode(&early);
    expected.extend(decode(&late));
    assert_eq!(decode(&temp.path().join("out")), expected);
    assert_eq!((merged.made.lines, merged.repeated), (1400, 0));
    let opened = open(&temp.path().join("out"));
    assert_eq!(opened.range().unwrap().to, START + 3600 * SECOND + 699 * SECOND / 5);
}

#[test]
fn overlapping_captures_are_in_order_and_stable() {
    let temp = support::tempdir();
    let dirs = ["a", "b", "c"].map(|app| steady(&temp.path().join(app), app, START, 900));
    let before = contents(&dirs[0]);
    let folders: Vec<&Path> = dirs.iter().map(PathBuf::as_path).collect();
    join(&folders, &temp.path().join("out"), Options::default());
    let expected = sorted(dirs.iter().flat_map(|dir| decode(dir)).collect());
    assert!(decode(&temp.path().join("out")) == expected);
    assert_eq!(contents(&dirs[0]), before);
    join(&folders, &temp.path().join("again"), Options::default());
    assert_eq!(contents(&temp.path().join("out")), contents(&temp.path().join("again")));
}

#[test]
fn badly_ordered_captures_keep_every_line() {
    let temp = support::tempdir();
    let dirs = ["one", "two"].map(|name| varied(&temp.path().join(name)));
    let merged = join(&[&dirs[0], &dirs[1]], &temp.path().join("out"), Options::default());
    let key = |line: &Value| (ts(line).to_owned(), line.to_string());
    let mut expected: Vec<_> = dirs.iter().flat_map(|dir| decode(dir)).map(|line| key(&carried(&line))).collect();
    expected.sort();
    let result = decode(&temp.path().join("out"));
    assert!(result.is_sorted_by(|a, b| ts(a) <= ts(b)), "they meet everywhere");
    let mut found: Vec<_> = result.iter().map(key).collect();
    found.sort();
    assert!(found == expected);
    assert_eq!((merged.made.lines, merged.made.gaps), (4004, 4));
    assert_eq!(result.iter().filter(|line| is_gap(line)).count(), 4);
}

#[test]
fn repeated_lines_are_left_out() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let at = |minute: i64| Some(START + minute * 60 * SECOND);
    let halves = [(None, at(6)), (at(4), None)].map(|(from, to)| {
        let out = temp.path().join(format!("{from:?}"));
        let target = Target::directory(&out, &[], false).unwrap();
        let words = Words { from, to, ..Words::default() };
        slice(&open(&source), &filter(words), target, Arc::new(RealDisk), control()).unwrap();
        out
    });
    let count = |dir: &Path| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for line in decode(dir) {
            *counts.entry(carried(&line).to_string()).or_default() += 1;
        }
        counts
    };
    let merged =
        join(&[&halves[0], &halves[1]], &temp.path().join("out"), Options { dedupe: true, ..Options::default() });
    assert!(count(&temp.path().join("out")) == count(&source));
    assert!(merged.repeated > 300, "{}", merged.repeated);
    let metadata = Metadata::read(&temp.path().join("out")).unwrap().unwrap();
    assert_eq!(metadata.origin.unwrap().repeated, merged.repeated);
}

#[test]
fn different_redaction_is_refused_unless_told() {
    let temp = support::tempdir();
    let fixture = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/fixtures/v1/redacted");
    let plain = steady(&temp.path().join("plain"), "a", START, 10);
    let out = temp.path().join("out");
    let result = join_on(&[&fixture, &plain], &out, Options::default(), Arc::new(RealDisk));
    assert!(matches!(result, Err(CarryError::Redaction { .. })), "{result:?}");
    assert!(!out.exists());
    join(&[&fixture, &plain], &out, Options { mixed_redaction: true, ..Options::default() });
    assert_eq!(Metadata::read(&out).unwrap().unwrap().redaction, None, "a part of it is not redacted");
}

#[test]
fn a_failure_at_any_operation_leaves_nothing_half() {
    let temp = support::tempdir();
    let dirs = ["a", "b"].map(|app| steady(&temp.path().join(app), app, START, 300));
    let folders: Vec<&Path> = dirs.iter().map(PathBuf::as_path).collect();
    let before = contents(&dirs[0]);
    let out = temp.path().join("out");
    let counting = FailingDisk::new(u64::MAX, Failure::Killed);
    join_on(&folders, &out, Options::default(), Arc::new(counting.clone())).unwrap();
    let whole = contents(&out);
    std::fs::remove_dir_all(&out).unwrap();
    for failure in [Failure::Killed, Failure::KilledHalfway, Failure::Full] {
        for at in 0..counting.count.load(Ordering::SeqCst) {
            let result = join_on(&folders, &out, Options::default(), Arc::new(FailingDisk::new(at, failure)));
            assert_eq!(contents(&dirs[0]), before);
            assert!(result.is_err() || out.exists(), "{failure:?} {at}");
            if !out.exists() {
                join(&folders, &out, Options::default());
            }
            assert_eq!(contents(&out), whole, "{failure:?} {at}");
            std::fs::remove_dir_all(&out).unwrap();
        }
    }
}
