//! Many pods at once, tapped as a user taps them, while the way to this machine is cut again and again:
//! the capture here holds what an independent observer copied from the kubelet's files. From source `api`
//! that is but for what the kubelet itself passes over when it puts a file aside.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use logtap_cluster_tests::observer::Observer;
use logtap_cluster_tests::processes::folder;
use logtap_cluster_tests::verdict::{Hole, Verdict};
use logtap_cluster_tests::{Namespace, Writer, bare_pod, is_injected, logtap, verdict, workload};
use logtap_inject::vocabulary::annotation;
use serde_json::{Value, json};

use crate::link::Link;
use crate::stage::{Recv, kinds};

const SOURCES: [&str; 2] = ["api", "node"];
/// kB/s that a pod writes.
const RATE: u64 = 100;

/// Twice so many pods write for so many seconds, half of them read from each source; the way is cut so
/// many times meanwhile.
pub(crate) fn run(count: u64, seconds: u64, cuts: u64) {
    let namespace = Namespace::new("crowd", "privileged");
    let name = namespace.name();
    let good = |args: &[&str]| {
        let ran = logtap(args);
        assert_eq!(ran.status, Some(0), "{ran:?}");
    };
    good(&["install", "--mode", "policy", "--timeout", "90s"]);
    let writer = Writer::build();
    for source in SOURCES {
        namespace.create(&deployment(&writer, source, count, seconds));
    }
    let rolled_out = |source: &str| {
        let deployment = format!("deployment/{source}");
        namespace.kubectl(&["rollout", "status", &deployment, "--timeout=180s"], "").unwrap();
    };
    SOURCES.into_iter().for_each(rolled_out);
    let observer = Observer::start(folder().join("log/pods"), name);
    let link = Link::new();
    let recv = Recv::start_asking(&namespace, &link);
    for source in SOURCES {
        good(&["tap", "-n", name, "--deployment", source, "--timeout", "180s"]);
    }
    let tapped = Instant::now();
    for _ in 0..cuts {
        sleep(Duration::from_secs(seconds / (cuts + 1)));
        link.cut();
    }
    sleep(Duration::from_secs(seconds).saturating_sub(tapped.elapsed()));
    let names = tapped_pods(&namespace);
    assert_eq!(names.len() as u64, 2 * count, "{names:?}");
    // A forwarder waits a second for more, and this machine reads what is there at the end.
    sleep(Duration::from_secs(10));
    let (dir, ran) = recv.end();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let (truth, captured) = (observer.finish(), verdict::read(dir.path()));
    let verdicts = verdict::verdicts(&truth, &captured);
    for source in SOURCES {
        let of = names.iter().filter(|pod| pod.starts_with(source));
        let all: Vec<&Verdict> = of.map(|pod| &verdicts[&format!("{pod}/app")]).collect();
        let sum = |figure: fn(&Verdict) -> u64| all.iter().map(|one| figure(one)).sum::<u64>();
        println!(
            "source {source}: {} pods, {} lines, {} bytes, {} missing, {} doubled; {} connections cut {cuts} times",
            all.len(),
            sum(|one| one.written),
            sum(|one| one.bytes),
            sum(|one| one.missing),
            sum(|one| one.doubled),
            link.cuts(),
        );
        for one in all {
            assert!(one.written > 100, "{source} wrote {}", one.written);
            let wrong = (one.doubled, one.disordered, one.gaps.len());
            assert_eq!(wrong, (0, 0, 0), "{source}: {:?} {:?}", one.holes, one.gaps);
            let left = |hole: &&Hole| source == "node" || !hole.is_passed_over();
            assert_eq!(one.holes.iter().filter(left).collect::<Vec<_>>(), [] as [&Hole; 0], "{source}");
            assert!(one.foreign <= one.holes.len() as u64, "{source}: {} lines that nobody wrote", one.foreign);
        }
    }
    for source in SOURCES {
        good(&["untap", "-n", name, "--deployment", source, "--timeout", "180s"]);
        namespace.kubectl(&["delete", "deployment", source, "--wait"], "").unwrap();
    }
    let left = kinds(&namespace);
    let of_a_pod = |one: &&String| SOURCES.iter().any(|source| one.starts_with(&format!("pod/{source}")));
    assert_eq!(left.iter().filter(|one| !of_a_pod(one)).count(), 0, "{left:?}");
    good(&["uninstall", "--timeout", "90s"]);
}

/// Pods that write, and stay when that is over, so that what they wrote is all there is.
fn deployment(writer: &Writer, source: &str, count: u64, seconds: u64) -> Value {
    let pod = writer.run_in(bare_pod(source, ""), &[&RATE.to_string(), &seconds.to_string(), "out"]);
    let mut deployment = workload("Deployment", source, &pod);
    deployment["spec"]["replicas"] = count.into();
    let template = &mut deployment["spec"]["template"];
    template["metadata"]["annotations"][annotation::SOURCE] = source.into();
    let container = &mut template["spec"]["containers"][0];
    let command = container["command"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    let command = command.collect::<Vec<_>>().join(" ");
    let stays = format!("trap exit TERM; {command}; while :; do sleep 1; done");
    container["command"] = json!(["/bin/sh", "-c", stays]);
    deployment
}

/// Names of the pods with a forwarder that do not end.
fn tapped_pods(namespace: &Namespace) -> BTreeSet<String> {
    let text = namespace.kubectl(&["get", "pods", "-o", "json"], "").unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let living = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null() && is_injected(pod);
    let all = list["items"].as_array().unwrap().iter().filter(living);
    all.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
