//! The cluster, pods that write, one receiver, and what can happen to them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use logtap_cluster_tests::component::Component;
use logtap_cluster_tests::node::{ADDRESS, RESTART_AT_ONCE, configure_kubelet, logs};
use logtap_cluster_tests::observer::{Observer, Truth};
use logtap_cluster_tests::processes::{folder, kill_forwarder};
use logtap_cluster_tests::verdict::{self, Captured};
use logtap_cluster_tests::{Namespace, Writer, app_pod, injected, kubectl, logtap_binary, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::annotation;

/// Longest wait for the forwarders to send what they have, once all is well.
const PATIENCE: Duration = Duration::from_secs(120);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Forwarder,
    Receiver,
    Kubelet,
    Containerd,
    Network,
    ApiServer,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] =
        [Self::Forwarder, Self::Receiver, Self::Kubelet, Self::Containerd, Self::Network, Self::ApiServer];
}

pub(crate) struct World {
    namespace: Namespace,
    folder: tempfile::TempDir,
    writer: Writer,
    port: u16,
    receiver: Option<Child>,
    observer: Observer,
    kubelet: Component,
    containerd: Component,
    api_server: Component,
    pub(crate) pods: Vec<String>,
    uids: Vec<String>,
    ends: Instant,
}

/// What pods there are.
pub(crate) struct Plan {
    /// Two pods of each.
    pub(crate) sources: &'static [&'static str],
    /// kB/s that a pod writes.
    pub(crate) rate: u64,
    /// Seconds that it writes for.
    pub(crate) seconds: u64,
    /// The forwarders' spool.
    pub(crate) spool: &'static str,
    /// Size from which the kubelet puts a file aside.
    pub(crate) file: &'static str,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let folder = tempfile::Builder::new().prefix("faults").tempdir_in(folder()).unwrap();
        limit_logs(plan.file);
        let namespace = Namespace::new("faults", "privileged");
        namespace.grant();
        let observer = Observer::start(logs(), namespace.name());
        let port = TcpListener::bind((ADDRESS, 0)).unwrap().local_addr().unwrap().port();
        let mut world = Self {
            namespace,
            folder,
            writer: Writer::build(),
            port,
            receiver: None,
            observer,
            kubelet: Component::find("kubelet"),
            containerd: Component::find("containerd"),
            api_server: Component::find("kube-apiserver"),
            pods: Vec::new(),
            uids: Vec::new(),
            ends: Instant::now(),
        };
        world.start_receiver();
        for source in plan.sources {
            for name in ["a", "b"].map(|one| format!("{source}-{one}")) {
                world.start_pod(&name, source, plan);
                world.pods.push(name);
            }
        }
        world.ends = Instant::now() + Duration::from_secs(plan.seconds);
        world
    }

    fn start_pod(&mut self, name: &str, source: &str, plan: &Plan) {
        // Pieces of long lines on both outputs are more than the API can tell apart.
        let shape = if source == "node" { "both" } else { "out" };
        let mut pod = app_pod(&self.namespace, name, "");
        pod["metadata"]["annotations"][annotation::TARGET] = format!("http://{ADDRESS}:{}", self.port).into();
        pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
        pod["metadata"]["annotations"][annotation::SPOOL] = plan.spool.into();
        let (rate, seconds) = (plan.rate.to_string(), plan.seconds.to_string());
        let pod = self.writer.run_in(pod, &[&rate, &seconds, shape]);
        self.namespace.create(&injected(&self.namespace, pod, &Config::default()));
        let uid = until("the pod runs", || {
            let pod = self.namespace.get("pod", name)?;
            if pod["status"]["phase"] != "Running" {
                return Err(pod["status"].to_string());
            }
            pod["metadata"]["uid"].as_str().map(str::to_owned).ok_or_else(|| "no uid".to_owned())
        });
        self.uids.push(uid);
    }

    fn capture(&self) -> PathBuf {
        self.folder.path().join("capture")
    }

    fn start_receiver(&mut self) {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("recv.log")).unwrap();
        let child = Command::new(logtap_binary())
            .args([
                "recv",
                "--headless",
                "--max-file",
                "16MB",
                "--listen",
                &format!("{ADDRESS}:{}", self.port),
                "--dir",
            ])
            .arg(self.capture())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.receiver = Some(child);
    }

    fn kill_receiver(&mut self) {
        let mut child = self.receiver.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// From now on the kubelet puts files aside at this size.
    pub(crate) fn limit_logs(&self, size: &str) {
        limit_logs(size);
    }

    /// Lets it happen, for so long where that means something. Bytes that were written by then and
    /// are not known to be in the capture.
    pub(crate) fn strike(&mut self, fault: Fault, pause: Duration, below: &mut impl FnMut(u64) -> u64) -> u64 {
        let in_flight = self.in_flight();
        match fault {
            Fault::Forwarder => {
                let uid = &self.uids[below(self.uids.len() as u64) as usize];
                assert!(kill_forwarder(uid) || self.restarts() > 0, "there is a forwarder to kill");
            }
            Fault::Receiver => {
                self.kill_receiver();
                sleep(pause);
                self.start_receiver();
            }
            Fault::Kubelet => restart(&mut self.kubelet, pause),
            Fault::Containerd => restart(&mut self.containerd, pause / 2),
            Fault::ApiServer => restart(&mut self.api_server, pause / 2),
            Fault::Network => {
                let port = self.port.to_string();
                for flag in ["-I", "-D"] {
                    let rule = [flag, "INPUT", "-p", "tcp", "--dport", &port, "-j", "DROP"];
                    assert!(Command::new("iptables").args(rule).status().unwrap().success());
                    sleep(if flag == "-I" { pause } else { Duration::ZERO });
                }
            }
        }
        in_flight
    }

    /// Bytes of lines that the kubelet's files have and the capture does not have yet, as far as it says
    /// once a second.
    fn in_flight(&self) -> u64 {
        let (records, bytes) = self.observer.so_far();
        let text = std::fs::read(self.capture().join("metadata.json")).unwrap_or_default();
        let metadata: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let kept = metadata["counters"]["written"].as_u64().unwrap_or(0);
        records.saturating_sub(kept) * (bytes / records.max(1))
    }

    fn restarts(&self) -> u64 {
        let pods = kubectl(&["-n", self.namespace.name(), "get", "pods", "-o", "json"], "").unwrap_or_default();
        let pods: serde_json::Value = serde_json::from_str(&pods).unwrap_or_default();
        let statuses = pods["items"].as_array().into_iter().flatten();
        statuses.filter_map(|pod| pod["status"]["initContainerStatuses"][0]["restartCount"].as_u64()).sum()
    }

    /// What a pod's forwarder said, with times.
    fn said(&self, pod: &str) -> String {
        let own = logtap_inject::vocabulary::sidecar::CONTAINER;
        let mut said = String::new();
        for life in [&["--previous"][..], &[]] {
            let flags = [&["logs", pod, "-c", own, "--timestamps"], life].concat();
            said.push_str(&self.namespace.kubectl(&flags, "").unwrap_or_default());
        }
        said
    }

    /// Waits until the pods have ended and everything that can come has come.
    pub(crate) fn finish(mut self) -> (Truth, BTreeMap<String, Captured>) {
        sleep(self.ends.saturating_duration_since(Instant::now()));
        let began = Instant::now();
        let captured = loop {
            sleep(Duration::from_secs(3));
            let captured = verdict::read(&self.capture());
            let done = self
                .pods
                .iter()
                .all(|name| captured.get(&format!("{name}/app")).is_some_and(|container| container.ended));
            if done || began.elapsed() > PATIENCE {
                break captured;
            }
        };
        println!("the last word came {:.0} s after the last line", began.elapsed().as_secs_f64());
        for name in &self.pods {
            let log = self.said(name);
            let said = format!("{name} says: ");
            log.lines().for_each(|line| println!("{said}{line}"));
        }
        println!("forwarders were started again {} times", self.restarts());
        self.kill_receiver();
        drop(captured);
        let captured = verdict::read(&self.capture());
        if std::env::var_os("LOGTAP_FAULTS_KEEP").is_some() {
            println!("kept: {}", self.folder.keep().display());
        }
        (self.observer.finish(), captured)
    }
}

fn restart(component: &mut Component, pause: Duration) {
    component.kill();
    sleep(pause);
    component.start();
}

/// A forwarder that is killed again and again must not be waited for longer than files are kept.
fn limit_logs(size: &str) {
    let [one, other] = RESTART_AT_ONCE;
    configure_kubelet(&[&format!("containerLogMaxSize: {size}"), one, other]);
}
