//! What the cluster's other rules make of a pod with a forwarder: Pod Security, quotas, limit ranges,
//! autoscalers; and namespaces that come at the same moment as their pods.

use logtap_cluster_tests::{Namespace, Receiver, Webhook, app_pod, is_injected, kubectl, until, workload};
use logtap_inject::vocabulary::{annotation, label, sidecar};
use serde_json::{Value, json};

/// What the API server makes of a pod, or why it refuses; nothing is kept.
fn offer(namespace: &Namespace, pod: &Value) -> Result<Value, String> {
    let text = namespace.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &pod.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn with_resources(namespace: &Namespace, name: &str, resources: Value) -> Value {
    let mut pod = app_pod(namespace, name, "exec sleep 3600");
    pod["spec"]["containers"][0]["resources"] = resources;
    pod
}

fn annotated(mut pod: Value, key: &str, value: &str) -> Value {
    pod["metadata"]["annotations"][key] = value.into();
    pod
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_094_every_level_of_pod_security_admits_the_pod() {
    let _webhook = Webhook::install();
    for level in ["privileged", "baseline", "restricted"] {
        let namespace = Namespace::new(level, level);
        let receiver = Receiver::start(&namespace);
        namespace.create(&app_pod(&namespace, "api", &format!("echo {level}; exec sleep 3600")));
        assert!(is_injected(&namespace.get("pod", "api").unwrap()));
        assert_eq!(receiver.stored_until(level)[0].text, level);
        // The kubelet's files cannot be had below privileged; the pod comes up all the same.
        let pod = annotated(app_pod(&namespace, "files", "exec sleep 3600"), annotation::SOURCE, "node");
        let made = offer(&namespace, &pod).unwrap();
        let volumes = made["spec"]["volumes"].as_array().unwrap();
        let has_files = volumes.iter().any(|one| one["name"] == sidecar::NODE_LOGS_VOLUME);
        assert_eq!((is_injected(&made), has_files), (true, level == "privileged"), "{level}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_095_a_quota_that_wants_limits_admits_the_pod() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("quota", "restricted");
    let quota = |name: &str, hard: Value| {
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": name }, "spec": { "hard": hard },
        }));
        until("the quota to be counted", || {
            let status = namespace.get("resourcequota", name)?["status"]["used"].clone();
            if status.is_object() { Ok(()) } else { Err(status.to_string()) }
        });
    };
    let resources =
        json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "32Mi", "cpu": "1" } });
    let pod = with_resources(&namespace, "api", resources);
    quota("memory", json!({ "requests.cpu": "4", "requests.memory": "4Gi", "limits.memory": "4Gi" }));
    namespace.create(&pod);
    assert!(is_injected(&namespace.get("pod", "api").unwrap()));

    // A limit of CPU is set only where somebody asked for it, and the refusal names who lacks one.
    quota("cpu", json!({ "limits.cpu": "4" }));
    let mut second = pod;
    second["metadata"]["name"] = "second".into();
    let refusal = offer(&namespace, &second).unwrap_err();
    assert!(refusal.contains("limits.cpu") && refusal.contains(sidecar::CONTAINER), "{refusal}");
    namespace.create(&annotated(second, annotation::CPU_LIMIT, "100m"));
    assert!(is_injected(&namespace.get("pod", "second").unwrap()));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_095_a_limit_range_is_met_with_annotations() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("range", "restricted");
    let range = |limits: Value| {
        let mut limits = limits;
        limits["type"] = "Container".into();
        namespace.apply(&json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "range" }, "spec": { "limits": [limits] },
        }));
    };
    let resources = json!({ "requests": { "memory": "16Mi" }, "limits": { "memory": "24Mi" } });
    let pod = with_resources(&namespace, "api", resources);
    // The API server hears of a limit range, and of its change, a moment later.
    let refused = |pod: &Value, what: &str| {
        until(&format!("the refusal for {what}"), || match offer(&namespace, pod) {
            Ok(_) => Err("it is admitted".to_owned()),
            Err(refusal) if refusal.contains(what) => Ok(()),
            Err(other) => Err(other),
        });
    };
    // Below the forwarder's usual limit.
    range(json!({ "max": { "memory": "32Mi" } }));
    refused(&pod, "maximum memory usage per Container is 32Mi");
    let small = annotated(pod.clone(), annotation::MEMORY_LIMIT, "32Mi");
    assert!(is_injected(&offer(&namespace, &small).unwrap()));

    // The usual limit is four times the usual request.
    range(json!({ "maxLimitRequestRatio": { "memory": "2" } }));
    refused(&pod, "memory max limit to request ratio per Container is 2");
    let even = annotated(pod.clone(), annotation::MEMORY_REQUEST, "64Mi");
    assert!(is_injected(&offer(&namespace, &even).unwrap()));

    // Above the forwarder's usual request.
    range(json!({ "min": { "memory": "20Mi" } }));
    let mut more =
        with_resources(&namespace, "api", json!({ "requests": { "memory": "24Mi" }, "limits": { "memory": "24Mi" } }));
    refused(&more, "minimum memory usage per Container is 20Mi");
    more = annotated(more, annotation::MEMORY_REQUEST, "24Mi");
    assert!(is_injected(&offer(&namespace, &more).unwrap()));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_096_a_target_behind_a_closed_door_is_named_once_and_the_app_runs() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("policy", "restricted");
    // This cluster's network enforces no policies: an address where nobody listens stands for one.
    namespace.apply(&json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": "nothing" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
    }));
    let target = "http://127.0.0.1:9";
    let pod = annotated(app_pod(&namespace, "api", "echo shut in; exec sleep 3600"), annotation::TARGET, target);
    namespace.create(&pod);
    let log = until("the forwarder's complaint", || {
        let log = namespace.logs("api", sidecar::CONTAINER)?;
        if log.contains("cannot be reached") { Ok(log) } else { Err(log) }
    });
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("cannot be reached")).collect();
    assert!(complaints.len() == 1 && complaints[0].contains(target), "{log}");
    let pod = until("the pod to be ready", || {
        let pod = namespace.get("pod", "api")?;
        let status = &pod["status"];
        let ready = status["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
        if ready { Ok(pod) } else { Err(status.to_string()) }
    });
    assert_eq!(pod["status"]["initContainerStatuses"][0]["restartCount"], 0);
}

/// Without a metrics API no autoscaler computes here. It divides by the sum of the requests, and gives
/// up where one container has none: that every container has one is what it needs of us.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_097_an_autoscaler_finds_a_request_on_every_container() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("scaled", "restricted");
    let pod = with_resources(&namespace, "api", json!({ "requests": { "cpu": "50m", "memory": "16Mi" } }));
    namespace.create(&workload("Deployment", "api", &pod));
    namespace.create(&json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "api" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "api" },
            "maxReplicas": 3,
            "metrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } } }],
        },
    }));
    let made = until("the pod", || {
        let text = namespace.kubectl(&["get", "pods", "-l", "app=api", "-o", "json"], "")?;
        let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        list["items"].get(0).cloned().ok_or_else(|| "none yet".to_owned())
    });
    let list = |name: &str| made["spec"][name].as_array().cloned().unwrap_or_default();
    let all = [list("initContainers"), list("containers")].concat();
    assert_eq!(all.len(), 2);
    for container in all {
        let requests = &container["resources"]["requests"];
        assert!(requests["cpu"].is_string() && requests["memory"].is_string(), "{container:#}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_106_a_namespace_and_its_pod_in_one_apply() {
    let _webhook = Webhook::install();
    let ways = [("labels", label::TAP, label::ENABLED), ("annotations", annotation::TAP, "true")];
    for number in 0..10 {
        let (place, key, value) = ways[number % 2];
        let name = format!("test-together-{number}");
        let mut space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        space["metadata"][place] = json!({ key: value });
        let account =
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "app", "namespace": name } });
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "api", "namespace": name, "annotations": { annotation::TARGET: "http://127.0.0.1:9" } },
            "spec": {
                "serviceAccountName": "app",
                "containers": [{ "name": "app", "image": "localhost/logtap-app:1", "args": ["exec sleep 3600"] }],
            },
        });
        let all = json!({ "apiVersion": "v1", "kind": "List", "items": [space, account, pod] });
        kubectl(&["apply", "-f", "-"], &all.to_string()).unwrap();
        let text = kubectl(&["--namespace", &name, "get", "pod", "api", "-o", "json"], "").unwrap();
        assert!(is_injected(&serde_json::from_str(&text).unwrap()), "{place} of {name}");
        kubectl(&["delete", "namespace", &name, "--wait=false"], "").unwrap();
    }
}
