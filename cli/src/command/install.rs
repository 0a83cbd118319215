//! `logtap install`: puts the webhook (or the policy) into a cluster, or brings what is there up to
//! this version, and sees that it serves.

mod flags;
pub(crate) mod objects;
mod wait;

use std::io::Write as _;

pub(crate) use flags::{InstallArgs, ModeArg};

use crate::cluster::resource::{NAMESPACE, annotation, text};
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::Ui;
use crate::preflight::{authority, in_cluster, is_ours, url};
use objects::{CREATED, Wanted};

/// First minor version of 1.x that has MutatingAdmissionPolicy on.
const POLICY_SINCE: u32 = 36;
/// Oldest minor version of 1.x that is supported: match conditions are on.
const OLDEST: u32 = 30;

/// Installs, or upgrades in place.
///
/// # Errors
/// If the person may not, or the cluster refuses something, or nothing serves in the end.
pub(crate) fn run(args: InstallArgs, ui: &Ui) -> Result<Exit, CliError> {
    let mut wanted = args.wanted()?;
    if args.dry_run {
        let mut out = ui.data();
        for object in wanted.objects()? {
            let yaml = serde_saphyr::to_string(&object)
                .map_err(|error| CliError::new(Kind::Internal, format!("cannot write YAML: {error}")))?;
            write!(out, "---\n{yaml}")?;
        }
        out.flush()?;
        return Ok(Exit::Success);
    }
    let cluster = Cluster::connect(&args.cluster())?;
    supported(&cluster, &wanted)?;
    // One with an authority of its own, or of one person's, is no default for others.
    let lasting = |found: Vec<serde_json::Value>| found.into_iter().filter(|one| authority(one).is_none()).collect();
    let receivers: Vec<_> =
        if wanted.target.is_none() { lasting(in_cluster(&cluster, &wanted.namespace)?) } else { Vec::new() };
    if let [receiver] = receivers.as_slice() {
        let found = url(receiver);
        ui.note(format_args!("default target: {found}, found in the cluster"));
        wanted.target = Some(found);
    }
    let objects = wanted.objects()?;
    for object in &objects {
        put(&cluster, object)?;
    }
    for gone in prune(&cluster, &wanted.namespace, &objects)? {
        ui.note(format_args!("removed {gone}, which this installation does not have"));
    }
    let serving =
        if args.wait.no_wait { None } else { Some(wait::until_serving(&cluster, &wanted, args.wait.timeout, ui)?) };
    let no_target = wanted.target.is_none();
    if ui.json {
        let names: Vec<String> = objects.iter().map(title).collect();
        ui.print_json(&serde_json::json!({
            "namespace": wanted.namespace, "mode": wanted.mode.name(), "version": env!("CARGO_PKG_VERSION"),
            "target": wanted.target, "objects": names, "serving": serving,
        }))?;
    } else {
        let mut out = ui.data();
        writeln!(
            out,
            "logtap {} is installed ({})",
            env!("CARGO_PKG_VERSION"),
            serving.as_deref().unwrap_or("not waited for")
        )?;
        out.flush()?;
    }
    if no_target {
        ui.note("there is no default target: taps name theirs with --target or the annotation logtap.io/target");
    }
    Ok(Exit::Success)
}

fn supported(cluster: &Cluster, wanted: &Wanted) -> Result<(), CliError> {
    let version = cluster.version().map_err(|error| error.while_doing("reading the cluster's version"))?;
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.trim_end_matches('+').parse::<u32>());
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return Ok(()) };
    let needed = if wanted.mode == ModeArg::Policy { POLICY_SINCE } else { OLDEST };
    if (major, minor) < (1, needed) {
        let what = if wanted.mode == ModeArg::Policy { "--mode policy" } else { "logtap" };
        return Err(CliError::usage(format!("the cluster is of version {version}; {what} needs 1.{needed} or later")));
    }
    Ok(())
}

/// Writes one object. A namespace that is made here is marked: only such a one is changed later, and
/// removed in the end. One that was there before stays as its owner has it.
fn put(cluster: &Cluster, object: &serde_json::Value) -> Result<(), CliError> {
    let doing = |error: ClusterError| {
        let denied = error.is_denied();
        let error = error.while_doing(&format!("installing {}", title(object)));
        if denied {
            error.hint("installing takes a cluster admin; `logtap install --dry-run` prints what to apply")
        } else {
            error
        }
    };
    if Resource::of(object) == Some(NAMESPACE) {
        match cluster.get(NAMESPACE, "", text(object, "name")).map_err(doing)? {
            None => {
                let mut marked = object.clone();
                marked["metadata"]["annotations"][CREATED] = "true".into();
                return cluster.create(NAMESPACE, "", &marked, false).map(drop).map_err(doing);
            }
            Some(found) if annotation(&found, CREATED).is_none() => return Ok(()),
            Some(_) => {}
        }
    }
    cluster.apply(object).map(drop).map_err(doing)
}

/// Removes what an earlier installation with other options had and this one has not.
fn prune(cluster: &Cluster, namespace: &str, objects: &[serde_json::Value]) -> Result<Vec<String>, CliError> {
    let mut gone = Vec::new();
    for (what, namespace, name) in objects::all_names(namespace, objects) {
        let Some(found) = cluster.get(what, &namespace, &name)? else { continue };
        if is_ours(&found) {
            cluster.delete(&found).map_err(|error| error.while_doing(&format!("removing {}", what.title(&name))))?;
            gone.push(what.title(&name));
        }
    }
    Ok(gone)
}

fn title(object: &serde_json::Value) -> String {
    Resource::of(object).map_or_else(String::new, |what| what.title(text(object, "name")))
}
