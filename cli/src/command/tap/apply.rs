//! Writes what was planned: the right to read logs where nobody else gives it, and the templates.

use std::collections::BTreeSet;

use logtap_inject::tap;
use logtap_inject::vocabulary::{annotation, label, object};
use serde_json::{Value, json};

use super::plan::Plan;
use crate::cluster::Cluster;
use crate::cluster::resource::{ROLE_BINDING, annotation as annotation_of, text};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::preflight::Installation;
use crate::workload::{refusals, title};

/// Value of the label by which a binding is known as the command line's.
pub(crate) const MANAGED_BY_CLI: &str = "logtap-cli";

/// Whether forwarders of a namespace may read logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    /// They may, or the webhook sees to it.
    Given,
    /// They may not, and an admin has to run this.
    Denied(String),
    /// Nobody could say; if they may not, an admin has to run this.
    Unsure(String),
}

impl Grant {
    /// Tells what an admin has to do, if anything.
    ///
    /// # Errors
    /// Where forwarders may not read logs.
    pub(super) fn tell(&self, ui: &Ui) -> Result<(), CliError> {
        match self {
            Self::Given => Ok(()),
            Self::Unsure(command) => {
                ui.note(format_args!(
                    "you may not see whether the webhook lets forwarders read logs; if no lines arrive, a cluster admin runs: {command}"
                ));
                Ok(())
            }
            Self::Denied(command) => {
                let why =
                    "it is tapped, but forwarders may not read logs in this namespace yet, and you may not permit it";
                Err(CliError::new(Kind::Permission, why).hint(format!("a cluster admin runs: {command}")))
            }
        }
    }
}

/// Sees to it that forwarders of the namespace may read logs.
pub(super) fn grant(cluster: &Cluster, installed: &Installation) -> Result<Grant, CliError> {
    let namespace = cluster.namespace();
    if installed.grants == Some(true) {
        return Ok(Grant::Given);
    }
    match cluster.get(ROLE_BINDING, namespace, object::FORWARDER_ROLE) {
        Ok(Some(_)) => return Ok(Grant::Given),
        Err(error) if !error.is_denied() => return Err(error.into()),
        Ok(None) | Err(_) => {}
    }
    match cluster.create(ROLE_BINDING, namespace, &binding(namespace), false) {
        Ok(_) => Ok(Grant::Given),
        Err(error) if error.is_conflict() => Ok(Grant::Given),
        Err(error) if error.is_denied() => {
            let role = object::FORWARDER_ROLE;
            let command = format!(
                "kubectl create rolebinding {role} -n {namespace} --clusterrole={role} --group=system:serviceaccounts:{namespace}"
            );
            Ok(if installed.grants.is_none() { Grant::Unsure(command) } else { Grant::Denied(command) })
        }
        Err(error) => Err(error.while_doing("permitting forwarders to read logs")),
    }
}

/// The binding as the webhook's granter makes it, under our own mark.
fn binding(namespace: &str) -> Value {
    let group = ROLE_BINDING.group;
    json!({
        "apiVersion": ROLE_BINDING.api_version(),
        "kind": ROLE_BINDING.kind,
        "metadata": {
            "name": object::FORWARDER_ROLE,
            "namespace": namespace,
            "labels": { label::PART_OF: label::PART_OF_LOGTAP, label::MANAGED_BY: MANAGED_BY_CLI },
        },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": object::FORWARDER_ROLE },
        "subjects": [{ "apiGroup": group, "kind": "Group", "name": format!("system:serviceaccounts:{namespace}") }],
    })
}

/// Takes back what [`grant`] gave, once nothing in the namespace is tapped any more.
pub(crate) fn withdraw(cluster: &Cluster, namespace: &str, ui: &Ui) -> Result<(), CliError> {
    let found = match cluster.get(ROLE_BINDING, namespace, object::FORWARDER_ROLE) {
        Ok(Some(found)) if found["metadata"]["labels"][label::MANAGED_BY] == MANAGED_BY_CLI => found,
        Ok(_) => return Ok(()),
        Err(error) if error.is_denied() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match cluster.delete(&found) {
        Err(error) if error.is_denied() => {
            ui.note(format_args!("forwarders may still read logs in namespace {namespace}; an admin runs: kubectl delete rolebinding {} -n {namespace}", object::FORWARDER_ROLE));
            Ok(())
        }
        other => Ok(other.map(drop)?),
    }
}

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

/// Writes all plans. Where one cannot be written, those before it are taken back.
pub(super) fn apply(cluster: &Cluster, plans: &[&Plan]) -> Result<Vec<Written>, CliError> {
    let mut written: Vec<Written> = Vec::new();
    for plan in plans {
        let (known, _) = known(cluster, &plan.workload);
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

/// Marks of the events that are there; events are a help, so that not seeing them is no error.
pub(crate) fn known(cluster: &Cluster, workload: &Value) -> (BTreeSet<String>, Option<crate::workload::Trouble>) {
    refusals(cluster, workload, &BTreeSet::new()).unwrap_or_default()
}

fn session(workload: &Value) -> Option<String> {
    annotation_of(super::wanted::template(workload), annotation::SESSION).map(str::to_owned)
}

/// Untaps one workload as it is now. Somebody else may write at the same time: then it is read again.
pub(crate) fn take_back(cluster: &Cluster, workload: &Value) -> Result<Option<(Value, tap::UntapPlan)>, CliError> {
    let what = crate::cluster::Resource::of(workload)
        .ok_or_else(|| CliError::usage(format!("{} cannot be untapped", title(workload))))?;
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
