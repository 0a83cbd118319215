//! Pods for the tests, before and after the webhook.

use logtap_inject::vocabulary::{annotation, sidecar};
use logtap_inject::{Config, Decision, NamespaceSettings, decide_pod, patch};
use serde_json::{Value, json};

use crate::namespace::Namespace;
use crate::receiver::Receiver;

/// A pod that nobody tapped, whose one container `app` runs a shell script once. It meets Pod Security
/// "restricted".
#[must_use]
pub fn bare_pod(name: &str, script: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": name } },
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

/// The same pod, tapped: its lines go to the receiver of the namespace.
#[must_use]
pub fn app_pod(namespace: &Namespace, name: &str, script: &str) -> Value {
    let mut pod = bare_pod(name, script);
    pod["metadata"]["annotations"] = json!({
        annotation::TAP: "true",
        annotation::TARGET: Receiver::url(namespace),
        annotation::SESSION: "first",
    });
    pod
}

/// A Job that runs the pod once.
#[must_use]
pub fn job(name: &str, pod: &Value) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name },
        "spec": { "backoffLimit": 0, "template": template(name, pod) },
    })
}

/// A Deployment, StatefulSet, DaemonSet or ReplicaSet that keeps the pod running.
#[must_use]
pub fn workload(kind: &str, name: &str, pod: &Value) -> Value {
    let mut template = template(name, pod);
    template["spec"]["restartPolicy"] = "Always".into();
    let mut spec = json!({ "selector": { "matchLabels": { "app": name } }, "template": template });
    match kind {
        "DaemonSet" => {}
        "StatefulSet" => {
            spec["replicas"] = 1.into();
            spec["serviceName"] = name.into();
        }
        _ => spec["replicas"] = 1.into(),
    }
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn template(name: &str, pod: &Value) -> Value {
    json!({
        "metadata": { "annotations": pod["metadata"]["annotations"], "labels": { "app": name } },
        "spec": pod["spec"],
    })
}

/// Whether a pod has a forwarder, in either form.
#[must_use]
pub fn is_injected(pod: &Value) -> bool {
    let named =
        |list: &Value| list.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == sidecar::CONTAINER));
    named(&pod["spec"]["initContainers"]) || named(&pod["spec"]["containers"])
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
