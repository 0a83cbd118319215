//! Takes a failed tap back, so that the workload runs as it did before.

use std::time::Duration;

use logtap_inject::vocabulary::annotation;

use crate::cluster::Cluster;
use crate::cluster::resource::annotation as annotation_of;
use crate::error::CliError;
use crate::output::Ui;
use crate::tapping::{Followed, Outcome, Report, Written, follow, take_back, unblock, withdraw};
use crate::workload::everything;

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
        unblock(cluster, &workload, one.written.session.as_deref())?;
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
