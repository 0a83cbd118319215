//! Receivers inside the cluster: Services that carry the receiver's name.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::resource::{SERVICE, text};
use crate::error::CliError;

/// Label of everything that makes up a receiver; logtap 1.x set the same.
const RECEIVER: &str = "app.kubernetes.io/name=logtap-receiver";

/// Services of receivers that the person can see: of all namespaces, or of `namespace` and of the
/// installation's where that is all they may list.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn in_cluster(cluster: &Cluster, installed: &str) -> Result<Vec<Value>, CliError> {
    match cluster.list(SERVICE, "", RECEIVER) {
        Ok(found) => return Ok(found),
        Err(error) if error.is_denied() => {}
        Err(error) => return Err(error.while_doing("looking for a receiver in the cluster")),
    }
    let mut all = Vec::new();
    let own = cluster.namespace();
    for namespace in [own, installed].iter().take(if own == installed { 1 } else { 2 }) {
        match cluster.list(SERVICE, namespace, RECEIVER) {
            Ok(found) => all.extend(found),
            Err(error) if error.is_denied() => {}
            Err(error) => return Err(error.while_doing("looking for a receiver in the cluster")),
        }
    }
    Ok(all)
}

/// Where forwarders reach a receiver's Service.
pub(crate) fn url(service: &Value) -> String {
    let port = service["spec"]["ports"][0]["port"].as_u64().unwrap_or(3100);
    format!("http://{}.{}.svc:{port}", text(service, "name"), text(service, "namespace"))
}
