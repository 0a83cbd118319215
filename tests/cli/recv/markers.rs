//! One value for every built-in rule, planted in every part of a request: with `--redact` none of them
//! may be found in anything that the receiver writes or answers.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use logtap_testkit::capture::{Capture, Record, raw_bytes};
use logtap_testkit::client::{LokiClient, connect};
use logtap_testkit::process::Recv;

use super::hook::Hook;
use super::{stop, until};
use crate::world::logtap;

/// What is planted, and the part of it that must not be seen again.
const MARKERS: [(&str, &str); 7] = [
    ("4111 1111 1111 1111", "1111 1111"),
    ("marker.person@example.org", "marker.person"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYXJrZXIifQ.c2lnbmF0dXJlbWFya2Vy", "c2lnbmF0dXJlbWFya2Vy"),
    ("Authorization: Bearer MARKERtoken0123456789abc", "MARKERtoken"),
    ("203.0.113.77", "203.0.113.77"),
    ("123-45-6789", "123-45-6789"),
    ("+1 555 867 5309", "867 5309"),
];
const JSON: (&str, &str) = ("content-type", "application/json");

fn start(dir: &Path, hook: &Hook) -> Recv {
    let mut command = logtap();
    command.env("LOGTAP_LOG", "debug").args(["recv", "--headless", "--redact", "--listen", "127.0.0.1:0"]);
    command.args(["--max-disk", "1MB", "--webhook-url", &hook.url(), "--dir"]).arg(dir);
    Recv::spawn(command).unwrap()
}

/// Pushes with the marker in every place; everything that was answered.
fn plant(client: &mut LokiClient, marker: &str) -> String {
    let mut answers = String::new();
    let stream = |labels: &str, rest: &str| format!(r#"{{"streams":[{{"stream":{{{labels}}},"values":[[{rest}]]}}]}}"#);
    let ts = r#""1790000000000000000""#;
    let kept = [
        stream(r#""a":"b""#, &format!(r#"{ts},"in a message {marker}""#)),
        stream(r#""a":"b""#, &format!(r#"{ts},"{{\"inner\":\"{marker}\"}}""#)),
        stream(&format!(r#""a":"{marker}""#), &format!(r#"{ts},"label value""#)),
        stream(&format!(r#""{marker}":"b""#), &format!(r#"{ts},"label name""#)),
        stream(r#""a":"b""#, &format!(r#"{ts},"metadata value",{{"m":"{marker}"}}"#)),
        stream(r#""a":"b""#, &format!(r#"{ts},"metadata name",{{"{marker}":"v","x {marker}":"w"}}"#)),
        stream(r#""a":"b""#, &format!(r#""{marker}","time""#)),
    ];
    for body in &kept {
        let headers = [
            JSON,
            ("user-agent", marker),
            ("referer", marker),
            ("x-scope-orgid", marker),
            ("x-forwarded-for", marker),
            ("x-real-ip", marker),
            ("forwarded", &format!("for=\"{marker}\"")),
            ("authorization", &format!("Bearer {marker}")),
        ];
        let response = client.post(
            "/loki/api/v1/push?tenant=marker.person@example.org&ip=203.0.113.77",
            &headers,
            body.as_bytes(),
        );
        let response = response.unwrap();
        assert_eq!(response.status, 204, "{body}: {}", response.text());
    }
    let text = format!("{{{marker}=\"{marker}\", broken {marker} = ");
    let v0 =
        serde_json::json!({"streams": [{"labels": text, "entries": [{"ts": marker, "line": marker}]}]}).to_string();
    let raw = format!(
        "{{\"msg\":\"{marker}\",\"labels\":{{\"x\":\"{marker}\",\"{marker}\":1}}}}\n{marker} is no JSON\n[\"{marker}\"]\n"
    );
    let otlp = serde_json::json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": marker}}, {"key": marker, "value": {"stringValue": marker}}]},
        "scopeLogs": [{"scope": {"name": marker, "attributes": [{"key": marker}]}, "logRecords": [{
            "body": {"stringValue": marker}, "severityText": marker,
            "attributes": [{"key": marker, "value": {"stringValue": "a"}}, {"key": "nested", "value": {"kvlistValue": {"values": [{"key": marker, "value": {"stringValue": marker}}]}}}]}]}],
    }]})
    .to_string();
    let garbage = format!("{{\"streams\":[{{\"stream\":{{\"a\":\"{marker}");
    for (path, headers, body) in [
        ("/loki/api/v1/push", vec![JSON], v0.as_str()),
        ("/logtap/raw", vec![JSON], raw.as_str()),
        ("/otlp/v1/logs", vec![JSON], otlp.as_str()),
        ("/otlp/v1/logs", vec![JSON], garbage.as_str()),
        ("/loki/api/v1/push", vec![JSON], garbage.as_str()),
        ("/loki/api/v1/push", vec![JSON], marker),
        ("/loki/api/v1/push", vec![], marker),
        ("/loki/api/v1/push", vec![("content-type", marker), ("content-encoding", marker)], marker),
        ("/loki/api/v1/push", vec![JSON, ("content-encoding", "gzip")], marker),
        ("/marker.person@example.org/203.0.113.77", vec![JSON], marker),
    ] {
        answers.push_str(&client.post(path, &headers, body.as_bytes()).unwrap().text());
    }
    answers
}

fn assert_clean(place: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    for (_, marker) in MARKERS {
        let as_name = marker.replace(|char: char| !char.is_ascii_alphanumeric(), "_");
        for marker in [marker, &as_name] {
            let at = text.find(marker);
            assert!(at.is_none(), "{marker} is in {place}: {:?}", around(&text, at.unwrap_or(0)));
        }
    }
}

fn around(text: &str, at: usize) -> String {
    let before: Vec<char> = text[..at].chars().rev().take(120).collect();
    before.into_iter().rev().chain(text[at..].chars().take(120)).collect()
}

#[test]
fn no_marker_is_found_anywhere() {
    let (temp, hook) = (tempfile::tempdir().unwrap(), Hook::start(&[]));
    let dir = temp.path().join("capture");
    let mut answers = String::new();
    let mut said = Vec::new();
    for last in [false, true] {
        let mut recv = start(&dir, &hook);
        let mut client = recv.client();
        for (marker, _) in MARKERS {
            answers.push_str(&plant(&mut client, marker));
            assert_clean("the running capture", &raw_bytes(&dir).unwrap());
        }
        // A sender that breaks off, and one that speaks no HTTP: what is said of them is said with their address.
        for bytes in
            ["POST /loki/api/v1/push HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{", "203.0.113.77\r\n\r\n"]
        {
            let mut stream = connect(&recv.addr().to_string(), Duration::from_secs(5)).unwrap();
            stream.write_all(bytes.as_bytes()).unwrap();
        }
        until("broken connections are spoken of", || recv.stderr().contains("connection ended"));
        answers.push_str(&client.get("/metrics").unwrap().text());
        if last {
            let mut random = fastrand::Rng::with_seed(9);
            until("a file is rotated", || {
                let noise: String = (0..20_000).map(|_| random.alphanumeric()).collect();
                let body = format!("{{\"msg\":\"{noise}\"}}\n");
                assert_eq!(client.post("/logtap/raw", &[], body.as_bytes()).unwrap().status, 204);
                hook.has("rotation")
            });
            stop(&mut recv);
        } else {
            recv.kill().unwrap();
            assert_clean("the capture of a killed receiver", &raw_bytes(&dir).unwrap());
            let read = Capture::read(&dir).unwrap();
            let text = |record: &Record| serde_json::to_string(record).unwrap();
            let redacted = read.logs().filter(|record| text(record).contains("[REDACTED:")).count();
            assert!(redacted >= 7 * 7, "the lines are there, redacted: {redacted}");
        }
        said.push((recv.stderr(), recv.stdout()));
    }
    assert_clean("the capture", &raw_bytes(&dir).unwrap());
    assert_clean("an answer", answers.as_bytes());
    for posted in hook.posted() {
        assert_clean("a notification", posted.body.as_bytes());
    }
    for (stderr, stdout) in said {
        assert_clean("stderr", stderr.as_bytes());
        assert_clean("stdout", stdout.as_bytes());
        let own = stderr.lines().filter(|line| !line.contains("listening on http://"));
        let addresses: Vec<&str> = own.filter(|line| line.contains("127.0.0.1")).collect();
        assert!(addresses.is_empty(), "addresses of senders are in stderr: {addresses:?}");
    }
}

#[test]
fn addresses_of_refused_senders_are_redacted_in_the_audit_log() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, tokens) = (temp.path().join("capture"), temp.path().join("tokens"));
    std::fs::write(&tokens, "token").unwrap();
    let mut recv = super::start(&dir, &["--redact", "--auth-token-file", tokens.to_str().unwrap()]);
    assert_eq!(recv.client().post("/loki/api/v1/push", &[JSON], b"{}").unwrap().status, 401);
    stop(&mut recv);
    let audit = std::fs::read_to_string(dir.join("audit.jsonl")).unwrap();
    assert!(audit.contains("\"remote_ip\":\"[REDACTED:ip]\"") && !audit.contains("127.0.0.1"), "{audit}");
}
