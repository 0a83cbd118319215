//! Who opts in: values, precedence, the guard before production.

use logtap_inject::{Config, NamespaceSettings, PodSecurity};
use serde_json::{Value, json};

use crate::stage::{Pairs, annotated, config, create, create_in, namespace, pod, quiet, review, run, with};

const TAP: &str = "logtap.io/tap";

/// A pod with the given value of `logtap.io/tap`, or none.
fn saying(value: Option<&str>) -> Value {
    with(pod(), "/metadata/annotations", value.map_or(json!({}), |value| json!({ TAP: value })))
}

fn enabled() -> NamespaceSettings {
    namespace(&[(TAP, "enabled")], &[])
}

#[test]
fn case_034_namespace_on_pod_off() {
    create_in(&saying(Some("false")), enabled()).skipped("opted_out");
}

#[test]
fn case_035_namespace_veto_beats_the_pod() {
    let places: [(Pairs<'_>, Pairs<'_>); 5] = [
        (&[(TAP, "disabled")], &[]),
        (&[(TAP, "false")], &[]),
        (&[], &[(TAP, "false")]),
        (&[(TAP, "disabled")], &[(TAP, "true")]),
        (&[(TAP, "enabled")], &[(TAP, "Disabled")]),
    ];
    for (labels, annotations) in places {
        let outcome = create_in(&pod(), namespace(labels, annotations));
        outcome.skipped("namespace_veto");
        assert!(outcome.warned(&["namespace forbids", TAP]), "{:?}", outcome.warnings);
        let unasked = create_in(&saying(None), namespace(labels, annotations));
        unasked.skipped("namespace_veto");
        assert!(unasked.warnings.is_empty());
    }
}

#[test]
fn case_036_namespace_unset_pod_on() {
    create_in(&saying(Some("true")), quiet()).injected();
}

#[test]
fn case_037_namespace_on_pod_unset() {
    create_in(&saying(None), enabled()).injected();
    create_in(&saying(None), namespace(&[], &[(TAP, "true")])).injected();
    create_in(&saying(None), quiet()).skipped("not_opted_in");
}

#[test]
fn case_038_table_of_values() {
    for on in ["true", "TRUE", " true ", "True\n", "enabled", "Enabled", "ENABLED"] {
        create_in(&saying(Some(on)), quiet()).injected();
    }
    for off in ["false", "FALSE", " false ", "disabled", "Disabled"] {
        create_in(&saying(Some(off)), enabled()).skipped("opted_out");
    }
    for bad in ["1", "0", "yes", "no", "on", "off", "t", "truee", "enable", "true,false", "wahr"] {
        let outcome = create_in(&saying(Some(bad)), enabled());
        outcome.skipped("invalid_annotation");
        assert!(outcome.warned(&[TAP, &format!("\"{bad}\""), "pod"]), "{:?}", outcome.warnings);
    }
}

#[test]
fn case_039_empty_value() {
    let outcome = create_in(&saying(Some("")), enabled());
    outcome.skipped("invalid_annotation");
    assert!(outcome.warned(&[TAP, "\"\""]));
}

#[test]
fn case_040_value_is_no_text() {
    for value in [json!(true), json!(1), json!({ "a": 1 }), json!(["true"])] {
        create_in(&with(pod(), "/metadata/annotations", json!({ TAP: value })), enabled())
            .skipped("invalid_annotation");
    }
    // Nor do other keys break anything.
    let outcome = create(&with(pod(), "/metadata/annotations/logtap.io~1spool", json!(64))).injected();
    assert!(outcome.warned(&["logtap.io/spool"]));
}

#[test]
fn an_invalid_namespace_opts_nothing_in() {
    for (labels, annotations) in [
        (&[][..], &[(TAP, "maybe")][..]),
        (&[(TAP, "maybe")][..], &[][..]),
        (&[(TAP, "enabled")][..], &[(TAP, "maybe")][..]),
    ] {
        let outcome = create_in(&saying(None), namespace(labels, annotations));
        outcome.skipped("invalid_annotation");
        assert!(outcome.warned(&[TAP, "\"maybe\"", "namespace"]), "{:?}", outcome.warnings);
        create_in(&pod(), namespace(labels, annotations)).injected();
    }
}

#[test]
fn the_label_opts_in_by_the_one_word_that_is_selected() {
    for word in ["true", "Enabled"] {
        create_in(&saying(None), namespace(&[(TAP, word)], &[])).skipped("invalid_annotation");
        create_in(&saying(None), namespace(&[(TAP, word)], &[(TAP, "true")])).injected();
    }
}

#[test]
fn a_namespace_not_seen_yet() {
    let outcome = run(&review(&pod()), None, &config());
    outcome.skipped("namespace_unknown");
    assert!(outcome.warned(&["shop"]));
    run(&review(&saying(None)), None, &config()).skipped("namespace_unknown");
    // What the pod decides alone needs no namespace.
    run(&review(&saying(Some("false"))), None, &config()).skipped("opted_out");
    let nowhere = with(review(&pod()), "/request/namespace", json!(null));
    run(&nowhere, Some(quiet()), &config()).skipped("namespace_unknown");
}

#[test]
fn production_needs_leave() {
    for labels in [
        [("env", "prod")],
        [("env", "production")],
        [("environment", "prod")],
        [("environment", "Production")],
        [("logtap.io/prod", "true")],
    ] {
        let outcome = create_in(&pod(), namespace(&labels, &[]));
        outcome.skipped("prod_namespace");
        assert!(outcome.warned(&[labels[0].0, "logtap.io/allow-prod"]), "{:?}", outcome.warnings);
        create_in(&annotated("allow-prod", "true"), namespace(&labels, &[])).injected();
        create_in(&pod(), namespace(&labels, &[("logtap.io/allow-prod", "true")])).injected();
        create_in(&annotated("allow-prod", "false"), namespace(&labels, &[])).skipped("prod_namespace");
        // The pod is asked first.
        let leave = namespace(&labels, &[("logtap.io/allow-prod", "true")]);
        create_in(&annotated("allow-prod", "false"), leave).skipped("prod_namespace");
        let outcome = create_in(&annotated("allow-prod", "sure"), namespace(&labels, &[]));
        outcome.skipped("prod_namespace");
        assert!(outcome.warned(&["logtap.io/allow-prod", "\"sure\""]));
    }
    for labels in [[("env", "staging")], [("env", "preprod")], [("logtap.io/prod", "false")], [("tier", "prod")]] {
        create_in(&pod(), namespace(&labels, &[])).injected();
    }
}

#[test]
fn what_production_is_can_be_configured() {
    let mut config = config();
    config.prod_labels = vec![("stage".to_owned(), "live".to_owned())];
    let settings = |key, value, config: &Config| NamespaceSettings::new([(key, value)], [], config);
    let body = review(&pod());
    run(&body, Some(settings("stage", "live", &config)), &config).skipped("prod_namespace");
    run(&body, Some(settings("env", "prod", &config)), &config).injected();
}

#[test]
fn node_source_needs_pod_security_to_allow_it() {
    let node = annotated("source", "node");
    let level = |level: &str| namespace(&[("pod-security.kubernetes.io/enforce", level)], &[]);
    for allowed in [quiet(), level("privileged")] {
        let outcome = create_in(&node, allowed).injected();
        assert_eq!(outcome.env("LOGTAP_SOURCE"), Some("node"));
        assert!(outcome.warnings.is_empty());
    }
    for level in [level("baseline"), level("restricted"), level("no-such-level")] {
        let outcome = create_in(&node, level).injected();
        assert_eq!(outcome.env("LOGTAP_SOURCE"), Some("api"));
        assert!(outcome.warned(&["logtap.io/source", "Pod Security"]));
        assert!(!outcome.after.to_string().contains("hostPath"));
    }
    let mut strict = config();
    strict.pod_security = PodSecurity::Baseline;
    let outcome = run(&review(&node), Some(quiet()), &strict).injected();
    assert_eq!(outcome.env("LOGTAP_SOURCE"), Some("api"));
    let outcome = create(&annotated("source", "files")).injected();
    assert!(outcome.warned(&["logtap.io/source", "\"files\""]));
}
