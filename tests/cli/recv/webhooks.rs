//! Notifications: what is told, how it proves its origin, and that a webhook never holds anything up.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use logtap_testkit::batches::Batch;
use logtap_testkit::client::{Dialect, LokiClient};
use sha2::Sha256;

use super::hook::{Hook, Posted};
use super::{start, stop, until};
use crate::world::run;

fn lines(count: usize, random: &mut fastrand::Rng) -> Batch {
    let texts: Vec<String> = (0..count).map(|_| (0..400).map(|_| random.alphanumeric()).collect()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Batch::of(&[("app", "api")], 1_790_000_000_000_000_000, &texts)
}

/// What a notification of drops says.
fn dropped_lines(posted: &Posted) -> u64 {
    let detail = posted.json()["detail"].as_str().unwrap_or_default().to_owned();
    detail.strip_suffix(" lines dropped").map_or(0, |lines| lines.parse().unwrap())
}

fn push(client: &mut LokiClient, batch: &Batch) -> (Option<u64>, Duration) {
    let begun = Instant::now();
    let response = client.push(Dialect::ProtoSnappy, batch).unwrap();
    assert_eq!(response.status, 204, "{}", response.text());
    (response.header("x-logtap-dropped").map(|lines| lines.parse().unwrap()), begun.elapsed())
}

/// More at once than a small queue holds; returns the lines that were dropped.
fn overload(addr: SocketAddr) -> u64 {
    let mut dropped = 0;
    while dropped == 0 {
        let senders: Vec<_> = (0..8)
            .map(|seed| {
                let batch = lines(1000, &mut fastrand::Rng::with_seed(seed));
                let push = move || push(&mut LokiClient::new(addr), &batch).0.unwrap_or(0);
                std::thread::Builder::new().name("sender".to_owned()).spawn(push).unwrap()
            })
            .collect();
        dropped = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    }
    dropped
}

#[test]
fn every_event_is_told_and_signed() {
    let (temp, hook) = (tempfile::tempdir().unwrap(), Hook::start(&[]));
    let dir = temp.path().join("capture");
    let args = ["--webhook-url", &hook.url(), "--webhook-auth", "hmac-sha256:se:cret", "--max-disk", "1MB"];
    let mut recv = start(&dir, &[&args[..], &["--queue", "200KB"]].concat());
    let (mut client, mut random) = (recv.client(), fastrand::Rng::with_seed(3));
    until("start is told", || hook.events() == ["start"]);
    let mut pushed = 0;
    until("rotation and a disk nearly full are told", || {
        let dropped = push(&mut client, &lines(50, &mut random)).0;
        pushed += 50 - dropped.unwrap_or(0);
        hook.has("rotation") && hook.has("disk-warning")
    });
    let earlier: u64 = hook.posted().iter().map(dropped_lines).sum();
    let dropped = overload(recv.addr());
    stop(&mut recv);
    let posted = hook.posted();
    assert_eq!(posted.last().unwrap().event(), "stop", "awaited on stop: {:?}", hook.events());
    let told: u64 = posted.iter().map(dropped_lines).sum();
    assert_eq!(told - earlier, dropped, "also what happened in the last second");
    for one in &posted {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"se:cret").unwrap();
        mac.update(one.body.as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(one.header("x-logtap-signature"), Some(format!("sha256={hex}").as_str()));
        assert_eq!(one.header("content-type"), Some("application/json"));
        let json = one.json();
        assert_eq!(json["dir"], dir.to_str().unwrap());
        assert!(json["timestamp"].as_str().unwrap().ends_with('Z'));
        for figure in ["lines_written", "bytes_written", "disk_usage", "disk_cap"] {
            assert!(json["stats"][figure].is_u64(), "{figure} is a figure of 1.x: {json}");
        }
    }
    let last = posted.last().unwrap().json();
    assert!(last["stats"]["lines_written"].as_u64().unwrap() > pushed);
    assert_eq!(last["stats"]["lines_dropped"], told);
}

#[test]
fn an_error_of_the_capture_is_told() {
    let (temp, hook) = (tempfile::tempdir().unwrap(), Hook::start(&[]));
    let dir = temp.path().join("capture");
    let mut recv = start(&dir, &["--webhook-url", &hook.url(), "--webhook-events", "error", "--max-disk", "1MB"]);
    std::fs::create_dir(dir.join("index.jsonl")).unwrap();
    let (mut client, mut random) = (recv.client(), fastrand::Rng::with_seed(4));
    for _ in 0..5 {
        push(&mut client, &lines(200, &mut random));
    }
    until("the index that cannot be written is told", || hook.has("error"));
    let first = hook.posted().remove(0).json();
    assert_eq!((&first["event"], &first["file"]), (&"error".into(), &"index.jsonl".into()), "{first}");
    recv.kill().unwrap();
}

#[test]
fn spellings_of_1x_and_attempts_after_failures() {
    let (temp, hook) = (tempfile::tempdir().unwrap(), Hook::start(&[500, 503]));
    let args = ["--webhook", &hook.url(), "--webhook-events", "start,stop", "--webhook-auth", "bearer:to:ken"];
    let mut recv = start(&temp.path().join("capture"), &[&args[..], &["--max-disk", "1MB"]].concat());
    let (mut client, mut random) = (recv.client(), fastrand::Rng::with_seed(6));
    for _ in 0..5 {
        push(&mut client, &lines(200, &mut random));
    }
    stop(&mut recv);
    assert_eq!(hook.events(), ["start", "start", "start", "stop"], "two failures; only the events asked for");
    assert!(hook.posted().iter().all(|one| one.header("authorization") == Some("Bearer to:ken")));
}

#[test]
fn a_webhook_that_starts_later_is_reached() {
    let temp = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut recv = start(&temp.path().join("capture"), &["--webhook-url", &format!("http://{port}/")]);
    let hook = Hook::on(TcpListener::bind(port).unwrap(), &[]);
    until("start is told after refused connections", || hook.has("start"));
    stop(&mut recv);
    assert_eq!(hook.events(), ["start", "stop"]);
}

#[test]
fn a_webhook_that_never_answers_holds_nothing_up() {
    let (temp, hook) = (tempfile::tempdir().unwrap(), Hook::start(&[]));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/", silent.local_addr().unwrap());
    let args = ["--webhook-url", &silent, "--webhook-url", &hook.url(), "--max-disk", "1MB", "--queue", "200KB"];
    let mut recv = start(&temp.path().join("capture"), &args);
    let (mut client, mut random) = (recv.client(), fastrand::Rng::with_seed(7));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let (_, took) = push(&mut client, &lines(200, &mut random));
        assert!(took < Duration::from_secs(1), "a push took {took:?}");
    }
    assert!(hook.has("rotation"), "the other webhook is told meanwhile: {:?}", hook.events());
    let took = stop(&mut recv);
    assert!(took < Duration::from_secs(13), "the stop took {took:?}");
    assert_eq!(hook.events().last().map(String::as_str), Some("stop"));
    assert!(recv.stderr().contains("a webhook did not take all notifications within 10s"), "{}", recv.stderr());
}

#[test]
fn alert_rules_of_1x_are_told_through_webhooks() {
    let (temp, hook) = (tempfile::tempdir().unwrap(), Hook::start(&[]));
    let rules = temp.path().join("alerts.yaml");
    let yaml = "rules:\n  - name: losing\n    metric: logs_dropped\n    op: gt\n    threshold: 10\n    detail: lines are lost\n\
                \x20 - name: busy\n    metric: logs_received\n    op: gte\n    threshold: 100000\n";
    std::fs::write(&rules, yaml).unwrap();
    let args = ["--webhook", &hook.url(), "--webhook-events", "alert", "--queue", "100KB", "--alert-rules"];
    let mut recv = start(&temp.path().join("capture"), &[&args[..], &[rules.to_str().unwrap()]].concat());
    let mut dropped = overload(recv.addr());
    until("the rule that holds is told", || hook.has("alert"));
    dropped += overload(recv.addr());
    stop(&mut recv);
    let posted = hook.posted();
    assert_eq!(posted.len(), 1, "once, and not the rule that does not hold: {:?}", hook.events());
    let json = posted[0].json();
    assert_eq!((&json["detail"], &json["rule"]["name"]), (&"lines are lost".into(), &"losing".into()));
    let value = json["value"].as_f64().unwrap();
    assert!(value > 10.0 && value < dropped as f64, "{json}");
}

#[test]
fn what_cannot_be_meant_stops_the_start_in_one_line() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("capture");
    let rules = temp.path().join("alerts.yaml");
    std::fs::write(&rules, "rules:\n  - name: x\n    metric: cpu\n    op: gt\n    threshold: 1\n").unwrap();
    for (args, said) in [
        (["--alert-rules", rules.to_str().unwrap()], "cpu"),
        (["--webhook-url", "hooks.example.org/planted"], "must start with http:// or https://"),
        (["--webhook-events", "start,stopp"], "no event \"stopp\""),
        (["--webhook-auth", "basic:x"], "bearer:<token>"),
    ] {
        let outcome = run(&[&["recv", "--dir", dir.to_str().unwrap()], &args[..]].concat());
        assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.err);
        assert!(outcome.err.contains(said), "{}", outcome.err);
        assert!(outcome.err.lines().filter(|line| !line.trim().is_empty()).count() <= 4, "{}", outcome.err);
        assert!(!outcome.err.contains("planted"), "{}", outcome.err);
    }
    assert!(!dir.exists(), "nothing was begun");
    std::fs::write(&rules, "rules:\n  - name: x\n    metric: disk_pct\n    op: gt\n    threshold: 1\n").unwrap();
    let mut recv = start(&dir, &["--alert-rules", rules.to_str().unwrap()]);
    stop(&mut recv);
    assert!(recv.stderr().contains("--alert-rules has no effect without --webhook-url"), "{}", recv.stderr());
}
