//! Where lines go: which texts are a receiver's URL, and what takes their place.

use logtap_inject::{Config, DefaultTarget, Target, TargetError};
use serde_json::Value;

use crate::stage::{TARGET, annotated, config, create, create_in, namespace, pod, quiet, review, run};

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

#[test]
fn case_072_invalid_targets() {
    for bad in [
        "ftp://x",
        "receiver:3100",
        "",
        "javascript:alert(1)",
        "http://",
        "https://:3100",
        "http://a b",
        "file:///etc/passwd",
    ] {
        let outcome = create(&annotated("target", bad)).injected();
        assert_eq!(outcome.env("LOGTAP_TARGET"), Some(TARGET));
        assert!(outcome.warned(&["logtap.io/target", &format!("\"{bad}\"")]), "{:?}", outcome.warnings);
        // Without a default there is nowhere to go.
        let nowhere = Config { target: None, ..config() };
        run(&review(&annotated("target", bad)), Some(quiet()), &nowhere).skipped("no_target");
    }
}

#[test]
fn no_target_at_all() {
    let nowhere = Config { target: None, ..config() };
    let outcome = run(&review(&pod()), Some(quiet()), &nowhere);
    outcome.skipped("no_target");
    assert!(outcome.warned(&["logtap.io/target"]));
    run(&review(&annotated("target", "http://r:1")), Some(quiet()), &nowhere).injected();
}

#[test]
fn pod_before_namespace_before_default() {
    let settings = || namespace(&[], &[("logtap.io/target", "http://ns:1")]);
    assert_eq!(create_in(&pod(), settings()).injected().env("LOGTAP_TARGET"), Some("http://ns:1"));
    let own = annotated("target", " https://pod:2/base?x=1 ");
    assert_eq!(create_in(&own, settings()).injected().env("LOGTAP_TARGET"), Some("https://pod:2/base?x=1"));
    let outcome = create_in(&annotated("target", "pod:2"), settings()).injected();
    assert_eq!(outcome.env("LOGTAP_TARGET"), Some("http://ns:1"));
}

#[test]
fn credentials_are_refused_and_not_repeated() {
    let outcome = create(&annotated("target", "https://user:hunter2@receiver:3100")).injected();
    assert_eq!(outcome.env("LOGTAP_TARGET"), Some(TARGET));
    assert!(outcome.warned(&["logtap.io/target", "credentials"]));
    assert!(!outcome.response.to_string().contains("hunter2"));
}

#[test]
fn urls() {
    let good = [
        "http://a",
        "https://a.b.svc.cluster.local:3100",
        "HTTP://A:1",
        "http://10.0.0.1:65535/x/y",
        "https://[fd00::1]:3100/?q=1",
        "http://[::1]",
        "http://a_b-c.example./",
        "http://host/%7Euser;p=1?a=b&c=$d",
    ];
    for url in good {
        assert_eq!(Target::parse(url).unwrap().as_str(), url);
    }
    let long = format!("http://a/{}", "x".repeat(2048));
    let bad = [
        ("htp://a", TargetError::Scheme),
        ("//a", TargetError::Scheme),
        ("http:/a", TargetError::Scheme),
        ("https", TargetError::Scheme),
        ("http://", TargetError::Host),
        ("http://-a", TargetError::Host),
        ("http://a..b", TargetError::Host),
        ("http://1.2.3", TargetError::Host),
        ("http://256.1.1.1", TargetError::Host),
        ("http://[::g]", TargetError::Host),
        ("http://[::1", TargetError::Host),
        ("http://[::1]x", TargetError::Host),
        ("http://[fe80::1%25eth0]", TargetError::Host),
        ("http://fd00::1", TargetError::Port),
        ("http://a:0", TargetError::Port),
        ("http://a:65536", TargetError::Port),
        ("http://a:", TargetError::Port),
        ("http://a:+1", TargetError::Port),
        ("http://a:b", TargetError::Port),
        ("http://u@a", TargetError::Credentials),
        ("http://u:p@a", TargetError::Credentials),
        ("http://a/ b", TargetError::Characters),
        ("http://a/\u{7}", TargetError::Characters),
        ("http://a/#f", TargetError::Characters),
        ("http://ä", TargetError::Characters),
        ("http://a/\"", TargetError::Characters),
        (&long, TargetError::Length),
    ];
    for (url, error) in bad {
        assert_eq!(Target::parse(url), Err(error), "{url}");
    }
}

#[test]
fn dollars_are_not_expanded_by_the_kubelet() {
    let outcome = create(&annotated("target", "http://a/$(POD_NAME)")).injected();
    // Parentheses are legal in a URL; doubled dollars keep the kubelet from reading them.
    assert_eq!(outcome.env("LOGTAP_TARGET"), Some("http://a/$$(POD_NAME)"));
}

#[test]
fn certificates_of_the_target() {
    let default = |ca: Option<&str>| Config {
        target: Some(DefaultTarget {
            url: Target::parse(TARGET).unwrap(),
            by_address: None,
            ca: ca.map(str::to_owned),
        }),
        ..config()
    };
    let ca = |pod: &Value, config: &Config| {
        let outcome = run(&review(pod), Some(quiet()), config).injected();
        (outcome.env("LOGTAP_TARGET_CA").map(str::to_owned), outcome)
    };
    assert_eq!(ca(&annotated("target-ca", PEM), &config()).0.as_deref(), Some(PEM));
    assert_eq!(ca(&pod(), &default(Some(PEM))).0.as_deref(), Some(PEM));
    assert_eq!(ca(&pod(), &default(None)).0, None);
    // The installation's certificates vouch for its own receiver, not for another.
    assert_eq!(ca(&annotated("target", "https://other:1"), &default(Some(PEM))).0, None);
    let key = format!("{PEM}-----BEGIN PRIVATE KEY-----\nSECRETKEY\n-----END PRIVATE KEY-----\n");
    let long = format!("{PEM}{}", "x".repeat(70_000));
    for bad in ["", "MIIB", "-----BEGIN CERTIFICATE-----\nMIIB", &key, &long] {
        let (value, outcome) = ca(&annotated("target-ca", bad), &config());
        assert_eq!(value, None);
        assert!(outcome.warned(&["logtap.io/target-ca"]));
        assert!(!outcome.response.to_string().contains("SECRETKEY"));
    }
}
