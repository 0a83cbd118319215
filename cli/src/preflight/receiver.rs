//! Where lines can go: receivers inside the cluster, which are Services that carry the receiver's name,
//! and what a person types.

use logtap_inject::Target;
use logtap_inject::vocabulary::{annotation, label, port};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::resource::{SERVICE, annotation as annotation_of, text};
use crate::error::CliError;

/// What a receiver's objects are selected by.
fn receivers() -> String {
    format!("{}={}", label::NAME, label::NAME_RECEIVER)
}

/// Services of receivers that the person can see: of all namespaces, or of `namespace` and of the
/// installation's where that is all they may list.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn in_cluster(cluster: &Cluster, installed: &str) -> Result<Vec<Value>, CliError> {
    match cluster.list(SERVICE, "", &receivers()) {
        Ok(found) => return Ok(found),
        Err(error) if error.is_denied() => {}
        Err(error) => return Err(error.while_doing("looking for a receiver in the cluster")),
    }
    let mut all = Vec::new();
    let own = cluster.namespace();
    for namespace in [own, installed].iter().take(if own == installed { 1 } else { 2 }) {
        match cluster.list(SERVICE, namespace, &receivers()) {
            Ok(found) => all.extend(found),
            Err(error) if error.is_denied() => {}
            Err(error) => return Err(error.while_doing("looking for a receiver in the cluster")),
        }
    }
    Ok(all)
}

/// Where forwarders reach a receiver's Service.
pub(crate) fn url(service: &Value) -> String {
    let scheme = if authority(service).is_some() { "https" } else { "http" };
    let port = service["spec"]["ports"][0]["port"].as_u64().unwrap_or(u64::from(port::RECEIVER));
    format!("{scheme}://{}.{}.svc:{port}", text(service, "name"), text(service, "namespace"))
}

/// The certificates (PEM) that sign a receiver's, where it speaks TLS.
pub(crate) fn authority(service: &Value) -> Option<&str> {
    annotation_of(service, annotation::TARGET_CA)
}

/// A target as people type it: a URL, or host and port as in 1.x.
///
/// # Errors
/// If forwarders could not use it.
pub(crate) fn target(text: &str) -> Result<String, CliError> {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Target::parse(&url)
        .map(|target| target.as_str().to_owned())
        .map_err(|error| CliError::usage(format!("--target {text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_1_x_need_no_scheme() {
        assert_eq!(target("recv:3100").unwrap(), "http://recv:3100");
        assert_eq!(target("https://recv").unwrap(), "https://recv");
        assert!(target("ftp://recv").is_err() && target("").is_err());
    }
}
