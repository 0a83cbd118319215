//! Followers against an API server that cuts its streams, rotates and restarts: no line twice, none
//! missing without a mark, no mark without a loss.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tokio::task::LocalSet;

use super::*;
use crate::figures::Figures;
use crate::identity::Identity;
use crate::journal::Journal;
use crate::seen::Kept;

/// One answer to a request for a log.
#[derive(Clone)]
struct Answer {
    status: u16,
    body: String,
    /// Whether the connection ends in the middle of it.
    cut: bool,
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.to_owned(), cut: false }
}

/// Lines at these tenths of a second.
fn log(tenths: &[u32]) -> String {
    tenths.iter().map(|at| format!("2026-09-21T14:13:{:02}.{}Z line {at}\n", at / 10, at % 10)).collect()
}

fn cut(body: &str) -> Answer {
    Answer { cut: true, ..answer(200, body) }
}

/// Requests come in turn: each is answered by what stands next for its kind. A log request that finds
/// nothing more, and `previous` where nothing stands, are answered with 400.
struct Script {
    logs: Vec<Answer>,
    previous: Vec<Answer>,
    /// What the pod shows, one after the other; the last one stays.
    shown: Vec<Shown>,
}

/// A restart count and a state.
#[derive(Clone, Copy)]
enum Shown {
    /// It runs. Once the logs are used up but for one, it is over.
    Runs(u64),
    /// It failed and is started again.
    Failed(u64),
    /// It failed, and waits to be started again.
    Waits(u64),
}

impl Script {
    fn pod(&mut self) -> Answer {
        let shown = if self.shown.len() > 1 { self.shown.remove(0) } else { self.shown[0] };
        let ended = |code: i32| json!({ "terminated": { "exitCode": code } });
        let (restarts, state, last): (u64, Value, Value) = match shown {
            Shown::Runs(restarts) if self.logs.len() > 1 => (restarts, json!({ "running": {} }), json!({})),
            Shown::Runs(restarts) => (restarts, ended(0), json!({})),
            Shown::Failed(restarts) => (restarts, ended(1), json!({})),
            Shown::Waits(restarts) => (restarts, json!({ "waiting": {} }), ended(1)),
        };
        let status = json!({ "name": "app", "restartCount": restarts, "state": state, "lastState": last });
        let pod = json!({
            "spec": { "restartPolicy": "OnFailure", "containers": [{ "name": "app" }] },
            "status": { "containerStatuses": [status] },
        });
        answer(200, &pod.to_string())
    }

    fn log(&mut self, query: &str) -> Answer {
        let all = if query.contains("previous=true") { &mut self.previous } else { &mut self.logs };
        if all.is_empty() { answer(400, r#"{"kind":"Status","message":"there is none"}"#) } else { all.remove(0) }
    }
}

/// Serves until told to stop; which logs were asked for.
fn api_server(mut script: Script) -> (tempfile::TempDir, u16, impl FnOnce() -> Vec<String>) {
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
    let over = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&over);
    let serve = move || {
        let mut asked = Vec::new();
        while let Ok((socket, _)) = listener.accept()
            && !flag.load(Ordering::Relaxed)
        {
            let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket));
            let head: Vec<String> =
                stream.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            assert!(head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer secret")), "{head:?}");
            let query = head[0].split_once("/log?").map(|(_, query)| query.trim_end_matches(" HTTP/1.1").to_owned());
            let answer = match &query {
                Some(query) => script.log(query),
                None => script.pod(),
            };
            asked.extend(query);
            let Answer { status, body, cut } = answer;
            let end = if cut { "" } else { "0\r\n\r\n" };
            let head = format!("HTTP/1.1 {status} Told\r\ntransfer-encoding: chunked\r\n\r\n");
            let chunk = if body.is_empty() { String::new() } else { format!("{:x}\r\n{body}\r\n", body.len()) };
            stream.get_mut().write_all(format!("{head}{chunk}{end}").as_bytes()).unwrap_or_default();
            stream.get_mut().flush().unwrap_or_default();
        }
        asked
    };
    let thread: JoinHandle<Vec<String>> = Builder::new().name("api server".to_owned()).spawn(serve).unwrap();
    let stop = move || {
        over.store(true, Ordering::Relaxed);
        drop(std::net::TcpStream::connect(("127.0.0.1", port)));
        thread.join().unwrap()
    };
    (dir, port, stop)
}

/// What a follower hands over, marks as such, and which logs it asked for.
fn follow_in(state: &std::path::Path, script: Script) -> (Vec<String>, Vec<String>) {
    let (dir, port, stop) = api_server(script);
    let identity = Identity::at(dir.path().to_owned());
    let (namespace, pod, figures) = ("shop".to_owned(), "api-0".to_owned(), Rc::new(Figures::default()));
    let api = Api { host: "127.0.0.1".to_owned(), port, identity, namespace, pod, figures: Rc::clone(&figures) };
    let (_stop, stopped) = watch::channel(false);
    let report = Rc::new(Report::default());
    let journal = Journal::open(state, "boot".to_owned(), 1 << 20, Rc::clone(&report));
    let intake = Rc::new(Intake::new(journal, Vec::new(), figures));
    let sources = Sources {
        pods: Rc::new(Pods::new(Rc::new(api))),
        selection: Selection::default(),
        stopped,
        intake: Rc::clone(&intake),
        report,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stop_sources = watch::channel(false).0;
    LocalSet::new().block_on(&runtime, async {
        sources.read(Some(&stop_sources)).await;
        intake.close();
        let mut kept = Kept::default();
        while let Some(ready) = intake.next().await {
            kept.take(&ready.body);
            intake.acknowledge(&ready);
        }
        let told = |one: &crate::seen::Seen| one.mark.clone().unwrap_or_else(|| one.text.clone());
        (kept.all.iter().map(told).collect(), stop())
    })
}

fn follow(logs: Vec<Answer>, previous: Vec<Answer>, restarts: &[u64]) -> (Vec<String>, Vec<String>) {
    let state = tempfile::tempdir().unwrap();
    let shown = restarts.iter().copied().map(Shown::Runs).collect();
    follow_in(state.path(), Script { logs, previous, shown })
}

fn lines(tenths: &[u32]) -> Vec<String> {
    let lines = tenths.iter().map(|at| format!("line {at}"));
    lines.chain(["end".to_owned()]).collect()
}

#[test]
fn cut_streams_are_gone_on_with() {
    let half = format!("{}2026-09-21T14:13:20.3Z li", log(&[201, 202]));
    let unfinished = format!("{}2026-09-21T14:13:20.3Z unfinished", log(&[202, 203]));
    let (told, asked) =
        follow(vec![cut(&half), answer(200, &log(&[201, 202, 203])), answer(200, &unfinished)], vec![], &[0]);
    assert_eq!(told, ["line 201", "line 202", "line 203", "unfinished", "end"]);
    let base = "container=app&follow";
    assert_eq!(asked[0], format!("{base}=true&timestamps=true"));
    assert_eq!(asked[1], format!("{base}=true&timestamps=true&sinceTime=2026-09-21T14:13:20Z"));
    assert!(asked.last().unwrap().starts_with(base), "{asked:?}");
}

#[test]
fn refusals_and_late_starts_are_waited_out() {
    let (told, _) = follow(
        vec![
            answer(403, r#"{"kind":"Status","message":"pods \"api-0\" is forbidden"}"#),
            answer(400, r#"{"kind":"Status","message":"container \"app\" is waiting to start: PodInitializing"}"#),
            answer(200, &log(&[200])),
            answer(200, &log(&[200])),
        ],
        vec![],
        &[0],
    );
    assert_eq!(told, lines(&[200]));
}

#[test]
fn rotated_lines_are_a_gap_and_an_empty_answer_is_none() {
    let (told, _) = follow(
        vec![cut(&log(&[10, 11])), answer(200, ""), answer(200, &log(&[25, 26])), answer(200, &log(&[25, 26]))],
        vec![],
        &[0],
    );
    let gap = "gap None rotated 1789999981100000000 1789999982500000000";
    assert_eq!(told, ["line 10", "line 11", gap, "line 25", "line 26", "end"]);
}

#[test]
fn a_file_that_the_kubelet_opens_again_brings_nothing_twice() {
    let again = [10, 11, 12, 11, 12, 13, 11, 12, 13, 14];
    let (told, _) =
        follow(vec![answer(200, &log(&again)), answer(200, &log(&again)), answer(200, &log(&[14]))], vec![], &[0]);
    assert_eq!(told, lines(&[10, 11, 12, 13, 14]));
}

#[test]
fn case_086_the_life_before_is_read_to_its_end() {
    // The stream is cut, and before the next one the container is restarted.
    let (told, _) = follow(
        vec![cut(&log(&[10, 11])), answer(200, &log(&[30, 31])), answer(200, &log(&[30, 31]))],
        vec![answer(200, &log(&[10, 11, 12, 13]))],
        &[0, 0, 0, 1],
    );
    assert_eq!(told, lines(&[10, 11, 12, 13, 30, 31]));
}

#[test]
fn lives_that_nobody_can_read_any_more_are_a_gap() {
    let (told, _) = follow(
        vec![cut(&log(&[10])), answer(200, &log(&[50])), answer(200, &log(&[50]))],
        vec![answer(200, &log(&[40]))],
        &[0, 0, 0, 4],
    );
    assert_eq!(
        told,
        ["line 10", "gap None restarts 1789999981000000000 1789999984000000000", "line 40", "line 50", "end"]
    );
}

/// A life that failed is read to its end; then the pod shows that a later one failed as well and the next
/// one is waited for.
fn follow_to_a_wait(restarts: u64) -> Vec<String> {
    let none = answer(400, r#"{"kind":"Status","message":"there is none"}"#);
    let (first, last) = (answer(200, &log(&[10, 11])), answer(200, &log(&[50])));
    let (begins, fails) = (Shown::Runs(0), Shown::Failed(0));
    let waits = Shown::Waits(restarts);
    let shown = vec![begins, begins, fails, fails, fails, waits, waits, Shown::Runs(restarts)];
    let logs = vec![first.clone(), first, last.clone(), last.clone()];
    let state = tempfile::tempdir().unwrap();
    follow_in(state.path(), Script { logs, previous: vec![none, last], shown }).0
}

#[test]
fn while_a_container_waits_the_log_before_is_that_of_its_last_life() {
    assert_eq!(follow_to_a_wait(1), lines(&[10, 11, 50]), "nothing is missing");
    let gap = "gap None restarts 1789999981100000000 1789999985000000000";
    assert_eq!(follow_to_a_wait(2), ["line 10", "line 11", gap, "line 50", "end"], "one life was never seen");
}

#[test]
fn a_killed_follower_goes_on_where_the_journal_was() {
    let state = tempfile::tempdir().unwrap();
    let script = |logs: Vec<Answer>| Script { logs, previous: vec![], shown: vec![Shown::Runs(0)] };
    let first = follow_in(state.path(), script(vec![answer(200, &log(&[10, 11])), answer(200, &log(&[10, 11]))]));
    assert_eq!(first.0, lines(&[10, 11]));
    let second = follow_in(state.path(), script(vec![answer(200, &log(&[10, 11, 12])), answer(200, &log(&[12]))]));
    assert_eq!(second.0, lines(&[12]));
    let third = follow_in(state.path(), script(vec![answer(200, &log(&[12])), answer(200, &log(&[12]))]));
    assert_eq!(third.0, [""; 0], "its end was said");
}

/// A node that has no inotify instance left says so as text in the log, and ends the stream.
#[test]
fn case_120_a_node_without_inotify_is_asked_again_and_again_instead() {
    let complaint = format!("{}failed to create fsnotify watcher: too many open files", log(&[201]));
    let (told, asked) = follow(
        vec![answer(200, &complaint), answer(200, &log(&[201, 202])), answer(200, &log(&[201, 202, 203]))],
        vec![],
        &[0],
    );
    assert_eq!(told, lines(&[201, 202, 203]));
    assert!(asked[0].contains("follow=true") && asked[1..].iter().all(|one| one.contains("follow=false")), "{asked:?}");
}
