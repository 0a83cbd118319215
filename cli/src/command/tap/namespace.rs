//! A whole namespace opts in: annotation and label are written, nothing is restarted.

use logtap_inject::tap::{Annotations, namespace};

use super::flags::TapArgs;
use super::wanted::{Surroundings, asked};
use crate::cluster::Cluster;
use crate::cluster::resource::NAMESPACE;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::Ui;
use crate::preflight::{INSTALL, Mode, Rehearsal, installation, rehearse, sample};
use crate::tapping::{grant, print_namespace};

pub(super) fn run(args: &TapArgs, cluster: &Cluster, ui: &Ui) -> Result<Exit, CliError> {
    if args.cluster.namespace.is_none() {
        return Err(CliError::usage("name a workload, such as --deployment api, or a whole namespace with -n")
            .hint("logtap tap --help"));
    }
    let name = cluster.namespace();
    let surroundings = Surroundings::look(cluster, args, installation(cluster)?)?;
    if surroundings.namespace.is_null() {
        return Err(CliError::new(Kind::Permission, format!("you may not read namespace {name}"))
            .hint(format!("an admin runs: logtap tap -n {name}")));
    }
    surroundings.refuse_production(args)?;
    let mut wanted: Annotations = surroundings.fitting.annotations.clone();
    wanted.extend(surroundings.target(args)?);
    wanted.extend(asked(args)?);
    let plan = namespace::tap(&surroundings.namespace, &wanted, args.force)
        .map_err(|refusal| CliError::usage(format!("namespace {name}: {refusal}")))?;
    if args.dry_run {
        print_namespace(ui, name, &plan.changes, "would change")?;
        return Ok(Exit::Success);
    }
    if surroundings.installed.mode == Mode::None && !args.force {
        return Err(CliError::new(
            Kind::Findings,
            "logtap is not installed in this cluster: no pod would get a forwarder",
        )
        .hint(INSTALL));
    }
    let Some(patch) = plan.patch else {
        print_namespace(ui, name, &[], "unchanged")?;
        return Ok(Exit::Success);
    };
    cluster
        .merge(NAMESPACE, "", name, &patch)
        .map_err(|error| error.while_doing(&format!("tapping namespace {name}")))?;
    let granted = grant(cluster, &surroundings.installed)?;
    print_namespace(ui, name, &plan.changes, "tapped")?;
    ui.note("pods created from now on opt in; nothing was restarted: kubectl rollout restart does that");
    if let Rehearsal::Untapped(why) = rehearse(cluster, name, &sample(None), &sample(None))? {
        ui.note(format_args!("a pod created now would get no forwarder: {why}"));
    }
    granted.tell(ui)?;
    Ok(Exit::Success)
}
