//! What the README of 1.x tells to type at a cluster, typed as it stands there, in its order.
//!
//! One test at a time.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use logtap_cluster_tests::{Namespace, Ran, Receiver, Webhook, bare_pod, kubectl, logtap_binary, until, workload};
use logtap_testkit::readme::{LINES, Needs};
use logtap_testkit::schema;
use serde_json::{Value, json};
use tempfile::TempDir;

const SCRIPT: &str = "trap exit TERM; while :; do echo ann@example.com served; sleep 0.2; done";

/// A directory to type in, with a kubeconfig whose context names the test's namespace.
struct Desk {
    folder: TempDir,
    namespace: String,
    typed: BTreeSet<&'static str>,
}

impl Desk {
    fn new(namespace: &Namespace) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config: Value =
            serde_json::from_str(&kubectl(&["config", "view", "--raw", "-o", "json"], "").unwrap()).unwrap();
        config["contexts"][0]["context"]["namespace"] = namespace.name().into();
        std::fs::write(folder.path().join("kubeconfig"), config.to_string()).unwrap();
        Self { folder, namespace: namespace.name().to_owned(), typed: BTreeSet::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        let beside = logtap_binary().parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{beside}:{path}")).env("KUBECONFIG", self.path("kubeconfig"));
        shell.env("HOME", self.folder.path()).current_dir(self.folder.path()).arg("-c").arg(line);
        shell
    }

    /// Notes that a line of the README is typed, and puts in what stood there for the reader's own.
    fn line(&mut self, line: &'static str) -> String {
        assert!(LINES.contains(&(line, Needs::Cluster)), "{line} is no line of the README");
        self.typed.insert(line);
        line.replace("host:3100", &format!("recv.{}.svc:3100", self.namespace)).replace("payments", &self.namespace)
    }

    fn run(&self, line: &str) -> Ran {
        let output = self.shell(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Types a line of the README; it must end well.
    fn good(&mut self, line: &'static str) -> Ran {
        let typed = self.line(line);
        let ran = self.run(&typed);
        assert_eq!(ran.status, Some(0), "{typed}: {ran:?}");
        ran
    }

    fn status(&mut self) -> String {
        self.good("logtap status").stdout
    }

    /// Starts a receiver as a line of the README says and waits until it takes lines.
    fn recv(&mut self, line: &'static str) -> Child {
        let typed = self.line(line);
        let said = File::create(self.path("said")).unwrap();
        let mut shell = self.shell(&format!("exec {typed}"));
        let child = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        until("the receiver", || {
            let said = std::fs::read_to_string(self.path("said")).unwrap();
            if said.contains("listens on") { Ok(()) } else { Err(said) }
        });
        let said = std::fs::read_to_string(self.path("said")).unwrap();
        assert!(said.contains("is the image of forwarders"), "the README's image is another one: {said}");
        child
    }

    /// Ctrl+C.
    fn interrupt(&self, mut recv: Child) {
        Command::new("kill").args(["-INT", &recv.id().to_string()]).status().unwrap();
        let status = recv.wait().unwrap();
        assert!(status.success(), "{}", std::fs::read_to_string(self.path("said")).unwrap());
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn lines_of_1_x_run_as_printed() {
    let _webhook = Webhook::install();
    let namespace = Namespace::new("readme", "privileged");
    let mut desk = Desk::new(&namespace);
    for name in ["api-gateway", "worker"] {
        let mut object = workload("Deployment", name, &bare_pod(name, SCRIPT));
        object["metadata"]["labels"] = json!({ "app": name });
        namespace.create(&object);
    }
    for name in ["deployment/api-gateway", "deployment/worker"] {
        namespace.kubectl(&["rollout", "status", name, "--timeout=90s"], "").unwrap();
    }

    // The workflow: what is checked, received, tapped, untapped, looked at.
    let checked = desk.good("logtap check");
    assert!(checked.stdout.contains("can be tapped: ") && checked.stdout.contains("deployment/api-gateway"));
    let checked = desk.good("logtap check --json");
    assert_eq!(schema::problems(&schema::values("check", &checked.stdout)), "");
    let recv = desk.recv("logtap recv --in-cluster --image ghcr.io/ppiankov/logtap-forwarder:latest --redact");
    desk.good("logtap tap --deployment api-gateway");
    until("its lines are here", || {
        let found = desk.run("logtap grep --count served ./capture");
        let lines = found.stdout.lines().filter_map(|line| line.rsplit(':').next()?.parse::<u64>().ok()).sum::<u64>();
        if lines > 10 { Ok(()) } else { Err(format!("{found:?}")) }
    });
    assert!(desk.status().contains("deployment/api-gateway in namespace"));
    desk.good("logtap untap --deployment api-gateway");
    assert!(!desk.status().contains("deployment/api-gateway in namespace"));
    desk.interrupt(recv);
    let seen = desk.run("logtap inspect ./capture --json");
    let seen: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert!(seen["total_lines"].as_u64().is_some_and(|lines| lines > 10), "{seen:#}");
    let found = |word: &str| desk.run(&format!("logtap grep -q '{word}' ./capture")).status;
    assert_eq!((found("REDACTED:email. served"), found("ann@example")), (Some(0), Some(1)));
    assert!([Some(0), Some(6)].contains(&desk.run("logtap triage ./capture --out ./triage").status));

    // Another one without redaction, and one that stays.
    std::fs::remove_dir_all(desk.path("capture")).unwrap();
    let recv = desk.recv("logtap recv --in-cluster --image ghcr.io/ppiankov/logtap-forwarder:latest");
    desk.interrupt(recv);
    let deployed = desk.good("logtap deploy");
    assert!(deployed.stdout.contains("is made: https://logtap-receiver."), "{deployed:?}");

    // What names a target goes there.
    let receiver = Receiver::start(&namespace);
    desk.good("logtap tap --deployment api-gateway --target host:3100");
    let _lines = receiver.stored_until("ann@example.com served");
    desk.good("logtap untap --deployment api-gateway");
    let chosen = desk.good("logtap tap --selector app=worker --target host:3100");
    assert!(
        chosen.stdout.contains("deployment/worker: tapped") && !chosen.stdout.contains("api-gateway"),
        "{chosen:?}"
    );
    let all = desk.good("logtap tap --namespace payments --all --force --target host:3100");
    assert!(all.stdout.contains("deployment/api-gateway: tapped"), "{all:?}");
    assert_eq!(desk.run("logtap untap --all --force").status, Some(0));
    kubectl(&["label", "namespace", namespace.name(), "env=production"], "").unwrap();
    let target = format!("recv.{}.svc:3100", namespace.name());
    let refused = desk.run(&format!("logtap tap --namespace {} --target {target}", namespace.name()));
    assert!(refused.status == Some(2) && refused.stderr.contains("--allow-prod"), "{refused:?}");
    desk.good("logtap tap --namespace payments --allow-prod --target host:3100");
    assert!(desk.status().contains("new pods opt in"));
    let name = namespace.name();
    assert_eq!(desk.run(&format!("logtap untap --namespace {name}")).status, Some(0));
    assert_eq!(desk.run("logtap deploy --remove --force").status, Some(0));

    let all: BTreeSet<&str> =
        LINES.iter().filter(|(_, needs)| *needs == Needs::Cluster).map(|(line, _)| *line).collect();
    assert_eq!(desk.typed, all, "each line was typed");
}
