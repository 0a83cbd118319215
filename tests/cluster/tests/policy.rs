//! The admission policies on a real API server, beside the webhook's decisions about the same pods.
//!
//! A test named `case_034_…` is the case of that number in the test plan, as far as an API server takes
//! its pods and a policy can express it. Not here: 1 to 24 are about reviews, which a policy has none
//! of; 27, 40 and 48 are about objects that no API server takes; 51 is about fields newer than the API
//! server, which it drops before any policy runs. Warnings are compared nowhere: a policy has none.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "policy/choice.rs"]
mod choice;
#[path = "policy/generated.rs"]
mod generated;
#[path = "policy/others.rs"]
mod others;
#[path = "policy/shapes.rs"]
mod shapes;
#[path = "policy/specs.rs"]
mod specs;
#[path = "policy/values.rs"]
mod values;

use logtap_cluster_tests::{Outcome, Space, Table};
use serde_json::{Value, json};

/// A pod as a ReplicaSet makes it, opted in.
fn pod() -> Value {
    json!({
        "metadata": {
            "name": "api",
            "labels": { "app": "api", "pod-template-hash": "7d9f" },
            "annotations": { "logtap.io/tap": "true" },
        },
        "spec": {
            "containers": [{ "name": "api", "image": "shop/api:1", "resources": { "requests": { "cpu": "100m" } } }],
        },
    })
}

/// The pod with a value put at a JSON pointer whose parent exists.
fn with(mut pod: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap()[key.replace("~1", "/").replace("~0", "~")] = value;
    pod
}

/// The pod with annotations of ours.
fn asking(mut pod: Value, pairs: &[(&str, &str)]) -> Value {
    for (key, value) in pairs {
        pod["metadata"]["annotations"][format!("logtap.io/{key}")] = (*value).into();
    }
    pod
}

fn annotated(key: &str, value: &str) -> Value {
    asking(pod(), &[(key, value)])
}

/// A pod with the given value of the switch, or none.
fn saying(value: Option<&str>) -> Value {
    with(pod(), "/metadata/annotations", value.map_or(json!({}), |value| json!({ "logtap.io/tap": value })))
}

/// Compares all pods in one namespace.
fn compare(space: &Space, pods: impl IntoIterator<Item = Value>) -> Vec<Outcome> {
    pods.into_iter().fold(Table::default(), |table, pod| table.with(space, pod)).compare()
}

/// Compares all pods in a namespace that says nothing; each gets the same decision.
#[track_caller]
fn all(decision: &str, pods: impl IntoIterator<Item = Value>) -> Vec<Outcome> {
    all_in(&Space::quiet(), decision, pods)
}

/// Compares all pods in a namespace; each gets the same decision.
#[track_caller]
fn all_in(space: &Space, decision: &str, pods: impl IntoIterator<Item = Value>) -> Vec<Outcome> {
    let outcomes = compare(space, pods);
    for outcome in &outcomes {
        assert_eq!(outcome.decision, decision, "{:#}", outcome.before);
        assert!(decision != "injected" || outcome.forwarder().is_some());
    }
    outcomes
}

/// What was added, as a pod that is to be created again.
fn again(outcome: &Outcome) -> Value {
    let mut pod = outcome.after.clone();
    pod.as_object_mut().unwrap().remove("status");
    pod["metadata"].as_object_mut().unwrap().retain(|key, _| ["name", "labels", "annotations"].contains(&key.as_str()));
    pod
}
