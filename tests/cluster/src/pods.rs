//! Pods for the tests, before and after the webhook.

use logtap_inject::vocabulary::annotation;
use logtap_inject::{Config, Decision, NamespaceSettings, decide_pod, patch};
use serde_json::{Value, json};

use crate::namespace::Namespace;
use crate::receiver::Receiver;

/// A pod whose one container `app` runs a shell script once; tapped, its lines go to the receiver of
/// the namespace. It meets Pod Security "restricted".
#[must_use]
pub fn app_pod(namespace: &Namespace, name: &str, script: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": { "app": name },
            "annotations": {
                annotation::TAP: "true",
                annotation::TARGET: Receiver::url(namespace),
                annotation::SESSION: "first",
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 5,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "app",
                "image": "localhost/logtap-app:1",
                "imagePullPolicy": "IfNotPresent",
                "args": [script],
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    })
}

/// The pod as the webhook leaves it.
///
/// # Panics
/// When it would get no forwarder.
#[must_use]
pub fn injected(namespace: &Namespace, mut pod: Value, config: &Config) -> Value {
    let labels = namespace.labels().iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let settings = NamespaceSettings::new(labels, [], config);
    let verdict = decide_pod(namespace.name(), &pod, Some(&settings), config);
    let Decision::Inject(plan) = &verdict.decision else { panic!("no forwarder for {pod:#}: {verdict:?}") };
    let operations = serde_json::to_value(patch(plan, &pod)).expect("operations are JSON");
    let operations: json_patch::Patch = serde_json::from_value(operations).expect("operations are a patch");
    json_patch::patch(&mut pod, &operations).expect("the patch fits its pod");
    pod
}
