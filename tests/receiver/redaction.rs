//! Nothing unredacted reaches the disk, wherever in a request it stood.

use std::path::Path;
use std::sync::Arc;

use logtap_redact::{Builtin, Config, Redactor};

use crate::support::Receiver;

const CARD: &str = "4111 1111 1111 1111";
const EMAIL: &str = "marker.person@example.org";

/// All bytes of all files, as they are and decompressed.
fn everything(dir: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        all.extend(path.to_string_lossy().bytes());
        all.extend(std::fs::read(&path).unwrap());
        if path.extension().is_some_and(|kind| kind == "zst") {
            all.extend(std::process::Command::new("zstd").arg("-dc").arg(&path).output().unwrap().stdout);
        }
    }
    all
}

fn assert_clean(dir: &Path) {
    let all = everything(dir);
    for marker in [EMAIL, "marker.person", CARD, "4111111111111111", "4111-1111"] {
        assert!(memchr::memmem::find(&all, marker.as_bytes()).is_none(), "{marker} reached the disk");
    }
}

#[test]
fn markers_in_every_place() {
    let redactor = Redactor::new(Config { builtins: Builtin::ALL.to_vec(), ..Config::default() }).unwrap();
    let receiver = Receiver::start(|config| {
        config.redactor = Some(Arc::new(redactor));
        config.capture.redaction = Some(vec!["credit_card".to_owned()]);
        config.tokens = vec!["secret".to_owned()];
    });
    let mut client = receiver.client();
    let auth = [("content-type", "application/json"), ("authorization", "Bearer secret")];
    let bodies = [
        format!(r#"{{"streams":[{{"stream":{{"user":"{EMAIL}"}},"values":[["1790000000000000000","paid by {CARD}"]]}}]}}"#),
        format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["1790000000000000000","x",{{"who":"{EMAIL}"}}]]}}]}}"#),
        format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["{EMAIL}","x"]]}}]}}"#),
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1790000000000000000","marker.person\u0040example.org 4111\u0031111-1111-1111"]]}]}"#.to_owned(),
        format!(r#"{{"streams":[{{"labels":"{{user=\"{EMAIL}\"}}","entries":[{{"ts":"2026-01-01T00:00:00Z","line":"{EMAIL}"}}]}}]}}"#),
        format!(r#"{{"streams":[{{"labels":"broken {EMAIL} \" =","entries":[{{"ts":"2026-01-01T00:00:00Z","line":"x"}}]}}]}}"#),
    ];
    for body in &bodies {
        let response = client.post("/loki/api/v1/push", &auth, body.as_bytes()).unwrap();
        assert_eq!(response.status, 204, "{}", response.text());
        assert_clean(&receiver.capture());
    }
    let metrics = client.get("/metrics").unwrap();
    assert_eq!(metrics.status, 401);
    let refused =
        client.post("/loki/api/v1/push", &[("authorization", "Bearer marker.person@example.org")], b"x").unwrap();
    assert_eq!(refused.status, 401);
    let raw = format!("{{\"msg\":\"{EMAIL}\"}}\n{EMAIL} is no JSON\n");
    assert_eq!(client.post("/logtap/raw", &auth, raw.as_bytes()).unwrap().header("x-logtap-rejected"), Some("1"));
    let garbage = client.post("/loki/api/v1/push", &auth, EMAIL.as_bytes()).unwrap();
    assert_eq!(garbage.status, 400);
    assert!(!garbage.text().contains(EMAIL), "an error text repeats what was sent");
    let (summary, dir) = receiver.stop();
    assert_eq!(summary.counts.written, bodies.len() as u64 + 1);
    assert!(summary.counts.redacted.iter().sum::<u64>() >= 8);
    assert_clean(&dir.path().join("capture"));
    assert!(summary.metadata.redaction.unwrap().enabled);
}

#[test]
fn names_that_redaction_makes_equal_keep_their_values_apart() {
    let redactor = Redactor::new(Config { builtins: Builtin::ALL.to_vec(), ..Config::default() }).unwrap();
    let receiver = Receiver::start(|config| config.redactor = Some(Arc::new(redactor)));
    let pairs = r#"{"a.b@example.org":"first","c.d@example.org":"second","e":"third"}"#;
    let body = format!(r#"{{"streams":[{{"stream":{pairs},"values":[["1790000000000000000","x",{pairs}]]}}]}}"#);
    let headers = [("content-type", "application/json")];
    assert_eq!(receiver.client().post("/loki/api/v1/push", &headers, body.as_bytes()).unwrap().status, 204);
    let (_, dir) = receiver.stop();
    let capture = logtap_testkit::capture::Capture::read(&dir.path().join("capture")).unwrap();
    let record = capture.logs().next().unwrap();
    for kept in [&record.labels, record.meta.as_ref().unwrap()] {
        let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(kept, [("[REDACTED:email]", "first"), ("[REDACTED:email]_2", "second"), ("e", "third")]);
    }
}
