//! Which lines a forwarder reads, whatever happens to containers, their logs and the API server.

use std::thread::sleep;
use std::time::Duration;

use logtap_cluster_tests::{Namespace, Receiver, Stored, app_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};
use serde_json::{Value, json};

/// Writes numbered lines, so many a second, for as long as it lives.
fn counter(per_second: u32) -> String {
    format!("n=0; while :; do n=$((n+1)); echo line $n; sleep {}; done", 1.0 / f64::from(per_second))
}

fn start(namespace: &Namespace, pod: Value) {
    namespace.create(&injected(namespace, pod, &Config::default()));
}

fn texts(stored: &[Stored]) -> Vec<&str> {
    stored.iter().map(|line| line.text.as_str()).collect()
}

fn forwarder_restarts(namespace: &Namespace, pod: &str) -> Result<u64, String> {
    let pod = namespace.get("pod", pod)?;
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

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_086_init_containers_are_read_too() {
    let namespace = Namespace::new("init", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let mut pod = app_pod(&namespace, "api", "echo app; exec sleep 3600");
    let mut init = pod["spec"]["containers"][0].clone();
    init["name"] = "prepare".into();
    init["args"] = json!(["echo prepared"]);
    pod["spec"]["initContainers"] = json!([init]);
    start(&namespace, pod);
    drop(receiver.stored_until("app"));
    let stored = receiver.stored_until("prepared");
    let mut of: Vec<(&str, &str)> =
        stored.iter().map(|line| (line.labels["container"].as_str().unwrap(), line.text.as_str())).collect();
    of.sort_unstable();
    assert_eq!(of, [("app", "app"), ("prepare", "prepared")]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_115_odd_lines_come_as_they_are() {
    let namespace = Namespace::new("odd", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let script = "echo first; echo; echo; printf 'binary \\377\\376 \\001\\033[0m end\\n'; printf 'tab\\tend\\r\\n'; \
                  echo '2026-01-01T00:00:00Z looks stamped'; echo ' blanks  around '; printf 'no newline'";
    start(&namespace, app_pod(&namespace, "api", script));
    let stored = receiver.stored_until("no newline");
    let texts = texts(&stored);
    assert_eq!(texts[..3], ["first", "", ""], "{texts:?}");
    assert!(texts[3].starts_with("binary ") && texts[3].ends_with(" end"), "{texts:?}");
    assert!(texts[4].starts_with("tab\tend"), "{texts:?}");
    assert_eq!(texts[5..], ["2026-01-01T00:00:00Z looks stamped", " blanks  around ", "no newline"], "{texts:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_115_a_line_of_a_mebibyte_loses_no_byte() {
    let namespace = Namespace::new("long", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    // 2^20 letters: one, doubled twenty times.
    let script = "x=a; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do x=$x$x; done; \
                  echo $x; echo after; exec sleep 3600";
    start(&namespace, app_pod(&namespace, "api", script));
    let stored = receiver.stored_until("after");
    let (last, pieces) = stored.split_last().unwrap();
    assert_eq!(last.text, "after");
    let letters: usize = pieces.iter().map(|piece| piece.text.matches('a').count()).sum();
    assert_eq!(letters, 1 << 20, "in {} pieces", pieces.len());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_116_an_ephemeral_container_disturbs_nobody() {
    let namespace = Namespace::new("ephemeral", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    start(&namespace, app_pod(&namespace, "api", &counter(5)));
    drop(receiver.stored_until("line 3"));
    let image = ["--image=localhost/logtap-app:1", "--image-pull-policy=IfNotPresent", "--container=look"];
    let debug = [&["debug", "api"], &image[..], &["--", "/bin/sh", "-c", "echo looking"]].concat();
    namespace.kubectl(&debug, "").unwrap();
    until("the ephemeral container's end", || {
        let status = namespace.get("pod", "api")?["status"]["ephemeralContainerStatuses"].clone();
        if status[0]["state"]["terminated"].is_object() { Ok(()) } else { Err(status.to_string()) }
    });
    let seen = receiver.stored().unwrap().len();
    until("more lines", || {
        let now = receiver.stored()?.len();
        if now > seen + 10 { Ok(()) } else { Err(format!("{now} lines")) }
    });
    assert_eq!(forwarder_restarts(&namespace, "api").unwrap(), 0);
    let of_app: Vec<Stored> =
        receiver.stored().unwrap().into_iter().filter(|line| line.labels["container"] == "app").collect();
    is_complete(&of_app).unwrap();
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_117_a_resize_in_place_is_not_noticed() {
    let namespace = Namespace::new("resize", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let mut pod = app_pod(&namespace, "api", &counter(5));
    pod["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": "10m" } });
    start(&namespace, pod);
    drop(receiver.stored_until("line 3"));
    let more = json!({ "spec": { "containers": [{ "name": "app", "resources": { "requests": { "cpu": "20m" } } }] } });
    namespace.kubectl(&["patch", "pod", "api", "--subresource", "resize", "--patch", &more.to_string()], "").unwrap();
    until("the new size", || {
        let size = namespace.get("pod", "api")?["status"]["containerStatuses"][0]["resources"].clone();
        if size["requests"]["cpu"] == "20m" { Ok(()) } else { Err(size.to_string()) }
    });
    let seen = receiver.stored().unwrap().len();
    let stored = until("more lines", || {
        let stored = receiver.stored()?;
        if stored.len() > seen + 10 { Ok(stored) } else { Err(format!("{} lines", stored.len())) }
    });
    is_complete(&stored).unwrap();
    assert_eq!(forwarder_restarts(&namespace, "api").unwrap(), 0);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_117_another_image_of_one_container_is_a_restart() {
    let namespace = Namespace::new("image", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let mut pod = app_pod(&namespace, "api", "echo begins; trap 'echo ends; exit' TERM; while :; do sleep 0.1; done");
    pod["spec"]["restartPolicy"] = "Always".into();
    start(&namespace, pod);
    drop(receiver.stored_until("begins"));
    // The same image under its full name.
    let change = json!({ "spec": { "containers": [{ "name": "app", "image": "docker.io/localhost/logtap-app:1" }] } });
    let back = json!({ "spec": { "containers": [{ "name": "app", "image": "localhost/logtap-app:1" }] } });
    for patch in [change, back] {
        namespace.kubectl(&["patch", "pod", "api", "--patch", &patch.to_string()], "").unwrap();
        sleep(Duration::from_secs(5));
    }
    let stored = until("the lines of both instances", || {
        let stored = receiver.stored()?;
        if stored.len() >= 3 { Ok(stored) } else { Err(format!("{:?}", texts(&stored))) }
    });
    assert_eq!(texts(&stored), ["begins", "ends", "begins"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_087_rotation_repeats_nothing_and_gaps_are_said() {
    let namespace = Namespace::new("rotation", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    // 40 MB in lines of 1 KB; the kubelet looks every 10 s and rotates above 10 MiB.
    let script = "x=a; for n in 1 2 3 4 5 6 7 8 9 10; do x=$x$x; done; n=0; \
                  while [ $n -lt 40000 ]; do n=$((n+1)); echo $n $x; [ $((n % 100)) -gt 0 ] || sleep 0.1; done; \
                  echo done; exec sleep 3600";
    start(&namespace, app_pod(&namespace, "api", script));
    let stored = receiver.stored_until("done");
    let numbers: Vec<u64> = stored.iter().filter_map(|line| line.text.split(' ').next()?.parse().ok()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "a line came twice or out of order");
    let kept = namespace.logs("api", "app").unwrap().lines().count();
    assert!(kept < 40_000, "nothing was rotated away");
    let said = receiver.marks().unwrap().iter().any(|mark| mark.text.contains("gap"));
    assert!(numbers.len() == 40_000 || said, "{} of 40000 lines and no mark of a gap", numbers.len());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_086_each_instance_of_a_crash_looping_app_exactly_once() {
    let namespace = Namespace::new("crashes", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let script = "read boot </proc/uptime; echo begins $boot; echo works $boot; echo fails $boot; exit 1";
    let mut pod = app_pod(&namespace, "api", script);
    pod["spec"]["restartPolicy"] = "Always".into();
    start(&namespace, pod);
    until("three crashes", || {
        let status = namespace.get("pod", "api")?["status"]["containerStatuses"][0].clone();
        if status["restartCount"].as_u64() >= Some(3) { Ok(()) } else { Err(status.to_string()) }
    });
    let stored = until("the lines of three instances", || {
        let stored = receiver.stored()?;
        if stored.len() >= 9 { Ok(stored) } else { Err(format!("{} lines", stored.len())) }
    });
    for three in stored.chunks_exact(3) {
        let boot = three[0].text.strip_prefix("begins ").unwrap();
        assert_eq!(texts(three)[1..], [format!("works {boot}"), format!("fails {boot}")]);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_086_the_kubelets_files_hold_every_life_and_both_outputs() {
    let namespace = Namespace::new("node", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    // Long enough for three pieces, without a newline at the end.
    let script = "read boot </proc/uptime; x=a; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do x=$x$x; done; \
                  echo begins $boot; echo wrong $boot >&2; printf \"$x fails $boot\"; exit 1";
    let mut pod = app_pod(&namespace, "api", script);
    pod["spec"]["restartPolicy"] = "Always".into();
    pod["metadata"]["annotations"][annotation::SOURCE] = "node".into();
    start(&namespace, pod);
    let stored = until("the lines of three lives", || {
        let stored = receiver.stored()?;
        if stored.len() >= 9 { Ok(stored) } else { Err(format!("{} lines", stored.len())) }
    });
    let of = |output: &str| -> Vec<&Stored> { stored.iter().filter(|line| line.labels["stream"] == output).collect() };
    let (out, err) = (of("stdout"), of("stderr"));
    for (two, wrong) in out.chunks_exact(2).zip(&err) {
        let boot = two[0].text.strip_prefix("begins ").unwrap();
        assert_eq!(
            (two[1].text.as_str(), &wrong.text),
            (format!("{} fails {boot}", "a".repeat(1 << 15)).as_str(), &format!("wrong {boot}"))
        );
    }
    assert_eq!(receiver.marks().unwrap(), []);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn a_last_line_without_a_newline_comes_when_its_pod_is_deleted() {
    let namespace = Namespace::new("unended", "privileged");
    namespace.grant();
    let receiver = Receiver::start(&namespace);
    let waits = "while :; do sleep 0.1; done";
    let ends = [("told", "trap 'exit 0' TERM"), ("killed", "trap '' TERM")];
    let mut pods = Vec::new();
    for source in ["api", "node"] {
        for (end, on_stop) in ends {
            let name = format!("{source}-{end}");
            let script = format!("{on_stop}; echo {name} begins; printf '{name} has no end'; {waits}");
            let mut pod = app_pod(&namespace, &name, &script);
            pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
            pod["spec"]["terminationGracePeriodSeconds"] = 8.into();
            start(&namespace, pod);
            pods.push(name);
        }
    }
    for name in &pods {
        drop(receiver.stored_until(&format!("{name} begins")));
    }
    let mut delete = vec!["delete", "pod", "--wait"];
    delete.extend(pods.iter().map(String::as_str));
    namespace.kubectl(&delete, "").unwrap();
    // The pods are gone: what did not come will never come.
    let stored = receiver.stored().unwrap();
    for name in &pods {
        let of: Vec<&str> = texts(&stored).into_iter().filter(|text| text.starts_with(name.as_str())).collect();
        assert_eq!(of, [format!("{name} begins"), format!("{name} has no end")]);
    }
}
