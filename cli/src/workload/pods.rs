//! Which pods belong to a workload: by its selector, and then by owner, since selectors may overlap.

use serde_json::Value;

use crate::cluster::resource::{CRON_JOB, DEPLOYMENT, JOB, POD, REPLICA_SET, ROLLOUT, text};
use crate::cluster::{Cluster, ClusterError, Resource};

/// Pods that a workload made, those that are being deleted aside.
///
/// # Errors
/// If they cannot be listed.
pub(crate) fn pods(cluster: &Cluster, workload: &Value) -> Result<Vec<Value>, ClusterError> {
    let namespace = text(workload, "namespace");
    let labels = selector(workload);
    let uid = text(workload, "uid");
    let between = match Resource::of(workload) {
        Some(DEPLOYMENT | ROLLOUT) => Some(REPLICA_SET),
        Some(CRON_JOB) => Some(JOB),
        _ => None,
    };
    let owners: Vec<String> = match between {
        None => vec![uid.to_owned()],
        Some(what) => {
            let owned = cluster.list(what, namespace, &labels)?;
            owned.iter().filter(|one| owner(one) == Some(uid)).map(|one| text(one, "uid").to_owned()).collect()
        }
    };
    let mut found = cluster.list(POD, namespace, &labels)?;
    found.retain(|pod| {
        pod["metadata"]["deletionTimestamp"].is_null()
            && owner(pod).is_some_and(|uid| owners.iter().any(|one| one == uid))
    });
    Ok(found)
}

/// The uid of an object's controller.
fn owner(object: &Value) -> Option<&str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
}

/// A workload's selector as the API's query has it; empty where there is none.
pub(crate) fn selector(workload: &Value) -> String {
    let selector = &workload["spec"]["selector"];
    let mut parts: Vec<String> = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for one in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = one["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = one["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.push(match one["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_are_written_as_queries() {
        let selector = |selector: Value| super::selector(&json!({ "spec": { "selector": selector } }));
        let both = json!({ "matchLabels": { "app": "api" }, "matchExpressions": [
            { "key": "tier", "operator": "In", "values": ["a", "b"] },
            { "key": "x", "operator": "NotIn", "values": ["y"] },
            { "key": "p", "operator": "Exists" }, { "key": "q", "operator": "DoesNotExist" },
        ] });
        assert_eq!(selector(both), "app=api,tier in (a,b),x notin (y),p,!q");
        assert_eq!(selector(Value::Null), "");
    }
}
