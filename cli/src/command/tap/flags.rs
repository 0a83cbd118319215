//! What can be typed after `logtap tap`. Flags of 1.x are accepted with their meaning, or with one
//! line that says what takes their place.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use logtap_inject::Quantity;

use crate::args::FormatArgs;
use crate::cluster::{ClusterArgs, WaitArgs};
use crate::workload::WorkloadArgs;

/// Tap workloads, so that the lines of their new pods arrive
///
/// Writes annotations into the pod template; that restarts the pods. Without a workload,
/// `-n NAMESPACE` alone taps the namespace: pods created from then on opt in, nothing is restarted.
/// `logtap untap` takes it back. Ends with 6 when a tap failed and was rolled back.
#[derive(Debug, Args)]
pub(crate) struct TapArgs {
    #[command(flatten)]
    pub(crate) workloads: WorkloadArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Where lines go: http://, https:// or HOST:PORT; a receiver in the cluster is found by itself
    #[arg(long, env = "LOGTAP_TAP_TARGET", value_name = "URL")]
    pub(crate) target: Option<String>,
    /// File with the certificates (PEM) that sign the target's, in place of the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) target_ca: Option<PathBuf>,
    /// Name of the session, a label of all lines; made up unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// Read only these containers
    #[arg(long, value_name = "NAMES")]
    pub(crate) containers: Option<String>,
    /// Do not read these containers
    #[arg(long, value_name = "NAMES")]
    pub(crate) exclude_containers: Option<String>,
    /// Where forwarders read: the API server's log endpoint, or the node's files
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub(crate) source: Option<Source>,
    /// Size of each forwarder's spool
    #[arg(long, value_name = "QUANTITY", value_parser = quantity)]
    pub(crate) spool: Option<String>,
    /// CPU request of forwarders
    #[arg(long, env = "LOGTAP_TAP_CPU", value_name = "QUANTITY", value_parser = quantity)]
    pub(crate) sidecar_cpu: Option<String>,
    /// CPU limit of forwarders; without one none is throttled
    #[arg(long, value_name = "QUANTITY", value_parser = quantity)]
    pub(crate) sidecar_cpu_limit: Option<String>,
    /// Memory request of forwarders
    #[arg(long, env = "LOGTAP_TAP_MEMORY", value_name = "QUANTITY", value_parser = quantity)]
    pub(crate) sidecar_memory: Option<String>,
    /// Memory limit of forwarders
    #[arg(long, value_name = "QUANTITY", value_parser = quantity)]
    pub(crate) sidecar_memory_limit: Option<String>,
    /// Image of the forwarder, where the installation allows another than its own
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,
    /// Tap although the namespace looks like production
    #[arg(long)]
    pub(crate) allow_prod: bool,
    /// Take over what is tapped for another session or target, and go on where a check failed
    #[arg(long)]
    pub(crate) force: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave a failed tap as it is
    #[arg(long)]
    pub(crate) no_rollback: bool,
    /// Do not run a pod first that pulls the image and connects to the target
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Run that pod (the default)
    #[arg(long, conflicts_with = "no_probe", hide = true)]
    pub(crate) probe: bool,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Of logtap 1.x; there is one forwarder now
    #[arg(long, value_enum, hide = true)]
    pub(crate) forwarder: Option<ForwarderKind>,
    /// Of logtap 1.x; other containers are never touched now
    #[arg(long, hide = true)]
    pub(crate) pin_images: bool,
}

/// Where forwarders read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// Through the API server
    Api,
    /// The kubelet's files, where Pod Security permits it
    Node,
}

/// Forwarders of 1.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForwarderKind {
    /// logtap's own
    Logtap,
    /// Fluent Bit
    FluentBit,
}

impl TapArgs {
    /// One line for each flag of 1.x that no longer does something.
    pub(crate) fn outdated(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.forwarder == Some(ForwarderKind::FluentBit) {
            notes.push("--forwarder fluent-bit: logtap's own forwarder is used; it needs no privileged namespace");
        }
        if self.pin_images {
            notes.push("--pin-images does nothing: other containers are never touched");
        }
        notes
    }
}

fn quantity(text: &str) -> Result<String, String> {
    let read = Quantity::parse(text).ok_or_else(|| "write a quantity such as 10m or 64Mi".to_owned())?;
    Ok(read.as_str().to_owned())
}
