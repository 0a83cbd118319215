//! What an installation decides for all its namespaces: the webhook's flags as data.

use crate::quantity::Quantity;
use crate::target::Target;
use crate::vocabulary::{SYSTEM_NAMESPACES, image, label, object, sidecar};

/// What holds for every pod of the cluster.
#[derive(Debug, Clone)]
pub struct Config {
    /// Namespace of the webhook. Its pods are never touched.
    pub own_namespace: String,
    /// Further namespaces whose pods are never touched.
    pub excluded_namespaces: Vec<String>,
    /// Image of the forwarder, with tag or digest.
    pub image: String,
    /// Whether `logtap.io/image` may name another one.
    pub allow_image_annotation: bool,
    /// Secrets to pull the image with; added to pods that do not name them yet.
    pub pull_secrets: Vec<String>,
    /// How the forwarder is added.
    pub mode: Mode,
    /// Where lines go when neither pod nor namespace says it.
    pub target: Option<DefaultTarget>,
    /// Folder of the nodes where the kubelet keeps pods' logs.
    pub node_log_dir: String,
    /// Level of Pod Security in namespaces without a label, as the API server was configured.
    pub pod_security: PodSecurity,
    /// Labels of namespaces that hold production, as key and value; values match in any case.
    pub prod_labels: Vec<(String, String)>,
    /// Requests and limits where no annotation says otherwise.
    pub resources: ResourceDefaults,
    /// Size of the spool where no annotation says otherwise.
    pub spool: Quantity,
}

/// The receiver for pods and namespaces that name none.
#[derive(Debug, Clone)]
pub struct DefaultTarget {
    /// Its URL.
    pub url: Target,
    /// The same receiver by address, for pods that do not use the cluster's DNS.
    pub by_address: Option<Target>,
    /// PEM certificates that sign its own.
    pub ca: Option<String>,
}

/// What the sidecar asks for.
#[derive(Debug, Clone)]
pub struct ResourceDefaults {
    /// CPU request.
    pub cpu_request: Quantity,
    /// CPU request and limit in pods of class Guaranteed, which have to have one.
    pub guaranteed_cpu: Quantity,
    /// Memory request.
    pub memory_request: Quantity,
    /// Memory limit.
    pub memory_limit: Quantity,
}

/// How the forwarder runs in a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Init container with `restartPolicy: Always`: ends after the app, never keeps a Job open.
    Native,
    /// Ordinary container that ends by itself.
    Container,
}

/// What the installation asks for, where [`Mode`] is what comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NativeSidecars {
    /// Wherever all nodes that the server's version supports have them.
    Auto,
    /// Always: the admin knows the nodes.
    Always,
    /// Never.
    Never,
}

/// A level of Pod Security.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PodSecurity {
    /// Everything is allowed.
    Privileged,
    /// No hostPath, among others.
    Baseline,
    /// Also the level of a label that no API server knows.
    Restricted,
}

/// First minor version of 1.x whose oldest supported kubelet (three minors back) has native sidecars on.
const NATIVE_SINCE: u32 = 32;

impl Default for Config {
    fn default() -> Self {
        let prod = [("env", "prod"), ("env", "production"), ("environment", "prod"), ("environment", "production")];
        Self {
            own_namespace: object::NAMESPACE.to_owned(),
            excluded_namespaces: SYSTEM_NAMESPACES.map(str::to_owned).to_vec(),
            image: format!("{}:{}", image::FORWARDER, env!("CARGO_PKG_VERSION")),
            allow_image_annotation: false,
            pull_secrets: Vec::new(),
            mode: Mode::Native,
            target: None,
            node_log_dir: sidecar::NODE_LOG_DIR.to_owned(),
            pod_security: PodSecurity::Privileged,
            prod_labels: prod
                .into_iter()
                .chain([(label::PROD, "true")])
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            resources: ResourceDefaults {
                cpu_request: Quantity::milli(10),
                guaranteed_cpu: Quantity::milli(100),
                memory_request: Quantity::mebi(16),
                memory_limit: Quantity::mebi(64),
            },
            spool: Quantity::mebi(64),
        }
    }
}

impl Config {
    /// Whether pods of a namespace are never touched, whatever they say.
    #[must_use]
    pub fn excludes(&self, namespace: &str) -> bool {
        namespace == self.own_namespace || self.excluded_namespaces.iter().any(|one| one == namespace)
    }
}

impl Mode {
    /// Stable name, for the sidecar's environment and the status annotation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Container => "container",
        }
    }
}

impl NativeSidecars {
    /// The mode for an API server of version `major.minor`, as `/version` gives them; some
    /// providers append a plus sign to the minor. A version that cannot be read is taken for an old one.
    #[must_use]
    pub fn mode(self, major: &str, minor: &str) -> Mode {
        let number = |text: &str| text.trim_end_matches('+').parse::<u32>().unwrap_or(0);
        let native = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => (number(major), number(minor)) >= (1, NATIVE_SINCE),
        };
        if native { Mode::Native } else { Mode::Container }
    }
}

impl PodSecurity {
    /// The level that a label value stands for; an unknown one is treated as the API server treats
    /// it, as the strictest.
    #[must_use]
    pub fn of_label(value: &str) -> Self {
        match value {
            "privileged" => Self::Privileged,
            "baseline" => Self::Baseline,
            _ => Self::Restricted,
        }
    }
}
