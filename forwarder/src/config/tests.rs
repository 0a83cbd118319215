//! The environment as the webhook writes it, and names that must be the same on both sides.

use logtap_inject::vocabulary::{env as theirs, sidecar};

use super::*;

fn identity() -> (tempfile::TempDir, Identity) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("namespace"), "shop").unwrap();
    let identity = Identity::at(dir.path().to_owned());
    (dir, identity)
}

fn read(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let base = [
        ("POD_NAME", "api-0"),
        ("LOGTAP_TARGET", "http://recv:3100"),
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ("KUBERNETES_SERVICE_PORT", "443"),
    ];
    let (_dir, identity) = identity();
    let find = |name: &str| set.iter().chain(&base).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::with_identity(find, identity)
}

#[test]
fn names_are_those_of_the_webhook() {
    assert_eq!(env::POD_NAME, theirs::POD_NAME);
    assert_eq!(env::NODE_NAME, theirs::NODE_NAME);
    assert_eq!(env::MODE, theirs::MODE);
    assert_eq!(env::SOURCE, theirs::SOURCE);
    assert_eq!(env::TARGET, theirs::TARGET);
    assert_eq!(env::TARGET_CA, theirs::TARGET_CA);
    assert_eq!(env::SESSION, theirs::SESSION);
    assert_eq!(env::SPOOL, theirs::SPOOL);
    assert_eq!(env::APP, theirs::APP);
    assert_eq!(env::CONTAINERS, theirs::CONTAINERS);
    assert_eq!(env::EXCLUDE_CONTAINERS, theirs::EXCLUDE_CONTAINERS);
    assert_eq!(IDENTITY_MOUNT, sidecar::IDENTITY_MOUNT);
    assert_eq!(STATE_MOUNT, sidecar::STATE_MOUNT);
    assert_eq!(NODE_LOGS_MOUNT, sidecar::NODE_LOGS_MOUNT);
    assert_eq!(OWN_CONTAINER, sidecar::CONTAINER);
    assert_eq!(logtap_inject::Mode::Container.name(), "container");
    assert_eq!(logtap_inject::Source::Node.name(), "node");
}

#[test]
fn labels_hold_what_is_known() {
    let config = read(&[("LOGTAP_APP", "api"), ("NODE_NAME", "n1"), ("LOGTAP_SESSION", "")]).unwrap();
    let expected = [("namespace", "shop"), ("pod", "api-0"), ("app", "api"), ("node", "n1")];
    assert_eq!(config.labels, expected.map(|(name, value)| (name, value.to_owned())));
    assert!(!config.ends_by_itself);
    assert!(read(&[("LOGTAP_MODE", "container")]).unwrap().ends_by_itself);
    assert_eq!(config.spool, SPOOL);
    assert_eq!(read(&[("LOGTAP_SPOOL_BYTES", "1048576")]).unwrap().spool, 1 << 20);
    assert!(read(&[("LOGTAP_SPOOL_BYTES", "64Mi")]).unwrap_err().to_string().contains("64Mi"));
}

#[test]
fn what_is_missing_is_named() {
    assert!(read(&[("LOGTAP_TARGET", "")]).unwrap_err().to_string().contains("LOGTAP_TARGET"));
    assert!(read(&[("POD_NAME", "")]).unwrap_err().to_string().contains("POD_NAME"));
    assert!(read(&[("KUBERNETES_SERVICE_PORT", "https")]).unwrap_err().to_string().contains("https"));
    assert!(read(&[("LOGTAP_TARGET", "ftp://x")]).unwrap_err().to_string().contains("ftp://x"));
}

#[test]
fn selection_never_takes_our_own_container() {
    assert!(!Selection::default().takes(OWN_CONTAINER));
    let config = read(&[("LOGTAP_CONTAINERS", "a, b,logtap-forwarder"), ("LOGTAP_EXCLUDE_CONTAINERS", "b")]).unwrap();
    let taken = ["a", "b", "c", OWN_CONTAINER].map(|name| config.selection.takes(name));
    assert_eq!(taken, [true, false, false, false]);
}

#[test]
fn case_118_an_api_server_on_ipv6_is_read_with_brackets_and_without() {
    for written in ["fd00:10:96::1", "[fd00:10:96::1]"] {
        let (host, port) = read(&[("KUBERNETES_SERVICE_HOST", written)]).unwrap().api;
        let server = crate::http::Server { host, port, tls: None };
        assert_eq!((server.host.as_str(), server.authority().as_str()), ("fd00:10:96::1", "[fd00:10:96::1]:443"));
    }
}
