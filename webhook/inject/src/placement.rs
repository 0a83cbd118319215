//! Where a pod asks to run, as far as that decides whether a forwarder can run beside it.
//!
//! Only what binds the pod to such a node counts. A toleration merely permits it, and some people
//! tolerate everything.

use serde_json::Value;

use crate::pod::Pod;

/// Label that tells a node's operating system, and its name before 1.14.
pub(crate) const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];
/// Label that tells a node's processor, and the ones that there are images for.
pub(crate) const ARCH_LABEL: &str = "kubernetes.io/arch";
pub(crate) const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
/// Labels, and their values, of nodes that a provider simulates.
pub(crate) const VIRTUAL_LABELS: [(&str, &str); 3] = [
    ("type", "virtual-kubelet"),
    ("eks.amazonaws.com/compute-type", "fargate"),
    ("kubernetes.io/role", "virtual-kubelet"),
];
/// Label that Fargate's own webhook puts on the pods it takes.
pub(crate) const FARGATE_LABEL: &str = "eks.amazonaws.com/fargate-profile";
pub(crate) const FARGATE_SCHEDULER: &str = "fargate-scheduler";
pub(crate) const VIRTUAL_NODES: [&str; 3] = ["fargate-", "virtual-kubelet", "virtual-node-"];

/// The field by which the pod asks for Windows. What `spec.os` says settles it.
pub(crate) fn windows(pod: Pod<'_>) -> Option<&'static str> {
    if let Some(os) = pod.spec("os").and_then(|os| os.get("name")).and_then(Value::as_str) {
        return (os == "windows").then_some("spec.os.name");
    }
    let context = pod.spec("securityContext").and_then(|context| context.get("windowsOptions"));
    if OS_LABELS.iter().any(|label| selected(pod, label) == Some("windows")) {
        Some("spec.nodeSelector")
    } else if OS_LABELS.iter().any(|label| required(pod, label, |os| os == "windows")) {
        Some("spec.affinity.nodeAffinity")
    } else if context.is_some_and(|options| !options.is_null()) {
        Some("spec.securityContext.windowsOptions")
    } else if pod.spec_text("runtimeClassName").is_some_and(|class| class.starts_with("windows")) {
        Some("spec.runtimeClassName")
    } else {
        None
    }
}

/// The field by which the pod asks for a node that has no kubelet of its own.
pub(crate) fn virtual_node(pod: Pod<'_>) -> Option<&'static str> {
    if VIRTUAL_LABELS.iter().any(|(label, value)| selected(pod, label) == Some(value)) {
        Some("spec.nodeSelector")
    } else if VIRTUAL_LABELS.iter().any(|(label, value)| required(pod, label, |one| one == *value)) {
        Some("spec.affinity.nodeAffinity")
    } else if pod.label(FARGATE_LABEL).is_some() {
        Some("the label eks.amazonaws.com/fargate-profile")
    } else if pod.spec_text("schedulerName") == Some(FARGATE_SCHEDULER) {
        Some("spec.schedulerName")
    } else if pod.spec_text("nodeName").is_some_and(|node| VIRTUAL_NODES.iter().any(|name| node.starts_with(name))) {
        Some("spec.nodeName")
    } else {
        None
    }
}

/// The field by which the pod asks for a processor that there is no image for. An image that does not
/// run would keep the app from starting.
pub(crate) fn foreign_processor(pod: Pod<'_>) -> Option<&'static str> {
    let foreign = |arch: &str| !ARCHITECTURES.contains(&arch);
    if selected(pod, ARCH_LABEL).is_some_and(foreign) {
        Some("spec.nodeSelector")
    } else if required(pod, ARCH_LABEL, foreign) {
        Some("spec.affinity.nodeAffinity")
    } else {
        None
    }
}

/// Whether names of Services resolve inside the pod.
pub(crate) fn uses_cluster_dns(pod: Pod<'_>) -> bool {
    let host = pod.spec("hostNetwork").and_then(Value::as_bool) == Some(true);
    match pod.spec_text("dnsPolicy") {
        Some("Default" | "None") => false,
        Some("ClusterFirstWithHostNet") => true,
        _ => !host,
    }
}

fn selected<'a>(pod: Pod<'a>, label: &str) -> Option<&'a str> {
    pod.spec("nodeSelector")?.get(label)?.as_str()
}

/// Whether each of the alternatives of the required node affinity asks for such a value of the label.
fn required(pod: Pod<'_>, label: &str, such: impl Fn(&str) -> bool) -> bool {
    let terms = pod
        .spec("affinity")
        .and_then(|affinity| affinity.get("nodeAffinity"))
        .and_then(|affinity| affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
        .and_then(|required| required.get("nodeSelectorTerms"))
        .and_then(Value::as_array);
    terms.is_some_and(|terms| !terms.is_empty() && terms.iter().all(|term| asks(term, label, &such)))
}

fn asks(term: &Value, label: &str, such: &impl Fn(&str) -> bool) -> bool {
    let is = |one: &Value, field: &str, text: &str| one.get(field).and_then(Value::as_str) == Some(text);
    term.get("matchExpressions").and_then(Value::as_array).is_some_and(|all| {
        all.iter().any(|one| {
            is(one, "key", label)
                && is(one, "operator", "In")
                && one
                    .get("values")
                    .and_then(Value::as_array)
                    .is_some_and(|values| !values.is_empty() && values.iter().all(|one| one.as_str().is_some_and(such)))
        })
    })
}
