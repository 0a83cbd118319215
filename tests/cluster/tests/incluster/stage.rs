//! `logtap recv --in-cluster` as a process, senders that note what was acknowledged, and what is in a
//! capture and a namespace.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use logtap_cluster_tests::{Namespace, Ran, logtap, logtap_binary, until};
use logtap_inject::vocabulary::annotation;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::link::Link;

/// What a sender knows of its lines.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Acknowledged.
    pub(crate) kept: BTreeSet<String>,
    /// Sent, and nobody said what became of them.
    pub(crate) open: BTreeSet<String>,
}

/// A running `logtap recv --in-cluster`.
pub(crate) struct Recv {
    child: Child,
    folder: TempDir,
}

impl Recv {
    pub(crate) fn start(namespace: &Namespace, link: &Link, flags: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), namespace, link, flags)
    }

    /// As a user starts it: senders must present tokens.
    pub(crate) fn start_asking(namespace: &Namespace, link: &Link) -> Self {
        Self::run(tempfile::tempdir().unwrap(), namespace, link, &[])
    }

    /// Starts it on a folder; it takes lines from this machine, too.
    pub(crate) fn start_in(folder: TempDir, namespace: &Namespace, link: &Link, flags: &[&str]) -> Self {
        Self::run(folder, namespace, link, &[flags, &["--no-auth"]].concat())
    }

    /// Waits until its receiver takes lines.
    fn run(folder: TempDir, namespace: &Namespace, link: &Link, flags: &[&str]) -> Self {
        let recv = Self::spawn(folder, |logtap, dir| {
            logtap.args(["recv", "--in-cluster", "-n", namespace.name(), "--kubeconfig"]).arg(link.config());
            logtap.arg("--dir").arg(dir).args(flags);
        });
        until("the receiver", || {
            let said = recv.said();
            if said.contains("listens on") { Ok(()) } else { Err(said) }
        });
        recv
    }

    /// `logtap download URL --follow` into a folder's capture, in the place of `recv`.
    pub(crate) fn download(folder: TempDir, url: &str, link: &Link) -> Self {
        Self::spawn(folder, |logtap, dir| {
            logtap.args(["download", url]).arg(dir).args(["--follow", "--kubeconfig"]).arg(link.config());
        })
    }

    fn spawn(folder: TempDir, arguments: impl FnOnce(&mut Command, &Path)) -> Self {
        let said = File::create(folder.path().join("said")).unwrap();
        let mut logtap = Command::new(logtap_binary());
        arguments(&mut logtap, &folder.path().join("capture"));
        let child = logtap.stdout(Stdio::null()).stderr(said).spawn().unwrap();
        Self { child, folder }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("capture")
    }

    /// Waits until so many lines are here.
    pub(crate) fn arrived(&self, lines: usize) {
        until(&format!("{lines} lines here"), || {
            let found = texts(&self.dir()).len();
            if found >= lines { Ok(()) } else { Err(format!("{found} lines; {}", self.said())) }
        });
    }

    /// As a crash ends it.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.folder
    }

    /// Ctrl+C.
    pub(crate) fn interrupt(&self) {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
    }

    /// Waits until it says so.
    pub(crate) fn says(&self, words: &str) {
        until(words, || if self.said().contains(words) { Ok(()) } else { Err(self.said()) });
    }

    /// Ctrl+C, and all that follows from it. The folder that is returned holds the capture.
    pub(crate) fn end(self) -> (Capture, Ran) {
        let dir = self.dir();
        let (folder, ran) = self.end_on();
        (Capture { dir, _folder: folder }, ran)
    }

    /// The same; what is returned can be gone on with.
    pub(crate) fn end_on(mut self) -> (TempDir, Ran) {
        self.interrupt();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        };
        let ran = Ran { status: status.code(), stdout: String::new(), stderr: self.said() };
        (self.folder, ran)
    }
}

/// A capture in a folder that goes with it.
pub(crate) struct Capture {
    dir: PathBuf,
    _folder: TempDir,
}

impl Capture {
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }
}

/// Posts lines `from..from + count` to the newest receiver of the namespace over TLS, as a forwarder
/// would: by its name, with its authority. What is not answered is not sent again.
pub(crate) fn push(namespace: &Namespace, from: u64, count: u64, sent: &mut Sent) {
    let services = namespace.kubectl(&["get", "services", "-o", "json"], "").unwrap();
    let services: Value = serde_json::from_str(&services).unwrap();
    let service = services["items"].as_array().unwrap().last().unwrap();
    let mut ca = tempfile::NamedTempFile::new().unwrap();
    let pem = service["metadata"]["annotations"][annotation::TARGET_CA].as_str().unwrap();
    ca.write_all(pem.as_bytes()).unwrap();
    let host = format!("{}.{}.svc", service["metadata"]["name"].as_str().unwrap(), namespace.name());
    let address = until("an address", || {
        let running = ["get", "pods", "-l", "app.kubernetes.io/name=logtap-receiver", "-o", "json"];
        let found = namespace.kubectl(&running, "")?;
        let list: Value = serde_json::from_str(&found).unwrap();
        let mut taking = list["items"].as_array().unwrap().iter().filter(|pod| {
            let ready = pod["status"]["conditions"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
            ready && pod["metadata"]["deletionTimestamp"].is_null()
        });
        taking
            .next_back()
            .and_then(|pod| pod["status"]["podIP"].as_str())
            .map(str::to_owned)
            .ok_or_else(|| "none".to_owned())
    });
    let lines: Vec<String> = (from..from + count).map(|n| format!("line {n} {}", noise(n))).collect();
    let values: Vec<Value> = lines.iter().map(|line| json!(["1790000000000000000", line])).collect();
    let body = json!({ "streams": [{ "stream": { "app": "test" }, "values": values }] });
    let mut curl = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", "--cacert"])
        .arg(ca.path())
        .args(["--resolve", &format!("{host}:3100:{address}"), "-H", "content-type: application/json"])
        .args(["--data-binary", "@-", &format!("https://{host}:3100/loki/api/v1/push")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    curl.stdin.take().unwrap().write_all(body.to_string().as_bytes()).unwrap_or_default();
    let answer = curl.wait_with_output().unwrap();
    if answer.stdout == b"204" { sent.kept.extend(lines) } else { sent.open.extend(lines) }
}

/// Text that does not compress.
fn noise(seed: u64) -> String {
    let mut state = seed * 2 + 1;
    let mut text = String::new();
    while text.len() < 20 + seed as usize % 300 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:x}", state >> 16));
    }
    text
}

/// All lines of a capture that somebody sent.
pub(crate) fn texts(dir: &Path) -> Vec<String> {
    read(dir).into_iter().filter(|line| line["labels"]["logtap"].is_null()).map(text).collect()
}

/// All marks of lost lines.
pub(crate) fn gaps(dir: &Path) -> Vec<String> {
    read(dir).into_iter().filter(|line| line["labels"]["logtap"] == "gap").map(text).collect()
}

fn text(line: Value) -> String {
    line["msg"].as_str().unwrap().to_owned()
}

fn read(dir: &Path) -> Vec<Value> {
    let ran = logtap(&["grep", "--json", "", dir.to_str().unwrap()]);
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Names of the pods that do not end, the oldest first.
pub(crate) fn pods(namespace: &Namespace) -> Vec<String> {
    let text = namespace.kubectl(&["get", "pods", "-o", "json"], "").unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let mut pods: Vec<&Value> =
        list["items"].as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
    pods.sort_by_key(|pod| pod["metadata"]["creationTimestamp"].as_str().unwrap());
    pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// Kills the receiver's process as the kernel does when memory runs out.
pub(crate) fn kill_container(namespace: &Namespace) {
    let id = ["get", "pods", "-o", "jsonpath={.items[0].status.containerStatuses[0].containerID}"];
    let id = namespace.kubectl(&id, "").unwrap();
    let id = id.trim_start_matches("containerd://");
    let killed = Command::new("ctr").args(["task", "kill", "--signal", "SIGKILL", id]).status().unwrap();
    assert!(killed.success());
}

/// Every object of the namespace that a receiver could be made of, but what each namespace has.
pub(crate) fn kinds(namespace: &Namespace) -> Vec<String> {
    let kinds = "jobs,pods,services,secrets,configmaps,serviceaccounts,networkpolicies,roles,rolebindings,deployments";
    let text = namespace.kubectl(&["get", kinds, "-o", "name"], "").unwrap();
    let given = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
    text.lines().filter(|line| !given.contains(line)).map(str::to_owned).collect()
}
