//! Pods of odd shapes, and requests that are no creation of a pod.

use logtap_cluster_tests::{Namespace, Space, in_force, kubectl};
use serde_json::{Value, json};

use crate::{all, all_in, annotated, asking, pod, saying, with};

const SAFE: &str = "cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes";

fn enabled() -> Space {
    Space::quiet().label("logtap.io/tap", "enabled")
}

/// A namespace of its own under the usual configuration.
fn space(what: &str) -> Namespace {
    in_force();
    let namespace = Namespace::new(what, "privileged");
    kubectl(&["label", "namespace", namespace.name(), "test.logtap.io/config=usual"], "").unwrap();
    namespace
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_025_policy_other_kinds() {
    let namespace = space("kinds");
    let template = with(pod(), "/metadata/name", Value::Null);
    let spec = json!({ "selector": { "matchLabels": { "app": "api" } }, "template": template });
    let deployment =
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": pod()["metadata"], "spec": spec });
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": pod()["metadata"] });
    for object in [deployment, map] {
        let text =
            namespace.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &object.to_string()).unwrap();
        assert!(!text.contains("logtap-forwarder"), "{text}");
    }
}

/// An untapped pod that waits for ever.
fn gated(namespace: &Namespace) -> Value {
    let gated = with(saying(None), "/spec/schedulingGates", json!([{ "name": "test.logtap.io/wait" }]));
    let mut gated = with(gated, "/metadata/name", json!("gated"));
    (gated["apiVersion"], gated["kind"]) = (json!("v1"), json!("Pod"));
    namespace.create(&gated);
    gated
}

/// What would come of a change to it.
fn patched(namespace: &Namespace, args: &[&str], patch: &Value) -> String {
    let text = patch.to_string();
    let all = ["patch", "pod", "gated", "--dry-run=server", "-o", "json", "-p", &text];
    namespace.kubectl(&[&all[..], args].concat(), "").unwrap()
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_026_policy_other_operations() {
    let namespace = space("updates");
    let gated = gated(&namespace);
    let tapped = json!({ "metadata": { "annotations": { "logtap.io/tap": "true" } } });
    assert!(!patched(&namespace, &[], &tapped).contains("logtap-forwarder"));
    // Created like that, it is injected.
    let fresh = with(gated, "/metadata/name", json!("fresh"));
    let fresh = with(fresh, "/metadata/annotations", tapped["metadata"]["annotations"].clone());
    let text = namespace.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &fresh.to_string()).unwrap();
    assert!(text.contains("logtap-forwarder"));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_028_policy_subresources() {
    let namespace = space("parts");
    let _untapped = gated(&namespace);
    namespace.kubectl(&["annotate", "pod", "gated", "logtap.io/tap=true"], "").unwrap();
    let status = json!({ "status": { "message": "m" } });
    assert!(!patched(&namespace, &["--subresource", "status"], &status).contains("logtap-forwarder"));
    let debug = json!({ "spec": { "ephemeralContainers": [{ "name": "debug", "image": "busybox" }] } });
    let text = patched(&namespace, &["--subresource", "ephemeralcontainers"], &debug);
    assert!(text.contains("debug") && !text.contains("logtap-forwarder"));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_041_policy_no_annotations() {
    for annotations in [json!({}), Value::Null] {
        let found = all_in(&enabled(), "injected", [with(pod(), "/metadata/annotations", annotations)]);
        assert_eq!(found[0].after["metadata"]["annotations"].as_object().unwrap().len(), 2);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_042_policy_labels_are_untouched() {
    let found = all("injected", [with(pod(), "/metadata/labels", Value::Null), pod()]);
    assert!(found.iter().all(|one| one.before["metadata"]["labels"] == one.after["metadata"]["labels"]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_043_policy_no_volumes() {
    let bare = with(pod(), "/spec/automountServiceAccountToken", json!(false));
    let found = all("injected", [with(bare.clone(), "/spec/volumes", json!([])), bare]);
    assert!(found.iter().all(|one| one.before["spec"].get("volumes").is_none()));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_044_policy_no_init_containers() {
    all("injected", [json!([]), Value::Null].map(|none| with(pod(), "/spec/initContainers", none)));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_045_policy_no_containers() {
    let namespace = space("empty");
    for none in [json!([]), Value::Null] {
        let mut pod = with(pod(), "/spec/containers", none);
        (pod["apiVersion"], pod["kind"]) = (json!("v1"), json!("Pod"));
        let complaint = namespace.kubectl(&["create", "--dry-run=server", "-f", "-"], &pod.to_string()).unwrap_err();
        assert!(complaint.contains("spec.containers") && !complaint.contains("logtap"), "{complaint}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_046_policy_generate_name_only() {
    let mut pod = with(pod(), "/metadata/generateName", json!("api-7d9f-"));
    pod["metadata"].as_object_mut().unwrap().remove("name");
    all("injected", [pod]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_047_policy_namespace_only_in_the_request() {
    let namespace = space("request");
    let path = format!("/api/v1/namespaces/{}/pods?dryRun=All", namespace.name());
    let mut pod = pod();
    (pod["apiVersion"], pod["kind"]) = (json!("v1"), json!("Pod"));
    let text = kubectl(&["create", "--raw", &path, "-f", "-"], &pod.to_string()).unwrap();
    assert!(text.contains("logtap-forwarder"), "{text}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_049_policy_slashes_and_tildes_in_keys() {
    let pod = with(pod(), "/metadata/annotations/example.com~1a", json!("~1/~0"));
    all("injected", [with(pod, "/metadata/annotations/x~1y_z.w", json!("/"))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_050_policy_status_replaces_only_itself() {
    let found = all("injected", [annotated("status", "old"), asking(annotated("status", ""), &[("before", "kept")])]);
    assert_eq!(found[1].after["metadata"]["annotations"]["logtap.io/before"], "kept");
    let lists = ["", " ", "data", "data, logtap-state", "logtap-state", "data,", ",", "logtap-state,data"];
    all("injected", lists.map(|list| with(pod(), &format!("/metadata/annotations/{SAFE}"), json!(list))));
    // What there is no room for is left out rather than the pod refused.
    let room = |size: usize| with(pod(), "/metadata/annotations/big", json!("x".repeat(size)));
    let found = all("injected", [room((256 << 10) - 40), room((256 << 10) - 400), room(200_000)]);
    let has = |at: usize| found[at].after["metadata"]["annotations"].get("logtap.io/status").is_some();
    assert_eq!([has(0), has(1), has(2)], [false, true, true]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_052_policy_other_native_sidecars_stay_native() {
    let mesh = json!([{ "name": "mesh", "image": "m", "restartPolicy": "Always" }, { "name": "init", "image": "i" }]);
    all("injected", [with(pod(), "/spec/initContainers", mesh)]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_053_policy_huge_pod() {
    let env: Vec<Value> =
        (0..32).map(|at| json!({ "name": format!("VARIABLE_{at}"), "value": "v".repeat(100) })).collect();
    let containers = |most: usize, env: &[Value]| -> Value {
        (0..most).map(|at| json!({ "name": format!("app-{at}"), "image": "app", "env": env })).collect()
    };
    // The API server counts the cost of expressions and gives up at a limit.
    let many: Vec<String> = (0..700).map(|at| format!("other-{at}")).collect();
    let huge = with(pod(), "/spec/containers", containers(64, &env));
    let filtered = asking(huge.clone(), &[("exclude-containers", &many.join(","))]);
    let more = with(pod(), "/spec/containers", containers(400, &[]));
    all("injected", [huge, filtered, more]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_054_policy_odd_text_is_escaped() {
    let text = "\"quoted\" \\back\\ line\nbreak \ttab ünïcödé \u{1f980} ' $(X) ${Y} {{z}} \u{1}";
    let pod = with(pod(), "/metadata/annotations/odd", json!(text));
    let pod = with(pod, "/spec/containers/0/env", json!([{ "name": "ODD", "value": text }]));
    let owner =
        json!([{ "apiVersion": "v1", "kind": "Other", "name": text, "uid": "0f1c2d3e-0000-4000-8000-000000000001" }]);
    let owned = with(with(pod.clone(), "/metadata/labels", json!({})), "/metadata/ownerReferences", owner);
    let found = all("injected", [pod, owned]);
    assert_eq!(found[1].env("LOGTAP_APP").unwrap(), text.replace('$', "$$"));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_055_policy_numbers_survive() {
    let pod = with(pod(), "/spec/terminationGracePeriodSeconds", json!(9_007_199_254_740_993_i64));
    let amounts = json!({ "requests": { "cpu": "1e3m", "memory": "1e3" }, "limits": { "memory": "123456789123" } });
    let amounts = with(pod, "/spec/containers/0/resources", amounts.clone());
    let amounts = with(amounts, "/spec/containers/0/resources/requests/cpu", json!("0.1"));
    let found = all("injected", [with(amounts, "/spec/securityContext", json!({ "fsGroup": 2_147_483_647 }))]);
    assert_eq!(found[0].after["spec"]["terminationGracePeriodSeconds"], json!(9_007_199_254_740_993_i64));
}
