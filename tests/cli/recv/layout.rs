//! What a reader of version 1 finds in a capture of ours, field by field. The judge is the test kit's
//! reader, which shares no code with the capture crate; every figure is counted again from the lines.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::LazyLock;

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::{self, Capture, IndexLine, Record};
use logtap_testkit::client::Dialect;
use regex::Regex;

use super::{start, stop};
use crate::world::fixture;

const FIRST: i64 = 1_790_000_000_000_000_000;
const BATCHES: i64 = 400;

/// Lines that hardly compress, of three services in two namespaces, with an address in each.
fn batch(random: &mut fastrand::Rng, n: i64) -> Batch {
    let mut batch = Batch::new();
    for line in 0..10 {
        let app = ["api", "db", "worker"][random.usize(0..3)];
        let pairs =
            [("app", app), ("namespace", ["shop", "billing"][random.usize(0..2)]), ("pod", &format!("{app}-0"))];
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let noise: String = (0..800).map(|_| random.alphanumeric()).collect();
        let text = format!("n={n}.{line} <b>&amp;</b> \"quoted\" ünïcödé mail to user{line}@example.org {noise}");
        batch.add(&labels, FIRST + n * 1_000_000 + random.i64(0..5_000_000_000), &text, &[("trace", "t1")]);
    }
    batch
}

/// A time as version 1 parses it: RFC 3339 with up to nine digits; padded, so that text order is time order.
fn time(text: &str) -> String {
    static FORM: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$").unwrap());
    assert!(FORM.is_match(text), "{text:?} is no time of version 1 in UTC");
    let (whole, fraction) = text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    format!("{whole}.{fraction:0<9}")
}

fn check_index_line(line: &IndexLine, dir: &Path, records: &[Record], bytes: usize) {
    assert_eq!(line.lines, records.len() as u64, "{}", line.file);
    assert_eq!(line.bytes, bytes as u64, "{}: bytes are those of the lines, uncompressed", line.file);
    let times: BTreeSet<String> = records.iter().map(|record| time(&record.ts)).collect();
    assert_eq!(Some(&time(&line.from)), times.first(), "{}", line.file);
    assert_eq!(Some(&time(&line.to)), times.last(), "{}", line.file);
    let mut labels: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (name, value) in records.iter().flat_map(|record| &record.labels) {
        *labels.entry(name.clone()).or_default().entry(value.clone()).or_default() += 1;
    }
    assert_eq!(line.labels, labels, "{}", line.file);
    let size = std::fs::metadata(dir.join(&line.file)).unwrap().len();
    assert_eq!(line.more["size"], size, "{}", line.file);
}

#[test]
fn a_reader_of_version_1_finds_every_field_as_it_expects() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("capture");
    let mut recv = start(&dir, &["--max-disk", "1MB", "--max-file", "100KB", "--redact=email,phone"]);
    let (mut client, mut random) = (recv.client(), fastrand::Rng::with_seed(5));
    for n in 0..BATCHES {
        let dialect = [Dialect::JsonV1, Dialect::ProtoSnappy][random.usize(0..2)];
        let response = client.push(dialect, &batch(&mut random, n)).unwrap();
        assert_eq!((response.status, response.header("x-logtap-dropped")), (204, None));
    }
    stop(&mut recv);

    let (metadata, index) = (capture::metadata(&dir).unwrap(), capture::index(&dir).unwrap());
    let read = Capture::read(&dir).unwrap();
    assert!(read.is_clean(), "{:?}", read.bad);
    assert_eq!(read.gaps().count(), 0);
    assert!(index.len() > 3, "rotated");

    let name = Regex::new(r"^\d{4}-\d\d-\d\dT\d{6}-\d{3}\.jsonl\.zst$").unwrap();
    let (mut lines, mut bytes, mut labels, mut at) = (0, 0, BTreeSet::new(), 0);
    assert_eq!(index.len(), read.files.len(), "one index line for each data file, in order");
    for (line, file) in index.iter().zip(&read.files) {
        assert!(name.is_match(&line.file), "{}", line.file);
        assert_eq!(line.file, file.name);
        check_index_line(line, &dir, &read.records[at..at + file.lines], file.bytes);
        at += file.lines;
        lines += line.lines;
        bytes += line.bytes;
        labels.extend(line.labels.keys().cloned());
    }

    assert_eq!((metadata.version, metadata.format.as_str()), (1, "jsonl"));
    assert!(metadata.is_stopped());
    let stopped = metadata.stopped.clone().unwrap();
    assert!(time(&metadata.started) < time(&stopped));
    let evicted = &metadata.more["evicted"];
    assert!(evicted["files"].as_u64().unwrap() > 3, "the cap was reached");
    assert_eq!(metadata.total_lines, BATCHES as u64 * 10);
    assert_eq!(metadata.total_lines, lines + evicted["lines"].as_u64().unwrap());
    assert_eq!(metadata.total_bytes, bytes + evicted["bytes"].as_u64().unwrap());
    assert_eq!(metadata.labels_seen, Some(labels.into_iter().collect()));
    let redaction = metadata.redaction.clone().unwrap();
    assert!(redaction.enabled);
    assert_eq!(redaction.patterns, ["email", "phone"]);
    assert_eq!(metadata.dropped(), 0);

    for record in read.logs() {
        assert!(record.msg.contains("mail to [REDACTED:email] "), "{}", record.msg);
        assert!(record.msg.contains("<b>&amp;</b> \"quoted\" ünïcödé"), "{}", record.msg);
    }
    let used: u64 = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(used <= (1 << 20) + (128 << 10), "{used} bytes are over the cap");
    for entry in std::fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

/// The same reader over captures that version 1 itself wrote: what it holds ours to is what is true there.
#[test]
fn the_judge_accepts_captures_of_version_1() {
    for name in ["rotated", "redacted"] {
        let dir = fixture(name);
        let (read, index) = (Capture::read(Path::new(&dir)).unwrap(), capture::index(Path::new(&dir)).unwrap());
        let mut at = 0;
        for (line, file) in index.iter().zip(&read.files) {
            let mut line = line.clone();
            let size = std::fs::metadata(Path::new(&dir).join(&line.file)).unwrap().len();
            line.more.insert("size".to_owned(), size.into());
            check_index_line(&line, Path::new(&dir), &read.records[at..at + file.lines], file.bytes);
            at += file.lines;
        }
        assert_eq!(capture::metadata(Path::new(&dir)).unwrap().total_lines, at as u64);
    }
}
