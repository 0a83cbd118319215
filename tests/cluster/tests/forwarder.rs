//! The forwarder in pods as the webhook leaves them, from the app's output to the capture.

use logtap_cluster_tests::{Namespace, Receiver, Stored, app_pod, injected, job, until};
use logtap_inject::vocabulary::{annotation, sidecar};
use logtap_inject::{Config, Mode};
use serde_json::json;

/// Prints 1,000 numbered lines and goes on living.
const THOUSAND: &str = "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo \"line $i of  app\"; done; exec sleep 3600";

fn thousand() -> Vec<String> {
    (1..=1000).map(|n| format!("line {n} of  app")).collect()
}

fn texts(stored: &[Stored]) -> Vec<&str> {
    stored.iter().map(|line| line.text.as_str()).collect()
}

fn completes(namespace: &Namespace, name: &str) {
    until("the Job's end", || {
        let status = namespace.get("job", name)?["status"].clone();
        if status["succeeded"] == 1 { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn every_line_arrives_exactly_once() {
    let namespace = Namespace::new("lines", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", THOUSAND), &Config::default()));
    let stored = receiver.stored_until("line 1000 of  app");
    assert_eq!(texts(&stored), thousand());
    let expected = json!({
        "namespace": namespace.name(), "pod": "api", "container": "app", "app": "api", "session": "first",
        "node": namespace.get("pod", "api").unwrap()["spec"]["nodeName"],
    });
    assert!(stored.iter().all(|line| line.labels == expected), "{:?}", stored[0]);

    // The times are the kubelet's own.
    let logs = namespace.kubectl(&["logs", "api", "-c", "app", "--timestamps"], "").unwrap();
    let times: Vec<&str> = logs.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let stored: Vec<&str> = stored.iter().map(|line| line.time.as_str()).collect();
    assert_eq!(stored, times);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_job_ends_by_itself_with_its_last_line() {
    let namespace = Namespace::new("job", "baseline");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    for (name, mode) in [("native", Mode::Native), ("ordinary", Mode::Container)] {
        let script = format!("echo {name} begins; sleep 3; echo {name} ends");
        let config = Config { mode, ..Config::default() };
        let pod = injected(&namespace, app_pod(&namespace, name, &script), &config);
        namespace.create(&job(name, &pod));
        completes(&namespace, name);
        let stored = receiver.stored_until(&format!("{name} ends"));
        let own: Vec<&str> = texts(&stored).into_iter().filter(|text| text.starts_with(name)).collect();
        assert_eq!(own, [format!("{name} begins"), format!("{name} ends")]);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_restricted_namespace_admits_the_patched_pod() {
    let namespace = Namespace::new("restricted", "restricted");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let pod = app_pod(&namespace, "api", "echo restricted; exec sleep 3600");
    namespace.create(&injected(&namespace, pod, &Config::default()));
    assert_eq!(texts(&receiver.stored_until("restricted")), ["restricted"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_092_rights_and_receiver_may_come_later() {
    let namespace = Namespace::new("later", "privileged");
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", THOUSAND), &Config::default()));
    let log = until("the forwarder's complaint", || {
        let log = namespace.logs("api", sidecar::CONTAINER)?;
        if log.contains("not allowed") { Ok(log) } else { Err(log) }
    });
    assert_eq!(log.matches("not allowed").count(), 1, "{log}");
    assert!(log.contains("logtap-forwarder"), "{log}");
    namespace.grant();
    until("the second complaint", || {
        let log = namespace.logs("api", sidecar::CONTAINER)?;
        if log.contains("the target") { Ok(()) } else { Err(log) }
    });
    let receiver = Receiver::start(&namespace);
    assert_eq!(texts(&receiver.stored_until("line 1000 of  app")), thousand());
    let pod = namespace.get("pod", "api").unwrap();
    assert_eq!(pod["status"]["initContainerStatuses"][0]["restartCount"], 0);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn rights_may_come_when_the_app_is_over() {
    let namespace = Namespace::new("brief", "privileged");
    let receiver = Receiver::start(&namespace);
    namespace.create(&injected(&namespace, app_pod(&namespace, "brief", "echo brief"), &Config::default()));
    until("the app's end", || {
        let pod = namespace.get("pod", "brief")?;
        let state = &pod["status"]["containerStatuses"][0]["state"];
        if state["terminated"].is_object() { Ok(()) } else { Err(state.to_string()) }
    });
    namespace.grant();
    assert_eq!(texts(&receiver.stored_until("brief")), ["brief"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_114_a_deleted_pod_leaves_its_last_words() {
    let namespace = Namespace::new("deleted", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let script = "trap 'sleep 1; echo last words; exit' TERM; echo ready; while :; do sleep 0.1; done";
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", script), &Config::default()));
    assert_eq!(texts(&receiver.stored_until("ready")), ["ready"]);
    namespace.kubectl(&["delete", "pod", "api"], "").unwrap();
    assert_eq!(texts(&receiver.stored_until("last words")), ["ready", "last words"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_114_a_pod_deleted_at_once_after_a_line_has_sent_it() {
    let namespace = Namespace::new("at-once", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let script = "trap 'exit 0' TERM; n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done";
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", script), &Config::default()));
    drop(receiver.stored_until("line 20"));
    // Whatever was written until the app was told to end; the kubelet's own log is the judge.
    let logs = std::thread::scope(|scope| {
        let follow = scope.spawn(|| namespace.kubectl(&["logs", "api", "-c", "app", "--follow"], "").unwrap());
        std::thread::sleep(std::time::Duration::from_millis(500));
        namespace.kubectl(&["delete", "pod", "api"], "").unwrap();
        follow.join().unwrap()
    });
    let written: Vec<&str> = logs.lines().collect();
    assert_eq!(texts(&receiver.stored_until(written.last().unwrap())), written);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_113_rights_go_by_service_account() {
    let namespace = Namespace::new("accounts", "privileged");
    let receiver = Receiver::start(&namespace);
    for name in ["may", "may-not"] {
        namespace.apply(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } }));
    }
    namespace.grant_to(&json!([{ "kind": "ServiceAccount", "name": "may", "namespace": namespace.name() }]));
    for name in ["may", "may-not"] {
        let mut pod = app_pod(&namespace, name, &format!("echo {name} speaks; exec sleep 3600"));
        pod["spec"]["serviceAccountName"] = name.into();
        namespace.create(&injected(&namespace, pod, &Config::default()));
    }
    assert_eq!(texts(&receiver.stored_until("may speaks")), ["may speaks"]);
    let log = until("the other one's complaint", || {
        let log = namespace.logs("may-not", sidecar::CONTAINER)?;
        if log.contains("not allowed") { Ok(log) } else { Err(log) }
    });
    assert!(log.contains(namespace.name()) && log.contains("service account"), "{log}");
    assert_eq!(texts(&receiver.stored().unwrap()), ["may speaks"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_private_target_is_trusted_by_its_own_authority() {
    let namespace = Namespace::new("tls", "privileged");
    namespace.grant();
    let (receiver, ca) = Receiver::start_tls(&namespace);
    let mut pod = app_pod(&namespace, "api", "echo private; exec sleep 3600");
    let annotations = &mut pod["metadata"]["annotations"];
    annotations[annotation::TARGET] = Receiver::url(&namespace).replace("http:", "https:").into();
    let mut stranger = pod.clone();
    pod["metadata"]["annotations"][annotation::TARGET_CA] = ca.into();
    stranger["metadata"]["name"] = "stranger".into();
    for pod in [pod, stranger] {
        namespace.create(&injected(&namespace, pod, &Config::default()));
    }
    assert_eq!(texts(&receiver.stored_until("private")), ["private"]);
    // Public authorities do not vouch for this receiver.
    until("the complaint about the certificate", || {
        let log = namespace.logs("stranger", sidecar::CONTAINER)?;
        if log.contains("certificate") { Ok(()) } else { Err(log) }
    });
    assert_eq!(texts(&receiver.stored().unwrap()), ["private"]);
}
