//! A part of a capture is what an independent decode of the capture finds under the same filter, the same
//! bytes each time, and whole or not there.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::level::Level;
use logtap_capture::metadata::Metadata;
use logtap_capture::target::{Target, TargetError};
use logtap_capture::time::{self, SECOND};
use logtap_carry::filter::Words;
use logtap_carry::slice::{Sliced, slice};
use logtap_carry::{CarryError, Control};
use serde_json::Value;
use support::{FailingDisk, Failure, START, carried, contents, control, decode, filter, is_gap, open, ts, varied};

fn minute(n: i64) -> i64 {
    START + n * 60 * SECOND
}

fn cut_on(from: &Path, to: &Path, words: Words, disk: Arc<dyn Disk>) -> Result<Sliced, CarryError> {
    let source = open(from);
    let target = Target::directory(to, &[from], false)?;
    slice(&source, &filter(words), target, disk, control())
}

fn cut(from: &Path, to: &Path, words: Words) -> Sliced {
    cut_on(from, to, words, Arc::new(RealDisk)).unwrap()
}

/// The wanted lines by plain means. Every text form of a time has the same width, so that text order is time order.
fn expected(all: &[Value], words: &Words) -> Vec<Value> {
    let from = words.from.map_or(String::new(), time::format);
    let to = words.to.map_or("9".to_owned(), time::format);
    let wanted = |line: &&Value| {
        if is_gap(line) {
            let between = line["msg"].as_str().unwrap().split_once(" between ").unwrap().1;
            let (first, last) = between.split_once(" and ").unwrap();
            return (ts(line) >= &*from && ts(line) <= &*to) || (last >= &*from && first <= &*to);
        }
        let message = line["msg"].as_str().unwrap();
        let level_ok = words.level.is_none_or(|_| message.starts_with("ERROR") || message.starts_with("level=warn"));
        let label_ok = words.labels.is_empty() || line["labels"]["app"] == "api";
        let grep_ok = words.grep.iter().all(|word| message.contains(word.as_str()));
        ts(line) >= &*from && ts(line) <= &*to && level_ok && label_ok && grep_ok
    };
    all.iter().filter(wanted).map(carried).collect()
}

#[test]
fn equals_an_independent_decode_under_every_filter() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let before = contents(&source);
    let all = decode(&source);
    assert_eq!(all.len(), 2002);
    let api = vec!["app=api".to_owned()];
    let cases = [
        (Words::default(), 2),
        (Words { from: Some(minute(2)), to: Some(minute(5) - 1), ..Words::default() }, 1),
        (Words { from: Some(minute(5)), to: Some(minute(6)), ..Words::default() }, 1),
        (Words { from: Some(minute(7)), to: Some(minute(8)), ..Words::default() }, 0),
        (Words { labels: api.clone(), ..Words::default() }, 2),
        (Words { level: Some(Level::Warn), ..Words::default() }, 2),
        (Words { grep: vec!["n=1".to_owned(), "refused".to_owned()], ..Words::default() }, 2),
        (
            Words {
                from: Some(minute(1)),
                to: Some(minute(4)),
                labels: api,
                level: Some(Level::Warn),
                grep: vec!["refused".to_owned()],
            },
            1,
        ),
        (Words { from: Some(minute(100)), ..Words::default() }, 0),
    ];
    for (n, (words, gaps)) in cases.into_iter().enumerate() {
        let out = temp.path().join(format!("out-{n}"));
        let made = cut(&source, &out, words.clone()).made;
        let result = decode(&out);
        let expected = expected(&all, &words);
        assert_eq!(result.iter().map(carried).collect::<Vec<_>>(), expected, "{words:?}");
        assert_eq!((made.lines, made.gaps), (expected.len() as u64, gaps), "{words:?}");
        assert_eq!(result.iter().filter(|line| is_gap(line)).count() as u64, gaps, "{words:?}");
        let metadata = Metadata::read(&out).unwrap().unwrap();
        let origin = metadata.origin.unwrap();
        assert_eq!((metadata.total_lines, origin.command.as_str()), (made.lines, "slice"));
        assert_eq!(Some(&origin.sources[0].capture_id), open(&source).capture.metadata.unwrap().capture_id.as_ref());
        let again = open(&out);
        assert_eq!(again.capture.missing, [""; 0]);
        assert!(again.capture.files.iter().all(|file| file.line.is_some()), "the index fits the files");
    }
    assert_eq!(contents(&source), before);
}

#[test]
fn whole_frames_are_copied_and_the_bytes_are_the_same_anywhere() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let words = Words { from: Some(minute(1)), to: Some(minute(9)), ..Words::default() };
    let sliced = cut(&source, &temp.path().join("one"), words.clone());
    assert!(sliced.copied >= 3, "{} frames were copied", sliced.copied);
    let moved = temp.path().join("moved");
    std::fs::rename(&source, &moved).unwrap();
    let (opened, target) = (open(&moved), Target::directory(&temp.path().join("two"), &[&moved], false).unwrap());
    let one_thread = Control { threads: 1, ..control() };
    slice(&opened, &filter(words), target, Arc::new(RealDisk), one_thread).unwrap();
    assert_eq!(contents(&temp.path().join("one")), contents(&temp.path().join("two")));
}

#[test]
fn captures_of_the_first_logtap_are_put_into_one_spelling() {
    let fixtures = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/fixtures/v1");
    for name in ["offset", "rotated", "merged", "redacted"] {
        let temp = support::tempdir();
        let out = temp.path().join("out");
        let sliced = cut(&fixtures.join(name), &out, Words::default());
        let all = decode(&fixtures.join(name));
        let result = decode(&out);
        assert_eq!(sliced.made.lines, all.len() as u64, "{name}");
        for (ours, theirs) in result.iter().zip(&all) {
            assert_eq!((&ours["msg"], &ours["labels"]), (&theirs["msg"], &theirs["labels"]), "{name}");
            assert_eq!(time::parse(ts(ours).as_bytes()), time::parse(ts(theirs).as_bytes()), "{name}");
            assert!(ts(ours).ends_with('Z') && ts(ours).len() == 30, "{name}: {}", ts(ours));
        }
        let redaction = |dir: &Path| open(dir).capture.metadata.unwrap().redaction;
        assert_eq!(redaction(&out), redaction(&fixtures.join(name)), "{name}");
    }
}

#[test]
fn what_is_no_text_is_replaced_and_counted_and_what_is_no_line_is_rejected() {
    let temp = support::tempdir();
    let dir = temp.path().join("foreign");
    std::fs::create_dir(&dir).unwrap();
    let mut bytes =
        b"{\"ts\":\"2026-01-01T00:00:00Z\",\"labels\":{\"a\":\"b\"},\"msg\":\"x\xff\"}\nnot a line\n".to_vec();
    bytes.extend_from_slice(
        format!("{{\"ts\":\"2026-01-01T00:00:01Z\",\"msg\":\"{}\"}}\n", "y".repeat(20 << 20)).as_bytes(),
    );
    std::fs::write(dir.join("a.jsonl"), bytes).unwrap();
    let Sliced { made, account, .. } = cut(&dir, &temp.path().join("out"), Words::default());
    assert_eq!((made.lines, account.replaced, account.rejected.values().sum::<u64>(), account.read), (2, 1, 1, 3));
    let lines = decode(&temp.path().join("out"));
    assert_eq!(lines[0]["msg"], "x\u{fffd}");
    assert_eq!(lines[1]["msg"].as_str().unwrap().len(), 20 << 20);
}

/// Sources stay as they are, the target is whole or not there, and the next run succeeds.
#[test]
fn a_failure_at_any_operation_leaves_nothing_half() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let before = contents(&source);
    let words = Words { from: Some(minute(1)), to: Some(minute(9)), level: Some(Level::Warn), ..Words::default() };
    let whole = temp.path().join("whole");
    let counting = FailingDisk::new(u64::MAX, Failure::Killed);
    cut_on(&source, &whole, words.clone(), Arc::new(counting.clone())).unwrap();
    let (whole, operations) = (contents(&whole), counting.count.load(Ordering::SeqCst));
    assert!(operations >= 10, "only {operations} operations");
    for failure in [Failure::Killed, Failure::KilledHalfway, Failure::Full] {
        for at in 0..operations {
            let out = temp.path().join("out");
            let result = cut_on(&source, &out, words.clone(), Arc::new(FailingDisk::new(at, failure)));
            assert_eq!(contents(&source), before, "{failure:?} {at}");
            match (&result, out.exists()) {
                (Ok(_), there) => assert!(there && failure == Failure::Full, "{failure:?} {at}"),
                (Err(_), true) => assert_eq!(at, operations - 1, "{failure:?} {at}: after the rename"),
                (Err(error), false) if failure == Failure::Full => {
                    assert_eq!(error.io().unwrap().kind(), std::io::ErrorKind::StorageFull, "{error}");
                    let left: Vec<_> =
                        std::fs::read_dir(temp.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
                    assert_eq!(left.len(), 2, "{left:?}");
                }
                (Err(_), false) => {}
            }
            if !out.exists() {
                cut(&source, &out, words.clone());
            }
            assert_eq!(contents(&out), whole, "{failure:?} {at}");
            std::fs::remove_dir_all(&out).unwrap();
        }
    }
}

#[test]
fn a_cancelled_run_leaves_nothing() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let out = temp.path().join("out");
    let cancelled = AtomicBool::new(true);
    let control = Control { cancelled: &cancelled, ..control() };
    let (opened, target) = (open(&source), Target::directory(&out, &[&source], false).unwrap());
    let result = slice(&opened, &filter(Words::default()), target, Arc::new(RealDisk), control);
    assert!(matches!(result, Err(CarryError::Cancelled)));
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn only_what_was_derived_is_replaced() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let out = temp.path().join("out");
    let words = Words { labels: vec!["app=api".to_owned()], ..Words::default() };
    let first = cut(&source, &out, Words::default()).made.lines;
    assert!(matches!(Target::directory(&out, &[&source], false), Err(TargetError::Exists(_))));
    let target = Target::directory(&out, &[&source], true).unwrap();
    let second = slice(&open(&source), &filter(words), target, Arc::new(RealDisk), control()).unwrap().made.lines;
    assert!(second < first && decode(&out).len() as u64 == second);
    let other = varied(&temp.path().join("other"));
    assert!(matches!(Target::directory(&other, &[&source], true), Err(TargetError::Kept { .. })));
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    assert!(matches!(Target::directory(&out, &[&source], true), Err(TargetError::Kept { .. })));
}
