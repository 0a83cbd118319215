//! Batches against a target that answers what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::figures::Figures;
use crate::identity::Identity;
use crate::intake::{Piece, Record};
use crate::journal::Journal;
use crate::seen::Kept;

fn body(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        assert!(!line.starts_with("authorization"), "a token was shown over plain HTTP");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(body)
}

/// Answers the requests one after the other, 0 by closing the connection.
fn target(answers: Vec<u16>) -> (String, JoinHandle<Kept>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let (mut answers, mut taken) = (answers.into_iter(), Kept::default());
        while !answers.as_slice().is_empty() {
            let mut reader = BufReader::new(listener.accept().unwrap().0);
            while let Some(body) = (!answers.as_slice().is_empty()).then(|| body(&mut reader)).flatten() {
                let status = answers.next().unwrap();
                if status == 0 {
                    break;
                }
                if status == 204 {
                    taken.take(&body);
                }
                let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
        taken
    };
    (url, Builder::new().name("target".to_owned()).spawn(serve).unwrap())
}

/// An intake with four lines of one container.
fn four() -> (tempfile::TempDir, Rc<Intake>) {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), String::new(), 1 << 20, Rc::new(Report::default()));
    let intake = Rc::new(Intake::new(journal, Vec::new(), Rc::new(Figures::default())));
    for (ns, text) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        intake.line("app", Record { ns, text: text.as_bytes(), std: None, piece: Piece::default() });
    }
    intake.commit("app", Vec::new());
    (dir, intake)
}

fn delivery(url: &str, intake: &Rc<Intake>) -> Delivery {
    stoppable(url, intake, watch::channel(false).1)
}

fn stoppable(url: &str, intake: &Rc<Intake>, stopped: watch::Receiver<bool>) -> Delivery {
    let report = Rc::new(Report::default());
    let identity = Identity::at("/nowhere".into());
    let figures = Rc::clone(&intake.figures);
    let pusher = Pusher::new(Target::new(url, None).unwrap(), identity, stopped, Rc::clone(&report), figures);
    Delivery::new(pusher, Rc::clone(intake), report)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work)
}

/// Delivers four lines to a target that gives these answers: what it keeps, and how many lines were
/// sent and refused.
fn deliver(answers: &[u16]) -> (Vec<String>, (u64, u64)) {
    let (url, served) = target(answers.to_vec());
    let (_dir, intake) = four();
    intake.close();
    run(delivery(&url, &intake).run());
    assert!(intake.unsent().is_empty());
    let kept = served.join().unwrap();
    let told = |one: &crate::seen::Seen| one.mark.clone().unwrap_or_else(|| one.text.clone());
    (kept.all.iter().map(told).collect(), (intake.figures.sent.get(), intake.figures.refused.get()))
}

#[test]
fn a_failing_target_gets_everything_later() {
    let (kept, figures) = deliver(&[503, 0, 429, 204]);
    assert_eq!(kept, ["a", "b", "c", "d"]);
    assert_eq!(figures, (4, 0));
}

#[test]
fn too_large_requests_go_in_halves_and_in_order() {
    let (kept, figures) = deliver(&[413, 413, 204, 204, 204]);
    assert_eq!(kept, ["a", "b", "c", "d"]);
    assert_eq!(figures, (4, 0));
}

#[test]
fn a_target_that_finds_a_small_line_too_large_is_told_what_it_will_not_get() {
    let (kept, figures) = deliver(&[413, 204, 413, 413, 204]);
    assert_eq!(kept, ["a", "b", "gap Some(2) refused 3 4"]);
    assert_eq!(figures, (2, 2));
}

#[test]
fn what_can_never_be_taken_is_marked_and_does_not_stand_in_the_way() {
    assert_eq!(deliver(&[400, 204]), (vec!["gap Some(4) refused 1 4".to_owned()], (0, 4)));
    assert_eq!(deliver(&[422, 400]), (vec![], (0, 4)));
}

#[test]
fn what_there_is_no_time_for_is_declared() {
    for (complete, mark) in [(true, "gap Some(4) unsent 1 4"), (false, "gap None unsent 1 4")] {
        let (url, served) = target(vec![204]);
        let (_dir, intake) = four();
        intake.close();
        run(delivery(&url, &intake).declare(complete));
        let kept = served.join().unwrap();
        assert_eq!(kept.all[0].mark.as_deref(), Some(mark));
        assert_eq!((kept.all[0].number, kept.all[0].numbers), (1, 4));
        assert!(intake.unsent().is_empty(), "nobody sends it again");
    }
}

/// A network that was cut leaves connections behind that nobody answers on.
#[test]
fn a_dead_connection_is_given_up_when_the_process_has_to_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let mut taken = Kept::default();
        let mut connections = Vec::new();
        for answers in [1, 2] {
            let mut reader = BufReader::new(listener.accept().unwrap().0);
            for _ in 0..answers {
                taken.take(&body(&mut reader).unwrap());
                reader.get_mut().write_all(b"HTTP/1.1 204 Told\r\n\r\n").unwrap();
            }
            connections.push(reader);
        }
        taken
    };
    let served = Builder::new().name("target".to_owned()).spawn(serve).unwrap();
    let (_dir, intake) = four();
    for ns in [5, 6] {
        intake.flush();
        intake.line("app", Record { ns, text: b"late", std: None, piece: Piece::default() });
        intake.commit("app", Vec::new());
    }
    intake.close();
    let (stop, stopped) = watch::channel(false);
    let mut delivery = stoppable(&url, &intake, stopped);
    let done = run(async {
        tokio::join!(timeout(Duration::from_secs(30), delivery.run()), async {
            // The app is over, and a little later the kubelet says so as well.
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                stop.send_replace(true);
            }
        })
    });
    assert!(done.0.is_ok(), "a new connection was answered on");
    assert!(intake.unsent().is_empty());
    assert_eq!(served.join().unwrap().all.len(), 6);
}

/// Targets that answer garbage, without end, or never.
#[test]
fn hostile_answers_are_waited_out_within_bounds() {
    let endless = |mut stream: TcpStream| {
        let head = b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut more = stream.write_all(head);
        while more.is_ok() {
            more = stream.write_all(b"1000\r\n").and_then(|()| stream.write_all(&[b'x'; 4098]));
        }
    };
    let garbage = |mut stream: TcpStream| stream.write_all(&[0xff; 1 << 20]).unwrap_or_default();
    let silent = |mut stream: TcpStream| drop(std::io::copy(&mut stream, &mut std::io::sink()));
    type Behaviour = (&'static str, fn(TcpStream));
    let all: [Behaviour; 3] = [("endless", endless), ("garbage", garbage), ("silent", silent)];
    for (name, behave) in all {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = move || listener.incoming().flatten().for_each(behave);
        drop(Builder::new().name(name.to_owned()).spawn(serve).unwrap());
        let (_dir, intake) = four();
        intake.close();
        let mut delivery = delivery(&url, &intake);
        let waited = run(async { timeout(Duration::from_secs(2), delivery.run()).await });
        assert!(waited.is_err(), "{name}: nothing was settled");
        assert_eq!(intake.unsent()[0].records, 4, "{name}");
    }
}
