//! Exports hold what an independent decode finds, in order of time; what readers of other people's make of
//! them is tested in `tests/tiers/flow`.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::target::{Target, TargetError};
use logtap_capture::time;
use logtap_carry::CarryError;
use logtap_carry::export::{Exported, Format, Place, Schema, export, is_ours};
use logtap_carry::filter::Words;
use serde_json::Value;
use support::{FailingDisk, Failure, carried, contents, control, decode, filter, open, ts, varied};

fn write_on(from: &Path, to: &Path, format: Format, words: Words, disk: Arc<dyn Disk>) -> Result<Exported, CarryError> {
    let target = Target::file(to, &[from], false, |_| false)?;
    export(&open(from), &filter(words), format, Schema::Plain, Place::File(target, disk), control())
}

fn write(from: &Path, to: &Path, format: Format, words: Words) -> Exported {
    write_on(from, to, format, words, Arc::new(RealDisk)).unwrap()
}

fn in_order(dir: &Path) -> Vec<Value> {
    let mut lines: Vec<Value> = decode(dir).iter().map(carried).collect();
    lines.sort_by(|a, b| ts(a).cmp(ts(b)));
    lines
}

/// RFC 4180, read by its grammar.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut characters, mut quoted) = (text.chars().peekable(), false);
    while let Some(one) = characters.next() {
        match one {
            '"' if quoted && characters.peek() == Some(&'"') => field.push(characters.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {
                characters.next();
                fields.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut fields));
            }
            other => field.push(other),
        }
    }
    assert!(fields.is_empty() && field.is_empty() && !quoted);
    records
}

#[test]
fn json_lines_are_the_stored_ones_in_order() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let out = temp.path().join("out.jsonl");
    let done = write(&source, &out, Format::Jsonl, Words::default());
    let text = std::fs::read_to_string(&out).unwrap();
    let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(found == in_order(&source));
    assert_eq!((done.rows, done.gaps, done.size), (2002, 2, text.len() as u64));
    let mut stream = Vec::new();
    let place = Place::Stream(&mut stream);
    export(&open(&source), &filter(Words::default()), Format::Jsonl, Schema::Plain, place, control()).unwrap();
    assert!(stream == text.as_bytes());
}

#[test]
fn csv_comes_back_and_calculates_nothing() {
    let temp = support::tempdir();
    let payloads = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "a,\"b\"\n=c", "", "ünï ☃", "\0x"];
    let source = support::capture(&temp.path().join("source"), |_, builder| {
        for (n, payload) in payloads.iter().enumerate() {
            let set = support::labels(&[("app", payload), ("pod", "p,\"1")]);
            builder.push(&set, support::START + n as i64, support::START, payload, &[("=k", *payload)]);
        }
        false
    });
    let lines = in_order(&source);
    for raw in [false, true] {
        let out = temp.path().join(format!("{raw}.csv"));
        let done = write(&source, &out, Format::Csv { raw }, Words::default());
        let table = records(&std::fs::read_to_string(&out).unwrap());
        assert_eq!(table[0].join(" "), "ts ts_ns level namespace pod container app labels meta msg");
        assert_eq!((done.rows as usize, table.len()), (payloads.len(), payloads.len() + 1));
        for (record, line) in table[1..].iter().zip(&lines) {
            let plain =
                |text: &str| if raw { text.to_owned() } else { text.strip_prefix('\'').unwrap_or(text).to_owned() };
            let is_formula = |text: &String| text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']);
            assert!(raw || !record.iter().any(is_formula), "{record:?}");
            assert_eq!((record[0].as_str(), plain(&record[9])), (ts(line), line["msg"].as_str().unwrap().to_owned()));
            assert_eq!(record[1].parse::<i64>().ok(), time::parse(ts(line).as_bytes()));
            assert_eq!(plain(&record[6]), line["labels"]["app"].as_str().unwrap());
            assert_eq!(serde_json::from_str::<Value>(&record[7]).unwrap(), line["labels"]);
            assert_eq!(serde_json::from_str::<Value>(&record[8]).unwrap(), line["meta"]);
        }
    }
}

#[test]
fn a_failure_at_any_operation_leaves_nothing_half() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let (before, out) = (contents(&source), temp.path().join("out.csv"));
    let format = Format::Csv { raw: false };
    let counting = FailingDisk::new(u64::MAX, Failure::Killed);
    write_on(&source, &out, format, Words::default(), Arc::new(counting.clone())).unwrap();
    let whole = std::fs::read(&out).unwrap();
    std::fs::remove_file(&out).unwrap();
    for failure in [Failure::Killed, Failure::KilledHalfway, Failure::Full] {
        for at in 0..counting.count.load(Ordering::SeqCst) {
            let disk = Arc::new(FailingDisk::new(at, failure));
            let result = write_on(&source, &out, format, Words::default(), disk);
            assert_eq!(contents(&source), before);
            assert!(result.is_err() || out.exists(), "{failure:?} {at}");
            if failure == Failure::Full && result.is_err() {
                assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1, "{at}");
            }
            if !out.exists() {
                write(&source, &out, format, Words::default());
            }
            assert!(std::fs::read(&out).unwrap() == whole, "{failure:?} {at}");
            std::fs::remove_file(&out).unwrap();
        }
    }
}

#[test]
fn only_an_export_is_replaced() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let out = temp.path().join("out.csv");
    let format = Format::Csv { raw: false };
    write(&source, &out, format, Words::default());
    let target = |force| Target::file(&out, &[&source], force, |file| is_ours(format, file));
    assert!(matches!(target(false), Err(TargetError::Exists(_))));
    target(true).unwrap();
    std::fs::write(&out, "mine\n").unwrap();
    assert!(matches!(target(true), Err(TargetError::Kept { .. })));
}
