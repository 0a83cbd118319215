//! How much memory and CPU a forwarder takes: idle, and at 20 MB/s from either source; and whether it
//! lives through half an hour of that. Prints the figures.
//!
//! One test at a time.
//! Only on a cluster of its own.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::thread::sleep;
use std::time::Duration;

use logtap_cluster_tests::processes::{forwarders, used};
use logtap_cluster_tests::{Answer, Fake, LocalReceiver, Namespace, Writer, app_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};
use serde_json::json;

/// How long each is measured.
const TIME: Duration = Duration::from_secs(30);
/// KiB that a forwarder may have had at most, idle and busy.
const IDLE: u64 = 8 << 10;
const BUSY: u64 = 24 << 10;

const IDLES: &str = "echo begins; exec sleep 3600";

/// So many times 2 MB of 1 KB lines a second, and what a shell takes to write them.
fn writes(pause: &str) -> String {
    format!(
        "x=a; for n in 1 2 3 4 5 6 7 8 9 10; do x=$x$x; done; n=0; \
         while [ $n -lt 2000 ]; do n=$((n+1)); echo $n $x; done >/dev/shm/lines; \
         while :; do cat /dev/shm/lines; sleep {pause}; done"
    )
}

/// Memory at most, KiB, and CPU, percent of a core, of a forwarder whose app runs this.
fn measure(source: &str, script: &str) -> (u64, f64) {
    let namespace = Namespace::new("small", "privileged");
    namespace.grant();
    let fake = Fake::plain(|_| Answer::Say(204, "text/plain", Vec::new()));
    let mut pod = app_pod(&namespace, "api", script);
    pod["metadata"]["annotations"][annotation::TARGET] = fake.url().into();
    pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
    namespace.create(&injected(&namespace, pod, &Config::default()));
    until("a request", || if fake.asked().is_empty() { Err("none yet".to_owned()) } else { Ok(()) });
    sleep(Duration::from_secs(3));
    let process = forwarders().pop().unwrap();
    let before = used(&process).unwrap();
    sleep(TIME);
    let after = used(&process).expect("the same process lives");
    namespace.kubectl(&["delete", "pod", "api", "--wait"], "").unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let cpu = (after.1 - before.1) as f64 / TIME.as_secs_f64();
    (after.0, cpu)
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn memory_stays_small() {
    let busy = writes("0.1");
    let mut failed = Vec::new();
    for source in ["node", "api"] {
        for (what, script, most) in [("idle", IDLES, IDLE), ("20 MB/s", &busy, BUSY)] {
            let (memory, cpu) = measure(source, script);
            println!("source {source}, {what}: VmHWM {memory} KiB, {cpu:.1} % of a core");
            if memory > most {
                failed.push(format!("{source}, {what}: {memory} KiB, at most {most}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

mod long {
    use super::*;

    /// How long it goes on, seconds, and what each of two apps writes, kB/s.
    const HALF_AN_HOUR: u64 = 1800;
    const RATE: u64 = 10_000;

    #[test]
    #[ignore = "half an hour: LOGTAP_CLUSTER=long tests/run cluster"]
    fn no_forwarder_runs_out_of_memory_in_half_an_hour() {
        let namespace = Namespace::new("full", "privileged");
        namespace.grant();
        let writer = Writer::build();
        let mut receiver = LocalReceiver::new();
        receiver.start();
        let (rate, seconds) = (RATE.to_string(), (HALF_AN_HOUR + 60).to_string());
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
