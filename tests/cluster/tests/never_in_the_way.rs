//! A webhook that is dead, silent or out of its mind: tapped pods start without a forwarder, in time
//! and otherwise as they are; pods that nobody tapped never depend on it.
//!
//! One test at a time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use logtap_cluster_tests::{Answer, Asked, Fake, Namespace, app_pod, bare_pod, is_injected, kubectl, until, workload};
use logtap_inject::vocabulary::{annotation, label, object};
use logtap_inject::{Config, webhooks};
use serde_json::{Value, json};

/// The API server waits this long for an answer; a request meets at most one entry.
const TIMEOUT: Duration = Duration::from_secs(3);
/// What a creation may take beside the wait, on a machine that does other things too.
const SPARE: Duration = Duration::from_secs(7);

/// The webhook's entries as they are installed, but with another server behind them.
struct Entries;

impl Entries {
    fn pointing_to(client: &Value) -> Self {
        let entries: Vec<Value> = webhooks(&Config::default())
            .into_iter()
            .map(|mut entry| {
                entry["clientConfig"] = client.clone();
                entry
            })
            .collect();
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": object::CONFIGURATION },
            "webhooks": entries,
        });
        kubectl(&["create", "-f", "-"], &configuration.to_string()).unwrap();
        Self
    }

    fn at(fake: &Fake) -> Self {
        let url = format!("{}{}", fake.url().replace("http:", "https:"), object::MUTATE_PATH);
        Self::pointing_to(&json!({ "url": url, "caBundle": BASE64_STANDARD.encode(fake.ca()) }))
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        kubectl(&["delete", "mutatingwebhookconfiguration", object::CONFIGURATION], "").unwrap_or_default();
    }
}

/// Creates a tapped pod and sees it run as if nobody had tapped it.
fn starts_untapped(namespace: &Namespace, name: &str) {
    let pod = app_pod(namespace, name, "echo here; exec sleep 3600");
    let began = Instant::now();
    namespace.create(&pod);
    let took = began.elapsed();
    assert!(took < TIMEOUT + SPARE, "{name}: {took:?}");
    let made = until("the app to run", || {
        let made = namespace.get("pod", name)?;
        let state = &made["status"]["containerStatuses"][0]["state"];
        if state["running"].is_object() { Ok(made) } else { Err(state.to_string()) }
    });
    assert!(!is_injected(&made), "{name}: {made:#}");
    assert_eq!(made["spec"]["containers"].as_array().unwrap().len(), 1);
    assert_eq!(made["spec"]["containers"][0]["args"], pod["spec"]["containers"][0]["args"]);
    assert_eq!(made["metadata"]["annotations"].get(annotation::STATUS), None);
    assert_eq!(namespace.logs(name, "app").unwrap(), "here\n");
}

/// The same through a controller, which has its own patience.
fn rolls_out_untapped(namespace: &Namespace, name: &str) {
    let mut deployment = workload("Deployment", name, &app_pod(namespace, name, "exec sleep 3600"));
    deployment["spec"]["replicas"] = 3.into();
    namespace.create(&deployment);
    until("three ready replicas", || {
        let status = namespace.get("deployment", name)?["status"].clone();
        if status["readyReplicas"] == 3 { Ok(()) } else { Err(status.to_string()) }
    });
}

/// Waits until the API server has heard of the entries: the fake is asked.
fn is_asked(fake: &Fake, namespace: &Namespace) {
    let pod = app_pod(namespace, "probe", "exit 0").to_string();
    until("the API server to ask", || {
        namespace.kubectl(&["create", "--dry-run=server", "-f", "-"], &pod)?;
        if fake.asked().is_empty() { Err("nobody asked".to_owned()) } else { Ok(()) }
    });
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_dead_webhook_holds_nobody_up() {
    let namespace = Namespace::new("dead", "restricted");
    let service = json!({ "namespace": namespace.name(), "name": "nobody", "path": object::MUTATE_PATH });
    let _entries = Entries::pointing_to(&json!({ "service": service }));
    // Not even a Service, and one without endpoints.
    starts_untapped(&namespace, "no-service");
    namespace.create(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "nobody" },
        "spec": { "selector": { "app": "nobody" }, "ports": [{ "port": 443 }] },
    }));
    starts_untapped(&namespace, "no-endpoints");
    // An endpoint where nothing listens, as when a node has just died.
    namespace.create(&app_pod(&namespace, "nobody", "exec sleep 3600"));
    until("the endpoint", || {
        let text = namespace.get("endpoints", "nobody")?["subsets"].to_string();
        if text.contains("\"ip\"") && !text.contains("notReadyAddresses") { Ok(()) } else { Err(text) }
    });
    starts_untapped(&namespace, "closed-port");
    rolls_out_untapped(&namespace, "controlled");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_silent_webhook_costs_its_timeout_and_no_more() {
    let namespace = Namespace::new("silent", "restricted");
    let fake = Fake::tls(|_| Answer::Nothing);
    let _entries = Entries::at(&fake);
    is_asked(&fake, &namespace);
    starts_untapped(&namespace, "silent");
    rolls_out_untapped(&namespace, "controlled");
    // Whoever did not opt in is not even asked about.
    let before = fake.asked().len();
    namespace.create(&bare_pod("free", "exec sleep 3600"));
    kubectl(&["label", "namespace", namespace.name(), &format!("{}={}", label::TAP, label::DISABLED)], "").unwrap();
    let after = fake.asked();
    let pods = after[before..].iter().filter(|asked| contains(asked, "\"kind\":\"Pod\"")).count();
    assert_eq!(pods, 0);
}

fn contains(asked: &Asked, text: &str) -> bool {
    String::from_utf8_lossy(&asked.body).contains(text)
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_confused_webhook_changes_nothing() {
    let namespace = Namespace::new("confused", "restricted");
    let review = |response: Value| {
        let answer = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response });
        Answer::Say(200, "application/json", answer.to_string().into_bytes())
    };
    let json_text = |text: &str| Answer::Say(200, "application/json", text.as_bytes().to_vec());
    let answers = [
        ("not-json", json_text("{\"response\":")),
        ("null", json_text("null")),
        ("empty", json_text("")),
        ("no-response", json_text("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}")),
        ("wrong-uid", review(json!({ "uid": "another", "allowed": true }))),
        ("wrong-uid-refusal", review(json!({ "uid": "another", "allowed": false }))),
        ("error-500", Answer::Say(500, "text/plain", b"broken".to_vec())),
        ("error-404", Answer::Say(404, "text/plain", b"not here".to_vec())),
        ("page", Answer::Say(200, "text/html", b"<html>a proxy's page</html>".to_vec())),
        ("not-http", Answer::Bytes(b"\x00\x01\x02 no HTTP at all\r\n\r\n".to_vec())),
        ("cut-short", Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{".to_vec())),
        ("hangs-up", Answer::Close),
    ];
    for (name, answer) in answers {
        let fake = Fake::tls(move |_| answer.clone());
        let _entries = Entries::at(&fake);
        is_asked(&fake, &namespace);
        starts_untapped(&namespace, name);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_webhook_without_tls_or_trust_changes_nothing() {
    let namespace = Namespace::new("tls", "restricted");
    let plain = Fake::plain(|_| Answer::Close);
    let stranger = Fake::tls(|_| Answer::Nothing);
    for (name, fake, ca) in [("plain", &plain, plain.ca()), ("stranger", &stranger, plain.ca())] {
        let url = format!("{}{}", fake.url().replace("http:", "https:"), object::MUTATE_PATH);
        let _entries = Entries::pointing_to(&json!({ "url": url, "caBundle": BASE64_STANDARD.encode(ca) }));
        // That the API server has heard of it shows in its own figures: it failed open.
        until("a failed call", || {
            let pod = app_pod(&namespace, "probe", "exit 0").to_string();
            let before = failed_open()?;
            namespace.kubectl(&["create", "--dry-run=server", "-f", "-"], &pod)?;
            if failed_open()? > before { Ok(()) } else { Err("none".to_owned()) }
        });
        starts_untapped(&namespace, name);
    }
    assert_eq!(stranger.asked().len(), 0);
}

/// How often the API server went on without the entry for tapped pods.
fn failed_open() -> Result<u64, String> {
    let text = kubectl(&["get", "--raw", "/metrics"], "")?;
    let ours = |line: &&str| {
        line.starts_with("apiserver_admission_webhook_fail_open_count") && line.contains(object::PODS_BY_ANNOTATION)
    };
    Ok(text.lines().find(ours).and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0))
}

/// A cluster whose nodes all start again finds the entries in place and nobody behind them. What it
/// needs to come up (its own namespaces, and the webhook's pods) must not be asked about.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_100_a_cold_start_waits_for_nobody() {
    let namespace = Namespace::new("cold", "restricted");
    let fake = Fake::tls(|_| Answer::Nothing);
    let _entries = Entries::at(&fake);
    is_asked(&fake, &namespace);
    let before = fake.asked().len();

    let mut dns = bare_pod("dns-again", "exec sleep 3600");
    dns["metadata"]["annotations"] = json!({ annotation::TAP: "true", annotation::TARGET: "http://127.0.0.1:9" });
    let mut own = dns.clone();
    own["metadata"]["name"] = "webhook-again".into();
    own["metadata"]["labels"][label::PART_OF] = label::PART_OF_LOGTAP.into();
    let space = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": object::NAMESPACE, "annotations": { annotation::TAP: "true" } },
    });
    kubectl(&["apply", "-f", "-"], &space.to_string()).unwrap();
    kubectl(&["annotate", "namespace", "kube-system", "logtap.io/tap=true"], "").unwrap();
    until("the service account", || {
        kubectl(&["--namespace", object::NAMESPACE, "get", "serviceaccount", "default"], "")
    });
    for (place, pod) in [("kube-system", &dns), (object::NAMESPACE, &own), (object::NAMESPACE, &dns)] {
        kubectl(&["--namespace", place, "create", "-f", "-"], &pod.to_string()).unwrap();
        let name = pod["metadata"]["name"].as_str().unwrap();
        kubectl(&["--namespace", place, "wait", "--for=condition=Ready", "--timeout=90s", "pod", name], "").unwrap();
    }
    assert_eq!(fake.asked().len(), before, "{:?}", fake.asked().last());
    kubectl(&["annotate", "namespace", "kube-system", "logtap.io/tap-"], "").unwrap();
    kubectl(&["--namespace", "kube-system", "delete", "pod", "dns-again", "--wait=false"], "").unwrap();
    kubectl(&["delete", "namespace", object::NAMESPACE, "--wait=false"], "").unwrap();
}
