//! Every kind of workload, tapped by nothing but its annotation: the webhook adds the forwarder, and
//! the granter the right to read.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use logtap_cluster_tests::{Namespace, Receiver, Webhook, app_pod, job, until, workload};
use logtap_inject::vocabulary::sidecar;
use serde_json::{Value, json};

/// Whether the forwarder runs now, or ran to its good end.
fn has_run(pod: &Value) -> Result<(), String> {
    let of = |list: &str| pod["status"][list].as_array().cloned().unwrap_or_default();
    let all = [of("initContainerStatuses"), of("containerStatuses")].concat();
    let Some(status) = all.iter().find(|one| one["name"] == sidecar::CONTAINER) else {
        return Err(format!("no forwarder in {}", pod["metadata"]["name"]));
    };
    let state = &status["state"];
    if state["running"].is_object() || state["terminated"]["exitCode"] == 0 { Ok(()) } else { Err(state.to_string()) }
}

fn pods_of(namespace: &Namespace, app: &str) -> Result<Vec<Value>, String> {
    let text = namespace.kubectl(&["get", "pods", "-l", &format!("app={app}"), "-o", "json"], "")?;
    let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_084_every_kind_gets_a_running_sidecar() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("kinds", "restricted");
    let receiver = Receiver::start(&namespace);
    let endless = |name: &str| app_pod(&namespace, name, &format!("echo {name} lives; exec sleep 3600"));
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
    for kind in kinds {
        let name = kind.to_lowercase();
        namespace.create(&workload(kind, &name, &endless(&name)));
    }
    namespace.create(&endless("pod"));
    namespace.create(&job("job", &app_pod(&namespace, "job", "echo job lives")));
    let run = job("cronjob", &app_pod(&namespace, "cronjob", "echo cronjob lives"));
    namespace.create(&json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": { "name": "cronjob" },
        // Its next run is far away; that one is made by hand, from the same template.
        "spec": { "schedule": "0 0 29 2 *", "jobTemplate": { "spec": run["spec"] } },
    }));
    namespace.kubectl(&["create", "job", "now", "--from=cronjob/cronjob"], "").unwrap();
    for name in kinds.map(str::to_lowercase).iter().map(String::as_str).chain(["pod", "job", "cronjob"]) {
        until(&format!("the forwarder of {name}"), || {
            let pods = pods_of(&namespace, name)?;
            if pods.is_empty() { Err("no pod yet".to_owned()) } else { pods.iter().try_for_each(has_run) }
        });
        let stored = receiver.stored_until(&format!("{name} lives"));
        let of_it = stored.iter().filter(|line| line.text == format!("{name} lives")).count();
        assert_eq!(of_it, 1, "{stored:?}");
    }
}

/// Jobs that succeed and fail, with the forwarder as it is configured.
fn jobs_end(namespace: &Namespace, form: &str) {
    let good = format!("good-{form}");
    namespace.create(&job(&good, &app_pod(namespace, &good, "echo good; sleep 1")));
    let bad = format!("bad-{form}");
    let mut failing = job(&bad, &app_pod(namespace, &bad, "echo bad; exit 3"));
    failing["spec"]["backoffLimit"] = 1.into();
    namespace.create(&failing);
    let ends = |name: &str, condition: &str| {
        until(&format!("the end of {name}"), || {
            let status = namespace.get("job", name)?["status"].clone();
            let all = status["conditions"].as_array().cloned().unwrap_or_default();
            let met = all.iter().any(|one| one["type"] == condition && one["status"] == "True");
            if met { Ok(status) } else { Err(status.to_string()) }
        })
    };
    assert_eq!(ends(&good, "Complete")["succeeded"], 1);
    let failed = ends(&bad, "Failed");
    assert_eq!(failed["failed"], 2, "one try and one more: {failed}");
    for pod in pods_of(namespace, &bad).unwrap() {
        let app = pod["status"]["containerStatuses"].as_array().unwrap();
        let app = app.iter().find(|one| one["name"] == "app").unwrap();
        assert_eq!(app["state"]["terminated"]["exitCode"], 3, "{pod:#}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_085_jobs_end_by_themselves_and_keep_their_exit_codes() {
    {
        let _webhook = Webhook::install();
        let namespace = Namespace::new("jobs", "restricted");
        let _receiver = Receiver::start(&namespace);
        jobs_end(&namespace, "native");
    }
    let webhook = Webhook::alone();
    webhook.flags(&["--native-sidecars=never"]);
    webhook.settled();
    let namespace = Namespace::new("jobs", "restricted");
    let _receiver = Receiver::start(&namespace);
    jobs_end(&namespace, "ordinary");
    let pods = pods_of(&namespace, "good-ordinary").unwrap();
    assert!(pods[0]["spec"]["containers"].as_array().unwrap().iter().any(|one| one["name"] == sidecar::CONTAINER));
}
