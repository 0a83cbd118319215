//! Containers that live briefly: Jobs and CronJobs, whose last line has to arrive and whose end must not
//! wait, and apps that crash again and again.
//!
//! One test at a time.
//! Only on a cluster of its own.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "the figures are what the run is for")]

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use logtap_cluster_tests::idle::Idle;
use logtap_cluster_tests::node::{RESTART_AT_ONCE, configure_kubelet, logs};
use logtap_cluster_tests::observer::{Lives, Observer, True};
use logtap_cluster_tests::verdict::{Captured, Verdict};
use logtap_cluster_tests::{LocalReceiver, Namespace, app_pod, bare_pod, injected, job, until};
use logtap_inject::vocabulary::{annotation, sidecar};
use logtap_inject::{Config, Mode};
use serde_json::{Value, json};

const SOURCES: [&str; 2] = ["api", "node"];
/// How long after its app's last line a Job may be complete at the latest.
const DELAY: Duration = Duration::from_secs(5);
/// A life whose file existed for so long is read from source `node`.
const READ: Duration = Duration::from_secs(2);
/// Longest wait for lines that were written to come.
const PATIENCE: Duration = Duration::from_secs(30);

fn tapped(namespace: &Namespace, receiver: &LocalReceiver, name: &str, source: &str, script: &str) -> Value {
    let mut pod = app_pod(namespace, name, script);
    pod["metadata"]["annotations"][annotation::TARGET] = receiver.url().into();
    pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
    pod
}

/// The containers of a pod share `/shared`, which outlives each of them.
fn with_shared_folder(mut pod: Value) -> Value {
    pod["spec"]["containers"][0]["volumeMounts"] = json!([{ "name": "shared", "mountPath": "/shared" }]);
    pod["spec"]["volumes"] = json!([{ "name": "shared", "emptyDir": {} }]);
    pod
}

fn lines(captured: &BTreeMap<String, Captured>, verdict_of: &str, truth: &[True]) -> Verdict {
    captured.get(verdict_of).map_or_else(|| Captured::default().against(truth), |one| one.against(truth))
}

/// The first word of a pod's name is its Job's.
fn pod_of<'m, T>(all: &'m BTreeMap<String, T>, job: &str) -> Option<(&'m String, &'m T)> {
    all.iter().find(|(name, _)| name.starts_with(&format!("{job}-")) && name.ends_with("/app"))
}

fn on_failure(mut pod: Value) -> Value {
    pod["spec"]["restartPolicy"] = "OnFailure".into();
    pod
}

fn job_that_restarts(name: &str, pod: Value) -> Value {
    let mut job = job(name, &on_failure(pod));
    job["spec"]["backoffLimit"] = 6.into();
    job
}

/// When each of these Jobs, by the beginning of its name, was seen to be complete first.
fn completions(namespace: &Namespace, wanted: &[impl AsRef<str>]) -> BTreeMap<String, Timestamp> {
    let mut seen = BTreeMap::new();
    let is_wanted = |name: &str| wanted.iter().any(|one| name.starts_with(one.as_ref()));
    until("the Jobs", || {
        let list = namespace.kubectl(&["get", "jobs", "-o", "json"], "")?;
        let list: Value = serde_json::from_str(&list).unwrap();
        for job in list["items"].as_array().unwrap() {
            let is_complete = |one: &Value| one["type"] == "Complete" && one["status"] == "True";
            let name = job["metadata"]["name"].as_str().unwrap();
            let conditions = job["status"]["conditions"].as_array();
            if is_wanted(name) && conditions.is_some_and(|all| all.iter().any(is_complete)) {
                seen.entry(name.to_owned()).or_insert_with(Timestamp::now);
            }
        }
        if seen.len() < wanted.len() { Err(format!("{list:#}")) } else { Ok(()) }
    });
    seen
}

/// From the last line to the Job's end.
fn delay(truth: &[True], complete: Timestamp) -> Duration {
    let last: Timestamp = truth.last().unwrap().time.parse().unwrap();
    Duration::try_from(complete.duration_since(last)).unwrap()
}

/// Compares the app's lines with the capture, and the Job's delay with that of one without a forwarder.
fn judge(
    what: &str,
    restarts: u64,
    truth: &[True],
    verdict: &Verdict,
    (delay, plain, idle): (Duration, Duration, f64),
) -> Result<(), String> {
    println!(
        "{what}: {} lines of {} lives, {} missing, {} doubled, complete {:.2} s after the last line; without a \
         forwarder {:.2} s; {idle:.0} % idle",
        truth.len(),
        restarts + 1,
        verdict.missing,
        verdict.doubled,
        delay.as_secs_f64(),
        plain.as_secs_f64()
    );
    let counts = (verdict.missing, verdict.doubled, verdict.disordered, verdict.foreign, verdict.gaps.len());
    if truth.last().unwrap().life != restarts {
        return Err(format!("{what}: {} restarts", truth.last().unwrap().life));
    }
    if counts != (0, 0, 0, 0, 0) {
        return Err(format!("{what}: {verdict:?}"));
    }
    if delay <= DELAY { Ok(()) } else { Err(format!("{what}: {delay:?}, without one {plain:?}, {idle:.0} % idle")) }
}

/// Shows what the forwarder of `pod/container` said, with times.
fn said(namespace: &Namespace, container: &str) {
    let pod = container.split('/').next().unwrap();
    let said = namespace.kubectl(&["logs", pod, "-c", sidecar::CONTAINER, "--timestamps"], "");
    println!("the forwarder of {pod} said:\n{}", said.unwrap_or_else(|complaint| complaint));
}

const MODES: [(Mode, &str); 2] = [(Mode::Native, "native"), (Mode::Container, "container")];

/// Jobs of every mode and of every end, for each source.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn jobs_are_complete_at_once_and_with_their_last_line() {
    configure_kubelet(&RESTART_AT_ONCE);
    let namespace = Namespace::new("jobs", "privileged");
    namespace.grant();
    let observer = Observer::start(logs(), namespace.name());
    let mut receiver = LocalReceiver::new();
    receiver.start();
    // 1,000 lines at once, up to the very end.
    let burst = "id=$(cat /proc/sys/kernel/random/uuid); n=0; while [ $n -lt 1000 ]; do n=$((n+1)); echo $id $n; done";
    // The very last line has no newline.
    let once = format!("sleep 2; {burst}; printf '%s' \"$id unended\"");
    let third = format!("sleep 1; {burst}; echo x >>/shared/lives; [ $(wc -l </shared/lives) -ge 3 ]");
    let (mut complete, mut expected) = (BTreeMap::new(), Vec::new());
    for (mode, kind) in MODES {
        let config = Config { mode, ..Config::default() };
        for (end, script, restarts) in [("once", &once, 0), ("third", &third, 2)] {
            // Beside them one that has no forwarder.
            let plain = format!("plain-{kind}-{end}");
            namespace.create(&job_that_restarts(&plain, with_shared_folder(bare_pod(&plain, script))));
            let names: Vec<String> = SOURCES.iter().map(|source| format!("{source}-{kind}-{end}")).collect();
            for (source, name) in SOURCES.iter().zip(&names) {
                let pod = with_shared_folder(tapped(&namespace, &receiver, name, source, script));
                let pod = injected(&namespace, on_failure(pod), &config);
                namespace.create(&job_that_restarts(name, pod));
            }
            let wave: Vec<String> = names.into_iter().chain([plain]).collect();
            let (began, watch) = (SystemTime::now(), Idle::watch());
            complete.extend(completions(&namespace, &wave));
            let idle = watch.end().share(began, SystemTime::now());
            expected.extend(SOURCES.iter().map(|source| (source, format!("{kind}-{end}"), restarts, idle)));
        }
    }
    let truth = observer.finish();
    let captured = receiver.captured_until(PATIENCE, |captured| {
        let has_end = |job: String| pod_of(captured, &job).is_some_and(|(_, one)| one.ended);
        expected.iter().all(|(source, what, ..)| has_end(format!("{source}-{what}")))
    });
    let mut wrong = Vec::new();
    for (source, what, restarts, idle) in &expected {
        let (name, plain) = (format!("{source}-{what}"), format!("plain-{what}"));
        let plain = delay(pod_of(&truth, &plain).unwrap().1, complete[&plain]);
        let (pod, written) = pod_of(&truth, &name).unwrap();
        let verdict = lines(&captured, pod, written);
        let judged = judge(&name, *restarts, written, &verdict, (delay(written, complete[&name]), plain, *idle)).err();
        let no_end = captured.get(pod).is_none_or(|one| !one.ended).then(|| format!("{name} has no end"));
        if judged.is_some() || no_end.is_some() {
            said(&namespace, pod);
        }
        wrong.extend(judged.into_iter().chain(no_end));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every kind of source, and none, in a CronJob each.
fn cron_jobs(sources: &[&'static str]) {
    let namespace = Namespace::new("cron", "privileged");
    namespace.grant();
    let observer = Observer::start(logs(), namespace.name());
    let mut receiver = LocalReceiver::new();
    receiver.start();
    let script = "n=0; while [ $n -lt 100 ]; do n=$((n+1)); echo $n; done; sleep 2; echo last";
    for source in sources.iter().copied().chain(["plain"]) {
        let pod = match source {
            "plain" => bare_pod(source, script),
            _ => injected(&namespace, tapped(&namespace, &receiver, source, source, script), &Config::default()),
        };
        let spec = job(source, &pod)["spec"].clone();
        namespace.create(&json!({
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": { "name": source },
            "spec": { "schedule": "* * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": { "spec": spec } },
        }));
    }
    let (began, watch) = (SystemTime::now(), Idle::watch());
    let complete = completions(&namespace, &[sources, &["plain"]].concat());
    let idle = watch.end().share(began, SystemTime::now());
    namespace.kubectl(&["delete", "cronjobs", "--all"], "").unwrap();
    let captured = receiver.captured_until(PATIENCE, |all| {
        sources.iter().all(|source| pod_of(all, source).is_some_and(|(_, one)| one.ended))
    });
    let truth = observer.finish();
    let mut wrong = Vec::new();
    let late = |name: &str| {
        let seen = complete.iter().find(|(job, _)| job.starts_with(name)).unwrap();
        delay(pod_of(&truth, name).unwrap().1, *seen.1)
    };
    for source in sources {
        let (pod, written) = pod_of(&truth, source).unwrap();
        let verdict = lines(&captured, pod, written);
        let judged =
            judge(&format!("CronJob, {source}"), 0, written, &verdict, (late(source), late("plain"), idle)).err();
        wrong.extend(captured.get(pod).is_none_or(|one| !one.ended).then(|| format!("{source} has no end")));
        if judged.is_some() {
            said(&namespace, pod);
        }
        wrong.extend(judged);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn cron_jobs_are_complete_at_once_and_with_their_last_line() {
    cron_jobs(&SOURCES);
}

/// One app that crashes, and what became of its lives.
struct Crashing {
    source: &'static str,
    name: String,
    written: Vec<True>,
    lives: BTreeMap<u64, Duration>,
    verdict: Verdict,
}

/// Apps that crash again and again for so long: every second, and at once.
fn crash_for(time: Duration) -> Vec<Crashing> {
    configure_kubelet(&RESTART_AT_ONCE);
    let namespace = Namespace::new("crash", "privileged");
    namespace.grant();
    let observer = Observer::start(logs(), namespace.name());
    let mut receiver = LocalReceiver::new();
    receiver.start();
    let ends = SystemTime::now() + time;
    let ends = ends.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut pods = Vec::new();
    for source in SOURCES {
        for (kind, pause) in [("second", "sleep 0.1"), ("at-once", ":")] {
            // The last life stays, so that lives before it are not the end of everything.
            let script = format!(
                "id=$(cat /proc/sys/kernel/random/uuid); n=0; while [ $n -lt 10 ]; do n=$((n+1)); echo $id $n; {pause}; done; \
                 [ $(date +%s) -lt {ends} ] && exit 1; echo $id lives; trap 'exit 0' TERM; while :; do sleep 0.1; done"
            );
            let name = format!("{source}-{kind}");
            let mut pod = tapped(&namespace, &receiver, &name, source, &script);
            pod["spec"]["restartPolicy"] = "Always".into();
            namespace.create(&injected(&namespace, pod, &Config::default()));
            pods.push((source, name));
        }
    }
    sleep(time);
    // A life ends with ten lines; the one that stays has one more.
    until("the last lives", || {
        let stays = |name: &str| {
            let lines = observer.lines_of(&format!("{name}/app"));
            let last = lines.last().map(|line| line.life);
            lines.iter().filter(|line| Some(line.life) == last).count() == 11
        };
        if pods.iter().all(|(_, name)| stays(name)) { Ok(()) } else { Err("some still crash".to_owned()) }
    });
    // A pause between two looks of source `api` is five seconds at most.
    sleep(Duration::from_secs(8));
    namespace.kubectl(&["delete", "pods", "--all", "--wait"], "").unwrap();
    let all = |captured: &BTreeMap<String, Captured>| {
        pods.iter().all(|(_, name)| captured.get(&format!("{name}/app")).is_some_and(|one| one.ended))
    };
    let captured = receiver.captured_until(PATIENCE, all);
    let (truth, lives): (_, Lives) = observer.finish_with_lives();
    let judge = |(source, name): (&'static str, String)| {
        let container = format!("{name}/app");
        let written = truth[&container].clone();
        let verdict = lines(&captured, &container, &written);
        Crashing { source, name, written, lives: lives[&container].clone(), verdict }
    };
    pods.into_iter().map(judge).collect()
}

fn time(text: &str) -> i128 {
    let time: Timestamp = text.parse().unwrap();
    time.as_nanosecond()
}

/// What is not as it should be.
fn complaints(app: &Crashing) -> Vec<String> {
    let (name, verdict) = (&app.name, &app.verdict);
    let long: Vec<u64> = app.lives.iter().filter(|(_, time)| **time >= READ).map(|(life, _)| *life).collect();
    let lost: Vec<u64> = long.iter().copied().filter(|life| verdict.lives.contains(life)).collect();
    println!(
        "{name}: {} lives, {} with a file for 2 s or more; {} not read whole, {} of those with 2 s; {} of {} lines \
         missing in {} holes, {} marks, {} doubled",
        app.lives.len(),
        long.len(),
        verdict.lives.len(),
        lost.len(),
        verdict.missing,
        verdict.written,
        verdict.holes.len(),
        verdict.gaps.len(),
        verdict.doubled,
    );
    let mut wrong = Vec::new();
    if (verdict.doubled, verdict.disordered, verdict.foreign) != (0, 0, 0) {
        wrong.push(format!("{name}: {verdict:?}"));
    }
    if app.source == "node" && !lost.is_empty() {
        wrong.push(format!("{name}: lives {lost:?} had a file for 2 s and were not read whole"));
    }
    let last = app.written.last().unwrap().life;
    if let Some(life) = [last.saturating_sub(1), last].into_iter().find(|life| verdict.lives.contains(life)) {
        wrong.push(format!("{name}: life {life} of {last} is missing"));
    }
    let same = |one: &(i128, i128), other: &(i128, i128)| one == other;
    let holes: Vec<_> = verdict.holes.iter().map(|hole| (time(&hole.from), time(&hole.to))).collect();
    let gaps: Vec<_> = verdict.gaps.iter().map(|gap| (time(&gap.from), time(&gap.to))).collect();
    for (hole, text) in holes.iter().zip(&verdict.holes) {
        if !gaps.iter().any(|gap| same(gap, hole)) {
            wrong.push(format!("{name}: nothing marks the hole {text:?}"));
        }
    }
    for (gap, text) in gaps.iter().zip(&verdict.gaps) {
        if !holes.iter().any(|hole| same(hole, gap)) {
            let life_at = |edge| app.written.iter().find(|line| time(&line.time) == edge).map(|line| line.life);
            let lives = (life_at(gap.0), life_at(gap.1));
            wrong.push(format!("{name}: the mark {text:?} is false; it is between lines of lives {lives:?}"));
        }
    }
    wrong
}

fn crashes(time: Duration) {
    let wrong: Vec<String> = crash_for(time).iter().flat_map(complaints).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn an_app_that_crashes_again_and_again_for_half_a_minute() {
    crashes(Duration::from_secs(30));
}

/// What takes minutes; run with `LOGTAP_CLUSTER=long`.
mod long {
    #[test]
    #[ignore = "needs a cluster and three minutes: LOGTAP_CLUSTER=long tests/run cluster"]
    fn an_app_that_crashes_again_and_again_for_two_minutes() {
        super::crashes(std::time::Duration::from_secs(120));
    }
}
