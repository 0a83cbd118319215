//! Which workloads a person means: by kind and name, by label, or all of a namespace.

use clap::Args;
use serde_json::Value;

use crate::cluster::resource::{self, CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, POD, REPLICA_SET, ROLLOUT, STATEFUL_SET};
use crate::cluster::{Cluster, Resource};
use crate::error::{CliError, Kind};

/// Kinds that can be tapped.
pub(crate) const KINDS: [Resource; 6] = [DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, REPLICA_SET, ROLLOUT];

/// Names of kinds as people type them: whole, plural and kubectl's short one.
const NAMES: [(&[&str], Resource); 8] = [
    (&["deployment", "deployments", "deploy"], DEPLOYMENT),
    (&["statefulset", "statefulsets", "sts"], STATEFUL_SET),
    (&["daemonset", "daemonsets", "ds"], DAEMON_SET),
    (&["replicaset", "replicasets", "rs"], REPLICA_SET),
    (&["cronjob", "cronjobs", "cj"], CRON_JOB),
    (&["rollout", "rollouts", "ro"], ROLLOUT),
    (&["job", "jobs"], JOB),
    (&["pod", "pods", "po"], POD),
];

/// Which workloads.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WorkloadArgs {
    /// Workload as kubectl writes it, such as deployment/api or sts/db
    #[arg(value_name = "KIND/NAME", value_parser = kind_and_name)]
    pub(crate) workloads: Vec<(Resource, String)>,
    /// Deployment (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment: Vec<String>,
    /// StatefulSet (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) statefulset: Vec<String>,
    /// DaemonSet (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) daemonset: Vec<String>,
    /// CronJob (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) cronjob: Vec<String>,
    /// ReplicaSet without an owner (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) replicaset: Vec<String>,
    /// Argo Rollout (can be repeated)
    #[arg(long, value_name = "NAME")]
    pub(crate) rollout: Vec<String>,
    /// Refused, with what to do instead
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) job: Vec<String>,
    /// Refused, with what to do instead
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) pod: Vec<String>,
    /// All workloads with these labels
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "all")]
    pub(crate) selector: Option<String>,
    /// All workloads of the namespace; needs --force
    #[arg(long)]
    pub(crate) all: bool,
}

/// What was chosen, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// The workloads.
    pub(crate) workloads: Vec<Value>,
    /// Kinds that the person may not list.
    pub(crate) unseen: Vec<&'static str>,
}

impl WorkloadArgs {
    /// Whether nothing was named.
    pub(crate) fn is_empty(&self) -> bool {
        self.named().is_empty() && self.selector.is_none() && !self.all
    }

    /// Whether what is meant was named one by one.
    pub(crate) fn is_named(&self) -> bool {
        self.selector.is_none() && !self.all
    }

    fn named(&self) -> Vec<(Resource, String)> {
        let flags = [
            (DEPLOYMENT, &self.deployment),
            (STATEFUL_SET, &self.statefulset),
            (DAEMON_SET, &self.daemonset),
            (CRON_JOB, &self.cronjob),
            (REPLICA_SET, &self.replicaset),
            (ROLLOUT, &self.rollout),
            (JOB, &self.job),
            (POD, &self.pod),
        ];
        let by_flag = flags.into_iter().flat_map(|(what, names)| names.iter().map(move |name| (what, name.clone())));
        let mut all: Vec<(Resource, String)> = Vec::new();
        for one in self.workloads.iter().cloned().chain(by_flag) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }
}

/// Reads the workloads that the arguments name.
///
/// # Errors
/// If one does not exist, or none has the labels.
pub(crate) fn choose(cluster: &Cluster, args: &WorkloadArgs) -> Result<Chosen, CliError> {
    let namespace = cluster.namespace();
    let mut chosen = Chosen::default();
    for (what, name) in args.named() {
        let title = what.title(&name);
        let found =
            cluster.get(what, namespace, &name).map_err(|error| error.while_doing(&format!("reading {title}")))?;
        let missing = || {
            CliError::new(Kind::NotFound, format!("there is no {title} in namespace {namespace}"))
                .hint(format!("kubectl get {} -A", what.plural))
        };
        chosen.workloads.push(found.ok_or_else(missing)?);
    }
    if args.is_named() {
        return Ok(chosen);
    }
    let labels = args.selector.as_deref().unwrap_or_default();
    let found = everything(cluster, namespace, labels)?;
    for workload in found.workloads {
        if !chosen.workloads.iter().any(|one| resource::text(one, "uid") == resource::text(&workload, "uid")) {
            chosen.workloads.push(workload);
        }
    }
    chosen.unseen = found.unseen;
    if chosen.workloads.is_empty() {
        let what = args.selector.as_ref().map_or_else(String::new, |labels| format!(" with labels {labels}"));
        return Err(CliError::new(Kind::NotFound, format!("there is no workload{what} in namespace {namespace}")));
    }
    Ok(chosen)
}

/// All workloads of a namespace (of all namespaces where it is empty) with these labels. A ReplicaSet
/// that something else owns is a part of that.
///
/// # Errors
/// If the cluster cannot be asked, or nothing of it may be listed.
pub(crate) fn everything(cluster: &Cluster, namespace: &str, labels: &str) -> Result<Chosen, CliError> {
    let mut chosen = Chosen::default();
    let mut denied = None;
    for what in KINDS {
        match cluster.list(what, namespace, labels) {
            Ok(found) => chosen.workloads.extend(found.into_iter().filter(|one| !is_part(one))),
            Err(error) if error.is_denied() => {
                chosen.unseen.push(what.plural);
                denied = Some(error);
            }
            Err(error) => return Err(error.while_doing(&format!("listing {}", what.plural))),
        }
    }
    match denied {
        Some(error) if chosen.unseen.len() >= KINDS.len() - 1 && chosen.workloads.is_empty() => Err(error.into()),
        _ => Ok(chosen),
    }
}

fn is_part(workload: &Value) -> bool {
    let owners = workload["metadata"]["ownerReferences"].as_array();
    let controlled = owners.into_iter().flatten().any(|owner| owner["controller"] == true);
    Resource::of(workload) == Some(REPLICA_SET) && controlled
}

fn kind_and_name(text: &str) -> Result<(Resource, String), String> {
    let (kind, name) = text.split_once('/').ok_or("write KIND/NAME, such as deployment/api")?;
    let lower = kind.to_lowercase();
    let kind = lower.split('.').next().unwrap_or_default();
    let found = NAMES.iter().find(|(names, _)| names.contains(&kind));
    let (_, what) = found.ok_or_else(|| {
        format!("{kind} cannot be tapped; a deployment, statefulset, daemonset, replicaset, cronjob or rollout can")
    })?;
    if name.is_empty() { Err("the name is missing".to_owned()) } else { Ok((*what, name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_as_people_type_them() {
        for (typed, kind) in [("deploy/a", "Deployment"), ("STS/a", "StatefulSet"), ("deployment.apps/a", "Deployment")]
        {
            let (what, name) = kind_and_name(typed).unwrap();
            assert_eq!((what.kind, name.as_str()), (kind, "a"));
        }
        for wrong in ["api", "service/api", "deploy/"] {
            assert!(kind_and_name(wrong).is_err(), "{wrong}");
        }
    }
}
