//! OTLP/HTTP log requests, written by hand from `opentelemetry/proto/logs/v1/logs.proto`.
//!
//! A stream's labels become resource attributes under their OpenTelemetry names, metadata becomes
//! attributes of the record.

use serde_json::{Value, json};

use crate::batches::{Batch, BatchLine, BatchStream};

/// The attribute that stands for a label.
fn attribute(label: &str) -> &str {
    match label {
        "app" => "service.name",
        "namespace" => "k8s.namespace.name",
        "pod" => "k8s.pod.name",
        "container" => "k8s.container.name",
        "node" => "k8s.node.name",
        other => other,
    }
}

/// `ExportLogsServiceRequest` in JSON: numbers of 64 bits are strings.
pub(super) fn json(batch: &Batch) -> Vec<u8> {
    let resources: Vec<Value> = batch.streams().iter().map(resource_json).collect();
    serde_json::to_vec(&json!({ "resourceLogs": resources })).expect("a JSON value can be written")
}

fn resource_json(stream: &BatchStream) -> Value {
    let pair = |name: &str, value: &str| json!({"key": name, "value": {"stringValue": value}});
    let labels: Vec<_> = stream.labels.iter().map(|(name, value)| pair(attribute(name), value)).collect();
    let record = |line: &BatchLine| {
        let meta: Vec<_> = line.meta.iter().map(|(name, value)| pair(name, value)).collect();
        json!({"timeUnixNano": line.ns.to_string(), "body": {"stringValue": line.text}, "attributes": meta})
    };
    let records: Vec<_> = stream.lines.iter().map(record).collect();
    json!({"resource": {"attributes": labels}, "scopeLogs": [{"scope": {}, "logRecords": records}]})
}

/// `ExportLogsServiceRequest` in protobuf.
pub(super) fn proto(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    for stream in batch.streams() {
        let mut resource = Vec::new();
        for (name, value) in &stream.labels {
            field(1, &key_value(attribute(name), value), &mut resource);
        }
        let mut scope = Vec::new();
        for line in &stream.lines {
            field(2, &record(line), &mut scope);
        }
        let mut logs = Vec::new();
        field(1, &resource, &mut logs);
        field(2, &scope, &mut logs);
        field(1, &logs, &mut out);
    }
    out
}

/// `LogRecord`: 1 is the time as fixed64, 5 the body, 6 the attributes.
fn record(line: &BatchLine) -> Vec<u8> {
    let mut out = vec![1 << 3 | 1];
    out.extend_from_slice(&line.ns.cast_unsigned().to_le_bytes());
    field(5, &text(&line.text), &mut out);
    for (name, value) in &line.meta {
        field(6, &key_value(name, value), &mut out);
    }
    out
}

fn key_value(name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    field(1, name.as_bytes(), &mut out);
    field(2, &text(value), &mut out);
    out
}

/// `AnyValue` with a string.
fn text(value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    field(1, value.as_bytes(), &mut out);
    out
}

fn field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(bytes);
}
