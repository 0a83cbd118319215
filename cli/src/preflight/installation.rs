//! What is installed: the webhook or the policy, whether it can serve, and what it does for whom.

use logtap_inject::vocabulary::{label, object};
use serde_json::Value;

use super::{Check, State};
use crate::cluster::resource::{
    CLUSTER_ROLE_BINDING, DEPLOYMENT, ENDPOINT_SLICE, POLICY, WEBHOOK_CONFIGURATION, label as label_of, text,
};
use crate::cluster::{Cluster, ClusterError};
use crate::error::CliError;

/// What an admin has to do where nothing is installed.
pub(crate) const INSTALL: &str = "a cluster admin runs: logtap install";

/// How forwarders get into pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing does.
    None,
    /// The admission webhook.
    Webhook,
    /// A MutatingAdmissionPolicy.
    Policy,
    /// The person may not see.
    Unknown,
}

/// What is installed in a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    /// How forwarders get into pods.
    pub(crate) mode: Mode,
    /// Namespace of the webhook.
    pub(crate) namespace: String,
    /// Whether somebody gives forwarders the right to read logs; `None` where that cannot be seen.
    pub(crate) grants: Option<bool>,
    /// The Deployment of the webhook, as far as it can be seen.
    pub(crate) deployment: Option<Value>,
    configuration: Option<Value>,
}

/// Looks at what is installed.
///
/// # Errors
/// If the cluster cannot be asked. What the person may not see is no error.
pub(crate) fn installation(cluster: &Cluster) -> Result<Installation, CliError> {
    let seen = |result: Result<Option<Value>, ClusterError>| match result {
        Err(error) if error.is_denied() => Ok((None, true)),
        Err(error) => Err(error.while_doing("looking for what is installed")),
        Ok(found) => Ok((found, false)),
    };
    let (configuration, denied) = seen(cluster.get(WEBHOOK_CONFIGURATION, "", object::CONFIGURATION))?;
    let (policy, _) = seen(cluster.get(POLICY, "", object::PODS_BY_ANNOTATION))?;
    let mode = match (&configuration, &policy) {
        (Some(_), _) => Mode::Webhook,
        (None, Some(_)) => Mode::Policy,
        (None, None) if denied => Mode::Unknown,
        (None, None) => Mode::None,
    };
    let service =
        configuration.as_ref().and_then(|found| found["webhooks"][0]["clientConfig"]["service"]["namespace"].as_str());
    let namespace = service.unwrap_or(object::NAMESPACE).to_owned();
    let grants = match mode {
        Mode::Policy | Mode::None => Some(false),
        Mode::Webhook | Mode::Unknown => match cluster.get(CLUSTER_ROLE_BINDING, "", object::GRANTER) {
            Ok(found) => Some(found.is_some()),
            Err(error) if error.is_denied() => None,
            Err(error) => return Err(error.into()),
        },
    };
    let (deployment, _) = seen(cluster.get(DEPLOYMENT, &namespace, object::WEBHOOK))?;
    Ok(Installation { mode, namespace, grants, deployment, configuration })
}

impl Installation {
    /// The value of a variable of the webhook.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let containers = self.deployment.as_ref()?["spec"]["template"]["spec"]["containers"].as_array()?;
        let variables = containers.iter().filter_map(|one| one["env"].as_array()).flatten();
        variables.into_iter().find(|one| one["name"] == name)?["value"].as_str().filter(|value| !value.is_empty())
    }

    /// Whether what is installed is there, of this version, and can serve.
    ///
    /// # Errors
    /// If the cluster cannot be asked.
    pub(crate) fn checks(&self, cluster: &Cluster) -> Result<Vec<Check>, CliError> {
        let name = "installed";
        Ok(match self.mode {
            Mode::None => {
                vec![Check::new(name, State::Failed, "logtap is not installed in this cluster").hint(INSTALL)]
            }
            Mode::Unknown => {
                vec![Check::new(name, State::NotChecked, "you may not read mutatingwebhookconfigurations")]
            }
            Mode::Policy => vec![Check::new(name, State::Ok, "a MutatingAdmissionPolicy adds forwarders")],
            Mode::Webhook => {
                let found = format!("the webhook adds forwarders, from namespace {}", self.namespace);
                let mut all = vec![Check::new(name, State::Ok, found), self.bundle(), self.serving(cluster)?];
                all.extend(self.version());
                all
            }
        })
    }

    fn bundle(&self) -> Check {
        let entries = self.configuration.iter().filter_map(|found| found["webhooks"].as_array()).flatten();
        let missing: Vec<&str> = entries
            .filter(|entry| entry["clientConfig"]["caBundle"].as_str().unwrap_or_default().is_empty())
            .filter_map(|entry| entry["name"].as_str())
            .collect();
        if missing.is_empty() {
            return Check::new("certificate", State::Ok, "the API server has the webhook's certificate authority");
        }
        let why = format!("the API server has no certificate authority for {}", missing.join(", "));
        Check::new("certificate", State::Failed, why).hint(format!(
            "the webhook's own log says why: kubectl logs -n {} deployment/{}",
            self.namespace,
            object::WEBHOOK
        ))
    }

    fn serving(&self, cluster: &Cluster) -> Result<Check, CliError> {
        let labels = format!("kubernetes.io/service-name={}", object::WEBHOOK);
        let slices = match cluster.list(ENDPOINT_SLICE, &self.namespace, &labels) {
            Ok(slices) => slices,
            Err(error) if error.is_denied() => {
                let why = format!("you may not read endpointslices in namespace {}", self.namespace);
                return Ok(Check::new("serving", State::NotChecked, why));
            }
            Err(error) => return Err(error.into()),
        };
        let endpoints = slices.iter().filter_map(|slice| slice["endpoints"].as_array()).flatten();
        let ready = endpoints.filter(|one| one["conditions"]["ready"] == true).count();
        Ok(if ready > 0 {
            Check::new("serving", State::Ok, format!("{ready} of the webhook's pods serve"))
        } else {
            Check::new("serving", State::Failed, "none of the webhook's pods serves: pods start without a forwarder")
                .hint(format!("kubectl get pods -n {} -l app.kubernetes.io/name={}", self.namespace, object::WEBHOOK))
        })
    }

    /// One minor version of skew is supported.
    fn version(&self) -> Option<Check> {
        let image = self.deployment.as_ref()?["spec"]["template"]["spec"]["containers"][0]["image"].as_str()?;
        let tag = image.rsplit('/').next()?.split_once(':')?.1;
        let own = env!("CARGO_PKG_VERSION");
        let minor = |version: &str| {
            let mut parts = version.split(['.', '-']).map(|part| part.parse::<i64>().ok());
            Some((parts.next()??, parts.next()??))
        };
        let near = match (minor(tag), minor(own)) {
            (Some((theirs, their_minor)), Some((ours, our_minor))) => {
                theirs == ours && (their_minor - our_minor).abs() <= 1
            }
            _ => true,
        };
        (!near).then(|| {
            let why =
                format!("the webhook is of version {tag}, this program of {own}; they may be one minor version apart");
            Check::new("version", State::Warning, why)
                .hint("use the same version of both: logtap install upgrades the webhook")
        })
    }
}

/// Whether an object is one that logtap installed.
pub(crate) fn is_ours(object: &Value) -> bool {
    label_of(object, label::PART_OF) == Some(label::PART_OF_LOGTAP) && !text(object, "name").is_empty()
}
