//! The injection as admission policies, which the API server carries out itself: no server, no
//! certificate.
//!
//! Kubernetes 1.36 and newer. There is a policy for each entry of [`webhooks`], with the same name,
//! rules, selectors and conditions, so that again no pod matches two and an untapped pod costs nothing.
//! What [`decide_pod`](crate::decide_pod) and [`patch()`](crate::patch()) do is said once more in CEL;
//! what they add is rendered from [`sidecar`], filled with stand-ins. `tests/cluster/tests/policy.rs`
//! compares both on a real API server.
//!
//! A policy cannot express:
//! - warnings, audit annotations and metrics with the reason (a mutation has no such output): of a
//!   skipped pod nothing is heard, as little as of a value that was passed over;
//! - how requests and answers are spoken, cases 1 to 24 of the test plan: there are none;
//! - the wait for a namespace that was not seen yet: the API server always has it;
//! - looking at objects that no API server takes (cases 25 to 28, 40 and 48 ask what happens with odd
//!   reviews): those never reach a policy;
//! - fields newer than the API server (case 51): it has dropped them before any policy runs;
//! - amounts written with more than 64 characters, which the webhook reads;
//! - the granter: rights to read logs are given by whoever installs or taps.

mod cel;
mod change;
mod choice;
mod label;
mod literal;
mod placement;
mod resources;
mod settings;

use serde_json::{Value, json};

use crate::config::Config;
use crate::registration::webhooks;
use crate::vocabulary::{label as labels, object};
use cel::Variables;

/// The policies and their bindings, ready to apply.
#[must_use]
pub fn policy(config: &Config) -> Vec<Value> {
    webhooks(config).iter().flat_map(|entry| objects(entry, config)).collect()
}

/// Policy and binding that stand for one entry of the webhook.
fn objects(entry: &Value, config: &Config) -> [Value; 2] {
    let mut conditions: Vec<Value> = entry["matchConditions"].as_array().cloned().unwrap_or_default();
    let (variables, expression) = if entry["name"] == object::MIRROR {
        conditions.push(label::condition());
        (label::variables(), label::change())
    } else {
        (pods(config), change::change(config))
    };
    let mut constraints = json!({ "matchPolicy": entry["matchPolicy"], "resourceRules": entry["rules"] });
    for selector in ["namespaceSelector", "objectSelector"] {
        if let Some(value) = entry.get(selector) {
            constraints[selector] = value.clone();
        }
    }
    let spec = json!({
        "failurePolicy": entry["failurePolicy"],
        "reinvocationPolicy": entry["reinvocationPolicy"],
        "matchConstraints": constraints,
        "matchConditions": conditions,
        "variables": variables.into_json(),
        "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } }],
    });
    let of_kind = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": { "name": entry["name"], "labels": { labels::PART_OF: labels::PART_OF_LOGTAP } },
            "spec": spec,
        })
    };
    [
        of_kind("MutatingAdmissionPolicy", spec),
        of_kind("MutatingAdmissionPolicyBinding", json!({ "policyName": entry["name"] })),
    ]
}

/// Everything that is settled about a pod before it is changed.
fn pods(config: &Config) -> Variables {
    let mut variables = Variables::default();
    choice::switches(&mut variables);
    choice::containers(&mut variables, config);
    choice::prod(&mut variables, config);
    placement::variables(&mut variables);
    settings::variables(&mut variables, config);
    resources::variables(&mut variables, config);
    change::variables(&mut variables, config);
    variables
}
