//! Requests, limits and QoS: the pod is treated as before.

use logtap_inject::Quantity;
use serde_json::{Value, json};

use crate::stage::{annotated, create, create_in, namespace, pod, with};

fn resources(pod: &Value) -> Value {
    create(pod).injected().forwarder().get("resources").cloned().unwrap_or(json!(null))
}

fn having(resources: Value) -> Value {
    with(pod(), "/spec/containers/0/resources", resources)
}

/// The pod with several annotations of ours.
fn asking(mut pod: Value, pairs: &[(&str, &str)]) -> Value {
    for (key, value) in pairs {
        pod["metadata"]["annotations"][format!("logtap.io/{key}")] = json!(value);
    }
    pod
}

fn guaranteed() -> Value {
    having(json!({ "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "cpu": "1000m", "memory": "1024Mi" } }))
}

fn best_effort() -> Value {
    having(json!({}))
}

#[test]
fn case_056_pod_level_resources() {
    for level in [json!({ "limits": { "cpu": "1" } }), json!({ "requests": { "memory": "1Gi" } })] {
        let before = with(guaranteed(), "/spec/resources", level);
        assert_eq!(resources(&before), json!(null));
        let outcome = create(&asking(before, &[("cpu-limit", "1")])).injected();
        assert!(outcome.forwarder().get("resources").is_none());
        assert!(outcome.warned(&["logtap.io/cpu-limit", "as a whole"]));
    }
    for level in [json!({}), json!(null), json!({ "limits": {} })] {
        assert!(resources(&with(pod(), "/spec/resources", level)).is_object());
    }
}

#[test]
fn case_057_qos_class_stays() {
    // Burstable: small requests, a memory limit, and no CPU limit that would throttle the reader.
    let burstable = json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } });
    let one_sided = [
        json!({ "requests": { "cpu": "1" } }),
        json!({ "limits": { "memory": "1Gi" } }),
        json!({ "limits": { "cpu": "1" } }),
        json!({ "requests": { "cpu": "1", "memory": "1Gi" }, "limits": { "cpu": "2", "memory": "1Gi" } }),
        // Zero is not the same as nothing said, which would mean the limit.
        json!({ "requests": { "cpu": "0" }, "limits": { "cpu": "1", "memory": "1Gi" } }),
    ];
    for some in one_sided {
        assert_eq!(resources(&having(some)), burstable);
    }
    // Guaranteed: limits equal requests, for both.
    let both = json!({ "cpu": "100m", "memory": "64Mi" });
    assert_eq!(resources(&guaranteed()), json!({ "requests": both, "limits": both }));
    let limits_only = having(json!({ "limits": { "cpu": 2, "memory": "1Gi" } }));
    assert_eq!(resources(&limits_only), json!({ "requests": both, "limits": both }));
    // BestEffort: anything at all would make it Burstable.
    for nothing in [json!({}), json!(null), json!({ "requests": {} }), json!({ "limits": { "cpu": "0" } })] {
        assert_eq!(resources(&having(nothing)), json!(null));
    }
    let storage_only = having(json!({ "requests": { "ephemeral-storage": "1Gi" } }));
    assert_eq!(resources(&storage_only), json!(null));
    // One init container without limits is enough to be Burstable.
    let mixed = with(guaranteed(), "/spec/initContainers", json!([{ "name": "init" }]));
    assert_eq!(resources(&mixed), burstable);
}

#[test]
fn case_071_bad_quantities() {
    let defaults = resources(&pod());
    for key in ["cpu-request", "cpu-limit", "memory-request", "memory-limit"] {
        for value in ["", "lots", "-1", "0", "1 Gi", "1gb", "0x10", "1.2.3", "NaN", "1e99", "ⅷ", "10%", "Mi"] {
            let outcome = create(&annotated(key, value)).injected();
            assert_eq!(outcome.forwarder()["resources"], defaults, "{key}: {value}");
            assert!(outcome.warned(&[&format!("logtap.io/{key}"), &format!("\"{value}\"")]), "{key}: {value}");
        }
    }
    // A fraction of a byte, which the notation allows, starts no process.
    assert_eq!(resources(&annotated("memory-limit", "64m")), defaults);
    assert_eq!(resources(&annotated("cpu-request", "10n")), defaults);
    for spool in ["64", "none", "1Ki", "1000Ti", "-64Mi"] {
        let outcome = create(&annotated("spool", spool)).injected();
        assert_eq!(outcome.env("LOGTAP_SPOOL_BYTES"), Some("67108864"));
        assert!(outcome.warned(&["logtap.io/spool", spool]));
    }
}

#[test]
fn annotations_ask_for_more_or_less() {
    let table = [
        (
            &[("cpu-request", "50m")][..],
            json!({ "requests": { "cpu": "50m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } }),
        ),
        (
            &[("cpu-limit", "200m")][..],
            json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "cpu": "200m", "memory": "64Mi" } }),
        ),
        // A request never exceeds its limit.
        (
            &[("cpu-limit", "5m")][..],
            json!({ "requests": { "cpu": "5m", "memory": "16Mi" }, "limits": { "cpu": "5m", "memory": "64Mi" } }),
        ),
        (
            &[("memory-request", "1Gi")][..],
            json!({ "requests": { "cpu": "10m", "memory": "1Gi" }, "limits": { "memory": "1Gi" } }),
        ),
        (
            &[("memory-limit", "8Mi")][..],
            json!({ "requests": { "cpu": "10m", "memory": "8Mi" }, "limits": { "memory": "8Mi" } }),
        ),
        (
            &[("memory-request", "1e8"), ("memory-limit", "0.5G")][..],
            json!({ "requests": { "cpu": "10m", "memory": "1e8" }, "limits": { "memory": "0.5G" } }),
        ),
    ];
    for (pairs, expected) in table {
        let outcome = create(&asking(pod(), pairs)).injected();
        assert_eq!(outcome.forwarder()["resources"], expected, "{pairs:?}");
        assert!(outcome.warnings.is_empty());
    }
    let contrary = create(&asking(pod(), &[("cpu-request", "2"), ("cpu-limit", "1")])).injected();
    assert_eq!(contrary.forwarder()["resources"], resources(&pod()));
    assert!(contrary.warned(&["logtap.io/cpu-request", "exceeds"]));
}

#[test]
fn a_namespace_can_force_limits() {
    let settings = |pairs| namespace(&[], pairs);
    let outcome = create_in(&pod(), settings(&[("logtap.io/cpu-limit", "150m")])).injected();
    assert_eq!(outcome.forwarder()["resources"]["limits"]["cpu"], "150m");
    let outcome = create_in(&annotated("cpu-limit", "1"), settings(&[("logtap.io/cpu-limit", "150m")])).injected();
    assert_eq!(outcome.forwarder()["resources"]["limits"]["cpu"], "1", "the pod is asked first");
    let outcome = create_in(&annotated("cpu-limit", "x"), settings(&[("logtap.io/cpu-limit", "150m")])).injected();
    assert_eq!(outcome.forwarder()["resources"]["limits"]["cpu"], "150m");
    assert!(outcome.warned(&["logtap.io/cpu-limit", "\"x\"", "pod"]));
}

#[test]
fn annotations_do_not_change_the_class() {
    let outcome = create(&asking(best_effort(), &[("cpu-request", "10m")])).injected();
    assert!(outcome.forwarder().get("resources").is_none());
    assert!(outcome.warned(&["logtap.io/cpu-request", "BestEffort"]));
    let outcome = create(&asking(guaranteed(), &[("cpu-request", "50m"), ("memory-limit", "32Mi")])).injected();
    let both = json!({ "cpu": "50m", "memory": "32Mi" });
    assert_eq!(outcome.forwarder()["resources"], json!({ "requests": both, "limits": both }));
    let outcome = create(&asking(guaranteed(), &[("cpu-request", "50m"), ("cpu-limit", "70m")])).injected();
    assert_eq!(outcome.forwarder()["resources"]["requests"]["cpu"], "70m");
    assert!(outcome.warned(&["Guaranteed"]));
}

#[test]
fn a_full_spool_evicts_nothing() {
    let size = |outcome: &crate::stage::Outcome| {
        let volumes = outcome.after["spec"]["volumes"].as_array().unwrap();
        volumes.iter().find(|one| one["name"] == "logtap-state").unwrap()["emptyDir"]["sizeLimit"].clone()
    };
    let outcome = create(&pod()).injected();
    assert_eq!(size(&outcome), "80Mi");
    let outcome = create(&annotated("spool", "1Gi")).injected();
    assert_eq!(size(&outcome), "1040Mi");
    assert_eq!(outcome.env("LOGTAP_SPOOL_BYTES"), Some("1073741824"));
    let outcome = create(&annotated("spool", "100M")).injected();
    assert_eq!(size(&outcome), "116777216");
    // The kubelet holds a pod to the sum of its containers' storage limits. Ours alone would be one on the app.
    let free = [pod(), guaranteed(), having(json!({ "requests": { "ephemeral-storage": "1Gi", "cpu": "1" } }))];
    for pod in free {
        assert!(!resources(&pod).to_string().contains("ephemeral-storage"));
    }
    let limited = having(json!({ "limits": { "ephemeral-storage": "1Gi" } }));
    assert_eq!(resources(&limited), json!({ "limits": { "ephemeral-storage": "80Mi" } }));
    let limited =
        with(pod(), "/spec/initContainers", json!([{ "resources": { "limits": { "ephemeral-storage": "1Gi" } } }]));
    assert_eq!(resources(&limited)["limits"]["ephemeral-storage"], "80Mi");
}

#[test]
fn quantities_read_as_kubernetes_reads_them() {
    let nano = |text: &str| Quantity::parse(text).map(|one| one.nano());
    let unit = 1_000_000_000_i128;
    let table = [
        ("1", unit),
        ("1.5", unit * 3 / 2),
        (".5", unit / 2),
        ("5.", unit * 5),
        ("+2", unit * 2),
        ("1m", unit / 1000),
        ("1u", 1000),
        ("1n", 1),
        ("1k", unit * 1000),
        ("1Ki", unit * 1024),
        ("1M", unit * 1_000_000),
        ("1Mi", unit << 20),
        ("1G", unit * 1_000_000_000),
        ("1Gi", unit << 30),
        ("1E", unit * 1_000_000_000_000_000_000),
        ("1e3", unit * 1000),
        ("1E3", unit * 1000),
        ("1e-3", unit / 1000),
        ("007", unit * 7),
    ];
    for (text, expected) in table {
        assert_eq!(nano(text), Some(expected), "{text}");
    }
    for bad in [
        "",
        ".",
        "-1",
        "0",
        "0Mi",
        "1K",
        "1ki",
        "1mi",
        "e3",
        "1e",
        "1e+",
        "1e400",
        "10E",
        "99999999999999999999",
        "1,5",
        "Mi1",
        "1..2",
        "0.0000000001",
    ] {
        assert_eq!(nano(bad), None, "{bad}");
    }
    assert_eq!(Quantity::parse("1.1").unwrap().whole(), 2);
    // Spelt as the API server spells it, so that what comes back is what was sent.
    let table = [
        (0, "0"),
        (1, "1"),
        (1000, "1k"),
        (1024, "1Ki"),
        (1 << 30, "1Gi"),
        ((1 << 30) + (1 << 20), "1025Mi"),
        (1 << 60, "1Ei"),
        (1_024_000, "1000Ki"),
        (3_000_000, "3M"),
        (116_777_216, "116777216"),
        (u64::MAX, "18446744073709551615"),
    ];
    for (bytes, text) in table {
        assert_eq!(Quantity::bytes(bytes).as_str(), text);
        assert_eq!(Quantity::bytes(bytes).whole(), bytes);
    }
}
