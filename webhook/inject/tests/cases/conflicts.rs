//! Names that are taken.

use serde_json::{Value, json};

use crate::stage::{annotated, create, pod, with};

fn volume(outcome: &crate::stage::Outcome, name: &str) -> Value {
    let all = outcome.after["spec"]["volumes"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap().clone()
}

#[test]
fn case_067_names_that_are_not_ours() {
    let stranger = json!({ "name": "logtap-forwarder", "image": "mine:1" });
    for list in ["containers", "initContainers"] {
        let before = with(pod(), &format!("/spec/{list}"), json!([stranger]));
        let outcome = create(&before);
        outcome.skipped("name_conflict");
        assert!(outcome.warned(&["container named logtap-forwarder"]), "{:?}", outcome.warnings);
    }
    for name in ["logtap-identity", "logtap-state"] {
        let outcome = create(&with(pod(), "/spec/volumes", json!([{ "name": name, "secret": { "secretName": "s" } }])));
        outcome.skipped("name_conflict");
        assert!(outcome.warned(&["volume named", name]), "{:?}", outcome.warnings);
    }
    // A name that is not used in this pod conflicts with nothing.
    let volumes = json!([{ "name": "logtap-node-logs", "emptyDir": {} }]);
    create(&with(pod(), "/spec/volumes", volumes.clone())).injected();
    create(&with(annotated("source", "node"), "/spec/volumes", volumes)).skipped("name_conflict");
}

#[test]
fn case_068_mounts_are_in_our_container_only() {
    let mounts = json!([{ "name": "d", "mountPath": "/var/lib/logtap" }, { "name": "d", "mountPath": "/var/run/logtap/identity" }]);
    let before = with(pod(), "/spec/volumes", json!([{ "name": "d", "emptyDir": {} }]));
    let before = with(before, "/spec/containers/0/volumeMounts", mounts);
    let outcome = create(&before).injected();
    assert_eq!(outcome.after["spec"]["containers"], before["spec"]["containers"]);
    let paths: Vec<&Value> =
        outcome.forwarder()["volumeMounts"].as_array().unwrap().iter().map(|one| &one["mountPath"]).collect();
    assert_eq!(paths, ["/var/run/logtap/identity", "/var/lib/logtap"]);
}

#[test]
fn case_080_stale_volumes_are_reused_if_identical() {
    let first = create(&pod()).injected();
    let stale =
        json!([volume(&first, "logtap-state"), { "name": "own", "emptyDir": {} }, volume(&first, "logtap-identity")]);
    let outcome = create(&with(pod(), "/spec/volumes", stale.clone())).injected();
    assert_eq!(outcome.after["spec"]["volumes"], stale, "nothing is added twice");
    let other = with(pod(), "/spec/volumes", json!([{ "name": "logtap-state", "emptyDir": { "sizeLimit": "1Mi" } }]));
    create(&other).skipped("name_conflict");
}
