//! Shapes of the object: what is missing, null, empty, odd or new survives.

use std::time::Instant;

use serde_json::{Value, json};

use crate::stage::{annotated, create, create_in, namespace, pod, review, run, with};

fn enabled() -> logtap_inject::NamespaceSettings {
    namespace(&[("logtap.io/tap", "enabled")], &[])
}

/// Each value of `before` is in `after`, in its place; lists may have grown at their end.
#[track_caller]
fn assert_kept(before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                assert_kept(value, after.get(key).unwrap_or_else(|| panic!("{key} is gone")));
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            assert!(before.len() <= after.len());
            for (before, after) in before.iter().zip(after) {
                assert_eq!(before, after);
            }
        }
        _ => assert_eq!(before, after),
    }
}

#[test]
fn case_041_no_annotations() {
    let mut missing = pod();
    missing["metadata"].as_object_mut().unwrap().remove("annotations");
    for pod in
        [missing, with(pod(), "/metadata/annotations", json!(null)), with(pod(), "/metadata/annotations", json!({}))]
    {
        let outcome = create_in(&pod, enabled()).injected();
        assert!(outcome.after["metadata"]["annotations"]["logtap.io/status"].is_string());
    }
}

#[test]
fn case_042_labels_are_untouched() {
    let mut none = pod();
    none["metadata"].as_object_mut().unwrap().remove("labels");
    let labels = [json!(null), json!({}), json!({ "app": "x", "pod-template-hash": "1" })];
    for pod in labels.into_iter().map(|labels| with(pod(), "/metadata/labels", labels)).chain([none]) {
        let outcome = create(&pod).injected();
        assert_eq!(outcome.after["metadata"].get("labels"), pod["metadata"].get("labels"));
        assert!(!outcome.operations.iter().any(|one| one["path"].as_str().unwrap().contains("labels")));
    }
}

#[test]
fn case_043_no_volumes() {
    let empty = [json!(null), json!([])].map(|value| with(pod(), "/spec/volumes", value));
    for pod in empty.into_iter().chain([pod()]) {
        let after = create(&pod).injected().after;
        let names: Vec<&Value> = after["spec"]["volumes"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["logtap-identity", "logtap-state"]);
    }
    let own = with(pod(), "/spec/volumes", json!([{ "name": "data", "emptyDir": {} }]));
    assert_kept(&own, &create(&own).injected().after);
}

#[test]
fn case_044_no_init_containers() {
    let empty = [json!(null), json!([])].map(|value| with(pod(), "/spec/initContainers", value));
    for pod in empty.into_iter().chain([pod()]) {
        assert_eq!(create(&pod).injected().after["spec"]["initContainers"].as_array().unwrap().len(), 1);
    }
    let own = with(pod(), "/spec/initContainers", json!([{ "name": "migrate" }, { "name": "warm" }]));
    let after = create(&own).injected().after;
    assert_eq!(after["spec"]["initContainers"][2]["name"], "logtap-forwarder", "last, so that nobody waits for us");
    assert_kept(&own, &after);
}

#[test]
fn case_045_no_containers() {
    let mut missing = pod();
    missing["spec"].as_object_mut().unwrap().remove("containers");
    for pod in [missing, with(pod(), "/spec/containers", json!([])), with(pod(), "/spec/containers", json!(null))] {
        create(&pod).skipped("no_containers");
    }
    for spec in [json!(null), json!({})] {
        create(&with(pod(), "/spec", spec)).skipped("no_containers");
    }
}

#[test]
fn case_046_generate_name_only() {
    for name in [json!(null), json!("")] {
        let outcome = create(&with(pod(), "/metadata/name", name.clone())).injected();
        assert_eq!(outcome.after["metadata"]["name"], name);
        assert_eq!(outcome.after["metadata"]["generateName"], "api-7d9f-");
    }
}

#[test]
fn case_047_namespace_only_in_the_request() {
    for namespace in [json!(""), json!(null)] {
        create(&with(pod(), "/metadata/namespace", namespace)).injected();
    }
}

#[test]
fn case_048_no_metadata() {
    let mut missing = pod();
    missing.as_object_mut().unwrap().remove("metadata");
    for pod in [missing, with(pod(), "/metadata", json!(null)), with(pod(), "/metadata", json!({}))] {
        let outcome = create_in(&pod, enabled()).injected();
        assert!(outcome.after["metadata"]["annotations"]["logtap.io/status"].is_string());
    }
}

#[test]
fn case_049_slashes_and_tildes_in_keys() {
    let keys = json!({ "logtap.io/tap": "true", "a/b~c": "1", "~1": "2", "~0~": "3", "/": "4", "m~n/o~1": "5" });
    let before = with(pod(), "/metadata/annotations", keys);
    let outcome = create(&before).injected();
    assert_kept(&before, &outcome.after);
    assert_eq!(outcome.after["metadata"]["annotations"].as_object().unwrap().len(), 8);
    let added = outcome.operations.iter().any(|one| one["path"] == "/metadata/annotations/logtap.io~1status");
    assert!(added, "{:?}", outcome.operations);
}

#[test]
fn case_050_status_replaces_only_itself() {
    let before = with(annotated("status", "stale"), "/metadata/annotations/other", json!("kept"));
    let after = create(&before).injected().after;
    let status = after["metadata"]["annotations"]["logtap.io/status"].as_str().unwrap();
    let status: Value = serde_json::from_str(status).unwrap();
    assert_eq!(status["v"], 1);
    assert_eq!((&status["mode"], &status["source"]), (&json!("native"), &json!("api")));
    assert_eq!(after["metadata"]["annotations"]["other"], "kept");
}

#[test]
fn case_051_unknown_fields_survive() {
    let before = with(pod(), "/spec/futureField", json!({ "a": [1, null, { "b": "c" }] }));
    let before = with(before, "/spec/containers/0/restartPolicyRules", json!([{ "action": "Restart" }]));
    let before = with(before, "/spec/volumes", json!([{ "name": "v", "newSource": { "x": 1.5 } }]));
    let before = with(before, "/metadata/newer", json!(true));
    assert_kept(&before, &create(&before).injected().after);
}

#[test]
fn case_052_other_native_sidecars_stay_native() {
    let init = json!([{ "name": "istio-proxy", "restartPolicy": "Always" }, { "name": "once" }]);
    let before = with(pod(), "/spec/initContainers", init.clone());
    let after = create(&before).injected().after;
    assert_eq!(after["spec"]["initContainers"][0], init[0]);
    assert_eq!(after["spec"]["initContainers"][1], init[1]);
}

#[test]
fn case_053_huge_pod() {
    let env: Vec<Value> =
        (0..2000).map(|at| json!({ "name": format!("VARIABLE_{at}"), "value": "x".repeat(80) })).collect();
    let containers: Vec<Value> = (0..64).map(|at| json!({ "name": format!("c{at}"), "image": "i" })).collect();
    let big = with(pod(), "/spec/containers", json!(containers));
    let big = with(big, "/spec/containers/0/env", json!(env));
    assert!(review(&big).to_string().len() > 230_000);
    create(&big).injected();
    let body = review(&big).to_string();
    let best = (0..10)
        .map(|_| {
            let start = Instant::now();
            let answer = logtap_inject::handle(body.as_bytes(), |_| Some(enabled()), &crate::stage::config());
            assert_eq!(answer.unwrap().reason, "injected");
            start.elapsed()
        })
        .min();
    assert!(best.unwrap().as_millis() < 50, "{best:?}");
}

#[test]
fn case_054_odd_text_is_escaped() {
    let odd = "quote \" backslash \\ newline \n tab \t bell \u{7} emoji 🦀 \u{202e} rtl";
    let before = with(pod(), "/metadata/annotations/note", json!(odd));
    let before = with(before, "/metadata/annotations/a\"b\\c", json!("x"));
    let before = with(before, "/metadata/labels/app", json!(odd));
    let outcome = create(&before).injected();
    assert_kept(&before, &outcome.after);
    assert_eq!(outcome.env("LOGTAP_APP"), Some(odd));
    // In a warning, which becomes a header, no control character may be left.
    let bad = create(&with(pod(), "/metadata/annotations/logtap.io~1session", json!(odd))).injected();
    assert!(!bad.warnings.is_empty());
    assert!(bad.warnings.iter().all(|one| !one.chars().any(char::is_control)), "{:?}", bad.warnings);
}

#[test]
fn case_055_numbers_survive() {
    let text = pod().to_string().replace(
        r#""restartPolicy":"Always""#,
        r#""n":[1e3,1.50,9007199254740993,18446744073709551615,-0,0.1,1E-7],"q":"1e3","restartPolicy":"Always""#,
    );
    let before: Value = serde_json::from_str(&text).unwrap();
    let outcome = create(&before).injected();
    assert_kept(&before, &outcome.after);
    // Survival does not hang on how this test reads numbers: no operation comes near them.
    let paths: Vec<&str> = outcome.operations.iter().map(|one| one["path"].as_str().unwrap()).collect();
    let near = ["/spec/volumes", "/spec/initContainers", "/metadata/annotations/"];
    assert!(paths.iter().all(|path| near.iter().any(|start| path.starts_with(start))), "{paths:?}");
}

#[test]
fn odd_shapes_are_left_alone() {
    let odd = [
        ("/metadata", json!([])),
        ("/metadata/annotations", json!(["logtap.io/tap"])),
        ("/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes", json!(3)),
        ("/spec", json!("text")),
        ("/spec/volumes", json!({})),
        ("/spec/initContainers", json!("x")),
        ("/spec/containers", json!({ "name": "x" })),
        ("/spec/imagePullSecrets", json!(1)),
    ];
    for (pointer, value) in odd {
        create_in(&with(pod(), pointer, value), enabled()).skipped("malformed");
    }
    for object in [json!([]), json!("pod"), json!(1)] {
        run(&review(&object), Some(enabled()), &crate::stage::config()).skipped("malformed");
    }
    for element in [json!(null), json!(1), json!({}), json!({ "name": 1 }), json!({ "env": 5, "resources": [] })] {
        create(&with(pod(), "/spec/containers", json!([element, { "name": "api" }]))).injected();
    }
}
