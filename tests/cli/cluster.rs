//! Commands for a cluster where there is none, or none that answers: one clear line, the right code.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::world::{Outcome, logtap, run};

/// A kubeconfig for a server.
fn config(server: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: '{server}'}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    );
    std::fs::write(file.path(), text).unwrap();
    file
}

fn with(config: &tempfile::NamedTempFile, args: &[&str]) -> Outcome {
    let mut command = logtap();
    command.args(args).args(["--kubeconfig", config.path().to_str().unwrap()]);
    command.output().unwrap().into()
}

const ALL: [&[&str]; 9] = [
    &["install"],
    &["uninstall"],
    &["tap", "--deployment", "api"],
    &["untap", "--deployment", "api"],
    &["check"],
    &["status"],
    &["deploy"],
    &["deploy", "--remove"],
    &["download", "k8s://shop/recv", "/nowhere"],
];

#[test]
fn without_a_kubeconfig_the_way_out_is_told() {
    for args in ALL {
        let outcome = run(&[args, &["--kubeconfig", "/nowhere/config"]].concat());
        assert_eq!(outcome.code, 3, "{args:?}: {}", outcome.err);
        assert!(outcome.err.contains("no cluster is known") && outcome.err.contains("--kubeconfig"), "{}", outcome.err);
    }
}

#[test]
fn a_server_that_is_away_is_a_network_error() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = config(&format!("http://{free}"));
    for args in ALL {
        let outcome = with(&config, args);
        assert_eq!(outcome.code, 5, "{args:?}: {}", outcome.err);
        assert!(outcome.err.contains("cannot be reached"), "{args:?}: {}", outcome.err);
    }
    let outcome = with(&config, &["status", "--json"]);
    let error: serde_json::Value = serde_json::from_str(outcome.err.trim()).unwrap();
    assert_eq!((&error["exit_code"], &error["recoverable"]), (&5.into(), &true.into()));
}

#[test]
fn a_server_that_talks_nonsense_does_no_harm() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = config(&format!("http://{}", listener.local_addr().unwrap()));
    let server = std::thread::Builder::new().name("nonsense".to_owned()).spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            if String::from_utf8_lossy(&head[..read]).contains("/the-end") {
                break;
            }
            let body = "<html>gateway</html>";
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).unwrap_or_default();
        }
    });
    let server = server.unwrap();
    for args in [&["tap", "--deployment", "api"][..], &["status"], &["untap", "-n", "shop", "--all", "--force"]] {
        let outcome = with(&config, args);
        assert_eq!(outcome.code, 5, "{args:?}: {}", outcome.err);
        assert!(outcome.err.contains("speaks no JSON"), "{args:?}: {}", outcome.err);
    }
    let outcome = with(&config, &["tap", "-n", "the-end", "--deployment", "the-end"]);
    assert_ne!(outcome.code, 0, "{}", outcome.out);
    server.join().unwrap();
}

#[test]
fn what_is_not_named_is_not_tapped() {
    let config = config("http://127.0.0.1:1");
    for command in ["tap", "untap"] {
        let mut bare = logtap();
        bare.args([command, "--kubeconfig", config.path().to_str().unwrap()]).env("LOGTAP_TAP_NAMESPACE", "shop");
        let outcome: Outcome = bare.output().unwrap().into();
        assert_eq!(outcome.code, 2, "{}", outcome.err);
        assert!(outcome.err.contains("name a workload"), "{}", outcome.err);
        assert_eq!(with(&config, &[command, "--all"]).code, 2, "--all needs --force");
        assert_eq!(with(&config, &[command, "service/api"]).code, 2);
        assert_eq!(with(&config, &[command, "--all", "-l", "a=b"]).code, 2);
    }
    for wrong in
        [["--target", "ftp://x"], ["--sidecar-cpu", "much"], ["--timeout", "soon"], ["--target-ca", "/nowhere"]]
    {
        let outcome = with(&config, &[&["tap", "--deployment", "api"][..], &wrong].concat());
        assert!([2, 3, 5].contains(&outcome.code), "{wrong:?}: {}", outcome.err);
    }
    assert_eq!(run(&["install", "--dry-run", "--target", "ftp://x"]).code, 2);
    assert_eq!(run(&["install", "--dry-run", "--replicas", "0"]).code, 2);
}

#[test]
fn a_dry_run_of_install_needs_no_cluster() {
    for mode in ["webhook", "policy"] {
        let outcome = run(&["install", "--dry-run", "--mode", mode, "-n", "tools", "--kubeconfig", "/nowhere"]);
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
        assert!(outcome.out.starts_with("---\napiVersion: "), "{}", outcome.out);
        assert!(!outcome.out.contains("namespace: logtap\n"), "{mode}");
    }
}

#[test]
fn a_receiver_in_the_cluster_is_asked_for_in_its_own_words() {
    let config = config("http://127.0.0.1:1");
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("capture");
    let capture = capture.to_str().unwrap();
    for (args, code) in [
        (vec!["download", "k8s://shop"], 2),
        (vec!["download", "s3://bucket/key"], 2),
        (vec!["recv", "--in-cluster", "--dir", capture, "--tls-cert", "a", "--tls-key", "b"], 2),
        (vec!["recv", "--in-cluster", "--dir", capture, "--redact=nonsense"], 2),
        (vec!["recv", "--in-cluster", "--dir", capture, "--ttl", "soon"], 2),
        (vec!["recv", "--in-cluster", "--dir", capture], 5),
        (vec!["recv", "--dir", capture, "--stream-listen", ":3101"], 2),
        (vec!["deploy", "--force"], 2),
    ] {
        let in_cluster = args.contains(&"--stream-listen");
        let outcome = if in_cluster { run(&args) } else { with(&config, &args) };
        assert_eq!(outcome.code, code, "{args:?}: {}", outcome.err);
    }
    let outcome =
        with(&config, &["deploy", "--dry-run", "-n", "shop", "--image", "ghcr.io/ppiankov/logtap-forwarder:1.2"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(outcome.err.contains("is the image of forwarders") && outcome.err.lines().count() == 1, "{}", outcome.err);
    assert!(outcome.out.contains("ghcr.io/ppiankov/logtap:"), "{}", outcome.out);
}
