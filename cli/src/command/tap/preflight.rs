//! Before anything is changed: would a tapped pod of each workload be admitted with its forwarder,
//! can its image be pulled, and can the target be reached?

use logtap_inject::tap::Annotations;

use super::flags::TapArgs;
use super::plan::Plan;
use super::wanted::Surroundings;
use crate::cluster::Cluster;
use crate::cluster::resource::text;
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::preflight::{INSTALL, Mode, Probe, Rehearsal, State, probe, rehearse, tapped_pod};

/// Looks, and ends the command where a tap would fail; with `--force`, only says so.
pub(super) fn run(
    args: &TapArgs,
    cluster: &Cluster,
    surroundings: &Surroundings,
    plans: &[&Plan],
    ui: &Ui,
) -> Result<(), CliError> {
    let mut first = None;
    for plan in plans {
        let tapped = tapped_pod(&plan.workload, &plan.wanted);
        let untapped = tapped_pod(&plan.workload, &Annotations::new());
        let found = rehearse(cluster, text(&plan.workload, "namespace"), &tapped, &untapped)?;
        if let Some(problem) = problem(&found, plan, surroundings) {
            give_up_or_go_on(args, problem, ui)?;
        }
        match found {
            Rehearsal::Tapped { pod, warnings } => {
                for warning in &warnings {
                    ui.note(format_args!("{}: {warning}", plan.title));
                }
                first = first.or(Some(pod));
            }
            Rehearsal::NotAllowed => {
                ui.note("not checked: whether tapped pods are admitted (you may not create pods)");
                break;
            }
            Rehearsal::Untapped(_) | Rehearsal::Refused { .. } => {}
        }
    }
    if surroundings.installed.mode == Mode::Webhook {
        for check in surroundings.installed.checks(cluster)? {
            if check.state == State::Warning {
                ui.note(check.message);
            }
        }
    }
    let Some(pod) = first.filter(|_| !args.no_probe) else { return Ok(()) };
    match probe(cluster, cluster.namespace(), &pod)? {
        Probe::Good(said) => ui.note(format_args!("probe: {said}")),
        Probe::NotRun(why) => ui.note(format_args!("not checked: image and target ({why})")),
        Probe::Bad(why) => {
            let error = CliError::new(Kind::Findings, format!("from inside the cluster: {why}"));
            let error =
                error.hint("nothing was changed; --target names another receiver, --no-probe leaves this check out");
            give_up_or_go_on(args, error, ui)?;
        }
    }
    Ok(())
}

fn problem(found: &Rehearsal, plan: &Plan, surroundings: &Surroundings) -> Option<CliError> {
    match found {
        Rehearsal::Tapped { .. } | Rehearsal::NotAllowed => None,
        Rehearsal::Untapped(why) => {
            let error = CliError::new(Kind::Findings, format!("pods of {} would get no forwarder: {why}", plan.title));
            let hint = match surroundings.installed.mode {
                Mode::None => INSTALL.to_owned(),
                _ => "nothing was changed; --target names a receiver, `logtap check` tells more".to_owned(),
            };
            Some(error.hint(hint))
        }
        Rehearsal::Refused { why, anyway: true } => Some(
            CliError::new(Kind::Findings, format!("new pods of {} are refused, tapped or not: {why}", plan.title))
                .hint("nothing was changed: the restart would have left it without pods"),
        ),
        Rehearsal::Refused { why, anyway: false } => Some(
            CliError::new(Kind::Findings, format!("tapped pods of {} would be refused: {why}", plan.title))
                .hint("nothing was changed; --sidecar-cpu, --sidecar-memory and their limits make the forwarder fit"),
        ),
    }
}

fn give_up_or_go_on(args: &TapArgs, problem: CliError, ui: &Ui) -> Result<(), CliError> {
    if args.force {
        ui.note(format_args!("{} (going on: --force)", problem.message()));
        return Ok(());
    }
    Err(problem)
}
