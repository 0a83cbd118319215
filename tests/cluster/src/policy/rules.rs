//! The policies under test: one set for each configuration, bound to the namespaces that name it.

use std::sync::Once;

use logtap_inject::vocabulary::{annotation, label, object};
use logtap_inject::{Config, DefaultTarget, Mode, PodSecurity, Quantity, Target, policy};
use serde_json::{Value, json};

use crate::kubectl::{kubectl, until};

/// Label of a namespace: the configuration that its pods are decided by.
pub(super) const CONFIG_LABEL: &str = "test.logtap.io/config";
const CONFIGS: [&str; 6] = ["usual", "container", "images", "secrets", "address", "no-target"];
static IN_FORCE: Once = Once::new();

/// A configuration by name.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn config(name: &str) -> Config {
    let url = |url: &str| Target::parse(url).expect("a URL");
    let target = DefaultTarget { url: url("http://logtap.logtap.svc:3100"), by_address: None, ca: None };
    let usual = Config { target: Some(target.clone()), ..Config::default() };
    match name {
        "usual" => usual,
        "container" => Config { mode: Mode::Container, ..usual },
        "images" => Config { allow_image_annotation: true, spool: Quantity::bytes(100_000_000), ..usual },
        "secrets" => {
            let prod_labels = vec![("stage".to_owned(), "Live".to_owned())];
            Config { pull_secrets: vec!["pull".to_owned(), "more".to_owned()], prod_labels, ..usual }
        }
        "address" => {
            let ca = "-----BEGIN CERTIFICATE-----\n\"quoted\\\n-----END CERTIFICATE-----\n".to_owned();
            let target = DefaultTarget { by_address: Some(url("http://10.0.0.7:3100")), ca: Some(ca), ..target };
            let node_log_dir = "/data/pods".to_owned();
            Config { target: Some(target), pod_security: PodSecurity::Baseline, node_log_dir, ..usual }
        }
        "no-target" => Config { target: None, ..usual },
        other => panic!("no configuration is called {other}"),
    }
}

/// Applies all policies, once, and waits until each of them works.
///
/// # Panics
/// When one does not come to work.
pub fn in_force() {
    IN_FORCE.call_once(|| {
        let all: Vec<Value> = CONFIGS.into_iter().flat_map(scoped).collect();
        send(&["apply", "-f", "-"], &all);
        CONFIGS.into_iter().for_each(wait);
    });
}

/// The policies as they are, under names of their own, bound to namespaces with the label.
fn scoped(name: &str) -> Vec<Value> {
    let selector = json!({ "matchLabels": { CONFIG_LABEL: name } });
    let suffixed = |text: &Value| Value::from(format!("{}.{name}", text.as_str().unwrap_or_default()));
    policy(&config(name))
        .into_iter()
        .map(|mut one| {
            let narrowed =
                if one["metadata"]["name"] == object::MIRROR { "objectSelector" } else { "namespaceSelector" };
            one["metadata"]["name"] = suffixed(&one["metadata"]["name"]);
            if one["kind"] == "MutatingAdmissionPolicyBinding" {
                one["spec"]["policyName"] = suffixed(&one["spec"]["policyName"]);
                one["spec"]["matchResources"] = json!({ narrowed: selector });
            }
            one
        })
        .collect()
}

fn wait(name: &'static str) {
    let space = format!("test-policy-marker-{name}");
    let namespace = |annotations: Value| {
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": space, "labels": { CONFIG_LABEL: name }, "annotations": annotations },
        })
    };
    let spec = json!({ "containers": [{ "name": "app", "image": "app" }] });
    let pod = |annotations: Value| {
        let metadata = json!({ "name": "marker", "namespace": space, "annotations": annotations });
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
    };
    let injected = |pod: Value| {
        let text = kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &pod.to_string())?;
        if text.contains("logtap-forwarder") { Ok(()) } else { Err("it has no forwarder yet".to_owned()) }
    };
    let target = json!({ annotation::TAP: "true", annotation::TARGET: "http://r" });
    let tapped = namespace(target.clone());
    until("the policy of namespaces", || {
        let text = kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &tapped.to_string())?;
        let made: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mirrored = made["metadata"]["labels"][label::TAP] == label::ENABLED;
        if mirrored { Ok(()) } else { Err("it has no label yet".to_owned()) }
    });
    send(&["apply", "-f", "-"], &[namespace(json!({}))]);
    until("the policy by annotation", || injected(pod(target.clone())));
    send(&["apply", "-f", "-"], std::slice::from_ref(&tapped));
    until("the policy by namespace", || injected(pod(json!({}))));
    kubectl(&["delete", "namespace", &space, "--wait=false"], "").unwrap_or_default();
}

fn send(args: &[&str], items: &[Value]) {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    kubectl(args, &list.to_string()).unwrap_or_else(|complaint| panic!("the cluster refuses: {complaint}"));
}
