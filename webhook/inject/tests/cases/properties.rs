//! What holds for any pod and any bytes.

use logtap_inject::{Config, Mode, NamespaceSettings, handle};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::stage::{config, namespace, review, run};

const STATUS: &str = "logtap.io/status";
const SAFE: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

/// Amounts, with the number that they stand for.
const AMOUNTS: [(&str, u64); 6] = [("100m", 100), ("0.1", 100), ("1", 1000), ("1000m", 1000), ("0", 0), ("2", 2000)];

/// Any JSON, small.
fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        select(vec!["logtap-forwarder", "logtap-state", "Always", "true", "windows", "64Mi", "~1/~0"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z~/\"]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The strategy's value nearly always, else junk, else nothing.
fn mostly(strategy: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        60 => strategy.prop_map(Some),
        1 => junk().prop_map(Some),
        2 => Just(None),
    ]
}

fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

fn amounts() -> impl Strategy<Value = Value> {
    let amount = || prop::option::of(select(AMOUNTS.map(|(text, _)| json!(text)).to_vec()));
    (amount(), amount(), amount()).prop_map(|(cpu, memory, storage)| {
        object(vec![("cpu", cpu), ("memory", memory), ("ephemeral-storage", storage)])
    })
}

fn container() -> impl Strategy<Value = Value> {
    let names = prop_oneof![30 => select(vec!["api", "proxy", "init"]), 1 => Just("logtap-forwarder")];
    let some = (prop::option::of(amounts()), prop::option::of(amounts()))
        .prop_map(|(requests, limits)| object(vec![("requests", requests), ("limits", limits)]));
    let full = select(vec![json!({ "cpu": "1", "memory": "2" }), json!({ "cpu": "1000m", "memory": "2" })]);
    let full = (full.clone(), full).prop_map(|(one, two)| json!({ "requests": one, "limits": two }));
    let resources = prop_oneof![2 => some, 3 => full];
    let env = select(vec![json!([]), json!([{ "name": "LOGTAP_INJECTED", "value": "1" }]), json!(null)]);
    let policy = select(vec![json!("Always"), json!(null), json!("Never")]);
    (names, prop::option::weighted(0.8, resources), prop::option::of(env), prop::option::of(policy), junk()).prop_map(
        |(name, resources, env, policy, other)| {
            object(vec![
                ("name", Some(json!(name))),
                ("resources", resources),
                ("env", env),
                ("restartPolicy", policy),
                ("future", Some(other)),
            ])
        },
    )
}

fn list(element: impl Strategy<Value = Value> + 'static, most: usize) -> impl Strategy<Value = Value> {
    let element = prop_oneof![60 => element, 1 => junk()];
    prop_oneof![20 => prop::collection::vec(element, 0..=most).prop_map(Value::from), 1 => Just(Value::Null)]
}

fn annotations() -> impl Strategy<Value = Value> {
    let keys = vec![
        "logtap.io/target",
        "logtap.io/target-ca",
        "logtap.io/spool",
        "logtap.io/session",
        "logtap.io/containers",
        "logtap.io/exclude-containers",
        "logtap.io/source",
        "logtap.io/cpu-request",
        "logtap.io/cpu-limit",
        "logtap.io/memory-request",
        "logtap.io/memory-limit",
        "logtap.io/image",
        "logtap.io/allow-prod",
        STATUS,
        SAFE,
        "a~b/c",
    ];
    let values = vec![
        "true",
        "http://r:1",
        "api",
        "proxy,api",
        "node",
        "64Mi",
        "1Gi",
        "5m",
        "1",
        "x y",
        "",
        "logtap-state",
        "s1",
        "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
    ];
    let value = prop_oneof![12 => select(values).prop_map(Value::from), 1 => junk()];
    let others = prop::collection::btree_map(select(keys), value, 0..6);
    let tap = prop_oneof![6 => Just(Some(json!("true"))), 1 => Just(Some(json!("false"))), 2 => Just(None), 1 => junk().prop_map(Some)];
    (tap, others).prop_map(|(tap, others)| {
        let others = others.into_iter().map(|(key, value)| (key.to_owned(), value));
        others.chain(tap.map(|tap| ("logtap.io/tap".to_owned(), tap))).collect::<Map<_, _>>().into()
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let labels = prop_oneof![
        20 => select(vec![json!({}), json!({ "app": "api" })]),
        1 => Just(json!({ "app.kubernetes.io/part-of": "logtap" })),
    ];
    let metadata = (mostly(annotations()), mostly(labels), junk()).prop_map(|(annotations, labels, name)| {
        object(vec![("annotations", annotations), ("labels", labels), ("name", Some(name))])
    });
    let volume = select(vec![
        json!({ "name": "data", "emptyDir": {} }),
        json!({ "name": "data", "secret": { "secretName": "s" } }),
        json!({ "name": "other", "hostPath": { "path": "/x" } }),
        json!({ "name": "logtap-state", "emptyDir": { "sizeLimit": "80Mi" } }),
        json!({ "name": "logtap-state", "emptyDir": {} }),
    ]);
    let context = select(vec![json!({ "runAsUser": 0 }), json!({ "runAsUser": 1000, "runAsNonRoot": true })]);
    let lists = (mostly(list(container(), 3)), mostly(list(container(), 2)), mostly(list(volume, 2)));
    let rest = (mostly(context), prop::option::of(amounts()), prop::option::of(junk()), prop::option::of(junk()));
    let spec = (lists, rest).prop_map(|((containers, init, volumes), (context, level, secrets, affinity))| {
        object(vec![
            ("containers", containers),
            ("initContainers", init),
            ("volumes", volumes),
            ("securityContext", context),
            ("resources", level.filter(|level| level.get("cpu").is_none()).map(|level| json!({ "limits": level }))),
            ("imagePullSecrets", secrets.filter(Value::is_array)),
            ("affinity", affinity),
        ])
    });
    (mostly(metadata), mostly(spec), junk()).prop_map(|(metadata, spec, other)| {
        object(vec![("metadata", metadata), ("spec", spec), ("future", Some(other))])
    })
}

fn settings() -> impl Strategy<Value = Option<NamespaceSettings>> {
    select(vec![
        Some(namespace(&[], &[])),
        Some(namespace(&[("logtap.io/tap", "enabled")], &[])),
        Some(namespace(
            &[("logtap.io/tap", "enabled")],
            &[("logtap.io/cpu-limit", "5m"), ("logtap.io/source", "node")],
        )),
        Some(namespace(&[("pod-security.kubernetes.io/enforce", "restricted")], &[("logtap.io/tap", "true")])),
        Some(namespace(&[("env", "prod")], &[("logtap.io/tap", "true")])),
        None,
    ])
}

fn configs() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(native, images, secrets)| Config {
        mode: if native { Mode::Native } else { Mode::Container },
        allow_image_annotation: images,
        pull_secrets: if secrets { vec!["pull".to_owned()] } else { Vec::new() },
        ..config()
    })
}

/// All that `before` holds is in `after`, in its place; what was null or absent may have become something.
fn kept(before: &Value, after: &Value, path: &str) -> Result<(), String> {
    match (before, after) {
        (Value::Null, _) => Ok(()),
        (Value::Object(old), Value::Object(new)) => old.iter().try_for_each(|(key, value)| {
            if path == "/metadata/annotations" && (key == STATUS || key == SAFE) {
                return Ok(());
            }
            let now = new.get(key).ok_or_else(|| format!("{path}/{key} is gone"))?;
            kept(value, now, &format!("{path}/{key}"))
        }),
        (Value::Array(old), Value::Array(new)) if old.len() <= new.len() => {
            old.iter().zip(new).enumerate().try_for_each(|(at, (old, new))| {
                let whole = old == new || path == "/spec/initContainers" && new["restartPolicy"] == "Always";
                if whole { Ok(()) } else { Err(format!("{path}/{at} changed")) }
            })
        }
        _ if before == after => Ok(()),
        _ => Err(format!("{path} changed from {before} to {after}")),
    }
}

/// The QoS class, for pods whose amounts are those of this file.
fn class(pod: &Value) -> &'static str {
    let amount = |text: &Value| {
        let known = AMOUNTS.iter().find(|(name, _)| text == name).map(|(_, amount)| *amount);
        // Ours: any number will do, as long as the same text gives the same.
        known.unwrap_or_else(|| text.as_str().map_or(0, |text| text.bytes().map(u64::from).sum::<u64>() << 20))
    };
    let (mut requests, mut limits, mut limited, mut any) = ([0, 0], [0, 0], true, false);
    for list in ["containers", "initContainers"] {
        for one in pod["spec"][list].as_array().into_iter().flatten() {
            for (at, name) in ["cpu", "memory"].into_iter().enumerate() {
                let limit = amount(&one["resources"]["limits"][name]);
                let request = match &one["resources"]["requests"][name] {
                    Value::Null => limit,
                    text => amount(text),
                };
                (limits[at], requests[at]) = (limits[at] + limit, requests[at] + request);
                limited &= limit > 0;
                any |= limit + request > 0;
            }
        }
    }
    match (any, limited && requests == limits) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn has_pod_level(pod: &Value) -> bool {
    pod["spec"]["resources"]["limits"].as_object().is_some_and(|limits| !limits.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_pod(pod in pod(), settings in settings(), config in configs()) {
        let body = review(&pod);
        let outcome = run(&body, settings.clone(), &config);

        // Operations: only additions, never into another container, the one repair aside.
        let repaired = outcome.reason == "repaired";
        for (at, operation) in outcome.operations.iter().enumerate() {
            let path = operation["path"].as_str().unwrap();
            if repaired {
                let expected = [("test", "/name"), ("add", "/restartPolicy")][at];
                prop_assert!(operation["op"] == expected.0 && path.ends_with(expected.1));
            } else {
                prop_assert_eq!(&operation["op"], "add");
                prop_assert!(!path.split('/').any(|step| step.parse::<usize>().is_ok()), "{}", path);
            }
        }
        prop_assert_eq!(outcome.operations.is_empty(), outcome.reason != "injected" && !repaired);

        // What was there is there.
        prop_assert_eq!(kept(&pod, &outcome.after, ""), Ok(()));
        let apps = |pod: &Value| -> Vec<String> {
            pod["spec"]["containers"].as_array().into_iter().flatten().map(Value::to_string).collect()
        };
        let (before, after) = (apps(&pod), apps(&outcome.after));
        prop_assert_eq!(&before[..], &after[..before.len()]);
        prop_assert_eq!(pod["metadata"].get("labels"), outcome.after["metadata"].get("labels"));

        // Twice is once.
        let again = run(&review(&outcome.after), settings, &config);
        prop_assert!(again.operations.is_empty(), "{}: {:?}", again.reason, again.operations);
        if outcome.reason == "injected" {
            prop_assert!(again.reason.starts_with("already_injected"), "{}", again.reason);
            if !has_pod_level(&pod) {
                prop_assert_eq!(class(&pod), class(&outcome.after));
            }
        }

        // Warnings arrive whole.
        prop_assert!(outcome.warnings.iter().all(|one| one.len() <= 256 && !one.chars().any(char::is_control)));
        prop_assert!(outcome.warnings.iter().map(String::len).sum::<usize>() <= 4096);
    }

    #[test]
    fn any_review(kind in junk(), operation in junk(), object in junk(), old in junk(), namespace in junk()) {
        let body = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u",
                "kind": { "group": "", "kind": kind },
                "operation": operation,
                "object": object,
                "oldObject": old,
                "namespace": namespace,
            },
        });
        for kind in [body["request"]["kind"]["kind"].clone(), json!("Pod"), json!("Namespace")] {
            for operation in [body["request"]["operation"].clone(), json!("CREATE"), json!("UPDATE")] {
                let mut body = body.clone();
                body["request"]["kind"]["kind"] = kind.clone();
                body["request"]["operation"] = operation;
                let outcome = run(&body, Some(crate::stage::namespace(&[("logtap.io/tap", "enabled")], &[])), &config());
                prop_assert!(!outcome.response.to_string().contains("\"allowed\":false"));
            }
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(handle(&bytes, |_| None, &config()).is_err());
    }

    #[test]
    fn any_namespace(old in namespaces(), new in namespaces(), created in any::<bool>()) {
        let mut body = review(&new);
        body["request"]["kind"]["kind"] = json!("Namespace");
        body["request"]["operation"] = json!(if created { "CREATE" } else { "UPDATE" });
        body["request"]["oldObject"] = if created { json!(null) } else { old };
        let outcome = run(&body, None, &config());
        // The next write that changes nothing finds nothing to do.
        body["request"]["object"] = outcome.after.clone();
        body["request"]["operation"] = json!("UPDATE");
        body["request"]["oldObject"] = outcome.after.clone();
        prop_assert!(run(&body, None, &config()).operations.is_empty());
        // Nothing but the one label ever changes.
        let rest = |one: &Value| {
            let mut one = one.clone();
            if let Some(labels) = one["metadata"]["labels"].as_object_mut() {
                labels.remove("logtap.io/tap");
            }
            if one["metadata"]["labels"].as_object().is_some_and(Map::is_empty) {
                one["metadata"]["labels"] = Value::Null;
            }
            one
        };
        prop_assert_eq!(rest(&new), rest(&outcome.after));
    }
}

/// Namespaces with any combination of annotation and label.
fn namespaces() -> impl Strategy<Value = Value> {
    let words = || {
        prop::option::of(select(vec![
            json!("true"),
            json!("false"),
            json!("enabled"),
            json!("disabled"),
            json!("x"),
            json!(null),
        ]))
    };
    (words(), words()).prop_map(|(annotation, label)| {
        let metadata = |key: &str, value: Option<Value>| {
            (key.to_owned(), value.map_or(Value::Null, |value| json!({ "logtap.io/tap": value })))
        };
        json!({ "metadata": Map::from_iter([metadata("annotations", annotation), metadata("labels", label)]) })
    })
}
