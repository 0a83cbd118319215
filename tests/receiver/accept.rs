//! What is accepted, and how it is answered.

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::Capture;
use logtap_testkit::client::{Dialect, LokiClient};

use crate::support::Receiver;

const BASE: i64 = 1_790_000_000_000_000_000;

fn sample() -> Batch {
    Batch::of(
        &[("app", "api"), ("pod", "api-1")],
        BASE,
        &["plain", "tab\tquote\" backslash\\ <&>", "ünïcödé ☃", "", "{\"level\":\"error\",\"msg\":\"x\"}"],
    )
}

#[test]
fn every_dialect_keeps_every_line() {
    for (_, dialect) in Dialect::ALL {
        let receiver = Receiver::start(|_| ());
        let batch = sample();
        let response = receiver.client().push(dialect, &batch).unwrap();
        let body = logtap_testkit::client::encode(dialect, &batch);
        let expected = if body.path.starts_with("/otlp") { 200 } else { 204 };
        assert_eq!(response.status, expected, "{dialect:?}: {}", response.text());
        let (summary, dir) = receiver.stop();
        assert!(summary.counts.balances());
        let capture = Capture::read(&dir.path().join("capture")).unwrap();
        let mut found: Vec<&str> = capture.logs().map(|record| record.msg.as_str()).collect();
        let mut sent: Vec<&str> =
            batch.streams().iter().flat_map(|stream| &stream.lines).map(|line| line.text.as_str()).collect();
        found.sort_unstable();
        sent.sort_unstable();
        assert_eq!(found, sent, "{dialect:?}");
        assert_eq!(summary.counts.written, sent.len() as u64, "{dialect:?}");
    }
}

fn post(client: &mut LokiClient, path: &str, kind: &str, body: &str) -> u16 {
    client.post(path, &[("content-type", kind)], body.as_bytes()).unwrap().status
}

#[test]
fn statuses() {
    let receiver = Receiver::start(|config| config.limits.body = 100_000);
    let mut client = receiver.client();
    let good = r#"{"streams":[{"stream":{"a":"b"},"values":[["1790000000000000000","x"]]}]}"#;
    assert_eq!(post(&mut client, "/loki/api/v1/push", "application/json", good), 204);
    assert_eq!(post(&mut client, "//loki//api/v1/push", "application/json; charset=utf-8", good), 204);
    assert_eq!(post(&mut client, "/api/prom/push", "text/plain", good), 204);
    assert_eq!(post(&mut client, "/loki/api/v1/push", "application/json", "{\"streams\":[]}"), 204);
    assert_eq!(post(&mut client, "/loki/api/v1/push", "application/json", "no json at all"), 400);
    assert_eq!(post(&mut client, "/elsewhere", "application/json", good), 404);
    assert_eq!(client.get("/loki/api/v1/push").unwrap().status, 405);
    for path in ["/ready", "/readyz", "/healthz", "/", "/api/version", "/metrics"] {
        assert_eq!(client.get(path).unwrap().status, 200, "{path}");
    }
    assert_eq!(client.get("/ready").unwrap().text(), "ready\n");
    let large = format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["1","{}"]]}}]}}"#, "x".repeat(100_000));
    assert_eq!(post(&mut receiver.client(), "/loki/api/v1/push", "application/json", &large), 413);
    assert_eq!(post(&mut receiver.client(), "/loki/api/v1/push", "application/json", good), 204);
    let (summary, _dir) = receiver.stop();
    assert_eq!(summary.counts.written, 4);
}

#[test]
fn metrics_add_up() {
    let receiver = Receiver::start(|_| ());
    let mut client = receiver.client();
    let body = r#"{"streams":[{"stream":{"app":"api"},"values":[["1790000000000000000","x"],["bad ts","y"],17]}]}"#;
    let response = client.post("/loki/api/v1/push", &[("content-type", "application/json")], body.as_bytes()).unwrap();
    assert_eq!((response.status, response.header("x-logtap-rejected")), (204, Some("1")));
    let text = client.get("/metrics").unwrap().text();
    for line in [
        "logtap_lines_received_total 3",
        "logtap_lines_written_total 2",
        "logtap_lines_in_flight 0",
        "logtap_logs_received_total 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let (summary, dir) = receiver.stop();
    assert!(summary.counts.balances());
    assert_eq!(summary.metadata.counters.received, 3);
    assert_eq!(summary.metadata.rejected.values().sum::<u64>(), 1);
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    let odd = capture.logs().find(|record| record.msg == "y").unwrap();
    assert_eq!(odd.meta.as_ref().unwrap()["original_ts"], "bad ts");
}

#[test]
fn twenty_mebibyte_line() {
    let receiver = Receiver::start(|_| ());
    let long = "x".repeat(20 << 20);
    let batch = Batch::of(&[("app", "api")], BASE, &[&long, "short"]);
    assert_eq!(receiver.client().push(Dialect::JsonV1, &batch).unwrap().status, 204);
    assert_eq!(receiver.client().push(Dialect::ProtoSnappy, &batch).unwrap().status, 204);
    let (summary, dir) = receiver.stop();
    assert_eq!(summary.counts.written, 4);
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    assert_eq!(capture.logs().filter(|record| record.msg == long).count(), 2);
}
