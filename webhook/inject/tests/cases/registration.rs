//! What the API server is asked to send: the selectors by table.

use logtap_inject::webhooks;
use serde_json::{Value, json};

use crate::stage::config;

/// Label selectors as the API server evaluates them: In wants the label there, NotIn does not.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector["matchExpressions"].as_array().unwrap().iter().all(|one| {
        let listed =
            labels.get(one["key"].as_str().unwrap()).map(|label| one["values"].as_array().unwrap().contains(label));
        match one["operator"].as_str().unwrap() {
            "In" => listed == Some(true),
            "NotIn" => listed != Some(true),
            other => panic!("unknown operator {other}"),
        }
    })
}

/// Names of the entries for pods that a pod would be sent to; conditions aside.
fn sent(namespace: &str, tap: Option<&str>, pod_labels: &Value) -> Vec<String> {
    let mut labels = json!({ "kubernetes.io/metadata.name": namespace });
    if let Some(tap) = tap {
        labels["logtap.io/tap"] = json!(tap);
    }
    let all = webhooks(&config());
    let pods = all.iter().filter(|one| one["rules"][0]["resources"] == json!(["pods"]));
    pods.filter(|one| selects(&one["namespaceSelector"], &labels) && selects(&one["objectSelector"], pod_labels))
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn case_082_no_pod_matches_both() {
    let none = json!({});
    let table = [
        (None, &["pod.logtap.io"][..]),
        (Some("enabled"), &["ns.logtap.io"][..]),
        (Some("disabled"), &[][..]),
        (Some(""), &["pod.logtap.io"][..]),
        (Some("true"), &["pod.logtap.io"][..]),
        (Some("Enabled"), &["pod.logtap.io"][..]),
    ];
    for (tap, expected) in table {
        assert_eq!(sent("shop", tap, &none), expected, "{tap:?}");
        assert!(sent("shop", tap, &json!({ "app.kubernetes.io/part-of": "logtap" })).is_empty());
        for excluded in ["kube-system", "kube-public", "kube-node-lease", "logtap"] {
            assert!(sent(excluded, tap, &none).is_empty(), "{excluded}");
        }
    }
    let all = webhooks(&config());
    let by_annotation = all.iter().find(|one| one["name"] == "pod.logtap.io").unwrap();
    assert!(by_annotation["matchConditions"].to_string().contains("'logtap.io/tap' in object.metadata.annotations"));
}

#[test]
fn entries_never_stand_in_the_way() {
    let all = webhooks(&config());
    assert_eq!(all.len(), 3);
    for entry in &all {
        assert_eq!(entry["failurePolicy"], "Ignore");
        assert_eq!(entry["timeoutSeconds"], 3);
        assert_eq!(entry["sideEffects"], "None");
        assert_eq!(entry["reinvocationPolicy"], "IfNeeded");
        assert_eq!(entry["admissionReviewVersions"], json!(["v1"]));
        assert_eq!(entry["rules"].as_array().unwrap().len(), 1);
        let name = entry["name"].as_str().unwrap();
        assert!(name.split('.').count() >= 3, "{name} must be fully qualified");
        let (resource, operations) = (&entry["rules"][0]["resources"], &entry["rules"][0]["operations"]);
        if *resource == json!(["pods"]) {
            assert_eq!(operations, &json!(["CREATE"]));
            assert!(entry["matchConditions"].to_string().contains("kubernetes.io/config.mirror"));
        } else {
            assert_eq!((resource, operations), (&json!(["namespaces"]), &json!(["CREATE", "UPDATE"])));
            assert!(!selects(&entry["objectSelector"], &json!({ "kubernetes.io/metadata.name": "kube-system" })));
            assert!(selects(&entry["objectSelector"], &json!({ "kubernetes.io/metadata.name": "shop" })));
        }
    }
}
