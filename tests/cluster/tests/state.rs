//! What `check`, `status` and `tap` tell about a cluster: what is missing, what was missed, who keeps
//! things from changing.
//!
//! One test at a time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use logtap_cluster_tests::{Namespace, Ran, Receiver, Webhook, bare_pod, kubectl, logtap, until, workload};
use logtap_inject::vocabulary::{annotation, label};
use serde_json::{Value, json};

const SCRIPT: &str = "trap exit TERM; while :; do sleep 0.2; done";
const NOWHERE: &str = "http://127.0.0.1:9";

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn status(namespace: &Namespace) -> Value {
    json_of(&logtap(&["status", "-n", namespace.name(), "--json"]))
}

/// A check of `logtap check --json` by its name.
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

fn tap(namespace: &Namespace, args: &[&str]) -> Ran {
    let all = ["tap", "-n", namespace.name(), "--target", NOWHERE, "--no-probe", "--timeout", "90s"];
    logtap(&[&all, args].concat())
}

fn deployed(namespace: &Namespace, change: impl Fn(&mut Value)) {
    let mut object = workload("Deployment", "api", &bare_pod("api", SCRIPT));
    change(&mut object);
    namespace.create(&object);
    if object["spec"]["paused"] != true {
        namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn pods_that_were_missed_while_nobody_answered_are_shown() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("missed", "privileged");
    webhook.scale(0);
    deployed(&namespace, |object| {
        object["spec"]["template"]["metadata"]["annotations"] =
            json!({ annotation::TAP: "true", annotation::TARGET: NOWHERE });
    });
    let report = json_of(&logtap(&["check", "-n", namespace.name(), "--json"]));
    assert_eq!(check(&report, "serving")["state"], "failed", "{report:#}");
    assert_eq!(logtap(&["check", "-n", namespace.name()]).status, Some(6));
    let ran = tap(&namespace, &["--deployment", "api", "--force"]);
    assert_eq!(ran.status, Some(6), "{ran:?}");
    assert!(ran.stdout.contains("started without a forwarder: logtap did not answer"), "{ran:?}");
    webhook.scale(2);
    let found = status(&namespace);
    assert_eq!(found["missed"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(found["workloads"][0]["ready"], 0);
    namespace.kubectl(&["rollout", "restart", "deployment/api"], "").unwrap();
    until("the tapped pod", || {
        let found = status(&namespace);
        let line = &found["workloads"][0];
        if line["ready"] == 1 && line["total"] == 1 && found["missed"] == json!([]) {
            Ok(())
        } else {
            Err(found.to_string())
        }
    });
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn check_finds_everything_in_order() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("order", "restricted");
    let _receiver = Receiver::start(&namespace);
    let ran = logtap(&["check", "-n", namespace.name(), "--target", &Receiver::url(&namespace), "--probe", "--json"]);
    let report = json_of(&ran);
    assert_eq!(ran.status, Some(0), "{report:#}");
    for name in ["cluster", "installed", "certificate", "serving", "namespace", "quota", "rehearsal", "probe", "rights"]
    {
        assert_eq!(check(&report, name)["state"], "ok", "{name}: {report:#}");
    }
    assert!(check(&report, "probe")["message"].as_str().unwrap().contains("answers"));
    let left = namespace.kubectl(&["get", "pods", "-o", "name"], "").unwrap();
    assert_eq!(left.trim(), "pod/recv", "the probe's pod is removed");
    let doctor = logtap(&["doctor", "-n", namespace.name(), "--target", NOWHERE, "--probe"]);
    assert_eq!(doctor.status, Some(6), "{doctor:?}");
    assert!(doctor.stdout.contains(&format!("the target {NOWHERE} cannot be reached")), "{doctor:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_target_that_cannot_be_reached_is_found_before_anything_changes() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("far", "privileged");
    deployed(&namespace, |_| ());
    let ran = logtap(&["tap", "-n", namespace.name(), "--deployment", "api", "--target", NOWHERE]);
    assert_eq!(ran.status, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("cannot be reached") && ran.stderr.contains("nothing was changed"), "{ran:?}");
    assert_eq!(namespace.get("deployment", "api").unwrap()["metadata"]["generation"], 1);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_095_quotas_and_limit_ranges_are_met_and_told() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("fits", "privileged");
    let quota =
        json!({ "hard": { "limits.cpu": "2", "limits.memory": "1Gi", "requests.cpu": "1", "requests.memory": "1Gi" } });
    namespace
        .apply(&json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "all" }, "spec": quota }));
    let limits = json!({ "limits": [{ "type": "Container", "max": { "memory": "48Mi" }, "maxLimitRequestRatio": { "memory": "2" } }] });
    namespace
        .apply(&json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "narrow" }, "spec": limits }));
    deployed(&namespace, |object| {
        object["spec"]["template"]["spec"]["containers"][0]["resources"] =
            json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "cpu": "100m", "memory": "32Mi" } });
    });
    let ran = tap(&namespace, &["--deployment", "api"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for told in ["quota all asks every container for a cpu limit", "limit range narrow allows at most 48Mi of memory"] {
        assert!(ran.stderr.contains(told), "{ran:?}");
    }
    assert_eq!(status(&namespace)["workloads"][0]["ready"], 1);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn production_is_refused_until_it_is_allowed() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("prod", "privileged");
    kubectl(&["label", "namespace", namespace.name(), "env=production"], "").unwrap();
    deployed(&namespace, |_| ());
    let ran = tap(&namespace, &["--deployment", "api"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("env=production") && ran.stderr.contains("--allow-prod"), "{ran:?}");
    assert_eq!(tap(&namespace, &["--deployment", "api", "--allow-prod"]).status, Some(0));
    assert_eq!(status(&namespace)["workloads"][0]["ready"], 1);
}

/// Argo CD's and Flux's controllers are not here; the named fakes are their marks on objects, and a
/// hand that writes the template back.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_110_who_takes_the_annotations_away_is_named() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("gitops", "privileged");
    deployed(&namespace, |object| {
        object["metadata"]["labels"] = json!({ "kustomize.toolkit.fluxcd.io/name": "shop" });
        // Slow enough to be written over in the middle.
        object["spec"]["minReadySeconds"] = 8.into();
    });
    // One who only takes away leaves no trace in the object; one who also writes into the template does.
    for (more, named) in [
        (json!({}), "somebody, by the workload's marks Flux, took the annotations away again"),
        (json!({ "release": "2" }), "kustomize-controller took the annotations away again"),
    ] {
        let written_back = json!({ "spec": { "template": { "metadata": { "annotations": null, "labels": more } } } });
        let written_back = written_back.to_string();
        let patch = ["patch", "deployment", "api", "--field-manager=kustomize-controller", "--patch"];
        let patch = [&patch[..], &[&written_back]].concat();
        let ran = std::thread::scope(|scope| {
            let tap = scope.spawn(|| tap(&namespace, &["--deployment", "api"]));
            until("the tap's annotation", || {
                let found = namespace.get("deployment", "api")?;
                let annotations = &found["spec"]["template"]["metadata"]["annotations"];
                if annotations[annotation::TAP] == "true" { Ok(()) } else { Err(annotations.to_string()) }
            });
            namespace.kubectl(&patch, "").unwrap();
            tap.join().unwrap()
        });
        assert_eq!(ran.status, Some(6), "{ran:?}");
        assert!(ran.stderr.contains("Flux keeps it as a repository says"), "{ran:?}");
        assert!(ran.stderr.contains("to commit, in the pod template of deployment/api"), "{ran:?}");
        assert!(ran.stdout.contains(named), "{ran:?}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_111_what_does_not_restart_by_itself_is_said_so() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("still", "privileged");
    deployed(&namespace, |object| object["spec"]["paused"] = true.into());
    let mut set = workload("StatefulSet", "db", &bare_pod("db", SCRIPT));
    set["spec"]["updateStrategy"] = json!({ "type": "OnDelete" });
    namespace.create(&set);
    let ran = tap(&namespace, &["--deployment", "api", "--statefulset", "db"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("deployment/api: written, pending: it is paused"), "{ran:?}");
    assert!(ran.stdout.contains("statefulset/db: written, pending: its update strategy is OnDelete"), "{ran:?}");
    let ran = tap(&namespace, &["job/x"]);
    assert_eq!(ran.status, Some(3), "{ran:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn what_cannot_be_tapped_is_refused_with_the_way_out() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("refused", "privileged");
    namespace.create(&bare_pod("bare", SCRIPT));
    let ran = tap(&namespace, &["--pod", "bare"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("a running pod cannot be given a forwarder"), "{ran:?}");
    let ran = tap(&namespace, &["--all"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--force"), "{ran:?}");
    let ran = logtap(&["tap", "--json", "-n", "no-such-namespace", "--deployment", "api"]);
    assert_eq!(ran.status, Some(3), "{ran:?}");
    let error: Value = serde_json::from_str(ran.stderr.trim()).unwrap();
    assert_eq!((&error["exit_code"], &error["error"]), (&json!(3), &json!("not_found")));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_namespace_is_tapped_and_untapped_without_a_restart() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("whole", "privileged");
    let name = namespace.name();
    kubectl(&["annotate", "namespace", name, "logtap.io/tap=false", "team=shop"], "").unwrap();
    let before = kubectl(&["get", "namespace", name, "-o", "json"], "").unwrap();
    let before: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(before["metadata"]["labels"][label::TAP], "disabled", "the webhook mirrors it");
    let dry = logtap(&["tap", "-n", name, "--target", NOWHERE, "--dry-run"]);
    assert!(dry.stdout.contains("-   logtap.io/tap: \"false\"\n+   logtap.io/tap: \"true\""), "{dry:?}");
    let ran = logtap(&["tap", "-n", name, "--target", NOWHERE, "--json"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("nothing was restarted"), "{ran:?}");
    let tapped: Value = serde_json::from_str(&kubectl(&["get", "namespace", name, "-o", "json"], "").unwrap()).unwrap();
    assert_eq!(tapped["metadata"]["labels"][label::TAP], "enabled");
    deployed(&namespace, |_| ());
    assert_eq!(status(&namespace)["workloads"][0]["ready"], 1);
    assert_eq!(logtap(&["untap", "-n", name, "--json"]).status, Some(0));
    let after: Value = serde_json::from_str(&kubectl(&["get", "namespace", name, "-o", "json"], "").unwrap()).unwrap();
    for part in ["annotations", "labels"] {
        assert_eq!(after["metadata"][part], before["metadata"][part]);
    }
    let again = logtap(&["untap", "-n", name]);
    assert!(again.stdout.contains("unchanged"), "{again:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn command_lines_of_1_x_run_as_written() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("old", "privileged");
    let name = namespace.name();
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "logtap-receiver", "labels": { "app.kubernetes.io/name": "logtap-receiver" } },
        "spec": { "selector": { "app": "recv" }, "ports": [{ "port": 3100 }] },
    });
    let receiver = Receiver::start(&namespace);
    namespace.create(&service);
    let script = format!("echo as ever; {SCRIPT}");
    namespace.create(&workload("Deployment", "api", &bare_pod("api", &script)));
    namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=90s"], "").unwrap();
    // The node knows a new Service a moment later than the API server.
    let address =
        namespace.get("service", "logtap-receiver").unwrap()["spec"]["clusterIP"].as_str().unwrap().to_owned();
    until("the Service", || std::net::TcpStream::connect((address.as_str(), 3100)).map_err(|error| error.to_string()));
    // The namespace is that of the context.
    let config = kubectl(&["config", "view", "--raw", "-o", "json"], "").unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["contexts"][0]["context"]["namespace"] = name.into();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    let old = |args: &[&str]| logtap(&[args, &["--kubeconfig", file.path().to_str().unwrap()]].concat());
    let dry = old(&["tap", "--deployment", "api", "--dry-run"]);
    assert_eq!(dry.status, Some(0), "{dry:?}");
    let flags = ["--forwarder", "logtap", "--sidecar-memory", "32Mi", "--sidecar-cpu", "20m"];
    let ran = old(&[&["tap", "--deployment", "api"][..], &flags].concat());
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let _lines = receiver.stored_until("as ever");
    let found = status(&namespace);
    assert_eq!(found["receivers"][0]["url"], format!("http://logtap-receiver.{name}.svc:3100"));
    assert!(found["receivers"][0]["received"].as_u64().is_some_and(|lines| lines > 0), "{found:#}");
    let session = found["workloads"][0]["sessions"][0].as_str().unwrap().to_owned();
    assert!(session.starts_with("lt-"), "{session}");
    let wrong = logtap(&["untap", "-n", name, "--session", "lt-0"]);
    assert_eq!(wrong.status, Some(3), "{wrong:?}");
    let ran = logtap(&["untap", "-n", name, "--session", &session, "--timeout", "90s"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(status(&namespace)["workloads"], json!([]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn workloads_are_chosen_by_label_and_all_at_once() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("many", "privileged");
    for (name, team) in [("api", "shop"), ("cart", "shop"), ("mail", "post")] {
        let mut object = workload("Deployment", name, &bare_pod(name, SCRIPT));
        object["metadata"]["labels"] = json!({ "team": team });
        namespace.create(&object);
        namespace.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=90s"], "").unwrap();
    }
    let states = |ran: &Ran| {
        let report = json_of(ran);
        let lines = report["workloads"].as_array().unwrap().iter();
        let mut all: Vec<String> =
            lines.map(|line| format!("{} {}", line["workload"], line["state"]).replace('"', "")).collect();
        all.sort();
        all
    };
    let ran = tap(&namespace, &["-l", "team=shop", "--json"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(states(&ran), ["deployment/api done", "deployment/cart done"]);
    let ran = tap(&namespace, &["--all", "--force", "--json"]);
    assert_eq!(states(&ran), ["deployment/api unchanged", "deployment/cart unchanged", "deployment/mail done"]);
    assert_eq!(tap(&namespace, &["-l", "team=nobody"]).status, Some(3));
    let untap = |args: &[&str]| logtap(&[&["untap", "-n", namespace.name(), "--timeout", "90s"], args].concat());
    let ran = untap(&["-l", "team=post", "--json"]);
    assert_eq!(states(&ran), ["deployment/mail done"]);
    assert_eq!(untap(&["--all"]).status, Some(2), "it has to be meant");
    let ran = untap(&["--all", "--force", "--json"]);
    assert_eq!(states(&ran), ["deployment/api done", "deployment/cart done"]);
    assert_eq!(status(&namespace)["workloads"], json!([]));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn an_untap_in_a_tapped_namespace_is_not_waited_for_in_vain() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("both", "privileged");
    deployed(&namespace, |_| ());
    assert_eq!(tap(&namespace, &["--deployment", "api"]).status, Some(0));
    let whole = ["tap", "-n", namespace.name(), "--target", NOWHERE];
    assert_eq!(logtap(&whole).status, Some(0));
    let untap = |args: &[&str]| logtap(&[&["untap", "-n", namespace.name(), "--timeout", "40s"], args].concat());
    let ran = untap(&["--deployment", "api"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("the namespace opts in"), "{ran:?}");
    assert_eq!(status(&namespace)["workloads"][0]["ready"], 1, "its new pod is tapped by the namespace");
    assert_eq!(tap(&namespace, &["--deployment", "api"]).status, Some(0));
    // All at once: the namespace first, so that the restart leaves no forwarder.
    assert_eq!(untap(&["--all", "--force"]).status, Some(0));
    let found = status(&namespace);
    assert_eq!((&found["namespaces"], &found["workloads"]), (&json!([]), &json!([])), "{found:#}");
    let pods = namespace.kubectl(&["get", "pods", "-o", "json"], "").unwrap();
    assert!(!pods.contains("logtap-forwarder"), "{pods}");
}
