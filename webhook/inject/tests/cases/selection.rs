//! Which containers are read, and the values beside: session, app, image.

use logtap_inject::Config;
use serde_json::{Value, json};

use crate::stage::{annotated, config, create, create_in, namespace, pod, quiet, review, run, with};

/// The pod with three containers, one of them an init container, and an annotation.
fn three(key: &str, value: &str) -> Value {
    let pod = with(annotated(key, value), "/spec/containers", json!([{ "name": "a" }, { "name": "proxy" }]));
    with(pod, "/spec/initContainers", json!([{ "name": "init" }]))
}

#[test]
fn case_069_container_that_does_not_exist() {
    let outcome = create(&three("containers", "a, b")).injected();
    assert!(outcome.warned(&["logtap.io/containers", "no container named b"]), "{:?}", outcome.warnings);
    assert!(!outcome.warned(&["named a"]));
    assert_eq!(outcome.env("LOGTAP_CONTAINERS"), Some("a,b"));
    let outcome = create(&three("containers", "a,init")).injected();
    assert!(outcome.warnings.is_empty());
    // A list for a whole namespace names containers that most of its pods do not have.
    let outcome = create_in(&pod(), namespace(&[], &[("logtap.io/exclude-containers", "istio-proxy")])).injected();
    assert!(outcome.warnings.is_empty());
    assert_eq!(outcome.env("LOGTAP_EXCLUDE_CONTAINERS"), Some("istio-proxy"));
}

#[test]
fn case_070_everything_excluded() {
    for (key, value) in
        [("exclude-containers", "a,proxy,init"), ("exclude-containers", " init , proxy,a,"), ("containers", "z")]
    {
        let outcome = create(&three(key, value));
        outcome.skipped("nothing_selected");
        assert!(outcome.warned(&["leave no container"]), "{:?}", outcome.warnings);
    }
    let both = with(three("containers", "a"), "/metadata/annotations/logtap.io~1exclude-containers", json!("a"));
    create(&both).skipped("nothing_selected");
    create(&three("exclude-containers", "a,proxy")).injected();
}

#[test]
fn lists_that_cannot_be_read_do_not_read_everything() {
    for key in ["containers", "exclude-containers"] {
        for value in ["", " , ", "a\u{0}b", &"x".repeat(9000)] {
            let outcome = create(&three(key, value));
            outcome.skipped("invalid_annotation");
            assert!(outcome.warned(&[&format!("logtap.io/{key}")]), "{:?}", outcome.warnings);
        }
        create(&with(pod(), &format!("/metadata/annotations/logtap.io~1{key}"), json!(["a"])))
            .skipped("invalid_annotation");
    }
}

#[test]
fn case_073_other_images_only_where_allowed() {
    let asking = annotated("image", "evil.example/forwarder:1");
    let outcome = create(&asking).injected();
    assert_eq!(outcome.forwarder()["image"], config().image);
    assert!(outcome.warned(&["logtap.io/image", "does not allow"]));
    let open = Config { allow_image_annotation: true, ..config() };
    let outcome = run(&review(&asking), Some(quiet()), &open).injected();
    assert_eq!(outcome.forwarder()["image"], "evil.example/forwarder:1");
    for bad in ["", "two words", "tab\tbed"] {
        let outcome = run(&review(&annotated("image", bad)), Some(quiet()), &open).injected();
        assert_eq!(outcome.forwarder()["image"], open.image);
        assert!(outcome.warned(&["logtap.io/image"]));
    }
}

#[test]
fn sessions() {
    let longest = "x".repeat(63);
    for good in ["load-7", "A.b_c-9", "1", &longest] {
        assert_eq!(create(&annotated("session", good)).injected().env("LOGTAP_SESSION"), Some(good));
    }
    for bad in ["", "-x", "x-", "two words", "ü", "a/b", "x\n y", &"x".repeat(64)] {
        let outcome = create(&annotated("session", bad)).injected();
        assert_eq!(outcome.env("LOGTAP_SESSION"), None);
        assert!(outcome.warned(&["logtap.io/session"]), "{bad}");
    }
    let outcome = create_in(&pod(), namespace(&[], &[("logtap.io/session", "ns")])).injected();
    assert_eq!(outcome.env("LOGTAP_SESSION"), Some("ns"));
}

#[test]
fn the_app_is_what_people_call_it() {
    let owned = |kind: &str, name: &str, labels: Value| {
        let owner = json!([{ "kind": "Other", "name": "x" }, { "kind": kind, "name": name, "controller": true }]);
        with(with(pod(), "/metadata/labels", labels), "/metadata/ownerReferences", owner)
    };
    let table = [
        (pod(), Some("api")),
        (with(pod(), "/metadata/labels/app.kubernetes.io~1name", json!("shop")), Some("shop")),
        (with(pod(), "/metadata/labels", json!({ "k8s-app": "dns" })), Some("dns")),
        (owned("ReplicaSet", "cart-7d9f", json!({ "pod-template-hash": "7d9f" })), Some("cart")),
        (owned("ReplicaSet", "cart-7d9f", json!({})), Some("cart-7d9f")),
        (owned("StatefulSet", "db-1", json!({ "app": "" })), Some("db-1")),
        (owned("Job", "backup-29876543", json!({})), Some("backup")),
        (owned("Job", "backup-2", json!({})), Some("backup-2")),
        (with(pod(), "/metadata/labels", json!({})), None),
    ];
    for (pod, app) in table {
        assert_eq!(create(&pod).injected().env("LOGTAP_APP"), app, "{pod}");
    }
}
