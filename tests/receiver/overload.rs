//! Too much, too slow: the answer comes in time, and every line is accounted for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_receiver::config::OnFull;
use logtap_testkit::batches::Batch;
use logtap_testkit::capture::Capture;
use logtap_testkit::client::Dialect;

use crate::support::{Faults, FaultyDisk, Receiver};

fn lines(from: i64, count: usize) -> Batch {
    let texts: Vec<String> = (0..count).map(|n| format!("line {from}.{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Batch::of(&[("app", "api")], 1_790_000_000_000_000_000 + from, &texts)
}

fn stalled(on_full: OnFull) -> (Receiver, Arc<Faults>) {
    let faults = Faults::new();
    let disk = Arc::new(FaultyDisk(faults.clone()));
    let receiver = Receiver::start_on(tempfile::tempdir().unwrap(), disk, |config| {
        config.on_full = on_full;
        config.ack_timeout = Duration::from_millis(250);
    });
    (receiver, faults)
}

#[test]
fn a_stalled_disk_never_reaches_the_sender() {
    let (receiver, faults) = stalled(OnFull::Drop);
    let mut client = receiver.client();
    assert_eq!(client.push(Dialect::JsonV1, &lines(0, 10)).unwrap().status, 204);
    faults.stall(true);
    let mut dropped = 0;
    for n in 1..6 {
        let begun = Instant::now();
        let response = client.push(Dialect::JsonV1, &lines(n, 10)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(2), "the sender waited {:?}", begun.elapsed());
        assert_eq!(response.status, 204);
        dropped += response.header("x-logtap-dropped").unwrap().parse::<u64>().unwrap();
        let counts = receiver.snapshot().counts;
        assert!(counts.balances(), "{counts:?}");
    }
    assert_eq!(dropped, 50);
    let during = receiver.snapshot().counts;
    assert_eq!((during.in_flight, during.dropped_total()), (10, 40), "the batch that was begun stays in flight");
    faults.stall(false);
    let response = client.push(Dialect::JsonV1, &lines(9, 10)).unwrap();
    assert_eq!((response.status, response.header("x-logtap-dropped")), (204, None));
    let (summary, dir) = receiver.stop();
    assert!(summary.counts.balances());
    assert_eq!((summary.counts.written, summary.counts.dropped["ack_timeout"]), (30, 40));
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    assert_eq!(capture.logs().count(), 30);
    let marks: Vec<&str> = capture.gaps().map(|record| record.msg.as_str()).collect();
    assert_eq!(marks.len() as u64, summary.counts.marks);
    assert!(marks.iter().any(|mark| mark.starts_with("dropped 40 lines (ack_timeout) between 2026-")), "{marks:?}");
    assert_eq!(summary.metadata.dropped["ack_timeout"], 40);
}

#[test]
fn a_sender_that_can_wait_is_told_to() {
    let (receiver, faults) = stalled(OnFull::Drop);
    let mut client = receiver.client();
    faults.stall(true);
    let begun = client.push(Dialect::JsonV1, &lines(0, 5)).unwrap();
    assert_eq!(begun.header("x-logtap-dropped"), Some("5"));
    let body = logtap_testkit::client::encode(Dialect::JsonV1, &lines(1, 5));
    let mut headers = body.headers();
    headers.push(("x-logtap-can-wait", "1"));
    let response = client.post("/loki/api/v1/push", &headers, &body.bytes).unwrap();
    assert_eq!((response.status, response.header("retry-after")), (429, Some("1")));
    faults.stall(false);
    let response = client.post("/loki/api/v1/push", &headers, &body.bytes).unwrap();
    assert_eq!(response.status, 204);
    let (summary, dir) = receiver.stop();
    assert_eq!((summary.counts.received, summary.counts.written), (10, 10));
    assert_eq!(Capture::read(&dir.path().join("capture")).unwrap().gaps().count(), 0);
}

#[test]
fn retry_mode_answers_429_and_keeps_nothing() {
    let (receiver, faults) = stalled(OnFull::Retry);
    let mut client = receiver.client();
    faults.stall(true);
    client.push(Dialect::ProtoSnappy, &lines(0, 5)).unwrap();
    assert_eq!(client.push(Dialect::ProtoSnappy, &lines(1, 5)).unwrap().status, 429);
    faults.stall(false);
    let (summary, _dir) = receiver.stop();
    assert_eq!(summary.counts.written, 5);
}

#[test]
fn a_full_queue_is_counted() {
    let faults = Faults::new();
    let disk = Arc::new(FaultyDisk(faults.clone()));
    let receiver = Receiver::start_on(tempfile::tempdir().unwrap(), disk, |config| {
        config.limits.queue = 10_000;
        config.ack_timeout = Duration::from_millis(250);
    });
    faults.stall(true);
    let addr = receiver.addr;
    let threads: Vec<_> = (0..8)
        .map(|n| {
            std::thread::Builder::new()
                .spawn(move || {
                    logtap_testkit::client::LokiClient::new(addr).push(Dialect::JsonV1, &lines(n, 50)).unwrap().status
                })
                .unwrap()
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 204);
    }
    let counts = receiver.snapshot().counts;
    assert!(counts.balances());
    assert!(counts.dropped["queue_full"] >= 250, "{counts:?}");
    faults.stall(false);
    let (summary, _dir) = receiver.stop();
    assert!(summary.counts.balances());
    assert_eq!(summary.counts.dropped_by_service.values().sum::<u64>(), summary.counts.dropped_total());
}
