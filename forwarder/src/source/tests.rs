//! A follower against an API server that cuts its streams: no line twice, none missing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use tokio::task::LocalSet;

use super::*;
use crate::identity::Identity;

/// One answer to a request for a log.
struct Answer {
    status: u16,
    body: &'static str,
    /// Whether the connection ends in the middle of it.
    cut: bool,
}

fn whole(body: &'static str) -> Answer {
    Answer { status: 200, body, cut: false }
}

/// Serves the answers in turn; the pod is over once they are used up but for one. Says which logs
/// were asked for.
fn api_server(answers: Vec<Answer>) -> (tempfile::TempDir, u16, JoinHandle<Vec<String>>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("ca.crt", certificate.pem()), ("token", "secret\n".to_owned())] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let (mut answers, mut asked) = (answers.into_iter(), Vec::new());
        while !answers.as_slice().is_empty() {
            let socket = listener.accept().unwrap().0;
            let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket));
            let head: Vec<String> =
                stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            assert!(head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer secret")), "{head:?}");
            let query = head[0].split_once("/log?").map(|(_, query)| query.to_owned());
            let answer = match &query {
                None => {
                    let ended = json!({ "terminated": { "exitCode": 0 } });
                    let state = if answers.as_slice().len() > 1 { json!({ "running": {} }) } else { ended };
                    let pod = json!({
                        "spec": { "restartPolicy": "Never", "containers": [{ "name": "app" }] },
                        "status": { "containerStatuses": [{ "name": "app", "state": state }] },
                    });
                    Answer { status: 200, body: pod.to_string().leak(), cut: false }
                }
                Some(query) => {
                    asked.push(query.trim_end_matches(" HTTP/1.1").to_owned());
                    answers.next().unwrap()
                }
            };
            let Answer { status, body, cut } = answer;
            let end = if cut { "" } else { "0\r\n\r\n" };
            let head = format!("HTTP/1.1 {status} Told\r\ntransfer-encoding: chunked\r\n\r\n");
            let text = format!("{head}{:x}\r\n{body}\r\n{end}", body.len());
            stream.get_mut().write_all(text.as_bytes()).unwrap();
            stream.get_mut().flush().unwrap();
        }
        asked
    };
    (dir, port, Builder::new().name("api server".to_owned()).spawn(serve).unwrap())
}

/// What a follower hands on, and what it asked for.
fn follow(answers: Vec<Answer>) -> (Vec<String>, Vec<String>) {
    let (dir, port, served) = api_server(answers);
    let identity = Identity::at(dir.path().to_owned());
    let (namespace, pod) = ("shop".to_owned(), "api-0".to_owned());
    let api = Rc::new(Api { host: "127.0.0.1".to_owned(), port, identity, namespace, pod });
    let (out, mut pieces) = mpsc::channel(64);
    let (_stop, stop) = watch::channel(false);
    let container = Pod::new(json!({ "spec": { "containers": [{ "name": "app" }] } })).containers().remove(0);
    let follower = Follower { api, container, out, stop, report: Rc::new(Report::default()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, follower.run());
    let mut texts = Vec::new();
    while let Ok(piece) = pieces.try_recv() {
        texts.extend(piece.records.into_iter().map(|record| record.text));
    }
    (texts, served.join().unwrap())
}

#[test]
fn cut_streams_are_gone_on_with() {
    let (texts, asked) = follow(vec![
        Answer {
            status: 200,
            body: "2026-09-21T14:13:20.1Z one\n2026-09-21T14:13:20.2Z two\n2026-09-21T14:13:20.3Z thr",
            cut: true,
        },
        whole("2026-09-21T14:13:20.1Z one\n2026-09-21T14:13:20.2Z two\n2026-09-21T14:13:20.3Z three\n"),
        whole("2026-09-21T14:13:20.2Z two\n2026-09-21T14:13:20.3Z three\n2026-09-21T14:13:20.3Z unfinished"),
    ]);
    assert_eq!(texts, ["one", "two", "three", "unfinished"]);
    let base = "container=app&follow";
    let expected = [
        format!("{base}=true&timestamps=true"),
        format!("{base}=true&timestamps=true&sinceTime=2026-09-21T14:13:20Z"),
        format!("{base}=false&timestamps=true&sinceTime=2026-09-21T14:13:20Z"),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn refusals_and_late_starts_are_waited_out() {
    let refused = |status, body| Answer { status, body, cut: false };
    let (texts, _) = follow(vec![
        refused(403, r#"{"kind":"Status","message":"pods \"api-0\" is forbidden"}"#),
        refused(400, r#"{"kind":"Status","message":"container \"app\" is waiting to start: PodInitializing"}"#),
        whole("2026-09-21T14:13:20Z one\n"),
        whole("2026-09-21T14:13:20Z one\n"),
    ]);
    assert_eq!(texts, ["one"]);
}

/// A node that has no inotify instance left says so as text in the log, and ends the stream.
#[test]
fn case_120_a_node_without_inotify_is_read_again_and_again() {
    let complaint = "failed to create fsnotify watcher: too many open files";
    let (texts, asked) = follow(vec![
        whole("2026-09-21T14:13:20.1Z one\nfailed to create fsnotify watcher: too many open files"),
        whole("2026-09-21T14:13:20.1Z one\n2026-09-21T14:13:20.2Z two\n"),
        whole("2026-09-21T14:13:20.1Z one\n2026-09-21T14:13:20.2Z two\n2026-09-21T14:13:20.3Z three\n"),
    ]);
    assert_eq!(texts, ["one", "two", "three"], "{complaint:?} is no line of the app");
    assert_eq!(asked.len(), 3);
}
