//! Pods of every kind: what their spec asks for stays, and the sidecar fits in.

use logtap_inject::{Config, DefaultTarget, Mode, NativeSidecars, Target};
use serde_json::{Value, json};

use crate::stage::{annotated, config, create, pod, quiet, review, run, with};

#[test]
fn case_058_security_contexts() {
    let contexts = [
        (json!({ "runAsUser": 0 }), Some(json!(65532))),
        (json!({ "runAsUser": 0, "runAsNonRoot": false }), Some(json!(65532))),
        (json!({ "runAsUser": 1000 }), None),
        (json!({ "runAsNonRoot": true }), None),
        (json!({ "fsGroup": 2000, "supplementalGroups": [1, 2] }), None),
        (json!({ "seLinuxOptions": { "level": "s0:c1" } }), None),
        (json!({}), None),
        (json!(null), None),
    ];
    for (context, user) in contexts {
        let before = with(with(pod(), "/spec/securityContext", context.clone()), "/spec/hostUsers", json!(false));
        let outcome = create(&before).injected();
        let ours = &outcome.forwarder()["securityContext"];
        assert_eq!(ours.get("runAsUser"), user.as_ref(), "{context}");
        assert_eq!(ours["runAsNonRoot"], true);
        assert_eq!(outcome.after["spec"]["securityContext"], context);
        assert_eq!(outcome.after["spec"]["hostUsers"], false);
    }
}

#[test]
fn the_sidecar_meets_pod_security_restricted() {
    let outcome = create(&pod()).injected();
    let context = &outcome.forwarder()["securityContext"];
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }));
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    assert_eq!((&context["privileged"], &context["readOnlyRootFilesystem"]), (&json!(false), &json!(true)));
    let allowed = ["emptyDir", "projected"];
    for volume in outcome.after["spec"]["volumes"].as_array().unwrap() {
        assert!(volume.as_object().unwrap().keys().all(|key| key == "name" || allowed.contains(&key.as_str())));
    }
}

#[test]
fn case_059_host_namespaces() {
    for (field, dns) in [
        ("hostNetwork", "ClusterFirstWithHostNet"),
        ("hostPID", "ClusterFirst"),
        ("shareProcessNamespace", "ClusterFirst"),
    ] {
        let before = with(with(pod(), &format!("/spec/{field}"), json!(true)), "/spec/dnsPolicy", json!(dns));
        let outcome = create(&before).injected();
        assert_eq!(outcome.after["spec"][field], true);
        assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
    }
    for forbidden in ["ports", "readinessProbe", "startupProbe", "livenessProbe", "lifecycle"] {
        assert!(create(&pod()).forwarder().get(forbidden).is_none(), "{forbidden}");
    }
}

#[test]
fn case_060_receiver_by_address_without_cluster_dns() {
    let without = [
        with(pod(), "/spec/dnsPolicy", json!("Default")),
        with(pod(), "/spec/dnsPolicy", json!("None")),
        with(pod(), "/spec/hostNetwork", json!(true)),
        with(with(pod(), "/spec/hostNetwork", json!(true)), "/spec/dnsPolicy", json!("ClusterFirst")),
    ];
    let url = |text: &str| Target::parse(text).unwrap();
    let both = Config {
        target: Some(DefaultTarget {
            url: url("https://logtap.logtap.svc:3100"),
            by_address: Some(url("https://10.96.0.9:3100")),
            ca: None,
        }),
        ..Config::default()
    };
    for pod in without {
        let outcome = run(&review(&pod), Some(quiet()), &both).injected();
        assert_eq!(outcome.env("LOGTAP_TARGET"), Some("https://10.96.0.9:3100"));
        assert!(outcome.warnings.is_empty());
        let outcome = create(&pod).injected();
        assert!(outcome.warned(&["cluster's DNS", "logtap.io/target"]), "{:?}", outcome.warnings);
    }
    for pod in [pod(), with(pod(), "/spec/dnsPolicy", json!("ClusterFirst"))] {
        let outcome = run(&review(&pod), Some(quiet()), &both).injected();
        assert_eq!(outcome.env("LOGTAP_TARGET"), Some("https://logtap.logtap.svc:3100"));
    }
    let told = with(annotated("target", "http://10.0.0.7:3100"), "/spec/dnsPolicy", json!("None"));
    assert!(create(&told).injected().warnings.is_empty());
}

#[test]
fn case_061_restart_policies_in_both_modes() {
    for policy in ["Always", "OnFailure", "Never"] {
        let before = with(pod(), "/spec/restartPolicy", json!(policy));
        let native = create(&before).injected();
        assert_eq!(native.forwarder()["restartPolicy"], "Always");
        assert_eq!(native.env("LOGTAP_MODE"), Some("native"));
        assert_eq!(native.after["spec"]["containers"], before["spec"]["containers"]);
        let ordinary = run(&review(&before), Some(quiet()), &Config { mode: Mode::Container, ..config() }).injected();
        assert!(ordinary.forwarder().get("restartPolicy").is_none());
        assert_eq!(ordinary.env("LOGTAP_MODE"), Some("container"));
        assert_eq!(ordinary.after["spec"]["containers"][0], before["spec"]["containers"][0]);
        assert_eq!(ordinary.after["spec"]["containers"][1]["name"], "logtap-forwarder");
        assert!(ordinary.after["spec"].get("initContainers").is_none());
        assert_eq!(ordinary.after["spec"]["restartPolicy"], policy);
    }
}

#[test]
fn the_mode_follows_the_version() {
    let table = [
        ("1", "36", Mode::Native),
        ("1", "32+", Mode::Native),
        ("1", "31", Mode::Container),
        ("2", "0", Mode::Native),
        ("", "x", Mode::Container),
    ];
    for (major, minor, mode) in table {
        assert_eq!(NativeSidecars::Auto.mode(major, minor), mode, "{major}.{minor}");
        assert_eq!(NativeSidecars::Always.mode(major, minor), Mode::Native);
        assert_eq!(NativeSidecars::Never.mode(major, minor), Mode::Container);
    }
}

#[test]
fn case_062_deadlines_and_grace_stay() {
    let before = with(pod(), "/spec/activeDeadlineSeconds", json!(30));
    let before = with(before, "/spec/terminationGracePeriodSeconds", json!(0));
    let after = create(&before).injected().after;
    assert_eq!(after["spec"]["activeDeadlineSeconds"], 30);
    assert_eq!(after["spec"]["terminationGracePeriodSeconds"], 0);
}

#[test]
fn case_063_service_links_cannot_shadow_the_environment() {
    let before = with(annotated("session", "s1"), "/spec/enableServiceLinks", json!(true));
    let outcome = create(&before).injected();
    let names: Vec<&str> =
        outcome.forwarder()["env"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    // Kubernetes makes NAME_SERVICE_HOST, NAME_SERVICE_PORT(_…), NAME_PORT(_…) from a Service's name.
    for name in &names {
        assert!(!name.contains("_SERVICE_") && !name.ends_with("_PORT") && !name.contains("_PORT_"), "{name}");
    }
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len());
    for name in ["POD_NAME", "POD_NAMESPACE", "POD_UID", "LOGTAP_INJECTED", "LOGTAP_TARGET"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn case_064_pull_secrets() {
    let config = Config { pull_secrets: vec!["mirror".to_owned(), "other".to_owned()], ..config() };
    let named = |names: &[&str]| json!(names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>());
    let table = [
        (None, named(&["mirror", "other"])),
        (Some(json!(null)), named(&["mirror", "other"])),
        (Some(named(&[])), named(&["mirror", "other"])),
        (Some(named(&["app"])), named(&["app", "mirror", "other"])),
        (Some(named(&["other", "app"])), named(&["other", "app", "mirror"])),
        (Some(named(&["other", "mirror"])), named(&["other", "mirror"])),
    ];
    for (before, after) in table {
        let pod = before.map_or_else(pod, |before| with(pod(), "/spec/imagePullSecrets", before));
        let outcome = run(&review(&pod), Some(quiet()), &config).injected();
        assert_eq!(outcome.after["spec"]["imagePullSecrets"], after);
    }
    assert!(create(&pod()).injected().after["spec"].get("imagePullSecrets").is_none());
}

#[test]
fn case_065_scheduling_stays() {
    let fields = json!({
        "schedulingGates": [{ "name": "wait" }],
        "priorityClassName": "high",
        "topologySpreadConstraints": [{ "maxSkew": 1 }],
        "runtimeClassName": "kata",
        "affinity": { "podAntiAffinity": {} },
        "tolerations": [{ "operator": "Exists" }],
        "serviceAccountName": "api",
    });
    let mut before = pod();
    for (key, value) in fields.as_object().unwrap() {
        before["spec"][key] = value.clone();
    }
    let after = create(&before).injected().after;
    for (key, value) in fields.as_object().unwrap() {
        assert_eq!(&after["spec"][key], value);
    }
}

#[test]
fn case_066_token_without_automount() {
    let before = with(pod(), "/spec/automountServiceAccountToken", json!(false));
    let outcome = create(&before).injected();
    assert_eq!(outcome.after["spec"]["automountServiceAccountToken"], false);
    let volumes = outcome.after["spec"]["volumes"].as_array().unwrap();
    let identity = volumes.iter().find(|one| one["name"] == "logtap-identity").unwrap();
    let sources = identity["projected"]["sources"].as_array().unwrap();
    let tokens: Vec<&Value> = sources.iter().filter_map(|one| one.get("serviceAccountToken")).collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().any(|token| token.get("audience").is_none()), "one for the API server");
    assert!(tokens.iter().any(|token| token["audience"] == "logtap"), "one for the receiver");
    assert!(sources.iter().any(|one| one["configMap"]["name"] == "kube-root-ca.crt"));
    assert!(sources.iter().any(|one| one["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"] == "metadata.namespace"));
    let mounts = outcome.forwarder()["volumeMounts"].as_array().unwrap();
    assert!(mounts.iter().any(|mount| mount["name"] == "logtap-identity" && mount["readOnly"] == true));
    assert!(!outcome.after["spec"]["containers"].to_string().contains("logtap-"), "the app sees none of it");
}
