//! A namespace opts in and out again: its annotations, and the label that they stand for.
//!
//! Both are written in one patch, so that it works where nothing mirrors one to the other. What was
//! replaced is kept beside them, as on workloads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::before::restored;
use super::{Annotations, Change, Refusal};
use crate::vocabulary::{annotation, label};

/// What is to be done with a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespacePlan {
    /// A JSON merge patch; `None` if there is nothing to do.
    pub patch: Option<Value>,
    /// What changes; the label is named with a `label ` before its key.
    pub changes: Vec<Change>,
    /// Keys that somebody edited since; they keep their values.
    pub left: Vec<String>,
}

/// What a tap replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: u32,
    wrote: Annotations,
    was: BTreeMap<String, Option<String>>,
    label_was: Option<String>,
}

const VERSION: u32 = 1;

/// Plans a tap of a namespace with these annotations, [`annotation::TAP`] among them.
///
/// # Errors
/// [`Refusal`] if it is tapped for another session or target and not `force`.
pub fn tap(namespace: &Value, wanted: &Annotations, force: bool) -> Result<NamespacePlan, Refusal> {
    let current = texts(namespace, "annotations");
    let earlier = record(&current)?;
    let mut wanted = wanted.clone();
    if let Some(earlier) = &earlier {
        for key in [annotation::SESSION, annotation::TARGET] {
            match (earlier.wrote.get(key), wanted.get(key)) {
                (Some(holds), Some(asked)) if holds != asked && !force => {
                    return Err(Refusal::Held { by: key, value: holds.clone() });
                }
                (Some(holds), None) => drop(wanted.insert(key.to_owned(), holds.clone())),
                _ => {}
            }
        }
    }
    let label = texts(namespace, "labels").remove(label::TAP);
    let (untapped, label_was) = match &earlier {
        Some(earlier) => (restored(&earlier.wrote, &earlier.was, &current).0, earlier.label_was.clone()),
        None => (current.clone(), label.clone()),
    };
    let was = wanted.keys().map(|key| (key.clone(), untapped.get(key).cloned())).collect();
    let record = Record { version: VERSION, wrote: wanted.clone(), was, label_was };
    let mut after = untapped;
    after.extend(wanted);
    after.insert(annotation::BEFORE.to_owned(), serde_json::to_string(&record).unwrap_or_default());
    Ok(plan(namespace, &current, &after, label.as_deref(), Some(label::ENABLED), Vec::new()))
}

/// Plans the way back. A namespace that was never tapped is left as it is.
///
/// # Errors
/// [`Refusal::UnknownRecord`] if another version of logtap tapped it.
pub fn untap(namespace: &Value) -> Result<NamespacePlan, Refusal> {
    let current = texts(namespace, "annotations");
    let Some(record) = record(&current)? else {
        return Ok(NamespacePlan { patch: None, changes: Vec::new(), left: Vec::new() });
    };
    let (mut after, mut left) = restored(&record.wrote, &record.was, &current);
    after.remove(annotation::BEFORE);
    let label = texts(namespace, "labels").remove(label::TAP);
    let label_after = match label.as_deref() {
        Some(label::ENABLED) => record.label_was.as_deref(),
        edited => {
            left.extend(edited.map(|_| format!("label {}", label::TAP)));
            edited
        }
    };
    Ok(plan(namespace, &current, &after, label.as_deref(), label_after, left))
}

fn record(annotations: &Annotations) -> Result<Option<Record>, Refusal> {
    let Some(text) = annotations.get(annotation::BEFORE) else { return Ok(None) };
    let record = serde_json::from_str(text).ok().filter(|record: &Record| record.version == VERSION);
    record.map(Some).ok_or(Refusal::UnknownRecord)
}

fn plan(
    namespace: &Value,
    current: &Annotations,
    after: &Annotations,
    label: Option<&str>,
    label_after: Option<&str>,
    left: Vec<String>,
) -> NamespacePlan {
    let all = super::changes(current, after);
    let annotations: Map<String, Value> = all.iter().map(|one| (one.key.clone(), json!(one.to))).collect();
    let mut changes: Vec<Change> = all.into_iter().filter(|one| one.key != annotation::BEFORE).collect();
    let mut metadata = json!({ "annotations": annotations });
    if label != label_after {
        metadata["labels"] = json!({ label::TAP: label_after });
        let text = |value: Option<&str>| value.map(str::to_owned);
        changes.push(Change { key: format!("label {}", label::TAP), from: text(label), to: text(label_after) });
    }
    if let Some(version) = namespace.pointer("/metadata/resourceVersion") {
        metadata["resourceVersion"] = version.clone();
    }
    let patch = (current != after || label != label_after).then(|| json!({ "metadata": metadata }));
    NamespacePlan { patch, changes, left }
}

fn texts(namespace: &Value, part: &str) -> Annotations {
    let all = namespace.get("metadata").and_then(|metadata| metadata.get(part)?.as_object());
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    all.into_iter().flatten().filter_map(text).collect()
}
