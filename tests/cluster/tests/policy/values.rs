//! What the annotations beside the switch say: pod before namespace before default.

use logtap_cluster_tests::{Space, Table};
use serde_json::{Value, json};

use crate::{all, all_in, annotated, asking, compare, pod, with};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// A pod with three containers, one of them an init container.
fn three(pairs: &[(&str, &str)]) -> Value {
    let pod =
        with(pod(), "/spec/containers", json!([{ "name": "a", "image": "a" }, { "name": "proxy", "image": "p" }]));
    asking(with(pod, "/spec/initContainers", json!([{ "name": "init", "image": "i" }])), pairs)
}

fn values(key: &str, values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| annotated(key, value)).collect()
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_069_policy_container_that_does_not_exist() {
    let found = all("injected", [three(&[("containers", "a, b")]), three(&[("containers", "a,init")])]);
    assert_eq!(found[0].env("LOGTAP_CONTAINERS"), Some("a,b"));
    let space = Space::quiet().annotation("logtap.io/exclude-containers", "istio-proxy");
    let found = all_in(&space, "injected", [pod(), annotated("exclude-containers", "$(other)")]);
    assert_eq!(found[0].env("LOGTAP_EXCLUDE_CONTAINERS"), Some("istio-proxy"));
    assert_eq!(found[1].env("LOGTAP_EXCLUDE_CONTAINERS"), Some("$$(other)"));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_070_policy_everything_excluded() {
    let none = [
        three(&[("exclude-containers", "a,proxy,init")]),
        three(&[("exclude-containers", " init , proxy,a,")]),
        three(&[("containers", "z")]),
        three(&[("containers", "a"), ("exclude-containers", "a")]),
    ];
    all("nothing_selected", none);
    all("injected", [three(&[("exclude-containers", "a,proxy")])]);
    let long = "x".repeat(9000);
    for key in ["containers", "exclude-containers"] {
        let bad = ["", " , ", "a\u{1}b", "a\u{85}b", &long].map(|value| three(&[(key, value)]));
        all("invalid_annotation", bad);
    }
    let space = Space::quiet().annotation("logtap.io/containers", " , ");
    all_in(&space, "invalid_annotation", [pod()]);
    all_in(&space, "injected", [annotated("containers", "api")]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_071_policy_bad_quantities() {
    let bad = [
        "",
        "lots",
        "-1",
        "0",
        "1 Gi",
        "1gb",
        "0x10",
        "1.2.3",
        "NaN",
        "1e99",
        "ⅷ",
        "10%",
        "Mi",
        "10E",
        "1e",
        "e3",
        ".",
        "0.0000000001",
        "99999999999999999999",
        "1K",
        "64m",
        "10n",
        "9223372036854775807",
        "0Mi",
        "1e+",
        "++1",
    ];
    let keys = ["cpu-request", "cpu-limit", "memory-request", "memory-limit", "spool"];
    all("injected", keys.iter().flat_map(|key| values(key, &bad)));
    let spools = [
        "64",
        "none",
        "1Ki",
        "1000Ti",
        "1048575.5",
        "1048576",
        "1.5Mi",
        "1.1Gi",
        "1048577",
        "100M",
        "2000k",
        "1e9",
        "100Gi",
        "107374182401",
        "107374182400.1",
        "2097152.000000001",
        "+3Mi",
        "3000000000m",
        "007Mi",
        "1e0000000007",
    ];
    all("injected", values("spool", &spools));
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_quantities_that_are_obeyed() {
    let amounts = [
        "1",
        "1.5",
        ".5",
        "5.",
        "+2",
        "1m",
        "500u",
        "2000000n",
        "1k",
        "1Ki",
        "8Mi",
        "64Mi",
        "1e8",
        "1E9",
        "0.5G",
        "1e-3",
        "10000000e-1",
        "4194304",
        "4194303.9",
    ];
    let keys = ["cpu-request", "cpu-limit", "memory-request", "memory-limit"];
    let single = keys.iter().flat_map(|key| values(key, &amounts));
    let pairs = [("1", "2"), ("2", "1"), ("8Mi", "16Mi"), ("1Gi", "8Mi"), ("1e8", "0.5G"), ("64Mi", "65536Ki")];
    let pairs = pairs.iter().flat_map(|(request, limit)| {
        ["cpu", "memory"].map(|what| {
            let keys = [format!("{what}-request"), format!("{what}-limit")];
            asking(pod(), &[(&keys[0], request), (&keys[1], limit)])
        })
    });
    all("injected", single.chain(pairs));
    let space = Space::quiet().annotation("logtap.io/cpu-limit", "150m").annotation("logtap.io/memory-limit", "none");
    let found = all_in(&space, "injected", [pod(), annotated("cpu-limit", "1"), annotated("cpu-limit", "x")]);
    let limits = found.iter().map(|one| one.forwarder().unwrap()["resources"]["limits"]["cpu"].clone());
    assert_eq!(limits.collect::<Vec<_>>(), [json!("150m"), json!("1"), json!("150m")]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_072_policy_targets() {
    let long = [format!("http://a/{}", "x".repeat(2039)), format!("http://a/{}", "x".repeat(2040))];
    let label = ["a".repeat(63), "a".repeat(64)].map(|label| format!("http://{label}.b"));
    let host = [63, 62, 61].map(|last| {
        let part = "a".repeat(63);
        format!("http://{part}.{part}.{part}.{}", "b".repeat(last))
    });
    let texts = [
        "ftp://x",
        "receiver:3100",
        "",
        "javascript:alert(1)",
        "http://",
        "https://:3100",
        "http://a b",
        "file:///etc/passwd",
        "http://a",
        "https://a.b.svc.cluster.local:3100",
        " HTTP://A:1 ",
        "http://10.0.0.1:65535/x/y",
        "https://[fd00::1]:3100/?q=1",
        "http://[::1]",
        "http://a_b-c.example./",
        "http://host/%7Euser;p=1?a=b&c=$d",
        "http://a/$(POD_NAME)",
        "htp://a",
        "//a",
        "http:/a",
        "https",
        "http://-a",
        "http://a-",
        "http://a..b",
        "http://1.2.3",
        "http://256.1.1.1",
        "http://010.1.1.1",
        "http://1.2.3.4.",
        "http://[::g]",
        "http://[::1",
        "http://[::1]x",
        "http://[::1]:",
        "http://[fe80::1%25eth0]",
        "http://[::ffff:10.0.0.1]:1",
        "http://[::FFFF:a00:1]",
        "http://[1::2:3:4:5:6:7:8]",
        "http://[fffff::1]",
        "http://[1.2.3.4]",
        "http://fd00::1",
        "http://a:0",
        "http://a:65536",
        "http://a:00080",
        "http://a:",
        "http://a:+1",
        "http://a:b",
        "http://u@a",
        "http://u:p@a",
        "http://a/@b",
        "http://a?x@y",
        "http://a/ b",
        "http://a/\u{7}",
        "http://a/#f",
        "http://a#f",
        "http://ä",
        "http://a/\"",
        "http://a/[x]|",
        "http://a/[x]~!*'();:@&=+,/?",
        "http://a/\\",
        "http://a/b://c",
        "http://_",
        "http://a.",
        "http://.",
        "http://a/{}",
        "http://a/`",
        "http://a/^",
        "http://a/<",
    ];
    let texts: Vec<&str> =
        texts.into_iter().chain(long.iter().chain(&label).chain(&host).map(String::as_str)).collect();
    all("injected", values("target", &texts));
    let found = compare(&Space::of("no-target"), values("target", &texts));
    assert!(found.iter().any(|one| one.decision == "no_target") && found.iter().any(|one| one.decision == "injected"));
    let space = Space::quiet().annotation("logtap.io/target", "http://ns:1");
    let found = all_in(
        &space,
        "injected",
        [pod(), annotated("target", " https://pod:2/base?x=1 "), annotated("target", "pod:2")],
    );
    let targets: Vec<_> = found.iter().map(|one| one.env("LOGTAP_TARGET").unwrap()).collect();
    assert_eq!(targets, ["http://ns:1", "https://pod:2/base?x=1", "http://ns:1"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_certificates_of_the_target() {
    let key = format!("{PEM}-----BEGIN PRIVATE KEY-----\nSECRETKEY\n-----END PRIVATE KEY-----\n");
    let long = format!("{PEM}{}", "x".repeat(70_000));
    let two = format!(" {PEM}{PEM}$(x) ");
    let texts = [
        PEM,
        &two,
        "",
        "MIIB",
        "-----BEGIN CERTIFICATE-----\nMIIB",
        &key,
        &long,
        "-----BEGIN CERTIFICATE-----\0-----END CERTIFICATE-----",
    ];
    let pods = || values("target-ca", &texts);
    let elsewhere = || pods().into_iter().map(|pod| asking(pod, &[("target", "https://other:1")]));
    for config in ["usual", "address"] {
        let found = all_in(&Space::of(config), "injected", pods().into_iter().chain(elsewhere()).chain([pod()]));
        assert_eq!(found[0].env("LOGTAP_TARGET_CA"), Some(PEM));
        assert_eq!(found[16].env("LOGTAP_TARGET_CA").is_some(), config == "address");
        assert_eq!(found[10].env("LOGTAP_TARGET_CA"), None, "certificates vouch for their own receiver only");
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn case_073_policy_other_images_only_where_allowed() {
    let long = ["x".repeat(512), "x".repeat(513)];
    let texts =
        ["evil.example/forwarder:1", "", "two words", "tab\tbed", " trimmed:1 ", "quo\"ted\\image", &long[0], &long[1]];
    let found = all("injected", values("image", &texts));
    assert!(found.iter().all(|one| one.forwarder().unwrap()["image"] == found[1].forwarder().unwrap()["image"]));
    let found = all_in(&Space::of("images"), "injected", values("image", &texts));
    assert_eq!(found[0].forwarder().unwrap()["image"], "evil.example/forwarder:1");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_sessions() {
    let lengths = [63, 64].map(|length| "x".repeat(length));
    let texts = [
        "load-7",
        "A.b_c-9",
        "1",
        "",
        "-x",
        "x-",
        "two words",
        "ü",
        "a/b",
        "x\n y",
        " x ",
        "x\n",
        &lengths[0],
        &lengths[1],
    ];
    all("injected", values("session", &texts));
    let space = Space::quiet().annotation("logtap.io/session", "ns");
    let found = all_in(&space, "injected", [pod(), annotated("session", "x y"), annotated("session", "own")]);
    assert_eq!(found.iter().map(|one| one.env("LOGTAP_SESSION").unwrap()).collect::<Vec<_>>(), ["ns", "ns", "own"]);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_the_app_is_what_people_call_it() {
    let owner = |kind: &str, name: &str, controller: bool| json!({ "apiVersion": "v1", "kind": kind, "name": name, "uid": "0f1c2d3e-0000-4000-8000-000000000001", "controller": controller });
    let owned = |kind: &str, name: &str, labels: Value| {
        let owners = json!([owner("Other", "x", false), owner(kind, name, true)]);
        with(with(pod(), "/metadata/labels", labels), "/metadata/ownerReferences", owners)
    };
    let first = with(pod(), "/metadata/labels", json!({}));
    let first = with(
        first,
        "/metadata/ownerReferences",
        json!([owner("StatefulSet", "one", false), owner("StatefulSet", "two", false)]),
    );
    let table = [
        (pod(), Some("api")),
        (with(pod(), "/metadata/labels/app.kubernetes.io~1name", json!("shop")), Some("shop")),
        (with(pod(), "/metadata/labels", json!({ "k8s-app": "dns" })), Some("dns")),
        (owned("ReplicaSet", "cart-7d9f", json!({ "pod-template-hash": "7d9f" })), Some("cart")),
        (owned("ReplicaSet", "cart-7d9f", json!({ "pod-template-hash": "" })), Some("cart-7d9f")),
        (owned("ReplicaSet", "cart-7d9f", json!({})), Some("cart-7d9f")),
        (owned("StatefulSet", "db-1", json!({ "app": "" })), Some("db-1")),
        (owned("Job", "backup-29876543", json!({})), Some("backup")),
        (owned("Job", "-29876543", json!({})), None),
        (owned("Job", "backup-2", json!({})), Some("backup-2")),
        (first, Some("one")),
        (with(pod(), "/metadata/labels", json!({})), None),
    ];
    let (pods, apps): (Vec<_>, Vec<_>) = table.into_iter().unzip();
    let found = all("injected", pods);
    assert_eq!(found.iter().map(|one| one.env("LOGTAP_APP")).collect::<Vec<_>>(), apps);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn policy_sources() {
    let level = |level: &str| Space::quiet().label("pod-security.kubernetes.io/enforce", level);
    let sources = ["api", "node", " Node ", "x", ""].map(|source| annotated("source", source));
    let root = with(annotated("source", "node"), "/spec/securityContext", json!({ "runAsUser": 0 }));
    let evict = annotated("source", "node");
    let evict = with(
        evict,
        "/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes",
        json!("logtap-node-logs, x"),
    );
    let pods = || sources.iter().cloned().chain([root.clone(), evict.clone()]);
    let nodes = |space: &Space, pods: Vec<Value>| {
        let found = all_in(space, "injected", pods);
        found.iter().filter(|one| one.env("LOGTAP_SOURCE") == Some("node")).count()
    };
    assert_eq!(nodes(&Space::quiet(), pods().collect()), 4);
    assert_eq!(nodes(&Space::of("address"), pods().collect()), 0);
    assert_eq!(nodes(&Space::quiet().annotation("logtap.io/source", "node"), pods().collect()), 6);
    // Here the pods have to meet the level themselves.
    for enforced in ["baseline", "privileged"] {
        assert_eq!(nodes(&level(enforced), pods().take(5).collect()) > 0, enforced == "privileged");
    }
    let address = Space::of("address").label("pod-security.kubernetes.io/enforce", "privileged");
    let found = Table::default().with(&address, annotated("source", "node")).compare();
    assert!(found[0].after["spec"]["volumes"].to_string().contains("/data/pods"));
}
