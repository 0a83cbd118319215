//! Workloads in a cluster: which ones are meant, which pods are theirs, how far their rollout is,
//! and what keeps it.

mod forwarder;
mod pods;
mod rollout;
mod select;
mod trouble;

pub(crate) use forwarder::{Forwarder, container, forwarder};
pub(crate) use pods::{pods, selector};
pub(crate) use rollout::{Progress, progress};
pub(crate) use select::{WorkloadArgs, choose, everything};
pub(crate) use trouble::{Cause, Trouble, refusals, trouble};

use serde_json::Value;

use crate::cluster::Resource;
use crate::cluster::resource::{CRON_JOB, text};

/// `deployment/api`, as kubectl writes it.
pub(crate) fn title(workload: &Value) -> String {
    match Resource::of(workload) {
        Some(what) => what.title(text(workload, "name")),
        None => text(workload, "name").to_owned(),
    }
}

/// Where the pod template of a workload is.
pub(crate) fn template(workload: &Value) -> &Value {
    match Resource::of(workload) {
        Some(CRON_JOB) => &workload["spec"]["jobTemplate"]["spec"]["template"],
        _ => &workload["spec"]["template"],
    }
}
