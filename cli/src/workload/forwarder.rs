//! The forwarder of one pod, as the kubelet reports it.

use logtap_inject::vocabulary::sidecar;
use serde_json::Value;

/// State of a pod's forwarder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Forwarder {
    /// The pod has none.
    Absent,
    /// It runs; so often it was started again.
    Running {
        /// Starts after the first.
        restarts: i64,
    },
    /// It ended, as the pod did.
    Ended,
    /// It does not run, for this reason.
    Waiting {
        /// One word of the kubelet's.
        reason: String,
        /// Its sentence, or the container's last words.
        message: String,
    },
    /// The kubelet has not begun with it.
    Pending,
}

/// The forwarder's container in a pod's spec.
pub(crate) fn container(pod: &Value) -> Option<&Value> {
    let of =
        |list: &str| pod["spec"][list].as_array().into_iter().flatten().find(|one| one["name"] == sidecar::CONTAINER);
    of("initContainers").or_else(|| of("containers"))
}

/// State of a pod's forwarder.
pub(crate) fn forwarder(pod: &Value) -> Forwarder {
    if container(pod).is_none() {
        return Forwarder::Absent;
    }
    let lists = ["initContainerStatuses", "containerStatuses"];
    let all = lists.iter().filter_map(|list| pod["status"][*list].as_array()).flatten();
    let Some(status) = all.into_iter().find(|one| one["name"] == sidecar::CONTAINER) else { return Forwarder::Pending };
    state(status)
}

/// State of a container.
pub(super) fn state(status: &Value) -> Forwarder {
    let state = &status["state"];
    let last = status["lastState"]["terminated"]["message"].as_str().unwrap_or_default();
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().trim().to_owned();
    if state["running"].is_object() {
        return Forwarder::Running { restarts: status["restartCount"].as_i64().unwrap_or(0) };
    }
    if let Some(ended) = state.get("terminated") {
        if ended["exitCode"] == 0 {
            return Forwarder::Ended;
        }
        let reason = text(ended, "reason");
        return Forwarder::Waiting { reason, message: text(ended, "message") };
    }
    match state.get("waiting") {
        Some(waiting) if !["ContainerCreating", "PodInitializing"].contains(&text(waiting, "reason").as_str()) => {
            let reason = text(waiting, "reason");
            // "back-off 10s restarting failed container" says less than the container's last words.
            let message = if last.trim().is_empty() { text(waiting, "message") } else { last.trim().to_owned() };
            Forwarder::Waiting { reason, message }
        }
        _ => Forwarder::Pending,
    }
}
