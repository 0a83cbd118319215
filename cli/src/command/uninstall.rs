//! `logtap uninstall`: removes what `install` put into a cluster, and what the webhook made since.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use logtap_inject::vocabulary::{annotation, label, object};
use serde_json::Value;

use super::install::objects::{CREATED, everything};
use crate::args::FormatArgs;
use crate::cluster::resource::{
    CONFIG_MAP, DAEMON_SET, DEPLOYMENT, NAMESPACE, POD, ROLE_BINDING, SECRET, SERVICE, STATEFUL_SET, VOLUME_CLAIM,
    annotation as annotation_of, text,
};
use crate::cluster::{Cluster, ClusterArgs, Resource, WaitArgs};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::Ui;
use crate::preflight::{installation, is_ours, settings_of};
use crate::tapping::MANAGED_BY_CLI;
use crate::workload;

const LOOK: Duration = Duration::from_millis(500);

/// Remove logtap from a cluster
///
/// Refuses while something is tapped, and names it. Pods that have a forwarder keep it until they
/// are replaced.
#[derive(Debug, Args)]
pub(crate) struct UninstallArgs {
    /// Namespace that it is installed in; found by itself unless named
    #[arg(short = 'n', long, value_name = "NAME")]
    namespace: Option<String>,
    /// Context of the kubeconfig to use
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Remove it although something is tapped; no new pod gets a forwarder from then on
    #[arg(long)]
    force: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Removes everything.
///
/// # Errors
/// While something is tapped, or if the person may not.
pub(crate) fn run(args: UninstallArgs, ui: &Ui) -> Result<Exit, CliError> {
    let cluster = Cluster::connect(&ClusterArgs {
        namespace: args.namespace.clone(),
        context: args.context.clone(),
        kubeconfig: args.kubeconfig.clone(),
        ..ClusterArgs::default()
    })?;
    let namespace = args.namespace.clone().unwrap_or(installation(&cluster)?.namespace);
    let taps = taps(&cluster)?;
    if !taps.is_empty() && !args.force && !args.dry_run {
        return Err(CliError::new(Kind::Findings, format!("still tapped: {}", taps.join(", ")))
            .hint("logtap untap takes a tap back; --force removes logtap all the same"));
    }
    let mut found = Vec::new();
    for (what, within, name) in everything(&namespace) {
        if let Some(object) = cluster.get(what, &within, &name)?.filter(is_ours) {
            found.push(object);
        }
    }
    found.extend(bindings(&cluster)?);
    found.extend(cluster.get(SECRET, &namespace, object::CA_SECRET)?.filter(is_ours));
    let own = own_namespace(&cluster, &namespace, ui)?;
    let titles: Vec<String> = found.iter().chain(&own).map(title).collect();
    if !args.dry_run {
        for object in &found {
            remove(&cluster, object)?;
            if Resource::of(object) == Some(DEPLOYMENT) {
                // Its granter would make bindings anew.
                until_gone(&cluster, &args, "the webhook's pods", |cluster| {
                    let labels = format!("app.kubernetes.io/name={}", object::WEBHOOK);
                    Ok(cluster.list(POD, &namespace, &labels)?.is_empty())
                })?;
            }
        }
        for late in bindings(&cluster)? {
            remove(&cluster, &late)?;
        }
        if let Some(own) = &own {
            remove(&cluster, own)?;
            until_gone(&cluster, &args, &title(own), |cluster| Ok(cluster.get(NAMESPACE, "", &namespace)?.is_none()))?;
        }
    }
    let state = if args.dry_run { "would be removed" } else { "removed" };
    if ui.json {
        ui.print_json(&serde_json::json!({ "state": state, "objects": titles, "taps": taps }))?;
        return Ok(Exit::Success);
    }
    let mut out = ui.data();
    for title in &titles {
        writeln!(out, "{title}: {state}")?;
    }
    out.flush()?;
    if titles.is_empty() {
        ui.note("nothing of logtap is installed");
    }
    Ok(Exit::Success)
}

/// Everything that is tapped now.
fn taps(cluster: &Cluster) -> Result<Vec<String>, CliError> {
    let mut all = Vec::new();
    for namespace in cluster.list(NAMESPACE, "", "")? {
        if settings_of(&namespace).opts_in() || annotation_of(&namespace, annotation::BEFORE).is_some() {
            all.push(format!("namespace/{}", text(&namespace, "name")));
        }
    }
    for one in workload::everything(cluster, "", "")?.workloads {
        if annotation_of(&one, annotation::BEFORE).is_some() {
            all.push(format!("{} in namespace {}", workload::title(&one), text(&one, "namespace")));
        }
    }
    Ok(all)
}

/// Bindings of forwarders in all namespaces, as far as we made them.
fn bindings(cluster: &Cluster) -> Result<Vec<Value>, CliError> {
    let mut all = Vec::new();
    for by in [label::MANAGED_BY_WEBHOOK, MANAGED_BY_CLI] {
        let found = cluster.list(ROLE_BINDING, "", &format!("{}={by}", label::MANAGED_BY))?;
        all.extend(found.into_iter().filter(|one| text(one, "name") == object::FORWARDER_ROLE));
    }
    Ok(all)
}

/// The namespace, if an installation made it and nothing of others is in it.
fn own_namespace(cluster: &Cluster, namespace: &str, ui: &Ui) -> Result<Option<Value>, CliError> {
    let found = cluster.get(NAMESPACE, "", namespace)?;
    let Some(found) = found.filter(|found| annotation_of(found, CREATED) == Some("true")) else { return Ok(None) };
    for what in [DEPLOYMENT, STATEFUL_SET, DAEMON_SET, POD, SERVICE, SECRET, CONFIG_MAP, VOLUME_CLAIM] {
        let mut others = cluster.list(what, namespace, &format!("{}!={}", label::PART_OF, label::PART_OF_LOGTAP))?;
        // A receiver belongs to whoever made it.
        others.extend(cluster.list(what, namespace, &format!("{}={}", label::NAME, label::NAME_RECEIVER))?);
        // Every namespace has this one.
        let other = others.iter().find(|one| text(one, "name") != "kube-root-ca.crt");
        if let Some(other) = other {
            ui.note(format_args!("namespace {namespace} stays: {} in it is not part of logtap", title(other)));
            return Ok(None);
        }
    }
    Ok(Some(found))
}

fn remove(cluster: &Cluster, object: &Value) -> Result<(), CliError> {
    cluster.delete(object).map(drop).map_err(|error| {
        let denied = error.is_denied();
        let error = error.while_doing(&format!("removing {}", title(object)));
        if denied { error.hint("uninstalling takes a cluster admin") } else { error }
    })
}

fn until_gone(
    cluster: &Cluster,
    args: &UninstallArgs,
    what: &str,
    gone: impl Fn(&Cluster) -> Result<bool, CliError>,
) -> Result<(), CliError> {
    let began = Instant::now();
    while !args.wait.no_wait && !gone(cluster)? {
        if began.elapsed() >= args.wait.timeout || cluster.pause(LOOK) {
            return Err(
                CliError::new(Kind::Network, format!("{what} are not gone yet")).hint("run logtap uninstall again")
            );
        }
    }
    Ok(())
}

fn title(object: &Value) -> String {
    Resource::of(object).map_or_else(String::new, |what| match text(object, "namespace") {
        "" => what.title(text(object, "name")),
        within => format!("{} in namespace {within}", what.title(text(object, "name"))),
    })
}
