//! Takes a failed tap back, so that the workload runs as it did before.

use std::time::Duration;

use logtap_inject::vocabulary::annotation;
use serde_json::Value;

use super::apply::{Written, take_back, withdraw};
use super::follow::{Followed, Outcome, follow};
use super::report::Report;
use crate::cluster::resource::{STATEFUL_SET, annotation as annotation_of, text};
use crate::cluster::{Cluster, Resource};
use crate::error::CliError;
use crate::output::Ui;
use crate::workload::{everything, pods};

/// Rolls back every workload whose tap failed, and waits until it runs again.
pub(super) fn run(
    cluster: &Cluster,
    followed: &[Followed],
    timeout: Duration,
    report: &mut Report,
    ui: &Ui,
) -> Result<(), CliError> {
    let mut back = Vec::new();
    for one in followed {
        let Outcome::Failed(cause) = &one.outcome else { continue };
        ui.note(format_args!("{}: {cause}; rolling back", one.written.title));
        let Some((workload, plan)) = take_back(cluster, &one.written.workload)? else { continue };
        if !plan.left.is_empty() {
            ui.note(format_args!("{}: left as somebody edited it: {}", one.written.title, plan.left.join(", ")));
        }
        if Resource::of(&workload) == Some(STATEFUL_SET) {
            unblock(cluster, &workload, one.written.session.as_deref())?;
        }
        back.push(Written { workload, session: None, ..one.written.clone() });
    }
    if back.is_empty() {
        return Ok(());
    }
    report.rolled_back(&follow(cluster, &back, timeout, ui)?);
    let rest = everything(cluster, cluster.namespace(), "")?;
    if !rest.workloads.iter().any(|one| annotation_of(one, annotation::BEFORE).is_some()) {
        withdraw(cluster, cluster.namespace(), ui)?;
    }
    Ok(())
}

/// A StatefulSet waits for ever for a pod of the revision that was taken back; such pods are deleted.
pub(crate) fn unblock(cluster: &Cluster, workload: &Value, session: Option<&str>) -> Result<(), CliError> {
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
