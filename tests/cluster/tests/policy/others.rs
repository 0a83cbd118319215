//! Twice is once, beside other webhooks and in any order; and names that are taken.

use logtap_cluster_tests::{Space, in_force, kubectl};
use serde_json::{Value, json};

use crate::{again, all, all_in, annotated, pod, saying, with};

fn list<'p>(pod: &'p mut Value, name: &str) -> &'p mut Vec<Value> {
    pod["spec"][name].as_array_mut().unwrap()
}

fn forwarder(pod: &mut Value) -> &mut Value {
    list(pod, "initContainers").iter_mut().find(|one| one["name"] == "logtap-forwarder").unwrap()
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_067_policy_names_that_are_not_ours() {
    let theirs = json!({ "name": "logtap-forwarder", "image": "theirs", "env": [{ "name": "OTHER", "value": "1" }] });
    let mut apps = pod();
    list(&mut apps, "containers").push(theirs.clone());
    let init = with(pod(), "/spec/initContainers", json!([theirs]));
    let volume = |name: &str, more: Value| {
        let mut volume = more;
        volume["name"] = name.into();
        with(pod(), "/spec/volumes", json!([volume]))
    };
    let volumes = [
        volume("logtap-state", json!({ "emptyDir": {} })),
        volume("logtap-state", json!({ "emptyDir": { "sizeLimit": "81Mi" } })),
        volume("logtap-identity", json!({ "secret": { "secretName": "s" } })),
        with(
            volume("logtap-node-logs", json!({ "emptyDir": {} })),
            "/metadata/annotations/logtap.io~1source",
            json!("node"),
        ),
    ];
    all("name_conflict", [apps, init].into_iter().chain(volumes));
    // Of no use to this pod's forwarder.
    all("injected", [volume("logtap-node-logs", json!({ "emptyDir": {} }))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_074_policy_own_output() {
    let pods = || [pod(), annotated("source", "node"), annotated("spool", "100M"), annotated("session", "x")];
    let found = all("injected", pods());
    all("already_injected", found.iter().map(again));
    let ordinary = Space::of("container");
    let found = all_in(&ordinary, "injected", pods());
    all_in(&ordinary, "already_injected", found.iter().map(again));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_075_policy_other_webhooks_in_between() {
    let mut done = again(&all("injected", [pod()])[0]);
    list(&mut done, "containers").push(json!({ "name": "mesh", "image": "mesh" }));
    list(&mut done, "volumes").insert(0, json!({ "name": "mesh", "emptyDir": {} }));
    list(&mut done, "initContainers").insert(0, json!({ "name": "mesh-init", "image": "mesh" }));
    list(&mut done, "volumes").reverse();
    all("already_injected", [done]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_076_policy_restart_policy_is_put_back_once() {
    let mut done = again(&all("injected", [pod()])[0]);
    forwarder(&mut done).as_object_mut().unwrap().remove("restartPolicy");
    let mut second = done.clone();
    list(&mut second, "initContainers").insert(0, json!({ "name": "mesh-init", "image": "mesh" }));
    let found = all("repaired", [done.clone(), second]);
    all("already_injected", found.iter().map(again));
    let off = with(done.clone(), "/metadata/annotations/logtap.io~1tap", json!("false"));
    all("opted_out", [off]);
    all_in(&Space::of("container"), "already_injected", [done]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_077_policy_container_removed_by_another() {
    let mut done = again(&all("injected", [pod()])[0]);
    list(&mut done, "initContainers").retain(|one| one["name"] != "logtap-forwarder");
    let mut bare = done.clone();
    list(&mut bare, "volumes").retain(|one| !one["name"].as_str().unwrap().starts_with("logtap-"));
    let found = all("injected", [done, bare]);
    for outcome in found {
        let names = outcome.after["spec"]["volumes"].as_array().unwrap().iter();
        assert_eq!(names.filter(|one| one["name"] == "logtap-state").count(), 1);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_078_policy_status_copied_into_the_template() {
    all("injected", [annotated("status", "{\"v\":1,\"mode\":\"native\",\"source\":\"api\",\"image\":\"x\"}")]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_079_policy_older_forwarder_is_left() {
    let mut done = again(&all("injected", [pod()])[0]);
    forwarder(&mut done)["image"] = "ghcr.io/ppiankov/logtap-forwarder:0.0.1".into();
    all("already_injected_old_version", [done.clone()]);
    all_in(&Space::of("images"), "already_injected", [done]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_080_policy_stale_volumes_are_reused_if_identical() {
    let volumes = |mut from: Value| {
        list(&mut from, "volumes").retain(|one| one["name"].as_str().unwrap().starts_with("logtap-"));
        from["spec"]["volumes"].clone()
    };
    let found = all(
        "injected",
        [pod(), annotated("source", "node"), annotated("spool", "100M"), annotated("spool", "65536Ki")],
    );
    let stale: Vec<Value> = found.iter().map(|one| volumes(one.after.clone())).collect();
    // The API server spells amounts in its own way; what we write has to be spelt so already.
    let nodes = with(annotated("source", "node"), "/spec/volumes", stale[1].clone());
    let spool = with(annotated("spool", "100M"), "/spec/volumes", stale[2].clone());
    all("injected", [with(pod(), "/spec/volumes", stale[0].clone()), nodes, spool]);
    let other = with(annotated("spool", "1Gi"), "/spec/volumes", stale[0].clone());
    all("name_conflict", [other]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_081_policy_other_sidecars_remain() {
    let init = json!([{ "name": "istio-init", "image": "i" }, { "name": "linkerd-proxy", "image": "l", "restartPolicy": "Always" }]);
    let mut pod = with(pod(), "/spec/initContainers", init);
    list(&mut pod, "containers").push(
        json!({ "name": "vault-agent", "image": "v", "volumeMounts": [{ "name": "home", "mountPath": "/home" }] }),
    );
    all("injected", [with(pod, "/spec/volumes", json!([{ "name": "home", "emptyDir": { "medium": "Memory" } }]))]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_082_policy_no_pod_matches_both() {
    let once = |space: Space| {
        for outcome in all_in(&space, "injected", [pod()]) {
            let all = outcome.after["spec"]["initContainers"].as_array().unwrap();
            assert_eq!(all.iter().filter(|one| one["name"] == "logtap-forwarder").count(), 1);
        }
    };
    ["enabled", "true", "Enabled", ""].into_iter().for_each(|value| once(Space::quiet().label("logtap.io/tap", value)));
    once(Space::quiet());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_083_policy_appending_to_what_the_patch_created() {
    let bare = with(saying(Some("true")), "/spec/automountServiceAccountToken", json!(false));
    let found = all_in(&Space::of("secrets"), "injected", [bare.clone()]);
    assert_eq!(found[0].after["spec"]["imagePullSecrets"].as_array().unwrap().len(), 2);
    let space = Space::of("secrets").annotation("logtap.io/tap", "true");
    all_in(&space, "injected", [with(bare, "/metadata/annotations", Value::Null)]);
}

/// The label of a namespace after writes of its annotation and label, one after the other.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_the_annotation_of_a_namespace_becomes_its_label() {
    in_force();
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let name = format!("test-mirror-{time}");
    let of = |metadata: &Value| {
        let metadata = json!({ "name": name, "labels": metadata["labels"], "annotations": metadata["annotations"] });
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
    };
    let config = json!({ "test.logtap.io/config": "usual" });
    let _made = kubectl(&["create", "-f", "-"], &of(&json!({ "labels": config })).to_string()).unwrap();
    let steps = [
        (json!({ "annotations": { "logtap.io/tap": "true" } }), json!("enabled")),
        (json!({ "annotations": { "logtap.io/tap": " FALSE " } }), json!("disabled")),
        (json!({ "annotations": { "logtap.io/tap": "Enabled" } }), json!("enabled")),
        (json!({ "annotations": { "logtap.io/tap": null } }), Value::Null),
        (json!({ "labels": { "logtap.io/tap": "disabled" } }), json!("disabled")),
        (json!({ "annotations": { "logtap.io/tap": "true" } }), json!("disabled")),
        (json!({ "labels": { "logtap.io/tap": null } }), json!("enabled")),
        (json!({ "annotations": { "logtap.io/tap": "maybe" } }), Value::Null),
        (json!({ "labels": { "logtap.io/tap": "enabled" } }), json!("enabled")),
        (json!({ "annotations": { "logtap.io/tap": null } }), json!("enabled")),
    ];
    for (at, (change, label)) in steps.into_iter().enumerate() {
        let patch = json!({ "metadata": change }).to_string();
        let text = kubectl(&["patch", "namespace", &name, "--type=merge", "-o", "json", "-p", &patch], "").unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found["metadata"]["labels"]["logtap.io/tap"], label, "step {at}");
    }
    let _gone = kubectl(&["delete", "namespace", &name, "--wait=false"], "").unwrap();
}
