//! How much memory and CPU a forwarder takes: idle, and at 20 MB/s from either source; and whether it
//! lives through half an hour of that. Prints the figures.
//!
//! One test at a time.
//! Only on a cluster of its own.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use logtap_cluster_tests::processes::{forwarders, used};
use logtap_cluster_tests::{LocalReceiver, Namespace, Writer, app_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};
use serde_json::{Value, json};

/// How long each is measured.
const TIME: Duration = Duration::from_secs(30);
/// KiB that a forwarder may have had at most, idle and busy.
const IDLE: u64 = 8 << 10;
const BUSY: u64 = 24 << 10;
/// What a busy app writes, kB/s.
const RATE: u64 = 20_000;
/// CPU at most, percent of a core for each MB/s.
const CPU: f64 = 5.0;

/// A pod with a forwarder, and the receiver that it sends to.
fn begin(namespace: &Namespace, receiver: &LocalReceiver, source: &str, app: impl FnOnce(Value) -> Value) -> PathBuf {
    let mut pod = app_pod(namespace, source, "echo begins; exec sleep 3600");
    pod["metadata"]["annotations"][annotation::TARGET] = receiver.url().into();
    pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
    let pod = injected(namespace, app(pod), &Config::default());
    namespace.create(&pod);
    until("a forwarder whose lines come", || match forwarders().pop() {
        Some(process) if receiver.counter("logtap_lines_written_total") > 0 => Ok(process),
        other => Err(format!("{other:?}")),
    })
}

/// Memory at most, KiB; CPU, percent of a core; lines and bytes in the capture, MB, a second.
fn measure(source: &str, app: impl FnOnce(Value) -> Value) -> (u64, f64, u64, f64) {
    let namespace = Namespace::new("small", "privileged");
    namespace.grant();
    let mut receiver = LocalReceiver::new();
    receiver.start();
    let process = begin(&namespace, &receiver, source, app);
    sleep(Duration::from_secs(3));
    let counted = || ["logtap_lines_written_total", "logtap_bytes_written_total"].map(|name| receiver.counter(name));
    let (before, lines) = (used(&process).unwrap(), counted());
    sleep(TIME);
    let (after, more) = (used(&process).expect("the same process lives"), counted());
    let lost = receiver.counter("logtap_lines_lost_total") + receiver.counter("logtap_lines_dropped_total");
    assert_eq!(lost, 0, "{source}: it keeps up");
    namespace.kubectl(&["delete", "pod", source, "--wait"], "").unwrap();
    let seconds = TIME.as_secs();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (cpu, bytes) = ((after.1 - before.1) as f64 / seconds as f64, (more[1] - lines[1]) as f64 / seconds as f64);
    (after.0, cpu, (more[0] - lines[0]) / seconds, bytes / 1e6)
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn memory_stays_small() {
    let writer = Writer::build();
    let mut failed = Vec::new();
    for source in ["node", "api"] {
        let (memory, cpu, ..) = measure(source, |pod| pod);
        println!("source {source}, idle: VmHWM {memory} KiB, {cpu:.1} % of a core");
        if memory > IDLE {
            failed.push(format!("{source}, idle: {memory} KiB, at most {IDLE}"));
        }
        let (rate, seconds) = (RATE.to_string(), "600");
        let (memory, cpu, lines, bytes) = measure(source, |pod| writer.run_in(pod, &[&rate, seconds, "out"]));
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let (wanted, each) = (RATE as f64 / 1000.0, cpu / bytes);
        println!(
            "source {source}, {wanted} MB/s: VmHWM {memory} KiB, {cpu:.1} % of a core, {each:.2} % for each of \
             {bytes:.1} MB/s in the capture, {lines} lines/s"
        );
        if memory > BUSY || each > CPU || bytes < wanted * 0.95 {
            failed.push(format!("{source}, busy: {memory} KiB, {each:.2} %, {bytes:.1} MB/s"));
        }
    }
    assert!(failed.is_empty(), "at most {BUSY} KiB and {CPU} % for each of {RATE} kB/s: {failed:?}");
}

mod long {
    use super::*;

    /// How long it goes on, seconds, and what each of two apps writes, kB/s.
    const HALF_AN_HOUR: u64 = 1800;
    const EACH: u64 = RATE / 2;

    #[test]
    #[ignore = "half an hour: LOGTAP_CLUSTER=long tests/run cluster"]
    fn no_forwarder_runs_out_of_memory_in_half_an_hour() {
        let namespace = Namespace::new("full", "privileged");
        namespace.grant();
        let writer = Writer::build();
        let mut receiver = LocalReceiver::new();
        receiver.start();
        let (rate, seconds) = (EACH.to_string(), (HALF_AN_HOUR + 60).to_string());
        for (source, shape) in [("node", "both"), ("api", "out")] {
            let mut pod = app_pod(&namespace, source, "");
            pod["metadata"]["annotations"][annotation::TARGET] = receiver.url().into();
            pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
            // Only beside an app that asks for something the forwarder has limits.
            pod["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": "10m" } });
            let pod = writer.run_in(pod, &[&rate, &seconds, shape]);
            let pod = injected(&namespace, pod, &Config::default());
            let ours = pod["spec"]["initContainers"].as_array().unwrap().last().unwrap();
            assert!(ours["resources"]["limits"]["memory"].is_string(), "{ours}");
            namespace.create(&pod);
        }
        let all: Vec<_> = until("both forwarders", || {
            let all = forwarders();
            if all.len() == 2 { Ok(all) } else { Err(format!("{all:?}")) }
        });
        for minute in 1..=HALF_AN_HOUR / 60 {
            sleep(Duration::from_secs(60));
            let used: Vec<_> = all.iter().map(|process| used(process).expect("the same process lives")).collect();
            println!("after {minute} min, VmHWM in KiB and CPU in hundredths of a second: {used:?}");
        }
        for source in ["node", "api"] {
            let said = namespace.logs(source, sidecar::CONTAINER).unwrap();
            println!("{source}: {:?}", said.lines().rfind(|line| line.contains("lines sent")));
            let status = namespace.get("pod", source).unwrap()["status"]["initContainerStatuses"].clone();
            let ours = status.as_array().unwrap().iter().find(|one| one["name"] == sidecar::CONTAINER).unwrap();
            assert_eq!((&ours["restartCount"], &ours["lastState"]), (&json!(0), &json!({})), "{source}");
        }
        let most = all.iter().map(|process| used(process).unwrap().0).max().unwrap();
        assert!(most <= BUSY, "{most} KiB, at most {BUSY}");
    }
}
