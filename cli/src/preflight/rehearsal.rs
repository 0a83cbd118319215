//! A pod created as a rehearsal: the API server runs all of admission over it (webhooks, policies,
//! quotas, limit ranges, Pod Security) and keeps nothing.

use std::collections::BTreeMap;

use logtap_inject::tap::Annotations;
use logtap_inject::vocabulary::annotation;
use logtap_inject::{Config, Decision, NamespaceSettings, decide_pod};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::resource::{NAMESPACE, POD, pairs, text};
use crate::error::CliError;
use crate::workload::{Forwarder, forwarder, template};

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Rehearsal {
    /// The pod has a forwarder.
    Tapped {
        /// The pod as it would be.
        pod: Box<Value>,
        /// What admission says about it.
        warnings: Vec<String>,
    },
    /// The pod would start without one.
    Untapped(String),
    /// The pod would be refused.
    Refused {
        /// Why.
        why: String,
        /// Whether it would be without the tap, too.
        anyway: bool,
    },
    /// The person may not create pods.
    NotAllowed,
}

/// The pod that a workload would make if its template had these annotations as well.
pub(crate) fn tapped_pod(workload: &Value, annotations: &Annotations) -> Value {
    let mut pod = template(workload).clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["generateName"] = format!("{}-", text(workload, "name")).into();
    for (key, value) in annotations {
        pod["metadata"]["annotations"][key] = value.as_str().into();
    }
    // Volumes that a StatefulSet adds to each of its pods.
    let claims = workload["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
    let volumes: Vec<Value> = claims.map(|claim| json!({ "name": text(claim, "name"), "emptyDir": {} })).collect();
    if !volumes.is_empty() {
        let mut all = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        all.extend(volumes);
        pod["spec"]["volumes"] = all.into();
    }
    pod
}

/// A pod that asks for a forwarder and does nothing.
pub(crate) fn sample(target: Option<&str>) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "logtap-check-",
            "annotations": { annotation::TAP: "true", annotation::ALLOW_PROD: "true" },
        },
        "spec": {
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "app",
                "image": "logtap.invalid/app",
                "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "cpu": "10m", "memory": "8Mi" } },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    });
    if let Some(target) = target {
        pod["metadata"]["annotations"][annotation::TARGET] = target.into();
    }
    pod
}

/// Rehearses the creation of a pod. `without` is the same pod as it would be untapped.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn rehearse(
    cluster: &Cluster,
    namespace: &str,
    pod: &Value,
    without: &Value,
) -> Result<Rehearsal, CliError> {
    match cluster.create(POD, namespace, pod, true) {
        Ok(answer) if forwarder(&answer.object) == Forwarder::Absent => {
            Ok(Rehearsal::Untapped(reason(cluster, namespace, pod, &answer.warnings)?))
        }
        Ok(answer) => Ok(Rehearsal::Tapped { pod: Box::new(answer.object), warnings: answer.warnings }),
        Err(error) if error.is_denied() => Ok(Rehearsal::NotAllowed),
        Err(error @ crate::cluster::ClusterError::Unreachable(_)) => Err(error.into()),
        Err(error) => {
            let anyway = cluster.create(POD, namespace, without, true).is_err();
            Ok(Rehearsal::Refused { why: error.to_string(), anyway })
        }
    }
}

/// Why a pod has no forwarder: what the webhook says, or else what its rules say, or else that it
/// did not answer.
fn reason(cluster: &Cluster, namespace: &str, pod: &Value, warnings: &[String]) -> Result<String, CliError> {
    if let Some(said) = warnings.iter().find_map(|one| one.strip_prefix("logtap: ")) {
        return Ok(said.to_owned());
    }
    Ok(explain(&settings(cluster, namespace)?, namespace, pod)
        .unwrap_or_else(|| "logtap did not answer: it is not installed, or none of its pods serves".to_owned()))
}

/// Why logtap's rules leave a pod without a forwarder; `None` if they would add one.
pub(crate) fn explain(settings: &NamespaceSettings, namespace: &str, pod: &Value) -> Option<String> {
    match decide_pod(namespace, pod, Some(settings), &Config::default()).decision {
        // Only the installation knows its default target.
        Decision::Skip(logtap_inject::Skip::NoTarget) | Decision::Inject(_) | Decision::Repair(_) => None,
        Decision::Skip(skip) => Some(skip.to_string()),
    }
}

/// What a namespace says about its pods; nothing where the person may not read it.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn settings(cluster: &Cluster, namespace: &str) -> Result<NamespaceSettings, CliError> {
    let found = match cluster.get(NAMESPACE, "", namespace) {
        Ok(found) => found.unwrap_or_default(),
        Err(error) if error.is_denied() => Value::default(),
        Err(error) => return Err(error.into()),
    };
    Ok(settings_of(&found))
}

/// What a namespace says about its pods.
pub(crate) fn settings_of(namespace: &Value) -> NamespaceSettings {
    let labels: BTreeMap<&str, &str> = pairs(namespace, "labels").collect();
    let annotations: BTreeMap<&str, &str> = pairs(namespace, "annotations").collect();
    NamespaceSettings::new(labels, annotations, &Config::default())
}
