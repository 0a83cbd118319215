//! `logtap check`: whether taps would work here, before anything is changed.

mod looks;

use std::io::Write as _;

use clap::Args;
use serde::Serialize;

use crate::args::FormatArgs;
use crate::cluster::resource::{
    CRON_JOB, DAEMON_SET, DEPLOYMENT, NAMESPACE, POD, QUOTA, ROLE_BINDING, STATEFUL_SET, text,
};
use crate::cluster::{Cluster, ClusterArgs, Right};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ui;
use crate::preflight::{Check, State, installation, target};
use crate::workload::{everything, title};

/// What tap does in a cluster, and so what a person needs the right to do.
const RIGHTS: [Right; 11] = [
    Right::new("get", DEPLOYMENT),
    Right::new("patch", DEPLOYMENT),
    Right::new("patch", STATEFUL_SET),
    Right::new("patch", DAEMON_SET),
    Right::new("patch", CRON_JOB),
    Right::new("list", POD),
    Right::new("create", POD),
    Right::new("get", NAMESPACE),
    Right::new("patch", NAMESPACE),
    Right::new("list", QUOTA),
    Right::new("create", ROLE_BINDING),
];

/// Check whether taps would work, and name what is in the way
///
/// Installation, rights, quotas, Pod Security, mesh, target.
///
/// Changes nothing. Ends with 6 when something would keep a tap from working.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The target that lines are to go to
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Run a pod that pulls the forwarder's image and connects to the target, and remove it again
    #[arg(long)]
    probe: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
struct Report {
    cluster: ClusterLine,
    checks: Vec<Check>,
    rbac: Vec<RightLine>,
    candidates: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ClusterLine {
    version: String,
    namespace: String,
}

#[derive(Debug, Serialize)]
struct RightLine {
    check: RightName,
    allowed: bool,
}

#[derive(Debug, Serialize)]
struct RightName {
    resource: String,
    verb: &'static str,
    group: &'static str,
}

/// Looks at everything.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn run(args: CheckArgs, ui: &Ui) -> Result<Exit, CliError> {
    let cluster = Cluster::connect(&args.cluster)?;
    let to = args.target.as_deref().map(target).transpose()?;
    let version = cluster.version().map_err(|error| error.while_doing("reading the cluster's version"))?;
    let installed = installation(&cluster)?;
    let mut checks = vec![Check::new("cluster", State::Ok, format!("the API server answers, version {version}"))];
    checks.extend(installed.checks(&cluster)?);
    checks.extend(looks::all(&cluster, &installed, to.as_deref(), args.probe)?);
    let mut rbac = Vec::new();
    for right in &RIGHTS {
        let allowed = cluster.may(right, cluster.namespace())?;
        let name = RightName { resource: right.resource(), verb: right.verb, group: right.what.group };
        rbac.push(RightLine { check: name, allowed });
    }
    let denied: Vec<String> = rbac
        .iter()
        .filter(|one| !one.allowed)
        .map(|one| format!("{} {}", one.check.verb, one.check.resource))
        .collect();
    checks.push(if denied.is_empty() {
        Check::new("rights", State::Ok, "you may do everything that tap does")
    } else {
        let essential =
            denied.iter().any(|one| ["get deployments", "patch deployments", "list pods"].contains(&one.as_str()));
        let state = if essential { State::Failed } else { State::Warning };
        Check::new("rights", state, format!("you may not: {}", denied.join(", ")))
            .hint(format!("a cluster admin can give you the ClusterRole `edit` in namespace {}", cluster.namespace()))
    });
    let candidates = everything(&cluster, cluster.namespace(), "").map(|chosen| chosen.workloads).unwrap_or_default();
    let candidates: Vec<String> = candidates.iter().filter(|one| !text(one, "name").is_empty()).map(title).collect();
    let failed = checks.iter().any(|check| check.state == State::Failed);
    let report = Report {
        cluster: ClusterLine { version, namespace: cluster.namespace().to_owned() },
        checks,
        rbac,
        candidates,
    };
    if ui.json {
        ui.print_json(&report)?;
    } else {
        print(&report, ui)?;
    }
    Ok(if failed { Exit::Findings } else { Exit::Success })
}

fn print(report: &Report, ui: &Ui) -> Result<(), CliError> {
    let mut out = ui.data();
    writeln!(out, "namespace {}", report.cluster.namespace)?;
    let width = report.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in &report.checks {
        writeln!(out, "{:11}  {:width$}  {}", check.state.name(), check.name, check.message)?;
        if let Some(hint) = &check.hint {
            writeln!(out, "{:11}  {:width$}  hint: {hint}", "", "")?;
        }
    }
    if !report.candidates.is_empty() {
        writeln!(out, "can be tapped: {}", report.candidates.join(", "))?;
    }
    out.flush()?;
    Ok(())
}
