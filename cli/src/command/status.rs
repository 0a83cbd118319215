//! `logtap status`: what is tapped, whether it works, and what nobody needs any more.

mod gather;
mod receivers;

use std::io::Write as _;

use clap::Args;
use serde::Serialize;

use crate::args::FormatArgs;
use crate::cluster::{Cluster, ClusterArgs};
use crate::error::CliError;
use crate::output::Ui;
use crate::preflight::{Check, State, installation};

/// Show what is tapped and what is missed, and the receivers
///
/// Workloads, namespaces, pods with and without a running forwarder; and what is left over.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Everything that has to do with taps.
#[derive(Debug, Default, Serialize)]
struct Status {
    installation: Vec<Check>,
    namespaces: Vec<NamespaceLine>,
    workloads: Vec<WorkloadLine>,
    /// Pods that opted in and have no forwarder because nobody answered when they were created.
    missed: Vec<PodLine>,
    receivers: Vec<receivers::ReceiverLine>,
    orphans: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NamespaceLine {
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// Label and annotation disagree as only a write that the webhook did not see leaves them.
    drift: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct WorkloadLine {
    workload: String,
    namespace: String,
    sessions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Somebody took the annotations away without `untap`.
    reverted: bool,
    pods: Vec<PodLine>,
    ready: usize,
    total: usize,
}

#[derive(Debug, Clone, Serialize)]
struct PodLine {
    name: String,
    namespace: String,
    sidecar_running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Shows it.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn run(args: StatusArgs, ui: &Ui) -> Result<(), CliError> {
    let cluster = Cluster::connect(&args.cluster)?;
    let namespace = if args.all_namespaces { "" } else { cluster.namespace() };
    let installed = installation(&cluster)?;
    let mut status = Status { installation: installed.checks(&cluster)?, ..Status::default() };
    gather::gather(&cluster, namespace, &mut status)?;
    status.receivers = receivers::receivers(&cluster, &installed.namespace)?;
    status.orphans.extend(receivers::unfinished(&cluster, namespace, &status.receivers)?);
    if ui.json { ui.print_json(&status) } else { print(&status, namespace, ui) }
}

fn print(status: &Status, namespace: &str, ui: &Ui) -> Result<(), CliError> {
    let mut out = ui.data();
    for check in status.installation.iter().filter(|check| check.state != State::Ok) {
        writeln!(out, "{}: {}", check.state.name(), check.message)?;
    }
    let place = if namespace.is_empty() { "all namespaces".to_owned() } else { format!("namespace {namespace}") };
    if status.namespaces.is_empty() && status.workloads.is_empty() && status.missed.is_empty() {
        writeln!(out, "nothing is tapped in {place}")?;
    }
    for one in &status.namespaces {
        let target = one.target.as_ref().map(|target| format!(" → {target}")).unwrap_or_default();
        let drift = if one.drift { "; its label is not what its annotation says" } else { "" };
        let problem = one.problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
        writeln!(out, "namespace/{}: new pods opt in{target}{drift}{problem}", one.namespace)?;
    }
    for one in &status.workloads {
        let target = one.target.as_ref().map(|target| format!(" → {target}")).unwrap_or_default();
        let sessions =
            if one.sessions.is_empty() { String::new() } else { format!(", session {}", one.sessions.join(", ")) };
        writeln!(
            out,
            "{} in namespace {}: {}/{} pods{sessions}{target}",
            one.workload, one.namespace, one.ready, one.total
        )?;
        if one.reverted {
            writeln!(out, "  somebody took the annotations away; logtap untap clears what is left")?;
        }
        for pod in &one.pods {
            if let Some(reason) = &pod.reason {
                writeln!(out, "  {}: {reason}", pod.name)?;
            }
        }
    }
    if !status.missed.is_empty() {
        writeln!(out, "missed: created while nobody answered; a restart of their workloads taps them")?;
    }
    for pod in &status.missed {
        writeln!(out, "  {} in namespace {}", pod.name, pod.namespace)?;
    }
    for one in &status.receivers {
        writeln!(out, "receiver {}: {}", one.url, one.figures())?;
    }
    for one in &status.orphans {
        writeln!(out, "left over: {one}")?;
    }
    out.flush()?;
    Ok(())
}
