//! What can be typed after `logtap install`; the options are those of the Helm chart.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use logtap_inject::vocabulary::{image, object};

use super::objects::Wanted;
use crate::args::FormatArgs;
use crate::cluster::{ClusterArgs, WaitArgs};
use crate::error::CliError;
use crate::preflight::target;

/// Install logtap into a cluster, or upgrade it there
///
/// Applies the manifests that come with this program: the webhook that adds forwarders to pods that
/// opted in, its certificates, its rights. Running taps are kept. Takes a cluster admin.
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Namespace to install into
    #[arg(short = 'n', long, default_value = object::NAMESPACE, value_name = "NAME")]
    namespace: String,
    /// Context of the kubeconfig to use
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Path of the kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// What adds forwarders: a webhook, or a MutatingAdmissionPolicy (Kubernetes 1.36 and later)
    #[arg(long, value_enum, default_value = "webhook")]
    mode: ModeArg,
    /// Where lines go when neither pod nor namespace says it; a receiver in the cluster is found by itself
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Registry and path to take all images from, in place of the public one
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<String>,
    /// Image of the webhook, with tag or digest
    #[arg(long, value_name = "IMAGE", conflicts_with = "registry")]
    image: Option<String>,
    /// Image of the forwarder, with tag or digest
    #[arg(long, value_name = "IMAGE", conflicts_with = "registry")]
    forwarder_image: Option<String>,
    /// Secret to pull both images with (can be repeated); tapped namespaces need it too
    #[arg(long = "pull-secret", value_name = "NAME")]
    pull_secrets: Vec<String>,
    /// Pods of the webhook
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=20))]
    replicas: u32,
    /// Leave it to whoever taps to let forwarders read logs
    #[arg(long)]
    no_grant: bool,
    /// Namespace whose pods are never touched, beside kube-* and logtap's own (can be repeated)
    #[arg(long = "exclude-namespace", value_name = "NAME")]
    exclude_namespaces: Vec<String>,
    /// Label of namespaces that hold production, in place of the usual ones (can be repeated)
    #[arg(long = "prod-label", value_name = "KEY=VALUE")]
    prod_labels: Vec<String>,
    /// Print the objects as YAML, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// What adds forwarders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// The admission webhook
    Webhook,
    /// A policy in the API server itself
    Policy,
}

impl ModeArg {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Policy => "policy",
        }
    }
}

impl InstallArgs {
    /// The cluster to install into.
    pub(super) fn cluster(&self) -> ClusterArgs {
        ClusterArgs {
            namespace: Some(self.namespace.clone()),
            context: self.context.clone(),
            kubeconfig: self.kubeconfig.clone(),
            ..ClusterArgs::default()
        }
    }

    /// What to install.
    ///
    /// # Errors
    /// If a value cannot be used.
    pub(super) fn wanted(&self) -> Result<Wanted, CliError> {
        let labels = self.prod_labels.iter();
        if let Some(wrong) = labels.clone().find(|one| !one.contains('=')) {
            return Err(CliError::usage(format!("--prod-label {wrong}: write KEY=VALUE")));
        }
        let from = |name: &str, given: &Option<String>| match (given, &self.registry) {
            (Some(image), _) => Some(image.clone()),
            (None, Some(registry)) => {
                let last = name.rsplit('/').next().unwrap_or(name);
                Some(format!("{}/{last}:{}", registry.trim_end_matches('/'), env!("CARGO_PKG_VERSION")))
            }
            (None, None) => None,
        };
        Ok(Wanted {
            namespace: self.namespace.clone(),
            mode: self.mode,
            target: self.target.as_deref().map(target).transpose()?,
            image: from(image::WEBHOOK, &self.image),
            forwarder_image: from(image::FORWARDER, &self.forwarder_image),
            pull_secrets: self.pull_secrets.clone(),
            replicas: self.replicas,
            grant: !self.no_grant,
            exclude_namespaces: self.exclude_namespaces.clone(),
            prod_labels: self.prod_labels.clone(),
        })
    }
}
