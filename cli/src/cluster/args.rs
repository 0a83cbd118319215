//! Flags of commands that talk to a cluster; the names are kubectl's.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::when;

/// Which cluster, and which namespace in it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClusterArgs {
    /// Namespace; else $LOGTAP_TAP_NAMESPACE, else that of the kubeconfig's context
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The namespace where no flag names one
    // Apart from `namespace`: to name a namespace by the flag alone means the namespace itself.
    #[arg(long, env = "LOGTAP_TAP_NAMESPACE", hide = true, value_name = "NAME")]
    pub(crate) usual_namespace: Option<String>,
    /// Context of the kubeconfig to use
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// How long to wait for what a cluster takes its time to do.
#[derive(Debug, Clone, Args)]
pub(crate) struct WaitArgs {
    /// Longest wait for the cluster to get there, such as 90s or 10m
    #[arg(long, env = "LOGTAP_TIMEOUT", default_value = "5m", value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Do not wait
    #[arg(long)]
    pub(crate) no_wait: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let length = when::duration(text).and_then(|ns| u64::try_from(ns).ok()).filter(|ns| *ns > 0);
    length.map(Duration::from_nanos).ok_or_else(|| "write a duration such as 90s or 10m".to_owned())
}
