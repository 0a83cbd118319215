//! What happens to pods when the webhook goes, comes back, changes or is removed, and when pods are
//! evicted.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};

use logtap_cluster_tests::{Namespace, Receiver, Webhook, app_pod, is_injected, until, workload};
use logtap_inject::vocabulary::sidecar;
use serde_json::{Value, json};

const ENDLESS: &str = "echo lives; exec sleep 3600";

fn pods_of(namespace: &Namespace, app: &str) -> Result<Vec<Value>, String> {
    let text = namespace.kubectl(&["get", "pods", "-l", &format!("app={app}"), "-o", "json"], "")?;
    let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap()
}

/// The pod once all its containers run.
fn running(namespace: &Namespace, pod: &str) -> Value {
    until(&format!("{pod} to run"), || {
        let pod = namespace.get("pod", pod)?;
        let ready = pod["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
        if ready { Ok(pod) } else { Err(pod["status"].to_string()) }
    })
}

/// What must not change in a pod that is left alone.
fn identity(pod: &Value) -> Value {
    let of = |list: &str| -> Vec<Value> {
        let all = pod["status"][list].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| json!([one["name"], one["containerID"], one["restartCount"]])).collect()
    };
    json!([pod["metadata"]["uid"], pod["spec"], of("initContainerStatuses"), of("containerStatuses")])
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_098_without_replicas_pods_start_untapped_and_in_time() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("away", "restricted");
    let _receiver = Receiver::start(&namespace);
    webhook.scale(0);
    let began = Instant::now();
    namespace.create(&app_pod(&namespace, "missed", ENDLESS));
    // One attempt of the API server, which waits 3 s at most.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let mut deployment = workload("Deployment", "many", &app_pod(&namespace, "many", ENDLESS));
    deployment["spec"]["replicas"] = 3.into();
    namespace.create(&deployment);
    let missed = running(&namespace, "missed");
    assert!(!is_injected(&missed));
    until("three ready replicas", || {
        let status = namespace.get("deployment", "many")?["status"].clone();
        if status["readyReplicas"] == 3 { Ok(()) } else { Err(status.to_string()) }
    });
    // Back again, it leaves them alone; what is new is tapped.
    webhook.scale(2);
    assert_eq!(identity(&running(&namespace, "missed")), identity(&missed));
    namespace.create(&app_pod(&namespace, "new", ENDLESS));
    assert!(is_injected(&running(&namespace, "new")));
    namespace.kubectl(&["rollout", "restart", "deployment", "many"], "").unwrap();
    namespace.kubectl(&["rollout", "status", "deployment", "many", "--timeout=90s"], "").unwrap();
    until("only tapped pods", || {
        let pods = pods_of(&namespace, "many")?;
        let tapped = pods.iter().filter(|pod| is_injected(pod)).count();
        if tapped == 3 && pods.len() == 3 { Ok(()) } else { Err(format!("{tapped} of {}", pods.len())) }
    });
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_105_removal_leaves_running_pods_alone() {
    let mut webhook = Webhook::alone();
    let namespace = Namespace::new("removed", "restricted");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 1; done";
    namespace.create(&app_pod(&namespace, "old", script));
    assert_eq!(receiver.stored_until("line 3").iter().filter(|line| line.text == "line 3").count(), 1);
    let before = running(&namespace, "old");
    webhook.remove();
    let began = Instant::now();
    namespace.create(&app_pod(&namespace, "new", ENDLESS));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!is_injected(&running(&namespace, "new")));
    // Nothing of the old pod was touched.
    assert_eq!(identity(&running(&namespace, "old")), identity(&before));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_112_a_tapped_pod_is_evicted_as_any_other() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("evicted", "restricted");
    let _receiver = Receiver::start(&namespace);
    let mut deployment = workload("Deployment", "api", &app_pod(&namespace, "api", ENDLESS));
    deployment["spec"]["replicas"] = 2.into();
    namespace.create(&deployment);
    namespace.create(&json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": { "name": "api" },
        "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "api" } } },
    }));
    let allowed = || {
        until("a disruption to be allowed", || {
            let status = namespace.get("pdb", "api")?["status"].clone();
            if status["disruptionsAllowed"] == 1 { Ok(()) } else { Err(status.to_string()) }
        });
    };
    let evict = |pod: &str| {
        let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod } });
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", namespace.name());
        namespace.kubectl(&["create", "--raw", &path, "-f", "-"], &eviction.to_string())
    };
    allowed();
    let old = pods_of(&namespace, "api").unwrap();
    assert!(old.len() == 2 && old.iter().all(is_injected));
    evict(name(&old[0])).unwrap();
    // The budget holds for tapped pods too.
    let refusal = evict(name(&old[1])).unwrap_err();
    assert!(refusal.contains("disruption budget"), "{refusal}");
    allowed();
    evict(name(&old[1])).unwrap();
    allowed();
    until("the evicted pods' end", || {
        let pods = pods_of(&namespace, "api")?;
        let gone = old.iter().all(|old| pods.iter().all(|pod| name(pod) != name(old)));
        if gone && pods.len() == 2 && pods.iter().all(is_injected) {
            Ok(())
        } else {
            Err(format!("{} pods", pods.len()))
        }
    });
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_119_an_upgrade_leaves_old_sidecars_alone() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("upgraded", "restricted");
    let receiver = Receiver::start(&namespace);
    namespace.create(&app_pod(&namespace, "old", ENDLESS));
    assert_eq!(receiver.stored_until("lives").len(), 1);
    let before = running(&namespace, "old");
    let next = "ghcr.io/ppiankov/logtap-forwarder:next";
    webhook.flags(&[&format!("--forwarder-image={next}"), "--memory-limit=96Mi"]);
    webhook.settled();
    // New pods are as the new version makes them.
    let made = until("a pod of the new kind", || {
        let pod = app_pod(&namespace, "new", ENDLESS).to_string();
        let text = namespace.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &pod)?;
        let pod: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let image = &pod["spec"]["initContainers"][0]["image"];
        if image == next { Ok(pod) } else { Err(image.to_string()) }
    });
    assert_eq!(made["spec"]["initContainers"][0]["resources"], json!({}), "the pod is of class BestEffort");
    // The old one was not touched, and an old pod that is offered again stays as it is.
    let after = running(&namespace, "old");
    assert_eq!(identity(&after), identity(&before));
    let mut copy = after;
    copy["metadata"] = json!({
        "name": "copy", "labels": copy["metadata"]["labels"], "annotations": copy["metadata"]["annotations"],
    });
    copy["spec"]["nodeName"] = Value::Null;
    copy["status"] = Value::Null;
    let answer = namespace.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &copy.to_string());
    let made: Value = serde_json::from_str(&answer.unwrap()).unwrap();
    let forwarders = made["spec"]["initContainers"].as_array().unwrap();
    let ours: Vec<&Value> = forwarders.iter().filter(|one| one["name"] == sidecar::CONTAINER).collect();
    assert_eq!((ours.len(), &ours[0]["image"]), (1, &before["spec"]["initContainers"][0]["image"]));
}
