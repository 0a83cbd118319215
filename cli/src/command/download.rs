//! `logtap download`: the capture of a receiver in the cluster, fetched to this machine.

use std::path::PathBuf;

use clap::Args;
use logtap_capture::session::Options;
use serde_json::json;

use crate::args::FormatArgs;
use crate::cluster::{Cluster, ClusterArgs};
use crate::deployed::{self, Goal, Local, Pull, Pulled};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::size;

/// Fetch the capture of a receiver in the cluster
///
/// Brings what it has now and ends; what is in DIR already is not fetched again, so the same command
/// goes on where it was cut, and later brings what has come since. The receiver stays as it is.
#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Where it is: k8s://NAMESPACE/NAME
    #[arg(value_name = "URL")]
    url: String,
    /// Directory to write to; made if it does not exist [default: ./NAME]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// As DIR, as in 1.x
    #[arg(short = 'o', long, hide = true, conflicts_with = "dir", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with what comes, until Ctrl+C
    #[arg(long)]
    follow: bool,
    /// Most bytes in the directory; the oldest file goes first
    #[arg(long, default_value = "10GB", value_parser = size::parse, value_name = "SIZE")]
    max_disk: u64,
    /// Context of the kubeconfig to use
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Fetches it.
///
/// # Errors
/// If there is no such receiver, it may not or cannot be read, or lines cannot be written here.
pub(crate) fn run(args: DownloadArgs, ui: &Ui) -> Result<(), CliError> {
    let (namespace, name) = place(&args.url)?;
    let cluster = Cluster::connect(&ClusterArgs {
        namespace: Some(namespace.clone()),
        context: args.context.clone(),
        kubeconfig: args.kubeconfig.clone(),
        ..ClusterArgs::default()
    })?;
    let receiver = deployed::find(&cluster, &namespace, &name)?.ok_or_else(|| {
        CliError::new(Kind::NotFound, format!("there is no receiver {name} in namespace {namespace}"))
            .hint("logtap status lists those that there are")
    })?;
    let mut signals = cluster.signals()?;
    let dir = args.dir.or(args.out).unwrap_or_else(|| PathBuf::from(&name));
    // What its rules were is known once it was asked.
    let redaction = deployed::state(&cluster, &receiver).ok().and_then(|state| state.redaction);
    let redaction = redaction.filter(|one| one.enabled).map(|one| one.patterns);
    let options = Options { max_disk: args.max_disk, redaction, ..Options::default() };
    let mut local = Local::open(&dir, options, false)?;
    let goal = if args.follow { Goal::Follow } else { Goal::WhatIsThere };
    let outcome = Pull::new(&cluster, &receiver, &mut local, &mut signals, ui, goal).run(|_| ());
    let added = local.added();
    let metadata = local.close()?;
    let lost = match outcome? {
        Pulled::All => 0,
        Pulled::Left(_) if args.follow => 0,
        Pulled::Left(lines) => {
            return Err(CliError::new(Kind::Internal, format!("interrupted: {lines} lines have not come"))
                .hint("the same command goes on where it was"));
        }
        Pulled::Gone(lost) => {
            return Err(CliError::new(
                Kind::NotFound,
                format!("somebody removed receiver {}; {lost} lines that had not come went with it", receiver.title()),
            ));
        }
    };
    if ui.json {
        return ui.print_json(&json!({
            "source": args.url, "output": dir, "lines": added, "lost": lost, "total_lines": metadata.total_lines,
        }));
    }
    ui.note(format_args!("{added} lines in {}", dir.display()));
    Ok(())
}

/// Namespace and name of `k8s://namespace/name`.
fn place(url: &str) -> Result<(String, String), CliError> {
    if ["s3://", "gs://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(CliError::usage(format!("{url}: buckets are not available in this version")));
    }
    let parts = url.strip_prefix("k8s://").and_then(|rest| rest.trim_end_matches('/').split_once('/'));
    match parts {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err(CliError::usage(format!("{url:?} is no place to download from; write k8s://NAMESPACE/NAME"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(place("k8s://shop/recv").unwrap(), ("shop".to_owned(), "recv".to_owned()));
        for wrong in ["shop/recv", "k8s://shop", "k8s:///recv", "k8s://shop/", "k8s://a/b/c", "s3://a/b"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
