//! What is never touched, whatever it says.

use logtap_inject::{Review, handle};
use serde_json::{Value, json};

use crate::stage::{config, create, pod, quiet, review, run, with};

fn skip(body: &Value, reason: &str) {
    run(body, Some(quiet()), &config()).skipped(reason);
}

#[test]
fn case_025_other_kinds() {
    for (group, kind) in [("apps", "Deployment"), ("", "Service"), ("example.com", "Pod"), ("", "pod")] {
        skip(&with(review(&pod()), "/request/kind", json!({ "group": group, "kind": kind })), "not_pod");
    }
    skip(&with(review(&pod()), "/request/kind", json!(null)), "not_pod");
}

#[test]
fn case_026_other_operations() {
    for operation in [json!("UPDATE"), json!("DELETE"), json!("CONNECT"), json!("create"), json!(null), json!(1)] {
        skip(&with(review(&pod()), "/request/operation", operation), "not_create");
    }
}

#[test]
fn case_027_delete_with_null_object() {
    let body = with(review(&json!(null)), "/request/operation", json!("DELETE"));
    skip(&with(body, "/request/oldObject", pod()), "not_create");
    skip(&review(&json!(null)), "malformed");
}

#[test]
fn case_028_subresources() {
    for part in ["ephemeralcontainers", "status", "binding", "resize", "eviction"] {
        skip(&with(review(&pod()), "/request/subResource", json!(part)), "subresource");
    }
    let body = with(review(&pod()), "/request/subResource", json!(""));
    run(&body, Some(quiet()), &config()).injected();
}

#[test]
fn case_029_system_and_own_namespaces() {
    for name in ["kube-system", "kube-public", "kube-node-lease", "logtap"] {
        skip(&with(review(&pod()), "/request/namespace", json!(name)), "excluded_namespace");
        // What the object claims does not matter.
        let lying = with(pod(), "/metadata/namespace", json!("shop"));
        skip(&with(review(&lying), "/request/namespace", json!(name)), "excluded_namespace");
    }
    let mut elsewhere = config();
    elsewhere.own_namespace = "tools".to_owned();
    let body = |name: &str| with(review(&pod()), "/request/namespace", json!(name));
    run(&body("tools"), Some(quiet()), &elsewhere).skipped("excluded_namespace");
    run(&body("logtap"), Some(quiet()), &elsewhere).injected();
}

#[test]
fn case_030_mirror_pods() {
    for value in [json!("0123abcd"), json!("")] {
        create(&with(pod(), "/metadata/annotations/kubernetes.io~1config.mirror", value)).skipped("mirror_pod");
    }
}

#[test]
fn case_031_own_pods() {
    create(&with(pod(), "/metadata/labels/app.kubernetes.io~1part-of", json!("logtap"))).skipped("own_pod");
    create(&with(pod(), "/metadata/labels/app.kubernetes.io~1part-of", json!("shop"))).injected();
}

#[test]
fn case_032_windows() {
    let affinity = |values: Value| {
        json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": "kubernetes.io/os", "operator": "In", "values": values }] },
        ] } } })
    };
    let asking = [
        ("/spec/os", json!({ "name": "windows" })),
        ("/spec/nodeSelector", json!({ "kubernetes.io/os": "windows" })),
        ("/spec/nodeSelector", json!({ "beta.kubernetes.io/os": "windows" })),
        ("/spec/runtimeClassName", json!("windows-2022")),
        ("/spec/securityContext", json!({ "windowsOptions": { "hostProcess": true } })),
        ("/spec/affinity", affinity(json!(["windows"]))),
    ];
    for (field, value) in asking {
        let outcome = create(&with(pod(), field, value));
        outcome.skipped("windows");
        assert!(outcome.warned(&["Windows", &field[1..].replace('/', ".")]), "{:?}", outcome.warnings);
    }
    let others = [
        ("/spec/os", json!({ "name": "linux" })),
        ("/spec/nodeSelector", json!({ "kubernetes.io/os": "linux" })),
        ("/spec/affinity", affinity(json!(["linux", "windows"]))),
        ("/spec/tolerations", json!([{ "key": "os", "value": "windows" }])),
        ("/spec/runtimeClassName", json!("gvisor")),
    ];
    for (field, value) in others {
        create(&with(pod(), field, value)).injected();
    }
}

#[test]
fn case_033_node_name_already_set() {
    create(&with(pod(), "/spec/nodeName", json!("worker-1"))).injected();
}

#[test]
fn virtual_nodes_are_left_out() {
    let asking = [
        ("/spec/nodeSelector", json!({ "type": "virtual-kubelet" })),
        ("/spec/nodeSelector", json!({ "eks.amazonaws.com/compute-type": "fargate" })),
        ("/spec/schedulerName", json!("fargate-scheduler")),
        ("/spec/nodeName", json!("virtual-node-aci-linux")),
        ("/metadata/labels/eks.amazonaws.com~1fargate-profile", json!("default")),
    ];
    for (field, value) in asking {
        let outcome = create(&with(pod(), field, value));
        outcome.skipped("virtual_node");
        assert!(outcome.warned(&["virtual node"]));
    }
    let tolerant = json!([{ "key": "virtual-kubelet.io/provider", "operator": "Exists" }]);
    create(&with(pod(), "/spec/tolerations", tolerant)).injected();
}

#[test]
fn processors_without_an_image_are_left_out() {
    let affinity = |values: Value| {
        json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": "kubernetes.io/arch", "operator": "In", "values": values }] },
        ] } } })
    };
    create(&with(pod(), "/spec/nodeSelector", json!({ "kubernetes.io/arch": "s390x" }))).skipped("foreign_processor");
    create(&with(pod(), "/spec/affinity", affinity(json!(["ppc64le", "s390x"])))).skipped("foreign_processor");
    for arch in ["amd64", "arm64"] {
        create(&with(pod(), "/spec/nodeSelector", json!({ "kubernetes.io/arch": arch }))).injected();
        create(&with(pod(), "/spec/affinity", affinity(json!(["s390x", arch])))).injected();
    }
}

#[test]
fn only_new_pods_need_a_namespace() {
    let needs = |body: Value| Review::new(body).unwrap().needs_namespace().map(str::to_owned);
    assert_eq!(needs(review(&pod())), Some("shop".to_owned()));
    assert_eq!(needs(with(review(&pod()), "/request/kind/kind", json!("Namespace"))), None);
    assert_eq!(needs(with(review(&pod()), "/request/namespace", json!(""))), None);
    assert_eq!(needs(with(review(&pod()), "/request/operation", json!("UPDATE"))), None);
    assert_eq!(needs(with(review(&pod()), "/request/subResource", json!("status"))), None);
}

#[test]
fn quiet_skips_warn_nobody() {
    let off = with(pod(), "/metadata/annotations", json!({}));
    assert!(create(&off).warnings.is_empty());
    let system = with(review(&off), "/request/namespace", json!("kube-system"));
    assert!(run(&system, Some(quiet()), &config()).warnings.is_empty());
    let asked = with(review(&pod()), "/request/namespace", json!("kube-system"));
    assert!(run(&asked, Some(quiet()), &config()).warned(&["kube-system"]));
}

#[test]
fn the_namespace_is_looked_up_by_the_request() {
    let mut asked = None;
    let body = review(&with(pod(), "/metadata/namespace", json!("elsewhere"))).to_string();
    handle(
        body.as_bytes(),
        |name| {
            asked = Some(name.to_owned());
            None
        },
        &config(),
    )
    .unwrap();
    assert_eq!(asked.as_deref(), Some("shop"));
}
