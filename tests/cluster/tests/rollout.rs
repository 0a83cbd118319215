//! The webhook is replaced while tapped pods are created: none is missed, at the first attempt.
//!
//! One test at a time.
//! Also without aggregator routing.
//!
//! `LOGTAP_CLUSTER=long` goes on for minutes with one restart after the other.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed step is a failed test; figures are shown")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use logtap_cluster_tests::stream::{Keep, Stream};
use logtap_cluster_tests::{Namespace, Webhook};

/// Creations a second; fewer where the machine does not reach them.
const RATE: u32 = 100;

fn is_long() -> bool {
    std::env::var("LOGTAP_CLUSTER").is_ok_and(|form| form == "long")
}

fn under_restarts(what: &str, keep: Keep) {
    let webhook = Webhook::alone();
    let namespace = Namespace::new(what, "restricted");
    let (restarts, calm) = if is_long() { (6, 20) } else { (1, 3) };
    let calm = Duration::from_secs(calm);
    let stream = Stream::begin(namespace.name(), RATE, keep);
    sleep(calm);
    for _ in 0..restarts {
        let began = Instant::now();
        webhook.begin_restart();
        webhook.settled();
        println!("{what}: all replicas replaced in {:.1} s", began.elapsed().as_secs_f64());
        sleep(calm);
    }
    let counted = stream.end();
    println!("{what}: {}", counted.line());
    assert_eq!(counted.failed, Vec::<String>::new());
    assert_eq!(counted.missed, 0);
    assert!(counted.injected > 100, "{}", counted.line());
    // The replicas themselves were not short of anything.
    let pods = webhook.pods().unwrap();
    let restarts = |pod: &serde_json::Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64();
    assert!(pods.iter().all(|pod| restarts(pod) == Some(0)), "{pods:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_099_a_restart_under_a_hundred_creations_a_second_misses_no_pod() {
    under_restarts("kept", Keep::Gated);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_099_a_restart_under_dry_run_creations_misses_no_pod() {
    under_restarts("dry-run", Keep::Nothing);
}
