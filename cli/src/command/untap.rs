//! `logtap untap`: takes taps back, so that workloads and namespaces are as they were before.

use clap::Args;
use logtap_inject::tap::{Before, namespace, untap};
use logtap_inject::vocabulary::annotation;
use serde_json::Value;

use crate::args::FormatArgs;
use crate::cluster::resource::{NAMESPACE, annotation as annotation_of};
use crate::cluster::{Cluster, ClusterArgs, WaitArgs};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::Ui;
use crate::preflight::settings;
use crate::tapping::{
    Report, Told, Written, follow, known, print_changes, print_namespace, take_back, unblock, withdraw,
};
use crate::workload::{WorkloadArgs, choose, everything, title};

/// Untap workloads: they are as they were before
///
/// What somebody edited since the tap is left as it is, and named. Without a workload,
/// `-n NAMESPACE` alone untaps the namespace.
#[derive(Debug, Args)]
pub(crate) struct UntapArgs {
    #[command(flatten)]
    workloads: WorkloadArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// All workloads of the namespace that were tapped with this session
    #[arg(long, value_name = "NAME", conflicts_with_all = ["all", "selector"])]
    session: Option<String>,
    /// Mean it, with --all
    #[arg(long)]
    force: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Untaps.
///
/// # Errors
/// If something named does not exist, or the cluster refuses.
pub(crate) fn run(args: UntapArgs, ui: &Ui) -> Result<Exit, CliError> {
    let cluster = Cluster::connect(&args.cluster)?;
    if args.workloads.is_empty() && args.session.is_none() {
        return of_namespace(&args, &cluster, ui);
    }
    if args.workloads.all && !args.force && !args.dry_run {
        return Err(CliError::usage("--all untaps everything in the namespace; add --force if that is meant"));
    }
    let workloads = chosen(&args, &cluster)?;
    if args.dry_run {
        let mut all = Vec::new();
        for workload in &workloads {
            let plan = untap(workload).map_err(|refusal| CliError::usage(format!("{}: {refusal}", title(workload))))?;
            all.push(Told { title: title(workload), changes: plan.changes, notes: plan.left, written: false });
        }
        if ui.json {
            Report::new(cluster.namespace(), all).finish(ui, "")?;
        } else {
            print_changes(ui, cluster.namespace(), all.iter().map(|one| (one.title.as_str(), one.changes.as_slice())))?;
        }
        return Ok(Exit::Success);
    }
    // The namespace first: pods that restart would get a forwarder from it again.
    if args.workloads.all {
        of_namespace(&args, &cluster, ui)?;
    }
    let (mut lines, mut written) = (Vec::new(), Vec::new());
    for workload in &workloads {
        let known = known(&cluster, workload);
        let Some((after, plan)) = take_back(&cluster, workload)? else { continue };
        if !plan.left.is_empty() {
            ui.note(format_args!("{}: left as somebody edited it: {}", title(workload), plan.left.join(", ")));
        }
        let changed = plan.patch.is_some();
        let left = plan.left.iter().map(|key| format!("left as somebody edited it: {key}")).collect();
        lines.push(Told { title: title(workload), changes: plan.changes, notes: left, written: changed });
        if changed {
            unblock(&cluster, &after, None)?;
            written.push(Written { title: title(&after), workload: after, session: None, known, notes: Vec::new() });
        }
    }
    let mut report = Report::new(cluster.namespace(), lines);
    if !args.wait.no_wait && !written.is_empty() {
        report.followed(&follow(&cluster, &written, args.wait.timeout, ui)?);
    }
    if !written.is_empty() && settings(&cluster, cluster.namespace())?.opts_in() {
        let namespace = cluster.namespace();
        ui.note(format_args!(
            "the namespace opts in, so new pods have a forwarder all the same; logtap untap -n {namespace}"
        ));
    }
    let rest = everything(&cluster, cluster.namespace(), "")?;
    if !rest.workloads.iter().any(|one| annotation_of(one, annotation::BEFORE).is_some()) {
        withdraw(&cluster, cluster.namespace(), ui)?;
    }
    report.finish(ui, "untapped")?;
    Ok(if report.failed() { Exit::Findings } else { Exit::Success })
}

fn chosen(args: &UntapArgs, cluster: &Cluster) -> Result<Vec<Value>, CliError> {
    let tapped = |one: &Value| annotation_of(one, annotation::BEFORE).is_some();
    if let Some(session) = &args.session {
        let all = everything(cluster, cluster.namespace(), "")?.workloads;
        let of_session = |one: &Value| {
            Before::of(one).ok().flatten().is_some_and(|before| before.wrote.get(annotation::SESSION) == Some(session))
        };
        let found: Vec<Value> = all.into_iter().filter(of_session).collect();
        if found.is_empty() {
            let why = format!("no workload in namespace {} was tapped with session {session}", cluster.namespace());
            return Err(CliError::new(Kind::NotFound, why).hint("logtap status shows the sessions"));
        }
        return Ok(found);
    }
    if args.workloads.all {
        let all = everything(cluster, cluster.namespace(), "")?.workloads;
        return Ok(all.into_iter().filter(tapped).collect());
    }
    Ok(choose(cluster, &args.workloads)?.workloads)
}

/// Untaps the namespace itself.
fn of_namespace(args: &UntapArgs, cluster: &Cluster, ui: &Ui) -> Result<Exit, CliError> {
    if args.cluster.namespace.is_none() && !args.workloads.all {
        return Err(CliError::usage("name a workload, such as --deployment api, or a whole namespace with -n")
            .hint("logtap untap --help"));
    }
    let name = cluster.namespace();
    let found = match cluster.get(NAMESPACE, "", name) {
        Ok(found) => found.ok_or_else(|| CliError::new(Kind::NotFound, format!("there is no namespace {name}")))?,
        Err(error) if error.is_denied() && args.workloads.all => return Ok(Exit::Success),
        Err(error) => return Err(error.into()),
    };
    let plan = namespace::untap(&found).map_err(|refusal| CliError::usage(format!("namespace {name}: {refusal}")))?;
    if args.dry_run {
        print_namespace(ui, name, &plan.changes, "would change")?;
        return Ok(Exit::Success);
    }
    let Some(patch) = plan.patch else {
        if !args.workloads.all {
            print_namespace(ui, name, &[], "unchanged")?;
        }
        return Ok(Exit::Success);
    };
    cluster
        .merge(NAMESPACE, "", name, &patch)
        .map_err(|error| error.while_doing(&format!("untapping namespace {name}")))?;
    if !plan.left.is_empty() {
        ui.note(format_args!("left as somebody edited it: {}", plan.left.join(", ")));
    }
    if !ui.json || !args.workloads.all {
        print_namespace(ui, name, &plan.changes, "untapped")?;
    }
    ui.note("pods that have a forwarder keep it until they are replaced: kubectl rollout restart does that");
    Ok(Exit::Success)
}
