//! How far a workload's pods have come to follow its template, from the workload's status alone.
//! The rules are those of `kubectl rollout status`.

use serde_json::Value;

use crate::cluster::Resource;
use crate::cluster::resource::{DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET};

/// State of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Every pod follows the template and is available.
    Done,
    /// So many pods do, of so many.
    Going {
        /// Pods that follow the template and are available.
        done: i64,
        /// Pods there should be.
        wanted: i64,
    },
    /// The controller gave up, and says why.
    Stuck(String),
    /// The template does not reach pods by itself: the workload is paused, scaled to zero, starts
    /// pods later, or leaves the pods that it has.
    Unmoved,
}

/// State of a workload's rollout.
pub(crate) fn progress(workload: &Value) -> Progress {
    let (spec, status) = (&workload["spec"], &workload["status"]);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let what = Resource::of(workload);
    let seen = what == Some(ROLLOUT) || {
        status["observedGeneration"].as_i64().unwrap_or(0) >= workload["metadata"]["generation"].as_i64().unwrap_or(0)
    };
    let of = |done: i64, wanted: i64, more: bool| {
        let done = if seen { done } else { 0 };
        if seen && done >= wanted && !more {
            Progress::Done
        } else {
            Progress::Going { done: done.min(wanted), wanted }
        }
    };
    match what {
        Some(DEPLOYMENT) if spec["paused"] == true => Progress::Unmoved,
        Some(DEPLOYMENT | STATEFUL_SET) if wanted == 0 => Progress::Unmoved,
        Some(DEPLOYMENT) => {
            if let Some(why) = condition(status, "Progressing", "False").filter(|_| seen) {
                return Progress::Stuck(why);
            }
            of(count("updatedReplicas").min(count("availableReplicas")), wanted, count("replicas") > wanted)
        }
        Some(STATEFUL_SET | DAEMON_SET) if spec["updateStrategy"]["type"] == "OnDelete" => Progress::Unmoved,
        Some(STATEFUL_SET) => {
            let held_back = spec["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
            let wanted = (wanted - held_back).max(0);
            let current = held_back == 0 && status["currentRevision"] != status["updateRevision"];
            if wanted == 0 {
                Progress::Unmoved
            } else {
                of(count("updatedReplicas").min(count("readyReplicas")), wanted, current)
            }
        }
        Some(DAEMON_SET) => {
            let wanted = count("desiredNumberScheduled");
            of(count("updatedNumberScheduled").min(count("numberAvailable")), wanted, false)
        }
        Some(ROLLOUT) => match status["phase"].as_str() {
            Some("Healthy") => Progress::Done,
            Some("Degraded") => Progress::Stuck(status["message"].as_str().unwrap_or("it is degraded").to_owned()),
            Some("Paused") | None => Progress::Unmoved,
            Some(_) => Progress::Going { done: count("updatedReplicas").min(wanted), wanted },
        },
        _ => Progress::Unmoved,
    }
}

/// The message of a condition that has this status.
pub(super) fn condition(status: &Value, kind: &str, is: &str) -> Option<String> {
    let conditions = status["conditions"].as_array()?;
    let found = conditions.iter().find(|one| one["type"] == kind && one["status"] == is)?;
    Some(found["message"].as_str().unwrap_or(kind).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(version: &str, kind: &str, spec: Value, status: Value) -> Value {
        json!({ "apiVersion": version, "kind": kind, "metadata": { "generation": 2 }, "spec": spec, "status": status })
    }

    #[test]
    fn a_deployment_is_done_when_old_pods_are_gone() {
        let at = |status: Value| progress(&workload("apps/v1", "Deployment", json!({ "replicas": 3 }), status));
        let counts = |observed: i64, replicas: i64, updated: i64, available: i64| {
            at(
                json!({ "observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available }),
            )
        };
        assert_eq!(counts(2, 3, 3, 3), Progress::Done);
        assert_eq!(counts(1, 3, 3, 3), Progress::Going { done: 0, wanted: 3 }, "of the generation before");
        assert_eq!(counts(2, 4, 3, 4), Progress::Going { done: 3, wanted: 3 }, "an old pod is left");
        assert_eq!(counts(2, 4, 1, 4), Progress::Going { done: 1, wanted: 3 });
        let late = json!({ "observedGeneration": 2, "conditions": [{ "type": "Progressing", "status": "False", "message": "late" }] });
        assert_eq!(at(late), Progress::Stuck("late".to_owned()));
    }

    #[test]
    fn a_stateful_set_holds_back_what_its_partition_says() {
        let spec = |partition: i64| json!({ "replicas": 3, "updateStrategy": { "rollingUpdate": { "partition": partition } } });
        let status = json!({ "observedGeneration": 2, "updatedReplicas": 1, "readyReplicas": 3, "currentRevision": "a", "updateRevision": "b" });
        let at = |partition| progress(&workload("apps/v1", "StatefulSet", spec(partition), status.clone()));
        assert_eq!(at(2), Progress::Done);
        assert_eq!(at(0), Progress::Going { done: 1, wanted: 3 });
        assert_eq!(at(3), Progress::Unmoved);
    }

    #[test]
    fn what_does_not_restart_is_not_waited_for() {
        for (version, kind, spec) in [
            ("apps/v1", "Deployment", json!({ "paused": true })),
            ("apps/v1", "Deployment", json!({ "replicas": 0 })),
            ("apps/v1", "DaemonSet", json!({ "updateStrategy": { "type": "OnDelete" } })),
            ("apps/v1", "ReplicaSet", json!({})),
            ("batch/v1", "CronJob", json!({})),
        ] {
            assert_eq!(progress(&workload(version, kind, spec, json!({}))), Progress::Unmoved, "{kind}");
        }
    }
}
