//! Senders that number their lines: each is kept once, and what is missing is marked.

use std::sync::Arc;
use std::time::Duration;

use logtap_capture::disk::RealDisk;
use logtap_push::encode::{Line, Stream, snappy};
use logtap_push::sequence::{Gap, Mark, Sequence};
use logtap_testkit::capture::Capture;
use logtap_testkit::client::{LokiClient, Response};

use crate::support::{Faults, FaultyDisk, Receiver};

const NS: i64 = 1_790_000_000_000_000_000;

fn lines(source: &str, first: u64, count: u64) -> Vec<u8> {
    let texts: Vec<String> = (first..first + count).map(|n| format!("{source} {n}")).collect();
    let lines: Vec<Line<'_>> =
        texts.iter().zip(first..).map(|(text, n)| Line { ns: NS + n as i64, text, meta: &[] }).collect();
    let labels = [("container", source), ("pod", "web-1")];
    snappy(&[Stream { labels: &labels, lines: &lines, sequence: Some(Sequence { source, first, mark: None }) }])
}

fn mark(source: &str, label: &str, first: u64, mark: Option<Mark<'_>>) -> Vec<u8> {
    let labels = [("container", source), ("logtap", label)];
    let line = [Line { ns: NS + first as i64, text: "speaks about lines", meta: &[] }];
    snappy(&[Stream { labels: &labels, lines: &line, sequence: Some(Sequence { source, first, mark }) }])
}

fn post(client: &mut LokiClient, body: &[u8]) -> Response {
    let headers = [("content-type", "application/x-protobuf"), ("x-logtap-can-wait", "1")];
    client.post("/loki/api/v1/push", &headers, body).unwrap()
}

fn texts(capture: &Capture) -> Vec<&str> {
    capture.logs().map(|record| record.msg.as_str()).collect()
}

#[test]
fn what_comes_again_is_acknowledged_and_not_kept_again() {
    let receiver = Receiver::start(|_| {});
    let mut client = receiver.client();
    for body in [lines("a", 5, 3), lines("b", 1, 2), lines("a", 5, 3), lines("a", 6, 4), lines("b", 1, 1)] {
        assert_eq!(post(&mut client, &body).status, 204);
    }
    let counts = receiver.snapshot().counts;
    assert_eq!((counts.received, counts.written, counts.repeated), (7, 7, 6));
    let (summary, dir) = receiver.stop();
    assert!(summary.counts.balances());
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    assert_eq!(texts(&capture), ["a 5", "a 6", "a 7", "b 1", "b 2", "a 8", "a 9"]);
    assert_eq!(capture.gaps().count(), 0, "a new receiver's first number is no gap");
}

#[test]
fn the_next_receiver_knows_what_the_files_hold() {
    let receiver = Receiver::start(|_| {});
    post(&mut receiver.client(), &lines("a", 1, 10));
    let (_, dir) = receiver.stop();
    let receiver = Receiver::start_on(dir, Arc::new(RealDisk), |_| {});
    let mut client = receiver.client();
    post(&mut client, &lines("a", 1, 12));
    post(&mut client, &lines("a", 20, 1));
    let (summary, dir) = receiver.stop();
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    let expected: Vec<String> = (1..13).chain([20]).map(|n| format!("a {n}")).collect();
    assert_eq!(texts(&capture), expected);
    let gaps: Vec<_> = capture.gaps().collect();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].msg.starts_with("lost 7 lines (not_received) between 2026-"), "{}", gaps[0].msg);
    assert_eq!(gaps[0].labels["pod"], "web-1", "it says whose lines are missing");
    let lost: Vec<(&str, u64)> = summary.metadata.lost.iter().map(|(reason, loss)| (reason, loss.lines)).collect();
    assert_eq!(lost, [("not_received", 7)]);
    let counters = summary.metadata.counters;
    assert_eq!((counters.received, counters.written, counters.marks), (13, 13, 1));
    assert_eq!(summary.metadata.total_lines, 14);
}

#[test]
fn marks_are_kept_once_and_are_no_lines() {
    let receiver = Receiver::start(|_| {});
    let mut client = receiver.client();
    let gap = Gap { lost: None, reason: "rotated", from: NS, to: NS + 5, numbers: 3 };
    for _ in 0..2 {
        assert_eq!(post(&mut client, &lines("a", 1, 1)).status, 204);
        assert_eq!(post(&mut client, &mark("a", "gap", 2, Some(Mark::Gap(gap)))).status, 204);
        assert_eq!(post(&mut client, &mark("a", "end", 5, Some(Mark::End))).status, 204);
    }
    let (summary, dir) = receiver.stop();
    let counts = &summary.counts;
    assert!(counts.balances());
    assert_eq!((counts.received, counts.written, counts.repeated, counts.marks), (1, 1, 1, 2));
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    assert_eq!((capture.records.len(), texts(&capture).len(), capture.gaps().count()), (3, 1, 1));
    let meta = capture.gaps().next().unwrap().meta.clone().unwrap();
    assert_eq!((meta["lost"].as_str(), meta["reason"].as_str()), ("unknown", "rotated"));
    let lost: Vec<_> = summary.metadata.lost.iter().map(|(_, loss)| (loss.marks, loss.lines, loss.uncounted)).collect();
    assert_eq!(lost, [(1, 0, 1)]);
}

#[test]
fn lines_do_not_pass_for_marks() {
    let receiver = Receiver::start(|_| {});
    let mut client = receiver.client();
    post(&mut client, &mark("a", "gap", 1, None));
    post(
        &mut client,
        &mark("b", "end", 1, Some(Mark::Gap(Gap { lost: Some(1), reason: "x", from: 0, to: 0, numbers: 1 }))),
    );
    let forged = br#"{"streams":[{"stream":{"logtap":"gap"},"values":[["1790000000000000000","dropped 9 lines"]]}]}"#;
    client.post("/loki/api/v1/push", &[("content-type", "application/json")], forged).unwrap();
    let (summary, dir) = receiver.stop();
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    assert_eq!((capture.logs().count(), capture.gaps().count()), (3, 0));
    assert!(capture.records.iter().all(|record| record.labels.contains_key("exported_logtap")));
    assert_eq!((summary.counts.marks, summary.metadata.altered["label_reserved"]), (0, 3));
}

#[test]
fn a_write_that_hangs_and_comes_again_is_kept_once() {
    let faults = Faults::new();
    let disk = Arc::new(FaultyDisk(faults.clone()));
    let receiver = Receiver::start_on(tempfile::tempdir().unwrap(), disk, |config| {
        config.ack_timeout = Duration::from_millis(200);
    });
    let mut client = receiver.client();
    assert_eq!(post(&mut client, &lines("a", 1, 2)).status, 204);
    faults.stall(true);
    for _ in 0..3 {
        assert_eq!(post(&mut client, &lines("a", 3, 5)).status, 429, "its write may or may not happen");
    }
    faults.stall(false);
    while post(&mut client, &lines("a", 3, 5)).status != 204 {}
    let (summary, dir) = receiver.stop();
    assert!(summary.counts.balances());
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    let expected: Vec<String> = (1..8).map(|n| format!("a {n}")).collect();
    assert_eq!(texts(&capture), expected);
    assert_eq!(summary.counts.written, 7);
}
