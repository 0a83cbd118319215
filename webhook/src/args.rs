//! The flags of `logtap-webhook`, and how they become a configuration.
//!
//! No variable may look like those that Kubernetes makes of a Service named `logtap` or
//! `logtap-webhook` (`LOGTAP_PORT`, `LOGTAP_WEBHOOK_PORT`, …).

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use logtap_certs::Policy;
use logtap_inject::vocabulary::{SYSTEM_NAMESPACES, object, port, sidecar};
use logtap_inject::{Config, DefaultTarget, Mode, NativeSidecars, PodSecurity, Quantity, ResourceDefaults, Target};

/// Shortest and longest life of a certificate.
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

/// Add log forwarders to pods that opted in
///
/// Serves the admission webhook over TLS, and health, readiness and metrics in the clear. Needs a
/// cluster: the one it runs in, or the one of $KUBECONFIG.
#[derive(Debug, Clone, Parser)]
#[command(name = "logtap-webhook", version)]
pub struct Args {
    /// Port for the API server's reviews, over TLS
    #[arg(long, env = "LOGTAP_LISTEN_PORT", default_value_t = port::WEBHOOK, value_name = "PORT")]
    pub port: u16,
    /// Port for /healthz, /readyz and /metrics
    #[arg(long, env = "LOGTAP_HEALTH_PORT", default_value_t = port::WEBHOOK_ADMIN, value_name = "PORT")]
    pub health_port: u16,
    /// Namespace that the webhook runs in
    #[arg(long, env = "LOGTAP_NAMESPACE", default_value = object::NAMESPACE, value_name = "NAME")]
    pub namespace: String,
    /// Service that the API server calls; the certificate is made out to it
    #[arg(long, env = "LOGTAP_SERVICE_NAME", default_value = object::WEBHOOK, value_name = "NAME")]
    pub service: String,
    /// Directory with tls.crt and tls.key that somebody else keeps, such as cert-manager; without it the webhook makes its own
    #[arg(long, env = "LOGTAP_CERT_DIR", value_name = "DIR")]
    pub cert_dir: Option<PathBuf>,
    /// Life of the authority that the replicas share; the next one takes over in its last third
    #[arg(long, env = "LOGTAP_CA_LIFETIME", default_value = "365d", value_name = "TIME", value_parser = lifetime)]
    ca_lifetime: Duration,
    /// Life of each replica's certificate; it is renewed in its last third
    #[arg(long, env = "LOGTAP_LEAF_LIFETIME", default_value = "24h", value_name = "TIME", value_parser = lifetime)]
    leaf_lifetime: Duration,
    /// Leave the RoleBindings of forwarders to whoever taps
    #[arg(long, env = "LOGTAP_NO_GRANT")]
    pub no_grant: bool,
    /// Seconds to go on serving after SIGTERM, until nobody sends any more
    #[arg(long, env = "LOGTAP_DRAIN_SECONDS", default_value_t = 10, value_name = "SECONDS")]
    pub drain_seconds: u64,
    /// Image of the forwarder
    #[arg(long, env = "LOGTAP_FORWARDER_IMAGE", value_name = "IMAGE")]
    forwarder_image: Option<String>,
    /// Let the annotation logtap.io/image name another image
    #[arg(long, env = "LOGTAP_ALLOW_IMAGE_ANNOTATION")]
    allow_image_annotation: bool,
    /// Secret to pull the image with (can be repeated)
    #[arg(long = "pull-secret", env = "LOGTAP_PULL_SECRETS", value_delimiter = ',', value_name = "NAME")]
    pull_secrets: Vec<String>,
    /// Where lines go when neither pod nor namespace says it
    #[arg(long, env = "LOGTAP_DEFAULT_TARGET", value_name = "URL", value_parser = target)]
    target: Option<Target>,
    /// The same receiver by address, for pods that do not use the cluster's DNS
    #[arg(long, env = "LOGTAP_DEFAULT_TARGET_BY_ADDRESS", value_name = "URL", value_parser = target, requires = "target")]
    target_by_address: Option<Target>,
    /// File with the certificates (PEM) that sign the default target's
    #[arg(long, env = "LOGTAP_DEFAULT_TARGET_CA", value_name = "FILE", requires = "target")]
    target_ca: Option<PathBuf>,
    /// Whether forwarders are native sidecars; auto asks the API server's version
    #[arg(long, env = "LOGTAP_NATIVE_SIDECARS", value_enum, default_value = "auto")]
    native_sidecars: NativeArg,
    /// Namespace whose pods are never touched, beside kube-* and the webhook's own (can be repeated)
    #[arg(long = "exclude-namespace", env = "LOGTAP_EXCLUDE_NAMESPACES", value_delimiter = ',', value_name = "NAME")]
    exclude_namespaces: Vec<String>,
    /// Label of namespaces that hold production, in place of the usual ones (can be repeated)
    #[arg(long = "prod-label", env = "LOGTAP_PROD_LABELS", value_delimiter = ',', value_name = "KEY=VALUE", value_parser = label)]
    prod_labels: Vec<(String, String)>,
    /// Pod Security level of namespaces without a label
    #[arg(long, env = "LOGTAP_POD_SECURITY", value_enum, default_value = "privileged")]
    pod_security: PodSecurityArg,
    /// Folder of the nodes where the kubelet keeps pods' logs
    #[arg(long, env = "LOGTAP_NODE_LOG_DIR", default_value = sidecar::NODE_LOG_DIR, value_name = "DIR")]
    node_log_dir: String,
    /// CPU request of forwarders
    #[arg(long, env = "LOGTAP_CPU_REQUEST", value_name = "QUANTITY", value_parser = quantity)]
    cpu_request: Option<Quantity>,
    /// CPU request and limit of forwarders in pods of class Guaranteed
    #[arg(long, env = "LOGTAP_GUARANTEED_CPU", value_name = "QUANTITY", value_parser = quantity)]
    guaranteed_cpu: Option<Quantity>,
    /// Memory request of forwarders
    #[arg(long, env = "LOGTAP_MEMORY_REQUEST", value_name = "QUANTITY", value_parser = quantity)]
    memory_request: Option<Quantity>,
    /// Memory limit of forwarders
    #[arg(long, env = "LOGTAP_MEMORY_LIMIT", value_name = "QUANTITY", value_parser = quantity)]
    memory_limit: Option<Quantity>,
    /// Size of a forwarder's spool
    #[arg(long, env = "LOGTAP_SPOOL", value_name = "QUANTITY", value_parser = quantity)]
    spool: Option<Quantity>,
    /// Form of log lines
    #[arg(long, env = "LOGTAP_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged: a level, or levels by module
    #[arg(long, env = "LOGTAP_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// Forms of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NativeArg {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PodSecurityArg {
    Privileged,
    Baseline,
    Restricted,
}

/// A flag whose value only turns out to be unusable when it is used.
#[derive(Debug, thiserror::Error)]
#[error("--target-ca: cannot read {}: {source}", path.display())]
pub struct TargetCaError {
    path: PathBuf,
    source: std::io::Error,
}

impl Args {
    /// What holds for every pod. The mode is that of a server that nothing is known of.
    ///
    /// # Errors
    /// If the file with the target's certificates cannot be read.
    pub fn config(&self) -> Result<Config, TargetCaError> {
        let usual = Config::default();
        let read =
            |path: &PathBuf| fs::read_to_string(path).map_err(|source| TargetCaError { path: path.clone(), source });
        let target = match &self.target {
            None => None,
            Some(url) => Some(DefaultTarget {
                url: url.clone(),
                by_address: self.target_by_address.clone(),
                ca: self.target_ca.as_ref().map(read).transpose()?,
            }),
        };
        let or = |given: &Option<Quantity>, usual: Quantity| given.clone().unwrap_or(usual);
        // An empty variable is a list with one empty name.
        let named = |all: &[String]| all.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
        let system = SYSTEM_NAMESPACES.iter().map(|name| (*name).to_owned());
        Ok(Config {
            own_namespace: self.namespace.clone(),
            excluded_namespaces: system.chain(named(&self.exclude_namespaces)).collect(),
            image: self.forwarder_image.clone().unwrap_or(usual.image),
            allow_image_annotation: self.allow_image_annotation,
            pull_secrets: named(&self.pull_secrets),
            mode: self.mode("", ""),
            target,
            node_log_dir: self.node_log_dir.clone(),
            pod_security: match self.pod_security {
                PodSecurityArg::Privileged => PodSecurity::Privileged,
                PodSecurityArg::Baseline => PodSecurity::Baseline,
                PodSecurityArg::Restricted => PodSecurity::Restricted,
            },
            prod_labels: if self.prod_labels.is_empty() { usual.prod_labels } else { self.prod_labels.clone() },
            resources: ResourceDefaults {
                cpu_request: or(&self.cpu_request, usual.resources.cpu_request),
                guaranteed_cpu: or(&self.guaranteed_cpu, usual.resources.guaranteed_cpu),
                memory_request: or(&self.memory_request, usual.resources.memory_request),
                memory_limit: or(&self.memory_limit, usual.resources.memory_limit),
            },
            spool: or(&self.spool, usual.spool),
        })
    }

    /// The kind of sidecar for an API server of this version.
    #[must_use]
    pub fn mode(&self, major: &str, minor: &str) -> Mode {
        let native = match self.native_sidecars {
            NativeArg::Auto => NativeSidecars::Auto,
            NativeArg::Always => NativeSidecars::Always,
            NativeArg::Never => NativeSidecars::Never,
        };
        native.mode(major, minor)
    }

    /// Names that the certificate is made out to.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let name = format!("{}.{}.svc", self.service, self.namespace);
        vec![name.clone(), format!("{name}.cluster.local")]
    }

    /// Lives of certificates, and the waits that go with them.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::new(self.ca_lifetime, self.leaf_lifetime)
    }

    /// How long to go on serving after the first signal.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).map_err(|error| error.to_string())
}

fn quantity(text: &str) -> Result<Quantity, String> {
    Quantity::parse(text).ok_or_else(|| "write a quantity such as 10m or 64Mi".to_owned())
}

/// A time such as `90d`, `24h`, `30m` or `60s`. What is shorter than [`SHORTEST`] would expire between looks.
fn lifetime(text: &str) -> Result<Duration, String> {
    let units = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let read = || {
        let unit = text.chars().last()?;
        let (_, seconds) = units.into_iter().find(|(name, _)| *name == unit)?;
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds).map(Duration::from_secs).filter(|time| (SHORTEST..=LONGEST).contains(time))
    };
    read().ok_or_else(|| "write a time from 30s to 3650d, such as 90d, 24h or 30m".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_hang_together() {
        Args::command().debug_assert();
        let args = Args::parse_from(["logtap-webhook"]);
        assert_eq!((args.port, args.health_port), (10250, 9990));
        assert_eq!(args.names(), ["logtap-webhook.logtap.svc", "logtap-webhook.logtap.svc.cluster.local"]);
        let config = args.config().unwrap();
        assert!(config.excludes("logtap") && config.excludes("kube-system") && config.target.is_none());
        assert_eq!(config.prod_labels, Config::default().prod_labels);
        let (policy, usual) = (args.policy(), Policy::default());
        assert_eq!((policy.authority_life, policy.leaf_life), (usual.authority_life, usual.leaf_life));
        assert_eq!((policy.settle, policy.look()), (Duration::from_secs(300), Duration::from_secs(30)));
    }

    #[test]
    fn lives_of_certificates_are_read_with_their_unit() {
        let read = |text| lifetime(text).map(|time| time.as_secs());
        assert_eq!([read("30s"), read("10m"), read("24h"), read("90d")], [Ok(30), Ok(600), Ok(86_400), Ok(7_776_000)]);
        for bad in ["", "h", "24", "24 h", "1w", "-1h", "29s", "3651d", "99999999999999999999d"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn flags_become_the_configuration() {
        let args = Args::parse_from([
            "logtap-webhook",
            "--target=http://receiver:3100",
            "--exclude-namespace=bank,",
            "--prod-label=tier=live",
            "--native-sidecars=never",
            "--memory-limit=128Mi",
            "--pull-secret=",
        ]);
        let config = args.config().unwrap();
        assert!(config.excludes("bank") && !config.excludes("") && config.pull_secrets.is_empty());
        assert_eq!(config.prod_labels, [("tier".to_owned(), "live".to_owned())]);
        assert_eq!((config.mode, config.resources.memory_limit.as_str()), (Mode::Container, "128Mi"));
        assert!(Args::try_parse_from(["logtap-webhook", "--target=ftp://x"]).is_err());
        assert!(Args::try_parse_from(["logtap-webhook", "--target-by-address=http://10.0.0.1"]).is_err());
    }

    #[test]
    fn no_variable_is_one_that_a_service_makes() {
        for variable in Args::command().get_arguments().filter_map(|one| one.get_env()?.to_str().map(str::to_owned)) {
            for service in ["LOGTAP_", "LOGTAP_WEBHOOK_"] {
                let rest = variable.strip_prefix(service).unwrap_or_default();
                let made = ["PORT", "SERVICE_HOST", "SERVICE_PORT"];
                assert!(!made.contains(&rest) && !rest.starts_with("PORT_"), "{variable}");
            }
        }
    }
}
