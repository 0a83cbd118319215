//! The webhook's entries before a real API server, which compiles their conditions.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use logtap_cluster_tests::kubectl;
use logtap_inject::vocabulary::object;
use logtap_inject::{Config, webhooks};
use serde_json::{Value, json};

/// What the API server makes of a configuration, without keeping it: other tests go on.
fn offer(entries: &[Value]) -> Result<Value, String> {
    let service = json!({ "namespace": object::NAMESPACE, "name": object::WEBHOOK, "path": object::MUTATE_PATH });
    let entries: Vec<Value> = entries
        .iter()
        .cloned()
        .map(|mut entry| {
            entry["clientConfig"] = json!({ "service": service });
            entry
        })
        .collect();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": object::CONFIGURATION },
        "webhooks": entries,
    });
    let text = kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &configuration.to_string())?;
    Ok(serde_json::from_str(&text).unwrap())
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn the_api_server_takes_the_entries_as_they_are() {
    let sent = webhooks(&Config::default());
    let kept = offer(&sent).unwrap();
    for (sent, kept) in sent.iter().zip(kept["webhooks"].as_array().unwrap()) {
        for (key, value) in sent.as_object().unwrap() {
            assert_eq!(&kept[key], value, "{key} of {}", sent["name"]);
        }
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn the_api_server_compiles_conditions() {
    let mut entries = webhooks(&Config::default());
    entries[0]["matchConditions"][0]["expression"] = "has(object.metadata.annotations".into();
    let complaint = offer(&entries).unwrap_err();
    assert!(complaint.contains("matchConditions"), "{complaint}");
}
