//! The independent reader, on captures written by hand.

use super::*;

const FIRST: &str = "2026-01-15T100000-000";

fn sample(dir: &Path) -> CaptureBuilder {
    let mut builder = CaptureBuilder::new(dir).unwrap();
    let api = |ts: &str, msg: &str| Record::new(ts, &[("app", "api")], msg);
    builder
        .sealed(FIRST, &[api("2026-01-15T10:00:00Z", "one"), api("2026-01-15T10:00:01Z", "two")])
        .unwrap()
        .active("2026-01-15T100100-000", &[api("2026-01-15T10:01:00Z", "three")])
        .unwrap()
        .file("audit.jsonl", b"{\"event\":\"server_started\"}\n")
        .unwrap();
    builder
}

#[test]
fn reads_what_was_built() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).stopped("2026-01-15T10:02:00Z").unwrap();
    let capture = Capture::read(dir.path()).unwrap();
    let messages: Vec<_> = capture.logs().map(|record| record.msg.as_str()).collect();
    assert_eq!(messages, ["one", "two", "three"]);
    assert!(capture.is_clean());
    let index = index(dir.path()).unwrap();
    assert_eq!((index[0].lines, index[0].labels["app"]["api"]), (2, 2));
    assert_eq!(index[0].to, "2026-01-15T10:00:01Z");
    let metadata = metadata(dir.path()).unwrap();
    assert!(metadata.is_stopped());
    assert_eq!(metadata.total_lines, 3);
}

#[test]
fn torn_files_and_bad_lines_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = sample(dir.path());
    builder.file("2026-01-15T100200-000.jsonl", b"not json\n{\"ts\":\"x\",\"msg\":\"cut").unwrap();
    builder.killed().unwrap();
    let path = dir.path().join(format!("{FIRST}.jsonl.zst"));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let capture = Capture::read(dir.path()).unwrap();
    assert!(capture.files[0].torn.is_some());
    assert!(capture.files[1].torn.is_none());
    assert!(capture.files[2].torn.as_deref().unwrap().contains("line feed"));
    assert_eq!(capture.bad.len(), 1);
    assert!(!metadata(dir.path()).unwrap().is_stopped());
}

#[test]
fn marker_search_sees_compressed_and_foreign_files() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).file("left-over.tmp", b"secret").unwrap();
    let bytes = raw_bytes(dir.path()).unwrap();
    for marker in ["\"two\"", "three", "secret", "server_started"] {
        let found = bytes.windows(marker.len()).any(|window| window == marker.as_bytes());
        assert!(found, "{marker} not found");
    }
}
