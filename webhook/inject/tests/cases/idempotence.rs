//! Twice is once, beside other webhooks and in any order.

use logtap_inject::{Config, Mode};
use serde_json::{Value, json};

use crate::stage::{Outcome, annotated, config, create, create_in, namespace, pod, quiet, review, run, with};

fn done() -> Value {
    create(&pod()).injected().after
}

/// The index of the forwarder among the init containers.
fn at(pod: &Value) -> usize {
    let all = pod["spec"]["initContainers"].as_array().unwrap();
    all.iter().position(|one| one["name"] == "logtap-forwarder").unwrap()
}

fn stripped(mut pod: Value) -> Value {
    let index = at(&pod);
    pod["spec"]["initContainers"][index].as_object_mut().unwrap().remove("restartPolicy");
    pod
}

fn ordinary(pod: &Value) -> Outcome {
    run(&review(pod), Some(quiet()), &Config { mode: Mode::Container, ..config() })
}

#[test]
fn case_074_own_output() {
    for pod in [pod(), annotated("source", "node"), annotated("spool", "1Gi"), annotated("session", "x")] {
        let outcome = create(&create(&pod).injected().after);
        outcome.skipped("already_injected");
        assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
        ordinary(&ordinary(&pod).injected().after).skipped("already_injected");
    }
}

#[test]
fn case_075_other_webhooks_in_between() {
    let mut other = done();
    let init = other["spec"]["initContainers"].as_array_mut().unwrap();
    init.push(json!({ "name": "late" }));
    init.insert(0, json!({ "name": "early" }));
    other["spec"]["containers"].as_array_mut().unwrap().insert(0, json!({ "name": "proxy" }));
    other["spec"]["volumes"].as_array_mut().unwrap().reverse();
    other["spec"]["volumes"].as_array_mut().unwrap().push(json!({ "name": "certs", "emptyDir": {} }));
    create(&other).skipped("already_injected");
}

#[test]
fn case_076_restart_policy_is_put_back_once() {
    let mut moved = stripped(done());
    moved["spec"]["initContainers"].as_array_mut().unwrap().insert(0, json!({ "name": "early" }));
    for broken in [stripped(done()), moved, {
        let mut other = done();
        other["spec"]["initContainers"][0]["restartPolicy"] = json!(null);
        other
    }] {
        let outcome = create(&broken);
        assert_eq!(outcome.reason, "repaired");
        let index = at(&broken);
        assert_eq!(
            outcome.operations,
            [
                json!({ "op": "test", "path": format!("/spec/initContainers/{index}/name"), "value": "logtap-forwarder" }),
                json!({ "op": "add", "path": format!("/spec/initContainers/{index}/restartPolicy"), "value": "Always" }),
            ]
        );
        assert_eq!(outcome.forwarder()["restartPolicy"], "Always");
        create(&outcome.after).skipped("already_injected");
    }
    // Where the cluster knows no native sidecars the field would be dropped again.
    ordinary(&stripped(done())).skipped("already_injected");
    // An ordinary container has no such field to lose.
    let outcome = run(&review(&ordinary(&pod()).after), Some(quiet()), &config());
    outcome.skipped("already_injected");
}

#[test]
fn a_stranger_is_not_repaired() {
    let mut pod = stripped(done());
    let index = at(&pod);
    pod["spec"]["initContainers"][index]["env"] = json!([]);
    create(&pod).skipped("name_conflict");
}

#[test]
fn case_077_container_removed_by_another() {
    let mut pod = done();
    pod["spec"]["initContainers"] = json!([{ "name": "theirs" }]);
    let outcome = create(&pod).injected();
    assert_eq!(outcome.after["spec"]["initContainers"].as_array().unwrap().len(), 2);
    assert_eq!(outcome.after["spec"]["volumes"].as_array().unwrap().len(), 2, "volumes are still there, once");
}

#[test]
fn case_078_status_copied_into_the_template() {
    let status = done()["metadata"]["annotations"]["logtap.io/status"].clone();
    create(&with(pod(), "/metadata/annotations/logtap.io~1status", status)).injected();
}

#[test]
fn case_079_older_forwarder_is_left() {
    let mut pod = done();
    let index = at(&pod);
    pod["spec"]["initContainers"][index]["image"] = json!("ghcr.io/ppiankov/logtap-forwarder:1.0.0");
    let outcome = create(&pod);
    outcome.skipped("already_injected_old_version");
    assert!(outcome.response["auditAnnotations"]["explanation"].as_str().unwrap().contains("1.0.0"));
}

#[test]
fn case_081_other_sidecars_remain() {
    let init = json!([{ "name": "istio-init" }, { "name": "istio-proxy", "restartPolicy": "Always", "ports": [{ "containerPort": 15090 }] }, { "name": "vault-agent-init" }]);
    let containers =
        json!([{ "name": "api" }, { "name": "linkerd-proxy", "env": [{ "name": "X" }] }, { "name": "vault-agent" }]);
    let before = with(with(pod(), "/spec/initContainers", init), "/spec/containers", containers);
    let before = with(before, "/spec/volumes", json!([{ "name": "istio-envoy", "emptyDir": { "medium": "Memory" } }]));
    for outcome in [create(&before).injected(), ordinary(&before).injected()] {
        for list in ["initContainers", "containers", "volumes"] {
            let (old, new) =
                (before["spec"][list].as_array().unwrap(), outcome.after["spec"][list].as_array().unwrap());
            assert_eq!(old[..], new[..old.len()], "{list}");
        }
    }
}

#[test]
fn case_083_appending_to_what_the_patch_created() {
    // Two volumes into an absent list: the second must not need the first to be an element.
    let outcome = create(&pod()).injected();
    assert_eq!(outcome.after["spec"]["volumes"].as_array().unwrap().len(), 2);
    let lists = with(pod(), "/spec/volumes", json!([{ "name": "own", "emptyDir": {} }]));
    let lists = with(lists, "/spec/initContainers", json!([{ "name": "init" }]));
    for operation in outcome.operations.iter().chain(&create(&lists).injected().operations) {
        let path = operation["path"].as_str().unwrap();
        assert_eq!(operation["op"], "add");
        assert!(!path.contains("/containers/"), "{path}");
        // Never an element by its number.
        assert!(!path.split('/').any(|step| step.parse::<usize>().is_ok()), "{path}");
    }
    let empty = with(pod(), "/metadata/annotations", json!(null));
    let outcome = create_in(&empty, namespace(&[("logtap.io/tap", "enabled")], &[])).injected();
    assert_eq!(outcome.after["metadata"]["annotations"].as_object().unwrap().len(), 2);
}

#[test]
fn the_autoscaler_may_move_the_pod() {
    const KEY: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
    let pointer = "/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes";
    let table = [
        ("", "logtap-state"),
        ("cache", "cache,logtap-state"),
        ("a,b", "a,b,logtap-state"),
        ("logtap-state,a", "logtap-state,a"),
    ];
    for (before, after) in table {
        let outcome = create(&with(pod(), pointer, json!(before))).injected();
        assert_eq!(outcome.after["metadata"]["annotations"][KEY], after);
    }
    assert_eq!(create(&pod()).after["metadata"]["annotations"][KEY], "logtap-state");
    assert_eq!(
        create(&annotated("source", "node")).after["metadata"]["annotations"][KEY],
        "logtap-state,logtap-node-logs"
    );
}
