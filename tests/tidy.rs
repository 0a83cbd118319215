//! The architecture's invariants, checked over the crate graph and the tree.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..").canonicalize().unwrap()
}

/// Names of all crates that each crate of ours is built from, tests aside.
fn reachable() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names: BTreeMap<String, String> =
        metadata["packages"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["name"]))).collect();
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let normal = |dep: &&Value| dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
        let targets = node["deps"].as_array().unwrap().iter().filter(normal).map(|dep| text(&dep["pkg"])).collect();
        edges.insert(text(&node["id"]), targets);
    }
    let members = metadata["workspace_members"].as_array().unwrap().iter().map(text);
    members.map(|id| (names[&id].clone(), closure(&id, &edges).iter().map(|id| names[id].clone()).collect())).collect()
}

fn closure(start: &str, edges: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(id) = open.pop() {
        for next in &edges[&id] {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    seen
}

#[test]
fn pure_crates_stay_pure() {
    let all = reachable();
    for pure in ["logtap-push", "logtap-capture", "logtap-redact", "logtap-inject"] {
        for banned in ["tokio", "clap", "axum", "hyper", "ratatui", "kube", "kube-client", "ureq", "tracing"] {
            assert!(!all[pure].contains(banned), "{pure} must not reach {banned}");
        }
        assert!(!all[pure].iter().any(|name| name.starts_with("logtap")), "{pure} stands alone");
    }
    for banned in ["tokio", "clap", "axum", "hyper", "ratatui", "kube", "kube-client", "ureq", "tracing"] {
        for pure in ["logtap-analyze", "logtap-carry", "logtap-manifest"] {
            assert!(!all[pure].contains(banned), "{pure} must not reach {banned}");
        }
    }
}

#[test]
fn arrows_point_one_way() {
    let all = reachable();
    for (name, reached) in &all {
        assert!(!reached.contains("logtap"), "nothing depends on the command line, but {name} does");
        for tests in ["logtap-testkit", "logtap-cluster-tests"] {
            let is_test = name == "logtap-cluster-tests";
            assert!(is_test || !reached.contains(tests), "{name} is built from test code");
        }
    }
    let allowed = ["logtap-capture", "logtap-certs", "logtap-push", "logtap-redact"];
    let ours = |of: &str| all[of].iter().filter(|name| name.starts_with("logtap")).cloned().collect::<Vec<_>>();
    assert_eq!(ours("logtap-receiver"), allowed);
    // The webhook stands in the way of every pod that starts: it has nothing of the log path in it.
    assert_eq!(ours("logtap-webhook"), ["logtap-certs", "logtap-inject"]);
    assert_eq!(ours("logtap-forwarder"), ["logtap-push"], "the forwarder runs in every tapped pod: it stays small");
    assert_eq!(ours("logtap-analyze"), ["logtap-capture"], "what a capture says is read from its lines alone");
    assert_eq!(ours("logtap-carry"), ["logtap-capture"], "captures are carried by what stands in them alone");
    assert_eq!(
        ours("logtap-manifest"),
        ["logtap-capture"],
        "what comes from strangers is read apart from what asks them"
    );
    let remote = ["logtap-capture", "logtap-manifest"];
    assert_eq!(ours("logtap-remote"), remote, "buckets are filled with what the caller has picked");
    assert_eq!(ours("logtap-view"), ["logtap-capture"], "the view only reads captures");
    assert!(!all["logtap-view"].contains("tokio"), "the view has threads, not tasks");
    assert!(ours("logtap-certs").is_empty(), "certificates are asked by all and ask nobody");
    assert!(!all["logtap-certs"].contains("tokio"), "certificates wait for nothing: clocks and calls are the caller's");
}

/// Between a review and its answer nothing asks the API server, and commands ask it through one facade:
/// only these files may know its client.
#[test]
fn the_kubernetes_client_is_used_in_thin_places() {
    let allowed = [
        "webhook/src/cluster.rs",
        "webhook/src/cluster/",
        "webhook/src/run.rs",
        "webhook/src/main.rs",
        "cli/src/cluster.rs",
        "cli/src/cluster/",
    ];
    for path in tracked() {
        let name = path.to_str().unwrap();
        let ours = ["webhook/src/", "cli/src/"].iter().any(|program| name.starts_with(program));
        if ours && !allowed.iter().any(|one| name.starts_with(one)) {
            let text = std::fs::read_to_string(root().join(&path)).unwrap();
            assert!(!text.contains("kube::") && !text.contains("k8s_openapi"), "{name} knows the Kubernetes client");
        }
    }
}

fn tracked() -> Vec<PathBuf> {
    let output =
        Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root()).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect()
}

#[test]
fn top_level_is_fixed() {
    let allowed = [
        "webhook",
        "receiver",
        "forwarder",
        "cli",
        "manifests",
        "certs",
        "tests",
        "docs",
        ".ci",
        ".cargo",
        ".config",
        ".github",
    ];
    for path in tracked() {
        let mut parts = path.components();
        let first = parts.next().unwrap().as_os_str().to_str().unwrap().to_owned();
        assert!(
            parts.next().is_none() || allowed.contains(&first.as_str()),
            "{} is in no known folder",
            path.display()
        );
    }
}

#[test]
fn files_are_small_and_say_what_they_own() {
    for path in tracked().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")) {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines; split it by concept", path.display());
        let head = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(head.starts_with("//!"), "{} does not open with what it owns", path.display());
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            !["util", "utils", "common", "misc", "helpers"].contains(&stem),
            "{} is named after no concept",
            path.display()
        );
    }
}
