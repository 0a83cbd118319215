//! The right to read logs that forwarders need: who gives it, and when it is taken back.

use logtap_inject::vocabulary::{label, object};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::resource::ROLE_BINDING;
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::preflight::Installation;

/// Value of the label by which a binding is known as the command line's.
pub(crate) const MANAGED_BY_CLI: &str = "logtap-cli";

/// Whether forwarders of a namespace may read logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grant {
    /// They may, or the webhook sees to it.
    Given,
    /// They may not, and an admin has to run this.
    Denied(String),
    /// Nobody could say; if they may not, an admin has to run this.
    Unsure(String),
}

impl Grant {
    /// Tells what an admin has to do, if anything.
    ///
    /// # Errors
    /// Where forwarders may not read logs.
    pub(crate) fn tell(&self, ui: &Ui) -> Result<(), CliError> {
        match self {
            Self::Given => Ok(()),
            Self::Unsure(command) => {
                ui.note(format_args!(
                    "you may not see whether the webhook lets forwarders read logs; if no lines arrive, a cluster admin runs: {command}"
                ));
                Ok(())
            }
            Self::Denied(command) => {
                let why =
                    "it is tapped, but forwarders may not read logs in this namespace yet, and you may not permit it";
                Err(CliError::new(Kind::Permission, why).hint(format!("a cluster admin runs: {command}")))
            }
        }
    }
}

/// Sees to it that forwarders of the namespace may read logs.
pub(crate) fn grant(cluster: &Cluster, installed: &Installation) -> Result<Grant, CliError> {
    let namespace = cluster.namespace();
    if installed.grants == Some(true) {
        return Ok(Grant::Given);
    }
    match cluster.get(ROLE_BINDING, namespace, object::FORWARDER_ROLE) {
        Ok(Some(_)) => return Ok(Grant::Given),
        Err(error) if !error.is_denied() => return Err(error.into()),
        Ok(None) | Err(_) => {}
    }
    match cluster.create(ROLE_BINDING, namespace, &binding(namespace), false) {
        Ok(_) => Ok(Grant::Given),
        Err(error) if error.is_conflict() => Ok(Grant::Given),
        Err(error) if error.is_denied() => {
            let role = object::FORWARDER_ROLE;
            let command = format!(
                "kubectl create rolebinding {role} -n {namespace} --clusterrole={role} --group=system:serviceaccounts:{namespace}"
            );
            Ok(if installed.grants.is_none() { Grant::Unsure(command) } else { Grant::Denied(command) })
        }
        Err(error) => Err(error.while_doing("permitting forwarders to read logs")),
    }
}

/// The binding as the webhook's granter makes it, under our own mark.
fn binding(namespace: &str) -> Value {
    let group = ROLE_BINDING.group;
    json!({
        "apiVersion": ROLE_BINDING.api_version(),
        "kind": ROLE_BINDING.kind,
        "metadata": {
            "name": object::FORWARDER_ROLE,
            "namespace": namespace,
            "labels": { label::PART_OF: label::PART_OF_LOGTAP, label::MANAGED_BY: MANAGED_BY_CLI },
        },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": object::FORWARDER_ROLE },
        "subjects": [{ "apiGroup": group, "kind": "Group", "name": format!("system:serviceaccounts:{namespace}") }],
    })
}

/// Takes back what [`grant`] gave, once nothing in the namespace is tapped any more.
pub(crate) fn withdraw(cluster: &Cluster, namespace: &str, ui: &Ui) -> Result<(), CliError> {
    let found = match cluster.get(ROLE_BINDING, namespace, object::FORWARDER_ROLE) {
        Ok(Some(found)) if found["metadata"]["labels"][label::MANAGED_BY] == MANAGED_BY_CLI => found,
        Ok(_) => return Ok(()),
        Err(error) if error.is_denied() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match cluster.delete(&found) {
        Err(error) if error.is_denied() => {
            ui.note(format_args!("forwarders may still read logs in namespace {namespace}; an admin runs: kubectl delete rolebinding {} -n {namespace}", object::FORWARDER_ROLE));
            Ok(())
        }
        other => Ok(other.map(drop)?),
    }
}
