//! JSON patches (RFC 6902): the only place that says how a pod changes.
//!
//! Only `add`, and only at the end of lists: nothing that is there moves or loses its value. The one
//! thing that is put right in an existing element is the restart policy of our own container, when
//! somebody's typed round trip dropped it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::Mode;
use crate::plan::Plan;
use crate::pod::{Annotation, Pod, name};
use crate::sidecar;
use crate::vocabulary::{annotation, sidecar as names};

/// Most bytes of all keys and values of an object's annotations together; the API server refuses more.
pub(crate) const MAX_ANNOTATIONS: usize = 256 << 10;

/// One operation of a patch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Adds a member or an element.
    Add {
        /// JSON pointer.
        path: String,
        /// What to add.
        value: Value,
    },
    /// Fails the patch when there is something else.
    Test {
        /// JSON pointer.
        path: String,
        /// What must be there.
        value: Value,
    },
    /// Removes a member: only the label of a namespace.
    Remove {
        /// JSON pointer.
        path: String,
    },
}

/// An init container of ours whose `restartPolicy: Always` is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// Its place among the init containers.
    pub index: usize,
}

/// The operations that carry out a plan on the pod it was made for.
#[must_use]
pub fn patch(plan: &Plan, pod: &Value) -> Vec<Operation> {
    let pod = Pod::new(pod);
    let there = |list: &str, element: &Value| pod.list(list).iter().any(|one| name(one) == name(element));
    let volumes = sidecar::volumes(plan).into_iter().filter(|volume| !there("volumes", volume)).collect();
    let secrets = plan.pull_secrets.iter().map(|secret| json!({ "name": secret }));
    let secrets = secrets.filter(|secret| !there("imagePullSecrets", secret)).collect();
    let containers = match plan.mode {
        Mode::Native => "initContainers",
        Mode::Container => "containers",
    };
    let mut operations = append(pod, "volumes", volumes);
    operations.extend(append(pod, containers, vec![sidecar::container(plan)]));
    operations.extend(append(pod, "imagePullSecrets", secrets));
    operations.extend(annotate(pod, plan));
    operations
}

/// The operations that put a restart policy back.
#[must_use]
pub fn repair(repair: Repair) -> Vec<Operation> {
    let path = |member: &str| format!("/spec/initContainers/{}/{member}", repair.index);
    vec![
        Operation::Test { path: path("name"), value: names::CONTAINER.into() },
        Operation::Add { path: path("restartPolicy"), value: "Always".into() },
    ]
}

/// A key as a step of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn append(pod: Pod<'_>, list: &str, elements: Vec<Value>) -> Vec<Operation> {
    if elements.is_empty() {
        return Vec::new();
    }
    let path = format!("/spec/{list}");
    if pod.spec(list).is_some_and(Value::is_array) {
        let path = format!("{path}/-");
        return elements.into_iter().map(|value| Operation::Add { path: path.clone(), value }).collect();
    }
    vec![Operation::Add { path, value: elements.into() }]
}

fn annotate(pod: Pod<'_>, plan: &Plan) -> Vec<Operation> {
    let mut ours = Map::new();
    ours.insert(annotation::SAFE_TO_EVICT_VOLUMES.to_owned(), safe_to_evict(pod, plan).into());
    ours.insert(annotation::STATUS.to_owned(), sidecar::status(plan).into());
    if !fits(pod, &ours) {
        return Vec::new();
    }
    if pod.metadata().is_none() {
        return vec![Operation::Add { path: "/metadata".to_owned(), value: json!({ "annotations": ours }) }];
    }
    if pod.annotations().is_none() {
        return vec![Operation::Add { path: "/metadata/annotations".to_owned(), value: ours.into() }];
    }
    let path = |key: &str| format!("/metadata/annotations/{}", escape(key));
    ours.into_iter().map(|(key, value)| Operation::Add { path: path(&key), value }).collect()
}

/// Whether the pod has room for our annotations. It can do without them better than not start.
fn fits(pod: Pod<'_>, ours: &Map<String, Value>) -> bool {
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    let theirs = pod.annotations().into_iter().flatten().filter(|(key, _)| !ours.contains_key(*key));
    theirs.chain(ours).map(size).sum::<usize>() <= MAX_ANNOTATIONS
}

/// The user's own list with our volumes at its end. The autoscaler takes each name between commas as
/// it is, blanks included.
fn safe_to_evict(pod: Pod<'_>, plan: &Plan) -> String {
    let mut list = match pod.annotation(annotation::SAFE_TO_EVICT_VOLUMES) {
        Annotation::Text(text) => text.to_owned(),
        Annotation::Absent | Annotation::NotText => String::new(),
    };
    for volume in sidecar::local_volumes(plan) {
        if !list.split(',').any(|one| one == volume) {
            if !list.trim().is_empty() {
                list.push(',');
            }
            list.push_str(volume);
        }
    }
    list
}
