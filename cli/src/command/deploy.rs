//! `logtap deploy`: a receiver in the cluster that stays, and its removal.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::recv::{MadeArgs, tell};
use crate::args::FormatArgs;
use crate::cluster::{Cluster, ClusterArgs};
use crate::deployed::{self, Receiver, Wanted};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::size;

/// Leave a receiver running in the cluster, or remove one
///
/// Pods reach it by TLS under the URL that is printed; `logtap tap` finds it by itself. Its lines wait
/// in the pod until `logtap download k8s://NAMESPACE/NAME` fetches them. A receiver of the same name
/// that is there already is left as it is.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Name of the receiver
    #[arg(long, default_value = "logtap-receiver", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    made: MadeArgs,
    /// Most bytes of the capture in the pod; the oldest lines go first
    #[arg(long, default_value = "2GB", value_parser = size::parse, value_name = "SIZE")]
    max_disk: u64,
    /// Redact before anything is stored: all rules, or those named (credit_card,email,jwt,bearer,ip_v4,ssn,phone)
    #[arg(long, num_args = 0..=1, default_missing_value = "true", env = "LOGTAP_RECV_REDACT", value_name = "RULES")]
    redact: Option<String>,
    /// YAML file of further rules (name, pattern, replacement); works alone too
    #[arg(long, env = "LOGTAP_RECV_REDACT_PATTERNS", value_name = "FILE")]
    redact_patterns: Option<PathBuf>,
    /// Print the objects as YAML, and change nothing; certificates are made when it is done
    #[arg(long)]
    dry_run: bool,
    /// Remove the receiver with all it has; alias of 1.x: --cleanup
    #[arg(long, alias = "cleanup")]
    remove: bool,
    /// Remove it although something is tapped to it, or somebody receives from it
    #[arg(long, requires = "remove")]
    force: bool,
    /// 1.x: the port is 3100 now
    #[arg(long, hide = true)]
    port: Option<u16>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Makes or removes it.
///
/// # Errors
/// If the person may not, the cluster refuses, or the receiver does not start.
pub(crate) fn run(args: DeployArgs, ui: &Ui) -> Result<(), CliError> {
    if args.port.is_some() {
        ui.note("--port is ignored: receivers in the cluster listen on 3100");
    }
    let told = tell(std::path::Path::new("."), args.redact.as_deref(), args.redact_patterns.as_deref(), None)?;
    let cluster = Cluster::connect(&args.cluster)?;
    let namespace = cluster.namespace().to_owned();
    if args.remove {
        return remove(&args, &cluster, ui);
    }
    let wanted = Wanted {
        name: args.name.clone(),
        namespace: namespace.clone(),
        owner: deployed::owner_title(),
        capture: None,
        image: args.made.image(ui),
        pull_secrets: args.made.pull_secrets.clone(),
        spool: args.max_disk,
        ttl: args.made.ttl(),
        auth: !args.made.no_auth,
        flags: told.flags,
        files: told.files,
    };
    if args.dry_run {
        let mut out = ui.data();
        let yaml = serde_saphyr::to_string(&wanted.job())
            .map_err(|error| CliError::new(Kind::Internal, format!("cannot write YAML: {error}")))?;
        write!(
            out,
            "---\n{yaml}# and, owned by it: serviceaccount, secret (certificate) and service of the same name\n"
        )?;
        out.flush()?;
        return Ok(());
    }
    let (receiver, is_new) = match deployed::find(&cluster, &namespace, &args.name)? {
        Some(found) if found.stays() => (found, false),
        Some(found) => {
            return Err(CliError::usage(format!(
                "receiver {} is {}'s, for the length of a `recv`",
                found.title(),
                found.owner()
            ))
            .hint("--name makes another one"));
        }
        None => (deployed::make(&cluster, &wanted)?, true),
    };
    let mut signals = cluster.signals()?;
    if !deployed::until_ready(&cluster, &receiver, args.made.timeout, &mut signals, ui)? {
        return Err(CliError::new(Kind::Internal, format!("not waited for: receiver {} stays", receiver.title()))
            .hint("--remove removes it"));
    }
    tell_of(&cluster, &receiver, is_new, ui)
}

fn tell_of(cluster: &Cluster, receiver: &Receiver, is_new: bool, ui: &Ui) -> Result<(), CliError> {
    let url = receiver.url(cluster)?.unwrap_or_default();
    let download = format!("logtap download k8s://{}/{}", receiver.namespace, receiver.name);
    if ui.json {
        let (name, namespace) = (&receiver.name, &receiver.namespace);
        return ui.print_json(&json!({
            "name": name, "namespace": namespace, "url": url, "made": is_new, "owner": receiver.owner(), "download": download,
        }));
    }
    let mut out = ui.data();
    let state = if is_new { "is made" } else { "was there already" };
    writeln!(out, "receiver {} {state}: {url}", receiver.title())?;
    out.flush()?;
    ui.note(format_args!("tap something: logtap tap -n {} --deployment NAME --target {url}", receiver.namespace));
    ui.note(format_args!("fetch its capture: {download}"));
    ui.note(format_args!("remove it: logtap deploy --remove -n {} --name {}", receiver.namespace, receiver.name));
    Ok(())
}

fn remove(args: &DeployArgs, cluster: &Cluster, ui: &Ui) -> Result<(), CliError> {
    let namespace = cluster.namespace();
    let Some(receiver) = deployed::find(cluster, namespace, &args.name)? else {
        return Err(CliError::new(
            Kind::NotFound,
            format!("there is no receiver {} in namespace {namespace}", args.name),
        )
        .hint("logtap status lists those that there are"));
    };
    let mut users = match receiver.url(cluster)? {
        Some(url) => deployed::taps_to(cluster, &url)?,
        None => Vec::new(),
    };
    if !receiver.stays() {
        users.push(format!("the `recv --in-cluster` of {}", receiver.owner()));
    }
    if !users.is_empty() && !args.force && !args.dry_run {
        return Err(CliError::new(
            Kind::Findings,
            format!("receiver {} is in use: {}", receiver.title(), users.join(", ")),
        )
        .hint("logtap untap takes a tap back; --force removes the receiver all the same"));
    }
    let titles =
        if args.dry_run { vec![format!("job/{}", receiver.name)] } else { deployed::remove(cluster, &receiver)? };
    let state = if args.dry_run { "would be removed" } else { "removed" };
    if ui.json {
        return ui.print_json(&json!({ "state": state, "objects": titles, "users": users }));
    }
    let mut out = ui.data();
    for title in &titles {
        writeln!(out, "{title}: {state}")?;
    }
    out.flush()?;
    Ok(())
}
