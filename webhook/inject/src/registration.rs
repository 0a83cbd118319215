//! Which requests the API server sends: the entries of the MutatingWebhookConfiguration.
//!
//! Whoever installs adds `clientConfig`; all else is here, beside the decisions that rely on it.

use serde_json::{Value, json};

use crate::config::Config;
use crate::vocabulary::{annotation, label, object};

/// Seconds that the API server waits before it goes on without an answer.
const TIMEOUT: u32 = 3;

/// The three entries, without `clientConfig`. The two for pods never match the same pod: one wants
/// the namespace's label to say enabled, the other wants it to say neither enabled nor disabled.
#[must_use]
pub fn webhooks(config: &Config) -> Vec<Value> {
    let not_mirror = condition("not-mirror", &format!("!{}", has_annotation(annotation::MIRROR_POD)));
    let not_ours = json!({ "key": label::PART_OF, "operator": "NotIn", "values": [label::PART_OF_LOGTAP] });
    let pods = |name: &str, operator: &str, values: &[&str], conditions: &[&Value]| {
        let tap = json!({ "key": label::TAP, "operator": operator, "values": values });
        let mut entry = entry(name, "pods", "Namespaced", &["CREATE"]);
        entry["namespaceSelector"] = json!({ "matchExpressions": [tap, not_excluded(config)] });
        entry["objectSelector"] = json!({ "matchExpressions": [not_ours] });
        entry["matchConditions"] = json!(conditions);
        entry
    };
    let opted_in = condition("opted-in", &has_annotation(annotation::TAP));
    let mut mirror = entry(object::MIRROR, "namespaces", "Cluster", &["CREATE", "UPDATE"]);
    mirror["objectSelector"] = json!({ "matchExpressions": [not_excluded(config)] });
    vec![
        pods(object::PODS_BY_NAMESPACE, "In", &[label::ENABLED], &[&not_mirror]),
        pods(object::PODS_BY_ANNOTATION, "NotIn", &[label::ENABLED, label::DISABLED], &[&not_mirror, &opted_in]),
        mirror,
    ]
}

fn entry(name: &str, resource: &str, scope: &str, operations: &[&str]) -> Value {
    json!({
        "name": name,
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "reinvocationPolicy": "IfNeeded",
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT,
        "rules": [{
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": operations,
            "resources": [resource],
            "scope": scope,
        }],
    })
}

fn not_excluded(config: &Config) -> Value {
    let mut names: Vec<&str> = config.excluded_namespaces.iter().map(String::as_str).collect();
    if !names.contains(&config.own_namespace.as_str()) {
        names.push(&config.own_namespace);
    }
    json!({ "key": label::NAMESPACE_NAME, "operator": "NotIn", "values": names })
}

fn condition(name: &str, expression: &str) -> Value {
    json!({ "name": name, "expression": expression })
}

fn has_annotation(key: &str) -> String {
    format!("(has(object.metadata.annotations) && '{key}' in object.metadata.annotations)")
}
