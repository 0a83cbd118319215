//! Service meshes: their proxies take the sidecar's connections over, so the ports that it needs are
//! named in the mesh's own annotation of ports to leave alone.
//!
//! Only the pod template's annotations are written, and what the user has in them stays: the ports
//! are added to the list.

use logtap_inject::tap::Annotations;
use serde_json::Value;

use crate::cluster::resource::{annotation, label};

/// Port of the API server's Service.
const API_PORT: u16 = 443;

/// A mesh and its list of ports to leave alone. Istio documents
/// `traffic.sidecar.istio.io/excludeOutboundPorts`, Linkerd `config.linkerd.io/skip-outbound-ports`.
const MESHES: [(&str, &str); 2] =
    [("Istio", "traffic.sidecar.istio.io/excludeOutboundPorts"), ("Linkerd", "config.linkerd.io/skip-outbound-ports")];

/// Annotations that lead the forwarder round the meshes of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bypass {
    /// To be written beside the switch.
    pub(crate) annotations: Annotations,
    /// One sentence each.
    pub(crate) reasons: Vec<String>,
}

/// Names of the meshes that inject into pods of this template in this namespace.
pub(crate) fn meshes(template: &Value, namespace: &Value) -> Vec<&'static str> {
    let pod = |key: &str| annotation(template, key).or_else(|| label(template, key));
    let istio_off = pod("sidecar.istio.io/inject") == Some("false");
    let istio_on = pod("sidecar.istio.io/inject") == Some("true")
        || pod("istio.io/rev").is_some()
        || label(namespace, "istio-injection") == Some("enabled")
        || label(namespace, "istio.io/rev").is_some();
    let linkerd = pod("linkerd.io/inject").or_else(|| annotation(namespace, "linkerd.io/inject"));
    let found = [(istio_on && !istio_off, MESHES[0].0), (matches!(linkerd, Some("enabled" | "ingress")), MESHES[1].0)];
    found.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
}

/// What to write so that the forwarder reaches the API server and `target` past the meshes.
pub(crate) fn bypass(template: &Value, namespace: &Value, target: Option<&str>) -> Bypass {
    let mut bypass = Bypass::default();
    let found = meshes(template, namespace);
    for (name, key) in MESHES.into_iter().filter(|(name, _)| found.contains(name)) {
        let written = annotation(template, key).unwrap_or_default();
        let mut ports: Vec<String> =
            written.split(',').map(str::trim).filter(|port| !port.is_empty()).map(str::to_owned).collect();
        for port in [Some(API_PORT), target.and_then(port)].into_iter().flatten() {
            let port = port.to_string();
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        bypass.annotations.insert(key.to_owned(), ports.join(","));
        bypass.reasons.push(format!("{name} takes connections of the pod over: {key} lets the forwarder's pass"));
    }
    bypass
}

/// The port of a URL.
fn port(url: &str) -> Option<u16> {
    let uri: http::Uri = url.parse().ok()?;
    uri.port_u16().or(Some(if uri.scheme_str() == Some("https") { 443 } else { 80 }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_are_added_to_what_the_user_has() {
        let key = "traffic.sidecar.istio.io/excludeOutboundPorts";
        let namespace = json!({ "metadata": { "labels": { "istio-injection": "enabled" } } });
        let template = json!({ "metadata": { "annotations": { key: "5432, 443" } } });
        let found = bypass(&template, &namespace, Some("http://recv:3100"));
        assert_eq!(found.annotations[key], "5432,443,3100");
        let again = json!({ "metadata": { "annotations": { key: found.annotations[key] } } });
        assert_eq!(bypass(&again, &namespace, Some("http://recv:3100")).annotations, found.annotations);
    }

    #[test]
    fn each_mesh_is_seen_where_it_is_asked_for() {
        let none = json!({});
        let annotated = |key: &str, value: &str| json!({ "metadata": { "annotations": { key: value } } });
        assert_eq!(meshes(&none, &none), Vec::<&str>::new());
        assert_eq!(meshes(&annotated("linkerd.io/inject", "enabled"), &none), ["Linkerd"]);
        assert_eq!(
            meshes(&annotated("linkerd.io/inject", "disabled"), &annotated("linkerd.io/inject", "enabled")),
            Vec::<&str>::new()
        );
        let istio = json!({ "metadata": { "labels": { "sidecar.istio.io/inject": "true" } } });
        assert_eq!(meshes(&istio, &none), ["Istio"]);
        let enabled = json!({ "metadata": { "labels": { "istio-injection": "enabled" } } });
        assert_eq!(meshes(&annotated("sidecar.istio.io/inject", "false"), &enabled), Vec::<&str>::new());
    }
}
