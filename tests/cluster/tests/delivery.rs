//! What becomes of lines when the receiver is away or refuses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use logtap_cluster_tests::{Answer, Fake, Namespace, Receiver, app_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_090_busy_and_broken_receivers_are_asked_again_and_refused_lines_are_counted() {
    let namespace = Namespace::new("answers", "privileged");
    namespace.grant();
    // Busy, broken, refusing for good; then well.
    let turn = AtomicUsize::new(0);
    let fake = Fake::plain(move |_| {
        let status = [429, 500, 503, 400].get(turn.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(204);
        Answer::Say(status, "text/plain", Vec::new())
    });
    let script = "echo one; trap 'exit 0' TERM; while :; do sleep 0.1; [ -e /tmp/more ] && break; done; sleep 3600";
    let mut pod = app_pod(&namespace, "api", script);
    pod["metadata"]["annotations"][annotation::TARGET] = fake.url().into();
    namespace.create(&injected(&namespace, pod, &Config::default()));
    until("four tries of the first batch", || {
        let asked = fake.asked().len();
        if asked >= 4 { Ok(()) } else { Err(format!("{asked} so far")) }
    });
    // The same batch each time: nothing was given up for 429, 500 and 503.
    let asked = fake.asked();
    assert!(asked[1..4].iter().all(|one| one.body == asked[0].body && one.path == asked[0].path));
    let log = until("the forwarder's word about it", || {
        let log = namespace.logs("api", sidecar::CONTAINER)?;
        if log.contains("400") { Ok(log) } else { Err(log) }
    });
    assert!(log.contains("429"), "{log}");
    let watch = std::thread::scope(|scope| {
        let follow =
            scope.spawn(|| namespace.kubectl(&["logs", "api", "-c", sidecar::CONTAINER, "--follow"], "").unwrap());
        sleep(Duration::from_secs(1));
        namespace.kubectl(&["delete", "pod", "api"], "").unwrap();
        follow.join().unwrap()
    });
    assert!(watch.contains("0 lines sent, 1 refused, 0 read and not sent"), "{watch}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_089_five_minutes_without_a_receiver() {
    let namespace = Namespace::new("away", "privileged");
    namespace.grant();
    let script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.01; done";
    namespace.create(&injected(&namespace, app_pod(&namespace, "api", script), &Config::default()));
    let began = Instant::now();
    let five = Duration::from_secs(300);
    let ready = || -> Result<serde_json::Value, String> {
        let pod = namespace.get("pod", "api")?;
        let all = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_ready = all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
        if is_ready { Ok(pod) } else { Err(pod["status"].to_string()) }
    };
    drop(until("the app", ready));
    while began.elapsed() < five {
        ready().expect("the app stays ready");
        sleep(Duration::from_secs(5));
    }
    let last = namespace.kubectl(&["logs", "api", "-c", "app", "--tail=1"], "").unwrap();
    let receiver = Receiver::start(&namespace);
    let stored = receiver.stored_until(last.trim());
    let all: Vec<String> = (1..=stored.len()).map(|n| format!("line {n}")).collect();
    assert!(stored.iter().map(|line| &line.text).eq(&all), "each line once, in order");
    // Memory stayed within the limit: the kernel ended nobody.
    assert_eq!(ready().unwrap()["status"]["initContainerStatuses"][0]["restartCount"], 0);
}
