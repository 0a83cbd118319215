//! Processes of forwarders, as the machine sees them: to end them, and to measure them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the cluster's files are. Tests end processes only of a cluster made for them.
///
/// # Panics
/// Outside such a cluster.
#[must_use]
pub fn folder() -> PathBuf {
    std::env::var("LOGTAP_CLUSTER_FOLDER").expect("these tests run in a cluster of tests/cluster/up").into()
}

/// The folders in `/proc` of this cluster's forwarders.
///
/// # Panics
/// Outside such a cluster.
#[must_use]
pub fn forwarders() -> Vec<PathBuf> {
    let name = format!("/logtap-{}", folder().file_name().and_then(|name| name.to_str()).expect("a name"));
    let is_ours = |process: &Path| {
        let command = fs::read(process.join("cmdline")).unwrap_or_default();
        command.starts_with(b"/logtap-forwarder")
            && fs::read_to_string(process.join("cgroup")).is_ok_and(|groups| groups.contains(&name))
    };
    let all = fs::read_dir("/proc").expect("there are processes");
    all.flatten().map(|one| one.path()).filter(|process| is_ours(process)).collect()
}

/// Kills this cluster's forwarders, as the kernel does when memory runs out.
///
/// # Panics
/// Outside such a cluster.
pub fn kill_forwarders() {
    for process in forwarders() {
        // One that ended meanwhile is dead as well.
        signal(&process, "KILL");
    }
}

/// The folder in `/proc` of the forwarder of one pod, by the pod's UID.
///
/// # Panics
/// Outside such a cluster.
#[must_use]
pub fn forwarder_of(uid: &str) -> Option<PathBuf> {
    let names = [format!("pod{uid}"), format!("pod{}", uid.replace('-', "_"))];
    let of_pod = |process: &PathBuf| {
        let groups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
        names.iter().any(|name| groups.contains(name))
    };
    forwarders().into_iter().find(of_pod)
}

/// Kills the forwarder of one pod, by the pod's UID; false if it does not run.
///
/// # Panics
/// Outside such a cluster.
#[must_use]
pub fn kill_forwarder(uid: &str) -> bool {
    forwarder_of(uid).is_some_and(|process| signal(&process, "KILL"))
}

/// Sends a process a signal, by its folder in `/proc`; false if it has ended.
///
/// # Panics
/// When it is no such folder.
pub fn signal(process: &Path, name: &str) -> bool {
    let pid = process.file_name().expect("a number");
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Most memory that a process has had, KiB, and the CPU time that it has used, hundredths of a second.
#[must_use]
pub fn used(process: &Path) -> Option<(u64, u64)> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some((peak, fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?))
}
