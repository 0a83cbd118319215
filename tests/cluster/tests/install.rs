//! `logtap install` and `uninstall`, and a newcomer's way from one to the other.
//!
//! One test at a time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use logtap_cluster_tests::{Namespace, Ran, bare_pod, kubectl, logtap, logtap_binary, settled, until, workload};
use logtap_inject::vocabulary::annotation;
use serde_json::{Value, json};

/// Kinds whose objects come and go by themselves: reports of what happened, leases, endpoints.
const FLEETING: [&str; 5] =
    ["events", "leases.coordination.k8s.io", "endpoints", "endpointslices.discovery.k8s.io", "events.events.k8s.io"];
/// The node's address, which pods reach and where a receiver of this machine can listen.
const NODE: &str = "10.85.0.1";

#[track_caller]
fn good(ran: Ran) -> Ran {
    assert_eq!(ran.status, Some(0), "{ran:?}");
    ran
}

/// Every object of every kind that can be listed, by kind, namespace and name.
fn everything() -> BTreeMap<String, Value> {
    let kinds = kubectl(&["api-resources", "--verbs=list", "-o", "name"], "").unwrap();
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !FLEETING.contains(kind)).collect();
    let text = kubectl(&["get", &kinds.join(","), "-A", "-o", "json", "--ignore-not-found"], "").unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let of = |object: &Value| {
        let metadata = &object["metadata"];
        format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"])
    };
    list["items"].as_array().unwrap().iter().map(|object| (of(object), settled(object))).collect()
}

/// A receiver on this machine, where pods reach it.
struct Local {
    child: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Local {
    fn start(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = format!("{NODE}:{port}");
        let args = ["recv", "--headless", "--listen", &listen, "--dir", folder.path().to_str().unwrap()];
        let child = Command::new(logtap_binary()).args(args).stderr(Stdio::null()).spawn().unwrap();
        Self { child, folder, url: format!("http://{listen}") }
    }

    /// Texts of the lines of an app.
    fn lines(&self, app: &str) -> Vec<String> {
        let label = format!("app={app}");
        let ran = logtap(&["grep", "--json", "--label", &label, "", self.folder.path().to_str().unwrap()]);
        let line = |line: &str| serde_json::from_str::<Value>(line).ok()?["msg"].as_str().map(str::to_owned);
        ran.stdout.lines().filter_map(line).collect()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_namespace_by_annotation_alone_and_nothing_is_left() {
    let receiver = Local::start(3100);
    let namespace = Namespace::new("newcomer", "restricted");
    let name = namespace.name();
    namespace.create(&workload(
        "Deployment",
        "api",
        &bare_pod("api", "echo hello from $HOSTNAME; trap exit TERM; while :; do sleep 0.2; done"),
    ));
    let rollout = || {
        namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
        until("a single pod", || {
            let text = namespace.kubectl(&["get", "pods", "-o", "json"], "")?;
            let list: Value = serde_json::from_str(&text).unwrap();
            let pods = list["items"].as_array().unwrap();
            if pods.len() == 1 {
                Ok(pods[0]["metadata"]["name"].as_str().unwrap().to_owned())
            } else {
                Err(pods.len().to_string())
            }
        })
    };
    rollout();
    let before = everything();

    good(logtap(&["install", "--timeout", "90s"]));
    let annotations = [format!("{}=true", annotation::TAP), format!("{}={}", annotation::TARGET, receiver.url)];
    kubectl(&["annotate", "namespace", name, &annotations[0], &annotations[1]], "").unwrap();
    namespace.kubectl(&["rollout", "restart", "deployment/api"], "").unwrap();
    let pod = rollout();
    let hello = format!("hello from {pod}");
    until("the line", || {
        let lines = receiver.lines("api");
        if lines.contains(&hello) { Ok(()) } else { Err(format!("{lines:?}")) }
    });

    let gone = [format!("{}-", annotation::TAP), format!("{}-", annotation::TARGET)];
    kubectl(&["annotate", "namespace", name, &gone[0], &gone[1]], "").unwrap();
    namespace.kubectl(&["rollout", "restart", "deployment/api"], "").unwrap();
    let pod = rollout();
    let logs = until("the app's line", || namespace.kubectl(&["logs", &pod], ""));
    assert!(logs.contains("hello"), "{logs}");
    assert!(!receiver.lines("api").contains(&format!("hello from {pod}")), "it is not tapped any more");

    good(logtap(&["uninstall", "--timeout", "90s"]));
    // What `kubectl rollout restart` did is the user's.
    let own = |key: &String| key.contains(name);
    let settle = || {
        until("the dump to be as before", || {
            let after = everything();
            let differs: Vec<&String> = before
                .keys()
                .chain(after.keys())
                .filter(|key| !own(key) && before.get(*key) != after.get(*key))
                .collect();
            if differs.is_empty() { Ok(after.len()) } else { Err(format!("{differs:?}")) }
        })
    };
    assert!(settle() > 100, "the dump is of a whole cluster");
    let after = namespace.get("namespace", name).unwrap();
    assert_eq!(settled(&after), before[&format!("\"Namespace\" null \"{name}\"")]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn installing_again_keeps_taps_and_removes_what_is_no_longer_wanted() {
    let namespace = Namespace::new("upgrade", "privileged");
    good(logtap(&["install", "--json", "--timeout", "90s", "--target", "http://127.0.0.1:9"]));
    let bundle = |entry: usize| {
        let text = kubectl(&["get", "mutatingwebhookconfiguration", "logtap-webhook", "-o", "json"], "").unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        found["webhooks"][entry]["clientConfig"]["caBundle"].clone()
    };
    let known = bundle(0);
    assert!(known.as_str().is_some_and(|text| !text.is_empty()));
    let mut pod = bare_pod("api", "exec sleep 3600");
    pod["metadata"]["annotations"] = json!({ annotation::TAP: "true" });
    namespace.create(&pod);
    until("the binding of the namespace", || namespace.get("rolebinding", "logtap-forwarder"));
    let ran = good(logtap(&["install", "--timeout", "90s", "--no-grant", "--target", "http://127.0.0.1:10"]));
    assert!(ran.stderr.contains("removed clusterrole/logtap-granter"), "{ran:?}");
    assert_eq!(bundle(0), known, "the authority is the webhook's own");
    assert!(kubectl(&["get", "clusterrolebinding", "logtap-granter"], "").is_err());
    assert_eq!(namespace.get("pod", "api").unwrap()["status"]["initContainerStatuses"][0]["restartCount"], 0);
    namespace.kubectl(&["delete", "pod", "api", "--now"], "").unwrap();

    // The pod has gone, so nothing is tapped.
    good(logtap(&["uninstall", "--json", "--timeout", "90s"]));
    assert!(namespace.get("rolebinding", "logtap-forwarder").is_err(), "what the granter made goes with it");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn uninstalling_names_the_taps_that_it_would_break() {
    let namespace = Namespace::new("tapped", "privileged");
    let name = namespace.name();
    good(logtap(&["install", "--timeout", "90s"]));
    namespace.create(&workload("Deployment", "api", &bare_pod("api", "trap exit TERM; while :; do sleep 0.2; done")));
    namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
    good(logtap(&[
        "tap",
        "-n",
        name,
        "--deployment",
        "api",
        "--target",
        "127.0.0.1:9",
        "--no-probe",
        "--timeout",
        "90s",
    ]));
    let ran = logtap(&["uninstall"]);
    assert_eq!(ran.status, Some(6), "{ran:?}");
    assert!(ran.stderr.contains(&format!("deployment/api in namespace {name}")), "{ran:?}");
    let pods = || namespace.kubectl(&["get", "pods", "-o", "jsonpath={.items[*].metadata.uid}"], "").unwrap();
    let before = pods();
    good(logtap(&["uninstall", "--force", "--timeout", "90s"]));
    assert_eq!(pods(), before, "running pods are left alone");
    good(logtap(&["untap", "-n", name, "--deployment", "api", "--timeout", "90s"]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_policy_in_place_of_the_webhook_and_back() {
    let namespace = Namespace::new("policy", "restricted");
    let name = namespace.name();
    let receiver = Local::start(3101);
    good(logtap(&["install", "--timeout", "90s"]));
    let ran = good(logtap(&["install", "--mode", "policy", "--timeout", "90s"]));
    assert!(ran.stderr.contains("removed mutatingwebhookconfiguration/logtap-webhook"), "{ran:?}");
    namespace.create(&workload(
        "Deployment",
        "api",
        &bare_pod("api", "echo by policy; trap exit TERM; while :; do sleep 0.2; done"),
    ));
    namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
    good(logtap(&["tap", "-n", name, "--deployment", "api", "--target", &receiver.url, "--timeout", "90s"]));
    until("the line", || {
        let lines = receiver.lines("api");
        if lines.contains(&"by policy".to_owned()) { Ok(()) } else { Err(format!("{lines:?}")) }
    });
    assert!(namespace.get("rolebinding", "logtap-forwarder").is_ok(), "no granter does it here");
    good(logtap(&["untap", "-n", name, "--deployment", "api", "--timeout", "90s"]));
    assert!(namespace.get("rolebinding", "logtap-forwarder").is_err());
    good(logtap(&["uninstall", "--timeout", "90s"]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_user_without_rights_is_told_whom_to_ask() {
    let namespace = Namespace::new("rights", "privileged");
    let name = namespace.name();
    namespace.kubectl(&["create", "serviceaccount", "dev"], "").unwrap();
    let subject = format!("--serviceaccount={name}:dev");
    namespace.kubectl(&["create", "rolebinding", "dev", "--clusterrole=edit", &subject], "").unwrap();
    let token = namespace.kubectl(&["create", "token", "dev"], "").unwrap();
    let config = kubectl(&["config", "view", "--raw", "-o", "json"], "").unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    let user = ["--kubeconfig", file.path().to_str().unwrap()];
    let run = |args: &[&str]| logtap(&[args, &user].concat());

    let ran = run(&["install"]);
    assert_eq!(ran.status, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("takes a cluster admin"), "{ran:?}");

    good(logtap(&["install", "--mode", "policy", "--timeout", "90s"]));
    namespace.create(&workload("Deployment", "api", &bare_pod("api", "trap exit TERM; while :; do sleep 0.2; done")));
    namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
    // `edit` may neither grant nor see who does: the tap stands, and the admin's command is told.
    let tap = ["tap", "-n", name, "--deployment", "api", "--target", "127.0.0.1:9", "--no-probe", "--timeout", "90s"];
    let ran = run(&tap);
    good(ran.clone());
    assert!(ran.stderr.contains(&format!("kubectl create rolebinding logtap-forwarder -n {name}")), "{ran:?}");
    good(run(&["untap", "-n", name, "--deployment", "api", "--timeout", "90s"]));
    good(logtap(&["uninstall", "--timeout", "90s"]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_namespace_that_was_there_stays_as_its_owner_has_it() {
    let namespace = Namespace::new("tools", "baseline");
    let name = namespace.name();
    let before = settled(&namespace.get("namespace", name).unwrap());
    good(logtap(&["install", "-n", name, "--timeout", "90s"]));
    assert_eq!(settled(&namespace.get("namespace", name).unwrap()), before);
    let mut pod = bare_pod("api", "exit 0");
    pod["metadata"]["annotations"] = json!({ annotation::TAP: "true", annotation::TARGET: "http://127.0.0.1:9" });
    let made = kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &pod.to_string()).unwrap();
    assert!(made.contains("logtap-forwarder"), "the webhook of another namespace serves");
    good(logtap(&["install", "--mode", "policy", "-n", name, "--timeout", "90s"]));
    assert!(namespace.get("deployment", "logtap-webhook").is_err(), "what a policy does without is removed");
    good(logtap(&["install", "-n", name, "--timeout", "90s"]));
    good(logtap(&["uninstall", "--timeout", "90s"]));
    assert_eq!(settled(&namespace.get("namespace", name).unwrap()), before);
    let left = namespace
        .kubectl(&["get", "all,secrets,networkpolicies,poddisruptionbudgets,roles", "-o", "name"], "")
        .unwrap();
    assert_eq!(left.trim(), "");
}
