//! What the environment of the container says; the webhook writes it.

use std::path::PathBuf;

use crate::delivery::{Target, TargetError};
use crate::identity::Identity;

/// Names of the variables, as the webhook sets them.
mod env {
    pub(super) const POD_NAME: &str = "POD_NAME";
    pub(super) const NODE_NAME: &str = "NODE_NAME";
    pub(super) const MODE: &str = "LOGTAP_MODE";
    pub(super) const SOURCE: &str = "LOGTAP_SOURCE";
    pub(super) const TARGET: &str = "LOGTAP_TARGET";
    pub(super) const TARGET_CA: &str = "LOGTAP_TARGET_CA";
    pub(super) const SESSION: &str = "LOGTAP_SESSION";
    pub(super) const SPOOL: &str = "LOGTAP_SPOOL_BYTES";
    pub(super) const APP: &str = "LOGTAP_APP";
    pub(super) const CONTAINERS: &str = "LOGTAP_CONTAINERS";
    pub(super) const EXCLUDE_CONTAINERS: &str = "LOGTAP_EXCLUDE_CONTAINERS";
    pub(super) const API_HOST: &str = "KUBERNETES_SERVICE_HOST";
    pub(super) const API_PORT: &str = "KUBERNETES_SERVICE_PORT";
}

/// Where the webhook mounts tokens, CA and namespace.
const IDENTITY_MOUNT: &str = "/var/run/logtap/identity";
/// Where the webhook mounts the folder that outlives a restart of our container.
pub(crate) const STATE_MOUNT: &str = "/var/lib/logtap";
/// Where the webhook mounts the kubelet's log folder of the pod, in source `node`.
pub(crate) const NODE_LOGS_MOUNT: &str = "/var/log/logtap-pod";
/// Size of the spool where the environment has none, bytes.
const SPOOL: u64 = 64 << 20;
/// The name of our own container, whose log is not read.
const OWN_CONTAINER: &str = "logtap-forwarder";

/// All that is settled before anything is read.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) identity: Identity,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    /// Host and port of the API server; an IPv6 address is without its brackets.
    pub(crate) api: (String, u16),
    pub(crate) target: Target,
    pub(crate) selection: Selection,
    /// Whether the process has to end by itself when the app has: it is an ordinary container.
    pub(crate) ends_by_itself: bool,
    /// Whether the kubelet's files are read in place of the API server's log streams.
    pub(crate) from_node: bool,
    /// Most bytes that wait for the target.
    pub(crate) spool: u64,
    /// Labels of all lines but `container`.
    pub(crate) labels: Vec<(&'static str, String)>,
}

/// Which containers are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    only: Vec<String>,
    exclude: Vec<String>,
}

/// Why the environment cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the variable {0} is not set; the webhook sets it, so this container was not added by it")]
    Missing(&'static str),
    #[error("the variable {0} is {1:?}, which is no port")]
    Port(&'static str, String),
    #[error("the variable {0} is {1:?}, which is no number of bytes")]
    Spool(&'static str, String),
    #[error("the target {0:?} cannot be used: {1}")]
    Target(String, TargetError),
    #[error("cannot read the pod's namespace from {0}: {1}")]
    Namespace(PathBuf, std::io::Error),
}

impl Config {
    /// Reads everything through `var`.
    pub(crate) fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::with_identity(var, Identity::at(IDENTITY_MOUNT.into()))
    }

    fn with_identity(var: impl Fn(&str) -> Option<String>, identity: Identity) -> Result<Self, ConfigError> {
        let optional = |name: &str| var(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| optional(name).ok_or(ConfigError::Missing(name));
        let list = |name: &str| -> Vec<String> {
            let names = optional(name).unwrap_or_default();
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let namespace = identity.namespace().map_err(|error| ConfigError::Namespace(identity.dir(), error))?;
        let pod = needed(env::POD_NAME)?;
        let mut labels = vec![("namespace", namespace.clone()), ("pod", pod.clone())];
        let more = [("app", env::APP), ("node", env::NODE_NAME), ("session", env::SESSION)];
        labels.extend(more.into_iter().filter_map(|(label, name)| Some((label, optional(name)?))));
        let host = needed(env::API_HOST)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = needed(env::API_PORT)?;
        Ok(Self {
            target: target(&var)?,
            api: (host, port.parse().map_err(|_| ConfigError::Port(env::API_PORT, port))?),
            selection: Selection { only: list(env::CONTAINERS), exclude: list(env::EXCLUDE_CONTAINERS) },
            ends_by_itself: optional(env::MODE).as_deref() == Some("container"),
            from_node: optional(env::SOURCE).as_deref() == Some("node"),
            spool: optional(env::SPOOL)
                .map_or(Ok(SPOOL), |text| text.parse().map_err(|_| ConfigError::Spool(env::SPOOL, text)))?,
            identity,
            namespace,
            pod,
            labels,
        })
    }
}

/// The target that the environment names.
pub(crate) fn target(var: &impl Fn(&str) -> Option<String>) -> Result<Target, ConfigError> {
    let optional = |name: &str| var(name).filter(|value| !value.is_empty());
    let url = optional(env::TARGET).ok_or(ConfigError::Missing(env::TARGET))?;
    Target::new(&url, optional(env::TARGET_CA).as_deref()).map_err(|error| ConfigError::Target(url, error))
}

impl Selection {
    /// Whether a container of this name is read.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let is = |list: &[String]| list.iter().any(|one| one == name);
        name != OWN_CONTAINER && (self.only.is_empty() || is(&self.only)) && !is(&self.exclude)
    }
}

#[cfg(test)]
mod tests;
