//! Who opts in, and what is never touched.

use logtap_cluster_tests::{Space, Table, kubectl};
use serde_json::{Value, json};

use crate::{all, all_in, annotated, asking, compare, pod, saying, with};

const TAP: &str = "logtap.io/tap";

fn enabled() -> Space {
    Space::quiet().label(TAP, "enabled")
}

fn affinity(key: &str, values: &[&str]) -> Value {
    let expression = json!({ "key": key, "operator": "In", "values": values });
    terms(&json!([{ "matchExpressions": [expression] }]))
}

fn terms(terms: &Value) -> Value {
    json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } })
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_029_policy_system_and_own_namespaces() {
    for name in ["kube-system", "kube-public", "kube-node-lease", "logtap"] {
        all_in(&Space::quiet().named(name), "excluded_namespace", [pod()]);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_030_policy_mirror_pods() {
    let mirror = with(pod(), "/metadata/annotations/kubernetes.io~1config.mirror", json!("0123abcd"));
    all("mirror_pod", [with(mirror, "/spec/nodeName", json!("node1"))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_031_policy_own_pods() {
    all("own_pod", [with(pod(), "/metadata/labels/app.kubernetes.io~1part-of", json!("logtap"))]);
    all("injected", [with(pod(), "/metadata/labels/app.kubernetes.io~1part-of", json!("shop"))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_032_policy_windows() {
    for class in ["windows-2022", "gvisor"] {
        let class = json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": class }, "handler": "runc" });
        kubectl(&["apply", "-f", "-"], &class.to_string()).unwrap();
    }
    let asking = [
        ("/spec/os", json!({ "name": "windows" })),
        ("/spec/nodeSelector", json!({ "kubernetes.io/os": "windows" })),
        ("/spec/nodeSelector", json!({ "beta.kubernetes.io/os": "windows" })),
        ("/spec/runtimeClassName", json!("windows-2022")),
        ("/spec/securityContext", json!({ "windowsOptions": { "runAsUserName": "u" } })),
        ("/spec/affinity", affinity("kubernetes.io/os", &["windows"])),
    ];
    all("windows", asking.map(|(field, value)| with(pod(), field, value)));
    let linux = [
        ("/spec/os", json!({ "name": "linux" })),
        ("/spec/nodeSelector", json!({ "kubernetes.io/os": "linux" })),
        ("/spec/affinity", affinity("kubernetes.io/os", &["linux", "windows"])),
        (
            "/spec/affinity",
            terms(&json!([
                { "matchExpressions": [{ "key": "kubernetes.io/os", "operator": "In", "values": ["windows"] }] },
                { "matchExpressions": [{ "key": "kubernetes.io/os", "operator": "Exists" }] },
            ])),
        ),
        (
            "/spec/affinity",
            terms(&json!([
                { "matchExpressions": [{ "key": "kubernetes.io/os", "operator": "NotIn", "values": ["windows"] }] },
            ])),
        ),
        ("/spec/tolerations", json!([{ "key": "os", "value": "windows" }])),
        ("/spec/runtimeClassName", json!("gvisor")),
    ];
    let settled = with(pod(), "/spec/os", json!({ "name": "linux" }));
    let settled = with(settled, "/spec/nodeSelector", json!({ "beta.kubernetes.io/os": "windows" }));
    all("injected", linux.map(|(field, value)| with(pod(), field, value)).into_iter().chain([settled]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_virtual_nodes_and_foreign_processors() {
    let asking = [
        ("/spec/nodeSelector", json!({ "type": "virtual-kubelet" })),
        ("/spec/nodeSelector", json!({ "kubernetes.io/role": "virtual-kubelet" })),
        ("/spec/affinity", affinity("eks.amazonaws.com/compute-type", &["fargate"])),
        ("/spec/schedulerName", json!("fargate-scheduler")),
        ("/spec/nodeName", json!("virtual-node-aci-linux")),
        ("/metadata/labels/eks.amazonaws.com~1fargate-profile", json!("")),
    ];
    all("virtual_node", asking.map(|(field, value)| with(pod(), field, value)));
    all("injected", [with(pod(), "/spec/tolerations", json!([{ "operator": "Exists" }]))]);
    let foreign = [
        ("/spec/nodeSelector", json!({ "kubernetes.io/arch": "s390x" })),
        ("/spec/affinity", affinity("kubernetes.io/arch", &["ppc64le", "s390x"])),
    ];
    all("foreign_processor", foreign.map(|(field, value)| with(pod(), field, value)));
    let ours = [
        ("/spec/nodeSelector", json!({ "kubernetes.io/arch": "arm64" })),
        ("/spec/affinity", affinity("kubernetes.io/arch", &["s390x", "amd64"])),
    ];
    all("injected", ours.map(|(field, value)| with(pod(), field, value)));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_033_policy_node_name_already_set() {
    all("injected", [with(pod(), "/spec/nodeName", json!("worker-1"))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_034_policy_namespace_on_pod_off() {
    all_in(&enabled(), "opted_out", [saying(Some("false"))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_035_policy_namespace_veto_beats_the_pod() {
    let spaces = [
        Space::quiet().label(TAP, "disabled"),
        Space::quiet().label(TAP, "false"),
        Space::quiet().annotation(TAP, "false"),
        Space::quiet().label(TAP, "disabled").annotation(TAP, "true"),
        Space::quiet().label(TAP, "enabled").annotation(TAP, " Disabled "),
    ];
    let table = spaces.iter().fold(Table::default(), |table, space| table.with(space, pod()).with(space, saying(None)));
    assert!(table.compare().iter().all(|one| one.decision == "namespace_veto" && one.forwarder().is_none()));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_036_policy_namespace_unset_pod_on() {
    all("injected", [saying(Some("true"))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_037_policy_namespace_on_pod_unset() {
    all_in(&enabled(), "injected", [saying(None)]);
    // The label is there too: a policy for namespaces sees to it.
    all_in(&Space::quiet().annotation(TAP, "true"), "injected", [saying(None)]);
    all("not_opted_in", [saying(None)]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_038_policy_table_of_values() {
    let on = ["true", "TRUE", " true ", "True\n", "enabled", "Enabled", "\u{a0}ENABLED\u{2003}"];
    all("injected", on.map(|word| saying(Some(word))));
    let off = ["false", "FALSE", " false ", "disabled", "Disabled"];
    all_in(&enabled(), "opted_out", off.map(|word| saying(Some(word))));
    let bad = ["1", "0", "yes", "no", "on", "off", "t", "truee", "enable", "true,false", "wahr"];
    all_in(&enabled(), "invalid_annotation", bad.map(|word| saying(Some(word))));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_039_policy_empty_value() {
    all_in(&enabled(), "invalid_annotation", [saying(Some(""))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_an_invalid_namespace_opts_nothing_in() {
    let spaces = [
        Space::quiet().annotation(TAP, "maybe"),
        Space::quiet().label(TAP, "maybe"),
        Space::quiet().label(TAP, "enabled").annotation(TAP, "maybe"),
    ];
    for space in spaces {
        all_in(&space, "injected", [saying(Some("true"))]);
        let left = compare(&space, [saying(None)]);
        assert!(left.iter().all(|one| one.forwarder().is_none()), "{space:?}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_production_is_guarded() {
    let prod = |key: &str, value: &str| enabled().label(key, value);
    for (key, value) in [("env", "prod"), ("env", "Production"), ("environment", "PROD"), ("logtap.io/prod", "true")] {
        let refused = [saying(None), pod(), annotated("allow-prod", "maybe"), annotated("allow-prod", "false")];
        all_in(&prod(key, value), "prod_namespace", refused);
        all_in(&prod(key, value), "injected", [annotated("allow-prod", " True ")]);
    }
    all_in(&prod("env", "staging"), "injected", [saying(None)]);
    let permitted = prod("env", "prod").annotation("logtap.io/allow-prod", "true");
    all_in(&permitted, "injected", [saying(None), annotated("allow-prod", "perhaps")]);
    all_in(&permitted, "prod_namespace", [annotated("allow-prod", "false")]);
    let own = |value: &str| Space::of("secrets").label("stage", value);
    all_in(&own("LIVE"), "prod_namespace", [pod()]);
    all_in(&own("test").label("env", "prod"), "injected", [asking(pod(), &[("session", "s")])]);
}
