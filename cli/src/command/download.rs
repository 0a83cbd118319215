//! `logtap download`: the capture of a receiver in the cluster, in a bucket or behind a link, fetched to
//! this machine.

use std::num::NonZeroUsize;
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

/// Fetch a capture from a cluster, a bucket or a link
///
/// Of a receiver, brings what it has now and ends; what is in DIR already is not fetched again, so the same
/// command goes on where it was cut, and later brings what has come since. The receiver stays as it is.
///
/// From a bucket or a link, every file is compared with the manifest while it comes, and DIR is there when
/// all are; what was killed or cut goes on with the same command. A link needs no credentials.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap download k8s://shop/logtap-receiver capture/\n  logtap download s3://incidents/2026/4f1c2a capture/\n  logtap download 'https://LINK' capture/"
)]
pub(crate) struct DownloadArgs {
    /// Where it is: k8s://NAMESPACE/NAME, s3://BUCKET/PREFIX/ID, gs://BUCKET/PREFIX/ID, or a link; without ID
    /// the only capture there
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Directory to write to; made if it does not exist [default: ./NAME or ./ID]
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// As DIR, as in 1.x
    #[arg(short = 'o', long, hide = true, conflicts_with = "dir", value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Files on their way at the same time, from a bucket or a link
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) concurrency: NonZeroUsize,
    /// Go on with what comes, until Ctrl+C (k8s://)
    #[arg(long)]
    pub(crate) follow: bool,
    /// Most bytes in the directory; the oldest file goes first (k8s://)
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
    if ["s3://", "gs://", "https://", "http://"].iter().any(|scheme| args.url.starts_with(scheme)) {
        return stored(args, ui);
    }
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

/// Downloads from a bucket or a link.
#[cfg(feature = "cloud")]
fn stored(args: DownloadArgs, ui: &Ui) -> Result<(), CliError> {
    crate::cloud::download(args, ui)
}

#[cfg(not(feature = "cloud"))]
fn stored(_args: DownloadArgs, _ui: &Ui) -> Result<(), CliError> {
    Err(super::upload::without())
}

/// Namespace and name of `k8s://namespace/name`.
fn place(url: &str) -> Result<(String, String), CliError> {
    let parts = url.strip_prefix("k8s://").and_then(|rest| rest.trim_end_matches('/').split_once('/'));
    match parts {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err(CliError::usage(format!(
            "{url:?} is no place to download from; write k8s://NAMESPACE/NAME, s3://…, gs://… or https://…"
        ))),
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
