//! What keeps a rollout from getting on, as one line: what the kubelet says of a container, or what
//! admission says of pods that could not be created.

use std::collections::BTreeSet;

use serde_json::Value;

use super::forwarder::{Forwarder, forwarder, state};
use super::rollout::condition;
use crate::cluster::resource::{REPLICA_SET, text};
use crate::cluster::{Cluster, ClusterError};

/// Whose fault something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The forwarder's: no use in waiting.
    Forwarder,
    /// Admission's (quota, Pod Security, limit ranges): no use in waiting for long.
    Refused,
    /// The app's or the cluster's: may pass.
    Other,
}

/// One reason, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Whose fault.
    pub(crate) cause: Cause,
    /// What to tell, one line.
    pub(crate) line: String,
}

/// What is wrong with a pod; the forwarder comes first.
pub(crate) fn trouble(pod: &Value) -> Option<Trouble> {
    let name = text(pod, "name");
    if let Forwarder::Waiting { reason, message } = forwarder(pod) {
        let line = format!("the forwarder of pod {name} does not run: {}", both(&reason, &message));
        return Some(Trouble { cause: Cause::Forwarder, line });
    }
    let other = |line: String| Some(Trouble { cause: Cause::Other, line });
    for list in ["initContainerStatuses", "containerStatuses"] {
        for status in pod["status"][list].as_array().into_iter().flatten() {
            if let Forwarder::Waiting { reason, message } = state(status) {
                let container = status["name"].as_str().unwrap_or_default();
                return other(format!("container {container} of pod {name} does not run: {}", both(&reason, &message)));
            }
        }
    }
    let unscheduled = condition(&pod["status"], "PodScheduled", "False");
    unscheduled.and_then(|why| other(format!("pod {name} has no node: {why}")))
}

fn both(reason: &str, message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason} ({message})"),
        (true, _) => message,
        (_, true) => reason.to_owned(),
    }
}

/// Why pods of a workload could not be created, as its controllers' events say; those in `known` are
/// from before. Returns the marks of all events, to be `known` next time, and the newest reason.
///
/// # Errors
/// If the events cannot be listed.
pub(crate) fn refusals(
    cluster: &Cluster,
    workload: &Value,
    known: &BTreeSet<String>,
) -> Result<(BTreeSet<String>, Option<Trouble>), ClusterError> {
    let namespace = text(workload, "namespace");
    let own = text(workload, "uid");
    let sets = cluster.list(REPLICA_SET, namespace, &super::selector(workload))?;
    let sets = sets.iter().filter(|set| owned_by(set, own)).map(|set| text(set, "uid"));
    let owners: Vec<&str> = std::iter::once(own).chain(sets).collect();
    let (mut marks, mut newest) = (BTreeSet::new(), None);
    for event in cluster.events(namespace, "FailedCreate")? {
        let about = event["involvedObject"]["uid"].as_str().unwrap_or_default();
        if !owners.contains(&about) {
            continue;
        }
        // A repeated event counts up in place.
        let mark = format!("{} {}", text(&event, "uid"), event["count"]);
        if !known.contains(&mark) {
            let line = event["message"].as_str().unwrap_or_default();
            newest = Some(Trouble { cause: Cause::Refused, line: format!("new pods are refused: {}", bare(line)) });
        }
        marks.insert(mark);
    }
    Ok((marks, newest))
}

fn owned_by(object: &Value, uid: &str) -> bool {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["uid"] == uid)
}

/// An event's text without the controller's own words before it.
fn bare(line: &str) -> &str {
    let line = line.strip_prefix("Error creating: ").unwrap_or(line);
    line.split_once("failed error: ").map_or(line, |(_, rest)| rest).trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(statuses: Value) -> Value {
        json!({
            "metadata": { "name": "api-1" },
            "spec": { "initContainers": [{ "name": "logtap-forwarder" }], "containers": [{ "name": "app" }] },
            "status": statuses,
        })
    }

    #[test]
    fn the_forwarder_s_last_words_are_told() {
        let crashing = json!({
            "name": "logtap-forwarder", "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } },
            "lastState": { "terminated": { "message": "cannot start:\n no target\n" } },
        });
        let found = trouble(&pod(json!({ "initContainerStatuses": [crashing] }))).unwrap();
        assert_eq!(found.cause, Cause::Forwarder);
        assert_eq!(found.line, "the forwarder of pod api-1 does not run: CrashLoopBackOff (cannot start: no target)");
    }

    #[test]
    fn starting_is_no_trouble() {
        let creating = json!({ "name": "logtap-forwarder", "state": { "waiting": { "reason": "PodInitializing" } } });
        assert_eq!(trouble(&pod(json!({ "initContainerStatuses": [creating] }))), None);
        let running = json!({ "name": "logtap-forwarder", "state": { "running": {} } });
        assert_eq!(trouble(&pod(json!({ "initContainerStatuses": [running] }))), None);
    }

    #[test]
    fn the_app_and_the_scheduler_come_next() {
        let app = json!({ "containerStatuses": [{ "name": "app", "state": { "waiting": { "reason": "ErrImagePull", "message": "no such" } } }] });
        assert_eq!(trouble(&pod(app)).unwrap().line, "container app of pod api-1 does not run: ErrImagePull (no such)");
        let nowhere = json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "message": "0/1 nodes" }] });
        assert_eq!(
            trouble(&pod(nowhere)).unwrap(),
            Trouble { cause: Cause::Other, line: "pod api-1 has no node: 0/1 nodes".into() }
        );
    }

    #[test]
    fn events_are_told_without_their_frame() {
        assert_eq!(bare("Error creating: pods \"a\" is forbidden"), "pods \"a\" is forbidden");
        assert_eq!(
            bare("create Pod a in StatefulSet b failed error: pods \"a\" is forbidden"),
            "pods \"a\" is forbidden"
        );
    }
}
