//! OTLP/HTTP logs in both encodings, with prost as the writer.

use logtap_push::{Altered, Format, Reject, Route, TsFix};
use prost::Message;

use crate::support::*;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}
#[derive(Clone, PartialEq, Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}
#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}
#[derive(Clone, PartialEq, Message)]
struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    log_records: Vec<LogRecord>,
}
#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValue>,
}
#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time: u64,
    #[prost(int32, tag = "2")]
    severity_number: i32,
    #[prost(string, tag = "3")]
    severity_text: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(fixed32, tag = "8")]
    flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    observed: u64,
}
#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}
#[derive(Clone, PartialEq, Message)]
struct Map {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}
#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<Any>,
}
#[derive(Clone, PartialEq, prost::Oneof)]
enum Any {
    #[prost(bytes, tag = "1")]
    Text(Vec<u8>),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(List),
    #[prost(message, tag = "6")]
    Map(Map),
    #[prost(bytes, tag = "7")]
    Bytes(Vec<u8>),
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(value: &str) -> Any {
    Any::Text(value.as_bytes().to_vec())
}

fn kv(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)) }
}

fn request(records: Vec<LogRecord>) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            kv("service.name", text("shop")),
            kv("k8s.pod.name", text("shop-1")),
            kv("host.arch", text("amd64")),
        ],
    };
    let scope = Scope { name: "lib".into(), version: "1.2".into(), attributes: vec![kv("s.a", Any::Int(-3))] };
    let scope_logs = ScopeLogs { scope: Some(scope), log_records: records };
    let logs = ResourceLogs { resource: Some(resource), scope_logs: vec![scope_logs] };
    Request { resource_logs: vec![logs] }.encode_to_vec()
}

/// Two records; the same as [`SAMPLE_JSON`].
pub(crate) fn sample() -> Vec<u8> {
    let map = Map { values: vec![kv("k", Any::List(List { values: vec![any(Any::Int(1)), any(Any::Bool(true))] }))] };
    request(vec![
        LogRecord {
            time: 1_795_342_423_272_123_400,
            severity_number: 17,
            severity_text: "ERROR".into(),
            body: Some(any(text("failed"))),
            attributes: vec![kv("http.method", text("GET")), kv("code", Any::Double(1.5))],
            flags: 1,
            trace_id: (1..=16).collect(),
            span_id: (1..=8).collect(),
            observed: 5,
        },
        LogRecord {
            observed: 1_795_342_423_272_123_401,
            body: Some(any(Any::Map(map))),
            attributes: vec![kv("raw", Any::Bytes(b"\xff\xfe".to_vec()))],
            ..LogRecord::default()
        },
    ])
}

/// Integers as strings and as numbers, camel and snake case, members in any order.
pub(crate) const SAMPLE_JSON: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
{"timeUnixNano":"1795342423272123400","severityNumber":17,"severityText":"ERROR","body":{"stringValue":"failed"},
 "attributes":[{"key":"http.method","value":{"stringValue":"GET"}},{"key":"code","value":{"doubleValue":1.5}}],
 "flags":1,"traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"0102030405060708","observedTimeUnixNano":"5"},
{"observed_time_unix_nano":1795342423272123401,"body":{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"1"},{"boolValue":true}]}}}]}},
 "attributes":[{"key":"raw","value":{"bytesValue":"//4="}}]}],
 "scope":{"name":"lib","version":"1.2","attributes":[{"key":"s.a","value":{"intValue":-3}}]}}],
 "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"k8s.pod.name","value":{"stringValue":"shop-1"}},{"key":"host.arch","value":{"stringValue":"amd64"}}]}}]}"#;

fn proto(body: &[u8]) -> Seen {
    decode(body, Route::Otlp, "application/x-protobuf", "").expect("readable")
}

fn json(body: &str) -> Seen {
    decode(body.as_bytes(), Route::Otlp, "application/json; charset=utf-8", "").expect("readable")
}

#[test]
fn both_encodings_give_the_same_lines() {
    let (proto, json) = (proto(&sample()), json(SAMPLE_JSON));
    assert_eq!((proto.format, json.format), (Format::OtlpProto, Format::OtlpJson));
    assert_eq!(proto.lines, json.lines);
    assert_eq!(proto.report, json.report);
    let first = &proto.lines[0];
    assert_eq!(first.labels, pairs(&[("k8s_pod_name", "shop-1"), ("service_name", "shop")]));
    assert_eq!((first.ns, &first.line[..]), (Some(1_795_342_423_272_123_400), "failed"));
    let meta = [
        ("host_arch", "amd64"),
        ("scope_name", "lib"),
        ("scope_version", "1.2"),
        ("s_a", "-3"),
        ("http_method", "GET"),
        ("code", "1.5"),
        ("severity_text", "ERROR"),
        ("severity_number", "17"),
        ("trace_id", "0102030405060708090a0b0c0d0e0f10"),
        ("span_id", "0102030405060708"),
        ("flags", "1"),
    ];
    assert_eq!(first.meta, pairs(&meta));
    let second = &proto.lines[1];
    assert_eq!((second.ns, &second.line[..]), (Some(1_795_342_423_272_123_401), r#"{"k":[1,true]}"#));
    assert_eq!(second.meta[4], ("raw".to_owned(), "//4=".to_owned()));
    assert_eq!(proto.report.altered.get(Altered::LineType), 1);
}

#[test]
fn odd_records_are_kept_or_cost_only_themselves() {
    let seen = proto(&request(vec![
        LogRecord { body: Some(any(Any::Text(b"a\xff\0".to_vec()))), ..LogRecord::default() },
        LogRecord { time: u64::MAX, ..LogRecord::default() },
        LogRecord { body: Some(any(Any::Double(f64::NAN))), time: 1, ..LogRecord::default() },
    ]));
    assert_eq!(seen.texts(), ["a\u{fffd}\u{fffd}", "", "NaN"]);
    assert_eq!(seen.lines[0].fix, Some(TsFix::Missing));
    assert_eq!(seen.lines[1].fix, Some(TsFix::Unusable));
    assert_eq!(seen.lines[1].original.as_deref(), Some("18446744073709551615"));

    let seen = json(
        r#"{"resource_logs":[{"scope_logs":[{"log_records":[{"body":{"stringValue":"a\ud800"}},5,null,{"body" 1},{"body":"plain"},{"body":{"stringValue":"z"},"timeUnixNano":"soon"}]}]},7]}"#,
    );
    assert_eq!(seen.texts(), ["a\u{fffd}", "plain", "z"]);
    assert_eq!(seen.lines[2].fix, Some(TsFix::Unusable));
    assert_eq!(seen.lines[2].original.as_deref(), Some("soon"));
    let rejected = seen.report.rejected;
    assert_eq!((rejected.get(Reject::NotAnEntry), rejected.get(Reject::Malformed)), (2, 1));
}

#[test]
fn deep_values_cost_only_their_record() {
    let mut deep = any(Any::Int(1));
    for _ in 0..200 {
        deep = any(Any::List(List { values: vec![deep] }));
    }
    let bad = LogRecord { body: Some(deep), ..LogRecord::default() };
    let good = LogRecord { body: Some(any(text("ok"))), ..LogRecord::default() };
    let seen = proto(&request(vec![bad, good]));
    assert_eq!((seen.texts(), seen.report.rejected.get(Reject::TooDeep)), (vec!["ok"], 1));

    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    let seen = json(&format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{deep}}},{{"body":{{"stringValue":"ok"}}}}]}}]}}]}}"#
    ));
    assert_eq!((seen.texts(), seen.report.rejected.get(Reject::TooDeep)), (vec!["ok"], 1));
}

#[test]
fn damage_inside_a_resource_does_not_cost_the_next_one() {
    let good = LogRecord { body: Some(any(text("ok"))), ..LogRecord::default() };
    let mut body = vec![0x0a, 4, 0x12, 2, 0x12, 9];
    body.extend_from_slice(&request(vec![good]));
    let seen = proto(&body);
    assert_eq!(seen.texts(), ["ok"]);
    assert_eq!(seen.report.rejected.get(Reject::Malformed), 1);
    let seen = json(
        r#"{"resourceLogs":[{"scopeLogs" []},{"scopeLogs":[{x},{"logRecords":[{"body":{"stringValue":"ok"}}]}]}]}"#,
    );
    assert_eq!(seen.texts(), ["ok"]);
    assert_eq!(seen.report.rejected.get(Reject::Malformed), 2);
}

#[test]
fn empty_requests_are_fine_and_garbage_is_not() {
    for body in ["", "{}", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":[{"resource":{}}]}"#] {
        assert_eq!(json(body).lines, []);
    }
    assert_eq!(proto(&request(vec![])).lines, []);
    for body in [&b"hello"[..], b"<x>", &[0xff; 32]] {
        assert!(decode(body, Route::Otlp, "application/json", "").is_err());
    }
}
