//! Bodies that are not what their headers say, break off, or are built to exhaust a parser.

use std::time::{Duration, Instant};

use logtap_testkit::batches::Batch;
use logtap_testkit::client::{Dialect, encode, raw};

use crate::{JSON, PUSH, Victim, assert_handled, assert_refused};

const BODY: &str = r#"{"streams":[{"stream":{"app":"x"},"values":[["1790000000000000000","a line"]]}]}"#;

/// Sends bytes and expects an answer of one of these classes, or a closed connection, soon.
fn say(victim: &Victim, what: &str, bytes: &[u8], classes: &[u8]) {
    let begun = Instant::now();
    let answer = raw(&victim.recv.addr().to_string(), bytes, Duration::from_secs(20)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{what}: answered after {:?}", begun.elapsed());
    let Some(rest) = answer.strip_prefix(b"HTTP/1.1 ") else {
        assert!(answer.is_empty(), "{what}: {}", String::from_utf8_lossy(&answer));
        return;
    };
    assert!(classes.contains(&rest[0]), "{what}: {}", String::from_utf8_lossy(&answer));
}

pub(crate) fn lengths(victim: &mut Victim) {
    let head = |more: &str| format!("POST {PUSH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{more}\r\n");
    let length = BODY.len();
    for (what, text) in [
        ("a length too large", head(&format!("Content-Length: {}\r\n", length + 1000)) + BODY),
        ("a length too small", head("Content-Length: 20\r\n") + BODY),
        ("a length of 8 EiB", head("Content-Length: 9223372036854775807\r\n") + BODY),
        ("a length beyond any", head("Content-Length: 99999999999999999999999\r\n") + BODY),
        ("a negative length", head("Content-Length: -5\r\n") + BODY),
        ("two lengths", head(&format!("Content-Length: {length}\r\nContent-Length: 5\r\n")) + BODY),
        ("a chunk beyond any", head("Transfer-Encoding: chunked\r\n") + "fffffffffffffffff\r\n" + BODY),
        ("a chunk cut off", head("Transfer-Encoding: chunked\r\n") + "ffff\r\n" + BODY),
        ("a chunk that is none", head("Transfer-Encoding: chunked\r\n") + "zz\r\n" + BODY),
        ("no HTTP", "\u{16}\u{3}\u{1}\u{2}\0hello\r\n\r\n".to_owned()),
        ("a head of 2 MiB", head(&format!("X: {}\r\n", "y".repeat(2 << 20)))),
        ("ten thousand headers", head(&"X-Y: z\r\n".repeat(10_000))),
    ] {
        say(victim, what, text.as_bytes(), b"4");
    }
    let both = head(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"));
    say(victim, "both framings", format!("{both}{length:x}\r\n{BODY}\r\n0\r\n\r\n").as_bytes(), b"24");
    say(victim, "no length at all", head("").as_bytes(), b"24");
}

pub(crate) fn encodings(victim: &mut Victim) {
    let mut rng = fastrand::Rng::with_seed(11);
    let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(100_000).collect();
    let kinds = ["application/json", "application/x-protobuf", "application/x-snappy", "text/plain", "nonsense"];
    for encoding in ["", "gzip", "deflate", "snappy", "zstd", "br", "gzip, zstd", "identity", "\u{7f}x"] {
        for kind in kinds {
            for path in [PUSH, "/api/prom/push", "/otlp/v1/logs", "/logtap/raw"] {
                for (what, body) in [("noise", noise.as_slice()), ("JSON", BODY.as_bytes()), ("nothing", b"")] {
                    let headers = [("Content-Type", kind), ("Content-Encoding", encoding)];
                    let what = format!("{what} as {kind} in {encoding:?} to {path}");
                    match victim.attack(path, &headers, body) {
                        Ok(response) if response.body.is_empty() && encoding == "\u{7f}x" => {}
                        Ok(response) => assert_handled(&what, &response),
                        Err(error) => panic!("{what}: {error}"),
                    }
                }
            }
        }
    }
}

pub(crate) fn truncated(victim: &mut Victim) {
    let texts: Vec<String> = (0..50).map(|n| format!("line {n} of a batch that is cut off")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let batch = Batch::of(&[("app", "cut")], 1_790_000_000_000_000_000, &texts);
    for (name, dialect) in Dialect::ALL {
        let body = encode(dialect, &batch);
        let length = body.bytes.len();
        for end in [1, 2, 7, length / 4, length / 2, length - 9, length - 1] {
            let response = victim.attack(body.path, &body.headers(), &body.bytes[..end]).unwrap();
            assert_handled(&format!("{name} cut at {end} of {length}"), &response);
        }
    }
}

/// OTLP in protobuf: a body that is an array in an array, and so on.
fn nested_otlp(depth: usize) -> Vec<u8> {
    let field = |tag: u8, content: &[u8]| {
        let (mut out, mut length) = (vec![tag], content.len());
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(content);
        out
    };
    let value = (0..depth).fold(vec![0x0a, 1, b'x'], |value, _| field(0x2a, &field(0x0a, &value)));
    // LogRecord.body, ScopeLogs.log_records, ResourceLogs.scope_logs, LogsData.resource_logs
    field(0x0a, &field(0x12, &field(0x12, &field(0x2a, &value))))
}

pub(crate) fn nesting(victim: &mut Victim) {
    let deep = 3 << 20;
    let within = |inner: &str| format!(r#"{{"streams":[{{"stream":{{"app":{inner}}},"values":[["1",{inner}]]}}]}}"#);
    let arrays = "[".repeat(deep) + &"]".repeat(deep);
    let objects = r#"{"a":"#.repeat(deep / 4) + "1" + &"}".repeat(deep / 4);
    let value = r#"{"arrayValue":{"values":["#.repeat(100_000) + "{}" + &"]}}".repeat(100_000);
    let otlp = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#);
    for (what, body) in [
        ("open arrays", "[".repeat(deep)),
        ("open objects", r#"{"a":"#.repeat(deep)),
        ("arrays", arrays.clone()),
        ("streams that are arrays", format!(r#"{{"streams":{arrays}}}"#)),
        ("values that are arrays", within(&arrays)),
        ("values that are objects", within(&objects)),
        ("ignored objects", format!(r#"{{"x":{objects},"streams":[]}}"#)),
        ("OTLP arrays", otlp),
    ] {
        for path in [PUSH, "/otlp/v1/logs", "/logtap/raw"] {
            let response = victim.attack(path, &[JSON], body.as_bytes()).unwrap();
            assert_handled(&format!("{what} to {path}"), &response);
        }
    }
    let response =
        victim.attack("/otlp/v1/logs", &[("Content-Type", "application/x-protobuf")], &nested_otlp(5000)).unwrap();
    assert_handled("OTLP arrays in protobuf", &response);
}

pub(crate) fn long_lines(victim: &mut Victim) {
    for dialect in [Dialect::JsonV1, Dialect::ProtoSnappy, Dialect::JsonV1Gzip, Dialect::Raw, Dialect::OtlpProto] {
        let mut rng = fastrand::Rng::with_seed(5);
        let text: String = std::iter::repeat_with(|| rng.alphanumeric()).take(20 << 20).collect();
        let body = encode(dialect, &Batch::of(&[("app", "long")], 1_790_000_000_000_000_000, &[&text]));
        let response = victim.attack(body.path, &body.headers(), &body.bytes).unwrap();
        assert!((200..300).contains(&response.status), "{dialect:?}: {} {}", response.status, response.text());
        assert_eq!(response.header("x-logtap-rejected"), None, "{dialect:?}");
        println!("a line of 20 MiB as {dialect:?}: {} MiB at most", victim.recv.peak_rss().unwrap() >> 20);
    }
    let body = vec![b'a'; 33 << 20];
    if let Ok(response) = victim.attack(PUSH, &[JSON], &body) {
        assert_refused("33 MiB", &response);
        assert_eq!(response.status, 413);
    }
}
