//! Many pods at once, tapped as a user taps them, while the way to this machine is cut again and again:
//! the capture here holds what an independent observer copied from the kubelet's files.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use logtap_cluster_tests::observer::Observer;
use logtap_cluster_tests::processes::folder;
use logtap_cluster_tests::{Namespace, Writer, bare_pod, is_injected, logtap, verdict, workload};
use serde_json::Value;

use crate::link::Link;
use crate::stage::{Recv, kinds};

/// kB/s that a pod writes.
const RATE: u64 = 100;

/// So many pods write for so many seconds; the way is cut so many times meanwhile.
pub(crate) fn run(count: u64, seconds: u64, cuts: u64) {
    let namespace = Namespace::new("crowd", "privileged");
    let name = namespace.name();
    let good = |args: &[&str]| {
        let ran = logtap(args);
        assert_eq!(ran.status, Some(0), "{ran:?}");
    };
    good(&["install", "--mode", "policy", "--timeout", "90s"]);
    let writer = Writer::build();
    let pod = writer.run_in(bare_pod("api", ""), &[&RATE.to_string(), &seconds.to_string(), "out"]);
    let mut deployment = workload("Deployment", "api", &pod);
    // One that is over is not started again, so that what it wrote is all there is.
    let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
    let command = container["command"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    let command = command.collect::<Vec<_>>().join(" ");
    container["command"] =
        serde_json::json!(["/bin/sh", "-c", format!("trap exit TERM; {command}; while :; do sleep 1; done")]);
    deployment["spec"]["replicas"] = count.into();
    namespace.create(&deployment);
    namespace.kubectl(&["rollout", "status", "deployment/api", "--timeout=180s"], "").unwrap();
    let observer = Observer::start(folder().join("log/pods"), name);
    let link = Link::new();
    let recv = Recv::start_asking(&namespace, &link);
    good(&["tap", "-n", name, "--deployment", "api", "--timeout", "180s"]);
    let tapped = Instant::now();
    for _ in 0..cuts {
        sleep(Duration::from_secs(seconds / (cuts + 1)));
        link.cut();
    }
    sleep(Duration::from_secs(seconds).saturating_sub(tapped.elapsed()));
    let names = tapped_pods(&namespace);
    assert_eq!(names.len() as u64, count, "{names:?}");
    // A forwarder waits a second for more, and this machine reads what is there at the end.
    sleep(Duration::from_secs(10));
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let (truth, captured) = (observer.finish(), verdict::read(dir.path()));
    let verdicts = verdict::verdicts(&truth, &captured);
    let (mut lines, mut bytes) = (0, 0);
    for pod in &names {
        let one = &verdicts[&format!("{pod}/app")];
        assert!(one.written > 100, "{pod} wrote {}", one.written);
        let wrong = (one.missing, one.doubled, one.disordered, one.foreign, one.gaps.len());
        assert_eq!(wrong, (0, 0, 0, 0, 0), "{pod}: {:?} {:?}", one.holes, one.gaps);
        (lines, bytes) = (lines + one.written, bytes + one.bytes);
    }
    let connections = link.cuts();
    println!("{count} pods, {lines} lines, {bytes} bytes, {connections} connections cut {cuts} times: all of it once");
    good(&["untap", "-n", name, "--deployment", "api", "--timeout", "180s"]);
    namespace.kubectl(&["delete", "deployment", "api", "--wait"], "").unwrap();
    assert_eq!(
        kinds(&namespace).iter().filter(|one| !one.starts_with("pod/api")).count(),
        0,
        "{:?}",
        kinds(&namespace)
    );
    good(&["uninstall", "--timeout", "90s"]);
}

/// Names of the pods with a forwarder that do not end.
fn tapped_pods(namespace: &Namespace) -> BTreeSet<String> {
    let text = namespace.kubectl(&["get", "pods", "-o", "json"], "").unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let living = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null() && is_injected(pod);
    let all = list["items"].as_array().unwrap().iter().filter(living);
    all.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
