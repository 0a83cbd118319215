//! Writes what was planned, all of it or nothing.

use super::plan::Plan;
use crate::cluster::Cluster;
use crate::error::CliError;
use crate::tapping::{Written, known, session, take_back};

/// Writes all plans. Where one cannot be written, those before it are taken back.
pub(super) fn apply(cluster: &Cluster, plans: &[&Plan]) -> Result<Vec<Written>, CliError> {
    let mut written: Vec<Written> = Vec::new();
    for plan in plans {
        let known = known(cluster, &plan.workload);
        let Some(apply) = &plan.tap.apply else { continue };
        match cluster.apply(apply) {
            Ok(workload) => written.push(Written {
                title: plan.title.clone(),
                session: session(&workload),
                workload,
                known,
                notes: plan.tap.notes.iter().map(ToString::to_string).collect(),
            }),
            Err(error) => {
                let error = error.while_doing(&format!("tapping {}", plan.title));
                let back = written.iter().try_for_each(|one| take_back(cluster, &one.workload).map(drop));
                let after = match back {
                    Ok(()) if written.is_empty() => "nothing was changed".to_owned(),
                    Ok(()) => "the workloads before it were untapped again".to_owned(),
                    Err(other) => format!("and the workloads before it could not be untapped: {}", other.message()),
                };
                return Err(error.hint(after));
            }
        }
    }
    Ok(written)
}
