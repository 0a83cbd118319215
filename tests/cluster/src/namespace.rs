//! A namespace of its own for each test, deleted after it.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use logtap_inject::vocabulary::{label, object};
use serde_json::{Value, json};

use crate::kubectl::{kubectl, until};

const FORWARDER_ROLE: &str = include_str!("../../../manifests/base/forwarder-role.yaml");

static ROLE: Once = Once::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A namespace with its default service account.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    labels: BTreeMap<String, String>,
}

impl Namespace {
    /// Makes one with a name like `what`, enforcing a level of Pod Security.
    ///
    /// # Panics
    /// When the cluster refuses.
    #[must_use]
    pub fn new(what: &str, level: &str) -> Self {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is set").as_millis();
        let name = format!("test-{what}-{time}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let labels = BTreeMap::from([(label::POD_SECURITY.to_owned(), level.to_owned())]);
        let namespace = Self { name, labels };
        let metadata = json!({ "name": namespace.name, "labels": namespace.labels });
        namespace.create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata }));
        // A pod created before its service account is refused.
        until("the default service account", || namespace.get("serviceaccount", "default"));
        until("the cluster's CA", || namespace.get("configmap", "kube-root-ca.crt"));
        namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Lets forwarders read logs here, as the granter does.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn grant(&self) {
        let group = format!("system:serviceaccounts:{}", self.name);
        self.grant_to(&json!([{ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group }]));
    }

    /// Lets these subjects read logs here.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn grant_to(&self, subjects: &Value) {
        // Two that apply at the same time both find nothing, and one of them fails to create it.
        ROLE.call_once(|| drop(kubectl(&["apply", "-f", "-"], FORWARDER_ROLE).expect("the cluster takes the role")));
        let group = "rbac.authorization.k8s.io";
        self.apply(&json!({
            "apiVersion": format!("{group}/v1"),
            "kind": "RoleBinding",
            "metadata": { "name": object::FORWARDER_ROLE },
            "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": object::FORWARDER_ROLE },
            "subjects": subjects,
        }));
    }

    /// Creates an object in the namespace, or changes it.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn apply(&self, object: &Value) {
        self.send(&["apply", "-f", "-"], object);
    }

    /// Creates an object in the namespace. An object without a name gets one.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub fn create(&self, object: &Value) {
        self.send(&["create", "-f", "-"], object);
    }

    /// An object as the API server has it.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn get(&self, kind: &str, name: &str) -> Result<Value, String> {
        let text = self.kubectl(&["get", kind, name, "-o", "json"], "")?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// The log of a container.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn logs(&self, pod: &str, container: &str) -> Result<String, String> {
        self.kubectl(&["logs", pod, "-c", container], "")
    }

    /// Follows a pod's log with kubectl until the child is killed; nobody sees what it prints.
    ///
    /// # Panics
    /// When kubectl cannot be run.
    #[must_use]
    pub fn follow(&self, pod: &str) -> Child {
        let mut kubectl = Command::new("kubectl");
        kubectl.args(["--namespace", &self.name, "logs", "--follow", "--timestamps", pod]);
        kubectl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("kubectl is there")
    }

    /// Runs kubectl in this namespace.
    ///
    /// # Errors
    /// What kubectl complains about.
    pub fn kubectl(&self, args: &[&str], input: &str) -> Result<String, String> {
        let all: Vec<&str> = ["--namespace", &self.name].iter().chain(args).copied().collect();
        kubectl(&all, input)
    }

    fn send(&self, args: &[&str], object: &Value) {
        let is_namespace = object["kind"] == "Namespace";
        let text = object.to_string();
        let sent = if is_namespace { kubectl(args, &text) } else { self.kubectl(args, &text) };
        sent.unwrap_or_else(|complaint| panic!("the cluster refuses {object:#}: {complaint}"));
    }
}

impl Drop for Namespace {
    #[expect(clippy::print_stdout, reason = "shown with the failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What the reader of a failed test wants to see.
            let events = self.kubectl(&["get", "pods,events"], "").unwrap_or_else(|complaint| complaint);
            let logs = ["logs", "--selector", "!none", "--all-containers", "--prefix", "--tail", "20"];
            let logs = self.kubectl(&logs, "").unwrap_or_else(|complaint| complaint);
            println!("{}:\n{events}\n{logs}", self.name);
        }
        // What cannot be deleted goes with the cluster.
        kubectl(&["delete", "namespace", &self.name, "--wait=false"], "").unwrap_or_default();
    }
}
