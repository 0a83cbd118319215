//! How much memory and CPU a forwarder takes: idle, and at 20 MB/s from either source. Prints the
//! figures.
//!
//! One test at a time.
//! Only on a cluster of its own.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::thread::sleep;
use std::time::Duration;

use logtap_cluster_tests::processes::{forwarders, used};
use logtap_cluster_tests::{Answer, Fake, Namespace, app_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::annotation;

/// How long each is measured.
const TIME: Duration = Duration::from_secs(30);
/// KiB that a forwarder may have had at most, idle and busy.
const IDLE: u64 = 8 << 10;
const BUSY: u64 = 24 << 10;

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
    let idle = "echo begins; exec sleep 3600";
    // 2 MB of 1 KB lines, ten times a second.
    let busy = "x=a; for n in 1 2 3 4 5 6 7 8 9 10; do x=$x$x; done; n=0; \
                while [ $n -lt 2000 ]; do n=$((n+1)); echo $n $x; done >/dev/shm/lines; \
                while :; do cat /dev/shm/lines; sleep 0.1; done";
    let mut failed = Vec::new();
    for source in ["node", "api"] {
        for (what, script, most) in [("idle", idle, IDLE), ("20 MB/s", busy, BUSY)] {
            let (memory, cpu) = measure(source, script);
            println!("source {source}, {what}: VmHWM {memory} KiB, {cpu:.1} % of a core");
            if memory > most {
                failed.push(format!("{source}, {what}: {memory} KiB, at most {most}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
