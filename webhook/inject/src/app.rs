//! The value of the label `app`: what people call the workload that a pod belongs to.

use serde_json::Value;

use crate::pod::Pod;

/// Labels that name the app, best first.
pub(crate) const APP_LABELS: [&str; 3] = ["app.kubernetes.io/name", "app", "k8s-app"];
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";
/// Digits that a CronJob appends to the names of its Jobs: minutes since 1970.
pub(crate) const CRON_DIGITS: usize = 8;

/// The app label, or else the owner's name without what controllers append to it.
pub(crate) fn name(pod: Pod<'_>) -> Option<String> {
    let label = APP_LABELS.iter().find_map(|key| pod.label(key).filter(|value| !value.is_empty()));
    label.map(str::to_owned).or_else(|| owner(pod))
}

fn owner(pod: Pod<'_>) -> Option<String> {
    let owners = pod.metadata()?.get("ownerReferences")?.as_array()?;
    let is_controller = |one: &&Value| one.get("controller").and_then(Value::as_bool) == Some(true);
    let owner = owners.iter().find(is_controller).or_else(|| owners.first())?;
    let name = owner.get("name")?.as_str().filter(|name| !name.is_empty())?;
    let base = match owner.get("kind").and_then(Value::as_str) {
        Some("ReplicaSet") => pod
            .label(TEMPLATE_HASH)
            .and_then(|hash| name.strip_suffix(hash))
            .and_then(|rest| rest.strip_suffix('-'))
            .unwrap_or(name),
        Some("Job") => name
            .rsplit_once('-')
            .filter(|(_, end)| end.len() >= CRON_DIGITS && end.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(name, |(base, _)| base),
        _ => name,
    };
    Some(base).filter(|base| !base.is_empty()).map(str::to_owned)
}
