//! Taps that fail: every kind that restarts its pods, times every cause, ends as it was before, with
//! the cause in one line.
//!
//! Most causes are seen before anything is changed; `--force` goes on to where the rollback is needed.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::process::{Command, Stdio};
use std::sync::Once;

use logtap_cluster_tests::{
    Namespace, Ran, bare_pod, is_injected, kubectl, logtap, logtap_binary, settled, until, workload,
};
use logtap_inject::vocabulary::label;
use serde_json::{Value, json};

const SCRIPT: &str = "trap exit TERM; while :; do sleep 0.2; done";
const TARGET: &str = "http://127.0.0.1:9";
const NO_SUCH_IMAGE: &str = "localhost/no-such-forwarder:1";
/// An image whose process ends at once, with an error.
const CRASHING_IMAGE: &str = "localhost/logtap-app:1";

static INSTALLED: Once = Once::new();

/// The webhook, letting taps name images.
fn install() {
    INSTALLED.call_once(|| {
        let ran = logtap(&["install", "--timeout", "90s"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let flags = json!([{ "op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["--allow-image-annotation"] }]);
        let deployment = ["-n", "logtap", "patch", "deployment/logtap-webhook", "--type=json", "--patch", &flags.to_string()];
        kubectl(&deployment, "").unwrap();
        kubectl(&["-n", "logtap", "rollout", "status", "deployment/logtap-webhook", "--timeout=120s"], "").unwrap();
    });
}

struct Stage {
    namespace: Namespace,
    kind: &'static str,
    before: Value,
}

impl Stage {
    /// A running workload in a namespace of its own.
    fn new(what: &str, kind: &'static str, change: impl Fn(&mut Value)) -> Self {
        install();
        let namespace = Namespace::new(&format!("{what}-{}", kind.to_lowercase()), "privileged");
        let mut object = workload(kind, "api", &bare_pod("api", SCRIPT));
        change(&mut object);
        namespace.create(&object);
        let stage = Self { namespace, kind, before: Value::Null };
        stage.runs();
        let before = stage.object();
        Self { before, ..stage }
    }

    fn named(&self) -> String {
        format!("{}/api", self.kind.to_lowercase())
    }

    fn object(&self) -> Value {
        self.namespace.get(self.kind, "api").unwrap()
    }

    fn tap(&self, args: &[&str]) -> Ran {
        let named = self.named();
        let all = ["tap", "-n", self.namespace.name(), &named, "--target", TARGET, "--no-probe", "--timeout", "100s"];
        logtap(&[&all, args].concat())
    }

    /// Waits until the one pod runs, and is the only one.
    fn runs(&self) {
        until("the one running pod", || {
            let text = self.namespace.kubectl(&["get", "pods", "-l", "app=api", "-o", "json"], "")?;
            let list: Value = serde_json::from_str(&text).unwrap();
            let pods = list["items"].as_array().unwrap();
            let [pod] = pods.as_slice() else { return Err(format!("{} pods", pods.len())) };
            let running = pod["status"]["containerStatuses"][0]["state"]["running"].is_object();
            if running && !is_injected(pod) { Ok(()) } else { Err(pod["status"].to_string()) }
        });
    }

    /// The workload is as it was, and so is its pod.
    fn is_as_before(&self) {
        assert_eq!(settled(&self.object()), settled(&self.before));
        self.runs();
    }

    #[track_caller]
    fn rolled_back(&self, ran: &Ran, cause: &str) {
        assert_eq!(ran.status, Some(6), "{ran:?}");
        let line = ran.stdout.lines().find(|line| line.starts_with(&self.named())).unwrap_or_default();
        assert!(line.starts_with(&format!("{}: rolled back: ", self.named())) && line.contains(cause), "{ran:?}");
        self.is_as_before();
    }

    #[track_caller]
    fn refused(&self, ran: &Ran, cause: &str) {
        assert_eq!(ran.status, Some(6), "{ran:?}");
        assert!(ran.stderr.contains(cause) && ran.stderr.contains("nothing was changed"), "{ran:?}");
        assert_eq!(self.object()["metadata"]["generation"], self.before["metadata"]["generation"]);
    }
}

fn image_missing(kind: &'static str) {
    let stage = Stage::new("image", kind, |_| ());
    let ran = stage.tap(&["--image", NO_SUCH_IMAGE]);
    stage.rolled_back(&ran, "ErrImagePull");
}

fn image_is_probed(kind: &'static str) {
    let stage = Stage::new("probe", kind, |_| ());
    let named = stage.named();
    let args = ["tap", "-n", stage.namespace.name(), &named, "--target", TARGET, "--image", NO_SUCH_IMAGE];
    stage.refused(&logtap(&args), NO_SUCH_IMAGE);
}

fn crashing(kind: &'static str) {
    let stage = Stage::new("crash", kind, |_| ());
    let ran = stage.tap(&["--image", CRASHING_IMAGE]);
    stage.rolled_back(&ran, "the forwarder of pod api-");
}

/// Room for the app, but not for the forwarder beside it.
fn quota(kind: &'static str) {
    let stage = Stage::new("quota", kind, |object| {
        object["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({ "requests": { "memory": "16Mi" } });
    });
    stage.namespace.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
        "spec": { "hard": { "requests.memory": "24Mi" } },
    }));
    until("the quota's count", || {
        let used = stage.namespace.get("resourcequota", "small")?["status"]["used"]["requests.memory"].clone();
        if used == "16Mi" { Ok(()) } else { Err(used.to_string()) }
    });
    stage.refused(&stage.tap(&[]), "exceeded quota: small");
    let ran = stage.tap(&["--force"]);
    stage.rolled_back(&ran, "exceeded quota: small");
}

/// The namespace became stricter than the pods that run there: any restart would end in no pods.
fn pod_security(kind: &'static str) -> Stage {
    let stage = Stage::new("security", kind, |object| {
        object["spec"]["template"]["spec"]["hostPID"] = true.into();
    });
    let label = format!("{}=baseline", label::POD_SECURITY);
    kubectl(&["label", "namespace", stage.namespace.name(), "--overwrite", &label], "").unwrap();
    stage.refused(&stage.tap(&[]), "violates PodSecurity");
    stage
}

/// The command line dies in the middle; `untap` takes back what it began.
fn killed(kind: &'static str) {
    let stage = Stage::new("killed", kind, |_| ());
    let named = stage.named();
    let args =
        ["tap", "-n", stage.namespace.name(), &named, "--target", TARGET, "--no-probe", "--image", NO_SUCH_IMAGE];
    let mut child =
        Command::new(logtap_binary()).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("a pod that waits for its image", || {
        let text = stage.namespace.kubectl(&["get", "pods", "-o", "json"], "")?;
        if text.contains("ErrImagePull") || text.contains("ImagePullBackOff") {
            Ok(())
        } else {
            Err(text.len().to_string())
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = logtap(&["untap", "-n", stage.namespace.name(), &named, "--timeout", "100s"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    stage.is_as_before();
}

macro_rules! for_each_kind {
    ($($test:ident = $cause:ident($kind:literal);)*) => {
        $(
            #[test]
            #[ignore = "needs a cluster: tests/run cluster"]
            fn $test() {
                $cause($kind);
            }
        )*
    };
}

for_each_kind! {
    case_107_a_deployment_s_old_pods_stay_while_the_image_is_missing = image_missing("Deployment");
    a_stateful_set_whose_image_is_missing_is_rolled_back = image_missing("StatefulSet");
    a_daemon_set_whose_image_is_missing_is_rolled_back = image_missing("DaemonSet");
    an_image_that_is_missing_is_found_by_the_probe = image_is_probed("Deployment");
    a_deployment_whose_sidecar_crashes_is_rolled_back = crashing("Deployment");
    a_stateful_set_whose_sidecar_crashes_is_rolled_back = crashing("StatefulSet");
    a_daemon_set_whose_sidecar_crashes_is_rolled_back = crashing("DaemonSet");
    a_deployment_over_its_quota_is_rolled_back = quota("Deployment");
    a_stateful_set_over_its_quota_is_rolled_back = quota("StatefulSet");
    a_daemon_set_over_its_quota_is_rolled_back = quota("DaemonSet");
    a_deployment_is_untapped_after_the_command_line_was_killed = killed("Deployment");
    a_stateful_set_is_untapped_after_the_command_line_was_killed = killed("StatefulSet");
    a_daemon_set_is_untapped_after_the_command_line_was_killed = killed("DaemonSet");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_deployment_that_pod_security_refuses_keeps_its_pods() {
    let stage = pod_security("Deployment");
    let ran = stage.tap(&["--force"]);
    stage.rolled_back(&ran, "violates PodSecurity");
}

/// With `--force` the pods are gone: Pod Security refuses the app itself. The object is as before all
/// the same, and both causes are told.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn what_pod_security_refuses_is_written_back_for_kinds_that_delete_first() {
    for kind in ["StatefulSet", "DaemonSet"] {
        let stage = pod_security(kind);
        let ran = stage.tap(&["--force"]);
        assert_eq!(ran.status, Some(6), "{ran:?}");
        assert!(ran.stdout.contains("violates PodSecurity"), "{ran:?}");
        assert_eq!(settled(&stage.object()), settled(&stage.before));
    }
}
