//! Pods of every kind: what their spec asks for stays, and the sidecar fits in.

use logtap_cluster_tests::{Outcome, Space};
use serde_json::{Value, json};

use crate::{all, all_in, annotated, asking, pod, with};

fn having(resources: Value) -> Value {
    with(pod(), "/spec/containers/0/resources", resources)
}

fn class(pod: &Value) -> &Value {
    &pod["status"]["qosClass"]
}

/// The API server's own word for how a pod is treated.
#[track_caller]
fn same_class(found: &[Outcome], class_of_all: Option<&str>) {
    for one in found {
        assert_eq!(class(&one.before), class(&one.after), "{:#}", one.before);
        assert!(class_of_all.is_none_or(|expected| class(&one.before) == expected), "{:#}", one.before);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_056_policy_pod_level_resources() {
    let levels = [
        json!({ "limits": { "cpu": "1" } }),
        json!({ "requests": { "memory": "1Gi" } }),
        json!({ "limits": { "cpu": "1", "memory": "1Gi" } }),
    ];
    let pods = levels.map(|level| asking(with(pod(), "/spec/resources", level), &[("cpu-limit", "1")]));
    let storage = json!({ "limits": { "ephemeral-storage": "1Gi" } });
    let limited = with(
        with(pod(), "/spec/resources", json!({ "limits": { "cpu": "1" } })),
        "/spec/containers/0/resources",
        storage,
    );
    let found = all("injected", pods.into_iter().chain([limited, with(pod(), "/spec/resources", json!({}))]));
    same_class(&found, None);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_057_policy_qos_class_stays() {
    let burstable = [
        json!({ "requests": { "cpu": "1" } }),
        json!({ "limits": { "memory": "1Gi" } }),
        json!({ "limits": { "cpu": "1" } }),
        json!({ "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "cpu": "2", "memory": "1Gi" } }),
        json!({ "requests": { "cpu": "0" }, "limits": { "cpu": "1", "memory": "1Gi" } }),
        json!({ "requests": { "cpu": "0", "memory": "1Gi" }, "limits": { "cpu": "0", "memory": "1Gi" } }),
    ];
    same_class(&all("injected", burstable.map(having)), Some("Burstable"));
    let guaranteed = [
        json!({ "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "cpu": "1000m", "memory": "1024Mi" } }),
        json!({ "limits": { "cpu": 2, "memory": "1Gi" } }),
    ];
    let full = having(guaranteed[0].clone());
    let two = with(
        full.clone(),
        "/spec/initContainers",
        json!([{ "name": "init", "image": "i", "resources": guaranteed[1] }]),
    );
    let asking_more = [
        asking(full.clone(), &[("cpu-request", "50m"), ("memory-limit", "32Mi")]),
        asking(full.clone(), &[("cpu-request", "50m"), ("cpu-limit", "70m")]),
    ];
    let found = all("injected", guaranteed.map(having).into_iter().chain([two]).chain(asking_more));
    same_class(&found, Some("Guaranteed"));
    let nothing = [
        json!({}),
        json!({ "requests": {} }),
        json!({ "limits": { "cpu": "0" } }),
        json!({ "requests": { "ephemeral-storage": "1Gi" } }),
    ];
    let found = all("injected", nothing.map(|nothing| asking(having(nothing), &[("cpu-request", "10m")])));
    same_class(&found, Some("BestEffort"));
    let mixed = with(full, "/spec/initContainers", json!([{ "name": "init", "image": "i" }]));
    let storage = having(json!({ "limits": { "ephemeral-storage": "1Gi" } }));
    let spools = ["64Mi", "100M", "1Gi", "3Ki", "1048577"].map(|spool| asking(storage.clone(), &[("spool", spool)]));
    same_class(&all("injected", spools.into_iter().chain([mixed])), None);
    same_class(&all_in(&Space::of("images"), "injected", [storage, pod()]), None);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_058_policy_security_contexts() {
    let contexts = [
        (json!({ "runAsUser": 0 }), true),
        (json!({ "runAsUser": 0, "runAsNonRoot": false }), true),
        (json!({ "runAsUser": 1000 }), false),
        (json!({ "runAsNonRoot": true }), false),
        (json!({ "fsGroup": 2000, "supplementalGroups": [1, 2] }), false),
        (json!({ "seLinuxOptions": { "level": "s0:c1" } }), false),
        (json!({}), false),
    ];
    let pods = contexts.iter().map(|(context, _)| {
        with(with(pod(), "/spec/securityContext", context.clone()), "/spec/hostUsers", json!(false))
    });
    for (outcome, (context, own)) in all("injected", pods).iter().zip(&contexts) {
        let user = outcome.forwarder().unwrap()["securityContext"].get("runAsUser");
        assert_eq!(user, own.then_some(&json!(65532)), "{context}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_059_policy_host_namespaces() {
    let fields = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"];
    all("injected", fields.map(|field| with(pod(), &format!("/spec/{field}"), json!(true))));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_060_policy_receiver_by_address_without_cluster_dns() {
    let none =
        with(with(pod(), "/spec/dnsPolicy", json!("None")), "/spec/dnsConfig", json!({ "nameservers": ["10.0.0.1"] }));
    let host = with(pod(), "/spec/hostNetwork", json!(true));
    let without = [with(pod(), "/spec/dnsPolicy", json!("Default")), none, host.clone()];
    for outcome in all_in(&Space::of("address"), "injected", without.clone()) {
        assert_eq!(outcome.env("LOGTAP_TARGET"), Some("http://10.0.0.7:3100"));
    }
    let with_dns = [pod(), with(host, "/spec/dnsPolicy", json!("ClusterFirstWithHostNet"))];
    for outcome in all_in(&Space::of("address"), "injected", with_dns) {
        assert_eq!(outcome.env("LOGTAP_TARGET"), Some("http://logtap.logtap.svc:3100"));
    }
    all("injected", without);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_061_policy_restart_policies_in_both_modes() {
    let pods = || ["Always", "OnFailure", "Never"].map(|policy| with(pod(), "/spec/restartPolicy", json!(policy)));
    assert!(all("injected", pods()).iter().all(|one| one.env("LOGTAP_MODE") == Some("native")));
    for outcome in all_in(&Space::of("container"), "injected", pods()) {
        assert_eq!(outcome.after["spec"]["containers"][1]["name"], "logtap-forwarder");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_062_policy_deadlines_and_grace_stay() {
    let before = with(pod(), "/spec/activeDeadlineSeconds", json!(30));
    all("injected", [with(before, "/spec/terminationGracePeriodSeconds", json!(0))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_063_policy_service_links() {
    all(
        "injected",
        [true, false].map(|links| with(annotated("session", "s1"), "/spec/enableServiceLinks", json!(links))),
    );
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_064_policy_pull_secrets() {
    let named = |names: &[&str]| json!(names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>());
    let table = [
        (named(&[]), named(&["pull", "more"])),
        (named(&["app"]), named(&["app", "pull", "more"])),
        (named(&["more", "app"]), named(&["more", "app", "pull"])),
        (named(&["more", "pull"]), named(&["more", "pull"])),
    ];
    let pods = || table.iter().map(|(before, _)| with(pod(), "/spec/imagePullSecrets", before.clone()));
    for (outcome, (_, after)) in all_in(&Space::of("secrets"), "injected", pods()).iter().zip(&table) {
        assert_eq!(&outcome.after["spec"]["imagePullSecrets"], after);
    }
    all("injected", pods());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_065_policy_scheduling_stays() {
    let spread =
        json!([{ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {} }]);
    let near =
        json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{ "topologyKey": "zone" }] } });
    let fields = [
        ("schedulingGates", json!([{ "name": "test.logtap.io/wait" }])),
        ("topologySpreadConstraints", spread),
        ("affinity", near),
        ("tolerations", json!([{ "operator": "Exists" }])),
    ];
    let whole = fields.iter().fold(pod(), |pod, (field, value)| with(pod, &format!("/spec/{field}"), value.clone()));
    all("injected", [whole]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_066_policy_token_without_automount() {
    let found = all("injected", [with(pod(), "/spec/automountServiceAccountToken", json!(false)), pod()]);
    assert_eq!(found[0].after["spec"]["volumes"].as_array().unwrap().len(), 2);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_068_policy_mounts_are_in_our_container_only() {
    let found = all("injected", [annotated("source", "node"), pod()]);
    assert!(found.iter().all(|one| !one.after["spec"]["containers"].to_string().contains("logtap-")));
}
