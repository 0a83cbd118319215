//! A log record and what surrounds it, and how they become a stream, metadata and a line.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::any::{Attributes, plain_name, text};
use crate::labels::{LabelForm, Labels};
use crate::report::{Altered, Report};
use crate::sink::{Entry, Sink};
use crate::text::{borrow_clean, clean};
use crate::timestamp::Timestamp;

/// Resource attributes that become labels: Loki's default list
/// (`default_resource_attributes_as_index_labels` in its documentation).
const LABELS: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// One log record.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) time: Option<u64>,
    pub(super) observed: Option<u64>,
    /// What stands in the time's place when it is no count of nanoseconds.
    pub(super) odd_time: String,
    pub(super) severity_number: Option<i64>,
    pub(super) severity_text: String,
    pub(super) body: Value,
    pub(super) attributes: Attributes,
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) flags: Option<u64>,
    pub(super) event_name: String,
}

/// The code that logs.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) attributes: Attributes,
}

/// Metadata that all records of a resource or a scope share.
pub(super) type Shared = Vec<(String, String)>;

/// Announces a resource's stream; gives the attributes that are no labels.
pub(super) fn stream<S: Sink + ?Sized>(attributes: &Attributes, sink: &mut S) -> Shared {
    let mut labels = Map::new();
    let mut rest = Shared::new();
    for (name, value) in attributes {
        if LABELS.contains(&name.as_str()) {
            labels.insert(plain_name(name), Value::String(text(value)));
        } else {
            rest.push((plain_name(&sink.name(name)), text(value)));
        }
    }
    let labels = Value::Object(labels).to_string();
    sink.stream(Labels::new(LabelForm::Json, labels.as_bytes()));
    rest
}

/// What a scope's records share, the resource's part included.
pub(super) fn scoped<S: Sink + ?Sized>(resource: &Shared, scope: &Scope, sink: &mut S) -> Shared {
    let mut shared = resource.clone();
    for (name, value) in [("scope_name", &scope.name), ("scope_version", &scope.version)] {
        if !value.is_empty() {
            shared.push((name.to_owned(), value.clone()));
        }
    }
    shared.extend(scope.attributes.iter().map(|(name, value)| (plain_name(&sink.name(name)), text(value))));
    shared
}

/// Hands one record over.
pub(super) fn emit<S: Sink + ?Sized>(record: &Record, shared: &Shared, sink: &mut S, report: &mut Report) {
    let time = record.time.filter(|&time| time != 0);
    let stamp = time.or(record.observed.filter(|&time| time != 0));
    let stamp_text = stamp.map(|stamp| stamp.to_string()).unwrap_or_default();
    let ts = match stamp.map(i64::try_from) {
        None if record.odd_time.is_empty() => Timestamp::missing(),
        None => Timestamp::parse(&record.odd_time),
        Some(Ok(ns)) => Timestamp::exact(ns),
        Some(Err(_)) => Timestamp::unusable(&stamp_text),
    };
    ts.count(&mut report.altered);

    let body = text(&record.body);
    if !matches!(record.body, Value::String(_) | Value::Null) {
        report.altered.add(Altered::LineType, 1);
    }
    let mut scratch = String::new();
    let line = match borrow_clean(body.as_bytes()) {
        Some(line) => line,
        None => clean(body.as_bytes(), &mut scratch, &mut report.altered),
    };

    let mut meta: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        shared.iter().map(|(name, value)| (name.into(), value.into())).collect();
    for (name, value) in &record.attributes {
        meta.push((plain_name(&sink.name(name)).into(), text(value).into()));
    }
    let number = |number: Option<i64>| number.filter(|&n| n != 0).map(|n| n.to_string());
    let flags = record.flags.and_then(|flags| i64::try_from(flags).ok());
    for (name, value) in [
        ("severity_text", record.severity_text.clone()),
        ("severity_number", number(record.severity_number).unwrap_or_default()),
        ("trace_id", record.trace_id.clone()),
        ("span_id", record.span_id.clone()),
        ("flags", number(flags).unwrap_or_default()),
        ("event_name", record.event_name.clone()),
    ] {
        if !value.is_empty() {
            meta.push((name.into(), value.into()));
        }
    }
    report.lines += 1;
    sink.entry(Entry { ts, line, meta: &meta });
}
