//! A workload whose template was written, and the way back.

use std::collections::BTreeSet;

use logtap_inject::tap;
use logtap_inject::vocabulary::annotation;
use serde_json::Value;

use crate::cluster::resource::{STATEFUL_SET, annotation as annotation_of, text};
use crate::cluster::{Cluster, Resource};
use crate::error::CliError;
use crate::workload::{pods, refusals, template, title};

/// A workload that was written, and what was true then.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// `deployment/api`.
    pub(crate) title: String,
    /// As it was after the write.
    pub(crate) workload: Value,
    /// Session that its tapped pods carry; `None` after an untap.
    pub(crate) session: Option<String>,
    /// Marks of events from before.
    pub(crate) known: BTreeSet<String>,
    /// What the person was told about it.
    pub(crate) notes: Vec<String>,
}

/// Marks of the events that are there; events are a help, so that not seeing them is no error.
pub(crate) fn known(cluster: &Cluster, workload: &Value) -> BTreeSet<String> {
    refusals(cluster, workload, &BTreeSet::new()).unwrap_or_default().0
}

/// The session that pods of a workload carry.
pub(crate) fn session(workload: &Value) -> Option<String> {
    annotation_of(template(workload), annotation::SESSION).map(str::to_owned)
}

/// Untaps one workload as it is now. Somebody else may write at the same time: then it is read again.
pub(crate) fn take_back(cluster: &Cluster, workload: &Value) -> Result<Option<(Value, tap::UntapPlan)>, CliError> {
    let what =
        Resource::of(workload).ok_or_else(|| CliError::usage(format!("{} cannot be untapped", title(workload))))?;
    let (namespace, name) = (text(workload, "namespace"), text(workload, "name"));
    let mut tries = 0;
    loop {
        let Some(now) = cluster.get(what, namespace, name)? else { return Ok(None) };
        let plan = tap::untap(&now).map_err(|refusal| CliError::usage(format!("{}: {refusal}", title(&now))))?;
        let Some(patch) = &plan.patch else { return Ok(Some((now, plan))) };
        match cluster.merge(what, namespace, name, patch) {
            Ok(after) => return Ok(Some((after, plan))),
            Err(error) if error.is_conflict() && tries < 5 => tries += 1,
            Err(error) => return Err(error.while_doing(&format!("untapping {}", title(&now)))),
        }
    }
}

/// A StatefulSet waits for ever for a pod of the revision that was taken back; such pods are deleted.
///
/// # Errors
/// If they cannot be listed or deleted.
pub(crate) fn unblock(cluster: &Cluster, workload: &Value, session: Option<&str>) -> Result<(), CliError> {
    if Resource::of(workload) != Some(STATEFUL_SET) {
        return Ok(());
    }
    for pod in pods(cluster, workload)? {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let ready = conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
        let ours =
            annotation_of(&pod, annotation::SESSION).is_some_and(|one| session.is_none_or(|session| one == session));
        if ours && !ready {
            cluster.delete(&pod).map_err(|error| error.while_doing(&format!("deleting pod {}", text(&pod, "name"))))?;
        }
    }
    Ok(())
}
