//! The parts of a cluster of `tests/cluster/up`, ended and started again. Only of the cluster that
//! the test runs in.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::processes::folder;

/// A process of the cluster's own: `kubelet`, `containerd`, `kube-apiserver`.
#[derive(Debug)]
pub struct Component {
    name: &'static str,
    arguments: Vec<String>,
    again: Option<Child>,
}

fn processes() -> Vec<(String, Vec<String>, PathBuf)> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| {
        let command = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let arguments: Vec<String> = command.split('\0').filter(|one| !one.is_empty()).map(str::to_owned).collect();
        let pid = entry.file_name().into_string().ok()?;
        Some((pid, arguments, entry.path()))
    })
    .collect()
}

fn kill(pid: &str) -> bool {
    Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Component {
    /// The running one.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn find(name: &'static str) -> Self {
        let (_, arguments) = running(name).unwrap_or_else(|| panic!("the cluster has no {name}"));
        Self { name, arguments, again: None }
    }

    /// Ends it at once.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn kill(&mut self) {
        let pid = running(self.name).map(|(pid, _)| pid);
        assert!(pid.is_some_and(|pid| kill(&pid)), "{} runs", self.name);
        if let Some(mut nsenter) = self.again.take() {
            nsenter.wait().expect("it was a child");
        }
    }

    /// Starts it again as it was.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&mut self) {
        let folder = folder();
        let first = fs::read_to_string(folder.join("pid")).expect("a cluster has a first process");
        let place = format!("--wdns={}", folder.display());
        let log = folder.join(format!("log/{}.again.log", self.name));
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("the cluster's folder is ours");
        let nsenter = Command::new("nsenter")
            .args(["--target", first.trim(), "--net", "--mount", "--pid", "--uts", "--ipc", &place, "--"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has many handles"))
            .stderr(log)
            .spawn()
            .expect("nsenter is there");
        self.again = Some(nsenter);
    }
}

/// Number and arguments of a component.
fn running(name: &str) -> Option<(String, Vec<String>)> {
    let folder = folder();
    processes().into_iter().find_map(|(pid, arguments, process)| {
        let is_it = arguments.first().is_some_and(|first| first.rsplit('/').next() == Some(name));
        let ours = is_it && fs::read_link(process.join("cwd")).is_ok_and(|place| place == folder);
        ours.then_some((pid, arguments))
    })
}
