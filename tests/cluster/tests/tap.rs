//! `logtap tap` and `untap` on real workloads: pods get forwarders and lose them, and every object is
//! afterwards what it was before.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use logtap_cluster_tests::{
    Namespace, Ran, Receiver, Webhook, bare_pod, is_injected, logtap, settled, until, workload,
};
use logtap_inject::vocabulary::annotation;
use serde_json::{Value, json};

/// Runs for ever after one line.
const SCRIPT: &str = "echo it runs; trap exit TERM; while :; do sleep 0.2; done";

/// A pod that lives on and ends at once when it is told to.
fn app(name: &str) -> Value {
    bare_pod(name, SCRIPT)
}

fn tap(namespace: &Namespace, args: &[&str]) -> Ran {
    let target = Receiver::url(namespace);
    let all = ["tap", "-n", namespace.name(), "--target", &target, "--timeout", "90s"];
    logtap(&[&all, args].concat())
}

fn untap(namespace: &Namespace, args: &[&str]) -> Ran {
    logtap(&[&["untap", "-n", namespace.name(), "--timeout", "90s"], args].concat())
}

#[track_caller]
fn good(ran: Ran) -> Ran {
    assert_eq!(ran.status, Some(0), "{ran:?}");
    ran
}

/// Pods of an app that are not being deleted.
fn pods(namespace: &Namespace, name: &str) -> Vec<Value> {
    let text = namespace.kubectl(&["get", "pods", "-l", &format!("app={name}"), "-o", "json"], "").unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let all = list["items"].as_array().unwrap().iter();
    all.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
}

/// Creates a workload and waits until its pods run.
fn running(namespace: &Namespace, object: &Value) -> Value {
    namespace.create(object);
    let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
    if kind == "CronJob" || kind == "Rollout" {
        return namespace.get(kind, name).unwrap();
    }
    let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
    until("running pods", || {
        let ready = |pod: &&Value| pod["status"]["containerStatuses"][0]["state"]["running"].is_object();
        let found = pods(namespace, name).iter().filter(ready).count() as u64;
        if found == replicas { Ok(()) } else { Err(format!("{found} of {replicas}")) }
    });
    until("its status", || {
        let found = namespace.get(kind, name)?;
        if found["status"]["observedGeneration"] == found["metadata"]["generation"] {
            Ok(found)
        } else {
            Err(found["status"].to_string())
        }
    })
}

/// Taps, taps again, untaps, untaps again; what is tested is that nothing is left.
fn there_and_back(kind: &str, change: impl Fn(&mut Value)) {
    let _webhook = Webhook::install();
    let namespace = Namespace::new(&kind.to_lowercase(), "restricted");
    let _receiver = Receiver::start(&namespace);
    let mut object = workload(kind, "api", &app("api"));
    object["spec"]["template"]["metadata"]["annotations"] = json!({ "team": "shop", annotation::SPOOL: "32Mi" });
    change(&mut object);
    running(&namespace, &object);
    let before = namespace.get(kind, "api").unwrap();
    let named = format!("{}/api", kind.to_lowercase());

    let ran = good(tap(&namespace, &[&named, "--spool", "16Mi"]));
    assert!(ran.stdout.starts_with(&format!("{named}: ")), "{ran:?}");
    if !ran.stdout.contains("pending") {
        assert!(pods(&namespace, "api").iter().all(is_injected));
    }
    let tapped = namespace.get(kind, "api").unwrap();
    let ran = good(tap(&namespace, &[&named, "--spool", "16Mi"]));
    assert!(ran.stdout.contains("unchanged"), "{ran:?}");
    let again = namespace.get(kind, "api").unwrap();
    assert_eq!(again["metadata"]["generation"], tapped["metadata"]["generation"], "a second tap restarts nothing");
    assert_eq!(again["metadata"]["annotations"], tapped["metadata"]["annotations"]);

    good(untap(&namespace, &[&named]));
    let after = namespace.get(kind, "api").unwrap();
    assert_eq!(settled(&after), settled(&before));
    if kind != "ReplicaSet" {
        assert!(!pods(&namespace, "api").iter().any(is_injected));
    }
    let ran = good(untap(&namespace, &[&named]));
    assert!(ran.stdout.contains("unchanged"), "{ran:?}");
    let twice = namespace.get(kind, "api").unwrap();
    assert_eq!(twice["metadata"]["generation"], after["metadata"]["generation"], "a second untap changes nothing");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_deployment_returns_to_its_former_replica_set() {
    there_and_back("Deployment", |object| object["spec"]["replicas"] = 2.into());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_108_untap_leaves_no_trace_in_new_pods_nor_replica_sets() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("sets", "privileged");
    let _receiver = Receiver::start(&namespace);
    running(&namespace, &workload("Deployment", "api", &app("api")));
    let template = pods(&namespace, "api")[0]["metadata"]["labels"]["pod-template-hash"].clone();
    good(tap(&namespace, &["deploy/api"]));
    assert_ne!(pods(&namespace, "api")[0]["metadata"]["labels"]["pod-template-hash"], template);
    good(untap(&namespace, &["deploy/api"]));
    let back = pods(&namespace, "api");
    assert_eq!(back.len(), 1);
    assert_eq!(back[0]["metadata"]["labels"]["pod-template-hash"], template);
    let text = back[0].to_string();
    assert!(!text.contains("logtap.io/") && !text.contains("logtap-forwarder"), "{text}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_stateful_set_is_as_before() {
    there_and_back("StatefulSet", |object| object["spec"]["replicas"] = 2.into());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_daemon_set_is_as_before() {
    there_and_back("DaemonSet", |_| ());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_replica_set_is_as_before() {
    there_and_back("ReplicaSet", |_| ());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_cron_job_is_as_before() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("cron", "privileged");
    let template = json!({ "metadata": { "labels": { "app": "api" } }, "spec": app("api")["spec"] });
    namespace.create(&json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "api" },
        "spec": { "schedule": "0 0 1 1 *", "jobTemplate": { "spec": { "template": template } } },
    }));
    let before = namespace.get("CronJob", "api").unwrap();
    let ran = good(tap(&namespace, &["cronjob/api", "--no-probe"]));
    assert!(ran.stdout.contains("lines arrive with the next run"), "{ran:?}");
    namespace.kubectl(&["create", "job", "run", "--from", "cronjob/api"], "").unwrap();
    let pod = until("the run's pod", || {
        let list: Value = serde_json::from_str(&namespace.kubectl(&["get", "pods", "-o", "json"], "")?).unwrap();
        let found = list["items"].as_array().unwrap().first().cloned();
        found.ok_or_else(|| "none".to_owned())
    });
    assert!(is_injected(&pod));
    good(untap(&namespace, &["cronjob/api"]));
    assert_eq!(settled(&namespace.get("CronJob", "api").unwrap()), settled(&before));
}

/// Argo's controller is not here; the named fake is its object.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_rollout_is_as_before() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("rollout", "privileged");
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    namespace.apply(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "rollouts.argoproj.io" },
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": { "kind": "Rollout", "plural": "rollouts", "singular": "rollout" },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    }));
    let mut object = workload("Deployment", "api", &app("api"));
    object["apiVersion"] = "argoproj.io/v1alpha1".into();
    object["kind"] = "Rollout".into();
    object["spec"]["template"]["metadata"] = json!({ "labels": { "app": "api" } });
    until("the kind", || namespace.kubectl(&["create", "-f", "-"], &object.to_string()));
    let before = namespace.get("rollouts.argoproj.io", "api").unwrap();
    good(tap(&namespace, &["rollout/api", "--no-probe"]));
    let tapped = namespace.get("rollouts.argoproj.io", "api").unwrap();
    assert_eq!(tapped["spec"]["template"]["metadata"]["annotations"][annotation::TAP], "true");
    good(untap(&namespace, &["rollout/api"]));
    assert_eq!(settled(&namespace.get("rollouts.argoproj.io", "api").unwrap()), settled(&before));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn what_was_replaced_is_back_and_what_the_user_edited_stays() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("edited", "privileged");
    let _receiver = Receiver::start(&namespace);
    let mut object = workload("Deployment", "api", &app("api"));
    object["spec"]["template"]["metadata"]["annotations"] = json!({ annotation::TAP: "false", annotation::SPOOL: "8Mi", "config.linkerd.io/skip-outbound-ports": "5432", "linkerd.io/inject": "enabled" });
    running(&namespace, &object);
    good(tap(&namespace, &["--deployment", "api", "--spool", "16Mi"]));
    let tapped = namespace.get("deployment", "api").unwrap();
    assert_eq!(
        tapped["spec"]["template"]["metadata"]["annotations"]["config.linkerd.io/skip-outbound-ports"],
        "5432,443,3100"
    );
    let edit = json!({ "spec": { "template": { "metadata": { "annotations": { annotation::SPOOL: "64Mi", "mine": "1" } } } } });
    namespace.kubectl(&["patch", "deployment", "api", "--patch", &edit.to_string()], "").unwrap();
    let ran = good(untap(&namespace, &["--deployment", "api"]));
    assert!(ran.stderr.contains(&format!("left as somebody edited it: {}", annotation::SPOOL)), "{ran:?}");
    let after = namespace.get("deployment", "api").unwrap();
    let expected = json!({
        annotation::TAP: "false", annotation::SPOOL: "64Mi", "mine": "1",
        "config.linkerd.io/skip-outbound-ports": "5432", "linkerd.io/inject": "enabled",
    });
    assert_eq!(after["spec"]["template"]["metadata"]["annotations"], expected);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_109_a_second_tap_reuses_the_session_and_another_is_refused() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("twice", "privileged");
    let receiver = Receiver::start(&namespace);
    running(&namespace, &workload("Deployment", "api", &app("api")));
    good(tap(&namespace, &["--deployment", "api", "--session", "first"]));
    let lines = receiver.stored_until("it runs");
    assert_eq!(lines[0].labels["session"], "first");
    let uid = pods(&namespace, "api")[0]["metadata"]["uid"].clone();
    assert!(good(tap(&namespace, &["--deployment", "api"])).stdout.contains("unchanged"));
    let ran = tap(&namespace, &["--deployment", "api", "--session", "second"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("logtap.io/session=first"), "{ran:?}");
    assert_eq!(pods(&namespace, "api")[0]["metadata"]["uid"], uid, "nothing was restarted");
}
