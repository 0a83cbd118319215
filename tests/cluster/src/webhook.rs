//! The webhook as `manifests/base` installs it: once for all tests of a suite.
//!
//! Tests that only use it hold it together; one that changes it holds it alone, and it is put back
//! when that test ends.

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use logtap_inject::vocabulary::{annotation, label, object, port, sidecar};
use serde_json::{Value, json};

use crate::kubectl::{kubectl, until};
use crate::pods::bare_pod;

/// What `manifests/base/kustomization.yaml` lists, in its order.
const MANIFESTS: [&str; 8] = [
    include_str!("../../../manifests/base/namespace.yaml"),
    include_str!("../../../manifests/base/identity.yaml"),
    include_str!("../../../manifests/base/forwarder-role.yaml"),
    include_str!("../../../manifests/base/service.yaml"),
    include_str!("../../../manifests/base/deployment.yaml"),
    include_str!("../../../manifests/base/disruption.yaml"),
    include_str!("../../../manifests/base/network.yaml"),
    include_str!("../../../manifests/base/webhook.yaml"),
];
const DEPLOYMENT: &str = "deployment/logtap-webhook";
/// Replicas that the manifests ask for.
const REPLICAS: u32 = 2;

static INSTALLED: RwLock<bool> = RwLock::new(false);

/// The webhook, serving.
#[derive(Debug)]
pub struct Webhook(Held);

#[derive(Debug)]
enum Held {
    /// Keeps it as it is.
    Shared(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'static, bool>),
    /// May change it.
    Alone(RwLockWriteGuard<'static, bool>),
}

impl Webhook {
    /// The webhook for a test that leaves it as it is.
    ///
    /// # Panics
    /// When it does not come to serve.
    #[must_use]
    pub fn install() -> Self {
        loop {
            let held = INSTALLED.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if *held {
                return Self(Held::Shared(held));
            }
            drop(held);
            drop(Self::alone());
        }
    }

    /// The webhook for a test that changes it: no other test has it until this value is dropped.
    ///
    /// # Panics
    /// When it does not come to serve.
    #[must_use]
    pub fn alone() -> Self {
        let mut held = INSTALLED.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !*held {
            put_in_place();
            *held = true;
        }
        Self(Held::Alone(held))
    }

    /// Sets the number of replicas and waits until so many serve, and no other pod of it is left.
    ///
    /// # Panics
    /// When the cluster refuses, or it does not come to that.
    pub fn scale(&self, replicas: u32) {
        control(&["scale", DEPLOYMENT, &format!("--replicas={replicas}")]);
        until("the replicas", || {
            let pods = pods()?;
            let ready = pods.iter().filter(|pod| is_ready(pod)).count();
            let wanted = usize::try_from(replicas).unwrap_or_default();
            if ready == wanted && pods.len() == wanted { Ok(()) } else { Err(format!("{ready} of {}", pods.len())) }
        });
        if replicas == 0 {
            // The API server hears of it a moment later.
            until("a pod that is not injected", || match injects() {
                Ok(()) => Err("it still is".to_owned()),
                Err(_) => Ok(()),
            });
        } else {
            until("an injected pod", injects);
        }
    }

    /// Begins to replace all replicas.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn begin_restart(&self) {
        control(&["rollout", "restart", DEPLOYMENT]);
    }

    /// Waits until a restart or change is complete and no replaced pod is left.
    ///
    /// # Panics
    /// When it does not come to that.
    pub fn settled(&self) {
        control(&["rollout", "status", DEPLOYMENT, "--timeout=180s"]);
        until("the end of replaced replicas", || {
            let ending = pods()?.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_string()).count();
            if ending == 0 { Ok(()) } else { Err(format!("{ending} are still ending")) }
        });
    }

    /// Runs another image.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn image(&self, image: &str) {
        control(&["set", "image", DEPLOYMENT, &format!("webhook={image}")]);
    }

    /// Gives the webhook these flags, in place of those it had.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn flags(&self, flags: &[&str]) {
        let change = json!([{ "op": "add", "path": "/spec/template/spec/containers/0/args", "value": flags }]);
        control(&["patch", DEPLOYMENT, "--type=json", "--patch", &change.to_string()]);
    }

    /// A figure of `/metrics`, the sum over all replicas that answer: a name, with labels or without.
    /// Labels are written as the webhook writes them.
    ///
    /// # Errors
    /// When no replica answers.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let mut sum = None;
        for pod in pods()? {
            let Some(pod) = pod["metadata"]["name"].as_str() else { continue };
            let (port, path) = (port::WEBHOOK_ADMIN, object::METRICS_PATH);
            let path = format!("/api/v1/namespaces/{}/pods/{pod}:{port}/proxy{path}", object::NAMESPACE);
            let Ok(text) = kubectl(&["get", "--raw", &path], "") else { continue };
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let Some((key, value)) = line.rsplit_once(' ') else { continue };
                if key == name || key.split_once('{').is_some_and(|(bare, _)| bare == name) {
                    *sum.get_or_insert(0.0) += value.parse::<f64>().map_err(|error| error.to_string())?;
                }
            }
        }
        sum.ok_or_else(|| format!("no replica tells {name}"))
    }

    /// The pods of the webhook, ending ones too.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn pods(&self) -> Result<Vec<Value>, String> {
        pods()
    }

    /// What all replicas logged, ended ones not.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn logs(&self) -> Result<String, String> {
        let selector = format!("app.kubernetes.io/name={}", object::WEBHOOK);
        kubectl(&["--namespace", object::NAMESPACE, "logs", "--selector", &selector, "--tail=-1", "--prefix"], "")
    }

    /// Removes everything that was installed, the configuration first.
    ///
    /// # Panics
    /// When the cluster refuses, or something stays.
    pub fn remove(&mut self) {
        take_away();
        if let Held::Alone(installed) = &mut self.0 {
            **installed = false;
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        if let Held::Alone(installed) = &mut self.0
            && std::thread::panicking()
        {
            // The next test that wants it begins afresh.
            **installed = false;
        } else if let Held::Alone(installed) = &mut self.0
            && **installed
            && !is_as_installed()
        {
            put_in_place();
        }
    }
}

/// Installs afresh, and waits until the API server's reviews are answered.
fn put_in_place() {
    // What a test changed is not in the manifests and would survive them.
    let configuration = format!("mutatingwebhookconfiguration/{}", object::CONFIGURATION);
    for changed in [DEPLOYMENT, &configuration] {
        let delete = ["delete", changed, "--ignore-not-found", "--wait", "--namespace", object::NAMESPACE];
        kubectl(&delete, "").unwrap_or_default();
    }
    for manifest in MANIFESTS {
        // A namespace that is going away refuses what is new in it.
        until("the cluster to take the manifests", || kubectl(&["apply", "-f", "-"], manifest));
    }
    control(&["rollout", "status", DEPLOYMENT, "--timeout=120s"]);
    until("an injected pod", injects);
}

fn take_away() {
    let delete = |args: &[&str]| {
        let all: Vec<&str> = ["delete", "--ignore-not-found"].iter().chain(args).copied().collect();
        until("the removal", || kubectl(&all, ""));
    };
    delete(&["mutatingwebhookconfiguration", object::CONFIGURATION]);
    for manifest in MANIFESTS.iter().rev() {
        until("the removal", || kubectl(&["delete", "--ignore-not-found", "-f", "-"], manifest));
    }
}

/// Whether nothing has to be put back.
fn is_as_installed() -> bool {
    let first = |text: &str| text.lines().find_map(|line| line.trim().strip_prefix("image: ").map(str::to_owned));
    let wanted = MANIFESTS.iter().find_map(|text| first(text));
    let get = ["--namespace", object::NAMESPACE, "get", DEPLOYMENT, "-o", "json"];
    let Ok(found) = kubectl(&get, "").and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
    else {
        return false;
    };
    let found: Value = found;
    let container = &found["spec"]["template"]["spec"]["containers"][0];
    found["spec"]["replicas"] == REPLICAS
        && container["image"].as_str() == wanted.as_deref()
        && container["args"].is_null()
        && container["env"].as_array().is_some_and(|env| env.len() == 1)
        && injects().is_ok()
}

/// Whether the API server asks the webhook and gets a forwarder: tried with a pod that is not kept.
///
/// # Errors
/// What came instead.
fn injects() -> Result<(), String> {
    let mut pod = bare_pod("probe", "exit 0");
    pod["metadata"]["annotations"] = json!({ annotation::TAP: "true", annotation::TARGET: "http://127.0.0.1:9" });
    let text = kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &pod.to_string())?;
    let made: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if crate::pods::is_injected(&made) { Ok(()) } else { Err(format!("no {} in it", sidecar::CONTAINER)) }
}

fn pods() -> Result<Vec<Value>, String> {
    let selector = format!("{}={}", label::PART_OF, label::PART_OF_LOGTAP);
    let text = kubectl(&["--namespace", object::NAMESPACE, "get", "pods", "--selector", &selector, "-o", "json"], "")?;
    let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

/// kubectl on the webhook's own namespace.
#[track_caller]
fn control(args: &[&str]) -> String {
    let all: Vec<&str> = ["--namespace", object::NAMESPACE].iter().chain(args).copied().collect();
    kubectl(&all, "").unwrap_or_else(|complaint| panic!("kubectl {all:?}: {complaint}"))
}
