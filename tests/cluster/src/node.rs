//! The one node of a cluster of `tests/cluster/up`: its address, its kubelet's files and settings.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use crate::component::Component;
use crate::kubectl::{kubectl, until};
use crate::processes::folder;

/// The node's address, which pods reach.
pub const ADDRESS: &str = "10.85.0.1";

/// The backoff of containers that crash is a second at most.
pub const RESTART_AT_ONCE: [&str; 2] =
    ["crashLoopBackOff: {maxContainerRestartPeriod: 1s}", "featureGates: {KubeletCrashLoopBackOffMax: true}"];

/// Where the kubelet keeps what containers write.
///
/// # Panics
/// Outside such a cluster.
#[must_use]
pub fn logs() -> PathBuf {
    folder().join("log/pods")
}

/// Gives the kubelet these lines of configuration, `key: value`, in place of the ones it has for the
/// same keys, and waits until it runs with them.
///
/// # Panics
/// When it does not come to that.
pub fn configure_kubelet(settings: &[&str]) {
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let keys: Vec<String> = settings.iter().map(|line| key(line)).collect();
    let path = folder().join("kubelet.yaml");
    let text = fs::read_to_string(&path).expect("the kubelet has a configuration");
    let kept = text.lines().filter(|line| !keys.contains(&key(line)));
    let all: Vec<&str> = kept.chain(settings.iter().copied()).collect();
    fs::write(&path, all.join("\n") + "\n").expect("the cluster's folder is ours");
    let mut kubelet = Component::find("kubelet");
    kubelet.kill();
    sleep(Duration::from_millis(100));
    kubelet.start();
    until("the kubelet", || kubectl(&["get", "--raw", "/api/v1/nodes/node1/proxy/healthz"], ""));
}
