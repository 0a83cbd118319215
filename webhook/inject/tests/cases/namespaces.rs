//! Namespaces: the annotation becomes the label, in the same write.

use serde_json::{Value, json};

use crate::stage::{Outcome, config, review, run, with};

const TAP: &str = "logtap.io/tap";

/// A namespace with the given annotation and label.
fn namespace(annotation: Option<&str>, label: Option<&str>) -> Value {
    let mut one = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": "shop", "labels": { "kubernetes.io/metadata.name": "shop" }, "annotations": { "x": "y" } },
    });
    if let Some(annotation) = annotation {
        one["metadata"]["annotations"][TAP] = json!(annotation);
    }
    if let Some(label) = label {
        one["metadata"]["labels"][TAP] = json!(label);
    }
    one
}

fn write(operation: &str, new: &Value, old: Value) -> Outcome {
    let body = with(review(new), "/request/kind", json!({ "group": "", "version": "v1", "kind": "Namespace" }));
    let body = with(with(body, "/request/namespace", json!("shop")), "/request/name", json!("shop"));
    run(&with(with(body, "/request/operation", json!(operation)), "/request/oldObject", old), None, &config())
}

fn created(new: &Value) -> Outcome {
    write("CREATE", new, json!(null))
}

fn updated(new: &Value, old: Value) -> Outcome {
    write("UPDATE", new, old)
}

fn label(outcome: &Outcome) -> Option<&str> {
    outcome.after["metadata"]["labels"].get(TAP).map(|label| label.as_str().unwrap())
}

#[test]
fn creation_mirrors() {
    for (annotation, expected) in
        [("true", "enabled"), (" Enabled", "enabled"), ("FALSE", "disabled"), ("disabled", "disabled")]
    {
        let outcome = created(&namespace(Some(annotation), None));
        assert_eq!((outcome.reason, label(&outcome)), ("mirrored", Some(expected)));
        assert_eq!(outcome.after["metadata"]["labels"]["kubernetes.io/metadata.name"], "shop");
        created(&outcome.after).skipped("mirror_current");
    }
    created(&namespace(None, None)).skipped("mirror_current");
    created(&namespace(None, Some("enabled"))).skipped("mirror_current");
    for labels in [json!(null), json!({})] {
        let outcome = created(&with(namespace(Some("true"), None), "/metadata/labels", labels));
        assert_eq!(label(&outcome), Some("enabled"));
    }
}

#[test]
fn updates_follow_the_annotation() {
    let table = [
        // annotation and label before, annotation and label as written, label after
        ((None, None), (Some("true"), None), Some("enabled")),
        ((Some("true"), Some("enabled")), (Some("false"), Some("enabled")), Some("disabled")),
        ((Some("false"), Some("disabled")), (Some("true"), Some("disabled")), Some("enabled")),
        ((Some("true"), Some("enabled")), (None, Some("enabled")), None),
        ((Some("false"), Some("disabled")), (None, Some("disabled")), None),
        ((Some("true"), Some("enabled")), (Some("perhaps"), Some("enabled")), None),
        // Missed while the webhook was away, mended by the next write.
        ((Some("true"), None), (Some("true"), None), Some("enabled")),
        ((Some("false"), Some("enabled")), (Some("false"), Some("enabled")), Some("disabled")),
        // A label that somebody set is theirs.
        ((None, Some("enabled")), (None, Some("enabled")), Some("enabled")),
        ((None, None), (None, Some("enabled")), Some("enabled")),
        ((Some("true"), Some("disabled")), (None, Some("disabled")), Some("disabled")),
        // A veto set by hand is not overruled, neither in the same write nor later.
        ((None, Some("disabled")), (Some("true"), Some("disabled")), Some("disabled")),
        ((None, Some("false")), (Some("true"), Some("false")), Some("false")),
        ((Some("true"), Some("enabled")), (Some("true"), Some("disabled")), Some("disabled")),
        ((Some("true"), Some("disabled")), (Some("true"), Some("disabled")), Some("disabled")),
        ((None, None), (Some("true"), Some("disabled")), Some("disabled")),
        ((Some("false"), Some("disabled")), (Some("false"), Some("enabled")), Some("disabled")),
        // A label that the API server would not select by is set right.
        ((None, None), (Some("true"), Some("true")), Some("enabled")),
    ];
    for ((old_annotation, old_label), (annotation, new_label), expected) in table {
        let new = namespace(annotation, new_label);
        let outcome = updated(&new, namespace(old_annotation, old_label));
        assert_eq!(label(&outcome), expected, "{new}");
        let again = updated(&outcome.after, outcome.after.clone());
        assert!(again.operations.is_empty(), "{:?}", again.operations);
    }
}

#[test]
fn annotating_and_taking_back_leaves_no_trace() {
    let before = namespace(None, None);
    let on = updated(&namespace(Some("true"), None), before.clone()).after;
    let mut off = on.clone();
    off["metadata"]["annotations"].as_object_mut().unwrap().remove(TAP);
    assert_eq!(updated(&off, on).after, before);
}

#[test]
fn what_is_no_write_of_a_namespace_is_left() {
    let new = namespace(Some("true"), None);
    write("DELETE", &new, new.clone()).skipped("namespace_skipped");
    write("DELETE", &json!(null), new.clone()).skipped("namespace_skipped");
    for odd in [
        json!(null),
        json!([]),
        json!({}),
        with(new.clone(), "/metadata/labels", json!([])),
        with(new.clone(), "/metadata", json!("x")),
    ] {
        created(&odd).skipped("namespace_skipped");
    }
    for name in ["kube-system", "logtap"] {
        created(&with(new.clone(), "/metadata/name", json!(name))).skipped("namespace_skipped");
    }
    let body = with(review(&new), "/request/kind", json!({ "group": "", "kind": "Namespace" }));
    let body = with(with(body, "/request/subResource", json!("status")), "/request/operation", json!("UPDATE"));
    run(&body, None, &config()).skipped("namespace_skipped");
}

#[test]
fn invalid_values_and_production_are_told() {
    let outcome = created(&namespace(Some("sure"), None));
    outcome.skipped("mirror_current");
    assert!(outcome.warned(&[TAP, "\"sure\""]));
    let number = with(namespace(None, None), "/metadata/annotations/logtap.io~1tap", json!(1));
    assert!(created(&number).warned(&[TAP]));
    assert!(created(&namespace(Some("true"), Some("disabled"))).warned(&["label logtap.io/tap forbids"]));
    let prod = with(namespace(Some("true"), None), "/metadata/labels/env", json!("prod"));
    assert!(created(&prod).warned(&["env=prod", "logtap.io/allow-prod"]));
    let allowed = with(prod, "/metadata/annotations/logtap.io~1allow-prod", json!("true"));
    assert!(created(&allowed).warnings.is_empty());
}
