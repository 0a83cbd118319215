//! Time and text survive exactly, however the stream is cut into chunks.

use super::*;

fn split(chunks: &[&[u8]]) -> (Vec<Record>, Vec<String>) {
    let (mut lines, mut all) = (Lines::default(), Vec::new());
    for chunk in chunks {
        lines.push(chunk, |record| all.push(record));
    }
    lines.finish(|record| all.push(record));
    (all, lines.take_foreign())
}

fn record(ns: i64, text: &str) -> Record {
    Record { ns, text: text.to_owned(), continues: false }
}

const STREAM: &str = "2026-09-21T14:13:20.123456789Z plain\n\
    2026-09-21T16:13:20.1+02:00  two blanks, \ttab, é and \\ \r\n\
    2026-09-21T14:13:20Z \n\
    1969-12-31T23:59:59.999999999Z before 1970\n";

fn expected() -> Vec<Record> {
    vec![
        record(1_790_000_000_123_456_789, "plain"),
        record(1_790_000_000_100_000_000, " two blanks, \ttab, é and \\ \r"),
        record(1_790_000_000_000_000_000, ""),
        record(-1, "before 1970"),
    ]
}

#[test]
fn time_and_text_survive_exactly() {
    assert_eq!(split(&[STREAM.as_bytes()]), (expected(), vec![]));
}

#[test]
fn every_cut_gives_the_same_lines() {
    let bytes = STREAM.as_bytes();
    for at in 0..bytes.len() {
        assert_eq!(split(&[&bytes[..at], &bytes[at..]]), (expected(), vec![]), "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(split(&single), (expected(), vec![]));
}

#[test]
fn a_last_line_without_newline_counts_only_at_the_end() {
    let mut lines = Lines::default();
    let mut all = Vec::new();
    lines.push(b"2026-09-21T14:13:20Z half", |record| all.push(record));
    assert!(all.is_empty());
    lines.finish(|record| all.push(record));
    assert_eq!(all, [record(1_790_000_000_000_000_000, "half")]);
}

#[test]
fn what_has_no_time_is_not_the_containers() {
    let (records, foreign) = split(&[b"failed to create fsnotify watcher: too many open files\n", STREAM.as_bytes()]);
    assert_eq!(records, expected());
    assert_eq!(foreign, ["failed to create fsnotify watcher: too many open files"]);
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let (records, _) = split(&[b"2026-09-21T14:13:20Z a\xffb\n"]);
    assert_eq!(records, [record(1_790_000_000_000_000_000, "a\u{fffd}b")]);
}

#[test]
fn long_lines_come_in_pieces_that_make_the_whole() {
    let text = "ü0123456789".repeat(100_000);
    let stream = format!("2026-09-21T14:13:20Z {text}\n2026-09-21T14:13:21Z next\n");
    for chunk in [stream.len(), 16 << 10, 1001] {
        let chunks: Vec<&[u8]> = stream.as_bytes().chunks(chunk).collect();
        let (records, foreign) = split(&chunks);
        assert_eq!(foreign, [""; 0]);
        let (last, pieces) = records.split_last().unwrap();
        assert_eq!(*last, record(1_790_000_001_000_000_000, "next"));
        assert!(pieces.iter().all(|piece| piece.ns == 1_790_000_000_000_000_000 && piece.text.len() <= MAX_TEXT));
        assert_eq!(pieces.iter().map(|piece| piece.continues).filter(|continues| !continues).count(), 1);
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
    }
}
