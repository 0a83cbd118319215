//! Certificates come and go on a real API server while it calls the webhook: once replicas are ready,
//! no call fails.
//!
//! One test at a time.
//!
//! Replicas whose clocks are wrong cannot run here: a static binary asks the kernel for the time, and
//! the kernel has one for all. `tests/webhook/authority.rs` runs them, with clocks of their own.
//!
//! `LOGTAP_CLUSTER=long` rotates for a quarter of an hour.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed step is a failed test; figures are shown")]

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use logtap_cluster_tests::stream::{Counted, Keep, Stream};
use logtap_cluster_tests::{Namespace, Webhook, app_pod, is_injected, kubectl, until};
use logtap_inject::vocabulary::object;
use serde_json::{Value, json};

/// Calls a second while certificates change.
const RATE: u32 = 20;

fn get(args: &[&str]) -> Result<Value, String> {
    let all: Vec<&str> = ["get", "-o", "json"].iter().chain(args).copied().collect();
    serde_json::from_str(&kubectl(&all, "")?).map_err(|error| error.to_string())
}

fn secret() -> Result<Value, String> {
    get(&["--namespace", object::NAMESPACE, "secret", object::CA_SECRET])
}

/// The authority that signs, in PEM.
fn current() -> Result<String, String> {
    decoded(&secret()?["data"]["ca.crt"])
}

fn decoded(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("nothing there")?;
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn configuration() -> Result<Value, String> {
    get(&["mutatingwebhookconfiguration", object::CONFIGURATION])
}

/// What the API server trusts, for each entry by name; an entry without bundle is a fault.
fn bundles() -> Result<Vec<(String, String)>, String> {
    let found = configuration()?;
    let entries = found["webhooks"].as_array().ok_or("no entries")?;
    let one = |entry: &Value| {
        let name = entry["name"].as_str().unwrap_or_default().to_owned();
        let bundle = decoded(&entry["clientConfig"]["caBundle"]).map_err(|error| format!("{name}: {error}"))?;
        Ok((name, bundle))
    };
    entries.iter().map(one).collect()
}

fn authorities(bundle: &str) -> usize {
    bundle.matches("BEGIN CERTIFICATE").count()
}

fn change_configuration(change: impl Fn(&mut Value)) {
    until("the change of the configuration", || {
        let mut found = configuration()?;
        // What was applied last would be replaced along with it, and the next apply compares with that.
        if let Some(annotations) = found["metadata"]["annotations"].as_object_mut() {
            annotations.retain(|key, _| !key.starts_with("kubectl.kubernetes.io/"));
        }
        change(&mut found);
        kubectl(&["replace", "-f", "-"], &found.to_string())
    });
}

fn change_secret(data: &Value) {
    let patch = json!({ "data": data }).to_string();
    let secret = ["--namespace", object::NAMESPACE, "patch", "secret", object::CA_SECRET, "--type=merge", "--patch"];
    kubectl(&[&secret[..], &[&patch]].concat(), "").unwrap();
}

/// Waits until a pod that is offered now is injected.
fn injects(namespace: &Namespace) {
    let pod = app_pod(namespace, "probe", "exit 0").to_string();
    until("an injected pod", || {
        let text = namespace.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", "-"], &pod)?;
        let made = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if is_injected(&made) { Ok(()) } else { Err("it is not".to_owned()) }
    });
}

fn nothing_failed(what: &str, counted: &Counted) {
    println!("{what}: {}", counted.line());
    assert_eq!((counted.missed, &counted.failed), (0, &Vec::new()), "{what}");
    assert!(counted.injected > 20, "{what}: {}", counted.line());
}

/// Replicas with authorities of three minutes and leaves of half a minute.
fn short_lived(webhook: &Webhook) {
    webhook.flags(&["--ca-lifetime=3m", "--leaf-lifetime=30s"]);
    webhook.settled();
    // The authority of the usual life would stay for months.
    kubectl(&["--namespace", object::NAMESPACE, "delete", "secret", object::CA_SECRET], "").unwrap();
    until("an authority of the new kind", current);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_101_leaves_and_authorities_rotate_under_load() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("rotation", "restricted");
    short_lived(&webhook);
    injects(&namespace);
    let stream = Stream::begin(namespace.name(), RATE, Keep::Nothing);
    let rotations = if std::env::var("LOGTAP_CLUSTER").is_ok_and(|form| form == "long") { 8 } else { 1 };
    let began = Instant::now();
    let mut signers = BTreeSet::from([current().unwrap()]);
    let mut most = 0;
    while signers.len() <= rotations {
        assert!(began.elapsed() < Duration::from_secs(200 * rotations as u64), "no authority gave way in time");
        sleep(Duration::from_secs(1));
        signers.insert(current().unwrap());
        most = most.max(bundles().unwrap().iter().map(|(_, bundle)| authorities(bundle)).max().unwrap_or(0));
    }
    // Until every replica has a leaf of the new authority, and some more.
    sleep(Duration::from_secs(30));
    let counted = stream.end();
    let leaves = webhook.logs().unwrap().matches("a new certificate is in force").count();
    println!("rotation: {} authorities, {leaves} leaves, at most {most} in a bundle", signers.len());
    nothing_failed("rotation", &counted);
    assert!(leaves > 2 * 2 * rotations, "{leaves} leaves");
    assert!(most >= 2, "old and new overlap");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_102_a_blanked_bundle_is_put_back() {
    let _webhook = Webhook::alone();
    let namespace = Namespace::new("blanked", "restricted");
    let before = bundles().unwrap();
    let began = Instant::now();
    change_configuration(|found| {
        for entry in found["webhooks"].as_array_mut().unwrap() {
            entry["clientConfig"].as_object_mut().unwrap().remove("caBundle");
        }
    });
    until("the bundle to be put back", || if bundles()? == before { Ok(()) } else { Err("another one".to_owned()) });
    println!("blanked bundle: put back after {} ms", began.elapsed().as_millis());
    assert!(began.elapsed() < Duration::from_secs(10));
    injects(&namespace);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_103_a_configuration_made_anew_gets_its_bundle() {
    let _webhook = Webhook::alone();
    let namespace = Namespace::new("anew", "restricted");
    let before = bundles().unwrap();
    kubectl(&["delete", "mutatingwebhookconfiguration", object::CONFIGURATION], "").unwrap();
    let manifest = include_str!("../../../manifests/base/webhook.yaml");
    kubectl(&["create", "-f", "-"], manifest).unwrap();
    until("the bundle in each entry", || if bundles()? == before { Ok(()) } else { Err("another one".to_owned()) });
    injects(&namespace);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_104_entries_are_found_by_name_and_others_are_left_alone() {
    let _webhook = Webhook::alone();
    let namespace = Namespace::new("order", "restricted");
    let stranger = "stranger.example.com";
    let theirs = BASE64_STANDARD.encode(bundles().unwrap()[0].1.as_bytes());
    change_configuration(|found| {
        let entries = found["webhooks"].as_array_mut().unwrap();
        entries.reverse();
        let mut added = entries[0].clone();
        added["name"] = stranger.into();
        // It never applies, and its bundle is its owner's.
        added["objectSelector"] = json!({ "matchLabels": { "never": "ever" } });
        added["clientConfig"]["caBundle"] = theirs.clone().into();
        entries.insert(0, added);
        for entry in &mut entries[1..] {
            entry["clientConfig"].as_object_mut().unwrap().remove("caBundle");
        }
    });
    until("the bundle in each entry of ours", bundles);
    // Another authority: only our entries follow.
    kubectl(&["--namespace", object::NAMESPACE, "delete", "secret", object::CA_SECRET], "").unwrap();
    let fresh = until("another authority", current);
    until("it to be published", || {
        let all = bundles()?;
        let ours = all.iter().filter(|(name, _)| name != stranger);
        if ours.clone().count() == 3 && ours.clone().all(|(_, bundle)| bundle.contains(fresh.trim())) {
            return Ok(());
        }
        Err(format!("{:?}", all.iter().map(|(name, bundle)| (name, authorities(bundle))).collect::<Vec<_>>()))
    });
    let found = configuration().unwrap();
    let names: Vec<&str> =
        found["webhooks"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    let (mirror, pod, ns) = (object::MIRROR, object::PODS_BY_ANNOTATION, object::PODS_BY_NAMESPACE);
    assert_eq!(names, [stranger, mirror, pod, ns], "the order is the user's");
    assert_eq!(found["webhooks"][0]["clientConfig"]["caBundle"], theirs);
    injects(&namespace);
    change_configuration(|found| {
        let entries = found["webhooks"].as_array_mut().unwrap();
        entries.remove(0);
        entries.reverse();
    });
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_121_three_replicas_start_at_once_and_agree() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("race", "restricted");
    webhook.scale(0);
    kubectl(&["--namespace", object::NAMESPACE, "delete", "secret", object::CA_SECRET], "").unwrap();
    change_configuration(|found| {
        for entry in found["webhooks"].as_array_mut().unwrap() {
            entry["clientConfig"].as_object_mut().unwrap().remove("caBundle");
        }
    });
    webhook.scale(3);
    let authority = current().unwrap();
    for (name, bundle) in bundles().unwrap() {
        assert_eq!(bundle.trim(), authority.trim(), "{name} trusts the one authority that was made");
    }
    let stream = Stream::begin(namespace.name(), RATE, Keep::Nothing);
    sleep(Duration::from_secs(5));
    nothing_failed("three replicas", &stream.end());
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_122_a_spoilt_secret_is_mended_under_load() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("spoilt", "restricted");
    injects(&namespace);
    let stream = Stream::begin(namespace.name(), RATE, Keep::Nothing);
    let encode = |text: &str| BASE64_STANDARD.encode(text);
    let other = encode("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let spoilt = [
        json!({ "ca.crt": encode("nonsense") }),
        json!({ "ca.key": other }),
        json!({ "ca.key": null }),
        json!({ "ca.crt": "", "ca.key": "" }),
        json!({ "retired.crt": encode("nonsense") }),
    ];
    for data in spoilt {
        change_secret(&data);
        until("the Secret to be mended", || {
            let found = secret()?["data"].clone();
            let keeps_fault = data.as_object().unwrap().iter().any(|(name, bad)| found[name] == *bad);
            let whole = current().is_ok_and(|ca| authorities(&ca) == 1) && found["ca.key"].is_string();
            if whole && !keeps_fault { Ok(()) } else { Err(format!("{data} is still there")) }
        });
        sleep(Duration::from_secs(1));
    }
    let counted = stream.end();
    nothing_failed("spoilt Secret", &counted);
    let logs = webhook.logs().unwrap();
    assert!(logs.contains("spoilt"), "{logs}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_123_a_deleted_secret_is_made_anew_under_load() {
    let _webhook = Webhook::alone();
    let namespace = Namespace::new("deleted", "restricted");
    injects(&namespace);
    let before = current().unwrap();
    let stream = Stream::begin(namespace.name(), RATE, Keep::Nothing);
    for _ in 0..3 {
        kubectl(&["--namespace", object::NAMESPACE, "delete", "secret", object::CA_SECRET], "").unwrap();
        until("another authority", current);
        sleep(Duration::from_secs(2));
    }
    nothing_failed("deleted Secret", &stream.end());
    // Leaves of the lost authority are in use, so it is trusted on.
    for (name, bundle) in bundles().unwrap() {
        assert!(bundle.contains(before.trim()), "{name}");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_124_authority_and_leaf_change_while_replicas_are_replaced() {
    let webhook = Webhook::alone();
    let namespace = Namespace::new("both", "restricted");
    injects(&namespace);
    let stream = Stream::begin(namespace.name(), RATE, Keep::Nothing);
    let before = current().unwrap();
    kubectl(&["--namespace", object::NAMESPACE, "delete", "secret", object::CA_SECRET], "").unwrap();
    webhook.begin_restart();
    webhook.settled();
    let after = current().unwrap();
    sleep(Duration::from_secs(2));
    nothing_failed("deleted Secret and restart", &stream.end());
    assert_ne!(before, after);
    for (name, bundle) in bundles().unwrap() {
        assert!(bundle.contains(after.trim()), "{name}");
    }
}
