//! The forwarder and the API server are ended and come back; lines go on where they were.
//!
//! One test at a time.
//! Only on a cluster of its own.
//! `LOGTAP_CLUSTER=long` waits for a token to be renewed, which takes twelve minutes.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::thread::sleep;
use std::time::Duration;

use logtap_cluster_tests::component::Component;
use logtap_cluster_tests::processes::kill_forwarders;
use logtap_cluster_tests::{Namespace, Receiver, Stored, app_pod, injected, kubectl, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};

/// Writes numbered lines, so many a second, for as long as it lives.
fn counter(per_second: u32) -> String {
    format!("n=0; while :; do n=$((n+1)); echo line $n; sleep {}; done", 1.0 / f64::from(per_second))
}

/// 30 MB in lines of 1 KB on both outputs, each thousandth line one of 100 KB; the kubelet rotates above
/// 10 MiB meanwhile.
const WRITER: &str = "x=a; for n in 1 2 3 4 5 6 7 8 9 10; do x=$x$x; done; l=$x; for n in 1 2 3 4 5 6 7; do l=$l$l; done; \
                  n=0; while [ $n -lt 30000 ]; do n=$((n+1)); \
                  if [ $((n % 1000)) = 0 ]; then echo $n $l; elif [ $((n % 3)) = 0 ]; then echo $n $x >&2; else echo $n $x; fi; \
                  [ $((n % 100)) -gt 0 ] || sleep 0.1; done; sleep 1; echo done; exec sleep 3600";

fn forwarder_restarts(namespace: &Namespace) -> Result<u64, String> {
    let pod = namespace.get("pod", "api")?;
    let all = pod["status"]["initContainerStatuses"].as_array().cloned().unwrap_or_default();
    let ours = all.iter().find(|one| one["name"] == sidecar::CONTAINER).ok_or("no forwarder yet")?;
    ours["restartCount"].as_u64().ok_or_else(|| "no count yet".to_owned())
}

/// Whether numbered lines are all there from the first to the last that is, each once, in order.
fn is_complete(stored: &[Stored]) -> Result<(), String> {
    for (at, line) in stored.iter().enumerate() {
        let wanted = format!("line {}", at + 1);
        if line.text != wanted {
            return Err(format!("{:?} where {wanted:?} should be, of {}", line.text, stored.len()));
        }
    }
    Ok(())
}

/// The capture, once so many lines came that were not there yet.
fn more(receiver: &Receiver<'_>, lines: usize) -> Vec<Stored> {
    let seen = receiver.stored().unwrap().len();
    until("more lines", || {
        let stored = receiver.stored()?;
        if stored.len() > seen + lines { Ok(stored) } else { Err(format!("{} lines", stored.len())) }
    })
}

/// Kills a component and brings it back after five seconds.
fn interrupt(name: &'static str) {
    let mut component = Component::find(name);
    component.kill();
    sleep(Duration::from_secs(5));
    component.start();
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_091_streams_resume_when_the_api_server_is_back() {
    let namespace = Namespace::new("restart", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", &counter(20)), &Config::default()));
    drop(receiver.stored_until("line 40"));
    interrupt("kube-apiserver");
    until("the API server", || kubectl(&["get", "--raw", "/readyz"], ""));
    let stored = more(&receiver, 100);
    is_complete(&stored).unwrap();
    assert_eq!(forwarder_restarts(&namespace).unwrap(), 0);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_088_a_killed_forwarder_goes_on_where_it_was() {
    let namespace = Namespace::new("killed", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", &counter(20)), &Config::default()));
    drop(receiver.stored_until("line 40"));
    kill_forwarders();
    until("the restart", || match forwarder_restarts(&namespace)? {
        0 => Err("none yet".to_owned()),
        _ => Ok(()),
    });
    let stored = more(&receiver, 100);
    is_complete(&stored).unwrap();
}

/// What takes minutes; run with `LOGTAP_CLUSTER=long`.
mod long {
    #[test]
    #[ignore = "needs a cluster and twelve minutes: LOGTAP_CLUSTER=long tests/run cluster"]
    fn case_093_a_renewed_token_is_used() {
        super::renewed_token();
    }
}

/// Ten minutes are the shortest life of a token; the kubelet renews it after eight.
fn renewed_token() {
    let namespace = Namespace::new("token", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let mut pod = injected(&namespace, app_pod(&namespace, "api", &counter(1)), &Config::default());
    for volume in pod["spec"]["volumes"].as_array_mut().unwrap() {
        let sources = volume.get_mut("projected").and_then(|projected| projected["sources"].as_array_mut());
        for source in sources.into_iter().flatten() {
            if source["serviceAccountToken"].is_object() {
                source["serviceAccountToken"]["expirationSeconds"] = 600.into();
            }
        }
    }
    namespace.create(&pod);
    drop(receiver.stored_until("line 3"));
    sleep(Duration::from_secs(12 * 60));
    // Streams opened with the old token end with it at the latest; this one is new.
    kill_forwarders();
    let stored = more(&receiver, 10);
    is_complete(&stored).unwrap();
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_088_killed_again_and_again_over_the_kubelets_files() {
    let namespace = Namespace::new("files", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let mut pod = app_pod(&namespace, "api", WRITER);
    pod["metadata"]["annotations"][annotation::SOURCE] = "node".into();
    namespace.create(&injected(&namespace, pod, &Config::default()));
    until("lines", || {
        let lines = receiver.stored()?.len();
        if lines > 100 { Ok(()) } else { Err(format!("{lines}")) }
    });
    for kills in 1..=3 {
        kill_forwarders();
        until("the restart", || match forwarder_restarts(&namespace)? {
            restarts if restarts < kills => Err(format!("{restarts}")),
            _ => Ok(()),
        });
        sleep(Duration::from_secs(3));
    }
    let stored = receiver.stored_until("done");
    for (output, own) in [("stdout", false), ("stderr", true)] {
        let of = stored.iter().filter(|line| line.labels["stream"] == output);
        let numbers: Vec<u32> = of.filter_map(|line| line.text.split(' ').next()?.parse().ok()).collect();
        let expected: Vec<u32> = (1..=30000).filter(|n| (n % 3 == 0 && n % 1000 != 0) == own).collect();
        let missing = expected.iter().filter(|n| numbers.binary_search(n).is_err()).count();
        assert!(numbers == expected, "{output}: {} of {} lines, {missing} missing", numbers.len(), expected.len());
    }
    assert_eq!(receiver.marks().unwrap(), [], "nothing was lost");
}

/// The kubelet may put a file aside before the API serves it again: what `api` misses then is inside a
/// gap. `node` misses nothing.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_091_a_restarted_kubelet_costs_nothing_that_is_not_said() {
    for source in ["node", "api"] {
        let namespace = Namespace::new("kubelet", "privileged");
        namespace.grant();
        let receiver = Receiver::start(&namespace);
        // On one output, where the API serves long lines whole.
        let mut pod = app_pod(&namespace, "api", &WRITER.replace(">&2", ""));
        pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
        namespace.create(&injected(&namespace, pod, &Config::default()));
        until("lines", || {
            let lines = receiver.stored()?.len();
            if lines > 5000 { Ok(()) } else { Err(format!("{lines}")) }
        });
        interrupt("kubelet");
        let stored = receiver.stored_until("done");
        let number = |line: &Stored| line.text.split(' ').next().and_then(|first| first.parse::<u32>().ok());
        let read: Vec<(u32, &str)> =
            stored.iter().filter_map(|line| Some((number(line)?, line.time.as_str()))).collect();
        assert!(read.windows(2).all(|two| two[0].0 < two[1].0), "{source}: twice, or out of order");
        let marks = receiver.marks().unwrap();
        let holes: Vec<&str> = read.windows(2).filter(|two| two[0].0 + 1 < two[1].0).map(|two| two[1].1).collect();
        println!("{source}: {} of 30000 lines, marks {marks:?}", read.len());
        assert!(
            marks.iter().map(|mark| mark.time.as_str()).eq(holes),
            "{source}: each hole has a mark, each mark a hole"
        );
        if source == "node" {
            assert_eq!(read.len(), 30000);
        }
    }
}
