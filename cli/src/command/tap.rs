//! `logtap tap`: workloads or a namespace opt in, and it is seen that they did.
//!
//! ```text
//! choose ─► wanted (target, session, what the namespace asks for) ─► plan ─► preflight
//!                                                    --dry-run ends here │
//!                       report ◄─ rollback of what failed ◄─ follow ◄─ apply
//! ```
//!
//! Only annotations of pod templates are written. Everything up to `apply` changes nothing, so that
//! what can be known beforehand is told while it costs nothing.

mod apply;
mod flags;
mod namespace;
mod plan;
mod preflight;
mod rollback;
mod wanted;

pub(crate) use flags::TapArgs;

use crate::cluster::Cluster;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ui;
use crate::preflight::installation;
use crate::tapping::{Report, follow, grant, print_changes};
use crate::workload::choose;

/// Taps workloads, or a namespace.
///
/// # Errors
/// Whatever stands in the way before something is changed; what fails later is in the report.
pub(crate) fn run(args: TapArgs, ui: &Ui) -> Result<Exit, CliError> {
    for note in args.outdated() {
        ui.note(note);
    }
    let cluster = Cluster::connect(&args.cluster)?;
    if args.workloads.is_empty() {
        return namespace::run(&args, &cluster, ui);
    }
    if args.workloads.all && !args.force && !args.dry_run {
        return Err(CliError::usage("--all taps every workload of the namespace; add --force if that is meant"));
    }
    let chosen = choose(&cluster, &args.workloads)?;
    for kind in &chosen.unseen {
        ui.note(format_args!("you may not list {kind}; there may be more of them"));
    }
    let installed = installation(&cluster)?;
    let surroundings = wanted::Surroundings::look(&cluster, &args, installed)?;
    surroundings.refuse_production(&args)?;
    let plans = plan::plans(&args, &surroundings, chosen.workloads, ui)?;
    let mut report = Report::new(cluster.namespace(), plans.iter().map(plan::Plan::told).collect());
    if args.dry_run {
        if ui.json {
            report.finish(ui, "")?;
        } else {
            let changes = plans.iter().map(|plan| (plan.title.as_str(), plan.tap.changes.as_slice()));
            print_changes(ui, cluster.namespace(), changes)?;
        }
        return Ok(Exit::Success);
    }
    let changing: Vec<&plan::Plan> = plans.iter().filter(|plan| plan.tap.apply.is_some()).collect();
    if changing.is_empty() {
        report.finish(ui, "nothing to change: all of it is tapped already")?;
        return Ok(Exit::Success);
    }
    preflight::run(&args, &cluster, &surroundings, &changing, ui)?;
    let grant = grant(&cluster, &surroundings.installed)?;
    let written = apply::apply(&cluster, &changing)?;
    if args.wait.no_wait {
        report.written(&written);
        report.finish(ui, "written; not waited for")?;
    } else {
        let followed = follow(&cluster, &written, args.wait.timeout, ui)?;
        report.followed(&followed);
        if !args.no_rollback {
            rollback::run(&cluster, &followed, args.wait.timeout, &mut report, ui)?;
        }
        report.finish(ui, "tapped")?;
    }
    grant.tell(ui)?;
    Ok(if report.failed() { Exit::Findings } else { Exit::Success })
}
